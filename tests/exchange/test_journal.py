"""The journal and the door: what is written down, what is read back, and what never gets in."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit import FIRST, MILLION, ROW, SECOND, START, Bench, named, packed, plain_venue, script, typed, usd

from perplab.exchange import Exchange, Journal, Malformed, codes, load_venue, replay
from perplab.exchange import messages as m
from perplab.exchange.events import EVENT_OF, EVENTS
from perplab.exchange.journal import HEAD, MAGIC, JournalError, directory, records, replayed
from perplab.exchange.schema import kinds
from perplab.exchange.state import types

# -- the numbers of codes, commands and events --

CODE_PREFIXES = {
    "R_": codes.Reason,
    "X_": codes.CancelReason,
    "PAID_": codes.Payer,
    "BY_": codes.Method,
    "END_": codes.Outcome,
    "ORDER_": codes.OrderState,
}
IN_TYPES = {  # an enum for people -> its names in types.py, where these differ
    codes.Side: {},
    codes.OrderType: {},
    codes.TimeInForce: {},
    codes.SelfTrade: {"CANCEL_MAKER": "STP_CANCEL_MAKER", "NONE": "STP_NONE"},
    codes.MarginMode: {},
    codes.AccountKind: {},
    codes.MarketStatus: {"POST_ONLY": "POST_ONLY_MODE", "REDUCE_ONLY": "REDUCE_ONLY_MODE"},
}


def constants(prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): int(value) for name, value in vars(kinds).items() if name.startswith(prefix)}


def snake(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name).strip("_").upper()


@pytest.mark.parametrize("prefix", CODE_PREFIXES)
def test_constants_are_the_codes(prefix: str) -> None:
    """Every code has its constant in kinds.py with the same name and number, and no constant is without a code."""
    assert constants(prefix) == {code.name: int(code) for code in CODE_PREFIXES[prefix]}


def test_constants_are_the_messages() -> None:
    assert constants("C_") == {snake(command.__name__): command.KIND for command in m.COMMANDS}
    assert constants("E_") == {snake(event.__name__): event.KIND for event in EVENTS}
    assert len(EVENT_OF) == len(EVENTS) and len(m.COMMAND_OF) == len(m.COMMANDS)


def test_every_constant_of_kinds_is_compared() -> None:
    told = [name for name in vars(kinds) if name.isupper()]
    assert sorted(told) == sorted(f"{prefix}{name}" for prefix in [*CODE_PREFIXES, "C_", "E_"] for name in constants(prefix))


@pytest.mark.parametrize("enum", IN_TYPES, ids=lambda enum: enum.__name__)
def test_constants_of_types_are_the_codes(enum: type[codes.IntEnum]) -> None:
    names = IN_TYPES[enum]
    assert {code.name: int(getattr(types, names.get(code.name, code.name))) for code in enum} == {code.name: int(code) for code in enum}


def test_all_enums_are_compared() -> None:
    enums = {one for one in vars(codes).values() if isinstance(one, type) and issubclass(one, codes.IntEnum) and one is not codes.IntEnum}
    assert enums == {*CODE_PREFIXES.values(), *IN_TYPES, codes.CommandKind}  # the last with the structs, in test_events.py


# -- the door --

I64 = (-(2**63), 2**63 - 1)
ACCOUNT, MARKET, ASSET, FLAG = (0, 2**24 - 1), (0, 63), (0, 7), (0, 1)
AMOUNT, PRICE, NO_PRICE, LOTS, ID = (1, 10**16), (1, 2**32 - 1), (0, 2**32 - 1), (1, 2**40 - 1), (1, 2**62)
SIGNED = (-(10**16), 10**16)
FIELDS: dict[type[m.Command], dict[str, tuple[int, int]]] = {  # the bounds of every field but ts, as documented
    m.OpenAccount: {"account_kind": (1, 4), "owner": I64},
    m.Deposit: {"account": ACCOUNT, "asset": ASSET, "amount": AMOUNT},
    m.Withdraw: {"account": ACCOUNT, "asset": ASSET, "amount": AMOUNT},
    m.Transfer: {"account": ACCOUNT, "to": ACCOUNT, "asset": ASSET, "amount": AMOUNT},
    m.Place: {
        "account": ACCOUNT, "market": MARKET, "side": FLAG, "price": NO_PRICE, "size": LOTS, "order_type": FLAG, "tif": (0, 3),
        "reduce_only": FLAG, "self_trade": FLAG, "client_hi": I64, "client_lo": I64,
    },
    m.Amend: {"account": ACCOUNT, "order_id": ID, "price": PRICE, "size": LOTS},
    m.Cancel: {"account": ACCOUNT, "order_id": ID},
    m.CancelClient: {"account": ACCOUNT, "client_hi": I64, "client_lo": I64},
    m.CancelAll: {"account": ACCOUNT, "market": (-1, 63)},
    m.SetLeverage: {"account": ACCOUNT, "market": MARKET, "leverage": (1, 1000)},
    m.SetMarginMode: {"account": ACCOUNT, "market": MARKET, "mode": FLAG},
    m.MoveIsolatedMargin: {"account": ACCOUNT, "market": MARKET, "amount": SIGNED},
    m.BlockTrade: {"buyer": ACCOUNT, "seller": ACCOUNT, "market": MARKET, "size": LOTS, "price": PRICE},
    m.UpdateOracle: {"market": MARKET, "price": PRICE, "perp_median": NO_PRICE},
    m.TakeAuction: {"account": ACCOUNT, "auction": ID, "share_ppm": (1, 1_000_000), "minimum_gain": SIGNED},
    m.SetMarketStatus: {"market": MARKET, "status": (0, 5), "price": NO_PRICE},
    m.Tick: {},
}  # fmt: skip
EACH_FIELD = [(kind, name) for kind, bounds in FIELDS.items() for name in bounds]


def row_of(kind: type[m.Command], ts: int, **values: int) -> list[int]:
    """A packed command with 1 (or the nearest allowed) in every field that is not given."""
    fields = [values.get(name, min(max(1, low), high)) for name, (low, high) in FIELDS[kind].items()]
    return [kind.KIND, ts, *fields, *[0] * (ROW - 2 - len(fields))]


def some_venue() -> Bench:
    """A venue with accounts, a position, orders and a mark."""
    bench = Bench(plain_venue())
    a, b = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(a, b, 10, 100)
    bench.place(a, 0, 5, 90, client_lo=1)
    return bench


def assert_refused(bench: Bench, act: Callable[[], object], told: str) -> None:
    """Malformed: no event, no journal record, time not applied, the same state; the next event has the next number."""
    before = (bench.exchange.state_hash(), bench.journal.bytes(), bench.exchange.now, bench.exchange.state.log.seq)
    with pytest.raises(Malformed, match=told):
        act()
    assert (bench.exchange.state_hash(), bench.journal.bytes(), bench.exchange.now, bench.exchange.state.log.seq) == before
    bench.exchange.check()


def test_the_table_of_fields_is_complete() -> None:
    assert {kind: list(bounds) for kind, bounds in FIELDS.items()} == {
        kind: [name for name, _, _ in m.BOUNDS[kind.KIND] if name != "ts"] for kind in m.COMMANDS
    }


@pytest.mark.parametrize(("kind", "name"), EACH_FIELD, ids=lambda value: getattr(value, "__name__", value))
def test_each_field_at_its_bounds(kind: type[m.Command], name: str) -> None:
    """The lowest and the highest value pass the door, packed and typed; one below and one above do not."""
    low, high = FIELDS[kind][name]
    ts = START + SECOND
    for value in (low, high):
        bench = some_venue()
        bench.exchange.apply_rows(row_of(kind, ts, **{name: value}))
        bench.exchange.check()
        assert bench.exchange.now == ts
        other = some_venue()
        other.exchange.apply(m.command_of_row(row_of(kind, ts, **{name: value})))
        assert other.exchange.state_hash() == bench.exchange.state_hash()
    bench = some_venue()
    for value in (low - 1, high + 1):
        row = row_of(kind, ts, **{name: value})
        assert_refused(bench, lambda row=row: bench.exchange.apply(kind(*row[1 : len(FIELDS[kind]) + 2])), str(value))
        assert_refused(bench, lambda row=row: bench.exchange.apply_rows(row), str(value) if I64[0] <= value <= I64[1] else "64-bit")


@pytest.mark.parametrize("kind", FIELDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("edge", [0, 1])
def test_all_fields_at_once_at_their_bounds(kind: type[m.Command], edge: int) -> None:
    """No product inside overflows its proof: the command is carried out or refused with a reason."""
    bench = some_venue()
    for market in (0, 1):
        bench.exchange.apply_rows(row_of(m.UpdateOracle, START, market=market, price=30_000, perp_median=0))
    values = {name: bounds[edge] for name, bounds in FIELDS[kind].items()}
    for known in ({}, {"account": FIRST, "buyer": FIRST, "seller": FIRST + 1, "to": FIRST + 1, "market": 0, "asset": 0}):
        fitting = {name: value for name, value in known.items() if name in FIELDS[kind]}
        bench.exchange.apply_rows(row_of(kind, START + SECOND, **(values | fitting)))
        bench.exchange.check()


@pytest.mark.parametrize("kind", FIELDS, ids=lambda kind: kind.__name__)
def test_unused_columns_must_be_zero(kind: type[m.Command]) -> None:
    bench = some_venue()
    for column in range(2 + len(FIELDS[kind]), ROW):
        for value in (1, -1):
            row = row_of(kind, START)
            row[column] = value
            assert_refused(bench, lambda row=row: bench.exchange.apply_rows(row), "unused columns")


@pytest.mark.parametrize("kind", [-1, 0, 18, 2**62])
def test_unknown_kinds(kind: int) -> None:
    bench = some_venue()
    assert_refused(bench, lambda: bench.exchange.apply_rows([kind, START, *[0] * 14]), f"kind is {kind}; known kinds are 1 to 17")


@pytest.mark.parametrize("length", [1, 15, 17, 31])
def test_rows_are_whole(length: int) -> None:
    bench = some_venue()
    assert_refused(bench, lambda: bench.exchange.apply_rows(([17, START, *[0] * 14] * 2)[:length]), f"rows of 16 integers, got {length}")


@pytest.mark.parametrize("value", [1.5, "1", None, 2**63, -(2**63) - 1], ids=str)
def test_only_64_bit_integers_get_in(value: object) -> None:
    """A typed command may hold anything; packed rows hold integers, but Python's may be too long."""
    bench = some_venue()
    assert_refused(bench, lambda: bench.exchange.apply(m.Tick(value)), "Tick: ")  # type: ignore[arg-type]
    if isinstance(value, int):
        assert_refused(bench, lambda: bench.exchange.apply_rows([17, value, *[0] * 14]), "packed commands are 64-bit integers")


