"""What must be said with a table so that it is read right: what the numbers are, what so many seeds can tell, what was left out.

Rules of the file: a paragraph each, in words; every number is the report's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .report import Report, run_name
from .statistics import DISTINGUISHED, LEAST_SEEDS, LEVEL, NOT_DISTINGUISHED, TOO_FEW, seeds_of

THESE_PATHS: Final = "All this is of these paths, taken as given; another path may differ"
NO_RUN: Final = "No run counts, so there are no numbers."
NAMED: Final = 3  # runs that are left out and told in words


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_a_row(names: Sequence[str]) -> str:
    """`a, b and c`"""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def percent(share: float) -> str:
    return f"{100.0 * share:g} %"


def of_what(report: Report, pairs: int) -> str:
    """So many seeds, or pairs of path and seed where there are several paths."""
    return counted(pairs, "seed") if len(report.paths) == 1 else f"{counted(pairs, 'pair')} of path and seed"


def has_seeds_enough(report: Report) -> bool:
    """Whether anything could be told from chance: by the seeds that count on some path."""
    return len(seeds_of(one.pair for one in report.counted)) >= LEAST_SEEDS


def has_intervals(report: Report) -> bool:
    return any(one.interval for one in report.findings())


def how_to_read(report: Report, place: str, with_intervals: bool) -> str:
    """What a number of the table is, and what stands beside or below it."""
    pairs, paths = report.counted_pairs, len(report.counted_seeds)
    if not pairs:
        return NO_RUN
    each = "Each number is that of one run" if pairs == 1 else f"Each number is the median over {of_what(report, pairs)}"
    if len(report.venues) == 1:
        return f"{each}."
    where = "same seeds" if len(report.paths) == 1 else "same paths and seeds"
    told = f"{each}; {place} it, the mean difference to {report.baseline} on the {where}. = is no difference in any run."
    if has_seeds_enough(report):
        told += " n.d. is not distinguished from chance."
    if with_intervals:
        told += f" In brackets, the {percent(1 - LEVEL)} interval of that mean, of each alone (bootstrap of seeds)."
    if len(report.paths) > 1:
        told += f" {min(2, paths)}/{paths}: on {min(2, paths)} of the {counted(paths, 'path')} the difference has the sign of the mean."
    return told


def what_it_tells(report: Report) -> list[str]:
    """What so many seeds can and cannot tell; nothing where there is nothing to compare."""
    found = report.findings()
    pairs = max((one.pairs for one in found), default=0)
    if not pairs:
        return []
    level = percent(LEVEL)
    with_them = f"With {of_what(report, pairs)}"
    if not has_seeds_enough(report):
        least = f"{LEAST_SEEDS} seeds are the least, and what is shown are draws, marked ?"
        return [f"{with_them} nothing can be distinguished from chance at {level}: {least}."]
    sure = [one for one in found if one.verdict == DISTINGUISHED]
    asked = len(sure) + sum(one.verdict == NOT_DISTINGUISHED for one in found)
    told = (
        f"{with_them}, {len(sure):,} of {counted(asked, 'difference')} in report.json can be distinguished from chance; the risk of any "
        f"false alarm among all of them is {level} at most (sign flips of whole seeds, step-down maxT)."
    )
    effects = [abs(one.effect) for one in sure if one.effect is not None]
    if effects:
        told += f" The weakest of them is {min(effects):.2g} standard deviations between runs."
    told += " n.d. is no proof that two designs are equal."
    if len(report.paths) > 1:
        told += f" {THESE_PATHS}: see on how many of them a difference has its sign."
    if any(one.verdict == TOO_FEW for one in found):
        told += f" ? marks differences in fewer than {LEAST_SEEDS} seeds, which cannot be distinguished."
    return [told]


def left_out(report: Report) -> list[str]:
    """Runs that are beyond their population, and why."""
    out = [result for result in report.results if result.beyond]
    if not out:
        return []
    named = [f"{run_name(one.venue, one.path, one.seed)}: {'; '.join(one.beyond).rstrip('.')}." for one in out[:NAMED]]
    more = f" {len(out) - NAMED:,} more are in report.json." if len(out) > NAMED else ""
    which = f"{counted(len(out), 'run')} of {len(report.results):,} went beyond what the scenario's people can stand for"
    rules = []
    if report.outside:
        rules.append(f"{' and '.join(sorted(report.outside))} did so in most, and nothing is said of it")
    if report.left_out:
        gone = "all there is" if len(report.left_out) == report.pairs else f"{len(report.left_out):,} of {report.pairs:,}"
        what = "path and seed" if len(report.paths) > 1 else "seed"
        rules.append(f"that {what} is left out for every design, so that all are compared on the same ({gone})")
    return [f"{which}: {'; '.join(rules)}. {' '.join(named)}{more}"]


class Opening(NamedTuple):
    """What the people of one run could open of what they want."""

    cut: int
    accounts: int
    wanted: float  # notional, in any unit
    granted: float


def opened_less(report: Report) -> list[str]:
    """Designs whose margin rules let somebody open less than he wants: of all runs, since that is settled before any of them begins."""
    each: dict[str, list[Opening]] = {venue: [] for venue in report.venues}
    for result in report.results:
        one = result.granted
        each[result.venue].append(Opening(one.accounts_cut, one.accounts, one.wanted, one.granted))
    return opened_in_words(each, in_markets=bool(report.about.inputs.structures))


def opened_in_words(openings: Mapping[str, Sequence[Opening]], in_markets: bool) -> list[str]:
    """A sentence that names those of the designs in which somebody was cut; none where nobody was."""
    alike: dict[str, list[str]] = {}
    for venue, each in openings.items():
        if any(one.cut for one in each):
            alike.setdefault(cut_in_words(each, "positions" if in_markets else "accounts"), []).append(venue)
    if not alike:
        return []
    told = "; ".join(f"{', '.join(venues)} ({how})" for how, venues in alike.items())
    same = " Designs that differ in this did not meet the same positions." if len(openings) > 1 else ""
    return [f"Opened less than wanted, for want of margin: {told}.{same}"]


def cut_in_words(each: Sequence[Opening], noun: str) -> str:
    """`24 to 26 of 60 accounts cut, 94.8 % of the notional opened`: the least and the most of all runs."""
    cut = span(*(f"{end([one.cut for one in each]):,}" for end in (min, max)))
    of = span(*(f"{end([one.accounts for one in each]):,}" for end in (min, max)))
    opened = span(*(f"{end([tenths_of_percent(one) for one in each]):g}" for end in (min, max)))
    return f"{cut} of {of} {noun} cut, {opened} % of the notional opened"


def span(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


def tenths_of_percent(one: Opening) -> float:
    """The share of the notional that was opened [%], to a tenth: 0 and 100 are exactly that."""
    if not one.granted or one.granted >= one.wanted:
        return 100.0 if one.granted else 0.0
    return min(99.9, max(0.1, round(100.0 * one.granted / one.wanted, 1)))


def unfinished(report: Report) -> list[str]:
    """Designs that have not closed all they had to when the run ends."""
    told = []
    for venue in report.venues:
        open_yet = [one.metrics.liquidation.unfinished for one in report.counted if one.venue == venue]
        if any(open_yet):
            told.append(f"{venue} {sum(open_yet):,} in {sum(map(bool, open_yet))} of {counted(len(open_yet), 'run')}")
    if not told:
        return []
    what = "What they will cost is not known; what they owe at that moment counts as lost."
    return [f"Liquidations that are not finished at the end: {', '.join(told)}. {what}"]
