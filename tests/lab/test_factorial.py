"""What `--vary` chooses and refuses, which cells come of it, and what a factorial leaves: tables, report.json, pictures, a repetition."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest
from cli_kit import call, made_up
from rich.console import Console

from perplab.exchange.design.venue import VenueDesign
from perplab.lab.comparison import factorial, jobs
from perplab.lab.comparison.axes import chosen_axes
from perplab.lab.comparison.bars import Bar, StackedBars, bars_svg, cut
from perplab.lab.comparison.choices import Setting, chosen_designs
from perplab.lab.comparison.curve_chart import CurveChart, curves_svg
from perplab.lab.comparison.curves import Curve, Curves, Point
from perplab.lab.comparison.factorial import Factorial, plan, planned
from perplab.lab.comparison.headline import BYSTANDER, PARTS, TOTAL
from perplab.lab.runs import Granted, Run
from perplab.lab.scenario import Scenario, load_scenario

FLASH = load_scenario("flash")
ONE = ("--seeds", "1", "--jobs", "1")


def cells(venues: str, *varied: str, settings: tuple[str, ...] = ()) -> tuple[Factorial, dict[str, VenueDesign]]:
    designs = chosen_designs(venues, [Setting("--set-venue", text) for text in settings])
    found, made = planned(designs, chosen_axes(varied), FLASH, "same", None)
    return found, {venue.name: venue for venue in made}


# -- axes --


def test_known_axes_have_names_and_levels_of_their_own() -> None:
    axes = chosen_axes(["method,auto_deleverage.trigger", "K"])
    assert [axis.key for axis in axes] == ["liquidation.steps", "auto_deleverage.trigger", "backstop_usd"]
    assert [axis.told for axis in axes] == [
        "method (book, auction, book-takeover)", "trigger (fund_insufficient, negative_equity)", "K (0, 1M, 5M, 20M, 100M)",
    ]  # fmt: skip
    assert axes[0].levels[2].value == ["book", "takeover"]


def test_levels_are_toml_text_or_names_in_full_or_short() -> None:
    (axis,) = chosen_axes(["backstops=fund,adl|socialized_loss|[]"])
    assert [level.value for level in axis.levels] == [["insurance_fund", "auto_deleverage"], ["socialized_loss"], []]
    assert [level.label for level in axis.levels] == ["fund-adl", "social", "none"]
    (axis,) = chosen_axes(["oracle.lag_ms=500|5000"])
    assert [(level.label, level.value) for level in axis.levels] == [("0.5s", 500), ("5s", 5000)] and axis.is_scenario


@pytest.mark.parametrize(
    ("varied", "told"),
    [
        ("metod", "'metod' given, expected KEY=LEVEL|LEVEL, or an axis whose levels are known; did you mean 'method'?"),
        ("method,backstops=fund|adl", "'method,backstops' given, expected one dotted key"),
        ("K=1e6", "K=1e6 given, expected two levels at least, separated by |"),
        ("K=1e6||2e6", "K=1e6||2e6 given, expected two levels at least, separated by |"),
        ("K=5e6|5000000", "K has the level 5M twice, expected different levels"),
        ("K,backstop_usd=1|2", "'K,backstop_usd' given, expected one dotted key"),
        ("name=a|b", "'name' given, expected one dotted key"),
        ("a..b=1|2", "'a..b' given, expected one dotted key"),
    ],
)
def test_a_wrong_axis_is_one_line(varied: str, told: str) -> None:
    with pytest.raises(click.UsageError) as error:
        chosen_axes([varied])
    assert error.value.message.startswith(f"--vary: {told}")


def test_an_axis_twice_is_refused() -> None:
    with pytest.raises(click.UsageError, match="backstop_usd given twice"):
        chosen_axes(["K", "backstop_usd=1|2"])


# -- cells --


def test_cells_are_named_after_their_levels_and_are_what_they_say() -> None:
    found, venues = cells("book_fund_adl", "method=book|auction", "payers")
    assert list(venues) == ["book+fund-adl", "book+fund-social", "auction+fund-adl", "auction+fund-social"]
    assert venues["auction+fund-social"].liquidation.steps == ("dutch_auction",)
    assert venues["auction+fund-social"].backstops == ("insurance_fund", "socialized_loss")
    assert found.first == "book+fund-adl"


@pytest.mark.parametrize(
    ("cell", "shipped"),
    [
        ("book+fund-adl", "book_fund_adl"),
        ("book+fund-social", "book_fund_social"),
        ("auction+fund-adl", "auction_fund_adl"),
        ("auction+fund-social", "auction_fund_social"),
    ],
)
def test_a_cell_that_says_what_a_shipped_design_says_is_that_design(cell: str, shipped: str) -> None:
    """A step comes with the shipped settings, not with defaults that no design has."""
    _, venues = cells("book_fund_adl", "method=book|auction", "payers")
    other, _ = cells(shipped, "K=5e6|1e6")
    _, made = cells(shipped, "K=5e6|1e6")
    tree = made[other.first].to_tree()
    assert venues[cell].to_tree() == tree | {"name": cell, "title": venues[cell].title}


def test_a_level_that_says_nothing_is_no_second_cell() -> None:
    found, venues = cells("book_fund_adl", "payers=fund,adl|fund,social|adl", "trigger")
    assert list(venues) == ["fund-adl+fund_insufficient", "fund-adl+negative_equity", "fund-social", "adl"]
    assert found.cell_of[1, 0] == found.cell_of[1, 1] == "fund-social"
    assert found.cells[2].levels == (1, None)
    told = plan(found, 5)
    assert "6 combinations are 4 cells: 20 runs, on each of 5 pairs of path and seed" in told
    assert "trigger makes no difference in 2 of the cells: there they are run once" in told


def test_a_vault_without_capital_is_left_out_and_told() -> None:
    found, venues = cells("book_fund_adl,book_vault_adl", "K=0|5e6")
    assert list(venues) == ["book_fund_adl+K0", "book_fund_adl+K5M", "book_vault_adl+K5M"]
    assert plan(found, 1)[-1] == "left out: book_vault_adl+K0: a vault without capital takes nothing over"


def test_a_fund_and_a_vault_share_the_capital() -> None:
    _, venues = cells("book_fund_adl", "method=book|book,takeover", "K=5e6|2e7")
    both = venues["book-takeover+K20M"]
    assert (both.insurance_fund.capital, both.vault.capital) == (10_000_000, 10_000_000)
    assert venues["book+K5M"].insurance_fund.capital == 5_000_000 and venues["book+K5M"].vault.capital == 0


def test_settings_of_the_base_hold_in_all_cells_and_win_over_shipped_tables() -> None:
    settings = ("book_fund_adl.liquidation.retry_ms=700", "book_fund_adl.liquidation.dutch_auction.buffer_ppm=123")
    _, venues = cells("book_fund_adl", "method=book|auction", settings=settings)
    assert {venue.liquidation.retry_ms for venue in venues.values()} == {700}
    assert venues["auction"].liquidation.dutch_auction.buffer_ppm == 123


def test_two_designs_that_become_one_are_one_cell() -> None:
    found, venues = cells("book_fund_adl,book_fund_social,book_vault_adl", "payers")
    assert len(venues) == 4 and len(found.cell_of) == 6
    assert found.cell_of[0, 1] == found.cell_of[1, 1] == "book_fund_adl+fund-social"
    with pytest.raises(click.UsageError, match="book_fund_adl,book_fund_social are one design where --vary varies what they differ in"):
        cells("book_fund_adl,book_fund_social", "payers")


def test_a_name_that_is_too_long_is_a_number() -> None:
    axes = ("method=book|auction", "payers", "trigger", "patience", "limit", "K=1e6|2e6")
    _, venues = cells("book_fund_adl", *axes)
    assert "book+fund-adl+fund_insufficient+0s+cash_payers+K1M" in venues
    assert all(len(name) <= 64 for name in venues)
    key = "markets.minimum_notional"
    axes = (f"{key}=10|20", "vault.unwind_band_ppm=1|2", "method=book,takeover|book", "trigger", "limit", "payers")
    _, venues = cells("book_fund_adl", *axes)
    assert any(name.startswith("cell-") for name in venues) and all(len(name) <= 64 for name in venues)


@pytest.mark.parametrize(
    ("varied", "told"),
    [
        ("liquidation.book.limit=bankruptcy|none", "--vary, cell none: liquidation.book.limit is 'none': expected one of"),
        ("method=book|dutch", "--vary, cell dutch: liquidation.steps[0] is 'dutch': expected"),
        ("liquidation.bok.limit=1|2", "--vary, cell limit-1: unknown key liquidation.bok"),
        ("oracle.lag_ms=1|-5", "--vary, cell lag_ms--0.005s: oracle.lag_ms is -5: expected"),
        ("orcle.lag_ms=1|5", "--vary, cell lag_ms-0.001s: unknown key orcle"),
    ],
)
def test_what_is_impossible_is_refused_with_the_cell(quick: Path, varied: str, told: str) -> None:
    done = call("compare", "flash", "--venues", "book_fund_adl", "--vary", varied, *ONE)
    assert done.exit_code == 2 and done.stderr.startswith(f"error: {told}"), done.stderr
    assert len(done.stderr.splitlines()) == 1 and not Path("out").exists()


def test_an_axis_that_changes_nothing_is_refused(quick: Path) -> None:
    done = call("compare", "flash", "--venues", "social_only", "--vary", "trigger", *ONE)
    assert done.exit_code == 2
    told = "--vary: auto_deleverage.trigger given, expected an axis that changes a cell: none has what it speaks of"
    assert done.stderr == f"error: {told}\n"


def test_too_many_runs_ask_for_a_yes(quick: Path) -> None:
    words = ("compare", "flash", "--venues", "book_fund_adl", "--vary", "K,method,payers,trigger", "--seeds", "8", "--jobs", "1")
    done = call(*words)
    assert done.exit_code == 2 and not Path("out").exists()
    assert "given, expected at most 200, fewer levels or --seeds, or --yes for so many" in done.stderr.splitlines()[-1]
    assert "combinations are" in done.stderr
    done = call("compare", "flash", "--vary", "K,method,payers,trigger,limit,patience", *ONE)
    assert "combinations given, expected at most 1,000" in done.stderr and done.exit_code == 2


def test_yes_makes_them_all(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factorial, "MOST_RUNS", 3)
    words = ("compare", "flash", "--venues", "book_fund_adl", "--vary", "payers,trigger", "--seeds", "2", "--jobs", "1")
    assert call(*words).exit_code == 2
    assert call(*words, "--yes").exit_code == 0


def test_capital_cannot_be_varied_where_each_design_has_its_own(quick: Path) -> None:
    done = call("compare", "flash", "--vary", "K", "--own-capital", *ONE)
    assert done.stderr == "error: --vary: backstop_usd given with --own-capital, expected --same-capital, where all start with it\n"


# -- what it leaves --


def report(folder: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    return told


@pytest.fixture
def played(quick: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Scenario]]:
    seen: list[tuple[str, Scenario]] = []

    def watched(venue: VenueDesign, scenario: Scenario, seed: int, **more: Any) -> Run:
        seen.append((venue.name, scenario))
        return made_up(venue, scenario, seed, **more)

    monkeypatch.setattr(jobs, "run", watched)
    return seen


def test_an_axis_of_the_scenario_reaches_the_runs(played: list[tuple[str, Scenario]]) -> None:
    words = ("--venues", "social_only", "--vary", "oracle.lag_ms=1|5000", *ONE, "--out", "x")
    assert call("compare", "flash", *words).exit_code == 0
    assert [(name, scenario.oracle.lag_ms) for name, scenario in played] == [("lag_ms-0.001s", 1), ("lag_ms-5s", 5000)]
    again = call("compare", "--from-report", "x/report.json", "--jobs", "1", "--out", "y")
    assert again.exit_code == 0, again.output
    assert [scenario.oracle.lag_ms for _, scenario in played[2:]] == [1, 5000]


def test_a_factorial_is_told_written_and_repeated(quick: Path) -> None:
    axes = ("--vary", "payers=fund,adl|social", "--vary", "K=0|5e6")
    words = ("--venues", "book_fund_adl,book_vault_adl", *axes, "--seeds", "2", "--jobs", "1")
    done = call("compare", "flash", *words, "--out", "x")
    assert done.exit_code == 0, done.output
    for words_told in ("Main effects", "Interactions", "total cost against K", "All 5 cells, means", "Cost by payer"):
        assert words_told in done.stdout
    assert {path.name for path in Path("x").iterdir()} == {
        "report.json", "report.svg", "who_paid.svg", "curves.svg", "timings.json", "journals",
    }  # fmt: skip
    told = report("x")["factorial"]
    assert [axis["key"] for axis in told["axes"]] == ["design", "backstops", "backstop_usd"]
    assert told["cells"][1] == {"name": "book_fund_adl+fund-adl+K5M", "levels": [0, 0, 1], "scenario": {"backstop_usd": 5e6}}
    effect = next(one for one in told["effects"] if one["quantity"] == "losses.bad_debt_usd")
    assert {"changes", "contexts", "of", "pairs", "mean", "median", "interval", "effect", "p", "verdict"} < set(effect)
    assert told["interactions"] == [] or told["interactions"][0]["changes"][0]["axis"] == "design"
    assert {one["quantity"] for one in told["effects_of_metrics"]} >= {"adl.fills", "flow.fills"}
    assert set(told["curves"][0]["designs"]) == {"book_fund_adl+fund-adl"}
    again = call("compare", "--from-report", "x/report.json", "--jobs", "1", "--out", "y")
    assert again.exit_code == 0, again.output
    assert Path("y/report.json").read_bytes() == Path("x/report.json").read_bytes()
    for name in ("report.svg", "who_paid.svg", "curves.svg"):
        ElementTree.parse(Path("x") / name)


def test_a_cell_beyond_its_population_is_told_and_has_no_numbers(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cell of four: the level that it shares with another is compared there alone, and no curve goes through it."""
    monkeypatch.setattr(jobs, "beyond_population", lambda made: ["no makers."] if made.venue == "social-fund+K5M" else [])
    words = ("--venues", "book_fund_adl", "--vary", "payers=fund,adl|social,fund", "--vary", "K=0|5e6", "--seeds", "2", "--jobs", "1")
    done = call("compare", "flash", *words, "--out", "x")
    assert done.exit_code == 0, done.output
    gone = next(line for line in done.stdout.splitlines() if line.startswith("social-fund+K5M "))
    assert set(gone.split()[1:]) == {"-"}
    assert "social-fund+K5M did so in most, and nothing is said of it" in " ".join(done.stdout.split())
    told = report("x")["factorial"]
    assert {(one["contexts"], one["of"]) for one in told["effects"] if one["quantity"] == "losses.bad_debt_usd"} == {(1, 2)}
    assert told["interactions"] == []
    (curve,) = [one["designs"] for one in told["curves"] if one["quantity"] == "total_cost_usd"]
    assert [point is None for name in curve for point in curve[name]].count(True) == 1


