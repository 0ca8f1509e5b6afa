"""Sizes, limits, alerts and the kill switch: what they decide, and what a venue looks like afterwards."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paper import BTC, SECOND
from test_gate import order
from test_three import priced, serving

from perplab.clients import Client, Closed, LocalClient, SyncClient
from perplab.clients import types as t
from perplab.clients.carrying import run, run_async
from perplab.clients.risk import KillSwitch, LossAlerts, size_for_risk
from perplab.exchange.codes import AccountMode, Side

Make = Callable[..., LocalClient]
PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "clients.md"
usd = st.decimals("1", "1000000", places=2)


# -- sizing --


@given(st.integers(1, 10**6), st.integers(1, 10**6), usd, usd, st.integers(1, 100))
def test_no_more_is_lost_than_was_risked(entry: int, stop: int, risk: Decimal, available: Decimal, leverage: int) -> None:
    if entry == stop:
        return
    size = size_for_risk(BTC, entry=entry, stop=stop, risk=risk, available=available, max_leverage=leverage)

    def cost(coins: Decimal) -> Decimal:
        return coins * abs(entry - stop) + coins * BTC.taker_fee * (entry + stop)

    more, margin = size + BTC.lot, available * min(leverage, BTC.max_leverage)
    assert size >= 0 and size % BTC.lot == 0
    assert cost(size) <= risk and size * entry <= margin, "within both bounds"
    assert cost(more) > risk or more * entry > margin, "and no lot less than they allow"


def test_a_size_by_hand() -> None:
    assert size_for_risk(BTC, entry="60000", stop="59400", risk="100") == Decimal("0.152")  # 100 / (600 + 0.00045 * 119400) = 0.15297
    assert size_for_risk(BTC, entry="60000", stop="59400", risk="100", available="100", max_leverage=10) == Decimal("0.016")
    assert size_for_risk(BTC, entry="60000", stop="59400", risk="0.5") == 0


@pytest.mark.parametrize("given", [{"stop": "60000"}, {"stop": "0"}, {"risk": "-1"}, {"max_leverage": 0}])
def test_what_cannot_be_sized(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        size_for_risk(BTC, **{"entry": "60000", "stop": "59400", "risk": "100", **given})


# -- alerts --


@given(st.lists(st.integers(-2000, 2000), min_size=1))
def test_each_level_of_loss_is_told_once(losses: list[int]) -> None:
    alerts = LossAlerts([500, "100", 1000])
    told = [alert for loss in [0, *losses] for alert in alerts.look(Decimal(10_000 - loss))]
    worst = max(losses)
    assert [alert.level for alert in told] == [level for level in (100, 500, 1000) if worst >= level]
    assert all(alert.loss >= alert.level and alert.equity == 10_000 - alert.loss for alert in told)
    alerts.reset()
    assert alerts.look(Decimal(0)) == [] and len(alerts.look(Decimal(-100))) == 1


# -- kill switch: decisions --


@example([(0, 0, False), (21, 0, False), (40, 0, False)], 1)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-500, 500), st.booleans()), min_size=1, max_size=60), st.integers(1, 300))
def test_a_switch_that_has_tripped_stays_so(looks: list[tuple[int, int, bool]], limit: int) -> None:
    """Whatever equity and prices do afterwards: the first reason stays, until it is reset. It trips at the first look at which it must."""
    switch = KillSwitch(max_drawdown=limit, markets=("BTC",), stale_s=60)
    now, equity, prices, first = 0, 10_000, 0, ""
    peak, changed = equity, 0
    for number, (seconds, change, moves) in enumerate(looks):
        now, equity, prices = now + seconds * SECOND, equity + change, prices + moves
        if number == 0:
            peak, changed = equity, now
        peak, changed = max(peak, equity), now if moves else changed
        must = peak - equity >= limit or now - changed > 60 * SECOND
        why = switch.look(now, Decimal(equity), prices)
        assert bool(why) == (must or bool(first))
        assert not first or why == first
        first = why
    switch.trip("another reason")
    assert switch.why == (first or "another reason")
    switch.reset()
    assert switch.look(now, Decimal(equity), prices) == ""


def test_what_a_switch_says() -> None:
    told: list[str] = []
    switch = KillSwitch(max_loss=100, dead_man_s=5, on_trip=told.append)
    assert switch.look(0, Decimal(1000)) == "" and switch.look(5 * SECOND, Decimal(2000)) == "" and not told
    assert switch.look(10 * SECOND, Decimal(900)) == "100 USD were lost since the first look; the limit is 100"
    switch.look(11 * SECOND, Decimal(800))
    assert told == [switch.why], "once"
    late = KillSwitch(dead_man_s=5)
    late.look(0, Decimal(1000))
    assert late.look(6 * SECOND, Decimal(1000)) == "nobody has looked for 6 s: the venue has cancelled all orders"
    cut = KillSwitch()
    cut.heard(t.Disconnected(why="the end"))
    assert cut.why == "the connection was lost: the end"


@pytest.mark.parametrize("given", [{"stale_s": 1.0}, {"dead_man_s": 1.0}, {"max_loss": 0}, {"slice_usd": "-1"}])
def test_what_a_switch_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"markets=|more than that|above 0"):
        KillSwitch(**given)


# -- kill switch: over a venue --


def crowded(make: Make) -> LocalClient:
    """A long of 1 BTC and two orders, in a venue that is alive."""
    client = make(world="sandbox")
    client.faucet("100000")
    client.step(1)
    client.market_buy("BTC", "1")
    client.buy("BTC", "0.1", "50000")
    client.sell("BTC", "0.1", "70000")
    return client


def test_it_cancels_and_closes_in_slices(perplab_exchange: Make) -> None:
    client = crowded(perplab_exchange)
    switch = KillSwitch(max_drawdown=500, flatten=True, slice_usd=25_000, every_s=2)
    looks = 0

    def between(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            client.withdraw("1000")
        client.step(seconds)

    done = run(client, switch.watch(client), between)
    assert "below its highest; the limit is 500" in done.why and done.ts <= client.ping()
    assert done.did[0] == "cancelled 2 of 2 orders" and len(done.did) == 4
    assert all(line.startswith("sold 0.") for line in done.did[1:])
    assert (done.orders, done.positions) == (0, ()) and client.positions() == () and client.open_orders() == ()
    client.buy("BTC", "0.1", "50000")
    again = run(client, switch.check(client))
    assert again is not None and again.did == ("cancelled 1 of 1 orders",), "it stays tripped"
    switch.reset()
    client.buy("BTC", "0.1", "50000")
    assert run(client, switch.check(client)) is None and len(client.open_orders()) == 1


def behind_each_cancel(client: LocalClient, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """For so many times two orders come in right behind a cancel of all, as those do that were on their way."""
    left, do = times, client._do

    def act(call: Any, timeout: float | None = None) -> Any:
        nonlocal left
        answer = do(call, timeout)
        if call.op == "cancel_all" and left:
            left -= 1
            do(client.calls.batch([order(Side.BUY, "0.1", "50000"), order(Side.SELL, "0.1", "70000")]))
        return answer

    monkeypatch.setattr(client, "_do", act)


def test_orders_behind_the_cancel_are_cancelled_too(perplab_exchange: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    client, switch = crowded(perplab_exchange), KillSwitch()
    switch.trip("by hand")
    behind_each_cancel(client, monkeypatch, times=3)
    done = run(client, switch.watch(client))
    assert done.did == ("cancelled 8 of 8 orders",), "counted by what they are, not by how many are open"
    assert done.orders == 0 and client.open_orders() == ()


def test_who_goes_on_placing_is_told_of(perplab_exchange: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    client, switch = crowded(perplab_exchange), KillSwitch()
    switch.trip("by hand")
    behind_each_cancel(client, monkeypatch, times=1000)
    done = run(client, switch.watch(client))
    assert done.did == ("cancelled 20 of 22 orders", "2 orders are still open in BTC after 10 of 10 cancels") and done.orders == 2


def test_orders_that_no_cancel_takes_do_not_keep_it_from_closing(perplab_exchange: Make) -> None:
    client, switch, waited = crowded(perplab_exchange), KillSwitch(flatten=True), list[float]()
    client.buy("ETH", 1, "2500")
    client.ask("set_market_status", market="ETH", status="HALTED", price=0)
    switch.trip("by hand")
    done = run(client, switch.watch(client), waited.append)
    assert done.did[:2] == ("cancelled 2 of 3 orders", "1 order is still open in ETH after 1 of 10 cancels") and done.orders == 1
    assert done.positions == () and waited == [], "nothing was waited for"


def test_orders_that_come_while_it_closes_are_cancelled_too(perplab_exchange: Make) -> None:
    client, switch = crowded(perplab_exchange), KillSwitch(flatten=True, slice_usd=25_000)
    switch.trip("by hand")

    def between(seconds: float) -> None:
        client.buy("BTC", "0.1", "50000")
        client.step(seconds)

    done = run(client, switch.watch(client), between)
    assert done.did[0] == "cancelled 2 of 2 orders" and done.did[-1].startswith("cancelled ") and done.orders == 0
    assert client.open_orders() == ()


def test_what_cannot_be_closed_is_said(perplab_exchange: Make) -> None:
    alice = perplab_exchange()
    bob = alice.join("bob")
    for client in (alice, bob):
        client.faucet("100000")
    bob.sell("BTC", "0.1", "60000")
    alice.market_buy("BTC", "0.1")
    switch = KillSwitch(flatten=True)
    switch.trip("by hand")
    done = run(alice, switch.check(alice))
    assert done is not None and done.did == ("cancelled 0 of 0 orders", "could not close BTC: the book is empty")
    assert done.positions is not None and len(done.positions) == 1
    alice.ask("set_market_status", market="BTC", status="HALTED", price=0)
    halted = run(alice, switch.check(alice))
    assert halted is not None and "could not close BTC: MARKET_HALTED" in halted.did[1]


def test_it_tells_of_triggers_and_twaps_that_went_with_the_orders(perplab_exchange: Make) -> None:
    client = crowded(perplab_exchange)
    client.stop_market("BTC", Side.SELL, "50000", "0.1", reduce_only=False)
    client.stop_market("BTC", Side.SELL, "49000", "0.1", reduce_only=False)
    client.place_twap(t.NewTwap(market="ETH", side=Side.BUY, size="1", slices=5, every_s=10))
    switch = KillSwitch()
    switch.trip("by hand")
    done = run(client, switch.check(client))
    assert done is not None and done.did == ("cancelled 2 of 2 orders", "cancelled 2 of 2 triggers", "cancelled 1 of 1 TWAPs")
    assert client.triggers() == client.twaps() == ()
    client.buy("ETH", "1", "2000")
    client.take_profit("BTC", Side.SELL, "70000", "0.1", reduce_only=False)
    client.ask("set_market_status", market="BTC", status="HALTED", price=0)
    done = run(client, switch.check(client))
    assert done is not None and done.did == ("cancelled 1 of 1 orders", "cancelled 0 of 1 triggers"), "a halt holds it"


def test_what_can_only_reduce_stays_where_positions_do(perplab_exchange: Make) -> None:
    """The stop of a position that the switch leaves open. What may open goes, and the account's mode is what it was."""
    client = crowded(perplab_exchange)
    stop = client.stop_market("BTC", Side.SELL, "50000")
    client.stop_market("BTC", Side.BUY, "70000", "0.1", reduce_only=False)
    resting = client.sell("BTC", "0.1", "64000", reduce_only=True)
    switch = KillSwitch()
    switch.trip("by hand")
    for did in (("cancelled 2 of 2 orders", "cancelled 1 of 1 triggers"), ("cancelled 0 of 0 orders",)):
        done = run(client, switch.check(client))
        assert done is not None and done.orders == 0 and len(done.positions or ()) == 1
        assert done.did == (*did, "kept 1 orders and 1 triggers or TWAPs that can only reduce")
        assert [one.order_id for one in client.triggers()] == [stop.order_id]
        assert [one.order_id for one in client.account().orders] == [resting.order_id]
    assert client.account().mode == AccountMode.NORMAL
    client.set_account_mode(AccountMode.REDUCE_ONLY)
    run(client, switch.check(client))
    assert client.account().mode == AccountMode.REDUCE_ONLY and len(client.triggers()) == 1


