"""Actions of Hyperliquid's API: what each does at the venue, and what it is answered with."""

from __future__ import annotations

from typing import Any

import pytest
from hyperliquid_kit import ALICE, BOB, BTC, CAROL, ETH, MICRO, Json, Venue, limit, trigger

from perplab.exchange import load_venue
from perplab.exchange.codes import AccountMode, MarginMode, Reason, Side
from perplab.exchange.messages import MAX_AMOUNT, SetAccountMode, UpdateOracle
from perplab.exchange.server.errors import REASON_TEXT
from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.hyperliquid.exchange import EXCHANGE
from perplab.exchange.server.hyperliquid.refusals import text_of

CLOID = "0x00000000000000000000000000000001"
ONE = 100_000  # lots of a bitcoin


def venue() -> Venue:
    """Alice is known, and there is a book: 1 BTC at 59,990 and at 60,010."""
    made = Venue()
    made.account(ALICE)
    made.rest(BTC, Side.BUY, 59_990, ONE)
    made.rest(BTC, Side.SELL, 60_010, ONE)
    return made


def oid_of(status: Json) -> int:
    (told,) = status.values()
    return int(told["oid"])


# -- orders --


def test_an_order_rests_fills_in_part_and_fills() -> None:
    v = venue()
    (resting,) = v.order(limit(BTC, True, "59000", "0.1", c=CLOID))
    assert resting == {"resting": {"oid": oid_of(resting), "cloid": CLOID}}
    v.account(BOB)
    (part,) = v.order(limit(BTC, True, "60010", "10"), user=BOB)
    assert part == {"error": "Insufficient margin to place order. asset=0"}
    (filled,) = v.order(limit(BTC, True, "60010", "0.3"))
    assert filled == {"filled": {"totalSz": "0.3", "avgPx": "60010", "oid": oid_of(filled)}}
    v.rest(BTC, Side.SELL, 60_020, ONE)
    (two_prices,) = v.order(limit(BTC, True, "60020", "0.8", "Ioc"), user=BOB)
    assert two_prices["filled"]["totalSz"] == "0.8" and two_prices["filled"]["avgPx"] == "60011.25"


def test_an_immediate_order_is_filled_as_far_as_it_goes() -> None:
    v = venue()
    (nothing,) = v.order(limit(BTC, True, "60000", "0.1", "Ioc"))
    assert nothing == {"error": "Order could not immediately match against any resting orders. asset=0"}
    (some,) = v.order(limit(BTC, True, "60010", "3", "Ioc"))
    assert some["filled"]["totalSz"] == "1"


@pytest.mark.parametrize(("order", "text"), [
    (limit(BTC, True, "60010", "0.1", "Alo"), "Post only order would have immediately matched, bbo was 59990@60010."),
    (limit(BTC, True, "60000.5", "0.1"), "Price must be divisible by tick size."),
    (limit(ETH, True, "3000.15", "0.1"), "Price must be divisible by tick size."),
    (limit(BTC, True, "60000", "0.1234567"), "Order has invalid size."),
    (limit(BTC, True, "60000", "0"), "Order has zero size."),
    (limit(BTC, True, "60000", "-1"), "Order has invalid size."),
    (limit(BTC, True, "0", "1"), "Order has invalid price."),
    (limit(BTC, True, "1e5", "1"), "Order has invalid price."),
    (limit(BTC, True, "abc", "1"), "Order has invalid price."),
    (limit(BTC, True, "9" * 30, "1"), "Order has invalid price."),
    (limit(BTC, True, "60000", "9" * 20), "Order has invalid size."),
    (limit(BTC, True, "50000", "0.0001"), "Order must have minimum value of $10."),
    (limit(BTC, True, "90000", "0.1"), "Order price too far from oracle"),
    (limit(BTC, True, "59000", "100"), "Insufficient margin to place order."),
    ({**limit(BTC, True, "59000", "0.1"), "r": True}, "Reduce only order would increase position."),
    ({**trigger(BTC, False, "61000", "0.1", "sl"), "r": False}, "Invalid TP/SL price."),
])  # fmt: skip
def test_what_is_refused_has_the_venues_words(order: Json, text: str) -> None:
    v = venue()
    before = v.host.exchange.state_hash()
    good = limit(BTC, True, "58000", "0.01")
    told = v.order(order, good)
    assert told[0] == {"error": f"{text} asset={order['a']}"} and "resting" in told[1], "the others of a batch are not touched"
    v.act({"type": "cancel", "cancels": [{"a": 0, "o": oid_of(told[1])}]})
    assert not v.ask("openOrders", user=ALICE) and before != ""


