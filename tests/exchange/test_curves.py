"""Curves: the laws that keep who trades with them from gaining by it, and the numbers that venues publish."""

from __future__ import annotations

from fractions import Fraction

import pytest
from choices import examples
from curve_draws import BUY, KINDS, SELL, Set, curves, exact, lots_reaching, made
from hypothesis import assume, given
from hypothesis import strategies as st

RATIOS = ("constant_product", "vamm_peg_k", "oracle_spread", "skew_fill")  # whose values are exact ratios


def sizes(data: st.DataObject, one: Set, side: int, after: int = 0) -> int:
    room = one.room(side, after)
    assume(room > 0)
    return data.draw(st.integers(1, room) | st.integers(1, min(room, 50)))


# -- the three laws --


@examples(300)
@given(st.data(), curves(), st.sampled_from([BUY, SELL]))
def test_the_way_there_and_back_never_pays(data: st.DataObject, one: Set, side: int) -> None:
    lots = sizes(data, one, side)
    there = one.value(side, lots)
    assume(there > 0)
    back = one.value(1 - side, lots, lots if side == BUY else -lots)
    bought, sold = (there, back) if side == BUY else (back, there)
    assert bought >= sold or back == 0, "0: the curve does not take so much at once"


@examples(300)
@given(st.data(), curves(), st.sampled_from([BUY, SELL]))
def test_two_trades_are_never_better_than_one_of_both(data: st.DataObject, one: Set, side: int) -> None:
    lots = sizes(data, one, side)
    first = data.draw(st.integers(1, lots))
    whole = one.value(side, lots)
    assume(whole > 0 and first < lots)
    parts = one.value(side, first) + one.value(side, lots - first, first if side == BUY else -first)
    assert parts >= whole if side == BUY else parts <= whole


