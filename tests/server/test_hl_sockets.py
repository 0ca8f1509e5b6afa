"""Hyperliquid's API over HTTP and sockets: its SDK as users have it, bodies that are none, subscriptions, and who is cut off."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hl_kit import ALICE, BTC, ETH, Json, Venue, limit
from sockets import PATIENCE_S, Place, served, until

from perplab.exchange.codes import Side
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.hyperliquid.desk import REGISTRIES
from perplab.exchange.server.hyperliquid.shell import Shell
from perplab.exchange.server.hyperliquid.talk import SUBSCRIPTIONS as MOST
from perplab.exchange.server.limits import Limits
from perplab.exchange.server.log import logged

KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
NOT_READ = "Failed to deserialize the JSON body into the target type"


def venue() -> Venue:
    made = Venue()
    made.rest(BTC, Side.BUY, 59_990, 100_000)
    made.rest(BTC, Side.SELL, 60_010, 100_000)
    made.rest(ETH, Side.BUY, 29_999, 100_000)
    made.rest(ETH, Side.SELL, 30_001, 100_000)
    return made


def run(v: Venue, body: Callable[[Place], Any]) -> Any:
    """A conversation with a server of this venue."""

    async def whole() -> Any:
        async with served(v.world, Shell(v.desk)) as place, asyncio.timeout(PATIENCE_S):
            return await body(place)

    return asyncio.run(whole())


# -- the SDK --


def test_the_sdk_trades_as_it_is() -> None:
    """Its signatures are checked; nonces are its clock's."""
    from eth_account import Account  # type: ignore[import-untyped]
    from hyperliquid.exchange import Exchange  # type: ignore[import-untyped]
    from hyperliquid.info import Info  # type: ignore[import-untyped]

    v = venue()
    v.people.wall = lambda: time.time_ns() // 1_000_000
    wallet = Account.from_key(KEY)

    def trade(url: str) -> None:
        info = Info(url, skip_ws=True)
        assert info.user_state(wallet.address)["marginSummary"]["accountValue"] == "10000.0"
        exchange = Exchange(wallet, url)
        placed = exchange.order("ETH", True, 0.2, 1_100 * 2.5, {"limit": {"tif": "Gtc"}})["response"]["data"]["statuses"][0]
        assert info.query_order_by_oid(wallet.address, placed["resting"]["oid"])["order"]["status"] == "open"
        assert exchange.cancel("ETH", placed["resting"]["oid"])["response"]["data"]["statuses"] == ["success"]
        filled = exchange.market_open("ETH", True, 0.05)["response"]["data"]["statuses"][0]["filled"]
        assert filled["avgPx"] == "3000.1"
        assert exchange.update_leverage(5, "ETH")["status"] == "ok"
        assert info.user_state(wallet.address)["assetPositions"][0]["position"]["leverage"]["value"] == 5
        assert "filled" in exchange.market_close("ETH")["response"]["data"]["statuses"][0]
        approved, agent_key = exchange.approve_agent("bot")
        assert approved["status"] == "ok"
        agent = Exchange(Account.from_key(agent_key), url, account_address=wallet.address)
        assert "resting" in agent.order("BTC", True, 0.01, 59_000, {"limit": {"tif": "Alo"}})["response"]["data"]["statuses"][0]
        refused = agent.usd_transfer(1, wallet.address)
        mine = Account.from_key(agent_key).address.lower()
        assert refused["response"].startswith(f"Must deposit before performing actions. User: {mine}. It is an API wallet of ")
        stranger = Exchange(Account.from_key("0x" + "5" * 64), url)
        text = stranger.order("BTC", True, 0.01, 59_000, {"limit": {"tif": "Gtc"}})["response"]
        assert text.startswith("L1 error: User or API Wallet 0x") and "clearinghouseState" in text
        assert [one["coin"] for one in info.open_orders(wallet.address)] == ["BTC"]

    run(v, lambda place: asyncio.to_thread(trade, place.url("")))
    v.host.exchange.check()


