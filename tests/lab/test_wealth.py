"""What everybody ended with, and what designs cost people: on paper, and against plain loops over real runs."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest
from cli_kit import call
from handmade import HEDGER, LONG, OTHER, SHORT, USD, by_account, event, run_of

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.codes import Payer, SystemAccount
from perplab.exchange.events import (
    DeficitPaid,
    Deleveraged,
    Deposited,
    LiquidationStarted,
    LossSocialized,
    MarkMoved,
    Transferred,
    Withdrawn,
)
from perplab.exchange.messages import FIRST_USER
from perplab.lab.comparison.choices import Choice
from perplab.lab.comparison.jobs import jobs_of
from perplab.lab.comparison.report import Result
from perplab.lab.comparison.shadows import shadow_designs, shadow_names, with_all_costs
from perplab.lab.insured import UNLIMITED, insured
from perplab.lab.metrics import BASELINE, INSURED, Metrics, common_set, measure, wealth, with_costs
from perplab.lab.metrics.rows import Log
from perplab.lab.metrics.wealth import Wealth, buckets
from perplab.lab.runs import Cohort, Run
from perplab.lab.scenario import BarsPath, Scenario, load_scenario
from perplab.lab.simulation import run
from perplab.lab.stage import with_capital

ACCOUNTS = 60
SIX = ("book_fund_adl", "book_vault_adl", "book_fund_social", "auction_fund_social", "auction_fund_adl", "social_only")
HELD = {"opening_size": by_account(LONG=1_000, SHORT=-1_000), "closing_size": by_account(LONG=1_000, SHORT=-1_000)}


def falling(price: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A true price of 100 that is `price` from the 100th second on."""
    path = np.full(61, 100.0)
    path[10:] = price
    return path


def of(held: Wealth, account: int) -> int:
    """Place of an account of the runs by hand: longs first, then shorts."""
    return account - LONG


# -- on paper --


def test_wealth_is_at_the_true_price_whatever_the_mark_says() -> None:
    """The true price falls to 90, the mark only to 95: a long of one coin has lost 10 USD, and its mirror has won them."""
    equity = run_of().opening_equity + USD * by_account(LONG=-5, SHORT=5)
    held = wealth(run_of(event(MarkMoved, 100, mark=95, previous=100), path_usd=falling(90.0), closing_equity=equity, **HELD))
    assert (held.gain[of(held, LONG)], held.gain[of(held, SHORT)]) == (-10 * USD, 10 * USD)
    assert (held.gain_at_mark[of(held, LONG)], held.gain_at_mark[of(held, SHORT)]) == (-5 * USD, 5 * USD)
    assert held.notional.tolist() == [100 * USD, 100 * USD, 0, 0] and held.side.tolist() == [1, -1, 0, 0]
    assert held.leverage.tolist() == [0.1, 0.1, 0.0, 0.0]


def test_what_was_paid_in_is_no_gain() -> None:
    equity = run_of().opening_equity + USD * by_account(LONG=60, SHORT=-20, OTHER=10)
    moved = [
        event(Deposited, 5, account=LONG, amount=70 * USD),
        event(Withdrawn, 6, account=SHORT, amount=20 * USD),
        event(Transferred, 7, account=LONG, to=OTHER, amount=10 * USD),
    ]
    assert not wealth(run_of(*moved, closing_equity=equity)).gain.any()


def test_the_common_set_is_whoever_no_run_breached() -> None:
    quiet, other = wealth(run_of(**HELD)), wealth(run_of(event(LiquidationStarted, 60, account=LONG), **HELD))
    assert np.flatnonzero(common_set([quiet, other])).tolist() == [of(quiet, SHORT)]
    assert np.flatnonzero(common_set([quiet])).tolist() == [of(quiet, LONG), of(quiet, SHORT)]


def test_runs_of_different_people_are_not_compared() -> None:
    here = wealth(run_of(**HELD))
    fewer = wealth(run_of(cohorts=(Cohort("longs", np.array([LONG])), Cohort("shorts", np.array([SHORT, HEDGER])))))
    with pytest.raises(ValueError, match="different people"):
        common_set([here, fewer])


