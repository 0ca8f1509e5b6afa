"""The curve of a market as a source of liquidity beside its book: when an order meets it, what it pays, and what the pool is then worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from curve_kit import register_line
from kit import BTC, FEES, Bench, markets_of, named, usd

from perplab.exchange.codes import CancelReason, PriceSource, Reason, Side, TimeInForce, TriggerKind
from perplab.exchange.design.registry import forget
from perplab.exchange.events import (
    CurveTraded,
    Deleveraged,
    Event,
    LiquidityAdded,
    LiquidityRemoved,
    OrderCancelled,
    OrderPlaced,
    Rejected,
    Traded,
)
from perplab.exchange.messages import AddLiquidity, CancelAll, Place, PlaceTrigger, RemoveLiquidity, SetMarketStatus, Withdraw

CURVE = 6
BUY, SELL = int(Side.BUY), int(Side.SELL)
IOC, FOK, POST_ONLY = int(TimeInForce.IOC), int(TimeInForce.FOK), int(TimeInForce.POST_ONLY)


@pytest.fixture(autouse=True)
def line() -> Iterator[None]:
    register_line()
    yield
    forget("curve.rule", "line")


def bench(role: str, price: int = 1_000, fee: int = 1_000_000, **curve: object) -> Bench:
    """One market, a curve with 100,000 USD behind it, and the oracle at a price."""
    terms = {"rule": "line", "role": role, "capital": 100_000, "margin_ppm": 100_000, **curve}
    made = Bench(markets_of({"curve": terms, "taker_fee_ppb": fee}))
    made.oracle(price)
    return made


def fills(events: list[Event]) -> list[tuple[str, int, int]]:
    """(source, lots, price) of every fill."""
    return [
        ("curve" if isinstance(event, CurveTraded) else "book", event.size, event.price)
        for event in events
        if isinstance(event, CurveTraded | Traded)
    ]


def reason(events: list[Event]) -> Reason:
    (event,) = (one for one in events if isinstance(one, Rejected))
    return Reason(event.reason)


def test_a_separate_curve_takes_what_comes_and_is_the_counterparty() -> None:
    venue = bench("separate")
    trader = venue.open(100_000)
    events = venue.place(trader, BUY, 10, 1_100, tif=IOC)
    (event,) = (one for one in events if isinstance(one, CurveTraded))
    value = sum(1_002 + lot for lot in range(1, 11)) * 10**6
    assert (event.size, event.value, event.inventory) == (10, value, -10)
    assert event.taker_fee == -(-value // 1_000) and event.pool_fee == 0
    assert venue.exchange.position(CURVE, BTC).size == -10 and venue.exchange.position(CURVE, BTC).entry_notional == -value


def test_the_pool_has_its_share_of_the_fee_at_once() -> None:
    venue = bench("separate", fee_share_ppm=400_000)
    trader = venue.open(100_000)
    before = venue.exchange.position(CURVE, BTC).isolated_margin
    (event,) = named(venue.place(trader, BUY, 10, 1_100, tif=IOC), "CurveTraded")
    assert isinstance(event, CurveTraded) and event.pool_fee == event.taker_fee * 4 // 10
    assert venue.exchange.position(CURVE, BTC).isolated_margin - before == event.pool_fee
    assert venue.exchange.balance(FEES) == event.taker_fee - event.pool_fee


def test_what_reduces_the_curves_position_has_its_own_fee() -> None:
    venue = bench("separate", reducing_fee_ppb=0)
    one, two = venue.open(100_000), venue.open(100_000)
    venue.place(one, BUY, 10, 1_100, tif=IOC)
    (event,) = named(venue.place(two, SELL, 4, 900, tif=IOC), "CurveTraded")
    assert isinstance(event, CurveTraded) and event.taker_fee == 0
    (event,) = named(venue.place(two, SELL, 12, 900, tif=IOC), "CurveTraded")
    assert isinstance(event, CurveTraded) and event.taker_fee == -(-(event.value - event.value * 6 // 12) // 1_000)


def test_nothing_rests_where_there_is_only_a_curve() -> None:
    venue = bench("separate")
    trader = venue.open(100_000)
    assert reason(venue.place(trader, BUY, 1, 1_100)) is reason(venue.place(trader, BUY, 1, 900, tif=POST_ONLY)) is Reason.NO_BOOK


def test_a_stop_that_would_rest_is_refused_before_it_fires() -> None:
    venue = bench("separate")
    trader = venue.open(100_000)
    venue.place(trader, BUY, 10, 1_100, tif=IOC)
    terms = (venue.exchange.now, trader, BTC, SELL, 10, int(TriggerKind.STOP), int(PriceSource.MARK), 950)
    assert reason(venue.exchange.apply(PlaceTrigger(*terms, price=900, reduce_only=1))) is Reason.NO_BOOK
    placed = [
        venue.exchange.apply(PlaceTrigger(*terms, price=price, tif=tif, reduce_only=1)) for price, tif in ((900, IOC), (900, FOK), (0, 0))
    ]
    assert not [event for events in placed for event in events if isinstance(event, Rejected)]


def test_a_limit_cuts_what_the_curve_gives() -> None:
    venue = bench("separate")
    trader = venue.open(100_000)
    events = venue.place(trader, BUY, 10, 1_006, tif=IOC)
    assert fills(events) == [("curve", 4, 1_004)]
    (gone,) = (one for one in events if isinstance(one, OrderCancelled))
    assert gone.reason == CancelReason.IMMEDIATE and gone.size == 6
    assert reason(venue.place(trader, BUY, 10, 1_010, tif=FOK)) is Reason.NOT_FILLABLE
    assert fills(venue.place(trader, BUY, 10, 1_016, tif=FOK)) == [("curve", 10, 1_011)]


def test_the_book_wins_a_tie_and_the_curve_goes_between_its_levels() -> None:
    venue = bench("interleaved")
    maker, taker = venue.open(1_000_000), venue.open(1_000_000)
    for price in (1_005, 1_009):
        venue.place(maker, SELL, 3, price)
    events = venue.place(taker, BUY, 20, 1_012, tif=IOC)
    # The curve's lots cost 1003, 1004, 1005, ...: two come before the maker at 1005, four before the one at 1009
    assert fills(events) == [("curve", 2, 1_003), ("book", 3, 1_005), ("curve", 4, 1_006), ("book", 3, 1_009), ("curve", 4, 1_010)]


def test_a_fill_or_kill_order_counts_both() -> None:
    venue = bench("interleaved")
    maker, taker = venue.open(1_000_000), venue.open(1_000_000)
    for price in (1_005, 1_009):
        venue.place(maker, SELL, 3, price)
    assert reason(venue.place(taker, BUY, 17, 1_012, tif=FOK)) is Reason.NOT_FILLABLE
    assert sum(lots for _, lots, _ in fills(venue.place(taker, BUY, 16, 1_012, tif=FOK))) == 16


def test_a_resting_order_never_crosses_the_curve() -> None:
    venue = bench("interleaved")
    trader = venue.open(1_000_000)
    assert reason(venue.place(trader, BUY, 1, 1_003, tif=POST_ONLY)) is Reason.WOULD_CROSS
    assert fills(venue.place(trader, BUY, 2, 1_003)) == [("curve", 1, 1_003)]
    assert venue.exchange.best_bid(BTC) == 1_003


def test_the_curve_never_crosses_a_resting_order() -> None:
    venue = bench("interleaved")
    maker, taker = venue.open(1_000_000), venue.open(1_000_000)
    venue.place(maker, SELL, 5, 1_010)
    venue.oracle(1_100)  # the curve would pay 1097 now, and a maker still asks for 1010
    assert fills(venue.place(taker, SELL, 2, 1_000, tif=IOC)) == [("curve", 2, 1_009)]
    venue.place(maker, BUY, 5, 950)
    venue.oracle(900)
    assert fills(venue.place(taker, BUY, 2, 980, tif=IOC)) == [("curve", 2, 951)]


def test_a_last_resort_waits_for_the_book_to_be_empty() -> None:
    venue = bench("last_resort")
    maker, taker = venue.open(1_000_000), venue.open(1_000_000)
    venue.place(maker, SELL, 3, 1_030)
    assert fills(venue.place(taker, BUY, 5, 1_040, tif=IOC)) == [("book", 3, 1_030), ("curve", 2, 1_003)]


@pytest.mark.parametrize("role", ["last_resort", "interleaved"])
def test_a_fill_or_kill_order_counts_the_book_once(role: str) -> None:
    """The curve's lots cost less than what the book has sold before them: a plan goes on behind that, and not from the start."""
    venue = bench(role, capital=2_000, margin_ppm=1_000_000)
    maker, taker = venue.open(1_000_000), venue.open(1_000_000)
    for price in (1_001, 1_030):
        venue.place(maker, SELL, 3, price)
    # Two orders of three lots, and a pool that carries one or two
    assert reason(venue.place(taker, BUY, 9, 1_040, tif=FOK)) is Reason.NOT_FILLABLE
    assert sum(lots for _, lots, _ in fills(venue.place(taker, BUY, 9, 1_040, tif=IOC))) in (7, 8)


