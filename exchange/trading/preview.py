"""What would happen if an order came now: the checks of the door of the book, and the match as a dry run. Nothing is changed.

It is a second door beside the one that orders come through, with the same checks; what passes them is not let in but rehearsed, on the real
positions and on loan, as a fill-or-kill order is. While the fills are booked the account is asked what it would have then. Orders of the
account itself that would go (self-trade) are off its sums meanwhile. Client ids are left aside: the order is asked about as a new one.
What others' icebergs do not show is not there: asking costs nothing, and would find out how large they are.
Where orders wait or are auctioned it is what would happen if its turn were now, against the book as it is; gas is not among the fees.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..money.margin import (
    available_margin,
    cross_equity,
    cross_maintenance,
    cross_room,
    free_margin,
    row_equity,
    row_initial,
    row_maintenance,
)
from ..money.payoff import average_price, value_of
from ..money.thresholds import threshold_price
from ..schema import columns as c
from ..schema import kinds as k
from ..schema.views import Preview
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ENTRY, P_ISOLATED_MARGIN, P_MODE, P_SIZE
from ..state.types import NIL, PPM, min_i64
from .access import refused_user_in_market
from .entry import OrderEntry
from .matching import Matcher
from .order import Order


def slippage(side: i64, value: int, lots: int, tick: int, twice: int) -> int:
    """[ppm] How much worse than a price `lots` were traded for `value` in all, rounded up; below zero: better.

    `tick`: what a lot is worth more for each tick [micro]; `twice`: two times that price [ticks]. In Python's integers: 2^56 x 2^20 would
    wrap.
    """
    fair = twice * lots * tick  # [micro] doubled
    worse = 2 * value - fair if side == k.BUY else fair - 2 * value
    return -(-worse * int(PPM) // fair)


class OrderPreview:
    def __init__(self, state: State, matcher: Matcher) -> None:
        self.state: State = state
        self.matcher: Matcher = matcher
        self.entry: OrderEntry = OrderEntry(state, matcher)

    def look(self, rows: vec[i64], at: i64) -> Preview:
        """What the Place command that begins at `at` would come to. There must be room for a position row, and nothing else may happen
        meanwhile."""
        state = self.state
        account = rows[at + c.PLACE_ACCOUNT]
        number = rows[at + c.PLACE_MARKET]
        reason = refused_user_in_market(state, account, number)
        if reason != 0:
            return Preview(reason)
        row = state.find_position(account, number)
        self.matcher.planner.viewer = account
        reason = self.entry.examine(rows, at)
        found = self.rehearsed(self.entry.order) if reason == 0 else Preview(reason)
        self.matcher.planner.viewer = NIL
        if row == NIL:
            opened = state.find_position(account, number)
            if opened != NIL:
                state.unopen(account, opened)
        return found

    def rehearsed(self, o: Order) -> Preview:
        """It has passed all checks: rehearse it, and look at the account before all is taken back."""
        open_orders = self.matcher.open
        market = o.market
        open_orders.count(o, 0)
        size = o.left
        left = self.matcher.rehearse(o)
        run = self.matcher.dry_run
        stopped = self.matcher.planner.reason
        rests = left > 0 and o.tif != k.IOC and o.tif != k.FOK and stopped == k.X_IMMEDIATE
        for slot, lots in run.own.items():
            open_orders.release(market, slot, lots)
        if rests and o.reduce_only == 0:
            open_orders.count(o, left)
        found = self.seen(o, market, size, left, rests, stopped)
        open_orders.count(o, 0)
        for slot, lots in run.own.items():
            open_orders.release(market, slot, -lots)
        run.take_back(market)
        return found

    def seen(self, o: Order, market: Market, size: i64, left: i64, rests: bool, stopped: i64) -> Preview:
        """The order's fills, and what its account has with them."""
        state = self.state
        cells = state.positions.cells
        run = self.matcher.dry_run
        row = o.row
        filled = size - left - run.lost
        isolated = cells[row + P_MODE] == k.ISOLATED
        average: i64 = 0
        to_mid: int | None = None
        to_mark: int | None = None
        if filled > 0:
            average = average_price(market, filled, run.value)
            tick = int(value_of(market, 1, 1))
            to_mark = slippage(o.side, int(run.value), int(filled), tick, 2 * int(market.mark))
            bid = self.matcher.book.best(market, k.BUY)
            ask = self.matcher.book.best(market, k.SELL)
            if bid != 0 and ask != 0:
                to_mid = slippage(o.side, int(run.value), int(filled), tick, int(bid + ask))
        gone = left if not rests else 0
        equity = cross_equity(state, o.account, market.asset)
        available = available_margin(state, o.account, market.asset)
        return Preview(
            0, filled, left - gone, gone, stopped if gone > 0 else 0, run.lost, run.value, average, to_mid, to_mark, run.fee,
            cells[row + P_SIZE], cells[row + P_ENTRY], cells[row + P_ISOLATED_MARGIN],
            row_equity(state, row) if isolated else equity,
            row_initial(state, row) if isolated else equity - available,
            row_maintenance(state, row) if isolated else cross_maintenance(state, o.account, market.asset),
            min_i64(available, cross_room(state, o.account, market.asset)) if isolated else available,
            free_margin(state, o.account, market.asset),
            threshold_price(state, row, True) if cells[row + P_SIZE] != 0 else 0,
        )  # fmt: skip
