"""A comparison as it is asked for, from the command line or from Python, and the one function that makes a checked `Choice` of it.

Rules of the file: both ask through `chosen`, so both get the same comparison and the same errors. An error names the option of the
command line; `in_python` says it as the keyword that it is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
import msgspec

from perplab.exchange import VenueDesign

from ..paths import shape
from ..scenario import Scenario, ScenarioError, load_scenario
from . import choices
from .choices import Choice, Design, PlayedPath
from .report import BASELINE

KEYWORDS: Final = {  # of perplab.lab.compare, by option
    "--venues": "venues",
    "--set-venue": "venue_settings",
    "--set": "settings",
    "--vary": "vary",
    "--yes": "many=True",
    "--same-capital": "capital='same'",
    "--own-capital": "capital='own'",
    "--baseline": "baseline",
    "--paths": "paths",
    "--seeds": "seeds",
    "--accounts": "accounts",
    "--margin": "margin",
}
OPTION: Final = re.compile(r"--[a-z][a-z-]*")

Paths = str | Mapping[str, Scenario] | None


@dataclass(frozen=True)
class Asked:
    """What a comparison is to be made of. What is not said is None or empty, and means what it means on the command line."""

    scenario: str | Scenario  # name, file, or the thing itself
    venues: str | Sequence[str | VenueDesign] | None
    seeds: tuple[int, ...]
    accounts: int | None = None
    settings: Sequence[str] = ()  # KEY=VALUE
    venue_settings: Sequence[str] = ()  # NAME.KEY=VALUE
    varied: Sequence[str] = ()  # axes of --vary
    many: bool = False  # more runs of --vary than is usual are meant
    capital: str | None = None  # SAME or OWN
    baseline: str | None = None
    insured: bool = True
    paths: Paths = None  # names, "all", or scenarios that differ in their path alone
    path_file: Path | None = None
    from_text: str | None = None
    to_text: str | None = None
    margin: str | None = None  # account structures, with commas


def chosen(asked: Asked, tell: Callable[[str], None]) -> Choice:
    """The comparison, read and checked; what --vary makes of it is told in lines.

    Raises VenueError, ScenarioError, OracleError or click.UsageError, and nothing has run by then.
    """
    from ..structures import choice as structures

    changes = [choices.Setting("--set", text) for text in asked.settings]
    words = (asked.accounts, asked.path_file, asked.from_text, asked.to_text)
    played, read = choices.chosen_scenario(asked.scenario, changes, *words)
    file = file_of(asked.scenario, asked.path_file)
    paths = paths_of(asked, played, changes)
    venues = BASELINE if asked.venues is None and asked.margin is not None else asked.venues
    designs = choices.chosen_designs(venues, [choices.Setting("--set-venue", text) for text in asked.venue_settings])
    first = choices.chosen_baseline(None if asked.margin else asked.baseline, designs)
    structures.must_be_asked_alone(asked.margin, played, file, asked.varied)
    capital, designs = choices.with_capital_of(designs, played, file, asked.capital)
    told = [f"--set {text}" for text in asked.settings] + [f"--set-venue {text}" for text in asked.venue_settings]
    told += [f"--vary {text}" for text in asked.varied]
    plain = Choice(played, (), asked.seeds, capital, first, tuple(told), read, paths, asked.insured)
    if asked.varied:
        return choice_of_cells(plain, designs, asked, file, tell)
    for name, one in paths.items():
        choices.check_all(designs, one.scenario, f"{file} on {name}", asked.seeds)
    choices.check_all(designs, played, file, asked.seeds)
    if asked.margin is not None:
        alone = replace(plain, baseline=None, insured=False)
        return structures.choice_in_structures(alone, designs, asked.margin, asked.baseline, file)
    return replace(plain, venues=tuple(one.venue for one in designs))


def file_of(scenario: str | Scenario, path_file: Path | None = None) -> str:
    """How errors call a scenario."""
    if isinstance(scenario, Scenario):
        return scenario.name
    name, colon, path = scenario.partition(":")
    file = scenario if ".toml" in scenario else f"{name}.toml{colon}{path}"
    return f"{file} on {path_file}" if path_file else file


def paths_of(asked: Asked, played: Scenario, changes: Sequence[choices.Setting]) -> dict[str, PlayedPath]:
    if asked.paths is None:
        return {}
    if isinstance(asked.paths, Mapping):
        given = {name: given_path(name, one, asked.scenario) for name, one in asked.paths.items()}
        return choices.chosen_paths(choices.ALL, given, changes, asked.accounts)
    if isinstance(asked.scenario, Scenario):
        raise click.UsageError(f"--paths: {asked.paths!r} given, expected scenarios by name: {played.name} is one path, without its file")
    return choices.paths_asked_for(asked.paths, asked.scenario, changes, asked.accounts, asked.path_file)


def given_path(name: str, path: Scenario, scenario: str | Scenario) -> PlayedPath:
    """One of several paths as an object, which must be the scenario but for its path."""
    own = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if msgspec.structs.replace(path, name=own.name, title=own.title, path=own.path) != own:
        raise ScenarioError(f"paths: {name} is {path.name}: expected {own.name} on another path, and all else equal")
    return PlayedPath(str(path.path.family or shape(path.path.path(0)).family or "other"), path)


def choice_of_cells(plain: Choice, designs: Sequence[Design], asked: Asked, file: str, tell: Callable[[str], None]) -> Choice:
    """The comparison of all combinations that --vary asks for; how many runs that is, and what is left out, is told."""
    from . import factorial
    from .axes import chosen_axes

    axes = chosen_axes(asked.varied)
    for axis in axes:
        if plain.paths and axis.key.partition(".")[0] == "path":
            raise click.UsageError(f"--paths: given with --vary {axis.key}, which would change all paths, expected one of the two")
    cells, venues = factorial.planned(designs, axes, plain.scenario, plain.capital, plain.baseline)
    pairs = len(plain.seeds) * len(plain.scenarios)
    for line in factorial.plan(cells, pairs):
        tell(line)
    if asked.insured and not cells.has_one_crowd:
        tell("not run with infinite insurance: that takes cells of the same people on the same path, which differ in design or K")
    factorial.must_be_wanted(len(venues) * pairs, asked.many)
    choice = replace(plain, venues=tuple(venues), baseline=cells.first, factorial=cells, insured=plain.insured and cells.has_one_crowd)
    factorial.check_cells(cells, choice, file)
    return choice


def in_python(message: str) -> str:
    """An error of the command line in the words of a call."""
    return OPTION.sub(lambda found: KEYWORDS.get(found[0], found[0]), message)
