"""Commands through a session: replies, retries, limits, and what happens when a connection breaks."""

from __future__ import annotations

import struct

import pytest
from wire import SECOND, Talker, World

from perplab.exchange.codes import Reason
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.errors import REASON_TEXT
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.routing import WIDTH


def buy(price: int, size: int = 1, **more: object) -> dict[str, object]:
    return {"op": "place", "market": 0, "side": "BUY", "price": price, "size": size, **more}


def sell(price: int, size: int = 1, **more: object) -> dict[str, object]:
    return buy(price, size, **more) | {"side": "SELL"}


def does(talker: Talker, request: dict[str, object]) -> dict[str, object]:
    return talker.ask(str(request["op"]), **{name: value for name, value in request.items() if name != "op"})


def shape(reply: dict[str, object]) -> tuple[object, ...]:
    return tuple(reply[name] for name in ("state", "filled", "open"))


def test_replies_say_what_became_of_the_order() -> None:
    world = World()
    alice, bob = world.talker("alice"), world.talker("bob")
    assert shape(does(alice, sell(60_010, 5))) == ("OPEN", 0, 5)
    assert shape(does(bob, buy(60_010, 3))) == ("FILLED", 3, 0)
    assert shape(does(bob, buy(60_010, 4))) == ("OPEN", 2, 2)
    assert shape(does(bob, buy(60_020, 4, tif="IOC"))) == ("CANCELLED", 0, 0)
    resting = bob.ask("account")["orders"][0]
    assert shape(bob.ask("amend", order_id=resting["order_id"], price=60_011, size=6)) == ("OPEN", 0, 6)
    assert shape(does(alice, sell(60_011, 1))) == ("FILLED", 1, 0)
    assert shape(bob.ask("cancel", order_id=resting["order_id"])) == ("CANCELLED", 0, 0)
    refused = bob.ask("cancel", order_id=resting["order_id"])
    assert (refused["code"], refused["reason"]) == (1_000 + Reason.UNKNOWN_ORDER, "UNKNOWN_ORDER") and refused["data"]["account"] == 9
    market = does(alice, sell(0, 1, order_type="MARKET"))
    assert shape(market) == ("CANCELLED", 0, 0), "nobody bids"


def test_replies_say_in_which_market_and_at_what_price() -> None:
    world = World("sandbox")
    world.host.send([UpdateOracle(0, 1, 60_000)])
    unit = world.host.exchange.design.markets[1].unit
    alice, bob = world.talker("alice"), world.talker("bob")

    def told(reply: dict[str, object]) -> tuple[object, ...]:
        return tuple(reply[name] for name in ("market", "filled", "filled_notional"))

    for price in (60_000, 60_001):
        assert told(does(alice, sell(price, 30) | {"market": 1})) == (1, 0, 0)
    bought = does(bob, buy(60_010, 40, client_id=7) | {"market": 1})
    assert told(bought) == (1, 40, (30 * 60_000 + 10 * 60_001) * unit)
    again = does(bob, buy(60_010, 40, client_id=7))
    assert again["repeated"] and told(again) == (1, 40, None), "of the order that has the id, not of the one that was asked for"
    resting = does(bob, buy(59_990, 40, client_id=8) | {"market": 1})
    assert does(bob, buy(59_990, client_id=8))["market"] == 1, "of an open one, too"
    moved = bob.ask("amend", order_id=resting["order_id"], price=60_001, size=25)
    assert told(moved) == (1, 20, 20 * 60_001 * unit) and moved["open"] == 5
    assert told(bob.ask("cancel", order_id=resting["order_id"])) == (1, 0, 0)
    assert [bob.ask("order", **by)["market"] for by in ({"order_id": resting["order_id"]}, {"client_id": 8})] == [1, 1]
    assert told(does(bob, buy(59_000, 30) | {"market": 1, "tif": "IOC"})) == (1, 0, 0)


def test_what_others_lose_on_the_way_is_not_one_s_own() -> None:
    """A reply to a cancellation is about that order, even if others went first."""
    world = World()
    alice = world.talker("alice")
    for price in (59_000, 59_100):
        does(alice, buy(price))
    told = alice.ask("batch", items=[sell(59_100), {"op": "cancel", "order_id": 1}])
    assert [one["order_id"] for one in told["statuses"]] == [3, 1], "the self-trade took order 2"


