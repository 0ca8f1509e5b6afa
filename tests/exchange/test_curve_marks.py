"""Marks by a curve, and what a design that goes by a curve is told at load."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from funding_kit import bench, held, register_rich, take
from kit import BTC, markets_of

from perplab.exchange import VenueError
from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus
from perplab.exchange.design.registry import forget


@pytest.fixture(autouse=True, scope="module")
def rich() -> Iterator[None]:
    register_rich()
    yield
    forget("curve.rule", "rich")


# -- marks --


def test_the_mark_is_the_middle_of_the_curve() -> None:
    made = bench({}, mark={"rule": "curve"})
    assert made.exchange.mark_price(BTC) == 1_000
    held(made, 40)
    made.oracle(1_010)
    assert made.exchange.mark_price(BTC) == 1_050
    made.send(m.SetMarketStatus, BTC, int(MarketStatus.HALTED))
    made.oracle(990)
    assert made.exchange.mark_price(BTC) == 990, "in a halt it is the oracle's"


def test_the_mark_is_an_average_of_the_curve() -> None:
    """Looked at every second of 15 minutes: after a trade it goes a 900th of the way each second."""
    made = bench({}, mark={"rule": "curve_twap", "cadence_ms": 1_000})
    made.later(10)
    (long,) = held(made, 90)
    average = Fraction(1_000)
    for _ in range(100):
        made.later(1)
        average = (1_090 + 899 * average) / 900
        assert average - 1 - Fraction(1, 1_000) <= made.exchange.mark_price(BTC) <= average
    made.later(3_600)
    assert made.exchange.mark_price(BTC) in (1_088, 1_089), "1,090 less what is left of the way"
    take(made, long, -90)
    made.oracle(1_000)
    assert made.exchange.mark_price(BTC) in (1_088, 1_089), "a look at the same time adds nothing"


def test_the_mark_is_the_median_of_curie() -> None:
    """A short and a long average, and the oracle with an average premium."""
    windows = {"short_window_ms": 15_000, "long_window_ms": 1_800_000, "premium_window_ms": 900_000}
    made = bench({}, mark={"rule": "curve_median", "cadence_ms": 1_000, **windows})
    made.later(10)
    assert made.exchange.mark_price(BTC) == 1_000
    held(made, 90)
    short, long, premium = Fraction(1_000), Fraction(1_000), Fraction(0)
    oracle = 1_000
    for second in range(200):
        if second == 100:
            oracle = 1_020
            made.oracle(oracle)
        made.later(1)
        middle = oracle + 90
        short, long, premium = (middle + 14 * short) / 15, (middle + 1_799 * long) / 1_800, (90 + 899 * premium) / 900
        exact = sorted((short, long, oracle + premium))[1]
        assert exact - 1 - Fraction(1, 1_000) <= made.exchange.mark_price(BTC) <= exact


def test_one_look_after_a_halt_is_one_look() -> None:
    """The average is moved by a cadence, however long nothing was looked at."""
    made = bench({}, mark={"rule": "curve_twap", "cadence_ms": 60_000}, oracle={"stale_after_ms": 60_000, "on_stale": "keep_last"})
    made.later(60)
    held(made, 90)
    made.later(3_600)
    made.oracle(1_000)
    before = made.exchange.state.markets[BTC].averages.curve_short
    assert before <= (1_000 << 24) + (3 * 90 << 24) // 15


# -- at load --

REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a mark": ({"mark": {"rule": "curve"}}, "markets[0].mark.rule is 'curve': expected another rule, or a curve in markets[0].curve"),
    "a median": ({"mark": {"rule": "curve_median"}}, "markets[0].mark.rule is 'curve_median': expected another rule, or a curve"),
    "a velocity": ({"funding": {"rule": "velocity"}}, "markets[0].funding.rule is 'velocity': expected another rule, or a curve"),
    "static": ({"funding": {"rule": "static_skew"}}, "markets[0].funding.rule is 'static_skew': expected another rule, or a curve"),
    "adaptive": ({"funding": {"rule": "adaptive_skew"}}, "that rule goes by its price or its position"),
    "an average": ({"funding": {"rule": "twap_difference"}}, "markets[0].funding.of is 'curve': expected 'mark', or a curve in the market"),
    "a cap": (
        {"funding": {"rule": "twap_difference", "of": "mark", "pool_cap_ppm": 1}},
        "markets[0].funding.pool_cap_ppm is 1: expected 0, or a curve in the market: without a pool nobody pays the difference",
    ),
    "at the mark": (
        {"funding": {"rule": "twap_difference", "of": "mark", "price": "mark"}}, "markets[0].funding.price is 'mark': expected 'oracle'",
    ),
    "traded": (
        {"funding": {"rule": "traded_premium", "payment": "continuous"}}, "markets[0].funding.payment is 'continuous': expected 'discrete'",
    ),
}  # fmt: skip
WITH_A_CURVE: dict[str, tuple[dict[str, object], str]] = {
    "no cadence": ({"mark": {"rule": "curve_twap"}}, "markets[0].mark.cadence_ms is 0: expected 100 to 900000"),
    "slow": ({"mark": {"rule": "curve_median", "cadence_ms": 20_000}}, "markets[0].mark.cadence_ms is 20000: expected 100 to 15000"),
    "a scale": (
        {"lot": "0.000001", "funding": {"rule": "velocity", "skew_scale": 70_000}},
        "markets[0].funding.skew_scale is 70000: expected at most 68719 coins",
    ),
    "bounds": (
        {"funding": {"rule": "adaptive_skew", "least_ppt": 3, "most_ppt": 2}},
        "markets[0].funding.least_ppt is 3: expected at most most_ppt (2)",
    ),
    "thresholds": (
        {"funding": {"rule": "adaptive_skew", "stable_ppm": 1, "decrease_ppm": 2}}, "decrease_ppm is 2: expected at most stable_ppm (1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*REFUSED, *WITH_A_CURVE])
def test_a_rule_that_cannot_be_kept_is_refused(name: str) -> None:
    curve = {} if name in REFUSED else {"curve": {"rule": "rich", "capital": 1}, "tick": "1", "max_price": "30000"}
    change, told = {**REFUSED, **WITH_A_CURVE}[name]
    with pytest.raises(VenueError) as error:
        markets_of({**curve, **change})
    assert told in str(error.value)
