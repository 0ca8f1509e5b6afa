"""Prices in the Hyperliquid dialect: books, mids, contexts, trades, candles, funding."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hl_info_kit import BUY, SELL, Scene
from wire import START

from perplab.exchange.codes import TimeInForce
from perplab.exchange.messages import SetFunding, SetMarketStatus, UpdateOracle
from perplab.exchange.server.hyperliquid import markets
from perplab.exchange.server.hyperliquid.info import INFO
from perplab.exchange.server.hyperliquid.markets import coarse_price
from perplab.exchange.server.hyperliquid.meta import leverage_of

MS = 1_000_000
NOW = START // MS
HOUR = 3_600


def test_meta_of_the_venue_of_serve() -> None:
    told = Scene().ask("meta", dex="")
    assert [(one["name"], one["szDecimals"], one["maxLeverage"]) for one in told["universe"]] == [
        ("BTC", 5, 40), ("ETH", 4, 25), ("SOL", 2, 20),
    ]  # fmt: skip
    tables = dict(told["marginTables"])
    tiers = [tables[one["marginTableId"]]["marginTiers"] for one in told["universe"]]
    assert [[(tier["lowerBound"], tier["maxLeverage"]) for tier in one] for one in tiers] == [  # the venue's own tiers of mainnet
        [("0.0", 40), ("150000000.0", 20)], [("0.0", 25), ("100000000.0", 15)], [("0.0", 20), ("70000000.0", 10)],
    ]  # fmt: skip
    assert all(number >= 50 for number in tables) and told["collateralToken"] == 0


@pytest.mark.parametrize(("ppm", "leverage"), [(25_000, 40), (66_667, 15), (333_334, 3), (1_000_000, 1), (20_000, 50), (100_000, 10)])
def test_leverage_of_a_margin_rate(ppm: int, leverage: int) -> None:
    assert leverage_of(ppm) == leverage


def test_a_settled_market_is_delisted() -> None:
    scene = Scene()
    scene.send(SetMarketStatus(0, 1, 5, 30_000))
    universe = scene.ask("meta")["universe"]
    assert [one.get("isDelisted", False) for one in universe] == [False, True, False]


def test_spot_meta_with_and_without_spot_markets() -> None:
    told = Scene().ask("spotMeta")
    assert [one["name"] for one in told["universe"]] == ["PURR/USDC", "@1"] and [one["index"] for one in told["universe"]] == [0, 1]
    assert [one["name"] for one in told["tokens"]] == ["USDC", "PURR", "HFUN"]
    told = Scene("portfolio").ask("spotMeta")
    assert [(one["name"], one["tokens"], one["index"]) for one in told["universe"]] == [("BTC/USDC", [1, 0], 0)]
    assert [(one["name"], one["index"], one["szDecimals"]) for one in told["tokens"]] == [("USDC", 0, 8), ("BTC", 1, 3)]


def test_pairs_that_stand_in_are_no_markets() -> None:
    scene = Scene()
    told, contexts = scene.ask("spotMetaAndAssetCtxs")
    assert [one["coin"] for one in contexts] == [one["name"] for one in told["universe"]]
    assert all(float(one["markPx"]) > 0 for one in contexts)
    assert scene.ask("l2Book", coin="PURR/USDC")["levels"] == [[], []] and "PURR/USDC" not in scene.ask("allMids")
    assert scene.ask("recentTrades", coin="@1") == []
    assert Scene("portfolio").ask("l2Book", coin="PURR/USDC") is None


def test_books_have_bids_first_and_count_orders() -> None:
    scene = Scene()
    account, _ = scene.user(10**6)
    for side, price, lots in ((BUY, 59_990, 100), (BUY, 59_990, 50), (BUY, 59_980, 70), (SELL, 60_010, 12_345)):
        scene.place(account, side, price, lots)
    told = scene.ask("l2Book", coin="BTC")
    assert told == {
        "coin": "BTC", "time": NOW,
        "levels": [
            [{"px": "59990.0", "sz": "0.0015", "n": 2}, {"px": "59980.0", "sz": "0.0007", "n": 1}],
            [{"px": "60010.0", "sz": "0.12345", "n": 1}],
        ],
    }  # fmt: skip


def test_books_have_twenty_levels_a_side() -> None:
    scene = Scene()
    account, _ = scene.user(10**6)
    for number in range(25):
        scene.place(account, BUY, 59_990 - number, 100)
    bids, asks = scene.ask("l2Book", coin="BTC")["levels"]
    assert [one["px"] for one in bids] == [f"{59_990 - number}.0" for number in range(20)] and asks == []
    (coarse,) = scene.ask("l2Book", coin="BTC", nSigFigs=3)["levels"][0]
    assert coarse == {"px": "59900.0", "sz": "0.025", "n": 25}, "levels behind the twentieth belong to it as well"


def test_books_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markets, "PASSED", 10)
    monkeypatch.setattr(markets, "COUNTED", 2)
    scene = Scene()
    account, _ = scene.user(10**6)
    for number in range(12):
        scene.place(account, BUY, 59_990 - number, 100)
    for _ in range(3):
        scene.place(account, SELL, 60_010, 100)
    ((coarse,), _) = scene.ask("l2Book", coin="BTC", nSigFigs=2)["levels"]
    assert coarse == {"px": "59000.0", "sz": "0.01", "n": 10}
    assert scene.ask("l2Book", coin="BTC")["levels"][1] == [{"px": "60010.0", "sz": "0.003", "n": 2}]


def test_icebergs_show_what_they_show() -> None:
    scene = Scene()
    account, _ = scene.user(10**6)
    scene.place(account, SELL, 60_010, 1_000, display=100)
    assert scene.ask("l2Book", coin="BTC")["levels"][1] == [{"px": "60010.0", "sz": "0.001", "n": 1}]


@pytest.mark.parametrize(
    ("ticks", "side", "figures", "mantissa", "price"),
    [
        (60_123, BUY, 2, 1, "60000"), (60_123, SELL, 2, 1, "61000"), (60_123, BUY, 5, 1, "60123"), (60_123, BUY, 5, 2, "60122"),
        (60_123, SELL, 5, 5, "60125"), (60_123, BUY, 4, 1, "60120"), (99_999, SELL, 2, 1, "100000"), (7, BUY, 2, 1, "7"),
        (123_456, BUY, 5, 5, "123450"), (123_456, SELL, 5, 2, "123460"), (123_456, SELL, 3, 1, "124000"),
    ],
)  # fmt: skip
def test_significant_figures(ticks: int, side: int, figures: int, mantissa: int, price: str) -> None:
    coin = Scene().dialect.coins.by_name["BTC"]
    assert str(coarse_price(coin, ticks, side, figures, mantissa)) == price


def test_mids_and_what_stands_for_them() -> None:
    scene = Scene()
    account, _ = scene.user(10**6)
    other, _ = scene.user(10**6)
    scene.place(account, BUY, 59_990, 100)
    scene.place(account, SELL, 60_005, 100)
    scene.trade(other, account, 30_010, 100, market=1)
    mids = scene.ask("allMids")
    assert mids == {"BTC": "59997.5", "ETH": "3001.0", "SOL": "150.0"}, "of ETH the last trade, of SOL the mark"


def test_a_coin_without_any_price_has_no_mid() -> None:
    scene = Scene(prices=(60_000,))
    assert scene.ask("allMids") == {"BTC": "60000.0"}
    told = scene.ask("metaAndAssetCtxs")[1]
    assert [one["markPx"] for one in told] == ["60000.0", "0.0", "0.0"]


def test_context_of_a_coin() -> None:
    """Bids for 0.4 at 59,990 and 0.2 at 59,980: the impact of 20,000 dollars is all at 59,990. Asks of 0.1 at 60,010 and then at 60,100:
    6,001 dollars at the first, 13,999 at the second, which are 0.23293 coins."""
    scene = Scene()
    account, _ = scene.user(10**6)
    other, _ = scene.user(10**6)
    scene.trade(other, account, 60_000, 2_000)
    for side, price, lots in ((BUY, 59_990, 40_000), (BUY, 59_980, 20_000), (SELL, 60_010, 10_000), (SELL, 60_100, 50_000)):
        scene.place(account, side, price, lots)
    (context, _, _) = scene.ask("metaAndAssetCtxs")[1]
    lots = 10_000 + 23_293  # the fewest that are worth it
    average = (Decimal(10_000 * 60_010 + 23_293 * 60_100) / lots).quantize(Decimal("1e-8"))
    assert context["impactPxs"] == ["59990.0", str(average.normalize())]
    assert (context["openInterest"], context["dayBaseVlm"], context["dayNtlVlm"]) == ("0.02", "0.02", "1200.0")
    assert (context["midPx"], context["markPx"], context["oraclePx"], context["prevDayPx"]) == ("60000.0", "60000.0", "60000.0", "60000.0")
    assert Decimal(context["premium"]) == 0, "both impact prices are on their sides of the oracle"


def test_premium_and_hourly_funding() -> None:
    """Bids 0.5 % above the oracle: the premium is theirs, the rate of eight hours is the premium less the clamp of 0.05 %, an hour's an
    eighth of it."""
    scene = Scene()
    account, _ = scene.user(10**6)
    scene.place(account, BUY, 60_300, 50_000)
    scene.place(account, SELL, 60_310, 50_000)
    (context, _, _) = scene.ask("metaAndAssetCtxs")[1]
    assert context["premium"] == "0.005" and Decimal(context["funding"]) == (Decimal("0.005") - Decimal("0.0005")) / 8
    ((name, ((venue, expected),)), *_) = scene.ask("predictedFundings")
    assert (name, venue, expected["fundingRate"], expected["fundingIntervalHours"]) == ("BTC", "HlPerp", context["funding"], 1)
    assert expected["nextFundingTime"] == NOW + HOUR * 1_000


def test_a_thin_side_has_neither_impact_nor_premium() -> None:
    scene = Scene()
    account, _ = scene.user(10**6)
    scene.place(account, BUY, 59_990, 100)
    (context, _, _) = scene.ask("metaAndAssetCtxs")[1]
    assert context["impactPxs"] is None and context["premium"] is None and context["midPx"] is None


def test_contexts_of_spot_markets() -> None:
    scene = Scene("portfolio", prices=(60_000, 60_100))
    (context,) = scene.ask("spotMetaAndAssetCtxs")[1]
    assert (context["coin"], context["markPx"], context["midPx"]) == ("BTC/USDC", "60100.0", None)
    assert scene.ask("allMids") == {"BTC": "60000.0", "BTC/USDC": "60100.0"}
    assert scene.ask("l2Book", coin="@0") == scene.ask("l2Book", coin="BTC/USDC")


def test_recent_trades() -> None:
    scene = Scene()
    buyer, buys = scene.user(10**6)
    seller, sells = scene.user(10**6)
    scene.trade(buyer, seller, 60_000, 200)
    scene.place(buyer, BUY, 59_999, 300)
    scene.place(seller, SELL, 59_999, 300, tif=TimeInForce.IOC)
    last, first = scene.ask("recentTrades", coin="BTC")
    assert (last["side"], last["px"], last["sz"], last["users"]) == ("A", "59999.0", "0.003", [buys, sells])
    assert (first["side"], first["px"], first["sz"], first["users"]) == ("B", "60000.0", "0.002", [buys, sells])
    assert last["tid"] > first["tid"] and last["hash"] == f"0x{last['tid']:064x}" and last["time"] == NOW


def test_candles() -> None:
    scene = Scene()
    buyer, _ = scene.user(10**6)
    seller, _ = scene.user(10**6)
    scene.trade(buyer, seller, 60_000, 200)
    scene.trade(buyer, seller, 60_100, 100)
    request = {"coin": "BTC", "interval": "1m", "startTime": NOW, "endTime": NOW}
    assert scene.ask("candleSnapshot", req=request) == [
        {
            "t": NOW, "T": NOW + 59_999, "s": "BTC", "i": "1m", "o": "60000.0", "c": "60100.0", "h": "60100.0", "l": "60000.0",
            "v": "0.003", "n": 2,
        }
    ]  # fmt: skip
    (quiet,) = scene.ask("candleSnapshot", req={**request, "coin": "ETH"})
    assert (quiet["o"], quiet["c"], quiet["v"], quiet["n"]) == ("3000.0", "3000.0", "0.0", 0), "the mark's"
    assert scene.ask("candleSnapshot", req={**request, "startTime": 0, "endTime": 1}) == []


def test_funding_history_and_the_golden_premium() -> None:
    """What the live venue settled: a premium of -0.0005591732 makes a rate of -0.0000073966 (there with ten decimals)."""
    scene = Scene()
    rate = scene.venue.funding.rules[0].rate(-559_173_200)
    assert Decimal(int(rate)).scaleb(-12).quantize(Decimal("1e-10"), ROUND_HALF_EVEN) == Decimal("-0.0000073966")
    scene.world.later(HOUR - 1)
    scene.send(UpdateOracle(0, 0, 60_000))
    scene.send(SetFunding(0, 0, 1, 12_500_000))
    scene.world.later(2)
    (told,) = scene.ask("fundingHistory", coin="BTC", startTime=0)
    assert set(told) == {"coin", "fundingRate", "premium", "time"}
    assert (told["coin"], told["fundingRate"], told["time"]) == ("BTC", "0.0000125", NOW + HOUR * 1_000)
    assert scene.ask("fundingHistory", coin="BTC", startTime=0, endTime=told["time"] - 1) == []
    assert scene.ask("fundingHistory", coin="BTC", startTime=told["time"], endTime=told["time"]) == [told]


@pytest.mark.parametrize("kind", ["l2Book", "recentTrades", "fundingHistory"])
def test_unknown_coins_are_null(kind: str) -> None:
    assert Scene().ask(kind, coin="DOGE", startTime=0) is None


def test_candles_of_unknown_coins_are_null() -> None:
    assert Scene().ask("candleSnapshot", req={"coin": "DOGE", "interval": "1m", "startTime": 0}) is None


def test_open_interest_caps() -> None:
    assert Scene().ask("perpsAtOpenInterestCap") == []
    scene = Scene()
    buyer, seller = scene.user(10**6)[0], scene.user(10**6)[0]
    scene.trade(buyer, seller, 60_000, 100)
    scene.venue.state.markets[0].open_interest_cap = 100
    assert scene.ask("perpsAtOpenInterestCap") == ["BTC"]


def test_venues_whose_books_are_empty() -> None:
    """Curves alone quote there, and markets settle in other ways: everything has an answer all the same."""
    for design in ("perp_v2_curie", "gmx_v2", "synthetix_v3", "drift_v2", "hyperliquid", "lighter"):
        scene = Scene(design, prices=(60_000,))
        told, contexts = scene.ask("metaAndAssetCtxs")
        assert len(told["universe"]) == len(contexts) == 1 and float(contexts[0]["markPx"]) > 0, design
        assert float(scene.ask("allMids")["BTC"]) > 0, design
        scene.venue.check()


WITHOUT = frozenset(("hash", "cloid", "date", "tokenId"))  # texts that are no numbers


def whole_numbers(told: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Numbers in an answer that have no decimals, with their names."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield from whole_numbers(value, key)
    elif isinstance(told, list):
        for value in told:
            yield from whole_numbers(value, name)
    elif isinstance(told, str) and name not in WITHOUT and told.lstrip("-").isdigit():
        yield name, told


def test_every_number_of_every_answer_has_a_decimal() -> None:
    """As in all that the live venue answers, whole ones too: "0.0"."""
    scene = Scene()
    account, address = scene.user(10_000)
    maker, _ = scene.user(1_000_000)
    scene.sub(account, "one", 5)
    scene.trade(account, maker, 60_000, 1_000)
    scene.later(3_700, 60_000, 30_000, 150_000)
    scene.place(account, BUY, 59_000, 1_000)
    rest: dict[str, Any] = {"coin": "BTC", "startTime": 0, "oid": 1, "builder": address}
    asked = {name: scene.ask(name, user=address, **rest) for name in INFO.entries if name != "candleSnapshot"}
    asked["candleSnapshot"] = scene.ask("candleSnapshot", req={"coin": "BTC", "interval": "1m", "startTime": 0})
    assert len(asked["candleSnapshot"]) > 2 and asked["userFills"] and asked["userFunding"]
    assert [(kind, *one) for kind, told in asked.items() for one in whole_numbers(told)] == []
