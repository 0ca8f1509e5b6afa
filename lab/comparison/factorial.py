"""A full factorial: every combination of the levels of some axes, as designs to be run, from one base design or several.

Rules of the file: a combination that cannot be told from another one is the same *cell* and is run once; one in which a level makes no
sense is dropped, and both are told. What is impossible is refused, with the cell named. All of this comes before the first run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final, NamedTuple, TypeAlias

import click
import msgspec
from msgspec.structs import replace

from perplab.exchange import VenueDesign, VenueError
from perplab.exchange.design.reader import DesignError, Tree, merged

from ..fit import Pair, Reach, check_fit, reach
from ..names import MAX_BYTES, wrong_name
from ..scenario import Scenario, ScenarioError
from ..stage import with_capital
from .axes import BASE, CAPITAL, Axis, Level, brought_tree, laid_tree, makes_a_difference, put
from .choices import Choice, Design
from .report import SAME

MOST_COMBINATIONS: Final = 1_000  # of which cells are made; each is read and checked, which takes some milliseconds
MOST_RUNS: Final = 200  # without --yes: some ten minutes of oct10 on two processors
LONGEST_NAME: Final = min(MAX_BYTES, 64)  # [characters] that a design's name may have

Levels: TypeAlias = tuple[int, ...]  # of a combination: the number of its level on each axis


class Cell(NamedTuple):
    """One design to be run."""

    name: str
    levels: tuple[int | None, ...]  # by axis; None where the axis makes no difference to it
    changes: Tree  # of the scenario


@dataclass(frozen=True)
class Factorial:
    """Axes, the cells that are run, and which cell each combination of levels is."""

    base: str  # the design that is varied, or several with commas
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    cell_of: Mapping[Levels, str]  # the combinations that are run
    dropped: Mapping[Levels, str]  # those that are not, and why

    def label(self, axis: int, level: int | None) -> str:
        return "-" if level is None else self.axes[axis].levels[level].label

    def named(self, levels: Sequence[int | None]) -> str:
        return name_of(self.axes, levels)

    def scenario_of(self, cell: str, scenario: Scenario) -> Scenario:
        """The scenario that a cell is run on."""
        changes = next(one.changes for one in self.cells if one.name == cell)
        return scenario.override(changes, "--vary") if changes else scenario

    @property
    def has_one_crowd(self) -> bool:
        """Whether all cells are run on the same people and path: only what the venues start with differs."""
        return all(set(cell.changes) <= {CAPITAL} for cell in self.cells)

    @property
    def first(self) -> str:
        """The cell of the first combination that is run: what the others are compared with in report.json's summary."""
        return self.cell_of[min(self.cell_of)]


class Made(NamedTuple):
    """A combination as it would be run."""

    venue: VenueDesign
    levels: tuple[int | None, ...]
    changes: Tree


# -- cells --


def planned(
    designs: Sequence[Design], axes: Sequence[Axis], scenario: Scenario, capital: str, baseline: str | None
) -> tuple[Factorial, list[VenueDesign]]:
    """The factorial of these axes, and the designs of its cells. Raises VenueError, ScenarioError or click.UsageError."""
    by_name = {one.venue.name: one for one in designs}
    if len(designs) > 1:
        names = sorted(by_name, key=lambda name: name != baseline) if baseline else list(by_name)
        axes = [Axis(BASE, "design", "", tuple(Level(name, name) for name in names)), *axes]
    check_axes(axes, capital)
    cells: dict[str, Made] = {}
    named: dict[bytes, str] = {}
    cell_of: dict[Levels, str] = {}
    dropped: dict[Levels, str] = {}
    for levels in product(*(range(len(axis.levels)) for axis in axes)):
        base = by_name[str(axes[0].levels[levels[0]].value)] if axes[0].key == BASE else designs[0]
        why = no_sense(base, axes, levels, scenario, capital)
        if why:
            dropped[levels] = why
            continue
        made = combination(base, axes, levels, scenario, capital)
        name = named.setdefault(what_is_run(made), free_name(name_of(axes, made.levels) or base.venue.name, cells))
        if name not in cells:
            cells[name] = made._replace(venue=replace(made.venue, name=name, title=described(axes, made.levels)))
        cell_of[levels] = name
    must_vary(axes, cell_of)
    listed = tuple(Cell(name, made.levels, made.changes) for name, made in cells.items())
    return Factorial(",".join(by_name), tuple(axes), listed, cell_of, dropped), [made.venue for made in cells.values()]


def check_axes(axes: Sequence[Axis], capital: str) -> None:
    combinations = prod(len(axis.levels) for axis in axes)
    if combinations > MOST_COMBINATIONS:
        raise click.UsageError(f"--vary: {combinations:,} combinations given, expected at most {MOST_COMBINATIONS:,}")
    if capital != SAME and any(axis.key == CAPITAL for axis in axes):
        raise click.UsageError(f"--vary: {CAPITAL} given with --own-capital, expected --same-capital, where all start with it")


