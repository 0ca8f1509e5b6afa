"""The runs of a comparison spread over processes.

Rules of the file: workers are spawned, never forked. Each is asked for one run at a time over a pipe of its own, so that when one is
killed it is known which run it was at. Workers ignore Ctrl-C: whoever started them ends them, and they end by themselves when that one
is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from .jobs import Done, Job, Watcher, longest_first, run_job
from .report import run_name

POLL_S: Final = 0.25  # [s] between two looks at how far the workers are
END_S: Final = 10.0  # [s] that a worker has to end itself


class WorkerDied(RuntimeError):
    """A worker process ended in the middle of a run; the message says which run and how it ended."""


class WorkerFailed(RuntimeError):
    """A run ended in an error that is our own mistake; the message is the worker's traceback."""


def run_jobs(jobs: Sequence[Job], processes: int, watcher: Watcher) -> list[Done]:
    """Make all runs in up to `processes` processes (1: in this one), and return them in the order of `jobs`. Raises WorkerDied."""
    if min(processes, len(jobs)) <= 1:
        return list(_one_by_one(jobs, watcher))
    shares: MutableSequence[float] = multiprocessing.get_context("spawn").RawArray("d", len(jobs))
    with _crew(min(processes, len(jobs)), shares) as crew:
        return _hand_out(jobs, crew, shares, watcher)


def _one_by_one(jobs: Sequence[Job], watcher: Watcher) -> Iterator[Done]:
    over = 0

    def moved(share: float) -> None:
        watcher.moved((over + share) / len(jobs))

    for job in jobs:
        done = run_job(job, moved)
        over += 1
        watcher.finished(done)
        yield done


# -- here --


class _Worker:
    """A process, our end of its pipe, and the number of the run that it is at."""

    def __init__(self, shares: MutableSequence[float]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, shares), daemon=True)
        self.process.start()
        theirs.close()  # so that its death is the end of what can be read
        self.at: int | None = None

    def send(self, number: int, job: Job) -> None:
        self.at = number
        self.pipe.send((number, job))


@contextmanager
def _crew(processes: int, shares: MutableSequence[float]) -> Iterator[list[_Worker]]:
    """Workers who are ended at once if their user fails or is interrupted: a run would go on for minutes."""
    crew: list[_Worker] = []
    try:
        with _ctrl_c_later():  # a worker inherits that, so that it is deaf before it can set it itself
            for _ in range(processes):
                crew.append(_Worker(shares))
        yield crew
    except BaseException:
        for worker in crew:
            worker.process.terminate()
        raise
    finally:
        for worker in crew:
            worker.pipe.close()  # those who wait for a run then end
            worker.process.join(END_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _hand_out(jobs: Sequence[Job], crew: list[_Worker], shares: Sequence[float], watcher: Watcher) -> list[Done]:
    """Give every idle worker the next run, and tell the watcher, until all are made; the first failure is raised."""
    todo = deque((number, jobs[number]) for number in longest_first(jobs))
    made: dict[int, Done] = {}
    while len(made) < len(jobs):
        for worker in crew:
            if worker.at is None and todo:
                _send(worker, *todo.popleft(), jobs)
        busy = {worker.pipe: worker for worker in crew if worker.at is not None}
        for pipe in wait(list(busy), POLL_S):
            assert isinstance(pipe, Connection)
            worker = busy[pipe]
            assert worker.at is not None
            made[worker.at] = _receive(worker, jobs[worker.at])
            watcher.finished(made[worker.at])
            worker.at = None
        watcher.moved(sum(shares) / len(shares))
    return [made[number] for number in range(len(jobs))]


def _send(worker: _Worker, number: int, job: Job, jobs: Sequence[Job]) -> None:
    try:
        worker.send(number, job)
    except OSError:  # it died while it waited for a run
        raise _death(worker, jobs[number]) from None


def _receive(worker: _Worker, job: Job) -> Done:
    try:
        answer = worker.pipe.recv()
    except (EOFError, OSError):
        raise _death(worker, job) from None
    if isinstance(answer, BaseException):
        raise answer
    assert isinstance(answer, Done)
    return answer


def _death(worker: _Worker, job: Job) -> WorkerDied:
    worker.process.join(END_S)
    code = worker.process.exitcode
    how = f"ended with exit code {code}"
    if code is not None and code < 0:
        how = f"was killed by signal {-code}, {_signal_name(-code)}"
        if -code == signal.SIGKILL:
            how += " (the system does that when memory runs out: fewer --jobs need less)"
    return WorkerDied(f"{run_name(job.venue.name, job.path, job.seed)}: the process of this run {how}")


def _signal_name(number: int) -> str:
    return next((one.name for one in signal.Signals if one == number), "unknown")


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """A Ctrl-C that comes meanwhile is heard at the end, and a process that is started meanwhile is deaf to it.

    The mask alone would not do: it is the main thread's, and a library may have threads of its own that hear the signal instead.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one hears signals
        yield
        return
    heard: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    mask = None
    if sys.platform != "win32":  # which has no mask
        resource_tracker.ensure_running()  # its start would lift the mask
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if heard:
        signal.raise_signal(signal.SIGINT)


# -- in a worker --


def _serve(pipe: Connection, shares: MutableSequence[float]) -> None:
    """Make the runs that come over the pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            number, job = pipe.recv()
        except (EOFError, OSError):
            return
        answer = _answer(number, job, shares)
        try:
            pipe.send(answer)
        except OSError:
            return


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _answer(number: int, job: Job, shares: MutableSequence[float]) -> Done | Exception:
    def moved(share: float) -> None:
        shares[number] = share

    try:
        done = run_job(job, moved)
    except Exception as error:  # whatever it is, it is told where it can be seen
        return _portable(error)
    moved(1.0)
    return done


def _portable(error: Exception) -> Exception:
    """What the user is to be told, as it is, else the traceback: it would be lost on the way."""
    from ..cli import is_told

    if is_told(error) or isinstance(error, OSError | MemoryError):
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # an error class with arguments of its own
            pass
        else:
            return error
    return WorkerFailed("".join(traceback.format_exception(error)))
