"""Packed columns put into the objects that hold them, for who is not compiled.

Compiled, because interpreted code that sets a compiled attribute to a vec leaves a reference to it behind (mypyc 2.4), and so the whole
table. Handed over as an object and cast here, it does not. A test restores snapshots and counts the memory.
"""

from __future__ import annotations

from typing import cast

from librt.vecs import vec
from mypy_extensions import i16, i64

from .ids import ClientIds, OrderIds
from .ladder import Ladder
from .market import Market
from .packed import Table
from .state import State
from .tables import Accounts


def put_column(thing: object, name: str, column: object) -> None:
    """Set the column `name` of an object of the state."""
    if isinstance(thing, Table):
        assert name == "cells", name
        thing.cells = cast(vec[i64], column)
    elif isinstance(thing, OrderIds):
        put_order_ids(thing, name, cast(vec[i64], column))
    elif isinstance(thing, ClientIds):
        put_client_ids(thing, name, column)
    elif isinstance(thing, Ladder):
        put_ladder(thing, name, cast(vec[i64], column))
    elif isinstance(thing, Accounts):
        put_accounts(thing, name, cast(vec[i64], column))
    elif isinstance(thing, Market):
        put_market(thing, name, cast(vec[i64], column))
    else:
        assert isinstance(thing, State)
        put_state(thing, name, cast(vec[i64], column))


def put_order_ids(ids: OrderIds, name: str, column: vec[i64]) -> None:
    assert name == "cells", name
    ids.cells = column


def put_client_ids(ids: ClientIds, name: str, column: object) -> None:
    if name == "open":
        ids.open = cast(vec[i64], column)
    elif name == "ring":
        ids.ring = cast(vec[i64], column)
    else:
        assert name == "index", name
        ids.index = cast(vec[i16], column)


def put_ladder(ladder: Ladder, name: str, column: vec[i64]) -> None:
    if name == "level":
        ladder.level = column
    elif name == "words":
        ladder.words = column
    else:
        assert name == "groups", name
        ladder.groups = column


def put_accounts(accounts: Accounts, name: str, column: vec[i64]) -> None:
    if name == "cash":
        accounts.cash = column
    elif name == "kind":
        accounts.kind = column
    elif name == "owner":
        accounts.owner = column
    elif name == "master":
        accounts.master = column
    elif name == "subs":
        accounts.subs = column
    elif name == "mode":
        accounts.mode = column
    elif name == "first_position":
        accounts.first_position = column
    elif name == "open_orders":
        accounts.open_orders = column
    elif name == "liquidations":
        accounts.liquidations = column
    elif name == "partial":
        accounts.partial = column
    elif name == "examined":
        accounts.examined = column
    elif name == "fund_spent":
        accounts.fund_spent = column
    else:
        assert name == "fund_window", name
        accounts.fund_window = column


def put_market(market: Market, name: str, column: vec[i64]) -> None:
    if name == "tier_lower":
        market.tier_lower = column
    elif name == "initial_ppm":
        market.initial_ppm = column
    elif name == "initial_deduction":
        market.initial_deduction = column
    elif name == "maintenance_ppm":
        market.maintenance_ppm = column
    else:
        assert name == "maintenance_deduction", name
        market.maintenance_deduction = column


def put_state(state: State, name: str, column: vec[i64]) -> None:
    if name == "deposits":
        state.deposits = column
    elif name == "withdrawals":
        state.withdrawals = column
    elif name == "fund_spent":
        state.fund_spent = column
    elif name == "collateral_market":
        state.collateral_market = column
    elif name == "collateral_weight":
        state.collateral_weight = column
    elif name == "hedge_market":
        state.hedge_market = column
    elif name == "hedged_weight":
        state.hedged_weight = column
    else:
        assert name == "fund_window", name
        state.fund_window = column
