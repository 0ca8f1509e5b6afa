"""`perplab sweep`: the grid and its errors, what is kept, what is gone on with, what is refused, and failures of disk and processes."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from collections.abc import Generator
from pathlib import Path

import polars
import pytest
from cli_kit import call
from sweep_kit import MINUTE, SMALL, begun, consistent, grid, started, statuses
from test_results import needs_proc, workers_of

from perplab.lab import sweep
from perplab.lab.comparison import results
from perplab.lab.comparison.jobs import Done, Job
from perplab.lab.sweeps import Results, identity, making, store
from perplab.lab.sweeps.catalogue import Catalogue
from perplab.lab.sweeps.grid import GridError, load_grid
from perplab.lab.sweeps.store import StoreError

# -- a grid --


def test_a_grid_is_every_design_on_every_scenario_and_seed(quick: Path) -> None:
    read = load_grid(grid(quick))
    assert [one.name for one in read.runs[:3]] == [
        "book_fund_adl on calm, seed 3", "social_only on calm, seed 3", "book_fund_adl on calm, seed 4",
    ]  # fmt: skip
    assert {(one.scenario, one.path) for one in read.runs} == {("calm", ""), ("flash", "stays_low")}
    assert len({one.key for one in read.runs}) == len(read.runs) == 8


def test_axes_are_those_of_compare(quick: Path) -> None:
    vary = '[[vary]]\nkey = "method"\nlevels = ["book", "auction"]\n[[vary]]\nkey = "backstop_usd"\nlevels = [0, 5e6]\n'
    read = load_grid(grid(quick, SMALL.replace(', "social_only"', "") + vary))
    levels = {tuple(one.levels.items()) for one in read.runs}
    assert levels == {(("method", method), ("K", usd)) for method in ("book", "auction") for usd in ("0", "5M")}
    assert {one.design for one in read.runs} == {"book_fund_adl"}
    assert len({one.key for one in read.runs}) == 16


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("scenarios = []", "scenarios is []: expected `array` of length >= 1"),
        ("scenario = ['calm']", "unknown key scenario; did you mean 'scenarios'?"),
        ("scenarios = ['clam']", "scenarios: no scenario 'clam'; did you mean 'calm'?"),
        ("scenarios = ['calm', 'calm']", "scenarios has 'calm' twice: expected different ones"),
        ("scenarios = ['calm']\nvenues = ['bok_fund_adl']", "did you mean 'book_fund_adl'?"),
        ("scenarios = ['calm']\nvenues = []", "venues: [] given"),
        ("scenarios = ['calm']\nset = ['oracle.lag=1']", "unknown key oracle.lag = 1"),
        ("scenarios = ['calm']\n[seeds]\ncount = 0", "seeds.count is 0: expected `int` >= 1"),
        ("scenarios = ['calm']\n[[vary]]\nkey = 'methd'", "vary: 'methd' given, expected KEY=LEVEL|LEVEL"),
        ("scenarios = ['calm']\n[[vary]]\nkey = 'K'\nlevel = [1]", "unknown key vary[0].level"),
        ("scenarios = ['calm'", "not valid TOML"),
        ("scenarios = ['calm']\nname = 'a/b'", "name: "),
    ],
)
def test_an_error_names_file_and_key(quick: Path, text: str, told: str) -> None:
    file = grid(quick, text)
    with pytest.raises(GridError) as error:
        load_grid(file)
    assert str(error.value).startswith(f"{file}: ") and told in str(error.value)
    done = call("sweep", file)
    assert done.exit_code == 2 and "Traceback" not in done.output
    assert not (quick / "out").exists()


def test_a_large_grid_is_said_and_takes_yes(made: list[str], quick: Path) -> None:
    file = grid(quick, SMALL.replace("count = 2", "count = 600"))
    done = call("sweep", file)
    assert done.exit_code == 2 and not made
    assert "grid: 2 designs x 2 scenarios x 600 seeds: 2,400 runs" in done.stderr
    assert "2,400 runs, expected at most 2,000, or --yes for so many" in done.stderr


def test_the_grid_of_the_manual_is_one(made: list[str], quick: Path) -> None:
    page = (Path(__file__).parent.parent.parent / "docs/sweeps.md").read_text(encoding="utf-8")
    done = call("sweep", grid(quick, page.partition("```toml\n")[2].partition("```")[0]))
    assert done.exit_code == 0 and consistent(quick / "out/sweep-who-pays") == len(made)
    assert done.stderr.splitlines()[0] in page


# -- what is kept --


def test_a_sweep_leaves_catalogue_files_journals_and_reports(made: list[str], quick: Path) -> None:
    done = call("sweep", grid(quick), "--out", "here")
    assert done.exit_code == 0, done.output
    assert "1/8 " in done.stderr and " left" in done.stderr and "two designs" in done.stdout
    folder = quick / "here"
    assert consistent(folder) == 8
    assert len(list((folder / "runs").glob("*.parquet"))) == len(list((folder / "journals").rglob("*.journal"))) == 8
    for name in ("calm", "flash.stays_low"):
        report = json.loads((folder / f"reports/{name}/report.json").read_text(encoding="utf-8"))
        assert (report["venues"], report["seeds"]) == (["book_fund_adl", "social_only"], [3, 4])


def test_the_summary_names_every_design_in_full(made: list[str], quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = SMALL.replace('venues = ["book_fund_adl", "social_only"]', "")  # the six
    done = call("sweep", grid(quick, text), "--out", "here")
    lines = done.stdout.splitlines()
    for name in ("auction_fund_social", "book_vault_adl", "social_only"):
        assert sum(line.split()[:1] == [name] for line in lines) == 2  # in each scenario
    rows = [line.split() for line in lines if line.split()[:1] == ["social_only"]]
    assert rows[0][4] == "10.5"  # bad debt of 9 and 12 M USD
    assert "calm: medians over 2 seeds" in done.stdout and "…" not in done.stdout


def test_its_report_is_that_of_compare(made: list[str], quick: Path) -> None:
    assert call("sweep", grid(quick, SMALL.replace(', "flash:stays_low"', "")), "--out", "here").exit_code == 0
    words = ("--venues", "book_fund_adl,social_only", "--seeds", "2", "--seed", "3", "--accounts", "12", "--jobs", "1")
    assert call("compare", "calm", *words, "--out", "there").exit_code == 0
    files = (quick / "here/reports/calm/report.json", quick / "there/report.json")
    mine, theirs = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    assert mine == theirs


def test_results_are_a_table(made: list[str], quick: Path) -> None:
    found = sweep(grid(quick), out="here")
    frame = found.to_polars()
    assert frame.shape[0] == 8 and not found.failed and len(found.runs) == 8
    assert frame.equals(Results.open("here").to_polars())
    assert frame.filter(polars.col("venue") == "social_only")["losses.bad_debt_usd"].to_list() == [9e6, 12e6] * 2
    assert frame["losses.bad_debt_usd"].dtype == polars.Float64
    single = polars.read_parquet("here/runs/*.parquet")
    assert set(single["key"]) == set(frame["key"]) and set(single["path"]) == {"", "stays_low"}


def test_axes_are_columns(made: list[str], quick: Path) -> None:
    vary = '[[vary]]\nkey = "backstop_usd"\nlevels = [0, 5e6]\n'
    frame = sweep(grid(quick, SMALL + vary), out="here").to_polars()
    assert set(frame["axis:K"]) == {"0", "5M", "-"} and set(frame["design"]) == {"book_fund_adl", "social_only"}


# -- gone on with --


def test_what_is_done_is_not_made_again(made: list[str], quick: Path) -> None:
    file = grid(quick)
    assert call("sweep", file, "--out", "here").exit_code == 0
    first = {path.name: path.stat().st_mtime_ns for path in (quick / "here/runs").iterdir()}
    made.clear()
    again = call("sweep", file, "--out", "here", "--resume")
    assert again.exit_code == 0 and not made and "8 runs of 8 are done, 0 to go" in again.stderr
    assert {path.name: path.stat().st_mtime_ns for path in (quick / "here/runs").iterdir()} == first
    next((quick / "here/runs").iterdir()).unlink()
    next((quick / "here/journals").rglob("*.journal")).unlink()
    assert call("sweep", file, "--out", "here").exit_code == 0
    assert 1 <= len(made) <= 2 and consistent(quick / "here") == 8


def test_nothing_to_resume_is_told(made: list[str], quick: Path) -> None:
    done = call("sweep", grid(quick), "--out", "here", "--resume")
    assert done.exit_code == 2 and "nothing is in here" in done.stderr and not made


def test_another_grid_is_refused_with_what_differs(made: list[str], quick: Path) -> None:
    assert call("sweep", grid(quick), "--out", "here").exit_code == 0
    other = grid(quick, SMALL.replace("accounts = 12", "accounts = 13"))
    made.clear()
    done = call("sweep", other, "--out", "here")
    assert done.exit_code == 2 and not made
    assert "here: holds the results of another grid (accounts 12, now 13): choose another --out, or --force-new" in done.stderr
    (quick / "here/notes.txt").write_text("mine", encoding="utf-8")
    assert call("sweep", other, "--out", "here", "--force-new").exit_code == 0
    assert len(made) == 8 and consistent(quick / "here") == 8 and (quick / "here/notes.txt").exists()


@pytest.mark.parametrize("key", ["perplab", "build", "code", "numpy"])
def test_another_program_is_refused_with_what_differs(
    made: list[str], quick: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    file, real = grid(quick), identity.identity()
    assert call("sweep", file, "--out", "here").exit_code == 0
    next((quick / "here/runs").iterdir()).unlink()
    made.clear()
    monkeypatch.setattr(store, "identity", lambda: {**real, key: "other"})
    done = call("sweep", file, "--out", "here")
    assert done.exit_code == 2 and not made
    assert f"made by another program ({key} {real[key]}, here other): choose another --out" in done.stderr
    assert len(Results.open("here").runs) == 8  # reading mixes nothing


def test_something_else_in_the_folder_is_told(made: list[str], quick: Path) -> None:
    (quick / "here").mkdir()
    (quick / "here/catalogue.sqlite").write_text("no catalogue at all, but a text" * 99, encoding="utf-8")
    done = call("sweep", grid(quick), "--out", "here")
    assert done.exit_code == 2 and "catalogue.sqlite: file is not a database" in done.stderr and not made
    with pytest.raises(StoreError, match="no sweep is there"):
        Results.open("nowhere")
    with results.locked(quick / "there"):
        assert "in use" in call("sweep", grid(quick), "--out", "there").stderr


def test_a_broken_file_is_named(made: list[str], quick: Path) -> None:
    assert call("sweep", grid(quick), "--out", "here").exit_code == 0
    broken = next((quick / "here/runs").iterdir())
    broken.write_bytes(b"PAR1 and no more")
    done = call("sweep", grid(quick), "--out", "here")
    assert done.exit_code == 2 and f"{broken.name}: cannot be read: " in done.stderr
    broken.unlink()
    assert call("sweep", grid(quick), "--out", "here").exit_code == 0


# -- failures --


def test_a_run_that_fails_costs_only_itself(made: list[str], quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = making.outcomes

    def outcomes(jobs: list[Job], *others: object) -> Generator[tuple[int, Done | Exception], None, None]:
        for number, outcome in good(jobs, *others):  # type: ignore[arg-type]
            yield number, MemoryError() if number == 2 else outcome

    monkeypatch.setattr(making, "outcomes", outcomes)
    done = call("sweep", grid(quick), "--out", "here")
    assert done.exit_code == 4
    assert done.stderr.splitlines()[-1] == "error: 1 run failed, such as book_fund_adl on calm, seed 4: out of memory"
    assert "calm: seeds 4 are left out: not all their runs are done." in done.stdout
    assert consistent(quick / "here") == 7 and statuses(quick / "here").count("failed") == 1
    monkeypatch.setattr(making, "outcomes", good)
    made.clear()
    assert call("sweep", grid(quick), "--out", "here").exit_code == 0
    assert made == ["book_fund_adl calm 4"] and consistent(quick / "here") == 8


@pytest.mark.parametrize("step", ["parquet", "catalogue", "renamed", "interrupted"])
def test_a_full_disk_or_ctrl_c_keeps_what_is_done(
    made: list[str], quick: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real_write, real_done, real_begin = Path.write_bytes, Catalogue.done, store.write_file

    def write_bytes(path: Path, data: bytes) -> int:
        if step == "parquet" and path.suffixes[-2:] == [".parquet", ".part"] and len(made) == 4:
            real_write(path, data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_write(path, data)

    def done_(self: Catalogue, key: str, done: Done) -> None:
        if step == "catalogue" and len(made) == 4:
            raise OSError(errno.ENOSPC, "database or disk is full", str(self.path))
        if step == "interrupted" and len(made) == 4:
            raise KeyboardInterrupt
        real_done(self, key, done)

    def write_file(path: Path, data: bytes, lasting: bool = False) -> None:
        real_begin(path, data, lasting)
        if step == "renamed" and path.suffix == ".parquet" and len(made) == 4:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", write_bytes)
        broken.setattr(Catalogue, "done", done_)
        broken.setattr(store, "write_file", write_file)
        told = call("sweep", grid(quick), "--out", "here")
    assert told.exit_code == (130 if step == "interrupted" else 4)
    assert "kept: 3 runs of 8 in here; the same call goes on from there" in told.stderr
    assert consistent(quick / "here") == 3
    made.clear()
    assert call("sweep", grid(quick), "--out", "here").exit_code == 0
    assert len(made) == 5 and consistent(quick / "here") == 8


def test_halves_of_files_are_cleared_away(made: list[str], quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a write that Ctrl-C cut off, and of the journal of a worker that was ended at it; or at the next start, after a kill."""
    real = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        done = real(path, data)
        if path.suffixes[-2:] == [".parquet", ".part"] and len(made) == 4:
            (quick / "here/journals/calm/social_only-seed9.journal.part").write_text("half", encoding="utf-8")
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", write_bytes)
        assert call("sweep", grid(quick), "--out", "here").exit_code == 130
    assert consistent(quick / "here") == 3
    for name in ("runs/x.parquet.part", "journals/calm/x.journal.part"):
        (quick / "here" / name).write_text("half", encoding="utf-8")
    assert call("sweep", grid(quick), "--out", "here").exit_code == 0 and consistent(quick / "here") == 8


