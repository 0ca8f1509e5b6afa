"""Policies against the published tables of the 16 waves of 10 October 2025 at Hyperliquid (arXiv 2512.01112, its repository
pluriholonomic/autodeleveraging-analysis, `out/`, MIT). Skipped where the tables are not there.

What can be computed again from them: what each wave needed (the gaps of its coins), what the continuous pro-rata rules raised (needs and
capacity), the largest haircut of wealth pro-rata, the top winner's remainder by it, all identities of overshoot, severity, PTSR, PMR and
RD-NSE, what the queue raised per coin, and the order of the policies.

What cannot: the largest haircuts of production, profit, equity and contract pro-rata, mirror descent and the integer program need each
winner's equity and positions, which are in files that are not published in a size that is kept here; production's budget needs the replay
of all fills. Sums of deficits are no target: one loser of 10.9 M USD is in 9 of the 16 waves.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from perplab.lab.adl.policies import queue, water_fill, whole
from perplab.lab.runs import Floats

MICRO = 1_000_000
CONTINUOUS = ("pr", "pnl_pr", "eq_pr")
SUFFIXES = ("prod", *CONTINUOUS, "vector", "contract_pr", "fixed_point_ilp_integer")


class Table:
    def __init__(self, file: Path) -> None:
        with file.open(encoding="utf-8", newline="") as lines:
            self.rows = list(csv.DictReader(lines))

    def __getitem__(self, name: str) -> Floats:
        """A column; NaN where it is empty."""
        return np.array([float(row[name] or "nan") for row in self.rows])


@pytest.fixture(scope="module")
def paper(shared_data: Path) -> Path:
    return shared_data / "adl_paper"


@pytest.fixture(scope="module")
def waves(paper: Path) -> Table:
    return Table(paper / "policy_per_wave_metrics.csv")


def micro(usd: float) -> int:
    return round(usd * MICRO)


def test_what_a_wave_needs_is_the_gap_of_its_coins(paper: Path, waves: Table) -> None:
    coins = Table(paper / "two_pass_wave_coin_gap_per_contract.csv")
    np.testing.assert_allclose(coins["gap_per_contract_usd"] * coins["qty_contracts"], coins["gap_usd_x_qty"], rtol=1e-9)
    needed = [coins["gap_usd_x_qty"][coins["wave"] == wave].sum() for wave in waves["wave"]]
    np.testing.assert_allclose(waves["budget_needed"], needed, rtol=1e-9)
    assert sum(needed) == pytest.approx(15_079_669.61, abs=0.01)


def test_both_tables_of_waves_say_the_same(paper: Path, waves: Table) -> None:
    replay = Table(paper / "two_pass_equity_delta_by_wave.csv")
    np.testing.assert_allclose(replay["budget_needed_usd"], waves["budget_needed"], atol=1e-6)
    np.testing.assert_allclose(replay["budget_prod_usd"], waves["budget_prod"], atol=1e-6)
    np.testing.assert_allclose(replay["overshoot_prod_minus_needed_usd"], waves["overshoot_prod"], atol=1e-6)
    np.testing.assert_allclose(replay["H_star_pnl"], np.minimum(waves["budget_needed"], replay["winners_pnl_start_usd"]), atol=1e-6)


@pytest.mark.parametrize("suffix", CONTINUOUS)
def test_continuous_rules_raise_what_is_needed_as_far_as_there_is_capacity(suffix: str, waves: Table) -> None:
    """By our own function on the capacity as one account: to the micro-dollar."""
    for needed, capacity, raised in zip(waves["budget_needed"], waves["total_cap"], waves[f"budget_{suffix}"], strict=True):
        assert int(water_fill([1], whole([micro(capacity)]), micro(needed))[0]) == pytest.approx(micro(raised), abs=1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_identities_of_overshoot_and_of_the_ratios(suffix: str, waves: Table) -> None:
    """PTSR = v / (D - H), RD-NSE = v / (v + D - H), PMR = v / ((D - H) / D x largest loss), v what the top winner keeps: so
    RD-NSE = PTSR / (1 + PTSR) and PMR / PTSR = D / largest loss."""
    raised, deficit, ptsr = waves[f"budget_{suffix}"], waves["deficit_usd"], waves[f"ptsr_{suffix}"]
    np.testing.assert_allclose(waves[f"overshoot_{suffix}"], raised - waves["budget_needed"], atol=1e-6)
    told = np.isfinite(ptsr)
    assert told.tolist() == (deficit - raised > 0).tolist()
    np.testing.assert_allclose(waves[f"rd_nse_{suffix}"][told], (ptsr / (1 + ptsr))[told], rtol=1e-12)
    np.testing.assert_allclose((waves[f"pmr_{suffix}"] / ptsr)[told], (deficit / waves["max_loss_usd"])[told], rtol=1e-12)


def test_severities_are_parts_of_the_deficit(waves: Table) -> None:
    for name, budget in (("theta_prod_capped", "budget_prod"), ("theta_needed_capped", "budget_needed")):
        np.testing.assert_allclose(waves[name], np.minimum(1, waves[budget] / waves["deficit_usd"]), rtol=1e-9)


def test_the_largest_haircut_of_wealth_pro_rata_is_the_common_one(waves: Table) -> None:
    """B/U of an endowment, so as much of the equity of whoever has no more than his endowment, and less where nobody is such."""
    needed, capacity, largest = waves["budget_needed"], waves["total_cap"], waves["max_pct_pr"]
    common = np.array([int(water_fill([1], whole([micro(u)]), micro(b))[0]) / micro(u) for b, u in zip(needed, capacity, strict=True)])
    assert (largest <= common * (1 + 1e-6)).all()
    assert int(np.isclose(largest, common, rtol=1e-4).sum()) == 11


def test_the_top_winner_of_one_wave_is_found_in_another(waves: Table) -> None:
    """What wealth pro-rata leaves him is w1 (1 - B/U). Solved for w1, four waves name the same account of 82.2 M USD; so each of them tells
    what our function leaves him in the others. In our queue he loses all of B: H (1 - w1/U) more."""
    needed, capacity, deficit = waves["budget_needed"], waves["total_cap"], waves["deficit_usd"]
    left = waves["ptsr_pr"] * (deficit - needed)
    top = left / (1 - needed / capacity)
    same = np.flatnonzero(np.isclose(top, 82_175_754.55, atol=1.0))
    assert waves["wave"][same].tolist() == [4, 10, 13, 14]
    for wave in same:
        endowment = whole([micro(top[same[0]]), micro(capacity[wave] - top[same[0]])])
        budget = micro(needed[wave])
        shared, queued = water_fill(endowment.tolist(), endowment, budget), queue(whole([0, 1]), endowment, budget)
        assert (endowment[0] - shared[0]) / MICRO == pytest.approx(left[wave], abs=1.0)
        assert (queued[0] - shared[0]) / MICRO == pytest.approx(needed[wave] * (1 - endowment[0] / endowment.sum()), abs=1e-5)


def test_the_order_of_the_policies(waves: Table) -> None:
    mean = {suffix: float(waves[f"max_pct_{suffix}"].mean()) for suffix in SUFFIXES}
    assert mean["prod"] > mean["contract_pr"] > mean["fixed_point_ilp_integer"] > mean["pr"]
    assert [round(mean[name], 3) for name in ("prod", "contract_pr", "fixed_point_ilp_integer", "pr", "pnl_pr", "eq_pr")] == [
        0.754, 0.115, 0.062, 0.013, 0.028, 0.005,
    ]  # fmt: skip


def test_totals_over_horizons(paper: Path, waves: Table) -> None:
    sweep = Table(paper / "eval_horizon_sweep_gap_ms=5000.csv")
    over = sweep["total_overshoot_prod_minus_needed_usd"]
    np.testing.assert_allclose(over, sweep["total_H_prod_usd"] - sweep["total_budget_needed_usd"], rtol=1e-9)
    assert over[0] == pytest.approx(waves["overshoot_prod"].sum(), rel=1e-9) == pytest.approx(45_028_665.72, abs=0.01)


def test_the_queue_of_each_coin_raises_more_than_its_deficit(paper: Path) -> None:
    """1,125 clusters: budget up to capacity, overshoot and residual as differences to the deficit; the famous 653.6 M USD are their sum,
    and no loss."""
    coins = Table(paper / "per_shock_metrics_queue.csv")
    deficit, raised = coins["deficit_usd"], coins["budget_queue_usd"]
    assert (raised <= coins["total_capacity_usd"] + 1e-6).all()
    np.testing.assert_allclose(coins["overshoot_queue_usd"], np.maximum(raised - deficit, 0), atol=1e-6)
    np.testing.assert_allclose(coins["residual_queue_usd"], np.maximum(deficit - raised, 0), atol=1e-6)
    assert coins["overshoot_queue_usd"].sum() == pytest.approx(653_552_663.51, abs=0.01)


def test_the_total_deficit_counts_one_loser_nine_times(paper: Path) -> None:
    losers = Table(paper / "bad_debt_loser_waves.csv")
    vault = losers["max_loss_usd"].max()
    times = int(np.isclose(losers["max_loss_usd"], vault).sum())
    assert times == 9
    assert losers["deficit_usd"].sum() - (times - 1) * vault == pytest.approx(12_657_729, abs=1)
