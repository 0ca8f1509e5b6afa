"""A market with margin tiers, for sizes and liquidation prices: BTC of the sandbox, at a venue without transfer margin."""

from __future__ import annotations

from decimal import Decimal

from perplab.clients.units import Market, Tier

D = Decimal
TIERS = (Tier(D(0), D("0.025"), D("0.0125")), Tier(D(150_000_000), D("0.05"), D("0.025")))
BTC = Market(
    number=0, name="BTC", tick=D(1), lot=D("0.00001"), significant_figures=5, minimum_notional=D(10), max_leverage=40,
    maker_fee=D("0.00015"), taker_fee=D("0.00045"), tiers=TIERS, transfer_margin=D(0),
)  # fmt: skip
