"""What an account has, however it is spread: the measure of losses of the kill switch and of alerts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from perplab.clients import LocalClient
from perplab.clients.carrying import run
from perplab.clients.risk import KillSwitch, LossAlerts, worth, worth_of
from perplab.exchange.codes import MarginMode

Make = Callable[..., LocalClient]


def pair(make: Make) -> LocalClient:
    """An account that holds margin apart in BTC, and a market maker."""
    alice = make(prices={"BTC": "60000", "ETH": "3000", "SOL": "150"})
    maker = alice.join("maker")
    alice.faucet("100000")
    maker.faucet("9000000")
    maker.sell("BTC", "5", "60000")
    maker.buy("BTC", "5", "59990")
    alice.set_margin_mode("BTC", MarginMode.ISOLATED)
    return alice


def coins(make: Make) -> LocalClient:
    """100,000 USD and no coins, at a venue where coins stand in for dollars at 90 %."""
    alice = make(venue="portfolio", prices={"BTC-PERP": "60000", "BTC-SPOT": "60000"})
    maker = alice.join("maker")
    alice.faucet("100000")
    maker.faucet("9000000")
    maker.faucet("20", "BTC")
    for market in ("BTC-PERP", "BTC-SPOT"):
        maker.sell(market, "20", "60000")
        maker.buy(market, "20", "59999")
    return alice


def test_margin_of_an_isolated_position_is_no_loss(perplab_exchange: Make) -> None:
    client, switch = pair(perplab_exchange), KillSwitch(max_loss="300", max_drawdown="300", flatten=True)
    assert run(client, switch.check(client)) is None
    client.set_leverage("BTC", 10)
    client.market_buy("BTC", "1")
    assert client.balances()[0].equity < 94_000 and run(client, switch.check(client)) is None
    client.move_isolated_margin("BTC", "500")
    assert run(client, switch.check(client)) is None and switch.equity == client.balances()[0].value


def test_a_loss_of_an_isolated_position_trips_it(perplab_exchange: Make) -> None:
    client, switch, alerts = pair(perplab_exchange), KillSwitch(max_loss="300"), LossAlerts(["300", "6000"])
    client.set_leverage("BTC", 10)
    client.market_buy("BTC", "1")
    assert run(client, switch.check(client)) is None and alerts.look(run(client, worth_of(client))) == []
    before = client.balances()[0]
    client.set_price("BTC", "55500")
    now = client.balances()[0]
    assert now.equity == before.equity and before.value is not None and now.value is not None and before.value - now.value == 4500
    done = run(client, switch.check(client))
    assert done is not None and done.why == "4500.000000 USD were lost since the first look; the limit is 300"
    assert [(one.level, one.loss) for one in alerts.look(run(client, worth_of(client)))] == [(300, 4500)]


def test_haircuts_are_no_loss(perplab_exchange: Make) -> None:
    """Buying a coin takes its price in dollars and counts for 90 % of it; a hedge counts for more as long as it is whole."""
    client, switch = coins(perplab_exchange), KillSwitch(max_loss="300", max_drawdown="300", asset="USD")
    assert run(client, switch.check(client)) is None
    client.market_buy("BTC-SPOT", "1")
    assert client.balances()[0].equity < 94_000 and run(client, switch.check(client)) is None
    client.market_sell("BTC-PERP", "1")
    assert run(client, switch.check(client)) is None
    client.market_buy("BTC-PERP", "0.8")
    assert run(client, switch.check(client)) is None
    for market in ("BTC-PERP", "BTC-SPOT"):
        client.set_price(market, "59500")
    done = run(client, switch.check(client))
    assert done is not None and done.why.endswith("USD were lost since the first look; the limit is 300")


def test_coins_that_have_come_and_debts_count(perplab_exchange: Make) -> None:
    client = coins(perplab_exchange)
    client.faucet("2", "BTC")
    assert run(client, worth_of(client, "USD")) == 100_000 + 2 * 60_000
    assert run(client, worth_of(client, "BTC")) == 2
    client.withdraw("99990")
    client.market_buy("BTC-PERP", "0.5")
    for market in ("BTC-PERP", "BTC-SPOT"):
        client.set_price(market, "58000")
    client.market_sell("BTC-PERP", "0.5")  # into the bids at 59,999 that are left: half a dollar is lost, and two fees: dollars are owed
    told = client.balances()[0]
    assert told.cash < 0 and run(client, worth_of(client, "USD")) == told.cash + 2 * 58_000


def test_what_is_not_told_or_not_priced(perplab_exchange: Make) -> None:
    client = coins(perplab_exchange)
    client.faucet("2", "BTC")
    account, marks = client.account(), {"BTC-SPOT": Decimal(60_000)}
    assert worth(client.venue, account, "USD", marks) == 220_000
    assert worth(client.venue, account, "USD", {}) == 100_000, "a coin without a price counts for nothing"
    older = replace(account, balances=tuple(replace(one, value=None) for one in account.balances))
    assert worth(client.venue, older, "USD", marks) == 100_000 + 2 * 60_000 * Decimal("0.9"), "equity, which has the coins in it"


def test_liquidity_is_what_it_would_fetch(perplab_exchange: Make) -> None:
    client = perplab_exchange(venue="book_amm_hybrid", prices={"BTC-PERP": "60000"})
    client.faucet("100000")
    switch = KillSwitch(max_loss="300")
    assert run(client, switch.check(client)) is None
    client.add_liquidity("BTC-PERP", "50000")
    assert client.balances()[0].value == 50_000 and run(client, switch.check(client)) is None


def test_a_position_tells_what_it_has_gained_at_the_mark(perplab_exchange: Make) -> None:
    client = pair(perplab_exchange)
    client.set_leverage("BTC", 10)
    client.market_buy("BTC", "1")
    assert client.positions()[0].unrealized_pnl == 0
    client.set_price("BTC", "55500")
    balance, position = client.balances()[0], client.positions()[0]
    assert position.unrealized_pnl == -4500 and balance.value == balance.cash + position.isolated_margin - 4500
    client.set_price("BTC", "60000")
    client.market_sell("BTC", "3")
    client.set_price("BTC", "55500")
    position, mark = client.positions()[0], client.ticker("BTC").mark
    assert mark is not None and position.size == -2 and position.unrealized_pnl == -2 * mark - position.entry_notional