def test_what_places_several_orders_counts_them() -> None:
    """Of those that were refused the first reason is told; the command is taken all the same. A frozen account's ladder is not."""
    alice = World().talker("alice")
    ladder = {"op": "place_ladder", "market": 0, "side": "SELL", "size": 30, "first_price": 60_010, "last_price": 60_030, "count": 3}
    for _ in range(2):
        told = does(alice, {**ladder, "client_id": 7})
        assert (told["placed"], told["refused"], told["queued"]) == (3, 0, 0), "the second time they are there"
        assert "first_refusal" not in told
    crossing = {**ladder, "side": "BUY", "first_price": 60_000, "last_price": 60_020, "tif": "POST_ONLY"}
    for told in (does(alice, crossing), alice.ask("batch", items=[buy(59_000), crossing])["statuses"][1]):
        assert told["ok"] and (told["placed"], told["refused"], told["first_refusal"]) == (1, 2, "WOULD_CROSS")
    told = does(alice, {**crossing, "first_price": 60_040})
    assert told["ok"] and (told["placed"], told["refused"]) == (0, 3)
    quotes = {"op": "mass_quote", "market": 0, "side": "SELL", "price_1": 60_050, "size_1": 1, "price_2": 60_050, "size_2": 1}
    told = does(alice, quotes)
    assert (told["placed"], told["refused"], told["first_refusal"]) == (1, 1, "SAME_PRICE")
    told = does(alice, {"op": "mass_quote", "market": 0, "side": "SELL"})
    assert (told["placed"], told["refused"]) == (0, 0) and "first_refusal" not in told
    alice.ask("set_account_mode", mode="FROZEN")
    assert does(alice, {**ladder, "client_id": 30})["reason"] == "ACCOUNT_FROZEN"


def test_ladders_and_twaps() -> None:
    """A ladder is done, and its orders are told as events; a TWAP is replied to as an order that is open, and is cancelled like one."""
    world = World()
    alice, bob = world.talker("alice"), world.talker("bob")
    ladder = {"op": "place_ladder", "market": 0, "side": "SELL", "size": 30, "first_price": 60_010, "last_price": 60_030, "count": 3}
    told = does(alice, {**ladder, "spacing": "GEOMETRIC", "client_id": 7})
    assert told["ok"] and "order_id" not in told and (told["placed"], told["refused"], told["queued"]) == (3, 0, 0)
    assert [(one["price"], one["size"], one["client_id"]) for one in alice.ask("account")["orders"]] == [
        (60_010, 10, 7), (60_020, 10, 8), (60_030, 10, 9),
    ]  # fmt: skip
    twap = {"op": "place_twap", "market": 0, "side": "BUY", "size": 8, "slices": 4, "interval": 10 * SECOND, "client_id": 5}
    placed = does(bob, twap)
    assert shape(placed) == ("OPEN", 2, 6) and placed["order_id"] == 4, "its first slice has traded"
    assert does(bob, twap)["order_id"] == 4 and does(bob, twap)["repeated"]
    assert does(bob, {**twap, "slices": 1, "client_id": 6})["reason"] == "TWAP_TOO_SHORT"
    assert shape(bob.ask("cancel", order_id=4)) == ("CANCELLED", 0, 0)
    assert bob.ask("account")["positions"][0]["size"] == 2


def test_every_reason_has_a_sentence() -> None:
    assert set(REASON_TEXT) == set(Reason)


def test_a_client_id_makes_a_retry_safe() -> None:
    world = World()
    alice = world.talker("alice")
    first = does(alice, buy(59_000, 2, client_id="0xC0FFEE"))
    again = does(alice, buy(59_000, 2, client_id="0xc0ffee"))
    assert again["repeated"] and (again["order_id"], again["state"], again["open"]) == (first["order_id"], "OPEN", 2)
    assert alice.ask("order", client_id="0xc0ffee")["state"] == "OPEN"
    assert alice.ask("cancel_client", client_id=0xC0FFEE)["order_id"] == first["order_id"]
    assert alice.ask("order", client_id="0xc0ffee")["state"] == "CANCELLED"
    assert alice.ask("order", order_id=first["order_id"])["state"] == "CANCELLED"
    assert alice.ask("order", client_id=5)["reason"] == "UNKNOWN_ORDER_OF_CLIENT"
    assert alice.ask("order")["reason"] == "MISSING_FIELD"


@pytest.mark.parametrize("client_id", [1, 2**63 - 1, "0x" + "f" * 32, "0x8000000000000000", "0x10000000000000000"])
def test_client_ids_come_back_as_they_went(client_id: int | str) -> None:
    talker = World().talker("alice")
    does(talker, buy(59_000, client_id=client_id))
    told = talker.ask("account")["orders"][0]["client_id"]
    assert int(str(told), 0) == int(str(client_id), 0)


