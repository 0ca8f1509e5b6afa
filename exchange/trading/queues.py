"""Where an order stands at its price: a level is a queue, in which an order may be moved to the front or to the end."""

from __future__ import annotations

from mypy_extensions import i64

from ..state.state import State
from ..state.tables import L_HEAD, L_LOTS, L_SPECIAL, L_TAIL, O_LEVEL, O_NEXT, O_PREV, O_SIZE
from ..state.types import NIL


class Queues:
    def __init__(self, state: State) -> None:
        self.state: State = state

    def to_front(self, slot: i64) -> None:
        """Let an order be the first of its level."""
        orders = self.state.orders.cells
        if orders[slot + O_PREV] == NIL:
            return
        self.unlink(slot)
        levels = self.state.levels.cells
        level = orders[slot + O_LEVEL]
        first = levels[level + L_HEAD]
        orders[first + O_PREV] = slot
        orders[slot + O_NEXT] = first
        orders[slot + O_PREV] = NIL
        levels[level + L_HEAD] = slot

    def show(self, slot: i64, lots: i64) -> None:
        """Let an order that shows nothing any more show `lots`, behind all others at its price. Only where time alone decides there."""
        orders = self.state.orders.cells
        levels = self.state.levels.cells
        level = orders[slot + O_LEVEL]
        orders[slot + O_SIZE] = lots
        levels[level + L_LOTS] += lots
        if orders[slot + O_NEXT] == NIL:
            return
        self.unlink(slot)
        last = levels[level + L_TAIL]
        orders[last + O_NEXT] = slot
        orders[slot + O_PREV] = last
        orders[slot + O_NEXT] = NIL
        levels[level + L_TAIL] = slot

    def unlink(self, slot: i64) -> None:
        """Take an order out of the queue of its level; its own links stay as they were."""
        orders = self.state.orders.cells
        levels = self.state.levels.cells
        level = orders[slot + O_LEVEL]
        before = orders[slot + O_PREV]
        after = orders[slot + O_NEXT]
        if before == NIL:
            levels[level + L_HEAD] = after
        else:
            orders[before + O_NEXT] = after
        if after == NIL:
            levels[level + L_TAIL] = before
        else:
            orders[after + O_PREV] = before

    def count_iceberg(self, slot: i64, sign: i64) -> None:
        """An order that shows a part of its size has come to its level, or is about to leave it."""
        self.state.levels.cells[self.state.orders.cells[slot + O_LEVEL] + L_SPECIAL] += sign
