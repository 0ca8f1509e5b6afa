"""What a comparison found: medians over seeds and paths, paired differences to the baseline, and the bytes of report.json.

Rules of the file: a report holds nothing that depends on the machine or the clock, and on the build only in `made_by`; what was measured is
rounded to `DIGITS` significant digits once, at the door, and compared as rounded. A run that is beyond its population is in `runs`; its
path and seed count for no design, in no median and no difference, and a design that mostly is counts nowhere. `inputs` is exact: the runs
can be made again from it. Wall times go to timings.json.
"""

from __future__ import annotations

import json
import math
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from statistics import fmean, median
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy

from perplab.exchange import BUILD
from perplab.exchange.units import MICRO

from ..archetypes.lines import ResultLine
from ..metrics import CATALOGUE, Metrics, Wealth
from ..runs import Granted
from ..structures.kinds import KindLine
from .statistics import NO_PAIR, Finding, Pair, findings

SCHEMA: Final = 3  # of report.json and timings.json: raised when a key changes its name or meaning
Number: TypeAlias = Callable[[float | None], float | None]
DIGITS: Final = 12  # significant: float64 has 15.9, so the order of a sum cannot show, and 1 USD in 1e12 can
BASELINE: Final = "book_fund_adl"

SAME, OWN = "same", "own"  # capital of the designs: the scenario's for all, or each its own
CAPITAL_OF: Final = {True: SAME, False: OWN, None: None}  # by what --same-capital/--own-capital says


@dataclass(frozen=True)
class Result:
    """What one run contributes to a report; all of it follows from venue, scenario and seed alone."""

    venue: str
    seed: int
    state_hash: str
    metrics: Metrics
    path: str = ""  # "" where the scenario has one
    beyond: tuple[str, ...] = ()  # why it is no run of the people that the scenario describes: a sentence each
    wealth: Wealth | None = field(default=None, repr=False, compare=False)  # of everybody: stays out of report.json
    kinds: tuple[KindLine, ...] = ()  # of people, where account structures are compared
    archetypes: tuple[ResultLine, ...] = ()  # strategies that the scenario follows
    granted: Granted = field(default_factory=lambda: Granted(0, 0, 0))  # what people could open of what they want
    path_sha256: str = field(default="", repr=False, compare=False)  # of the true price that it met, before impact: see Run

    @property
    def pair(self) -> Pair:
        return Pair(self.path, self.seed)


@dataclass(frozen=True)
class Clocked:
    """What one run contributes to timings.json."""

    venue: str
    seed: int
    build: str
    commands: int
    wall_s: float
    core_s: float
    path: str = ""


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


class PathInput(msgspec.Struct, frozen=True):
    """One of several paths: the scenario on it in full."""

    family: str  # how the price goes on after the fall: paths of a family differ in their details
    scenario: Mapping[str, object]


class Inputs(NamedTuple):
    """All that the runs follow from, besides seeds and version: settings as given, scenario and designs in full."""

    settings: Sequence[str]
    path_file: PathFile | None
    scenario: Mapping[str, object]
    designs: Mapping[str, object]  # by name, as they were run, capital included
    paths: Mapping[str, PathInput] = {}  # by name; none: the scenario's own
    insured: bool = False  # whether each design was run with infinite insurance too
    structures: Sequence[str] = ()  # account structures in which each design was run; a design is then called DESIGN/STRUCTURE


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
    added: Sequence[str] = ()  # what the user has put into the scenario and done to the run, a sentence each