def test_the_reply_that_was_lost_can_be_asked_for_and_a_request_is_not_done_twice() -> None:
    world = World()
    world.talker("alice")
    talker = Talker(world)
    talker.ask("login", name="alice", session="bot-1")
    talker.session.receive(talker.bytes_of({"id": 77, **buy(59_000)}))
    talker.session.take()
    talker.session.closed()
    again = Talker(world)
    again.ask("login", name="alice", session="bot-1")
    lost = again.ask("outcome", request=77)["reply"]
    assert lost["ok"] and lost["order_id"] == 1
    again.session.receive(again.bytes_of({"id": 77, **buy(59_000)}))
    (reply,) = again.read()
    assert reply["again"] and reply["order_id"] == 1 and len(again.ask("account")["orders"]) == 1
    assert again.ask("outcome", request=78)["reason"] == "UNKNOWN_REQUEST"
    other = world.talker("mallory")
    other.ask("login", name="mallory", session="bot-1")
    assert other.ask("outcome", request=77)["reason"] == "UNKNOWN_REQUEST", "another's session of the same name"


def test_two_requests_of_one_read_with_the_same_id_are_one() -> None:
    talker = World().talker("alice")
    talker.ask("login", name="alice", session="s")
    talker.session.receive(talker.bytes_of({"id": "x", **buy(59_000)}) * 2)
    first, second = talker.read()
    assert second == {**first, "again": True} and len(talker.ask("account")["orders"]) == 1


def test_packed_rows_have_packed_statuses() -> None:
    world = World()
    talker = world.talker("alice")
    rows = [[5, 0, 8, 0, 0, 59_000 + n, 2] + [0] * 9 for n in range(3)]
    rows[1][6] = 0  # no size: no command
    rows.append([7, 0, 8, 99] + [0] * 12)
    reply = talker.ask("rows", rows=b"".join(struct.pack("<16q", *row) for row in rows))
    told = list(struct.iter_unpack(f"<{WIDTH}q", reply["statuses"]))
    assert [one[0] for one in told] == [0, -1, 0, Reason.UNKNOWN_ORDER] and [one[1] for one in told] == [1, 0, 2, 0]
    assert set(reply["errors"]) == {"1"} and "Place.size is 0" in reply["errors"]["1"]["message"]
    assert len(talker.ask("account")["orders"]) == 2


def test_a_flood_is_refused_told_when_to_come_back_and_then_cut() -> None:
    world = World(limits=Limits(commands_per_s=10, burst=5, flood=3))
    flooder, other = world.talker("mallory"), world.talker("alice")
    assert [does(flooder, buy(59_000 + n))["tokens"] for n in range(5)] == [4, 3, 2, 1, 0]
    refused = does(flooder, buy(59_900))
    assert (refused["reason"], refused["data"]["retry_ms"], refused["tokens"]) == ("RATE_LIMITED", 100, 0)
    world.monotonic += SECOND // 10
    assert does(flooder, buy(59_901))["ok"], "as was told"
    assert flooder.ask("batch", items=[buy(1)] * 5)["reason"] == "RATE_LIMITED"
    for _ in range(3):
        flooder.send("place", market=0, side=0, price=1, size=1)
    assert flooder.session.ending == "RATE_LIMITED" and does(other, buy(59_000))["ok"]


@pytest.mark.parametrize(("scope", "left"), [("none", [1, 2]), ("connection", [1]), ("account", [])])
def test_what_is_cancelled_when_a_connection_breaks(scope: str, left: list[int]) -> None:
    world = World()
    alice = world.talker("alice")
    does(alice, buy(59_000))
    bot = Talker(world)
    bot.ask("login", name="alice")
    assert bot.ask("cancel_on_disconnect", scope=scope)["ok"]
    does(bot, buy(59_001))
    bot.session.closed()
    assert [order["order_id"] for order in alice.ask("account")["orders"]] == left


def test_a_logout_cancels_nothing() -> None:
    world = World()
    alice, bot = world.talker("alice"), Talker(world)
    bot.ask("login", name="alice")
    bot.ask("cancel_on_disconnect", scope="account")
    does(bot, buy(59_001))
    assert bot.ask("logout")["ok"] and bot.ask("account")["reason"] == "LOGIN_REQUIRED"
    bot.session.closed()
    assert len(alice.ask("account")["orders"]) == 1


def test_connections_are_bounded() -> None:
    world = World(limits=Limits(connections=2))
    one, _ = Talker(world), Talker(world)
    with pytest.raises(Exception, match="no room for another connection"):
        Talker(world)
    one.session.closed()
    assert Talker(world).ask("ping")["ok"]


def test_a_batch_that_no_waiting_makes_small_enough_is_told_so() -> None:
    talker = World(limits=Limits(commands_per_s=10, burst=20)).talker("alice")
    told = talker.ask("batch", items=[buy(1)] * 21)
    assert (told["reason"], told["data"]) == ("BATCH_TOO_LARGE", {"limit": 20, "given": 21})
    assert talker.ask("batch", items=[buy(1)] * 19)["ok"], "no token was taken for it"


