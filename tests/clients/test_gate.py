"""What a gate lets pass: orders, amends and batches against limits of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from paper import BTC
from test_three import priced, serving

from perplab.clients import Client, LocalClient, Refused
from perplab.clients import types as t
from perplab.clients.carrying import run, run_async
from perplab.clients.risk import Gate, KillSwitch, Limits, OverLimit
from perplab.exchange.codes import OrderState, OrderType, Side

Make = Callable[..., LocalClient]


def order(side: Side, size: str, price: str | None = None, reduce_only: bool = False) -> t.NewOrder:
    return t.NewOrder("BTC", side, size, price, OrderType.LIMIT if price else OrderType.MARKET, reduce_only=reduce_only)


def account(position: str, *resting: tuple[Side, str]) -> t.Account:
    held = [
        t.Position(
            market="BTC", size=Decimal(position), entry_price=Decimal(1), entry_notional=Decimal(1), liquidation_price=None,
            isolated_margin=Decimal(0), mode=0, leverage=1, unsettled=Decimal(0),  # type: ignore[arg-type]
        )
    ]  # fmt: skip
    orders = [
        t.Order(order_id=1, market="BTC", side=side, price=Decimal(1), filled=Decimal(0), open=Decimal(size), state=OrderState.OPEN)
        for side, size in resting
    ]
    return t.Account(1, 0, (), tuple(held), tuple(orders))


@pytest.mark.parametrize(
    ("given", "state", "told"),
    [
        (order(Side.BUY, "1.001", "60000"), account("0"), "an order of 1.001 BTC; the limit is 1"),
        (order(Side.BUY, "0.5", "60000"), account("1.4", (Side.BUY, "0.2")), "could become 2.1 BTC; the limit is 2"),
        (order(Side.SELL, "0.5", "60000"), account("-1.6"), "could become 2.1 BTC"),
        (order(Side.SELL, "0.5", "60000"), account("1.6", (Side.BUY, "9")), ""),
        (order(Side.BUY, "1", "60000", reduce_only=True), account("2"), ""),
        (order(Side.BUY, "0.1", "60000"), account("0", *[(Side.BUY, "0.01")] * 3), "3 orders are open; the limit is 3"),
        (order(Side.BUY, "0.1", "60061"), account("0"), "a price of 60061 is more than 10 bp beyond the mark, 60000"),
        (order(Side.BUY, "0.1", "60060"), account("0"), ""),
        (order(Side.BUY, "0.1", "50000"), account("0"), ""),
        (order(Side.SELL, "0.1", "59939"), account("0"), "a price of 59939"),
        (order(Side.SELL, "0.1"), account("0"), "an order without a price"),
    ],
)
def test_limits(given: t.NewOrder, state: t.Account, told: str) -> None:
    gate = Gate({"BTC": Limits(order=1, position=2, open_orders=3, collar_bp=10)})
    if not told:
        gate.check(given, BTC, state, Decimal(60_000))
        return
    with pytest.raises(OverLimit, match=told):
        gate.check(given, BTC, state, Decimal(60_000))


def test_a_gate_lets_nothing_pass_once_the_switch_has_tripped(perplab_exchange: Make) -> None:
    client, switch = perplab_exchange(), KillSwitch()
    client.faucet("10000")
    gate = Gate({"BTC": Limits(order="0.1")}, switch)
    assert run(client, gate.place(client, order(Side.BUY, "0.01", "59000"))).state == OrderState.OPEN
    with pytest.raises(OverLimit, match=r"the limit is 0\.1"):
        run(client, gate.place(client, order(Side.BUY, "0.2", "59000")))
    switch.trip("by hand")
    with pytest.raises(OverLimit, match="the kill switch has tripped: by hand"):
        run(client, gate.place(client, order(Side.BUY, "0.01", "59000")))
    assert len(client.open_orders()) == 1


def quoted(make: Make) -> tuple[LocalClient, Gate, t.Order, t.Order]:
    """Two quotes of 1 BTC each, and a gate that allows just that."""
    client = make()
    client.faucet("1000000")
    buy, sell = client.buy("BTC", 1, "59000"), client.sell("BTC", 1, "61000")
    return client, Gate({"BTC": Limits(order=1, position=1, open_orders=2, collar_bp=500)}), buy, sell


def test_a_gate_looks_at_a_batch_as_a_whole(perplab_exchange: Make) -> None:
    client, gate, buy, sell = quoted(perplab_exchange)
    new = [order(Side.BUY, "1", "59500"), order(Side.SELL, "1", "60500")]
    with pytest.raises(OverLimit, match="item 0 of the batch: 2 orders are open; the limit is 2") as caught:
        run(client, gate.batch(client, [*new, t.Cancel(buy), t.Cancel(sell)]))
    assert caught.value.item == 0 and {one.order_id for one in client.open_orders()} == {buy.order_id, sell.order_id}
    told = run(client, gate.batch(client, [t.Cancel(buy), t.Cancel(sell.order_id), *new]))
    assert [one.state.name for one in told if isinstance(one, t.Order)] == ["CANCELLED", "CANCELLED", "OPEN", "OPEN"]
    assert [one.price for one in client.open_orders()] == [Decimal(59_500), Decimal(60_500)]


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([order(Side.BUY, "0.6", "59000"), order(Side.BUY, "0.5", "59000")], r"item 1 of the batch: .* could become 1\.1 BTC"),
        ([order(Side.BUY, "0.1", "59000"), order(Side.SELL, "0.1", "56000")], "item 1 of the batch: a price of 56000 is more than 500 bp"),
        ([order(Side.BUY, "0.1", "59000")] * 3, "item 2 of the batch: 2 orders are open"),
        ([order(Side.BUY, "0.1", "59000"), order(Side.BUY, "1.1", "59000")], "item 1 of the batch: an order of 1.1 BTC; the limit is 1"),
    ],
)
def test_nothing_of_a_batch_is_sent_if_one_is_over_a_limit(perplab_exchange: Make, items: list[Any], told: str) -> None:
    client, gate, _, _ = quoted(perplab_exchange)
    client.cancel_all()
    with pytest.raises(OverLimit, match=told):
        run(client, gate.batch(client, items))
    assert client.open_orders() == ()


def test_a_gate_looks_at_amends(perplab_exchange: Make) -> None:
    client, gate, buy, sell = quoted(perplab_exchange)
    assert run(client, gate.amend(client, t.Amend(buy, price="59500"))).price == Decimal(59_500), "it takes its own place"
    with pytest.raises(OverLimit, match=r"item 0 of the batch: an order of 1\.5 BTC"):
        run(client, gate.amend(client, t.Amend(buy, size="1.5")))
    with pytest.raises(OverLimit, match=r"item 1 of the batch: .*beyond the mark"):
        run(client, gate.batch(client, [t.Amend(buy, size="0.5"), t.Amend(sell.order_id, price="50000")]))
    with pytest.raises(OverLimit, match=r"item 2 of the batch: .* could become 1\.1 BTC"):
        run(client, gate.batch(client, [t.Cancel(sell), t.Amend(buy, size="0.6"), order(Side.BUY, "0.5", "59000")]))
    with pytest.raises(OverLimit, match=r"item 3 of the batch: .* could become 1\.1 BTC"):
        again = [t.Amend(buy, size="0.3"), t.Amend(buy, price="59100"), order(Side.BUY, "0.8", "59000")]
        run(client, gate.batch(client, [t.Cancel(sell), *again]))  # the second keeps what the first has left
    run(client, gate.batch(client, [t.Amend(buy, size="0.3"), t.Amend(buy.order_id, price="59100")]))
    assert client.order(buy).open == Decimal("0.3")
    client.cancel(buy)
    with pytest.raises(Refused):
        run(client, gate.amend(client, t.Amend(buy, price="59000", size="1")))


def test_a_switch_that_has_tripped_lets_only_cancels_of_a_batch_pass(perplab_exchange: Make) -> None:
    client, gate, buy, sell = quoted(perplab_exchange)
    gate.switch = KillSwitch()
    gate.switch.trip("by hand")
    with pytest.raises(OverLimit, match="item 1 of the batch: the kill switch has tripped: by hand"):
        run(client, gate.batch(client, [t.Cancel(buy), order(Side.BUY, "0.1", "59000")]))
    with pytest.raises(OverLimit, match="the kill switch has tripped"):
        run(client, gate.amend(client, t.Amend(sell, price="61500")))
    run(client, gate.batch(client, [t.Cancel(buy), t.Cancel(sell)]))
    assert client.open_orders() == ()


def test_what_cannot_be_looked_at_is_not_amended() -> None:
    crowd = t.Account(1, 0, (), (), (), more=1)
    with pytest.raises(OverLimit, match="order 7 is not among the first 0 that are open"):
        Gate({}).check_all([t.Amend(7, price=1, size=1)], t.Venue("", "", (), {"BTC": BTC}, ""), crowd, {})


def test_nothing_rests_behind_a_trip_of_who_quotes_through_a_gate_over_the_same_client() -> None:
    async def quotes(client: Client, gate: Gate) -> None:
        rest: list[t.Order] = []
        while True:
            items = [*map(t.Cancel, rest), order(Side.BUY, "0.01", "59000"), order(Side.SELL, "0.01", "61000")]
            told = await run_async(client, gate.batch(client, items))
            rest = [one for one in told[len(rest) :] if isinstance(one, t.Order)]

    async def script(port: int) -> None:
        switch = KillSwitch(every_s=0.001)
        async with Client(port=port, name="alice") as client:
            await client.faucet("10000")
            bots = [asyncio.create_task(quotes(client, Gate({}, switch))) for _ in range(3)]
            while len(await client.open_orders()) < 6:
                pass
            switch.trip("by hand")
            done = await run_async(client, switch.watch(client))
            assert done.orders == 0 and len(done.did) == 1
            told = await asyncio.gather(*bots, return_exceptions=True)
            assert all(isinstance(error, OverLimit) for error in told) and await client.open_orders() == ()

    with serving(priced()) as port:
        asyncio.run(script(port))


def test_markets_that_are_not_named_have_the_limits_of_the_others(perplab_exchange: Make) -> None:
    client, gate, _, _ = quoted(perplab_exchange)
    eth = t.NewOrder("ETH", Side.BUY, "2", "2900")
    assert run(client, gate.place(client, eth)).open == 2, "without such limits it is not looked at"
    careful = Gate({"BTC": Limits(order="1")}, others=Limits(order="1", per_minute=1))
    with pytest.raises(OverLimit, match="an order of 2 ETH; the limit is 1"):
        run(client, careful.place(client, eth))
    run(client, careful.place(client, t.NewOrder("ETH", Side.BUY, "1", "2900")))
    with pytest.raises(OverLimit, match="1 order of ETH counts as sent within a minute, and 1 more would; the limit is 1"):
        run(client, careful.place(client, t.NewOrder("ETH", Side.BUY, "1", "2900")))
    with pytest.raises(OverLimit, match=r"item 1 of the batch: an order of 0\.1 SOL; the limit is 0"):
        items = [t.Cancel(client.open_orders()[0]), t.NewOrder("SOL", Side.BUY, "0.1", "150")]
        run(client, Gate({}, others=Limits(order=0)).batch(client, items))