def test_who_holds_something_else_elsewhere_is_not_common() -> None:
    here = wealth(run_of(**HELD))
    turned = wealth(run_of(opening_size=-HELD["opening_size"], closing_size=-HELD["closing_size"]))
    assert not common_set([here, turned]).any()
    cut = HELD["opening_size"].copy()
    cut[LONG] //= 2
    stricter = wealth(run_of(opening_size=cut, closing_size=cut))
    assert np.flatnonzero(common_set([here, stricter])).tolist() == [of(here, SHORT)]


def with_gains(**usd: int) -> Wealth:
    return wealth(run_of(closing_equity=run_of().opening_equity + USD * by_account(**usd), **HELD))


def compared(design: Wealth, common: list[int], **references: Wealth) -> Metrics:
    members = np.zeros(len(design), bool)
    members[[account - LONG for account in common]] = True
    return with_costs(measure(run_of(**HELD)), design, references, members)


def test_a_cost_is_what_the_reference_gained_more() -> None:
    """The long has 100 USD of notional and gains 2 less than in the baseline; the short 1 more than insured."""
    design = with_gains(LONG=3, SHORT=6, OTHER=-9)
    found = compared(design, [LONG, SHORT], baseline=with_gains(LONG=5, SHORT=6, OTHER=-11), insured=with_gains(LONG=3, SHORT=5, OTHER=-8))
    cost = found.cost
    assert cost.common_accounts == 2
    assert (cost.baseline_bp, cost.baseline_long_bp, cost.baseline_short_bp) == (100.0, 200.0, 0.0)
    assert (cost.insured_bp, cost.insured_long_bp, cost.insured_short_bp) == (-50.0, 0.0, -100.0)
    assert compared(design, [SHORT], baseline=design).cost.baseline_long_bp is None  # nobody there
    assert compared(design, [LONG], baseline=design).cost.insured_bp is None  # not run


def test_what_adl_took_is_against_the_run_without_it() -> None:
    """Two winners: one had 40 USD without ADL and has 10, the other 10 and 20: the price came back. 3 USD were needed."""
    design = replace(with_gains(SHORT=10, OTHER=20, LONG=-30), deleveraged=np.array([False, True, False, True]))
    never = replace(with_gains(SHORT=40, OTHER=10, LONG=-50), deleveraged=np.zeros(4, bool))
    before = measure(run_of(**HELD))
    before = msgspec.structs.replace(before, adl=msgspec.structs.replace(before.adl, needed_usd=3.0))
    adl = with_costs(before, design, {INSURED: never}, np.ones(4, bool)).adl
    assert (adl.taken_usd, adl.excess_usd) == (20.0, 17.0)
    assert (adl.haircut_max, adl.haircut_mean) == (0.75, 0.375)
    assert before.adl.taken_usd is None, "no run to compare with"
    spared = with_costs(measure(run_of(**HELD)), never, {INSURED: never}, np.ones(4, bool)).adl
    assert (spared.taken_usd, spared.excess_usd, spared.haircut_max) == (0.0, 0.0, None)


def test_buckets_hold_everybody_once_and_bounds_belong_above() -> None:
    size = by_account(LONG=100_000, SHORT=-99_999, HEDGER=-1)  # 10,000 USD; 9,999.90; 0.10
    held = wealth(run_of(opening_size=size, closing_size=size))
    of_kind = {(one.by, one.name): np.flatnonzero(one.members).tolist() for one in buckets(held)}
    assert of_kind["size", "10,000 to 100,000"] == [0] and of_kind["size", "below 10,000"] == [1, 2, 3]
    assert of_kind["leverage", "5 to 10"] == [1] and of_kind["leverage", "10 to 20"] == [0]  # 1,000 USD each
    for kind in ("all", "side", "leverage", "size", "cohort"):
        assert sum(one.members.astype(int) for one in buckets(held) if one.by == kind).tolist() == [1, 1, 1, 1]


# -- the same design with infinite insurance --


