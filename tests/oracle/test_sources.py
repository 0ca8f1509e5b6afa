"""Sources: each fault alone, their order, and the aggregates."""

import math
import random
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perplab.oracle.paths import Diffusion, Grid, PricePath, gbm
from perplab.oracle.sources import AGGREGATES, Source, median, weighted_median
from perplab.oracle.values import SourceError

SECOND = 10**9
PATH = gbm(Grid(0, SECOND, 600), 100.0, Diffusion(0.0, 5.0), seed=1)
TIMES = SECOND * np.arange(600)
WINDOW = (100 * SECOND, 200 * SECOND)
IN_WINDOW = slice(100, 200)
OUTSIDE = [index for index in range(600) if not 100 <= index < 200]


# Faults ---------------------------------------------------------------------------------------------------------------


def test_a_perfect_source_reports_the_true_price() -> None:
    assert Source("a").reports(PATH, TIMES, seed=1).tolist() == PATH.prices.tolist()


def test_reports_between_grid_points_are_the_last_point() -> None:
    assert Source("a").reports(PATH, np.array([1_999_999_999]), seed=1)[0] == PATH.prices[1]


def test_bias() -> None:
    assert Source("a", bias_bp=-50.0).reports(PATH, TIMES, seed=1) == pytest.approx(PATH.prices * 0.995)


def test_noise_is_normal_with_the_stated_deviation() -> None:
    still = PricePath(0, SECOND, np.full(20_000, 100.0))
    reports = Source("a", noise_bp=10.0).reports(still, SECOND * np.arange(20_000), seed=1)
    assert reports.std() == pytest.approx(0.1, rel=0.03)
    assert reports.mean() == pytest.approx(100.0, abs=0.003)
    assert np.mean(np.abs(reports - 100.0) < 0.1) == pytest.approx(0.683, abs=0.02)


@given(st.integers(0, 2**64), st.integers(0, 600))
def test_noise_is_a_function_of_seed_and_name(seed: int, count: int) -> None:
    noisy = Source("a", noise_bp=5.0)
    reports = noisy.reports(PATH, TIMES, seed)
    assert noisy.reports(PATH, TIMES[:count], seed).tolist() == reports.tolist()[:count]
    assert Source("b", noise_bp=5.0).reports(PATH, TIMES, seed).tolist() != reports.tolist()
    assert noisy.reports(PATH, TIMES, seed + 1).tolist() != reports.tolist()


def test_an_outage_reports_nothing() -> None:
    reports = Source("a", outages=(WINDOW,)).reports(PATH, TIMES, seed=1)
    assert np.isnan(reports[IN_WINDOW]).all()
    assert reports[OUTSIDE].tolist() == PATH.prices[OUTSIDE].tolist()


def test_a_stuck_source_repeats_the_value_at_the_start() -> None:
    reports = Source("a", stuck=(WINDOW,)).reports(PATH, TIMES, seed=1)
    assert set(reports[IN_WINDOW].tolist()) == {PATH.prices[100]}
    assert reports[OUTSIDE].tolist() == PATH.prices[OUTSIDE].tolist()


def test_the_stuck_value_does_not_depend_on_when_it_is_asked() -> None:
    noisy = Source("a", noise_bp=5.0, stuck=(WINDOW,))
    whole = noisy.reports(PATH, TIMES, seed=1)[IN_WINDOW]
    assert set(noisy.reports(PATH, TIMES[150:160], seed=1).tolist()) == set(whole.tolist())
    assert whole[0] != PATH.prices[100]


def test_each_time_a_source_sticks_it_does_so_with_another_error() -> None:
    still = PricePath(0, SECOND, np.array([100.0]))
    twice = Source("a", noise_bp=5.0, stuck=((0, 100 * SECOND), (100 * SECOND, 200 * SECOND)))
    reports = twice.reports(still, TIMES, seed=1)
    assert set(reports[:100].tolist()) != set(reports[100:200].tolist())


def test_a_manipulated_source_is_off_by_the_offset() -> None:
    reports = Source("a", manipulated=((*WINDOW, -5_000.0),)).reports(PATH, TIMES, seed=1)
    assert reports[IN_WINDOW] == pytest.approx(PATH.prices[IN_WINDOW] / 2)
    assert reports[OUTSIDE].tolist() == PATH.prices[OUTSIDE].tolist()


def test_a_ramp_goes_there_in_a_straight_line_and_stays() -> None:
    start, end = WINDOW
    reports = Source("a", manipulated=((start, end, -5_000.0, 40 * SECOND),)).reports(PATH, TIMES, seed=1)
    share = np.clip((TIMES[IN_WINDOW] - start) / (40 * SECOND), 0.0, 1.0)
    assert reports[IN_WINDOW] == pytest.approx(PATH.prices[IN_WINDOW] * (1.0 - 0.5 * share))
    assert reports[OUTSIDE].tolist() == PATH.prices[OUTSIDE].tolist()


