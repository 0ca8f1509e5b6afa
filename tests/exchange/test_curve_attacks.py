"""The table of docs/rules.md says what an owner of both sides can gain at venues with a curve; this holds it to them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import curve_attacks
import pytest
from curve_attacks import ATTACKS, DESIGNS, in_thousands

from perplab.exchange import load_venue, shipped_venues

RULES = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
MOST = 40 * 100_000 * 0.2  # [USD] what a gap of 20 % takes from 40 BTC: beyond that nobody can be short of anything
OPEN = {  # what is left, and why: the page says it in words
    ("an honest order, known before its turn: trades around it", "perp_v1"),
    ("an honest order, known before its turn: trades around it", "perp_v2_curie"),
    ("an honest order, known before its turn: trades around it", "synthetix_v3"),
    ("the same: liquidity around it", "perp_v2_curie"),
    ("the oracle is late by a second and 1 %: trades", "book_amm_hybrid"),
    ("the oracle is late by a second and 1 %: trades", "drift_v2"),
    ("the same, by 5 %: liquidity leaves", "book_amm_hybrid"),
    ("the same, by 5 %: liquidity leaves", "drift_v2"),
}


@cache
def gain(name: str, design: str) -> float:
    return ATTACKS[name](design)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", ATTACKS)
def test_nobody_gains_but_where_the_page_says_so(name: str, design: str) -> None:
    found = gain(name, design)
    if "gap" in name:
        assert found <= (MOST if "20 %" in name else MOST / 5)
    else:
        assert (found > 1) == ((name, design) in OPEN), f"{found} USD"


@pytest.mark.parametrize("design", ["book_amm_hybrid", "drift_v2"])
def test_latencies_longer_than_the_oracle_is_late_are_a_cure(design: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {"sequencing": {"taker_latency_ms": 1_500, "cancel_latency_ms": 1_500}}
    monkeypatch.setattr(curve_attacks, "load_venue", lambda name: load_venue(name, slow))
    assert curve_attacks.late_oracle(design) == curve_attacks.provider_leaves(design) == 0


@pytest.mark.slow
def test_the_page_has_the_table_of_curves() -> None:
    """Each cell is `before to after`, or the number that both are."""
    page = RULES.read_text(encoding="utf-8")
    for name in ATTACKS:
        told = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", page, re.MULTILINE)
        assert told, f"docs/rules.md has no row {name!r}"
        after = [cell.split(" to ")[-1].strip() for cell in told[1].split("|")]
        assert after == [in_thousands(gain(name, design)) for design in DESIGNS], name


def test_every_shipped_curve_and_batch_is_attacked() -> None:
    for name in shipped_venues():
        design = load_venue(name)
        gathers = design.sequencing.rule == "batch_auction"
        assert (name in DESIGNS) == (gathers or any(market.curve.rule != "none" for market in design.markets)), name
