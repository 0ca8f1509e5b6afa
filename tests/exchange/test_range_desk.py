"""Ranges of a concentrated curve in a venue: whose they are, what their owners get back, and who bears what they have lost."""

from __future__ import annotations

import pytest
from choices import Drawn, Source, examples
from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, Bench, markets_of, named, usd

from perplab.exchange import VenueError, restore
from perplab.exchange.codes import AccountMode, MarketStatus, Reason, Side, TimeInForce
from perplab.exchange.events import CurveTraded, Event, LiquidityAdded, LiquidityRemoved, Rejected
from perplab.exchange.messages import AddLiquidity, Place, RemoveLiquidity, SetAccountMode, SetMarketStatus
from perplab.exchange.money.payoff import value_of
from perplab.exchange.trading.curve_ranges import Concentrated

CURVE = 6
BUY, SELL, IOC = int(Side.BUY), int(Side.SELL), int(TimeInForce.IOC)


def bench(**terms: object) -> Bench:
    curve = {"rule": "concentrated", "role": "separate", "capital": 100_000, "margin_ppm": 100_000, **terms}
    made = Bench(markets_of({"curve": curve, "lot": "0.01", "tick": "0.01", "max_price": "20000"}))
    made.oracle(1_000)
    return made


def reason(events: list[Event]) -> Reason:
    (event,) = (one for one in events if isinstance(one, Rejected))
    return Reason(event.reason)


def added(events: list[Event]) -> LiquidityAdded:
    (event,) = (one for one in events if isinstance(one, LiquidityAdded))
    return event


def removed(events: list[Event]) -> LiquidityRemoved:
    (event,) = (one for one in events if isinstance(one, LiquidityRemoved))
    return event


def add(venue: Bench, account: int, amount: int, lower: int, upper: int) -> list[Event]:
    return venue.send(AddLiquidity, account, BTC, usd(amount), venue.ticks(lower), venue.ticks(upper))


def wealth(venue: Bench, account: int) -> int:
    return venue.exchange.equity(account)


def test_what_was_not_traded_with_comes_back_whole() -> None:
    venue = bench()
    owner = venue.open(10_000)
    event = added(add(venue, owner, 5_000, 900, 1_100))
    assert event.range_id == 2 and wealth(venue, owner) == usd(5_000)
    back = removed(venue.send(RemoveLiquidity, owner, BTC, event.shares, event.range_id))
    assert (back.lots, back.amount) == (0, usd(5_000)) and 0 <= back.value <= 1, "a part of a micro-unit is rounded against who leaves"
    assert wealth(venue, owner) == usd(10_000) - back.value


def test_a_range_hands_its_position_to_its_owner_at_what_it_cost() -> None:
    venue = bench()
    owner, trader = venue.open(10_000), venue.open(100_000)
    event = added(add(venue, owner, 5_000, 900, 1_100))
    (fill,) = (one for one in venue.place(trader, BUY, 10, 1_080, tif=IOC) if isinstance(one, CurveTraded))
    before = wealth(venue, owner)
    back = removed(venue.send(RemoveLiquidity, owner, BTC, event.shares, event.range_id))
    position = venue.exchange.position(owner, BTC)
    assert back.lots == position.size < 0 and 0 < -back.value < fill.value
    gained = -back.value + back.lots * usd(10)  # what others paid for them, less what lots are worth at 1,000 USD a coin
    assert wealth(venue, owner) - before == usd(5_000) + gained


def test_a_range_of_another_cannot_be_taken_out_nor_that_of_the_venue() -> None:
    venue = bench()
    owner, other = venue.open(10_000), venue.open(10_000)
    event = added(add(venue, owner, 5_000, 900, 1_100))
    assert reason(venue.send(RemoveLiquidity, other, BTC, 1, event.range_id)) is Reason.INSUFFICIENT_SHARES
    assert reason(venue.send(RemoveLiquidity, other, BTC, 1, 1)) is Reason.INSUFFICIENT_SHARES
    assert reason(venue.send(RemoveLiquidity, owner, BTC, event.shares + 1, event.range_id)) is Reason.INSUFFICIENT_SHARES


@pytest.mark.parametrize(("lower", "upper"), [(1_100, 900), (1_000, 1_000), (0, 0), (900, 30_000)])
def test_a_range_upside_down_or_beyond_all_prices_is_none(lower: int, upper: int) -> None:
    venue = bench()
    assert reason(add(venue, venue.open(10_000), 5_000, lower, upper)) is Reason.CURVE_RANGE


