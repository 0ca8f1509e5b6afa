"""The table "Half and double" of docs/calibration.md: python benchmarks/half_and_double.py [SCENARIO [ACCOUNTS [SEED]]].

Each calibrated number is halved and doubled in turn, the rest stays; prints one row of Markdown for each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from perplab.exchange.design.venue import load_venue
from perplab.lab.metrics import Metrics, measure
from perplab.lab.professionals import beyond_population
from perplab.lab.scenario import Scenario, load_scenario
from perplab.lab.simulation import run

DESIGNS = {
    "book_fund_adl": "fund+ADL",
    "book_vault_adl": "vault+ADL",
    "book_fund_social": "fund+social",
    "auction_fund_social": "auction+social",
    "auction_fund_adl": "auction+ADL",
    "social_only": "social",
}
NUMBERS = (
    "population.open_interest_over_depth", "backstop_usd", "makers.capital_usd", "bidders.capital_usd", "arbitrageurs.capital_usd",
    "bidders.wild_edge", "bidders.clip_usd", "makers.transfer_s",
)  # fmt: skip
PLACES = {"adl.delay_s": 0, "adl.to_liquidation": 2}


def changed(scenario: Scenario, key: str, factor: float) -> Scenario:
    """The scenario with one number multiplied."""
    table, _, name = key.rpartition(".")
    value = float(getattr(getattr(scenario, table) if table else scenario, name)) * factor
    return scenario.override({table: {name: value}} if table else {name: value})


def variants(scenario: Scenario) -> Iterator[tuple[str, Scenario]]:
    yield "as shipped", scenario
    for key in NUMBERS:
        for factor in (0.5, 2.0):
            yield f"`{key}` x {factor:g}", changed(scenario, key, factor)


def told(metrics: Metrics, key: str) -> str:
    value = metrics.scalar(key)
    return "none" if value is None else f"{value:.{PLACES[key]}f}"


def cost_bp(metrics: Metrics) -> float:
    """What a bystander long and one short of the same size lost together, in bp of one of them."""
    return (metrics.stress.long_bp or 0.0) + (metrics.stress.short_bp or 0.0)


def row(name: str, scenario: Scenario, accounts: int, seed: int) -> str:
    runs = {venue: run(load_venue(venue), scenario, seed, accounts=accounts) for venue in DESIGNS}
    found = {venue: measure(made) for venue, made in runs.items()}
    vault = found["book_vault_adl"]
    debts = (f"{(found[venue].losses.bad_debt_usd or 0.0) / 1e6:.1f}" for venue in ("book_vault_adl", "book_fund_adl"))
    costs = ", ".join(f"{DESIGNS[venue]} {cost_bp(found[venue]):.1f}" for venue in sorted(DESIGNS, key=lambda one: cost_bp(found[one])))
    beyond = ", ".join(DESIGNS[venue] for venue, made in runs.items() if beyond_population(made)) or "none"
    cells = [name, told(vault, "adl.delay_s"), told(vault, "adl.to_liquidation"), *debts, costs, beyond]
    return f"| {' | '.join(cells)} |"


def main(scenario: str = "flash", accounts: str = "1000", seed: str = "1") -> None:
    debts = ("bad debt, vault [M USD]", "bad debt, fund+ADL [M USD]")
    heads = ("number", "A1 [s]", "A2", *debts, "cost of the designs [bp]", "beyond its population")
    print(f"| {' | '.join(heads)} |")
    print("|" + " --- |" * len(heads))
    for name, variant in variants(load_scenario(scenario)):
        print(row(name, variant, int(accounts), int(seed)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
