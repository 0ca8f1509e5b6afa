"""ccxt against `perplab serve`, as it is: its calls for trading and data, and what it watches over a socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from decimal import localcontext
from pathlib import Path
from typing import Any

import ccxt
import ccxt.pro
import pytest
from hl_serve_kit import KEY, ME, served

BTC, ETH = "BTC/USDC:USDC", "ETH/USDC:USDC"
PATIENCE_S = 120
UNTRIED = {"watch_my_liquidations", "watch_my_liquidations_for_symbols"}  # they wait for one


@pytest.fixture(autouse=True)
def decimals() -> Iterator[None]:
    """ccxt changes how the thread's decimals are rounded, and leaves it so."""
    with localcontext():
        yield


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served() as url:
        yield url


def settings(url: str) -> dict[str, Any]:
    urls = {"public": url, "private": url, "ws": {"public": url.replace("http", "ws") + "/ws"}}
    return {"walletAddress": ME, "privateKey": KEY, "urls": {"api": urls, "test": urls}}


@pytest.fixture(scope="module")
def exchange(url: str) -> Any:
    made = ccxt.hyperliquid(settings(url))
    made.set_sandbox_mode(True)
    made.load_markets()
    made.fetch_balance()  # the first contact opens the account: any of the tests may come first
    return made


def resting(exchange: Any, symbol: str = BTC, price: float = 50_000) -> str:
    return str(exchange.create_order(symbol, "limit", "buy", 0.01, price)["id"])


READS: dict[str, Callable[[Any], Any]] = {
    "fetch_time": lambda x: x.fetch_time(),
    "fetch_status": lambda x: x.fetch_status(),
    "fetch_markets": lambda x: x.fetch_markets(),
    "fetch_swap_markets": lambda x: x.fetch_swap_markets(),
    "fetch_spot_markets": lambda x: x.fetch_spot_markets(),
    "fetch_currencies": lambda x: x.fetch_currencies()["USDC"],
    "fetch_order_book": lambda x: x.fetch_order_book(BTC)["bids"],
    "fetch_ticker": lambda x: x.fetch_ticker(BTC)["last"],
    "fetch_tickers": lambda x: x.fetch_tickers()[ETH],
    "fetch_ohlcv": lambda x: x.fetch_ohlcv(BTC, "1m"),
    "fetch_balance": lambda x: x.fetch_balance()["USDC"]["total"],
    "fetch_funding_rates": lambda x: x.fetch_funding_rates()[BTC],
    "fetch_funding_rate": lambda x: x.fetch_funding_rate(BTC),
    "fetch_open_interest": lambda x: x.fetch_open_interest(BTC),
    "fetch_open_interests": lambda x: x.fetch_open_interests()[BTC],
    "fetch_trading_fee": lambda x: x.fetch_trading_fee(BTC)["taker"],
}
LISTS: dict[str, Callable[[Any], Any]] = {  # that may be empty
    "fetch_positions": lambda x: x.fetch_positions(),
    "fetch_trades": lambda x: x.fetch_trades(BTC),
    "fetch_funding_rate_history": lambda x: x.fetch_funding_rate_history(BTC),
    "fetch_funding_history": lambda x: x.fetch_funding_history(BTC),
    "fetch_ledger": lambda x: x.fetch_ledger(),
    "fetch_deposits": lambda x: x.fetch_deposits(),
    "fetch_withdrawals": lambda x: x.fetch_withdrawals(),
    "fetch_orders": lambda x: x.fetch_orders(BTC),
    "fetch_closed_orders": lambda x: x.fetch_closed_orders(BTC),
    "fetch_canceled_orders": lambda x: x.fetch_canceled_orders(BTC),
    "fetch_canceled_and_closed_orders": lambda x: x.fetch_canceled_and_closed_orders(BTC),
    "fetch_my_liquidations": lambda x: x.fetch_my_liquidations(BTC),
    "fetch_hip3_markets": lambda x: x.fetch_hip3_markets(),  # of other dexes: there are none
    "fetch_my_trades": lambda x: x.fetch_my_trades(BTC),
}


@pytest.mark.parametrize("call", READS)
def test_what_is_read(exchange: Any, call: str) -> None:
    assert READS[call](exchange)


@pytest.mark.parametrize("call", LISTS)
def test_lists(exchange: Any, call: str) -> None:
    assert isinstance(LISTS[call](exchange), list)


