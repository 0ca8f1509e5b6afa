"""The load generator runs, and says what it should: in a fifth of a second, so that its speeds mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LOAD = Path(__file__).resolve().parents[2] / "benchmarks" / "load.py"
SATURATED = {"orders_per_s", "orders_per_cpu_s", "orders", "resident_mib", "mib_per_million", "build", "refused", "looked_at"}
RUNS = {
    "batches": SATURATED,
    "singles": SATURATED,
    "round_trip": {
        *(f"{whose}{name}_us" for whose in ("", "echo_") for name in ("p50", "p99", "late_p99", "cpu")),
        "p50_ratio", "p99_ratio", "cpu_ratio",
    },
    "subscribers": {
        "p50_us", "p99_us", "idle", "active", "messages", "heartbeats", "fewest_heartbeats", "gaps", "spared", "cut", "resident_mib",
    },
    "flooder": {"p50_us", "p99_us", "flooded_p50_us", "flooded_p99_us", "flood_per_s", "cuts"},
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="the load generator waits with epoll")
def test_every_run_reports_its_numbers(tmp_path: Path) -> None:
    out = tmp_path / "load.json"
    words = ["--seconds", "0.2", "--subscribers", "20", "--out", str(out)]
    done = subprocess.run([sys.executable, str(LOAD), *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "orders/s, one per frame" in done.stdout
    result = json.loads(out.read_text(encoding="utf-8"))
    assert set(result) == {"machine", "version", "seconds", "targets", *RUNS}
    assert {name: set(result[name]) for name in RUNS} == RUNS
    assert all(result[name]["orders"] > 0 and result[name]["refused"] == 0 for name in ("batches", "singles"))
    assert (result["subscribers"]["idle"], result["subscribers"]["active"], result["subscribers"]["gaps"]) == (20, 2, 0)
    assert {target["run"] for target in result["targets"]} == {"batches", "singles", "round_trip", "subscribers"}
