"""Funding: premium -> sample -> rate -> payment. Rates are in ppt (1e-12); division rounds down.

premium = (max(0, impact bid - oracle) - max(0, oracle - impact ask)) / oracle; the impact prices are what selling or buying the impact
notional would fetch, and a side too thin for it counts as no premium (dYdX, Hyperliquid). The mean of the samples P becomes
clamp((P + clamp(interest - P, +-clamp)) / divisor, +-cap) per payment interval. It is charged once per interval, or, if `continuous`,
with every sample for the time since the last one. The exact amount goes through the market's per-lot indices.

Nobody is charged for time in which he could not act: while quotes cannot be traded with, or the oracle is stale, no sample is taken; a
payment counts the share of its samples that were, and one that falls due then waits for the next.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from ..money.ledger import Ledger
from ..money.margin import value_of
from ..schema.kinds import E_FUNDING_CHARGED, E_FUNDING_SAMPLED
from ..state.tables import State
from ..state.types import BUY, INDEX_LIMIT, PPM, PPT, SELL, abs_i64, clamp_i64, max_i64
from .access import is_sampled
from .book import Book
from .depth import Walk

LARGEST: Final[i64] = 4  # a premium beyond 400 % counts as that
MOST_SAMPLES: Final[i64] = 2_000_000  # of one payment: more than two days of the fastest; of the largest premium they stay below 2^63


def impact(state: State, book: Book, market: i64, side: i64, notional: i64, bound_ppm: i64) -> i64:
    """How far the impact price of a side lies from the oracle, [ppt] of it; 0 if the side is too thin or beyond the bound."""
    walk = Walk(state, book, market, side)
    if not walk.reach_notional(notional):
        return 0
    oracle = state.markets.oracle[market]
    if bound_ppm != 0 and abs_i64(walk.average() - oracle) > oracle * bound_ppm // PPM:
        return 0
    markets = state.markets
    # The oracle may be far above the book: 2^64 and more
    at_oracle = int(walk.lots) * int(markets.oracle[market]) * int(markets.unit[market])
    return min(int(LARGEST) * int(PPT), (int(walk.value) - at_oracle) * int(PPT) // at_oracle)


@mypyc_attr(allow_interpreted_subclasses=True)
class FundingRule:
    """A market's funding: what the premium is at a moment, and the rate that the mean of such samples makes."""

    def __init__(
        self, impact_notional: i64, interest: i64, clamp: i64, divisor: i64, cap: i64, sample_interval: i64, interval: i64,
        continuous: bool, at_mark: bool, quote_bound_ppm: i64 = 0,
    ) -> None:  # fmt: skip
        self.impact_notional: i64 = impact_notional  # [micro]
        self.interest: i64 = interest  # [ppt] per `divisor` intervals
        self.clamp: i64 = clamp  # [ppt]
        self.divisor: i64 = divisor
        self.cap: i64 = cap  # [ppt] per interval
        self.sample_interval: i64 = sample_interval  # [ns]
        self.interval: i64 = interval  # [ns]
        self.continuous: bool = continuous
        self.at_mark: bool = at_mark
        self.quote_bound_ppm: i64 = quote_bound_ppm  # of the oracle: quotes farther off are none; 0: no bound

    def premium(self, state: State, book: Book, market: i64) -> i64:
        """The premium now [ppt] of the oracle price."""
        bid = max_i64(0, impact(state, book, market, BUY, self.impact_notional, self.quote_bound_ppm))
        ask = max_i64(0, -impact(state, book, market, SELL, self.impact_notional, self.quote_bound_ppm))
        return bid - ask

    def rate(self, premium: i64) -> i64:
        """The rate per interval [ppt] of a mean premium [ppt]."""
        whole = premium + clamp_i64(self.interest - premium, -self.clamp, self.clamp)
        return clamp_i64(whole // self.divisor, -self.cap, self.cap)


class FundingEngine:
    """Samples and charges the funding of every market; the due work calls it at its times."""

    def __init__(self, state: State, book: Book, ledger: Ledger, rules: list[FundingRule]) -> None:
        self.state: State = state
        self.book: Book = book
        self.ledger: Ledger = ledger
        self.rules: list[FundingRule] = rules

    def sample(self, market: i64) -> None:
        state = self.state
        markets = state.markets
        if markets.oracle[market] == 0:
            return
        rule = self.rules[market]
        if not is_sampled(state, market) or markets.premium_count[market] >= MOST_SAMPLES:
            if not rule.continuous:
                markets.premium_missed[market] += 1
            return
        premium = rule.premium(state, self.book, market)
        state.log.emit(E_FUNDING_SAMPLED, state.now, market, premium, 0)
        if rule.continuous:
            self.charge(market, rule.rate(premium), 1, rule.interval // rule.sample_interval)
        else:
            markets.premium_sum[market] += premium
            markets.premium_count[market] += 1

    def settle(self, market: i64) -> None:
        """End of a payment interval: charge the mean of its samples for the share of its time in which they were taken."""
        markets = self.state.markets
        if not is_sampled(self.state, market):
            markets.funding_deferred[market] += 1  # what was sampled before waits; now nothing is charged, and that is told
            self.state.log.emit(E_FUNDING_CHARGED, self.state.now, market, 0, markets.oracle[market], 0)
            return
        count = markets.premium_count[market]
        intervals = markets.funding_deferred[market] + 1
        samples = count + markets.premium_missed[market]
        mean = markets.premium_sum[market] // max_i64(1, count)
        markets.premium_sum[market] = 0
        markets.premium_count[market] = 0
        markets.premium_missed[market] = 0
        markets.funding_deferred[market] = 0
        if count != 0 and markets.mark[market] != 0:
            self.charge(market, self.rules[market].rate(mean), intervals * count, samples)

    def charge(self, market: i64, rate: i64, share: i64, parts: i64) -> None:
        """Longs pay rate x share / parts of a lot's value per lot (receive, if negative); what division leaves is carried if continuous."""
        state = self.state
        markets = state.markets
        price = markets.mark[market] if self.rules[market].at_mark else markets.oracle[market]
        lot_value: int = value_of(markets, market, 1, price)
        shift = int(markets.index_shift[market])
        divisor = int(PPT) * int(parts)
        total = (int(rate) * int(share) * lot_value << shift) + int(markets.funding_carry[market])
        wide = total // divisor
        highest = max(abs(int(markets.index_long[market]) + wide), abs(int(markets.index_short[market]) - wide))
        if highest > int(INDEX_LIMIT):
            return  # an index at its limit has already taken many times the value of every lot
        delta: i64 = wide
        markets.funding_carry[market] = total - wide * divisor if self.rules[market].continuous else 0
        self.ledger.accrue(market, delta, -delta, 0)
        if delta != 0:
            markets.unexamined[market] = 1
        state.log.emit(E_FUNDING_CHARGED, state.now, market, rate, price, delta)
