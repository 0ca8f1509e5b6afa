"""`perplab archetypes`, and archetypes as a part of a comparison."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from cli_kit import call, run_perplab

from perplab.exchange import load_venue
from perplab.lab.archetypes import study
from perplab.lab.archetypes.running import FollowedRun
from perplab.lab.comparison.jobs import Job, made_job
from perplab.lab.scenario import load_scenario
from perplab.lab.sweeps.grid import Planned
from perplab.lab.sweeps.rows import from_record, packed

SMALL = """extends = "calm"
name = "small"
title = "A calm minute"
[path]
minutes = 1
[population]
accounts = 30
"""
LONG = """[[archetypes]]
name = "mine"
class = "directional"
capital_usd = 20000
hears_ms = 500
orders_ms = 500
terms = { position_usd = 100000, leverage = 10, stop_bp = 300.0 }
"""
CARRY = """[[archetypes]]
name = "coins"
class = "carry"
capital_usd = 100000
hears_ms = 50
orders_ms = 30
terms = { position_usd = 50000, clip_usd = 25000 }
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return scenario(tmp_path, "")


def scenario(folder: Path, tables: str) -> Path:
    file = folder / "small.toml"
    file.write_text(f"{SMALL}\n{tables}", encoding="utf-8")
    return file


def read(folder: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((folder / "archetypes.json").read_text(encoding="utf-8"))
    return tree


def test_the_table_and_the_file_have_each_strategy_on_each_venue_and_pair(small: Path, tmp_path: Path) -> None:
    told = call("archetypes", small, "--venues", "portfolio,social_only", "--seeds", "1", "--jobs", "1", "--out", tmp_path / "out")
    assert told.exit_code == 0, told.output
    tree = read(tmp_path / "out")
    played = [(line["name"], tuple(line["venues"])) for line in tree["lines"]]
    both = ("portfolio", "social_only")
    assert played == [
        ("long_with_stop", ("portfolio",)), ("carry", ("portfolio",)), ("hedger", ("portfolio",)), ("long_with_stop", ("social_only",)),
        ("hedger", both), ("basis", both),
    ]  # fmt: skip
    assert [(one["archetype"], one["venue"]) for one in tree["not_played"]] == [("carry", "social_only"), ("hedger", "social_only")]
    assert {tuple(one["venues"]): len(one["state_hashes"]) for one in tree["runs"]} == {both[:1]: 1, both[1:]: 1, both: 2}
    for line in tree["lines"]:
        assert line["pnl_usd"] == pytest.approx(line["price_usd"] - line["fees_usd"] - line["funding_usd"] - line["gas_usd"], abs=1e-5)
    for words in ("long_with_stop (directional)", "portfolio + social_only", "needs a spot market", "archetypes.json"):
        assert words in told.stdout.replace("\n", ""), words


def test_the_same_words_give_the_same_file(small: Path, tmp_path: Path) -> None:
    words = ("archetypes", small, "--venues", "social_only", "--seeds", "2", "--out")
    for folder, jobs in (("one", "1"), ("two", "2")):
        assert call(*words, tmp_path / folder, "--jobs", jobs).exit_code == 0
    assert (tmp_path / "one" / "archetypes.json").read_bytes() == (tmp_path / "two" / "archetypes.json").read_bytes()
    summary = read(tmp_path / "one")["summary"]["long_with_stop"][0]
    assert summary["seeds"] == 2 and summary["least"] <= summary["pnl"] <= summary["most"]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_was_found_until_ctrl_c_is_shown(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]) -> None:
    def interrupted(venues: object, scenario: object, seed: int, **how: object) -> FollowedRun:
        if seed == 2:
            raise KeyboardInterrupt
        return followed(venues, scenario, seed, **how)  # type: ignore[arg-type]

    followed = study.followed
    monkeypatch.setattr(study, "followed", interrupted)
    words = ("archetypes", small, "--venues", "social_only", "--seeds", "3", "--jobs", "1", "--out", tmp_path / "out", *more)
    told = call(*words)
    assert told.exit_code == 130 and told.stderr.splitlines()[-1] == "error: interrupted"
    table = " ".join((told.stderr if more else told.stdout).split())
    assert "Strategies in small, 1 seed; not complete: 1 of 3 runs" in table and "long_with_stop (directional)" in table
    assert "Stopped: only 1 of 3 runs are done, and no file was written." in table
    assert (told.stdout == "") == bool(more), "half of a JSON is none"
    assert not (tmp_path / "out" / "archetypes.json").exists()


