"""Whatever a client could make grow has a bound, and going beyond it is answered as documented."""

from __future__ import annotations

import re

import pytest
from test_operator import operator
from wire import SECOND, Talker, World

from perplab.exchange.server.errors import Trouble
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.manual import limits_table
from perplab.exchange.server.memory import OF_USER


def named(world: World, user: str, session: str) -> Talker:
    talker = Talker(world)
    assert talker.ask("login", name=user, session=session)["ok"]
    return talker


def remembers(world: World, user: str, session: str, request: object) -> bool:
    talker = named(world, user, session)
    found = talker.ask("outcome", request=request)["ok"]
    talker.session.closed()
    return bool(found)


def test_a_session_remembers_its_last_replies() -> None:
    world = World(limits=Limits(remembered=10))
    talker = named(world, "alice", "s")
    first = talker.send("ping")
    for _ in range(50):
        talker.ask("ping")
    assert talker.session.memory is not None and len(talker.session.memory) == 10
    assert talker.ask("outcome", request=first)["reason"] == "UNKNOWN_REQUEST"


def test_and_not_more_bytes_than_the_limit_but_the_last_one() -> None:
    world = World(limits=Limits(remembered_bytes=1_000))
    talker = named(world, "alice", "s")
    for _ in range(50):
        talker.ask("accounts")
    memory = talker.session.memory
    assert memory is not None and 10 < len(memory) < 49 and 900 < memory.bytes <= 1_000
    large = talker.ask("venue", design=True)
    assert len(memory) == 1 and memory.bytes > 1_000 and talker.ask("outcome", request=large["id"])["reply"]["ok"]
    talker.ask("ping")
    assert len(memory) <= 3


def test_sessions_that_nobody_is_in_are_forgotten_those_left_longest_ago_first() -> None:
    world = World(limits=Limits(named_sessions=3))
    connected = named(world, "zoe", "bot")
    kept = connected.send("ping")
    for number in range(5):
        talker = named(world, f"user-{number}", "bot")
        talker.session.receive(talker.bytes_of({"id": "mine", "op": "ping"}))
        talker.session.closed()
    assert len(world.host.memories) == 3
    assert connected.ask("outcome", request=kept)["reply"]["ok"], "one that is connected is never forgotten"
    assert remembers(world, "user-4", "bot", "mine") and not remembers(world, "user-0", "bot", "mine")


def test_one_user_crowds_out_nobody_else() -> None:
    world = World()
    named(world, "bob", "bot").session.closed()
    for number in range(3 * OF_USER):
        named(world, "alice", f"bot-{number}").session.closed()
    assert len(world.host.memories) == OF_USER + 1


def test_who_logs_out_or_in_as_another_leaves_the_session() -> None:
    world = World()
    talker = named(world, "alice", "bot")
    memory = talker.session.memory
    assert memory is not None and memory.connections == 1
    talker.ask("login", name="alice", session="other")
    assert memory.connections == 0 and talker.session.memory is not memory
    talker.ask("logout")
    assert talker.session.memory is None


def test_users_are_bounded() -> None:
    world = World(limits=Limits(users=2))
    assert Talker(world).ask("faucet", name="alice")["ok"] and Talker(world).ask("login", name="bob")["ok"]
    before = world.host.exchange.state_hash()
    for refused in (Talker(world).ask("faucet", name="carol"), Talker(world).ask("login", name="carol")):
        assert (refused["reason"], refused["data"]["limit"]) == ("TOO_MANY_USERS", 2)
    assert world.host.exchange.state_hash() == before and Talker(world).ask("login", name="alice")["ok"]


def test_different_streams_are_bounded() -> None:
    world = World(limits=Limits(channels=2))
    one, other = world.talker(), world.talker()
    assert one.ask("subscribe", channel="book", market=0, depth=1)["ok"] and one.ask("subscribe", channel="book", market=0, depth=2)["ok"]
    assert other.ask("subscribe", channel="book", market=0, depth=3)["reason"] == "TOO_MANY_SUBSCRIPTIONS"
    assert other.ask("subscribe", channel="book", market=0, depth=2)["ok"]


def test_what_a_fault_holds_back_is_bounded_and_goes_with_its_connection() -> None:
    world = World(limits=Limits(unread_bytes=2_000))
    admin, alice = operator(world), world.talker("alice")
    assert admin.ask("fault", user="alice", kind="delay", ms=3_600_000)["ok"]
    alice.send("ping")
    assert alice.session.held and not alice.session.ending
    for _ in range(100):
        alice.send("ping")
    assert alice.session.ending == "SLOW_READER" and alice.read()[-1]["reason"] == "SLOW_READER" and not alice.session.held
    again = world.talker()
    again.send("login", name="alice")
    again.session.closed()
    assert not again.session.held
    world.monotonic += 3_600 * SECOND
    world.host.catch_up()
    assert again.read() == []


def test_what_waits_is_not_overtaken_when_the_fault_is_taken_back() -> None:
    world = World()
    admin, alice = operator(world), world.talker("alice")
    admin.ask("fault", user="alice", kind="delay", ms=500)
    first = alice.send("ping")
    admin.ask("fault", user="alice", kind="none")
    second = alice.send("ping")
    assert alice.read() == []
    world.monotonic += SECOND // 2
    world.host.catch_up()
    assert [message["id"] for message in alice.read()] == [first, second] and alice.ask("ping")["ok"]


def test_orders_that_are_gone_are_not_kept_for_a_disconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    from perplab.exchange.server import requests as r

    monkeypatch.setattr(r, "MAX_BATCH", 10)
    world = World()
    for name, most in (("max_open_orders", 5), ("max_triggers", 0), ("max_twaps", 0)):
        monkeypatch.setattr(type(world.host.exchange.design), name, most)
    alice = world.talker("alice")
    alice.ask("cancel_on_disconnect", scope="connection")
    for _ in range(50):
        placed = alice.ask("place", market=0, side="BUY", price=59_000, size=1)
        alice.ask("cancel", order_id=placed["order_id"])
    last = alice.ask("place", market=0, side="BUY", price=59_000, size=1)["order_id"]
    assert len(alice.session.departure.own.orders) <= 21 and last in alice.session.departure.own.orders
    alice.session.closed()
    assert world.host.exchange.open_orders(8) == []


def test_the_table_names_every_limit_and_errors_that_there_are() -> None:
    table = limits_table()
    assert all(f"| `{name}` |" in table for name in Limits.__struct_fields__)
    assert set(re.findall(r"[A-Z]{2,}_[A-Z_]+|IDLE", table)) <= set(Trouble.__members__)


def test_what_all_named_sessions_remember_is_bounded_and_those_left_longest_ago_go_first() -> None:
    world = World(limits=Limits(remembered_in_all=30_000))
    items = [{"op": "cancel", "order_id": 1}] * 50
    for number in range(6):
        talker = named(world, f"user-{number}", "bot")
        talker.session.receive(talker.bytes_of({"id": "mine", "op": "batch", "items": items}))
        talker.session.closed()
        assert world.host.memories.bytes <= 30_000
    assert remembers(world, "user-5", "bot", "mine") and not remembers(world, "user-0", "bot", "mine")
    busy = named(world, "zoe", "bot")
    for _ in range(20):
        assert busy.ask("batch", items=items)["ok"]
    memory = busy.session.memory
    assert memory is not None and memory.bytes == world.host.memories.bytes <= 30_000 and len(world.host.memories) == 1 < len(memory)
    world.host.memories.clear()
    assert world.host.memories.bytes == 0
