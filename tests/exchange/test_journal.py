"""The journal: what is written down, and what is read back from a whole, a cut-off or a damaged one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kit import FIRST, START, Bench, packed, plain_venue, script, some_venue, usd

from perplab.exchange import Exchange, Journal, Malformed, load_venue, replay
from perplab.exchange import messages as m
from perplab.exchange.journal import HEAD, MAGIC, JournalError, directory, records, replayed, rows_of


def journaled(block_rows: int = 1) -> tuple[Journal, Exchange]:
    """A venue that has carried out a short script, typed, and its journal."""
    journal = Journal(block_rows=block_rows)
    exchange = Exchange(load_venue("book_fund_adl"), journal)
    for command in script(2, 6):
        exchange.apply(command)
    return journal, exchange


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """(rows, packed rows) of each record after the header."""
    return [(rows, rows_of(payload)) for rows, payload in list(records(data, "test"))[1:]]


def test_the_header_holds_the_whole_design() -> None:
    journal, exchange = journaled()
    rows, payload = next(records(journal.bytes(), "test"))
    assert rows == 0 and payload == exchange.design.to_json()
    copy = replay(journal.bytes())
    assert copy.design == exchange.design and copy.state_hash() == exchange.state_hash()


def test_typed_and_bulk_commands_are_written_alike() -> None:
    """The same rows in the same blocks are the same bytes; blocks of another size hold the same rows."""
    journal, exchange = journaled()
    commands = script(2, 6)
    one_by_one = Journal()
    other = Exchange(exchange.design, one_by_one)
    for command in commands:
        other.apply_rows(m.command_row(command))
    assert one_by_one.bytes() == journal.bytes()
    whole = Journal()
    Exchange(exchange.design, whole).apply_rows(packed(commands))
    assert len(blocks(whole.bytes())) == 1 < len(blocks(journal.bytes()))
    in_tens, _ = journaled(10)
    assert {rows for rows, _ in blocks(in_tens.bytes())[:-1]} == {10}
    contents = {b"".join(part for _, part in blocks(one.bytes())) for one in (journal, whole, in_tens)}
    assert len(contents) == 1
    assert list(memoryview(contents.pop()).cast("q")) == packed(commands)


def test_small_blocks_are_stored_and_large_ones_compressed() -> None:
    journal, exchange = journaled()
    for count in (31, 33):
        exchange.apply_rows(packed([m.Tick(exchange.now)] * count))
    stored, compressed = [payload for rows, payload in records(journal.bytes(), "test") if rows in (31, 33)]
    assert stored == b"R" + rows_of(stored) + b"R" and len(rows_of(stored)) == 31 * 128
    assert zlib.decompress(compressed) == rows_of(compressed) and len(rows_of(compressed)) == 33 * 128


def test_journals_of_before_there_were_stored_blocks_are_read() -> None:
    """They have every block compressed, in any window of zlib's."""
    journal, exchange = journaled()
    exchange.apply_rows(packed([m.Tick(exchange.now + 1)] * 100))
    older = MAGIC
    for rows, payload in records(journal.bytes(), "test"):
        small = zlib.compressobj(1, zlib.DEFLATED, 9, 1)
        older += record(small.compress(rows_of(payload)) + small.flush() if rows else payload, rows)
    assert older != journal.bytes() and replay(older).state_hash() == exchange.state_hash()


def test_refused_commands_are_written_malformed_ones_are_not() -> None:
    bench = some_venue()
    before = len(blocks(bench.journal.bytes()))
    bench.exchange.apply(m.Withdraw(START, FIRST, 0, usd("2000000")))
    assert len(blocks(bench.journal.bytes())) == before + 1
    with pytest.raises(Malformed):
        bench.exchange.apply(m.Withdraw(START, FIRST, 0, 0))
    bench.exchange.apply_rows([])
    assert len(blocks(bench.journal.bytes())) == before + 1


