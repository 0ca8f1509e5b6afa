"""Failures that the operator asks for, and only for whom he names."""

from __future__ import annotations

import pytest
from test_operator import operator
from wire import SECOND, Talker, World

from perplab.exchange.codes import Reason


@pytest.fixture
def scene() -> tuple[World, Talker, Talker, Talker]:
    world = World()
    return world, world.talker("alice"), world.talker("bob"), operator(world)


Scene = tuple[World, Talker, Talker, Talker]


def buy(talker: Talker, price: int = 59_000) -> dict[str, object]:
    return talker.ask("place", market=0, side="BUY", price=price, size=1)


def test_the_next_orders_are_refused_for_a_chosen_reason(scene: Scene) -> None:
    world, alice, bob, admin = scene
    before = world.host.exchange.state_hash()
    assert admin.ask("fault", user="alice", kind="reject", count=3, reason="PRICE_BAND")["ok"]
    refused = buy(alice)
    assert (refused["reason"], refused["code"]) == ("PRICE_BAND", 1_000 + Reason.PRICE_BAND) and refused["data"]["injected"] is True  # type: ignore[index]
    item = {"op": "place", "market": 0, "side": "BUY", "price": 59_000, "size": 1}
    assert [one["ok"] for one in alice.ask("batch", items=[item, item, item])["statuses"]] == [False, False, True]
    assert buy(alice)["ok"] and buy(bob)["ok"] and world.host.exchange.state_hash() != before


PLACED = {"market": 0, "side": "BUY", "size": 10}
OTHERS = {
    "place_trigger": {**PLACED, "trigger": "STOP", "source": "MARK", "trigger_price": 61_000},
    "place_twap": {**PLACED, "slices": 2, "interval": SECOND, "slippage_ppm": 10_000},
    "place_bracket": {**PLACED, "price": 59_000, "order_type": "LIMIT", "tif": "GTC", "take_profit": 0, "stop": 58_000},
    "place_ladder": {**PLACED, "first_price": 59_000, "last_price": 58_000, "count": 2},
    "mass_quote": {"market": 0, "side": "BUY", "price_1": 59_000, "size_1": 1},
}


@pytest.mark.parametrize("op", [*OTHERS, "amend"])
def test_whatever_places_or_changes_an_order_is_refused(scene: Scene, op: str) -> None:
    world, alice, _, admin = scene
    fields = OTHERS.get(op) or {"order_id": buy(alice)["order_id"], "size": 2, "price": 59_000}
    before = world.host.exchange.state_hash()
    admin.ask("fault", user="alice", kind="reject")
    told = alice.ask(op, **fields)
    assert told["reason"] == "INSUFFICIENT_MARGIN" and told["data"]["injected"] is True
    assert world.host.exchange.state_hash() == before and alice.ask(op, **fields)["ok"]


def test_a_cancel_is_not_refused(scene: Scene) -> None:
    _, alice, _, admin = scene
    order = buy(alice)["order_id"]
    admin.ask("fault", user="alice", kind="reject")
    assert alice.ask("cancel", order_id=order)["ok"] and alice.ask("mass_quote", market=0, side="BUY")["ok"], "quotes that are taken down"
    assert not buy(alice)["ok"]


def test_connections_break_without_a_word(scene: Scene) -> None:
    world, alice, bob, admin = scene
    alice.ask("cancel_on_disconnect", scope="account")
    buy(alice)
    assert admin.ask("fault", user="alice", kind="drop")["ok"]
    assert alice.session.ending == "DROPPED" and alice.read() == [] and not bob.session.ending
    alice.session.closed()
    assert world.host.exchange.open_orders(8) == [], "and it counts as a disconnect"


def test_messages_come_late_in_order_and_all_of_them(scene: Scene) -> None:
    world, alice, bob, admin = scene
    admin.ask("fault", user="alice", kind="delay", ms=250)
    alice.send("ping")
    alice.send("accounts")
    assert alice.read() == [] and bob.ask("ping")["ok"]
    admin.ask("fault", user="alice", kind="delay", ms=0)
    alice.send("ping")
    assert alice.read() == [], "none overtakes another"
    world.monotonic += SECOND // 4
    world.host.catch_up()
    assert [message["id"] for message in alice.read()] == [3, 4, 5]


