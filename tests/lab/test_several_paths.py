"""Comparisons over several paths: what is run and written, what the table says, when designs are ranked, and runs that are left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from cli_kit import call
from handmade import LONG, USD, event, run_of
from rich.console import Console

from perplab.exchange import load_venue
from perplab.exchange.codes import Method, Payer
from perplab.exchange.design.reader import convert
from perplab.exchange.events import DeficitPaid, Liquidated
from perplab.lab import cli
from perplab.lab.comparison import jobs, ranking, table
from perplab.lab.comparison.choices import Choice, PlayedPath, Setting, chosen_paths
from perplab.lab.comparison.factorial_report import extra_pictures
from perplab.lab.comparison.repeat import Recorded, choice_of
from perplab.lab.comparison.report import About, Capital, Exact, Inputs, PathInput, Report, Result, run_name, to_text
from perplab.lab.comparison.results import NAME, journal_name
from perplab.lab.comparison.table import print_overview
from perplab.lab.metrics import measure
from perplab.lab.scenario import ScenarioError, load_scenario

DEBT = "losses.bad_debt_usd"
FAMILIES = {"real": "recovers", "stays_low": "stays_low", "whip": "whipsaw"}


def about(families: Mapping[str, str]) -> About:
    paths = {name: PathInput(family, {}) for name, family in families.items()}
    return About("hand", "A crash by hand", "made", 4, 5e6, 0.0, {}, Capital("same", {}), Inputs((), None, {}, {}, paths))


def result(venue: str, path: str, seed: int, debt: float, beyond: Sequence[str] = ()) -> Result:
    lost = event(Liquidated, 60, account=LONG, size=1_000, method=Method.BOOK, deficit=round(debt * USD))
    paid = event(DeficitPaid, 60, account=LONG, payer=Payer.UNCOVERED, amount=round(debt * USD))
    return Result(venue, seed, f"{venue} {path} {seed}", measure(run_of(lost, paid)), path=path, beyond=tuple(beyond))


def report_of(debts: Mapping[str, Mapping[str, Sequence[float]]], families: Mapping[str, str] = FAMILIES) -> Report:
    """A report in which each venue has these bad debts [USD] on each path at seeds 1, 2, ..."""
    each = [(venue, path, values) for venue, paths in debts.items() for path, values in paths.items()]
    results = [result(venue, path, seed, debt) for venue, path, values in each for seed, debt in enumerate(values, 1)]
    return Report(about(families), results, tuple(debts))


def shown(report: Report, width: int = 160) -> str:
    out = StringIO()
    print_overview(report, "Files.", Console(file=out, width=width))
    return out.getvalue()


def words(report: Report) -> str:
    return " ".join(shown(report).split())


THREE = {
    "book_fund_adl": {"real": [3.0, 5.0], "stays_low": [4.0, 4.0], "whip": [6.0, 6.5]},
    "social_only": {"real": [1.0, 2.0], "stays_low": [9.0, 9.0], "whip": [7.0, 7.0]},
    "other": {"real": [4.0, 4.0], "stays_low": [8.0, 1.0], "whip": [7.0, 7.0]},
}


RANKED = {venue: {path: [*debts, sum(debts) / 2] for path, debts in paths.items()} for venue, paths in THREE.items()}  # medians are means


@pytest.fixture
def by_debt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad debt stands for the total cost."""
    monkeypatch.setattr(ranking, "TOTAL_KEY", DEBT)


# -- the report --


def test_differences_are_taken_on_equal_paths_and_seeds() -> None:
    report = report_of(THREE)
    found = report.finding("social_only", DEBT)
    assert (found.pairs, found.mean, found.verdict) == (6, pytest.approx((-2 - 3 + 5 + 5 + 1 + 0.5) / 6), "too few seeds")
    assert report.agreeing_paths("social_only", DEBT) == 2
    assert report.median("social_only", DEBT) == 7.0
    assert report.median("social_only", DEBT, "real") == 1.5
    told = json.loads(report.to_json())
    assert told["paths"] == FAMILIES
    assert told["summary"]["social_only"][DEBT]["agreeing_paths"] == 2
    assert [(run["path"], run["venue"], run["seed"]) for run in told["runs"]][5:8] == [
        ("real", "other", 2), ("stays_low", "book_fund_adl", 1), ("stays_low", "book_fund_adl", 2),
    ]  # fmt: skip


def test_a_run_that_is_missing_on_one_path_is_named() -> None:
    part = {venue: dict(paths) for venue, paths in THREE.items()}
    part["other"] = {"real": [1.0, 1.0], "stays_low": [1.0, 1.0], "whip": [1.0]}
    with pytest.raises(ValueError, match="no result of other on whip, seed 2"):
        report_of(part)