def test_orders_are_placed_found_changed_and_cancelled(exchange: Any) -> None:
    number = resting(exchange)
    assert exchange.fetch_order(number, BTC)["status"] == "open"
    assert [one["id"] for one in exchange.fetch_open_orders(BTC)] == [number]
    changed = exchange.edit_order(number, BTC, "limit", "buy", 0.02, 49_500)["id"]
    assert exchange.fetch_order(number, BTC)["status"] == "canceled" and exchange.fetch_order(changed, BTC)["amount"] == 0.02
    exchange.cancel_order(changed, BTC)
    pair = exchange.create_orders([
        {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": price} for price in (50_000, 49_900)
    ])  # fmt: skip
    pair = exchange.edit_orders([
        {"id": one["id"], "symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": 48_000} for one in pair
    ])  # fmt: skip
    assert {one["price"] for one in exchange.fetch_open_orders(BTC)} == {48_000}
    exchange.cancel_orders([one["id"] for one in pair], BTC)
    cloid = "0x" + "0" * 31 + "5"
    exchange.create_order(BTC, "limit", "buy", 0.01, 50_000, {"clientOrderId": cloid})
    exchange.cancel_orders_for_symbols([{"symbol": BTC, "clientOrderId": cloid}])
    assert exchange.fetch_open_orders(BTC) == []


def test_refusals_are_the_exceptions_that_bots_catch(exchange: Any) -> None:
    for error, order in (
        (ccxt.InsufficientFunds, (BTC, "limit", "buy", 1_000, 50_000)),
        (ccxt.InvalidOrder, (BTC, "limit", "buy", 0.0001, 50_000)),
        (ccxt.InvalidOrder, (BTC, "limit", "buy", 0.01, 90_000, {"timeInForce": "ALO"})),
    ):
        with pytest.raises(error):
            exchange.create_order(*order)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("99999999", BTC)


def test_a_position_its_margin_and_its_stop(exchange: Any) -> None:
    exchange.set_leverage(7, BTC)
    exchange.set_margin_mode("isolated", ETH, {"leverage": 5})
    bought = exchange.create_order(ETH, "market", "buy", 0.1, exchange.fetch_ticker(ETH)["last"])
    assert exchange.fetch_order(bought["id"], ETH)["status"] == "closed"
    exchange.add_margin(ETH, 10)
    exchange.reduce_margin(ETH, 5)
    position = exchange.fetch_position(ETH)
    assert (position["contracts"], position["marginMode"], position["leverage"]) == (0.1, "isolated", 5)
    stop = exchange.create_order(ETH, "market", "sell", 0.1, position["entryPrice"], {"stopLossPrice": 2_000, "reduceOnly": True})
    assert stop["id"] in [one["id"] for one in exchange.fetch_open_orders(ETH)]
    exchange.cancel_order(stop["id"], ETH)
    exchange.create_order(ETH, "market", "sell", 0.1, exchange.fetch_ticker(ETH)["last"], {"reduceOnly": True})
    assert len(exchange.fetch_my_trades(ETH)) >= 2


def test_orders_with_take_profit_and_stop(exchange: Any) -> None:
    last, cloid = exchange.fetch_ticker(BTC)["last"], "0x" + "7" * 32
    wanted = {"stopLoss": {"triggerPrice": last * 0.8, "type": "market"}, "takeProfit": {"triggerPrice": last * 1.2, "type": "market"}}
    resting = exchange.create_order(BTC, "limit", "buy", 0.01, last * 0.9, wanted)
    assert [one["id"] for one in exchange.fetch_open_orders(BTC)] == [resting["id"]]
    exchange.cancel_order(resting["id"], BTC)
    limits = {"stopLoss": {"triggerPrice": last * 0.8}, "takeProfit": {"triggerPrice": last * 1.2}}
    resting = exchange.create_order(BTC, "limit", "buy", 0.01, last * 0.9, limits)
    (told,) = [one["info"] for one in exchange.fetch_open_orders(BTC)]
    assert [one["orderType"] for one in told["children"]] == ["Take Profit Limit", "Stop Limit"]
    exchange.cancel_order(resting["id"], BTC)
    exchange.create_order(BTC, "market", "buy", 0.01, last, {**limits, "clientOrderId": cloid})
    triggers = exchange.fetch_open_orders(BTC)
    assert sorted(one["triggerPrice"] for one in triggers) == pytest.approx([last * 0.8, last * 1.2], rel=1e-3), "each has its own"
    exchange.cancel_order(triggers[0]["id"], BTC)
    assert [one["id"] for one in exchange.fetch_open_orders(BTC)] == [triggers[1]["id"]], "one of a pair goes alone"
    exchange.create_order(BTC, "market", "sell", 0.01, last, {"reduceOnly": True})


def test_triggers_are_found_as_orders_are(exchange: Any) -> None:
    stop = exchange.create_stop_order(ETH, "market", "sell", 0.1, 2_000, 2_000)["id"]
    limit = exchange.create_trigger_order(ETH, "limit", "sell", 0.1, 2_100, 2_200)["id"]
    found = {one["id"]: one for one in exchange.fetch_open_orders(ETH)}
    assert [found[stop][key] for key in ("type", "triggerPrice")] == ["market", 2_000]
    assert [found[limit][key] for key in ("type", "price", "triggerPrice")] == ["limit", 2_100, 2_200]
    exchange.cancel_orders([stop, limit], ETH)
    assert [exchange.fetch_order(number, ETH)["status"] for number in (stop, limit)] == ["canceled"] * 2


def test_an_entry_brings_its_stop_and_target(exchange: Any) -> None:
    last = exchange.fetch_ticker(ETH)["last"]
    ways = {
        "takeProfit": {"triggerPrice": round(last * 1.2), "type": "market"},
        "stopLoss": {"triggerPrice": round(last * 0.8), "type": "market"},
    }
    exchange.create_order(ETH, "market", "buy", 0.1, last, ways)
    waiting = exchange.fetch_open_orders(ETH)
    assert sorted(one["triggerPrice"] for one in waiting) == [round(last * 0.8), round(last * 1.2)]
    exchange.create_order(ETH, "market", "sell", 0.1, last, {"reduceOnly": True})
    assert exchange.fetch_open_orders(ETH) == [], "they go with the position"


def test_what_concerns_an_account(exchange: Any) -> None:
    for told in (
        exchange.set_user_abstraction("disabled"), exchange.set_agent_abstraction("i"), exchange.enable_user_dex_abstraction(False),
        exchange.reserve_request_weight(1), exchange.approve_builder_fee("0x" + "1" * 40, "0.01%"),
    ):  # fmt: skip
        assert told == {"status": "ok", "response": {"type": "default"}}
    assert exchange.create_sub_account("one")["response"]["data"].startswith("0x")
    with pytest.raises(ccxt.ExchangeError, match="nobody leads vaults here"):
        exchange.create_vault("mine", "of a few words", 100)


def test_time_and_money(exchange: Any) -> None:
    exchange.cancel_all_orders_after(10_000)
    twap = exchange.create_twap_order(BTC, "buy", 0.1, 600_000)
    assert exchange.cancel_twap_order(twap["id"], BTC)["info"]["status"] == "success"
    exchange.transfer("USDC", 1, "spot", "swap")
    exchange.withdraw("USDC", 5, ME)
    assert exchange.fetch_withdrawals()[-1]["amount"] == 5 and exchange.fetch_deposits()[0]["amount"] == 10_000


# -- sockets --


def test_what_is_watched(url: str) -> None:
    async def watch() -> None:
        made = ccxt.pro.hyperliquid(settings(url))
        made.set_sandbox_mode(True)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await made.load_markets()
                assert (await made.watch_order_book(BTC))["bids"]
                assert await made.watch_trades(BTC) is not None
                assert await made.watch_ohlcv(BTC, "1m")
                assert (await made.watch_ticker(BTC))["symbol"] == BTC
                assert await made.watch_tickers([BTC])
                assert (await made.watch_balance())["USDC"]["total"] > 0
                orders, fills = asyncio.ensure_future(made.watch_orders(BTC)), asyncio.ensure_future(made.watch_my_trades(BTC))
                await asyncio.sleep(0.5)  # until both are subscribed
                placed = await made.create_order_ws(BTC, "limit", "buy", 0.01, 50_000)
                assert (await orders)[-1]["id"] == placed["id"]
                changed = await made.edit_order_ws(placed["id"], BTC, "limit", "buy", 0.01, 49_000)
                await made.cancel_order_ws(changed["id"], BTC)
                await made.create_order_ws(BTC, "market", "buy", 0.01, (await made.fetch_ticker(BTC))["last"])
                assert (await fills)[-1]["symbol"] == BTC
                assert isinstance(await made.watch_positions([BTC]), list)
                pair = await made.create_orders_ws([
                    {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": price} for price in (50_000, 49_900)
                ])  # fmt: skip
                assert [one["status"] for one in await made.cancel_orders_ws([one["id"] for one in pair], BTC)] == ["success"] * 2
                for gone in (
                    made.un_watch_order_book(BTC), made.un_watch_trades(BTC), made.un_watch_ohlcv(BTC, "1m"), made.un_watch_ticker(BTC),
                    made.un_watch_tickers([BTC]), made.un_watch_balance(), made.un_watch_orders(), made.un_watch_my_trades(),
                ):  # fmt: skip
                    assert await gone is True
                await made.watch_positions([BTC])  # of the same subscription as the balance
                assert await made.un_watch_positions() is True
        finally:
            await made.close()

    asyncio.run(watch())


def test_each_call_that_ccxt_has_is_tried() -> None:
    call = re.compile("(un_)?(watch|fetch|create|cancel|edit|add|reduce|set)_[a-z0-9_]+|transfer|withdraw")
    apart = re.compile(".*_(request|cache|ref|mode)")  # what ccxt has for itself, and set_sandbox_mode
    own = {name for made in (ccxt.hyperliquid, ccxt.pro.hyperliquid) for name in vars(made) if call.fullmatch(name)}
    tried = set(re.findall(r"\.(\w+)\(", Path(__file__).read_text()))
    assert {name for name in own - tried if not apart.fullmatch(name)} == UNTRIED
