"""Spot markets where they meet other rules: margin in the asset that is sold, commands that wait, triggers, kill switches, statuses,
icebergs and mass quotes. In the plain spot venue a lot is a coin and costs as many USD as its price has ticks."""

from __future__ import annotations

from kit import PLAIN, SPOT, Bench, named, plain_venue, usd

from perplab.exchange import VenueDesign
from perplab.exchange import messages as m
from perplab.exchange.codes import CancelReason, Reason
from perplab.exchange.design.reader import merged
from perplab.exchange.events import Event

PERP, COIN = 0, 1
SECOND, MILLI = 10**9, 10**6
BLOCKS = {"rule": "blocks", "interval_ms": 1_000}
BATCHES = {"rule": "batch_auction", "interval_ms": 1_000}


def spot_bench(**over: object) -> Bench:
    """Prices of 100 in both markets."""
    bench = Bench(plain_venue(merged(SPOT, over)))
    for number in (PERP, COIN):
        bench.oracle(100, number)
    return bench


def with_coins(bench: Bench, dollars: int, coins: int) -> int:
    account = bench.open(dollars)
    bench.send(m.Deposit, account, 1, usd(coins))
    return account


def reasons(events: list[Event]) -> list[Reason]:
    return [Reason(e.reason) for e in events if isinstance(e, m.Rejected)]


def money(bench: Bench, *accounts: int) -> list[tuple[int, int]]:
    """(dollars, coins) of accounts."""
    return [(bench.exchange.balance(a, 0) // usd(1), bench.exchange.balance(a, 1) // usd(1)) for a in accounts]


# -- what is sold may be margin --


def coin_margined() -> VenueDesign:
    """A perpetual that settles in BTC, and the market in which BTC is sold for USD."""
    perpetual = {**PLAIN["markets"][0], "settlement_asset": "BTC"}
    return plain_venue(merged(SPOT, {"markets": [perpetual, SPOT["markets"][1]]}))  # type: ignore[index]


def test_margin_is_not_sold_from_under_a_position() -> None:
    """100 coins are margin of a position that requires 80: 20 of them may be sold, not the 21st; what an honest buyer gets is backed."""
    bench = Bench(coin_margined())
    alice, bob = with_coins(bench, 0, 100), with_coins(bench, 10_000, 1_000)
    for number in (PERP, COIN):
        bench.oracle(100, number)
    bench.block(alice, bob, 8, 100)  # 8 lots x 100 = 800 coins at 10 times
    assert bench.exchange.free_margin(alice, 1) == usd(20)
    assert reasons(bench.place(alice, 1, 21, 100, COIN)) == [Reason.INSUFFICIENT_BALANCE]
    bench.place(bob, 0, 50, 100, COIN)
    assert named(bench.place(alice, 1, 20, 100, COIN), "Traded")
    assert reasons(bench.place(alice, 1, 1, 100, COIN, tif=1)) == [Reason.INSUFFICIENT_BALANCE]
    assert bench.exchange.available_margin(alice, 1) == 0


def test_margin_that_was_offered_before_the_price_fell_is_not_sold() -> None:
    """An ask that rests while its coins become margin goes when it is met."""
    bench = Bench(coin_margined())
    alice, bob = with_coins(bench, 0, 100), with_coins(bench, 10_000, 1_000)
    for number in (PERP, COIN):
        bench.oracle(100, number)
    bench.block(alice, bob, 8, 100)
    bench.place(alice, 1, 20, 101, COIN)
    bench.oracle(99)  # 8 coins lost; 792 / 10 = 79.2 required of 92
    events = bench.place(bob, 0, 20, 101, COIN)
    (cancelled,) = named(events, "OrderCancelled")
    assert (cancelled.account, cancelled.reason) == (alice, CancelReason.MARGIN) and not named(events, "Traded")
    assert bench.exchange.balance(alice, 1) == usd(100)
