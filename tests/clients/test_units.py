"""From a user's numbers to the wire's: exact, or refused with what would do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perplab.clients.units import Market, micro, money

SOL = Market(
    number=2, name="SOL", tick=Decimal("0.001"), lot=Decimal("0.01"), significant_figures=5, minimum_notional=Decimal(10), max_leverage=20,
    maker_fee=Decimal("0.00015"), taker_fee=Decimal("0.00045"),
)  # fmt: skip


@given(st.integers(1, 99_999), st.integers(1, 2**40 - 1), st.integers(-(10**16), 10**16))
def test_there_and_back_is_the_same(ticks: int, lots: int, amount: int) -> None:
    assert SOL.ticks(SOL.price(ticks)) == ticks and SOL.ticks(str(SOL.price(ticks))) == ticks
    assert SOL.lots(SOL.size(lots)) == lots
    assert micro(money(amount)) == amount


@given(st.decimals(min_value="0.001", max_value="99.998", places=6))
def test_a_price_off_the_grid_names_its_neighbours(price: Decimal) -> None:
    if price % SOL.tick == 0:
        assert SOL.ticks(price) == price / SOL.tick
        return
    with pytest.raises(ValueError, match="no multiple") as caught:
        SOL.ticks(price)
    low, high = map(Decimal, str(caught.value).split("nearest: ")[1].split(" and "))
    assert low < price < high and high - low == SOL.tick
    assert SOL.price(SOL.ticks(low)) == low and SOL.price(SOL.ticks(high)) == high


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("150.001", "the price in SOL is 150.001, which has more than 5 significant figures; nearest: 150.000 and 150.010"),
        ("0.0004", "the price in SOL is 0.0004, which is no multiple of 0.001 USD; nearest: 0.001"),
        ("0", "the price in SOL is 0; the least is 0.001 USD"),
        ("-1", "the price in SOL is -1; the least is 0.001 USD"),
        ("-1.0004", "the price in SOL is -1.0004, which is no multiple of 0.001 USD; nearest: 0.001"),
        ("much", "the price in SOL is 'much', which is no number"),
        ("NaN", "the price in SOL is 'NaN', which is no finite number"),
        ("1e90", "the price in SOL is '1e90', which is out of range"),
    ],
)
def test_what_no_price_can_be(given: str, told: str) -> None:
    with pytest.raises(ValueError, match="price in SOL") as caught:
        SOL.ticks(given)
    assert str(caught.value) == told


@pytest.mark.parametrize("given", [150.5, True, None, b"150"])
def test_only_exact_numbers_are_taken(given: object) -> None:
    with pytest.raises(TypeError, match="wanted is a Decimal, a text or a whole number"):
        SOL.ticks(given)  # type: ignore[arg-type]


def test_a_float_is_shown_as_it_could_be_written() -> None:
    with pytest.raises(TypeError, match=r"write '0\.1' or Decimal\('0\.1'\)"):
        SOL.lots(0.1)  # type: ignore[arg-type]
