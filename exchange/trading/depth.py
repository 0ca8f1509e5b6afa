"""What a side of the book would trade: walked from the best price, counting only size that can be filled.

A reduce-only order counts once for each lot of its position that it can close: eight exits of one position are one exit. Margin and
self-trade are left aside: they depend on who trades. Changes nothing; values are exact, averages round down to a tick.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..state.tables import O_NEXT, O_POSITION, O_REDUCE_ONLY, O_SIZE, State
from ..state.types import BUY, NIL, div_ceil, min_i64
from .access import reducible
from .book import Book


class Walk:
    """One walk down a side; `lots` and `value` are what it has passed so far."""

    def __init__(self, state: State, book: Book, market: i64, side: i64) -> None:
        self.state: State = state
        self.book: Book = book
        self.market: i64 = market
        self.side: i64 = side  # of the resting orders
        self.lots: i64 = 0
        self.value: i64 = 0  # [micro]
        self.closed: dict[int, int] = {}  # lots of reduce-only orders passed so far, by position row

    def reach_notional(self, notional: i64) -> bool:
        """Take the fewest lots that are worth `notional`; False if the side holds less."""
        unit = self.state.markets.unit[self.market]
        price = self.book.best(self.market, self.side)
        while price != 0 and self.value < notional:
            self.take(price, min_i64(div_ceil(notional - self.value, price * unit), self.fillable(price)))
            price = self.book.worse(self.market, self.side, price)
        return self.value >= notional and self.lots > 0

    def reach_lots(self, lots: i64, limit: i64) -> None:
        """Take up to `lots`, no worse than `limit`."""
        price = self.book.best(self.market, self.side)
        while price != 0 and self.lots < lots and (price >= limit if self.side == BUY else price <= limit):
            self.take(price, min_i64(lots - self.lots, self.fillable(price)))
            price = self.book.worse(self.market, self.side, price)

    def take(self, price: i64, lots: i64) -> None:
        self.lots += lots
        self.value += lots * price * self.state.markets.unit[self.market]

    def average(self) -> i64:
        """[ticks] of what was taken."""
        return self.value // (self.lots * self.state.markets.unit[self.market])

    def fillable(self, price: i64) -> i64:
        """Lots of a level that can trade, beyond what was passed."""
        state = self.state
        level = self.book.ladders[self.market].find(price)
        if state.levels.reducers[level] == 0:
            return state.levels.lots[level]
        orders = state.orders.cells
        total: i64 = 0
        slot = state.levels.head[level]
        while slot != NIL:
            lots = orders[slot + O_SIZE]
            if orders[slot + O_REDUCE_ONLY] != 0:
                row = orders[slot + O_POSITION]
                before: i64 = self.closed.get(row, 0)
                lots = min_i64(lots, reducible(state.positions.size[row], self.side) - before)
                self.closed[row] = before + lots
            total += lots
            slot = orders[slot + O_NEXT]
        return total


def impact_price(state: State, book: Book, market: i64, side: i64, notional: i64) -> i64:
    """Average price [ticks] of trading `notional` [micro] against a side; 0 if the side is too thin."""
    walk = Walk(state, book, market, side)
    return walk.average() if walk.reach_notional(notional) else 0
