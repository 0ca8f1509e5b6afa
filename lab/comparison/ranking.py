"""The designs in order of what they cost everybody else, path by path: printed only where there are paths and seeds enough to say so.

Rules of the file: on one path the order says how that path goes on, and from one seed how that seed was drawn, so neither is a finding
about designs. A rank is by the median over the seeds of a path that count; designs that cost the same share the better rank, and those
whose mean rank is the same are told as tied, in the order of the alphabet. A design that mostly went beyond the scenario's people has
no rank, and the others are ranked without it.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final, NamedTuple

from .headline import TOTAL_KEY
from .reading import counted, in_a_row, span
from .report import Report

NOT_RANKED: Final = "The designs are not ranked"
LEAST_PATHS, LEAST_FAMILIES, LEAST_RANKED = 3, 2, 3  # paths, families of paths, seeds on each path


class Ranking(NamedTuple):
    """Designs, cheapest first by the mean of their ranks."""

    venues: tuple[str, ...]
    ranks: dict[tuple[str, str], int]  # (venue, path) -> 1 is the cheapest

    def mean(self, venue: str) -> float:
        mine = [rank for (name, _), rank in self.ranks.items() if name == venue]
        return sum(mine) / len(mine)

    def tied(self) -> list[list[str]]:
        """Groups of designs whose mean rank is the same."""
        groups = [list(group) for _, group in groupby(self.venues, self.mean)]
        return [group for group in groups if len(group) > 1]


def why_none(report: Report) -> str:
    """Why the designs are not ranked, "" if they are."""
    families = {told.family for told in report.about.inputs.paths.values()}
    paths = len(report.paths)
    if paths < LEAST_PATHS or len(families) < LEAST_FAMILIES:
        here = f"{paths} of {len(families)}" if families else "one"
        return f"{NOT_RANKED}: that takes at least {LEAST_PATHS} paths of {LEAST_FAMILIES} families, and here is {here}."
    if len(ranked(report)) < 2:
        return f"{NOT_RANKED}: fewer than two of them stayed within the scenario's people."
    few = {path: report.counted_seeds.get(path, 0) for path in report.paths if report.counted_seeds.get(path, 0) < LEAST_RANKED}
    if few:
        path, seeds = min(few.items(), key=lambda one: one[1])
        here = f"{counted(seeds, 'seed')} {'counts' if seeds == 1 else 'count'}"
        return f"{NOT_RANKED}: that takes at least {LEAST_RANKED} seeds on each path, and on {path} {here}."
    unknown = [venue for venue in ranked(report) if any(cost(report, venue, path) is None for path in report.paths)]
    if unknown:
        return f"{NOT_RANKED}: the total cost of {unknown[0]} is not defined on every path."
    return ""


def ranked(report: Report) -> tuple[str, ...]:
    """The designs that have a rank: those of which anything can be said."""
    return tuple(venue for venue in report.venues if venue not in report.outside)


def cost(report: Report, venue: str, path: str) -> float | None:
    """What the design costs everybody but the losers on a path: median over its seeds. [USD]"""
    return report.median(venue, TOTAL_KEY, path)


def ranking(report: Report) -> Ranking:
    """The ranks of a report of which `why_none` says nothing."""
    ranks: dict[tuple[str, str], int] = {}
    for path in report.paths:
        costs = {venue: cost(report, venue, path) or 0.0 for venue in ranked(report)}
        ranks |= {(venue, path): 1 + sum(other < own for other in costs.values()) for venue, own in costs.items()}
    found = Ranking(ranked(report), ranks)
    return found._replace(venues=tuple(sorted(sorted(found.venues), key=found.mean)))


def in_words(report: Report, found: Ranking) -> str:
    """Who is cheapest where, and what a rank does not say."""
    without = "".join(f" {why_no_rank(report, venue)}" for venue in report.venues if venue in report.outside)
    seeds = span(*(str(end(report.counted_seeds.values())) for end in (min, max)))
    return (
        f"Ranks are by total cost, 1 the cheapest, medians of {seeds} seeds on each path. {order_in_words(report, found)} "
        f"A rank does not say how far apart designs are, nor whether that is more than chance: the differences above do.{without}"
    )


def order_in_words(report: Report, found: Ranking) -> str:
    """Whether the paths agree, who is cheapest on how many, and who is tied."""
    paths = report.paths
    first = {venue: sum(found.ranks[venue, path] == 1 for path in paths) for venue in found.venues}
    if all(number == len(paths) for number in first.values()):
        return f"All cost the same on each of the {len(paths)} paths."
    told = ", ".join(f"{venue} on {number}" for venue, number in first.items() if number)
    same = all(len({found.ranks[venue, path] for path in paths}) == 1 for venue in found.venues)
    order = "The order is the same on all paths." if same else "The order depends on the path."
    shared = ", where some share that rank," if sum(first.values()) > len(paths) else ""
    groups = "; ".join(in_a_row(group) for group in found.tied())
    tied = f" Tied, as their mean rank is the same: {groups}." if groups else ""
    return f"{order} Cheapest: {told}{shared or ','} of {len(paths)} paths.{tied}"


def why_no_rank(report: Report, venue: str) -> str:
    """Of a design that is left out."""
    beyond = [one.beyond[0].rstrip(".") for one in report.results if one.venue == venue and one.beyond]
    runs = f"{len(beyond)} of its {counted(report.pairs, 'run')}"
    return f"{venue} has no rank: {runs} went beyond the scenario's people (such as: {beyond[0]})."