def test_time_runs_forward_and_at_most_a_day_at_once() -> None:
    bench = some_venue()
    now, day = bench.exchange.now, 86_400 * SECOND
    assert_refused(bench, lambda: bench.exchange.apply(m.Tick(now - 1)), f"ts {now - 1} runs back behind {now}")
    assert_refused(bench, lambda: bench.exchange.apply(m.Tick(now + day + 1)), f"ts {now + day + 1} jumps")
    bench.exchange.apply(m.Tick(now))
    bench.exchange.apply(m.Tick(now + day))
    assert bench.exchange.now == now + day
    later = now + day
    rows = packed([m.Tick(later + 5), m.Tick(later + 4)])
    assert_refused(bench, lambda: bench.exchange.apply_rows(rows), f"row 1: ts {later + 4} runs back behind {later + 5}")
    rows = packed([m.Tick(later + 5), m.Tick(later + 6 + day)])
    assert_refused(bench, lambda: bench.exchange.apply_rows(rows), "row 1: .* jumps")


@pytest.mark.parametrize("ts", [0, 1, 2**62 - 2])
def test_the_first_command_sets_the_clock(ts: int) -> None:
    exchange = Exchange(plain_venue())
    exchange.apply(m.UpdateOracle(ts, 0, 100))
    assert exchange.now == ts
    exchange.check()


