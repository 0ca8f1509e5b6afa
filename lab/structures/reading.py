"""What a comparison of account structures found, kind of people by kind, and when cross margin liquidates more.

Rules of the file: it computes medians and counts signs, no more; every number is the report's. A seed on a path is left out where one of
its runs is beyond its population, so that all structures are told of the same runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import fmean, median
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..amounts import dollars
from ..comparison.reading import counted
from ..comparison.report import Report
from ..comparison.statistics import Pair
from .accounts import CROSS, structure_of
from .kinds import LEVERED, LEVERED_NAME, KindLine
from .people import HEDGER, KINDS

PROSE: Final = 100  # [characters] longest line of text
NAMES: Final = {
    "hedged_pairs": "hedged pairs", "one_sided": "one-sided people", "single": "with one position", "hedgers": "hedgers",
    LEVERED_NAME: f"levered {LEVERED:g} x and more",
}  # fmt: skip
COLUMNS: Final = ("liquidated", "notional", "of it 2nd+", "bad debt", "cost, bp")


class Kind(NamedTuple):
    """One kind of people in one design and structure, by run."""

    lines: dict[Pair, KindLine]

    @property
    def people(self) -> float:
        return self.median(lambda line: line.people) or 0.0

    def median(self, value: Callable[[KindLine], float | None]) -> float | None:
        known = [number for line in self.lines.values() if (number := value(line)) is not None]
        return median(known) if known else None

    def mean(self, value: Callable[[KindLine], float]) -> float:
        return fmean(map(value, self.lines.values()))


def kinds_of(report: Report) -> dict[tuple[str, str], Kind]:
    """By design/structure and kind, of the runs that are beyond their population in no design."""
    found: dict[tuple[str, str], Kind] = {}
    beyond = {result.pair for result in report.results if result.beyond}
    for result in report.results:
        if result.pair not in beyond:
            for line in result.kinds:
                found.setdefault((result.venue, line.kind), Kind({})).lines[result.pair] = line
    return found


def print_structures(report: Report, console: Console) -> None:
    """The kinds of people, and the answer in words; nothing where the report is not of account structures."""
    found = kinds_of(report)
    if not any(result.kinds for result in report.results):
        return
    if not found:
        console.print("\nKinds of people are not compared: on every seed some run went beyond what the scenario's people can stand for.")
        return
    console.print()
    console.print(table_of(report, found), crop=False)
    for paragraph in answers(report, found):
        console.print()
        for line in Text(paragraph).wrap(console, min(PROSE, console.width)):
            console.print(line)


# -- the table --


def table_of(report: Report, found: dict[tuple[str, str], Kind]) -> Table:
    """A block for each kind, a row for each design and structure."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Kinds of people", overflow="fold")
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for kind in (*KINDS, LEVERED_NAME):
        rows = [(venue, found[venue, kind]) for venue in report.venues if (venue, kind) in found]
        if any(one.people for _, one in rows):
            table.add_row()
            people = counts(max(one.people for _, one in rows))
            table.add_row(Text(f"{NAMES[kind].capitalize()} ({people})", style="bold cyan"))
            for venue, one in rows:
                table.add_row(f"  {venue}", *cells(one))
    return table


def cells(kind: Kind) -> Iterator[str]:
    yield counts(kind.median(lambda line: line.liquidated) or 0.0)
    for value in (lambda line: line.notional_usd, lambda line: line.further_usd, lambda line: line.bad_debt_usd):
        usd = kind.median(value)
        yield dollars(usd) if usd else "0"
    cost = kind.median(lambda line: line.cost_bp)
    yield "-" if cost is None else f"{cost:+z.2f}" if cost else "0"


# -- the answer --


def answers(report: Report, found: dict[tuple[str, str], Kind]) -> Iterator[str]:
    """A paragraph for each design that was run in cross and in another structure, and what the numbers are."""
    for design in dict.fromkeys(design_of(venue) for venue in report.venues):
        cross = f"{design}/{CROSS}"
        others = [venue for venue in report.venues if design_of(venue) == design and venue != cross]
        if cross in report.venues and others:
            told = [against(found, cross, others, kind) for kind in KINDS[:HEDGER] if found[cross, kind].people]
            yield f"When does cross margin liquidate more? {markets(report)}On {design}: {' '.join(told)}"
    yield (
        "A person counts as liquidated when some position of his was closed by force, whatever account it was in; 2nd+ are the markets "
        "beside the first. The table has medians, the text means, over the seeds and paths on which no design went beyond the scenario's "
        f"people. Cost: to those whom no run has breached, by person, against {report.baseline}, over their opening notional."
    )


def design_of(venue: str) -> str:
    return venue.rpartition("/")[0]


def markets(report: Report) -> str:
    """How the further markets move with the first."""
    further = report.about.inputs.scenario.get("markets")
    assert isinstance(further, dict)
    told = [
        f"{name} moves with the first at correlation {one['correlation']:g}, in the crisis {one['crisis_correlation']:g}"
        for name, one in further.items()
    ]
    return f"(Market {'; '.join(told)}.) " if told else ""


def against(found: dict[tuple[str, str], Kind], cross: str, others: list[str], kind: str) -> str:
    """What cross margin did to a kind of people, and how that compares with the other structures."""
    mine = found[cross, kind]
    people = compared(mine, {one: found[one, kind] for one in others}, Measure(lambda line: line.liquidated, "fewer", counts))
    usd = compared(mine, {one: found[one, kind] for one in others}, Measure(lambda line: line.notional_usd, "less", usd_of))
    further = compared(mine, {one: found[one, kind] for one in others}, Measure(lambda line: line.further_usd, "less", usd_of))
    number, notional = mine.mean(lambda line: line.liquidated), mine.mean(lambda line: line.notional_usd)
    told = f"{NAMES[kind].capitalize()}: {counts(number)} of {counts(mine.people)} people, {people}; notional {usd_of(notional)}, {usd}"
    return f"{told}; of it in further markets {usd_of(mine.mean(lambda line: line.further_usd))}, {further}."


class Measure(NamedTuple):
    """A number of a kind of people: the word for less of it, and how it is written."""

    value: Callable[[KindLine], float]
    less: str
    shown: Callable[[float], str]


def compared(mine: Kind, others: dict[str, Kind], measure: Measure) -> str:
    """`fewer than isolated (9, in 5 of 5 runs) and as segmented (4)`: in so many runs the difference has that sign."""
    told = []
    for other, theirs in others.items():
        differences = [measure.value(line) - measure.value(theirs.lines[pair]) for pair, line in mine.lines.items()]
        total = sum(differences)
        same = sum(one * total > 0 for one in differences)
        word = "as" if not total else f"{'more' if total > 0 else measure.less} than"
        runs = f", in {same} of {counted(len(differences), 'run')}" if total else ""
        told.append(f"{word} {structure_of(other)} ({measure.shown(theirs.mean(measure.value))}{runs})")
    return " and ".join(told)


def counts(value: float) -> str:
    return f"{value:,.4g}"


def usd_of(value: float) -> str:
    return dollars(value) if value else "0 USD"
