"""constant_product: x * y = k on virtual reserves (Perpetual Protocol v1, AmmV1 of perpetual-protocol/perpetual-protocol).

x is the base reserve, y the quote reserve; buying takes out of x what selling puts in. Only x moves, with the inventory: y is k / x, so
that nothing is lost in the course of many trades. Values round by one unit against the trader where they are no whole number.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.payoff import lot_value
from ..schema.kinds import BUY
from ..state.market import Market
from ..state.pools import RESERVE_SHIFT, Pool
from ..state.types import MAX_LOTS, PPM
from .curve import Curve, ceil_div, tick_of
from .powers import root_floor

# -- formulas ---------------------------------------------------------------------------------------------------------------------


def amount_out(reserve_in: int, reserve_out: int, amount: int, scale: int = 1) -> int:
    """What comes out for `amount` put in, rounded down: reserve_out * amount / (reserve_in + amount).

    `amount` has the unit of reserve_in. The result has that of reserve_out, times `scale`: units of reserve_out per unit of the result.
    """
    return reserve_out * amount // ((reserve_in + amount) * scale)


def amount_in(reserve_in: int, reserve_out: int, amount: int, scale: int = 1) -> int:
    """What has to be put in for `amount` to come out, rounded up: reserve_in * amount / (reserve_out - amount).

    `amount` < reserve_out has the unit of reserve_out. `scale`: units of reserve_in per unit of the result.
    """
    return ceil_div(reserve_in * amount, (reserve_out - amount) * scale)


def most_out(reserve: int, share_ppm: int) -> int:
    """What may come out of a reserve when a trade may take that share of it, rounded down."""
    return reserve * share_ppm // int(PPM)


def most_in(reserve_in: int, share_ppm: int) -> int:
    """What may be put in when no more than a share of the other reserve may come out, rounded down: r * x / (1 - r)."""
    return reserve_in * share_ppm // (int(PPM) - share_ppm)


def reserve_at(anchor: int, move_ppm: int) -> int:
    """The base reserve at which the price, which goes by 1 / x^2, is that at `anchor` moved by `move_ppm`; rounded towards `anchor`."""
    square = anchor * anchor * int(PPM)
    root = root_floor(square // (int(PPM) + move_ppm), 2)
    return root + 1 if move_ppm > 0 and root * root * (int(PPM) + move_ppm) < square else root


# -- the rule ---------------------------------------------------------------------------------------------------------------------


def wide(lots: i64) -> int:
    """Lots in the unit of reserves."""
    exact: int = lots
    return exact << RESERVE_SHIFT


def base_of(reserve: int, lots: int, price: int) -> int:
    """The base reserve [2^-32 lots]: `lots` of it, or what a quote reserve [micro] is worth at a price [micro per lot]."""
    return (lots << RESERVE_SHIFT) if lots > 0 else (reserve << RESERVE_SHIFT) // price


class ConstantProduct(Curve):
    """x * y = k, set at the first oracle price; from then on the curve does not know the oracle."""

    def __init__(self, reserve: int, lots: i64, fluctuation_ppm: i64, trade_ppm: i64) -> None:
        self.reserve: int = reserve  # [micro] quote reserve at the start, or 0 and
        self.lots: i64 = lots  # base reserve at the start
        self.fluctuation_ppm: i64 = fluctuation_ppm  # how far the price may go from where it was when the oracle last moved; 0: anywhere
        self.trade_ppm: i64 = trade_ppm  # of a reserve: what one trade may take out; 0: all but nothing of it

    def start(self, market: Market, pool: Pool) -> None:
        price: int = lot_value(market, market.oracle)
        pool.base = base_of(self.reserve, self.lots, price)
        pool.k = price * pool.base * pool.base
        pool.anchor = pool.base

    def room(self, market: Market, pool: Pool, inventory: i64, side: i64) -> i64:
        x = pool.base + wide(inventory)
        most = x - 1 if side == BUY else wide(MAX_LOTS)  # something of a reserve is always left
        if self.trade_ppm != 0:
            most = min(most, most_out(x, self.trade_ppm) if side == BUY else most_in(x, self.trade_ppm))
        if self.fluctuation_ppm != 0:
            share = int(self.fluctuation_ppm)
            most = min(most, x - reserve_at(pool.anchor, share) if side == BUY else reserve_at(pool.anchor, -share) - x)
        return min(int(MAX_LOTS), max(0, most >> RESERVE_SHIFT))

    def value(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64) -> int:
        x = pool.base + wide(inventory)
        if x <= 0 or lots > self.room(market, pool, inventory, side):
            return 0
        if side == BUY:
            return amount_in(pool.k, x, wide(lots), x << RESERVE_SHIFT)
        return amount_out(x, pool.k, wide(lots), x << RESERVE_SHIFT)

    def position_worth(self, market: Market, pool: Pool, inventory: i64) -> int:
        """Whatever its limits: k / x from the balance to here, or back, which is the same."""
        if inventory == 0 or pool.base == 0:
            return 0
        if inventory > 0:
            return amount_out(pool.base, pool.k, wide(inventory), pool.base << RESERVE_SHIFT)
        return -amount_in(pool.k, pool.base, wide(-inventory), pool.base << RESERVE_SHIFT)

    def oracle_moved(self, market: Market, pool: Pool, inventory: i64) -> int:
        pool.anchor = pool.base + wide(inventory)
        return 0

    def middle(self, market: Market, pool: Pool, inventory: i64) -> i64:
        x = pool.base + wide(inventory)
        return tick_of(market, pool.k, x * x) if x > 0 else 0
