"""`perplab reverse`: what is asked, what is told, and that its runs are those of `perplab compare`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree

import msgspec
import pytest
from cli_kit import call, made_up

from perplab.exchange import VenueDesign, load_venue
from perplab.lab import compare, load_scenario
from perplab.lab.breaking import study
from perplab.lab.breaking.events import NAMED, chosen_event
from perplab.lab.breaking.knobs import Setting, chosen_knob, shocked
from perplab.lab.breaking.search import Point
from perplab.lab.comparison import jobs
from perplab.lab.comparison.choices import Design
from perplab.lab.comparison.report import Result
from perplab.lab.runs import Run
from perplab.lab.scenario import Scenario

FLASH = Setting(load_scenario("flash"), Design(load_venue("book_fund_adl"), "book_fund_adl.toml", source="book_fund_adl"))
DEPTH = "makers.depth_scale=1..0.04"
Ask = Callable[..., str]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    """`perplab reverse` in a folder of its own, with made-up runs: a bad debt of 3 M USD below a depth of a tenth per seed and half a
    second of the oracle's lag, else 1 M. Without an error its table, with one that line."""

    def run(venue: VenueDesign, scenario: Scenario, seed: int, **more: object) -> Run:
        is_worse = scenario.makers.depth_scale < 0.1 * seed * scenario.oracle.lag_ms / 500
        named = msgspec.structs.replace(venue, name="social_only" if is_worse else "book_fund_adl")
        made = made_up(named, scenario, 1, **more)  # type: ignore[arg-type]
        return replace(made, seed=seed, venue=venue.name)

    monkeypatch.setattr(jobs, "run", run)
    monkeypatch.chdir(tmp_path)

    def told(*words: str, code: int = 0) -> str:
        given = [word.partition("=")[0] for word in words]
        usual = [("--venue", "book_fund_adl"), ("--until", "losses.bad_debt_usd>2e6"), ("--knob", DEPTH), ("--jobs", "1")]
        done = call("reverse", "flash", *words, *(word for pair in usual if pair[0] not in given for word in pair))
        assert done.exit_code == code, done.output
        return done.stderr.splitlines()[-1] if code else done.stdout

    return told


def prose(text: str) -> str:
    """Without the ends of its lines."""
    return " ".join(text.split())


def found_in(folder: str = "out/reverse-flash-book_fund_adl") -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(folder, "reverse.json").read_text())
    return found


def test_the_answer_is_told(asked: Ask) -> None:
    text = asked("--seeds", "2", "--halvings", "5")
    assert "At makers.depth_scale 0.0925 in half of 2 seeds; fewer than 6 seeds have no interval." in prose(text)
    assert "20 runs" in text and " 2/2 " in text and " 0/2 " in text
    found = found_in()
    (level,) = cast(list[dict[str, object]], found["levels"])
    assert level["first"] == [{"seed": 1, "above": 0.1, "at": 0.0925}, {"seed": 2, "above": 0.205, "at": 0.1975}]
    assert level["median"] == 0.0925 and level["interval"] is None and level["never"] == 0
    scan = cast(list[dict[str, object]], level["scan"])
    assert [(one["value"], one["seeds"]) for one in scan] == [(1.0, 0), (0.76, 0), (0.52, 0), (0.28, 0), (0.04, 2)]
    runs = cast(list[dict[str, object]], level["runs"])
    assert len(runs) == 20 == len({(run["value"], run["seed"]) for run in runs})
    assert found["made_by"] and found["inputs"]


def test_an_interval_comes_with_six_seeds(asked: Ask) -> None:
    assert "95 % interval 0.595 to 0.0925" in prose(asked("--seeds", "6", "--halvings", "5"))


def test_seeds_in_which_it_never_happens_count_as_such(asked: Ask) -> None:
    """Down to a depth of 0.28: not in the first two seeds of three."""
    text = prose(asked("--seeds", "3", "--knob", "makers.depth_scale=1..0.28"))
    assert "Up to makers.depth_scale 0.28 in 1 of 3 seeds, which is less than half; first at makers.depth_scale 0.2" in text
    assert "Not up to makers.depth_scale 0.5, in none of 3 seeds." in asked("--seeds", "3", "--knob", "makers.depth_scale=1..0.5")
    assert "begin farther away" in prose(asked("--seeds", "3", "--knob", "makers.depth_scale=0.05..0.5"))


