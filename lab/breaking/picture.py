"""A reverse stress test as an SVG: the odds against the knob, or the frontier of two knobs, read in black and white.

Rules of the file: it computes nothing. An axis is as the knob is, straight or by equal ratios.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from ..comparison import drawing
from .knobs import Knob
from .study import Level, Study, odds
from .table import number, sentence

LEFT, TOP, PLOT, HEIGHT, RIGHT, BELOW = 90.0, 84.0, 560.0, 300.0, 40.0, 64.0  # [px]
TICKS: Final = 4
CROSS: Final = 4.0  # [px] half of a whisker's end


def svg(study: Study) -> str:
    question = study.question
    title = f"{question.setting.design.venue.name} on {question.scenario}: {question.event.told}"
    parts = [drawing.text(10, 24, title, weight="bold")]
    if question.second:
        said = f"at each {question.second.name}, the least {question.knob.name} in half of {len(question.seeds)} seeds, with 95 % intervals"
        parts += [drawing.text(10, 46, said), *frontier(study)]
    else:
        said = sentence(study, study.levels[0])
        parts += [drawing.text(10, 46, said), *curve(study, study.levels[0])]
    width = max(LEFT + PLOT + RIGHT, drawing.LETTER * max(len(title), len(said)) + 20)
    return drawing.document(width, TOP + HEIGHT + BELOW, parts)


def curve(study: Study, level: Level) -> list[str]:
    """The share of seeds in which it has happened up to a value, as steps, with the intervals of the odds where all seeds were tried."""
    knob, count = study.question.knob, len(study.question.seeds)
    parts = across(knob, [turn / TICKS for turn in range(TICKS + 1)])
    for share in (0.0, 0.5, 1.0):
        y = TOP + HEIGHT * (1.0 - share)
        parts.append(drawing.line([(LEFT, y), (LEFT + PLOT, y)], ink=drawing.FAINT, width=0.8))
        parts.append(drawing.text(LEFT - 8, y + 4, f"{share:.0%}", "end"))
    parts.append(drawing.text(10, TOP - 12, "of the seeds"))
    points, share = [(LEFT, TOP + HEIGHT)], 0.0
    for turn in sorted(one.turn for one in level.found.first.values() if one.turn is not None):
        points.append((LEFT + PLOT * turn, TOP + HEIGHT * (1.0 - share)))
        share += 1.0 / count
        points.append((LEFT + PLOT * turn, TOP + HEIGHT * (1.0 - share)))
    parts.append(drawing.line([*points, (LEFT + PLOT, TOP + HEIGHT * (1.0 - share))], width=2.0))
    for turn in level.found.scan:
        low, high = odds(level.found.count(turn), count)
        parts += whisker(LEFT + PLOT * turn, TOP + HEIGHT * (1.0 - high), TOP + HEIGHT * (1.0 - low))
    return parts


def frontier(study: Study) -> list[str]:
    """The first knob's median, upwards, against the second; hatched is where it happens in half of the seeds or more."""
    question = study.question
    assert question.second is not None
    parts = across(question.second, question.levels)
    for tick in range(TICKS + 1):
        y = up(tick / TICKS)
        parts.append(drawing.line([(LEFT, y), (LEFT + PLOT, y)], ink=drawing.FAINT, width=0.8))
        parts.append(drawing.text(LEFT - 8, y + 4, number(question.knob.value(tick / TICKS)), "end"))
    parts.append(drawing.text(10, TOP - 12, question.knob.name))
    parts.append(drawing.text(LEFT + PLOT - 8, TOP - 12, "hatched: in half of the seeds or more", "end"))
    known = [level for level in study.levels if not math.isinf(level.middle.turn)]
    for part in stretches(study.levels):
        line = [(LEFT + PLOT * level.turn, up(level.middle.turn)) for level in part]
        parts += [hatched([*line, (line[-1][0], up(1.0)), (line[0][0], up(1.0))]), drawing.line(line, width=2.0)]
    for level in known:
        x, (turn, low, high) = LEFT + PLOT * level.turn, level.middle
        parts.append(f'<circle cx="{x:.1f}" cy="{up(turn):.1f}" r="4" fill="{drawing.INK}"/>')
        if low is not None and high is not None:
            parts += whisker(x, up(min(high, 1.0)), up(min(low, 1.0)))
    parts += [drawing.text(LEFT + PLOT * level.turn, up(1.0) + 16, "never", "middle") for level in study.levels if level not in known]
    return parts


def stretches(levels: Sequence[Level]) -> list[list[Level]]:
    """Neighbours whose medians are all known."""
    found: list[list[Level]] = [[]]
    for level in levels:
        if math.isinf(level.middle.turn):
            found.append([])
        else:
            found[-1].append(level)
    return [part for part in found if part]


def up(turn: float) -> float:
    return TOP + HEIGHT * (1.0 - turn)


def across(knob: Knob, turns: Sequence[float]) -> list[str]:
    """The axis at the bottom."""
    bottom = TOP + HEIGHT
    parts = [drawing.line([(LEFT, bottom), (LEFT + PLOT, bottom)])]
    for turn in turns:
        x = LEFT + PLOT * turn
        parts += [drawing.line([(x, bottom), (x, bottom + 5)]), drawing.text(x, bottom + 20, number(knob.value(turn)), "middle")]
    told = f"{knob.name}: {knob.told}" if knob.told else knob.key
    return [*parts, drawing.text(LEFT + PLOT / 2, bottom + 44, told, "middle")]


def whisker(x: float, top: float, bottom: float) -> list[str]:
    ends = [drawing.line([(x - CROSS, y), (x + CROSS, y)], width=1.0) for y in (top, bottom)]
    return [drawing.line([(x, top), (x, bottom)], width=1.0), *ends]


def hatched(corners: Sequence[tuple[float, float]]) -> str:
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polygon points="{at}" fill="url(#hatch4)" opacity="0.5"/>'
