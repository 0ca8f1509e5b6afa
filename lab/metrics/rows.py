"""A run's packed event rows as named columns, and the two look-ups that every metric needs.

Rules of the file: nothing here is a metric. Columns are views of `Run.events`, never copies that could be written to.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from perplab.exchange.events import Event, MarkMoved
from perplab.exchange.messages import KIND_COLUMN, columns_of
from perplab.exchange.units import MICRO

from ..runs import Floats, Ints, Run

Bools = NDArray[np.bool_]

SEQ_BITS: Final = 39  # account number (24 bits) above, event number below: one sortable int64


class MetricsError(ValueError):
    """A run contradicts itself: its ledger or its event log does not add up."""


class Rows:
    """The events of one kind in order of `seq`; `rows["price"]` is a column, int64 (n,)."""

    def __init__(self, picked: Ints, event: type[Event]) -> None:
        self._column = {name: picked[:, column] for name, column in columns_of(event).items()}

    def __len__(self) -> int:
        return len(self["seq"])

    def __getitem__(self, name: str) -> Ints:
        column: Ints = self._column[name]
        return column

    def where(self, mask: Bools) -> Rows:
        """The rows for which `mask`, bool (n,), is true."""
        some = object.__new__(Rows)
        some._column = {name: column[mask] for name, column in self._column.items()}
        return some


class Log:
    """What the metrics read of a run: its events by kind, and its prices as functions of time."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._kinds: dict[type[Event], Rows] = {}
        self._kind = np.ascontiguousarray(run.events[:, KIND_COLUMN])  # side by side: it is gone through once for each kind

    def __getitem__(self, event: type[Event]) -> Rows:
        if event not in self._kinds:
            self._kinds[event] = Rows(self.run.events[self._kind == event.KIND], event)
        return self._kinds[event]

    def true_usd(self, ts: Ints) -> Floats:
        """True price at each of `ts` [ns]: the last point of the path at or before it. [USD]"""
        return self.run.path_usd[last_at(self.run.path_ts, ts)]

    def mark_at_seq(self, seq: Ints) -> Ints:
        """Mark price in force when each event was written. [ticks]"""
        seqs, marks = self._marks
        return marks[last_at(seqs, seq)]

    @cached_property
    def opening_mark(self) -> int:
        """Mark price at the start of the run, after seeding. [ticks]"""
        moves = self[MarkMoved]
        before = moves["mark"][moves["ts"] <= self.run.start_ts]
        return int(before[-1] if len(before) else moves["previous"][0])

    @cached_property
    def closing_mark(self) -> int:
        """Mark price at the end of the run. [ticks]"""
        return int(self._marks[1][-1])

    @cached_property
    def _marks(self) -> tuple[Ints, Ints]:
        moves = self[MarkMoved]
        first = moves["previous"][:1]  # what was in force before the first move; 0 if nothing was
        return np.append(np.int64(-1), moves["seq"]), np.concatenate([first, moves["mark"]])

    def usd(self, micro: int | Ints) -> float:
        """Micro-units, or the sum of an array of them, in USD: summed as integers, divided once."""
        return (micro if isinstance(micro, int) else int(micro.sum())) / MICRO


class ByAccount:
    """Rows to be found by account and event number."""

    def __init__(self, account: Ints, seq: Ints) -> None:
        self._order: Ints = np.argsort(keyed(account, seq), kind="stable")
        self._account: Ints = account[self._order]
        self._key = keyed(account, seq)[self._order]

    def before(self, account: Ints, seq: Ints) -> Ints:
        """Row of each account's last entry at or before event `seq`, -1 where there is none."""
        return self._row(np.searchsorted(self._key, keyed(account, seq), side="right") - 1, account)

    def after(self, account: Ints, seq: Ints) -> Ints:
        """Row of each account's first entry at or after event `seq`, -1 where there is none."""
        return self._row(np.searchsorted(self._key, keyed(account, seq)), account)

    def _row(self, place: Ints, account: Ints) -> Ints:
        if not len(self._key):
            return np.full(len(account), -1, np.int64)
        inside = np.clip(place, 0, len(self._key) - 1)
        hit = (inside == place) & (self._account[inside] == account)
        return np.where(hit, self._order[inside], -1)


def last_at(times: Ints, when: Ints) -> Ints:
    """Index of the last entry of the rising `times` at or before each of `when`; the first one where none is."""
    found: Ints = np.maximum(np.searchsorted(times, when, side="right") - 1, 0)
    return found


def keyed(accounts: Ints, seq: Ints) -> Ints:
    """(account, event number) as one sortable number."""
    key: Ints = (accounts.astype(np.int64) << SEQ_BITS) | seq
    return key


def total_by(place: Ints, values: Floats | Ints, count: int) -> Floats:
    """Sum of the values by their place 0 .. count - 1, float64 (count,)."""
    total: Floats = np.bincount(place, weights=values, minlength=count).astype(np.float64)
    return total


def ratio(part: float, whole: float) -> float | None:
    """None where there is nothing to compare with."""
    return part / whole if whole > 0 else None


def gini(amounts: Floats | Ints) -> float | None:
    """0: all the same; 1 - 1/n: all on one. Of amounts x in rising order, sum_i (2 i - n - 1) x_i / (n sum x). None if there is no sum."""
    total, n = float(amounts.sum()), len(amounts)
    if total <= 0:
        return None
    rank = np.arange(1, n + 1)
    return float(((2 * rank - n - 1) * np.sort(amounts)).sum() / (n * total))
