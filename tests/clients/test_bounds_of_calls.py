"""Numbers that no venue takes: each call says so itself, in the caller's words and units, and nothing is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from scene import scene

from perplab.clients import Cancel, LocalClient, NewOrder, types
from perplab.clients.calls import Call
from perplab.exchange.codes import MarketStatus, Side, TriggerKind
from perplab.exchange.server.requests import AnyRequest

Make = Callable[[LocalClient, Any], object]
STOP = {"market": "BTC", "side": Side.SELL, "trigger": TriggerKind.STOP, "price": "59000", "size": "1"}
TRAIL = {**STOP, "trigger": TriggerKind.TRAILING_PPM, "price": None, "trail": "0.1"}
USD = {**TRAIL, "trigger": TriggerKind.TRAILING_TICKS, "trail": "100"}
BRACKET = {"market": "BTC", "side": Side.BUY, "size": "1", "price": "59000", "stop": "58000"}
TWAP = {"market": "BTC", "side": Side.BUY, "size": "1", "slices": 5, "every_s": 10}
LADDER = {"market": "BTC", "side": Side.BUY, "size": "1", "first_price": "59000", "last_price": "58000", "count": 5}


def order_with(field: str) -> Make:
    return lambda c, n: c.calls.place(msgspec.structs.replace(NewOrder("BTC", Side.BUY, "1", "59000"), **{field: n}))


def trigger_with(terms: dict[str, Any], field: str) -> Make:
    return lambda c, n: c.calls.place_trigger(types.NewTrigger(**{**terms, field: n}))


def twap_with(field: str) -> Make:
    return lambda c, n: c.calls.place_twap(types.NewTwap(**{**TWAP, field: n}))


def ladder_with(field: str) -> Make:
    return lambda c, n: c.calls.place_ladder(types.NewLadder(**{**LADDER, field: n}))


CALLS: dict[str, Make] = {
    **{f"order {field}": order_with(field) for field in ("size", "price", "expires", "display", "client_id", "priority_fee", "side")},
    **{f"stop {field}": trigger_with(STOP, field) for field in ("size", "price", "limit", "slippage", "client_id")},
    **{f"trailing {field}": trigger_with(TRAIL, field) for field in ("trail", "price")},
    "trailing in USD": trigger_with(USD, "trail"),
    **{
        f"bracket {field}": lambda c, n, field=field: c.calls.place_bracket(types.NewBracket(**{**BRACKET, field: n}))
        for field in ("size", "price", "take_profit", "stop", "slippage")
    },
    **{f"twap {field}": twap_with(field) for field in ("size", "slices", "every_s", "slippage", "catch_up", "minimum_slice", "stop")},
    **{f"ladder {field}": ladder_with(field) for field in ("size", "first_price", "count", "skew", "client_id")},
    "quotes price": lambda c, n: c.calls.mass_quote("BTC", Side.BUY, [(n, "1")]),
    "quotes size": lambda c, n: c.calls.mass_quote("BTC", Side.BUY, [("59000", n)]),
    "protection window": lambda c, n: c.calls.set_quote_protection("BTC", n, 5, None, False),
    "protection fills": lambda c, n: c.calls.set_quote_protection("BTC", 5, n, "1", False),
    "protection size": lambda c, n: c.calls.set_quote_protection("BTC", 5, 0, n, False),
    "amend id": lambda c, n: c.calls.amend(n, "59000", "1", "BTC"),
    "amend price": lambda c, n: c.calls.amend(5, n, "1", "BTC"),
    "amend size": lambda c, n: c.calls.amend(5, "59000", n, "BTC"),
    "cancel": lambda c, n: c.calls.cancel(n),
    "cancel of a batch": lambda c, n: c.calls.batch([Cancel(n)]),
    "cancel_client": lambda c, n: c.calls.cancel_client(n),
    "order": lambda c, n: c.calls.order(n, None, ""),
    "order by client id": lambda c, n: c.calls.order(None, n, ""),
    "oco": lambda c, n: c.calls.link_oco(n, 5),
    "cancel_all_after": lambda c, n: c.calls.cancel_all_after(n),
    "faucet": lambda c, n: c.calls.faucet(n, "USD"),
    "faucet asset": lambda c, n: c.calls.faucet("1", n),
    "withdraw": lambda c, n: c.calls.withdraw(n, 0),
    "transfer": lambda c, n: c.calls.transfer(9, n, 0),
    "transfer to": lambda c, n: c.calls.transfer(n, "5", 0),
    "move_isolated_margin": lambda c, n: c.calls.move_isolated_margin("BTC", n),
    "set_leverage": lambda c, n: c.calls.set_leverage("BTC", n),
    "alert": lambda c, n: c.calls.set_margin_alert(n, 0, 0, 0),
    "alert number": lambda c, n: c.calls.set_margin_alert("1.5", 0, n, 0),
    "alert hysteresis": lambda c, n: c.calls.set_margin_alert("1.5", 0, 0, n),
    "requirement": lambda c, n: c.calls.requirement(n),
    "add_liquidity": lambda c, n: c.calls.add_liquidity("BTC", n),
    "add_liquidity lower": lambda c, n: c.calls.add_liquidity("BTC", "5", n, "65000"),
    "remove_liquidity": lambda c, n: c.calls.remove_liquidity("BTC", n, 0),
    "remove_liquidity range": lambda c, n: c.calls.remove_liquidity("BTC", 5, n),
    "bid": lambda c, n: c.calls.bid(n, 1, 0),
    "bid share": lambda c, n: c.calls.bid(1, n, 0),
    "bid gain": lambda c, n: c.calls.bid(1, 1, n),
    "depth": lambda c, n: c.calls.depth("BTC", n),
    "subscribe_book": lambda c, n: c.calls.subscribe("book", "BTC", n),
    "candles start": lambda c, n: c.calls.candles("BTC", "1m", n, None, 5),
    "candles end": lambda c, n: c.calls.candles("BTC", "1m", 0, n, 5),
    "candles limit": lambda c, n: c.calls.candles("BTC", "1m", 0, None, n),
    "maintenance start": lambda c, n: c.calls.schedule_maintenance(n, 9, MarketStatus.HALTED, MarketStatus.ACTIVE, None),
    "maintenance end": lambda c, n: c.calls.schedule_maintenance(5, n, MarketStatus.HALTED, MarketStatus.ACTIVE, None),
    "cancel_maintenance": lambda c, n: c.calls.cancel_maintenance(n),
}  # fmt: skip
WILD = (-1, 0, 1, 10**30, -(10**30), 2**63, "-0.5", "0.5", "1e12", "-1e12", Decimal("1e300"), "nan", 1.5, float("inf"), float("nan"), True)


@pytest.fixture(scope="module")
def alice() -> LocalClient:
    return scene()[0]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_refused_here_or_is_one_that_the_server_can_read(alice: LocalClient, name: str) -> None:
    """So no number is refused as out of bounds, by a field and a unit that the caller has never seen."""
    refused = 0
    for given in WILD:
        try:
            call = CALLS[name](alice, given)
        except (ValueError, TypeError) as error:
            refused += 1
            assert str(error), given
        else:
            assert isinstance(call, Call)
            fields = {field: value for field, value in call.fields.items() if value is not None}
            msgspec.convert({"op": call.op, "id": 1, **fields}, AnyRequest)
    assert refused > 3


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("transfer", -3, "the amount is -3; the least is 0.000001 USD"),
        ("withdraw", 0, "the amount is 0; the least is 0.000001 USD"),
        ("withdraw", "1e11", "the amount is 100000000000; the most is 10000000000 USD"),
        ("transfer to", -1, "the account that receives it is -1; the venue takes 0 to 16777215"),
        ("faucet asset", 3, "there is no asset 3; there are 0 to 0: USD"),
        ("set_leverage", 0, "the leverage is 0; BTC takes 1 to 40"),
        ("set_leverage", 1_001, "the leverage is 1001; BTC takes 1 to 40"),
        ("order display", -1, "what it shows in BTC is -1; the least is 0.00001 coins"),
        ("order size", 0, "the size in BTC is 0; the least is 0.00001 coins"),
        ("order price", 1_000_001, "the price in BTC is 1000001, which has more than 5 significant figures; nearest: 1000000"),
        ("order side", "BUY", "'BUY' is no Side; there are Side.BUY, Side.SELL"),
        ("alert", "abc", "the threshold is 'abc', which is no number"),
        ("alert number", 4, "the number of the alert is 4; the venue takes 0 to 3"),
        ("alert", "1001", "the threshold is 1001; the most is 1000 times"),
        ("move_isolated_margin", 0, "the amount is 0: above 0 it is added to the margin of the position, below 0 taken from it"),
        ("twap catch_up", "0.5", "catch_up is 0.5; the least is 1 times"),
        ("ladder skew", 101, "the skew is 101; the most is 100 times"),
        ("stop slippage", 2, "the slippage is 2; the most is 1 (of 1)"),
        ("depth", 0, "the number of levels is 0; the venue takes 1 to 1000"),
        ("cancel", 0, "the order id is 0; the venue takes 1 to 4611686018427387904"),
        ("order client_id", -5, "the client id is -5: it is a number of 128 bits, above 0"),
        ("order client_id", 0, "the client id is 0, which is none: leave it out, and the client makes one"),
        ("order client_id", "0x0", "the client id is 0x0, which is none"),
        ("order client_id", "123", "the client id is '123': as a text it is \"0x\" and 1 to 32 hex digits, else a whole number"),
        ("ladder client_id", "abc", "the client id is 'abc': as a text"),
        ("stop client_id", " 7", "the client id is ' 7': as a text"),
        ("cancel_client", "zz", "the client id is 'zz': as a text"),
        ("cancel_client", 0, "the client id is 0, which is none"),
        ("order by client id", "0x" + "f" * 33, "as a text it is"),
    ],
)
def test_what_it_says(alice: LocalClient, name: str, given: object, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        CALLS[name](alice, given)


def test_a_protection_without_a_limit_is_no_protection_by_mistake(alice: LocalClient) -> None:
    for asked in ({}, {"window_s": 5}, {"fills": 5}, {"off": True, "fills": 5}, {"off": True, "window_s": 5}):
        with pytest.raises(ValueError, match="off=True"):
            alice.set_quote_protection("BTC", **asked)  # type: ignore[arg-type]
    alice.set_quote_protection("BTC", 5, fills=2)
    alice.set_quote_protection("BTC", off=True)
    told = [event for event in alice.events() if isinstance(event, types.QuoteProtectionSet)]
    assert [(event.fills, event.size) for event in told[-2:]] == [(2, None), (None, None)]
