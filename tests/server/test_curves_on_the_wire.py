"""A market with a curve, as clients see it: its trades are fills like any other, its pool can be looked at and joined."""

from __future__ import annotations

import pytest
from venues import venue
from wire import Message, Talker, World

from perplab.exchange.messages import ROW, Place, column_of
from perplab.exchange.server.routing import FILLED, PAID, VALUE, WIDTH

UNIT = 1_000  # [micro] per tick x lot
MICRO = 10**6


def worth(first: int, lots: int) -> int:
    """[micro] of lots at first, first + 1, ... ticks."""
    return sum(first + number for number in range(lots)) * UNIT


@pytest.fixture
def world() -> World:
    return World(venue(curve={}))


def buy(talker: Talker, size: int, price: int, **more: object) -> Message:
    return talker.ask("place", market=0, side="BUY", price=price, size=size, tif="IOC", **more)


def test_an_order_that_fills_on_the_curve_is_filled(world: World) -> None:
    alice = world.talker("alice")
    alice.ask("subscribe", channel="private")
    alice.heard()
    told = buy(alice, 5, 61_000)
    assert (told["state"], told["filled"], told["open"]) == ("FILLED", 5, 0)
    assert told["filled_notional"] == worth(60_003, 5), "exact, and off the grid"
    (message,) = alice.heard("private")
    placed, traded = message["events"]
    assert (placed["type"], traded["type"], traded["value"]) == ("OrderPlaced", "CurveTraded", told["filled_notional"])
    asked = alice.ask("order", order_id=told["order_id"])
    assert (asked["state"], asked["filled"], asked["open"], asked["market"]) == ("FILLED", 5, 0, 0)


def test_curve_and_book_fill_one_order_and_their_sum_is_told(world: World) -> None:
    alice, bob = world.talker("alice"), world.talker("bob")
    bob.ask("place", market=0, side="SELL", price=60_004, size=7)
    told = buy(alice, 10, 60_005)
    assert (told["state"], told["filled"]) == ("FILLED", 10)
    assert told["filled_notional"] == 60_003 * UNIT + 7 * 60_004 * UNIT + worth(60_004, 2)
    part = alice.ask("place", market=0, side="BUY", price=60_006, size=9)
    assert (part["state"], part["filled"], part["open"], part["filled_notional"]) == ("OPEN", 1, 8, 60_006 * UNIT)


def test_plain_and_worded_replies_agree() -> None:
    """In a named session replies are remembered, so that they are said in words."""
    told = []
    for session in ({}, {"session": "s"}):
        alice = World(venue(curve={})).talker()
        alice.ask("login", name="alice", **session)
        alice.ask("faucet", amount=10**12)
        told.append([buy(alice, 3, 61_000), buy(alice, 1, 60_000), alice.ask("add_liquidity", market=0, amount=MICRO)])
    assert told[0] == told[1] and told[0][0]["filled"] == 3 and told[0][1]["state"] == "CANCELLED"


def test_packed_rows_tell_the_value(world: World) -> None:
    alice = world.talker("alice")
    row = [0] * ROW
    account = alice.ask("accounts")["accounts"][0]
    fields = {"account": account, "side": 0, "price": 61_000, "size": 4, "tif": 1}
    row[0] = Place.KIND
    for name, value in fields.items():
        row[column_of(Place, name)] = value
    reply = alice.ask("rows", rows=b"".join(one.to_bytes(8, "little", signed=True) for one in row))
    status = memoryview(reply["statuses"]).cast("q").tolist()
    assert len(status) == WIDTH and (status[FILLED], status[PAID], status[VALUE]) == (4, 0, worth(60_003, 4))


def test_the_public_trades_have_those_with_the_curve(world: World) -> None:
    alice, bob, eve = world.talker("alice"), world.talker("bob"), world.talker()
    eve.ask("subscribe", channel="trades", market=0)
    eve.heard()
    bob.ask("place", market=0, side="SELL", price=60_004, size=2)
    buy(alice, 4, 60_005)
    world.host.flush()
    (message,) = eve.heard("trades")
    first, second, third = message["items"]
    assert (first["source"], first["price"], first["size"], first["value"]) == ("CURVE", 60_003, 1, 60_003 * UNIT)
    assert (second["source"], second["price"], second["size"]) == ("BOOK", 60_004, 2) and "value" not in second
    assert (third["source"], third["taker_side"], third["liquidation"]) == ("CURVE", "BUY", 0)
    assert all("taker" not in item and "order_id" not in item for item in message["items"]), "nobody learns who it was"


