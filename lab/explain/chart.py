"""A picture of a few lines over a common axis, in characters for a terminal and as SVG for a page."""

from __future__ import annotations

from html import escape
from typing import Final

from .document import Curve, Picture

GLYPHS: Final = ("●", "○", "▲", "△", "■", "□")
HEIGHT: Final = 12  # [lines]
WIDTH: Final = 640  # [px]
TALL: Final = 280  # [px]
LEFT, BOTTOM, TOP, RIGHT = 64, 40, 16, 16  # [px] around the plot
DASHES: Final = ("", "6 4", "2 3", "8 3 2 3")


def bounds(picture: Picture) -> tuple[float, float]:
    """The largest distance and the largest value; at least something."""
    points = [point for curve in picture.curves for point in curve.points]
    return max((x for x, _ in points), default=0.0) or 1.0, max((y for _, y in points), default=0.0) or 1.0


def at(curve: Curve, x: float) -> float | None:
    """The value of a line at a distance, straight between its points; None beyond its ends."""
    before: tuple[float, float] | None = None
    for point in curve.points:
        if point[0] >= x:
            if before is None or point[0] == x:
                return point[1] if point[0] == x or before is None else None
            share = (x - before[0]) / (point[0] - before[0])
            return before[1] + share * (point[1] - before[1])
        before = point
    return None


def short(value: float) -> str:
    """A number of an axis: 12 M, 350 k, 2.5."""
    for size, name in ((1e9, " bn"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


# -- characters --


def characters(picture: Picture, width: int) -> list[str]:
    """The picture in lines of at most `width` characters, its legend last."""
    right, top = bounds(picture)
    label = max(len(short(top)), 3) + 1
    columns = max(20, width - label - 2)
    cells = [[" "] * columns for _ in range(HEIGHT)]
    for number, curve in enumerate(picture.curves):
        for column in range(columns):
            value = at(curve, right * column / (columns - 1))
            if value is not None:
                cells[HEIGHT - 1 - round(value / top * (HEIGHT - 1))][column] = GLYPHS[number % len(GLYPHS)]
    lines = [f"{picture.up}"]
    for number, row in enumerate(cells):
        value = top * (HEIGHT - 1 - number) / (HEIGHT - 1)
        told = short(value) if number % 4 == 0 or number == HEIGHT - 1 else ""
        lines.append(f"{told:>{label}} │{''.join(row).rstrip()}")
    ends = f"0{short(right):>{columns - 1}}"
    lines += [f"{'':>{label}} └{'─' * columns}", f"{'':>{label}}  {ends}", f"{'':>{label}}  {picture.across:^{columns}}".rstrip()]
    lines += [f"{'':>{label}}  {GLYPHS[number % len(GLYPHS)]} {curve.name}" for number, curve in enumerate(picture.curves)]
    return lines


# -- SVG --


def svg(picture: Picture) -> str:
    """One line of SVG whose colours are those of the page around it (`currentColor`) and four of its own that read on light and dark."""
    right, top = bounds(picture)
    wide, tall = WIDTH - LEFT - RIGHT, TALL - TOP - BOTTOM

    def place(x: float, y: float) -> str:
        return f"{LEFT + x / right * wide:.1f},{TOP + tall - y / top * tall:.1f}"

    parts = [f'<svg viewBox="0 0 {WIDTH} {TALL + 18 * len(picture.curves)}" role="img" xmlns="http://www.w3.org/2000/svg" class="chart">']
    parts.append(f"<title>{escape(picture.title)}</title>")
    for quarter in range(5):
        y = TOP + tall - tall * quarter / 4
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="currentColor" stroke-opacity="0.2"/>')
        parts.append(text(LEFT - 6, y + 4, "end", short(top * quarter / 4)))
        parts.append(text(LEFT + wide * quarter / 4, TALL - BOTTOM + 18, "middle", short(right * quarter / 4)))
    parts.append(text(LEFT + wide / 2, TALL - 4, "middle", picture.across))
    parts.append(text(LEFT, TOP - 4, "start", picture.up))
    for number, curve in enumerate(picture.curves):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        line = " ".join(place(x, y) for x, y in curve.points)
        style = f'fill="none" stroke="{colour}" stroke-width="2.5"' + (f' stroke-dasharray="{dash}"' if dash else "")
        parts.append(f'<polyline points="{line}" {style}/>')
        y = TALL + 18 * number + 8
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{LEFT + 28}" y2="{y}" {style}/>')
        parts.append(text(LEFT + 36, y + 4, "start", curve.name))
    return "".join([*parts, "</svg>"])


COLOURS: Final = ("#2f7ed8", "#e07b00", "#3a9d5d", "#b04ac0")


def text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" fill="currentColor">{escape(words)}</text>'
