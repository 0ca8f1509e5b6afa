"""Formulas of funding, of averages and of fees: the numbers that their sources print, and exact fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perplab.exchange.trading import fees, twap
from perplab.exchange.trading import funding_skew as skew
from perplab.exchange.trading import funding_twap as averages
from perplab.exchange.trading.funding import accrued, to_pool

ONE = 10**18
DAY = 86_400


def fine(text: str) -> int:
    """A decimal in 1e-18."""
    return int(Decimal(text) * ONE)


def near(found: int, expected: str, tolerance: str) -> bool:
    return bool(abs(Decimal(found) / ONE - Decimal(expected)) <= Decimal(tolerance))


# -- what is published --


def test_twaps_of_drift() -> None:
    """math/amm/tests.rs, calc_oracle_twap_tests: 33.99 before, 31 for a minute; over an hour, and over 5 minutes."""
    assert near(twap.twap_next(fine("33.99"), fine("31"), 60, 3600), "33.940167", "1e-6")
    assert near(twap.twap_next(fine("33.99"), fine("31"), 60, 300), "33.392001", "2e-6")
    assert twap.twap_next(5, 9, 600, 300) == 9, "a price that has held for the window is the average"


def test_largest_spread_of_drift() -> None:
    """math/funding/tests.rs, max_funding_rates: the lowest tier at an oracle TWAP of 49; and the others."""
    assert averages.largest_spread(fine("49"), 10) == fine("4.9")
    assert averages.spread(fine("60"), fine("49"), 5000, 10) == fine("4.9")
    assert averages.spread(fine("30"), fine("33"), 0, 33) == -fine("1")
    assert averages.spread(fine("10"), fine("10"), 5000, 33) == fine("0.002"), "0.02 % of it when there is no spread: 7.3 % a year"


def test_premium_fraction_of_perpetual_protocol() -> None:
    """v1, AmmSpecClass.ts: 10 against 10.3 in 8 of 24 hours. v2, ClearingHouse.funding.test.ts: 0.099 short for 300 s."""
    fraction = averages.premium_fraction(averages.spread(fine("10"), fine("10.3"), 0, 0), 8, 24)
    assert fraction == -fine("0.1")
    assert near(averages.fraction_of(fraction, fine("10.3"), ONE), "-0.009708737864077669", "1e-12")
    found = averages.spread(fine("153.9531248192"), fine("150.953124"), 0, 10)
    assert near(-99 * averages.premium_fraction(found, 300, DAY) // 1000, "-0.001031250282", "1e-11")


def test_the_curve_pays_what_traders_do_not() -> None:
    """v1, ClearingHouseTest.ts: 37.5 long and 187.5 short at 0.01: 0.375 is paid, 1.875 received, and the vAMM, 150 long, lost 1.5."""
    longs, curve, shorts, delta = 375, 1_500, 1_875, fine("0.01")
    assert to_pool(shorts, delta, -delta, 0) == 0
    assert curve * delta == fine("15") and longs * delta == fine("3.75") and shorts * delta == fine("18.75")


def test_skew_funding_of_gmx() -> None:
    """README: 2e-5 at 150,000 against 50,000: longs pay 1e-5 a second, shorts get 3e-5. And adaptive: 600 s at 6 % and at 2 %."""
    rate = skew.static_rate(fine("0.00002"), 150_000, 50_000, 1, 10, ONE)
    assert rate == fine("0.00001") and skew.neutral_receipt(rate, 150_000, 50_000) == fine("0.00003")
    stable, decrease, saved = fine("0.05"), fine("0.03"), fine("0.5")
    rise = skew.grown(fine("0.06"), fine("0.0001"), 600, ONE, 1)
    fall = skew.grown(1, fine("0.000002"), 600, 1, 1)
    known = (stable, decrease, rise, fall)
    for sign, sides in ((1, (2, 1)), (-1, (1, 2))):
        assert skew.adaptive_next(sign * saved, *sides, fine("0.06"), *known) - sign * saved == sign * fine("0.0036")
        assert skew.adaptive_next(sign * saved, *sides, fine("0.02"), *known) - sign * saved == -sign * fine("0.0012")
        assert skew.adaptive_next(sign * saved, *sides, fine("0.04"), *known) == sign * saved
        assert skew.adaptive_next(-sign * saved, *sides, fine("0.02"), *known) == sign * (rise - saved), "towards the skew"
        assert skew.adaptive_next(sign * 5, *sides, 0, *known) == sign, "what falls keeps its sign"


def test_velocity_of_synthetix() -> None:
    """PerpsV2MarketBase.sol: 0.0025 a day for 29,000 s. SIP-279: a skew of 100 at 3 a day for a day on 200,000. PerpsV2Market.js."""
    assert near(skew.velocity_next(0, 1, 1, fine("0.0025"), 29_000, DAY, 0)[0], "0.00083912", "1e-8")
    after, carry = skew.velocity_next(0, 100, 1_000_000, fine("3"), DAY, DAY, 0)
    assert (after, carry) == (fine("0.0003"), 0)
    mean, _ = skew.mean_rate(0, after, 1, 0)
    assert accrued(mean, 200_000, 1, 1, 0, ONE)[0] == 30
    first, carry = skew.velocity_next(0, 100, 1000, fine("0.25"), 29_000, DAY, 0)
    second, _ = skew.velocity_next(first, 300, 1000, fine("0.25"), 20_000, DAY, carry)
    assert near(first, "0.0083912", "1e-7") and near(second, "0.02575231", "1e-7")
    assert skew.velocity_next(7, 0, 1000, ONE, DAY, DAY, 0)[0] == 7, "without skew it stays"
    assert skew.velocity_next(0, -9_999, 1000, ONE, DAY, DAY, 0)[0] == -ONE, "at most the largest velocity"


def test_dynamic_fee_of_synthetix() -> None:
    """SIP-184: changes of 50, 30 and 50 bp, deviation 20, decay 0.9: 0, 10, 9, 18.1; below 5 bp nothing is charged."""
    told = [0]
    for change in (50, -30, 50):
        told.append(fees.dynamic_fee(told[-1], change * 10, 200, 9, 10))
    assert told == [0, 100, 90, 181]
    assert [fees.dynamic_fee_charged(fee, 50) for fee in (49, 50, 181)] == [0, 50, 181]
    assert fees.price_change(1000, 1005, 10_000) == 50


def test_borrowing_of_gmx() -> None:
    """Kink: 45 % up to 75 % use, 130 % at full use. Curve: factor x reserved / pool."""
    points = {0: 0, 50: 225, 75: 3375 // 10, 100: 450 + 850}
    for usage, rate in points.items():
        assert skew.kink_rate(usage * 10, 750, 450, 1300, 1000) == rate
    assert skew.borrow_rate(500, 1000, 1, 10, fine("0.001"), ONE) == fine("0.0005")


def test_injectives_hour() -> None:
    """exchange, perpetual funding: capped at 0.0625 %, interest 0.000416666 % an hour."""
    assert averages.hourly_rate(fine("0.0048"), 24, fine("0.0000041666"), fine("0.000625")) == fine("0.0002041666")
    assert averages.hourly_rate(-fine("1"), 24, 0, fine("0.000625")) == -fine("0.000625")


# -- what holds for all numbers --

LOTS = st.integers(0, 2**40)
DELTA = st.integers(0, 2**53)


@given(LOTS, LOTS, DELTA)
def test_the_pool_has_no_part_in_skew_funding(longs: int, shorts: int, delta: int) -> None:
    """What its own position pays or gets, and the difference that it is charged, add up to less than a unit for each lot that receives."""
    gets = skew.neutral_receipt(delta, longs, shorts)
    if longs and shorts:
        held = shorts - longs
        own = -abs(held) * (delta if held > 0 else -gets)
        difference = to_pool(max(longs, shorts), delta, -gets, 0)
        assert 0 <= own + difference < shorts
    else:
        assert gets == 0


@given(LOTS, LOTS, DELTA, st.integers(0, 2**90))
def test_the_curve_pays_no_more_than_its_budget(payers: int, receivers: int, delta: int, budget: int) -> None:
    gets = averages.capped_receipt(delta, payers, receivers, budget)
    assert 0 <= gets <= delta or receivers < payers
    assert receivers * gets - payers * delta <= budget
    if receivers * delta - payers * delta <= budget:
        assert gets == delta
    elif receivers:
        assert receivers * (gets + 1) - payers * delta > budget, "and no less than it could"


STEPS = st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(1, 10_000)), max_size=30)  # skew, seconds


@given(STEPS, st.integers(1, 10**9), st.integers(0, 10**18))
def test_a_velocity_is_carried_exactly(steps: list[tuple[int, int]], scale: int, most: int) -> None:
    """However it is cut into steps: the rate is the exact integral, rounded down, and so is the sum of its means."""
    rate = carry = rest = total = 0
    exact, area = Fraction(0), Fraction(0)
    for skewed, elapsed in steps:
        before = rate
        rate, carry = skew.velocity_next(rate, skewed, scale, most, elapsed, DAY, carry)
        mean, rest = skew.mean_rate(before, rate, 10**6, rest)
        exact += Fraction(max(-scale, min(scale, skewed)) * most * elapsed, scale * DAY)
        area += Fraction(before + rate, 2 * 10**6)
        total += mean
    assert rate == exact.__floor__() and total == area.__floor__() and 0 <= carry < scale * DAY


@given(st.integers(0, 2**500), st.integers(1, 12))
def test_a_root_is_exact(x: int, n: int) -> None:
    found = skew.root(x, n)
    assert found**n <= x < (found + 1) ** n


@pytest.mark.parametrize("tenths", [1, 5, 10, 13, 20, 27])
@given(base=st.integers(0, 2**55), scale=st.sampled_from([1, 10**6, 10**12]))
def test_a_power_is_rounded_once(tenths: int, base: int, scale: int) -> None:
    """found <= scale x (base / unit)^e < found + 1, raised to the tenth power."""
    found = skew.power(base, 10**6, tenths, scale)
    exact = Fraction(base, 10**6) ** tenths * scale**10
    assert found**10 <= exact < (found + 1) ** 10


@given(st.integers(0, 2**56), st.integers(1, 2**56), st.integers(0, 10**13), st.integers(1, 10**13))
def test_an_average_lies_between(before: int, price: int, elapsed: int, window: int) -> None:
    after = twap.twap_next(before, price, elapsed, window)
    assert min(before, price) <= after <= max(before, price)
