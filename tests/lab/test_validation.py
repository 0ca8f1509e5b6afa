"""perplab validate: verdicts, facts and the exponent on made-up numbers, the paper on its own, and small runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_kit import call
from rich.console import Console

from perplab.exchange import load_venue
from perplab.exchange.design.reader import DesignError
from perplab.lab import load_scenario, run
from perplab.lab.validation.basis import PREMIUM_BP, Convergence, convergence
from perplab.lab.validation.facts import Fact, autocorrelation, fano, hill, is_met, kurtosis, middle, thinned
from perplab.lab.validation.impact import COARSE, FINE, FIRST, VENUE, exponent, first_order, slope, whale
from perplab.lab.validation.paper import paper_of
from perplab.lab.validation.study import Validation, put_together, to_json
from perplab.lab.validation.table import show
from perplab.lab.validation.targets import INVARIANT, PLAIN, TARGETS, is_enough, judged, verdicts
from perplab.lab.validation.tasks import CRASH, FLOW, IMPACT, Answer, Task, tasks_of

BY_NAME = {target.name: target for target in TARGETS}
GOOD: dict[str, float] = {  # a value in the band of every target but those that are known to be missed
    "A1": 61.7, "A1b": 60.0, "A2": 0.382, "A3": 0.9943, "A4": 0.84, "A5": 0.0, "A6": 1.0, "A7": 0.0, "A8": 1.0, "A9": 2.0, "A10": 0.1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "is_met"),
    [
        ("A1", 30.0, True), ("A1", 29.9, False), ("A1", 120.0, True), ("A3", 0.95, False), ("A3", 1.0, True), ("A8", 5.0, True),
        ("A8", 4.99, False),
        ("A9", 1.0, False), ("A9", 1.01, True), ("A10", 0.0, True), ("A10", 0.2, False), ("A5", 1.0, False),
    ],
)  # fmt: skip
def test_bands(name: str, value: float, is_met: bool) -> None:
    assert judged(BY_NAME[name], [value] * 3).is_met is is_met


def test_the_median_decides_but_every_run_of_an_invariant() -> None:
    assert judged(BY_NAME["A2"], [0.3, 0.4, 0.9]).is_met
    assert not judged(BY_NAME["A5"], [0.0, 0.0, 1.0]).is_met
    assert judged(BY_NAME["A5"], [0.0, 0.0, 1.0]).said == "INVARIANT BROKEN"


def test_a_seed_without_a_value_counts_as_outside() -> None:
    assert judged(BY_NAME["A1"], [60.0, 60.0, None]).is_met
    found = judged(BY_NAME["A1"], [60.0, None, None])
    assert not found.is_met and found.median == 60.0
    assert judged(BY_NAME["A1"], [None]).median is None


def test_what_has_to_be_met() -> None:
    def enough(**other: float) -> bool:
        return is_enough(verdicts({name: [value] for name, value in (GOOD | other).items()}))

    assert enough()
    assert not enough(A6=0.5)  # A8 is missed as it is
    assert not enough(A1=10.0) and not enough(A2=0.6) and not enough(A5=1.0) and not enough(A7=1.0)
    assert sum(target.kind == PLAIN for target in TARGETS) == 6 and sum(target.kind == INVARIANT for target in TARGETS) == 2


def test_an_exponent_of_a_made_up_impact() -> None:
    sizes = np.geomspace(1e5, 1e7, 500)
    for power in (0.5, 1.0):
        assert exponent(list(zip(sizes.tolist(), (1e-3 * sizes**power).tolist(), strict=True))) == pytest.approx(power, abs=0.02)
    assert exponent([(1e6, 1.0)] * 10) is None
    assert exponent([(float(size), 0.0) for size in sizes]) is None
    assert slope([(1e6, 3.0), (4e6, 6.0), (16e6, 12.0)]) == pytest.approx(0.5)
    assert slope([(1e6, 3.0), (4e6, 6.0)]) is None and slope([(1e6, 0.0), (4e6, 6.0), (16e6, 12.0)]) is None


@pytest.mark.parametrize(("whose", "low", "high"), [(FINE, 3.0, 7.0), (COARSE, -1.0, 1.0)])
def test_a_million_moves_a_fine_book_and_hardly_the_one_of_oct10(whose: str, low: float, high: float) -> None:
    """Of 1M USD, as much as rests within 6 bp of one, and within less than one of the other."""
    scenario = whale(whose, 1e6).override({"makers": {"interval_ms": 1000}, "noise": {"accounts": 0}})
    found = first_order(run(load_venue(VENUE), scenario, 1, accounts=60))
    assert found is not None
    assert found[0] == pytest.approx(1e6, rel=0.05) and low < found[1] < high


def test_a_whale_begins_above_its_maintenance_by_the_fall_that_is_to_come() -> None:
    for usd in (1e6, 50e6):
        (one, others) = whale(FINE, usd).agents
        assert one.begins_usd == pytest.approx(usd / FIRST) and others.count * others.begins_usd == pytest.approx(-usd / FIRST)
        assert one.capital_usd / one.begins_usd == pytest.approx(0.0325 if usd < 30e6 else 0.02 + 0.0175)


def test_the_profile_of_the_fine_book_is_a_spike_and_a_density_that_grows_with_the_distance() -> None:
    fine, coarse = load_scenario(FINE).makers, load_scenario(COARSE).makers
    for cumulative, measured in ((fine.bid_usd, coarse.bid_usd), (fine.ask_usd, coarse.ask_usd)):
        whole = dict(zip(fine.depth_bp, cumulative, strict=True))
        spike, within = whole[0.02], whole[100.0]
        for bp in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
            assert whole[bp] == pytest.approx(spike + (within - spike) * (bp / 100.0) ** 2, rel=0.02, abs=5e3)
        assert dict(zip(coarse.depth_bp, measured, strict=True))[100.0] == within
    assert fine.withdraw_bid == coarse.withdraw_bid and fine.capital_usd == coarse.capital_usd


def test_a_fact_is_met_by_the_median_and_by_most_seeds() -> None:
    def seen(*values: float | None) -> list[Fact]:
        return [Fact("x", 1.0, 2.0, "-", value) for value in values]

    assert is_met(seen(1.5, 1.5, 3.0)) and not is_met(seen(1.5, 3.0, 3.0)) and not is_met(seen(1.5, None, None)) and not is_met(seen(None))
    assert middle(seen(1.0, None, 2.0)) == 1.5 and middle(seen(None)) is None


def test_moments_of_made_up_flow() -> None:
    draws = np.random.default_rng(1)
    assert kurtosis(draws.normal(size=20_000)) == pytest.approx(3.0, abs=0.2)
    assert autocorrelation(np.array([1, -1] * 50), 1) == pytest.approx(-1.0, abs=0.02)
    times = np.sort(draws.integers(0, 1_000 * 10**9, 20_000))
    assert fano(times, 0, 1_000 * 10**9) == pytest.approx(1.0, abs=0.2)
    assert thinned(draws.standard_t(3, size=20_000)) == pytest.approx(0.3, abs=0.3)
    assert hill(np.ceil(1e6 * draws.pareto(1.5, 50_000)).astype(np.int64)) == pytest.approx(1.5, abs=0.2)
    assert hill(np.ones(100, np.int64)) is None and hill(np.ones(5, np.int64)) is None and thinned(np.zeros(5)) is None
    assert kurtosis(np.zeros(5)) is None and autocorrelation(np.zeros(5), 1) is None and fano(np.zeros(0, np.int64), 0, 10**10) is None


@pytest.fixture
def without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place beside which none of the real data lies."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("without_data")
def test_the_paper_from_the_table() -> None:
    found = paper_of(None)
    assert found.is_ordered and found.waves == 16 and found.in_order is None
    assert all(abs(line.difference) < 0.01 for line in found.lines)


def test_the_paper_is_read_from_beside_the_checkout_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert paper_of(None).source == "the table typed in"
    folder = tmp_path / "shared" / "data" / "adl_paper"
    folder.mkdir(parents=True)
    (folder / "policy_per_wave_metrics.csv").write_text("wave\n1\n")
    with pytest.raises(DesignError, match="budget_needed"):
        paper_of(None)


@pytest.mark.usefixtures("without_data")
def test_the_order_of_the_papers_policies_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    show(put_together([], "paper", (4,), 100, 60, "compiled", paper_of(None)), "File: x.", Console(width=200))
    assert "queue) 0.754 > contract pro-rata 0.115 > integer program 0.062 > wealth pro-rata 0.013: met" in capsys.readouterr().out


def test_the_paper_from_its_files(shared_data: Path) -> None:
    found = paper_of(shared_data / "adl_paper")
    assert found.is_ordered and found.in_order == 15
    assert all(abs(line.difference) < 0.005 for line in found.lines)


def test_a_folder_that_is_not_the_papers(tmp_path: Path) -> None:
    (tmp_path / "policy_per_wave_metrics.csv").write_text("wave\n1\n")
    with pytest.raises(DesignError, match="budget_needed"):
        paper_of(tmp_path)


def test_arbitrageurs_bring_the_perpetual_back_to_spot() -> None:
    found = convergence()
    assert found.is_met and found.without_bp == pytest.approx(PREMIUM_BP, abs=2.0)
    assert found.funding_with_bp is not None and abs(found.funding_with_bp) <= found.bound_bp


def test_the_basis_is_met_by_price_and_funding() -> None:
    assert Convergence(15.0, 60.0, 12.0, 60.0, 11.0).is_met
    assert not Convergence(15.0, 60.0, 16.0, 60.0, 11.0).is_met and not Convergence(15.0, 60.0, 12.0, 60.0, 16.0).is_met
    assert not Convergence(15.0, 40.0, 12.0, 60.0, 11.0).is_met and not Convergence(15.0, 60.0, 12.0, 40.0, 11.0).is_met
    assert not Convergence(15.0, 60.0, 12.0, 60.0, None).is_met


def made_up() -> Validation:
    crash = [Answer(Task(CRASH, seed, 100, 60), dict(GOOD), {"A6 snapshots": 9.0}, exponent=0.6, large=70) for seed in (4, 5)]
    points = {FINE: [(1e6, 4.0), (4e6, 8.0), (16e6, 16.0)], COARSE: [(1e6, 0.0), (4e6, 4.0), (16e6, 16.0)]}
    shown = [Fact("tight spread", 0.8, 1.0, "0.94", 0.9)]
    tasks = crash + [Answer(Task(IMPACT, seed, 100, 60), curves=points) for seed in (4, 5)]
    tasks += [Answer(Task(FLOW, seed, 100, 60), fine=shown, coarse=[Fact("tight spread", 0.8, 1.0, "0.94", 0.1)]) for seed in (4, 5)]
    return put_together(tasks, None, (4, 5), 100, 60, "compiled", paper_of(None))


def test_a_table_fits_into_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    found = made_up()
    assert found.is_enough
    for width in (80, 120, 200):
        show(found, "File: x.", Console(width=width))
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= width
        told = "\n".join(lines)
        assert "calibrated and met" in " ".join(told.split()) or width == 80
        assert "A8 is missed. Tried:" in told and "exponent 0.50" in told and "no exponent: missed" in " ".join(told.split())


def test_json_holds_all_and_is_json() -> None:
    tree = json.loads(to_json(made_up()))
    assert tree["is_enough"] and [one["target"]["name"] for one in tree["verdicts"]] == [target.name for target in TARGETS]


def test_tasks_of_a_part() -> None:
    assert not tasks_of("paper", (4, 5), 100, 60)
    assert [(one.kind, one.seed) for one in tasks_of("impact", (4, 5), 100, 60)] == [(CRASH, 4), (CRASH, 5), (IMPACT, 4), (IMPACT, 5)]
    assert len(tasks_of(None, (4, 5), 100, 60)) == 6 * 2 + 2


def test_a_part_from_the_command_line(tmp_path: Path) -> None:
    done = call("validate", "oct10", "--part", "paper", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "wealth pro-rata" in done.output and json.loads((tmp_path / "validate.json").read_text())["paper"]["is_ordered"]


def test_what_is_looked_at_and_missed_is_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Convergence(15.0, 60.0, 40.0, None, None)
    monkeypatch.setattr("perplab.lab.validation.tasks.answers", lambda tasks, processes: iter([Answer(tasks[0], basis=bad)]))
    done = call("validate", "oct10", "--part", "basis", "--out", tmp_path, "--json")
    assert done.exit_code == 1
