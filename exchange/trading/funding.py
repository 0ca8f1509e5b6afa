"""Funding: premium -> sample -> rate -> payment. Rates are in ppt (1e-12); division rounds down.

premium = (max(0, impact bid - oracle) - max(0, oracle - impact ask)) / oracle; the impact prices are what selling or buying the impact
notional would fetch, and a side too thin for it counts as no premium (dYdX, Hyperliquid). The mean of the samples P becomes
clamp((P + clamp(interest - P, +-clamp)) / divisor, +-cap) per payment interval. It is charged once per interval, or, if `continuous`,
with every sample for the time since the last one. The exact amount goes through the market's per-lot accruals.

Some rules know two rates: the receivers get less, or more, than the payers pay. The exact difference over all positions, the curve's own
included, goes to the money behind the curve's position at once, rounded down. So what the pool ends up with is all that others pay less
all that others receive: nothing where a rule says that it is no party (funding_skew.py), and no more than a cap where it has one.

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
    R_SPOT_MARKET,
    R_UNKNOWN_MARKET,
    SELL,
    SETTLED,
)
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ISOLATED_MARGIN
from ..state.types import ACCRUAL_LIMIT, CLEARING, NIL, PPM, PPT, abs_i64, clamp_i64, max_i64
from .access import is_sampled
from .book import Book
from .depth import Walk

LARGEST: Final[i64] = 4  # a premium beyond 400 % counts as that
MOST_MOVED: Final = 1 << 60  # [micro] that one charge moves to or from a pool: as much as there is money of an asset
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


def to_pool(lots: int, long_delta: int, short_delta: int, shift: int) -> int:
    """What `lots` longs and as many shorts pay together beyond what they receive, rounded down: the pool gets it. Deltas in 2^-shift."""
    return lots * (long_delta + short_delta) >> shift


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
    """A market's funding: what the premium is at a moment, and the rate that the mean of such samples makes. The base charges nothing.

    Most rules say `premium` and `rate`. The rest is for those that keep averages in the market's record, or know two rates.
    """

    def sampled(self, state: State, book: Book, market: Market) -> None:
        """A sample is taken, for one sample interval: what the rule keeps in the market's record goes on. `premium` is asked next."""

    def premium(self, state: State, book: Book, market: Market) -> i64:
        """The premium now [ppt] of the oracle price, from -LARGEST to LARGEST x PPT."""
        return 0

    def rate(self, premium: i64) -> i64:
        """The rate per interval [ppt] of a mean premium [ppt]: positive where longs pay."""
        return premium

    def paid(self, market: Market, mean: i64) -> i64:
        """The premium [ppt] that a payment is for; `mean` is that of the samples so far."""
        return mean

    def paid_up(self, market: Market) -> None:
        """A payment was made: a new interval begins."""

    def split(self, state: State, book: Book, market: Market, delta: i64, share: i64, parts: i64) -> tuple[i64, i64]:
        """What a long lot and a short lot pay (receive, if negative), where longs pay `delta` by the rate [2^-accrual_shift micro per lot].

        The payment is for share / parts of an interval. Asked only where the market has a curve, which gets or pays the difference.
        """
        return delta, -delta

    def borrowed(self, state: State, market: Market, side: i64) -> i64:
        """What positions of a side pay to the pool besides, per interval [ppt] of their value, >= 0. Asked only where there is one."""
        return 0


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
            market.averages.forget_trades()  # nor does what was traded meanwhile count
            return
        rule.sampled(state, self.book, market)
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
        if market.is_spot != 0:
            return R_SPOT_MARKET
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
            return self.rate(market, self.rules[market.number].paid(market, market.premium_sum // market.premium_count))
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
        rule = self.rules[market.number]
        if count != 0 and market.mark != 0:
            self.charge(market, self.rate(market, rule.paid(market, mean)), intervals * count, samples)
        if count != 0:
            rule.paid_up(market)

    def charge(self, market: Market, rate: i64, share: i64, parts: i64) -> None:
        """Longs pay rate x share / parts of a lot's value per lot (receive, if negative); what division leaves is carried if continuous."""
        terms = self.terms[market.number]
        price = market.mark if terms.at_mark else market.oracle
        worth = int(lot_value(market, price)) << int(market.accrual_shift)
        wide, carry = accrued(rate, worth, share, parts, market.funding_carry, PPT)
        if abs(wide) > 2 * int(ACCRUAL_LIMIT):
            return
        if market.pool.row == NIL:
            is_charged = self.accrue(market, rate, price, wide, -wide)
        else:
            is_charged = self.charge_with_pool(market, rate, price, wide, worth, share, parts)
        if is_charged:
            market.funding_carry = carry if terms.continuous else 0

    def charge_with_pool(self, market: Market, rate: i64, price: i64, wide: int, worth: int, share: i64, parts: i64) -> bool:
        """The same where a curve takes part: the rule may know two rates, and a fee for what is borrowed from the pool."""
        rule = self.rules[market.number]
        delta: i64 = wide
        long_delta, short_delta = rule.split(self.state, self.book, market, delta, share, parts)
        longs = int(long_delta) + self.borrowing(market, rule, BUY, worth, share, parts)
        shorts = int(short_delta) + self.borrowing(market, rule, SELL, worth, share, parts)
        # A receiver whose accrual has no room is paid no more, and the pool keeps it: else one lot alone on its side could end all payments
        if longs < 0:
            longs = min(0, max(longs, -int(ACCRUAL_LIMIT) - int(market.accrual_long)))
        if shorts < 0:
            shorts = min(0, max(shorts, -int(ACCRUAL_LIMIT) - int(market.accrual_short)))
        # The pool's own position settles at once: else its money would drift away from what it is worth by all that is charged against it
        cells = self.state.positions.cells
        row = market.pool.row
        self.ledger.settle(market, row)
        money = cells[row + P_ISOLATED_MARGIN]
        if not self.accrue(market, rate, price, longs, shorts):
            return False
        self.ledger.settle(market, row)
        self.tell_curve(market, cells[row + P_ISOLATED_MARGIN] - money)
        return True

    def tell_curve(self, market: Market, gained: i64) -> None:
        """Let the curve know what its pool gained [micro]: what it got at once, less what its own position paid. It may move by that."""
        pool = market.pool
        if pool.started == 0 or gained == 0:
            return
        curves = self.book.curves
        before = curves.stand(market)
        curves.tell_moved(market, before, curves.curve(market).funded(market, pool, curves.inventory(market), gained))

    def borrowing(self, market: Market, rule: FundingRule, side: i64, worth: int, share: i64, parts: i64) -> int:
        """What a lot of a side pays to the pool for share / parts of an interval [2^-accrual_shift micro], rounded up."""
        rate = max_i64(0, rule.borrowed(self.state, market, side))
        return -(-int(rate) * int(share) * worth // (int(PPT) * int(parts)))

    def accrue(self, market: Market, rate: i64, price: i64, longs: int, shorts: int) -> bool:
        """Let every long and every short lot owe so much [2^-accrual_shift micro], pay the pool what that leaves, and tell; False: nobody
        is charged, since an accrual has no room."""
        state = self.state
        limit = int(ACCRUAL_LIMIT)
        amount = to_pool(int(market.open_interest), longs, shorts, int(market.accrual_shift))
        if abs(int(market.accrual_long) + longs) > limit or abs(int(market.accrual_short) + shorts) > limit or abs(amount) > MOST_MOVED:
            return False  # an accrual at its limit has already taken many times the value of every lot
        long_delta: i64 = longs
        short_delta: i64 = shorts
        paid: i64 = amount
        self.ledger.accrue(market, long_delta, short_delta, paid)
        if paid != 0:
            assert market.pool.row != NIL, "two rates of funding, and no pool to pay the difference"
            self.ledger.pay(market.pool.row, CLEARING, -paid)
        if long_delta != 0 or short_delta != 0:
            market.unexamined = 1
        state.log.emit(E_FUNDING_CHARGED, state.now, market.number, rate, price, long_delta, long_delta + short_delta, paid)
        return True
