"""What a policy does to winners, in numbers that are the same for all policies (docs/metrics.md, same names).

Rules of the file: the haircut of a winner is what was taken over his equity before, for every policy alike; shares are of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from perplab.exchange.units import MICRO

from ..metrics.rows import gini, ratio
from ..runs import Floats, Ints
from .policies import ONE, Closed
from .snapshot import Snapshot, Winners, usd

TOP: Final = 0.01  # share of the winners: the hardest hit
LEVERAGES: Final = (0.0, 0.5, 1.0, 3.0, 10.0, float("inf"))
SIZES_USD: Final = (0.0, 1e4, 1e5, 1e6, 1e7, float("inf"))

Bools = NDArray[np.bool_]


class Measures(Struct, frozen=True):
    raised_usd: float
    excess_usd: float  # raised - needed; below zero: so much is missing
    closed_usd: float  # notional at the mark
    realized_usd: float  # profit on what was closed, before what is taken off it; a loss below zero
    touched: int  # winners who lost money or position
    max_haircut: float
    mean_haircut: float  # over all winners
    top_share: float | None  # of what was taken, on the hardest hit 1 % of all winners, at least one
    gini: float | None  # of what was taken, over all winners
    top_left: float | None  # part of the largest endowment that its owner keeps
    ptsr: float | None
    pmr: float | None


def measure(snapshot: Snapshot, closed: Closed, budget: int) -> Measures:
    """Of one policy that was to raise `budget` [micro]."""
    winners, taken = snapshot.winners, closed.taken
    haircut = taken / winners.equity
    left = np.maximum(winners.endowment - taken, 0)
    top = int(np.argmax(winners.endowment))
    most = int(left.max())
    return Measures(
        raised_usd=usd(int(taken.sum())),
        excess_usd=usd(int(taken.sum()) - budget),
        closed_usd=usd(int(closed.lots.sum()) * snapshot.lot_value),
        realized_usd=usd(float((winners.profit * (closed.lots / winners.lots)).sum())),
        touched=int(((taken > 0) | (closed.lots > 0)).sum()),
        max_haircut=float(haircut.max()),
        mean_haircut=float(haircut.mean()),
        top_share=top_share(taken),
        gini=gini(taken),
        top_left=ratio(int(left[top]), int(winners.endowment[top])),
        ptsr=ratio(most, snapshot.deficit),
        pmr=ratio(most, int(snapshot.losers.gap.max())),
    )


def top_share(taken: Ints) -> float | None:
    """Share of the sum on the largest 1 %, at least one. None if there is no sum."""
    largest = np.sort(taken)[::-1][: max(1, int(len(taken) * TOP))]
    return ratio(int(largest.sum()), int(taken.sum()))


# -- by leverage and size --


class Bucket(NamedTuple):
    label: str
    members: Bools  # shape (n,)


def by_leverage(winners: Winners) -> list[Bucket]:
    """The winners by notional / equity, in groups that are not empty."""
    leverage = winners.leverage / ONE
    return buckets(leverage, LEVERAGES, [f"{edge:g}x" for edge in LEVERAGES])


def by_size(winners: Winners) -> list[Bucket]:
    """The winners by notional at the mark [USD]."""
    return buckets(winners.notional / MICRO, SIZES_USD, ["0", "10k", "100k", "1M", "10M", ""])


def buckets(values: Floats, edges: Sequence[float], names: Sequence[str]) -> list[Bucket]:
    found = []
    for (low, low_name), (high, high_name) in pairwise(zip(edges, names, strict=True)):
        members = (values >= low) & (values < high)
        label = f"<{high_name}" if low == 0 else f">{low_name}" if np.isinf(high) else f"{low_name}-{high_name}"
        if members.any():
            found.append(Bucket(label, members))
    return found


def haircut_of(bucket: Bucket, winners: Winners, closed: Closed) -> float:
    """What was taken from a group over its equity."""
    return float(closed.taken[bucket.members].sum() / winners.equity[bucket.members].sum())


# -- the size of the fund --


def optimal_fund(deficits: Floats, capital_cost: float, loss_cost: float) -> float:
    """The insurance capital K that minimises capital_cost K + loss_cost E[(D - K)+] over a sample of deficits D.

    K* = VaR_{1 - r/kappa}(D) = inf {x: P(D <= x) >= 1 - r/kappa}, with r what a dollar of capital costs and kappa what a dollar of
    socialized loss costs (arXiv 2512.01112, section on the insurance fund; it is the newsvendor's order). 0 where r >= kappa.
    `deficits`: shape (n,), n > 0, in any unit, in which the answer is. Raises ValueError for an empty sample or a cost below zero.
    """
    if not len(deficits) or capital_cost < 0 or loss_cost <= 0:
        raise ValueError("optimal_fund: expected at least one deficit, capital_cost 0 or more, loss_cost above 0")
    if capital_cost >= loss_cost:
        return 0.0
    rising = np.sort(deficits)
    below = np.arange(1, len(rising) + 1) / len(rising)  # P(D <= x) at each of them
    return float(rising[np.searchsorted(below, 1 - capital_cost / loss_cost - 1e-12)])


def fund_cost(fund: float, deficits: Floats, capital_cost: float, loss_cost: float) -> float:
    """What a fund costs: its capital, and what it leaves to be socialized on average."""
    return capital_cost * fund + loss_cost * float(np.maximum(deficits - fund, 0).mean())
