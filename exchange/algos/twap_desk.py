"""A TWAP: a size traded in slices, at even times, so that its average price is near the average of the time.

A slice is an immediate order with a protection price. The first is sent at once, the others an interval after each other; the time runs
on whatever happens. By slice k of n, size x k / n lots, rounded down, should have traded: a slice is for what is missing to that, at most
`catch_up_ppm` of an even slice (the size / n, rounded up). Protection prices round towards the mark.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..schema import columns as c
from ..schema import kinds as k
from ..schema.views import OpenTwap
from ..state.market import Market
from ..state.packed import column
from ..state.schedule import TWAP_SLICE
from ..state.state import State
from ..state.tables import P_SIZE
from ..state.twaps import (
    TW_ACCOUNT,
    TW_CATCH_UP,
    TW_CLIENT_HI,
    TW_CLIENT_LO,
    TW_DONE,
    TW_FILLED,
    TW_INTERVAL,
    TW_MARKET,
    TW_MINIMUM,
    TW_REDUCE_ONLY,
    TW_SENT,
    TW_SIDE,
    TW_SIZE,
    TW_SLICES,
    TW_SLIPPAGE,
)
from ..state.types import NEVER, NIL, PPM, ROW, div_ceil, max_i64, min_i64
from ..trading.access import reducible, refused_order, refused_orders, refused_user_in_market
from ..trading.entry import OrderEntry
from ..trading.price_terms import coarse
from .brackets import BracketDesk, are_apart
from .triggers import protection_price


def slice_lots(size: i64, slices: i64, number: i64, filled: i64, catch_up_ppm: i64, minimum: i64) -> i64:
    """How many lots slice `number` of `slices`, from 1, is for, when `filled` of `size` have traded; 0: it is left out.

    One of less than `minimum` is left to the next, and the last one takes what there is.
    """
    missing = size * number // slices - filled  # < 2^40 x 10,000
    even = div_ceil(size, slices)
    most = max_i64(even * catch_up_ppm // PPM, minimum)  # two slices at least: even <= 2^39; at most ten times that: < 2^39 x 2^23.3
    lots = min_i64(missing, most)
    return lots if lots >= minimum or number == slices else 0


class TwapDesk:
    def __init__(self, state: State, entry: OrderEntry, brackets: BracketDesk) -> None:
        self.state: State = state
        self.entry: OrderEntry = entry
        self.brackets: BracketDesk = brackets
        self.row: vec[i64] = column(ROW, 0)  # the order of the slice at hand
        self.placed: i64 = 0  # id of the TWAP that was placed last, 0: none was

    # -- place -------------------------------------------------------------------------------------------------------------------

    def place(self, rows: vec[i64], at: i64) -> i64:
        """Carry out the PlaceTwap command that begins at `at`; returns the reason of a refusal, or 0. If it was a new one, `placed` says
        which, and its first slice is the caller's to send."""
        state = self.state
        self.placed = 0
        account = rows[at + c.TWAP_ACCOUNT]
        reason = refused_user_in_market(state, account, rows[at + c.TWAP_MARKET])
        if reason != 0:
            return reason
        hi = rows[at + c.TWAP_CLIENT_HI]
        lo = rows[at + c.TWAP_CLIENT_LO]
        if (hi != 0 or lo != 0) and self.entry.repeat(account, hi, lo):
            return 0
        market = state.markets[rows[at + c.TWAP_MARKET]]
        row = state.find_position(account, market.number)
        reason = refused_orders(state, account, row, rows[at + c.TWAP_REDUCE_ONLY])
        if reason == 0:
            reason = self.refused_now(market, row, rows[at + c.TWAP_SIDE], rows[at + c.TWAP_REDUCE_ONLY])
        if reason == 0:
            reason = self.refused_terms(rows, at, account)
        if reason == 0:
            reason = self.refused_bracket(rows, at, account, market)
        if reason != 0:
            return reason
        if row == NIL:
            state.position_row(account, market.number)  # where all that it has in this market is found
        self.accept(rows, at, market)
        return 0

    def refused_now(self, market: Market, row: i64, side: i64, reduce_only: i64) -> i64:
        """Could an immediate order of this side come in now? Also asked before each slice, which is not sent if it could not."""
        held: i64 = 0
        if row != NIL:
            held = self.state.positions.cells[row + P_SIZE]
        lots = reducible(held, side)
        reason = refused_order(market, self.state.now, k.IOC, lots > 0)
        return k.R_REDUCE_ONLY if reason == 0 and reduce_only != 0 and lots == 0 else reason

    def refused_terms(self, rows: vec[i64], at: i64, account: i64) -> i64:
        size = rows[at + c.TWAP_SIZE]
        if rows[at + c.TWAP_SLICES] < 2:
            return k.R_TWAP_TOO_SHORT
        if size < rows[at + c.TWAP_SLICES] or size < rows[at + c.TWAP_MINIMUM_SLICE]:
            return k.R_TWAP_SIZE
        return k.R_TOO_MANY_TWAPS if self.state.twaps.count(account) >= self.state.max_twaps else 0

    def refused_bracket(self, rows: vec[i64], at: i64, account: i64, market: Market) -> i64:
        """Can there be a take-profit and a stop for what it fills? What only reduces has none."""
        take_profit = rows[at + c.TWAP_TAKE_PROFIT]
        stop = rows[at + c.TWAP_STOP]
        if take_profit == 0 and stop == 0:
            return 0
        if market.is_spot != 0:
            return k.R_SPOT_MARKET
        if max_i64(take_profit, stop) > market.max_price:
            return k.R_PRICE_LIMIT
        if self.brackets.room(account) < 2:
            return k.R_TOO_MANY_TRIGGERS
        apart = are_apart(rows[at + c.TWAP_SIDE], take_profit, stop, market.mark)
        return 0 if apart and rows[at + c.TWAP_REDUCE_ONLY] == 0 else k.R_BRACKET_PRICES

    def accept(self, rows: vec[i64], at: i64, market: Market) -> None:
        state = self.state
        state.last_order_id += 1
        number = state.last_order_id
        row = state.twaps.enter(number, rows[at + c.TWAP_ACCOUNT])
        cells = state.twaps.cells
        cells[row + TW_MARKET] = market.number
        cells[row + TW_SIDE] = rows[at + c.TWAP_SIDE]
        cells[row + TW_SIZE] = rows[at + c.TWAP_SIZE]
        cells[row + TW_SLICES] = rows[at + c.TWAP_SLICES]
        cells[row + TW_INTERVAL] = rows[at + c.TWAP_INTERVAL]
        cells[row + TW_SLIPPAGE] = rows[at + c.TWAP_SLIPPAGE_PPM]
        cells[row + TW_CATCH_UP] = rows[at + c.TWAP_CATCH_UP_PPM]
        cells[row + TW_MINIMUM] = rows[at + c.TWAP_MINIMUM_SLICE]
        cells[row + TW_REDUCE_ONLY] = rows[at + c.TWAP_REDUCE_ONLY]
        cells[row + TW_CLIENT_HI] = rows[at + c.TWAP_CLIENT_HI]
        cells[row + TW_CLIENT_LO] = rows[at + c.TWAP_CLIENT_LO]
        cells[row + TW_DONE] = 0
        cells[row + TW_FILLED] = 0
        cells[row + TW_SENT] = 0
        self.placed = number
        ends = state.now + (cells[row + TW_SLICES] - 1) * cells[row + TW_INTERVAL]  # < 2^62 + 10,000 x a day of 2^47
        state.log.emit(
            k.E_TWAP_PLACED, state.now, number, cells[row + TW_ACCOUNT], market.number, cells[row + TW_SIDE], cells[row + TW_SIZE],
            cells[row + TW_SLICES], cells[row + TW_INTERVAL], ends, cells[row + TW_REDUCE_ONLY], cells[row + TW_CLIENT_HI],
            cells[row + TW_CLIENT_LO],
        )  # fmt: skip
        take_profit = rows[at + c.TWAP_TAKE_PROFIT]
        stop = rows[at + c.TWAP_STOP]
        if take_profit != 0 or stop != 0:
            self.brackets.open(number, cells[row + TW_ACCOUNT], market.number, cells[row + TW_SIDE], take_profit, stop)
            state.log.emit(k.E_BRACKET_PLACED, state.now, number, cells[row + TW_ACCOUNT], market.number, take_profit, stop, k.SOURCE_MARK)

    # -- slices ------------------------------------------------------------------------------------------------------------------

    def next_slice(self, number: i64) -> i64:
        """The time of the next slice has come, and that of the one behind it is set. Returns its lots, 0: it is left out.

        It is left out as long as it is not known what the one before it got.
        """
        state = self.state
        cells = state.twaps.cells
        row = state.twaps.find(number)
        cells[row + TW_DONE] += 1
        if cells[row + TW_DONE] < cells[row + TW_SLICES]:
            state.schedule.set(TWAP_SLICE, number, state.now + cells[row + TW_INTERVAL])
        if cells[row + TW_SENT] != 0:
            return 0
        return slice_lots(
            cells[row + TW_SIZE], cells[row + TW_SLICES], cells[row + TW_DONE], cells[row + TW_FILLED], cells[row + TW_CATCH_UP],
            cells[row + TW_MINIMUM],
        )  # fmt: skip

    def refused_slice(self, number: i64) -> i64:
        """Why the market takes no slice now, or there is nothing to reduce; 0: it can be sent."""
        state = self.state
        cells = state.twaps.cells
        row = state.twaps.find(number)
        market = state.markets[cells[row + TW_MARKET]]
        position = state.find_position(cells[row + TW_ACCOUNT], market.number)
        return self.refused_now(market, position, cells[row + TW_SIDE], cells[row + TW_REDUCE_ONLY])

    def make(self, number: i64, lots: i64) -> vec[i64]:
        """The Place of a slice, which is out from now on."""
        state = self.state
        cells = state.twaps.cells
        row = state.twaps.find(number)
        cells[row + TW_SENT] = lots
        order = self.row
        order[c.KIND] = k.C_PLACE
        order[c.TS] = state.now
        order[c.PLACE_ACCOUNT] = cells[row + TW_ACCOUNT]
        order[c.PLACE_MARKET] = cells[row + TW_MARKET]
        order[c.PLACE_SIDE] = cells[row + TW_SIDE]
        order[c.PLACE_PRICE] = self.limit(state.markets[cells[row + TW_MARKET]], cells[row + TW_SIDE], cells[row + TW_SLIPPAGE])
        order[c.PLACE_SIZE] = lots
        order[c.PLACE_ORDER_TYPE] = k.MARKET_ORDER
        order[c.PLACE_TIF] = k.IOC
        order[c.PLACE_REDUCE_ONLY] = cells[row + TW_REDUCE_ONLY]
        return order

    def limit(self, market: Market, side: i64, slippage_ppm: i64) -> i64:
        """Protection price of a slice [ticks], never beyond the edge of the price band, 0: just there."""
        if slippage_ppm == 0:
            return 0
        edge = self.entry.protection(market, side)
        price = max_i64(protection_price(market.mark, slippage_ppm, side), 1)
        if market.significant_figures != 0:
            price = coarse(price, market.significant_figures, side == k.BUY)
        return min_i64(price, edge) if side == k.BUY else max_i64(price, edge)

    def heard(self, number: i64, order_id: i64, filled: i64, reason: i64) -> i64:
        """A slice got `filled` lots, or was refused. Returns why the TWAP is over, as a CancelReason; 0: it goes on."""
        state = self.state
        cells = state.twaps.cells
        row = state.twaps.find(number)
        lots = cells[row + TW_SENT]
        cells[row + TW_SENT] = 0
        cells[row + TW_FILLED] += filled
        left = cells[row + TW_SIZE] - cells[row + TW_FILLED]
        state.log.emit(
            k.E_TWAP_SLICED, state.now, number, cells[row + TW_ACCOUNT], cells[row + TW_MARKET], cells[row + TW_DONE], order_id, lots,
            cells[row + TW_FILLED], left, reason,
        )  # fmt: skip
        if left == 0:
            return k.X_FILLED
        if reason == k.R_REDUCE_ONLY:
            return k.X_REDUCE_ONLY
        return self.over(number)

    def over(self, number: i64) -> i64:
        """X_EXPIRED if there is no slice to come, and none out; 0: there is."""
        cells = self.state.twaps.cells
        row = self.state.twaps.find(number)
        return k.X_EXPIRED if cells[row + TW_DONE] == cells[row + TW_SLICES] and cells[row + TW_SENT] == 0 else 0

    def view(self, number: i64) -> OpenTwap:
        row = self.state.twaps.find(number)
        cells = self.state.twaps.cells
        due = self.state.schedule.time(TWAP_SLICE, number)
        return OpenTwap(
            number, cells[row + TW_ACCOUNT], cells[row + TW_MARKET], cells[row + TW_SIDE], cells[row + TW_SIZE], cells[row + TW_FILLED],
            cells[row + TW_SLICES], cells[row + TW_DONE], due % NEVER, cells[row + TW_SENT], cells[row + TW_REDUCE_ONLY],
            cells[row + TW_CLIENT_HI], cells[row + TW_CLIENT_LO],
        )  # fmt: skip
