"""A server in this process with real sockets, and a WebSocket client that can misbehave."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from wire import Message, World

from perplab.exchange.server.gateway import Gateway
from perplab.exchange.server.session import Session
from perplab.exchange.server.spoken import Dialect
from perplab.exchange.server.status import Facts
from perplab.exchange.server.tcp import TcpServer

PATIENCE_S = 60  # for what happens soon: only a test that fails waits so long
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Place:
    """Where a served world listens."""

    def __init__(self, world: World, tcp: int, gateway: Gateway, server: TcpServer) -> None:
        self.world = world
        self.server = server
        self.tcp = tcp
        self.gateway = gateway
        self.port = gateway.port

    def url(self, path: str = "/ws") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def session(self) -> Session:
        """The only one there is."""
        (session,) = self.world.host.sessions
        assert isinstance(session, Session)
        return session


@asynccontextmanager
async def served(world: World, dialect: Dialect | None = None) -> AsyncIterator[Place]:
    server = TcpServer(world.host)
    tcp = await server.start("127.0.0.1", 0)
    gateway = Gateway(world.host, Facts("interpreted", f"127.0.0.1:{tcp}", 0), server.stir, dialect)
    await gateway.start("127.0.0.1", 0)
    try:
        yield Place(world, tcp, gateway, server)
    finally:
        await server.close()
        await gateway.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.005)


def frame(payload: bytes, opcode: int = TEXT, fin: bool = True, length: int | None = None) -> bytes:
    """As a client sends it; its mask is of zeros, so that it can be read in a test."""
    length = len(payload) if length is None else length
    first = (0x80 if fin else 0) | opcode
    size = struct.pack(">BB", first, 0x80 | length) if length < 126 else struct.pack(">BBQ", first, 0xFF, length)
    return size + bytes(4) + payload


def handshake() -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    head = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    return f"{head}Sec-WebSocket-Key: {key}\r\n\r\n".encode()


class Raw:
    """A WebSocket by hand, which reads when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.closed_with: tuple[int, str] | None = None

    @classmethod
    async def connect(cls, place: Place) -> Raw:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)  # so that a slow reader is noticed soon
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", place.port))
        reader, writer = await asyncio.open_connection(sock=plain, limit=1 << 14)
        writer.write(handshake())
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        return cls(reader, writer)

    def send(self, *requests: object) -> None:
        self.writer.write(b"".join(frame(msgspec.json.encode(one)) for one in requests))

    async def frames(self) -> AsyncIterator[tuple[int, bytes]]:
        """Opcode and payload, until the connection ends."""
        while True:
            try:
                first, size = await self.reader.readexactly(2)
                if size >= 126:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
                payload = await self.reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if first & 15 == CLOSE:
                self.closed_with = (int.from_bytes(payload[:2]), payload[2:].decode())
            yield first & 15, payload

    async def messages(self) -> AsyncIterator[Message]:
        async for opcode, payload in self.frames():
            if opcode == TEXT:
                yield json.loads(payload)

    async def ask(self, number: int, op: str, **fields: object) -> Message:
        self.send({"id": number, "op": op, **fields})
        return await self.until(lambda message: message.get("id") == number)

    async def until(self, is_it: Callable[[Message], bool]) -> Message:
        """The first message of this kind; those before it are passed over."""
        async with asyncio.timeout(PATIENCE_S):
            async for message in self.messages():
                if is_it(message):
                    return message
        raise AssertionError(f"the connection has ended: {self.closed_with}")