class Report:
    """Results of several venues on the same paths and seeds. ValueError if a venue lacks a run that another has."""

    def __init__(
        self, about: About, results: Sequence[Result], venues: Sequence[str], baseline: str | None = None,
        known: Mapping[tuple[str, str], Finding] | None = None,
    ) -> None:  # fmt: skip
        """`known`: the findings, by venue and metric, where the report is read from a file."""
        self.about = about
        self._known = known
        self.venues = tuple(venues)
        self.seeds = tuple(sorted({result.seed for result in results}))
        self.paths = tuple(about.inputs.paths) or ("",)
        self.baseline = baseline or (BASELINE if BASELINE in self.venues else self.venues[0])
        by_name = {(result.path, result.venue, result.seed): result for result in results}
        missing = [run_name(venue, path, seed) for path, venue, seed in self._runs() if (path, venue, seed) not in by_name]
        if missing:
            raise ValueError(f"no result of {missing[0]}: differences are taken on equal seeds")
        self.results = tuple(by_name[run] for run in self._runs())

    def _runs(self) -> Iterator[tuple[str, str, int]]:
        return ((path, venue, seed) for path in self.paths for venue in self.venues for seed in self.seeds)

    @property
    def pairs(self) -> int:
        """How many runs each design has, those that are left out included."""
        return len(self.paths) * len(self.seeds)

    @cached_property
    def counted_pairs(self) -> int:
        """How many runs of a design its medians, means and differences are of; 0 where no run counts."""
        return len({one.pair for one in self.counted})

    @cached_property
    def counted_seeds(self) -> dict[str, int]:
        """Of them, how many are on each path; only paths that have any."""
        pairs = {one.pair for one in self.counted}
        return {path: number for path in self.paths if (number := sum(pair.path == path for pair in pairs))}

    @cached_property
    def _beyond(self) -> Beyond:
        return beyond_of([(result.venue, result.pair, bool(result.beyond)) for result in self.results])

    @property
    def outside(self) -> frozenset[str]:
        """Designs that went beyond the scenario's people in more than half of their runs: nothing is said of them."""
        return self._beyond.venues

    @property
    def left_out(self) -> frozenset[Pair]:
        """Where a run of any other design went beyond its population: these count for no design, so that all are seen on the same."""
        return self._beyond.pairs

    @cached_property
    def counted(self) -> tuple[Result, ...]:
        """The runs that medians and differences are of."""
        return tuple(filter(self.counts, self.results))

    def counts(self, one: Result) -> bool:
        """Whether a run is in medians and differences."""
        return one.venue not in self.outside and one.pair not in self.left_out

    @cached_property
    def _values(self) -> dict[tuple[str, str], dict[Pair, float | None]]:
        """(venue, key) -> the rounded metric, in each run that is not left out."""
        values: dict[tuple[str, str], dict[Pair, float | None]] = {
            (venue, measure.key): {} for venue in self.venues for measure in CATALOGUE
        }
        for result in self.counted:
            for measure in CATALOGUE:
                values[result.venue, measure.key][result.pair] = rounded(result.metrics.scalar(measure.key))
        return values

    def median(self, venue: str, key: str, path: str | None = None) -> float | None:
        """Median over the runs in which the metric is defined, of one path or of all; None if there are none."""
        runs = self._values[venue, key].items()
        return middle(value for pair, value in runs if value is not None and path in (None, pair.path))

    def _differences(self, venue: str, key: str) -> dict[Pair, float | None]:
        base, own = self._values[self.baseline, key], self._values[venue, key]
        return {pair: less(own[pair], base[pair]) for pair in own if pair in base}

    @cached_property
    def _findings(self) -> Mapping[tuple[str, str], Finding]:
        if self._known is not None:
            return self._known
        others = [venue for venue in self.venues if venue != self.baseline]
        found = findings({(venue, measure.key): self._differences(venue, measure.key) for venue in others for measure in CATALOGUE})
        return {question: in_digits(one) for question, one in found.items()}

    def finding(self, venue: str, key: str) -> Finding:
        """What the paired differences of a venue to the baseline in one metric tell."""
        return NO_PAIR if venue == self.baseline else self._findings[venue, key]

    def findings(self) -> list[Finding]:
        """Those of all venues but the baseline, in all metrics: p-values are corrected for their number."""
        return list(self._findings.values())

    def agreeing_paths(self, venue: str, key: str) -> int:
        """On how many paths the mean difference has the sign of that over all of them."""
        mean = self.finding(venue, key).mean
        each = self._differences(venue, key)
        of_paths = (mean_of(value for pair, value in each.items() if pair.path == path) for path in self.paths)
        return sum(mean is not None and one is not None and sign(one) == sign(mean) for one in of_paths)

    # -- files --

    def to_json(self, more: Mapping[str, object] | None = None) -> str:
        """The text of report.json, with `more` at its end: the same bytes from both builds and on every run, `made_by` aside."""
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
                "paths": {name: path.family for name, path in about.inputs.paths.items()},
                "units": {measure.key: measure.unit for measure in CATALOGUE},
                "summary": {venue: self._summary(venue) for venue in self.venues},
                "runs": [run_entry(result) for result in self.results],
                "inputs": Exact(msgspec.to_builtins(about.inputs._asdict())),
                **(more or {}),
            }
        )

    def _summary(self, venue: str) -> dict[str, dict[str, object]]:
        return {measure.key: self._summary_of(venue, measure.key) for measure in CATALOGUE}

    def _summary_of(self, venue: str, key: str) -> dict[str, object]:
        found = self.finding(venue, key)
        told: dict[str, object] = {
            "median": self.median(venue, key),
            "mean_difference": found.mean,
            "median_difference": found.median,
            "interval": found.interval,
            "effect_size": found.effect,
            "p": found.p,
            "verdict": found.verdict,
            "pairs": found.pairs,
        }
        if len(self.paths) > 1 and venue != self.baseline:
            told["agreeing_paths"] = self.agreeing_paths(venue, key)
        return told


