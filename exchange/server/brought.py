"""What the commands of a block have brought in, as their events tell: orders, triggers and TWAPs by their ids, and what still waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from ..blocks import Applied
from ..schema.codes import OrderState
from ..schema.events import (
    BracketPlaced,
    CommandQueued,
    OrderAmended,
    OrderPlaced,
    OrderRepeated,
    TriggerFired,
    TriggerPlaced,
    TwapPlaced,
)
from ..schema.messages import ROW, MassQuote, Place, PlaceBracket, PlaceLadder, PlaceTrigger, PlaceTwap, column_of
from .routing import ACCOUNT

ClientKey = tuple[int, int, int]  # account and halves of a client id
Side = tuple[int, int, int]  # account, market and side

TELLING = OrderPlaced, OrderAmended, OrderRepeated, TriggerPlaced, TwapPlaced, BracketPlaced
IDS = {one.KIND: column_of(one, "order_id") for one in TELLING}
OWNERS = {one.KIND: column_of(one, "account") for one in TELLING}
ONLY_BY = {TriggerPlaced.KIND: PlaceTrigger.KIND, BracketPlaced.KIND: PlaceBracket.KIND}  # else they are those of another order
FIRED = column_of(TriggerFired, "order_id")
REPEATED_STATE = column_of(OrderRepeated, "state")
QUEUED = tuple(column_of(CommandQueued, name) for name in ("account", "command", "client_hi", "client_lo"))
QUOTED = column_of(MassQuote, "market"), column_of(MassQuote, "side")
CLIENT = column_of(Place, "client_hi"), column_of(Place, "client_lo")


class Brought(Struct):
    orders: set[int] = field(default_factory=set)  # ids of orders, triggers, TWAPs and of the entries of brackets
    waiting: dict[ClientKey, None] = field(default_factory=dict)  # orders that wait, and have no number yet
    quotes: dict[Side, None] = field(default_factory=dict)  # sides whose new quotes wait


def brought(rows: Sequence[int], applied: Applied, accounts: Iterable[int]) -> Brought:
    """`rows`: the commands, packed. Looks at those of some accounts only. What others' orders set off meanwhile is not among it."""
    found, events, begin = Brought(), memoryview(applied.events).tolist(), 0
    for number, end in enumerate(applied.ends):
        row = rows[number * ROW : (number + 1) * ROW]
        if row[ACCOUNT] in accounts:
            _look(found, row, [events[at : at + ROW] for at in range(begin * ROW, end * ROW, ROW)])
        begin = end
    return found


def _look(found: Brought, row: Sequence[int], events: Iterable[list[int]]) -> None:
    """At the events of one command."""
    fired: set[int] = set()  # their orders are those of triggers that were there before
    for event in events:
        kind = event[0]
        if kind == TriggerFired.KIND:
            fired.add(event[FIRED])
        elif kind == CommandQueued.KIND:
            _wait(found, row, event)
        elif kind in IDS and event[OWNERS[kind]] == row[ACCOUNT] and ONLY_BY.get(kind, row[0]) == row[0]:
            is_slice = kind == OrderPlaced.KIND and row[0] == PlaceTwap.KIND
            is_over = kind == OrderRepeated.KIND and event[REPEATED_STATE] != OrderState.OPEN
            if not is_slice and not is_over and event[IDS[kind]] not in fired:
                found.orders.add(event[IDS[kind]])


def _wait(found: Brought, row: Sequence[int], event: Sequence[int]) -> None:
    """A command waits: an order is known by its client id until it is placed, quotes by their side. The entry of a bracket has its id."""
    account, command, hi, lo = (event[column] for column in QUEUED)
    if account != row[ACCOUNT]:
        return
    if command == MassQuote.KIND:
        found.quotes[account, row[QUOTED[0]], row[QUOTED[1]]] = None
    elif (hi or lo) and (row[0] == PlaceLadder.KIND or (row[0] == Place.KIND and [row[at] for at in CLIENT] == [hi, lo])):
        found.waiting[account, hi, lo] = None
