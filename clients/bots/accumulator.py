"""A trader who builds up one large position, bit by bit, and pays for it with what it gains on paper."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from perplab.exchange.units import MICRO, SECOND_NS

from .base import NOTHING, Action, Bot, Seat, View
from .orders import at_once


class AccumulatorTerms(Struct, frozen=True):
    target_usd: Annotated[float, Meta(ge=-1e10, le=1e10)]  # of its position; below zero: short
    clip_usd: Annotated[float, Meta(gt=0, le=1e10)]  # most of one order
    leverage: Annotated[float, Meta(gt=0, le=1000)]  # most of its position over its equity
    interval_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 5.0  # between orders
    begin_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 5.0  # of the first
    end_s: Annotated[float, Meta(gt=0, le=1e9)] = 1e9  # from when on it only holds
    slippage_bp: Annotated[float, Meta(ge=0, le=5000)] = 30.0  # from the mark, at most


class Accumulator(Bot):
    """Trades one clip after another until it has what it wants, as far as its leverage goes; then it holds."""

    def __init__(self, seat: Seat, terms: AccumulatorTerms) -> None:
        super().__init__(seat)
        self.terms = terms
        self._end = 0  # [ns]

    def on_start(self, ts: int, view: View) -> Action:
        self._end = ts + round(self.terms.end_s * SECOND_NS)
        return NOTHING, ts + round(self.terms.begin_s * SECOND_NS)

    def on_wake(self, ts: int, view: View) -> Action:
        terms, later = self.terms, ts + round(self.terms.interval_s * SECOND_NS)
        if ts >= self._end:
            return NOTHING, None
        if not view.mark or view.waiting:
            return NOTHING, later
        sign = 1 if terms.target_usd > 0 else -1
        most = min(abs(terms.target_usd) * MICRO, terms.leverage * max(0, view.equity))
        left = self.seat.lots(most, view.mark) - sign * view.size
        clip = min(max(0, left), self.seat.lots(terms.clip_usd * MICRO, view.mark))
        return at_once(self.seat, sign * clip, view.mark, terms.slippage_bp), later
