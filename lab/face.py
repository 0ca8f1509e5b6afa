"""The lab from Python: one run, and a comparison.

Rules of the file: what is asked for is read and checked by the functions of the command line (`comparison/asked.py`), before anything
runs; errors are the same, in the words of a call. Nothing is printed unless it is asked for, and written only where `out` says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, overload

import click

from perplab.exchange import VenueDesign
from perplab.exchange.design.reader import DesignError
from perplab.exchange.events import Event

from . import simulation
from .agents import Agent
from .comparison import results
from .comparison.asked import Asked, Paths, chosen, in_python
from .comparison.choices import Choice
from .comparison.jobs import Done, Watcher, jobs_of
from .comparison.making import files_of, reported
from .comparison.outcome import Results, event_columns, kind_of
from .comparison.progress import Silent, Told
from .comparison.report import OWN, SAME
from .comparison.workers import run_jobs
from .frames import Arrays, Frame, framed
from .runs import Run
from .scenario import Scenario

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import polars  # type: ignore[import-not-found, unused-ignore]

Venue: TypeAlias = str | Path | VenueDesign  # a shipped design's name, a TOML file, or a design
Played: TypeAlias = str | Path | Scenario  # likewise
Thing = TypeVar("Thing")
Capital: TypeAlias = Literal["same", "own"]
MOST_SEEDS: Final = 1_000
HIGHEST_SEED: Final = 2**31 + MOST_SEEDS  # as far as the command line goes


class CallError(DesignError):
    """What was asked for makes no sense; the message names the argument, what was given and what was expected."""


def run(
    venue: Venue,
    scenario: Played,
    seed: int = 1,
    *,
    accounts: int | None = None,
    bots: Sequence[Agent] = (),
    capital: Capital | None = None,
    progress: Callable[[float], None] | None = None,
) -> Run:
    """Play a scenario on a venue: everything that happened, as arrays (`perplab.lab.runs.Run`); `measure` gives its metrics.

    Venue and scenario are names, files or objects. `accounts` is the number of people who hold positions; `bots` join the scenario's own
    agents, change nobody's draws, and may send what the owner of an account may, so no deposits. Fund and vault start with the scenario's
    capital, or with `capital="own"` the design's, which must be said where a design of yours states another one. `progress` is told the
    share of the run that is done. Raises ValueError.
    """
    asked = Asked(
        played_of(scenario), [venue_of(venue, "venue")], (seed_of(seed),), accounts_of(accounts), capital=capital_of(capital), insured=False
    )
    if not isinstance(bots, Sequence) or not all(isinstance(bot, Agent) for bot in bots):
        raise CallError(f"bots: {bots!r} given, expected a list of agents")
    if progress is not None and not callable(progress):
        raise CallError(f"progress: {progress!r} given, expected a function that takes the share that is done")
    choice = asked_in_python(asked)
    return simulation.run(choice.venues[0], choice.scenario, seed, bots=bots, own_capital=True, progress=progress)


def compare(
    venues: Venue | Sequence[Venue] | None,
    scenario: Played,
    *,
    seeds: int | Sequence[int] = 5,
    accounts: int | None = None,
    baseline: str | None = None,
    paths: Paths | Sequence[str] = None,
    insured: bool = True,
    vary: str | Sequence[str] = (),
    many: bool = False,
    margin: str | Sequence[str] = (),
    settings: Sequence[str] = (),
    venue_settings: Sequence[str] = (),
    capital: Capital | None = None,
    jobs: int = 1,
    out: str | Path | None = None,
    progress: bool = False,
) -> Results:
    """Run several designs through a scenario on the same seeds, as `perplab compare` does, and compare them.

    venues: names, files or designs; None: those that the command line compares.
    scenario: a name, a file or an object.
    seeds: how many, from 1 on, or which.
    accounts: people who hold positions; None: the scenario's.
    baseline: the design that differences are to; None: book_fund_adl, else the first.
    paths: names of paths of the scenario, "all", or scenarios by name, as `load_paths` gives them.
    insured: each design is run with infinite insurance too, to measure what it costs against that.
    vary: axes of a factorial, as of --vary: "method,payers", "backstop_usd=0|5e6"; `many`: also more than 200 runs of it.
    margin: account structures that each design is run in, as of --margin: "cross,isolated,segmented".
    settings, venue_settings: changes as of --set and --set-venue: "oracle.lag_ms=5000", "mine.max_accounts=9000".
    capital: "same", the scenario's for all, or "own", each design's; must be said where a design of yours states another one.
    jobs: processes. More than 1 are spawned, which a script must allow by `if __name__ == "__main__":` around what it does.
    out: a folder for report.json, pictures and journals. None: no files stay; journals lie in a temporary one that goes with the results.
    progress: tell on stderr how it gets on.

    ValueError, with argument, value and what was expected, before anything has run.
    """
    for name, switch in (("insured", insured), ("many", many), ("progress", progress)):
        if not isinstance(switch, bool):
            raise CallError(f"{name}: {switch!r} given, expected True or False")
    if type(jobs) is not int or jobs < 1:
        raise CallError(f"jobs: {jobs!r} given, expected 1 or more")
    folder = folder_of(out)
    asked = Asked(
        played_of(scenario), venues_of(venues), seeds_of(seeds), accounts_of(accounts), list_of(settings, "settings"),
        list_of(venue_settings, "venue_settings"), list_of(vary, "vary"), many, capital_of(capital), baseline_of(baseline), insured,
        paths_of(paths), margin=",".join(list_of(margin, "margin")) or None,
    )  # fmt: skip
    choice = asked_in_python(asked, progress)
    if folder is not None:
        return compared_in(choice, folder, jobs, progress)
    keeper = TemporaryDirectory(prefix="perplab-")
    done = all_done(choice, Path(keeper.name), jobs, progress)
    return Results(*reported(choice, done), Path(keeper.name), keeper)


def compared_in(choice: Choice, folder: Path, jobs: int, progress: bool) -> Results:
    """A comparison that leaves the files of the command line in a folder."""
    with results.locked(folder):
        began = perf_counter()
        done = all_done(choice, results.begin(folder), jobs, progress)
        report, found = reported(choice, done)
        files = files_of(report, found, [one.clocked for one in done], perf_counter() - began, jobs)
        results.finish(folder, files, [results.journal_name(one.venue, one.seed, one.path) for one in report.results])
    return Results(report, found, folder / results.JOURNALS)


def all_done(choice: Choice, journals: Path, jobs: int, progress: bool) -> list[Done]:
    todo = jobs_of(choice, journals)
    processes = min(jobs, len(todo))
    with watcher(len(todo), processes, progress) as told:
        return run_jobs(todo, processes, told)


@contextmanager
def watcher(runs: int, processes: int, progress: bool) -> Iterator[Watcher]:
    if not progress:
        yield Silent()
        return
    with Told(runs, processes) as told:
        yield told


@overload
def events_of(made: Run, kind: str | type[Event], frame: Literal["polars"] = ...) -> polars.DataFrame: ...
@overload
def events_of(made: Run, kind: str | type[Event], frame: Literal["pandas"]) -> pandas.DataFrame: ...
@overload
def events_of(made: Run, kind: str | type[Event], frame: Literal["arrays"]) -> Arrays: ...
def events_of(made: Run, kind: str | type[Event], frame: Frame = "polars") -> Arrays | polars.DataFrame | pandas.DataFrame:
    """All events of one kind of a run, such as "Traded", as a table of their fields, in ticks, lots and micro-units."""
    event = kind_of(kind)
    return framed({**event_columns(event, made.events)}, frame)


# -- what was given --


def asked_in_python(asked: Asked, progress: bool = False) -> Choice:
    """The comparison that is asked for; errors name arguments, not options. `progress`: what a factorial will run is told on stderr."""
    try:
        return chosen(asked, lambda line: click.echo(line, err=True) if progress else None)
    except click.UsageError as error:
        raise CallError(in_python(error.message)) from None
    except DesignError as error:
        raise type(error)(in_python(str(error))) from None


def played_of(given: object) -> str | Scenario:
    return named_or(Scenario, given, "scenario", "a name, a file or a Scenario")


def venue_of(given: object, argument: str = "venues") -> str | VenueDesign:
    return named_or(VenueDesign, given, argument, "a name, a file or a design" if argument == "venue" else "names, files or designs")


def named_or(kind: type[Thing], given: object, argument: str, expected: str) -> str | Thing:
    """The name, or the path of the file, or the thing itself."""
    if isinstance(given, str | kind):
        return given
    if isinstance(given, Path):
        return os.fspath(given)
    raise CallError(f"{argument}: {given!r} given, expected {expected}")


def venues_of(given: Venue | Sequence[Venue] | None) -> str | Sequence[str | VenueDesign] | None:
    if given is None or isinstance(given, str):  # names with commas, as on the command line
        return given
    return [venue_of(one) for one in given] if isinstance(given, Sequence) else [venue_of(given)]


def seeds_of(given: int | Sequence[int]) -> tuple[int, ...]:
    """So many seeds from 1 on, or those that are named."""
    expected = f"1 to {MOST_SEEDS:,}, or so many different seeds from 0 to {HIGHEST_SEED:,}"
    seeds = tuple(range(1, given + 1)) if type(given) is int and given <= MOST_SEEDS else given
    is_right = isinstance(seeds, Sequence) and 0 < len(seeds) <= MOST_SEEDS and all(type(seed) is int for seed in seeds)
    if not is_right or isinstance(seeds, int) or len(set(seeds)) < len(seeds) or not 0 <= min(seeds) <= max(seeds) <= HIGHEST_SEED:
        raise CallError(f"seeds: {given!r} given, expected {expected}")
    return tuple(seeds)


def seed_of(given: object) -> int:
    if type(given) is not int or not 0 <= given <= HIGHEST_SEED:
        raise CallError(f"seed: {given!r} given, expected a whole number from 0 to {HIGHEST_SEED:,}")
    return given


def accounts_of(given: object) -> int | None:
    """Checked further where the scenario is."""
    if given is not None and type(given) is not int:
        raise CallError(f"accounts: {given!r} given, expected a whole number")
    return given


def capital_of(given: object) -> str | None:
    if given not in (None, SAME, OWN):
        raise CallError(f"capital: {given!r} given, expected {SAME!r}, {OWN!r} or None")
    return None if given is None else str(given)


def baseline_of(given: object) -> str | None:
    if given is not None and not isinstance(given, str):
        raise CallError(f"baseline: {given!r} given, expected the name of a design")
    return given


def folder_of(given: object) -> Path | None:
    if given is not None and (not isinstance(given, str | Path) or given == ""):
        raise CallError(f"out: {given!r} given, expected a folder")
    return None if given is None else Path(given)


def list_of(given: object, argument: str) -> Sequence[str]:
    """A text, or several."""
    texts = (given,) if isinstance(given, str) else given
    if not isinstance(texts, Sequence) or not all(isinstance(one, str) for one in texts):
        raise CallError(f"{argument}: {given!r} given, expected a text, or a list of texts")
    return texts


def paths_of(given: object) -> Paths:
    if isinstance(given, Mapping) and all(isinstance(name, str) and isinstance(one, Scenario) for name, one in given.items()):
        return given
    if given is None or isinstance(given, str):
        return given
    if not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        raise CallError(f"paths: {given!r} given, expected names of paths, 'all', or scenarios by name")
    return ",".join(given)
