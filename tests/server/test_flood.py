"""Who sends more than it may: refused, told when to come back, and cut if it does not listen. Time is simulated."""

from __future__ import annotations

import pytest
from wire import SECOND, Talker, World

from perplab.exchange.server.limits import FLOOD_NS, Limits, Patience

VENUE = Limits(commands_per_s=200, burst=400, flood=400)
MS = 1_000_000


def buy(talker: Talker) -> dict[str, object]:
    return talker.ask("place", market=0, side="BUY", price=1, size=1)  # below the band: a command like any other


def test_a_flooder_that_is_refilled_every_few_ms_is_cut_and_others_do_not_notice() -> None:
    """Some of its commands go through all the time, as its bucket fills up; that does not wipe out that it does not listen."""
    world = World(limits=VENUE)
    flooder, other = world.talker("mallory"), world.talker("alice")
    block = flooder.bytes_of({"op": "place", "market": 0, "side": "BUY", "price": 1, "size": 1}) * 20
    accepted = answered = rounds = 0
    while not flooder.session.ending and rounds < 1_000:
        rounds += 1
        world.monotonic += 5 * MS
        flooder.session.receive(block)
        accepted += sum(message.get("reason") != "RATE_LIMITED" for message in flooder.read())
        answered += buy(other)["reason"] != "RATE_LIMITED"
    assert flooder.session.ending == "RATE_LIMITED" and accepted > 400
    assert answered == rounds, "all of another's commands were carried out meanwhile"


@pytest.mark.parametrize("ahead", [1, 50])
def test_one_that_waits_as_told_is_never_cut(ahead: int) -> None:
    """It sends as much as it can, some of it before it hears that it was too much, and then waits."""
    world = World(limits=VENUE)
    talker = world.talker("alice")
    refusals = 0
    while world.monotonic < (20 if ahead == 1 else 300) * SECOND:
        talker.session.receive(talker.bytes_of({"op": "place", "market": 0, "side": "BUY", "price": 1, "size": 1}) * ahead)
        refused = [message["data"] for message in talker.read() if message.get("reason") == "RATE_LIMITED"]
        refusals += len(refused)
        world.monotonic += max((data["retry_ms"] for data in refused), default=0) * MS * (1 if ahead == 1 else 60 * ahead)
        assert not talker.session.ending
    assert refusals > 20, "it was refused all the time"


def test_it_is_told_how_often_it_did_not_listen() -> None:
    world = World(limits=Limits(commands_per_s=10, burst=1, flood=3))
    talker = world.talker("alice")
    buy(talker)
    assert [buy(talker)["data"]["ignored"] for _ in range(3)] == [0, 1, 2]  # type: ignore[index]
    talker.send("place", market=0, side="BUY", price=1, size=1)
    last = talker.read()[-1]
    assert talker.session.ending == "RATE_LIMITED" and (last["reason"], last["data"]["ignored"]) == ("RATE_LIMITED", 3)


def test_patience_comes_back_evenly() -> None:
    patience = Patience(10)
    patience.refuse(0, 10**9)
    assert [patience.refuse(1, 0) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert patience.refuse(1 + FLOOD_NS // 10, 0) == 5, "one forgotten, one more"
    assert patience.refuse(1 + FLOOD_NS * 6 // 10, 0) == 1
    often = Patience(10)
    often.refuse(0, 10**9)
    assert [often.refuse(now, 0) for now in range(0, 10 * MS, MS)][-1] == 9, "forgetting is exact, also in small steps"
