"""Who is behind an address, and who has signed a request.

A user of this dialect is a user of the server whose name is the address, in lower case. An address becomes known when /info is asked about
it, if there is a faucet, or when it is sent money: then it has an account, with the faucet's money in it. A signature makes nobody known: a
wrong one leads to an address at random, and that a bot trades for somebody else must be said and not hidden.

Sub-accounts have no keys. Their addresses follow from the master's and their number, so that nothing has to be kept; the names of
sub-accounts, and the wallets ("agents") that may sign for a user, are kept beside the venue's journal.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from logging import INFO
from typing import Any, Final

from msgspec import Struct

from ...schema.codes import FIRST_USER
from ...schema.messages import Deposit
from ..bucket import Bucket
from ..errors import Refusal, Trouble
from ..host import Host
from ..log import note
from ..people import User, is_address
from .asked import UNREADABLE
from .canonical import canonical
from .diagnosis import cost, why, without_faucet
from .errors import Failed, Unreadable
from .kinds import NATURAL
from .signing import (
    FIELDS,
    MAINNET,
    NO_VAULT,
    TESTNET,
    Action,
    Address,
    Bad,
    Signature,
    address_of,
    l1_digest,
    l1_hash,
    recovered,
    signature_of,
    user_digest,
)
from .wallets import Wallets

OF_OWNERS: Final = frozenset(("createSubAccount", "subAccountTransfer", "subAccountSpotTransfer"))  # that no API wallet may sign
PEERS: Final = 4_096  # whose new addresses are counted; the one that was silent longest is forgotten
SEAL: Final = 8  # hex digits
MADE_UP: Final = 1 << 32  # accounts without an address have their number as one; more than there can be accounts, and nobody's key
OF_NO_KEY: Final = "It stands for an account without an address, or for a sub-account that is not open."
APPROVALS: Final = 20  # of a user at once, and then one a second, where each is a file that is written while nobody else is served
VAULTS: Final = 16  # sub-accounts that a wrong signature is tried with, and as many addresses that were asked about
TOLD: Final = 600  # characters of why, in the log
LOOK_US_A_S: Final = 20_000  # that looking into signatures of nobody's takes of a second: meanwhile nobody else is served
LOOK_US_AT_ONCE: Final = 200_000  # the same of several that come together after a while without any


class Signed(Struct, frozen=True):
    """Who wants something done."""

    signer: Address  # whose key has signed
    address: Address  # for which it is done: the user whom that signs for, or a sub-account
    account: int  # of that address


class Sent(Struct, frozen=True):
    """What is asked for, and by which signature."""

    action: Action
    nonce: int
    vault: Address | None
    expires: int | None  # [ms]
    signature: object

    @property
    def is_l1(self) -> bool:
        """Is it signed by its hash, and not field by field?"""
        return self.action["type"] not in FIELDS


class Identities:
    """`faucet` [micro]: what an address that becomes known is given, 0: nothing, and asking makes none known. `wall`: [ms] of the clients'
    time. Raises ValueError for a file that is damaged."""

    def __init__(self, host: Host, faucet: int, wall: Callable[[], int]) -> None:
        self.host = host
        self.faucet = faucet
        self.wall = wall
        folder = host.store.folder if host.store is not None else None
        self.wallets = Wallets(folder, folder is not None and host.first_seq > 0, lambda: self.wall(), host.complain)
        self.source = ""  # the peer that something is done for; "": none, or nobody counts
        self._met: OrderedDict[str, int] = OrderedDict()  # addresses that have become known since the start, by peer
        self._used: OrderedDict[Address, None] = OrderedDict()  # sub-accounts that were acted for last
        self._asked: OrderedDict[Address, None] = OrderedDict()  # users and sub-accounts that were asked about last
        self._looks = Bucket(LOOK_US_A_S, LOOK_US_AT_ONCE, host.monotonic())
        self._approvals: dict[Address, Bucket] = {}  # by user
        self._subs: dict[Address, tuple[Address, int]] = {}  # master, and which of its accounts
        self._as_of: tuple[str, int] = ("", 0)  # epoch, and how many accounts were looked at
        host.addresses = self

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
        """The same; an address that is not known becomes known, where the faucet has money. Raises Failed if there is no room.

        A wallet that signs for a user does not: it would sign for itself from then on. Nor does one that has signed, and was replaced
        or has expired: its bot would trade for nobody, and not be told. Nor do addresses that were made up for accounts.
        """
        found = self.known(address)
        if found is None and self.faucet and self.wallets.get(address) is None and not self.wallets.has_left(address):
            found = self.receiver(address)
        if found is not None:
            _keep_last(self._asked, address)
        return found

    def receiver(self, address: str) -> int | None:
        """The same of one who is sent money, and needs no faucet to become known.

        A wallet that has never signed for its user becomes known by money, too, and signs for itself then: anybody may be approved, and
        nobody asks him. Questions do not end an approval: bots ask about the wallet that they sign with, and so may anybody else.
        """
        found = self.known(address)
        agent = self.wallets.get(address)
        if found is not None or (agent is not None and agent.has_signed) or self._is_made_up(address):
            return found
        is_new = address not in self.host.people.users
        met = self._met.get(self.source, 0)
        if is_new and self.source and met >= (most := self.host.limits.contacts):
            raise Failed(f"{address} gets no account: {met} addresses have become known by {self.source}, of {most} that one peer may")
        try:
            opened = self._open(address, 0)
        except Refusal as error:
            raise Failed(f"{address} gets no account: {error}") from error
        if is_new and self.source:
            self._met[self.source] = met + 1
            self._met.move_to_end(self.source)
            if len(self._met) > PEERS:
                self._met.popitem(last=False)
        return opened

    def owner(self, address: Address) -> tuple[User, int | None] | None:
        """As the registrar has it (Addresses)."""
        account = self.known(address) if self._user(address) is None else None
        if account is not None:  # a sub-account's, whoever has approved the address
            return self.host.people.owner_of[account], account
        user = None if self._is_made_up(address) else self._signs_for(address)
        return None if user is None else (user, None)

    def contact(self, address: Address, money: int | None) -> int:
        """As the registrar has it (Addresses): of who is trusted with a name, or is sent money by the operator."""
        found, agent = self.known(address), self.wallets.get(address)
        if found is not None:
            return found
        if agent is not None and (agent.has_signed or money is None):
            raise Refusal(Trouble.UNKNOWN_NAME, f"{address} is an API wallet of {agent.user}: name that", given=address)
        if self._is_made_up(address):
            raise Refusal(Trouble.UNKNOWN_NAME, f"{address} is no key's: it stands for an account, or for a sub-account", given=address)
        return self._open(address, money or 0)

    def _open(self, address: Address, money: int) -> int:
        """An account for an address, with the faucet's money in it. `money`: what it is about to be sent [micro]. Raises Refusal; then
        there is none."""
        people, is_new = self.host.people, address not in self.host.people.users
        try:
            self.host.refuse_beyond_supply(0, self.faucet + money)
            self.host.refuse_beyond_faucet(address, 0, self.faucet)
            self.host.refuse_too_many_users(address)
            opened = self.host.open_account(people.user(address), self._gift)
        except Refusal:
            if is_new and address in people.users:
                people.forget(people.users[address])
            raise
        if self.faucet:
            self.host.note_paid(people.users[address], 0, self.faucet)
        self.wallets.end(address)
        return opened

    def _gift(self, account: int) -> list[Deposit]:
        return [Deposit(0, account, 0, self.faucet)] if self.faucet else []

    def _is_made_up(self, address: Address) -> bool:
        """Is it of the kind that is told of accounts without an address of their own, or of sub-accounts? Nobody gets it as his own: who
        asked about it before the account is opened would have it then."""
        return FIRST_USER <= int(address, 16) < MADE_UP or is_sub_address(address)

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
        return [(self.wallets.kept.names.get(one, ""), one) for one in found]

    def name_sub_account(self, account: int, name: str) -> None:
        """It has been opened, and is called that."""
        self.wallets.name(self.address(account), name)

    def _look(self) -> None:
        """Sub-accounts that have been opened since it was last looked for them; all where the venue has gone back."""
        people, (epoch, seen) = self.host.people, self._as_of
        if epoch != self.host.epoch:
            self._subs.clear()
            seen = 0
        for account in range(seen, people.met):
            user = people.owner_of.get(account)
            if user is not None and user.accounts[0] != account and is_address(user.name):
                number = user.accounts.index(account)
                self._subs[sub_address(user.name, number)] = user.name, number
        self._as_of = self.host.epoch, people.met

    # -- who may sign --

    def agents(self, address: str) -> list[tuple[str, str, int]]:
        """(name, address, valid until [ms]) of the wallets that may sign for a user now."""
        return self.wallets.of(address)

    def master(self, agent: str) -> str | None:
        """For whom a wallet signs; None: for nobody but itself."""
        one = self.wallets.get(agent)
        return None if one is None else one.user

    def approve(self, address: Address, agent: Address, named: str) -> None:
        """Let a wallet sign for a user, instead of the one of the same name. Raises Failed."""
        if self.known(agent) is not None:
            raise Failed("Extra agent already used.")
        if self._is_made_up(agent):
            raise Failed(f"Invalid agent address: {agent} is no key's. {OF_NO_KEY}")
        if self.wallets.file is not None:
            now = self.host.monotonic()
            bucket = self._approvals.setdefault(address, Bucket(1, APPROVALS, now))
            if bucket.take(1, now) < 0:
                raise Failed(f"Too many approvals: {APPROVALS} at once, then one a second. Try again in {bucket.wait_ms(1)} ms.")
        self.wallets.approve(address, agent, named, len(self.host.people.users[address].accounts) - 1)

    def who_is(self, signer: Address) -> str:
        """Who may sign with an address, in words; "": nobody."""
        if self._user(signer) is not None:
            return "which is a user here"
        one = self.wallets.get(signer)
        if one is None or self._user(one.user) is None:
            return ""
        return f"which is the API wallet {one.name!r} of {one.user}" if one.name else f"which is the API wallet of {one.user}"

    def _user(self, address: Address) -> User | None:
        """One that has an account: after the venue has gone back, a user may be without."""
        user = self.host.people.users.get(address)
        return user if user is not None and user.accounts else None

    def _signs_for(self, signer: Address) -> User | None:
        user = self._user(signer)
        if user is not None:
            return user
        agent = self.wallets.get(signer)
        return None if agent is None else self._user(agent.user)

    # -- requests --

    def who(self, body: dict[str, Any]) -> Signed:
        """Who has signed a request, whose nonce is used up by that. Raises Failed or Unreadable."""
        try:
            sent, now = _sent(body), self.wall()
            is_unsigned = sent.signature is None and ("user" in body or self.host.trust)
            signer, user = self._trusted(body.get("user")) if is_unsigned else self._signer(sent)
        except Bad as error:
            raise Failed(f"Invalid signature: {error}") from error
        _check_signer(sent, signer, user)
        self.wallets.use(signer, sent.nonce)
        if signer != user.name:
            self.wallets.signed(signer)
        if sent.is_l1 and sent.expires is not None and now > sent.expires:
            raise Failed(f"Action expired: expiresAfter is {sent.expires}, and it is {now} now")
        vault = sent.vault
        if vault is None or not sent.is_l1 or sent.action["type"] in NO_VAULT:
            return Signed(signer, user.name, user.accounts[0])
        account = self.known(vault)
        if account is None or vault == user.name or self.host.people.owner_of.get(account) is not user:
            raise Failed(f"Vault not registered: {vault}")
        _keep_last(self._used, vault)
        return Signed(signer, vault, account)

    def why_none(self, address: Address) -> str:
        """Why an address that was asked about has no account: a sentence."""
        agent = self.wallets.get(address)
        if agent is not None:
            return f"It is an API wallet of {agent.user}: name that."
        if self._is_made_up(address):
            return f"It is no key's. {OF_NO_KEY}"
        text = without_faucet([address])
        return self.wallets.past(address) or f"{text[0].upper()}{text[1:]}."

    def _trusted(self, named: object) -> tuple[Address, User]:
        """The user whom a request without a signature names. Raises Bad or Failed."""
        if not self.host.trust:
            raise Bad("there is none, and this server was not started with --trust")
        if named is None:
            raise Bad('there is none; a server with --trust needs an address instead, in the field "user" beside "action" and "nonce"')
        address = address_of(named)
        account = self.account(address)
        if account is None:
            raise Failed(f"Must deposit before performing actions. User: {address}. {self.why_none(address)}")
        user = self.host.people.owner_of[account]
        if user.name != address:
            raise Failed(f"{address} is a sub-account of {user.name}: name that as user, and the sub-account as vaultAddress")
        return address, user

    def _signer(self, sent: Sent) -> tuple[Address, User]:
        """Who has signed, and for whom that is. Raises Bad or Failed."""
        signature = signature_of(sent.signature)
        tried: list[Address] = []
        for digest in _digests(sent):
            signer = recovered(digest, signature)
            user = self._signs_for(signer)
            if user is not None:
                return signer, user
            tried.append(signer)
        text = self._why(sent, signature, tried)
        note("unknown_signer", INFO, signer=tried[0], why=text[:TOLD])
        raise Failed(f"L1 error: User or API Wallet {tried[0]} does not exist. {text}")

    def _why(self, sent: Sent, signature: Signature, tried: list[Address]) -> str:
        """Why nobody is known by a signature. Raises Bad."""
        for signer in tried:
            over = self.wallets.past(signer)
            if over:
                return over
        takes = cost(sent.action, sent.nonce)
        if self._looks.take(takes, self.host.monotonic()) < 0:
            again = self._looks.wait_ms(takes)
            return f"It is not looked into why: many such signatures have come, of all clients. Send it again in {again} ms."
        vault = None if sent.action["type"] in NO_VAULT else sent.vault
        others = self._vaults(vault) if sent.is_l1 and sent.action["type"] not in NO_VAULT else []
        return why(sent.action, sent.nonce, vault, sent.expires, signature, self.who_is, others, self.faucet > 0)

    def _vaults(self, sent: Address | None) -> list[Address]:
        """Sub-accounts that may have been signed for instead of the one that was sent: those of the same master, those that were acted for
        last, and the newest."""
        self._look()
        near: list[Address] = []
        if sent in self._subs:
            master, _ = self._subs[sent]
            near = [address for _, address in self.sub_accounts(master)]
        newest = list(self._subs)[: -VAULTS - 1 : -1]
        found = [one for one in dict.fromkeys((*near, *reversed(self._used), *newest)) if one != sent][:VAULTS]
        return found + [one for one in self._asked if one not in (sent, *found)]  # some sign for the vault that is their own address


def _keep_last(kept: OrderedDict[Address, None], address: Address) -> None:
    kept[address] = None
    kept.move_to_end(address)
    if len(kept) > VAULTS:
        kept.popitem(last=False)


def _sent(body: dict[str, Any]) -> Sent:
    """Raises Unreadable or Bad."""
    nonce, expires, vault = body["nonce"], body.get("expiresAfter"), body.get("vaultAddress")
    told = NATURAL.misfit("nonce", nonce) or ("" if expires is None else NATURAL.misfit("expiresAfter", expires))
    if told:
        raise Unreadable(UNREADABLE, told)
    return Sent(body["action"], nonce, None if vault is None else address_of(vault), expires, body.get("signature"))


def _digests(sent: Sent) -> Iterator[bytes]:
    """What may have been signed: local servers are signed for as either network. Raises Bad."""
    if not sent.is_l1:
        yield user_digest(sent.action)
        return
    form = canonical(sent.action)
    vaults = (sent.vault,) if sent.vault is None or sent.action["type"] not in NO_VAULT else (None, sent.vault)
    for vault in vaults:
        connection_id = l1_hash(form, sent.nonce, vault, sent.expires)
        for source in (TESTNET, MAINNET):
            yield l1_digest(connection_id, source)


def _check_signer(sent: Sent, signer: Address, user: User) -> None:
    """No API wallet may sign what is signed field by field, nor open or fund sub-accounts: the live venue takes that for an action of the
    wallet's own address, which has nothing. The last field of what is signed field by field is the nonce that was signed. Raises Failed."""
    kind = sent.action["type"]
    if signer != user.name and (not sent.is_l1 or kind in OF_OWNERS):
        why_not = f"It is an API wallet of {user.name}, and {kind} must be signed by the user."
        raise Failed(f"Must deposit before performing actions. User: {signer}. {why_not}")
    if sent.is_l1:
        return
    name, _ = FIELDS[kind][1][-1]
    if sent.action.get(name) != sent.nonce:
        raise Failed(f"Invalid nonce: {sent.nonce} was sent, and the signed {name} is {str(sent.action.get(name))[:40]}")


def sub_address(master: Address, number: int) -> Address:
    """Of a user's account `number`, from 1 on. It ends in a seal, by which it is known as one before it is opened."""
    body = "0x" + hashlib.sha256(f"perplab sub-account {number} of {master}".encode()).hexdigest()[: 40 - SEAL]
    return body + seal(body)


def is_sub_address(address: Address) -> bool:
    """Of somebody's sub-account, opened or not. That of a key looks like one once in 2^32 times."""
    return address[-SEAL:] == seal(address[:-SEAL])


def seal(body: str) -> str:
    return hashlib.sha256(f"perplab sub-account {body}".encode()).hexdigest()[:SEAL]
