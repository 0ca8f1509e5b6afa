"""Funding rules and marks of curves in a venue: what longs, shorts and the pool pay and get, and when nobody pays."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from choices import Drawn, Seeded, Source, examples
from funding_kit import BUY, DAY, FUNDED, HOUR, IOC, SELL, bench, charged, held, pool_equity, register_rich, take
from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, MILLION, SECOND, Bench, markets_of, told, usd

from perplab.exchange import VenueError, register, replay, restore
from perplab.exchange import messages as m
from perplab.exchange.codes import FundingMode, MarketStatus
from perplab.exchange.design.registry import forget
from perplab.exchange.rules import FundingRule, OfCurve
from perplab.exchange.state.averages import Averages
from perplab.exchange.state.market import Market
from perplab.exchange.state.snapshot import attributes
from perplab.exchange.state.state import State
from perplab.exchange.state.state_hash import AVERAGES
from perplab.exchange.state.tables import P_ISOLATED_MARGIN
from perplab.exchange.state.types import ACCRUAL_LIMIT, PPT
from perplab.exchange.trading.book import Book
from perplab.exchange.trading.mark import MarkRule


@pytest.fixture(autouse=True, scope="module")
def rich() -> Iterator[None]:
    register_rich()
    yield
    forget("curve.rule", "rich")


# -- where the difference goes --

RULES: dict[str, dict[str, object]] = {
    "twap": {"rule": "twap_difference", "period_ms": HOUR},
    "capped": {"rule": "twap_difference", "period_ms": HOUR, "pool_cap_ppm": 333_333},
    "continuous": {"rule": "twap_difference", "payment": "continuous", "limit_divisor": 10},
    "velocity": {"rule": "velocity", "skew_scale": 100, "payment": "continuous", "velocity_ppt": 10**15},
    "static": {"rule": "static_skew", "factor_ppt": 3 * 10**12, "payment": "continuous"},
    "powers": {"rule": "static_skew", "factor_ppt": 10**10, "exponent_tenths": 13},
    "adaptive": {"rule": "adaptive_skew", "increase_ppt": 10**12, "most_ppt": 10**12, "payment": "continuous"},
    "borrowing": {
        "rule": "static_skew", "factor_ppt": 3 * 10**12, "payment": "continuous", "borrowing": "curve", "borrow_factor_ppt": 10**12,
        "is_smaller_free": False,
    },
    "kinked": {
        "rule": "adaptive_skew", "borrowing": "kink", "borrow_factor_ppt": 10**12, "above_ppt": 4 * 10**12, "optimal_ppm": 10_000,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
@examples(8)
@given(data=st.data())
def test_longs_shorts_and_the_pool_add_up(name: str, data: st.DataObject) -> None:
    """After any trades: what a charge takes and gives is zero in sum but for rounding, each side's lots pay alike, and the ledger holds."""
    source = Drawn(data)
    made = bench(RULES[name], fees=source.pick([0, 1_000, 10**9]))
    traders = [made.open(MILLION) for _ in range(3)]
    for _ in range(source.integer(1, 5)):
        take(made, traders[source.integer(0, 2)], source.pick([-90, -7, -1, 1, 5, 80]))
        for _ in range(source.integer(0, 2)):
            a_charge_adds_up(made, traders, name, source)


def a_charge_adds_up(made: Bench, traders: list[int], name: str, source: Source) -> None:
    """Let time pass without a trade. Equities move by funding alone: the mark is the oracle's, which stands still."""
    exchange = made.exchange
    before = [exchange.equity(account) for account in traders]
    pool = pool_equity(made)
    sizes = [exchange.position(account, BTC).size for account in traders]
    events = charged(made.later(source.pick([60, 3_600, 7_200])))
    gains = [exchange.equity(account) - was for account, was in zip(traders, before, strict=True)]
    gained = pool_equity(made) - pool
    longs, shorts = sum(e.accrual_delta for e in events), sum(e.pool_delta - e.accrual_delta for e in events)
    shift = exchange.state.markets[BTC].accrual_shift
    for size, gain in zip(sizes, gains, strict=True):
        assert abs(Fraction(-abs(size) * (longs if size > 0 else shorts), 1 << shift) - gain) <= 1
    assert -4 - 2 * len(events) <= sum(gains) + gained <= 4, "what the pool gets rounds twice, each position once"
    if name in ("static", "powers", "adaptive"):
        assert -2 - 2 * len(events) <= gained <= 2 + 32 * len(events), "the pool is no party"
    if name in ("borrowing", "kinked"):
        assert gained >= -2 - 2 * len(events)
    if name in ("twap", "continuous", "velocity"):
        assert all(e.pool_delta == e.to_pool == 0 for e in events), "the pool is a party like any other"


