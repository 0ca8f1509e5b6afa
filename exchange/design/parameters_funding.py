"""What funding and mark rules of curves may be told. Rates are ppt per day, times milliseconds, skew scales whole coins.

A design inherits the table of the one that it extends, so no key here is called like one of another rule that means something else.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from .parameters import Parameters, Ppm, Ppt

Window = Annotated[int, Meta(ge=1_000, le=86_400_000)]
DailyRate = Annotated[int, Meta(ge=0, le=4_000_000_000_000)]  # 400 % a day: as much as a premium counts
Exponent = Annotated[int, Meta(ge=1, le=30)]  # in tenths
Change = Annotated[int, Meta(ge=0, le=1_000_000_000_000_000)]


class OfCurve(Parameters, frozen=True):
    """Of a rule that asks the market's curve: a market without one is refused."""


class CurveTwapDesign(OfCurve, frozen=True):
    window_ms: Window = 900_000

    @property
    def shortest_ms(self) -> int:
        return self.window_ms


class CurveMedianDesign(OfCurve, frozen=True):
    short_window_ms: Window = 15_000
    long_window_ms: Window = 1_800_000
    premium_window_ms: Window = 900_000

    @property
    def shortest_ms(self) -> int:
        return min(self.short_window_ms, self.long_window_ms, self.premium_window_ms)


class TwapDesign(Parameters, frozen=True):
    of: Literal["curve", "mark"] = "curve"  # what is averaged against the oracle
    market_window_ms: Window = 900_000
    oracle_window_ms: Window = 900_000
    period_ms: Annotated[int, Meta(ge=1_000, le=86_400_000 * 365)] = 86_400_000  # in which all of the spread is paid
    offset_divisor: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0  # a spread of 1 / this of the oracle's average is added; 0: none
    limit_divisor: Annotated[int, Meta(ge=0, le=1_000_000)] = 0  # the spread counts up to 1 / this of the oracle's average; 0: all of it
    pool_cap_ppm: Ppm = 0  # of the curve's fee pool: what it pays per interval at most; 0: no cap


class TradedDesign(Parameters, frozen=True):
    premium_divisor: Annotated[int, Meta(ge=1, le=1_000)] = 24
    interest_each_ppt: Ppt = 4_166_667  # per interval: 0.00041667 % an hour
    largest_ppt: Ppt = 625_000_000  # per interval


class VelocityDesign(OfCurve, frozen=True):
    skew_scale: Annotated[int, Meta(ge=1, le=1_000_000_000_000)] = 1_000_000  # [coins] of skew at which the rate moves fastest
    velocity_ppt: Annotated[int, Meta(ge=0, le=1_000_000_000_000_000)] = 9_000_000_000_000  # per day, a day


class SkewDesign(OfCurve, frozen=True):
    """Borrowing: `curve` is factor x reserved^e / pool, `kink` goes from 0 to `factor` x usage, and beyond `optimal_ppm` to `above`."""

    exponent_tenths: Exponent = 10
    borrowing: Literal["none", "curve", "kink"] = "none"
    borrow_factor_ppt: Change = 0
    borrow_exponent_tenths: Exponent = 10
    optimal_ppm: Annotated[int, Meta(ge=0, le=999_999)] = 750_000
    above_ppt: Change = 0
    reserve_ppm: Annotated[int, Meta(ge=1, le=1_000_000)] = 900_000  # of the pool's money: what may be reserved
    is_smaller_free: bool = True  # the smaller side pays no borrowing fee


class StaticSkewDesign(SkewDesign, frozen=True):
    factor_ppt: Change = 0
    most_ppt: DailyRate = 4_000_000_000_000


class AdaptiveSkewDesign(SkewDesign, frozen=True):
    increase_ppt: Change = 821_917_808  # an hour, at a ratio of 1: in 3 hours 90 % a year
    decrease_ppt: Change = 0  # an hour
    stable_ppm: Ppm = 40_000  # of |L - S|^e / (L + S): above, the rate goes towards the skew
    decrease_ppm: Ppm = 0  # below, it falls
    least_ppt: DailyRate = 27_397_260  # 1 % a year
    most_ppt: DailyRate = 2_465_753_425  # 90 % a year
