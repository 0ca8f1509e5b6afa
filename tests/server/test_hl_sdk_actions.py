"""What the Python SDK of Hyperliquid sends, as it builds it: each of its calls is carried out, or says why it is not."""

from __future__ import annotations

import json
from typing import Any

import eth_account  # type: ignore[import-untyped]
import hyperliquid.exchange as sdk  # type: ignore[import-untyped]
import pytest
from hl_exchange_kit import MONEY, Trader, Venue, limit
from hyperliquid.utils.types import Cloid  # type: ignore[import-untyped]

from perplab.exchange.server.hyperliquid.exchange import carry_out
from perplab.exchange.server.hyperliquid.settling import Pending

META = {"universe": [{"name": name, "szDecimals": decimals} for name, decimals in (("BTC", 5), ("ETH", 4), ("SOL", 2))]}
OK = {"status": "ok", "response": {"type": "default"}}
USD = 1_000_000


class Client(sdk.Exchange):  # type: ignore[misc, name-defined]
    """Posts to the dialect of a test, as JSON, in the name of a trader; its own signature is not looked at."""

    def __init__(self, trader: Trader) -> None:
        spot: dict[str, list[object]] = {"universe": [], "tokens": []}
        wallet = eth_account.Account.from_key("0x" + "1" * 64)
        super().__init__(wallet, "http://nowhere", meta=META, spot_meta=spot, account_address=trader.signed.address)
        self.trader = trader
        self.info.all_mids = lambda dex="": {"BTC": "60000", "ETH": "2000", "SOL": "150"}

    def post(self, url_path: str, payload: Any = None) -> Any:
        assert url_path == "/exchange"
        body = json.loads(json.dumps(payload))
        reply = carry_out(self.trader.venue.dialect, body["action"], self.trader.signed)
        assert not isinstance(reply, Pending)
        self.trader.venue.host.exchange.check()
        return json.loads(json.dumps(reply))


@pytest.fixture
def alice() -> Client:
    return Client(Venue().trader("alice"))


@pytest.fixture
def bob(alice: Client) -> Client:
    return Client(alice.trader.venue.trader("bob"))


def status(reply: Any) -> Any:
    (told,) = reply["response"]["data"]["statuses"]
    return told


def test_orders_by_the_sdk(alice: Client, bob: Client) -> None:
    cloid = Cloid.from_str("0x00000000000000000000000000000001")
    first = status(alice.order("BTC", True, 0.2, 59_000, {"limit": {"tif": "Gtc"}}))["resting"]["oid"]
    second = status(alice.modify_order(first, "BTC", True, 0.1, 58_000.0, {"limit": {"tif": "Gtc"}}, cloid=cloid))["resting"]
    assert second["cloid"] == cloid.to_raw()
    third = status(alice.modify_order(cloid, "BTC", True, 0.1, 58_500, {"limit": {"tif": "Alo"}}, cloid=cloid))["resting"]
    assert third["oid"] > second["oid"]
    assert status(alice.cancel("BTC", third["oid"])) == "success"
    assert "error" in status(alice.cancel_by_cloid("BTC", cloid))
    alice.order("ETH", True, 0.2, 1_100, {"limit": {"tif": "Gtc"}}, cloid=cloid)
    alice.order("ETH", False, 0.5, 2_000.1, {"limit": {"tif": "Alo"}}, builder={"b": "0x" + "A" * 40, "f": 1})
    assert status(bob.market_open("ETH", True, 0.05))["filled"] == {"totalSz": "0.05", "avgPx": "2000.1", "oid": third["oid"] + 3}
    bob.info.user_state = lambda address, dex="": {"assetPositions": [{"position": {"coin": "ETH", "szi": "0.05"}}]}
    alice.order("ETH", True, 0.5, 1_990, {"limit": {"tif": "Gtc"}})
    assert status(bob.market_close("ETH"))["filled"]["avgPx"] == "1990.0"
    assert bob.trader.venue.host.exchange.position(bob.trader.account, 1).size == 0


