"""An account's own kill switch and alerts, its requirement and its fees, spot markets, servers of earlier versions: through a client."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from scene import long_of_one, scene

from perplab.clients import LocalClient, NewOrder, Refused, types
from perplab.clients.reading import venue_of
from perplab.clients.risk import at_rates, at_volume
from perplab.clients.units import JumpFee, OracleTerms
from perplab.exchange import load_venue
from perplab.exchange.codes import (
    AccountMode,
    MarketStatus,
    RequirementKind,
    Side,
    TriggerKind,
)

D = Decimal
TERMS = (  # of a market
    "price_band_ppm", "default_leverage", "open_interest_cap", "jump_fee", "max_price", "max_size", "oracle", "mark", "funding",
)  # fmt: skip
LIQUIDATION = {
    "steps": ["book"], "fee_ppm": 5_000, "fee_from": "fund", "surplus_to": "vault", "backstops": ["insurance_fund", "auto_deleverage"],
}  # fmt: skip
FEES = ("liquidation", "max_debt", "transfer_margin_ppm", "maker_tiers", "fee_window_days")


# -- the account --


def test_the_kill_switch_of_the_venue_and_its_events() -> None:
    alice, _ = long_of_one()
    alice.buy("BTC", "0.1", "59000")
    alice.stop_market("BTC", Side.SELL, "58000")
    assert alice.set_account_mode(AccountMode.REDUCE_ONLY) is None
    assert alice.open_orders() == ()
    with pytest.raises(Refused, match="ACCOUNT_REDUCE_ONLY"):
        alice.buy("BTC", "0.1", "59000")
    alice.set_account_mode(AccountMode.FROZEN)
    with pytest.raises(Refused, match="ACCOUNT_FROZEN"):
        alice.withdraw("1")
    alice.set_account_mode(AccountMode.NORMAL)
    modes = [event.mode for event in alice.events() if isinstance(event, types.AccountModeSet)]
    assert modes == [AccountMode.REDUCE_ONLY, AccountMode.FROZEN, AccountMode.NORMAL]


def test_a_margin_alert_is_told_both_ways() -> None:
    alice, bob = scene()
    alice.withdraw("990000")
    bob.sell("BTC", "3", "60000")
    alice.market_buy("BTC", "3")
    alice.set_margin_alert("2", hysteresis="0.5", number=1)
    for price in ("58100", "58500", "60000"):
        alice.set_price("BTC", price)
        alice.step(200)
    told = [event for event in alice.events() if isinstance(event, types.MarginAlert)]
    assert [(one.asset, one.number, one.is_below) for one in told] == [("USD", 1, True), ("USD", 1, False)]
    assert told[0].equity < 2 * told[0].maintenance and told[1].equity >= D("2.5") * told[1].maintenance


def test_sub_accounts_and_money_between_them() -> None:
    alice, _ = scene()
    number = alice.open_sub_account()
    alice.transfer(number, "250", "USD")
    sub = LocalClient("alice", host=alice.host, account=number)
    assert sub.balances()[0].cash == 250
    assert (alice.sub_accounts().master, alice.sub_accounts().sub_accounts) == (None, (number,))
    assert (sub.sub_accounts().master, sub.sub_accounts().sub_accounts) == (alice.account_number, ())
    with pytest.raises(Refused, match="IS_SUB_ACCOUNT"):
        sub.open_sub_account()
    with pytest.raises(ValueError, match="no asset 'EUR'; there are USD"):
        alice.transfer(number, "1", "EUR")


# -- markets --


def test_candles_are_in_dollars_and_coins() -> None:
    alice, bob = scene()
    bob.sell("BTC", "3", "60010")
    alice.market_buy("BTC", "2")
    alice.step(60)
    bob.sell("BTC", "1", "60020")
    alice.market_buy("BTC", "2")
    first, *_, last = alice.candles("BTC")
    assert first.trades == types.Prices(D(60_010), D(60_010), D(60_010), D(60_010)) and last.trades is not None
    assert (first.count, first.size, first.value, first.liquidated) == (1, 2, 120_020, 0)
    assert (last.market, last.begin - first.begin, last.size, last.trades.close) == ("BTC", 60 * 10**9, 2, 60_020)
    (hour,) = alice.candles("BTC", "1h")
    assert (hour.count, hour.size, hour.value) == (3, 4, 120_020 + 60_010 + 60_020) and hour.mark is not None and hour.oracle is not None
    assert alice.candles("BTC", start=last.begin, limit=5) == (last,) and alice.candles("BTC", end=first.begin) == (first,)
    with pytest.raises(Refused, match="7m"):
        alice.candles("BTC", "7m")


def test_a_maintenance_window_is_told_before_it_begins() -> None:
    alice, _ = scene()
    alice.subscribe("status", "BTC")
    start = alice.ping() + 60 * 10**9
    alice.ask("schedule_maintenance", market=-1, start=start, end=start + 10**9, during="HALTED", afterwards="POST_ONLY")
    window = types.Maintenance(
        number=1, market="", start=start, end=start + 10**9, during=MarketStatus.HALTED, afterwards=MarketStatus.POST_ONLY
    )
    assert alice.ticker("BTC").maintenance == window
    alice.step(60.5)
    alice.step(1)
    told = [(event.status, event.maintenance) for event in alice.events() if isinstance(event, types.StatusChanged)]
    assert told[-2:] == [(MarketStatus.HALTED, window), (MarketStatus.POST_ONLY, None)] and alice.ticker("BTC").maintenance is None


# -- spot --


def test_buying_in_a_spot_market_moves_balances() -> None:
    alice, bob = scene("portfolio")
    terms = alice.venue.market("BTC-SPOT")
    assert alice.venue.assets == ("USD", "BTC") and terms.is_spot and not alice.venue.market("BTC-PERP").is_spot
    bob.faucet("5", "BTC")
    bob.sell("BTC-SPOT", "2", "60000")
    alice.market_buy("BTC-SPOT", "2")
    usd, btc = alice.balances()
    assert (usd.cash, btc.cash) == (1_000_000 - 120_000 * (1 + terms.taker_fee), 2) and alice.positions() == ()
    alice.withdraw("0.5", "BTC")
    assert alice.balances()[1].cash == D("1.5")


def test_a_requirement_line_by_line() -> None:
    """Ten coins and a short of ten, as in docs/rules.md: 3,750 USD are required, and they count for 588,000."""
    alice, bob = scene("portfolio")
    bob.buy("BTC-PERP", "10", "60000")
    alice.faucet("10", "BTC")
    alice.sell("BTC-PERP", "10", "60000")
    alice.buy("BTC-PERP", "1", "50000")
    told = alice.requirement("USD")
    cash, coins, position = told.lines[:3]
    assert (cash.kind, cash.asset, cash.market, cash.price, cash.size) == (RequirementKind.CASH, "USD", "", None, cash.equity)
    assert (coins.kind, coins.asset, coins.market, coins.size, coins.hedged) == (RequirementKind.COLLATERAL, "BTC", "BTC-SPOT", 10, 10)
    assert (coins.equity, coins.price, position.initial) == (588_000, 60_000, 3_750)
    assert (position.kind, position.market, position.size, position.hedged) == (RequirementKind.POSITION, "BTC-PERP", -10, 10)
    assert sum(line.equity for line in told.lines) == told.equity
    assert sum(line.maintenance for line in told.lines) == told.maintenance_margin
    assert sum(line.initial for line in told.lines) == told.initial_margin == told.equity - told.available
    balance = alice.balances()[0]
    assert (told.equity, told.available, told.initial_margin) == (balance.equity, balance.available, balance.initial_margin)
    assert alice.requirement(1).asset == "BTC" and alice.requirement("BTC").equity == 10


def test_triggers_and_twaps_are_listed() -> None:
    alice, bob = scene()
    bob.sell("BTC", "1", "60000")
    entry = alice.place_bracket(types.NewBracket(market="BTC", side=Side.BUY, size="0.5", price="60000", stop="59000", slippage="0.01"))
    trail = alice.trailing_stop("BTC", Side.SELL, "0.02", begins_at="61000")
    stop, trailing = alice.triggers()
    assert (stop.trigger, stop.price, stop.size, stop.slippage, stop.limit) == (TriggerKind.STOP, 59_000, D("0.5"), D("0.01"), None)
    assert stop.bracket in (entry.order_id, None) and trailing.bracket is None and trailing.client_id == trail.client_id
    assert (trailing.order_id, trailing.size, trailing.trail, trailing.is_trailing) == (trail.order_id, None, D("0.02"), False)
    twap = alice.place_twap(types.NewTwap(market="BTC", side=Side.BUY, size="0.3", slices=3, every_s=10))
    (listed,) = alice.twaps()
    assert (listed.order_id, listed.size, listed.filled, listed.slices, listed.done) == (twap.order_id, D("0.3"), D("0.1"), 3, 1)
    assert listed.due == alice.ping() + 10 * 10**9 and alice.order(client_id=twap.client_id).filled == D("0.1")


def test_fees_follow_what_was_traded() -> None:
    alice = LocalClient(venue="hyperliquid", prices={"BTC-PERP": 60_000})
    bob = alice.join("bob")
    for client in (alice, bob):
        client.faucet("10000000")
    for _ in range(2):
        bob.sell("BTC-PERP", "60", "60000")
        bob.step(1)
        alice.market_buy("BTC-PERP", "60")
        alice.step(1)
    assert alice.fee_rates().of("BTC-PERP").taker_fee == D("0.00045"), "what is traded today counts from tomorrow"
    alice.step(86_400)
    rates = alice.fee_rates()
    assert (rates.volume, rates.maker_volume, rates.of("BTC-PERP").taker_fee) == (7_200_000, 0, D("0.0004"))
    assert at_rates(alice.venue.market("BTC-PERP"), rates).taker_fee == D("0.0004")
    assert at_volume(alice.venue.market("BTC-PERP"), alice.venue.fee_tiers, rates.volume).taker_fee == D("0.0004")
    with pytest.raises(ValueError, match="no market 'ETH'; there are BTC-PERP"):
        rates.of("ETH")


# -- versions of the server --


def test_what_a_venue_tells_of_itself() -> None:
    alice, _ = scene("portfolio")
    told = alice.ask("venue") | {
        "fee_tiers": [{"volume": 5_000_000, "maker_fee_ppb": -20_000, "taker_fee_ppb": 400_000}],
        "maker_tiers": [{"share_ppm": 5_000, "rebate_ppb": 10_000}],
        "money": {"deposit_delay_ms": 1, "withdraw_delay_ms": 2, "transfer_delay_ms": 3, "withdrawals": "flat", "transfers": "none"},
        "max_open_orders": 5,
    }  # fmt: skip
    venue = venue_of(told)
    assert venue.maker_tiers == (types.MakerTier(share=D("0.005"), rebate=D("0.00001")),) and venue.fee_window_days == 14
    assert [(market.is_spot, market.base_asset) for market in venue.markets.values()] == [(False, ""), (True, "BTC")]
    (collateral,), (tier,) = venue.collateral, venue.fee_tiers
    assert (collateral.asset, collateral.market, collateral.hedges) == ("BTC", "BTC-SPOT", "BTC-PERP")
    assert (collateral.weight, collateral.hedged_weight, collateral.hedged_margin) == (D("0.9"), D("0.98"), D("0.25"))
    assert venue.max_debt == 50_000 and venue.transfer_margin == D("0.1")
    perp = venue.market("BTC-PERP")
    assert (perp.price_band, perp.default_leverage, perp.open_interest_cap, perp.jump_fee) == (D("0.2"), perp.max_leverage, None, None)
    told["markets"][0] |= {
        "default_leverage": 3, "open_interest_cap": "12.5",
        "jump_fee": {"deviation_ppm": 500, "decay_ppm": 800_000, "least_ppm": 100},
    }
    perp = venue_of(told).market("BTC-PERP")
    assert (perp.default_leverage, perp.open_interest_cap) == (3, D("12.5"))
    assert perp.jump_fee == JumpFee(deviation=D("0.0005"), decay=D("0.8"), least=D("0.0001"))
    assert (perp.max_price, perp.max_size, perp.top_share, perp.least_share) == (1_000_000, D("36028.797"), 1, D("0.001"))
    assert (tier.volume, tier.maker_fee, tier.taker_fee) == (5_000_000, D("-0.00002"), D("0.0004"))
    assert (venue.money.transfer_delay_ms, venue.money.withdrawals, venue.money.transfers) == (3, "flat", "none")
    assert venue.limits == {"max_open_orders": 5, "max_triggers": 100, "max_twaps": 20, "max_sub_accounts": 50}


def test_what_a_venue_tells_of_its_rules() -> None:
    alice, _ = scene("portfolio")
    venue = alice.venue
    perp, spot = venue.markets.values()
    assert perp.oracle == OracleTerms(stale_after_ms=30_000, on_stale="keep_last") and spot.funding is None
    assert perp.mark is not None and perp.funding is not None and venue.liquidation is not None
    assert (perp.mark.rule, perp.mark.cadence_ms, dict(perp.mark.terms)["basis_window_ms"]) == ("hyperliquid", 0, 150_000)
    told = perp.funding
    assert (told.rule, told.interval_ms, told.sample_interval_ms) == ("premium", 3_600_000, 5_000)
    assert (told.payment, told.price, dict(told.terms)["cap_ppt"]) == ("discrete", "oracle", 40_000_000_000)
    assert isinstance(hash(perp), int), "the terms of a market may be a key"
    alone = venue_of(alice.ask("venue") | {"liquidation": {**LIQUIDATION, "auto_deleverage": None}}).liquidation
    assert alone == types.LiquidationTerms(
        steps=("book",), fee=D("0.005"), fee_from="fund", surplus_to="vault", backstops=("insurance_fund", "auto_deleverage")
    )
    told_adl = {"trigger": "negative_equity", "rank": "fifo", "selection": "greedy", "price": "mark"}
    last = venue_of(alice.ask("venue") | {"liquidation": {**LIQUIDATION, "auto_deleverage": told_adl}}).liquidation
    assert last == replace(alone, auto_deleverage=types.DeleverageTerms(**told_adl))


def test_an_account_tells_its_mode_and_its_alerts() -> None:
    alice, _ = scene()
    assert alice.account().mode == AccountMode.NORMAL
    alice.set_margin_alert("1.5", number=2, hysteresis="0.1")
    alice.set_account_mode(AccountMode.FROZEN)
    account = alice.account()
    alert = types.Alert(asset="USD", number=2, threshold=D("1.5"), hysteresis=D("0.1"), is_below=False)
    assert (account.mode, account.alerts, account.balances[0].value, account.payments) == (AccountMode.FROZEN, (alert,), 1_000_000, ())


def test_money_that_is_under_way_is_listed() -> None:
    sandbox = load_venue("sandbox")
    design = replace(sandbox, money=replace(sandbox.money, withdraw_delay_ms=60_000))
    client = LocalClient(venue=design)
    client.faucet("100")
    client.withdraw("40")
    (payment,) = client.account().payments
    assert (payment.command, payment.to, payment.asset, payment.amount) == ("Withdraw", None, "USD", 40)
    client.step(61)
    assert client.account().payments == ()


def test_a_server_of_an_earlier_version_tells_less() -> None:
    alice, _ = scene("portfolio")
    alice.buy("BTC-PERP", "0.1", "59000")
    venue, account, ticker = alice.ask("venue"), alice.ask("account"), alice.ask("ticker", market=0)
    for told, names in (
        (venue, ("collateral", "fee_tiers", "money", "max_triggers", "max_twaps", "max_sub_accounts", "sequencing", "gas", *FEES)),
        (account, ("mode", "alerts", "payments", "more_payments", "liquidity", "more")),
        (ticker, ("maintenance", "curve")),
        *((market, ("kind", "base_asset", "curve", "matching", *TERMS)) for market in venue["markets"]),
        *((balance, ("value",)) for balance in account["balances"]),
        *((order, ("expires", "display")) for order in account["orders"]),
    ):
        for name in names:
            told.pop(name, None)
    found, read = venue_of(venue), alice.calls.reading
    assert found.market("BTC-SPOT").is_spot and not found.market("BTC-PERP").is_spot, "it has margin tiers"
    assert found.max_debt is found.transfer_margin is found.liquidation is None
    perp = found.market("BTC-PERP")
    for name in ("price_band", "default_leverage", "top_share", "least_share", "max_price", "max_size", "oracle", "mark", "funding"):
        assert getattr(perp, name) is None, name
    assert (found.collateral, found.fee_tiers, found.money, list(found.limits)) == ((), (), types.Payments(), ["max_open_orders"])
    state = read.account(account)
    (order,) = state.orders
    assert (state.mode, state.alerts, state.balances[0].value, order.expires, order.display) == (None, (), None, None, None)
    assert read.ticker(ticker).maintenance is None


def test_equity_less_initial_margin_is_available_with_orders_open_and_in_a_preview() -> None:
    alice, _ = scene()
    order = NewOrder("BTC", Side.BUY, "0.5", "59000")
    foretold = alice.preview(order)
    alice.place(order)
    (balance,) = alice.balances()
    assert balance.initial_margin > 0 == balance.maintenance_margin  # nothing is held, and an order needs its margin
    assert balance.equity - balance.initial_margin == balance.available
    assert (foretold.initial_margin, foretold.available) == (balance.initial_margin, balance.available)
    assert alice.requirement("USD").initial_margin == balance.initial_margin
