"""Funding: premium -> sample -> rate -> payment. Rates are in ppt (1e-12); division rounds down.

premium = (max(0, impact bid - oracle) - max(0, oracle - impact ask)) / oracle; the impact prices are what selling or buying the impact
notional would fetch, and a side too thin for it counts as no premium (dYdX, Hyperliquid). The mean of the samples P becomes
clamp((P + clamp(interest - P, +-clamp)) / divisor, +-cap) per payment interval. It is charged once per interval, or, if `continuous`,
with every sample for the time since the last one. The exact amount goes through the market's per-lot indices.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from .book import Book
from .kinds import E_FUNDING_CHARGED, E_FUNDING_SAMPLED
from .ledger import Ledger
from .margin import value_of
from .tables import State
from .types import BUY, PPT, SELL, clamp_i64, max_i64, min_i64, mul_div_floor

INDEX_LIMIT: Final[i64] = 1 << 56  # at most 2^5 times the value of a lot at max_price: what a position owes stays below 2^61
LARGEST: Final[i64] = 8  # a premium beyond 800 % counts as that: 864,000 samples of it, a day's at the fastest, stay below 2^63


def impact(state: State, book: Book, market: i64, side: i64, notional: i64) -> i64:
    """How far the impact price of a side lies from the oracle, [ppt] of the oracle; 0 if the side is too thin."""
    markets = state.markets
    unit = markets.unit[market]
    lots: i64 = 0
    value: i64 = 0
    price = book.best(market, side)
    while price != 0 and value < notional:
        here = book.level_lots(market, price)
        wanted = (notional - value) // (price * unit) + 1  # the last lot may exceed the notional by less than itself
        take = min_i64(here, wanted)
        lots += take
        value += take * price * unit
        price = book.worse(market, side, price)
    if value < notional or lots == 0:
        return 0
    at_oracle = value_of(markets, market, lots, markets.oracle[market])
    if value // at_oracle > LARGEST:
        return LARGEST * PPT
    return mul_div_floor(value - at_oracle, PPT, at_oracle)


@mypyc_attr(allow_interpreted_subclasses=True)
class FundingRule:
    """A market's funding: what the premium is at a moment, and the rate that the mean of such samples makes."""

    def __init__(
        self, impact_notional: i64, interest: i64, clamp: i64, divisor: i64, cap: i64, sample_interval: i64, interval: i64,
        continuous: bool, at_mark: bool,
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

    def premium(self, state: State, book: Book, market: i64) -> i64:
        """The premium now [ppt] of the oracle price."""
        bid = max_i64(0, impact(state, book, market, BUY, self.impact_notional))
        ask = max_i64(0, -impact(state, book, market, SELL, self.impact_notional))
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
        premium = rule.premium(state, self.book, market)
        state.log.emit(E_FUNDING_SAMPLED, state.now, market, premium, 0)
        if rule.continuous:
            self.charge(market, rule.rate(premium), rule.interval // rule.sample_interval)
        else:
            markets.premium_sum[market] += premium
            markets.premium_count[market] += 1

    def settle(self, market: i64) -> None:
        """End of a payment interval: charge the mean of its samples."""
        markets = self.state.markets
        count = markets.premium_count[market]
        if count == 0 or markets.mark[market] == 0:
            return
        mean = markets.premium_sum[market] // count
        markets.premium_sum[market] = 0
        markets.premium_count[market] = 0
        self.charge(market, self.rules[market].rate(mean), 1)

    def charge(self, market: i64, rate: i64, parts: i64) -> None:
        """Longs pay rate / parts of a lot's value per lot (receive, if negative); the remainder of the division is carried."""
        state = self.state
        markets = state.markets
        price = markets.mark[market] if self.rules[market].at_mark else markets.oracle[market]
        lot_value: int = value_of(markets, market, 1, price)
        shift = int(markets.index_shift[market])
        divisor = int(PPT) * int(parts)
        total = (int(rate) * lot_value << shift) + int(markets.funding_carry[market])
        wide = total // divisor
        highest = max(abs(int(markets.index_long[market]) + wide), abs(int(markets.index_short[market]) - wide))
        if highest > int(INDEX_LIMIT):
            return  # an index at its limit has already taken many times the value of every lot
        delta: i64 = wide
        markets.funding_carry[market] = total - wide * divisor if parts > 1 else 0
        self.ledger.accrue(market, delta, -delta, 0)
        state.log.emit(E_FUNDING_CHARGED, state.now, market, rate, price, delta)
