"""A client's protocol and a venue, with bytes carried by hand: in pieces, or not all of them."""

from __future__ import annotations

from typing import TypeVar

from perplab.clients.calls import Call
from perplab.clients.identity import Identity
from perplab.clients.local import LocalHost
from perplab.clients.pending import Pending
from perplab.clients.protocol import Protocol
from perplab.clients.types import Event
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.frames import Frames
from perplab.exchange.server.session import Session

T = TypeVar("T")
ENDLESS = 1 << 60
MARKET = "PERP"  # of the designs with one market


def new_host(trust: bool = True, seed: int = 1) -> LocalHost:
    host = LocalHost("book_fund_adl", seed)
    host.trust = trust
    host.send([UpdateOracle(0, 0, 60_000)])
    return host


class Link:
    """`budget` bytes are carried, of both directions together; then the connection breaks, and the next one has no end."""

    def __init__(self, host: LocalHost, name: str = "alice", budget: int = ENDLESS, chunk: int = ENDLESS, prefix: int = 1 << 63) -> None:
        self.host = host
        self.protocol = Protocol(Identity(name, session=f"s{prefix:x}"), prefix)
        self.budget = budget
        self.chunk = chunk
        self.now = 0.0
        self.breaks = 0
        self.carried = 0
        self.seen: list[Event] = []
        self.connect()

    def connect(self) -> None:
        self.session = Session(self.host, MSGPACK, Frames())
        self.protocol.connected(self.now)

    def lose(self) -> None:
        self.breaks += 1
        self.session.closed()
        self.protocol.lost()
        self.budget = ENDLESS
        self.connect()

    def carry(self) -> None:
        """Until nobody has anything to say."""
        while True:
            out = self.protocol.take()
            there = self._pass(out)
            self.session.receive(there)
            self.host.flush()
            if self.session.has_more:
                self.session.go_on()
            if len(there) < len(out):
                self.lose()
                continue
            told = self.session.take()
            back = self._pass(told)
            for at in range(0, len(back), self.chunk):
                self.protocol.receive(back[at : at + self.chunk], self.now)
            if len(back) < len(told):
                self.lose()
            elif self.protocol.dead:
                return
            elif not out and not told:
                break
        while (event := self.protocol.next_event()) is not None:
            self.seen.append(event)

    def _pass(self, data: bytes) -> bytes:
        data = data[: self.budget]
        self.budget -= len(data)
        self.carried += len(data)
        return data

    def ask(self, call: Call[T]) -> Pending[T]:
        pending = self.protocol.ask(call, self.now)
        self.carry()
        return pending

    def do(self, call: Call[T]) -> T:
        return self.ask(call).result()
