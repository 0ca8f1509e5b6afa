"""Everything of a run that is settled before it begins: who has which account, the commands that seed the venue, the exogenous ones.

Rules: accounts are opened in the order of the cast, then the population; all of it happens at the starting time, at the starting mark,
off the book. So longs and shorts begin against each other on every design, also where an order would meet a curve alone: all of them
together would have left that curve as flat as it begins. Accounts and money are the scenario's alone; the venue decides by its scales and
margin tiers how much of what they want they can open, and by what it lets agents do, never by its name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import numpy as np

from perplab.clients.bots.base import NOTHING, Bot, Rows, Seat, pack
from perplab.clients.bots.stop_loss import stop
from perplab.clients.bots.taker import Flow, NoiseTaker
from perplab.exchange import VenueDesign
from perplab.exchange.design.venue import FundDesign
from perplab.exchange.messages import FIRST_USER, TS_COLUMN, BlockTrade, Command, Deposit, OpenAccount, SetLeverage, UpdateOracle
from perplab.exchange.units import MICRO, SECOND_NS
from perplab.lab.agents import Access, Agent, cast, holders, withdrawal
from perplab.lab.flow import noise_flows, oracle_rows
from perplab.lab.opening import Terms, opened, terms_of
from perplab.lab.population import TRADE_BUYER, TRADE_LOTS, TRADE_SELLER, Traders, populate
from perplab.lab.runs import ASSET, MARKET, Cohort, Granted, Ints
from perplab.lab.scenario import OwnPath, Scenario
from perplab.oracle.keyed import generator
from perplab.oracle.paths import PricePath

RANGES: Final = "concentrated"  # the rule of curves whose providers choose a range of prices


class Drawn(NamedTuple):
    """What a scenario and a seed alone decide, on venues of one scale; its arrays are read-only."""

    path: PricePath
    flows: list[Flow]
    traders: Traders


@dataclass(frozen=True)
class Stage:
    terms: Terms
    path: PricePath
    opening: Rows  # commands at the starting time, shape (n, 16)
    exogenous: Rows  # commands by rising ts, shape (m, 16)
    actors: list[tuple[Agent, Bot]]  # those who act during the run
    cohorts: tuple[Cohort, ...]
    accounts: int  # besides the venue's own
    names: list[str]  # of the accounts, by owner number
    granted: Granted
    samples: Ints  # when the book is looked at [ns], rising
    coins: Mapping[int, int] = field(default_factory=dict, kw_only=True)  # [lots] that accounts begin with, where they quote a spot market


def with_capital(venue: VenueDesign, backstop_usd: float) -> VenueDesign:
    """The venue whose fund and vault, where its design has them, start with the scenario's capital.

    So does the pool of a curve without a book: it is a backstop, and what makers have comes on top of it. The pool of a curve beside a
    book is a part of the design, as the number of its levels is, and stays what it is.
    """
    capital = round(backstop_usd)
    fund = FundDesign(capital if "insurance_fund" in venue.backstops else 0)
    vault = msgspec.structs.replace(venue.vault, capital=capital if "takeover" in venue.liquidation.steps else 0)
    markets = venue.markets
    if shares_capital(venue):
        curve = msgspec.structs.replace(markets[MARKET].curve, capital=capital)
        markets = (msgspec.structs.replace(markets[MARKET], curve=curve), *markets[MARKET + 1 :])
    return msgspec.structs.replace(venue, insurance_fund=fund, vault=vault, markets=markets)


def capital_of(venue: VenueDesign) -> dict[str, int]:
    """What the venue's own fund, vault and, where it has a curve, pool start with. [USD]"""
    own = {"insurance_fund": venue.insurance_fund.capital, "vault": venue.vault.capital}
    return own | ({"pool": venue.markets[MARKET].curve.capital} if has_curve(venue) else {})


def shares_capital(venue: VenueDesign) -> bool:
    """Whether the pool of its curve gets the same capital as a fund or a vault."""
    return takes_liquidity(venue) and not has_book(venue) and venue.markets[MARKET].curve.capital > 0


