"""The journal: an append-only log of the commands that a venue accepted at its door. State is recomputed from it.

File: magic, then records. A record is [length u32][its complement u32][rows u32][crc32 u32][payload], little-endian, the checksum over
rows and payload; the complement tells a damaged length from a record that was cut off.
The first holds the resolved design in full, as JSON, with 0 rows; every other one a block of packed command rows: as they are between two
bytes R if they are at most SMALL bytes, else compressed with zlib. A zlib stream never begins with R, since the low half of its first byte
is 8 (RFC 1950); the R at the end keeps a whole record from ending in zeros. A reader takes either in any size: in older journals all blocks
are compressed. Typed and bulk commands are written alike.
A record with 0 rows further on is a mark, as JSON: it names an owner, since no text enters the core; or says that the state is kept
here, or that it goes back to a kept one. A replay keeps and goes back likewise, so a journal holds no state, and can be read by any
version.

What cannot be written has not happened: a command whose record fails is not carried out, and what was written of it is cut off again.
The venue is then read-only until a write succeeds. On reading, a last record that a crash cut off, or of which it left zeros, is dropped
and reported; other damage is an error.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, NoReturn

import msgspec
from librt.vecs import vec
from mypy_extensions import i64

from .blocks import JournalSink
from .design.reader import DesignError
from .design.venue import VenueDesign, venue_of_json
from .engine import Exchange, restore
from .schema.messages import Malformed
from .state.types import ROW

MAGIC: Final = b"perplab journal 1\n"
HEAD: Final = struct.Struct("<IIII")
ZEROS: Final = bytes(16)  # no block ends like that
STORED: Final = b"R"  # before and behind rows that are written as they are
SMALL: Final = 4_096  # [bytes] of rows: compressing less takes longer than anything else that a command needs
SECTOR: Final = 512  # [bytes] what a disk writes whole
ROW_BYTES: Final = 8 * int(ROW)
NOT_WRITTEN: Final = "; the command was not carried out, the venue is read-only until this can be written"


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record that is no command."""

    owner: int | None = None  # of OpenAccount
    name: str = ""  # whom that number stands for, or what the kept state is called
    kept: int = 0  # the state as it is here is kept under this number
    forgotten: int = 0  # and the one under this number is not any more
    back_to: int = 0  # the state is from here on the one that was kept under this number
    paid_to: int = 0  # the owner to whom the faucet has paid; 0: it has not
    asset: int = 0  # of that
    amount: int = 0  # [micro]


class JournalError(ValueError):
    """A file that is no journal, a damaged one, or one that a venue cannot begin in; the message is complete."""


class NotKept(JournalError):
    """A journal goes back to a state that was kept before the part of it which was read."""


class JournalFailed(OSError):
    """The journal could not be written, so the command did not happen; the venue is read-only until a write succeeds."""


class Paid:
    """What the faucet of a server has paid to each owner in all, and what that was when states of the venue were kept."""

    def __init__(self) -> None:
        self.sums: dict[tuple[int, int], int] = {}  # [micro] by owner and asset
        self.kept: dict[int, dict[tuple[int, int], int]] = {}  # by the state's number

    def of(self, owner: int, asset: int) -> int:
        """[micro]"""
        return self.sums.get((owner, asset), 0)

    def add(self, owner: int, asset: int, amount: int) -> None:
        self.sums[owner, asset] = self.of(owner, asset) + amount

    def keep(self, number: int, kept: set[int]) -> None:
        """The state as it is is kept under `number`; `kept`: the numbers of all that are."""
        self.kept = {one: sums for one, sums in self.kept.items() if one in kept}
        self.kept[number] = dict(self.sums)

    def go_back(self, number: int) -> None:
        """What was paid later never was."""
        self.sums = dict(self.kept.get(number, {}))


class Replayed(NamedTuple):
    """A venue as its journal leaves it."""

    exchange: Exchange
    commands: int  # that were carried out
    dropped_bytes: int  # of a record at the end that a crash cut off; 0: the journal is whole


