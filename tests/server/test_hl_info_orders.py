"""Orders in the Hyperliquid dialect: open ones, triggers, and what became of them."""

from __future__ import annotations

from typing import Any

import pytest
from hl_info_kit import BUY, SELL, STRANGER, Scene
from hl_kit import ALICE, limit
from hl_kit import Venue as Trusting
from wire import START

from perplab.exchange.codes import CancelReason, OrderState, Reason, TimeInForce, TriggerKind
from perplab.exchange.messages import Cancel, CancelAllAfter, Place, PlaceBracket, PlaceTrigger, PlaceTwap, SetMarketStatus
from perplab.exchange.server.history.records import OrderRecord, OrderStatus
from perplab.exchange.server.hyperliquid.orders import CANCELLED, REJECTED, status_of

NOW = START // 1_000_000
CLOID = "0x" + "f" * 15 + "0" + "a" * 16  # both halves have their highest bit set
HALVES = (-0x10, -0x5555555555555556)
PLAIN = {"coin", "side", "limitPx", "sz", "oid", "timestamp", "origSz"}
FRONTEND = PLAIN | {  # of a sample of the live venue: historicalOrders in the cassettes of the SDK's tests
    "triggerCondition", "isTrigger", "triggerPx", "children", "isPositionTpsl", "reduceOnly", "orderType", "tif", "cloid",
}  # fmt: skip
STATUSES = {  # of the reference
    "open", "filled", "canceled", "triggered", "rejected", "marginCanceled", "vaultWithdrawalCanceled", "openInterestCapCanceled",
    "selfTradeCanceled", "reduceOnlyCanceled", "siblingFilledCanceled", "delistedCanceled", "liquidatedCanceled", "scheduledCancel",
    "internalCancel", "tickRejected", "minTradeNtlRejected", "perpMarginRejected", "reduceOnlyRejected", "badAloPxRejected",
    "iocCancelRejected", "badTriggerPxRejected", "marketOrderNoLiquidityRejected", "positionIncreaseAtOpenInterestCapRejected",
    "positionFlipAtOpenInterestCapRejected", "tooAggressiveAtOpenInterestCapRejected", "openInterestIncreaseRejected",
    "insufficientSpotBalanceRejected", "oracleRejected", "perpMaxPositionRejected", "tooManyOpenOrdersRejected",
}  # fmt: skip


def scene_of_two() -> tuple[Scene, int, str, int]:
    scene = Scene()
    account, address = scene.user(10**5)
    maker, _ = scene.user(10**6)
    return scene, account, address, maker


def stop(account: int, side: int, kind: int, at: int, limit: int, size: int = 0, slippage: int = 0) -> PlaceTrigger:
    return PlaceTrigger(0, account, 0, side, size, kind, 0, at, limit, reduce_only=1, slippage_ppm=slippage)


def status(scene: Scene, address: str, oid: object) -> str:
    told = scene.ask("orderStatus", user=address, oid=oid)
    return str(told["order"]["status"] if told["status"] == "order" else told["status"])


def test_an_open_order() -> None:
    scene, account, address, maker = scene_of_two()
    oid = scene.place(account, BUY, 59_000, 1_000, client_hi=HALVES[0], client_lo=HALVES[1])
    scene.place(maker, SELL, 59_000, 400)
    (told,) = scene.ask("openOrders", user=address, dex="")
    assert told == {
        "coin": "BTC", "side": "B", "limitPx": "59000.0", "sz": "0.006", "oid": oid, "timestamp": NOW, "origSz": "0.01", "cloid": CLOID,
    }  # fmt: skip
    (front,) = scene.ask("frontendOpenOrders", user=address)
    assert set(front) == FRONTEND and {key: front[key] for key in told} == told
    assert (front["triggerCondition"], front["isTrigger"], front["triggerPx"], front["orderType"], front["tif"]) == (
        "N/A", False, "0.0", "Limit", "Gtc",
    )  # fmt: skip


def test_orders_of_others_are_theirs() -> None:
    scene, account, address, maker = scene_of_two()
    scene.place(account, BUY, 59_000, 1_000)
    oid = scene.place(maker, BUY, 59_000, 1_000)
    assert len(scene.ask("openOrders", user=address)) == 1
    assert scene.ask("orderStatus", user=address, oid=oid) == {"status": "unknownOid"}


