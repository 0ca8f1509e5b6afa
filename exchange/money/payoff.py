"""What lots are worth at a price: the only place that knows price x unit.

Payoffs are linear: value = lots x price x unit. Another payoff (inverse, quanto) is another body of these five functions.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..state.market import Market
from ..state.types import div_ceil


def value_of(market: Market, lots: i64, price: i64) -> i64:
    """Value of `lots` at `price` [micro]; signed like lots. Below 2^55: lots are capped at load by the market's max_price."""
    return lots * price * market.unit


def lot_value(market: Market, price: i64) -> i64:
    """Of one lot [micro]."""
    return price * market.unit


def tick_value(market: Market, lots: i64) -> i64:
    """What a move by one tick changes the value of `lots` by [micro]."""
    return lots * market.unit


def average_price(market: Market, lots: i64, value: i64) -> i64:
    """[ticks] of `lots` > 0 that cost `value`, rounded down."""
    return value // (lots * market.unit)


def lots_worth(market: Market, value: i64, price: i64) -> i64:
    """The fewest lots that are worth at least `value` > 0 at `price`."""
    return div_ceil(value, price * market.unit)
