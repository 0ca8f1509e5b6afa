"""Whether a design and a scenario fit together: checked before the first run, so that no run fails on its scales or plays nonsense.

Rules of the file: each check says file, key, value and what was expected, and which value of the other file asks for it. Bounds are
the core's own (`exchange/schema/messages.py`); what they do not say is a constant here, with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from perplab.exchange import VenueDesign, VenueError
from perplab.exchange.design.build import most_lots
from perplab.exchange.messages import FIRST_USER, MAX_NOTIONAL, MAX_SUPPLY
from perplab.exchange.units import BP_PER_ONE, MICRO

from .agents import LEAST_LEVELS
from .faults import Fault
from .names import wrong_name
from .needs import must_have
from .population import group_sizes
from .runs import MARKET
from .scenario import BarsPath, ContinuedPath, GbmPath, KnotsPath, OwnPath, Scenario, ScenarioError

LEAST_TICKS: Final = 1000  # a tick is at most 10 bp of the price: makers quote a few bp apart, and a crash is some hundred bp deep
MOST_USD: Final = MAX_NOTIONAL / MICRO  # [USD] of one order or position


class Reach(NamedTuple):
    """Lowest and highest price of a scenario's path, and the keys that say so. [USD]"""

    low: float
    low_key: str
    high: float
    high_key: str


class Pair(NamedTuple):
    """A design and a scenario, each with the file to name in an error."""

    venue: VenueDesign
    venue_file: str
    scenario: Scenario
    scenario_file: str

    def refuse_venue(self, key: str, given: object, expected: str) -> VenueError:
        return VenueError(f"{self.venue_file}: {key} is {given}: expected {expected}")

    def refuse_scenario(self, key: str, given: object, expected: str) -> ScenarioError:
        return ScenarioError(f"{self.scenario_file}: {key} is {given}: expected {expected}")


def check_venue_name(venue: VenueDesign, file: str) -> None:
    """Raises VenueError."""
    wrong = wrong_name(venue.name)
    if wrong:
        raise VenueError(f"{file}: name: {wrong}")


def check_fit(pair: Pair, reached: Reach) -> None:
    """Raises VenueError or ScenarioError; `reached` is that of the pair's scenario."""
    must_have(pair.venue, pair.scenario, pair.venue_file)
    _check_market(pair, reached)
    _check_prices(pair, reached)
    _check_counts(pair)
    _check_holdings(pair)
    _check_amounts(pair, reached)


def reach(scenario: Scenario, seeds: Sequence[int]) -> Reach:
    """How far the true price goes in these seeds."""
    path = scenario.path
    moved = any(table.kind().moving is not Fault.moving for table in scenario.faults)
    if not moved and not isinstance(path, ContinuedPath | KnotsPath | GbmPath | OwnPath):  # bridges stay within their bar
        _, highs, lows, _ = np.array(path.bars).T
        low, high = int(lows.argmin()), int(highs.argmax())
        return Reach(float(lows[low]), f"path.bars[{low}][2]", float(highs[high]), f"path.bars[{high}][1]")
    paths = [scenario.price(seed).prices for seed in seeds]
    low, high = (int(which([each(prices) for prices in paths])) for which, each in ((np.argmin, np.min), (np.argmax, np.max)))
    keys = [f"path with {driven_by(path)}, seed {seeds[at]}" for at in (low, high)]
    return Reach(float(paths[low].min()), keys[0], float(paths[high].max()), keys[1])


def driven_by(path: BarsPath | KnotsPath | GbmPath | OwnPath) -> str:
    """The key that decides how far a drawn path goes."""
    if isinstance(path, OwnPath):
        return f"class {path.named}"
    if isinstance(path, GbmPath):
        return f"volatility {path.volatility:g}"
    return f"volatility_bp {path.volatility_bp:g}" if isinstance(path, ContinuedPath | KnotsPath) else "its faults"


def _check_market(pair: Pair, reached: Reach) -> None:
    market = pair.venue.markets[MARKET]
    if market.settlement_asset != pair.venue.assets[0]:
        raise pair.refuse_venue("markets[0].settlement_asset", repr(market.settlement_asset), f"assets[0], {pair.venue.assets[0]!r}")
    digits = len(str(round(reached.high / float(market.tick))))
    if 0 < market.significant_figures < digits:
        expected = f"0 or at least {digits}, the digits of {reached.high:g} USD in ticks ({pair.scenario_file}): agents quote whole ticks"
        raise pair.refuse_venue("markets[0].significant_figures", market.significant_figures, expected)


