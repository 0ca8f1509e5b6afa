"""The tables "Out of sample" of docs/calibration.md: python benchmarks/targets.py [PART|all [ACCOUNTS [SEEDS]]].

PART is one of days, delay, policies, depth, coins, source. Nothing is fitted here: the scenarios run with their numbers as they ship, on
prices, depths and oracles that they were not calibrated on; `coins` alone asks what other people would change. Prints Markdown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from typing import Final

from msgspec import to_builtins

from perplab.lab import Run, Scenario, load_scenario, measure, run
from perplab.lab.metrics import Metrics
from perplab.lab.professionals import beyond_population
from perplab.lab.validation.measured import DEPTHS, THIN, lost_bp, order_of, ratio, with_depth
from perplab.lab.validation.tasks import DESIGN

SCENARIOS: Final = {  # by what they are to the calibration
    "oct10": "fitted",
    "oct10:btc-2020-03-13": "another day",
    "oct10:btc-2021-05-19": "another day",
    "oct10:fil-2024-04-12": "another coin",
    "oct10:fil-2025-02-03": "another coin",
}
DELAYED: Final = (DESIGN, "book_fund_adl", "auction_fund_adl")
POLICY_ORDER: Final = "queue > contract > wealth"


# -- tables --


def table(*heads: str) -> None:
    print(f"\n| {' | '.join(heads)} |")
    print("|" + " --- |" * len(heads), flush=True)


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def told(found: list[Metrics], key: str, places: int) -> str:
    values = [one.scalar(key) for one in found]
    return ", ".join("none" if value is None else f"{value:.{places}f}" for value in values)


def beyond(runs: list[Run]) -> str:
    return f"{sum(bool(beyond_population(one)) for one in runs)} of {len(runs)}"


def played(venue: str, scenario: Scenario, accounts: int, seeds: int) -> Iterator[Run]:
    return (run(venue, scenario, seed, accounts=accounts) for seed in range(1, seeds + 1))


def days(accounts: int, seeds: int) -> None:
    """A1 to A4 and A10 on other days and on another coin."""
    table("prices", "to the calibration", "A1 [s]", "A2", "A3", "A4", "A10", "liquidated [bn USD]", "beyond its population")
    for name, kind in SCENARIOS.items():
        runs = list(played(DESIGN, load_scenario(name), accounts, seeds))
        found = [measure(one) for one in runs]
        delay = "adl.delay_s" if kind == "fitted" else "adl.delay_from_start_s"
        told_here = partial(told, found)
        shares = (told_here(key, 2) for key in ("adl.to_liquidation", "adl.in_profit_share", "adl.top_percent_share"))
        notional = ", ".join(f"{one.liquidation.notional_usd / 1e9:.1f}" for one in found)
        row(f"`{name}`", kind, told_here(delay, 0), *shares, told_here("liquidity.deepest_minute_trades", 2), notional, beyond(runs))


def delay(accounts: int, seeds: int) -> None:
    """A1 with a vault or a fund of the scenario's capital, and of a dollar: a vault has to have one."""
    table("design", "vault or fund [USD]", "A1 [s]", "from the start [s]")
    scenario = load_scenario("oct10")
    for venue in DELAYED:
        for capital in (scenario.backstop_usd, 1.0):
            found = [measure(one) for one in played(venue, scenario.override({"backstop_usd": capital}), accounts, seeds)]
            row(f"`{venue}`", f"{capital:,.0f}", told(found, "adl.delay_s", 1), told(found, "adl.delay_from_start_s", 1))


def policies(accounts: int, seeds: int) -> None:
    """A6: the order of the largest haircuts on all snapshots of each run."""
    heads = ("snapshots", POLICY_ORDER, "queue > contract", "contract = wealth within 1 %", "largest haircuts, mean [bp]")
    table("prices", "design", *heads)
    for name in SCENARIOS:
        for venue in (DESIGN, "book_fund_adl"):
            orders = [order_of(one) for one in played(venue, load_scenario(name), accounts, seeds)]
            counts = [str(sum(getattr(one, key) for one in orders)) for key in ("passes", "whole", "queue", "tied")]
            haircuts = [one for order in orders for one in order.haircuts]
            means = [f"{1e4 * sum(column) / len(haircuts):.2f}" for column in zip(*haircuts, strict=True)]
            row(f"`{name}`", f"`{venue}`", *counts, ", ".join(means) or "none")


