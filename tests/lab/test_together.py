"""Several venues in one run: one outside world, crowds of their own, and strategies that trade on both."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from followed_kit import archetype, calm, designs, falling, follow, own_class

from perplab.clients.bots.base import NOTHING, Seat, View
from perplab.clients.bots.basis import Basis, BasisTerms
from perplab.clients.bots.strategy import Desk, Orders, cheapest
from perplab.exchange.events import OrderPlaced, Traded
from perplab.exchange.journal import replay
from perplab.exchange.messages import KIND_COLUMN, Place, Side, column_of
from perplab.lab.archetypes.running import crowd_seed, followed
from perplab.lab.runs import Ints, Run
from perplab.lab.scenario import ScenarioError, load_scenario
from perplab.lab.simulation import run

MS = 10**6
TERMS = BasisTerms(position_usd=100_000.0, clip_usd=20_000.0, enter_bp=2.0, leave_bp=0.0, leverage=2.0)
BASIS = {"position_usd": 100_000.0, "clip_usd": 20_000.0, "enter_bp": 1.0, "leave_bp": 0.0, "leverage": 2.0}
PAIR = "book_fund_adl,perp_v1"


def orders(made: Run, name: str) -> Ints:
    """The orders of a strategy at a venue."""
    account = int(next(one.accounts[0] for one in made.cohorts if one.name == name))
    rows = made.events[made.events[:, KIND_COLUMN] == OrderPlaced.KIND]
    mine: Ints = rows[rows[:, column_of(OrderPlaced, "account")] == account]
    return mine


# -- one world --


@pytest.mark.parametrize("second", ["hyperliquid", "drift_v2"])
def test_the_first_of_two_venues_is_what_it_is_alone(second: str) -> None:
    """What is traded moves no price here, so the second venue is nothing to the first."""
    both = followed(designs(f"book_fund_adl,{second}"), calm(), 1)
    alone = run(designs("book_fund_adl")[0], calm(), 1)
    assert both.runs[0].state_hash == alone.state_hash
    assert both.runs[0].journal == alone.journal
    np.testing.assert_array_equal(both.runs[0].events, alone.events)
    np.testing.assert_array_equal(both.runs[0].book.effective_bp, alone.book.effective_bp)


def test_each_further_venue_has_a_crowd_of_its_own_at_the_same_true_price() -> None:
    one, other = followed(designs("book_fund_adl,book_fund_social"), calm(), 1).runs
    np.testing.assert_array_equal(one.path_usd, other.path_usd)
    assert (crowd_seed(1, 0), crowd_seed(1, 1)) == (1, crowd_seed(1, 1)) != (1, 1)
    taken = [rows[rows[:, KIND_COLUMN] == Traded.KIND][:, column_of(Traded, "ts")] for rows in (one.events, other.events)]
    assert not np.array_equal(*(each[:50] for each in taken))
    for made in (one, other):
        assert replay(made.journal).state_hash() == made.state_hash
        assert sum(made.balances.values()) == made.deposits - made.withdrawals


def test_what_is_traded_on_either_venue_moves_the_one_true_price() -> None:
    scenario = falling((0.2, 1.0), (0.6, 0.97), (1.0, 0.96), impact={"y": 1.0}, population={"accounts": 60})
    one, other = followed(designs("book_fund_adl,book_fund_social"), scenario, 1).runs
    alone = run(designs("book_fund_adl")[0], scenario, 1)
    np.testing.assert_array_equal(one.path_usd, other.path_usd)
    assert not np.array_equal(one.path_usd, alone.path_usd)
    assert one.state_hash != alone.state_hash
    again = followed(designs("book_fund_adl,book_fund_social"), scenario, 1).runs
    assert [made.state_hash for made in again] == [one.state_hash, other.state_hash]


def test_whoever_looks_at_both_venues_all_the_time_changes_neither(tmp_path: Path) -> None:
    """A look carries out what has been gathered: how commands are cut into calls must not show, on any venue."""
    watch = "    places = 'two_venues'\n    def on_start(self, ts, views):\n        return IDLE, ts + STEP\n    on_wake = on_start\n"
    hashes = []
    for number, step in enumerate(("23_000_000", "59_000_000_000")):
        folder = tmp_path / str(number)
        folder.mkdir()
        made = follow(calm(), "hyperliquid,drift_v2", archetype("watch", own_class(folder, watch.replace("STEP", step))))
        hashes.append([one.state_hash for one in made.runs])
    assert hashes[0] == hashes[1]


def test_orders_to_each_venue_travel_as_long_as_it_is_far(tmp_path: Path) -> None:
    body = """    places = "two_venues"
    def on_start(self, ts, views):
        return IDLE, ts + 1_000_000_000
    def on_wake(self, ts, views):
        rows = [pack(Place(0, one.seat.account, 0, Side.BUY, view.bid - 100, 1)) for one, view in zip(self.desks, views)]
        return rows, None
