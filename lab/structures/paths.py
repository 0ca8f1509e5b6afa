"""The true price of a further market: correlated with that of the first, more or less so as the crisis deepens.

    r = beta (rho r1 + sqrt(1 - rho^2) sigma1 z)

with r1 the first market's log return of a step of the grid, sigma1 its root mean square over the minute before, z a standard normal
of the market's own, and rho going in a line from `correlation` to `crisis_correlation` as the makers of the first market withdraw.
With rho = 1 and beta = 1 both prices are equal.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from perplab.exchange.units import SECOND_NS
from perplab.oracle.keyed import generator
from perplab.oracle.paths import PricePath

from ..agents import withdrawal
from ..flow import stress
from ..runs import Floats
from ..scenario import Scenario
from ..timeline import span_of
from .tables import FurtherMarket

WINDOW_NS: Final = 60 * SECOND_NS  # of the volatility of the moment, as the noise flow has it


def further_path(name: str, market: FurtherMarket, scenario: Scenario, first: PricePath, seed: int) -> PricePath:
    """The path of `[further_markets.NAME]`, on the grid of the first market's path."""
    returns = np.diff(np.log(first.prices))
    rho = correlations(name, market, scenario, first)
    own = generator(seed, "market", name, "path").standard_normal(returns.size)
    moved = rho * returns + np.sqrt(1.0 - rho * rho) * volatility(returns, max(1, WINDOW_NS // first.step_ns)) * own
    level = np.concatenate([[0.0], np.cumsum(market.beta * moved)])
    return PricePath(first.start_ns, first.step_ns, first.prices[0] * np.exp(level))


def correlations(name: str, market: FurtherMarket, scenario: Scenario, first: PricePath) -> Floats:
    """The correlation that holds in each step of the first path, faults included; shape (steps,)."""
    rho = by_table(market, scenario, first)
    for table in scenario.faults:
        rho = span_of(table, first.start_ns).correlating(name, first, rho)
    return rho


def by_table(market: FurtherMarket, scenario: Scenario, first: PricePath) -> Floats:
    """What the market's own table says."""
    if market.correlation == market.crisis_correlation:
        return np.full(first.prices.size - 1, market.correlation)
    level = stress(withdrawal(scenario.makers), first)
    second = np.arange(first.prices.size - 1) * first.step_ns // SECOND_NS
    alarm = level[np.clip(second, 0, level.size - 1)]
    mixed: Floats = market.correlation + (market.crisis_correlation - market.correlation) * alarm
    return mixed


def volatility(returns: Floats, steps: int) -> Floats:
    """Root mean square of the last `steps` returns, each step's own included; shape of `returns`."""
    total = np.concatenate([[0.0], np.cumsum(returns * returns)])
    end = np.arange(1, returns.size + 1)
    begin = np.maximum(end - steps, 0)
    rms: Floats = np.sqrt(np.maximum(total[end] - total[begin], 0.0) / (end - begin))
    return rms
