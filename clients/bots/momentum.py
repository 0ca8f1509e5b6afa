"""A momentum trader: goes with a move of the mark price that is large enough, and leaves when the move is over.

Rules: it holds nothing, or one position of a fixed notional, or less where its equity carries less; it trades with immediate orders
that stop a stated distance from the mark.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from perplab.exchange.messages import Place, Side, TimeInForce
from perplab.exchange.units import BP

from .base import NOTHING, Action, Bot, Rows, Seat, View, pack


class MomentumTerms(Struct, frozen=True):
    interval_ns: int  # between looks
    phase_ns: int  # of the first look
    looks: int  # over how many of them the move is measured
    enter_bp: float  # [bp] a move that it joins
    leave_bp: float  # [bp] a move too small to stay in
    notional: int  # [micro] of its position
    leverage: float  # largest notional over equity
    slippage_bp: float  # [bp] from the mark, at most


class Momentum(Bot):
    """Long after a rise, short after a fall, else flat."""

    def __init__(self, seat: Seat, terms: MomentumTerms) -> None:
        super().__init__(seat)
        self.terms = terms
        self._marks: deque[int] = deque(maxlen=terms.looks + 1)

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + self.terms.phase_ns

    def on_wake(self, ts: int, view: View) -> Action:
        if not view.mark:
            return NOTHING, ts + self.terms.interval_ns
        self._marks.append(view.mark)
        target = self._target(view)
        # what waits for its turn is not sent again
        rows = NOTHING if target is None or target == view.size or view.waiting else self._trade(view, target - view.size)
        return rows, ts + self.terms.interval_ns

    def _target(self, view: View) -> int | None:
        """The position it wants [lots]; None: the one it has."""
        if len(self._marks) <= self.terms.looks:
            return None
        move_bp = (view.mark / self._marks[0] - 1.0) / BP
        if abs(move_bp) < self.terms.leave_bp or move_bp * view.size < 0.0:
            return 0
        if abs(move_bp) < self.terms.enter_bp or view.size:
            return None
        money = min(self.terms.notional, self.terms.leverage * max(0, view.equity))
        lots = self.seat.lots(money, view.mark)
        return lots if move_bp > 0.0 else -lots

    def _trade(self, view: View, change: int) -> Rows:
        buys = change > 0
        limit = round(view.mark * (1.0 + self.terms.slippage_bp * BP * (1 if buys else -1)))
        side = Side.BUY if buys else Side.SELL
        return pack(Place(0, self.seat.account, self.seat.market, side, limit, abs(change), tif=TimeInForce.IOC))
