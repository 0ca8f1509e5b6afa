"""How large a hedge is: of a position whose value moves with another market. Shares of a variance are floats; sizes are exact, in lots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from .units import WIDE, Market, Number, exact, widely


class Fit(Struct, frozen=True):
    """How the returns of one thing move with those of another, in the past."""

    beta: float  # minimum-variance hedge ratio: value of the hedge per value of the position
    r_squared: float  # share of the variance that a hedge of this ratio would have removed
    error: float  # standard error of beta, if returns are independent
    count: int  # of pairs


class Hedged(Struct, frozen=True, kw_only=True):
    """A hedge, in whole lots of its market."""

    size: Decimal  # [coins] below zero: to be sold
    value: Decimal  # [USD] signed alike
    exact_size: Decimal  # [coins] before rounding towards zero
    ratio: Decimal  # value of the hedge per value of the position, after rounding
    variance_left: float | None  # share of the position's variance that stays; None: R^2 is not known


def minimum_variance(position: Sequence[float], hedge: Sequence[float]) -> Fit:
    """The hedge ratio of least variance from returns of both over the same times: cov / var (Ederington 1979), with R^2. Raises ValueError.

    Example: returns 1, 2, 3, 6 of the position and 1, 2, 3, 4 of the hedge (in %): covariance sum 8, variance sum 5, so beta = 1.6; the
    position's own variance sum is 14, so R^2 = 8^2 / (5 x 14) = 0.914.
    """
    count = len(position)
    if count != len(hedge) or count < 3:
        raise ValueError(f"{count} and {len(hedge)} returns; expected as many of both, and three or more")
    if not all(map(math.isfinite, (*position, *hedge))):
        raise ValueError("a return is no finite number")
    mean_x, mean_y = math.fsum(hedge) / count, math.fsum(position) / count
    xx = math.fsum((x - mean_x) ** 2 for x in hedge)
    yy = math.fsum((y - mean_y) ** 2 for y in position)
    xy = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(hedge, position, strict=True))
    if not xx > 0 or not yy > 0:
        raise ValueError("returns of one of the two are all equal: nothing moves with it")
    r_squared = min(1.0, xy / xx * (xy / yy))
    return Fit(xy / xx, r_squared, math.sqrt((1 - r_squared) * yy / xx / (count - 2)), count)


def returns_of(prices: Sequence[float]) -> list[float]:
    """Simple returns between prices that follow one another. Raises ValueError."""
    if any(not (math.isfinite(price) and price > 0) for price in prices):
        raise ValueError("a price is no number above 0")
    return [after / before - 1 for before, after in pairwise(prices)]


@widely
def hedge_size(
    terms: Market, *, value: Number, price: Number, beta: Number, share: Number = 1, r_squared: float | None = None
) -> Hedged:  # fmt: skip
    """The hedge, at `price` [USD] of its market, of a position worth `value` [USD; below zero: short]: -value x beta x share / price.

    Rounded towards zero, to whole lots. With h the ratio that comes of it, the part of the position's variance that is left is
    1 - R^2 + R^2 (1 - h / beta)^2. Raises ValueError.

    Example: a long worth 10,000 USD with beta 0.8 against BTC at 60,000: -8,000 / 60,000 = -0.13333 BTC; with R^2 0.64 it leaves 36 % of
    the variance, which is 60 % of the volatility.
    """
    worth, at, slope, part = exact(value, "the value"), exact(price, "the price"), exact(beta, "beta"), exact(share, "the share")
    if not worth or at <= 0 or part < 0 or (r_squared is not None and not 0 <= r_squared <= 1):
        raise ValueError(
            f"value {worth}, price {at}, share {part}, R^2 {r_squared}: expected a value, a price above 0, 0 or more, and 0 to 1"
        )
    wanted = WIDE.divide(-WIDE.multiply(WIDE.multiply(worth, slope), part), at)
    size = terms.size(terms.whole_lots(wanted))
    ratio = -WIDE.divide(WIDE.multiply(size, at), worth)
    left = None
    if r_squared is not None:
        left = 1 - r_squared * (1 - (1 - float(WIDE.divide(ratio, slope))) ** 2) if slope else 1.0
    return Hedged(size=size, value=WIDE.multiply(size, at), exact_size=wanted, ratio=ratio, variance_left=left)
