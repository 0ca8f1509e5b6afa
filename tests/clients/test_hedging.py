"""Hedge ratios: by hand, against numpy, and what is left of the variance."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from terms import BTC, D

from perplab.clients.risk import hedge_size, minimum_variance, returns_of

POSITION, HEDGE = [0.01, 0.02, 0.03, 0.06], [0.01, 0.02, 0.03, 0.04]


def test_a_ratio_by_hand() -> None:
    fit = minimum_variance(POSITION, HEDGE)
    assert (fit.beta, fit.r_squared, fit.count) == (pytest.approx(1.6), pytest.approx(64 / 70), 4)
    assert fit.error == pytest.approx(((1 - 64 / 70) * 14 / 5 / 2) ** 0.5)
    assert returns_of([100, 110, 99]) == pytest.approx([0.1, -0.1])


def test_a_hedge_by_hand() -> None:
    told = hedge_size(BTC, value=10_000, price=60_000, beta="0.8", r_squared=0.64)
    assert (told.size, told.value, told.exact_size.quantize(D("0.000001"))) == (D("-0.13333"), D("-7999.80000"), D("-0.133333"))
    assert told.ratio == D("0.79998") and told.variance_left == pytest.approx(0.36, abs=1e-6)
    half = hedge_size(BTC, value=10_000, price=60_000, beta="0.8", share="0.5", r_squared=0.64)
    assert half.size == D("-0.06666") and half.variance_left == pytest.approx(1 - 0.64 * 0.75, abs=1e-4)
    short = hedge_size(BTC, value=-10_000, price=60_000, beta="0.8")
    assert short.size == D("0.13333") and short.variance_left is None
    assert hedge_size(BTC, value=10_000, price=60_000, beta="-0.8").size == D("0.13333"), "what moves against it is bought"
    assert hedge_size(BTC, value=1, price=60_000, beta="0.1", r_squared=0.5).size == 0
    assert hedge_size(BTC, value=1_000, price=60_000, beta=0, r_squared=0.0).variance_left == 1


series = st.lists(st.tuples(st.integers(-1_000, 1_000), st.integers(-1_000, 1_000)), min_size=3, max_size=50)


@given(series, st.integers(1, 3))
def test_no_other_ratio_leaves_less(pairs: list[tuple[int, int]], tenths: int) -> None:
    position, hedge = (np.array(one) / 10_000 for one in zip(*pairs, strict=True))
    if position.std() < 1e-6 or hedge.std() < 1e-6:
        return
    fit = minimum_variance(list(position), list(hedge))
    assert fit.beta == pytest.approx(float(np.polyfit(hedge, position, 1)[0]), abs=1e-9)
    assert fit.r_squared == pytest.approx(float(np.corrcoef(position, hedge)[0, 1]) ** 2, abs=1e-9)
    left = (position - fit.beta * hedge).var()
    assert left == pytest.approx((1 - fit.r_squared) * position.var(), abs=1e-12)
    for other in (fit.beta - tenths / 10, fit.beta + tenths / 10):
        assert (position - other * hedge).var() >= left


@given(series, st.decimals("-1000000", "1000000", places=2).filter(bool), st.decimals("0", "2", places=2))
def test_what_is_left_is_what_the_series_say(pairs: list[tuple[int, int]], value: Decimal, share: Decimal) -> None:
    position, hedge = (np.array(one) / 10_000 for one in zip(*pairs, strict=True))
    if position.std() < 1e-6 or hedge.std() < 1e-6:
        return
    fit = minimum_variance(list(position), list(hedge))
    if abs(fit.beta) < 1e-3:
        return
    told = hedge_size(BTC, value=value, price=60_000, beta=D(str(fit.beta)), share=share, r_squared=fit.r_squared)
    assert abs(told.size) <= abs(told.exact_size) and abs(told.exact_size - told.size) < BTC.lot
    left = (position - float(told.ratio) * hedge).var() / position.var()
    assert told.variance_left == pytest.approx(float(left), abs=1e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("position", "hedge"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0]),
        ([1.0] * 3, [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [1.0] * 3),
        ([1.0, 2.0, float("nan")], [1.0, 2.0, 3.0]),
    ],
)
def test_what_has_no_ratio(position: list[float], hedge: list[float]) -> None:
    with pytest.raises(ValueError, match=r"returns|return"):
        minimum_variance(position, hedge)


@pytest.mark.parametrize("given", [{"value": 0}, {"price": 0}, {"share": -1}, {"r_squared": 1.1}])
def test_what_cannot_be_hedged(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        hedge_size(BTC, **{"value": 1, "price": 1, "beta": 1, **given})
    with pytest.raises(ValueError, match="a price"):
        returns_of([1, 0])