def test_just_in_time_the_curve_takes_a_share_that_reduces_what_it_holds() -> None:
    venue = bench("interleaved", jit_share_ppm=500_000)
    maker, taker = venue.open(1_000_000), venue.open(1_000_000)
    venue.place(taker, SELL, 6, 980, tif=IOC)  # the curve is long six lots; its middle is at 994
    venue.place(maker, SELL, 8, 996)  # better than the curve's own 997
    assert fills(venue.place(taker, BUY, 8, 996, tif=IOC)) == [("curve", 4, 996), ("book", 4, 996)]
    venue.place(maker, SELL, 8, 990)
    (only,) = {source for source, _, _ in fills(venue.place(taker, BUY, 2, 990, tif=IOC))}
    assert only == "book", "below the middle of its own quotes it does not sell"


@pytest.mark.parametrize("share", [100_000, 500_000, 1_000_000])
def test_who_pushes_the_curve_cannot_trade_back_at_one_price_through_his_own_quote(share: int) -> None:
    """The curve's part of his quote is no cheaper than the way back at the middle of its own quotes, lot by lot."""
    venue = bench("interleaved", jit_share_ppm=share, half=0)
    one, two = venue.open(1_000_000), venue.open(1_000_000)
    for price in range(975, 1_002):
        venue.place(one, SELL, 20, 500, tif=IOC)  # from 1,000 down to 980
        venue.place(two, SELL, 40, price)
        venue.place(one, BUY, 40, price, tif=IOC)
        venue.send(CancelAll, two, BTC)
        venue.place(one, BUY, -venue.exchange.position(one, BTC).size - venue.exchange.position(two, BTC).size or 1, 1_500, tif=IOC)
    fees = venue.exchange.balance(FEES)
    wealth = sum(venue.exchange.equity(account) for account in (one, two))
    assert wealth + fees <= usd(2_000_000), "what he gains the pool has lost"


