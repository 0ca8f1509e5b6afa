"""Prices of one moment: what reacts to prices waits for the last of them, over a snapshot too, and never for longer than the moment."""

from __future__ import annotations

import pytest
from kit import markets_of, plain_venue

from perplab.exchange import Exchange, load_venue, restore
from perplab.exchange import messages as m
from perplab.exchange.codes import FIRST_USER, FundingMode, MarketStatus, Reason
from perplab.exchange.state.market import Market
from perplab.exchange.state.schedule import PRICES
from perplab.exchange.state.state import State
from perplab.exchange.state.types import NEVER
from perplab.exchange.trading.book import Book
from perplab.exchange.trading.mark import MarkRule

SECOND, USD = 10**9, 10**6
ALICE, BOB = FIRST_USER, FIRST_USER + 1


def hedged() -> Exchange:
    """Alice has 10 BTC and is short of 10; the coins are worth what the short is for, at the same price."""
    exchange = Exchange(load_venue("portfolio"))
    perpetual, spot = (next(one.number for one in exchange.state.markets if one.is_spot == kind) for kind in (0, 1))
    coin = exchange.state.markets[spot].base
    lots = 10 * USD // exchange.state.markets[spot].base_lot
    for command in (
        m.OpenAccount(0, 1, 0), m.OpenAccount(0, 1, 1), m.Deposit(0, ALICE, coin, 10 * USD), m.Deposit(0, BOB, 0, 10**7 * USD),
    ):  # fmt: skip
        exchange.apply(command)
    ticks = [60_000 * USD // (exchange.state.markets[n].unit * lots // 10) for n in (perpetual, spot)]
    exchange.apply(m.UpdateOracle(0, perpetual, ticks[0], more=1))
    exchange.apply(m.UpdateOracle(0, spot, ticks[1]))
    exchange.apply(m.BlockTrade(0, BOB, ALICE, perpetual, lots, ticks[0]))
    exchange.check()
    return exchange


def both(exchange: Exchange, ts: int, factor: int, more: int) -> list[m.Command]:
    prices = [(one.is_spot, one.number, one.oracle * factor) for one in exchange.state.markets if one.oracle]
    (_, first, up), (_, second, along) = sorted(prices)
    return [m.UpdateOracle(ts, first, up, more=more), m.UpdateOracle(ts, second, along)]


@pytest.mark.parametrize("more", [0, 1])
def test_a_pair_is_liquidated_only_where_nobody_said_that_the_other_price_follows(more: int) -> None:
    exchange = hedged()
    told = [event for command in both(exchange, SECOND, 3, more) for event in exchange.apply(command)]
    exchange.check()
    assert any(isinstance(event, m.LiquidationStarted) for event in told) == (not more)


def test_a_snapshot_between_two_prices_goes_on_as_the_venue_does() -> None:
    exchange = hedged()
    first, second = both(exchange, SECOND, 3, 1)
    before = exchange.state_hash()
    exchange.apply(first)
    exchange.check()
    copy = restore(exchange.snapshot())
    copy.check()
    assert before != copy.state_hash() == exchange.state_hash()
    assert copy.apply(second) == exchange.apply(second)
    assert copy.state_hash() == exchange.state_hash() and not exchange.state.awaits_prices
    assert exchange.state.schedule.time(PRICES, 0) == NEVER


def test_the_flag_is_part_of_the_state_until_the_moment_is_over() -> None:
    told, untold = hedged(), hedged()
    told.apply(m.UpdateOracle(SECOND, 0, int(told.state.markets[0].oracle), more=1))
    untold.apply(m.UpdateOracle(SECOND, 0, int(untold.state.markets[0].oracle)))
    assert told.state_hash() != untold.state_hash()
    for exchange in (told, untold):
        exchange.apply(m.Tick(SECOND + 1))
        exchange.check()
    assert told.state_hash() == untold.state_hash()


def test_whoever_waits_for_a_price_that_is_refused_is_looked_at_when_time_moves_on() -> None:
    exchange = Exchange(plain_venue())
    for command in (
        m.OpenAccount(0, 1, 0), m.OpenAccount(0, 1, 1), m.Deposit(0, ALICE, 0, 1_200 * USD), m.Deposit(0, BOB, 0, 10**5 * USD),
        m.UpdateOracle(0, 0, 1_000), m.BlockTrade(0, ALICE, BOB, 0, 10, 1_000), m.SetMarketStatus(0, 1, MarketStatus.SETTLED, 1_000),
    ):  # fmt: skip
        exchange.apply(command)
    told = exchange.apply(m.UpdateOracle(SECOND, 0, 900, more=1))
    refused = exchange.apply(m.UpdateOracle(SECOND, 1, 900))
    assert [one.reason for one in refused if isinstance(one, m.Rejected)] == [Reason.MARKET_SETTLED]
    assert not any(isinstance(one, m.LiquidationStarted) for one in told + refused)
    started = [one for one in exchange.apply(m.Tick(2 * SECOND)) if isinstance(one, m.LiquidationStarted)]
    exchange.check()
    assert [(one.account, one.ts) for one in started] == [(ALICE, SECOND + 1)]


def two_markets(cadence_ms: int) -> Exchange:
    """Alice is long of 10,000 USD in one market and short of as much in the other, and has 2,500; 1,000 are required at least."""
    terms = {"mark": {"rule": "oracle", "cadence_ms": cadence_ms}, "funding": {"interval_ms": 2_000, "sample_interval_ms": 1_000}}
    exchange = Exchange(markets_of(terms, terms))
    for command in (
        m.OpenAccount(1, 1, 0), m.OpenAccount(1, 1, 1), m.Deposit(1, ALICE, 0, 2_500 * USD), m.Deposit(1, BOB, 0, 10**5 * USD),
        m.UpdateOracle(1, 0, 1_000), m.UpdateOracle(1, 1, 1_000), m.Tick(SECOND),
        m.BlockTrade(SECOND, ALICE, BOB, 0, 10, 1_000), m.BlockTrade(SECOND, BOB, ALICE, 1, 10, 1_000),
    ):  # fmt: skip
        assert not any(isinstance(event, m.Rejected) for event in exchange.apply(command))
    exchange.check()
    return exchange


class Moved(MarkRule):
    """The oracle's price times `factor`."""

    factor = 1.0

    def price(self, state: State, book: Book, market: Market) -> int:
        return int(int(market.oracle) * self.factor)


@pytest.mark.parametrize("factor", [2, 0.5])
def test_marks_of_one_instant_are_all_refreshed_before_anybody_is_looked_at(factor: float) -> None:
    exchange = two_markets(1_000)
    for number in (0, 1):
        exchange.prices.rules[number] = Moved()
        exchange.prices.rules[number].factor = factor
    told = exchange.apply(m.Tick(2 * SECOND))
    exchange.check()
    marks = [event for event in told if isinstance(event, m.MarkMoved)]
    assert [(event.ts, event.market, event.mark) for event in marks] == [(2 * SECOND, n, int(1_000 * factor)) for n in (0, 1)]
    assert not any(isinstance(event, m.LiquidationStarted) for event in told)


def test_marks_of_two_instants_are_looked_at_one_after_the_other() -> None:
    exchange = two_markets(1_000)
    exchange.prices.rules[0] = Moved()
    exchange.prices.rules[0].factor = 0.5
    told = exchange.apply(m.Tick(2 * SECOND))
    exchange.check()
    assert [event.market for event in told if isinstance(event, m.MarkMoved)] == [0]
    assert any(isinstance(event, m.LiquidationStarted) for event in told)


@pytest.mark.parametrize("ahead", [0, 1])
def test_funding_of_one_instant_is_all_paid_before_anybody_is_looked_at(ahead: int) -> None:
    """Alice pays as much in the market `ahead` as she is paid in the other: 2,000, which alone would leave her below maintenance."""
    exchange = two_markets(0)
    rate = 2 * 10**11 * (1 if ahead == 0 else -1)  # of 20 %: who is long pays at one above zero
    for number in (0, 1):
        exchange.apply(m.SetFunding(SECOND, number, FundingMode.SET, rate))
    told = exchange.apply(m.Tick(2 * SECOND))
    exchange.check()
    assert any(isinstance(event, m.FundingCharged) for event in told)
    assert not any(isinstance(event, m.LiquidationStarted) for event in told)