@pytest.mark.parametrize(
    ("tif", "name"), [(TimeInForce.GTC, "Gtc"), (TimeInForce.POST_ONLY, "Alo")]
)  # fmt: skip
def test_time_in_force(tif: int, name: str) -> None:
    scene, account, address, _ = scene_of_two()
    scene.place(account, BUY, 59_000, 1_000, tif=tif)
    assert scene.ask("frontendOpenOrders", user=address)[0]["tif"] == name


def test_reduce_only_orders_say_so() -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(account, maker, 60_000, 1_000)
    scene.place(account, SELL, 61_000, 1_000, reduce_only=1)
    (told,) = scene.ask("openOrders", user=address)
    assert told["reduceOnly"] is True and "cloid" not in told
    (front,) = scene.ask("frontendOpenOrders", user=address)
    assert front["reduceOnly"] is True and front["cloid"] is None


def test_an_order_that_was_open_at_a_rewind_is_filled_after_it() -> None:
    """It is older than what is kept, and the history knows it by what it was then."""
    scene, account, address, maker = scene_of_two()
    oid = scene.place(account, BUY, 59_000, 1_000)
    scene.place(maker, SELL, 59_000, 400)
    scene.world.host.keep("s")
    scene.world.host.go_back("s")
    scene.dialect.go_back()
    scene.venue = scene.world.host.exchange
    assert status(scene, address, oid) == "open"
    scene.place(maker, SELL, 59_000, 600)
    assert scene.venue.open_orders(account) == [] and status(scene, address, oid) == "filled"
    assert [one["order"]["oid"] for one in scene.ask("historicalOrders", user=address)] == [oid]


def test_a_reduce_only_order_that_was_cut_tells_what_it_came_in_with() -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(account, maker, 60_000, 1_000)
    oid = scene.place(account, SELL, 61_000, 1_000, reduce_only=1)
    scene.trade(maker, account, 60_000, 400)
    (told,) = scene.ask("openOrders", user=address)
    assert (told["sz"], told["origSz"]) == ("0.006", "0.01")
    assert scene.ask("orderStatus", user=address, oid=oid)["order"]["order"]["origSz"] == "0.01"
    scene.place(maker, BUY, 61_000, 100)
    (told,) = scene.ask("frontendOpenOrders", user=address)
    assert (told["sz"], told["origSz"]) == ("0.005", "0.01")


@pytest.mark.parametrize(
    ("holds", "kind", "at", "limit", "shown", "name", "price"),
    [
        (BUY, TriggerKind.STOP, 58_000, 0, "Price below 58000", "Stop Market", "52200.0"),
        (BUY, TriggerKind.TAKE_PROFIT, 62_000, 0, "Price above 62000", "Take Profit Market", "55800.0"),
        (SELL, TriggerKind.STOP, 62_000, 0, "Price above 62000", "Stop Market", "68200.0"),
        (SELL, TriggerKind.TAKE_PROFIT, 58_000, 57_900, "Price below 58000", "Take Profit Limit", "57900.0"),
        (BUY, TriggerKind.STOP, 58_000, 57_000, "Price below 58000", "Stop Limit", "57000.0"),
    ],
)  # fmt: skip
def test_triggers(holds: int, kind: TriggerKind, at: int, limit: int, shown: str, name: str, price: str) -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(*((account, maker) if holds == BUY else (maker, account)), 60_000, 1_000)
    scene.send(stop(account, 1 - holds, kind, at, limit, 1_000, 0 if limit else 100_000))
    (told,) = scene.ask("frontendOpenOrders", user=address)
    assert set(told) == FRONTEND and told["isTrigger"] is True and told["isPositionTpsl"] is False and told["reduceOnly"] is True
    assert (told["triggerCondition"], told["orderType"], told["triggerPx"], told["limitPx"]) == (shown, name, f"{at}.0", price)
    assert (told["sz"], told["tif"], told["children"]) == ("0.01", None, [])
    assert scene.ask("openOrders", user=address)[0]["oid"] == told["oid"]
    assert scene.ask("orderStatus", user=address, oid=told["oid"])["order"]["order"] | {"limitPx": price} == told


def test_a_trigger_for_the_whole_position() -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(account, maker, 60_000, 1_000)
    scene.send(stop(account, SELL, TriggerKind.STOP, 58_000, 0))
    (told,) = scene.ask("frontendOpenOrders", user=address)
    assert told["isPositionTpsl"] is True and (told["sz"], told["origSz"]) == ("0.0", "0.0")


