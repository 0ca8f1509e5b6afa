"""The server's soak: killed at random moments under load, and fed with frames that are nearly right.

    python tests/server/soak_wire.py --kills 200 --frames 1000000 --seed 1

Kills: a real `perplab serve --journal` in batch mode, clients that trade and listen, kill -9 at a random moment, a restart on the same
journal. Each time every acknowledged command has to be there, the state to be that of an independent replay of all commands, and no client
may see a gap that it is not told of. Frames: mutated requests to sessions without sockets; nothing may be raised, every answer has to be
a documented one, and where nobody is logged in the state must not change. Exit code 1 says what was broken, with the seed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
from wire import World, messages

from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.errors import REFUSED, Trouble
from perplab.exchange.server.frames import LENGTH, Frames
from perplab.exchange.server.session import Session
from perplab.exchange.server.store import recover

CLIENTS = 4
KILLS = 20  # of the servers of one journal
CHUNK = 2_000  # frames between two looks at the state


class Broken(Exception):
    """Something that must not happen."""


def must(condition: object, text: str) -> None:
    if not condition:
        raise Broken(text)


# -- kills -------------------------------------------------------------------------------------------------------------------------


class Trader:
    """One account's bot: trades as fast as it is answered, keeps what was acknowledged, and listens to its own events."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.draw = random.Random(seed)
        self.account = -1
        self.client_id = 0
        self.acknowledged: list[int] = []  # client ids of orders, in order
        self.seq = 0  # the highest one in a reply
        self.heard = -1  # the number of the event last heard of
        self.gaps = 0

    async def live(self, port: int) -> None:
        """Until the connection breaks."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await self.trade(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def trade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.account = (await self.ask(reader, writer, {"op": "login", "name": self.name}))["accounts"][0]
        await self.ask(reader, writer, {"op": "faucet", "amount": 10**12})
        since = {"since_seq": self.heard} if self.heard >= 0 else {}
        await self.ask(reader, writer, {"op": "subscribe", "channel": "private", **since})
        while True:
            items = [self.order() for _ in range(self.draw.randrange(1, 20))]
            reply = await self.ask(reader, writer, {"op": "batch", "items": items})
            for item, status in zip(items, reply["statuses"], strict=True):
                self.seq = max(self.seq, status.get("seq", 0))
                if status["ok"] and item["op"] == "place":
                    self.acknowledged.append(item["client_id"])

    def order(self) -> dict[str, Any]:
        if self.draw.random() < 0.2 and self.client_id:
            return {"op": "cancel_client", "client_id": self.draw.randrange(max(1, self.client_id - 50), self.client_id + 1)}
        self.client_id += 1
        price = 60_000 + self.draw.randrange(-40, 41)
        return {
            "op": "place", "market": 0, "side": self.draw.randrange(2), "price": price, "size": self.draw.randrange(1, 30),
            "client_id": self.client_id,
        }  # fmt: skip

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: dict[str, Any]) -> dict[str, Any]:
        packed = msgpack.packb({"id": 1, **request})
        writer.write(LENGTH.pack(len(packed)) + packed)
        while True:
            (length,) = LENGTH.unpack(await reader.readexactly(4))
            message: dict[str, Any] = msgpack.unpackb(await reader.readexactly(length), strict_map_key=False)
            if "id" in message:
                must(message["ok"], f"{request} was answered with {message}")
                return message
            if message["channel"] == "private":
                self.hear(message)

    def hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "gap":
            self.gaps += 1
            must(message["since_seq"] == self.heard, f"{self.name}: a gap since {message['since_seq']}, heard up to {self.heard}")
        elif message["type"] == "events":
            before = message["prev_seq"]
            must(before == self.heard, f"{self.name}: events behind {before}, heard up to {self.heard}, and no word of a gap")
        self.heard = message["seq"] if message["type"] != "gap" else self.heard


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    words = ["serve", "--port", "0", "--trust", "--journal", str(folder), "--sync", "batch"]
    program = [sys.executable, "-c", "from perplab.lab.cli import main; main()", *words]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
    must(found, "the server did not start again")
    assert found
    return process, int(found[1])


async def life(process: subprocess.Popen[str], port: int, traders: list[Trader], seconds: float) -> None:
    """Let them trade for a while, and kill the server."""
    tasks = [asyncio.create_task(trader.live(port)) for trader in traders]
    await asyncio.sleep(seconds)
    process.kill()
    for task in tasks:
        await task


def look(folder: Path, traders: list[Trader]) -> int:
    """What has to hold after a kill; returns how many commands there are."""
    quick, whole = recover(folder), recover(folder, whole=True)
    venue = whole.exchange
    venue.check()
    must(quick.exchange.state_hash() == venue.state_hash(), "the snapshot and what follows lead to another state than all commands")
    for trader in traders:
        must(trader.seq <= venue.state.log.seq, f"{trader.name} was told of event {trader.seq}; the journal leads to {venue.state.log.seq}")
        for client_id in trader.acknowledged[-500:]:
            must(venue.client_order(trader.account, 0, client_id), f"{trader.name}: order {client_id} was acknowledged and is not there")
    return whole.commands


def kill_many(kills: int, seed: int) -> str:
    """So many kills, up to KILLS of one journal: after each everything is replayed, so a longer one would take ever more time."""
    draw, began, done = random.Random(seed), time.monotonic(), 0
    commands = orders = gaps = 0
    while done < kills:
        traders = [Trader(f"trader-{number}", seed * 1_000_000 + done * 1_000 + number) for number in range(CLIENTS)]
        with tempfile.TemporaryDirectory() as place:
            folder, lived = Path(place) / "journal", 0
            for _ in range(min(KILLS, kills - done)):
                lived = kill_once(folder, traders, draw.uniform(0.02, 0.6))
                done += 1
                if done % 10 == 0 or done == kills:
                    print(f"{done} of {kills} kills, {commands + lived:,} commands, {time.monotonic() - began:.0f} s", flush=True)
        commands += lived
        orders += sum(len(trader.acknowledged) for trader in traders)
        gaps += sum(trader.gaps for trader in traders)
    return f"{kills} kills: {commands:,} commands, {orders:,} acknowledged orders all there, {gaps} gaps all told"


def kill_once(folder: Path, traders: list[Trader], seconds: float) -> int:
    """A server's life and its sudden end; how many commands its journal has by now."""
    process, port = start(folder)
    try:
        asyncio.run(life(process, port, traders, seconds))
        return look(folder, traders)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


