"""A dealer with a book of positions in several markets, whose delta it keeps within a band.

Rules: in all desks but the first it takes on what clients leave with it, at random times and sides, up to a size; it pays for that as
takers do. Its delta is what it holds at all desks, each times the beta of its coin. Beyond the band, either way, one order in a perpetual
of the first desk's coin brings it back to zero: where that costs least, unless the position there would then be twice the size of a book;
else at the first desk. So a book in other coins is hedged as long as these move with the first one.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta, Struct

from perplab.exchange.units import SECOND_NS

from .base import View
from .strategy import IDLE, Desk, Orders, Places, Strategy, cheapest, notional_usd

HEDGE = 0  # the desk, where no other will do


class DeltaHedgerTerms(Struct, frozen=True):
    book_usd: Annotated[float, Meta(gt=0, le=1e10)]  # most that it holds at a desk, long or short; of spot coins long
    client_usd: Annotated[float, Meta(gt=0, le=1e10)]  # of what a client leaves with it
    client_s: Annotated[float, Meta(ge=0.01, le=1e6)]  # mean time from one to the next
    band_usd: Annotated[float, Meta(gt=0, le=1e10)]  # of the delta
    look_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 1.0
    slippage_bp: Annotated[float, Meta(ge=0, le=5000)] = 20.0  # from the outside price, at most


class DeltaHedger(Strategy):
    """Takes on clients, and hedges them together."""

    places: ClassVar[Places] = "markets"

    def __init__(self, desks: tuple[Desk, ...], terms: DeltaHedgerTerms, draws: np.random.Generator) -> None:
        super().__init__(desks)
        self.terms = terms
        self.look = max(round(terms.look_s * SECOND_NS), self.answer_ns + 1)
        self._draws = draws
        self._client = 0  # [ns] when the next one comes

    def on_start(self, ts: int, views: tuple[View, ...]) -> Orders:
        self._client = ts + self._wait()
        return IDLE, ts + self.look

    def on_wake(self, ts: int, views: tuple[View, ...]) -> Orders:
        if any(view.waiting or view.outside <= 0.0 for view in views):
            return IDLE, ts + self.look
        delta = sum(desk.beta * notional_usd(desk, view) for desk, view in zip(self.desks, views, strict=True))
        if abs(delta) > self.terms.band_usd:
            hedge = self._route(-delta, views)
            return self._trade(hedge, -delta, views[hedge]), ts + self.look
        if ts < self._client:
            return IDLE, ts + self.look
        self._client = ts + self._wait()
        desk = int(self._draws.integers(1, len(self.desks)))
        return self._trade(desk, self._taken_on(desk, views[desk]), views[desk]), ts + self.look

    def _route(self, usd: float, views: tuple[View, ...]) -> int:
        """The desk that hedges so many USD."""
        most, coin = 2.0 * self.terms.book_usd, self.desks[HEDGE].coin
        pairs = [(n, desk, view) for n, (desk, view) in enumerate(zip(self.desks, views, strict=True)) if desk.coin == coin]
        fit = [n for n, desk, view in pairs if not desk.is_spot and abs(notional_usd(desk, view) + usd) <= most] or [HEDGE]
        return fit[cheapest([self.desks[n] for n in fit], [views[n] for n in fit], usd)]

    def _taken_on(self, number: int, view: View) -> float:
        """What a client leaves with it, signed; the book stays within its size. [USD]"""
        held, most = notional_usd(self.desks[number], view), self.terms.book_usd
        least = 0.0 if self.desks[number].is_spot else -most
        usd = self.terms.client_usd * (1.0 if self._draws.random() < 0.5 else -1.0)
        return min(most, max(least, held + usd)) - held

    def _trade(self, number: int, usd: float, view: View) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], ...]:
        desk = self.desks[number]
        return self.at_desk(number, desk.buys(usd / desk.usd(view.outside), view.outside, self.terms.slippage_bp))

    def _wait(self) -> int:
        return 1 + round(float(self._draws.exponential(self.terms.client_s)) * SECOND_NS)
