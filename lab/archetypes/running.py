"""Runs in which strategies are followed: on one venue, or on several that share one outside world.

Rules: the true price is one, drawn from the seed, and what is traded on any of the venues moves it. The first venue is what it would be
alone; each further one has the same scenario with a crowd of its own, drawn from the seed and its number, since order flow that is the same
on two venues would leave no basis between them. Venues know nothing of each other: whoever trades on both is a strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final, NamedTuple

from perplab.exchange import VenueDesign
from perplab.oracle.keyed import derive

from ..agents import own_agents
from ..clock import World
from ..needs import lacking, must_have, spot_of
from ..own import load_anew
from ..runs import MARKET, Run
from ..scenario import Scenario, ScenarioError
from ..simulation import Simulation, run_of
from ..stage import Stage, set_stage, with_capital
from ..structures.accounts import CROSS
from ..structures.simulation import MarketsSimulation
from ..structures.stage import MarketsStage, set_markets, with_markets
from .followed import Followed, Spot, place_of
from .lines import ResultLine
from .staging import with_archetypes, with_spot
from .tables import Archetype

NEEDED: Final = {"perpetual": 1, "perpetual_and_spot": 1, "markets": 1, "two_venues": 2}  # venues


class FollowedRun(NamedTuple):
    """What is left of a run: one `Run` for each venue, and one line for each strategy."""

    runs: tuple[Run, ...]
    lines: tuple[ResultLine, ...]


def spots_of(archetype: Archetype, venues: Sequence[VenueDesign], scenario: Scenario) -> list[Spot]:
    """Where its desks are, on venues with all markets of the run. ScenarioError: they have not what it needs."""
    if wrong := misfit(archetype, venues, scenario):
        raise ScenarioError(wrong)
    places, coins = archetype.strategy().places, spot_of(venues[0])
    if places == "two_venues":
        return [Spot(0, MARKET), Spot(1, MARKET)]
    if places == "perpetual":
        return [Spot(0, MARKET)]
    of_coins = [] if coins is None else [Spot(0, coins)]
    if places == "perpetual_and_spot":
        return [Spot(0, MARKET), *of_coins]
    others = range(MARKET + 1, MARKET + 1 + len(scenario.further_markets))
    return [*(Spot(number, MARKET) for number in range(len(venues))), *(Spot(0, market) for market in others), *of_coins]


def misfit(archetype: Archetype, venues: Sequence[VenueDesign], scenario: Scenario) -> str:
    """Why it cannot trade on these venues; nothing: it can."""
    places, who = archetype.strategy().places, f"the archetype {archetype.name} ({archetype.named})"
    named = " and ".join(venue.name for venue in venues)
    if len(venues) < NEEDED[places]:
        return f"{who} needs two venues in one run, {named} given: expected perplab archetypes with two --venues, and --pairs"
    if places == "markets" and (len(venues) > 1 or scenario.further_markets):
        return ""
    if scenario.further_markets and places == "perpetual_and_spot":
        return f"{who} needs coins to trade, but scenario {scenario.name} has several perpetuals: expected one without further_markets"
    if places in ("perpetual_and_spot", "markets"):
        return lacking(venues[0], "spot", who)
    return ""


def misfit_alone(archetype: Archetype, venue: VenueDesign, scenario: Scenario) -> str:
    """Why it cannot be a part of a run that is measured as a whole; nothing: it can."""
    if not (wrong := misfit(archetype, [venue], scenario)) and archetype.strategy().places != "perpetual":
        told = "trades coins, which the metrics of a comparison do not count"
        return f"the archetype {archetype.name} ({archetype.named}) {told}: expected perplab archetypes"
    return wrong


def followed(
    venues: Sequence[VenueDesign],
    scenario: Scenario,
    seed: int,
    *,
    archetypes: Sequence[Archetype] | None = None,
    accounts: int | None = None,
    own_capital: bool = False,
    progress: Callable[[float], None] | None = None,
) -> FollowedRun:
    """Play `scenario` with `seed` on these venues at once, and follow its archetypes, or those given.

    The arguments are else those of `lab.simulation.run`. Equal arguments give equal runs and lines. ScenarioError if a venue or an
    archetype cannot take what is asked.
    """
    began = perf_counter()
    load_anew()
    who = tuple(scenario.archetypes if archetypes is None else archetypes)
    names = [venue.name for venue in venues]
    if len(set(names)) < len(names):
        raise ScenarioError(f"{' and '.join(names)}: expected venues of different names in one run")
    if scenario.further_markets and len(venues) > 1:
        raise ScenarioError(f"scenario {scenario.name} has several markets: expected one venue, {' and '.join(names)} given")
    for venue in venues:
        must_have(venue, scenario)
    ready = [venue if own_capital else with_capital(venue, scenario.backstop_usd) for venue in venues]
    ready = [with_markets(venue, scenario) if scenario.further_markets else venue for venue in ready]
    spots = [spots_of(one, ready, scenario) for one in who]
    simulations: list[Simulation] = []
    for number, venue in enumerate(ready):
        here = [(one, [spot for spot in mine if spot.venue == number]) for one, mine in zip(who, spots, strict=True)]
        stage = staged(venue, scenario, seed, number, accounts, [(one, mine) for one, mine in here if mine])
        simulations.append(simulation_of(venue, scenario, stage, simulations[0].world if simulations else None))
    world = simulations[0].world
    parties = [
        Followed(world, one, [place_of(simulations[spot.venue], ready[spot.venue], spot.market, one) for spot in mine], seed)
        for one, mine in zip(who, spots, strict=True)
    ]
    world.parties.extend(parties)
    world.play(progress)
    wall_s = perf_counter() - began
    runs = tuple(run_of(one, venue, seed, wall_s) for one, venue in zip(simulations, ready, strict=True))
    return FollowedRun(runs, tuple(one.line(seed) for one in parties))


def crowd_seed(seed: int, number: int) -> int:
    """What the crowd of a venue is drawn from: the first one's is that of a run alone."""
    return seed if number == 0 else derive(seed, "venue", number)


def staged(
    venue: VenueDesign, scenario: Scenario, seed: int, number: int, accounts: int | None, here: list[tuple[Archetype, list[Spot]]]
) -> Stage:
    """The stage of a venue with those who have desks here."""
    own = crowd_seed(seed, number)
    stage: Stage
    if scenario.further_markets:
        stage = set_markets(venue, scenario, CROSS, own, accounts)
    else:
        stage = set_stage(venue, scenario, own, accounts, own_agents(scenario, own), seed if number else None)
        if any(spot.market != MARKET for _, mine in here for spot in mine):
            stage = with_spot(stage, venue, scenario, own)
    return with_archetypes(stage, venue, tuple(one for one, _ in here)) if here else stage


def simulation_of(venue: VenueDesign, scenario: Scenario, stage: Stage, world: World | None) -> Simulation:
    return MarketsSimulation(venue, scenario, stage) if isinstance(stage, MarketsStage) else Simulation(venue, scenario, stage, world)
