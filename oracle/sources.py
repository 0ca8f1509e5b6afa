"""What each outside source reports of the true price, and how several reports become one price.

Rules: a source that reports nothing is NaN, never zero or the last value. In one source, faults apply in this order:
bias and noise, manipulation, stuck (which repeats what the former three gave), outage (which hides all of them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from perplab.oracle.keyed import generator
from perplab.oracle.paths import PricePath
from perplab.oracle.values import BP, MAX_NS, Floats, Ints, SourceError, real, text, time_array, whole

MAX_NOISE_BP: Final = 1_000.0  # [bp] 10 %: numpy's largest normal draw is below 9, so 1 + noise stays positive
MIN_OFFSET_BP: Final = -9_999.0  # [bp] a price stays positive
MAX_OFFSET_BP: Final = 1_000_000.0  # [bp] a hundred times the price
MAX_WEIGHT: Final = 1e9
WINDOW: Final = {2: "(from_ns, to_ns)"}  # what it may consist of, by length
MANIPULATION: Final = {3: "(from_ns, to_ns, offset_bp)", 4: "(from_ns, to_ns, offset_bp, ramp_ns)"}

Window: TypeAlias = tuple[int, int]  # [from_ns, to_ns)
Manipulation: TypeAlias = tuple[int, int, float] | tuple[int, int, float, int]  # [from_ns, to_ns), offset [bp], ramp_ns


@dataclass(frozen=True)
class Source:
    """One outside venue's price: the true price with faults. SourceError names the parameter that is wrong.

    Windows are half-open, [from_ns, to_ns), and those of one kind do not overlap; lists are taken as tuples.
    """

    name: str
    weight: float = 1.0  # its share in weighted_median
    noise_bp: float = 0.0  # [bp] standard deviation of a normal error, drawn anew at each report
    bias_bp: float = 0.0  # [bp] constant error
    outages: tuple[Window, ...] = ()  # reports nothing
    stuck: tuple[Window, ...] = ()  # repeats the value at the window's start
    manipulated: tuple[Manipulation, ...] = ()  # reports a price off by this much; with a ramp, in a straight line from 0

    def __post_init__(self) -> None:
        put = object.__setattr__  # the dataclass is frozen: this is the one place that fills it
        put(self, "name", text(SourceError, "name", self.name))
        label = f"source {self.name!r}: "
        put(self, "weight", real(SourceError, label + "weight", self.weight, 1 / MAX_WEIGHT, MAX_WEIGHT))
        put(self, "noise_bp", real(SourceError, label + "noise_bp", self.noise_bp, 0.0, MAX_NOISE_BP))
        put(self, "bias_bp", real(SourceError, label + "bias_bp", self.bias_bp, MIN_OFFSET_BP, MAX_OFFSET_BP))
        put(self, "outages", _windows(label + "outages", self.outages))
        put(self, "stuck", _windows(label + "stuck", self.stuck))
        put(self, "manipulated", _windows(label + "manipulated", self.manipulated, MANIPULATION))

    def reports(self, path: PricePath, times: Ints, seed: int) -> Floats:
        """What the source reports at each of `times`, int64 (n,) [ns] -> float64 (n,) [USD], NaN in outages.

        The i-th report uses the i-th draw of the stream (seed, this source's name): more times, or other sources,
        change no earlier report.
        """
        times = time_array(SourceError, "times", times)
        prices = self._live(path, times, generator(seed, "source", self.name, "noise"))
        for from_ns, to_ns in self.stuck:
            draws = generator(seed, "source", self.name, "stuck", from_ns)
            prices[_within(times, from_ns, to_ns)] = self._live(path, np.array([from_ns]), draws)[0]
        for from_ns, to_ns in self.outages:
            prices[_within(times, from_ns, to_ns)] = np.nan
        return prices

    def _live(self, path: PricePath, times: Ints, draws: np.random.Generator) -> Floats:
        """Bias, noise and manipulation on the true price: a product of positive factors."""
        noise = draws.standard_normal(times.size) * (self.noise_bp * BP)
        prices = path.at(times) * (1.0 + self.bias_bp * BP) * (1.0 + noise)
        for from_ns, to_ns, offset_bp, *ramp in self.manipulated:
            inside = _within(times, from_ns, to_ns)
            share = np.minimum(1.0, (times[inside] - from_ns) / ramp[0]) if ramp else 1.0
            prices[inside] *= 1.0 + share * offset_bp * BP
        return prices


def _within(times: Ints, from_ns: int, to_ns: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask: np.ndarray[tuple[int], np.dtype[np.bool_]] = (times >= from_ns) & (times < to_ns)
    return mask


def _windows(name: str, given: object, forms: Mapping[int, str] = WINDOW) -> tuple[tuple[float, ...], ...]:
    """Windows as tuples by rising start; SourceError if one is empty, out of range, or overlaps another."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise SourceError(f"{name}: {given!r} given, expected a list of windows")
    windows = sorted(_window(f"{name}[{index}]", one, forms) for index, one in enumerate(given))
    for before, after in pairwise(windows):
        if after[0] < before[1]:
            raise SourceError(f"{name}: {after!r} overlaps {before!r}, expected windows that do not overlap")
    return tuple(windows)


def _window(name: str, given: object, forms: Mapping[int, str]) -> tuple[float, ...]:
    if not isinstance(given, Sequence) or len(given) not in forms:
        raise SourceError(f"{name}: {given!r} given, expected {' or '.join(forms.values())}")
    from_ns = whole(SourceError, f"{name} from_ns", given[0], 0, MAX_NS - 1)
    to_ns = whole(SourceError, f"{name} to_ns", given[1], from_ns + 1, MAX_NS)
    if len(given) == 2:
        return from_ns, to_ns
    offset_bp = real(SourceError, f"{name} offset_bp", given[2], MIN_OFFSET_BP, MAX_OFFSET_BP)
    if len(given) == 3:
        return from_ns, to_ns, offset_bp
    return from_ns, to_ns, offset_bp, whole(SourceError, f"{name} ramp_ns", given[3], 1, MAX_NS)


def median(reports: Floats, weights: Sequence[float] | None = None) -> Floats:
    """The median of the sources that report, (n_sources, n_times) -> (n_times,); NaN where none does.

    Of an even number of reports, the mean of the middle two. `weights` are ignored: they let every aggregate be called
    the same way. SourceError if `reports` has another shape.
    """
    del weights
    return weighted_median(reports, [1.0] * len(reports))


def weighted_median(reports: Floats, weights: Sequence[float] | None = None) -> Floats:
    """The weighted median of the sources that report, (n_sources, n_times) -> (n_times,); NaN where none does.

    The smallest report at which the weights of it and all below reach half of the weight that reports; where they
    reach exactly half, the mean of that report and the next, so equal weights (also the default) give the median.
    Hyperliquid's oracle and external perp price are such medians. SourceError for other shapes or weights.

    >>> weighted_median(np.array([[100.0], [101.0], [109.0]]), [3.0, 2.0, 2.0])
    array([101.])
    """
    reports = np.asarray(reports, dtype=np.float64)
    if reports.ndim != 2 or len(reports) == 0:
        raise SourceError(f"reports: shape {reports.shape} given, expected (n_sources, n_times) with n_sources >= 1")
    if weights is None:
        weights = [1.0] * len(reports)
    if len(weights) != len(reports):
        raise SourceError(f"weights: {len(weights)} given, expected one per source, {len(reports)}")
    column = np.array([real(SourceError, "weights", weight, 1 / MAX_WEIGHT, MAX_WEIGHT) for weight in weights])
    by_weight = np.argsort(column, kind="stable")  # so that equal reports are added up in one order, whoever comes first
    reports, column = reports[by_weight], column[by_weight]
    order = np.argsort(reports, axis=0, kind="stable")  # NaN sorts last, with weight 0
    values = np.take_along_axis(reports, order, axis=0)
    below = np.cumsum(np.where(np.isnan(values), 0.0, column[order]), axis=0)
    half = below[-1] * 0.5
    lower = np.sum(below < half, axis=0)
    upper = np.minimum(np.sum(below <= half, axis=0), len(reports) - 1)  # nobody reports: any row, all are NaN
    pair = np.take_along_axis(values, np.stack((lower, upper)), axis=0)
    middle: Floats = pair[0] + (pair[1] - pair[0]) * 0.5
    return middle


Aggregate: TypeAlias = Callable[[Floats, Sequence[float]], Floats]

AGGREGATES: Final[dict[str, Aggregate]] = {"median": median, "weighted_median": weighted_median}