def test_sqlite_says_a_full_disk_as_the_system_does(tmp_path: Path, made: list[str], quick: Path) -> None:
    assert call("sweep", grid(quick), "--out", "here").exit_code == 0
    catalogue = Catalogue(quick / "here/catalogue.sqlite")
    pages = catalogue._db.execute("PRAGMA page_count").fetchone()[0]
    catalogue._db.execute(f"PRAGMA max_page_count = {pages}")
    key = catalogue.rows()[0].key
    with pytest.raises(OSError) as error:
        catalogue.failed(key, "x" * 100_000)
    assert error.value.errno == errno.ENOSPC and error.value.filename.endswith("catalogue.sqlite")
    catalogue.close()
    assert consistent(quick / "here") == 8


def test_a_folder_that_cannot_be_written_is_told(made: list[str], quick: Path) -> None:
    (quick / "file").write_text("", encoding="utf-8")
    done = call("sweep", grid(quick), "--out", "file/below")
    assert done.exit_code == 2 and "file" in done.stderr and "Traceback" not in done.stderr and not made


# -- in processes --


@needs_proc
def test_a_killed_worker_costs_nothing_but_its_run_is_made_again(tmp_path: Path) -> None:
    file = grid(tmp_path, MINUTE.replace("count = 2", "count = 5"))
    running = started(file, "--jobs", "2")
    begun(running, "10")
    os.kill(workers_of(running.pid)[0], signal.SIGKILL)
    _, told = running.communicate(timeout=300)
    assert running.returncode == 0, told
    assert consistent(tmp_path / "out") == 10


