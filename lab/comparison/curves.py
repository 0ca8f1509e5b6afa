"""Cost against the insurance capital K, for every design that was run at several of them: a curve each, and whether it rises.

A curve falls where insurance does what it is for. It can rise where deleveraging waits for as long as the fund could pay, while what is
owed grows, or where liquidation orders may go as far down the book as the fund covers.

Rules of the file: costs are means over the pairs, their rises are paired differences on the same paths and seeds, and all steps of all
curves are one table for the correction of p-values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from .axes import CAPITAL
from .factorial import Factorial, Levels, name_of
from .headline import BYSTANDER, TOTAL, Quantity, Values
from .report import less, mean_of
from .statistics import DISTINGUISHED, LEAST_SEEDS, TOO_FEW, Finding, Pair, findings

DRAWN: Final = (TOTAL, BYSTANDER)


class Point(NamedTuple):
    """Mean cost of a design at one K, and its interval where there are pairs enough for one."""

    cost: float
    interval: tuple[float, float] | None


class Curve(NamedTuple):
    """One design."""

    name: str
    points: tuple[Point | None, ...]  # by level of K; None where it was not run or the cost is not defined


class Rise(NamedTuple):
    """A cost that is larger at a larger K."""

    curve: str
    quantity: Quantity
    lower: int  # levels of K
    higher: int
    at_lower: float
    at_higher: float
    finding: Finding


class Curves(NamedTuple):
    """All curves of one quantity."""

    quantity: Quantity
    labels: tuple[str, ...]  # of the levels of K
    curves: tuple[Curve, ...]


def capital_axis(factorial: Factorial) -> int | None:
    """The number of the axis K, None where K is not varied."""
    return next((number for number, axis in enumerate(factorial.axes) if axis.key == CAPITAL), None)


def cells_by_capital(factorial: Factorial, axis: int) -> dict[str, list[str | None]]:
    """By design, its cell at each K: those that are the same cell at all of them have no curve."""
    rows: dict[Levels, list[str | None]] = {}
    for levels, cell in factorial.cell_of.items():
        others = (*levels[:axis], 0, *levels[axis + 1 :])
        rows.setdefault(others, [None] * len(factorial.axes[axis].levels))[levels[axis]] = cell
    by_cell = {cell.name: cell for cell in factorial.cells}
    found: dict[str, list[str | None]] = {}
    for cells in rows.values():
        of_design = [by_cell[cell] for cell in cells if cell is not None]
        if len({cell.name for cell in of_design}) > 1:
            others_told = [None if number == axis else level for number, level in enumerate(of_design[0].levels)]
            name = name_of(factorial.axes, others_told)
            found.setdefault(name or factorial.base, cells)
    return found


def curves_of(factorial: Factorial, axis: int, quantity: Quantity, values: Values) -> Curves:
    """The curves of one quantity, in the order of the designs."""
    cells = cells_by_capital(factorial, axis)
    defined = {cell: each for cell, each in values.items() if each and None not in each.values()}
    found = findings(defined)
    curves = tuple(
        Curve(name, tuple(point_of(defined[cell], found[cell]) if cell in defined else None for cell in of_design))
        for name, of_design in cells.items()
    )
    return Curves(quantity, tuple(level.label for level in factorial.axes[axis].levels), curves)


def point_of(values: Mapping[Pair, float | None], finding: Finding) -> Point:
    return Point(mean_of(values.values()) or 0.0, finding.interval)


# -- does it rise? --


def rises(factorial: Factorial, axis: int, values: Mapping[str, Values]) -> list[Rise]:
    """The largest rise of each curve that is more than chance; with too few pairs to tell, the largest that is one in each of them."""
    cells = cells_by_capital(factorial, axis)
    differences: dict[tuple[str, str, int, int], dict[Pair, float | None]] = {}
    for quantity, name, of_design in ((quantity, name, row) for quantity in DRAWN for name, row in cells.items()):
        of_cells = values[quantity.key]
        for lower, higher in combinations(range(len(of_design)), 2):
            low, high = of_design[lower], of_design[higher]
            if low is not None and high is not None:
                differences[quantity.key, name, lower, higher] = rise_of(of_cells[high], of_cells[low])
    found = findings(differences)
    told = []
    for quantity, name in ((quantity, name) for quantity in DRAWN for name in cells):
        steps = [(key, one) for key, one in found.items() if key[:2] == (quantity.key, name) and is_rise(one, differences[key])]
        if steps:
            (_, _, lower, higher), finding = max(steps, key=lambda step: step[1].mean or 0.0)
            before, after = (mean_of(values[quantity.key][str(cells[name][level])].values()) or 0.0 for level in (lower, higher))
            told.append(Rise(name, quantity, lower, higher, before, after, finding))
    return told


def rise_of(high: Mapping[Pair, float | None], low: Mapping[Pair, float | None]) -> dict[Pair, float | None]:
    """Paired differences, None where one of the two is not defined."""
    return {pair: less(high[pair], low[pair]) for pair in high if pair in low}


def is_rise(finding: Finding, differences: Mapping[Pair, float | None]) -> bool:
    if finding.verdict == TOO_FEW:
        return all(value is not None and value > 0 for value in differences.values())
    return finding.verdict == DISTINGUISHED and (finding.mean or 0.0) > 0


def sentences(labels: Sequence[str], found: Sequence[Rise]) -> list[str]:
    """What is said of curves that rise, or that none does."""
    if not found:
        return ["No cost rises with K by more than chance."]
    return [sentence(labels, rise) for rise in found]


def sentence(labels: Sequence[str], rise: Rise) -> str:
    unit, scale = ("M USD", 1e6) if rise.quantity.unit == "USD" else (rise.quantity.unit, 1.0)
    begin = f"{rise.curve}: {rise.quantity.label} rises with K, from {rise.at_lower / scale:,.2f} {unit} at K = {labels[rise.lower]} to "
    begin += f"{rise.at_higher / scale:,.2f} at K = {labels[rise.higher]}"
    finding = rise.finding
    if finding.verdict == TOO_FEW:
        runs = "in the only pair" if finding.pairs == 1 else f"in each of {finding.pairs} pairs"
        return f"{begin}, {runs}; fewer than {LEAST_SEEDS} seeds cannot be told from chance."
    low, high = finding.interval or (0.0, 0.0)
    difference = f"{(finding.mean or 0.0) / scale:+,.2f}"
    return f"{begin}: {difference}, 95 % interval {low / scale:+,.2f} to {high / scale:+,.2f}, p {finding.p:.3f}, {finding.pairs} pairs."
