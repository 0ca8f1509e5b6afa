"""Kill switches, links, TWAPs, trailing stops and expiries where they meet what waits, halts and liquidations. In the plain venue a lot
costs as many USD as its price has ticks; 10 % are required, 5 % kept."""

from __future__ import annotations

import pytest
from kit import MILLION, SECOND, Bench, named, plain_venue, usd

from perplab.exchange import messages as m
from perplab.exchange import restore
from perplab.exchange.codes import AccountMode, CancelReason, MarketStatus, PriceSource, Reason, SelfTrade, TriggerKind
from perplab.exchange.events import Event

BTC = 0
BUY, SELL = 0, 1
BLOCKS = {"rule": "blocks", "interval_ms": 1_000}
BATCHES = {"rule": "batch_auction", "interval_ms": 1_000}
REQUESTS = {"rule": "request_execute", "delay_ms": 500, "expiry_ms": 5_000}


def bench_with(**over: object) -> Bench:
    bench = Bench(plain_venue(over))
    for number in (0, 1):
        bench.oracle(100, number)
    return bench


def reasons(events: list[Event]) -> list[Reason]:
    return [Reason(e.reason) for e in events if isinstance(e, m.Rejected)]


def stop(bench: Bench, account: int, side: int, price: int, size: int = 0, **terms: int) -> int:
    """A stop by the mark for a position, or an opening one of `size`; its id."""
    terms["reduce_only"] = int(size == 0)
    (placed,) = bench.send(m.PlaceTrigger, account, BTC, side, size, TriggerKind.STOP, PriceSource.MARK, price, **terms)
    number: int = placed.order_id
    return number


def standing(bench: Bench, account: int) -> int:
    """How much of an account is still to come: orders, triggers, TWAPs, commands that wait."""
    exchange = bench.exchange
    return sum(map(len, (exchange.open_orders(account), exchange.triggers(account), exchange.twaps(account), exchange.waiting(account))))


# -- kill switches --


@pytest.mark.parametrize("order", ["arrival", "cancels_first", "hash", "priority_fee"])
@pytest.mark.parametrize("mode", [AccountMode.REDUCE_ONLY, AccountMode.FROZEN])
def test_a_kill_switch_in_a_block_leaves_nothing_to_come(order: str, mode: AccountMode) -> None:
    """A place, a ladder, a bracket, quotes, a slice of a TWAP and what a stop has sent wait for the same block. Whatever its order, when it
    is over nothing of the account stands or waits; money that was on its way arrives."""
    bench = bench_with(sequencing={**BLOCKS, "order": order}, money={"withdraw_delay_ms": 3_000})
    alice, bob = bench.open(MILLION), bench.open(MILLION)
    bench.block(alice, bob, 100, 100)
    stop(bench, alice, SELL, 95)
    bench.send(m.Withdraw, alice, 0, usd(1_000))
    bench.place(alice, BUY, 10, 90)
    bench.send(m.PlaceLadder, alice, BTC, BUY, 10, 80, 85, 2)
    bench.send(m.PlaceBracket, alice, BTC, BUY, 91, 10, 0, 0, 120, 70)
    bench.send(m.MassQuote, alice, BTC, SELL, 110, 5)
    bench.send(m.PlaceTwap, alice, BTC, BUY, 10, 5, SECOND)
    bench.oracle(95)  # the stop sends its order
    assert standing(bench, alice) >= 7
    bench.send(m.SetAccountMode, alice, mode)
    bench.later(1)
    assert standing(bench, alice) == 0 and bench.exchange.position(alice, BTC).size == 100
    assert named(bench.later(3), "PaymentArrived") and bench.exchange.withdrawals(0) == usd(1_000)
    assert not named(bench.later(30), "OrderPlaced")


def test_what_reduces_comes_in_under_reduce_only_and_its_stop_with_it() -> None:
    """The stop of the position stays, and one that would open goes; a new one may come, and both protect what is open."""
    bench = bench_with()
    alice, bob = bench.open(10_000), bench.open(MILLION)
    bench.block(alice, bob, 100, 100)
    stop(bench, alice, SELL, 95)
    opens = stop(bench, alice, BUY, 105, reduce_only=0, size=100)
    events = bench.send(m.SetAccountMode, alice, AccountMode.REDUCE_ONLY)
    assert [(e.order_id, e.reason) for e in named(events, "TriggerCancelled")] == [(opens, CancelReason.KILL_SWITCH)]
    stop(bench, alice, SELL, 94)
    bench.place(bob, BUY, 100, 90)
    assert [e.size for e in named(bench.oracle(95), "Traded")] == [100]
    assert reasons(bench.place(alice, BUY, 1, 95)) == [Reason.ACCOUNT_REDUCE_ONLY]


