"""The table of docs/rules.md says what the owner of both sides can gain; this holds it to the venue."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from attacks import ATTACKS, in_millions

from perplab.exchange import compared_venues

RULES = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
GAP = 700_000  # [USD] what a gap of 4 % leaves a long of 50 M USD with 1.3 M behind it short of: that the short is paid is no drain


@cache
def gain(name: str, design: str) -> float:
    return ATTACKS[name](design)


@pytest.mark.parametrize("design", sorted(compared_venues()))
@pytest.mark.parametrize("name", [name for name in ATTACKS if "gap" not in name])
def test_nobody_gains_from_owning_both_sides(name: str, design: str) -> None:
    assert gain(name, design) <= 1, "USD"


@pytest.mark.parametrize("design", sorted(compared_venues()))
@pytest.mark.parametrize("name", [name for name in ATTACKS if "gap" in name])
def test_a_gap_gives_little_more_than_itself(name: str, design: str) -> None:
    """In the book one per cent of spread, in an auction the way to maintenance: of 48 M USD. A fund pays no more than its cap."""
    assert gain(name, design) <= GAP + 48_000_000 * (0.0125 if "auction" in name else 0.01)
    if "fund_adl" in design:
        assert gain(name, design) <= 1_000_000


def test_the_page_has_the_table() -> None:
    """Each cell is `before to after`, or the number that both are."""
    page = RULES.read_text(encoding="utf-8")
    for name in ATTACKS:
        told = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", page, re.MULTILINE)
        assert told, f"docs/rules.md has no row {name!r}"
        after = [cell.split(" to ")[-1].strip() for cell in told[1].split("|")]
        assert after == [in_millions(gain(name, design)) for design in sorted(compared_venues())], name