"""
    mine = archetype("mine", own_class(tmp_path, body), at={"book_fund_social": {"orders_ms": 250, "capital_usd": 50_000.0}})
    made = follow(calm(), "book_fund_adl,book_fund_social", mine)
    arrived = [orders(one, "mine")[:, column_of(OrderPlaced, "ts")] - one.start_ts for one in made.runs]
    assert [each.tolist() for each in arrived] == [[1_030 * MS], [1_250 * MS]]
    assert [leg.opening_usd for leg in made.lines[0].legs] == [200_000.0, 50_000.0]
    assert [leg.venue for leg in made.lines[0].legs] == ["book_fund_adl", "book_fund_social"]


def test_what_needs_two_venues_is_refused_on_one_and_names_must_differ() -> None:
    with pytest.raises(ScenarioError, match=r"the archetype it .* needs two venues in one run, social_only given"):
        follow(calm(), "social_only", archetype("it", "basis", BASIS))
    venue = designs("social_only")[0]
    with pytest.raises(ScenarioError, match="social_only and social_only: expected venues of different names"):
        followed([venue, venue], calm(), 1)


def test_gas_is_paid_where_it_is_asked_for_and_is_in_the_line() -> None:
    """10 cents an order, on the second venue alone."""
    hedger = archetype("hedger", "hedger", {"book_usd": 50_000.0, "client_usd": 10_000.0, "client_s": 2.0, "band_usd": 15_000.0})
    made = follow(calm(), "book_fund_adl,book_fund_social", hedger, book_fund_social={"gas": {"place": 100_000}})
    (line,), sent = made.lines, [len(orders(one, "hedger")) for one in made.runs]
    assert [leg.gas_usd for leg in line.legs] == [0.0, pytest.approx(0.1 * sent[1])] and sent[1] > 5
    assert line.gas_usd == line.legs[1].gas_usd


# -- routing --


def test_an_order_goes_where_it_costs_least_all_told() -> None:
    usd = 20_000.0
    same = (view(100_000, 100_010), view(100_000, 100_010))
    better = (view(100_000, 100_010), view(100_015, 100_005))
    assert cheapest((desk(0), desk(1)), same, usd) == cheapest((desk(0), desk(1)), same, -usd) == 0, "the first of equals"
    assert cheapest((desk(0), desk(1)), better, usd) == cheapest((desk(0), desk(1)), better, -usd) == 1
    assert cheapest((desk(0), desk(1, fee_bp=3.0)), better, usd) == 0, "half a bp of price does not pay for one of fees"
    assert cheapest((desk(0), desk(1, gas_usd=1.0)), better, usd) == 1, "half a bp of gas on 20,000 USD does"
    assert cheapest((desk(0), desk(1, gas_usd=1.0)), better, usd / 10) == 0
    assert cheapest((desk(0), desk(1)), (view(0, 0), same[1]), usd) == 1, "where somebody sells"
    assert cheapest((desk(0), desk(1)), (view(0, 0), view(0, 0)), usd) == 0


def test_a_hedge_goes_to_the_cheaper_venue() -> None:
    hedger = archetype("hedger", "hedger", {"book_usd": 50_000.0, "client_usd": 10_000.0, "client_s": 2.0, "band_usd": 15_000.0})
    dear = {"markets": {"taker_fee_ppb": 2_000_000}}
    made = follow(calm(), "book_fund_adl,book_fund_social", hedger, book_fund_adl=dear)
    (line,) = made.lines
    assert line.legs[0].trades == 0 < line.legs[1].trades


# -- the basis trade: its decisions --


def desk(number: int, fee_bp: float = 2.0, gas_usd: float = 0.0, lot: float = 0.001) -> Desk:
    seat = Seat(number, 0, round(lot * 10**6))
    return Desk(seat, f"venue{number}", "first", False, 1.0, lot, fee_bp, gas_usd, 1.0, 80 * MS)


def view(bid: int, ask: int, size: int = 0, waiting: int = 0, equity: int = 10**12) -> View:
    return View(bid, ask, bid, bid, bid, float(bid), size, equity, 0, (), waiting)


def decided(first: View, second: View, *desks: Desk, strategy: Basis | None = None, ts: int = 10**9) -> list[tuple[Side, int, int]]:
    """What it sends to each desk: side, lots and limit, (BUY, 0, 0) for nothing."""
    rows, when = asked(first, second, strategy or Basis(desks or (desk(0), desk(1)), TERMS), ts)
    assert when is not None and when > ts
    found = []
    for each in rows or (NOTHING, NOTHING):
        assert len(each) <= 1
        row = each[0] if len(each) else np.zeros(16, np.int64)
        found.append((Side(row[column_of(Place, "side")]), int(row[column_of(Place, "size")]), int(row[column_of(Place, "price")])))
    return found


def asked(first: View, second: View, strategy: Basis, ts: int) -> Orders:
    return strategy.on_wake(ts, (first, second))


IDLE = [(Side.BUY, 0, 0), (Side.BUY, 0, 0)]


def test_it_enters_where_the_gap_pays_for_all_orders_and_what_it_wants() -> None:
    """Fees of 2 bp at each of four orders, and 2 bp besides: 10 bp, of 100,000 USD."""
    assert decided(view(99_990, 100_000), view(100_099, 100_110)) == IDLE
    assert decided(view(99_990, 100_000), view(100_101, 100_110)) == [(Side.BUY, 200, 100_050), (Side.SELL, 200, 100_051)]
    assert decided(view(100_101, 100_110), view(99_990, 100_000)) == [(Side.SELL, 200, 100_051), (Side.BUY, 200, 100_050)]


def test_gas_and_fees_of_both_venues_count() -> None:
    """8 USD of gas on a clip of 20,000 is 4 bp an order: 8 bp more for two of them."""
    with_gas = desk(1, gas_usd=8.0)
    assert decided(view(99_990, 100_000), view(100_179, 100_190), desk(0), with_gas) == IDLE
    assert decided(view(99_990, 100_000), view(100_181, 100_190), desk(0), with_gas) != IDLE
    assert decided(view(99_990, 100_000), view(100_101, 100_110), desk(0), desk(1, fee_bp=3.0)) == IDLE


def test_it_leaves_when_what_it_fetches_meets_what_it_costs() -> None:
    assert decided(view(100_000, 100_001, 100), view(100_010, 100_011, -100)) == IDLE
    closed = decided(view(100_011, 100_012, 100), view(100_010, 100_011, -100))
    assert closed == [(Side.SELL, 100, 99_961), (Side.BUY, 100, 100_061)]


def test_a_leg_that_was_not_filled_takes_the_other_one_down() -> None:
    assert decided(view(100_000, 100_001, 200), view(100_000, 100_001, -50))[0][:2] == (Side.SELL, 150)
    assert decided(view(100_000, 100_001, 0), view(100_000, 100_001, -50))[1][:2] == (Side.BUY, 50)
    assert decided(view(100_000, 100_001, 200), view(100_010, 100_011, -200)) == IDLE


def test_it_waits_until_it_knows_what_became_of_its_orders() -> None:
    strategy, gap = Basis((desk(0), desk(1)), TERMS), (view(99_990, 100_000), view(100_101, 100_110))
    assert decided(*gap, strategy=strategy) != IDLE
    assert decided(*gap, strategy=strategy, ts=10**9 + 80 * MS) == IDLE
    assert decided(*gap, strategy=strategy, ts=10**9 + 81 * MS) != IDLE
    assert decided(view(99_990, 100_000, waiting=1), gap[1]) == IDLE
    assert decided(view(0, 100_000), gap[1]) == IDLE, "nobody buys there"


def test_a_leg_is_no_larger_than_its_account_carries_nor_than_it_was_told() -> None:
    poor = view(100_101, 100_110, equity=5_000 * 10**6)
    assert decided(view(99_990, 100_000), poor)[0][:2] == (Side.BUY, 99), "10,000 USD, at the ask"
    assert decided(view(99_990, 100_000, 990), view(100_101, 100_110, -990))[0][:2] == (Side.BUY, 8)
    coarse = desk(1, lot=0.15)
    assert decided(view(99_990, 100_000), view(100_101, 100_110), desk(0), coarse) == [(Side.BUY, 150, 100_050), (Side.SELL, 1, 100_051)]


# -- and in a run --


def test_the_basis_trade_holds_opposite_legs_and_pays_on_both_venues() -> None:
    made = follow(falling((0.5, 1.0), (1.0, 0.97), (2.0, 0.97)), PAIR, archetype("basis", "basis", BASIS))
    (line,) = made.lines
    assert line.venues == ("book_fund_adl", "perp_v1") and line.trades >= 4
    assert all(leg.trades and leg.fees_usd > 0 for leg in line.legs)
    signed = []
    for one in made.runs:
        rows = orders(one, "basis")
        signed.append(set(rows[:1, column_of(OrderPlaced, "side")].tolist()))
    assert signed[0] != signed[1]
    closing = [int(one.closing_size[int(next(c.accounts[0] for c in one.cohorts if c.name == "basis"))]) for one in made.runs]
    lots = [one.terms.lot for one in made.runs]
    assert abs(closing[0] * lots[0] + closing[1] * lots[1]) < 0.2
    assert line.pnl_usd == pytest.approx(line.price_usd - line.fees_usd - line.funding_usd - line.gas_usd)


# -- as the page tells it --


def test_the_page_s_own_strategy_and_table_do_what_it_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "archetypes.md").read_text(encoding="utf-8")
    (table,), (code,) = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("toml", "python"))
    (tmp_path / "mine.toml").write_text(table, encoding="utf-8")
    (own,) = load_scenario(str(tmp_path / "mine.toml")).archetypes
    assert own.way("hyperliquid") == (50, 200, 1_000_000.0) and own.way("portfolio") == (50, 30, 500_000.0)
    (tmp_path / "cheap.py").write_text(code, encoding="utf-8")
    mine = archetype("cheap", f"{tmp_path / 'cheap.py'}:BuyWhereItIsCheap")
    (line,) = follow(calm(), "book_fund_adl,book_fund_social", mine).lines
    assert sorted(leg.trades > 0 for leg in line.legs) == [False, True]
    assert line.fees_usd == pytest.approx(0.1 * 120_000 * 4.5e-4, rel=0.01)
