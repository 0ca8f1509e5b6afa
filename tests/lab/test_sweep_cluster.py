"""`perplab sweep --scheduler`: the same results on a cluster, and what happens when parts of it die or are not what they should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cli_kit import call
from sweep_kit import MINUTE, begun, consistent, grid, started

from perplab.lab.sweeps import Results, identity
from perplab.lab.sweeps import cluster as cluster_of_runs


def test_a_cluster_and_compare_find_the_same(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask and distributed are not installed: pip install 'perplab[cluster]'")
    frames = []
    for words in (("--jobs", "2"), ("--scheduler", "local:2")):
        folder = tmp_path / words[1].replace(":", "")
        folder.mkdir()
        running = started(grid(folder, MINUTE), *words)
        _, told = running.communicate(timeout=300)
        assert running.returncode == 0, told
        assert consistent(folder / "out") == 4
        frames.append(Results.open(folder / "out").to_polars())
    assert frames[0].equals(frames[1])
    words = ("--venues", "book_fund_adl,social_only", "--seeds", "2", "--seed", "3", "--accounts", "12", "--set", "path.minutes=1")
    assert call("compare", "calm", *words, "--jobs", "1", "--out", tmp_path / "compared").exit_code == 0
    report = (tmp_path / "compared/report.json").read_bytes()
    assert [(tmp_path / name / "out/reports/calm/report.json").read_bytes() for name in ("2", "local2")] == [report, report]
    journals = [{path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.journal")} for name in ("2", "local2")]
    assert journals[0] == journals[1] and len(journals[0]) == 4


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and its process and that of its worker."""
    pytest.importorskip("distributed", reason="dask and distributed are not installed: pip install 'perplab[cluster]'")
    file = tmp_path / "scheduler.json"
    common = ("--scheduler-file", str(file), "--no-dashboard")
    parts = (("dask_scheduler", "--host", "127.0.0.1", "--port", "0"), ("dask_worker", "--nthreads", "1", "--no-nanny"))
    with ExitStack() as stack:
        processes = []
        for name, *words in parts:
            command = [sys.executable, "-m", f"distributed.cli.{name}", *words, *common]
            with (tmp_path / f"{name}.log").open("wb") as log:
                processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path))
            stack.callback(processes[-1].wait, 60)
            stack.callback(processes[-1].kill)
            for _ in range(600):
                if file.exists() and file.stat().st_size:
                    break
                time.sleep(0.1)
        yield json.loads(file.read_text(encoding="utf-8"))["address"], processes


def test_a_scheduler_that_dies_leaves_what_is_done(tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]) -> None:
    address, (scheduler, _) = cluster
    file = grid(tmp_path, MINUTE.replace("count = 2", "count = 20"))
    running = started(file, "--scheduler", address)
    begun(running, "40")
    scheduler.kill()
    _, told = running.communicate(timeout=120)
    assert running.returncode == 4, told
    assert "the scheduler has gone: what is done is kept, the same call goes on" in told.splitlines()[-1] and "Traceback" not in told
    assert "kept: " in told
    done = consistent(tmp_path / "out")
    assert 1 <= done < 40
    again = started(file, "--jobs", "2")
    _, told = again.communicate(timeout=300)
    assert again.returncode == 0, told
    assert f"{done} run" in told and consistent(tmp_path / "out") == 40


def test_a_worker_of_a_cluster_that_is_killed_costs_one_try(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask and distributed are not installed: pip install 'perplab[cluster]'")
    psutil = pytest.importorskip("psutil", reason="comes with distributed")
    running = started(grid(tmp_path, MINUTE.replace("count = 2", "count = 10")), "--scheduler", "local:2")
    begun(running, "20")
    children = {one.pid: " ".join(one.cmdline()).lower() for one in psutil.Process(running.pid).children()}
    os.kill(next(pid for pid, words in children.items() if "spawn_main" in words or "dask worker" in words), signal.SIGKILL)
    _, told = running.communicate(timeout=300)
    assert running.returncode == 0 and "Traceback" not in told, told
    assert consistent(tmp_path / "out") == 20


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("here", 2, "--scheduler: 'here' given, expected tcp://HOST:PORT, or local:N"),
        ("local:0", 2, "--scheduler: 'local:0' given, expected local:N with N from 1 to 256"),
        ("tcp://127.0.0.1:9", 4, "--scheduler tcp://127.0.0.1:9: cannot be reached"),
    ],
)
def test_a_scheduler_that_is_none_is_told(
    made: list[str], quick: Path, monkeypatch: pytest.MonkeyPatch, address: str, code: int, told: str
) -> None:
    pytest.importorskip("distributed", reason="dask and distributed are not installed: pip install 'perplab[cluster]'")
    monkeypatch.setattr("perplab.lab.sweeps.cluster.CONNECT", "1s")
    done = call("sweep", grid(quick), "--scheduler", address)
    assert done.exit_code == code and told in done.stderr and "Traceback" not in done.stderr and not made


def test_a_worker_of_another_program_makes_no_run(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def wait_for_workers(self, count: int, timeout: float) -> None:
            pass

        def run(self, function: object, on_error: str) -> dict[str, object]:
            return {"tcp://a:1": {**identity.identity(), "build": "other"}}

    with pytest.raises(cluster_of_runs.ClusterError, match=r"worker tcp://a:1 is another program \(build other, here"):
        cluster_of_runs.must_be_this_program(Client(), "tcp://a:0")


def test_without_dask_it_is_told_what_to_install(made: list[str], quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = call("sweep", grid(quick), "--scheduler", "local:1")
    assert done.exit_code == 2 and "expected dask and distributed, which are not installed: pip install 'perplab[cluster]'" in done.stderr
    monkeypatch.setitem(sys.modules, "polars", None)
    done = call("sweep", grid(quick))
    assert done.exit_code == 2 and "expected polars, which is not installed: pip install 'perplab[frames]'" in done.stderr and not made
