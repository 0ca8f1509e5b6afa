"""What one connection asks for does not hold up the others: work is done in turns. Time is simulated: it passes where it is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import msgpack  # type: ignore[import-untyped]
import pytest
from sockets import Raw, served
from test_operator import operator
from wire import Message, Talker, World, messages

from perplab.exchange.build import BUILD
from perplab.exchange.server import session
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.turns import Turns

MS = 1_000_000


def busy(ms: int = 1) -> World:
    """A world in which every look at the clock takes so long."""
    world = World()
    ticks = count()
    world.host.monotonic = lambda: next(ticks) * ms * MS
    return world


def in_turns(talker: Talker) -> tuple[list[Message], int]:
    """What is said until nothing is left, and in how many turns."""
    said, turns = talker.read(), 1
    while talker.session.has_more:
        talker.session.go_on()
        said, turns = said + talker.read(), turns + 1
    return said, turns


def test_many_questions_take_many_turns_and_are_answered_in_order() -> None:
    world = busy()
    talker = world.talker("alice")
    talker.session.receive(b"".join(talker.bytes_of({"id": n, "op": "order", "order_id": 99}) for n in range(1_000, 1_100)))
    said, turns = in_turns(talker)
    assert [message["id"] for message in said] == list(range(1_000, 1_100))
    assert {message["reason"] for message in said} == {"UNKNOWN_ORDER_OF_CLIENT"}
    assert turns >= 10


def test_what_comes_meanwhile_waits_its_turn_however_it_is_cut() -> None:
    world = busy()
    talker = world.talker("alice")
    data = b"".join(talker.bytes_of({"id": n, "op": "ping"}) for n in range(1_000, 1_060))
    for at in range(0, len(data), 7):
        talker.session.receive(data[at : at + 7])
    said, _ = in_turns(talker)
    assert [message["id"] for message in said] == list(range(1_000, 1_060))


def test_commands_of_one_read_are_one_block_however_long_they_take() -> None:
    world = busy(ms=100)
    talker = world.talker("alice")
    blocks: list[int] = []
    carry_out = world.host.carry_out
    world.host.carry_out = lambda rows: (blocks.append(len(rows) // 16), carry_out(rows))[1]  # type: ignore[method-assign]
    place = {"op": "place", "market": 0, "side": "BUY", "price": 59_000, "size": 1}
    talker.session.receive(b"".join(talker.bytes_of({"id": n, **place}) for n in range(1_000, 1_050)))
    said, turns = in_turns(talker)
    assert blocks == [50] and turns <= 2 and len(said) == 50 and all(message["ok"] for message in said)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_question_about_what_was_is_answered_in_many_turns(monkeypatch: pytest.MonkeyPatch, is_kept: bool) -> None:
    from perplab.exchange.server import order_questions

    monkeypatch.setattr(order_questions, "LOOKED_AT", 4)
    world = World()
    talker = world.talker("alice")
    other = world.talker("bob").ask("place", market=0, side="BUY", price=59_000, size=1)["order_id"]
    mine = talker.ask("place", market=0, side="BUY", price=59_000, size=1)["order_id"]
    talker.ask("cancel", order_id=mine)
    for _ in range(20):
        talker.ask("place", market=0, side="BUY", price=59_000, size=1)
    ticks = count()
    world.host.monotonic = lambda: next(ticks) * session.TURN_NS
    asked = mine if is_kept else other
    talker.session.receive(talker.bytes_of({"id": 1_000, "op": "order", "order_id": asked}) + talker.bytes_of({"id": 1_001, "op": "ping"}))
    said, turns = in_turns(talker)
    assert turns > 5 and [message["id"] for message in said] == [1_000, 1_001]
    assert said[0].get("state") == ("CANCELLED" if is_kept else None) and said[0].get("reason") == (
        None if is_kept else "UNKNOWN_ORDER_OF_CLIENT"
    )


def test_one_who_goes_in_the_midst_of_his_work_leaves_nothing() -> None:
    world = busy(ms=10)
    talker = world.talker("alice")
    talker.session.receive(b"".join(talker.bytes_of({"id": n, "op": "ping"}) for n in range(1_000, 1_100)))
    assert talker.session.has_more
    talker.session.closed()
    assert not talker.session.has_more


@pytest.mark.skipif(BUILD != "interpreted", reason="compiled code calls its own methods past what is put in their place")
def test_orders_beyond_those_asked_for_are_counted_and_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    talker = world.talker("alice")
    for price in range(59_000, 59_020):
        talker.ask("place", market=0, side="BUY", price=price, size=1)
    views: list[int] = []
    look = type(world.host.exchange).order_view
    monkeypatch.setattr(type(world.host.exchange), "order_view", lambda self, slot: (views.append(slot), look(self, slot))[1])
    assert talker.ask("account", skip=10**9)["orders"] == [] and not views
    told = talker.ask("account", skip=18)
    assert len(told["orders"]) == len(views) == 2 and told["more"] == 0


def test_turns_are_taken_one_after_the_other_and_others_are_heard_in_between() -> None:
    async def run() -> list[str]:
        turns, seen = Turns(), list[str]()

        def work(name: str) -> Callable[[], None]:
            def go_on() -> None:
                seen.append(name)
                if seen.count(name) < 3:
                    turns.wait(go_on)

            return go_on

        first, second = work("a"), work("b")
        for one in (first, second, first):
            turns.wait(one)
        for _ in range(6):
            await asyncio.sleep(0)
            seen.append("-")
        return seen

    assert "".join(asyncio.run(run())).rstrip("-") == "a-b-a-b-a-b"


async def framed(place_port: int, count_: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", place_port)
    writer.write(b"".join(msgpack.packb({"id": n, "op": "venue"}) for n in range(count_)))
    return reader, writer


def test_a_small_question_does_not_wait_for_thousands_of_anothers() -> None:
    async def run() -> None:
        async with served(busy()) as place:
            reader, writer = await framed(place.tcp, 3_000)
            await reader.read(1)
            other, asks = await asyncio.open_connection("127.0.0.1", place.tcp)
            asks.write(msgpack.packb({"id": "mine", "op": "ping"}))
            (told,) = messages(await other.read(1 << 16), False)
            assert told["id"] == "mine"
            assert [one.has_more for one in place.world.host.sessions] == [True, False]  # type: ignore[attr-defined]
            unpacker = msgpack.Unpacker(strict_map_key=False)
            writer.write_eof()  # and all of it is answered, before the end that came behind it
            answered = 0
            while data := await reader.read(1 << 20):
                unpacker.feed(data)
                answered += sum(1 for _ in unpacker)
            assert answered >= 2_999
            writer.close()
            asks.close()

    asyncio.run(run())


def test_the_same_over_a_websocket() -> None:
    async def run() -> None:
        async with served(busy()) as place:
            raw, other = await Raw.connect(place), await Raw.connect(place)
            raw.send(*({"id": n, "op": "venue"} for n in range(2_000)))
            first = await raw.until(lambda message: message.get("id") == 0)
            assert first["ok"] and (await other.ask(1, "ping"))["ok"]
            assert next(iter(place.world.host.sessions)).has_more  # type: ignore[attr-defined]
            raw.writer.write(b"\x88\x80" + bytes(4))
            assert (await raw.until(lambda message: message.get("id") == 1_999))["ok"]
            raw.writer.close()
            other.writer.close()

    asyncio.run(run())


def test_one_who_does_not_read_is_not_told_of_every_rewind_for_ever() -> None:
    world = World(limits=Limits(unread_bytes=20_000))
    admin, alice = operator(world), world.talker("alice")
    for price in range(59_000, 59_030):
        alice.ask("place", market=0, side="BUY", price=price, size=1)
    assert alice.ask("subscribe", channel="private")["ok"] and admin.ask("snapshot", name="s")["ok"]
    alice.read()
    alice.session.pause()
    rewinds = 0
    while not alice.session.ending:
        rewinds += 1
        assert admin.ask("rewind", name="s")["ok"] and rewinds < 50
    assert alice.session.ending == "SLOW_READER" and rewinds > 2 and len(alice.session.take()) < 40_000
