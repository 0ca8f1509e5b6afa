"""How trading moves the true price: the square-root law of market impact, as a propagator with a transient and a permanent part.

A metaorder of Q USD that trades at a constant rate moves the price by y x daily volatility x sqrt(Q / daily volume), whatever its duration
(measured on Bitcoin over four decades of Q with y of about 1: Donier and Bonart, Market Microstructure and Liquidity 1, 2015, arXiv
1412.4503). What follows here is built so that it does:

- **Transient.** Each second adds f(v) = sign(v) sqrt(|v|) of its signed volume v, and what it added decays as 1 / sqrt(t): the propagator
  of Bouchaud, Gefen, Potters and Wyart (Quantitative Finance 4, 2004), with the exponents that leave a round trip no profit (Gatheral,
  Quantitative Finance 10, 2010). 1 / sqrt(t) is a sum of exponentials, so that a second costs a dozen multiplications.
- **Permanent.** A share of the law as a function of all that was bought less all that was sold. As it depends on nothing else, buying and
  selling the same leaves nothing of it, and no round trip gains from it (Huberman and Stanzl, Econometrica 72, 2004).

Rules: without trading there is no impact, whatever is quoted; mirrored volumes give mirrored impact. |impact| is at most
y x daily volatility x sqrt(G / daily volume) x (permanent + 1.8 (1 - permanent)), where G is all that was traded in a run of at most two
hours, bought and sold alike (Cauchy and Schwarz: half the root of the sum of the squared weights of 7,200 seconds is 1.8).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from perplab.oracle.values import Floats, PathError, real

SPACING: Final = 4.0  # at most, between neighboring decay times: the trapezoidal rule then errs by a quarter of a percent
STEP_S: Final = 1.0  # [s] over which volume is summed


def decay_times(shortest_s: float, longest_s: float) -> Floats:
    """Decay times from the shortest to the longest, evenly on a log scale, a factor of 4 or less apart; shape (k,), k >= 2 [s]."""
    spans = max(1, math.ceil(math.log(longest_s / shortest_s) / math.log(SPACING) - 1e-9))
    times: Floats = shortest_s * (longest_s / shortest_s) ** (np.arange(spans + 1) / spans)
    return times


def weights(times: Floats) -> Floats:
    """Weights w with sum of w exp(-t / times) = 1 / sqrt(t), shape (k,) [1 / sqrt(s)].

    1 / sqrt(t) = integral of exp(y/2 - t e^y) dy / sqrt(pi) by the trapezoidal rule; all that lies beyond an end is laid on that end. The
    sums from 0 to T, which are what a metaorder of that duration feels, err by less than half a percent for T from four times the
    shortest decay time to a twelfth of the longest.
    """
    spacing = math.log(times[1] / times[0])
    each = spacing / np.sqrt(math.pi * times)
    each[[0, -1]] /= 1.0 - math.exp(-spacing / 2.0)  # a geometric series beyond each end
    found: Floats = each
    return found


class Propagator:
    """The state of a run: `step` takes the volume of each second and tells how far the price is moved. PathError for what is out of range.

    `y`, `daily_volatility` (a share: 0.03) and `daily_volume_usd` are those of the law; `permanent` is the share of the peak that stays;
    transient impact decays over times from `shortest_s` to `longest_s`.
    """

    def __init__(
        self, y: float, daily_volatility: float, daily_volume_usd: float, permanent: float, shortest_s: float, longest_s: float
    ) -> None:
        y = real(PathError, "y", y, 0.0, 100.0)
        scale = real(PathError, "daily_volatility", daily_volatility, 1e-9, 10.0)
        scale *= y / math.sqrt(real(PathError, "daily_volume_usd", daily_volume_usd, 1.0, 1e15))
        permanent = real(PathError, "permanent", permanent, 0.0, 1.0)
        shortest_s = real(PathError, "shortest_s", shortest_s, 1e-3, 1e9)
        times = decay_times(shortest_s, real(PathError, "longest_s", longest_s, 2.0 * shortest_s, 1e9))
        self._stays = scale * permanent  # [1 / sqrt(USD)]
        self._keeps = np.exp(-STEP_S / times)
        # A second at a constant rate v adds the integral of each exponential; half of it, as 2 sqrt(T) is the sum of 1 / sqrt(t) up to T.
        self._adds: Floats = scale * (1.0 - permanent) / 2.0 * weights(times) * times * (1.0 - self._keeps)
        self._parts = np.zeros(times.size)
        self._net_usd = 0.0

    def step(self, usd: float) -> float:
        """The impact on ln(price) after one more second in which takers bought `usd` more than they sold; below zero: sold more."""
        self._net_usd += usd
        self._parts = self._parts * self._keeps + self._adds * _root(usd)
        return float(self._parts.sum()) + self._stays * _root(self._net_usd)


def _root(value: float) -> float:
    """sign(v) sqrt(|v|)."""
    return math.copysign(math.sqrt(abs(value)), value)