def test_designs_that_differ_in_their_backstops_share_an_insured_one() -> None:
    of_name = {name: insured(with_capital(load_venue(name), 5e6)) for name in SIX}
    assert of_name["book_fund_adl"] == of_name["book_fund_social"] == of_name["social_only"]
    assert of_name["auction_fund_adl"] == of_name["auction_fund_social"]
    assert len({venue.to_json() for venue in of_name.values()}) == 3
    vault = of_name["book_vault_adl"]
    assert (vault.vault.capital, vault.backstops, vault.insurance_fund.capital) == (UNLIMITED, (), 0)
    assert all(insured(venue) == venue for venue in of_name.values())


def choice_of(*venues: VenueDesign, is_insured: bool = True) -> Choice:
    return Choice(load_scenario("flash"), venues, (1, 2), "same", insured=is_insured)


def test_a_shadow_run_is_made_once_and_left_out_where_it_is_asked(tmp_path: Path) -> None:
    six = [with_capital(load_venue(name), 5e6) for name in SIX]
    asked = choice_of(*six)
    names = [venue.name for venue in shadow_designs(asked)]
    assert names == ["insured book_fund_adl", "insured book_vault_adl", "insured auction_fund_social"]
    assert shadow_names(asked)["social_only"] == "insured book_fund_adl"
    jobs = jobs_of(asked, tmp_path)
    assert len(jobs) == 2 * (6 + 3) and sum(job.journal is None for job in jobs) == 2 * 3
    assert len(jobs_of(choice_of(*six, is_insured=False), tmp_path)) == 2 * 6
    rich = msgspec.structs.replace(insured(six[0]), name="rich", title="Money is no object")
    assert shadow_names(choice_of(six[0], rich)) == {"book_fund_adl": "rich", "rich": "rich"}, "it is among the designs already"


# -- runs --


@cache
def scenario_of(name: str) -> Scenario:
    """Two minutes with few accounts: the worst of the crash (flash), or none (calm)."""
    scenario = load_scenario(name)
    if isinstance(scenario.path, BarsPath):
        plain: dict[str, object] = msgspec.to_builtins(scenario.path)
        changes = plain | {"start": "2025-10-10T21:19:00Z", "watch_from": None, "bars": scenario.path.bars[7:9]}
    else:
        changes = msgspec.to_builtins(scenario.path) | {"minutes": 1}
    return scenario.override({"path": changes, "backstop_usd": 1e6})


@cache
def compare(name: str, *venues: str) -> tuple[list[Result], dict[str, Run]]:
    """The results of a comparison on one seed, with costs, and its runs by name."""
    scenario = scenario_of(name)
    designs = tuple(with_capital(load_venue(venue), scenario.backstop_usd) for venue in venues)
    choice = Choice(scenario, designs, (1,), "same", insured=True)
    runs = {venue.name: run(venue, scenario, 1, accounts=ACCOUNTS, own_capital=True) for venue in (*designs, *shadow_designs(choice))}
    results = [Result(venue, 1, "", measure(made), wealth=wealth(made)) for venue, made in runs.items()]
    return with_all_costs(choice, results), runs


CRASH = ("flash", "book_fund_adl", "book_vault_adl", "auction_fund_adl")


def test_with_infinite_insurance_nobody_but_fund_or_vault_pays() -> None:
    _, runs = compare(*CRASH)
    shadows = {name: made for name, made in runs.items() if name.startswith("insured")}
    assert len(shadows) == 3
    for name, made in shadows.items():
        log = Log(made)
        assert not len(log[Deleveraged]) and not len(log[LossSocialized]) and made.closing_equity[SystemAccount.UNCOVERED] == 0
        payer = Payer.VAULT if "vault" in name else Payer.INSURANCE_FUND
        assert set(log[DeficitPaid]["payer"].tolist()) == {payer}, "on this path somebody has to pay"


def test_an_insured_design_costs_nobody_anything_against_itself() -> None:
    _, runs = compare(*CRASH)
    made = runs["insured book_fund_adl"]
    choice = Choice(scenario_of("flash"), (insured(with_capital(load_venue("book_fund_adl"), 1e6)),), (1,), "same", insured=True)
    assert not shadow_designs(choice)
    told = with_all_costs(choice, [Result("insured", 1, "", measure(made), wealth=wealth(made))])[0].metrics
    assert told.cost.insured_bp == told.cost.baseline_bp == 0.0
    assert {line.cost for line in told.cost_lines} == {0} and told.cost_lines


