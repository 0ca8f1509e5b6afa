"""Account structures that a comparison was asked for: `--margin cross,isolated,segmented`, checked before anything runs.

Rules of the file: a design in a structure is called DESIGN/STRUCTURE, and differs from the same design in another by nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as replaced

import click
import numpy as np
from msgspec.structs import replace

from perplab.exchange import VenueDesign, VenueError
from perplab.exchange.design.reader import nearest
from perplab.exchange.messages import FIRST_USER

from ..comparison.choices import Choice, Design
from ..comparison.report import BASELINE
from ..fit import Pair, Reach, check_fit
from ..metrics import Wealth
from ..options import names_in
from ..population import GROUPS
from ..scenario import Scenario, ScenarioError
from .accounts import STRUCTURES, structure_of
from .kinds import LEVERED_NAME
from .paths import further_path
from .people import KINDS
from .stage import with_markets


def chosen_structures(given: str) -> tuple[str, ...]:
    """Raises click.UsageError."""
    names = names_in("--margin", given)
    for name in names:
        if name not in STRUCTURES:
            meant = nearest(name, list(STRUCTURES), or_list=False)
            raise click.UsageError(f"--margin: {name!r} given, expected some of {', '.join(STRUCTURES)}{meant}")
    if len(set(names)) < len(names):
        raise click.UsageError(f"--margin: {given!r} given, expected different ones of {', '.join(STRUCTURES)}")
    return tuple(names)


def must_be_asked_alone(margin: str | None, scenario: Scenario, file: str, varied: Sequence[str]) -> None:
    """Raises click.UsageError or ScenarioError: people's books and --margin ask for each other, and --vary has axes of its own."""
    if margin is not None and varied:
        raise click.UsageError("--margin: given with --vary, expected one of the two")
    if margin is None and scenario.books is not None:
        raise ScenarioError(f"{file}: it has [books]: expected --margin {','.join(STRUCTURES)}, or some of them")


def choice_in_structures(plain: Choice, designs: Sequence[Design], margin: str, baseline: str | None, file: str) -> Choice:
    """The comparison of designs in structures. Raises click.UsageError, VenueError or ScenarioError."""
    structures = chosen_structures(margin)
    for path, scenario in plain.scenarios.items():
        check_structures(designs, scenario, f"{file} on {path}" if path else file, plain.seeds)
    venues = in_structures([design.venue for design in designs], structures)
    return replaced(plain, venues=venues, baseline=baseline_of(baseline, venues), structures=structures)


def in_structures(venues: Sequence[VenueDesign], structures: Sequence[str]) -> tuple[VenueDesign, ...]:
    """Every design in every structure, design by design."""
    return tuple(replace(venue, name=f"{venue.name}/{structure}") for venue in venues for structure in structures)


def baseline_of(given: str | None, venues: Sequence[VenueDesign]) -> str:
    """The name of the baseline: what was given, else the usual design, else the first, in its first structure. Raises click.UsageError."""
    names = [venue.name for venue in venues]
    if given is not None and given not in names:
        raise click.UsageError(f"--baseline: {given!r} given, expected a design in a structure: {', '.join(names)}")
    usual = (name for name in names if name.rpartition("/")[0] == BASELINE)
    return given or next(usual, names[0])


def check_structures(designs: Sequence[Design], scenario: Scenario, file: str, seeds: Sequence[int]) -> None:
    """Raises VenueError or ScenarioError where a design cannot have the scenario's markets, or it says nothing of people's books."""
    if scenario.books is None:
        expected = "expected [books] hedged and one_sided, and [further_markets.NAME], as the shipped scenario two_markets has"
        raise ScenarioError(f"{file}: it says nothing of what people hold in several markets, which --margin asks for: {expected}")
    check_names(scenario, file)
    reaches = reached(scenario, seeds)
    for design in designs:
        with_markets(design.venue, scenario)
        for name, far in reaches.items():
            check_fit(Pair(design.venue, design.file, scenario, f"{file}, further_markets.{name}"), far)
        most = accounts_needed(scenario)
        if most > design.venue.max_accounts:
            told = f"with --margin, in {1 + len(scenario.further_markets)} markets, {file} needs at least {most}"
            raise VenueError(f"{design.file}: max_accounts is {design.venue.max_accounts}: expected that many: {told}")


def check_names(scenario: Scenario, file: str) -> None:
    """ScenarioError where agents or faults of the scenario name people otherwise than they are called here."""
    for number, agent in enumerate(scenario.agents):
        if agent.cohort in (*KINDS, LEVERED_NAME):
            raise ScenarioError(f"{file}: agents[{number}].cohort is {agent.cohort!r}: expected another name, people are called so here")
    for number, fault in enumerate(scenario.faults):
        for name in sorted({*fault.made(fault.kind()).senders} & {*GROUPS} - {*KINDS}):
            expected = f"expected another cohort: with --margin people are {', '.join(KINDS)}"
            raise ScenarioError(f"{file}: faults[{number}]: {fault.named} meets {name!r}: {expected}")


def reached(scenario: Scenario, seeds: Sequence[int]) -> dict[str, Reach]:
    """How far the price of each further market goes in these seeds."""
    found = {}
    for name, market in scenario.further_markets.items():
        paths = [further_path(name, market, scenario, scenario.price(seed), seed).prices for seed in seeds]
        low, high = (int(which([each(prices) for prices in paths])) for which, each in ((np.argmin, np.min), (np.argmax, np.max)))
        keys = [f"the price of seed {seeds[at]}" for at in (low, high)]
        found[name] = Reach(float(paths[low].min()), keys[0], float(paths[high].max()), keys[1])
    return found


def accounts_needed(scenario: Scenario) -> int:
    """The most accounts that a structure opens: one for each position, and the agents of every market."""
    markets = 1 + len(scenario.further_markets)
    agents = sum(who.count for who in (scenario.makers, scenario.arbitrageurs, scenario.bidders, scenario.momentum))
    users = sum(who.count for who in scenario.agents)
    return FIRST_USER + markets * (scenario.population.accounts + agents + scenario.noise.accounts) + users


def must_begin_alike(held: Mapping[str, Wealth]) -> None:
    """Structures divide money, and change nothing else: ValueError if one design's people begin otherwise in another structure."""
    first: dict[str, tuple[str, Wealth]] = {}
    for name, wealth in held.items():
        design = name.removesuffix(f"/{structure_of(name)}")
        other, alike = first.setdefault(design, (name, wealth))
        if not (np.array_equal(wealth.opening, alike.opening) and np.array_equal(wealth.notional, alike.notional)):
            raise ValueError(f"people begin with other money or positions in {name} than in {other}")
