"""What of a run in several markets is settled before it begins: the same as in `lab.stage`, for each market and account structure.

Rules: every market has makers, arbitrageurs, bidders, momentum traders and noise of its own, with accounts of their own, scaled by its
depth; what they draw in the first market is what they draw in a run of one. Agents of the user's own act in the first market. Accounts
open in the order of the markets, then the user's own, then people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec
import numpy as np

from perplab.clients.bots.base import Bot, Rows, Seat, pack
from perplab.clients.bots.taker import NoiseTaker
from perplab.clients.bots.trader import TraderTerms
from perplab.exchange import VenueDesign, VenueError
from perplab.exchange.codes import AccountKind, MarginMode
from perplab.exchange.messages import (
    FIRST_USER,
    TS_COLUMN,
    BlockTrade,
    Command,
    Deposit,
    MoveIsolatedMargin,
    OpenAccount,
    SetLeverage,
    SetMarginMode,
    UpdateOracle,
    column_of,
)
from perplab.exchange.units import MS_NS
from perplab.oracle.paths import PricePath

from ..agents import TRADER_MS, Agent, cast, own_agents, withdrawal
from ..flow import noise_flows, oracle_rows
from ..opening import Terms, opened, terms_of
from ..runs import ASSET, MARKET, Granted, Ints
from ..scenario import Scenario
from ..stage import Stage, access_of, cohorts_of, exogenous_of, has_curve, samples_of
from .accounts import CROSS, SEGMENTED, Adder, Layout, Purse, layout_of, margin_to_move
from .paths import further_path
from .people import KINDS, People, market_seed, people_of


@dataclass(frozen=True)
class MarketsStage(Stage):
    """A stage with several markets; the path and the exogenous rows of `Stage` are those of the first, and of all."""

    paths: tuple[PricePath, ...]  # by market
    people: People
    layout: Layout
    first: int  # account number of the first of the people's


def with_markets(venue: VenueDesign, scenario: Scenario) -> VenueDesign:
    """The design with a copy of its market for each further one. VenueError: what a copy would not be fair to."""
    if has_curve(venue):
        raise VenueError(f"{venue.name}: markets[0].curve: expected none with several markets: a curve belongs to one of them")
    if "dutch_auction" in venue.liquidation.steps:
        expected = "expected no dutch_auction with several markets: bidders here buy in one market, and an auction sells all positions"
        raise VenueError(f"{venue.name}: liquidation.steps: {expected}")
    own = venue.markets[MARKET]
    copies = [msgspec.structs.replace(own, name=name) for name in scenario.further_markets]
    return msgspec.structs.replace(venue, markets=(own, *copies))


def scaled(scenario: Scenario, depth: float) -> Scenario:
    """The scenario with the depth, the noise and the capital of all agents times `depth`."""
    if depth == 1.0:
        return scenario
    change, s = msgspec.structs.replace, scenario
    return change(
        s,
        makers=change(s.makers, depth_scale=s.makers.depth_scale * depth, **_money(s.makers, depth)),
        noise=change(s.noise, per_s=s.noise.per_s * depth, capital_usd=s.noise.capital_usd * depth),
        momentum=change(s.momentum, position_usd=s.momentum.position_usd * depth, capital_usd=s.momentum.capital_usd * depth),
        arbitrageurs=change(s.arbitrageurs, clip_usd=s.arbitrageurs.clip_usd * depth, **_money(s.arbitrageurs, depth)),
        bidders=change(s.bidders, clip_usd=s.bidders.clip_usd * depth, **_money(s.bidders, depth)),
    )


def _money(who: object, depth: float) -> dict[str, float]:
    return {name: getattr(who, name) * depth for name in ("capital_usd", "outside_usd", "transfer_usd")}


class Crowd(NamedTuple):
    """Those who trade in one market, and what reaches the venue of it from outside."""

    agents: list[Agent]
    oracle: Rows
    path: PricePath


def crowds(venue: VenueDesign, scenario: Scenario, terms: Terms, seed: int) -> list[Crowd]:
    """By market."""
    first = scenario.price(seed)
    made = [crowd(venue, scenario, terms, seed, first)]
    for number, (name, market) in enumerate(scenario.further_markets.items(), start=1):
        path = further_path(name, market, scenario, first, seed)
        one = crowd(venue, scaled(scenario, market.depth), terms, market_seed(seed, name), path)
        one.oracle[:, column_of(UpdateOracle, "market")] = number
        made.append(one._replace(agents=[replace(agent, name=f"{agent.name}@{name}") for agent in one.agents]))
    return made


def crowd(venue: VenueDesign, scenario: Scenario, terms: Terms, seed: int, path: PricePath) -> Crowd:
    flows = noise_flows(scenario.noise, withdrawal(scenario.makers), path, seed, terms.lot_coins, terms.tick_usd)
    return Crowd(cast(scenario, flows, seed, access_of(venue)), oracle_rows(scenario, path, seed, terms.tick_usd), path)


def set_markets(venue: VenueDesign, scenario: Scenario, structure: str, seed: int, accounts: int | None) -> MarketsStage:
    """Draw everything that the run of this seed needs; `venue` has all markets. ScenarioError: no [books], or no hedgers for a market."""
    terms, people = terms_of(venue), people_of(scenario, seed, accounts)
    markets = crowds(venue, scenario, terms, seed)
    users = own_agents(scenario, seed)
    own = [*(agent for market in markets for agent in market.agents), *users]
    of_market = [*np.repeat(np.arange(len(markets)), [len(market.agents) for market in markets]).tolist(), *(MARKET for _ in users)]
    layout = layout_of(structure, people)
    agents = [*own, *owners(people, layout)]
    first = FIRST_USER + len(own)
    seats = [Seat(FIRST_USER + number, market, terms.unit) for number, market in enumerate(of_market)]
    seated = [(agent, agent.make(seat)) for agent, seat in zip(own, seats, strict=True) if agent.make]
    acting = [(agent, bot) for agent, bot in seated if not isinstance(bot, NoiseTaker)]
    acting += adders(scenario, people, layout, Seat(first, MARKET, terms.unit))
    tables = [opened(people.traders(number), terms) for number in range(len(markets))]
    trades, path = [table for table, _ in tables], markets[MARKET].path
    return MarketsStage(
        terms,
        path,
        opening_rows(scenario, terms, path.start_ns, agents, Held(people, layout, trades, first)),
        exogenous_of(np.concatenate([market.oracle for market in markets]), [bot for _, bot in seated]),
        acting,
        cohorts_of(agents),
        len(agents),
        [agent.name for agent in agents],
        in_all([granted for _, granted in tables]),
        samples_of(path, seed),
        tuple(market.path for market in markets),
        people,
        layout,
        first,
    )


def in_all(granted: list[Granted]) -> Granted:
    """What was granted in all markets together; an account is cut once for each position that is."""
    return Granted(*(sum(getattr(one, name) for one in granted) for name in ("accounts_cut", "wanted", "granted", "accounts")))


def owners(people: People, layout: Layout) -> list[Agent]:
    """The people's accounts, in the order of the layout. They have no bot here: an account may need one for each of its positions."""
    named = [f"{KINDS[people.kind[person]]}/{person}" for person in layout.person.tolist()]
    if layout.structure == SEGMENTED:
        named = [f"{name}@{market}" for name, market in zip(named, people.market.tolist(), strict=True)]
    paid = zip(named, layout.deposit.tolist(), strict=True)
    return [Agent(name, name.partition("/")[0], AccountKind.TRADER, deposit) for name, deposit in paid]