SIX_SEEDS = {venue: {path: list(costs) * 3 for path, costs in paths.items()} for venue, paths in THREE.items()}


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_says_on_how_many_paths_the_sign_is_the_same(width: int) -> None:
    text = shown(report_of(SIX_SEEDS), width)
    assert max(map(len, text.splitlines())) <= width
    assert re.search(r"n\.d\. 2/3", text)
    said = " ".join(text.split())
    assert "3 venue designs, 3 paths, 6 seeds" in said
    assert "median over 18 pairs of path and seed" in said and "2/3: on 2 of the 3 paths the difference has the sign of the mean" in said
    assert "With 18 pairs of path and seed, " in said


def test_two_seeds_tell_nothing_on_however_many_paths() -> None:
    assert "With 6 pairs of path and seed nothing can be distinguished from chance at 5 %: 6 seeds are the least" in words(report_of(THREE))


def test_what_is_told_is_of_these_paths() -> None:
    one_path = [result(name, "", seed, seed) for name in ("a", "b") for seed in range(7)]
    several, one = words(report_of(SIX_SEEDS)), words(Report(about({}), one_path, ("a", "b")))
    told = "All this is of these paths, taken as given; another path may differ: see on how many of them a difference has its sign."
    assert told in several and "taken as given" not in one
    assert "With 7 seeds, 0 of" in one


# -- ranks --


@pytest.mark.parametrize("width", [60, 80, 160])
def test_designs_are_ranked_path_by_path(by_debt: None, width: int) -> None:
    text = shown(report_of(RANKED), width)
    rows = {line.split()[0]: line.split()[1:] for line in text.partition("Rank by total cost")[2].splitlines()[:6] if line.strip()}
    assert (rows["book_fund_adl"], rows["other"], rows["social_only"]) == (["2", "1", "1"], ["2", "2", "2"], ["1", "3", "2"])
    said = " ".join(text.split())
    assert "The order depends on the path. Cheapest: book_fund_adl on 2, social_only on 1, of 3 paths." in said
    assert "not ranked" not in said
    assert "Tied, as their mean rank is the same: other and social_only. " in said and "medians of 3 seeds on each path" in said
    assert max(map(len, text.splitlines())) <= width


def test_the_same_order_everywhere_is_told(by_debt: None) -> None:
    same = {name: {path: [debt] * 3 for path in FAMILIES} for name, debt in (("a", 3.0), ("b", 1.0), ("c", 2.0))}
    report = report_of(same)
    assert ranking.ranking(report).venues == ("b", "c", "a")
    assert "The order is the same on all paths. Cheapest: b on 3, of 3 paths." in words(report)


@pytest.mark.parametrize(
    ("families", "here"),
    [
        ({"real": "recovers", "whip": "whipsaw"}, "2 of 2"),
        ({"real": "recovers", "again": "recovers", "more": "recovers"}, "3 of 1"),
    ],
)
def test_too_few_paths_or_families_are_no_ranking(by_debt: None, families: Mapping[str, str], here: str) -> None:
    report = report_of({name: {path: [debt] for path in families} for name, debt in (("a", 3.0), ("b", 1.0))}, families)
    said = words(report)
    assert f"The designs are not ranked: that takes at least 3 paths of 2 families, and here is {here}." in said
    assert "Rank by" not in said


def test_too_few_seeds_are_no_ranking(by_debt: None) -> None:
    said = words(report_of(THREE))
    assert "The designs are not ranked: that takes at least 3 seeds on each path, and on real 2 seeds count." in said
    assert "Rank by" not in said and "Cheapest" not in said
    gone = [one if (one.path, one.seed) != ("whip", 3) else replace(one, beyond=("no makers.",)) for one in report_of(RANKED).results]
    assert "on whip 2 seeds count" in ranking.why_none(Report(about(FAMILIES), gone, tuple(RANKED))), "what is left out is no seed"


@pytest.mark.parametrize("turned", [False, True])
def test_designs_with_the_same_mean_rank_are_tied_whatever_the_order_that_was_asked_for(by_debt: None, turned: bool) -> None:
    costs = {"a": (1.0, 2.0, 3.0), "b": (2.0, 3.0, 1.0), "c": (3.0, 1.0, 2.0), "d": (9.0, 9.0, 9.0)}
    debts = {name: {path: [cost] * 3 for path, cost in zip(FAMILIES, each, strict=True)} for name, each in costs.items()}
    report = report_of(dict(reversed(debts.items())) if turned else debts)
    assert ranking.ranking(report).venues == ("a", "b", "c", "d")
    assert "Cheapest: a on 1, b on 1, c on 1, of 3 paths. Tied, as their mean rank is the same: a, b and c." in words(report)


