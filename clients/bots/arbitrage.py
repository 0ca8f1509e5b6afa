"""An arbitrageur: trades the venue against the outside price when they differ by more than it costs.

Rules: it is hedged outside, so only the difference matters to it; but what the hedge earns never reaches the venue within a run, so
its position there is bounded by what its venue account carries. It enters beyond `enter_bp` and leaves when the difference has
closed to `leave_bp`.
"""

from __future__ import annotations

import math

from msgspec import Struct

from perplab.exchange.messages import Place, Side, TimeInForce
from perplab.exchange.units import BP

from .base import NOTHING, Action, Bot, Rows, Seat, View, pack


class ArbitrageTerms(Struct, frozen=True):
    interval_ns: int  # between looks
    phase_ns: int  # of the first look
    enter_bp: float  # [bp] difference that pays for fees here, cost outside, and the way back
    leave_bp: float  # [bp] difference at which it gives its position up
    clip: int  # [micro] largest order
    leverage: float  # largest notional over equity


class Arbitrageur(Bot):
    """Buys below the outside price, sells above it."""

    def __init__(self, seat: Seat, terms: ArbitrageTerms) -> None:
        super().__init__(seat)
        self.terms = terms

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + self.terms.phase_ns

    def on_wake(self, ts: int, view: View) -> Action:
        return self._look(view), ts + self.terms.interval_ns

    def _look(self, view: View) -> Rows:
        """One immediate order at most: into the side of book or curve that is priced wrong. None while another waits for its turn."""
        if view.waiting:
            return NOTHING
        cheap, dear = self._limit(view, buys=True), self._limit(view, buys=False)
        if view.ask and view.ask <= cheap:
            return self._order(view, Side.BUY, cheap)
        if view.bid and view.bid >= dear:
            return self._order(view, Side.SELL, dear)
        return NOTHING

    def _limit(self, view: View, *, buys: bool) -> int:
        """The worst price that it trades at: the way in, or the way out of a position on the other side. [ticks]"""
        leaving = view.size < 0 if buys else view.size > 0
        gap = (self.terms.leave_bp if leaving else self.terms.enter_bp) * BP
        return math.floor(view.outside * (1.0 - gap)) if buys else math.ceil(view.outside * (1.0 + gap))

    def _order(self, view: View, side: Side, limit: int) -> Rows:
        held = view.size if side is Side.BUY else -view.size  # below zero: this order leaves a position
        lots = self.seat.lots(self.terms.clip, view.outside)
        if held < 0:
            lots = min(lots, -held)
        else:
            room = self.terms.leverage * max(0, view.equity) - self.seat.notional(held, view.outside)
            lots = min(lots, self.seat.lots(room, view.outside))
        if not lots:
            return NOTHING
        return pack(Place(0, self.seat.account, self.seat.market, side, limit, lots, tif=TimeInForce.IOC))
