"""The file of a sweep, GRID.toml, and what it comes to: one comparison for each scenario, and all their runs with a key each.

Rules of the file: a grid is read by the functions that read a comparison (`comparison/asked.py`), so both know the same designs, axes and
settings. Everything is checked before anything runs. An error names the file of the grid, the key, what was given and what was expected.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, TypeVar

import click
import msgspec
from msgspec import Meta, Struct

from perplab.exchange.design.reader import DesignError, Tree, convert, read_toml

from ..comparison.asked import OPTION, Asked, chosen
from ..comparison.axes import LISTS
from ..comparison.choices import Choice, chosen_designs
from ..comparison.jobs import Job, jobs_of
from ..comparison.results import in_file_name
from ..comparison.shadows import shadow_designs
from ..names import wrong_name
from ..own import for_report
from ..scenario import load_scenario

Thing = TypeVar("Thing")
RESULTS: Final = 1  # raised when the same run leaves other files: it is part of every run's key
KEYS: Final = {  # of GRID.toml, by the option of `perplab compare` that an error names
    "--venues": "venues",
    "--set-venue": "set_venue",
    "--set": "set",
    "--vary": "vary",
    "--baseline": "baseline",
    "--accounts": "accounts",
    "--seeds": "seeds.count",
    "--same-capital": 'capital = "same"',
    "--own-capital": 'capital = "own"',
    "--yes": "--yes",
}


class GridError(DesignError):
    """A grid that cannot be run; the message is complete."""


class Seeds(Struct, frozen=True, forbid_unknown_fields=True):
    """[seeds]"""

    first: Annotated[int, Meta(ge=0, le=2**31)] = 1
    count: Annotated[int, Meta(ge=1, le=1000)] = 5


class Vary(Struct, frozen=True, forbid_unknown_fields=True):
    """[[vary]]: an axis, as `perplab compare --vary` knows them; without levels a known one."""

    key: str
    levels: tuple[object, ...] | None = None

    @property
    def text(self) -> str:
        """As --vary has it."""
        return self.key if self.levels is None else f"{self.key}={'|'.join(level_text(self.key, one) for one in self.levels)}"


class Grid(Struct, frozen=True, forbid_unknown_fields=True):
    """GRID.toml."""

    scenarios: Annotated[tuple[str, ...], Meta(min_length=1)]
    name: str = ""  # none: that of the file
    title: str = ""
    venues: tuple[str, ...] | None = None  # none: those that `perplab compare` compares
    seeds: Seeds = Seeds()
    accounts: Annotated[int, Meta(ge=12, le=1_000_000)] | None = None
    set: tuple[str, ...] = ()  # KEY=VALUE of the scenarios
    set_venue: tuple[str, ...] = ()  # NAME.KEY=VALUE of a design
    vary: tuple[Vary, ...] = ()
    capital: Literal["same", "own"] | None = None
    baseline: str | None = None
    insured: bool = True  # each design is run with infinite insurance too
    journals: bool = False  # each run's journal is kept


class Planned(NamedTuple):
    """One run of a sweep."""

    key: str  # hex: hash of design, scenario, seed and RESULTS; names its files
    job: Job
    scenario: str  # its name, without its path
    path: str  # "" for the scenario's own
    design: str  # the design that was asked for; with axes, the run's own design is a cell of it
    levels: dict[str, str]  # by axis
    is_shadow: bool  # with infinite insurance, beside a run of the grid

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.job.venue.name} on {self.job.scenario.name}, seed {self.job.seed}"


@dataclass(frozen=True)
class Sweep:
    """A grid that was read and checked."""

    name: str
    title: str
    tree: Tree  # the file, with what it leaves out
    choices: tuple[Choice, ...]  # one for each scenario
    runs: tuple[Planned, ...]  # scenario by scenario, seed by seed

    @property
    def key(self) -> str:
        """Hash of all its runs: that of another grid is another."""
        return hashlib.sha256("\n".join(sorted(one.key for one in self.runs)).encode()).hexdigest()

    def of(self, choice: Choice) -> list[Planned]:
        """The runs of one scenario."""
        return [one for one in self.runs if one.job.scenario.name == choice.scenario.name]


def load_grid(file: Path) -> Sweep:
    """The sweep of a GRID.toml. Raises GridError."""
    try:
        grid = convert(read_toml(file), Grid, str(file))
    except DesignError as error:
        raise GridError(str(error)) from None
    return sweep_of(grid, file)


def sweep_of(grid: Grid, file: Path) -> Sweep:
    """A grid whose files lie beside `file`, by which errors call it. Raises GridError."""
    name = grid.name or file.stem
    if wrong := wrong_name(name):
        raise GridError(f"{file}: name: {wrong}")
    for entry in grid.scenarios:
        if grid.scenarios.count(entry) > 1:
            raise GridError(f"{file}: scenarios has {entry!r} twice: expected different ones")
    seeds = tuple(range(grid.seeds.first, grid.seeds.first + grid.seeds.count))
    venues = None if grid.venues is None else [beside(file, one) for one in grid.venues]
    told_in(file, "venues", lambda: chosen_designs(venues))
    choices: list[Choice] = []
    runs: list[Planned] = []
    for entry in grid.scenarios:
        scenario = beside(file, entry)
        told_in(file, "scenarios", lambda: load_scenario(scenario))  # noqa: B023  called at once
        asked = Asked(
            scenario, venues, seeds, grid.accounts, grid.set, grid.set_venue, [one.text for one in grid.vary], True, grid.capital,
            grid.baseline, grid.insured,
        )  # fmt: skip
        choice = told_in(file, "", lambda: chosen(asked, lambda line: None))  # noqa: B023  called at once
        choices.append(choice)
        runs += planned(choice, entry.rpartition(":")[2] if is_on_path(entry) else "", grid.journals)
    names = [choice.scenario.name for choice in choices]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise GridError(f"{file}: scenarios has two that are called {twice}: expected different names")
    tree: Tree = msgspec.json.decode(msgspec.json.encode(grid))  # with lists, as it is read back
    return Sweep(name, grid.title or name, tree, tuple(choices), tuple(runs))


def planned(choice: Choice, path: str, keeps_journals: bool) -> list[Planned]:
    """All runs of one scenario."""
    shadows = {venue.name for venue in shadow_designs(choice)}
    scenario = choice.scenario.name.removesuffix(f".{path}") if path else choice.scenario.name
    made = []
    for job in jobs_of(choice, Path(in_file_name(choice.scenario.name))):
        is_shadow = job.venue.name in shadows
        kept = job if keeps_journals and not is_shadow else replace(job, journal=None)
        design, levels = levels_of(choice, job.venue.name.removeprefix("insured ") if is_shadow else job.venue.name)
        made.append(Planned(key_of(job), kept, scenario, path, design, levels, is_shadow))
    return made


def levels_of(choice: Choice, name: str) -> tuple[str, dict[str, str]]:
    """The design that was asked for, and the levels of the axes, of a design as it is run."""
    cells = choice.factorial
    if cells is None:
        return name, {}
    cell = next(one for one in cells.cells if one.name == name)
    levels = {axis.name: cells.label(number, cell.levels[number]) for number, axis in enumerate(cells.axes)}
    return levels.pop("design", cells.base), levels


def key_of(job: Job) -> str:
    """Equal for two runs of one program that must come to the same."""
    scenario = for_report(msgspec.to_builtins(job.scenario))
    inputs = [RESULTS, job.venue.to_json().decode(), scenario, job.seed]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:40]


# -- words --


def told_in(file: Path, key: str, read: Callable[[], Thing]) -> Thing:
    """What is read; an error of it names the grid and its key."""
    at = f"{key}: " if key else ""
    try:
        return read()
    except click.UsageError as error:
        words = in_grid(error.message)
        raise GridError(f"{file}: {words if words.startswith(key) else at + words}") from None
    except (DesignError, ValueError) as error:
        raise GridError(f"{file}: {at}{in_grid(str(error))}") from None


def in_grid(message: str) -> str:
    """An error of the command line in the words of a grid."""
    return OPTION.sub(lambda found: KEYS.get(found[0], found[0]), message)


def is_on_path(entry: str) -> bool:
    """Whether a scenario is named with one of its paths: `oct10:stays_low`, and no file alone."""
    return ":" in entry and not entry.endswith(".toml")


def beside(file: Path, name: str) -> str:
    """A name as it is; a file as it lies beside the grid."""
    found = re.match(r"(.*\.toml)(:.*)?$", name)
    if found is None:
        return name
    there = file.parent / found[1]
    return f"{there}{found[2] or ''}" if there.is_file() else name


def level_text(key: str, level: object) -> str:
    """A level of TOML as --vary has it."""
    if isinstance(level, bool):
        return str(level).lower()
    if isinstance(level, Sequence) and not isinstance(level, str):
        names = ",".join(map(str, level))
        return names if key in LISTS or key in ("method", "payers") else json.dumps(list(level))
    return str(level)