def test_a_pool_carries_no_more_than_its_margin_allows() -> None:
    venue = bench("separate", capital=10_000, margin_ppm=500_000)
    trader = venue.open(1_000_000)
    events = venue.place(trader, BUY, 100, 2_000, tif=IOC)
    assert fills(events)[0][:2] == ("curve", 20)
    (gone,) = (one for one in events if isinstance(one, OrderCancelled))
    assert gone.reason == CancelReason.CURVE
    assert venue.place(trader, SELL, 20, 500, tif=IOC) and venue.exchange.position(CURVE, BTC).size == 0


def test_shares_are_worth_what_was_paid_and_what_the_curve_has_lost() -> None:
    venue = bench("separate", half=0)
    provider, trader = venue.open(100_000), venue.open(100_000)
    (added,) = (one for one in venue.send(AddLiquidity, provider, BTC, usd(50_000)) if isinstance(one, LiquidityAdded))
    assert added.shares == usd(50_000)
    venue.place(trader, BUY, 10, 1_100, tif=IOC)
    venue.oracle(1_200)
    # Traded back it costs more than at the oracle: lots fetch 1,209 down to 1,200, bids and asks are 1 apart
    back = sum(1_200 + 1_199 + 2 * lot for lot in range(1, 11)) * 10**6 // 2
    loss = back - sum(1_000 + lot for lot in range(1, 11)) * 10**6
    (gone,) = (one for one in venue.send(RemoveLiquidity, provider, BTC, added.shares) if isinstance(one, LiquidityRemoved))
    assert gone.amount == (usd(150_000) - loss) * 50_000 // 150_000
    assert reason(venue.send(RemoveLiquidity, provider, BTC, 1)) is Reason.INSUFFICIENT_SHARES


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("first", [True, False])
def test_who_moves_the_curve_takes_no_part_of_what_that_costs_him(side: int, first: bool) -> None:
    """He pays the pool for the move and gets it back when he trades back: meanwhile his shares are worth no more than before."""
    venue = bench("separate", fee=0, half=0)
    provider, trader = venue.open(1_000_000), venue.open(1_000_000)
    before = venue.exchange.balance(provider) + venue.exchange.balance(trader)
    if first:
        venue.send(AddLiquidity, provider, BTC, usd(900_000))
    venue.place(trader, side, 100, 1_100 if side == BUY else 900, tif=IOC)
    if not first:
        venue.send(AddLiquidity, provider, BTC, usd(900_000))
        venue.place(trader, 1 - side, 100, 1_200 if side == SELL else 800, tif=IOC)
    venue.send(RemoveLiquidity, provider, BTC, venue.exchange.liquidity(provider, BTC).shares)
    if first:
        venue.place(trader, 1 - side, 100, 1_200 if side == SELL else 800, tif=IOC)
    assert venue.exchange.position(trader, BTC).size == 0 and venue.exchange.liquidity(provider, BTC).shares == 0
    assert venue.exchange.balance(provider) + venue.exchange.balance(trader) <= before


