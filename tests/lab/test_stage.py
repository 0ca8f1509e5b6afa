"""What is settled before a run: drawn once for all designs on a scenario and seed, and nobody can change it for the next."""

from __future__ import annotations

import numpy as np
import pytest

from perplab.exchange.design.venue import load_venue
from perplab.lab import stage
from perplab.lab.comparison.jobs import Job, longest_first
from perplab.lab.scenario import load_scenario
from perplab.lab.stage import drawn, set_stage

ACCOUNTS = 60


def test_designs_share_what_is_drawn_and_come_to_the_same_as_alone() -> None:
    scenario = load_scenario("flash")
    set_stage(load_venue("book_fund_adl"), scenario, 1, ACCOUNTS)
    shared = set_stage(load_venue("auction_fund_adl"), scenario, 1, ACCOUNTS)
    stage._LATEST.clear()
    alone = set_stage(load_venue("auction_fund_adl"), scenario, 1, ACCOUNTS)
    assert np.array_equal(shared.opening, alone.opening)
    assert np.array_equal(shared.exogenous, alone.exogenous)
    assert shared.path is not alone.path
    assert set_stage(load_venue("social_only"), scenario, 1, ACCOUNTS).path is alone.path


def test_a_scenario_with_faults_of_its_own_terms_shares_too() -> None:
    late = {"class": "oracle_delayed", "at_s": 1.0, "until_s": 9.0, "terms": {"by_s": 3.0}}
    first, second = (load_scenario("flash").override({"faults": [late]}) for _ in range(2))
    assert set_stage(load_venue("book_fund_adl"), first, 1, ACCOUNTS).path is set_stage(load_venue("social_only"), second, 1, ACCOUNTS).path


def test_what_is_shared_is_read_only() -> None:
    path, flows, traders = drawn(load_scenario("flash"), 1, ACCOUNTS, 0.001, 0.1)
    for array in (path.prices, flows[0].lots, traders.deposit, traders.adders.amount):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_auctions_are_handed_out_first_and_the_rest_in_order() -> None:
    scenario = load_scenario("flash")
    names = ("book_fund_adl", "auction_fund_adl", "social_only", "auction_fund_social")
    jobs = [Job(load_venue(name), scenario, 1, None) for name in names]
    assert longest_first(jobs) == [1, 3, 0, 2]
