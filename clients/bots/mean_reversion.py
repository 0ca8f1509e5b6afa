"""A trader who goes against a move of the mark price that is large enough, and leaves when most of it has come back."""

from __future__ import annotations

from collections import deque
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct

from perplab.exchange.units import BP, MICRO, SECOND_NS

from .base import NOTHING, Action, Bot, Seat, View
from .orders import at_once


class ReversionTerms(Struct, frozen=True):
    position_usd: Annotated[float, Meta(gt=0, le=1e10)]
    leverage: Annotated[float, Meta(gt=0, le=1000)] = 2.0  # most of its position over its equity
    interval_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 5.0  # between looks
    look_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 120.0  # length of the mean
    enter_bp: Annotated[float, Meta(ge=0, le=5000)] = 100.0  # from the mean, of the mark
    leave_bp: Annotated[float, Meta(ge=0, le=5000)] = 20.0
    slippage_bp: Annotated[float, Meta(ge=0, le=5000)] = 30.0  # from the mark, at most


class MeanReversion(Bot):
    """Short above the mean of the last looks, long below it, else flat. It first looks at a moment of its own within its interval."""

    def __init__(self, seat: Seat, terms: ReversionTerms, draws: np.random.Generator) -> None:
        super().__init__(seat)
        self.terms = terms
        self.interval = round(terms.interval_s * SECOND_NS)
        self.phase = int(draws.integers(1, self.interval + 1))
        self._marks: deque[int] = deque(maxlen=max(1, round(terms.look_s / terms.interval_s)))

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + self.phase

    def on_wake(self, ts: int, view: View) -> Action:
        if not view.mark or view.waiting:
            return NOTHING, ts + self.interval
        is_full = len(self._marks) == self._marks.maxlen
        mean = sum(self._marks) / max(1, len(self._marks))
        self._marks.append(view.mark)
        target = self._target(view, (view.mark / mean - 1.0) / BP) if is_full else view.size
        return at_once(self.seat, target - view.size, view.mark, self.terms.slippage_bp), ts + self.interval

    def _target(self, view: View, above_bp: float) -> int:
        """The position it wants [lots]."""
        terms = self.terms
        if view.size:
            return 0 if abs(above_bp) < terms.leave_bp or above_bp * view.size > 0.0 else view.size
        if abs(above_bp) < terms.enter_bp:
            return 0
        lots = self.seat.lots(min(terms.position_usd * MICRO, terms.leverage * max(0, view.equity)), view.mark)
        return -lots if above_bp > 0.0 else lots
