"""Liquidation in markets that settle in assets of their own: none touches the money of another."""

from __future__ import annotations

import pytest
from kit import INSURANCE, MILLION, UNCOVERED, Bench, markets_of, named, usd

from perplab.exchange.codes import MarginMode, Payer, Reason, Side
from perplab.exchange.messages import Deposit, SetMarginMode, Withdraw


def test_a_vault_takes_nothing_in_an_asset_it_has_no_money_in() -> None:
    """Its capital is in the first one; an account in another that is still worth something stays where it is, too."""
    venue = markets_of(
        {}, {"settlement_asset": "EUR"}, assets=["USD", "EUR"], liquidation={"steps": ["takeover"]},
        vault={"capital": 1_000, "loss_limit_ppm": 1_000_000, "unwind_interval_ms": 0},
    )  # fmt: skip
    bench = Bench(venue)
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.send(Deposit, trader, 1, usd("100"))
    bench.send(Deposit, other, 1, usd(MILLION))
    assert [bench.exchange.vault_loss_left(asset) for asset in (0, 1)] == [usd(1_000), 0]
    for market in (0, 1):
        bench.oracle(100, market)
        bench.block(trader, other, 10, 100, market)
    assert [event.market for event in named(bench.oracle(92, 1), "TakenOver")] == []
    assert [event.market for event in named(bench.oracle(92, 0), "TakenOver")] == [0]
    assert [bench.exchange.position(trader, market).size for market in (0, 1)] == [0, 10]


def test_a_surplus_comes_from_the_position_that_was_closed() -> None:
    """Not from an isolated one of the same account, nor from cash of another asset."""
    terms = {"settlement_asset": "EUR"}
    liquidation = {"surplus_to": "insurance_fund", "book": {"limit": "band"}}
    bench = Bench(markets_of({}, terms, terms, assets=["USD", "EUR"], liquidation=liquidation))
    trader, other = bench.open("100"), bench.open(MILLION)
    for account in (trader, other):
        bench.send(Deposit, account, 1, usd("200"))
    bench.send(Deposit, other, 1, usd(MILLION))
    for market in range(3):
        bench.oracle(100, market)
    bench.send(SetMarginMode, trader, 1, MarginMode.ISOLATED)
    for market in range(3):
        bench.block(trader, other, 10 if market else 1, 100, market)
    bench.place(other, Side.BUY, 10, 93, 2)
    (paid,) = named(bench.oracle(94, 2), "SurplusPaid")
    assert (paid.account, paid.asset, paid.amount) == (trader, 1, usd("30"))
    assert bench.exchange.position(trader, 1).isolated_margin == usd("100")
    assert (bench.exchange.balance(trader, 0), bench.exchange.balance(trader, 1)) == (usd("100"), 0)
    assert (bench.exchange.balance(INSURANCE, 0), bench.exchange.balance(INSURANCE, 1)) == (0, usd("30"))


def two_assets() -> tuple[Bench, int, int]:
    """A trader with 100 in each of two assets and a long of 10 at 100 in a market of each."""
    venue = markets_of(
        {},
        {"settlement_asset": "EUR"},
        assets=["USD", "EUR"],
        backstops=["insurance_fund"],
        insurance_fund={"capital": 1000},
        liquidation={"book": {"limit": "band"}},
    )
    bench = Bench(venue)
    trader, other = bench.open("100"), bench.open(MILLION)
    bench.send(Deposit, trader, 1, usd("100"))
    bench.send(Deposit, other, 1, usd(MILLION))
    for market in (0, 1):
        bench.oracle(100, market)
    return bench, trader, other


def test_isolated_margin_comes_from_the_markets_asset() -> None:
    bench, trader, other = two_assets()
    bench.send(SetMarginMode, trader, 1, MarginMode.ISOLATED)
    bench.block(trader, other, 5, 100, 1)
    assert (bench.exchange.balance(trader, 0), bench.exchange.balance(trader, 1)) == (usd("100"), usd("50"))
    bench.place(other, Side.BUY, 5, 91, 1)
    bench.oracle(92, 1)
    assert (bench.exchange.balance(trader, 0), bench.exchange.balance(trader, 1)) == (usd("100"), usd("55"))


@pytest.mark.parametrize("first", [0, 1])
def test_liquidations_in_two_assets_run_side_by_side(first: int) -> None:
    """Each has its own equity, and each ends by itself and at once, the one in asset `first` before the other; until both have, the account
    is in liquidation."""
    bench, trader, other = two_assets()
    bench.block(trader, other, 10, 100, 0)
    bench.block(trader, other, 10, 100, 1)
    assert len(named(bench.oracle(94, 0), "LiquidationStarted")) == 1
    assert len(named(bench.oracle(94, 1), "LiquidationStarted")) == 1
    assert [type(event).__name__ for event in bench.send(Deposit, trader, first, usd("20"))] == ["Deposited", "LiquidationEnded"]
    assert [bench.exchange.state.liquidations.find(trader, -1, asset) is None for asset in (first, 1 - first)] == [True, False]
    assert [event.reason for event in named(bench.place(trader, Side.SELL, 1, 120, 1), "Rejected")] == [Reason.IN_LIQUIDATION]
    assert named(bench.later(3), "LiquidationStarted") == []
    assert len(named(bench.send(Deposit, trader, 1 - first, usd("20")), "LiquidationEnded")) == 1
    assert named(bench.place(trader, Side.SELL, 1, 120, 1), "OrderPlaced")


def test_assets_are_kept_apart() -> None:
    """A loss in a market settled in EUR touches neither its owner's USD nor anybody's fund in USD."""
    bench, trader, other = two_assets()
    bench.block(trader, other, 10, 100, 1)
    assert bench.exchange.free_margin(trader, 0) == usd("100") and bench.exchange.free_margin(trader, 1) == 0
    bench.place(other, Side.BUY, 10, 80, 1)
    events = bench.oracle(85, 1)
    assert [(event.payer, event.amount) for event in named(events, "DeficitPaid")] == [(Payer.UNCOVERED, usd("100"))]
    assert bench.exchange.balance(UNCOVERED, 1) == -usd("100") and bench.exchange.balance(UNCOVERED, 0) == 0
    assert bench.exchange.balance(INSURANCE, 0) == usd("1000")
    assert bench.exchange.balance(trader, 0) == usd("100") and bench.exchange.balance(trader, 1) == 0
    assert named(bench.send(Withdraw, trader, 0, usd("100")), "Withdrawn")
