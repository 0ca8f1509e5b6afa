"""Runs of several venues on the same scenario and seeds, spread over processes, into one report.

Rules of the file: a run is a function of its job alone, so the order in which runs finish changes nothing but the progress shown.
Workers are spawned, never forked; they ignore Ctrl-C, and whoever started them ends them. Runs, which are large, stay in the worker:
it measures, writes the journal, and hands back numbers.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from perplab.exchange.venue import Venue

from .metrics import measure
from .report import About, Clocked, Result
from .scenario import BarsPath, Scenario
from .simulation import run

POLL_S: Final = 0.25  # [s] between two looks at how far the workers are
CALIBRATED: Final = (  # keys of a scenario that were fitted, on book_vault_adl to targets A1 and A2, and makers' depth to the record
    "backstop_usd",
    "population.open_interest_over_depth",
    "population.hedger_open_interest",
    "population.leverage_sigma",
    "population.size_leverage",
    "makers.capital_usd",
    "makers.calm_bp",
    "makers.wild_bp",
    "makers.rise_s",
    "makers.fall_s",
    "arbitrageurs.capital_usd",
    "bidders.capital_usd",
)


@dataclass(frozen=True)
class Job:
    """One run to be made."""

    venue: Venue
    scenario: Scenario
    seed: int
    journal: Path  # where its journal goes


class Done(NamedTuple):
    """What is kept of a run that is over."""

    result: Result
    clocked: Clocked


class Watcher(Protocol):
    """Is told how a comparison gets on; `share` is that of all runs together, 0 to 1."""

    def moved(self, share: float) -> None: ...

    def finished(self, done: Done) -> None: ...


def jobs_of(venues: Sequence[Venue], scenario: Scenario, seeds: Sequence[int], folder: Path) -> list[Job]:
    """All venues on all seeds, seed by seed; journals go to `folder`."""
    return [Job(venue, scenario, seed, folder / f"{venue.name}-seed{seed}.journal") for seed in seeds for venue in venues]


def about(scenario: Scenario) -> About:
    """What a report says of its scenario."""
    return About(
        scenario=scenario.name,
        title=scenario.title,
        path=scenario.path.source if isinstance(scenario.path, BarsPath) else "synthetic",
        accounts=scenario.population.accounts,
        feedback=scenario.feedback,
        open_interest_usd=scenario.open_interest_usd,
        calibrated={key: number_of(scenario, key) for key in CALIBRATED},
    )


def number_of(scenario: Scenario, key: str) -> float:
    """The number of a scenario at a dotted key."""
    value: object = scenario
    for name in key.split("."):
        value = getattr(value, name)
    assert isinstance(value, int | float), key
    return value


def run_job(job: Job, moved: Callable[[float], None]) -> Done:
    """Make one run, measure it and write its journal."""
    made = run(job.venue, job.scenario, job.seed, progress=moved)
    job.journal.write_bytes(made.journal)
    result = Result(job.venue.name, job.seed, made.state_hash, measure(made))
    timing = made.timing
    return Done(result, Clocked(job.venue.name, job.seed, made.build, made.commands, timing.wall_s, timing.core_s))


def run_jobs(jobs: Sequence[Job], processes: int, watcher: Watcher) -> list[Done]:
    """Make all runs in up to `processes` processes (1: in this one), and return them in the order of `jobs`."""
    if min(processes, len(jobs)) <= 1:
        return list(_one_by_one(jobs, watcher))
    context = multiprocessing.get_context("spawn")
    shares: MutableSequence[float] = context.RawArray("d", len(jobs))
    with _pool(min(processes, len(jobs)), shares) as pool:
        with _deaf_to_ctrl_c():  # a worker inherits that, so that it is deaf before it can set it itself
            futures = [pool.submit(_work, number, job) for number, job in enumerate(jobs)]
        _watch(futures, shares, watcher)
        return [future.result() for future in futures]


def _one_by_one(jobs: Sequence[Job], watcher: Watcher) -> Iterator[Done]:
    over = 0

    def moved(share: float) -> None:
        watcher.moved((over + share) / len(jobs))

    for job in jobs:
        done = run_job(job, moved)
        over += 1
        watcher.finished(done)
        yield done


# -- processes --


@contextmanager
def _pool(processes: int, shares: MutableSequence[float]) -> Iterator[ProcessPoolExecutor]:
    """A pool whose workers are ended at once if its user fails or is interrupted: a run would go on for minutes."""
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(shares,))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - before:
            worker.terminate()
        raise
    finally:
        pool.shutdown()


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only that one hears signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _watch(futures: Sequence[Future[Done]], shares: Sequence[float], watcher: Watcher) -> None:
    """Tell the watcher until all is done; the first failure is raised."""
    pending = set(futures)
    while pending:
        over, pending = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
        for future in over:
            watcher.finished(future.result())
        watcher.moved(sum(shares) / len(shares))


_shares: MutableSequence[float] = []  # in a worker: how far each job is, shared with whoever watches


def _begin(shares: MutableSequence[float]) -> None:
    global _shares
    _shares = shares
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(number: int, job: Job) -> Done:
    def moved(share: float) -> None:
        _shares[number] = share

    done = run_job(job, moved)
    moved(1.0)
    return done
