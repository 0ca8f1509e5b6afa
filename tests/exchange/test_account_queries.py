"""What queries tell of an account's settings, of its money that is on its way, and of orders that belong together."""

from __future__ import annotations

import pytest
from actor import run
from choices import Seeded
from designs import drawn_venue
from kit import BTC, SECOND, START, Bench, markets_of, plain_venue
from world import World

from perplab.exchange import Exchange, load_venue
from perplab.exchange import messages as m
from perplab.exchange.engine import restore
from perplab.exchange.schema.views import OpenAlert, OpenPayment


def test_margin_alerts_by_asset_and_number() -> None:
    bench = Bench()
    ours, other = bench.open(1_000), bench.open(1_000)
    x = bench.exchange
    assert x.margin_alerts(ours) == []
    x.apply(m.SetMarginAlert(START, ours, 0, 2, 1_500_000, 100_000))
    x.apply(m.SetMarginAlert(START, ours, 0, 0, 100_000_000))
    x.apply(m.SetMarginAlert(START, other, 0, 1, 2_000_000))
    assert x.margin_alerts(ours) == [OpenAlert(0, 0, 100_000_000, 0, 0), OpenAlert(0, 2, 1_500_000, 100_000, 0)]
    x.apply(m.UpdateOracle(START, BTC, 100))
    x.apply(m.BlockTrade(START, ours, other, BTC, 10, 100))
    assert [one.is_below for one in x.margin_alerts(ours)] == [1, 0]
    x.apply(m.SetMarginAlert(START, ours, 0, 0, 0))
    assert [one.number for one in x.margin_alerts(ours)] == [2]


def test_the_kill_switch_is_told() -> None:
    bench = Bench()
    ours = bench.open(5)
    assert bench.exchange.account_mode(ours) == m.AccountMode.NORMAL
    bench.exchange.apply(m.SetAccountMode(START, ours, m.AccountMode.FROZEN))
    assert bench.exchange.account_mode(ours) == m.AccountMode.FROZEN
    with pytest.raises(ValueError, match="there are 0 to 8"):
        bench.exchange.account_mode(9)


def test_money_on_its_way_is_told_to_both_ends() -> None:
    delays = {"deposit_delay_ms": 1_000, "withdraw_delay_ms": 3_000, "transfer_delay_ms": 2_000}
    x = Exchange(plain_venue({"money": delays}))
    for _ in range(2):
        x.apply(m.OpenAccount(START, 1, 0))
    x.apply(m.Deposit(START, 8, 0, 100))
    deposit = OpenPayment(1, int(m.CommandKind.Deposit), 8, 8, 0, 100, START + SECOND)
    assert x.payments(8) == [deposit] and x.payments(9) == []
    x.apply(m.Tick(START + SECOND))
    assert x.payments(8) == []
    x.apply(m.Transfer(START + SECOND, 8, 9, 0, 30))
    x.apply(m.Withdraw(START + SECOND, 8, 0, 20))
    transfer = OpenPayment(2, int(m.CommandKind.Transfer), 8, 9, 0, 30, START + 3 * SECOND)
    withdrawal = OpenPayment(3, int(m.CommandKind.Withdraw), 8, -1, 0, 20, START + 4 * SECOND)
    x.check()
    assert restore(x.snapshot()).payments(9) == x.payments(9) == [transfer] and x.payments(8) == [transfer, withdrawal]
    assert x.payments(8, 1) == [transfer] and (x.count_payments(8), x.count_payments(9)) == (2, 1)
    x.apply(m.Tick(START + 4 * SECOND))
    x.check()
    assert x.payments(8) == x.payments(9) == [] and x.balance(9) == 30


def test_triggers_of_a_bracket_name_its_entry_and_are_linked() -> None:
    bench = Bench()
    ours, other = bench.open(10_000), bench.open(10_000)
    x = bench.exchange
    x.apply(m.UpdateOracle(START, BTC, 100))
    x.apply(m.Place(START, other, BTC, m.Side.SELL, 100, 3))
    x.apply(m.PlaceBracket(START, ours, BTC, m.Side.BUY, 100, 3, m.OrderType.LIMIT, m.TimeInForce.GTC, 120, 90))
    x.apply(m.PlaceTrigger(START, ours, BTC, m.Side.BUY, 1, m.TriggerKind.STOP, m.PriceSource.MARK, 150))
    entry = 2
    first, second, alone = x.triggers(ours)
    assert (first.bracket, second.bracket, alone.bracket) == (entry, entry, 0)
    assert x.linked_with(first.order_id) == second.order_id and x.linked_with(second.order_id) == first.order_id
    assert x.linked_with(alone.order_id) == 0 == x.linked_with(10**9)
    assert (first.linked_with, second.linked_with, alone.linked_with) == (second.order_id, first.order_id, 0)


