"""The three clients are one: the same names, and the same answers to the same script."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from scene import leveraged_long

from perplab.clients import Cancel, Client, LocalClient, NewOrder, Order, Refused, SyncClient, types
from perplab.clients.asking import Asking
from perplab.clients.blocking import Blocking
from perplab.clients.bots.base import pack
from perplab.clients.local import LocalHost
from perplab.exchange.codes import FIRST_USER, AccountMode, MarginMode, MarketStatus, Side, TriggerKind
from perplab.exchange.messages import CancelAll, Place, UpdateOracle
from perplab.exchange.server.tcp import TcpServer


def priced() -> LocalHost:
    host = LocalHost()
    host.send([UpdateOracle(0, number, price) for number, price in enumerate((60_000, 30_000, 150_000))])
    return host


@contextmanager
def serving(host: LocalHost) -> Iterator[int]:
    """The port at which a thread serves the host."""
    loop, server = asyncio.new_event_loop(), TcpServer(host)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


ROWS = pack(
    Place(0, FIRST_USER, 0, Side.BUY, 59_000, 1_000), CancelAll(0, FIRST_USER, 9), CancelAll(0, FIRST_USER, 99), CancelAll(0, 7, 0)
)  # fmt: skip
BUY: dict[str, Any] = {"market": "BTC", "side": Side.BUY, "size": "0.01"}
TRIGGER = types.NewTrigger(**BUY, trigger=TriggerKind.STOP, price="61000", client_id=20, reduce_only=False)
SCRIPT: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("faucet", ("100000",), {}),
    ("subscribe_private", (), {}),
    ("set_leverage", ("ETH", 5), {}),
    ("set_margin_mode", ("SOL", MarginMode.ISOLATED), {}),
    ("buy", ("BTC", "0.01", "59000"), {"client_id": 7}),
    ("buy", ("BTC", "0.01", "59000"), {"client_id": 7}),
    ("sell", ("BTC", "0.02", "61000"), {"client_id": "0xff"}),
    ("buy", ("BTC", "0.01", "58000"), {"client_id": 8}),
    ("amend", ("$last",), {"price": "58001"}),
    ("cancel", ("$last",), {}),
    ("cancel", ("$last",), {}),
    ("order", (), {"client_id": 7}),
    ("order", (), {"client_id": 255}),
    ("market_buy", ("BTC", "0.001"), {"client_id": 9}),
    ("market_sell", ("BTC", "0.001"), {"client_id": 10, "worst_price": "59999"}),
    ("batch", ([NewOrder("ETH", Side.BUY, "1", "2900", client_id=11), NewOrder("ETH", Side.BUY, "0.0001", "2900", client_id=12)],), {}),
    ("withdraw", ("1000000",), {}),
    ("withdraw", ("10",), {}),
    ("account", (), {}),
    ("positions", (), {}),
    ("balances", (), {}),
    ("open_orders", (), {}),
    ("depth", ("BTC", 3), {}),
    ("ticker", ("BTC",), {}),
    ("candles", ("BTC", "5m"), {"start": 1, "limit": 3}),
    ("candles", ("BTC", "7m"), {}),
    ("ping", (), {}),
    ("buy", ("BTC", "0.01", 0.5), {}),
    ("buy", ("BTC", "0.01", "1.5"), {}),
    ("buy", ("DOGE", "0.01", "1.5"), {}),
    ("order", (4711,), {}),
    ("cancel", (4711,), {}),
    ("amend", (4711,), {"price": "58001", "size": "0.01"}),
    ("cancel_client", ("0xFF",), {}),
    ("cancel_all", ("ETH",), {}),
    ("cancel_all", (), {}),
    ("open_account", (), {}),
    ("accounts", (), {}),
    ("transfer", (9, "5.5"), {}),
    ("cancel_on_disconnect", ("account",), {}),
    ("ask", ("auctions",), {}),
    ("auctions", (), {}),
    ("pending", (), {}),
    ("schedule_maintenance", (2**61, 2**61 + 1, MarketStatus.HALTED), {"market": "SOL"}),
    ("schedule_maintenance", (5, 6, MarketStatus.HALTED), {}),
    ("maintenance", (), {}),
    ("cancel_maintenance", (1,), {}),
    ("cancel_maintenance", (1,), {}),
    ("pool", ("BTC",), {}),
    ("add_liquidity", ("BTC", "100"), {}),
    ("add_liquidity", ("BTC", "100"), {"lower": "59000"}),
    ("remove_liquidity", ("BTC", 5), {}),
    ("liquidity", (), {}),
    ("bid", (1, "0.5", "10"), {}),
    ("bid", (1, "1.5"), {}),
    ("cancel_all_after", (30,), {"timeout": 5.0}),
    ("cancel_all_after", (1e9,), {}),
    ("send_rows", (ROWS.tobytes(),), {}),
    ("send_rows", (b"abc",), {}),
    ("preview", (NewOrder("BTC", Side.BUY, "0.01", "59000"),), {}),
    ("place_trigger", (TRIGGER,), {}),
    ("cancel", ("$last",), {}),
    ("stop_market", ("BTC", Side.BUY, "61000"), {"client_id": 21}),
    ("stop_market", ("BTC", Side.BUY, "61000.5", "0.01"), {"client_id": 19}),
    ("take_profit", ("BTC", Side.SELL, "61000", "0.02"), {"reduce_only": False, "slippage": "0.01", "client_id": 22}),
    ("trailing_stop", ("BTC", Side.SELL, "0.02", "0.02"), {"reduce_only": False, "begins_at": "61000", "client_id": 23}),
    ("trailing_stop", ("BTC", Side.SELL, "0.02"), {"client_id": 28}),
    ("link_oco", (1, "$last"), {}),
    ("triggers", (), {}),
    ("place_bracket", (types.NewBracket(**BUY, price="59000", stop="58000", client_id=24),), {}),
    ("place_bracket", (types.NewBracket(**BUY, price="59000", client_id=25),), {}),
    ("place_twap", (types.NewTwap(**BUY, slices=5, every_s=10, client_id=26),), {}),
    ("place_twap", (types.NewTwap(**BUY, slices=1, every_s=10, client_id=27),), {}),
    ("twaps", (), {}),
    ("place_ladder", (types.NewLadder(**BUY, first_price="59000", last_price="58000", count=3, client_id=30),), {}),
    ("order", (), {"client_id": 32}),
    ("mass_quote", ("ETH", Side.BUY, [("2900", "0.1"), ("2890", "0.2")]), {}),
    ("mass_quote", ("ETH", Side.BUY, []), {}),
    ("mass_quote", ("ETH", Side.BUY, [("2900", "0.1")] * 6), {}),
    ("set_quote_protection", ("ETH", 1.5), {"fills": 3, "size": "2"}),
    ("set_quote_protection", ("ETH", 1e9), {}),
    ("set_margin_alert", ("1.5",), {"hysteresis": "0.1"}),
    ("set_margin_alert", ("1.5", "EUR"), {}),
    ("requirement", (), {}),
    ("fee_rates", (), {}),
    ("open_sub_account", (), {}),
    ("sub_accounts", (), {}),
    ("set_account_mode", (AccountMode.REDUCE_ONLY,), {}),
    ("buy", ("BTC", "0.01", "59000"), {"client_id": 40}),
    ("set_account_mode", (AccountMode.NORMAL,), {}),
    ("unsubscribe", ("private",), {}),
]


def with_last(args: tuple[Any, ...], last: Order | None) -> tuple[Any, ...]:
    return tuple(last if arg == "$last" else arg for arg in args)


def told(result: object) -> str:
    """A reply, or what was raised, as text."""
    if isinstance(result, list) and any(isinstance(one, Refused) for one in result):
        return repr([str(one) for one in result])
    text = repr({name: value for name, value in result.items() if name not in ("id", "tokens")} if isinstance(result, dict) else result)
    return f"{result}" if isinstance(result, Exception) else text


def blocking(client: SyncClient | LocalClient) -> list[str]:
    answers: list[str] = []
    last: Order | None = None
    for name, args, options in SCRIPT:
        try:
            result: object = getattr(client, name)(*with_last(args, last), **options)
        except (Refused, ValueError, TypeError) as error:
            result = error
        last = result if isinstance(result, Order) else last
        answers.append(f"{name}: {told(result)}")
    return answers + [repr(event) for event in client.events(timeout=0.0)]


async def asked(port: int) -> list[str]:
    answers: list[str] = []
    last: Order | None = None
    async with Client(port=port, name="alice") as client:
        for name, args, options in SCRIPT:
            try:
                result: object = await getattr(client, name)(*with_last(args, last), **options)
            except (Refused, ValueError, TypeError) as error:
                result = error
            last = result if isinstance(result, Order) else last
            answers.append(f"{name}: {told(result)}")
        return answers + [repr(event) async for event in client.events(timeout=0.0)]


def test_the_same_answers_to_the_same_script() -> None:
    local = blocking(LocalClient(host=priced()))
    with serving(priced()) as port, SyncClient(port=port, name="alice") as client:
        assert blocking(client) == local
    with serving(priced()) as port:
        assert asyncio.run(asked(port)) == local
    assert sum("Fill(" in line for line in local) == 0 and sum("OrderOpened(" in line for line in local) == 14
    assert any("repeated=True" in line for line in local) and any("INSUFFICIENT" in line for line in local)
    assert sum("say its market" in line for line in local) == 1, "only an amend needs it, for its ticks"
    assert any("UNKNOWN_MARKET" in line and "account 7 is not yours" in line and "expected -1 to 63" in line for line in local)


def test_orders_of_an_earlier_process_are_known_by_their_ids() -> None:
    before = LocalClient("alice")
    before.faucet("10000")
    one, two, three = (before.buy("BTC", "0.01", price, client_id=price) for price in (59_000, 58_000, 57_000))
    after = before.join("alice")
    asked = after.order(one.order_id)
    assert (asked.market, asked.side, asked.price, asked.open) == ("BTC", None, None, Decimal("0.01")), "no side, no price"
    told = [after.cancel(one.order_id), after.cancel_client(58_000), after.order(client_id=58_000)]
    assert [(order.market, order.state.name) for order in told] == [("BTC", "CANCELLED")] * 3 and told[2].order_id == two.order_id
    (cancelled,) = after.batch([Cancel(three.order_id)])
    assert isinstance(cancelled, Order) and cancelled.market == "BTC" and after.open_orders() == ()
    other = before.join("alice")
    last = before.buy("BTC", "0.01", "56000")
    other.open_orders()
    assert (other.order(last.order_id).side, other.order(last.order_id).price) == (Side.BUY, Decimal(56_000)), "one that was listed"


def test_a_seed_makes_local_clients_alike() -> None:
    one, same, other = (LocalClient(seed=seed) for seed in (5, 5, 6))
    orders = [client.faucet("1000") and client.buy("BTC", "0.01", "59000") for client in (one, same, other)]
    assert orders[0] == orders[1] != orders[2]
    assert one.venue.epoch == same.venue.epoch != other.venue.epoch


def public(kind: type) -> dict[str, inspect.Signature]:
    found = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    return {name: inspect.signature(value) for name, value in found.items() if inspect.isfunction(value)}


def test_the_names_are_the_same() -> None:
    assert public(Asking) == public(Blocking)
    for name in ("close", "next_event", "events", "wait"):
        signatures = [list(inspect.signature(getattr(kind, name)).parameters) for kind in (Client, SyncClient, LocalClient)]
        assert signatures[0] == signatures[1] == signatures[2], name


def test_every_call_of_the_script_and_no_other() -> None:
    """A new call comes into the script, or into this list of those that have tests of their own."""
    elsewhere = {"listening", "wait", "outcome", "subscribe", "subscribe_book", "move_isolated_margin", "place", "book"}
    assert set(public(Blocking)) == {name for name, _, _ in SCRIPT} | elsewhere


def test_books_and_fills_of_two_who_trade() -> None:
    alice = LocalClient()
    bob = alice.join("bob")
    for client in (alice, bob):
        client.faucet("10000")
        client.subscribe_private()
    book = bob.subscribe_book("BTC")
    order = alice.sell("BTC", "0.02", "60000")
    bob.buy("BTC", "0.005", "60000")
    assert [(level.price, level.size) for level in book.asks] == [(Decimal(60000), Decimal("0.015"))]
    assert book.best_bid is None and bob.book("BTC") is book
    fills = [event for event in alice.events() if isinstance(event, types.Fill)]
    assert [(one.order_id, one.side, one.size, one.is_maker) for one in fills] == [(order.order_id, Side.SELL, Decimal("0.005"), True)]
    assert alice.order(order).filled == Decimal("0.005") and alice.cancel(order.order_id).state.name == "CANCELLED"
    (position,) = bob.positions()
    assert (position.size, position.entry_price) == (Decimal("0.005"), Decimal(60000))


def test_public_streams_are_typed() -> None:
    alice = LocalClient()
    bob = alice.join("bob")
    for channel in ("trades", "bbo", "ticker", "status"):
        bob.subscribe(channel, "BTC")  # type: ignore[arg-type]
    bob.subscribe("fund")
    alice.faucet("10000")
    bob.faucet("10000")
    alice.sell("BTC", "0.02", "60000")
    bob.market_buy("BTC", "0.01")
    alice.set_price("BTC", "60100")
    kinds = {type(event).__name__ for event in bob.events()}
    assert kinds == {"Trade", "BestPrices", "TickerChanged", "StatusChanged", "FundChanged"}


def test_isolated_margin_is_moved_in_usd() -> None:
    alice = LocalClient()
    bob = alice.join("bob")
    alice.faucet("10000")
    bob.faucet("10000")
    bob.set_margin_mode("BTC", MarginMode.ISOLATED)
    alice.sell("BTC", "0.02", "60000")
    bob.market_buy("BTC", "0.01")
    before = bob.positions()[0].isolated_margin
    bob.move_isolated_margin("BTC", "100.5")
    assert bob.positions()[0].isolated_margin - before == Decimal("100.5")
    bob.move_isolated_margin("BTC", "-0.5")
    assert bob.positions()[0].isolated_margin - before == 100


def test_time_is_stepped_and_falls_due_on_the_way() -> None:
    client = LocalClient()
    start = client.ping()
    assert client.step(90.5) == client.ping() == start + 90_500_000_000
    with pytest.raises(ValueError, match="no market 'X'"):
        client.set_price("X", "1")


def test_a_local_connection_can_be_cut() -> None:
    client = LocalClient()
    client.faucet("1000")
    client.subscribe_private()
    client.cancel_on_disconnect("account")
    client.buy("BTC", "0.01", "59000")
    client.disconnect()
    events = list(client.events())
    assert [type(event).__name__ for event in events] == ["AccountSnapshot", "OrderOpened", "Disconnected", "Reconnected", "OrderCancelled"]
    assert client.open_orders() == ()


def test_an_auction_is_bid_for() -> None:
    """A long of 40 coins with 63,000 USD behind it falls below maintenance, and who bids takes part of it over."""
    carol, _ = leveraged_long("auction_fund_adl")
    assert carol.auctions() == ()
    carol.set_price("BTC-PERP", "59100")
    carol.step(15)
    (auction,) = carol.auctions()
    assert (auction.market, auction.size, auction.insolvent) == ("", Decimal(40), False)
    assert 0 < auction.share < 1 and auction.gain > 0 and auction.equity > auction.gain
    with pytest.raises(Refused, match="AUCTION_PRICE"):
        carol.bid(auction, minimum_gain=auction.gain)
    before = carol.balances()[0].equity
    least = (auction.gain * auction.share * Decimal("0.49")).quantize(Decimal(1))
    carol.bid(auction, "0.5", least)
    (position,) = carol.positions()
    assert abs(position.size - auction.share * 20) < Decimal("0.001")
    assert carol.balances()[0].equity - before >= least


def test_a_dead_man_s_switch_has_an_event_of_its_own() -> None:
    client = LocalClient()
    client.subscribe_private()
    client.cancel_all_after(30)
    client.cancel_all_after(0)
    told = [event.due for event in client.events() if isinstance(event, types.CancelScheduled)]
    assert told == [client.ping() + 30 * 10**9, None]


def test_listeners_hear_what_readers_read() -> None:
    client = LocalClient()
    client.faucet("1000")
    client.subscribe_private()
    heard: list[types.Event] = []
    with client.listening(heard.append):
        client.buy("BTC", "0.001", "59000")
        assert [type(event).__name__ for event in heard] == ["OrderOpened"]
    client.cancel_all()
    assert [type(event).__name__ for event in heard] == ["OrderOpened"]
    assert [type(event).__name__ for event in client.events()] == ["AccountSnapshot", "OrderOpened", "OrderCancelled"]
