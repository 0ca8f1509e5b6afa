"""The mark rules against their formula in decimals, and what funding moves: as much as it takes, no more than it may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from statistics import median

import pytest
from kit import CLEARING, MILLION, ROUNDING, SECOND, USD, Bench, Dice, markets_of, named, usd

from perplab.exchange import messages as m
from perplab.exchange.codes import Side
from perplab.exchange.events import Event
from perplab.exchange.messages import Tick
from perplab.exchange.state.market import Market
from perplab.exchange.state.state import State
from perplab.exchange.state.types import ACCRUAL_LIMIT
from perplab.exchange.trading.book import Book
from perplab.exchange.trading.mark import MarkRule, median3

HOUR = 3_600_000  # [ms]


def test_median_of_three() -> None:
    for values in ((1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1), (1, 1, 2), (2, 2, 2), (2, 1, 1)):
        assert median3(*values) == median(values)


# -- the mark --


BOOK_MARK = {"rule": "hyperliquid", "impact_notional": 1, "quote_bound_ppm": 1_000_000, "last_age_ms": 86_400_000}  # the best quotes count


@dataclass
class Average:
    """num = num exp(-t / window) + sample t, den = den exp(-t / window) + t (Hyperliquid, robust price indices)."""

    window: int  # [ms]
    num: Decimal = Decimal(0)
    den: Decimal = Decimal(0)

    def add(self, sample: Decimal, elapsed: int) -> None:
        decay = (-Decimal(elapsed) / self.window).exp()
        self.num = self.num * decay + sample * elapsed
        self.den = self.den * decay + elapsed

    @property
    def value(self) -> Decimal:
        return self.num / self.den if self.den else Decimal(0)


@dataclass
class Reference:
    """Hyperliquid's mark in decimals, one tick being 1."""

    basis: Average = field(default_factory=lambda: Average(150_000))
    local: Average = field(default_factory=lambda: Average(30_000))

    def mark(self, elapsed: int, oracle: int, bid: int, ask: int, last: int, perps: int) -> Decimal:
        now = Decimal(median((bid, ask, last)))
        self.basis.add(Decimal(bid + ask) / 2 - oracle, elapsed)
        self.local.add(now, elapsed)
        third = Decimal(perps) if perps else self.local.value
        return Decimal(median((oracle + self.basis.value, now, third)))


@pytest.mark.parametrize("with_perps", [False, True])
def test_the_hyperliquid_mark_follows_its_formula(with_perps: bool) -> None:
    """400 updates at uneven times, a book and a last price that wander: the mark is the formula's, but for rounding down to a tick."""
    bench = Bench(markets_of({"tick": "0.01", "lot": "0.01", "max_price": "200000", "mark": BOOK_MARK}))
    maker, taker = bench.open(MILLION), bench.open(MILLION)
    reference, dice, oracle, off = Reference(), Dice(5), 10_000_000, 0
    bench.send(m.UpdateOracle, 0, oracle)
    with localcontext() as context:
        context.prec = 40
        for _ in range(400):
            off = max(-9_000, min(9_000, off + dice.roll(-900, 900)))
            bid, ask = oracle + off - dice.roll(1, 2_000), oracle + off + dice.roll(1, 2_000)
            last = quote(bench, maker, taker, bid, ask, dice)
            elapsed = dice.roll(1, 9_000)
            bench.now += elapsed * 10**6
            oracle += dice.roll(-4_000, 4_000)
            perps = oracle + dice.roll(-500, 500) if with_perps else 0
            bench.send(m.UpdateOracle, 0, oracle, perps)
            expected = reference.mark(elapsed, oracle, bid, ask, last, perps)
            assert -2 <= bench.exchange.mark_price(0) - expected <= 1, "at 10,000,000 ticks: half a tick of mid, one of the average"


def quote(bench: Bench, maker: int, taker: int, bid: int, ask: int, dice: Dice) -> int:
    """A book of one bid and one ask, and a trade at one of them; its price."""
    for account in (maker, taker):
        bench.send(m.CancelAll, account, 0)
    bench.send(m.Place, maker, 0, Side.BUY, bid, 2)
    bench.send(m.Place, maker, 0, Side.SELL, ask, 2)
    side = dice.roll(0, 1)
    bench.send(m.Place, taker, 0, side, ask if side == Side.BUY else bid, 1)
    return bench.exchange.last_price(0)