def test_ctrl_c_before_anything_is_done_shows_no_table(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> FollowedRun:
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "followed", interrupted)
    told = call("archetypes", small, "--venues", "social_only", "--seeds", "2", "--jobs", "1", "--out", tmp_path)
    assert told.exit_code == 130 and told.stdout == ""


def test_ctrl_c_ends_the_processes_of_the_runs_too(small: Path, tmp_path: Path) -> None:
    words = ("archetypes", small, "--venues", "social_only", "--seeds", "200", "--jobs", "2", "--out", tmp_path)
    running = run_perplab(*words, start_new_session=True)
    assert running.stderr is not None
    while not running.stderr.readline().startswith("  2/200"):
        assert running.poll() is None
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of them
    table, told = running.communicate(timeout=300)  # returns once no process holds the pipe any more
    assert running.returncode == 130 and "not complete" in table
    assert told.split()[-2:] == ["error:", "interrupted"] and "Traceback" not in told


def test_a_scenario_s_own_take_the_place_of_those_that_ship(tmp_path: Path) -> None:
    file = scenario(tmp_path, LONG)
    told = call("archetypes", file, "--venues", "social_only", "--seeds", "1", "--jobs", "1", "--out", tmp_path, "--json")
    assert told.exit_code == 0, told.output
    assert [line["name"] for line in json.loads(told.stdout)["lines"]] == ["mine"]


@pytest.mark.parametrize(
    "tables, words, expected",
    [
        (CARRY, [], "the archetype coins (carry) needs a spot market of the coins of its perpetual (spot), which social_only has not"),
        ("", ["--seeds", "201"], "201 runs, expected at most 200, or --yes"),
        ("", ["--set", "archetypes.leverage=3"], "archetypes"),
        ("", ["--venues", "socialonly"], "socialonly"),
        (LONG.replace("directional", "directionel"), [], "class is 'directionel': expected one of directional, carry, hedger, basis"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(tables: str, words: list[str], expected: str, tmp_path: Path) -> None:
    told = call("archetypes", scenario(tmp_path, tables), "--venues", "social_only", "--seeds", "1", "--out", tmp_path / "out", *words)
    assert told.exit_code == 2 and expected in told.stderr.replace("\n", " "), told.stderr
    assert not (tmp_path / "out").exists()


def test_designs_that_cannot_have_several_markets_are_refused_for_such_a_scenario(tmp_path: Path) -> None:
    told = call("archetypes", "two_markets", "--venues", "perp_v1", "--jobs", "1", "--out", tmp_path)
    assert told.exit_code == 2 and "perp_v1: markets[0].curve: expected none with several markets" in told.stderr


def test_a_comparison_tells_the_lines_of_those_who_trade_its_market(tmp_path: Path) -> None:
    file = scenario(tmp_path, LONG)
    told = call("compare", file, "--venues", "book_fund_adl,social_only", "--seeds", "1", "--jobs", "1", "--out", tmp_path / "first")
    assert told.exit_code == 0, told.output
    report = json.loads((tmp_path / "first" / "report.json").read_text(encoding="utf-8"))
    assert [[line["name"] for line in run["archetypes"]] for run in report["runs"]] == [["mine"], ["mine"]]
    assert call("report", tmp_path / "first").exit_code == 0
    again = call("compare", "--from-report", tmp_path / "first" / "report.json", "--jobs", "1", "--out", tmp_path / "again")
    assert again.exit_code == 0 and "all state hashes and metrics of its 2 runs are equal" in again.stdout.replace("\n", " ")


def test_a_sweep_keeps_the_lines_of_its_runs(tmp_path: Path) -> None:
    job = Job(load_venue("social_only"), load_scenario(str(scenario(tmp_path, LONG))), 1, None)
    done, _ = made_job(job, lambda share: None)
    assert [line.name for line in done.result.archetypes] == ["mine"]
    planned = Planned("key", job, "small", "", "social_only", {}, False)
    assert from_record(packed(done), planned, done.result.state_hash).result.archetypes == done.result.archetypes


@pytest.mark.parametrize(
    "venue, expected",
    [
        ("portfolio", "the archetype coins (carry) trades coins, which the metrics of a comparison do not count"),
        ("social_only", "the archetype coins (carry) needs a spot market"),
    ],
)
def test_a_comparison_refuses_who_trades_coins(venue: str, expected: str, tmp_path: Path) -> None:
    told = call("compare", scenario(tmp_path, CARRY), "--venues", venue, "--seeds", "1", "--out", tmp_path / "out")
    assert told.exit_code == 2 and expected in told.stderr, told.stderr
