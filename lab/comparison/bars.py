"""Who paid, as one stacked bar for each design: characters in a terminal, hatched areas in an SVG.

Rules of the file: the parts are those of `PARTS`, as means over the runs, so that they add up to the bar; a bar's length is its sum,
and all bars have one scale. What is drawn is told apart without colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ..amounts import usd_scale
from . import drawing
from .headline import PARTS, paid
from .report import Report

WIDEST_NAME: Final = 28  # [characters] beside a bar; a longer name stands above it
LONGEST_BAR: Final = 80  # [characters]
LEAST_BAR: Final = 8
TITLE: Final = "Cost by payer"
NONE_COUNTS: Final = "No run counts, so there is nothing to add up."


class Bar(NamedTuple):
    name: str
    parts: tuple[float, ...]  # as `PARTS` [USD]

    @property
    def total(self) -> float:
        return sum(self.parts)


def bars_of(report: Report) -> list[Bar]:
    """The mean over its runs of what each paid, design by design."""
    of: dict[str, list[tuple[float, ...]]] = {venue: [] for venue in report.venues}
    for result in report.counted:
        of[result.venue].append(tuple(paid(result.metrics, part) for part in PARTS))
    return [Bar(venue, tuple(map(fmean, zip(*rows, strict=True)))) for venue, rows in of.items() if rows]


def used_parts(bars: Sequence[Bar]) -> list[int]:
    """Numbers of the parts that any bar has."""
    return [number for number in range(len(PARTS)) if any(bar.parts[number] for bar in bars)]


def read_as(runs: int) -> str:
    """What the numbers are, in words; `runs` are those of each design that count."""
    if not runs:
        return NONE_COUNTS
    if runs == 1:
        return "One run of each design."
    means = f"Means over the {runs} runs of each design, since parts of means add up and parts of medians do not."
    return f"{means} The total cost leaves out what was paid twice; a bar does not."


def cut(parts: Sequence[float], scale: float) -> list[int]:
    """Whole lengths of parts, that together are as long as their sum rounded."""
    ends, sum_so_far = [0], 0.0
    for part in parts:
        sum_so_far += part
        ends.append(round(sum_so_far * scale))
    return [end - start for start, end in pairwise(ends)]


class StackedBars:
    """The bars in a terminal, for any width."""

    def __init__(self, bars: Sequence[Bar], runs: int) -> None:
        self.bars, self.runs = bars, runs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bars, width = self.bars, options.max_width
        if not bars:
            yield Text(f"\n{TITLE}", style="bold cyan")
            yield from Text(read_as(self.runs)).wrap(console, min(width, 100))
            return
        factor, unit = usd_scale([bar.total for bar in bars], readable=True)
        totals = [f"{bar.total / factor:,.2f}" for bar in bars]
        longest = max((len(bar.name) for bar in bars), default=0)
        is_beside = longest <= min(WIDEST_NAME, width // 3)
        label, figure = longest if is_beside else 0, max(map(len, totals), default=0)
        room = max(LEAST_BAR, min(LONGEST_BAR, width - label - figure - 4))
        most = max((bar.total for bar in bars), default=0.0)
        yield Text("")
        yield Text(f"{TITLE}, in {unit}", style="bold cyan")
        for bar, total in zip(bars, totals, strict=True):
            if not is_beside:
                yield Text(bar.name, overflow="fold")
            drawn = "".join(part.mark * size for part, size in zip(PARTS, cut(bar.parts, room / most if most else 0.0), strict=True))
            yield Text(f"{bar.name if is_beside else '':<{label}}  {total:>{figure}}  {drawn}", overflow="fold")
        legend = [f"{PARTS[number].mark} {PARTS[number].name}" for number in used_parts(bars)]
        if not legend:
            legend = ["nobody had to pay"]
        yield from folded_list(legend, width)
        yield from Text(read_as(self.runs)).wrap(console, min(width, 100))


def folded_list(items: Sequence[str], width: int) -> list[Text]:
    """Items side by side, in as many lines as are needed; none is broken."""
    lines = [""]
    for item in items:
        longer = f"{lines[-1]}   {item}" if lines[-1] else item
        if lines[-1] and len(longer) > width:
            lines.append(item)
        else:
            lines[-1] = longer
    return [Text(one, overflow="fold") for one in lines]


def bars_svg(bars: Sequence[Bar], runs: int, title: str) -> str:
    """The bars as an SVG."""
    factor, unit = usd_scale([bar.total for bar in bars], readable=True)
    label = drawing.LETTER * max((len(bar.name) for bar in bars), default=0) + 20
    long, step = 520.0, 34.0
    most = max((bar.total for bar in bars), default=0.0)
    parts = [drawing.text(10, 22, title, weight="bold"), drawing.text(10, 42, f"{TITLE}{f', in {unit}' if bars else ''}. {read_as(runs)}")]
    for number, bar in enumerate(bars):
        x, y = label, 60 + step * number
        parts.append(drawing.text(10, y + 16, bar.name))
        for hatch, part in enumerate(bar.parts):
            size = long * part / most if most else 0.0
            if size:
                parts.append(drawing.area(x, y, size, 22, hatch))
            x += size
        parts.append(drawing.text(x + 6, y + 16, f"{bar.total / factor:,.2f}"))
    bottom = 60 + step * len(bars) + 10
    for row, hatch in enumerate(used_parts(bars)):
        parts.append(drawing.area(label, bottom + 22 * row, 26, 14, hatch))
        parts.append(drawing.text(label + 34, bottom + 12 + 22 * row, PARTS[hatch].name))
    width = max(label + long + 90, drawing.LETTER * max(len(title), 110) + 20)
    return drawing.document(width, bottom + 22 * len(used_parts(bars)) + 10, parts)
