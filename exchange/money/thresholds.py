"""Pure: the price at which an account is liquidated or bankrupt, and the share of its equity that stands behind one of its positions."""

from __future__ import annotations

from mypy_extensions import i64

from ..schema.kinds import ISOLATED
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_MODE, P_SIZE
from ..state.types import abs_i64, mul_div_ceil, mul_div_floor
from .collateral import relief
from .margin import cross_equity, cross_maintenance, maintenance_of, market_of, row_covered, row_equity, row_maintenance
from .payoff import value_of


def surplus(
    market: Market, size: i64, equity: i64, mark: i64, elsewhere: i64, price: i64, over_maintenance: bool, covered: i64 = 0
) -> i64:  # fmt: skip
    """What `equity` at the price `mark` is at `price`, with a position of `size` lots (signed) behind it; less what that position then
    requires, `covered` lots of it being hedged, and what others do (`elsewhere`), if asked [micro]."""
    left = equity + value_of(market, size, price - mark)
    if over_maintenance:
        required = maintenance_of(market, value_of(market, abs_i64(size), price))
        left -= required - relief(market, abs_i64(size), covered, required) + elsewhere
    return left


def threshold(market: Market, size: i64, equity: i64, mark: i64, elsewhere: i64, over_maintenance: bool, covered: i64 = 0) -> i64:
    """The first tick, going against a position of `size` lots (signed), at which the surplus is below zero; 0 if there is none up to
    max_price.

    A tick moves equity by size x unit and the requirement by at most that: the surplus is monotonic, and bisection exact.
    A long's threshold is the highest such tick, a short's the lowest.
    """
    low: i64 = 1
    high = market.max_price
    if size > 0:
        if surplus(market, size, equity, mark, elsewhere, low, over_maintenance, covered) >= 0:
            return 0
        while low < high:
            middle = (low + high + 1) // 2
            if surplus(market, size, equity, mark, elsewhere, middle, over_maintenance, covered) < 0:
                low = middle
            else:
                high = middle - 1
        return low
    if surplus(market, size, equity, mark, elsewhere, high, over_maintenance, covered) >= 0:
        return 0
    while low < high:
        middle = (low + high) // 2
        if surplus(market, size, equity, mark, elsewhere, middle, over_maintenance, covered) < 0:
            high = middle
        else:
            low = middle + 1
    return low


def threshold_price(state: State, row: i64, over_maintenance: bool) -> i64:
    """The first tick, going against the position, at which its account's equity (less maintenance, if asked) is below zero, all other marks
    as they are; 0 if there is none."""
    cells = state.positions.cells
    market = market_of(state, row)
    equity = row_equity(state, row)
    elsewhere: i64 = 0
    if cells[row + P_MODE] != ISOLATED:
        account = cells[row + P_ACCOUNT]
        equity = cross_equity(state, account, market.asset)
        elsewhere = cross_maintenance(state, account, market.asset) - row_maintenance(state, row)
    covered = row_covered(state, market, row)
    return threshold(market, cells[row + P_SIZE], equity, market.mark, elsewhere, over_maintenance, covered)


def slice_value(value: i64, lots: i64, held: i64) -> i64:
    """The part of `value` that goes with `lots` (unsigned) of a position of `held` (signed), rounded against the position: what a long
    gets is rounded down, what a short pays is rounded up."""
    return mul_div_floor(value, lots, held) if held > 0 else mul_div_ceil(value, lots, -held)


def share_of(equity: i64, part: i64, whole: i64) -> i64:
    """The part of an account's equity that goes with `part` of its maintenance requirement `whole`, rounded down; all, if that is zero."""
    return equity if whole <= 0 else mul_div_floor(equity, part, whole)


def equity_share(state: State, row: i64, equity: i64, maintenance: i64) -> i64:
    """The part of an account's equity that stands behind one of its positions, rounded down: pro rata to maintenance, which keeps
    equity / maintenance the same while positions are closed one by one (dYdX's bankruptcy quote, Lighter's zero price)."""
    return share_of(equity, row_maintenance(state, row), maintenance)


def bankruptcy_of(held: i64, at_mark: i64, share: i64) -> i64:
    """What a position of `held` lots (signed), worth `at_mark` (unsigned), must fetch (cost, if short) for its share of the equity to end
    at zero; may be negative."""
    return at_mark - share if held > 0 else at_mark + share
