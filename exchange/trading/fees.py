"""Taker fees that depend on the trade or on how fast the price moves: pure formulas. Scales are arguments; fees round up, discounts down.

Synthetix: a dynamic fee on top of the taker's while the oracle price jumps, and the part of a trade that brings the skew down charged as
a maker's. GMX v2: one of two rates, by whether the trade brought longs and shorts closer together.
"""

from __future__ import annotations


def price_change(before: int, after: int, scale: int) -> int:
    """|after / before - 1| in 1 / scale, rounded down. Prices in one unit, `before` > 0."""
    return abs(after - before) * scale // before


def dynamic_fee(fee: int, change: int, deviation: int, decay: int, scale: int) -> int:
    """The fee after one more oracle price: decay x fee + max(0, |change| - 2 deviation), rounded up.

    `fee`, `change` and `deviation` in one unit, `decay` in 1 / scale. Source: Synthetix, SIP-184.
    """
    return -(-fee * decay // scale) + max(0, abs(change) - 2 * deviation)


def dynamic_fee_charged(fee: int, least: int) -> int:
    """What of it a trade pays: nothing below `least`. Same unit. Source: Synthetix, SIP-184."""
    return fee if fee >= least else 0


def skew_parts(skew: int, lots: int) -> tuple[int, int]:
    """(reducing, increasing): how many of |lots| bring the skew (longs - shorts) closer to zero and how many take it away from there.

    Both signed alike, +: a purchase. Source: Synthetix, PerpsV2MarketBase (the reducing part is charged as a maker's).
    """
    reducing = min(abs(lots), abs(skew)) if (skew > 0) != (lots > 0) and skew != 0 else 0
    return reducing, abs(lots) - reducing


def skew_fee(skew: int, lots: int, value: int, maker: int, taker: int, scale: int) -> int:
    """The fee on a trade of `lots` (signed) for `value` [money], rates in 1 / scale, rounded up."""
    reducing, increasing = skew_parts(skew, lots)
    return -(-value * (reducing * maker + increasing * taker) // (scale * abs(lots)))


def balance_fee(longs: int, shorts: int, lots: int, value: int, improved: int, worsened: int, scale: int) -> int:
    """The fee on a trade that leaves longs - shorts higher by `lots`: at the rate `improved` if that brought them closer, else `worsened`.

    Rates in 1 / scale, rounded up. Source: GMX v2, 4 and 6 bp (README; forBalanceWasImproved of the position fee).
    """
    is_better = abs(longs - shorts + lots) < abs(longs - shorts)
    return -(-value * (improved if is_better else worsened) // scale)


def skew_price(oracle: int, skew: int, scale: int) -> int:
    """oracle x (1 + skew / scale), rounded down: dearer while more are long. Source: Synthetix, SIP-279."""
    return oracle * (scale + skew) // scale


def skew_fill_price(oracle: int, skew: int, lots: int, scale: int) -> int:
    """The mean of `skew_price` before and after a trade of `lots` (signed): what the trade is filled at, rounded against the trader."""
    total = oracle * (2 * scale + 2 * skew + lots)
    return -(-total // (2 * scale)) if lots > 0 else total // (2 * scale)
