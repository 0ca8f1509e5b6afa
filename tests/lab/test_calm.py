"""Control: without a crash there is nothing to find. All designs are the same to everybody, and the report says nothing else.

Designs differ in what they do to accounts below maintenance. Where nobody gets there, every account ends with the same money to the
micro-unit, all metrics are equal in every pair, and no loss is anything but zero.
"""

from __future__ import annotations

from functools import cache
from io import StringIO

import msgspec
import numpy as np
import pytest
from rich.console import Console
from test_controls import ACCOUNTS, DESIGNS

from perplab.exchange import load_venue
from perplab.lab.comparison.report import About, Capital, Inputs, Report, Result
from perplab.lab.comparison.table import print_overview
from perplab.lab.metrics import measure, wealth
from perplab.lab.metrics.losses import Losses
from perplab.lab.runs import Run
from perplab.lab.scenario import load_scenario
from perplab.lab.simulation import run

SEEDS = (1, 2, 3, 4, 5, 6)  # the least with which anything could be distinguished
PATHS = {"flat": {"volatility": 0.0}, "calm": {}}
ABOUT = About("calm", "A minute in which nothing happens", "made", ACCOUNTS, 1e6, 0.0, {}, Capital("same", {}), Inputs((), None, {}, {}))


@cache
def minute(path: str, venue: str, seed: int) -> Run:
    """One minute of the scenario `calm`, or of a price that does not move at all."""
    scenario = load_scenario("calm")
    plain: dict[str, object] = msgspec.to_builtins(scenario.path)
    return run(load_venue(venue), scenario.override({"path": plain | {"minutes": 1} | PATHS[path]}), seed, accounts=ACCOUNTS)


def results(path: str, seeds: tuple[int, ...]) -> list[Result]:
    return [Result(venue, seed, "", measure(minute(path, venue, seed))) for venue in DESIGNS for seed in seeds]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_crash_nobody_loses_and_everybody_ends_alike(path: str) -> None:
    seed = 1
    base = wealth(minute(path, DESIGNS[0], seed))
    assert not base.breached.any() and (base.gain != 0).any()
    for result in results(path, (seed,)):
        held = wealth(minute(path, result.venue, seed))
        np.testing.assert_array_equal(held.gain, base.gain, result.venue)
        np.testing.assert_array_equal(held.gain_at_mark, base.gain_at_mark, result.venue)
        lost = {name: getattr(result.metrics.losses, name) for name in Losses.__struct_fields__}
        assert set(lost.values()) <= {0.0, None}, result.venue
        assert not any(result.metrics.accounting.waterfall.paid.values()), result.venue


@pytest.mark.slow
def test_without_a_crash_no_verdict_is_a_finding() -> None:
    report = Report(ABOUT, results("calm", SEEDS), DESIGNS)
    assert {one.verdict for one in report.findings()} == {"equal", "undefined"}
    out = StringIO()
    print_overview(report, "Files.", Console(file=out, width=160))
    said = " ".join(out.getvalue().split())
    assert "With 6 seeds, 0 of 0 differences in report.json can be distinguished from chance" in said
    assert "Rank by" not in said
