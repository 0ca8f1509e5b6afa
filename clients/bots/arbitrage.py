"""An arbitrageur: trades the venue against the outside price when they differ by more than it costs.

Rules: it is hedged outside, so only the difference matters to it; its position here is bounded by what its venue account carries, which
its margin calls refill as far as the hedge has earned it. It enters beyond `enter_bp` and leaves when the difference has closed to
`leave_bp`, one order at a look: into the side of book or curve that is priced wrong, or for an account that is auctioned.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct

from perplab.exchange.messages import Place, Side, TimeInForce

from .appetite import Appetite, Standing, Steps
from .base import NOTHING, Action, Rows, Seat, View, pack
from .professional import CallTerms, Professional, joined

ROUNDING = 1e-6  # [lots] a whole lot that is short by the rounding of a float is one


class ArbitrageTerms(Struct, frozen=True):
    interval_ns: int  # between looks
    phase_ns: int  # of the first look
    enter_bp: float  # [bp] difference that pays for fees here, cost outside, and the way back
    leave_bp: float  # [bp] difference at which it gives its position up
    clip: int  # [micro] largest order
    leverage: float  # largest notional over equity
    auctions: bool = False  # whether the venue auctions liquidated accounts
    answer_ns: int = 0  # until it has heard of what it sent
    calls: CallTerms | None = None  # how it meets margin calls; None: it is never refilled


class Arbitrageur(Professional):
    """Buys below the outside price, sells above it."""

    def __init__(self, seat: Seat, terms: ArbitrageTerms) -> None:
        super().__init__(seat, terms.leverage, terms.answer_ns, terms.calls)
        self.terms = terms
        self.sees_offers = terms.auctions

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + self.terms.phase_ns

    def on_wake(self, ts: int, view: View) -> Action:
        paid_in = self.margin(ts, view)
        bids, left = self.bid(ts, view, self._wanted(self.standing(ts, view)))
        return joined(paid_in, bids, self._take(ts, view, left)), ts + self.terms.interval_ns

    def _wanted(self, now: Standing) -> Appetite:
        """One step on each side: the way in, as far as its capital carries, or the way out of a position on the other side."""
        return Appetite(now.outside, self._step(now.held, now.limit), self._step(-now.held, now.limit))

    def _step(self, held: float, limit: float) -> Steps:
        """`held` is counted in the direction of the step: below zero, it leaves a position."""
        edge, most = (self.terms.leave_bp, -held) if held < 0.0 else (self.terms.enter_bp, max(0.0, limit - held))
        return Steps(np.array([edge]), np.array([min(float(self.terms.clip), most)]))

    def _take(self, ts: int, view: View, wanted: Appetite) -> Rows:
        """One immediate order at most, into the side of book or curve that is priced wrong. None while another waits for its turn."""
        if view.waiting:
            return NOTHING
        cheap = math.floor(wanted.price(True, float(wanted.buy.edge_bp[0])))
        dear = math.ceil(wanted.price(False, float(wanted.sell.edge_bp[0])))
        if view.ask and view.ask <= cheap:
            return self._order(ts, view, Side.BUY, cheap, float(wanted.buy.money[0]))
        if view.bid and view.bid >= dear:
            return self._order(ts, view, Side.SELL, dear, float(wanted.sell.money[0]))
        return NOTHING

    def _order(self, ts: int, view: View, side: Side, limit: int, money: float) -> Rows:
        lots = int(money / (view.outside * self.seat.unit) + ROUNDING)
        if not lots:
            return NOTHING
        self.sent(ts, self.seat.notional(lots if side is Side.BUY else -lots, view.outside))
        return pack(Place(0, self.seat.account, self.seat.market, side, limit, lots, tif=TimeInForce.IOC))
