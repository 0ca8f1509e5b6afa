"""oracle_pool: trades at the oracle against a pool, at an impact on the price that grows with the imbalance (GMX v2).

Impact is a difference of potentials U(d) = f * d^e, d being the imbalance in money at the oracle price: PricingUtils of
gmx-io/gmx-synthetics. Who makes it larger pays by the negative factor and exponent, who makes it smaller is paid by the positive ones; a
trade that turns it does both. Two bounds keep the pool whole: a positive impact is never more than what the way back pays, and the price
is never farther from the oracle than the caps. The negative cap bounds the price of each lot, not of the trade as a whole: else a trade in
parts would be cheaper.

Potentials are whole numbers of parts of a micro-unit: exact where the exponent is whole, else rounded down, less than a part off. What they
add up to is exact in both cases, so that no sequence of trades gains by the rounding.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.payoff import lot_value
from ..schema.kinds import BUY
from ..state.market import Market
from ..state.pools import Pool
from ..state.types import MAX_LOTS, PPM, min_i64
from .curve import Curve, ceil_div
from .powers import root_floor

FINE: Final[int] = 1 << 40  # parts of a micro-unit, at least
SLACK: Final[int] = 1 << 20  # of 2^40 parts: far more than potentials are off by, for comparisons with a price
FARTHEST: Final[int] = 1 << 64  # [micro] of imbalance: more than there can be

# -- formulas ---------------------------------------------------------------------------------------------------------------------


class Potential:
    """U(d) = f * d^e: what an imbalance of d costs, in parts of a unit of money, rounded down; exact if the parts allow it.

    f = factor / divisor; e = numerator / denominator, at least 1. d comes in 1 / `unit` of a unit of money. `straight_ppm`: where the next
    bit of imbalance would cost more than that share of itself, U goes on as a straight line of that slope; 0: nowhere.
    """

    def __init__(
        self, factor: int, divisor: int, numerator: int, denominator: int, unit: int, parts: int, straight_ppm: int = 0
    ) -> None:  # fmt: skip
        self.factor: int = (factor * parts) ** denominator
        self.divisor: int = divisor**denominator * unit**numerator
        self.numerator: int = numerator
        self.denominator: int = denominator
        self.slope: int = straight_ppm * parts  # per d, in 1 / (PPM * unit)
        self.slope_divisor: int = int(PPM) * unit
        self.bend: int = FARTHEST  # d at which the straight line begins
        self.at_bend: int = 0
        if straight_ppm > 0:
            # f * e * (d / unit)^(e - 1) <= slope, raised to the denominator
            rise = (factor * numerator * int(PPM)) ** denominator
            most = (straight_ppm * denominator * divisor) ** denominator * unit ** (numerator - denominator)
            self.bend = last_below(rise, numerator - denominator, most)
            self.at_bend = self.curved(self.bend)

    def curved(self, d: int) -> int:
        return root_floor(self.factor * d**self.numerator // self.divisor, self.denominator)

    def at(self, d: int) -> int:
        if d <= self.bend:
            return self.curved(d)
        return self.at_bend + self.slope * (d - self.bend) // self.slope_divisor


def last_below(rise: int, exponent: int, most: int) -> int:
    """The largest d up to FARTHEST with rise * d^exponent <= most; 0 if there is none."""
    low: int = 0
    high: int = FARTHEST + 1
    while high - low > 1:
        middle = (low + high) >> 1
        if rise * middle**exponent <= most:
            low = middle
        else:
            high = middle
    return low


class Impact:
    """Both potentials, in the same parts of a unit of money, and the largest positive impact."""

    def __init__(self, positive: Potential, negative: Potential, cap_ppm: int, parts: int, unit: int) -> None:
        self.positive: Potential = positive
        self.negative: Potential = negative
        self.cap_ppm: int = cap_ppm  # of what a trade takes off the imbalance; PPM: none
        self.parts: int = parts  # of a unit of money
        self.unit: int = unit  # of the imbalance

    def relief(self, before: int, after: int, slack: int) -> int:
        """What a trade is paid that brings the imbalance down, from `before` to `after` >= 0."""
        own = self.positive.at(before) - self.positive.at(after)
        back = self.negative.at(before) - self.negative.at(after)
        cap = (before - after) * self.cap_ppm * self.parts // (int(PPM) * self.unit)
        return max(0, min(own - slack, back - slack, cap))

    def load(self, before: int, after: int, slack: int) -> int:
        """What a trade pays that brings it up, from `before` to `after`."""
        is_straight = before >= self.negative.bend
        return self.negative.at(after) - self.negative.at(before) + (0 if is_straight else slack)


def price_impact(before: int, after: int, rule: Impact, slack: int = 0) -> int:
    """Impact of a trade that brings the imbalance from `before` to `after` (signed): positive for the trader, in parts of a unit of money.

    Same side: U(before) - U(after), of the positive potential where it shrinks and of the negative where it grows. Across 0: the positive
    of what there was less the negative of what there is. `slack` is taken from it where potentials are rounded.
    """
    d0, d1 = abs(before), abs(after)
    if before * after < 0:
        return rule.relief(d0, 0, slack) - rule.load(0, d1, slack)
    return rule.relief(d0, d1, slack) if d1 < d0 else -rule.load(d0, d1, slack)


def filled_value(worth: int, impact: int, is_buy: bool) -> int:
    """What a buyer pays, or a seller gets, for what is worth `worth` at the oracle: the impact is for or against him."""
    return worth - impact if is_buy else worth + impact


def fine_parts(divisors: tuple[int, int], exponents: tuple[int, int], denominators: tuple[int, int], unit: int) -> int:
    """Parts of a unit of money that are fine enough, and in which potentials of whole exponents are exact."""
    parts = FINE * int(PPM) * unit
    for divisor, exponent, denominator in zip(divisors, exponents, denominators):
        if denominator == 1:
            parts *= divisor * unit**exponent
    return parts


# -- the rule ---------------------------------------------------------------------------------------------------------------------


class OraclePool(Curve):
    """Trades at the oracle price, and an impact on it."""

    def __init__(self, impact: Impact, reserve_ppm: i64) -> None:
        self.impact: Impact = impact
        self.reserve_ppm: i64 = reserve_ppm  # of the pool's money: the largest net position that it stands for
        self.scale: int = impact.parts // impact.unit  # parts of a micro-unit
        self.slack: int = 0 if impact.positive.denominator == 1 and impact.negative.denominator == 1 else self.scale // FINE * SLACK

    def backed(self, market: Market, pool: Pool, inventory: i64, side: i64, money: int) -> i64:
        """Until the net position is worth the reserve: what brings it down to 0 is always welcome."""
        most: int = money * int(self.reserve_ppm) // int(PPM) // int(lot_value(market, market.oracle)) if money > 0 else 0
        held = int(inventory) if side == BUY else -int(inventory)
        return min_i64(MAX_LOTS, max(0, held, held + most))

    def impact_of(self, market: Market, inventory: i64, side: i64, lots: int, slack: int) -> int:
        worth: int = lot_value(market, market.oracle)
        before = -int(inventory) * worth
        return price_impact(before, before + (lots if side == BUY else -lots) * worth, self.impact, slack)

    def value(self, market: Market, pool: Pool, inventory: i64, side: i64, lots: i64) -> int:
        impact = self.impact_of(market, inventory, side, int(lots), 0)
        filled = filled_value(int(lots) * int(lot_value(market, market.oracle)) * self.scale, impact, side == BUY)
        return ceil_div(filled, self.scale) if side == BUY else max(0, filled // self.scale)

    def reaches(self, market: Market, pool: Pool, inventory: i64, side: i64, price: i64, lots: i64) -> bool:
        """Of the last lot alone, from where the others leave the curve. Rounded potentials are compared with room to spare."""
        passed = lots - 1 if side == BUY else 1 - lots
        impact = self.impact_of(market, inventory - passed, side, 1, self.slack)
        worth: int = lot_value(market, market.oracle)
        room = int(lot_value(market, price)) - worth if side == BUY else worth - int(lot_value(market, price))
        return room * self.scale + impact >= 0
