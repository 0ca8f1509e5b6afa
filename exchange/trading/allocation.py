"""Who is met next, and for how many lots, in a market whose rule is not price-time. Changes nothing.

Pro rata (CME Globex, matching algorithms C and A): an order that comes to a level and does not take all of it is shared among the orders
there in proportion to what each has open at that moment, rounded down; shares below the least are none. What rounding leaves goes by time:
the oldest takes as much of it as it has room for, then the next. A top order has its part of the incoming order first, and what is left of
it takes part in the rest. An order that takes a level whole needs no shares. Each order trades once for all that it gets, in the order of
time; what one cannot take (it is cancelled, or has shrunk) goes by time to those that have something left.

Classes (Paradex, GRVT): the queue of a level has orders of retail accounts first, which the book sees to; shares are made of each class by
itself. An incoming order of a retail account meets RPI orders too, at their price behind all others. Nobody else does, and no liquidation.

A match and a dry run ask the same questions. The match looks for the best level each time, since what it met is gone; the dry run, whose
orders are all still there, for the level behind the last one. What an order still has is in both the least of what it had when the level
was reached, less what it was given since; of its size in the book; and, if it is reduce-only, of what its position lets it reduce: a match
shrinks and cancels such orders as it goes, and the others are what they were.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..schema.kinds import BUY, RETAIL, RPI
from ..state.market import CLASSES, PRO_RATA, Market
from ..state.packed import column, more
from ..state.state import State
from ..state.tables import (
    L_HEAD,
    L_LAST_RETAIL,
    L_TOP,
    O_NEXT,
    O_ORDER_ID,
    O_POSITION,
    O_REDUCE_ONLY,
    O_SIDE,
    O_SIZE,
    P_SIZE,
)
from ..state.types import NIL, PPM, min_i64, mul_div_floor
from .access import reducible
from .book import Book
from .order import Order

ROOM: Final[i64] = 64  # orders of one level to begin with

ARRIVED: Final[i64] = 0  # how far the orders of a class have come
SHARED: Final[i64] = 1  # each has a share
BY_TIME: Final[i64] = 2  # the oldest takes what it can


def meets_rpi(state: State, o: Order) -> bool:
    """May the order trade with RPI orders? Those of retail accounts may: not the venue's own, and not RPI orders, which never take."""
    return o.market.matching & CLASSES != 0 and not o.is_forced and o.tif != RPI and state.accounts.kind[o.account] == RETAIL


def is_within(limit: i64, side: i64, price: i64) -> bool:
    """May an order of this side trade at `price`? At 0, which is no price, it may not."""
    return price != 0 and (price <= limit if side == BUY else price >= limit)


