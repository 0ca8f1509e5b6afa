"""A trader who lets the venue close its position once the price is a stated distance away from where it began."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta, Struct

from perplab.exchange.codes import PriceSource, TriggerKind
from perplab.exchange.messages import PlaceTrigger, Side
from perplab.exchange.units import BP

from .base import NOTHING, Action, Bot, Seat, View, pack


class StopTerms(Struct, frozen=True):
    nearest_bp: Annotated[float, Meta(gt=0, le=9000)] = 100.0  # from the mark at which it begins, drawn per trader
    farthest_bp: Annotated[float, Meta(gt=0, le=9000)] = 500.0


class StopLoss(Bot):
    """Sets one stop for its whole position as it begins."""

    def __init__(self, seat: Seat, terms: StopTerms, draws: np.random.Generator) -> None:
        super().__init__(seat)
        low, high = sorted((terms.nearest_bp, terms.farthest_bp))
        self.away = BP * float(draws.uniform(low, high))

    def on_start(self, ts: int, view: View) -> Action:
        return stop(self.seat, view.size, view.mark, self.away), None


def stop(seat: Seat, size: int, mark: int, away: float) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """A stop for a whole position of `size` lots, at that share of the mark away from it; none for no position."""
    if not size or not mark:
        return NOTHING
    side, price = (Side.SELL, mark * (1.0 - away)) if size > 0 else (Side.BUY, mark * (1.0 + away))
    at = max(1, round(price))
    return pack(PlaceTrigger(0, seat.account, seat.market, side, 0, TriggerKind.STOP, PriceSource.MARK, at, reduce_only=1))