def test_a_factorial_of_which_no_run_counts_says_so(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {("fund-adl+K0", 1), ("social-fund+K5M", 2)}
    monkeypatch.setattr(jobs, "beyond_population", lambda made: ["no makers."] if (made.venue, made.seed) in gone else [])
    words = ("--venues", "book_fund_adl", "--vary", "payers=fund,adl|social,fund", "--vary", "K=0|5e6", "--seeds", "2", "--jobs", "1")
    done = call("compare", "flash", *words, "--out", "x")
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "No run counts, so there are no numbers." in said and "No run counts, so there is nothing to add up." in said
    for words_told in ("nobody had to pay", "Means over", "Main effects", "No cost rises", "nothing can be told"):
        assert words_told not in said


def test_cells_that_let_people_open_less_are_named(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(venue: VenueDesign, scenario: Scenario, seed: int, **more: Any) -> Run:
        less = Granted(26, 100, 95, 60) if venue.name.startswith("social") else Granted(0, 100, 100, 60)
        return replace(made_up(venue, scenario, seed, **more), granted=less)

    monkeypatch.setattr(jobs, "run", cut)
    words = ("--venues", "book_fund_adl", "--vary", "payers=fund,adl|social,fund", "--vary", "K=0|5e6", *ONE, "--out", "x")
    said = " ".join(call("compare", "flash", *words).stdout.split())
    assert "Opened less than wanted, for want of margin: social-fund+K0, social-fund+K5M (26 of 60 accounts cut, 95 % of" in said
    assert [run["granted"]["accounts_cut"] for run in report("x")["runs"]] == [0, 0, 26, 26]


@pytest.mark.parametrize("with_insured", ["--insured", "--no-insured"])
@pytest.mark.parametrize(
    ("varied", "is_one_crowd"), [("", True), ("K=5e6|5e7", True), ("backstops=adl|social", True), ("oracle.lag_ms=1|5000", False)]
)
@pytest.mark.parametrize("paths", ["", "recovers", "recovers,whipsaw"])
def test_paths_axes_and_infinite_insurance_go_together(
    played: list[tuple[str, Scenario]], paths: str, varied: str, is_one_crowd: bool, with_insured: str
) -> None:
    """Every cell is run on every path, a run with infinite insurance is made where cells are of the same people, and all of it again."""
    words = ["--venues", "book_fund_adl", *(["--paths", paths] if paths else []), *(["--vary", varied] if varied else [])]
    done = call("compare", "flash", *words, *ONE, with_insured, "--out", "x")
    assert done.exit_code == 0, done.output
    own = [name for name, _ in played if not name.startswith("insured")]
    assert len(own) == max(1, len(paths.split(","))) * (2 if varied else 1)
    has_insured = with_insured == "--insured" and is_one_crowd
    assert (len(played) > len(own)) == has_insured
    assert ("not run with infinite insurance" in done.output) == (with_insured == "--insured" and not is_one_crowd)
    assert report("x")["inputs"]["insured"] == has_insured
    again = call("compare", "--from-report", "x/report.json", "--jobs", "1", "--out", "y")
    assert again.exit_code == 0, again.output


def test_paths_with_an_axis_of_the_path_are_refused(quick: Path) -> None:
    done = call("compare", "flash", "--venues", "book_fund_adl", "--paths", "recovers,whipsaw", "--vary", "path.noise=0.5|1.0", *ONE)
    assert done.exit_code == 2 and list(quick.iterdir()) == []
    assert "--paths: given with --vary path.noise, which would change all paths, expected one of the two" in done.output


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tree: tree["cells"].pop(), "factorial.cells has other names than venues"),
        (lambda tree: tree["cells"][0].update(levels=[9]), "factorial.cells[0].levels is [9]: expected a level of each axis"),
        (lambda tree: tree["combinations"][0].update(levels=[0, 0]), "factorial.combinations[0].levels is [0, 0]: expected"),
        (lambda tree: tree["combinations"][0].update(cell="x"), "factorial.combinations names 'x': expected the cells"),
        (lambda tree: tree["cells"][0].update(scenario={"oracl": 1}), "factorial.cells, K1M: --vary: unknown key oracl"),
        (lambda tree: tree.update(axes=3), "factorial.axes is 3: expected"),
    ],
)
def test_a_factorial_that_was_tampered_with_is_refused(quick: Path, change: Any, told: str) -> None:
    assert call("compare", "flash", "--venues", "book_fund_adl", "--vary", "K=1e6|2e6", *ONE, "--out", "x").exit_code == 0
    tree = report("x")
    change(tree["factorial"])
    Path("x/edited.json").write_text(json.dumps(tree), encoding="utf-8")
    done = call("compare", "--from-report", "x/edited.json", "--jobs", "1")
    assert done.exit_code == 2 and done.stderr.startswith(f"error: x/edited.json: {told}"), done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- pictures --

