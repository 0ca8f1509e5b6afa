"""The account structures: how one person's money stands behind the positions that it holds.

Rules: a structure divides money, it adds none. `cross`: one account, all its money behind all its positions. `isolated`: one account, each
position with a margin of its own; what that leaves is free, and stands behind nothing until its owner moves it. `segmented`: an account
for each position, and no way between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal, get_args

import numpy as np

from perplab.clients.bots.base import NOTHING, Action, Bot, Rows, Seat, View, pack
from perplab.clients.bots.trader import TraderTerms
from perplab.exchange.messages import Command, Deposit, Event, LiquidationStarted, MoveIsolatedMargin

from ..opening import Terms
from ..population import TRADE_BUYER, TRADE_LOTS, TRADE_PRICE, TRADE_SELLER
from ..runs import Ints
from .people import People

CROSS, ISOLATED, SEGMENTED = "cross", "isolated", "segmented"
ROUNDING: Final = 1e-3  # of a position's margin: what is left free beside it and is less than that is no decision of its owner
Structure = Literal["cross", "isolated", "segmented"]
STRUCTURES: Final[tuple[str, ...]] = get_args(Structure)


def structure_of(venue: str) -> str:
    """The account structure in the name of a design, DESIGN/STRUCTURE."""
    return venue.rpartition("/")[2]


@dataclass(frozen=True)
class Layout:
    """Which account holds what. Shapes (a,) by account, (p,) by position; accounts are counted from the first of a person's on."""

    structure: str
    person: Ints  # (a,) whose account it is
    of_position: Ints  # (p,) the account that holds it
    deposit: Ints  # (a,) [micro]

    @property
    def is_isolated(self) -> bool:
        return self.structure == ISOLATED


def layout_of(structure: str, people: People) -> Layout:
    """The accounts of all people: the sum of the deposits is the same in every structure."""
    if structure == SEGMENTED:
        return Layout(structure, people.person, np.arange(people.person.size), people.money)
    person, of_position = np.unique(people.person, return_inverse=True)
    deposit = np.zeros(person.size, np.int64)
    np.add.at(deposit, of_position, people.money)
    return Layout(structure, person, of_position, deposit)


def margin_to_move(people: People, trades: list[Ints], terms: Terms, mark: int) -> Ints:
    """What is moved into each isolated position once it is open, so that its own margin stands behind it; (p,) [micro].

    In opening, the venue takes what the highest leverage asks for. A position that begins with more than its own margin by profit keeps
    it; where the venue let it open less than it wanted, its margin is less alike. What roundings would leave free goes with it.
    """
    margin, profit, size = (np.zeros(people.lots.size, np.int64) for _ in range(3))
    for table in trades:
        for trade in table.tolist():
            for side, sign in ((TRADE_BUYER, 1), (TRADE_SELLER, -1)):
                position, lots = trade[side], trade[TRADE_LOTS]
                size[position] += lots
                profit[position] += sign * lots * (mark - trade[TRADE_PRICE]) * terms.unit
                required = int(terms.initial(np.array([size[position] * mark * terms.unit]))[0])
                margin[position] += max(0, required - int(margin[position] + profit[position]))
    wanted = np.abs(people.lots) * float(people.scale.coins)
    target = (people.own_margin * np.minimum(1.0, size * terms.lot_coins / wanted)).astype(np.int64)
    left = people.money - margin
    move = np.maximum(0, target - margin - profit)
    move = np.where(left - move < ROUNDING * target, left, move)
    moved: Ints = np.where(size > 0, np.clip(move, 0, np.maximum(left, 0)), 0)
    return moved


# -- those who add margin --


class Purse:
    """One person's money for margin calls: what it left free on the venue, and how often it pays in from outside."""

    def __init__(self, free: int, times: int) -> None:
        self.free = free  # [micro]
        self.times = times


class Adder(Bot):
    """Adds margin to an account, or to an isolated position, as `clients.bots.trader.Trader` does; its person's bots share a purse.

    Free money on the venue goes first: in a cross account it stands behind the positions anyway.
    """

    hears: ClassVar[frozenset[int]] = frozenset({LiquidationStarted.KIND})

    def __init__(self, seat: Seat, terms: TraderTerms, purse: Purse, isolated: bool) -> None:
        super().__init__(seat)
        self.terms, self.purse, self.isolated = terms, purse, isolated
        self._over = False

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + self.terms.phase_ns

    def on_event(self, ts: int, event: Event) -> Action:
        if isinstance(event, LiquidationStarted) and event.market in (-1, self.seat.market):
            self._over = True
        return NOTHING, None

    def on_wake(self, ts: int, view: View) -> Action:
        if self._over or view.size == 0:
            return NOTHING, None
        if view.equity >= self.terms.alarm * view.maintenance:
            return NOTHING, ts + self.terms.interval_ns
        rows = self._added()
        return rows, ts + self.terms.interval_ns if len(rows) else None

    def _added(self) -> Rows:
        """Money into the position, out of what is free or from outside; none is left: nothing."""
        seat, amount, purse = self.seat, self.terms.amount, self.purse
        commands: list[Command] = []
        if self.isolated and purse.free > 0:
            amount = min(amount, purse.free)
            purse.free -= amount
        elif purse.times > 0:
            purse.times -= 1
            commands.append(Deposit(0, seat.account, self.terms.asset, amount))
        else:
            return NOTHING
        if self.isolated:
            commands.append(MoveIsolatedMargin(0, seat.account, seat.market, amount))
        return pack(*commands)
