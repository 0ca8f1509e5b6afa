"""Pools and liquidity, as clients give and take them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from venues import venue

from perplab.clients import LocalClient, Refused, types
from perplab.exchange.codes import OrderState

MARKET = "BTC-PERP"


@pytest.fixture
def alice() -> LocalClient:
    client = LocalClient("alice", venue=venue(curve={"lock_ms": 60_000}), prices={MARKET: 60_000})
    client.faucet("1000000")
    return client


def test_liquidity_is_added_and_removed(alice: LocalClient) -> None:
    added = alice.add_liquidity(MARKET, "1000.5")
    assert (added.amount, added.market, added.range_id, added.ticket) == (Decimal("1000.5"), MARKET, 0, 0) and added.shares
    (own,) = alice.account().liquidity
    assert own == alice.liquidity()[0] and own.shares == added.shares and own.locked_until == alice.ping() + 60 * 10**9
    with pytest.raises(Refused, match="LIQUIDITY_LOCKED"):
        alice.remove_liquidity(MARKET, added.shares)
    alice.step(60)
    removed = alice.remove_liquidity(MARKET, added.shares)
    assert removed.amount <= added.amount and removed.shares == added.shares and alice.liquidity() == ()


def test_an_order_is_filled_by_the_curve_to_the_last_micro(alice: LocalClient) -> None:
    alice.subscribe_private()
    alice.subscribe("trades", MARKET)
    alice.subscribe("pool", MARKET)
    order = alice.buy(MARKET, "0.003", "61000")
    assert (order.state, order.filled, order.average_price) == (OrderState.FILLED, Decimal("0.003"), Decimal(60_004))
    told = list(alice.events())
    (fill,) = (one for one in told if isinstance(one, types.Fill))
    assert (fill.price, fill.value, fill.is_curve, fill.order_id) == (60_004, Decimal("180.012"), True, order.order_id)
    (trade,) = (one for one in told if isinstance(one, types.Trade))
    assert (trade.price, trade.value, trade.is_curve) == (fill.price, fill.value, True)
    before, after = (one.pool for one in told if isinstance(one, types.PoolChanged))
    assert (before.size, after.size, after.middle) == (0, Decimal("-0.003"), Decimal(60_003))


def test_a_pool_says_what_it_offers(alice: LocalClient) -> None:
    pool = alice.pool(MARKET)
    assert (pool.middle, pool.money, pool.equity) == (Decimal(60_000), Decimal(1_000_000), Decimal(1_000_000))
    ask = pool.asks[0]
    order = alice.buy(MARKET, ask.size, ask.price)
    assert order.filled == ask.size and order.average_price == ask.value / ask.size
    assert alice.ticker(MARKET).curve == Decimal(60_000) + ask.size * 1_000


def test_the_venue_says_what_it_has(alice: LocalClient) -> None:
    curve = alice.venue.market(MARKET).curve
    assert curve is not None and (curve.rule, curve.role, curve.is_virtual, curve.lock_ms) == ("line", "interleaved", False, 60_000)
    assert alice.venue.sequencing.rule == "continuous" and not alice.venue.sequencing.waits
    other = LocalClient(venue=venue(sequencing={"rule": "blocks", "interval_ms": 500}, gas={"place": 50_000}), prices={MARKET: 60_000})
    assert other.venue.market(MARKET).curve is None and other.venue.gas.place == Decimal("0.05")
    assert other.venue.sequencing.waits and other.venue.sequencing.terms["interval_ms"] == 500
    with pytest.raises(Refused, match="NO_CURVE"):
        other.pool(MARKET)
    with pytest.raises(ValueError, match="two ends"):
        alice.add_liquidity(MARKET, "1", lower="59000")


def test_gas_is_told() -> None:
    client = LocalClient(venue=venue(gas={"place": 50_000}), prices={MARKET: 60_000})
    client.faucet("10000")
    client.subscribe_private()
    client.buy(MARKET, "0.01", "59000")
    (paid,) = (one for one in client.events() if isinstance(one, types.GasPaid))
    assert (paid.command, paid.amount, paid.priority_fee) == ("Place", Decimal("0.05"), 0)