def test_all_goes_where_positions_are_closed(perplab_exchange: Make) -> None:
    client = crowded(perplab_exchange)
    client.stop_market("BTC", Side.SELL, "50000")
    switch = KillSwitch(flatten=True)
    switch.trip("by hand")
    done = run(client, switch.check(client))
    assert done is not None and done.did[1] == "cancelled 1 of 1 triggers" and client.triggers() == ()


def test_positions_outlive_a_halt_until_it_tries_again(perplab_exchange: Make) -> None:
    """It waits for the end of the halt where it is asked to, and each thing is told once."""
    client = crowded(perplab_exchange)
    client.ask("set_market_status", market="BTC", status="HALTED", price=0)
    switch = KillSwitch(flatten=True, retry_s=30)
    switch.trip("by hand")
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        client.step(seconds)
        if waited.count(30) == 3:
            client.ask("set_market_status", market="BTC", status="ACTIVE", price=0)

    done = run(client, switch.watch(client), wait)
    assert (done.orders, done.positions, done.why) == (0, (), "by hand") and waited.count(30) == 3
    assert len(set(done.did)) == len(done.did) and any("MARKET_HALTED" in line for line in done.did)
    assert done.did[-1].startswith("sold ") or done.did[-2].startswith("sold ")

    client.ask("set_market_status", market="ETH", status="HALTED", price=0)
    client.buy("BTC", "0.1", "50000")
    client.ask("set_market_status", market="BTC", status="HALTED", price=0)
    left = run(client, switch.watch(client), lambda seconds: switch.disarm())
    assert (left.orders, left.why) == (1, "by hand"), "disarmed meanwhile it says what is left"
    with pytest.raises(ValueError, match="retry_s is 0; expected more than 0, or None"):
        KillSwitch(retry_s=0)


