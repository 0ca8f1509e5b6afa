"""Mark-price rules. The mark moves only with an oracle update or on the rule's own cadence; it rounds down to a tick.

`oracle`: the oracle price. `hyperliquid` (docs, robust price indices): the median of oracle + 150 s EMA of (mid - oracle), the book's own
price, and the median price of outside perpetuals if one is given; if it is not, a 30 s EMA of the second input takes its place. Where
Hyperliquid's page says best bid and best ask, the book's price here is what a stated notional would trade at, so that one small order is
no price; the last trade counts only while it is recent, and nothing that is far from the oracle counts.

Without a book that can be traded with, the oracle is the book's price, and the averages converge to it. In a halt the mark is the oracle's.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from ..schema.kinds import BUY, FUNDING_SET, SELL
from ..state.market import Market
from ..state.schedule import FUNDING_PAYMENT
from ..state.state import State
from ..state.types import EXP_ONE, NEVER, PPM, PPT, abs_i64, clamp_i64, exp_neg, max_i64, min_i64, mul_div_floor
from .access import is_halted, is_sampled
from .book import Book
from .depth import impact_price
from .funding import FundingRule

MILLISECOND: Final[i64] = 1_000_000  # [ns]
ONE: Final[i64] = 1 << 16  # averages are in 2^-16 ticks: below 2^33 x 2^16
MS: Final[i64] = 1 << 20  # weights are in 2^-20 ms
LONGEST: Final[i64] = 86_400_000  # [ms] a day: 24 windows of the longest kind, after which nothing of an average is left


def median3(a: i64, b: i64, c: i64) -> i64:
    return max_i64(min_i64(a, b), min_i64(max_i64(a, b), c))


def kept_weight(weight: i64, elapsed: i64, window: i64) -> i64:
    """What is left of a weight after `elapsed` ms: weight x exp(-elapsed / window)."""
    return mul_div_floor(weight, exp_neg(elapsed, window // MILLISECOND), EXP_ONE)


def averaged(average: i64, kept: i64, sample: i64, elapsed: i64) -> i64:
    """(average x kept + sample x t) / (kept + t), written so that only the step is rounded, down."""
    return average + mul_div_floor(sample - average, elapsed * MS, kept + elapsed * MS)


def basis_price(index: int, basis: int, one: int) -> int:
    """The index and an average of what the market's price was above it, in 1 / one; rounded down (Binance's second price)."""
    return index + basis // one


def fair_price(index: int, rate: int, left: int, interval: int, one: int) -> int:
    """The index and the funding at `rate` [1 / one per interval] that is to come in what is `left` of the interval: index x (1 + F t / T),
    rounded down (BitMEX's fair price, Binance's first)."""
    return index + index * rate * left // (one * interval)


@mypyc_attr(allow_interpreted_subclasses=True)
class MarkRule:
    """A rule of one's own subclasses this. `price` may keep sums in the market's record; it must not change anything else."""

    def price(self, state: State, book: Book, market: Market) -> i64:
        """The mark now [ticks], >= 1. The oracle price is known."""
        return market.oracle


class OracleMark(MarkRule):
    """The oracle price."""


class HyperliquidMark(MarkRule):
    """The median of three. A quote or trade counts up to `bound_ppm` of the oracle away from it, a trade up to the age of `last_age`.

    The third is the oracle with the funding that is still to come, if there is a rule of `funding` (Binance).
    """

    def __init__(
        self, basis_window: i64, local_window: i64, impact_notional: i64, bound_ppm: i64, last_age: i64,
        funding: FundingRule | None = None, interval: i64 = 1,
    ) -> None:  # fmt: skip
        self.basis_window: i64 = basis_window  # [ns]
        self.local_window: i64 = local_window  # [ns]
        self.impact_notional: i64 = impact_notional  # [micro]
        self.bound_ppm: i64 = bound_ppm
        self.last_age: i64 = last_age  # [ns]
        self.funding: FundingRule | None = funding
        self.interval: i64 = interval  # [ns] of funding

    def price(self, state: State, book: Book, market: Market) -> i64:
        oracle = market.oracle
        bid: i64 = 0
        ask: i64 = 0
        sampled = is_sampled(market, state.now)
        if sampled:
            bid = self.quote(state, book, market, BUY)
            ask = self.quote(state, book, market, SELL)
        mid = bid + ask if bid != 0 and ask != 0 else 2 * oracle  # twice the middle
        local = self.local_price(state, market, bid, ask)
        self.age(state, market, mid - 2 * oracle, local, sampled or is_halted(market.status))
        if is_halted(market.status):
            return oracle
        fair: i64 = basis_price(int(oracle), int(market.basis_average), int(ONE))
        return median3(clamp_i64(fair, 1, market.max_price), local, self.third(state, market, local))

    def third(self, state: State, market: Market, local: i64) -> i64:
        funding = self.funding
        if funding is not None:
            return self.funded(state, market, funding)
        if market.perp_median != 0:
            return market.perp_median
        return local if market.local_weight == 0 else market.local_average // ONE

    def funded(self, state: State, market: Market, funding: FundingRule) -> i64:
        """The oracle with the funding that comes at the next payment, by the samples so far; without any it is the oracle."""
        due = state.schedule.time(FUNDING_PAYMENT, market.number)
        if due == NEVER or market.premium_count == 0:
            return market.oracle
        rate = market.funding_rate  # what the operator has set, or shifts the rule's by
        if market.funding_mode != FUNDING_SET:
            rate += funding.rate(funding.paid(market, market.premium_sum // market.premium_count))
        left = clamp_i64(due - state.now, 0, self.interval)
        found: i64 = fair_price(int(market.oracle), int(rate), int(left), int(self.interval), int(PPT))
        return clamp_i64(found, 1, market.max_price)

    def is_near(self, oracle: i64, price: i64) -> bool:
        return abs_i64(price - oracle) <= oracle * self.bound_ppm // PPM  # < 2^32 x 2^20

    def quote(self, state: State, book: Book, market: Market, side: i64) -> i64:
        """Impact price of a side [ticks]; 0 if the side is too thin or too far from the oracle."""
        price = impact_price(state, book, market, side, self.impact_notional)
        return price if self.is_near(market.oracle, price) else 0

    def local_price(self, state: State, market: Market, bid: i64, ask: i64) -> i64:
        """Median of bid, ask and last trade; of two the mean, rounded down; the oracle if a side is missing."""
        oracle = market.oracle
        if bid == 0 or ask == 0:
            return oracle
        last = market.last
        if last == 0 or state.now - market.last_ts > self.last_age or not self.is_near(oracle, last):
            return (bid + ask) // 2
        return median3(bid, ask, last)

    def age(self, state: State, market: Market, double_basis: i64, local: i64, sampled: bool) -> None:
        """Let both averages grow older by the time since the last look and, if this one counts, feed them what it saw.

        A look stands for the time since the one before, but for no more than the window: what was not looked at is not known.
        """
        elapsed = min_i64(state.now // MILLISECOND - market.mark_ts // MILLISECOND, LONGEST)
        if elapsed <= 0:
            return
        kept = kept_weight(market.basis_weight, elapsed, self.basis_window)
        if sampled:
            weight = min_i64(elapsed, self.basis_window // MILLISECOND)
            market.basis_average = averaged(market.basis_average, kept, double_basis * (ONE // 2), weight)
            kept += weight * MS
        market.basis_weight = kept
        kept = kept_weight(market.local_weight, elapsed, self.local_window)
        if sampled:
            weight = min_i64(elapsed, self.local_window // MILLISECOND)
            market.local_average = averaged(market.local_average, kept, local * ONE, weight)
            kept += weight * MS
        market.local_weight = kept
