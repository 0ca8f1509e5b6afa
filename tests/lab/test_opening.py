"""The same people with the same money on every design; what a design's margin rules let them open; longs equal to shorts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perplab.clients.bots.base import pack
from perplab.exchange import VenueDesign, compared_venues, load_venue, shipped_venues
from perplab.exchange.messages import TS_COLUMN, BlockTrade, Deposit, UpdateOracle, column_of
from perplab.exchange.units import MICRO, PPM
from perplab.lab.opening import Terms, granted_shares, opened, terms_of
from perplab.lab.population import Traders, populate
from perplab.lab.runs import Ints
from perplab.lab.scenario import ScenarioError, load_scenario
from perplab.lab.simulation import Simulation, run
from perplab.lab.stage import set_stage, with_capital

ACCOUNTS = 60
MARK = 116_848  # [ticks] where oct10 begins


@cache
def traders(accounts: int = 5000, seed: int = 1) -> Traders:
    return populate(load_scenario("oct10"), seed, accounts)


def stricter(factor: int) -> VenueDesign:
    """book_fund_adl with every initial margin a multiple of what it is."""
    market = load_venue("book_fund_adl").to_tree()["markets"][0]  # type: ignore[index]
    tiers = [{**tier, "initial_margin_ppm": factor * tier["initial_margin_ppm"]} for tier in market["tiers"]]
    return load_venue("book_fund_adl", {"markets": {"tiers": tiers, "max_leverage": 40 // factor}})


def rows_of(venue: VenueDesign, command: type[Deposit] | type[BlockTrade]) -> Ints:
    stage = set_stage(with_capital(venue, 5e6), load_scenario("calm"), 1, ACCOUNTS)
    rows: Ints = stage.opening[stage.opening[:, 0] == command.KIND]
    return rows


def test_the_designs_of_the_table_start_with_the_same_money_and_positions() -> None:
    """To the cent: agents, population, fund or vault."""
    first = [rows_of(load_venue(compared_venues()[0]), kind) for kind in (Deposit, BlockTrade)]
    for name in compared_venues():
        venue = load_venue(name)
        for kind, expected in zip((Deposit, BlockTrade), first, strict=True):
            np.testing.assert_array_equal(rows_of(venue, kind), expected)
        _, granted = opened(traders(), terms_of(venue))
        assert granted.accounts_cut == 0 and granted.granted == granted.wanted > 0
        capital = with_capital(venue, 5e6)
        assert capital.insurance_fund.capital + capital.vault.capital == (5_000_000 if name != "social_only" else 0)


@pytest.mark.parametrize("name", shipped_venues())
def test_nobody_brings_another_deposit_because_of_a_design(name: str) -> None:
    np.testing.assert_array_equal(rows_of(load_venue(name), Deposit), rows_of(load_venue("book_fund_adl"), Deposit))


def test_twice_the_initial_margin_changes_no_deposit_and_cuts_positions() -> None:
    """It used to make the same people 47 million USD richer."""
    strict, plain = stricter(2), load_venue("book_fund_adl")
    np.testing.assert_array_equal(rows_of(strict, Deposit), rows_of(plain, Deposit))
    _, granted = opened(traders(), terms_of(strict))
    assert granted.accounts_cut > 1000
    assert 0.9 * granted.wanted < granted.granted < granted.wanted
    least = [opened(traders(), terms_of(stricter(factor)))[1].granted for factor in (1, 2, 4, 8)]
    assert least == sorted(least, reverse=True)


@pytest.mark.parametrize("name", ["perp_v1", "synthetix_v3", "drift_v2"])
def test_a_run_says_what_was_granted_and_nobody_begins_below_maintenance(name: str) -> None:
    venue = load_venue(name)
    path = load_scenario("flash").path
    short = load_scenario("flash").override({"path": {"bars": path.bars[:1], "watch_from": None}, "noise": {"accounts": 0}})  # type: ignore[union-attr]
    made = run(venue, short, 1, accounts=ACCOUNTS)
    assert 0 < made.granted.accounts_cut <= made.granted.accounts == ACCOUNTS
    held = int(np.maximum(made.opening_size, 0).sum())
    assert int(made.opening_size.sum()) == 0
    assert made.granted.granted == held * round(short.path.first_usd) * made.terms.unit < made.granted.wanted
    tiers = venue.markets[0].tiers
    lots = np.abs(made.opening_size)
    least = lots * round(short.path.first_usd) * made.terms.unit / PPM * tiers[0].maintenance_margin_ppm
    assert (made.opening_equity[lots > 0] >= least[lots > 0]).all()


def test_a_start_below_maintenance_is_refused() -> None:
    """What no rule of this package foresees: positions that the venue took and can liquidate at once."""
    venue, scenario = load_venue("social_only"), load_scenario("calm")
    stage = set_stage(venue, scenario, 1, ACCOUNTS)
    fall = pack(UpdateOracle(int(stage.opening[0, TS_COLUMN]), 0, 110_000, 110_000))
    with pytest.raises(ScenarioError, match=r"cannot begin on social_only: longs/\d+ has -?[\d,.]+ USD of equity, expected"):
        Simulation(venue, scenario, replace(stage, opening=np.concatenate([stage.opening, fall]))).play(None)


def test_lots_and_ticks_of_a_venue_round_the_line_of_trades() -> None:
    """A coarser venue: nothing of the open interest is lost but a part of a lot, and both sides stay equal."""
    fine = terms_of(load_venue("book_fund_adl"))
    coarse = Terms(Decimal("7"), Decimal("0.03"), 40, fine.lower, fine.initial_ppm, fine.deduction)
    trades, granted = opened(traders(300), coarse)
    assert (trades[:, 2] > 0).all()
    wanted = int(traders(300).trades[:, 2].sum()) // 30
    assert granted.wanted == wanted * round(load_scenario("oct10").path.first_usd / 7) * coarse.unit
    assert np.abs(trades[:, 3] * 7 - MARK * 1.0415).max() < MARK * 0.02
    assert granted.granted > 0.999 * granted.wanted


def exact(trades: Ints, lots: Ints, deposit: Ints, terms: Terms, mark: int) -> list[int]:
    """Least free margin of each account over its trades, replayed in Python's integers as the core does it."""
    tiers = list(zip(terms.lower.tolist(), terms.initial_ppm.tolist(), terms.deduction.tolist(), strict=True))
    size, equity, free = [0] * deposit.size, deposit.tolist(), deposit.tolist()
    for (buyer, seller, _, price), lot in zip(trades.tolist(), lots.tolist(), strict=True):
        for account, sign in ((buyer, 1), (seller, -1)):
            size[account] += lot
            equity[account] += sign * lot * (mark - price) * terms.unit
            notional = size[account] * mark * terms.unit
            rate, less = [(rate, less) for lower, rate, less in tiers if notional >= lower][-1]
            needed = max(-(-notional // terms.max_leverage), -(-notional * rate // PPM) - less)
            free[account] = min(free[account], equity[account] - needed)
    return free


TIERS = Terms(
    Decimal(1), Decimal("0.001"), 30, np.array([0, 2_000_000 * MICRO]), np.array([40_000, 90_000]), np.array([0, 2_000_000 * 50_000])
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_shares_are_within_the_rules_and_none_could_be_larger_alone(data: st.DataObject) -> None:
    """Profits and losses mixed, any deposits: exact after every trade; one share more, the others as they are, breaks a rule."""
    buyers = data.draw(st.integers(1, 4))
    sellers = data.draw(st.integers(1, 4))
    cuts = sorted(data.draw(st.lists(st.integers(1, 40_000), min_size=6, max_size=6, unique=True)))
    edges = np.array(cuts)
    buyer, seller = np.arange(6) * buyers // 6, buyers + np.arange(6) * sellers // 6
    price = data.draw(st.lists(st.integers(80_000, 150_000), min_size=6, max_size=6))
    trades = np.stack([buyer, seller, np.diff(edges, prepend=0), price], axis=1)
    deposit = np.array(data.draw(st.lists(st.integers(0, 10**12), min_size=buyers + sellers, max_size=buyers + sellers)))
    share = granted_shares(trades, deposit, TIERS, MARK)
    assert ((share >= 0) & (share <= PPM)).all()
    lots = trades[:, 2] * np.minimum(share[buyer], share[seller]) // PPM
    assert min(exact(trades, lots, deposit, TIERS, MARK)) >= 0
    np.testing.assert_array_equal(granted_shares(trades, np.full(deposit.size, 10**15), TIERS, MARK), np.full(deposit.size, PPM))


def test_one_account_is_cut_to_the_last_millionth() -> None:
    """1 BTC at the mark for 4,000 USD at 40 x 1e-3 margin and 30x leverage: the larger of 4 % and 1/30."""
    trades = np.array([[0, 1, 1_000, MARK]])
    share = granted_shares(trades, np.array([4_000 * MICRO, 10**12]), TIERS, MARK)
    needed = MARK * MICRO * 4 // 100
    assert share[1] == PPM
    lots = 1_000 * int(share[0]) // PPM
    assert lots * needed <= 4_000 * MICRO * 1_000 < (lots + 1) * needed


def test_the_deposit_column_is_the_amount() -> None:
    rows = rows_of(load_venue("book_fund_adl"), Deposit)
    population = populate(load_scenario("calm"), 1, ACCOUNTS)
    assert rows[-ACCOUNTS:, column_of(Deposit, "amount")].tolist() == population.deposit.tolist()
