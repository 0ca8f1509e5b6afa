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
from collections.abc import Callable, Generator, Iterator, MutableSequence, Sequence
from contextlib import closing, contextmanager
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
    made: dict[int, Done] = {}
    with closing(outcomes(jobs, min(processes, len(jobs)), watcher.moved)) as found:
        for number, outcome in found:
            if isinstance(outcome, Exception):
                raise outcome
            made[number] = outcome
            watcher.finished(outcome)
    return [made[number] for number in range(len(jobs))]


def outcomes(
    jobs: Sequence[Job], processes: int, moved: Callable[[float], None], tries: int = 1
) -> Generator[tuple[int, Done | Exception], None, None]:
    """Make all runs in `processes` processes of their own, and yield the number of each in `jobs` and what became of it, as they end.

    A run whose process dies, or runs out of memory, is made again up to `tries` times in all, by another process; then its outcome is
    WorkerDied or MemoryError. A run that ends in another error ends so again: its outcome is that error. Who stops before the end
    closes the iterator, which ends the processes.
    """
    shares: MutableSequence[float] = multiprocessing.get_context("spawn").RawArray("d", max(1, len(jobs)))
    with _crew(processes, shares) as crew:
        yield from _hand_out(jobs, crew, shares, moved, tries)


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


def _hand_out(
    jobs: Sequence[Job], crew: list[_Worker], shares: MutableSequence[float], moved: Callable[[float], None], tries: int
) -> Iterator[tuple[int, Done | Exception]]:
    """Give every idle worker the next run until all are made; a worker that died is replaced."""
    todo = deque(longest_first(jobs))
    left = [tries] * len(jobs)
    over = 0
    while over < len(jobs):
        for place, worker in enumerate(crew):
            if worker.at is None and todo:
                if not _send(worker, todo[0], jobs[todo[0]]):  # it died while it waited for a run
                    worker = crew[place] = _replaced(worker, shares)
                    _send(worker, todo[0], jobs[todo[0]])
                if worker.at is not None:
                    todo.popleft()
        busy = {worker.pipe: place for place, worker in enumerate(crew) if worker.at is not None}
        for pipe in wait(list(busy), POLL_S):
            assert isinstance(pipe, Connection)
            worker = crew[busy[pipe]]
            number = worker.at
            assert number is not None
            worker.at = None
            outcome = _receive(worker, jobs[number])
            left[number] -= 1
            if isinstance(outcome, WorkerDied | MemoryError):
                shares[number] = 0.0
                if isinstance(outcome, WorkerDied) and (left[number] or todo):
                    crew[busy[pipe]] = _replaced(worker, shares)
                if left[number]:
                    todo.append(number)  # last, when what made it die may be over
                    continue
            over += 1
            yield number, outcome
        moved(sum(shares) / len(shares))


def _replaced(worker: _Worker, shares: MutableSequence[float]) -> _Worker:
    """A new worker in the place of one that died."""
    worker.pipe.close()
    with _ctrl_c_later():
        return _Worker(shares)


def _send(worker: _Worker, number: int, job: Job) -> bool:
    """Whether the worker has got the run: not if it is dead."""
    worker.at = number
    try:
        worker.pipe.send((number, job))
    except OSError:
        worker.at = None
        return False
    return True


def _receive(worker: _Worker, job: Job) -> Done | Exception:
    try:
        answer = worker.pipe.recv()
    except (EOFError, OSError):
        return _death(worker, job)
    assert isinstance(answer, Done | Exception)
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
