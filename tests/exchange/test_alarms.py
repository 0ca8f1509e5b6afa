"""Alarms: marks up to which an account is surely safe, and who is due when one is crossed. (test_screen.py: nobody is missed.)"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import BTC, FIRST, MILLION, SECOND, START, USD, VAULT, Bench, markets_of, named, usd

from perplab.exchange import Exchange, load_venue, restore
from perplab.exchange.codes import MarginMode
from perplab.exchange.liquidation.screening import AlarmScreen, arm, check_alarms
from perplab.exchange.messages import BlockTrade, Deposit, OpenAccount, SetMarginMode, UpdateOracle
from perplab.exchange.money.ledger import Ledger
from perplab.exchange.state.alarms import A_BUCKET, A_PRICE, A_WIDTH, Alarms, bucket_of
from perplab.exchange.state.state import State
from perplab.exchange.state.tables import P_ACCOUNT, P_WIDTH
from perplab.exchange.state.types import MAX_PRICE


def alarm_of(state: State, row: int) -> int:
    """The price of a position row's alarm; 0: it has none."""
    alarms = state.alarms
    at = row // int(P_WIDTH) * int(A_WIDTH)
    return int(alarms.cells[at + A_PRICE]) if alarms.cells[at + A_BUCKET] != -1 else 0


def due(exchange: Exchange) -> set[int]:
    alarms = exchange.state.alarms
    return {int(alarms.due[at]) for at in range(alarms.count)}


# -- buckets --


