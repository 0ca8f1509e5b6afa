"""Everything that happens, as typed events. Packed, an event is one row: [kind, seq, ts, fields in declared order, zeros].

Prices are ticks, sizes lots, money micro-units of the event's asset, or of what its market settles in. A field that holds a code
says which (`side: SideCode`, see codes.py). AUDIENCE in audience.py says who is told of an event.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import fields

from .events_accounts import *  # noqa: F403
from .events_algos import *  # noqa: F403
from .events_liquidation import *  # noqa: F403
from .events_orders import *  # noqa: F403
from .events_venue import *  # noqa: F403
from .fields import Event as Event

EVENTS: Final[tuple[type[Event], ...]] = tuple(sorted(Event.__subclasses__(), key=lambda event: event.KIND))
EVENT_OF: Final[dict[int, type[Event]]] = {e.KIND: e for e in EVENTS}
EVENT_WIDTH: Final[dict[int, int]] = {e.KIND: len(fields(e)) for e in EVENTS}


def event_of_row(row: list[int]) -> Event:
    kind = row[0]
    return EVENT_OF[kind](*row[1 : EVENT_WIDTH[kind] + 1])
