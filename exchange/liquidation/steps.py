"""The first liquidation step, a market order into the book, and what all steps share: orders of the venue, transfers at the mark."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.margin import row_notional, value_of
from ..schema import kinds as k
from ..state.types import (
    BUY,
    IOC,
    MAX_AMOUNT,
    NIL,
    PPM,
    SELL,
    abs_i64,
    clamp_i64,
    div_ceil,
    max_i64,
    min_i64,
    mul_div_ceil,
    mul_div_floor,
)
from .desk import LiquidationDesk, LiquidationStep
from .slices import whole_or_part

CASH_PAYERS: Final[i64] = 0  # what the limit of a liquidation order is
BANKRUPTCY: Final[i64] = 1
BAND: Final[i64] = 2


def hand_over(desk: LiquidationDesk, row: i64, to: i64, lots: i64, debt: i64, method: i64) -> i64:
    """Transfer `lots` (unsigned) of a liquidated position at the mark; return their value."""
    state = desk.state
    positions = state.positions
    market = positions.market[row]
    value = value_of(state.markets, market, lots, state.markets.mark[market])
    signed = lots if positions.size[row] > 0 else -lots
    own = state.position_row(to, market)
    state.log.emit(k.E_LIQUIDATED, state.now, positions.account[row], market, method, signed, value, debt, 0)
    desk.matcher.change_position(row, -signed, value, 0, False)
    desk.matcher.change_position(own, signed, value, 0, True)
    desk.matcher.open.sync_reducers(own)
    return value


def send(desk: LiquidationDesk, account: i64, row: i64, held: i64, lots: i64, limit: i64) -> None:
    """An immediate-or-cancel order of the venue that closes `lots` of a position; what it did is in `desk.order`."""
    order = desk.order
    order.order_id = 0
    order.account = account
    order.market = desk.state.positions.market[row]
    order.row = row
    order.side = SELL if held > 0 else BUY
    order.limit = limit
    order.left = lots
    order.filled = 0
    order.tif = IOC
    order.reduce_only = 0
    order.self_trade = 0
    order.counted = 0
    order.client_hi = 0
    order.client_lo = 0
    order.forced = True
    desk.matcher.match(order)


class BookStep(LiquidationStep):
    """A market order for the position, with a limit, so that nobody can be paid out of the fund for buying cheaply from himself.

    The limit is the bankruptcy price, at which the account ends at zero and nobody pays (BANKRUPTCY). Where that is out of the market's
    reach because the account is worth less than nothing at the mark, the order may go further (CASH_PAYERS, the default): as far as the
    cash payers ahead of auto-deleveraging can cover, and no further than `spread_ppm` beyond the mark, taken at the oracle where that is
    the better price for the position: a mark that was pushed away from the oracle sells nothing cheaply. BAND goes to the price band
    whoever pays; it can be drained, and is there to show that. The band binds in every case.

    Above `partial_above` of notional the first order is for `partial_ppm` of the position; during `cooldown` after a partial liquidation,
    and for good below that notional, orders are for all of it (Hyperliquid).
    """

    def __init__(
        self, patience: i64, partial_ppm: i64, partial_above: i64, cooldown: i64, band_ppm: i64, limited_by: i64, spread_ppm: i64
    ) -> None:
        super().__init__(patience)
        self.partial_ppm: i64 = partial_ppm
        self.partial_above: i64 = partial_above  # [micro]
        self.cooldown: i64 = cooldown  # [ns]
        self.band_ppm: i64 = band_ppm
        self.limited_by: i64 = limited_by
        self.spread_ppm: i64 = spread_ppm

    def act(self, desk: LiquidationDesk, at: i64) -> bool:
        partial = self.is_partial(desk, at)
        filled: i64 = 0
        for row in desk.free_rows(at):
            held = desk.state.positions.size[row]
            lots = abs_i64(held)
            if partial:
                market = desk.state.positions.market[row]
                lots = whole_or_part(desk.state, market, held, mul_div_ceil(lots, self.partial_ppm, PPM))
            self.sell(desk, at, row, held, lots)
            filled += desk.order.filled
            if desk.equity(at) >= desk.maintenance(at):
                break
        if partial and filled > 0:
            desk.state.accounts.partial[desk.table.account[at]] = desk.state.now
        return False

    def is_partial(self, desk: LiquidationDesk, at: i64) -> bool:
        if self.partial_ppm >= PPM:
            return False
        notional: i64 = 0
        for row in desk.rows_of(at):
            notional += row_notional(desk.state, row)
        last = desk.state.accounts.partial[desk.table.account[at]]
        return notional > self.partial_above and (last == NIL or desk.state.now - last > self.cooldown)

    def sell(self, desk: LiquidationDesk, at: i64, row: i64, held: i64, lots: i64) -> None:
        """Send the order and settle what it closed. Named for a long; a short buys."""
        due = desk.slices.bankruptcy_value(row, desk.equity(at), desk.maintenance(at))
        limit = self.limit(desk, row, held, lots, due)
        desk.ledger.record()
        send(desk, desk.table.account[at], row, held, lots, limit)
        desk.slices.settle(row, held, desk.order.filled, desk.order.value, due, k.BY_BOOK)
        desk.ledger.forget()

    def limit(self, desk: LiquidationDesk, row: i64, held: i64, lots: i64, due: i64) -> i64:
        """The worst price [ticks] that the order may trade at. `due`: what the whole position must fetch for its account to end at zero."""
        markets = desk.state.markets
        market = desk.state.positions.market[row]
        mark = markets.mark[market]
        oracle = markets.oracle[market]
        worth = lots * markets.unit[market]  # of a tick
        slice_due = mul_div_floor(due, lots, abs_i64(held))
        payers = desk.backstops.available(row) if self.limited_by == CASH_PAYERS else 0
        if held > 0:
            bottom = max_i64(1, div_ceil(mark * (PPM - self.band_ppm), PPM))
            if self.limited_by == BAND:
                return bottom
            bankrupt = div_ceil(slice_due, worth)
            if payers > 0:
                covered: i64 = 0 if payers >= MAX_AMOUNT else div_ceil(slice_due - payers, worth)
                spread = div_ceil(max_i64(mark, oracle) * (PPM - self.spread_ppm), PPM)
                bankrupt = min_i64(bankrupt, max_i64(covered, spread))
            return clamp_i64(bankrupt, bottom, markets.max_price[market])
        top = min_i64(markets.max_price[market], mark * (PPM + self.band_ppm) // PPM)
        if self.limited_by == BAND:
            return top
        bankrupt = slice_due // worth
        if payers > 0:
            covered = markets.max_price[market] if payers >= MAX_AMOUNT else (slice_due + payers) // worth
            spread = min_i64(mark, oracle) * (PPM + self.spread_ppm) // PPM
            bankrupt = max_i64(bankrupt, min_i64(covered, spread))
        return clamp_i64(bankrupt, 1, top)