@needs_proc
def test_a_run_whose_worker_is_killed_twice_has_failed_and_resume_makes_it(tmp_path: Path) -> None:
    file = grid(tmp_path, MINUTE.replace("count = 2", "count = 3").replace('["book_fund_adl", "social_only"]', '["social_only"]'))
    running = started(file, "--jobs", "1")
    begun(running, "3")
    killed: set[int] = set()
    while running.poll() is None:
        for worker in set(workers_of(running.pid)) - killed:
            os.kill(worker, signal.SIGKILL)
            killed.add(worker)
        time.sleep(0.02)
    _, told = running.communicate(timeout=300)
    assert running.returncode == 4, told
    assert "killed by signal 9, SIGKILL" in told and "Traceback" not in told
    done = consistent(tmp_path / "out")
    assert 1 <= done < 3 and statuses(tmp_path / "out").count("failed") == 3 - done
    again = started(file, "--jobs", "1")
    assert again.communicate(timeout=300) and again.returncode == 0
    assert consistent(tmp_path / "out") == 3


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    file = grid(tmp_path, MINUTE.replace("count = 2", "count = 20"))
    running = started(file, "--jobs", "2", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    begun(running, "40")
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=300)
    assert running.returncode == 130 and told.splitlines()[-1] == "error: interrupted", told
    assert 1 <= consistent(tmp_path / "out") < 40


