"""Client ids as this dialect knows them, which may be used again once an order that had one is cancelled without a fill: for a stop that
is moved, say. The venue remembers client ids of closed orders, so the order that comes after has a stand-in there; who reads orders back
asks here what it stands for. Stand-ins are known as long as the server runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..rows import HALF, client_halves

MARK: Final = 0x70_65_72_70_6C_61_62_21  # the upper half of all stand-ins
MOST: Final = 65_536  # stand-ins that are remembered: the oldest goes first

Halves = tuple[int, int]


class Cloids:
    """`seq`: the number of the venue's last event, by which stand-ins are numbered: none is used twice."""

    def __init__(self, seq: Callable[[], int]) -> None:
        self._seq = seq
        self._last = 0
        self._standing: dict[tuple[int, str], Halves] = {}  # by account and cloid, the oldest first
        self._cloids: dict[Halves, tuple[int, str]] = {}  # the other way round

    def halves(self, account: int, cloid: str) -> Halves:
        """What the venue knows the account's latest order of this cloid by. `cloid`: "0x" and 32 hex digits in lower case."""
        return self._standing.get((account, cloid)) or client_halves(cloid)

    def stand_in(self, account: int, cloid: str) -> Halves:
        """Another one, for the next order of this cloid."""
        self._last = max(self._last, self._seq()) + 1
        key, halves = (account, cloid), (MARK, self._last)
        self._standing.pop(key, None)
        self._standing[key], self._cloids[halves] = halves, key
        while len(self._cloids) > MOST:
            oldest = next(iter(self._cloids))
            told = self._cloids.pop(oldest)
            if self._standing.get(told) == oldest:
                del self._standing[told]
        return halves

    def text(self, hi: int, lo: int) -> str | None:
        """The cloid of an order with this client id; None: it has none."""
        if hi == 0 and lo == 0:
            return None
        known = self._cloids.get((hi, lo))
        return known[1] if known is not None else f"0x{hi % HALF:016x}{lo % HALF:016x}"
