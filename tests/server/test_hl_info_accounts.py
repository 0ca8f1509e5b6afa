"""Accounts in the Hyperliquid dialect: margin, positions, coins, sub-accounts. Sums are worked out by hand."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hl_info_kit import BUY, SELL, STRANGER, Scene
from wire import START

from perplab.exchange.messages import Deposit, MoveIsolatedMargin, SetFunding, SetLeverage, UpdateOracle, Withdraw
from perplab.exchange.schema.views import Position as View
from perplab.exchange.server.hyperliquid.accounts import Funding, Held
from perplab.exchange.server.hyperliquid.accounts import position as told_position

NOW = START // 1_000_000
HOUR = 3_600
TAKER, MAKER = Decimal("0.00045"), Decimal("0.00015")


def identity_holds(told: Any) -> None:
    """accountValue = totalRawUsd + the sum of signed position values, of all and of the cross ones; and the sums are of the positions."""
    positions = [one["position"] for one in told["assetPositions"]]
    for name, chosen in (
        ("marginSummary", positions), ("crossMarginSummary", [one for one in positions if one["leverage"]["type"] == "cross"]),
    ):  # fmt: skip
        summary = {key: Decimal(value) for key, value in told[name].items()}
        signed = sum(Decimal(one["positionValue"]).copy_sign(Decimal(one["szi"])) for one in chosen)
        assert summary["accountValue"] == summary["totalRawUsd"] + signed
        assert summary["totalNtlPos"] == sum(Decimal(one["positionValue"]) for one in chosen)
        assert summary["totalMarginUsed"] == sum(Decimal(one["marginUsed"]) for one in chosen)
    for one in positions:
        if one["leverage"]["type"] == "isolated":
            worth = Decimal(one["positionValue"]).copy_sign(Decimal(one["szi"]))
            assert Decimal(one["marginUsed"]) == Decimal(one["leverage"]["rawUsd"]) + worth


def with_position() -> tuple[Scene, int, str, int]:
    """A long of 0.5 BTC at 60,000, bought by a taker with 10,000 dollars; the mark is 61,000 now."""
    scene = Scene()
    account, address = scene.user(10_000)
    maker, _ = scene.user(10**6)
    scene.trade(account, maker, 60_000, 50_000)
    scene.oracle(61_000, 30_000, 150_000)
    return scene, account, address, maker


def test_a_cross_position() -> None:
    scene, _, address, _ = with_position()
    told = scene.ask("clearinghouseState", user=address)
    fee = Decimal(30_000) * TAKER
    cash = 10_000 - fee
    mark = Decimal(scene.ask("metaAndAssetCtxs")[1][0]["markPx"])
    value = mark / 2
    assert mark == 61_000
    assert told["assetPositions"] == [{
        "type": "oneWay",
        "position": {
            "coin": "BTC", "szi": "0.5", "leverage": {"type": "cross", "value": 40}, "entryPx": "60000.0", "positionValue": "30500.0",
            "unrealizedPnl": "500.0", "returnOnEquity": "0.66666666",
            "liquidationPx": told["assetPositions"][0]["position"]["liquidationPx"], "marginUsed": "762.5",
            "maxLeverage": 40, "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
        },
    }]  # fmt: skip
    summary = {key: Decimal(one) for key, one in told["marginSummary"].items()}
    assert summary == {
        "accountValue": cash + 500, "totalNtlPos": value, "totalRawUsd": cash - 30_000, "totalMarginUsed": Decimal("762.5"),
    }  # fmt: skip
    assert told["crossMarginSummary"] == told["marginSummary"] and told["time"] == NOW
    assert Decimal(told["crossMaintenanceMarginUsed"]) == value / 80
    identity_holds(told)


def test_the_liquidation_price_is_the_one_of_the_formula() -> None:
    """price - side x margin available / size / (1 - l x side), l = 1 / 80, to the tick against the position."""
    scene, account, address, _ = with_position()
    told = scene.ask("clearinghouseState", user=address)
    available = Decimal(told["marginSummary"]["accountValue"]) - Decimal(told["crossMaintenanceMarginUsed"])
    price = 61_000 - available / Decimal("0.5") / (1 - Decimal(1) / 80)
    shown = Decimal(told["assetPositions"][0]["position"]["liquidationPx"])
    assert price - 1 <= shown <= price, "the first tick at which it is liquidatable"
    assert shown == scene.venue.liquidation_price(account, 0)


def test_golden_isolated_position() -> None:
    """A sample of the venue's documentation: 0.0335 ETH at 2,986.3, leverage 20, rawUsd -95.059824, worth 100.02765."""
    scene = Scene()
    coin = scene.dialect.coins.by_name["ETH"]
    entry, value, raw = 100_041_050, 100_027_650, -95_059_824
    account, _ = scene.user(0)
    view = View(account, coin.market, 335, entry, entry + raw, 1, 20, 0, 0, 0)
    told = told_position(scene.venue, Held(coin, view, value, raw, raw + value), Funding())
    told["returnOnEquity"] = str(round(Decimal(told["returnOnEquity"]), 7))
    assert {key: told[key] for key in ("entryPx", "leverage", "marginUsed", "positionValue", "returnOnEquity", "szi", "unrealizedPnl")} == {
        "entryPx": "2986.3", "leverage": {"type": "isolated", "rawUsd": "-95.059824", "value": 20}, "marginUsed": "4.967826",
        "positionValue": "100.02765", "returnOnEquity": "-0.0026789", "szi": "0.0335", "unrealizedPnl": "-0.0134",
    }  # fmt: skip


