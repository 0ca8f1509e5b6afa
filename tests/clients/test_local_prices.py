"""What a market of a venue in this process costs at the start."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from perplab.clients import LocalClient
from perplab.exchange import shipped_venues


@pytest.mark.parametrize("name", shipped_venues())
def test_every_shipped_perpetual_has_an_oracle_price_and_a_mark_from_the_start(name: str) -> None:
    with LocalClient(venue=name) as client:
        for market in client.venue.markets.values():
            price = {"BTC": 60_000, "ETH": 3_000, "SOL": 150}.get(market.name.removesuffix("-PERP"))
            ticker = client.ticker(market.name)
            if price is None or market.kind != "perpetual":
                assert (ticker.oracle, ticker.mark) == (None, None)
            else:  # of book_amm_hybrid the quotes of the curve count in the mark, a tick below
                assert ticker.oracle == price and ticker.mark is not None and abs(ticker.mark - price) <= D(market.tick)


def test_prices_that_are_given_are_the_only_ones() -> None:
    with LocalClient(venue="injective_fba", prices={"BTC-PERP": 50_000}) as client:
        assert client.ticker("BTC-PERP").mark == 50_000
        assert client.join("bob").ticker("BTC-PERP").mark == 50_000, "who joins sets none"
    with LocalClient(prices={"ETH": 2_000}) as client:
        assert (client.ticker("BTC").mark, client.ticker("ETH").mark) == (None, 2_000)
    with pytest.raises(ValueError, match="there is no market 'BTC'; there are BTC-PERP"):
        LocalClient(venue="injective_fba", prices={"BTC": 50_000})
