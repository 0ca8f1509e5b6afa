"""The helpers that work an order: what they decide, on paper; and the same over every client."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from front import Front
from hypothesis import given, settings
from hypothesis import strategies as st
from paper import BTC, SECOND, Paper
from test_three import serving

from perplab.clients import Client, LocalClient, SyncClient
from perplab.clients import types as t
from perplab.clients.carrying import Program, ask
from perplab.clients.execution import Hedge, Oco, Report, Scale, Twap, run, run_async, shares, stepped
from perplab.clients.local import LocalHost
from perplab.exchange.codes import CancelReason, OrderType, Side
from perplab.testing import local_exchange

Make = Callable[..., LocalClient]
MARK = 60_000


# -- TWAP --


@given(
    st.integers(1, 500).flatmap(lambda lots: st.tuples(st.just(lots), st.integers(1, lots))),
    st.lists(st.integers(0, 60), max_size=60),
    st.lists(st.integers(0, 3), max_size=60),
)
def test_the_slices_of_a_twap_add_up(sizes: tuple[int, int], takes: list[int], late: list[int]) -> None:
    """Whatever each slice gets and however late one looks: nothing is sent beyond what is left, and the last slice is all that is left."""
    lots, slices = sizes
    task, paper = Twap(BTC, Side.BUY, BTC.size(lots), slices=slices, every_s=1), Paper()
    now = 0
    for number in range(4 * slices + 1):
        if task.is_done:
            break
        steps = task.act(now, MARK)
        for step in steps:
            assert isinstance(step, t.NewOrder) and BTC.lots(step.size) <= lots - paper.traded
            assert step.order_type == OrderType.MARKET
        paper.carry(task, steps, takes[number] if number < len(takes) else 10**6)
        paper.hear(task)
        now += SECOND * (1 + (late[number] if number < len(late) else 0))
    assert task.is_done and not task.open
    assert task.filled == paper.traded <= lots and task.filled + task.left == lots
    if not takes:
        assert paper.traded == lots, "all that was sent was filled, so all of it is"
    if paper.traded < lots:
        assert task.why == "all slices were sent" and now >= (slices - 1) * SECOND


@given(st.integers(1, 10**6).flatmap(lambda lots: st.tuples(st.just(lots), st.integers(1, min(lots, 300)))))
def test_slices_are_equal_to_a_lot_when_all_are_filled(sizes: tuple[int, int]) -> None:
    lots, slices = sizes
    task, paper = Twap(BTC, Side.SELL, BTC.size(lots), slices=slices, every_s=1), Paper()
    for number in range(slices):
        paper.carry(task, task.act(number * SECOND, MARK), 10**9)
        paper.hear(task)
    sent = [BTC.lots(order.size) for order in paper.orders]
    assert sum(sent) == lots and len(sent) == slices and max(sent) - min(sent) <= 1 and task.is_done


def test_a_twap_stays_within_its_bounds() -> None:
    task = Twap(BTC, Side.BUY, "0.01", slices=2, every_s=1, limit="60100", slippage_bp="5")
    (order,) = task.act(0, MARK)
    assert isinstance(order, t.NewOrder) and order.price == 60030
    (cheap,) = Twap(BTC, Side.BUY, "0.01", slices=2, every_s=1, limit="60010", slippage_bp="5").act(0, MARK)
    assert isinstance(cheap, t.NewOrder) and cheap.price == 60010
    (sold,) = Twap(BTC, Side.SELL, "0.01", slices=2, every_s=1, slippage_bp="0.5").act(0, MARK)
    assert isinstance(sold, t.NewOrder) and sold.price == 59997
    assert Twap(BTC, Side.SELL, "0.01", slices=2, every_s=1, slippage_bp="0.5").act(0, None) == []


def test_a_twap_that_is_cancelled_says_what_it_has() -> None:
    task, paper = Twap(BTC, Side.BUY, "0.01", slices=5, every_s=1), Paper()
    paper.carry(task, task.act(0, MARK), 10**6)
    task.cancel()
    assert not task.is_done, "its slice may still trade"
    paper.hear(task)
    assert task.is_done and task.act(SECOND, MARK) == []
    assert task.report() == Report(
        filled=Decimal("0.002"), left=Decimal("0.008"), average_price=Decimal(MARK), fees=Decimal(0), why="cancelled", refused=()
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"slices": 0}, "1 to 10"),
        ({"slices": 11}, "1 to 10"),
        ({"slices": 2, "every_s": -1}, "0 or more"),
        ({"slices": 2, "limit": "0.5"}, "no multiple of 1 USD"),
    ],
)
def test_what_a_twap_cannot_be(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Twap(BTC, Side.BUY, "0.01", **{"every_s": 1, **options})


# -- OCO --

marks = st.lists(st.tuples(st.integers(59_000, 61_000), st.integers(0, 50), st.integers(0, 4), st.integers(0, 30)), max_size=80)


@settings(max_examples=400)
@given(st.integers(1, 100), st.booleans(), marks, st.integers(0, 100))
def test_both_legs_never_trade_more_than_the_position(lots: int, is_long: bool, looks: Any, foreign: int) -> None:
    """The take-profit fills at any moment, also while it is cancelled; what happened is heard of late; somebody else closes part of it."""
    paper = Paper(lots if is_long else -lots)
    signed = BTC.size(paper.lots)
    profit, stop = (60_500, 59_500) if is_long else (59_500, 60_500)
    task = Oco(BTC, signed, take_profit=profit, stop=stop)
    for mark, fill, heard, take in looks:
        for order_id in list(paper.resting):
            paper.fill(order_id, fill)
        if mark % 7 == 0 and paper.lots:
            paper.close(min(foreign, abs(paper.lots)))
        paper.carry(task, task.act(0, mark), take)
        paper.hear(task, heard)
        assert paper.lots * (1 if is_long else -1) >= 0, "the position was turned round"
        assert paper.traded <= lots
        assert len(paper.resting) <= 1, "two legs rest at the same time"
    paper.hear(task)
    assert task.filled == paper.traded
    for _ in range(6):  # let it stop
        paper.carry(task, task.act(0, stop), 10**6)
        paper.hear(task)
    assert task.is_done and paper.lots == 0 and not paper.resting, task.why


def test_the_stop_waits_for_the_end_of_the_take_profit() -> None:
    paper = Paper(10)
    task = Oco(BTC, "0.010", take_profit="61000", stop="59000")
    paper.carry(task, task.act(0, MARK), 0)
    paper.hear(task)
    steps = task.act(0, 59_000)
    assert steps == [t.Cancel(1, "BTC")]
    paper.fill(1, 4)  # just before
    paper.carry(task, steps, 0)
    assert task.act(0, 59_500) == [t.Cancel(1, "BTC")], "not heard of yet: it may still trade"
    paper.hear(task)
    (stop,) = task.act(0, 59_500)
    assert isinstance(stop, t.NewOrder) and (stop.size, stop.reduce_only, stop.price) == (Decimal("0.006"), True, Decimal(58905))
    paper.carry(task, [stop], 2)
    paper.hear(task)
    (again,) = task.act(0, 59_600)
    assert isinstance(again, t.NewOrder) and again.size == Decimal("0.004"), "until nothing is left"
    paper.carry(task, [again], 10)
    paper.hear(task)
    assert task.is_done and task.report().why == "stopped"


@pytest.mark.parametrize(("why", "reason"), [("the position is gone", CancelReason.LIQUIDATION), ("", CancelReason.USER)])
def test_a_take_profit_that_others_cancel(why: str, reason: CancelReason) -> None:
    paper, task = Paper(10), Oco(BTC, "0.010", take_profit="61000", stop="59000")
    paper.carry(task, task.act(0, MARK), 0)
    paper.cancel(1, reason)
    paper.hear(task)
    assert task.is_done == bool(why) and task.why == why
    assert task.act(0, MARK) == [], "it is not placed again"
    assert bool(task.act(0, 59_000)) != bool(why), "but the stop goes on"


def test_a_stop_on_the_wrong_side_is_refused() -> None:
    with pytest.raises(ValueError, match="has to be above its stop"):
        Oco(BTC, "1", take_profit="59000", stop="60000")
    with pytest.raises(ValueError, match="has to be below its stop"):
        Oco(BTC, "-1", take_profit="60000", stop="60000")


# -- ladder --


@given(st.integers(1, 10**9), st.integers(1, 200), st.decimals("0.01", "100", places=2))
def test_the_parts_of_a_ladder_add_up(lots: int, orders: int, growth: Decimal) -> None:
    try:
        parts = shares(lots, orders, growth)
    except ValueError as error:
        assert "too few" in str(error) and lots < orders * 101
        return
    assert sum(parts) == lots and len(parts) == orders and min(parts) >= 1
    assert all(abs(two - one) <= abs(parts[-1] - parts[0]) + 2 for one, two in pairwise(parts))


def test_a_ladder_has_both_ends_and_grows() -> None:
    task = Scale(BTC, Side.BUY, "0.06", first="60000", last="59000", orders=3, growth=3)
    steps = task.act(0, MARK)
    assert [(step.price, step.size) for step in steps if isinstance(step, t.NewOrder)] == [
        (Decimal(60000), Decimal("0.010")), (Decimal(59500), Decimal("0.020")), (Decimal(59000), Decimal("0.030")),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="not 4 prices of BTC between 60000 and 59999"):
        Scale(BTC, Side.BUY, "1", first="60000", last="59999", orders=4)
    with pytest.raises(ValueError, match="3 lots are too few for 4 orders"):
        Scale(BTC, Side.BUY, "0.003", first="60000", last="59000", orders=4)
    with pytest.raises(ValueError, match="growth above zero"):
        Scale(BTC, Side.BUY, "1", first="60000", last="59000", orders=4, growth="-1")


# -- hedge --


@given(st.lists(st.tuples(st.integers(-300, 300), st.integers(0, 200)), min_size=1, max_size=40), st.integers(0, 50), st.integers(1, 20))
def test_a_hedge_comes_back_into_its_band(moves: list[tuple[int, int]], band: int, least: int) -> None:
    task, paper = Hedge(BTC, band=BTC.size(band), least=BTC.size(least)), Paper()
    for exposure, take in [*moves, *[(moves[-1][0], 10**6)] * 2]:
        task.exposure, task.held = BTC.size(exposure), paper.lots
        before = task.net
        steps = task.act(0, MARK)
        assert bool(steps) == (abs(before) > band and abs(before) >= least)
        assert [isinstance(step, t.NewOrder) and step.reduce_only for step in steps] in ([], [True], [False], [True, False])
        paper.carry(task, steps, take)
        paper.hear(task)
        assert abs(exposure + paper.lots) <= abs(before), "a hedge never adds to what is not hedged"
    assert abs(moves[-1][0] + paper.lots) <= max(band, least - 1)


def test_a_hedge_reduces_first_when_it_turns() -> None:
    task = Hedge(BTC, band="0.01", ratio="0.5")
    task.exposure, task.held = Decimal("0.2"), 50
    steps = task.act(0, MARK)
    told = [(step.side, step.size, step.reduce_only) for step in steps if isinstance(step, t.NewOrder)]
    assert told == [(Side.SELL, Decimal("0.050"), True), (Side.SELL, Decimal("0.100"), False)]


# -- over clients --


def script(client: Any) -> Program[list[str]]:
    """One of each, in a venue with a world of its own."""
    told: list[str] = []
    yield from ask(client, client.calls.faucet("100000", 0))
    btc, eth, sol = (client.venue.market(name) for name in ("BTC", "ETH", "SOL"))
    told.append(repr((yield from Twap(sol, Side.BUY, "20", slices=4, every_s=2, slippage_bp=30).program(client))))
    told.append(repr((yield from Scale(eth, Side.BUY, "2", first="3001", last="2995", orders=3).program(client))))
    yield from ask(client, client.calls.place(t.NewOrder("BTC", Side.BUY, "0.05", None, OrderType.MARKET)))
    mark = (yield from ask(client, client.calls.ticker("BTC"))).mark
    told.append(repr((yield from Oco(btc, "0.05", take_profit=mark + 15, stop=mark - 15).program(client))))
    account = yield from ask(client, client.calls.account())
    return [*told, repr(account)]


def sandbox() -> LocalHost:
    host = local_exchange(None, world="sandbox").host
    assert isinstance(host, LocalHost)
    return host


@pytest.mark.slow
def test_the_same_over_every_client() -> None:
    local = LocalClient(host=sandbox())
    told = run(local, script(local), stepped(local))
    with serving(sandbox()) as port, SyncClient(port=port, name="alice") as client:
        assert run(client, script(client), stepped(client)) == told

    async def asked(port: int) -> list[str]:
        async with Client(port=port, name="alice") as client:
            return await run_async(client, script(client), lambda seconds: client.ask("step", ms=round(seconds * 1000)))

    with serving(sandbox()) as port:
        assert asyncio.run(asked(port)) == told
    assert "filled=Decimal('20.00')" in told[0] and "why='filled'" in told[0] and "average_price=Decimal('150." in told[0]
    assert "why='stopped'" in told[2] or "why='profit taken'" in told[2]


def test_a_reply_that_is_lost_buys_nothing_twice() -> None:
    """The connection breaks after the first slice was carried out, before anything of it was said."""
    server = Front(lambda number, data: number == 1 and b"batch" in data)
    try:
        bob = LocalClient("bob", host=server.host)
        bob.faucet("100000")
        bob.sell(server.host.exchange.design.markets[0].name, "1", "60000")
        with SyncClient(port=server.port, name="alice") as client:
            client.faucet("100000")
            report = run(client, Twap(next(iter(client.venue.markets.values())), Side.BUY, "0.1", slices=1, every_s=0))
            assert (report.filled, report.average_price, report.why) == (Decimal("0.1"), Decimal(60000), "filled")
            assert client.positions()[0].size == Decimal("0.1") and server.connections == 2
    finally:
        server.close()


def test_what_a_gap_hid_is_asked_for(perplab_exchange: Make) -> None:
    """The private stream begins anew with a snapshot: what is open is asked for, and the average price is not made up."""
    alice = perplab_exchange()
    bob = alice.join("bob")
    for client in (alice, bob):
        client.faucet("100000")
    task = Scale(alice.venue.market("BTC"), Side.SELL, "0.02", first="60000", last="60010", orders=2)
    looks = 0

    def between(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            alice.disconnect()
            bob.market_buy("BTC", "0.015")
            alice.protocol.streams["private", alice.account_number or 0].seq = 1 << 40  # of another life of the server
        elif looks == 3:
            bob.market_buy("BTC", "0.005")
        alice.step(seconds)

    report = run(alice, task, between)
    assert (report.filled, report.why, report.average_price) == (Decimal("0.02"), "filled", None)


def test_a_hedge_of_another_account(perplab_exchange: Make) -> None:
    alice = perplab_exchange(world="sandbox")
    bob = alice.join("bob")
    for client in (alice, bob):
        client.faucet("100000")
        client.step(1)
    task = Hedge(bob.venue.market("BTC"), sources=[(alice, {"BTC": 1, "ETH": "0.05"})], band="0.01")
    moves = iter([("BTC", "0.05"), ("BTC", "0.005"), ("ETH", "2"), None])
    nets: list[int] = []

    def between(seconds: float) -> None:
        alice.step(seconds)
        nets.append(task.net)
        move = next(moves, None)
        if move is None:
            task.cancel()
        else:
            alice.market_buy(*move)

    report = run(bob, task, between)
    assert report.why == "cancelled" and report.refused == ()
    (position,) = bob.positions()
    assert position.size == Decimal("-0.15") or position.size == Decimal("-0.155")
    assert max(abs(net) for net in nets) <= 15_000


FAULTS = ("delay", "stall", "duplicate", "drop", "reject", "none", "none")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_goes_wrong_each_fill_counts_once(perplab_exchange: Make, seed: int) -> None:
    """Connections break, messages come late or twice, orders are refused: what a task reports is what the account has."""
    draw = random.Random(seed)
    client = perplab_exchange(world="sandbox", seed=seed)
    operator = client.join("operator")
    client.faucet("100000")

    def troubled(seconds: float) -> None:
        operator.ask("fault", user="alice", kind=draw.choice(FAULTS), ms=draw.choice([100, 900, 1900]), count=draw.choice([1, 3]))
        client.step(seconds)

    sol, btc = client.venue.market("SOL"), client.venue.market("BTC")
    bought = run(client, Twap(sol, Side.BUY, "20", slices=4, every_s=2), troubled)
    operator.ask("fault", user="alice", kind="none")
    client.step(2)
    assert [position.size for position in client.positions()] == [bought.filled] and bought.filled + bought.left == 20
    client.market_buy("BTC", "0.05")
    mark = client.ticker("BTC").mark
    assert mark is not None
    closed = run(client, Oco(btc, "0.05", take_profit=mark + 12, stop=mark - 12), troubled)
    operator.ask("fault", user="alice", kind="none")
    client.step(2)
    assert closed.filled == Decimal("0.05") and closed.why in ("stopped", "profit taken")
    assert [position.market for position in client.positions()] == ["SOL"] and client.open_orders() == ()


def test_a_venue_that_goes_back_ends_a_task(perplab_exchange: Make) -> None:
    """What it has counted may not have happened."""
    client = perplab_exchange(world="sandbox")
    operator = client.join("operator")
    client.faucet("100000")
    operator.ask("snapshot", name="before")
    looks = 0

    def between(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            operator.ask("rewind", name="before")
        client.step(seconds)

    report = run(client, Twap(client.venue.market("SOL"), Side.BUY, "20", slices=10, every_s=1), between)
    assert report.why == "the venue went back to an earlier state" and client.positions() == ()
