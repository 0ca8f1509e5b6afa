"""Probabilities of liquidation: closed form against simulation, limits that are known, and leverages that keep a bound."""

from __future__ import annotations

import math
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from terms import BTC, D

from perplab.clients.risk import Chance, Estimate, Gbm, Jumps, Replay, largest_leverage, liquidation_chance
from perplab.clients.survival import Model, first_passage, liquidation_at, log_normal_below

DAY, YEAR = 86_400.0, 365 * 86_400.0
LIQUIDATION = D(54_683)
STILL = Jumps(volatility=0.8, per_year=0, mean=0, deviation=0)
CRASHES = Jumps(volatility=0.6, per_year=100, mean=-0.05, deviation=0.05)


def asked(model: Model, stop: int | None = None, horizon_s: float = DAY) -> Chance:
    return Chance(model=model, horizon_s=horizon_s, stop=None if stop is None else D(stop))


# -- the closed form --


def test_first_passage_by_hand() -> None:
    """N((0.32 / 365 - 0.09279) / 0.041874) + exp(2 x 0.32 x 0.09279 / 0.64) N((-0.32 / 365 - 0.09279) / 0.041874)."""
    below, distance, s, moved = NormalDist().cdf, math.log(60_000 / 54_683), 0.8 / math.sqrt(365), 0.32 / 365
    expected = below((moved - distance) / s) + math.exp(2 * 0.32 * distance / 0.64) * below((-moved - distance) / s)
    told = liquidation_chance(60_000, LIQUIDATION, asked(Gbm(0.8)))
    assert told.probability == pytest.approx(expected, rel=1e-12) and round(told.probability, 4) == 0.0280
    assert told.at_most == told.probability and told.error == 0


def test_known_limits() -> None:
    assert first_passage(0.1, 0.5, 0.0, 1.0) == pytest.approx(2 * NormalDist().cdf(-0.2)), "without drift: twice the end's tail"
    assert first_passage(0.1, 0.5, -1.0, 1e9) == pytest.approx(math.exp(-2 * 0.1 / 0.25)), "for ever, against the drift"
    assert first_passage(0.1, 0.5, 5.0, 1e9) == 1 and first_passage(50.0, 0.1, 0.0, 1e-6) == 0
    assert first_passage(1.0, 0.001, -100.0, 1.0) == 0 and first_passage(1.0, 0.001, 100.0, 1.0) == 1, "no overflow"


@pytest.mark.parametrize("x", [-40.0, -31.0, -29.9, -5.0, 0.0, 5.0])
def test_the_tail_of_the_normal_distribution(x: float) -> None:
    """Against the integral from x down, of exp(-t^2 / 2), scaled so that nothing underflows."""
    t = np.linspace(0, 40, 400_001)
    heights = np.exp(x * t - t * t / 2 if x < 0 else -((x - t) ** 2) / 2)
    integral = float(((heights[1:] + heights[:-1]) / 2).sum() * (t[1] - t[0])) / math.sqrt(2 * math.pi)
    expected = math.log(integral) - (x * x / 2 if x < 0 else 0)
    assert log_normal_below(x) == pytest.approx(expected, abs=2e-6)


def walked(distance: float, volatility: float, towards: float, years: float) -> tuple[float, float]:
    """Mean and error of 4,000 fine walks, the barrier brought nearer by what steps miss (Broadie, Glasserman, Kou 1997)."""
    steps, paths = 1_000, 4_000
    dt = years / steps
    draw = np.random.default_rng(5)
    walks = np.cumsum(towards * dt + volatility * math.sqrt(dt) * draw.standard_normal((paths, steps)), axis=1)
    hit = (walks.max(axis=1) >= distance - 0.5826 * volatility * math.sqrt(dt)).mean()
    return float(hit), math.sqrt(hit * (1 - hit) / paths)


@pytest.mark.parametrize(
    ("distance", "volatility", "towards", "years"), [(0.05, 0.8, 0.32, 1 / 365), (0.3, 1.2, -2.0, 0.1), (0.2, 0.4, 1.0, 0.2)]
)
def test_the_closed_form_is_what_walks_do(distance: float, volatility: float, towards: float, years: float) -> None:
    mean, error = walked(distance, volatility, towards, years)
    assert abs(first_passage(distance, volatility, towards, years) - mean) < 4 * error + 0.002


# -- jumps --


@pytest.mark.parametrize("is_long", [True, False])
@pytest.mark.parametrize("drift", [-3.0, 0.0, 3.0])
def test_without_jumps_the_simulation_is_the_closed_form_within_its_error(is_long: bool, drift: float) -> None:
    """Also with jumps that do not move anything: paths in many pieces, each with its bridge."""
    liquidation = D(56_000) if is_long else D(64_000)
    exact = liquidation_chance(60_000, liquidation, asked(Gbm(0.8, drift)), is_long=is_long).probability
    for per_year in (0.0, 3_650.0):
        model = Jumps(volatility=0.8, per_year=per_year, mean=0, deviation=0, drift=drift)
        told = liquidation_chance(60_000, liquidation, asked(model), is_long=is_long)
        assert abs(told.probability - exact) < 4 * told.error and 0 < told.error < 0.003 and told.paths == 20_000


