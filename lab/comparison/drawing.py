"""Shapes and texts of an SVG, as text: enough for bars and lines that are read in black and white, with no fonts from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

FONT: Final = "ui-monospace, Menlo, Consolas, monospace"
LETTER: Final = 7.3  # [px] width of a letter of TEXT_PX, for what has to fit
TEXT_PX: Final = 12
INK, FAINT = "#111", "#bbb"
HATCHES: Final = (  # of areas, in the order of use: each is told from the others by its lines alone
    "",
    "M0 8 L8 0",
    "M0 0 L8 8 M0 8 L8 0",
    "M0 4 L8 4",
    "M4 0 L4 8",
    "M3 3 h2 v2 h-2 z",
    "",
)
GREYS: Final = ("#333", "#999", "#ccc", "#e4e4e4", "#bbb", "#fff", "#fff")  # behind them
DASHES: Final = ("", "8 3", "2 3", "10 3 2 3", "5 5", "1 5")  # of lines


def document(width: float, height: float, parts: Sequence[str]) -> str:
    """A whole SVG, with the hatches that `area` refers to."""
    hatches = "".join(
        f'<pattern id="hatch{number}" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="{grey}"/>'
        f'<path d="{path}" stroke="{INK}" fill="none"/></pattern>'
        for number, (path, grey) in enumerate(zip(HATCHES, GREYS, strict=True))
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
    head += f'font-family="{FONT}" font-size="{TEXT_PX}">'
    back = f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>'
    return "\n".join([head, f"<defs>{hatches}</defs>", back, *parts, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{INK}">{escape(words)}</text>'


def area(x: float, y: float, width: float, height: float, hatch: int) -> str:
    at = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {at} fill="url(#hatch{hatch % len(HATCHES)})" stroke="{INK}" stroke-width="0.8"/>'


def line(points: Sequence[tuple[float, float]], dash: str = "", ink: str = INK, width: float = 1.4) -> str:
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{at}" fill="none" stroke="{ink}" stroke-width="{width:g}"{dashed}/>'


def nice_top(largest: float) -> float:
    """The least of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten that is not below a number; 1 for zero."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(step * power for step in (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0) if step * power >= largest * (1 - 1e-9))
