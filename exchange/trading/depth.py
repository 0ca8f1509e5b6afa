"""What a side of the market would trade: walked from the best price, counting only size that can be filled, of the curve too.

A reduce-only order counts once for each lot of its position that it can close: eight exits of one position are one exit. Margin and
self-trade are left aside: they depend on who trades. RPI orders are nothing that marks, funding or anybody but an order of a retail account
can count on. What iceberg orders do not show counts for whether a fill-or-kill order could fill, and for nothing else that others are told:
not for what an order would be charged, nor for marks, funding or questions. Changes nothing; values are exact, averages round down to a
tick.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.payoff import average_price, lots_worth, value_of
from ..schema.kinds import BUY
from ..state.market import Market
from ..state.state import State
from ..state.tables import L_HEAD, L_LOTS, L_SPECIAL, O_NEXT, O_POSITION, O_REDUCE_ONLY, O_SIZE, P_SIZE
from ..state.types import NIL, max_i64, min_i64
from .access import reducible
from .book import Book
from .curve_source import JIT, LAST_RESORT, NO_CURVE, CurveSource
from .open_orders import hidden_lots


class Walk:
    """One walk down a side; `lots` and `value` are what it has passed so far."""

    def __init__(self, state: State, book: Book, market: Market, side: i64) -> None:
        self.state: State = state
        self.book: Book = book
        self.curves: CurveSource = book.curves
        self.begin(market, side)

    def begin(self, market: Market, side: i64) -> None:
        """Start over, at the best price of a side."""
        self.market: Market = market
        self.side: i64 = side  # of the resting orders
        self.lots: i64 = 0
        self.value: i64 = 0  # [micro]
        self.curve_lots: i64 = 0  # of them with the curve
        self.curve_value: i64 = 0
        self.has_curve: bool = market.curve_role != NO_CURVE and market.curve_role != JIT
        self.with_rpi: bool = False  # RPI orders too: for orders that may meet them
        self.with_hidden: bool = False  # what iceberg orders do not show too
        self.viewer: i64 = NIL  # then, but for others' than this account's; NIL: all
        self.closed: dict[int, int] | None = None  # lots of reduce-only orders passed so far, by position row, once there are any

    def reach_notional(self, notional: i64) -> bool:
        """Take the fewest lots that are worth `notional`; False if the side holds less."""
        price = self.book.best(self.market, self.side)
        while price != 0 and self.value < notional:
            if self.has_curve and self.reach_on_curve(notional, self.before(price)):
                break
            self.take(price, min_i64(lots_worth(self.market, notional - self.value, price), self.fillable(price)))
            price = self.book.worse(self.market, self.side, price)
        if self.has_curve and self.value < notional:
            self.reach_on_curve(notional, self.worst())
        return self.value >= notional and self.lots > 0

    def reach_lots(self, lots: i64, limit: i64) -> None:
        """Take up to `lots`, no worse than `limit`."""
        price = self.best()
        while price != 0 and (price >= limit if self.side == BUY else price <= limit):
            if self.has_curve:
                self.take_from_curve(lots - self.lots, self.before(price))
                if self.lots >= lots:
                    return
            self.take(price, min_i64(lots - self.lots, self.fillable(price)))
            if self.lots >= lots:
                return
            price = self.worse(price)
        if self.has_curve:
            self.take_from_curve(lots - self.lots, limit)

    def holds(self, lots: i64, limit: i64) -> bool:
        """Does the book, the curve left aside, have `lots` that can trade, no worse than `limit`?"""
        price = self.best()
        while price != 0 and (price >= limit if self.side == BUY else price <= limit):
            lots -= self.fillable(price)
            if lots <= 0:
                return True
            price = self.worse(price)
        return False

    # -- the curve ---------------------------------------------------------------------------------------------------------------

    def before(self, price: i64) -> i64:
        """How far the curve comes before the book's `price`: the book wins a tie. 0: not at all."""
        if self.market.curve_role == LAST_RESORT:
            return 0
        return price + 1 if self.side == BUY else price - 1

    def worst(self) -> i64:
        return 1 if self.side == BUY else self.market.max_price

    def take_from_curve(self, most: i64, bound: i64) -> None:
        """Up to `most` lots more of the curve, at `bound` or better. What was taken before counts as one trade with them."""
        if bound == 0 or most <= 0:
            return
        curves = self.curves
        market = self.market
        lots = curves.offered(market, market.pool, 1 - self.side, bound, self.curve_lots + most)
        if lots <= self.curve_lots:
            return
        value = curves.worth(market, market.pool, 1 - self.side, lots)
        self.lots += lots - self.curve_lots
        self.value += value - self.curve_value
        self.curve_lots = lots
        self.curve_value = value

    def reach_on_curve(self, notional: i64, bound: i64) -> bool:
        """The fewest lots of the curve, at `bound` or better, that make up `notional`; all that there are if they do not."""
        if bound == 0:
            return False
        curves = self.curves
        market = self.market
        before = self.value - self.curve_value
        least = self.curve_lots
        most = curves.offered(market, market.pool, 1 - self.side, bound, market.max_lots)
        if most <= least or before + curves.worth(market, market.pool, 1 - self.side, most) < notional:
            self.take_from_curve(most - least, bound)
            return False
        while least + 1 < most:
            middle = (least + most) // 2
            if before + curves.worth(market, market.pool, 1 - self.side, middle) < notional:
                least = middle
            else:
                most = middle
        self.take_from_curve(most - self.curve_lots, bound)
        return True

    # -- the book ----------------------------------------------------------------------------------------------------------------

    def take(self, price: i64, lots: i64) -> None:
        self.lots += lots
        self.value += value_of(self.market, lots, price)

    def average(self) -> i64:
        """[ticks] of what was taken."""
        return average_price(self.market, self.lots, self.value)

    def best(self) -> i64:
        """The first price; 0 if there is none."""
        price = self.book.best(self.market, self.side)
        if self.with_rpi:
            price = self.better(price, self.book.best_rpi(self.market, self.side))
        return price

    def worse(self, price: i64) -> i64:
        """The next price; 0 if there is none."""
        if not self.with_rpi:
            return self.book.worse(self.market, self.side, price)
        behind = price - 1 if self.side == BUY else price + 1
        return self.better(self.book.behind_rpi(self.market, self.side, price), self.book.rpi_from(self.market, self.side, behind))

    def better(self, price: i64, other: i64) -> i64:
        """The better one of two prices, of which 0 is none."""
        if price == 0 or other == 0:
            return max_i64(price, other)
        return max_i64(price, other) if self.side == BUY else min_i64(price, other)

    def fillable(self, price: i64) -> i64:
        """Lots at a price that can trade, beyond what was passed."""
        if not self.with_rpi:
            return self.fillable_of(self.book.level(self.market, price))
        lots: i64 = 0
        best = self.book.best(self.market, self.side)
        if best != 0 and (price <= best if self.side == BUY else price >= best):  # else it is a price of RPI orders alone
            lots = self.fillable_of(self.book.level(self.market, price))
        return lots + self.fillable_of(self.book.rpi_level(self.market, self.side, price))

    def fillable_of(self, level: i64) -> i64:
        """The same of a level, of which NIL is none."""
        state = self.state
        levels = state.levels.cells
        if level == NIL:
            return 0
        if levels[level + L_SPECIAL] == 0:
            return levels[level + L_LOTS]
        orders = state.orders.cells
        total: i64 = 0
        slot = levels[level + L_HEAD]
        while slot != NIL:
            lots = orders[slot + O_SIZE]
            if self.with_hidden:
                lots += hidden_lots(state, slot, self.viewer)
            if orders[slot + O_REDUCE_ONLY] != 0:
                row = orders[slot + O_POSITION]
                closed = self.closed
                if closed is None:
                    closed = self.closed = {}
                before: i64 = closed.get(int(row), 0)
                lots = min_i64(lots, reducible(state.positions.cells[row + P_SIZE], self.side) - before)
                closed[int(row)] = int(before + lots)
            total += lots
            slot = orders[slot + O_NEXT]
        return total


def impact_price(state: State, book: Book, market: Market, side: i64, notional: i64) -> i64:
    """Average price [ticks] of trading `notional` [micro] against a side; 0 if the side is too thin."""
    walk = Walk(state, book, market, side)
    return walk.average() if walk.reach_notional(notional) else 0
