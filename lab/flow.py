"""The exogenous part of a run, drawn before it begins: noise taker orders and oracle updates.

Rules: nothing here depends on the venue's state. Taker orders come in clusters (each sets off others, a Hawkes process in its branching
form), their signs have a long memory, their sizes a heavy tail, all as measured, their limits a distance from the true price; over each
balance window buys equal sells, so that the flow carries no opinion on the price. The arrival rate follows the volatility of the true
price, and fades where makers withdraw.
"""

from __future__ import annotations

from itertools import accumulate
from math import exp
from typing import Final

import numpy as np

from perplab.clients.bots.base import pack_many
from perplab.clients.bots.market_maker import Alarm, Withdrawal
from perplab.clients.bots.taker import Flow
from perplab.exchange.messages import Side, UpdateOracle
from perplab.exchange.units import BP, MS_NS, SECOND_NS
from perplab.lab.agent_tables import Noise
from perplab.lab.runs import MARKET, Floats, Ints
from perplab.lab.scenario import Scenario
from perplab.lab.timeline import span_of
from perplab.oracle.feed import Feed
from perplab.oracle.keyed import generator
from perplab.oracle.paths import PricePath

VOLATILITY_S: Final = 60  # [s] window of the volatility that the arrival rate follows
LONGEST_CLUSTER: Final = 10_000  # generations: a branching below 1 ends long before


def oracle_rows(scenario: Scenario, path: PricePath, seed: int, tick_usd: float) -> Ints:
    """UpdateOracle commands of one market in order of arrival, packed; the first one as the path begins. Shape (n, 16)."""
    oracle = scenario.oracle
    feed = Feed(round(oracle.cadence_s * SECOND_NS), oracle.lag_ms * MS_NS, oracle.jitter_ms * MS_NS)
    spots, perps = oracle.heard([span_of(table, path.start_ns) for table in scenario.faults])
    updates = feed.updates(path, spots, seed, path.start_ns, path.end_ns + 1, tick_usd, perps)
    return pack_many(
        UpdateOracle, len(updates), ts=updates.publish_ns, market=MARKET, price=updates.price_ticks, perp_median=updates.perp_ticks
    )