def test_a_stop_is_passed_by_jumps_alone() -> None:
    """At 100 jumps a year, few days have two: a jump from the entry or near it has to pass both, and moves between keep the stop far."""
    quiet = Jumps(volatility=1e-6, per_year=100, mean=-0.05, deviation=0.05, drift=0.0, paths=200_000)
    lift = 100 * math.expm1(-0.05 + 0.05**2 / 2) / 365  # what the drift is raised by over a day, since jumps are in it
    told = liquidation_chance(60_000, LIQUIDATION, asked(quiet, 58_200))
    below = NormalDist(-0.05, 0.05).cdf
    one = below(math.log(54_683 / 60_000) + lift / 2)  # the drift has done half of its work when the jump comes, on average
    rate = 100 / 365
    survives = 1 - below(math.log(58_200 / 60_000))
    low = (1 - math.exp(-rate)) * one
    high = low + rate**2 / 2 * survives  # after a jump that passes neither, a second one
    assert low - 5 * told.error - 0.003 < told.probability < high + 5 * told.error
    assert liquidation_chance(60_000, LIQUIDATION, asked(Gbm(0.8), 58_200)).probability == 0, "without jumps the stop is reached first"
    assert liquidation_chance(60_000, LIQUIDATION, asked(STILL, 58_200)).probability == 0, "and the same where it is simulated"
    assert liquidation_chance(60_000, LIQUIDATION, asked(Gbm(0.8), 50_000)) == liquidation_chance(60_000, LIQUIDATION, asked(Gbm(0.8)))


def test_the_expected_price_has_the_drift_jumps_included() -> None:
    """Jumps of -1 %, 1,000 a year: for E[S] to stand still the price rises in between by 9.95 a year in logs, 2.73 % in a day. So 3 % are
    out of reach, and 61,500 is reached where no jump comes on the way there: one would be too much."""
    model = Jumps(volatility=1e-6, per_year=1_000, mean=-0.01, deviation=0, drift=0.0)
    assert liquidation_chance(60_000, D(61_800), asked(model), is_long=False).probability == 0
    told = liquidation_chance(60_000, D(61_500), asked(model), is_long=False)
    assert abs(told.probability - math.exp(-math.log(61_500 / 60_000) / -math.expm1(-0.01))) < 4 * told.error


# -- replay --


def falling() -> Replay:
    """Flat, but for one bar of 100 that closes 10 % lower after a low of 20 %, and one that takes it back."""
    closes = [100.0] * 50 + [90.0] + [100.0] * 50
    lows = [100.0] * 50 + [80.0] + [90.0] + [100.0] * 49
    return Replay(closes=closes, worst=(lows, closes), step_s=60, block=1, paths=20_000)


def test_a_replay_by_hand() -> None:
    """Ten bars of 100, each drawn alone: the low is met unless none of the ten is that bar; closes alone fall by 10 % for each."""
    told = liquidation_chance(100, D(85), asked(falling(), horizon_s=600))
    assert abs(told.probability - (1 - 0.99**10)) < 4 * told.error + 0.01  # and what takes it back moves the ten away from it
    blind = Replay(closes=falling().closes, block=1, paths=50_000)
    assert liquidation_chance(100, D(85), asked(blind, horizon_s=600)).probability < 0.01
    stopped = liquidation_chance(100, D(85), asked(falling(), 95, horizon_s=600)).probability
    assert 0 <= told.probability - stopped < 0.001, "one bar passes both, unless what takes it back came first"
    assert liquidation_chance(100, D(79), asked(falling(), 95, horizon_s=600)).probability == 0, "stopped"


def test_a_replay_in_one_block_is_the_path_itself() -> None:
    """Every start is drawn: of 100 starts, those within 10 bars before the low see it."""
    model = Replay(closes=falling().closes, worst=falling().worst, step_s=60, paths=50_000)
    told = liquidation_chance(100, D(85), asked(model, horizon_s=600))
    assert abs(told.probability - 0.1) < 4 * told.error


# -- leverage --


@given(st.sampled_from([Gbm(0.8), STILL, CRASHES, falling()]), st.booleans(), st.booleans(), st.integers(1, 200))
def test_a_higher_leverage_is_never_the_safer_one(model: Model, is_long: bool, has_stop: bool, lots: int) -> None:
    stop = None if not has_stop else 58_000 if is_long else 62_000
    size = BTC.size(lots * 10**6) * (1 if is_long else -1)
    small = model if isinstance(model, Gbm) else type(model)(**{**{n: getattr(model, n) for n in model.__struct_fields__}, "paths": 300})
    chances = [
        liquidation_chance(60_000, liquidation_at(BTC, size, 60_000, leverage), asked(small, stop, 36_000), is_long=is_long).probability
        for leverage in (1, 2, 5, 10, 20, 30, 40)
    ]
    assert chances == sorted(chances) and chances[0] >= 0 and chances[-1] <= 1


