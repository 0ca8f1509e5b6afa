"""What accounts have traded, day by day of the venue's clock, where fees depend on it: a ring of days for each account that has traded.

Number 0 has what all have traded together. Sub-accounts count as their masters. A day's numbers are final once it is over, so that what is
worked out from whole days need not be kept: the tier that is noted here is only a short way to it.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from .pending import Numbered
from .types import NIL, max_i64, min_i64

DAY: Final[i64] = 86_400_000_000_000  # [ns]
SLOTS: Final[i64] = 32  # days that a ring has: one more than the longest window, and the day that is not over

V_ACCOUNT: Final[i64] = 0
V_LAST: Final[i64] = 1  # the last day on which it traded
V_ASSESSED: Final[i64] = 2  # the day for which the next two were worked out; NIL: none
V_TIER: Final[i64] = 3  # number of its fee tier, from 1; 0: none
V_REBATE: Final[i64] = 4  # number of its maker tier, from 1; 0: none
V_LINK: Final[i64] = 5
V_TRADED: Final[i64] = 6  # [micro] by slot, as taker and maker
V_MADE: Final[i64] = V_TRADED + SLOTS  # [micro] by slot, as maker
V_WIDTH: Final[i64] = V_MADE + SLOTS

ALL: Final[i64] = 0  # the number of the venue's sums
ROOM: Final[i64] = 1 << 60  # [micro] a day's volume stops here


class Volumes(Numbered):
    def __init__(self) -> None:
        super().__init__(V_WIDTH, V_LINK)

    def note(self, number: i64, day: i64, value: i64, is_maker: bool) -> None:
        """`number` has traded for `value` [micro] on this day."""
        row = self.find(number)
        if row == NIL:
            row = self.add(number, number)
            self.begin(row, number, day)
        cells = self.cells
        forgotten = max_i64(cells[row + V_LAST], day - SLOTS)
        while forgotten < day:
            forgotten += 1
            cells[row + V_TRADED + forgotten % SLOTS] = 0
            cells[row + V_MADE + forgotten % SLOTS] = 0
        cells[row + V_LAST] = day
        slot = day % SLOTS
        cells[row + V_TRADED + slot] = min_i64(ROOM, cells[row + V_TRADED + slot] + value)  # < 2^60 + 2^54
        if is_maker:
            cells[row + V_MADE + slot] = min_i64(ROOM, cells[row + V_MADE + slot] + value)

    def begin(self, row: i64, number: i64, day: i64) -> None:
        """A row that another had before, or nobody."""
        at = row
        while at < row + V_WIDTH:
            self.cells[at] = 0
            at += 1
        self.cells[row + V_ACCOUNT] = number
        self.cells[row + V_LAST] = day
        self.cells[row + V_ASSESSED] = NIL

    def within(self, row: i64, column: i64, first: i64, last: i64) -> int:
        """[micro] V_TRADED or V_MADE of the days `first` to `last`, in all. NIL: of one who has not traded."""
        total: int = 0
        if row == NIL:
            return total
        cells = self.cells
        day = max_i64(first, cells[row + V_LAST] - SLOTS + 1)
        while day <= min_i64(last, cells[row + V_LAST]):
            total += int(cells[row + column + day % SLOTS])
            day += 1
        return total

    def check_volumes(self, accounts: i64) -> None:
        self.check_rows(V_ACCOUNT)
        cells = self.cells
        for number, at in self.index.items():
            row: i64 = at
            slot: i64 = 0
            assert cells[row + V_ACCOUNT] == number < accounts, "volume of nobody"
            while slot < SLOTS:
                assert 0 <= cells[row + V_MADE + slot] <= cells[row + V_TRADED + slot] <= ROOM, "a maker's volume beyond all volume"
                slot += 1
