"""The Dutch auction of a liquidated account. Positions change hands at the mark; what a bidder gains against it is cash.

What is on offer are the positions in markets that are not suspended, with their part of the account's equity, pro rata to maintenance.
Shares of an account round up for lots, down for money.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import cross_equity, cross_initial, initial_of, row_initial, row_maintenance
from ..money.payoff import value_of
from ..money.thresholds import equity_share
from ..schema import kinds as k
from ..schema.views import Auction
from ..state.liquidations import Liquidation
from ..state.state import State
from ..state.tables import P_LEVERAGE, P_MODE, P_SIZE
from ..state.types import MAX_TS, NIL, PPM, abs_i64, clamp_i64, max_i64, min_i64, mul_div_ceil, mul_div_floor, ppm_floor
from ..trading.access import in_liquidation, refused_risk, refused_user, suspension
from .case import LiquidationCase
from .lifecycle import OFFER_FALLS, OFFER_RISES, OPENED, TURNED_INSOLVENT, TURNED_SOLVENT, Lifecycle, move
from .slices import whole_or_part
from .steps import LiquidationStep


def asked_at(start: i64, cutoff: i64, fast: i64, slow: i64, elapsed: i64) -> i64:
    """What is asked of a bidder, in any unit: it falls in a line from `start` to `cutoff` in the time `fast`, then in one to 0 in `slow`
    (Derive's two phases; with no fast one, Maker's linear decrease). What has fallen is rounded down."""
    if elapsed < fast:
        return start - mul_div_floor(start - cutoff, elapsed, fast)
    if elapsed >= fast + slow:
        return 0
    return cutoff - mul_div_floor(cutoff, elapsed - fast, slow)


def paid_at(least: i64, most: i64, elapsed: i64, duration: i64) -> i64:
    """What a bidder for an insolvent account is paid: rises in a line from `least` to `most`, rounded down."""
    return least + mul_div_floor(most - least, elapsed, duration)


def missing_to_buffer(equity: i64, maintenance: i64, buffer_ppm: i64) -> i64:
    """What equity is short of what an auction restores: maintenance and a share of it, rounded down."""
    return maintenance + ppm_floor(maintenance, buffer_ppm) - equity


def gain_on(equity: i64, asked: i64, one: i64) -> i64:
    """What of the equity a bidder for all of it keeps, when `asked` of `one` is asked for it; rounded down."""
    return mul_div_floor(equity, one - asked, one)


def share_to_restore(missing: i64, asked: i64, one: i64) -> i64:
    """The share of an account, in 1 / one and rounded up, whose sale for `asked` in all makes up for what is missing: the rest then has the
    equity that it needs. All of it, where less would not do."""
    below = missing + asked
    if below <= 0 or missing >= below:
        return one
    return clamp_i64(mul_div_ceil(missing, one, below), 1, one)


class Lot:
    """What an auction has to offer now."""

    def __init__(self, case: LiquidationCase) -> None:
        whole = case.maintenance()
        equity = case.equity()
        solvency = case.solvency()
        self.rows: list[i64] = case.free_rows()
        self.is_insolvent: bool = equity < 0
        self.is_safe: bool = equity >= whole  # is there nothing to sell for any more?
        self.equity: i64 = case.remainder_of(equity, solvency)
        self.backing: i64 = max_i64(0, solvency) if equity < 0 else 0  # by assets that count for less than they fetch
        self.maintenance: i64 = 0
        for row in self.rows:
            self.maintenance += row_maintenance(case.state, row)
        if len(self.rows) == 0:
            self.maintenance = whole  # all is held back: what will be on offer again
        elif self.maintenance != whole and whole > 0:
            self.equity = mul_div_floor(self.equity, self.maintenance, whole)
            self.backing = mul_div_floor(self.backing, self.maintenance, whole)


class DutchAuction(LiquidationStep):
    """Sell a share of the account at a falling price; below zero equity, pay for it (after Derive, venues of that design).

    Solvent: the bidder gets positions at the mark and (1 - f) of the share's equity, f falling from `start_ppm` to 0 in `duration`, the
    first part of it, to `cutoff_ppm`, in `fast`, if there is one; the share offered is what restores maintenance + `buffer_ppm`. After
    `duration` all of the account is on offer with all of its equity.
    Insolvent: the bidder takes all of it on and is paid by the cash payers, first what makes up for the equity, so that he gains nothing,
    then rising in `insolvent_duration` to what they can pay, at most the way from the equity to maintenance. Their money goes to what is
    below zero only; where the account has assets that fetch more than they count for, it is paid from those first, as a debt that they are
    sold for. It gives up at once when they cannot make up for the equity, if the design has another step or deleverages; and when its time
    is over, if it deleverages.
    """

    def __init__(self, start_ppm: i64, duration: i64, insolvent_duration: i64, buffer_ppm: i64, cutoff_ppm: i64, fast: i64) -> None:
        super().__init__(MAX_TS)
        self.start_ppm: i64 = start_ppm
        self.cutoff_ppm: i64 = cutoff_ppm if fast > 0 else start_ppm
        self.fast: i64 = fast  # [ns], 0: one line
        self.duration: i64 = duration  # [ns]
        self.insolvent_duration: i64 = insolvent_duration  # [ns]
        self.buffer_ppm: i64 = buffer_ppm

    def act(self, case: LiquidationCase) -> bool:
        it = case.liquidation
        now = case.state.now
        equity = case.equity()
        elsewhere = case.deleverages or case.has_other_steps
        if elsewhere and equity < 0 and case.payers() < -Lot(case).equity:
            return True  # nobody could be paid enough: an auction that is under way ends, and none is begun
        if it.auction == 0:
            self.open(case, equity)
        if equity > 0 and now - it.since < self.duration:
            if it.phase == OFFER_RISES:
                move(it, TURNED_SOLVENT)
                it.insolvent_since = NIL
            return False
        if it.phase == OFFER_FALLS:
            move(it, TURNED_INSOLVENT)
            it.insolvent_since = now
        return case.deleverages and now - it.insolvent_since >= self.insolvent_duration

    def open(self, case: LiquidationCase, equity: i64) -> None:
        """Begin an auction, with the next number."""
        it = case.liquidation
        state = case.state
        number = state.liquidations.open_auction(it)
        move(it, OPENED)
        it.since = state.now
        state.log.emit(k.E_AUCTION_STARTED, state.now, number, it.account, case.isolated_market, equity, case.maintenance())

    def on_leave(self, case: LiquidationCase, outcome: i64) -> None:
        it = case.liquidation
        state = case.state
        if it.auction != 0:
            state.log.emit(k.E_AUCTION_ENDED, state.now, it.auction, it.account, case.isolated_market, outcome)
            state.liquidations.close_auction(it)

    def payment(self, case: LiquidationCase, lot: Lot) -> i64:
        """What bidders for the whole lot would be paid now."""
        since = case.liquidation.insolvent_since
        if since == NIL or not lot.is_insolvent or len(lot.rows) == 0:
            return 0
        most = min_i64(case.payers() + lot.backing, lot.maintenance - lot.equity)
        least = min_i64(most, -lot.equity)
        elapsed = clamp_i64(case.clock() - since, 0, self.insolvent_duration)
        return paid_at(least, most, elapsed, self.insolvent_duration)

    def gain(self, case: LiquidationCase, lot: Lot) -> i64:
        """What a bidder for the whole lot would gain against the mark now [micro]."""
        if case.liquidation.phase == OFFER_RISES:
            return lot.equity + self.payment(case, lot)
        elapsed = clamp_i64(case.clock() - case.liquidation.since, 0, self.duration)
        asked = asked_at(self.start_ppm, self.cutoff_ppm, self.fast, self.duration - self.fast, elapsed)
        return gain_on(lot.equity, asked, PPM)

    def share(self, case: LiquidationCase, lot: Lot) -> i64:
        """The share of the lot on offer [ppm]."""
        if case.liquidation.phase == OFFER_RISES:
            return PPM
        missing = missing_to_buffer(lot.equity, lot.maintenance, self.buffer_ppm)
        return share_to_restore(missing, lot.equity - self.gain(case, lot), PPM)

    def refused_bid(self, case: LiquidationCase, bidder: i64, share_ppm: i64, minimum_gain: i64) -> i64:
        """The reason why a bid for `share_ppm` of what is on offer cannot be taken, or 0."""
        lot = Lot(case)
        if lot.is_safe:
            return k.R_UNKNOWN_AUCTION
        if len(lot.rows) == 0:  # positions in suspended markets are not on offer
            return suspension(case.market_of(case.rows()[0]), case.state.now)
        share = mul_div_ceil(self.share(case, lot), share_ppm, PPM)
        return self.refused_bidder(case, bidder, lot, share, self.gain_of(case, lot, share), minimum_gain)

    def gain_of(self, case: LiquidationCase, lot: Lot, share: i64) -> i64:
        """What the bidder for `share` [ppm] of the lot gains against the mark [micro]."""
        if case.liquidation.phase == OFFER_RISES:
            return mul_div_floor(lot.equity, share, PPM) + mul_div_floor(self.payment(case, lot), share, PPM)
        return mul_div_floor(self.gain(case, lot), share, PPM)

    def bid(self, case: LiquidationCase, bidder: i64, share_ppm: i64) -> None:
        """Carry out a bid that was not refused: a slice of the account goes to the bidder. The caller begins and ends the slice."""
        state = case.state
        slices = case.slices
        lot = Lot(case)
        share = mul_div_ceil(self.share(case, lot), share_ppm, PPM)
        equity = mul_div_floor(lot.equity, share, PPM)
        paid = mul_div_floor(self.payment(case, lot), share, PPM)
        gain = self.gain_of(case, lot, share)
        shares: list[i64] = []
        for row in lot.rows:  # before any of them changes hands
            shares.append(equity_share(state, row, equity, lot.maintenance))
        number: i64 = 0
        for row in lot.rows:
            slices.transfer_at_mark(row, bidder, self.part(case, row, share), max_i64(0, -shares[number]), k.BY_AUCTION)
            number += 1
        paid = max_i64(0, paid - mul_div_floor(lot.backing, share, PPM))  # the rest is a debt that its assets cover
        slices.backstops.cover_deficit(lot.rows[0], paid)
        slices.ledger.pay(lot.rows[0], bidder, gain)
        state.log.emit(k.E_AUCTION_TAKEN, state.now, case.liquidation.auction, case.account, bidder, share, gain, paid)

    def part(self, case: LiquidationCase, row: i64, share: i64) -> i64:
        """Lots of a position that go with a share of the lot."""
        held = case.state.positions.cells[row + P_SIZE]
        return whole_or_part(case.market_of(row), held, mul_div_ceil(abs_i64(held), share, PPM))

    def refused_bidder(self, case: LiquidationCase, bidder: i64, lot: Lot, share: i64, gain: i64, minimum_gain: i64) -> i64:
        """The bidder holds the markets on cross; with the new positions he stays within the caps and meets the initial requirement of all
        his positions."""
        state = case.state
        cells = state.positions.cells
        asset = case.market_of(lot.rows[0]).asset
        needed = cross_initial(state, bidder, asset)
        isolated = False
        for row in lot.rows:
            market = case.market_of(row)
            lots = self.part(case, row, share)
            after = lots if cells[row + P_SIZE] > 0 else -lots
            leverage = market.default_leverage
            own = state.find_position(bidder, market.number)
            if own != NIL:
                isolated = isolated or cells[own + P_MODE] == k.ISOLATED
                after += cells[own + P_SIZE]
                leverage = cells[own + P_LEVERAGE]
                needed -= row_initial(state, own) if cells[own + P_MODE] != k.ISOLATED else 0
            if abs_i64(after) > market.max_lots:
                return k.R_NOTIONAL_LIMIT
            needed += initial_of(market, value_of(market, abs_i64(after), market.mark), leverage)
        if isolated:
            return k.R_POSITION_OPEN
        if gain < minimum_gain:
            return k.R_AUCTION_PRICE
        return 0 if cross_equity(state, bidder, asset) + gain >= needed else k.R_INSUFFICIENT_MARGIN

    def view(self, case: LiquidationCase) -> Auction:
        """The terms of an open auction as of now."""
        it = case.liquidation
        lot = Lot(case)
        size: i64 = case.state.positions.cells[lot.rows[0] + P_SIZE] if len(lot.rows) > 0 else 0
        return Auction(
            it.auction, it.account, case.isolated_market, self.share(case, lot), self.gain(case, lot), size, lot.equity,
            it.phase == OFFER_RISES,
        )  # fmt: skip


class AuctionDesk:
    """Bids for what is on offer, and what is."""

    def __init__(self, state: State, lifecycle: Lifecycle) -> None:
        self.state: State = state
        self.lifecycle: Lifecycle = lifecycle

    def bid(self, bidder: i64, auction: i64, share_ppm: i64, minimum_gain: i64) -> i64:
        """A bid for `share_ppm` of what an auction offers; returns the reason of a refusal, or 0."""
        state = self.state
        reason = refused_user(state, bidder)
        if reason == 0:
            reason = refused_risk(state, bidder)
        if reason != 0:
            return reason
        liquidation = state.liquidations.of_auction(auction)
        if liquidation is None:
            return k.R_UNKNOWN_AUCTION
        if liquidation.account == bidder:
            return k.R_SAME_ACCOUNT
        if in_liquidation(state, bidder, NIL):
            return k.R_IN_LIQUIDATION
        case = self.lifecycle.case(liquidation)
        rule = self.rule(liquidation)
        reason = rule.refused_bid(case, bidder, share_ppm, minimum_gain)
        if reason != 0:
            return reason
        case.slices.begin()
        rule.bid(case, bidder, share_ppm)
        self.lifecycle.end_if_done(liquidation)  # lots round up: where that made the account flat, what it owes is of this slice too
        case.slices.end()
        if self.lifecycle.has_unexamined():
            self.lifecycle.wake()
        return 0

    def rule(self, liquidation: Liquidation) -> DutchAuction:
        step = self.lifecycle.step(liquidation)
        assert isinstance(step, DutchAuction)
        return step

    def open_auctions(self) -> list[Auction]:
        """All open auctions by number, with their terms as of now."""
        found = [self.rule(it).view(self.lifecycle.case(it)) for it in self.state.liquidations.listed() if it.auction != 0]
        return sorted(found, key=lambda auction: auction.auction)
