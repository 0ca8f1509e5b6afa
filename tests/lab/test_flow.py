"""The exogenous part of a run: noise orders with the measured clustering, memory and sizes; oracle updates."""

from __future__ import annotations

import numpy as np
import pytest

from perplab.clients.bots.taker import Flow
from perplab.exchange.messages import TS_COLUMN, UpdateOracle, column_of, command_of_row
from perplab.lab.agents import withdrawal
from perplab.lab.flow import noise_flows, oracle_rows, stress, surge
from perplab.lab.runs import Ints
from perplab.lab.scenario import GbmPath, Scenario, load_scenario
from perplab.oracle.paths import PricePath

LOT = 0.001
SECOND = 10**9


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """An hour as calm as the feed that the numbers were measured in: 1.2 bp a second."""
    hour = {"kind": "gbm", "start": "2025-01-01T00:00:00Z", "minutes": 60, "step_ms": 100, "first_usd": 1e5, "drift": 0.0}
    return load_scenario("calm").override({"path": {**hour, "volatility": 1.2e-4 * (365 * 86400) ** 0.5}})


@pytest.fixture(scope="module")
def path(scenario: Scenario) -> PricePath:
    assert isinstance(scenario.path, GbmPath)
    return scenario.path.path(1)


@pytest.fixture(scope="module")
def flow(scenario: Scenario, path: PricePath) -> Flow:
    """The market-wide stream: the flows of all accounts, put together again."""
    return together(noise_flows(scenario.noise, withdrawal(scenario.makers), path, 1, LOT, 1.0))


def together(flows: list[Flow]) -> Flow:
    ts, sides, lots, limits = (np.concatenate([getattr(flow, name) for flow in flows]) for name in Flow.__struct_fields__)
    order = np.argsort(ts, kind="stable")
    return Flow(ts[order], sides[order], lots[order], limits[order])


def autocorrelation(signs: Ints, lag: int) -> float:
    return float(np.mean(signs[:-lag] * signs[lag:]))


def test_orders_arrive_at_the_calm_rate_in_clusters(scenario: Scenario, path: PricePath, flow: Flow) -> None:
    per_second = np.bincount((flow.ts - path.start_ns) // SECOND)
    assert per_second.mean() == pytest.approx(scenario.noise.per_s, rel=0.15)
    assert per_second.var() / per_second.mean() > 3, "Fano factor of a second: stylised fact"
    assert (np.diff(flow.ts) >= 0).all()
    assert path.start_ns < flow.ts[0] and flow.ts[-1] <= path.end_ns + SECOND


def test_signs_remember_as_measured(flow: Flow) -> None:
    signs = 1 - 2 * flow.sides
    for lag, measured in ((1, 0.20), (5, 0.16), (10, 0.12), (20, 0.10), (50, 0.03)):
        assert autocorrelation(signs, lag) == pytest.approx(measured, abs=0.05)


def test_sizes_have_the_measured_quantiles(scenario: Scenario, flow: Flow) -> None:
    coins = flow.lots * LOT
    assert np.quantile(coins, 0.5) == pytest.approx(0.03, rel=0.15)
    assert np.quantile(coins, 0.9) == pytest.approx(0.655, rel=0.3)
    assert np.quantile(coins, 0.99) == pytest.approx(7.15, rel=0.5)
    assert coins.min() >= LOT


def test_buys_and_sells_are_equal_in_each_window(scenario: Scenario, path: PricePath, flow: Flow) -> None:
    window = (flow.ts - path.start_ns) // int(scenario.noise.balance_s * SECOND)
    net = np.bincount(window, weights=np.where(flow.sides == 0, flow.lots, -flow.lots))
    gross = np.bincount(window, weights=flow.lots)
    assert (np.abs(net) <= 0.01 * gross + np.bincount(window)).all(), "to the rounding of each order to a lot"


def test_the_rate_follows_the_volatility() -> None:
    scenario = load_scenario("oct10")
    times = surge(scenario.noise, scenario.path.path(1))
    assert times.size == 4799
    assert times[1740:1920].min() > 5.0, "21:19 to 21:22"
    assert np.median(times[60:300]) < 3.0
    assert times.max() == scenario.noise.surge_cap


def test_the_flow_fades_where_makers_withdraw() -> None:
    scenario = load_scenario("oct10")
    gone = stress(withdrawal(scenario.makers), scenario.path.path(1))
    assert gone.shape == surge(scenario.noise, scenario.path.path(1)).shape
    assert gone[:60].max() < 0.5 < gone[1740:1920].min(), "21:19 to 21:22"
    assert gone.max() == 1.0


def test_limits_are_a_distance_from_the_true_price(scenario: Scenario, path: PricePath, flow: Flow) -> None:
    beyond = np.where(flow.sides == 0, 1.0, -1.0) * (flow.limits / path.at(flow.ts) - 1.0)
    np.testing.assert_allclose(beyond, scenario.noise.slippage_bp * 1e-4, atol=1e-5)


def test_an_account_more_changes_only_who_trades(scenario: Scenario, path: PricePath, flow: Flow) -> None:
    more = scenario.override({"noise": {"accounts": scenario.noise.accounts + 1}})
    again = together(noise_flows(more.noise, withdrawal(more.makers), path, 1, LOT, 1.0))
    np.testing.assert_array_equal(again.ts, flow.ts)
    np.testing.assert_array_equal(np.sort(again.lots), np.sort(flow.lots))


def test_no_accounts_no_flow(scenario: Scenario, path: PricePath) -> None:
    none = scenario.override({"noise": {"accounts": 0}})
    assert noise_flows(none.noise, withdrawal(none.makers), path, 1, LOT, 1.0) == []


def test_oracle_rows_are_updates_with_an_outside_perp(scenario: Scenario, path: PricePath) -> None:
    rows = oracle_rows(scenario, path, 1, 1.0)
    first = command_of_row(rows[0].tolist())
    assert isinstance(first, UpdateOracle)
    assert first.price == pytest.approx(path.prices[0], abs=50)
    assert first.perp_median == pytest.approx(path.prices[0], abs=50)
    assert len(rows) == 1200, "every 3 s"
    assert rows[0, TS_COLUMN] >= path.start_ns + scenario.oracle.lag_ms * 10**6
    without = oracle_rows(scenario.override({"oracle": {"outside_perp": False}}), path, 1, 1.0)
    assert (without[:, column_of(UpdateOracle, "perp_median")] == 0).all()
    price = column_of(UpdateOracle, "price")
    np.testing.assert_array_equal(without[:, price], rows[:, price])
