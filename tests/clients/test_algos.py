"""Orders that the venue sends, orders with more terms, and quotes: through a client, in the user's units."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from msgspec.structs import replace
from scene import heard, long_of_one, scene

from perplab.clients import LocalClient, NewOrder, Refused, Unknown, types
from perplab.exchange import messages
from perplab.exchange.codes import (
    CancelReason,
    OrderState,
    OrderType,
    PriceSource,
    Reason,
    SelfTrade,
    Side,
    Spacing,
    TimeInForce,
    TriggerKind,
)

D = Decimal


# -- conditional orders --


def test_a_stop_for_the_whole_position_fires_and_sells_it() -> None:
    alice, bob = long_of_one()
    stop = alice.stop_market("BTC", Side.SELL, "59000", slippage="0.01")
    assert (stop.order_id > 0, stop.open, stop.reduce_only, stop.client_id is not None) == (True, 0, True, True)
    bob.buy("BTC", "3", "58500")
    alice.set_price("BTC", "58990")
    events = list(alice.events())
    placed, fired = events[0], events[1]
    assert isinstance(placed, types.TriggerPlaced) and (placed.size, placed.price, placed.trigger) == (None, 59_000, TriggerKind.STOP)
    assert isinstance(fired, types.TriggerFired) and (fired.source_price, fired.size, fired.limit) == (58_990, 1, 58_401)
    (fill,) = (event for event in events if isinstance(event, types.Fill))
    assert (fill.order_id, fill.size, fill.price) == (stop.order_id, 1, 58_500) and alice.positions() == ()


def test_a_trailing_stop_follows_and_turns() -> None:
    alice, bob = long_of_one()
    order = alice.trailing_stop("BTC", Side.SELL, "0.02")
    bob.buy("BTC", "1", "59000")
    alice.set_price("BTC", "62000")
    assert alice.positions()
    begins = alice.trailing_stop("BTC", Side.SELL, "0.02", begins_at="63000")
    assert [(one.is_trailing, one.price, one.fires_at) for one in alice.triggers()] == [(True, 62_000, 60_760), (False, 63_000, None)]
    alice.cancel(begins)
    alice.set_price("BTC", "60700")
    placed, _, fired = heard(alice, types.TriggerPlaced | types.TriggerFired)  # type: ignore[arg-type]
    assert isinstance(placed, types.TriggerPlaced) and (placed.trail, placed.order_id) == (D("0.02"), order.order_id)
    assert isinstance(fired, types.TriggerFired) and alice.positions() == ()
    usd = types.NewTrigger(market="BTC", side=Side.BUY, trigger=TriggerKind.TRAILING_TICKS, trail="500", size="0.1", reduce_only=False)
    alice.place_trigger(usd)
    assert [event.trail for event in alice.events() if isinstance(event, types.TriggerPlaced)] == [500]


def test_a_trigger_with_a_limit_and_what_is_refused_before_it_is_sent() -> None:
    alice, _ = scene()
    new = types.NewTrigger(
        market="BTC", side=Side.BUY, trigger=TriggerKind.STOP, price="61000", limit="61100", size="0.1", reduce_only=False,
        source=PriceSource.ORACLE,
    )  # fmt: skip
    order = alice.place_trigger(new)
    assert (order.price, order.open, order.state) == (61_100, D("0.1"), OrderState.OPEN)
    assert alice.cancel(order).state == OrderState.CANCELLED
    for change, why in (
        ({"price": None}, "needs the price at which it fires"),
        ({"trail": "5"}, "STOP has no trail"),
        ({"trigger": TriggerKind.TRAILING_PPM}, "TRAILING_PPM needs a trail"),
        ({"size": None}, "for the whole position: it is reduce_only"),
        ({"price": "61000.5"}, "no multiple of 1 USD"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=why):
            alice.place_trigger(replace(new, **change))
    with pytest.raises(TypeError, match=r"the slippage is 0\.1, a float"):
        alice.stop_market("BTC", Side.SELL, "59000", "0.1", slippage=0.1)  # type: ignore[arg-type]
    (cancelled,) = heard(alice, types.TriggerCancelled)
    assert isinstance(cancelled, types.TriggerCancelled) and (cancelled.reason, cancelled.refusal) == (CancelReason.USER, None)


def test_a_trigger_whose_order_is_refused_says_why() -> None:
    alice, _ = scene()
    at = {"market": "BTC", "side": Side.BUY, "trigger": TriggerKind.STOP, "price": 61_000, "limit": 61_000}
    alice.place_trigger(types.NewTrigger(**at, size="2000", reduce_only=False))  # type: ignore[arg-type]
    alice.set_price("BTC", "61000")
    (gone,) = heard(alice, types.TriggerCancelled)
    assert isinstance(gone, types.TriggerCancelled)
    assert (gone.reason, gone.refusal) == (CancelReason.REFUSED, Reason.INSUFFICIENT_MARGIN)


def test_a_trigger_that_is_sent_again_is_not_placed_twice() -> None:
    """As it is with an order whose reply is lost."""
    alice, _ = scene()
    call = alice.calls.place_trigger(
        types.NewTrigger(market="BTC", side=Side.BUY, trigger=TriggerKind.STOP, price="61000", size="0.1", reduce_only=False)
    )
    lost = Unknown(call.op, 1, "lost", call.client_id, call)
    first = alice._do(call)
    found = alice.order(client_id=lost.client_id)
    assert (found.order_id, found.open, found.state) == (first.order_id, D("0.1"), OrderState.OPEN)
    again = alice.stop_market("BTC", Side.BUY, "61000", "0.1", reduce_only=False, client_id=lost.client_id)
    assert again.repeated and again.order_id == first.order_id
    alice.cancel_client(lost.client_id or 0)
    assert len(heard(alice, types.TriggerCancelled)) == 1


def test_triggers_that_the_stream_tells_of_are_known() -> None:
    alice, _ = scene()
    other = alice.join("alice")
    order = other.stop_market("BTC", Side.BUY, "61000", "0.1", reduce_only=False)
    list(alice.events())
    known = alice.calls.known(order.order_id)
    assert (known.market, known.side, known.open, known.client_id) == ("BTC", Side.BUY, D("0.1"), order.client_id)


def test_one_cancels_the_other() -> None:
    alice, _ = long_of_one()
    stop, profit = alice.stop_market("BTC", Side.SELL, "59000"), alice.take_profit("BTC", Side.SELL, "62000")
    alice.link_oco(stop, profit.order_id)
    assert [one.linked_with for one in alice.triggers()] == [profit.order_id, stop.order_id]
    assert alice.order(stop).linked_with == profit.order_id
    alice.cancel(stop)
    assert [event.reason for event in alice.events() if isinstance(event, types.TriggerCancelled)] == [CancelReason.USER, CancelReason.OCO]
    with pytest.raises(ValueError, match="waits to be carried out"):
        alice.link_oco(replace(stop, order_id=0), profit)


def test_one_that_is_cancelled_goes_alone() -> None:
    alice, bob = long_of_one()
    stop, profit = alice.stop_market("BTC", Side.SELL, "59000"), alice.take_profit("BTC", Side.SELL, "62000")
    alice.link_oco(stop, profit, alone=True)
    alice.cancel(stop)
    assert [(one.order_id, one.linked_with) for one in alice.triggers()] == [(profit.order_id, None)]
    bob.sell("BTC", "1", "60000")
    entry = types.NewBracket(market="BTC", side=Side.BUY, size="1", price="60000", take_profit="61000", stop="59000", alone=True)
    alice.place_bracket(entry)
    one, other = alice.triggers()[1:]
    alice.cancel(one)
    assert [one.order_id for one in alice.triggers()] == [profit.order_id, other.order_id]


def test_an_order_tells_what_it_is_linked_with() -> None:
    alice, _ = scene()
    order, alone = alice.buy("BTC", "0.1", "59000"), alice.buy("BTC", "0.1", "58000")
    stop = alice.stop_market("BTC", Side.BUY, "61000", "0.1", reduce_only=False)
    alice.link_oco(order, stop)
    assert [one.linked_with for one in alice.open_orders()] == [stop.order_id, None]
    assert alice.order(order).linked_with == stop.order_id and alice.order(alone).linked_with is None
    assert alice.amend(order, price="59100").linked_with == stop.order_id


def test_a_bracket_fills_is_looked_after_and_closed() -> None:
    alice, bob = scene()
    bob.sell("BTC", "1", "60000")
    bracket = types.NewBracket(market="BTC", side=Side.BUY, size="1", price="60000", take_profit="61000", stop="59000", slippage="0.02")
    entry = alice.place_bracket(bracket)
    assert (entry.state, entry.filled, entry.average_price) == (OrderState.FILLED, 1, 60_000)
    triggers = [event for event in alice.events() if isinstance(event, types.TriggerPlaced)]
    assert {(one.trigger, one.price) for one in triggers} == {(TriggerKind.TAKE_PROFIT, 61_000), (TriggerKind.STOP, 59_000)}
    bob.buy("BTC", "1", "61000")
    alice.set_price("BTC", "61000")
    assert alice.positions() == ()
    with pytest.raises(ValueError, match="take_profit, a stop or both"):
        alice.place_bracket(replace(bracket, take_profit=None, stop=None))
    with pytest.raises(ValueError, match="a limit order needs a price"):
        alice.place_bracket(replace(bracket, price=None))
    bob.sell("BTC", "1", "61000")
    terms = {"price": None, "order_type": OrderType.MARKET, "take_profit": "62000", "stop": "60000", "slippage": None}
    at_once = alice.place_bracket(replace(bracket, **terms))
    assert (at_once.filled, at_once.tif) == (1, TimeInForce.IOC)
    assert {one.slippage for one in alice.events() if isinstance(one, types.BracketPlaced)} == {None}


def test_an_order_and_its_stop_come_in_together() -> None:
    alice, bob = scene()
    bob.sell("BTC", "1", "60000")
    stop = types.NewTrigger(market="BTC", side=Side.SELL, trigger=TriggerKind.STOP, price="59000")
    bracket = types.NewBracket(market="BTC", side=Side.BUY, size="0.1", price="59500", stop="59000")
    twap = types.NewTwap(market="BTC", side=Side.SELL, size="0.1", slices=1, every_s=1)
    bought, stopped, entry, refused = alice.batch([NewOrder("BTC", Side.BUY, "1", "60000"), stop, bracket, twap])
    assert isinstance(bought, types.Order) and isinstance(stopped, types.Order) and isinstance(entry, types.Order)
    assert bought.filled == 1 and stopped.order_id == bought.order_id + 1 and entry.open == D("0.1")
    assert isinstance(refused, Refused) and refused.reason == "TWAP_TOO_SHORT"


# -- several orders --


def test_a_twap_trades_slice_by_slice_and_tells_of_its_end() -> None:
    alice, bob = scene()
    bob.sell("BTC", "1", "60000")
    twap = alice.place_twap(types.NewTwap(market="BTC", side=Side.BUY, size="0.3", slices=3, every_s=10, slippage="0.001"))
    assert (twap.state, twap.filled, twap.open, twap.tif) == (OrderState.OPEN, D("0.1"), D("0.2"), TimeInForce.IOC)
    assert twap.average_price == 60_000 and alice.order(twap).open == D("0.2")  # the first slice has traded
    alice.step(25)
    placed, *slices, ended = heard(alice, types.TwapPlaced | types.TwapSliced | types.TwapEnded)  # type: ignore[arg-type]
    assert isinstance(placed, types.TwapPlaced) and (placed.slices, placed.every_s) == (3, 10)
    assert [one.filled for one in slices if isinstance(one, types.TwapSliced)] == [D("0.1"), D("0.2"), D("0.3")]
    assert isinstance(ended, types.TwapEnded) and (ended.filled, ended.left, ended.reason) == (D("0.3"), 0, CancelReason.FILLED)
    other = alice.place_twap(types.NewTwap(market="BTC", side=Side.BUY, size="0.3", slices=3, every_s=10))
    assert alice.cancel(other).state == OrderState.CANCELLED
    with pytest.raises(ValueError, match=r"a slice every 0\.5 s; the venue takes 1 to 86400 s"):
        alice.place_twap(types.NewTwap(market="BTC", side=Side.BUY, size="0.3", slices=3, every_s=0.5))


def test_a_ladder_takes_client_ids_that_no_other_order_gets() -> None:
    alice, _ = scene()
    new = types.NewLadder(
        market="BTC", side=Side.BUY, size="0.6", first_price="59000", last_price="58000", count=3, skew=2, spacing=Spacing.GEOMETRIC,
    )  # fmt: skip
    ladder = alice.place_ladder(new)
    assert (ladder.placed, ladder.refused, ladder.queued, ladder.first_refusal) == (3, 0, 0, None)
    orders = [alice.order(client_id=one) for one in ladder.client_ids]
    assert len({order.order_id for order in orders}) == 3 and sum(order.open for order in orders) == D("0.6")
    assert abs(orders[2].open - 2 * orders[0].open) <= D("0.00002")
    after = alice.buy("BTC", "0.01", "57000")
    assert not after.repeated and after.client_id not in ladder.client_ids
    again = alice.place_ladder(replace(new, client_id=ladder.client_ids[0]))
    assert again.client_ids == ladder.client_ids and len(alice.open_orders()) == 4
    assert (ladder.repeated, again.placed, again.repeated) == (0, 3, 3)
    alice.cancel_all()
    again = alice.place_ladder(replace(new, client_id=ladder.client_ids[0]))
    assert (again.placed, again.repeated, alice.open_orders()) == (3, 3, ())  # nothing is placed twice
    for count in (1, 51, 10**9):
        with pytest.raises(ValueError, match=f"a ladder of {count} orders; the venue takes 2 to 50"):
            alice.place_ladder(replace(new, count=count))


@pytest.mark.parametrize("first", [7, (1 << 63) - 1, "0xff", f"{(1 << 128) - 2:#x}", f"{(1 << 64) - 1:#x}"])
def test_client_ids_of_a_ladder_are_those_of_the_venue(first: types.ClientId) -> None:
    alice, _ = scene()
    new = types.NewLadder(market="BTC", side=Side.BUY, size="0.02", first_price="59000", last_price="58000", count=2, client_id=first)
    ladder = alice.place_ladder(new)
    assert {order.client_id for order in alice.open_orders()} == set(ladder.client_ids)
    with pytest.raises(ValueError, match="has no 49 that follow it"):
        alice.place_ladder(replace(new, client_id=f"{(1 << 128) - 49:#x}", count=50))


# -- orders with more terms --


def test_expiry_display_and_self_trade_mode() -> None:
    alice, bob = scene()
    end = alice.ping() + 10 * 10**9
    order = alice.place(NewOrder("BTC", Side.SELL, "1", "60100", expires=end, display="0.2"))
    assert (order.expires, order.display) == (end, D("0.2")) and bob.depth("BTC").asks[0].size == D("0.2")
    (listed,) = alice.open_orders()
    assert (listed.expires, listed.display, listed.open) == (end, D("0.2"), 1)
    (opened,) = heard(alice, types.OrderOpened)
    assert isinstance(opened, types.OrderOpened) and (opened.expires, opened.display) == (end, D("0.2"))
    met = alice.place(NewOrder("BTC", Side.BUY, "0.5", "60100", self_trade=SelfTrade.CANCEL_TAKER))
    assert met.state == OrderState.CANCELLED and len(alice.open_orders()) == 1
    alice.step(11)
    assert [event.reason for event in alice.events() if isinstance(event, types.OrderCancelled)][-1] == CancelReason.EXPIRED
    with pytest.raises(Refused, match="DISPLAY_SIZE"):
        alice.place(NewOrder("BTC", Side.SELL, "1", "60100", display="2"))


def test_orders_without_these_terms_do_not_name_them() -> None:
    """A server of an earlier version refuses fields that it does not know."""
    alice, _ = scene()
    assert {"expires", "display"}.isdisjoint(alice.calls.place(NewOrder("BTC", Side.BUY, "0.1", "59000")).fields)


def test_a_preview_is_what_the_order_then_comes_to() -> None:
    alice, bob = scene()
    bob.sell("BTC", "0.5", "60010")
    bob.buy("BTC", "0.5", "59990")
    order = NewOrder("BTC", Side.BUY, "0.8", "60010")
    told = alice.preview(order)
    assert (told.reason, told.filled, told.rests, told.average_price) == (None, D("0.5"), D("0.3"), 60_010)
    assert told.mid_slippage == D("0.000167") and alice.open_orders() == ()
    placed = alice.place(order)
    (balance,), (position,) = alice.balances(), alice.positions()
    assert (placed.filled, placed.open) == (told.filled, told.rests)
    assert (position.size, position.liquidation_price) == (told.size, told.liquidation_price)
    assert (balance.equity, balance.available, balance.initial_margin) == (told.equity, told.available, told.initial_margin)
    refused = alice.preview(NewOrder("BTC", Side.BUY, "1", "90000"))
    assert (refused.reason, refused.filled, refused.average_price) == (Reason.PRICE_BAND, 0, None)
    assert (refused.fee, refused.size, refused.equity, refused.available, refused.withdrawable) == (None,) * 5


# -- quotes --


def test_packed_quotes_are_counted() -> None:
    alice, _ = scene()
    quotes = messages.MassQuote(0, alice.account_number, 0, Side.SELL, 60_010, 10_000, 30_000, 10_000)
    order = messages.Place(0, alice.account_number, 0, Side.BUY, 59_000, 10_000)
    rows = [value for command in (quotes, order) for value in messages.command_row(command)]
    told = alice.send_rows(struct.pack(f"<{len(rows)}q", *rows)).rows
    assert told[0].several == types.Counted(placed=1, refused=1, queued=0, first_refusal=Reason.PRICE_BAND)
    assert (told[1].several, told[1].open) == (None, 10_000)


def test_quotes_are_replaced_refused_and_protected() -> None:
    alice, bob = scene()
    told = alice.mass_quote("BTC", Side.SELL, [("60010", "0.1"), ("60020", "0.2")])
    assert isinstance(told, types.Quoted) and (told.placed, told.refused, told.first_refusal) == (2, 0, None)
    alice.mass_quote("BTC", Side.SELL, [("60020", "0.2"), ("60030", "0.3")])
    assert [level.price for level in bob.depth("BTC").asks] == [60_020, 60_030]
    bob.buy("BTC", "0.1", "60000")
    alice.mass_quote("BTC", Side.SELL, [("59999", "0.1"), ("60020", "0.2")])
    (refused,) = heard(alice, types.QuoteRefused)
    assert isinstance(refused, types.QuoteRefused) and (refused.number, refused.price, refused.reason) == (1, 59_999, Reason.WOULD_CROSS)
    alice.set_quote_protection("BTC", 60, size="0.15")
    bob.market_buy("BTC", "0.2")
    events = list(alice.events())
    (protected,) = (event for event in events if isinstance(event, types.QuoteProtectionSet))
    assert (protected.fills, protected.size, protected.window_s) == (None, D("0.15"), 60)
    (hit,) = (event for event in events if isinstance(event, types.ProtectionTriggered))
    assert isinstance(hit, types.ProtectionTriggered) and (hit.market, hit.fills, hit.size) == ("BTC", 1, D("0.2"))
    with pytest.raises(Refused, match="QUOTES_PROTECTED"):
        alice.mass_quote("BTC", Side.SELL, [("60020", "0.2")])
    alice.set_quote_protection("BTC", off=True)
    alice.mass_quote("BTC", Side.SELL, [("60020", "0.2")])
    alice.mass_quote("BTC", Side.SELL, ())
    assert alice.open_orders() == ()


def test_quotes_wait_where_orders_do() -> None:
    client = LocalClient(venue="hyperliquid", prices={"BTC-PERP": 60_000})
    client.faucet("100000")
    assert client.venue.sequencing.waits
    queued = client.mass_quote("BTC-PERP", Side.BUY, [("59000", "0.1")])
    assert queued is not None and [one.ticket for one in client.pending()] == [queued.ticket]
