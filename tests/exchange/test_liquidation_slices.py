"""What a slice of a liquidation settles, to the micro-unit: its fee, its deficit, and what is left when all is closed."""

from __future__ import annotations

import pytest
from kit import FEES, FIRST, INSURANCE, MILLION, UNCOVERED, Bench, markets_of, named, tier, told, usd

from perplab.exchange.codes import Method, Outcome, Side
from perplab.exchange.messages import BlockTrade, Deposit, Place
from perplab.exchange.money.thresholds import slice_value


@pytest.mark.parametrize(("lots", "fee"), [(777, 25), (1_000, 31), (1_000_000, 30_969)])
def test_a_liquidation_fee_rounds_up(lots: int, fee: int) -> None:
    """333 ppm of what the lots fetch at 93 ticks: 24.06, 30.97 and 30,969 micro-units, a lot at one tick being worth one."""
    terms = {"tick": "0.01", "lot": "0.0001", "max_price": "100"}
    bench = Bench(markets_of(terms, liquidation={"fee_ppm": 333}))
    trader, other = bench.open(0), bench.open(MILLION)
    bench.send(Deposit, trader, 0, 10 * lots)
    bench.oracle("1")
    bench.send(BlockTrade, trader, other, 0, lots, 100)
    bench.send(Place, other, 0, Side.BUY, 93, lots)
    (closed,) = named(bench.oracle("0.94"), "Liquidated")
    assert (closed.value, closed.fee, closed.deficit) == (93 * lots, fee, 0)
    assert bench.exchange.balance(FEES) == fee
    assert bench.exchange.equity(trader) == 3 * lots - fee


@pytest.mark.parametrize(("fee_from", "deficit"), [("surplus", "0.91"), ("fund", "3.711125")])
def test_a_fee_that_is_owed_is_a_deficit_where_nothing_is_left(fee_from: str, deficit: str) -> None:
    """Perpetual Protocol v1: 20 for 250 with 25 behind them fetch 224.09; a fee of 1.25 % is due, 2.801125: the fund pays it to itself."""
    design = {"fee_ppm": 12_500, "fee_fund_share_ppm": 1_000_000, "fee_from": fee_from}
    terms = {"tick": "0.0005", "lot": "1", "max_leverage": 20, "max_price": "1000", "tiers": [tier(90_000, 62_500)]}
    bench = Bench(markets_of(terms, liquidation=design, backstops=["insurance_fund"], insurance_fund={"capital": 1000}))
    trader, other = bench.open("25"), bench.open(MILLION)
    bench.oracle("12.5")
    bench.block(trader, other, "20", "12.5")
    bench.place(other, Side.BUY, "20", "11.2045")
    (closed,) = named(bench.oracle("11.2"), "Liquidated")
    assert closed.deficit == usd(deficit)
    assert bench.exchange.balance(0) - usd("1000") == -usd("0.91")
    assert bench.exchange.balance(trader) == 0


def one_row(**overrides: object) -> tuple[Bench, int]:
    """A position of 9 lots at a mark of 100, whose numbers do not matter to how a slice is settled."""
    bench = Bench(markets_of({}, **overrides))
    trader, other = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 9, 100)
    return bench, bench.exchange.state.find_position(trader, 0)


@pytest.mark.parametrize(
    ("held", "lots", "value", "due", "deficit", "fee"),
    [
        (3, 1, 99, 299, 0, 0),  # 99.67 are due, rounded down
        (3, 2, 199, 299, 0, 0),  # 199.33
        (3, 2, 198, 299, 1, 0),
        (3, 2, 200, 299, 0, 1),
        (1, 1, 50, 60, 10, 0),
        (1, 1, 1_000, 0, 0, 10),
        (1, 1, 1_001, 0, 0, 11),  # 10.01, rounded up
        (1, 1, 5, -3, 0, 1),  # below zero even with nothing: 8 gained
        (-3, 1, 100, 299, 0, 0),  # 99.67 may be paid, rounded up
        (-3, 1, 99, 299, 0, 1),
        (-3, 2, 200, 299, 0, 0),  # 199.33
        (-3, 2, 198, 299, 0, 2),
        (-3, 2, 201, 299, 1, 0),
        (-1, 1, 60, 50, 10, 0),
        (-1, 1, 1_001, 3_000, 0, 11),
    ],
)
def test_a_slice_is_settled_to_the_micro_unit(held: int, lots: int, value: int, due: int, deficit: int, fee: int) -> None:
    """1 % of what was fetched, out of what it is beyond the share that is due; or the deficit against that."""
    bench, row = one_row(liquidation={"fee_ppm": 10_000})
    before = bench.exchange.balance(FIRST)
    events = told(bench, lambda: bench.exchange.slices.settle(row, held, lots, value, due, Method.BOOK))
    closed = named(events, "Liquidated")[0]
    assert (closed.size, closed.value, closed.deficit, closed.fee) == (lots if held > 0 else -lots, value, deficit, fee)
    assert [event.amount for event in named(events, "DeficitPaid")] == ([deficit] if deficit else [])
    assert (bench.exchange.balance(FEES), bench.exchange.balance(UNCOVERED)) == (fee, -deficit)
    assert bench.exchange.balance(FIRST) - before == deficit - fee


