"""A report as a start: the comparison repeated bit for bit, a journal checked against it, and everything that is wrong told in a line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cli_kit import call, klines, made_up

from perplab.exchange.design.reader import convert
from perplab.exchange.design.venue import load_venue
from perplab.exchange.journal import HEAD, replayed
from perplab.lab import simulation
from perplab.lab.comparison import jobs
from perplab.lab.comparison.choices import Choice
from perplab.lab.comparison.repeat import Recorded, choice_of, recorded
from perplab.lab.comparison.report import Exact, to_text
from perplab.lab.runs import Run
from perplab.lab.scenario import load_scenario, shipped

DESIGNS = ("--venues", "book_fund_adl,social_only")
ONE = ("--seeds", "1", "--jobs", "1")


def edited(file: Path, **changes: Any) -> Path:
    """A copy of a report with some keys changed, beside it."""
    told = json.loads(file.read_text(encoding="utf-8")) | changes
    copy = file.with_name("edited.json")
    copy.write_text(json.dumps(told), encoding="utf-8")
    return copy


@pytest.fixture
def report(quick: Path) -> Path:
    assert call("compare", "flash", *DESIGNS, "--seeds", "2", "--jobs", "1", "--accounts", "50").exit_code == 0
    return Path("out/flash/report.json")


# -- a comparison repeated --


@pytest.mark.parametrize("name", shipped())
def test_a_scenario_comes_back_from_a_report_to_the_last_bit(name: str) -> None:
    scenario = load_scenario(name).override({"population": {"entry": [1 / 3, 0.1 + 0.2 + 1]}})
    venues = tuple(load_venue(one) for one in ("book_fund_adl", "auction_fund_adl", "book_vault_adl"))
    choice = Choice(scenario, venues, (1, 2), "own", "book_vault_adl", ("--set a=1",))
    told = {
        "schema": 3, "made_by": {}, "capital": {"choice": "own"}, "baseline": "book_vault_adl", "venues": [one.name for one in venues],
        "seeds": [1, 2], "runs": [], "inputs": Exact(msgspec.to_builtins(jobs.about(choice).inputs._asdict())),
    }  # fmt: skip
    again = choice_of(convert(json.loads(to_text(told)), Recorded, "report.json"), Path("report.json"))
    assert again == choice
    assert repr(again.scenario) == repr(scenario)


def test_a_report_is_repeated(report: Path) -> None:
    done = call("compare", "--from-report", report, "--jobs", "1")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("\nRepeated out/flash/report.json: all state hashes and metrics of its 4 runs are equal.\n")
    assert Path("out/flash-repeated/report.json").read_bytes() == report.read_bytes()


def test_one_on_a_file_is_repeated_without_the_file(quick: Path) -> None:
    file = klines(quick, 180, 90)
    words = ("--from", "01:31", "--to", "02:31", "--own-capital", "--baseline", "social_only", "--set", "oracle.lag_ms=3")
    assert call("compare", "oct10", *DESIGNS, *ONE, "--path", file, *words, "--out", "first").exit_code == 0
    told = json.loads(Path("first/report.json").read_text(encoding="utf-8"))["inputs"]["path_file"]
    assert (told["name"], told["start"], told["end"]) == ("BTCUSDT-1m.csv", "2020-03-13T01:31:00Z", "2020-03-13T02:31:00Z")
    assert len(told["sha256"]) == 64
    Path(file).unlink()
    assert call("compare", "--from-report", "first/report.json", "--jobs", "1", "--out", "again").exit_code == 0
    assert Path("again/report.json").read_bytes() == Path("first/report.json").read_bytes()


def test_a_run_that_differs_is_named(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(venue: Any, scenario: Any, seed: int, **more: Any) -> Run:
        made = made_up(venue, scenario, seed, **more)
        return made if (venue.name, seed) != ("social_only", 2) else replace(made, state_hash="ffff")

    monkeypatch.setattr(jobs, "run", other)
    done = call("compare", "--from-report", report, "--jobs", "1")
    assert done.exit_code == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert lines[0] == "error: social_only, seed 2: state hash ffff, in the report social_only 50 2"
    assert lines[1].startswith("error: 1 of 4 runs differ from out/flash/report.json (made by perplab ")


def test_metrics_that_differ_are_named_too(report: Path) -> None:
    told = json.loads(report.read_text(encoding="utf-8"))
    told["runs"][0]["metrics"]["losses"]["bad_debt_usd"] += 1
    del told["runs"][3]
    done = call("compare", "--from-report", edited(report, runs=told["runs"]), "--jobs", "1")
    assert done.exit_code == 1
    assert "error: book_fund_adl, seed 1: the state hash is equal, the metrics are not" in done.stderr
    assert "error: social_only, seed 2: not among the runs of the report" in done.stderr


def changed(report: dict[str, Any], change: str) -> dict[str, Any]:
    runs = report["runs"]
    if change == "beyond":
        runs[0]["beyond"] = ["it was not"]
    elif change == "summary":
        report["summary"]["social_only"]["losses.total_usd"]["median"] = 1
    elif change == "accounts":
        report["accounts"] = 51
    elif change == "units":
        del report["units"]["losses.total_usd"]
    elif change == "another key":
        report["note"] = "\U0001f600" * 99  # a pair of surrogates is one character
    elif change == "run":
        runs.append({**runs[0], "seed": 9})
    elif change == "run twice":
        runs.append(runs[0])
    else:
        report["seeds"] = [1]
    return report


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("beyond", "runs[0].beyond has length 1 in the report, made anew 0"),
        ("summary", "summary.social_only.losses.total_usd.median is 1 in the report, made anew "),
        ("accounts", "accounts is 51 in the report, made anew 50"),
        ("units", "units.losses.total_usd is missing in the report, made anew it is there"),
        ("another key", "note is in the report, made anew it is missing"),
        ("run", "book_fund_adl, seed 9: among the runs of the report, and not one of its venues, paths and seeds"),
        ("run twice", "runs has length 5 in the report, made anew 4"),
        ("seeds", "book_fund_adl, seed 2: among the runs of the report, and not one of its venues, paths and seeds"),
    ],
)
def test_all_that_a_report_says_is_compared(report: Path, change: str, told: str) -> None:
    copy = edited(report, **changed(json.loads(report.read_text(encoding="utf-8")), change))
    done = call("compare", "--from-report", copy, "--jobs", "1")
    assert done.exit_code == 1, done.output
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert lines[0].startswith(f"error: {told}") and "(made by perplab " in lines[-1]


def test_who_made_a_report_is_not_compared(report: Path) -> None:
    told = json.loads(report.read_text(encoding="utf-8"))["made_by"] | {"numpy": "0"}
    assert call("compare", "--from-report", edited(report, made_by=told), "--jobs", "1").exit_code == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema": 2}, "schema is 2: expected 3, that of this version of perplab"),
        ({"seeds": []}, "seeds is []: expected `array` of length >= 1"),
        ({"seeds": [99999999999]}, "seeds[0] is 99999999999: expected `int` <= 2147484648"),
        ({"seeds": [-1]}, "seeds[0] is -1: expected `int` >= 0"),
        ({"seeds": list(range(1001))}, "seeds is ["),
        ({"seeds": [2, 1, 2]}, "seeds has 2 twice: expected different ones"),
        ({"venues": ["social_only", "social_only"]}, "venues has 'social_only' twice: expected different ones"),
        ({"title": "half \ud800"}, "title holds half a character, a lone surrogate: expected text"),
        ({"runs": [{"path": ["a", "\udcff"]}]}, "runs[0].path[1] holds half a character, a lone surrogate: expected text"),
        ({"\ud800": 1}, "a key of the file holds half a character, a lone surrogate: expected text"),
        ({"seeds": ["a"]}, "seeds[0] is 'a': expected `int`, got `str`"),
        ({"venues": ["nobody"]}, "inputs.designs is without nobody: expected the names in venues"),
        ({"baseline": "nobody"}, "baseline is nobody: expected the names in venues"),
        ({"inputs": {}}, "missing key inputs.settings"),
        ({"capital": {"choice": "much"}}, "capital.choice is 'much': expected one of own, same"),
    ],
)
def test_a_report_that_cannot_be_repeated_is_one_line(report: Path, changes: dict[str, Any], told: str) -> None:
    done = call("compare", "--from-report", edited(report, **changes), "--jobs", "1")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: out/flash/edited.json: {told}") and len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("key", ["name", "liquidation"])
def test_a_design_that_was_tampered_with_is_refused(report: Path, key: str) -> None:
    inputs = json.loads(report.read_text(encoding="utf-8"))["inputs"]
    inputs["designs"]["social_only"][key] = "../../x" if key == "name" else {"steps": ["book", "book"]}
    done = call("compare", "--from-report", edited(report, inputs=inputs), "--jobs", "1")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: out/flash/edited.json: inputs.designs.social_only: ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "[]", "no json", "{", "[" * 100_000])
def test_a_file_that_is_no_report_is_one_line(quick: Path, text: str) -> None:
    Path("r.json").write_text(text, encoding="utf-8")
    done = call("compare", "--from-report", "r.json")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: r.json: ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["flash"], "SCENARIO"),
        (["--seeds", "2"], "--seeds"),
        (["--own-capital"], "--same-capital/--own-capital"),
        (["--set", "a=1"], "--set"),
    ],
)
def test_what_is_in_the_report_cannot_be_asked_for_otherwise(report: Path, words: list[str], name: str) -> None:
    done = call("compare", "--from-report", report, *words)
    assert done.exit_code == 2
    expected = "expected only --out, --jobs, --html and --png: all else is in that file"
    assert done.stderr == f"error: {name}: given with --from-report, {expected}\n"


def test_a_repeat_does_not_overwrite_what_it_repeats(report: Path) -> None:
    done = call("compare", "--from-report", report, "--out", "out/flash")
    assert done.exit_code == 2
    assert done.stderr == "error: --out: out/flash given, expected another folder than that of the report which is repeated\n"


def test_recorded_names_the_file() -> None:
    with pytest.raises(ValueError, match=r"nowhere\.json: cannot be read"):
        recorded(Path("nowhere.json"))


# -- a journal checked --


@pytest.fixture
def journal(quick: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal of a real run, of a minute with few accounts, in the folder of its comparison."""
    monkeypatch.setattr(jobs, "run", simulation.run)
    path = '{kind="gbm", start=2025-01-01T00:00:00Z, minutes=1, step_ms=100, first_usd=1e5, drift=0, volatility=0.5}'
    done = call("compare", "flash", "--venues", "social_only", *ONE, "--accounts", "20", "--set", f"path={path}", "--out", "here")
    assert done.exit_code == 0, done.output
    return Path("here/journals/social_only-seed1.journal")