@pytest.mark.parametrize("change", [
    {"a": "0"}, {"b": 1}, {"r": None}, {"t": {}}, {"t": {"limit": {"tif": "Fok"}}}, {"t": {"limit": {"tif": "Gtc"}, "trigger": {}}},
    {"t": {"trigger": {"isMarket": 1, "triggerPx": "1", "tpsl": "tp"}}}, 
    {"t": {"trigger": {"isMarket": True, "triggerPx": "1", "tpsl": "x"}}},
    {"c": "0x1"}, {"c": 5}, {"c": "0x" + "g" * 32}, {"c": "0x" + "0" * 32}, {"x": 1}, {"c": "0x706572706c616200" + "0" * 16},
])  # fmt: skip
def test_a_malformed_order_is_no_request(change: Json) -> None:
    v = venue()
    before = v.host.exchange.state_hash()
    with pytest.raises(Unreadable, match="Failed to deserialize"):
        v.sent({"type": "order", "orders": [{**limit(BTC, True, "59000", "0.1"), **change}], "grouping": "na"})
    assert v.host.exchange.state_hash() == before


def test_whole_actions_that_are_refused() -> None:
    v = venue()
    assert v.refusal({"type": "order", "orders": [], "grouping": "na"}) == "Empty orders."
    many = [limit(BTC, True, "59000", "0.001")] * 1_001
    assert v.refusal({"type": "order", "orders": many, "grouping": "na"}) == "Too many orders: 1001, of 1000 at most."
    assert v.refusal({"type": "order", "orders": [limit(7, True, "1", "1")], "grouping": "na"}).startswith("Invalid asset: 7.")
    for wrong in ({"orders": 5}, {"orders": [1]}, {"orders": [limit(BTC, True, "1", "1")], "grouping": "x"}, {}):
        with pytest.raises(Unreadable):
            v.sent({"type": "order", "grouping": "na", **wrong})


def test_every_reason_of_the_venue_has_words() -> None:
    assert all(len(text_of(reason)) > 5 for reason in Reason) and text_of(Reason.MARKET_HALTED) == "The market is halted."
    assert len(REASON_TEXT) == len(Reason)


def test_a_client_id_is_refused_while_its_order_is_open_and_taken_again_afterwards() -> None:
    v = venue()
    (first,) = v.order(limit(BTC, True, "59000", "0.1", c=CLOID))
    (again,) = v.order(limit(BTC, True, "58000", "0.1", c=CLOID))
    assert again == {"error": f"Order {oid_of(first)} has this client order id, and is open. asset=0"}
    for price in ("58000", "57000"):
        assert v.act({"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": CLOID}]})["response"]["data"]["statuses"] == ["success"]
        (again,) = v.order(limit(BTC, True, price, "0.1", c=CLOID))
        assert again["resting"]["cloid"] == CLOID
        told = v.ask("orderStatus", user=ALICE, oid=CLOID)
        assert (told["order"]["order"]["oid"], told["order"]["order"]["limitPx"]) == (oid_of(again), price)
    assert [one["cloid"] for one in v.ask("frontendOpenOrders", user=ALICE)] == [CLOID]
    assert v.ask("orderStatus", user=BOB, oid=CLOID) == {"status": "unknownOid"}


