"""The catalogue of a sweep, catalogue.sqlite: which runs there are, and what became of each.

Rules of the file: one process writes, a transaction for each run, on the disk when it returns. The journal of SQLite is its usual one and
not a write-ahead log: that needs shared memory, which network file systems have not, and there is one writer. A row is only marked as
done when the run's file is on the disk, so what the catalogue names is there; a file that it does not name is a run that was cut off.
"""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ..comparison.jobs import Done
from .grid import Planned
from .identity import Identity

WAITING, DONE, FAILED = "waiting", "done", "failed"
TABLES: Final = """
CREATE TABLE sweep (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    key TEXT PRIMARY KEY,        -- names its file, runs/KEY.parquet: hash of design, scenario and seed
    scenario TEXT NOT NULL, path TEXT NOT NULL, design TEXT NOT NULL, venue TEXT NOT NULL,
    levels TEXT NOT NULL,        -- JSON: axis -> level
    seed INTEGER NOT NULL, insured INTEGER NOT NULL,
    perplab TEXT NOT NULL, build TEXT NOT NULL, code TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'done', 'failed')),
    state_hash TEXT, wall_s REAL, error TEXT
) WITHOUT ROWID;
"""
SET: Final = "UPDATE runs SET status = ?, state_hash = ?, wall_s = ?, error = ? WHERE key = ?"


class RunRow(NamedTuple):
    """What the catalogue says of a run."""

    key: str
    scenario: str
    path: str
    design: str
    venue: str
    levels: dict[str, str]
    seed: int
    insured: bool
    build: str
    status: str
    state_hash: str | None
    wall_s: float | None
    error: str | None


class Catalogue:
    """An open catalogue. OSError, with the file's name, where the disk fails; ValueError where it is no catalogue."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._told():
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA synchronous = FULL")

    def close(self) -> None:
        self._db.close()

    def begin(self, sweep: Mapping[str, str], runs: Iterable[Planned], by: Identity) -> None:
        """Write down all runs of a new sweep, which wait."""
        rows = [
            (
                one.key, one.scenario, one.path, one.design, one.job.venue.name, json.dumps(one.levels), one.job.seed, one.is_shadow,
                by["perplab"], by["build"], by["code"], WAITING,
            )
            for one in runs
        ]  # fmt: skip
        with self._transaction():
            for statement in TABLES.split(";"):
                self._db.execute(statement)
            self._db.executemany("INSERT INTO sweep VALUES (?, ?)", sweep.items())
            self._db.executemany(f"INSERT INTO runs VALUES ({', '.join('?' * 12)}, NULL, NULL, NULL)", rows)

    @property
    def is_begun(self) -> bool:
        """Whether it says what its sweep is: the first transaction writes all of that, or nothing."""
        with self._told():
            return self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone() is not None

    def told(self) -> dict[str, str]:
        """What is written down of the sweep as a whole."""
        with self._told():
            return dict(self._db.execute("SELECT key, value FROM sweep"))

    def rows(self) -> list[RunRow]:
        with self._told():
            found = self._db.execute(f"SELECT {', '.join(RunRow._fields)} FROM runs ORDER BY scenario, path, venue, seed").fetchall()
        rows = [RunRow(*one) for one in found]
        return [one._replace(levels=json.loads(str(one.levels)), insured=bool(one.insured)) for one in rows]

    def done(self, key: str, done: Done) -> None:
        with self._transaction():
            self._db.execute(SET, (DONE, done.result.state_hash, done.clocked.wall_s, None, key))

    def failed(self, key: str, why: str) -> None:
        with self._transaction():
            self._db.execute(SET, (FAILED, None, None, why, key))

    def again(self, keys: Iterable[str]) -> None:
        """These runs wait."""
        with self._transaction():
            self._db.executemany(SET, [(WAITING, None, None, None, key) for key in keys])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of SQLite are those of the file."""
        try:
            yield
        except sqlite3.OperationalError as error:
            code = errno.ENOSPC if error.sqlite_errorcode == sqlite3.SQLITE_FULL else errno.EIO
            raise OSError(code, str(error), str(self.path)) from None
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{self.path}: {error}") from None