def noise_flows(
    noise: Noise, fear: Withdrawal, path: PricePath, seed: int, lot_coins: float, tick_usd: float
) -> list[Flow]:
    """The flow of each noise account: one market-wide stream of taker orders, dealt out at random."""
    if not noise.accounts:
        return []
    ts = _arrivals(noise, fear, path, seed)
    sides = _sides(noise, ts.size, seed)
    coins = _sizes(noise, ts.size, seed)
    _balance(coins, sides, (ts - path.start_ns) // max(1, round(noise.balance_s * SECOND_NS)))
    lots = np.maximum(1, np.rint(coins / lot_coins).astype(np.int64))
    limits = _limits(noise, path.at(ts) / tick_usd, sides)
    account = generator(seed, "noise", "account").integers(0, noise.accounts, ts.size)
    return [Flow(ts[mine], sides[mine], lots[mine], limits[mine]) for mine in (account == one for one in range(noise.accounts))]


def surge(noise: Noise, path: PricePath) -> Floats:
    """The arrival rate over the calm one in each second of the path, by the volatility of the minute before. Shape (seconds,)."""
    seconds = max(2, (path.end_ns - path.start_ns) // SECOND_NS)
    steps = np.diff(np.log(path.at(path.start_ns + SECOND_NS * np.arange(seconds + 1)))) ** 2
    window = np.minimum(np.arange(seconds) + 1, VOLATILITY_S)
    variance = np.convolve(steps, np.ones(VOLATILITY_S), mode="full")[:seconds] / window
    times: Floats = np.clip((np.sqrt(variance) / (noise.calm_bp * BP)) ** noise.surge, 1.0 / noise.surge_cap, noise.surge_cap)
    return times


def stress(fear: Withdrawal, path: PricePath) -> Floats:
    """How far makers who see the true price have withdrawn in each second of the path, from 0 to 1. Shape (seconds,)."""
    alarm = Alarm(fear)
    alarm.start(path.start_ns, path.price_at(path.start_ns))
    seconds = max(2, (path.end_ns - path.start_ns) // SECOND_NS)
    ts = path.start_ns + SECOND_NS * np.arange(1, seconds)
    levels = [alarm.level()]
    for when, price in zip(ts.tolist(), path.at(ts).tolist(), strict=True):
        alarm.watch(when, price)
        levels.append(alarm.level())
    return np.array(levels)


def _arrivals(noise: Noise, fear: Withdrawal, path: PricePath, seed: int) -> Ints:
    """Times of all orders [ns], rising: immigrants at the surging rate, then generation after generation of their offspring."""
    draws = generator(seed, "noise", "arrivals")
    times = surge(noise, path) * (1.0 - noise.fade * stress(fear, path))
    counts = draws.poisson(noise.per_s * (1.0 - noise.branching) * times)
    born = np.repeat(np.arange(times.size), counts) + draws.random(int(counts.sum()))  # [s]
    waves = [born]
    for _ in range(LONGEST_CLUSTER):
        if not waves[-1].size:
            break
        parents = np.repeat(waves[-1], draws.poisson(noise.branching, waves[-1].size))
        waves.append(parents + draws.exponential(noise.decay_s, parents.size))
    seconds = np.sort(np.concatenate(waves))
    ts: Ints = path.start_ns + 1 + (seconds[seconds < times.size] * SECOND_NS).astype(np.int64)
    return ts


def _sides(noise: Noise, n: int, seed: int) -> Ints:
    """The Side of each: the sign of a persistent Gaussian plus noise, whose sign autocorrelation is 2/pi arcsin(memory e^-lag/orders)."""
    draws = generator(seed, "noise", "sides")
    keep = exp(-1.0 / noise.sign_orders)
    shocks = draws.standard_normal(n) * (1.0 - keep * keep) ** 0.5
    if n:
        shocks[0] = draws.standard_normal()  # starts in its stationary law
    slow = np.fromiter(accumulate(shocks.tolist(), lambda level, shock: keep * level + shock), np.float64, n)
    mixed = noise.sign_memory**0.5 * slow + (1.0 - noise.sign_memory) ** 0.5 * draws.standard_normal(n)
    sides: Ints = (mixed < 0.0).astype(np.int64)
    return sides


def _sizes(noise: Noise, n: int, seed: int) -> Floats:
    """Sizes [coins] by interpolating the logarithm of the measured quantiles; below the first one all have its size."""
    u = generator(seed, "noise", "sizes").random(n)
    coins: Floats = np.exp(np.interp(u, noise.size_quantile, np.log(noise.size_coins)))
    return coins


def _limits(noise: Noise, true: Floats, sides: Ints) -> Ints:
    """The worst price each order accepts, `slippage_bp` beyond the true one. [ticks]"""
    beyond = np.where(sides == Side.BUY, 1.0, -1.0) * noise.slippage_bp * BP
    limits: Ints = np.rint(true * (1.0 + beyond)).astype(np.int64)
    return limits


def _balance(coins: Floats, sides: Ints, window: Ints) -> None:
    """Scale buys and sells of each window to equal sums, in place; a window of one side only is left as it is."""
    if not coins.size:
        return
    bought = np.bincount(window, weights=np.where(sides == Side.BUY, coins, 0.0))
    sold = np.bincount(window, weights=np.where(sides == Side.SELL, coins, 0.0))
    half = np.where((bought > 0.0) & (sold > 0.0), (bought + sold) / 2.0, 0.0)
    for side, total in ((Side.BUY, bought), (Side.SELL, sold)):
        factor = np.where(half > 0.0, half / np.maximum(total, 1e-300), 1.0)
        mine = sides == side
        coins[mine] *= factor[window[mine]]
