"""`perplab adl`: policies of auto-deleveraging on one snapshot, out of a journal or a file of positions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..options import Number

if TYPE_CHECKING:
    from .snapshot import Snapshot

NO_ADL: Final = 1  # the exit code where there is nothing to compare on
CUT_OFF: Final = 3  # and where the journal was cut off


@click.command(short_help="Compare policies of auto-deleveraging on one snapshot.")
@click.argument("journal", type=click.Path(path_type=Path, exists=True))
@click.option("--pass", "number", type=click.IntRange(1), metavar="N", help="The N-th pass with deleveraging.  [default: the first]")
@click.option("--largest", is_flag=True, help="The pass in which the losers lack most.")
@click.option("--policies", metavar="A,B", help="Policies to compare.  [default: all]")
@click.option("--budget", type=Number(0, 1e12, min_open=True), metavar="USD", help="To be raised.  [default: what the losers lack]")
@click.option(
    "--capital-cost", type=Number(0, 1), default=0.1, show_default=True, metavar="SHARE",
    help="What a dollar in the insurance fund costs, over what a dollar of loss passed on costs.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all digits.")
def adl(
    journal: Path, number: int | None, largest: bool, policies: str | None, budget: float | None, capital_cost: float, as_json: bool
) -> int:  # fmt: skip
    """Who would have been closed, and what would have been taken, by other rules, at a moment of JOURNAL when winners were deleveraged.

    JOURNAL is that of a run (perplab compare writes them), a server's folder, or a file of positions (.csv, .json; `perplab docs metrics`
    says what it looks like). It is replayed up to the moment at which the venue ranked its winners; every policy then gets the same losers,
    winners and amount to raise. Exit code 1 if there is no deleveraging in it, 3 if it was cut off while it was written: what came
    before is compared all the same.
    """
    from perplab.exchange.units import MICRO

    from ..export import dropped_bytes
    from .files import SUFFIXES, read
    from .passes import passes
    from .study import study

    names = chosen(policies)
    if number is not None and largest:
        raise click.UsageError("--largest: given with --pass, expected one of them")
    if journal.suffix in SUFFIXES:
        if number is not None or largest:
            raise click.UsageError(f"{'--largest' if largest else '--pass'}: given with a file of positions, expected a journal")
        snapshot, sample, dropped = read(journal), [], 0
    else:
        found, dropped = passes(journal), dropped_bytes(journal)
        if not found:
            return nothing(journal, "nobody was deleveraged in it", dropped)
        snapshot = picked(found, number, largest, journal)
        sample = [one.deficit for one in found]
    needed = snapshot.deficit if budget is None else round(budget * MICRO)
    if not needed:
        expected = "expected --budget USD, what is to be raised all the same"
        return nothing(journal, f"the losers of {snapshot.title} lack nothing: {expected}", dropped)
    show(study(snapshot, names, needed, sample, capital_cost), as_json)
    if dropped:
        click.echo(f"error: {said_cut_off(journal, dropped)}; passes behind that are not known", err=True)
        return CUT_OFF
    return 0


def nothing(journal: Path, why: str, dropped: int) -> int:
    """Say that there is nothing to compare on; the exit code."""
    click.echo(f"error: {said_cut_off(journal, dropped)}; up to there {why}" if dropped else f"error: {journal}: {why}", err=True)
    return CUT_OFF if dropped else NO_ADL


def said_cut_off(journal: Path, dropped: int) -> str:
    return f"{journal}: cut off: its last {dropped:,} bytes are no whole record and were dropped"


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
