"""The shells in this process: readers who do not read, peers who do not speak, and one too many."""

from __future__ import annotations

import asyncio
import socket

import msgpack  # type: ignore[import-untyped]
import pytest
from sockets import served, until
from wire import SECOND, Talker, World, messages

from perplab.exchange.server import gateway, tcp
from perplab.exchange.server.frames import LENGTH
from perplab.exchange.server.limits import Limits


def test_one_who_does_not_take_the_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "CLOSE_S", 0.05)

    async def run() -> None:
        async with served(World()) as place:
            with socket.create_connection(("127.0.0.1", place.tcp)):
                await until(lambda: bool(place.world.host.sessions))
                place.session.tell({"a": "a" * 20_000_000})
                assert place.session.is_slow
                place.session.shut_down()
                await until(lambda: not place.world.host.sessions)

    asyncio.run(run())


@pytest.mark.parametrize("framed", [True, False])
def test_one_too_many_is_told_as_it_speaks(framed: bool) -> None:
    async def run() -> bytes:
        async with served(World(limits=Limits(connections=1))) as place:
            with socket.create_connection(("127.0.0.1", place.tcp)):
                await until(lambda: bool(place.world.host.sessions))
                reader, writer = await asyncio.open_connection("127.0.0.1", place.tcp)
                await until(lambda: bool(place.server.turned_away))
                request = msgpack.packb({"id": 1, "op": "ping"})
                writer.write(LENGTH.pack(len(request)) + request if framed else request)
                told = await reader.read()
                writer.close()
                await until(lambda: not place.server.turned_away)
                return told

    (told,) = messages(asyncio.run(run()), framed)
    assert (told["id"], told["reason"]) == (None, "TOO_MANY_CONNECTIONS")


def test_one_too_many_who_says_nothing_is_not_waited_for_and_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "REFUSED_S", 0.05)
    monkeypatch.setattr(tcp, "MOST_REFUSED", 1)

    async def run() -> None:
        async with served(World(limits=Limits(connections=0))) as place:
            peers = [await asyncio.open_connection("127.0.0.1", place.tcp) for _ in range(3)]
            assert [await reader.read() for reader, _ in peers] == [b""] * 3
            await until(lambda: not place.server.turned_away)
            for _, writer in peers:
                writer.close()

    asyncio.run(run())


def test_a_connection_that_never_speaks_is_counted_and_ends_without_a_word() -> None:
    world = World(limits=Limits(hello_s=30))
    mute, talker = Talker(world), Talker(world)
    assert talker.ask("ping")["ok"] and mute.session in world.host.sessions
    world.monotonic += 30 * SECOND
    world.host.beat()
    assert not mute.session.ending
    world.monotonic += 1
    world.host.beat()
    assert mute.session.ending == "IDLE" and mute.session.take() == b"" and not talker.session.ending


def test_who_says_nothing_to_the_http_port_is_told_and_goes() -> None:
    async def run() -> None:
        async with served(World(limits=Limits(hello_s=0))) as place:
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
            writer.close()

    asyncio.run(run())


def test_a_request_that_never_ends_gets_no_more_time() -> None:
    async def run() -> None:
        async with served(World()) as place:
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            assert place.gateway.door is not None
            door = place.gateway.door
            await until(lambda: bool(door.waiting))
            (doorman,) = door.waiting
            timer = doorman.timer
            for said in (b"GET / HTTP/1.1\r\n", b"Host: x\r\n"):
                writer.write(said)
                await until(lambda said=said: doorman.data.endswith(said))  # type: ignore[misc]
            assert doorman.timer is timer and timer is not None and not timer.cancelled()
            timer._run()
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
            writer.close()

    asyncio.run(run())


def test_connections_to_the_http_port_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "FOR_PAGES", 2)

    async def run() -> None:
        async with served(World(limits=Limits(connections=0))) as place:
            held = [await asyncio.open_connection("127.0.0.1", place.port) for _ in range(2)]
            assert place.gateway.door is not None
            door = place.gateway.door
            await until(lambda: len(door.waiting) == 2)
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
            held[0][1].write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await held[0][0].readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
            assert len(door.waiting) == 1 and door.inside() == 1
            for _, one in [*held, (reader, writer)]:
                one.close()
            await until(lambda: not door.waiting and not door.inside())

    asyncio.run(run())
