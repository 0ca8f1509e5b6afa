"""Failures that the operator asks for, as users of Hyperliquid's API meet them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from hl_exchange_kit import Reply, Trader, Venue, limit, trigger
from hl_exchange_kit import alice as alice
from hl_exchange_kit import venue as venue
from hl_kit import ALICE, BOB, Json
from hl_kit import Venue as Desk
from hl_kit import limit as bid
from sockets import PATIENCE_S, Place, served, until
from test_operator import operator
from wire import Talker

from perplab.exchange.codes import Reason, Side
from perplab.exchange.server.hyperliquid import times
from perplab.exchange.server.hyperliquid.shell import Shell
from perplab.exchange.server.limits import Limits

MARGIN = "Insufficient margin to place order. asset=0"
LARGE, SMALL = "900", "0.01"  # BTC: more than anybody's margin, and little


def reject(trader: Trader, count: int = 1, reason: Reason = Reason.INSUFFICIENT_MARGIN) -> None:
    faults = trader.venue.host.faults.of("alice")
    faults.rejects, faults.reason = count, reason


def poor(venue: Venue) -> Trader:
    return venue.trader("poor", 100_000_000)


def group(size: str, price: str | None) -> list[Reply]:
    return [limit("B", "59000", size), trigger("A", "58000", size, "sl", price), trigger("A", "61000", size, "tp", price)]


@pytest.mark.parametrize("price", [None, "57000"], ids=["market", "limit"])
def test_a_group_that_is_to_be_refused_is_refused_as_one_without_margin(venue: Venue, alice: Trader, price: str | None) -> None:
    real = poor(venue).do("order", orders=group("1", price), grouping="normalTpsl")
    assert real["response"]["data"]["statuses"] == [{"error": MARGIN}] * 3
    before = venue.host.exchange.state_hash()
    reject(alice)
    assert alice.do("order", orders=group(SMALL, price), grouping="normalTpsl") == real
    assert venue.host.exchange.state_hash() == before and venue.host.faults["alice"].rejects == 0
    assert list(alice.order(*group(SMALL, price), grouping="normalTpsl")[0]) == ["resting"]


def twap(size: str = "1") -> Reply:
    return {"a": 0, "b": True, "s": size, "r": False, "m": 5, "t": False}


def test_a_twap_is_refused_as_any_order(alice: Trader) -> None:
    reject(alice, 2)
    told = alice.do("twapOrder", twap=twap())
    assert told == {"status": "ok", "response": {"type": "twapOrder", "data": {"status": {"error": MARGIN.removesuffix(" asset=0")}}}}
    reject(alice, 1, Reason.TOO_MANY_TWAPS)
    answer = alice.do("twapOrder", twap=twap())["response"]["data"]["status"]
    assert answer == {"error": "Exceeded max number of active TWAP orders."}
    assert list(alice.do("twapOrder", twap=twap())["response"]["data"]["status"]) == ["running"]


def test_what_is_wrong_anyway_is_refused_for_that_and_uses_up_no_fault(alice: Trader) -> None:
    reject(alice)
    assert "too small" in str(alice.do("twapOrder", twap=twap("0.00001"))) and alice.venue.host.faults["alice"].rejects == 1


def modify(trader: Trader, kind: str, size: str) -> Any:
    (told,) = trader.order(limit("B", "59000", SMALL))
    change = {"oid": told["resting"]["oid"], "order": limit("B", "58000", size)}
    return trader.do("modify", **change) if kind == "modify" else trader.do("batchModify", modifies=[change])


@pytest.mark.parametrize("kind", ["modify", "batchModify"])
def test_a_change_that_is_to_be_refused_is_refused_as_one_without_margin(venue: Venue, alice: Trader, kind: str) -> None:
    """The order that was to be changed stays, as it does then."""
    rich = poor(venue)
    real = modify(rich, kind, LARGE)
    assert MARGIN in str(real) and [one.price for one in venue.host.exchange.open_orders(rich.account)] == [59_000]
    faults = venue.host.faults.of("alice")
    (told,) = alice.order(limit("B", "59000", SMALL))
    faults.rejects = 1
    change = {"oid": told["resting"]["oid"], "order": limit("B", "58000", SMALL)}
    injected = alice.do("modify", **change) if kind == "modify" else alice.do("batchModify", modifies=[change])
    assert injected == real and [one.price for one in venue.host.exchange.open_orders(alice.account)] == [59_000]


def test_take_profit_and_stop_of_a_position_are_refused_one_by_one(alice: Trader) -> None:
    reject(alice)
    told = alice.order(trigger("A", "58000", "0", "sl"), trigger("A", "61000", "0", "tp"), grouping="positionTpsl")
    assert told[0] == {"error": MARGIN} and told[1] != told[0]


def test_cancels_and_settings_are_not_refused(alice: Trader) -> None:
    (told,) = alice.order(limit("B", "59000", SMALL))
    reject(alice, 9)
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": told["resting"]["oid"]}]) == ["success"]
    assert alice.do("updateLeverage", asset=0, isCross=True, leverage=5)["status"] == "ok"
    assert alice.venue.host.faults["alice"].rejects == 9

# -- over sockets and HTTP ---------------------------------------------------------------------------------------------------------


class Bot:
    """Over HTTP and, where it is wanted, a socket. Times are those of the world, which stand until `later`."""

    def __init__(self, place: Place, client: aiohttp.ClientSession, nonce: int) -> None:
        self.place, self.client, self.nonce = place, client, nonce

    async def info(self, kind: str, **fields: object) -> Any:
        async with self.client.post(self.place.url("/info"), json={"type": kind, **fields}) as told:
            return await told.json()

    async def act(self, action: Json, user: str = ALICE, **more: object) -> Any:
        self.nonce += 1
        body = {"action": action, "nonce": self.nonce, "user": user, **more}
        async with self.client.post(self.place.url("/exchange"), json=body) as told:
            return await told.json()

    async def order(self, price: str = "59000", user: str = ALICE, **more: object) -> Any:
        return await self.act({"type": "order", "orders": [bid(0, True, price, "0.01")], "grouping": "na"}, user, **more)


def converse(body: Callable[[Desk, Bot, Talker], Any], venue: str = "sandbox") -> Desk:
    """A conversation of Alice's bot with a server, and the operator's."""
    v = Desk(venue)
    v.account(ALICE)
    admin = operator(v.world)

    async def whole() -> None:
        async with served(v.world, Shell(v.desk)) as place, aiohttp.ClientSession() as client, asyncio.timeout(PATIENCE_S):
            await body(v, Bot(place, client, v.wall), admin)

    asyncio.run(whole())
    assert not v.host.calls and not v.world.complaints
    return v


async def waits(task: asyncio.Task[Any], v: Desk) -> None:
    """It has been sent, and is not answered."""
    await until(lambda: bool(v.host.calls))
    await asyncio.sleep(0.1)
    assert not task.done()


def orders(v: Desk, user: str = ALICE) -> int:
    return len(v.host.exchange.open_orders(v.account(user)))


@pytest.mark.parametrize("kind", ["delay", "stall"])
def test_answers_come_late(kind: str) -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        told = admin.ask("fault", user=ALICE, kind=kind, ms=2_000)
        assert (told["user"], told["connections"]) == (ALICE, 0)
        for ask in (bot.order(), bot.info("openOrders", user=ALICE)):
            answer = asyncio.create_task(ask)
            if kind == "delay" or not v.world.monotonic:
                await waits(answer, v)
                assert admin.ask("faults", user=ALICE)["connections"] == 1 and orders(v) == 1, "it is done, and not told yet"
                assert (await bot.info("meta"))["universe"] and (await bot.order(user=BOB))["status"] == "ok", "others are served"
            v.world.monotonic += 2_000_000_000
            await answer
        assert admin.ask("faults", user=ALICE)["met"][kind] == (2 if kind == "delay" else 1)

    converse(talk)


def test_a_stall_that_is_taken_back_is_over() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        admin.ask("fault", user=ALICE, kind="stall", ms=3_600_000)
        answer = asyncio.create_task(bot.order())
        await waits(answer, v)
        assert admin.ask("fault", user=ALICE, kind="none")["connections"] == 1
        assert (await answer)["status"] == "ok"

    converse(talk)


def test_a_request_that_is_dropped_is_carried_out_without_a_reply() -> None:
    """One that is there when the fault is asked for, or else the next."""

    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        told = admin.ask("fault", user=ALICE, kind="drop")
        assert told["connections"] == 0 and "the next of his actions over HTTP is carried out without a reply" in told["note"]
        assert await bot.info("openOrders", user=ALICE) == []
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await bot.order()
        assert orders(v) == 1 and (await bot.order())["status"] == "ok" and orders(v) == 2
        admin.ask("fault", user=ALICE, kind="stall", ms=60_000)
        answer = asyncio.create_task(bot.order())
        await waits(answer, v)
        told = admin.ask("fault", user=ALICE, kind="drop")
        assert told["connections"] == 1 and "note" not in told
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await answer
        admin.ask("fault", user=ALICE, kind="none")
        assert orders(v) == 3 and (await bot.order())["status"] == "ok"
        assert admin.ask("faults", user=ALICE)["met"]["drop"] == 2

    converse(talk)


def test_a_command_that_waits_for_its_block_is_carried_out_after_a_drop() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        answer = asyncio.create_task(bot.order())
        await waits(answer, v)
        assert admin.ask("fault", user=ALICE, kind="drop")["connections"] == 1
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await answer
        assert orders(v) == 0
        v.world.later(1)
        await until(lambda: not v.host.calls)
        assert orders(v) == 1

    converse(talk, "hyperliquid")


def test_more_than_one_reply_may_be_lost_and_none_of_others() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        told = admin.ask("fault", user=ALICE, kind="drop", count=3)
        assert told["note"].endswith(": the next 3 of his actions over HTTP are carried out without a reply")
        assert admin.ask("faults", user=ALICE)["losses"] == 3
        for _ in range(3):
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await bot.order()
            assert (await bot.order(user=BOB))["status"] == "ok"
        assert (await bot.order())["status"] == "ok" and (orders(v), orders(v, BOB)) == (4, 3)

    converse(talk)


def test_a_wallet_s_and_a_sub_account_s_requests_are_their_user_s() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        sub = (await bot.act({"type": "createSubAccount", "name": "x"}))["response"]["data"]
        admin.ask("fault", user=sub, kind="drop", count=2)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await bot.order(vaultAddress=sub)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await bot.order()
        admin.ask("fault", user=ALICE, kind="skew", ms=-5_000)
        now = v.dialect.now_ms
        assert [(await bot.info("clearinghouseState", user=user))["time"] - now for user in (ALICE, sub, BOB)] == [-5_000, -5_000, 0]

    converse(talk)


async def heard(socket: aiohttp.ClientWebSocketResponse, channel: str) -> Any:
    while True:
        told = await socket.receive_json()
        if told["channel"] == channel:
            return told["data"]


async def subscribed(bot: Bot, **asked: object) -> aiohttp.ClientWebSocketResponse:
    socket = await bot.client.ws_connect(bot.place.url("/ws"))
    await socket.send_json({"method": "subscribe", "subscription": asked})
    await heard(socket, "subscriptionResponse")
    return socket


def test_a_socket_is_of_whom_it_listens_to() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        mine, market = await subscribed(bot, type="orderUpdates", user=ALICE), await subscribed(bot, type="l2Book", coin="BTC")
        assert (await heard(market, "l2Book"))["time"] == v.dialect.now_ms
        assert admin.ask("fault", user=ALICE, kind="delay", ms=2_000)["connections"] == 1
        admin.ask("fault", user=ALICE, kind="skew", ms=90_000)
        order = asyncio.create_task(bot.order())
        await mine.send_json({"method": "subscribe", "subscription": {"type": "l2Book", "coin": "BTC"}})
        await market.send_json({"method": "ping"})
        await heard_pong(market)
        with pytest.raises(TimeoutError):
            await mine.receive(timeout=0.2)
        v.world.monotonic += 2_000_000_000
        assert (await order)["status"] == "ok"
        now = v.dialect.now_ms
        assert (await heard(mine, "l2Book"))["time"] - now == 90_000, "market data, too"
        (update,) = await heard(mine, "orderUpdates")
        assert update["statusTimestamp"] - now == 90_000 == update["order"]["timestamp"] - now
        met = admin.ask("faults", user=ALICE)["met"]
        assert met["delay"] > 2 and met["skew"] > 1 and met["stall"] == met["drop"] == 0
        admin.ask("fault", user=ALICE, kind="drop")
        await end_of(mine)
        await market.send_json({"method": "ping"})
        await heard_pong(market)

    converse(talk)


async def end_of(socket: aiohttp.ClientWebSocketResponse) -> None:
    while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
        pass
    assert socket.closed


async def heard_pong(socket: aiohttp.ClientWebSocketResponse) -> None:
    while (await socket.receive_json())["channel"] != "pong":
        pass


def test_a_socket_is_of_whom_it_posts_for() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        socket = await bot.client.ws_connect(bot.place.url("/ws"))
        action = {"type": "order", "orders": [bid(0, True, "59000", "0.01")], "grouping": "na"}
        payload = {"action": action, "nonce": v.wall + 1, "user": ALICE}
        await socket.send_json({"method": "post", "id": 1, "request": {"type": "action", "payload": payload}})
        assert (await heard(socket, "post"))["response"]["payload"]["status"] == "ok"
        told = admin.ask("fault", user=ALICE, kind="duplicate", count=2)
        assert told["connections"] == 1 and "note" not in told
        for question in ("clearinghouseState", "openOrders"):
            asked = {"type": "info", "payload": {"type": question, "user": ALICE}}
            await socket.send_json({"method": "post", "id": 2, "request": asked})
            assert await heard(socket, "post") == await heard(socket, "post")
        admin.ask("fault", user=ALICE, kind="stall", ms=3_600_000)
        await socket.send_json({"method": "ping"})
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.2)
        assert admin.ask("fault", user=ALICE, kind="none")["ok"]
        await heard_pong(socket)

    converse(talk)


def test_what_comes_once_cannot_come_twice() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        told = admin.ask("fault", user=ALICE, kind="duplicate")
        assert told["ok"] and "a reply over HTTP comes once" in told["note"]
        assert (await bot.order())["status"] == "ok" and admin.ask("faults", user=ALICE)["met"]["duplicate"] == 0

    converse(talk)


def test_a_socket_that_is_held_back_for_too_long_is_told_so() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        v.host.limits = Limits(unread_bytes=1_000)
        socket = await subscribed(bot, type="orderUpdates", user=ALICE)
        admin.ask("fault", user=ALICE, kind="stall", ms=3_600_000)
        for _ in range(100):
            await socket.send_json({"method": "ping"})
        assert "a fault holds back more than this server keeps" in await heard(socket, "error")
        await end_of(socket)

    converse(talk)


def test_the_end_of_the_server_waits_for_no_fault() -> None:
    async def talk(v: Desk, bot: Bot, admin: Talker) -> None:
        admin.ask("fault", user=ALICE, kind="stall", ms=3_600_000)
        answer = asyncio.create_task(bot.order())
        await waits(answer, v)
        await bot.place.server.close()
        assert (await answer)["status"] == "ok"

    converse(talk)


# -- times -------------------------------------------------------------------------------------------------------------------------


WITH_TIMES = (
    "clearinghouseState", "userFills", "twapHistory", "userTwapSliceFills", "frontendOpenOrders", "historicalOrders", "webData2",
    "portfolio", "l2Book", "candleSnapshot", "recentTrades", "predictedFundings", "userNonFundingLedgerUpdates",
)  # fmt: skip


def test_all_times_are_moved_and_nothing_else() -> None:
    """Against answers that were told at another time."""
    v = Desk()
    account = v.account(ALICE)
    v.rest(0, Side.SELL, 60_010, 100_000)
    v.order(bid(0, True, "60010", "0.1"), bid(0, True, "59000", "0.1"))
    v.act({"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "1", "r": False, "m": 5, "t": False}})
    assert account
    asked = {"user": ALICE, "coin": "BTC", "startTime": 0, "req": {"coin": "BTC", "interval": "1m", "startTime": 0, "endTime": 2**53}}
    seen = 0
    for kind in WITH_TIMES:
        told = v.ask(kind, **asked)
        moved = times.moved(told, 7_000 * 1_000_000)
        before, after = list(leaves(told)), list(leaves(moved))
        assert len(before) == len(after) and before != after, kind
        for old, new in zip(before, after, strict=True):
            is_time = isinstance(old, int) and old > 1_700_000_000
            assert new == (old + (7_000 if old > 1_700_000_000_000 else 7) if is_time else old), (kind, old, new)
            seen += is_time
    assert seen > 30


def leaves(told: Any) -> Any:
    if isinstance(told, dict | list | tuple):
        for one in told.values() if isinstance(told, dict) else told:
            yield from leaves(one)
    else:
        yield told
