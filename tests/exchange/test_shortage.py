"""The step that closes what makes an account whole: how much, how far from the oracle, and as time passes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import SECOND, Bench, markets_of, named, usd

from perplab.exchange.codes import Side
from perplab.exchange.liquidation.shortage import lots_to_cover, ramped_fee, share_to_close

PPM = 10**6
AT_ONCE = {"initial_ppm": PPM, "duration_ms": 0, "buffer_ppm": 0, "fee_ppm": 0, "highest_fee_ppm": 0}


def venue(**said: int) -> Bench:
    """Maintenance 5 %, prices in USD, lots of a coin; the market has no fees."""
    liquidation = {"steps": ["cover_shortage"], "cover_shortage": {**AT_ONCE, "patience_ms": 600_000, **said}}
    return Bench(markets_of({}, liquidation=liquidation))


def below_maintenance(bench: Bench) -> tuple[int, int]:
    """A long of 100 from 1,000 with 10,000 behind it, and someone who buys. At an oracle of 940 it has 4,000, of 4,700."""
    trader, other = bench.open(10_000), bench.open(1_000_000)
    bench.oracle(1_000)
    bench.block(trader, other, 100, 1_000)
    return trader, other


def test_it_closes_what_makes_the_account_whole_and_no_more() -> None:
    bench = venue()
    trader, other = below_maintenance(bench)
    bench.place(other, Side.BUY, 100, 940)
    (closed,) = named(bench.oracle(940), "Liquidated")
    assert closed.size == 15  # 700 are missing, a lot frees 47
    assert bench.exchange.equity(trader) >= bench.exchange.maintenance_margin(trader) >= bench.exchange.equity(trader) - usd(47)
    assert bench.exchange.position(trader, 0).size == 85


def test_a_buffer_and_a_fee_close_more() -> None:
    plain, buffered, with_fee = venue(), venue(buffer_ppm=20_000), venue(fee_ppm=10_000, highest_fee_ppm=10_000)
    sizes = []
    for bench in (plain, buffered, with_fee):
        _, other = below_maintenance(bench)
        bench.place(other, Side.BUY, 100, 940)
        (closed,) = named(bench.oracle(940), "Liquidated")
        sizes.append(closed.size)
    assert sizes == [15, 17, 19]  # 794 of 47.94 a lot; 700 of 37.6


def test_it_trades_no_further_than_the_fee_from_the_oracle() -> None:
    bench = venue(fee_ppm=10_000, highest_fee_ppm=20_000, grace_ms=10_000, slot_ms=1_000, per_slot_ppm=500)
    _, other = below_maintenance(bench)
    bench.place(other, Side.BUY, 100, 924)
    assert not named(bench.oracle(940), "Liquidated")
    assert not [event for _ in range(14) for event in named(bench.later(1), "Liquidated")]  # at 14 s 1.7 %: 924.02
    (closed,) = named(bench.later(1), "Liquidated")  # at 15 s 1.75 %: 923.55
    assert closed.value == usd(924 * closed.size)


def test_the_share_of_the_position_grows_with_time() -> None:
    bench = venue(initial_ppm=50_000, duration_ms=100_000, small=0)
    _, other = below_maintenance(bench)
    bench.place(other, Side.BUY, 100, 940)
    first = named(bench.oracle(940), "Liquidated")
    then = [event for _ in range(3) for event in named(bench.later(1), "Liquidated")]
    assert [event.size for event in (*first, *then)] == [5, 6, 4]  # 5 %, 6 % of 95, and what is still missing


@given(st.integers(1, 10**15), st.integers(1, 10**9), st.integers(0, PPM), st.integers(0, PPM), st.integers(0, PPM))
def test_lots_to_cover_are_enough_and_one_fewer_is_not(shortage: int, worth: int, ratio: int, fee: int, fund_fee: int) -> None:
    lots = lots_to_cover(shortage, worth, PPM, ratio, fee, fund_fee, PPM)
    freed = Fraction(worth * (ratio - fee - fund_fee), PPM)
    if freed <= 0:
        assert lots == 0
    else:
        assert (lots - 1) * freed < shortage <= lots * freed


@pytest.mark.parametrize(("elapsed", "fee"), [(0, 100), (9, 100), (10, 110), (11, 111), (500, 400)])
def test_the_fee_stands_and_then_grows(elapsed: int, fee: int) -> None:
    assert ramped_fee(100, 400, elapsed * SECOND, 10 * SECOND, 1, SECOND) == fee


def test_a_small_shortage_is_covered_at_once() -> None:
    assert share_to_close(49, 50, 100_000, 0, 1_000, PPM) == PPM
    assert share_to_close(50, 50, 100_000, 0, 1_000, PPM) == 100_000
    assert share_to_close(50, 50, 100_000, 450, 1_000, PPM) == 550_000
    assert share_to_close(50, 50, 100_000, 5_000, 1_000, PPM) == PPM


def test_a_short_is_covered_from_the_other_side() -> None:
    bench = venue()
    trader, other = bench.open(10_000), bench.open(1_000_000)
    bench.oracle(1_000)
    bench.block(other, trader, 100, 1_000)
    bench.place(other, Side.SELL, 100, 1_060)
    (closed,) = named(bench.oracle(1_060), "Liquidated")
    assert closed.size == -25  # 4,000 of 5,300: 1,300 are missing, a lot frees 53
    assert bench.exchange.position(trader, 0).size == -75