def test_a_frontier_has_a_median_at_each_level_and_a_picture(asked: Ask) -> None:
    text = asked("--seeds", "6", "--knob", DEPTH, "--knob", "oracle.lag_ms=500..1500", "--levels", "3", "--halvings", "5")
    rows = [line.split() for line in text.splitlines() if line.strip().startswith(("500", "1,000", "1,500"))]
    assert [row[0] for row in rows] == ["500", "1,000", "1,500"]
    depths = [float(row[1]) for row in rows]
    assert all(lower < higher for lower, higher in pairwise(depths)), "the later the oracle, the sooner it happens"
    picture = ElementTree.parse("out/reverse-flash-book_fund_adl/reverse.svg")
    assert len(picture.findall(".//{*}circle")) == 3 and picture.find(".//{*}polygon") is not None
    assert [level["second"] for level in cast(list[dict[str, object]], found_in()["levels"])] == [500, 1000, 1500]


def test_a_picture_of_one_knob_has_a_step_for_each_seed(asked: Ask) -> None:
    asked("--seeds", "3")
    picture = ElementTree.parse("out/reverse-flash-book_fund_adl/reverse.svg")
    lines = [line.get("points", "") for line in picture.findall(".//{*}polyline") if line.get("stroke-width") == "2"]
    assert len(lines) == 1 and len(lines[0].split()) == 2 + 2 * 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--knob", "shok"], "'shok' given, expected KEY=FROM..TO, or one of shock, depth, lag, crowding, K, whose ends are known; did"),
        (["--knob", "makers.depth=1..2"], "expected shock, or the dotted key of a number of the scenario or of book_fund_adl"),
        (["--knob", "makers.depth_scale=1"], "expected KEY=FROM..TO, two different numbers"),
        (["--knob", "makers.depth_scale=1..1"], "two different numbers"),
        (["--knob", "makers.depth_scale=1..nan"], "two different numbers"),
        (["--knob", "makers.depth_scale=1..-1:log"], "expected two numbers above zero for equal ratios (:log)"),
        (["--knob", "makers.depth_scale=1..-1"], "--knob makers.depth_scale at -1: flash: makers.depth_scale is -1.0: expected"),
        (["--knob", "name=1..2"], "expected shock, or the dotted key of a number"),
        (["--knob", "path.bars=1..2"], "expected shock, or the dotted key of a number"),
        (["--knob", "shock=0..99"], "expected a shock from -10 to 10 times the scenario's moves"),
        (["--knob", "depth", "--knob", "makers.depth_scale=1..2"], "makers.depth_scale given twice, expected two different ones"),
        (["--knob", "depth", "--knob", "lag", "--knob", "shock"], "3 given, expected one, or two for a frontier"),
        (["--knob", "liquidation.retry_ms=1..-5"], "retry_ms"),
        (["--until", "adll"], "'adll' given, expected insurance_exhausted, adl, socialized"),
        (["--until", "mark_gap=2"], "expected a share with its unit, such as mark_gap=2%"),
        (["--until", "losses.bad_det_usd>1"], "no metric 'losses.bad_det_usd'; did you mean 'losses.bad_debt_usd'?"),
        (["--until", "losses.bad_debt_usd>much"], "expected a number behind >"),
        (["--venue", "book_fund_adl,social_only"], "expected one design"),
        (["--venue", "book_fund_adll"], "did you mean 'book_fund_adl'?"),
        (["--margin", "cross"], "it says nothing of what people hold in several markets"),
        (["--seeds", "1000", "--scan", "16"], "--seeds: up to 21,000 runs, expected at most 10,000"),
        (["--set", "path.kind=gbm"], "--set"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_nothing_runs(asked: Ask, words: list[str], told: str) -> None:
    assert told in asked(*words, code=2)
    assert not Path("out").exists()


# -- knobs --


@pytest.mark.parametrize("name", ["flash", "flash:stays_low", "oct10:whipsaw"])
def test_a_shock_moves_the_price_by_the_power(name: str) -> None:
    scenario = load_scenario(name)
    assert shocked(scenario, 1.0).path.path(3).prices == pytest.approx(scenario.path.path(3).prices, rel=1e-12)
    flat = shocked(scenario, 0.0).path.path(3).prices
    assert flat == pytest.approx(flat[0], rel=1e-12)
    moved = scenario.path.path(3).prices / scenario.path.first_usd
    for factor in (0.5, 2.0):
        prices = shocked(scenario, factor).path.path(3).prices / scenario.path.first_usd
        assert prices.min() == pytest.approx(moved.min() ** factor, rel=0.02)
    turned = shocked(scenario, -1.0).path.path(3).prices / scenario.path.first_usd
    assert turned.max() == pytest.approx(1.0 / moved.min(), rel=0.02)


def test_values_are_rounded_to_what_their_key_takes() -> None:
    lag = chosen_knob("oracle.lag_ms=500..1000", FLASH)
    assert [lag.value(turn / 3) for turn in range(4)] == [500, 667, 833, 1000]
    assert lag.turned(FLASH, 1.0).scenario.oracle.lag_ms == 1000
    depth = chosen_knob("makers.depth_scale=1..0.01:log", FLASH)
    assert [depth.value(turn / 2) for turn in range(3)] == [1.0, 0.1, 0.01]
    retry = chosen_knob("liquidation.retry_ms=1000..9000", FLASH)
    assert retry.turned(FLASH, 0.5).design.venue.liquidation.retry_ms == 5000
    fee = chosen_knob("markets.taker_fee_ppb=0..1000", FLASH)
    assert {market.taker_fee_ppb for market in fee.turned(FLASH, 1.0).design.venue.markets} == {1000}


def test_insurance_capital_is_what_the_design_is_run_with(asked: Ask) -> None:
    asked("--knob", "K=1e8..1e6:log", "--seeds", "1")
    assert found_in()["knobs"] == [{"key": "backstop_usd", "from": 1e8, "to": 1e6, "by": "ratio"}]


# -- events --


def result_with(**numbers: float | None) -> Result:
    """A result of whose metrics only these are not zero."""
    metrics = SimpleNamespace(scalar=lambda key: numbers.get(key.replace(".", "_"), 0.0))
    return cast(Result, SimpleNamespace(metrics=metrics, wealth=None, kinds=()))


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ("insurance_exhausted", "adl_needed_usd"), ("insurance_exhausted", "losses_socialized_usd"),
        ("insurance_exhausted", "losses_uncovered_usd"), ("adl", "adl_fills"), ("socialized", "losses_socialized_usd"),
        ("uncovered", "losses_uncovered_usd"), ("mark_gap=2%", "prices_mark_gap_bp"), ("losses.bad_debt_usd>5", "losses_bad_debt_usd"),
    ],
)  # fmt: skip
def test_an_event_happens_where_its_number_says_so(event: str, key: str) -> None:
    found = chosen_event(event)
    assert found.happens(result_with(**{key: 250.0}))
    assert not found.happens(result_with())
    assert not found.happens(result_with(**{key: None}))


