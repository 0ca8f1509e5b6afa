"""The same design with infinite insurance: who would pay the losses that it leaves to others if money were no object.

It closes positions as the design does, and nothing else of it can show: whatever stands behind a payer who never runs out never pays. So
designs that differ only there have one and the same insured design, and share its run.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from perplab.exchange import VenueDesign
from perplab.exchange.design.structs import AdlDesign, VaultDesign
from perplab.exchange.design.venue import FundDesign

UNLIMITED: Final = 10_000_000_000  # [USD] the most that a design may state: more than the open interest of the scenarios
NAME: Final = "insured"


def insured(venue: VenueDesign) -> VenueDesign:
    """The design with a fund that pays all, without caps, in place of its backstops; a vault that takes accounts over has such capital.

    A design that leaves everything to its vault, or to winners behind it, gets no fund beside it: liquidation orders go further where cash
    stands behind them, and that would be another way to close. Equal designs are equal runs; the name is the same for all.
    """
    has_vault = "takeover" in venue.liquidation.steps
    has_payer = any(name != "auto_deleverage" for name in venue.backstops)
    has_fund = has_payer or not has_vault
    return replace(
        plain(venue),
        backstops=("insurance_fund",) if has_fund else (),
        insurance_fund=FundDesign(capital=UNLIMITED) if has_fund else FundDesign(),
        vault=replace(venue.vault, capital=UNLIMITED, loss_limit_ppm=1_000_000) if has_vault else VaultDesign(),
        auto_deleverage=AdlDesign(),
        own={name: table for name, table in venue.own.items() if name not in venue.backstops},
    )


def plain(venue: VenueDesign) -> VenueDesign:
    """The design without what only people read."""
    return replace(venue, name=NAME, title="")
