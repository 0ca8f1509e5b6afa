"""A client id that is used again with other terms: the venue tells of the first order, and so does the client."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D

import pytest
from front import front

from perplab.clients import Client, LocalClient, SyncClient, types
from perplab.clients.blocking import Blocking
from perplab.exchange.codes import OrderState, Side, TimeInForce, TriggerKind

NEW = types.NewOrder("BTC", Side.BUY, "0.01", "59000", client_id=4711)


def scene() -> LocalClient:
    alice = LocalClient("alice")
    alice.faucet("100000")
    return alice


def try_own(alice: Blocking, market: str) -> types.Order:
    """The order that the client has placed itself."""
    first = alice.buy(market, "0.01", "59000", client_id=4711)
    again = alice.buy(market, "0.05", "56000", tif=TimeInForce.POST_ONLY, client_id=4711)
    assert again.repeated and (again.order_id, again.side, again.price, again.tif) == (first.order_id, Side.BUY, D(59000), TimeInForce.GTC)
    assert alice.order(client_id=4711).price == D(59000)
    amended = alice.amend(again, size="0.02")
    assert (amended.price, amended.open) == (D(59000), D("0.02"))
    return amended


def try_other(bob: Blocking, first: types.Order) -> None:
    """`bob` is another client of the same account, which has heard of nothing."""
    told = bob.sell(first.market, "0.05", "66000", reduce_only=True, client_id=4711)
    assert told.repeated and (told.order_id, told.open) == (first.order_id, D("0.02"))
    assert (told.side, told.price, told.tif, told.reduce_only, told.client_id) == (None, None, None, None, 4711)
    with pytest.raises(ValueError, match=f"say the price, too: that of order {first.order_id} is not known here"):
        bob.amend(told, size="0.03")
    assert bob.amend(told, "58000", "0.03").price == D(58000)


def test_in_one_process() -> None:
    alice = scene()
    try_other(alice.join("alice"), try_own(alice, "BTC"))


def test_over_a_socket_blocking() -> None:
    with front() as server:
        with SyncClient(port=server.port, name="alice") as alice:
            alice.faucet("100000")
            first = try_own(alice, "BTC-PERP")
        with SyncClient(port=server.port, name="alice") as bob:
            try_other(bob, first)


def test_over_a_socket_awaited() -> None:
    async def script(port: int) -> None:
        async with Client(port=port, name="alice") as alice:
            await alice.faucet("100000")
            first = await alice.buy("BTC-PERP", "0.01", "59000", client_id=4711)
        async with Client(port=port, name="alice") as bob:
            told = await bob.buy("BTC-PERP", "0.05", "56000", client_id=4711)
            assert told.repeated and (told.order_id, told.side, told.price) == (first.order_id, None, None)
            with pytest.raises(ValueError, match="say the price, too"):
                await bob.amend(told, size="0.02")

    with front() as server:
        asyncio.run(script(server.port))


def test_the_private_stream_tells_what_it_was() -> None:
    alice = scene()
    bob = alice.join("alice")
    bob.subscribe_private()
    first = alice.place(NEW)
    list(bob.events())
    told = bob.sell("BTC", "0.05", "66000", client_id=4711)
    assert told.repeated and (told.order_id, told.side, told.price) == (first.order_id, Side.BUY, D(59000))


def test_one_that_was_sent_and_never_answered_is_known_by_its_terms() -> None:
    """Sent again as it was, it is what was sent. With two orders under one id nobody knows which of them came in."""
    alice = scene()
    alice.place(NEW)
    bob, carol = alice.join("alice"), alice.join("alice")
    bob.calls.place(NEW)  # and the reply is lost
    assert bob.place(NEW).price == D(59000)
    carol.calls.place(NEW)
    told = carol.buy("BTC", "0.05", "56000", client_id=4711)
    assert told.repeated and told.price is None
    assert carol.order(client_id=4711).price is None


def test_one_that_was_refused_leaves_its_id_to_the_next() -> None:
    alice = scene()
    with pytest.raises(Exception, match="INSUFFICIENT_MARGIN"):
        alice.buy("BTC", "900", "59000", client_id=4711)
    placed = alice.buy("BTC", "0.01", "58000", client_id=4711)
    assert not placed.repeated and placed.price == D(58000)
    assert alice.buy("BTC", "0.01", "57000", client_id=4711).price == D(58000)


def test_two_in_one_batch() -> None:
    alice = scene()
    other = types.NewOrder("BTC", Side.BUY, "0.05", "56000", client_id=4711)
    first, second = alice.batch([NEW, other])
    assert isinstance(first, types.Order) and isinstance(second, types.Order)
    assert second.repeated and first.price == second.price == D(59000)


def test_triggers_twaps_and_brackets() -> None:
    alice = scene()
    bob = alice.join("alice")
    stop = {"market": "BTC", "side": Side.BUY, "trigger": TriggerKind.STOP, "client_id": 1}
    twap = {"market": "BTC", "side": Side.BUY, "slices": 2, "every_s": 60, "client_id": 2}
    entry = {"market": "BTC", "side": Side.BUY, "price": "59000", "client_id": 3}
    alice.place_trigger(types.NewTrigger(price="61000", size="0.1", limit="61500", reduce_only=False, **stop))  # type: ignore[arg-type]
    alice.place_twap(types.NewTwap(size="0.01", **twap))  # type: ignore[arg-type]
    alice.place_bracket(types.NewBracket(size="0.01", stop="58000", **entry))  # type: ignore[arg-type]
    stop["side"] = twap["side"] = entry["side"] = Side.SELL
    for told in (
        bob.place_trigger(types.NewTrigger(price="59000", size="0.3", limit="58500", **stop)),  # type: ignore[arg-type]
        bob.place_twap(types.NewTwap(size="0.03", **twap)),  # type: ignore[arg-type]
        bob.place_bracket(types.NewBracket(size="0.03", stop="60000", **entry)),  # type: ignore[arg-type]
    ):
        assert told.repeated and (told.side, told.price, told.tif, told.reduce_only) == (None, None, None, None)


def test_what_is_cancelled_unknown_is_not_said_to_open_positions() -> None:
    alice = scene()
    bob = alice.join("alice")
    carol = alice.join("carol")
    carol.faucet("100000")
    carol.sell("BTC", "0.1", "60000")
    alice.market_buy("BTC", "0.1")
    trigger = alice.place_trigger(types.NewTrigger(market="BTC", side=Side.SELL, trigger=TriggerKind.STOP, price="58000"))
    assert bob.cancel(trigger.order_id).reduce_only is None


def test_a_trigger_and_a_twap_are_cancelled_as_they_are_listed_and_never_amended() -> None:
    alice = scene()
    alice.place_trigger(
        types.NewTrigger(market="BTC", side=Side.BUY, trigger=TriggerKind.STOP, price="61000", size="0.1", reduce_only=False)
    )
    alice.place_twap(types.NewTwap(market="BTC", side=Side.BUY, size="0.01", slices=2, every_s=60))
    bob = alice.join("alice")
    for listed in (*bob.triggers(), *bob.twaps()):
        with pytest.raises(TypeError, match="triggers and TWAPs cannot be amended"):
            bob.amend(listed, "60000", "0.1")  # type: ignore[arg-type]
        assert bob.cancel(listed).state == OrderState.CANCELLED
    assert bob.triggers() == bob.twaps() == ()


def test_an_average_price_has_28_digits() -> None:
    alice = scene()
    bob = alice.join("bob")
    bob.faucet("100000")
    for size, price in (("0.01", "60000"), ("0.02", "60001")):
        bob.sell("BTC", size, price)
    assert alice.market_buy("BTC", "0.03").average_price == D("60000.66666666666666666666667")
