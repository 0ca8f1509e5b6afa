"""Outcomes as lines of text: a line of columns for each example where there is room, else what does not fit below.

Rules of the file: it computes nothing. Columns are as wide as what is in them; the last one, the reason, is folded. Colours are put in as
styles, which click leaves out where the output is no terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest
from textwrap import wrap
from typing import Final

import click

from .judge import FAILED, NOT_COVERED, PASSED, VERDICTS, Outcome, is_unknown

GAP: Final = "  "
CALLS: Final = 44  # [characters] of the functions
VERDICT: Final = max(map(len, VERDICTS))
LEAST_REASON: Final = 40  # [characters] beside the other columns; with less room it stands below them
LEAST_WIDTH: Final = 80
COLOURS: Final = {PASSED: "green", FAILED: "red", NOT_COVERED: "yellow"}
NOTHING: Final = "-"


def lines(outcomes: Sequence[Outcome], width: int) -> Iterator[str]:
    """By venue, in the order of the file; an empty line between venues."""
    width = max(width, LEAST_WIDTH)
    names = max((len(one.example.name) for one in outcomes), default=0)
    before = len(GAP) + VERDICT + len(GAP) + names + len(GAP)
    first = True
    for venue, of_venue in groupby(outcomes, key=lambda one: one.example.venue):
        if not first:
            yield ""
        first = False
        yield click.style(venue, bold=True)
        for one in of_venue:
            room = width - before - CALLS - len(GAP)
            yield from (beside(one, names, room) if room >= LEAST_REASON else below(one, names, width))


def head(one: Outcome, names: int) -> str:
    return f"{GAP}{click.style(f'{one.verdict:<{VERDICT}}', fg=COLOURS[one.verdict])}{GAP}{one.example.name:<{names}}"


def beside(one: Outcome, names: int, room: int) -> Iterator[str]:
    """All columns side by side, the last two folded."""
    called = folded(called_by(one), CALLS) or [NOTHING]
    for at, (call, reason) in enumerate(zip_longest(called, folded(one.reason, room), fillvalue="")):
        start = head(one, names) if at == 0 else " " * (len(GAP) + VERDICT + len(GAP) + names)
        yield f"{start}{GAP}{call:<{CALLS}}{GAP}{reason}".rstrip()


def below(one: Outcome, names: int, width: int) -> Iterator[str]:
    """Functions and reason below the name."""
    yield head(one, names).rstrip()
    start = " " * (len(GAP) + VERDICT + len(GAP))
    for text in filter(None, (called_by(one), one.reason)):
        yield from (start + line for line in folded(text, width - len(start)))


def called_by(one: Outcome) -> str:
    """The functions, by module: money.margin: share_of, slice_value; state.types: accrual_due."""
    modules: dict[str, list[str]] = {}
    for call in one.calls:
        module, name = parted(call)
        modules.setdefault(module, []).append(name)
    return "; ".join(f"{module}: {', '.join(names)}" for module, names in modules.items())


def parted(call: str) -> tuple[str, str]:
    """Module and name; a class is written large and belongs to the name."""
    parts = call.split(".")
    first = next((at for at, part in enumerate(parts) if part[:1].isupper()), len(parts) - 1)
    return ".".join(parts[:first]), ".".join(parts[first:])


def folded(text: str, width: int) -> list[str]:
    return wrap(text, width, break_on_hyphens=False)


def summary(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(one.verdict for one in outcomes)
    unknown = sum(map(is_unknown, outcomes))
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS) + (f" ({unknown} of an unknown topic)" if unknown else "")
