"""Who comes to the HTTP port, until it has sent a whole head of a request: aiohttp waits for that without end, and counts nobody.

What came is handed on with the connection. One who says nothing, or never ends, is answered 408 and goes; one too many is answered 503.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

HEAD_BYTES: Final = 1 << 16  # more than aiohttp takes: it says so itself
HEAD_END: Final = b"\r\n\r\n"
NO_HEAD: Final = re.compile(rb"[^\t\r\n -\xff]")  # bytes that no head has: aiohttp says so at once
LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Door:
    """`inside`: how many connections there are behind it; `most`: with those before it."""

    def __init__(self, host: Callable[[], asyncio.Protocol], inside: Callable[[], int], most: int, patience_s: float) -> None:
        self.host = host
        self.inside = inside
        self.most = most
        self.patience_s = patience_s
        self.waiting: set[Doorman] = set()

    def close(self) -> None:
        for one in list(self.waiting):
            one.leave()


class Doorman(asyncio.Protocol):
    """One connection that has not said what it wants."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.data = b""
        self.transport: asyncio.Transport | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if len(self.door.waiting) + self.door.inside() >= self.door.most:
            self.leave(FULL)
            return
        self.door.waiting.add(self)
        self.timer = asyncio.get_running_loop().call_later(self.door.patience_s, self.leave, LATE)

    def data_received(self, data: bytes) -> None:
        self.data += data
        is_whole = HEAD_END in self.data or len(self.data) > HEAD_BYTES or NO_HEAD.search(data) is not None
        if self.transport is not None and is_whole:
            self._forget()
            inner = self.door.host()
            self.transport.set_protocol(inner)
            inner.connection_made(self.transport)
            inner.data_received(self.data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._forget()

    def leave(self, answer: bytes = b"") -> None:
        """Say why, and end it."""
        self._forget()
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.write(answer)
            transport.close()

    def _forget(self) -> None:
        self.door.waiting.discard(self)
        if self.timer is not None:
            self.timer.cancel()
