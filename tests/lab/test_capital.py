"""Controls of capital: what insurance that never ends, ten times the insurance, and ten times the buyers' capital may do, and may not.

The last two are seen on a price that falls by 8 % in two minutes and stays there. Where it comes back, a design that closes slowly is
paid for waiting: then more buyers, who let it close at once, cost bystanders more. That is a fact about the path, not about the capital.
What is still owed at the end is a cost: with few buyers it is most of it.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest
from test_controls import ACCOUNTS, DESIGNS, deleveraged, rows, worst

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.events import LossSocialized
from perplab.lab.comparison.axes import chosen_axes
from perplab.lab.comparison.choices import chosen_designs
from perplab.lab.comparison.curves import capital_axis, rises, sentences
from perplab.lab.comparison.factorial import Factorial, planned
from perplab.lab.comparison.headline import BYSTANDER, TOTAL, Quantity, Values, bystander_cost, total_cost
from perplab.lab.comparison.statistics import Pair
from perplab.lab.insured import UNLIMITED, insured
from perplab.lab.metrics import INSURED, common_set, measure, wealth, with_costs
from perplab.lab.scenario import Scenario, load_scenario
from perplab.lab.simulation import run

SEEDS = (1, 3)
K = (5e6, 5e7)  # [USD]: the shipped scenario's, and ten times that
WORSE_BP = 5.0  # by which ten times the capital may make bystanders worse off: a vault that fails all the same has more to hand on


def has_capital(venue: VenueDesign) -> bool:
    return "insurance_fund" in venue.backstops or "takeover" in venue.liquidation.steps


INSURERS = tuple(name for name in DESIGNS if has_capital(load_venue(name)))


# -- infinite insurance --


def endless(name: str) -> VenueDesign:
    """The design itself, its waterfall and all, with a fund or vault that never ends."""
    venue = load_venue(name)
    fund = {"capital": UNLIMITED, "account_cap": 0, "market_cap": 0, "total_cap": 0} if "insurance_fund" in venue.backstops else {}
    vault = {"capital": UNLIMITED} if "takeover" in venue.liquidation.steps else {}
    return load_venue(name, {"insurance_fund": fund, "vault": vault})


def test_the_only_design_without_insurance_is_known() -> None:
    assert set(DESIGNS) - set(INSURERS) == {"social_only"}


@pytest.mark.parametrize("name", INSURERS)
def test_with_infinite_insurance_nobody_else_pays(name: str) -> None:
    """And nobody who was not liquidated has a cent more or less than in the run that `cost.insured_bp` is measured against."""
    scenario = load_scenario("flash").override({"path": worst()})
    own, reference = (run(venue, scenario, 1, accounts=ACCOUNTS, own_capital=True) for venue in (endless(name), insured(load_venue(name))))
    for each in (own, reference):
        metrics = measure(each)
        paid = {who: amount for who, amount in metrics.accounting.waterfall.paid.items() if amount}
        assert set(paid) == {"vault" if "vault" in name else "insurance_fund"}
        assert deleveraged(each) == len(rows(each, LossSocialized)) == 0
        assert metrics.losses.uncovered_usd == metrics.losses.open_deficit_usd == 0.0
        assert metrics.stress.long_bp == metrics.stress.short_bp == 0.0
    held, wanted = wealth(own), wealth(reference)
    common = common_set([held, wanted])
    assert common.sum() > ACCOUNTS / 2 and held.breached.any()
    costs = with_costs(measure(own), held, {INSURED: wanted}, common)
    assert costs.cost.insured_bp == costs.cost.insured_long_bp == costs.cost.insured_short_bp == 0.0


# -- ten times the capital --


@cache
def stays_low(professionals: float = 1.0) -> Scenario:
    """A fall of 8 % in two minutes, and one more minute; professionals with so many times their capital."""
    shipped = load_scenario("flash")
    prices = [shipped.path.first_usd * (1.0 - fall) for fall in (0.0, 0.04, 0.08, 0.08)]
    bars = [(one, one, other, other) for one, other in pairwise(prices)]
    groups = {"makers": shipped.makers, "arbitrageurs": shipped.arbitrageurs, "bidders": shipped.bidders}
    people = {name: {"capital_usd": professionals * who.capital_usd} for name, who in groups.items()}
    return shipped.override({"path": worst(bars=bars, noise=0.5), **people})


@cache
def cost_of(name: str, seed: int, professionals: float = 1.0, backstop_usd: float = 5e6) -> tuple[float, float]:
    """Total cost [USD], what is open included, and what a bystander has paid [bp]."""
    scenario = stays_low(professionals).override({"backstop_usd": backstop_usd})
    metrics = measure(run(load_venue(name), scenario, seed, accounts=ACCOUNTS))
    return total_cost(metrics) or 0.0, bystander_cost(metrics) or 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_ten_times_the_buyers_cost_nobody_more(name: str) -> None:
    """Others pay what insurers have no money for: the total beyond the capital."""
    (few, _), (many, _) = (cost_of(name, 1, professionals) for professionals in (1.0, 10.0))
    insured_usd = K[0] if name in INSURERS else 0.0
    assert few > insured_usd + 1e6, "the control needs a crash that costs others something"
    assert many < few
    assert max(0.0, many - insured_usd) < few - insured_usd


@cache
def by_capital() -> tuple[Factorial, dict[str, Values]]:
    """The designs with capital of their own at both K, on SEEDS: the cells, and what they cost, by quantity."""
    varied = f"backstop_usd={'|'.join(f'{usd:g}' for usd in K)}"
    cells, _ = planned(chosen_designs(",".join(INSURERS)), chosen_axes([varied]), stays_low(), "same", None)
    found: dict[str, Values] = {TOTAL.key: {}, BYSTANDER.key: {}}
    for (design, level), cell in cells.cell_of.items():
        costs = {Pair("", seed): cost_of(INSURERS[design], seed, 1.0, K[level]) for seed in SEEDS}
        for number, key in enumerate(found):
            found[key][cell] = {pair: cost[number] for pair, cost in costs.items()}
    return cells, found


@pytest.mark.slow
def test_ten_times_the_insurance_leaves_bystanders_no_worse_off() -> None:
    cells, found = by_capital()
    for design, name in enumerate(INSURERS):
        little, much = (found[BYSTANDER.key][cells.cell_of[design, level]] for level in (0, 1))
        assert all((much[pair] or 0.0) <= (little[pair] or 0.0) + WORSE_BP for pair in little), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quantity", "dearer"),
    [(TOTAL, {"book_fund_adl", "book_vault_adl", "auction_fund_adl"}), (BYSTANDER, {"book_vault_adl"})],
)
def test_a_design_in_which_more_insurance_costs_more_says_so(quantity: Quantity, dearer: set[str]) -> None:
    """Deleveraging waits for as long as fund or vault can pay, while what is owed grows: the curve over K names exactly these."""
    cells, found = by_capital()
    rising = set()
    for design, name in enumerate(INSURERS):
        little, much = (found[quantity.key][cells.cell_of[design, level]] for level in (0, 1))
        rising |= {name} if all((much[pair] or 0.0) > (little[pair] or 0.0) for pair in little) else set()
    assert rising == dearer
    axis = capital_axis(cells)
    assert axis is not None
    told = [rise for rise in rises(cells, axis, found) if rise.quantity == quantity]
    assert {rise.curve for rise in told} == dearer
    said = sentences([level.label for level in cells.axes[axis].levels], told)
    assert all(f"{quantity.label} rises with K, from" in one for one in said)
