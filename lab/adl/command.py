"""`perplab adl`: policies of auto-deleveraging on one snapshot, out of a journal or a file of positions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from .snapshot import Snapshot

NO_ADL: Final = 1  # the exit code where there is nothing to compare on


@click.command(short_help="Compare policies of auto-deleveraging on one snapshot.")
@click.argument("journal", type=click.Path(path_type=Path, exists=True))
@click.option("--pass", "number", type=click.IntRange(1), metavar="N", help="The N-th pass with deleveraging.  [default: the first]")
@click.option("--largest", is_flag=True, help="The pass in which the losers lack most.")
@click.option("--policies", metavar="A,B", help="Policies to compare.  [default: all]")
@click.option(
    "--budget", type=click.FloatRange(0, 1e12, min_open=True), metavar="USD", help="To be raised.  [default: what the losers lack]"
)
@click.option(
    "--capital-cost", type=click.FloatRange(0, 1), default=0.1, show_default=True, metavar="SHARE",
    help="What a dollar in the insurance fund costs, over what a dollar of loss passed on costs.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all digits.")
def adl(
    journal: Path, number: int | None, largest: bool, policies: str | None, budget: float | None, capital_cost: float, as_json: bool
) -> int:  # fmt: skip
    """Who would have been closed, and what would have been taken, by other rules, at a moment of JOURNAL when winners were deleveraged.

    JOURNAL is that of a run (perplab compare writes them), a server's folder, or a file of positions (.csv, .json; `perplab docs metrics`
    says what it looks like). It is replayed up to the moment at which the venue ranked its winners; every policy then gets the same losers,
    winners and amount to raise. Exit code 1 if there is no deleveraging in it.
    """
    from perplab.exchange.units import MICRO

    from .files import SUFFIXES, read
    from .passes import passes
    from .study import study

    names = chosen(policies)
    if number is not None and largest:
        raise click.UsageError("--largest: given with --pass, expected one of them")
    if journal.suffix in SUFFIXES:
        if number is not None or largest:
            raise click.UsageError(f"{'--largest' if largest else '--pass'}: given with a file of positions, expected a journal")
        snapshot, sample = read(journal), []
    else:
        found = passes(journal)
        if not found:
            return nothing(f"{journal}: nobody was deleveraged in it")
        snapshot = picked(found, number, largest, journal)
        sample = [one.deficit for one in found]
    needed = snapshot.deficit if budget is None else round(budget * MICRO)
    if not needed:
        return nothing(f"{journal}: the losers of {snapshot.title} lack nothing: expected --budget USD, what is to be raised all the same")
    show(study(snapshot, names, needed, sample, capital_cost), as_json)
    return 0


def nothing(message: str) -> int:
    click.echo(f"error: {message}", err=True)
    return NO_ADL


def chosen(policies: str | None) -> list[str]:
    """The names of the policies, in the order of the table. Raises click.UsageError."""
    from perplab.exchange.design.reader import nearest

    from .catalogue import BY_NAME

    if policies is None:
        return list(BY_NAME)
    asked = [name.strip() for name in policies.split(",")]
    for name in asked:
        if name not in BY_NAME:
            raise click.UsageError(f"--policies: no policy {name!r}{nearest(name, list(BY_NAME))}")
    return [name for name in BY_NAME if name in asked]


def picked(found: list[Snapshot], number: int | None, largest: bool, journal: Path) -> Snapshot:
    """One of the passes, whose title says which. Raises click.UsageError."""
    from dataclasses import replace

    place = (number or 1) - 1
    if place >= len(found):
        has = "1 pass" if len(found) == 1 else f"{len(found)} passes"
        raise click.UsageError(f"--pass: {number} given, expected at most {len(found)}: {journal} has {has} with deleveraging")
    if largest:
        place = max(range(len(found)), key=lambda at: (found[at].deficit, found[at].lots, -at))
    return replace(found[place], title=f"pass {place + 1} of {len(found)}, {found[place].title}")


def show(done: object, as_json: bool) -> None:
    from rich.console import Console

    from .study import Study, as_data
    from .table import Overview

    assert isinstance(done, Study)
    if as_json:
        click.echo(json.dumps(as_data(done), indent=2))
    else:
        Console().print(Overview(done), crop=False)
