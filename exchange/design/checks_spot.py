"""What a spot market has and a perpetual has not, and what may stand in for cash: values that do not fit together."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from .parameters import MICRO
from .structs import CollateralDesign, FundingDesign, Market, VenueDesign

Refuse = Callable[[str, object, str], None]  # key, given, expected


def check_kind(venue: VenueDesign, market: Market, key: str, refuse: Refuse) -> None:
    """What a spot market has, and a perpetual has not; and the other way round."""
    if not market.is_spot:
        if not market.tiers:
            refuse(f"{key}.tiers", [], "at least one tier")
        if market.base_asset:
            refuse(f"{key}.base_asset", repr(market.base_asset), "none: only what is traded in a spot market is an asset of accounts")
        return
    if market.base_asset not in venue.assets or market.base_asset == market.settlement_asset:
        refuse(f"{key}.base_asset", repr(market.base_asset), f"one of {venue.assets} other than settlement_asset")
    if any(one is not market and one.is_spot and one.base_asset == market.base_asset for one in venue.markets):
        refuse(f"{key}.base_asset", repr(market.base_asset), "an asset that no other spot market has")
    if market.lot * MICRO != market.base_lot or market.base_lot < 1:
        refuse(f"{key}.lot", market.lot, "a whole number of millionths of the base asset")
    for name, none in (("tiers", ()), ("max_leverage", 1), ("default_leverage", 0), ("open_interest_cap", Decimal(0))):
        if getattr(market, name) != none:
            refuse(f"{key}.{name}", getattr(market, name), "none: nobody holds a position in a spot market")
    if market.curve.rule != "none":
        refuse(f"{key}.curve.rule", repr(market.curve.rule), "'none': the pool of a curve holds a position")
    if market.funding != FundingDesign():
        refuse(f"{key}.funding", "a table", "none: nobody pays funding in a spot market")


def check_collateral(venue: VenueDesign, refuse: Refuse) -> None:
    """Each asset once, with a spot market that says what it is worth; and one asset for each perpetual that is hedged."""
    for number, design in enumerate(venue.collateral):
        key = f"collateral[{number}]"
        before = venue.collateral[:number]
        market = next((one for one in venue.markets if one.is_spot and one.base_asset == design.asset), None)
        if market is None:
            refuse(f"{key}.asset", repr(design.asset), "the base_asset of a spot market, which says what it is worth")
        elif any(not one.is_spot and one.settlement_asset == design.asset for one in venue.markets):
            expected = "an asset in which no perpetual settles: as margin there and as collateral it would count twice"
            refuse(f"{key}.asset", repr(design.asset), expected)
        elif design.asset in (one.asset for one in before):
            refuse(f"{key}.asset", repr(design.asset), "an asset that is not listed before")
        elif design.hedges:
            check_hedge(venue, design, market, f"{key}.hedges", refuse)
            if design.hedges in (one.hedges for one in before):
                refuse(f"{key}.hedges", repr(design.hedges), "a market that no other asset hedges")
        elif design.hedged_weight_ppm != 1_000_000 or design.hedged_margin_ppm != 1_000_000:
            refuse(f"{key}.hedges", "missing", "the market whose shorts it hedges, since hedged_weight_ppm or hedged_margin_ppm is given")


def check_hedge(venue: VenueDesign, design: CollateralDesign, spot: Market, key: str, refuse: Refuse) -> None:
    market = next((one for one in venue.markets if one.name == design.hedges), None)
    if market is None or market.is_spot or market.settlement_asset != spot.settlement_asset:
        refuse(key, repr(design.hedges), f"a perpetual that settles in {spot.settlement_asset}, as {spot.name} does")
    elif market.lot * MICRO != market.base_lot or market.base_lot < 1:
        refuse(key, repr(design.hedges), f"a market whose lot ({market.lot}) is a whole number of millionths of the asset")
