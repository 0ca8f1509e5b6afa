"""A leveraged trader: holds the position it came with; some put more margin in when they are close to being liquidated.

Rules: it looks at its account at a person's pace, pays in at most a stated number of times, and never after a liquidation began.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from perplab.exchange.messages import Deposit, Event, LiquidationStarted

from .base import NOTHING, Action, Bot, Seat, View, pack


class TraderTerms(Struct, frozen=True):
    interval_ns: int  # between looks
    phase_ns: int  # of the first look
    asset: int  # in which it pays in
    alarm: float  # equity below this many times maintenance margin: pay in
    amount: int  # [micro] paid in each time
    times: int  # at most


class Trader(Bot):
    """Watches its margin and adds to it."""

    hears: ClassVar[frozenset[int]] = frozenset({LiquidationStarted.KIND})

    def __init__(self, seat: Seat, terms: TraderTerms) -> None:
        super().__init__(seat)
        self.terms = terms
        self._paid = 0
        self._over = False

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + self.terms.phase_ns

    def on_event(self, ts: int, event: Event) -> Action:
        self._over = True
        return NOTHING, None

    def on_wake(self, ts: int, view: View) -> Action:
        if self._over or view.size == 0 or self._paid >= self.terms.times:
            return NOTHING, None
        if view.equity >= self.terms.alarm * view.maintenance:
            return NOTHING, ts + self.terms.interval_ns
        self._paid += 1
        return pack(Deposit(0, self.seat.account, self.terms.asset, self.terms.amount)), ts + self.terms.interval_ns
