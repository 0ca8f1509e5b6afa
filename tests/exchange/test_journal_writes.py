"""Journals that cannot be written, and what crashes leave of them: what was not written has not happened, what was is kept."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from kit import FIRST, ROW, SECOND, START, USD, Dice, packed, plain_venue, script

from perplab.exchange import Exchange, Journal, load_venue, replay
from perplab.exchange import messages as m
from perplab.exchange.journal import HEAD, MAGIC, JournalError, JournalFailed, block, directory, record, replayed


class Disk(io.RawIOBase):
    """A file in memory on a disk that has `room` bytes; what does not fit is cut off as a kernel does it."""

    name = "run.journal"

    def __init__(self, room: int = 10**9) -> None:
        self.data = bytearray()
        self.at = 0
        self.room = room
        self.step = 10**9  # [bytes] that one call writes at most
        self.can_cut = True
        self.can_seek = True
        self.cuts = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.can_seek

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, len(self.data))[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def truncate(self, size: int | None = None) -> int:
        if not self.can_cut:
            raise OSError(errno.EIO, "Input/output error")
        self.cuts += 1
        size = self.at if size is None else size
        del self.data[size:]
        return size

    def write(self, data: object) -> int:
        given = bytes(data)[: self.step]  # type: ignore[call-overload]
        fits = min(len(given), self.room - self.at)
        if fits <= 0 < len(given):
            raise OSError(errno.ENOSPC, "No space left on device")
        self.data[self.at : self.at + fits] = given[:fits]
        self.at += fits
        return fits


def opened(file: io.RawIOBase | io.BufferedWriter, block_rows: int = 1) -> tuple[Exchange, Journal]:
    """A venue with two accounts and an order, journaled to the file."""
    journal = Journal(file, block_rows)  # type: ignore[arg-type]
    exchange = Exchange(plain_venue(), journal)
    for number in range(2):
        exchange.apply(m.OpenAccount(START, 1, number))
        exchange.apply(m.Deposit(START, FIRST + number, 0, 1_000 * USD))
    exchange.apply(m.UpdateOracle(START, 0, 100))
    exchange.apply(m.Place(START, FIRST, 0, 0, 90, 1))
    return exchange, journal


NEXT = m.Place(START + SECOND, FIRST + 1, 0, 1, 90, 1)  # it trades
AFTER = m.Deposit(START + 2 * SECOND, FIRST, 0, 7)


def snapshot(exchange: Exchange) -> tuple[str, int, int]:
    return exchange.state_hash(), exchange.now, int(exchange.state.log.seq)


def record_of(rows: Sequence[int]) -> bytes:
    """As the journal writes packed rows."""
    return record(block(b"".join(value.to_bytes(8, "little", signed=True) for value in rows)), len(rows) // ROW)


SIZE = len(record_of(packed([NEXT])))  # [bytes]
OFFSETS = range(SIZE)
FULL = r"run\.journal: No space left on device; the command was not carried out, the venue is read-only until this can be written$"


# -- a disk that is full --


@pytest.mark.parametrize("buffered", [False, True], ids=["raw", "buffered"])
@pytest.mark.parametrize("fits", OFFSETS)
def test_a_write_that_fails_has_not_happened(fits: int, buffered: bool) -> None:
    """Wherever in the record the disk is full: no acknowledgement, no event, the state and its replay as before; with space, on it goes."""
    disk = Disk()
    exchange, journal = opened(io.BufferedWriter(disk) if buffered else disk)
    before, whole = snapshot(exchange), bytes(disk.data)
    disk.room = len(whole) + fits
    for attempt in range(2):
        with pytest.raises(JournalFailed, match=FULL) as told:
            exchange.apply(NEXT)
        assert told.value.errno == errno.ENOSPC and exchange.is_read_only and journal.is_read_only
        assert (snapshot(exchange), bytes(disk.data), journal.pending, journal.pending_rows) == (before, whole, [], 0), attempt
        assert replay(bytes(disk.data)).state_hash() == before[0]
        exchange.check()
    disk.room = 10**9
    assert [type(event).__name__ for event in exchange.apply(NEXT)][-1] == "Traded" and not exchange.is_read_only
    assert len(disk.data) == len(whole) + SIZE
    exchange.apply(AFTER)
    assert replayed(bytes(disk.data))[1:] == (8, 0)
    assert replay(bytes(disk.data)).state_hash() == exchange.state_hash()


def test_another_command_than_the_one_that_failed_may_come_next() -> None:
    disk = Disk()
    exchange, _ = opened(disk)
    disk.room = len(disk.data) + 5
    with pytest.raises(JournalFailed):
        exchange.apply(NEXT)
    disk.room = 10**9
    exchange.apply(AFTER)
    other, _ = opened(Disk())
    other.apply(AFTER)
    assert replay(bytes(disk.data)).state_hash() == exchange.state_hash() == other.state_hash()


@pytest.mark.parametrize("fits", [0, 1, 15, 16, 17, SIZE - 1])
def test_what_cannot_be_cut_off_is_cut_off_later(fits: int) -> None:
    """The disk is full and truncating fails as well: nothing is written until it works, and what is there reads as a torn tail."""
    disk = Disk()
    exchange, _ = opened(disk)
    before, whole = snapshot(exchange), bytes(disk.data)
    disk.room, disk.can_cut = len(whole) + fits, False
    with pytest.raises(JournalFailed, match="No space left on device"):
        exchange.apply(NEXT)
    assert len(disk.data) == len(whole) + fits
    assert replayed(bytes(disk.data))[2] == fits and replay(bytes(disk.data)).state_hash() == before[0]
    disk.room = 10**9
    with pytest.raises(JournalFailed, match="Input/output error"):  # there is space, but what is half written is still in the way
        exchange.apply(NEXT)
    assert (snapshot(exchange), len(disk.data), exchange.is_read_only) == (before, len(whole) + fits, True)
    disk.can_cut = True
    exchange.apply(NEXT)
    assert disk.data[: len(whole)] == whole and len(disk.data) == len(whole) + SIZE
    assert replay(bytes(disk.data)).state_hash() == exchange.state_hash()


def test_a_file_that_cannot_be_cut_stays_read_only() -> None:
    """A pipe: what was half written is out, and nothing may follow it."""
    disk = Disk()
    disk.can_seek = False
    exchange, _ = opened(disk)
    disk.room = len(disk.data) + 5
    before = snapshot(exchange)
    with pytest.raises(JournalFailed, match="No space left"):
        exchange.apply(NEXT)
    disk.room = 10**9
    for _ in range(2):
        with pytest.raises(JournalFailed, match="a file that cannot be cut, so what was half written stays in it"):
            exchange.apply(NEXT)
    assert snapshot(exchange) == before and replay(bytes(disk.data)).state_hash() == before[0]


@pytest.mark.parametrize("step", [1, 7, 16, 100])
def test_a_write_may_come_in_parts(step: int) -> None:
    """A kernel that takes a few bytes at a time leaves the same file; one that takes none is a failure."""
    disk, other = Disk(), Disk()
    disk.step = step
    opened(disk)
    opened(other)
    assert disk.data == other.data
    disk = Disk()
    exchange, _ = opened(disk)
    before, whole = snapshot(exchange), bytes(disk.data)
    disk.step = 0
    with pytest.raises(JournalFailed, match=r"run\.journal: nothing more can be written; the command was not carried out"):
        exchange.apply(NEXT)
    assert (snapshot(exchange), bytes(disk.data)) == (before, whole)


@pytest.mark.parametrize("fits", [0, 3, 20, 10**3])
def test_a_journal_that_cannot_be_begun_makes_no_venue(fits: int) -> None:
    disk = Disk(fits)
    with pytest.raises(JournalFailed, match="No space left on device"):
        Exchange(plain_venue(), Journal(disk))  # type: ignore[arg-type]
    assert bytes(disk.data) == b""


def test_what_is_acknowledged_has_left_the_process(tmp_path: Path) -> None:
    """A buffered file is not closed nor flushed; each command is there for others to read when it has been carried out."""
    path = tmp_path / "run.journal"
    with path.open("wb") as file:
        exchange, _ = opened(file)
        assert replay(path).state_hash() == exchange.state_hash()
        exchange.apply(NEXT)
        assert replay(path).state_hash() == exchange.state_hash()
        whole = path.read_bytes()
    assert path.read_bytes() == whole, "closing adds nothing"


@pytest.mark.parametrize("buffered", [False, True], ids=["raw", "buffered"])
def test_a_bulk_call_that_is_not_written_does_nothing_of_it(buffered: bool) -> None:
    """However much of the record of two seconds of the long script fits."""
    rows = packed(script(3, 3))
    disk = Disk()
    exchange = Exchange(load_venue("book_fund_adl"), Journal(io.BufferedWriter(disk) if buffered else disk))  # type: ignore[arg-type]
    before, whole = snapshot(exchange), bytes(disk.data)
    for fits in range(0, len(record_of(rows)), 7):
        disk.room = len(whole) + fits
        with pytest.raises(JournalFailed):
            exchange.apply_rows(rows)
        assert (snapshot(exchange), bytes(disk.data)) == (before, whole)
    disk.room = 10**9
    exchange.apply_rows(rows)
    assert replay(bytes(disk.data)).state_hash() == exchange.state_hash()


# -- blocks --


@pytest.mark.parametrize("buffered", [False, True], ids=["raw", "buffered"])
@pytest.mark.parametrize("block_rows", [2, 3, 7, 8])
def test_a_block_that_cannot_be_written_is_kept(block_rows: int, buffered: bool) -> None:
    """Commands of a block are carried out before it is written. The one that would complete it is refused when it cannot be, those before
    stay pending; with space, nothing is lost and nothing is there twice."""
    commands = [m.Deposit(START + number, FIRST, 0, number) for number in range(1, 40)]
    for fits in (0, 1, 16, 30):
        disk = Disk()
        exchange, journal = opened(io.BufferedWriter(disk) if buffered else disk, block_rows)
        journal.flush()
        whole = bytes(disk.data)
        disk.room = len(whole) + fits
        for number, command in enumerate(commands[: block_rows - 1]):
            exchange.apply(command)
            assert journal.pending_rows == number + 1 and not exchange.is_read_only
        before = snapshot(exchange)
        for command in commands[block_rows - 1 : block_rows + 2]:
            with pytest.raises(JournalFailed):
                exchange.apply(command)
            assert (snapshot(exchange), bytes(disk.data), journal.pending_rows) == (before, whole, block_rows - 1)
            assert exchange.is_read_only
        disk.room = 10**9
        for command in commands[block_rows + 2 :]:
            exchange.apply(command)
        journal.flush()
        paid_in = sum(command.amount for command in commands[: block_rows - 1] + commands[block_rows + 2 :])
        assert exchange.balance(FIRST) == 1_000 * USD + paid_in
        assert replay(bytes(disk.data)).state_hash() == exchange.state_hash()
        assert replayed(bytes(disk.data)).commands == 6 + len(commands) - 3


def test_a_flush_that_fails_can_be_done_again() -> None:
    disk = Disk()
    exchange, journal = opened(disk, 100)
    size = len(disk.data)
    disk.room = size + 30
    for _ in range(2):
        with pytest.raises(JournalFailed):
            journal.flush()
        assert (journal.pending_rows, len(disk.data), exchange.is_read_only) == (6, size, True)
    disk.room = 10**9
    journal.flush()
    assert (journal.pending_rows, exchange.is_read_only) == (0, False)
    assert replay(bytes(disk.data)).state_hash() == exchange.state_hash()


@pytest.mark.parametrize("fits", [0, 10, 40])
def test_a_name_that_cannot_be_written_is_not_told(fits: int) -> None:
    """Nor the block before it; both can be tried again."""
    disk = Disk()
    exchange, journal = opened(disk, 100)
    disk.room = len(disk.data) + fits
    with pytest.raises(JournalFailed):
        journal.name(0, "Ada")
    assert directory(bytes(disk.data)) == {} and journal.pending_rows == 6
    disk.room = 10**9
    journal.name(0, "Ada")
    assert directory(bytes(disk.data)) == {0: "Ada"}
    assert replay(bytes(disk.data)).state_hash() == exchange.state_hash()


# -- what a crash leaves --


@cache
def written() -> tuple[bytes, tuple[int, ...], tuple[str, ...]]:
    """A journal of a few records, where its header and each record end, and the state after each."""
    disk = Disk()
    exchange = Exchange(plain_venue(), Journal(disk))  # type: ignore[arg-type]
    ends, hashes = [len(disk.data)], [exchange.state_hash()]
    for command in (
        m.OpenAccount(START, 1, 0), m.Deposit(START, FIRST, 0, 5), m.UpdateOracle(START, 0, 100), m.Place(START, FIRST, 0, 0, 90, 1), NEXT,
    ):  # fmt: skip
        exchange.apply(command)
        ends.append(len(disk.data))
        hashes.append(exchange.state_hash())
    return bytes(disk.data), tuple(ends), tuple(hashes)


@pytest.mark.parametrize("zeros", [1, 2, 3, 4, 8, 12, 15, 16, 17, 31, 32, 33, 100, 511, 512, 513, 4_095, 4_096, 4_097, 70_000])
def test_zeros_at_the_end_are_a_torn_tail(zeros: int) -> None:
    """A file system may have made the file longer and not written into it."""
    data, ends, hashes = written()
    for end, expected in zip(ends, hashes, strict=True):
        exchange, _, dropped = replayed(data[:end] + bytes(zeros))
        assert (exchange.state_hash(), dropped) == (expected, zeros)


@pytest.mark.parametrize("zeros", [0, 1, 15, 16, 17, 20, 200, 4_096])
def test_a_torn_record_before_zeros_is_dropped(zeros: int) -> None:
    """The last record cut anywhere, and the rest of the file zeros: the journal is read as far as it is whole.

    A record that is as long as it should be cannot be told from a damaged one if less than 16 bytes of it are zeros, unless they are all
    that is in its last sector.
    """
    data, ends, hashes = written()
    *_, last, end = ends
    for cut in range(last, end):
        torn = data[:cut] + bytes(zeros)
        if torn.startswith(data):
            continue  # what was cut off were zeros
        if len(torn) >= end and torn[end - 16 : end] != bytes(16) and cut > (end - 1) // 512 * 512:
            with pytest.raises(JournalError, match=rf"record at byte {last} is damaged \(checksum differs\)"):
                replay(torn)
            continue
        exchange, commands, dropped = replayed(torn)
        assert (exchange.state_hash(), commands, dropped) == (hashes[-2], len(ends) - 2, len(torn) - last), cut


def test_a_torn_record_among_sectors_is_dropped() -> None:
    """Of a long record the first sectors are on the disk, the rest zeros, be the file as long as it should be or longer."""
    disk = Disk()
    exchange = Exchange(load_venue("book_fund_adl"), Journal(disk))  # type: ignore[arg-type]
    exchange.apply_rows(packed(script(1, 3)))
    last, expected = len(disk.data), exchange.state_hash()
    dice = Dice(2)
    exchange.apply_rows([value for _ in range(600) for value in (2, exchange.now, FIRST, 0, dice.roll(1, 10**9), *[0] * 11)])
    data = bytes(disk.data)
    assert len(data) - last > 3 * 512
    for cut in range(-(-last // 512) * 512, len(data), 512):
        for length in (len(data), len(data) + 1, len(data) + 5_000):
            found, _, dropped = replayed(data[:cut] + bytes(length - cut))
            assert (found.state_hash(), dropped) == (expected, length - last)


def damaged(data: bytes, at: int, change: Callable[[bytes], bytes], length: int) -> bytes:
    return data[:at] + change(data[at : at + length]) + data[at + length :]


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "zeros": lambda part: bytes(len(part)),
    "ones": lambda part: b"\xff" * len(part),
    "flipped": lambda part: bytes(value ^ 1 << number % 8 for number, value in enumerate(part)),
    "gone": lambda part: b"",
}


@pytest.mark.parametrize("length", [4, 16, 23])
@pytest.mark.parametrize("name", CHANGES)
def test_damage_before_whole_records_is_refused(name: str, length: int) -> None:
    """In the middle it is no torn tail, zeros or not: at every byte of every record but the last."""
    data, ends, _ = written()
    passed = []
    for at in range(ends[0], ends[-2] - length + 1):
        wrong = damaged(data, at, CHANGES[name], length)
        if wrong == data:
            continue
        try:
            replay(wrong)
        except JournalError as error:
            assert str(error).startswith("journal: "), error
        else:
            passed.append(at)
    assert passed == []


def test_a_whole_record_of_zeros_before_others_is_refused() -> None:
    data, ends, _ = written()
    for start, end in pairwise(ends[:-1]):
        with pytest.raises(JournalError, match=rf"^journal: record at byte {start} is damaged \(its length is\)$"):
            replay(data[:start] + bytes(end - start) + data[end:])
        with pytest.raises(JournalError, match=rf"^journal: record at byte {start} is damaged \(checksum differs\)$"):
            replay(data[: start + HEAD.size] + bytes(end - start - HEAD.size) + data[end:])


@pytest.mark.parametrize("cut", [0, 1, 17, 18, 19, 33, 34, 35, 200])
def test_a_journal_without_its_design_is_refused_before_zeros(cut: int) -> None:
    data, _, _ = written()
    with pytest.raises(JournalError, match=r"^journal: (holds no design|not a perplab journal)"):
        replay(data[:cut] + bytes(100))
    assert data.startswith(MAGIC)


@pytest.mark.parametrize("cause", [KeyboardInterrupt(), MemoryError()])
def test_a_write_that_is_interrupted_has_not_happened_either(cause: BaseException) -> None:
    """Whatever ends a write in its middle: what is half written is cut off, and the next command goes on from there."""
    disk = Disk()
    exchange, journal = opened(disk)
    before, whole = snapshot(exchange), bytes(disk.data)
    write = disk.write

    def interrupted(data: memoryview) -> int:
        write(data[:10])
        raise cause

    disk.write = interrupted  # type: ignore[method-assign,assignment]
    with pytest.raises(type(cause)):
        exchange.apply(NEXT)
    disk.write = write  # type: ignore[method-assign]
    assert (snapshot(exchange), bytes(disk.data), journal.pending, journal.pending_rows) == (before, whole, [], 0)
    assert [type(event).__name__ for event in exchange.apply(NEXT)][-1] == "Traded"
    assert replay(bytes(disk.data)).state_hash() == exchange.state_hash()
