"""Reports: medians, paired differences and their verdicts, the bytes of report.json, and what the table tells at any width."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from io import StringIO
from itertools import pairwise

import pytest
from handmade import LONG, USD, event, run_of
from msgspec.structs import replace
from rich.console import Console

from perplab.exchange import BUILD
from perplab.exchange.codes import Method, Payer
from perplab.exchange.events import DeficitPaid, Liquidated
from perplab.lab.amounts import usd_scale
from perplab.lab.comparison.choices import Choice
from perplab.lab.comparison.jobs import CALIBRATED, Done, about, number_of
from perplab.lab.comparison.picture import svg
from perplab.lab.comparison.progress import Told
from perplab.lab.comparison.report import About, Capital, Clocked, Exact, Inputs, Report, Result, rounded, timings_json, to_text
from perplab.lab.comparison.table import SECTIONS, folded, print_overview
from perplab.lab.metrics import CATALOGUE, measure
from perplab.lab.metrics.pools import Pools
from perplab.lab.runs import Granted
from perplab.lab.scenario import load_scenario

CALIBRATION = {"backstop_usd": 3e6, "makers.capital_usd": 2e7, "x.y": 1.0}
ALIKE = Capital("same", {"book_fund_adl": {"insurance_fund": 3_000_000, "vault": 0}})
ABOUT = About("hand", "A crash made by hand", "synthetic", 4, 5e6, 0.0, CALIBRATION, ALIKE, Inputs((), None, {"name": "hand"}, {}))
VENUES = ("book_fund_adl", "book_vault_adl", "book_fund_social", "auction_fund_social", "auction_fund_adl", "social_only")
DEBT = "losses.bad_debt_usd"


def result(venue: str, seed: int, debt_usd: float) -> Result:
    debt = round(debt_usd * USD)
    closed = event(Liquidated, 60, account=LONG, size=1_000, method=Method.BOOK, deficit=debt)
    paid = event(DeficitPaid, 60, account=LONG, payer=Payer.UNCOVERED, amount=debt)
    return Result(venue, seed, f"{venue}{seed}", measure(run_of(*[closed, paid] if debt_usd else [])))


def report_of(debts: Mapping[str, list[float]], about: About = ABOUT) -> Report:
    """A report in which each venue has these bad debts [USD] at seeds 1, 2, ..."""
    results = [result(venue, seed, debt) for venue, each in debts.items() for seed, debt in enumerate(each, 1)]
    return Report(about, results, tuple(debts))


def shown(report: Report, width: int) -> str:
    out = StringIO()
    print_overview(report, "Files: out/hand.", Console(file=out, width=width))
    return out.getvalue()


# -- medians and differences --


def test_differences_are_taken_on_equal_seeds() -> None:
    """Medians of 5 and 11 differ by 6; the seeds differ by 10, 10 and -3."""
    report = report_of({"book_fund_adl": [1.0, 5.0, 9.0], "social_only": [11.0, 15.0, 6.0]})
    assert report.median("book_fund_adl", DEBT) == 5.0
    assert report.median("social_only", DEBT) == 11.0
    found = report.finding("social_only", DEBT)
    assert (found.pairs, found.mean, found.median, found.verdict) == (3, pytest.approx(17 / 3), 10.0, "too few seeds")
    assert report.finding("book_fund_adl", DEBT).verdict == "baseline"


def test_what_is_clear_in_six_seeds_is_distinguished() -> None:
    """Alone it would be with p = 2 / 2^6; when asked with others that differ, too, it is corrected for them."""
    base = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    report = report_of({"book_fund_adl": base, "social_only": [each + 10.0 + each / 8 for each in base]})
    found = report.finding("social_only", DEBT)
    assert (found.pairs, found.p, found.verdict) == (6, 1 / 32, "distinguished")
    assert found.interval is not None and 10.0 < found.interval[0] < found.mean < found.interval[1] < 11.0  # type: ignore[operator]
    assert report_of({"book_fund_adl": base[:5], "social_only": base[1:]}).finding("social_only", DEBT).verdict == "too few seeds"
    assert report_of({"book_fund_adl": base, "social_only": base[::-1]}).finding("social_only", DEBT).verdict == "not distinguished"


def test_one_design_under_two_names_is_equal_in_everything() -> None:
    same = [1.0, 5.0, 9.0, 2.0, 0.0, 3.0, 8.0]
    report = report_of({"book_fund_adl": same, "the_same": same})
    assert {one.verdict for one in report.findings()} == {"equal", "undefined"}
    assert report.finding("the_same", DEBT) == (7, 0.0, 0.0, (0.0, 0.0), 0.0, 1.0, "equal")


def test_the_baseline_is_book_fund_adl_or_the_first_venue() -> None:
    assert report_of({"social_only": [1.0], "book_fund_adl": [1.0]}).baseline == "book_fund_adl"
    assert report_of({"social_only": [1.0], "auction_fund_adl": [1.0]}).baseline == "social_only"


def test_a_baseline_may_be_chosen() -> None:
    report = report_of({"book_fund_adl": [1.0, 2.0], "social_only": [4.0, 5.0]})
    other = Report(ABOUT, report.results, report.venues, "social_only")
    assert other.finding("book_fund_adl", DEBT).median == -3.0
    assert json.loads(other.to_json())["baseline"] == "social_only"


def test_a_metric_that_is_undefined_in_some_seed_is_not_compared() -> None:
    report = report_of({"book_fund_adl": [1.0, 2.0], "social_only": [1.0, 2.0]})
    assert report.median("social_only", "adl.delay_s") is None
    assert report.finding("social_only", "adl.delay_s") == (0, None, None, None, None, None, "undefined")


def test_a_missing_seed_is_an_error() -> None:
    results = [result("book_fund_adl", 1, 0.0), result("book_fund_adl", 2, 0.0), result("social_only", 1, 0.0)]
    with pytest.raises(ValueError, match="social_only, seed 2"):
        Report(ABOUT, results, ("book_fund_adl", "social_only"))


# -- files --


def test_report_json_is_the_same_whatever_the_order_of_results() -> None:
    debts = {"book_fund_adl": [1.0, 1 / 3], "social_only": [2.0, 0.1 + 0.2]}
    first = report_of(debts)
    again = Report(ABOUT, list(reversed(first.results)), tuple(debts))
    assert first.to_json() == again.to_json()


def test_report_json_says_what_was_run_and_nothing_of_the_machine() -> None:
    told = json.loads(report_of({"book_fund_adl": [1.0, 2.0], "social_only": [3.0, 4.0]}).to_json())
    assert list(told) == [
        "schema", "made_by", "scenario", "title", "path", "accounts", "open_interest_usd", "impact", "calibrated", "capital", "baseline",
        "venues", "seeds", "paths", "units", "summary", "runs", "inputs",
    ]  # fmt: skip
    assert (told["schema"], told["venues"], told["seeds"]) == (3, ["book_fund_adl", "social_only"], [1, 2])
    assert told["summary"]["social_only"][DEBT] == {
        "median": 3.5, "mean_difference": 2.0, "median_difference": 2.0, "interval": None, "effect_size": None, "p": 0.5,
        "verdict": "too few seeds", "pairs": 2,
    }  # fmt: skip
    assert told["made_by"]["build"] == BUILD and set(told["made_by"]) == {"perplab", "build", "python", "numpy"}
    assert told["inputs"] == {
        "settings": [], "path_file": None, "scenario": {"name": "hand"}, "designs": {}, "paths": {}, "insured": False, "structures": [],
    }  # fmt: skip
    assert set(told["units"]) == {measure.key for measure in CATALOGUE}
    assert [(run["venue"], run["seed"], run["state_hash"]) for run in told["runs"]][2] == ("social_only", 1, "social_only1")
    run = told["runs"][0]["metrics"]
    assert run["losses"]["bad_debt_usd"] == 1.0
    assert run["accounting"]["balances"] == {"traders": 4_000 * USD}
    assert run["minutes"]["effective_spread_1_bp"][0] == 20.0


def test_numbers_are_rounded_and_nan_is_null() -> None:
    assert to_text({"a": 0.1 + 0.2, "b": [1 / 3, float("nan")], "c": 12345678901234567, "d": -0.0}) == (
        '{\n "a": 0.3,\n "b": [0.333333333333, null],\n "c": 12345678901234567,\n "d": 0.0\n}\n'
    )
    assert rounded(123456.7890123456) == 123456.789012
    assert to_text({"empty": {}, "none": []}) == '{\n "empty": {},\n "none": []\n}\n'


def test_inputs_keep_all_their_digits() -> None:
    assert to_text({"a": 1 / 3, "inputs": Exact({"a": 1 / 3, "b": [0.1 + 0.2, 1]})}) == (
        '{\n "a": 0.333333333333,\n "inputs": {\n  "a": 0.3333333333333333,\n  "b": [0.30000000000000004, 1]\n }\n}\n'
    )


def test_nested_lists_of_tables_are_indented_and_read_back() -> None:
    value = {"rows": [{"a": 1, "b": [1.5, 2.0]}, {"a": 2, "b": []}], "matrix": [[1, 2], [3, 4]], "text": 'say "x"'}
    assert json.loads(to_text(value)) == value


def test_timings_hold_the_build_and_the_clock() -> None:
    clocked = [Clocked("social_only", 1, "compiled", 9, 1.5, 0.5), Clocked("book_fund_adl", 1, "compiled", 9, 1.25, 0.5)]
    told = json.loads(timings_json(clocked, 2.5, 2))
    assert (told["wall_s"], told["jobs"]) == (2.5, 2)
    assert [row["venue"] for row in told["runs"]] == ["book_fund_adl", "social_only"]
    assert told["runs"][0] == {
        "venue": "book_fund_adl", "seed": 1, "build": "compiled", "commands": 9, "wall_s": 1.25, "core_s": 0.5, "path": ""
    }  # fmt: skip


# -- the table --


def six(seeds: int = 3) -> Report:
    return report_of({venue: [1e6 + number * 1e5 + seed for seed in range(seeds)] for number, venue in enumerate(VENUES)})


@pytest.mark.parametrize("width", [80, 100, 160, 200])
def test_the_table_fits_and_loses_nothing(width: int) -> None:
    text = shown(six(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for title in ("Who was liquidated", "What was lost", "Who paid", "The market"):
        assert f"\n{title} " in text
    assert re.search(r"bad debt +M USD +1\.00 +1\.10", text) if width < 140 else re.search(r"1\.00 +1\.10 +\+0\.10", text)


NINE = (*VENUES, "mine", "a_design_with_a_name_that_goes_on_and_on_for_sixty_four_characters", "Unbreakable" * 5)


def parts(text: str) -> str:
    """A text without its blanks: what a narrow column has cut is whole again."""
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("width", [10, 20, 38, 45, 60, 80, 100, 140, 160, 240, 400])
def test_nine_designs_keep_every_number_label_and_unit_at_any_width(width: int) -> None:
    report = report_of({venue: [(number + 1.25) * 1e6] for number, venue in enumerate(NINE)})
    text = shown(report, width)
    if width >= 26:  # below, lines go over the edge
        assert max(map(len, text.splitlines())) <= width
    table = text.partition("\nEach")[0]
    blocks = table.count("Who paid") if width >= 38 else len(NINE)
    assert blocks == max(1, len(re.findall(r"^Designs? \d+.*?\sof 9$", table, re.MULTILINE | re.DOTALL)))
    for number in range(1, 10):  # bad debt in M USD
        assert len(re.findall(rf"\b{number}\.25\b", table)) >= 1, f"bad debt of design {number} at {width}"
    for unit in ("USD", "bp"):
        assert len(re.findall(rf"\b{unit}\b", table)) >= blocks
    if width == 10:  # a name stands in a column of its own there
        assert parts("Unbreakable" * 5) in parts("".join(line[12:] for line in table.splitlines()))


@pytest.mark.parametrize(
    ("amounts", "unit"),
    [
        ([2.38e9, 0.16e9], "bn USD"),
        ([2.38e9, 0.0, 1.47e6], "M USD"),  # 0.00 bn would say nothing
        ([2.38e9, 12.0], "M USD"),  # 2,380,000 k would be too long for its column
        ([3e6, 2_000.0], "k USD"),
        ([700.0, 0.001], "USD"),
        ([4e14, 1.0], "bn USD"),
        ([0.0], "USD"),
    ],
)
def test_the_unit_of_a_group_fits_its_smallest_amount(amounts: list[float], unit: str) -> None:
    assert usd_scale(amounts, readable=True)[1] == unit


def test_what_a_pool_gained_adds_up_in_the_table() -> None:
    """Of round numbers, with a gain that the metric has as a loss below zero, and fees that are small beside the rest."""
    gained = {"fees_usd": 1.47e6, "markout_usd": -1_290e6, "markout_stale_usd": 190e6, "inventory_usd": 30e6, "rest_usd": -221.47e6}
    big = Pools(lp_usd=-300e6, own_usd=1_400e6, **gained)
    one = result("book_fund_adl", 1, 1e6)
    report = Report(ABOUT, [Result(one.venue, one.seed, "by hand", replace(one.metrics, pool=big))], ("book_fund_adl",))
    text = shown(report, 80)
    told = re.findall(r"^  (\S.*?) +M USD +(-?[\d,.]+) *$", text.partition("The curve's pool")[2], re.MULTILINE)
    rows = {name: float(number.replace(",", "")) for name, number in told}
    results = rows["result of providers"] + rows["result of the venue's"]
    parts = [rows[name] for name in ("fees earned", "gained on true price", "earned by position", "funding, deficits, mark")]
    assert parts == [1.47, 1290.0, 30.0, -221.0] and rows["... oracle off"] == -190.0
    assert abs(results - sum(parts)) <= 1


def test_the_picture_shows_all_designs() -> None:
    report = report_of({venue: [(number + 1.25) * 1e6] for number, venue in enumerate(NINE)})
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg(report, "Nine"))
    shown_text = " ".join(texts).replace("&#160;", " ")
    for number in range(1, 10):
        assert f"{number}.25" in shown_text
    for word in ("M USD", "bad debt"):
        assert word in shown_text


@pytest.mark.parametrize("venue", ["auction_fund_social", "x" * 64])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_progress_lines_fit(venue: str, width: int) -> None:
    out = StringIO()
    told = Told(1000, 2, Console(file=out, width=width))
    with told:
        told.finished(Done(result(venue, 1000, 123.4e6), Clocked(venue, 1000, "compiled", 1_234_567, 123.4, 100.0)))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= max(80, len(f"   1/1000  {venue} seed 1000:"))
    text = " ".join(out.getvalue().split())
    assert text.endswith(f"1/1000 {venue} seed 1000: 1 liquidated, bad debt 123 M USD, 123 s")


def test_names_are_cut_where_they_must_be_and_nothing_is_left_out() -> None:
    assert folded("book_fund_adl", 12, together=False) == ["book", "fund", "adl"]
    assert folded("auction_fund_social", 19, together=True) == ["auction_fund_social"]
    assert folded("auction_fund_social_x", 19, together=True) == ["auction_fund_social_", "x"]
    for together in (True, False):
        for name in ("x" * 64, "_a__b_", "a_" * 30, "_" * 5):
            lines = folded(name, 12, together)
            assert all(len(line.rstrip("_")) <= 12 for line in lines)
            assert "".join(lines).replace("_", "") == name.replace("_", "")


def test_differences_stand_beside_where_there_is_room_and_below_where_not() -> None:
    wide, narrow = shown(six(), 160), shown(six(), 80)
    assert "beside it" in wide and "+0.50" in next(line for line in wide.splitlines() if "bad debt" in line)
    lines = narrow.splitlines()
    below = next(first for first, second in pairwise(reversed(lines)) if "bad debt" in second)
    assert "below it" in narrow and below.split() == ["+0.10?", "+0.20?", "+0.30?", "+0.40?", "+0.50?"]


def test_the_table_says_what_cannot_be_told_apart() -> None:
    base = [1.0, 2.0] * 4
    text = shown(report_of({"book_fund_adl": base, "social_only": base[::-1], "book_vault_adl": base}), 160)
    assert re.search(r"bad debt +USD +1\.50 +1\.50 +n\.d\. +\[-\d\.\d\d, \+\d\.\d\d\] +1\.50 +=", text)
    assert "n.d. is not distinguished from chance. In brackets, the 95 % interval of that mean" in " ".join(text.split())


def test_intervals_stand_where_there_is_room_for_them() -> None:
    report = report_of({"book_fund_adl": [1.0 + seed for seed in range(8)], "social_only": [11.0 + seed**2 / 8 for seed in range(8)]})
    wide, narrow = shown(report, 100), shown(report, 60)
    assert re.search(r"bad debt +USD +4\.5 +12\.6 +\+8\.7 +\[\+8\.\d, \+\d+\.\d\]", wide), wide
    assert "[" not in narrow and "In brackets" not in narrow
    assert re.search(r"With 8 seeds, (\d+) of \1 differences? in report\.json can be distinguished", " ".join(wide.split()))


def test_the_table_says_what_the_reader_must_know() -> None:
    text = " ".join(shown(six(), 80).split())
    assert "difference to book_fund_adl on the same seeds" in text
    assert "The true price is exogenous" in text
    assert "Every insurance fund and every vault starts with 3 M USD, the scenario's backstop_usd (--same-capital)." in text
    assert "Calibrated once, then frozen: a maker's capital 20 M USD; 2 more" in text
    assert "The order of the designs depends on the prices that bidders ask, on the path, and on the settings" in text
    assert "The designs are not ranked: that takes at least 3 paths of 2 families, and here is one." in text
    few = "nothing can be distinguished from chance at 5 %: 6 seeds are the least, and what is shown are draws, marked ?."
    assert text.endswith(f"With 3 seeds {few}") and f"With 5 seeds {few}" in " ".join(shown(six(5), 80).split())
    assert "Files: out/hand." in text
    moving = ABOUT._replace(impact=0.5)
    told = " ".join(shown(report_of({"social_only": [1.0]}, moving), 80).split())
    assert "moves the true price, by 0.5 times the square-root law" in told


def cut_report(cuts: Mapping[str, list[Granted]]) -> Report:
    """A report in which the people of each venue could open this much at seeds 1, 2, ..."""
    plain = {(venue, seed): result(venue, seed, 1.0) for venue, each in cuts.items() for seed in range(1, len(each) + 1)}
    results = [dataclasses.replace(one, granted=cuts[venue][seed - 1]) for (venue, seed), one in plain.items()]
    return Report(ABOUT, results, tuple(cuts))


def test_designs_that_let_people_open_less_are_named() -> None:
    all_of_it = Granted(0, 100 * USD, 100 * USD, 60)
    less = [Granted(26, 100 * USD, 95 * USD, 60), Granted(24, 100 * USD, 99_999_999, 60)]
    cuts = {"book_fund_adl": [all_of_it] * 2, "drift_v2": less, "other": less, "shut": [Granted(60, 100 * USD, 0, 60)] * 2}
    report = cut_report(cuts)
    for width in (80, 160):
        assert (
            "Opened less than wanted, for want of margin: drift_v2, other (24 to 26 of 60 accounts cut, 95 to 99.9 % of the notional "
            "opened); shut (60 of 60 accounts cut, 0 % of the notional opened). "
            "Designs that differ in this did not meet the same positions."
        ) in " ".join(shown(report, width).split())
    told = json.loads(report.to_json())["runs"][2]["granted"]
    assert told == {"accounts": 60, "accounts_cut": 26, "wanted_usd": 100.0, "granted_usd": 95.0}
    assert "Opened less" not in shown(cut_report({"book_fund_adl": [all_of_it], "drift_v2": [all_of_it]}), 160)


def test_one_seed_is_called_what_it_is() -> None:
    text = " ".join(shown(report_of({"book_fund_adl": [1.0], "social_only": [2.0]}), 80).split())
    assert "Each number is that of one run; beside it, the mean difference" in text and "With 1 seed nothing can be" in text
    alone = " ".join(shown(report_of({"social_only": [2.0]}), 80).split())
    assert "Each number is that of one run." in alone and "baseline" not in alone and "With" not in alone


def test_every_row_of_the_table_is_in_the_catalogue() -> None:
    told = [row.key for section in SECTIONS for row in section.rows]
    assert set(told) <= {measure.key for measure in CATALOGUE}
    assert len(told) == len(set(told))


# -- what a scenario says of itself --


def test_the_calibrated_numbers_are_those_the_scenario_file_marks() -> None:
    text = resources.files("perplab.lab").joinpath("scenarios", "oct10.toml").read_text(encoding="utf-8")
    marked, table = [], ""
    for line in text.splitlines():
        if line.startswith("["):
            table = f"{line.strip('[] ')}."
        elif re.match(r"\w+ = .*# calibrated", line):
            marked.append(table + line.split(" = ")[0])
    assert sorted(CALIBRATED) == sorted(marked)
    scenario, given = load_scenario("oct10"), tomllib.loads(text)
    assert number_of(scenario, "population.leverage_sigma") == given["population"]["leverage_sigma"]
    assert about(Choice(scenario, (), (), "same")).calibrated["backstop_usd"] == given["backstop_usd"]
