"""Requests about maintenance windows: everybody may ask which there are, the operator makes them and takes them back."""

from __future__ import annotations

from perplab.exchange.codes import MarketStatus
from perplab.exchange.messages import MAX_TS

from . import types as t
from .calls_base import Call, Known, more_of, nothing
from .paging import Part
from .reading import Wire, whole
from .units import code_of, some_id, within

ALL_MARKETS = -1


class OperatorCalls(Known):
    def maintenance(self, skip: int = 0) -> Call[Part[t.Maintenance]]:
        def read(reply: Wire) -> Part[t.Maintenance]:
            return Part({one.number: one for one in map(self.reading.window, reply["windows"])}, more_of(reply))

        return Call("maintenance", {"skip": skip or None}, read)

    def schedule_maintenance(
        self, start: int, end: int, during: MarketStatus, afterwards: MarketStatus, market: str | None
    ) -> Call[int]:  # fmt: skip
        fields: dict[str, object] = {
            "market": ALL_MARKETS if market is None else self.market(market).number,
            "start": within(start, "the start [ns]", 0, MAX_TS), "end": within(end, "the end [ns]", 0, MAX_TS),
            "during": code_of(MarketStatus, during).name, "afterwards": code_of(MarketStatus, afterwards).name,
        }  # fmt: skip
        return Call("schedule_maintenance", fields, lambda reply: whole(reply.get("number", 0)))

    def cancel_maintenance(self, number: int) -> Call[None]:
        return Call("cancel_maintenance", {"number": some_id(number, "the number of the window")}, nothing)
