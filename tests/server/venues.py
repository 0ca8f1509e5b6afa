"""Designs with a curve, or in which commands wait: the plain one of one market, with what is said laid over it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.design.venue import venue_of_json

sys.path.append(str(Path(__file__).parent.parent / "exchange"))
from curve_kit import register_line

Table = Mapping[str, object]
CURVE: Table = {"rule": "line", "role": "interleaved", "capital": 1_000_000, "margin_ppm": 100_000, "fee_share_ppm": 400_000}
BLOCKS: Table = {"rule": "blocks", "interval_ms": 2_000}


def venue(curve: Table | None = None, sequencing: Table | None = None, gas: Table | None = None, **market: object) -> VenueDesign:
    """One market, BTC-PERP, with the curve of the tests' own, if it has one. A lot at a tick is 1,000 micro-units."""
    register_line()
    tree = msgspec.json.decode(load_venue("book_fund_adl").to_json())
    plain = {"price_band_ppm": 0, "minimum_notional": 0, "mark": {"rule": "oracle"}}
    tree["markets"] = [{**tree["markets"][0], **plain, "curve": {**CURVE, **curve} if curve is not None else {}, **market}]
    return venue_of_json(json.dumps({**tree, "sequencing": dict(sequencing or {}), "gas": dict(gas or {})}).encode(), "test")
