"""The result lines in the terminal: a block for each strategy, a line for each venue or pair of venues.

Rules of the file: it computes nothing but what it says in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ..amounts import dollars
from ..comparison.reading import counted
from ..scenario import Scenario
from .lines import ResultLine
from .study import Misfit, Summary, summaries

WIDEST = 100
HEADS = ("", "PnL", "least", "most", "fees", "funding", "gas", "fall", "liq.", "held")


class Stopped(NamedTuple):
    """So many runs were done when it ended, of all that there were to be."""

    done: int
    runs: int

    @property
    def told(self) -> str:
        return f"not complete: {self.done:,} of {self.runs:,} runs"


class Results:
    """All of it, for `Console.print`; `stopped`: it is not all, since the runs were stopped."""

    def __init__(
        self, scenario: Scenario, lines: Sequence[ResultLine], wrong: Sequence[Misfit], files: str = "", stopped: Stopped | None = None
    ) -> None:
        self.scenario, self.lines, self.wrong, self.files, self.stopped = scenario, lines, wrong, files, stopped

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST)
        seeds = len({line.seed for line in self.lines})
        whole = f"; {self.stopped.told}" if self.stopped else ""
        yield Text(f"Strategies in {self.scenario.name}, {counted(seeds, 'seed')}{whole}", style="bold")
        by_name = summaries(self.lines)
        strategy = {line.name: (line.strategy, line.legs[0].opening_usd) for line in self.lines}
        for name, each in by_name.items():
            kind, money = strategy[name]
            yield Text("")
            yield Text(f"{name}{f' ({kind})' if kind != name else ''}, {dollars(money)} on each venue", style="bold")
            yield block(each)
        for line in self.notes(seeds):
            yield from Text(line).wrap(console, width)
        if self.stopped:
            said = f"Stopped: only {self.stopped.done:,} of {self.stopped.runs:,} runs are done, and no file was written."
            yield from Text(said).wrap(console, width)
        if self.files:
            yield Text(self.files, overflow="fold")

    def notes(self, seeds: int) -> Iterator[str]:
        yield ""
        said = "Medians over seeds, but fall: the largest of all." if seeds > 1 else "One seed."
        yield (
            f"{said} In USD at the true price. Fees, funding and gas are in the PnL: what is paid is above zero. Fall: from an earlier "
            "height. liq.: seeds in which it was liquidated. held: time in position. A + B: one run of both, an account on each."
        )
        by_why: dict[str, list[Misfit]] = {}
        for one in self.wrong:
            by_why.setdefault(one.why.partition(", which ")[0], []).append(one)
        for why, each in by_why.items():
            yield f"Not on {', '.join(one.venue for one in each)} alone: {why}."


def block(each: Sequence[Summary]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for number, head in enumerate(HEADS):
        table.add_column(head, justify="right" if number else "left", no_wrap=number > 0, overflow="fold", min_width=20 - 20 * (number > 0))
    for one in each:
        table.add_row(*cells(one))
    return table


def cells(one: Summary) -> list[str]:
    return [
        f"{' + '.join(one.venues)}",
        *(f"{round(usd):,}" for usd in (one.pnl, one.least, one.most, one.fees, one.funding, one.gas)),
        f"{one.drawdown:.1%}",
        f"{one.liquidated}/{one.seeds}",
        f"{one.in_position:.0%}",
    ]
