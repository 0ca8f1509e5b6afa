"""What the pictures of a page are drawn from: the runs that are shown minute by minute, and of all runs what each came to.

Rules of the file: one pair of path and seed is shown, the one in which the baseline's cost is nearest to its median, so that nobody
picks a run that tells best; of many designs, those that fit a page. Numbers are cut to `DIGITS`, which no picture shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from perplab.exchange.units import MINUTE_NS, SECOND_NS

from ..comparison.headline import TOTAL_KEY
from ..comparison.repeat import ReportError
from ..comparison.report import Report, Result, rounded
from ..comparison.results import JOURNALS, journal_name
from ..metrics import CATALOGUE, Measure
from .course import MARKED, Course, course_of
from .reading import Comparison, plain

DIGITS: Final = 6
MOST_SHOWN: Final = 8  # designs whose runs are shown minute by minute
MOST_DOTS: Final = 200  # of a design's runs
COMPARED: Final = {  # metrics that the table ranks, and what stands above their columns; less is better, but for MORE_IS_BETTER
    "losses.total_usd": "lost by others",
    "losses.bad_debt_usd": "bad debt",
    "liquidation.accounts": "accounts liquidated",
    "liquidation.notional_usd": "notional liquidated",
    "liquidation.loss_share": "lost by the liquidated",
    "adl.notional_usd": "notional deleveraged",
    "stress.long_bp": "cost of a bystander, long",
    "stress.short_bp": "cost of a bystander, short",
    "liquidation.seconds_max": "until flat, longest",
    "prices.mark_gap_bp": "mark off the true price",
    "prices.recovery_s": "until price and depth are back",
    "liquidity.bid_depth_worst_minute_usd": "bid depth, worst minute",
}
MORE_IS_BETTER: Final = ("liquidity.bid_depth_worst_minute_usd",)


class ShownRun(NamedTuple):
    """A run that is shown minute by minute."""

    result: Result
    course: Course | None  # None: its journal is not there


class Shown(Struct, frozen=True):
    """All that is shown of one pair of path and seed."""

    run: Result | None  # the baseline's, or that of the first design if the baseline's does not count; None: none counts
    runs: tuple[ShownRun, ...]
    venues: tuple[str, ...]  # the designs of tables and other pictures


def shown_in(comparison: Comparison, seed: int | None = None) -> Shown:
    """The runs that are shown, their journals played again. ReportError: that seed is none of those that count."""
    report = comparison.report
    run = the_run(report, seed)
    if run is None:
        return Shown(None, (), report.venues)
    alike = [one for one in report.counted if one.pair == run.pair]
    return Shown(run, tuple(ShownRun(one, course_in(comparison, one)) for one in on_a_page(report, alike)), report.venues)


def the_run(report: Report, seed: int | None) -> Result | None:
    """Of the runs that count, the one nearest to the median of what it cost others; the first of several."""
    name = report.baseline if report.baseline not in report.outside else next((one.venue for one in report.counted), "")
    mine = [one for one in report.counted if one.venue == name and seed in (None, one.seed)]
    if seed is not None and not mine:
        counts = sorted({one.seed for one in report.counted})
        raise ReportError(f"--seed: {seed} given, expected one of those that count: {', '.join(map(str, counts)) or 'there is none'}")
    middle = report.median(name, TOTAL_KEY) if mine else None

    def distance(one: Result) -> float:
        cost = rounded(one.metrics.scalar(TOTAL_KEY))
        return abs((cost or 0.0) - (middle or 0.0))

    return min(mine, key=distance, default=None)


def on_a_page(report: Report, runs: list[Result]) -> list[Result]:
    """Of many designs' runs some, in the order of the table."""
    kept = some_of(report, [one.venue for one in runs], MOST_SHOWN)
    return [one for one in runs if one.venue in kept]


def some_of(report: Report, venues: Sequence[str], most: int) -> tuple[str, ...]:
    """Of many designs the baseline and those with which others lost least and most, in the order of the table."""
    if len(venues) <= most:
        return tuple(venues)
    ranked = sorted(venues, key=lambda venue: report.median(venue, TOTAL_KEY) or 0.0)
    half = (most - 1) // 2
    kept = {*ranked[:half], *ranked[-half:], report.baseline}
    return tuple(venue for venue in venues if venue in kept)


