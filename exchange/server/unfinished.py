"""Requests that have begun and are not whole: how much of the server's memory they hold, and since when.

All of them together are bounded, and when there is too much, the one that was begun first goes: whoever means it has sent the rest by then.
"""

from __future__ import annotations

from typing import Protocol

from .errors import Fatal, Trouble


class Holder(Protocol):
    """A connection."""

    def end(self, error: Fatal) -> None: ...


class Unfinished:
    """`most`: bytes of all."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self._held: dict[Holder, tuple[int, int]] = {}  # bytes, and since when [ns]; the request that was begun first stands first

    def note(self, holder: Holder, size: int, is_new: bool, now: int) -> None:
        """At monotonic `now` [ns] a connection holds so many bytes; `is_new`: of another request than before."""
        before = self._held.get(holder)
        if before is not None and (is_new or not size):
            self.forget(holder)
            before = None
        if size:
            self.bytes += size - (before[0] if before is not None else 0)
            self._held[holder] = (size, before[1] if before is not None else now)
        while self.bytes > self.most:
            first = next(iter(self._held))
            self.forget(first)
            first.end(late("the server holds too many requests that are not whole, and this was begun first", self.most))

    def since(self, holder: Holder) -> int | None:
        """When the request was begun [ns]; None: there is none."""
        held = self._held.get(holder)
        return None if held is None else held[1]

    def forget(self, holder: Holder) -> None:
        held = self._held.pop(holder, None)
        if held is not None:
            self.bytes -= held[0]


def late(why: str, limit: int) -> Fatal:
    return Fatal(Trouble.UNFINISHED, why, limit=limit)
