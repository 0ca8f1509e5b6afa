"""What a user's classes keep does not go from one run into the next, and all designs of a comparison meet the same true price."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from test_own import ACCOUNTS, AGENT, GRID, calm, rows_of

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.events import Traded
from perplab.lab import Scenario, ScenarioError, compare, run

COUNTING = """
from perplab.clients.bots.base import NOTHING, Bot, pack
from perplab.exchange.messages import Place, Side, TimeInForce


class Learns(Bot):
    runs = 0

    def __init__(self, seat):
        super().__init__(seat)
        type(self).runs += 1
        self.lots = 1000 * type(self).runs

    def on_start(self, ts, view):
        return NOTHING, ts + 10**9

    def on_wake(self, ts, view):
        return pack(Place(0, self.seat.account, 0, Side.BUY, round(1.01 * view.mark), self.lots, tif=TimeInForce.IOC)), None
"""
CHANGING = """
import numpy as np
from msgspec import Struct
import kept_beside

calls = [0]


def in_file(grid, seed):
    calls[0] += seed
    return np.linspace(1.0, 1.0 - 0.01 * calls[0], grid.points)


def beside(grid, seed):
    kept_beside.calls += seed
    return np.linspace(1.0, 1.0 - 0.01 * kept_beside.calls, grid.points)


class Terms(Struct):
    depth: float = 0.01


def falls(grid, seed, terms: Terms):
    return np.linspace(1.0, 1.0 - terms.depth, grid.points)
"""
OWN = {"kind": "own", **GRID}


@pytest.fixture
def keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with classes that remember."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("learns", COUNTING), ("changing", CHANGING), ("kept_beside", "calls = 0\n")):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "kept_beside", raising=False)
    return tmp_path


def twins() -> list[VenueDesign]:
    """A design under two names."""
    venue = load_venue("social_only")
    return [venue, msgspec.structs.replace(venue, name="twin")]


def hashes(scenario: Scenario) -> list[str]:
    made = compare(twins(), scenario, seeds=1, accounts=ACCOUNTS, insured=False)
    return [one.state_hash for one in made.report.results]


def test_what_a_class_keeps_does_not_go_from_one_run_into_the_next(keeping: Path) -> None:
    scenario = calm(agents=[{**AGENT, "class": "learns.py:Learns", "terms": {}}])
    first, second = hashes(scenario)
    assert first == second
    assert [run("social_only", scenario, accounts=ACCOUNTS).state_hash for _ in range(2)] == [first] * 2
    sizes = rows_of(run("social_only", scenario, accounts=ACCOUNTS), Traded, "buyers")["size"]
    assert sum(sizes) == 3000, "within a run it goes from the first bot to the second"


def test_a_path_that_counts_in_its_file_gives_all_designs_the_same(keeping: Path) -> None:
    first, second = hashes(calm(path={**OWN, "class": "changing.py:in_file"}))
    assert first == second


def test_designs_that_met_different_prices_are_not_compared(keeping: Path) -> None:
    scenario = calm(path={**OWN, "class": "changing.py:beside"})
    with pytest.raises(ScenarioError) as refused:
        hashes(scenario)
    told = "flash: path: social_only and twin met different true prices in seed 1"
    assert str(refused.value) == f"{told}: expected equal prices for equal seeds, however often it is asked"


def test_a_factorial_may_vary_the_path(keeping: Path) -> None:
    falls = calm(path={**OWN, "class": "changing.py:falls"})
    made = compare("social_only", falls, seeds=1, accounts=ACCOUNTS, vary="path.terms.depth=0.05|0.1")
    assert len({one.path_sha256 for one in made.report.results}) == 2


@pytest.mark.parametrize("axis", ["oracle.lag_ms=1000|2000", "backstop_usd=1e6|2e6"])
def test_cells_of_a_factorial_that_is_about_something_else_meet_one_price(keeping: Path, axis: str) -> None:
    """With or without runs with infinite insurance."""
    scenario = calm(path={**OWN, "class": "changing.py:beside"})
    with pytest.raises(ScenarioError, match="met different true prices in seed 1"):
        compare("book_fund_adl", scenario, seeds=1, accounts=ACCOUNTS, vary=axis)
