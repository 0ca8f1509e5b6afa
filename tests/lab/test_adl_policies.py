"""Policies of auto-deleveraging: their properties, and the worked numbers of the paper (arXiv 2512.01112).

Of its golden numbers G1 and G2 are here. G3 (bankruptcy and liquidation prices), G4 (a sweep) and G5 (fund first) are about formulas of the
venue: tests/exchange/test_golden.py has them.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perplab.lab.adl.measures import fund_cost, gini, optimal_fund, top_share
from perplab.lab.adl.policies import (
    ONE,
    Losers,
    Part,
    close_in_turn,
    greedy,
    pro_rata,
    queue,
    risk_weights,
    water_fill,
    whole,
    whole_contracts,
)
from perplab.lab.runs import Ints

MICRO = 1_000_000
MOST = 10**15  # [micro] a billion USD

amounts = st.integers(0, MOST)
wallets = st.lists(st.tuples(amounts, amounts, st.integers(0, 10**9)), min_size=1, max_size=12)  # weight, cap, another weight


def micro(*values: float) -> Ints:
    return whole([round(value * MICRO) for value in values])


def columns(rows: list[tuple[int, int, int]]) -> tuple[list[int], Ints, list[int]]:
    weights, caps, others = zip(*rows, strict=True)
    return list(weights), whole(caps), list(others)


def falling(values: Ints) -> Ints:
    return np.argsort(-values, kind="stable")


# -- G1 --

ENDOWMENT = micro(8, 4, 0.5)  # w = (8, 4, 0.5, 0, 0) of equities (10, 5, 1, -3, -12)
BUDGET = round(7.5 * MICRO)  # half of the deficit 15


def test_g1_queue_takes_all_of_the_second_then_of_the_first() -> None:
    assert queue(whole([1, 0, 2]), ENDOWMENT, BUDGET).tolist() == micro(3.5, 4, 0).tolist()


def test_g1_pro_rata_takes_six_tenths_of_all() -> None:
    assert water_fill(ENDOWMENT.tolist(), ENDOWMENT, BUDGET).tolist() == micro(4.8, 2.4, 0.3).tolist()


def test_g1_water_fill_stops_at_the_first_ones_cap() -> None:
    """Caps (.5, 1, 1): eta = 7/9, so (4, 28/9, 7/18)."""
    assert water_fill(ENDOWMENT.tolist(), micro(4, 4, 0.5), BUDGET).tolist() == micro(4, 3.111111, 0.388889).tolist()


# -- G2 --

BOOK = {"A": (1, 2.0, 1), "B": (1, 2 / 3, 1), "C": (4, 8 / 3, -1), "D": (1, 2 / 19, 1), "E": (1, 10 / 99, -1)}  # quantity, collateral, side
MARK, ORACLE = (1.0, 1.4, 1.3), (1.0, 1.5, 1.25)


def equities(step: int) -> dict[str, float]:
    """Collateral + profit + funding gamma p b q, gamma = L/S - p / oracle (that linear funding is the paper's, no rule of the venue)."""
    gamma = [3 / 5 - mark / oracle for mark, oracle in zip(MARK, ORACLE, strict=True)]
    paid = sum(gamma[at] * MARK[at] for at in range(1, step + 1))
    return {name: c + b * q * (MARK[step] - MARK[0] + paid) for name, (q, c, b) in BOOK.items()}


def test_g2_equities() -> None:
    first = {"A": 1.9333, "B": 0.6, "C": 2.9333, "D": 0.0386, "E": 0.1677}
    second = {"A": 1.2613, "B": -0.0720, "C": 5.6213, "D": -0.6334, "E": 0.8397}
    assert equities(1) == pytest.approx(first, abs=6e-5)
    assert equities(2) == pytest.approx(second, abs=6e-5)


def winners_of_g2() -> tuple[Ints, Ints, int]:
    """Equity and leverage of A, C and E at the second step, and the deficit."""
    equity = equities(2)
    leverage = [round(BOOK[name][0] * MARK[2] / equity[name] * ONE) for name in "ACE"]
    deficit = -sum(min(0.0, one) for one in equity.values())
    return micro(*(equity[name] for name in "ACE")), whole(leverage), round(deficit * MICRO)


def test_g2_equity_pro_rata() -> None:
    equity, leverage, deficit = winners_of_g2()
    assert (leverage / ONE).tolist() == pytest.approx([1.031, 0.925, 1.548], abs=6e-4)
    assert (deficit / MICRO, equity.sum() / MICRO) == pytest.approx((0.7054, 7.7223), abs=6e-5)
    taken = water_fill(equity.tolist(), equity, deficit)
    assert (taken / equity).tolist() == pytest.approx([0.09135] * 3, abs=6e-6)


@pytest.mark.parametrize(
    ("model", "shares"), [("linear", (0.164, 0.589, 0.247)), ("square", (0.154, 0.497, 0.348)), ("cvar", (0.149, 0.114, 0.737))]
)
def test_g2_risk_aware_shares(model: str, shares: tuple[float, ...]) -> None:
    """As published, shares of equity x lambda g(lambda), threshold 0.9; the paper prints .246, .155 and .498 in another place."""
    equity, leverage, deficit = winners_of_g2()
    weights = [one * risk for one, risk in zip(equity.tolist(), risk_weights(leverage, model, 900_000), strict=True)]
    taken = water_fill(weights, equity, deficit)
    assert (taken / deficit).tolist() == pytest.approx(shares, abs=1.1e-3)


def test_another_risk_model_is_refused() -> None:
    with pytest.raises(KeyError):
        risk_weights(whole([ONE]), "cubic")


# -- what is taken adds up, and no cap is passed --


@given(wallets, amounts)
def test_water_fill_takes_the_budget_or_all_there_is(rows: list[tuple[int, int, int]], budget: int) -> None:
    weights, caps, _ = columns(rows)
    taken = water_fill(weights, caps, budget)
    able = sum(cap for weight, cap in zip(weights, caps.tolist(), strict=True) if weight)
    assert int(taken.sum()) == min(budget, able)
    assert (taken >= 0).all() and (taken <= caps).all()


@given(wallets, amounts)
def test_queue_takes_the_budget_or_all_there_is_from_the_front(rows: list[tuple[int, int, int]], budget: int) -> None:
    weights, caps, _ = columns(rows)
    order = falling(whole(weights))
    taken = queue(order, caps, budget)
    assert int(taken.sum()) == min(budget, int(caps.sum()))
    in_turn = taken[order].tolist()
    last = max((place for place, one in enumerate(in_turn) if one), default=0)
    assert in_turn[:last] == caps[order].tolist()[:last], "all in front of the last one have given all"


@given(wallets, amounts)
def test_water_fill_has_one_level(rows: list[tuple[int, int, int]], budget: int) -> None:
    """x = min(cap, tau weight) but for less than one unit of rounding each."""
    weights, caps, _ = columns(rows)
    taken = water_fill(weights, caps, budget).tolist()
    below = [Fraction(x + 1, w) for x, w, cap in zip(taken, weights, caps.tolist(), strict=True) if w and x < cap]
    above = [Fraction(max(0, x - 1), w) for x, w in zip(taken, weights, strict=True) if w and x]
    assert not below or not above or max(above) < min(below)


@example(rows=[(1, 1, 0), (1, 2, 0)], budget=1, dice=Random(1))
@given(wallets, amounts, st.randoms())
def test_water_fill_is_anonymous(rows: list[tuple[int, int, int]], budget: int, dice: Random) -> None:
    """Who comes in what order makes no difference to what is taken from a weight and a cap."""
    weights, caps, _ = columns(rows)
    mixed = list(rows)
    dice.shuffle(mixed)
    other_weights, other_caps, _ = columns(mixed)
    before = sorted(zip(weights, caps.tolist(), water_fill(weights, caps, budget).tolist(), strict=True))
    after = sorted(zip(other_weights, other_caps.tolist(), water_fill(other_weights, other_caps, budget).tolist(), strict=True))
    assert before == after


@given(st.lists(amounts, min_size=1, max_size=12, unique=True), amounts)
def test_pro_rata_is_monotone(wealth: list[int], budget: int) -> None:
    """Who has more gives no less, and keeps no less. (Of those who have the same, one may give a micro-unit more.)"""
    held = whole(sorted(wealth))
    taken = water_fill(held.tolist(), held, budget)
    assert (np.diff(taken) >= 0).all()
    assert (np.diff(held - taken) >= 0).all()


@given(st.lists(st.integers(1, MOST), min_size=1, max_size=12), amounts, st.data())
def test_splitting_an_account_changes_nothing(wealth: list[int], budget: int, data: st.DataObject) -> None:
    """Sybil resistance of pro-rata: the parts together give what the whole gave, but for a unit of rounding each."""
    held = whole(wealth)
    part = data.draw(st.integers(0, wealth[0]))
    split = whole([part, wealth[0] - part, *wealth[1:]])
    before, after = water_fill(held.tolist(), held, budget), water_fill(split.tolist(), split, budget)
    assert abs(int(before[0]) - int(after[0] + after[1])) <= 2


@given(st.lists(st.integers(1, MOST), min_size=1, max_size=12), st.data())
def test_the_queue_is_the_worst_for_the_top_winner(wealth: list[int], data: st.DataObject) -> None:
    """What he keeps by pro-rata less what he keeps by the queue is H (1 - w1/U) where H <= w1, but for rounding; and no rule that takes
    H in all takes more of him than the queue."""
    held = whole(wealth)
    top = int(held.argmax())
    budget = data.draw(st.integers(0, wealth[top]))
    queued, shared = queue(falling(held), held, budget), water_fill(held.tolist(), held, budget)
    gap = Fraction(budget) * (1 - Fraction(wealth[top], sum(wealth)))
    assert abs((int(held[top]) - int(shared[top])) - (int(held[top]) - int(queued[top])) - gap) < 1
    assert int(queued[top]) == budget


def test_the_capped_rule_is_fairer_than_any_other_on_a_grid() -> None:
    """It minimises sum w h^2, as any convex sum: no other split in units of a tenth comes lower."""
    held, caps, budget = whole([40, 20, 10]), whole([10, 20, 10]), 25
    best = water_fill(held.tolist(), caps, budget)

    def pain(taken: tuple[int, ...]) -> float:
        return sum(x * x / w for x, w in zip(taken, held.tolist(), strict=True))

    others = [one for one in product(range(11), range(21), range(11)) if sum(one) == budget]
    assert min(map(pain, others)) == pytest.approx(pain(tuple(best.tolist())))


# -- positions closed --

books = st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**12)), min_size=1, max_size=8)  # lots, equity [micro]
debts = st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**12)), min_size=1, max_size=4)  # lots, gap [micro]