class Beyond(NamedTuple):
    """What counts for nothing, as some runs went beyond their population."""

    venues: frozenset[str]  # that did so in more than half of their runs
    pairs: frozenset[Pair]  # on which another one did


def beyond_of(runs: Sequence[tuple[str, Pair, bool]]) -> Beyond:
    """The rule for runs that are (venue, pair, whether it went beyond)."""
    times = Counter(venue for venue, _, is_beyond in runs if is_beyond)
    of = Counter(venue for venue, _, _ in runs)
    venues = frozenset(venue for venue in times if 2 * times[venue] > of[venue])
    return Beyond(venues, frozenset(pair for venue, pair, is_beyond in runs if is_beyond and venue not in venues))


def run_name(venue: str, path: str, seed: int) -> str:
    """A run in words."""
    return f"{venue} on {path}, seed {seed}" if path else f"{venue}, seed {seed}"


def run_entry(result: Result) -> dict[str, object]:
    """What report.json says of one run."""
    told = {"kinds": result.kinds, "archetypes": result.archetypes}
    return {
        "venue": result.venue,
        "path": result.path,
        "seed": result.seed,
        "state_hash": result.state_hash,
        "beyond": result.beyond,
        "granted": granted_entry(result.granted),
        "metrics": msgspec.to_builtins(result.metrics),
        **{name: msgspec.to_builtins(lines) for name, lines in told.items() if lines},
    }


def granted_entry(granted: Granted) -> dict[str, object]:
    """What the people of a run could open."""
    return {
        "accounts": granted.accounts,
        "accounts_cut": granted.accounts_cut,
        "wanted_usd": granted.wanted / MICRO,
        "granted_usd": granted.granted / MICRO,
    }


def made_by() -> dict[str, str]:
    """What made a report: the same inputs give the same numbers whatever is said here, but for the last digits of numpy's floats."""
    return {"perplab": perplab_version(), "build": BUILD, "python": platform.python_version(), "numpy": numpy.__version__}


def perplab_version() -> str:
    try:
        return version("perplab")
    except PackageNotFoundError:
        return "(not installed)"


def timings_json(clocked: Sequence[Clocked], wall_s: float, jobs: int) -> str:
    """The text of timings.json: what depends on the machine."""
    rows = [msgspec.to_builtins(one) for one in sorted(clocked, key=lambda one: (one.path, one.venue, one.seed))]
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


def in_digits(found: Finding) -> Finding:
    """A finding whose numbers are rounded."""
    low, high = found.interval or (None, None)
    interval = None if low is None or high is None else (rounded(low) or 0.0, rounded(high) or 0.0)
    mean, effect = rounded(found.mean), rounded(found.effect)
    return found._replace(mean=mean, median=rounded(found.median), interval=interval, effect=effect, p=rounded(found.p))


def middle(values: Iterable[float]) -> float | None:
    given = list(values)
    return rounded(median(given)) if given else None


def less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else rounded(value - other)


def mean_of(values: Iterable[float | None]) -> float | None:
    """None if there are none, or one is not defined."""
    given = list(values)
    defined = [value for value in given if value is not None]
    return rounded(fmean(defined)) if defined and len(defined) == len(given) else None


def sign(value: float) -> int:
    return (value > 0) - (value < 0)


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
