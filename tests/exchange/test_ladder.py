"""The numbers of a ladder, against fractions and powers that are worked out another way."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from kit import BTC, Bench, plain_venue

from perplab.exchange.algos.ladders import client_of, lots_before, rung_price
from perplab.exchange.codes import Side, Spacing
from perplab.exchange.messages import OrderPlaced, PlaceLadder, Rejected

PRICES = st.integers(1, 2**32 - 1)
COUNTS = st.integers(2, 50)


@given(first=PRICES, last=PRICES, count=COUNTS, data=st.data())
def test_prices_are_exact_and_round_away_from_the_market(first: int, last: int, count: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, count - 1))
    steps = count - 1
    down, up = (rung_price(first, last, number, count, False, is_buy) for is_buy in (True, False))
    real = first + Fraction(last - first) * number / steps
    assert down <= real <= up and up - down == (real.denominator > 1)
    down, up = (rung_price(first, last, number, count, True, is_buy) for is_buy in (True, False))
    power = first ** (steps - number) * last**number
    assert down**steps <= power <= up**steps and up - down == (down**steps != power)
    assert min(first, last) <= down <= up <= max(first, last)


@given(size=st.integers(1, 2**40 - 1), count=COUNTS, skew_ppm=st.integers(10_000, 100_000_000))
def test_sizes_add_up_and_each_is_its_share_to_within_a_lot(size: int, count: int, skew_ppm: int) -> None:
    sums = [lots_before(size, number, count, skew_ppm) for number in range(count + 1)]
    lots = [after - before for before, after in pairwise(sums)]
    weights = [10**6 + Fraction(skew_ppm - 10**6) * number / (count - 1) for number in range(count)]
    assert sums[0] == 0 and sum(lots) == size
    assert all(abs(one - size * weight / sum(weights)) < 1 for one, weight in zip(lots, weights, strict=True))


@given(hi=st.integers(-(2**63), 2**63 - 1), lo=st.integers(-(2**63), 2**63 - 1), number=st.integers(0, 49))
def test_client_ids_follow_each_other_as_numbers_of_128_bits(hi: int, lo: int, number: int) -> None:
    def whole(pair: tuple[int, int]) -> int:
        return (pair[0] << 64 | pair[1] & (2**64 - 1)) & (2**128 - 1)

    found = client_of(hi, lo, number)
    assert all(-(2**63) <= half < 2**63 for half in found)
    after = whole((hi, lo)) + number
    assert whole(found) == (0 if hi == lo == 0 else after if after < 2**128 else after + 1 - 2**128)  # 0 is none


def test_a_ladder_whose_client_ids_begin_anew_changes_nothing_when_it_is_sent_again() -> None:
    bench = Bench(plain_venue())
    account = bench.open("200000")
    bench.oracle(1_000)
    for _ in range(3):
        bench.exchange.apply(PlaceLadder(bench.exchange.now, account, BTC, Side.BUY, 30, 900, 950, 3, client_hi=-1, client_lo=-2))
    assert len(bench.exchange.open_orders(account)) == 3


@given(
    side=st.sampled_from(Side), size=st.integers(1, 400), first=st.integers(1, 2_000), last=st.integers(1, 2_000), count=COUNTS,
    spacing=st.sampled_from(Spacing), skew_ppm=st.integers(10_000, 100_000_000), figures=st.sampled_from([0, 2, 3]),
)  # fmt: skip
def test_each_order_of_a_ladder_is_told_once_and_sizes_add_up(
    side: Side, size: int, first: int, last: int, count: int, spacing: Spacing, skew_ppm: int, figures: int
) -> None:
    bench = Bench(plain_venue({"markets": {"significant_figures": figures, "price_band_ppm": 500_000}}))
    account = bench.open("200000")
    bench.oracle(1_000)
    command = PlaceLadder(bench.exchange.now, account, BTC, side, size, first, last, count, spacing, skew_ppm)
    events = bench.exchange.apply(command)
    bench.exchange.check()
    if isinstance(events[0], Rejected):
        assert len(events) == 1 and (first == last or size < count * 101)
        return
    placed = [event for event in events if isinstance(event, OrderPlaced)]
    refused = [event for event in events if isinstance(event, Rejected)]
    assert len(events) == 1 + len(placed) + len(refused) == 1 + count
    assert sum(event.size for event in placed) <= size and (refused or sum(event.size for event in placed) == size)
    rising = [event.price for event in placed]
    assert rising == sorted(rising, reverse=first > last)
