"""Policies of auto-deleveraging: who pays a budget, and how much each. Pure functions of arrays.

There are two kinds. One closes positions: winners give up lots at a price that is worse for them than the mark (`close_in_turn`,
`whole_contracts`). The other takes profit and leaves positions open (`queue`, `water_fill`); the profit at hand is a winner's endowment.

Rules of the file: money is in micro-units, sizes in lots, all whole numbers. What is taken adds up to the budget exactly, or to all that
can be taken if that is less; nobody gives more than his cap. Whole numbers are made of shares by largest remainder: everybody gets his
share rounded down, and the units that are left go to the largest fractions, ties to the larger weight, then to the first. Products are
Python integers, so nothing wraps.

Definitions: T. Chitra, "Autodeleveraging: Impossibilities and Optimization", arXiv 2512.01112 (v3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from heapq import heapify, heappop, heapreplace
from typing import Final, NamedTuple

import numpy as np

from ..runs import Ints

ONE: Final = 1_000_000  # leverage is in ppm

Part = Callable[[int, int, int], int]  # lots of one winner: of (left to close, held, held by it and all behind it)


def whole(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


# -- policies that take profit --


def queue(order: Ints, caps: Ints, budget: int) -> Ints:
    """All of the first, then all of the next, until the budget is met.

    `order`: shape (n,), places in `caps`, the first to pay in front. `caps`: shape (n,) [micro], 0 or more. Returns shape (n,) [micro].
    """
    taken, left = np.zeros(len(caps), dtype=np.int64), budget
    for place in order.tolist():
        taken[place] = min(left, int(caps[place]))
        left -= int(taken[place])
        if left == 0:
            break
    return taken


def water_fill(weights: Sequence[int], caps: Ints, budget: int) -> Ints:
    """In proportion to the weights, but from nobody more than his cap: x_i = min(cap_i, tau weight_i), tau such that they add up.

    With weights = caps = endowments it is plain pro-rata; with weights = endowments and lower caps the capped pro-rata of the paper; with
    weights = endowment x `risk_weights` its risk-aware pro-rata (RAP). `weights` may be larger than 64 bits; a weight of 0 pays nothing.
    Returns shape (n,), in the unit of the caps.
    """
    taken = [0] * len(caps)
    cap = caps.tolist()
    able = [place for place in range(len(cap)) if weights[place] > 0 and cap[place] > 0]
    able.sort(key=lambda place: Fraction(cap[place], weights[place]))  # in which order caps are reached as tau rises
    left, total = min(budget, sum(cap[place] for place in able)), sum(weights[place] for place in able)
    for number, place in enumerate(able):
        if cap[place] * total > left * weights[place]:
            share_out(taken, [(other, weights[other], cap[other]) for other in able[number:]], total, left)
            break
        taken[place] = cap[place]
        left -= cap[place]
        total -= weights[place]
    return whole(taken)


def share_out(taken: list[int], sharers: list[tuple[int, int, int]], total: int, amount: int) -> None:
    """Write each sharer's part of the amount, (place, weight, cap) of `total`, by largest remainder, then weight, then cap: where somebody
    stands decides only between equals."""
    rests = []
    left = amount
    for place, weight, cap in sharers:
        taken[place], rest = divmod(amount * weight, total)
        rests.append((-rest, -weight, -cap, place))
        left -= taken[place]
    for *_, place in sorted(rests)[:left]:
        taken[place] += 1


def risk_weights(leverage_ppm: Ints, model: str, threshold_ppm: int = 0) -> list[int]:
    """lambda g(lambda) of RAP, of leverages lambda = notional / equity in ppm, for g = lambda (`linear`), lambda^2 (`square`) or
    (lambda - threshold)_+ (`cvar`). Only their ratios count. Raises KeyError for another model.
    """
    g: Callable[[int], int] = {
        "linear": lambda leverage: leverage,
        "square": lambda leverage: leverage * leverage,
        "cvar": lambda leverage: max(0, leverage - threshold_ppm),
    }[model]
    return [leverage * g(leverage) for leverage in leverage_ppm.tolist()]


# -- policies that close positions --


class Closed(NamedTuple):
    """What winners gave up, by their place in the arrays that were given."""

    lots: Ints
    taken: Ints  # [micro] against the mark


class Losers(NamedTuple):
    """Positions to be closed, in the order of the venue: lots (above 0), and the gap of each [micro], 0 or more: how much more than their
    value at the mark the winners have to give so that the loser ends at zero."""

    lots: Ints
    gap: Ints


def greedy(left: int, held: int, _total: int) -> int:
    """As far as it goes."""
    return min(left, held)


def pro_rata(left: int, held: int, total: int) -> int:
    """In proportion to what is held, rounded up (Drift): less than a lot above the share. The order says who bears the rounding."""
    return held if left >= total else -(-left * held // total)


def close_in_turn(losers: Losers, order: Ints, held: Ints, equity: Ints, part: Part) -> Closed:
    """Loser by loser, winners are closed in an order (shape (n,), places), each for `part` of what is left.

    `held`: shape (n,) [lots] of the winners; `equity`: [micro] behind each. A winner whom his part would leave without equity is passed
    over; what is left after all have been asked is closed against those, each for no more than he has. This is the rule of the venue
    (perplab.exchange), so that both can be compared. A lot of a loser carries the same part of its gap, rounded down cumulatively.
    """
    turn = Turn(order, held, equity)
    for lots, gap in zip(losers.lots.tolist(), losers.gap.tolist(), strict=True):
        turn.close(lots, gap, part)
    return Closed(whole(turn.lots), whole(turn.taken))


class Turn:
    """What winners still hold and have, while losers are closed against them."""

    def __init__(self, order: Ints, held: Ints, equity: Ints) -> None:
        self.order: list[int] = order.tolist()
        self.held: list[int] = held.tolist()
        self.equity: list[int] = equity.tolist()
        self.lots, self.taken = [0] * len(self.held), [0] * len(self.held)
        self.first = 0  # in front of it nobody holds anything any more

    def close(self, lots: int, gap: int, part: Part) -> None:
        left, booked = lots, 0
        passed: list[int] = []
        while self.first < len(self.order) and self.held[self.order[self.first]] == 0:
            self.first += 1
        waiting = self.order[self.first :]
        total = sum(self.held[place] for place in waiting)
        for place in waiting:
            if left == 0:
                break
            held = self.held[place]
            asked = part(left, held, total) if held else 0
            total -= held
            due = gap * (lots - left + asked) // lots - booked
            if asked and due > self.equity[place]:
                passed.append(place)
            elif asked:
                self.take(place, asked, due)
                booked += due
                left -= asked
        self.ask_again(passed, left, gap - booked, part)

    def ask_again(self, passed: list[int], left: int, gap: int, part: Part) -> None:
        """Close what is left against those who were passed over, for no more than they have."""
        total = sum(self.held[place] for place in passed)
        for place in passed:
            if left == 0:
                break
            held = self.held[place]
            asked = part(left, held, total)
            total -= held
            if asked:
                due = gap * asked // left
                self.take(place, asked, min(due, self.equity[place]))
                gap -= due
                left -= asked

    def take(self, place: int, lots: int, amount: int) -> None:
        self.held[place] -= lots
        self.lots[place] += lots
        self.equity[place] -= amount
        self.taken[place] += amount


def whole_contracts(weights: Ints, held: Ints, equity: Ints, loss_per_lot: int, budget: int) -> Closed:
    """Whole lots for the least excess, so that the largest haircut is as small as whole lots allow.

    A closed lot costs its owner `loss_per_lot` [micro], above 0. As many lots are closed as the budget takes, rounded up: the excess is
    below one lot's loss. Of all ways to spread k lots this one has the smallest max_i k_i / weight_i: the next lot always goes to whom it
    leaves lowest (D'Hondt). With one market this solves the paper's integer program; weights = equity, as there. `held`: [lots];
    `equity`: [micro], which nobody's loss may exceed. A weight of 0 closes nothing.
    """
    most = np.where(weights > 0, np.minimum(held, equity // loss_per_lot), 0)
    need = min(-(-budget // loss_per_lot), int(most.sum()))
    weight, limit = weights.tolist(), most.tolist()
    # Nobody gets less than his share rounded down; what is left is given lot by lot
    lots: list[int] = np.maximum(water_fill(weight, most, need) - 1, 0).tolist()
    heap = [next_lot(lots[place], weight[place], place) for place in range(len(limit)) if lots[place] < limit[place]]
    heapify(heap)
    for _ in range(need - sum(lots)):
        place = heap[0][2]
        lots[place] += 1
        if lots[place] < limit[place]:
            heapreplace(heap, next_lot(lots[place], weight[place], place))
        else:
            heappop(heap)
    return Closed(whole(lots), whole(lots) * loss_per_lot)


def next_lot(lots: int, weight: int, place: int) -> tuple[Fraction, int, int]:
    """What one lot more would leave its owner at, ties to the larger weight."""
    return Fraction(lots + 1, weight), -weight, place
