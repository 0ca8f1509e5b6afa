"""Mark-price rules. The mark moves only with an oracle update or on the rule's own cadence; it rounds down to a tick.

`oracle`: the oracle price. `hyperliquid` (docs, robust price indices): the median of oracle + 150 s EMA of (mid - oracle), the median of
best bid, best ask and last trade, and the median price of outside perpetuals if one is given; if it is not, a 30 s EMA of the second
input takes its place.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from .tables import State
from .types import EXP_ONE, clamp_i64, exp_neg, max_i64, min_i64, mul_div_floor

MILLISECOND: Final[i64] = 1_000_000  # [ns]
ONE: Final[i64] = 1 << 16  # averages are in 2^-16 ticks: below 2^33 x 2^16
MS: Final[i64] = 1 << 20  # weights are in 2^-20 ms
LONGEST: Final[i64] = 86_400_000  # [ms] a day: 24 windows of the longest kind, so weights stay below 2^27 x 2^20


def median3(a: i64, b: i64, c: i64) -> i64:
    return max_i64(min_i64(a, b), min_i64(max_i64(a, b), c))


def local_price(state: State, market: i64) -> i64:
    """Median of best bid, best ask and last trade; of two the mean, rounded down; 0 if there is none."""
    markets = state.markets
    bid = markets.best_bid[market]
    ask = markets.best_ask[market]
    last = markets.last[market]
    if bid != 0 and ask != 0 and last != 0:
        return median3(bid, ask, last)
    count: i64 = (1 if bid != 0 else 0) + (1 if ask != 0 else 0) + (1 if last != 0 else 0)
    return (bid + ask + last) // count if count != 0 else 0


def kept_weight(weight: i64, elapsed: i64, window: i64) -> i64:
    """What is left of a weight after `elapsed` ms: weight x exp(-elapsed / window)."""
    return mul_div_floor(weight, exp_neg(elapsed, window // MILLISECOND), EXP_ONE)


def averaged(average: i64, kept: i64, sample: i64, elapsed: i64) -> i64:
    """(average x kept + sample x t) / (kept + t), written so that only the step is rounded, down."""
    return average + mul_div_floor(sample - average, elapsed * MS, kept + elapsed * MS)


@mypyc_attr(allow_interpreted_subclasses=True)
class MarkRule:
    """A rule of its own subclasses this. `price` may keep sums in the market's columns; it must not change anything else."""

    def price(self, state: State, market: i64) -> i64:
        """The mark now [ticks], >= 1. The oracle price is known."""
        return state.markets.oracle[market]


class OracleMark(MarkRule):
    pass


class HyperliquidMark(MarkRule):
    def __init__(self, basis_window: i64, local_window: i64) -> None:
        self.basis_window: i64 = basis_window  # [ns]
        self.local_window: i64 = local_window  # [ns]

    def price(self, state: State, market: i64) -> i64:
        markets = state.markets
        oracle = markets.oracle[market]
        local = local_price(state, market)
        self.sample(state, market, oracle, local)
        fair = clamp_i64(oracle + markets.basis_average[market] // ONE, 1, markets.max_price[market])
        if local == 0:
            return fair
        third = markets.perp_median[market]
        if third == 0:
            third = local
            if markets.local_weight[market] != 0:
                third = markets.local_average[market] // ONE
        return median3(fair, local, third)

    def sample(self, state: State, market: i64, oracle: i64, local: i64) -> None:
        """Feed both averages with what held for the time since the last sample."""
        markets = state.markets
        since = markets.mark_ts[market] // MILLISECOND
        elapsed = min_i64(state.now // MILLISECOND - since, LONGEST)
        bid = markets.best_bid[market]
        ask = markets.best_ask[market]
        if elapsed <= 0:
            return
        if bid != 0 and ask != 0:
            kept = kept_weight(markets.basis_weight[market], elapsed, self.basis_window)
            sample = (bid + ask - 2 * oracle) * (ONE // 2)
            markets.basis_average[market] = averaged(markets.basis_average[market], kept, sample, elapsed)
            markets.basis_weight[market] = kept + elapsed * MS
        if local != 0:
            kept = kept_weight(markets.local_weight[market], elapsed, self.local_window)
            markets.local_average[market] = averaged(markets.local_average[market], kept, local * ONE, elapsed)
            markets.local_weight[market] = kept + elapsed * MS
