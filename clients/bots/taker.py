"""Noise taker flow: immediate orders at given times, of given sides, sizes and limits, whatever the venue does.

Rules: the whole flow is drawn before it is traded, so nothing that happens on the venue changes it. A carrier may let the bot send
it order by order, or take `rows` and `ts` and deliver them in bulk: the orders are the same.
"""

from __future__ import annotations

from msgspec import Struct

from perplab.exchange.messages import Place, TimeInForce

from .base import NOTHING, Action, Bot, Ints, Rows, Seat, View, pack_many


class Flow(Struct, frozen=True):
    """Orders in order of time; arrays of shape (n,)."""

    ts: Ints  # [ns] when each is sent
    sides: Ints  # a Side
    lots: Ints  # [lots] at least 1
    limits: Ints  # [ticks] the worst price that it trades at


class NoiseTaker(Bot):
    """Sends its flow as immediate limit orders: takers who would lose more than that on this venue trade elsewhere."""

    def __init__(self, seat: Seat, flow: Flow) -> None:
        super().__init__(seat)
        self.flow = flow
        self._next = 0

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, self._next_ts()

    def on_wake(self, ts: int, view: View) -> Action:
        first = self._next
        while self._next < self.flow.ts.size and self.flow.ts[self._next] <= ts:
            self._next += 1
        return self.rows(first, self._next), self._next_ts()

    def rows(self, first: int = 0, last: int | None = None) -> Rows:
        """Its orders as packed commands, all or those of [first, last), shape (n, 16)."""
        part, seat, flow = slice(first, last), self.seat, self.flow
        return pack_many(
            Place, flow.ts[part].size, account=seat.account, market=seat.market, side=flow.sides[part], price=flow.limits[part],
            size=flow.lots[part], tif=int(TimeInForce.IOC),
        )  # fmt: skip

    def _next_ts(self) -> int | None:
        return int(self.flow.ts[self._next]) if self._next < self.flow.ts.size else None
