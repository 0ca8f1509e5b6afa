"""A sweep that is done, or as far as it is: tables for Python, a report for each scenario, and the summary in the terminal.

Rules of the file: a scenario is reported as a comparison, by the same code. A seed counts there only if all its runs are done, in every
design, so that differences are on the same people; what was left out is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table

from ..amounts import usd_scale
from ..comparison.choices import Choice
from ..comparison.factorial_report import Found
from ..comparison.headline import HEADLINES, Quantity, values_of
from ..comparison.jobs import Done
from ..comparison.making import files_of, reported
from ..comparison.reading import counted
from ..comparison.report import Report, middle, rounded
from ..comparison.results import PAGE, in_file_name, write_file
from ..comparison.table import COUNTED, print_overview
from ..metrics import CATALOGUE
from .catalogue import DONE, FAILED, RunRow
from .identity import Identity
from .rows import labels, polars
from .store import REPORTS, Store

if TYPE_CHECKING:
    import polars as pl  # type: ignore[import-not-found, unused-ignore]


class OfScenario(NamedTuple):
    """What was found of one scenario."""

    choice: Choice
    report: Report
    found: Found | None
    left_out: tuple[int, ...]  # seeds of which not all runs are done

    @property
    def name(self) -> str:
        """With its path."""
        return self.choice.scenario.name


class Results:
    """The results of a sweep: `Results.open(DIR)`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.folder = store.folder
        self.sweep = store.sweep
        self.pages: list[Path] = []  # and pictures that were written with it

    @classmethod
    def open(cls, folder: str | Path) -> Results:
        """Those in a folder that `perplab sweep` wrote, finished or not. ValueError if it holds none, or another program made them."""
        return cls(Store.existing(Path(folder)))

    @property
    def runs(self) -> list[RunRow]:
        """All runs of the grid, by scenario, design and seed: which, `status` (waiting, done, failed), state hash, wall time, error."""
        return self._store.rows()

    @property
    def failed(self) -> list[RunRow]:
        """Runs that could not be made; `error` says why."""
        return [row for row in self.runs if row.status == FAILED]

    @cached_property
    def done(self) -> dict[str, Done]:
        """What each run that is done came to, by key."""
        return self._store.read()

    @cached_property
    def reports(self) -> dict[str, Report]:
        """By scenario: the report that `perplab compare` would give of it. A scenario of which no seed is whole has none."""
        return {one.name: one.report for one in self.scenarios}

    @cached_property
    def scenarios(self) -> list[OfScenario]:
        """Those of which a seed is whole, in the order of the grid."""
        return [one for one in map(self._of, self.sweep.choices) if one is not None]

    @property
    def made_by(self) -> Identity:
        """The program that made the runs."""
        made_by: Identity = json.loads(self._store.catalogue.told()["made_by"])
        return made_by

    def _of(self, choice: Choice) -> OfScenario | None:
        planned = self.sweep.of(choice)
        missing = {one.job.seed for one in planned if one.key not in self.done}
        seeds = tuple(seed for seed in choice.seeds if seed not in missing)
        if not seeds:
            return None
        results = [self.done[one.key] for one in planned if one.job.seed in seeds]
        return OfScenario(choice, *reported(choice, results), tuple(sorted(missing)))

    def to_polars(self) -> pl.DataFrame:
        """One row for each run that is done: which, its axes as `axis:NAME`, its state hash, and every metric of docs/metrics.md.

        Runs with infinite insurance have `insured`. What a design cost people is null in a seed of which not all runs are done.
        """
        library = polars()
        measured = {
            (each.name, one.venue, one.seed): one for each in self.scenarios for one in each.report.results
        }  # with costs against other runs
        rows = []
        for planned in self.sweep.runs:
            if planned.key in self.done:
                result = self.done[planned.key].result
                result = measured.get((planned.job.scenario.name, result.venue, result.seed), result)
                numbers = {one.key: rounded(result.metrics.scalar(one.key)) for one in CATALOGUE}
                rows.append({**labels(planned), "state_hash": result.state_hash, "is_beyond": bool(result.beyond), **numbers})
        types = {one.key: library.Float64 for one in CATALOGUE}
        frame: pl.DataFrame = library.DataFrame(rows, schema_overrides=types, infer_schema_length=None)
        return frame

    # -- told --

    def write_reports(self, wall_s: float, jobs: int) -> list[Path]:
        """Write report.json and pictures of each scenario; their folders."""
        folders = []
        for each in self.scenarios:
            folder = self.report_folder(each)
            folder.mkdir(parents=True, exist_ok=True)
            clocked = [self.done[one.key].clocked for one in self.sweep.of(each.choice) if one.key in self.done]
            for file, text in files_of(each.report, each.found, clocked, wall_s, jobs).items():
                write_file(folder / file, text)
            folders.append(folder)
        return folders

    def write_pages(self, html: bool, png: bool) -> Iterator[Path]:
        """Write report.html, the figures, or both; the files."""
        if html:
            from .page import page

            write_file(self.folder / PAGE, page(self))
            yield self.folder / PAGE
        if png:
            from .pictures import figures

            yield from figures(self)

    def report_folder(self, one: OfScenario) -> Path:
        return self.folder / REPORTS / in_file_name(one.name)

    def print_summary(self, console: Console) -> None:
        """The headline metrics of each scenario and design; of one scenario alone the whole table."""
        console.print(self.sweep.title, style="bold", highlight=False)
        if len(self.scenarios) == 1 and self.scenarios[0].found is None:
            print_overview(self.scenarios[0].report, f"Report: {self.report_folder(self.scenarios[0]) / 'report.json'}", console)
        else:
            for one in self.scenarios:
                console.print(self._headlines(one))
        for one in self.scenarios:
            if one.left_out:
                console.print(f"{one.name}: seeds {', '.join(map(str, one.left_out))} are left out: not all their runs are done.")
        for choice in self.sweep.choices:
            if choice.scenario.name not in self.reports:
                console.print(f"{choice.scenario.name}: no report: there is no seed of which all runs are done.")
        done = sum(row.status == DONE for row in self.runs)
        places = f"{self.folder / REPORTS}/SCENARIO/report.json" if self.scenarios else "no report"
        console.print(f"{counted(done, 'run')} in {self.folder}; reports: {places}", highlight=False, soft_wrap=True)
        if self.pages:
            more = f" and {len(self.pages) - 1} more" if len(self.pages) > 1 else ""
            console.print(f"To look at: {self.pages[0]}{more}.", highlight=False, soft_wrap=True)

    def _headlines(self, one: OfScenario) -> Table:
        """A row for each design: medians over the seeds that count; a column has one unit."""
        report = one.report
        values = {quantity.key: values_of(report, quantity) for quantity in HEADLINES}
        title = f"{one.name}: medians over {counted(report.counted_pairs, 'seed')}"
        table = Table(title=title, box=None, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column("design", no_wrap=True)
        columns = [column(each, [list(values[each.key][venue].values()) for venue in report.venues]) for each in HEADLINES]
        for each in columns:
            table.add_column(each[0], justify="right", no_wrap=True, vertical="bottom")
        for number, venue in enumerate(report.venues):
            table.add_row(venue, *(each[number + 1] for each in columns))
        return table


def column(quantity: Quantity, runs: list[list[float | None]]) -> list[str]:
    """Heading, a word a line so that it is narrow, with its unit, and the median of each design."""
    medians = [middle(value for value in each if value is not None) for each in runs]
    factor, unit = 1.0, quantity.unit
    if unit == "USD":
        factor, unit = usd_scale([abs(value) for value in medians if value is not None])
    words = quantity.label.split() if unit in COUNTED else [*quantity.label.split()[:-1], f"{quantity.label.split()[-1]},", unit]
    return ["\n".join(words), *("-" if value is None else f"{value / factor:.3g}" for value in medians)]
