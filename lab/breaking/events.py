"""What may be asked for: events of a run, by name, or a bound on one of its metrics.

Rules of the file: an event is decided by what a comparison keeps of a run, so a run is made as any other, and its report can be checked
against docs/metrics.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

import click
import numpy as np

from perplab.exchange.design.reader import nearest

from ..comparison.report import Result
from ..metrics import CATALOGUE
from ..options import percent, share_of
from ..population import GROUPS, HEDGERS
from ..structures.people import KINDS, PAIRS

KEYS: Final = {measure.key: measure for measure in CATALOGUE}
BOUND: Final = re.compile(r"(?P<key>[a-z_]+\.[a-z_0-9]+)\s*(?P<way>[<>])\s*(?P<number>[^<>]+)")
GAP: Final = "mark_gap"
HEDGED: Final = KINDS[PAIRS]  # of people with positions in several markets


class Event(NamedTuple):
    name: str  # as it was asked for
    told: str  # of a venue, in words: "winners are deleveraged"
    happens: Callable[[Result], bool]


def number(result: Result, key: str) -> float:
    """A metric, 0 where it is not defined."""
    return result.metrics.scalar(key) or 0.0


def insurance_fails(result: Result) -> bool:
    """Somebody else than insurance has to pay: winners for a loser who lacks money, all positions, or nobody does."""
    return any(number(result, key) > 0.0 for key in ("adl.needed_usd", "losses.socialized_usd", "losses.uncovered_usd"))


def hedger_liquidated(result: Result) -> bool:
    """Of the people whose position here hedges one elsewhere; in several markets, of those who are long one and short another."""
    if result.kinds:
        return any(line.liquidated > 0 for line in result.kinds if line.kind == HEDGED)
    held = result.wealth
    if held is None or GROUPS[HEDGERS] not in held.cohorts:
        return False
    return bool(np.any(held.breached & (held.cohort == held.cohorts.index(GROUPS[HEDGERS]))))


NAMED: Final = {
    one.name: one
    for one in (
        Event("insurance_exhausted", "fund, vault or pool cannot bear a loss, and somebody else does", insurance_fails),
        Event("adl", "winners are deleveraged", lambda result: number(result, "adl.fills") > 0.0),
        Event("socialized", "a loss is shared by all positions", lambda result: number(result, "losses.socialized_usd") > 0.0),
        Event("uncovered", "nobody pays a loss", lambda result: number(result, "losses.uncovered_usd") > 0.0),
        Event("hedger_liquidated", "somebody who is hedged is liquidated", hedger_liquidated),
    )
}
EXPECTED: Final = f"expected {', '.join(NAMED)}, {GAP}=SHARE such as {GAP}=2%, or a bound on a metric such as losses.bad_debt_usd>1e6"


def chosen_event(text: str) -> Event:
    """An event by name, or what a bound says. Raises click.UsageError."""
    if text in NAMED:
        return NAMED[text]
    if text.partition("=")[0].strip() == GAP:
        return mark_gap(text)
    found = BOUND.fullmatch(text.strip())
    if not found:
        hint = nearest(text, [*NAMED, GAP], or_list=False)
        raise click.UsageError(f"--until: {text!r} given, {EXPECTED}{hint}")
    key, way = found["key"], found["way"]
    if key not in KEYS:
        raise click.UsageError(f"--until: no metric {key!r}{nearest(key, list(KEYS), or_list=False)} (perplab docs metrics)")
    try:
        bound = float(found["number"])
    except ValueError:
        bound = float("nan")
    if bound != bound:
        raise click.UsageError(f"--until: {text!r} given, expected a number behind {way}")
    measure = KEYS[key]
    told = f"{measure.label}: {'more' if way == '>' else 'less'} than {bound:,.10g} {measure.unit}"
    return Event(f"{key}{way}{bound:.10g}", told, lambda result: is_beyond(result, key, way, bound))


def is_beyond(result: Result, key: str, way: str, bound: float) -> bool:
    """Not where the metric is not defined."""
    value = result.metrics.scalar(key)
    return value is not None and (value > bound if way == ">" else value < bound)


def mark_gap(text: str) -> Event:
    _, _, given = text.partition("=")
    share = share_of(given.strip())
    if share is None or share <= 0:
        raise click.UsageError(f"--until: {text!r} given, expected a share with its unit, such as {GAP}=2%")
    bound = float(share) * 1e4
    told = f"the mark is {percent(share)} or more from the true price"
    return Event(f"{GAP}={percent(share).replace(' ', '')}", told, lambda result: number(result, "prices.mark_gap_bp") >= bound)
