"""Orders through the Hyperliquid dialect: what is placed, cancelled and modified, and what is told of it."""

from __future__ import annotations

import pytest
from hl_exchange_kit import Trader, Venue, limit, trigger
from hl_exchange_kit import alice as alice
from hl_exchange_kit import bob as bob
from hl_exchange_kit import venue as venue

from perplab.exchange.blocks import Applied
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.errors import Refusal, Trouble
from perplab.exchange.server.faults import Faults
from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.hyperliquid.exchange import carry_out

CLOID = "0x00000000000000000000000000000001"
OTHER = "0xffffffffffffffffffffffffffffffff"
OK = {"status": "ok", "response": {"type": "default"}}


def error(told: object) -> str:
    assert isinstance(told, dict) and list(told) == ["error"], told
    return str(told["error"])


# -- order -------------------------------------------------------------------------------------------------------------------------


def test_an_order_rests_and_fills_another(alice: Trader, bob: Trader) -> None:
    resting = alice.order(limit("B", "59990", "0.3", cloid=CLOID.upper().replace("X", "x")), limit("B", "59980", "0.1"))
    oid = resting[0]["resting"]["oid"]
    assert resting == [{"resting": {"oid": oid, "cloid": CLOID}}, {"resting": {"oid": oid + 1}}] and type(oid) is int
    filled = bob.order(limit("A", "59980", "0.4", "Ioc"))
    assert filled == [{"filled": {"totalSz": "0.4", "avgPx": "59987.5", "oid": oid + 2}}]


def test_an_immediate_order_gets_what_there_is(alice: Trader, bob: Trader) -> None:
    alice.order(limit("A", "60010", "0.1"))
    assert bob.order(limit("B", "60020", "0.5", "Ioc"))[0]["filled"]["totalSz"] == "0.1"
    assert error(bob.order(limit("B", "60020", "0.5", "Ioc"))[0]) == "Order could not immediately match against any resting orders. asset=0"
    assert error(bob.order(limit("B", "60020", "0.5", "FrontendMarket"))[0]) == "No liquidity available for market order. asset=0"


def test_what_is_filled_in_part_and_rests_is_resting(alice: Trader, bob: Trader) -> None:
    alice.order(limit("A", "60010", "0.1"))
    told = bob.order(limit("B", "60020", "0.5"))
    assert list(told[0]) == ["resting"]
    assert bob.venue.host.exchange.open_order(bob.account, told[0]["resting"]["oid"]).filled == 10_000  # type: ignore[union-attr]


def test_a_post_only_order_that_would_trade_tells_of_the_best_prices(alice: Trader, bob: Trader) -> None:
    alice.order(limit("A", "60010", "0.1"), limit("B", "59990", "0.1"))
    (told,) = bob.order(limit("B", "60010", "0.1", "Alo"))
    assert error(told) == "Post only order would have immediately matched, bbo was 59990@60010. asset=0"
    assert list(bob.order(limit("B", "60000", "0.1", "Alo"))[0]) == ["resting"]


