"""The lab from Python: `run`, `compare` and the tables of `Results`, against the command line and against each other."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from cli_kit import call
from msgspec.structs import replace

import perplab.lab
from perplab.exchange import load_venue
from perplab.exchange.events import Liquidated, Traded
from perplab.lab import Results, compare, events_of, load_paths, load_scenario, run
from perplab.lab.metrics import CATALOGUE
from perplab.lab.runs import Run

ACCOUNTS = 60
VENUES = ("book_fund_adl", "social_only")


@cache
def compared() -> Results:
    return compare(VENUES, "flash", seeds=2, accounts=ACCOUNTS)


@cache
def played() -> Run:
    return run("social_only", "flash", accounts=ACCOUNTS)


# -- names --


def test_run_and_compare_are_functions_and_hide_no_module() -> None:
    assert perplab.lab.run is run and callable(run) and callable(compare)
    folder = Path(str(perplab.lab.__file__)).parent
    assert not (folder / "run.py").exists() and not (folder / "compare.py").exists()
    assert {"run", "compare", "Results", "Scenario"} <= set(dir(perplab.lab))
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        _ = perplab.lab.rum  # type: ignore[attr-defined]


def test_the_package_loads_nothing_before_it_is_asked() -> None:
    code = "import sys, perplab.lab; print({'numpy', 'librt', 'rich', 'click'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# -- the same as the command line --


@pytest.mark.parametrize("as_objects", [False, True])
def test_a_comparison_is_that_of_the_command_line(tmp_path: Path, as_objects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, whether names or objects are given."""
    monkeypatch.chdir(tmp_path)
    done = call(
        "compare", "flash", "--venues", ",".join(VENUES), "--seeds", 1, "--seed", 3, "--accounts", ACCOUNTS, "--out", "there", "--jobs", 1
    )
    assert done.exit_code == 0, done.output
    venues = [load_venue(name) for name in VENUES] if as_objects else VENUES
    scenario = load_scenario("flash") if as_objects else "flash"
    made = compare(venues, scenario, seeds=[3], accounts=ACCOUNTS, insured=False, out="here")
    assert (tmp_path / "here/report.json").read_bytes() == (tmp_path / "there/report.json").read_bytes()
    assert {path.name for path in (tmp_path / "here/journals").iterdir()} == {f"{name}-seed3.journal" for name in VENUES}
    assert made.journals == Path("here/journals")
    assert made.report.to_json() == (tmp_path / "here/report.json").read_text(encoding="utf-8")