def test_an_isolated_position_stands_for_itself() -> None:
    scene = Scene()
    account, address = scene.user(10_000)
    maker, _ = scene.user(10**6)
    scene.isolate(account, 10)
    scene.trade(account, maker, 60_000, 50_000)
    scene.send(MoveIsolatedMargin(0, account, 0, 250_000_000))
    scene.oracle(59_000, 30_000, 150_000)
    told = scene.ask("clearinghouseState", user=address)
    fee = Decimal(30_000) * TAKER
    (position,) = (one["position"] for one in told["assetPositions"])
    margin = Decimal(scene.venue.position(account, 0).isolated_margin) / 10**6
    assert position["leverage"]["type"] == "isolated" and position["leverage"]["value"] == 10
    assert Decimal(position["leverage"]["rawUsd"]) == margin - 30_000 and margin == 3_250
    assert Decimal(position["marginUsed"]) == margin - 500 and position["unrealizedPnl"] == "-500.0"
    assert Decimal(told["marginSummary"]["accountValue"]) == 10_000 - fee - 500
    left = 10_000 - fee - margin
    cross = {key: Decimal(value) for key, value in told["crossMarginSummary"].items()}
    assert cross == {"accountValue": left, "totalNtlPos": 0, "totalRawUsd": left, "totalMarginUsed": 0}
    assert told["crossMaintenanceMarginUsed"] == "0.0"
    assert Decimal(told["withdrawable"]) == left
    identity_holds(told)


def test_negative_equity_is_told_as_it_is() -> None:
    """The mark jumps through the liquidation of a long before anybody takes it: who asks in that moment sees a debt."""
    scene, account, address, _ = with_position()
    scene.venue.state.markets[0].mark = 30_000
    told = scene.ask("clearinghouseState", user=address)
    assert Decimal(told["marginSummary"]["accountValue"]) < 0 and told["withdrawable"] == "0.0"
    assert Decimal(told["marginSummary"]["accountValue"]) == Decimal(scene.venue.account_value(account)) / 10**6
    identity_holds(told)


def test_a_short_without_a_loss() -> None:
    scene, _, _, maker = with_position()
    told = scene.ask("clearinghouseState", user=scene.people.address(maker))
    (position,) = (one["position"] for one in told["assetPositions"])
    assert (position["szi"], position["unrealizedPnl"], position["positionValue"]) == ("-0.5", "-500.0", "30500.0")
    assert position["returnOnEquity"] == "-0.66666667", "rounded down"
    identity_holds(told)