class Journal(JournalSink):
    """Writes to a file opened for binary writing, or to memory if none is given.

    Rows are gathered into blocks of `block_rows` before they are written. With the default, 1, a command is in the file before it is
    carried out. In larger blocks the commands of the last one are carried out before they are written, and kept until they are.
    """

    __slots__ = ("block_rows", "blocks", "end", "failed", "file", "pending", "pending_rows", "raw")  # below a compiled class a dict is slow

    def __init__(self, file: BinaryIO | None = None, block_rows: int = 1) -> None:
        self.file = file
        # Past the buffer of a buffered file: a failure is told now, and leaves nothing behind that would be tried again
        self.raw: BinaryIO | None = getattr(file, "raw", file)
        self.block_rows = block_rows
        self.blocks: list[bytes] = []
        self.pending: list[bytes] = []  # carried out and not written yet
        self.pending_rows = 0
        self.failed = False  # did the last write?
        self.end = file.seek(0, SEEK_END) if file is not None and file.seekable() else 0  # [bytes] up to here the file is whole

    @property
    def is_read_only(self) -> bool:
        """Did the last write fail? The next command tries again."""
        return self.failed

    def start(self, venue: VenueDesign) -> None:
        """Write down the design. Raises JournalFailed, and JournalError where something is written already: two designs are no journal."""
        held = self.end if self.file is not None else sum(len(block) for block in self.blocks)
        if held:
            name = getattr(self.file, "name", "the journal")
            raise JournalError(f"{name}: holds {held} bytes already; each venue writes a journal of its own, into an empty file")
        self.put(MAGIC + record(venue.to_json(), 0))

    def write(self, rows: vec[i64]) -> None:
        """Write down commands that are about to be carried out. Raises JournalFailed; then they must not be."""
        data = bytes(memoryview(rows))
        count = len(data) // ROW_BYTES
        if self.pending_rows + count < self.block_rows:
            self.pending.append(data)
            self.pending_rows += count
        elif self.pending_rows:  # what is raised here keeps these commands from being carried out, and leaves those before them pending
            self.put(record(block(b"".join([*self.pending, data])), self.pending_rows + count))
            self.forget()
        elif count:
            self.put(record(block(data), count))

    def name(self, owner: int, name: str) -> None:
        """Write down who an owner number of OpenAccount stands for. Raises JournalFailed."""
        self.mark(Mark(owner=owner, name=name))

    def mark(self, mark: Mark) -> None:
        """Write down what is no command. Raises JournalFailed."""
        self.flush()
        self.put(record(msgspec.json.encode(mark), 0))

    def flush(self) -> None:
        """Write the block that is being gathered. Raises JournalFailed."""
        if self.pending_rows:
            self.put(record(block(b"".join(self.pending)), self.pending_rows))
            self.forget()

    def forget(self) -> None:
        self.pending.clear()
        self.pending_rows = 0

    def put(self, data: bytes) -> None:
        """All of `data` or nothing."""
        if self.raw is None:
            self.blocks.append(data)
            return
        try:
            if self.failed:
                self.cut()
            write_all(self.raw, data)
        except BaseException as error:
            self.fail(error)
        self.failed = False
        self.end += len(data)

    def fail(self, cause: BaseException) -> NoReturn:
        """Take back what was half written, and say why. Raises JournalFailed, or what interrupted the write."""
        self.failed = True
        with suppress(OSError, ValueError):  # else the next write tries to again, before it writes
            self.cut()
        if not isinstance(cause, OSError | ValueError):  # ValueError: a file that is closed
            raise cause
        told = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
        failure = JournalFailed(f"{getattr(self.file, 'name', 'the journal')}: {told}{NOT_WRITTEN}")
        failure.errno = cause.errno if isinstance(cause, OSError) else None
        raise failure from cause

    def cut(self) -> None:
        """Take back what a failed write left in the file."""
        assert self.raw is not None
        if not self.raw.seekable():
            raise OSError(None, "a file that cannot be cut, so what was half written stays in it")
        self.raw.seek(self.end)
        self.raw.truncate()

    def bytes(self) -> bytes:
        """All that was written, for a journal in memory."""
        self.flush()
        return b"".join(self.blocks)


def block(rows: bytes) -> bytes:
    """Packed rows as the payload of a record."""
    return STORED + rows + STORED if len(rows) <= SMALL else zlib.compress(rows, 1)


def rows_of(payload: bytes) -> bytes:
    """The packed rows of a record. Raises ValueError for what is none."""
    if payload.startswith(STORED) and payload.endswith(STORED):
        return payload[1:-1]
    try:
        return zlib.decompress(payload)
    except zlib.error as error:
        raise ValueError(str(error)) from None


def record(payload: bytes, rows: int) -> bytes:
    return HEAD.pack(len(payload), ~len(payload) & 0xFFFFFFFF, rows, zlib.crc32(payload, rows)) + payload


def write_all(raw: BinaryIO, data: bytes) -> None:
    written = raw.write(data)
    if written == len(data):  # as nearly always
        return
    left = memoryview(data)
    while written:
        left = left[written:]
        if len(left) == 0:
            return
        written = raw.write(left)
    raise OSError(None, "nothing more can be written")


