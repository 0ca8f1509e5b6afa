"""Controls of the statistics on real runs: what makes no difference must not be found to make one.

A venue whose makers' orders arrive 3 ms later or earlier is no other design, yet every later event of a run differs. If others
are drawn (another population, another agent), the seeds are others, too, and one null in twenty may be called distinguished: then look at
which difference it is, and whether it is one of the timer, before anything else.
"""

from __future__ import annotations

from functools import cache

import msgspec
import pytest

from perplab.exchange import load_venue
from perplab.lab.comparison.report import About, Capital, Inputs, Report, Result
from perplab.lab.metrics import CATALOGUE, Metrics, measure
from perplab.lab.scenario import BarsPath, load_scenario
from perplab.lab.simulation import run

ACCOUNTS = 60
SEEDS = tuple(range(1, 9))
SHIFTS = {"one": 3, "other": -3}  # [ms] of the time that a maker's orders need; the other way round in every other seed
ABOUT = About("flash", "Two minutes", "made", ACCOUNTS, 1e6, 0.0, {}, Capital("same", {}), Inputs((), None, {}, {}))


@cache
def measured(shift_ms: int, seed: int) -> Metrics:
    """The two minutes from 21:19 on, in which most is liquidated."""
    flash = load_scenario("flash")
    assert isinstance(flash.path, BarsPath)
    plain: dict[str, object] = msgspec.to_builtins(flash.path)
    path = plain | {"start": "2025-10-10T21:19:00Z", "watch_from": None, "bars": flash.path.bars[7:9]}
    scenario = flash.override({"path": path, "makers": {"order_ms": flash.makers.order_ms + shift_ms}})
    return measure(run(load_venue("book_fund_adl"), scenario, seed, accounts=ACCOUNTS))


def compared(shifts: dict[str, int], seeds: tuple[int, ...] = SEEDS) -> Report:
    """A report in which one design has a name for each shift.

    The sign changes from seed to seed: three milliseconds do change how many commands arrive before the end, in every seed alike."""
    turn = {seed: 1 if seed % 2 else -1 for seed in seeds}
    results = [Result(name, seed, "", measured(turn[seed] * shift, seed)) for name, shift in shifts.items() for seed in seeds]
    return Report(ABOUT, results, tuple(shifts))


def of_one_sign(report: Report) -> list[str]:
    """Metrics that differ with the same sign in every seed: what was once called distinguished."""
    values = {key: [one.metrics.scalar(key) for one in report.results] for key in (measure.key for measure in CATALOGUE)}
    half = len(report.seeds)
    found = []
    for key, each in values.items():
        signs = {(a > b) - (a < b) for a, b in zip(each[:half], each[half:]) if a is not None and b is not None}
        if None not in each and signs in ({1}, {-1}):
            found.append(key)
    return found


@pytest.mark.slow
def test_three_milliseconds_of_a_timer_are_no_finding() -> None:
    """Eight seeds: about a third of all metrics differ in some seed, and none is distinguished."""
    report = compared(SHIFTS)
    verdicts = [one.verdict for one in report.findings()]
    assert verdicts.count("not distinguished") >= 15, "the control needs runs that do differ"
    assert verdicts.count("distinguished") == 0


@pytest.mark.slow
def test_the_sign_alone_would_have_found_several() -> None:
    """The same runs: of the first two seeds 8 metrics have one sign in all, and one even of all eight."""
    report = compared(SHIFTS, SEEDS[:2])
    assert len(of_one_sign(report)) >= 4
    assert {one.verdict for one in report.findings()} == {"too few seeds", "equal", "undefined"}


@pytest.mark.slow
def test_one_design_under_two_names_is_equal_in_everything() -> None:
    report = compared({"one": 3, "the_same": 3})
    assert {one.verdict for one in report.findings()} == {"equal", "undefined"}
    assert {one.p for one in report.findings()} == {1.0, None}
