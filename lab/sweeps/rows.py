"""One run as a Parquet file of one row: numbers for everybody, and a record from which the lab makes its tables again.

Rules of the file: the columns of all runs of a grid have the same names and types, so that files can be read together. Metrics are
float64, null where they are not defined. `record` is msgpack of what the lab knows of the run, costs left out: what a design cost people
is measured against other runs, when all are there.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from ..archetypes.lines import ResultLine
from ..comparison.jobs import Done
from ..comparison.report import Clocked, Result, rounded
from ..metrics import CATALOGUE, Metrics, Wealth
from ..metrics.rows import Bools
from ..runs import Granted, Ints
from .grid import Planned

if TYPE_CHECKING:
    from types import ModuleType

RECORD: Final = "record"
ARRAYS: Final = tuple(name for name in Wealth.__dataclass_fields__ if name != "cohorts")


class Record(Struct):
    """All that is kept of a run."""

    metrics: Metrics
    beyond: tuple[str, ...]
    granted: tuple[int, int, int, int]
    path_sha256: str
    cohorts: tuple[str, ...]
    wealth: dict[str, tuple[str, bytes]]  # by array of Wealth: its type, and its bytes
    clocked: Clocked
    archetypes: tuple[ResultLine, ...] = ()


def polars() -> ModuleType:
    """The library that reads and writes Parquet. ImportError tells what to install."""
    try:
        return import_module("polars")
    except ImportError:
        raise ImportError("a sweep writes Parquet: expected polars, which is not installed: pip install 'perplab[frames]'") from None


def to_parquet(planned: Planned, done: Done) -> bytes:
    """The file of a run."""
    result, clocked = done
    values: Mapping[str, float | None] = {one.key: rounded(result.metrics.scalar(one.key)) for one in CATALOGUE}
    library = polars()
    told = {**labels(planned), "state_hash": result.state_hash, "build": clocked.build, "is_beyond": bool(result.beyond)}
    numbers = {key: None if value is None else float(value) for key, value in values.items()}
    types = {key: library.Float64 for key in numbers}
    frame = library.DataFrame([{**told, **numbers, RECORD: packed(done)}], schema_overrides=types)
    file = io.BytesIO()
    frame.write_parquet(file, compression="zstd")
    return file.getvalue()


def labels(planned: Planned) -> dict[str, str | int | bool]:
    """Which run it is: the first columns of every table; each axis has one."""
    job = planned.job
    first: dict[str, str | int | bool] = {
        "key": planned.key, "scenario": planned.scenario, "path": planned.path, "design": planned.design, "venue": job.venue.name,
        "seed": job.seed, "insured": planned.is_shadow,
    }  # fmt: skip
    return first | {f"axis:{name}": label for name, label in planned.levels.items()}


def packed(done: Done) -> bytes:
    result = done.result
    held, granted = result.wealth, result.granted
    arrays = {name: smallest(getattr(held, name)) for name in ARRAYS} if held is not None else {}
    record = Record(
        result.metrics, result.beyond, (granted.accounts_cut, granted.wanted, granted.granted, granted.accounts), result.path_sha256,
        held.cohorts if held is not None else (), arrays, done.clocked, result.archetypes,
    )  # fmt: skip
    return msgspec.msgpack.encode(record)


def smallest(array: Ints | Bools) -> tuple[str, bytes]:
    """An array of whole numbers in the smallest type that holds it."""
    if array.dtype == np.bool_ or not len(array):
        return array.dtype.str, array.tobytes()
    kind = np.result_type(np.min_scalar_type(array.min()), np.min_scalar_type(array.max()))
    kind = kind if np.can_cast(kind, np.int64) else array.dtype
    return kind.str, array.astype(kind).tobytes()


def from_record(data: bytes, planned: Planned, state_hash: str) -> Done:
    """The run of a record, as the worker that made it handed it back. msgspec.MsgspecError, or ValueError, if it is none."""
    kept = msgspec.msgpack.decode(data, type=Record)
    held = None
    if kept.wealth:
        arrays = {name: np.frombuffer(raw, kind) for name, (kind, raw) in kept.wealth.items()}
        whole: dict[str, Any] = {name: one if one.dtype == np.bool_ else one.astype(np.int64) for name, one in arrays.items()}
        held = Wealth(cohorts=kept.cohorts, **whole)
    job = planned.job
    result = Result(
        job.venue.name, job.seed, state_hash, kept.metrics, "", kept.beyond, held, granted=Granted(*kept.granted),
        path_sha256=kept.path_sha256, archetypes=kept.archetypes,
    )  # fmt: skip
    return Done(result, kept.clocked)
