"""A case: one liquidation, as far as its steps may know and touch it."""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import cross_equity, cross_maintenance, cross_rows, cross_solvency, market_of, row_equity, row_maintenance
from ..schema import kinds as k
from ..state.liquidations import Liquidation
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_MARKET, P_SIZE
from ..state.types import NIL, abs_i64, clamp_i64, max_i64, min_i64
from ..trading.access import is_suspended, suspended_since
from .slices import Slices


def open_rows(state: State, account: i64, row: i64, asset: i64) -> list[i64]:
    """The open position rows that a liquidation is about, by market: the isolated `row`, or (NIL) the account's cross ones in the asset."""
    if row == NIL:
        return cross_rows(state, account, asset)
    return [row] if state.positions.cells[row + P_SIZE] != 0 else []


def free_rows(state: State, rows: list[i64]) -> list[i64]:
    """Those whose market is not suspended: what may be closed now."""
    free: list[i64] = []
    for row in rows:
        if not is_suspended(market_of(state, row), state.now):
            free.append(row)
    return free


class LiquidationCase:
    """`liquidation` is its place in its life; `slices` closes what is to be closed. Positions are known by their rows."""

    def __init__(self, state: State, slices: Slices, liquidation: Liquidation, has_other_steps: bool, deleverages: bool) -> None:
        self.state: State = state
        self.slices: Slices = slices
        self.liquidation: Liquidation = liquidation
        self.has_other_steps: bool = has_other_steps  # does the design have more than one step?
        self.deleverages: bool = deleverages  # does the design close against winners what no step could close?
        self.account: i64 = liquidation.account

    def market_of(self, row: i64) -> Market:
        return market_of(self.state, row)

    def size(self, row: i64) -> i64:
        """Of a position, in lots: above 0 long, below 0 short."""
        return self.state.positions.cells[row + P_SIZE]

    def close_in_book(self, row: i64, lots: i64, limit: i64) -> i64:
        """Close up to `lots` (unsigned) of a position by an order that trades no worse than at `limit` [ticks]; return the lots closed.

        What they fetched beyond or short of the position's bankruptcy price is settled: a fee, or a deficit for the backstops.
        """
        slices = self.slices
        held = self.size(row)
        lots = min_i64(lots, abs_i64(held))
        if lots <= 0:
            return 0
        due = slices.bankruptcy_value(row, self.solvency(), self.maintenance())
        slices.begin()
        order = slices.send(self.account, row, lots, clamp_i64(limit, 1, self.market_of(row).max_price))
        slices.settle(row, held, order.filled, order.value, due, k.BY_BOOK)
        slices.end()
        return order.filled

    @property
    def isolated_market(self) -> i64:
        """Number of the market of an isolated position; NIL: the case is about cross positions."""
        row = self.liquidation.row
        return self.state.positions.cells[row + P_MARKET] if row != NIL else NIL

    def equity(self) -> i64:
        """[micro] behind all that the case is about."""
        it = self.liquidation
        return row_equity(self.state, it.row) if it.row != NIL else cross_equity(self.state, it.account, it.asset)

    def solvency(self) -> i64:
        """The same as deficits are measured [micro]: with other assets at the highest weights that they ever count for."""
        it = self.liquidation
        return row_equity(self.state, it.row) if it.row != NIL else cross_solvency(self.state, it.account, it.asset)

    def remainder(self) -> i64:
        """What goes with the positions to who takes them over [micro]: the equity; below zero only what is a deficit."""
        return self.remainder_of(self.equity(), self.solvency())

    def remainder_of(self, equity: i64, solvency: i64) -> i64:
        """The same for who knows both."""
        return min_i64(max_i64(0, equity), solvency)

    def maintenance(self) -> i64:
        it = self.liquidation
        return row_maintenance(self.state, it.row) if it.row != NIL else cross_maintenance(self.state, it.account, it.asset)

    def rows(self) -> list[i64]:
        """The open positions that the case is about, by market."""
        return open_rows(self.state, self.liquidation.account, self.liquidation.row, self.liquidation.asset)

    def free_rows(self) -> list[i64]:
        """Those that may be closed now: their market is not suspended."""
        return free_rows(self.state, self.rows())

    def is_held(self) -> bool:
        """Is all that the case is about held back by suspensions?"""
        for row in self.rows():  # in every pass of every liquidation: no second list
            if not is_suspended(self.market_of(row), self.state.now):
                return False
        return True

    def clock(self) -> i64:
        """The time [ns] by the case's clock: now, or since when everything that it is about is held back."""
        rows = self.rows()
        if len(free_rows(self.state, rows)) > 0:
            return self.state.now
        latest: i64 = 0
        for row in rows:
            latest = max_i64(latest, suspended_since(market_of(self.state, row)))
        return min_i64(latest, self.state.now)

    def payers(self) -> i64:
        """What the cash payers ahead of auto-deleveraging can pay for this account now [micro]."""
        rows = self.free_rows()
        return self.slices.backstops.available(rows[0]) if len(rows) > 0 else 0
