"""A trader who knows when the outside price will be pushed: it buys before each push and turns short at its top, and so on."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from perplab.exchange.units import MICRO, SECOND_NS

from .base import NOTHING, Action, Bot, Seat, View
from .orders import at_once


class RoundTripTerms(Struct, frozen=True):
    at_s: Annotated[float, Meta(ge=0.01, le=1e6)]  # of the first order
    half_s: Annotated[float, Meta(ge=0.1, le=1e6)]  # from a bottom to the next top
    trips: Annotated[int, Meta(ge=1, le=100_000)]
    position_usd: Annotated[float, Meta(gt=0, le=1e10)]
    slippage_bp: Annotated[float, Meta(ge=0, le=5000)] = 50.0  # from the outside price, at most


class RoundTrips(Bot):
    """Long from each bottom to its top, short from there to the next bottom; flat in the end."""

    def __init__(self, seat: Seat, terms: RoundTripTerms) -> None:
        super().__init__(seat)
        self.terms = terms
        self._turn = 0

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + round(self.terms.at_s * SECOND_NS)

    def on_wake(self, ts: int, view: View) -> Action:
        terms, turn = self.terms, self._turn
        lots = self.seat.lots(terms.position_usd * MICRO, view.outside)
        wanted = 0 if turn >= 2 * terms.trips else lots if turn % 2 == 0 else -lots
        self._turn += 1
        later = ts + round(terms.half_s * SECOND_NS) if turn < 2 * terms.trips else None
        return at_once(self.seat, wanted - view.size, view.outside, terms.slippage_bp), later
