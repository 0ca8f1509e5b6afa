"""A strategy in a run: its desks at the venues, what it is shown, what it sends, and its result line at the end.

Rules: it sees all its desks at the same moment, as they are, and the outside price as late as it hears of it at each; what it sends to a
venue arrives there as late as its way to that venue is. What its accounts are worth is taken at the true price, which no venue makes, once
a second. A strategy of the user's own may send what the owner of its accounts may; what it raises is told in one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Final, NamedTuple

import numpy as np

from perplab.clients.bots.base import Rows, Seat, View
from perplab.clients.bots.strategy import Desk, Strategy
from perplab.exchange import VenueDesign
from perplab.exchange.events import CurveTraded, Event, GasPaid, Liquidated, LiquidationStarted, PositionSettled, Rejected, Traded
from perplab.exchange.messages import KIND_COLUMN, column_of
from perplab.exchange.units import MICRO, MS_NS, PPB, SECOND_NS
from perplab.oracle.keyed import generator

from ..clock import World
from ..own import ScenarioError, asking, shown
from ..own_rows import commands, must_be_its_own
from ..runs import Ints
from ..simulation import Simulation
from .lines import Leg, ResultLine, line_of
from .tables import Archetype

FIRST_COIN: Final = "first"  # that of a venue's first market, and of its spot market


class Spot(NamedTuple):
    """Where a desk is: a venue of the run, by number, and a market of that."""

    venue: int
    market: int


class Place(NamedTuple):
    """A desk at a venue under way."""

    simulation: Simulation
    desk: Desk
    hears_ns: int
    orders_ns: int

    @property
    def account(self) -> int:
        return self.desk.seat.account


def place_of(simulation: Simulation, venue: VenueDesign, market: int, archetype: Archetype) -> Place:
    """The desk of an archetype, whose account was opened with the stage; `venue` has all markets of the run."""
    further = simulation.scenario.further_markets.get(venue.markets[market].name)
    account = next(int(one.accounts[0]) for one in simulation.stage.cohorts if one.name == archetype.name)
    hears_ms, orders_ms, _ = archetype.way(venue.name)
    terms, auction_ms = venue.markets[market], getattr(venue.sequencing.own, "duration_ms", 0)  # of an order that would take
    desk = Desk(
        seat=Seat(account, market, int(terms.tick * terms.lot * MICRO)),
        venue=venue.name,
        coin=venue.markets[market].name if further else FIRST_COIN,
        is_spot=terms.is_spot,
        tick_usd=float(terms.tick),
        lot_coins=float(terms.lot),
        taker_fee_bp=terms.taker_fee_ppb / PPB * 1e4,
        gas_usd=venue.gas.place / MICRO,
        beta=further.beta * further.correlation if further else 1.0,
        answer_ns=(hears_ms + orders_ms + auction_ms + venue.sequencing.taker_latency_ms) * MS_NS,
    )
    return Place(simulation, desk, hears_ms * MS_NS, orders_ms * MS_NS)


class Followed:
    """One strategy under way."""

    def __init__(self, world: World, archetype: Archetype, places: Sequence[Place], seed: int) -> None:
        self.world = world
        self.archetype = archetype
        self.places = tuple(places)
        self.wake_ts = -1
        self.values: list[list[int]] = []  # [micro] of each of its accounts, at the start and after each second
        self.is_in: list[bool] = []  # whether it holds anything, after each second
        self.accounts: dict[str, Place] = {}  # one at each venue
        for place in self.places:
            self.accounts.setdefault(place.desk.venue, place)
        self.strategy = self._made(seed)

    def _made(self, seed: int) -> Strategy:
        one = self.archetype
        with asking(one.named, f"the strategy of {one.name}"):
            kind = one.strategy()
            draws = {name: generator(seed, one.name, name) for name in one.drawn(kind)}
            made: Strategy = kind(tuple(place.desk for place in self.places), **one.terms_of(kind), **draws)
            return made

    def begin(self) -> None:
        start = self.world.path.start_ns
        self._look(start)
        with asking(self.archetype.named, "on_start"):
            given: object = self.strategy.on_start(start, self._views(start))
        self._act(start, "on_start", given)

    def second(self) -> None:
        self._look(self.world.clock.now)

    def _look(self, ts: int) -> None:
        places = list(self.accounts.values())
        self.values.append([place.simulation.worth(place.account, ts) for place in places])
        self.is_in.append(any(place.simulation.holding(place.account, place.desk.seat.market) for place in self.places))

    def _views(self, ts: int) -> tuple[View, ...]:
        for place in self.places:
            place.simulation.send()
        return tuple(place.simulation.view_of(place.desk.seat, ts, place.hears_ns) for place in self.places)

    def _wake(self, ts: int) -> None:
        if self.wake_ts != ts:  # an earlier wake-up has replaced this one
            return
        what = f"on_wake at {(ts - self.world.path.start_ns) / SECOND_NS:g} s"
        views = self._views(ts)
        with asking(self.archetype.named, what):
            given: object = self.strategy.on_wake(ts, views)
        self._act(ts, what, given)

    def _act(self, ts: int, what: str, given: object) -> None:
        """Carry what it returned: commands to the venues, its wake-up to the clock. ScenarioError if that is no answer."""
        named = self.archetype.named
        if not isinstance(given, tuple | list) or len(given) != 2:
            expected = "expected commands of each desk and when to be woken, such as (IDLE, None)"
            raise ScenarioError(f"class is {named!r}, which returns {shown(given)}, asked for {what}: {expected}")
        sent, when = given
        if not isinstance(sent, tuple | list) or len(sent) not in (0, len(self.places)):
            expected = f"expected commands of each of its {len(self.places)} desks, or none"
            raise ScenarioError(f"class is {named!r}, which sends {shown(sent)}, asked for {what}: {expected}")
        for place, rows in zip(self.places, sent, strict=False):
            self._send(place, commands(named, what, rows), what, ts)
        if when is None:
            return
        if not isinstance(when, Integral) or int(when) <= ts:
            raise ScenarioError(
                f"class is {named!r}, which wants to be woken at {shown(when)}, asked for {what}: expected whole ns after {ts}, or None"
            )
        if not ts < self.wake_ts <= int(when):
            self.wake_ts = int(when)
            self.world.clock.at(self.wake_ts, None, self._wake)

    def _send(self, place: Place, rows: Rows, what: str, ts: int) -> None:
        if len(rows):
            must_be_its_own(self.archetype.named, what, rows, place.account)
            place.simulation.deliver(place.account, rows, ts + place.orders_ns)

    # -- the end --

    def line(self, seed: int) -> ResultLine:
        """What became of it. To be asked once the run is over."""
        end = self.world.path.end_ns
        self._look(end)
        values = np.array(self.values, dtype=np.int64)
        legs = [leg_of(place, values[:, number]) for number, place in enumerate(self.accounts.values())]
        return line_of(self.archetype.name, self.archetype.named, seed, legs, values.sum(axis=1), self.is_in[1:])


def leg_of(place: Place, values: Ints) -> Leg:
    """What one account was worth first and last, and what it paid in between."""
    simulation, account = place.simulation, place.account
    events = simulation.recorder.events()

    def total(kind: type[Event], who: str, amount: str) -> int:
        rows = events[events[:, KIND_COLUMN] == kind.KIND]
        return int(rows[rows[:, column_of(kind, who)] == account][:, column_of(kind, amount)].sum())

    def number(kind: type[Event], *who: str) -> int:
        rows = events[events[:, KIND_COLUMN] == kind.KIND]
        return sum(int((rows[:, column_of(kind, one)] == account).sum()) for one in who)

    fees = total(Traded, "taker", "taker_fee") + total(Traded, "maker", "maker_fee")
    fees += total(CurveTraded, "taker", "taker_fee") + total(Liquidated, "account", "fee")
    exchange = simulation.exchange
    owed = sum(exchange.position(account, market).unsettled for market in simulation.perpetuals())
    return Leg(
        venue=place.desk.venue,
        opening_usd=int(values[0]) / MICRO,
        closing_usd=int(values[-1]) / MICRO,
        fees_usd=fees / MICRO,
        funding_usd=(total(PositionSettled, "account", "amount") + owed) / MICRO,
        gas_usd=(total(GasPaid, "account", "amount") + total(GasPaid, "account", "priority_fee")) / MICRO,
        trades=number(Traded, "taker", "maker") + number(CurveTraded, "taker"),
        refused=number(Rejected, "account"),
        liquidations=number(LiquidationStarted, "account"),
    )