def test_other_markets_have_their_own_ticks_and_lots(alice: Trader, bob: Trader) -> None:
    alice.order(limit("A", "2000.1", "0.5", asset=1), limit("A", "151.55", "3.07", asset=2))
    told = bob.order(limit("B", "2001", "0.5", "Ioc", asset=1), limit("B", "152", "3.07", "Ioc", asset=2))
    assert [one["filled"]["avgPx"] for one in told] == ["2000.1", "151.55"]
    assert error(alice.order(limit("A", "2000.15", "0.5", asset=1))[0]) == "Price must be divisible by tick size. asset=1"
    assert error(alice.order(limit("A", "151.555", "0.5", asset=2))[0]) == "Price must be divisible by tick size. asset=2"


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (limit("B", "59990", "0.0001"), "Order must have minimum value of $10. asset=0"),
        (limit("B", "59990", "10000"), "Insufficient margin to place order. asset=0"),
        (limit("A", "60010", "0.1", reduces=True), "Reduce only order would increase position. asset=0"),
        (limit("B", "59990.5", "0.1"), "Price must be divisible by tick size. asset=0"),
        (limit("B", "99000", "0.1"), "Order price cannot be more than 80% away from the reference price (in this sandbox 20%)"),
        (trigger("A", "59000", "0.1", "sl"), "Reduce only order would increase position. asset=0"),
        (trigger("A", "61000", "0.1", "sl", reduces=False), "Invalid TP/SL price. asset=0"),
    ],
)
def test_what_is_wrong_with_one_order_stands_in_its_status(alice: Trader, order: dict[str, object], text: str) -> None:
    told = alice.order(limit("B", "59980", "0.1"), order)
    assert list(told[0]) == ["resting"] and error(told[1]) == text


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (limit("B", "0", "0.1"), "Order has invalid price."),
        (limit("B", "-5", "0.1"), "Order has invalid price."),
        (limit("B", "1e5", "0.1"), "Order has invalid price."),
        (limit("B", "99999999999", "0.1"), "Order has invalid price."),
        (limit("B", "59990", "0.000001"), "Order has invalid size."),
        (limit("B", "59990", "-1"), "Order has invalid size."),
        (limit("B", "59990", "999999999999999999"), "Order has invalid size."),
        (limit("B", "59990", "0"), "Order has zero size."),
        (trigger("A", "0", "0.1", "sl"), "Invalid TP/SL price."),
    ],
)
def test_a_payload_that_is_wrong_is_refused_as_a_whole(alice: Trader, order: dict[str, object], text: str) -> None:
    assert alice.order(limit("B", "59980", "0.1"), order) == [{"error": text}]
    assert alice.venue.host.exchange.count_orders(alice.account) == 0


def test_batches_are_bounded(alice: Trader) -> None:
    assert alice.err("order", orders=[], grouping="na") == "Empty batch of orders."
    assert alice.err("cancel", cancels=[]) == "Empty batch of orders."
    assert alice.err("order", orders=[limit("B", "59980", "0.1")] * 1_001, grouping="na").startswith("Too many items in a batch")
    assert alice.err("order", orders=[limit("B", "59980", "0.1", asset=9)], grouping="na") == "Unknown asset: 9"
    assert alice.venue.host.exchange.count_orders(alice.account) == 0


GOOD = limit("B", "59980", "0.1")


@pytest.mark.parametrize(
    "orders",
    [
        "no list", [7], [{**GOOD, "x": 1}], [{**GOOD, "a": "0"}], [{**GOOD, "a": True}], [{**GOOD, "b": 1}], [{**GOOD, "r": 0}],
        [{**GOOD, "p": 59980}], [{**GOOD, "s": 0.1}], [{**GOOD, "t": {}}], [{**GOOD, "t": {"limit": {"tif": "Fok"}}}],
        [{**GOOD, "t": {"limit": {"tif": "Gtc", "x": 1}}}], [{**GOOD, "t": {"limit": {"tif": "Gtc"}, "trigger": {}}}],
        [{**GOOD, "t": {"trigger": {"isMarket": 1, "triggerPx": "1", "tpsl": "tp"}}}],
        [{**GOOD, "t": {"trigger": {"isMarket": True, "triggerPx": "1", "tpsl": "xx"}}}],
        [{**GOOD, "t": {"trigger": {"isMarket": True, "triggerPx": 1, "tpsl": "tp"}}}],
        [{**GOOD, "c": "0x1"}], [{**GOOD, "c": "0x" + "g" * 32}], [{**GOOD, "c": 5}], [{key: GOOD[key] for key in "abps"}],
    ],
)  # fmt: skip
def test_what_is_no_order_is_no_request(alice: Trader, orders: object) -> None:
    with pytest.raises(Unreadable, match="Failed to deserialize the JSON body into the target type"):
        carry_out(alice.venue.dialect, {"type": "order", "orders": orders, "grouping": "na"}, alice.signed)
    assert alice.venue.host.exchange.count_orders(alice.account) == 0