def test_a_frozen_master_does_not_bind_its_sub_account() -> None:
    """The sub-account trades on, and may send its master money; the master sends none, and opens no further account."""
    bench = bench_with()
    alice, bob = bench.open(10_000), bench.open(MILLION)
    bench.send(m.OpenSubAccount, alice)
    sub = bob + 1
    bench.send(m.Transfer, alice, sub, 0, usd(5_000))
    bench.place(alice, BUY, 10, 90)
    bench.place(sub, BUY, 10, 90)
    events = bench.send(m.SetAccountMode, alice, AccountMode.FROZEN)
    assert [e.account for e in named(events, "OrderCancelled")] == [alice]
    assert named(bench.place(bob, SELL, 10, 90), "Traded")[0].maker == sub
    assert reasons(bench.send(m.Transfer, alice, sub, 0, 1)) == reasons(bench.send(m.OpenSubAccount, alice)) == [Reason.ACCOUNT_FROZEN]
    assert named(bench.send(m.Transfer, sub, alice, 0, usd(100)), "Transferred")
    assert bench.exchange.balance(alice) == usd(5_100)


def test_money_under_way_from_a_master_that_is_frozen_meanwhile_saves_its_sub_account() -> None:
    """A long of 100 at 90 has lost 1,000 of 1,400 and requires 450; the 5,000 sent before the switch arrive a second later."""
    bench = bench_with(money={"transfer_delay_ms": 2_000})
    alice, bob = bench.open(10_000), bench.open(MILLION)
    bench.send(m.OpenSubAccount, alice)
    sub = bob + 1
    bench.send(m.Transfer, alice, sub, 0, usd(1_400))
    bench.later(2)
    bench.block(sub, bob, 100, 100)
    bench.send(m.Transfer, alice, sub, 0, usd(5_000))
    bench.send(m.SetAccountMode, alice, AccountMode.FROZEN)
    assert named(bench.oracle(90), "LiquidationStarted")[0].account == sub
    events = bench.later(2)
    assert [type(e).__name__ for e in events] == ["PaymentArrived", "LiquidationEnded"]
    assert bench.exchange.position(sub, BTC).size == 100 and bench.exchange.balance(alice) == usd(3_600)


# -- links --


def linked(bench: Bench) -> tuple[int, int, int, int]:
    """A long of 100 with a take-profit that rests at 110 and a stop at 95, one of which cancels the other."""
    alice, bob = bench.open(1_200), bench.open(MILLION)
    bench.block(alice, bob, 100, 100)
    (rests,) = bench.place(alice, SELL, 100, 110, reduce_only=1)
    guard = stop(bench, alice, SELL, 95)
    bench.send(m.LinkOco, alice, rests.order_id, guard)
    return alice, bob, rests.order_id, guard


def test_a_link_outlives_amendments_and_ends_with_the_first_part_that_fills() -> None:
    bench = bench_with()
    alice, bob, order, guard = linked(bench)
    bench.send(m.Amend, alice, order, 108, 100)
    bench.send(m.Amend, alice, order, 108, 60)
    assert len(bench.exchange.triggers(alice)) == 1
    events = bench.place(bob, BUY, 1, 108)
    assert [(e.order_id, e.reason) for e in named(events, "TriggerCancelled")] == [(guard, CancelReason.OCO)]
    assert bench.exchange.open_orders(alice)[0].size == 59
    assert not named(bench.oracle(94), "TriggerFired")


def test_a_liquidation_takes_a_linked_pair_once() -> None:
    """At 92 the long of 100 has 400 of 1,200 left and requires 460. The stop at 95 has had its chance: nobody bids, so it has ended."""
    bench = bench_with()
    alice, _, order, guard = linked(bench)
    events = bench.oracle(92)
    gone = [(e.order_id, e.reason) for e in events if isinstance(e, m.OrderCancelled | m.TriggerCancelled) and e.order_id in (order, guard)]
    assert sorted(number for number, _ in gone) == sorted((order, guard))
    assert named(events, "TriggerFired") and named(events, "LiquidationStarted")
    assert standing(bench, alice) == 0


