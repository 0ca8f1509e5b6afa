"""Random designs with a spot market, whose coin stands in for cash."""

from __future__ import annotations

from choices import Source
from designs import market, venue

from perplab.exchange import VenueDesign

STEPS = [("book",), ("collateral", "book"), ("book", "dutch_auction"), ("collateral", "book", "takeover")]
BACKSTOPS = [(), ("insurance_fund",), ("insurance_fund", "auto_deleverage"), ("auto_deleverage",), ("socialized_loss",)]


def drawn_spot_venue(source: Source) -> VenueDesign:
    """A perpetual, a spot market of the coin that it is about, and another perpetual."""
    spot = {
        "name": "S", "kind": "spot", "base_asset": "BTC", "tick": "1", "lot": "0.001", "max_price": "100000",
        "taker_fee_ppb": source.pick([150_000, 450_000]), "maker_fee_ppb": source.pick([0, -100_000, 150_000]),
    }  # fmt: skip
    collateral: dict[str, object] = {"asset": "BTC", "weight_ppm": source.pick([500_000, 900_000, 1_000_000])}
    if source.chance(60):
        collateral["hedges"] = "A"
        collateral["hedged_weight_ppm"] = source.pick([900_000, 1_000_000])
        collateral["hedged_margin_ppm"] = source.pick([0, 250_000, 1_000_000])
    return venue(
        [market("A"), spot, market("B")], source.pick(STEPS), source.pick(BACKSTOPS), assets=["USD", "BTC"], collateral=[collateral],
        insurance_fund={"capital": source.pick([10, 1_000])}, transfer_margin_ppm=source.pick([0, 0, 50_000]),
        max_debt=source.pick([0, 10, 10_000]),
    )  # fmt: skip
