"""When orders meet: the range and the price of takers' auctions."""

from __future__ import annotations

from perplab.exchange.trading.taker_auctions import auction_price, auction_range

from .adapters import Result, adapter
from .examples import Given
from .records import NANO, plain, side_of


@adapter("drift_v2", "jit_auction_start_end_price_e6", calls=("trading.taker_auctions.auction_range",))
def drift_range(given: Given) -> Result:
    prices = given.fixed("oracle_e6", 1), given.fixed("limit_e6", 1)
    start, end = auction_range(*prices, side_of(given) > 0, given.fixed("derive_fraction", 1))
    return {"start_e6": start, "end_e6": end}


@adapter("drift_v2", "oracle_offset_auction_price", calls=("trading.taker_auctions.auction_price",))
def drift_price(given: Given) -> Result:
    """Between two offsets from the oracle."""
    start, end = (given.fixed("oracle", NANO) + given.fixed(name, NANO) for name in ("start_offset", "end_offset"))
    return {"price": plain(auction_price(start, end, given.fixed("elapsed_slots", 1), given.fixed("duration_slots", 1)), NANO)}
