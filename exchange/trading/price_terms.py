"""Which prices an order may have: significant figures, and the band around the mark, whose edges round towards it."""

from __future__ import annotations

from mypy_extensions import i64

from ..state.types import PPM, div_ceil


def significant(price: i64, figures: i64) -> bool:
    """Has `price` at most `figures` significant decimal figures?"""
    while price % 10 == 0:
        price //= 10
    while price != 0 and figures > 0:
        price //= 10
        figures -= 1
    return price == 0


def coarse(price: i64, figures: i64, down: bool) -> i64:
    """`price` cut to `figures` significant decimal figures, rounded down or up."""
    step: i64 = 1
    rest = price
    while figures > 0 and rest > 0:
        rest //= 10
        figures -= 1
    while rest > 0:
        rest //= 10
        step *= 10
    return price // step * step if down else div_ceil(price, step) * step


def band_top(mark: i64, band_ppm: i64) -> i64:
    """The highest price of a buy [ticks], rounded down."""
    return mark * (PPM + band_ppm) // PPM  # < 2^32 x 2^21


def band_bottom(mark: i64, band_ppm: i64) -> i64:
    """The lowest price of a sell [ticks], rounded up."""
    return div_ceil(mark * (PPM - band_ppm), PPM)
