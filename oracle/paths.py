"""The true price of the outside world: float64 prices on a fixed grid of time.

Rules: a path is made once, before a run, and never changes; every price is finite and positive; equal arguments and
seed give the equal path. `gbm` and `jump_diffusion` are synthetic; `waypoints` runs through given bars (`replay` reads
them from a file) and between them adds no price that the bars did not see; `continued` goes on from where a path ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from perplab.oracle.bars import Bar, Bars
from perplab.oracle.keyed import generator
from perplab.oracle.klines import replay
from perplab.oracle.values import (
    MAX_NS,
    MAX_PRICE,
    MIN_PRICE,
    MINUTE_NS,
    SECOND_NS,
    YEAR_NS,
    Floats,
    Ints,
    PathError,
    price_array,
    real,
    time_array,
    whole,
)

MAX_POINTS: Final = 50_000_000  # 400 MB: eight weeks of 100 ms steps
MIN_POINTS_PER_BAR: Final = 4  # open, high, low and close each need a grid point of their own
MAX_VOLATILITY: Final = 1_000.0  # [per square root of a year] fifty times the wildest coin
MAX_JUMPS_PER_HOUR: Final = 1e6  # more than the steps of an hour on any useful grid


@dataclass(frozen=True)
class Grid:
    """`points` moments, `step_ns` apart, the first at `start_ns`; PathError out of range."""

    start_ns: int  # [ns]
    step_ns: int  # [ns]
    points: int

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "points", whole(PathError, "points", self.points, 1, MAX_POINTS))
        put(self, "start_ns", whole(PathError, "start_ns", self.start_ns, 0, MAX_NS))
        put(self, "step_ns", whole(PathError, "step_ns", self.step_ns, 1, (MAX_NS - self.start_ns) // self.points))


@dataclass(frozen=True, eq=False)
class PricePath:
    """The true price: `prices[i]` [USD] holds from `start_ns + i * step_ns` until the next grid point.

    `prices`: float64 (n,), copied and read-only. PathError if a price is not finite and positive.
    """

    start_ns: int  # [ns]
    step_ns: int  # [ns]
    prices: Floats  # [USD]

    def __post_init__(self) -> None:
        object.__setattr__(self, "prices", price_array(PathError, "prices", self.prices))
        grid = Grid(self.start_ns, self.step_ns, self.prices.size)
        object.__setattr__(self, "start_ns", grid.start_ns)
        object.__setattr__(self, "step_ns", grid.step_ns)

    @property
    def end_ns(self) -> int:
        """The time of the last grid point [ns]."""
        return self.start_ns + (self.prices.size - 1) * self.step_ns

    def price_at(self, ts_ns: int) -> float:
        """The price [USD] at the last grid point at or before `ts_ns`; the first or last price outside the path."""
        index = (ts_ns - self.start_ns) // self.step_ns
        return float(self.prices[min(max(index, 0), self.prices.size - 1)])

    def at(self, ts_ns: Ints) -> Floats:
        """`price_at` of each time of `ts_ns`, int64 (m,) -> float64 (m,)."""
        inside = np.clip(time_array(PathError, "ts_ns", ts_ns), self.start_ns, self.end_ns)
        prices: Floats = self.prices[(inside - self.start_ns) // self.step_ns]
        return prices


@dataclass(frozen=True)
class Diffusion:
    """Geometric Brownian motion: dS / S = drift dt + volatility dW; a year is 365 days. PathError out of range."""

    drift: float  # [per year] growth of the expected price
    volatility: float  # [per square root of a year]

    def __post_init__(self) -> None:
        object.__setattr__(self, "drift", real(PathError, "drift", self.drift, -1e6, 1e6))
        volatility = real(PathError, "volatility", self.volatility, 0.0, MAX_VOLATILITY)
        object.__setattr__(self, "volatility", volatility)

    def log_steps(self, grid: Grid, seed: int) -> Floats:
        """The steps of ln S over the grid, float64 (points - 1,): exact in law at any step length."""
        years = grid.step_ns / YEAR_NS
        normals = generator(seed, "path", "diffusion").standard_normal(grid.points - 1)
        return (self.drift - 0.5 * self.volatility**2) * years + self.volatility * math.sqrt(years) * normals


@dataclass(frozen=True)
class Jumps:
    """Jumps of ln S: a Poisson number of them, each normal with `mean` and `sd`. PathError out of range.

    A 5 % fall once an hour on average: `Jumps(per_hour=1.0, mean=-0.05, sd=0.0)`.
    """

    per_hour: float  # [jumps / h] intensity
    mean: float  # [ln] mean size
    sd: float  # [ln] standard deviation of the size

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "per_hour", real(PathError, "per_hour", self.per_hour, 0.0, MAX_JUMPS_PER_HOUR))
        put(self, "mean", real(PathError, "mean", self.mean, -10.0, 10.0))
        put(self, "sd", real(PathError, "sd", self.sd, 0.0, 10.0))

    def log_steps(self, grid: Grid, seed: int) -> Floats:
        """The compensated jumps of ln S over the grid, float64 (points - 1,): they leave the expected price alone."""
        expected = self.per_hour * grid.step_ns / (60 * MINUTE_NS)  # jumps per step
        counts = generator(seed, "path", "jump counts").poisson(expected, grid.points - 1)
        normals = generator(seed, "path", "jump sizes").standard_normal(grid.points - 1)
        relative = math.expm1(self.mean + 0.5 * self.sd**2)  # E[jump factor] - 1
        # The sum of c independent sizes is normal with mean c * mean and variance c * sd^2.
        return counts * self.mean + np.sqrt(counts) * self.sd * normals - expected * relative


def gbm(grid: Grid, first_price: float, diffusion: Diffusion, seed: int) -> PricePath:
    """Geometric Brownian motion from `first_price` [USD]; a longer grid extends the same path.

    PathError if the price leaves the range of prices on the way.

    >>> gbm(Grid(0, 10**8, 3), 100.0, Diffusion(drift=0.0, volatility=0.0), seed=1).prices
    array([100., 100., 100.])
    """
    return _exponential(grid, first_price, diffusion.log_steps(grid, seed))


def jump_diffusion(grid: Grid, first_price: float, diffusion: Diffusion, jumps: Jumps, seed: int) -> PricePath:
    """Merton's jump diffusion (J. Financial Economics 3, 1976): `gbm` of the same seed, times compensated jumps.

    The expected price grows with `diffusion.drift`, jumps included. PathError as for `gbm`.
    """
    return _exponential(grid, first_price, diffusion.log_steps(grid, seed) + jumps.log_steps(grid, seed))


def _exponential(grid: Grid, first_price: float, log_steps: Floats) -> PricePath:
    first_price = real(PathError, "first_price", first_price, MIN_PRICE, MAX_PRICE)
    with np.errstate(over="ignore", under="ignore"):  # an overflow is refused below, as a price out of range
        factors = np.exp(np.concatenate(([0.0], np.cumsum(log_steps))))
        return PricePath(grid.start_ns, grid.step_ns, first_price * factors)


def waypoints(bars: Bars, step_ns: int, seed: int, noise: float = 1.0) -> PricePath:
    """A path through bars: each bar starts at its open, touches its high and low exactly, ends at its close.

    A bar that closes below its open (a down bar) sees its high first, any other its low first: the price goes against
    the bar, then through its whole range. When within the bar is drawn uniformly, save that an open or close that is
    the extreme itself serves as the touch. Between these points runs a Brownian bridge, reflected into [low, high].
    `noise` scales it: 0 gives straight lines, 1 the volatility whose expected squared range is the bar's, (high -
    low) / (2 sqrt(ln 2)) per bar (Parkinson, J. Business 53, 1980).

    `step_ns` [ns] divides `bars.bar_ns` into at least 4 points; the path has one point per step, from the first open
    to the last close, one step before `bars.end_ns`. The draws inside a bar depend on the seed and on the time the bar
    opens alone, so a window of the bars gives that window of the path. PathError for parameters out of range.
    """
    points = _points_per_bar(bars, step_ns)
    noise = real(PathError, "noise", noise, 0.0, 100.0)
    prices = np.empty(len(bars) * points)
    for index, open_ns in enumerate(bars.open_ns.tolist()):
        draws = generator(seed, "path", "waypoints", open_ns)
        prices[index * points : (index + 1) * points] = _inside(bars[index], points, noise, draws)
    return PricePath(bars.start_ns, step_ns, prices)


def continued(before: PricePath, knots: Sequence[tuple[int, float]], volatility: float, seed: int) -> PricePath:
    """`before`, and on from its last price through `knots`: (steps after its last point, rising; price [USD]).

    Between knots ln(price) is a straight line plus a Brownian bridge of `volatility` [per square root of a second], so the knots are met
    exactly; 0 gives straight lines. PathError for what is out of range.
    """
    volatility = real(PathError, "volatility", volatility, 0.0, 1.0)
    if not knots or any(later <= earlier for (earlier, _), (later, _) in pairwise([(0, 0.0), *knots])):
        raise PathError(f"knots: {list(knots)} given, expected at least one, with steps that rise from above 0")
    at = np.array([0, *(steps for steps, _ in knots)])
    logs = np.log(price_array(PathError, "knots", [before.prices[-1], *(price for _, price in knots)]))
    step_sd = volatility * math.sqrt(before.step_ns / SECOND_NS)
    walk = np.concatenate(([0.0], np.cumsum(generator(seed, "path", "continued").standard_normal(at[-1])) * step_sd))
    moments = np.arange(1, at[-1] + 1)
    after = np.exp(np.interp(moments, at, logs) + walk[1:] - np.interp(moments, at, walk[at]))
    return PricePath(before.start_ns, before.step_ns, np.concatenate([before.prices, after]))


def _points_per_bar(bars: Bars, step_ns: int) -> int:
    longest = bars.bar_ns // MIN_POINTS_PER_BAR
    if longest < 1:
        raise PathError(f"bar_ns: {bars.bar_ns} given, expected at least {MIN_POINTS_PER_BAR} ns")
    points, rest = divmod(bars.bar_ns, whole(PathError, "step_ns", step_ns, 1, longest))
    if rest:
        raise PathError(f"step_ns: {step_ns} given, expected a divisor of the bar length, {bars.bar_ns} ns")
    whole(PathError, f"points of {len(bars)} bars at step_ns {step_ns}", len(bars) * points, 1, MAX_POINTS)
    return points


def _inside(bar: Bar, points: int, noise: float, draws: np.random.Generator) -> Floats:
    """The prices of one bar, float64 (points,)."""
    at, values = _touches(bar, points, draws)
    step_sd = noise * (bar.high - bar.low) / (2.0 * math.sqrt(math.log(2.0) * points))
    walk = np.cumsum(draws.standard_normal(points)) * step_sd
    moments = np.arange(points)
    # A walk less the straight line between its own values at the touches is a Brownian bridge between them.
    prices = np.interp(moments, at, values) + walk - np.interp(moments, at, walk[at])
    prices = _reflect(prices, bar.low, bar.high)
    prices[at] = values  # exactly, whatever the arithmetic above rounded
    return prices


def _touches(bar: Bar, points: int, draws: np.random.Generator) -> tuple[Ints, Floats]:
    """Where the path is fixed: grid points within the bar, rising, and the prices there."""
    first, second = (bar.high, bar.low) if bar.close < bar.open else (bar.low, bar.high)
    one = int(draws.integers(1, points - 1))  # two different inner points: the second skips the first
    two = int(draws.integers(1, points - 2))
    two += two >= one
    touches = [(0, bar.open), (min(one, two), first), (max(one, two), second), (points - 1, bar.close)]
    if second == bar.close:
        del touches[2]
    if first == bar.open:
        del touches[1]
    return np.array([at for at, _ in touches], dtype=np.int64), np.array([price for _, price in touches])


def _reflect(prices: Floats, low: float, high: float) -> Floats:
    """Prices folded at the walls `low` and `high` until they lie between; the clip takes off rounding errors."""
    width = high - low
    if width == 0.0:
        return np.full_like(prices, low)
    folded = width - np.abs((prices - low) % (2.0 * width) - width)
    return np.clip(low + folded, low, high)


__all__ = [
    "Bar",
    "Bars",
    "Diffusion",
    "Grid",
    "Jumps",
    "PathError",
    "PricePath",
    "continued",
    "gbm",
    "jump_diffusion",
    "replay",
    "waypoints",
]
