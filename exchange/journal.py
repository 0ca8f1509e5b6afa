"""The journal: an append-only log of the commands that a venue accepted at its door. State is recomputed from it.

File: magic, then records. A record is [length u32][its complement u32][rows u32][crc32 u32][payload], little-endian, the checksum over
rows and payload; the complement tells a damaged length from a record that was cut off.
The first holds the resolved design in full, as JSON, with 0 rows; every other one a block of packed command rows, compressed with zlib.
Typed and bulk commands are written alike. A record with 0 rows further on names an owner: names are the shell's, no text enters the core.
A last record that a crash cut off is dropped on reading; other damage is an error.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
from librt.vecs import vec
from mypy_extensions import i64

from .engine import Exchange, JournalSink
from .messages import Malformed
from .types import ROW
from .venue import Venue, VenueError, venue_of_json

MAGIC: Final = b"perplab journal 1\n"
HEAD: Final = struct.Struct("<IIII")


class Named(msgspec.Struct, frozen=True):
    """A line of the directory."""

    owner: int
    name: str


class JournalError(ValueError):
    """A file that is no journal, or a damaged one; the message is complete."""


class Journal(JournalSink):
    """Writes to a file, or to memory if none is given. Rows are gathered into blocks of `block_rows` before they are written."""

    def __init__(self, file: BinaryIO | None = None, block_rows: int = 1) -> None:
        self.file = file
        self.block_rows = block_rows
        self.blocks: list[bytes] = []
        self.pending: list[bytes] = []
        self.pending_rows = 0

    def start(self, venue: Venue) -> None:
        self.put(MAGIC)
        self.record(venue.to_json(), 0)

    def write(self, rows: vec[i64]) -> None:
        self.pending.append(bytes(memoryview(rows)))
        self.pending_rows += len(rows) // int(ROW)
        if self.pending_rows >= self.block_rows:
            self.flush()

    def name(self, owner: int, name: str) -> None:
        """Write down who an owner number of OpenAccount stands for."""
        self.flush()
        self.record(msgspec.json.encode(Named(owner, name)), 0)

    def flush(self) -> None:
        """Write the block that is being gathered."""
        if self.pending_rows:
            self.record(zlib.compress(b"".join(self.pending), 1), self.pending_rows)
            self.pending.clear()
            self.pending_rows = 0
        if self.file is not None:
            self.file.flush()

    def record(self, payload: bytes, rows: int) -> None:
        self.put(HEAD.pack(len(payload), ~len(payload) & 0xFFFFFFFF, rows, zlib.crc32(payload, rows)) + payload)

    def put(self, data: bytes) -> None:
        if self.file is None:
            self.blocks.append(data)
        else:
            self.file.write(data)

    def bytes(self) -> bytes:
        """All that was written, for a journal in memory."""
        self.flush()
        return b"".join(self.blocks)


def records(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """(rows, payload) of each whole record. Raises JournalError."""
    if not data.startswith(MAGIC):
        raise JournalError(f"{name}: not a perplab journal")
    at = len(MAGIC)
    while at + HEAD.size <= len(data):
        length, inverse, rows, checksum = HEAD.unpack_from(data, at)
        if length ^ inverse != 0xFFFFFFFF:
            raise JournalError(f"{name}: record at byte {at} is damaged (its length is)")
        payload = data[at + HEAD.size : at + HEAD.size + length]
        if len(payload) < length:
            return  # cut off while it was written
        if zlib.crc32(payload, rows) != checksum:
            raise JournalError(f"{name}: record at byte {at} is damaged (checksum differs)")
        yield rows, payload
        at += HEAD.size + length


def content(source: Path | str | bytes) -> tuple[str, bytes]:
    """The name of a journal and its bytes. Raises JournalError."""
    if isinstance(source, bytes):
        return "journal", source
    try:
        return str(source), Path(source).read_bytes()
    except OSError as error:
        raise JournalError(f"{source}: cannot be read: {error.strerror}") from None


class Replayed(NamedTuple):
    """A journal that was run, and what of it."""

    exchange: Exchange
    commands: int
    dropped_bytes: int  # of a last record that was cut off; 0: the journal is whole


def replay(source: Path | str | bytes) -> Exchange:
    """Run a journal through a new venue of its own design. Raises JournalError."""
    return replayed(source).exchange


def replayed(source: Path | str | bytes) -> Replayed:
    """The same, with what was run and what was dropped. Raises JournalError."""
    name, data = content(source)
    found = records(data, name)
    header = next(found, None)
    if header is None:
        raise JournalError(f"{name}: holds no design")
    try:
        exchange = Exchange(venue_of_json(header[1]))
    except (VenueError, ValueError) as error:
        raise JournalError(f"{name}: its design cannot be used: {error}") from None
    commands, end = 0, len(MAGIC) + HEAD.size + len(header[1])
    for rows, payload in found:
        if rows != 0:
            run_block(exchange, rows, payload, name)
        commands += rows
        end += HEAD.size + len(payload)
    return Replayed(exchange, commands, len(data) - end)


def run_block(exchange: Exchange, rows: int, payload: bytes, name: str) -> None:
    try:
        block = vec[i64](memoryview(zlib.decompress(payload)).cast("q"))
        if len(block) != rows * int(ROW):
            raise JournalError(f"{name}: a block of {rows} rows holds {len(block)} integers")
        exchange.apply_rows(block)
    except (zlib.error, TypeError, Malformed) as error:
        raise JournalError(f"{name}: a block of {rows} rows cannot be run: {error}") from None


def directory(source: Path | str | bytes) -> dict[int, str]:
    """Names by owner number, as the journal tells them. Raises JournalError."""
    name, data = content(source)
    found = records(data, name)
    names: dict[int, str] = {}
    for number, (rows, payload) in enumerate(found):
        if rows == 0 and number > 0:
            entry = msgspec.json.decode(payload, type=Named)
            names[entry.owner] = entry.name
    return names
