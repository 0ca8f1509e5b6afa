"""What a comparison of account structures found, kind of people by kind, and when cross margin liquidates more.

Rules of the file: every number is the report's, and is a mean over the runs that count, so that the table, the sentences and the tested
differences say the same. Whether cross liquidates more is asked as metrics are: paired differences, with p corrected for all that are
asked here (`comparison.statistics`). With too few runs to tell, a direction is told only where all runs have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from statistics import fmean
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..amounts import dollars
from ..comparison.reading import counted, has_seeds_enough, in_a_row, of_what, percent
from ..comparison.report import Report, in_digits
from ..comparison.statistics import DISTINGUISHED, EQUAL, LEAST_SEEDS, LEVEL, Finding, Pair, findings
from .accounts import CROSS, SEGMENTED, structure_of
from .kinds import LEVERED, LEVERED_NAME, KindLine
from .people import HEDGER, KINDS

PROSE: Final = 100  # [characters] longest line of text
NAMES: Final = {
    "hedged_pairs": "hedged pairs", "one_sided": "one-sided people", "single": "one-market people", "hedgers": "hedgers",
    LEVERED_NAME: f"levered {LEVERED:g} x and up",
}  # fmt: skip
COLUMNS: Final = ("liquidated", "notional", "of it 2nd+", "bad debt", "cost, bp")
ASKED: Final = KINDS[:HEDGER]  # hedgers have one position each, and are those who take the other side


class Kind(NamedTuple):
    """One kind of people in one design and structure, by run."""

    lines: dict[Pair, KindLine]

    def mean_known(self, value: Callable[[KindLine], float | None]) -> float | None:
        """Over the runs in which it is known."""
        known = [number for line in self.lines.values() if (number := value(line)) is not None]
        return fmean(known) if known else None

    def mean(self, value: Callable[[KindLine], float]) -> float:
        return fmean(map(value, self.lines.values()))


Kinds = dict[tuple[str, str], Kind]  # by design/structure and kind


def kinds_of(report: Report) -> Kinds:
    """Of the runs that count."""
    found: Kinds = {}
    for result in report.counted:
        for line in result.kinds:
            found.setdefault((result.venue, line.kind), Kind({})).lines[result.pair] = line
    return found


def print_structures(report: Report, console: Console) -> None:
    """The kinds of people, and the answer in words; nothing where the report is not of account structures."""
    found = kinds_of(report)
    if not any(result.kinds for result in report.results):
        return
    if not found:
        console.print("\nKinds of people are not compared: on every seed some run went beyond what the scenario's people can stand for.")
        return
    console.print()
    console.print(table_of(report, found), crop=False)
    for paragraph in answers(report, found):
        console.print()
        for line in Text(paragraph).wrap(console, min(PROSE, console.width)):
            console.print(line)


# -- the table --


def table_of(report: Report, found: Kinds) -> Table:
    """A block for each kind, a row for each design and structure."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Kinds of people", overflow="fold")
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for kind in (*KINDS, LEVERED_NAME):
        rows = [(venue, found[venue, kind]) for venue in report.venues if (venue, kind) in found]
        people = max((one.mean(lambda line: line.people) for _, one in rows), default=0.0)
        if people:
            table.add_row()
            table.add_row(Text(f"{NAMES[kind].capitalize()} ({people:,.0f})", style="bold cyan"))
            for venue, one in rows:
                table.add_row(f"  {venue}", *cells(one))
    return table


def cells(kind: Kind) -> Iterator[str]:
    yield counts(kind.mean(lambda line: line.liquidated))
    for value in (lambda line: line.notional_usd, lambda line: line.further_usd, lambda line: line.bad_debt_usd):
        yield usd_of(kind.mean(value), "0")
    cost = kind.mean_known(lambda line: line.cost_bp)
    yield "-" if cost is None else f"{cost:+z.2f}" if cost else "0"


# -- the answer --


class Question(NamedTuple):
    """What cross margin liquidates of a kind of people, less what another structure does: a number of `Kind`."""

    design: str
    kind: str
    other: str  # structure
    measure: str  # field of KindLine


Differences = dict[Question, dict[Pair, float]]


def asked_of(differences: Differences) -> dict[Question, Finding]:
    """What they tell, all together."""
    return findings({question: dict(each) for question, each in differences.items()})


