"""Client ids of this dialect. The venue takes each once, and remembers the last 1,024 of an account; Hyperliquid takes one again as soon as
its order is gone. So an order whose client id the venue has seen goes under one that the dialect makes itself, and which is told as what it
stands for. After a restart that is not known any more: the order has no client id then.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import count
from typing import Final

HIDDEN: Final = 0x7065_7270_6C61_6200  # upper half of client ids that the dialect makes
MOST: Final = 65_536  # that are known; the oldest is forgotten
Halves = tuple[int, int]


class Cloids:
    """`first`: the number of the first one that is made; none may come twice, after a restart either."""

    def __init__(self, first: int) -> None:
        self._numbers = count(first)
        self._stands_for: OrderedDict[int, tuple[int, Halves]] = OrderedDict()  # account and client id, by lower half of one that was made
        self._made: dict[tuple[int, Halves], int] = {}  # by account and what it stands for, the last one

    def hidden(self) -> Halves:
        """One for an order that has none, so that it can be found."""
        return HIDDEN, next(self._numbers)

    def again(self, account: int, cloid: Halves) -> Halves:
        """One that stands for a client id which the venue does not take again."""
        made = self.hidden()
        self._stands_for[made[1]] = account, cloid
        self._made[account, cloid] = made[1]
        if len(self._stands_for) > MOST:
            number, key = self._stands_for.popitem(last=False)
            if self._made[key] == number:
                del self._made[key]
        return made

    def known(self, account: int, cloid: Halves) -> Halves:
        """What an account's client id is called at the venue."""
        number = self._made.get((account, cloid))
        return cloid if number is None else (HIDDEN, number)

    def told(self, hi: int, lo: int) -> str | None:
        """A client id of the venue as this dialect writes it; None: there is none to tell."""
        if hi == HIDDEN:
            if lo not in self._stands_for:
                return None
            _, (hi, lo) = self._stands_for[lo]
        return f"0x{(hi & (1 << 64) - 1):016x}{(lo & (1 << 64) - 1):016x}" if hi or lo else None


def halves(cloid: object) -> Halves:
    """A client id of 32 hex digits as the venue has it. Raises ValueError for what is none, or is one that the dialect makes."""
    if not isinstance(cloid, str) or len(cloid) != 34 or cloid[:2] != "0x" or not cloid[2:].isalnum():
        raise ValueError
    number = int(cloid[2:], 16)
    hi, lo = (half - (1 << 64) if half >> 63 else half for half in (number >> 64, number & (1 << 64) - 1))
    if not number or hi == HIDDEN:
        raise ValueError
    return hi, lo
