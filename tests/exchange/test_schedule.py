"""The schedule against a plain sorted list, and the order of what falls due at the same time on a venue at work."""

from __future__ import annotations

import pytest
from choices import Drawn, Seeded, Source, examples
from hypothesis import given
from hypothesis import strategies as st
from kit import ETH, MILLION, SECOND, START, VAULT, Bench, markets_of

from perplab.exchange.codes import MarketStatus, Side
from perplab.exchange.events import Event
from perplab.exchange.messages import SetMarketStatus, Tick
from perplab.exchange.state.market import Market
from perplab.exchange.state.schedule import (
    FUNDING_PAYMENT,
    FUNDING_SAMPLE,
    LIQUIDATION_PASS,
    MARK,
    UNWIND,
    Schedule,
)
from perplab.exchange.state.state import State
from perplab.exchange.state.types import NEVER
from perplab.exchange.trading.book import Book
from perplab.exchange.trading.mark import MarkRule

# -- the list by itself --

Entry = tuple[int, int, int]  # ts, rank, id


def schedule_stream(source: Source, commands: int, latest: int) -> None:
    """Entries are set, moved, cancelled and popped at random; the schedule knows what a plain list of them knows."""
    schedule, entries = Schedule(), list[Entry]()
    for _ in range(commands):
        rank, number, ts = source.integer(0, 2), source.integer(0, 11), source.integer(1, latest)
        act = source.integer(0, 5)
        if act < 3:
            entries = [entry for entry in entries if entry[1:] != (rank, number)] + [(ts, rank, number)]
            schedule.set(rank, number, ts)
        elif act == 3:
            entries = [entry for entry in entries if entry[1:] != (rank, number)]
            schedule.cancel(rank, number)
        elif entries:
            first = min(entries)
            entries.remove(first)
            assert schedule.pop() == first
        assert schedule.next == (min(entries)[0] if entries else NEVER)
        assert list(schedule.entries) == sorted(entries)
        times = {entry[1:]: entry[0] for entry in entries}
        assert all(schedule.time(*key) == times.get(key, NEVER) for key in ((r, n) for r in range(3) for n in range(12)))
        schedule.check(int(schedule.next) - 1)


@examples(100)
@given(st.data(), st.sampled_from([1, 3, 40, 2**62 - 1]))
def test_a_schedule_is_a_sorted_list(data: st.DataObject, latest: int) -> None:
    schedule_stream(Drawn(data), 15, latest)


@pytest.mark.parametrize("latest", [2, 20, 10**18])
def test_long_schedules(latest: int) -> None:
    schedule_stream(Seeded(latest), 600, latest)


def test_ties_are_broken_by_rank_then_id() -> None:
    """Ids by their number: 9 comes before 10."""
    schedule = Schedule()
    for rank, number in ((2, 0), (0, 10), (1, 0), (0, 9), (0, 100), (1, 3)):
        schedule.set(rank, number, 7)
    schedule.set(2, 1, 6)
    popped = [schedule.pop() for _ in range(7)]
    assert popped == [(6, 2, 1), (7, 0, 9), (7, 0, 10), (7, 0, 100), (7, 1, 0), (7, 1, 3), (7, 2, 0)]
    assert schedule.next == NEVER


def test_the_check_notices() -> None:
    """Something due that was left out, and lists that disagree."""
    schedule = Schedule()
    schedule.check(int(NEVER) - 1)
    schedule.set(MARK, 0, 10)
    schedule.check(9)
    with pytest.raises(AssertionError, match="due"):
        schedule.check(10)
    schedule.times[2, 0] = 10
    with pytest.raises(AssertionError, match="disagrees"):
        schedule.check(9)
    del schedule.times[2, 0]
    schedule.next = 11
    with pytest.raises(AssertionError, match="due"):
        schedule.check(9)


# -- on a venue --

TIMED = {"impact_notional": 1, "interest_ppt": 0, "cap_ppt": 0, "sample_interval_ms": 1_000}


class Watched(MarkRule):
    """The oracle's price; notes how many events there were when it was asked."""

    def __init__(self, asked: list[tuple[int, str, int]]) -> None:
        self.asked = asked

    def price(self, state: State, book: Book, market: Market) -> int:
        self.asked.append((2 * int(state.log.seq) + 1, "mark", int(market.number)))
        return int(market.oracle)


def about(event: Event) -> tuple[str, int] | None:
    """What the event is of: a sample, a payment, an unwind of the vault or a sale of a liquidation pass, in which market."""
    name = type(event).__name__
    if name in ("FundingSampled", "FundingCharged"):
        return name, event.market
    if name == "Traded":
        return "unwind" if event.taker == VAULT else "pass", event.market
    return None