def test_who_has_nothing_and_who_is_not_there() -> None:
    scene = Scene()
    _, address = scene.user(0)
    told = scene.ask("clearinghouseState", user=address)
    zeros = {"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"}
    assert told == {
        "marginSummary": zeros, "crossMarginSummary": zeros, "crossMaintenanceMarginUsed": "0.0", "withdrawable": "0.0",
        "assetPositions": [], "time": NOW,
    }  # fmt: skip
    assert scene.ask("clearinghouseState", user=STRANGER) == told
    assert scene.ask("spotClearinghouseState", user=STRANGER) == {"balances": []}
    for kind in ("openOrders", "frontendOpenOrders", "historicalOrders", "userFills", "userFunding", "subAccounts", "extraAgents"):
        assert scene.ask(kind, user=STRANGER, startTime=0) == [], kind


def test_withdrawable_is_what_may_be_withdrawn_to_the_micro_dollar() -> None:
    scene, account, address, _ = with_position()
    most = int(Decimal(scene.ask("clearinghouseState", user=address)["withdrawable"]) * 10**6)
    assert any(scene.world.host.reasons([Withdraw(0, account, 0, most + 1)]))
    scene.send(Withdraw(0, account, 0, most))
    assert scene.ask("clearinghouseState", user=address)["withdrawable"] == "0.0"


def test_funding_is_in_raw_dollars_and_summed_up() -> None:
    """Two hours at 0.01 %, of 0.5 BTC at 61,000: 3.05 dollars each; in between 0.1 BTC more, at the mark."""
    scene, account, address, maker = with_position()
    scene.send(SetFunding(0, 0, 1, 100_000_000))
    for _ in range(2):
        scene.later(HOUR - 5, 61_000, 30_000, 150_000)
        before = scene.ask("clearinghouseState", user=address)
        scene.later(5, 61_000, 30_000, 150_000)
        told = scene.ask("clearinghouseState", user=address)
        (position,) = (one["position"] for one in told["assetPositions"])
        paid = Decimal(position["szi"]) * 61_000 * Decimal("0.0001")
        assert Decimal(before["marginSummary"]["totalRawUsd"]) - Decimal(told["marginSummary"]["totalRawUsd"]) == paid
        identity_holds(told)
        scene.trade(account, maker, 61_000, 10_000)
    (position,) = (one["position"] for one in scene.ask("clearinghouseState", user=address)["assetPositions"])
    assert position["cumFunding"] == {"allTime": "6.71", "sinceOpen": "6.71", "sinceChange": "0.0"}
    (other,) = (one["position"] for one in scene.ask("clearinghouseState", user=scene.people.address(maker))["assetPositions"])
    assert other["cumFunding"]["allTime"] == "-6.71", "received"


def test_funding_since_it_was_opened() -> None:
    scene, account, address, maker = with_position()
    scene.send(SetFunding(0, 0, 1, 100_000_000))
    scene.later(HOUR, 61_000, 30_000, 150_000)
    scene.trade(maker, account, 61_000, 80_000)  # it turns
    (position,) = (one["position"] for one in scene.ask("clearinghouseState", user=address)["assetPositions"])
    assert position["szi"] == "-0.3" and position["cumFunding"] == {"allTime": "3.05", "sinceOpen": "0.0", "sinceChange": "0.0"}


@pytest.mark.parametrize("design", ["sandbox", "testnet", "portfolio", "hyperliquid", "drift_v2"])
def test_the_identity_holds_whatever_happens(design: str) -> None:
    """Trades, funding, isolated and cross positions, and a price that moves, at random."""
    draw = random.Random(design)
    scene = Scene(design, prices=(60_000, 60_000, 150_000))
    users = [scene.user(10**5) for _ in range(4)]
    for account, _ in users[:2]:
        scene.isolate(account, draw.choice((2, 5, 10)))
    price = 60_000
    for _ in range(60):
        price += draw.randint(-300, 300)
        scene.world.host.reasons([UpdateOracle(0, 0, price)])
        (one, _), (two, _) = draw.sample(users, 2)
        with_lots = draw.randint(100, 200) * (100 if design == "sandbox" else 1)
        for account, side in ((one, SELL), (two, BUY)):
            try:
                scene.place(account, side, price, with_lots)
            except AssertionError:
                break  # refused for margin
        scene.world.later(draw.choice((1, 60, HOUR)))
        for account, address in users:
            told = scene.ask("clearinghouseState", user=address)
            identity_holds(told)
            assert Decimal(told["marginSummary"]["accountValue"]) == Decimal(scene.venue.account_value(account)) / 10**6
    scene.venue.check()


