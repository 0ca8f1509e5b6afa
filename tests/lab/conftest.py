"""Fixtures of the lab's tests."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from cli_kit import made_up

from perplab.lab.comparison import jobs
from perplab.lab.comparison.jobs import Done, Job, run_job
from perplab.lab.sweeps import making


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Runs are made up, in this process; the current folder is a fresh one."""
    monkeypatch.setattr(jobs, "run", made_up)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(quick: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs are made up, in this process; their names, as they are made."""
    names: list[str] = []

    def outcomes(
        jobs: list[Job], processes: int, moved: Callable[[float], None], tries: int, again: Callable[[str], None]
    ) -> Generator[tuple[int, Done | Exception], None, None]:
        for number, job in enumerate(jobs):
            names.append(f"{job.venue.name} {job.scenario.name} {job.seed}")
            yield number, run_job(job, moved)

    monkeypatch.setattr(making, "outcomes", outcomes)
    return names
