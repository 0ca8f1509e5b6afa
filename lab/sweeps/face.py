"""`perplab.lab.sweep`: a sweep from Python."""

from __future__ import annotations

from pathlib import Path

import click

from ..comparison.asked import in_python
from ..face import CallError, folder_of
from .making import SweepSilent, SweepTold, SweepWatcher
from .reading import Results
from .sweeping import Asked, swept


def sweep(
    grid: str | Path,
    *,
    out: str | Path | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    force_new: bool = False,
    many: bool = False,
    progress: bool = False,
) -> Results:
    """Make the runs of a grid that are not made yet, as `perplab sweep` does, and give the results of all.

    grid: the file, GRID.toml.
    out: the folder of the results; None: out/sweep-NAME. Where it has some of this grid's already, these are kept.
    jobs: processes, which are spawned: a script must allow that by `if __name__ == "__main__":` around what it does.
    scheduler: the address of a Dask scheduler, or "local:4".
    force_new: remove what another grid or program left in the folder.
    many: more runs than is usual are meant.
    progress: tell on stderr how it gets on.

    ValueError before anything has run; ImportError without polars. OSError where the disk is full, and RuntimeError where the scheduler
    has gone: what was done by then is kept. A run that fails raises nothing: it is in `failed`.
    """
    if type(jobs) is not int or jobs < 1:
        raise CallError(f"jobs: {jobs!r} given, expected 1 or more")
    asked = Asked(Path(grid), folder_of(out), jobs, scheduler, force_new, many)

    def watcher(runs: int) -> SweepWatcher:
        return SweepTold(runs, jobs) if progress else SweepSilent()

    try:
        return swept(asked, lambda line: click.echo(line, err=True) if progress else None, watcher)
    except click.UsageError as error:
        raise CallError(in_python(error.message)) from None
