"""What the benchmarks report: rows are collected while they run, merged into out/bench.json, and shown as a table.

`make bench` runs this folder once per build. A run replaces the rows of its own build, mix and path and keeps the others.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import pytest
from rich.console import Console
from tables import key, tables

from perplab.exchange import BUILD

FLOOR = 3_000_000  # commands per second: compiled apply_rows on M1. For information: nothing fails below it
WIDTH = 80  # of the tables, where no terminal says how wide it is
SECTIONS = ("rows", "flows", "passes")  # of bench.json: what bench_core.py, bench_flows.py and bench_passes.py measured
FOUND = pytest.StashKey[dict[str, list[dict[str, Any]]]]()
EARLIER = pytest.StashKey[dict[str, Any] | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--against", metavar="OUT.json", help="Show before and after: compare with an earlier out/bench.json.")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FOUND] = {section: [] for section in SECTIONS}
    name = config.getoption("--against")
    config.stash[EARLIER] = earlier_result(Path(name)) if name else None


def earlier_result(path: Path) -> dict[str, Any]:
    """Read at once: it may be the file that will be written, and a wrong name should not be told after minutes."""
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise pytest.UsageError(f"--against: {path}: {error}; make bench keeps the last result as out/bench-before.json") from error
    if not isinstance(result, dict) or "rows" not in result:
        raise pytest.UsageError(f"--against: {path} is no result of the benchmarks")
    return result


@pytest.fixture
def report(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The rows of this run."""
    return request.config.stash[FOUND]["rows"]


@pytest.fixture
def flow_report(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The rows of this run that are about neutral flows."""
    return request.config.stash[FOUND]["flows"]


@pytest.fixture
def pass_report(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The rows of this run that are about liquidation passes."""
    return request.config.stash[FOUND]["passes"]


def first_line(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def timer_ns() -> int:
    """What two readings of the clock cost: contained in every latency."""
    return int(median(-(perf_counter_ns() - perf_counter_ns()) for _ in range(10_000)))


def machine() -> dict[str, Any]:
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": first_line(compiler, "--version"),
        "load_at_end": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "timer_ns": timer_ns(),
    }


def merged(path: Path, found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The result with this run's rows, and of an earlier run's what this one did not measure."""
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    result: dict[str, Any] = {"machine": machine()}
    for section, rows in found.items():
        new = {key(row) for row in rows}
        result[section] = sorted([row for row in earlier.get(section, []) if key(row) not in new] + rows, key=key)
    return result


def floor_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["build"] == "compiled" and row["path"] == "apply_rows" and row["mix"].startswith("M1/"):
            share = row["commands_per_s"] / FLOOR
            yield f"{row['mix']}: compiled apply_rows does {row['commands_per_s']:,}/s, {share:.2f} of the floor of {FLOOR:,}/s"


def pytest_terminal_summary(config: pytest.Config) -> None:
    found = config.stash[FOUND]
    if not any(found.values()):
        return
    path = config.rootpath / "out" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    result = merged(path, found)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    console = Console(width=None if os.isatty(1) else WIDTH, highlight=False, soft_wrap=False)
    facts = result["machine"]
    console.print(f"{facts['cpu']}, {facts['cores']} cores, {facts['python']}, {facts['compiler']}")
    for table in tables(result, config.stash[EARLIER], config.getoption("--against")):
        console.print(table)
    for line in floor_lines(result["rows"]):
        console.print(line)
    console.print(f"this run: the {BUILD} core; written: {path.relative_to(config.rootpath)}")