@given(st.integers(0, MAX_PRICE), st.integers(0, MAX_PRICE))
def test_buckets_follow_the_price(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 0 <= bucket_of(low) <= bucket_of(high) <= bucket_of(MAX_PRICE)
    if bucket_of(low) == bucket_of(high):
        assert high - low <= high >> 10


def test_low_prices_have_a_bucket_each() -> None:
    assert [bucket_of(price) for price in range(2048)] == list(range(2048))
    assert (bucket_of(2048), bucket_of(2049), bucket_of(2050)) == (2048, 2048, 2049)


SETS = st.lists(st.tuples(st.integers(8, 39), st.integers(0, 1), st.integers(1, 5_000)), max_size=60)


@given(SETS, st.lists(st.integers(1, 5_000), max_size=8))
@settings(max_examples=60)
def test_a_mark_meets_the_alarms_that_it_crosses_and_no_others(sets: list[tuple[int, int, int]], marks: list[int]) -> None:
    """Against a plain dict: alarms lie on the far side of the mark, are moved and cleared, and each is met once it is crossed."""
    state = Exchange(load_venue("book_fund_adl"), None, 64, 64).state
    alarms = Alarms(1, 40, 40)
    alarms.open(5_000)
    for number in range(40):
        state.positions.cells[number * P_WIDTH + P_ACCOUNT] = number
        alarms.hold(number)
    seen = 2_500
    alarms.follow(0, seen, state.positions.cells)
    known: dict[int, tuple[int, int]] = {}
    for number, side, price in sets:
        if side == (price < seen):  # a long's alarm is below the mark, a short's above it: else it is cleared
            alarms.clear(number * P_WIDTH)
            known.pop(number, None)
        elif price != seen:
            alarms.set(number * P_WIDTH, 0, side, price)
            known[number] = (side, price)
    alarms.check()
    for mark in marks:
        alarms.follow(0, mark, state.positions.cells)
        crossed = {number for number, (side, price) in known.items() if (price <= mark if side else price >= mark)}
        assert {int(alarms.due[at]) for at in range(alarms.count)} == crossed
        for number in crossed:  # as a pass would: they are looked at
            alarms.clear(number * P_WIDTH)
            alarms.is_due[number] = 0
            del known[number]
        alarms.count = 0
        alarms.check()


# -- how far they are --


def crowd(markets: int, seed: int, accounts: int = 40) -> Bench:
    """Accounts with positions in all of the markets, two tiers, some isolated; everyone's alarms are set."""
    rng = np.random.default_rng(seed)
    tiers = [
        {"lower_notional": 0, "initial_margin_ppm": 25_000, "maintenance_margin_ppm": 12_500},
        {"lower_notional": 300_000, "initial_margin_ppm": 100_000, "maintenance_margin_ppm": 50_000},
    ]
    bench = Bench(markets_of(*[{"tiers": tiers, "max_leverage": 40}] * markets))
    for market in range(markets):
        bench.oracle(10_000, market)
    people = [bench.open(int(rng.integers(20_000, 90_000))) for _ in range(accounts)]
    for number, account in enumerate(people):
        bench.send(SetMarginMode, account, 0, MarginMode.ISOLATED if number % 5 == 0 else MarginMode.CROSS)
    for market in range(markets):
        for one, other in rng.permutation(people).reshape(-1, 2):
            bench.send(BlockTrade, int(one), int(other), market, int(rng.integers(1, 60)), 10_000)
    assert AlarmScreen().suspects(bench.exchange.state) == [] and due(bench.exchange) == set()
    return bench


@pytest.mark.parametrize("seed", range(3))
def test_an_alarm_comes_before_the_liquidation_price_and_not_long_before(seed: int) -> None:
    """Of an account with one position: by the slack that accruals have, and by what the requirement may change on the way."""
    bench = crowd(1, seed)
    state, found = bench.exchange.state, 0
    for account in range(FIRST, state.accounts.count):
        row = int(state.find_position(account, 0))
        price, alarm = bench.exchange.liquidation_price(account, 0), alarm_of(state, row) if row != -1 else 0
        if price:
            found += 1
            assert abs(alarm - 10_000) <= abs(price - 10_000), (account, price, alarm)
            assert abs(alarm - price) <= 2 + 10 + 0.06 * abs(price - 10_000), (account, price, alarm)
    assert found > 20


def is_well(exchange: Exchange, account: int) -> bool:
    """Is nothing of the account below maintenance? Only in the first market are there isolated positions."""
    held = exchange.position(account, 0)
    if held.mode == MarginMode.ISOLATED and held.size and exchange.isolated_equity(account, 0) < exchange.position_maintenance(account, 0):
        return False
    return exchange.equity(account) >= exchange.maintenance_margin(account)


@pytest.mark.parametrize("markets", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_up_to_its_alarms_an_account_is_safe_whatever_the_others_do(markets: int, seed: int) -> None:
    """All markets move at once, each to anywhere short of the alarm, and what lots owe goes up to its ceiling."""
    bench = crowd(markets, seed)
    state, rng = bench.exchange.state, np.random.default_rng(seed)
    alarms = state.alarms
    for market in state.markets:
        market.accrual_long, market.accrual_short = alarms.ceiling[market.number * 2], alarms.ceiling[market.number * 2 + 1]
    for account in range(FIRST, state.accounts.count):
        for _ in range(6):
            for market in state.markets:
                market.mark = 10_000
                row = state.find_position(account, market.number)
                alarm = alarm_of(state, row) if row != -1 else 0
                if alarm:
                    least, most = (alarm + 1, 11_000) if alarm < 10_000 else (9_000, alarm - 1)
                    market.mark = (least, most, int(rng.integers(least, most + 1)))[rng.integers(3)]
            assert is_well(bench.exchange, account), account


def test_a_small_move_has_nobody_looked_at() -> None:
    bench = crowd(3, 5)
    state = bench.exchange.state
    looked = []
    for price in (10_001, 9_999, 10_003):
        state.markets[BTC].mark = price
        AlarmScreen().follow(state)
        looked.append(due(bench.exchange))
    assert looked == [set()] * 3


def test_who_trades_pays_or_is_paid_is_due_once() -> None:
    bench = crowd(2, 6)
    exchange = bench.exchange
    bench.send(Deposit, FIRST, 0, 1)
    bench.send(Deposit, FIRST, 0, 1)
    assert due(exchange) == {FIRST}
    exchange.ledger.move(FIRST + 1, FIRST + 2, 0, 1)
    bench.block(FIRST + 3, FIRST + 4, 1, 10_000, 1)
    assert due(exchange) == set(range(FIRST, FIRST + 5)) and exchange.state.alarms.count == 5
    exchange.check()


def test_who_holds_nothing_is_never_due() -> None:
    """Until it does."""
    bench = Bench(markets_of({}, {}))
    account, other = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, account, 0, MarginMode.ISOLATED)
    assert AlarmScreen().suspects(bench.exchange.state) == []
    bench.send(Deposit, account, 0, 1)
    bench.send(Deposit, other, 0, 1)
    assert due(bench.exchange) == set()
    bench.block(account, other, 1, 100)
    assert due(bench.exchange) == {account, other}


def test_who_is_below_stays_due() -> None:
    """Until it is not, whether or not anything of it changes."""
    bench = Bench(markets_of({}, {}))
    trader, other = bench.open("1000"), bench.open(MILLION)
    for market in range(2):
        bench.oracle(100, market)
    bench.block(trader, other, 10, 100)
    state = bench.exchange.state
    assert AlarmScreen().suspects(state) == []
    bench.exchange.ledger.move(trader, other, 0, usd(951))
    for _ in range(3):
        assert AlarmScreen().suspects(state) == [trader]
    bench.exchange.ledger.move(other, trader, 0, usd(100))
    assert AlarmScreen().suspects(state) == [] and due(bench.exchange) == set()


# -- what everybody owes --


def test_beyond_a_ceiling_everyone_is_due() -> None:
    """Funding alone takes an account below maintenance while the mark stands still."""
    pace = {"sample_interval_ms": 1_000, "interval_ms": 60_000}
    funding = {"payment": "continuous", "interest_ppt": 4_000_000_000, "clamp_ppt": 10**12, **pace}
    bench = Bench(markets_of({"funding": funding}))
    long, short = bench.open("60"), bench.open(MILLION)
    bench.oracle(1_000)
    bench.send(Deposit, long, 0, usd(100))
    bench.block(long, short, 1, 1_000)
    found: list[int] = []
    for _ in range(3_000):
        bench.exchange.check()
        found = [event.account for event in named(bench.later(1), "LiquidationStarted")]
        if found:
            break
    assert found == [long] and bench.exchange.mark_price(0) == 1_000


# -- a copy, and proof --


def test_after_a_restore_everyone_is_due_once() -> None:
    bench = crowd(2, 7)
    copy = restore(bench.exchange.snapshot())
    assert copy.state.alarms.everyone and copy.state_hash() == bench.exchange.state_hash()
    for exchange in (bench.exchange, copy):
        exchange.apply(UpdateOracle(bench.now + SECOND, 0, 8_500))
        exchange.check()
    assert copy.state_hash() == bench.exchange.state_hash() and not copy.state.alarms.everyone
    assert len(bench.exchange.state.liquidations.under_way) > 0


def test_a_copy_with_more_accounts_than_it_began_with_takes_more() -> None:
    exchange = Exchange(load_venue("book_fund_adl"), None, 16, 16)
    for number in range(200):
        exchange.apply(OpenAccount(START, 1, number))
    copy = restore(exchange.snapshot())
    for number in range(300):
        copy.apply(OpenAccount(START, 1, number))
        copy.apply(Deposit(START, FIRST + 200 + number, 0, USD))
    copy.check()


def test_check_finds_who_would_be_missed() -> None:
    bench = crowd(1, 8)
    exchange, state = bench.exchange, bench.exchange.state
    exchange.check()
    poor, rich = FIRST + 1, FIRST + 2
    exchange.ledger.move(poor, rich, 0, exchange.balance(poor, 0))
    check_alarms(state)
    state.alarms.is_due[poor] = state.alarms.is_due[rich] = 0
    state.alarms.count = 0
    with pytest.raises(AssertionError, match=f"account {poor} is below maintenance, and no pass will look at it"):
        check_alarms(state)


@pytest.mark.parametrize("at", range(int(A_WIDTH)))
def test_check_finds_an_alarm_that_is_out_of_place(at: int) -> None:
    state = crowd(1, 9).exchange.state
    row = next(number for number in range(40) if state.alarms.cells[number * A_WIDTH + A_BUCKET] != -1)
    state.alarms.cells[row * A_WIDTH + at] += 1 << 40 if at == A_PRICE else 4
    with pytest.raises((AssertionError, IndexError)):
        state.alarms.check()


def test_setting_alarms_twice_changes_nothing() -> None:
    state = crowd(3, 10).exchange.state
    before = list(state.alarms.cells)
    for account in range(FIRST, state.accounts.count):
        assert arm(state, account)
    assert list(state.alarms.cells) == before


MOVES: dict[str, Callable[[Ledger, int, int], object]] = {
    "deposit": lambda ledger, row, other: ledger.deposit(FIRST, 0, 1),
    "withdraw": lambda ledger, row, other: ledger.withdraw(FIRST, 0, 1),
    "move from": lambda ledger, row, other: ledger.move(FIRST, VAULT, 0, 1),
    "move to": lambda ledger, row, other: ledger.move(VAULT, FIRST, 0, 1),
    "to isolated": lambda ledger, row, other: ledger.to_isolated(row, 1),
    "credit": lambda ledger, row, other: ledger.credit(ledger.state.markets[0], row, 1),
    "pay": lambda ledger, row, other: ledger.pay(row, VAULT, 1),
    "pay to": lambda ledger, row, other: ledger.pay(other, FIRST, 1),
    "fee": lambda ledger, row, other: ledger.fee(ledger.state.markets[0], row, 1),
    "share": lambda ledger, row, other: ledger.share(row, other, 1),
    "share of who is flat there": lambda ledger, row, other: ledger.share(ledger.state.position_row(FIRST, 1), other, 1),
    "trade": lambda ledger, row, other: ledger.trade(ledger.state.markets[0], row, 1, 1, 0),
}


@pytest.mark.parametrize("mode", MarginMode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("move", MOVES)
def test_whose_money_moves_is_due(move: str, mode: MarginMode) -> None:
    """By whatever method of the ledger, cross or isolated."""
    bench = Bench(markets_of({}, {}))
    account, other = bench.open(MILLION), bench.open(MILLION)
    bench.oracle(100)
    bench.send(SetMarginMode, account, 0, mode)
    bench.block(account, other, 10, 100)
    state = bench.exchange.state
    assert account == FIRST and AlarmScreen().suspects(state) == [] and due(bench.exchange) == set()
    MOVES[move](bench.exchange.ledger, state.find_position(account, 0), state.find_position(other, 0))
    assert account in due(bench.exchange)
    assert due(bench.exchange) <= {account, other}  # no system account
