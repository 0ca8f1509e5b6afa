"""Whatever is sent to /exchange of the Hyperliquid dialect is answered, or is no request; the venue stays whole, and money is conserved."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import pytest
from hl_exchange_kit import WALL, Reply, Trader, Venue, limit, trigger

from perplab.exchange.server.hyperliquid.canonical import misfit
from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.hyperliquid.exchange import EXCHANGE, carry_out

ADDRESS = "0x" + "0" * 38 + "0a"
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**40, 1.5, "", "0", "1", "-1", "1e9", "9" * 39, "9" * 50, "\u0661", "nan", "0x", ADDRESS,
    "Gtc", [], [[]], {}, {"a": 1}, {"limit": {"tif": "Ioc"}}, "x" * 5_000,
)  # fmt: skip
GOOD: tuple[Reply, ...] = (
    {"type": "order", "orders": [limit("B", "59990", "0.1"), limit("A", "60010", "0.1", "Ioc")], "grouping": "na"},
    {"type": "order", "orders": [limit("B", "59990", "0.1"), trigger("A", "61000", "0.1", "tp")], "grouping": "normalTpsl"},
    {"type": "order", "orders": [trigger("A", "59000", "0", "sl"), trigger("A", "61000", "0", "tp")], "grouping": "positionTpsl"},
    {"type": "cancel", "cancels": [{"a": 0, "o": 1}]},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x" + "0" * 31 + "1"}]},
    {"type": "modify", "oid": 1, "order": limit("B", "59990", "0.1")},
    {"type": "batchModify", "modifies": [{"oid": 1, "order": limit("B", "59990", "0.1"), "a": True}]},
    {"type": "scheduleCancel", "time": WALL + 6_000},
    {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 5},
    {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": 5},
    {"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "0.1", "r": False, "m": 10, "t": False}},
    {"type": "twapCancel", "a": 0, "t": 1},
    {"type": "usdSend", "destination": ADDRESS, "amount": "1", "time": WALL},
    {"type": "spotSend", "destination": ADDRESS, "token": "USDC", "amount": "1", "time": WALL},
    {"type": "sendAsset", "destination": ADDRESS, "sourceDex": "", "destinationDex": "", "token": "USDC", "amount": "1",
     "fromSubAccount": "", "nonce": WALL},
    {"type": "usdClassTransfer", "amount": "1", "toPerp": True, "nonce": WALL},
    {"type": "withdraw3", "destination": ADDRESS, "amount": "1", "time": WALL},
    {"type": "createSubAccount", "name": "x"},
    {"type": "subAccountTransfer", "subAccountUser": ADDRESS, "isDeposit": True, "usd": 5},
    {"type": "subAccountSpotTransfer", "subAccountUser": ADDRESS, "isDeposit": True, "token": "USDC", "amount": "1"},
    {"type": "approveAgent", "agentAddress": ADDRESS, "agentName": "x", "nonce": WALL},
    {"type": "userSetAbstraction", "user": ADDRESS, "abstraction": "disabled"},
    {"type": "reserveRequestWeight", "weight": 5},
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a message."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def changed(action: Reply, path: tuple[Any, ...], new: Any, is_gone: bool) -> Reply:
    copy = deepcopy(action)
    at: Any = copy
    for key in path[:-1]:
        at = at[key]
    if is_gone:
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return copy


def tried(trader: Trader, action: Reply) -> None:
    try:
        reply = carry_out(trader.venue.dialect, action, trader.signed)
    except Unreadable as error:
        assert str(error) == "Failed to deserialize the JSON body into the target type"
        why = error.why or misfit(action)
        assert 5 < len(why) < 200, f"the log does not say why: {action} {why}"
        return
    assert isinstance(reply, dict) and reply["status"] in ("ok", "err")
    if reply["status"] == "err":
        text = reply["response"]
        assert isinstance(text, str) and 5 < len(text) < 200, text


def sum_of(venue: Venue) -> int:
    return sum(venue.host.exchange.balances_by_class().values())


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_each_value_of_each_action_may_be_anything(number: int) -> None:
    venue = Venue()
    alice, _bob = venue.trader("alice"), venue.trader("bob")
    action = GOOD[number]
    assert action["type"] in EXCHANGE.entries
    paid_in = venue.host.exchange.deposits()
    for path in places(action):
        if path == ("type",):
            continue
        for new in STRANGE:
            tried(alice, changed(action, path, new, False))
        tried(alice, changed(action, path, None, True))
    venue.host.exchange.check()
    assert sum_of(venue) == venue.host.exchange.deposits() - venue.host.exchange.withdrawals()
    assert venue.host.exchange.deposits() == paid_in


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_of_clients_leaves_the_venue_whole(seed: int) -> None:
    random, venue = Random(seed), Venue()
    traders = [venue.trader(name) for name in ("alice", "bob", "carol")]
    for _ in range(600):
        action = random.choice(GOOD)
        if random.random() < 0.6:
            action = changed(action, random.choice(places(action)[1:]), random.choice(STRANGE), random.random() < 0.1)
        elif action["type"] == "order":
            side, price = random.choice("AB"), str(random.randint(59_980, 60_020))
            orders = [limit(side, price, f"{random.randint(1, 400) / 1000}", random.choice(("Gtc", "Ioc", "Alo")))]
            action = {"type": "order", "orders": orders * random.randint(1, 3), "grouping": "na"}
        elif action["type"] == "cancel":
            action = {"type": "cancel", "cancels": [{"a": 0, "o": random.randint(1, venue.host.exchange.state.last_order_id + 1)}]}
        tried(random.choice(traders), action)
        if random.random() < 0.05:
            venue.world.later(random.random() * 60)
        if random.random() < 0.1:
            venue.host.exchange.check()
    venue.host.exchange.check()
    assert sum_of(venue) == venue.host.exchange.deposits() - venue.host.exchange.withdrawals()
