"""Open orders: what rests, what it adds to the sums of its position row, and how it goes.

Reduce-only orders count in no sum, since they cannot raise a requirement; they shrink with their position, and go when there is nothing
left for them to reduce. Nothing here moves money.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema.kinds import E_ORDER_CANCELLED, E_ORDER_REDUCED, ORDER_CANCELLED, X_IMMEDIATE, X_REDUCE_ONLY
from ..state.tables import (
    O_ACCOUNT,
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_FILLED,
    O_MARKET,
    O_NEXT_OWN,
    O_ORDER_ID,
    O_POSITION,
    O_PRICE,
    O_REDUCE_ONLY,
    O_SELF_TRADE,
    O_SIDE,
    O_SIZE,
    O_TIF,
    State,
)
from ..state.types import BUY, NIL, abs_i64, max_i64
from .access import reducible
from .book import Book


class Incoming:
    """The order at hand. One record is reused for all."""

    def __init__(self) -> None:
        self.order_id: i64 = 0
        self.account: i64 = 0
        self.market: i64 = 0
        self.row: i64 = NIL  # its position row
        self.side: i64 = 0
        self.limit: i64 = 0  # [ticks]
        self.left: i64 = 0  # [lots]
        self.counted: i64 = 0  # [lots] that are in the open-order sums of its row
        self.filled: i64 = 0  # [lots] before and during this match
        self.value: i64 = 0  # [micro] of the fills of this match
        self.tif: i64 = 0
        self.reduce_only: i64 = 0
        self.self_trade: i64 = 0
        self.client_hi: i64 = 0  # 0 and 0: no client id
        self.client_lo: i64 = 0
        self.forced: bool = False  # a liquidation or an unwind: not checked, no taker fee
        self.stopped: i64 = X_IMMEDIATE  # why what is left does not trade on


class OpenOrders:
    def __init__(self, state: State, book: Book) -> None:
        self.state: State = state
        self.book: Book = book

    def count_open(self, row: i64, side: i64, lots: i64, notional: i64) -> None:
        """Add to the open-order sums of a position row; negative numbers take off."""
        positions = self.state.positions
        if side == BUY:
            positions.bid_lots[row] += lots
            positions.bid_notional[row] += notional
        else:
            positions.ask_lots[row] += lots
            positions.ask_notional[row] += notional

    def count(self, o: Incoming, lots: i64) -> None:
        """Let `lots` of the order at hand be in the open-order sums."""
        more = lots - o.counted
        if more != 0:
            self.count_open(o.row, o.side, more, more * o.limit * self.state.markets.unit[o.market])
            o.counted = lots

    def release_open(self, slot: i64, lots: i64) -> None:
        orders = self.state.orders.cells
        if orders[slot + O_REDUCE_ONLY] == 0:
            notional = lots * orders[slot + O_PRICE] * self.state.markets.unit[orders[slot + O_MARKET]]
            self.count_open(orders[slot + O_POSITION], orders[slot + O_SIDE], -lots, -notional)

    def rest(self, o: Incoming) -> None:
        """Put what is left into the book."""
        orders = self.state.orders.cells
        slot = self.state.orders.new_row()
        orders[slot + O_ORDER_ID] = o.order_id
        orders[slot + O_ACCOUNT] = o.account
        orders[slot + O_MARKET] = o.market
        orders[slot + O_POSITION] = o.row
        orders[slot + O_SIDE] = o.side
        orders[slot + O_PRICE] = o.limit
        orders[slot + O_SIZE] = o.left
        orders[slot + O_FILLED] = o.filled
        orders[slot + O_TIF] = o.tif
        orders[slot + O_REDUCE_ONLY] = o.reduce_only
        orders[slot + O_SELF_TRADE] = o.self_trade
        orders[slot + O_CLIENT_HI] = o.client_hi
        orders[slot + O_CLIENT_LO] = o.client_lo
        if o.client_hi != 0 or o.client_lo != 0:
            self.book.client_ids(o.account).add_open(o.client_hi, o.client_lo, slot)
        if o.reduce_only != 0:
            positions = self.state.positions
            positions.reducers[o.row] += 1
            positions.largest_reducer[o.row] = max_i64(positions.largest_reducer[o.row], o.left)
        else:
            self.count(o, o.left)
        self.book.rest(slot)

    def close(self, slot: i64, outcome: i64) -> None:
        """Take an order out of the book and out of all sums; its client id stays taken for a while."""
        state = self.state
        orders = state.orders.cells
        if orders[slot + O_SIZE] > 0:
            self.release_open(slot, orders[slot + O_SIZE])
        if orders[slot + O_REDUCE_ONLY] != 0:
            row = orders[slot + O_POSITION]
            state.positions.reducers[row] -= 1
            if state.positions.reducers[row] == 0:
                state.positions.largest_reducer[row] = 0
        hi = orders[slot + O_CLIENT_HI]
        lo = orders[slot + O_CLIENT_LO]
        if hi != 0 or lo != 0:
            ids = self.book.client_ids(orders[slot + O_ACCOUNT])
            ids.remove_open(hi, lo, slot)
            ids.close(hi, lo, orders[slot + O_ORDER_ID], outcome, orders[slot + O_FILLED])
        self.book.remove(slot)

    def cancel(self, slot: i64, reason: i64) -> None:
        orders = self.state.orders.cells
        self.state.log.write(
            E_ORDER_CANCELLED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET],
            orders[slot + O_SIZE], reason, 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        self.close(slot, ORDER_CANCELLED)

    def cancel_row(self, row: i64, reason: i64) -> None:
        """Cancel all orders of a position row, the youngest first, reduce-only ones before the others."""
        positions = self.state.positions
        while positions.first_reducer[row] != NIL:
            self.cancel(positions.first_reducer[row], reason)
        while positions.first_order[row] != NIL:
            self.cancel(positions.first_order[row], reason)

    def cancel_account(self, account: i64, reason: i64) -> None:
        row = self.state.accounts.first_position[account]
        while row != NIL:
            self.cancel_row(row, reason)
            row = self.state.positions.next[row]

    def sync_reducers(self, row: i64) -> None:
        """After a change of the position: shrink what no longer fits, cancel what has nothing left to reduce."""
        positions = self.state.positions
        slot = positions.first_reducer[row]
        if slot == NIL:
            return
        orders = self.state.orders.cells
        lots = reducible(positions.size[row], orders[slot + O_SIDE])  # all of them are on the side that reduced the position before
        if lots >= positions.largest_reducer[row]:
            return
        positions.largest_reducer[row] = lots
        while slot != NIL:
            after = orders[slot + O_NEXT_OWN]
            if lots == 0:
                self.cancel(slot, X_REDUCE_ONLY)
            elif orders[slot + O_SIZE] > lots:
                self.book.shrink(slot, orders[slot + O_SIZE] - lots)
                self.state.log.emit(
                    E_ORDER_REDUCED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET],
                    orders[slot + O_SIZE],
                )  # fmt: skip
            slot = after

    def check(self) -> None:
        """Open-order sums, reducers and own-order links of every position row agree with the orders in the book."""
        positions = self.state.positions
        row: i64 = 0
        seen: i64 = 0
        while row < positions.count:
            sums: list[i64] = [0, 0, 0, 0, 0]
            seen += self.check_list(row, positions.first_reducer[row], 1, sums)
            seen += self.check_list(row, positions.first_order[row], 0, sums)
            assert sums[0] == positions.bid_lots[row] and sums[1] == positions.ask_lots[row], "open-order lots are stale"
            assert sums[2] == positions.bid_notional[row] and sums[3] == positions.ask_notional[row], "open-order notional is stale"
            assert sums[4] == positions.reducers[row], "count of reduce-only orders is stale"
            row += 1
        assert seen == self.state.orders.live, "an order belongs to no position row"

    def check_list(self, row: i64, slot: i64, reduce_only: i64, sums: list[i64]) -> i64:
        """One list of a row's own orders, added up: bid lots, ask lots, their notional, reducers. Returns how many there are."""
        positions = self.state.positions
        orders = self.state.orders.cells
        seen: i64 = 0
        while slot != NIL:
            assert orders[slot + O_POSITION] == row and orders[slot + O_ACCOUNT] == positions.account[row]
            assert orders[slot + O_REDUCE_ONLY] == reduce_only, "an order in the wrong list of its owner"
            seen += 1
            if reduce_only != 0:
                assert orders[slot + O_SIZE] <= abs_i64(positions.size[row]), "a reduce-only order larger than its position"
                assert orders[slot + O_SIZE] <= positions.largest_reducer[row], "a reduce-only order larger than the largest"
                assert (orders[slot + O_SIDE] == BUY) == (positions.size[row] < 0), "a reduce-only order that would increase"
                sums[4] += 1
            else:
                side = orders[slot + O_SIDE]
                sums[side] += orders[slot + O_SIZE]
                sums[2 + side] += orders[slot + O_SIZE] * orders[slot + O_PRICE] * self.state.markets.unit[orders[slot + O_MARKET]]
            slot = orders[slot + O_NEXT_OWN]
        return seen
