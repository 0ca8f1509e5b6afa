"""Whole lives of venues with what published examples asked for: steps, limits, fees, marks and backstops, proved after each command."""

from __future__ import annotations

import pytest
from kit import UNCOVERED, script

from perplab.exchange import Exchange, Journal, load_venue, replay
from perplab.exchange.codes import MarketStatus, Payer
from perplab.exchange.events import DeficitPaid, Liquidated
from perplab.exchange.messages import SetMarketStatus

FEES = {"jump_fee_deviation_ppm": 500, "jump_fee_least_ppm": 100}
MARK = {"rule": "hyperliquid", "third": "funding", "cadence_ms": 1_000}
FUNDING = {"impact_margin": 1_000, "quote_rate_ppt": 600_000_000, "base_rate_ppt": 300_000_000, "cap_margin_ppm": 1_000_000}
SHORTAGE = {"grace_ms": 2_000, "slot_ms": 400, "per_slot_ppm": 500, "initial_ppm": 100_000, "duration_ms": 5_000, "patience_ms": 10_000}
DESIGNS: dict[str, dict[str, object]] = {
    "what is missing, then an order that gives way": {
        "liquidation": {
            "steps": ["cover_shortage", "book"], "cover_shortage": SHORTAGE, "book": {"limit": "fillable"}, "fee_ppm": 5_000,
            "fee_from": "fund",
        },
        "backstops": ["insurance_fund", "profit_haircut", "socialized_loss"],
    },
    "an order that gives way, then an auction in two lines": {
        "liquidation": {
            "steps": ["book", "dutch_auction"], "book": {"limit": "fillable", "patience_ms": 5_000}, "fee_ppm": 10_000,
            "dutch_auction": {"fast_ms": 3_000, "cutoff_ppm": 700_000, "duration_ms": 20_000},
        },
        "backstops": ["insurance_fund", "profit_haircut"],
    },
    "profits alone": {"liquidation": {"steps": ["cover_shortage"], "cover_shortage": SHORTAGE}, "backstops": ["profit_haircut"]},
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", DESIGNS)
def test_a_life_keeps_the_laws_and_is_replayed_alike(name: str, seed: int) -> None:
    market = {**FEES, "mark": MARK, "funding": FUNDING}
    venue = load_venue("book_fund_adl", {**DESIGNS[name], "insurance_fund": {"capital": 1_000_000}, "markets": market})
    journal = Journal()
    exchange = Exchange(venue, journal, 16, 16)
    events = []
    for command in script(seed, 110):
        events += exchange.apply(command)
        exchange.check()
    events += exchange.apply(SetMarketStatus(exchange.now, 0, MarketStatus.SETTLED, 70_000))
    exchange.check()
    assert any(isinstance(event, Liquidated) for event in events)
    paid = {event.payer for event in events if isinstance(event, DeficitPaid)}
    assert Payer.SOCIALIZED in paid, "the profits of the settlement"
    assert exchange.balance(UNCOVERED) <= 0
    assert replay(journal.bytes()).state_hash() == exchange.state_hash()
