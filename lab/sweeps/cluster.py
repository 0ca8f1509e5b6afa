"""The runs of a sweep on a Dask cluster: the extra `cluster`, which is looked for only when a scheduler is named.

Rules of the file: a run is the same function of the same job as in a process here, so results are the same. Workers must be this program,
with the same build; that is asked of all of them first. They share no disk with us: journals come back with the numbers. A few runs for
each worker are under way at a time, so that an interrupted sweep leaves little behind, and a scheduler is not sent all of a large grid.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, TypeAlias

import click

from perplab.exchange.design.reader import DesignError

from ..comparison.jobs import Done, Job, longest_first, made_job
from ..comparison.results import write_file
from ..comparison.workers import WorkerDied
from .identity import Identity, differences, identity

LOCAL: Final = "local:"  # and a number: workers that are started here
PER_THREAD: Final = 2  # runs under way for each thread of the workers: one to make, one to be there when that is done
POLL_S: Final = 0.5  # [s] between two looks at whether the scheduler is still there
CONNECT: Final = "10s"
WORKERS_S: Final = 60  # until the first worker is there
MOST_LOCAL: Final = 256

Outcomes: TypeAlias = Generator[tuple[int, Done | Exception], None, None]
Client: TypeAlias = Any  # of distributed, which has no types


class SchedulerLost(RuntimeError):
    """The scheduler cannot be reached, or has gone; the message is complete."""


class ClusterError(DesignError):
    """A cluster that cannot make these runs; the message is complete."""


def on_cluster(address: str, tries: int) -> Callable[[list[Job], Callable[[float], None]], Outcomes]:
    """Makes runs on the cluster at `address`, or with `local:N` on N workers that are started here.

    ClusterError, ImportError or click.UsageError where it cannot begin; SchedulerLost where it cannot go on.
    """
    distributed = library()
    workers = local_workers(address)

    def made(jobs: list[Job], moved: Callable[[float], None]) -> Outcomes:
        with quiet(), connected(distributed, address, workers, tries) as client:
            must_be_this_program(client, address)
            yield from handed_out(distributed, client, address, jobs, moved)

    return made


def library() -> Any:
    """distributed, where it is installed."""
    try:
        return import_module("distributed")
    except ImportError:
        raise ImportError("--scheduler: expected dask and distributed, which are not installed: pip install 'perplab[cluster]'") from None


def local_workers(address: str) -> int:
    """How many workers to start; 0: none, it is the address of a scheduler."""
    if not address.startswith(LOCAL):
        if "://" not in address and ":" not in address:
            raise click.UsageError(f"--scheduler: {address!r} given, expected tcp://HOST:PORT, or local:N for N workers of this machine")
        return 0
    count = address.removeprefix(LOCAL)
    if not count.isdecimal() or not 1 <= int(count) <= MOST_LOCAL:
        raise click.UsageError(f"--scheduler: {address!r} given, expected local:N with N from 1 to {MOST_LOCAL}")
    return int(count)


@contextmanager
def quiet() -> Iterator[None]:
    """The libraries' own logs are left out meanwhile: what they say of a lost connection, with tracebacks, is told in a line by us."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def connected(distributed: Any, address: str, workers: int, tries: int) -> Iterator[Client]:
    """A client of the scheduler; what is under way is given up at the end."""
    import_module("dask").config.set(
        {
            "distributed.scheduler.allowed-failures": tries - 1,
            "distributed.comm.timeouts.connect": CONNECT,
            "distributed.worker.profile.enabled": False,  # looks at the thread of a run every 10 ms: a tenth of its time
        }
    )
    cluster = None
    try:
        if workers:
            cluster = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL")
        try:
            client = distributed.Client(cluster or address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise SchedulerLost(f"--scheduler {address}: cannot be reached: {str(error).partition(chr(10))[0]}") from None
        try:
            yield client
        finally:
            client.close(timeout=2)
    finally:
        if cluster is not None:
            cluster.close(timeout=5)


def must_be_this_program(client: Client, address: str) -> None:
    """Raises ClusterError where a worker would find something else, or there is none."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
        found: dict[str, Identity | Exception] = client.run(identity, on_error="return")
    except TimeoutError:
        raise ClusterError(f"--scheduler {address}: no worker came within {WORKERS_S} s: expected one at least") from None
    except OSError:
        raise lost(address) from None
    for worker, told in found.items():
        if isinstance(told, BaseException):
            raise ClusterError(f"--scheduler {address}: worker {worker} cannot load perplab: {told!r}: expected the same one as here")
        if other := differences(told, identity()):
            raise ClusterError(f"--scheduler {address}: worker {worker} is another program ({'; '.join(other)}): expected the same one")


def handed_out(distributed: Any, client: Client, address: str, jobs: list[Job], moved: Callable[[float], None]) -> Outcomes:
    """Submit the runs, a few at a time, and yield what became of each."""
    ended: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    todo = longest_first(jobs)
    over = under_way = 0
    while over < len(jobs):
        while todo and under_way < room_of(client, address):
            number = todo.pop(0)
            future = client.submit(remote, jobs[number], pure=False)
            future.add_done_callback(lambda one, number=number: ended.put((number, one)))
            under_way += 1
        try:
            number, future = ended.get(timeout=POLL_S)
        except queue.Empty:
            if client.status != "running":
                raise lost(address) from None
            continue
        under_way -= 1
        outcome = received(distributed, future, jobs[number], address)
        over += 1
        moved(over / len(jobs))
        yield number, outcome


def room_of(client: Client, address: str) -> int:
    """How many runs may be under way. Workers may come and go."""
    try:
        threads: int = sum(client.nthreads().values())
        return PER_THREAD * max(1, threads)
    except (OSError, TimeoutError):
        raise lost(address) from None


def lost(address: str) -> SchedulerLost:
    return SchedulerLost(f"--scheduler {address}: the scheduler has gone: what is done is kept, the same call goes on")


def received(distributed: Any, future: Any, job: Job, address: str) -> Done | Exception:
    """What a run came to; its journal is written."""
    if future.status in ("cancelled", "lost"):
        raise lost(address)
    try:
        done, journal = future.result(timeout=60)
    except distributed.KilledWorker:
        return WorkerDied(f"{job.name}: the worker of this run was killed")
    except (distributed.CancelledError, distributed.comm.CommClosedError, TimeoutError):
        raise lost(address) from None
    except Exception as error:  # whatever it is, it is that run's
        return RuntimeError(f"{type(error).__name__}: {error}")
    assert isinstance(done, Done)
    if job.journal is not None:
        write_file(job.journal, journal)
    return done


def remote(job: Job) -> tuple[Done, bytes]:
    """On a worker: the run, and its journal if somebody keeps it."""
    done, journal = made_job(job, lambda share: None)
    return done, journal if job.journal is not None else b""
