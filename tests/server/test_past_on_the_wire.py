"""Candles, liquidations and accounts at risk, as clients ask for them."""

from __future__ import annotations

from typing import Any

import pytest
from test_operator import operator
from wire import SECOND, START, Message, Talker, World

from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server import past_questions

MINUTE = 60 * SECOND
UNIT = 1_000  # micro-units per tick x lot


def trade(buyer: Talker, seller: Talker, price: int, lots: int) -> None:
    assert seller.ask("place", market=0, side="SELL", price=price, size=lots)["ok"]
    assert buyer.ask("place", market=0, side="BUY", price=price, size=lots)["state"] == "FILLED"


def account_of(talker: Talker) -> int:
    account: int = talker.ask("accounts")["accounts"][0]
    return account


def test_candles_have_trades_mark_and_oracle() -> None:
    world = World()
    alice, bob, guest = world.talker("alice"), world.talker("bob"), world.talker()
    trade(alice, bob, 60_000, 3)
    trade(alice, bob, 60_100, 1)
    world.later(60)
    world.host.send([UpdateOracle(0, 0, 60_500)])
    told = guest.ask("candles", market="BTC-PERP")
    first, second = told["candles"]
    assert (told["market"], told["interval"], told["ts"]) == (0, "1m", START + MINUTE)
    assert first == {
        "begin": START, "open": 60_000, "high": 60_100, "low": 60_000, "close": 60_100, "size": 4, "trades": 2, "liquidated": 0,
        "value": (3 * 60_000 + 60_100) * UNIT, "mark": first["mark"], "oracle": [60_000] * 4,
    }  # fmt: skip
    assert (second["open"], second["close"], second["trades"], second["oracle"]) == (60_100, 60_100, 0, [60_500] * 4)
    (hour,) = guest.ask("candles", market=0, interval="1h")["candles"]
    assert (hour["open"], hour["high"], hour["close"], hour["size"]) == (60_000, 60_100, 60_100, 4)


def test_candles_from_a_time_to_a_time_and_no_more_than_wanted() -> None:
    world = World()
    alice, bob = world.talker("alice"), world.talker("bob")
    for number in range(6):
        trade(alice, bob, 60_000 + number, 1)
        world.later(60)

    def begins(**fields: object) -> list[int]:
        return [(one["begin"] - START) // MINUTE for one in alice.ask("candles", market=0, **fields)["candles"]]

    assert begins(end=START + 5 * MINUTE) == [0, 1, 2, 3, 4, 5] and begins(end=START + 5 * MINUTE, limit=2) == [4, 5]
    assert begins(start=START + 2 * MINUTE + 1, end=START + 4 * MINUTE - 1) == [2, 3]
    assert begins(start=START + 100 * MINUTE) == [] and begins(end=5) == []
    assert begins(start=2**62, end=2**62) == [] and begins(end=2**62, limit=1) == begins(limit=1)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "MISSING_FIELD"), ({"market": "DOGE"}, "UNKNOWN_NAME"), ({"market": 5}, "OUT_OF_BOUNDS"),
        ({"market": 0, "interval": "7m"}, "UNKNOWN_NAME"), ({"market": 0, "limit": 1_501}, "OUT_OF_BOUNDS"),
        ({"market": 0, "start": -1}, "OUT_OF_BOUNDS"), ({"market": 0, "end": 2**63}, "OUT_OF_BOUNDS"),
    ],
)  # fmt: skip
def test_candles_of_nothing_are_refused(fields: dict[str, Any], reason: str) -> None:
    assert World().talker("alice").ask("candles", **fields)["reason"] == reason


def fallen() -> tuple[World, dict[str, Talker]]:
    """Ann is long 1,000 lots with money for little; the price falls by a tenth, and bob's bid takes what she has."""
    world = World()
    people = {name: world.talker(name, money=0) for name in ("ann", "bob", "carl")}
    for name, money in (("ann", 4 * 10**9), ("bob", 10**12), ("carl", 10**12)):
        assert people[name].ask("faucet", amount=money)["ok"]
    trade(people["ann"], people["carl"], 60_000, 1_000)
    assert people["bob"].ask("place", market=0, side="BUY", price=55_500, size=5_000)["ok"]
    world.host.send([UpdateOracle(0, 0, 55_800)])
    for _ in range(5):
        world.later(1)
    return world, people


