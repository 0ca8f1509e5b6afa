"""Who is behind an address, and who has signed a request.

A user of this dialect is a user of the server whose name is the address, in lower case. An address becomes known when /info is asked about
it, or when it is sent money: then it has an account, with the faucet's money in it. A signature makes nobody known: a wrong one leads to an
address at random, and that a bot trades for somebody else must be said and not hidden.

Sub-accounts have no keys. Their addresses follow from the master's and their number, so that nothing has to be kept; the names of
sub-accounts, and the wallets ("agents") that may sign for a user, are kept beside the venue's journal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from logging import INFO
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from ...schema.messages import Deposit
from ..errors import Refusal
from ..host import Host
from ..log import note
from ..people import User
from ..store import replace
from .asked import UNREADABLE
from .diagnosis import why
from .errors import Failed, Unreadable
from .nonces import Nonces
from .signing import (
    FIELDS,
    MAINNET,
    NO_VAULT,
    TESTNET,
    Address,
    Bad,
    address_of,
    l1_digest,
    l1_hash,
    recovered,
    signature_of,
    user_digest,
)

FILE: Final = "hyperliquid.json"
NAMED_AGENTS: Final = 3  # of an account, beside one without a name
MORE_AGENTS: Final = 2  # for each sub-account
LONGEST_MS: Final = 180 * 86_400_000  # that an agent may be valid for
VALID: Final = " valid_until "
NAME: Final = 64  # characters, of an agent or a sub-account


class Signed(Struct, frozen=True):
    """Who wants something done."""

    signer: Address  # whose key has signed
    address: Address  # for which it is done: the user whom that signs for, or a sub-account
    account: int  # of that address


class Agent(Struct):
    """A wallet that may sign for a user."""

    user: Address
    name: str  # "": it has none
    until: int  # [ms] 0: for good


class Kept(Struct):
    """What is written down."""

    agents: dict[Address, Agent] = {}
    names: dict[Address, str] = {}  # of sub-accounts


class Identities:
    """`faucet` [micro]: what an address that becomes known is given, 0: none does. `wall`: [ms] of the clients' time. Raises ValueError
    for a file that is damaged."""

    def __init__(self, host: Host, faucet: int, wall: Callable[[], int]) -> None:
        self.host = host
        self.faucet = faucet
        self.wall = wall
        self.file: Path | None = host.store.folder / FILE if host.store is not None else None
        is_resumed = host.store is not None and host.exchange.state.log.seq > 0
        self.nonces = Nonces(wall() if is_resumed else 0)
        self.kept = Kept()
        if self.file is not None and self.file.exists():
            self.kept = msgspec.json.decode(self.file.read_bytes(), type=Kept)
        self._subs: dict[Address, tuple[Address, int]] = {}  # master, and which of its accounts
        self._as_of: tuple[str, int] = ("", -1)  # epoch and accounts

    # -- addresses --

    def known(self, address: Address) -> int | None:
        """The account of an address; None: it has none."""
        user = self.host.people.users.get(address)
        if user is not None and user.accounts:
            return user.accounts[0]
        self._look()
        if address not in self._subs:
            return None
        master, number = self._subs[address]
        return self.host.people.users[master].accounts[number]

    def account(self, address: str) -> int | None:
        """The same; an address that is not known becomes known, where the faucet has money. Raises Failed if there is no room."""
        found = self.known(address)
        if found is not None or not self.faucet:
            return found
        try:
            user = self.host.people.users.get(address)
            if user is None:
                self.host.refuse_too_many_users(address)
                user = self.host.people.user(address)
            return self.host.open_account(user, lambda account: [Deposit(0, account, 0, self.faucet)])
        except Refusal as error:
            raise Failed(f"{address} gets no account: {error}") from error

    def address(self, account: int) -> str:
        """The address of an account; of one that has none, one that its number makes."""
        user = self.host.people.owner_of.get(account)
        if user is None or not is_address(user.name):
            return f"0x{account:040x}"
        number = user.accounts.index(account)
        return sub_address(user.name, number) if number else user.name

    def sub_accounts(self, address: str) -> list[tuple[str, str]]:
        """(name, address) of a user's sub-accounts."""
        user = self.host.people.users.get(address)
        found = [sub_address(address, number) for number in range(1, len(user.accounts))] if user is not None else []
        return [(self.kept.names.get(one, ""), one) for one in found]

    def name_sub_account(self, account: int, name: str) -> None:
        """It has been opened, and is called that."""
        self.kept.names[self.address(account)] = name
        self._save()

    def _look(self) -> None:
        """Sub-accounts that there are by now."""
        as_of = self.host.epoch, self.host.people.met
        if as_of != self._as_of:
            self._as_of = as_of
            users = [user for user in self.host.people.users.values() if len(user.accounts) > 1 and is_address(user.name)]
            self._subs = {sub_address(user.name, number): (user.name, number) for user in users for number in range(1, len(user.accounts))}

    # -- wallets that sign for a user --

    def agents(self, address: str) -> list[tuple[str, str, int]]:
        """(name, address, valid until [ms]) of those that may sign for a user now."""
        now = self.wall()
        mine = [(one.name, agent, one.until) for agent, one in self.kept.agents.items() if one.user == address]
        return [one for one in mine if not one[2] or one[2] > now]

    def approve(self, address: Address, agent: Address, named: str) -> None:
        """Let a wallet sign for a user, instead of the one of the same name. Raises Failed."""
        user = self.host.people.users[address]
        name, valid, end = named.partition(VALID)
        until = int(end) if end.isdigit() and len(end) < 16 else 0
        if valid and not self.wall() < until <= self.wall() + LONGEST_MS:
            raise Failed(f"Invalid agent name: valid_until is {end[:20]!r}; it is a time in ms, in at most 180 days")
        if len(name) > NAME:
            raise Failed(f"Invalid agent name: it has {len(name)} characters, of {NAME} at most")
        if self.known(agent) is not None or self.kept.agents.get(agent, Agent(user.name, "", 0)).user != user.name:
            raise Failed("Extra agent already used.")
        others = {one for one, _, _ in self.agents(user.name)} - {name, ""}
        most = NAMED_AGENTS + MORE_AGENTS * (len(user.accounts) - 1)
        if name and len(others) >= most:
            raise Failed(f"Too many extra agents: there are {len(others)} of {most}.")
        gone = [one for one, known in self.kept.agents.items() if known.user == user.name and (known.name == name or one == agent)]
        for one in [*gone, *self._expired(user.name)]:
            self.kept.agents.pop(one, None)
        self.kept.agents[agent] = Agent(user.name, name, until)
        self._save()

    def _expired(self, user: Address) -> list[Address]:
        now = self.wall()
        return [agent for agent, one in self.kept.agents.items() if one.user == user and one.until and one.until <= now]

    def _save(self) -> None:
        if self.file is not None:
            try:
                replace(self.file, msgspec.json.encode(self.kept))
            except OSError as error:
                self.host.complain(f"{self.file.name} could not be written: {error.strerror or error}")

    def may_sign(self, signer: Address) -> bool:
        """Is it a user, or a wallet of one?"""
        return self._user_of(signer) is not None

    def _user_of(self, signer: Address, for_agents: bool = True) -> User | None:
        user = self.host.people.users.get(signer)
        if user is not None and user.accounts:
            return user
        agent = self.kept.agents.get(signer) if for_agents else None
        if agent is None or (agent.until and agent.until <= self.wall()):
            return None
        user = self.host.people.users.get(agent.user)
        return user if user is not None and user.accounts else None

    # -- requests --

    def who(self, body: dict[str, Any]) -> Signed:
        """Who has signed a request, whose nonce is used up by that. Raises Failed or Unreadable."""
        action, nonce, expires, now = body["action"], body["nonce"], body.get("expiresAfter"), self.wall()
        if nonce < 0 or not (expires is None or (type(expires) is int and expires >= 0)):
            raise Unreadable(UNREADABLE)
        try:
            vault = None if body.get("vaultAddress") is None else address_of(body["vaultAddress"])
            signer = self._signer(body, action, nonce, vault, expires)
        except Bad as error:
            raise Failed(f"Invalid signature: {error}") from error
        is_l1 = action["type"] not in FIELDS
        user = self._user_of(signer, is_l1)
        if user is None:
            raise Failed(f"Must be signed by the user and not by an API wallet: {action['type']} moves money or rights.")
        signed_nonce = action.get("nonce", action.get("time")) if not is_l1 else nonce
        if signed_nonce != nonce:
            raise Failed(f"Invalid nonce: {nonce} was sent, and {signed_nonce} signed")
        self.nonces.use(signer, nonce, now)
        if is_l1 and expires is not None and now > expires:
            raise Failed(f"Action expired: expiresAfter is {expires}, and it is {now} now")
        if vault is None or vault == user.name or not is_l1 or action["type"] in NO_VAULT:
            return Signed(signer, user.name, user.accounts[0])
        account = self.known(vault)
        if account is None or self.host.people.owner_of.get(account) is not user:
            raise Failed(f"Vault not registered: {vault}")
        return Signed(signer, vault, account)

    def _signer(self, body: dict[str, Any], action: dict[str, Any], nonce: int, vault: Address | None, expires: int | None) -> Address:
        """Raises Bad or Failed."""
        if body.get("signature") is None and self.host.trust and "user" in body:
            user = address_of(body["user"])
            if self.account(user) is None:
                raise Failed(f"Must deposit before performing actions. User: {user}")
            return user
        signature = signature_of(body.get("signature"))
        tried: list[Address] = []
        for digest in _digests(action, nonce, vault, expires):
            signer = recovered(digest, signature)
            if self.may_sign(signer):
                return signer
            tried.append(signer)
        text = why(action, nonce, vault, expires, signature, self.may_sign)
        note("unknown_signer", INFO, signer=tried[0], why=text[:200])
        raise Failed(f"L1 error: User or API Wallet {tried[0]} does not exist. {text}")


def _digests(action: dict[str, Any], nonce: int, vault: Address | None, expires: int | None) -> list[bytes]:
    """What may have been signed: local servers are signed for as either network. Raises Bad."""
    if action["type"] in FIELDS:
        return [user_digest(action)]
    vaults = (vault,) if vault is None or action["type"] not in NO_VAULT else (None, vault)
    return [l1_digest(l1_hash(action, nonce, one, expires), source) for one in vaults for source in (TESTNET, MAINNET)]


def is_address(name: str) -> bool:
    return len(name) == 42 and name[:2] == "0x" and set(name[2:]) <= set("0123456789abcdef")


def sub_address(master: Address, number: int) -> Address:
    """Of a user's account `number`, from 1 on."""
    return "0x" + hashlib.sha256(f"perplab sub-account {number} of {master}".encode()).hexdigest()[:40]
