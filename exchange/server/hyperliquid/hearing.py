"""What became of commands that waited, as the events of their block tell. No event names the ticket that it is of, so orders are found by
their terms: the first of those that asked for the same. What nothing else is known of and may have been refused, was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Final

from msgspec import Struct

from ...schema.codes import CommandKind, OrderState
from ...schema.events import (
    CurveTraded,
    Event,
    OrderCancelled,
    OrderPlaced,
    OrderRepeated,
    Rejected,
    Traded,
    TriggerCancelled,
    TriggerFired,
    TwapEnded,
)
from ...schema.messages import ROW, Cancel, CancelClient, Command, Place, PlaceBracket, column_of
from ..routing import CAME_IN, FILLED, LEFT, MARKET, ORDER_ID, PAID, REASON, REPEATED, STATE, TICKET, VALUE, WIDTH

W: Final = int(WIDTH)
Key = tuple[int, ...]


def _getter(message: type[Command] | type[Event], *names: str) -> Callable[[list[int]], Key]:
    return itemgetter(*(column_of(message, name) for name in names))


TERMS = "account", "market", "side", "price", "tif", "client_hi", "client_lo"
OWNER = "account", "client_hi", "client_lo"
ASKED: Final = {one.KIND: _getter(one, *TERMS) for one in (Place, PlaceBracket)}  # of a command
ASKED_BY: Final = {one.KIND: _getter(one, *OWNER) for one in (Place, PlaceBracket)}
PLACED: Final = _getter(OrderPlaced, *TERMS)  # of its event
REPEATED_OF: Final = _getter(OrderRepeated, *OWNER)
REFUSED: Final = _getter(Rejected, "command", "account", "market", "client_hi", "client_lo")
WHY: Final = column_of(Rejected, "reason")
CANCELLED: Final = _getter(Cancel, "account", "order_id")
BY_CLIENT: Final = _getter(CancelClient, "account", "client_hi", "client_lo")
ENDS: Final = {one.KIND: _getter(one, "account", "order_id") for one in (OrderCancelled, TriggerCancelled, TwapEnded)}
ID, SIZE = column_of(OrderPlaced, "order_id"), column_of(OrderPlaced, "size")
FIRED_ID: Final = column_of(TriggerFired, "order_id")
TRADE: Final = _getter(Traded, "taker_order_id", "size", "price")
CURVE: Final = _getter(CurveTraded, "order_id", "size", "value")
CANCEL_CLIENT: Final = int(CommandKind.CancelClient)


class Slot(Struct, eq=False):
    """A command that has had its turn."""

    ticket: int
    row: list[int]
    told: list[int]  # of its block, and where its own begins
    at: int
    found: list[list[int]]  # its events
    is_known: bool = False

    def come_in(self, event: list[int]) -> None:
        self.is_known = True
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


Queues = dict[Key, deque[Slot]]


def _taken(queues: Queues, key: Key) -> Slot | None:
    """The first slot under a key of which nothing is known."""
    queue = queues.get(key)
    while queue:
        slot = queue.popleft()
        if not slot.is_known:
            return slot
    return None


def _queued(slots: Iterable[Slot], key: Callable[[Slot], Key]) -> Queues:
    queues: Queues = {}
    for slot in slots:
        queues.setdefault(key(slot), deque()).append(slot)
    return queues


def hear(slots: list[Slot], events: Iterable[list[int]]) -> None:
    """Tell each slot what became of it. `events`: those of all accounts since the commands were sent."""
    slots.sort(key=lambda slot: slot.ticket)
    places = [slot for slot in slots if slot.row[0] in ASKED]
    by_terms = _queued(places, lambda slot: ASKED[slot.row[0]](slot.row))
    by_client = _queued(places, lambda slot: ASKED_BY[slot.row[0]](slot.row))
    cancels = _queued((slot for slot in slots if slot.row[0] == Cancel.KIND), lambda slot: CANCELLED(slot.row))
    own, fired, refusals = dict[int, Slot](), set[int](), list[list[int]]()
    for event in events:
        kind = event[0]
        if kind == Traded.KIND:
            number, lots, price = TRADE(event)
            if number in own:
                own[number].fill(event, lots, price * lots, 0)
        elif kind == OrderPlaced.KIND:
            slot = _taken(by_terms, PLACED(event)) if event[ID] not in fired else None
            if slot is not None:
                own[event[ID]] = slot
                slot.come_in(event)
        elif kind == Rejected.KIND:
            refusals.append(event)
        elif kind in ENDS:
            key = ENDS[kind](event)
            slot = own.get(key[1])
            if slot is not None:
                slot.go(event)
            elif (canceller := _taken(cancels, key)) is not None:
                canceller.is_known = True
        elif kind == TriggerFired.KIND:
            fired.add(event[FIRED_ID])
        elif kind == CurveTraded.KIND:
            number, lots, value = CURVE(event)
            if number in own:
                own[number].fill(event, lots, 0, value)
        elif kind == OrderRepeated.KIND and (slot := _taken(by_client, REPEATED_OF(event))) is not None:
            slot.is_known = True
            slot.told[slot.at + REPEATED] = 1
    _refuse([slot for slot in slots if not slot.is_known], refusals)


def _refuse(slots: list[Slot], refusals: list[list[int]]) -> None:
    left = _queued(slots, _refused_as)
    for event in refusals:
        kind, account, market, hi, lo = REFUSED(event)
        # The entry of a bracket is told of as an order or as a bracket
        slot = _taken(left, (Place.KIND, account, market, hi, lo) if kind in ASKED else (kind, account, hi, lo))
        if slot is not None:
            slot.is_known = True
            slot.told[slot.at + REASON] = event[WHY]


def _refused_as(slot: Slot) -> Key:
    """What a refusal of this command would name."""
    row = slot.row
    if row[0] in ASKED:
        account, market, _, _, _, hi, lo = ASKED[row[0]](row)
        return Place.KIND, account, market, hi, lo
    if row[0] == CANCEL_CLIENT:
        return CANCEL_CLIENT, *BY_CLIENT(row)
    return row[0], row[2], 0, 0


def slot_of(rows: list[int], told: list[int], number: int, found: list[list[int]]) -> Slot:
    at = number * W
    slot = Slot(told[at + TICKET], rows[number * ROW : (number + 1) * ROW], told, at, found)
    told[at + TICKET] = 0
    return slot
