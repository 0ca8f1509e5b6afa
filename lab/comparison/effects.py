"""Main effects and interactions of a factorial: what one axis changes, on average over all others, and where that average misleads.

A *context* is one combination of levels of the other axes. The effect of a level against the first level of its axis is, pair by pair
(the same path and seed), the mean over the contexts of the difference between the two cells; so every context weighs the same. An
interaction of two axes is a difference of differences: what the level of one axis changes at a level of the other, less what it changes
at the other's first level. For responses that are sums of one term per axis, both are exact: the term's difference, and zero. (Box,
Hunter and Hunter, Statistics for Experimenters, 2nd edition 2005, chapter 5, whose interactions are half of these.)

Rules of the file: only cells that were run are compared, and only different ones: a trigger is compared where somebody can be
deleveraged. How many contexts that leaves, of how many, is said with every effect. Where a quantity is undefined in some pair of a
context, that context is left out too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from statistics import fmean
from typing import Final, NamedTuple, TypeAlias

from .factorial import Factorial, Levels
from .headline import Values
from .statistics import DISTINGUISHED, TOO_FEW, Finding, Pair, findings

LARGE: Final = 0.5  # of the smaller of both main effects: from there on an interaction is told, as one of them then misleads


class Change(NamedTuple):
    """A level of an axis against the first one of that axis."""

    axis: int
    level: int


class Question(NamedTuple):
    """What one change does to a quantity, or, where there are two, what the second one changes of what the first does."""

    quantity: str
    changes: tuple[Change, ...]


class Effect(NamedTuple):
    """The answer: in how many contexts of how many it could be asked, and what the paired differences say."""

    question: Question
    contexts: int
    of: int
    finding: Finding


def main_effects(factorial: Factorial, values: Mapping[str, Values]) -> list[Effect]:
    """What each level changes in each quantity. All of them are one table for the correction of p-values.

    `values` holds, by quantity, every cell's value in every pair.
    """
    changes = [(change,) for axis in range(len(factorial.axes)) for change in changes_of(factorial, axis)]
    return effects(factorial, values, changes)


def interactions(factorial: Factorial, values: Mapping[str, Values]) -> list[Effect]:
    """What each pair of levels of two axes does beyond the sum of both. All of them are one table for the correction of p-values."""
    axes = combinations(range(len(factorial.axes)), 2)
    changes = [both for one, other in axes for both in product(changes_of(factorial, one), changes_of(factorial, other))]
    return effects(factorial, values, changes)


def changes_of(factorial: Factorial, axis: int) -> list[Change]:
    return [Change(axis, level) for level in range(1, len(factorial.axes[axis].levels))]


def effects(factorial: Factorial, values: Mapping[str, Values], changes: Sequence[tuple[Change, ...]]) -> list[Effect]:
    """The answers, in the order of quantities and changes; none where there is no context in which to ask."""
    asked: dict[Question, dict[Pair, float | None]] = {}
    counts: dict[Question, tuple[int, int]] = {}
    for quantity, of_cells in values.items():
        for each in changes:
            possible = list(contexts(factorial, each))
            signed = [one for one in possible if one is not None and is_defined(one, of_cells)]
            if signed:
                question = Question(quantity, each)
                pairs = common_pairs(signed, of_cells)
                asked[question] = {pair: fmean(contrast(one, of_cells, pair) for one in signed) for pair in pairs}
                counts[question] = len(signed), len(possible)
    found = findings(asked)
    return [Effect(question, *counts[question], found[question]) for question in asked]


Contrast: TypeAlias = list[tuple[int, str]]  # cells with the signs by which they are added up


def contexts(factorial: Factorial, changes: tuple[Change, ...]) -> Iterator[Contrast | None]:
    """For each combination of levels of the other axes the cells to be compared; None where one was not run, or two are the same."""
    varied = [change.axis for change in changes]
    others = [range(1) if axis in varied else range(len(one.levels)) for axis, one in enumerate(factorial.axes)]
    for context in product(*others):
        signed: Contrast = []
        for taken in product((0, 1), repeat=len(changes)):
            cell = factorial.cell_of.get(moved(context, changes, taken))
            if cell is not None:
                signed.append((1 if (len(changes) - sum(taken)) % 2 == 0 else -1, cell))
        whole = len({cell for _, cell in signed}) == 2 ** len(changes)
        yield signed if whole else None


def moved(context: Levels, changes: tuple[Change, ...], taken: Sequence[int]) -> Levels:
    """A combination with those of the changes made that are taken."""
    levels = list(context)
    for change, is_made in zip(changes, taken, strict=True):
        levels[change.axis] = change.level if is_made else 0
    return tuple(levels)


def is_defined(signed: Contrast, of_cells: Values) -> bool:
    """Whether all cells have a number in every run; one that is beyond its population in most has none."""
    return all(of_cells[cell] and None not in of_cells[cell].values() for _, cell in signed)


def common_pairs(signed: Sequence[Contrast], of_cells: Values) -> list[Pair]:
    """The pairs in which all of these cells have a run."""
    cells = [cell for one in signed for _, cell in one]
    return [pair for pair in of_cells[cells[0]] if all(pair in of_cells[cell] for cell in cells)]


def contrast(signed: Contrast, of_cells: Values, pair: Pair) -> float:
    return sum(sign * (of_cells[cell][pair] or 0.0) for sign, cell in signed)


def large_interactions(mains: Sequence[Effect], found: Sequence[Effect]) -> list[Effect]:
    """Interactions of at least `LARGE` of the smaller of their two main effects, the largest share first.

    With too few pairs for a verdict all such are told; else those that are more than chance.
    """
    mean_of = {effect.question: abs(effect.finding.mean or 0.0) for effect in mains}
    told: list[tuple[float, int, Effect]] = []
    for number, effect in enumerate(found):
        both = [mean_of.get(Question(effect.question.quantity, (change,)), 0.0) for change in effect.question.changes]
        size = abs(effect.finding.mean or 0.0)
        if size and size >= LARGE * min(both) and effect.finding.verdict in (DISTINGUISHED, TOO_FEW):
            told.append((-size / max(*both, size), number, effect))
    return [effect for _, _, effect in sorted(told, key=lambda one: one[:2])]
