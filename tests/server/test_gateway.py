"""JSON over WebSocket, over real sockets: the same conversation, limits, peers who are rude, slow or gone."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import subprocess
import sys

import aiohttp
import msgpack  # type: ignore[import-untyped]
import msgspec
import pytest
from sockets import BINARY, CLOSE, CONTINUATION, PATIENCE_S, PING, TEXT, Place, Raw, frame, handshake, served, until
from test_sockets import SERVE, Server
from test_wire import REQUESTS
from wire import START, Message, World

from perplab.exchange.server import gateway as gateways
from perplab.exchange.server import outbox
from perplab.exchange.server.codecs import exact
from perplab.exchange.server.gateway import frames
from perplab.exchange.server.limits import Limits

LAST = {"id": "last", "op": "ping"}


def plain(told: list[Message]) -> list[Message]:
    """What does not depend on how the reads fall: market data may come between any two, private events in other portions."""
    events = [event for message in told if message.get("type") == "events" for event in message["events"]]
    return [message for message in told if message.get("type") not in ("events", "delta")] + events


async def over_tcp(place: Place) -> list[Message]:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.tcp)
    writer.write(b"".join(msgpack.packb(request) for request in (*REQUESTS, LAST)))
    unpacker, told = msgpack.Unpacker(strict_map_key=False), []
    while not told or told[-1].get("id") != "last":
        unpacker.feed(await reader.read(1 << 16))
        told += list(unpacker)
    writer.close()
    return told


async def over_websocket(place: Place) -> list[Message]:
    told: list[Message] = []
    async with aiohttp.ClientSession() as client, client.ws_connect(place.url()) as peer:
        for request in (*REQUESTS, LAST):
            await peer.send_json(request)
        while not told or told[-1].get("id") != "last":
            told.append(await peer.receive_json())
    return told


def test_a_conversation_is_the_same_on_both_ways() -> None:
    async def both() -> list[list[Message]]:
        told = []
        for way in (over_tcp, over_websocket):
            async with served(World()) as place, asyncio.timeout(PATIENCE_S):
                told.append(plain(await way(place)))
        return told

    tcp, websocket = asyncio.run(both())
    assert tcp == websocket and len(tcp) > len(REQUESTS)


def test_requests_that_come_together_are_one_block_and_are_answered_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with served(World()) as place:
            peer = await Raw.connect(place)
            assert (await peer.ask(1, "login", name="alice"))["ok"] and (await peer.ask(2, "faucet"))["ok"]
            blocks: list[int] = []
            writes: list[int] = []
            carry_out = place.world.host.carry_out
            monkeypatch.setattr(place.world.host, "carry_out", lambda rows: (blocks.append(len(rows) // 16), carry_out(rows))[1])
            monkeypatch.setattr(gateways, "frames", lambda messages: (writes.append(len(messages)), frames(messages))[1])
            order = {"op": "place", "market": 0, "side": "BUY", "price": 59_000, "size": 1}
            peer.send(*({"id": number, **order} for number in range(5)), LAST)
            await peer.until(lambda message: message["id"] == "last")
            assert (blocks, writes) == ([5], [6])

    asyncio.run(run())


@pytest.mark.parametrize("size", [10, 125, 126, 65_535, 65_536, 1 << 20])
def test_messages_of_any_size_are_read(size: int) -> None:
    async def run() -> None:
        async with served(World()) as place, aiohttp.ClientSession() as client, client.ws_connect(place.url()) as peer:
            await until(lambda: bool(place.world.host.sessions))
            for text in ("a" * (size - 8), "b"):
                place.session.tell({"a": text})
            assert len(await peer.receive_str()) == size and await peer.receive_json() == {"a": "b"}

    asyncio.run(run())


# -- numbers --


@pytest.mark.parametrize("number", [2**53 - 1, 1 - 2**53, 0, True])
def test_a_number_that_a_double_has_stays_one(number: int) -> None:
    assert exact({"a": [number, (number,)]}) == {"a": [number, [number]]}


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63 - 1])
def test_a_number_that_no_double_has_is_text(number: int) -> None:
    assert exact({"a": [number, (number,)], "b": "c", "d": None}) == {"a": [str(number), [str(number)]], "b": "c", "d": None}


def test_whoever_asks_for_it_gets_large_integers_as_text() -> None:
    async def run() -> None:
        async with served(World()) as place, aiohttp.ClientSession() as client:
            for query, ts in (("", START), ("?int64=number", START), ("?int64=text", str(START))):
                async with client.ws_connect(place.url("/ws" + query)) as peer:
                    await peer.send_json({"id": 2**53 - 1, "op": "ping"})
                    told = await peer.receive_json()
                    assert (told["ts"], told["id"]) == (ts, 2**53 - 1)
            async with client.get(place.url("/ws?int64=roman")) as refused:
                assert refused.status == 400 and "expected text or number" in await refused.text()

    asyncio.run(run())


# -- who may connect --


@pytest.mark.parametrize(
    ("origin", "is_own"),
    [
        (None, True),
        ("http://127.0.0.1:{port}", True),
        ("http://localhost:{port}", True),
        ("https://127.0.0.1:{port}", False),
        ("http://127.0.0.1:1", False),
        ("http://evil.example", False),
        ("http://evil.example:{port}", False),
        ("http://127.0.0.1:{port}.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_page_of_another_origin_may_not_connect(origin: str | None, is_own: bool) -> None:
    async def run() -> None:
        async with served(World()) as place, aiohttp.ClientSession() as client:
            # An outside name that leads here, as in DNS rebinding: the Host header says nothing.
            headers = {"Host": f"evil.example:{place.port}"} | ({} if origin is None else {"Origin": origin.format(port=place.port)})
            try:
                async with client.ws_connect(place.url(), headers=headers) as peer:
                    await peer.send_json(LAST)
                    assert is_own and (await peer.receive_json())["ok"]
            except aiohttp.WSServerHandshakeError as refused:
                assert refused.status == 403 and not is_own and not place.world.host.sessions

    asyncio.run(run())


def test_one_connection_too_many_is_told_and_closed() -> None:
    async def run() -> None:
        async with served(World(limits=Limits(connections=1))) as place, aiohttp.ClientSession() as client:
            async with client.ws_connect(place.url()), client.ws_connect(place.url()) as second:
                told = await second.receive_json()
                assert (told["id"], told["reason"]) == (None, "TOO_MANY_CONNECTIONS")
                closed = await second.receive()
                assert (closed.type, closed.data, closed.extra) == (aiohttp.WSMsgType.CLOSE, 1013, "TOO_MANY_CONNECTIONS")
            await until(lambda: not place.world.host.sessions)
            async with client.ws_connect(place.url()) as third:
                await third.send_json(LAST)
                assert (await third.receive_json())["ok"]

    asyncio.run(run())


# -- what is no request --


async def answers(limits: Limits, *pieces: bytes) -> tuple[list[Message], tuple[int, str] | None, Place]:
    """What these bytes are answered, a last ping included; and how the connection is closed, if it is."""
    async with served(World(limits=limits)) as place, asyncio.timeout(PATIENCE_S):
        peer = await Raw.connect(place)
        for piece in pieces:
            peer.writer.write(piece)
            await peer.writer.drain()
            await asyncio.sleep(0.01)
        peer.send(LAST)
        told = []
        async for opcode, payload in peer.frames():
            told += [msgspec.json.decode(payload)] if opcode == TEXT else []
            if opcode == CLOSE or (told and told[-1]["id"] == "last"):
                break
        peer.writer.close()
        return told, peer.closed_with, place


PINGED = msgspec.json.encode({"id": 1, "op": "ping"})


def test_a_message_in_fragments_is_one() -> None:
    parts = [(PINGED[:9], TEXT, False), (b"", PING, True), (PINGED[9:12], CONTINUATION, False), (PINGED[12:], CONTINUATION, True)]
    pieces = [frame(*part) for part in parts]
    for cut in (pieces, [b"".join(pieces)], [bytes([byte]) for byte in b"".join(pieces)]):
        told, closed, _ = asyncio.run(answers(Limits(), *cut))
        assert [message["id"] for message in told] == [1, "last"] and closed is None


def test_what_is_no_json_is_answered_and_the_connection_goes_on() -> None:
    garbage = [b"", b"\xff", b'{"op": "\xff"}', b"[1]", b'{"op": 1}', b"{" * 9_000, b'{"id": 7, "op": "tea"}']
    told, closed, _ = asyncio.run(answers(Limits(), *map(frame, garbage)))
    reasons = ["NOT_DECODABLE"] * 3 + ["NOT_A_REQUEST"] * 2 + ["NOT_DECODABLE", "UNKNOWN_OP"]
    assert [message.get("reason") for message in told] == [*reasons, None] and closed is None
    assert told[-2]["id"] == 7


@pytest.mark.parametrize(
    ("piece", "code", "reason"),
    [
        (frame(PINGED, BINARY), 1003, "requests are text messages"),
        (frame(b"", length=1_001), 1009, ""),  # before any of it has come
        (frame(b"a" * 600, fin=False) + frame(b"a" * 600, CONTINUATION), 1009, ""),
        (frame(b"", length=2**63 - 1), 1009, ""),
        (frame(PINGED, 3), 1002, ""),
        (frame(PINGED, TEXT | 0x40), 1002, ""),
    ],
    ids=["binary", "too large", "fragments too large", "much too large", "unknown opcode", "compressed"],
)
def test_what_is_no_text_message_ends_the_connection(piece: bytes, code: int, reason: str) -> None:
    told, closed, place = asyncio.run(answers(Limits(frame_bytes=1_000), piece))
    assert (told, closed) == ([], (code, reason)) and not place.world.host.sessions


def test_what_came_before_a_binary_message_is_answered() -> None:
    told, closed, _ = asyncio.run(answers(Limits(), frame(PINGED) + frame(PINGED, BINARY)))
    assert [message["id"] for message in told] == [1] and closed == (1003, "requests are text messages")


def test_a_message_of_the_largest_size_is_read() -> None:
    told, closed, _ = asyncio.run(answers(Limits(frame_bytes=1_000), frame(PINGED.ljust(1_000))))
    assert [message["id"] for message in told] == [1, "last"] and closed is None


# -- who does not read, or is gone --


async def made_slow(place: Place) -> tuple[Raw, int]:
    """A peer who has subscribed to much, asked much and reads nothing of it."""
    peer = await Raw.connect(place)
    assert (await peer.ask(1, "login", name="alice"))["ok"]
    assert (await peer.ask(2, "subscribe", channel="private"))["ok"] and (await peer.ask(3, "subscribe", channel="bbo", market=0))["ok"]
    account = place.world.host.people.users["alice"].accounts[0]
    session = place.session
    async with asyncio.timeout(PATIENCE_S):
        while not session.is_slow:
            peer.send({"op": "venue", "design": True})
            await asyncio.sleep(0)
    return peer, account


def test_a_slow_reader_is_spared_market_data_and_told_when_it_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "HIGH_WATER", 1 << 14)

    async def run() -> None:
        async with served(World()) as place:
            world = place.world
            peer, _ = await made_slow(place)
            maker = world.talker("maker")
            session = next(one for one in world.host.sessions if one is not maker.session)
            for price in range(59_000, 59_020):
                maker.ask("place", market=0, side="BUY", price=price, size=1)
                world.host.flush()
            assert session.messages() == [], "nothing is kept for it"  # type: ignore[attr-defined]
            told = await peer.until(lambda message: "conflated" in message)
            assert told["conflated"] == 20 and told["bid"] == [59_019, 1]
            peer.send(LAST)
            assert (await peer.until(lambda message: message.get("id") == "last"))["ok"], "and it is heard again"

    asyncio.run(run())


@pytest.mark.parametrize("reads", [True, False])
def test_private_events_that_are_not_read_end_the_connection(monkeypatch: pytest.MonkeyPatch, reads: bool) -> None:
    monkeypatch.setattr(gateways, "HIGH_WATER", 1 << 14)
    monkeypatch.setattr(gateways, "CLOSE_S", PATIENCE_S if reads else 0.05)

    async def run() -> None:
        async with served(World(limits=Limits(unread_bytes=5_000))) as place:
            peer, account = await made_slow(place)
            session = place.session
            while not session.ending:
                place.world.host.fund(account, 0, 1)
            assert session.ending == "SLOW_READER"
            if reads:
                told = [message async for message in peer.messages()]
                assert told[-1]["reason"] == "SLOW_READER" and peer.closed_with == (1008, "SLOW_READER")
            await until(lambda: not place.world.host.sessions)
            peer.writer.close()

    asyncio.run(run())


def test_a_peer_that_is_gone_without_a_word_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "HEARTBEAT_S", 0.05)

    async def run() -> None:
        async with served(World()) as place, asyncio.timeout(PATIENCE_S):
            dead = await Raw.connect(place)  # one that answers no ping
            assert [opcode async for opcode, _ in dead.frames()] == [PING]
            await until(lambda: not place.world.host.sessions)

    asyncio.run(run())


def test_a_slow_reader_that_dies_is_gone_and_was_noted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "HIGH_WATER", 1 << 14)
    told: list[str] = []
    monkeypatch.setattr(outbox, "note", lambda event, *_, **__: told.append(event))

    async def run() -> None:
        async with served(World()) as place:
            peer, _ = await made_slow(place)
            session = place.session
            plain = peer.writer.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing is a reset
            peer.writer.transport.abort()
            async with asyncio.timeout(5):
                await until(lambda: not place.world.host.sessions)
            assert session.ending == "" and told == ["slow_reader"]

    asyncio.run(run())


def test_a_slow_reader_that_answers_no_ping_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "HIGH_WATER", 1 << 14)
    monkeypatch.setattr(gateways, "HEARTBEAT_S", 0.2)

    async def run() -> None:
        async with served(World()) as place:
            peer, _ = await made_slow(place)
            async with asyncio.timeout(5):
                await until(lambda: not place.world.host.sessions)
            peer.writer.transport.abort()

    asyncio.run(run())


def test_from_a_slow_reader_nothing_more_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "HIGH_WATER", 1 << 14)

    async def run() -> None:
        async with served(World()) as place:
            peer, _ = await made_slow(place)
            session = place.session
            for _ in range(40):
                peer.send(*[{"op": "venue", "design": True}] * 100)
                await asyncio.sleep(0.005)
            assert len(session.messages()) < 1_000, "what was under way when it became slow, and not all that it asks"
            peer.writer.transport.abort()

    asyncio.run(run())


def test_who_is_gone_before_it_is_let_in_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with served(World()) as place:
            for size in (0, 1, 1_000):
                plain = socket.create_connection(("127.0.0.1", place.port))
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing is a reset
                plain.sendall(handshake() + frame(PINGED) * size)
                plain.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
            writer.write(b"\x81\xa2id\x01")  # no HTTP: msgpack at the wrong port
            assert b" 400 " in await reader.read()
            writer.close()
            await (await Raw.connect(place)).ask(1, "ping")
            await until(lambda: len(place.world.host.sessions) == 1)

    asyncio.run(run())
    assert caplog.records == []


def test_what_a_peer_that_is_gone_has_not_taken_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HEARTBEAT_S", 0.05), ("CLOSE_S", 0.05), ("HIGH_WATER", 1 << 30)):
        monkeypatch.setattr(gateways, name, value)

    async def run() -> None:
        async with served(World()) as place:
            peer = await Raw.connect(place)
            await until(lambda: bool(place.world.host.sessions))
            place.session.tell({"a": "a" * 20_000_000})
            await until(lambda: not place.world.host.sessions)
            runner = place.gateway.runner
            assert runner is not None and runner.server is not None
            server = runner.server
            await until(lambda: not server.connections)
            peer.writer.close()

    asyncio.run(run())


def test_one_who_does_not_take_the_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "CLOSE_S", 0.05)

    async def run() -> None:
        async with served(World()) as place:
            peer = await Raw.connect(place)
            await until(lambda: bool(place.world.host.sessions))
            place.session.tell({"a": "a" * 20_000_000})
            place.session.shut_down()
            await until(lambda: not place.world.host.sessions)
            peer.writer.close()

    asyncio.run(run())


def test_a_client_that_hangs_up_leaves_no_trace_and_what_it_asked_is_done() -> None:
    async def run() -> None:
        async with served(World()) as place:
            peer = await Raw.connect(place)
            assert (await peer.ask(1, "login", name="alice"))["ok"] and (await peer.ask(2, "subscribe", channel="private"))["ok"]
            assert (await peer.ask(3, "cancel_on_disconnect", scope="account"))["ok"]
            order = {"op": "place", "market": 0, "side": "BUY", "price": 59_000, "size": 1}
            requests = [{"id": 4, "op": "faucet"}, {"id": 5, **order}]
            peer.writer.write(b"".join(frame(msgspec.json.encode(one)) for one in requests) + frame((1000).to_bytes(2), CLOSE))
            *replies, (last, code) = [one async for one in peer.frames() if one[0] != TEXT or b'"id"' in one[1]]
            assert (last, code) == (CLOSE, (1000).to_bytes(2)) and [msgspec.json.decode(text)["id"] for _, text in replies] == [4, 5]
            host = place.world.host
            await until(lambda: not host.sessions)
            account = host.people.users["alice"].accounts[0]
            assert host.exchange.balance(account, 0) == 100_000_000_000 and not host.private
            assert host.exchange.open_orders(account) == [], "the order was placed, and then cancelled as it was asked for"

    asyncio.run(run())


# -- perplab serve --

QUIET = ["--world", "none", "--venue", "book_fund_adl", "--clock", "step"]


def test_the_greeting_names_it_and_a_signal_ends_it() -> None:
    server = Server(*QUIET, "--trust")
    assert server.process.stdout is not None
    line = server.process.stdout.readline()
    found = re.search(r"at (ws://127\.0\.0\.1:\d+/ws); a dashboard for people is (http://127\.0\.0\.1:\d+/)\n", line)
    assert found, line

    async def run() -> None:
        async with aiohttp.ClientSession() as client, client.ws_connect(found[1]) as peer:
            async with client.get(found[2] + "status") as shown:
                assert f"127.0.0.1:{server.port}" in await shown.text()
            await peer.send_json(LAST)
            assert (await peer.receive_json())["ok"]
            server.process.terminate()
            assert (await peer.receive_json())["reason"] == "SHUTTING_DOWN"
            closed = await peer.receive()
            assert (closed.data, closed.extra) == (1001, "SHUTTING_DOWN")

    asyncio.run(run())
    assert server.process.wait(PATIENCE_S) == 0 and server.stop()[1] == "stopped\n"


def refused_to_start(*words: str) -> str:
    done = subprocess.run([*SERVE[:-1], *words, *QUIET], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode != 0 and done.stdout == "" and done.stderr.count("\n") == 1
    return done.stderr


def test_a_port_for_it_that_is_taken_is_said() -> None:
    for _ in range(20):  # until there is a free port before a taken one
        with socket.socket() as taken, socket.socket() as free:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            try:
                free.bind(("127.0.0.1", port - 1))
            except OSError:
                continue
            free.close()
            told = refused_to_start(str(port - 1))
            assert told.startswith(f"error: 127.0.0.1:{port}: Address already in use; ") and "--no-gateway" in told
            return
    pytest.skip("no two ports in a row are free")


def test_there_is_no_port_behind_the_last() -> None:
    assert "127.0.0.1:65536: there is no such port; the gateway takes the port after" in refused_to_start("65535")


def test_without_a_gateway_aiohttp_is_not_needed() -> None:
    code = "import sys; sys.modules['aiohttp'] = None; from perplab.lab.cli import main; main()"
    words = [sys.executable, "-c", code, "serve", "--port", "0", "--no-gateway", *QUIET]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(2)]
    assert "msgpack over TCP" in told[0] and "WebSocket" not in told[1]
    process.terminate()
    assert process.communicate(timeout=PATIENCE_S)[1] == "stopped\n" and process.returncode == 0
