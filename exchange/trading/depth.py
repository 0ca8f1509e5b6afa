"""What a side of the book would trade: walked from the best price, counting only size that can be filled.

A reduce-only order counts once for each lot of its position that it can close: eight exits of one position are one exit. Margin and
self-trade are left aside: they depend on who trades. Changes nothing; values are exact, averages round down to a tick.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.payoff import average_price, lots_worth, value_of
from ..schema.kinds import BUY
from ..state.market import Market
from ..state.state import State
from ..state.tables import L_HEAD, L_LOTS, L_REDUCERS, O_NEXT, O_POSITION, O_REDUCE_ONLY, O_SIZE, P_SIZE
from ..state.types import NIL, min_i64
from .access import reducible
from .book import Book


class Walk:
    """One walk down a side; `lots` and `value` are what it has passed so far."""

    def __init__(self, state: State, book: Book, market: Market, side: i64) -> None:
        self.state: State = state
        self.book: Book = book
        self.begin(market, side)

    def begin(self, market: Market, side: i64) -> None:
        """Start over, at the best price of a side."""
        self.market: Market = market
        self.side: i64 = side  # of the resting orders
        self.lots: i64 = 0
        self.value: i64 = 0  # [micro]
        self.closed: dict[int, int] | None = None  # lots of reduce-only orders passed so far, by position row, once there are any

    def reach_notional(self, notional: i64) -> bool:
        """Take the fewest lots that are worth `notional`; False if the side holds less."""
        price = self.book.best(self.market, self.side)
        while price != 0 and self.value < notional:
            self.take(price, min_i64(lots_worth(self.market, notional - self.value, price), self.fillable(price)))
            price = self.book.worse(self.market, self.side, price)
        return self.value >= notional and self.lots > 0

    def reach_lots(self, lots: i64, limit: i64) -> None:
        """Take up to `lots`, no worse than `limit`."""
        price = self.book.best(self.market, self.side)
        while price != 0 and (price >= limit if self.side == BUY else price <= limit):
            self.take(price, min_i64(lots - self.lots, self.fillable(price)))
            if self.lots >= lots:
                return
            price = self.book.worse(self.market, self.side, price)

    def take(self, price: i64, lots: i64) -> None:
        self.lots += lots
        self.value += value_of(self.market, lots, price)

    def average(self) -> i64:
        """[ticks] of what was taken."""
        return average_price(self.market, self.lots, self.value)

    def fillable(self, price: i64) -> i64:
        """Lots of a level that can trade, beyond what was passed."""
        state = self.state
        levels = state.levels.cells
        level = self.book.level(self.market, price)
        if levels[level + L_REDUCERS] == 0:
            return levels[level + L_LOTS]
        orders = state.orders.cells
        total: i64 = 0
        slot = levels[level + L_HEAD]
        while slot != NIL:
            lots = orders[slot + O_SIZE]
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
