"""Curves of cost against K drawn: with letters in a terminal, with dashed lines in an SVG.

Rules of the file: it computes nothing. The levels of K stand at equal distances, as their sizes differ a hundredfold and the first may
be zero; within a level the letters of the designs stand side by side, so that none hides another.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ..amounts import usd_scale
from . import drawing
from .curves import Curve, Curves, Point

LETTERS: Final = string.ascii_uppercase + string.ascii_lowercase
ROWS: Final = 12  # of a chart in a terminal
AXIS: Final = 9  # [characters] left of it
LEAST_SLOT: Final = 6  # [characters] of a level of K
WIDEST: Final = 120  # [characters] of a chart
NAME: Final = 30  # [characters] of a design's name in the list of numbers

MEANS: Final = "A letter is a design's mean over all pairs that count; | is the 95 % interval of that mean, where there are pairs enough."


def scale_of(curves: Curves) -> tuple[float, str]:
    """The divisor and the name of the unit of a quantity."""
    if curves.quantity.unit != "USD":
        return 1.0, curves.quantity.unit
    return usd_scale([point.cost for curve in curves.curves for point in curve.points if point], readable=True)


def top_of(curves: Curves) -> float:
    """The upper end of the axis of costs."""
    return drawing.nice_top(max(reached(curves), default=0.0))


def bottom_of(curves: Curves) -> float:
    """Its lower end: zero, or below it where a cost is a gain."""
    least = min(reached(curves), default=0.0)
    return -drawing.nice_top(-least) if least < 0 else 0.0


def reached(curves: Curves) -> list[float]:
    """All costs and ends of intervals."""
    points = [point for curve in curves.curves for point in curve.points if point]
    return [cost for point in points for cost in (point.cost, *(point.interval or ()))]


class CurveChart:
    """The curves of one quantity in a terminal, for any width."""

    def __init__(self, curves: Curves) -> None:
        self.curves = curves

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        curves, width = self.curves, min(options.max_width, WIDEST)
        factor, unit = scale_of(curves)
        yield Text("")
        yield Text(f"{curves.quantity.label} against K, the insurance capital [{unit}]", style="bold cyan")
        yield from Text(MEANS).wrap(console, options.max_width)
        slot = max(LEAST_SLOT, (width - AXIS) // max(1, len(curves.labels)))
        at_once = slot - 2
        for first in range(0, len(curves.curves), at_once):
            for row in self.drawn(curves.curves[first : first + at_once], first, slot, factor):
                yield Text(row, no_wrap=True)
        for number, curve in enumerate(curves.curves):
            yield from numbers(letter(number), curve, slot, factor, curves.labels)

    def drawn(self, some: Sequence[Curve], first: int, slot: int, factor: float) -> list[str]:
        """The rows of a chart of as many curves as fit side by side."""
        top, bottom = top_of(self.curves), bottom_of(self.curves)
        grid = [[" "] * (slot * len(self.curves.labels)) for _ in range(ROWS + 1)]

        def row_at(cost: float) -> int:
            return round((top - cost) / (top - bottom) * ROWS)

        for number, curve in enumerate(some):
            for level, point in enumerate(curve.points):
                if point is None:
                    continue
                column = level * slot + 1 + number
                if point.interval:
                    for row in range(row_at(point.interval[1]), row_at(point.interval[0]) + 1):
                        grid[row][column] = "|"
                grid[row_at(point.cost)][column] = letter(first + number)
        ticks = {row_at(bottom + share * (top - bottom)): bottom + share * (top - bottom) for share in (0.0, 0.5, 1.0)}
        rows = []
        for row, cells in enumerate(grid):
            label = f"{ticks[row] / factor:,.4g}" if row in ticks else ""
            rows.append(f"{label:>{AXIS - 2}} {'┤' if row in ticks else '│'}{''.join(cells)}".rstrip())
        rows.append(f"{'':>{AXIS - 1}}└{'─' * (slot * len(self.curves.labels) - 1)}")
        rows.append(f"{'K =':>{AXIS - 1}} {''.join(f' {label:<{slot - 1}}' for label in self.curves.labels)}".rstrip())
        return rows


def letter(number: int) -> str:
    """What stands for a curve; beyond the letters they begin anew."""
    return LETTERS[number % len(LETTERS)]


def numbers(mark: str, curve: Curve, slot: int, factor: float, labels: Sequence[str]) -> list[Text]:
    """The numbers of a curve, below the levels of K, with its name above them."""
    shown = "".join(f" {shown_cost(point, factor):<{slot - 1}}" for point in curve.points)
    return [Text(f"{mark} {curve.name}", overflow="fold"), Text(f"{'':>{AXIS}}{shown}".rstrip(), style="dim", no_wrap=True)]


def shown_cost(point: Point | None, factor: float) -> str:
    return "-" if point is None else f"{point.cost / factor:,.2f}"


# -- SVG --

LEFT, PLOT, HEIGHT, GAP = 80.0, 560.0, 220.0, 80.0  # [px]


def curves_svg(panels: Sequence[Curves], title: str) -> str:
    """All quantities as panels one below the other, with one legend."""
    parts = [drawing.text(10, 22, title, weight="bold"), drawing.text(10, 42, MEANS)]
    top = 88.0
    for panel in panels:
        parts += drawn_panel(panel, top)
        top += HEIGHT + GAP
    names = [curve.name for curve in panels[0].curves] if panels else []
    for number, name in enumerate(names):
        y = top + 20 * number
        parts.append(drawing.line([(LEFT, y - 4), (LEFT + 50, y - 4)], dash_of(number)))
        parts.append(drawing.text(LEFT + 58, y, f"{letter(number)}  {name}"))
    words = max(map(len, [title, MEANS, *(f"{'':12}{name}" for name in names)]))
    width = max(LEFT + PLOT + 40, drawing.LETTER * words + 20)
    return drawing.document(width, top + 20 * len(names) + 10, parts)


def dash_of(number: int) -> str:
    return drawing.DASHES[number % len(drawing.DASHES)]


def drawn_panel(panel: Curves, top: float) -> list[str]:
    """The axes, lines, letters and intervals of one quantity."""
    factor, unit = scale_of(panel)
    high, low = top_of(panel), bottom_of(panel)
    step = PLOT / max(1, len(panel.labels))

    def at(level: int, cost: float, beside: float = 0.0) -> tuple[float, float]:
        return LEFT + step * (level + 0.5) + beside, top + HEIGHT * (high - cost) / (high - low)

    parts = [drawing.text(10, top - 8, f"{panel.quantity.label} [{unit}] against K, the insurance capital [USD]", weight="bold")]
    for share in (0.0, 0.5, 1.0):
        cost = low + share * (high - low)
        y = at(0, cost)[1]
        parts.append(drawing.line([(LEFT, y), (LEFT + PLOT, y)], ink=drawing.FAINT, width=0.8))
        parts.append(drawing.text(LEFT - 6, y + 4, f"{cost / factor:,.4g}", "end"))
    parts += [drawing.text(at(level, low)[0], top + HEIGHT + 18, label, "middle") for level, label in enumerate(panel.labels)]
    for number, curve in enumerate(panel.curves):
        beside = 7.0 * (number - (len(panel.curves) - 1) / 2)
        told = [(level, point) for level, point in enumerate(curve.points) if point]
        parts.append(drawing.line([at(level, point.cost, beside) for level, point in told], dash_of(number)))
        for level, point in told:
            if point.interval:
                parts.append(drawing.line([at(level, end, beside) for end in point.interval], width=1.0))
            x, y = at(level, point.cost, beside)
            parts.append(drawing.text(x + 3, y - 3, letter(number)))
    return parts
