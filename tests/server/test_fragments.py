"""Messages that come to a WebSocket in fragments: bounded each, all together, and in time, however many fragments there are."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hl_kit import NOW
from sockets import BINARY, CONTINUATION, PATIENCE_S, PING, PONG, TEXT, Place, Raw, frame, handshake, served, until
from wire import SECOND, World

from perplab.exchange.server.fragments import Fragments
from perplab.exchange.server.hyperliquid.desk import Desk
from perplab.exchange.server.hyperliquid.dialect import Dialect
from perplab.exchange.server.hyperliquid.identity import Identities
from perplab.exchange.server.hyperliquid.shell import Shell
from perplab.exchange.server.hyperliquid.weights import Weights
from perplab.exchange.server.limits import Limits

PINGED = b'{"id": 1, "op": "ping"}'


@pytest.mark.parametrize("seed", range(20))
def test_what_is_not_whole_is_counted_however_it_is_cut(seed: int) -> None:
    """Against a list of frames of which is known what is not whole behind each."""
    random = Random(seed)
    data, marks, held = b"", [(0, 0)], 0
    for _ in range(60):
        if random.random() < 0.3:
            data += frame(bytes(random.randrange(126)), random.choice((PING, PONG)))
        else:
            size, fin = random.choice((0, 1, 125, 126, 200, 70_000)), random.random() < 0.4
            one = frame(bytes(size), CONTINUATION if held else random.choice((TEXT, BINARY)), fin)
            data += one
            held = 0 if fin else held + len(one)
        marks.append((len(data), held))
    counted, at, known = Fragments(), 0, dict(marks)
    while at < len(data):
        step = random.choice((1, 2, 3, 7, 130, 9_000))
        for end in [mark for mark in known if at < mark < at + step] + [at + step]:
            counted.add(data[at:end])
            at = min(end, len(data))
            assert counted.bytes == known.get(at, counted.bytes)
    assert counted.has_ended


async def begun(place: Place, fragments: int, size: int = 100) -> Raw:
    """A peer who has sent so many fragments of a message and not its last."""
    peer = await Raw.connect(place)
    peer.writer.write(frame(b" " * size, TEXT, False) + frame(b" " * size, CONTINUATION, False) * (fragments - 1))
    await peer.writer.drain()
    return peer


def test_all_that_are_begun_are_bounded_together_and_the_first_goes_first() -> None:
    async def run() -> None:
        async with served(World(limits=Limits(unfinished_bytes=10_000))) as place, asyncio.timeout(PATIENCE_S):
            unfinished = place.world.host.unfinished
            peers = []
            for count in range(3):
                peers.append(await begun(place, 30))
                await until(lambda: unfinished.bytes == 3_180 * (count + 1))  # noqa: B023
            peers.append(await begun(place, 30))
            first = await peers[0].until(lambda message: not message["ok"])
            assert (first["reason"], first["data"]["limit"]) == ("UNFINISHED", 10_000)
            await until(lambda: unfinished.bytes == 3 * 3_180 and len(place.world.host.sessions) == 3)
            for peer in peers[1:]:
                peer.writer.write(frame(PINGED, CONTINUATION))
                assert (await peer.until(lambda message: message["id"] == 1))["ok"]
            assert unfinished.bytes == 0
            peers[1].writer.write(frame(b" " * 500, TEXT, False))
            await until(lambda: unfinished.bytes > 500)
            peers[1].writer.close()
            await until(lambda: unfinished.bytes == 0)
            for peer in peers:
                peer.writer.close()

    asyncio.run(run())


def test_one_message_is_bounded_with_all_its_fragments() -> None:
    async def run() -> None:
        async with served(World(limits=Limits(frame_bytes=5_000))) as place, asyncio.timeout(PATIENCE_S):
            peer = await begun(place, 60)
            async for _ in peer.frames():
                pass
            assert peer.closed_with is not None and peer.closed_with[0] == 1009
            await until(lambda: place.world.host.unfinished.bytes == 0 and not place.world.host.sessions)

    asyncio.run(run())


@pytest.mark.parametrize("size", [100, 0], ids=["some", "empty"])
def test_a_message_has_to_be_whole_in_time_whatever_comes_between(size: int) -> None:
    async def run() -> None:
        world = World(limits=Limits(request_s=30))
        async with served(world) as place, asyncio.timeout(PATIENCE_S):
            peer, quiet = await begun(place, 3, size), await Raw.connect(place)
            await until(lambda: world.host.unfinished.bytes > 0 and len(world.host.sessions) == 2)
            for _ in range(31):
                before = world.host.unfinished.bytes
                peer.writer.write(frame(b"", PING) + frame(b" " * size, CONTINUATION, False))
                quiet.writer.write(frame(b"", PONG))  # says nothing else, and has begun nothing
                await until(lambda: world.host.unfinished.bytes > before)  # noqa: B023
                world.host.beat()
                world.monotonic += SECOND
            world.host.beat()
            told = await peer.until(lambda message: "reason" in message)
            assert (told["reason"], told["data"]["limit"]) == ("UNFINISHED", 30)
            assert (await quiet.ask(2, "ping"))["ok"]
            quiet.writer.close()

    asyncio.run(run())


def test_what_comes_with_the_handshake_counts_too() -> None:
    async def run() -> None:
        async with served(World()) as place, asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            writer.write(handshake() + frame(b" " * 40, TEXT, False)[:-7])
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            peer = Raw(reader, writer)
            await until(lambda: place.world.host.unfinished.bytes == 39)
            writer.write(b" " * 7 + frame(PINGED, CONTINUATION))
            assert (await peer.until(lambda message: message["id"] == 1))["ok"] and place.world.host.unfinished.bytes == 0
            writer.close()

    asyncio.run(run())


def test_a_socket_of_hyperliquid_s_api_is_bounded_by_the_same() -> None:
    async def run() -> None:
        world = World(limits=Limits(request_s=30))
        people = Identities(world.host, 0, lambda: NOW)
        shell = Shell(Desk(Dialect(world.host, people, lambda: NOW), people, Weights(False)))
        async with served(world, shell) as place, asyncio.timeout(PATIENCE_S):
            peer = await Raw.connect(place)
            peer.writer.write(frame(b'{"method": "ping"}') + frame(b" " * 300, TEXT, False))  # the first message tells what it speaks
            await peer.until(lambda message: message.get("channel") == "pong")
            assert world.host.unfinished.bytes == len(frame(b" " * 300))
            world.monotonic += 31 * SECOND
            world.host.beat()
            told = await peer.until(lambda message: message.get("channel") == "error")
            assert "not whole 30 s after its first byte" in told["data"]
            await until(lambda: world.host.unfinished.bytes == 0)
            peer.writer.close()

    asyncio.run(run())
