"""What is answered with 422 has one line in the log, which names the field and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hl_kit import ALICE, NOW, Json, Venue, limit, trigger
from sockets import Place
from test_hl_sockets import run, venue

from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.log import logged

ONE = limit(0, True, "50000", "0.01")
NO_CLOID = "not 0x and 32 hex digits"
TIFS = "Gtc, Ioc, Alo, FrontendMarket"


def order(**more: object) -> Json:
    return {"type": "order", "orders": [ONE, {**ONE, **more}], "grouping": "na"}


def cancel(**more: object) -> Json:
    return {"type": "cancel", "cancels": [{"a": 0, "o": 5, **more}]}


def lines_of(log: Path) -> list[Json]:
    return [line for line in map(json.loads, log.read_text().splitlines()) if line["level"] == "warning"]


def of(line: Json) -> tuple[str, str, str]:
    return line["event"], line["of"], line["why"]


@pytest.mark.parametrize(("action", "why"), [
    (order(p=60000.5), "orders[1].p is a number, not a text"), (order(s=0.01), "orders[1].s is a number, not a text"),
    (order(s=1), "orders[1].s is a number, not a text"), (order(r=0), "orders[1].r is a number, not true or false"),
    (order(b="true"), "orders[1].b is a text of 4 characters, not true or false"),
    (order(t={"limit": {"tif": "gtc"}}), f'orders[1].t.limit.tif is "gtc", not one of {TIFS}'),
    (order(t={"limit": {"tif": "x" * 64}}), f"orders[1].t.limit.tif is a text of 64 characters, not one of {TIFS}"),
    (order(t={"limit": {"tif": "Gtc", "x": 1}}), "orders[1].t.limit has 'x' in it, which is none of its fields tif"),
    (order(t={}), "orders[1].t has 0 fields, not one of limit, trigger"),
    (order(t={"limit": {"tif": "Gtc"}, "trigger": None}), "orders[1].t has 2 fields, not one of limit, trigger"),
    (order(t={"limit": "Gtc"}), "orders[1].t.limit is a text of 3 characters, not a map"),
    (order(a="0"), "orders[1].a is a text of 1 character, not a whole number"),
    (order(a="BTC"), "orders[1].a is a text of 3 characters, not a whole number"),
    (order(a=0.5), "orders[1].a is a number, not a whole number"),
    (order(c="0xabc"), f"orders[1].c is a text of 5 characters, {NO_CLOID}"),
    (order(price="1"), "orders[1] has 'price' in it, which is none of its fields a, b, p, s, r, t, c"),
    ({**order(), "orders": ONE}, "orders is a map, not a list"), ({**order(), "orders": [5]}, "orders[0] is a number, not a map"),
    ({**order(), "grouping": "Na"}, 'grouping is "Na", not one of na, normalTpsl, positionTpsl, or {"p": whole number}'),
    ({"type": "order", "orders": [{**trigger(0, False, "50000", "0.01", "sl"), "t": {"trigger": {
        "isMarket": "yes", "triggerPx": "1", "tpsl": "sl"}}}], "grouping": "na"},
     "orders[0].t.trigger.isMarket is a text of 3 characters, not true or false"),
    (cancel(o="5"), "cancels[0].o is a text of 1 character, not a whole number from 0 on"),
    (cancel(o=-5), "cancels[0].o is a number below 0, not a whole number from 0 on"),
    ({"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": 7}]}, f"cancels[0].cloid is a number, {NO_CLOID}"),
    ({"type": "modify", "oid": "7", "order": ONE}, "oid is a text of 1 character, not an order's number, or 0x and 32 hex digits"),
    ({"type": "batchModify", "modifies": [{"oid": 7, "order": {**ONE, "p": 1}}]}, "modifies[0].order.p is a number, not a text"),
    ({"type": "updateLeverage", "asset": 0, "isCross": 1, "leverage": 5}, "isCross is a number, not true or false"),
    ({"type": "usdSend", "destination": "0x5", "amount": "1", "time": NOW + 1},
     "destination is a text of 3 characters, not 0x and 40 hex digits"),
    ({"type": "usdSend", "destination": "0x" + "5" * 40, "amount": 1, "time": NOW + 1}, "amount is a number, not a text"),
    ({"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "1", "r": False, "m": "5", "t": False}},
     "twap.m is a text of 1 character, not a whole number"),
])  # fmt: skip
def test_an_action_that_is_none(tmp_path: Path, action: Json, why: str) -> None:
    v = Venue()
    v.host.trust = True
    with logged(str(tmp_path / "log")), pytest.raises(Unreadable, match=r"^Failed to deserialize the JSON body into the target type$"):
        v.act(action)
    (line,) = lines_of(tmp_path / "log")
    assert of(line) == ("bad_request", action["type"], why)


@pytest.mark.parametrize(("question", "why"), [
    ({"type": "openOrders"}, "user is missing"), ({"type": "openOrders", "user": "0x12"},
     "user is a text of 4 characters, not 0x and 40 hex digits"),
    ({"type": "userFillsByTime", "user": ALICE}, "startTime is missing"),
    ({"type": "userFillsByTime", "user": ALICE, "startTime": "0"}, "startTime is a text of 1 character, not a whole number from 0 to 2^53"),
    ({"type": "userFills", "user": ALICE, "aggregateByTime": 1}, "aggregateByTime is a number, not true or false"),
    ({"type": "l2Book"}, "coin is missing"), ({"type": "l2Book", "coin": "BTC", "nSigFigs": 9}, "nSigFigs is 9, not 2, 3, 4 or 5"),
    ({"type": "meta", "dex": "xyz"}, 'dex is "xyz"; there is one here, whose name is empty'),
    ({"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "7m", "startTime": 0}}, 'req.interval is "7m"; it is one of 1m, '),
    ({"type": "candleSnapshot"}, "req is missing"), ({}, "type is missing"),
    ({"type": "orderStatus", "user": ALICE, "oid": "5"}, "oid is a text of 1 character, not a whole number from 0 to 2^53"),
])  # fmt: skip
def test_a_question_that_is_none(tmp_path: Path, question: Json, why: str) -> None:
    v = Venue()
    with logged(str(tmp_path / "log")), pytest.raises(Unreadable):
        v.desk.info(question, "here")
    (line,) = lines_of(tmp_path / "log")
    assert of(line)[:2] == ("bad_request", question.get("type", "None")) and line["why"].startswith(why)


@pytest.mark.parametrize(("path", "body", "why"), [
    ("/info", b"{", "the body is no JSON: Input data was truncated"), ("/exchange", b"[1]", "the body is a list, not a map"),
    ("/exchange", b"", "the body is no JSON: Input data was truncated"), ("/exchange", b'{"nonce": 1}', "action is missing"),
    ("/exchange", b'{"action": {"type": "noop"}}', "nonce is missing"),
    ("/exchange", b'{"action": {}, "nonce": 1}', "action.type is missing"),
    ("/exchange", b'{"action": {"type": "noop"}, "nonce": "1"}', "nonce is a text of 1 character, not a whole number"),
    ("/exchange", b'{"action": {"type": "noop"}, "nonce": -1}', "nonce is a number below 0, not a whole number from 0 on"),
])  # fmt: skip
def test_a_body_that_is_none(tmp_path: Path, path: str, body: bytes, why: str) -> None:
    async def ask(place: Place) -> Any:
        async with aiohttp.ClientSession() as client, client.post(place.url(path), data=body) as reply:
            return reply.status, await reply.text()

    with logged(str(tmp_path / "log")):
        assert run(venue(), ask) == (422, "Failed to deserialize the JSON body into the target type")
    (line,) = lines_of(tmp_path / "log")
    assert of(line) == ("bad_request", path[1:] if "below" not in why else "noop", why)