def test_faults_apply_in_the_stated_order() -> None:
    source = Source(
        "a",
        bias_bp=100.0,
        manipulated=((50 * SECOND, 101 * SECOND, 1_000.0),),
        stuck=(WINDOW,),
        outages=((190 * SECOND, 210 * SECOND),),
    )
    reports = source.reports(PATH, TIMES, seed=1)
    assert reports[60] == pytest.approx(PATH.prices[60] * 1.01 * 1.1)
    assert reports[100:190] == pytest.approx(PATH.prices[100] * 1.01 * 1.1)  # stuck at the manipulated value
    assert np.isnan(reports[190:210]).all()
    assert reports[210] == pytest.approx(PATH.prices[210] * 1.01)


@given(st.floats(0, 1_000), st.floats(-9_999, 1e6), st.floats(-9_999, 1e6), st.integers(0, 2**32))
def test_every_report_is_positive(noise: float, bias: float, offset: float, seed: int) -> None:
    source = Source("a", noise_bp=noise, bias_bp=bias, manipulated=((*WINDOW, offset),))
    assert (source.reports(PATH, TIMES, seed) > 0.0).all()


def test_lists_are_taken_and_sorted() -> None:
    source = Source("a", outages=[[20, 30], [0, 10]], manipulated=[[5, 9, 3]])  # type: ignore[arg-type]
    assert source.outages == ((0, 10), (20, 30))
    assert source == Source("a", outages=((0, 10), (20, 30)), manipulated=((5, 9, 3.0),))
    assert hash(source)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"name": ""}, "name: '' given, expected a text that is not empty"),
        ({"weight": 0.0}, "source 'a': weight: 0.0 given, expected a number from 1e-09"),
        ({"weight": "2"}, "source 'a': weight: '2' given"),
        ({"noise_bp": -1.0}, "source 'a': noise_bp: -1.0 given, expected a number from 0 to 1000"),
        ({"noise_bp": 1_001.0}, "noise_bp: 1001.0 given"),
        ({"bias_bp": -10_000.0}, "bias_bp: -10000.0 given, expected a number from -9999"),
        ({"outages": 3}, "source 'a': outages: 3 given, expected a list of windows"),
        ({"outages": ((1,),)}, r"source 'a': outages\[0\]: \(1,\) given, expected \(from_ns, to_ns\)"),
        ({"outages": ((5, 5),)}, r"outages\[0\] to_ns: 5 given, expected a whole number from 6"),
        ({"outages": ((-1, 5),)}, r"outages\[0\] from_ns: -1 given"),
        ({"stuck": ((0, 5), (9, 12), (4, 6))}, r"stuck: \(4, 6\) overlaps \(0, 5\)"),
        ({"manipulated": ((0, 5),)}, r"manipulated\[0\]: \(0, 5\) given, expected \(from_ns, to_ns, offset_bp\)"),
        ({"manipulated": ((0, 5, -10_000),)}, r"manipulated\[0\] offset_bp: -10000 given"),
        ({"manipulated": ((0, 5, 1.0, 0),)}, r"manipulated\[0\] ramp_ns: 0 given, expected a whole number from 1"),
        ({"manipulated": ((0, 5, 1.0, 2, 3),)}, r"expected \(from_ns, to_ns, offset_bp\) or \(from_ns, to_ns, offset_bp, ramp_ns\)"),
        ({"manipulated": ("abc",)}, r"manipulated\[0\] from_ns: 'a' given"),
    ],
)
def test_wrong_sources_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        Source(**{"name": "a", **parameters})  # type: ignore[arg-type]


# Aggregates -----------------------------------------------------------------------------------------------------------

VALUE = st.one_of(st.just(math.nan), st.floats(1.0, 1e6), st.sampled_from([1.0, 2.0, 3.0]))


@st.composite
def tables(draw: st.DrawFn) -> list[list[float]]:
    times = draw(st.integers(1, 4))
    row = st.lists(VALUE, min_size=times, max_size=times)
    return draw(st.lists(row, min_size=1, max_size=8))


@given(tables())
def test_median_is_that_of_those_who_report(table: list[list[float]]) -> None:
    result = median(np.array(table))
    for column, middle in zip(zip(*table, strict=True), result.tolist(), strict=True):
        reporting = [value for value in column if not math.isnan(value)]
        if reporting:
            assert middle == pytest.approx(float(np.median(reporting)), rel=1e-15)
        else:
            assert math.isnan(middle)


