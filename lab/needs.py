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

Feature = Literal["auctions", "gas", "oracle_fills", "vault"]


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
    "vault": Told(
        lambda venue: "takeover" in venue.liquidation.steps, "a vault that takes accounts over", "liquidation.steps with takeover"
    ),
}


def must_have(venue: VenueDesign, scenario: Scenario, venue_file: str | None = None) -> None:
    """ScenarioError, which names the feature and designs that have it, where the venue lacks what the scenario needs."""
    for name in scenario.required():
        told = TABLE[name]
        if not told.has(venue):
            known = having(told)
            as_have = f" (shipped: {', '.join(known)})" if known else ""
            given = f"scenario {scenario.name} needs {told.what} ({name}), which {venue_file or venue.name} has not"
            raise ScenarioError(f"{given}: expected {told.key}{as_have}")


def having(told: Told) -> Sequence[str]:
    """Names of shipped designs with a feature."""
    return [name for name in shipped_venues() if told.has(load_venue(name))]
