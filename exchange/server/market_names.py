"""What a market is called by who asks: as its design names it, or as Hyperliquid's API does, where names are shorter: "BTC", "BTC-PERP".
A name of the design's own is never another market's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..design.structs import Market

PERPETUAL: Final = "-PERP"
DOLLARS: Final = "USDC"


def other_name(market: Market) -> str:
    """How Hyperliquid's API calls a market; a perpetual that it calls as the design does, with the ending that other designs have."""
    if market.is_spot:
        return f"{market.base_asset}/{DOLLARS}"
    return market.name.removesuffix(PERPETUAL) if market.name.endswith(PERPETUAL) else market.name + PERPETUAL


def market_names(markets: Sequence[Market]) -> dict[str, int]:
    """The number of a market, by each of its names."""
    others = {other_name(market): number for number, market in reversed(list(enumerate(markets)))}
    return others | {market.name: number for number, market in enumerate(markets)}


def told_names(markets: Sequence[Market]) -> str:
    """All markets in words, by the names that somebody uses: "BTC-PERP (or BTC), ETH-PERP (or ETH)"."""
    told = []
    for market in markets:
        other = other_name(market)
        told.append(market.name if other in (market.name, market.name + PERPETUAL) else f"{market.name} (or {other})")
    return ", ".join(told)