def test_the_mark_moves_only_with_the_oracle_or_its_cadence() -> None:
    """Trades, orders and time alone leave it where it is."""
    bench = Bench(markets_of({"mark": BOOK_MARK}))
    maker, taker = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    events: list[Event] = []
    for price in (101, 102, 103):
        bench.place(maker, Side.SELL, 10, price)
        events += bench.place(taker, Side.BUY, 10, price)
        events += bench.later(600)
    bench.place(maker, Side.BUY, 10, 102)
    bench.place(maker, Side.SELL, 10, 104)
    events += bench.later(600)
    assert not named(events, "MarkMoved") and bench.exchange.last_price(0) == 103
    assert named(bench.oracle(100), "MarkMoved")


@pytest.mark.parametrize("cadence_ms", [100, 7_000])
def test_a_cadence_runs_at_its_multiples(cadence_ms: int) -> None:
    """Whenever the venue began; the averages are fed there too, so that the mark follows the book while the oracle is silent."""
    bench = Bench(markets_of({"mark": {**BOOK_MARK, "cadence_ms": cadence_ms}}))
    bench.now += 12_345_678
    maker = bench.open(MILLION)
    bench.oracle(100)
    times = []
    for step in range(1, 6):
        bench.send(m.CancelAll, maker, 0)
        bench.place(maker, Side.BUY, 1, 100 + 10 * step)
        bench.place(maker, Side.SELL, 1, 101 + 10 * step)
        bench.now += cadence_ms * 10**6
        times += [event.ts for event in named(bench.send(Tick), "MarkMoved")]
    assert len(times) == 5 and {ts % (cadence_ms * 10**6) for ts in times} == {0}


def test_a_rule_of_ones_own_fits_in() -> None:
    """A subclass in plain Python is asked like a shipped rule; what it returns is held within the market's prices."""

    class Doubled(MarkRule):
        def price(self, state: State, book: Book, market: Market) -> int:
            return 2 * int(market.oracle)

    bench = Bench(markets_of({"max_price": "500"}))
    bench.exchange.prices.rules[0] = Doubled()
    bench.oracle(100)
    assert bench.exchange.mark_price(0) == 200
    bench.oracle(400)
    assert bench.exchange.mark_price(0) == 500


# -- funding --


def holding(coins: int = 7, **funding: object) -> tuple[Bench, list[int], int]:
    """Three longs and two shorts, all far from liquidation, and a maker who quotes nothing yet."""
    terms = {"impact_notional": 1000, "sample_interval_ms": 5_000, "interval_ms": HOUR, "cap_ppt": 10**12, **funding}
    bench = Bench(markets_of({"tick": "0.01", "lot": "0.001", "max_price": "100000", "funding": terms}))
    holders = [bench.open(MILLION) for _ in range(5)]
    maker = bench.open(MILLION)
    bench.oracle("100")
    for number, lots in enumerate((1, 2, 4)):
        bench.send(m.BlockTrade, holders[number], holders[3], 0, lots * coins, 10_000)
    bench.send(m.BlockTrade, holders[3], holders[4], 0, 3 * coins, 10_000)
    return bench, holders, maker


def paid(bench: Bench, account: int) -> int:
    return usd(MILLION) - bench.exchange.equity(account)


@pytest.mark.parametrize("bid", ["100.01", "101.37", "123.45"])
def test_paid_bit_by_bit_it_is_the_same_as_at_once(bid: str) -> None:
    """720 continuous payments of an hour move what one discrete payment moves: remainders are carried, not lost."""
    amounts = []
    for payment in ("discrete", "continuous"):
        bench, holders, maker = holding(payment=payment)
        bench.place(maker, Side.BUY, 20, bid)
        bench.later(3600)
        amounts.append([paid(bench, account) for account in holders])
    assert amounts[0] == amounts[1] and amounts[0][0] > 0
    rate = Decimal(bid) / 100 - 1
    assert amounts[0][0] == rate * 100 * 7 * USD / 1000  # 7 lots of a thousandth of a coin at 100