@examples(300)
@given(st.data(), curves(), st.sampled_from([BUY, SELL]))
def test_the_next_lots_are_never_better(data: st.DataObject, one: Set, side: int) -> None:
    """Convex: of two stretches of the same length the later one is dearer for a buyer, but for the micro-unit that is rounded."""
    lots = sizes(data, one, side)
    step = data.draw(st.integers(0, lots // 2))
    near, mid, far = (one.value(side, size) if size else 0 for size in (lots - 2 * step, lots - step, lots))
    assume(min(mid, far) > 0)
    bend = (far - mid) - (mid - near)
    assert bend >= -1 if side == BUY else bend <= 1


# -- how far it goes --


@examples(200)
@given(st.data(), curves(), st.sampled_from([BUY, SELL]))
def test_lots_to_a_price_are_those_that_trade_there_or_better_one_by_one(data: st.DataObject, one: Set, side: int) -> None:
    middle = one.curve.middle(one.market, one.pool, one.inventory)
    price = data.draw(st.integers(1, 1 << 32) | st.integers(max(1, middle * 9 // 10 - 3), middle * 11 // 10 + 3))
    most = data.draw(st.integers(0, 300))
    assert one.lots_to(side, price, most) == lots_reaching(one, side, price, most)


@examples(300)
@given(st.data(), curves(), st.sampled_from([BUY, SELL]))
def test_lots_to_a_price_cost_no_more_than_that(data: st.DataObject, one: Set, side: int) -> None:
    """Together, too; and a better price never gets more of them."""
    middle = one.curve.middle(one.market, one.pool, one.inventory)
    price = data.draw(st.integers(1, (1 << 32) - 1) | st.integers(max(1, middle // 2), max(1, middle * 2)))
    most = data.draw(st.integers(0, (1 << 40) - 1))
    lots = one.lots_to(side, price, most)
    assert 0 <= lots <= min(most, one.room(side))
    if lots:
        value, worth = one.value(side, lots), lots * price * one.market.unit
        assert 0 < value <= worth if side == BUY else value >= worth
    worse = price + 1 if side == BUY else max(1, price - 1)
    assert one.lots_to(side, worse, most) >= lots


@examples(200)
@given(st.data(), curves(), st.sampled_from([BUY, SELL]))
def test_more_than_there_is_room_for_is_no_trade(data: st.DataObject, one: Set, side: int) -> None:
    room = one.room(side)
    if room < (1 << 40) - 1:
        assert one.value(side, room + 1) == 0
        assert one.lots_to(side, 1 if side == SELL else (1 << 32) - 1, (1 << 40) - 1) <= room


@examples(300)
@given(st.data(), curves(RATIOS), st.sampled_from([BUY, SELL]))
def test_a_value_is_the_formulas_rounded_once_against_the_trader(data: st.DataObject, one: Set, side: int) -> None:
    lots = sizes(data, one, side)
    formula = exact(one, side, lots)
    expected = -(-formula.numerator // formula.denominator) if side == BUY else formula.numerator // formula.denominator
    assert one.value(side, lots) == max(0, expected)


@examples(200)
@given(curves())
def test_the_middle_is_between_the_quotes(one: Set) -> None:
    middle = one.curve.middle(one.market, one.pool, one.inventory)
    assert 1 <= middle <= one.market.max_price or not one.room(BUY) + one.room(SELL)
    unit = one.market.unit
    if one.room(BUY):
        assert one.value(BUY, 1) > (middle - 1) * unit
    if one.room(SELL) and middle < one.market.max_price:
        assert one.value(SELL, 1) < (middle + 2) * unit


# -- plain numbers --


def test_every_kind_by_hand() -> None:
    """100 USD, curves of 1,000 coins, a trade of 10: what it costs, to the micro-unit."""
    usd = 10**6
    product = made("constant_product", 100, {"reserve_coins": 1_000})
    assert product.value(BUY, 10) == -(-100_000 * usd * 10 // 990)  # 1,010.101010...
    assert product.value(SELL, 10) == 100_000 * usd * 10 // 1_010
    pegged = made("vamm_peg_k", 100, {"reserve_coins": 1_000, "base_spread_ppm": 2_000, "concentration_ppm": 1_414_200})
    assert pegged.pool.ask_spread == pegged.pool.bid_spread == 10_000, "tenfold while nothing has been earned"
    assert pegged.value(BUY, 10) == -(-100_000 * usd * 10 * 101 // 99_000)
    assert (pegged.room(BUY), pegged.room(SELL)) == (292, 414)
    spread = made("oracle_spread", 100, {"spread_ppm": 1_000, "skew_ppm": 10_000, "scale": 1_000, "max_inventory": 500})
    assert spread.value(BUY, 10) == 1_001_050_000  # 0.1 %, and 0.005 % of skew on the way
    assert spread.value(SELL, 10) == 998_950_000
    pool = made("oracle_pool", 100, {"negative_factor": "0.0000001", "max_negative_ppm": 5_000})
    assert pool.value(BUY, 10) == 1_000 * usd + 100_000, "1e-7 x 1,000^2 = 0.1 USD"
    skewed = made("skew_fill", 1_200, {"scale": 1_000_000})
    assert skewed.value(BUY, 100) == 120_006 * usd
    assert {one.kind for one in (product, pegged, spread, pool, skewed)} == set(KINDS) - {"vault", "concentrated"}


def test_a_price_is_no_more_than_the_markets_highest() -> None:
    """A reserve of which 2^-32 lots are left: k / x^2 would not fit 64 bits."""
    one = made("constant_product", 1, {"reserve_coins": 1})
    one.pool.base = (1 << 32) + 1
    one.pool.k = 10**6 * one.pool.base**2
    assert one.room(BUY) == 1
    assert one.curve.middle(one.market, one.pool, -1) == one.market.max_price
    assert one.curve.middle(one.market, one.pool, -2) == 0, "nor is there a price of nothing"


def test_fluctuation_and_size_of_a_trade_are_bounded() -> None:
    """1.2 % of the price, and 90 % of a reserve."""
    one = made("constant_product", 100, {"reserve_coins": 10_000, "fluctuation_ppm": 12_000})
    for side, sign in ((BUY, 1), (SELL, -1)):
        room = one.room(side)
        moved = Fraction(10_000**2, (10_000 - sign * room) ** 2)
        beyond = Fraction(10_000**2, (10_000 - sign * (room + 1)) ** 2)
        assert abs(moved - 1) <= Fraction(12, 1_000) < abs(beyond - 1)
    bought = one.room(BUY)
    assert one.room(BUY, bought) == 0, "the next one finds none left"
    one.curve.oracle_moved(one.market, one.pool, -bought)
    assert one.room(BUY, bought) > 0, "until the oracle has moved"
    limited = made("constant_product", 100, {"reserve_coins": 10_000, "trade_ppm": 900_000})
    assert (limited.room(BUY), limited.room(SELL)) == (9_000, 90_000)


@pytest.mark.parametrize("kind", KINDS)
def test_what_there_is_to_know_of_a_curve_is_in_its_pool(kind: str) -> None:
    """Two of one design answer alike: a rule keeps nothing."""

    @examples(20)
    @given(st.data(), curves((kind,)))
    def alike(data: st.DataObject, one: Set) -> None:
        lots = sizes(data, one, BUY)
        first = one.value(BUY, lots)
        one.lots_to(SELL, 1, 10)
        assert one.value(BUY, lots) == first

    alike()
