"""The story of a sweep: how much of it is done, who paid least and most in each scenario, what is sure, and how designs rank over all.

Rules of the file: those of the story of a comparison, whose sentences these are. Where a number is in `reports/SCENARIO/report.json`, its
source begins with the scenario's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Final

from ..comparison.headline import TOTAL_KEY
from ..comparison.reading import counted, in_a_row
from ..page.page import ranks_of
from ..page.story import NAMED, Number, Words, joined, the_others, what_is_sure
from .catalogue import DONE, FAILED
from .reading import OfScenario, Results

LEAST_RANKED: Final = 2  # scenarios


def story(found: Results) -> list[Words]:
    """Paragraphs, in the order in which they are read."""
    told = [(how_much(found),), *(of_scenario(one) for one in found.scenarios[:NAMED])]
    if len(found.scenarios) > NAMED:
        told.append((f"{counted(len(found.scenarios) - NAMED, 'scenario')} more are told below.",))
    return [*told, over_all(found.scenarios)]


def how_much(found: Results) -> str:
    sweep, rows = found.sweep, found.runs
    designs = {len(choice.venues) for choice in sweep.choices}
    count = counted(max(designs), "design") if len(designs) == 1 else f"{min(designs)} to {max(designs)} designs"
    where = f"{counted(len(sweep.choices), 'scenario')} with {counted(len(sweep.choices[0].seeds), 'seed')} each"
    done, failed = (sum(row.status == status for row in rows) for status in (DONE, FAILED))
    shadows = sum(row.insured for row in rows)
    runs = counted(len(rows), "run") + (f", {shadows:,} of them with infinite insurance" if shadows else "")
    if done == len(rows):
        return f"{count} met {where}: {runs}. All of them are done."
    rest = [f"{number:,} {what}" for number, what in ((failed, "failed"), (len(rows) - done - failed, "not made yet")) if number]
    return f"{count} met {where}: {runs}. {done:,} of them are done, {in_a_row(rest)}; a seed counts only where all its runs are done."


def of_scenario(one: OfScenario) -> Words:
    report = one.report
    if not report.counted:
        return (f"On {one.name} no run counts: every one went beyond the scenario's people.",)
    return from_report(one.name, joined(f"On {one.name}: ", in_the_middle(the_others(report)), " ", what_is_sure(report)))


def in_the_middle(words: Words) -> Words:
    """A sentence that does not begin with a capital."""
    first, *rest = words
    return joined(first[:1].lower() + first[1:] if isinstance(first, str) else first, *rest)


def from_report(scenario: str, words: Words) -> Words:
    """The same, with the scenario in the source of each number."""
    return tuple(one._replace(source=(scenario, *one.source)) if isinstance(one, Number) else one for one in words)


def over_all(scenarios: Sequence[OfScenario]) -> Words:
    """How the designs rank over all scenarios, where all of them have the same."""
    ranks = mean_ranks(scenarios)
    if len(ranks) < 2 or len(scenarios) < LEAST_RANKED:
        return ()
    least, most = min(ranks, key=ranks.__getitem__), max(ranks, key=ranks.__getitem__)
    if ranks[least] == ranks[most]:
        return (f"Over the {len(scenarios)} scenarios no design ranks before another.",)
    first, last = (Number(f"{ranks[venue]:.3g}", ranks[venue], ("mean rank", venue)) for venue in (least, most))
    return joined(
        f"Over the {len(scenarios)} scenarios, by the mean of its ranks in what others lost, {least} comes first (", first,
        f") and {most} last (", last, "). A rank orders medians: it says nothing of how far apart they are, nor of chance.",
    )  # fmt: skip


def mean_ranks(scenarios: Sequence[OfScenario]) -> dict[str, float]:
    """By design: of those that have a rank in each scenario."""
    each = [ranks_of(one.report, TOTAL_KEY) for one in scenarios]
    names = [venue for venue in each[0] if all(venue in ranks for ranks in each)] if each else []
    return {venue: fmean(ranks[venue] for ranks in each) for venue in names}