def records(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """(rows, payload) of each whole record, up to one that was cut off. Raises JournalError."""
    if not data.startswith(MAGIC):
        if len(data) < len(MAGIC) and MAGIC.startswith(data):
            raise JournalError(f"{name}: holds no design; it was cut off in its first {len(MAGIC)} bytes")
        raise JournalError(f"{name}: not a perplab journal")
    at = len(MAGIC)
    while at < len(data):
        head = data[at : at + HEAD.size]
        if len(head) < HEAD.size or not (any(head) or any(data[at:])):  # a look at all that follows costs as much as that is long
            return  # cut off, or a crash left zeros where the record was to be
        length, inverse, rows, checksum = HEAD.unpack(head)
        if length ^ inverse != 0xFFFFFFFF:
            if not any(data[at + HEAD.size :]) and head.endswith(b"\0"):
                return  # a head of which a crash left a part
            raise JournalError(f"{name}: record at byte {at} is damaged (its length is)")
        payload = data[at + HEAD.size : at + HEAD.size + length]
        if len(payload) < length:
            return  # cut off while it was written
        if zlib.crc32(payload, rows) != checksum:
            end = at + HEAD.size + length
            last_sector = max(at + HEAD.size, (end - 1) // SECTOR * SECTOR)
            if (payload.endswith(ZEROS) and not any(data[end:])) or not any(data[last_sector:]):
                return  # its length was on the disk, its last sector not
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


def replay(source: Path | str | bytes) -> Exchange:
    """Run a journal through a new venue of its own design. Raises JournalError."""
    return replayed(source).exchange


def replayed(source: Path | str | bytes) -> Replayed:
    """The same, and whether the journal was cut off. Raises JournalError."""
    name, data = content(source)
    found = records(data, name)
    header = next(found, None)
    if header is None:
        raise JournalError(f"{name}: holds no design")
    run, end = begun(name, header[1]), len(MAGIC) + HEAD.size + len(header[1])
    for rows, payload in found:
        run.take(rows, payload, name)
        end += HEAD.size + len(payload)
    return Replayed(run.exchange, run.commands, len(data) - end)


def begun(name: str, header: bytes) -> Replay:
    """A replay before its first record: a new venue of the design in a journal's header. Raises JournalError."""
    try:
        return Replay(Exchange(venue_of_json(header)))
    except (DesignError, ValueError) as error:
        raise JournalError(f"{name}: its design cannot be used: {error}") from None


class Replay:
    """Takes the records behind the design one by one. `exchange` is the venue as they leave it: another one where they went back."""

    def __init__(self, exchange: Exchange, recent: int = 0) -> None:
        self.exchange = exchange
        self.most = recent
        self.recent: deque[vec[i64]] = deque()  # the last events, `most` of them and what more the block has that the first is in
        self.events = 0  # in `recent`
        self.commands = 0  # that were carried out
        self.names: dict[int, str] = {}  # of owners
        self.kept: dict[int, str] = {}  # names of the states that are kept, by number
        self.paid = Paid()
        self.snapshots: dict[int, bytes] = {}  # those of them that this replay came by

    def take(self, rows: int, payload: bytes, name: str) -> None:
        """Run a block, or heed a mark. Raises JournalError."""
        if rows == 0:
            mark = self.note(payload, name)
            if mark.kept:
                self.snapshots[mark.kept] = self.exchange.snapshot()
            elif mark.back_to not in (0, *self.snapshots):
                raise NotKept(f"{name}: goes back to state {mark.back_to}, which was kept before the part that was read")
            elif mark.back_to:
                self.exchange = restore(self.snapshots[mark.back_to])
                self.recent.clear()
                self.events = 0
        else:
            events = run_block(self.exchange, rows, payload, name)
            self.commands += rows
            if self.most and len(events):
                self.remember(events)

    def remember(self, events: vec[i64]) -> None:
        self.recent.append(events)
        self.events += len(events) // int(ROW)
        while self.events - len(self.recent[0]) // int(ROW) >= self.most:
            self.events -= len(self.recent.popleft()) // int(ROW)

    def note(self, payload: bytes, name: str) -> Mark:
        """What a mark says of names, and of what the faucet has paid. Raises JournalError."""
        mark = mark_of(payload, name)
        if mark.owner is not None:
            self.names[mark.owner] = mark.name
        elif mark.kept:
            self.kept[mark.kept] = mark.name
            self.kept.pop(mark.forgotten, None)
            self.snapshots.pop(mark.forgotten, None)
            self.paid.keep(mark.kept, set(self.kept))
        elif mark.back_to:
            self.paid.go_back(mark.back_to)
        elif mark.paid_to:
            self.paid.add(mark.paid_to, mark.asset, mark.amount)
        return mark


def mark_of(payload: bytes, name: str) -> Mark:
    try:
        return msgspec.json.decode(payload, type=Mark)
    except msgspec.DecodeError as error:
        raise JournalError(f"{name}: a mark cannot be read: {error}") from None


def run_block(exchange: Exchange, rows: int, payload: bytes, name: str) -> vec[i64]:
    """Carry out a record's commands; the events. Raises JournalError."""
    try:
        found = vec[i64](memoryview(rows_of(payload)).cast("q"))
    except (ValueError, TypeError) as error:
        raise JournalError(f"{name}: a block of {rows} rows cannot be run: {error}") from None
    if len(found) != rows * int(ROW):
        raise JournalError(f"{name}: a block of {rows} rows holds {len(found)} integers")
    try:
        return exchange.apply_rows(found)
    except Malformed as error:
        raise JournalError(f"{name}: a block of {rows} rows cannot be run: {error}") from None


def directory(source: Path | str | bytes) -> dict[int, str]:
    """Names by owner number, as the journal tells them. Raises JournalError."""
    name, data = content(source)
    found = records(data, name)
    names: dict[int, str] = {}
    for number, (rows, payload) in enumerate(found):
        if rows == 0 and number > 0:
            mark = mark_of(payload, name)
            if mark.owner is not None:
                names[mark.owner] = mark.name
    return names
