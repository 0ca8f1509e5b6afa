"""What the host knows of those around it: what happens in the world, and who is connected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..engine import Exchange
from ..schema.messages import Command
from .people import User


class World(Protocol):
    """What happens around the venue: prices that become known, a house that trades. Its commands are stamped with the time it asked for."""

    next: int  # [ns] of the venue's time when it wants to act

    def open(self) -> Iterable[Command]: ...

    def act(self, ts: int) -> Iterable[int]: ...

    def state(self) -> dict[str, object]: ...

    def go_back(self, venue: Exchange, ts: int, state: dict[str, object] | None) -> None: ...

    def change(self, ts: int, changes: dict[str, object]) -> dict[str, object]: ...  # raises ValueError; then nothing has changed


class Connected(Protocol):
    """Somebody at the other side, whose faults are met here: a connection, or a request over HTTP that has no answer yet."""

    def is_of(self, user: str) -> bool:
        """Is it that user's, by name?"""

    def drop(self) -> None:
        """It breaks, without a word."""

    def let_go(self) -> None:
        """What a fault holds back is told now: a stall has ended."""


class Call(Connected, Protocol):
    """A request over HTTP that has no answer yet."""

    acts: bool  # does it want something done?


class Listener(Connected, Protocol):
    """A connection, as the host sees it."""

    user: User | None

    def tell_private(self, account: int, rows: list[list[int]]) -> None: ...

    def beat(self, now: int, encoded: dict[str, bytes]) -> None: ...

    def keep(self, number: int, kept: Iterable[int]) -> None: ...

    def go_back(self, number: int, notice: dict[str, object]) -> None: ...

    def fail(self) -> None: ...

    def shut_down(self) -> None: ...


class Watcher(Protocol):
    """Who is told when market data goes out: feeds of another API."""

    def flush(self) -> None: ...

    def go_back(self) -> None:
        """The venue is in an earlier state."""


class Follower(Protocol):
    """Who is to look, after each block, whether it is time for something."""

    def follow_up(self) -> None: ...

    def give_up(self) -> None:
        """The venue is in an earlier state: what was followed may never have been, and is followed no more."""
