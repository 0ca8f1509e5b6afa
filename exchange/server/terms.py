"""What a venue is, as who is about to trade there has to know it: markets with their terms, and how commands are carried out."""

from __future__ import annotations

import msgspec

from ..design.build import most_lots
from ..design.structs import FundingDesign, MarkDesign, Market, VenueDesign
from .errors import Data


def market_terms(design: VenueDesign, number: int) -> Data:
    """Ticks and lots as decimal texts, notionals in whole USD as in the design, fractions as their names say."""
    market = design.markets[number]
    return {
        "market": number, "name": market.name, "kind": market.kind,
        "base_asset": design.assets.index(market.base_asset) if market.is_spot else None,
        "tick": str(market.tick), "lot": str(market.lot), "unit": market.unit,
        "settlement_asset": design.assets.index(market.settlement_asset), "significant_figures": market.significant_figures,
        "minimum_notional": market.minimum_notional, "price_band_ppm": market.price_band_ppm, "max_leverage": market.max_leverage,
        "default_leverage": market.default_leverage or market.max_leverage,
        "open_interest_cap": str(market.open_interest_cap) if market.open_interest_cap else None, "jump_fee": jump_fee_terms(market),
        "maker_fee_ppb": market.maker_fee_ppb, "taker_fee_ppb": market.taker_fee_ppb,
        "tiers": [msgspec.structs.asdict(tier) for tier in market.tiers], "curve": curve_terms(market),
        "matching": msgspec.structs.asdict(market.matching), "oracle": msgspec.structs.asdict(market.oracle),
        "max_price": int(market.max_price / market.tick), "max_size": most_lots(design, market),
        "mark": rule_terms(market.mark), "funding": None if market.is_spot else rule_terms(market.funding),
    }  # fmt: skip


def rule_terms(design: MarkDesign | FundingDesign) -> Data:
    """What a design says of a rule; `terms` are the rule's own."""
    told: Data = msgspec.to_builtins(design)
    own = told.pop("own")
    return {**told, "terms": own}


def jump_fee_terms(market: Market) -> Data | None:
    """None: the taker fee does not rise while prices jump."""
    if not market.jump_fee_deviation_ppm:
        return None
    return {
        "deviation_ppm": market.jump_fee_deviation_ppm, "decay_ppm": market.jump_fee_decay_ppm, "least_ppm": market.jump_fee_least_ppm
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


def liquidation_terms(design: VenueDesign) -> Data:
    """How accounts below maintenance are closed, and who pays what they cannot."""
    shown, adl = design.liquidation, design.auto_deleverage
    return {
        "steps": list(shown.steps), "fee_ppm": shown.fee_ppm, "fee_from": shown.fee_from, "surplus_to": shown.surplus_to,
        "backstops": list(design.backstops),
        "auto_deleverage": {"trigger": adl.trigger, "rank": adl.rank, "selection": adl.selection, "price": adl.price}
        if "auto_deleverage" in design.backstops else None,
    }  # fmt: skip


def collateral_terms(design: VenueDesign) -> list[Data]:
    """Assets that count as margin in what their spot markets settle in."""
    names, bases = [market.name for market in design.markets], [market.base_asset for market in design.markets]
    return [
        {
            "asset": design.assets.index(one.asset), "market": bases.index(one.asset), "weight_ppm": one.weight_ppm,
            "hedges": names.index(one.hedges) if one.hedges else None, "hedged_weight_ppm": one.hedged_weight_ppm,
            "hedged_margin_ppm": one.hedged_margin_ppm,
        }
        for one in design.collateral
    ]  # fmt: skip


def account_terms(design: VenueDesign) -> Data:
    """What holds for every account: how much it may have open, what it pays by volume, and how its money comes and goes."""
    return {
        "max_open_orders": design.max_open_orders, "max_triggers": design.max_triggers, "max_twaps": design.max_twaps,
        "max_sub_accounts": design.max_sub_accounts, "collateral": collateral_terms(design), "max_debt": design.max_debt,
        "transfer_margin_ppm": design.transfer_margin_ppm,
        "fee_window_days": design.fee_window_days,
        "fee_tiers": [msgspec.structs.asdict(tier) for tier in design.fee_tiers],
        "maker_tiers": [msgspec.structs.asdict(tier) for tier in design.maker_tiers], "money": msgspec.structs.asdict(design.money),
    }  # fmt: skip


def gas_terms(design: VenueDesign) -> Data:
    """What commands cost [micro], before the operator's multiplier."""
    return {name: cost for name, cost in msgspec.structs.asdict(design.gas).items()}
