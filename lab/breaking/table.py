"""A reverse stress test in the terminal.

Rules of the file: it computes nothing but what it says in words. "never" is: not up to the end of the knob.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ..comparison.reading import counted
from .knobs import SHOCK, Knob
from .search import CONFIDENCE
from .study import Level, Study, fall_at, odds

WIDEST = 100
BAR = 20  # [characters] of all seeds


class Answer:
    """All of it, for `Console.print`."""

    def __init__(self, study: Study, files: str = "") -> None:
        self.study = study
        self.files = files

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        study, width = self.study, min(options.max_width, WIDEST)
        question = study.question
        yield Text(f"{question.setting.design.venue.name} on {question.scenario}: the least {question.knob.name} at which")
        yield from Text(f"{question.event.told}.", style="bold").wrap(console, width)
        yield Text("")
        for line in self.lines():
            yield from Text(line).wrap(console, width)
        yield Text("")
        yield frontier(study) if question.second else scan(study.levels[0], study)
        for line in notes(study):
            yield from Text(line).wrap(console, width)
        if self.files:
            yield Text("")
            yield Text(self.files, overflow="fold")

    def lines(self) -> Iterator[str]:
        study = self.study
        if study.question.second:
            yield (
                f"At each {study.question.second.name}: the {study.question.knob.name} at which it happens in half of the "
                f"{counted(len(study.question.seeds), 'seed')}."
            )
        else:
            yield sentence(study, study.levels[0])


def sentence(study: Study, level: Level) -> str:
    """The answer in one sentence."""
    question = study.question
    knob, found, (turn, low, high) = question.knob, level.found, level.middle
    seeds = counted(len(question.seeds), "seed")
    never = sum(one.turn is None for one in found.first.values())
    if never == len(question.seeds):
        return f"Not up to {told(knob, 1.0)}{deep(study, 1.0, level)}, in none of {seeds}."
    if math.isinf(turn):
        first = min(one.turn for one in found.first.values() if one.turn is not None)
        return (
            f"Up to {told(knob, 1.0)}{deep(study, 1.0, level)} in {len(question.seeds) - never} of {seeds}, which is less than half; "
            f"first at {told(knob, first)}."
        )
    if turn == 0.0:
        return f"In half of {seeds} or more it happens at {told(knob, 0.0)} already{deep(study, 0.0, level)}: begin farther away."
    interval = f"{percent_of(CONFIDENCE)} interval {span(knob, low, high)}" if low is not None else "fewer than 6 seeds have no interval"
    return f"At {told(knob, turn)}{deep(study, turn, level)} in half of {seeds}; {interval}."


def told(knob: Knob, turn: float | None) -> str:
    return "never" if turn is None or math.isinf(turn) else f"{knob.name} {number(knob.value(turn))}"


def number(value: float) -> str:
    return f"{value:,.6g}".replace("e+0", "e")  # 1e8, as it is typed


def span(knob: Knob, low: float | None, high: float | None) -> str:
    ends = ["never" if turn is None or math.isinf(turn) else number(knob.value(turn)) for turn in (low, high)]
    return " to ".join(ends)


def deep(study: Study, turn: float, level: Level) -> str:
    """How far the true price goes, where the knob is a shock."""
    move = fall_at(study.question, turn, level.turn)
    if move is None:
        return ""
    return f" (a {'fall' if move < 0 else 'rise'} of {percent_of(abs(move))})"


def percent_of(share: float) -> str:
    return f"{share * 100:.3g} %"


def scan(level: Level, study: Study) -> Table:
    """At every value that all seeds were tried at, in how many it happened."""
    question = study.question
    count = len(question.seeds)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(question.knob.name, justify="right")
    if question.knob.key == SHOCK:
        table.add_column("true price", justify="right")
    table.add_column("seeds", justify="right")
    table.add_column("")
    table.add_column(f"odds, {percent_of(CONFIDENCE)}")
    for turn in level.found.scan:
        happened = level.found.count(turn)
        low, high = odds(happened, count)
        cells = [number(question.knob.value(turn))]
        if question.knob.key == SHOCK:
            cells.append(f"{(fall_at(question, turn, level.turn) or 0.0) * 100:+.3g} %")
        bar = "█" * round(BAR * happened / count)
        table.add_row(*cells, f"{happened}/{count}", f"{bar:·<{BAR}}", f"{low:.0%} to {high:.0%}")
    return table


def frontier(study: Study) -> Table:
    """By value of the second knob, the median of the first."""
    question = study.question
    assert question.second is not None
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(question.second.name, justify="right")
    table.add_column(question.knob.name, justify="right")
    table.add_column(f"{percent_of(CONFIDENCE)} interval")
    table.add_column("seeds in which never", justify="right")
    for level in study.levels:
        turn, low, high = level.middle
        never = sum(one.turn is None for one in level.found.first.values())
        interval = "-" if low is None else span(question.knob, low, high)
        value = "never" if math.isinf(turn) else number(question.knob.value(turn))
        second = number(question.second.value(level.turn))
        table.add_row(second, value if turn else f"{value} already", interval, f"{never}/{len(question.seeds)}")
    return table


def notes(study: Study) -> Iterator[str]:
    question = study.question
    yield ""
    step = 1.0 / (question.parts << question.halvings)
    fine = f"{number(question.knob.value(0.0))}, {number(question.knob.value(step))} ... {number(question.knob.value(1.0))}"
    told_of = "all seeds have the same people and orders at every value"
    yield f"{counted(study.runs, 'run')}; {told_of}. Values are told as multiples of a step: {fine}."
    returned = sorted({seed for level in study.levels for seed in level.found.returned})
    if returned:
        which = f"{counted(len(returned), 'seed')} ({', '.join(map(str, returned))})"
        yield f"More is not always worse: in {which} it happens at one value and not at a larger one. What is told is the smallest."
    beyond = sum(bool(result.beyond) for level in study.levels for result in level.results.values())
    if beyond:
        why = "who trades there for a living ran out of money, or the venue let some open less than they want"
        yield f"{counted(beyond, 'run')} went beyond the population: {why} (reverse.json says which)."