@pytest.mark.parametrize(
    ("held", "lots", "value", "bankrupt", "part", "debt", "paid"),
    [
        (3, 1, 330_000_002, 330_000_002, 110_000_000, 10_000_000, 0),  # 110.0000007: received and due round down
        (3, 2, 330_000_002, 330_000_002, 220_000_001, 20_000_001, 0),
        (3, 2, 300_000_000, 330_000_002, 200_000_000, 20_000_001, 20_000_001),  # at the mark
        (3, 1, 300_000_000, 270_000_000, 100_000_000, 0, 0),
        (1, 1, 100_000_000, 100_000_001, 100_000_000, 1, 1),
        (-3, 1, 270_000_001, 270_000_001, 90_000_001, 9_999_999, 0),  # 90.0000003: paid and due round up
        (-3, 2, 270_000_001, 270_000_001, 180_000_001, 19_999_999, 0),
        (-3, 2, 300_000_000, 270_000_001, 200_000_000, 19_999_999, 19_999_999),
        (-3, 1, 300_000_000, 330_000_000, 100_000_000, 0, 0),
        (-1, 1, 100_000_000, 99_999_999, 100_000_000, 1, 1),
    ],
)
def test_a_deleveraged_part_is_settled_to_the_micro_unit(
    held: int, lots: int, value: int, bankrupt: int, part: int, debt: int, paid: int
) -> None:
    """Its bad debt is told against the mark of 100; what is paid is what the price left open."""
    bench, row = one_row()
    events = told(bench, lambda: bench.exchange.slices.settle_deleveraged(row, held, lots, slice_value(value, lots, held), bankrupt))
    closed = named(events, "Liquidated")[0]
    assert (closed.size, closed.value, closed.deficit, closed.fee) == (lots if held > 0 else -lots, part, debt, 0)
    assert [event.amount for event in named(events, "DeficitPaid")] == ([paid] if paid else [])
    assert bench.exchange.balance(UNCOVERED) == -paid


@pytest.mark.parametrize("rest", [-7, -1, 0, 1, 7])
def test_what_is_left_when_all_is_closed_goes_to_the_micro_unit(rest: int) -> None:
    """A surplus to where the design says, a deficit to those who pay them."""
    bench = Bench(markets_of({}, liquidation={"surplus_to": "insurance_fund"}))
    trader, other = bench.open("1000"), bench.open(MILLION)
    bench.oracle(100)
    bench.block(trader, other, 1, 100)
    bench.block(other, trader, 1, 100)
    bench.exchange.ledger.move(trader, other, 0, usd("1000") - rest)
    lifecycle = bench.exchange.lifecycle
    events = told(bench, lambda: lifecycle.end(lifecycle.begin(trader, -1, 0), Outcome.FLAT))
    closed = [(e.method, e.size, e.value, e.deficit, e.fee) for e in named(events, "Liquidated")]
    assert closed == ([(Method.SETTLEMENT, 0, 0, -rest, 0)] if rest < 0 else [])
    assert [event.amount for event in named(events, "DeficitPaid")] == ([-rest] if rest < 0 else [])
    assert [event.amount for event in named(events, "SurplusPaid")] == ([rest] if rest > 0 else [])
    assert (bench.exchange.balance(INSURANCE), bench.exchange.balance(UNCOVERED)) == (max(0, rest), min(0, rest))
    assert bench.exchange.balance(trader) == 0
