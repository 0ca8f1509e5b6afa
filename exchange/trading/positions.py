"""Changes of positions: a trade booked with its fee, isolated margin after it, and the reduce-only orders that lean on the position."""

from __future__ import annotations

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.margin import isolated_shortage, market_of, row_equity, row_initial, sure_equity
from ..schema.kinds import ISOLATED, X_REDUCE_ONLY
from ..state.market import Market
from ..state.state import State
from ..state.tables import (
    O_NEXT_OWN,
    O_POSITION,
    O_REDUCE_ONLY,
    O_SIDE,
    P_FIRST_REDUCER,
    P_ISOLATED_MARGIN,
    P_LARGEST_REDUCER,
    P_MODE,
    P_SIZE,
)
from ..state.types import NIL, abs_i64, max_i64, min_i64, mul_div_floor
from .access import reducible
from .open_orders import OpenOrders, open_lots


class PositionKeeper:
    def __init__(self, state: State, ledger: Ledger, open_orders: OpenOrders) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.open: OpenOrders = open_orders
        # Only while an order is matched
        self.has_late: bool = False  # do reduce-only orders of some position have still to shrink?
        self.late: dict[int, int] = {}  # rows of these positions, as keys

    def change(self, market: Market, row: i64, lots: i64, value: i64, fee: i64) -> i64:
        """Book a trade and its fee; an isolated position then takes the margin it needs, or gives back its share. Returns the profit."""
        cells = self.state.positions.cells
        held = cells[row + P_SIZE]
        profit = self.ledger.trade(market, row, lots, value, fee)
        if cells[row + P_MODE] == ISOLATED:
            self.rebalance(row, held)
        return profit

    def change_frozen(self, row: i64, lots: i64, value: i64) -> i64:
        """Book what a liquidation or a settlement does to a position, free of fees: isolated margin stays where it is."""
        return self.ledger.trade(market_of(self.state, row), row, lots, value, 0)

    def receive(self, row: i64, lots: i64, value: i64) -> i64:
        """Book what an account takes on, or is closed out of, by a liquidation of another, free of fees. Returns the profit."""
        profit = self.change(market_of(self.state, row), row, lots, value, 0)
        self.sync_reducers(row)
        return profit

    def rebalance(self, row: i64, held: i64) -> None:
        """Isolated margin after a trade: all of it back when flat or flipped; after a reduction the closed share of the equity, rounded
        down, as far as the initial requirement is met without; what is missing to it after any other trade is taken from cash."""
        cells = self.state.positions.cells
        size = cells[row + P_SIZE]
        if size == 0 or (held != 0 and (size > 0) != (held > 0)):
            self.ledger.to_isolated(row, -cells[row + P_ISOLATED_MARGIN])
        if size == 0:
            return
        if (size > 0) == (held > 0) and abs_i64(size) < abs_i64(held):
            equity = row_equity(self.state, row)
            back = mul_div_floor(max_i64(0, equity), abs_i64(held) - abs_i64(size), abs_i64(held))
            spare = min_i64(sure_equity(self.state, row) - row_initial(self.state, row), cells[row + P_ISOLATED_MARGIN])
            self.ledger.to_isolated(row, -max_i64(0, min_i64(back, spare)))
        else:
            self.ledger.to_isolated(row, isolated_shortage(self.state, row))

    def sync_reducers(self, row: i64) -> None:
        """After a change of the position: shrink what no longer fits, cancel what has nothing left to reduce."""
        cells = self.state.positions.cells
        slot = cells[row + P_FIRST_REDUCER]
        if slot == NIL:
            return
        orders = self.state.orders.cells
        lots = reducible(cells[row + P_SIZE], orders[slot + O_SIDE])  # all of them are on the side that reduced the position before
        if lots >= cells[row + P_LARGEST_REDUCER]:
            return
        cells[row + P_LARGEST_REDUCER] = lots
        while slot != NIL:
            after = orders[slot + O_NEXT_OWN]
            if lots == 0:
                self.open.cancel(slot, X_REDUCE_ONLY)
            elif open_lots(self.state, slot) > lots:
                self.open.shrink(slot, open_lots(self.state, slot) - lots)
                self.open.tell_reduced(slot)
            slot = after

    # -- the same while an order is matched ----------------------------------------------------------------------------------------

    def note_fill(self, row: i64) -> None:
        """After a fill that others may follow. What has nothing left to reduce goes at once; what has to shrink does so when it is met, or
        at the end: else each fill would shrink as many orders as may rest. A match moves a position in one direction only, so that what
        an order shrinks to at last is the same."""
        cells = self.state.positions.cells
        slot = cells[row + P_FIRST_REDUCER]
        if slot == NIL:
            return
        lots = reducible(cells[row + P_SIZE], self.state.orders.cells[slot + O_SIDE])
        if lots == 0:
            self.sync_reducers(row)
        elif lots < cells[row + P_LARGEST_REDUCER]:
            self.late[int(row)] = 1
            self.has_late = True

    def meet(self, slot: i64) -> None:
        """A match has come to a resting order: if it is one that has still to shrink, it does."""
        orders = self.state.orders.cells
        row = orders[slot + O_POSITION]
        if orders[slot + O_REDUCE_ONLY] == 0 or int(row) not in self.late:
            return
        more = open_lots(self.state, slot) - reducible(self.state.positions.cells[row + P_SIZE], orders[slot + O_SIDE])
        if more > 0:
            self.open.shrink(slot, more)
            self.open.tell_reduced(slot)

    def end_match(self) -> None:
        """All that have still to shrink do, position by position, in the order in which fills have reached these."""
        for row in self.late:
            self.sync_reducers(row)
        self.late.clear()
        self.has_late = False
