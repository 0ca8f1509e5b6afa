"""Orders that were refused, as questions and subscriptions of the Hyperliquid dialect tell them: with what they asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hl_kit import ALICE, BOB, BTC, Json, Venue, limit, trigger

from perplab.exchange.codes import Side
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.hyperliquid import refused
from perplab.exchange.server.hyperliquid.talk import Talk

CLOID = "0x" + "0" * 31 + "1"


def venue(name: str = "sandbox") -> Venue:
    v = Venue(name)
    if name != "sandbox":
        v.host.send([UpdateOracle(0, BTC, 60_000)])
    v.account(ALICE)
    v.rest(BTC, Side.SELL, 60_010, 100_000)
    return v


def refused_of(v: Venue, user: str = ALICE) -> list[Json]:
    return [one for one in v.ask("historicalOrders", user=user) if one["status"].endswith("Rejected")]


def test_those_with_client_ids_and_those_without() -> None:
    v = venue()
    told = v.order(
        limit(BTC, True, "59000", "0.01"), limit(BTC, True, "60010", "0.02", "Alo"), limit(BTC, True, "60020", "0.03", "Alo", c=CLOID),
        limit(BTC, True, "50000", "99"), {**limit(BTC, False, "61000", "0.05"), "r": True},
    )  # fmt: skip
    assert [next(iter(one)) for one in told] == ["resting", *["error"] * 4]
    history = v.ask("historicalOrders", user=ALICE)
    by_size = {one["order"]["origSz"]: one for one in history}
    assert {size: one["status"] for size, one in by_size.items()} == {
        "0.01": "open", "0.02": "badAloPxRejected", "0.03": "badAloPxRejected", "99.0": "perpMarginRejected", "0.05": "reduceOnlyRejected",
    }  # fmt: skip
    terms = [by_size[size]["order"] for size in ("0.02", "0.03", "0.05")]
    assert [(one["side"], one["limitPx"], one["sz"], one["tif"], one["reduceOnly"]) for one in terms] == [
        ("B", "60010.0", "0.02", "Alo", False), ("B", "60020.0", "0.03", "Alo", False), ("A", "61000.0", "0.05", "Gtc", True),
    ]  # fmt: skip
    assert [one["cloid"] for one in terms] == [None, CLOID, None]
    assert all(v.ask("orderStatus", user=ALICE, oid=one["order"]["oid"])["order"] == one for one in history)
    assert v.ask("orderStatus", user=ALICE, oid=CLOID)["order"] == by_size["0.03"]
    assert v.ask("orderStatus", user=BOB, oid=by_size["0.02"]["order"]["oid"]) == {"status": "unknownOid"}
    assert len({one["order"]["oid"] for one in history}) == 5


def test_a_trigger_and_a_modified_order() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.02"), limit(BTC, True, "59000", "0.01", "Alo"))
    (error,) = v.order(trigger(BTC, False, "61000", "0.02", "sl"))
    assert "error" in error
    (one,) = refused_of(v)
    order = one["order"]
    assert one["status"] == "badTriggerPxRejected" and (order["side"], order["triggerPx"], order["sz"]) == ("A", "61000.0", "0.02")
    assert (order["orderType"], order["isTrigger"], order["triggerCondition"]) == ("Stop Market", True, "Price below 61000")
    gone = {"oid": 999, "order": limit(BTC, True, "60010", "0.04", "Alo"), "a": True}
    v.act({"type": "batchModify", "modifies": [gone]})
    newest = refused_of(v)[0]
    assert (newest["status"], newest["order"]["sz"]) == ("badAloPxRejected", "0.04")


def test_where_orders_wait_it_is_kept_when_the_reply_comes() -> None:
    v = venue("hyperliquid")
    v.world.later(0.2)
    terms = [limit(BTC, True, "60010", "0.02", "Alo"), limit(BTC, True, "60020", "0.03", "Alo")]
    told = [v.sent({"type": "order", "orders": [one], "grouping": "na"}) for one in terms]
    assert told == [[], []] and refused_of(v) == []
    v.world.later(0.2)
    assert all(len(one) == 1 for one in told)
    assert sorted((one["order"]["limitPx"], one["order"]["sz"]) for one in refused_of(v)) == [("60010.0", "0.02"), ("60020.0", "0.03")]


def test_a_subscription_tells_each_of_them() -> None:
    v = venue()
    one = Talk(v.desk, lambda: None, "here")
    one.receive_message(json.dumps({"method": "subscribe", "subscription": {"type": "orderUpdates", "user": ALICE}}).encode())
    one.messages()
    v.order(limit(BTC, True, "60010", "0.02", "Alo"), limit(BTC, True, "60020", "0.03", "Alo"))
    v.host.flush()
    (updates,) = (message["data"] for message in map(json.loads, one.messages()) if message["channel"] == "orderUpdates")
    assert [(told["status"], told["order"]["sz"]) for told in updates] == [("badAloPxRejected", "0.02"), ("badAloPxRejected", "0.03")]


def test_they_are_bounded_and_push_out_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused, "MOST", 400)
    v = venue()
    v.order(limit(BTC, True, "59000", "0.01", c=CLOID))
    v.act({"type": "cancelByCloid", "cancels": [{"asset": BTC, "cloid": CLOID}]})
    for _ in range(13):
        v.order(*[limit(BTC, True, "60010", "0.02", "Alo") for _ in range(50)])
    history: list[Any] = v.ask("historicalOrders", user=ALICE)
    assert len(history) == 501 and history[-1]["status"] == "canceled"
    assert [one["order"]["sz"] for one in history[:-1]] == ["0.02"] * 400 + ["0.0"] * 100, "of the oldest it is not known any more"
    assert len(v.dialect.refused._terms) == 400


def test_what_the_venue_forgets_is_forgotten() -> None:
    v = venue()
    v.host.keep("before")
    v.order(limit(BTC, True, "60010", "0.02", "Alo"))
    v.host.go_back("before")
    v.host.tell_epoch("before")
    assert refused_of(v) == [] and not v.dialect.refused._terms
