"""What a comparison found: medians over seeds, paired differences to the baseline, report.json, and the table in the terminal.

Rules of the file: a report holds nothing that depends on the machine or the clock, and on the build only in `made_by`; what was measured is
rounded to `DIGITS` significant digits once, at the door, and compared as rounded. `inputs` is exact: the runs can be made again from it.
Wall times go to timings.json.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy

from perplab.exchange import BUILD

from ..metrics import CATALOGUE, Metrics

SCHEMA: Final = 2  # of report.json and timings.json: raised when a key changes its name or meaning
Number: TypeAlias = Callable[[float | None], float | None]
DIGITS: Final = 12  # significant: float64 has 15.9, so the order of a sum cannot show, and 1 USD in 1e12 can
BASELINE: Final = "book_fund_adl"

SAME, OWN = "same", "own"  # capital of the designs: the scenario's for all, or each its own

BASE, EQUAL, DISTINGUISHED = "baseline", "equal", "distinguished"
NOT_DISTINGUISHED, ONE_SEED, UNDEFINED = "not distinguished", "one seed", "undefined"


@dataclass(frozen=True)
class Result:
    """What one run contributes to a report; all of it follows from venue, scenario and seed alone."""

    venue: str
    seed: int
    state_hash: str
    metrics: Metrics


@dataclass(frozen=True)
class Clocked:
    """What one run contributes to timings.json."""

    venue: str
    seed: int
    build: str
    commands: int
    wall_s: float
    core_s: float


class PathFile(msgspec.Struct, frozen=True):
    """The kline file that gave the true price, and the part of it that was taken."""

    name: str
    sha256: str  # of the file's bytes
    start: str  # UTC
    end: str


class Capital(NamedTuple):
    """What insurance funds, vaults and the venue's own parts of pools start with."""

    choice: str  # SAME or OWN
    usd: Mapping[str, Mapping[str, int]]  # by design: insurance_fund, vault; 0 where it has none; pool, where it has a curve


class Inputs(NamedTuple):
    """All that the runs follow from, besides seeds and version: settings as given, scenario and designs in full."""

    settings: Sequence[str]
    path_file: PathFile | None
    scenario: Mapping[str, object]
    designs: Mapping[str, object]  # by name, as they were run, capital included


class About(NamedTuple):
    """What was run, in words and numbers for the reader of a report."""

    scenario: str
    title: str
    path: str  # where the true price comes from
    accounts: int
    open_interest_usd: float  # of one side, when the run begins
    impact: float  # y of the square-root law by which what is traded here moves the true price; 0: it is exogenous
    calibrated: Mapping[str, float]  # the scenario's numbers that were fitted, by key
    capital: Capital
    inputs: Inputs


class Difference(NamedTuple):
    """Of one venue to the baseline in one metric: median over the seeds of (venue - baseline), and whether that says anything."""

    median: float | None
    verdict: str


class Report:
    """Results of several venues on the same seeds. ValueError if a venue lacks a seed that another has."""

    def __init__(self, about: About, results: Sequence[Result], venues: Sequence[str], baseline: str | None = None) -> None:
        self.about = about
        self.venues = tuple(venues)
        self.seeds = tuple(sorted({result.seed for result in results}))
        self.baseline = baseline or (BASELINE if BASELINE in self.venues else self.venues[0])
        by_name = {(result.venue, result.seed): result for result in results}
        missing = [f"{venue}, seed {seed}" for venue, seed in self._pairs() if (venue, seed) not in by_name]
        if missing:
            raise ValueError(f"no result of {missing[0]}: differences are taken on equal seeds")
        self.results = tuple(by_name[pair] for pair in self._pairs())

    def _pairs(self) -> Iterator[tuple[str, int]]:
        return ((venue, seed) for venue in self.venues for seed in self.seeds)

    @cached_property
    def _values(self) -> dict[tuple[str, str], list[float | None]]:
        """(venue, key) -> the rounded metric, seed by seed."""
        values: dict[tuple[str, str], list[float | None]] = {}
        for result in self.results:
            for measure in CATALOGUE:
                value = rounded(result.metrics.scalar(measure.key))
                values.setdefault((result.venue, measure.key), []).append(value)
        return values

    def median(self, venue: str, key: str) -> float | None:
        """Median over the seeds in which the metric is defined; None if there are none."""
        defined = [value for value in self._values[venue, key] if value is not None]
        return rounded(median(defined)) if defined else None

    def difference(self, venue: str, key: str) -> Difference:
        """Paired difference of a venue to the baseline in one metric."""
        if venue == self.baseline:
            return Difference(None, BASE)
        pairs = zip(self._values[venue, key], self._values[self.baseline, key])
        each = [None if a is None or b is None else rounded(a - b) for a, b in pairs]
        defined = [value for value in each if value is not None]
        return Difference(rounded(median(defined)) if defined else None, verdict(each))

    # -- files --

    def to_json(self) -> str:
        """The text of report.json: the same bytes from both builds and on every run, `made_by` aside."""
        about = self.about
        return to_text(
            {
                "schema": SCHEMA,
                "made_by": made_by(),
                "scenario": about.scenario,
                "title": about.title,
                "path": about.path,
                "accounts": about.accounts,
                "open_interest_usd": about.open_interest_usd,
                "impact": about.impact,
                "calibrated": dict(about.calibrated),
                "capital": about.capital._asdict(),
                "baseline": self.baseline,
                "venues": self.venues,
                "seeds": self.seeds,
                "units": {measure.key: measure.unit for measure in CATALOGUE},
                "summary": {venue: self._summary(venue) for venue in self.venues},
                "runs": [run_entry(result) for result in self.results],
                "inputs": Exact(msgspec.to_builtins(about.inputs._asdict())),
            }
        )

    def _summary(self, venue: str) -> dict[str, dict[str, float | str | None]]:
        rows: dict[str, dict[str, float | str | None]] = {}
        for measure in CATALOGUE:
            found = self.difference(venue, measure.key)
            rows[measure.key] = {
                "median": self.median(venue, measure.key),
                "difference": found.median,
                "verdict": found.verdict,
            }
        return rows


