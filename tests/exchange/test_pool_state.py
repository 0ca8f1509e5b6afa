"""A pool's state: in snapshots at any width, in the hash where there is a curve, and proved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kit import Bench, plain_venue

from perplab.exchange import restore
from perplab.exchange.state.pools import Pool
from perplab.exchange.state.snapshot import attributes
from perplab.exchange.trading.curve_ranges import Concentrated


def with_pool(bench: Bench) -> Pool:
    pool = bench.exchange.state.markets[0].pool
    pool.row, pool.started = 0, 1
    pool.base, pool.root, pool.k, pool.peg = 1 << 70, 1 << 70, 1 << 140, 1 << 63
    pool.anchor, pool.fees, pool.budget, pool.bid_spread, pool.ask_spread = 5, 1 << 80, -(1 << 90), 7, 8
    return pool


def numbers(pool: object) -> dict[str, int]:
    return {name: value for name in attributes(pool) if isinstance(value := getattr(pool, name), int)}


def test_wide_numbers_come_back() -> None:
    bench = Bench()
    pool = with_pool(bench)
    for budget in (0, -1, (1 << 63) - 1, 1 << 63, -(1 << 63), -(1 << 63) - 1, 1 << 200, -(1 << 200), (1 << 71) - 1, 255 << 64):
        pool.budget = budget
        again = restore(bench.exchange.snapshot())
        assert numbers(again.state.markets[0].pool) == numbers(pool)
        assert again.state_hash() == bench.exchange.state_hash()


def test_ranges_come_back_and_are_in_the_hash() -> None:
    """Wherever the ranges of a venue are: a snapshot of a venue without any has the same shape."""
    bench = Bench(plain_venue({"markets": {"curve": {"rule": "concentrated", "role": "separate", "capital": 1_000}}}))
    seen = {bench.exchange.state_hash()}
    bench.oracle(100)
    seen.add(bench.exchange.state_hash())
    market = bench.exchange.state.markets[0]
    curve = bench.exchange.matcher.planner.curves.curve(market)
    assert isinstance(curve, Concentrated)
    curve.add_range(market, market.pool, 8, 80, 125, 10**12, 5)
    seen.add(bench.exchange.state_hash())
    curve.earned(market, market.pool, 10**9 + 1)
    seen.add(bench.exchange.state_hash())
    market.pool.check()
    again = restore(bench.exchange.snapshot())
    pool = again.state.markets[0].pool
    pool.check()
    assert again.state_hash() == bench.exchange.state_hash() and len(seen) == 4
    assert [numbers(one) for one in pool.ranges.ranges] == [numbers(one) for one in market.pool.ranges.ranges]
    assert [numbers(one) for one in pool.ranges.edges] == [numbers(one) for one in market.pool.ranges.edges]
    for one, name in ((pool.ranges.ranges[1], name) for name in ("owner", "amount", "opened", "lots", "cost", "quote", "base", "growth")):
        setattr(one, name, getattr(one, name) + 1)
        seen.add(again.state_hash())
    assert len(seen) == 12


def test_the_hash_sees_a_pool_where_there_is_a_curve() -> None:
    bench = Bench()
    without = bench.exchange.state_hash()
    pool = with_pool(bench)
    seen = {without, bench.exchange.state_hash()}
    for name in sorted(set(numbers(pool)) - {"row"}):
        setattr(pool, name, getattr(pool, name) + 1)
        seen.add(bench.exchange.state_hash())
    assert len(seen) == 2 + len(numbers(pool)) - 1
    pool.row = -1
    assert bench.exchange.state_hash() == without, "designs of today keep their hashes"


SPOILED: dict[str, Callable[[Pool], None]] = {
    "has started": lambda pool: setattr(pool, "row", -1),
    "below zero": lambda pool: setattr(pool, "base", -1),
    "root of another k": lambda pool: setattr(pool, "root", pool.root - 1),
    "one reserve": lambda pool: (setattr(pool, "k", 0), setattr(pool, "root", 0))[0],
    "a bid of nothing": lambda pool: setattr(pool, "bid_spread", 1_000_000),
    "quotes that cross": lambda pool: setattr(pool, "ask_spread", -1),
    "count of fees": lambda pool: setattr(pool, "fees", -1),
}


@pytest.mark.parametrize("told", SPOILED)
def test_a_spoiled_pool_is_noticed(told: str) -> None:
    pool = with_pool(Bench())
    pool.check()
    SPOILED[told](pool)
    with pytest.raises(AssertionError, match=told):
        pool.check()