def test_what_did_not_happen_may_be_sent_again_under_its_id() -> None:
    """A named session remembers what the venue said; what the server turned away it never asked."""
    world = World(limits=Limits(commands_per_s=1, burst=1))
    talker = Talker(world)
    talker.ask("login", name="alice", session="s")
    talker.ask("faucet")
    world.monotonic += SECOND
    assert does(talker, buy(59_000))["ok"]
    number = 77
    talker.session.receive(talker.bytes_of({"id": number, **buy(59_001)}))
    assert talker.read()[-1]["reason"] == "RATE_LIMITED"
    world.monotonic += 2 * SECOND
    talker.session.receive(talker.bytes_of({"id": number, **buy(59_001)}))
    assert talker.read()[-1]["ok"]
    talker.session.receive(talker.bytes_of({"id": number, **buy(59_001)}))
    assert talker.read()[-1]["again"]


def test_each_account_has_a_scope_of_its_own_and_the_same_user_keeps_it() -> None:
    world = World()
    alice = world.talker("alice")
    first = alice.ask("accounts")["accounts"][0]
    second = alice.ask("open_account")["account"]
    alice.ask("faucet", account=second)
    for account, price in ((first, 59_000), (second, 59_001)):
        assert does(alice, {**buy(price), "account": account})["ok"]
    bot = Talker(world)
    bot.ask("login", name="alice")
    assert bot.ask("cancel_on_disconnect", scope="account", account=first)["ok"]
    assert bot.ask("cancel_on_disconnect", scope="connection", account=second)["ok"]
    assert does(bot, {**buy(59_002), "account": second})["ok"]
    bot.ask("login", name="alice")
    bot.session.closed()
    assert alice.ask("account", account=first)["orders"] == []
    assert [order["price"] for order in alice.ask("account", account=second)["orders"]] == [59_001]


def test_replies_say_why_an_order_is_cancelled() -> None:
    alice = World().talker("alice")
    resting = does(alice, sell(60_010, 2))
    assert "cancel_reason" not in resting
    crossed = does(alice, buy(60_010, 5, tif="IOC", self_trade="CANCEL_TAKER"))
    assert (crossed["state"], crossed["cancel_reason"]) == ("CANCELLED", "SELF_TRADE")
    bob = alice.world.talker("bob")
    bought = does(bob, buy(60_010, 5, tif="IOC", client_id=3))
    assert (bought["state"], bought["filled"], bought["cancel_reason"]) == ("CANCELLED", 2, "IMMEDIATE")
    for asked in (bob.ask("order", order_id=bought["order_id"]), bob.ask("order", client_id=3)):
        assert (asked["state"], asked["filled"], asked["cancel_reason"]) == ("CANCELLED", 2, "IMMEDIATE")
    gone = does(bob, {"op": "cancel", "order_id": does(bob, buy(59_000))["order_id"]})
    assert (gone["state"], gone["cancel_reason"]) == ("CANCELLED", "USER")
    assert bob.ask("order", order_id=does(bob, buy(59_000))["order_id"])["cancel_reason"] is None
    trigger = {"market": 0, "side": "BUY", "size": 1, "trigger": "STOP", "source": "MARK", "trigger_price": 70_000}
    stop = bob.ask("place_trigger", **trigger)["order_id"]
    assert bob.ask("cancel", order_id=stop)["cancel_reason"] == bob.ask("order", order_id=stop)["cancel_reason"] == "USER"


def test_a_cancel_of_all_counts_what_is_gone_and_what_a_halt_keeps() -> None:
    world = World()
    alice, operator = world.talker("alice"), world.talker("operator")
    does(alice, buy(59_000))
    first, second = does(alice, sell(61_000)), does(alice, sell(61_001))
    assert alice.ask("link_oco", first=first["order_id"], second=second["order_id"])["ok"]
    trigger = {"market": 0, "side": "BUY", "size": 1, "trigger": "STOP", "source": "MARK", "trigger_price": 70_000}
    assert alice.ask("place_trigger", **trigger)["ok"]
    told = alice.ask("cancel_all", market=0)
    assert (told["cancelled"], told["left"], told["halted"]) == (4, 0, [])
    does(alice, buy(59_000))
    assert alice.ask("place_trigger", **trigger)["ok"]
    operator.ask("set_market_status", market=0, status="HALTED")
    for told in (alice.ask("cancel_all"), alice.ask("batch", items=[{"op": "cancel_all"}])["statuses"][0]):
        assert told["ok"] and (told["cancelled"], told["left"], told["halted"]) == (0, 2, [0])
    assert alice.ask("cancel_all", market=0)["reason"] == "MARKET_HALTED"
