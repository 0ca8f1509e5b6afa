"""The door: what gets in is within its bounds, and what does not has changed nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from kit import FIRST, ROW, SECOND, START, Bench, named, packed, plain_venue, some_venue, typed

from perplab.exchange import Exchange, Malformed
from perplab.exchange import messages as m

I64 = (-(2**63), 2**63 - 1)
ACCOUNT, MARKET, ASSET, FLAG = (0, 2**24 - 1), (0, 63), (0, 7), (0, 1)
AMOUNT, PRICE, NO_PRICE, LOTS, ID = (1, 10**16), (1, 2**32 - 1), (0, 2**32 - 1), (1, 2**40 - 1), (1, 2**62)
SIGNED = (-(10**16), 10**16)
FEE = (0, 10**12)
FIELDS: dict[type[m.Command], dict[str, tuple[int, int]]] = {  # the bounds of every field but ts, as documented
    m.OpenAccount: {"account_kind": (1, 5), "owner": I64},
    m.Deposit: {"account": ACCOUNT, "asset": ASSET, "amount": AMOUNT},
    m.Withdraw: {"account": ACCOUNT, "asset": ASSET, "amount": AMOUNT},
    m.Transfer: {"account": ACCOUNT, "to": ACCOUNT, "asset": ASSET, "amount": AMOUNT},
    m.Place: {
        "account": ACCOUNT, "market": MARKET, "side": FLAG, "price": NO_PRICE, "size": LOTS, "order_type": FLAG, "tif": (0, 4),
        "reduce_only": FLAG, "self_trade": (0, 4), "client_hi": I64, "client_lo": I64, "priority_fee": FEE, "expires": (0, 2**62 - 1),
        "display": (0, 2**40 - 1),
    },
    m.Amend: {"account": ACCOUNT, "order_id": ID, "price": PRICE, "size": (0, 2**40 - 1), "priority_fee": FEE},
    m.Cancel: {"account": ACCOUNT, "order_id": ID, "priority_fee": FEE},
    m.CancelClient: {"account": ACCOUNT, "client_hi": I64, "client_lo": I64, "priority_fee": FEE},
    m.CancelAll: {"account": ACCOUNT, "market": (-1, 63), "priority_fee": FEE},
    m.CancelAllAfter: {"account": ACCOUNT, "delay": (0, 86_400 * 10**9)},
    m.SetLeverage: {"account": ACCOUNT, "market": MARKET, "leverage": (1, 1000)},
    m.SetMarginMode: {"account": ACCOUNT, "market": MARKET, "mode": FLAG},
    m.MoveIsolatedMargin: {"account": ACCOUNT, "market": MARKET, "amount": SIGNED},
    m.BlockTrade: {"buyer": ACCOUNT, "seller": ACCOUNT, "market": MARKET, "size": LOTS, "price": PRICE},
    m.UpdateOracle: {"market": MARKET, "price": PRICE, "perp_median": NO_PRICE, "more": FLAG},
    m.TakeAuction: {"account": ACCOUNT, "auction": ID, "share_ppm": (1, 1_000_000), "minimum_gain": SIGNED},
    m.SetMarketStatus: {"market": MARKET, "status": (0, 5), "price": NO_PRICE},
    m.Tick: {},
    m.Debit: {"account": ACCOUNT, "asset": ASSET, "amount": AMOUNT, "market": (-1, 63)},
    m.SetFunding: {"market": MARKET, "mode": (0, 2), "rate_ppt": (-(10**12), 10**12)},
    m.AddLiquidity: {"account": ACCOUNT, "market": MARKET, "amount": AMOUNT, "lower": NO_PRICE, "upper": NO_PRICE},
    m.RemoveLiquidity: {"account": ACCOUNT, "market": MARKET, "shares": ID, "range_id": (0, 2**62)},
    m.SetGas: {"multiplier_ppm": (0, 10**12)},
    m.PlaceTrigger: {
        "account": ACCOUNT, "market": MARKET, "side": FLAG, "size": (0, 2**40 - 1), "trigger": (0, 3), "source": (0, 2),
        "trigger_price": NO_PRICE, "price": NO_PRICE, "tif": (0, 4), "reduce_only": FLAG, "slippage_ppm": (0, 10**6), "trail": NO_PRICE,
        "client_hi": I64, "client_lo": I64,
    },
    m.PlaceLadder: {
        "account": ACCOUNT, "market": MARKET, "side": FLAG, "size": LOTS, "first_price": PRICE, "last_price": PRICE, "count": (2, 50),
        "spacing": FLAG, "skew_ppm": (10_000, 100_000_000), "tif": (0, 4), "reduce_only": FLAG, "client_hi": I64, "client_lo": I64,
    },
    m.PlaceTwap: {
        "account": ACCOUNT, "market": MARKET, "side": FLAG, "size": LOTS, "slices": (1, 10_000), "interval": (10**9, 86_400 * 10**9),
        "slippage_ppm": (0, 10**6), "catch_up_ppm": (10**6, 10**7), "minimum_slice": (0, 2**40 - 1), "reduce_only": FLAG,
        "take_profit": NO_PRICE, "stop": NO_PRICE, "client_hi": I64, "client_lo": I64,
    },
    m.SetAccountMode: {"account": ACCOUNT, "mode": (0, 2)},
    m.OpenSubAccount: {"account": ACCOUNT},
    m.ScheduleMaintenance: {"market": (-1, 63), "start": (0, 2**62 - 1), "end": (0, 2**62 - 1), "during": (0, 5), "afterwards": (0, 5)},
    m.CancelMaintenance: {"number": ID},
    m.SetMarginAlert: {
        "account": ACCOUNT, "asset": ASSET, "number": (0, 3), "threshold_ppm": (0, 10**9), "hysteresis_ppm": (0, 10**9),
    },
    m.LinkOco: {"account": ACCOUNT, "first": ID, "second": ID, "alone": FLAG},
    m.PlaceBracket: {
        "account": ACCOUNT, "market": MARKET, "side": FLAG, "price": NO_PRICE, "size": LOTS, "order_type": FLAG, "tif": (0, 4),
        "take_profit": NO_PRICE, "stop": NO_PRICE, "source": (0, 2), "slippage_ppm": (0, 10**6), "client_hi": I64, "client_lo": I64,
        "alone": FLAG,
    },
    m.MassQuote: {
        "account": ACCOUNT, "market": MARKET, "side": FLAG,
        **{f"{name}_{number}": bounds for number in range(1, 6) for name, bounds in (("price", NO_PRICE), ("size", (0, 2**40 - 1)))},
    },
    m.SetQuoteProtection: {
        "account": ACCOUNT, "market": MARKET, "window": (1, 86_400 * 10**9), "fills": (0, 1_024), "lots": (0, 2**40 - 1),
    },
}  # fmt: skip
EACH_FIELD = [(kind, name) for kind, bounds in FIELDS.items() for name in bounds]


def row_of(kind: type[m.Command], ts: int, **values: int) -> list[int]:
    """A packed command with 1 (or the nearest allowed) in every field that is not given."""
    fields = [values.get(name, min(max(1, low), high)) for name, (low, high) in FIELDS[kind].items()]
    return [kind.KIND, ts, *fields, *[0] * (ROW - 2 - len(fields))]


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


@pytest.mark.parametrize("kind", [-1, 0, len(m.COMMANDS) + 1, 2**62])
def test_unknown_kinds(kind: int) -> None:
    bench = some_venue()
    told = f"kind is {kind}; known kinds are 1 to {len(m.COMMANDS)}"
    assert_refused(bench, lambda: bench.exchange.apply_rows([kind, START, *[0] * 14]), told)


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
        m.command_of_row([len(m.COMMANDS) + 1, *[0] * 15])
    with pytest.raises(Malformed, match="unused columns"):
        m.command_of_row([17, 0, 1, *[0] * 13])