def differences_of(report: Report, found: Kinds) -> Differences:
    """Cross less the others, for each design, kind, other structure, and for people and notional."""
    differences: Differences = {}
    for venue in report.venues:
        design, other = design_of(venue), structure_of(venue)
        for kind in ASKED:
            cross, theirs = found.get((f"{design}/{CROSS}", kind)), found.get((venue, kind))
            if other != CROSS and cross and theirs and any(line.people for line in cross.lines.values()):
                for measure in ("liquidated", "notional_usd"):
                    value = partial(number_of, measure)
                    each = {pair: value(line) - value(theirs.lines[pair]) for pair, line in cross.lines.items()}
                    differences[Question(design, kind, other, measure)] = each
    return differences


def number_of(measure: str, line: KindLine) -> float:
    value = getattr(line, measure)
    assert isinstance(value, int | float)
    return float(value)


def answers(report: Report, found: Kinds) -> Iterator[str]:
    """What can be told, then the numbers of each design that was run in cross and in another structure, then what they are."""
    differences = differences_of(report, found)
    told = asked_of(differences)
    if told:
        is_few = not has_seeds_enough(report)
        answer = what_was_drawn(report, differences) if is_few else what_is_sure(report, told)
        yield f"When does cross margin liquidate more? {answer}{markets(report)}"
    for design, kind in dict.fromkeys((one.design, one.kind) for one in told):
        yield sentence(found, differences, design, kind)
    yield (
        f"These are means over {of_what(report, len({one.pair for one in report.counted}))}; a person is liquidated when some position "
        f"of his was closed by force, whatever account it was in{accounts(report)}. 2nd+ are the markets beside the first. Cost: to those "
        f"whom no run has breached, by person, against {report.baseline}, over their opening notional. No run has infinite insurance."
    )


def design_of(venue: str) -> str:
    return venue.rpartition("/")[0]


def accounts(report: Report) -> str:
    """What the first table counts, where that is something else."""
    if all(structure_of(venue) != SEGMENTED for venue in report.venues):
        return ""
    return f" (the first table counts accounts, of which {SEGMENTED} has one for each position)"


def what_was_drawn(report: Report, differences: Differences) -> str:
    """What all of the few runs have in common; one run has nothing in common with any."""
    pairs = len({pair for each in differences.values() for pair in each})
    least = f"With {of_what(report, pairs)} nothing can be told from chance: {LEAST_SEEDS} seeds are the least."
    if pairs == 1:
        return f"{least} What is told below is that one draw."
    of_notional = {question: list(each.values()) for question, each in differences.items() if question.measure == "notional_usd"}
    more = listed(report, [question for question, each in of_notional.items() if min(each) > 0.0])
    less = listed(report, [question for question, each in of_notional.items() if max(each) < 0.0])
    told = [f"{word} notional of {those}" for word, those in (("more", more), ("less", less)) if those]
    if not told:
        return f"{least} In no kind of people do all of these runs agree that it liquidated more notional, or less."
    return f"{least} In all of these runs alike it liquidated {', and '.join(told)}."


def what_is_sure(report: Report, told: dict[Question, Finding]) -> str:
    """Of whom it liquidates more, of whom less, and of whom that cannot be told."""
    groups: dict[str, list[Question]] = {"more": [], "less": [], "equal": [], "unknown": []}
    for question in told:
        if question.measure == "notional_usd":
            groups[direction(told[question], told[question._replace(measure="liquidated")])].append(question)
    sentences = [f"It liquidates more of {listed(report, groups['more']) or 'nobody, as far as can be told'}."]
    if groups["less"]:
        sentences.append(f"It liquidates less of {listed(report, groups['less'])}.")
    if groups["equal"]:
        sentences.append(f"It liquidates as much of {listed(report, groups['equal'], 'as')}.")
    if groups["unknown"]:
        sentences.append(f"Not told from chance: {listed(report, groups['unknown'], 'against')}.")
    risk = f"the risk of any false alarm among the {counted(len(told), 'difference')} is {percent(LEVEL)} at most"
    return f"{' '.join(sentences)} (In people or in notional, with {of_what(report, max(one.pairs for one in told.values()))}; {risk}.)"


