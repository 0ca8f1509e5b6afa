"""Formulas of curves, by numbers that venues publish in their documents or assert in their tests.

They are run at 1e-9 or finer, whatever the core's own scales are.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from choices import examples
from curve_draws import BUY, SELL, made
from hypothesis import given
from hypothesis import strategies as st

from perplab.exchange.trading.curve_impact import Impact, Potential, fine_parts, price_impact
from perplab.exchange.trading.curve_oracle import skew_fill_price, vault_spread
from perplab.exchange.trading.curve_product import amount_in, amount_out
from perplab.exchange.trading.curve_vamm import (
    Stance,
    capped_spreads,
    inventory_share,
    k_cost,
    peg_from_target,
    quote_spreads,
    reserve_price,
    scaled,
    terminal_quote,
)
from perplab.exchange.trading.powers import root_floor

ONE = 10**18


def fine(amount: str | float | int) -> int:
    return int(Decimal(str(amount)) * ONE)


def near(found: int, expected: str, tolerance: str = "1e-12") -> bool:
    return abs(Decimal(found) / ONE - Decimal(expected)) <= Decimal(tolerance)


# -- Perpetual Protocol v1, AmmSpec.ts: 1,000 of quote, 100 of base --


@pytest.mark.parametrize(
    ("formula", "reserves", "amount", "expected"),
    [
        (amount_out, (1000, 100), 50, "4.761904761904762"),
        (amount_in, (100, 1000), 50, "5.2631578947368425"),
        (amount_out, (100, 1000), 5, "47.61904761904762"),
        (amount_in, (1000, 100), 5, "52.63157894736842"),
        (amount_out, (1000, 100), 600, "37.5"),
        (amount_in, (100, 1000), 600, "150"),
        (amount_in, (1000, 100), 50, "1000"),
    ],
)
def test_constant_product(formula: type(amount_out), reserves: tuple[int, int], amount: int, expected: str) -> None:  # type: ignore[valid-type]
    assert near(formula(*map(fine, reserves), fine(amount)), expected)


def test_the_exchange_asks_the_same_formulas() -> None:
    """100 coins at 10 USD, as lots of 1e-4: what 5 coins cost and fetch, to the micro-unit above and below."""
    one = made("constant_product", 1_000, {"reserve_coins": 100}, tick="0.01", lot="0.0001", max_price="30000")
    assert one.value(BUY, 50_000) == 52_631_579
    assert one.value(SELL, 50_000) == 47_619_047


# -- Drift v2 --


@pytest.mark.parametrize(
    ("y", "x", "target", "expected"),
    [("1", "1", "19401.125456", "19401.125456"), ("1.00001", "0.99999", "19401.125456", "19400.737437"), ("1", "1", "1.0005", "1.0005")],
)
def test_peg_from_target(y: str, x: str, target: str, expected: str) -> None:
    assert near(peg_from_target(fine(x), fine(y), fine(target)), expected, "2e-6")


def test_reserve_price() -> None:
    assert near(reserve_price(fine("512.295081967"), fine(488), fine(50)), "47.6288", "1e-6")


def test_what_a_larger_k_costs() -> None:
    """cp_curve/tests.rs: the root of k from 500 to 501, others being short 12.295."""
    x, y, net = fine("512.295081967"), fine(488), fine("-12.295081967")
    new_x, new_y = scaled(x, 501, 500), scaled(y, 501, 500)
    assert near(new_x, "513.31967213", "2e-6") and near(new_y, "488.976000001", "2e-6")
    assert near(terminal_quote(new_x, new_y, net), "500.975411043", "2e-6")
    assert near(k_cost(x, y, new_x, new_y, net, fine(50), ONE), "0.029448", "2e-6")


@pytest.mark.parametrize(
    ("given", "expected"), [((9999, 1, 1000), (1000, 0)), ((444, 222, 1000), (444, 222)), ((2490, 11, 2500), (2490, 10))]
)
def test_spreads_are_capped(given: tuple[int, int, int], expected: tuple[int, int]) -> None:
    assert capped_spreads(*given) == expected
    assert capped_spreads(given[1], given[0], given[2]) == expected[::-1]


def test_inventory_and_an_empty_fee_pool_widen_spreads() -> None:
    """amm_spread/tests.rs calculate_spread_tests: base 1000, at most 20000; 1 of 10 on the thinner side."""
    share = inventory_share(1, 10, 0, 100_000, 10**6)
    assert share == 100_000
    assert quote_spreads(1_000, 20_000, Stance(1, share, 0, 0, 0, 10**6)) == (16_667, 3_333)
    assert quote_spreads(1_000, 20_000, Stance(1, share, 0, 0, 1, 10**6)) == (2_500, 500), "not with a fee pool"
    assert quote_spreads(1_000, 20_000, Stance(1, share, 0, 3, 1, 10**6)) == (10_000, 500), "a leverage of 3 makes fourfold"
    assert quote_spreads(1_000, 20_000, Stance(0, 0, -700, 0, 1, 10**6)) == (500, 1_200), "sellers would pick it off"


# -- GMX v2 --


@pytest.mark.parametrize(
    ("diff", "exponent", "factor", "expected"),
    [
        (10_000, (3, 1), "1e-12", "1"),
        (100_000, (7, 4), "1e-7", "56.2341325190349"),
        (1, (3, 2), "1e-6", "1e-6"),
        (10_000_000, (3, 2), "1e-6", "31622.7766016838"),
    ],
)
def test_impact_factor(diff: int, exponent: tuple[int, int], factor: str, expected: str) -> None:
    """PricingUtils.ts applyImpactFactor, in 1e-18."""
    above, below = Decimal(factor).as_integer_ratio()
    assert near(Potential(above, below, *exponent, 1, ONE).at(diff), expected, "1e-9")


def impact_rule(factor: str, better: str | None = None, exponent: int = 2, cap_ppm: int = 10**6) -> tuple[Impact, int]:
    ratios = [Decimal(text).as_integer_ratio() for text in (better or factor, factor)]
    parts = fine_parts((ratios[0][1], ratios[1][1]), (exponent, exponent), (1, 1), 10**6)
    positive, negative = (Potential(*ratio, exponent, 1, 10**6, parts) for ratio in ratios)
    return Impact(positive, negative, cap_ppm, parts, 10**6), parts


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(0, 50_000, -500), (50_000, 25_000, 375), (-50_000, -25_000, 375), (50_000, -50_000, 0)]
)
def test_price_impact(before: int, after: int, expected: int) -> None:
    """README of gmx-synthetics: 2e-7 and an exponent of 2, in USD."""
    rule, parts = impact_rule("0.0000002")
    assert price_impact(before * 10**6, after * 10**6, rule) == expected * parts


def test_a_positive_impact_is_bounded_by_the_way_back_and_by_its_cap() -> None:
    rule, parts = impact_rule("0.0000002", "0.0000001")
    assert price_impact(50_000 * 10**6, 0, rule) == 250 * parts
    assert price_impact(50_000 * 10**6, -50_000 * 10**6, rule) == (250 - 500) * parts
    rule, parts = impact_rule("0.0000002", cap_ppm=4_000)
    assert price_impact(50_000 * 10**6, 0, rule) == 200 * parts, "0.4 % of 50,000"


def test_the_price_of_an_entry_has_the_impact_in_it() -> None:
    """README: 50,000 USD at 5,000 with an impact of -0.1 % enter at 5,005.005; here for more money."""
    """README: 50,000 USD at 5,000 with an impact of -0.1 % enter at 5,005.005; here the same coins cost more money."""
    impact = {"negative_factor": "0.00000002", "positive_factor": "0"}
    one = made("oracle_pool", 500_000, impact, tick="0.01", lot="0.0001", max_price="30000")
    lots = 99_900  # 9.99 coins
    value = one.value(BUY, lots)
    assert value == 49_950_000_000 + 49_900_050, "2e-8 x 49,950^2 USD"
    assert abs(Decimal(value) / lots / 100 - Decimal("5000") * (1 + Decimal("0.000999"))) < Decimal("1e-6")


# -- Synthetix Perps v2 --


@pytest.mark.parametrize(
    ("price", "skew", "size", "expected"),
    [("1200", 0, 100, "1200.06"), ("2000", 100, 100, "2000.3"), ("2000", 100, 0, "2000.2"), ("2000", 200, 0, "2000.4")],
)
def test_skew_fill_price(price: str, skew: int, size: int, expected: str) -> None:
    """PerpsV2MarketBase.sol and sip-279.md, at a scale of 1,000,000."""
    above, below = skew_fill_price(fine(price), skew, size, 1_000_000)
    assert above == fine(expected) * below


# -- dYdX v4 vaults --


@pytest.mark.parametrize(
    ("leverage", "factor", "size", "spread", "expected"),
    [
        ("0", "0.554321", "0.1", "0.003123", ["0.003123", "0.003123", "0.003296114448", "0.003478824994"]),
        ("-3", "0.9", "0.2", "0.00855", ["0.1170495", "-0.014535", "0.12871512", "-0.012996"]),
    ],
)
def test_vault_spreads(leverage: str, factor: str, size: str, spread: str, expected: list[str]) -> None:
    """orders_test.go: ask and bid of the first two layers."""
    one = 10**6
    given_leverage, given_size, given_factor = (int(Decimal(text) * one) for text in (leverage, size, factor))
    found = []
    for layer in (0, 1):
        for is_ask in (True, False):
            exact = vault_spread(is_ask, given_leverage, layer * given_size, fine(spread), given_factor, one)
            found.append(Decimal(exact) / one**4 / ONE)
    assert all(abs(a - Decimal(b)) <= Decimal("2e-8") for a, b in zip(found, expected, strict=True)), found


# -- roots --


@examples(300)
@given(st.integers(0, 1 << 2_000) | st.integers(0, 10**6), st.integers(1, 100))
def test_a_root_is_the_real_one_rounded_down(n: int, degree: int) -> None:
    root = root_floor(n, degree)
    assert root**degree <= n < (root + 1) ** degree
