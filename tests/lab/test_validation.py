"""perplab validate: verdicts, facts and the exponent on made-up numbers, the paper on its own, and small runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_kit import call
from rich.console import Console

from perplab.exchange.design.reader import DesignError
from perplab.lab.validation.basis import PREMIUM_BP, Convergence, convergence
from perplab.lab.validation.facts import autocorrelation, exponent, fano, kurtosis
from perplab.lab.validation.paper import paper_of
from perplab.lab.validation.study import Validation, put_together, to_json
from perplab.lab.validation.table import show
from perplab.lab.validation.targets import INVARIANT, PLAIN, TARGETS, is_enough, judged, verdicts
from perplab.lab.validation.tasks import CRASH, Answer, Task, tasks_of

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


def test_moments_of_made_up_flow() -> None:
    draws = np.random.default_rng(1)
    assert kurtosis(draws.normal(size=20_000)) == pytest.approx(3.0, abs=0.2)
    assert autocorrelation(np.array([1, -1] * 50), 1) == pytest.approx(-1.0, abs=0.02)
    times = np.sort(draws.integers(0, 1_000 * 10**9, 20_000))
    assert fano(times, 0, 1_000 * 10**9) == pytest.approx(1.0, abs=0.2)
    assert kurtosis(np.zeros(5)) is None and autocorrelation(np.zeros(5), 1) is None and fano(np.zeros(0, np.int64), 0, 10**10) is None


def test_the_paper_from_the_table() -> None:
    found = paper_of(None)
    assert found.is_ordered and found.waves == 16 and found.in_order is None
    assert all(abs(line.difference) < 0.01 for line in found.lines)


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


def made_up() -> Validation:
    tasks = [Answer(Task(CRASH, seed, 100, 60), dict(GOOD), {"A6 snapshots": 9.0}, exponent=0.6, large=70) for seed in (4, 5)]
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
        assert "A8 is missed. Tried:" in told and "exponent 0.60" in told


def test_json_holds_all_and_is_json() -> None:
    tree = json.loads(to_json(made_up()))
    assert tree["is_enough"] and [one["target"]["name"] for one in tree["verdicts"]] == [target.name for target in TARGETS]


def test_tasks_of_a_part() -> None:
    assert not tasks_of("paper", (4, 5), 100, 60)
    assert [(one.kind, one.seed) for one in tasks_of("impact", (4, 5), 100, 60)] == [(CRASH, 4), (CRASH, 5)]
    assert len(tasks_of(None, (4, 5), 100, 60)) == 4 * 2 + 3


def test_a_part_from_the_command_line(tmp_path: Path) -> None:
    done = call("validate", "oct10", "--part", "paper", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "wealth pro-rata" in done.output and json.loads((tmp_path / "validate.json").read_text())["paper"]["is_ordered"]


def test_what_is_looked_at_and_missed_is_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Convergence(15.0, 60.0, 40.0, None, None)
    monkeypatch.setattr("perplab.lab.validation.tasks.answers", lambda tasks, processes: iter([Answer(tasks[0], basis=bad)]))
    done = call("validate", "oct10", "--part", "basis", "--out", tmp_path, "--json")
    assert done.exit_code == 1
