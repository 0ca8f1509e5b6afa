"""One buying decision: how an appetite grows and shrinks, and that book and auction meet the same one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perplab.clients.bots.appetite import Appetite, Profile, Standing, Steps, appetite, bids_for, bounded, resting
from perplab.clients.bots.base import Floats, Offer, Seat
from perplab.exchange.messages import Place, Side, TakeAuction, column_of
from perplab.exchange.units import BP

USD = 10**6
SEAT = Seat(account=20, market=0, unit=1000)  # tick 1 USD, lot 0.001 coin
OUTSIDE = 100_000.0
STEPS = np.array([10.0, 20.0, 40.0])
PROFILE = Profile(STEPS, np.array([1e6, 2e6, 3e6]) * USD, np.array([1e6, 2e6, 3e6]) * USD, np.ones(3), 5.0, 3.0, 0.9, 0.5)
CALM = Standing(OUTSIDE, 0.0, 100e6 * USD, 0.0)

money = st.floats(0.0, 1e15)
sides = st.lists(money, min_size=1, max_size=6).map(np.array)


def usd(steps: Steps) -> list[float]:
    wanted: list[float] = (steps.money / USD).tolist()
    return wanted


def test_flat_and_calm_is_the_profile() -> None:
    now = appetite(PROFILE, CALM)
    assert now.fair == OUTSIDE
    assert usd(now.buy) == usd(now.sell) == [1e6, 2e6, 3e6]
    assert now.buy.edge_bp.tolist() == STEPS.tolist()


def test_edges_rise_with_volatility_and_amounts_fall() -> None:
    wild = appetite(PROFILE, replace(CALM, stress=1.0))
    assert wild.buy.edge_bp.tolist() == (3.0 * STEPS).tolist()
    np.testing.assert_allclose(wild.buy.money, 0.1 * PROFILE.buy)
    np.testing.assert_allclose(wild.sell.money, 0.5 * PROFILE.sell)


def test_whoever_is_long_asks_for_more_to_buy_and_less_to_sell() -> None:
    full = appetite(PROFILE, replace(CALM, held=100e6 * USD))
    assert full.fair == pytest.approx(OUTSIDE * (1.0 - 5.0 * BP))
    assert usd(full.buy) == [0.0, 0.0, 0.0], "no room"
    assert usd(full.sell) == [1e6, 2e6, 3e6]
    half = appetite(PROFILE, replace(CALM, held=97e6 * USD))
    assert sum(usd(half.buy)) == pytest.approx(3e6), "scaled down to what its capital carries"


def test_a_schedule_holds_so_much_at_each_edge() -> None:
    steps = replace(PROFILE, hold=np.array([0.01, 0.5, 1.0]))
    assert usd(appetite(steps, replace(CALM, held=2e6 * USD)).buy) == [0.0, 3e6, 3e6], "the first step is full, the next ones are not"


@given(sides, money)
def test_a_bound_is_kept_at_every_edge(wanted: Floats, most: float) -> None:
    room = np.linspace(0.0, most, wanted.size) if wanted.size > 1 else np.array([most])
    left = bounded(wanted, room)
    assert (left >= 0.0).all()
    assert (np.cumsum(left) <= room * (1.0 + 1e-9) + 1.0).all()
    assert left.sum() <= wanted.sum() * (1.0 + 1e-9) + 1.0


@given(sides, money)
def test_what_is_taken_goes_from_the_nearest_edge_on(wanted: Floats, taken: float) -> None:
    left = Steps(np.arange(wanted.size, dtype=float), wanted).less(taken).money
    assert (left >= 0.0).all()
    assert left.sum() == pytest.approx(max(0.0, wanted.sum() - taken), rel=1e-9, abs=1.0)
    touched = np.flatnonzero(left < wanted * (1.0 - 1e-9) - 1.0)
    assert (left[: touched[-1]] <= 1.0).all() if touched.size else True


def offer(edge_bp: float, lots: int, mark: int = 100_000) -> Offer:
    """An offer whose price is `edge_bp` better than OUTSIDE, whatever the mark is."""
    price = OUTSIDE * (1.0 - edge_bp * BP if lots > 0 else 1.0 + edge_bp * BP)
    return Offer(7, abs(lots) * mark * SEAT.unit, round((mark - price) * lots * SEAT.unit), lots)


@pytest.mark.parametrize("mark", [99_000, 100_000, 100_300])
@pytest.mark.parametrize(("edge_bp", "wanted"), [(9.0, 0.0), (10.0, 1e6), (39.0, 3e6), (40.0, 6e6)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_bid_is_for_what_the_book_would_be_offered_at_that_edge(sign: int, edge_bp: float, wanted: float, mark: int) -> None:
    """The edge counts from the true price: where the mark is stale, the gain against it is larger or smaller, and the decision the same."""
    now = appetite(PROFILE, CALM)
    bids, left = bids_for(SEAT, now, [offer(edge_bp, sign * 100_000, mark)], mark)
    rows = resting(SEAT, now)
    side = rows[:, column_of(Place, "side")] == int(Side.BUY if sign > 0 else Side.SELL)
    prices = rows[side, column_of(Place, "price")]
    near = sign * (OUTSIDE - prices) / OUTSIDE / BP <= edge_bp + 0.11  # quotes are rounded to a tick, 0.1 bp
    rests = float((rows[side, column_of(Place, "size")][near] * prices[near]).sum()) * SEAT.unit / USD
    taken = sum(bid.share_ppm for bid in bids) / 1e6 * 100_000 * OUTSIDE * SEAT.unit / USD
    assert taken == pytest.approx(wanted, rel=1e-4)
    assert rests == pytest.approx(wanted, rel=1e-3)
    assert sum(left.side(sign > 0).money) / USD == pytest.approx(6e6 - wanted, rel=1e-4), "what is bid for does not rest"
    assert usd(left.side(sign < 0)) == [1e6, 2e6, 3e6]


def test_a_bid_insists_on_the_edge_of_its_furthest_step() -> None:
    (bid,), _ = bids_for(SEAT, appetite(PROFILE, CALM), [offer(60.0, 25_000)], 100_000)
    assert bid == TakeAuction(0, 20, 7, 1_000_000, int(20.0 * BP * 2.5e6 * USD)), "2.5 M USD reach into the second step, 20 bp"


def test_an_edge_below_the_mark_is_taken_without_a_gain() -> None:
    """The mark is 1 % behind a price that rises: whoever takes a long at the mark, for no gain at all, has the edge."""
    (bid,), _ = bids_for(SEAT, appetite(PROFILE, CALM), [Offer(7, 99_000 * 1000 * 10_000, 0, 10_000)], 99_000)
    assert bid.share_ppm == 1_000_000
    assert bid.minimum_gain < 0


def test_money_is_spent_once_over_several_offers() -> None:
    now = Appetite(OUTSIDE, Steps(np.array([10.0]), np.array([1e6 * USD])), Steps(np.array([10.0]), np.array([1e6 * USD])))
    both = [replace(offer(30.0, 6_000), auction=1), replace(offer(20.0, 6_000), auction=2), replace(offer(25.0, -6_000), auction=3)]
    bids, _ = bids_for(SEAT, now, both, 100_000)
    assert [(bid.auction, bid.share_ppm) for bid in bids] == [(1, 1_000_000), (3, 1_000_000), (2, 666_666)]
