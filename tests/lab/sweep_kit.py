"""Sweeps for tests: a small grid, its folder looked into, and the command line started as a process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from perplab.lab.sweeps import Results

SMALL = """
title = "two designs"
venues = ["book_fund_adl", "social_only"]
scenarios = ["calm", "flash:stays_low"]
accounts = 12
insured = false
journals = true
[seeds]
first = 3
count = 2
"""
MINUTE = SMALL.replace('"calm", "flash:stays_low"', '"calm"').replace("accounts", 'set = ["path.minutes=1"]\naccounts')  # a second a run


def grid(folder: Path, text: str = SMALL) -> Path:
    file = folder / "grid.toml"
    file.write_text(text, encoding="utf-8")
    return file


def statuses(folder: Path) -> list[str]:
    return [row.status for row in Results.open(folder).runs]


def consistent(folder: Path) -> int:
    """How many runs are done; all that the catalogue calls done can be read, and nothing is half there."""
    found = Results.open(folder)
    assert not list(folder.rglob("*.part"))
    done = [row for row in found.runs if row.status == "done"]
    assert {row.key for row in done} == set(found.done)
    assert [found.done[row.key].result.state_hash for row in done] == [row.state_hash for row in done]
    with sqlite3.connect(folder / "catalogue.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return len(done)


def started(file: Path, *words: str | Path, preexec_fn: Callable[[], object] | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "perplab.lab.cli", "sweep", str(file), "--out", str(file.parent / "out"), *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **pipes, text=True, start_new_session=True, preexec_fn=preexec_fn)


def begun(running: subprocess.Popen[str], runs: str) -> None:
    """Read until a run is over."""
    assert running.stderr is not None
    while f"1/{runs} " not in (line := running.stderr.readline()):
        assert line