def test_an_order_without_a_client_id_tells_none() -> None:
    v = venue()
    v.order(limit(BTC, True, "59000", "0.1"))
    (told,) = v.ask("openOrders", user=ALICE)
    assert "cloid" not in told and v.ask("frontendOpenOrders", user=ALICE)[0]["cloid"] is None


# -- cancelling and modifying --


def test_cancelling() -> None:
    v = venue()
    first, second = (oid_of(one) for one in v.order(limit(BTC, True, "59000", "0.1"), limit(BTC, True, "58000", "0.1")))
    gone = {"error": "Order was never placed, already canceled, or filled. asset=0"}
    statuses = v.act({"type": "cancel", "cancels": [{"a": 0, "o": first}, {"a": 0, "o": first}, {"a": 1, "o": second}, {"a": 0, "o": 0}]})
    assert statuses["response"]["data"]["statuses"] == ["success", gone, {"error": gone["error"].replace("=0", "=1")}, gone]
    v.account(BOB)
    told = v.act({"type": "cancel", "cancels": [{"a": 0, "o": second}]}, BOB)
    assert told["response"]["data"]["statuses"] == [gone], "it is not Bob's"
    assert [one["oid"] for one in v.ask("openOrders", user=ALICE)] == [second]
    for wrong in ({"a": 0, "o": "1"}, {"a": 0, "o": -1}, {"a": 0, "o": 2**63}, {"a": 0, "o": True}, {}, 5):
        with pytest.raises(Unreadable):
            v.sent({"type": "cancel", "cancels": [wrong]})


@pytest.mark.parametrize("by", ["oid", "cloid"])
def test_modifying_is_a_new_order(by: str) -> None:
    v = venue()
    (first,) = v.order(limit(BTC, True, "59000", "0.1", c=CLOID))
    named = oid_of(first) if by == "oid" else CLOID
    told = v.act({"type": "modify", "oid": named, "order": limit(BTC, True, "59100", "0.2", c=CLOID)})
    assert told == {"status": "ok", "response": {"type": "default"}}
    (order,) = v.ask("frontendOpenOrders", user=ALICE)
    assert (order["limitPx"], order["sz"], order["cloid"], order["tif"]) == ("59100", "0.2", CLOID, "Alo") and order["oid"] != oid_of(first)
    change = {"oid": order["oid"], "order": limit(BTC, True, "59200", "0.2")}
    (status,) = v.act({"type": "batchModify", "modifies": [change]})["response"]["data"]["statuses"]
    assert oid_of(status) != order["oid"]
    again = v.refusal({"type": "modify", "oid": named, "order": limit(BTC, True, "59300", "0.2")})
    assert again == "Cannot modify canceled or filled order. asset=0" and len(v.ask("openOrders", user=ALICE)) == 1
    taking = v.act({"type": "batchModify", "modifies": [{"oid": oid_of(status), "order": limit(BTC, True, "60010", "0.2")}]})
    assert "Post only" in taking["response"]["data"]["statuses"][0]["error"]
    always = {"oid": 1, "order": limit(BTC, True, "60010", "0.2"), "a": True}
    assert "filled" in v.act({"type": "batchModify", "modifies": [always]})["response"]["data"]["statuses"][0]


# -- triggers --


def test_triggers_by_the_mark() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.1"))
    stop, target = v.order(trigger(BTC, False, "55000", "0.1", "sl"), trigger(BTC, False, "65000", "0.05", "tp", is_market=False))
    told = {one["oid"]: one for one in v.ask("frontendOpenOrders", user=ALICE)}
    assert {name: told[oid_of(stop)][name] for name in ("orderType", "triggerCondition", "triggerPx", "isTrigger", "reduceOnly")} == {
        "orderType": "Stop Market", "triggerCondition": "Price below 55000", "triggerPx": "55000", "isTrigger": True, "reduceOnly": True
    }  # fmt: skip
    assert (told[oid_of(target)]["orderType"], told[oid_of(target)]["triggerCondition"]) == ("Take Profit Limit", "Price above 65000")
    v.host.send([UpdateOracle(0, BTC, 54_000)])
    assert v.ask("orderStatus", user=ALICE, oid=oid_of(stop))["order"]["status"] in ("filled", "canceled", "open", "iocCancelRejected")


