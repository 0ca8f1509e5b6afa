"""At a venue in which commands wait for their turn: replies say so, what comes of it is told later, and no helper waits for ever."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from venues import BLOCKS, Table, venue

from perplab.clients import LocalClient, NewOrder, Order, Refused, TimedOut, types
from perplab.clients.bots.base import NOTHING, Bot, pack
from perplab.clients.execution import Hedge, Oco, Scale, Twap, run
from perplab.clients.queued import carried_out, settled
from perplab.clients.risk import KillSwitch
from perplab.clients.runner import Runner, seat
from perplab.exchange.codes import OrderState, OrderType, Side, TimeInForce
from perplab.exchange.messages import CommandQueued, CurveTraded, Place, Traded

MARKET = "BTC-PERP"
BATCHES = {"rule": "batch_auction", "interval_ms": 2_000}
AUCTIONS = {"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 400}
REQUESTS = {"rule": "request_execute", "delay_ms": 1_000, "expiry_ms": 20_000}
SLOW = {"taker_latency_ms": 1_500, "maker_latency_ms": 500, "cancel_latency_ms": 700}
RULES = {"blocks": BLOCKS, "batches": BATCHES, "auctions": AUCTIONS, "requests": REQUESTS, "latencies": SLOW}


def pair(sequencing: Table = BLOCKS, curve: Table | None = None, **more: Any) -> tuple[LocalClient, LocalClient]:
    """A trader, and a maker whose quotes of a coin each stand at 59,990 and 60,010 USD."""
    alice = LocalClient("alice", venue=venue(sequencing=sequencing, curve=curve, **more), prices={MARKET: 60_000})
    bob = alice.join("bob")
    for client in (alice, bob):
        client.faucet("1000000")
        client.subscribe_private()
    if curve is None:
        bob.batch([NewOrder(MARKET, Side.BUY, "1", "59990"), NewOrder(MARKET, Side.SELL, "1", "60010")])
        feed(alice)
    return alice, bob


def feed(client: LocalClient, seconds: float = 4) -> None:
    """Let time pass, with an oracle price each second: requests are carried out at one."""
    for _ in range(round(seconds * 4)):
        client.step(0.25)
        client.set_price(MARKET, 60_000)


def events(client: LocalClient, kind: type[types.Event]) -> list[Any]:
    return [event for event in client.events() if isinstance(event, kind)]


def test_a_queued_order_is_told_with_its_ticket() -> None:
    alice, _ = pair()
    order = alice.buy(MARKET, "0.01", "59000")
    assert order.ticket > 0 and order.due == alice.ping() // 2_000_000_000 * 2_000_000_000 + 2_000_000_000
    assert (order.order_id, order.state, order.open, order.filled) == (0, OrderState.OPEN, Decimal("0.01"), 0)
    (waiting,) = alice.pending()
    assert (waiting.ticket, waiting.command, waiting.market, waiting.client_id) == (order.ticket, "Place", MARKET, order.client_id)
    assert alice.open_orders() == ()
    asked = alice.order(order)
    assert (asked.ticket, asked.due, asked.open, asked.side) == (order.ticket, order.due, order.open, order.side)
    bare = alice.join("alice").order(client_id=order.client_id)  # one that has not placed it
    assert (bare.ticket, bare.due, bare.market, bare.order_id, bare.side) == (order.ticket, order.due, MARKET, 0, None)
    with pytest.raises(ValueError, match="waits to be carried out"):
        alice.amend(order, price="58000")
    alice.step(2)
    assert alice.pending() == () and alice.order(order).state is OrderState.OPEN, "the same order, by its client id"
    told = events(alice, types.AccountEvent)
    assert [type(event).__name__ for event in told] == ["CommandQueued", "OrderOpened"]
    assert (told[0].ticket, told[0].command, told[0].due, told[1].ts) == (order.ticket, "Place", order.due, order.due)


def test_who_pays_more_has_an_earlier_turn() -> None:
    alice, _ = pair({**BLOCKS, "order": "priority_fee"})
    for fee, price in (("0.5", "59001"), ("2.000001", "59002"), (None, "59003")):
        alice.place(NewOrder(MARKET, Side.BUY, "0.01", price, priority_fee=fee))
    cash = alice.balances()[0].cash
    feed(alice)
    assert [one.price for one in events(alice, types.OrderOpened)] == [Decimal(59_002), Decimal(59_001), Decimal(59_003)]
    assert cash - alice.balances()[0].cash == Decimal("2.500001")
    for fee, why in (("-1", "the priority fee is -1; the least is 0"), ("0.0000001", "no multiple of 0.000001 USD")):
        with pytest.raises(ValueError, match=why):
            alice.place(NewOrder(MARKET, Side.BUY, "0.01", "59000", priority_fee=fee))


def test_an_order_that_waits_can_be_cancelled() -> None:
    alice, _ = pair(REQUESTS)
    order = alice.buy(MARKET, "0.01", "59000")
    cancelled = alice.cancel(order)
    assert (cancelled.state, cancelled.ticket, alice.pending()) == (OrderState.CANCELLED, 0, ())
    (no,) = events(alice, types.Rejected)
    assert (no.reason.name, no.client_id) == ("WITHDRAWN", order.client_id)


@pytest.mark.parametrize("rule", RULES)
def test_settled_waits_for_the_outcome(rule: str) -> None:
    alice, _ = pair(RULES[rule])

    def wait(seconds: float) -> None:
        feed(alice, max(0.25, seconds))

    order = run(alice, settled(alice, alice.buy(MARKET, "0.01", "59000")), wait)
    assert (order.state, order.ticket, order.open) == (OrderState.OPEN, 0, Decimal("0.01")) and order.order_id
    bought = run(alice, settled(alice, alice.market_buy(MARKET, "0.02", worst_price="60020")), wait)
    feed(alice, 6)
    assert alice.order(bought).filled == Decimal("0.02")
    gone = run(alice, settled(alice, alice.cancel(order)), wait)
    assert gone.state is OrderState.CANCELLED and alice.open_orders() == ()
    assert run(alice, settled(alice, gone)) is gone, "what does not wait is settled"


def test_settled_tells_why_it_was_refused() -> None:
    alice, _ = pair()
    order = alice.buy(MARKET, "1000", "59000")
    with pytest.raises(Refused, match="INSUFFICIENT_MARGIN: Place was refused when its turn had come") as told:
        run(alice, settled(alice, order))
    assert told.value.code == 1033


def test_nothing_is_waited_for_without_an_end() -> None:
    alice, _ = pair({**REQUESTS, "expiry_ms": 600_000})
    order = alice.buy(MARKET, "0.01", "59000")
    before = alice.ping()
    with pytest.raises(TimedOut, match="still waits after 5 s"):
        run(alice, settled(alice, order, 5))
    assert 5 * 10**9 <= alice.ping() - before <= 7 * 10**9
    assert run(alice, carried_out(alice, 0)) and not run(alice, carried_out(alice, order.ticket, patience_s=1))


@pytest.mark.parametrize("rule", RULES)
def test_the_tasks_end(rule: str) -> None:
    """A TWAP, a ladder, an OCO and a hedge, each to its end, with what they have traded counted once."""
    alice, _ = pair(RULES[rule])
    btc = alice.venue.market(MARKET)

    def wait(seconds: float) -> None:
        feed(alice, max(0.25, seconds))

    bought = run(alice, Twap(btc, Side.BUY, "0.3", slices=3, every_s=3), wait)
    assert (bought.filled, bought.why) == (Decimal("0.3"), "filled") and bought.average_price == Decimal(60_010)
    (position,) = alice.positions()
    assert position.size == bought.filled
    oco = Oco(btc, "0.3", take_profit="61000", stop="60005")  # the stop is reached at once
    stopped = run(alice, oco, wait)
    assert stopped.why == "stopped" and alice.positions() == () and alice.open_orders() == ()
    ladder = Scale(btc, Side.BUY, "0.06", first="58000", last="57000", orders=3)
    ladder_ends = run(alice, ladder, lambda seconds: (wait(seconds), ladder.cancel()))
    assert ladder_ends.why == "cancelled" and alice.open_orders() == ()
    hedge = Hedge(btc, sources=[], band="0.01")
    hedge.cancel()
    assert run(alice, hedge, wait).why == "cancelled"


def test_a_task_counts_what_is_refused_when_its_turn_comes() -> None:
    alice, _ = pair()
    report = run(alice, Twap(alice.venue.market(MARKET), Side.BUY, "9", slices=1, every_s=1, reduce_only=True))
    assert report.why == "all slices were sent" and report.filled == 0
    (text,) = report.refused
    assert text == "REDUCE_ONLY: Place was refused when its turn had come"


def test_a_task_that_missed_events_knows_what_still_waits() -> None:
    alice, _ = pair()
    task = Scale(alice.venue.market(MARKET), Side.BUY, "0.06", first="58000", last="57000", orders=3)
    looks = 0

    def wait(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            task.hear(types.AccountSnapshot(state=alice.account()))  # as after a gap
        if looks == 4:
            task.cancel()
        alice.step(0.5)

    report = run(alice, task, wait)
    assert report.why == "cancelled" and alice.open_orders() == () == alice.pending()
    assert len(events(alice, types.OrderOpened)) == 3, "none was sent twice"


@pytest.mark.parametrize("rule", RULES)
def test_the_kill_switch_cancels_and_closes(rule: str) -> None:
    alice, _ = pair(RULES[rule])

    def wait(seconds: float) -> None:
        feed(alice, max(0.25, seconds))

    run(alice, settled(alice, alice.market_buy(MARKET, "0.2", worst_price="60020")), wait)
    feed(alice, 6)
    alice.buy(MARKET, "0.01", "58000")
    feed(alice, 3)
    alice.buy(MARKET, "0.01", "57000")  # still waits when the switch trips
    switch = KillSwitch(max_loss="1", flatten=True, slice_usd="4000")
    switch.trip("a test")
    stopped = run(alice, switch.check(alice), wait)
    assert stopped is not None and stopped.orders == 0 and stopped.positions == (), stopped.did
    assert alice.pending() == () and stopped.did[0].startswith("cancelled ")


def test_the_kill_switch_says_what_it_cannot_wait_for() -> None:
    """Requests wait for a price, and none comes."""
    alice, _ = pair({**REQUESTS, "expiry_ms": 600_000})
    alice.market_buy(MARKET, "0.2", worst_price="60020")
    feed(alice)
    assert alice.positions()
    switch = KillSwitch(max_loss="1", flatten=True)
    switch.trip("a test")
    before = alice.ping()
    stopped = run(alice, switch.check(alice))
    assert stopped is not None and "still waits after 60 s" in stopped.did[-1], stopped.did
    assert alice.ping() - before < 120 * 10**9
    feed(alice)
    assert alice.positions() == (), "it closed when a price came"


class EachSecond(Bot):
    """Buys a little, each second, and hears of trades alone."""

    hears = frozenset((Traded.KIND,))

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.heard: list[Traded] = []

    def on_start(self, ts: int, view: object) -> Any:
        return NOTHING, ts + 10**9

    def on_wake(self, ts: int, view: object) -> Any:
        lots = 2 if len(self.heard) % 2 else 10**8
        order = Place(0, self.seat.account, self.seat.market, Side.BUY, 60_020, lots, OrderType.LIMIT, TimeInForce.IOC)
        return pack(order), ts + 10**9

    def on_event(self, ts: int, event: Any) -> Any:
        self.heard.append(event)
        return NOTHING, None


def test_a_runner_goes_on_and_counts_refusals_that_come_later() -> None:
    alice, _ = pair()
    ran = run(alice, Runner(EachSecond(seat(alice, MARKET)), for_s=9))
    assert ran.queued == ran.commands == 8 and ran.lost == 0
    assert 0 < sum(ran.refused.values()) <= ran.commands


def test_a_bot_that_knows_only_trades_sees_those_with_the_curve() -> None:
    alice, _ = pair({}, curve={})
    bot = EachSecond(seat(alice, MARKET))
    bot.heard = [None]  # type: ignore[list-item]  # small orders from the start
    ran = run(alice, Runner(bot, for_s=2.5))
    traded = bot.heard[1]
    assert ran.commands and (traded.taker, traded.maker, traded.size, traded.taker_side) == (alice.account_number, 6, 2, Side.BUY)
    (fill,) = (one for one in alice.events() if isinstance(one, types.Fill))
    assert fill.is_curve and fill.value == Decimal("120.007") and fill.price == Decimal("60003.5") and not fill.is_maker


def test_a_bot_that_knows_curves_is_told_as_it_is() -> None:
    class Knows(EachSecond):
        hears = frozenset((Traded.KIND, CurveTraded.KIND, CommandQueued.KIND))

    alice, _ = pair({}, curve={})
    bot = Knows(seat(alice, MARKET))
    bot.heard = [None]  # type: ignore[list-item]
    run(alice, Runner(bot, for_s=2.5))
    assert [type(event) for event in bot.heard[1:2]] == [CurveTraded]


def test_liquidity_waits_like_orders() -> None:
    alice, _ = pair(curve={})
    change = alice.add_liquidity(MARKET, "10000")
    assert change.ticket and change.shares == 0 and alice.liquidity() == ()
    assert run(alice, carried_out(alice, change.ticket))
    (own,) = alice.liquidity()
    assert (own.market, own.paid_in) == (MARKET, Decimal(10_000))
    (added,) = events(alice, types.LiquidityAdded)
    assert (added.shares, added.amount) == (own.shares, own.paid_in)


def test_a_batch_of_which_all_waits() -> None:
    alice, _ = pair()
    orders = alice.batch([NewOrder(MARKET, Side.BUY, "0.01", "59000"), NewOrder(MARKET, Side.BUY, "0.01", "58000")])
    assert all(isinstance(one, Order) and one.ticket for one in orders)
    waits = alice.cancel_all()
    assert waits is not None and waits.ticket == orders[1].ticket + 1  # type: ignore[union-attr]
    alice.step(2)
    assert alice.open_orders() == () and alice.cancel_all() is not None
