"""The true price: synthetic paths, paths through bars."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perplab.oracle.bars import Bars
from perplab.oracle.paths import Diffusion, Grid, Jumps, PathError, PricePath, continued, gbm, jump_diffusion, waypoints

SECOND = 10**9
STEP = SECOND // 10
MINUTE = 60 * SECOND
HOUR = Grid(0, STEP, 36_000)
NORMAL = Diffusion(drift=0.0, volatility=0.6)

PRICE = st.floats(0.01, 1e6)


@st.composite
def bar_rows(draw: st.DrawFn) -> list[tuple[float, float, float, float]]:
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        prices = draw(st.lists(PRICE, min_size=4, max_size=4))
        low, high = min(prices), max(prices)
        opened = draw(st.sampled_from([*prices, low, high]))
        rows.append((opened, high, low, draw(st.sampled_from([*prices, low, high]))))
    return rows


def one_bar(*prices: float) -> Bars:
    return Bars.of([prices], 0, MINUTE, "test")


# PricePath ------------------------------------------------------------------------------------------------------------


def test_price_holds_until_the_next_point() -> None:
    path = PricePath(1_000, 10, np.array([5.0, 6.0, 7.0]))
    assert path.end_ns == 1_020
    times = [0, 1_000, 1_009, 1_010, 1_019, 1_020, 1_029, 10**18]
    assert [path.price_at(ts) for ts in times] == [5.0, 5.0, 5.0, 6.0, 6.0, 7.0, 7.0, 7.0]
    assert path.at(np.array(times)).tolist() == [path.price_at(ts) for ts in times]
    assert path.at(np.array([], dtype=np.int64)).tolist() == []


@given(st.lists(PRICE, min_size=1, max_size=9), st.integers(0, 100), st.integers(1, 9), st.integers(0, 300))
def test_at_equals_price_at(prices: list[float], start: int, step: int, ts: int) -> None:
    path = PricePath(start, step, np.array(prices))
    assert path.at(np.array([ts]))[0] == path.price_at(ts)
    points = range(start, path.end_ns + 1, step)
    known = [price for point, price in zip(points, prices, strict=True) if point <= ts]
    assert path.price_at(ts) == (known[-1] if known else prices[0])


def test_a_path_never_changes() -> None:
    prices = np.array([1.0, 2.0])
    path = PricePath(0, 1, prices)
    prices[0] = 9.0
    assert path.prices[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        path.prices[0] = 3.0


@pytest.mark.parametrize(
    ("start", "step", "prices", "message"),
    [
        (-1, 1, [1.0], r"start_ns: -1 given, expected a whole number from 0"),
        (0, 0, [1.0], r"step_ns: 0 given, expected a whole number from 1"),
        (0, 1.5, [1.0], r"step_ns: 1.5 given"),
        (True, 1, [1.0], r"start_ns: True given"),
        (0, 2**62, [1.0, 1.0], r"step_ns: 4611686018427387904 given"),
        (0, 1, [], r"prices: shape \(0,\) given, expected \(n,\) with n >= 1"),
        (0, 1, [[1.0]], r"prices: shape \(1, 1\) given"),
        (0, 1, [1.0, math.nan], r"prices\[1\]: nan given, expected a price from"),
        (0, 1, [1.0, 1.0, 0.0], r"prices\[2\]: 0.0 given"),
        (0, 1, [math.inf], r"prices\[0\]: inf given"),
        (0, 1, ["a"], r"prices: \['a'\] given, expected an array of numbers"),
    ],
)
def test_wrong_paths_are_refused(start: int, step: int, prices: list[float], message: str) -> None:
    with pytest.raises(PathError, match=message):
        PricePath(start, step, prices)  # type: ignore[arg-type]


@pytest.mark.parametrize("times", [[-1], [2**62], [[1]], [1.5], ["a"]])
def test_wrong_times_are_refused(times: list[object]) -> None:
    with pytest.raises(PathError, match="ts_ns"):
        PricePath(0, 1, np.array([1.0])).at(np.array(times))


# Synthetic paths ------------------------------------------------------------------------------------------------------


def test_no_volatility_is_a_still_price() -> None:
    still = Diffusion(0.0, 0.0)
    assert set(gbm(HOUR, 100.0, still, seed=1).prices.tolist()) == {100.0}
    assert set(jump_diffusion(HOUR, 100.0, still, Jumps(0.0, 0.1, 0.1), seed=1).prices.tolist()) == {100.0}


def test_drift_alone_is_exact_growth() -> None:
    year = Grid(0, 24 * 60 * MINUTE, 366)
    assert gbm(year, 100.0, Diffusion(0.5, 0.0), seed=1).prices[-1] == pytest.approx(100.0 * math.exp(0.5))


@given(st.integers(0, 2**64), st.integers(1, 50), st.integers(0, 50))
def test_same_seed_same_path_and_longer_grids_extend_it(seed: int, points: int, more: int) -> None:
    jumps = Jumps(100.0, -0.01, 0.02)
    short, long = Grid(0, SECOND, points), Grid(0, SECOND, points + more)
    assert gbm(short, 100.0, NORMAL, seed).prices.tolist() == gbm(long, 100.0, NORMAL, seed).prices.tolist()[:points]
    one = jump_diffusion(short, 100.0, NORMAL, jumps, seed).prices
    assert one.tolist() == jump_diffusion(long, 100.0, NORMAL, jumps, seed).prices.tolist()[:points]
    assert one[0] == 100.0


def test_seeds_differ() -> None:
    assert gbm(HOUR, 100.0, NORMAL, 1).prices[-1] != gbm(HOUR, 100.0, NORMAL, 2).prices[-1]


def test_no_jumps_is_gbm() -> None:
    one = jump_diffusion(HOUR, 100.0, NORMAL, Jumps(0.0, -0.1, 0.1), seed=3)
    assert one.prices.tolist() == gbm(HOUR, 100.0, NORMAL, seed=3).prices.tolist()


def test_gbm_has_the_stated_volatility_and_drift() -> None:
    grid = Grid(0, 60 * MINUTE, 200_001)
    steps = np.diff(np.log(gbm(grid, 100.0, Diffusion(4.0, 3.0), seed=4).prices))
    per_year = 365 * 24
    assert steps.std() * math.sqrt(per_year) == pytest.approx(3.0, rel=0.01)
    assert steps.mean() * per_year == pytest.approx(4.0 - 3.0**2 / 2, abs=4 * 3.0 / math.sqrt(200_000 / per_year))


def test_jumps_have_the_stated_number_and_size() -> None:
    grid = Grid(0, SECOND, 360_001)  # 100 hours
    path = jump_diffusion(grid, 100.0, Diffusion(0.0, 0.0), Jumps(4.0, -0.05, 0.01), seed=5)
    steps = np.diff(np.log(path.prices))
    jumped = steps[np.abs(steps) > 1e-3]
    assert len(jumped) == pytest.approx(400, abs=80)
    assert jumped.mean() == pytest.approx(-0.05, abs=0.003)
    assert jumped.std() == pytest.approx(0.01, rel=0.2)


def test_jumps_leave_the_expected_price_alone() -> None:
    """Merton's compensator: the mean over many seeds stays at the first price."""
    grid, jumps = Grid(0, MINUTE, 61), Jumps(2.0, -0.1, 0.1)
    last = [jump_diffusion(grid, 100.0, Diffusion(0.0, 0.0), jumps, seed).prices[-1] for seed in range(2_000)]
    assert np.mean(last) == pytest.approx(100.0, abs=4 * np.std(last) / math.sqrt(2_000))