def test_a_run_is_that_of_the_comparison() -> None:
    assert [one.state_hash for one in compared().report.results if (one.venue, one.seed) == ("social_only", 1)] == [played().state_hash]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"venues": "social_onli"}, "unknown venue 'social_onli'; did you mean 'social_only'?"),
        ({"venues": []}, "venues: [] given, expected names separated by commas"),
        ({"venues": [7]}, "venues: 7 given, expected names, files or designs"),
        ({"venues": "social_only,social_only"}, "venues: social_only given twice, expected different names"),
        ({"scenario": "flesh"}, "no scenario 'flesh'; did you mean 'flash'?; a file of your own ends in .toml"),
        ({"scenario": 7}, "scenario: 7 given, expected a name, a file or a Scenario"),
        ({"seeds": 0}, "seeds: 0 given, expected 1 to 1,000, or so many different seeds from 0 to 2,147,484,648"),
        ({"seeds": [1, 1]}, "seeds: [1, 1] given, expected 1 to 1,000, or so many different seeds from 0 to 2,147,484,648"),
        ({"baseline": "x"}, "baseline: 'x' given, expected a design of the comparison; known: social_only"),
        ({"paths": ["recover"]}, "paths: 'recover' given, expected all or some of recovers, stays_low, falls_on, whipsaw; did you mean"),
        ({"settings": "oracle.lag_ms"}, "settings: 'oracle.lag_ms' given, expected KEY=VALUE, such as oracle.lag_ms=5000"),
        ({"vary": "patient"}, "vary: 'patient' given, expected KEY=LEVEL|LEVEL, or an axis whose levels are known; did you mean 'patien"),
        ({"jobs": 0}, "jobs: 0 given, expected 1 or more"),
        ({"accounts": 3}, "accounts: population.accounts is 3: "),
        ({"accounts": "60"}, "accounts: '60' given, expected a whole number"),
        ({"capital": "Same"}, "capital: 'Same' given, expected 'same', 'own' or None"),
        ({"capital": 5}, "capital: 5 given, expected 'same', 'own' or None"),
        ({"venues": 5}, "venues: 5 given, expected names, files or designs"),
        ({"venues": {"social_only"}}, "venues: {'social_only'} given, expected names, files or designs"),
        ({"jobs": "2"}, "jobs: '2' given, expected 1 or more"),
        ({"jobs": True}, "jobs: True given, expected 1 or more"),
        ({"vary": 5}, "vary: 5 given, expected a text, or a list of texts"),
        ({"margin": [5]}, "margin: [5] given, expected a text, or a list of texts"),
        ({"settings": 5}, "settings: 5 given, expected a text, or a list of texts"),
        ({"venue_settings": [None]}, "venue_settings: [None] given, expected a text, or a list of texts"),
        ({"paths": 5}, "paths: 5 given, expected names of paths, 'all', or scenarios by name"),
        ({"paths": {"a": 1}}, "paths: {'a': 1} given, expected names of paths, 'all', or scenarios by name"),
        ({"out": 5}, "out: 5 given, expected a folder"),
        ({"out": ""}, "out: '' given, expected a folder"),
        ({"seeds": True}, "seeds: True given, expected 1 to 1,000, or so many different seeds from 0 to 2,147,484,648"),
        ({"baseline": 5}, "baseline: 5 given, expected the name of a design"),
        ({"insured": "no"}, "insured: 'no' given, expected True or False"),
        ({"progress": 1}, "progress: 1 given, expected True or False"),
        ({"venues": "social_only,"}, "venues: 'social_only,' given, expected names separated by commas: name 2 is empty"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(asked: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError) as refused:
        compare(**{"venues": "social_only", "scenario": "flash", **asked})  # type: ignore[arg-type]
    assert str(refused.value).startswith(told) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"venue": 5}, "venue: 5 given, expected a name, a file or a design"),
        ({"seed": [1]}, "seed: [1] given, expected a whole number from 0 to 2,147,484,648"),
        ({"seed": -1}, "seed: -1 given, expected a whole number from 0 to 2,147,484,648"),
        ({"accounts": 60.0}, "accounts: 60.0 given, expected a whole number"),
        ({"bots": [1]}, "bots: [1] given, expected a list of agents"),
        ({"capital": "x"}, "capital: 'x' given, expected 'same', 'own' or None"),
        ({"progress": 1}, "progress: 1 given, expected a function that takes the share that is done"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused_in_one_line(asked: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError) as refused:
        run(**{"venue": "social_only", "scenario": "flash", **asked})  # type: ignore[arg-type]
    assert str(refused.value) == told


def test_another_capital_must_be_said() -> None:
    rich = replace(load_venue("book_fund_adl"), name="rich", insurance_fund=replace(load_venue("book_fund_adl").insurance_fund, capital=99))
    with pytest.raises(ValueError, match=r"rich: insurance_fund.capital is 99, .* expected capital='own', .* or capital='same'"):
        run(rich, "flash")


def test_paths_can_be_scenarios_that_differ_in_nothing_else() -> None:
    paths = load_paths("flash")
    changed = {"recovers": paths["recovers"].override({"backstop_usd": 1.0})}
    with pytest.raises(ValueError, match=r"paths: recovers is flash.recovers: expected flash on another path, and all else equal"):
        compare(VENUES, "flash", paths=changed)
    with pytest.raises(ValueError, match=r"paths: 'all' given, expected scenarios by name: flash is one path"):
        compare(VENUES, load_scenario("flash"), paths="all")


# -- tables --


def test_cells_have_every_metric_of_every_run() -> None:
    cells, report = compared().cells("arrays"), compared().report
    assert set(cells) == {"path", "venue", "seed", "state_hash", "counted", "beyond", *(measure.key for measure in CATALOGUE)}
    assert list(zip(cells["venue"].tolist(), cells["seed"].tolist())) == [(one.venue, one.seed) for one in report.results]
    assert cells["counted"].tolist() == [True] * 4 and cells["beyond"].tolist() == [""] * 4
    for measure in CATALOGUE:
        wanted = [one.metrics.scalar(measure.key) for one in report.results]
        np.testing.assert_array_equal(cells[measure.key], np.array([np.nan if value is None else value for value in wanted]))


def test_minutes_are_those_of_the_report() -> None:
    minutes = compared().minutes("arrays")
    first = compared().report.results[0].metrics.minutes
    count = len(first.start_ts)
    assert minutes["start_ts"][:count].tolist() == first.start_ts and minutes["trades"][:count].tolist() == first.trades
    assert len(minutes["seed"]) == sum(len(one.metrics.minutes.start_ts) for one in compared().report.results)


def test_buckets_of_cohorts_add_up() -> None:
    cohorts = compared().cohorts("arrays")
    by, seed, gain = cohorts["by"], cohorts["seed"], cohorts["gain_usd"]
    for venue in VENUES:
        mine = (cohorts["venue"] == venue) & (seed == 1)
        sums = [gain[mine & (by == one)].sum() for one in ("all", "side", "leverage", "size", "cohort")]
        np.testing.assert_allclose(sums, sums[0], atol=1e-3)
    base = (cohorts["venue"] == "book_fund_adl") & (by == "all")
    assert cohorts["cost_usd_to_baseline"][base].tolist() == [0.0, 0.0]
    assert np.isfinite(cohorts["cost_bp_to_insured"][by == "all"]).all()


def test_the_summary_is_what_the_report_finds() -> None:
    summary, report = compared().summary("arrays"), compared().report
    at = (summary["venue"] == "social_only") & (summary["metric"] == "losses.total_usd")
    found = report.finding("social_only", "losses.total_usd")
    assert summary["mean_difference"][at].tolist() == [found.mean] and summary["verdict"][at].tolist() == ["too few seeds"]
    assert len(summary["venue"]) == len(VENUES) * len(CATALOGUE)


def test_events_of_a_journal_are_those_of_the_run() -> None:
    direct = events_of(played(), Traded, "arrays")
    again = compared().events("Traded", "social_only", seed=1, frame="arrays")
    assert len(direct["seq"]) > 1000
    assert list(again) == ["path", "venue", "seed", *direct]
    for name, values in direct.items():
        np.testing.assert_array_equal(again[name], values)
    whose = compared().events(Liquidated, frame="arrays")
    assert sorted(set(zip(whose["venue"].tolist(), whose["seed"].tolist()))) == [(name, seed) for name in VENUES for seed in (1, 2)]


def test_events_are_bounded_and_named() -> None:
    with pytest.raises(ValueError, match="events: more than 10 of Traded given, expected a venue, a seed or a path that has few"):
        compared().events("Traded", "social_only", seed=1, most=10)
    with pytest.raises(ValueError, match=r"kind: 'Trade' given, expected a kind of events; did you mean 'Traded'\?"):
        compared().events("Trade")
    with pytest.raises(ValueError, match="seed: 9 given, expected one of 1, 2"):
        compared().events("Traded", seed=9)


def test_a_factorial_has_a_column_for_each_axis() -> None:
    made = compare("book_fund_adl", "flash", seeds=1, accounts=ACCOUNTS, insured=False, vary="backstop_usd=0|2e7")
    cells = made.cells("arrays")
    assert cells["K"].tolist() == ["0", "20M"]
    assert cells["venue"].tolist() == list(made.report.venues)


# -- frames --


def test_polars_frames_have_nulls_where_nothing_is_defined() -> None:
    polars = pytest.importorskip("polars")
    frame = compared().cells()
    assert isinstance(frame, polars.DataFrame) and frame.shape == (4, 6 + len(CATALOGUE))
    assert frame["venue"].dtype == polars.String and frame["seed"].dtype == polars.Int64
    assert frame["losses.vault_usd"].null_count() == int(np.isnan(compared().cells("arrays")["losses.vault_usd"]).sum())
    assert frame["pool.lp_usd"].null_count() == 4


def test_pandas_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = compared().summary(frame="pandas")
    assert isinstance(frame, pandas.DataFrame) and len(frame) == len(VENUES) * len(CATALOGUE)


@pytest.mark.parametrize(("library", "extra"), [("polars", "frames"), ("pandas", "pandas")])
def test_a_library_that_is_missing_is_named_with_its_extra(library: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError) as refused:
        compared().cells(frame=library)  # type: ignore[call-overload]
    wanted = f"expected {library}, which is not installed: pip install 'perplab[{extra}]', or frame='arrays' for numpy arrays"
    assert str(refused.value) == f"frame: {library!r} given, {wanted}"
    with pytest.raises(ValueError, match="frame: 'arrow' given, expected 'polars', 'pandas' or 'arrays'"):
        compared().cells(frame="arrow")  # type: ignore[call-overload]


# -- for people --


def test_results_read_well(capsys: pytest.CaptureFixture[str]) -> None:
    lines = repr(compared()).splitlines()
    assert lines[0] == "Results of flash: 2 designs on 2 seeds, 4 runs"
    assert lines[1] == "  book_fund_adl, social_only; differences are to book_fund_adl"
    assert lines[2].startswith("  With 2 seeds nothing can be distinguished") and max(map(len, lines)) <= 102
    compared().table()
    out = capsys.readouterr().out
    assert "Who was liquidated" in out and "social_only" in out
    page = compared()._repr_html_()
    assert page.startswith("<pre") and "Who was liquidated" in page
