"""The basis between two venues: long the perpetual where it is cheap, short where it is dear, until they meet.

Rules: what counts is what can be traded: the bid of one venue against the ask of the other. It enters when the gap pays for both orders now
and both that end it, fees and gas of both venues, and `enter_bp` besides; it leaves when the gap has closed to `leave_bp` at what can
be traded then. Both orders are sent at once and arrive when each venue's way lets them: where one leg was not filled, or was taken away,
the larger one is brought down to it. Each account carries its own leg: a gain on one venue is no margin on the other.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta, Struct

from perplab.exchange.units import BP, MICRO, SECOND_NS

from .base import NOTHING, Rows, View
from .strategy import IDLE, Desk, Orders, Places, Strategy


class BasisTerms(Struct, frozen=True):
    position_usd: Annotated[float, Meta(gt=0, le=1e10)]  # of each leg, at most
    clip_usd: Annotated[float, Meta(gt=0, le=1e10)]  # of one pair of orders
    enter_bp: Annotated[float, Meta(ge=-1000, le=10_000)]  # of the gap, beyond what it costs to enter and to leave
    leave_bp: Annotated[float, Meta(ge=-10_000, le=10_000)]  # of the gap that is left, seen from what can be traded: below zero is crossed
    leverage: Annotated[float, Meta(gt=0, le=1000)]  # most of a leg over the equity of its account
    look_s: Annotated[float, Meta(ge=0.001, le=1e6)] = 0.5
    slippage_bp: Annotated[float, Meta(ge=0, le=5000)] = 5.0  # beyond the price that it saw, at most


class Side(NamedTuple):
    """A desk as one leg: what it costs to trade there now. [USD]"""

    desk: Desk
    view: View

    @property
    def bid(self) -> float:
        return self.desk.usd(self.view.bid)

    @property
    def ask(self) -> float:
        return self.desk.usd(self.view.ask)

    @property
    def coins(self) -> float:
        return self.desk.coins(self.view)

    def trade(self, coins: float, slippage_bp: float) -> Rows:
        return self.desk.buys(coins, self.view.ask if coins > 0 else self.view.bid, slippage_bp)


class Basis(Strategy):
    """Two desks on two venues."""

    places: ClassVar[Places] = "two_venues"

    def __init__(self, desks: tuple[Desk, ...], terms: BasisTerms) -> None:
        super().__init__(desks)
        self.terms = terms
        self.look = round(terms.look_s * SECOND_NS)
        self._not_before = 0  # [ns] until it knows what became of its orders

    def on_start(self, ts: int, views: tuple[View, ...]) -> Orders:
        return IDLE, ts + self.look

    def on_wake(self, ts: int, views: tuple[View, ...]) -> Orders:
        first, second = sides = tuple(Side(desk, view) for desk, view in zip(self.desks, views, strict=True))
        is_quoted = all(one.bid > 0.0 and one.ask > 0.0 for one in sides)
        if ts < self._not_before or not is_quoted or any(view.waiting for view in views):
            return IDLE, ts + self.look
        rows = self._evened(first, second) or self._left(first, second) or self._entered(first, second)
        if any(len(one) for one in rows):
            self._not_before = ts + self.answer_ns + 1
        return rows, ts + self.look

    def _evened(self, first: Side, second: Side) -> tuple[Rows, ...]:
        """Where the legs differ, the larger one comes down to the other."""
        net = first.coins + second.coins
        larger = 0 if abs(first.coins) > abs(second.coins) else 1
        one = (first, second)[larger]
        if abs(net) < max(first.desk.lot_coins, second.desk.lot_coins) or not one.desk.lots(net):
            return IDLE
        return self.at_desk(larger, one.trade(-net, 10.0 * self.terms.slippage_bp))

    def _left(self, first: Side, second: Side) -> tuple[Rows, ...]:
        """Both legs are given up once the gap between what they fetch and what they cost has closed."""
        if not first.desk.lots(first.coins) or not second.desk.lots(second.coins):
            return IDLE
        long, short = (first, second) if first.coins > 0 else (second, first)
        if (short.ask / long.bid - 1.0) / BP > self.terms.leave_bp:
            return IDLE
        coins = min(abs(first.coins), abs(second.coins), self.terms.clip_usd / long.bid)
        return self._both(first, second, -coins if first.coins > 0 else coins)

    def _entered(self, first: Side, second: Side) -> tuple[Rows, ...]:
        """One clip of both legs, the way in which the gap pays, if it does."""
        usd = self.terms.clip_usd
        both_ways = 2.0 * (first.desk.cost_bp(usd) + second.desk.cost_bp(usd))
        for sign, cheap, dear in ((1.0, first, second), (-1.0, second, first)):
            if (dear.bid / cheap.ask - 1.0) / BP < both_ways + self.terms.enter_bp:
                continue
            room = min(self._room(one) for one in (first, second)) - sign * first.coins
            coins = min(usd / cheap.ask, room)
            if coins > max(first.desk.lot_coins, second.desk.lot_coins):
                return self._both(first, second, sign * coins)
        return IDLE

    def _room(self, one: Side) -> float:
        """The largest leg that its account carries. [coins]"""
        return min(self.terms.position_usd, self.terms.leverage * max(0, one.view.equity) / MICRO) / one.ask

    def _both(self, first: Side, second: Side, coins: float) -> tuple[Rows, ...]:
        """`coins` more of the first leg and as many less of the second, in lots that both venues have."""
        lot = max(first.desk.lot_coins, second.desk.lot_coins)
        whole = int(coins / lot + (1e-9 if coins > 0 else -1e-9)) * lot
        if not whole:
            return NOTHING, NOTHING
        return first.trade(whole, self.terms.slippage_bp), second.trade(-whole, self.terms.slippage_bp)
