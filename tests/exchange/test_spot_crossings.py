"""Spot markets where they meet other rules: margin in the asset that is sold, commands that wait, triggers, kill switches, statuses,
icebergs and mass quotes. In the plain spot venue a lot is a coin and costs as many USD as its price has ticks."""

from __future__ import annotations

import pytest
from kit import PLAIN, SPOT, Bench, named, plain_venue, usd
from spot_kit import COIN, PERP, reasons, spot_bench, with_coins

from perplab.exchange import VenueDesign
from perplab.exchange import messages as m
from perplab.exchange.codes import CancelReason, MarketStatus, PriceSource, Reason, Side, TriggerKind
from perplab.exchange.design.reader import merged
from perplab.exchange.events import Event

SECOND, MILLI = 10**9, 10**6
BLOCKS = {"rule": "blocks", "interval_ms": 1_000}
BATCHES = {"rule": "batch_auction", "interval_ms": 1_000}
LATE = {"taker_latency_ms": 1_000, "maker_latency_ms": 1_000}


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


# -- commands that wait --


@pytest.mark.parametrize("sequencing", [BLOCKS, BATCHES, LATE], ids=["blocks", "batch", "late"])
def test_what_is_gone_by_the_time_of_the_turn_is_neither_sold_nor_spent(sequencing: dict[str, object]) -> None:
    """A thief offers coins and dollars, and sends both to his other account before it is his turn: the honest get nothing from nothing."""
    bench = spot_bench(sequencing=sequencing)
    thief, other, bob = with_coins(bench, 1_000, 10), bench.open(0), with_coins(bench, 1_000, 10)
    bench.place(thief, 1, 10, 100, COIN)
    bench.place(thief, 0, 10, 99, COIN)
    bench.place(bob, 0, 10, 100, COIN)
    bench.place(bob, 1, 10, 99, COIN)
    bench.send(m.Transfer, thief, other, 0, usd(1_000))
    bench.send(m.Transfer, thief, other, 1, usd(10))
    events = bench.later(1)
    assert [(e.account, e.reason) for e in named(events, "Rejected")] == 2 * [(thief, Reason.INSUFFICIENT_BALANCE)]
    assert not named(events, "Traded") or {e.taker for e in named(events, "Traded")} == {bob}
    assert money(bench, thief, other, bob) == [(0, 0), (1_000, 10), (1_000, 10)]


def test_a_batch_swaps_coins_at_one_price() -> None:
    """Two buyers and two sellers of a batch: 15 coins change hands at 100, where most trades; what is left rests."""
    bench = spot_bench(sequencing=BATCHES)
    buyers = [bench.open(2_000), bench.open(2_000)]
    sellers = [with_coins(bench, 0, 10), with_coins(bench, 0, 10)]
    bench.place(buyers[0], 0, 10, 102, COIN)
    bench.place(sellers[0], 1, 10, 98, COIN)
    bench.place(buyers[1], 0, 5, 100, COIN)
    bench.place(sellers[1], 1, 10, 100, COIN)
    events = bench.later(1)
    (cleared,) = named(events, "BatchCleared")
    assert cleared.price == 100 and {e.price for e in named(events, "Traded")} == {100}
    assert money(bench, *buyers, *sellers) == [(1_000, 10), (1_500, 5), (1_000, 0), (500, 5)]
    assert bench.exchange.best_ask(COIN) == 100 and bench.exchange.open_orders(sellers[1])[0].size == 5


# -- triggers and TWAPs --


def stop(bench: Bench, account: int, size: int, price: int, **named_: int) -> list[Event]:
    values = {"price": 0, **named_}
    return bench.send(m.PlaceTrigger, account, COIN, int(Side.SELL), size, TriggerKind.STOP, PriceSource.MARK, price, **values)


def test_a_stop_sells_coins_and_a_second_one_finds_none() -> None:
    bench = spot_bench()
    alice, bob = with_coins(bench, 0, 10), bench.open(10_000)
    bench.place(bob, 0, 20, 90, COIN)
    stop(bench, alice, 10, 95)
    stop(bench, alice, 10, 95)
    events = bench.oracle(95, COIN)
    assert [e.size for e in named(events, "Traded")] == [10]
    (ended,) = named(events, "TriggerCancelled")
    assert (ended.reason, ended.refusal) == (CancelReason.REFUSED, Reason.INSUFFICIENT_BALANCE)
    assert money(bench, alice, bob) == [(900, 0), (9_100, 10)]


def test_a_stop_for_the_whole_position_needs_a_position() -> None:
    bench = spot_bench()
    alice = with_coins(bench, 0, 10)
    assert reasons(stop(bench, alice, 0, 95, reduce_only=1)) == [Reason.REDUCE_ONLY]
    assert reasons(stop(bench, alice, 10, 95, reduce_only=1)) == [Reason.REDUCE_ONLY]


def test_a_twap_buys_coins_until_the_money_is_spent_elsewhere() -> None:
    """Three slices of 10 coins at 100; after the first the account sends all but 1,500 away: the second is bought, the last is refused."""
    bench = spot_bench()
    alice, other, bob = bench.open(3_000), bench.open(0), with_coins(bench, 0, 30)
    bench.place(bob, 1, 30, 100, COIN)
    bench.send(m.PlaceTwap, alice, COIN, int(Side.BUY), 30, 3, SECOND)
    bench.send(m.Transfer, alice, other, 0, usd(500))
    assert [e.size for e in named(bench.later(1), "Traded")] == [10]
    (last,) = named(bench.later(1), "TwapSliced")
    assert (last.filled, last.left, last.refusal) == (20, 10, Reason.INSUFFICIENT_BALANCE)
    assert money(bench, alice, bob) == [(500, 20), (2_000, 10)]


