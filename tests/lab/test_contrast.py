"""Two designs of a report against each other: which pairs count, by path and family, what is said, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import pytest
from cli_kit import call
from msgspec.structs import replace
from rich.console import Console

from perplab.lab.comparison.contrast import EVERYWHERE, METRICS, ContrastTable, contrasts
from perplab.lab.comparison.repeat import Recorded, RecordedCapital, RecordedGranted, RecordedInputs, RecordedPath, RecordedRun, ReportError
from perplab.lab.scenario import load_scenario

COST, LONG = "losses.total_usd", "stress.long_bp"
FILE = Path("some/report.json")
FAMILIES = {"real": "recovers", "twice": "recovers", "low": "stays_low"}
SEEDS = 10
Costs = Mapping[str, Sequence[float]]


def run(venue: str, path: str, seed: int, usd: float | None, beyond: Sequence[str] = ()) -> RecordedRun:
    metrics: dict[str, object] = {"losses": {"total_usd": usd}, "stress": {"long_bp": 1.0, "short_bp": 2.0}}
    return RecordedRun(venue, seed, "", metrics, path, tuple(beyond))


def report(venues: Mapping[str, Costs], families: Mapping[str, str] = FAMILIES, more: Sequence[RecordedRun] = ()) -> Recorded:
    """A report in which each venue has these total costs [USD] on each path at seeds 1, 2, ..."""
    scenario = load_scenario("flash")
    each = [(venue, path, values) for venue, paths in venues.items() for path, values in paths.items()]
    runs = [run(venue, path, seed, usd) for venue, path, values in each for seed, usd in enumerate(values, 1)]
    paths = {name: RecordedPath(family, scenario) for name, family in families.items()}
    kept = {(one.venue, one.path, one.seed): one for one in [*runs, *more]}
    inputs = RecordedInputs((), None, scenario, {name: {} for name in venues}, paths)
    seeds = tuple(range(1, SEEDS + 1))
    return Recorded(3, {}, RecordedCapital("same"), next(iter(venues)), tuple(venues), seeds, tuple(kept.values()), inputs)


def by_path(**of: float) -> Costs:
    """A cost on each path that rises by one from seed to seed."""
    return {path: [usd + seed for seed in range(SEEDS)] for path, usd in of.items()}


TWO = {"near": by_path(real=10.0, twice=30.0, low=90.0), "far": by_path(real=20.0, twice=35.0, low=50.0)}


def test_each_path_each_family_of_several_and_all() -> None:
    told = contrasts(report(TWO), FILE, "near", "far", [COST])
    found = {row.where: (row.found.pairs, row.found.mean, row.lower) for row in told.rows}
    assert found == {
        "real": (10, -10.0, 10), "twice": (10, -5.0, 10), "low": (10, 40.0, 0), "family recovers": (20, -7.5, 20),
        EVERYWHERE: (30, pytest.approx(25.0 / 3), 20),
    }  # fmt: skip
    real = told.rows[0]
    assert (real.first, real.second) == (14.5, 24.5)
    other_way = contrasts(report(TWO), FILE, "far", "near", [COST])
    assert [row.found.mean for row in other_way.rows] == [-row.found.mean for row in told.rows if row.found.mean is not None]


def test_one_path_has_one_row_and_metrics_may_be_added_up() -> None:
    told = contrasts(report({"near": {"": [1.0] * 10}, "far": {"": [1.0] * 9 + [2.0]}}, {}), FILE, "near", "far", METRICS)
    assert [(row.metric, row.where, row.first) for row in told.rows] == [(METRICS[0], EVERYWHERE, 1.0), (METRICS[1], EVERYWHERE, 3.0)]
    assert [row.found.verdict for row in told.rows] == ["not distinguished", "equal"]


def test_more_questions_make_each_answer_less_sure() -> None:
    near = {"real": [1.0, 2.0, 1.0, 3.0, 1.0, -1.0, 2.0, 1.0, 1.0, 2.0], "low": [3.0, -1.0, 4.0, 1.0, 5.0, -9.0, 2.0, 6.0, 5.0, 3.0]}
    both = {"near": near, "far": {path: [0.0] * SEEDS for path in near}}
    one = {name: {"real": costs["real"]} for name, costs in both.items()}
    alone = contrasts(report(one, {"real": "recovers"}), FILE, "near", "far", [COST]).rows[0].found
    among = contrasts(report(both, {"real": "recovers", "low": "stays_low"}), FILE, "near", "far", [COST]).rows[0].found
    assert alone.mean == among.mean and alone.p is not None and among.p is not None
    assert 2 / 2**SEEDS < alone.p < among.p


def test_pairs_beyond_their_population_count_for_no_design_whoever_was() -> None:
    three = TWO | {"third": by_path(real=1.0, twice=1.0, low=1.0)}
    told = contrasts(report(three, more=[run("third", "low", 2, 0.0, ["beyond."])]), FILE, "near", "far", [COST])
    assert told.left_out == 1 and {row.where: row.found.pairs for row in told.rows}["low"] == 9
    assert "1 pair of path and seed went beyond" in " ".join(shown(told).split())


def test_a_design_that_is_mostly_beyond_says_nothing_and_takes_no_pair_away() -> None:
    three = TWO | {"third": by_path(real=1.0, twice=1.0, low=1.0)}
    gone = [run("third", path, seed, 0.0, ["beyond."]) for path in ("real", "low") for seed in range(1, SEEDS + 1)]
    assert contrasts(report(three, more=gone), FILE, "near", "far", [COST]).left_out == 0
    with pytest.raises(ReportError, match="third went beyond the scenario's people in most of its runs"):
        contrasts(report(three, more=gone), FILE, "near", "third", [COST])


def test_a_metric_that_is_undefined_in_a_pair_is_not_answered_there() -> None:
    told = contrasts(report(TWO, more=[run("near", "low", 1, None)]), FILE, "near", "far", [COST])
    said = {row.where: (row.found.verdict, row.found.p, row.first) for row in told.rows}
    assert said["low"] == said[EVERYWHERE] == ("undefined", None, None) and said["real"][0] != "undefined"


@pytest.mark.parametrize(
    ("first", "second", "metric", "message"),
    [
        ("neer", "far", COST, "'neer' given, expected a design of some/report.json"),
        ("near", "near", COST, "'near' given twice, expected two designs"),
        ("near", "far", "losses.total", "--metric: 'losses.total' given, expected a metric"),
        ("near", "far", f"{COST}+{LONG}", "expected a sum of one unit: USD, bp"),
    ],
)
def test_what_is_refused(first: str, second: str, metric: str, message: str) -> None:
    with pytest.raises(ReportError) as refused:
        contrasts(report(TWO), FILE, first, second, [metric])
    assert message in str(refused.value)


def test_a_report_that_was_tampered_with_is_refused() -> None:
    for more, message in (
        ([run("near", "low", 99, 1.0)], "runs has 1 of near on low, seed 99: expected one of each of venues, paths and seeds, and no"),
        ([run("nobody", "low", 1, 1.0)], "runs has 1 of nobody on low, seed 1: expected one of each of venues, paths and seeds"),
        ([run("near", "high", 1, 1.0)], "runs has 1 of near on high, seed 1: expected one of each of venues, paths and seeds"),
        ([RecordedRun("near", 1, "", {"losses": {}}, "low")], "losses.total_usd of near on low, seed 1 is missing: expected a number, or"),
        ([RecordedRun("near", 1, "", {}, "low")], "losses.total_usd of near on low, seed 1 is missing: expected a number, or null"),
        ([run("near", "low", 1, 1e300)], "near on low, seed 1 is 1e.300: expected 0, or 1e-100 to 1e.100 without its sign"),
        ([run("near", "low", 1, -(10**400))], r"near on low, seed 1 is about 10\^400: expected 0, or 1e-100 to"),
        ([run("near", "low", 1, 1e-308)], "near on low, seed 1 is 1e-308: expected 0, or 1e-100 to"),
        ([run("near", "low", 1, float("nan"))], "near on low, seed 1 is nan: expected 0, or"),
        ([RecordedRun("near", 1, "", {"losses": {"total_usd": "much"}}, "low")], "losses.total_usd of near on low, seed 1 is 'much'"),
    ):
        with pytest.raises(ReportError, match=message):
            contrasts(report(TWO, more=more), FILE, "near", "far", [COST])


def test_runs_are_there_once_each() -> None:
    whole = report(TWO)
    gone = [one for one in whole.runs if one.path != "low"]
    for runs, message in (
        (whole.runs[:-1], "runs has 0 of far on low, seed 10: expected one of each of venues, paths and seeds, and no other"),
        ((*whole.runs, whole.runs[3]), "runs has 2 of near on real, seed 4: expected one of each"),
        (tuple(gone), "runs has 0 of near on low, seed 1: expected one of each"),
    ):
        with pytest.raises(ReportError, match=message):
            contrasts(replace(whole, runs=runs), FILE, "near", "far", [COST])


@pytest.mark.parametrize("usd", [1e-100, 1e100, 10**99])
def test_the_largest_and_smallest_numbers_can_be_told(usd: float) -> None:
    """All of them added up, squared, in means and in tables."""
    large = {"near": {"": [usd * (1 + seed) for seed in range(10)]}, "far": {"": [-usd] * 10}}
    if usd == 1e100:
        large["near"][""] = [usd] * 10
    told = contrasts(report(large, {}), FILE, "near", "far", [COST])
    assert told.rows[0].found.verdict == "distinguished" and "losses.total_usd" in shown(told)


def shown(told: object, width: int = 160) -> str:
    out = StringIO()
    Console(file=out, width=width).print(ContrastTable(told))  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_says_what_is_more_than_chance_and_fits(width: int) -> None:
    text = shown(contrasts(report(TWO), FILE, "near", "far", METRICS), width)
    assert max(map(len, text.splitlines())) <= width
    assert "losses.total_usd [USD]" in text and "stress.long_bp+stress.short_bp [bp]" in text
    low = next(line for line in text.splitlines() if line.startswith("low"))
    assert low.split()[1:4] == ["94.5", "54.5", "+40.0*"] and low.split()[-1] == "0/10"


def test_what_several_paths_tell_is_of_these_paths() -> None:
    told = "All this is of these paths, taken as given; another path may differ: see the rows."
    assert told in " ".join(shown(contrasts(report(TWO), FILE, "near", "far", [COST])).split())
    one = report({"near": {"": [1.0] * 10}, "far": {"": [2.0] * 10}}, {})
    assert "taken as given" not in shown(contrasts(one, FILE, "near", "far", [COST]))


def test_designs_that_let_people_open_less_are_named() -> None:
    cut = RecordedRun("far", 1, "", run("far", "low", 1, 1.0).metrics, "low", granted=RecordedGranted(60, 26, 100.0, 95.0))
    told = contrasts(report(TWO, more=[cut]), FILE, "near", "far", [COST])
    assert "for want of margin: far (26 of 60 accounts cut, 95 % of the notional opened). Designs" in " ".join(shown(told).split())
    assert "Opened less" not in shown(contrasts(report(TWO), FILE, "near", "far", [COST]))


def test_the_command_reads_the_file_of_a_comparison(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = call("compare", "calm", "--accounts", "20", "--seeds", "1", "--venues", "book_fund_adl,social_only", "--jobs", "1", "--out", out)
    assert made.exit_code == 0, made.stderr
    asked = ("contrast", out / "report.json", "social_only")
    assert "first:  social_only" in call(*asked, "book_fund_adl").stdout
    told = json.loads(call(*asked, "book_fund_adl", "--json", "--metric", COST).stdout)
    assert [row["where"] for row in told["rows"]] == [EVERYWHERE]
    wrong = call(*asked, "nobody")
    assert wrong.exit_code == 2 and wrong.stderr.startswith("error: 'nobody' given, expected a design of")