# -- coins -----------------------------------------------------------------------------------------------------------------------


def test_a_venue_without_spot_has_no_balances_of_coins() -> None:
    scene, _, address, _ = with_position()
    assert scene.ask("spotClearinghouseState", user=address) == {"balances": []}


def test_coins_are_spot_balances_and_no_part_of_the_account_value() -> None:
    """10,000 dollars and 2 coins; bids for 0.01 coins at 50,000 with their fee, and an ask of 0.5."""
    scene = Scene("portfolio", prices=(60_000, 60_000))
    account, address = scene.user(10_000)
    scene.send(Deposit(0, account, 1, 2_000_000))
    scene.place(account, BUY, 50_000, 10, market=1)
    scene.place(account, SELL, 61_000, 500, market=1)
    dollars, coins = scene.ask("spotClearinghouseState", user=address)["balances"]
    held = Decimal(500) * (1 + Decimal("0.0007"))
    assert dollars == {"coin": "USDC", "token": 0, "total": "10000.0", "hold": str(held.normalize()), "entryNtl": "0.0"}
    assert coins == {"coin": "BTC", "token": 1, "total": "2.0", "hold": "0.5", "entryNtl": "0.0"}
    told = scene.ask("clearinghouseState", user=address)
    assert told["marginSummary"]["accountValue"] == "10000.0" and told["crossMarginSummary"]["totalRawUsd"] == "10000.0"
    identity_holds(told)


# -- sub-accounts and what could be traded ---------------------------------------------------------------------------------------


def test_sub_accounts_have_states_of_their_own() -> None:
    scene = Scene()
    master, address = scene.user(10_000)
    maker, _ = scene.user(10**6)
    first, one = scene.sub(master, "one", 500)
    _, two = scene.sub(master, "two", 700)
    scene.trade(first, maker, 60_000, 1_000)
    told = scene.ask("subAccounts", user=address)
    assert [(sub["name"], sub["subAccountUser"], sub["master"]) for sub in told] == [("one", one, address), ("two", two, address)]
    assert [len(sub["clearinghouseState"]["assetPositions"]) for sub in told] == [1, 0]
    assert told[0]["clearinghouseState"] == scene.ask("clearinghouseState", user=one)
    assert told[1]["clearinghouseState"]["marginSummary"]["accountValue"] == "700.0" and told[1]["spotState"] == {"balances": []}
    assert scene.ask("clearinghouseState", user=address)["assetPositions"] == []
    assert scene.ask("userRole", user=one) == {"role": "subAccount", "data": {"master": address}}


def test_what_could_be_traded() -> None:
    scene, account, address, _ = with_position()
    scene.send(SetLeverage(0, account, 0, 20))
    told = scene.ask("activeAssetData", user=address, coin="BTC")
    margin = scene.venue.available_margin(account)
    new = margin * 20 // (61_000 * 10)  # a lot at a tick is 10 micro-dollars
    assert told["user"] == address and told["leverage"] == {"type": "cross", "value": 20} and told["markPx"] == "61000.0"
    assert [int(Decimal(one) * 10**5) for one in told["maxTradeSzs"]] == [new, new + 2 * 50_000], "it can be turned"
    assert Decimal(told["availableToTrade"][0]) <= Decimal(margin) / 10**6
    assert scene.ask("activeAssetData", user=address, coin="DOGE") is None


def test_addresses_in_capitals() -> None:
    scene, _, address, _ = with_position()
    capitals = "0x" + address[2:].upper()
    assert scene.ask("clearinghouseState", user=capitals) == scene.ask("clearinghouseState", user=address)
