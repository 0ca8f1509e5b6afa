"""Work spread over processes: the runs of a comparison, a sweep or a reverse stress test, the tasks of a validation.

Rules of the file: workers are spawned, never forked, and kept for all that there is to make. Each is asked for one piece of work at a time
over a pipe of its own, so that when one is killed it is known what it was at. Workers ignore Ctrl-C: whoever started them ends them, and
they end by themselves when that one is gone.
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
from collections.abc import Callable, Generator, Iterable, Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias, TypeVar

from .jobs import Done, Job, Watcher, longest_first

POLL_S: Final = 0.25  # [s] between two looks at how far the workers are
END_S: Final = 10.0  # [s] that a worker has to end itself
TRIES: Final = 2  # of work whose process is killed or runs out of memory, where the rest is worth more than to know it at once

Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)
Moved: TypeAlias = Callable[[float], None]  # is told how much is made, 0 to 1
Again: TypeAlias = Callable[[str], None]  # is told of work whose process died, and that is made again: which, and how


class Work(Protocol[Made_co]):
    """What a process makes alone: it is sent there, and what comes of it is sent back."""

    @property
    def name(self) -> str:
        """In words, for errors."""

    def make(self, moved: Moved) -> Made_co: ...


class Workers(Protocol):
    """Who makes work; as long as it lasts, one batch after another."""

    def outcomes(
        self, works: Sequence[Work[Made]], moved: Moved, tries: int = 1, order: Sequence[int] = ()
    ) -> Generator[tuple[int, Made | Exception], None, None]:
        """Make all of it, in `order`, and yield the number of each in `works` and what became of it, as they end."""


class WorkerDied(RuntimeError):
    """A worker process ended in the middle of its work; the message says which and how it ended."""


class WorkerFailed(RuntimeError):
    """Work ended in an error that is our own mistake; the message is the worker's traceback."""


def _tell_nobody(_: str) -> None:
    pass


@contextmanager
def workers(processes: int) -> Iterator[Workers]:
    """Up to so many processes; 1: this one."""
    if processes <= 1:
        yield Here()
    else:
        with Crew(processes) as crew:
            yield crew


def good(found: Iterable[tuple[int, Made | Exception]]) -> Iterator[tuple[int, Made]]:
    """The same, where work that fails is an error of all."""
    for number, outcome in found:
        if isinstance(outcome, Exception):
            raise outcome
        yield number, outcome


def run_jobs(jobs: Sequence[Job], processes: int, watcher: Watcher) -> list[Done]:
    """Make all runs in up to `processes` processes (1: in this one), and return them in the order of `jobs`. Raises WorkerDied."""
    with workers(min(processes, len(jobs))) as by:
        return all_made(jobs, by, watcher)


def all_made(jobs: Sequence[Job], by: Workers, watcher: Watcher, tries: int = 1) -> list[Done]:
    """Make all runs, and return them in the order of `jobs`. Raises WorkerDied."""
    made: dict[int, Done] = {}
    for number, done in good(by.outcomes(jobs, watcher.moved, tries, longest_first(jobs))):
        made[number] = done
        watcher.finished(done)
    return [made[number] for number in range(len(jobs))]


def outcomes(
    jobs: Sequence[Job], processes: int, moved: Moved, tries: int = 1, again: Again = _tell_nobody
) -> Generator[tuple[int, Done | Exception], None, None]:
    """Make all runs in `processes` processes of their own, and yield the number of each in `jobs` and what became of it, as they end.

    Who stops before the end closes the iterator, which ends the processes.
    """
    with Crew(processes, again) as crew:
        yield from crew.outcomes(jobs, moved, tries, longest_first(jobs))


# -- here --


class Here:
    """Makes work in this process, in the order in which it is given; an error is raised as it is."""

    def outcomes(
        self, works: Sequence[Work[Made]], moved: Moved, tries: int = 1, order: Sequence[int] = ()
    ) -> Generator[tuple[int, Made | Exception], None, None]:
        over = 0

        def moved_on(share: float) -> None:
            moved((over + share) / len(works))

        for work in works:
            made = work.make(moved_on)
            over += 1
            yield over - 1, made


