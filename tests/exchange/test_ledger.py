"""The ledger by itself: assets are kept apart, single lots pay like many, and its check notices whatever is not as it should be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kit import CLEARING, FEES, FIRST, MILLION, ROUNDING, Bench, markets_of, usd

from perplab.exchange.codes import Side
from perplab.exchange.messages import Deposit, Transfer, Withdraw
from perplab.exchange.state.state import State
from perplab.exchange.state.tables import P_ACCRUAL, P_SIZE, P_WIDTH

USD_, EUR = 0, 1


def two_assets() -> tuple[Bench, int, int]:
    """Two accounts with a million USD and a million EUR each, and one lot between them in a market of each asset."""
    funding = {"impact_notional": 1, "sample_interval_ms": 1_000, "interval_ms": 1_000}
    bench = Bench(markets_of({"funding": funding}, {"settlement_asset": "EUR", "funding": funding}, assets=["USD", "EUR"]))
    long, short = bench.open(MILLION), bench.open(MILLION)
    for market, asset in ((0, USD_), (1, EUR)):
        bench.oracle(100, market)
        if asset == EUR:
            for account in (long, short):
                bench.send(Deposit, account, EUR, usd(MILLION))
        bench.block(long, short, 1, 100, market)
    return bench, long, short


def cash(bench: Bench, account: int) -> tuple[int, int]:
    return bench.exchange.balance(account, USD_), bench.exchange.balance(account, EUR)


def test_deposits_transfers_and_withdrawals_move_the_asset_they_name() -> None:
    bench, long, short = two_assets()
    bench.send(Deposit, long, EUR, 7)
    assert cash(bench, long) == (usd(MILLION), usd(MILLION) + 7)
    bench.send(Transfer, long, short, EUR, 20)
    assert cash(bench, long) == (usd(MILLION), usd(MILLION) - 13)
    assert cash(bench, short) == (usd(MILLION), usd(MILLION) + 20)
    bench.send(Withdraw, long, EUR, 30)
    assert cash(bench, long) == (usd(MILLION), usd(MILLION) - 43)
    assert cash(bench, short) == (usd(MILLION), usd(MILLION) + 20)
    assert (bench.exchange.withdrawals(USD_), bench.exchange.withdrawals(EUR)) == (0, 30)
    free = [usd(MILLION) - usd(10), usd(MILLION) - usd(10) - 43]  # a lot needs 10
    assert [bench.exchange.free_margin(long, asset) for asset in (USD_, EUR)] == free


def charged() -> tuple[Bench, int, int]:
    """Each lot has been charged 2 % of 100: the long owes 2 USD and 2 EUR, the short is owed as much."""
    bench, long, short = two_assets()
    for market in (0, 1):
        bench.place(short, Side.BUY, 5, 102, market)
    bench.later(1)
    return bench, long, short


def test_a_single_lot_pays_and_receives_its_funding() -> None:
    bench, long, short = charged()
    for market in (0, 1):
        assert bench.exchange.position(long, market).unsettled == usd(2)
        assert bench.exchange.position(short, market).unsettled == -usd(2)
        bench.block(short, long, 1, 100, market)
    assert cash(bench, long) == (usd(MILLION) - usd(2), usd(MILLION) - usd(2))
    assert cash(bench, short) == (usd(MILLION) + usd(2), usd(MILLION) + usd(2))
    bench.block(long, short, 1, 100)  # who comes in later owes nothing of it
    assert bench.exchange.position(long, 0).unsettled == bench.exchange.position(short, 0).unsettled == 0


def test_the_smallest_step_of_an_accrual_is_owed() -> None:
    """2^-16 micro-units a lot: a long owes a whole one, a short is owed none."""
    bench, long, short = two_assets()
    bench.exchange.ledger.accrue(bench.exchange.state.markets[0], 1, -1, 0)
    assert (bench.exchange.position(long, 0).unsettled, bench.exchange.position(short, 0).unsettled) == (1, 0)
    bench.block(short, long, 1, 100)
    assert (bench.exchange.balance(long), bench.exchange.balance(short)) == (usd(MILLION) - 1, usd(MILLION))
    assert (bench.exchange.balance(ROUNDING), bench.exchange.balance(CLEARING)) == (1, 0)


def test_what_a_trade_realises() -> None:
    """Nothing where it opens or adds; the closed part's profit otherwise, also when it turns the position around."""
    bench, long, _ = two_assets()
    market, row = bench.exchange.state.markets[0], bench.exchange.state.find_position(long, 0)
    trade = bench.exchange.ledger.trade
    assert [trade(market, row, lots, usd(value), 0) for lots, value in ((1, 90), (-1, 100), (-3, 330), (-1, 100), (4, 400))] == [
        0, usd(5), usd(15), 0, usd(20),
    ]  # fmt: skip


def add_cash(state: State, account: int, asset: int, amount: int) -> None:
    state.accounts.cash[account * 2 + asset] += amount


def swap_cash(state: State, asset: int) -> None:
    """The sum stays as it is."""
    add_cash(state, CLEARING, asset, 1)
    add_cash(state, FEES, asset, -1)


def last_row(state: State) -> int:
    return int(state.positions.end - P_WIDTH)


def turn(state: State, row: int) -> None:
    """A position on the other side of its market."""
    state.positions.cells[row + P_SIZE] = -state.positions.cells[row + P_SIZE]


def add_accrual(state: State, row: int) -> None:
    state.positions.cells[row + P_ACCRUAL] += 1


def add_residue(state: State, market: int) -> None:
    state.markets[market].residue += 1


def add_interest(state: State, market: int) -> None:
    state.markets[market].open_interest += 1


BROKEN: dict[str, tuple[Callable[[State], None], str]] = {
    "the first account has more USD": (lambda state: add_cash(state, 0, USD_, 1), "balances sum"),
    "the first account has less EUR": (lambda state: add_cash(state, 0, EUR, -1), "balances sum"),
    "the last account has more EUR": (lambda state: add_cash(state, FIRST + 1, EUR, 1), "balances sum"),
    "clearing has taken USD from fees": (lambda state: swap_cash(state, USD_), "CLEARING differs"),
    "clearing has taken EUR from fees": (lambda state: swap_cash(state, EUR), "CLEARING differs"),
    "more is left of rounding in USD": (lambda state: add_residue(state, 0), "CLEARING differs"),
    "more is left of rounding in EUR": (lambda state: add_residue(state, 1), "CLEARING differs"),
    "the first position has paid less": (lambda state: add_accrual(state, 0), "CLEARING differs"),
    "the last position has paid less": (lambda state: add_accrual(state, last_row(state)), "CLEARING differs"),
    "the first position is short": (lambda state: turn(state, 0), "positions of market 0 sum"),
    "the last position is long": (lambda state: turn(state, last_row(state)), "positions of market 1 sum"),
    "more interest in USD": (lambda state: add_interest(state, 0), "open interest"),
    "more interest in EUR": (lambda state: add_interest(state, 1), "open interest"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_check_notices(name: str) -> None:
    breaks, told = BROKEN[name]
    bench, _, _ = charged()
    bench.exchange.ledger.check()
    breaks(bench.exchange.state)
    with pytest.raises(AssertionError, match=told):
        bench.exchange.ledger.check()
