"""How likely a liquidation is before the stop, or before a horizon, on a model of the price; and which leverage keeps that below a bound.

Probabilities are floats and no money. Three models: `Gbm` has a closed form, `Jumps` and `Replay` are simulated from a seed with a standard
error beside the mean. The same seed draws the same paths whatever the barrier is (common random numbers), so that of two leverages the
higher is never the safer one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from .maintenance import YEAR_S, Held, initial, liquidation_price
from .units import WIDE, Market, Number, exact

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Floats = NDArray[float64]

MOST_JUMPS: Final = 1_000  # in a horizon, on average: each is a step of the simulation
MOST_PATHS: Final = 1_000_000
MOST_BARS: Final = 100_000_000  # of a horizon, times paths: some seconds
AT_ONCE: Final = 1 << 22  # numbers of a replay in memory
NEVER_SEEN: Final = 3.0  # of n paths none was hit: less than 3 / n, at 95 % (rule of three)


class Estimate(Struct, frozen=True):
    """A probability, with its standard error (0: of a closed form)."""

    probability: float
    error: float = 0.0
    paths: int = 0  # that were drawn; 0: of a closed form

    @property
    def at_most(self) -> float:
        """What it is held against a bound with: two standard errors higher, and of n paths no less than 3 / n."""
        if not self.paths:
            return self.probability
        return max(self.probability + 2 * self.error, NEVER_SEEN / self.paths)


class Barrier(Struct, frozen=True):
    """Log distances from the price now, all above zero and seen along the way to liquidation: a short's are mirrored."""

    liquidation: float
    stop: float  # infinity: none
    sign: int  # 1: the price has to fall; -1: to rise

    @property
    def is_stopped_first(self) -> bool:
        """Does a price without gaps reach the stop before liquidation?"""
        return self.stop < self.liquidation


class Gbm(Struct, frozen=True):
    """Geometric Brownian motion, watched at all times: ln S moves by (drift - volatility^2 / 2) t + volatility W(t)."""

    volatility: float  # share per square root of a year: 0.8
    drift: float = 0.0  # per year: E[S(t)] = S(0) exp(drift t)

    def estimate(self, barrier: Barrier, horizon_s: float) -> Estimate:
        """Exact. Behind a stop it is 0: a price without gaps is stopped first."""
        if barrier.is_stopped_first:
            return Estimate(0.0)
        log_drift = self.drift - self.volatility**2 / 2
        return Estimate(first_passage(barrier.liquidation, self.volatility, -barrier.sign * log_drift, horizon_s / YEAR_S))


class Jumps(Struct, frozen=True, kw_only=True):
    """Gbm with jumps that come `per_year` times a year on average and move ln S by a normal number (Merton 1976).

    The drift is that of the expected price, jumps included. Jumps and what the price is right before and after them are drawn exactly;
    between two, the probability that a Brownian bridge touches the barrier takes the place of a draw, so there is no grid of time and no
    error of one.
    """

    volatility: float  # of what moves between jumps
    per_year: float
    mean: float  # of the move of ln S in a jump: -0.05
    deviation: float  # standard, of that move
    drift: float = 0.0
    paths: int = 20_000
    seed: int = 1

    def estimate(self, barrier: Barrier, horizon_s: float) -> Estimate:
        """The mean over paths of the probability that each is liquidated."""
        years = horizon_s / YEAR_S
        if self.per_year * years > MOST_JUMPS:
            raise ValueError(f"{self.per_year * years:,.0f} jumps in the horizon; expected at most {MOST_JUMPS:,}")
        return _mean(self._chances(barrier, years))

    def _chances(self, barrier: Barrier, years: float) -> Floats:
        import numpy as np

        draw = np.random.Generator(np.random.PCG64(self.seed))
        compensated = self.per_year * math.expm1(self.mean + self.deviation**2 / 2)
        log_drift = self.drift - self.volatility**2 / 2 - compensated
        nearer, is_stopped = min(barrier.liquidation, barrier.stop), barrier.is_stopped_first
        x, left, alive, hit = np.zeros(self.paths), np.full(self.paths, years), np.ones(self.paths), np.zeros(self.paths)
        while left.any():  # x: how far the price has gone the way to liquidation; alive: the chance that nothing has happened yet
            wait = draw.exponential(1 / self.per_year, self.paths) if self.per_year else left
            jumps, span = wait < left, np.minimum(wait, left)
            moved = x - barrier.sign * (log_drift * span + self.volatility * np.sqrt(span) * draw.standard_normal(self.paths))
            touched = alive * bridge(nearer - x, nearer - moved, self.volatility**2 * span)
            hit += 0.0 if is_stopped else touched
            alive = alive - touched
            x = moved - np.where(jumps, barrier.sign * draw.normal(self.mean, self.deviation, self.paths), 0.0)
            hit += np.where(x >= barrier.liquidation, alive, 0.0)
            alive = np.where(x >= nearer, 0.0, alive)
            left = np.where(jumps, left - span, 0.0)
        return np.minimum(hit, 1.0)


