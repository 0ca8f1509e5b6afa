"""TP/SL of Hyperliquid's API as clients see them: the price that they have sent, and groups as ccxt sends them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hl_exchange_kit import Reply, Trader, Venue, limit, trigger
from hl_exchange_kit import alice as alice
from hl_exchange_kit import bob as bob
from hl_exchange_kit import venue as venue

from perplab.exchange.messages import UpdateOracle, Withdraw
from perplab.exchange.server.hyperliquid import asked, orders
from perplab.exchange.server.hyperliquid.grouping import TOO_MANY_WAIT
from perplab.exchange.server.hyperliquid.info import answer
from perplab.exchange.server.hyperliquid.sent import MOST, MOST_EACH, Sent

Pair = Callable[[Trader, Trader], list[int]]
CLOID = "0x00000000000000000000000000000001"
OTHER = "0x00000000000000000000000000000002"


def market(side: str, at: str, price: str, size: str, tpsl: str, cloid: str | None = None) -> Reply:
    """A market TP/SL that is sent with a price."""
    order = trigger(side, at, size, tpsl, cloid=cloid)
    return {**order, "p": price}


def long_of(alice: Trader, bob: Trader, size: str = "1") -> None:
    bob.order(limit("A", "60000", size))
    assert list(alice.order(limit("B", "60000", size, "Ioc"))[0]) == ["filled"]


def limits(trader: Trader) -> dict[str, str]:
    """limitPx of the triggers, by triggerPx: as all ways to ask tell it."""
    dialect = trader.venue.dialect
    front = {one["oid"]: one for one in orders.frontend_of(dialect, trader.account) if one["isTrigger"]}
    for one in orders.open_orders_of(dialect, trader.account):
        assert one["oid"] not in front or front[one["oid"]]["limitPx"] == one["limitPx"]
    return {one["triggerPx"]: one["limitPx"] for one in front.values()}


def status_of(trader: Trader, oid: int) -> Reply:
    record = trader.venue.host.history.order(trader.account, oid)
    assert record is not None
    told: Reply = orders.past_order(trader.venue.dialect, trader.venue.dialect.coins.by_market[0], record)
    return told


def test_a_market_tpsl_is_told_with_the_price_that_was_sent(alice: Trader, bob: Trader) -> None:
    long_of(alice, bob)
    stop, profit, plain = alice.order(
        market("A", "58000", "53360", "1", "sl"), market("A", "62000", "62000", "1", "tp"), trigger("A", "63000", "1", "tp", price="63500")
    )
    assert limits(alice) == {"58000.0": "53360.0", "62000.0": "62000.0", "63000.0": "63500.0"}
    for told, price in ((stop, "53360.0"), (profit, "62000.0"), (plain, "63500.0")):
        assert status_of(alice, told["resting"]["oid"])["order"]["limitPx"] == price
    oid = stop["resting"]["oid"]
    (told,) = alice.statuses("batchModify", modifies=[{"oid": oid, "order": market("A", "57000", "50000", "1", "sl")}])
    assert limits(alice)["57000.0"] == "50000.0" and status_of(alice, oid)["order"]["limitPx"] == "53360.0"


def test_after_a_rewind_a_number_is_not_told_with_the_price_of_an_order_that_never_was(alice: Trader, bob: Trader) -> None:
    long_of(alice, bob)
    alice.order(market("A", "62000", "61000", "1", "tp"))
    alice.venue.host.keep("s")
    alice.order(market("A", "58000", "53360", "1", "sl"))
    alice.venue.host.go_back("s")
    alice.venue.dialect.go_back()  # as the feeds do, which this venue is without
    alice.order(trigger("A", "57000", "1", "sl", price="56000"))
    assert limits(alice) == {"62000.0": "61000.0", "57000.0": "56000.0"}


def test_what_was_sent_is_told_of_one_that_has_fired_and_does_not_bind_it(alice: Trader, bob: Trader) -> None:
    long_of(alice, bob)
    (told,) = alice.order(market("A", "59000", "58999", "1", "sl"))
    bob.order(limit("B", "58000", "1"))
    for _ in range(3):
        alice.venue.host.send([UpdateOracle(0, 0, 58_500, 58_500)])
    assert alice.venue.host.exchange.position(alice.account, 0).size == 0
    record = status_of(alice, told["resting"]["oid"])
    assert (record["status"], record["order"]["limitPx"], record["order"]["orderType"]) == ("filled", "58999.0", "Stop Market")


def test_a_stop_limit_that_has_fired_and_rests_is_told_as_one_by_all(alice: Trader, bob: Trader) -> None:
    long_of(alice, bob)
    (told,) = alice.order(trigger("A", "59000", "1", "sl", price="58900"))
    oid = told["resting"]["oid"]
    bob.order(limit("B", "58000", "1"))
    for _ in range(3):
        alice.venue.host.send([UpdateOracle(0, 0, 58_500, 58_500)])
    record = status_of(alice, oid)
    (front,) = orders.frontend_of(alice.venue.dialect, alice.account)
    assert record["status"] == "triggered" and front == record["order"] and front["oid"] == oid
    assert (front["orderType"], front["triggerPx"], front["limitPx"], front["isTrigger"]) == ("Stop Limit", "59000.0", "58900.0", True)


@pytest.mark.parametrize(
    ("price", "text"), [("0", "Order has invalid price."), ("59000.5", "Price must be divisible by tick size. asset=0")]
)
def test_that_price_is_looked_at(alice: Trader, bob: Trader, price: str, text: str) -> None:
    long_of(alice, bob)
    assert alice.order(market("A", "58000", price, "1", "sl")) == [{"error": text}]


def test_children_are_told_with_the_prices_that_were_sent(alice: Trader, bob: Trader) -> None:
    children = market("A", "61000", "55000", "1", "tp"), market("A", "59000", "53000", "1", "sl")
    assert alice.order(limit("B", "59990", "1"), *children, grouping="normalTpsl")[1:] == ["waitingForFill"] * 2
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    assert limits(alice) == {"61000.0": "55000.0", "59000.0": "53000.0"}
    dave = alice.venue.trader("dave")
    bob.order(limit("A", "60000", "1"))
    dave.order(limit("B", "60000", "1", "Ioc"), *children, grouping="normalTpsl")
    assert limits(dave) == {"61000.0": "55000.0", "59000.0": "53000.0"}


def test_children_with_the_cloid_of_their_parent_have_none(alice: Trader, bob: Trader) -> None:
    """ccxt gives its `clientOrderId` to the order and to its stopLoss and takeProfit."""
    bob.order(limit("A", "60000", "1"))
    for parent in (limit("B", "60000", "1", "Ioc", cloid=CLOID), limit("B", "59000", "1", cloid=CLOID.replace("1", "2"))):
        children = [trigger("A", at, "1", tpsl, price="58000", cloid=parent["c"]) for at, tpsl in (("61000", "tp"), ("58500", "sl"))]
        if parent["t"] == {"limit": {"tif": "Gtc"}}:
            children = [market("A", at, "58000", "1", tpsl, parent["c"]) for at, tpsl in (("61000", "tp"), ("58500", "sl"))]
        told = alice.order(parent, *children, grouping="normalTpsl")
        assert next(iter(told[0].values()))["cloid"] == parent["c"] and told[1] == told[2] and isinstance(told[1], str), told
    assert [one.client_lo for one in alice.venue.host.exchange.triggers(alice.account)] == [0, 0]


def told_of(trader: Trader, oid: int) -> Reply:
    """An open order in the list of open ones; it is the same where it is asked for alone."""
    (told,) = [one for one in orders.frontend_of(trader.venue.dialect, trader.account) if one["oid"] == oid]
    body = {"user": trader.venue.dialect.people.address(trader.account), "oid": oid}
    assert orders.order_status(trader.venue.dialect, body)["order"]["order"] == told
    return dict(told)


def test_children_that_wait_for_their_parent_are_its_children(alice: Trader, bob: Trader) -> None:
    children = market("A", "61000", "55000", "1", "tp"), market("A", "59000", "53000", "1", "sl")
    oid = alice.order(limit("B", "59990", "1", cloid=CLOID), *children, grouping="normalTpsl")[0]["resting"]["oid"]
    profit, stop = told_of(alice, oid)["children"]
    assert len(orders.frontend_of(alice.venue.dialect, alice.account)) == 1 and orders.open_orders_of(alice.venue.dialect, alice.account)
    assert profit == {
        "coin": "BTC", "side": "A", "limitPx": "55000.0", "sz": "1.0", "oid": asked.WAITING + 2 * oid, "timestamp": stop["timestamp"],
        "origSz": "1.0", "triggerCondition": "Price above 61000", "isTrigger": True, "triggerPx": "61000.0", "children": [],
        "isPositionTpsl": False, "reduceOnly": True, "orderType": "Take Profit Market", "tif": None, "cloid": None,
    }  # fmt: skip
    assert (stop["limitPx"], stop["triggerCondition"], stop["oid"]) == ("53000.0", "Price below 59000", profit["oid"] + 1)
    (told,) = alice.statuses("cancel", cancels=[{"a": 0, "o": stop["oid"]}])
    assert told == {"error": "Order was never placed, already canceled, or filled. asset=0"}
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    placed = told_of(alice, oid)["children"]
    triggers = alice.venue.host.exchange.triggers(alice.account)
    assert [(one["oid"], one["sz"]) for one in placed] == [(one.order_id, "0.4") for one in reversed(triggers)]
    alice.statuses("cancel", cancels=[{"a": 0, "o": placed[0]["oid"]}])
    assert told_of(alice, oid)["children"] == placed[1:]
    alice.statuses("cancel", cancels=[{"a": 0, "o": oid}])
    assert status_of(alice, oid)["order"]["children"] == []


def test_one_child_that_waits_of_an_order_that_sells(alice: Trader) -> None:
    child = trigger("B", "61000", "1", "sl")
    oid = alice.order(limit("A", "60500", "1"), child, grouping="normalTpsl")[0]["resting"]["oid"]
    (stop,) = told_of(alice, oid)["children"]
    assert (stop["side"], stop["orderType"], stop["oid"]) == ("B", "Stop Market", asked.WAITING + 2 * oid + 1)


@pytest.mark.parametrize(("side", "price", "profit", "stop", "wrong"), [
    ("B", "59990", "61000", "59990", [2]), ("B", "59990", "59990", "59000", [1]), ("B", "59990", "59000", "61000", [1, 2]),
    ("A", "60010", "59000", "60010", [2]), ("A", "60010", "60010", "61000", [1]), ("B", "60500", "60000", "59000", [1]),
])  # fmt: skip
def test_only_a_tpsl_price_that_is_wrong_is_told_to_be(
    alice: Trader, side: str, price: str, profit: str, stop: str, wrong: list[int]
) -> None:
    against = "A" if side == "B" else "B"
    group = limit(side, price, "1"), trigger(against, profit, "1", "tp"), trigger(against, stop, "1", "sl")
    texts = [one["error"] for one in alice.order(*group, grouping="normalTpsl")]
    assert [at for at, text in enumerate(texts) if text == "Invalid TP/SL price. asset=0"] == wrong
    others = "Order was not placed: a TP/SL order of its group has a price on the wrong side. asset=0"
    assert all(text == others for at, text in enumerate(texts) if at not in wrong) and texts[0] == others
    assert alice.venue.host.exchange.open_orders(alice.account) == []


def asked_for(trader: Trader, what: str, **fields: object) -> object:
    return answer(trader.venue.dialect, {"type": what, "user": trader.signed.address, **fields})


def test_of_a_group_with_a_wrong_price_the_child_is_told_to_have_it(alice: Trader) -> None:
    children = market("A", "61000", "55000", "1", "tp"), market("A", "60500", "55000", "1", "sl")
    alice.order(limit("B", "59990", "1", cloid=CLOID), *children, grouping="normalTpsl")
    history: list[Reply] = asked_for(alice, "historicalOrders")  # type: ignore[assignment]
    assert [(one["status"], one["order"]["orderType"], one["order"]["cloid"]) for one in history] == [
        ("rejected", "Limit", CLOID), ("rejected", "Take Profit Market", None), ("badTriggerPxRejected", "Stop Market", None),
    ]  # fmt: skip
    assert [one["order"]["side"] for one in history] == ["B", "A", "A"]
    assert [(one["order"]["triggerPx"], one["order"]["limitPx"]) for one in history[1:]] == [("61000.0", "55000.0"), ("60500.0", "55000.0")]
    ids = [one["order"]["oid"] for one in history]
    assert len(set(ids)) == 3 and asked_for(alice, "orderStatus", oid=CLOID) == {"status": "order", "order": history[0]}
    for oid, told in zip(ids, history, strict=True):
        assert asked_for(alice, "orderStatus", oid=oid) == {"status": "order", "order": told}
    for unknown in (ids[2] + 1, ids[1] - 2, asked.WAITING - 1, asked.WAITING + 2 * 999):
        assert asked_for(alice, "orderStatus", oid=unknown) == {"status": "unknownOid"}


@pytest.mark.parametrize("is_plain", [True, False])
def test_a_child_that_waits_is_told_by_its_number(alice: Trader, bob: Trader, is_plain: bool) -> None:
    oid = wait(alice, *group(trigger("A", "61000", "1", "tp", price=None if is_plain else "61500"), trigger("A", "59000", "1", "sl")))
    for child in told_of(alice, oid)["children"]:
        told = {"order": child, "status": "open", "statusTimestamp": child["timestamp"]}
        assert asked_for(alice, "orderStatus", oid=child["oid"]) == {"status": "order", "order": told}
        assert asked_for(bob, "orderStatus", oid=child["oid"]) == {"status": "unknownOid"}
    alice.statuses("cancel", cancels=[{"a": 0, "o": oid}])
    assert asked_for(alice, "orderStatus", oid=asked.WAITING + 2 * oid) == {"status": "unknownOid"}


def test_what_was_for_the_whole_position_is_so_when_it_has_fired(alice: Trader, bob: Trader) -> None:
    _, stop = pair_of_position(alice, bob)
    bob.order(limit("B", "58000", "1"))
    fall(alice.venue, 58_900)
    order = status_of(alice, stop)["order"]
    assert (status_of(alice, stop)["status"], order["isPositionTpsl"], order["origSz"]) == ("filled", True, "1.0")


def test_a_size_is_told_as_it_was_asked_for(alice: Trader, bob: Trader) -> None:
    """What only reduces is cut to its position: a limit order when it comes in, a stop when it fires."""
    long_of(alice, bob, "0.4")
    resting, immediate = alice.order(limit("A", "61000", "3", reduces=True), limit("A", "59000", "2", "Ioc", reduces=True))
    stop = alice.order(trigger("A", "59500", "0.9", "sl"))[0]["resting"]["oid"]
    oid = resting["resting"]["oid"]
    (told,) = [one for one in orders.open_orders_of(alice.venue.dialect, alice.account) if one["oid"] == oid]
    assert "error" in immediate and (told["sz"], told["origSz"]) == ("0.4", "3.0")
    assert told_of(alice, oid)["origSz"] == "3.0"
    assert status_of(alice, oid)["order"]["origSz"] == "3.0"
    bob.order(limit("B", "58000", "1"))
    fall(alice.venue, 58_900)
    assert (status_of(alice, stop)["status"], status_of(alice, stop)["order"]["origSz"]) == ("filled", "0.9")
    assert (status_of(alice, oid)["status"], status_of(alice, oid)["order"]["origSz"]) == ("reduceOnlyCanceled", "3.0")
    long_of(alice, bob, "0.4")
    alice.venue.host.keep("s")
    cut = alice.order(limit("A", "61000", "3", reduces=True))[0]["resting"]["oid"]
    alice.venue.host.go_back("s")
    alice.venue.dialect.go_back()  # as the feeds do, which this venue is without
    assert alice.order(limit("A", "61000", "0.2", reduces=True))[0]["resting"]["oid"] == cut
    assert told_of(alice, cut)["origSz"] == "0.2"


def fall(venue: Venue, price: int) -> None:
    """The mark goes there."""
    for _ in range(3):
        venue.host.send([UpdateOracle(0, 0, price, price)])


def pair_of_position(alice: Trader, bob: Trader) -> list[int]:
    long_of(alice, bob)
    told = alice.order(trigger("A", "61000", "0", "tp"), trigger("A", "59000", "0", "sl"), grouping="positionTpsl")
    return [one["resting"]["oid"] for one in told]


def pair_of_market_order(alice: Trader, bob: Trader) -> list[int]:
    bob.order(limit("A", "60000", "1"))
    named = trigger("A", "61000", "1", "tp", price="61500", cloid=CLOID), trigger("A", "59000", "1", "sl")
    alice.order(limit("B", "60500", "1", "Ioc"), *named, grouping="normalTpsl")
    return [one.order_id for one in alice.venue.host.exchange.triggers(alice.account)]


def pair_of_order_that_rests(alice: Trader, bob: Trader) -> list[int]:
    alice.order(limit("B", "59990", "1"), trigger("A", "61000", "1", "tp"), trigger("A", "59000", "1", "sl"), grouping="normalTpsl")
    bob.order(limit("A", "59990", "1", "Ioc"))
    return [one.order_id for one in alice.venue.host.exchange.triggers(alice.account)]


@pytest.mark.parametrize("pair", [pair_of_position, pair_of_market_order, pair_of_order_that_rests])
@pytest.mark.parametrize("cancelled", [0, 1])
def test_one_of_a_pair_that_is_cancelled_leaves_the_other(alice: Trader, bob: Trader, pair: Pair, cancelled: int) -> None:
    ids = pair(alice, bob)
    venue = alice.venue.host.exchange
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": ids[cancelled]}]) == ["success"]
    (left,) = venue.triggers(alice.account)
    assert (left.order_id, left.linked_with) == (ids[1 - cancelled], 0)
    assert [status_of(alice, oid)["status"] for oid in ids] == (["canceled", "open"] if cancelled == 0 else ["open", "canceled"])


@pytest.mark.parametrize("pair", [pair_of_position, pair_of_market_order, pair_of_order_that_rests])
def test_one_of_a_pair_that_fires_takes_the_other_with_it(alice: Trader, bob: Trader, pair: Pair) -> None:
    profit, stop = pair(alice, bob)
    bob.order(limit("B", "58000", "1"))
    fall(alice.venue, 58_900)
    assert alice.venue.host.exchange.position(alice.account, 0).size == 0
    assert [status_of(alice, oid)["status"] for oid in (profit, stop)] == ["siblingFilledCanceled", "filled"]


def test_one_of_a_pair_is_cancelled_by_its_cloid_and_modified(alice: Trader, bob: Trader) -> None:
    profit, stop = pair_of_market_order(alice, bob)
    moved = trigger("A", "62000", "1", "tp", price="62500", cloid=CLOID)
    (told,) = alice.statuses("batchModify", modifies=[{"oid": profit, "order": moved}])
    venue = alice.venue.host.exchange
    assert [one.order_id for one in venue.triggers(alice.account)] == [stop, told["resting"]["oid"]]
    assert alice.statuses("cancelByCloid", cancels=[{"asset": 0, "cloid": CLOID}]) == ["success"]
    assert [one.order_id for one in venue.triggers(alice.account)] == [stop]


# -- children that the venue's brackets cannot hold wait in this server --


def group(*children: Reply, price: str = "59990", size: str = "1") -> tuple[Reply, ...]:
    return limit("B", price, size), *children


LIMITS = trigger("A", "61000", "1", "tp", price="61500", cloid=CLOID), trigger("A", "59000", "0.4", "sl", price="58900")


def wait(alice: Trader, *orders: Reply) -> int:
    told = alice.order(*orders, grouping="normalTpsl")
    assert told[1:] == ["waitingForFill"] * (len(orders) - 1)
    return int(told[0]["resting"]["oid"])


def test_limit_children_of_an_order_that_rests_wait_until_all_of_it_is_filled(alice: Trader, bob: Trader) -> None:
    """ccxt's stopLoss and takeProfit are limit orders unless they are told to be others."""
    oid, venue = wait(alice, *group(*LIMITS)), alice.venue.host.exchange
    profit, stop = told_of(alice, oid)["children"]
    assert (profit["oid"], profit["limitPx"], profit["triggerPx"], profit["sz"], profit["orderType"], profit["cloid"]) == (
        asked.WAITING + 2 * oid, "61500.0", "61000.0", "1.0", "Take Profit Limit", CLOID,
    )  # fmt: skip
    assert (stop["oid"], stop["limitPx"], stop["sz"], stop["orderType"], stop["cloid"]) == (
        asked.WAITING + 2 * oid + 1, "58900.0", "0.4", "Stop Limit", None,
    )  # fmt: skip
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    assert venue.triggers(alice.account) == [] and len(told_of(alice, oid)["children"]) == 2
    bob.order(limit("A", "59990", "0.6", "Ioc"))
    one, other = venue.triggers(alice.account)
    assert [(one.price, one.size, one.linked_with), (other.price, other.size)] == [(61_500, 100_000, other.order_id), (58_900, 40_000)]
    assert alice.statuses("cancelByCloid", cancels=[{"asset": 0, "cloid": CLOID}]) == ["success"]
    assert venue.triggers(alice.account)[0].linked_with == 0, "one that is cancelled goes alone"
    assert alice.venue.dialect.children.of(alice.account, oid) == [] == alice.venue.dialect.children.of(bob.account, oid)


