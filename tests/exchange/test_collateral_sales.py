"""The liquidation step `collateral`: how many coins it sells, to which bids, and when it is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import Bench, named, usd
from spot_kit import COIN, HEDGE, PERP, PLEDGE, bench_with, with_coins

from perplab.exchange import messages as m

FIRST = {"liquidation": {"steps": ["collateral", "book"]}}
BIDS = st.lists(st.tuples(st.integers(75, 110), st.integers(1, 6)), max_size=8)
WEIGHTS = st.sampled_from([800_000, 800_001, 850_000, 899_999, 1_000_000])


def sold_by_hand(missing: int, free: int, bids: list[tuple[int, int]], weight: int, lowest: int) -> dict[int, int]:
    """Lots by price: one lot after the other to the best bid, as long as something is missing [micro-USD] and a lot brings more than it
    counted for (of 100 USD)."""
    sold: dict[int, int] = {}
    short = missing * 10**6
    for price, size in sorted(bids, reverse=True):
        for _ in range(size):
            gain = price * 10**12 - 100 * 10**6 * weight
            if short <= 0 or free == 0 or gain <= 0 or price < lowest:
                return sold
            short -= gain
            free -= 1
            sold[price] = sold.get(price, 0) + 1
    return sold


def liquidated(bench: Bench, coins: int, bids: list[tuple[int, int]], mark: int, hedge: int = 0) -> tuple[int, dict[int, int], int]:
    """An account with coins and a long of 80 from 100 (or a short of `hedge`) meets a mark. The account, its lots sold by price, and what
    it was short of."""
    alice, bob, carol = with_coins(bench, 0, coins), bench.open(10**6), bench.open(10**6)
    for price, size in bids:
        bench.place(carol, 0, size, price, market=COIN)
    if hedge:
        bench.block(bob, alice, hedge, 100)
    else:
        bench.block(alice, bob, 80, 100)
    events = bench.oracle(mark, PERP)
    short = next((e.maintenance - e.equity for e in named(events, "LiquidationStarted")), 0)
    sold: dict[int, int] = {}
    for e in named(events, "Traded"):
        if e.market == COIN:
            sold[e.price] = sold.get(e.price, 0) + e.size
    return alice, sold, short


@given(BIDS, WEIGHTS, st.integers(90, 97))
def test_it_sells_what_is_missing_at_the_prices_of_the_bids(bids: list[tuple[int, int]], weight: int, mark: int) -> None:
    """Without a hedge, of 10 coins: the lots that selling them one by one would, to the same bids."""
    bench = bench_with({**PLEDGE, "weight_ppm": weight}, **FIRST)
    alice, sold, short = liquidated(bench, 10, bids, mark)
    assert sold == sold_by_hand(short, 10, bids, weight, -(-100 * weight // 10**6))
    x = bench.exchange
    if sum(sold.values()) < 10 and sold and x.equity(alice) < x.maintenance_margin(alice):
        assert x.best_bid(COIN) * 10**6 <= 100 * weight  # nothing is bid that would help


@given(BIDS, st.integers(0, 9), st.integers(100, 190))
def test_coins_that_hedge_stay_and_no_sale_harms(bids: list[tuple[int, int]], back: int, mark: int) -> None:
    bench = bench_with({**HEDGE, "hedged_weight_ppm": 950_000}, **FIRST)
    _, sold, _ = liquidated(bench, 10, bids, mark, 10 - back)
    assert sum(sold.values()) <= back
    assert all(price > 80 for price in sold)


def test_who_is_still_short_has_coins_sold_before_more_is_closed() -> None:
    """The takeover is far: the book is tried in every pass, and the coins ahead of it."""
    over: dict[str, object] = {"liquidation": {"steps": ["collateral", "book", "takeover"]}, "vault": {"capital": 1_000}}
    bench = bench_with(PLEDGE, **over)
    alice, sold, _ = liquidated(bench, 10, [], 94)
    carol = bench.open(10**6)
    assert not sold
    for left in (9, 8, 7):
        bench.place(carol, 0, 1, 99, market=COIN)
        bench.place(carol, 0, 100, 93)
        bench.now += 10**9
        events = bench.send(m.Tick)
        assert [e.amount for e in named(events, "CollateralSold")] == [usd(1)]
        assert bench.exchange.balance(alice, 1) == usd(left)
        if named(events, "LiquidationEnded"):
            break
        bench.send(m.CancelAll, carol)


@pytest.mark.parametrize("levels", [1, 50])
def test_a_debt_is_paid_at_the_prices_of_the_bids(levels: int) -> None:
    """Who owes without a position: level by level, no more than is owed."""
    bench = bench_with(PLEDGE)
    alice, carol = with_coins(bench, 0, 100), bench.open(10**6)
    bench.send(m.Deposit, carol, 0, usd(10_000))
    for number in range(levels):
        bench.place(carol, 0, 100 // levels, 99 - number % 19, market=COIN)
    bench.send(m.Debit, alice, 0, usd(3_000))
    bench.now += 10**9
    bench.oracle(100, COIN)
    assert bench.exchange.balance(alice, 0) >= 0
    assert bench.exchange.balance(alice, 0) < usd(99)