def test_liquidity_stays_as_long_as_the_design_says() -> None:
    venue = bench("separate", lock_ms=60_000)
    provider = venue.open(100_000)
    venue.send(AddLiquidity, provider, BTC, usd(50_000))
    assert reason(venue.send(RemoveLiquidity, provider, BTC, usd(50_000))) is Reason.LIQUIDITY_LOCKED
    venue.later(60)
    assert named(venue.send(RemoveLiquidity, provider, BTC, usd(50_000)), "LiquidityRemoved")


def test_money_that_the_position_needs_stays() -> None:
    venue = bench("separate", capital=1_000, margin_ppm=1_000_000)
    provider, trader = venue.open(100_000), venue.open(100_000)
    venue.send(AddLiquidity, provider, BTC, usd(9_000))
    venue.place(trader, BUY, 8, 1_100, tif=IOC)
    assert reason(venue.send(RemoveLiquidity, provider, BTC, usd(9_000))) is Reason.POOL_MARGIN
    venue.place(trader, SELL, 8, 900, tif=IOC)
    assert named(venue.send(RemoveLiquidity, provider, BTC, usd(9_000)), "LiquidityRemoved")


def test_a_market_without_a_curve_takes_no_liquidity() -> None:
    venue = Bench(markets_of({}))
    venue.oracle(1_000)
    provider = venue.open(1_000)
    assert reason(venue.send(AddLiquidity, provider, BTC, 1)) is reason(venue.send(RemoveLiquidity, provider, BTC, 1)) is Reason.NO_CURVE


def test_winners_are_deleveraged_before_they_are_owed_more_than_the_pool_has() -> None:
    terms = {"rule": "line", "role": "separate", "capital": 10_000, "margin_ppm": 100_000, "half": 0}
    curve = {**terms, "adl_trigger_ppm": 500_000, "adl_target_ppm": 400_000}
    venue = Bench(markets_of({"curve": curve}, backstops=["auto_deleverage"]))
    venue.oracle(1_000)
    trader = venue.open(1_000_000)
    venue.place(trader, BUY, 50, 1_100, tif=IOC)
    events = venue.oracle(1_150)
    assert [one.size for one in events if isinstance(one, Deleveraged)], events
    at = venue.exchange.position(CURVE, BTC)
    owed = -at.size * usd(1_150) + at.entry_notional
    assert owed <= at.isolated_margin * 4 // 10 < owed + usd(150)