def no_sense(base: Design, axes: Sequence[Axis], levels: Levels, scenario: Scenario, capital: str) -> str:
    """Why a combination is no design of its own; "" if it is one."""
    chosen = {axis.key: axis.levels[level].value for axis, level in zip(axes, levels, strict=True)}
    steps = chosen.get("liquidation.steps", base.venue.liquidation.steps)
    usd = chosen.get(CAPITAL, scenario.backstop_usd)
    if capital == SAME and isinstance(steps, list | tuple) and "takeover" in steps and usd == 0:
        return "a vault without capital takes nothing over"
    return ""


def combination(base: Design, axes: Sequence[Axis], levels: Levels, scenario: Scenario, capital: str) -> Made:
    """The design and the changes of the scenario of one combination, without the levels that make no difference to it."""
    venue, changes = built(base, axes, levels, scenario, capital)
    kept = tuple(level if makes_a_difference(axis.key, venue) else None for axis, level in zip(axes, levels, strict=True))
    if None in kept:  # what stands in an unused table would make two designs of one
        venue, changes = built(base, axes, kept, scenario, capital)
    return Made(venue, kept, changes)


def built(
    base: Design, axes: Sequence[Axis], levels: Sequence[int | None], scenario: Scenario, capital: str
) -> tuple[VenueDesign, Tree]:
    cell = name_of(axes, levels) or base.venue.name
    used = [(axis, axis.levels[level]) for axis, level in zip(axes, levels, strict=True) if level is not None]
    changes: Tree = {}
    for axis, level in used:
        if axis.is_scenario:
            put(changes, axis.key, level.value)
    played = scenario.override(changes, f"--vary, cell {cell}") if changes else scenario
    varied, chosen = [axis for axis, _ in used], [level for _, level in used]
    tree = merged(merged(brought_tree(varied, chosen, base.venue), base.laid), laid_tree(varied, chosen))
    try:
        venue = base.laid_under(tree)
    except VenueError as error:
        told = str(error).removeprefix(f"{base.called}: ")
        raise VenueError(f"--vary, cell {cell}: {told}") from None
    return (shared_capital(venue, played.backstop_usd) if capital == SAME else venue), changes


def shared_capital(venue: VenueDesign, backstop_usd: float) -> VenueDesign:
    """The venue with the scenario's capital; where it has both a fund and a vault, each has half, so that no cell has more insurance."""
    venue = with_capital(venue, backstop_usd)
    fund, vault = venue.insurance_fund, venue.vault
    if not (fund.capital and vault.capital):
        return venue
    half = round(backstop_usd) // 2
    return replace(venue, insurance_fund=replace(fund, capital=half), vault=replace(vault, capital=round(backstop_usd) - half))


def what_is_run(made: Made) -> bytes:
    """Equal for two combinations that are the same run: equal designs but for their names, on equal scenarios."""
    return replace(made.venue, name="x", title="").to_json() + json.dumps(made.changes, default=str, sort_keys=True).encode()


def must_vary(axes: Sequence[Axis], cell_of: Mapping[Levels, str]) -> None:
    """Raises click.UsageError where an axis changes nothing in any combination."""
    for number, axis in enumerate(axes):
        if next(compared(cell_of, number), None) is None:
            if axis.key == BASE:
                names = ",".join(level.label for level in axis.levels)
                raise click.UsageError(f"--venues: {names} are one design where --vary varies what they differ in, expected one of them")
            raise click.UsageError(f"--vary: {axis.key} given, expected an axis that changes a cell: none has what it speaks of")


def compared(cell_of: Mapping[Levels, str], axis: int) -> Iterator[tuple[Levels, Levels]]:
    """Pairs of combinations that differ on this axis alone, and are different cells; the lower level first."""
    for levels in cell_of:
        for lower in range(levels[axis]):
            other = (*levels[:axis], lower, *levels[axis + 1 :])
            if other in cell_of and cell_of[other] != cell_of[levels]:
                yield other, levels


# -- names --


def name_of(axes: Sequence[Axis], levels: Sequence[int | None]) -> str:
    """`book+fund-adl+negative_equity+K5M`: the labels of the levels that make a difference."""
    pairs = zip(axes, levels, strict=True)
    return "+".join(f"{axis.tag}{axis.levels[level].label}" for axis, level in pairs if level is not None)


def free_name(name: str, taken: Mapping[str, object]) -> str:
    """The name, or a number where it is too long for a design or taken."""
    if len(name) <= LONGEST_NAME and not wrong_name(name) and name.casefold() not in {one.casefold() for one in taken}:
        return name
    return f"cell-{len(taken) + 1}"


def described(axes: Sequence[Axis], levels: Sequence[int | None]) -> str:
    pairs = zip(axes, levels, strict=True)
    return ", ".join(f"{axis.name} {axis.levels[level].label}" for axis, level in pairs if level is not None)


# -- checked and told --


