"""`perplab archetypes` without its options: which runs it takes, what they found, and how that is summed up over seeds.

Rules: a venue is run alone with all strategies that can trade there, and each pair of venues together with those that trade on several.
Runs are functions of their task alone, so where they are made changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any, Final, NamedTuple

import msgspec

from perplab.exchange import BUILD, VenueDesign

from ..comparison.report import perplab_version, to_text
from ..comparison.workers import Moved, good, workers
from ..own import for_report
from ..scenario import Scenario, ScenarioError
from ..structures.stage import with_markets
from .lines import ResultLine
from .running import followed, misfit
from .tables import Archetype

ON_SEVERAL: Final = ("markets", "two_venues")  # the places of strategies that trade on a pair of venues


@dataclass(frozen=True)
class Task:
    """One run."""

    venues: tuple[VenueDesign, ...]  # with the capital that they are run with
    scenario: Scenario
    seed: int
    archetypes: tuple[Archetype, ...]

    @property
    def name(self) -> str:
        return f"{' + '.join(venue.name for venue in self.venues)} seed {self.seed}"

    def make(self, moved: Moved) -> Found:
        made = followed(self.venues, self.scenario, self.seed, archetypes=self.archetypes, own_capital=True, progress=moved)
        return Found(self, made.lines, tuple(run.state_hash for run in made.runs))


class Found(NamedTuple):
    """What a run found."""

    task: Task
    lines: tuple[ResultLine, ...]
    hashes: tuple[str, ...]  # of the state of each venue at the end


class Misfit(NamedTuple):
    archetype: str
    venue: str
    why: str


class Summary(NamedTuple):
    """A strategy on a venue, or a pair, over all seeds: medians, in USD unless said."""

    venues: tuple[str, ...]
    seeds: int
    pnl: float
    least: float
    most: float
    price: float
    fees: float
    funding: float
    gas: float
    drawdown: float  # share, the largest of all seeds
    liquidated: int  # seeds in which it was
    in_position: float  # share of the time
    trades: float


def tasks_of(
    scenario: Scenario, venues: Sequence[VenueDesign], seeds: Sequence[int], pairs: bool, is_own: bool
) -> tuple[list[Task], list[Misfit]]:
    """All runs, and what cannot be run. ScenarioError: nothing can, or an archetype of the scenario's own (`is_own`) can nowhere.
    VenueError: a venue cannot have the scenario's several markets."""
    if scenario.further_markets:
        venues = [with_markets(venue, scenario) for venue in venues]
    alone = [(venue,) for venue in venues]
    sets = [*alone, *(combinations(venues, 2) if pairs and not scenario.further_markets else ())]
    played = [(group, tuple(one for one in scenario.archetypes if plays(one, group, scenario))) for group in sets]
    wrong = [
        Misfit(one.name, venue.name, misfit(one, (venue,), scenario))
        for one in scenario.archetypes
        for venue in venues
        if one.strategy().places != "two_venues" and misfit(one, (venue,), scenario)
    ]
    for one in scenario.archetypes:
        if not any(one in who for _, who in played) and (is_own or not any(who for _, who in played)):
            raise ScenarioError(misfit(one, venues[:1], scenario))
    return [Task(group, scenario, seed, who) for seed in seeds for group, who in played if who], wrong


def plays(archetype: Archetype, venues: Sequence[VenueDesign], scenario: Scenario) -> bool:
    """Whether it is run on these: on a pair of venues only if it trades on both."""
    if len(venues) > 1 and archetype.strategy().places not in ON_SEVERAL:
        return False
    return not misfit(archetype, venues, scenario)


def answers(tasks: Sequence[Task], processes: int) -> Generator[Found, None, None]:
    """As they are done. Who stops before the end closes it, which ends the processes. Raises WorkerDied."""
    with workers(processes) as by:
        for _, found in good(by.outcomes(tasks, unwatched)):
            yield found


def unwatched(share: float) -> None:
    """Nobody is told how far the runs are."""


def in_order(tasks: Sequence[Task], found: Sequence[Found]) -> list[Found]:
    """What was found, which may not be of all tasks."""
    by_task = {one.task.name: one for one in found}
    return [by_task[task.name] for task in tasks if task.name in by_task]


def summaries(lines: Sequence[ResultLine]) -> dict[str, list[Summary]]:
    """By strategy, then by venue or pair, in the order of the lines."""
    grouped: dict[str, dict[tuple[str, ...], list[ResultLine]]] = {}
    for line in lines:
        grouped.setdefault(line.name, {}).setdefault(line.venues, []).append(line)
    return {name: [summary(venues, each) for venues, each in by_venue.items()] for name, by_venue in grouped.items()}


def summary(venues: tuple[str, ...], lines: Sequence[ResultLine]) -> Summary:
    pnl = [line.pnl_usd for line in lines]
    return Summary(
        venues=venues,
        seeds=len(lines),
        pnl=median(pnl),
        least=min(pnl),
        most=max(pnl),
        price=median(line.price_usd for line in lines),
        fees=median(line.fees_usd for line in lines),
        funding=median(line.funding_usd for line in lines),
        gas=median(line.gas_usd for line in lines),
        drawdown=max(line.drawdown for line in lines),
        liquidated=sum(line.liquidated for line in lines),
        in_position=median(line.in_position for line in lines),
        trades=median(line.trades for line in lines),
    )


def to_json(scenario: Scenario, venues: Sequence[VenueDesign], capital: str, found: Sequence[Found], wrong: Sequence[Misfit]) -> str:
    """All lines of all runs, with what they were made of."""
    lines = [line for one in found for line in one.lines]
    tree: dict[str, Any] = {
        "made_by": {"perplab": perplab_version(), "build": BUILD},
        "scenario": for_report(msgspec.to_builtins(scenario)),
        "capital": capital,
        "designs": {venue.name: venue.to_tree() for venue in venues},
        "seeds": sorted({one.task.seed for one in found}),
        "lines": msgspec.to_builtins(lines),
        "summary": {name: [one._asdict() for one in each] for name, each in summaries(lines).items()},
        "runs": [
            {"venues": [venue.name for venue in one.task.venues], "seed": one.task.seed, "state_hashes": list(one.hashes)} for one in found
        ],
        "not_played": [one._asdict() for one in wrong],
    }
    return to_text(json.loads(msgspec.json.encode(tree)))
