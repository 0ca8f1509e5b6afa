"""Margin calls, and what a professional that bids counts as spent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from perplab.clients.bots.arbitrage import ArbitrageTerms, Arbitrageur
from perplab.clients.bots.base import Offer, Rows, Seat, View
from perplab.clients.bots.bidder import Bidder, BidderTerms
from perplab.clients.bots.market_maker import MakerTerms, MarketMaker, Withdrawal, ladder
from perplab.clients.bots.professional import CallTerms, MarginCalls
from perplab.exchange.messages import Command, Deposit, Place, Side, TakeAuction, command_of_row

SECOND = 10**9
USD = 10**6
SEAT = Seat(account=20, market=0, unit=1000)  # tick 1 USD, lot 0.001 coin
TERMS = CallTerms(asset=0, outside=2_000_000 * USD, delay_ns=30 * SECOND, most=5_000_000 * USD, use=0.5)


def view(
    outside: float = 100_000.0, *, size: int = 0, equity: int = 10_000_000, offers: tuple[Offer, ...] = (), ask: int = 100_010
) -> View:  # fmt: skip
    mark = round(outside)
    return View(99_990, ask, mark, mark, mark, outside, size, equity * USD, 0, offers)


def commands(rows: Rows) -> list[Command]:
    return [command_of_row(row) for row in rows.tolist()]


def paid(calls: MarginCalls, looks: Sequence[tuple[int, View]]) -> list[tuple[int, int]]:
    """What is paid in when: seconds and USD."""
    out = []
    for second, seen in looks:
        for command in commands(calls.look(second * SECOND, seen)):
            assert isinstance(command, Deposit)
            out.append((second, command.amount // USD))
    return out


def test_the_hedge_earns_what_the_position_loses() -> None:
    calls = MarginCalls(SEAT, TERMS, leverage=10.0)
    calls.look(0, view(size=10_000))  # 1 M USD long here, short outside
    calls.look(SECOND, view(90_000.0, size=10_000))
    assert calls.hedge_profit(90_000.0) == pytest.approx(100_000 * USD)
    calls.look(2 * SECOND, view(90_000.0, size=0))
    assert calls.hedge_profit(120_000.0) == pytest.approx(100_000 * USD), "closed: nothing more to earn"
    calls.look(3 * SECOND, view(90_000.0, size=-10_000))
    assert calls.hedge_profit(100_000.0) == pytest.approx(200_000 * USD)


def test_a_call_is_for_what_is_missing_and_arrives_after_its_time() -> None:
    calls = MarginCalls(SEAT, TERMS, leverage=10.0)
    tight = view(size=600_000)  # 60 M USD, half of what 12 M carry
    assert paid(calls, [(0, view()), (1, tight), (2, tight), (30, tight), (31, tight), (32, view(size=600_000, equity=12_000_000))]) == [
        (31, 2_000_000)
    ]
    assert not calls.is_short


def test_a_call_goes_as_far_as_reserve_and_hedge() -> None:
    calls = MarginCalls(SEAT, TERMS, leverage=10.0)
    start = view(size=500_000)  # 50 M USD on 10 M: just half
    fallen = view(94_000.0, size=500_000, equity=7_000_000)  # 3 M lost here, 3 M earned outside; 9.4 M needed
    assert paid(calls, [(0, start), (1, fallen), (31, fallen)]) == [(31, 2_400_000)]
    assert calls.hedge_profit(94_000.0) == pytest.approx(3_000_000 * USD)
    assert not calls.is_short
    deeper = view(90_000.0, size=500_000, equity=2_000_000)  # 9 M needed: 7 missing, and 5 + 2 - 2.4 outside
    assert paid(calls, [(61, deeper), (91, deeper)]) == [(91, 4_600_000)]
    assert calls.is_short, "it has asked for all that it has, and needed more"


def test_one_call_a_minute_and_no_more_than_a_transfer_may_be() -> None:
    calls = MarginCalls(SEAT, CallTerms(0, 100_000_000 * USD, 10 * SECOND, 1_000_000 * USD, 0.5), leverage=10.0)
    tight = view(size=650_000)  # 3 M missing
    assert paid(calls, [(second, tight) for second in range(1, 75)]) == [(11, 1_000_000), (71, 1_000_000)]
    assert calls.is_short


def test_without_money_outside_nothing_comes() -> None:
    calls = MarginCalls(SEAT, CallTerms(0, 0, SECOND, 10**15, 0.5), leverage=10.0)
    assert paid(calls, [(0, view()), (1, view(size=900_000)), (3, view(size=900_000))]) == []
    assert calls.is_short


# -- what counts as spent --

LADDER = ladder(20, 1.0, np.array([1.0, 10.0, 100.0]), np.array([1e6, 1e7, 1e8]) * USD, np.array([1e6, 1e7, 1e8]) * USD)
FEAR = Withdrawal(calm_bp=2.0, wild_bp=10.0, bid=0.95, ask=0.77, rise_s=5.0, fall_s=60.0)
LONG = Offer(5, 50_000_000 * USD, 500_000 * USD, 500_000)  # 100 bp on 50 M USD


def bought(rows: Rows) -> tuple[float, float]:
    """What it bids for and what it rests or takes in the book, on the buying side. [M USD]"""
    bids = sum(one.share_ppm / 1e6 * 50.0 for one in commands(rows) if isinstance(one, TakeAuction))
    rests = sum(one.size * one.price * 1e-9 for one in commands(rows) if isinstance(one, Place) and one.side == Side.BUY)
    return bids, rests


def maker(auctions: bool) -> MarketMaker:
    return MarketMaker(SEAT, MakerTerms(LADDER, FEAR, SECOND, SECOND // 2, 5.0, 0.0, auctions=auctions, answer_ns=SECOND // 10))


def test_a_maker_bids_what_it_would_quote_and_quotes_the_rest() -> None:
    alone, _ = maker(False).on_start(0, view())
    rows, _ = maker(True).on_start(0, view(offers=(LONG,)))
    assert not bought(alone)[0]
    assert bought(alone)[1] == pytest.approx(50.0, rel=0.01), "what 10 M USD carry at 5"
    assert bought(rows)[0] > 40.0, "all of its ladder but the last levels, beyond 1 %"
    assert sum(bought(rows)) == pytest.approx(50.0, rel=0.01)


def test_a_maker_bids_from_the_edge_that_it_quotes_at_when_full() -> None:
    leaning = MarketMaker(SEAT, MakerTerms(LADDER, FEAR, SECOND, SECOND // 2, 5.0, 50.0, auctions=True))
    small = Offer(5, 50_000_000 * USD, 200_000 * USD, 500_000)  # 40 bp
    rows, _ = leaning.on_start(0, view(size=490_000, offers=(small,)))
    assert bought(rows)[0] == 0.0, "nearly full, it asks for 49 bp more than when flat"
    rows, _ = leaning.on_start(0, view(size=-490_000, offers=(small,)))
    assert bought(rows)[0] > 10.0, "short, it pays up to get rid of that"


def arbitrageur(auctions: bool = True) -> Arbitrageur:
    return Arbitrageur(SEAT, ArbitrageTerms(SECOND, 1, 12.0, 1.0, 8_000_000 * USD, 1.0, auctions, answer_ns=SECOND // 10))


def test_an_arbitrageur_bids_beyond_what_it_enters_at() -> None:
    assert bought(arbitrageur(False).on_wake(0, view())[0]) == (0.0, 0.0)
    assert bought(arbitrageur().on_wake(0, view(offers=(LONG,)))[0]) == (pytest.approx(8.0), 0.0)
    thin = Offer(5, 50_000_000 * USD, 59_000 * USD, 500_000)  # 11.8 bp
    assert bought(arbitrageur().on_wake(0, view(offers=(thin,)))[0]) == (0.0, 0.0)
    assert bought(arbitrageur().on_wake(0, view(size=-30_000, offers=(thin,)))[0])[0] == pytest.approx(3.0), "enough to leave a short"


def test_what_is_bid_for_and_not_heard_of_counts_as_used() -> None:
    one = arbitrageur()
    assert bought(one.on_wake(0, view(offers=(LONG,)))[0])[0] == pytest.approx(8.0)
    assert bought(one.on_wake(SECOND // 20, view(offers=(LONG,)))[0])[0] == pytest.approx(2.0, rel=1e-4), "its equity carries 10 M USD"
    assert bought(one.on_wake(SECOND // 5, view(offers=(LONG,)))[0])[0] == pytest.approx(8.0), "the bids were not taken: it has it again"


def test_one_clip_is_for_the_auction_or_for_the_book() -> None:
    cheap = view(offers=(Offer(5, 5_000_000 * USD, 50_000 * USD, 50_000),), ask=99_700)
    rows, _ = arbitrageur().on_wake(0, cheap)
    assert [one.share_ppm for one in commands(rows) if isinstance(one, TakeAuction)] == [1_000_000]
    (order,) = [one for one in commands(rows) if isinstance(one, Place)]
    assert order.size == pytest.approx(30_000, abs=1), "3 of 8 M USD are left for the book"


def test_a_bidder_s_edges_widen_with_volatility() -> None:
    fear = Withdrawal(2.0, 10.0, 0.0, 0.0, 5.0, 60.0)
    schedule = np.array([10.0, 20.0]), np.array([0.5, 0.5])
    bot = Bidder(SEAT, BidderTerms(SECOND, 1, 1, *schedule, 1.0, 0.0, 5.0, False, clip=1_000_000.0 * USD, widen=3.0, fear=fear))
    bot.on_start(0, view())
    price = 100_000.0
    rows, _ = bot.on_wake(SECOND, view(price))
    assert {one.price for one in commands(rows) if isinstance(one, Place) and one.side == Side.BUY} == {99_900, 99_800}
    assert bought(rows)[1] == pytest.approx(1.0, rel=1e-3), "no more than its clip"
    for second in range(2, 40):
        price = 100_000.0 * (1.002 if second % 2 else 1.0)
        rows, _ = bot.on_wake(second * SECOND, view(price))
    edges = sorted(1e4 * (1.0 - one.price / price) for one in commands(rows) if isinstance(one, Place) and one.side == Side.BUY)
    assert edges == pytest.approx([30.0, 60.0], abs=0.2)
