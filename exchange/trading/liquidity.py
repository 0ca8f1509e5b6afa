"""Liquidity: money into the pool of a market's curve, for shares of it, and back; and what the curve does when the oracle moves.

A pool belongs to who has shares of it, the venue's own capital included, which stays for good: so no pool is ever empty, and the first to
come cannot make shares dear by a gift. What a pool is worth is measured at the mark, at the oracle, and at the curve's own quotes: who
comes in pays the highest of the three, who leaves gets by the lowest, so that nobody trades shares against a price that is late, nor takes
a part of what he has himself paid to move the curve and gets back by trading back. Shares and payments round down.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.collateral import is_profit_stale
from ..money.ledger import Ledger
from ..money.payoff import value_of
from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.tables import (
    P_ACCOUNT,
    P_ISOLATED_MARGIN,
    P_MARKET,
    P_MODE,
    P_PAID_IN,
    P_SHARES,
    P_SHARES_SINCE,
    P_SIZE,
    P_WIDTH,
)
from ..state.types import CURVE, NIL, abs_i64, max_i64, min_i64, mul_div_floor, ppm_ceil
from .access import in_liquidation, refused_frozen, refused_order, refused_risk, refused_user_in_market
from .accounts import AccountDesk
from .curve_source import NO_CURVE, CurveSource
from .pool_money import least_worth, most_worth, pay_in, worth_at
from .range_desk import RangeDesk

MOST_SHARES: Final[i64] = 1 << 60  # of one pool


class LiquidityDesk:
    def __init__(self, state: State, ledger: Ledger, curves: CurveSource, accounts: AccountDesk) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.curves: CurveSource = curves
        self.accounts: AccountDesk = accounts
        self.ranges: RangeDesk = RangeDesk(state, ledger, curves, accounts.matcher.positions)
        self.capital: list[int] = []  # [micro] of the venue's own, by market: as many shares, which stay

    def open_pools(self, capital: list[i64]) -> None:
        """A position of the CURVE account in every market that has a curve, with the design's capital [micro] behind it, by market."""
        state = self.state
        for amount in capital:
            self.capital.append(int(amount))
        for market in state.markets:
            if market.curve_role != NO_CURVE:
                row = state.position_row(CURVE, market.number)
                state.positions.cells[row + P_MODE] = k.ISOLATED
                market.pool.row = row
                market.pool.shares = capital[market.number]
                self.ledger.deposit(CURVE, market.asset, capital[market.number])
                self.ledger.to_isolated(row, capital[market.number])

    # -- the oracle ----------------------------------------------------------------------------------------------------------------

    def oracle_moved(self, market: Market) -> None:
        """After a new oracle price, before the mark."""
        if market.curve_role == NO_CURVE:
            return
        pool = market.pool
        curve = self.curves.curve(market)
        if pool.started == 0:
            curve.start(market, pool)
            pool.started = 1
            return
        before = self.curves.stand(market)
        self.curves.tell_moved(market, before, curve.oracle_moved(market, pool, self.curves.inventory(market)))

    # -- shares --------------------------------------------------------------------------------------------------------------------

    def refused(self, account: i64, number: i64) -> i64:
        """May the account have to do with the pool of this market now?"""
        state = self.state
        reason = refused_user_in_market(state, account, number)
        if reason != 0:
            return reason
        market = state.markets[number]
        if market.status == k.HALTED:
            return k.R_MARKET_HALTED
        return k.R_NO_CURVE if market.curve_role == NO_CURVE or market.pool_is_virtual != 0 else 0

    def add(self, account: i64, number: i64, amount: i64, lower: i64, upper: i64) -> i64:
        reason = self.refused(account, number)
        if reason == 0:
            reason = self.refused_addition(account, self.state.markets[number], amount)
        if reason != 0:
            return reason
        state = self.state
        market = state.markets[number]
        curve = self.ranges.curve(market)
        if curve is not None:
            return self.ranges.add(curve, account, market, amount, lower, upper)
        if lower != 0 or upper != 0:
            return k.R_CURVE_RANGE
        pool = market.pool
        worth = most_worth(state, market, self.curves.curve(market))
        bought = int(amount) * int(pool.shares) // int(worth) if worth > 0 else 0  # beyond 2^63 where the pool has lost almost all
        if bought == 0 or bought > int(MOST_SHARES - pool.shares):
            return k.R_LIQUIDITY_LIMIT
        shares: i64 = bought
        pay_in(self.ledger, account, market, amount)
        row = state.position_row(account, number)
        cells = state.positions.cells
        cells[row + P_SHARES] += shares
        cells[row + P_PAID_IN] += amount
        cells[row + P_SHARES_SINCE] = state.now
        pool.shares += shares
        state.log.emit(k.E_LIQUIDITY_ADDED, state.now, account, number, amount, shares)
        return 0

    def refused_addition(self, account: i64, market: Market, amount: i64) -> i64:
        state = self.state
        if in_liquidation(state, account, NIL):
            return k.R_IN_LIQUIDATION
        reason = refused_risk(state, account)
        if reason != 0:
            return reason
        reason = refused_order(market, state.now, k.POST_ONLY, False)  # it waits for others, as such an order does, and may open
        if reason != 0:
            return reason
        if market.is_stale(state.now) or not self.curves.is_open(market):
            return k.R_ORACLE_STALE
        return self.accounts.refused_outflow(account, market.asset, amount)

    def remove(self, account: i64, number: i64, shares: i64, range_id: i64) -> i64:
        """An account in liquidation may: money comes in."""
        reason = self.refused(account, number)
        if reason == 0:
            reason = refused_frozen(self.state, account)
        if reason != 0:
            return reason
        state = self.state
        cells = state.positions.cells
        market = state.markets[number]
        curve = self.ranges.curve(market)
        if curve is not None:
            return self.ranges.remove(curve, account, market, shares, range_id)
        row = state.find_position(account, number)
        if range_id != 0 or row == NIL or cells[row + P_SHARES] < shares:
            return k.R_INSUFFICIENT_SHARES
        if state.now - cells[row + P_SHARES_SINCE] < market.pool_lock:
            return k.R_LIQUIDITY_LOCKED
        worth = least_worth(state, market, self.curves.curve(market))
        if is_profit_stale(market, state.now):
            worth = min_i64(worth, cells[market.pool.row + P_ISOLATED_MARGIN])
        amount = mul_div_floor(max_i64(0, worth), shares, market.pool.shares)
        if not self.can_pay_out(market, amount):
            return k.R_POOL_MARGIN
        paid_in = mul_div_floor(cells[row + P_PAID_IN], shares, cells[row + P_SHARES])
        cells[row + P_PAID_IN] -= paid_in
        cells[row + P_SHARES] -= shares
        market.pool.shares -= shares
        pay_in(self.ledger, account, market, -amount)
        state.log.emit(k.E_LIQUIDITY_REMOVED, state.now, account, number, shares, amount)
        return 0

    def can_pay_out(self, market: Market, amount: i64) -> bool:
        """Would the pool still carry its position, at the mark and at the oracle, and has it the money?"""
        cells = self.state.positions.cells
        row = market.pool.row
        size = abs_i64(cells[row + P_SIZE])
        if cells[row + P_ISOLATED_MARGIN] < amount:
            return False
        return size == 0 or (self.carries(market, size, market.mark, amount) and self.carries(market, size, market.oracle, amount))

    def carries(self, market: Market, size: i64, price: i64, less: i64) -> bool:
        """Could the pool, with `less` in it, hold `size` lots (unsigned) at `price`?"""
        return worth_at(self.state, market, price) - less >= ppm_ceil(value_of(market, size, price), market.pool_margin_ppm)

    # -- proof -------------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Shares add up, and every pool is the CURVE account's."""
        state = self.state
        cells = state.positions.cells
        shares: list[int] = [0] * len(state.markets)
        row: i64 = 0
        while row < state.positions.end:
            assert cells[row + P_SHARES] >= 0 and cells[row + P_PAID_IN] >= 0
            shares[cells[row + P_MARKET]] += int(cells[row + P_SHARES])
            row += P_WIDTH
        for market in state.markets:
            pool = market.pool
            assert int(pool.shares) - shares[market.number] == self.capital[market.number], "shares of a pool do not add up"
            assert (pool.row == NIL) == (market.curve_role == NO_CURVE)
            if pool.row != NIL:
                assert cells[pool.row + P_ACCOUNT] == CURVE and cells[pool.row + P_MODE] == k.ISOLATED, "a pool of another account"
            self.ranges.check(market)
