"""Bars: open, high, low and close of equal spans of time that follow one another without a gap.

Rule of the file: a `Bars` that exists is sound. Its spacing is even, all its prices are positive, and each bar's high
and low enclose its open and close.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from perplab.oracle.values import (
    MAX_NS,
    MAX_PRICE,
    MIN_PRICE,
    Floats,
    Ints,
    PathError,
    price_array,
    real,
    text,
    time_array,
    whole,
)

PRICE_NAMES: Final = ("open", "high", "low", "close")


class Bar(NamedTuple):
    """One bar's four prices [USD]."""

    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, eq=False)
class Bars:
    """n >= 1 bars of `bar_ns` each, without gaps; PathError if the arrays do not describe that.

    `open_ns`: int64 (n,), when each bar opens [ns]. `open`, `high`, `low`, `close`: float64 (n,) [USD].
    `source` says where they come from. The arrays are copied and read-only.
    """

    open_ns: Ints
    bar_ns: int  # [ns]
    open: Floats  # [USD]
    high: Floats  # [USD]
    low: Floats  # [USD]
    close: Floats  # [USD]
    source: str

    def __post_init__(self) -> None:
        put = object.__setattr__  # the dataclass is frozen: this is the one place that fills it
        put(self, "source", text(PathError, "source", self.source))
        put(self, "bar_ns", whole(PathError, "bar_ns", self.bar_ns, 1, MAX_NS))
        put(self, "open_ns", time_array(PathError, "open_ns", self.open_ns))
        for name in PRICE_NAMES:
            put(self, name, price_array(PathError, name, getattr(self, name)))
            if getattr(self, name).shape != self.open_ns.shape:
                raise PathError(f"{name}: {getattr(self, name).size} given, expected one per bar, {self.open_ns.size}")
        self._check_bars()

    def _check_bars(self) -> None:
        """Every bar opens as the last one ends, and encloses its own open and close."""
        uneven = np.flatnonzero(np.diff(self.open_ns) != self.bar_ns)
        if uneven.size:
            bar = int(uneven[0]) + 1
            expected = self.open_ns[bar - 1] + self.bar_ns
            raise PathError(f"open_ns[{bar}]: {self.open_ns[bar]} given, expected {expected}, as bar {bar - 1} ends")
        low, high = np.minimum(self.open, self.close), np.maximum(self.open, self.close)
        wrong = np.flatnonzero((self.high < high) | (self.low > low))
        if wrong.size:
            raise PathError(f"bar {wrong[0]}: {wrong_range(self[int(wrong[0])])}")

    @classmethod
    def of(cls, rows: Iterable[Sequence[float]], start_ns: int, bar_ns: int, source: str) -> Bars:
        """Bars typed as a table: one (open, high, low, close) per row [USD], the first bar opening at `start_ns`."""
        table = [_typed_bar(number, row) for number, row in enumerate(rows)]
        columns = np.array(table, dtype=np.float64).reshape(-1, len(PRICE_NAMES)).T
        start_ns = whole(PathError, "start_ns", start_ns, 0, MAX_NS)
        bar_ns = whole(PathError, "bar_ns", bar_ns, 1, (MAX_NS - start_ns) // max(1, len(table)))
        open_ns = start_ns + bar_ns * np.arange(len(table), dtype=np.int64)
        return cls(open_ns, bar_ns, columns[0], columns[1], columns[2], columns[3], source)

    def __len__(self) -> int:
        return self.open_ns.size

    def __getitem__(self, index: int) -> Bar:
        return Bar(*(float(getattr(self, name)[index]) for name in PRICE_NAMES))

    @property
    def start_ns(self) -> int:
        """When the first bar opens [ns]."""
        return int(self.open_ns[0])

    @property
    def end_ns(self) -> int:
        """When the last bar ends [ns]: the first moment that no bar covers."""
        return int(self.open_ns[-1]) + self.bar_ns

    def window(self, from_ns: int, to_ns: int) -> Bars:
        """The bars that open in [from_ns, to_ns); what lies outside the data is left out, PathError if all does."""
        first, last = np.searchsorted(self.open_ns, (from_ns, to_ns))
        if first >= last:
            raise PathError(
                f"{self.source}: no bar opens in [{from_ns}, {to_ns}) ns, expected a part of "
                f"[{self.start_ns}, {self.end_ns})"
            )
        prices = [getattr(self, name)[first:last] for name in PRICE_NAMES]
        return Bars(self.open_ns[first:last], self.bar_ns, prices[0], prices[1], prices[2], prices[3], self.source)

    def worst_minute(self) -> int:
        """Index of the bar with the largest (high - low) / high; the first of equals."""
        return int(np.argmax((self.high - self.low) / self.high))

    def rescaled(self, first_open: float) -> Bars:
        """The same bars with all prices multiplied so that the first open is exactly `first_open` [USD]."""
        first_open = real(PathError, "first_open", first_open, MIN_PRICE, MAX_PRICE)
        # Quotient first: x / x is exactly 1. Rounding is monotone in both steps, so high stays >= open and close.
        prices = [getattr(self, name) / self.open[0] * first_open for name in PRICE_NAMES]
        return Bars(self.open_ns, self.bar_ns, prices[0], prices[1], prices[2], prices[3], self.source)


def _typed_bar(number: int, row: Sequence[float]) -> Bar:
    if len(row) != len(PRICE_NAMES):
        raise PathError(f"bar {number}: {row!r} given, expected open, high, low, close")
    pairs = zip(PRICE_NAMES, row, strict=True)
    return Bar(*(real(PathError, f"bar {number} {name}", price, MIN_PRICE, MAX_PRICE) for name, price in pairs))


def wrong_range(bar: Bar) -> str:
    """What is wrong with a bar whose high and low do not enclose its open and close; "" if nothing is."""
    if bar.high < max(bar.open, bar.close):
        return f"high {bar.high} is below {max(bar.open, bar.close)}, expected high >= open and close"
    if bar.low > min(bar.open, bar.close):
        return f"low {bar.low} is above {min(bar.open, bar.close)}, expected low <= open and close"
    return ""