def adders(scenario: Scenario, people: People, layout: Layout, seat: Seat) -> list[tuple[Agent, Bot]]:
    """The bots of those who add margin: one for each pot of margin that they have; `seat` is that of the people's first account."""
    who, chosen = scenario.population, people.adders
    made: list[tuple[Agent, Bot]] = []
    table = np.stack([chosen.account, chosen.amount, chosen.interval_ns, chosen.phase_ns], axis=1)
    for person, amount, interval, phase in table.tolist():
        mine = np.flatnonzero(people.person == person)
        free = int((people.money[mine] - people.own_margin[mine]).clip(0).sum()) if layout.is_isolated else 0
        terms, purse = TraderTerms(interval, phase, ASSET, who.add_alarm, amount, who.add_times), Purse(free, who.add_times)
        pots = mine if layout.structure != CROSS else mine[:1]
        for position in pots.tolist():
            account = seat.account + int(layout.of_position[position])
            own = Seat(account, int(people.market[position]), seat.unit)
            agent = Agent(f"adder/{person}", KINDS[people.kind[person]], AccountKind.TRADER, 0, None, TRADER_MS * MS_NS, TRADER_MS * MS_NS)
            made.append((agent, Adder(own, terms, purse, layout.is_isolated)))
    return made


class Held(NamedTuple):
    """The people with their accounts and the trades that open their positions, by market; `first` is their first account."""

    people: People
    layout: Layout
    trades: list[Ints]
    first: int


def opening_rows(scenario: Scenario, terms: Terms, ts: int, agents: list[Agent], held: Held) -> Rows:
    """The first price of every market, accounts with money and settings, then positions by block trades, then isolated margin."""
    price, numbers = terms.ticks(scenario.path.first_usd), range(len(held.trades))
    commands: list[Command] = [UpdateOracle(0, number, price, price if scenario.oracle.outside_perp else 0) for number in numbers]
    for number, agent in enumerate(agents):
        account = FIRST_USER + number
        commands += [OpenAccount(0, int(agent.kind), number), Deposit(0, account, ASSET, agent.deposit)]
        commands += [SetLeverage(0, account, market, terms.max_leverage) for market in numbers]
    accounts = (held.layout.of_position + held.first).tolist()
    if held.layout.is_isolated:
        pots = list(zip(accounts, held.people.market.tolist(), strict=True))
        commands += [SetMarginMode(0, account, market, int(MarginMode.ISOLATED)) for account, market in pots]
    for market, table in enumerate(held.trades):
        commands += [BlockTrade(0, accounts[buyer], accounts[seller], market, lots, at) for buyer, seller, lots, at in table.tolist()]
    if held.layout.is_isolated:
        moved = margin_to_move(held.people, held.trades, terms, price).tolist()
        commands += [MoveIsolatedMargin(0, *pot, amount) for pot, amount in zip(pots, moved, strict=True) if amount]
    rows = pack(*commands)
    rows[:, TS_COLUMN] = ts
    return rows