def test_fees_go_to_the_ranges_that_were_traded_with() -> None:
    venue = Bench(markets_of({
        "curve": {"rule": "concentrated", "role": "separate", "capital": 1_000, "margin_ppm": 100_000, "fee_share_ppm": 1_000_000},
        "lot": "0.01", "tick": "0.01", "max_price": "20000", "taker_fee_ppb": 1_000_000,
    }))  # fmt: skip
    venue.oracle(1_000)
    near, far, trader = venue.open(10_000), venue.open(10_000), venue.open(100_000)
    inside = added(add(venue, near, 5_000, 900, 1_100))
    outside = added(add(venue, far, 5_000, 2_000, 3_000))
    (fill,) = (one for one in venue.place(trader, BUY, 1, 1_050, tif=IOC) if isinstance(one, CurveTraded))
    back = removed(venue.send(RemoveLiquidity, near, BTC, inside.shares, inside.range_id))
    assert fill.pool_fee * 9 // 10 < back.amount - usd(5_000) <= fill.pool_fee, "the venue's own range has the rest"
    assert removed(venue.send(RemoveLiquidity, far, BTC, outside.shares, outside.range_id)).amount == usd(5_000)


def test_an_owner_bears_what_his_range_has_lost_and_nobody_else() -> None:
    venue = bench()
    owner, trader = venue.open(6_000), venue.open(100_000)
    added(add(venue, owner, 5_000, 900, 1_100))
    venue.place(trader, BUY, 10, 1_090, tif=IOC)
    events = venue.oracle(4_000)
    back = removed(events)
    assert back.account == owner and back.lots < 0, "it could not carry its position any more"
    assert named(events, "LiquidationStarted") and venue.exchange.pool(BTC) is not None


@pytest.mark.parametrize("mark", [700, 990, 1_010, 1_400])
def test_all_ranges_of_an_account_are_told_at_once_as_one_by_one(mark: int) -> None:
    """There are 255 of them, with fees, and what each has traded is one by one what removing it would hand over."""
    venue = Bench(markets_of({
        "curve": {"rule": "concentrated", "role": "separate", "capital": 1_000, "margin_ppm": 0, "fee_share_ppm": 500_000},
        "lot": "0.01", "tick": "0.01", "max_price": "20000", "taker_fee_ppb": 1_000_000,
    }))  # fmt: skip
    venue.oracle(1_000)
    owner, trader = venue.open(10_000_000), venue.open(10_000_000)
    for one in range(255):
        added(add(venue, owner, 2_000 + one, 900 + one % 50, 1_001 + 2 * one))
    venue.place(trader, BUY, 40, 1_300, tif=IOC)
    venue.place(trader, SELL, 90, 800, tif=IOC)
    venue.oracle(mark)
    told = venue.exchange.liquidity_of(owner, BTC)
    market = venue.exchange.state.markets[BTC]
    curve, it = venue.exchange.liquidity_desk.curves.curve(market), market.pool.ranges
    assert isinstance(curve, Concentrated) and len(told) == 255 == len(it.ranges) - 1
    for one, own in zip(told, it.ranges[1:], strict=True):
        lots, cost = curve.position(market.pool, own.number)
        worth = own.amount + (it.fees_due(own) >> 64) + lots * int(value_of(market, 1, market.mark)) - cost
        assert (one.range_id, one.size, one.worth) == (own.number, lots, worth) and it.fees_due(own) > 0
    assert venue.exchange.stake(owner, BTC) == sum(one.worth for one in told)


def test_a_settled_market_pays_in_cash() -> None:
    venue = bench()
    owner, trader = venue.open(10_000), venue.open(100_000)
    event = added(add(venue, owner, 5_000, 900, 1_100))
    venue.place(trader, BUY, 10, 1_080, tif=IOC)
    venue.send(SetMarketStatus, BTC, 5, venue.ticks(1_000))
    before = venue.exchange.balance(owner)
    back = removed(venue.send(RemoveLiquidity, owner, BTC, event.shares, event.range_id))
    assert venue.exchange.position(owner, BTC).size == 0 and wealth(venue, owner) >= usd(10_000)
    assert (back.amount, back.lots, back.value) == (venue.exchange.balance(owner) - before, 0, 0), "what is told is what is paid"


