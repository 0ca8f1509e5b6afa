"""The population: exact balance, the drawn shape at every size, money that covers what its own margin tiers ask, keyed draws."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pytest

from perplab.lab.population import DIRECTIONAL, HEDGERS, LONGS, Scale, Traders, populate
from perplab.lab.scenario import Scenario, ScenarioError, load_scenario

UNIT = 1000  # [micro] of a dollar x a thousandth of a coin, the steps of oct10
FIRST = 116_848  # [USD] rounded first price of oct10


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario("oct10")


@pytest.fixture(scope="module")
def traders(scenario: Scenario) -> Traders:
    return populate(scenario, seed=1)


@pytest.mark.parametrize("accounts", [12, 13, 100, 997, 5000])
@pytest.mark.parametrize("seed", [1, 2])
def test_longs_equal_shorts_and_the_open_interest(scenario: Scenario, accounts: int, seed: int) -> None:
    drawn = populate(scenario, seed, accounts)
    assert drawn.lots.size == drawn.group.size == drawn.deposit.size == accounts
    assert int(drawn.lots.sum()) == 0
    assert (drawn.lots[drawn.group == LONGS] > 0).all()
    assert (drawn.lots[drawn.group != LONGS] < 0).all()
    one_side = int(np.abs(drawn.lots).sum()) // 2 * FIRST * UNIT / 1e6
    assert one_side == pytest.approx(scenario.open_interest_usd, abs=FIRST * UNIT / 1e6), "to a lot, at any number of accounts"


def test_hedgers_hold_their_share(scenario: Scenario, traders: Traders) -> None:
    shorts = -int(traders.lots[traders.group != LONGS].sum())
    hedged = -int(traders.lots[traders.group == HEDGERS].sum())
    assert hedged / shorts == pytest.approx(scenario.population.hedger_open_interest, abs=1e-6)


def test_leverage_has_the_stated_shape(scenario: Scenario, traders: Traders) -> None:
    who = scenario.population
    longs, hedgers = traders.leverage[traders.group == LONGS], traders.leverage[traders.group == HEDGERS]
    assert np.median(longs) == pytest.approx(who.long_leverage, rel=0.01)
    assert longs.max() == who.leverage_cap
    assert hedgers.min() == pytest.approx(who.hedger_leverage[0], abs=0.01)
    assert hedgers.max() == pytest.approx(who.hedger_leverage[1], abs=0.01)


def test_strata_make_small_populations_alike(scenario: Scenario) -> None:
    """The leverages of two seeds are the same numbers; who has which differs."""
    one, two = (populate(scenario, seed, 300) for seed in (1, 2))
    longs = one.group == LONGS
    np.testing.assert_allclose(np.sort(one.leverage[longs]), np.sort(two.leverage[longs]))
    assert not np.array_equal(one.leverage, two.leverage)


def test_no_account_is_larger_than_allowed(scenario: Scenario, traders: Traders) -> None:
    for group in (LONGS, HEDGERS, DIRECTIONAL):
        lots = np.abs(traders.lots[traders.group == group])
        who = scenario.population
        allowed = who.long_largest_share if group == LONGS else who.short_largest_share
        assert lots.max() / lots.sum() <= allowed * 1.001
        assert np.sort(lots)[-lots.size // 100 :].sum() > 0.2 * lots.sum(), "concentrated: one percent holds a fifth and more"


def test_large_longs_are_less_levered(scenario: Scenario, traders: Traders) -> None:
    longs = traders.group == LONGS
    size, leverage = np.argsort(np.argsort(traders.lots[longs])), np.argsort(np.argsort(traders.leverage[longs]))
    rho = float(np.corrcoef(size, leverage)[0, 1])
    assert rho == pytest.approx(scenario.population.size_leverage, abs=0.05)


def test_trades_make_the_positions(scenario: Scenario, traders: Traders) -> None:
    buyers, sellers, lots, prices = traders.trades.T
    held = np.zeros(traders.lots.size, dtype=np.int64)
    np.add.at(held, buyers, lots)
    np.subtract.at(held, sellers, lots)
    np.testing.assert_array_equal(held, traders.lots)
    low, high = scenario.population.entry
    assert (lots > 0).all()
    assert prices.min() >= low * FIRST - 1 and prices.max() <= high * FIRST + 1


def test_deposits_cover_initial_margin_after_every_trade(traders: Traders) -> None:
    """Replayed in exact integers, as a venue with the tiers of the scenario will see it."""
    size, profit = [0] * traders.lots.size, [0] * traders.lots.size
    for buyer, seller, lots, price in traders.trades.tolist():
        for account, sign in ((buyer, 1), (seller, -1)):
            size[account] += lots
            profit[account] += sign * lots * (FIRST - price) * UNIT
            notional = size[account] * FIRST * UNIT
            needed = max(-(-notional // 40), -(-notional // 20) - 150_000_000_000_000 // 40)
            assert int(traders.deposit[account]) + profit[account] >= needed


def test_equity_is_notional_over_leverage(traders: Traders) -> None:
    profit = np.zeros(traders.lots.size)
    buyers, sellers, lots, prices = traders.trades.T
    gain = lots * (FIRST - prices) * UNIT
    np.add.at(profit, buyers, gain)
    np.subtract.at(profit, sellers, gain)
    notional = np.abs(traders.lots) * FIRST * UNIT
    actual = notional / (traders.deposit + profit)
    assert (actual <= traders.leverage * 1.0001).all(), "never more levered than drawn"
    large = notional > 1e9
    exact = np.isclose(actual, traders.leverage, rtol=1e-3)[large]
    assert exact.mean() > 0.9, "less only where margin or a profitable entry asks for more"


def test_some_add_margin_most_do_not(scenario: Scenario, traders: Traders) -> None:
    able = int((traders.group != HEDGERS).sum())
    assert traders.adders.account.size == round(scenario.population.adders * able)
    assert (traders.group[traders.adders.account] != HEDGERS).all()
    assert (traders.adders.amount > 0).all()
    assert (traders.adders.phase_ns < traders.adders.interval_ns).all()


def test_the_same_seed_is_the_same_population(scenario: Scenario, traders: Traders) -> None:
    again = populate(scenario, seed=1)
    np.testing.assert_array_equal(again.trades, traders.trades)
    np.testing.assert_array_equal(again.deposit, traders.deposit)


def test_other_agents_change_nothing(scenario: Scenario, traders: Traders) -> None:
    more = scenario.override({"makers": {"count": 3}, "momentum": {"count": 9}, "noise": {"accounts": 41}})
    again = populate(more, seed=1)
    np.testing.assert_array_equal(again.trades, traders.trades)
    np.testing.assert_array_equal(again.deposit, traders.deposit)


def test_an_open_interest_of_less_than_a_lot_per_account_is_refused() -> None:
    scenario = load_scenario("oct10").override({"population": {"open_interest_over_depth": 0.001, "accounts": 10_000}})
    with pytest.raises(ScenarioError, match=r"lots of open interest for \d+ accounts, expected one lot each"):
        populate(scenario, 1)


@pytest.mark.parametrize(
    ("usd", "coins", "step"),
    [
        (116_847.87, "0.001", "1"),
        (100_000.0, "0.001", "1"),
        (2_500.0, "0.01", "0.01"),
        (200.0, "1", "0.001"),
        (5.4, "10", "0.00001"),
        (1e-5, "1E+7", "1E-10"),
    ],
)
def test_steps_of_size_and_price_follow_the_starting_price(usd: float, coins: str, step: str) -> None:
    scale = Scale.of(usd)
    assert (scale.coins, scale.usd) == (Decimal(coins), Decimal(step))
    assert 20 <= usd * float(scale.coins) <= 200
    assert scale.unit in (100, 1000)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"margin_tiers": [[1.0, 40.0]]}, "margin_tiers: [[1.0, 40.0]] given, expected [notional, leverage] pairs, the first from 0 on"),
        ({"margin_tiers": [[0.0, 40.0], [1e6, 50.0]]}, "given, expected [notional, leverage] pairs, the first from 0 on, notionals rising"),
        ({"margin_tiers": []}, "population.margin_tiers is []: expected `array` of length >= 1"),
        ({"hedger_open_interest": 1.0}, "hedger_open_interest: 1.0 given, expected more than 0 and less than 1: hedgers and directional"),
        ({"hedger_open_interest": 1.2}, "population.hedger_open_interest is 1.2: expected `float` <= 1.0"),
    ],
)
def test_shorts_beyond_longs_and_tiers_that_are_none_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(said)):
        load_scenario("oct10").override({"population": changes})
