"""Curves at the ends of what a design may state: products beyond 64 bits, which only the compiled core would get wrong."""

from __future__ import annotations

import pytest
from kit import BTC, Bench, markets_of, usd

from perplab.exchange.codes import Reason
from perplab.exchange.events import CurveTraded, Event, LiquidityAdded, Rejected
from perplab.exchange.messages import AddLiquidity, Place

BUY, SELL, IOC = 0, 1, 1


def venue(**curve: object) -> Bench:
    made = Bench(markets_of({"curve": {"role": "separate", **curve}, "lot": "0.01", "tick": "0.1", "max_price": "30000"}))
    made.oracle("1000")
    return made


def of_kind(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("margin_ppm", [0, 1, 7, 1_000, 100_000])
@pytest.mark.parametrize("capital", [20_000_000, 1_000_000_000, 10_000_000_000])
def test_a_pool_carries_more_the_less_margin_it_keeps(capital: int, margin_ppm: int) -> None:
    """`capital` x 10^6 / `margin_ppm` is 10^22 micro-USD at most."""
    made = venue(rule="oracle_pool", capital=capital, margin_ppm=margin_ppm)
    trader = made.open(1_000_000)
    (trade,) = of_kind(made.send(Place, trader, BTC, BUY, 11_000, 100, tif=IOC), CurveTraded)
    assert isinstance(trade, CurveTraded) and trade.size == 100


def test_shares_of_a_pool_that_has_lost_almost_all() -> None:
    """Who pays 930 M USD into what is left of 10^15 shares, 100,000 USD, would get 9.3 x 10^18 of them: more than there may be."""
    made = venue(rule="oracle_pool", capital=1_000_000_000, margin_ppm=1_000)
    trader, late = made.open(5_000_000_000), made.open(5_000_000_000)
    made.send(Place, trader, BTC, BUY, 10_100, 90_000_000, tif=IOC)
    made.now += 10**9
    made.oracle("2116")
    pool = made.exchange.pool(BTC)
    assert pool is not None and 0 < pool.equity < usd(100_000), pool
    (refused,) = made.send(AddLiquidity, late, BTC, usd(930_000_000))
    assert isinstance(refused, Rejected) and refused.reason == Reason.LIQUIDITY_LIMIT
    assert of_kind(made.send(AddLiquidity, late, BTC, usd(1_000)), LiquidityAdded)