def test_a_liquidation_says_who_closed_whom_and_who_paid() -> None:
    world, people = fallen()
    told = operator(world).ask("liquidations")["liquidations"]
    assert told, "she was liquidated"
    ann, bob = account_of(people["ann"]), account_of(people["bob"])
    assert sum(one["size"] for one in told) == 1_000
    for one in told:
        assert (one["account"], one["user"], one["market"], one["method"]) == (ann, "ann", 0, "BOOK")
        assert [(by["account"], by["user"], by["size"]) for by in one["against"]] == [(bob, "bob", one["size"])]
        assert one["price"] == 55_500 and one["value"] == one["size"] * 55_500 * UNIT
        assert sum(by["amount"] for by in one["paid"]) == one["deficit"]
    (fills,) = [world.host.history.fills(bob)]
    assert fills[0].liquidation is not None and fills[0].liquidation.account == ann
    assert [fill.liquidation is not None for fill in world.host.history.fills(ann)] == [False, *[True] * len(told)]


def test_others_are_told_what_was_closed_and_not_whose() -> None:
    world, people = fallen()
    for reader in (world.talker(), people["bob"]):
        reader.session.scopes = tuple(scope for scope in reader.session.scopes if scope != "admin")
        for one in reader.ask("liquidations")["liquidations"]:
            hidden = {name for name, value in one.items() if value is None}
            assert hidden == {"account", "user", "deficit", "fee", "against", "paid"} and one["size"] > 0
    people["ann"].session.scopes = ("read",)
    own = people["ann"].ask("liquidations")["liquidations"]
    assert own[0]["user"] == "ann" and own[0]["against"], "her own"
    assert people["ann"].ask("liquidations", since=own[-1]["seq"])["liquidations"] == []
    assert people["ann"].ask("liquidations", limit=1)["liquidations"] == own[-1:]


def test_accounts_at_risk_are_ranked() -> None:
    world = World()
    people = {name: world.talker(name, money=0) for name in ("ann", "bob", "carl", "dora")}
    for name, money in (("ann", 10 * 10**9), ("bob", 20 * 10**9), ("carl", 10**12), ("dora", 10**12)):
        assert people[name].ask("faucet", amount=money)["ok"]
    assert people["bob"].ask("set_margin_mode", market=0, mode="ISOLATED")["ok"]
    for name in ("ann", "bob"):
        trade(people[name], people["carl"], 60_000, 1_000)
    admin = operator(world)
    told = admin.ask("accounts_at_risk")["accounts"]
    assert [one["user"] for one in told] == ["bob", "ann", "carl"], "who holds nothing is at no risk"
    venue = world.host.exchange
    for one in told:
        account, isolated = one["account"], one["user"] == "bob"
        equity = venue.isolated_equity(account, 0) if isolated else venue.equity(account, 0)
        maintenance = venue.position_maintenance(account, 0)
        assert (one["equity"], one["maintenance"], one["market"]) == (equity, maintenance, 0 if isolated else None)
        assert one["ratio_ppm"] == equity * 10**6 // maintenance and one["liquidated"] is False
        (position,) = one["positions"]
        assert position["size"] == venue.position(account, 0).size
        assert position["liquidation_price"] == (venue.liquidation_price(account, 0) or None)
    assert [one["user"] for one in admin.ask("accounts_at_risk", limit=1)["accounts"]] == ["bob"]


def test_many_accounts_are_looked_at_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_questions, "SCANNED", 2)
    world = World()
    talkers = [world.talker(f"user{number}", money=0) for number in range(9)]
    for number, talker in enumerate(talkers):
        assert talker.ask("faucet", amount=(number + 2) * 10**9)["ok"]
    for buyer, seller in zip(talkers[::2], talkers[1::2], strict=False):
        trade(buyer, seller, 60_000, 100)
    told: Message = operator(world).ask("accounts_at_risk", limit=3)
    assert [one["user"] for one in told["accounts"]] == ["user0", "user1", "user2"]
    ratios = [one["ratio_ppm"] for one in told["accounts"]]
    assert ratios == sorted(ratios)
