"""A sweep from beginning to end, for the command line and for Python: read, checked, begun or gone on with, made, reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import click

from ..comparison import results
from ..comparison.reading import counted
from .catalogue import DONE
from .grid import Sweep, load_grid
from .making import Maker, SweepWatcher, make_all, maker_of
from .reading import Results
from .rows import polars
from .store import Store, clear_halves, clear_pages

MOST_RUNS: Final = 2_000  # without --yes: some eight hours of oct10 at 1,000 accounts on one core


@dataclass(frozen=True)
class Asked:
    """How a sweep is to be made."""

    file: Path
    out: Path | None = None  # none: out/sweep-NAME
    jobs: int = 1  # processes here
    scheduler: str | None = None
    force_new: bool = False
    many: bool = False  # more than MOST_RUNS are meant
    html: bool = False  # its page is written too
    png: bool = False  # its pictures are


def swept(asked: Asked, tell: Callable[[str], None], watcher: Callable[[int], SweepWatcher], maker: Maker | None = None) -> Results:
    """Make all runs that are not made yet; `watcher` is made for their number, `tell` gets the size before.

    Raises ValueError, click.UsageError or ImportError before anything runs; OSError and SchedulerLost, and what is done is kept.
    """
    polars()
    sweep = load_grid(asked.file)
    made_by = maker or maker_of(asked.scheduler, asked.jobs)
    tell(size_of(sweep))
    if len(sweep.runs) > MOST_RUNS and not asked.many:
        raise click.UsageError(f"{asked.file}: {len(sweep.runs):,} runs, expected at most {MOST_RUNS:,}, or --yes for so many")
    folder = asked.out or Path("out") / f"sweep-{sweep.name}"
    began = perf_counter()
    with results.locked(folder):
        store = Store.begun(folder, sweep, asked.file, asked.force_new)
        done = sum(row.status == DONE for row in store.rows())
        todo = len(sweep.runs) - done
        if done:
            tell(f"{folder}: {counted(done, 'run')} of {len(sweep.runs):,} are done, {todo:,} to go")
        try:
            if todo:
                clear_pages(folder)  # they would tell of fewer runs
                make_all(store, made_by, watcher(todo))
        finally:
            clear_halves(folder)  # whoever made runs has ended
            if todo and (kept := sum(row.status == DONE for row in store.rows())) < len(sweep.runs):
                tell(f"kept: {counted(kept, 'run')} of {len(sweep.runs):,} in {folder}; the same call goes on from there")
        found = Results(store)
        found.write_reports(perf_counter() - began, asked.jobs)
        found.pages = list(found.write_pages(asked.html, asked.png))
    return found


def size_of(sweep: Sweep) -> str:
    """A grid in a line."""
    shadows = sum(one.is_shadow for one in sweep.runs)
    designs = sorted({len(choice.venues) for choice in sweep.choices})
    count = f"{designs[0]}" if len(designs) == 1 else f"{designs[0]} to {designs[-1]}"
    seeds = len(sweep.choices[0].seeds)
    what = f"{count} designs x {counted(len(sweep.choices), 'scenario')} x {counted(seeds, 'seed')}"
    more = f", {shadows:,} of them with infinite insurance" if shadows else ""
    return f"{sweep.name}: {what}: {len(sweep.runs):,} runs{more}"
