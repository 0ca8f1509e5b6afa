"""What a comparison gives to a program: `Results`, tables of its runs as frames or arrays.

Rules of the file: a table is chosen from the report and from what runs left, nothing is computed anew but sums of accounts. Money is in
USD, times are ns since 1970, and a column has the name that docs/metrics.md has for its number. Events are as the venue counts: ticks,
lots, micro-units. They are in no memory: `events` plays the journals again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Final, Literal, overload

import msgspec
import numpy as np
from rich.console import Console

from perplab.exchange import Exchange, venue_of_json
from perplab.exchange.design.reader import nearest
from perplab.exchange.events import EVENTS, Event
from perplab.exchange.journal import content, records, run_block
from perplab.exchange.messages import KIND_COLUMN, ROW, columns_of
from perplab.exchange.units import MICRO

from ..frames import Arrays, Cell, Frame, framed, table
from ..metrics import BASELINE, CATALOGUE, INSURED, Wealth
from ..metrics.market import Minutes
from ..metrics.wealth import Bucket, buckets
from ..runs import Ints
from ..structures.kinds import KindLine
from .factorial_report import Found
from .making import print_tables
from .reading import counted, of_what, what_it_tells
from .report import Report, Result
from .results import journal_name

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import polars  # type: ignore[import-not-found, unused-ignore]

MOST_EVENTS: Final = 1_000_000  # rows of one answer of `events`: 16 columns of them are 128 MB
RUN: Final = ("path", "venue", "seed")
LINE: Final = 100  # [characters] of what a prompt shows
WIDE: Final = 160  # [characters] of a table in a notebook
PAGE: Final = '<pre style="line-height: 1.1; font-size: 80%">{code}</pre>'
KINDS: Final = {event.__name__: event for event in EVENTS}
MINUTES: Final = Minutes.__struct_fields__
SUMMARY_COLUMNS: Final = (
    "venue", "metric", "unit", "label", "median", "mean_difference", "median_difference", "low", "high", "effect_size", "p", "verdict",
    "pairs",
)  # fmt: skip
WON_COLUMNS: Final = ("by", "bucket", "accounts", "breached", "deleveraged", "notional_usd", "opening_usd", "gain_usd", "gain_at_mark_usd")
COST_COLUMNS: Final = tuple(f"{what}_{name}" for name in (BASELINE, INSURED) for what in ("compared_to", "cost_usd_to", "cost_bp_to"))
KIND_COLUMNS: Final = (*RUN, "counted", *KindLine.__struct_fields__)
COHORT_COLUMNS: Final = (*RUN, "counted", *WON_COLUMNS, *COST_COLUMNS)


class Results:
    """A comparison that is done.

    `report` is what report.json is written from. Each of `cells`, `minutes`, `cohorts`, `kinds`, `summary` and `events` is a table: a
    polars frame (pip install 'perplab[frames]'), with `frame="pandas"` one of pandas, with `frame="arrays"` numpy arrays by name, which
    need neither.
    """

    def __init__(self, report: Report, found: Found | None, journals: Path, keeper: object = None) -> None:
        """`journals`: the folder of the runs' journals; `keeper` is kept as long as this is, and with it what it keeps."""
        self.report = report
        self.journals = journals
        self._found = found
        self._keeper = keeper

    # -- tables --

    @overload
    def cells(self, frame: Literal["polars"] = ...) -> polars.DataFrame: ...
    @overload
    def cells(self, frame: Literal["pandas"]) -> pandas.DataFrame: ...
    @overload
    def cells(self, frame: Literal["arrays"]) -> Arrays: ...
    def cells(self, frame: Frame = "polars") -> Arrays | polars.DataFrame | pandas.DataFrame:
        """One row per path, venue and seed: every metric under its own name, such as `losses.total_usd`.

        `counted` says whether it is in medians and differences: not where a run of that path and seed, in any design, went beyond its
        population, and `beyond` says how. A factorial has a column for each of its axes.
        """
        return framed(self._cells(), frame)

    @overload
    def minutes(self, frame: Literal["polars"] = ...) -> polars.DataFrame: ...
    @overload
    def minutes(self, frame: Literal["pandas"]) -> pandas.DataFrame: ...
    @overload
    def minutes(self, frame: Literal["arrays"]) -> Arrays: ...
    def minutes(self, frame: Frame = "polars") -> Arrays | polars.DataFrame | pandas.DataFrame:
        """One row per minute of each run: prices, depth, spreads, what was traded, liquidated and deleveraged."""
        return framed(table((*RUN, *MINUTES), self._minutes()), frame)

    @overload
    def cohorts(self, frame: Literal["polars"] = ...) -> polars.DataFrame: ...
    @overload
    def cohorts(self, frame: Literal["pandas"]) -> pandas.DataFrame: ...
    @overload
    def cohorts(self, frame: Literal["arrays"]) -> Arrays: ...
    def cohorts(self, frame: Frame = "polars") -> Arrays | polars.DataFrame | pandas.DataFrame:
        """One row per run and bucket of its accounts: `by` side, leverage, size or cohort, or all of them.

        `gain_usd` is what everybody of the bucket won at the true price, payments in and out left aside. `cost_...` is what the design cost
        those of it whom no design liquidated, against the baseline and against infinite insurance; NaN or null where that was not run.
        `counted` as in `cells`.
        """
        return framed(table(COHORT_COLUMNS, self._cohorts()), frame)

    @overload
    def kinds(self, frame: Literal["polars"] = ...) -> polars.DataFrame: ...
    @overload
    def kinds(self, frame: Literal["pandas"]) -> pandas.DataFrame: ...
    @overload
    def kinds(self, frame: Literal["arrays"]) -> Arrays: ...
    def kinds(self, frame: Frame = "polars") -> Arrays | polars.DataFrame | pandas.DataFrame:
        """One row per run and kind of people, where account structures are compared (`margin`): liquidated, their notional, bad debt, cost.

        `counted` as in `cells`; no rows in other comparisons.
        """
        return framed(table(KIND_COLUMNS, self._kinds()), frame)

    @overload
    def summary(self, frame: Literal["polars"] = ...) -> polars.DataFrame: ...
    @overload
    def summary(self, frame: Literal["pandas"]) -> pandas.DataFrame: ...
    @overload
    def summary(self, frame: Literal["arrays"]) -> Arrays: ...
    def summary(self, frame: Frame = "polars") -> Arrays | polars.DataFrame | pandas.DataFrame:
        """One row per venue and metric: median, mean and median difference to the baseline, interval, effect size, p, verdict, pairs."""
        return framed(table(SUMMARY_COLUMNS, self._summary()), frame)

    @overload
    def events(
        self, kind: str | type[Event], venue: str = ..., seed: int | None = ..., path: str | None = ...,
        frame: Literal["polars"] = ..., most: int = ...,
    ) -> polars.DataFrame: ...  # fmt: skip
    @overload
    def events(
        self, kind: str | type[Event], venue: str = ..., seed: int | None = ..., path: str | None = ..., *,
        frame: Literal["pandas"], most: int = ...,
    ) -> pandas.DataFrame: ...  # fmt: skip
    @overload
    def events(
        self, kind: str | type[Event], venue: str = ..., seed: int | None = ..., path: str | None = ..., *,
        frame: Literal["arrays"], most: int = ...,
    ) -> Arrays: ...  # fmt: skip
    def events(
        self, kind: str | type[Event], venue: str = "", seed: int | None = None, path: str | None = None, frame: Frame = "polars",
        most: int = MOST_EVENTS,
    ) -> Arrays | polars.DataFrame | pandas.DataFrame:  # fmt: skip
        """All events of one kind, such as "Traded" (perplab.exchange.events), of the runs of a venue, seed or path, or of all.

        The journals are played again, a block at a time: it takes as long as the venue took, and keeps the rows asked for alone.
        ValueError if there are more than `most`, or no such kind or run.
        """
        return framed(self._events(kind_of(kind), self._asked(venue, seed, path), most), frame)

    def table(self, console: Console | None = None) -> None:
        """Print the overview, as `perplab compare` does."""
        print_tables(self.report, self._found, "`perplab docs metrics` defines every metric.", console or Console())

    def __repr__(self) -> str:
        report = self.report
        designs = f"{counted(len(report.venues), 'design')} on {of_what(report, report.pairs)}"
        lines = [f"Results of {report.about.scenario}: {designs}, {counted(len(report.results), 'run')}"]
        lines += [f"{', '.join(report.venues)}; differences are to {report.baseline}", *what_it_tells(report)]
        lines += ["Tables: summary(), cells(), cohorts(), minutes(), events(kind); table() prints the overview"]
        return "\n  ".join(fill(line, LINE, subsequent_indent="    ", break_long_words=False) for line in lines)

    def _repr_html_(self) -> str:
        console = Console(record=True, width=WIDE, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        self.table(console)
        return console.export_html(inline_styles=True, code_format=PAGE)

    # -- rows --

    def _cells(self) -> Arrays:
        keys = [measure.key for measure in CATALOGUE]
        axes = [axis.name for axis in self._found.factorial.axes] if self._found else []
        levels = self._levels()
        rows = (
            [*run_of(one), *levels.get(one.venue, []), *self._kept(one), *map(one.metrics.scalar, keys)] for one in self.report.results
        )
        return table([*RUN, *axes, "state_hash", "counted", "beyond", *keys], rows)

    def _kept(self, one: Result) -> list[Cell]:
        return [one.state_hash, self.report.counts(one), "; ".join(one.beyond)]

    def _levels(self) -> dict[str, list[str]]:
        """By design of a factorial: the label of its level on each axis, "" where the axis makes no difference to it."""
        if not self._found:
            return {}
        axes = self._found.factorial.axes
        return {
            cell.name: ["" if level is None else axis.levels[level].label for axis, level in zip(axes, cell.levels, strict=True)]
            for cell in self._found.factorial.cells
        }

    def _minutes(self) -> Iterator[list[Cell]]:
        for one in self.report.results:
            for row in zip(*msgspec.structs.astuple(one.metrics.minutes), strict=True):
                yield [*run_of(one), *row]

    def _cohorts(self) -> Iterator[list[Cell]]:
        for one in self.report.results:
            if one.wealth is not None:
                for bucket in buckets(one.wealth):
                    yield [*run_of(one), self.report.counts(one), *won(bucket, one.wealth), *costs(bucket, one)]

    def _kinds(self) -> Iterator[list[Cell]]:
        for one in self.report.results:
            for line in one.kinds:
                yield [*run_of(one), self.report.counts(one), *msgspec.structs.astuple(line)]

    def _summary(self) -> Iterator[list[Cell]]:
        report = self.report
        for venue in report.venues:
            for measure in CATALOGUE:
                found = report.finding(venue, measure.key)
                low, high = found.interval or (None, None)
                told = (found.mean, found.median, low, high, found.effect, found.p, found.verdict, found.pairs)
                yield [venue, measure.key, measure.unit, measure.label, report.median(venue, measure.key), *told]

    def _asked(self, venue: str, seed: int | None, path: str | None) -> list[Result]:
        report = self.report
        for name, given, known in (("venue", venue or None, report.venues), ("seed", seed, report.seeds), ("path", path, report.paths)):
            if given is not None and given not in known:
                names = list(map(str, known))
                raise ValueError(f"{name}: {given!r} given, expected one of {', '.join(names)}{nearest(given, names, or_list=False)}")
        mine = (one for one in report.results if venue in ("", one.venue))
        return [one for one in mine if seed in (None, one.seed) and path in (None, one.path)]

    def _events(self, kind: type[Event], asked: Sequence[Result], most: int) -> Arrays:
        blocks, left = [], most
        for one in asked:
            rows = events_of_journal(self.journals / journal_name(one.venue, one.seed, one.path), kind, left)
            if len(rows) > left:
                fewer = "expected a venue, a seed or a path that has fewer, or a larger `most`"
                raise ValueError(f"events: more than {most:,} of {kind.__name__} given, {fewer}")
            left -= len(rows)
            blocks.append(rows)
        whose = table(RUN, map(run_of, asked))
        run = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
        told: Arrays = {name: values[run] for name, values in whose.items()}
        return {**told, **event_columns(kind, np.concatenate(blocks))}


def run_of(one: Result) -> tuple[str, str, int]:
    return one.path, one.venue, one.seed


def won(bucket: Bucket, wealth: Wealth) -> Iterator[Cell]:
    """WON_COLUMNS: all accounts of a bucket, and what they won."""
    mine = bucket.members
    yield from (bucket.by, bucket.name, int(mine.sum()), int(wealth.breached[mine].sum()), int(wealth.deleveraged[mine].sum()))
    yield from (int(each[mine].sum()) / MICRO for each in (wealth.notional, wealth.opening, wealth.gain, wealth.gain_at_mark))


def costs(bucket: Bucket, one: Result) -> Iterator[Cell]:
    """COST_COLUMNS: how many of a bucket are compared, and what the design cost them."""
    lines = {(line.reference, line.by, line.bucket): line for line in one.metrics.cost_lines}
    for reference in (BASELINE, INSURED):
        line = lines.get((reference, bucket.by, bucket.name))
        yield from (float(line.accounts), line.cost / MICRO, line.bp) if line else (None, None, None)


# -- events --


def kind_of(given: str | type[Event]) -> type[Event]:
    """A kind of events by its name. ValueError if there is none."""
    name = given if isinstance(given, str) else given.__name__
    if name not in KINDS:
        raise ValueError(f"kind: {name!r} given, expected a kind of events{nearest(name, list(KINDS))}")
    return KINDS[name]


def event_columns(kind: type[Event], rows: Ints) -> dict[str, Ints]:
    """Those of one kind among packed rows, shape (n, 16), as the fields of the event, int64 (m,) each."""
    mine = rows_of_kind(kind, rows)
    return {name: mine[:, at] for name, at in columns_of(kind).items()}


def rows_of_kind(kind: type[Event], rows: Ints) -> Ints:
    """Those of one kind among packed rows."""
    mine: Ints = rows[rows[:, KIND_COLUMN] == kind.KIND]
    return mine


def events_of_journal(journal: Path, kind: type[Event], most: int) -> Ints:
    """The rows of one kind that a run's commands cause, shape (n, 16); it stops behind the block with which they are more than `most`."""
    name, data = content(journal)
    blocks = records(data, name)
    _, header = next(blocks)
    exchange = Exchange(venue_of_json(header, name))
    found: list[Ints] = []
    for rows, payload in blocks:
        if rows:
            events = np.asarray(run_block(exchange, rows, payload, name)).reshape(-1, ROW)
            found.append(rows_of_kind(kind, events))
            if sum(map(len, found)) > most:
                break
    return np.concatenate(found) if found else np.zeros((0, ROW), np.int64)