def test_a_pool_owes_what_it_lacks_when_winners_close_and_not_before() -> None:
    """A price that comes back leaves everybody where he was."""
    terms = {"rule": "line", "role": "separate", "capital": 1_000, "margin_ppm": 10_000, "half": 0}
    venue = Bench(markets_of({"curve": terms}, backstops=["insurance_fund"], insurance_fund={"capital": 1_000_000}))
    venue.oracle(1_000)
    trader = venue.open(1_000_000)
    venue.place(trader, BUY, 50, 1_100, tif=IOC)
    equity = venue.exchange.isolated_equity(CURVE, BTC)
    assert not named([*venue.oracle(1_500), *venue.oracle(1_000)], "DeficitPaid")
    assert venue.exchange.isolated_equity(CURVE, BTC) == equity
    venue.oracle(1_500)
    venue.place(trader, SELL, 50, 1, tif=IOC)
    (paid,) = named(venue.oracle(1_501), "DeficitPaid")
    assert cast("object", paid) and venue.exchange.position(CURVE, BTC).isolated_margin == 0


def test_a_settled_market_leaves_the_pool_to_its_owners() -> None:
    venue = bench("separate")
    provider, trader = venue.open(100_000), venue.open(100_000)
    venue.send(AddLiquidity, provider, BTC, usd(50_000))
    venue.place(trader, BUY, 10, 1_100, tif=IOC)
    venue.send(SetMarketStatus, BTC, 5, 1_000)
    assert venue.exchange.position(CURVE, BTC).size == 0
    (gone,) = (one for one in venue.send(RemoveLiquidity, provider, BTC, usd(50_000)) if isinstance(one, LiquidityRemoved))
    assert gone.amount > usd(50_000)


def test_nobody_is_paid_out_of_money_that_is_not_there() -> None:
    """A virtual curve's account may owe: then the claims of others are larger than what the venue has."""
    venue = Bench(markets_of({"curve": {"rule": "line", "role": "separate", "capital": 0, "half": 0}}))
    venue.oracle(1_000)
    trader = venue.open(1_000)
    venue.place(trader, BUY, 9, 1_100, tif=IOC)
    venue.oracle(2_000)
    venue.place(trader, SELL, 9, 1_900, tif=IOC)
    assert venue.exchange.balance(trader) > usd(1_000)
    assert reason(venue.send(Withdraw, trader, 0, usd(1_001))) is Reason.VENUE_SHORT
    assert named(venue.send(Withdraw, trader, 0, usd(1_000)), "Withdrawn")


def test_a_stale_curve_quotes_nothing() -> None:
    venue = bench("separate", stale_after_ms=5_000)
    trader = venue.open(100_000)
    venue.later(6)
    events = venue.place(trader, BUY, 1, 1_100, tif=IOC)
    assert not fills(events) and named(events, "OrderCancelled")


def test_in_reduce_only_mode_the_curve_closes_what_it_opened() -> None:
    venue = bench("separate")
    trader, other = venue.open(100_000), venue.open(100_000)
    venue.place(trader, BUY, 10, 1_100, tif=IOC)
    venue.send(SetMarketStatus, BTC, 3, 0)
    assert reason(venue.place(other, BUY, 1, 1_100, tif=IOC)) is Reason.MARKET_REDUCE_ONLY
    assert fills(venue.place(trader, SELL, 10, 900, tif=IOC, reduce_only=1)) == [("curve", 10, 1_002)]


def test_a_liquidation_closes_into_the_curve() -> None:
    venue = bench("separate", half=0)
    trader = venue.open(1_000)
    venue.place(trader, BUY, 9, 1_100, tif=IOC)
    events = venue.oracle(930)
    assert named(events, "Liquidated") and [source for source, _, _ in fills(events)] == ["curve"]
    assert venue.exchange.position(trader, BTC).size == 0


def test_a_copy_of_the_venue_has_the_pool() -> None:
    from perplab.exchange import restore

    venue = bench("separate")
    provider, trader = venue.open(100_000), venue.open(100_000)
    venue.send(AddLiquidity, provider, BTC, usd(50_000))
    venue.place(trader, BUY, 10, 1_100, tif=IOC)
    made = restore(venue.exchange.snapshot())
    assert made.state_hash() == venue.exchange.state_hash()
    command = Place(venue.now, trader, BTC, SELL, 900, 5, tif=IOC)
    assert made.apply(command) == venue.exchange.apply(command) and isinstance(made.apply(command)[0], OrderPlaced)