# -- frames ------------------------------------------------------------------------------------------------------------------------

CORPUS: list[dict[str, Any]] = [
    {"id": 1, "op": "login", "name": "mallory"}, {"id": 2, "op": "challenge", "key": "pk_1"}, {"id": 3, "op": "ping"},
    {"id": 4, "op": "place", "market": 0, "side": "BUY", "price": 59_000, "size": 7, "client_id": "0xfeed", "tif": "GTC"},
    {"id": "five", "op": "batch", "items": [{"op": "cancel", "order_id": 9}, {"op": "cancel_all", "account": 8}]},
    {"id": 6, "op": "subscribe", "channel": "book", "market": 0, "depth": 5}, {"id": 7, "op": "venue", "design": True},
    {"id": 8, "op": "rows", "rows": bytes(256)}, {"id": 9, "op": "order", "client_id": 5},
    {"id": 10, "op": "book", "market": "BTC-PERP"}, {"id": 11, "op": "subscribe", "channel": "private", "account": 8, "since_seq": 3},
    {"id": 12, "op": "withdraw", "asset": 0, "amount": 5}, {"id": 14, "op": "outcome", "request": 3},
    {"id": 13, "op": "transfer", "account": 8, "to": 9, "asset": 0, "amount": 10**12},
]  # fmt: skip