class Off(MarkRule):
    """So many ticks beside the oracle."""

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks

    def price(self, state: State, book: Book, market: Market) -> int:
        return int(market.oracle) + self.ticks


@pytest.mark.parametrize("fees", [0, 9_000, 3 * 10**6, 10**12])
@pytest.mark.parametrize("side", [1, -1])
def test_the_pool_pays_no_more_than_its_cap(fees: int, side: int) -> None:
    """60 long, 20 short, and the market 1 % below the oracle: shorts pay 10 USD a lot, the curve, 40 short, a third of its fees at most."""
    funding = {"rule": "twap_difference", "of": "mark", "period_ms": HOUR, "pool_cap_ppm": 333_333, "market_window_ms": 60_000}
    made = bench(funding, fees=fees)
    made.exchange.prices.rules[BTC] = Off(-10 * side)
    payer, receiver = held(made, -20 * side, 60 * side)
    made.oracle(1_000)
    before, pool = [made.exchange.equity(one) for one in (payer, receiver)], pool_equity(made)
    (paid,) = charged(made.later(3_600))
    pays, gets = (made.exchange.equity(one) - was for one, was in zip((payer, receiver), before, strict=True))
    lost, cap = pool - pool_equity(made), fees * 333_333 // 10**6
    assert paid.rate_ppt == -side * PPT // 100 and pays == -usd(200)
    assert min(cap, usd(400)) - 4 <= lost <= min(cap, usd(400)) and 0 <= 200 * 10**6 + lost - gets <= 4
    assert (paid.pool_delta == 0) == (fees == 10**12) and ([-lost] if lost else []) == FUNDED