class Replay(Struct, frozen=True, kw_only=True):
    """What a price has done, drawn anew in blocks of consecutive bars (circular block bootstrap, Politis and Romano 1992).

    A bar is seen at its worst and at its close: one that passes the stop and liquidation together counts as liquidated. The error is that
    of the drawing; that the price has taken one path only, and may take others, is in none of these numbers.
    """

    closes: Sequence[float]
    worst: tuple[Sequence[float], Sequence[float]] | None = None  # lowest and highest prices of the bars; None: closes are all there is
    step_s: float = 60.0  # between two closes
    block: int = 0  # bars; 0: as many as the horizon has
    paths: int = 5_000
    seed: int = 1

    def estimate(self, barrier: Barrier, horizon_s: float) -> Estimate:
        """The share of drawn paths that are liquidated."""
        import numpy as np

        steps = math.ceil(horizon_s / self.step_s)
        if steps * self.paths > MOST_BARS:
            raise ValueError(f"{steps:,} bars in the horizon, times {self.paths:,} paths; expected at most {MOST_BARS:,} together")
        return _mean(np.concatenate(list(self._chances(barrier, steps))))

    def _chances(self, barrier: Barrier, steps: int) -> Iterator[Floats]:
        import numpy as np

        draw, block = np.random.Generator(np.random.PCG64(self.seed)), min(self.block or steps, steps)
        moves, worst = self._moves(barrier.sign)
        for first in range(0, self.paths, max(1, AT_ONCE // steps)):
            rows = min(self.paths - first, max(1, AT_ONCE // steps))
            starts = draw.integers(0, len(moves), (rows, -(-steps // block)))
            bars = ((starts[:, :, None] + np.arange(block)) % len(moves)).reshape(rows, -1)[:, :steps]
            before = np.cumsum(moves[bars], axis=1) - moves[bars]
            seen = before + worst[bars]  # how far on the way to liquidation each bar gets
            at = np.argmax(seen >= min(barrier.liquidation, barrier.stop), axis=1)  # the first that ends it; 0, if none does
            yield (seen[np.arange(rows), at] >= barrier.liquidation).astype(float)

    def _moves(self, sign: int) -> tuple[Floats, Floats]:
        """Of each bar, from the close before it: to its close, and to its worst, on the way to liquidation."""
        import numpy as np

        closes = np.log(np.asarray(self.closes, float))
        moves = -sign * np.diff(closes)
        if self.worst is None:
            return moves, moves
        extremes = np.log(np.asarray(self.worst[0] if sign > 0 else self.worst[1], float))
        return moves, np.maximum(moves, -sign * (extremes[1:] - closes[:-1]))


Model = Gbm | Jumps | Replay


class Chance(Struct, frozen=True, kw_only=True):
    """What is asked: liquidated before `horizon_s` is over, and before the price was at `stop`. Raises ValueError for what cannot be."""

    model: Model
    horizon_s: float
    stop: Decimal | None = None  # [USD] None: there is none

    def __post_init__(self) -> None:
        check(self.model)
        if not 0 < self.horizon_s <= 10 * YEAR_S:
            raise ValueError(f"the horizon is {self.horizon_s} s; expected more than 0, and at most ten years")


class Leverage(Struct, frozen=True, kw_only=True):
    """The largest whole leverage that keeps a bound."""

    leverage: int  # 0: not even 1 does
    chance: Estimate | None  # with it; None: of leverage 0
    liquidation: Decimal | None  # [USD] with it; None: no price leads to it
    beyond: Estimate | None  # with one more; None: the market allows no more


def check(model: Model) -> None:
    """Raises ValueError for numbers that no model has."""
    if isinstance(model, Replay):
        series = [model.closes, *(model.worst or ())]
        if len(model.closes) < 2 or any(len(one) != len(model.closes) or not min(one) > 0 for one in series):
            raise ValueError("a path to replay has two closes or more, prices above 0, and as many lows and highs as closes")
        if model.step_s <= 0 or model.block < 0:
            raise ValueError(f"step {model.step_s} s, block {model.block}: expected a step above 0, and a block of 0 or more bars")
    elif not (math.isfinite(model.drift) and 0 < model.volatility <= 100):
        raise ValueError(f"volatility {model.volatility}, drift {model.drift}: expected a volatility above 0 and at most 100 (10,000 %)")
    if isinstance(model, Jumps) and (model.per_year < 0 or model.deviation < 0 or abs(model.mean) > 10 or model.deviation > 10):
        raise ValueError(f"jumps {model.per_year} a year, {model.mean} +- {model.deviation}: expected 0 or more, and moves of at most 10")
    if not isinstance(model, Gbm) and not 100 <= model.paths <= MOST_PATHS:
        raise ValueError(f"{model.paths:,} paths; expected 100 to {MOST_PATHS:,}")


def _mean(chances: Floats) -> Estimate:
    return Estimate(float(chances.mean()), float(chances.std(ddof=1)) / math.sqrt(len(chances)), len(chances))


def log_normal_below(x: float) -> float:
    """ln of the standard normal distribution function; far below by its asymptotic series, good to 1e-6 there."""
    if x > -30:
        return math.log(math.erfc(-x / math.sqrt(2)) / 2)
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi)) + math.log1p(-1 / x**2 + 3 / x**4)


def first_passage(distance: float, volatility: float, towards: float, years: float) -> float:
    """Probability that a Brownian motion with drift `towards` a barrier, `distance` > 0 away, reaches it in time.

    By the reflection principle (Karatzas and Shreve, *Brownian Motion and Stochastic Calculus*, 3.5.C), with s = volatility x sqrt(years):

        P = N((towards x years - distance) / s) + exp(2 towards distance / volatility^2) N((-towards x years - distance) / s)

    Example: ln(60,000 / 54,683) = 0.09279 away, 80 % a year, drift 0, so towards = 0.8^2 / 2 = 0.32, in a day:
    N(-2.195) + e^0.0928 N(-2.237) = 0.0280.
    """
    s, moved = volatility * math.sqrt(years), towards * years
    straight = math.exp(log_normal_below((moved - distance) / s))
    reflected = math.exp(min(0.0, 2 * towards * distance / volatility**2 + log_normal_below((-moved - distance) / s)))
    return min(1.0, straight + reflected)


def bridge(start: Floats, end: Floats, variance: Floats) -> Floats:
    """Probability that a Brownian bridge goes below 0 between two heights: exp(-2 start end / variance), 1 where an end is below."""
    import numpy as np

    above = (start > 0) & (end > 0)
    exponent = np.divide(-2 * start * end, variance, out=np.full(start.shape, -np.inf), where=above & (variance > 0))
    return np.where(above, np.exp(exponent), 1.0)


def liquidation_chance(entry: Number, liquidation: Decimal | None, chance: Chance, *, is_long: bool = True) -> Estimate:
    """How likely a position at `entry` [USD] is liquidated at a price, in time and before the stop. None: no price leads to liquidation.

    1, where the entry is already there. Raises ValueError for a stop that is no loss.
    """
    now, sign = exact(entry, "the entry"), 1 if is_long else -1
    if now <= 0 or (liquidation is not None and liquidation <= 0) or (chance.stop is not None and chance.stop <= 0):
        raise ValueError(f"entry {now}, liquidation {liquidation}, stop {chance.stop}: expected prices above 0")
    stop = math.inf if chance.stop is None else sign * math.log(now / chance.stop)
    if stop <= 0:
        which = "long" if is_long else "short"
        raise ValueError(f"the stop of a {which} at {now:f} is {chance.stop}; expected one on the side of its loss")
    if liquidation is None:
        return Estimate(0.0)
    distance = sign * math.log(now / liquidation)
    return chance.model.estimate(Barrier(distance, stop, sign), chance.horizon_s) if distance > 0 else Estimate(1.0)


def liquidation_at(terms: Market, size: Decimal, entry: Number, leverage: int) -> Decimal | None:
    """Where a position of `size` [coins], below zero a short, that was given its initial margin alone is liquidated. [USD]"""
    at = exact(entry, "the entry")
    return liquidation_price(terms, Held(size=size, entry=at, margin=initial(terms, abs(WIDE.multiply(size, at)), leverage)))


def largest_leverage(terms: Market, size: Decimal, entry: Number, chance: Chance, bound: float) -> Leverage:
    """The largest whole leverage at which a position with its initial margin alone is liquidated with a probability of at most `bound`.

    A higher leverage brings liquidation nearer, and so is never less likely to meet it: found by bisection, up to the market's largest.
    What was simulated has to keep the bound by two standard errors. Raises ValueError.
    """
    if not 0 < bound < 1 or not size:
        raise ValueError(f"bound {bound}, size {size}: expected a bound between 0 and 1, and a size that is not 0")

    def at(leverage: int) -> Estimate:
        return liquidation_chance(entry, liquidation_at(terms, size, entry, leverage), chance, is_long=size > 0)

    good, bad, known = 0, terms.max_leverage + 1, dict[int, Estimate]()
    while bad - good > 1:
        middle = (good + bad) // 2
        known[middle] = at(middle)
        if known[middle].at_most <= bound:
            good = middle
        else:
            bad = middle
    where = liquidation_at(terms, size, entry, good) if good else None
    return Leverage(leverage=good, chance=known.get(good), liquidation=where, beyond=known.get(bad))