def test_children_of_an_order_that_is_filled_at_once_are_there_at_once(alice: Trader, bob: Trader) -> None:
    bob.order(limit("A", "59990", "1"))
    assert alice.order(*group(*LIMITS), grouping="normalTpsl")[1:] == ["waitingForTrigger"] * 2
    assert len(alice.venue.host.exchange.triggers(alice.account)) == 2


@pytest.mark.parametrize("filled", [False, True])
def test_children_go_with_an_order_that_is_cancelled(alice: Trader, bob: Trader, filled: bool) -> None:
    oid = wait(alice, *group(*LIMITS))
    if filled:
        bob.order(limit("A", "59990", "0.4", "Ioc"))
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": oid}]) == ["success"]
    assert alice.venue.host.exchange.triggers(alice.account) == [] == alice.venue.dialect.children.of(alice.account, oid)


def test_children_of_what_was_filled_before_the_rest_was_cancelled_for_margin(venue: Venue, bob: Trader) -> None:
    dave = venue.trader("dave", 3_000_000_000)
    dave.do("updateLeverage", asset=0, isCross=True, leverage=40)
    oid = wait(dave, *group(LIMITS[0], trigger("A", "55000", "1", "sl", price="54000")))
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    venue.host.send([Withdraw(0, dave.account, 0, venue.host.exchange.free_margin(dave.account))])
    fall(venue, 58_500)
    bob.order(limit("A", "59990", "0.6", "Ioc"))
    assert status_of(dave, oid)["status"] == "marginCanceled"
    assert [one.size for one in venue.host.exchange.triggers(dave.account)] == [40_000, 40_000]


