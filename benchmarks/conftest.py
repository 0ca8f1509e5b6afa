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
from rich.table import Table

from perplab.exchange.build import BUILD

FLOOR = 3_000_000  # commands per second: compiled apply_rows on M1. For information: nothing fails below it
ROWS = pytest.StashKey[list[dict[str, Any]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Iterator[list[dict[str, Any]]]:
    """The rows of this run."""
    yield request.config.stash[ROWS]


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


def key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["build"], row["mix"], row["path"]


def merged(path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The result with this run's rows, and of an earlier run's what this one did not measure."""
    earlier: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    new = {key(row) for row in rows}
    return {"machine": machine(), "rows": sorted([row for row in earlier if key(row) not in new] + rows, key=key)}


def table(result: dict[str, Any]) -> Table:
    facts = result["machine"]
    caption = (
        "commands/s: per second of CPU time, median of the rounds, range in brackets; apply_rows in chunks of 512 rows, apply one typed "
        f"command per call. Latencies: one call of apply_rows with one row, or of apply, {facts['timer_ns']} ns of clock reading included."
    )
    shown = Table(title=f"{facts['cpu']}, {facts['cores']} cores, {facts['python']}, {facts['compiler']}", caption=caption)
    shown.add_column("build")
    shown.add_column("mix/positions")
    shown.add_column("path")
    for name in ("commands/s", "p50 ns", "p99 ns", "p999 ns", "orders", "levels", "accepted", "trades/1,000"):
        shown.add_column(name, justify="right")
    for row in result["rows"]:
        speed = f"{row['commands_per_s']:,} [{row['slowest_per_s']:,} {row['fastest_per_s']:,}]"
        latencies = [f"{row[name]:,}" for name in ("p50_ns", "p99_ns", "p999_ns")]
        book = [f"{row['resting_orders']:,}", f"{row['levels']:,}"]
        flow = [f"{row['accepted_ppm'] / 10_000:.2f} %", f"{1_000 * row['trades'] / row['counted']:,.0f}"]
        shown.add_row(row["build"], row["mix"], row["path"], speed.replace("[", "\\["), *latencies, *book, *flow)
    return shown


def floor_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["build"] == "compiled" and row["path"] == "apply_rows" and row["mix"].startswith("M1/"):
            share = row["commands_per_s"] / FLOOR
            yield f"{row['mix']}: compiled apply_rows does {row['commands_per_s']:,}/s, {share:.2f} of the floor of {FLOOR:,}/s"


def pytest_terminal_summary(config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    if not rows:
        return
    path = config.rootpath / "out" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    result = merged(path, rows)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    console = Console(width=None if os.isatty(1) else 170)
    console.print(table(result))
    for line in floor_lines(result["rows"]):
        console.print(line)
    console.print(f"this run: the {BUILD} core; written: {path.relative_to(config.rootpath)}")
