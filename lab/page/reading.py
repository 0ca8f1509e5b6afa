"""A finished comparison read back: report.json as the Report that it was written from.

Rules of the file: nothing of it is computed anew, so every number of a page is one of report.json; a file that is no whole report is told
in one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from perplab.exchange.design.reader import DesignError, convert
from perplab.exchange.units import MICRO

from ..archetypes.lines import ResultLine
from ..comparison.repeat import ReportError, read_json
from ..comparison.report import SCHEMA, About, Capital, Inputs, PathFile, PathInput, Report, Result
from ..comparison.results import REPORT
from ..comparison.statistics import BASE, Finding
from ..metrics import Metrics
from ..runs import Granted
from ..structures.kinds import KindLine


class GrantedEntry(Struct, frozen=True):
    accounts: int = 0
    accounts_cut: int = 0
    wanted_usd: float = 0.0
    granted_usd: float = 0.0


class RunEntry(Struct):
    venue: str
    path: str
    seed: int
    state_hash: str
    beyond: tuple[str, ...]
    metrics: Metrics
    granted: GrantedEntry = GrantedEntry()
    kinds: tuple[KindLine, ...] = ()
    archetypes: tuple[ResultLine, ...] = ()


class FindingEntry(Struct):
    median: float | None
    mean_difference: float | None
    median_difference: float | None
    interval: tuple[float, float] | None
    effect_size: float | None
    p: float | None
    verdict: str
    pairs: int


class CapitalEntry(Struct):
    choice: str
    usd: dict[str, dict[str, int]]


class InputsEntry(Struct):
    settings: tuple[str, ...]
    path_file: PathFile | None
    scenario: dict[str, object]
    designs: dict[str, dict[str, object]]
    paths: dict[str, PathInput] = {}
    insured: bool = False
    structures: tuple[str, ...] = ()


class ReportFile(Struct):
    """report.json, as far as a page tells of it."""

    made_by: dict[str, str]
    scenario: str
    title: str
    path: str
    accounts: int
    open_interest_usd: float
    impact: float
    calibrated: dict[str, float]
    capital: CapitalEntry
    baseline: str
    venues: tuple[str, ...]
    summary: dict[str, dict[str, FindingEntry]]
    runs: tuple[RunEntry, ...]
    inputs: InputsEntry


class Comparison(Struct, frozen=True):
    """A comparison that is done, and where it lies."""

    folder: Path
    tree: Mapping[str, object]  # report.json as it is
    file: ReportFile
    report: Report


NO_REPORT: Final = "holds no report.json: expected the folder of a finished comparison (perplab compare ... --out DIR)"


def comparison_in(folder: Path) -> Comparison:
    """What lies in a comparison's folder. Raises ReportError."""
    name = folder / REPORT
    if not name.is_file():
        raise ReportError(f"{folder}: {NO_REPORT}")
    tree = read_json(name)
    if tree.get("schema") != SCHEMA:
        raise ReportError(f"{name}: schema is {tree.get('schema')!r}: expected {SCHEMA}, that of this version of perplab")
    try:
        file = convert(tree, ReportFile, str(name))
        return Comparison(folder, tree, file, report_of(file))
    except DesignError as error:
        raise ReportError(str(error)) from None
    except (ValueError, KeyError) as error:  # a run, or a design's summary, is missing
        raise ReportError(f"{name}: not a whole report: {error}") from None


def report_of(file: ReportFile) -> Report:
    """ValueError or KeyError where something is missing."""
    inputs, capital = file.inputs, Capital(file.capital.choice, file.capital.usd)
    given = Inputs(
        inputs.settings, inputs.path_file, inputs.scenario, inputs.designs, inputs.paths, inputs.insured, inputs.structures
    )  # fmt: skip
    about = About(file.scenario, file.title, file.path, file.accounts, file.open_interest_usd, file.impact, file.calibrated, capital, given)
    known = {
        (venue, key): finding_of(entry) for venue in file.venues for key, entry in file.summary[venue].items() if entry.verdict != BASE
    }
    return Report(about, [result_of(run) for run in file.runs], file.venues, file.baseline, known)


def result_of(run: RunEntry) -> Result:
    granted = run.granted
    people = Granted(granted.accounts_cut, round(granted.wanted_usd * MICRO), round(granted.granted_usd * MICRO), granted.accounts)
    return Result(
        run.venue, run.seed, run.state_hash, run.metrics, run.path, run.beyond, None, run.kinds, run.archetypes, people
    )  # fmt: skip


def finding_of(entry: FindingEntry) -> Finding:
    return Finding(entry.pairs, entry.mean_difference, entry.median_difference, entry.interval, entry.effect_size, entry.p, entry.verdict)


def plain(value: object) -> object:
    """Structs as dicts: what JSON has."""
    return msgspec.to_builtins(value)
