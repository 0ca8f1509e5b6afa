"""The search of a reverse stress test: the smallest turn at which something happens, whatever happens elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perplab.lab.breaking.search import First, Found, Point, interval_rank, middle, most_runs, search
from perplab.lab.breaking.study import odds

TURNS = st.floats(0.0, 1.3)


class World:
    """Something happens in a seed from a turn on, or wherever a function says; it counts what it is asked."""

    def __init__(self, happens: dict[int, object]) -> None:
        self.happens = happens
        self.asked: list[Point] = []

    def __call__(self, points: Sequence[Point]) -> list[bool]:
        self.asked += points
        return [self.at(point) for point in points]

    def at(self, point: Point) -> bool:
        rule = self.happens[point.seed]
        return bool(rule(point.turn)) if callable(rule) else point.turn >= float(str(rule))


def searched(happens: dict[int, object], parts: int = 4, halvings: int = 4) -> tuple[Found, World]:
    world = World(happens)
    return search(list(happens), parts, halvings, world), world


@given(st.lists(TURNS, min_size=1, max_size=9), st.sampled_from([1, 2, 4, 8]), st.integers(0, 6))
def test_a_threshold_is_found_to_a_step(thresholds: list[float], parts: int, halvings: int) -> None:
    found, world = searched(dict(enumerate(thresholds)), parts, halvings)
    step = 1.0 / (parts << halvings)
    for seed, threshold in enumerate(thresholds):
        first = found.first[seed]
        if threshold > 1.0:
            assert first == First(1.0, None)
        elif threshold == 0.0:
            assert first == First(None, 0.0)
        else:
            assert first.turn is not None and first.before is not None
            assert first.before < threshold <= first.turn == first.before + step
    assert len(world.asked) <= most_runs(len(thresholds), parts, halvings)
    assert not found.returned


@given(st.lists(st.booleans(), min_size=17, max_size=17))
def test_every_first_is_a_change_that_was_seen(rows: list[bool]) -> None:
    found, world = searched({7: lambda turn: rows[round(turn * 16)]})
    first = found.first[7]
    if first.turn is not None:
        assert world.at(Point(first.turn, 7))
        assert first.before is None or not world.at(Point(first.before, 7))
        assert not any(world.at(Point(turn, 7)) for turn in found.scan if turn < first.turn)
    else:
        assert not any(world.at(Point(turn, 7)) for turn in found.scan)
    seen = [rows[round(turn * 16)] for turn in found.scan]
    assert bool(found.returned) == any(before and not after for before, after in pairwise(seen))


def test_seeds_are_tried_at_the_same_turns_and_never_twice() -> None:
    _, world = searched({1: 0.3, 2: 0.9, 3: 2.0})
    scan = {seed: [point.turn for point in world.asked[:15] if point.seed == seed] for seed in (1, 2, 3)}
    assert scan == {seed: [0.0, 0.25, 0.5, 0.75, 1.0] for seed in (1, 2, 3)}
    assert len(set(world.asked)) == len(world.asked)


def test_where_nothing_is_to_be_halved_nothing_more_is_asked() -> None:
    _, world = searched({1: 0.0, 2: 2.0})
    assert len(world.asked) == 10


# -- over seeds --


@pytest.mark.parametrize(("count", "rank"), [(1, 0), (5, 0), (6, 1), (8, 1), (9, 2), (12, 3), (20, 6), (100, 40)])
def test_ranks_of_the_interval_are_those_of_the_tables(count: int, rank: int) -> None:
    """Those of the sign test, two-sided at 5 %: Conover, Practical Nonparametric Statistics (1999), section 3.2."""
    assert interval_rank(count) == rank


@given(st.integers(1, 200))
def test_the_interval_is_the_narrowest_that_holds(count: int) -> None:
    def missed(rank: int) -> float:
        return 2.0 * sum(math.comb(count, below) for below in range(rank)) / 2**count

    rank = interval_rank(count)
    assert missed(rank) <= 0.05 < missed(rank + 1)


def test_never_is_larger_than_all_that_happens() -> None:
    first = [First(0.0, 0.25), First(1.0, None), First(1.0, None), First(0.25, 0.5)]
    assert middle(first).turn == math.inf
    assert middle([*first, First(0.25, 0.5)]) == (0.5, None, None)
    assert middle([First(0.25, 0.5)] * 5 + [First(1.0, None)]) == (0.5, 0.5, math.inf)


@pytest.mark.parametrize(("count", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)])
def test_odds_are_wilson_s(count: int, total: int, low: float, high: float) -> None:
    assert odds(count, total) == pytest.approx((low, high), abs=1e-4)
