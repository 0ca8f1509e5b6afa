"""What paired differences tell: how large they are, how sure that is, and whether they are more than chance.

A *question* is one metric of one design against the baseline. Its answer in one *pair* (the same path and seed for both) is a difference.
Seeds are what is drawn: with the same seed the same people and the same orders are on all paths, so the pairs of a seed hang together and
are one observation. Paths are chosen, and nothing is said of others.

Rules of the file: it knows nothing of venues, and asks all questions of a table at once, since the more are asked, the more often one
of them looks like a finding by chance. What is drawn is drawn by keyed generators, and sums are made in the order of the pairs, so that
equal differences give equal answers on any machine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from statistics import NormalDist, fmean, median, stdev
from typing import Final, NamedTuple, TypeVar

import numpy as np

from perplab.oracle.keyed import generator

from ..runs import Floats

LEVEL: Final = 0.05  # of the errors that a whole table may have; 1 - LEVEL is the confidence of one interval
EXACT_SEEDS: Final = 12  # up to so many seeds every way to flip their signs is counted: 2,048 ways
FLIPS: Final = 9_999  # above that, drawn; with what was observed, p is a multiple of 1 in 10,000
RESAMPLES: Final = 9_999  # of the bootstrap: 24 of them are below the lowest quantile that is asked for
LEAST_SEEDS: Final = next(seeds for seeds in count(1) if 2.0 * 0.5**seeds < LEVEL)  # 6: see `corrected`
TIE: Final = 1e-9  # relative: sums that differ by rounding alone are equal
AT_ONCE: Final = 256  # rows or columns of a large table: it stays within some megabytes

DISTINGUISHED, NOT_DISTINGUISHED, EQUAL = "distinguished", "not distinguished", "equal"
TOO_FEW, UNDEFINED, BASE = "too few seeds", "undefined", "baseline"

Question = TypeVar("Question")


class Pair(NamedTuple):
    """Where two designs met the same crash."""

    path: str
    seed: int


class Finding(NamedTuple):
    """The answer to one question. What cannot be said is None."""

    pairs: int
    mean: float | None
    median: float | None
    interval: tuple[float, float] | None  # of the mean
    effect: float | None  # standardised, Hedges' g; None also where all differences are equal
    p: float | None  # corrected
    verdict: str


NO_PAIR: Final = Finding(0, None, None, None, None, None, BASE)


def findings(differences: Mapping[Question, Mapping[Pair, float | None]]) -> dict[Question, Finding]:
    """The answers to all questions of a table.

    A difference is None where one of the two is not defined: such a question is not answered, since what is left would be a choice of
    pairs that depends on their outcome. A pair that was left out for another reason is not in the mapping.
    """
    asked = {question: each for question, each in differences.items() if None not in each.values() and any(each.values())}
    sums = {question: _by_seed(_by_pair(each)) for question, each in asked.items()}
    seeds = sorted({seed for each in sums.values() for seed in each})
    columns = np.array([[each.get(seed, 0.0) for each in sums.values()] for seed in seeds], np.float64).reshape(len(seeds), len(asked))
    p_of = dict(zip(asked, corrected(columns).tolist(), strict=True))
    interval_of = _intervals(asked, {question: each for question, each in sums.items() if len(each) >= LEAST_SEEDS})
    return {question: _finding(each, p_of.get(question), interval_of.get(question)) for question, each in differences.items()}


def seeds_of(pairs: Iterable[Pair]) -> frozenset[int]:
    return frozenset(pair.seed for pair in pairs)


def _by_seed(each: Mapping[Pair, float]) -> dict[int, float]:
    """The sum over the paths of each seed."""
    sums: dict[int, float] = {}
    for pair, value in each.items():
        sums[pair.seed] = sums.get(pair.seed, 0.0) + value
    return sums


def _by_pair(each: Mapping[Pair, float | None]) -> dict[Pair, float]:
    return {pair: value for pair, value in sorted(each.items()) if value is not None}


def _finding(each: Mapping[Pair, float | None], p: float | None, interval: tuple[float, float] | None) -> Finding:
    values = list(_by_pair(each).values())
    if not values:
        return NO_PAIR._replace(verdict=UNDEFINED)
    centre = fmean(values), median(values)
    if len(values) < len(each):
        return Finding(len(values), *centre, None, None, None, UNDEFINED)
    has_enough = len(seeds_of(each)) >= LEAST_SEEDS
    if p is None:
        return Finding(len(values), *centre, (0.0, 0.0) if has_enough else None, 0.0, 1.0, EQUAL)
    if not has_enough:
        word = TOO_FEW
    else:
        word = DISTINGUISHED if p < LEVEL else NOT_DISTINGUISHED
    return Finding(len(values), *centre, interval, effect_size(values), p, word)


# -- more than chance? --


def corrected(columns: Floats) -> Floats:
    """p-values of all questions, corrected so that the chance of any wrong finding in the table is at most its p.

    `columns` has shape (seeds, questions): the differences of a seed, added up over its paths, 0 where all were left out; the result has
    shape (questions,).

    If a design makes no difference, its difference to the baseline might as well have had the other sign. So the signs of whole seeds
    are flipped, all questions and paths of a seed together, which keeps how they hang together, and it is counted how often the most
    striking of all answers is as striking as what was observed: the step-down maxT procedure, algorithm 4.1 of Westfall and Young,
    Resampling-Based Multiple Testing (1993). Striking is |sum| / sqrt(sum of squares), which has variance 1 under flips whatever the
    scale and the number of seeds, and rises with the t statistic. Assumed is that all differences of a seed are symmetric together,
    not only each alone. Drawn flips count what was observed as one of them (Phipson and Smyth 2010, arXiv 1603.05766).

    On several paths it asks of these paths, taken as given, whether a design makes a difference there, and says nothing of paths that were
    not run, which no test on a few chosen paths could.

    With n seeds, the observed signs and their opposite are 2 of 2^n ways, so p is never below 2 / 2^n: `LEAST_SEEDS`.
    """
    seeds, questions = columns.shape
    if not questions:
        return np.zeros(0)
    norm = np.sqrt((columns**2).sum(axis=0))
    unit = columns / np.where(norm > 0.0, norm, 1.0)  # paths that cancel out in each seed are as striking as nothing
    observed = np.abs(_weighted(np.ones((1, seeds)), unit)[0])
    order = np.argsort(-observed, kind="stable")
    unit, wanted = unit[:, order], observed[order] * (1.0 - TIE)
    reached, ways = np.zeros(questions), 0
    for signs in _flips(seeds):
        flipped = np.abs(_weighted(signs, unit))
        most = np.maximum.accumulate(flipped[:, ::-1], axis=1)[:, ::-1]  # of a question and all that are less striking
        reached += (most >= wanted).sum(axis=0)
        ways += len(signs)
    p = np.empty(questions)
    p[order] = np.maximum.accumulate(reached / ways)
    return p


def _flips(seeds: int) -> Iterator[Floats]:
    """Signs of the seeds, shape (ways, seeds), some at a time. If all are counted, the last keeps its sign: its opposite is as striking."""
    if seeds <= EXACT_SEEDS:
        bits = np.arange(1 << (seeds - 1))[:, None] >> np.arange(seeds) & 1  # the last seed's is 0
    else:
        drawn = generator(0, "sign flips", seeds).integers(0, 2, (FLIPS, seeds))
        bits = np.concatenate([np.zeros((1, seeds), np.int64), drawn])
    signs = np.where(bits, -1.0, 1.0)
    return (signs[start : start + AT_ONCE] for start in range(0, len(signs), AT_ONCE))


def _weighted(weights: Floats, columns: Floats) -> Floats:
    """weights @ columns, added up row by row: a matrix product adds in an order that depends on the machine."""
    total = np.zeros((len(weights), columns.shape[1]))
    for row in range(len(columns)):
        total += weights[:, row, None] * columns[row]
    return total


# -- how large? --


def effect_size(differences: Sequence[float]) -> float | None:
    """Mean over standard deviation of paired differences, corrected for few pairs: Hedges' g (Hedges 1981, J. Educ. Stat. 6, 107-128).

    None below three pairs, where the correction is not defined, and where there is no variance to compare with.
    """
    free = len(differences) - 1
    spread = stdev(differences) if free else 0.0
    if free < 2 or not spread:
        return None
    correction = math.exp(math.lgamma(free / 2) - math.lgamma((free - 1) / 2)) / math.sqrt(free / 2)
    return fmean(differences) / spread * correction


def _intervals(
    asked: Mapping[Question, Mapping[Pair, float | None]], sums: Mapping[Question, Mapping[int, float]]
) -> dict[Question, tuple[float, float]]:
    """Bootstrap intervals of the mean of those questions of which there are `sums` over the paths of each seed.

    Of the mean, as it is what the p-values test, what adds up (the parts of a cost to the cost), and what a venue pays in the long run; and
    a resampled median of six values takes few different values. Seeds are drawn again, each with all its paths: the paths were chosen, not
    drawn. Quantiles of the resampled means (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13) are too narrow for
    few seeds, so they are taken farther out, as Student's t is beyond the normal distribution (Hesterberg 2015, What Teachers Should Know
    about the Bootstrap, The American Statistician 69, section 4.2).
    """
    found: dict[Question, tuple[float, float]] = {}
    alike: dict[tuple[tuple[int, int], ...], list[Question]] = {}
    for question in sums:
        paths_of = Counter(pair.seed for pair in asked[question])
        alike.setdefault(tuple(sorted(paths_of.items())), []).append(question)
    for paths_of_seeds, questions in alike.items():
        columns = np.array([[sums[question][seed] for question in questions] for seed, _ in paths_of_seeds])
        low, high = bootstrap(columns, [paths for _, paths in paths_of_seeds])
        found |= {question: (low[number].item(), high[number].item()) for number, question in enumerate(questions)}
    return found


def bootstrap(columns: Floats, paths: Sequence[int]) -> tuple[Floats, Floats]:
    """Lower and upper ends of the intervals of the columns' means over pairs, each of shape (questions,).

    `columns` has shape (seeds, questions), the sums over the paths of a seed; `paths` says how many each seed has.
    """
    seeds, free = len(paths), len(paths) - 1
    tail = NormalDist().cdf(-math.sqrt(seeds / free) * student_quantile(1.0 - LEVEL / 2.0, free))
    weights = _resampled(seeds)
    pairs = _weighted(weights, np.array(paths, np.float64)[:, None])
    ends = []
    for start in range(0, columns.shape[1], AT_ONCE):
        means = _weighted(weights, columns[:, start : start + AT_ONCE]) / pairs
        ends.append(np.quantile(means, (tail, 1.0 - tail), axis=0))
    low, high = np.concatenate(ends, axis=1)
    return low, high


def _resampled(seeds: int) -> Floats:
    """How often each seed is in each resample, shape (RESAMPLES, seeds)."""
    drawn = generator(0, "bootstrap", 0, seeds).integers(0, seeds, (RESAMPLES, seeds))
    flat = drawn + seeds * np.arange(RESAMPLES)[:, None]
    return np.bincount(flat.ravel(), minlength=RESAMPLES * seeds).reshape(RESAMPLES, seeds).astype(np.float64)


def student_quantile(share: float, free: int) -> float:
    """The value below which a share (1/2 to 1) of Student's t with `free` degrees of freedom lies."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_share(middle, free) < 2.0 * share - 1.0 else (low, middle)
    return math.sqrt(free) * math.tan(low)


def _student_share(angle: float, free: int) -> float:
    """P(|t| < sqrt(free) tan(angle)): Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4."""
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = free % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for power in range(2 + odd, free + 1, 2):
        total += term
        term *= square * (power - 1) / power
    return 2.0 / math.pi * (angle + sine * total) if odd else sine * total
