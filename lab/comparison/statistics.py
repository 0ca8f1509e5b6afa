"""What paired differences tell: how large they are, how sure that is, and whether they are more than chance.

A *question* is one metric of one design against the baseline. Its answer in one *pair* (the same path and seed for both) is a difference.

Rules of the file: it knows nothing of venues, and asks all questions of a table at once, since the more are asked, the more often one
of them looks like a finding by chance. What is drawn is drawn by keyed generators, and sums are made in the order of the pairs, so that
equal differences give equal answers on any machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, groupby
from statistics import NormalDist, fmean, median, stdev
from typing import Final, NamedTuple, TypeVar

import numpy as np

from perplab.oracle.keyed import generator

from ..runs import Floats

LEVEL: Final = 0.05  # of the errors that a whole table may have; 1 - LEVEL is the confidence of one interval
EXACT_PAIRS: Final = 12  # up to so many pairs every way to flip their signs is counted: 2,048 ways
FLIPS: Final = 9_999  # above that, drawn; with what was observed, p is a multiple of 1 in 10,000
RESAMPLES: Final = 9_999  # of the bootstrap: 24 of them are below the lowest quantile that is asked for
LEAST_PAIRS: Final = next(pairs for pairs in count(1) if 2.0 * 0.5**pairs < LEVEL)  # 6: see `corrected`
LEAST_SEEDS: Final = 3  # of a path, for an interval: with two on each of four paths it would cover the mean in 83 % of all cases
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
    pairs = sorted({pair for each in asked.values() for pair in each})
    columns = np.array([[each.get(pair) or 0.0 for each in asked.values()] for pair in pairs], np.float64).reshape(len(pairs), len(asked))
    p_of = dict(zip(asked, corrected(columns).tolist(), strict=True))
    interval_of = _intervals({question: _by_pair(each) for question, each in asked.items() if len(each) >= LEAST_PAIRS})
    return {question: _finding(each, p_of.get(question), interval_of.get(question)) for question, each in differences.items()}


def _by_pair(each: Mapping[Pair, float | None]) -> dict[Pair, float]:
    return {pair: value for pair, value in sorted(each.items()) if value is not None}


def _finding(each: Mapping[Pair, float | None], p: float | None, interval: tuple[float, float] | None) -> Finding:
    values = list(_by_pair(each).values())
    if not values:
        return NO_PAIR._replace(verdict=UNDEFINED)
    centre = fmean(values), median(values)
    if len(values) < len(each):
        return Finding(len(values), *centre, None, None, None, UNDEFINED)
    if p is None:
        return Finding(len(values), *centre, (0.0, 0.0) if len(values) >= LEAST_PAIRS else None, 0.0, 1.0, EQUAL)
    if len(values) < LEAST_PAIRS:
        word = TOO_FEW
    else:
        word = DISTINGUISHED if p < LEVEL else NOT_DISTINGUISHED
    return Finding(len(values), *centre, interval, effect_size(values), p, word)


# -- more than chance? --


def corrected(columns: Floats) -> Floats:
    """p-values of all questions, corrected so that the chance of any wrong finding in the table is at most its p.

    `columns` has shape (pairs, questions), 0 where a pair was left out; the result has shape (questions,).

    If a design makes no difference, its difference to the baseline in a pair might as well have had the other sign. So the signs of whole
    pairs are flipped, all questions of a pair together, which keeps how they hang together, and it is counted how often the most striking
    of all answers is as striking as what was observed: the step-down maxT procedure, algorithm 4.1 of Westfall and Young,
    Resampling-Based Multiple Testing (1993). Striking is |sum| / sqrt(sum of squares), which has variance 1 under flips whatever the
    scale and the number of pairs, and rises with the t statistic. Assumed is that all differences of a pair are symmetric together,
    not only each alone. Drawn flips count what was observed as one of them (Phipson and Smyth 2010, arXiv 1603.05766).

    With n pairs, the observed signs and their opposite are 2 of 2^n ways, so p is never below 2 / 2^n: `LEAST_PAIRS`.
    """
    pairs, questions = columns.shape
    if not questions:
        return np.zeros(0)
    unit = columns / np.sqrt((columns**2).sum(axis=0))
    observed = np.abs(_weighted(np.ones((1, pairs)), unit)[0])
    order = np.argsort(-observed, kind="stable")
    unit, wanted = unit[:, order], observed[order] * (1.0 - TIE)
    reached, ways = np.zeros(questions), 0
    for signs in _flips(pairs):
        flipped = np.abs(_weighted(signs, unit))
        most = np.maximum.accumulate(flipped[:, ::-1], axis=1)[:, ::-1]  # of a question and all that are less striking
        reached += (most >= wanted).sum(axis=0)
        ways += len(signs)
    p = np.empty(questions)
    p[order] = np.maximum.accumulate(reached / ways)
    return p


def _flips(pairs: int) -> Iterator[Floats]:
    """Signs of the pairs, shape (ways, pairs), some at a time. If all are counted, the last keeps its sign: its opposite is as striking."""
    if pairs <= EXACT_PAIRS:
        bits = np.arange(1 << (pairs - 1))[:, None] >> np.arange(pairs) & 1  # the last pair's is 0
    else:
        drawn = generator(0, "sign flips", pairs).integers(0, 2, (FLIPS, pairs))
        bits = np.concatenate([np.zeros((1, pairs), np.int64), drawn])
    signs = np.where(bits, -1.0, 1.0)
    return (signs[start : start + AT_ONCE] for start in range(0, len(signs), AT_ONCE))


def _weighted(weights: Floats, columns: Floats) -> Floats:
    """weights @ columns, added up pair by pair: a matrix product adds in an order that depends on the machine."""
    total = np.zeros((len(weights), columns.shape[1]))
    for pair in range(len(columns)):
        total += weights[:, pair, None] * columns[pair]
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


def _intervals(differences: Mapping[Question, Mapping[Pair, float]]) -> dict[Question, tuple[float, float]]:
    """Bootstrap intervals of the mean; no entry where paths have too few pairs to say how seeds differ.

    Of the mean, as it is what the p-values test, what adds up (the parts of a cost to the cost), and what a venue pays in the long run; and
    a resampled median of six values takes few different values. Pairs are drawn again within their path: the paths were chosen, not drawn.
    Quantiles of the resampled means (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13) are too narrow for few
    pairs, so they are taken farther out, as Student's t is beyond the normal distribution (Hesterberg 2015, What Teachers Should Know
    about the Bootstrap, The American Statistician 69, section 4.2).
    """
    found: dict[Question, tuple[float, float]] = {}
    alike: dict[tuple[str, ...], list[Question]] = {}
    for question, each in differences.items():
        alike.setdefault(tuple(pair.path for pair in each), []).append(question)
    for paths, questions in alike.items():
        sizes = [len(list(of_path)) for _, of_path in groupby(paths)]
        if min(sizes) < LEAST_SEEDS or len(paths) - len(sizes) < LEAST_PAIRS - 1:
            continue
        columns = np.array([list(differences[question].values()) for question in questions]).T
        low, high = bootstrap(columns, sizes)
        found |= {question: (low[number].item(), high[number].item()) for number, question in enumerate(questions)}
    return found


def bootstrap(columns: Floats, sizes: Sequence[int]) -> tuple[Floats, Floats]:
    """Lower and upper ends of the intervals of the columns' means, each of shape (questions,).

    `columns` has shape (pairs, questions), the pairs of a path one after the other; `sizes` says how many pairs each path has.
    """
    pairs, free = sum(sizes), sum(sizes) - len(sizes)
    tail = NormalDist().cdf(-math.sqrt(pairs / free) * student_quantile(1.0 - LEVEL / 2.0, free))
    weights = np.concatenate([_resampled(number, size) for number, size in enumerate(sizes)], axis=1) / pairs
    ends = []
    for start in range(0, columns.shape[1], AT_ONCE):
        means = _weighted(weights, columns[:, start : start + AT_ONCE])
        ends.append(np.quantile(means, (tail, 1.0 - tail), axis=0))
    low, high = np.concatenate(ends, axis=1)
    return low, high


def _resampled(path: int, size: int) -> Floats:
    """How often each pair of a path is in each resample, shape (RESAMPLES, size)."""
    drawn = generator(0, "bootstrap", path, size).integers(0, size, (RESAMPLES, size))
    flat = drawn + size * np.arange(RESAMPLES)[:, None]
    return np.bincount(flat.ravel(), minlength=RESAMPLES * size).reshape(RESAMPLES, size).astype(np.float64)


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