def course_in(comparison: Comparison, run: Result) -> Course | None:
    journal = comparison.folder / JOURNALS / journal_name(run.venue, run.seed, run.path)
    if not journal.is_file():
        return None
    start, end = span_of(run)
    found = course_of(journal, start, end)
    return found if found.t else None


def span_of(run: Result) -> tuple[int, int]:
    """When the run begins and ends: the first minute, and the last that anything was seen in. [ns]"""
    minutes = run.metrics.minutes
    seen = [ts for ts, usd in zip(minutes.start_ts, minutes.true_usd, strict=True) if usd is not None] or minutes.start_ts
    return seen[0], seen[-1] + MINUTE_NS


def short(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None else cut(value) for value in values]


def cut(value: float) -> float:
    """A number of few characters: a whole one without its point."""
    found = float(f"{value:.{DIGITS}g}")
    return int(found) if found.is_integer() and abs(found) < 1e15 else found


def cut_all(tree: object) -> object:
    """The same, with every number cut."""
    if isinstance(tree, Mapping):
        return {key: cut_all(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [cut_all(value) for value in tree]
    return cut(tree) if isinstance(tree, float) else tree


def payload(report: Report, shown: Shown) -> object:
    """The data of page.js."""
    start, end = span_of(shown.run) if shown.run else (0, MINUTE_NS)
    return cut_all(
        {
            "end": (end - start) / SECOND_NS,
            "marked": MARKED,
            "first": shown.run.venue if shown.run else "",
            "courses": {one.result.venue: run_data(one, start) for one in shown.runs},
            "all": all_runs(report, shown.venues),
        }
    )


def all_runs(report: Report, venues: Sequence[str]) -> dict[str, object]:
    """What each run of these designs came to in the metrics that are compared: the data of spread.js."""
    counted = {one.venue for one in report.counted}
    told, measures = [venue for venue in venues if venue in counted], compared()
    return {
        "baseline": report.baseline,
        "venues": told,
        "metrics": [{"key": one.key, "label": one.label, "unit": one.unit} for one in measures],
        "runs": {venue: {one.key: dots_of(report, venue, one.key) for one in measures} for venue in told},
        "medians": {venue: {one.key: report.median(venue, one.key) for one in measures} for venue in told},
        "findings": {venue: {one.key: finding_data(report, venue, one.key) for one in measures} for venue in told},
    }


def compared() -> list[Measure]:
    return [measure for key in COMPARED for measure in CATALOGUE if measure.key == key]


def dots_of(report: Report, venue: str, key: str) -> list[float | None]:
    """Of each run that counts; of very many, some at equal distances in their order, the least and the largest among them."""
    found = [rounded(one.metrics.scalar(key)) for one in report.counted if one.venue == venue]
    if len(found) <= MOST_DOTS:
        return found
    known = sorted(value for value in found if value is not None)
    return [known[number * (len(known) - 1) // (MOST_DOTS - 1)] for number in range(MOST_DOTS)] if known else []


def finding_data(report: Report, venue: str, key: str) -> dict[str, object]:
    found = report.finding(venue, key)
    return {"mean": found.mean, "interval": found.interval, "verdict": found.verdict}


def run_data(one: ShownRun, start: int) -> dict[str, object]:
    minutes, funding = one.result.metrics.minutes, one.result.metrics.funding
    return {
        "course": plain(one.course),
        "minutes": {
            "t": [(ts - start) / SECOND_NS for ts in minutes.start_ts],
            "true": minutes.true_usd, "mark": minutes.mark_usd, "last": minutes.last_usd, "bid": minutes.bid_depth_usd,
            "ask": minutes.ask_depth_usd, "liquidated": minutes.liquidated_usd, "deleveraged": minutes.deleveraged_usd,
        },
        "funding": {"t": [(each.ts - start) / SECOND_NS for each in funding], "bp": [each.rate_bp for each in funding]},
    }  # fmt: skip
