"""One run: a venue, a scenario and a seed, as a discrete-event simulation that drives the core in-process.

Rules: a `Simulation` is what belongs to one venue; the true price and the order of what happens belong to its world (`clock.py`), which it
may share. The exogenous commands (oracle updates, noise orders) lie ready in one array. A bot sees the venue as it is when it is called
and the outside world as it was `hears_ns` before; its commands arrive `orders_ns` later, together. Floats decide what agents ask for; the
integer core decides everything else. Nothing depends on the clock of the machine but `Timing`.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from time import perf_counter
from typing import Final

import numpy as np
from msgspec.structs import replace as replaced

from perplab.clients.bots.base import Action, Bot, Offer, Rows, Seat, View, share_of
from perplab.exchange import BUILD, Exchange, Journal, Malformed, VenueDesign
from perplab.exchange.codes import FIRST_USER, Reason, SystemAccount
from perplab.exchange.design.build import accrual_shift
from perplab.exchange.events import AUDIENCE_COLUMNS, EVENT_OF, Event, Rejected, audience, event_of_row
from perplab.exchange.messages import COMMAND_OF, KIND_COLUMN, TS_COLUMN, Side
from perplab.exchange.units import MICRO, PPM, SECOND_NS
from perplab.lab.agents import Agent, own_agents, strangers
from perplab.lab.clock import What, World
from perplab.lab.needs import must_have
from perplab.lab.outside import Outside
from perplab.lab.own import load_anew
from perplab.lab.own_agents import Guarded
from perplab.lab.population import GROUPS, HEDGERS
from perplab.lab.professionals import Watch, groups_of
from perplab.lab.recorder import Recorder
from perplab.lab.runs import ASSET, MARKET, Ints, MarketTerms, Run, Timing
from perplab.lab.scenario import Scenario, ScenarioError
from perplab.lab.stage import Stage, capital_of, has_curve, set_stage, with_capital
from perplab.lab.timeline import Faults

CHUNK: Final = 4096  # rows of one bulk call: compiled loops do not see signals
SYSTEM_NAMES: Final = {  # in a run's balances
    "insurance": SystemAccount.INSURANCE_FUND,
    "vault": SystemAccount.VAULT,
    "fees": SystemAccount.FEES,
    "rounding": SystemAccount.ROUNDING,
    "clearing": SystemAccount.CLEARING,
    "uncovered": SystemAccount.UNCOVERED,
}
WITH_CURVE: Final = SYSTEM_NAMES | {"pool": SystemAccount.CURVE}


class Actor:
    """A bot with its delays and the wake-up it waits for."""

    __slots__ = ("account", "bot", "hears_ns", "orders_ns", "wake_ts")

    def __init__(self, agent: Agent, bot: Bot) -> None:
        self.bot = bot
        self.account = bot.seat.account
        self.hears_ns = agent.hears_ns
        self.orders_ns = agent.orders_ns
        self.wake_ts = -1


class Simulation:
    """One venue of a run under way."""

    def __init__(self, venue: VenueDesign, scenario: Scenario, stage: Stage, world: World | None = None) -> None:
        """`world`: where other venues are too; without, one of its own."""
        self.world = world or World(stage.path, scenario.impact)
        self.world.venues.append(self)
        self.clock = self.world.clock
        self.stage = stage
        self.scenario = scenario
        self.venue_name = venue.name
        self.has_curve = has_curve(venue)
        self.journal = Journal(block_rows=CHUNK)
        self.exchange = Exchange(venue, self.journal)
        for owner, name in enumerate(stage.names):
            self.journal.name(owner, name)
        self.recorder = Recorder(self.exchange, stage.terms, scenario.sizes_usd)
        self.watch = Watch(self.exchange, stage.cohorts, self.has_curve)
        self.actors = [Actor(agent, bot) for agent, bot in stage.actors]
        self.commands = 0
        self.core_s = 0.0
        self._path = stage.path
        self.faults = Faults(scenario.faults, stage.path.start_ns, stage.cohorts)
        self._exogenous = self.faults.exogenous(stage.exogenous)
        hedgers = np.concatenate([cohort.accounts for cohort in stage.cohorts if cohort.name == GROUPS[HEDGERS]])
        self.outside = Outside(stage.path, scenario.impact, stage.terms, hedgers, self.world.price)
        self._arrivals: list[int] = [*self._exogenous[:, TS_COLUMN].tolist(), 2**62]
        self._next = 0  # first exogenous row that has not been sent
        first, markets = venue.markets[MARKET], venue.markets
        self._ticks_of = [float(first.tick / one.tick) for one in markets]  # of each market, in one of the first
        self._units = [int(one.tick * one.lot * MICRO) for one in markets]  # [micro] per tick x lot
        self._base = [(venue.assets.index(one.base_asset), int(one.lot * MICRO)) if one.is_spot else None for one in markets]
        self._samples = chain(stage.samples.tolist(), repeat(2**62))  # never again
        self._private, self._public, self._heard = self._listeners()
        self._soonest = min([actor.hears_ns for actor in self.actors if actor.bot.hears], default=SECOND_NS)
        self._gathered: list[Rows] = []  # commands by rising ts, which the venue has not been given yet
        self._until = 0  # [ns] up to here others may join them, as nobody can answer before
        self._now = 0  # [ns] of the last command that the venue was given

    def _listeners(self) -> tuple[dict[tuple[int, int], list[Actor]], dict[int, list[Actor]], Ints]:
        """Who is told of an event: by (kind, account) if it is private, by kind if not, and whether anyone hears of a kind at all."""
        private: dict[tuple[int, int], list[Actor]] = {}
        public: dict[int, list[Actor]] = {}
        heard = np.zeros(max(EVENT_OF) + 1, dtype=np.int64)
        for actor in self.actors:
            for kind in actor.bot.hears:
                heard[kind] = 1
                if AUDIENCE_COLUMNS[kind]:
                    private.setdefault((kind, actor.account), []).append(actor)
                else:
                    public.setdefault(kind, []).append(actor)
        return private, public, heard

    # -- the loop --

    def play(self, progress: Callable[[float], None] | None) -> None:
        """From the opening to the last point of the path."""
        self.world.play(progress)

    def open(self) -> None:
        """Carry out the opening. ScenarioError if the venue cannot take it."""
        self.gather(self.stage.opening)
        self.send()
        self._must_be_open()
        self.opening_equity, self.opening_size = self.accounts()
        self.watch.look()

    def begin(self) -> None:
        """Schedule the faults, and let everybody act for the first time."""
        start = self._path.start_ns
        for moment, rows in self.faults.moments():
            self._at(moment, rows)
        for actor in self.actors:
            self._act(actor, start, actor.bot.on_start(start, self._view(actor, start)))

    def begin_samples(self) -> None:
        self._at(next(self._samples), self._sample)

    def second(self) -> None:
        """A second is over: look at the professionals."""
        self.watch.look()

    def _must_be_open(self) -> None:
        """ScenarioError if the venue refused any part of the opening, or could liquidate somebody at once: who begins would be others."""
        events = self.recorder.events()
        refused = events[events[:, KIND_COLUMN] == Rejected.KIND]
        if len(refused):
            event = event_of_row(refused[0].tolist())
            assert isinstance(event, Rejected)
            owner = event.account - FIRST_USER
            name = self.stage.names[owner] if 0 <= owner < len(self.stage.names) else "the oracle"
            command = COMMAND_OF[event.command].__name__
            raise ScenarioError(
                f"scenario {self.scenario.name} cannot begin on {self.venue_name}: {command} of {name} is refused, "
                f"{Reason(event.reason).name} ({len(refused):,} of {len(self.stage.opening):,} commands)"
            )
        exchange = self.exchange
        for owner, name in enumerate(self.stage.names):
            equity, least = exchange.equity(FIRST_USER + owner), exchange.maintenance_margin(FIRST_USER + owner)
            if equity < least:
                raise ScenarioError(
                    f"scenario {self.scenario.name} cannot begin on {self.venue_name}: {name} has {equity / MICRO:,.2f} USD of equity, "
                    f"expected its maintenance margin of {least / MICRO:,.2f} USD at least"
                )

    def _at(self, ts: int, what: What) -> None:
        self.clock.at(ts, self, what)

    @property
    def arrival(self) -> int:
        """Of its next exogenous command. [ns]"""
        return self._arrivals[self._next]

    @property
    def is_gathering(self) -> bool:
        return bool(self._gathered)

    def silent_until(self) -> int:
        """Up to when nobody can answer what was gathered, or else the next exogenous command. [ns]"""
        return self._until if self._gathered else self._unanswered(self.arrival)

    def gather(self, rows: Rows) -> None:
        """Commands, by rising ts, for the next call of the venue."""
        if not self._gathered:
            self._until = self._unanswered(int(rows[0, TS_COLUMN]))
        self._gathered.append(rows)

    def _unanswered(self, first: int) -> int:
        """Up to when no bot can act on what comes of a command at `first`, nor on what falls due since the last one. [ns]"""
        return max(first, min(first - 1, self._now) + self._soonest)

    def gather_exogenous(self, ts: int) -> None:
        """Gather the exogenous rows up to and including `ts`, as far as they may join."""
        until = min(ts, self.silent_until())
        begin, self._next = self._next, bisect_right(self._arrivals, until, lo=self._next)
        self.gather(self.outside.moved(self._exogenous[begin : self._next]))

    def send(self) -> None:
        """Apply in bulk what has been gathered, write the events down, and tell those who listen."""
        if not self._gathered:
            return
        rows = self._gathered[0] if len(self._gathered) == 1 else np.concatenate(self._gathered)
        self._gathered.clear()
        self.commands += len(rows)
        for first in range(0, len(rows), CHUNK):
            self._apply(rows[first : first + CHUNK])

    def _apply(self, rows: Rows) -> None:
        began = perf_counter()
        try:
            out = self.exchange.apply_rows(rows.reshape(-1))
        except Malformed as error:  # an agent asks for more than any venue can take
            raise ScenarioError(
                f"scenario {self.scenario.name} goes beyond the bounds of a venue, on {self.venue_name}: {error}"
            ) from None
        self.core_s += perf_counter() - began
        self._now = int(rows[-1, TS_COLUMN])
        events = np.asarray(out).reshape(-1, rows.shape[1])
        self.recorder.add(events)
        self.outside.heed(events)
        heard = self._heard[events[:, KIND_COLUMN]]
        if heard.any():
            self._tell(events[heard == 1], rows[:, TS_COLUMN])

    # -- bots --

    def _tell(self, events: Rows, sent: Ints) -> None:
        """Events that somebody hears of, and when the commands were sent that they came of. Shapes (n, 16), (m,)"""
        for row in events.tolist():
            kind, accounts = row[KIND_COLUMN], audience(row)
            if accounts is None:
                actors = self._public.get(kind, [])
            else:
                actors = [actor for account in accounts for actor in self._private.get((kind, account), [])]
            for actor in actors:
                self._tell_one(actor, event_of_row(row), sent)

    def _tell_one(self, actor: Actor, event: Event, sent: Ints) -> None:
        came_out = int(sent[np.searchsorted(sent, event.ts)])  # what fell due between two commands came out with the second
        heard = max(event.ts + actor.hears_ns, came_out)
        self._at(heard, lambda ts: self._act(actor, ts, actor.bot.on_event(ts, event)))

    def _act(self, actor: Actor, ts: int, action: Action) -> None:
        """Carry what a bot returned: its commands to the venue, its wake-up to the heap."""
        rows, wake_ts = action
        self.deliver(actor.account, rows, ts + actor.orders_ns)
        if wake_ts is not None and wake_ts <= ts:
            raise ScenarioError(
                f"{type(actor.bot).__name__} of account {actor.account} asked at {ts} to be woken at {wake_ts}: expected later, or None"
            )
        if wake_ts is not None and not ts < actor.wake_ts <= wake_ts:
            actor.wake_ts = wake_ts
            self._at(actor.wake_ts, lambda when: self._wake(actor, when))

    def deliver(self, account: int, rows: Rows, arrival: int) -> None:
        """Commands of an account are on their way. [ns]"""
        if len(rows):
            rows = self.faults.of_agent(account, rows, arrival)
            if len(rows):
                self._at(int(rows[0, TS_COLUMN]), rows)

    def _wake(self, actor: Actor, ts: int) -> None:
        if actor.wake_ts == ts:  # else an earlier wake-up has replaced this one
            self._act(actor, ts, actor.bot.on_wake(ts, self._view(actor, ts)))

    def _view(self, actor: Actor, ts: int) -> View:
        if actor.bot.seat.market != MARKET:
            view = self.view_of(actor.bot.seat, ts, actor.hears_ns)
            return replaced(view, size=view.size - self.stage.coins.get(actor.account, 0))
        exchange, account = self.exchange, actor.account
        bid, ask = self._quotes()
        return View(
            bid,
            ask,
            exchange.last_price(MARKET),
            exchange.mark_price(MARKET),
            exchange.oracle_price(MARKET),
            self.outside.price(ts - actor.hears_ns),
            exchange.position(account, MARKET).size,
            exchange.equity(account),
            exchange.maintenance_margin(account),
            self._offers() if actor.bot.sees_offers else (),
            len(exchange.pending(account)),
        )

    def view_of(self, seat: Seat, ts: int, hears_ns: int) -> View:
        """What somebody sees of a market who may trade in others too; of a spot market, `size` is the coins that it has."""
        exchange, market, account = self.exchange, seat.market, seat.account
        bid, ask = self._quotes() if market == MARKET else (exchange.best_bid(market), exchange.best_ask(market))
        return View(
            bid,
            ask,
            exchange.last_price(market),
            exchange.mark_price(market),
            exchange.oracle_price(market),
            self.true_price(market, ts - hears_ns),
            self.holding(account, market),
            exchange.equity(account),
            exchange.maintenance_margin(account),
            (),
            len(exchange.pending(account)),
        )

    def true_price(self, market: int, ts: int) -> float:
        """At `ts`, in ticks of the market: that of the first one, as all others here trade the same coins."""
        return self.outside.price(ts) * self._ticks_of[market]

    def holding(self, account: int, market: int) -> int:
        """A position, or the coins behind a spot market. [lots]"""
        base = self._base[market]
        return self.exchange.position(account, market).size if base is None else self.exchange.balance(account, base[0]) // base[1]

    def perpetuals(self) -> list[int]:
        """The numbers of the markets that are not spot markets."""
        return [market for market, base in enumerate(self._base) if base is None]

    def worth(self, account: int, ts: int) -> int:
        """What an account has, isolated positions and coins included, at the true price. [micro]"""
        exchange = self.exchange
        total = float(exchange.account_value(account))
        for market, unit in enumerate(self._units):
            if held := self.holding(account, market):
                at = self.true_price(market, ts)
                total += held * (at if self._base[market] else at - exchange.mark_price(market)) * unit
        return round(total)

    def _quotes(self) -> tuple[int, int]:
        """Best bid and ask [ticks], 0 where there is none: with a curve, what a single lot would fetch and cost."""
        exchange = self.exchange
        if not self.has_curve:
            return exchange.best_bid(MARKET), exchange.best_ask(MARKET)
        sold, fetched = exchange.sweep(MARKET, Side.SELL, 1)
        bought, cost = exchange.sweep(MARKET, Side.BUY, 1)
        unit = self.stage.terms.unit
        return fetched // unit if sold else 0, -(-cost // unit) if bought else 0

    def _offers(self) -> tuple[Offer, ...]:
        """Open auctions: what is on offer of each, at the mark, and what taking it would gain now."""
        lot_value = self.exchange.mark_price(MARKET) * self.stage.terms.unit
        return tuple(
            Offer(
                one.auction,
                abs(one.size) * lot_value * one.share_ppm // PPM,
                one.gain * one.share_ppm // PPM,
                share_of(one.size, one.share_ppm),
            )
            for one in self.exchange.auctions()
            if one.size
        )

    def _sample(self, ts: int) -> None:
        """Write the book down."""
        self.recorder.sample(ts, self.outside.price(ts) * self.stage.terms.tick_usd)
        self._at(next(self._samples), self._sample)

    # -- the end --

    def accounts(self) -> tuple[Ints, Ints]:
        """Equity [micro] and position [lots] of every account, by number, isolated or not. What an account has in a pool is its own; the
        rest of the pool, and what rounding down leaves, is the venue's."""
        exchange = self.exchange
        accounts = range(FIRST_USER + self.stage.accounts)
        equity = np.array([exchange.equity(account) for account in accounts], dtype=np.int64)
        equity[FIRST_USER:] += [exchange.isolated_equity(account, MARKET) for account in accounts[FIRST_USER:]]  # a curve's is its pool's
        size = np.array([exchange.position(account, MARKET).size for account in accounts], dtype=np.int64)
        pool = exchange.pool(MARKET)
        if pool is not None:
            stake = self.stakes()
            equity += stake
            equity[SystemAccount.CURVE] += pool.equity - int(stake.sum())
        return equity, size

    def stakes(self) -> Ints:
        """What every account has in the pool of the curve, by number; the venue's own part is no stake. [micro]"""
        accounts = range(FIRST_USER + self.stage.accounts)
        return np.array([self.exchange.stake(account, MARKET) if account >= FIRST_USER else 0 for account in accounts], dtype=np.int64)

    def balances(self) -> dict[str, int]:
        """Ledger balance of every cohort and system account [micro]; the sum is what was paid in less what was paid out."""
        of = self.exchange.ledger_balance
        held = {cohort.name: sum(of(account) for account in cohort.accounts.tolist()) for cohort in self.stage.cohorts}
        return held | {name: of(account) for name, account in (WITH_CURVE if self.has_curve else SYSTEM_NAMES).items()}