class _Worker:
    """A process, our end of its pipe, and the number of the work that it is at."""

    def __init__(self, shares: MutableSequence[float], place: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, shares, place), daemon=True)
        self.process.start()
        theirs.close()  # so that its death is the end of what can be read
        self.at: int | None = None

    def give(self, number: int, work: Work[object]) -> bool:
        """Whether it has got the work: not if it is dead."""
        try:
            self.pipe.send(work)
        except OSError:
            return False
        self.at = number
        return True

    def answer(self, work: Work[Made]) -> Made | Exception:
        """What became of its work."""
        self.at = None
        try:
            outcome: Made | Exception = self.pipe.recv()
        except (EOFError, OSError):
            return _death(self.process, work.name)
        return outcome

    def end(self) -> None:
        """Wait until it has ended, which it does when its pipe is closed and it is at no work."""
        self.pipe.close()
        self.process.join(END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Crew:
    """Processes that make one piece of work after another until the end of the context; each is started when there is work for it.

    They are ended at once where whoever gives them work fails or is interrupted: a run would go on for minutes.
    """

    def __init__(self, processes: int, again: Again = _tell_nobody) -> None:
        self._again = again
        self._shares: MutableSequence[float] = multiprocessing.get_context("spawn").RawArray("d", processes)  # of the work each is at
        self._places: list[_Worker | None] = [None] * processes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end(at_once=kind is not None)

    def outcomes(
        self, works: Sequence[Work[Made]], moved: Moved, tries: int = 1, order: Sequence[int] = ()
    ) -> Generator[tuple[int, Made | Exception], None, None]:
        """Make all of it, and yield the number of each in `works` and what became of it, as they end.

        Work whose process dies, or runs out of memory, is made again up to `tries` times in all, by another process; then its outcome is
        WorkerDied or MemoryError. Work that ends in another error ends so again: its outcome is that error.
        """
        try:
            yield from self._hand_out(works, moved, tries, deque(order or range(len(works))))
        except BaseException:  # that it is closed, too
            self._end(at_once=True)
            raise

    def _hand_out(self, works: Sequence[Work[Made]], moved: Moved, tries: int, todo: deque[int]) -> Iterator[tuple[int, Made | Exception]]:
        """Give every idle worker the next of `todo` until all is made."""
        left = [tries] * len(works)
        over = 0
        while over < len(works):
            self._give(works, todo)
            busy = {worker.pipe: place for place, worker in enumerate(self._places) if worker and worker.at is not None}
            for pipe in wait(list(busy), POLL_S):
                assert isinstance(pipe, Connection)
                number, outcome = self._take(busy[pipe], works)
                left[number] -= 1
                if left[number] and isinstance(outcome, WorkerDied | MemoryError):
                    todo.append(number)  # last, when what made it die may be over
                    self._again(str(outcome) if isinstance(outcome, WorkerDied) else f"{works[number].name}: out of memory")
                    continue
                over += 1
                yield number, outcome
            moved((over + sum(self._shares)) / len(works))

    def _give(self, works: Sequence[Work[object]], todo: deque[int]) -> None:
        for place in range(len(self._places)):
            while todo:
                worker = self._places[place]
                if worker is None:
                    with _ctrl_c_later():  # a worker inherits that, so that it is deaf before it can set it itself
                        self._places[place] = worker = _Worker(self._shares, place)
                if worker.at is not None:
                    break
                if worker.give(todo[0], works[todo[0]]):
                    todo.popleft()
                else:  # it died while it waited for work
                    self._dismiss(place)

    def _take(self, place: int, works: Sequence[Work[Made]]) -> tuple[int, Made | Exception]:
        """What became of the work of a place. Who died, or has no memory left, makes room for another."""
        worker = self._places[place]
        assert worker is not None and worker.at is not None
        number = worker.at
        outcome = worker.answer(works[number])
        if isinstance(outcome, WorkerDied | MemoryError):
            self._dismiss(place)
        self._shares[place] = 0.0
        return number, outcome

    def _dismiss(self, place: int) -> None:
        worker = self._places[place]
        assert worker is not None
        worker.end()
        self._places[place] = None

    def _end(self, at_once: bool) -> None:
        crew = [worker for worker in self._places if worker]
        for worker in crew:
            if at_once:
                worker.process.terminate()
            worker.pipe.close()  # those who wait for work then end
        for worker in crew:
            worker.end()
        self._places = [None] * len(self._places)
        for place in range(len(self._places)):
            self._shares[place] = 0.0


def _death(process: BaseProcess, name: str) -> WorkerDied:
    process.join(END_S)
    code = process.exitcode
    how = f"ended with exit code {code}"
    if code is not None and code < 0:
        how = f"was killed by signal {-code}, {_signal_name(-code)}"
        if -code == signal.SIGKILL:
            how += " (the system does that when memory runs out: fewer --jobs need less)"
    return WorkerDied(f"{name}: the process of this run {how}")


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


def _serve(pipe: Connection, shares: MutableSequence[float], place: int) -> None:
    """Make the work that comes over the pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            work: Work[object] = pipe.recv()
            pipe.send(_answer(work, shares, place))
        except (EOFError, OSError):
            return
        except MemoryError:  # for what comes over the pipe, or goes: nothing of it has been sent by then
            pipe.send(MemoryError())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _answer(work: Work[object], shares: MutableSequence[float], place: int) -> object:
    def moved(share: float) -> None:
        shares[place] = share

    try:
        made = work.make(moved)
    except MemoryError as error:  # there may be none left to look it up as other errors are
        return MemoryError(str(error))
    except Exception as error:  # whatever it is, it is told where it can be seen
        return _portable(error)
    moved(1.0)
    return made


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