# -- bodies that are none --


@pytest.mark.parametrize(("path", "body"), [
    ("/info", b""), ("/info", b"{"), ("/info", b"[]"), ("/info", b"5"), ("/info", b'"meta"'), ("/info", b"{}"), ("/info", b'{"type": 5}'),
    ("/info", b'{"type": "nonsense"}'), ("/info", b'{"type": "l2Book"}'), ("/info", b'{"type": "l2Book", "coin": 5}'),
    ("/info", b'{"type": "userFills", "user": "0x1"}'), ("/info", b'{"type": "meta"'), ("/info", b"\xff\xfe"), ("/info", b"[" * 100_000),
    ("/exchange", b"{}"), ("/exchange", b'{"action": 5, "nonce": 1}'), ("/exchange", b'{"action": {"type": "order"}}'),
    ("/exchange", b'{"action": {"type": "order"}, "nonce": "1"}'), ("/exchange", b'{"action": {"type": "nonsense"}, "nonce": 1}'),
])  # fmt: skip
def test_a_body_that_is_no_request(path: str, body: bytes) -> None:
    async def ask(place: Place) -> tuple[int, str]:
        async with aiohttp.ClientSession() as client, client.post(place.url(path), data=body) as told:
            return told.status, await told.text()

    v = venue()
    before = v.host.exchange.state_hash()
    assert run(v, ask) == (422, NOT_READ) and v.host.exchange.state_hash() == before


def test_too_large_a_body_and_pages_of_others() -> None:
    async def ask(place: Place) -> list[int]:
        found = []
        async with aiohttp.ClientSession() as client:
            for body, headers in (
                (b"x" * 70_000, {}), (b'{"type": "meta"}', {"Origin": "https://elsewhere.example"}),
                (b'{"type": "meta"}', {"Origin": place.url("")}), (b'{"type": "meta"}', {}),
            ):  # fmt: skip
                async with client.post(place.url("/info"), data=body, headers=headers) as told:
                    found.append(told.status)
        return found

    v = venue()
    v.host.limits = Limits(frame_bytes=65_536)
    assert run(v, ask) == [413, 403, 200, 200]


def test_what_is_covered_is_served() -> None:
    async def ask(place: Place) -> str:
        async with aiohttp.ClientSession() as client, client.get(place.url("/coverage")) as told:
            assert "default-src 'none'" in told.headers["Content-Security-Policy"]
            return await told.text()

    page = run(venue(), ask)
    assert all(f"<code>{name}</code>" in page for registry in REGISTRIES for name in registry.entries)


def test_the_budget_of_weights() -> None:
    async def ask(place: Place) -> list[int]:
        found = []
        async with aiohttp.ClientSession() as client:
            for _ in range(62):
                async with client.post(place.url("/info"), json={"type": "meta"}) as told:
                    found.append(told.status)
        return found

    v = Venue(weights=True)
    assert run(v, ask) == [200] * 60 + [429] * 2
    v.world.monotonic += 1_000_000_000
    assert run(v, ask)[:2] == [200, 429], "20 in a second"


# -- sockets --


class Peer:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def until(self, channel: str, fits: Callable[[Any], bool] = lambda data: True) -> Any:
        while True:
            message = await self.socket.receive_json()
            if message["channel"] == channel and fits(message.get("data")):
                return message.get("data")

    async def subscribe(self, kind: str, **named: Any) -> Json:
        await self.send(method="subscribe", subscription={"type": kind, **named})
        told = await self.until("subscriptionResponse")
        assert told["method"] == "subscribe"
        found: Json = told["subscription"]
        return found


def talk(v: Venue, body: Callable[[Peer, Place], Any]) -> None:
    async def whole(place: Place) -> None:
        async with aiohttp.ClientSession() as client, client.ws_connect(place.url()) as socket:
            await body(Peer(socket), place)

    run(v, whole)


