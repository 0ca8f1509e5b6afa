"""The runs of a comparison: several venues on the same scenario and seeds.

Rules of the file: a run is a function of its job alone, so where and in which order runs are made changes nothing (`workers.py` spreads
them over processes). A run, which is large, stays where it was made: it is measured, its journal is written, numbers are handed back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec

from perplab.exchange import VenueDesign

from ..archetypes.lines import ResultLine
from ..archetypes.running import followed
from ..metrics import measure, wealth
from ..own import for_report
from ..professionals import beyond_population
from ..scenario import BarsPath, KnotsPath, OwnPath, Scenario
from ..simulation import run
from ..stage import capital_of
from ..structures.accounts import structure_of
from ..structures.kinds import KindLine
from ..structures.measures import measure_markets
from ..structures.simulation import run_markets
from .choices import Choice
from .report import About, Capital, Clocked, Inputs, PathInput, Result, run_name
from .results import journal_name, write_file
from .shadows import shadow_designs

CALIBRATED: Final = (  # keys of a scenario that were fitted, on book_vault_adl to targets A1 and A2, and makers' depth to the record
    "backstop_usd",
    "population.open_interest_over_depth",
    "population.hedger_open_interest",
    "population.leverage_sigma",
    "population.size_leverage",
    "makers.capital_usd",
    "makers.calm_bp",
    "makers.wild_bp",
    "makers.rise_s",
    "makers.fall_s",
    "arbitrageurs.capital_usd",
    "bidders.capital_usd",
)


@dataclass(frozen=True)
class Job:
    """One run to be made."""

    venue: VenueDesign  # with the capital it is run with
    scenario: Scenario
    seed: int
    journal: Path | None  # where its journal goes; None: nobody keeps it
    path: str = ""  # the name of the scenario's path, where there are several
    structure: str = ""  # the account structure of a run in several markets; none: a run in one

    @property
    def name(self) -> str:
        """In words."""
        return run_name(self.venue.name, self.path, self.seed)

    def make(self, moved: Callable[[float], None]) -> Done:
        return run_job(self, moved)


class Done(NamedTuple):
    """What is kept of a run that is over."""

    result: Result
    clocked: Clocked


class Watcher(Protocol):
    """Is told how a comparison gets on; `share` is that of all runs together, 0 to 1."""

    def moved(self, share: float) -> None: ...

    def finished(self, done: Done) -> None: ...


def jobs_of(choice: Choice, folder: Path) -> list[Job]:
    """All venues on all paths and seeds, seed by seed, then the shadow runs; journals go to `folder`."""
    places = [(path, seed) for seed in choice.seeds for path in choice.scenarios]
    own = [
        Job(
            venue, choice.scenario_of(venue.name, path), seed, folder / journal_name(venue.name, seed, path), path,
            structure_of(venue.name) if choice.structures else "",
        )
        for path, seed in places
        for venue in choice.venues
    ]
    return own + [Job(venue, choice.scenarios[path], seed, None, path) for path, seed in places for venue in shadow_designs(choice)]


def longest_first(jobs: Sequence[Job]) -> list[int]:
    """The numbers of the jobs in the order in which processes take them up, so that no long one is left for the end alone.

    Designs with auctions take a third longer, since bidders look at hundreds of offers. Otherwise the order stays: it has the runs
    of a seed side by side, and these share what is drawn.
    """
    return sorted(range(len(jobs)), key=lambda number: "dutch_auction" not in jobs[number].venue.liquidation.steps)


def about(choice: Choice) -> About:
    """What a report says of its scenario and designs."""
    scenario = choice.scenario
    usd = {one.name: capital_of(one) for one in choice.venues}
    designs = {venue.name: venue.to_tree() for venue in choice.venues}
    paths = {name: PathInput(path.family, for_report(msgspec.to_builtins(path.scenario))) for name, path in choice.paths.items()}
    return About(
        scenario=scenario.name,
        title=scenario.title,
        path="several" if paths else source_of(scenario),
        accounts=scenario.population.accounts,
        impact=scenario.impact.y,
        open_interest_usd=scenario.open_interest_usd,
        calibrated={key: number_of(scenario, key) for key in CALIBRATED},
        capital=Capital(choice.capital, usd),
        inputs=Inputs(
            choice.settings, choice.path_file, for_report(msgspec.to_builtins(scenario)), designs, paths, choice.insured, choice.structures,
        ),
        added=added(scenario),
    )


def source_of(scenario: Scenario) -> str:
    """Where the true price comes from, in a few words."""
    path = scenario.path
    return path.source if isinstance(path, BarsPath | KnotsPath) else path.named if isinstance(path, OwnPath) else "synthetic"


def added(scenario: Scenario) -> list[str]:
    """Traders of the user's own, and faults."""
    crowd = [f"{one.count:,} {one.cohort} ({one.named})" for one in scenario.agents]
    crowd += [f"{one.name} ({one.named})" for one in scenario.archetypes]
    spans = [(one.named, one.at_s, "the end" if one.until_s is None else f"{one.until_s:g} s") for one in scenario.faults]
    done = [f"{name} from {at_s:g} s to {until}" for name, at_s, until in spans]
    told = [("Besides the scenario's people there are", crowd), ("Done to every run:", done)]
    return [f"{what} {', '.join(each)}." for what, each in told if each]


def number_of(scenario: Scenario, key: str) -> float:
    """The number of a scenario at a dotted key."""
    value: object = scenario
    for name in key.split("."):
        value = getattr(value, name)
    assert isinstance(value, int | float), key
    return value


def run_job(job: Job, moved: Callable[[float], None]) -> Done:
    """Make one run, measure it and write its journal."""
    done, journal = made_job(job, moved)
    if job.journal is not None:
        write_file(job.journal, journal)
    return done


def made_job(job: Job, moved: Callable[[float], None]) -> tuple[Done, bytes]:
    """Make one run and measure it; the second is its journal."""
    kinds: tuple[KindLine, ...] = ()
    followed_lines: tuple[ResultLine, ...] = ()
    if job.structure:
        in_markets = run_markets(job.venue, job.scenario, job.structure, job.seed, own_capital=True, progress=moved)
        made = in_markets.run
        metrics, held, lines = measure_markets(in_markets)
        kinds = tuple(lines)
    elif job.scenario.archetypes:
        (made,), followed_lines = followed((job.venue,), job.scenario, job.seed, own_capital=True, progress=moved)
        metrics, held = measure(made), wealth(made)
    else:
        made = run(job.venue, job.scenario, job.seed, own_capital=True, progress=moved)
        metrics, held = measure(made), wealth(made)
    beyond = tuple(beyond_population(made))
    result = Result(
        job.venue.name, job.seed, made.state_hash, metrics, job.path, beyond, held, kinds, followed_lines, made.granted, made.path_sha256
    )  # fmt: skip
    timing = made.timing
    clocked = Clocked(job.venue.name, job.seed, made.build, made.commands, timing.wall_s, timing.core_s, job.path)
    return Done(result, clocked), made.journal
