"""Somebody with an opinion: one isolated position with a stop, taken anew a while after it was lost."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from msgspec import Meta, Struct

from perplab.exchange.codes import MarginMode
from perplab.exchange.messages import CancelAll, SetLeverage, SetMarginMode
from perplab.exchange.units import BP, SECOND_NS

from .base import NOTHING, Rows, View, pack
from .stop_loss import stop
from .strategy import IDLE, Desk, Orders, Strategy

ROOM: Final = 0.9  # of its cash that it takes a position on: the rest pays fees


class DirectionalTerms(Struct, frozen=True):
    position_usd: Annotated[float, Meta(ge=-1e10, le=1e10)]  # below zero: short
    leverage: Annotated[int, Meta(ge=1, le=1000)]  # of the isolated position
    stop_bp: Annotated[float, Meta(gt=0, le=9000)]  # from the mark at which it saw its position
    enter_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 5.0  # of the first entry
    again_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0  # after it was lost; 0: never
    look_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 1.0
    slippage_bp: Annotated[float, Meta(ge=0, le=5000)] = 20.0  # from the outside price, at most


class Directional(Strategy):
    """Enters at once, then leaves the rest to its stop."""

    def __init__(self, desks: tuple[Desk, ...], terms: DirectionalTerms) -> None:
        super().__init__(desks)
        self.terms = terms
        self.look = round(terms.look_s * SECOND_NS)
        self._not_before = 0  # [ns] that it enters
        self._is_in = False  # was its position seen, and its stop set?

    def on_start(self, ts: int, views: tuple[View, ...]) -> Orders:
        seat = self.desks[0].seat
        self._not_before = ts + round(self.terms.enter_s * SECOND_NS)
        isolated = SetMarginMode(0, seat.account, seat.market, int(MarginMode.ISOLATED))
        return (pack(isolated, SetLeverage(0, seat.account, seat.market, self.terms.leverage)),), ts + self.look

    def on_wake(self, ts: int, views: tuple[View, ...]) -> Orders:
        view = views[0]
        if view.waiting or ts < self._not_before or not view.mark or view.outside <= 0.0:
            return IDLE, ts + self.look
        if view.size and not self._is_in:
            self._is_in = True
            return (stop(self.desks[0].seat, view.size, view.mark, self.terms.stop_bp * BP),), ts + self.look
        if view.size:
            return IDLE, ts + self.look
        if self._is_in:
            return self._lost(ts)
        self._not_before = ts + self.answer_ns
        return (self._entry(view),), ts + self.look

    def _lost(self, ts: int) -> Orders:
        """Stopped, liquidated or deleveraged: what still rests goes."""
        self._is_in = False
        self._not_before = ts + round(self.terms.again_s * SECOND_NS)
        seat = self.desks[0].seat
        return (pack(CancelAll(0, seat.account, seat.market)),), ts + self.look if self.terms.again_s else None

    def _entry(self, view: View) -> Rows:
        desk, wanted = self.desks[0], self.terms.position_usd
        usd = min(abs(wanted), ROOM * self.terms.leverage * max(0, view.equity) / 1e6)
        return desk.buys(float(np.sign(wanted)) * usd / desk.usd(view.outside), view.outside, self.terms.slippage_bp) if usd else NOTHING