def test_an_entry_with_take_profit_and_stop() -> None:
    v = venue()
    children = (trigger(BTC, False, "65000", "0.1", "tp"), trigger(BTC, False, "55000", "0.1", "sl"))
    told = v.order(limit(BTC, True, "59000", "0.1"), *children, grouping="normalTpsl")
    assert told[1:] == ["waitingForFill", "waitingForFill"] and "resting" in told[0]
    told = v.order(limit(BTC, True, "60010", "0.1"), *children, grouping="normalTpsl")
    assert told[1:] == ["waitingForTrigger", "waitingForTrigger"] and "filled" in told[0]
    kinds = sorted(one["orderType"] for one in v.ask("frontendOpenOrders", user=ALICE) if one["isTrigger"])
    assert kinds == ["Stop Market", "Take Profit Market"]
    for wrong in (
        [children[0]], [limit(BTC, True, "59000", "0.1"), limit(BTC, True, "59000", "0.1")], [limit(BTC, True, "59000", "0.1")],
        [limit(BTC, True, "59000", "0.1"), {**children[0], "b": True}], [limit(BTC, True, "59000", "0.1"), children[0], children[0]],
    ):  # fmt: skip
        assert v.refusal({"type": "order", "orders": wrong, "grouping": "normalTpsl"})


def test_take_profit_and_stop_of_a_position_cancel_each_other() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.1"))
    told = v.order(trigger(BTC, False, "65000", "0", "tp"), trigger(BTC, False, "55000", "0", "sl"), grouping="positionTpsl")
    assert told == ["waitingForTrigger", "waitingForTrigger"]
    first, second = v.ask("frontendOpenOrders", user=ALICE)
    assert first["isPositionTpsl"] and second["isPositionTpsl"]
    v.act({"type": "cancel", "cancels": [{"a": 0, "o": first["oid"]}]})
    assert v.ask("openOrders", user=ALICE) == []


# -- in time --


def test_a_scheduled_cancel() -> None:
    v = venue()
    v.order(limit(BTC, True, "59000", "0.1"))
    assert (
        v.refusal({"type": "scheduleCancel", "time": v.wall + 4_000}) == "Scheduled cancel time must be at least 5 seconds in the future."
    )
    assert v.act({"type": "scheduleCancel", "time": v.wall + 10_000})["status"] == "ok"
    v.world.later(9)
    assert len(v.ask("openOrders", user=ALICE)) == 1
    v.world.later(2)
    assert v.ask("openOrders", user=ALICE) == []
    assert v.ask("historicalOrders", user=ALICE)[0]["status"] == "scheduledCancel"
    assert v.act({"type": "scheduleCancel"})["status"] == "ok", "without a time it is taken back"


def test_a_twap() -> None:
    v = venue()
    asked = {"a": BTC, "b": True, "s": "0.1", "r": False, "m": 10, "t": False}
    told = v.act({"type": "twapOrder", "twap": asked})["response"]
    assert told["type"] == "twapOrder"
    number = told["data"]["status"]["running"]["twapId"]
    assert v.act({"type": "twapCancel", "a": BTC, "t": number})["response"] == {"type": "twapCancel", "data": {"status": "success"}}
    again = v.act({"type": "twapCancel", "a": BTC, "t": number})["response"]["data"]["status"]
    assert again == {"error": "TWAP was never placed, already canceled, or filled."}
    small = v.act({"type": "twapOrder", "twap": {**asked, "s": "0.0011", "m": 120}})["response"]["data"]["status"]
    assert small == {"error": "TWAP order value too small. Min is $1200, which is $10 per minute."}
    assert "Invalid TWAP duration" in v.act({"type": "twapOrder", "twap": {**asked, "m": 4}})["response"]["data"]["status"]["error"]


