"""What `settled` tells of an order that had to wait: why it was refused, what its fills came to, and how its auction ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from test_three import serving
from venues import BLOCKS, Table, venue

from perplab.clients import Client, LocalClient, NewOrder, Order, Refused, SyncClient, TimedOut
from perplab.clients.execution import run, run_async
from perplab.clients.local import LocalHost
from perplab.clients.queued import settled
from perplab.exchange.codes import OrderState, OrderType, Reason, Side, TimeInForce
from perplab.exchange.messages import UpdateOracle

MARKET = "BTC-PERP"
AUCTIONS = {"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 400}
ONLY: Table = {"role": "separate"}


def client_of(sequencing: Table = BLOCKS, curve: Table | None = None) -> LocalClient:
    client = LocalClient("alice", venue=venue(sequencing=sequencing, curve=curve), prices={MARKET: 60_000})
    client.faucet("1000000")
    return client


@pytest.mark.parametrize("is_listening", [False, True])
@pytest.mark.parametrize("waits_first", [False, True])
def test_the_reason_of_a_refusal_is_kept(is_listening: bool, waits_first: bool) -> None:
    """Whether or not the private stream is listened to, and whether it has told of the refusal before or meanwhile."""
    for curve, reason in ((ONLY, "NO_BOOK"), (ONLY, "REDUCE_ONLY"), (None, "INSUFFICIENT_MARGIN")):
        alice = client_of(curve=curve)
        if is_listening:
            alice.subscribe_private()
        if reason == "REDUCE_ONLY":
            order = alice.market_buy(MARKET, "0.01", reduce_only=True)
        else:
            order = alice.buy(MARKET, "0.01" if curve else "1000", "59000")
        if waits_first:
            alice.step(3)
        with pytest.raises(Refused, match=f"^{reason}: Place was refused when its turn had come") as told:
            run(alice, settled(alice, order))
        assert (told.value.code, told.value.reason) == (1000 + Reason[reason], reason)
        with pytest.raises(Refused, match="UNKNOWN_ORDER_OF_CLIENT") as asked:
            alice.order(order)
        assert asked.value.data["refused"] == reason


def test_what_never_was_has_no_reason() -> None:
    alice = client_of()
    with pytest.raises(Refused, match="no open order of the account has it") as told:
        alice.order(client_id=5)
    assert "refused" not in told.value.data


@pytest.mark.parametrize("role", ["separate", "interleaved"])
def test_a_fill_with_the_curve_has_its_average_price(role: str) -> None:
    alice = client_of(curve={"role": role})
    alice.subscribe_private()
    bought = run(alice, settled(alice, alice.market_buy(MARKET, "0.02", worst_price="60100")))
    assert bought.state is OrderState.FILLED and bought.filled == Decimal("0.02") and bought.tif is TimeInForce.IOC
    fills = [event for event in alice.events() if type(event).__name__ == "Fill"]
    assert bought.average_price == sum(fill.value for fill in fills) / bought.filled  # type: ignore[attr-defined]
    assert alice.order(bought.order_id).average_price == bought.average_price, "and by its id"


def test_fills_of_book_and_of_many_makers_add_up() -> None:
    alice = client_of()
    bob = alice.join("bob")
    bob.faucet("1000000")
    bob.batch([NewOrder(MARKET, Side.SELL, "0.01", "60010"), NewOrder(MARKET, Side.SELL, "0.03", "60020")])
    bob.step(2)
    bought = run(alice, settled(alice, alice.buy(MARKET, "0.03", "60030")))
    assert (bought.state, bought.filled) == (OrderState.FILLED, Decimal("0.03"))
    assert abs(bought.average_price * 3 - (60_010 + 2 * 60_020)) < Decimal("1e-20")  # type: ignore[operator]
    (sold,) = bob.open_orders()
    assert bob.order(sold).average_price == 60_020, "of a maker's too, who is filled in part"


def test_what_is_no_longer_kept_is_not_guessed() -> None:
    """Half of the fills are no average: where the ring has dropped some, the price is not told."""
    alice = client_of({})
    bob = alice.join("bob")
    bob.faucet("1000000")
    rests = bob.sell(MARKET, "0.02", "60010")
    alice.market_buy(MARKET, "0.01", worst_price="60010")
    assert bob.order(rests).average_price == 60_010
    alice.host.ring.blocks.clear()
    alice.market_buy(MARKET, "0.01", worst_price="60010")
    for told in (bob.order(rests), bob.order(client_id=rests.client_id), bob.order(rests.order_id)):
        assert (told.state, told.average_price) == (OrderState.FILLED, None), told


def auctioned() -> tuple[LocalClient, Callable[[], Order]]:
    alice = client_of(AUCTIONS)
    bob = alice.join("bob")
    bob.faucet("1000000")
    bob.sell(MARKET, "1", "60010")
    return alice, lambda: alice.market_buy(MARKET, "0.02", worst_price="60100")


def test_an_auction_is_waited_for() -> None:
    alice, buy = auctioned()
    order = buy()
    assert (order.state, order.filled, order.tif, order.ticket) == (OrderState.OPEN, 0, TimeInForce.IOC, 0)
    assert alice.order(order).auctioned
    before = alice.ping()
    bought = run(alice, settled(alice, order))
    assert (bought.state, bought.filled, bought.average_price) == (OrderState.FILLED, Decimal("0.02"), 60_010)
    assert bought.tif is TimeInForce.IOC and not bought.auctioned and alice.ping() - before <= 6 * 10**9
    rests = run(alice, settled(alice, alice.buy(MARKET, "0.02", "59000")))
    assert rests.state is OrderState.OPEN and not rests.auctioned and alice.ping() - before <= 7 * 10**9, "it crosses nothing"


def test_an_auction_is_not_waited_for_without_an_end() -> None:
    alice, buy = auctioned()
    worst = alice.sell(MARKET, "0.02", "59000")
    order = alice.order(worst)
    assert not order.auctioned, "there is no bid that it would take"
    slow = buy()
    with pytest.raises(TimedOut, match="is still auctioned after 0 s"):
        run(alice, settled(alice, slow, 0))


def test_an_auctioned_order_that_is_cancelled_is_so() -> None:
    alice, buy = auctioned()
    order = buy()
    alice.cancel(order)
    gone = run(alice, settled(alice, order))
    assert (gone.state, gone.open, gone.auctioned) == (OrderState.CANCELLED, 0, False)


@pytest.mark.parametrize(("tif", "has"), [("GTC", "IOC"), ("IOC", "IOC"), ("FOK", "FOK")])
def test_a_market_order_has_the_tif_that_the_venue_gives_it(tif: str, has: str) -> None:
    alice = client_of({}, curve=ONLY)
    order = alice.place(NewOrder(MARKET, Side.BUY, "0.01", "60100", OrderType.MARKET, TimeInForce[tif]))
    assert order.tif.name == has


def test_over_sockets_it_is_the_same() -> None:
    """A refusal and a fill with the curve, by the client that blocks and by the one for asyncio."""

    async def asked(port: int, wait: Callable[[float], Any], *, is_refused: bool) -> Any:
        async with Client("127.0.0.1", port, name="carol") as client:
            await client.faucet("1000000")
            order = await client.market_buy(MARKET, "0.02", worst_price="60100", reduce_only=is_refused)
            return await run_async(client, settled(client, order), wait)

    host = LocalHost(venue(sequencing=BLOCKS, curve=ONLY))
    host.send([UpdateOracle(0, 0, 60_000)])
    with serving(host) as port, SyncClient("127.0.0.1", port, name="alice") as client:

        def wait(seconds: float) -> None:
            client.ask("step", ms=round(seconds * 1000))

        async def waiting(seconds: float) -> None:
            wait(seconds)

        client.faucet("1000000")
        with pytest.raises(Refused, match="REDUCE_ONLY"):
            run(client, settled(client, client.market_buy(MARKET, "0.01", reduce_only=True)), wait)
        bought = run(client, settled(client, client.market_buy(MARKET, "0.02", worst_price="60100")), wait)
        assert bought.state is OrderState.FILLED and bought.average_price
        with pytest.raises(Refused, match="REDUCE_ONLY"):
            asyncio.run(asked(port, waiting, is_refused=True))
        assert asyncio.run(asked(port, waiting, is_refused=False)).average_price