def test_a_child_whose_price_has_come_by_the_time_of_the_fill_trades_at_once(alice: Trader, bob: Trader) -> None:
    venue = alice.venue.host.exchange
    stop = {**trigger("A", "59000", "1", "sl"), "c": CLOID}
    wait(alice, *group(LIMITS[0] | {"c": OTHER}, stop))
    fall(alice.venue, 58_500)
    bob.order(limit("B", "58400", "1"))
    bob.order(limit("A", "59990", "1", "Ioc"))
    assert venue.position(alice.account, 0).size == 0 and venue.triggers(alice.account) == []
    wait(alice, *group(trigger("A", "58000", "1", "sl", price="58350"), price="58400"))
    fall(alice.venue, 57_500)
    bob.order(limit("A", "58400", "1", "Ioc"))
    (order,) = venue.open_orders(alice.account)
    assert (order.price, order.size, order.reduce_only) == (58_350, 100_000, 1), "a limit order rests at its price"


def test_a_child_whose_cloid_has_been_given_away_goes_without(alice: Trader, bob: Trader) -> None:
    wait(alice, *group(*LIMITS))
    alice.order(limit("B", "50000", "0.1", cloid=CLOID))
    bob.order(limit("A", "59990", "1", "Ioc"))
    assert sorted(one.client_lo for one in alice.venue.host.exchange.triggers(alice.account)) == [0, 0]