def allot(market: Market, lots: i64, sizes: vec[i64], shares: vec[i64], start: i64, end: i64, top: i64) -> None:
    """Fill `shares` with what each of the orders `start` to `end`, in the order of time, gets of `lots`, by the rule of the market.

    `sizes` is what they have open, `top` the number of the top order (NIL: none). The shares add up to `lots`, or to all of `sizes` if
    that is less. Who rations a batch at its price calls this too, once for each class.
    """
    total: i64 = 0
    i = start
    while i < end:
        total += sizes[i]
        shares[i] = 0
        i += 1
    left = lots
    if market.matching & PRO_RATA != 0 and lots < total:
        if top != NIL:
            shares[top] = min_i64(sizes[top], lots * market.top_share_ppm // PPM)  # < 2^40 x 2^20
            left -= shares[top]
            total -= shares[top]
        to_share = left
        i = start
        while i < end:
            share = mul_div_floor(to_share, sizes[i] - shares[i], total)
            if share >= market.least_share:
                shares[i] += share
                left -= share
            i += 1
    i = start
    while i < end and left > 0:
        rest = min_i64(left, sizes[i] - shares[i])
        shares[i] += rest
        left -= rest
        i += 1


class Allocation:
    """The level at hand, of which `find` tells the price and `meet` the order; then `took` or `drop` is to be called for that order."""

    def __init__(self, state: State, book: Book) -> None:
        self.state: State = state
        self.book: Book = book
        self.with_rpi: bool = False
        self.level: i64 = NIL
        self.price: i64 = 0  # [ticks] of it, 0: none yet
        self.is_rpi: bool = False  # does it hold RPI orders?
        self.most: i64 = 0  # [lots] that the order at hand may trade
        # The orders of the level, in the order of time; none are listed if they are met from the head of the book one by one
        self.slots: vec[i64] = column(ROOM, 0)
        self.order_ids: vec[i64] = column(ROOM, 0)
        self.sizes: vec[i64] = column(ROOM, 0)  # [lots] open
        self.shares: vec[i64] = column(ROOM, 0)  # [lots] of the incoming order that it is still to get
        self.count: i64 = 0
        self.retail: i64 = 0  # how many of them are the class that stands first
        self.top: i64 = NIL  # which of them is the top order
        self.first: i64 = 0  # those before it have nothing left
        self.start: i64 = 0  # the class at hand
        self.end: i64 = 0
        self.at: i64 = 0  # the order at hand
        self.stage: i64 = ARRIVED

    def begin(self, o: Order) -> None:
        self.with_rpi = meets_rpi(self.state, o)
        self.level = NIL
        self.price = 0
        self.is_rpi = False
        self.count = 0
        self.first = 0

    def find(self, o: Order, is_dry: bool) -> i64:
        """The price [ticks] at which the order meets the next one; 0: there is none that is within its limit."""
        if not is_dry and o.market.matching & PRO_RATA == 0:
            return self.price if self.next_level(o, False) else 0
        while True:
            while self.first < self.count:
                if self.open_lots(self.first) > 0:
                    return self.price
                self.first += 1
            if not self.next_level(o, is_dry):
                return 0
            self.list_orders()

    def meet(self, market: Market, left: i64) -> i64:
        """The next order at the price that was found, by an incoming one with `left` to trade. Sets `most`."""
        if self.count == 0:
            slot = self.state.levels.cells[self.level + L_HEAD]
            self.most = self.state.orders.cells[slot + O_SIZE]
            return slot
        while True:
            while self.at < self.end:
                self.most = min_i64(self.shares[self.at], self.open_lots(self.at))
                if self.most > 0:
                    return self.slots[self.at]
                self.at += 1
            self.next_stage(market, left)

    def took(self, lots: i64) -> None:
        """The order at hand has traded."""
        if self.count > 0:
            self.sizes[self.at] -= lots
            self.shares[self.at] -= lots

    def drop(self) -> None:
        """The order at hand is cancelled."""
        if self.count > 0:
            self.sizes[self.at] = 0

    def crosses_rpi(self, o: Order) -> i64:
        """The best price of RPI orders that the order may trade at; 0 if none."""
        price = self.book.best_rpi(o.market, 1 - o.side) if meets_rpi(self.state, o) else 0
        return price if is_within(o.limit, o.side, price) else 0

    # -- levels ------------------------------------------------------------------------------------------------------------------

    def next_level(self, o: Order, is_dry: bool) -> bool:
        """Go to the best level or, in a dry run, the one behind the last; of one price the RPI orders come last. False: there is none."""
        book = self.book
        market = o.market
        side = 1 - o.side
        rpi: i64 = 0
        if not is_dry or self.price == 0:
            price = book.best(market, side)
            if self.with_rpi:
                rpi = book.best_rpi(market, side)
        else:
            price = book.behind_rpi(market, side, self.price) if self.is_rpi else book.worse(market, side, self.price)
            if self.with_rpi:
                behind = self.price - 1 if side == BUY else self.price + 1
                rpi = book.rpi_from(market, side, behind if self.is_rpi else self.price)
        self.is_rpi = rpi != 0 and (price == 0 or (rpi > price if side == BUY else rpi < price))
        if self.is_rpi:
            price = rpi
        if not is_within(o.limit, o.side, price):
            return False
        self.price = price
        self.level = book.rpi_level(market, side, price) if self.is_rpi else book.level(market, price)
        return True

    def list_orders(self) -> None:
        """Write down the orders of the level."""
        orders = self.state.orders.cells
        levels = self.state.levels.cells
        last_retail = levels[self.level + L_LAST_RETAIL]
        top = levels[self.level + L_TOP]
        self.retail = 0
        self.top = NIL
        slots = self.slots
        order_ids = self.order_ids
        sizes = self.sizes
        room: i64 = len(slots)
        count: i64 = 0
        slot = levels[self.level + L_HEAD]
        while slot != NIL:
            if count == room:
                self.grow()
                slots = self.slots
                order_ids = self.order_ids
                sizes = self.sizes
                room = len(slots)
            slots[count] = slot
            order_ids[count] = orders[slot + O_ORDER_ID]
            sizes[count] = orders[slot + O_SIZE]
            if slot == top:
                self.top = count
            count += 1
            if slot == last_retail:
                self.retail = count
            slot = orders[slot + O_NEXT]
        self.count = count
        self.first = 0
        self.start = 0
        self.end = 0
        self.at = 0
        self.stage = ARRIVED

    def grow(self) -> None:
        rows: i64 = len(self.slots)
        self.slots = more(self.slots, rows, 0)
        self.order_ids = more(self.order_ids, rows, 0)
        self.sizes = more(self.sizes, rows, 0)
        self.shares = more(self.shares, rows, 0)

    # -- the orders of a level ---------------------------------------------------------------------------------------------------

    def open_lots(self, number: i64) -> i64:
        """What an order of the level still has; 0 if it is gone."""
        state = self.state
        slot = self.slots[number]
        if state.order_ids.find(self.order_ids[number]) != slot:
            return 0
        orders = state.orders.cells
        lots = min_i64(self.sizes[number], orders[slot + O_SIZE])
        if orders[slot + O_REDUCE_ONLY] != 0:
            lots = min_i64(lots, reducible(state.positions.cells[orders[slot + O_POSITION] + P_SIZE], orders[slot + O_SIDE]))
        return lots

    def next_stage(self, market: Market, left: i64) -> None:
        """Shares for the next class; or, when those of this one are through or there are none, what each has left, by time."""
        if self.stage != SHARED:
            self.start = self.end
            self.end = self.retail if self.end < self.retail else self.count
            assert self.start < self.end, "an order was found in the level"
        by_time = self.stage == SHARED or market.matching & PRO_RATA == 0
        sizes = self.sizes
        shares = self.shares
        i = self.start
        while i < self.end:
            sizes[i] = self.open_lots(i)
            if by_time:
                shares[i] = sizes[i]
            i += 1
        if not by_time:
            top = self.top if self.start <= self.top < self.end else NIL
            allot(market, left, sizes, shares, self.start, self.end, top)
        self.stage = BY_TIME if by_time else SHARED
        self.at = self.start
