"""`perplab sweep`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..options import FOLDER

if TYPE_CHECKING:
    from .making import SweepTold

SOME_FAILED: Final = 4


@click.command(short_help="Run a grid of designs, scenarios, axes and seeds, and go on where it was left.")
@click.argument("grid", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=FOLDER, help="Folder of the results.  [default: out/sweep-NAME]")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one per processor]")
@click.option("--scheduler", metavar="ADDRESS", help="Make the runs on a Dask cluster: tcp://HOST:PORT, or local:N (perplab[cluster]).")
@click.option("--resume", is_flag=True, help="Only go on with what is there: it is an error if nothing is.")
@click.option("--force-new", is_flag=True, help="Remove the results that another grid or program left in the folder.")
@click.option("--yes", is_flag=True, help="Also make more than 2,000 runs.")
@click.option("--html", is_flag=True, help="Write DIR/report.html too: one page that needs nothing else (perplab report).")
@click.option("--png", is_flag=True, help="Write DIR/figures/map.png and pictures of each scenario: pip install 'perplab[plots]'.")
def sweep(
    grid: Path, out: Path | None, jobs: int | None, scheduler: str | None, resume: bool, force_new: bool, yes: bool, html: bool, png: bool
) -> int:
    """Make all runs of GRID.toml (perplab docs sweeps) that are not made yet, and show what they found.

    Writes DIR/catalogue.sqlite, DIR/runs/*.parquet and a report for each scenario. The same call goes on after Ctrl-C, a killed process
    or a full disk. Exit code 4 if runs failed.
    """
    from rich.console import Console

    from ..cli import processors, terminable
    from ..comparison.reading import counted
    from ..page.command import check_png
    from .making import SweepTold
    from .store import CATALOGUE, is_begun
    from .sweeping import Asked, swept

    if resume and force_new:
        raise click.UsageError("--resume: given with --force-new, expected one of the two")
    if resume and out is not None and not is_begun(out / CATALOGUE):
        raise click.UsageError(f"--resume: nothing is in {out}, expected a folder that perplab sweep wrote, or no --resume")
    if png:
        check_png()
    processes = jobs or processors()
    asked = Asked(grid, out, processes, scheduler, force_new, yes, html, png)
    with ExitStack() as stack, terminable():

        def watcher(runs: int) -> SweepTold:
            return stack.enter_context(SweepTold(runs, processes if scheduler is None else 0))

        found = swept(asked, lambda line: click.echo(line, err=True), watcher)
    found.print_summary(Console())
    if failed := found.failed:
        first = f"{failed[0].venue} on {failed[0].scenario}, seed {failed[0].seed}: {failed[0].error}"
        click.echo(f"error: {counted(len(failed), 'run')} failed, such as {first}", err=True)
        return SOME_FAILED
    return 0