def test_what_waits_after_a_rewind(alice: Trader, bob: Trader) -> None:
    host, children = alice.venue.host, alice.venue.dialect.children
    oid = wait(alice, *group(*LIMITS))
    host.keep("s")
    later = wait(alice, *group(*LIMITS, price="59980"))
    bob.order(limit("A", "59990", "1", "Ioc"))
    assert len(host.exchange.triggers(alice.account)) == 2 and children.of(alice.account, oid) == []
    host.go_back("s")
    alice.venue.dialect.go_back()  # as the feeds do, which this venue is without
    assert host.exchange.triggers(alice.account) == [] and len(children.of(alice.account, oid)) == 2
    assert children.of(alice.account, later) == []
    bob.order(limit("A", "59990", "1", "Ioc"))
    assert len(host.exchange.triggers(alice.account)) == 2


def test_how_many_may_wait(alice: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perplab.exchange.server.hyperliquid.children.MOST", 1)
    wait(alice, *group(*LIMITS))
    text = alice.err("order", orders=[*group(*LIMITS, price="59980")], grouping="normalTpsl")
    assert text == TOO_MANY_WAIT and len(alice.venue.host.exchange.open_orders(alice.account)) == 1


def test_one_account_leaves_others_room(alice: Trader, bob: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perplab.exchange.server.hyperliquid.children.MOST_EACH", 2)
    for price in ("59970", "59980"):
        wait(alice, *group(*LIMITS, price=price))
    assert alice.err("order", orders=[*group(*LIMITS, price="59990")], grouping="normalTpsl") == TOO_MANY_WAIT
    wait(bob, *group(*LIMITS))


@pytest.mark.parametrize(("profit", "stop", "wrong"), [("61000", "59990", [2]), ("59990", "59000", [1])])
def test_a_limit_child_on_the_wrong_side_is_told(alice: Trader, profit: str, stop: str, wrong: list[int]) -> None:
    children = trigger("A", profit, "1", "tp", price="61500"), trigger("A", stop, "1", "sl", price="58900")
    texts = [one["error"] for one in alice.order(*group(*children), grouping="normalTpsl")]
    assert [at for at, text in enumerate(texts) if text == "Invalid TP/SL price. asset=0"] == wrong
    assert alice.venue.host.exchange.open_orders(alice.account) == []


def test_prices_that_were_sent_are_bounded() -> None:
    """Of who has the most the oldest goes."""
    sent = Sent(lambda: 0)
    sent.put(1, 7, 100)
    sent.put(1, 7, 300, 0)
    for number in range(MOST_EACH + 5):
        sent.put(2, number, 200)
    assert (sent.get(1, 7), sent.get(1, 7, 0), sent.get(2, 4), sent.get(2, 5), len(sent._sent)) == (100, 300, 0, 200, MOST_EACH + 2)
    for number in range(MOST):
        sent.put(3 + number % 50, number, 200)
    assert (sent.get(1, 7), sent.get(1, 7, 0), len(sent._sent)) == (100, 300, MOST)
    sent.put(2, MOST_EACH + 4, 400)
    assert sent.get(2, MOST_EACH + 4) == 400 and len(sent._sent) == MOST
