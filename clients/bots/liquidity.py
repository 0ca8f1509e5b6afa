"""Liquidity providers: the capital of a market maker in the pool of a curve, taken out as prices run and paid in again when they are calm.

Rules: what is wanted in the pool falls by as much as the maker would take back of its quotes, the mean of bids and asks, since a pool
stands on both sides; a change smaller than a stated share of the stake is left for later. What was refused (a lock, a pool that cannot
pay) is asked again only after a pause, and what waits for its turn is not asked again. What it has in the pool is what events told it.
On a curve of ranges it keeps one range around the outside price, moved when the price has left the inner half of it; the position that
a range hands back is closed at the market.
"""

from __future__ import annotations

import math
from typing import ClassVar

from msgspec import Struct

from perplab.exchange.messages import (
    AddLiquidity,
    Command,
    Event,
    LiquidityAdded,
    LiquidityRemoved,
    Place,
    Rejected,
    RemoveLiquidity,
    Side,
    TimeInForce,
)
from perplab.exchange.units import BP

from .base import NOTHING, Action, Bot, Rows, Seat, View, pack
from .market_maker import Alarm, Withdrawal

CARRIED = 0.25  # of a position's value stays outside the pool while it is held


class ProviderTerms(Struct, frozen=True):
    amount: int  # [micro] of its capital that it would have in the pool when calm
    withdrawal: Withdrawal
    interval_ns: int  # between looks
    phase_ns: int  # of the first look after the start
    step: float = 0.05  # least change, as a share of the stake
    pause_ns: int = 60_000_000_000  # after a refusal
    width_bp: float = 0.0  # [bp] from the middle of a range to its ends; 0: the curve has no ranges
    slippage_bp: float = 50.0  # [bp] from the outside price, at worst, at which it closes what a range handed back


class LiquidityProvider(Bot):
    """A pool's owner among others; on a curve of ranges, the owner of one range at a time."""

    hears: ClassVar[frozenset[int]] = frozenset({LiquidityAdded.KIND, LiquidityRemoved.KIND, Rejected.KIND})

    def __init__(self, seat: Seat, terms: ProviderTerms) -> None:
        super().__init__(seat)
        self.terms = terms
        self._alarm = Alarm(terms.withdrawal)
        self._money = terms.amount  # [micro] of the stake that is outside the pool
        self._inside = 0.0  # share of the stake that is in it
        self._shares = 0  # of the pool, or liquidity of the range
        self._range = (0, 0, 0)  # its number, lower and upper end [ticks]
        self._not_before = 0  # [ns]

    def on_start(self, ts: int, view: View) -> Action:
        self._alarm.start(ts, view.outside)
        return self._move(view), ts + self.terms.phase_ns

    def on_wake(self, ts: int, view: View) -> Action:
        self._alarm.watch(ts, view.outside)
        is_idle = view.waiting or ts < self._not_before
        return NOTHING if is_idle else self._move(view), ts + self.terms.interval_ns

    def on_event(self, ts: int, event: Event) -> Action:
        if isinstance(event, LiquidityAdded):
            self._inside += (1.0 - self._inside) * min(1.0, event.amount / max(1, self._money))
            self._money -= event.amount
            self._shares += event.shares
            self._range = (event.range_id, event.lower, event.upper)
        elif isinstance(event, LiquidityRemoved):
            self._inside *= 1.0 - event.shares / max(event.shares, self._shares)
            self._money += event.amount
            self._shares = max(0, self._shares - event.shares)
        elif isinstance(event, Rejected) and event.command in (AddLiquidity.KIND, RemoveLiquidity.KIND):
            self._not_before = ts + self.terms.pause_ns
        return NOTHING, None

    def wanted(self) -> float:
        """The share of the stake that it wants in the pool, from 0 to 1."""
        withdrawal = self.terms.withdrawal
        return 1.0 - (withdrawal.bid + withdrawal.ask) / 2.0 * self._alarm.level()

    def _move(self, view: View) -> Rows:
        """One command at most for the pool, and one to close what a range has handed back."""
        commands: list[Command] = [*self._closing(view), *self._adjustment(view)]
        return pack(*commands) if commands else NOTHING

    def _adjustment(self, view: View) -> list[Command]:
        change = self.wanted() - self._inside
        is_new = self._is_off(view) or (self.terms.width_bp > 0.0 and change >= self.terms.step)  # of ranges there is one at a time
        if self._shares and (is_new or change <= -self.terms.step):
            shares = self._shares if is_new else max(1, int(self._shares * min(1.0, -change / self._inside)))
            return [RemoveLiquidity(0, self.seat.account, self.seat.market, shares, self._range[0])]
        if change >= self.terms.step:
            free = view.equity - CARRIED * abs(self.seat.notional(view.size, view.outside))
            amount = int(min(self._money * change / (1.0 - self._inside), free))
            if amount > 0:
                return [AddLiquidity(0, self.seat.account, self.seat.market, amount, *self._ends(view))]
        return []

    def _ends(self, view: View) -> tuple[int, int]:
        """Of a new range [ticks]; 0 and 0 where there are none."""
        width = self.terms.width_bp * BP
        return (math.floor(view.outside * (1.0 - width)), math.ceil(view.outside * (1.0 + width))) if width else (0, 0)

    def _is_off(self, view: View) -> bool:
        """Has the price left the inner half of the range?"""
        _, lower, upper = self._range
        return upper > 0 and abs(view.outside - (lower + upper) / 2.0) > (upper - lower) / 4.0

    def _closing(self, view: View) -> list[Command]:
        if not view.size:
            return []
        beyond = self.terms.slippage_bp * BP
        side = Side.SELL if view.size > 0 else Side.BUY
        limit = math.ceil(view.outside * (1.0 - beyond)) if view.size > 0 else math.floor(view.outside * (1.0 + beyond))
        seat = self.seat
        return [Place(0, seat.account, seat.market, side, limit, abs(view.size), tif=TimeInForce.IOC, reduce_only=True)]
