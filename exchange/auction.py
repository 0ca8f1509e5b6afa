"""The Dutch auction of a liquidated account. Positions change hands at the mark; what a bidder gains against it is cash.

Shares of an account round up for lots, down for money.
"""

from __future__ import annotations

from mypy_extensions import i64

from . import kinds as k
from .entry import is_stale
from .liquidation import LiquidationDesk, LiquidationStep
from .margin import cross_equity, cross_initial, equity_share, initial_of, row_initial, value_of
from .steps import hand_over
from .types import (
    HALTED,
    ISOLATED,
    MAX_TS,
    NIL,
    PAUSE_LIQUIDATION,
    PPM,
    abs_i64,
    clamp_i64,
    max_i64,
    min_i64,
    mul_div_ceil,
    mul_div_floor,
    ppm_floor,
)


class DutchAuction(LiquidationStep):
    """Sell a share of the account at a falling price; below zero equity, pay for it (after Derive, venues of that design).

    Solvent: the bidder gets positions at the mark and (1 - f) of the share's equity, f falling from `start_ppm` to 0 in `duration`; the
    share offered is what restores maintenance + `buffer_ppm`. Insolvent, or after `duration`: the bidder takes the share's equity on,
    all of it, and is paid from 0, rising in `insolvent_duration` to what the cash payers behind the auction can pay, at most the way from
    the equity to maintenance. It fails at once when they can pay nothing, and when that time is over if the design deleverages.
    """

    def __init__(self, start_ppm: i64, duration: i64, insolvent_duration: i64, buffer_ppm: i64) -> None:
        super().__init__(MAX_TS)
        self.start_ppm: i64 = start_ppm
        self.duration: i64 = duration  # [ns]
        self.insolvent_duration: i64 = insolvent_duration  # [ns]
        self.buffer_ppm: i64 = buffer_ppm

    def act(self, desk: LiquidationDesk, at: i64) -> bool:
        table = desk.table
        now = desk.state.now
        equity = desk.equity(at)
        if table.auction[at] == 0:
            desk.last_auction += 1
            table.auction[at] = desk.last_auction
            table.since[at] = now
            row = table.row[at]
            market = desk.state.positions.market[row] if row != NIL else NIL
            desk.state.log.emit(
                k.E_AUCTION_STARTED, now, table.auction[at], table.account[at], market, equity, desk.maintenance(at),
            )  # fmt: skip
        if equity > 0 and now - table.since[at] < self.duration:
            table.insolvent_since[at] = NIL
            return False
        if table.insolvent_since[at] == NIL:
            table.insolvent_since[at] = now
        if self.cap(desk, at) <= 0:
            return True
        over = now - table.insolvent_since[at] >= self.insolvent_duration
        return over and desk.backstops.adl is not None

    def forget(self, desk: LiquidationDesk, at: i64, outcome: i64) -> None:
        table = desk.table
        if table.auction[at] != 0:
            row = table.row[at]
            market = desk.state.positions.market[row] if row != NIL else NIL
            desk.state.log.emit(k.E_AUCTION_ENDED, desk.state.now, table.auction[at], table.account[at], market, outcome)
            table.auction[at] = 0
            table.insolvent_since[at] = NIL

    def cap(self, desk: LiquidationDesk, at: i64) -> i64:
        """The most that bidders for the whole account can be paid [micro]."""
        rows = desk.rows_of(at)
        if len(rows) == 0:
            return 0
        payers = desk.backstops.available(desk.state.positions.market[rows[0]])
        return min_i64(payers, desk.maintenance(at) - desk.equity(at))

    def payment(self, desk: LiquidationDesk, at: i64) -> i64:
        """What bidders for the whole account would be paid now."""
        since = desk.table.insolvent_since[at]
        if since == NIL:
            return 0
        elapsed = min_i64(desk.state.now - since, self.insolvent_duration)
        return mul_div_floor(max_i64(0, self.cap(desk, at)), elapsed, self.insolvent_duration)

    def gain(self, desk: LiquidationDesk, at: i64) -> i64:
        """What a bidder for the whole account would gain against the mark now [micro]."""
        equity = desk.equity(at)
        if desk.table.insolvent_since[at] != NIL:
            return equity + self.payment(desk, at)
        elapsed = min_i64(desk.state.now - desk.table.since[at], self.duration)
        asked = self.start_ppm - mul_div_floor(self.start_ppm, elapsed, self.duration)
        return ppm_floor(equity, PPM - asked)

    def share(self, desk: LiquidationDesk, at: i64) -> i64:
        """The share of the account on offer [ppm]."""
        if desk.table.insolvent_since[at] != NIL:
            return PPM
        equity = desk.equity(at)
        wanted = desk.maintenance(at) + ppm_floor(desk.maintenance(at), self.buffer_ppm)
        missing = wanted - equity
        below = missing + equity - self.gain(desk, at)
        if below <= 0 or missing >= below:
            return PPM
        return clamp_i64(mul_div_ceil(missing, PPM, below), 1, PPM)

    def take(self, desk: LiquidationDesk, at: i64, bidder: i64, share_ppm: i64, minimum_gain: i64) -> i64:
        """A bid for `share_ppm` of what is on offer; returns the reason of a refusal, or 0."""
        share = mul_div_ceil(self.share(desk, at), share_ppm, PPM)
        equity = mul_div_floor(desk.equity(at), share, PPM)
        paid = mul_div_floor(self.payment(desk, at), share, PPM)
        gain = equity + paid if desk.table.insolvent_since[at] != NIL else mul_div_floor(self.gain(desk, at), share, PPM)
        rows = desk.rows_of(at)
        reason = self.refused_bidder(desk, bidder, rows)
        if reason != 0:
            return reason
        if gain < minimum_gain:
            return k.R_AUCTION_PRICE
        reason = self.refused_size(desk, bidder, rows, share, gain)
        if reason != 0:
            return reason
        auction = desk.table.auction[at]
        account = desk.table.account[at]
        maintenance = desk.maintenance(at)
        for row in rows:
            debt = max_i64(0, -equity_share(desk.state, row, equity, maintenance))
            hand_over(desk, row, bidder, mul_div_ceil(abs_i64(desk.state.positions.size[row]), share, PPM), debt, k.BY_AUCTION)
        desk.backstops.fold(rows[0], paid)
        desk.ledger.pay(rows[0], bidder, gain)
        desk.state.log.emit(k.E_AUCTION_TAKEN, desk.state.now, auction, account, bidder, share, gain, paid)
        desk.end_if_done(at)
        return 0

    def refused_bidder(self, desk: LiquidationDesk, bidder: i64, rows: list[i64]) -> i64:
        """Positions can be handed over in markets that are not halted or paused, to accounts that hold them on cross."""
        state = desk.state
        for row in rows:
            if state.markets.status[state.positions.market[row]] == HALTED:
                return k.R_MARKET_HALTED
        for row in rows:
            market = state.positions.market[row]
            if state.markets.on_stale[market] == PAUSE_LIQUIDATION and is_stale(state, market):
                return k.R_ORACLE_STALE
        for row in rows:
            own = state.find_position(bidder, state.positions.market[row])
            if own != NIL and state.positions.mode[own] == ISOLATED:
                return k.R_POSITION_OPEN
        return 0

    def refused_size(self, desk: LiquidationDesk, bidder: i64, rows: list[i64], share: i64, gain: i64) -> i64:
        """With the new positions the bidder stays within the caps and meets the initial requirement of all its positions."""
        state = desk.state
        positions = state.positions
        markets = state.markets
        asset = markets.asset[positions.market[rows[0]]]
        needed = cross_initial(state, bidder, asset)
        for row in rows:
            market = positions.market[row]
            lots = mul_div_ceil(abs_i64(positions.size[row]), share, PPM)
            after = lots if positions.size[row] > 0 else -lots
            leverage = markets.default_leverage[market]
            own = state.find_position(bidder, market)
            if own != NIL:
                after += positions.size[own]
                leverage = positions.leverage[own]
                needed -= row_initial(state, own)
            if abs_i64(after) > markets.max_lots[market]:
                return k.R_NOTIONAL_LIMIT
            needed += initial_of(markets, market, value_of(markets, market, abs_i64(after), markets.mark[market]), leverage)
        return 0 if cross_equity(state, bidder, asset) + gain >= needed else k.R_INSUFFICIENT_MARGIN
