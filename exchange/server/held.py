"""Messages that a fault holds back: they come late, in their order, and not without bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from .agenda import Later
from .errors import Fatal, Refusal, Trouble
from .faults import Faults
from .host import Host


class Speaker(Protocol):
    """Who holds them: a session."""

    host: Host

    def put(self, out: bytes) -> None: ...

    def end(self, error: Refusal) -> None: ...


class Held:
    def __init__(self, session: Speaker) -> None:
        self.session = session
        self._waiting: deque[tuple[int, bytes]] = deque()  # monotonic time [ns], and what is to be written then
        self._bytes = 0
        self._entry: Later | None = None  # in the host's list of what comes later
        self._now: Callable[[], int] = session.host.monotonic

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def tell(self, out: bytes, faults: Sequence[Faults]) -> None:
        """Write it as often, and as late, as the faults say; without any: behind what waits."""
        now = self._now()
        for _ in range(max((one.copies() for one in faults), default=1)):
            at = max((one.release(now) for one in faults), default=now)
            at = max(at, self._waiting[-1][0]) if self._waiting else at
            if at > now or self._waiting:  # what is due, and has not been told yet, comes first
                self._hold(at, out)
            else:
                self.session.put(out)

    def _hold(self, at: int, out: bytes) -> None:
        limit = self.session.host.limits.unread_bytes
        if self._bytes + len(out) > limit:
            self.session.end(Fatal(Trouble.SLOW_READER, "a fault holds back more than this server keeps", limit=limit))
            return
        self._waiting.append((at, out))
        self._bytes += len(out)
        if self._entry is None:
            self._entry = self.session.host.later(at, self._release)

    def _release(self) -> None:
        self._entry, now = None, self._now()
        while self._waiting and self._waiting[0][0] <= now:
            out = self._waiting.popleft()[1]
            self._bytes -= len(out)
            self.session.put(out)
        if self._waiting:
            self._entry = self.session.host.later(self._waiting[0][0], self._release)

    def let_go(self) -> None:
        """Nothing waits any longer."""
        waiting = list(self._waiting)
        self.drop()
        for _, out in waiting:
            self.session.put(out)

    def drop(self) -> None:
        """Nobody will read them."""
        self._waiting.clear()
        self._bytes = 0
        if self._entry is not None:
            self._entry.action = None
            self._entry = None
