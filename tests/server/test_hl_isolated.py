"""Isolated orders of who has a cross position: what may be drawn from its cash is told as it is."""

from __future__ import annotations

from decimal import Decimal

from hl_kit import ALICE, BTC, ETH, Venue, limit

from perplab.exchange.codes import Side
from perplab.exchange.messages import Place

DRAWN = "Insufficient margin to place order. asset=1"


def with_cross(size: str) -> Venue:
    """10,000 USD, of which a position in BTC at 40x needs 2.5 % of its value; ETH is isolated, at 20x."""
    v = Venue()
    for market, ticks in ((BTC, 60_000), (ETH, 30_000)):
        v.rest(market, Side.SELL, ticks, 10**6)
        v.rest(market, Side.BUY, ticks - 1, 10**6)
    assert v.act({"type": "updateLeverage", "asset": ETH, "isCross": False, "leverage": 20})["status"] == "ok"
    assert v.act({"type": "updateLeverage", "asset": BTC, "isCross": True, "leverage": 40})["status"] == "ok"
    assert "filled" in v.order(limit(BTC, True, "60000", size, "Ioc"))[0]
    return v


def drawable(v: Venue) -> int:
    order = Place(0, v.account(ALICE), ETH, Side.BUY, 30_000, 1_000)
    found = v.host.exchange.preview(order)
    assert (found.cancelled > 0) == (found.available_margin < 0)
    return found.available_margin


def test_nothing_may_be_drawn_where_the_transfer_margin_is_not_there() -> None:
    """120,000 USD in BTC: 3,000 are their initial margin, and 12,000 stay behind when money leaves."""
    v = with_cross("2")
    told = v.ask("activeAssetData", user=ALICE, coin="ETH")
    assert (told["availableToTrade"], told["maxTradeSzs"]) == (["0.0", "0.0"], ["0.0", "0.0"])
    assert drawable(v) < 0
    assert v.order(limit(ETH, True, "3000", "0.1", "Ioc"))[0] == {"error": DRAWN}
    assert Decimal(v.ask("activeAssetData", user=ALICE, coin="BTC")["availableToTrade"][0]) > 6_000, "cross orders have margin"


def test_and_as_much_as_is_told_where_it_is() -> None:
    """60,000 USD in BTC, of which 6,000 stay behind: of 10,000 less the fee of 27 USD 3,973 may be drawn."""
    v = with_cross("1")
    told = v.ask("activeAssetData", user=ALICE, coin="ETH")
    assert told["availableToTrade"] == ["3972.99", "3972.99"], "in whole lots"
    most = Decimal(told["maxTradeSzs"][0])
    assert "filled" in v.order(limit(ETH, True, "3000", str(most - Decimal("0.3")), "Ioc"))[0], "a fee comes on top"
    v = with_cross("1")
    filled = v.order(limit(ETH, True, "3000", str(most + Decimal("0.3")), "Ioc"))[0]
    assert filled == {"error": DRAWN} or Decimal(filled["filled"]["totalSz"]) <= most
