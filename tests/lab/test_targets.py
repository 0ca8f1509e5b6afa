"""Acceptance targets (docs/metrics.md) that runs of a few accounts can show, as controls.

A1, A2 and A4 need a crowd and the whole crash: `benchmarks/targets.py` has them.
"""

from __future__ import annotations

from functools import cache

import pytest
from msgspec import to_builtins
from test_controls import worst

from perplab.lab import Run, load_scenario, measure, run
from perplab.lab.metrics import Metrics
from perplab.lab.validation.measured import DEPTHS, lost_bp, order_of, with_depth

ACCOUNTS = 60
DESIGNS = ("book_fund_adl", "book_vault_adl")


@cache
def on_depth(venue: str, times: float) -> Run:
    """The worst five minutes of the crash with the book, and those who stand behind it, so many times as deep."""
    scenario = load_scenario("flash").override({"path": worst()})
    return run(venue, with_depth(scenario, times), accounts=ACCOUNTS)


@cache
def measured(venue: str, times: float = 1.0) -> Metrics:
    return measure(on_depth(venue, times))


@pytest.mark.parametrize("venue", DESIGNS)
def test_a3_and_a5_the_deleveraged_had_a_profit_and_came_last(venue: str) -> None:
    found = measured(venue).adl
    assert found.fills and found.in_profit_share is not None
    assert found.in_profit_share > 0.95 and found.order_violations == 0


@pytest.mark.parametrize("venue", DESIGNS)
def test_a6_a_queue_takes_most_from_somebody(venue: str) -> None:
    """On every snapshot. The two kinds of pro-rata come close where all entered at about one price: their order is in test_adl.py."""
    found = order_of(on_depth(venue, 1.0))
    assert found.passes and found.queue == found.passes
    assert all(queue > wealth for queue, _, wealth in found.haircuts)


def test_a8_the_same_people_have_the_same_positions_on_any_depth() -> None:
    thin, deep = (on_depth("book_fund_adl", times) for times in (DEPTHS[0], DEPTHS[-1]))
    people = [cohort.accounts for cohort in thin.cohorts if cohort.name in ("longs", "shorts", "hedgers")]
    assert people and all((thin.opening_size[each] == deep.opening_size[each]).all() for each in people)
    assert (thin.path_usd == deep.path_usd).all()


@pytest.mark.parametrize("venue", DESIGNS)
def test_a8_more_bad_debt_the_thinner_the_book(venue: str) -> None:
    """What positions lost since their entry, of which the target speaks, is hardly a matter of depth: see the script."""
    thin, shipped, deep = (lost_bp([measured(venue, times)])[2][0] for times in DEPTHS)
    assert thin > shipped > deep


def test_a9_one_source_that_is_off_liquidates_people_and_a_median_of_three_nobody() -> None:
    """On calm prices, so that the source is all that happens."""
    scenario = load_scenario("calm")
    off = {"class": "source_off", "at_s": 20.0, "terms": {"source": 0, "off_bp": -3000.0, "ramp_s": 60.0}}
    path: dict[str, object] = to_builtins(scenario.path)
    both = [scenario.override({"path": path | {"minutes": 2}, "oracle": {"sources": count}, "faults": [off]}) for count in (1, 3)]
    alone, median = (measure(run("book_vault_adl", one, accounts=ACCOUNTS)) for one in both)
    assert median.liquidation.accounts == 0 < alone.liquidation.accounts
    assert median.prices.mark_gap_bp is not None and alone.prices.mark_gap_bp is not None
    assert median.prices.mark_gap_bp < 100.0 and alone.prices.mark_gap_bp > 2500.0


def test_a10_fewer_trade_at_the_deepest_prices_where_makers_and_takers_withdraw() -> None:
    stay = {"makers": {"withdraw_bid": 0.0, "withdraw_ask": 0.0}, "noise": {"fade": 0.0}}
    staying = measure(run("book_vault_adl", load_scenario("flash").override({"path": worst(), **stay}), accounts=ACCOUNTS))
    shares = (measured("book_vault_adl").liquidity.deepest_minute_trades, staying.liquidity.deepest_minute_trades)
    assert shares[0] is not None and shares[1] is not None
    assert shares[0] < shares[1]