def test_triggers_by_the_sdk(alice: Client, bob: Client) -> None:
    bob.order("ETH", False, 1, 2_000, {"limit": {"tif": "Gtc"}})
    alice.market_open("ETH", True, 0.5)
    stop = {"trigger": {"triggerPx": 1_900, "isMarket": True, "tpsl": "sl"}}
    take = {"trigger": {"triggerPx": 2_100, "isMarket": False, "tpsl": "tp"}}
    assert "resting" in status(alice.order("ETH", False, 0.5, 1_500, stop, reduce_only=True))
    assert "resting" in status(alice.order("ETH", False, 0.5, 2_150, take, reduce_only=True))
    group = [
        {"coin": "ETH", "is_buy": True, "sz": 0.1, "limit_px": 1_990, "order_type": {"limit": {"tif": "Gtc"}}, "reduce_only": False},
        {"coin": "ETH", "is_buy": False, "sz": 0.1, "limit_px": 1_900, "order_type": stop, "reduce_only": True},
    ]
    told = alice.bulk_orders(group, grouping="normalTpsl")["response"]["data"]["statuses"]
    assert "resting" in told[0] and told[1] == "waitingForFill"


def test_settings_by_the_sdk(alice: Client, bob: Client) -> None:
    assert alice.update_leverage(20, "ETH", False) == OK
    bob.order("ETH", False, 1, 2_000, {"limit": {"tif": "Gtc"}})
    alice.market_open("ETH", True, 0.5)
    assert alice.update_isolated_margin(10, "ETH") == OK
    assert alice.update_leverage(21, "ETH", True)["response"] == "Cannot switch leverage type with open position."
    assert alice.schedule_cancel(1)["status"] == "err" and alice.schedule_cancel(None) == OK
    assert alice.set_referrer("CODE") == OK and alice.noop(5) == OK
    assert alice.approve_builder_fee("0x" + "1" * 40, "0.001%") == OK


def test_money_by_the_sdk(alice: Client, bob: Client) -> None:
    theirs = bob.trader.signed.address
    assert alice.usd_transfer(1.5, theirs) == OK and alice.spot_transfer(2, theirs, "USDC:0x1") == OK
    assert alice.usd_class_transfer(1.23, True) == OK
    assert alice.send_asset(theirs, "", "spot", "USDC:0x1", 3.0) == OK
    assert bob.trader.venue.host.exchange.balance(bob.trader.account) == MONEY + 6_500_000
    assert alice.withdraw_from_bridge(2.0, theirs) == OK
    sub = alice.create_sub_account("example")["response"]["data"]
    assert alice.sub_account_transfer(sub, True, 10 * USD) == OK
    assert alice.sub_account_spot_transfer(sub, False, "USDC:0x1", 1.0) == OK
    assert alice.trader.venue.host.exchange.balance(int(sub, 16)) == 9 * USD
    assert alice.approve_agent("bot")[0] == OK and alice.approve_agent()[0] == OK
    assert alice.vault_usd_transfer("0x" + "1" * 40, True, 5)["response"].startswith("unsupported in sandbox: ")
    assert alice.token_delegate("0x" + "1" * 40, 5, False)["status"] == "err"
    assert alice.convert_to_multi_sig_user([theirs], 1)["status"] == "err"
    assert alice.use_big_blocks(True)["status"] == "err"


def test_a_market_order_of_the_sdk_reaches_no_farther_than_five_percent(alice: Client, bob: Client) -> None:
    bob.trader.order(limit("A", "63001", "1"))
    assert "error" in status(alice.market_open("BTC", True, 0.1))
    bob.trader.order(limit("A", "63000", "1"))
    assert status(alice.market_open("BTC", True, 0.1))["filled"]["avgPx"] == "63000.0"