def has_curve(venue: VenueDesign) -> bool:
    return venue.markets[MARKET].curve.rule != "none"


def has_book(venue: VenueDesign) -> bool:
    return not has_curve(venue) or venue.markets[MARKET].curve.role != "separate"


def takes_liquidity(venue: VenueDesign) -> bool:
    """Whether a pool stands behind its curve that others may pay into."""
    curve = venue.markets[MARKET].curve
    return has_curve(venue) and (curve.capital > 0 or curve.rule == RANGES)


def access_of(venue: VenueDesign) -> Access:
    return Access(
        has_auctions="dutch_auction" in venue.liquidation.steps,
        has_book=has_book(venue),
        takes_liquidity=takes_liquidity(venue),
        has_ranges=venue.markets[MARKET].curve.rule == RANGES,
        has_blocks=venue.sequencing.rule == "blocks",
        open_orders=venue.max_open_orders,
    )


def set_stage(
    venue: VenueDesign, scenario: Scenario, seed: int, accounts: int | None, bots: Sequence[Agent] = (), path_seed: int | None = None
) -> Stage:
    """Draw everything that the run of this seed needs; `bots` come on top of the scenario's own agents.

    `path_seed` is that of the true price, where other venues share it; without, the same.
    """
    terms = terms_of(venue)
    path, flows, traders = drawn(scenario, seed, accounts, terms.lot_coins, terms.tick_usd, path_seed)
    trades, granted = opened(traders, terms)
    own = cast(scenario, flows, seed, access_of(venue))
    agents = [*own, *holders(scenario, traders), *bots]
    seats = [Seat(FIRST_USER + number, MARKET, terms.unit) for number in range(len(agents))]
    seated = [(agent, agent.make(seat)) for agent, seat in zip(agents, seats, strict=True) if agent.make]
    first = FIRST_USER + len(own)
    opening = _opening(scenario, terms, path.start_ns, agents, trades, first, traders)
    exogenous = exogenous_of(oracle_rows(scenario, path, seed, terms.tick_usd), [bot for _, bot in seated])
    acting = [(agent, bot) for agent, bot in seated if not isinstance(bot, NoiseTaker)]
    names = [agent.name for agent in agents]
    return Stage(terms, path, opening, exogenous, acting, cohorts_of(agents), len(agents), names, granted, samples_of(path, seed))


def drawn(
    scenario: Scenario, seed: int, accounts: int | None, lot_coins: float, tick_usd: float, path_seed: int | None = None
) -> Drawn:
    """Path, noise orders and population. The latest are kept: designs are compared on the same draws."""
    asked = (scenario, seed, accounts, lot_coins, tick_usd, path_seed)
    for before, kept in _LATEST:
        if before == asked:
            return kept
    path = scenario.price(seed if path_seed is None else path_seed)
    flows = noise_flows(scenario.noise, withdrawal(scenario.makers), path, seed, lot_coins, tick_usd)
    traders = populate(scenario, seed, accounts)
    made = Drawn(path, flows, traders)
    _make_read_only(made)
    if not isinstance(scenario.path, OwnPath):  # its file may be another by the next run
        _LATEST.append((asked, made))
    return made


_LATEST: Final[deque[tuple[tuple[object, ...], Drawn]]] = deque(maxlen=2)  # the last ones to be drawn, and for what


def _make_read_only(made: Drawn) -> None:
    """A run that changed an array would change the next run."""
    of_flows = [array for flow in made.flows for array in (flow.ts, flow.sides, flow.lots, flow.limits)]
    parts = (made.traders, made.traders.adders, made.traders.stops)
    of_traders = [value for part in parts for value in vars(part).values() if isinstance(value, np.ndarray)]
    for array in (*of_flows, *of_traders):
        array.flags.writeable = False