def shown(v: Venue, place: Place, seconds: float = 1.0) -> None:
    """Let time pass, and market data go out."""
    v.world.later(seconds)
    place.server.stir()


def test_ping_errors_and_posts() -> None:
    async def body(peer: Peer, place: Place) -> None:
        await peer.send(method="ping")
        assert (await peer.socket.receive_json()) == {"channel": "pong"}
        for wrong in ({"method": "nonsense"}, {"method": "subscribe"}, {"method": "subscribe", "subscription": {"type": "x"}}):
            await peer.send(**wrong)
            assert "Error parsing JSON into valid websocket request" in await peer.until("error")
        await peer.socket.send_str("{")
        assert "Error parsing JSON" in await peer.until("error")
        await peer.send(method="post", id=1, request={"type": "info", "payload": {"type": "meta"}})
        told = await peer.until("post")
        assert (told["id"], told["response"]["type"], told["response"]["payload"]["type"]) == (1, "info", "meta")
        await peer.send(method="post", id=2, request={"type": "info", "payload": {"type": "nonsense"}})
        assert (await peer.until("post"))["response"] == {"type": "error", "payload": NOT_READ}
        action = {"type": "order", "orders": [limit(BTC, True, "59000", "0.1")], "grouping": "na"}
        await peer.send(method="post", id=3, request={"type": "action", "payload": {"action": action, "nonce": v.wall + 1, "user": ALICE}})
        told = await peer.until("post")
        assert told["id"] == 3 and "resting" in told["response"]["payload"]["response"]["data"]["statuses"][0]

    v = venue()
    talk(v, body)


def test_a_fast_book_has_five_levels_and_levels_tell_how_many_orders_they_are() -> None:
    async def body(peer: Peer, place: Place) -> None:
        await peer.subscribe("l2Book", coin="BTC", fast=True)
        fast = await peer.until("l2Book")
        await peer.subscribe("l2Book", coin="BTC")
        slow = await peer.until("l2Book", lambda book: len(book["levels"][0]) == 8)
        for book in (fast, slow):
            bids, asks = book["levels"]
            assert bids[0] == {"px": "59990.0", "sz": "1.007", "n": 8} and len(asks) == 1 and bids == slow["levels"][0][: len(bids)]
        assert len(fast["levels"][0]) == 5

    v = venue()
    for at in range(7):
        v.rest(BTC, Side.BUY, 59_990, 100)
        v.rest(BTC, Side.BUY, 59_980 - at, 100)
    talk(v, body)


def test_market_data() -> None:
    async def body(peer: Peer, place: Place) -> None:
        assert await peer.subscribe("l2Book", coin="BTC") == {
            "type": "l2Book",
            "coin": "BTC",
            "nSigFigs": None,
            "mantissa": None,
            "fast": False,
        }
        book = await peer.until("l2Book")
        assert [one["px"] for side in book["levels"] for one in side] == ["59990.0", "60010.0"]
        await peer.send(method="subscribe", subscription={"type": "l2Book", "coin": "BTC", "nSigFigs": None})
        assert (await peer.until("error")).startswith("Already subscribed: {")
        await peer.subscribe("bbo", coin="BTC")
        assert (await peer.until("bbo"))["bbo"][0]["px"] == "59990.0"
        await peer.subscribe("trades", coin="BTC")
        assert await peer.until("trades") == []
        await peer.subscribe("allMids")
        assert (await peer.until("allMids"))["mids"]["BTC"] == "60000.0"
        await peer.subscribe("activeAssetCtx", coin="BTC")
        assert (await peer.until("activeAssetCtx"))["ctx"]["oraclePx"] == "60000.0"
        await peer.subscribe("candle", coin="BTC", interval="1m")
        v.account(ALICE)
        v.order(limit(BTC, True, "60010", "0.4"))
        shown(v, place)
        (trade,) = await peer.until("trades", bool)
        assert (trade["px"], trade["sz"], trade["side"], trade["users"][0]) == ("60010.0", "0.4", "B", ALICE)
        await peer.send(method="subscribe", subscription={"type": "candle", "coin": "ETH", "interval": "1m"})
        await peer.until("subscriptionResponse")
        await peer.send(method="unsubscribe", subscription={"type": "l2Book", "coin": "BTC"})
        told = await peer.until("subscriptionResponse")
        assert told == {
            "method": "unsubscribe",
            "subscription": {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "mantissa": None, "fast": False},
        }, "as it was sent, without its defaults"
        await peer.subscribe("l2Book", coin="BTC")
        await peer.send(method="unsubscribe", subscription={"type": "bbo", "coin": "BTC"})
        assert (await peer.until("subscriptionResponse"))["method"] == "unsubscribe"
        v.rest(BTC, Side.BUY, 59_995, 100)
        shown(v, place)
        assert (await peer.until("l2Book", lambda book: book["levels"][0][0]["px"] == "59995.0"))["coin"] == "BTC"
        shown(v, place, 61)
        v.order(limit(BTC, True, "60010", "0.1"))
        shown(v, place)
        candle = await peer.until("candle", lambda one: one["v"] == "0.1")
        assert (candle["s"], candle["i"], candle["n"]) == ("BTC", "1m", 1)

    v = venue()
    talk(v, body)