def _check_prices(pair: Pair, reached: Reach) -> None:
    """Every price of the path, every quote and every entry price is a whole number of ticks that the market knows."""
    market, scenario = pair.venue.markets[MARKET], pair.scenario
    if reached.low < LEAST_TICKS * float(market.tick):
        expected = f"at most {reached.low / LEAST_TICKS:.3g}, a thousandth of the lowest price of {pair.scenario_file}"
        raise pair.refuse_venue("markets[0].tick", market.tick, f"{expected} ({reached.low_key} is {reached.low:g})")
    quoted = reached.high * (1.0 + scenario.makers.depth_bp[-1] / BP_PER_ONE)
    top, key, value = max(
        (quoted, reached.high_key, f"{reached.high:g}, and makers quote up to {scenario.makers.depth_bp[-1]:g} bp above"),
        (scenario.path.first_usd * scenario.population.entry[1], "population.entry[1]", f"{scenario.population.entry[1]:g}"),
    )
    if top > float(market.max_price):
        expected = f"at least {top:.6g}, which {pair.scenario_file} asks for ({key} is {value})"
        raise pair.refuse_venue("markets[0].max_price", market.max_price, expected)


def _check_counts(pair: Pair) -> None:
    venue, scenario = pair.venue, pair.scenario
    groups = (scenario.makers, scenario.arbitrageurs, scenario.bidders, scenario.momentum)
    agents = sum(group.count for group in groups) + sum(one.count for one in scenario.agents) + scenario.noise.accounts
    accounts = scenario.population.accounts + agents + FIRST_USER
    if accounts > venue.max_accounts:
        told = f"{scenario.population.accounts} traders and {agents} agents of {pair.scenario_file}, {FIRST_USER} of the venue"
        raise pair.refuse_venue("max_accounts", venue.max_accounts, f"at least {accounts} ({told})")
    quotes = max(2 * LEAST_LEVELS, 2 * len(scenario.bidders.edge_bp) + 1)
    if quotes > venue.max_open_orders:
        told = f"which an agent of {pair.scenario_file} rests (a maker at least {LEAST_LEVELS} on each side, or bidders.edge_bp)"
        raise pair.refuse_venue("max_open_orders", venue.max_open_orders, f"at least {quotes}, {told}")


def _check_holdings(pair: Pair) -> None:
    """Everyone holds a lot at least, and nobody more than a position may be."""
    market, scenario = pair.venue.markets[MARKET], pair.scenario
    who, first = scenario.population, scenario.path.first_usd
    lot_usd = first * float(market.lot)
    for name, members, share in group_sizes(who):
        lots = scenario.open_interest_usd * share / lot_usd
        if lots < members + 1:
            expected = f"at most {scenario.open_interest_usd * share / first / (members + 1):.3g} coins: {pair.scenario_file} has "
            expected += f"{members} {name} with {scenario.open_interest_usd * share:.3g} USD in all, and each holds one lot at least"
            raise pair.refuse_venue("markets[0].lot", market.lot, expected)
        largest = max(who.long_largest_share if name == "longs" else who.short_largest_share, 1.0 / members)
        most = min(MOST_USD, most_lots(pair.venue, market) * lot_usd)
        if largest * share * scenario.open_interest_usd * max(1.0, who.entry[1]) > most:
            told = f"the largest of the {name} to hold at most {most:.3g} USD, not {largest * share * scenario.open_interest_usd:.3g}"
            raise pair.refuse_scenario("population.open_interest_over_depth", f"{who.open_interest_over_depth:g}", told)


def _check_amounts(pair: Pair, reached: Reach) -> None:
    """No order is larger than an order may be, and all deposits together no more than a venue can hold."""
    s = pair.scenario
    orders = {
        "sizes_usd[2]": max(s.sizes_usd),
        "momentum.position_usd": s.momentum.position_usd,
        "arbitrageurs.clip_usd": s.arbitrageurs.clip_usd,
        "noise.size_coins, the largest": s.noise.size_coins[-1] * reached.high,
        "makers.bid_usd x depth_scale, the largest": s.makers.bid_usd[-1] * s.makers.depth_scale,
        "makers.ask_usd x depth_scale, the largest": s.makers.ask_usd[-1] * s.makers.depth_scale,
    }
    limits = {key: MOST_USD * (1000.0 if "depth_scale" in key else 1.0) for key in orders}  # a maker cuts its ladder to its equity
    for key, usd in orders.items():
        if usd > limits[key]:
            raise pair.refuse_scenario(key, f"{usd:.3g} USD", f"at most {limits[key]:.3g} USD")
    paid_in = sum(group.count * group.capital_usd for group in (s.makers, s.arbitrageurs, s.bidders, s.momentum))
    paid_in += sum(one.count * one.capital_usd for one in s.agents)
    paid_in += s.noise.accounts * s.noise.capital_usd + s.backstop_usd
    if paid_in > MAX_SUPPLY / MICRO:
        expected = f"at most {MAX_SUPPLY / MICRO:.3g} USD"
        raise pair.refuse_scenario("count x capital_usd", f"{paid_in:.3g} USD over all agents", expected)
