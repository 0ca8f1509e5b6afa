"""The haircut on the profits of a market that is settled: who pays, how much, and what is left when profits are not enough."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kit import MILLION, UNCOVERED, USD, Bench, markets_of, named, usd

from perplab.exchange.codes import MarketStatus, Payer
from perplab.exchange.events import Event
from perplab.exchange.liquidation.haircut import haircut_of
from perplab.exchange.messages import SetMarketStatus


def short_of_100(bench: Bench, longs: list[int], money: int = 10_000) -> tuple[int, list[int]]:
    """A short of 100 from 1,000 against longs of these sizes, with 100,000 behind each."""
    loser = bench.open(money)
    winners = [bench.open(100_000) for _ in longs]
    bench.oracle(1_000)
    for winner, lots in zip(winners, longs, strict=True):
        bench.block(winner, loser, lots, 1_000)
    return loser, winners


def settled(bench: Bench, price: int) -> list[Event]:
    return bench.send(SetMarketStatus, 0, MarketStatus.SETTLED, price)


def test_winners_pay_in_proportion_to_what_they_have_gained() -> None:
    bench = Bench(markets_of({}, backstops=["profit_haircut"]))
    loser, winners = short_of_100(bench, [50, 30, 20])
    events = settled(bench, 1_150)  # it loses 15,000 of its 10,000
    assert [(event.payer, event.amount) for event in named(events, "DeficitPaid")] == [(Payer.SOCIALIZED, usd(5_000))]
    gained = [bench.exchange.equity(winner) - usd(100_000) for winner in winners]
    assert gained == [usd(7_500 - 2_500), usd(4_500 - 1_500), usd(3_000 - 1_000)]
    assert bench.exchange.equity(loser) == bench.exchange.balance(UNCOVERED) == 0


def test_who_has_lost_or_gained_elsewhere_pays_nothing() -> None:
    bench = Bench(markets_of({}, {}, backstops=["profit_haircut"]))
    loser, (winner,) = short_of_100(bench, [100])
    bystander, other = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(1_000, 1)
    bench.block(bystander, other, 10, 1_000, 1)
    bench.oracle(1_050, 1)
    bench.block(loser, other, 1, 1_000)
    settled(bench, 1_200)  # what is short of 99 has lost 19,800, who bought from it above it has gained, and who sold has lost, too
    assert bench.exchange.equity(bystander) == usd(1_000_000 + 500)
    assert bench.exchange.equity(other) == usd(1_000_000 - 500 - 200)
    assert bench.exchange.equity(winner) == usd(100_000 + 20_000 - 9_800)


def test_what_profits_are_not_enough_for_goes_on_to_the_next() -> None:
    bench = Bench(markets_of({}, backstops=["profit_haircut"]))
    trader, other = bench.open(10_000), bench.open(MILLION)
    bench.oracle(1_000)
    bench.block(trader, other, 100, 1_000)
    winner = bench.open(MILLION)
    bench.block(other, winner, 100, 1_100)  # `other` is flat, and has lost; the short is held from 1,100 on
    events = settled(bench, 800)
    assert sum(event.amount for event in named(events, "DeficitPaid")) == usd(10_000)
    assert bench.exchange.equity(winner) == usd(1_000_000 + 30_000 - 10_000)


def test_before_a_settlement_it_pays_nothing() -> None:
    bench = Bench(markets_of({}, backstops=["profit_haircut"]))
    _, other = bench.open(10_000), bench.open(MILLION)
    trader = bench.open(10_000)
    bench.oracle(1_000)
    bench.block(trader, other, 100, 1_000)
    bench.place(other, 0, 100, 850)
    events = bench.oracle(850)
    assert {event.payer for event in named(events, "DeficitPaid")} <= {Payer.UNCOVERED}


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), st.integers(1, 10**9))
def test_parts_add_up_and_nobody_pays_more_than_he_has(claims: list[int], missing: int) -> None:
    left, rest = min(missing, sum(claims)), sum(claims)
    paid = []
    for claim in claims:
        paid.append(haircut_of(left, claim, rest))
        left, rest = left - paid[-1], rest - claim
    assert sum(paid) == min(missing, sum(claims))
    assert all(0 <= part <= claim for part, claim in zip(paid, claims, strict=True))
    assert all(abs(part * sum(claims) - claim * sum(paid)) <= len(claims) * sum(claims) for part, claim in zip(paid, claims, strict=True))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1_101, 1_400))
def test_a_settlement_keeps_every_micro_unit(longs: list[int], price: int) -> None:
    bench = Bench(markets_of({}, backstops=["profit_haircut"]))
    loser, winners = short_of_100(bench, longs, 100 * sum(longs))
    settled(bench, price)
    found = [bench.exchange.equity(winner) - 100_000 * USD for winner in winners]
    assert sum(found) == 100 * sum(longs) * USD
    assert bench.exchange.equity(loser) == 0
    assert all(abs(gain - 100 * lots * USD) <= len(longs) for gain, lots in zip(found, longs, strict=True))