def run_entry(result: Result) -> dict[str, object]:
    """What report.json says of one run."""
    return {
        "venue": result.venue,
        "seed": result.seed,
        "state_hash": result.state_hash,
        "metrics": msgspec.to_builtins(result.metrics),
    }


def made_by() -> dict[str, str]:
    """What made a report: the same inputs give the same numbers whatever is said here, but for the last digits of numpy's floats."""
    return {"perplab": perplab_version(), "build": BUILD, "python": platform.python_version(), "numpy": numpy.__version__}


def perplab_version() -> str:
    try:
        return version("perplab")
    except PackageNotFoundError:
        return "(not installed)"


def verdict(differences: Sequence[float | None]) -> str:
    """What paired differences say together, seed by seed: one of the words above."""
    if None in differences:
        return UNDEFINED
    signs = {math.copysign(1.0, value) if value else 0.0 for value in differences if value is not None}
    if signs == {0.0}:
        return EQUAL
    if len(differences) == 1:
        return ONE_SEED
    return DISTINGUISHED if len(signs) == 1 else NOT_DISTINGUISHED


def timings_json(clocked: Sequence[Clocked], wall_s: float, jobs: int) -> str:
    """The text of timings.json: what depends on the machine."""
    rows = [msgspec.to_builtins(one) for one in sorted(clocked, key=lambda one: (one.venue, one.seed))]
    return to_text({"schema": SCHEMA, "jobs": jobs, "wall_s": wall_s, "runs": rows})


# -- numbers and text --


@dataclass(frozen=True)
class Exact:
    """A part of a file in which numbers keep all their digits."""

    value: object


def rounded(value: float | None) -> float | None:
    """A number with `DIGITS` significant digits; NaN and infinities are None; integers stay what they are."""
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.{DIGITS}g}") + 0.0 if math.isfinite(value) else None  # + 0.0: no negative zero


def unrounded(value: float | None) -> float | None:
    return value


def to_text(value: object) -> str:
    """JSON, indented, but with lists of plain numbers and texts on one line; floats are rounded, but for what is `Exact`."""
    return "".join(_pieces(value, "\n", rounded)) + "\n"


def _pieces(value: object, line: str, number: Number) -> Iterator[str]:
    inner = line + " "
    if isinstance(value, Exact):
        yield from _pieces(value.value, line, unrounded)
    elif isinstance(value, Mapping):
        items = ((f"{json.dumps(str(key))}: ", item) for key, item in value.items())
        yield from _block("{}", items, inner, line, number)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
        yield from _block("[]", (("", item) for item in value), inner, line, number)
    elif isinstance(value, list | tuple):
        yield f"[{', '.join(_plain(item, number) for item in value)}]"
    else:
        yield _plain(value, number)


def _block(brackets: str, items: Iterator[tuple[str, object]], inner: str, line: str, number: Number) -> Iterator[str]:
    yield brackets[0]
    separator = ""
    for name, item in items:
        yield f"{separator}{inner}{name}"
        yield from _pieces(item, inner, number)
        separator = ","
    yield (line if separator else "") + brackets[1]


def _plain(value: object, number: Number) -> str:
    return json.dumps(number(value) if isinstance(value, float) else value, ensure_ascii=False)
