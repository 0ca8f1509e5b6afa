"""The table of liquidations under way: one row per account and asset (its cross positions), or per isolated position; and the screen.

Rows are recycled; those in use are linked in the order in which they began. An auction's number leads straight to its row.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from .tables import State, column, more
from .types import FIRST_USER, NIL


@mypyc_attr(allow_interpreted_subclasses=True)
class Screen:
    """Says which accounts a pass must examine. It may name too many, never too few."""

    def suspects(self, state: State) -> list[int]:
        """Account numbers, rising."""
        return list(range(FIRST_USER, state.accounts.count))


SCREENS: Final[list[Screen]] = []  # the one that new venues use, if any: the package puts it here where it helps


class Liquidations:
    def __init__(self, rows: i64) -> None:
        self.account: vec[i64] = column(rows, NIL)  # NIL: a free row
        self.asset: vec[i64] = column(rows, 0)
        self.row: vec[i64] = column(rows, NIL)  # the isolated position, or NIL
        self.step: vec[i64] = column(rows, 0)
        self.since: vec[i64] = column(rows, 0)  # [ns] when the step began
        self.auction: vec[i64] = column(rows, 0)  # number of the auction under way, 0: none
        self.insolvent_since: vec[i64] = column(rows, NIL)  # [ns] when the auction turned to paying its bidders, NIL: not
        self.exhausted: vec[i64] = column(rows, 0)  # 1: every step has had its turn
        self.next: vec[i64] = column(rows, NIL)  # of the rows in use, in their order; of a free one the next free one
        self.prev: vec[i64] = column(rows, NIL)
        self.same_account: vec[i64] = column(rows, NIL)  # another cross liquidation of the account, or NIL
        self.rows: i64 = rows
        self.first: i64 = NIL
        self.last: i64 = NIL
        self.free: i64 = NIL
        self.live: i64 = 0
        self.last_auction: i64 = 0
        self.by_auction: dict[int, int] = {}
        self.chain(0)

    def chain(self, start: i64) -> None:
        """Put the rows from `start` on, all new, on the free list, lowest first."""
        at = self.rows
        while at > start:
            at -= 1
            self.next[at] = self.free
            self.free = at

    def new_row(self) -> i64:
        if self.free == NIL:
            self.grow()
        at = self.free
        self.free = self.next[at]
        self.next[at] = NIL
        self.prev[at] = self.last
        if self.last == NIL:
            self.first = at
        else:
            self.next[self.last] = at
        self.last = at
        self.same_account[at] = NIL
        self.live += 1
        return at

    def free_row(self, at: i64) -> None:
        after = self.next[at]
        before = self.prev[at]
        if before == NIL:
            self.first = after
        else:
            self.next[before] = after
        if after == NIL:
            self.last = before
        else:
            self.prev[after] = before
        self.account[at] = NIL
        self.next[at] = self.free
        self.free = at
        self.live -= 1

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
        self.next = more(self.next, add, NIL)
        self.prev = more(self.prev, add, NIL)
        self.same_account = more(self.same_account, add, NIL)
        self.rows = add * 2
        self.chain(add)

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