def test_a_bound_from_below_is_not_met_by_what_is_not_defined() -> None:
    depth = chosen_event("liquidity.bid_depth_min_usd<1e6")
    assert depth.happens(result_with(liquidity_bid_depth_min_usd=5.0))
    assert not depth.happens(result_with(liquidity_bid_depth_min_usd=None))


# -- with the simulation --


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], list[dict[str, object]]]:
    """The two runs at the ends of a knob: 60 people, one seed."""
    monkeypatch.chdir(tmp_path)

    def runs(until: str, knob: str) -> list[dict[str, object]]:
        words = ("--accounts", "60", "--seeds", "1", "--scan", "1", "--halvings", "0", "--jobs", "1")
        done = call("reverse", "flash", "--venue", "book_fund_adl", "--until", until, "--knob", knob, *words)
        assert done.exit_code == 0, done.output
        (level,) = cast(list[dict[str, object]], found_in()["levels"])
        return cast(list[dict[str, object]], level["runs"])

    return runs


def test_a_run_is_that_of_a_comparison(played: Callable[[str, str], list[dict[str, object]]]) -> None:
    """Nobody is deleveraged where the price does not move, somebody at twice the fall; that run is `perplab compare`'s."""
    runs = played("adl", "shock=0..2")
    assert [run["happened"] for run in runs] == [False, True]
    scenario = shocked(load_scenario("flash"), 2.0).override({"population": {"accounts": 60}})
    compared = compare(["book_fund_adl"], scenario, seeds=1, insured=False)
    assert [one.state_hash for one in compared.report.results] == [runs[1]["state_hash"]]


def test_a_hedger_is_liquidated_where_the_price_rises(played: Callable[[str, str], list[dict[str, object]]]) -> None:
    """Hedgers are short with little leverage: only a price that doubles takes them."""
    assert [run["happened"] for run in played("hedger_liquidated", "shock=1..-8")] == [False, True]
    assert set(NAMED) == {"insurance_exhausted", "adl", "socialized", "uncovered", "hedger_liquidated"}


def test_a_run_is_checked_on_its_own_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All seeds are, at both ends of a knob, before anything runs; later runs are many, and a price is drawn for each that is checked."""
    seen: list[tuple[int, ...]] = []
    monkeypatch.setattr(study, "check_all", lambda designs, scenario, file, seeds: seen.append(tuple(seeds)))
    question = study.asked(study.Words("flash", "book_fund_adl", "adl", ["shock"], seeds=(3, 4, 5), accounts=60))
    assert seen == [(3, 4, 5)] * 2
    question.job(Point(0.5, 4), 0.0)
    assert seen[2:] == [(4,)]
