"""Each shipped incident shows the mechanism that it is about, on a design that has it: played some times as fast, with few people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
import pytest
from test_own import rows_of, second

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.codes import SystemAccount
from perplab.exchange.design.reader import merged
from perplab.exchange.design.venue import design_of
from perplab.exchange.events import (
    AuctionStarted,
    AuctionTaken,
    Deleveraged,
    LiquidationStarted,
    LossSocialized,
    OrderPlaced,
    TakenOver,
    Withdrawn,
)
from perplab.exchange.units import MICRO
from perplab.lab import Run, Scenario, ScenarioError, load_scenario, run
from perplab.lab.paths import shape
from perplab.lab.scenario import BarsPath, KnotsPath, shipped

ACCOUNTS: Final = 40
FEW: Final[dict[str, object]] = {
    "makers": {"count": 1, "levels": 20},
    "noise": {"accounts": 0},
    "momentum": {"count": 0},
    "arbitrageurs": {"count": 0},
    "bidders": {"interval_ms": 5000},
}
TIMES: Final = ("at_s", "until_s", "half_s", "end_s", "ramp_s", "over_s", "back_s", "by_s")
FUND, VAULT = int(SystemAccount.INSURANCE_FUND), int(SystemAccount.VAULT)


def fast(name: str, by: float, **changes: object) -> Scenario:
    """A shipped scenario in which everything happens `by` times as fast."""
    scenario = load_scenario(name)

    def hurried(table: dict[str, object]) -> dict[str, object]:
        return {key: value / by if key in TIMES and isinstance(value, float | int) else value for key, value in table.items()}

    tree: dict[str, object] = {**FEW}
    for key, tables in (("faults", scenario.faults), ("agents", scenario.agents)):
        plain: Iterable[dict[str, object]] = [msgspec.to_builtins(table) for table in tables]
        tree[key] = [{**hurried(one), "terms": hurried(one["terms"])} for one in plain]  # type: ignore[arg-type]
    if isinstance(scenario.path, KnotsPath):
        tree["path"] = {"then": [[minutes / by, price] for minutes, price in scenario.path.then]}
    return scenario.override(merged(tree, changes))


def venue(name: str, **changes: object) -> VenueDesign:
    return design_of(merged(load_venue(name).to_tree(), changes), f"{name}.toml") if changes else load_venue(name)


def play(design: VenueDesign | str, scenario: Scenario, seed: int = 1) -> Run:
    return run(design, scenario, seed=seed, accounts=ACCOUNTS)


def count(made: Run, kind: type[msgspec.Struct]) -> int:
    return len(rows_of(made, kind)["ts"])  # type: ignore[arg-type]


def gained(made: Run, cohort: str) -> float:
    """What a cohort won, with what it took out. [USD]"""
    accounts = next(one.accounts for one in made.cohorts if one.name == cohort)
    out = sum(rows_of(made, Withdrawn, cohort)["amount"])
    return (int((made.closing_equity[accounts] - made.opening_equity[accounts]).sum()) + out) / MICRO


def vault_usd(made: Run) -> float:
    return float(made.closing_equity[VAULT] - made.opening_equity[VAULT]) / MICRO


# -- a vault --


def test_jelly_the_vault_takes_over_a_short_and_loses_more_the_higher_the_price_is_squeezed() -> None:
    scenario = fast("jelly", 4)
    whole = play("book_vault_adl", scenario)
    assert isinstance(scenario.path, KnotsPath)
    half = play("book_vault_adl", scenario.override({"path": {"then": [[m, p] for m, p in fast("jelly", 4).path.then[:3]]}}))  # type: ignore[union-attr]
    taken = rows_of(whole, TakenOver)
    short = next(cohort.accounts[0] for cohort in whole.cohorts if cohort.name == "short")
    assert short in taken["account"] and taken["size"][taken["account"].index(short)] < 0
    assert whole.closing_size[VAULT] < 0, "nobody sells to it"
    assert vault_usd(whole) < vault_usd(half) < -5e6
    assert gained(whole, "long_1") + gained(whole, "long_2") > 10e6
    assert count(whole, Deleveraged) == 0, "the vault lives, so nobody is deleveraged"


def test_eth_whale_the_margin_that_has_to_stay_decides_whether_the_vault_gets_the_position() -> None:
    was, now = (play(venue("book_vault_adl", transfer_margin_ppm=stays), fast("eth_whale", 4)) for stays in (0, 100_000))
    (whale,) = (cohort.accounts[0] for cohort in was.cohorts if cohort.name == "whale")
    assert rows_of(was, TakenOver)["account"].count(whale) == 1 and count(now, TakenOver) == 0
    assert was.withdrawals > 2 * now.withdrawals > 0
    assert vault_usd(was) < -1e6 and vault_usd(now) == 0.0


# -- the oracle --


def liquidated(name: str, sources: int, by: float) -> int:
    made = play("book_fund_adl", fast(name, by, oracle={"sources": sources}))
    return len(set(rows_of(made, LiquidationStarted)["account"]))


def test_deribit_glitch_a_bad_constituent_liquidates_where_the_price_did_not_move_and_a_median_does_not() -> None:
    prices = fast("deribit_glitch", 2).price(1).prices
    assert np.ptp(prices) < 0.01 * prices[0]
    assert liquidated("deribit_glitch", 1, 2) > 5
    assert liquidated("deribit_glitch", 3, 2) == 0


def test_avax_a_single_venue_liquidates_more_than_a_median_of_three() -> None:
    assert liquidated("avax_single_venue", 1, 2) > liquidated("avax_single_venue", 3, 2) > 0


def test_mango_paper_profit_is_taken_out_and_others_lose_it() -> None:
    made = play("book_fund_social", fast("mango", 8))
    out = sum(rows_of(made, Withdrawn, "pumper")["amount"]) / MICRO
    assert 50e6 < out <= 116e6
    assert gained(made, "pumper") + gained(made, "its_short") > 0.5 * out
    calm = play("book_fund_social", fast("mango", 8).override({"faults": []}))
    assert gained(calm, "pumper") < 1e6


# -- books and auctions --


def test_yfi_interest_grows_in_few_hands_and_the_fund_pays_for_their_fall() -> None:
    scenario = fast("yfi", 4)
    made = play("book_fund_adl", scenario)
    assert isinstance(scenario.path, KnotsPath)
    rising = [[m, p] for m, p in scenario.path.then if m <= 15 / 4]
    before = play("book_fund_adl", scenario.override({"path": {"then": rising}, "faults": []}))
    few = next(cohort.accounts for cohort in before.cohorts if cohort.name == "concentrated")
    held = before.closing_size[few].sum() / (np.abs(before.opening_size).sum() / 2)
    assert held > 20, "of what all others have"
    assert set(few.tolist()) <= set(rows_of(made, LiquidationStarted)["account"])
    assert made.closing_equity[FUND] < made.opening_equity[FUND] - MICRO * 1_000_000
    assert gained(made, "concentrated") < -4e6


def test_maker_lots_go_without_bidders_and_fund_and_holders_bear_the_loss() -> None:
    scenario = fast("maker_zero_bid", 9)
    gone, back = scenario.faults[1].at_s, scenario.faults[1].until_s
    assert back is not None
    waiting, taken, lost, shared = [], [], [], []
    for one in (scenario, scenario.override({"faults": []})):
        made = play("auction_fund_social", one)
        for events, found in ((AuctionStarted, waiting), (AuctionTaken, taken)):
            found.append(sum(gone + 1.0 < second(made, ts) < back for ts in rows_of(made, events)["ts"]))
        lost.append(int(made.opening_equity[FUND] - made.closing_equity[FUND]) / MICRO)
        shared.append(sum(rows_of(made, LossSocialized)["amount"]) / MICRO)
    assert waiting[0] > 3 and taken[0] == 0 < taken[1], "nobody bids, and without the faults somebody does"
    assert lost[0] == 5e6, "all of the fund"
    assert shared[0] > 1.5 * shared[1]


def test_luna_falls_on_and_uses_up_the_fund() -> None:
    scenario = fast("luna_like", 8)
    assert shape(scenario.price(1)).fall > 0.98 and shape(scenario.price(1)).regained < 0.01
    made = play("book_fund_adl", scenario)
    assert made.closing_equity[FUND] < 0.1 * made.opening_equity[FUND]
    assert count(made, Deleveraged) > 5
    longs = next(cohort.accounts for cohort in made.cohorts if cohort.name == "longs")
    assert (made.closing_size[longs] > 0).sum() < longs.size / 4


def test_march2020_nobody_sends_anything_once_the_venue_is_out_and_liquidations_meet_what_rests() -> None:
    path = load_scenario("march2020").path
    assert isinstance(path, BarsPath)
    assert (len(path.bars), path.first_usd) == (52, pytest.approx(116_847.87))
    assert min(bar[2] for bar in path.bars) / path.bars[0][0] == pytest.approx(3621.81 / 4478.74)
    bars: dict[str, object] = {**msgspec.to_builtins(path), "start": "2020-03-13T02:13:00Z", "bars": path.bars[24:30]}
    fault = {**msgspec.to_builtins(load_scenario("march2020").faults[0]), "at_s": 180.0}
    made = play("book_fund_adl", load_scenario("march2020").override({**FEW, "path": bars, "faults": [fault]}))
    sent = [second(made, ts) for ts in rows_of(made, OrderPlaced, "makers")["ts"]]
    assert max(sent) < 180.0 < 300.0 < second(made, made.end_ts)
    assert [at for ts in rows_of(made, LiquidationStarted)["ts"] if (at := second(made, ts)) > 180.0]


# -- a pool that fills at the oracle price --


def test_gmx_round_trips_win_what_the_pool_loses_and_a_cap_bounds_it() -> None:
    scenario = fast("gmx_avax", 2)
    free, capped = (play(venue("gmx_v2", markets=[market(cap)]), scenario) for cap in ("0", "300"))
    assert gained(free, "pusher") > 250_000
    assert gained(capped, "pusher") < gained(free, "pusher") / 4


def market(cap: str) -> dict[str, object]:
    tree = load_venue("gmx_v2").to_tree()["markets"]
    assert isinstance(tree, list | tuple)
    return {**tree[0], "open_interest_cap": cap}


# -- what a design has to have --


def test_a_scenario_that_needs_a_feature_is_refused_without_it_and_says_who_has_it() -> None:
    with pytest.raises(ScenarioError, match=r"zero_bid needs .*\(auctions\), which book_fund_adl has not: .*shipped: auction_fund_adl"):
        play("book_fund_adl", load_scenario("maker_zero_bid"))
    with pytest.raises(ScenarioError, match=r"gmx_avax needs .* \(oracle_fills\), which book_vault_adl has not: .*shipped: gmx_v2"):
        play("book_vault_adl", load_scenario("gmx_avax"))
    with pytest.raises(ScenarioError, match=r"needs\[0\] is 'auction': expected .*"):
        load_scenario("calm").override({"needs": ["auction"]})


def test_all_incidents_are_there() -> None:
    asked = "oct10 march2020 luna_like jelly mango yfi deribit_glitch eth_whale avax_single_venue gmx_avax maker_zero_bid calm"
    assert set(asked.split()) <= set(shipped())
