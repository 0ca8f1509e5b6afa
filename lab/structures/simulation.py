"""A run in several markets: the simulation of `lab.simulation`, whose agents see their own market, and people's margin as it is divided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from perplab.clients.bots.base import View
from perplab.exchange import VenueDesign
from perplab.exchange.events import CurveTraded, Deleveraged, Traded
from perplab.exchange.messages import FIRST_USER, KIND_COLUMN, UpdateOracle, column_of

from ..outside import Outside
from ..own import load_anew
from ..runs import MARKET, Floats, Ints, Run
from ..scenario import Scenario, ScenarioError
from ..simulation import Actor, Simulation, played
from ..stage import with_capital
from .accounts import Adder
from .stage import MarketsStage, set_markets, with_markets

MARKET_COLUMNS = {kind.KIND: column_of(kind, "market") for kind in (Traded, CurveTraded, Deleveraged)}
EXOGENOUS_MARKET = column_of(UpdateOracle, "market")


@dataclass(frozen=True)
class MarketsRun:
    """What a run in several markets leaves: positions in `run` have a column for each market, shape (accounts, markets)."""

    run: Run
    stage: MarketsStage
    true_usd: tuple[Floats, ...]  # the true price of each market, on the path's grid
    closing_pots: Ints  # [micro] closing equity of cash and cross positions, then of each isolated position; (accounts, 1 + markets)


class Outsides(Outside):
    """The true prices of all markets; as an `Outside`, that of the first. What is traded in a market moves its own price alone."""

    def __init__(self, stage: MarketsStage, first: Outside, scenario: Scenario) -> None:
        super().__init__(stage.path, scenario.impact, stage.terms, first.hedgers, first.true)
        self.further = [Outside(path, scenario.impact, stage.terms, first.hedgers) for path in stage.paths[1:]]

    def of(self, market: int) -> Outside:
        return self.further[market - 1] if market else self

    def heed(self, events: Ints) -> None:
        if self.true.moves:
            market = market_of(events)
            super().heed(events[market == MARKET])
            for number, one in enumerate(self.further, start=1):
                one.heed(events[market == number])

    def moved(self, rows: Ints) -> Ints:
        if not self.true.moves:
            return rows
        rows, market = rows.copy(), rows[:, EXOGENOUS_MARKET].copy()
        rows[market == MARKET] = super().moved(rows[market == MARKET])
        for number, one in enumerate(self.further, start=1):
            rows[market == number] = one.moved(rows[market == number])
        return rows


def market_of(events: Ints) -> Ints:
    """The market of each trade, -1 for all other events; shape (n,)."""
    market = np.full(len(events), -1, np.int64)
    for kind, column in MARKET_COLUMNS.items():
        mine = events[:, KIND_COLUMN] == kind
        market[mine] = events[mine, column]
    return market


class MarketsSimulation(Simulation):
    """Everything but what an agent sees, and how equity is added up, is the simulation's own."""

    def __init__(self, venue: VenueDesign, scenario: Scenario, stage: MarketsStage) -> None:
        super().__init__(venue, scenario, stage)
        self.markets = range(len(stage.paths))
        self.outsides = Outsides(stage, self.outside, scenario)
        self.outside = self.outsides

    def second(self) -> None:
        super().second()
        for one in self.outsides.further:
            one.second()

    def _view(self, actor: Actor, ts: int) -> View:
        bot, exchange, account = actor.bot, self.exchange, actor.account
        market = bot.seat.market
        if isinstance(bot, Adder):
            return self._margin(bot)
        if market == MARKET:
            return super()._view(actor, ts)
        return View(
            exchange.best_bid(market),
            exchange.best_ask(market),
            exchange.last_price(market),
            exchange.mark_price(market),
            exchange.oracle_price(market),
            self.outsides.of(market).price(ts - actor.hears_ns),
            exchange.position(account, market).size,
            exchange.equity(account),
            exchange.maintenance_margin(account),
            (),
            len(exchange.pending(account)),
        )

    def true_price(self, market: int, ts: int) -> float:
        """At `ts`, in ticks of the market."""
        return self.outsides.of(market).price(ts)

    def _margin(self, bot: Adder) -> View:
        """What somebody who adds margin looks at: the pot, and whether anything stands on it. Prices it does not look at are left out."""
        exchange, account, market = self.exchange, bot.seat.account, bot.seat.market
        if bot.isolated:
            equity, needed = exchange.isolated_equity(account, market), exchange.position_maintenance(account, market)
            return View(0, 0, 0, 0, 0, 0.0, exchange.position(account, market).size, equity, needed)
        held = sum(abs(exchange.position(account, one).size) for one in self.markets)
        return View(0, 0, 0, 0, 0, 0.0, held, exchange.equity(account), exchange.maintenance_margin(account))

    # -- the end --

    def pots(self) -> Ints:
        """Equity of each account's cash and cross positions, then of its isolated position in each market; (accounts, 1 + markets)."""
        exchange = self.exchange
        table = np.zeros((FIRST_USER + self.stage.accounts, 1 + len(self.markets)), np.int64)
        for account in range(len(table)):
            table[account, 0] = exchange.equity(account)
            for market in self.markets:
                table[account, 1 + market] = exchange.isolated_equity(account, market)
        return table

    def accounts(self) -> tuple[Ints, Ints]:
        """Equity of every account, isolated positions included, and its position in each market, shape (accounts, markets)."""
        exchange, accounts = self.exchange, range(FIRST_USER + self.stage.accounts)
        size = np.array([[exchange.position(account, market).size for market in self.markets] for account in accounts], dtype=np.int64)
        return self.pots().sum(axis=1), size


def run_markets(
    venue: VenueDesign,
    scenario: Scenario,
    structure: str,
    seed: int,
    *,
    accounts: int | None = None,
    own_capital: bool = False,
    progress: Callable[[float], None] | None = None,
) -> MarketsRun:
    """Play `scenario` with `seed` in all its markets, people's money divided as `structure` says: cross, isolated or segmented.

    The arguments are those of `lab.simulation.run`. VenueError or ScenarioError if the venue or the scenario cannot take what is asked.
    """
    began = perf_counter()
    load_anew()
    if scenario.archetypes:
        raise ScenarioError(f"scenario {scenario.name} has archetypes, and several markets: expected none of them with several markets")
    if not own_capital:
        venue = with_capital(venue, scenario.backstop_usd)
    venue = with_markets(venue, scenario)
    stage = set_markets(venue, scenario, structure, seed, accounts)
    simulation = MarketsSimulation(venue, scenario, stage)
    run = played(simulation, venue, seed, began, progress)
    true_usd = tuple(simulation.outsides.of(market).prices() if market else run.path_usd for market in simulation.markets)
    return MarketsRun(run, stage, true_usd, simulation.pots())
