"""A fee on top of the taker's while the oracle price jumps (Synthetix): pure formulas, whose scales are arguments; it rounds up."""

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
