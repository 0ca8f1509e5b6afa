"""Questions in the Hyperliquid dialect that are none, and what questions cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hl_info_kit import Scene

from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.hyperliquid.info import INFO, answer, weight_of
from perplab.exchange.server.log import logged

TEXT = "Failed to deserialize the JSON body into the target type"
USER = "0x" + "1" * 40
OF_USERS = (
    "clearinghouseState", "spotClearinghouseState", "subAccounts", "openOrders", "frontendOpenOrders", "orderStatus", "historicalOrders",
    "userFills", "userFillsByTime", "userFunding", "userNonFundingLedgerUpdates", "userTwapSliceFills", "twapHistory",
    "userTwapSliceFillsByTime", "webData2", "webData3", "userFees",
    "userRateLimit", "userRole", "extraAgents", "referral", "maxBuilderFee", "portfolio", "userAbstraction", "userDexAbstraction",
    "userToMultiSigSigners", "delegatorSummary", "delegations", "delegatorRewards", "delegatorHistory", "userVaultEquities",
    "spotDeployState", "activeAssetData",
)  # fmt: skip
REST: dict[str, dict[str, Any]] = {  # what a question needs besides a user
    "orderStatus": {"oid": 1}, "userFillsByTime": {"startTime": 0},
    "userTwapSliceFillsByTime": {"startTime": 0}, "maxBuilderFee": {"builder": USER}, "activeAssetData": {"coin": "BTC"},
}  # fmt: skip
WANTED = (  # by the issue of clients: each has an answer
    "meta", "spotMeta", "metaAndAssetCtxs", "spotMetaAndAssetCtxs", "allMids", "l2Book", "recentTrades", "candleSnapshot", "fundingHistory",
    "predictedFundings", "perpDexs", "exchangeStatus", "allPerpMetas", "outcomeMeta", "perpsAtOpenInterestCap", "perpDeployAuctionStatus",
    *OF_USERS,
)  # fmt: skip
CANDLES = {"coin": "BTC", "interval": "1m", "startTime": 0}


def refused(body: object) -> None:
    with pytest.raises(Unreadable) as caught:
        answer(Scene().dialect, body)
    assert str(caught.value) == TEXT


@pytest.mark.parametrize("body", [None, [], "meta", 7, {}, {"type": None}, {"type": 3}, {"type": []}, {"type": {}}, {"type": "Meta"}])
def test_what_is_no_question(body: object) -> None:
    refused(body)


@pytest.mark.parametrize("user", [None, 5, "", "0x", USER[:-1], USER + "1", "1" * 42, "0x" + "g" * 40, ["0x"], True, "0x" + " " * 40])
@pytest.mark.parametrize("kind", OF_USERS)
def test_users_are_addresses(kind: str, user: object) -> None:
    refused({"type": kind, "user": user, **REST.get(kind, {})})


@pytest.mark.parametrize("kind", OF_USERS)
def test_and_have_to_be_named(kind: str) -> None:
    refused({"type": kind, **REST.get(kind, {})})
    Scene().ask(kind, user=USER, **REST.get(kind, {}))


@pytest.mark.parametrize("coin", [None, 0, [], {}, True])
@pytest.mark.parametrize("kind", ["l2Book", "recentTrades", "fundingHistory"])
def test_coins_are_texts(kind: str, coin: object) -> None:
    refused({"type": kind, "coin": coin, "startTime": 0})
    refused({"type": kind, "startTime": 0})


@pytest.mark.parametrize("given", [
    {"nSigFigs": 1}, {"nSigFigs": 6}, {"nSigFigs": "5"}, {"nSigFigs": True}, {"nSigFigs": 5, "mantissa": 3}, {"nSigFigs": 4, "mantissa": 2},
    {"mantissa": 2}, {"nSigFigs": 5, "mantissa": "2"}, {"nSigFigs": 5, "mantissa": True}, {"nSigFigs": 5.0}, {"nSigFigs": []},
])  # fmt: skip
def test_figures_of_a_book(given: dict[str, Any]) -> None:
    refused({"type": "l2Book", "coin": "BTC", **given})


@pytest.mark.parametrize("given", [{"nSigFigs": None, "mantissa": None}, {"nSigFigs": 5, "mantissa": 1}, {"nSigFigs": 2}])
def test_figures_that_may_be_left_out(given: dict[str, Any]) -> None:
    assert Scene().ask("l2Book", coin="BTC", **given)["levels"] == [[], []]


@pytest.mark.parametrize("times", [
    {}, {"startTime": None}, {"startTime": -1}, {"startTime": "0"}, {"startTime": 1.5}, {"startTime": True}, {"startTime": 2**53 + 1},
    {"startTime": 0, "endTime": -1}, {"startTime": 0, "endTime": "now"}, {"startTime": 0, "endTime": 2**70},
])  # fmt: skip
@pytest.mark.parametrize("kind", ["fundingHistory", "userFillsByTime", "candleSnapshot"])
def test_times(kind: str, times: dict[str, Any]) -> None:
    body = {"coin": "BTC", "user": USER, **times}
    refused({"type": kind, "req": {"interval": "1m", **body}} if kind == "candleSnapshot" else {"type": kind, **body})


@pytest.mark.parametrize("request_of", [
    None, [], "BTC", {}, {**CANDLES, "interval": "7m"}, {**CANDLES, "interval": None}, {**CANDLES, "interval": []}, {**CANDLES, "coin": 1},
])  # fmt: skip
def test_candles(request_of: object) -> None:
    refused({"type": "candleSnapshot", "req": request_of})


@pytest.mark.parametrize("oid", [None, "", "7", -1, 1.5, True, [], {}, "0x12", "0x" + "g" * 32, 2**53 + 1, "0x" + "1" * 33])
def test_order_ids(oid: object) -> None:
    refused({"type": "orderStatus", "user": USER, "oid": oid})


def test_flags_are_flags() -> None:
    refused({"type": "userFills", "user": USER, "aggregateByTime": "yes"})
    refused({"type": "userFillsByTime", "user": USER, "startTime": 0, "reversed": 1})


@pytest.mark.parametrize("dex", ["xyz", 1, [], True])
def test_there_are_no_other_venues(dex: object) -> None:
    refused({"type": "meta", "dex": dex})
    assert Scene().ask("meta", dex="") == Scene().ask("meta", dex=None) == Scene().ask("meta")


def test_an_unknown_question_is_noted_by_its_name(tmp_path: Path) -> None:
    with logged(str(tmp_path / "log")):
        refused({"type": "gossipRootIps" + "s" * 1_000})
        Scene().ask("meta")
    (line,) = (json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if "unknown_request" in line)
    assert (line["level"], line["of"], line["type"]) == ("warning", "info", ("gossipRootIps" + "s" * 1_000)[:64])


# -- all of them -----------------------------------------------------------------------------------------------------------------


def test_every_question_that_clients_ask_has_an_answer() -> None:
    scene = Scene()
    for kind in {*WANTED, *INFO.entries}:
        scene.ask(kind, user=USER, startTime=0, coin="BTC", req=CANDLES, oid=1, builder=USER)
    assert set(WANTED) <= set(INFO.entries)
    scene.venue.check()


def test_the_same_on_a_venue_with_spot_markets() -> None:
    scene = Scene("portfolio", prices=(60_000, 60_000))
    for kind in INFO.entries:
        scene.ask(kind, user=USER, startTime=0, coin="BTC/USDC", req={**CANDLES, "coin": "@0"}, oid=1, builder=USER)


def test_questions_change_nothing() -> None:
    scene = Scene()
    account, address = scene.user(10**5)
    maker, _ = scene.user(10**5)
    scene.trade(account, maker, 60_000, 1_000)
    before = scene.venue.state_hash()
    for kind in INFO.entries:
        scene.ask(kind, user=address, startTime=0, coin="BTC", req=CANDLES, oid=1, builder=USER)
    assert scene.venue.state_hash() == before and not scene.venue.is_busy


def test_constant_shapes() -> None:
    scene = Scene()
    assert scene.ask("perpDexs") == [None] and scene.ask("userAbstraction", user=USER) == "disabled"
    assert scene.ask("exchangeStatus") == {"specialStatuses": None, "time": scene.dialect.now_ms}
    assert scene.ask("allPerpMetas") == [scene.ask("meta")]
    assert scene.ask("outcomeMeta") == {"outcomes": [], "questions": []}


def test_weights_are_the_documented_ones() -> None:
    light = {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
    assert {name for name, entry in INFO.entries.items() if entry.weight == 2} == light
    assert {name for name, entry in INFO.entries.items() if entry.weight == 60} == {"userRole"}
    assert {entry.weight for entry in INFO.entries.values()} == {2, 20, 60}
    assert weight_of("userFills", [{}] * 45) == 22 and weight_of("candleSnapshot", [{}] * 119) == 21
    assert weight_of("recentTrades", None) == 20 and weight_of("allMids", {"BTC": "1"}) == 2
