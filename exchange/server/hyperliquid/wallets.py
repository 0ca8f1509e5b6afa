"""What is written down beside the journal about the users of this dialect: wallets ("agents") that may sign for them, names of
sub-accounts, and nonces that were ahead of their time.

It is as of the world's time: where the venue goes back to an earlier state, this does not. A wallet whose user is gone by that signs for
nobody, until the user is there again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from ..store import replace
from .errors import Failed
from .nonces import Nonces
from .signing import Address

FILE: Final = "hyperliquid.json"
NAMED_AGENTS: Final = 3  # of an account, beside one without a name
MORE_AGENTS: Final = 2  # for each sub-account
LONGEST_MS: Final = 180 * 86_400_000  # that an agent may be valid for
VALID: Final = " valid_until "
NAME: Final = 64  # characters, of an agent or a sub-account
AHEAD_MS: Final = 100  # what is less ahead of its time is not written down: who goes on refuses as much behind its start
PAST: Final = 10_000  # wallets that have given way to others: the one that did so first is forgotten
PAST_EACH: Final = 100  # the same of one user
STEP_MS: Final = 60_000  # so that a client whose clock is ahead has the file written once a minute


class Agent(Struct, frozen=True):
    """A wallet that may sign for a user."""

    user: Address
    name: str  # "": it has none
    until: int  # [ms] 0: for good
    has_signed: bool = True  # so whoever has its key agrees; files of before this was kept say nothing of it


class Kept(Struct):
    """What is written down."""

    agents: dict[Address, Agent] = {}
    past: dict[Address, Agent] = {}  # that have signed and have given way to others, the oldest first
    names: dict[Address, str] = {}  # of sub-accounts
    ahead: dict[Address, int] = {}  # [ms] by signer: nonces below may have been used, although their time has not come


class Wallets:
    """`folder`: of the journal, None: nothing is written down. `wall`: [ms] of the clients' time. Raises ValueError for a file that is
    damaged."""

    def __init__(self, folder: Path | None, is_resumed: bool, wall: Callable[[], int], complain: Callable[[str], None]) -> None:
        self.file = folder / FILE if folder is not None else None
        self.wall = wall
        self.complain = complain
        self.kept = Kept()
        if self.file is not None and self.file.exists():
            self.kept = msgspec.json.decode(self.file.read_bytes(), type=Kept)
        self.nonces = Nonces(wall() + AHEAD_MS if is_resumed else 0, self.kept.ahead)

    # -- nonces --

    def use(self, signer: Address, nonce: int) -> None:
        """A nonce of a signer is used up. Raises Failed, and then it can still be used."""
        now = self.wall()
        self.nonces.use(signer, nonce, now)
        if self.file is not None and nonce > now + AHEAD_MS and nonce >= self.kept.ahead.get(signer, 0):
            self.kept.ahead = {one: until for one, until in self.kept.ahead.items() if until > now} | {signer: nonce + STEP_MS}
            self._save_or_complain()

    # -- names --

    def name(self, sub_account: Address, name: str) -> None:
        self.kept.names[sub_account] = name
        self._save_or_complain()

    # -- wallets that sign for a user --

    def of(self, user: Address) -> list[tuple[str, Address, int]]:
        """(name, address, valid until [ms]) of those that may sign for a user now."""
        now = self.wall()
        return [(one.name, agent, one.until) for agent, one in self.kept.agents.items() if one.user == user and not _is_over(one, now)]

    def get(self, agent: Address) -> Agent | None:
        """One that may sign now."""
        one = self.kept.agents.get(agent)
        return None if one is None or _is_over(one, self.wall()) else one

    def past(self, agent: Address) -> str:
        """Of one that may sign no more, how that came; "": it never might, or has become a user."""
        one, now = self.kept.agents.get(agent) or self.kept.past.get(agent), self.wall()
        if one is None or (agent in self.kept.agents and not _is_over(one, now)):
            return ""
        if _is_over(one, now):
            return f"{agent} is an API wallet of {one.user} that was valid until {one.until}; it is {now} now."
        called = f"by another one named {one.name!r}" if one.name else "by another one without a name"
        return f"{agent} was an API wallet of {one.user} until it was replaced {called}."

    def has_left(self, agent: Address) -> bool:
        """Has it signed, and may it sign no more? One that never has is nobody's, whoever has approved it."""
        one = self.kept.agents.get(agent) or self.kept.past.get(agent)
        return one is not None and one.has_signed and bool(self.past(agent))

    def signed(self, agent: Address) -> None:
        """A wallet has signed for its user."""
        one = self.kept.agents[agent]
        if not one.has_signed:
            self.kept.agents[agent] = structs.replace(one, has_signed=True)
            self._save_or_complain()

    def end(self, agent: Address) -> None:
        """The address has become a user, and signs for itself."""
        was, had = self.kept.agents.pop(agent, None), self.kept.past.pop(agent, None)
        if was is not None or had is not None:
            self._save_or_complain()

    def approve(self, user: Address, agent: Address, named: str, sub_accounts: int) -> None:
        """Let a wallet sign for a user, instead of the one of the same name. Raises Failed, and then nothing has changed."""
        now = self.wall()
        name, valid, end = named.partition(VALID)
        until = int(end) if end.isascii() and end.isdigit() and len(end) < 16 else 0
        if valid and not now < until <= now + LONGEST_MS:
            raise Failed(f"Invalid agent name: valid_until is {end[:20]!r}; it is a time in ms, in at most 180 days")
        if len(name) > NAME:
            raise Failed(f"Invalid agent name: it has {len(name)} characters, of {NAME} at most")
        if (other := self.get(agent)) is not None and other.user != user:
            raise Failed("Extra agent already used.")
        others = {one for one, _, _ in self.of(user)} - {name, ""}
        most = NAMED_AGENTS + MORE_AGENTS * sub_accounts
        if name and len(others) >= most:
            raise Failed(f"Too many extra agents: there are {len(others)} of {most}.")
        before, past = self.kept.agents, self.kept.past
        known = before.get(agent)
        has_signed = known is not None and known.user == user and known.has_signed
        self.kept.agents = {
            at: one for at, one in before.items() if at != agent and not (one.user == user and (one.name == name or _is_over(one, now)))
        } | {agent: Agent(user, name, until, has_signed)}
        gone = {at: one for at, one in before.items() if at not in self.kept.agents}
        left = {at: one for at, one in gone.items() if one.has_signed}
        own = [at for at, one in past.items() if one.user == user]
        forgotten = {agent, *gone, *own[: max(0, len(own) + len(left) - PAST_EACH)]}
        kept = [*((at, one) for at, one in past.items() if at not in forgotten and one.has_signed), *left.items()]
        self.kept.past = dict(kept[-PAST:])
        try:
            self._save()
        except OSError as error:
            self.kept.agents, self.kept.past = before, past
            raise Failed(f"READ_ONLY: the wallet could not be written down: {error.strerror or error}") from error
        self.nonces.forget(gone.keys())

    # -- the file --

    def _save(self) -> None:
        """Raises OSError."""
        if self.file is not None:
            replace(self.file, msgspec.json.encode(self.kept), mode=0o600)

    def _save_or_complain(self) -> None:
        try:
            self._save()
        except OSError as error:
            self.complain(f"{FILE} could not be written: {error.strerror or error}")


def _is_over(agent: Agent, now: int) -> bool:
    return 0 < agent.until <= now