def test_a_file_is_what_memory_would_be(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    with path.open("wb") as file:
        exchange = Exchange(load_venue("book_fund_adl"), Journal(file))
        for command in script(2, 6):
            exchange.apply(command)
    journal, _ = journaled()
    assert path.read_bytes() == journal.bytes()
    assert replay(path).state_hash() == replay(str(path)).state_hash() == exchange.state_hash()


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_a_venue_begins_in_an_empty_file(tmp_path: Path, mode: str) -> None:
    """Two designs in a file would be a journal that nothing can read."""
    path = tmp_path / "venue.journal"
    with path.open("wb") as file:
        Exchange(plain_venue(), Journal(file))
    before = path.read_bytes()
    with path.open(mode) as file, pytest.raises(JournalError, match=rf"venue\.journal: holds {len(before)} bytes already"):
        Exchange(plain_venue(), Journal(file))
    assert path.read_bytes() == before


def test_two_venues_do_not_share_a_journal(tmp_path: Path) -> None:
    with (tmp_path / "venue.journal").open("wb") as file:
        for journal in (Journal(), Journal(file)):
            Exchange(plain_venue(), journal)
            with pytest.raises(JournalError, match="a journal of its own"):
                Exchange(plain_venue(), journal)


def test_names_are_kept_beside_the_commands() -> None:
    journal = Journal(block_rows=100)
    exchange = Exchange(plain_venue(), journal)
    exchange.apply(m.OpenAccount(START, 1, 7))
    journal.name(7, "Ada")
    journal.name(8, "Blaise")
    journal.name(7, "Ada L.")
    exchange.apply(m.Deposit(START, FIRST, 0, 5))
    data = journal.bytes()
    assert directory(data) == {7: "Ada L.", 8: "Blaise"}
    assert replay(data).state_hash() == exchange.state_hash()


# -- damage --


def ends(data: bytes) -> Iterator[int]:
    """Where the magic and each record end."""
    at = len(MAGIC)
    yield at
    while at < len(data):
        at += HEAD.size + HEAD.unpack_from(data, at)[0]
        yield at


def small_journal() -> bytes:
    """Three commands in three records."""
    bench = Bench(plain_venue())
    bench.open("5")
    bench.send(m.Tick)
    return bench.journal.bytes()


def test_a_cut_off_record_is_dropped() -> None:
    """Cut anywhere, a journal tells what its whole records tell, and how much is gone; without a whole header it tells nothing."""
    data = small_journal()
    magic, header, *whole = ends(data)
    hashes = {end: replay(data[:end]).state_hash() for end in (header, *whole)}
    assert len(set(hashes.values())) == len(hashes) - 1  # the last command is a Tick that changes nothing
    for cut in [*range(0, header, 37), *range(header, len(data))]:
        if cut < magic:
            with pytest.raises(JournalError, match=r"^journal: holds no design; it was cut off in its first 18 bytes$"):
                replay(data[:cut])
        elif cut < header:
            with pytest.raises(JournalError, match="holds no design"):
                replay(data[:cut])
        else:
            end = max(end for end in hashes if end <= cut)
            exchange, commands, dropped = replayed(data[:cut])
            assert (exchange.state_hash(), commands, dropped) == (hashes[end], [header, *whole].index(end), cut - end)


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def test_any_other_damage_is_an_error() -> None:
    """No single flipped bit of a whole journal goes unnoticed: not in the payloads, nor in lengths, checksums and row counts."""
    data = small_journal()
    _, header, *_ = ends(data)
    unnoticed = []
    for at in [*range(0, header, 11), *range(header - 3, len(data))]:
        try:
            replay(flipped(data, at, at % 8))
        except JournalError:
            continue
        unnoticed.append(at)
    assert unnoticed == []


@dataclass
class Wrong:
    """A file that is no journal, or not a sound one."""

    data: bytes
    told: str


def record(payload: bytes, rows: int) -> bytes:
    return HEAD.pack(len(payload), ~len(payload) & 0xFFFFFFFF, rows, zlib.crc32(payload, rows)) + payload


HEADER = MAGIC + record(plain_venue().to_json(), 0)
NO_JOURNALS = {
    "nothing": Wrong(b"", "holds no design; it was cut off in its first 18 bytes"),
    "a text as short": Wrong(b"perplab\n", "not a perplab journal"),
    "text": Wrong(b"perplab journal 2\n", "not a perplab journal"),
    "no design": Wrong(MAGIC, "holds no design"),
    "a design that is none": Wrong(MAGIC + record(b"{}", 0), "its design cannot be used"),
    "a design that is no JSON": Wrong(MAGIC + record(b"tick = 1", 0), "its design cannot be used"),
    "fewer rows than told": Wrong(HEADER + record(zlib.compress(bytes(128)), 2), "a block of 2 rows holds 16 integers"),
    "rows that are not compressed": Wrong(HEADER + record(bytes(128), 1), "journal"),
    "half an integer": Wrong(HEADER + record(zlib.compress(bytes(127)), 1), "journal"),
    "fewer rows than told, stored": Wrong(HEADER + record(b"R" + bytes(128) + b"R", 2), "a block of 2 rows holds 16 integers"),
    "half an integer, stored": Wrong(HEADER + record(b"R" + bytes(127) + b"R", 1), "journal"),
    "stored rows without their end": Wrong(HEADER + record(b"R" + bytes(128), 1), "a block of 1 rows cannot be run"),
    "one byte": Wrong(HEADER + record(b"R", 1), "a block of 1 rows"),
    "no byte": Wrong(HEADER + record(b"", 1), "a block of 1 rows cannot be run"),
    "a row that is no command": Wrong(HEADER + record(zlib.compress(bytes(128)), 1), "journal"),
}


@pytest.mark.parametrize("name", NO_JOURNALS)
def test_what_is_no_journal_is_refused(name: str) -> None:
    with pytest.raises(JournalError, match=NO_JOURNALS[name].told):
        replay(NO_JOURNALS[name].data)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"gone\.journal: cannot be read"):
        replay(tmp_path / "gone.journal")
    with pytest.raises(JournalError, match=r"gone\.journal: cannot be read"):
        directory(tmp_path / "gone.journal")


class Counted(bytes):
    """Bytes that know how many of them were copied."""

    copied = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        Counted.copied += len(found) if isinstance(found, bytes) else 1
        return found


def test_what_reading_costs_grows_with_the_journal_and_no_faster() -> None:
    journal = Journal()
    exchange = Exchange(plain_venue(), journal)
    for ts in range(2_000):
        exchange.apply(m.Tick(ts))
    data = Counted(journal.bytes())
    Counted.copied = 0
    assert len(list(records(data, "journal"))) == 2_001
    assert Counted.copied < 2 * len(data)
