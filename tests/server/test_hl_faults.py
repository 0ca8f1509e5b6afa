"""Failures that the operator asks for, as users of Hyperliquid's API meet them."""

from __future__ import annotations

from typing import Any

import pytest
from hl_exchange_kit import Reply, Trader, Venue, limit, trigger
from hl_exchange_kit import alice as alice
from hl_exchange_kit import venue as venue

from perplab.exchange.codes import Reason

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
    """The order that was to be changed is gone, as it is then."""
    rich = poor(venue)
    real = modify(rich, kind, LARGE)
    assert MARGIN in str(real) and not venue.host.exchange.open_orders(rich.account)
    faults = venue.host.faults.of("alice")
    (told,) = alice.order(limit("B", "59000", SMALL))
    faults.rejects = 1
    change = {"oid": told["resting"]["oid"], "order": limit("B", "58000", SMALL)}
    injected = alice.do("modify", **change) if kind == "modify" else alice.do("batchModify", modifies=[change])
    assert injected == real and not venue.host.exchange.open_orders(alice.account)


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