def test_prices_that_stand_still(perplab_exchange: Make) -> None:
    client = crowded(perplab_exchange)
    switch = KillSwitch(markets=("BTC", "ETH"), stale_s=20, every_s=5)

    def between(seconds: float) -> None:
        if not client.ask("world", makers="gone", takers="gone", oracle="frozen")["ok"]:
            raise AssertionError
        client.step(seconds)

    done = run(client, switch.watch(client), between)
    assert done.why.startswith("prices of BTC, ETH have stood still for 25") and done.orders == 0
    assert done.positions is not None and len(done.positions) == 1, "it was not asked to close"


def test_a_lost_connection_trips_it_and_it_comes_back_to_cancel(perplab_exchange: Make) -> None:
    client = crowded(perplab_exchange)
    looks = iter([None, client.disconnect])

    def between(seconds: float) -> None:
        act = next(looks, None)
        if act is not None:
            act()
        client.step(seconds)

    done = run(client, KillSwitch(flatten=True).watch(client), between)
    assert done.why == "the connection was lost: the connection was cut"
    assert done.orders == 0 and done.positions == ()


def test_the_venue_cancels_where_the_switch_has_died(perplab_exchange: Make) -> None:
    client = crowded(perplab_exchange)
    switch = KillSwitch(dead_man_s=10)
    assert run(client, switch.check(client)) is None
    client.step(8)
    assert run(client, switch.check(client)) is None and len(client.open_orders()) == 2, "renewed"
    client.step(11)
    assert client.open_orders() == ()
    done = run(client, switch.check(client))
    assert done is not None and done.why == "nobody has looked for 11 s: the venue has cancelled all orders"
    switch.reset()
    program = switch.watch(client)
    run(client, program, lambda seconds: switch.disarm())
    client.buy("BTC", "0.1", "50000")
    client.step(30)
    assert len(client.open_orders()) == 1, "who disarms it takes the dead man's switch back"


