"""Funding by averages: of the curve's price against the oracle's (Perpetual Protocol, Drift), of trades against the mark (Injective).

`TwapFunding` keeps a time-weighted average of the market's price and one of the oracle's; each sample stands for one sample interval. A
payment is for the averages as they are then, not for the mean of the samples. Divisions round down.

With a cap on what the pool pays (Drift), the curve is a party that may run dry: where its own position would pay more than a share of its
fee pool, those who receive get less, so that the curve pays just that share.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.payoff import lot_value
from ..state.market import Market
from ..state.state import State
from ..state.types import PPM, PPT, abs_i64
from .book import Book
from .curve_view import curve_middle, fee_pool, traders_sides
from .funding import LARGEST, MOST_SAMPLES, FundingRule, distance
from .twap import FINE, averaged_price

# -- formulas ----------------------------------------------------------------------------------------------------------------------


def largest_spread(oracle_twap: int, divisor: int) -> int:
    """How far the spread counts, rounded down: oracle TWAP / 33 in Drift's tiers A and B, / 20 in C, / 10 in the others; 10 in Curie.

    Source: Drift, math/funding.rs and the market's contract tier; Perpetual Protocol v2, maxFundingRate 10 %.
    """
    return oracle_twap // divisor


def spread(market_twap: int, oracle_twap: int, offset_divisor: int, limit_divisor: int) -> int:
    """market TWAP - oracle TWAP, plus oracle TWAP / offset_divisor, held within +- oracle TWAP / limit_divisor; a divisor of 0: neither.

    In the unit of the prices. Source: Drift, update_funding_rate (offset 5000: 7.3 % a year).
    """
    found = market_twap - oracle_twap
    if offset_divisor != 0:
        found += oracle_twap // offset_divisor
    if limit_divisor != 0:
        most = largest_spread(oracle_twap, limit_divisor)
        found = max(-most, min(most, found))
    return found


def premium_fraction(found: int, period: int, day: int) -> int:
    """The part of a spread that is paid in a period: spread x period / day, rounded down; per unit of base, in the unit of the prices.

    Source: Perpetual Protocol v1, Amm.settleFunding; v2 and its block-based funding pay the same for every second; Drift an hour's.
    """
    return found * period // day


def fraction_of(found: int, price: int, scale: int) -> int:
    """A difference of prices as a fraction of `price` in 1 / scale, rounded down."""
    return found * scale // price


def capped_receipt(delta: int, payers: int, receivers: int, budget: int) -> int:
    """What a receiving lot gets where a paying lot pays `delta` >= 0: as much, or what the payers and the curve's budget are enough for.

    payers, receivers: lots of traders; budget: in units of delta x lots, rounded down. The curve pays delta x receivers - delta x payers,
    or else its budget. Source: Drift, math/funding.rs (calculate_capped_funding_rate).
    """
    if receivers == 0 or delta * (receivers - payers) <= budget:
        return delta
    return (delta * payers + budget) // receivers


def pool_budget(fees: int, cap: int, share: int, parts: int, scale: int) -> int:
    """What a curve may pay in share / parts of an interval out of its fee pool: a part `cap` / scale of it per interval, rounded down.

    In the unit of `fees`. Source: Drift (a third of the fee pool per hour).
    """
    return max(0, fees) * cap * share // (scale * parts)


def hourly_rate(premium: int, divisor: int, interest: int, cap: int) -> int:
    """cap(premium / divisor + interest), all in one unit, rounded down. Source: Injective (divisor 24, cap 0.0625 %)."""
    return max(-cap, min(cap, premium // divisor + interest))


# -- rules -------------------------------------------------------------------------------------------------------------------------


class TwapFunding(FundingRule):
    """The difference of two averages, market - oracle; with an offset, a limit, and a cap on what the pool pays, if wanted."""

    def __init__(
        self, of_curve: bool, sample: i64, interval: i64, period: i64, market_window: i64, oracle_window: i64,
        offset_divisor: i64, limit_divisor: i64, pool_cap_ppm: i64,
    ) -> None:  # fmt: skip
        self.of_curve: bool = of_curve  # the middle of its quotes is averaged; else the mark
        self.sample: i64 = sample  # [ns] that a sample stands for
        self.interval: i64 = interval  # [ns]
        self.period: i64 = period  # [ns] in which all of the spread is paid
        self.market_window: i64 = market_window  # [ns]
        self.oracle_window: i64 = oracle_window  # [ns]
        self.offset_divisor: i64 = offset_divisor
        self.limit_divisor: i64 = limit_divisor
        self.pool_cap_ppm: i64 = pool_cap_ppm  # of the fee pool per interval; 0: no cap

    def sampled(self, state: State, book: Book, market: Market) -> None:
        """Both averages go on. Until the curve has a price, or the market a mark, the oracle stands for it."""
        price = curve_middle(state, book, market) if self.of_curve else market.mark
        if price == 0:
            price = market.oracle
        kept = market.averages
        kept.market_twap = averaged_price(kept.market_twap, price, self.sample, self.market_window)
        kept.oracle_twap = averaged_price(kept.oracle_twap, market.oracle, self.sample, self.oracle_window)

    def premium(self, state: State, book: Book, market: Market) -> i64:
        return self.paid(market, 0)

    def paid(self, market: Market, mean: i64) -> i64:
        """The spread as a part of the oracle price that it will be charged at."""
        kept = market.averages
        if kept.oracle_twap == 0:
            return 0
        found = spread(int(kept.market_twap), int(kept.oracle_twap), int(self.offset_divisor), int(self.limit_divisor))
        whole = fraction_of(found, int(market.oracle) << int(FINE), int(PPT))
        most = int(LARGEST) * int(PPT)
        return max(-most, min(most, whole))

    def rate(self, premium: i64) -> i64:
        return premium_fraction(int(premium), int(self.interval), int(self.period))

    def split(self, state: State, book: Book, market: Market, delta: i64, share: i64, parts: i64) -> tuple[i64, i64]:
        """The curve pays no more than its budget; 2 micro less, which is what rounding can cost it."""
        if self.pool_cap_ppm == 0:
            return delta, -delta
        longs, shorts = traders_sides(state, market)
        payers = longs if delta > 0 else shorts
        receivers = shorts if delta > 0 else longs
        budget = pool_budget(fee_pool(book, market), int(self.pool_cap_ppm), int(share), int(parts), int(PPM)) - 2
        pays = abs_i64(delta)
        gets: i64 = capped_receipt(int(pays), int(payers), int(receivers), max(0, budget) << int(market.accrual_shift))
        return (pays, -gets) if delta > 0 else (-gets, pays)


class TradedFunding(FundingRule):
    """What was traded against the mark: the VWAP since the sample before, weighted with the time since the trade before.

    Time after the last trade of an interval has no weight; without any trade the premium is 0. The market's record sums what is traded.
    """

    def __init__(self, interest: i64, divisor: i64, cap: i64) -> None:
        self.interest: i64 = interest  # [ppt] per interval
        self.divisor: i64 = divisor
        self.cap: i64 = cap  # [ppt] per interval

    def sampled(self, state: State, book: Book, market: Market) -> None:
        """Samples since the trade before have the premium of this one."""
        kept = market.averages
        kept.premium_pending += 1
        lots = kept.traded_lots
        if lots == 0 or market.mark == 0 or kept.premium_weight >= MOST_SAMPLES:
            return
        premium = distance(kept.traded_value, int(lots) * int(lot_value(market, market.mark)), PPT)
        most = int(LARGEST) * int(PPT)
        bounded: i64 = max(-most, min(most, premium))
        kept.premium_sum += bounded * kept.premium_pending  # 4e12 x MOST_SAMPLES < 2^63
        kept.premium_weight += kept.premium_pending
        kept.premium_pending = 0
        kept.forget_trades()

    def premium(self, state: State, book: Book, market: Market) -> i64:
        return self.paid(market, 0)

    def paid(self, market: Market, mean: i64) -> i64:
        kept = market.averages
        return 0 if kept.premium_weight == 0 else kept.premium_sum // kept.premium_weight

    def rate(self, premium: i64) -> i64:
        return hourly_rate(int(premium), int(self.divisor), int(self.interest), int(self.cap))

    def paid_up(self, market: Market) -> None:
        kept = market.averages
        kept.premium_sum = 0
        kept.premium_weight = 0
        kept.premium_pending = 0
