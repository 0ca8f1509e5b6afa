"""How much of a message a WebSocket has begun and not ended. aiohttp holds it, and bounds each message by itself; all of them together,
and the time that they take, are bounded by what is noted here (unfinished.py), as requests over TCP are.

The bytes are looked at on their way to aiohttp, and no more than the heads of frames is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

TEXT: Final = 0x81  # first byte of a head: a whole text message
LAST: Final = 0x80  # of a head's first byte: the last frame of its message
CONTROL: Final = 0x08  # ping, pong or close: no part of a message, and may come between its frames
MASKED: Final = 0x80  # of its second byte
SHORTEST: Final = 2  # bytes of a head
LONGER: Final = {126: 2, 127: 8}  # bytes behind those, by what stands for the length
MASK: Final = 4


class Fragments:
    """Follows the frames of a WebSocket, however their bytes are cut: RFC 6455, section 5.2."""

    def __init__(self) -> None:
        self.bytes = 0  # of the message that is not whole, heads of its frames included: empty ones take time, too
        self.has_ended = False  # has a message become whole since it was last asked?
        self._head = b""  # of a frame, as far as it has come
        self._left = 0  # bytes of a frame that are still to come
        self._is_control = self._is_last = False

    def add(self, data: bytes) -> None:
        at, end = 0, len(data)
        if not self._left and not self._head:
            at = self._pass_by(data)
        while at < end:
            if self._left:
                taken = min(self._left, end - at)
                self._left -= taken
                self.bytes += 0 if self._is_control else taken
                at += taken
            else:
                at = self._begin(data, at)
            if not self._left and not self._head and self._is_last and not self._is_control:
                self.bytes, self.has_ended, self._is_last = 0, True, False

    def _pass_by(self, data: bytes) -> int:
        """Where what does not begin with whole short messages begins: nearly all bytes are these."""
        at, end = 0, len(data)
        while end - at >= SHORTEST + MASK and data[at] == TEXT and MASKED <= data[at + 1] < MASKED + 126:
            after = at + SHORTEST + MASK + (data[at + 1] - MASKED)
            if after > end:
                break
            at, self.bytes, self.has_ended = after, 0, True
        return at

    def _begin(self, data: bytes, at: int) -> int:
        """The head of a frame, as far as it is there; where its payload begins."""
        before = len(self._head)
        head = self._head + data[at : at + SHORTEST + 8 + MASK - before]
        flag = head[1] & 0x7F if len(head) >= SHORTEST else 0
        start = SHORTEST + LONGER.get(flag, 0)
        size = start + (MASK if len(head) >= SHORTEST and head[1] & MASKED else 0)
        if len(head) < size:
            self._head, self.bytes = head, self.bytes + len(head) - before
            return len(data)
        self._head = b""
        self._is_control, self._is_last = bool(head[0] & CONTROL), bool(head[0] & LAST)
        self._left = int.from_bytes(head[SHORTEST:start]) if flag in LONGER else flag
        self.bytes += -before if self._is_control else size - before
        return at + size - before


def nothing() -> None:
    """Nobody is to hear of it."""


class Watched(asyncio.Protocol):
    """While it is entered it stands between a transport and aiohttp's protocol, from a handshake on. `heard` is called when bytes have been
    handed on."""

    def __init__(self, request: web.Request) -> None:
        self.inner = request.protocol
        self.transport = request.transport
        self.fragments = Fragments()
        self.heard: Callable[[], None] = nothing

    def __enter__(self) -> None:
        self.fragments.add(self.inner._message_tail)  # what has come behind the handshake: aiohttp keeps it until it has answered that
        if self.transport is not None:
            self.transport.set_protocol(self)

    def __exit__(self, *_: object) -> None:
        if self.transport is not None:
            self.transport.set_protocol(self.inner)

    def data_received(self, data: bytes) -> None:
        self.fragments.add(data)
        self.inner.data_received(data)
        self.heard()

    def eof_received(self) -> None:
        self.inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self.inner.connection_lost(error)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()