def test_a_trigger_that_has_fired() -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(account, maker, 60_000, 1_000)
    scene.send(stop(account, SELL, TriggerKind.STOP, 59_000, 0, 1_000, 100_000))
    oid = scene.venue.triggers(account)[0].order_id
    scene.world.later(1)
    scene.place(maker, BUY, 58_900, 1_000)
    scene.oracle(58_900, 30_000, 150_000)
    scene.world.later(1)
    told = scene.ask("orderStatus", user=address, oid=oid)["order"]
    assert told["status"] == "filled" and (told["order"]["orderType"], told["order"]["triggerPx"]) == ("Stop Market", "59000.0")
    assert scene.ask("userFills", user=address)[0]["oid"] == oid


def test_the_children_of_an_entry() -> None:
    """An entry of which a part has filled has take-profit and stop for that part: its children, which stand for themselves as well."""
    scene, account, address, maker = scene_of_two()
    scene.send(PlaceBracket(0, account, 0, BUY, 59_900, 1_000, 0, 0, 62_000, 58_000, slippage_ppm=100_000))
    entry = scene.venue.state.last_order_id
    scene.place(maker, SELL, 59_900, 400)
    told = scene.ask("frontendOpenOrders", user=address)
    assert len(told) == 3 and [one["oid"] for one in told] == sorted((one["oid"] for one in told), reverse=True)
    (parent,) = (one for one in told if one["oid"] == entry)
    assert parent["children"] == [one for one in told if one["oid"] != entry]
    assert sorted(one["orderType"] for one in parent["children"]) == ["Stop Market", "Take Profit Market"]
    assert {one["sz"] for one in parent["children"]} == {"0.004"}


def test_what_became_of_orders() -> None:
    scene, account, address, maker = scene_of_two()
    rests = scene.place(account, BUY, 59_000, 1_000)
    gone = scene.place(account, BUY, 58_000, 1_000)
    scene.send(Cancel(0, account, gone))
    nothing = scene.place(account, BUY, 59_000, 1_000, tif=TimeInForce.IOC)
    scene.place(maker, SELL, 60_000, 500)
    partly = scene.place(account, BUY, 60_000, 1_000, tif=TimeInForce.IOC)
    own = scene.place(account, SELL, 60_500, 1_000)
    scene.place(account, BUY, 60_500, 1_000, tif=TimeInForce.IOC)
    assert [status(scene, address, oid) for oid in (rests, gone, nothing, partly, own)] == [
        "open", "canceled", "iocCancelRejected", "canceled", "selfTradeCanceled",
    ]  # fmt: skip
    told = scene.ask("orderStatus", user=address, oid=partly)["order"]
    assert (told["order"]["sz"], told["order"]["origSz"], told["statusTimestamp"]) == ("0.005", "0.01", NOW)
    history = scene.ask("historicalOrders", user=address)
    assert all(set(one) == {"order", "status", "statusTimestamp"} and set(one["order"]) == FRONTEND for one in history)
    assert {one["order"]["oid"]: one["status"] for one in history}[rests] == "open" and len(history) == 6


def test_the_dead_mans_switch_and_delisting() -> None:
    scene, account, address, maker = scene_of_two()
    oid = scene.place(account, BUY, 59_000, 1_000)
    scene.send(CancelAllAfter(0, account, 5_000))
    scene.world.later(6)
    other = scene.place(maker, BUY, 3_000 * 10 - 10, 1_000, market=1)
    scene.send(SetMarketStatus(0, 1, 5, 30_000))
    assert status(scene, address, oid) == "scheduledCancel"
    assert status(scene, scene.people.address(maker), other) == "delistedCanceled"


def test_orders_by_client_id() -> None:
    scene, account, address, _ = scene_of_two()
    oid = scene.place(account, BUY, 59_000, 1_000, client_hi=HALVES[0], client_lo=HALVES[1])
    told = scene.ask("orderStatus", user=address, oid=CLOID)
    assert told["order"]["order"]["oid"] == oid and told["order"]["order"]["cloid"] == CLOID
    assert status(scene, address, CLOID.upper().replace("0X", "0x")) == "open"
    assert scene.ask("orderStatus", user=address, oid="0x" + "1" * 32) == {"status": "unknownOid"}


