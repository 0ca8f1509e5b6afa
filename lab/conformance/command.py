"""`perplab conformance`: worked examples of real venues against the venue's own functions."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

import click

WIDE: Final = 160  # [characters] of a line in a pipe, where COLUMNS does not say otherwise
DIFFERENT: Final = 1  # the exit code where an example fails


@click.command(short_help="Check worked examples of real venues against the venue's own functions.")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--only", type=click.Choice(["passed", "failed", "uncovered"]), help="Print these examples only; all are counted.")
@click.option("--venue", "venues", metavar="NAME", multiple=True, help="Look at the examples of this venue only. Repeatable.")
def conformance(file: Path | None, only: str | None, venues: tuple[str, ...]) -> int:
    """Calculate the worked examples of FILE (JSON), or those that come with perplab, and compare.

    Every example has inputs and the results that a venue's documentation or test-suite states. They are calculated by the functions that
    the venue here runs on, at finer scales than its ticks: each line names them. Exit code 1 if an example fails, 2 if FILE is wrong.
    `perplab docs conformance` says what FILE looks like, and which mechanisms are missing.
    """
    from perplab.exchange.design.reader import nearest

    from .examples import OWN, ExampleError, load, own
    from .judge import FAILED, judge
    from .printing import lines, summary

    try:
        examples = load(file) if file else own()
        known = list(dict.fromkeys(example.venue for example in examples))
        for venue in venues:
            if venue not in known:
                raise ExampleError(f"--venue: no example of {venue!r}{nearest(venue, known)}")
        wanted = [example for example in examples if not venues or example.venue in venues]
        outcomes = judge(wanted, str(file) if file else OWN.name)
    except ExampleError as error:
        raise click.ClickException(str(error)) from None
    for line in lines([one for one in outcomes if only in (None, one.verdict)], width()):
        click.echo(line)
    click.echo(f"\n{summary(outcomes)}" if outcomes else summary(outcomes))
    return DIFFERENT if any(one.verdict == FAILED for one in outcomes) else 0


def width() -> int:
    """[characters] of a line."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return WIDE