@pytest.mark.parametrize("more", [{"grouping": "x"}, {"grouping": 7}, {"builder": {"b": "0x"}}, {"grouping": {"p": "1"}}])
def test_the_terms_of_a_batch_are_looked_at(alice: Trader, more: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        carry_out(alice.venue.dialect, {"type": "order", "orders": [GOOD], "grouping": "na", **more}, alice.signed)


def test_a_builder_is_taken_and_paid_nothing(alice: Trader, bob: Trader) -> None:
    alice.order(limit("A", "60000", "1"))
    bob.order(limit("B", "60000", "1", "Ioc"), builder={"b": "0x" + "1" * 40, "f": 10})
    assert bob.venue.host.exchange.balance(bob.account) == 10**12 - 27_000_000, "the taker's 0.045 % alone"


def test_unknown_actions_are_no_requests(alice: Trader) -> None:
    for kind in ("nothing", None, 7, ["order"]):
        with pytest.raises(Unreadable):
            carry_out(alice.venue.dialect, {"type": kind}, alice.signed)


# -- client ids --------------------------------------------------------------------------------------------------------------------


def test_a_cloid_that_is_in_use_or_was_filled_is_refused(alice: Trader, bob: Trader) -> None:
    alice.order(limit("B", "59990", "0.1", cloid=CLOID))
    assert error(alice.order(limit("B", "59980", "0.2", cloid=CLOID))[0]).startswith("Duplicate cloid")
    bob.order(limit("A", "59990", "0.1", "Ioc"))
    assert error(alice.order(limit("B", "59980", "0.2", cloid=CLOID))[0]).startswith("Duplicate cloid")


def test_a_cloid_whose_order_was_cancelled_may_be_used_again(alice: Trader) -> None:
    for price in ("59990", "59980", "59970"):
        (told,) = alice.order(limit("B", price, "0.1", cloid=CLOID))
        assert told["resting"]["cloid"] == CLOID
        order = alice.venue.host.exchange.open_order(alice.account, told["resting"]["oid"])
        assert order is not None and alice.venue.dialect.cloids.text(alice.account, order.client_hi, order.client_lo) == CLOID
        assert alice.statuses("cancelByCloid", cancels=[{"asset": 0, "cloid": CLOID}]) == ["success"]
    assert alice.venue.host.exchange.count_orders(alice.account) == 0


def test_the_cloid_of_all_zeros_is_one(alice: Trader) -> None:
    zero = "0x" + "0" * 32
    alice.order(limit("B", "59990", "0.1", cloid=zero))
    assert alice.statuses("cancelByCloid", cancels=[{"asset": 0, "cloid": zero}]) == ["success"]


# -- cancel ------------------------------------------------------------------------------------------------------------------------


def test_orders_are_cancelled_by_id(alice: Trader, bob: Trader) -> None:
    oid = alice.order(limit("B", "59990", "0.1"))[0]["resting"]["oid"]
    missing = {"error": "Order was never placed, already canceled, or filled. asset=0"}
    assert bob.statuses("cancel", cancels=[{"a": 0, "o": oid}]) == [missing], "others' orders are not there"
    told = alice.statuses("cancel", cancels=[{"a": 1, "o": oid}, {"a": 0, "o": oid}, {"a": 0, "o": oid}, {"a": 0, "o": 0}], f=True)
    assert told == [{"error": missing["error"].replace("=0", "=1")}, "success", missing, missing]
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": 2**63}]) == [missing]


def test_orders_are_cancelled_by_cloid(alice: Trader, bob: Trader) -> None:
    alice.order(limit("B", "59990", "0.1", cloid=OTHER))
    one = {"asset": 0, "cloid": OTHER}
    assert list(bob.statuses("cancelByCloid", cancels=[one])[0]) == ["error"]
    told = alice.statuses("cancelByCloid", cancels=[{"asset": 1, "cloid": OTHER}, one, {"asset": 0, "cloid": CLOID}])
    assert [isinstance(status, dict) for status in told] == [True, False, True]


@pytest.mark.parametrize("item", [{"a": 0}, {"a": 0, "o": "1"}, {"a": 0, "o": -1}, {"a": 0, "o": 1, "x": 1}, 7, {"a": 0, "o": True}])
def test_what_is_no_cancel_is_no_request(alice: Trader, item: object) -> None:
    with pytest.raises(Unreadable):
        carry_out(alice.venue.dialect, {"type": "cancel", "cancels": [item]}, alice.signed)


# -- modify ------------------------------------------------------------------------------------------------------------------------


def test_a_modified_order_is_another_one(alice: Trader) -> None:
    oid = alice.order(limit("B", "59990", "0.1", cloid=CLOID))[0]["resting"]["oid"]
    (told,) = alice.statuses("batchModify", modifies=[{"oid": oid, "order": limit("B", "59980", "0.2", cloid=CLOID)}])
    new = told["resting"]["oid"]
    assert told == {"resting": {"oid": new, "cloid": CLOID}} and new > oid
    (told,) = alice.statuses("batchModify", modifies=[{"oid": CLOID, "order": limit("B", "59970", "0.2", cloid=CLOID)}])
    (order,) = alice.venue.host.exchange.open_orders(alice.account)
    assert (order.order_id, order.price, order.size) == (told["resting"]["oid"], 59_970, 20_000)
    assert alice.do("modify", oid=CLOID, order=limit("A", "60070", "0.3")) == OK
    (order,) = alice.venue.host.exchange.open_orders(alice.account)
    assert (order.side, order.price, order.size) == (1, 60_070, 30_000)


def test_what_is_gone_is_not_modified(alice: Trader) -> None:
    new = limit("B", "59980", "0.2")
    assert alice.statuses("batchModify", modifies=[{"oid": 7, "order": new}]) == [{"error": "Cannot modify canceled or filled order"}]
    assert alice.err("modify", oid=7, order=new) == "Cannot modify canceled or filled order"
    assert alice.venue.host.exchange.count_orders(alice.account) == 0
    assert list(alice.statuses("batchModify", modifies=[{"oid": 7, "order": new, "a": True}])[0]) == ["resting"]
    assert alice.do("modify", oid=7, order=new, a=True) == OK


def test_of_several_modifications_each_is_told(alice: Trader) -> None:
    first, second = (one["resting"]["oid"] for one in alice.order(limit("B", "59990", "0.1"), limit("B", "59980", "0.1")))
    told = alice.statuses("batchModify", modifies=[
        {"oid": first, "order": limit("B", "59900", "0.1")}, {"oid": 999, "order": limit("B", "59900", "0.1")},
        {"oid": second, "order": limit("B", "59800", "0.1")},
    ])  # fmt: skip
    assert [next(iter(one)) for one in told] == ["resting", "error", "resting"]
    assert alice.venue.host.exchange.count_orders(alice.account) == 2


def test_a_payload_that_is_wrong_modifies_nothing(alice: Trader) -> None:
    oid = alice.order(limit("B", "59990", "0.1"))[0]["resting"]["oid"]
    told = alice.statuses("batchModify", modifies=[{"oid": oid, "order": limit("B", "59990.5", "0.1")}])
    assert told == [{"error": "Price must be divisible by tick size. asset=0"}]
    assert alice.err("modify", oid=oid, order=limit("B", "59990", "0")) == "Order has zero size."
    assert alice.venue.host.exchange.count_orders(alice.account) == 1


# -- triggers ----------------------------------------------------------------------------------------------------------------------


def long_of(alice: Trader, bob: Trader, size: str = "1") -> None:
    bob.order(limit("A", "60000", size))
    assert list(alice.order(limit("B", "60000", size, "Ioc"))[0]) == ["filled"]


def move(venue: Venue, price: int) -> None:
    venue.host.send([UpdateOracle(0, 0, price, price)])
    venue.host.exchange.check()


def test_a_stop_fires_by_the_mark(alice: Trader, bob: Trader) -> None:
    long_of(alice, bob)
    (told,) = alice.order(trigger("A", "59000", "1", "sl", cloid=CLOID))
    assert told["resting"]["cloid"] == CLOID
    bob.order(limit("B", "58000", "1"))
    for _ in range(3):
        move(alice.venue, 55_000)
    assert alice.venue.host.exchange.position(alice.account, 0).size == 0


def test_triggers_are_cancelled_and_modified_like_orders(alice: Trader, bob: Trader) -> None:
    long_of(alice, bob)
    oid = alice.order(trigger("A", "59000", "1", "sl", cloid=CLOID))[0]["resting"]["oid"]
    (told,) = alice.statuses("batchModify", modifies=[{"oid": oid, "order": trigger("A", "58000", "1", "sl", cloid=CLOID)}])
    (one,) = alice.venue.host.exchange.triggers(alice.account)
    assert (one.order_id, one.trigger_price, one.slippage_ppm, one.source) == (told["resting"]["oid"], 58_000, 100_000, 0)
    assert alice.statuses("cancelByCloid", cancels=[{"asset": 0, "cloid": CLOID}]) == ["success"]
    (told,) = alice.order(trigger("A", "61000", "1", "tp", price="61500"))
    (one,) = alice.venue.host.exchange.triggers(alice.account)
    assert (one.price, one.trigger, one.slippage_ppm) == (61_500, 1, 0)
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": told["resting"]["oid"]}]) == ["success"]


def test_a_stop_may_open_a_position(alice: Trader) -> None:
    assert list(alice.order(trigger("B", "61000", "0.1", "sl", reduces=False))[0]) == ["resting"]


def test_take_profit_and_stop_of_the_whole_position_cancel_each_other(alice: Trader, bob: Trader) -> None:
    long_of(alice, bob)
    told = alice.order(trigger("A", "61000", "0", "tp"), trigger("A", "59000", "0", "sl"), grouping="positionTpsl")
    ids = [one["resting"]["oid"] for one in told]
    assert [one.size for one in alice.venue.host.exchange.triggers(alice.account)] == [0, 0]
    assert alice.venue.host.exchange.linked_with(ids[0]) == ids[1]
    assert alice.order(trigger("A", "59000", "0", "sl")) == [{"error": "Order has zero size."}], "only of positions"


def test_of_a_position_there_are_only_reducing_triggers(alice: Trader, bob: Trader) -> None:
    long_of(alice, bob)
    assert alice.order(limit("A", "61000", "1", reduces=True), grouping="positionTpsl") == [{"error": "Trigger order has unexpected type."}]
    not_reducing = trigger("A", "61000", "1", "tp", reduces=False)
    assert alice.order(not_reducing, grouping="positionTpsl") == [{"error": "TP/SL orders must be reduce-only."}]
    assert alice.venue.host.exchange.triggers(alice.account) == []


def test_children_of_an_order_wait_for_its_fill(alice: Trader, bob: Trader) -> None:
    children = trigger("A", "61000", "1", "tp"), trigger("A", "59000", "1", "sl")
    told = alice.order(limit("B", "59990", "1", cloid=CLOID), *children, grouping="normalTpsl")
    assert told == [{"resting": {"oid": told[0]["resting"]["oid"], "cloid": CLOID}}, "waitingForFill", "waitingForFill"]
    assert alice.venue.host.exchange.triggers(alice.account) == []
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    first, second = alice.venue.host.exchange.triggers(alice.account)
    assert (first.size, second.size, first.linked_with) == (40_000, 40_000, second.order_id)


def test_children_of_a_market_order_are_there_at_once(alice: Trader, bob: Trader) -> None:
    bob.order(limit("A", "60000", "2"))
    plain = trigger("A", "61000", "1", "tp"), trigger("A", "59000", "1", "sl")
    told = alice.order(limit("B", "60500", "1", "Ioc"), *plain, grouping="normalTpsl")
    assert told[0]["filled"]["totalSz"] == "1.0" and told[1:] == ["waitingForTrigger"] * 2
    assert len(alice.venue.host.exchange.triggers(alice.account)) == 2
    named = trigger("A", "61000", "1", "tp", price="61500", cloid=CLOID), trigger("A", "59000", "1", "sl", cloid=OTHER)
    told = alice.order(limit("B", "60500", "1", "FrontendMarket"), *named, grouping="normalTpsl")
    assert told[1:] == ["waitingForTrigger"] * 2
    third, fourth = alice.venue.host.exchange.triggers(alice.account)[2:]
    assert (third.price, third.linked_with) == (61_500, fourth.order_id)
    assert alice.statuses("cancelByCloid", cancels=[{"asset": 0, "cloid": OTHER}]) == ["success"]


def test_an_order_that_is_refused_has_no_children(alice: Trader) -> None:
    child = trigger("A", "61000", "1", "tp", cloid=CLOID)
    told = alice.order(limit("B", "60500", "1", "Ioc"), child, grouping="normalTpsl")
    assert [error(one) for one in told] == ["Order could not immediately match against any resting orders. asset=0"] * 2
    assert alice.venue.host.exchange.triggers(alice.account) == []


@pytest.mark.parametrize(
    ("orders", "text"),
    [
        ([limit("B", "60500", "1"), limit("A", "61000", "1")], "Trigger order has unexpected type."),
        ([trigger("A", "61000", "1", "tp"), trigger("A", "59000", "1", "sl")], "Trigger order has unexpected type."),
        ([limit("B", "60500", "1"), trigger("B", "61000", "1", "tp")], "Trigger order has unexpected type."),
        ([limit("B", "60500", "1")], "Unexpected number of trigger orders."),
        ([limit("B", "60500", "1"), *[trigger("A", "61000", "1", "tp")] * 2], "Unexpected number of trigger orders."),
        ([limit("B", "60500", "1"), trigger("A", "61000", "1", "tp", reduces=False)], "TP/SL orders must be reduce-only."),
    ],
)
def test_a_group_that_is_none_is_refused_as_a_whole(alice: Trader, orders: list[dict[str, object]], text: str) -> None:
    assert alice.order(*orders, grouping="normalTpsl") == [{"error": text}]
    assert alice.venue.host.exchange.count_orders(alice.account) == 0


def test_groups_that_the_venue_has_not_are_refused(alice: Trader) -> None:
    child = trigger("A", "61000", "1", "tp", price="61500")
    reducer = limit("B", "59990", "1", reduces=True)
    assert alice.err("order", orders=[reducer, child], grouping="normalTpsl").startswith("unsupported in sandbox: TP/SL")


# -- faults on demand --------------------------------------------------------------------------------------------------------------


def test_orders_are_refused_where_the_operator_has_asked_for_it(alice: Trader) -> None:
    faults = alice.venue.host.faults["alice"] = Faults()
    faults.rejects = 1
    told = alice.order(limit("B", "59990", "0.1"), limit("B", "59980", "0.1"))
    assert error(told[0]) == "Insufficient margin to place order. asset=0" and list(told[1]) == ["resting"]
    faults.rejects = 1
    group = alice.order(limit("B", "59990", "0.1"), trigger("A", "61000", "0.1", "tp"), grouping="normalTpsl")
    assert group == [{"error": "Insufficient margin to place order. asset=0"}] * 2, "as if the venue had refused it"


# -- a server that cannot ----------------------------------------------------------------------------------------------------------


def test_a_server_that_takes_no_commands_says_so(alice: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(rows: object) -> Applied:
        raise Refusal(Trouble.READ_ONLY, "the journal cannot be written")

    monkeypatch.setattr(alice.venue.host, "apply", refuse)
    assert alice.err("order", orders=[GOOD], grouping="na") == "the journal cannot be written"
    assert alice.err("modify", oid=1, order=GOOD) == "the journal cannot be written"
