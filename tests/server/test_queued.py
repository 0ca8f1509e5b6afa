"""A venue in which commands wait for their turn, as clients see it: they are told so, and can ask what waits and what became of it."""

from __future__ import annotations

import pytest
from venues import BLOCKS, venue
from wire import START, Message, Talker, World

from perplab.exchange.server.routing import DUE, TICKET, WIDTH

SECOND = 10**9
BLOCK_S = 2
REQUESTS = {"rule": "request_execute", "delay_ms": 1_000, "expiry_ms": 10_000}


def world_of(sequencing: object = BLOCKS, **more: object) -> World:
    return World(venue(sequencing=sequencing, **more))  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return world_of()


def place(talker: Talker, client_id: int = 0, side: str = "BUY", price: int = 59_000, size: int = 3, **more: object) -> Message:
    return talker.ask("place", market=0, side=side, price=price, size=size, client_id=client_id, **more)


def test_a_command_that_waits_is_answered_with_its_ticket(world: World) -> None:
    alice = world.talker("alice")
    told = place(alice, 7)
    assert (told["ok"], told["status"], told["ticket"]) == (True, "queued", 1)
    assert told["due"] == (told["ts"] // (2 * SECOND) + 1) * 2 * SECOND and "order_id" not in told
    asked = alice.ask("order", client_id=7)
    assert [asked[name] for name in ("status", "ticket", "due", "market")] == ["queued", 1, told["due"], 0]
    assert alice.ask("order", client_id=8)["reason"] == "UNKNOWN_ORDER_OF_CLIENT"
    (waiting,) = alice.ask("pending")["pending"]
    assert (waiting["ticket"], waiting["command"], waiting["client_id"], waiting["due"]) == (1, "Place", 7, told["due"])
    world.later(BLOCK_S)
    assert alice.ask("order", client_id=7)["state"] == "OPEN" and alice.ask("pending")["pending"] == []


def test_the_private_stream_has_both_and_carries_on(world: World) -> None:
    alice = world.talker("alice")
    alice.ask("subscribe", channel="private")
    alice.heard()
    place(alice, 7)
    place(alice, 8, size=10**6)
    world.later(BLOCK_S)
    events = [event for message in alice.heard("private") for event in message["events"]]
    assert [(event["type"], event["client_id"]) for event in events] == [
        ("CommandQueued", 7), ("CommandQueued", 8), ("OrderPlaced", 7), ("Rejected", 8),
    ]  # fmt: skip
    assert events[2]["ts"] == events[0]["due"] and events[3]["reason"] == "INSUFFICIENT_MARGIN"


def test_a_batch_and_packed_rows_wait_too(world: World) -> None:
    alice = world.talker("alice")
    order = {"op": "place", "market": 0, "side": "BUY", "price": 59_000, "size": 1}
    statuses = alice.ask("batch", items=[order, {"op": "set_leverage", "market": 0, "leverage": 5}, {"op": "cancel_all"}])["statuses"]
    assert [one.get("status") for one in statuses] == ["queued", None, "queued"] and statuses[1]["ok"]
    account = alice.ask("accounts")["accounts"][0]
    row = [5, 0, account, 0, 0, 59_000, 1, *[0] * 9]
    reply = alice.ask("rows", rows=b"".join(one.to_bytes(8, "little", signed=True) for one in row))
    status = memoryview(reply["statuses"]).cast("q").tolist()
    assert len(status) == WIDTH and status[TICKET] == 3 and status[DUE] == statuses[0]["due"]


def test_the_order_of_a_bracket_waits_and_those_of_ladders_and_twaps_are_told_as_events(world: World) -> None:
    alice = world.talker("alice")
    head = {"market": 0, "side": "BUY", "size": 4}
    bracket = alice.ask("place_bracket", **head, price=59_000, order_type="LIMIT", tif="GTC", take_profit=61_000, stop=58_000, client_id=3)
    assert (bracket["status"], bracket["ticket"]) == ("queued", 1)
    ladder = alice.ask("place_ladder", **head, first_price=59_000, last_price=58_900, count=2)
    assert ladder["ok"] and "ticket" not in ladder and "status" not in ladder, "each order has a ticket of its own"
    assert (ladder["placed"], ladder["refused"], ladder["queued"]) == (0, 0, 2)
    twap = alice.ask("place_twap", **head, slices=2, interval=SECOND)
    assert (twap["state"], twap["open"]) == ("OPEN", 4), "it has begun, though its first slice waits"
    assert [one["command"] for one in alice.ask("pending")["pending"]] == ["Place"] * 4
    world.later(BLOCK_S)
    assert alice.ask("order", client_id=3)["state"] == "OPEN" and len(alice.ask("account")["orders"]) == 3


def test_a_named_session_finds_the_reply_again(world: World) -> None:
    alice = world.talker()
    alice.ask("login", name="alice", session="s")
    alice.ask("faucet", amount=10**12)
    number = alice.send("place", market=0, side="BUY", price=59_000, size=1, client_id=1)
    (told,) = [one for one in alice.read() if one.get("id") == number]
    world.later(BLOCK_S)
    reply = alice.ask("outcome", request=number)["reply"]
    assert reply["status"] == "queued" and reply["ticket"] == told["ticket"]
    assert alice.ask("order", client_id=1)["state"] == "OPEN", "and what became of it is asked for by the client id"


def test_of_a_request_nobody_knows_when_it_is_due() -> None:
    world = world_of(REQUESTS)
    alice = world.talker("alice")
    told = place(alice, 7)
    assert (told["status"], told["due"]) == ("queued", None)
    assert alice.ask("pending")["pending"][0]["due"] is None
    taken_back = alice.ask("cancel_client", client_id=7)
    assert taken_back == {"id": taken_back["id"], "ok": True, "ts": taken_back["ts"], "seq": taken_back["seq"], "status": "withdrawn",
                          "tokens": taken_back["tokens"]}  # fmt: skip
    assert alice.ask("pending")["pending"] == []


def test_what_others_came_to_is_not_a_command_s_own() -> None:
    """The price feed's update carries out a request that is refused; the update itself is not."""
    world = world_of(REQUESTS)
    alice, operator = world.talker("alice"), world.talker("operator", money=0)
    place(alice, 7, size=10**9)
    place(alice, 8)
    world.later(1.5)
    told = operator.ask("update_oracle", market=0, price=60_001)
    assert told["ok"], told
    place(alice, 9)
    assert alice.ask("cancel_all")["ok"] and alice.ask("pending")["pending"] == []


def test_a_host_that_is_behind_does_not_mix_them_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What falls due at the very time of a command is no part of what that comes to."""
    alice, bob = world.talker("alice"), world.talker("bob")
    place(alice, 7, size=10**9)
    world.clock.step(BLOCK_S * SECOND)

    def late() -> int:
        world.host.is_behind = True
        return world.host.now()

    monkeypatch.setattr(world.host, "pass_time", late)
    before = world.host.commands
    told = bob.ask("withdraw", asset=0, amount=1)
    assert told["ok"] and world.host.commands == before + 2, "a tick first"
    assert world.host.exchange.now > START and bob.ask("account")["balances"][0]["cash"] == 10**12 - 1


def test_pending_is_the_account_s_own(world: World) -> None:
    alice, bob = world.talker("alice"), world.talker("bob")
    place(alice, 7)
    assert bob.ask("pending")["pending"] == []
    account = alice.ask("accounts")["accounts"][0]
    assert bob.ask("pending", account=account)["reason"] == "NOT_YOUR_ACCOUNT" if not world.host.trust else True
    assert len(alice.ask("pending", skip=0)["pending"]) == 1 and alice.ask("pending", skip=1)["pending"] == []


def test_the_venue_says_how_it_takes_commands() -> None:
    world = world_of({**BLOCKS, "taker_latency_ms": 300}, gas={"place": 50_000})
    told = world.talker().ask("venue")
    assert told["sequencing"]["rule"] == "blocks" and told["sequencing"]["terms"]["interval_ms"] == 2_000
    assert (told["sequencing"]["taker_latency_ms"], told["sequencing"]["retail_taker_latency_ms"]) == (300, 300)
    assert told["gas"] == {"place": 50_000, "amend": 0, "cancel": 0, "liquidity": 0}
    assert World().talker().ask("venue")["sequencing"]["rule"] == "continuous"


def test_gas_rises_and_is_told() -> None:
    world = world_of({}, gas={"place": 50_000})
    alice, operator = world.talker("alice"), world.talker("operator", money=0)
    alice.ask("subscribe", channel="gas")
    alice.ask("subscribe", channel="private")
    assert operator.ask("set_gas", multiplier_ppm=20_000_000)["ok"]
    place(alice)
    world.host.flush()
    heard = alice.heard()
    assert [one["multiplier_ppm"] for one in heard if one["channel"] == "gas"] == [1_000_000, 20_000_000]
    paid = [event for one in heard if one["channel"] == "private" for event in one.get("events", ()) if event["type"] == "GasPaid"]
    assert [(event["command"], event["amount"]) for event in paid] == [("Place", 1_000_000)]
    poor = world.talker("carol", money=999_999)
    assert place(poor, size=1)["reason"] == "INSUFFICIENT_GAS"


def test_orders_that_wait_go_with_the_connection(world: World) -> None:
    alice = world.talker("alice")
    alice.ask("cancel_on_disconnect", scope="connection")
    place(alice, 7)
    other = world.talker("alice", money=0)
    place(other, 8)
    alice.session.closed()
    world.later(2 * BLOCK_S)
    orders = other.ask("account")["orders"]
    assert [order["client_id"] for order in orders] == [8]


def test_the_whole_account_goes_with_the_connection(world: World) -> None:
    alice = world.talker("alice")
    alice.ask("cancel_on_disconnect", scope="account")
    place(alice, 7)
    place(alice)
    alice.session.closed()
    world.later(2 * BLOCK_S)
    assert world.talker("alice", money=0).ask("account")["orders"] == []


def test_an_order_that_is_auctioned_is_open() -> None:
    world = world_of({"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 400})
    alice, bob = world.talker("alice"), world.talker("bob")
    alice.ask("subscribe", channel="taker_auctions", market=0)
    place(bob, side="SELL", price=60_300, size=5)
    alice.ask("cancel_on_disconnect", scope="connection")
    told = place(alice, 7, price=60_300)
    assert (told["state"], told["open"], told["filled"]) == ("OPEN", 3, 0), "it would take, and is auctioned first"
    for by in ({"order_id": told["order_id"]}, {"client_id": 7}):
        asked = alice.ask("order", **by)
        assert (asked["order_id"], asked["state"], asked["open"]) == (told["order_id"], "OPEN", 3), asked
    (order,) = alice.ask("account")["orders"]
    assert (order["order_id"], order["price"], order["client_id"]) == (told["order_id"], 60_300, 7)
    world.host.flush()
    _, message = alice.heard("taker_auctions")
    assert (message["items"][0]["order_id"], message["items"][0]["size"]) == (told["order_id"], 3)
    alice.session.closed()
    world.later(10)
    assert bob.ask("account")["orders"][0]["size"] == 5, "it went with its connection"


def test_an_auctioned_order_ends_as_it_should() -> None:
    world = world_of({"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 400})
    alice, bob = world.talker("alice"), world.talker("bob")
    place(bob, side="SELL", price=60_300, size=5)
    told = place(alice, 7, price=60_300)
    assert alice.ask("cancel", order_id=told["order_id"])["state"] == "CANCELLED" and alice.ask("account")["orders"] == []
    told = place(alice, 8, price=60_300)
    world.later(10)
    for by in ({"order_id": told["order_id"]}, {"client_id": 8}):
        asked = alice.ask("order", **by)
        assert (asked["state"], asked["filled"]) == ("FILLED", 3)


def test_a_ladder_that_is_sent_again_is_told_as_it_is() -> None:
    """While it waits it waits again, for nothing; when it stands that is told at once, and nothing waits."""
    world = World("hyperliquid")
    alice = world.talker("alice")
    ladder = {"market": "BTC", "side": "BUY", "size": 3_000, "first_price": 59_000, "last_price": 58_000, "count": 3, "client_id": 5}
    counts = [alice.ask("place_ladder", **ladder) for _ in range(2)]
    world.later(1)
    counts.append(alice.ask("place_ladder", **ladder))
    assert [(one["placed"], one["queued"], one["repeated"], one["refused"]) for one in counts] == [(0, 3, 0, 0), (0, 3, 0, 0), (3, 0, 3, 0)]
    assert len(alice.ask("account")["orders"]) == 3 and alice.ask("pending")["pending"] == []
    again = alice.ask("place", market="BTC", side="BUY", price=59_000, size=1_000, client_id=5)
    assert again["repeated"] and again["state"] == "OPEN" and "ticket" not in again