@pytest.mark.parametrize("switch", [False, True], ids=["market", "account"])
def test_where_all_only_reduce_a_range_goes_to_its_owner_who_may_only_close_it(switch: bool) -> None:
    """The position has been his since the range traded it. No new range is let in, and a larger position neither."""
    venue = bench(role="interleaved")
    owner, trader = venue.open(10_000), venue.open(100_000)
    event = added(add(venue, owner, 5_000, 900, 1_100))
    venue.place(trader, BUY, 10, 1_080, tif=IOC)
    if switch:
        venue.send(SetAccountMode, owner, AccountMode.REDUCE_ONLY)
    else:
        venue.send(SetMarketStatus, BTC, MarketStatus.REDUCE_ONLY)
    refused = Reason.ACCOUNT_REDUCE_ONLY if switch else Reason.MARKET_REDUCE_ONLY
    assert reason(add(venue, owner, 1_000, 900, 1_100)) is refused
    back = removed(venue.send(RemoveLiquidity, owner, BTC, event.shares, event.range_id))
    assert back.lots == venue.exchange.position(owner, BTC).size < 0
    assert reason(venue.place(owner, SELL, 1, 1_000, tif=IOC)) is refused
    venue.send(Place, owner, BTC, BUY, venue.ticks(1_100), -back.lots, reduce_only=1)
    venue.send(Place, trader, BTC, SELL, venue.ticks(1_100), -back.lots, tif=IOC, reduce_only=1)
    assert venue.exchange.position(owner, BTC).size == 0, "what closes it comes in"


def test_at_a_stale_price_no_profit_leaves_with_liquidity() -> None:
    """A range that has traded waits for a price; shares are worth the pool's money at most."""
    stale = {"stale_after_ms": 3_000, "on_stale": "halt_new_risk"}
    curve = {"rule": "concentrated", "role": "separate", "capital": 100_000, "margin_ppm": 100_000}
    venue = Bench(markets_of({"curve": curve, "oracle": stale, "lot": "0.01", "tick": "0.01", "max_price": "20000"}))
    venue.oracle(1_000)
    owner, trader = venue.open(10_000), venue.open(100_000)
    event = added(add(venue, owner, 5_000, 900, 1_100))
    venue.place(trader, BUY, 10, 1_080, tif=IOC)
    venue.later(4)
    assert reason(venue.send(RemoveLiquidity, owner, BTC, event.shares, event.range_id)) is Reason.ORACLE_STALE
    venue.oracle(1_000)
    removed(venue.send(RemoveLiquidity, owner, BTC, event.shares, event.range_id))

    curve = {"rule": "oracle_spread", "role": "separate", "capital": 100_000, "spread_ppm": 1_000, "scale": 1_000, "max_inventory": 1_000}
    venue = Bench(markets_of({"curve": curve, "oracle": stale, "lot": "0.01", "tick": "0.01", "max_price": "20000"}))
    venue.oracle(1_000)
    owner, trader = venue.open(100_000), venue.open(100_000)
    shares = added(venue.send(AddLiquidity, owner, BTC, usd(100_000))).shares
    venue.place(trader, BUY, 10, 1_100, tif=IOC)
    venue.oracle(900)
    copied = restore(venue.exchange.snapshot())
    (fresh,) = copied.apply(RemoveLiquidity(venue.now, owner, BTC, shares))
    venue.later(4)
    late = removed(venue.send(RemoveLiquidity, owner, BTC, shares))
    assert isinstance(fresh, LiquidityRemoved) and fresh.amount > usd(100_400) and late.amount == usd(100_000)


def test_a_pool_of_ranges_does_not_pay_for_others() -> None:
    with pytest.raises(VenueError, match="concentrated"):
        markets_of({"curve": {"rule": "concentrated", "role": "separate", "capital": 1_000}}, backstops=["liquidity_pool"])


@examples(60)
@given(st.data())
def test_ranges_come_and_go_in_any_order(data: st.DataObject) -> None:
    """Every command is checked; a copy of the venue is the venue; and when all have left, the curve has what it had."""
    source: Source = Drawn(data)
    venue = bench(fee_share_ppm=500_000)
    owners = [venue.open(1_000_000) for _ in range(3)]
    traders = [venue.open(1_000_000) for _ in range(2)]
    ranges: list[LiquidityAdded] = []
    for _ in range(source.integer(3, 14)):
        what = source.pick(["add", "remove", "trade", "trade", "oracle", "copy"])
        if what == "add":
            lower = source.integer(500, 1_400)
            events = add(venue, source.pick(owners), source.integer(1, 20_000), lower, lower + source.integer(1, 400))
            ranges += [one for one in events if isinstance(one, LiquidityAdded)]
        elif what == "remove" and ranges:
            one = source.pick(ranges)
            venue.send(RemoveLiquidity, one.account, BTC, source.integer(1, one.shares), one.range_id)
        elif what == "trade":
            side = source.integer(0, 1)
            venue.place(source.pick(traders), side, source.pick(["0.01", "1", "15", "200"]), 1_900 if side == BUY else 300, tif=IOC)
        elif what == "oracle":
            venue.oracle(source.integer(600, 1_600))
        else:
            venue.exchange = restore(venue.exchange.snapshot())
            venue.exchange.check()
