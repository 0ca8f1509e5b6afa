"""Market status, and final settlement: every position of a market is closed at one price, and what accounts cannot pay is covered.

The exit values of all positions sum to zero, since the positions do; a fraction of nobody's money is rounded.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import cross_rows
from ..money.payoff import value_of
from ..schema import kinds as k
from ..state.market import Market
from ..state.schedule import FUNDING_PAYMENT, FUNDING_SAMPLE, MARK
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_ISOLATED_MARGIN, P_LIQUIDATION, P_MARKET, P_MODE, P_NEXT_OPEN, P_REALISED, P_SIZE, P_WIDTH
from ..state.types import CURVE, FIRST_USER, NIL, abs_i64, max_i64, min_i64
from ..trading.access import is_halted, is_suspended, suspended_since
from .backstops import solvency_behind
from .lifecycle import Lifecycle
from .slices import Slices


class MarketDesk:
    """The life of markets: status, suspension, settlement."""

    def __init__(self, state: State, slices: Slices, lifecycle: Lifecycle) -> None:
        self.state: State = state
        self.slices: Slices = slices
        self.lifecycle: Lifecycle = lifecycle

    def set_status(self, number: i64, status: i64, price: i64) -> i64:
        """Returns the reason of a refusal, or 0."""
        state = self.state
        if number >= len(state.markets):
            return k.R_UNKNOWN_MARKET
        market = state.markets[number]
        if market.status == k.SETTLED:
            return k.R_MARKET_SETTLED
        if market.is_spot != 0 and status == k.REDUCE_ONLY_MODE:
            return k.R_SPOT_MARKET
        if price > market.max_price:
            return k.R_PRICE_LIMIT
        if status == k.SETTLED:
            if price == 0:
                price = market.mark
            if price == 0:
                return k.R_NO_MARK_PRICE
            self.settle(market, price)
            market.status = status
        else:
            self.change_status(market, status)
        state.log.emit(k.E_MARKET_STATUS_CHANGED, state.now, number, status, price)
        return 0

    def change_status(self, market: Market, status: i64) -> None:
        """Keep the time at which a suspension began, and let what it held back go on when it ends."""
        now = self.state.now
        was_suspended = is_suspended(market, now)
        since = suspended_since(market) if was_suspended else now
        before = market.status
        market.status = status
        if is_suspended(market, now):
            if is_halted(status) or is_halted(before):  # a stale oracle that outlasts the halt does not begin anew
                market.suspended_since = since
            return
        if was_suspended:
            market.status = before
            self.lifecycle.resume(market)
            market.status = status
        market.suspended_since = NIL

    def settle(self, market: Market, price: i64) -> None:
        """Cancel all orders, close all positions at `price`, pay what accounts lack: a shared loss is shared by what is settled."""
        state = self.state
        cells = state.positions.cells
        if is_suspended(market, state.now):
            self.lifecycle.resume(market)
        market.mark = price
        if market.is_spot != 0 and state.collateral_market[market.base] == market.number:
            market.unexamined = 1  # what stands in for cash may count for less now
        self.stop_timers(market)
        row: i64 = 0
        while row < state.positions.end:
            if cells[row + P_MARKET] == market.number:
                self.slices.matcher.open.cancel_row(row, k.X_MARKET_STATUS)
            row += P_WIDTH
        closed: list[tuple[int, int]] = []  # account, row
        row = market.first_open
        while row != NIL:
            closed.append((int(cells[row + P_ACCOUNT]), int(row)))
            row = cells[row + P_NEXT_OPEN]
        closed.sort()
        self.slices.begin()
        lost: list[i64] = []
        for done in closed:
            lost.append(self.close(market, done[1], price))
        for done in closed:
            row = done[1]
            if cells[row + P_ACCOUNT] == CURVE:
                continue  # its pool belongs to who has shares of it, and waits for them
            if cells[row + P_MODE] == k.ISOLATED and cells[row + P_LIQUIDATION] == 0 and cells[row + P_ISOLATED_MARGIN] > 0:
                self.slices.ledger.to_isolated(row, -cells[row + P_ISOLATED_MARGIN])
        number: i64 = 0
        for done in closed:
            self.settle_account(market, done[1], lost[number])
            number += 1
        for done in closed:
            self.lifecycle.recover(done[0])
        self.slices.end()
        for done in closed:
            self.lifecycle.touch(done[0])
        self.lifecycle.wake()

    def stop_timers(self, market: Market) -> None:
        schedule = self.state.schedule
        schedule.cancel(MARK, market.number)
        schedule.cancel(FUNDING_SAMPLE, market.number)
        schedule.cancel(FUNDING_PAYMENT, market.number)

    def close(self, market: Market, row: i64, price: i64) -> i64:
        """One position at the settlement price; returns what was lost in it."""
        cells = self.state.positions.cells
        lots = -cells[row + P_SIZE]
        before = cells[row + P_REALISED]
        value = value_of(market, abs_i64(lots), price)
        profit = self.slices.matcher.positions.change_frozen(row, lots, value)
        if row == market.pool.row:
            self.slices.matcher.curves.follow(market, -lots, value)
        return max_i64(0, -(before + profit))

    def settle_account(self, market: Market, row: i64, lost: i64) -> None:
        """An account that cannot pay has a deficit, which belongs to this market: all of it if it holds nothing else, else what it has
        `lost` here. Isolated margin goes back to cash."""
        state = self.state
        cells = state.positions.cells
        account = cells[row + P_ACCOUNT]
        if account == CURVE and market.pool_is_virtual == 0 and cells[row + P_ISOLATED_MARGIN] < 0:
            self.slices.settle_debt(row, -cells[row + P_ISOLATED_MARGIN])
        isolated = row if cells[row + P_MODE] == k.ISOLATED else NIL
        if account < FIRST_USER or state.liquidations.find(account, isolated, market.asset) is not None:
            return  # a liquidation under way settles its own rest
        deficit = max_i64(0, -solvency_behind(state, row))
        if not self.is_flat(market, row):
            deficit = min_i64(deficit, lost)
        if deficit > 0:
            state.log.emit(k.E_LIQUIDATED, state.now, account, market.number, k.BY_SETTLEMENT, 0, 0, deficit, 0)
            self.slices.backstops.cover_deficit_here(row, deficit)
        if isolated != NIL:
            self.slices.ledger.to_isolated(row, -cells[row + P_ISOLATED_MARGIN])

    def is_flat(self, market: Market, row: i64) -> bool:
        """Has the account no open position left behind the same money?"""
        cells = self.state.positions.cells
        return cells[row + P_MODE] == k.ISOLATED or len(cross_rows(self.state, cells[row + P_ACCOUNT], market.asset)) == 0
