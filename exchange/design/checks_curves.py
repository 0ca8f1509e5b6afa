"""What the types of a curve's design cannot say: a curve without liquidity, or one that could be traded against for a profit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ..state import types as t
from .curves import lots_of
from .parameters_curves import (
    ConcentratedDesign,
    ConstantProductDesign,
    OraclePoolDesign,
    OracleSpreadDesign,
    SkewFillDesign,
    VammPegKDesign,
)
from .structs import Market

Refuse = Callable[[str, object, str], None]  # key, given, expected


def check_curve(market: Market, key: str, refuse: Refuse) -> None:
    """`key` is the market's."""
    given = market.curve.own
    at = f"{key}.curve"
    for name in getattr(given, "__struct_fields__", ()):
        number = getattr(given, name)
        if isinstance(number, Decimal) and not (number.is_finite() and number >= 0):
            refuse(f"{at}.{name}", number, "a number of at least 0")
    if isinstance(given, ConstantProductDesign | VammPegKDesign):
        check_reserves(given, market, at, refuse)
    elif isinstance(given, ConcentratedDesign):
        if given.lower_ppm >= given.upper_ppm:
            refuse(f"{at}.lower_ppm", given.lower_ppm, f"less than upper_ppm ({given.upper_ppm}): a range goes from its lower price up")
        if given.lower_ppm > 1_000_000:
            refuse(f"{at}.lower_ppm", given.lower_ppm, "at most 1000000: the venue's own range has the first oracle price in it")
        if given.upper_ppm <= 1_000_000:
            refuse(f"{at}.upper_ppm", given.upper_ppm, "more than 1000000: the venue's own range has the first oracle price in it")
    elif isinstance(given, OracleSpreadDesign):
        check_spread(given, market, at, refuse)
    elif isinstance(given, OraclePoolDesign):
        check_pool(given, market, at, refuse)
    elif isinstance(given, SkewFillDesign):
        check_skew(given, market, at, refuse)
    if market.curve.rule != "none":
        check_place(market, key, refuse)


def check_place(market: Market, key: str, refuse: Refuse) -> None:
    """What the market says of its curve's role, and of the pool behind it, and what would do nothing beside that."""
    curve, at = market.curve, f"{key}.curve"
    if curve.role == "jit" and curve.jit_share_ppm == 0:
        refuse(f"{at}.jit_share_ppm", 0, "a share above 0, since role is 'jit': that is all that such a curve trades")
    if curve.adl_trigger_ppm > 0 and curve.adl_target_ppm >= curve.adl_trigger_ppm:
        expected = f"less than adl_trigger_ppm ({curve.adl_trigger_ppm}): deleveraging goes on until the pool owes no more than the target"
        refuse(f"{at}.adl_target_ppm", curve.adl_target_ppm, expected)
    if curve.adl_trigger_ppm == 0 and curve.adl_target_ppm > 0:
        refuse(f"{at}.adl_target_ppm", curve.adl_target_ppm, "0, or an adl_trigger_ppm above it: nothing goes down to it else")
    matching = market.matching
    if curve.role == "separate" and (matching.rule != "price_time" or matching.queue_classes):
        given = "queue_classes" if matching.queue_classes else repr(matching.rule)
        refuse(f"{key}.matching", given, f"none, since {at}.role is 'separate': no order rests there, so none stands before another")


def check_lots(coins: Decimal, name: str, what: str, market: Market, at: str, refuse: Refuse) -> None:
    if lots_of(coins, market) < 1:
        refuse(f"{at}.{name}", coins, f"{what} of at least a lot ({market.lot})")
    if lots_of(coins, market) > int(t.MAX_LOTS):
        refuse(f"{at}.{name}", coins, f"at most {int(t.MAX_LOTS)} lots ({market.lot * int(t.MAX_LOTS)})")


def check_reserves(given: ConstantProductDesign | VammPegKDesign, market: Market, at: str, refuse: Refuse) -> None:
    values = f"{given.reserve} and {given.reserve_coins}"
    if given.reserve == 0 and given.reserve_coins == 0:
        refuse(f"{at}.reserve and reserve_coins", values, "one of them above 0: a curve without a reserve has no liquidity")
    if given.reserve > 0 and given.reserve_coins > 0:
        refuse(f"{at}.reserve and reserve_coins", values, "one of them alone: the two would say different things of one reserve")
    if given.reserve_coins > 0:
        check_lots(given.reserve_coins, "reserve_coins", "a reserve", market, at, refuse)
    if isinstance(given, VammPegKDesign) and given.base_spread_ppm > given.max_spread_ppm:
        refuse(f"{at}.base_spread_ppm", given.base_spread_ppm, f"at most max_spread_ppm ({given.max_spread_ppm})")


def check_spread(given: OracleSpreadDesign, market: Market, at: str, refuse: Refuse) -> None:
    check_lots(given.scale, "scale", "a scale", market, at, refuse)
    check_lots(given.max_inventory, "max_inventory", "an inventory", market, at, refuse)
    tilt = given.skew_ppm * given.max_inventory / given.scale  # [ppm]
    lowest = given.spread_ppm + tilt if given.skew == "linear" else given.spread_ppm * (1 + tilt / 1_000_000) ** 2
    if lowest >= 1_000_000:
        expected = f"less, since a bid at the largest inventory would be {lowest / 10_000:.0f} % below the oracle"
        refuse(f"{at}.max_inventory", given.max_inventory, expected)


def check_pool(given: OraclePoolDesign, market: Market, at: str, refuse: Refuse) -> None:
    for name in ("negative_exponent", "positive_exponent"):
        exponent = getattr(given, name)
        if not 1 <= exponent <= 4 or exponent * 10 != int(exponent * 10):
            refuse(f"{at}.{name}", exponent, "a number from 1 to 4 in tenths: below 1 the next lot would be better than the last one")
    for name in ("negative_factor", "positive_factor"):
        factor = getattr(given, name)
        if factor > 1 or factor * 10**30 != int(factor * 10**30):
            refuse(f"{at}.{name}", factor, "a number from 0 to 1 of at most 30 decimals")
    if given.positive_factor > given.negative_factor:
        expected = f"at most negative_factor ({given.negative_factor}): else the way there and back would pay"
        refuse(f"{at}.positive_factor", given.positive_factor, expected)
    if given.positive_exponent > given.negative_exponent:
        expected = f"at most negative_exponent ({given.negative_exponent}): else the way there and back would pay"
        refuse(f"{at}.positive_exponent", given.positive_exponent, expected)
    if market.curve.capital == 0 and market.curve.rule == "oracle_pool":
        refuse(f"{at}.capital", 0, "a capital: the pool is the counterparty of every trade")


def check_skew(given: SkewFillDesign, market: Market, at: str, refuse: Refuse) -> None:
    check_lots(given.scale, "scale", "a scale", market, at, refuse)
    if given.max_skew >= given.scale:
        refuse(f"{at}.max_skew", given.max_skew, f"less than the scale ({given.scale}), at which selling would fetch nothing")
