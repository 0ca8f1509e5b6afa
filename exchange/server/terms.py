"""What a venue is, as who is about to trade there has to know it: markets with their terms, and how commands are carried out."""

from __future__ import annotations

import msgspec

from ..design.structs import Market, VenueDesign
from .errors import Data


def market_terms(design: VenueDesign, number: int) -> Data:
    """Ticks and lots as decimal texts, money in micro-units, fractions as their names say."""
    market = design.markets[number]
    return {
        "market": number, "name": market.name, "tick": str(market.tick), "lot": str(market.lot), "unit": market.unit,
        "settlement_asset": design.assets.index(market.settlement_asset), "significant_figures": market.significant_figures,
        "minimum_notional": market.minimum_notional, "price_band_ppm": market.price_band_ppm, "max_leverage": market.max_leverage,
        "maker_fee_ppb": market.maker_fee_ppb, "taker_fee_ppb": market.taker_fee_ppb,
        "tiers": [msgspec.structs.asdict(tier) for tier in market.tiers], "curve": curve_terms(market),
        "matching": {"rule": market.matching.rule, "queue_classes": market.matching.queue_classes},
    }  # fmt: skip


def curve_terms(market: Market) -> Data | None:
    """None: it has only a book."""
    curve = market.curve
    if curve.rule == "none":
        return None
    return {
        "rule": curve.rule, "role": curve.role, "is_virtual": not curve.capital,
        "reducing_fee_ppb": market.taker_fee_ppb if curve.reducing_fee_ppb < 0 else curve.reducing_fee_ppb, "lock_ms": curve.lock_ms,
    }  # fmt: skip


def sequencing_terms(design: VenueDesign) -> Data:
    """When and in which order commands about orders are carried out; `terms` are the rule's own."""
    shown = design.sequencing
    retail = shown.taker_latency_ms if shown.retail_taker_latency_ms < 0 else shown.retail_taker_latency_ms
    return {
        "rule": shown.rule, "terms": msgspec.to_builtins(shown.own), "taker_latency_ms": shown.taker_latency_ms,
        "retail_taker_latency_ms": retail, "maker_latency_ms": shown.maker_latency_ms, "cancel_latency_ms": shown.cancel_latency_ms,
    }  # fmt: skip


def gas_terms(design: VenueDesign) -> Data:
    """What commands cost [micro], before the operator's multiplier."""
    return {name: cost for name, cost in msgspec.structs.asdict(design.gas).items()}