def test_the_law_is_that_of_any_step_length() -> None:
    ends = [
        [gbm(Grid(0, 24 * 60 * MINUTE // n, n + 1), 100.0, NORMAL, seed).prices[-1] for seed in range(600)]
        for n in (1, 24)
    ]
    coarse, fine = (np.std(np.log(end)) for end in ends)
    assert coarse == pytest.approx(0.6 / math.sqrt(365), rel=0.1) and fine == pytest.approx(coarse, rel=0.15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grid(0, 1, 0), "points: 0 given, expected a whole number from 1"),
        (lambda: Grid(0, 1, 10**9), "points: 1000000000 given"),
        (lambda: Grid(0, 2**60, 8), "step_ns: "),
        (lambda: Diffusion(math.nan, 0.1), "drift: nan given, expected a number from"),
        (lambda: Diffusion(0.0, -0.1), "volatility: -0.1 given"),
        (lambda: Diffusion(0.0, "0.1"), "volatility: '0.1' given"),  # type: ignore[arg-type]
        (lambda: Diffusion(10**400, 0.1), "drift: 1000"),
        (lambda: Jumps(-1.0, 0.0, 0.0), "per_hour: -1.0 given"),
        (lambda: Jumps(1.0, math.inf, 0.0), "mean: inf given"),
        (lambda: Jumps(1.0, 0.0, -0.1), "sd: -0.1 given"),
        (lambda: gbm(HOUR, 0.0, NORMAL, 1), "first_price: 0.0 given"),
        (lambda: gbm(HOUR, 100.0, Diffusion(1e6, 0.0), 1), r"prices\[\d+\]: .* given, expected a price"),
    ],
)
def test_wrong_parameters_are_refused(make: object, message: str) -> None:
    with pytest.raises(PathError, match=message):
        make()  # type: ignore[operator]


# Paths through bars ---------------------------------------------------------------------------------------------------


@given(bar_rows(), st.sampled_from([4, 5, 6, 60, 600]), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 1.0, 7.0]))
def test_each_bar_of_the_path_is_the_bar(
    rows: list[tuple[float, float, float, float]], points: int, seed: int, noise: float
) -> None:
    bars = Bars.of(rows, 5 * MINUTE, MINUTE, "test")
    path = waypoints(bars, MINUTE // points, seed, noise)
    assert (path.start_ns, path.end_ns) == (5 * MINUTE, bars.end_ns - MINUTE // points)
    for (opened, high, low, closed), inside in zip(rows, path.prices.reshape(-1, points), strict=True):
        assert (inside[0], inside.max(), inside.min(), inside[-1]) == (opened, high, low, closed)


@given(bar_rows(), st.integers(0, 2**32))
def test_a_path_is_its_seed_and_bars(rows: list[tuple[float, float, float, float]], seed: int) -> None:
    bars = Bars.of(rows, 0, MINUTE, "test")
    path = waypoints(bars, SECOND, seed)
    assert path.prices.tolist() == waypoints(bars, SECOND, seed).prices.tolist()
    last = bars.window(bars.end_ns - MINUTE, bars.end_ns)
    assert waypoints(last, SECOND, seed).prices.tolist() == path.prices.tolist()[-60:]


def test_a_down_bar_sees_its_high_first() -> None:
    for seed in range(50):
        down = waypoints(one_bar(100.0, 103.0, 90.0, 95.0), STEP, seed).prices
        up = waypoints(one_bar(95.0, 103.0, 90.0, 100.0), STEP, seed).prices
        even = waypoints(one_bar(95.0, 103.0, 90.0, 95.0), STEP, seed).prices
        assert down.argmax() < down.argmin()
        assert up.argmin() < up.argmax()
        assert even.argmin() < even.argmax()


def test_without_noise_the_path_is_straight_lines() -> None:
    path = waypoints(one_bar(100.0, 110.0, 80.0, 90.0), STEP, seed=1, noise=0.0).prices
    bends = np.flatnonzero(np.abs(np.diff(path, 2)) > 1e-9) + 1
    assert bends.tolist() == [path.argmax(), path.argmin()]


def test_an_extreme_at_the_open_or_close_is_not_sought_again() -> None:
    path = waypoints(one_bar(100.0, 100.0, 90.0, 90.0), STEP, seed=1, noise=0.0).prices
    assert path == pytest.approx(np.linspace(100.0, 90.0, 600))


def test_the_shortest_bar_is_its_four_prices() -> None:
    assert waypoints(one_bar(100.0, 110.0, 80.0, 90.0), MINUTE // 4, seed=1).prices.tolist() == [100, 110, 80, 90]


def test_noise_has_the_stated_volatility() -> None:
    """The summed squared steps of a bar are its Parkinson variance, (high - low)^2 / (4 ln 2), on average."""
    table = [(100.0, 105.0, 95.0, 100.5)] * 50
    path = waypoints(Bars.of(table, 0, MINUTE, "test"), STEP, seed=1).prices.reshape(50, 600)
    variance = (np.diff(path, axis=1) ** 2).sum(axis=1).mean()
    assert variance == pytest.approx(10.0**2 / (4 * math.log(2)), rel=0.1)


def test_seeds_give_different_noise_and_times_too() -> None:
    bars = Bars.of([(100.0, 105.0, 95.0, 101.0)] * 2, 0, MINUTE, "test")
    first, second = waypoints(bars, STEP, seed=1).prices.reshape(2, 600)
    assert first.tolist() != second.tolist()
    assert first.tolist() != waypoints(bars, STEP, seed=2).prices[:600].tolist()


@pytest.mark.parametrize(
    ("step", "noise", "message"),
    [
        (MINUTE // 3, 1.0, "step_ns: 20000000000 given, expected a whole number from 1 to 15000000000"),
        (7 * SECOND, 1.0, "step_ns: 7000000000 given, expected a divisor of the bar length, 60000000000 ns"),
        (0, 1.0, "step_ns: 0 given"),
        (100, 1.0, "points of 1 bars at step_ns 100: 600000000 given"),
        (STEP, -0.1, "noise: -0.1 given, expected a number from 0 to 100"),
        (STEP, math.nan, "noise: nan given"),
    ],
)
def test_wrong_waypoints_are_refused(step: int, noise: float, message: str) -> None:
    with pytest.raises(PathError, match=message):
        waypoints(one_bar(1.0, 1.0, 1.0, 1.0), step, seed=1, noise=noise)


def test_bars_too_short_for_a_path_are_refused() -> None:
    with pytest.raises(PathError, match="bar_ns: 3 given, expected at least 4 ns"):
        waypoints(Bars.of([(1.0, 1.0, 1.0, 1.0)], 0, 3, "test"), 1, seed=1)


# continued ------------------------------------------------------------------------------------------------------------


def test_a_path_goes_on_through_its_knots() -> None:
    before = gbm(Grid(0, SECOND // 10, 100), 50.0, Diffusion(0.0, 0.5), 1)
    knots = [(10, 45.0), (400, 60.0)]
    made = continued(before, knots, 5e-4, 7)
    assert made.prices.size == 500
    np.testing.assert_array_equal(made.prices[:100], before.prices)
    for steps, price in knots:
        assert made.prices[99 + steps] == pytest.approx(price)
    straight = continued(before, knots, 0.0, 7).prices
    np.testing.assert_allclose(np.diff(np.log(straight[109:])), np.log(60.0 / 45.0) / 390)
    np.testing.assert_array_equal(continued(before, knots, 5e-4, 7).prices, made.prices)
    assert not np.array_equal(continued(before, knots, 5e-4, 8).prices, made.prices)


@pytest.mark.parametrize("knots", [[], [(0, 50.0)], [(5, 50.0), (5, 51.0)], [(5, 0.0)]])
def test_knots_that_are_none(knots: list[tuple[int, float]]) -> None:
    with pytest.raises(PathError, match="knots"):
        continued(gbm(Grid(0, SECOND, 5), 50.0, Diffusion(0.0, 0.5), 1), knots, 0.0, 1)
