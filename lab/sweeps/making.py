"""The runs of a sweep, made by processes here or by a cluster, and kept one by one as they end.

Rules of the file: whoever makes a run hands back numbers; this process alone writes the folder. A run that fails is noted and the rest
goes on. What stops a sweep (Ctrl-C, a full disk, a scheduler that is gone) leaves all that is done, and the next call goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from time import perf_counter
from typing import Final, Protocol, TypeAlias

from ..comparison.jobs import Done, Job
from ..comparison.progress import Silent, Told
from ..comparison.workers import TRIES, outcomes
from .cluster import on_cluster
from .grid import Planned
from .store import Store

LINE: Final = 300  # [characters] of what went wrong with a run

Outcomes: TypeAlias = Generator[tuple[int, Done | Exception], None, None]


class SweepWatcher(Protocol):
    """Is told how a sweep gets on; `share` is that of all runs that are to be made, 0 to 1."""

    def moved(self, share: float) -> None: ...

    def kept(self, planned: Planned, done: Done) -> None: ...

    def failed(self, planned: Planned, why: str) -> None: ...

    def again(self, why: str) -> None: ...


Maker: TypeAlias = Callable[[list[Job], SweepWatcher], Outcomes]


class SweepTold(Told):
    """Tells people, on stderr; each line says how long the rest will take, from the runs so far."""

    def __init__(self, runs: int, at_once: int) -> None:
        super().__init__(runs, at_once)
        self.began = perf_counter()

    def kept(self, planned: Planned, done: Done) -> None:
        self.said(planned.name, done, self.left)

    def failed(self, planned: Planned, why: str) -> None:
        self.line(f"{planned.name}: failed:", why + self.left)

    def again(self, why: str) -> None:
        self.console.print(f"{why}; it is made again, last", highlight=False, soft_wrap=True)

    @property
    def left(self) -> str:
        """As if this run were over."""
        over = self.over + 1
        seconds = (perf_counter() - self.began) / over * (self.runs - over)
        return f", {in_time(seconds)} left" if self.runs > over else ""


class SweepSilent(Silent):
    """Tells nobody."""

    def kept(self, planned: Planned, done: Done) -> None:
        pass

    def failed(self, planned: Planned, why: str) -> None:
        pass

    def again(self, why: str) -> None:
        pass


def here(processes: int) -> Maker:
    """Processes of this machine, also where one is enough: what kills a run must not kill the sweep."""

    def made(jobs: list[Job], watcher: SweepWatcher) -> Outcomes:
        yield from outcomes(jobs, min(processes, len(jobs)), watcher.moved, TRIES, watcher.again)

    return made


def make_all(store: Store, maker: Maker, watcher: SweepWatcher) -> int:
    """Make and keep the runs that are still to be made; how many of them failed."""
    todo = store.todo()
    failed = 0
    if not todo:
        return 0
    jobs = [replace(one.job, journal=store.journal_of(one)) for one in todo]
    with closing(maker(jobs, watcher)) as found:
        for number, outcome in found:
            if isinstance(outcome, OSError):  # a worker's journal: the disk is full for all
                raise outcome
            if isinstance(outcome, Exception):
                why = in_a_line(outcome)
                store.fail(todo[number], why)
                watcher.failed(todo[number], why)
                failed += 1
            else:
                store.keep(todo[number], outcome)
                watcher.kept(todo[number], outcome)
    return failed


def maker_of(scheduler: str | None, processes: int) -> Maker:
    """Who makes the runs: a cluster where a scheduler is named."""
    if scheduler is None:
        return here(processes)
    cluster = on_cluster(scheduler, TRIES)
    return lambda jobs, watcher: cluster(jobs, watcher.moved)  # a scheduler gives a run to another worker without a word


def in_a_line(error: Exception) -> str:
    """What went wrong: of a traceback the end."""
    text = str(error).strip().rpartition("\n")[2].strip()
    return (text if text else "out of memory" if isinstance(error, MemoryError) else type(error).__name__)[:LINE]


def in_time(seconds: float) -> str:
    """About how long, for people."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"