# -- margin and money --


def test_leverage_and_isolated_margin() -> None:
    v = venue()
    account = v.account(ALICE)
    assert v.act({"type": "updateLeverage", "asset": BTC, "isCross": False, "leverage": 5}) == {
        "status": "ok",
        "response": {"type": "default"},
    }
    position = v.host.exchange.position(account, BTC)
    assert (position.mode, position.leverage) == (MarginMode.ISOLATED, 5)
    v.order(limit(BTC, True, "60010", "0.1"))
    assert v.act({"type": "updateIsolatedMargin", "asset": BTC, "isBuy": True, "ntli": 100 * MICRO})["status"] == "ok"
    assert v.act({"type": "updateIsolatedMargin", "asset": BTC, "isBuy": True, "ntli": -50 * MICRO})["status"] == "ok"
    assert (
        v.refusal({"type": "updateLeverage", "asset": BTC, "isCross": True, "leverage": 5})
        == "Cannot switch leverage type with open position."
    )
    assert v.refusal({"type": "updateLeverage", "asset": BTC, "isCross": False, "leverage": 41}) == "Invalid leverage value"
    assert v.refusal({"type": "updateLeverage", "asset": BTC, "isCross": False, "leverage": 0}) == "Invalid leverage value"
    assert v.refusal({"type": "updateIsolatedMargin", "asset": BTC, "isBuy": True, "ntli": MAX_AMOUNT + 1}) == "Invalid margin amount."


def user_signed(v: Venue, kind: str, **fields: Any) -> Json:
    return {"type": kind, "hyperliquidChain": "Testnet", "signatureChainId": "0x66eee", **fields, "time": v.wall + 1}


def with_nonce(v: Venue, kind: str, **fields: Any) -> Json:
    return {"type": kind, "hyperliquidChain": "Testnet", "signatureChainId": "0x66eee", **fields, "nonce": v.wall + 1}


def test_money_is_sent_and_withdrawn() -> None:
    v = venue()
    assert v.act(user_signed(v, "usdSend", destination=BOB, amount="1000.5"))["status"] == "ok"
    assert v.ask("clearinghouseState", user=BOB)["withdrawable"] == "11000.5"
    assert v.act(user_signed(v, "withdraw3", destination=CAROL, amount="999.5"))["status"] == "ok"
    assert v.ask("clearinghouseState", user=ALICE)["withdrawable"] == "8000"
    for amount in ("8000.1", "99999999999"):
        assert v.refusal(user_signed(v, "withdraw3", destination=ALICE, amount=amount))
    for amount in ("0", "-1", "0.0000001", "9" * 30):
        assert v.refusal(user_signed(v, "usdSend", destination=BOB, amount=amount)).startswith("Invalid amount")
    for amount in ("abc", 5, "1e3", None):
        with pytest.raises(Unreadable):
            v.sent(user_signed(v, "usdSend", destination=BOB, amount=amount))
    assert v.act(with_nonce(v, "usdClassTransfer", amount="8000", toPerp=False))["status"] == "ok"
    assert v.refusal(with_nonce(v, "usdClassTransfer", amount="8000.01", toPerp=False)) == "Insufficient balance for transfer."
    assert v.ask("clearinghouseState", user=ALICE)["withdrawable"] == "8000"


