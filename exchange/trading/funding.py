"""Funding: premium -> sample -> rate -> payment. Rates are in ppt (1e-12); division rounds down.

premium = (max(0, impact bid - oracle) - max(0, oracle - impact ask)) / oracle; the impact prices are what selling or buying the impact
notional would fetch, and a side too thin for it counts as no premium (dYdX, Hyperliquid). The mean of the samples P becomes
clamp((P + clamp(interest - P, +-clamp)) / divisor, +-cap) per payment interval. It is charged once per interval, or, if `continuous`,
with every sample for the time since the last one. The exact amount goes through the market's per-lot accruals.

The operator may set the rate, or shift what the rule says; all else stays.

Nobody is charged for time in which he could not act: while quotes cannot be traded with, or the oracle is stale, no sample is taken; a
payment counts the share of its samples that were, and one that falls due then waits for the next.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from ..money.ledger import Ledger
from ..money.payoff import lot_value
from ..schema.kinds import (
    BUY,
    E_FUNDING_CHARGED,
    E_FUNDING_SAMPLED,
    E_FUNDING_SET,
    FUNDING_RULE,
    FUNDING_SET,
    R_MARKET_SETTLED,
    R_UNKNOWN_MARKET,
    SELL,
    SETTLED,
)
from ..state.market import Market
from ..state.state import State
from ..state.types import ACCRUAL_LIMIT, PPM, PPT, abs_i64, clamp_i64, max_i64
from .access import is_sampled
from .book import Book
from .depth import Walk

LARGEST: Final[i64] = 4  # a premium beyond 400 % counts as that
MOST_SAMPLES: Final[i64] = 2_000_000  # of one payment: more than two days of the fastest; of the largest premium they stay below 2^63


def distance(value: int, at_oracle: int, one: int) -> int:
    """How far a value lies above what it is at the oracle, in 1 / one of that, rounded down."""
    return (value - at_oracle) * one // at_oracle


def premium_of(bid: i64, ask: i64) -> i64:
    """The premium of two distances from the oracle: of the impact bid as far as it is above, less that of the impact ask as far as it is
    below (dYdX, Hyperliquid)."""
    return max_i64(0, bid) - max_i64(0, -ask)


def clamped_rate(premium: i64, interest: i64, clamp: i64, divisor: i64, cap: i64) -> i64:
    """clamp((P + clamp(interest - P, +-clamp)) / divisor, +-cap), rounded down; all in one unit.

    Without interest this is Deribit's damper, max(d, P) + min(-d, P).
    """
    whole = premium + clamp_i64(interest - premium, -clamp, clamp)
    return clamp_i64(whole // divisor, -cap, cap)


def interest_of(quote_rate: int, base_rate: int, interval: int, day: int) -> int:
    """The interest rate of an interval, of the daily rates of borrowing the two sides of a pair, rounded down (BitMEX, Bybit)."""
    return (quote_rate - base_rate) * interval // day


def margin_cap(factor_ppm: int, initial_ppm: int, maintenance_ppm: int) -> int:
    """The largest rate [ppt], as a multiple of what initial margin is above maintenance (dYdX)."""
    return factor_ppm * (initial_ppm - maintenance_ppm)


def notional_on(margin: int, initial_ppm: int) -> int:
    """The impact notional that a margin opens, in its unit, rounded down (dYdX: 500 / IMF)."""
    return margin * int(PPM) // initial_ppm


def accrued(rate: int, worth: int, share: int, parts: int, carry: int, one: int) -> tuple[int, int]:
    """What a lot of this worth owes for share / parts of an interval at `rate` (in 1 / one per interval), rounded down, and what that
    leaves, which comes in as `carry` the next time."""
    divisor = one * parts
    total = rate * share * worth + carry
    whole = total // divisor
    return whole, total - whole * divisor


def impact(state: State, book: Book, market: Market, side: i64, notional: i64, bound_ppm: i64) -> i64:
    """How far the impact price of a side lies from the oracle, [ppt] of it; 0 if the side is too thin or beyond the bound."""
    walk = Walk(state, book, market, side)
    if not walk.reach_notional(notional):
        return 0
    oracle = market.oracle
    if bound_ppm != 0 and abs_i64(walk.average() - oracle) > oracle * bound_ppm // PPM:
        return 0
    # The oracle may be far above the book: 2^64 and more
    return min(int(LARGEST) * int(PPT), distance(walk.value, int(walk.lots) * int(lot_value(market, market.oracle)), PPT))


class FundingTerms:
    """When a market's funding is sampled and paid, whatever its rule."""

    def __init__(self, sample_interval: i64, interval: i64, continuous: bool, at_mark: bool) -> None:
        self.sample_interval: i64 = sample_interval  # [ns]
        self.interval: i64 = interval  # [ns]
        self.continuous: bool = continuous
        self.at_mark: bool = at_mark


@mypyc_attr(allow_interpreted_subclasses=True)
class FundingRule:
    """A market's funding: what the premium is at a moment, and the rate that the mean of such samples makes. The base charges nothing."""

    def premium(self, state: State, book: Book, market: Market) -> i64:
        """The premium now [ppt] of the oracle price, from -LARGEST to LARGEST x PPT."""
        return 0

    def rate(self, premium: i64) -> i64:
        """The rate per interval [ppt] of a mean premium [ppt]: positive where longs pay."""
        return premium