def test_it_says_what_it_does_not_know_when_nobody_answers() -> None:
    host = priced()
    with serving(host) as port:
        client = SyncClient(port=port, name="alice", retry_s=0.0)
        client.faucet("10000")
        client.buy("BTC", "0.01", "59000")
        switch = KillSwitch(dead_man_s=30)
        assert run(client, switch.check(client)) is None
    done = run(client, switch.check(client))
    assert done is not None and done.why.startswith("the venue cannot be reached") and done.orders is None
    assert "the venue cancels all orders 30 s after the last look" in done.did[0]
    client.close()


def test_the_same_with_asyncio() -> None:
    async def script(port: int) -> Any:
        async with Client(port=port, name="alice") as client:
            await client.faucet("10000")
            await client.buy("BTC", "0.01", "59000")
            switch = KillSwitch(max_loss=100)

            async def between(seconds: float) -> None:
                await client.withdraw("500")

            return await run_async(client, switch.watch(client), between)

    with serving(priced()) as port:
        done = asyncio.run(script(port))
    assert done.why == "500.000000 USD were lost since the first look; the limit is 100" and done.did == ("cancelled 1 of 1 orders",)


def test_a_client_that_is_closed_is_no_loss(perplab_exchange: Make) -> None:
    client, tripped = crowded(perplab_exchange), list[str]()
    switch = KillSwitch(dead_man_s=30, on_trip=tripped.append)
    done = run(client, switch.watch(client), lambda seconds: client.close())
    assert (switch.why, tripped, done.why) == ("", [], "") and done.orders is None
    assert done.did == ("this client was closed; the venue cancels all orders 30 s after the last look",)
    with pytest.raises(Closed, match="this client was closed"):
        run(client, switch.check(client))


