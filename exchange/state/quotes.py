"""Protection of quotes: how much of an account's quotes in a market may be filled within a time, and what has been.

A row for each account and market that has set a protection, known by its number; and one for each fill that is remembered, the oldest
first. Both tables grow when something is added, which is never while a column of them is at hand.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from .packed import RecycledTable
from .pending import Numbered
from .types import MAX_FILLS, MAX_MARKETS, NIL

# Columns of a protection
Q_ACCOUNT: Final[i64] = 0
Q_MARKET: Final[i64] = 1  # number
Q_WINDOW: Final[i64] = 2  # [ns]
Q_FILLS: Final[i64] = 3  # that are too many within it, 0: none are
Q_LOTS: Final[i64] = 4  # the same
Q_TRIGGERED: Final[i64] = 5  # 1: it has acted, and no quotes are taken
Q_LINK: Final[i64] = 6
Q_FIRST: Final[i64] = 7  # the oldest of the fills that are remembered
Q_LAST: Final[i64] = 8
Q_COUNT: Final[i64] = 9  # of them
Q_SUM: Final[i64] = 10  # [lots] below 2^40 x 2^10
Q_WIDTH: Final[i64] = 11

# Columns of a fill
F_TS: Final[i64] = 0  # [ns]
F_LOTS: Final[i64] = 1
F_NEXT: Final[i64] = 2  # the next younger one; of a free row the next free one
F_WIDTH: Final[i64] = 3


def number_of(account: i64, market: i64) -> i64:
    """By which a protection is known; below 2^24 x 2^6."""
    return account * MAX_MARKETS + market


class Protections(Numbered):
    def __init__(self) -> None:
        super().__init__(Q_WIDTH, Q_LINK)
        self.fills: RecycledTable = RecycledTable(8, F_WIDTH, F_NEXT)

    def set(self, account: i64, market: i64, window: i64, fills: i64, lots: i64) -> None:
        """Protect the account's quotes in a market from now on, or no more. What was filled before is forgotten."""
        number = number_of(account, market)
        row = self.find(number)
        if row != NIL:
            self.forget(row, 0)
            self.remove(number, account)
        if fills == 0 and lots == 0:
            return
        row = self.add(number, account)
        cells = self.cells
        cells[row + Q_ACCOUNT] = account
        cells[row + Q_MARKET] = market
        cells[row + Q_WINDOW] = window
        cells[row + Q_FILLS] = fills
        cells[row + Q_LOTS] = lots
        cells[row + Q_TRIGGERED] = 0
        cells[row + Q_FIRST] = NIL
        cells[row + Q_LAST] = NIL
        cells[row + Q_COUNT] = 0
        cells[row + Q_SUM] = 0

    def note(self, row: i64, now: i64, lots: i64) -> bool:
        """A quote has been filled. Is that too much within the window, which is the time since `now` - window, that itself left out?"""
        fills = self.fills
        if fills.free == NIL:
            fills.grow()
        fill = fills.new_row()
        fills.cells[fill + F_TS] = now
        fills.cells[fill + F_LOTS] = lots
        fills.cells[fill + F_NEXT] = NIL
        cells = self.cells
        if cells[row + Q_LAST] == NIL:
            cells[row + Q_FIRST] = fill
        else:
            fills.cells[cells[row + Q_LAST] + F_NEXT] = fill
        cells[row + Q_LAST] = fill
        cells[row + Q_COUNT] += 1
        cells[row + Q_SUM] += lots
        while fills.cells[cells[row + Q_FIRST] + F_TS] <= now - cells[row + Q_WINDOW] or cells[row + Q_COUNT] > MAX_FILLS:
            self.forget(row, cells[row + Q_COUNT] - 1)
        too_many = cells[row + Q_FILLS] != 0 and cells[row + Q_COUNT] >= cells[row + Q_FILLS]
        return too_many or (cells[row + Q_LOTS] != 0 and cells[row + Q_SUM] >= cells[row + Q_LOTS])

    def forget(self, row: i64, left: i64) -> None:
        """Forget the oldest fills, but for so many."""
        cells = self.cells
        while cells[row + Q_COUNT] > left:
            fill = cells[row + Q_FIRST]
            cells[row + Q_FIRST] = self.fills.cells[fill + F_NEXT]
            cells[row + Q_COUNT] -= 1
            cells[row + Q_SUM] -= self.fills.cells[fill + F_LOTS]
            self.fills.free_row(fill)
        if cells[row + Q_COUNT] == 0:
            cells[row + Q_LAST] = NIL

    def remembered(self, row: i64) -> list[tuple[int, int]]:
        """(ts, lots) of the fills of a protection, the oldest first."""
        found: list[tuple[int, int]] = []
        fill = self.cells[row + Q_FIRST]
        while fill != NIL:
            found.append((int(self.fills.cells[fill + F_TS]), int(self.fills.cells[fill + F_LOTS])))
            fill = self.fills.cells[fill + F_NEXT]
        return found

    def check_protections(self, now: i64) -> None:
        self.check_rows(Q_ACCOUNT)
        self.fills.check()
        seen: i64 = 0
        for number, at in self.index.items():
            row: i64 = at
            assert number == number_of(self.cells[row + Q_ACCOUNT], self.cells[row + Q_MARKET]), "a protection under another number"
            told = self.remembered(row)
            assert len(told) == self.cells[row + Q_COUNT] <= MAX_FILLS and sum([lots for _, lots in told]) == self.cells[row + Q_SUM]
            assert told == sorted(told, key=lambda fill: fill[0]) and (not told or told[-1][0] <= now), "fills that are not in order"
            assert (self.cells[row + Q_LAST] == NIL) == (not told), "a last fill that is none"
            seen += len(told)
        assert seen == self.fills.live, "a fill that belongs to no protection"
