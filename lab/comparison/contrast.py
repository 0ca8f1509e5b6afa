"""`perplab contrast`: two designs of a report against each other, on each path, each family of paths, and all of them.

A report tells the difference of each design to one baseline over all paths together. What holds on some paths only, or between two other
designs, is asked here, of the runs that are in the file; nothing is run.

Rules of the file: which runs count is the report's own rule. All rows of one call are corrected for together: whoever asks ten questions
at once is told as if he had asked ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from perplab.exchange.design.reader import nearest

from ..amounts import usd_scale
from .headline import UNIT_OF
from .reading import THESE_PATHS, Opening, counted, opened_in_words, percent
from .repeat import Recorded, RecordedRun, ReportError, short
from .report import beyond_of, in_digits, less, mean_of, rounded, run_name
from .statistics import DISTINGUISHED, LEAST_SEEDS, LEVEL, Finding, Pair, findings
from .table import Scale, decimals_of

METRICS: Final = ("losses.total_usd", "stress.long_bp+stress.short_bp")  # total cost, and the cost of a bystander
EVERYWHERE: Final = "all paths"
SMALLEST: Final = 1e-100  # of a number that is not 0, without its sign
EXACT: Final = 2**53  # whole numbers up to here are exact as floats
LARGEST: Final = 1e100  # so that the squares of all of them can be added up
HEADS: Final = ("first", "second", "diff.", "95 % interval", "g", "p", "lower")

Values = Mapping[Pair, float | None]


class Contrast(NamedTuple):
    """One metric of two designs, on some of the paths."""

    metric: str
    where: str  # a path, a family of paths, or all
    first: float | None  # mean over the pairs
    second: float | None
    lower: int  # pairs in which the first has less
    found: Finding  # of the first less the second

    @property
    def is_sure(self) -> bool:
        return self.found.verdict == DISTINGUISHED


class Contrasts(NamedTuple):
    """What a report says of two of its designs."""

    title: str
    first: str
    second: str
    rows: Sequence[Contrast]
    left_out: int  # pairs that count for no design
    opened: Sequence[str] = ()  # a sentence, if somebody could open less than he wants

    def as_tree(self) -> dict[str, object]:
        return {**self._asdict(), "rows": [{**row._asdict(), "found": row.found._asdict()} for row in self.rows]}


# -- what is asked --


def contrasts(report: Recorded, file: Path, first: str, second: str, metrics: Sequence[str]) -> Contrasts:
    """Both designs in each metric, by path, by family, and over all. ReportError: a design or metric that is not there."""
    for name in (first, second):
        if name not in report.venues:
            raise ReportError(f"{name!r} given, expected a design of {file}{nearest(name, list(report.venues))}")
    if first == second:
        raise ReportError(f"{first!r} given twice, expected two designs of {file}")
    value_of = {metric: reader(metric) for metric in metrics}
    must_be_complete(report, file)
    outside, left_out = beyond_of([(run.venue, pair_of(run), bool(run.beyond)) for run in report.runs])
    for name in (first, second):
        if name in outside:
            raise ReportError(f"{file}: {name} went beyond the scenario's people in most of its runs: nothing can be said of it")
    counted_in = [run for run in report.runs if run.venue in (first, second) and pair_of(run) not in left_out]
    if not counted_in:
        raise ReportError(f"{file}: no run is within the scenario's people on all designs: nothing can be compared")
    questions: dict[tuple[str, str], tuple[Values, Values]] = {}
    for metric, read in value_of.items():
        mine, other = ({pair_of(run): read(run, file) for run in counted_in if run.venue == name} for name in (first, second))
        for where, paths in places(report).items():
            questions[metric, where] = on(mine, paths), on(other, paths)
    found = findings({asked: {pair: less(mine[pair], other[pair]) for pair in mine} for asked, (mine, other) in questions.items()})
    rows = [contrast(metric, where, *sides, found[metric, where]) for (metric, where), sides in questions.items() if sides[0]]
    return Contrasts(title_of(report), first, second, rows, len(left_out), opened(report, (first, second)))


def opened(report: Recorded, designs: Sequence[str]) -> list[str]:
    """What is said of designs that let people open less than they want."""
    each: dict[str, list[Opening]] = {name: [] for name in designs}
    for run in report.runs:
        one = run.granted
        if run.venue in each and one is not None:
            each[run.venue].append(Opening(one.accounts_cut, one.accounts, one.wanted_usd, one.granted_usd))
    return opened_in_words(each, in_markets=bool(report.inputs.structures))


def must_be_complete(report: Recorded, file: Path) -> None:
    """ReportError unless there is one run of each venue on each path and seed, and no other."""
    paths = list(report.inputs.paths) or [""]
    wanted = dict.fromkeys((venue, path, seed) for path in paths for venue in report.venues for seed in report.seeds)
    runs = Counter((run.venue, run.path, run.seed) for run in report.runs)
    for one in dict.fromkeys([*wanted, *runs]):
        if runs[one] != 1 or one not in wanted:
            expected = "expected one of each of venues, paths and seeds, and no other"
            raise ReportError(f"{file}: runs has {runs[one]} of {run_name(*one)}: {expected}")


def on(values: Values, paths: frozenset[str]) -> Values:
    return {pair: value for pair, value in values.items() if pair.path in paths}


def contrast(metric: str, where: str, mine: Values, other: Values, found: Finding) -> Contrast:
    differences = [less(mine[pair], other[pair]) for pair in mine]
    lower = sum(value is not None and value < 0 for value in differences)
    return Contrast(metric, where, mean_of(mine.values()), mean_of(other.values()), lower, in_digits(found))


def pair_of(run: RecordedRun) -> Pair:
    return Pair(run.path, run.seed)


def places(report: Recorded) -> dict[str, frozenset[str]]:
    """Paths, families that have several of them, and all, with the paths of each."""
    paths = report.inputs.paths
    if not paths:
        return {EVERYWHERE: frozenset({""})}
    families: dict[str, set[str]] = {}
    for name, path in paths.items():
        families.setdefault(path.family, set()).add(name)
    several = {f"family {family}": frozenset(names) for family, names in families.items() if 1 < len(names) < len(paths)}
    return {name: frozenset({name}) for name in paths} | several | {EVERYWHERE: frozenset(paths)}


def reader(metric: str) -> Callable[[RecordedRun, Path], float | None]:
    """How a metric, or a sum of some, is read out of a run. ReportError: no such metric, or a sum of different units."""
    keys = [key.strip() for key in metric.split("+")]
    for key in keys:
        if key not in UNIT_OF:
            raise ReportError(f"--metric: {key!r} given, expected a metric of docs/metrics.md{nearest(key, list(UNIT_OF))}")
    if len({UNIT_OF[key] for key in keys}) > 1:
        raise ReportError(f"--metric: {metric!r} given, expected a sum of one unit: {', '.join(UNIT_OF[key] for key in keys)}")

    def read(run: RecordedRun, file: Path) -> float | None:
        values = [number(run, key, file) for key in keys]
        known = [value for value in values if value is not None]
        return rounded(sum(known)) if len(known) == len(values) else None

    return read


def number(run: RecordedRun, key: str, file: Path) -> float | None:
    group, name = key.split(".")
    table = run.metrics.get(group)
    whose = run_name(run.venue, run.path, run.seed)
    if not isinstance(table, dict) or name not in table:
        raise ReportError(f"{file}: {key} of {whose} is missing: expected a number, or null")
    value = table[name]
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value == 0 or SMALLEST <= abs(value) <= LARGEST:
            return value if abs(value) < EXACT else float(value)
        raise ReportError(f"{file}: {key} of {whose} is {short(value)}: expected 0, or {SMALLEST:g} to {LARGEST:g} without its sign")
    raise ReportError(f"{file}: {key} of {whose} is {short(value)}: expected a number")


def title_of(report: Recorded) -> str:
    return f"{report.inputs.scenario.title}, {counted(len(report.seeds), 'seed')}"


# -- in the terminal --


class ContrastTable:
    """Renders contrasts, for any width."""

    def __init__(self, told: Contrasts) -> None:
        self.told = told

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        told = self.told
        yield Text(told.title, style="bold", overflow="fold")
        yield Text(f"first:  {told.first}\nsecond: {told.second}", overflow="fold")
        for metric in dict.fromkeys(row.metric for row in told.rows):
            rows = [row for row in told.rows if row.metric == metric]
            scale = scale_of(rows)
            yield Text(f"\n{metric}{f' [{scale.unit}]' if scale.unit else ''}", style="bold cyan", overflow="fold")
            yield table_of(rows, scale)
        for paragraph in (self.how_to_read(), *told.opened):
            yield Text(f"\n{paragraph}", overflow="fold")

    def how_to_read(self) -> str:
        told = self.told
        text = (
            f"Means over pairs of path and seed; diff. is first less second; lower: in how many pairs it is below zero, of how many. "
            f"* is more than chance: p < {LEVEL:g}, corrected for the {counted(len(told.rows), 'row')} of all tables here (sign flips of "
            f"whole seeds, step-down maxT). "
            f"The {percent(1 - LEVEL)} interval is of each row alone (bootstrap of seeds), g its effect size. "
            f"Fewer than {LEAST_SEEDS} seeds can tell nothing."
        )
        if any(row.where != EVERYWHERE for row in told.rows):
            text += f" {THESE_PATHS}: see the rows."
        if told.left_out:
            gone = counted(told.left_out, "pair")
            text += f" {gone} of path and seed went beyond the scenario's people with some design and count for none."
        return text


def table_of(rows: Sequence[Contrast], scale: Scale) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold")
    for name in HEADS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(Text(row.where), *cells(row, scale))
    return table


def scale_of(rows: Sequence[Contrast]) -> Scale:
    each = [abs(value) for row in rows for value in (row.first, row.second, row.found.mean) if value]
    unit = UNIT_OF[rows[0].metric.split("+")[0].strip()]
    factor, unit = usd_scale(each, readable=True) if unit == "USD" else (1.0, unit)
    return Scale(factor, unit, decimals_of(each, factor) if each else 0)


def cells(row: Contrast, scale: Scale) -> list[str]:
    found = row.found
    mark = "*" if row.is_sure else ""
    return [
        scale.show(row.first),
        scale.show(row.second),
        scale.show(found.mean, "+") + mark,
        scale.show_interval(found.interval, "-"),
        "-" if found.effect is None else f"{found.effect:+.2f}",
        "-" if found.p is None else f"{found.p:.3f}",
        f"{row.lower}/{found.pairs}",
    ]