@given(st.lists(st.tuples(st.floats(1.0, 1e6), st.integers(1, 5)), min_size=1, max_size=8))
def test_a_weight_is_that_many_sources(pairs: list[tuple[float, int]]) -> None:
    values = np.array([[value] for value, _ in pairs])
    repeated = np.array([[value] for value, weight in pairs for _ in range(weight)])
    assert weighted_median(values, [float(weight) for _, weight in pairs]).tolist() == median(repeated).tolist()


@given(st.lists(st.tuples(st.floats(1.0, 1e6), st.floats(1e-3, 1e3)), min_size=1, max_size=8))
def test_half_of_the_weight_lies_on_each_side(pairs: list[tuple[float, float]]) -> None:
    middle = weighted_median(np.array([[value] for value, _ in pairs]), [weight for _, weight in pairs])[0]
    total = sum(Fraction(weight) for _, weight in pairs)
    slack = total * Fraction(1, 10**12)
    assert sum(Fraction(weight) for value, weight in pairs if value < middle) <= total / 2 + slack
    assert sum(Fraction(weight) for value, weight in pairs if value > middle) <= total / 2 + slack


@given(
    st.lists(st.tuples(VALUE, st.sampled_from([0.1, 0.2, 0.3, 0.7, 1e-9, 1e9])), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_the_order_of_reports_changes_no_median(pairs: list[tuple[float, float]], random: random.Random) -> None:
    """To the last bit: 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1, where several report the same."""
    mixed = random.sample(pairs, len(pairs))
    one, other = (weighted_median(np.array([[value] for value, _ in of]), [w for _, w in of]) for of in (pairs, mixed))
    assert one.tobytes() == other.tobytes()


def test_equal_reports_are_added_up_in_one_order() -> None:
    """As given, 0.1 + 0.2 + 0.3 and 0.1 + 0.5 are each half of the whole, or not quite, depending on who comes first."""
    pairs = [(1.0, 0.1), (1.0, 0.2), (1.0, 0.3), (2.0, 0.1), (2.0, 0.5)]
    for mixed in permutations(pairs):
        assert weighted_median(np.array([[value] for value, _ in mixed]), [weight for _, weight in mixed]).tolist() == [1.5]


def test_examples_of_the_weighted_median() -> None:
    prices = np.array([[100.0], [101.0], [102.0], [103.0]])
    assert weighted_median(prices, [3.0, 2.0, 2.0, 1.0]).tolist() == [101.0]
    assert weighted_median(prices, [4.0, 2.0, 1.0, 1.0]).tolist() == [100.5]  # the first alone is exactly half
    assert weighted_median(prices, [9.0, 2.0, 1.0, 1.0]).tolist() == [100.0]
    assert weighted_median(prices).tolist() == median(prices).tolist() == [101.5]


def test_the_weight_of_an_outage_does_not_count() -> None:
    prices = np.array([[math.nan, 100.0, math.nan], [101.0, 101.0, math.nan], [103.0, 103.0, math.nan]])
    result = weighted_median(prices, [9.0, 1.0, 1.0])
    assert result[:2].tolist() == [102.0, 100.0] and math.isnan(result[2])


def test_one_manipulated_source_of_three_moves_the_median_only_to_its_neighbor() -> None:
    sources = [Source("a"), Source("b", bias_bp=5.0), Source("c", manipulated=((*WINDOW, 50_000.0),))]
    table = np.stack([source.reports(PATH, TIMES, seed=1) for source in sources])
    assert median(table)[IN_WINDOW] == pytest.approx(PATH.prices[IN_WINDOW] * 1.0005)


def test_aggregates_are_called_alike() -> None:
    table = np.array([[1.0], [2.0], [9.0]])
    results = {name: rule(table, [1.0, 1.0, 5.0]).tolist() for name, rule in AGGREGATES.items()}
    assert results == {"median": [2.0], "weighted_median": [9.0]}


@pytest.mark.parametrize(
    ("table", "weights", "message"),
    [
        ([1.0], None, r"reports: shape \(1,\) given, expected \(n_sources, n_times\)"),
        (np.empty((0, 3)), None, r"reports: shape \(0, 3\) given"),
        ([[1.0]], [1.0, 2.0], "weights: 2 given, expected one per source, 1"),
        ([[1.0]], [0.0], "weights: 0.0 given"),
        ([[1.0]], [math.nan], "weights: nan given"),
    ],
)
def test_wrong_tables_are_refused(table: object, weights: list[float] | None, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        weighted_median(np.array(table), weights)