def test_a_pool_is_joined_and_left(world: World) -> None:
    alice = world.talker("alice")
    added = alice.ask("add_liquidity", market="BTC-PERP", amount=10_000 * MICRO)
    assert (added["market"], added["amount"], added["range_id"]) == (0, 10_000 * MICRO, 0) and added["shares"] > 0
    (own,) = alice.ask("account")["liquidity"]
    assert (own["shares"], own["paid_in"]) == (added["shares"], added["amount"]) and own["worth"] <= own["paid_in"]
    too_many = alice.ask("remove_liquidity", market=0, shares=added["shares"] + 1)
    assert (too_many["ok"], too_many["reason"]) == (False, "INSUFFICIENT_SHARES")
    left = alice.ask("remove_liquidity", market=0, shares=added["shares"])
    assert left["amount"] == own["worth"] and left["shares"] == added["shares"]
    assert alice.ask("account")["liquidity"] == []


def test_the_pool_says_what_it_holds_and_offers(world: World) -> None:
    alice = world.talker("alice")
    before = alice.ask("pool", market=0)
    assert (before["size"], before["middle"], before["money"], before["equity"]) == (0, 60_000, 10**12, 10**12)
    ask, bid = before["asks"][0], before["bids"][0]
    assert (ask["price"], ask["size"], ask["value"]) == (60_006, 4, worth(60_003, 4))
    assert (bid["price"], bid["size"]) == (59_994, 4) and bid["value"] == worth(59_994, 4)
    assert [one["size"] for one in before["asks"]] == sorted(one["size"] for one in before["asks"])
    bought = buy(alice, ask["size"], ask["price"])
    assert (bought["filled"], bought["filled_notional"]) == (ask["size"], ask["value"]), "what it says is what it does"
    assert alice.ask("pool", market=0)["size"] == -4


def test_the_stream_of_a_pool_tells_each_change(world: World) -> None:
    alice, eve = world.talker("alice"), world.talker()
    eve.ask("subscribe", channel="pool", market=0)
    (snapshot,) = eve.heard("pool")
    buy(alice, 5, 61_000)
    world.host.flush()
    (delta,) = eve.heard("pool")
    assert (snapshot["size"], delta["size"], delta["prev_seq"], delta["middle"]) == (0, -5, snapshot["seq"], 60_005)


def test_a_market_without_a_curve_has_no_pool() -> None:
    talker = World().talker("alice")
    for told in (talker.ask("pool", market=0), talker.ask("subscribe", channel="pool", market=0),
                 talker.ask("add_liquidity", market=0, amount=1)):  # fmt: skip
        assert (told["ok"], told["reason"]) == (False, "NO_CURVE")
    assert talker.ask("ticker", market=0)["curve"] is None and talker.ask("account")["liquidity"] == []
    (market,) = talker.ask("venue")["markets"]
    assert market["curve"] is None and market["matching"]["rule"] == "price_time"


def test_a_market_without_a_book_is_empty_and_has_a_middle() -> None:
    world = World(venue(curve={"role": "separate"}))
    alice = world.talker("alice")
    alice.ask("subscribe", channel="book", market=0)
    ticker, book = alice.ask("ticker", market=0), alice.ask("book", market=0)
    assert (ticker["bid"], ticker["ask"], ticker["curve"], ticker["mark"]) == (None, None, 60_000, 60_000)
    assert (book["bids"], book["asks"]) == ([], [])
    refused = alice.ask("place", market=0, side="BUY", price=59_000, size=1)
    assert (refused["ok"], refused["reason"]) == (False, "NO_BOOK")
    (market,) = alice.ask("venue")["markets"]
    assert market["curve"] == {"rule": "line", "role": "separate", "is_virtual": False, "reducing_fee_ppb": 450_000, "lock_ms": 0}


def test_a_curve_that_has_not_started_quotes_nothing() -> None:
    world = World(venue(curve={}))
    fresh = type(world.host.exchange)(world.host.exchange.design)
    world.host.exchange = world.host.streams.venue = fresh
    told = world.talker().ask("pool", market=0)
    assert (told["middle"], told["bids"], told["asks"]) == (None, [], [])
