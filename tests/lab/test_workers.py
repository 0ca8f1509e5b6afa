"""Processes that make work: kept from batch to batch, replaced when they die or run out of memory, ended when they are not wanted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_results import needs_proc, workers_of

from perplab.lab.comparison.workers import Crew, WorkerDied, WorkerFailed, good, workers
from perplab.lab.validation.tasks import CRASH, Answer, Task, answers


@dataclass(frozen=True)
class Piece:
    """Work that says which process made it. `first`: what it does until the file `once` is there."""

    name: str
    first: str = ""
    once: Path | None = None

    def make(self, moved: Callable[[float], None]) -> tuple[str, int]:
        moved(0.5)
        if self.first and not (self.once and self.once.exists()):
            if self.once:
                self.once.write_text("", encoding="utf-8")
            if self.first == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.first == "slow":
                time.sleep(600)
            raise MemoryError if self.first == "memory" else KeyError("ours")
        return self.name, os.getpid()


def pieces(count: int) -> list[Piece]:
    return [Piece(f"piece {number}") for number in range(count)]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def has_ended(pid: int) -> bool:
    """Whether all threads of a child have, so that nothing holds its end of the pipe."""
    state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    return state == "Z" and len(os.listdir(f"/proc/{pid}/task")) == 1


def test_processes_are_kept_from_batch_to_batch() -> None:
    shares: list[float] = []
    with workers(2) as by:
        batches = [dict(good(by.outcomes(pieces(count), shares.append))) for count in (1, 5, 3)]
    assert [sorted(batch) for batch in batches] == [[0], [0, 1, 2, 3, 4], [0, 1, 2]]
    assert all(made[0] == f"piece {number}" for batch in batches for number, made in batch.items())
    assert len({pid for batch in batches for _, pid in batch.values()}) <= 2
    assert min(shares) >= 0.0 and max(shares) <= 1.0


def test_one_process_is_this_one() -> None:
    shares: list[float] = []
    with workers(1) as by:
        made = dict(good(by.outcomes(pieces(2), shares.append)))
    assert {pid for _, pid in made.values()} == {os.getpid()} and shares == [0.25, 0.75]


@pytest.mark.parametrize("what", ["killed", "memory"])
def test_work_is_made_again_by_another_process(tmp_path: Path, what: str) -> None:
    again: list[str] = []
    with Crew(1, again.append) as crew:
        ((_, (_, before)),) = good(crew.outcomes(pieces(1), lambda share: None))
        works = [Piece("bad", what, tmp_path / "once"), *pieces(2)]
        made = list(good(crew.outcomes(works, lambda share: None, tries=2)))
        assert [number for number, _ in made] == [1, 2, 0]  # last, when what made it die may be over
        assert before not in {pid for _, (_, pid) in made} and not is_there(before)
    assert len(again) == 1 and again[0].startswith("bad: the process of this run was killed" if what == "killed" else "bad: out of memory")


def test_what_fails_costs_only_itself() -> None:
    works = [Piece("bad", "killed"), Piece("none", "memory"), Piece("odd", "ours"), *pieces(2)]
    with Crew(2) as crew:
        found = dict(crew.outcomes(works, lambda share: None, tries=2))
        assert isinstance(found[0], WorkerDied)
        assert str(found[0]).startswith("bad: the process of this run was killed by signal 9, SIGKILL")
        assert isinstance(found[1], MemoryError)
        assert isinstance(found[2], WorkerFailed) and "KeyError: 'ours'" in str(found[2])
        assert [made[0] for number in (3, 4) if isinstance(made := found[number], tuple)] == ["piece 0", "piece 1"]
        assert len(dict(good(crew.outcomes(pieces(3), lambda share: None)))) == 3


@needs_proc
def test_a_process_that_dies_while_it_waits_is_replaced() -> None:
    with Crew(1) as crew:
        ((_, (_, before)),) = good(crew.outcomes(pieces(1), lambda share: None))
        os.kill(before, signal.SIGKILL)
        while not has_ended(before):
            time.sleep(0.01)
        ((_, (_, after)),) = good(crew.outcomes(pieces(1), lambda share: None))
        assert after != before


def test_who_stops_early_ends_the_processes(tmp_path: Path) -> None:
    works = [Piece("quick"), Piece("long", "slow")]
    began = time.monotonic()
    with Crew(2) as crew, closing(crew.outcomes(works, lambda share: None)) as found:
        _, made = next(found)
        assert isinstance(made, tuple)
    assert time.monotonic() - began < 300 and not is_there(made[1])


def test_tasks_of_a_validation_are_work() -> None:
    class By:
        def outcomes(self, works: list[Task], moved: object, tries: int = 1, order: object = ()) -> object:
            assert tries == 2 and [one.name for one in works] == ["crash, seed 4", "crash, seed 5"]
            yield 1, Answer(works[1])
            yield 0, WorkerDied("crash, seed 4: gone")

    found = answers([Task(CRASH, 4, 60, 60), Task(CRASH, 5, 60, 60)], By())  # type: ignore[arg-type]
    assert next(found).task.seed == 5
    with pytest.raises(WorkerDied, match="crash, seed 4"):
        next(found)


# -- a reverse stress test --

SHORT = ("calm", "--venue", "book_fund_adl", "--until", "liquidation.accounts>0", "--knob", "shock=0..10", "--set", "path.minutes=1")
FEW = ("--accounts", "12", "--seeds", "3", "--scan", "2", "--halvings", "2")


def reverse(out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "perplab.lab.cli", "reverse", *SHORT, *FEW, "--out", str(out), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@needs_proc
def test_a_killed_worker_leaves_the_answer_of_a_reverse_stress_test_as_it_is(tmp_path: Path) -> None:
    for jobs in ("1", "2"):
        running = reverse(tmp_path / jobs, "--jobs", jobs)
        if jobs == "2":
            before: list[int] = []
            while len(before) < 2 and running.poll() is None:
                before = workers_of(running.pid)
                time.sleep(0.02)
            os.kill(before[0], signal.SIGKILL)
        _, told = running.communicate(timeout=300)
        assert running.returncode == 0, told
    assert (tmp_path / "1/reverse.json").read_bytes() == (tmp_path / "2/reverse.json").read_bytes()
    assert len(json.loads((tmp_path / "1/reverse.json").read_text(encoding="utf-8"))["levels"][0]["runs"]) >= 9


def test_ctrl_c_ends_a_reverse_stress_test_and_its_processes(tmp_path: Path) -> None:
    running = reverse(tmp_path, "--jobs", "2", "--halvings", "20", "--seeds", "9")
    assert running.stderr is not None
    while not running.stderr.readline().rstrip().endswith("27 runs"):  # the scan is done
        assert running.poll() is None
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=300)  # returns once no worker holds the pipe any more
    assert running.returncode == 130 and told.splitlines()[-1] == "error: interrupted", told
    assert not list(tmp_path.glob("*"))
