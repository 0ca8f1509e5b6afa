"""The folder of a sweep: a catalogue, a Parquet file for each run that is done, journals and reports.

    DIR/catalogue.sqlite   DIR/runs/KEY.parquet   DIR/journals/SCENARIO/*.journal   DIR/reports/SCENARIO/report.json   DIR/report.html

Rules of the file: a run is there whole or not at all: its file is written beside its name, put on the disk and renamed, and then the
catalogue says that it is done. What was made by another program, or belongs to another grid, is never gone on with. Only what a sweep
wrote is removed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from perplab.exchange.design.reader import DesignError

from ..comparison.jobs import Done
from ..comparison.results import PAGE, PART, in_file_name, sync, write_file
from .catalogue import DONE, FAILED, Catalogue, RunRow
from .grid import Grid, Planned, Sweep, sweep_of
from .identity import differences, identity
from .rows import RECORD, from_record, polars, to_parquet

PAGES: Final = (PAGE, "figures/map.png")  # of the runs that were done by then
CATALOGUE, RUNS, JOURNALS, REPORTS = "catalogue.sqlite", "runs", "journals", "reports"
ANOTHER: Final = "choose another --out, or --force-new to remove what is there"


class StoreError(DesignError):
    """A folder that cannot be used for this sweep; the message is complete."""


class Store:
    """The open folder of one sweep."""

    def __init__(self, folder: Path, sweep: Sweep, catalogue: Catalogue) -> None:
        self.folder, self.sweep, self.catalogue = folder, sweep, catalogue

    @classmethod
    def begun(cls, folder: Path, sweep: Sweep, file: Path, force_new: bool = False) -> Store:
        """The folder of a sweep, new or gone on with. Raises StoreError if it holds something else, OSError if it cannot be written.

        `file`: the grid's, beside which its own files lie.
        """
        place = folder / CATALOGUE
        if force_new:
            removed(folder)
        (folder / RUNS).mkdir(parents=True, exist_ok=True)
        catalogue = opened(place)
        try:
            before = catalogue.told() if is_begun(place) else None
            if before is None:
                told = {
                    "name": sweep.name, "title": sweep.title, "grid": sweep.key, "file": str(file.absolute()),
                    "tree": json.dumps(sweep.tree), "made_by": json.dumps(identity()),
                }  # fmt: skip
                catalogue.begin(told, sweep.runs, identity())
                sync(folder)
            else:
                must_be_the_same(folder, before, sweep)
            clear_halves(folder)
        except BaseException:
            catalogue.close()
            raise
        store = cls(folder, sweep, catalogue)
        store._find_lost()
        return store

    @classmethod
    def existing(cls, folder: Path) -> Store:
        """The folder of a sweep that was begun, to be read. Raises StoreError."""
        place = folder / CATALOGUE
        if not is_begun(place):
            raise StoreError(f"{folder}: no sweep is there: expected a folder that perplab sweep wrote")
        catalogue = opened(place)
        told = catalogue.told()
        sweep = sweep_of(msgspec.convert(json.loads(told["tree"]), Grid), Path(told["file"]))
        if sweep.key != told["grid"]:
            catalogue.close()
            by = "; ".join(differences(json.loads(told["made_by"]), identity())) or "a file that it names says something else"
            raise StoreError(f"{folder}: its grid does not come to the same runs here ({by}): runs/*.parquet can be read by themselves")
        return cls(folder, sweep, catalogue)

    def close(self) -> None:
        self.catalogue.close()

    def path_of(self, key: str) -> Path:
        return self.folder / RUNS / f"{key}.parquet"

    def rows(self) -> list[RunRow]:
        return self.catalogue.rows()

    def todo(self) -> list[Planned]:
        """Runs that are still to be made: those that failed before get another chance."""
        done = {row.key for row in self.rows() if row.status == DONE}
        return [one for one in self.sweep.runs if one.key not in done]

    def keep(self, planned: Planned, done: Done) -> None:
        """Write down a run that is done. OSError, and nothing of it counts, where the disk fails."""
        write_file(self.path_of(planned.key), to_parquet(planned, done), lasting=True)
        self.catalogue.done(planned.key, done)

    def fail(self, planned: Planned, why: str) -> None:
        self.catalogue.failed(planned.key, why)

    def journal_of(self, planned: Planned) -> Path | None:
        """Where a run's journal goes, None if it is not kept; its folder is made."""
        if planned.job.journal is None:
            return None
        folder = self.folder / JOURNALS / in_file_name(planned.job.scenario.name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / planned.job.journal.name

    def read(self) -> dict[str, Done]:
        """All runs that are done, by key. StoreError names a file that is broken."""
        library, found = polars(), {}
        planned = {one.key: one for one in self.sweep.runs}
        for row in self.rows():
            if row.status == DONE:
                path = self.path_of(row.key)
                try:
                    data = library.read_parquet(path, columns=[RECORD])[RECORD][0]
                    found[row.key] = from_record(data, planned[row.key], row.state_hash or "")
                except (OSError, ValueError, msgspec.MsgspecError, library.exceptions.PolarsError) as error:
                    raise StoreError(f"{path}: cannot be read: {error}: removed, perplab sweep makes it again") from None
        return found

    def _find_lost(self) -> None:
        """A run whose file, or journal, somebody took away waits again; so do those that failed."""
        done = {row.key for row in self.rows() if row.status == DONE}
        gone = [one.key for one in self.sweep.runs if one.key in done and not self._is_there(one)]
        gone += [row.key for row in self.rows() if row.status == FAILED]
        if gone:
            self.catalogue.again(gone)

    def _is_there(self, planned: Planned) -> bool:
        journal = self.journal_of(planned)
        return self.path_of(planned.key).is_file() and (journal is None or journal.is_file())


def opened(place: Path) -> Catalogue:
    try:
        return Catalogue(place)
    except ValueError as error:
        raise StoreError(f"{error}: {ANOTHER}") from None


def is_begun(place: Path) -> bool:
    """Whether a catalogue says what its sweep is: the first transaction writes all of that, or nothing."""
    if not place.is_file():
        return False
    catalogue = opened(place)
    try:
        return catalogue.is_begun
    except ValueError as error:
        raise StoreError(f"{error}: {ANOTHER}") from None
    finally:
        catalogue.close()


def must_be_the_same(folder: Path, before: Mapping[str, str], sweep: Sweep) -> None:
    """Raises StoreError where a folder was written by another program or for another grid."""
    if found := differences(json.loads(before["made_by"]), identity()):
        raise StoreError(f"{folder}: its results were made by another program ({'; '.join(found)}): {ANOTHER}")
    if before["grid"] != sweep.key:
        old = json.loads(before["tree"])
        keys = [f"{key} {json.dumps(old.get(key))}, now {json.dumps(sweep.tree.get(key))}" for key in sweep.tree]
        changed = [told for key, told in zip(sweep.tree, keys, strict=True) if old.get(key) != sweep.tree.get(key)]
        what = "; ".join(changed) or "a file that it names says something else"
        raise StoreError(f"{folder}: holds the results of another grid ({what}): {ANOTHER}")


def clear_halves(folder: Path) -> None:
    """Remove halves of files: of a write that was cut off, of a journal whose worker was ended. Nobody may write meanwhile."""
    halves = (f"{RUNS}/*.parquet{PART}", f"{JOURNALS}/*/*.journal{PART}", f"{REPORTS}/**/*{PART}", *(f"{name}{PART}" for name in PAGES))
    for pattern in halves:
        for half in folder.glob(pattern):
            half.unlink(missing_ok=True)


def clear_pages(folder: Path) -> None:
    """Remove the page and the picture that tell of all runs."""
    for name in PAGES:
        (folder / name).unlink(missing_ok=True)


def removed(folder: Path) -> None:
    """Remove what a sweep wrote, the catalogue first: without it nothing else counts. Nothing, where there is no catalogue."""
    if not (folder / CATALOGUE).is_file():
        return
    for name in (CATALOGUE, f"{CATALOGUE}-journal"):
        (folder / name).unlink(missing_ok=True)
    clear_pages(folder)
    for pattern in (f"{RUNS}/*.parquet", f"{RUNS}/*.parquet{PART}"):
        for path in folder.glob(pattern):
            path.unlink()
    for name in (JOURNALS, REPORTS):
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            shutil.rmtree(folder / name)
