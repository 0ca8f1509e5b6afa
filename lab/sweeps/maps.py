"""Maps of a sweep: a colour for each design and scenario, or for each combination of the axes.

Rules of the file: every run of the grid is in one cell, so that nothing is chosen. The last two axes are the sides of a map, and the other
ones, and the scenarios, make one map each; with one axis scenarios are the other side, and without any it is designs by scenarios. Where
an axis makes no difference to a design, its one value stands at every level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from ..comparison.factorial import Factorial
from .reading import OfScenario

MOST_MAPS: Final = 60  # on a page


class Place(NamedTuple):
    """Where the number of a cell is: a scenario, and a design as it was run."""

    scenario: int  # its number
    venue: str


Row: TypeAlias = tuple[Place | None, ...]  # None: this combination is not run


class Map(Struct, frozen=True):
    title: str
    down: str  # what the rows are
    across: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Row, ...]  # by row


def maps_of(scenarios: Sequence[OfScenario]) -> list[Map]:
    """All maps, the first scenario's first."""
    if not scenarios:
        return []
    factorials = [one.choice.factorial for one in scenarios]
    known = [one for one in factorials if one is not None]
    if len(known) < len(scenarios):
        return [of_designs(scenarios)]
    if len(known[0].axes) == 1:
        return [of_one_axis(scenarios, known)]
    return [made for number, one in enumerate(scenarios) for made in of_axes(one.name, number, known[number])]


def of_designs(scenarios: Sequence[OfScenario]) -> Map:
    venues = tuple(dict.fromkeys(venue for one in scenarios for venue in one.report.venues))
    cells = tuple(
        tuple(Place(number, venue) if venue in one.report.venues else None for number, one in enumerate(scenarios)) for venue in venues
    )
    return Map("", "design", "scenario", venues, tuple(one.name for one in scenarios), cells)


def of_one_axis(scenarios: Sequence[OfScenario], factorials: Sequence[Factorial]) -> Map:
    axis = factorials[0].axes[0]
    levels = range(len(axis.levels))
    cells = tuple(tuple(place(number, each, (level,)) for level in levels) for number, each in enumerate(factorials))
    return Map("", "scenario", axis.name, tuple(one.name for one in scenarios), tuple(one.label for one in axis.levels), cells)


def of_axes(name: str, number: int, factorial: Factorial) -> Iterator[Map]:
    """The maps of one scenario."""
    *others, down, across = factorial.axes
    for levels in product(*(range(len(axis.levels)) for axis in others)):
        told = [f"{axis.name} {axis.levels[level].label}" for axis, level in zip(others, levels, strict=True)]
        cells = tuple(
            tuple(place(number, factorial, (*levels, row, column)) for column in range(len(across.levels)))
            for row in range(len(down.levels))
        )
        rows, columns = (tuple(level.label for level in axis.levels) for axis in (down, across))
        yield Map(", ".join([name, *told]), down.name, across.name, rows, columns, cells)


def place(number: int, factorial: Factorial, levels: tuple[int, ...]) -> Place | None:
    venue = factorial.cell_of.get(levels)
    return None if venue is None else Place(number, venue)
