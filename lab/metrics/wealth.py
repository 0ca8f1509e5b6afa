"""What everybody ended with: the arrays by account that travel with a run's result, so that designs can be compared account by account.

Rules of the file: pure functions over arrays; money in whole micro-units, so that parts add up to their sum exactly. Gains are at the true
price (`valuation.py`), which no design makes; those at the mark are kept beside them. Who is who is (cohort, number in it), since another
design may give other account numbers to the same people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from perplab.exchange.events import Deleveraged, LiquidationStarted
from perplab.exchange.units import BP_PER_ONE, MICRO

from ..runs import Floats, Ints
from .rows import Bools, Log
from .valuation import closing_equity_at_true, opening_equity_at_true, paid_in, true_ticks

LEVERAGES: Final = (2.0, 5.0, 10.0, 20.0)  # bounds of the buckets of opening leverage; a bound belongs to the bucket above it
SIZES_USD: Final = (1e4, 1e5, 1e6, 1e7)  # and of opening notional [USD]
SAME_POSITION: Final = 1e-4  # as a share: venues have lots of different sizes; of a fall of 10 % it is a tenth of a bp
SIDES: Final = {1: "long", -1: "short", 0: "flat"}


@dataclass(frozen=True, eq=False)
class Wealth:
    """Every account of a cohort, cohort by cohort; arrays of shape (n,)."""

    cohorts: tuple[str, ...]
    cohort: Ints  # index into `cohorts`
    number: Ints  # within its cohort
    gain: Ints  # [micro] closing less opening equity at the true price, payments in and out left aside; what it has in a pool included
    gain_at_mark: Ints  # [micro] the same at the mark
    opening: Ints  # [micro] equity at the true price when the run begins
    notional: Ints  # [micro] of the opening position at the true price
    side: Ints  # 1 long, -1 short, 0 flat: of the opening position
    breached: Bools  # fell below maintenance
    deleveraged: Bools  # was closed as a winner

    def __len__(self) -> int:
        return len(self.gain)

    @property
    def leverage(self) -> Floats:
        """Opening notional over opening equity; infinite where there is none."""
        equity = np.maximum(self.opening, 0)
        ratio: Floats = np.divide(self.notional, equity, out=np.full(len(self), np.inf), where=equity > 0)
        return np.where(self.notional == 0, 0.0, ratio)


class Bucket(NamedTuple):
    """Accounts that belong together. The buckets of one `by` hold every account once."""

    by: str  # all, side, leverage, size, cohort
    name: str
    members: Bools


def wealth_of(log: Log) -> Wealth:
    """Of one run."""
    run = log.run
    accounts = np.concatenate([cohort.accounts for cohort in run.cohorts])
    sizes = [len(cohort.accounts) for cohort in run.cohorts]
    paid, opening, size = paid_in(log), opening_equity_at_true(log), run.opening_size[accounts]
    notional = np.rint(np.abs(size) * (true_ticks(log, run.start_ts) * run.terms.unit)).astype(np.int64)
    return Wealth(
        cohorts=tuple(cohort.name for cohort in run.cohorts),
        cohort=np.repeat(np.arange(len(sizes)), sizes),
        number=np.concatenate([np.arange(count) for count in sizes]),
        gain=(closing_equity_at_true(log) - opening - paid)[accounts],
        gain_at_mark=(run.closing_equity - run.opening_equity - paid)[accounts],
        opening=opening[accounts],
        notional=notional,
        side=np.sign(size),
        breached=np.isin(accounts, log[LiquidationStarted]["account"]),
        deleveraged=np.isin(accounts, log[Deleveraged]["winner"]),
    )


def common_set(runs: Sequence[Wealth]) -> Bools:
    """Who began all runs with the same position and was breached in none of them. ValueError if the runs are not of the same people.

    A design whose margin rules are stricter lets some open less than they want: what those gained elsewhere they gained with more.
    """
    first = runs[0]
    whole: Bools = first.notional > 0
    for one in runs:
        check_same(first, one)
        same = (one.side == first.side) & (np.abs(one.notional - first.notional) <= SAME_POSITION * first.notional)
        whole = whole & same & ~one.breached
    return whole


def same_people(first: Wealth, other: Wealth) -> bool:
    """Whether two runs have the same cohorts, each with as many members."""
    return first.cohorts == other.cohorts and np.array_equal(first.cohort, other.cohort)


def check_same(first: Wealth, other: Wealth) -> None:
    """ValueError if two runs are not of the same people."""
    if not same_people(first, other):
        raise ValueError(f"runs of different people: {len(first)} accounts in {first.cohorts}, and {len(other)} in {other.cohorts}")


def cost(reference: Wealth, design: Wealth) -> Ints:
    """What a design cost each account: what it gained in the reference less what it gained in the design. [micro]"""
    check_same(reference, design)
    less: Ints = reference.gain - design.gain
    return less


def buckets(wealth: Wealth) -> Iterator[Bucket]:
    """All accounts, then the same by side, leverage, size and cohort; empty buckets are left out."""
    everyone = np.ones(len(wealth), bool)
    yield Bucket("all", "all", everyone)
    for sign, name in SIDES.items():
        yield from filled("side", name, wealth.side == sign)
    for by, value, bounds in (("leverage", wealth.leverage, LEVERAGES), ("size", wealth.notional / MICRO, SIZES_USD)):
        place = np.searchsorted(bounds, value, side="right")
        for number, name in enumerate(bucket_names(bounds)):
            yield from filled(by, name, place == number)
    for number, name in enumerate(wealth.cohorts):
        yield from filled("cohort", name, wealth.cohort == number)


def filled(by: str, name: str, members: Bools) -> Iterator[Bucket]:
    if members.any():
        yield Bucket(by, name, members)


def bucket_names(bounds: Sequence[float]) -> list[str]:
    """`below 2`, `2 to 5`, ..., `20 and more`."""
    between = [f"{low:,.0f} to {high:,.0f}" for low, high in pairwise(bounds)]
    return [f"below {bounds[0]:,.0f}", *between, f"{bounds[-1]:,.0f} and more"]


def bp_of(amount: int, notional: int) -> float | None:
    """An amount over a notional; None where there is no notional. [bp]"""
    return amount / notional * BP_PER_ONE if notional > 0 else None
