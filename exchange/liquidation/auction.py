"""The Dutch auction of a liquidated account. Positions change hands at the mark; what a bidder gains against it is cash.

What is on offer are the positions in markets that are not suspended, with their part of the account's equity, pro rata to maintenance.
Shares of an account round up for lots, down for money.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import cross_equity, cross_initial, equity_share, initial_of, row_initial, row_maintenance, value_of
from ..schema import kinds as k
from ..schema.views import Auction
from ..state.types import (
    ISOLATED,
    MAX_TS,
    NIL,
    PPM,
    abs_i64,
    clamp_i64,
    max_i64,
    min_i64,
    mul_div_ceil,
    mul_div_floor,
    ppm_floor,
)
from ..trading.access import suspension
from .desk import LiquidationDesk, LiquidationStep
from .slices import whole_or_part
from .steps import hand_over


class Lot:
    """What an auction has to offer now."""

    def __init__(self, desk: LiquidationDesk, at: i64) -> None:
        self.rows: list[i64] = desk.free_rows(at)
        self.equity: i64 = desk.equity(at)
        self.maintenance: i64 = 0
        for row in self.rows:
            self.maintenance += row_maintenance(desk.state, row)
        whole = desk.maintenance(at)
        if len(self.rows) == 0:
            self.maintenance = whole  # all is held back: what will be on offer again
        elif self.maintenance != whole and whole > 0:
            self.equity = mul_div_floor(self.equity, self.maintenance, whole)


class DutchAuction(LiquidationStep):
    """Sell a share of the account at a falling price; below zero equity, pay for it (after Derive, venues of that design).

    Solvent: the bidder gets positions at the mark and (1 - f) of the share's equity, f falling from `start_ppm` to 0 in `duration`; the
    share offered is what restores maintenance + `buffer_ppm`. After `duration` all of the account is on offer with all of its equity.
    Insolvent: the bidder takes all of it on and is paid by the cash payers, first what makes up for the equity, so that he gains nothing,
    then rising in `insolvent_duration` to what they can pay, at most the way from the equity to maintenance. Their money goes to what is
    below zero only. It gives up at once when they cannot make up for the equity, if the design has another step or deleverages; and when
    its time is over, if it deleverages.
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
        elsewhere = desk.adl is not None or len(desk.steps) > 1
        if elsewhere and equity < 0 and self.payers(desk, at) < -Lot(desk, at).equity:
            return True  # nobody could be paid enough: an auction that is under way ends, and none is begun
        if table.auction[at] == 0:
            number = table.open_auction(at)
            table.since[at] = now
            row = table.row[at]
            market = desk.state.positions.market[row] if row != NIL else NIL
            desk.state.log.emit(k.E_AUCTION_STARTED, now, number, table.account[at], market, equity, desk.maintenance(at))
        if equity > 0 and now - table.since[at] < self.duration:
            table.insolvent_since[at] = NIL
            return False
        if table.insolvent_since[at] == NIL:
            table.insolvent_since[at] = now
        over = now - table.insolvent_since[at] >= self.insolvent_duration
        return over and desk.adl is not None

    def forget(self, desk: LiquidationDesk, at: i64, outcome: i64) -> None:
        table = desk.table
        if table.auction[at] != 0:
            row = table.row[at]
            market = desk.state.positions.market[row] if row != NIL else NIL
            desk.state.log.emit(k.E_AUCTION_ENDED, desk.state.now, table.auction[at], table.account[at], market, outcome)
            table.close_auction(at)

    def payers(self, desk: LiquidationDesk, at: i64) -> i64:
        """What the cash payers can pay for this account now [micro]."""
        rows = desk.free_rows(at)
        return desk.backstops.available(rows[0]) if len(rows) > 0 else 0

    def payment(self, desk: LiquidationDesk, at: i64, lot: Lot) -> i64:
        """What bidders for the whole lot would be paid now."""
        since = desk.table.insolvent_since[at]
        if since == NIL or lot.equity >= 0 or len(lot.rows) == 0:
            return 0
        most = min_i64(self.payers(desk, at), lot.maintenance - lot.equity)
        least = min_i64(most, -lot.equity)
        elapsed = clamp_i64(desk.clock(at) - since, 0, self.insolvent_duration)
        return least + mul_div_floor(most - least, elapsed, self.insolvent_duration)

    def gain(self, desk: LiquidationDesk, at: i64, lot: Lot) -> i64:
        """What a bidder for the whole lot would gain against the mark now [micro]."""
        if desk.table.insolvent_since[at] != NIL:
            return lot.equity + self.payment(desk, at, lot)
        elapsed = clamp_i64(desk.clock(at) - desk.table.since[at], 0, self.duration)
        asked = self.start_ppm - mul_div_floor(self.start_ppm, elapsed, self.duration)
        return ppm_floor(lot.equity, PPM - asked)

    def share(self, desk: LiquidationDesk, at: i64, lot: Lot) -> i64:
        """The share of the lot on offer [ppm]."""
        if desk.table.insolvent_since[at] != NIL:
            return PPM
        wanted = lot.maintenance + ppm_floor(lot.maintenance, self.buffer_ppm)
        missing = wanted - lot.equity
        below = missing + lot.equity - self.gain(desk, at, lot)
        if below <= 0 or missing >= below:
            return PPM
        return clamp_i64(mul_div_ceil(missing, PPM, below), 1, PPM)

    def take(self, desk: LiquidationDesk, at: i64, bidder: i64, share_ppm: i64, minimum_gain: i64) -> i64:
        """A bid for `share_ppm` of what is on offer; returns the reason of a refusal, or 0."""
        lot = Lot(desk, at)
        reason = self.refused_market(desk, at, lot)
        if reason != 0:
            return reason
        share = mul_div_ceil(self.share(desk, at, lot), share_ppm, PPM)
        equity = mul_div_floor(lot.equity, share, PPM)
        paid = mul_div_floor(self.payment(desk, at, lot), share, PPM)
        gain = equity + paid if desk.table.insolvent_since[at] != NIL else mul_div_floor(self.gain(desk, at, lot), share, PPM)
        reason = self.refused_bidder(desk, bidder, lot, share, gain, minimum_gain)
        if reason != 0:
            return reason
        auction = desk.table.auction[at]
        account = desk.table.account[at]
        desk.ledger.record()
        shares: list[i64] = []
        for row in lot.rows:  # before any of them changes hands
            shares.append(equity_share(desk.state, row, equity, lot.maintenance))
        number: i64 = 0
        for row in lot.rows:
            hand_over(desk, row, bidder, self.part(desk, row, share), max_i64(0, -shares[number]), k.BY_AUCTION)
            number += 1
        desk.backstops.fold(lot.rows[0], paid)
        desk.ledger.pay(lot.rows[0], bidder, gain)
        desk.state.log.emit(k.E_AUCTION_TAKEN, desk.state.now, auction, account, bidder, share, gain, paid)
        desk.end_if_done(at)  # lots round up: where that made the account flat, what it still owes is a deficit of this slice too
        desk.ledger.forget()
        if desk.has_unexamined():
            desk.wake()
        return 0

    def part(self, desk: LiquidationDesk, row: i64, share: i64) -> i64:
        """Lots of a position that go with a share of the lot."""
        held = desk.state.positions.size[row]
        return whole_or_part(desk.state, desk.state.positions.market[row], held, mul_div_ceil(abs_i64(held), share, PPM))

    def refused_market(self, desk: LiquidationDesk, at: i64, lot: Lot) -> i64:
        """Is anything on offer? Positions in suspended markets are not."""
        if desk.equity(at) >= desk.maintenance(at):
            return k.R_UNKNOWN_AUCTION
        return suspension(desk.state, desk.state.positions.market[desk.rows_of(at)[0]]) if len(lot.rows) == 0 else 0

    def refused_bidder(self, desk: LiquidationDesk, bidder: i64, lot: Lot, share: i64, gain: i64, minimum_gain: i64) -> i64:
        """The bidder holds the markets on cross; with the new positions he stays within the caps and meets the initial requirement of all
        his positions."""
        state = desk.state
        positions = state.positions
        markets = state.markets
        asset = markets.asset[positions.market[lot.rows[0]]]
        needed = cross_initial(state, bidder, asset)
        isolated = False
        for row in lot.rows:
            market = positions.market[row]
            lots = self.part(desk, row, share)
            after = lots if positions.size[row] > 0 else -lots
            leverage = markets.default_leverage[market]
            own = state.find_position(bidder, market)
            if own != NIL:
                isolated = isolated or positions.mode[own] == ISOLATED
                after += positions.size[own]
                leverage = positions.leverage[own]
                needed -= row_initial(state, own) if positions.mode[own] != ISOLATED else 0
            if abs_i64(after) > markets.max_lots[market]:
                return k.R_NOTIONAL_LIMIT
            needed += initial_of(markets, market, value_of(markets, market, abs_i64(after), markets.mark[market]), leverage)
        if isolated:
            return k.R_POSITION_OPEN
        if gain < minimum_gain:
            return k.R_AUCTION_PRICE
        return 0 if cross_equity(state, bidder, asset) + gain >= needed else k.R_INSUFFICIENT_MARGIN


def open_auctions(desk: LiquidationDesk) -> list[Auction]:
    """All open auctions by number, with their terms as of now."""
    table = desk.table
    positions = desk.state.positions
    found: list[Auction] = []
    at = table.first
    while at != NIL:
        if table.auction[at] != 0:
            step = desk.steps[table.step[at]]
            assert isinstance(step, DutchAuction)
            lot = Lot(desk, at)
            size: i64 = positions.size[lot.rows[0]] if len(lot.rows) > 0 else 0
            row = table.row[at]
            market: i64 = positions.market[row] if row != NIL else NIL
            found.append(Auction(
                table.auction[at], table.account[at], market, step.share(desk, at, lot), step.gain(desk, at, lot), size, lot.equity,
                table.insolvent_since[at] != NIL,
            ))  # fmt: skip
        at = table.next[at]
    return sorted(found, key=lambda auction: auction.auction)
