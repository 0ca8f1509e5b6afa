"""A sweep that is done, or as far as it is: tables for Python, a report for each scenario, and the summary in the terminal.

Rules of the file: a scenario is reported as a comparison, by the same code. A seed counts there only if all its runs are done, in every
design, so that differences are on the same people; what was left out is said.
"""

from __future__ import annotations

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
from ..comparison.results import in_file_name, write_file
from ..comparison.table import COUNTED, print_overview
from ..metrics import CATALOGUE
from .catalogue import DONE, FAILED, RunRow
from .rows import labels, polars
from .store import REPORTS, Store

if TYPE_CHECKING:
    import polars as pl  # type: ignore[import-not-found, unused-ignore]


class Told(NamedTuple):
    """What is told of one scenario."""

    choice: Choice
    report: Report
    found: Found | None
    left_out: tuple[int, ...]  # seeds of which not all runs are done


class Results:
    """The results of a sweep: `Results.open(DIR)`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.folder = store.folder

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
        return {name: told.report for name, told in self._told.items()}

    @cached_property
    def _told(self) -> dict[str, Told]:
        made = {choice.scenario.name: self._told_of(choice) for choice in self._store.sweep.choices}
        return {name: told for name, told in made.items() if told is not None}

    def _told_of(self, choice: Choice) -> Told | None:
        planned = self._store.sweep.of(choice)
        missing = {one.job.seed for one in planned if one.key not in self.done}
        seeds = tuple(seed for seed in choice.seeds if seed not in missing)
        if not seeds:
            return None
        results = [self.done[one.key] for one in planned if one.job.seed in seeds]
        return Told(choice, *reported(choice, results), tuple(sorted(missing)))

    def to_polars(self) -> pl.DataFrame:
        """One row for each run that is done: which, its axes as `axis:NAME`, its state hash, and every metric of docs/metrics.md.

        Runs with infinite insurance have `insured`. What a design cost people is null in a seed of which not all runs are done.
        """
        library = polars()
        measured = {
            (name, one.venue, one.seed): one for name, told in self._told.items() for one in told.report.results
        }  # with costs against other runs
        rows = []
        for planned in self._store.sweep.runs:
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
        for name, told in self._told.items():
            folder = self.folder / REPORTS / in_file_name(name)
            folder.mkdir(parents=True, exist_ok=True)
            clocked = [self.done[one.key].clocked for one in self._store.sweep.of(told.choice) if one.key in self.done]
            for file, text in files_of(told.report, told.found, clocked, wall_s, jobs).items():
                write_file(folder / file, text)
            folders.append(folder)
        return folders

    def print_summary(self, console: Console) -> None:
        """The headline metrics of each scenario and design; of one scenario alone the whole table."""
        console.print(self._store.sweep.title, style="bold", highlight=False)
        if len(self._told) == 1 and all(told.found is None for told in self._told.values()):
            (told,) = self._told.values()
            print_overview(told.report, f"Report: {self.folder / REPORTS / told.choice.scenario.name / 'report.json'}", console)
        elif self._told:
            for told in self._told.values():
                console.print(self._headlines(told))
        for name, told in self._told.items():
            if told.left_out:
                console.print(f"{name}: seeds {', '.join(map(str, told.left_out))} are left out: not all their runs are done.")
        for choice in self._store.sweep.choices:
            if choice.scenario.name not in self._told:
                console.print(f"{choice.scenario.name}: no report: there is no seed of which all runs are done.")
        done = sum(row.status == DONE for row in self.runs)
        places = f"{self.folder / REPORTS}/SCENARIO/report.json" if self._told else "no report"
        console.print(f"{counted(done, 'run')} in {self.folder}; reports: {places}", highlight=False, soft_wrap=True)

    def _headlines(self, told: Told) -> Table:
        """A row for each design: medians over the seeds that count; a column has one unit."""
        values = {one.key: values_of(told.report, one) for one in HEADLINES}
        seeds = counted(told.report.counted_pairs, "seed")
        title = f"{told.choice.scenario.name}: medians over {seeds}"
        table = Table(title=title, box=None, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column("design", no_wrap=True)
        columns = [column(one, [list(values[one.key][venue].values()) for venue in told.report.venues]) for one in HEADLINES]
        for one in columns:
            table.add_column(one[0], justify="right", no_wrap=True, vertical="bottom")
        for number, venue in enumerate(told.report.venues):
            table.add_row(venue, *(one[number + 1] for one in columns))
        return table


def column(quantity: Quantity, runs: list[list[float | None]]) -> list[str]:
    """Heading, a word a line so that it is narrow, with its unit, and the median of each design."""
    medians = [middle(value for value in each if value is not None) for each in runs]
    factor, unit = 1.0, quantity.unit
    if unit == "USD":
        factor, unit = usd_scale([abs(value) for value in medians if value is not None])
    words = quantity.label.split() if unit in COUNTED else [*quantity.label.split()[:-1], f"{quantity.label.split()[-1]},", unit]
    return ["\n".join(words), *("-" if value is None else f"{value / factor:.3g}" for value in medians)]
