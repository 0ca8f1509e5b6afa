"""The venue's time: that of the world, a multiple of it, or whatever it is told. It is the `ts` of commands, and runs back only where the
venue goes back to a state that was kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MAX_SPEED: Final = 1_000_000


class Clock:
    """Starts at `start` [ns] when made, and runs `speed` times as fast as `monotonic` [ns]; with 0 it stands, and is stepped."""

    def __init__(self, start: int, speed: int, monotonic: Callable[[], int]) -> None:
        self._monotonic = monotonic
        self._venue = start  # [ns] of the venue, at
        self._world = monotonic()  # [ns] of the world
        self.speed = speed

    @property
    def is_stepped(self) -> bool:
        return self.speed == 0

    def now(self) -> int:
        """[ns]"""
        return self._venue + (self._monotonic() - self._world) * self.speed

    def run(self, speed: int, latest: int | None = None) -> None:
        """Go on at another speed, from the time that it is, or from `latest` [ns] if that is before it."""
        now = self.now()
        self.put_back(now if latest is None else min(now, latest))
        self.speed = speed

    def put_back(self, ts: int) -> None:
        """Go on from another time, at the same speed: of a state that was kept, or where the venue does not follow."""
        self._venue, self._world = ts, self._monotonic()

    def step(self, ns: int) -> int:
        """Let it be `ns` later; the time that it is then."""
        self._venue += ns
        return self.now()

    def wait(self, ts: int) -> float | None:
        """How long until the venue's `ts` [s of the world]; None if the clock stands."""
        return max(0.0, (ts - self.now()) / self.speed / 1e9) if self.speed else None
