"""Main effects and interactions on responses that are known, K curves that rise or fall, and what is compared where cells are missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import pytest

from perplab.lab.comparison.axes import CAPITAL, Axis, Level
from perplab.lab.comparison.curves import curves_of, rises, sentences
from perplab.lab.comparison.effects import Change, Effect, Question, interactions, large_interactions, main_effects
from perplab.lab.comparison.factorial import Cell, Factorial, compared
from perplab.lab.comparison.headline import BYSTANDER, TOTAL, Values
from perplab.lab.comparison.statistics import DISTINGUISHED, EQUAL, TOO_FEW, UNDEFINED, Pair
from perplab.oracle.keyed import generator

SIZES = (2, 3, 2)
Y = "y"
Response = Callable[[Sequence[int]], float | None]


def axes_of(sizes: Sequence[int], capital: int | None = None) -> tuple[Axis, ...]:
    def key(number: int) -> str:
        return CAPITAL if number == capital else f"axis.{'abc'[number]}"

    return tuple(
        Axis(key(number), "abc"[number], "abc"[number], tuple(Level(str(level), level) for level in range(size)))
        for number, size in enumerate(sizes)
    )


def factorial_of(
    sizes: Sequence[int],
    same: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda levels: levels,
    without: Sequence[tuple[int, ...]] = (),
    capital: int | None = None,
) -> Factorial:
    """All combinations but those `without`; `same` gives the combination whose cell a combination is."""
    every = [levels for levels in product(*map(range, sizes)) if levels not in without]
    cell_of = {levels: "".join(map(str, same(levels))) for levels in every}
    cells = tuple(Cell(name, tuple(map(int, name)), {}) for name in dict.fromkeys(cell_of.values()))
    return Factorial("base", axes_of(sizes, capital), cells, cell_of, dict.fromkeys(without, "no sense"))


def values_of(factorial: Factorial, response: Response, seeds: int = 6, noise: float = 0.0) -> dict[str, Values]:
    """A response in every cell, plus what the seed adds to all cells alike, plus noise of each run."""
    values: Values = {}
    for cell in factorial.cells:
        values[cell.name] = {}
        for seed in range(seeds):
            at = response([level or 0 for level in cell.levels])
            drawn = noise * float(generator(seed, "test", cell.name).standard_normal())
            values[cell.name][Pair("", seed)] = None if at is None else at + 100.0 * seed + drawn
    return {Y: values}


def mean(effects: Sequence[Effect], *changes: tuple[int, int]) -> float:
    return one(effects, *changes).finding.mean or 0.0


def one(effects: Sequence[Effect], *changes: tuple[int, int]) -> Effect:
    wanted = Question(Y, tuple(Change(*change) for change in changes))
    return next(effect for effect in effects if effect.question == wanted)


# -- known responses --


def additive(levels: Sequence[int]) -> float:
    a, b, c = levels
    return 5.0 * a + (0.0, 2.0, -7.0)[b] + 0.25 * c


def test_effects_of_a_sum_are_exact_and_nothing_interacts() -> None:
    factorial = factorial_of(SIZES)
    values = values_of(factorial, additive)
    mains = main_effects(factorial, values)
    assert [effect.finding.mean for effect in mains] == [5.0, 2.0, -7.0, 0.25]
    assert [(effect.contexts, effect.of) for effect in mains] == [(6, 6), (4, 4), (4, 4), (6, 6)]
    assert {effect.finding.verdict for effect in mains} == {DISTINGUISHED}
    found = interactions(factorial, values)
    assert len(found) == 2 + 1 + 2 and {effect.finding.verdict for effect in found} == {EQUAL}
    assert large_interactions(mains, found) == []


def test_an_interaction_is_recovered_and_told() -> None:
    """a and c change y by 4 together beyond the sum of 5 and 0.25; the main effects have half of it."""
    factorial = factorial_of(SIZES)
    values = values_of(factorial, lambda levels: additive(levels) + 4.0 * levels[0] * levels[2])
    mains, found = main_effects(factorial, values), interactions(factorial, values)
    assert (mean(mains, (0, 1)), mean(mains, (2, 1))) == (7.0, 2.25)
    assert mean(found, (0, 1), (2, 1)) == 4.0
    assert [effect.question.changes for effect in large_interactions(mains, found)] == [(Change(0, 1), Change(2, 1))]


def test_what_all_cells_of_a_seed_have_in_common_does_not_widen_an_interval() -> None:
    factorial = factorial_of(SIZES)
    effect = one(main_effects(factorial, values_of(factorial, additive, noise=0.1)), (0, 1))
    assert effect.finding.interval is not None
    low, high = effect.finding.interval
    assert low < 5.0 < high and high - low < 1.0


def test_few_pairs_are_called_few() -> None:
    factorial = factorial_of(SIZES)
    values = values_of(factorial, lambda levels: additive(levels) + 4.0 * levels[0] * levels[2], seeds=2)
    mains = main_effects(factorial, values)
    assert {effect.finding.verdict for effect in mains} == {TOO_FEW} and mean(mains, (0, 1)) == 7.0
    assert len(large_interactions(mains, interactions(factorial, values))) == 1


# -- cells that are missing, or the same --


def test_a_cell_that_stands_for_two_levels_is_compared_only_where_they_differ() -> None:
    """Axis c is a trigger that says nothing at the second level of a: there both its levels are one cell."""
    factorial = factorial_of(SIZES, same=lambda levels: (*levels[:2], 0 if levels[0] else levels[2]))
    assert len(factorial.cells) == 9
    response: Response = lambda levels: 5.0 * levels[0] + (8.0 * levels[2] if not levels[0] else 0.0)  # noqa: E731
    values = values_of(factorial, response)
    mains = main_effects(factorial, values)
    trigger, method = one(mains, (2, 1)), one(mains, (0, 1))
    assert (trigger.finding.mean, trigger.contexts, trigger.of) == (8.0, 3, 6)
    assert (method.finding.mean, method.contexts, method.of) == (5.0 - 8.0 / 2, 6, 6)
    found = interactions(factorial, values)
    assert all(Change(2, 1) not in effect.question.changes or effect.question.changes[0].axis == 1 for effect in found)
    assert not any(effect.question.changes == (Change(0, 1), Change(2, 1)) for effect in found), "its four cells are three"
    assert len(list(compared(factorial.cell_of, 2))) == 3


def test_only_cells_that_were_run_are_compared() -> None:
    factorial = factorial_of(SIZES, without=[(1, 2, 0), (1, 2, 1)])
    mains = main_effects(factorial, values_of(factorial, additive))
    assert [(effect.finding.mean, effect.contexts, effect.of) for effect in mains] == [(5.0, 4, 6), (2.0, 4, 4), (-7.0, 2, 4), (0.25, 5, 6)]


def test_an_undefined_cell_takes_its_comparisons_with_it_and_a_pair_that_was_left_out_its_pair() -> None:
    factorial = factorial_of(SIZES)
    values = values_of(factorial, lambda levels: None if tuple(levels) == (1, 2, 0) else additive(levels))
    effect = one(main_effects(factorial, values), (0, 1))
    assert (effect.finding.mean, effect.contexts, effect.of) == (5.0, 5, 6)
    values = values_of(factorial, additive, seeds=7)
    del values[Y]["120"][Pair("", 3)]
    effect = one(main_effects(factorial, values), (0, 1))
    assert (effect.finding.mean, effect.finding.pairs) == (5.0, 6)


def test_nothing_is_said_of_what_is_defined_nowhere() -> None:
    factorial = factorial_of(SIZES)
    assert main_effects(factorial, values_of(factorial, lambda levels: None)) == []
    assert UNDEFINED not in {effect.finding.verdict for effect in main_effects(factorial, values_of(factorial, additive))}


# -- K curves --


def curves_values(factorial: Factorial, response: Response, seeds: int = 6) -> dict[str, Values]:
    values = values_of(factorial, response, seeds)[Y]
    return {TOTAL.key: values, BYSTANDER.key: values}


def test_a_curve_that_rises_says_so_with_its_largest_rise() -> None:
    """The first design pays less with more capital, the second more up to the third level and then less again."""
    factorial = factorial_of((2, 4), capital=1)
    response: Response = lambda levels: 1e6 * ((9.0, 6.0, 3.0, 1.0), (1.0, 2.0, 8.0, 5.0))[levels[0]][levels[1]]  # noqa: E731
    values = curves_values(factorial, response)
    curves = curves_of(factorial, 1, TOTAL, values[TOTAL.key])
    assert [curve.name for curve in curves.curves] == ["a0", "a1"] and curves.labels == ("0", "1", "2", "3")
    assert [point and round(point.cost - 250) for point in curves.curves[0].points] == [9e6, 6e6, 3e6, 1e6]
    found = rises(factorial, 1, values)
    assert [(rise.curve, rise.quantity, rise.lower, rise.higher) for rise in found] == [("a1", TOTAL, 0, 2), ("a1", BYSTANDER, 0, 2)]
    told = sentences(curves.labels, found)[0]
    assert told == (
        "a1: total cost rises with K, from 1.00 M USD at K = 0 to 8.00 at K = 2: +7.00, 95 % interval +7.00 to +7.00, p 0.031, 6 pairs."
    )


@pytest.mark.parametrize(("seeds", "words"), [(1, "in the only pair"), (3, "in each of 3 pairs")])
def test_a_rise_on_few_pairs_is_called_so(seeds: int, words: str) -> None:
    factorial = factorial_of((1, 2), capital=1)
    found = rises(factorial, 1, curves_values(factorial, lambda levels: float(levels[1]), seeds))
    assert sentences(("0", "5M"), found)[0].endswith(f"{words}; fewer than 6 seeds cannot be told from chance.")


def test_no_rise_is_said_as_well_and_a_rise_by_chance_is_none() -> None:
    factorial = factorial_of((1, 2), capital=1)
    values = curves_values(factorial, lambda levels: 0.0)
    for seed in range(6):
        values[TOTAL.key]["01"][Pair("", seed)] = 100.0 * seed + (5.0 if seed else -1.0)
    assert rises(factorial, 1, values) == []
    assert sentences(("0", "1"), []) == ["No cost rises with K by more than chance."]


def test_a_design_that_has_no_capital_has_no_curve_and_a_missing_cell_no_point() -> None:
    factorial = factorial_of((3, 3), same=lambda levels: (2, 0) if levels[0] == 2 else levels, without=[(1, 0)], capital=1)
    curves = curves_of(factorial, 1, TOTAL, values_of(factorial, lambda levels: 1.0 * levels[1])[Y])
    assert [curve.name for curve in curves.curves] == ["a0", "a1"]
    assert [point is None for point in curves.curves[1].points] == [True, False, False]
