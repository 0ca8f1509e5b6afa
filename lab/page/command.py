"""`perplab report`, and what `perplab compare --html --png` writes beside a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

FINISHED: Final = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(short_help="Write a finished comparison, or a sweep, as a page of HTML, or as pictures.")
@click.argument("folder", type=FINISHED)
@click.option("--html/--no-html", default=True, show_default=True, help="Write FOLDER/report.html, one file that needs nothing else.")
@click.option("--png", is_flag=True, help="Write FOLDER/figures/*.png, for papers: pip install 'perplab[plots]'.")
@click.option("--seed", type=click.IntRange(0), help="Which is shown minute by minute.  [default: nearest to the baseline's median cost]")
def report(folder: Path, html: bool, png: bool, seed: int | None) -> int:
    """Tell a comparison, or a sweep, to somebody who was not there.

    FOLDER is where `perplab compare` has written report.json and journals, or `perplab sweep` its catalogue, finished or not. The page has
    the story in numbers, one run minute by minute or of a sweep maps of all of them, who paid, what each seed came to, the designs ranked,
    and the configuration in full. It asks nothing of a network.
    """
    from ..comparison import results
    from ..sweeps.store import CATALOGUE

    if png:
        check_png()
    if not html and not png:
        raise click.UsageError("--no-html: given without --png, so there is nothing to write")
    is_sweep = (folder / CATALOGUE).is_file()
    if is_sweep and seed is not None:
        raise click.UsageError(f"--seed: given, but {folder} has a sweep, of which no run is shown minute by minute: expected none")
    with results.locked(folder):
        for file in written_of_sweep(folder, html, png) if is_sweep else written(folder, html, png, seed):
            click.echo(f"{file}: {file.stat().st_size / 1_000:,.0f} kB")
    return 0


def written(folder: Path, html: bool, png: bool, seed: int | None = None) -> Iterator[Path]:
    """Write the page, the figures, or both, into the folder of a finished comparison; the files. ReportError, UsageError, OSError."""
    from ..comparison.results import PAGE, write_file
    from .data import shown_in
    from .page import page
    from .reading import comparison_in

    comparison = comparison_in(folder)
    shown = shown_in(comparison, seed)
    if html:
        write_file(folder / PAGE, page(comparison, shown))
        yield folder / PAGE
    if png:
        from .plots import figures

        yield from figures(comparison, shown)


def written_of_sweep(folder: Path, html: bool, png: bool) -> Iterator[Path]:
    """The same of the folder of a sweep. StoreError, OSError."""
    from ..sweeps.reading import Results

    yield from Results.open(folder).write_pages(html, png)


def check_png() -> None:
    """UsageError where pictures cannot be drawn, said before runs are made."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise click.UsageError("--png: given, but matplotlib is not installed: pip install 'perplab[plots]'")