def test_designs_that_cost_the_same_have_no_order(by_debt: None) -> None:
    same = {path: [1.0] * 3 for path in FAMILIES}
    assert "All cost the same on each of the 3 paths." in words(report_of({"a": same, "b": same}))
    dearer = same | {"whip": [2.0] * 3}
    assert "Cheapest: a on 3, b on 2, where some share that rank, of 3 paths." in words(report_of({"b": dearer, "a": same}))


def test_a_total_that_is_not_defined_is_no_ranking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "TOTAL_KEY", "adl.delay_s")
    assert ranking.why_none(report_of(RANKED)) == (
        "The designs are not ranked: the total cost of book_fund_adl is not defined on every path."
    )


def test_the_total_is_in_the_table_once_it_is_measured() -> None:
    rows = [row for section in table.SECTIONS for row in section.rows]
    assert [row.label for row in rows if row.key == "losses.total_usd"] == ["total cost to others"]


# -- runs that are left out --


def test_a_run_beyond_its_population_is_told_and_counts_nowhere() -> None:
    """Seed 3 of one design, where it lost most: medians and differences of all designs are of the other seeds."""
    why = ("makers had 3% of their starting equity left", "2 of 3 makers fell below maintenance margin")
    results = [result("book_fund_adl", "", seed, seed) for seed in range(1, 9)]
    results += [result("b", "", seed, 1e6 if seed == 3 else seed + 10.0, why if seed == 3 else ()) for seed in range(1, 9)]
    results += [result("c", "", seed, seed + 1.0) for seed in range(1, 9)]
    report = Report(about({}), results, ("book_fund_adl", "b", "c"))
    assert (report.median("b", DEBT), report.finding("b", DEBT).mean, report.finding("b", DEBT).pairs) == (15.0, 10.0, 7)
    assert (report.median("c", DEBT), report.finding("c", DEBT).pairs) == (6.0, 7)
    said = words(report)
    assert "1 run of 24 went beyond what the scenario's people can stand for: that seed is left out for every design" in said
    assert "so that all are compared on the same (1 of 8)." in said
    assert "b, seed 3: makers had 3% of their starting equity left; 2 of 3 makers fell below maintenance margin." in said
    assert "median over 7 seeds" in said and "Means over the 7 runs of each design" in said
    told = json.loads(report.to_json())["runs"]
    assert [run["beyond"] for run in told if run["beyond"]] == [list(why)]
    assert told[10]["metrics"]["losses"]["bad_debt_usd"] == 1e6


def test_a_design_that_mostly_goes_beyond_takes_nothing_from_the_others() -> None:
    results = [result("book_fund_adl", "", seed, seed) for seed in (1, 2, 3)]
    results += [result("b", "", seed, 9.0, ["no makers."] if seed < 3 else ()) for seed in (1, 2, 3)]
    results += [result("c", "", seed, seed + 1.0) for seed in (1, 2, 3)]
    report = Report(about({}), results, ("book_fund_adl", "b", "c"))
    assert (report.median("b", DEBT), report.median("book_fund_adl", DEBT), report.finding("c", DEBT).pairs) == (None, 2.0, 3)
    said = words(report)
    assert "2 runs of 9 went beyond what the scenario's people can stand for: b did so in most, and nothing is said of it." in said
    assert [report.counts(one) for one in report.results] == [one.venue != "b" for one in report.results]


def without(venue: str, *, seeds: int) -> Report:
    """RANKED, in which so many of the three seeds of one design are beyond their population on every path."""
    results = [
        result(name, path, seed, debt, ["no makers."] if name == venue and seed <= seeds else ())
        for name, paths in RANKED.items()
        for path, debts in paths.items()
        for seed, debt in enumerate(debts, 1)
    ]
    return Report(about(FAMILIES), results, tuple(THREE))


@pytest.mark.parametrize("width", [80, 160])
def test_a_design_that_mostly_goes_beyond_has_no_rank_and_the_others_have(by_debt: None, width: int) -> None:
    report = without("other", seeds=3)
    found = ranking.ranking(report)
    assert found.venues == ("book_fund_adl", "social_only")
    assert [found.ranks["social_only", path] for path in FAMILIES] == [1, 2, 2]
    said = " ".join(shown(report, width).split())
    assert "Rank by total cost" in said and "Cheapest: book_fund_adl on 2, social_only on 1, of 3 paths." in said
    assert "other has no rank: 9 of its 9 runs went beyond the scenario's people (such as: no makers)." in said
    assert not re.search(r"^other +\d", said.partition("Rank by total cost")[2])