def test_what_happens_to_an_account() -> None:
    async def body(peer: Peer, place: Place) -> None:
        for kind in ("orderUpdates", "userEvents", "userFundings", "userNonFundingLedgerUpdates", "notification"):
            await peer.subscribe(kind, user=ALICE)
        await peer.subscribe("userFills", user=ALICE)
        assert await peer.until("userFills") == {"isSnapshot": True, "user": ALICE, "fills": []}
        for kind in ("clearinghouseState", "openOrders", "spotState", "webData2"):
            await peer.subscribe(kind, user=ALICE)
            assert (await peer.until(kind))["user"] == ALICE
        await peer.subscribe("webData3", user=ALICE)
        assert (await peer.until("webData3"))["userState"]["user"] == ALICE
        v.order(
            limit(BTC, True, "60010", "0.1"),
            limit(BTC, True, "59000", "0.1", c="0x" + "0" * 31 + "1"),
            limit(BTC, True, "59500", "0.1", "Ioc"),
        )
        shown(v, place)
        updates = await peer.until("orderUpdates")
        assert {(one["status"], one["order"]["limitPx"]) for one in updates} == {
            ("filled", "60010.0"), ("open", "59000.0"), ("iocCancelRejected", "59500.0")
        }  # fmt: skip
        (fill,) = (await peer.until("user", lambda data: "fills" in data))["fills"]
        assert (await peer.until("userFills"))["fills"] == [fill] and fill["dir"] == "Open Long"
        state = await peer.until("clearinghouseState", lambda data: bool(data["clearinghouseState"]["assetPositions"]))
        assert state["clearinghouseState"]["assetPositions"][0]["position"]["szi"] == "0.1"
        v.act({"type": "cancelByCloid", "cancels": [{"asset": BTC, "cloid": "0x" + "0" * 31 + "1"}]})
        shown(v, place)
        (gone,) = await peer.until("orderUpdates")
        assert (gone["status"], gone["order"]["cloid"], gone["order"]["origSz"]) == ("canceled", "0x" + "0" * 31 + "1", "0.1")

    v = venue()
    v.account(ALICE)
    talk(v, body)