def test_a_stall_ends_by_itself(scene: Scene) -> None:
    world, alice, _, admin = scene
    admin.ask("fault", user="alice", kind="stall", ms=2_000)
    alice.send("ping")
    world.monotonic += SECOND
    world.host.catch_up()
    assert alice.read() == []
    world.monotonic += SECOND
    world.host.catch_up()
    assert len(alice.read()) == 1 and alice.ask("ping")["ok"]


@pytest.mark.parametrize("kind", ["stall", "delay"])
def test_what_is_told_when_a_fault_is_over_waits_for_what_it_held_back(scene: Scene, kind: str) -> None:
    world, alice, _, admin = scene
    admin.ask("fault", user="alice", kind=kind, ms=1_000)
    first, second = alice.send("ping"), alice.send("accounts")
    admin.ask("fault", user="alice", kind="delay", ms=0)
    world.monotonic += SECOND + 5_000_000  # and the server has not come to what is due yet
    third = alice.send("ping")
    world.host.catch_up()
    assert [message["id"] for message in alice.read()] == [first, second, third]
    assert alice.ask("ping")["ok"]


def test_messages_come_twice(scene: Scene) -> None:
    _, alice, _, admin = scene
    admin.ask("fault", user="alice", kind="duplicate", count=2)
    alice.send("ping")
    alice.send("ping")
    alice.send("ping")
    assert [message["id"] for message in alice.read()] == [3, 3, 4, 4, 5]


def times(message: object) -> list[int]:
    """Every time in a message, however deep."""
    if isinstance(message, dict):
        own = [value for name, value in message.items() if name in ("ts", "oracle_ts", "due") and value]
        return [*own, *(ts for value in message.values() for ts in times(value))]
    return [ts for one in message for ts in times(one)] if isinstance(message, list) else []


def heard_of_everything(world: World, talker: Talker) -> list[object]:
    """Replies, events, market data and a heartbeat."""
    for channel in ("ticker", "trades", "book"):
        talker.ask("subscribe", channel=channel, market=0)
    talker.ask("subscribe", channel="private")
    replies: list[object] = [talker.ask(op) for op in ("ping", "venue", "account")]
    replies += [talker.ask("cancel_all_after", delay=10**9), buy(talker, 61_000), talker.ask("ticker", market=0)]
    item = {"op": "place", "market": 0, "side": "SELL", "price": 61_000, "size": 1}
    replies.append(talker.ask("batch", items=[item]))
    world.host.flush()
    world.host.beat()
    return [*replies, *talker.heard()]


def test_every_time_that_is_told_is_wrong_and_only_to_whom_it_is_meant(scene: Scene) -> None:
    world, alice, bob, admin = scene
    for market_maker in (alice, bob):
        market_maker.ask("place", market=0, side="SELL", price=61_000, size=9)
    right, wrong = world.host.exchange.now, 90 * SECOND
    assert admin.ask("fault", user="alice", kind="skew", ms=-90_000)["ok"]
    to_alice = times(heard_of_everything(world, alice))
    assert len(to_alice) > 15 and set(to_alice) == {right - wrong, right - wrong + 10**9}
    assert set(times(heard_of_everything(world, bob))) == {right, right + 10**9}
    assert admin.ask("fault", user="alice", kind="none")["ok"] and set(times([alice.ask("ping")])) == {right}


def test_a_clock_may_run_away(scene: Scene) -> None:
    world, alice, _, admin = scene
    admin.ask("fault", user="alice", kind="skew", ms=1_000, drift_ppm=100_000)
    start = world.clock.now()
    world.later(10)
    assert alice.ask("ping")["ts"] == start + 10 * SECOND + SECOND + SECOND
    refused = admin.ask("fault", user="alice", kind="delay", ms=-1)
    assert (refused["reason"], refused["data"]["field"]) == ("OUT_OF_BOUNDS", "ms")


def test_a_reply_that_is_told_again_has_the_wrong_time_once(scene: Scene) -> None:
    world, alice, _, admin = scene
    alice.ask("login", name="alice", session="s")
    admin.ask("fault", user="alice", kind="skew", ms=5_000)
    first = alice.ask("ping")
    again = alice.ask("outcome", request=first["id"])["reply"]
    assert first["ts"] == again["ts"] == world.clock.now() + 5 * SECOND


