"""TWAPs in the Hyperliquid dialect: what runs, what became of it, and the fills of its slices, by questions and by subscriptions."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hl_kit import ALICE, BTC, Json, Venue, limit

from perplab.exchange.codes import CancelReason, Side
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.hyperliquid.refusals import why_cancelled
from perplab.exchange.server.hyperliquid.talk import Talk

STATE = {
    "coin", "executedNtl", "executedSz", "minutes", "randomize", "reduceOnly", "side", "stopPx", "sz", "timestamp", "trigger", "user",
}  # fmt: skip


def venue() -> Venue:
    v = Venue()
    v.account(ALICE)
    v.rest(BTC, Side.SELL, 60_010, 100_000)
    v.rest(BTC, Side.BUY, 59_990, 100_000)
    return v


def begin(v: Venue, minutes: int = 5, **more: Any) -> int:
    terms = {"a": BTC, "b": True, "s": "0.1", "r": False, "m": minutes, "t": False, **more}
    told = v.act({"type": "twapOrder", "twap": terms})
    number = told["response"]["data"]["status"]["running"]["twapId"]
    assert isinstance(number, int)
    return number


def later(v: Venue, seconds: int) -> None:
    for _ in range(0, seconds, 10):
        v.host.send([UpdateOracle(0, market, price) for market, price in enumerate((60_000, 30_000, 150_000))])
        v.world.later(10)


def test_one_that_runs() -> None:
    v = venue()
    number = begin(v)
    later(v, 60)
    ((told_number, state),) = v.ask("webData2", user=ALICE)["twapStates"]
    assert told_number == number and set(state) == STATE
    assert (state["coin"], state["side"], state["sz"], state["minutes"], state["user"]) == ("BTC", "B", "0.1", 5, ALICE)
    assert (state["executedSz"], state["executedNtl"]) == ("0.03", "1800.3") and state["reduceOnly"] is False
    (begun,) = v.ask("twapHistory", user=ALICE)
    assert begun["status"] == {"status": "activated"} and begun["twapId"] == number and begun["time"] == state["timestamp"] // 1_000
    assert begun["state"]["executedSz"] == "0.0"


def test_slices_are_told_as_of_their_twap() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.01"))
    later(v, 10)
    number = begin(v)
    later(v, 60)
    fills = v.ask("userFills", user=ALICE)
    assert [one["twapId"] for one in fills] == [number] * 3 + [None]
    assert [int(one["hash"], 16) == 0 for one in fills] == [True] * 3 + [False]
    slices = v.ask("userTwapSliceFills", user=ALICE)
    assert slices == [{"fill": one, "twapId": number} for one in fills[:3]]
    by_time = v.ask("userTwapSliceFillsByTime", user=ALICE, startTime=slices[1]["fill"]["time"], endTime=slices[1]["fill"]["time"])
    assert by_time == [slices[1]]


def test_ends() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.1"))
    done, stopped = begin(v), begin(v, b=False)
    v.act({"type": "twapCancel", "a": BTC, "t": stopped})
    only = begin(v, b=False, r=True, s="0.05")
    later(v, 400)
    told = {(one["twapId"], one["status"]["status"]): one for one in v.ask("twapHistory", user=ALICE)}
    assert set(told) == {
        (done, "activated"), (done, "finished"), (stopped, "activated"), (stopped, "terminated"), (only, "activated"), (only, "finished"),
    }  # fmt: skip
    state = told[done, "finished"]["state"]
    assert state["executedSz"] == "0.1" and Decimal(state["executedNtl"]) == Decimal("6001")
    assert v.ask("webData2", user=ALICE)["twapStates"] == []
    times = [one["time"] for one in v.ask("twapHistory", user=ALICE)]
    assert times == sorted(times, reverse=True)


def test_an_end_that_the_venue_has_made_is_an_error() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.1"))
    begin(v, b=False, r=True)
    later(v, 30)
    v.order(limit(BTC, False, "59990", "1", "Ioc", r=True))
    later(v, 30)
    told = v.ask("twapHistory", user=ALICE)[0]["status"]
    assert told == {"status": "error", "description": "TWAP was canceled: reduce only."}


def test_one_that_ends_by_a_scheduled_cancel_is_ended_by_its_user() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.1"))
    number = begin(v, b=False)
    assert v.act({"type": "scheduleCancel", "time": v.wall + 6_000})["status"] == "ok"
    later(v, 30)
    told = v.ask("twapHistory", user=ALICE)[0]
    assert (told["twapId"], told["status"]) == (number, {"status": "terminated"})


def test_one_that_waits_for_a_price_is_refused() -> None:
    v = venue()
    action = {"type": "twapOrder", "twap": {"a": BTC, "b": True, "s": "0.1", "r": False, "m": 5, "t": False}}
    for wanted in ({"t": {"p": "60000", "a": True}, "s": None}, {"t": None, "s": "50000"}):
        told = v.act({**action, "details": wanted})
        assert told == {"status": "err", "response": "unsupported in sandbox: a TWAP that waits for a price, or stops at one"}
    assert v.ask("twapHistory", user=ALICE) == []
    assert "running" in v.act({**action, "details": {"t": None, "s": None}})["response"]["data"]["status"]


def test_every_reason_of_a_cancel_has_words() -> None:
    words = {reason: why_cancelled(reason) for reason in CancelReason}
    assert all(text and text == text.lower() and "_" not in text for text in words.values()) and len(set(words.values())) == len(words)


def test_one_that_is_older_than_what_is_kept() -> None:
    v = venue()
    number = begin(v)
    later(v, 60)
    v.host.history.begin_anew(v.host.exchange)
    ((told_number, state),) = v.ask("webData2", user=ALICE)["twapStates"]
    assert told_number == number and (state["executedSz"], state["minutes"], state["sz"]) == ("0.03", 5, "0.1")
    later(v, 60)
    ((_, state),) = v.ask("webData2", user=ALICE)["twapStates"]
    assert state["executedSz"] == "0.05"
    assert [one["twapId"] for one in v.ask("userFills", user=ALICE)] == [number] * 2


def test_what_is_open_at_a_rewind_keeps_its_times() -> None:
    v = venue()
    number = begin(v)
    v.order(limit(BTC, True, "59000", "0.1"))
    v.order({**limit(BTC, False, "58000", "0.1", r=True), "t": {"trigger": {"isMarket": True, "triggerPx": "58000", "tpsl": "sl"}}})
    later(v, 30)

    def told() -> list[list[Json]]:
        asked = [v.ask(kind, user=ALICE) for kind in ("openOrders", "frontendOpenOrders", "twapHistory", "historicalOrders")]
        return [*asked[:3], [one for one in asked[3] if one["status"] == "open"]]  # without orders that are over: slices

    before = told()
    assert [len(one) for one in before] == [2, 2, 1, 2]
    v.host.keep("s")
    later(v, 60)
    v.host.go_back("s")
    v.dialect.go_back()
    assert told() == before
    later(v, 300)
    end, begun = v.ask("twapHistory", user=ALICE)
    assert (end["twapId"], end["status"], begun) == (number, {"status": "finished"}, before[2][0])


# -- subscriptions ---------------------------------------------------------------------------------------------------------------


class Heard:
    """A socket without a socket."""

    def __init__(self, v: Venue) -> None:
        self.talk = Talk(v.desk, lambda: None, "here")

    def subscribe(self, kind: str) -> None:
        self.talk.receive_message(json.dumps({"method": "subscribe", "subscription": {"type": kind, "user": ALICE}}).encode())

    def told(self, channel: str) -> list[Json]:
        found = [json.loads(one) for one in self.talk.messages()]
        return [one["data"] for one in found if one["channel"] == channel]


def test_twaps_by_subscription() -> None:
    v = venue()
    heard = {kind: Heard(v) for kind in ("twapStates", "userTwapHistory", "userTwapSliceFills", "userEvents", "orderUpdates")}
    for kind, one in heard.items():
        one.subscribe(kind)
    assert heard["twapStates"].told("twapStates") == [{"dex": "", "user": ALICE, "states": []}]
    assert heard["userTwapHistory"].told("userTwapHistory") == [{"isSnapshot": True, "user": ALICE, "history": []}]
    assert heard["userTwapSliceFills"].told("userTwapSliceFills") == [{"isSnapshot": True, "user": ALICE, "twapSliceFills": []}]
    assert heard["userEvents"].told("user") == []
    number = begin(v)
    v.host.flush()
    (begun,) = heard["userTwapHistory"].told("userTwapHistory")
    assert [one["status"] for one in begun["history"]] == [{"status": "activated"}] and "isSnapshot" not in begun
    (sliced,) = heard["userTwapSliceFills"].told("userTwapSliceFills")
    assert [one["twapId"] for one in sliced["twapSliceFills"]] == [number]
    events = {name: told for one in heard["userEvents"].told("user") for name, told in one.items()}
    assert set(events) == {"fills", "twapHistory", "twapSliceFills"}
    assert events["twapSliceFills"] == sliced["twapSliceFills"] and events["twapHistory"] == begun["history"]
    later(v, 10)
    v.host.flush()
    assert heard["twapStates"].told("twapStates")[-1]["states"][0][0] == number
    v.act({"type": "twapCancel", "a": BTC, "t": number})
    v.host.flush()
    updates = [one["order"] for told in heard["orderUpdates"].told("orderUpdates") for one in told]
    assert all(one["oid"] != number and float(one["limitPx"]) for one in updates), "slices are orders, their TWAP is none"
    (ended,) = heard["userTwapHistory"].told("userTwapHistory")
    assert [one["status"] for one in ended["history"]] == [{"status": "terminated"}]
    again = Heard(v)
    again.subscribe("userTwapHistory")
    (snapshot,) = again.told("userTwapHistory")
    assert [one["status"]["status"] for one in snapshot["history"]] == ["terminated", "activated"]