def test_a_refused_order_by_client_id() -> None:
    scene, account, address, maker = scene_of_two()
    scene.place(maker, SELL, 60_000, 1_000)
    refused = Place(0, account, 0, BUY, 60_000, 1_000, tif=TimeInForce.POST_ONLY, client_hi=HALVES[0], client_lo=HALVES[1])
    assert scene.world.host.reasons([refused]) == [Reason.WOULD_CROSS]
    told = scene.ask("orderStatus", user=address, oid=CLOID)["order"]
    assert told["status"] == "badAloPxRejected" and set(told["order"]) == FRONTEND
    assert (told["order"]["coin"], told["order"]["cloid"], told["order"]["side"]) == ("BTC", CLOID, "B")
    assert status(scene, address, told["order"]["oid"]) == "badAloPxRejected"
    assert [one["order"]["oid"] for one in scene.ask("historicalOrders", user=address)] == [told["order"]["oid"]]


@pytest.mark.parametrize("oid", [0, 999, 2**53, "0x" + "9" * 32])
def test_unknown_orders(oid: object) -> None:
    scene, _, address, _ = scene_of_two()
    assert scene.ask("orderStatus", user=address, oid=oid) == {"status": "unknownOid"}
    assert scene.ask("orderStatus", user=STRANGER, oid=oid) == {"status": "unknownOid"}


def test_slices_of_twaps_are_orders() -> None:
    scene, account, address, maker = scene_of_two()
    scene.place(maker, SELL, 60_000, 10_000)
    scene.send(PlaceTwap(0, account, 0, BUY, 4_000, 2, 30 * 10**9))
    scene.world.later(31)
    told = scene.ask("historicalOrders", user=address)
    assert [(one["status"], one["order"]["origSz"], one["order"]["tif"]) for one in told] == [("filled", "0.02", "Ioc")] * 2
    assert [one["oid"] for one in scene.ask("userFills", user=address)] == [one["order"]["oid"] for one in told]
    assert scene.ask("openOrders", user=address) == [] and len(scene.ask("userTwapSliceFills", user=address)) == 2


def record(state: OrderStatus, **fields: Any) -> OrderRecord:
    return OrderRecord(1, 8, 0, None, 0, 0, None, None, 0, 0, 0, 0, state, 0, 0, **fields)


def test_every_end_of_an_order_has_a_name_of_the_venue() -> None:
    assert set(CANCELLED.values()) | set(REJECTED.values()) <= STATUSES
    for reason in CancelReason:
        assert status_of(record(OrderStatus.CANCELLED, cancel_reason=reason)) in STATUSES, reason
    for refusal in Reason:
        assert status_of(record(OrderStatus.REJECTED, reason=refusal)) in STATUSES, refusal
    assert status_of(record(OrderStatus.OPEN)) == "open" and status_of(record(OrderStatus.OPEN, triggered_ts=1)) == "triggered"
    assert status_of(record(OrderStatus.CANCELLED, cancel_reason=CancelReason.IMMEDIATE)) == "iocCancelRejected"
    assert status_of(record(OrderStatus.CANCELLED, cancel_reason=CancelReason.IMMEDIATE, filled=1)) == "canceled"
    assert len(OrderState) == 3


def test_a_trigger_that_is_older_than_what_is_kept() -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(account, maker, 60_000, 1_000)
    scene.send(stop(account, SELL, TriggerKind.STOP, 58_000, 0, size=500))
    oid = scene.venue.triggers(account)[0].order_id
    rests = scene.place(account, BUY, 59_000, 1_000)
    scene.world.host.history.begin_anew(scene.venue)
    assert status(scene, address, oid) == "open" and status(scene, address, rests) == "open"
    assert [one["timestamp"] for one in scene.ask("openOrders", user=address)] == [0, 0], "not known any more"


def test_an_order_of_the_front_end_s_market_is_told_as_one() -> None:
    v = Trusting()
    v.rest(0, SELL, 60_010, 10**6)
    for tif, price, size, told in (
        ("FrontendMarket", "60010", "0.001", ("Market", "FrontendMarket", "filled")), ("Ioc", "60010", "0.001", ("Limit", "Ioc", "filled")),
        ("FrontendMarket", "59000", "0.001", ("Market", "FrontendMarket", "iocCancelRejected")),
        ("FrontendMarket", "60010", "9", ("Market", "FrontendMarket", "perpMarginRejected")),
    ):  # fmt: skip
        v.order(limit(0, True, price, size, tif))
        newest = v.ask("historicalOrders", user=ALICE)[0]
        assert (newest["order"]["orderType"], newest["order"]["tif"], newest["status"]) == told
        assert v.ask("orderStatus", user=ALICE, oid=newest["order"]["oid"])["order"] == newest
