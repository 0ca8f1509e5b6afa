"""The smallest value of a knob at which something happens, for every seed, in as few runs as it takes.

Rules of the file: it knows nothing of venues. A knob is turned from 0, where it is harmless, to 1; every run is a point (turn, seed), and
is the same whoever asks for it. Turns are fractions of powers of two, and so exact. What differs between two turns of a seed is the knob
alone (common random numbers). A coarse scan comes first, as nothing says that more is always worse: where it is not, that is told, and the
smallest turn is what is looked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

CONFIDENCE: Final = 0.95


class Point(NamedTuple):
    """One run: how far the knob is turned, 0 to 1, and the seed."""

    turn: float
    seed: int


Ask = Callable[[Sequence[Point]], Sequence[bool]]  # makes these runs, and says of each whether it happened


class First(NamedTuple):
    """Where it happens first in a seed: it does at `turn` (None: not up to 1), and not at `before` (None: it does at 0 already)."""

    before: float | None
    turn: float | None


class Found(NamedTuple):
    """All that was tried."""

    scan: tuple[float, ...]  # turns at which every seed was tried
    happened: Mapping[Point, bool]
    first: Mapping[int, First]  # by seed

    @property
    def returned(self) -> tuple[int, ...]:
        """Seeds in which it happens at one turn of the scan, and at a larger one does not."""
        return tuple(seed for seed in self.first if self._rows(seed) != sorted(self._rows(seed)))

    def count(self, turn: float) -> int:
        """Seeds in which it happens at a turn of the scan."""
        return sum(self.happened[Point(turn, seed)] for seed in self.first)

    def _rows(self, seed: int) -> list[bool]:
        return [self.happened[Point(turn, seed)] for turn in self.scan]


def search(seeds: Sequence[int], parts: int, halvings: int, ask: Ask) -> Found:
    """Try `parts` + 1 turns, a power of two of parts, and halve the one in which it happens first, `halvings` times, seed by seed."""
    scan = tuple(part / parts for part in range(parts + 1))
    happened: dict[Point, bool] = {}

    def made(points: Sequence[Point]) -> None:
        happened.update(zip(points, ask(points), strict=True))

    made([Point(turn, seed) for seed in seeds for turn in scan])
    first = {seed: first_of(scan, [happened[Point(turn, seed)] for turn in scan]) for seed in seeds}
    for _ in range(halvings):
        middle = {seed: (one.before + one.turn) / 2 for seed, one in first.items() if one.before is not None and one.turn is not None}
        if not middle:
            break
        made([Point(turn, seed) for seed, turn in middle.items()])
        for seed, turn in middle.items():
            first[seed] = first[seed]._replace(**{"turn" if happened[Point(turn, seed)] else "before": turn})
    return Found(scan, happened, first)


def most_runs(seeds: int, parts: int, halvings: int) -> int:
    return seeds * (parts + 1 + halvings)


def first_of(scan: Sequence[float], happened: Sequence[bool]) -> First:
    """In one seed's row of a scan."""
    at = next((number for number, happens in enumerate(happened) if happens), None)
    if at is None:
        return First(scan[-1], None)
    return First(scan[at - 1] if at else None, scan[at])


# -- over seeds --


class Middle(NamedTuple):
    """The median over seeds of the turn at which it happens first, and an interval of it. Infinite: beyond 1."""

    turn: float
    low: float | None  # None: too few seeds for an interval
    high: float | None


def middle(first: Sequence[First]) -> Middle:
    """By order statistics alone, so that seeds in which it never happens count as what they are: larger than all others.

    The k-th smallest and the k-th largest of n values enclose the median with a probability of 1 - 2 P(B < k), B binomial (n, 1/2)
    (David and Nagaraja, Order Statistics, 2003, section 7.1); k is the largest for which that is 95 % or more: one is from 6 seeds on.
    The median of an even number is the larger of the two in the middle, at which half of the seeds or more break.
    """
    turns = sorted(math.inf if one.turn is None else one.turn for one in first)
    count = len(turns)
    rank = interval_rank(count)
    median = turns[count // 2]
    return Middle(median, turns[rank - 1], turns[count - rank]) if rank else Middle(median, None, None)


def interval_rank(count: int) -> int:
    """k of the interval from the k-th smallest to the k-th largest of `count` values; 0: none."""
    rank, below = 0, 0.0
    while 2 * (below := below + math.comb(count, rank) / 2**count) <= 1.0 - CONFIDENCE:
        rank += 1
    return rank
