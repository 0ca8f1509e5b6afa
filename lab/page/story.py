"""The story of a comparison in a few paragraphs: what the price did, who was liquidated, who paid, what is sure and what is not.

Rules of the file: every number is a `Number`, which carries its exact value and where report.json has it; the words around it are chosen
by those values alone. A difference is told as one only where it is distinguished from chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from ..amounts import dollars
from ..comparison.bars import bars_of
from ..comparison.headline import PARTS, TOTAL_KEY
from ..comparison.reading import counted, in_a_row, of_what, percent
from ..comparison.report import Report, Result
from ..comparison.statistics import DISTINGUISHED, LEVEL, Finding
from ..comparison.who_paid import clock
from .shown import price, share

MINUTE_S: Final = 60
NAMED: Final = 6  # designs that are named in a sentence
ELSEWHERE: Final = (("losses.bad_debt_usd", "bad debt"), ("adl.notional_usd", "deleveraged"), ("liquidation.notional_usd", "liquidated"))


class Number(NamedTuple):
    """A number of the story: how it is written, what it is exactly, and where it is in report.json."""

    text: str
    value: float
    source: tuple[str | int, ...]  # keys of report.json; `("mean", venue, metric)`: the mean over the runs that count


Words: TypeAlias = tuple[str | Number, ...]


def story(report: Report, run: Result | None) -> list[Words]:
    """Paragraphs, in the order in which they are read; `run` is the one that is shown minute by minute, None where none counts."""
    if run is None:
        return [("No run counts, so there is nothing to tell: every one went beyond the scenario's people.",)]
    return [the_price(report, run), the_baseline(report), the_others(report), what_is_sure(report)]


def joined(*parts: str | Number | Words) -> Words:
    """Words in one row."""
    row: list[str | Number] = []
    for part in parts:
        if isinstance(part, tuple) and not isinstance(part, Number):
            row += part
        else:
            row.append(part)
    return tuple(row)


# -- the price --


def the_price(report: Report, run: Result) -> Words:
    """How far the true price went, as means of the minutes of one run."""
    at = report.results.index(run)
    known = [(minute, usd) for minute, usd in enumerate(run.metrics.minutes.true_usd) if usd is not None]
    if not known:
        return ("The true price of the run that is shown below is not known.",)
    (first, start), (last, end) = known[0], known[-1]
    far = max(known, key=lambda one: abs(one[1] / start - 1.0))
    is_fall = far[1] <= start

    def usd(minute: int, value: float) -> Number:
        return Number(price(value), value, ("runs", at, "metrics", "minutes", "true_usd", minute))

    moved = f" ({share(far[1] / start - 1.0)})"
    told = joined(
        f"In the run that is shown below ({where(report, run)}), the true price {'fell' if is_fall else 'rose'} from ", usd(first, start),
        f" to {'a low' if is_fall else 'a high'} of ", usd(*far), f"{moved} in minute {far[0] - first + 1}, and ended at ",
        usd(last, end), ", in means of minutes.",
    )  # fmt: skip
    return told


def where(report: Report, run: Result) -> str:
    return f"seed {run.seed}" if not run.path else f"{run.path}, seed {run.seed}"


# -- the designs --


def median(report: Report, venue: str, key: str) -> Number | None:
    """A median of the table."""
    value = report.median(venue, key)
    return None if value is None else Number(written(key, value), value, ("summary", venue, key, "median"))


def written(key: str, value: float) -> str:
    if key.endswith("_usd"):
        return dollars(value)
    return clock(value) if key.startswith("when.") else f"{value:,.4g}"


def the_baseline(report: Report) -> Words:
    name, people = report.baseline, report.about.accounts
    if name in report.outside:
        return (f"Nothing can be said of {name}, the baseline: it went beyond the scenario's people in most of its runs.",)
    accounts, notional = median(report, name, "liquidation.accounts"), median(report, name, "liquidation.notional_usd")
    begun, debt = median(report, name, "when.liquidation_s"), median(report, name, "losses.bad_debt_usd")
    if accounts is None or notional is None or begun is None or not accounts.value:
        return joined(f"With {name}, the baseline, nobody of {people:,} was liquidated, and nobody had to pay.")
    told = joined(
        f"With {name}, the baseline, ", accounts, f" of {people:,} traders were liquidated, with positions of ", notional,
        ", the first of them after ", begun, f" minutes ({medians(report)}). ",
    )  # fmt: skip
    if debt is None or not debt.value:
        return joined(told, "All of them could pay what they had lost. ", the_total(report, name))
    return joined(told, "They lost ", debt, " more than they had. ", the_total(report, name))


def medians(report: Report) -> str:
    return "one run" if report.counted_pairs == 1 else f"medians over {of_what(report, report.counted_pairs)}"


def the_total(report: Report, venue: str) -> Words:
    """What others lost, and who they are."""
    total = median(report, venue, TOTAL_KEY)
    if total is None:
        return ()
    if not total.value:
        return ("Nobody else lost anything.",)
    return joined("Others lost ", total, " in all", payers(report, venue), ".")


def payers(report: Report, venue: str) -> Words:
    """Who paid, the largest part first: means, since parts of medians do not add up."""
    bars = {bar.name: bar for bar in bars_of(report)}
    if venue not in bars:
        return ()
    parts = sorted(zip(bars[venue].parts, PARTS, strict=True), key=lambda one: -one[0])
    told: Words = ()
    for value, part in parts:
        if value:
            told = joined(told, ", " if told else "", f"{part.name} ", Number(dollars(value), value, ("mean", venue, part.key)))
    means = "" if report.counted_pairs == 1 else "on average "
    return joined(f"; {means}these paid: ", told) if told else ()


def the_others(report: Report) -> Words:
    """The designs with which others lost least and most."""
    costs = {venue: cost for venue in report.venues if venue not in report.outside if (cost := report.median(venue, TOTAL_KEY)) is not None}
    if len(costs) < 2:
        return ("There is no other design to compare it with.",)
    least, most = min(costs, key=lambda venue: costs[venue]), max(costs, key=lambda venue: costs[venue])
    if costs[least] == costs[most]:
        return joined("Others lost the same with all designs: ", cost_of(report, least), ".")
    return joined(
        f"Of {len(costs)} designs, others lost least with {named(report, least)}: ", cost_of(report, least), payers(report, least),
        f". They lost most with {named(report, most)}: ", cost_of(report, most), payers(report, most), ".",
    )  # fmt: skip


def named(report: Report, venue: str) -> str:
    return f"{venue}, the baseline" if venue == report.baseline else venue


def cost_of(report: Report, venue: str) -> Number:
    found = median(report, venue, TOTAL_KEY)
    assert found is not None, f"{venue} has no total cost"
    return found


# -- what is sure --


def what_is_sure(report: Report) -> Words:
    """Of the total cost: which designs differ from the baseline beyond chance."""
    others = [venue for venue in report.venues if venue != report.baseline and venue not in report.outside]
    if not others or report.baseline in report.outside:
        return ()
    found = {venue: report.finding(venue, TOTAL_KEY) for venue in others}
    sure = sorted((venue for venue in others if found[venue].verdict == DISTINGUISHED), key=lambda venue: found[venue].mean or 0.0)
    rest = [venue for venue in others if venue not in sure]
    pairs = of_what(report, report.counted_pairs)
    if not sure:
        luck = f"With {pairs}, no difference in what others lost in all is told from chance: who lost least and most here may be luck. "
        return joined(luck, sure_elsewhere(report, others))
    risk = f"at a risk of {percent(LEVEL)} for any false alarm in the whole report"
    told: Words = (f"What is sure, {risk}: against {report.baseline}, others lose ",)
    for number, venue in enumerate(sure[:NAMED]):
        told = joined(told, "; " if number else "", difference(venue, found[venue]))
    more = f"; {len(sure) - NAMED:,} more are in the table" if len(sure) > NAMED else ""
    return joined(told, more, ". ", unsure(rest))


def sure_elsewhere(report: Report, others: Sequence[str]) -> Words:
    """The first differences of other metrics that are sure, one for each design."""
    told: Words = ()
    for venue in others:
        for key, label in ELSEWHERE:
            found = report.finding(venue, key)
            if found.verdict == DISTINGUISHED and found.mean:
                number = Number(written(key, abs(found.mean)), found.mean, ("summary", venue, key, "mean_difference"))
                way = "less" if found.mean < 0 else "more"
                told = joined(told, "; " if told else "", number, f" {way} {label} with {venue}")
                break
    return joined(f"What is sure, against {report.baseline}: ", told, ".") if told else ()


def difference(venue: str, found: Finding) -> Words:
    mean = found.mean or 0.0
    source = ("summary", venue, TOTAL_KEY)
    told = joined(
        Number(dollars(abs(mean)), mean, (*source, "mean_difference")), f" {'less' if mean < 0 else 'more'} with {venue}"
    )  # fmt: skip
    if found.interval is None:
        return told
    low, high = (Number(dollars(abs(usd)), usd, (*source, "interval", end)) for end, usd in enumerate(found.interval))
    interval = f" ({percent(1 - LEVEL)} interval "
    if low.value < 0.0 < high.value:
        return joined(told, interval, low, " less to ", high, " more)")
    near, far = (low, high) if low.value >= 0.0 else (high, low)
    return joined(told, interval, near, " to ", far, ")")


def unsure(rest: Sequence[str]) -> str:
    if not rest:
        return ""
    names = in_a_row(rest) if len(rest) <= NAMED else counted(len(rest), "other design")
    return f"What is not: whether {names} {'differs' if len(rest) == 1 else 'differ'} from it at all."