def samples_of(path: PricePath, seed: int) -> Ints:
    """A moment of each second, drawn: at regular times one would see the phase of whoever acts once a second, not the book. Shape (n,)"""
    seconds = path.start_ns + SECOND_NS * np.arange((path.end_ns - path.start_ns) // SECOND_NS, dtype=np.int64)
    drawn: Ints = seconds + generator(seed, "samples").integers(1, SECOND_NS, seconds.size)
    return drawn


def begun_with(agents: list[Agent], terms: Terms, price: int) -> list[tuple[int, int, int]]:
    """Buyer, seller and lots of the trades by which agents begin with positions that they have with each other."""
    held = [(FIRST_USER + number, agent.begins_usd) for number, agent in enumerate(agents) if agent.begins_usd]
    lots = [[account, round(abs(usd) * MICRO / (price * terms.unit))] for account, usd in held]
    longs, shorts = ([one for one, (_, usd) in zip(lots, held, strict=True) if (usd > 0) == buys] for buys in (True, False))
    trades = []
    while longs and shorts:
        size = min(longs[0][1], shorts[0][1])
        if size:
            trades.append((longs[0][0], shorts[0][0], size))
        for side in (longs, shorts):
            side[0][1] -= size
            if not side[0][1]:
                side.pop(0)
    return trades


def stops_of(traders: Traders, trades: Ints, seat: Seat, price: int) -> Rows:
    """The stops of those of the population who use them, and hold something; `seat` is the population's first."""
    size = np.zeros(traders.group.size, np.int64)
    np.add.at(size, trades[:, TRADE_BUYER], trades[:, TRADE_LOTS])
    np.subtract.at(size, trades[:, TRADE_SELLER], trades[:, TRADE_LOTS])
    owners = zip(traders.stops.account.tolist(), traders.stops.away.tolist(), strict=True)
    made = [stop(Seat(seat.account + one, seat.market, seat.unit), int(size[one]), price, away) for one, away in owners]
    return np.concatenate([NOTHING, *made])


def _opening(
    scenario: Scenario, terms: Terms, ts: int, agents: list[Agent], trades: Ints, first: int, traders: Traders
) -> Rows:
    """The first price, then accounts with money and leverage, then positions by block trades, then the stops of those who use them."""
    price = terms.ticks(scenario.path.first_usd)
    commands: list[Command] = [UpdateOracle(0, MARKET, price, price if scenario.oracle.outside_perp else 0)]
    for number, agent in enumerate(agents):
        account = FIRST_USER + number
        commands.append(OpenAccount(0, int(agent.kind), number))
        commands.append(Deposit(0, account, ASSET, agent.deposit))
        commands.append(SetLeverage(0, account, MARKET, terms.max_leverage))
    for buyer, seller, lots, at in trades.tolist():
        commands.append(BlockTrade(0, first + buyer, first + seller, MARKET, lots, at))
    commands += [BlockTrade(0, buyer, seller, MARKET, lots, price) for buyer, seller, lots in begun_with(agents, terms, price)]
    rows = np.concatenate([pack(*commands), stops_of(traders, trades, Seat(first, MARKET, terms.unit), price)])
    rows[:, TS_COLUMN] = ts
    return rows


def exogenous_of(oracle: Rows, bots: list[Bot]) -> Rows:
    """Oracle updates and noise orders by time; at equal times the oracle first."""
    blocks = [oracle]
    for bot in bots:
        if isinstance(bot, NoiseTaker):
            rows = bot.rows()
            rows[:, TS_COLUMN] = bot.flow.ts
            blocks.append(rows)
    rows = np.concatenate(blocks)
    ordered: Rows = np.ascontiguousarray(rows[np.argsort(rows[:, TS_COLUMN], kind="stable")])
    return ordered


def cohorts_of(agents: list[Agent]) -> tuple[Cohort, ...]:
    names = dict.fromkeys(agent.cohort for agent in agents)
    accounts = np.arange(len(agents), dtype=np.int64) + FIRST_USER
    of = np.array([agent.cohort for agent in agents])
    return tuple(Cohort(name, accounts[of == name]) for name in names)
