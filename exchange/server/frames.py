"""From bytes to requests: where one ends and the next begins. No I/O, and it makes no difference how the bytes are cut.

Two ways to send, told apart by the first byte of a connection, and answered alike:
    frames   each message is preceded by its length, a big-endian u32. Frames are below 16 MiB, so the first byte is 0
    stream   msgpack values one after the other, as any msgpack library writes them. A request is a map, which never begins with 0
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

import msgpack  # type: ignore[import-untyped]

from .errors import Fatal, Trouble

LENGTH: Final = struct.Struct(">I")
LARGEST: Final = (1 << 24) - 1  # [bytes] of a frame
FIRST: Final = 1 << 12  # [bytes] that a stream begins with room for


class Frames:
    """The requests of one connection. `receive` raises Fatal for what no client of ours sends; what came before it has been given out."""

    def __init__(self, largest: int = LARGEST) -> None:
        self.largest = min(largest, LARGEST)
        self.is_framed: bool | None = None  # None: nothing has come yet
        self._held = b""  # an unfinished frame
        self._stream: Stream | None = None

    def bound(self, largest: int) -> None:
        """Requests may be so large from now on [bytes]."""
        self.largest = min(largest, LARGEST)
        if self._stream is not None:
            self._stream.largest = self.largest

    @property
    def unfinished(self) -> int:
        """Bytes of a request that is not whole yet."""
        return len(self._held) if self._stream is None else len(self._stream.held)

    def drop(self) -> None:
        """Nothing more is wanted: let go of what is held."""
        self._held = b""
        if self._stream is not None:
            self._stream = Stream(self.largest)

    def receive(self, data: bytes) -> Iterable[bytes]:
        """The whole requests that these bytes complete, in order."""
        if self.is_framed and not self._held and len(data) > 4 and LENGTH.unpack_from(data)[0] == len(data) - 4 <= self.largest:
            return (data[4:],)  # as nearly always: one read is one request
        self.begin(data)
        return self._framed(data) if self._stream is None else self._stream.receive(data)

    def begin(self, data: bytes) -> None:
        """The first byte tells how it is spoken."""
        if self.is_framed is None and data:
            self.is_framed = data[0] == 0
            if not self.is_framed:
                self._stream = Stream(self.largest)

    def _framed(self, data: bytes) -> Iterator[bytes]:
        data = self._held + data if self._held else data
        at, end = 0, len(data)
        try:
            while end - at >= LENGTH.size:
                (length,) = LENGTH.unpack_from(data, at)
                if length > self.largest:
                    raise too_large(self.largest, length)
                if end - at - LENGTH.size < length:
                    break
                at += LENGTH.size + length
                yield data[at - length : at]
        finally:
            self._held = data[at:]

    def wrap(self, message: bytes) -> bytes:
        """A message as this connection is written to."""
        return LENGTH.pack(len(message)) + message if self.is_framed else message


class Stream:
    """Values of a bare msgpack stream."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.held = b""  # an unfinished value
        self._unpacker = msgpack.Unpacker(read_size=FIRST, max_buffer_size=2 * LARGEST, strict_map_key=False)
        self._given = 0  # bytes of the stream that have been given out

    def receive(self, data: bytes) -> Iterator[bytes]:
        unpacker = self._unpacker
        held = self.held + data if self.held else data
        at = 0
        try:
            unpacker.feed(data)
            while True:
                try:
                    unpacker.skip()
                except msgpack.OutOfData:
                    break
                length = unpacker.tell() - self._given
                if length > self.largest:
                    raise too_large(self.largest, length)
                self._given += length
                at += length
                yield held[at - length : at]
        except (ValueError, msgpack.UnpackException) as error:
            raise Fatal(Trouble.NOT_DECODABLE, f"this is no msgpack: {error or type(error).__name__}") from None
        finally:
            self.held = held[at:]
        if len(self.held) > self.largest:
            raise too_large(self.largest, len(self.held))


def too_large(limit: int, given: int) -> Fatal:
    return Fatal(Trouble.FRAME_TOO_LARGE, f"a request of {given} bytes; expected at most {limit}", field="frame", limit=limit, given=given)
