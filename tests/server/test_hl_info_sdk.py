"""hyperliquid-python-sdk asks: its own class against the answers, over HTTP on this machine; and their fields against samples of the live
venue (cassettes of the SDK's tests, its docstrings, and the schemas that nktkas/hyperliquid checks)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hl_info_kit import BUY, SELL, Scene
from wire import START

from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.hyperliquid.info import INFO, answer

sdk = pytest.importorskip("hyperliquid.info")
types = pytest.importorskip("hyperliquid.utils.types")
error = pytest.importorskip("hyperliquid.utils.error")
NOW = START // 1_000_000


class Handler(BaseHTTPRequestHandler):
    scene: Scene

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/info"
        try:
            code, told = 200, json.dumps(answer(self.scene.dialect, json.loads(body))).encode()
        except Unreadable as refused:
            code, told = 422, str(refused).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def scene() -> Scene:
    found = Scene()
    account, _ = found.user(10**5)
    maker, _ = found.user(10**6)
    found.trade(account, maker, 60_000, 1_000)
    found.place(account, BUY, 59_000, 1_000, client_hi=1, client_lo=2)
    found.place(maker, SELL, 60_100, 1_000)
    return found


@pytest.fixture
def info(scene: Scene) -> Iterator[Any]:
    handler = type("OfScene", (Handler,), {"scene": scene})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield sdk.Info(f"http://127.0.0.1:{server.server_port}", skip_ws=True)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def address_of(scene: Scene) -> str:
    return scene.people.address(8)


def test_it_knows_every_coin(info: Any) -> None:
    assert [info.name_to_asset(name) for name in ("BTC", "ETH", "SOL", "PURR/USDC", "@1")] == [0, 1, 2, 10_000, 10_001]
    assert info.asset_to_sz_decimals[0] == 5
    assert sdk.Info(info.base_url, skip_ws=True, perp_dexs=[""]).name_to_asset("SOL") == 2


def test_it_asks_for_prices(info: Any) -> None:
    assert set(info.all_mids()) == {"BTC", "ETH", "SOL"}
    assert len(info.l2_snapshot("BTC")["levels"]) == 2
    meta, contexts = info.meta_and_asset_ctxs()
    assert [set(one) for one in contexts] == [set(types.PerpAssetCtx.__annotations__)] * 3
    assert set(types.Meta.__annotations__) <= set(meta) and set(types.AssetInfo.__annotations__) <= set(meta["universe"][0])
    spot, contexts = info.spot_meta_and_asset_ctxs()
    assert set(types.SpotAssetCtx.__annotations__) <= set(contexts[0])
    assert set(types.SpotTokenInfo.__annotations__) <= set(spot["tokens"][0])
    assert set(types.SpotAssetInfo.__annotations__) == set(spot["universe"][0])
    assert info.candles_snapshot("BTC", "1m", NOW, NOW)[0]["n"] == 1
    assert info.funding_history("BTC", 0) == [] and info.perp_dexs() == [None]


def test_it_asks_for_an_account(info: Any, scene: Scene) -> None:
    address = address_of(scene)
    state = info.user_state(address)
    assert float(state["marginSummary"]["accountValue"]) > 0 and state["assetPositions"][0]["position"]["coin"] == "BTC"
    assert info.spot_user_state(address) == {"balances": []}
    (order,) = info.open_orders(address)
    assert info.frontend_open_orders(address)[0]["oid"] == order["oid"]
    assert info.query_order_by_oid(address, order["oid"])["order"]["status"] == "open"
    assert info.query_order_by_cloid(address, types.Cloid(order["cloid"]))["order"]["order"]["oid"] == order["oid"]
    (fill,) = info.user_fills(address)
    assert set(types.Fill.__annotations__) <= set(fill) and info.user_fills_by_time(address, 0, aggregate_by_time=True) == [fill]
    assert len(info.historical_orders(address)) == 2 and info.user_funding_history(address, 0, NOW) == []
    assert [one["delta"]["type"] for one in info.user_non_funding_ledger_updates(address, 0)] == ["deposit"]


def test_it_asks_for_the_rest(info: Any, scene: Scene) -> None:
    address = address_of(scene)
    assert info.user_role(address) == {"role": "user"} and info.query_sub_accounts(address) == [] and info.extra_agents(address) == []
    assert info.user_fees(address)["userCrossRate"] == "0.00045" and info.user_rate_limit(address)["nRequestsCap"] == 10_600
    assert len(info.portfolio(address)) == 8 and info.query_referral_state(address)["referredBy"] is None
    assert info.query_user_abstraction_state(address) == "disabled" and info.query_user_dex_abstraction_state(address) is False
    assert info.query_user_to_multi_sig_signers(address) is None and info.user_vault_equities(address) == []
    assert info.query_perp_deploy_auction_status()["startGas"] == "0.0" and info.query_spot_deploy_auction_status(address)["states"] == []
    assert info.user_staking_summary(address)["nPendingWithdrawals"] == 0 and info.user_twap_slice_fills(address) == []
    for call in (info.user_staking_delegations, info.user_staking_rewards, info.delegator_history):
        assert call(address) == []


def test_what_is_no_question_is_a_client_error(info: Any) -> None:
    with pytest.raises(error.ClientError) as caught:
        info.user_state("nobody")
    assert caught.value.args[0] == 422 and "Failed to deserialize the JSON body into the target type" in caught.value.args


# -- fields, as the live venue has them --------------------------------------------------------------------------------------------

SAMPLES = {
    "clearinghouseState": {
        "marginSummary", "crossMarginSummary", "crossMaintenanceMarginUsed", "withdrawable", "assetPositions", "time",
    },
    "userFees": {
        "dailyUserVlm", "feeSchedule", "userCrossRate", "userAddRate", "userSpotCrossRate", "userSpotAddRate", "activeReferralDiscount",
        "trial", "feeTrialEscrow", "nextTrialAvailableTimestamp", "stakingLink", "activeStakingDiscount",
    },
    "referral": {
        "referredBy", "cumVlm", "unclaimedRewards", "claimedRewards", "builderRewards", "referrerState", "rewardHistory", "tokenToState",
    },
    "userRateLimit": {"cumVlm", "nRequestsUsed", "nRequestsCap", "nRequestsSurplus"},
    "delegatorSummary": {"delegated", "undelegated", "totalPendingWithdrawal", "nPendingWithdrawals"},
    "perpDeployAuctionStatus": {"startTimeSeconds", "durationSeconds", "startGas", "currentGas", "endGas"},
    "exchangeStatus": {"specialStatuses", "time"},
    "activeAssetData": set(types.ActiveAssetData.__annotations__),
}  # fmt: skip
ITEMS = {
    "candleSnapshot": {"T", "c", "h", "i", "l", "n", "o", "s", "t", "v"},
    "recentTrades": {"coin", "side", "px", "sz", "time", "hash", "tid", "users"},
    "historicalOrders": {"order", "status", "statusTimestamp"},
}  # fmt: skip
POSITION = {
    "coin", "szi", "leverage", "entryPx", "positionValue", "unrealizedPnl", "returnOnEquity", "liquidationPx", "marginUsed", "maxLeverage",
    "cumFunding",
}  # fmt: skip
INTEGERS = {  # all other numbers are texts
    "time", "oid", "n", "leverage", "value", "szDecimals", "maxLeverage", "marginTableId", "collateralToken", "tid", "t", "T", "timestamp",
    "statusTimestamp", "weiDecimals", "index", "tokens", "token", "nRequestsUsed", "nRequestsCap", "nRequestsSurplus", "nSamples", "nonce",
    "nPendingWithdrawals", "startTimeSeconds", "durationSeconds", "nReferrals", "nextFundingTime", "fundingIntervalHours", "serverTime",
}  # fmt: skip
UNNAMED = {"marginTables", "accountValueHistory", "pnlHistory"}  # lists of pairs, of which a number is first
REQUEST = {"coin": "BTC", "interval": "1m", "startTime": 0}


@pytest.mark.parametrize("kind", SAMPLES)
def test_fields_of_answers(scene: Scene, kind: str) -> None:
    assert set(scene.ask(kind, user=address_of(scene), coin="BTC")) == SAMPLES[kind]


@pytest.mark.parametrize("kind", ITEMS)
def test_fields_of_items(scene: Scene, kind: str) -> None:
    told = scene.ask(kind, user=address_of(scene), coin="BTC", req=REQUEST)
    assert told and all(set(one) == ITEMS[kind] for one in told)


def test_fields_of_a_position(scene: Scene) -> None:
    (told,) = scene.ask("clearinghouseState", user=address_of(scene))["assetPositions"]
    assert set(told) == {"type", "position"} and told["type"] == "oneWay" and set(told["position"]) == POSITION


def numbers_in(told: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(told, dict):
        for key, value in told.items():
            yield from numbers_in(value, key)
    elif isinstance(told, list):
        for value in told:
            yield from numbers_in(value, name)
    elif isinstance(told, int | float) and not isinstance(told, bool):
        yield name, told


def test_numbers_are_texts_but_for_those_that_are_not(scene: Scene) -> None:
    for kind in INFO.entries:
        if kind != "maxBuilderFee":
            told = scene.ask(kind, user=address_of(scene), coin="BTC", req=REQUEST, startTime=0, oid=3)
            for name, number in numbers_in(told, kind):
                assert isinstance(number, int) and name in INTEGERS | UNNAMED, (kind, name, number)