def test_what_payers_pay_is_what_receivers_get() -> None:
    """Over many odd payments and trades in between: all of it is settled in the end, and rounding keeps under a micro-unit each time."""
    bench, holders, maker = holding(13, interest_ppt=7, clamp_ppt=7, payment="continuous")
    dice, settled = Dice(3), 0
    for _ in range(200):
        bench.now += dice.roll(1, 20) * SECOND
        events = bench.send(Tick)
        price, size = 10_000 + dice.roll(-400, 400), dice.roll(1, 9)
        bench.send(m.CancelAll, maker, 0)
        bench.send(m.Place, maker, 0, dice.roll(0, 1), price, 20_000)
        buyer, seller = holders[dice.roll(0, 4)], holders[dice.roll(0, 3)]
        events += bench.send(m.BlockTrade, buyer, seller, 0, size, 10_000) if buyer != seller else []
        settled += len(named(events, "PositionSettled"))
    for account in holders:
        position = bench.exchange.position(account, 0)
        if position.size > 0:
            bench.send(m.BlockTrade, maker, account, 0, position.size, 10_000)
    for account in holders:
        position = bench.exchange.position(account, 0)
        if position.size < 0:
            bench.send(m.BlockTrade, account, maker, 0, -position.size, 10_000)
    assert bench.exchange.open_interest(0) == 0 and settled > 100
    assert bench.exchange.balance(CLEARING) == 0
    assert 0 < bench.exchange.balance(ROUNDING) < settled + 20
    everyone = [*holders, maker]
    assert sum(bench.exchange.equity(account) for account in everyone) + bench.exchange.balance(ROUNDING) == 6 * usd(MILLION)


@pytest.mark.parametrize("price", ["100", "0.01", "100000"])
def test_an_accrual_stops_before_it_overflows(price: str) -> None:
    """The full price of a lot, every 100 ms, for minutes: charged until the accrual has no room, then told no more."""
    funding = {"impact_notional": 1, "sample_interval_ms": 100, "interval_ms": 100, "cap_ppt": 10**12}
    funding |= {"interest_ppt": 10**12, "clamp_ppt": 10**12}
    bench = Bench(markets_of({"tick": "0.01", "lot": "1", "max_price": "100000", "funding": funding}))
    bench.oracle(price)
    events = bench.later(600)
    charged = named(events, "FundingCharged")
    accrual = bench.exchange.state.markets[0].accrual_long
    assert accrual == sum(event.accrual_delta for event in charged) <= ACCRUAL_LIMIT
    assert len(named(events, "FundingSampled")) == 6_000
    assert len(charged) == min(6_000, ACCRUAL_LIMIT // charged[0].accrual_delta)
    assert len(charged) >= 4, "an accrual has room for 4 times the highest value of a lot"


@pytest.mark.parametrize(
    ("act", "due"),
    [
        (lambda bench, account: bench.later(1), False),
        (lambda bench, account: bench.send(m.Withdraw, account, 0, usd("1")), False),
        (lambda bench, account: bench.send(m.BlockTrade, account, account + 1, 0, 1, 10_000), True),
    ],
    ids=["time", "a withdrawal", "a trade"],
)
def test_equity_always_counts_what_is_not_settled(act: Callable[[Bench, int], list[Event]], due: bool) -> None:
    """Settling a payment changes cash and nothing else."""
    bench, holders, _ = holding(interest_ppt=10**9, clamp_ppt=10**9)
    bench.later(3600)
    long = holders[0]
    owed = bench.exchange.position(long, 0).unsettled
    assert owed == usd("0.0007") and paid(bench, long) == owed  # 7 lots of 0.1 USD, a thousandth of it
    withdrawn = bench.exchange.withdrawals()
    assert bool(named(act(bench, long), "PositionSettled")) == due
    assert bench.exchange.position(long, 0).unsettled == (0 if due else owed)
    assert paid(bench, long) == owed + bench.exchange.withdrawals() - withdrawn
