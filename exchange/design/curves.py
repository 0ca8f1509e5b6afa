"""From what a design says of a market's curve to the rule: coins become lots, decimal numbers exact ratios."""

from __future__ import annotations

from decimal import Decimal
from math import gcd

from ..trading.curve_impact import Impact, OraclePool, Potential, fine_parts
from ..trading.curve_oracle import LINEAR, VAULT, OracleSpread, SkewFill
from ..trading.curve_product import ConstantProduct
from ..trading.curve_ranges import Concentrated
from ..trading.curve_vamm import PegTerms, VammPegK
from .parameters import MICRO
from .parameters_curves import (
    ConcentratedDesign,
    ConstantProductDesign,
    OraclePoolDesign,
    OracleSpreadDesign,
    SkewFillDesign,
    VammPegKDesign,
)
from .structs import Market


def lots_of(coins: Decimal, market: Market) -> int:
    """Whole lots in an amount of coins, rounded down."""
    return int(coins / market.lot)


def constant_product(given: ConstantProductDesign, market: Market) -> ConstantProduct:
    return ConstantProduct(given.reserve * MICRO, lots_of(given.reserve_coins, market), given.fluctuation_ppm, given.trade_ppm)


def vamm_peg_k(given: VammPegKDesign, market: Market) -> VammPegK:
    terms = PegTerms()
    terms.reserve = given.reserve * MICRO
    terms.lots = lots_of(given.reserve_coins, market)
    terms.concentration_ppm = given.concentration_ppm
    terms.base_spread_ppm = given.base_spread_ppm
    terms.max_spread_ppm = given.max_spread_ppm
    terms.budget = given.budget * MICRO
    terms.repeg_share_ppm = given.repeg_share_ppm
    terms.k_lower_ppm = given.k_lower_ppm
    terms.k_increase_ppm = given.k_increase_ppm
    terms.k_decrease_ppm = given.k_decrease_ppm
    return VammPegK(terms)


def concentrated(given: ConcentratedDesign, market: Market) -> Concentrated:
    return Concentrated((given.reserve or market.curve.capital) * MICRO, given.lower_ppm, given.upper_ppm)


def oracle_spread(given: OracleSpreadDesign, market: Market) -> OracleSpread:
    rule = LINEAR if given.skew == "linear" else VAULT
    return OracleSpread(given.spread_ppm, given.skew_ppm, lots_of(given.scale, market), lots_of(given.max_inventory, market), rule)


def skew_fill(given: SkewFillDesign, market: Market) -> SkewFill:
    scale = lots_of(given.scale, market)
    return SkewFill(scale, lots_of(given.max_skew, market) or scale // 2)


def oracle_pool(given: OraclePoolDesign, market: Market) -> OraclePool:
    negative = terms_of(given.negative_factor, given.negative_exponent)
    positive = terms_of(given.positive_factor, given.positive_exponent)
    parts = fine_parts((positive[1], negative[1]), (positive[2], negative[2]), (positive[3], negative[3]), MICRO)
    worse = Potential(*negative, MICRO, parts, given.max_negative_ppm)
    return OraclePool(Impact(Potential(*positive, MICRO, parts), worse, given.max_positive_ppm, parts, MICRO), given.reserve_ppm)


def terms_of(factor: Decimal, exponent: Decimal) -> tuple[int, int, int, int]:
    """factor / divisor, numerator / denominator. A factor of 0 is exact whatever the exponent."""
    above, below = factor.as_integer_ratio()
    tenths = int(exponent * 10) if above else 10
    common = gcd(tenths, 10)
    return above, below, tenths // common, 10 // common
