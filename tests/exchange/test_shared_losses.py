"""Socialized losses at scales that no text case has: collected to the micro-unit, and bounded by the room of the accrual."""

from __future__ import annotations

from fractions import Fraction

import pytest
from kit import CLEARING, ROUNDING, UNCOVERED, VAULT, Bench, markets_of, usd

from perplab.exchange.messages import BlockTrade


def owed_loss(bench: Bench, amount: int) -> None:
    """Take `amount` from a loser whose positions are gone, for UNCOVERED to hold, and let the backstops make that good."""
    row = bench.exchange.state.position_row(VAULT, 0)
    bench.exchange.ledger.pay(row, UNCOVERED, amount)
    bench.exchange.slices.backstops.cover_deficit(row, amount)


def crowd(terms: dict[str, object], longs: int, lots: int, money: str) -> tuple[Bench, list[int]]:
    """`longs` accounts long `lots` each, and as many short."""
    bench = Bench(markets_of(terms, backstops=["socialized_loss"]))
    accounts = [bench.open(money) for _ in range(2 * longs)]
    bench.oracle("1")
    for number in range(longs):
        bench.send(BlockTrade, accounts[number], accounts[longs + number], 0, lots, bench.ticks("1"))
    return bench, accounts


def close_all(bench: Bench, accounts: list[int]) -> list[int]:
    """Everybody gets out at the mark; the cash they have then."""
    longs = len(accounts) // 2
    for number in range(longs):
        size = bench.exchange.position(accounts[number], 0).size
        bench.send(BlockTrade, accounts[longs + number], accounts[number], 0, size, bench.ticks("1"))
    return [bench.exchange.balance(account) for account in accounts]


@pytest.mark.parametrize(("longs", "lots"), [(1, 10**12), (2, 5 * 10**11), (10, 10**11)])
def test_one_dollar_over_a_million_million_lots(longs: int, lots: int) -> None:
    """Two times 10^12 lots pay 1 USD, collected to the micro-unit; less than one of them per position goes to rounding.

    At one micro-unit a lot, the finest price of a lot by itself, 2,000,000 USD would have been collected.
    """
    bench, accounts = crowd({"tick": "0.01", "lot": "0.0001", "max_price": "5"}, longs, lots, "100000000")
    assert bench.exchange.open_interest(0) == 10**12
    owed_loss(bench, usd("1"))
    shares = [usd("100000000") - balance for balance in close_all(bench, accounts)]
    assert bench.exchange.balance(UNCOVERED) == usd("1")
    assert sum(shares) == usd("1") + bench.exchange.balance(ROUNDING)
    assert 0 <= bench.exchange.balance(ROUNDING) <= 2 * longs
    assert bench.exchange.balance(CLEARING) == 0
    assert all(0 <= share - Fraction(usd("1"), 2 * longs) <= 1 for share in shares)


@pytest.mark.parametrize(
    "terms",
    [{"tick": "0.01", "lot": "0.0001", "max_price": "300"}, {"tick": "1", "lot": "0.001", "max_price": "30000"}],
    ids=["fine lots", "coarse lots"],
)
@pytest.mark.parametrize("loss", ["0.000001", "0.000003", "0.1", "12345.678901"])
def test_a_loss_is_collected_in_full_at_any_size(terms: dict[str, object], loss: str) -> None:
    """Per position at most a micro-unit more than its share, and what the per-lot accrual was rounded up by."""
    bench, accounts = crowd(terms, 3, 777_777_777, "100000000")
    owed_loss(bench, usd(loss))
    step = Fraction(777_777_777, 2 ** int(bench.exchange.state.markets[0].accrual_shift))
    for cash in close_all(bench, accounts):
        assert 0 <= usd("100000000") - cash - Fraction(usd(loss), 6) < 1 + step
    assert 0 <= bench.exchange.balance(ROUNDING) <= 6 * (1 + step)
    assert bench.exchange.balance(CLEARING) == 0


@pytest.mark.parametrize("loss", [1_000_000, 40_000], ids=["more than the lots are worth", "less"])
def test_losses_without_end_do_not_overflow_the_accrual(loss: int) -> None:
    """The same loss again and again: paid while the accrual has room, then uncovered; the books balance throughout.

    A lot is worth at most 30,000 USD, for which accruals are in 2^-16 micro-units: 2^53 of them are 137,438.953472 USD a lot, and there
    are two lots. Whatever the steps, the last loss that finds room takes all of it.
    """
    bench, accounts = crowd({"max_price": "30000"}, 1, 1, "100000000")
    bench.oracle(30_000)
    for _ in range(3_000):
        owed_loss(bench, usd(loss))
    bench.exchange.check()
    market = bench.exchange.state.markets[0]
    assert (market.accrual_shift, market.accrual_long, market.accrual_short) == (16, 2**53, 2**53)
    by_lots = bench.exchange.balance(UNCOVERED)  # all losses less what nobody paid
    assert by_lots == usd("274877.906944") == 2**53 * 2 >> 16
    owed = [bench.exchange.position(account, 0).unsettled for account in accounts]
    assert owed == [usd("137438.953472")] * 2