@pytest.mark.parametrize("part", [greedy, pro_rata])
@given(book=books, debt=debts)
def test_closing_in_turn_closes_all_lots_and_takes_the_gap(
    part: Part, book: list[tuple[int, int]], debt: list[tuple[int, int]]
) -> None:
    """As far as there are lots; the whole gap wherever nobody's equity ends."""
    held, equity = (whole(values) for values in zip(*book, strict=True))
    lots, gap = (whole(values) for values in zip(*debt, strict=True))
    closed = close_in_turn(Losers(lots, gap), np.arange(len(held)), held, equity, part)
    assert int(closed.lots.sum()) == min(int(lots.sum()), int(held.sum()))
    assert (closed.lots >= 0).all() and (closed.lots <= held).all()
    assert (closed.taken >= 0).all() and (closed.taken <= equity).all()
    rich = close_in_turn(Losers(lots, gap), np.arange(len(held)), held, whole([MOST] * len(held)), part)
    if lots.sum() <= held.sum():
        assert int(rich.taken.sum()) == int(gap.sum())


@given(books, st.integers(1, 10**6))
def test_contract_pro_rata_is_less_than_a_lot_above_the_share(book: list[tuple[int, int]], lots: int) -> None:
    held = whole([one for one, _ in book])
    closed = close_in_turn(Losers(whole([lots]), whole([0])), np.arange(len(held)), held, held, pro_rata).lots.tolist()
    asked = min(lots, int(held.sum()))
    assert all(one < Fraction(asked * mine, int(held.sum())) + 1 for one, mine in zip(closed, held.tolist(), strict=True))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, 30)), min_size=1, max_size=4),
    st.integers(1, 5),
    st.integers(0, 60),
)
def test_whole_contracts_have_the_least_excess_and_the_smallest_largest_haircut(
    rows: list[tuple[int, int, int]], loss: int, budget: int
) -> None:
    """Against all ways to spread the lots."""
    weights, held, equity = (whole(values) for values in zip(*rows, strict=True))
    closed = whole_contracts(weights, held, equity, loss, budget)
    most = [min(mine, has // loss) if weight else 0 for weight, mine, has in rows]
    need = min(-(-budget // loss), sum(most))
    assert int(closed.lots.sum()) == need
    assert closed.taken.tolist() == (closed.lots * loss).tolist()
    if need * loss >= budget:
        assert int(closed.taken.sum()) - budget < loss

    def largest(lots: tuple[int, ...]) -> Fraction:
        return max((Fraction(k, w) for k, (w, _, _) in zip(lots, rows, strict=True) if w), default=Fraction(0))

    ways = [way for way in product(*(range(one + 1) for one in most)) if sum(way) == need]
    assert largest(tuple(closed.lots.tolist())) == min(map(largest, ways))


# -- numbers of a distribution --


def test_top_share_and_gini() -> None:
    assert (gini(whole([5, 5, 5, 5])), gini(whole([0, 0, 0, 8])), gini(whole([0, 0]))) == (0.0, 0.75, None)
    assert (top_share(whole([1] * 199 + [201])), top_share(whole([3, 1])), top_share(whole([0]))) == (202 / 400, 0.75, None)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20), st.integers(0, 100), st.integers(1, 100))
def test_no_fund_is_cheaper_than_the_optimal_one(deficits: list[int], capital: int, loss: int) -> None:
    sample = np.array(deficits, dtype=np.float64)
    best = fund_cost(optimal_fund(sample, capital, loss), sample, capital, loss)
    assert all(best <= fund_cost(float(other), sample, capital, loss) + 1e-9 for other in [0, *deficits])


def test_the_optimal_fund_is_a_quantile() -> None:
    sample = np.arange(1.0, 11.0)
    assert [optimal_fund(sample, cost, 1.0) for cost in (0.1, 0.5, 0.95, 1.0, 0.0)] == [9.0, 5.0, 1.0, 0.0, 10.0]
    with pytest.raises(ValueError, match="at least one deficit"):
        optimal_fund(np.zeros(0), 0.1, 1.0)
