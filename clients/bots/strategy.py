"""What a strategy is: a bot with a desk at each place where it trades, be it another market or another venue.

Rules: those of `base`. All desks are looked at at the same moment; commands to each travel as long as that desk says. What desks have in
common is coins and USD: two venues may have other ticks and lots.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, Literal, TypeAlias

from msgspec import Struct

from perplab.exchange.units import BP, MICRO

from .base import NOTHING, Rows, Seat, View
from .orders import at_once

Orders: TypeAlias = tuple[Sequence[Rows], int | None]  # commands of each desk, none at all for no desk; when to be woken [ns]
Places = Literal["perpetual", "perpetual_and_spot", "markets", "two_venues"]  # what a strategy needs: one desk; two; any number; two

IDLE: Final[tuple[Rows, ...]] = ()


class Desk(Struct, frozen=True, gc=False):
    """One place where a strategy trades, and what that costs."""

    seat: Seat
    venue: str
    coin: str  # what it is about: equal for a perpetual and its coins, on all venues of a run
    is_spot: bool
    tick_usd: float  # [USD per tick]
    lot_coins: float  # [coins per lot]
    taker_fee_bp: float  # of the first tier of fees
    gas_usd: float  # of an order, while gas is calm
    beta: float  # by how much its price moves with that of the first market's coin; 1 for that coin
    answer_ns: int  # until what it sent can be seen: done, or among what waits (`View.waiting`)

    def coins(self, view: View) -> float:
        """What it holds, signed."""
        return view.size * self.lot_coins

    def lots(self, coins: float) -> int:
        """Whole lots nearest to zero, signed like `coins`."""
        return int(coins / self.lot_coins + (1e-9 if coins > 0 else -1e-9))

    def usd(self, price: float) -> float:
        """A price [ticks] in USD."""
        return price * self.tick_usd

    def buys(self, coins: float, price: float, slippage_bp: float) -> Rows:
        """One immediate order for so many coins, below zero a sale, no further than `slippage_bp` beyond `price` [ticks]."""
        return at_once(self.seat, self.lots(coins), price, slippage_bp)

    def cost_bp(self, usd: float) -> float:
        """Of one order of so many USD: fee and gas."""
        return self.taker_fee_bp + (self.gas_usd / usd / BP if usd > 0.0 else 0.0)


class Strategy:
    """Base of all strategies: does nothing, ever. `terms` is what the table of the scenario says, for those that take it."""

    places: ClassVar[Places] = "perpetual"

    def __init__(self, desks: tuple[Desk, ...]) -> None:
        self.desks = desks

    def on_start(self, ts: int, views: tuple[View, ...]) -> Orders:
        """It has joined, with one view for each desk."""
        return IDLE, None

    def on_wake(self, ts: int, views: tuple[View, ...]) -> Orders:
        """The time that it asked for has come."""
        return IDLE, None

    def at_desk(self, number: int, rows: Rows) -> tuple[Rows, ...]:
        """Commands of one desk and of no other."""
        return tuple(rows if one == number else NOTHING for one in range(len(self.desks)))

    @property
    def answer_ns(self) -> int:
        """Of the slowest desk."""
        return max(desk.answer_ns for desk in self.desks)


def cheapest(desks: Sequence[Desk], views: Sequence[View], usd: float) -> int:
    """Where an order of so many USD, below zero a sale, costs least: best price, fee and gas. The first of equals, or if nobody quotes."""
    best, found = None, 0
    for number, (desk, view) in enumerate(zip(desks, views, strict=True)):
        price = desk.usd(view.ask if usd > 0.0 else view.bid)
        if price <= 0.0:
            continue
        cost = desk.cost_bp(abs(usd)) * BP
        worth = -price * (1.0 + cost) if usd > 0.0 else price * (1.0 - cost)
        if best is None or worth > best:
            best, found = worth, number
    return found


def notional_usd(desk: Desk, view: View) -> float:
    """Of what a desk holds, at the outside price, signed. [USD]"""
    return desk.seat.notional(view.size, view.outside) / MICRO