BARS = [Bar("book_fund_adl", (5e6, 0.0, 0.0, 12e6, 0.0, 0.0, 0.4e6)), Bar("a_design_with_quite_a_long_name", (0.0,) * 7)]


def shown(what: object, width: int) -> str:
    out = StringIO()
    Console(file=out, width=width).print(what)
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 80, 160])
def test_bars_are_as_long_as_their_parts(width: int) -> None:
    text = shown(StackedBars(BARS, 5), width)
    assert max(map(len, text.splitlines())) <= width
    line = next(line for line in text.splitlines() if "█" in line)
    fund, adl, still_open = (line.count(mark) for mark in "█░·")
    assert abs(fund * 17.4 - 5 * (fund + adl + still_open)) <= 17.4 and "17.40" in line
    assert "insurance fund" in text and "winners, by ADL" in text and "pool" not in text
    assert cut((1.0, 1.0, 1.0), 0.5) == [0, 1, 1] and sum(cut((0.4,) * 10, 1.0)) == 4


def test_the_bars_of_an_svg_add_up() -> None:
    root = ElementTree.fromstring(bars_svg(BARS, 5, "A <crash>"))
    areas = [one for one in root.iter("{http://www.w3.org/2000/svg}rect") if "hatch" in (one.get("fill") or "")]
    widths = [float(one.get("width") or 0) for one in areas[:3]]
    assert widths[0] / sum(widths) == pytest.approx(5 / 17.4, abs=0.01)
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "A <crash>" in texts and "17.40" in texts and PARTS[0].name in texts


ONE_OF_TWO = Curve("one", (Point(3e6, (2e6, 4e6)), Point(2e6, None), None))
CURVES = Curves(TOTAL, ("0", "1M", "5M"), (ONE_OF_TWO, Curve("two", (Point(3e6, None),) * 3)))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_no_curve_hides_another_and_an_interval_is_drawn(width: int) -> None:
    text = shown(CurveChart(CURVES), width)
    assert max(map(len, text.splitlines())) <= width
    chart = text[text.index("┤") :].partition("K =")[0]
    assert (chart.count("A"), chart.count("B")) == (2, 3) and "|" in chart
    assert [len(line.split()) for line in text.splitlines() if line.startswith("     ") and "3.00" in line] == [3, 3]


def test_curves_of_a_gain_and_of_nothing_can_be_drawn() -> None:
    gain = Curves(BYSTANDER, ("0", "1M"), (Curve("one", (Point(-30.0, None), Point(0.0, None))),))
    assert "-30.00" in shown(CurveChart(gain), 80)
    ElementTree.fromstring(curves_svg([gain, CURVES], "A <crash>"))
    assert "against K" in shown(CurveChart(Curves(TOTAL, ("0", "1M"), ())), 80)