def test_the_last_nanosecond_comes_and_goes() -> None:
    """The highest ts is a time like any other. In a process of its own: a venue that waits for ever must not take the suite along."""
    code = "from perplab.exchange import Exchange, load_venue\nfrom perplab.exchange.messages import Tick\n"
    code += "exchange = Exchange(load_venue('book_vault_adl'))\nexchange.apply(Tick(2**62 - 1))\nexchange.apply(Tick(2**62 - 1))\n"
    code += "print(exchange.now)"
    done = subprocess.run([sys.executable, "-c", code], timeout=30, capture_output=True, text=True, check=True)
    assert done.stdout == f"{2**62 - 1}\n"


@pytest.mark.parametrize("ts", [-1, 2**62])
def test_time_has_bounds(ts: int) -> None:
    bench = Bench()
    assert_refused(bench, lambda: bench.exchange.apply(m.Tick(ts)), f"Tick.ts is {ts}; expected 0 to {2**62 - 1}")


def test_one_bad_row_keeps_all_of_them_out() -> None:
    """A bulk call is examined whole; the message names the row."""
    bench = some_venue()
    rows = packed([m.Tick(START + 1), m.Deposit(START + 2, FIRST, 0, 5), m.Deposit(START + 3, FIRST, 0, 0)])
    assert_refused(bench, lambda: bench.exchange.apply_rows(rows), "row 2: Deposit.amount is 0; expected 1 to")
    events = typed(bench.exchange.apply_rows(rows[: 2 * ROW]))
    assert len(events) == 1 and events[0].seq == bench.exchange.state.log.seq