def test_all_is_well_again(scene: Scene) -> None:
    world, alice, _, admin = scene
    for kind in ("reject", "delay", "duplicate"):
        admin.ask("fault", user="alice", kind=kind, count=9, ms=900)
    assert admin.ask("fault", user="alice", kind="none")["ok"] and world.host.faults == {}
    assert buy(alice)["ok"]


def test_a_stall_that_is_taken_back_is_over(scene: Scene) -> None:
    _, alice, _, admin = scene
    admin.ask("fault", user="alice", kind="stall", ms=3_600_000)
    alice.send("ping")
    alice.send("accounts")
    assert alice.read() == [] and admin.ask("fault", user="alice", kind="none")["connections"] == 1
    assert [message["id"] for message in alice.read()] == [3, 4] and alice.ask("ping")["ok"]


NOT_MET = {"reject": 0, "drop": 0, "stall": 0, "delay": 0, "duplicate": 0, "skew": 0}


def test_the_operator_sees_what_goes_wrong_and_what_of_it_was_met(scene: Scene) -> None:
    world, alice, _, admin = scene
    told = admin.ask("faults", user="alice")
    assert (told["user"], told["connections"], told["met"]) == ("alice", 1, NOT_MET) and world.host.faults == {}
    for kind in ("reject", "duplicate"):
        admin.ask("fault", user="alice", kind=kind, count=3)
    for kind in ("stall", "delay"):
        admin.ask("fault", user="alice", kind=kind, ms=900)
    admin.ask("fault", user="alice", kind="skew", ms=-5_000, drift_ppm=1_000)
    world.monotonic += SECOND // 2
    world.host.catch_up()
    told = admin.ask("faults", user="alice")
    assert [told[name] for name in ("rejects", "duplicates", "stall_ms", "delay_ms", "skew_ms", "drift_ppm")] == [
        3, 3, 400, 900, -5_000, 1_000,
    ]  # fmt: skip
    assert told["met"] == NOT_MET, "nothing has been sent to him"
    alice.send("place", market=0, side="BUY", price=59_000, size=1)
    world.monotonic += SECOND
    world.host.catch_up()
    assert len(alice.read()) == 2
    met = {"reject": 1, "drop": 0, "stall": 2, "delay": 2, "duplicate": 1, "skew": 0}
    assert admin.ask("faults", user="alice")["met"] == met, "the refusal has no time in it"
    admin.ask("fault", user="alice", kind="none")
    admin.ask("fault", user="alice", kind="drop")
    told = admin.ask("faults", user="alice")
    assert (told["rejects"], told["delay_ms"], told["met"]) == (0, 0, {**met, "drop": 1})


def test_a_drop_of_nobody_is_told(scene: Scene) -> None:
    _, alice, _, admin = scene
    alice.session.closed()
    told = admin.ask("fault", user="alice", kind="drop")
    assert told["connections"] == 0 and told["note"] == "alice has no connection at the moment: nothing breaks"
    assert admin.ask("faults", user="alice")["losses"] == 0


def test_a_fault_that_would_do_nothing_is_refused(scene: Scene) -> None:
    """Without a time. A time of 0 takes it back."""
    world, _, _, admin = scene
    for kind in ("stall", "delay", "skew"):
        told = admin.ask("fault", user="alice", kind=kind)
        assert (told["reason"], told["data"]["field"], "alice" in world.host.faults) == ("MISSING_FIELD", "ms", False)
        assert admin.ask("fault", user="alice", kind=kind, ms=0)["ok"]
        admin.ask("fault", user="alice", kind="none")
    assert admin.ask("fault", user="alice", kind="skew", drift_ppm=5)["ok"]


def test_wrong_words_are_told(scene: Scene) -> None:
    admin = scene[3]
    assert admin.ask("fault", user="zoe", kind="drop")["data"]["field"] == "user"
    assert admin.ask("fault", user="alice", kind="reject", reason="MOON")["data"]["field"] == "reason"
    assert admin.ask("fault", user="alice", kind="burn")["reason"] == "UNKNOWN_NAME"
    assert scene[1].ask("login", name="alice") and Talker(scene[0]).ask("fault", user="alice", kind="drop")["reason"] == "LOGIN_REQUIRED"
