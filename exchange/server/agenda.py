"""What is to be done later, by monotonic time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count

from msgspec import Struct


class Later(Struct, order=True):
    """Something that is to be done at a monotonic time [ns]."""

    at: int
    number: int  # of those of one time the first comes first
    action: Callable[[], None] | None  # None: it was called off


class Agenda:
    def __init__(self) -> None:
        self._entries: list[Later] = []  # a heap
        self._numbers = count()

    def put(self, at: int, action: Callable[[], None]) -> Later:
        entry = Later(at, next(self._numbers), action)
        heappush(self._entries, entry)
        return entry

    @property
    def next(self) -> int | None:
        """[ns] when the first thing is to be done; None: there is nothing."""
        return self._entries[0].at if self._entries else None

    def due(self, now: int) -> Iterator[Callable[[], None]]:
        """What is to be done by `now` [ns], in its order; each is off the list when it is given out."""
        while self._entries and self._entries[0].at <= now:
            action = heappop(self._entries).action
            if action is not None:
                yield action
