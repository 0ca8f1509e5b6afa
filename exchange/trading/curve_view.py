"""What funding and mark rules see of a market's curve: its price and inventory, what all others hold, the pool's money. Changes nothing."""

from __future__ import annotations

from mypy_extensions import i64

from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ISOLATED_MARGIN, P_SIZE
from ..state.types import NIL, max_i64, min_i64
from .book import Book


def curve_inventory(state: State, market: Market) -> i64:
    """[lots] that the curve holds, signed; 0 without a curve."""
    row = market.pool.row
    return 0 if row == NIL else state.positions.cells[row + P_SIZE]


def traders_sides(state: State, market: Market) -> tuple[i64, i64]:
    """Open interest [lots] of longs and of shorts, the curve's own position left out."""
    held = curve_inventory(state, market)
    return market.open_interest - max_i64(held, 0), market.open_interest - max_i64(-held, 0)


def traders_skew(state: State, market: Market) -> i64:
    """Longs less shorts of all others [lots]: minus what the curve holds."""
    return -curve_inventory(state, market)


def curve_middle(state: State, book: Book, market: Market) -> i64:
    """The middle of the curve's quotes [ticks]; 0: there is no curve, or it has none yet."""
    pool = market.pool
    if pool.row == NIL or pool.started == 0:
        return 0
    return min_i64(market.max_price, book.curves.curve(market).middle(market, pool, curve_inventory(state, market)))


def pool_money(state: State, market: Market) -> i64:
    """[micro] behind the curve's position, at least 0."""
    row = market.pool.row
    return 0 if row == NIL else max_i64(0, state.positions.cells[row + P_ISOLATED_MARGIN])


def fee_pool(book: Book, market: Market) -> int:
    """[micro] of fees that the curve may spend, at least 0."""
    return max(0, book.curves.curve(market).fee_pool(market, market.pool))
