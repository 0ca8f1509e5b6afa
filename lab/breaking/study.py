"""A reverse stress test as it is asked for, the runs it takes, and what was found.

Rules of the file: `asked` checks all of it before anything runs, both ends of every knob included. A run is a comparison's job, made where
those are made, so the same scenario, design and seed at a found value give the same run in `perplab compare`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from statistics import NormalDist
from typing import Final, NamedTuple, Protocol

import click
import msgspec

from perplab.exchange import BUILD, VenueDesign, VenueError

from ..comparison.asked import file_of
from ..comparison.choices import Setting as Change
from ..comparison.choices import check_all, chosen_designs, chosen_scenario, with_capital_of
from ..comparison.jobs import Done, Job
from ..comparison.report import Result, perplab_version
from ..own import for_report
from ..scenario import Scenario, ScenarioError
from ..structures.accounts import STRUCTURES
from ..structures.choice import check_structures, chosen_structures, in_structures
from .events import Event, chosen_event
from .knobs import SHOCK, Knob, Setting, chosen_knob
from .search import CONFIDENCE, Found, Middle, Point, middle, most_runs, search

SCHEMA: Final = 1  # of reverse.json: raised when a key changes its name or meaning
MOST_RUNS: Final = 10_000


@dataclass(frozen=True)
class Question:
    """What is asked, checked."""

    scenario: str  # as errors and headings call it
    setting: Setting
    event: Event
    knob: Knob
    second: Knob | None  # of a frontier
    levels: tuple[float, ...]  # its turns; one, 0, without a second knob
    seeds: tuple[int, ...]
    parts: int
    halvings: int
    capital: str  # SAME or OWN
    structure: str  # of accounts, where the scenario has several markets; else ""
    changes: tuple[str, ...]  # --set and --set-venue, as given

    @property
    def most_runs(self) -> int:
        return len(self.levels) * most_runs(len(self.seeds), self.parts, self.halvings)

    def job(self, point: Point, level: float) -> Job:
        """The run of a point, at a turn of the second knob."""
        setting = self.at(point.turn, level)
        venue, scenario = self.ready(setting, (point.seed,))
        return Job(venue, scenario, point.seed, None, structure=self.structure)

    def at(self, turn: float, level: float) -> Setting:
        setting = self.second.turned(self.setting, level) if self.second else self.setting
        return self.knob.turned(setting, turn)

    def ready(self, setting: Setting, seeds: Sequence[int]) -> tuple[VenueDesign, Scenario]:
        """With the capital that it is run with, and fit for each other on these seeds. Raises VenueError or ScenarioError."""
        _, (design,) = with_capital_of([setting.design], setting.scenario, self.scenario, self.capital)
        if not self.structure:
            check_all([design], setting.scenario, self.scenario, seeds)
            return design.venue, setting.scenario
        check_structures([design], setting.scenario, self.scenario, seeds)
        (venue,) = in_structures([design.venue], [self.structure])
        return venue, setting.scenario


class Words(NamedTuple):
    """A question as the command line has it."""

    scenario: str
    venue: str
    until: str
    knobs: Sequence[str]
    seeds: tuple[int, ...]
    accounts: int | None = None
    settings: Sequence[str] = ()
    venue_settings: Sequence[str] = ()
    capital: str | None = None
    margin: str | None = None
    levels: int = 5
    parts: int = 4
    halvings: int = 4


def asked(words: Words) -> Question:
    """Read and check it. Raises VenueError, ScenarioError or click.UsageError, and nothing has run by then."""
    scenario, _ = chosen_scenario(words.scenario, [Change("--set", text) for text in words.settings], words.accounts, None, None, None)
    designs = chosen_designs(words.venue, [Change("--set-venue", text) for text in words.venue_settings])
    if len(designs) != 1:
        raise click.UsageError(f"--venue: {words.venue!r} given, expected one design: each has its own breaking point")
    if not 1 <= len(words.knobs) <= 2:
        raise click.UsageError(f"--knob: {len(words.knobs)} given, expected one, or two for a frontier")
    file = file_of(words.scenario)
    capital = words.capital or with_capital_of(designs, scenario, file, None)[0]
    setting = Setting(scenario, designs[0])
    knob, *others = (chosen_knob(text, setting) for text in words.knobs)
    if others and others[0].key == knob.key:
        raise click.UsageError(f"--knob: {knob.key} given twice, expected two different ones")
    second = others[0] if others else None
    levels = tuple(level / (words.levels - 1) for level in range(words.levels)) if second else (0.0,)
    question = Question(
        words.scenario, setting, chosen_event(words.until), knob, second, levels, words.seeds, words.parts, words.halvings, capital,
        structure_asked(words.margin, scenario, file), (*words.settings, *words.venue_settings),
    )  # fmt: skip
    if question.most_runs > MOST_RUNS:
        expected = f"expected at most {MOST_RUNS:,}: fewer --seeds, --scan, --halvings or --levels"
        raise click.UsageError(f"--seeds: up to {question.most_runs:,} runs, {expected}")
    for level in dict.fromkeys((levels[0], levels[-1])):
        for turn in (0.0, 1.0):
            must_be_ready(question, turn, level)
    return question


def must_be_ready(question: Question, turn: float, level: float) -> None:
    """VenueError or ScenarioError, which say at which value of which knob."""
    try:
        question.ready(question.at(turn, level), question.seeds)
    except (VenueError, ScenarioError) as error:
        turned = [(question.knob, turn)] + ([(question.second, level)] if question.second else [])
        raise type(error)(f"--knob {', '.join(f'{knob.name} at {knob.value(at):g}' for knob, at in turned)}: {error}") from None


def structure_asked(margin: str | None, scenario: Scenario, file: str) -> str:
    """Raises click.UsageError."""
    if margin is None:
        if scenario.books is not None:
            raise click.UsageError(f"{file}: it has [books]: expected --margin, one of {', '.join(STRUCTURES)}")
        return ""
    structures = chosen_structures(margin)
    if len(structures) != 1:
        raise click.UsageError(f"--margin: {margin!r} given, expected one of {', '.join(STRUCTURES)}")
    return structures[0]


# -- answers --


class Level(NamedTuple):
    """What was found at one turn of the second knob, or without one."""

    turn: float
    found: Found
    middle: Middle
    results: dict[Point, Result]


@dataclass(frozen=True)
class Study:
    """A question and its answer."""

    question: Question
    levels: tuple[Level, ...]

    @property
    def runs(self) -> int:
        return sum(len(level.results) for level in self.levels)


class Runner(Protocol):
    """Makes jobs, and hands back what is kept of each, in their order."""

    def __call__(self, jobs: Sequence[Job]) -> Sequence[Done]: ...


def studied(question: Question, run: Runner, tell: Callable[[Level], None] | None = None) -> Study:
    """Make the runs; `tell` hears of each level of the second knob when it is done."""
    levels = []
    for turn in question.levels:
        results: dict[Point, Result] = {}

        def ask(points: Sequence[Point], turn: float = turn, results: dict[Point, Result] = results) -> list[bool]:
            done = run([question.job(point, turn) for point in points])
            results.update((point, replaced(one.result, wealth=None)) for point, one in zip(points, done, strict=True))
            return [question.event.happens(one.result) for one in done]

        found = search(question.seeds, question.parts, question.halvings, ask)
        levels.append(Level(turn, found, middle(list(found.first.values())), results))
        if tell:
            tell(levels[-1])
    return Study(question, tuple(levels))


def odds(count: int, total: int) -> tuple[float, float]:
    """Interval of a probability, of which `count` of `total` seeds are seen: Wilson's (1927, JASA 22, 209-212)."""
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share, spread = count / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / total / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def fall_at(question: Question, turn: float, level: float) -> float | None:
    """Of a shock: how far the true price of the first seed goes from its first one, as a share, the larger way; None for other knobs."""
    if question.knob.key != SHOCK:
        return None
    prices = question.at(turn, level).scenario.price(question.seeds[0]).prices
    low, high = float(prices.min() / prices[0]) - 1.0, float(prices.max() / prices[0]) - 1.0
    return low if -low >= high else high


