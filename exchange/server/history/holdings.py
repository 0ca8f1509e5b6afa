"""What an account's positions were before and after each of its fills, and what these earned.

The venue says what positions are now, its events how they came to be: so the size of each is known at any time, by going back from now.
What it had cost is known from where it was last opened, and, of a position that is older than what is kept and was not closed since, to
the rounding of its part that is left.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ...money.ledger import realised


class Change(Struct, frozen=True, gc=False):
    """Lots that came to a position (below zero: left it), and what they cost, signed alike [micro]."""

    lots: int
    value: int


class Holding(Struct, frozen=True, gc=False):
    """A position. `entry`: what it has cost [micro], signed like its size; None: that is not known any more."""

    size: int  # [lots] signed
    entry: int | None


FLAT = Holding(0, 0)


def after(held: Holding, change: Change) -> tuple[Holding, int | None]:
    """The position after a change, and what it has earned by that [micro]; None: not known."""
    size = held.size + change.lots
    if held.size == 0 or (held.size > 0) == (change.lots > 0):
        return Holding(size, None if held.entry is None else held.entry + change.value), 0
    if held.entry is not None:
        earned, entry = realised(held.entry, held.size, change.lots, change.value)
        return Holding(size, int(entry)), int(earned)
    if abs(change.lots) < abs(held.size):
        return Holding(size, None), None
    closing = change.value if size == 0 else change.value * abs(held.size) // abs(change.lots)
    return Holding(size, change.value - closing), None


def before(held: Holding, change: Change) -> Holding:
    """The position that a change has made what it is."""
    size = held.size - change.lots
    if size == 0:
        return FLAT
    if held.entry is None or held.size == 0 or (held.size > 0) != (size > 0):
        return Holding(size, None)
    if abs(size) < abs(held.size):
        return Holding(size, held.entry - change.value)
    return Holding(size, held.entry * abs(size) // abs(held.size))


def at_first(now: Holding, changes: Iterable[Change]) -> Holding:
    """The position before all these changes, which are given from the last one to the first."""
    for change in changes:
        now = before(now, change)
    return now