def test_subscriptions_are_told_with_their_defaults() -> None:
    """Clients take for the answer what has all that they asked for."""

    async def body(peer: Peer, place: Place) -> None:
        assert await peer.subscribe("userFills", user=ALICE) == {"type": "userFills", "user": ALICE, "aggregateByTime": False}
        for kind in ("clearinghouseState", "openOrders"):
            assert await peer.subscribe(kind, user=ALICE) == {"type": kind, "user": ALICE, "dex": ""}
            told = f'{{"dex":"","type":"{kind}","user":"{ALICE}"}}'
            await peer.send(method="subscribe", subscription={"type": kind, "user": ALICE, "dex": None})
            assert await peer.until("error") == f"Already subscribed: {told}"
        asked = f'{{"dex":"other","type":"openOrders","user":"{ALICE}"}}'
        await peer.send(method="subscribe", subscription={"user": ALICE, "type": "openOrders", "dex": "other"})
        assert await peer.until("error") == f"Invalid subscription {asked}: there is one dex, whose name is empty"
        await peer.send(method="subscribe", subscription={"type": "x"})
        told = 'Error parsing JSON into valid websocket request: {"method":"subscribe","subscription":{"type":"x"}}'
        assert await peer.until("error") == told

    v = venue()
    v.account(ALICE)
    talk(v, body)


def test_fills_of_one_order_are_told_together_or_apart() -> None:
    async def body(peer: Peer, place: Place) -> None:
        await peer.subscribe("userFills", user=ALICE, aggregateByTime=True)
        await peer.until("userFills")
        v.order(limit(BTC, True, "60020", "1.1"))
        shown(v, place)
        (together,) = (await peer.until("userFills"))["fills"]
        await peer.subscribe("userFills", user=ALICE)
        apart = (await peer.until("userFills"))["fills"]
        assert [one["sz"] for one in apart] == ["0.1", "1.0"] and (together["sz"], together["oid"]) == ("1.1", apart[0]["oid"])

    v = venue()
    v.rest(BTC, Side.SELL, 60_020, 100_000)
    v.account(ALICE)
    talk(v, body)


def test_a_liquidation_is_told() -> None:
    async def body(peer: Peer, place: Place) -> None:
        await peer.subscribe("userEvents", user=ALICE)
        await peer.subscribe("notification", user=ALICE)
        v.order(limit(BTC, True, "60010", "1"))
        v.act(
            {
                "type": "usdSend",
                "hyperliquidChain": "Testnet",
                "signatureChainId": "0x1",
                "destination": "0x" + "b" * 40,
                "amount": "3000",
                "time": v.wall + 1,
            }
        )
        v.rest(BTC, Side.BUY, 53_400, 200_000)
        v.host.send([UpdateOracle(0, BTC, 53_500)])
        shown(v, place)
        told = await peer.until("user", lambda data: "liquidation" in data)
        assert told["liquidation"]["liquidated_user"] == ALICE
        assert (await peer.until("notification"))["notification"].startswith("Liquidated: ")

    v = venue()
    v.account(ALICE)
    talk(v, body)


def test_who_is_cut_off(tmp_path: Path) -> None:
    async def ends(peer: Peer, **subscription: Any) -> str:
        """What is told in front of the end."""
        await peer.send(method="subscribe", subscription=subscription)
        start, told = "Invalid subscription ", str(await peer.until("error"))
        message = await peer.socket.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        await until(lambda: not v.host.sessions)
        assert told.startswith(f'{start}{{"') and f'"type":"{subscription["type"]}"}}: ' in told, "clients find theirs by it"
        return told.partition("}: ")[2]

    async def unknown_coin(peer: Peer, place: Place) -> None:
        assert await ends(peer, type="l2Book", coin="DOGE") == 'there is no coin "DOGE" here'

    async def unknown_interval(peer: Peer, place: Place) -> None:
        assert await ends(peer, type="candle", coin="BTC", interval="7m") == 'there are no candles of "7m"'

    async def wrong_figures(peer: Peer, place: Place) -> None:
        assert await ends(peer, type="l2Book", coin="BTC", nSigFigs=9) == "nSigFigs or mantissa is wrong"

    async def too_many(peer: Peer, place: Place) -> None:
        await peer.send(method="ping")
        await until(lambda: bool(v.host.sessions))
        for number in range(MOST + 1):
            await peer.send(method="subscribe", subscription={"type": "openOrders", "user": f"0x{number + 2**100:040x}"})
        assert (await peer.until("error")).startswith("Cannot subscribe to more than")

    log = tmp_path / "log"
    with logged(log):
        for body in (unknown_coin, unknown_interval, wrong_figures):
            v = venue()
            talk(v, body)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [one["of"] for one in lines if one["event"] == "bad_subscription"] == ["l2Book", "candle", "l2Book"]
    assert [one["reason"] for one in lines if one["event"] == "closed" and one["reason"] != "LEFT"] == ["BAD_SUBSCRIPTION"] * 3
    v = Venue()
    v.host.limits = Limits(users=MOST + 10)
    talk(v, too_many)
    assert not v.desk.feeds.feeds, "whoever goes takes its subscriptions along"