class PremiumFunding(FundingRule):
    """The premium of impact prices, clamped towards an interest rate (dYdX, Hyperliquid)."""

    def __init__(self, impact_notional: i64, interest: i64, clamp: i64, divisor: i64, cap: i64, quote_bound_ppm: i64 = 0) -> None:
        self.impact_notional: i64 = impact_notional  # [micro]
        self.interest: i64 = interest  # [ppt] per `divisor` intervals
        self.clamp: i64 = clamp  # [ppt]
        self.divisor: i64 = divisor
        self.cap: i64 = cap  # [ppt] per interval
        self.quote_bound_ppm: i64 = quote_bound_ppm  # of the oracle: quotes farther off are none; 0: no bound

    def premium(self, state: State, book: Book, market: Market) -> i64:
        """What selling the impact notional fetches above the oracle, or else what buying it costs below it."""
        bid = impact(state, book, market, BUY, self.impact_notional, self.quote_bound_ppm)
        return premium_of(bid, impact(state, book, market, SELL, self.impact_notional, self.quote_bound_ppm))

    def rate(self, premium: i64) -> i64:
        return clamped_rate(premium, self.interest, self.clamp, self.divisor, self.cap)


class FundingEngine:
    """Samples and charges the funding of every market; the due work calls it at its times."""

    def __init__(self, state: State, book: Book, ledger: Ledger, rules: list[FundingRule], terms: list[FundingTerms]) -> None:
        self.state: State = state
        self.book: Book = book
        self.ledger: Ledger = ledger
        self.rules: list[FundingRule] = rules  # by market
        self.terms: list[FundingTerms] = terms  # by market

    def sample(self, market: Market) -> None:
        state = self.state
        if market.oracle == 0:
            return
        rule = self.rules[market.number]
        terms = self.terms[market.number]
        if not is_sampled(market, state.now) or market.premium_count >= MOST_SAMPLES:
            if not terms.continuous:
                market.premium_missed += 1
            return
        premium = clamp_i64(rule.premium(state, self.book, market), -LARGEST * PPT, LARGEST * PPT)
        state.log.emit(E_FUNDING_SAMPLED, state.now, market.number, premium, 0)
        if terms.continuous:
            self.charge(market, self.rate(market, premium), 1, terms.interval // terms.sample_interval)
        else:
            market.premium_sum += premium
            market.premium_count += 1

    def set_rate(self, number: i64, mode: i64, rate: i64) -> i64:
        """Let a market charge by its rule, at the operator's rate [ppt], or both; the reason of a refusal, or 0."""
        if number >= len(self.state.markets):
            return R_UNKNOWN_MARKET
        market = self.state.markets[number]
        if market.status == SETTLED:
            return R_MARKET_SETTLED
        if mode == FUNDING_RULE:
            rate = 0
        market.funding_mode = mode
        market.funding_rate = rate
        self.state.log.emit(E_FUNDING_SET, self.state.now, number, mode, rate)
        return 0

    def rate(self, market: Market, premium: i64) -> i64:
        """What is charged per interval [ppt] after a mean premium [ppt]."""
        if market.funding_mode == FUNDING_SET:
            return market.funding_rate
        return self.rules[market.number].rate(premium) + market.funding_rate

    def expected_rate(self, market: Market) -> i64:
        """What would be charged per interval [ppt] if its samples so far were all; without any, the premium as it is now."""
        if market.oracle == 0:
            return 0
        if market.premium_count > 0:
            return self.rate(market, market.premium_sum // market.premium_count)
        premium = self.rules[market.number].premium(self.state, self.book, market)
        return self.rate(market, clamp_i64(premium, -LARGEST * PPT, LARGEST * PPT))

    def settle(self, market: Market) -> None:
        """End of a payment interval: charge the mean of its samples for the share of its time in which they were taken."""
        if not is_sampled(market, self.state.now):
            market.funding_deferred += 1  # what was sampled before waits; now nothing is charged, and that is told
            self.state.log.emit(E_FUNDING_CHARGED, self.state.now, market.number, 0, market.oracle, 0)
            return
        count = market.premium_count
        intervals = market.funding_deferred + 1
        samples = count + market.premium_missed
        mean = market.premium_sum // max_i64(1, count)
        market.premium_sum = 0
        market.premium_count = 0
        market.premium_missed = 0
        market.funding_deferred = 0
        if count != 0 and market.mark != 0:
            self.charge(market, self.rate(market, mean), intervals * count, samples)

    def charge(self, market: Market, rate: i64, share: i64, parts: i64) -> None:
        """Longs pay rate x share / parts of a lot's value per lot (receive, if negative); what division leaves is carried if continuous."""
        state = self.state
        terms = self.terms[market.number]
        price = market.mark if terms.at_mark else market.oracle
        worth = int(lot_value(market, price)) << int(market.accrual_shift)
        wide, carry = accrued(rate, worth, share, parts, market.funding_carry, PPT)
        highest = max(abs(int(market.accrual_long) + wide), abs(int(market.accrual_short) - wide))
        if highest > int(ACCRUAL_LIMIT):
            return  # an accrual at its limit has already taken many times the value of every lot
        delta: i64 = wide
        market.funding_carry = carry if terms.continuous else 0
        self.ledger.accrue(market, delta, -delta, 0)
        if delta != 0:
            market.unexamined = 1
        state.log.emit(E_FUNDING_CHARGED, state.now, market.number, rate, price, delta)
