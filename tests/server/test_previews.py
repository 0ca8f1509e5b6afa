"""What-ifs on the wire: the question `preview`."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from wire import World, design_of

from perplab.exchange.messages import UpdateOracle


def test_a_preview_says_what_an_order_then_comes_to() -> None:
    world = World()
    maker, taker = world.talker("maker"), world.talker("taker")
    maker.ask("place", market=0, side="SELL", price=60_100, size=10)
    before = world.host.exchange.state_hash()
    found = taker.ask("preview", market="BTC-PERP", side="BUY", price=60_200, size=15, client_id="0xff")
    assert found["ok"] and world.host.exchange.state_hash() == before
    assert (found["reason"], found["filled"], found["rests"], found["cancelled"], found["cancel_reason"]) == (None, 10, 5, 0, None)
    assert found["average"] == 60_100 and found["mid_slippage_ppm"] is None  # there are no bids
    placed = taker.ask("place", market="BTC-PERP", side="BUY", price=60_200, size=15)
    assert (placed["filled"], placed["open"]) == (10, 5)
    account = taker.ask("account")
    assert (account["positions"][0]["size"], account["balances"][0]["equity"]) == (found["size"], found["equity"])
    assert account["balances"][0]["available"] == found["available_margin"]


def test_a_preview_says_why_not_and_costs_a_token() -> None:
    world = World()
    talker = world.talker("alice")
    first = talker.ask("preview", market=0, side="BUY", price=90_000, size=1_000)
    second = talker.ask("preview", market=0, side="BUY", price=60_000, size=10**9)
    assert (first["reason"], second["reason"]) == ("PRICE_BAND", "NOTIONAL_LIMIT") and second["ok"]
    assert second["tokens"] == first["tokens"] - 1
    zeros = {"filled", "rests", "cancelled", "lost", "value", "average"}
    assert {first[name] for name in zeros} == {0}
    told = set(first) - zeros - {"id", "ok", "tokens", "account", "market", "ts", "reason"}
    assert len(told) == 13 and {first[name] for name in told} == {None}  # a zero would read as an account that has nothing
    assert talker.ask("preview", market="NONE", side="BUY", price=1, size=1)["reason"] == "UNKNOWN_NAME"


@pytest.mark.parametrize("held", ["position", "order", "trigger", "order here", "nothing"])
def test_where_money_leaves_only_flat_accounts_what_is_held_elsewhere_counts(held: str) -> None:
    sandbox = design_of("sandbox")
    world = World(replace(sandbox, money=replace(sandbox.money, withdrawals="flat")))
    world.host.send([UpdateOracle(0, 1, 30_000)])
    alice, bob = world.talker("alice"), world.talker("bob")
    if held in ("position", "order"):
        alice.ask("place", market=1, side="BUY", price=30_000, size=100)
    if held == "position":
        assert bob.ask("place", market=1, side="SELL", price=30_000, size=100)["state"] == "FILLED"
    if held == "trigger":
        stop = {"market": 1, "side": "BUY", "size": 3, "trigger": "STOP", "source": "ORACLE", "trigger_price": 31_000}
        assert alice.ask("place_trigger", **stop)["ok"]
    if held == "order here":
        assert alice.ask("place", market=0, side="BUY", price=59_000, size=100)["ok"]
    found = alice.ask("preview", market=0, side="BUY", price=59_500, size=100, tif="IOC")
    withdrawable = alice.ask("account")["balances"][0]["withdrawable"]
    assert (found["reason"], found["size"], found["rests"]) == (None, 0, 0)
    assert found["free_margin"] == withdrawable == (0 if held != "nothing" else 10**12)


def test_an_order_that_closes_all_leaves_a_flat_account_whose_money_may_go() -> None:
    sandbox = design_of("sandbox")
    world = World(replace(sandbox, money=replace(sandbox.money, withdrawals="flat")))
    alice, bob = world.talker("alice"), world.talker("bob")
    for side, other in (("BUY", "SELL"), ("SELL", "BUY")):
        bob.ask("place", market=0, side=other, price=60_000, size=100)
        found = alice.ask("preview", market=0, side=side, price=60_000, size=100)
        assert alice.ask("place", market=0, side=side, price=60_000, size=100)["state"] == "FILLED"
        assert found["free_margin"] == alice.ask("account")["balances"][0]["withdrawable"]
    assert found["free_margin"] > 0
