"""Client ids as this dialect knows them, which may be used again once an order that had one is cancelled without a fill: for a stop that
is moved, say. The venue remembers client ids of closed orders, so the order that comes after has a stand-in there; who reads orders back
asks here what it stands for. Stand-ins are an account's own, and known as long as the server runs.

A client may send an id that looks like a stand-in. No order gets it as it is: one with such an id has a stand-in, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..rows import HALF, client_halves
from .shares import Shares

MARK: Final = 0x70_65_72_70_6C_61_62_21  # the upper half of all stand-ins
MOST: Final = 65_536  # stand-ins that are remembered
MOST_EACH: Final = 8_192  # the same of an account: it has fewer orders that can be open

Halves = tuple[int, int]
NONE: Final = 0, 0  # no order is known by it


class Cloids:
    """`seq`: the number of the venue's last event, by which stand-ins are numbered: none is used twice. `is_open`: is an order of an
    account open that the venue knows by these? Its stand-in is never forgotten."""

    def __init__(self, seq: Callable[[], int], is_open: Callable[[int, Halves], bool]) -> None:
        self._seq = seq
        self._shares = Shares[Halves](MOST, MOST_EACH, is_open)
        self._last = 0
        self._standing: dict[tuple[int, str], Halves] = {}  # by account and cloid
        self._cloids: dict[Halves, tuple[int, str]] = {}  # the other way round, the oldest first
        self._made: dict[Halves, int] = {}  # the venue's last event at that time

    def halves(self, account: int, cloid: str) -> Halves:
        """What the venue knows the account's latest order of this cloid by, or NONE. `cloid`: "0x" and 32 hex digits in lower case."""
        found = self._standing.get((account, cloid))
        if found is None:
            found = client_halves(cloid)
            if self._shares.has(account, found):
                return NONE  # it stands for another cloid of the account
        return found

    def stands(self, account: int, cloid: str) -> bool:
        """Has the account's latest order of this cloid a stand-in? It may be on its way to the venue."""
        return (account, cloid) in self._standing

    def stand_in(self, account: int, cloid: str) -> Halves:
        """Another one, for the next order of this cloid."""
        self._last = max(self._last, self._seq()) + 1
        key, halves = (account, cloid), (MARK, self._last)
        self._standing[key] = halves
        self._cloids[halves], self._made[halves] = key, self._seq()
        for one in self._shares.add(account, halves):
            self._forget(one)
        return halves

    def _forget(self, halves: Halves) -> None:
        key = self._cloids.pop(halves)
        self._shares.drop(key[0], halves)
        del self._made[halves]
        if self._standing.get(key) == halves:
            del self._standing[key]

    def go_back(self) -> None:
        """The venue is in an earlier state: an order's latest stand-in is the last one that had been made by then."""
        now = self._seq()
        for halves in [one for one, made in self._made.items() if made >= now]:
            self._forget(halves)
        self._standing = {key: halves for halves, key in self._cloids.items()}

    def text(self, account: int, hi: int, lo: int) -> str | None:
        """The cloid of an account's order with this client id; None: it has none."""
        if hi == 0 and lo == 0:
            return None
        owner, known = self._cloids.get((hi, lo), (-1, ""))
        return known if owner == account else f"0x{hi % HALF:016x}{lo % HALF:016x}"