def test_one_design_that_is_left_is_no_ranking(by_debt: None) -> None:
    results = [one for one in without("other", seeds=3).results if one.venue != "social_only"]
    said = words(Report(about(FAMILIES), results, ("book_fund_adl", "other")))
    assert "The designs are not ranked: fewer than two of them stayed within the scenario's people." in said


def test_a_baseline_that_is_always_left_out_leaves_nothing_to_compare() -> None:
    results = [result("book_fund_adl", "", seed, 1.0, ["no makers."]) for seed in (1, 2)] + [result("b", "", seed, 1.0) for seed in (1, 2)]
    report = Report(about({}), results, ("book_fund_adl", "b"))
    assert (report.median("book_fund_adl", DEBT), report.finding("b", DEBT).verdict) == (None, "undefined")
    assert "2 runs of 4 went beyond" in words(report)


@pytest.mark.parametrize("width", [80, 160])
def test_a_path_on_which_no_run_counts_is_none_of_those_that_agree(width: int) -> None:
    """One design is beyond its people on one of three paths: of that path nothing is said."""
    gone = [one.venue == "other" and one.path == "real" for one in report_of(THREE).results]
    results = [replace(one, beyond=("no makers.",) if is_gone else ()) for one, is_gone in zip(report_of(THREE).results, gone, strict=True)]
    report = Report(about(FAMILIES), results, tuple(THREE))
    text = shown(report, width)
    said = " ".join(text.split())
    assert (report.counted_pairs, report.counted_seeds) == (4, {"stays_low": 2, "whip": 2})
    assert re.search(r"\? 2/2", text) and "/3" not in text
    assert "median over 4 pairs of path and seed" in said and "2/2: on 2 of the 2 paths the difference has" in said


def test_where_no_run_counts_nothing_is_said_of_any() -> None:
    """Each of two designs was beyond its people in one of two seeds, so no seed is left."""
    gone = {("book_fund_adl", 1), ("b", 2)}
    runs = [(venue, seed) for venue in ("book_fund_adl", "b") for seed in (1, 2)]
    results = [result(venue, "", seed, 1.0, ["no makers."] if (venue, seed) in gone else ()) for venue, seed in runs]
    report = Report(about({}), results, ("book_fund_adl", "b"))
    assert report.counted_pairs == 0
    for said in (words(report), extra_pictures(report, None)["who_paid.svg"]):
        assert "No run counts, so there is nothing to add up." in said
        assert "nobody had to pay" not in said and "Means over" not in said
    said = words(report)
    assert "(all there is)" in said and "No run counts, so there are no numbers." in said and "median over" not in said


def test_unfinished_liquidations_are_flagged() -> None:
    results = [result("book_fund_adl", "", 1, 1.0), result("b", "", 1, 1.0)]
    open_yet = msgspec.structs.replace(results[1].metrics.liquidation, unfinished=3)
    results[1] = replace(results[1], metrics=msgspec.structs.replace(results[1].metrics, liquidation=open_yet))
    assert "Liquidations that are not finished at the end: b 3 in 1 of 1 run." in words(Report(about({}), results, ("book_fund_adl", "b")))


# -- what is asked for, run and written --


def played() -> dict[str, PlayedPath]:
    """Two paths of flash, made by hand: as it is, and its first half."""
    flash = load_scenario("flash")
    plain = msgspec.to_builtins(flash.path)
    short = flash.override({"path": plain | {"bars": plain["bars"][:6]}})
    return {"real": PlayedPath("recovers", flash), "half": PlayedPath("falls_on", short)}


def test_paths_are_chosen_by_name_with_the_settings_of_the_comparison() -> None:
    both = chosen_paths("all", played(), [Setting("--set", "oracle.lag_ms=7")], 50)
    assert list(both) == ["real", "half"]
    assert {(one.scenario.oracle.lag_ms, one.scenario.population.accounts) for one in both.values()} == {(7, 50)}
    assert list(chosen_paths(" half , real", played(), [], None)) == ["half", "real"]
    with pytest.raises(ScenarioError, match="--set: unknown key oracle"):
        chosen_paths("all", played(), [Setting("--set", "oracle.lagg_ms=7")], None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("hal", "--paths: 'hal' given, expected all or some of real, half; did you mean 'half'?"),
        (",", "--paths: ',' given, expected all, or names separated by commas"),
        ("half,half", "--paths: half given twice, expected different names"),
    ],
)
def test_a_path_that_is_not_there_is_one_line(given: str, told: str) -> None:
    with pytest.raises(click.UsageError) as error:
        chosen_paths(given, played(), [], None)
    assert str(error.value.message) == told
    with pytest.raises(click.UsageError, match="but this scenario has one path only: expected no --paths"):
        chosen_paths(given, {}, [], None)