def test_what_is_due_does_not_run_for_a_bad_command() -> None:
    """A day of funding samples waits; a malformed command at the end of it leaves them waiting."""
    bench = some_venue()
    assert_refused(bench, lambda: bench.exchange.apply(m.Deposit(START + 86_400 * SECOND, FIRST, 0, 0)), "amount")
    assert named(bench.exchange.apply(m.Tick(START + 86_400 * SECOND)), "FundingSampled")


def test_a_typed_command_is_its_row() -> None:
    """Packing and unpacking are one another's inverse for every kind."""
    for kind in FIELDS:
        row = row_of(kind, START)
        command = m.command_of_row(row)
        assert isinstance(command, kind) and m.command_row(command) == row
    with pytest.raises(Malformed, match="known kinds"):
        m.command_of_row([18, *[0] * 15])
    with pytest.raises(Malformed, match="unused columns"):
        m.command_of_row([17, 0, 1, *[0] * 13])


# -- the journal --


def journaled(block_rows: int = 1) -> tuple[Journal, Exchange]:
    """A venue that has carried out a short script, typed, and its journal."""
    journal = Journal(block_rows=block_rows)
    exchange = Exchange(load_venue("book_fund_adl"), journal)
    for command in script(2, 6):
        exchange.apply(command)
    return journal, exchange


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """(rows, packed rows) of each record after the header."""
    return [(rows, zlib.decompress(payload)) for rows, payload in list(records(data, "test"))[1:]]


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


# -- the state hash --


def hash_after(*commands: m.Command) -> str:
    bench = some_venue()
    for command in commands:
        bench.exchange.apply(command)
    return bench.exchange.state_hash()


CHANGES = {
    "time": m.Tick(START + 1),
    "cash": m.Deposit(START, FIRST, 0, 1),
    "an account": m.OpenAccount(START, 1, 0),
    "an order": m.Place(START, FIRST, 0, 0, 89, 1),
    "a cancel": m.CancelClient(START, FIRST, 0, 1),
    "a leverage": m.SetLeverage(START, FIRST, 0, 5),
    "a margin mode": m.SetMarginMode(START, FIRST, 1, 1),
    "a position": m.BlockTrade(START, FIRST, FIRST + 1, 0, 1, 100),
    "a mark": m.UpdateOracle(START, 0, 101),
    "a status": m.SetMarketStatus(START, 1, 2),
    "a price of outside perpetuals": m.UpdateOracle(START, 0, 100, 7),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_hash_sees(name: str) -> None:
    assert hash_after(CHANGES[name]) != hash_after()


def test_the_hash_does_not_see_slots_and_sizes_of_tables() -> None:
    """Orders that came and went, and tables that grew, leave no trace but the order numbers."""
    commands = script(4, 12)
    wide, narrow = Exchange(load_venue("social_only"), None, 50_000, 5_000), Exchange(load_venue("social_only"), None, 1, 1)
    assert list(wide.apply_rows(packed(commands))) == list(narrow.apply_rows(packed(commands)))
    assert wide.state_hash() == narrow.state_hash()


def test_equal_hashes_mean_equal_futures() -> None:
    """Two orders that came to where they are in another sequence: whatever the hash leaves out must not show in later events."""
    first = [m.Place(START, FIRST, 0, 0, 80, 1), m.Place(START, FIRST, 0, 0, 81, 1)]
    moved = [*first, m.Amend(START, FIRST, 2, 79, 1), m.Amend(START, FIRST, 2, 80, 1)]
    back = [*first, m.Amend(START, FIRST, 2, 80, 1)]
    futures = []
    for commands in (moved, back):
        bench = some_venue()
        for command in commands:
            bench.exchange.apply(command)
        futures.append((bench.exchange.state_hash(), [event.order_id for event in bench.exchange.apply(m.CancelAll(START, FIRST))]))
    assert (futures[0][0] == futures[1][0]) <= (futures[0][1] == futures[1][1])
