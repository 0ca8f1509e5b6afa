"""A trader who takes the side that funding pays.

Rules: what it goes by is the mean of the latest funding samples of its market, or the rate that the operator has set. It trades near the
outside price, at which it could hold the other side elsewhere; what it would hold there is no part of its account.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
from msgspec import Meta, Struct

from perplab.exchange.codes import FundingMode
from perplab.exchange.events import Event, FundingSampled, FundingSet
from perplab.exchange.units import BP, MICRO, PPT, SECOND_NS

from .base import NOTHING, Action, Bot, Seat, View
from .orders import at_once

CLOSE: Final = 0.05  # of a position: what prices change its size by is not traded


class CarryTerms(Struct, frozen=True):
    position_usd: Annotated[float, Meta(gt=0, le=1e10)]
    clip_usd: Annotated[float, Meta(gt=0, le=1e10)]  # most of one order
    enter_bp: Annotated[float, Meta(ge=0, le=10_000)] = 2.0  # of funding per interval, from which on it is worth the fees
    leave_bp: Annotated[float, Meta(ge=0, le=10_000)] = 0.5
    leverage: Annotated[float, Meta(gt=0, le=1000)] = 2.0  # most of its position over its equity
    interval_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 10.0  # between looks
    samples: Annotated[int, Meta(ge=1, le=100_000)] = 60  # over how many of them funding is averaged, the newest weighing most
    slippage_bp: Annotated[float, Meta(ge=0, le=5000)] = 10.0  # from the outside price, at most


class Carry(Bot):
    """Short where longs pay enough, long where shorts do, else flat."""

    hears: ClassVar[frozenset[int]] = frozenset({FundingSampled.KIND, FundingSet.KIND})

    def __init__(self, seat: Seat, terms: CarryTerms, draws: np.random.Generator) -> None:
        super().__init__(seat)
        self.terms = terms
        self.interval = round(terms.interval_s * SECOND_NS)
        self.phase = int(draws.integers(1, self.interval + 1))
        self._mean = 0.0  # [bp] of the samples
        self._set = 0.0  # [bp] by the operator
        self._mode = int(FundingMode.RULE)

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + self.phase

    def on_event(self, ts: int, event: Event) -> Action:
        if isinstance(event, FundingSampled) and event.market == self.seat.market:
            self._mean += (event.premium_ppt / (BP * PPT) - self._mean) / self.terms.samples
        if isinstance(event, FundingSet) and event.market == self.seat.market:
            self._set, self._mode = event.rate_ppt / (BP * PPT), event.mode
        return NOTHING, None

    def on_wake(self, ts: int, view: View) -> Action:
        if view.waiting or view.outside <= 0.0:
            return NOTHING, ts + self.interval
        most = self.seat.lots(self.terms.clip_usd * MICRO, view.outside)
        change = max(-most, min(most, self._target(view) - view.size))
        return at_once(self.seat, change, view.outside, self.terms.slippage_bp), ts + self.interval

    def rate_bp(self) -> float:
        """What it expects longs to pay per interval."""
        rule = 0.0 if self._mode == FundingMode.SET else self._mean
        return rule + (0.0 if self._mode == FundingMode.RULE else self._set)

    def _target(self, view: View) -> int:
        """The position it wants [lots]."""
        rate, terms = self.rate_bp(), self.terms
        if abs(rate) < terms.leave_bp or rate * view.size > 0.0:
            return 0
        if abs(rate) < terms.enter_bp:
            return view.size
        lots = self.seat.lots(min(terms.position_usd * MICRO, terms.leverage * max(0, view.equity)), view.outside)
        is_there = abs(lots - abs(view.size)) <= CLOSE * lots
        return view.size if is_there else -lots if rate > 0.0 else lots
