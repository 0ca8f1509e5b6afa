"""What a scenario, or one of its faults, needs of a design: features by name, and whether a venue has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.design.venue import shipped_venues

from .own import ScenarioError
from .runs import MARKET

if TYPE_CHECKING:
    from .scenario import Scenario

Feature = Literal["auctions", "gas", "oracle_fills", "spot", "vault"]


def spot_of(venue: VenueDesign) -> int | None:
    """The number of the spot market in which the coins of its first perpetual trade for what that settles in; None: it has none."""
    first = venue.markets[MARKET]
    coin = first.name.partition("-")[0]
    found = (n for n, one in enumerate(venue.markets) if one.is_spot and one.base_asset == coin)
    return next((n for n in found if venue.markets[n].settlement_asset == first.settlement_asset), None)


class Told(NamedTuple):
    """How a feature is found in a design, and what to say where it is not there."""

    has: Callable[[VenueDesign], bool]
    what: str
    key: str


TABLE: Final[dict[str, Told]] = {
    "auctions": Told(
        lambda venue: "dutch_auction" in venue.liquidation.steps, "auctions of liquidated accounts", "liquidation.steps with dutch_auction"
    ),
    "gas": Told(lambda venue: venue.gas.place > 0, "gas", "gas.place above 0"),
    "oracle_fills": Told(
        lambda venue: venue.markets[MARKET].curve.rule == "oracle_pool", "fills at the oracle price", 'curve.rule = "oracle_pool"'
    ),
    "spot": Told(
        lambda venue: spot_of(venue) is not None,
        "a spot market of the coins of its perpetual",
        'a market with kind = "spot", as portfolio has one',
    ),
    "vault": Told(
        lambda venue: "takeover" in venue.liquidation.steps, "a vault that takes accounts over", "liquidation.steps with takeover"
    ),
}


def must_have(venue: VenueDesign, scenario: Scenario, venue_file: str | None = None) -> None:
    """ScenarioError, which names the feature and designs that have it, where the venue lacks what the scenario needs."""
    for name in scenario.required():
        if wrong := lacking(venue, name, f"scenario {scenario.name}", venue_file):
            raise ScenarioError(wrong)


def lacking(venue: VenueDesign, name: str, who: str, venue_file: str | None = None) -> str:
    """That the venue lacks a feature which somebody needs, and which designs have it; nothing: it has it."""
    told = TABLE[name]
    if told.has(venue):
        return ""
    known = having(told)
    as_have = f" (shipped: {', '.join(known)})" if known else ""
    return f"{who} needs {told.what} ({name}), which {venue_file or venue.name} has not: expected {told.key}{as_have}"


def having(told: Told) -> Sequence[str]:
    """Names of shipped designs with a feature."""
    return [name for name in shipped_venues() if told.has(load_venue(name))]