def test_a_lot_alone_on_its_side_does_not_end_payments() -> None:
    """It gets all that 400,000 lots pay, until its accrual has no room; then the pool keeps what they go on paying."""
    made = bench({"rule": "static_skew", "factor_ppt": 4 * 10**12, "payment": "continuous"}, max_price="30000")
    state = made.exchange.state
    long, short = made.open(10**9), made.open(MILLION)
    row = state.markets[BTC].pool.row
    other = state.position_row(long, BTC)
    made.exchange.ledger.trade(state.markets[BTC], other, 400_000, usd(400_000_000), 0)
    made.exchange.ledger.trade(state.markets[BTC], row, -400_000, usd(400_000_000), 0)
    made.exchange.check()
    state.markets[BTC].unexamined = 0
    made.exchange.liquidations.screen = None
    take(made, short, -1)
    market = state.markets[BTC]
    for _ in range(3):
        made.exchange.funding.charge(market, PPT // 1_000, 1, 1)
        made.exchange.check()
    events = told(made, lambda: made.exchange.funding.charge(market, PPT // 1_000, 1, 1))
    assert charged(events)[0].accrual_delta > 0 and market.accrual_short == -ACCRUAL_LIMIT
    made.exchange.check()


class TwoRates(FundingRule):
    """Longs pay 1 % of their value an interval, shorts get a quarter of it and pay 0.2 % for what they borrow."""

    def __init__(self, given: OfCurve) -> None:
        pass

    def rate(self, premium: int) -> int:
        return int(PPT) // 100

    def split(self, state: State, book: Book, market: Market, delta: int, share: int, parts: int) -> tuple[int, int]:
        return delta, -delta // 4

    def borrowed(self, state: State, market: Market, side: int) -> int:
        return int(PPT) // 500 if side == SELL else 0


def test_a_rule_of_one_s_own_knows_two_rates() -> None:
    """60 long, 20 short and the curve 40: longs pay 10 a lot, shorts get 0.5; the curve has the rest, 570, and what its own 40 get, 20."""
    register("funding.rule", "two_rates", TwoRates, params=OfCurve)
    try:
        with pytest.raises(VenueError, match=r"markets\[0\]\.funding\.rule is 'two_rates': expected another rule, or a curve"):
            markets_of({"funding": {"rule": "two_rates"}})
        made = bench({"rule": "two_rates"})
        long, short = held(made, 60, -20)
        before, pool = [made.exchange.equity(one) for one in (long, short)], pool_equity(made)
        (paid,) = charged(made.later(3_600))
        pays, gets = (made.exchange.equity(one) - was for one, was in zip((long, short), before, strict=True))
        assert (pays, gets, pool_equity(made) - pool) == (-usd(600), usd(10), usd(590))
        assert paid.to_pool == usd(570)
        assert replay(made.journal.bytes()).state_hash() == made.exchange.state_hash()
    finally:
        forget("funding.rule", "two_rates")


# -- what the rules say --


def test_averages_are_of_the_samples_and_a_payment_is_for_them_as_they_are() -> None:
    """The curve's middle is 1,040, then 1,010; each sample stands for a minute of 15. A payment of an hour is a 24th of the spread."""
    made = bench({"rule": "twap_difference"})
    (long,) = held(made, 40)
    made.later(60)
    averages = made.exchange.state.markets[BTC].averages
    assert averages.market_twap == 1_040 << 24 and averages.oracle_twap == 1_000 << 24, "the first sample is the average"
    take(made, long, -40)
    take(made, long, 10)
    expected = Fraction(1_040 << 24)
    made.later(58 * 60)
    for _ in range(59):
        expected = (1_010 * (1 << 24) + 14 * expected) / 15
    (paid,) = charged(made.later(60))
    assert -15 <= averages.market_twap - expected <= 0
    exact = (expected / (1 << 24) - 1_000) / 1_000 / 24 * int(PPT)
    assert -40 <= paid.rate_ppt - exact <= 0, "15 units of 2^-24 ticks are 37 of the rate"
    assert made.exchange.funding_rate(BTC) == paid.rate_ppt and made.exchange.funding_due(BTC) == made.now + HOUR * 10**6


def test_the_spread_has_an_offset_and_a_limit() -> None:
    """Drift: 1 / 5000 of the oracle's average on top, no more than 1 / 33 of it, a 24th an hour."""
    made = bench({"rule": "twap_difference", "offset_divisor": 5_000, "limit_divisor": 33})
    (paid,) = charged(made.later(3_600))
    assert 0 <= int(PPT) // 5_000 // 24 - paid.rate_ppt <= 1
    held(made, 100)
    made.later(3_600)
    (paid,) = charged(made.later(3_600))
    assert 0 <= int(PPT) // 33 // 24 - paid.rate_ppt <= 3


def test_a_second_of_a_continuous_spread() -> None:
    """Curie: 4 % of 1,000 for 300 of 86,400 seconds, on 40 lots."""
    made = bench({"rule": "twap_difference", "limit_divisor": 10, "payment": "continuous", "sample_interval_ms": 1_000})
    (long,) = held(made, 40)
    before = made.exchange.equity(long)
    made.later(300)
    exact = 40 * Fraction(40 * 300, 86_400) * 10**6
    assert 0 <= before - made.exchange.equity(long) - exact <= 2


def test_a_velocity_is_the_integral_of_the_skew() -> None:
    """40 of 100 lots at 90 % a day a day: 36 % after a day, of which half was paid on average; without skew the rate stays."""
    made = bench({"rule": "velocity", "skew_scale": 100, "velocity_ppt": 9 * 10**11, "payment": "continuous", "interval_ms": DAY})
    (long,) = held(made, 40)
    before = made.exchange.equity(long)
    made.later(86_400)
    averages = made.exchange.state.markets[BTC].averages
    assert averages.pace == 36 * 10**16 and averages.pace_carry == 0
    assert 0 <= before - made.exchange.equity(long) - usd("7200") <= 2, "18 % of 40,000"
    assert made.exchange.funding_rate(BTC) == Fraction(36 * 2 * 1440 - 36, 2 * 1440) / 100 * int(PPT)
    take(made, long, -40)
    made.later(3_600)
    assert averages.pace == 36 * 10**16 and made.exchange.funding_rate(BTC) == 36 * 10**10


def test_the_larger_side_pays_the_smaller_one() -> None:
    """GMX: 60 long, 20 short: f x 40 / 80; longs pay it, shorts get three times as much, the curve nothing."""
    made = bench({"rule": "static_skew", "factor_ppt": 48 * 10**10, "payment": "continuous"})
    long, short = held(made, 60, -20)
    before, pool = [made.exchange.equity(one) for one in (long, short)], pool_equity(made)
    made.later(3_600)
    paid, got = (made.exchange.equity(one) - was for one, was in zip((long, short), before, strict=True))
    assert 0 <= -paid - usd(600) <= 60 and 0 <= usd(600) - got <= 60, "24 % a day of 60,000, for an hour"
    assert -120 <= pool_equity(made) - pool <= 120
    take(made, short, 20)
    before = [made.exchange.equity(long)]
    made.later(3_600)
    assert [made.exchange.equity(long)] == before, "nobody is paid, so nobody pays"


def test_an_adaptive_rate_goes_towards_the_skew() -> None:
    """Up while the ratio, 40 of 80, is above the threshold; it stands at 20 of 60 and falls at 2 of 42; a side that is empty ends it."""
    made = bench({
        "rule": "adaptive_skew", "increase_ppt": 10**9, "decrease_ppt": 10**8, "stable_ppm": 400_000, "decrease_ppm": 100_000,
        "least_ppt": 10**8, "most_ppt": 2 * 10**9,
    })  # fmt: skip
    long, short = held(made, 60, -20)
    averages = made.exchange.state.markets[BTC].averages
    made.later(3_600)
    assert 0 <= 5 * 10**14 - averages.pace <= 60, "each sample rounds down"
    take(made, long, -20)
    made.later(3_600)
    assert 0 <= 5 * 10**14 - averages.pace <= 60, "each sample rounds down"
    take(made, long, -18)
    made.later(3 * 3_600)
    assert abs(2 * 10**14 - averages.pace) <= 240
    made.later(3 * 3_600)
    assert averages.pace == 1 and made.exchange.funding_rate(BTC) == 10**8 // 24, "no less than the least"
    take(made, short, -60)
    made.later(8 * 3_600)
    assert averages.pace == -2 * 10**15, "and no more than the most"
    take(made, short, 80)
    made.later(60)
    assert averages.pace == 0


def test_borrowing_is_paid_to_the_pool() -> None:
    """60 long of a pool of about a million, 20 short, which are free: 100 % a day x 60,000 / pool, on 60,000, for an hour."""
    curve = {"rule": "static_skew", "borrowing": "curve", "borrow_factor_ppt": 10**12}
    for smaller_is_free in (True, False):
        made = bench({**curve, "is_smaller_free": smaller_is_free})
        long, short = held(made, 60, -20)
        money = int(made.exchange.state.positions.cells[made.exchange.state.markets[BTC].pool.row + P_ISOLATED_MARGIN])
        before, pool = [made.exchange.equity(one) for one in (long, short)], pool_equity(made)
        made.later(3_600)
        paid = [was - made.exchange.equity(one) for one, was in zip((long, short), before, strict=True)]
        exact = [Fraction((size * usd(1_000)) ** 2, money * 24) for size in (60, 0 if smaller_is_free else 20)]
        assert all(abs(found - wanted) <= 2 for found, wanted in zip(paid, exact, strict=True))
        assert abs(pool_equity(made) - pool - sum(exact)) <= 4


def test_a_payment_for_what_was_traded() -> None:
    """Injective: the VWAP of each minute counts for the time since the trade before. 2 % for 10 minutes, 5 % for 20, then nothing."""
    funding = {"rule": "traded_premium", "largest_ppt": 10**11, "sample_interval_ms": 60_000, "interval_ms": HOUR}
    made = Bench(markets_of({"funding": funding}))
    made.oracle(1_000)
    buyer, seller = made.open(MILLION), made.open(MILLION)

    def trade(lots: int, price: int) -> None:
        made.place(seller, SELL, lots, price)
        made.place(buyer, BUY, lots, price)

    made.later(570)
    trade(1, 1_030)
    trade(2, 1_015)
    made.later(1_200)
    trade(1, 1_050)
    made.place(seller, SELL, 5, 1_200)
    made.place(seller, BUY, 5, 1_200, self_trade=1)
    made.later(1_200)
    (paid,) = charged(made.later(630))
    premium = Fraction(10 * 2 + 20 * 5, 30 * 100)
    assert 0 <= premium / 24 * int(PPT) + 4_166_667 - paid.rate_ppt < 1
    (paid,) = charged(made.later(3_600))
    assert paid.rate_ppt == 4_166_667, "without a trade, the interest"


# -- time in which nobody could act --


@pytest.mark.parametrize("name", RULES)
def test_nothing_moves_in_a_halt_or_on_a_stale_oracle(name: str) -> None:
    made = bench(RULES[name], oracle={"stale_after_ms": 30_000, "on_stale": "keep_last"})
    traders = held(made, 60, -20)
    for _ in range(240):
        made.later(30)
        made.oracle(1_000)
    market = made.exchange.state.markets[BTC]
    for stop in ("halt", "stale"):
        equities = [made.exchange.equity(one) for one in traders]
        before = [int(getattr(market.averages, field)) for field in AVERAGES]
        if stop == "halt":
            made.send(m.SetMarketStatus, BTC, int(MarketStatus.HALTED))
        for _ in range(240):
            made.now += 30 * SECOND
            if stop == "halt":
                made.oracle(1_000)
        events = made.send(m.Tick)
        assert not any(e.accrual_delta or e.to_pool for e in charged(events))
        assert [int(getattr(market.averages, field)) for field in AVERAGES] == before
        assert [made.exchange.equity(one) for one in traders] == equities
        if stop == "halt":
            made.send(m.SetMarketStatus, BTC, int(MarketStatus.ACTIVE))


def test_the_operators_rate_is_shared_as_the_rule_says() -> None:
    made = bench(RULES["static"])
    long, short = held(made, 60, -20)
    made.send(m.SetFunding, BTC, int(FundingMode.SET), int(PPT) // 100)
    before, pool = [made.exchange.equity(one) for one in (long, short)], pool_equity(made)
    made.later(3_600)
    paid, got = (made.exchange.equity(one) - was for one, was in zip((long, short), before, strict=True))
    assert 0 <= -paid - usd(600) <= 60 and 0 <= usd(600) - got <= 60
    assert -120 <= pool_equity(made) - pool <= 120


# -- what is kept --


def test_all_that_rules_keep_is_state() -> None:
    """Each number of it changes the hash, and is in a snapshot; where there is none of it, there is no line."""
    made = bench(RULES["twap"])
    market = made.exchange.state.markets[BTC]
    plain = made.exchange.state_hash()
    terms = {"fee_deviation_ppb", "fee_decay_ppm", "least_fee_ppb"}
    assert set(AVERAGES) == set(attributes(Averages())) - terms
    for number, name in enumerate(AVERAGES, 1):
        setattr(market.averages, name, number)
        assert made.exchange.state_hash() != plain
        copied = restore(made.exchange.snapshot())
        assert copied.state_hash() == made.exchange.state_hash() and getattr(copied.state.markets[BTC].averages, name) == number
        setattr(market.averages, name, 0)
    assert made.exchange.state_hash() == plain


@pytest.mark.parametrize("name", [*RULES, "traded"])
def test_a_copy_goes_on_alike(name: str) -> None:
    rules = {**RULES, "traded": {"rule": "traded_premium"}}
    made = bench(rules[name], mark={"rule": "curve_median", "cadence_ms": 5_000})
    (long, _) = held(made, 60, -20)
    made.later(5_000)
    other = restore(made.exchange.snapshot())
    take(made, long, 3)
    other.apply(m.Place(made.now, long, BTC, BUY, 2_900, 3, tif=IOC))
    made.later(9_000)
    other.apply(m.Tick(made.now))
    assert other.state_hash() == made.exchange.state_hash()


@pytest.mark.parametrize("seed", range(20))
def test_a_life_with_all_that_can_happen(seed: int) -> None:
    """Trades, moves of the oracle, halts, silence, rates of the operator, liquidations: sound after every command, and replayed."""
    source = Seeded(seed)
    rules = [*RULES.values(), {"rule": "traded_premium"}]
    mark = source.pick([{"rule": "oracle"}, {"rule": "curve"}, {"rule": "curve_twap", "cadence_ms": 5_000}])
    oracle = {"stale_after_ms": source.pick([0, 60_000])}
    made = bench(rules[seed % len(rules)], fees=source.pick([0, 10**6, 10**10]), mark=mark, oracle=oracle)
    traders = [made.open(source.pick([2_000, 20_000, MILLION])) for _ in range(5)]
    price = 1_000
    for _ in range(60):
        what = source.integer(0, 9)
        if what < 4:
            side = source.integer(0, 1)
            made.place(source.pick(traders), side, source.pick([1, 3, 20, 90]), 2_900 if side == BUY else 1, tif=IOC)
        elif what < 6:
            price = max(300, min(2_500, price + source.integer(-60, 60)))
            made.oracle(price)
        elif what < 8:
            made.later(source.pick([1, 30, 61, 3_600]))
        elif what == 8:
            made.send(m.SetMarketStatus, BTC, source.pick([0, 0, int(MarketStatus.HALTED), int(MarketStatus.REDUCE_ONLY)]))
        else:
            made.send(m.SetFunding, BTC, int(source.pick(list(FundingMode))), source.pick([0, 10**10, -(10**10)]))
    assert replay(made.journal.bytes()).state_hash() == made.exchange.state_hash() == restore(made.exchange.snapshot()).state_hash()
