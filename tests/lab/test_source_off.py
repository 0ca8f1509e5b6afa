"""One source of the oracle that is off: what the venue hears of it with one, two and three sources, and how the fault is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_own import calm

from perplab.exchange.messages import TS_COLUMN, UpdateOracle, column_of
from perplab.exchange.units import SECOND_NS
from perplab.lab import ScenarioError
from perplab.lab.flow import oracle_rows

FAULTS = """
from perplab.lab.faults import Fault


class Forgets(Fault):
    def reporting(self, kind, sources, begin, end):
        return []


class Divides(Fault):
    def reporting(self, kind, sources, begin, end):
        return 1 // 0
"""
FORGETS = {"class": "my_fault.py:Forgets", "at_s": 1.0}
FORGETS_TOLD = "class is 'my_fault.py:Forgets', which returns []"
DIVIDES = {"class": "my_fault.py:Divides", "at_s": 1.0}


def off(at_s: float = 30.0, until_s: float | None = 60.0, **terms: object) -> dict[str, object]:
    return {"class": "source_off", "at_s": at_s, "until_s": until_s, "terms": {"source": 0, "off_bp": -400.0, **terms}}


def hearing(sources: int, *tables: dict[str, object]) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """What the venue hears, over the true price, by column; `s`: when the oracle looked, in seconds."""
    oracle = {"sources": sources, "noise_bp": 0.0, "cadence_s": 1.0, "lag_ms": 0, "jitter_ms": 0}
    scenario = calm(oracle=oracle, faults=tables)
    path = scenario.path.path(1)
    rows = oracle_rows(scenario, path, 1, 0.01)
    true = path.at(rows[:, TS_COLUMN])
    heard = {name: rows[:, column_of(UpdateOracle, name)] * 0.01 / true for name in ("price", "perp_median")}
    return {"s": (rows[:, TS_COLUMN] - path.start_ns) / SECOND_NS, **heard}


def test_a_median_of_three_does_not_hear_one_source_that_is_off_and_a_single_source_is_all_there_is() -> None:
    three, one = hearing(3, off()), hearing(1, off())
    within = (one["s"] >= 30.0) & (one["s"] < 60.0)
    for column in ("price", "perp_median"):
        np.testing.assert_allclose(three[column], 1.0, atol=1e-6)
        np.testing.assert_allclose(one[column], np.where(within, 0.96, 1.0), atol=1e-6)
    assert within.sum() == 30 and len(three["s"]) == len(one["s"]) == 180


def test_two_sources_that_disagree_too_much_publish_nothing_and_else_their_mean() -> None:
    near, far = hearing(2, off()), hearing(2, off(off_bp=-2000.0))
    assert near["price"][40] == pytest.approx(0.98, abs=1e-6)
    assert not [at for at in far["s"].tolist() if 30.0 <= at < 60.0] and len(far["s"]) == 150


def test_a_source_goes_off_in_a_straight_line_and_one_kind_alone_if_asked() -> None:
    ramp = hearing(1, off(until_s=None, ramp_s=20.0, kinds=["spot"]))
    share = np.clip((ramp["s"] - 30.0) / 20.0, 0.0, 1.0)
    np.testing.assert_allclose(ramp["price"], 1.0 - 0.04 * share, atol=1e-6)
    np.testing.assert_allclose(ramp["perp_median"], 1.0, atol=1e-6)


def test_a_source_may_be_off_by_one_fault_after_another() -> None:
    twice = hearing(1, off(), off(60.0, 90.0, off_bp=300.0))
    assert [twice["price"][at] for at in (29, 30, 59, 60, 89, 90)] == pytest.approx([1.0, 0.96, 0.96, 1.03, 1.03, 1.0], abs=1e-6)


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ([off(source=3)], "faults[0]: terms.source is 3: expected less than 3, the number of spot sources"),
        ([off(source=-1)], "faults[0]: terms.source is -1: expected `int` >= 0"),
        ([off(until_s=20.0)], "faults[0]: until_s is 20: expected more than at_s, 30"),
        ([off(off_bp=-10_000.0)], "faults[0]: terms.off_bp is -10000.0: expected `float` >= -9999.0"),
        ([off(kinds=["spots"])], "faults[0]: terms.kinds[0] is 'spots': expected "),
        ([off(kinds=[])], "faults[0]: terms.kinds is []: expected "),
        ([off(), off(50.0, 70.0)], "faults[1]: terms.source is 0: expected one that is not off by another fault at that time"),
        ([{"class": "source_off", "at_s": 1.0}], "faults[0]: missing key terms.source"),
        ([FORGETS], f"faults[0]: {FORGETS_TOLD}, asked for reporting, of spot sources: expected 3, each a perplab.oracle.sources."),
        ([DIVIDES], "faults[0]: class is 'my_fault.py:Divides', which ends in an error: ZeroDivisionError: integer division"),
    ],
)
def test_a_source_that_cannot_be_off_is_told(
    tables: list[dict[str, object]], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_fault.py").write_text(FAULTS, encoding="utf-8")
    with pytest.raises(ScenarioError) as refused:
        calm(faults=tables)
    assert str(refused.value).startswith(f"mine.toml: {told}") and "\n" not in str(refused.value)


def test_a_perpetual_is_not_off_where_there_are_none() -> None:
    with pytest.raises(ScenarioError, match=r"faults\[0\]: terms.source is 0: expected less than 0, the number of perp sources"):
        calm(oracle={"outside_perp": False}, faults=[off(kinds=["perp"])])
    assert calm(oracle={"outside_perp": False}, faults=[off()]).faults