def mutated(draw: random.Random, frame: bytes) -> bytes:
    """A few bytes of it changed, moved, doubled or gone."""
    data = bytearray(frame)
    for _ in range(draw.randrange(0, 4)):
        at = draw.randrange(len(data) + 1) if data else 0
        how = draw.randrange(5)
        if how == 0 and data:
            data[at % len(data)] = draw.randrange(256)
        elif how == 1:
            data[at:at] = draw.randbytes(draw.randrange(1, 5))
        elif how == 2:
            del data[at : at + draw.randrange(1, 6)]
        elif how == 3:
            data[at:at] = data[at : at + draw.randrange(1, 20)]
        elif data:
            data[at % len(data)] ^= 1 << draw.randrange(8)
    return bytes(data)


def documented(message: dict[str, Any]) -> bool:
    """Is this an answer that docs/api.md knows?"""
    if message.get("ok") is not False:
        return "id" in message or "channel" in message
    code = message.get("code", 0)
    known = code > REFUSED or (code in set(Trouble) and Trouble(code).name == message["reason"])
    return known and isinstance(message["data"], dict) and isinstance(message["message"], str)


def feed_frames(frames: int, seed: int, logged_in: bool) -> str:
    draw = random.Random(seed)
    world = World(trust=logged_in)
    victim = world.host.new_user("victim")
    world.host.fund(victim.accounts[0], 0, 10**12)
    answers: dict[str, int] = {}
    done = 0
    began = time.monotonic()
    while done < frames:
        before, money = world.host.exchange.state_hash(), world.host.exchange.ledger_balance(victim.accounts[0])
        for _ in range(min(CHUNK, frames - done)):
            done += 1
            one_connection(draw, world, answers, logged_in)
        world.host.exchange.check()
        must(logged_in or world.host.exchange.state_hash() == before, f"the state changed within {CHUNK} frames up to frame {done}")
        must(world.host.exchange.ledger_balance(victim.accounts[0]) == money, f"the victim's money changed up to frame {done}")
        if done % 100_000 == 0:
            print(f"{done:,} of {frames:,} frames, {time.monotonic() - began:.0f} s", flush=True)
    told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(answers.items(), key=lambda pair: -pair[1]))
    who = "somebody else logged in: nobody's money but his own moved" if logged_in else "nobody logged in: no state changed"
    return f"{frames:,} frames, {who}; answers: {told}"


PACKED: list[bytes] = [msgpack.packb(request) for request in CORPUS]


def one_connection(draw: random.Random, world: World, answers: dict[str, int], logged_in: bool) -> None:
    """A connection that sends a frame or two, cut anywhere, and hangs up."""
    framed = draw.random() < 0.7
    session = Session(world.host, MSGPACK, Frames())
    if logged_in:
        session.enter(world.host.people.users.get("mallory") or world.host.new_user("mallory"), ("trade", "read"), None)
    data = b""
    for one in draw.choices(PACKED, k=draw.randrange(1, 3)):
        changed = mutated(draw, one)
        data += LENGTH.pack(len(changed)) + changed if framed else changed
    if draw.random() < 0.1:
        data = mutated(draw, data)
    cut = draw.randrange(len(data) + 1)
    for piece in (data[:cut], data[cut:]):
        session.receive(piece)
    is_framed = session.frames is not None and bool(session.frames.is_framed)
    for message in messages(session.take(), is_framed):
        must(documented(message), f"{data!r} was answered with {message}")
        answers[message.get("reason", "ok")] = answers.get(message.get("reason", "ok"), 0) + 1
    session.closed()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--frames", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    try:
        if asked.frames:
            print(feed_frames(asked.frames // 2, asked.seed, logged_in=False), flush=True)
            print(feed_frames(asked.frames - asked.frames // 2, asked.seed, logged_in=True), flush=True)
        if asked.kills:
            print(kill_many(asked.kills, asked.seed), flush=True)
    except Broken as error:
        print(f"BROKEN (seed {asked.seed}): {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