def check_cells(factorial: Factorial, choice: Choice, file: str) -> None:
    """Raises VenueError or ScenarioError where a cell does not fit what it is run on, path by path."""
    for path, scenario in choice.scenarios.items():
        reached: dict[str, Reach] = {}
        for cell, venue in zip(factorial.cells, choice.venues, strict=True):
            changes, told = json.dumps(cell.changes, default=str), f"--vary, cell {cell.name}"
            played = factorial.scenario_of(cell.name, scenario)
            if changes not in reached:
                reached[changes] = reach(played, choice.seeds)
            on_what = told if cell.changes else f"{file} on {path}" if path else file
            check_fit(Pair(venue, told, played, on_what), reached[changes])


def must_be_wanted(runs: int, is_wanted: bool) -> None:
    if runs > MOST_RUNS and not is_wanted:
        raise click.UsageError(f"--vary: {runs:,} runs given, expected at most {MOST_RUNS}, fewer levels or --seeds, or --yes for so many")


def plan(factorial: Factorial, pairs: int) -> list[str]:
    """What will be run, in lines, and what will not; `pairs` is the number of paths times that of seeds."""
    cells, combinations = len(factorial.cells), len(factorial.cell_of) + len(factorial.dropped)
    lines = [f"Varied: {' x '.join(axis.told for axis in factorial.axes)}"]
    each = "one pair" if pairs == 1 else f"each of {pairs} pairs"
    lines.append(f"{combinations} combinations are {cells} cells: {cells * pairs:,} runs, on {each} of path and seed")
    idle = [(axis.name, sum(cell.levels[n] is None for cell in factorial.cells)) for n, axis in enumerate(factorial.axes)]
    lines += [f"{name} makes no difference in {count} of the cells: there they are run once" for name, count in idle if count]
    for levels, why in factorial.dropped.items():
        lines.append(f"left out: {factorial.named(levels)}: {why}")
    return lines


# -- in report.json --


class RecordedLevel(msgspec.Struct):
    label: str
    value: object


class RecordedAxis(msgspec.Struct):
    key: str
    name: str
    tag: str
    levels: tuple[RecordedLevel, ...]


class RecordedCell(msgspec.Struct):
    name: str
    levels: tuple[int | None, ...]
    scenario: dict[str, object]


class RecordedCombination(msgspec.Struct):
    levels: tuple[int, ...]
    cell: str = ""
    dropped: str = ""


class RecordedFactorial(msgspec.Struct):
    """A factorial as report.json has it."""

    base: str
    axes: tuple[RecordedAxis, ...]
    cells: tuple[RecordedCell, ...]
    combinations: tuple[RecordedCombination, ...]


def to_record(factorial: Factorial) -> Tree:
    """The factorial in the shape of report.json; `of_record` reads it back."""
    done = [{"levels": levels, "cell": cell} for levels, cell in factorial.cell_of.items()]
    return {
        "base": factorial.base,
        "axes": [
            {
                "key": axis.key,
                "name": axis.name,
                "tag": axis.tag,
                "levels": [{"label": one.label, "value": one.value} for one in axis.levels],
            }
            for axis in factorial.axes
        ],
        "cells": [{"name": cell.name, "levels": cell.levels, "scenario": cell.changes} for cell in factorial.cells],
        "combinations": done + [{"levels": levels, "dropped": why} for levels, why in factorial.dropped.items()],
    }


def of_record(record: RecordedFactorial, venues: Sequence[str], scenario: Scenario, file: str) -> Factorial:
    """The factorial of a report, checked against its venues. Raises DesignError."""
    axes = tuple(Axis(one.key, one.name, one.tag, tuple(Level(at.label, at.value) for at in one.levels)) for one in record.axes)
    sizes = [len(axis.levels) for axis in axes]
    cells = tuple(Cell(one.name, one.levels, one.scenario) for one in record.cells)
    if [cell.name for cell in cells] != list(venues):
        raise DesignError(f"{file}: factorial.cells has other names than venues: expected the same, in the same order")
    for kind, rows in (("cells", [cell.levels for cell in cells]), ("combinations", [one.levels for one in record.combinations])):
        for number, row in enumerate(rows):
            if len(row) != len(sizes) or any(at is not None and not 0 <= at < size for at, size in zip(row, sizes, strict=True)):
                raise DesignError(f"{file}: factorial.{kind}[{number}].levels is {list(row)}: expected a level of each axis")
    made = [one for one in record.combinations if not one.dropped]
    unknown = next((one.cell for one in made if one.cell not in venues), None)
    if unknown is not None or not made:
        raise DesignError(f"{file}: factorial.combinations names {unknown!r}: expected the cells")
    dropped = {one.levels: one.dropped for one in record.combinations if one.dropped}
    found = Factorial(record.base, axes, cells, {one.levels: one.cell for one in made}, dropped)
    for cell in cells:
        try:
            found.scenario_of(cell.name, scenario)
        except ScenarioError as error:
            raise DesignError(f"{file}: factorial.cells, {cell.name}: {error}") from None
    return found
