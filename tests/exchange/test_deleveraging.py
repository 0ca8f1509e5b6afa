"""Deleveraging: ranks follow their formulas, and what winners and losers are left with."""

from __future__ import annotations

from fractions import Fraction

import pytest
from kit import INSURANCE, MILLION, SECOND, UNCOVERED, Bench, Dice, markets_of, named, told, usd
from winners import winner

from perplab.exchange.codes import MarginMode
from perplab.exchange.liquidation.ranks import AdlRank, HyperliquidIndex, ProfitLeverage
from perplab.exchange.messages import SetMarginMode


def exact_score(rank: AdlRank, notional: int, entry: int, equity: int, is_long: bool) -> Fraction:
    """The published formulas in fractions."""
    leverage = Fraction(notional, equity)
    if isinstance(rank, HyperliquidIndex):
        return (Fraction(notional, entry) if is_long else Fraction(entry, notional)) * leverage
    profit = Fraction(notional - entry if is_long else entry - notional, entry)
    return profit * leverage if profit >= 0 else profit / leverage


@pytest.mark.parametrize("is_long", [True, False])
@pytest.mark.parametrize("rank", [ProfitLeverage(), HyperliquidIndex()], ids=["profit_leverage", "hyperliquid"])
def test_ranks_follow_their_formulas(rank: AdlRank, is_long: bool) -> None:
    """Wherever two exact scores differ by a thousandth of themselves, the integer scores are in the same order."""
    dice = Dice(9)
    found = []
    for _ in range(150):
        entry = dice.roll(10**8, 10**12)
        notional = entry * dice.roll(500, 2_000) // 1_000
        equity = notional * dice.roll(10, 9_000) // 1_000
        found.append((exact_score(rank, notional, entry, equity, is_long), rank.score(winner(notional, entry, equity, is_long))))
    compared = 0
    for exact, score in found:
        for other_exact, other_score in found:
            if exact - other_exact > abs(exact) / 1_000:
                assert score > other_score
                compared += 1
    assert compared > 10_000


@pytest.mark.parametrize("rank", [ProfitLeverage(), HyperliquidIndex()], ids=["profit_leverage", "hyperliquid"])
def test_a_shorts_profit_raises_its_rank(rank: AdlRank) -> None:
    """The same equity and notional, a better entry: long or short, the one that has earned more goes first."""
    worth, equity = usd(1000), usd(100)
    assert rank.score(winner(worth, usd(800), equity, True)) > rank.score(winner(worth, usd(900), equity, True))
    assert rank.score(winner(worth, usd(1200), equity, False)) > rank.score(winner(worth, usd(1100), equity, False))
    assert rank.score(winner(worth, usd(900), equity // 2, True)) > rank.score(winner(worth, usd(900), equity, True))


def test_scores_do_not_overflow() -> None:
    """At the bounds of positions: the score is a Python integer."""
    for rank in (ProfitLeverage(), HyperliquidIndex()):
        for is_long in (True, False):
            assert abs(rank.score(winner(2**55, 1, 1, is_long))) < 2**200
            assert abs(rank.score(winner(1, 2**55, 2**62, is_long))) < 2**200


def test_nobody_is_paid_to_take_a_short_over() -> None:
    """A short that is 5 USD short even if its lots cost nothing: the winner gets nothing for them, the rest is a deficit."""
    bench = Bench(markets_of({}, backstops=["auto_deleverage"]))
    loser, winner = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(winner, loser, 1, 100)
    row = bench.exchange.state.find_position(loser, 0)
    desk = bench.exchange.desk
    adl = desk.adl
    assert adl is not None
    events = told(bench, lambda: desk.deleverage_row(adl, row, -usd(5)))
    assert [(event.winner, event.value, event.conceded) for event in named(events, "Deleveraged")] == [(winner, 0, usd(100))]
    assert [(event.size, event.value, event.deficit) for event in named(events, "Liquidated")] == [(-1, 0, usd(105))]
    assert [event.amount for event in named(events, "DeficitPaid")] == [usd(5)]


def test_what_an_isolated_loser_is_paid_is_no_surplus() -> None:
    """Closed at the mark with 20 of debt, which the fund pays; nothing is left to go back to it."""
    venue = markets_of(
        {}, backstops=["auto_deleverage", "insurance_fund"], auto_deleverage={"price": "mark"}, insurance_fund={"capital": 50},
        liquidation={"surplus_to": "insurance_fund"},
    )  # fmt: skip
    bench = Bench(venue)
    trader, other = bench.open("1000"), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, trader, 0, MarginMode.ISOLATED)
    bench.block(trader, other, 10, 100)
    events = bench.oracle(88)
    assert [event.amount for event in named(events, "DeficitPaid")] == [usd(20)]
    assert named(events, "SurplusPaid") == []
    assert (bench.exchange.balance(INSURANCE), bench.exchange.balance(trader)) == (usd(30), usd(900))


@pytest.mark.parametrize("rank", ["profit_leverage", "hyperliquid"])
def test_a_winner_who_is_passed_over_holds_nobody_up(rank: str) -> None:
    """Long 4 at 100 with 40: a lot at 50 costs its winner 40. Carl has 6: passed over, whether his turn comes first or last, and
    asked for all he has when the others are through."""
    patient = {"book": {"patience_ms": 2_000}}
    bench = Bench(markets_of({}, backstops=["auto_deleverage"], auto_deleverage={"rank": rank}, liquidation=patient))
    loser, bob, carl, dana = bench.open("40"), bench.open("1000"), bench.open("6"), bench.open("900")
    bench.oracle(100)
    bench.block(loser, bob, 3, 100)
    bench.block(loser, dana, 1, 100)
    bench.oracle(50)
    bench.now += SECOND
    bench.block(bob, carl, 1, 50)
    closed = named(bench.later(1), "Deleveraged")
    assert {(event.winner, event.size, event.value) for event in closed} == {(bob, 2, usd(180)), (dana, 1, usd(90)), (carl, 1, usd(56))}
    assert closed[-1].winner == carl and bench.exchange.equity(carl) == 0
    assert bench.exchange.balance(UNCOVERED) == -usd(34)