def choice_over(paths: dict[str, PlayedPath]) -> Choice:
    venues = (load_venue("book_fund_adl"), load_venue("social_only"))
    return Choice(load_scenario("flash"), venues, (1, 2), "own", paths=paths)


def test_a_run_for_each_path_design_and_seed() -> None:
    todo = jobs.jobs_of(choice_over(played()), Path("x"))
    assert len({(job.path, job.venue.name, job.seed) for job in todo}) == len(todo) == 8
    assert [job.journal.name for job in todo][2:4] == ["book_fund_adl@half-seed1.journal", "social_only@half-seed1.journal"]
    assert {len(job.scenario.path.bars) for job in todo if job.path == "half"} == {6}  # type: ignore[union-attr]
    folders = {str(choice_over(paths).folder) for paths in ({}, played(), dict(reversed(played().items())))}
    assert len(folders) == 3 and "out/flash" in folders


def test_names_of_journals_can_be_told_apart() -> None:
    for venue, path, seed in (("a-seed1", "b", 2), ("a", "b-seed1", 2), ("a", "", 2), ("a-b", "c-d", 10)):
        named = NAME.fullmatch(journal_name(venue, seed, path))
        assert named is not None and named.group("venue", "path", "seed") == (venue, path or None, str(seed))
    assert (run_name("a", "", 2), run_name("a", "b", 2)) == ("a, seed 2", "a on b, seed 2")


def test_a_choice_with_paths_comes_back_from_its_report() -> None:
    choice = choice_over(played())
    told = {
        "schema": 3, "made_by": {}, "capital": {"choice": "own"}, "baseline": "book_fund_adl", "venues": ["book_fund_adl", "social_only"],
        "seeds": [1, 2], "runs": [], "inputs": Exact(msgspec.to_builtins(jobs.about(choice).inputs._asdict())),
    }  # fmt: skip
    again = choice_of(convert(json.loads(to_text(told)), Recorded, "report.json"), Path("report.json"))
    assert again.paths == choice.paths and again.scenario == choice.scenario


def test_a_comparison_over_paths_is_written_repeated_and_checked(quick: Path) -> None:
    def compared() -> Any:
        return cli.run_comparison(choice_over(played()), Path("here"), 1)

    assert compared() == 0
    names = sorted(path.name for path in Path("here/journals").iterdir())
    venues = ("book_fund_adl", "social_only")
    assert names == sorted(journal_name(venue, seed, path) for venue in venues for path in played() for seed in (1, 2))
    done = call("compare", "--from-report", "here/report.json", "--jobs", "1", "--out", "again")
    assert done.exit_code == 0 and "all state hashes and metrics of its 8 runs are equal" in done.stdout, done.output
    assert Path("again/report.json").read_bytes() == Path("here/report.json").read_bytes()
    assert compared() == 0, "and it clears away what it had left"
    assert "does not name" not in call("replay", "here/journals/social_only@half-seed2.journal").stderr


def test_the_command_line_runs_over_paths(quick: Path) -> None:
    done = call("compare", "flash", "--paths", "recovers,falls_on", "--venues", "book_fund_adl,social_only", "--seeds", "1", "--jobs", "1")
    assert done.exit_code == 0, done.output
    assert "1/4  book_fund_adl on recovers seed 1" in done.stderr and "2 venue designs, 2 paths, 1 seed" in done.stdout
    (report,) = Path("out").glob("flash-paths-*/report.json")
    assert json.loads(report.read_text(encoding="utf-8"))["paths"] == {"recovers": "recovers", "falls_on": "falls_on"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["flash", "--paths", "recover"], "--paths: 'recover' given, expected all or some of recovers, stays_low, falls_on, whipsaw; did"),
        (["calm", "--paths", "all"], "--paths: 'all' given, but this scenario has one path only: expected no --paths"),
        (["flash:whipsaw", "--paths", "all"], "--paths: given with flash:whipsaw, which is one path, expected flash"),
        (["flash", "--paths", "all", "--set", "path.noise=0"], "--paths: given with --set path.noise=0, which would make all paths one"),
    ],
)
def test_paths_that_cannot_be_had_are_one_line(quick: Path, given: list[str], told: str) -> None:
    done = call("compare", *given)
    assert done.exit_code == 2 and done.stderr.startswith(f"error: {told}") and len(done.stderr.splitlines()) == 1, done.output
    assert not Path("out").exists()