def test_the_venue_goes_back() -> None:
    async def body(peer: Peer, place: Place) -> None:
        await peer.subscribe("userFills", user=ALICE)
        await peer.until("userFills")
        v.host.keep("before")
        v.order(limit(BTC, True, "60010", "0.1"))
        shown(v, place)
        assert len((await peer.until("userFills"))["fills"]) == 1
        v.host.go_back("before")
        v.host.tell_epoch("before")
        anew = await peer.until("userFills")
        assert anew["isSnapshot"] and anew["fills"] == [] and len(v.desk.feeds.feeds) == 1
        v.order(limit(BTC, True, "60010", "0.2"))
        shown(v, place)
        assert [one["sz"] for one in (await peer.until("userFills"))["fills"]] == ["0.2"], "and goes on"
        await peer.send(method="unsubscribe", subscription={"type": "userFills", "user": ALICE})
        await peer.until("subscriptionResponse")
        assert not v.desk.feeds.feeds

    v = venue()
    v.account(ALICE)
    talk(v, body)


def test_both_protocols_are_spoken_at_one_address() -> None:
    async def body(place: Place) -> None:
        async with aiohttp.ClientSession() as client:
            async with client.ws_connect(place.url()) as socket:
                await socket.send_json({"id": 1, "op": "ping"})
                assert (await socket.receive_json())["ok"] is True
                await socket.send_json({"method": "ping"})
                assert (await socket.receive_json())["ok"] is False, "what a socket speaks is what it has begun with"
            async with client.ws_connect(place.url()) as socket:
                await socket.send_json({"method": "ping"})
                assert (await socket.receive_json()) == {"channel": "pong"}

    run(venue(), body)


def test_a_second_reader_is_told_of_a_fill_once() -> None:
    async def body(peer: Peer, place: Place) -> None:
        await peer.subscribe("userFills", user=ALICE)
        assert (await peer.until("userFills"))["fills"] == []
        v.order(limit(BTC, True, "60010", "0.1"))
        async with aiohttp.ClientSession() as client, client.ws_connect(place.url()) as socket:
            second = Peer(socket)
            await second.subscribe("userFills", user=ALICE)
            found = (await second.until("userFills"))["fills"]
            shown(v, place)
            found += (await second.until("userFills"))["fills"] if not found else []
            assert [one["tid"] for one in found] == [one["tid"] for one in (await peer.until("userFills"))["fills"]]

    v = venue()
    v.account(ALICE)
    talk(v, body)


def test_garbage_in_subscriptions_and_bodies() -> None:
    async def body(peer: Peer, place: Place) -> None:
        for wrong in (["1m"], {}, 5):
            async with aiohttp.ClientSession() as client:
                async with client.ws_connect(place.url()) as socket:
                    await socket.send_json({"method": "subscribe", "subscription": {"type": "candle", "coin": "BTC", "interval": wrong}})
                    await socket.receive()
                async with client.post(place.url("/info"), data=b"no gzip", headers={"Content-Encoding": "gzip"}) as told:
                    assert told.status == 415

    v = venue()
    talk(v, body)
    assert v.world.complaints == []
