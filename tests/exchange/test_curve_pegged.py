"""vamm_peg_k: what following the oracle and changing its depth cost, to whom, and that the laws hold wherever it has brought itself."""

from __future__ import annotations

from fractions import Fraction

from choices import examples
from curve_draws import BUY, SELL, Set, made
from hypothesis import given
from hypothesis import strategies as st

USD = 10**6


def terminal_value(one: Set) -> Fraction:
    """[micro] what it would cost the curve if all that others hold were closed into it, without spreads."""
    x, net = one.pool.base + (one.inventory << 32), -one.inventory << 32
    return Fraction(one.pool.peg * one.pool.k * net, (x * (x + net)) << 64)


def moved(one: Set, oracle: int) -> int:
    one.market.oracle = oracle
    cost = one.curve.oracle_moved(one.market, one.pool, one.inventory)
    one.pool.check()
    return cost


def pegged(oracle: int, inventory: int, **terms: object) -> Set:
    """1,000 coins, 1 USD a tick; others hold minus the inventory."""
    return made("vamm_peg_k", oracle, {"reserve_coins": 1_000, **terms})._replace(inventory=inventory)


def there_and_back(one: Set, side: int, lots: int) -> int:
    sign = 1 if side == BUY else -1
    first, second = one.value(side, lots), one.value(1 - side, lots, sign * lots)
    return second - first if side == BUY else first - second


@st.composite
def stories(draw: st.DrawFn) -> tuple[Set, list[tuple[str, int]]]:
    coins = draw(st.integers(10, 10**6))
    terms = {"reserve_coins": coins, "budget": draw(st.integers(0, 10_000)), "repeg_share_ppm": draw(st.integers(0, 10**6))}
    one = made("vamm_peg_k", draw(st.integers(1, 20_000)), terms)
    steps = st.tuples(st.sampled_from(["oracle", "fee", "funding"]), st.integers(1, 30_000))
    lots = draw(st.integers(0, coins * 28 // 100))
    return one._replace(inventory=draw(st.sampled_from([-lots, lots]))), draw(st.lists(steps, min_size=1, max_size=8))


@examples(200)
@given(stories(), st.data())
def test_the_cost_is_told_exactly_and_the_laws_hold_afterwards(story: tuple[Set, list[tuple[str, int]]], data: st.DataObject) -> None:
    """Oracle moves, fees and funding in any order: what each did to the worth of all positions is the cost, to the micro-unit above, and
    no more than its budget; then nobody gains there and back, and what others hold can still be closed.
    """
    one, steps = story
    pool = one.pool
    for what, amount in steps:
        worth, budget, root = terminal_value(one), pool.budget, pool.root
        spendable = one.curve.spendable(pool)  # type: ignore[attr-defined]
        cost = 0
        if what == "oracle":
            cost = moved(one, amount)
            assert cost <= spendable
            assert root * 999 // 1_000 - 1 <= pool.root <= root, "lowered by 0.1 % at most"
        elif what == "fee":
            one.curve.earned(one.market, pool, amount * USD)
            budget += amount * USD
        else:
            given_funding = (amount - 15_000) * USD
            cost = one.curve.funded(one.market, pool, one.inventory, given_funding)
            budget += given_funding
            assert cost <= max(0, given_funding // 2)
            assert root * 978 // 1_000 - 1 <= pool.root <= root * 1_001 // 1_000 + 1
        assert pool.budget == budget - cost
        assert 0 <= cost - (terminal_value(one) - worth) < 2, "two costs are rounded up where k is lowered as well"
        if one.inventory:
            closing = BUY if one.inventory > 0 else SELL
            assert one.room(closing) >= abs(one.inventory)
    for side in (BUY, SELL):
        if one.room(side):
            assert there_and_back(one, side, data.draw(st.integers(1, one.room(side)))) <= 0


def test_a_balanced_curve_follows_for_nothing() -> None:
    one = pegged(100, 0)
    assert moved(one, 130) == 0 and one.curve.middle(one.market, one.pool, 0) == 130
    assert moved(one, 70) == 0 and one.curve.middle(one.market, one.pool, 0) == 70
    assert one.pool.k == one.pool.root**2, "and its depth is what it was"


def test_following_for_longs_costs_what_they_gain_and_the_way_back_earns_it() -> None:
    """Others hold 100 coins of 1,000: y - terminal y = 1,000^2 / 900 - 1,000 = 111.1 coins, 10 USD of peg a tick."""
    one = pegged(100, -100, budget=2_000_000)
    moved(one, 100)  # the price is 100 x (1,000 / 900)^2 = 123: down to the oracle
    assert one.pool.budget > 2_000_000 * USD
    peg = one.pool.peg
    up = moved(one, 110)
    assert up == -(-(one.pool.peg - peg) * 1_000 * 100 // (900 << 32)), "111.1 coins x the change of the peg"
    assert moved(one, 100) in (-up, 1 - up)


def test_what_the_budget_cannot_pay_lowers_k_and_uses_it_up() -> None:
    one = pegged(100, -100)
    moved(one, 100)
    one.pool.budget = 0
    one.pool.fees = 0
    one.curve.earned(one.market, one.pool, 100 * USD)
    root, peg = one.pool.root, one.pool.peg
    assert one.curve.spendable(one.pool) == 50 * USD, "half of the fees stays"  # type: ignore[attr-defined]
    cost = moved(one, 200)
    assert one.pool.root == root * 999 // 1_000, "0.1 % less depth, which earns something"
    assert peg < one.pool.peg < 2 * peg * 9 // 10, "as far as it goes"
    assert 50 * USD - 1 <= cost <= 50 * USD, "all of it"
    assert one.pool.ask_spread > one.pool.bid_spread, "whoever would pick it off pays the distance"
    assert one.value(BUY, 1) >= 200 * USD


def test_spreads_stay_until_the_oracle_moves() -> None:
    """Else a large order would pay less in parts: the first makes the price, and so the retreat, better for the second."""
    one = pegged(100, 0, base_spread_ppm=2_000, budget=1_000)
    assert (one.pool.bid_spread, one.pool.ask_spread) == (1_000, 1_000)
    one.curve.traded(one.market, one.pool, 0, BUY, 100, one.value(BUY, 100))
    short = one._replace(inventory=-100)
    assert (one.pool.bid_spread, one.pool.ask_spread) == (1_000, 1_000)
    moved(short, 100)
    assert one.pool.ask_spread > 1_000


def test_funding_makes_it_deeper_or_shallower_within_bounds() -> None:
    one = pegged(100, -100, budget=1_000)
    root = one.pool.root
    cost = one.curve.funded(one.market, one.pool, -100, 1_000 * USD)
    assert (one.pool.root, cost > 0) == (root * 1_001 // 1_000, True), "0.1 % at most"
    root = one.pool.root
    assert one.curve.funded(one.market, one.pool, -100, -1_000_000 * USD) < 0
    assert abs(one.pool.root - root * 978 // 1_000) <= 1, "2.2 % at most"
    assert one.curve.funded(one.market, one.pool, -100, 1) == 0, "half a micro-unit buys nothing"
