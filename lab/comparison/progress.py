"""How a comparison gets on, for people: a bar where there is a terminal, and one line per finished run everywhere, on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn, TimeRemainingColumn

from perplab.exchange import BUILD

from ..amounts import dollars
from .jobs import Done
from .reading import counted

WIDTH: Final = 80  # [characters] of a line, or it becomes two


def bar(console: Console) -> Progress:
    """With the time that is left; none where there is no terminal."""
    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class Silent:
    """Tells nobody."""

    def moved(self, share: float) -> None:
        pass

    def finished(self, done: Done) -> None:
        pass


class Told:
    """Watches a comparison of `runs` runs, `at_once` in processes here (0: none); use it as a context manager."""

    def __init__(self, runs: int, at_once: int, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.runs, self.at_once = runs, at_once
        self.over = 0
        self.bar = bar(self.console)
        self.task = self.bar.add_task("", total=1.0)

    def __enter__(self) -> Self:
        at_once = f"{self.at_once} at a time, {BUILD} core" if self.at_once else "on a cluster"
        self.console.print(f"{counted(self.runs, 'run')}, {at_once}", highlight=False)
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.stop()

    def moved(self, share: float) -> None:
        self.bar.update(self.task, completed=share)

    def finished(self, done: Done) -> None:
        result = done.result
        self.said(f"{result.venue}{f' on {result.path}' if result.path else ''} seed {result.seed}", done)

    def said(self, which: str, done: Done, more: str = "") -> None:
        """Tell of a finished run by this name."""
        result, clocked = done
        found = f"{result.metrics.liquidation.accounts:,} liquidated, bad debt {dollars(result.metrics.losses.bad_debt_usd)}"
        self.line(f"{which}:", f"{found}, {clocked.wall_s:.0f} s{more}")

    def line(self, which: str, found: str) -> None:
        """Tell of a run that is over: which, and what became of it; two lines where one is too long."""
        self.over += 1
        number = f"{self.over:>{len(str(self.runs))}}/{self.runs}  "
        line = f"{number}{which} {found}"
        if len(line) > min(WIDTH, self.console.width):
            line = f"{number}{which}\n{' ' * len(number)}{found}"
        self.console.print(line, highlight=False, soft_wrap=True)
