"""The results folder: one comparison at a time, whole files or none, nothing stale, nothing removed that is not ours; dead workers."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_kit import call, klines, made_up

from perplab.exchange.design.venue import load_venue
from perplab.exchange.journal import Journal
from perplab.lab.comparison import jobs, results
from perplab.lab.comparison.choices import Choice
from perplab.lab.comparison.report import PathFile
from perplab.lab.scenario import load_scenario

TWO = ("--venues", "book_fund_adl,social_only", "--jobs", "1")


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def journal_of(name: str) -> bytes:
    journal = Journal()
    journal.start(load_venue(name))
    return journal.bytes()


# -- its name --


def test_the_default_folder_tells_scenario_file_window_and_settings_apart() -> None:
    scenario = load_scenario("flash")
    file = PathFile("BTCUSDT 1m.csv.gz", "ab" * 32, "2020-03-13T01:31:00Z", "2020-03-13T02:51:00Z")
    later = PathFile(file.name, file.sha256, "2020-03-13T01:32:00Z", file.end)
    other = PathFile(file.name, "cd" * 32, file.start, file.end)
    choices = [
        Choice(scenario, (), (), "same"),
        *(Choice(scenario, (), (), "same", path_file=one) for one in (file, later, other)),
        Choice(scenario, (), (), "same", settings=("--set a=1",)),
        Choice(scenario, (), (), "same", settings=("--set a=2",)),
    ]
    folders = [str(choice.folder) for choice in choices]
    assert folders[:2] == ["out/flash", "out/flash-BTCUSDT_1m-20200313T0131-20200313T0251-abababab"]
    assert len(set(folders)) == len(folders)


def test_two_windows_of_a_file_do_not_overwrite_each_other(quick: Path) -> None:
    given = ("compare", "oct10", *TWO, "--seeds", "1", "--path", klines(quick, 180, 90))
    for more in ([], ["--from", "01:31", "--to", "02:31"]):
        assert call(*given, *more).exit_code == 0
    assert len(list((quick / "out").iterdir())) == 2


# -- what is in it --


def test_a_smaller_comparison_leaves_nothing_of_a_larger_one(quick: Path) -> None:
    assert call("compare", "flash", *TWO, "--seeds", "3").exit_code == 0
    folder = quick / "out/flash"
    notes = {  # all of it somebody else's
        "journals/notes.txt": b"mine",
        "journals/copy-seed1.journal": b"not a journal",
        "journals/kept.journal": journal_of("social_only"),
        "journals/mine-seed1.journal": journal_of("social_only"),
        "other.json": b"{}",
    }
    for name, data in notes.items():
        (folder / name).write_bytes(data)
    (folder / "journals/social_only-seed9.journal.part").write_bytes(b"half")
    assert call("compare", "flash", "--venues", "social_only", "--jobs", "1", "--seeds", "1").exit_code == 0
    ours = {"report.json", "report.svg", "who_paid.svg", "timings.json", "journals/social_only-seed1.journal"}
    assert files_in(folder) == ours | set(notes)
    assert all((folder / name).read_bytes() == data for name, data in notes.items())


def test_a_link_is_not_followed_and_not_removed(quick: Path) -> None:
    outside = quick / "social_only-seed7.journal"
    outside.write_bytes(journal_of("social_only"))
    (quick / "out/flash/journals").mkdir(parents=True)
    link = quick / "out/flash/journals/social_only-seed7.journal"
    link.symlink_to(outside)
    assert call("compare", "flash", *TWO, "--seeds", "1").exit_code == 0
    assert link.is_symlink() and outside.is_file()


def test_an_earlier_report_stays_whole_until_the_new_one_is(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("compare", "flash", *TWO, "--seeds", "1").exit_code == 0
    folder = quick / "out/flash"
    before = {name: (folder / name).read_bytes() for name in files_in(folder)}

    def interrupted_later(venue: object, scenario: object, seed: int, **more: object) -> object:
        if seed == 2:
            raise KeyboardInterrupt
        return made_up(venue, scenario, seed, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "run", interrupted_later)
    done = call("compare", "flash", *TWO, "--seeds", "2", "--accounts", "77")
    assert done.exit_code == 130
    told = [line for line in done.stderr.splitlines() if line]
    assert told[-2:] == ["kept: 2 journals of finished runs, in out/flash/unfinished", "error: interrupted"]
    kept = {f"unfinished/{venue}-seed1.journal" for venue in ("book_fund_adl", "social_only")}
    assert files_in(folder) == set(before) | kept
    assert all((folder / name).read_bytes() == data for name, data in before.items())
    monkeypatch.setattr(jobs, "run", made_up)
    assert call("compare", "flash", *TWO, "--seeds", "1").exit_code == 0
    assert files_in(folder) == set(before)
    assert not (folder / "unfinished").exists()


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


def test_results_that_have_no_room_are_told_before_anything_runs_and_what_was_there_stays(quick: Path) -> None:
    assert call("compare", "flash", *TWO, "--seeds", "1").exit_code == 0
    folder = quick / "out/flash"
    for path in (folder / "journals").iterdir():
        path.unlink()
    (folder / "journals").rmdir()
    (folder / "journals").write_bytes(b"mine")
    before = contents(folder)
    done = call("compare", "flash", *TWO, "--seeds", "2")
    assert (done.exit_code, done.stderr) == (2, "error: out/flash/journals: is a file, expected a folder, or none yet\n")
    assert contents(folder) == before and not (folder / "unfinished").exists()
    (folder / "journals").unlink()
    (folder / "report.svg").unlink()
    (folder / "report.svg").mkdir()
    done = call("compare", "flash", *TWO, "--seeds", "2")
    assert (done.exit_code, done.stderr) == (2, "error: out/flash/report.svg: is a folder, expected a file, or none yet\n")


def test_a_missing_journal_leaves_the_earlier_results(quick: Path) -> None:
    assert call("compare", "flash", *TWO, "--seeds", "1").exit_code == 0
    folder = quick / "out/flash"
    before = contents(folder)
    unfinished = results.begin(folder)
    (unfinished / "social_only-seed1.journal").write_bytes(journal_of("social_only"))
    journals = ["social_only-seed1.journal", "social_only-seed2.journal"]
    with pytest.raises(FileNotFoundError, match="unfinished/social_only-seed2"):
        results.finish(folder, {"report.json": "{}"}, journals)
    assert contents(folder) == {**before, f"unfinished/{journals[0]}": journal_of("social_only")}


def test_nothing_is_left_of_a_comparison_that_made_nothing(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "run", broken)
    assert call("compare", "flash", *TWO, "--seeds", "1").exit_code == 130
    assert list((quick / "out/flash").iterdir()) == []


# -- one at a time --

HOLD = """
import sys, time
from pathlib import Path
from perplab.lab.comparison.results import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_in_use_is_refused_and_a_dead_holder_does_not_block(quick: Path) -> None:
    folder = quick / "here"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        refused = call("compare", "flash", *TWO, "--out", "here")
        assert refused.exit_code == 2
        assert refused.stderr == (
            f"error: here: in use by a comparison that runs (process {holder.pid}): wait for it, or choose another --out\n"
        )
    finally:
        holder.kill()
        holder.wait()
    assert (folder / results.LOCK).exists(), "killed, it could not remove its lock"
    assert call("compare", "flash", *TWO, "--out", "here", "--seeds", "1").exit_code == 0
    assert not (folder / results.LOCK).exists()