def run(
    venue: VenueDesign,
    scenario: Scenario,
    seed: int,
    *,
    accounts: int | None = None,
    bots: Sequence[Agent] = (),
    own_capital: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Run:
    """Play `scenario` with `seed` on `venue`; `accounts` scales the population, whose open interest stays the scenario's.

    `bots` join the scenario's own agents, with the last account numbers, and change nobody's draws; each may send what the owner of its
    account may, and what it raises is a ScenarioError. Fund and vault start with the
    scenario's capital, or with `own_capital` the venue's. `progress` is told the share of the run that is done. Equal arguments give an
    equal Run, `timing` aside, on the compiled core and on the interpreted one. ScenarioError if the venue cannot take what is asked.
    """
    began = perf_counter()
    load_anew()
    must_have(venue, scenario)
    if scenario.archetypes:
        expected = "expected perplab.lab.archetypes.running.followed, which tells what became of them"
        raise ScenarioError(f"scenario {scenario.name} has archetypes, {', '.join(one.name for one in scenario.archetypes)}: {expected}")
    if not own_capital:
        venue = with_capital(venue, scenario.backstop_usd)
    stage = set_stage(venue, scenario, seed, accounts, [*own_agents(scenario, seed), *strangers(bots)])
    return played(Simulation(venue, scenario, stage), venue, seed, began, progress)


def played(
    simulation: Simulation, venue: VenueDesign, seed: int, began: float, progress: Callable[[float], None] | None = None
) -> Run:
    """Play it from the opening to the end; `began` is when the run did, by `perf_counter`."""
    simulation.play(progress)
    return run_of(simulation, venue, seed, perf_counter() - began)


def run_of(simulation: Simulation, venue: VenueDesign, seed: int, wall_s: float) -> Run:
    """What a venue's part of a run that is over leaves behind, besides what it took. [s]"""
    exchange, stage, terms = simulation.exchange, simulation.stage, simulation.stage.terms
    equity, size = simulation.accounts()
    events = simulation.recorder.events()
    bots = {actor.account: actor.bot.bot if isinstance(actor.bot, Guarded) else actor.bot for actor in simulation.actors}
    return Run(
        timing=Timing(wall_s, simulation.core_s),
        venue=venue.name,
        scenario=simulation.scenario.name,
        seed=seed,
        build=BUILD,
        terms=MarketTerms(venue.markets[MARKET].name, terms.tick_usd, terms.lot_coins, terms.unit, accrual_shift(venue.markets[MARKET])),
        start_ts=stage.path.start_ns,
        end_ts=stage.path.end_ns,
        watch_ts=simulation.scenario.path.watch_ts,
        commands=simulation.commands,
        state_hash=exchange.state_hash(),
        events=events,
        book=simulation.recorder.book(),
        path_ts=stage.path.start_ns + stage.path.step_ns * np.arange(stage.path.prices.size, dtype=np.int64),
        path_usd=simulation.outside.prices(),
        cohorts=stage.cohorts,
        opening_equity=simulation.opening_equity,
        closing_equity=equity,
        opening_size=simulation.opening_size,
        closing_size=size,
        balances=simulation.balances(),
        deposits=exchange.deposits(ASSET),
        withdrawals=exchange.withdrawals(ASSET),
        capital={name: usd * MICRO for name, usd in capital_of(venue).items()},
        closing_stake=simulation.stakes(),
        granted=stage.granted,
        professionals=groups_of(simulation.watch, bots, events, stage.path.start_ns),
        journal=simulation.journal.bytes(),
        path_sha256=hashlib.sha256(stage.path.prices.tobytes()).hexdigest(),
    )
