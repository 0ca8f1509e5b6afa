"""What a stage gets for those who are followed: an account each, behind everybody else's, and makers where they trade coins.

Rules: nobody's draws change, and no account number. The spot market's makers quote as those of the perpetual do, around the same true
price and with the same fear, and bring the coins and the dollars of their whole quotes: there is no leverage in coins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from perplab.clients.bots.base import Rows, Seat, pack
from perplab.exchange import VenueDesign
from perplab.exchange.codes import AccountKind
from perplab.exchange.messages import (
    FIRST_USER,
    KIND_COLUMN,
    TS_COLUMN,
    Command,
    Deposit,
    OpenAccount,
    SetLeverage,
    UpdateOracle,
    column_of,
)
from perplab.exchange.units import MICRO

from ..agents import Agent, makers
from ..needs import spot_of
from ..runs import ASSET, MARKET, Cohort
from ..scenario import Scenario
from ..stage import Stage, access_of
from ..structures.stage import scaled
from .tables import Archetype, SpotMarket

SPOT_MAKERS = "spot_makers"  # the cohort
ORACLE_MARKET = column_of(UpdateOracle, "market")


class Newcomer(NamedTuple):
    """An agent with a seat in a market, and the coins that it begins with."""

    agent: Agent
    market: int = MARKET
    coins: Mapping[int, int] = {}  # [micro] by asset
    lots: int = 0  # the same, in lots of its market


def with_spot(stage: Stage, venue: VenueDesign, scenario: Scenario, seed: int) -> Stage:
    """The stage with makers and an oracle price in the spot market. ScenarioError if the venue has none was told before."""
    market = spot_of(venue)
    assert market is not None
    small = scaled(scenario, (scenario.spot_market or SpotMarket()).depth)
    terms, price = venue.markets[market], scenario.path.first_usd
    each = max(small.makers.bid_usd[-1], small.makers.ask_usd[-1]) * small.makers.depth_scale / max(1, small.makers.count)
    lots = int(each / price / float(terms.lot))
    coins = {venue.assets.index(terms.base_asset): lots * int(terms.lot * MICRO)}
    newcomers = [
        Newcomer(replace(one, name=f"{SPOT_MAKERS}/{n}", cohort=SPOT_MAKERS, deposit=round(each * MICRO)), market, coins, lots)
        for n, one in enumerate(makers(small, access_of(venue)))
    ]
    first = pack(UpdateOracle(int(stage.path.start_ns), market, round(price / float(terms.tick)), 0))
    joined = with_newcomers(stage, newcomers, {market: int(terms.tick * terms.lot * MICRO)}, first)
    oracle = stage.exogenous[stage.exogenous[:, KIND_COLUMN] == UpdateOracle.KIND].copy()
    oracle[:, ORACLE_MARKET] = market
    rescale = float(venue.markets[MARKET].tick / terms.tick)
    oracle[:, column_of(UpdateOracle, "price")] = np.rint(oracle[:, column_of(UpdateOracle, "price")] * rescale)
    oracle[:, column_of(UpdateOracle, "perp_median")] = 0
    both = np.concatenate([stage.exogenous, oracle])
    return replace(joined, exogenous=np.ascontiguousarray(both[np.argsort(both[:, TS_COLUMN], kind="stable")]))


def with_archetypes(stage: Stage, venue: VenueDesign, archetypes: tuple[Archetype, ...]) -> Stage:
    """The stage with an account for each of these, which do not act by themselves: see `followed.Followed`."""
    newcomers = []
    for one in archetypes:
        hears, orders, capital = one.way(venue.name)
        newcomers.append(Newcomer(Agent(f"{one.name}/0", one.name, AccountKind.TRADER, round(capital * MICRO), None, hears, orders)))
    return with_newcomers(stage, newcomers, {})


def with_newcomers(stage: Stage, newcomers: list[Newcomer], units: Mapping[int, int], first: Rows | None = None) -> Stage:
    """The stage with these behind everybody else; `units` of the markets that are not the first, `first` what their accounts need first."""
    actors, commands, cohorts, coins = list(stage.actors), list[Command](), dict[str, list[int]](), dict(stage.coins)
    for number, one in enumerate(newcomers, start=stage.accounts):
        account = FIRST_USER + number
        commands += [OpenAccount(0, int(one.agent.kind), number), Deposit(0, account, ASSET, one.agent.deposit)]
        commands += [Deposit(0, account, asset, amount) for asset, amount in one.coins.items()]
        if one.market == MARKET:
            commands.append(SetLeverage(0, account, MARKET, stage.terms.max_leverage))
        if one.lots:
            coins[account] = one.lots
        if one.agent.make is not None:
            seat = Seat(account, one.market, units.get(one.market, stage.terms.unit))
            actors.append((one.agent, one.agent.make(seat)))
        cohorts.setdefault(one.agent.cohort, []).append(account)
    rows = pack(*commands)
    rows[:, TS_COLUMN] = stage.path.start_ns
    return replace(
        stage,
        opening=np.concatenate([stage.opening, *([] if first is None else [first]), rows]),
        actors=actors,
        cohorts=(*stage.cohorts, *(Cohort(name, np.array(members, np.int64)) for name, members in cohorts.items())),
        accounts=stage.accounts + len(newcomers),
        names=[*stage.names, *(one.agent.name for one in newcomers)],
        coins=coins,
    )