def test_without_a_crash_no_design_costs_anything_but_fees_and_funding() -> None:
    results, runs = compare("calm", *CRASH[1:])
    for one in results:
        assert one.metrics.liquidation.breached_accounts == 0
        for bp in (one.metrics.cost.baseline_bp, one.metrics.cost.insured_bp):
            assert bp is not None and abs(bp) < 0.1
    assert results[0].metrics.cost.common_accounts == ACCOUNTS
    assert len(runs) == 6


def test_costs_are_those_of_plain_loops_over_the_accounts() -> None:
    results, runs = compare(*CRASH)
    crashed = set().union(*({int(one) for one in Log(made)[LiquidationStarted]["account"]} for made in runs.values()))
    base = runs["book_fund_adl"]
    people = [one for one in range(FIRST_USER, len(base.opening_size)) if base.opening_size[one] and one not in crashed]

    def gain(made: Run, account: int) -> float:
        marks = [int(row) for row in Log(made)[MarkMoved]["mark"]]
        first, last = made.path_usd[0] / made.terms.tick, made.path_usd[made.path_ts <= made.end_ts][-1] / made.terms.tick
        closing = made.closing_equity[account] + made.closing_size[account] * made.terms.unit * (last - marks[-1])
        opening = made.opening_equity[account] + made.opening_size[account] * made.terms.unit * (first - Log(made).opening_mark)
        rows = Log(made)[Deposited]
        paid = sum(int(row) for row in rows["amount"][(rows["account"] == account) & (rows["ts"] > made.start_ts)])
        return float(closing - opening - paid)

    for one in results:
        for reference, other in ((BASELINE, base), (INSURED, runs[f"insured {one.venue}"])):
            lines = [line for line in one.metrics.cost_lines if line.reference == reference]
            whole = next(line for line in lines if line.by == "all")
            assert whole.accounts == len(people) == one.metrics.cost.common_accounts
            costs = sum(gain(other, account) - gain(runs[one.venue], account) for account in people)
            assert whole.cost == pytest.approx(costs, abs=len(people))
            for kind in ("side", "leverage", "size", "cohort"):
                parts = [line for line in lines if line.by == kind]
                assert (sum(line.cost for line in parts), sum(line.notional for line in parts)) == (whole.cost, whole.notional)
        adl = one.metrics.adl
        hit = sorted({int(winner) for winner in Log(runs[one.venue])[Deleveraged]["winner"]})
        taken = sum(gain(runs[f"insured {one.venue}"], account) - gain(runs[one.venue], account) for account in hit)
        assert hit and adl.taken_usd == pytest.approx(taken / USD, abs=1e-3)
        assert adl.excess_usd == pytest.approx(taken / USD - adl.needed_usd, abs=1e-3)


def test_gains_of_everybody_and_the_venue_sum_to_zero() -> None:
    for made in compare(*CRASH)[1].values():
        held = wealth(made)
        lines = measure(made).accounting.profit_and_loss
        system = sum(amount for name, amount in lines.items() if name not in held.cohorts)
        assert int(held.gain_at_mark.sum()) + system == 0


# -- the command line --


def test_insurance_is_remembered_and_repeated(quick: Path) -> None:
    words = ("compare", "flash", "--venues", "book_fund_adl,social_only", "--seeds", "2", "--jobs", "1")
    done = call(*words, "--insured")
    assert done.exit_code == 0 and done.stderr.startswith("6 runs") and "insured book_fund_adl seed 1" in done.stderr
    told = json.loads((quick / "out/flash/report.json").read_text(encoding="utf-8"))
    assert told["inputs"]["insured"] is True and told["venues"] == ["book_fund_adl", "social_only"] and len(told["runs"]) == 4
    assert told["runs"][0]["metrics"]["cost"]["insured_bp"] is None, "nobody holds a position in these runs"
    assert len(list((quick / "out/flash/journals").iterdir())) == 4
    again = call("compare", "--from-report", quick / "out/flash/report.json", "--jobs", "1")
    assert again.exit_code == 0 and again.stderr.startswith("6 runs")
    assert call(*words).stderr.startswith("4 runs"), "--no-insured"
