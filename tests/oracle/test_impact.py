"""Market impact: the square-root law with its stated factor, decay to the permanent share, symmetry, bounds."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perplab.oracle.impact import Propagator, decay_times, weights
from perplab.oracle.values import PathError

Y, SIGMA, VOLUME, PERMANENT = 0.9, 0.035, 38e9, 0.33


def propagator(permanent: float = PERMANENT) -> Propagator:
    return Propagator(Y, SIGMA, VOLUME, permanent, 0.25, 262_144.0)


def law(usd: float) -> float:
    """The square-root law. [ln]"""
    return Y * SIGMA * math.sqrt(usd) / math.sqrt(VOLUME)  # roots first: a tiny amount over the volume would be 0


def played(flow: list[float], permanent: float = PERMANENT) -> list[float]:
    model = propagator(permanent)
    return [model.step(usd) for usd in flow]


@pytest.mark.parametrize("seconds", [1, 2, 10, 60, 600, 3600])
@pytest.mark.parametrize("usd", [1e4, 1e6, 1e9])
def test_a_metaorder_follows_the_square_root_law_whatever_its_duration(usd: float, seconds: int) -> None:
    assert played([usd / seconds] * seconds)[-1] == pytest.approx(law(usd), rel=0.005)


def test_the_law_holds_on_the_way_too() -> None:
    impact = played([1e6] * 1800)
    expected = [law(1e6 * (second + 1)) for second in range(1800)]
    np.testing.assert_allclose(impact, expected, rtol=0.005)


def test_it_decays_to_the_permanent_share() -> None:
    impact = played([1e7] * 60 + [0.0] * 150_000)
    peak, after = impact[59], impact[60:]
    assert all(a > b for a, b in pairwise(after))
    minute = math.sqrt(2.0) - 1.0  # of the transient part, a minute after a metaorder of a minute: sqrt(120) - sqrt(60) over sqrt(60)
    assert after[59] / peak == pytest.approx(PERMANENT + (1.0 - PERMANENT) * minute, rel=0.005)
    assert after[-1] / peak == pytest.approx(PERMANENT, rel=0.02)


def test_buying_and_selling_the_same_leaves_what_theory_says() -> None:
    """Nothing of the permanent part; of the transient one sqrt(2T) - 2 sqrt(T) over sqrt(T), which decays to nothing."""
    seconds = 600
    impact = played([1e6] * seconds + [-1e6] * seconds + [0.0] * 100_000)
    assert impact[2 * seconds - 1] == pytest.approx((1.0 - PERMANENT) * law(1e6 * seconds) * (math.sqrt(2.0) - 2.0), rel=0.01)
    assert abs(impact[-1]) < 0.01 * law(1e6 * seconds)
    alone = played([1e6] * seconds + [-1e6] * seconds, permanent=1.0)
    assert alone[-1] == 0.0


def test_a_round_trip_gains_nothing() -> None:
    """Bought fast and sold slowly, or the reverse: what is paid at the moved price is never less than what is received."""
    for up, down in ((10, 1000), (1000, 10), (60, 60), (1, 300)):
        flow = [6e8 / up] * up + [-6e8 / down] * down
        before = [0.0, *played(flow)]
        paid = sum(usd * (a + b) / 2.0 for usd, a, b in zip(flow, before, before[1:], strict=False))
        assert paid >= 0.0, (up, down)


@example([5e-324])
@given(st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), min_size=1, max_size=200))
def test_mirrored_bounded_and_nothing_of_nothing(flow: list[float]) -> None:
    impact = played(flow)
    assert played([-usd for usd in flow]) == [-value for value in impact]
    gross = np.cumsum(np.abs(flow))
    bound = np.array([law(usd) for usd in gross.tolist()]) * (PERMANENT + 1.8 * (1.0 - PERMANENT))
    assert (np.abs(impact) <= bound * (1.0 + 1e-9)).all()
    assert played([0.0] * 5) == [0.0] * 5


@pytest.mark.parametrize(("shortest", "longest"), [(0.25, 262_144.0), (1.0, 86_400.0), (0.5, 1_000_000.0)])
def test_exponentials_make_the_power_law_with_the_stated_error(shortest: float, longest: float) -> None:
    times = decay_times(shortest, longest)
    assert (times[0], times[-1]) == (pytest.approx(shortest), pytest.approx(longest))
    assert (times[1:] / times[:-1]).max() <= 4.0 * (1.0 + 1e-9)
    for until in np.geomspace(4.0 * shortest, longest / 12.0, 40).tolist():
        summed = float((weights(times) * times * (1.0 - np.exp(-until / times))).sum())
        assert summed == pytest.approx(2.0 * math.sqrt(until), rel=0.005)


def test_the_bound_s_constant() -> None:
    times = decay_times(0.25, 262_144.0)
    seconds = np.arange(7200)[:, None]
    each = (weights(times) * times * (1.0 - np.exp(-1.0 / times)) * np.exp(-seconds / times)).sum(axis=1)
    assert math.sqrt(float((each**2).sum())) / 2.0 < 1.8


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((-1.0, 0.03, 1e9, 0.5, 1.0, 100.0), "y: -1.0 given"),
        ((1.0, 0.0, 1e9, 0.5, 1.0, 100.0), "daily_volatility: 0.0 given"),
        ((1.0, 0.03, 0.0, 0.5, 1.0, 100.0), "daily_volume_usd: 0.0 given"),
        ((1.0, 0.03, 1e9, 1.5, 1.0, 100.0), "permanent: 1.5 given"),
        ((1.0, 0.03, 1e9, 0.5, 1.0, 1.5), "longest_s: 1.5 given"),
    ],
)
def test_what_is_out_of_range(values: tuple[float, float, float, float, float, float], said: str) -> None:
    with pytest.raises(PathError, match=said):
        Propagator(*values)