def test_sub_accounts() -> None:
    v = venue()
    told = v.act({"type": "createSubAccount", "name": "carry"})["response"]
    sub = told["data"]
    assert told["type"] == "createSubAccount" and v.refusal({"type": "createSubAccount", "name": "carry"}).endswith("is taken.")
    assert v.act({"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": True, "usd": 2_500 * MICRO})["status"] == "ok"
    (one,) = v.ask("subAccounts", user=ALICE)
    assert (one["name"], one["subAccountUser"], one["master"], one["clearinghouseState"]["withdrawable"]) == ("carry", sub, ALICE, "2500")
    (status,) = v.order(limit(BTC, True, "59000", "0.1"), vaultAddress=sub)
    assert "resting" in status and v.ask("openOrders", user=ALICE) == [] and len(v.ask("openOrders", user=sub)) == 1
    assert v.ask("userRole", user=sub) == {"role": "subAccount", "data": {"master": ALICE}}
    v.account(BOB)
    for action in (
        {"type": "order", "orders": [limit(BTC, True, "59000", "0.1")], "grouping": "na"},
        {"type": "cancel", "cancels": [{"a": 0, "o": oid_of(status)}]},
    ):
        assert v.refusal(action, BOB, vaultAddress=sub) == f"Vault not registered: {sub}"
    stolen = {"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": False, "usd": MICRO}
    assert v.refusal(stolen, BOB) == f"Sub-account {sub} is not one of {BOB}."
    assert v.act({**stolen, "usd": 500 * MICRO})["status"] == "ok"
    assert v.ask("clearinghouseState", user=sub)["marginSummary"]["accountValue"] == "2000"


def test_a_frozen_account_and_a_venue_that_takes_nothing() -> None:
    v = venue()
    v.host.send([SetAccountMode(0, v.account(ALICE), AccountMode.FROZEN)])
    (told,) = v.order(limit(BTC, True, "59000", "0.1"))
    assert told["error"].startswith(text_of(Reason.ACCOUNT_FROZEN))


# -- where commands wait --


def test_a_reply_waits_for_the_block() -> None:
    v = Venue(load_venue("hyperliquid"), prices=False)
    v.account(ALICE)
    v.host.send([UpdateOracle(0, 0, 60_000)])
    v.world.later(1)
    told = v.sent({"type": "order", "orders": [limit(0, True, "59000", "0.01", c=CLOID), limit(0, True, "1", "0.01")], "grouping": "na"})
    assert told == []
    v.world.later(0.1)
    (reply,) = told
    resting, refused = reply["response"]["data"]["statuses"]
    assert resting["resting"]["cloid"] == CLOID and "error" in refused
    gone = v.sent({"type": "cancel", "cancels": [{"a": 0, "o": oid_of(resting)}, {"a": 0, "o": 77}]})
    assert gone == []
    v.world.later(0.1)
    assert gone[0]["response"]["data"]["statuses"][0] == "success" and "error" in gone[0]["response"]["data"]["statuses"][1]


# -- all there are --


def test_what_is_accepted_without_effect_and_what_is_refused() -> None:
    v = venue()
    before = v.host.exchange.state_hash()
    for entry in EXCHANGE.entries.values():
        if entry.call.__name__ == "nothing":
            action = (
                with_nonce(v, entry.name)
                if entry.name in ("approveBuilderFee", "userSetAbstraction", "userDexAbstraction")
                else {"type": entry.name}
            )
            assert v.act(action)["status"] == "ok", entry.name
        elif entry.cover == "refused":
            fields = with_nonce(v, entry.name) if entry.name in ("tokenDelegate", "convertToMultiSigUser") else {"type": entry.name}
            assert v.refusal(fields).startswith(f"Unsupported in sandbox: {entry.name}, since "), entry.name
    assert v.host.exchange.state_hash() == before
    with pytest.raises(Unreadable, match="Failed to deserialize"):
        v.sent({"type": "nonsense"})


def test_nobody_trades_before_he_is_known() -> None:
    v = Venue(faucet=0)
    assert v.refusal({"type": "noop"}, ALICE) == f"Must deposit before performing actions. User: {ALICE}"
    assert v.ask("clearinghouseState", user=ALICE)["marginSummary"]["accountValue"] == "0.0"
