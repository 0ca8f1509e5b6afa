"""Questions about an account, a market or an asset that the venue does not have are refused with what it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kit import START, Bench, usd

from perplab.exchange import Exchange
from perplab.exchange import messages as m

ASSET: dict[str, Callable[[Exchange, int], object]] = {
    "balance": lambda x, asset: x.balance(8, asset),
    "equity": lambda x, asset: x.equity(8, asset),
    "maintenance_margin": lambda x, asset: x.maintenance_margin(8, asset),
    "initial_margin": lambda x, asset: x.initial_margin(8, asset),
    "free_margin": lambda x, asset: x.free_margin(8, asset),
    "available_margin": lambda x, asset: x.available_margin(8, asset),
    "ledger_balance": lambda x, asset: x.ledger_balance(8, asset),
    "balances_by_class": lambda x, asset: x.balances_by_class(asset),
    "account_value": lambda x, asset: x.account_value(8, asset),
    "deposits": lambda x, asset: x.deposits(asset),
    "withdrawals": lambda x, asset: x.withdrawals(asset),
}


@pytest.mark.parametrize("asset", [-1, 1, 2**40])
@pytest.mark.parametrize("query", ASSET.values(), ids=ASSET)
def test_an_asset_that_is_not_there(query: Callable[[Exchange, int], object], asset: int) -> None:
    """Cash is kept asset by asset: the next account's would be told otherwise."""
    bench = Bench()
    bench.open(5), bench.open(7)
    with pytest.raises(ValueError, match=f"asset is {asset}; this venue has 0 to 0"):
        query(bench.exchange, asset)


@pytest.mark.parametrize("account", [-1, 10, 2**40])
def test_an_account_that_is_not_there(account: int) -> None:
    bench = Bench()
    bench.open(5), bench.open(7)
    for query in (bench.exchange.balance, bench.exchange.equity, bench.exchange.open_orders, bench.exchange.free_margin):
        with pytest.raises(ValueError, match=f"account is {account}; there are 0 to 9"):
            query(account)


@pytest.mark.parametrize("market", [-1, 2, 2**40])
def test_a_market_that_is_not_there(market: int) -> None:
    bench = Bench()
    account = bench.open(5)
    x = bench.exchange
    for query in (x.best_bid, x.best_ask, x.last_price, x.mark_price, x.oracle_price, x.open_interest):
        with pytest.raises(ValueError, match=f"market is {market}; this venue has 0 to 1"):
            query(market)
    for of_market in (lambda: x.depth(market, 0, 5), lambda: x.position(account, market), lambda: x.liquidation_price(account, market)):
        with pytest.raises(ValueError, match=f"market is {market}; this venue has 0 to 1"):
            of_market()


def test_sub_accounts_and_what_an_account_is_worth() -> None:
    """Cash 200, of which some stands behind 10 isolated lots that were bought at 100, and the mark at 104: 240 in all."""
    bench = Bench()
    master, other = bench.open(200), bench.open(1_000)
    x = bench.exchange
    for account in (master, other, master):
        x.apply(m.OpenSubAccount(START, account))
    assert x.sub_accounts(master) == [other + 1, other + 3] and x.sub_accounts(other) == [other + 2]
    assert x.master_of(other + 3) == master and x.master_of(master) is None
    x.apply(m.UpdateOracle(START, 0, 100))
    x.apply(m.SetMarginMode(START, master, 0, 1))
    x.apply(m.SetLeverage(START, master, 0, 20))
    x.apply(m.BlockTrade(START, master, other, 0, 10, 100))
    x.apply(m.UpdateOracle(START, 0, 104))
    assert x.equity(master) < x.account_value(master) == usd(240)
