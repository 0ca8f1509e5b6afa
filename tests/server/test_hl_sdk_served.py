"""hyperliquid-python-sdk against `perplab serve --venue testnet`: the calls of its examples that rest on names of markets."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import eth_account  # type: ignore[import-untyped]
import pytest
from hl_serve_kit import KEY, ME, served
from hyperliquid.exchange import Exchange  # type: ignore[import-untyped]
from hyperliquid.info import Info  # type: ignore[import-untyped]

GTC = {"limit": {"tif": "Gtc"}}
PATIENCE_S = 60


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served("--venue", "testnet") as url:
        yield url


@pytest.fixture(scope="module")
def info(url: str) -> Any:
    made = Info(url, skip_ws=True)
    assert float(made.user_state(ME)["marginSummary"]["accountValue"]) == 10_000
    return made


@pytest.fixture(scope="module")
def exchange(url: str, info: Any) -> Any:
    return Exchange(eth_account.Account.from_key(KEY), url)


def status(reply: Any) -> Any:
    (told,) = reply["response"]["data"]["statuses"]
    return told


def test_a_price_and_a_size_are_rounded_by_what_meta_tells(info: Any, exchange: Any) -> None:
    decimals = {one["name"]: one["szDecimals"] for one in info.meta()["universe"]}
    price = round(float(f"{1.2345678:.5g}"), 6 - decimals["OP"])
    placed = status(exchange.order("OP", True, round(12.345678, decimals["OP"]), price, GTC))
    assert status(exchange.cancel("OP", placed["resting"]["oid"])) == "success"


def test_pairs_go_by_name_and_by_number(info: Any, exchange: Any) -> None:
    placed = status(exchange.order("PURR/USDC", True, 24, 0.5, GTC))["resting"]["oid"]
    assert info.query_order_by_oid(ME, placed)["order"]["order"]["coin"] == "PURR/USDC"
    assert status(exchange.cancel("PURR/USDC", placed)) == "success"
    placed = status(exchange.order("@8", True, 1, 12, GTC))["resting"]["oid"]
    assert info.query_order_by_oid(ME, placed)["order"]["order"]["coin"] == "@8"
    assert status(exchange.cancel("KORILA/USDC", placed)) == "success"


def test_coins_are_bought_and_sold(info: Any, exchange: Any) -> None:
    bought = status(exchange.order("@8", True, 2, 24, {"limit": {"tif": "Ioc"}}))["filled"]
    assert (bought["totalSz"], 15 < float(bought["avgPx"]) < 24) == ("2.0", True)
    assert {one["coin"]: one["total"] for one in info.spot_user_state(ME)["balances"]}["KORILA"] == "2.0"
    sold = status(exchange.order("KORILA/USDC", False, 2, 15, {"limit": {"tif": "Ioc"}}))["filled"]
    assert sold["totalSz"] == "2.0"
    assert [one["coin"] for one in info.user_fills(ME)][:2] == ["@8", "@8"]


def test_pairs_that_are_no_markets_are_listed(info: Any, exchange: Any) -> None:
    contexts = info.spot_meta_and_asset_ctxs()
    assert [one["index"] for one in contexts[0]["universe"]] == list(range(9)) and len(contexts[1]) == 9
    assert exchange.order("@3", True, 10, 2, GTC) == {"status": "err", "response": "Unknown asset: 10003"}


def test_streams_of_pairs(url: str) -> None:
    heard: queue.Queue[Any] = queue.Queue()
    streams = Info(url)
    try:
        streams.subscribe({"type": "activeAssetCtx", "coin": "@1"}, heard.put)
        told = heard.get(timeout=PATIENCE_S)
        assert (told["channel"], told["data"]["coin"], told["data"]["ctx"]["markPx"]) == ("activeSpotAssetCtx", "@1", "1.0")
        streams.subscribe({"type": "activeAssetCtx", "coin": "@8"}, heard.put)
        told = next(one for one in iter(lambda: heard.get(timeout=PATIENCE_S), None) if one["data"]["coin"] == "@8")
        assert told["channel"] == "activeSpotAssetCtx" and float(told["data"]["ctx"]["midPx"]) > 1
        streams.subscribe({"type": "trades", "coin": "PURR/USDC"}, heard.put)
        told = next(one for one in iter(lambda: heard.get(timeout=PATIENCE_S), None) if one["channel"] == "trades" and one["data"])
        assert told["data"][0]["coin"] == "PURR/USDC"
    finally:
        streams.disconnect_websocket()