@pytest.mark.parametrize("model", [Gbm(0.8), CRASHES, falling()])
@pytest.mark.parametrize("stop", [None, 58_200])
def test_the_largest_leverage_keeps_the_bound_and_one_more_does_not(model: Model, stop: int | None) -> None:
    chance = asked(model, stop, 600 if isinstance(model, Replay) else DAY)
    found = largest_leverage(BTC, D(1), 60_000, chance, 0.02)
    every = [liquidation_chance(60_000, liquidation_at(BTC, D(1), 60_000, one), chance).at_most for one in range(1, 41)]
    assert found.leverage == sum(one <= 0.02 for one in every)
    assert found.liquidation == (liquidation_at(BTC, D(1), 60_000, found.leverage) if found.leverage else None)
    assert found.chance is None or found.chance.at_most <= 0.02
    assert found.beyond is None or found.beyond.at_most > 0.02


def test_leverage_by_hand() -> None:
    """At 8x: margin 7,500, liquidation at 53,164, 0.41 % in a day; at 9x 1.26 %."""
    found = largest_leverage(BTC, D(1), 60_000, asked(Gbm(0.8)), 0.01)
    assert (found.leverage, found.liquidation) == (8, 53_164) and found.chance and found.beyond
    assert (round(found.chance.probability, 4), round(found.beyond.probability, 4)) == (0.0041, 0.0126)
    assert largest_leverage(BTC, D(1), 60_000, asked(Gbm(0.01)), 0.01).leverage == 40, "the market's largest"
    assert largest_leverage(BTC, D(-1), 60_000, asked(Gbm(5.0), horizon_s=YEAR), 0.01).leverage == 0, "a short has no safe one"
    tiers = largest_leverage(BTC, D(5_000), 60_000, asked(Gbm(0.3)), 0.01)  # 300 M USD: half of it needs 5 %
    assert liquidation_at(BTC, D(5_000), 60_000, 40) == liquidation_at(BTC, D(5_000), 60_000, 30), "margin is the tier's"
    assert tiers.leverage < largest_leverage(BTC, D(1), 60_000, asked(Gbm(0.3)), 0.01).leverage, "and so is maintenance"


def test_a_bound_is_kept_by_two_standard_errors() -> None:
    assert Estimate(0.1, 0.01, 20_000).at_most == pytest.approx(0.12) and Estimate(0.1).at_most == 0.1


def test_none_of_n_paths_is_no_certainty() -> None:
    model = Jumps(volatility=0.01, per_year=0, mean=0, deviation=0, paths=100)
    told = liquidation_chance(60_000, LIQUIDATION, asked(model))
    assert told.probability == 0 and told.at_most == 0.03, "three of a hundred"
    assert largest_leverage(BTC, D(1), 60_000, asked(model), 0.02).leverage == 1, "where no price leads to it"


def test_nothing_leads_to_it_and_it_is_there_already() -> None:
    assert liquidation_chance(60_000, None, asked(Gbm(0.8))).probability == 0
    assert liquidation_chance(60_000, D(60_000), asked(Gbm(0.8))).probability == 1
    assert liquidation_chance(60_000, D(61_000), asked(Gbm(0.8))).probability == 1


@pytest.mark.parametrize(
    "model",
    [
        Gbm(0), Gbm(101), Gbm(math.nan), Gbm(0.8, math.inf), Jumps(volatility=0.8, per_year=-1, mean=0, deviation=0),
        Jumps(volatility=0.8, per_year=1, mean=0, deviation=-1), Jumps(volatility=0.8, per_year=1, mean=0, deviation=0, paths=10),
        Replay(closes=[1.0]), Replay(closes=[1.0, 0.0]), Replay(closes=[1.0, 2.0], step_s=0),
        Replay(closes=[1.0, 2.0], worst=([1.0], [2.0])),
    ],
)  # fmt: skip
def test_what_is_no_model(model: Model) -> None:
    with pytest.raises(ValueError, match=r"expected|a path to replay"):
        asked(model)


def test_what_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="horizon"):
        asked(Gbm(0.8), horizon_s=0)
    with pytest.raises(ValueError, match="side of its loss"):
        liquidation_chance(60_000, LIQUIDATION, asked(Gbm(0.8), 61_000))
    with pytest.raises(ValueError, match="above 0"):
        liquidation_chance(0, LIQUIDATION, asked(Gbm(0.8)))
    with pytest.raises(ValueError, match="jumps in the horizon"):
        liquidation_chance(60_000, LIQUIDATION, asked(Jumps(volatility=1, per_year=1e9, mean=0, deviation=0)))
    with pytest.raises(ValueError, match="bars in the horizon"):
        liquidation_chance(60_000, LIQUIDATION, asked(Replay(closes=[1.0, 2.0], step_s=1e-1)))
    for bound in (0.0, 1.0):
        with pytest.raises(ValueError, match="bound"):
            largest_leverage(BTC, D(1), 60_000, asked(Gbm(0.8)), bound)
    with pytest.raises(ValueError, match="size"):
        largest_leverage(BTC, Decimal(0), 60_000, asked(Gbm(0.8)), 0.1)