def test_a_guard_that_outlives_its_asyncio_client_ends_quietly() -> None:
    async def script(port: int) -> Any:
        switch = KillSwitch(every_s=0.01)
        async with Client(port=port, name="alice") as client:
            guard = asyncio.create_task(run_async(client, switch.watch(client)))
            await client.faucet("10000")
        return switch.why, await guard

    with serving(priced()) as port:
        why, done = asyncio.run(script(port))
    assert why == done.why == "" and done.did == ("this client was closed",)


def recipe() -> Any:
    """`trade` of docs/clients.md."""
    (block,) = (one for one in re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S) if "TaskGroup" in one)
    names: dict[str, Any] = {"asyncio": asyncio, "run_async": run_async}
    exec(block.partition("\nasync with")[0], names)
    return names["trade"]


def test_bot_guard_and_client_end_together() -> None:
    async def quotes(client: Client, then: Callable[[], Any]) -> None:
        await client.buy("BTC", "0.01", "59000")
        await asyncio.sleep(0.03)
        await then()

    async def script(port: int, then: str) -> Any:
        async with Client(port=port, name="alice") as client:
            await client.faucet("10000")
            acts: dict[str, Callable[[], Any]] = {
                "ends": lambda: asyncio.sleep(0), "fails": lambda: client.buy("DOGE", 1, 1), "loses": lambda: lose(client)
            }  # fmt: skip
            return await recipe()(client, lambda client: quotes(client, acts[then]), KillSwitch(max_loss=100, every_s=0.01))

    async def lose(client: Client) -> None:
        await client.withdraw("500")
        await asyncio.sleep(60)

    with serving(priced()) as port:
        ended = asyncio.run(script(port, "ends"))
        assert (ended.why, ended.did) == ("", ())
        with pytest.raises(ExceptionGroup) as caught:
            asyncio.run(script(port, "fails"))
        assert [str(error) for error in caught.value.exceptions] == ["there is no market 'DOGE'; there are BTC, ETH, SOL"]
        lost = asyncio.run(script(port, "loses"))
        assert lost.why.startswith("500.000000 USD were lost") and lost.did == ("cancelled 1 of 1 orders",) and lost.orders == 0
        with SyncClient(port=port, name="alice") as client:
            assert client.open_orders() == (), "nothing rests behind any of them"


def test_a_venue_that_goes_back_is_looked_at_anew() -> None:
    switch = KillSwitch(max_loss=100, dead_man_s=5)
    switch.look(1000 * SECOND, Decimal(1000))
    switch.heard(t.Rewound(snapshot="before", ts=0))
    assert switch.look(0, Decimal(10)) == "" and switch.look(SECOND, Decimal(10)) == ""
    switch.trip("by hand")
    switch.heard(t.Rewound(snapshot="before", ts=0))
    assert switch.why == "by hand", "what has tripped stays so"
