"""A host without sockets for the tests: a clock that stands, tokens that are counted, and sessions one talks to in maps."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

import msgpack  # type: ignore[import-untyped]
from holds import hold

from perplab.exchange import Exchange, VenueDesign, load_venue
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.clock import Clock
from perplab.exchange.server.codecs import JSON, MSGPACK
from perplab.exchange.server.frames import LENGTH, Frames
from perplab.exchange.server.host import Host
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.session import Session
from perplab.exchange.server.toll import Toll

design_of = cache(load_venue)  # reading it takes longer than most tests
START = 1_800_000_000_000_000_000
SECOND = 1_000_000_000
Message = dict[str, Any]


class World:
    """A host with a venue of one market at 60,000, and its two clocks."""

    def __init__(self, venue: str | VenueDesign = "book_fund_adl", trust: bool = True, limits: Limits | None = None) -> None:
        self.monotonic = 0
        self.clock = Clock(START, 0, lambda: self.monotonic)
        numbers = count(1)
        self.complaints: list[str] = []
        self.host = Host(
            Exchange(design_of(venue) if isinstance(venue, str) else venue), self.clock,
            monotonic=lambda: self.monotonic, limits=limits, trust=trust,
            token=lambda size: f"{next(numbers):0{2 * size}x}", complain=self.complaints.append,
        )  # fmt: skip
        self.host.send([UpdateOracle(0, 0, 60_000)])

    def later(self, seconds: float) -> None:
        """Both clocks go on, and what is due happens."""
        self.monotonic += int(seconds * SECOND)
        self.clock.step(int(seconds * SECOND))
        self.host.pass_time()
        self.host.flush()

    def talker(self, name: str | None = None, framed: bool = True, money: int = 10**12) -> Talker:
        talker = Talker(self, framed)
        if name is not None:
            talker.ask("login", name=name)
            if money:
                talker.ask("faucet", amount=money)
                talker.session.toll = Toll(self.host.limits, self.monotonic)  # tests count tokens from here on
        return talker


class Talker:
    """One connection: `ask` returns the reply, `heard` everything else that has come since it was last asked for."""

    def __init__(self, world: World, framed: bool = True, codec: str = "msgpack") -> None:
        self.world = world
        self.framed = framed
        self.session = Session(world.host, JSON if codec == "json" else MSGPACK, Frames(world.host.limits.frame_bytes))
        self._unread = b""
        self._others: list[Message] = []
        self._numbers = count(1)
        self._ops: dict[object, str] = {}  # by number of request

    def bytes_of(self, message: object) -> bytes:
        packed: bytes = msgpack.packb(message)
        return LENGTH.pack(len(packed)) + packed if self.framed else packed

    def send(self, op: str, **fields: object) -> int:
        number = next(self._numbers)
        self._ops[number] = op
        self.session.receive(self.bytes_of({"id": number, "op": op, **fields}))
        return number

    def read(self) -> list[Message]:
        """All messages that there are; each is as the schema says."""
        found = messages(self.session.take(), self.framed)
        for message in found:
            hold(message, self._ops.get(message.get("id")))
        return found

    def ask(self, op: str, **fields: object) -> Message:
        number = self.send(op, **fields)
        replies = [message for message in self._sorted() if message.get("id") == number]
        assert len(replies) == 1, replies
        return replies[0]

    def _sorted(self) -> list[Message]:
        found = self.read()
        self._others += [message for message in found if "id" not in message]
        return [message for message in found if "id" in message]

    def heard(self, channel: str | None = None) -> list[Message]:
        self._sorted()
        found = [message for message in self._others if channel in (None, message["channel"])]
        self._others = [message for message in self._others if message not in found]
        return found


def messages(data: bytes, framed: bool) -> list[Message]:
    found = []
    if not framed:
        unpacker = msgpack.Unpacker(strict_map_key=False)
        unpacker.feed(data)
        return list(unpacker)
    while data:
        (length,) = LENGTH.unpack_from(data)
        found.append(msgpack.unpackb(data[LENGTH.size : LENGTH.size + length], strict_map_key=False))
        data = data[LENGTH.size + length :]
    return found
