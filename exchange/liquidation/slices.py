"""Slices of a liquidated position: how each is closed, what it is due, what of it is a deficit or a fee, and what is told of it.

Whatever slice of a position is closed, its account's equity is split over its positions pro rata to maintenance; a slice that fetches
less than its share makes a deficit, paid at once, so that what remains keeps its bankruptcy price. Shares are rounded against the
position, deficits down with them.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.margin import market_of, row_notional
from ..money.payoff import lots_worth, value_of
from ..money.thresholds import bankruptcy_of, equity_share, slice_value
from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_MARKET, P_SIZE
from ..state.types import INSURANCE, abs_i64, max_i64, ppm_ceil, ppm_floor
from ..trading.matching import Matcher
from ..trading.order import Order
from .backstops import Backstops


class Terms:
    """What a design says of liquidations, whatever the step."""

    def __init__(self, retry: i64, fee_ppm: i64, fund_share_ppm: i64, fee_to: i64, surplus_to: i64, fee_is_owed: bool) -> None:
        self.retry: i64 = retry  # [ns] between passes while liquidations are under way
        self.fee_ppm: i64 = fee_ppm  # of the value closed, taken from what a slice fetched beyond its bankruptcy value
        self.fund_share_ppm: i64 = fund_share_ppm  # of the fee: to the insurance fund
        self.fee_to: i64 = fee_to  # a system account: the rest of the fee
        self.surplus_to: i64 = surplus_to  # a system account, or NIL: it stays with the trader
        self.fee_is_owed: bool = fee_is_owed  # also beyond what a slice fetched: the rest is then a deficit


def whole_or_part(market: Market, held: i64, lots: i64) -> i64:
    """`lots` (unsigned) of a position of `held` (signed), or all of it where the rest would be worth less than the minimum notional."""
    fewest = lots_worth(market, market.minimum_notional, max_i64(1, market.mark))
    return lots if abs_i64(held) - lots >= fewest else abs_i64(held)


def gain_of(held: i64, value: i64, due: i64) -> i64:
    """What a slice of a position of `held` lots (signed) gained by being closed for `value` where `due` was due [micro]; below zero it is
    a deficit."""
    return value - due if held > 0 else due - value


def fee_of(gained: i64, value: i64, fee_ppm: i64, is_owed: bool) -> i64:
    """The liquidation fee: a share of the value closed, rounded up; no more than was gained (dYdX: up to a largest fee), unless it is owed
    in any case (Perpetual Protocol)."""
    fee = ppm_ceil(value, fee_ppm)
    if is_owed or fee <= gained:
        return fee
    return max_i64(0, gained)


def deficit_of(gained: i64, fee: i64) -> i64:
    """What of a loss and a fee the account cannot pay."""
    return max_i64(0, fee - gained)


class Slices:
    def __init__(self, state: State, ledger: Ledger, matcher: Matcher, backstops: Backstops, terms: Terms) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.matcher: Matcher = matcher
        self.backstops: Backstops = backstops
        self.terms: Terms = terms
        self.order: Order = Order(state.markets[0])

    def begin(self) -> None:
        """A slice begins: until `end`, a deficit is shared by who was there before it."""
        self.ledger.begin_slice()

    def end(self) -> None:
        self.ledger.end_slice()

    # -- ways to close -----------------------------------------------------------------------------------------------------------

    def send(self, account: i64, row: i64, lots: i64, limit: i64) -> Order:
        """An immediate-or-cancel order of the venue that closes `lots` of a position; what it did is in the order."""
        side = k.SELL if self.state.positions.cells[row + P_SIZE] > 0 else k.BUY
        self.order.begin(account, market_of(self.state, row), row, side, limit, lots, k.IOC)
        self.order.is_forced = True
        self.matcher.match(self.order)
        return self.order

    def transfer_at_mark(self, row: i64, to: i64, lots: i64, debt: i64, method: i64) -> i64:
        """Transfer `lots` (unsigned) of a liquidated position to another account; return their value."""
        state = self.state
        cells = state.positions.cells
        market = market_of(state, row)
        value = value_of(market, lots, market.mark)
        signed = lots if cells[row + P_SIZE] > 0 else -lots
        own = state.position_row(to, market.number)
        state.log.emit(k.E_LIQUIDATED, state.now, cells[row + P_ACCOUNT], market.number, method, signed, value, debt, 0)
        self.matcher.positions.change_frozen(row, -signed, value)
        self.matcher.positions.receive(own, signed, value)
        return value

    # -- what a slice is due -----------------------------------------------------------------------------------------------------

    def bankruptcy_value(self, row: i64, equity: i64, maintenance: i64) -> i64:
        """What the whole position must fetch (cost, if short) for its share of its account's equity to end at zero [micro]; may be
        negative."""
        share = equity_share(self.state, row, equity, maintenance)
        return bankruptcy_of(self.state.positions.cells[row + P_SIZE], row_notional(self.state, row), share)

    def settle(self, row: i64, held: i64, lots: i64, value: i64, due: i64, method: i64) -> None:
        """Book the outcome of a slice: `lots` (unsigned) of `held` (signed) closed for `value`, of a position due to fetch `due` in all."""
        state = self.state
        if lots == 0:
            return
        gained = gain_of(held, value, slice_value(due, lots, held))
        fee = fee_of(gained, value, self.terms.fee_ppm, self.terms.fee_is_owed)
        deficit = deficit_of(gained, fee)
        cells = state.positions.cells
        signed = lots if held > 0 else -lots
        state.log.emit(k.E_LIQUIDATED, state.now, cells[row + P_ACCOUNT], cells[row + P_MARKET], method, signed, value, deficit, fee)
        if fee > 0:
            to_fund = ppm_floor(fee, self.terms.fund_share_ppm)
            self.ledger.pay(row, INSURANCE, to_fund)
            self.ledger.pay(row, self.terms.fee_to, fee - to_fund)
        self.backstops.cover_deficit(row, deficit)

    def settle_debt(self, row: i64, debt: i64) -> None:
        """What the owner of a position owes when nothing is open any more is a deficit: told, and covered."""
        cells = self.state.positions.cells
        self.state.log.emit(
            k.E_LIQUIDATED, self.state.now, cells[row + P_ACCOUNT], cells[row + P_MARKET], k.BY_SETTLEMENT, 0, 0, debt, 0,
        )  # fmt: skip
        self.backstops.cover_deficit(row, debt)

    def settle_deleveraged(self, row: i64, held: i64, lots: i64, part: i64, bankrupt: i64) -> None:
        """`lots` of a position were closed for `part`: report the bad debt against the mark; what the price did not cover is a deficit for
        the cash payers."""
        state = self.state
        cells = state.positions.cells
        market = market_of(state, row)
        due = slice_value(bankrupt, lots, held)
        at_mark = value_of(market, lots, market.mark)
        debt = max_i64(0, due - at_mark if held > 0 else at_mark - due)
        short_of = max_i64(0, due - part if held > 0 else part - due)
        signed = lots if held > 0 else -lots
        state.log.emit(k.E_LIQUIDATED, state.now, cells[row + P_ACCOUNT], market.number, k.BY_ADL, signed, part, debt, 0)
        self.backstops.cover_deficit(row, short_of)
