"""The first liquidation step, a market order into the book, and what all steps share: orders of the venue, transfers at the mark."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from . import kinds as k
from .liquidation import LiquidationDesk, LiquidationStep
from .margin import row_notional, value_of
from .types import (
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
    desk.matcher.sync_reducers(own)
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
    """A market order for the position, with a limit: the worst price whose loss the cash payers ahead of auto-deleveraging can cover.

    That is the bankruptcy price if nobody pays, and the price band where a socialized loss follows; the band binds in every case. A
    design may instead stop at the bankruptcy price (BANKRUPTCY) or go to the band whoever pays (BAND). Above
    `partial_above` of notional the first order is for `partial_ppm` of the position; during `cooldown` after a partial liquidation, and
    for good below that notional, orders are for all of it (Hyperliquid).
    """

    def __init__(self, patience: i64, partial_ppm: i64, partial_above: i64, cooldown: i64, band_ppm: i64, limited_by: i64) -> None:
        super().__init__(patience)
        self.partial_ppm: i64 = partial_ppm
        self.partial_above: i64 = partial_above  # [micro]
        self.cooldown: i64 = cooldown  # [ns]
        self.band_ppm: i64 = band_ppm
        self.limited_by: i64 = limited_by

    def act(self, desk: LiquidationDesk, at: i64) -> bool:
        partial = self.is_partial(desk, at)
        for row in desk.rows_of(at):
            held = desk.state.positions.size[row]
            lots = abs_i64(held)
            if partial:
                lots = mul_div_ceil(lots, self.partial_ppm, PPM)
            self.sell(desk, at, row, held, lots)
            if desk.equity(at) >= desk.maintenance(at):
                break
        if partial:
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
        due = desk.bankruptcy_value(at, row)
        limit = self.limit(desk, desk.state.positions.market[row], held, lots, due)
        send(desk, desk.table.account[at], row, held, lots, limit)
        desk.settle_slice(at, row, held, desk.order.filled, desk.order.value, due, k.BY_BOOK)

    def covered(self, desk: LiquidationDesk, market: i64) -> i64:
        """The loss beyond bankruptcy that the order may make [micro]; MAX_AMOUNT: any."""
        if self.limited_by == BANKRUPTCY:
            return 0
        return MAX_AMOUNT if self.limited_by == BAND else desk.backstops.available(market)

    def limit(self, desk: LiquidationDesk, market: i64, held: i64, lots: i64, due: i64) -> i64:
        markets = desk.state.markets
        unit = markets.unit[market]
        mark = markets.mark[market]
        payers = self.covered(desk, market)
        slice_due = mul_div_floor(due, lots, abs_i64(held))
        if held > 0:
            bottom = max_i64(1, div_ceil(mark * (PPM - self.band_ppm), PPM))
            if payers >= MAX_AMOUNT:
                return bottom
            return clamp_i64(div_ceil(slice_due - payers, lots * unit), bottom, markets.max_price[market])
        top = min_i64(markets.max_price[market], mark * (PPM + self.band_ppm) // PPM)
        if payers >= MAX_AMOUNT:
            return top
        return clamp_i64((slice_due + payers) // (lots * unit), 1, top)