def test_lists_tell_what_an_order_and_a_trigger_are_linked_with() -> None:
    bench = Bench()
    ours = bench.open(10_000)
    x = bench.exchange
    x.apply(m.UpdateOracle(START, BTC, 100))
    x.apply(m.Place(START, ours, BTC, m.Side.BUY, 90, 3))
    x.apply(m.Place(START, ours, BTC, m.Side.BUY, 91, 3, display=1))
    x.apply(m.PlaceTrigger(START, ours, BTC, m.Side.BUY, 1, m.TriggerKind.STOP, m.PriceSource.MARK, 150))
    assert [one.linked_with for one in x.open_orders(ours)] == [0, 0]
    x.apply(m.LinkOco(START, ours, 1, 3))
    assert [one.linked_with for one in x.open_orders(ours)] == [3, 0] and [one.linked_with for one in x.triggers(ours)] == [1]
    order = x.open_order(ours, 1)
    assert order is not None and order.linked_with == 3
    x.apply(m.Amend(START, ours, 1, 89, 2))
    assert [one.linked_with for one in x.open_orders(ours)] == [3, 0]
    x.apply(m.Cancel(START, ours, 1))
    assert x.triggers(ours) == [] and [one.linked_with for one in x.open_orders(ours)] == [0]
    x.check()


def test_an_order_that_is_auctioned_tells_what_it_is_linked_with() -> None:
    bench = Bench(markets_of({}, sequencing={"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 1_000}))
    ours, other = bench.open(10_000), bench.open(10_000)
    x = bench.exchange
    x.apply(m.UpdateOracle(START, BTC, 1_000))
    x.apply(m.Place(START, other, BTC, m.Side.SELL, 1_002, 3))
    x.apply(m.Place(START, ours, BTC, m.Side.BUY, 1_010, 3))
    x.apply(m.PlaceTrigger(START, ours, BTC, m.Side.BUY, 1, m.TriggerKind.STOP, m.PriceSource.MARK, 1_500))
    x.apply(m.LinkOco(START, ours, 2, 3))
    assert [one.linked_with for one in x.auctioned_orders(ours)] == [3] and [one.linked_with for one in x.triggers(ours)] == [2]


def test_a_client_id_leads_to_a_trigger_and_a_twap() -> None:
    bench = Bench()
    ours = bench.open(10_000)
    x = bench.exchange
    x.apply(m.UpdateOracle(START, BTC, 100))
    x.apply(m.PlaceTrigger(START, ours, BTC, m.Side.BUY, 4, m.TriggerKind.STOP, m.PriceSource.MARK, 150, client_lo=5))
    x.apply(m.PlaceTwap(START, ours, BTC, m.Side.BUY, 6, 2, SECOND, client_hi=1, client_lo=5))
    assert x.client_order(ours, 0, 5) == (1, BTC, m.OrderState.OPEN, 4, 0)
    assert x.client_order(ours, 1, 5) == (2, BTC, m.OrderState.OPEN, 6, 0)
    assert x.client_order(ours, 0, 0) is None and x.client_order(ours, 0, 6) is None
    x.apply(m.CancelAll(START, ours))
    assert x.client_order(ours, 0, 5) == (1, BTC, m.OrderState.CANCELLED, 0, 0)
    assert x.client_order(ours, 1, 5) == (2, BTC, m.OrderState.CANCELLED, 0, 0)


def test_coins_are_worth_something_in_their_own_asset_alone() -> None:
    """They stand in for cash in the equity; who adds up what an account has in all assets must not count them twice."""
    x = Exchange(load_venue("portfolio"))
    for _ in range(2):
        x.apply(m.OpenAccount(START, 1, 0))
    x.apply(m.UpdateOracle(START, 0, 60_000))
    x.apply(m.UpdateOracle(START, 1, 60_000))
    x.apply(m.Deposit(START, 8, 0, 10**12))
    x.apply(m.Deposit(START, 9, 0, 10**12))
    x.apply(m.Deposit(START, 8, 1, 2 * 10**6))
    x.apply(m.BlockTrade(START, 9, 8, 0, 1_000, 60_000))
    x.apply(m.UpdateOracle(START, 0, 59_000))
    assert x.account_value(8, 0) == x.balance(8) + 1_000 * 10**6 < x.equity(8) and x.account_value(8, 1) == 2 * 10**6


def test_lines_add_up_to_the_totals_and_equity_less_initial_is_available() -> None:
    """After random lives, on cross and isolated: open orders are a part of the initial margin."""
    with_orders = 0
    for seed in range(12):
        source = Seeded(seed)
        world = World(drawn_venue(source))
        run(source, world, 5, 60, stress=False)
        x = world.exchange
        for account in world.users:
            for asset in range(x.state.accounts.assets):
                lines = x.requirement(account, asset)
                assert sum(line.equity for line in lines) == x.equity(account, asset)
                assert sum(line.initial for line in lines) == x.initial_margin(account, asset)
                assert sum(line.maintenance for line in lines) == x.maintenance_margin(account, asset)
                assert x.equity(account, asset) - x.initial_margin(account, asset) == x.available_margin(account, asset)
                with_orders += x.initial_margin(account, asset) > x.positions_initial(account, asset)
    assert with_orders > 10
