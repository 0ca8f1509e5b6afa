"""Questions of Hyperliquid's API: what they are answered with, against what the venue itself says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hl_kit import ALICE, BOB, BTC, ETH, MICRO, NOW, Json, Venue, limit

from perplab.exchange.codes import Side
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.hyperliquid import coins
from perplab.exchange.server.hyperliquid.errors import Failed, Unreadable
from perplab.exchange.server.hyperliquid.info import INFO

ONE = 100_000  # lots of a bitcoin
D = Decimal


def venue() -> Venue:
    made = Venue()
    made.account(ALICE)
    made.rest(BTC, Side.BUY, 59_990, ONE)
    made.rest(BTC, Side.SELL, 60_010, ONE)
    return made


# -- numbers --


@pytest.mark.parametrize(("number", "decimals", "text"), [
    (0, 0, "0"), (0, 6, "0"), (1, 6, "0.000001"), (-1, 6, "-0.000001"), (1_500_000, 6, "1.5"), (-1_500_000, 6, "-1.5"), (10, 0, "10"),
    (100, 2, "1"), (5, -2, "500"), (123_456_789, 8, "1.23456789"),
])  # fmt: skip
def test_numbers_are_texts_without_trailing_zeros(number: int, decimals: int, text: str) -> None:
    assert coins.text(number, decimals) == text and D(text) == D(number) / D(10) ** decimals


def test_texts_are_read_exactly_or_not_at_all() -> None:
    assert coins.steps("0.10", 1, 5) == 10_000 and coins.steps("3", 5, 1) == 6 and coins.steps("0.3", 5, 1) is None
    assert coins.steps("-1.5", 5, 1) == -3 and coins.steps("1.000001", 1, 5) is None and coins.steps("1.00000000", 1, 2) == 100
    for wrong in ("", "-", ".", "1.", ".5", "1e3", "+1", " 1", "1 ", "0x1", "١", "1_0", "nan", "inf", 1, 1.5, None, "1" * 41):
        with pytest.raises(ValueError):
            coins.steps(wrong, 1, 5)


# -- the venue --


def test_what_there_is() -> None:
    v = venue()
    told = v.ask("meta")
    assert [(one["name"], one["szDecimals"], one["maxLeverage"]) for one in told["universe"]] == [
        ("BTC", 5, 40),
        ("ETH", 4, 25),
        ("SOL", 2, 20),
    ]
    tiers = dict(told["marginTables"])[90]["marginTiers"]
    assert tiers == [{"lowerBound": "0", "maxLeverage": 40}, {"lowerBound": "150000000", "maxLeverage": 20}]
    spot, (context,) = v.ask("spotMetaAndAssetCtxs")
    assert spot == v.ask("spotMeta") and [one["name"] for one in spot["tokens"]] == ["USDC", "PURR"] and float(context["markPx"]) > 0
    assert [one["name"] for one in spot["universe"]] == ["PURR/USDC"] and 10_000 not in v.dialect.coins.by_asset, "it cannot be traded"
    assert v.ask("perpDexs") == [None] and v.ask("allPerpMetas") == [told] and v.ask("userAbstraction") == "disabled"
    assert v.ask("exchangeStatus") == {"specialStatuses": None, "time": NOW}


def test_spot_markets_and_tokens() -> None:
    v = Venue("portfolio", prices=False)
    told = v.ask("spotMeta")
    assert [one["name"] for one in told["tokens"]] == ["USDC", "BTC"]
    assert told["universe"] == [{"name": "BTC/USDC", "tokens": [1, 0], "index": 0, "isCanonical": True}]
    assert v.dialect.coins.by_asset[10_000].is_spot and v.dialect.coins.by_name["@0"].name == "BTC/USDC"
    assert len(v.ask("spotMetaAndAssetCtxs")[1]) == 1


def test_prices_and_contexts() -> None:
    v = venue()
    assert v.ask("allMids") == {"BTC": "60000", "ETH": "3000", "SOL": "150"}, "of a market without a book its mark"
    bitcoin = v.ask("metaAndAssetCtxs")[1][0]
    assert (bitcoin["oraclePx"], bitcoin["markPx"], bitcoin["midPx"], bitcoin["impactPxs"]) == (
        "60000",
        "60000",
        "60000",
        ["59990", "60010"],
    )
    assert (bitcoin["premium"], bitcoin["openInterest"], bitcoin["dayNtlVlm"], bitcoin["prevDayPx"]) == ("0", "0", "0", "60000")
    ether = v.ask("metaAndAssetCtxs")[1][1]
    assert ether["midPx"] is ether["impactPxs"] is ether["premium"] is None
    v.rest(BTC, Side.BUY, 60_005, ONE)
    above = v.ask("metaAndAssetCtxs")[1][0]
    assert D(above["premium"]) == D(5) / 60_000 // D("1e-12") * D("1e-12")
    rate, interest = v.host.exchange.funding_rate(BTC), v.host.exchange.design.markets[BTC].funding.interval_ms
    assert interest == 3_600_000 and D(above["funding"]) == D(rate) / 10**12


def test_a_book_and_its_coarser_forms() -> None:
    v = Venue()
    for ticks in (59_990, 59_985, 59_940, 58_990):
        v.rest(BTC, Side.BUY, ticks, ONE)
    for ticks in (60_010, 60_015, 60_060):
        v.rest(BTC, Side.SELL, ticks, ONE)

    def prices(**asked: Any) -> list[list[tuple[str, str]]]:
        return [[(one["px"], one["sz"]) for one in side] for side in v.ask("l2Book", coin="BTC", **asked)["levels"]]

    assert prices() == prices(nSigFigs=5) == prices(nSigFigs=None, mantissa=None)
    assert [price for price, _ in prices()[0]] == ["59990", "59985", "59940", "58990"]
    assert prices(nSigFigs=4) == [
        [("59990", "1"), ("59980", "1"), ("59940", "1"), ("58990", "1")],
        [("60010", "1"), ("60020", "1"), ("60060", "1")],
    ]
    assert prices(nSigFigs=3) == [[("59900", "3"), ("58900", "1")], [("60100", "3")]]
    assert prices(nSigFigs=5, mantissa=5)[1] == [("60010", "1"), ("60015", "1"), ("60060", "1")]
    assert prices(nSigFigs=5, mantissa=2)[0][:2] == [("59990", "1"), ("59984", "1")]
    for wrong in (
        {"nSigFigs": 1},
        {"nSigFigs": 6},
        {"nSigFigs": "5"},
        {"nSigFigs": 4, "mantissa": 2},
        {"mantissa": 2},
        {"nSigFigs": 5, "mantissa": 3},
    ):
        with pytest.raises(Unreadable):
            v.ask("l2Book", coin="BTC", **wrong)


def test_an_iceberg_shows_what_it_shows() -> None:
    from perplab.exchange.messages import Place

    v = Venue()
    v.host.send([Place(0, v.maker, BTC, Side.SELL, 60_010, 10 * ONE, display=ONE)])
    assert v.ask("l2Book", coin="BTC")["levels"][1] == [{"px": "60010", "sz": "1", "n": 1}]


def test_trades_and_candles() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.1"))
    v.world.later(61)
    v.order(limit(BTC, False, "59990", "0.2"))
    new, old = v.ask("recentTrades", coin="BTC")
    assert (new["side"], new["px"], new["sz"], old["side"]) == ("A", "59990", "0.2", "B") and new["users"][1] == ALICE == old["users"][0]
    assert new["tid"] > old["tid"] and len(new["hash"]) == 66 and new["time"] - old["time"] == 61_000
    asked = {"coin": "BTC", "interval": "1m", "startTime": NOW - 60_000, "endTime": NOW + 200_000}
    first, second = v.ask("candleSnapshot", req=asked)
    assert (first["o"], first["c"], first["v"], first["n"], first["s"], first["i"]) == ("60010", "60010", "0.1", 1, "BTC", "1m")
    assert (second["o"], second["c"], second["v"], second["T"] - second["t"]) == ("59990", "59990", "0.2", 59_999)
    (hour,) = v.ask("candleSnapshot", req={**asked, "interval": "1h", "startTime": 0})
    assert (hour["h"], hour["l"], hour["v"], hour["n"]) == ("60010", "59990", "0.3", 2)
    for wrong in ({"interval": "2m"}, {"coin": "X"}, {"startTime": "0"}, {"startTime": -1}):
        with pytest.raises(Unreadable):
            v.ask("candleSnapshot", req={**asked, **wrong})


# -- accounts --


def identity(state: Json, positions: list[Json]) -> None:
    """accountValue = totalRawUsd + the signed values of the positions."""
    signed = sum((D(one["positionValue"]) * (1 if D(one["szi"]) > 0 else -1) for one in positions), D(0))
    assert D(state["accountValue"]) == D(state["totalRawUsd"]) + signed
    assert D(state["totalNtlPos"]) == sum((D(one["positionValue"]) for one in positions), D(0))
    assert D(state["totalMarginUsed"]) == sum((D(one["marginUsed"]) for one in positions), D(0))


def test_an_accounts_margin() -> None:
    v = venue()
    account = v.account(ALICE)
    v.order(limit(BTC, True, "60010", "0.5"))
    v.act({"type": "updateLeverage", "asset": ETH, "isCross": False, "leverage": 10})
    v.rest(ETH, Side.BUY, 29_999, 100_000)
    v.order(limit(ETH, False, "2999.9", "2"))
    v.host.send([UpdateOracle(0, BTC, 61_000), UpdateOracle(0, ETH, 29_000)])
    told = v.ask("clearinghouseState", user=ALICE.upper().replace("0X", "0x"))
    bitcoin, ether = (one["position"] for one in told["assetPositions"])
    identity(told["marginSummary"], [bitcoin, ether])
    identity(told["crossMarginSummary"], [bitcoin])
    venue_of = v.host.exchange
    mark = venue_of.mark_price(BTC)
    assert (bitcoin["szi"], bitcoin["entryPx"], ether["szi"]) == ("0.5", "60010", "-2")
    assert D(bitcoin["unrealizedPnl"]) == D(mark - 60_010) / 2 and D(bitcoin["positionValue"]) == D(mark) / 2
    assert bitcoin["leverage"] == {"type": "cross", "value": 40} and ether["leverage"]["type"] == "isolated"
    assert D(bitcoin["returnOnEquity"]) == (D(bitcoin["unrealizedPnl"]) / (D(60_010) / 2 / 40)).quantize(D("1e-10"), "ROUND_FLOOR")
    assert D(bitcoin["liquidationPx"]) == venue_of.liquidation_price(account, BTC)
    assert D(told["marginSummary"]["accountValue"]) == D(venue_of.account_value(account, 0)) / MICRO
    assert D(told["crossMaintenanceMarginUsed"]) == D(venue_of.maintenance_margin(account, 0)) / MICRO
    assert D(told["withdrawable"]) == D(max(0, venue_of.free_margin(account, 0))) / MICRO


def test_fills_orders_and_funding() -> None:
    v = venue()
    v.order(limit(BTC, True, "60010", "0.5", c="0x" + "0" * 31 + "7"))
    v.order(limit(BTC, False, "59990", "0.8"))
    v.order(limit(BTC, False, "61000", "0.1", "Alo"))
    close, open_ = v.ask("userFills", user=ALICE)
    assert (open_["dir"], open_["startPosition"], open_["closedPnl"], open_["crossed"], open_["cloid"]) == (
        "Open Long",
        "0",
        "0.0",
        True,
        "0x" + "0" * 31 + "7",
    )
    assert (close["dir"], close["startPosition"], close["side"], close["px"]) == ("Long > Short", "0.5", "A", "59990")
    fee = D("59990") * D("0.8") * D("0.00045")
    assert D(close["fee"]) == fee and D(close["closedPnl"]) == D(-10) - fee and close["feeToken"] == "USDC"
    assert v.ask("userFillsByTime", user=ALICE, startTime=0) == [open_, close]
    assert v.ask("userFillsByTime", user=ALICE, startTime=NOW + 1) == []
    statuses = [(one["status"], one["order"]["side"]) for one in v.ask("historicalOrders", user=ALICE)]
    assert statuses == [("open", "A"), ("filled", "A"), ("filled", "B")]
    assert v.ask("orderStatus", user=ALICE, oid=open_["oid"])["order"]["status"] == "filled"
    assert v.ask("orderStatus", user=ALICE, oid=99_999) == {"status": "unknownOid"}
    for _ in range(3_700 // 20):
        v.world.later(20)
        v.host.send([UpdateOracle(0, BTC, 60_000)])  # of a price that is old nobody pays funding
    (paid,) = v.ask("userFunding", user=ALICE, startTime=0)
    (charged,) = v.ask("fundingHistory", coin="BTC", startTime=0)
    assert (paid["delta"]["coin"], paid["delta"]["szi"], paid["delta"]["fundingRate"]) == ("BTC", "-0.3", charged["fundingRate"])
    (position,) = v.ask("clearinghouseState", user=ALICE)["assetPositions"]
    assert D(position["position"]["cumFunding"]["allTime"]) == -D(paid["delta"]["usdc"])
    deposit = v.ask("userNonFundingLedgerUpdates", user=ALICE, startTime=0)[0]
    assert deposit["delta"] == {"type": "deposit", "usdc": "10000"}


def test_fills_of_one_order_at_one_price_are_one_when_asked_for() -> None:
    v = Venue()
    v.account(ALICE)
    v.rest(BTC, Side.SELL, 60_010, 1_000)
    v.rest(BTC, Side.SELL, 60_010, 2_000)
    v.order(limit(BTC, True, "60010", "0.03"))
    assert len(v.ask("userFills", user=ALICE)) == 2
    (one,) = v.ask("userFills", user=ALICE, aggregateByTime=True)
    assert (one["sz"], one["startPosition"]) == ("0.03", "0") and D(one["fee"]) == D("60010") * D("0.03") * D("0.00045")


def test_fees_limits_and_what_more_could_be_traded() -> None:
    v = venue()
    fees = v.ask("userFees", user=ALICE)
    assert (fees["userCrossRate"], fees["userAddRate"]) == ("0.00045", "0.00015")
    v.order(limit(BTC, True, "59000", "0.1"))
    told = v.ask("userRateLimit", user=ALICE)
    assert (told["nRequestsUsed"], told["nRequestsCap"]) == (1, 10_000)
    active = v.ask("activeAssetData", user=ALICE, coin="BTC")
    assert active["leverage"] == {"type": "cross", "value": 40} and D(active["maxTradeSzs"][0]) > 6


def test_an_address_is_known_when_it_is_asked_about() -> None:
    v = Venue()
    count = v.host.exchange.state.accounts.count
    assert v.ask("clearinghouseState", user=BOB)["marginSummary"]["accountValue"] == "10000"
    assert v.ask("clearinghouseState", user=BOB)["marginSummary"]["accountValue"] == "10000"
    assert v.host.exchange.state.accounts.count == count + 1
    for wrong in (None, 5, "", "0x12", "alice"):
        with pytest.raises(Unreadable):
            v.ask("clearinghouseState", user=wrong)


def test_a_server_has_so_many_users() -> None:
    from perplab.exchange.server.limits import Limits

    v = Venue()
    v.host.limits = Limits(users=2)
    for number in range(2):
        v.account(f"0x{number:040x}")
    with pytest.raises(Failed, match="gets no account: this server has 2 users"):
        v.ask("openOrders", user=ALICE)


def test_every_question_about_an_account_has_an_answer_for_one_that_has_nothing() -> None:
    for v in (Venue(), Venue(faucet=0)):
        for entry in INFO.entries.values():
            fields = {"user": ALICE, "coin": "BTC", "startTime": 0, "oid": 1, "req": {"coin": "BTC", "interval": "1h", "startTime": 0}}
            v.ask(entry.name, **fields)
        v.host.exchange.check()
    with pytest.raises(Unreadable, match="Failed to deserialize"):
        v.ask("nonsense")
