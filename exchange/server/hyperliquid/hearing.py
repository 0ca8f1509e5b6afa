"""What became of commands that waited, as the events of their turns tell: which events those are is known by their tickets, and what an
order does later by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final

from msgspec import Struct

from ...schema.codes import OrderState
from ...schema.events import CurveTraded, Event, OrderCancelled, OrderPlaced, OrderReduced, OrderRepeated, Rejected, Traded
from ...schema.messages import ROW, Command, Place, PlaceBracket, column_of
from ..routing import CAME_IN, FILLED, LEFT, MARKET, ORDER_ID, PAID, REASON, REPEATED, STATE, TICKET, VALUE, WIDTH

W: Final = int(WIDTH)
Key = tuple[int, ...]


def _getter(message: type[Command] | type[Event], *names: str) -> Callable[[list[int]], Key]:
    return itemgetter(*(column_of(message, name) for name in names))


OF_BRACKET: Final = "account", "market", "client_hi", "client_lo"
BRACKET: Final = _getter(PlaceBracket, *OF_BRACKET)
LOST: Final = _getter(Rejected, *OF_BRACKET)
REFUSED, WHY = column_of(Rejected, "command"), column_of(Rejected, "reason")
SEQ: Final = column_of(Rejected, "seq")
ID, SIZE = column_of(OrderPlaced, "order_id"), column_of(OrderPlaced, "size")
REDUCED: Final = _getter(OrderReduced, "order_id", "size")
GONE: Final = column_of(OrderCancelled, "order_id")
TRADE: Final = _getter(Traded, "taker_order_id", "maker_order_id", "size", "price")
CURVE: Final = _getter(CurveTraded, "order_id", "size", "value")


class Slot(Struct, eq=False):
    """A command that has had its turn."""

    ticket: int
    row: list[int]
    told: list[int]  # of its block, and where its own begins
    at: int
    found: list[list[int]]  # its events

    @property
    def is_bracket(self) -> bool:
        return self.row[0] == PlaceBracket.KIND

    @property
    def places(self) -> bool:
        """Does it place an order, which has not come in yet?"""
        return (self.is_bracket or self.row[0] == Place.KIND) and not self.told[self.at + CAME_IN]

    def come_in(self, event: list[int]) -> None:
        told, at = self.told, self.at
        told[at + ORDER_ID], told[at + LEFT] = event[ID], event[SIZE]
        told[at + MARKET] = self.row[3]
        told[at + STATE], told[at + CAME_IN] = int(OrderState.OPEN), 1
        self.found.append(event)

    def fill(self, event: list[int], lots: int, paid: int, value: int) -> None:
        told, at = self.told, self.at
        told[at + FILLED] += lots
        told[at + LEFT] -= lots
        told[at + PAID] += paid
        told[at + VALUE] += value
        if told[at + LEFT] == 0:
            told[at + STATE] = int(OrderState.FILLED)
        self.found.append(event)

    def go(self, event: list[int]) -> None:
        self.told[self.at + STATE], self.told[self.at + LEFT] = int(OrderState.CANCELLED), 0
        self.found.append(event)

    def refuse(self, event: list[int]) -> None:
        self.told[self.at + REASON] = event[WHY]
        self.found.append(event)


def hear(slots: Iterable[Slot], turns: list[int], events: Iterable[list[int]], in_batches: bool = False) -> None:
    """Tell each slot what became of it. `turns`, as Applied has them, and `events`: those of all accounts since the commands were sent.
    `in_batches`: do orders trade at the end of their block, where half of those that do are the makers?"""
    by_ticket = {slot.ticket: slot for slot in slots}
    whose: dict[int, Slot | None] = {}  # by number of the event; None: another command's
    for at in range(0, len(turns), 3):
        slot = by_ticket.get(turns[at])
        for seq in range(turns[at + 1] + 1, turns[at + 2] + 1):
            whose.setdefault(seq, slot)  # what was taken back within a turn has been told of before
    own, lost = dict[int, Slot](), list[list[int]]()
    for event in events:
        kind = event[0]
        if kind == Traded.KIND:
            taker, maker, lots, price = TRADE(event)
            if taker in own:
                own[taker].fill(event, lots, price * lots, 0)
            if in_batches and maker in own:
                own[maker].fill(event, lots, price * lots, 0)
        elif kind == OrderPlaced.KIND:
            if (slot := whose.get(event[SEQ])) is not None and slot.places:
                own[event[ID]] = slot
                slot.come_in(event)
        elif kind == OrderCancelled.KIND:
            if (slot := own.get(event[GONE])) is not None:
                slot.go(event)
        elif kind == Rejected.KIND:
            slot = whose.get(event[SEQ])
            if slot is not None and (event[REFUSED] == slot.row[0] or (slot.is_bracket and event[REFUSED] == Place.KIND)):
                slot.refuse(event)
            elif event[REFUSED] == PlaceBracket.KIND:
                lost.append(event)
        elif kind == OrderReduced.KIND:
            number, lots = REDUCED(event)
            if number in own:
                own[number].told[own[number].at + LEFT] = lots
        elif kind == CurveTraded.KIND:
            number, lots, value = CURVE(event)
            if number in own:
                own[number].fill(event, lots, 0, value)
        elif kind == OrderRepeated.KIND and (slot := whose.get(event[SEQ])) is not None and slot.places:
            slot.told[slot.at + REPEATED] = 1
    _lose([slot for slot in by_ticket.values() if slot.is_bracket and slot.places], lost)


def _lose(slots: list[Slot], lost: list[list[int]]) -> None:
    """An entry of a bracket that was taken back by something else is told of after the turn of that."""
    for event in lost:
        slot = next((one for one in slots if not one.told[one.at + REASON] and BRACKET(one.row) == LOST(event)), None)
        if slot is not None:
            slot.refuse(event)


def slot_of(rows: list[int], told: list[int], number: int, found: list[list[int]]) -> Slot:
    at = number * W
    slot = Slot(told[at + TICKET], rows[number * ROW : (number + 1) * ROW], told, at, found)
    told[at + TICKET] = 0
    return slot