def value_of(knob: Knob, turn: float | None) -> float | None:
    """None: beyond the end."""
    return None if turn is None or math.isinf(turn) else knob.value(turn)


# -- as a file --


def to_json(study: Study) -> str:
    """reverse.json: the question in full, what was found, and every run with its hash."""
    question = study.question
    design = question.setting.design.venue
    return json.dumps(
        {
            "schema": SCHEMA,
            "made_by": {"perplab": perplab_version(), "build": BUILD},
            "scenario": question.scenario,
            "venue": design.name,
            "until": question.event.name,
            "means": question.event.told,
            "knobs": [knob_told(knob) for knob in (question.knob, question.second) if knob],
            "seeds": list(question.seeds),
            "capital": question.capital,
            "structure": question.structure or None,
            "settings": list(question.changes),
            "confidence": CONFIDENCE,
            "levels": [level_told(study, level) for level in study.levels],
            "inputs": {
                "scenario": for_report(msgspec.to_builtins(question.setting.scenario)),
                "design": design.to_tree(),
            },
        },
        indent=1,
        allow_nan=False,
        default=str,
    ) + "\n"


def knob_told(knob: Knob) -> dict[str, object]:
    return {"key": knob.key, "from": knob.value(0.0), "to": knob.value(1.0), "by": "ratio" if knob.is_log else "difference"}


def level_told(study: Study, level: Level) -> dict[str, object]:
    question, found = study.question, level.found
    knob, count = question.knob, len(question.seeds)
    return {
        "second": question.second.value(level.turn) if question.second else None,
        "median": value_of(knob, level.middle.turn),
        "interval": None if level.middle.low is None else [value_of(knob, level.middle.low), value_of(knob, level.middle.high)],
        "never": sum(one.turn is None for one in found.first.values()),
        "from_the_start": sum(one.before is None for one in found.first.values()),
        "not_monotone": list(found.returned),
        "scan": [
            {"value": knob.value(turn), "seeds": found.count(turn), "odds": [round(end, 6) for end in odds(found.count(turn), count)]}
            for turn in found.scan
        ],
        "first": [
            {"seed": seed, "above": value_of(knob, one.before), "at": value_of(knob, one.turn)} for seed, one in sorted(found.first.items())
        ],
        "runs": [
            {
                "value": knob.value(point.turn), "seed": point.seed, "happened": found.happened[point],
                "state_hash": result.state_hash, "beyond": list(result.beyond),
            }
            for point, result in sorted(level.results.items())
        ],
    }  # fmt: skip