@needs_proc
def test_a_worker_without_memory_costs_its_run_one_try(tmp_path: Path) -> None:
    """When it has made a run, what the system grants it is cut to what it has."""
    resource = pytest.importorskip("resource", reason="limits of processes are a matter of Unix")
    if not hasattr(resource, "prlimit"):
        pytest.skip("no limits of other processes here")
    file = grid(tmp_path, MINUTE.replace("count = 2", "count = 3").replace('["book_fund_adl", "social_only"]', '["social_only"]'))
    running = started(file, "--jobs", "1")
    begun(running, "3")
    (worker,) = workers_of(running.pid)
    size = int(Path(f"/proc/{worker}/statm").read_text(encoding="utf-8").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(worker, resource.RLIMIT_AS, (size, size))
    time.sleep(0.1)
    _, told = running.communicate(timeout=300)
    assert running.returncode == 0 and "Traceback" not in told, told
    assert consistent(tmp_path / "out") == 3
    assert not Path(f"/proc/{worker}").exists()


@needs_proc
def test_a_sweep_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    file = grid(tmp_path, MINUTE.replace("count = 2", "count = 5"))
    running = started(file, "--jobs", "2")
    begun(running, "10")
    running.kill()
    running.communicate(timeout=300)  # returns once no worker holds the pipe any more
    again = started(file, "--jobs", "2", "--resume", "--html")
    _, told = again.communicate(timeout=300)
    assert again.returncode == 0 and "of 10 are done" in told, told
    assert consistent(tmp_path / "out") == 10 and (tmp_path / "out/report.html").is_file()


@pytest.mark.parametrize("journals", ["true", "false"])
def test_a_disk_that_takes_no_more_keeps_the_catalogue_whole(tmp_path: Path, journals: str) -> None:
    """The system refuses files of more than 24 kB, of workers as well: a journal, or the file of a run."""
    resource = pytest.importorskip("resource", reason="limits of processes are a matter of Unix")
    file = grid(tmp_path, MINUTE.replace("journals = true", f"journals = {journals}"))
    running = started(file, "--jobs", "2", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, 24_000)))
    _, told = running.communicate(timeout=300)
    assert running.returncode == 4 and "Traceback" not in told, told
    assert "kept: 0 runs of 4" in told and "File too large" in told.splitlines()[-1]
    assert consistent(tmp_path / "out") == 0
    again = started(file, "--jobs", "2", "--resume")
    assert again.communicate(timeout=300) and again.returncode == 0
    assert consistent(tmp_path / "out") == 4
