"""Paired differences against theory: error rates by simulation, known quantiles and effect sizes, and every unusual case."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from perplab.lab.comparison.statistics import (
    EXACT_SEEDS,
    LEAST_SEEDS,
    LEVEL,
    Finding,
    Pair,
    bootstrap,
    corrected,
    effect_size,
    findings,
    student_quantile,
)
from perplab.lab.runs import Floats
from perplab.oracle.keyed import generator


def found(*values: float | None, path: str = "") -> Finding:
    """The answer to one question that is asked alone."""
    return findings({"x": {Pair(path, seed): value for seed, value in enumerate(values, 1)}})["x"]


def correlated(case: int, pairs: int, questions: int) -> Floats:
    """Differences without any effect: heavy tails, different scales, and half of all variance in common."""
    drawn = generator(case, "null", pairs, questions)
    common, own = drawn.standard_t(4, (pairs, 1)), drawn.standard_t(4, (pairs, questions))
    differences: Floats = (common + own) * 10.0 ** drawn.integers(-3, 7, questions)
    return differences


# -- error rates --


@pytest.mark.parametrize("pairs", [6, 8, 10, 14])
def test_the_chance_of_any_false_alarm_is_five_percent(pairs: int) -> None:
    """Of 40 correlated questions. With 6 pairs p is a multiple of 1/32, so an exact test at 5 % errs at most once in 32."""
    cases = 400 if pairs <= EXACT_SEEDS else 40
    alarms = sum(corrected(correlated(case, pairs, 40)).min() < LEVEL for case in range(cases))
    level = math.floor(LEVEL * 2 ** (pairs - 1)) / 2 ** (pairs - 1) if pairs <= EXACT_SEEDS else LEVEL
    spread = math.sqrt(level * (1.0 - level) / cases)
    assert abs(alarms / cases - level) < 3.0 * spread


def test_without_a_correction_nearly_every_table_has_a_false_alarm() -> None:
    """The same differences, each question asked alone: what the correction is for."""
    alone = [[corrected(one[:, [number]])[0] for number in range(40)] for one in (correlated(case, 10, 40) for case in range(10))]
    assert sum(min(each) < LEVEL for each in alone) >= 5


def test_what_is_large_is_found_beside_many_that_are_nothing() -> None:
    """An effect of four standard deviations in 3 of 40 questions: of all of them at least 9 in 10, with 8 pairs."""
    hits = 0
    for case in range(100):
        differences = generator(case, "power").standard_normal((8, 40))
        differences[:, :3] += 4.0
        hits += int((corrected(differences)[:3] < LEVEL).sum())
    assert hits >= 270


def test_a_large_effect_does_not_hide_a_smaller_one() -> None:
    """Step down: what is found is no longer asked about, so that the second is tested against the rest alone."""
    together = correlated(5, 10, 2)
    single = corrected(together[:, [1]])
    with_clear = np.column_stack([np.full(10, 7.0) + np.arange(10) / 100, together[:, 1]])
    assert corrected(with_clear)[1] == pytest.approx(single[0])


@pytest.mark.parametrize("pairs", [6, 10, 20])
def test_intervals_of_normal_differences_cover_the_mean(pairs: int) -> None:
    drawn = generator(1, "coverage", pairs).standard_normal((pairs, 1000))
    low, high = bootstrap(drawn, [1] * pairs)
    assert ((low <= 0.0) & (high >= 0.0)).mean() == pytest.approx(1.0 - LEVEL, abs=0.025)


def test_what_paths_differ_by_is_not_in_an_interval() -> None:
    """Ten seeds, each on three paths that differ by 100: the interval is as wide as the seeds differ, and covers the mean."""
    drawn = generator(2, "paths").standard_normal((10, 3, 1000)) + np.array([0.0, 100.0, 200.0])[:, None]
    low, high = bootstrap(drawn.sum(axis=1), [3] * 10)
    assert ((low <= 100.0) & (high >= 100.0)).mean() == pytest.approx(1.0 - LEVEL, abs=0.025)
    assert (high - low).max() < 4.0


def on_paths(case: int, seeds: int, paths: int) -> dict[Pair, float | None]:
    """No effect at all; the same seed is nearly the same on all paths, as its people and orders are."""
    drawn = generator(case, "seeds on paths", seeds, paths)
    of_seed, own = drawn.standard_normal(seeds), 0.3 * drawn.standard_normal((seeds, paths))
    return {Pair(str(path), seed): float(of_seed[seed] + own[seed, path]) for seed in range(seeds) for path in range(paths)}


def test_more_paths_are_no_more_seeds() -> None:
    """Seven paths of eight seeds are eight observations: at most one alarm in twenty, and intervals that cover nothing as often."""
    told = [findings({"x": on_paths(case, 8, 7)})["x"] for case in range(400)]
    assert sum(one.verdict == "distinguished" for one in told) / 400 == pytest.approx(LEVEL, abs=0.025)
    covered = sum(one.interval is not None and one.interval[0] <= 0.0 <= one.interval[1] for one in told)
    assert covered / 400 == pytest.approx(0.95, abs=0.03)


def test_paths_that_cancel_out_are_no_finding() -> None:
    each = {Pair(path, seed): sign * (1.0 + seed) for path, sign in (("a", 1.0), ("b", -1.0)) for seed in range(8)}
    one = findings({"x": each})["x"]
    assert (one.mean, one.p, one.verdict, one.interval) == (0.0, 1.0, "not distinguished", (0.0, 0.0))


# -- formulas --


@pytest.mark.parametrize(("free", "value"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (5, 2.5706), (9, 2.2622), (30, 2.0423), (120, 1.9799)])
def test_quantiles_of_students_t_are_those_of_the_tables(free: int, value: float) -> None:
    assert student_quantile(0.975, free) == pytest.approx(value, abs=5e-5)


def test_effect_size_is_hedges_g() -> None:
    """Hedges (1981): the exact correction with 2, 10 and 50 degrees of freedom is 0.5642, 0.9228 and 0.9849."""
    for free, factor in ((2, 0.5642), (10, 0.9228), (50, 0.9849)):
        values = np.arange(free + 1) + 1.0
        assert effect_size(values.tolist()) == pytest.approx(factor * values.mean() / values.std(ddof=1), rel=1e-4)
    assert effect_size([-3.0, -2.0, -4.0]) == pytest.approx(-3.0 * 0.5642, rel=1e-4)


def test_six_is_the_least() -> None:
    assert LEAST_SEEDS == 6 and 2 / 2**LEAST_SEEDS < LEVEL < 2 / 2 ** (LEAST_SEEDS - 1)
    for pairs in range(1, 9):
        assert found(*np.linspace(1.0, 1.1, pairs)).p == 2 / 2**pairs


# -- cases --


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([2.0] * 6, "distinguished"),
        ([-1.0, -2.0, -1.5, -1.2, -1.1, -1.3], "distinguished"),
        ([2.0] * 5, "too few seeds"),
        ([2.0], "too few seeds"),
        ([1.0, 2.0, 3.0, 4.0, 5.0, -6.0], "not distinguished"),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 0.0], "not distinguished"),
        ([0, 0, 0, 0, 0, 1], "not distinguished"),  # counts
        ([3, 2, 4, 3, 3, 5], "distinguished"),
        ([0.0], "equal"),
        ([0.0] * 20, "equal"),
        ([1.0, 1.0, None, 1.0, 1.0, 1.0, 1.0], "undefined"),
        ([None], "undefined"),
        ([], "undefined"),
    ],
)
def test_verdicts(values: Sequence[float | None], verdict: str) -> None:
    assert found(*values).verdict == verdict


def test_a_difference_without_variance_has_no_standard_to_measure_it_by() -> None:
    assert found(*[2.0] * 8) == (8, 2.0, 2.0, (2.0, 2.0), None, 2 / 2**8, "distinguished")


def test_what_is_undefined_somewhere_says_what_the_rest_is_and_no_more() -> None:
    assert found(1.0, None, 3.0) == (2, 2.0, 2.0, None, None, None, "undefined")


@pytest.mark.parametrize(("paths", "seeds", "is_enough"), [(6, 1, False), (4, 2, False), (9, 5, False), (1, 6, True), (3, 6, True)])
def test_six_seeds_are_the_least_however_many_paths(paths: int, seeds: int, is_enough: bool) -> None:
    each = {Pair(str(path), seed): 1.0 + 0.1 * path + 0.01 * seed for path in range(paths) for seed in range(seeds)}
    one = findings({"x": each})["x"]
    assert (one.interval is not None, one.verdict) == (is_enough, "distinguished" if is_enough else "too few seeds")


def test_pairs_that_were_left_out_are_no_differences_of_zero() -> None:
    """One design lacks half of the pairs: it has too few, and the other, with all of them, is as if it were alone."""
    whole = {Pair("", seed): 5.0 + seed / 10 for seed in range(8)}
    part = {pair: value for pair, value in whole.items() if pair.seed < 4}
    told = findings({"whole": whole, "part": part})
    assert (told["part"].pairs, told["part"].mean, told["part"].verdict) == (4, pytest.approx(5.15), "too few seeds")
    assert told["whole"] == findings({"whole": whole})["whole"]


def test_answers_do_not_depend_on_order_or_scale() -> None:
    columns = zip("abc", correlated(3, 16, 3).T.tolist())
    each = {name: {Pair("", seed): value for seed, value in enumerate(column)} for name, column in columns}
    turned = {name: dict(reversed(column.items())) for name, column in reversed(each.items())}
    assert findings(turned) == findings(each)
    scaled = findings({name: {pair: 1024.0 * value for pair, value in column.items()} for name, column in each.items()})
    for name, one in findings(each).items():
        assert (scaled[name].p, scaled[name].effect) == (one.p, pytest.approx(one.effect))
        assert one.interval is not None and scaled[name].interval == pytest.approx(tuple(1024.0 * end for end in one.interval))