def test_a_lock_file_without_a_holder_does_not_block(quick: Path) -> None:
    (quick / "here").mkdir()
    (quick / "here" / results.LOCK).write_text(f"{os.getpid()}\n", encoding="utf-8")
    assert call("compare", "flash", *TWO, "--out", "here", "--seeds", "1").exit_code == 0


def test_a_lock_of_somebody_else_is_not_touched(quick: Path) -> None:
    (quick / "here").mkdir()
    (quick / "here/.lock").write_text("mine", encoding="utf-8")
    assert call("compare", "flash", *TWO, "--out", "here", "--seeds", "1").exit_code == 0
    assert (quick / "here/.lock").read_text(encoding="utf-8") == "mine"


# -- a full disk --


@pytest.mark.parametrize("full", ["book_fund_adl-seed1.journal", "report.json", "report.svg", "timings.json"])
def test_a_full_disk_is_told_with_the_file_and_leaves_no_half(quick: Path, monkeypatch: pytest.MonkeyPatch, full: str) -> None:
    real = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if path.name.startswith(full):
            real(path, data[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as a write() does: without a file name
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    done = call("compare", "flash", *TWO, "--seeds", "1")
    assert done.exit_code == 4
    assert done.stderr.splitlines()[-1] == f"error: out/flash/unfinished/{full}: No space left on device"
    assert not [name for name in files_in(quick / "out") if name.endswith((".part", "/report.json"))]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_standard_output_is_told() -> None:
    command = [sys.executable, "-m", "perplab.lab.cli", "venues"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (4, "error: standard output: No space left on device\n")


def test_a_reader_who_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m perplab.lab.cli compare --help | true"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == ""


# -- a killed worker --


PROC = Path("/proc/self/stat")
needs_proc = pytest.mark.skipif(not PROC.exists(), reason="finds the workers in /proc")


def workers_of(pid: int) -> list[int]:
    """The spawned children of a process that make runs (one more is multiprocessing's own)."""
    found = []
    for folder in PROC.parent.parent.glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return sorted(found)


@needs_proc
def test_a_killed_worker_names_its_run_and_what_is_kept(tmp_path: Path) -> None:
    """The first worker is killed once a run is done, while it is at a later one."""
    command = [sys.executable, "-m", "perplab.lab.cli", "compare", "flash", "--venues", "social_only,book_fund_adl", "--seeds", "9"]
    command += ["--accounts", "30", "--jobs", "2", "--no-insured", "--out", str(tmp_path)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    assert running.stderr.readline().startswith("18 runs, 2 at a time, ")
    first = running.stderr.readline()
    assert " 1/18 " in first or " 2/18 " in first
    os.kill(workers_of(running.pid)[0], signal.SIGKILL)
    _, told = running.communicate(timeout=300)
    assert running.returncode == 4
    lines = told.splitlines()
    assert lines[-1].startswith("error: ")
    assert ", seed " in lines[-1] and lines[-1].split(",")[0].removeprefix("error: ") in ("social_only", "book_fund_adl")
    assert "the process of this run was killed by signal 9, SIGKILL (the system does that when memory runs out" in lines[-1]
    assert lines[-2].startswith("kept: ") and lines[-2].endswith(f"of finished runs, in {tmp_path / 'unfinished'}")
    assert "Traceback" not in told
    kept = list((tmp_path / "unfinished").glob("*.journal"))
    assert kept and all(call("replay", path).exit_code == 0 for path in kept)
    assert not (tmp_path / "report.json").exists()


@needs_proc
def test_workers_end_when_whoever_started_them_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "perplab.lab.cli", "compare", "oct10", "--jobs", "2", "--out", str(tmp_path)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None and "2 at a time" in running.stderr.readline()
    for _ in range(1200):
        if len(workers_of(running.pid)) == 2:
            break
        time.sleep(0.05)
    running.kill()
    running.communicate(timeout=300)  # returns once no worker holds the pipe any more


def test_an_error_of_our_own_in_a_worker_keeps_its_traceback(tmp_path: Path) -> None:
    code = (
        "from perplab.lab.comparison import jobs, workers\n"
        "import json, pathlib, sys\n"
        "from perplab.exchange.design.venue import load_venue\n"
        "from perplab.lab.scenario import load_scenario\n"
        "class Quiet:\n"
        "    def moved(self, share): pass\n"
        "    def finished(self, done): pass\n"
        "if __name__ == '__main__':\n"
        "    job = jobs.Job(load_venue('social_only'), 'no scenario', 1, pathlib.Path(sys.argv[1]))\n"
        "    try: workers.run_jobs([job, job], 2, Quiet())\n"
        "    except workers.WorkerFailed as error: print(error)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, script, tmp_path / "x"], capture_output=True, text=True, check=False, timeout=300)
    assert "Traceback" in done.stdout and "AttributeError" in done.stdout, done.stderr


def test_timings_say_the_build_of_each_run(quick: Path) -> None:
    assert call("compare", "flash", *TWO, "--seeds", "1").exit_code == 0
    assert {run["build"] for run in json.loads((quick / "out/flash/timings.json").read_text(encoding="utf-8"))["runs"]} == {"compiled"}
