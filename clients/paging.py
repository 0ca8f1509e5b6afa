"""Lists that may not fit a message, in full: asked for message by message."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final, Generic, TypeAlias, TypeVar

from msgspec import Struct

from .calls_base import Call
from .errors import TimedOut

T = TypeVar("T")
ATTEMPTS: Final = 5  # at a list that changes while it is told


class Part(Struct, Generic[T], frozen=True):
    """What one message has of a list."""

    items: dict[int, T]  # by their numbers
    more: int  # how many come behind them


Listing: TypeAlias = Callable[[int], Call[Part[T]]]  # asks for what comes behind so many
Pages: TypeAlias = Generator[Call[Part[T]], Part[T], tuple[T, ...]]


def pages(listing: Listing[T]) -> Pages[T]:
    """Yields the calls, is sent their answers, and returns the whole list. Each message is to begin with the last item of the one before:
    where it does not, an earlier item has gone meanwhile and another would be missed, so that the list is begun anew. Raises TimedOut
    after some attempts."""
    for _ in range(ATTEMPTS):
        part = yield listing(0)
        found = dict(part.items)
        while part.more and found:
            last, count = next(reversed(found)), len(found)
            part = yield listing(count - 1)
            if next(iter(part.items), None) != last:
                break
            found |= part.items
            if len(found) == count:
                break
        else:
            return tuple(found.values())
    raise TimedOut(f"a list that is longer than a message has changed each of the {ATTEMPTS} times that it was asked for")
