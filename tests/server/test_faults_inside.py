"""Bugs: whatever is raised that should not be takes down neither the server nor anyone else, and whoever runs it is told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgpack  # type: ignore[import-untyped]
import pytest
from sockets import Raw, served, until
from test_operator import operator
from wire import SECOND, START, World, messages

from perplab.exchange.server.log import logged
from perplab.exchange.server.session import Session
from perplab.lab.world import World as Surroundings
from perplab.lab.world import load_world


def surrounded() -> World:
    world = World("sandbox")
    world.host.attach(Surroundings(load_world("sandbox"), world.host.exchange, 1, world.clock.now()))
    world.host.pass_time()
    return world


def breaks(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("shock, times", [(9_000_000, 15), (-900_000, 15)])
def test_a_shock_beyond_what_the_market_can_have_is_refused_and_changes_nothing(shock: int, times: int) -> None:
    world = surrounded()
    admin = operator(world)
    answers = []
    for _ in range(times):
        answers.append(admin.ask("world", shock_ppm=shock, market="BTC"))
        world.later(1)
    refused = [one for one in answers if not one["ok"]]
    assert refused and refused == answers[-len(refused) :]
    assert {(one["reason"], one["data"]["field"], one["data"]["given"]) for one in refused} == {("OUT_OF_BOUNDS", "shock_ppm", shock)}
    before = admin.ask("world")["world"]
    assert not admin.ask("world", shock_ppm=shock, market="BTC", makers="gone", takers="gone", basis_ppm=5)["ok"]
    assert admin.ask("world")["world"] == before
    world.later(10)
    assert world.host.world is not None and world.complaints == []
    assert admin.ask("ticker", market="BTC")["oracle_ts"] > START + 20 * SECOND


def test_a_shock_of_all_markets_is_refused_whole() -> None:
    world = surrounded()
    admin = operator(world)
    answers = [admin.ask("world", shock_ppm=9_000_000) for _ in range(15)]
    prices = [one["world"]["prices_usd"] for one in answers if one["ok"]]
    told = admin.ask("world")["world"]["prices_usd"]
    assert not answers[-1]["ok"] and told == prices[-1]


def test_a_world_that_fails_is_switched_off_and_the_venue_goes_on() -> None:
    world = surrounded()
    admin, alice = operator(world), world.talker("alice")
    assert world.host.world is not None
    world.host.world.act = breaks  # type: ignore[assignment, method-assign]
    world.later(5)
    assert world.host.world is None and world.clock.now() == START + 5 * SECOND == alice.ask("ping")["ts"]
    assert len(world.complaints) == 1 and "a bug" in world.complaints[0] and "switched off" in world.complaints[0]
    told = admin.ask("world", shock_ppm=1)
    assert told["reason"] == "NO_WORLD" and "switched off" in told["message"]
    assert alice.ask("cancel_all")["ok"] and world.host.behind_ns() == 0


def test_one_who_cannot_be_told_does_not_break_the_command_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    alice, admin = world.talker("alice"), operator(world)
    account = alice.ask("accounts")["accounts"][0]
    assert alice.ask("subscribe", channel="private")["ok"]
    alice.read()
    monkeypatch.setattr(alice.session.listens[account], "hear", breaks)
    assert admin.ask("deposit", account=account, asset=0, amount=1)["ok"]
    assert alice.read()[-1]["reason"] == "BROKEN" and alice.session.ending == "BROKEN" and len(world.complaints) == 1


def test_one_whose_beat_fails_takes_no_beat_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    first, second = world.talker("alice"), world.talker("bob")
    assert second.ask("subscribe", channel="bbo", market=0)["ok"]
    second.heard()
    monkeypatch.setattr(first.session, "beat", breaks)
    world.host.beat()
    assert first.session.ending == "BROKEN" and [one["channel"] for one in second.heard()] == ["heartbeat"]


def test_what_was_put_off_and_fails_keeps_nothing_else_from_being_done() -> None:
    world = World()
    done: list[int] = []
    world.host.later(0, breaks)
    world.host.later(0, lambda: done.append(1))
    world.host.catch_up()
    assert done == [1] and len(world.complaints) == 1


def test_a_request_that_fails_ends_its_connection_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = Session._look

    def look(self: Session) -> None:
        if self.user is not None:
            breaks()
        real(self)

    monkeypatch.setattr(Session, "_look", look)

    async def run() -> None:
        async with served(World()) as place:
            bystander, pings = await asyncio.open_connection("127.0.0.1", place.tcp)
            reader, writer = await asyncio.open_connection("127.0.0.1", place.tcp)
            writer.write(msgpack.packb({"id": 1, "op": "login", "name": "alice"}))
            await until(lambda: bool(place.world.host.people.users))
            writer.write(msgpack.packb({"id": 2, "op": "ping"}))
            told = messages(await reader.read(), False)
            assert [one.get("reason") for one in told] == [None, "BROKEN"] and told[1]["id"] is None
            raw = await Raw.connect(place)
            assert (await raw.ask(1, "login", name="alice"))["ok"]
            raw.send({"id": 2, "op": "ping"})
            assert (await raw.until(lambda message: message.get("id") is None))["reason"] == "BROKEN"
            pings.write(msgpack.packb({"id": 3, "op": "ping"}))
            assert messages(await bystander.read(1 << 16), False)[0]["ok"]
            assert len(place.world.complaints) == 1, "the same is complained of once"
            for one in (writer, pings, raw.writer):
                one.close()

    with logged(str(tmp_path / "log")):
        asyncio.run(run())
    faults = [one for one in map(json.loads, (tmp_path / "log").read_text().splitlines()) if one["event"] == "fault"]
    assert len(faults) == 2 and all("ZeroDivisionError" in one["trace"] and one["level"] == "error" for one in faults)


def test_the_tasks_of_the_shell_outlive_what_fails_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with served(World()) as place:
            host, calls = place.world.host, dict.fromkeys(("pass_time", "beat", "flush"), 0)

            def failing(name: str) -> object:
                def fail(*_: object) -> None:
                    calls[name] += 1
                    breaks()

                return fail

            for name in calls:
                monkeypatch.setattr(host, name, failing(name))
            place.server._flushed()
            await until(lambda: calls["pass_time"] > 2 and calls["beat"] > 2)
            assert len(place.world.complaints) == 3 and not any(task.done() for task in place.server._tasks)

    asyncio.run(run())