def structures_json(report: Report) -> list[dict[str, object]]:
    """What report.json says of the differences: cross less the other structure, as `summary` does of metrics."""
    return [
        {
            **question._asdict(), "mean_difference": one.mean, "median_difference": one.median, "interval": one.interval,
            "effect_size": one.effect, "p": one.p, "verdict": one.verdict, "pairs": one.pairs,
        }
        for question, each in asked_of(differences_of(report, kinds_of(report))).items()
        for one in (in_digits(each),)
    ]  # fmt: skip


def direction(*each: Finding) -> str:
    """More or less, if all that is told points there; equal, or unknown."""
    sure = {(one.mean or 0.0) > 0.0 for one in each if one.verdict == DISTINGUISHED}
    if len(sure) == 1:
        return "more" if sure.pop() else "less"
    return "equal" if all(one.verdict == EQUAL for one in each) else "unknown"


def listed(report: Report, questions: list[Question], than: str = "than") -> str:
    """`hedged pairs than isolated and segmented; one-sided people than isolated`, with the design where there are several."""
    several = len({design_of(venue) for venue in report.venues}) > 1
    kinds: dict[tuple[str, str], list[str]] = {}
    for one in questions:
        kinds.setdefault((one.design, one.other), []).append(NAMES[one.kind])
    others: dict[tuple[str, str], list[str]] = {}
    for (design, other), names in kinds.items():
        others.setdefault((f" on {design}" if several else "", in_a_row(names)), []).append(other)
    return "; ".join(f"{names} {than} {in_a_row(each)}{on}" for (on, names), each in others.items())


def markets(report: Report) -> str:
    """How the further markets move with the first."""
    further = report.about.inputs.scenario.get("further_markets")
    assert isinstance(further, dict)
    told = [
        f"{name} moves with the first at correlation {one['correlation']:g}, in the crisis {one['crisis_correlation']:g}"
        for name, one in further.items()
    ]
    return f" (Market {'; '.join(told)}.)" if told else ""


def sentence(found: Kinds, differences: Differences, design: str, kind: str) -> str:
    """What cross margin liquidated of a kind of people, and how much more or less than the other structures."""
    mine = found[f"{design}/{CROSS}", kind]
    people, notional = mine.mean(lambda line: line.liquidated), mine.mean(lambda line: line.notional_usd)
    others = [one.other for one in differences if one[:2] == (design, kind) and one.measure == "notional_usd"]
    against = " and ".join(compared(differences, design, kind, other) for other in others)
    of = f"{counts(people)} of {counts(mine.mean(lambda line: line.people))}"
    return f"{NAMES[kind].capitalize()} on {design}: in cross {of} were liquidated, {usd_of(notional, '0 USD')}. That is {against}."


def compared(differences: Differences, design: str, kind: str, other: str) -> str:
    """`22.3 fewer and 805 M USD less than isolated (notional in 3 of 3 runs)`: in so many the difference has that sign."""
    people, usd = (list(differences[Question(design, kind, other, measure)].values()) for measure in ("liquidated", "notional_usd"))
    heads = one_or_both(people, lambda value: f"{counts(abs(value))} {'more' if value > 0 else 'fewer'}" if value else "as many")
    notional = one_or_both(usd, lambda value: f"{usd_of(abs(value), '0 USD')} {'more' if value > 0 else 'less'}" if value else "as much")
    mean = fmean(usd)
    if not mean or not may_tell(usd):
        return f"{heads} and {notional} {'than' if any(usd) else 'as'} {other}"
    return f"{heads} and {notional} than {other} ({sum(one * mean > 0.0 for one in usd)} of {counted(len(usd), 'run')})"


def one_or_both(each: list[float], told: Callable[[float], str]) -> str:
    """Their mean in words, or, where few runs differ in direction, the least and the most."""
    return told(fmean(each)) if may_tell(each) else f"from {told(min(each))} to {told(max(each))}"


def may_tell(each: list[float]) -> bool:
    """Whether a direction may be told: of runs enough (whose number is said), or of fewer that all have the same."""
    return len(each) >= LEAST_SEEDS or min(each) > 0.0 or max(each) < 0.0 or not any(each)


def counts(value: float) -> str:
    return f"{value:,.3g}" if value < 1000.0 else f"{value:,.0f}"


def usd_of(value: float, none: str) -> str:
    return dollars(value) if value else none
