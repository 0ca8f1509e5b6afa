"""Sizes for a loss: by hand, and that no trade of them loses more than it may."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from terms import BTC, D

from perplab.clients import LocalClient
from perplab.clients import types as t
from perplab.clients.risk import (
    Ladder,
    Sized,
    Trade,
    at_rates,
    at_volume,
    intervals_in,
    ladder_of,
    loss_at_stop,
    position_size,
    size_for_risk,
)
from perplab.clients.units import WIDE, Number
from perplab.testing import local_exchange

LONG: dict[str, Any] = {"entry": "60000", "stop": "58200"}


def sized(trade: Trade, equity: Number = 1_000_000, risk: Number = "0.01", **more: Any) -> Sized:
    return position_size(BTC, trade, equity=equity, risk=risk, **more)


def ladder(*levels: tuple[str, str], reference: str = "60000", share: Number = 1) -> Ladder:
    return Ladder(tuple(t.BookLevel(D(price), D(size)) for price, size in levels), D(reference), share)


# -- by hand --


def test_a_million_at_one_per_cent_with_three_per_cent_of_slippage() -> None:
    """A coin: 60,000 - 58,200 = 1,800; 3 % of 60,000 = 1,800; 3 % of 58,200 = 1,746; 0.045 % of 61,800 = 27.81, of 56,454 = 25.4043."""
    plan = Trade(**LONG, entry_slippage="0.03", stop_slippage="0.03")
    one = loss_at_stop(BTC, plan, D(1))
    assert (one.distance, one.entry_slippage, one.stop_slippage) == (1_800, 1_800, 1_746)
    assert (one.entry_fee, one.stop_fee, one.funding, one.total) == (D("27.81"), D("25.4043"), 0, D("5399.2143"))
    done = sized(plan, leverage=10)
    assert done.budget == 10_000 and D(10_000) / D("5399.2143") > done.size == D("1.85212") and done.bound == "risk"
    assert D("9999.94") < done.loss.total <= 10_000 and (done.notional, done.margin) == (D("111127.2"), D("11112.72"))


TIERS = [  # of Hyperliquid, the first three
    t.FeeTier(volume=D(volume), maker_fee=D(maker), taker_fee=D(taker))
    for volume, maker, taker in (("5e6", "0.00012", "0.0004"), ("25e6", "0.00008", "0.00035"), ("1e8", "0.00004", "0.0003"))
]


def test_fees_of_a_tier_make_it_larger() -> None:
    """30 M USD traded: 0.035 % of 61,800 = 21.63, of 56,454 = 19.7589; 10,000 / 5,387.3889 = 1.85618 coins."""
    plan = Trade(**LONG, entry_slippage="0.03", stop_slippage="0.03")
    terms = at_volume(BTC, TIERS, 30_000_000)
    one = loss_at_stop(terms, plan, D(1))
    assert (one.entry_fee, one.stop_fee, one.total) == (D("21.63"), D("19.7589"), D("5387.3889"))
    assert position_size(terms, plan, equity=1_000_000, risk="0.01", leverage=10).size == D("1.85618")


def test_the_tier_is_the_last_whose_volume_is_reached() -> None:
    reached = {"0": "0.00045", "4999999.999999": "0.00045", "5000000": "0.0004", "24999999": "0.0004", "1e9": "0.0003"}
    for volume, taker in reached.items():
        assert at_volume(BTC, TIERS, volume).taker_fee == D(taker)
        assert at_volume(BTC, TIERS[::-1], volume).taker_fee == D(taker), "in any order"
    assert at_volume(BTC, TIERS, "1e8").maker_fee == D("0.00004") and at_volume(BTC, [], "1e8") == BTC
    for wrong in ("-1", "much"):
        with pytest.raises(ValueError, match="the volume is"):
            at_volume(BTC, TIERS, wrong)


def test_fees_as_the_venue_tells_them() -> None:
    rate = t.FeeRate(market="BTC", maker_fee=D("-0.00003"), taker_fee=D("0.0004"))
    rates = t.FeeRates(account=8, volume=D(7_000_000), rates=(rate,), ts=0)
    assert (at_rates(BTC, rates).maker_fee, at_rates(BTC, rates).taker_fee) == (D("-0.00003"), D("0.0004"))
    with pytest.raises(ValueError, match="no market 'ETH'; there are BTC"):
        at_rates(replace(BTC, name="ETH"), rates)


def test_without_costs_it_is_budget_over_distance() -> None:
    free = replace(BTC, taker_fee=D(0))
    assert position_size(free, Trade(**LONG), equity=1_000_000, risk="0.01").size == D("5.55555")  # 10,000 / 1,800
    assert position_size(free, Trade(**LONG), equity=1_800, risk=1, leverage=40).size == 1, "all of the budget"


def test_the_leverage_bounds_it_after_what_the_entry_costs() -> None:
    """10,000 USD at 2x: x (60,000 / 2 + 600 of slippage + 0.045 % of 60,600) <= 10,000, so x <= 10,000 / 30,627.27 = 0.326506."""
    done = sized(Trade(**LONG, entry_slippage="0.01"), 10_000, 1, leverage=2)
    assert (done.by_leverage, done.size, done.bound) == (D("0.32650"), D("0.32650"), "leverage")
    assert sized(Trade(**LONG, entry_slippage="0.01"), 10_000, 1, leverage=2, available=0).size == 0


def test_a_tier_bounds_it_further() -> None:
    """6.25 M USD carry 200 M, not 250 M: 200 x 5 % - 150 x 2.5 % = 6.25."""
    free = replace(BTC, taker_fee=D(0))
    done = position_size(free, Trade(entry=60_000, stop=59_999), equity=6_250_000, risk=1, leverage=40)
    assert done.notional <= 200_000_000 < done.notional + D("0.6") and done.bound == "leverage"


def test_funding_is_paid_for_each_interval_and_never_counted_as_a_gain() -> None:
    paying, receiving = (loss_at_stop(BTC, Trade(**LONG, funding_rate=rate, intervals=3), D(2)) for rate in ("0.0001", "-0.0001"))
    assert paying.funding == 2 * 60_000 * 3 * D("0.0001") and receiving.funding == 0
    short = Trade(entry=60_000, stop=61_000, funding_rate="-0.0001", intervals=3)
    assert loss_at_stop(BTC, short, D(2)).funding == 2 * 61_000 * 3 * D("0.0001"), "at the higher of the two prices"
    assert (intervals_in(86_400, 28_800), intervals_in(86_401, 28_800), intervals_in(0, 3_600)) == (3, 4, 0)


def test_an_entry_that_rests_pays_the_maker_fee_and_no_rebate_pays_for_a_loss() -> None:
    assert loss_at_stop(BTC, Trade(**LONG, is_maker=True), D(1)).entry_fee == 9  # 0.015 % of 60,000
    assert loss_at_stop(replace(BTC, maker_fee=D("-0.0001")), Trade(**LONG, is_maker=True), D(1)).entry_fee == 0


def test_a_book_is_walked_for_the_size_in_question() -> None:
    """Asks of 1 at 60,010 and 2 at 60,100; bids of 1 at 59,990 and 2 at 59,900, in proportion around the stop, where half is left."""
    asks, bids = ladder(("60010", "1"), ("60100", "2")), ladder(("59990", "1"), ("59900", "2"), share="0.5")
    plan = Trade(**LONG, entry_slippage=asks, stop_slippage=bids)
    one = loss_at_stop(BTC, plan, D(1))
    assert one.entry_slippage == 10 and one.stop_slippage == 58_200 * (D(10) / 2 + D(100) / 2) / 60_000
    done = sized(plan)
    assert (done.size, done.bound, done.by_book) == (D("1.5"), "book", D("1.5")), "half of three coins"
    done = sized(plan, 100_000)
    assert done.bound == "risk" and done.loss.total <= 1_000 < loss_at_stop(BTC, plan, done.size + BTC.lot).total


def test_a_book_around_another_price_is_rounded_against_the_trader() -> None:
    """60,000 / 70,000 of a fill at 70,001 has no end: 60,000.857142..., rounded up; of one at 69,999 59,999.142857..., rounded down."""
    asks, bids = ladder(("70001", "1"), reference="70000"), ladder(("69999", "1"), reference="70000")
    one = loss_at_stop(BTC, Trade(entry=60_000, stop=50_000, entry_slippage=asks, stop_slippage=bids), D(1))
    assert WIDE.multiply(one.entry_slippage, D(7)) > 6 and WIDE.multiply(one.stop_slippage, D(7)) > 5


def test_what_is_worth_less_than_the_smallest_order_is_none() -> None:
    done = sized(Trade(**LONG), 25, "0.01")  # 0.00013 coins are worth 7.80 USD
    assert (done.size, done.bound) == (0, "minimum") and done.by_risk == D("0.00013")


def test_no_position_is_larger_than_a_venue_holds() -> None:
    done = sized(Trade(**LONG), 10**15, 1)
    assert done.bound == "venue" and done.notional <= 10**10 < done.notional + D("0.6") and done.by_risk == done.by_leverage == done.size
    assert sized(Trade(entry="0.0002", stop="0.0001"), 10**15, 1).size == BTC.size((1 << 40) - 1)


def test_the_context_of_the_caller_takes_no_digits() -> None:
    asks = ladder(("60010", "1"), ("60100", "2"))
    plan = Trade(**LONG, entry_slippage=asks, stop_slippage="0.0312345", funding_rate="0.00001234", intervals=7)
    expected = sized(plan, 12_345)
    with localcontext(prec=5):
        assert sized(plan, 12_345) == expected and expected.loss.total == sized(plan, 12_345).loss.total


# -- for all --

price = st.integers(1, 10**6)
rate = st.decimals(0, "0.5", places=4)
usd = st.decimals(0, "1000000", places=2)


@st.composite
def books(draw: st.DrawFn, is_buy: bool) -> Ladder:
    middle = draw(st.integers(1_000, 10**6))
    away = sorted(draw(st.lists(st.integers(0, 900), min_size=1, max_size=5, unique=True)))
    levels = tuple(t.BookLevel(D(middle + gap if is_buy else middle - gap), D(draw(st.integers(1, 10**6))) / 1_000) for gap in away)
    return Ladder(levels, D(middle), draw(st.sampled_from(["1", "0.5", "0.01"])))


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    enter, leave = draw(st.lists(price, min_size=2, max_size=2, unique=True))
    is_long = leave < enter
    entry_slippage = draw(st.one_of(rate, books(is_long)))
    return Trade(
        entry=enter, stop=leave, entry_slippage=entry_slippage, stop_slippage=draw(st.one_of(rate, books(not is_long))),
        is_maker=entry_slippage == 0, funding_rate=draw(st.decimals("-0.01", "0.01", places=5)), intervals=draw(st.integers(0, 100)),
    )  # fmt: skip


def fill(slippage: object, at: Decimal, size: Decimal, sign: int) -> Decimal:
    """The value of a fill, level by level."""
    if not isinstance(slippage, Ladder):
        return size * at * (1 + sign * Decimal(str(slippage)))
    value = D(0)
    for level in slippage.levels:
        taken = min(size, level.size * Decimal(slippage.share))
        value, size = value + taken * level.price * at / slippage.reference, size - taken
    assert size == 0, "the book has it"
    return value


def lost(trade: Trade, size: Decimal) -> Decimal:
    """What is paid for a position and not got back for it at the stop, with all fees, and without what funding might bring."""
    sign, enter, leave = trade.sign, Decimal(trade.entry), Decimal(trade.stop)
    bought, sold = fill(trade.entry_slippage, enter, size, sign), fill(trade.stop_slippage, leave, size, -sign)
    fees = bought * (BTC.maker_fee if trade.is_maker else BTC.taker_fee) + sold * BTC.taker_fee
    return sign * (bought - sold) + fees + max(D(0), sign * Decimal(trade.funding_rate)) * trade.intervals * max(enter, leave) * size


@given(trades(), usd, st.decimals(0, 1, places=3), st.integers(1, 40))
def test_no_more_is_lost_at_the_stop_than_was_risked(trade: Trade, equity: Decimal, risk: Decimal, leverage: int) -> None:
    done = sized(trade, equity, risk, leverage=leverage)
    small = D("1e-18")  # the default context has 28 digits
    assert done.size >= 0 and done.size % BTC.lot == 0
    assert lost(trade, done.size) <= done.budget + small and abs(done.loss.total - lost(trade, done.size)) < D("0.000004")
    assert done.notional <= equity * leverage and (done.by_book is None or done.size <= done.by_book)
    more = done.size + BTC.lot
    if done.bound == "risk":
        assert lost(trade, more) + D("0.000003") > done.budget, "and no lot less"
    assert done.size <= min(done.by_risk, done.by_leverage)


@given(trades(), usd, st.decimals(0, 1, places=3), st.integers(1, 39), st.integers(1, 1_000))
def test_more_money_risk_or_leverage_is_never_a_smaller_size(t_: Trade, equity: Decimal, risk: Decimal, leverage: int, more: int) -> None:
    size = sized(t_, equity, risk, leverage=leverage).size
    assert sized(t_, equity + more, risk, leverage=leverage).size >= size
    assert sized(t_, equity, min(D(1), risk + D(more) / 1_000), leverage=leverage).size >= size
    assert sized(t_, equity, risk, leverage=leverage + 1).size >= size


@given(trades(), usd, st.decimals("0.001", "0.4", places=3))
def test_a_farther_stop_or_more_slippage_is_never_a_larger_size(trade: Trade, equity: Decimal, more: Decimal) -> None:
    size = sized(trade, equity).size
    if not isinstance(trade.stop_slippage, Ladder):
        assert sized(replace(trade, stop_slippage=Decimal(trade.stop_slippage) + more), equity).size <= size
    if not isinstance(trade.entry_slippage, Ladder):
        assert sized(replace(trade, entry_slippage=Decimal(trade.entry_slippage) + more, is_maker=False), equity).size <= size
    assert sized(replace(trade, intervals=trade.intervals + 1), equity).size <= size
    farther = Decimal(trade.stop) - trade.sign
    if farther > 0:
        assert sized(replace(trade, stop=farther), equity).size <= size


@given(price, price, usd, usd, st.integers(1, 40))
def test_it_is_size_for_risk_where_nothing_slips(entry: int, stop: int, risk: Decimal, available: Decimal, leverage: int) -> None:
    if entry == stop:
        return
    old = size_for_risk(BTC, entry=entry, stop=stop, risk=risk, available=available, max_leverage=leverage)
    new = position_size(BTC, Trade(entry=entry, stop=stop), equity=risk, risk=1, available=available, leverage=leverage)
    assert new.size <= old, "fees are rounded up, and the entry's is taken from the margin"
    if new.bound == "risk":
        assert old - new.by_risk <= BTC.lot


# -- what cannot be --


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"stop": "60000"}, "two different prices"),
        ({"entry": 0}, "above 0"),
        ({"stop_slippage": 1}, "below 1"),
        ({"entry_slippage": "-0.1"}, "0 or more"),
        ({"entry_slippage": "0.1", "is_maker": True}, "no slippage"),
        ({"intervals": -1}, "0 or more"),
        ({"funding_rate": 1}, "less than 1"),
    ],
)
def test_what_is_no_trade(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Trade(**{**LONG, **given})


@pytest.mark.parametrize("given", [{"equity": -1}, {"risk": "1.1"}, {"risk": "-0.1"}, {"leverage": 0}, {"leverage": 41}])
def test_what_cannot_be_sized(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        sized(Trade(**LONG), **given)
    with pytest.raises(TypeError, match="float"):
        sized(Trade(**LONG), 1e6)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "levels", [(), (("60010", "1"), ("60005", "1")), (("60010", "0"),), (("59990", "1"), ("60010", "1")), (("-1", "1"),)]
)
def test_what_is_no_ladder(levels: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match="a ladder has"):
        ladder(*levels)


def test_a_buy_meets_asks_and_no_more_of_them_than_there_are() -> None:
    with pytest.raises(ValueError, match="a buy meets asks"):
        loss_at_stop(BTC, Trade(**LONG, entry_slippage=ladder(("59990", "1"))), D(1))
    with pytest.raises(ValueError, match="fewer than 2"):
        loss_at_stop(BTC, Trade(**LONG, entry_slippage=ladder(("60010", "1"))), D(2))
    with pytest.raises(ValueError, match="share"):
        ladder(("60010", "1"), share=0)
    with pytest.raises(ValueError, match="both sides"):
        ladder_of(t.Depth("BTC", (), (t.BookLevel(D(1), D(1)),)), "asks")


# -- against a venue --


def test_a_venue_takes_from_the_account_what_was_foreseen() -> None:
    """Bought into a living book, and sold into another: what is missing from the cash is the loss at these two books, to the micro-unit of
    each fill; no time passes, so no funding."""
    client: LocalClient = local_exchange(world="sandbox")
    client.faucet("100000")
    terms, book = client.venue.market("BTC"), client.depth("BTC")
    middle = ladder_of(book, "asks").reference
    plan = Trade(entry=middle, stop=middle - 1, entry_slippage=ladder_of(book, "asks"), stop_slippage=ladder_of(book, "bids"))
    done = position_size(terms, plan, equity=100_000, risk="0.0005", leverage=10)
    assert done.bound == "risk" and done.size > book.asks[0].size, "more than one level"
    bought, sold = client.market_buy("BTC", done.size), client.market_sell("BTC", done.size)
    assert bought.filled == sold.filled == done.size
    missing = 100_000 - client.balances()[0].cash
    stop = done.size * (middle - (middle - 1)) * sold.average_price / middle  # type: ignore[operator]  # sold here, and not a dollar lower
    assert abs(missing - (done.loss.total - stop)) < D("0.01")
