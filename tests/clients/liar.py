"""Servers that lie: what a real one says is changed on its way to the client."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

import msgspec

from perplab.clients.protocol import encode
from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.frames import LENGTH, Frames
from perplab.exchange.server.host import Host
from perplab.exchange.server.session import Session

CUT: Final = object()  # hang up here
Lie = Callable[[str, Any], list[Any]]  # of what a message answers ("": it is of a stream), and it: what is said instead; bytes as they are


def lying(lie: Lie) -> type[Session]:
    """Sessions of a server that lies."""

    class Liar(Session):
        def __init__(self, host: Host, codec: object, frames: object) -> None:
            super().__init__(host, MSGPACK, Frames())
            self.asked, self.said = Frames(), Frames()
            self.ops: dict[int, str] = {}

        def receive(self, data: bytes) -> None:
            for payload in self.asked.receive(data):
                asked = msgspec.msgpack.decode(payload)
                self.ops[asked["id"]] = asked["op"]
            super().receive(data)

        def take(self) -> bytes:
            out = b""
            for payload in self.said.receive(super().take()):
                message = msgspec.msgpack.decode(payload)
                for one in lie(self.ops.get(message.get("id"), ""), message):
                    if one is CUT:
                        self.ending = "CUT"
                        return out
                    data = one if isinstance(one, bytes) else encode(one)
                    out += LENGTH.pack(len(data)) + data
            return out

    return Liar


def instead(op: str, told: Callable[[dict[str, Any]], Any]) -> Lie:
    """Something else is said to one kind of request."""
    return lambda asked, message: [told(message)] if asked == op else [message]


def before(op: str, told: Callable[[], Any]) -> Lie:
    """Something is said before the reply to one kind of request."""
    return lambda asked, message: [told(), message] if asked == op else [message]


NESTED: Final = b"\x91" * 5000 + b"\x01"  # lists in each other
JUNK: Final[tuple[Any, ...]] = (
    None, True, False, -1, 0, 1, 63, 1 << 62, (1 << 64) - 1, 0.5, float("nan"), float("inf"), "", "abc", "NaN", "-0", "1e999999999", b"\0",
    [], [[]], [0], {}, {"a": []}, ["x", 1], "BUY", "USER",
)  # fmt: skip


class Muddle:
    """Of `rate` in a hundred messages something is changed, left out, said twice, later or cut off; the same for the same seed."""

    def __init__(self, seed: int, rate: int) -> None:
        self.draw = random.Random(seed)
        self.rate = rate
        self.kept: list[Any] = []  # to be said later

    def __call__(self, op: str, message: Any) -> list[Any]:
        draw, late = self.draw, self.kept
        self.kept = []
        if draw.randrange(100) >= self.rate:
            return [message, *late]
        kind = draw.randrange(16)
        if kind == 0:
            return [message, message, *late]
        if kind == 1:
            self.kept = [message]
            return late
        if kind == 2:
            return [encode(message)[: draw.randrange(40)], *late]
        if kind == 3:
            return [CUT]
        if kind == 4:
            return [draw.choice([NESTED, b"\xff\xff", *JUNK]), message, *late]
        return [self.changed(message), *late]

    def changed(self, value: Any) -> Any:
        """Something in it is something else, or gone."""
        if isinstance(value, dict) and value and self.draw.random() < 0.9:
            name = self.draw.choice(list(value))
            if self.draw.random() < 0.15:
                return {key: one for key, one in value.items() if key != name}
            return {**value, name: self.changed(value[name])}
        if isinstance(value, list) and value and self.draw.random() < 0.9:
            at = self.draw.randrange(len(value))
            return [*value[:at], self.changed(value[at]), *value[at + 1 :]]
        return self.draw.choice(JUNK)


class Rough(Muddle):
    """No word is false, but messages come twice, later, in part or not at all, and connections are cut."""

    def __call__(self, op: str, message: Any) -> list[Any]:
        late, self.kept = self.kept, []
        if self.draw.randrange(100) >= self.rate:
            return [message, *late]
        kind = self.draw.randrange(5)
        if kind == 0:
            self.kept = [message]
            return late
        return [[message, message], [encode(message)[: self.draw.randrange(40)]], [CUT], []][kind - 1] + late
