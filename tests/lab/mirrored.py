"""The same people with their sides swapped, on the mirrored path: what tests of it share.

A linear contract mirrors around a price P0: what a long wins where the price goes from P0 to p, a short wins where it goes to 2 P0 - p. So
commands are mirrored by swapping sides and reflecting prices in P0, and a stage by doing so to all that was drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from perplab.clients.bots.base import Rows
from perplab.exchange.messages import (
    KIND_COLUMN,
    BlockTrade,
    Deposit,
    OpenAccount,
    Place,
    SetLeverage,
    TakeAuction,
    UpdateOracle,
    column_of,
)
from perplab.lab.scenario import Scenario
from perplab.lab.stage import Stage

PRICES: Final = ((UpdateOracle, ("price", "perp_median")), (Place, ("price",)), (BlockTrade, ("price",)))
NEUTRAL: Final = (OpenAccount, Deposit, SetLeverage, TakeAuction)  # have neither a side nor a price


def mirrored(rows: Rows, first: int) -> Rows:
    """Commands with all prices reflected in `first` [ticks], buys as sells, and buyers as sellers. Shape (n, 16)."""
    known = [kind.KIND for kind in (*NEUTRAL, *(kind for kind, _ in PRICES))]
    assert set(rows[:, KIND_COLUMN].tolist()) <= set(known), "a command of which nobody has said how it is mirrored"
    out = rows.copy()
    for kind, names in PRICES:
        mine = rows[:, KIND_COLUMN] == kind.KIND
        for column in (column_of(kind, name) for name in names):
            out[mine, column] = np.where(rows[mine, column] > 0, 2 * first - rows[mine, column], 0)  # 0: no price
    placed, crossed = (rows[:, KIND_COLUMN] == kind.KIND for kind in (Place, BlockTrade))
    side, buyer, seller = column_of(Place, "side"), column_of(BlockTrade, "buyer"), column_of(BlockTrade, "seller")
    out[placed, side] = 1 - rows[placed, side]
    out[crossed, buyer], out[crossed, seller] = rows[crossed, seller], rows[crossed, buyer]
    return out


def with_sides_swapped(scenario: Scenario) -> Scenario:
    """The scenario with the makers' bids as asks and their asks as bids: all else that it says of agents has no side.

    Open interest is stated over the bids of makers, so that number changes and open interest does not.
    """
    makers = scenario.makers
    swapped = {
        "bid_usd": list(makers.ask_usd), "ask_usd": list(makers.bid_usd),
        "withdraw_bid": makers.withdraw_ask, "withdraw_ask": makers.withdraw_bid,
    }  # fmt: skip
    over_depth = scenario.population.open_interest_over_depth * scenario.open_interest_usd
    over_depth /= scenario.override({"makers": swapped}).open_interest_usd
    return scenario.override({"makers": swapped, "population": {"open_interest_over_depth": over_depth}})


def mirrored_stage(stage: Stage, swapped: Stage) -> Stage:
    """All that was drawn, mirrored at the starting price; `swapped` is the stage of the scenario with its sides swapped, for its agents."""
    first = stage.terms.ticks(float(stage.path.prices[0]))
    path = replace(stage.path, prices=2.0 * first * stage.terms.tick_usd - stage.path.prices)
    return replace(swapped, path=path, opening=mirrored(stage.opening, first), exogenous=mirrored(stage.exogenous, first))