def test_a_liquidation_of_a_pair_that_has_not_fired() -> None:
    """The same by a debit at a standing price: both go with the liquidation, each told once."""
    bench = bench_with()
    alice, _, order, guard = linked(bench)
    events = bench.send(m.Debit, alice, 0, usd(800))
    gone = [(e.order_id, e.reason) for e in events if isinstance(e, m.OrderCancelled | m.TriggerCancelled)]
    assert sorted(number for number, _ in gone) == sorted((order, guard)) and {reason for _, reason in gone} <= {
        CancelReason.LIQUIDATION, CancelReason.OCO,
    }  # fmt: skip
    assert standing(bench, alice) == 0


# -- TWAPs, trailing stops and expiries in a halt --


def test_a_twap_in_a_maintenance_window_trades_before_and_after_it() -> None:
    """Ten slices of 10, one a second; the market is halted from 2.5 to 5.5 s. Slices 4, 5 and 6 are not sent; the next ones are for up to
    30 each until what was missed is made up: 30, 20, then even ones again."""
    bench = bench_with()
    alice, bob = bench.open(MILLION), bench.open(MILLION)
    bench.place(bob, SELL, 1_000, 100)
    bench.send(m.ScheduleMaintenance, BTC, bench.now + 5 * SECOND // 2, bench.now + 11 * SECOND // 2, MarketStatus.HALTED)
    first = bench.send(m.PlaceTwap, alice, BTC, BUY, 100, 10, SECOND)
    told = [*named(first, "TwapSliced"), *(e for _ in range(9) for e in named(bench.later(1), "TwapSliced"))]
    assert [e.size for e in told] == [10, 10, 10, 0, 0, 0, 30, 20, 10, 10]
    assert [e.filled for e in told] == [10, 20, 30, 30, 30, 30, 60, 80, 90, 100]
    assert bench.exchange.position(alice, BTC).size == 100 and standing(bench, alice) == 0


def test_a_market_that_is_settled_in_a_window_ends_its_twaps_and_stays_settled() -> None:
    bench = bench_with()
    alice, bob = bench.open(MILLION), bench.open(MILLION)
    bench.place(bob, SELL, 1_000, 100)
    bench.send(m.PlaceTwap, alice, BTC, BUY, 100, 10, SECOND, take_profit=120, stop=90)
    bench.send(m.ScheduleMaintenance, BTC, bench.now + SECOND, bench.now + 3 * SECOND, MarketStatus.HALTED)
    bench.later(1)
    events = bench.send(m.SetMarketStatus, BTC, MarketStatus.SETTLED, 105)
    (ended,) = named(events, "TwapEnded")
    assert (ended.filled, ended.left, ended.reason) == (20, 80, CancelReason.MARKET_STATUS)
    assert len(named(events, "TriggerCancelled")) == 2 and bench.exchange.balance(alice) == usd(1_000_000 + 20 * 5)
    assert not named(bench.later(10), "MarketStatusChanged") and standing(bench, alice) == 0


def test_a_trailing_stop_does_not_hear_of_the_prices_of_a_halt() -> None:
    """It trails the mark by 5. The peak of 120 in the halt is none of its; at 100 after it the best is still 102, and 97 fires it."""
    bench = bench_with()
    alice, bob = bench.open(MILLION), bench.open(MILLION)
    bench.block(alice, bob, 10, 100)
    bench.place(bob, BUY, 10, 80)
    bench.send(m.PlaceTrigger, alice, BTC, SELL, 0, TriggerKind.TRAILING_TICKS, PriceSource.MARK, 0, reduce_only=1, trail=5)
    bench.oracle(102)
    bench.send(m.ScheduleMaintenance, BTC, bench.now + SECOND, bench.now + 2 * SECOND, MarketStatus.HALTED)
    bench.later(1)
    assert not named(bench.oracle(120) + bench.oracle(90), "TriggerFired")
    bench.oracle(100)
    assert not named(bench.later(1), "TriggerFired")
    assert not named(bench.oracle(98), "TriggerFired")
    assert [e.source_price for e in named(bench.oracle(97), "TriggerFired")] == [97]


def test_a_stop_crossed_in_a_halt_fires_as_soon_as_it_ends() -> None:
    bench = bench_with()
    alice, bob = bench.open(MILLION), bench.open(MILLION)
    bench.block(alice, bob, 10, 100)
    bench.place(bob, BUY, 10, 80)
    stop(bench, alice, SELL, 95)
    bench.send(m.ScheduleMaintenance, BTC, bench.now + SECOND, bench.now + 3 * SECOND, MarketStatus.HALTED)
    bench.later(1)
    bench.oracle(90)
    assert not named(bench.later(1), "TriggerFired")
    events = bench.later(1)
    assert [e.source_price for e in named(events, "TriggerFired")] == [90] and named(events, "Traded")


def test_times_run_out_in_a_halt_as_ever() -> None:
    """An iceberg that is good for 2 s, its dead man's switch and a request: each ends in the halt, and what was theirs is free again."""
    bench = bench_with()
    alice, bob = bench.open(1_000), bench.open(1_000)
    bench.place(alice, BUY, 50, 90, expires=bench.now + 2 * SECOND, display=5)
    bench.place(bob, BUY, 50, 90)
    bench.send(m.CancelAllAfter, bob, 3 * SECOND)
    bench.send(m.SetMarketStatus, BTC, MarketStatus.HALTED)
    assert reasons(bench.send(m.CancelAll, alice, BTC)) == [Reason.MARKET_HALTED]
    assert [(e.account, e.reason) for e in named(bench.later(2), "OrderCancelled")] == [(alice, CancelReason.EXPIRED)]
    assert [(e.account, e.reason) for e in named(bench.later(1), "OrderCancelled")] == [(bob, CancelReason.SCHEDULED)]
    assert bench.exchange.free_margin(alice) == bench.exchange.free_margin(bob) == usd(1_000)


def test_a_request_expires_in_a_halt_and_is_not_carried_out_by_its_price() -> None:
    bench = bench_with(sequencing=REQUESTS)
    alice, bob = bench.open(1_000), bench.open(1_000)
    bench.place(alice, BUY, 5, 100)
    bench.send(m.SetMarketStatus, BTC, MarketStatus.HALTED)
    bench.later(1)
    assert reasons(bench.oracle(100)) == [Reason.MARKET_HALTED]  # its price has come, and the market is halted then
    bench.place(bob, BUY, 5, 100)
    assert reasons(bench.later(5)) == [Reason.REQUEST_EXPIRED]
    assert standing(bench, alice) == standing(bench, bob) == 0


# -- quotes --


def test_quotes_of_a_batch_that_cannot_pay_their_gas_leave_the_old_ones() -> None:
    """Gas of 1 USD a quote: of 2 USD two quotes are paid; three new ones are refused as a whole when the batch comes, and the two stand."""
    bench = bench_with(sequencing=BATCHES, gas={"place": 1_000_000, "cancel": 0})
    alice = bench.open(112)
    bench.send(m.MassQuote, alice, BTC, BUY, 50, 1, 49, 1)
    assert [e.price for e in named(bench.later(1), "OrderPlaced")] == [50, 49]
    assert bench.exchange.balance(alice) == usd(110)
    bench.send(m.Debit, alice, 0, usd(108))
    bench.send(m.MassQuote, alice, BTC, BUY, 48, 1, 47, 1, 46, 1)
    assert reasons(bench.later(1)) == [Reason.INSUFFICIENT_GAS]
    assert [o.price for o in bench.exchange.open_orders(alice)] == [50, 49] and bench.exchange.balance(alice) == usd(2)
    bench.send(m.MassQuote, alice, BTC, BUY)
    bench.later(1)
    assert standing(bench, alice) == 0 and bench.exchange.balance(alice) == usd(2)


def test_a_batch_fills_all_quotes_it_reaches_and_then_the_protection_acts() -> None:
    bench = bench_with(sequencing=BATCHES)
    alice, bob = bench.open(MILLION), bench.open(MILLION)
    bench.send(m.SetQuoteProtection, alice, BTC, 60 * SECOND, 1)
    bench.send(m.MassQuote, alice, BTC, SELL, 101, 5, 102, 5, 103, 5)
    bench.later(1)
    bench.place(bob, BUY, 10, 102)
    events = bench.later(1)
    assert sum(e.size for e in named(events, "Traded")) == 10
    assert [e.reason for e in named(events, "OrderCancelled")] == [CancelReason.PROTECTION]
    bench.send(m.MassQuote, alice, BTC, SELL, 101, 5)
    assert reasons(bench.later(1)) == [Reason.QUOTES_PROTECTED]


def test_fills_against_oneself_count_as_any_and_what_is_prevented_does_not() -> None:
    bench = bench_with()
    alice = bench.open(MILLION)
    bench.send(m.SetQuoteProtection, alice, BTC, 60 * SECOND, 2)
    bench.send(m.MassQuote, alice, BTC, SELL, 101, 5, 102, 5, 103, 5, 104, 5)
    prevented = bench.place(alice, BUY, 5, 101) + bench.place(alice, BUY, 5, 102, self_trade=SelfTrade.DECREMENT)
    assert not named(prevented, "Traded") and not named(prevented, "ProtectionTriggered")
    bench.send(m.CancelAll, alice)
    bench.send(m.MassQuote, alice, BTC, SELL, 103, 5, 104, 5, 105, 5)
    assert not named(bench.place(alice, BUY, 5, 103, self_trade=SelfTrade.NONE), "ProtectionTriggered")
    events = bench.place(alice, BUY, 5, 104, self_trade=SelfTrade.NONE)
    assert named(events, "Traded") and named(events, "ProtectionTriggered")
    assert [e.reason for e in named(events, "OrderCancelled")] == [CancelReason.PROTECTION]
    assert bench.exchange.position(alice, BTC).size == 0 and bench.exchange.balance(alice) == usd(MILLION)


# -- dead man's switches --


@pytest.mark.parametrize("sequencing", [BLOCKS, {"cancel_latency_ms": 1_000, "taker_latency_ms": 500}], ids=["blocks", "late"])
def test_no_switch_is_quicker_than_a_cancel(sequencing: dict[str, object]) -> None:
    """A quote is stale, and a taker has seen it first. Whatever its owner then sends to take it back comes too late: a dead man's switch
    of a nanosecond, a kill switch, a cancel."""
    for command, values in ((m.CancelAllAfter, (1,)), (m.SetAccountMode, (2,)), (m.CancelAll, ())):
        bench = bench_with(sequencing=sequencing)
        alice, bob = bench.open(MILLION), bench.open(MILLION)
        bench.place(alice, SELL, 5, 101)
        bench.later(1)
        bench.now += SECOND // 10
        bench.place(bob, BUY, 5, 101)
        bench.now += SECOND // 10
        bench.send(command, alice, *values)
        events = [*bench.later(1), *bench.later(1)]
        assert [e.size for e in named(events, "Traded")] == [5], command
        assert standing(bench, alice) == 0


def test_a_trigger_placed_while_none_fires_is_looked_at_when_the_price_is_back() -> None:
    """The last price is 100, and has been looked at. While the oracle is stale it goes to 110, where alice asks to buy at 105 or less, and
    back. When the oracle speaks again the price is what it was at the last look, and her order comes; so it does in a restored venue."""
    bench = bench_with(markets={"oracle": {"stale_after_ms": 5_000, "on_stale": "pause_liquidation"}})
    alice, bob, carol = bench.open(MILLION), bench.open(MILLION), bench.open(MILLION)

    def trade(price: int) -> None:
        bench.place(bob, SELL, 1, price)
        bench.place(carol, BUY, 1, price)

    trade(100)
    bench.send(m.PlaceTrigger, bob, BTC, BUY, 1, TriggerKind.STOP, PriceSource.LAST, 900)
    bench.later(6)
    trade(110)
    (placed,) = bench.send(m.PlaceTrigger, alice, BTC, BUY, 1, TriggerKind.TAKE_PROFIT, PriceSource.LAST, 105)
    trade(100)
    restored = restore(bench.exchange.snapshot())
    for exchange in (bench.exchange, restored):
        fired = named(exchange.apply(m.UpdateOracle(bench.now, BTC, 100)), "TriggerFired")
        exchange.check()
        assert [e.order_id for e in fired] == [placed.order_id]