def depth(accounts: int, seeds: int) -> None:
    """A8: what is lost on books of different depth, by the same people on the same prices."""
    scenario = load_scenario("oct10")
    heads = ("lost since entry [bp]", "lost beyond the trigger [bp]", "bad debt [bp]", "lost by others [bp]", "beyond its population")
    table("design", "depth", *heads)
    for venue in (DESIGN, "book_fund_adl", "book_fund_social"):
        lost: dict[float, list[list[float]]] = {}
        for times in DEPTHS:
            runs = list(played(venue, with_depth(scenario, times), accounts, seeds))
            lost[times] = lost_bp([measure(one) for one in runs])
            row(f"`{venue}`", f"x {times:g}", *(", ".join(f"{bp:.1f}" for bp in each) for each in lost[times]), beyond(runs))
        for deep in DEPTHS[1:]:
            row(f"`{venue}`", f"x {THIN:g} over x {deep:g}, medians", *map(shown, lost[THIN], lost[deep]), "")


LOW_LEVERAGE: Final = {"population": {"leverage_cap": 10.0, "long_leverage": 4.0, "margin_tiers": [[0.0, 10.0]]}}  # HL docs: AVAX 10x
JUST_ENTERED: Final = {"population": {"long_leverage": 25.0, "leverage_sigma": 0.7, "entry": [0.995, 1.005]}}


def coins(accounts: int, seeds: int) -> None:
    """A8 as the record has it, by coin: other prices, other leverage and other entries, besides another depth."""
    btc, avax = load_scenario("oct10"), load_scenario("avax_single_venue").override({"oracle": {"sources": 3}})
    on = [btc.override({"impact": {"y": 1.0, "daily_volume_usd": times * btc.impact.daily_volume_usd}}) for times in (THIN, DEPTHS[-1])]
    table("prices and people", "depth", "lost since entry [bp]", "lost beyond the trigger [bp]")
    for name, times, scenario in (
        ("`oct10`", THIN, btc), ("`oct10`", DEPTHS[-1], btc),
        ("`oct10`, `impact.y` 1, volume as depth", THIN, on[0]), ("`oct10`, `impact.y` 1, volume as depth", DEPTHS[-1], on[1]),
        ("AVAX's prices", THIN, avax),
        ("AVAX's prices, at most 10x, median 4x", THIN, avax.override(LOW_LEVERAGE)),
        ("AVAX's prices, at most 10x, median 4x", DEPTHS[-1], avax.override(LOW_LEVERAGE)),
        ("`oct10`, entered at the start, median 25x", THIN, btc.override(JUST_ENTERED)),
        ("`oct10`, entered at the start, median 25x", DEPTHS[-1], btc.override(JUST_ENTERED)),
    ):  # fmt: skip
        lost = lost_bp([measure(one) for one in played(DESIGN, with_depth(scenario, times), accounts, seeds)])
        row(name, f"x {times:g}", *(", ".join(f"{bp:.0f}" for bp in each) for each in lost[:2]))


def shown(thin: list[float], deep: list[float]) -> str:
    found = ratio(thin, deep)
    return "none" if found is None else f"{found:.2f}"


def source(accounts: int, seeds: int) -> None:
    """A9: an oracle that hears one source, which is off, and a median of three."""
    table("prices", "sources", "liquidated [bn USD]", "accounts", "largest gap of mark [%]", "beyond its population")
    rogue = load_scenario("rogue")
    calm = to_builtins(load_scenario("calm").path) | {"minutes": 12}
    for name, scenario in (("`rogue`", rogue), ("`rogue` on calm prices", rogue.override({"path": calm}))):
        for sources in (1, 3):
            runs = list(played(DESIGN, scenario.override({"oracle": {"sources": sources}}), accounts, seeds))
            found = [measure(one) for one in runs]
            notional = ", ".join(f"{one.liquidation.notional_usd / 1e9:.2f}" for one in found)
            gap = ", ".join(f"{(one.prices.mark_gap_bp or 0.0) / 100:.1f}" for one in found)
            row(name, str(sources), notional, told(found, "liquidation.accounts", 0), gap, beyond(runs))


PARTS: Final = {"days": days, "delay": delay, "policies": policies, "depth": depth, "coins": coins, "source": source}


def main(part: str = "all", accounts: str = "5000", seeds: str = "3") -> None:
    for name, made in PARTS.items():
        if part in (name, "all"):
            made(int(accounts), int(seeds))


if __name__ == "__main__":
    main(*sys.argv[1:])
