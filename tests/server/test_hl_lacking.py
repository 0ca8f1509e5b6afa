"""Actions of Hyperliquid's API with a field left out, or null, that has to be there: no request at all, as on the live venue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hl_kit import Json, limit
from hl_signed_kit import ALICE, OK, ORDER, Venue

from perplab.exchange.server.hyperliquid.canonical import lacking
from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.hyperliquid.signing import FIELDS
from perplab.exchange.server.log import logged

ONE = limit(0, True, "50000", "0.01")
STOP = {**ONE, "t": {"trigger": {"isMarket": True, "triggerPx": "1", "tpsl": "sl"}}}
TWAP = {"a": 0, "b": True, "s": "0.05", "r": False, "m": 5, "t": False}


def order(one: Json, **more: object) -> Json:
    return {"type": "order", "orders": [one], "grouping": "na", **more}


def without(one: Json, name: str) -> Json:
    return {key: value for key, value in one.items() if key != name}


@pytest.mark.parametrize(("action", "text"), [
    *((order({**ONE, name: None}), f"orders[0].{name} may not be null") for name in "abpsrt"),
    *((order(without(ONE, name)), f"orders[0].{name} is missing") for name in "abpsrt"),
    (order({**ONE, "t": {"limit": {"tif": None}}}), "orders[0].t.limit.tif may not be null"),
    (order({**STOP, "t": {"trigger": {"isMarket": None, "triggerPx": "1", "tpsl": "sl"}}}), "orders[0].t.trigger.isMarket may not be null"),
    (order(ONE, orders=[ONE, ONE, {**ONE, "r": None}]), "orders[2].r may not be null"),
    (order(ONE, grouping=None), "grouping may not be null"), (without(order(ONE), "grouping"), "grouping is missing"),
    (order(ONE, builder={"b": "0x" + "a" * 40, "f": None}), "builder.f may not be null"),
    ({"type": "cancel", "cancels": [{"a": 0, "o": None}]}, "cancels[0].o may not be null"), ({"type": "cancel"}, "cancels is missing"),
    ({"type": "cancelByCloid", "cancels": [{"cloid": "0x" + "1" * 32}]}, "cancels[0].asset is missing"),
    ({"type": "modify", "oid": 1, "order": {**ONE, "p": None}}, "order.p may not be null"),
    ({"type": "batchModify", "modifies": [{"oid": None, "order": ONE}]}, "modifies[0].oid may not be null"),
    ({"type": "updateLeverage", "asset": 0, "isCross": None, "leverage": 3}, "isCross may not be null"),
    ({"type": "twapOrder", "twap": {**TWAP, "t": None}}, "twap.t may not be null"),
    ({"type": "usdSend", "destination": None, "amount": "1", "time": 1}, "destination may not be null"),
])  # fmt: skip
def test_what_is_missing_or_null_is_named(action: Json, text: str) -> None:
    assert lacking(action) == text


@pytest.mark.parametrize("action", [
    order({**ONE, "c": None}), order(ONE, builder=None), order(STOP), order(ONE, unknown=None), {"type": "scheduleCancel", "time": None},
    {"type": "scheduleCancel"}, {"type": "cancel", "cancels": [{"a": 0, "o": 1}], "f": None}, {"type": "twapOrder", "twap": TWAP},
    {"type": "batchModify", "modifies": [{"oid": 1, "order": ONE, "a": None}], "a": None}, {"type": "order", "orders": 5, "grouping": "na"},
    {"type": "approveAgent", "agentAddress": "0x" + "a" * 40, "agentName": None, "nonce": 1},
    {"type": "order", "orders": [5], "grouping": {}},
    *({"type": kind} for kind in FIELDS), {"type": "createVault", "name": None}, {"type": "noop"},
])  # fmt: skip
def test_what_may_be_left_out_or_is_wrong_otherwise_is_not(action: Json) -> None:
    assert lacking(action) == ""


@pytest.mark.parametrize("signs", ["what was sent", "what was not"])
def test_it_is_no_request_whoever_has_signed(tmp_path: Path, signs: str) -> None:
    v = Venue()
    action = order({**ONE, "r": None}) if signs == "what was sent" else order(without(ONE, "r"))
    with logged(str(tmp_path / "log")), pytest.raises(Unreadable, match=r"^Failed to deserialize the JSON body into the target type$"):
        v.l1(ALICE, action)
    (line,) = (json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if "bad_request" in line)
    why = "may not be null" if signs == "what was sent" else "is missing"
    assert (line["level"], line["of"], line["why"]) == ("warning", "order", f"orders[0].r {why}")


def test_an_order_has_a_grouping() -> None:
    v = Venue()
    with pytest.raises(Unreadable):
        v.l1(ALICE, without(ORDER, "grouping"))
    reply: Any = v.l1(ALICE, ORDER)
    assert reply["status"] == "ok" and v.l1(ALICE, {"type": "scheduleCancel", "time": None})["status"] == "err", "null is hashed as nothing"
    assert v.l1(ALICE, {"type": "scheduleCancel"}) == OK
