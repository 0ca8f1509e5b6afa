"""Shadow runs: the same traders, path and seed on a design with infinite insurance, and what a design cost people measured against it.
Whether all designs met the same world is looked at here, where all runs come together.

Rules of the file: a shadow run is in no table and leaves no journal. It is made once for each different insured design, path and seed, and
not at all where a design of the comparison is that already. Costs are measured when all runs are done, since the people in them are those
whom no run has breached, shadow runs included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as replaced
from functools import cache
from itertools import pairwise

from msgspec.structs import replace

from perplab.exchange import VenueDesign

from ..insured import insured, plain
from ..metrics import BASELINE, INSURED, Wealth, common_set, with_costs
from ..metrics.wealth import same_people
from ..scenario import ScenarioError
from ..structures.choice import must_begin_alike
from ..structures.kinds import with_costs_of
from .choices import Choice
from .report import BASELINE as USUAL
from .report import Result
from .statistics import Pair


def shadow_names(choice: Choice) -> dict[str, str]:
    """By design: the name of the run that is the same with infinite insurance. Empty where the comparison has no shadow runs."""
    if not choice.insured:
        return {}
    known = {plain(venue).to_json(): venue.name for venue in reversed(choice.venues)}
    return {venue.name: known.setdefault(insured(venue).to_json(), shadow_name(venue)) for venue in choice.venues}


def shadow_name(venue: VenueDesign) -> str:
    return f"insured {venue.name}"


def shadow_designs(choice: Choice) -> list[VenueDesign]:
    """The designs to be run besides those of the comparison."""
    names = shadow_names(choice)
    mine = [venue for venue in choice.venues if names.get(venue.name) == shadow_name(venue)]
    return [replace(insured(venue), name=shadow_name(venue)) for venue in mine]


def with_all_costs(choice: Choice, results: Sequence[Result]) -> list[Result]:
    """The results of the comparison's own designs, with what each cost people against the baseline and its shadow run.

    `results` are those of all runs, shadow runs included, in any order. ValueError if runs of one path and seed are not of the same people,
    ScenarioError if they did not meet the same true price.
    """
    must_meet_one_price(choice, results)
    wealth = {(one.venue, one.pair): one.wealth for one in results if one.wealth is not None}
    if choice.factorial and not all(same_people(one, other) for one, other in pairwise(wealth.values())):
        return list(results)  # it varies who is there: nobody can be compared with himself, and it has no shadow runs
    names, own = shadow_names(choice), {venue.name for venue in choice.venues}
    pairs = dict.fromkeys(pair for _, pair in wealth)
    if choice.structures:
        for pair in pairs:
            must_begin_alike({name: held for (name, at), held in wealth.items() if at == pair})
    common = {pair: common_set([held for (_, at), held in wealth.items() if at == pair]) for pair in pairs}
    told = []
    for one in results:
        if one.venue in own and one.wealth is not None:
            references = references_of(choice, names, wealth, one)
            metrics = with_costs(one.metrics, one.wealth, references, common[one.pair])
            told.append(replaced(one, metrics=metrics, kinds=tuple(with_costs_of(one.kinds, metrics.cost_lines))))
    return told


def must_meet_one_price(choice: Choice, results: Sequence[Result]) -> None:
    """ScenarioError if the true price of a path and seed, before impact, was another one in another run, unless --vary asked for that.

    Only a path of a user's own can do that: one that remembers how often it was called, or reads something that changes.
    """
    own = {venue.name for venue in choice.venues}

    @cache  # a factorial reads the scenario of a cell anew
    def world(venue: str, path: str) -> object:
        return (choice.scenario_of(venue, path) if venue in own else choice.scenarios[path]).path

    for pair in dict.fromkeys(one.pair for one in results):
        there = [one for one in results if one.pair == pair]
        while len({one.path_sha256 for one in there}) > 1:
            first = there[0]
            same = [one for one in there if not choice.factorial or world(one.venue, one.path) == world(first.venue, first.path)]
            for one in same:
                if one.path_sha256 != first.path_sha256:
                    raise other_price(choice, first, one)
            there = [one for one in there if one not in same]


def other_price(choice: Choice, first: Result, other: Result) -> ScenarioError:
    where = f"{other.path}, " if other.path else ""
    given = f"{first.venue} and {other.venue} met different true prices in {where}seed {other.seed}"
    return ScenarioError(f"{choice.scenario.name}: path: {given}: expected equal prices for equal seeds, however often it is asked")


def references_of(choice: Choice, names: dict[str, str], wealth: dict[tuple[str, Pair], Wealth], one: Result) -> dict[str, Wealth]:
    """What a run is compared with."""
    usual = [venue.name for venue in choice.venues if venue.name == USUAL] or [choice.venues[0].name]
    against = {BASELINE: choice.baseline or usual[0], INSURED: names.get(one.venue)}
    return {name: wealth[venue, one.pair] for name, venue in against.items() if venue is not None}