# -- kill switches and statuses --


@pytest.mark.parametrize(("mode", "reason"), [(1, Reason.ACCOUNT_REDUCE_ONLY), (2, Reason.ACCOUNT_FROZEN)])
def test_a_kill_switch_takes_spot_orders_back_and_lets_none_in(mode: int, reason: Reason) -> None:
    """An order for coins reduces nothing, so it is refused in both modes; what the orders kept is free again, the coins stay."""
    bench = spot_bench()
    alice, bob = with_coins(bench, 1_000, 10), with_coins(bench, 1_000, 10)
    bench.place(alice, 1, 10, 105, COIN)
    bench.place(alice, 0, 10, 95, COIN)
    stop(bench, alice, 10, 95)
    events = bench.send(m.SetAccountMode, alice, mode)
    assert [e.reason for e in events if isinstance(e, m.OrderCancelled | m.TriggerCancelled)] == 3 * [CancelReason.KILL_SWITCH]
    assert reasons(bench.place(alice, 1, 1, 100, COIN)) == reasons(stop(bench, alice, 1, 95)) == [reason]
    assert reasons(bench.send(m.MassQuote, alice, COIN, 1, 110, 1)) == [reason]
    assert bench.exchange.free_margin(alice, 1) == usd(10)
    assert money(bench, alice, bob) == [(1_000, 10), (1_000, 10)]


def test_a_spot_market_through_all_statuses() -> None:
    bench = spot_bench()
    alice, bob = with_coins(bench, 1_000, 10), with_coins(bench, 1_000, 10)
    bench.place(alice, 1, 10, 100, COIN)

    def status(value: MarketStatus) -> list[Event]:
        return bench.send(m.SetMarketStatus, COIN, value)

    assert reasons(status(MarketStatus.REDUCE_ONLY)) == [Reason.SPOT_MARKET]
    for value, reason in (
        (MarketStatus.HALTED, Reason.MARKET_HALTED), (MarketStatus.CANCEL_ONLY, Reason.MARKET_CANCEL_ONLY),
        (MarketStatus.POST_ONLY, Reason.MARKET_POST_ONLY),
    ):  # fmt: skip
        status(value)
        assert reasons(bench.place(bob, 0, 10, 100, COIN)) == [reason]
        assert reasons(bench.send(m.Withdraw, alice, 1, 1)) == [Reason.INSUFFICIENT_MARGIN]  # the ask keeps the coins
    status(MarketStatus.ACTIVE)
    assert named(bench.place(bob, 0, 4, 100, COIN), "Traded")
    events = status(MarketStatus.SETTLED)
    assert [e.reason for e in named(events, "OrderCancelled")] == [CancelReason.MARKET_STATUS]
    assert money(bench, alice, bob) == [(1_400, 6), (600, 14)]
    assert named(bench.send(m.Withdraw, alice, 1, usd(6)), "Withdrawn")


# -- icebergs and quotes --


def test_an_iceberg_keeps_what_it_hides() -> None:
    """100 coins, 10 shown: none of them may leave, and a taker of 35 meets four parts of them."""
    bench = spot_bench()
    alice, bob = with_coins(bench, 0, 100), bench.open(10_000)
    bench.place(alice, 1, 100, 100, COIN, display=10)
    assert reasons(bench.send(m.Withdraw, alice, 1, 1)) == [Reason.INSUFFICIENT_MARGIN]
    assert reasons(bench.place(alice, 1, 1, 101, COIN)) == [Reason.INSUFFICIENT_BALANCE]
    events = bench.place(bob, 0, 35, 100, COIN)
    assert [e.size for e in named(events, "Traded")] == [10, 10, 10, 5]
    assert bench.exchange.depth(COIN, 1, 1) == [(100, 5)]
    assert money(bench, alice, bob) == [(3_500, 65), (6_500, 35)]


def test_quotes_for_more_than_there_is_are_refused_one_by_one() -> None:
    """10 coins: asks of 6, 5 and 4. The second is too many; the first and the third stand. Bids for 1,000: 6 at 99, then not 5 at 98."""
    bench = spot_bench()
    alice = with_coins(bench, 1_000, 10)
    events = bench.send(m.MassQuote, alice, COIN, 1, 101, 6, 102, 5, 103, 4)
    assert [(type(e).__name__, e.price, getattr(e, "reason", 0)) for e in events] == [
        ("OrderPlaced", 101, 0), ("QuoteRefused", 102, Reason.INSUFFICIENT_BALANCE), ("OrderPlaced", 103, 0),
    ]  # fmt: skip
    events = bench.send(m.MassQuote, alice, COIN, 0, 99, 6, 98, 5)
    assert [(type(e).__name__, e.price) for e in events] == [("OrderPlaced", 99), ("QuoteRefused", 98)]
    bench.send(m.MassQuote, alice, COIN, 1)
    assert bench.exchange.free_margin(alice, 1) == usd(10)
    assert bench.exchange.free_margin(alice, 0) == usd(1_000 - 6 * 99)
