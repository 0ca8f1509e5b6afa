"""Each part of the venue in one story, through commands, queries and events alone; the numbers are worked out by hand.

In the plain venue a lot costs as many USD as its price has ticks, 10 % are required, 5 % kept, and there are no fees. What follows from a
risk is in tests/clients/test_sizing.py, hedge ratios in tests/clients/test_hedging.py.
"""

from __future__ import annotations

from kit import MILLION, SECOND, SPOT, UNCOVERED, Bench, named, plain_venue, usd

from perplab.exchange import messages as m
from perplab.exchange.codes import AccountMode, CancelReason, MarketStatus, PriceSource, Reason, TriggerKind
from perplab.exchange.design.reader import merged
from perplab.exchange.events import Event

BTC, ETH, COIN = 0, 1, 1
BUY, SELL = 0, 1


def bench_at(price: int, **over: object) -> Bench:
    bench = Bench(plain_venue(over))
    for number in (0, 1):
        bench.oracle(price, number)
    return bench


def lots(bench: Bench, account: int, market: int = BTC) -> int:
    return int(bench.exchange.position(account, market).size)


def dollars(bench: Bench, account: int) -> int:
    value = bench.exchange.equity(account)
    assert value % usd(1) == 0
    return int(value // usd(1))


def trigger(bench: Bench, account: int, side: int, kind: TriggerKind, price: int, size: int, **terms: int) -> int:
    (placed,) = bench.send(m.PlaceTrigger, account, BTC, side, size, kind, PriceSource.MARK, price, **terms)
    number: int = placed.order_id
    return number


def traded(events: list[Event]) -> list[tuple[int, int]]:
    """(price, size) of all trades."""
    return [(e.price, e.size) for e in named(events, "Traded")]


def test_conditional_orders() -> None:
    """Alice enters with a bracket, takes her profit, rides a second rise with a trailing stop, and waits for a breakout either way."""
    bench = bench_at(100)
    alice, bob = bench.open(10_000), bench.open(MILLION)
    bench.send(m.PlaceBracket, alice, BTC, BUY, 100, 100, 0, 0, 110, 95)  # 100 lots at 100: take-profit 110, stop 95
    bench.place(bob, SELL, 40, 100)
    assert [t.size for t in bench.exchange.triggers(alice)] == [40, 40]
    bench.place(bob, SELL, 60, 100)
    assert [t.size for t in bench.exchange.triggers(alice)] == [100, 100]
    bench.place(bob, BUY, 100, 109)
    assert traded(bench.oracle(110)) == [(109, 100)]
    assert (lots(bench, alice), dollars(bench, alice)) == (0, 10_900)  # 100 x 9
    assert bench.exchange.triggers(alice) == []  # the stop has gone with it

    bench.place(bob, SELL, 50, 110)
    bench.place(alice, BUY, 50, 110)
    trigger(bench, alice, SELL, TriggerKind.TRAILING_TICKS, 0, 0, reduce_only=1, trail=5)
    bench.place(bob, BUY, 50, 114)
    for price in (115, 120, 118, 116):  # the highest is 120: it sells at 115
        assert not named(bench.oracle(price), "TriggerFired")
    assert traded(bench.oracle(115)) == [(114, 50)]
    assert dollars(bench, alice) == 11_100  # 50 x 4 more

    up = trigger(bench, alice, BUY, TriggerKind.STOP, 118, 10)
    down = trigger(bench, alice, SELL, TriggerKind.STOP, 108, 10)
    bench.send(m.LinkOco, alice, up, down)
    bench.place(bob, SELL, 10, 119)
    events = bench.oracle(118)
    assert traded(events) == [(119, 10)] and [e.order_id for e in named(events, "TriggerCancelled")] == [down]
    assert (lots(bench, alice), dollars(bench, alice)) == (10, 11_090)  # bought a tick above the mark


def test_execution_orders() -> None:
    """Alice buys 240 lots in three ways: below the market in a ladder, unseen in an iceberg, and over time."""
    bench = bench_at(100)
    alice, bob = bench.open(100_000), bench.open(MILLION)
    bench.send(m.PlaceLadder, alice, BTC, BUY, 90, 98, 90, 3)  # 30 each at 98, 94, 90
    assert bench.exchange.depth(BTC, BUY, 5) == [(98, 30), (94, 30), (90, 30)]
    assert traded(bench.place(bob, SELL, 90, 90)) == [(98, 30), (94, 30), (90, 30)]
    assert bench.exchange.position(alice, BTC).entry_notional == usd(90 * 94)

    bench.place(alice, BUY, 60, 99, display=20)
    assert bench.exchange.depth(BTC, BUY, 5) == [(99, 20)]
    assert traded(bench.place(bob, SELL, 50, 99)) == [(99, 20), (99, 20), (99, 10)]
    bench.place(bob, SELL, 10, 99)
    assert bench.exchange.position(alice, BTC).entry_notional == usd(90 * 94 + 60 * 99)

    bench.place(bob, SELL, 30, 100)
    bench.place(bob, SELL, 90, 101)
    first = bench.send(m.PlaceTwap, alice, BTC, BUY, 90, 3, SECOND, 5_000)  # no farther than half a per cent from 100: no 101
    assert traded(first) == [(100, 30)] and traded(bench.later(1)) == []
    bench.place(bob, SELL, 90, 100)
    last = bench.later(1)  # the last slice makes up for the second
    assert traded(last) == [(100, 60)] and [(e.filled, e.left) for e in named(last, "TwapEnded")] == [(90, 0)]
    assert lots(bench, alice) == 240
    assert bench.exchange.position(alice, BTC).entry_notional == usd(90 * 94 + 60 * 99 + 90 * 100)
    assert dollars(bench, alice) == 100_000 + 90 * 6 + 60


def test_accounts() -> None:
    """Alice gives two strategies a sub-account each. One is told early that it goes wrong, and is liquidated; nothing else of hers is."""
    bench = bench_at(100, max_sub_accounts=2)
    alice, bob = bench.open(10_000), bench.open(MILLION)
    bench.send(m.OpenSubAccount, alice)
    bench.send(m.OpenSubAccount, alice)
    bold, calm = bench.exchange.sub_accounts(alice)
    assert [e.reason for e in bench.send(m.OpenSubAccount, alice)] == [Reason.SUB_ACCOUNT_LIMIT]
    bench.send(m.Transfer, alice, bold, 0, usd(1_000))
    bench.send(m.Transfer, alice, calm, 0, usd(1_000))
    bench.send(m.SetMarginAlert, bold, 0, 0, 1_300_000)  # told when equity is below 1.3 times maintenance
    bench.block(bold, bob, 100, 100)  # 10,000 USD at ten times
    bench.block(calm, bob, 10, 100)
    bench.place(bob, BUY, 100, 94)
    assert not named(bench.oracle(97), "MarginAlert")  # 700 against 485
    (alert,) = named(bench.oracle(96), "MarginAlert")
    assert (alert.account, alert.below, alert.equity, alert.maintenance) == (bold, 1, usd(600), usd(480))
    events = bench.oracle(94)  # 400 against 470
    assert named(events, "LiquidationStarted")[0].account == bold and traded(events) == [(94, 100)]
    assert [dollars(bench, account) for account in (alice, bold, calm)] == [8_000, 400, 940]
    bench.send(m.Transfer, bold, alice, 0, usd(400))
    assert bench.exchange.account_value(alice) == usd(8_400)


def test_spot_and_collateral() -> None:
    """A cash-and-carry trade. Alice buys 10 coins at 100, sells 10 lots of the perpetual at 102, and waits until both are at 150: she has
    made the 2 % between them, though she has put up nothing but the coins."""
    hedge = {"asset": "BTC", "weight_ppm": 900_000, "hedges": "BTC", "hedged_weight_ppm": 1_000_000, "hedged_margin_ppm": 250_000}
    bench = bench_at(100, **merged(SPOT, {"collateral": [hedge]}))
    alice, bob = bench.open(1_000), bench.open(MILLION)
    bench.send(m.Deposit, bob, 1, usd(100))
    bench.place(bob, SELL, 10, 100, COIN)
    bench.place(alice, BUY, 10, 100, COIN)
    assert (bench.exchange.balance(alice), bench.exchange.balance(alice, 1)) == (0, usd(10))
    assert dollars(bench, alice) == 900  # coins alone
    bench.place(bob, BUY, 10, 102)
    bench.place(alice, SELL, 10, 102)
    assert dollars(bench, alice) == 1_020  # the coins in full, and 20 gained against the mark
    assert bench.exchange.initial_margin(alice) == usd(25)  # a quarter of 10 % of 1,000
    for price in (120, 150):
        bench.oracle(price, COIN)
        bench.oracle(price)
        assert dollars(bench, alice) == 1_020
    bench.place(bob, BUY, 10, 150, COIN)
    bench.place(bob, SELL, 10, 150)
    assert traded(bench.place(alice, BUY, 10, 150, reduce_only=1)) == [(150, 10)]  # 480 are owed for a moment
    assert bench.exchange.balance(alice) == usd(-480) and dollars(bench, alice) == 870
    assert traded(bench.place(alice, SELL, 10, 150, COIN)) == [(150, 10)]
    assert named(bench.send(m.Withdraw, alice, 0, usd(1_020)), "Withdrawn")


def test_safety() -> None:
    """A maker is run over, goes silent, and is stopped for good: each time only so much can happen to it."""
    bench = bench_at(100)
    maker, bob = bench.open(10_000), bench.open(MILLION)
    bench.send(m.SetQuoteProtection, maker, BTC, 10 * SECOND, 2)  # two fills in ten seconds are too many
    bench.send(m.MassQuote, maker, BTC, BUY, 99, 10, 98, 10, 97, 10)
    bench.send(m.MassQuote, maker, BTC, SELL, 101, 10, 102, 10)
    assert not named(bench.place(bob, SELL, 10, 99), "ProtectionTriggered")
    events = bench.place(bob, SELL, 10, 98)
    assert named(events, "ProtectionTriggered") and len(named(events, "OrderCancelled")) == 3
    assert (lots(bench, maker), bench.exchange.count_orders(maker)) == (20, 0)
    assert [e.reason for e in named(bench.send(m.MassQuote, maker, BTC, BUY, 97, 10), "Rejected")] == [Reason.QUOTES_PROTECTED]

    bench.send(m.SetQuoteProtection, maker, BTC, 10 * SECOND, 2)
    bench.send(m.CancelAllAfter, maker, 5 * SECOND)
    bench.send(m.MassQuote, maker, BTC, BUY, 97, 10)
    bench.later(4)
    bench.send(m.CancelAllAfter, maker, 5 * SECOND)  # it still lives
    assert not named(bench.later(4), "OrderCancelled")
    assert [e.reason for e in named(bench.later(1), "OrderCancelled")] == [CancelReason.SCHEDULED]

    bench.place(maker, SELL, 20, 105)
    bench.send(m.SetAccountMode, maker, AccountMode.REDUCE_ONLY)
    assert [e.reason for e in named(bench.place(maker, BUY, 1, 95), "Rejected")] == [Reason.ACCOUNT_REDUCE_ONLY]
    bench.place(bob, BUY, 30, 96)
    assert traded(bench.place(maker, SELL, 30, 96, tif=1, reduce_only=1)) == [(96, 20)]
    assert dollars(bench, maker) == 10_000 - 10 * 3 - 10 * 2  # bought at 99 and 98, sold at 96


def test_venue_states() -> None:
    """An upgrade on a timeline: a planned halt, makers first, then everybody; and in the end the market is delisted."""
    bench = bench_at(100)
    alice, bob, maker = bench.open(10_000), bench.open(MILLION), bench.open(MILLION)
    bench.block(alice, bob, 100, 100)
    bench.place(maker, BUY, 10, 99)
    bench.send(m.ScheduleMaintenance, -1, bench.now + 10 * SECOND, bench.now + 20 * SECOND, MarketStatus.HALTED, MarketStatus.POST_ONLY)
    assert not named(bench.later(9), "MarketStatusChanged")
    assert [(e.market, e.status) for e in named(bench.later(1), "MarketStatusChanged")] == [(0, 4), (1, 4)]
    assert [e.reason for e in named(bench.place(alice, SELL, 1, 99), "Rejected")] == [Reason.MARKET_HALTED]
    bench.oracle(93)  # 700 lost of 10,000; nothing is liquidated, and no funding is charged
    assert [(e.market, e.status) for e in named(bench.later(10), "MarketStatusChanged")] == [(0, 1), (1, 1)]
    assert [e.reason for e in named(bench.place(alice, SELL, 1, 99), "Rejected")] == [Reason.MARKET_POST_ONLY]
    assert named(bench.place(maker, SELL, 10, 101, tif=3), "OrderPlaced")
    bench.send(m.SetMarketStatus, BTC, MarketStatus.ACTIVE)
    assert traded(bench.place(alice, SELL, 10, 99)) == [(99, 10)]
    bench.send(m.SetMarketStatus, BTC, MarketStatus.REDUCE_ONLY)
    assert [e.reason for e in named(bench.place(alice, BUY, 1, 101), "Rejected")] == [Reason.MARKET_REDUCE_ONLY]
    bench.send(m.SetMarketStatus, BTC, MarketStatus.SETTLED, 90)
    assert [lots(bench, account) for account in (alice, bob, maker)] == [0, 0, 0]
    assert [dollars(bench, account) for account in (alice, bob, maker)] == [9_090, 1_001_000, 999_910]
    assert bench.exchange.ledger_balance(UNCOVERED) == 0 and named(bench.send(m.Withdraw, alice, 0, usd(9_090)), "Withdrawn")


def test_time_and_cost() -> None:
    """Money takes its time: 2 s in, 10 s out, and only from who is flat. A TWAP with a bracket opens over time, and stops losing when its
    stop is met: 30 of 90 lots are bought at 100, and sold at 94."""
    bench = bench_at(100, money={"deposit_delay_ms": 2_000, "withdraw_delay_ms": 10_000, "withdrawals": "flat"})
    alice, bob = bench.open(1_000), bench.open(MILLION)
    bench.place(alice, BUY, 1, 100)
    assert bench.exchange.balance(alice) == 0 and bench.exchange.open_orders(alice) == []  # nothing has arrived yet
    assert len(named(bench.later(2), "PaymentArrived")) == 2
    bench.place(bob, SELL, 90, 100)
    bench.send(m.PlaceTwap, alice, BTC, BUY, 90, 9, SECOND, take_profit=120, stop=95)
    bench.later(1)
    bench.later(1)
    assert lots(bench, alice) == 30 and [t.size for t in bench.exchange.triggers(alice)] == [30, 30]
    assert [e.reason for e in named(bench.send(m.Withdraw, alice, 0, usd(100)), "Rejected")] == [Reason.NOT_FLAT]
    bench.place(bob, BUY, 30, 94)
    events = bench.oracle(95)
    assert traded(events) == [(94, 30)]
    assert [(e.filled, e.left, e.reason) for e in named(events, "TwapEnded")] == [(30, 60, CancelReason.OCO)]
    assert (dollars(bench, alice), bench.exchange.triggers(alice), bench.exchange.twaps(alice)) == (820, [], [])
    assert traded(bench.later(10)) == []
    bench.send(m.Withdraw, alice, 0, usd(820))
    assert (dollars(bench, alice), bench.exchange.withdrawals(0)) == (0, 0)  # on its way: nobody's
    assert named(bench.later(10), "PaymentArrived") and bench.exchange.withdrawals(0) == usd(820)