class Site:
    """Two markets whose timers, the vault's unwind and the retry of a liquidation all fall due a second after START.

    The vault has taken over ten lots of the first market. An account that is worth too much for it waits in the second for a bid.
    """

    def __init__(self, payment_ms: int) -> None:
        terms = {"funding": TIMED | {"interval_ms": payment_ms}, "mark": {"rule": "oracle", "cadence_ms": 1_000}}
        liquidation = {"steps": ["book", "takeover"], "takeover": {"fraction_ppm": 200_000}, "retry_ms": 1_000}
        vault = {"capital": 1_000, "loss_limit_ppm": 1_000_000, "unwind_interval_ms": 1_000, "unwind_ppm": 100_000}
        self.bench = Bench(markets_of(terms, terms, liquidation=liquidation, vault=vault))
        self.asked: list[tuple[int, str, int]] = []
        bench = self.bench
        for market in range(2):
            bench.exchange.prices.rules[market] = Watched(self.asked)
            bench.oracle(100, market)
        taken, waiting, other = bench.open("100"), bench.open("100"), bench.open(MILLION)
        bench.block(taken, other, 10, 100)
        bench.block(waiting, other, 10, 100, ETH)
        bench.oracle(90)
        bench.oracle(94, ETH)
        assert bench.exchange.position(VAULT, 0).size == bench.exchange.position(waiting, ETH).size == 10
        for market, price in ((0, 90), (ETH, 93)):
            bench.place(other, Side.BUY, 100, price, market)

    def seen(self, ts: int) -> list[tuple[str, int]]:
        """What happens up to `ts`, in order."""
        self.asked.clear()
        events = self.bench.exchange.apply(Tick(ts))
        self.bench.exchange.check()
        told = [(2 * event.seq, *found) for event in events if (found := about(event)) is not None]
        return [(name, market) for _, name, market in sorted(told + self.asked, key=lambda one: one[0])]


def test_timers_of_markets_come_first_then_the_unwind_then_the_pass() -> None:
    """All at once: the marks of both markets, their samples, then the vault, then the liquidations."""
    site = Site(86_400_000)
    schedule = site.bench.exchange.state.schedule
    assert schedule.time(UNWIND, 0) == schedule.time(LIQUIDATION_PASS, 0) == schedule.next == START + SECOND
    assert site.seen(START + SECOND - 1) == []
    timers = [("mark", 0), ("mark", ETH), ("FundingSampled", 0), ("FundingSampled", ETH)]
    assert site.seen(START + SECOND) == [*timers, ("unwind", 0), ("pass", ETH)]


def test_a_payment_comes_behind_its_sample_and_brings_its_pass_with_it() -> None:
    """The pass that follows the payments of both markets takes the place of the one that was due."""
    timers = [(name, market) for name in ("mark", "FundingSampled", "FundingCharged") for market in (0, ETH)]
    site = Site(1_000)
    assert site.seen(START + SECOND) == [*timers, ("pass", ETH), ("unwind", 0)]
    assert site.bench.exchange.state.schedule.time(LIQUIDATION_PASS, 0) == NEVER  # nothing is left to liquidate


def test_time_comes_before_rank() -> None:
    """Two seconds in one command are what they are in two: all that is due in the first, then all of the second."""
    one, two = Site(1_000), Site(1_000)
    assert one.seen(START + 2 * SECOND) == two.seen(START + SECOND) + two.seen(START + 2 * SECOND)
    assert one.bench.exchange.state_hash() == two.bench.exchange.state_hash()


def test_markets_come_by_their_number() -> None:
    """Of eleven, not by its text."""
    bench = Bench(markets_of(*[{"funding": TIMED | {"interval_ms": 1_000}}] * 11))
    for market in range(11):
        bench.oracle(100, market)
    events = [about(event) for event in bench.later(1)]
    assert events == [(name, market) for name in ("FundingSampled", "FundingCharged") for market in range(11)]


# -- what is in the list, and when --


def test_the_first_command_sets_the_timers() -> None:
    """To the next multiples of their intervals; a mark without a cadence has none."""
    marks = [{"rule": "oracle", "cadence_ms": cadence} for cadence in (0, 2_000)]
    terms = [{"mark": mark, "funding": TIMED | {"interval_ms": 5_000}} for mark in marks]
    bench = Bench(markets_of(*terms))
    schedule = bench.exchange.state.schedule
    assert (list(schedule.entries), schedule.next) == ([], NEVER)
    bench.now = START + SECOND
    bench.send(Tick)
    assert [(ts - START) // SECOND for ts, _, _ in schedule.entries] == [2, 2, 2, 5, 5]
    assert [entry[1:] for entry in schedule.entries] == [
        (MARK, 1), (FUNDING_SAMPLE, 0), (FUNDING_SAMPLE, 1), (FUNDING_PAYMENT, 0), (FUNDING_PAYMENT, 1),
    ]  # fmt: skip


def test_a_settled_market_has_no_timers() -> None:
    """The other one goes on; what was held is looked at by a pass, and then nothing but its timers is left."""
    bench = Bench(markets_of(*[{"mark": {"rule": "oracle", "cadence_ms": 1_000}}] * 2))
    a, b = bench.open("1000"), bench.open("1000")
    for market in range(2):
        bench.oracle(100, market)
    bench.block(a, b, 1, 100)
    schedule = bench.exchange.state.schedule
    assert len(schedule.entries) == 6
    bench.send(SetMarketStatus, 0, MarketStatus.SETTLED, 0)
    left = [(MARK, 1), (FUNDING_SAMPLE, 1), (FUNDING_PAYMENT, 1)]
    assert sorted(key for key in schedule.times) == [*left, (LIQUIDATION_PASS, 0)]
    bench.later(1)
    assert sorted(key for key in schedule.times) == left