def test_a_journal_is_checked_against_the_report_above_it(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(Path("here/report.json").read_text(encoding="utf-8"))
    state_hash = told["runs"][0]["state_hash"]
    done = call("replay", journal)
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{state_hash}\n", "equal to here/report.json\n")
    told["runs"][0]["state_hash"] = "0" * 32
    Path("here/report.json").write_text(json.dumps(told), encoding="utf-8")
    done = call("replay", journal)
    assert (done.exit_code, done.stdout) == (1, f"{state_hash}\n")
    assert done.stderr == f"error: differs from here/report.json, which says {'0' * 32}\n"
    monkeypatch.chdir("here/journals")
    assert call("replay", journal.name).stderr == f"error: differs from ../report.json, which says {'0' * 32}\n"


def test_a_journal_without_a_report_says_so(journal: Path) -> None:
    data = journal.read_bytes()
    for name in ("alone.journal", "here/alone-seed1.journal", "here/journals/alone.journal"):
        Path(name).write_bytes(data)
        done = call("replay", name)
        assert (done.exit_code, done.stderr) == (0, "no report.json beside it to check the hash against\n"), name
    Path("here/journals/other-seed1.journal").write_bytes(data)
    assert call("replay", "here/journals/other-seed1.journal").stderr == "here/report.json: does not name this run\n"
    Path("here/report.json").write_text("{}", encoding="utf-8")
    done = call("replay", journal)
    assert (done.exit_code, done.stderr) == (0, "cannot be checked: here/report.json: missing key runs\n")


def test_a_journal_that_was_cut_off_says_what_was_dropped(journal: Path) -> None:
    data = journal.read_bytes()
    whole = replayed(data)
    assert (whole.dropped_bytes, whole.commands > 100) == (0, True)
    journal.write_bytes(data[:-7])
    cut = replayed(journal)
    assert cut.commands < whole.commands
    assert HEAD.size < cut.dropped_bytes < len(data)
    done = call("replay", journal)
    assert (done.exit_code, done.stdout) == (3, f"{cut.exchange.state_hash()}\n")
    assert done.stderr == (
        f"error: {journal}: cut off: its last {cut.dropped_bytes:,} bytes are no whole record and were dropped; the hash is that after "
        f"{cut.commands:,} commands\n"
    )
    journal.write_bytes(data + b"\0" * 3)
    assert replayed(journal).dropped_bytes == 3
    assert call("replay", journal).exit_code == 3
