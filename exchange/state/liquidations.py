"""The table of liquidations under way: one row per account and asset (its cross positions), or per isolated position; and the screen.

Rows are recycled; those in use are linked in the order in which they began. An auction's number leads straight to its row.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from .tables import Recycled, State, column, more
from .types import FIRST_USER, NIL


@mypyc_attr(allow_interpreted_subclasses=True)
class Screen:
    """Says which accounts a pass must examine. It may name too many, never too few."""

    def suspects(self, state: State) -> list[int]:
        """Account numbers, rising."""
        return list(range(FIRST_USER, state.accounts.count))


SCREENS: Final[list[Screen]] = []  # the one that new venues use, if any: the package puts it here where it helps


class Liquidations(Recycled):
    def __init__(self, rows: i64) -> None:
        super().__init__(rows)  # `next`: of the rows in use, in their order
        self.account: vec[i64] = column(rows, NIL)  # NIL: a free row
        self.asset: vec[i64] = column(rows, 0)
        self.row: vec[i64] = column(rows, NIL)  # the isolated position, or NIL
        self.step: vec[i64] = column(rows, 0)
        self.since: vec[i64] = column(rows, 0)  # [ns] when the step began
        self.auction: vec[i64] = column(rows, 0)  # number of the auction under way, 0: none
        self.insolvent_since: vec[i64] = column(rows, NIL)  # [ns] when the auction turned to paying its bidders, NIL: not
        self.exhausted: vec[i64] = column(rows, 0)  # 1: every step has had its turn
        self.prev: vec[i64] = column(rows, NIL)
        self.same_account: vec[i64] = column(rows, NIL)  # another cross liquidation of the account, or NIL
        self.first: i64 = NIL
        self.last: i64 = NIL
        self.last_auction: i64 = 0
        self.by_auction: dict[int, int] = {}

    def new_row(self) -> i64:
        if self.free == NIL:
            self.grow()
        at = super().new_row()
        self.next[at] = NIL
        self.prev[at] = self.last
        if self.last == NIL:
            self.first = at
        else:
            self.next[self.last] = at
        self.last = at
        self.same_account[at] = NIL
        return at

    def free_row(self, slot: i64) -> None:
        after = self.next[slot]
        before = self.prev[slot]
        if before == NIL:
            self.first = after
        else:
            self.next[before] = after
        if after == NIL:
            self.last = before
        else:
            self.prev[after] = before
        self.account[slot] = NIL
        super().free_row(slot)

    def grow(self) -> None:
        """Nobody keeps an alias of these columns, so they may grow within a command."""
        add = self.rows
        self.account = more(self.account, add, NIL)
        self.asset = more(self.asset, add, 0)
        self.row = more(self.row, add, NIL)
        self.step = more(self.step, add, 0)
        self.since = more(self.since, add, 0)
        self.auction = more(self.auction, add, 0)
        self.insolvent_since = more(self.insolvent_since, add, NIL)
        self.exhausted = more(self.exhausted, add, 0)
        self.prev = more(self.prev, add, NIL)
        self.same_account = more(self.same_account, add, NIL)
        self.lengthen()

    def open_auction(self, at: i64) -> i64:
        """Give the row the next auction number."""
        self.last_auction += 1
        self.auction[at] = self.last_auction
        self.by_auction[int(self.last_auction)] = int(at)
        return self.last_auction

    def close_auction(self, at: i64) -> None:
        del self.by_auction[int(self.auction[at])]
        self.auction[at] = 0
        self.insolvent_since[at] = NIL

    def of_auction(self, auction: i64) -> i64:
        """The row of an open auction, or NIL."""
        found: i64 = self.by_auction.get(int(auction), int(NIL))
        return found
