"""Curves around the oracle whose prices are straight lines, or a parabola, in the inventory: oracle_spread and skew_fill.

The price of the next lot depends on the oracle and on what the curve holds, and on nothing else, so that a trade in parts costs what it
costs as one. A value is the price integrated over the lots, by Simpson's rule, which is exact for such lines: no lot is looped over.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.payoff import lot_value
from ..schema.kinds import BUY
from ..state.market import Market
from ..state.pools import Pool
from ..state.types import PPM
from .curve import Curve, ceil_div, tick_of

LINEAR: Final[i64] = 0  # skew rules of oracle_spread
VAULT: Final[i64] = 1

# -- formulas ---------------------------------------------------------------------------------------------------------------------


def skew_fill_price(price: int, skew: int, delta: int, scale: int) -> tuple[int, int]:
    """Price of a trade of `delta` (signed: positive buys) when what others hold is `skew`, as an exact ratio (numerator, denominator).

    price * (1 + (skew / scale + (skew + delta) / scale) / 2): the mean of the prices before and after (Synthetix PerpsV2MarketBase).
    """
    return price * (2 * scale + 2 * skew + delta), 2 * scale


def vault_spread(is_ask: bool, leverage: int, depth: int, spread: int, skew_factor: int, one: int) -> int:
    """A quote's distance from the oracle by the leverage of who quotes it: exact, in units of spread / one^4.

    dYdX v4 vaults (x/vault of dydxprotocol/v4-chain): a long one, 0 included, quotes asks at (1 - k * l) * spread and bids at
    (1 + k * l)^2 * spread, a short one asks at (1 - k * l)^2 * spread and bids at (1 + k * l) * spread. k is the skew factor, l the
    leverage at which the quote is met: that of now, moved by `depth`, what the quotes before it trade. All three are in parts of `one`.
    """
    met = leverage - depth if is_ask else leverage + depth
    tilt = one * one + (-skew_factor if is_ask else skew_factor) * met
    return spread * tilt * (one * one if is_ask == (leverage >= 0) else tilt)


# -- the rules --------------------------------------------------------------------------------------------------------------------


class SkewFill(Curve):
    """Trades at the oracle price times 1 + skew / scale, skew being what others hold (Synthetix Perps v2 and v3)."""

    def __init__(self, scale: i64, most: i64) -> None:
        self.scale: i64 = scale  # [lots] of skew that double the price
        self.most: i64 = most  # [lots] of skew, on either side; below the scale

    def room(self, market: Market, pool: Pool, inventory: i64, side: i64) -> i64:
        most = self.most + inventory if side == BUY else self.most - inventory
        return most if most > 0 else 0

    def value(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64) -> int:
        if lots > self.room(market, pool, inventory, side):
            return 0
        size: int = lots
        price: int = lot_value(market, market.oracle)
        ratio = skew_fill_price(price, -int(inventory), size if side == BUY else -size, int(self.scale))
        if side == BUY:
            return ceil_div(ratio[0] * size, ratio[1])
        return max(0, ratio[0] * size // ratio[1])

    def middle(self, market: Market, pool: Pool, inventory: i64) -> i64:
        ratio = skew_fill_price(int(lot_value(market, market.oracle)), -int(inventory), 0, int(self.scale))
        return tick_of(market, ratio[0], ratio[1])


class OracleSpread(Curve):
    """Quotes at a spread around the oracle, skewed by inventory: linear in it, or as a dYdX vault does."""

    def __init__(self, spread_ppm: i64, skew_ppm: i64, scale: i64, most: i64, rule: i64) -> None:
        self.spread_ppm: i64 = spread_ppm  # of each side
        self.skew_ppm: i64 = skew_ppm  # linear: of the price, by which an inventory of `scale` lowers it; vault: the skew factor
        self.scale: i64 = scale  # [lots] of inventory; vault: those that make a leverage of 1
        self.most: i64 = most  # [lots] of inventory, on either side
        self.rule: i64 = rule

    def room(self, market: Market, pool: Pool, inventory: i64, side: i64) -> i64:
        most = self.most + inventory if side == BUY else self.most - inventory
        return most if most > 0 else 0

    def price(self, side: i64, half_lots: int) -> int:
        """Of the next lot at an inventory of `half_lots` / 2, in parts of `one()` of the oracle price; exact."""
        parts = 2 * int(self.scale)
        if self.rule == LINEAR:
            spread = int(self.spread_ppm) * parts
            middle = (int(PPM) * parts) - int(self.skew_ppm) * half_lots
            return middle + spread if side == BUY else middle - spread
        # vault_spread in parts of PPM * parts: the skew factor times `parts`, the leverage times PPM
        whole = int(PPM) * parts
        distance = vault_spread(side == BUY, half_lots * int(PPM), 0, int(self.spread_ppm), int(self.skew_ppm) * parts, whole)
        return self.one() + (distance if side == BUY else -distance)

    def one(self) -> int:
        parts = 2 * int(self.scale)
        return int(PPM) * parts if self.rule == LINEAR else int(PPM) * (int(PPM) * parts) ** 4

    def integral(self, side: i64, low: int, high: int) -> int:
        """6 x the sum of prices over inventories from `low` to `high`, which are on one side of 0, where both formulas meet."""
        return (high - low) * (self.price(side, 2 * low) + 4 * self.price(side, low + high) + self.price(side, 2 * high))

    def value(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64) -> int:
        if lots > self.room(market, pool, inventory, side):
            return 0
        low, high = int(inventory), int(inventory)
        if side == BUY:
            low -= int(lots)
        else:
            high += int(lots)
        whole = self.integral(side, low, min(high, 0)) if low < 0 else 0
        if high > 0:
            whole += self.integral(side, max(low, 0), high)
        whole *= int(lot_value(market, market.oracle))
        return ceil_div(whole, 6 * self.one()) if side == BUY else max(0, whole // (6 * self.one()))

    def middle(self, market: Market, pool: Pool, inventory: i64) -> i64:
        quotes = self.price(BUY, 2 * int(inventory)) + self.price(1 - BUY, 2 * int(inventory))
        return tick_of(market, quotes * int(lot_value(market, market.oracle)), 2 * self.one())
