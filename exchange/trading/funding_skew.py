"""Funding by skew: what longs and shorts of all others than the curve lack of each other (Synthetix, GMX v2).

`VelocityFunding` (Synthetix): the skew moves the rate, as fast as it is large; the curve is a party like any other. `StaticSkew` and
`AdaptiveSkew` (GMX v2): the larger side pays the smaller one, all that it pays; the pool is no party of that, and receives a fee for what
both sides borrow of it instead.

The pool as no party: of L long and S short lots of traders, L > S, each long pays d and each short gets floor(d L / S), and the curve is
short c = L - S lots. Its own position brings it c floor(d L / S), and the difference that it is charged is L d - L floor(d L / S), rounded
down to a micro-unit. Together these are L d - S floor(d L / S): at least 0, and less than S of the finest units, which is below 32
micro-units; less one for each of the two roundings.

A rate that moves stands still while no samples are taken; all that it moves by is kept as remainders. Rates are per day.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.payoff import value_of
from ..schema.kinds import BUY
from ..state.averages import LARGEST_PACE
from ..state.market import Market
from ..state.state import State
from ..state.types import ACCRUAL_LIMIT, PPM, PPT, abs_i64
from .book import Book
from .curve_view import pool_money, traders_sides, traders_skew
from .funding import LARGEST, FundingRule

DAY_MS: Final[i64] = 86_400_000
PACE_PER_PPT: Final[i64] = 1_000_000
USD: Final[i64] = 1_000_000  # [micro] powers are of whole USD
NONE: Final[i64] = 0  # what is charged for borrowing
BY_CURVE: Final[i64] = 1
BY_KINK: Final[i64] = 2

# -- formulas ----------------------------------------------------------------------------------------------------------------------


def root(x: int, n: int) -> int:
    """The n-th root of x >= 0, rounded down; exact. Newton's steps from above."""
    if x < 2:
        return x
    guess = 1 << (x.bit_length() // n + 1)
    while True:
        better = ((n - 1) * guess + x // guess ** (n - 1)) // n
        if better >= guess:
            return guess
        guess = better


def power(base: int, unit: int, tenths: int, scale: int) -> int:
    """(base / unit) ^ (tenths / 10) in 1 / scale, rounded down; exact for every tenth of an exponent."""
    if tenths % 10 == 0:
        n = tenths // 10
        return int(scale * base**n // unit**n)
    return root(int(scale**10 * base**tenths // unit**tenths), 10)


def skew_ratio(longs: int, shorts: int, unit: int, tenths: int, scale: int) -> int:
    """|L - S| ^ e / (L + S) in 1 / scale, rounded down; powers are of multiples of `unit`. 0 without open interest.

    Of an exponent that is no whole number the result is below the exact one by less than unit / (L + S) + 1. Source: GMX v2,
    MarketUtils (diffUsdToOpenInterestFactor).
    """
    total = longs + shorts
    if total == 0:
        return 0
    diff = abs(longs - shorts)
    if tenths % 10 == 0:
        n = tenths // 10
        return int(scale * diff**n * unit // (unit**n * total))
    return power(diff, unit, tenths, scale) * unit // total


def static_rate(factor: int, longs: int, shorts: int, unit: int, tenths: int, scale: int) -> int:
    """factor x |L - S| ^ e / (L + S), in the unit of `factor` and rounded towards 0: positive where longs pay.

    `scale` is that in which the ratio is computed. Source: GMX v2, README (funding fee per second).
    """
    rate = factor * skew_ratio(longs, shorts, unit, tenths, scale) // scale
    return rate if longs > shorts else -rate


def neutral_receipt(delta: int, payers: int, receivers: int) -> int:
    """What a receiving lot gets so that all receivers get what all payers pay, `delta` a lot; rounded down. 0 if a side is empty.

    Source: GMX v2: the payers' rate x their open interest / the receivers'.
    """
    return 0 if payers == 0 or receivers == 0 else delta * payers // receivers


def adaptive_next(saved: int, longs: int, shorts: int, ratio: int, stable: int, decrease: int, rise: int, fall: int) -> int:
    """The rate after some time, signed: positive where longs pay.

    `ratio` and the thresholds `stable` >= `decrease` in one unit; `rise`, by how much the rate goes towards the skew (ratio x increase
    factor x time), and `fall`, by how much back, in the unit of the rate. A rate that falls keeps its sign. Source: GMX v2, MarketUtils
    (getNextFundingFactorPerSecond).
    """
    if (saved > 0 and longs > shorts) or (saved < 0 and longs < shorts):
        if ratio < decrease:
            left = max(1, abs(saved) - fall)
            return left if saved > 0 else -left
        if ratio <= stable:
            return saved
    return saved - rise if longs < shorts else saved + rise


def grown(ratio: int, increase: int, elapsed: int, scale: int, per: int) -> int:
    """ratio x increase x time, rounded down: `ratio` in 1 / scale, `increase` per `per` of time."""
    return ratio * increase * elapsed // (scale * per)


def bounded(rate: int, least: int, most: int) -> int:
    """A rate whose size is held between two bounds, with its sign; 0 has none."""
    size = min(most, max(least, abs(rate)))
    return size if rate > 0 else -size if rate < 0 else 0


def velocity_next(rate: int, skew: int, scale: int, most: int, elapsed: int, day: int, carry: int) -> tuple[int, int]:
    """The rate after `elapsed`, and the remainder, the `carry` of the next call: rate += clamp(skew / scale, +-1) x most x elapsed / day.

    rate [any unit per day], most [that unit per day and day], skew and scale in one unit. Source: Synthetix, SIP-279.
    """
    total = max(-scale, min(scale, skew)) * most * elapsed + carry
    step = total // (scale * day)
    return rate + step, total - step * scale * day


def mean_rate(before: int, after: int, finer: int, carry: int) -> tuple[int, int]:
    """(before + after) / 2 in units `finer` times as large, rounded down, and the remainder, the `carry` of the next call: the trapezoid.

    Source: Synthetix, SIP-279 (funding accrued = average rate x time x price).
    """
    total = before + after + carry
    mean = total // (2 * finer)
    return mean, total - mean * 2 * finer


def borrow_rate(reserved: int, pool: int, unit: int, tenths: int, factor: int, scale: int) -> int:
    """factor x reserved ^ e / pool in the unit of `factor`, rounded down; powers are of multiples of `unit`. Source: GMX v2 (curve)."""
    return factor * power(reserved, unit, tenths, scale) * unit // (scale * pool)


def kink_rate(usage: int, optimal: int, base: int, above: int, scale: int) -> int:
    """base x usage, and beyond the optimal usage steeper, so that it ends at `above`, rounded down; usages in 1 / scale, at most 1.

    Rates in one unit. Source: GMX v2, MarketUtils (kink model: base x u + (above - base) x (u - optimal) / (1 - optimal)).
    """
    rate = base * usage // scale
    if usage > optimal:
        rate += max(0, above - base) * (usage - optimal) // (scale - optimal)
    return rate


# -- rules -------------------------------------------------------------------------------------------------------------------------


class VelocityFunding(FundingRule):
    """The rate moves by clamp(skew / scale, +-1) x the largest velocity; what is charged is its mean between two samples."""

    def __init__(self, scale: i64, velocity: i64, sample: i64, interval: i64) -> None:
        self.scale: i64 = scale  # [lots] < 2^36, so that the remainder fits
        self.velocity: i64 = velocity  # [ppt per day] a day
        self.sample: i64 = sample  # [ms]
        self.interval: i64 = interval  # [ms]

    def sampled(self, state: State, book: Book, market: Market) -> None:
        kept = market.averages
        before = int(kept.pace)
        most = int(self.velocity) * int(PACE_PER_PPT)
        moved, carry = velocity_next(
            before, int(traders_skew(state, market)), int(self.scale), most, int(self.sample), int(DAY_MS), int(kept.pace_carry)
        )
        largest = int(LARGEST_PACE)
        after = max(-largest, min(largest, moved))
        mean, rest = mean_rate(before, after, int(PACE_PER_PPT), int(kept.pace_rest))
        kept.pace = after
        kept.pace_carry = carry if after == moved else 0
        kept.pace_mean = mean
        kept.pace_rest = rest

    def premium(self, state: State, book: Book, market: Market) -> i64:
        return market.averages.pace_mean

    def rate(self, premium: i64) -> i64:
        return int(premium) * int(self.interval) // int(DAY_MS)


class Borrowing:
    """What both sides pay to the pool for what they reserve of it."""

    def __init__(self, model: i64, factor: i64, tenths: i64, optimal: i64, above: i64, reserve: i64, is_smaller_free: bool) -> None:
        self.model: i64 = model
        self.factor: i64 = factor  # [ppt per day] of the curve; of the kink up to the optimal usage
        self.tenths: i64 = tenths  # of the exponent of the curve
        self.optimal: i64 = optimal  # [ppm]
        self.above: i64 = above  # [ppt per day] at full usage
        self.reserve: i64 = reserve  # [ppm] of the pool that may be reserved
        self.is_smaller_free: bool = is_smaller_free

    def rate(self, reserved: int, pool: int) -> int:
        """[ppt per day]. A pool without money is in full use."""
        if self.model == NONE or reserved == 0:
            return 0
        if self.model == BY_KINK:
            room = pool * int(self.reserve) // int(PPM)
            usage = int(PPT) if reserved >= room else reserved * int(PPT) // room
            return kink_rate(usage, int(self.optimal) * int(PPM), int(self.factor), int(self.above), int(PPT))
        return borrow_rate(reserved, max(1, pool), int(USD), int(self.tenths), int(self.factor), int(PPT))


class StaticSkew(FundingRule):
    """The larger side pays factor x |L - S|^e / (L + S), and the smaller one gets all of it. The pool gets the borrowing fee."""

    def __init__(self, factor: i64, tenths: i64, cap: i64, interval: i64, borrowing: Borrowing) -> None:
        self.factor: i64 = factor  # [ppt per day]
        self.tenths: i64 = tenths  # of the exponent
        self.cap: i64 = cap  # [ppt per day]
        self.interval: i64 = interval  # [ms]
        self.borrowing: Borrowing = borrowing

    def open_interest(self, state: State, market: Market) -> tuple[int, int]:
        """Of traders at the oracle price [micro]: longs and shorts."""
        longs, shorts = traders_sides(state, market)
        return int(longs) * int(value_of(market, 1, market.oracle)), int(shorts) * int(value_of(market, 1, market.oracle))

    def premium(self, state: State, book: Book, market: Market) -> i64:
        """The rate per day; 0 while a side is empty, since nobody would get it."""
        longs, shorts = self.open_interest(state, market)
        if longs == 0 or shorts == 0:
            return 0
        cap = int(self.cap)
        return max(-cap, min(cap, static_rate(int(self.factor), longs, shorts, int(USD), int(self.tenths), int(PPT))))

    def rate(self, premium: i64) -> i64:
        return int(premium) * int(self.interval) // int(DAY_MS)

    def split(self, state: State, book: Book, market: Market, delta: i64, share: i64, parts: i64) -> tuple[i64, i64]:
        """The receivers get what the payers pay; the pool has no part in it. Without receivers nobody pays."""
        longs, shorts = traders_sides(state, market)
        if longs == 0 or shorts == 0:
            return 0, 0
        payers = longs if delta > 0 else shorts
        receivers = shorts if delta > 0 else longs
        pays = abs_i64(delta)
        # No accrual has room for more than twice its limit; what that leaves is the pool's
        gets: i64 = min(2 * int(ACCRUAL_LIMIT), neutral_receipt(int(pays), int(payers), int(receivers)))
        return (pays, -gets) if delta > 0 else (-gets, pays)

    def borrowed(self, state: State, market: Market, side: i64) -> i64:
        longs, shorts = self.open_interest(state, market)
        reserved = longs if side == BUY else shorts
        if self.borrowing.is_smaller_free and reserved < max(longs, shorts):
            return 0
        rate = self.borrowing.rate(reserved, int(pool_money(state, market))) * int(self.interval) // int(DAY_MS)
        return min(int(LARGEST) * int(PPT), rate)


class AdaptiveSkew(StaticSkew):
    """The rate goes towards the skew while that is large, stands still, and falls while it is small; it keeps between two bounds."""

    def __init__(
        self, tenths: i64, increase: i64, decrease: i64, stable_ppm: i64, decrease_ppm: i64, least: i64, most: i64, sample: i64,
        interval: i64, borrowing: Borrowing,
    ) -> None:  # fmt: skip
        super().__init__(0, tenths, most, interval, borrowing)
        self.increase: i64 = increase  # [ppt per day] an hour, at a ratio of 1
        self.decrease: i64 = decrease  # [ppt per day] an hour
        self.stable_ppm: i64 = stable_ppm
        self.decrease_ppm: i64 = decrease_ppm
        self.least: i64 = least  # [ppt per day]
        self.most: i64 = most  # [ppt per day] <= LARGEST
        self.sample: i64 = sample  # [ms]

    def sampled(self, state: State, book: Book, market: Market) -> None:
        """A side without open interest lets the rate begin anew."""
        kept = market.averages
        longs, shorts = self.open_interest(state, market)
        if longs == 0 or shorts == 0:
            kept.pace = 0
            return
        ratio = skew_ratio(longs, shorts, int(USD), int(self.tenths), int(PPT))
        hour = 3_600_000
        rise = grown(ratio, int(self.increase) * int(PACE_PER_PPT), int(self.sample), int(PPT), hour)
        fall = grown(1, int(self.decrease) * int(PACE_PER_PPT), int(self.sample), 1, hour)
        moved = adaptive_next(
            int(kept.pace), longs, shorts, ratio, int(self.stable_ppm) * int(PPM), int(self.decrease_ppm) * int(PPM), rise, fall
        )
        kept.pace = bounded(moved, 0, int(self.most) * int(PACE_PER_PPT))

    def premium(self, state: State, book: Book, market: Market) -> i64:
        """What was saved, held between the bounds."""
        one = int(PACE_PER_PPT)
        return bounded(int(market.averages.pace), int(self.least) * one, int(self.most) * one) // one
