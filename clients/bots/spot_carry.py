"""The carry trade with both of its legs on one venue: long the coins, short the perpetual, paid by funding.

Rules: coins first, then as much of the perpetual as there are coins, so that a leg which is filled late leaves it with no more than one
clip of price risk. Where the short is taken away, by deleveraging say, it is opened anew.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from perplab.exchange.units import SECOND_NS

from .base import NOTHING, View
from .strategy import IDLE, Desk, Orders, Places, Strategy

PERPETUAL, SPOT = 0, 1  # the desks


class SpotCarryTerms(Struct, frozen=True):
    position_usd: Annotated[float, Meta(gt=0, le=1e10)]  # of each leg
    clip_usd: Annotated[float, Meta(gt=0, le=1e10)]  # most of one order
    look_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 1.0
    end_s: Annotated[float, Meta(gt=0, le=1e9)] = 1e9  # from when on it gives both legs up
    slippage_bp: Annotated[float, Meta(ge=0, le=5000)] = 10.0  # from the outside price, at most


class SpotCarry(Strategy):
    """Builds both legs up clip by clip, and keeps them of one size."""

    places: ClassVar[Places] = "perpetual_and_spot"

    def __init__(self, desks: tuple[Desk, ...], terms: SpotCarryTerms) -> None:
        super().__init__(desks)
        self.terms = terms
        self.look = max(round(terms.look_s * SECOND_NS), self.answer_ns + 1)
        self._end = self._coins = 0.0  # [ns], wanted

    def on_start(self, ts: int, views: tuple[View, ...]) -> Orders:
        self._end = ts + self.terms.end_s * SECOND_NS
        return IDLE, ts + self.look

    def on_wake(self, ts: int, views: tuple[View, ...]) -> Orders:
        price = views[PERPETUAL].outside
        if any(view.waiting for view in views) or price <= 0.0:
            return IDLE, ts + self.look
        perpetual, spot = self.desks
        clip = self.terms.clip_usd / perpetual.usd(price)
        self._coins = self._coins or self.terms.position_usd / perpetual.usd(price)
        held, short = spot.coins(views[SPOT]), -perpetual.coins(views[PERPETUAL])
        target = 0.0 if ts >= self._end else self._coins
        hedge = max(-clip, min(clip, held - short))
        if perpetual.lots(hedge):
            return self.at_desk(PERPETUAL, perpetual.buys(-hedge, price, self.terms.slippage_bp)), ts + self.look
        change = max(-clip, min(clip, target - held))
        rows = spot.buys(change, views[SPOT].outside, self.terms.slippage_bp) if spot.lots(change) else NOTHING
        return self.at_desk(SPOT, rows), ts + self.look
