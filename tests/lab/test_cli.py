"""The command line: what it writes and prints, and that every wrong input is one line and exit code 2."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from cli_kit import START_NS, call, klines, made_up, run_perplab

from perplab.exchange import BUILD, compared_venues, engine
from perplab.exchange.design.venue import VenueDesign
from perplab.lab.comparison import jobs
from perplab.lab.comparison.choices import moment
from perplab.lab.runs import Run
from perplab.lab.scenario import Scenario, load_scenario, shipped
from perplab.oracle.bars import Bars

# -- what works --


def test_version_names_the_build_the_interpreter_and_the_file_that_runs() -> None:
    told = call("--version")
    assert told.exit_code == 0
    expected = rf"perplab (\d+\.\d+\.\d+|\(not installed\)) \({BUILD} core, \w+ \d+\.\d+\.\d+\w*\) from (.+)\n"
    found = re.fullmatch(expected, told.output)
    assert found and Path(found[2]).samefile(str(engine.__file__))
    assert found[2].endswith(".py") == (BUILD == "interpreted")


def test_help_does_not_import_the_core_nor_numpy() -> None:
    code = "import sys\nfrom perplab.lab.cli import main\ntry: main(['--help'])\nfinally: print({'numpy', 'librt'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "compare" in done.stdout and done.stdout.endswith("set()\n")


def test_lists_of_venues_and_scenarios() -> None:
    venues = call("venues").output.splitlines()
    assert [line.split()[0] for line in venues[1:7]] == compared_venues()
    scenarios = call("scenarios").output.splitlines()
    width = max(map(len, shipped())) + 2
    assert f"{'oct10':<{width}}{load_scenario('oct10').title}" in scenarios


def test_compare_writes_report_picture_timings_and_journals(quick: Path) -> None:
    chosen = ("--venues", "book_fund_adl,social_only", "--seeds", "2", "--seed", "7", "--accounts", "50")
    done = call("compare", "oct10", *chosen, "--jobs", "1")
    assert done.exit_code == 0, done.output
    report = json.loads((quick / "out/oct10/report.json").read_text(encoding="utf-8"))
    assert (report["venues"], report["seeds"], report["accounts"]) == (["book_fund_adl", "social_only"], [7, 8], 50)
    assert report["summary"]["social_only"]["losses.bad_debt_usd"]["mean_difference"] == 15e6
    assert report["runs"][3]["state_hash"] == "social_only 50 8"
    assert {path.name for path in (quick / "out/oct10/journals").iterdir()} == {
        f"{venue}-seed{seed}.journal" for venue in ("book_fund_adl", "social_only") for seed in (7, 8)
    }
    picture = (quick / "out/oct10/report.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg") and "social_only" in picture and "url(http" not in picture.replace('"', '')
    assert len(json.loads((quick / "out/oct10/timings.json").read_text(encoding="utf-8"))["runs"]) == 4
    assert re.search(r"bad debt +M USD +7\.5 +22\.5 +\+15\.0", done.stdout)
    assert done.stderr.splitlines()[-1].startswith("4/4  social_only seed 8: 1 liquidated, bad debt 24 M USD, 0 s")


def test_compare_takes_all_designs_and_five_seeds_by_default(quick: Path) -> None:
    assert call("compare", "oct10", "--jobs", "1", "--out", "here").exit_code == 0
    report = json.loads((quick / "here/report.json").read_text(encoding="utf-8"))
    assert report["venues"] == compared_venues()
    assert report["seeds"] == [1, 2, 3, 4, 5]
    assert not (quick / "out").exists()


def test_two_comparisons_give_the_same_report(quick: Path) -> None:
    for folder in ("a", "b"):
        assert call("compare", "oct10", "--seeds", "2", "--jobs", "1", "--out", folder).exit_code == 0
    assert (quick / "a/report.json").read_bytes() == (quick / "b/report.json").read_bytes()


def test_a_file_is_the_true_price_around_its_worst_minute(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Scenario] = []

    def watched(venue: VenueDesign, scenario: Scenario, seed: int, **more: Any) -> Run:
        seen.append(scenario)
        return made_up(venue, scenario, seed, **more)

    monkeypatch.setattr(jobs, "run", watched)
    given = ("compare", "oct10", "--venues", "social_only", "--seeds", "1", "--path", klines(quick, 180, 90))
    for more in ([], ["--from", "01:31", "--to", "02:51"], ["--from", "2020-03-13T01:31", "--to", "2020-03-13T03:51+01:00"]):
        assert call(*given, *more).exit_code == 0
    first = seen[0].path.path(1)
    assert (first.start_ns, len(seen[0].path.bars)) == (START_NS - 0 * 60 * 10**9, 80)  # type: ignore[union-attr]
    assert seen[1].path.path(1).start_ns == seen[2].path.path(1).start_ns == START_NS - 30 * 60 * 10**9
    assert len(seen[1].path.bars) == len(seen[2].path.bars) == 80  # type: ignore[union-attr]
    folder = next((quick / "out").glob("oct10-BTCUSDT-1m-20200313T0131-20200313T0251-*"))
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["path"] == "BTCUSDT-1m.csv"
    assert report["title"] == "The traders of oct10 on BTCUSDT-1m.csv, 2020-03-13 01:31 to 02:51 UTC"


def test_without_a_command_it_shows_what_there_is() -> None:
    told = call()
    assert told.exit_code == 0
    assert {"compare", "replay", "venues", "scenarios"} <= set(re.findall(r"^  (\w+)", told.output, re.MULTILINE))


# -- what the user gets wrong --


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["compare", "oct11"], r"oct11.*oct10"),
        (["compare", "oct10", "--venues", "book_fund_adll"], r"book_fund_adll.*book_fund_adl\b"),
        (["compare", "oct10", "--venues", "social_only,social_only"], r"--venues: social_only given twice"),
        (["compare", "oct10", "--venues", ","], r"--venues: ',' given, expected names separated by commas"),
        (["compare", "oct10", "--venues", "social_only,,"], r"--venues: 'social_only,,' given, expected .*: name 2 is empty$"),
        (["compare", "oct10", "--paths", "recovers, "], r"--paths: 'recovers, ' given, expected .*: name 2 is empty$"),
        (["compare", "two_markets", "--margin", ",cross"], r"--margin: ',cross' given, expected .*: name 1 is empty$"),
        (["compare", "oct10", "--paths", "nosuch"], r"--paths: 'nosuch' given, expected all or some of real, stays_low(?!.*stays_low)"),
        (["compare", "oct10", "--set", "title=\udcff"], r"--set: 'title=\\udcff' given, expected text$"),
        (["compare", "oct10", "--seeds", "0"], r"--seeds.*0"),
        (["compare", "oct10", "--seeds", "many"], r"--seeds.*many"),
        (["compare", "oct10", "--accounts", "3"], r"--accounts.*3"),
        (["compare", "oct10", "--jobs", "0"], r"--jobs.*0"),
        (["compare", "oct10", "--from", "01:00"], r"--from.*--path"),
        (["compare", "oct10", "--path", "nowhere.csv"], r"--path.*nowhere\.csv"),
        (["compare", "oct10", "--path", "klines.csv", "--from", "noon"], r"--from: 'noon' given, expected HH:MM or YYYY-MM-DDTHH:MM"),
        (["compare", "oct10", "--path", "klines.csv", "--from", "25:00"], r"--from: '25:00' given"),
        (["compare", "oct10", "--path", "klines.csv", "--from", "02:00", "--to", "01:30"], r"--to: '01:30' given.*after"),
        (["compare", "oct10", "--path", "klines.csv", "--from", "2031-01-01T00:00"], r"2031.*2020-03-13T01:01 to 2020-03-13T03:01"),
        (["compare", "oct10", "--path", "broken.csv"], r"broken\.csv: row 1"),
        (["compare", "oct10", "--out", "klines.csv"], r"klines\.csv"),
        (["compare", "oct10", "--out", ""], r"'--out': '' given, expected a folder\.$"),
        (["export", "klines.csv", "--out", ""], r"'--out': '' given, expected a folder\.$"),
        (["compare", "broken.toml"], r"broken\.toml"),
        (["compare"], r"SCENARIO"),
        (["compare", "oct10", "--venus", "a"], r"--venus.*--venues"),
        (["compair", "oct10"], r"compair"),
        (["replay", "nowhere.journal"], r"nowhere\.journal"),
        (["replay", "broken.csv"], r"broken\.csv"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(quick: Path, arguments: list[str], told: str) -> None:
    Path(klines(quick)).rename("klines.csv")
    Path("broken.csv").write_text("what,is,this\n", encoding="utf-8")
    Path("broken.toml").write_text("name = ", encoding="utf-8")
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("error: ")
    assert re.search(told, done.stderr), done.stderr
    assert not done.stdout


def test_our_own_mistakes_are_not_hidden(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Run:
        raise ValueError("a bug")

    monkeypatch.setattr(jobs, "run", broken)
    done = call("compare", "oct10", "--jobs", "1")
    assert isinstance(done.exception, ValueError)


def test_an_interrupt_ends_with_130_and_no_traceback(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> Run:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "run", interrupted)
    done = call("compare", "oct10", "--jobs", "1")
    assert done.exit_code == 130
    assert done.stderr.splitlines()[-1] == "error: interrupted"
    assert not (quick / "out/oct10/report.json").exists()


# -- times --


def test_a_time_of_day_is_on_the_day_of_the_worst_minute() -> None:
    two_days = [(5_000.0, 5_010.0, 4_990.0, 5_000.0)] * 2_880
    two_days[2_000] = (5_000.0, 5_010.0, 4_000.0, 5_000.0)
    midnight = 1_584_057_600 * 10**9  # 2020-03-13T00:00 UTC
    bars = Bars.of(two_days, midnight, 60 * 10**9, "test")
    assert moment("--from", "00:05", bars) == midnight + (1_440 + 5) * 60 * 10**9
    assert moment("--from", "2020-03-13T00:05", bars) == midnight + 5 * 60 * 10**9
    assert moment("--from", None, bars) is None


# -- the real thing --


def four_minutes(folder: Path) -> Path:
    """oct10 cut to its four deepest minutes."""
    text = resources.files("perplab.lab").joinpath("scenarios", "oct10.toml").read_text(encoding="utf-8")
    bars = re.findall(r"^ +\[.*$", text, re.MULTILINE)
    text = re.sub(r"^watch_from = .*\n", "", text, flags=re.MULTILINE)  # it lies outside these four
    file = folder / "four.toml"
    file.write_text(text.replace("\n".join(bars), "\n".join(bars[27:31])), encoding="utf-8")
    return file


def test_two_processes_give_what_one_gives_and_journals_replay(tmp_path: Path) -> None:
    chosen = ("--venues", "book_fund_adl,social_only", "--seeds", "1", "--accounts", "60")
    for processes in ("1", "2"):
        running = run_perplab("compare", four_minutes(tmp_path), *chosen, "--jobs", processes, "--out", tmp_path / processes)
        told = running.communicate()
        assert running.returncode == 0, told
    assert (tmp_path / "1/report.json").read_bytes() == (tmp_path / "2/report.json").read_bytes()
    for run in json.loads((tmp_path / "1/report.json").read_text(encoding="utf-8"))["runs"]:
        assert run["metrics"]["liquidation"]["accounts"] > 0
        replayed = call("replay", tmp_path / f"1/journals/{run['venue']}-seed1.journal")
        assert replayed.exit_code == 0
        assert replayed.stdout == f"{run['state_hash']}\n"
        assert re.fullmatch(r"equal to \S*1/report\.json\n", replayed.stderr)


@pytest.mark.parametrize(
    ("number", "whole_group", "after_s", "code"),
    [
        (signal.SIGINT, True, 0.0, 130),  # Ctrl-C while the workers start
        (signal.SIGINT, True, 2.0, 130),  # and while they work
        (signal.SIGINT, False, 2.0, 130),
        (signal.SIGTERM, False, 2.0, 143),
    ],
)
def test_a_signal_ends_the_workers_too(tmp_path: Path, number: signal.Signals, whole_group: bool, after_s: float, code: int) -> None:
    running = run_perplab("compare", "oct10", "--jobs", "2", "--out", tmp_path, start_new_session=True)
    assert running.stderr is not None and "2 at a time" in running.stderr.readline()
    time.sleep(after_s)
    os.killpg(running.pid, number) if whole_group else running.send_signal(number)
    _, told = running.communicate(timeout=300)  # returns once no worker holds the pipe any more
    assert running.returncode == code
    assert told.split() == ([] if number == signal.SIGTERM else ["error:", "interrupted"])
    assert not list(tmp_path.glob("report.json"))
