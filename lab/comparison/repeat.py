"""A report as the start of something: the comparison that it came from made again, or a journal checked against it.

Rules of the file: a report that is read was written by somebody, so nothing of it is trusted: what is missing or wrong is one line that
names the file and the key. State hashes are compared, then every number that was measured, then all else that the report says.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta, Struct
from msgspec.structs import replace

from perplab.exchange import VenueError
from perplab.exchange.design.reader import DesignError, convert
from perplab.exchange.design.venue import design_of

from ..fit import check_venue_name
from ..names import wrong_name
from ..own import anchored
from ..scenario import Scenario
from ..structures.accounts import Structure, structure_of
from .choices import Choice, PlayedPath
from .factorial import RecordedFactorial, of_record
from .report import SCHEMA, PathFile, Result, run_entry, run_name, to_text
from .results import JOURNALS, NAME, REPORT, in_file_name

MOST_SEEDS: Final = 1000  # as far as --seed and --seeds go
Seed = Annotated[int, Meta(ge=0, le=2**31 + MOST_SEEDS)]
SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")  # as JSON writes one; two of them can be one character
LENGTH: Final = 60  # [characters] of a value in an error


class ReportError(DesignError):
    """A report that cannot be used; the message is complete."""


class RecordedGranted(Struct):
    accounts: Annotated[int, Meta(ge=0)]
    accounts_cut: Annotated[int, Meta(ge=0)]
    wanted_usd: Annotated[float, Meta(ge=0)]
    granted_usd: Annotated[float, Meta(ge=0)]


class RecordedRun(Struct):
    venue: str
    seed: Annotated[int, Meta(ge=0, le=2**32)]
    state_hash: str
    metrics: dict[str, object] = {}
    path: str = ""
    beyond: tuple[str, ...] = ()
    granted: RecordedGranted | None = None  # older reports do not have it


class RecordedCapital(Struct):
    choice: Literal["same", "own"]


class RecordedPath(Struct):
    family: str
    scenario: Scenario


class RecordedInputs(Struct):
    settings: tuple[str, ...]
    path_file: PathFile | None
    scenario: Scenario
    designs: dict[str, dict[str, object]]
    paths: dict[str, RecordedPath]
    insured: bool = False
    structures: tuple[Structure, ...] = ()


class Recorded(Struct):
    """What a report says of how it came about, and what it found."""

    schema: int
    made_by: dict[str, str]
    capital: RecordedCapital
    baseline: str
    venues: Annotated[tuple[str, ...], Meta(min_length=1)]
    seeds: Annotated[tuple[Seed, ...], Meta(min_length=1, max_length=MOST_SEEDS)]
    runs: tuple[RecordedRun, ...]
    inputs: RecordedInputs
    factorial: RecordedFactorial | None = None


class OnlyRuns(Struct):
    """As much of a report as the check of a journal needs, of whatever schema."""

    runs: tuple[RecordedRun, ...]


MADE_BY: Final = "made_by"  # what a report says of version and machine, which may be others


# -- a comparison made again --


def recorded(file: Path) -> Recorded:
    """The report in a file. Raises ReportError."""
    tree = read_json(file)
    schema = tree.get("schema")
    if schema != SCHEMA:
        raise ReportError(f"{file}: schema is {schema!r}: expected {SCHEMA}, that of this version of perplab")
    find_classes(tree, file)
    try:
        report = convert(tree, Recorded, str(file))
    except DesignError as error:
        raise ReportError(str(error)) from None
    for key, each in (("venues", [*map(repr, report.venues)]), ("seeds", [*map(repr, report.seeds)])):
        if len(set(each)) < len(each):
            twice = next(one for number, one in enumerate(each) if one in each[:number])
            raise ReportError(f"{file}: {key} has {twice} twice: expected different ones")
    missing = [name for name in report.venues if name not in report.inputs.designs]
    if missing or report.baseline not in report.venues:
        key, given = ("inputs.designs", f"without {missing[0]}") if missing else ("baseline", report.baseline)
        raise ReportError(f"{file}: {key} is {given}: expected the names in venues")
    return report


def find_classes(tree: Mapping[str, object], file: Path) -> None:
    """Say where the files of a user's own classes are: seen from the current folder, else from that of the report or one of two above."""
    inputs = tree.get("inputs")
    given = inputs if isinstance(inputs, dict) else {}
    paths = given.get("paths")
    several = [one.get("scenario") for one in paths.values() if isinstance(one, dict)] if isinstance(paths, dict) else []
    for scenario in (given.get("scenario"), *several):
        if isinstance(scenario, dict):
            anchored(scenario, [Path.cwd(), *list(file.absolute().parents)[:3]])


def read_json(file: Path) -> dict[str, object]:
    """Raises ReportError."""
    try:
        data = file.read_bytes()
        tree = json.loads(data)
        broken = half_character(tree) if SURROGATE.search(data) else None
    except OSError as error:
        raise ReportError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{file}: not a report.json: {error}") from None
    if not isinstance(tree, dict):
        raise ReportError(f"{file}: not a report.json: expected a table")
    if broken is not None:
        raise ReportError(f"{file}: {broken} holds half a character, a lone surrogate: expected text")
    return tree


def half_character(tree: object, at: str = "") -> str | None:
    """Where text is that cannot be written, if any is."""
    if isinstance(tree, str):
        return (at or "it") if any("\ud800" <= letter <= "\udfff" for letter in tree) else None
    if isinstance(tree, dict):
        keys = (f"a key of {at or 'the file'}" for key in tree if half_character(key))
        return next(keys, None) or next(filter(None, (half_character(value, inside(at, key)) for key, value in tree.items())), None)
    if isinstance(tree, list):
        return next(filter(None, (half_character(value, f"{at}[{number}]") for number, value in enumerate(tree))), None)
    return None


def inside(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def short(value: object) -> str:
    """A value as an error tells it."""
    text = f"about 10^{value.bit_length() * 0.30103:.0f}" if isinstance(value, int) and value.bit_length() > 200 else repr(value)
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}..."


def choice_of(report: Recorded, file: Path) -> Choice:
    """The comparison that a report came from. Raises ReportError."""
    inputs = report.inputs
    try:
        venues = tuple(design_of(inputs.designs[name], f"{file}: inputs.designs.{name}") for name in report.venues)
        for name, venue in zip(report.venues, venues, strict=True):
            plain = venue if not inputs.structures else replace(venue, name=venue.name.rpartition("/")[0])
            check_venue_name(plain, f"{file}: inputs.designs.{name}")
            if inputs.structures and structure_of(name) not in inputs.structures:
                expected = f"expected an account structure behind a slash: {', '.join(inputs.structures)}"
                raise VenueError(f"{file}: inputs.designs.{name}: {expected}")
            if venue.name != name:
                raise VenueError(f"{file}: inputs.designs.{name}.name is {venue.name!r}: expected {name!r}")
        varied = of_record(report.factorial, report.venues, inputs.scenario, str(file)) if report.factorial else None
    except DesignError as error:
        raise ReportError(str(error)) from None
    for name in inputs.paths:
        if wrong := wrong_name(name):
            raise ReportError(f"{file}: inputs.paths: {wrong}")
    paths = {name: PlayedPath(path.family, path.scenario) for name, path in inputs.paths.items()}
    capital, settings = report.capital.choice, inputs.settings
    return Choice(
        inputs.scenario, venues, report.seeds, capital, report.baseline, settings, inputs.path_file, paths, inputs.insured, varied,
        inputs.structures,
    )


def differences(report: Recorded, results: Sequence[Result]) -> list[str]:
    """What differs between a report and the same runs made again, a line per run; empty if nothing does."""
    before = {(run.venue, run.path, run.seed): run for run in report.runs}
    lines: list[str] = []
    for result in results:
        name = run_name(result.venue, result.path, result.seed)
        run = before.get((result.venue, result.path, result.seed))
        if run is None:
            lines.append(f"{name}: not among the runs of the report")
        elif run.state_hash != result.state_hash:
            lines.append(f"{name}: state hash {result.state_hash}, in the report {run.state_hash}")
        elif json.loads(to_text(run_entry(result)))["metrics"] != run.metrics:
            lines.append(f"{name}: the state hash is equal, the metrics are not")
    made = {(result.venue, result.path, result.seed) for result in results}
    extra = [run_name(*run) for run in before if run not in made]
    return lines + [f"{name}: among the runs of the report, and not one of its venues, paths and seeds" for name in extra]


def first_difference(before: object, made: object, at: str = "") -> str | None:
    """The first key in which a report and what was made anew from it differ, and how; None: nothing does."""
    if isinstance(before, dict) and isinstance(made, dict):
        keys = dict.fromkeys([*made, *before])
        return next(filter(None, (_difference_at(before, made, key, inside(at, key)) for key in keys if inside(at, key) != MADE_BY)), None)
    if isinstance(before, list) and isinstance(made, list) and len(before) == len(made):
        each = (first_difference(*pair, f"{at}[{number}]") for number, pair in enumerate(zip(before, made, strict=True)))
        return next(filter(None, each), None)
    if before == made and isinstance(before, bool) == isinstance(made, bool):
        return None
    if isinstance(before, list) and isinstance(made, list):
        return f"{at} has length {len(before)} in the report, made anew {len(made)}"
    return f"{at} is {short(before)} in the report, made anew {short(made)}"


def _difference_at(before: Mapping[str, object], made: Mapping[str, object], key: str, at: str) -> str | None:
    if key in before and key in made:
        return first_difference(before[key], made[key], at)
    return f"{at} is {'in' if key in before else 'missing in'} the report, made anew it is {'missing' if key in before else 'there'}"


# -- a journal checked --

EQUAL, DIFFERS, UNKNOWN = "equal", "differs", "unknown"
NO_REPORT: Final = "no report.json beside it to check the hash against"


class Check(NamedTuple):
    word: str  # EQUAL, DIFFERS or UNKNOWN
    text: str


def check_journal(journal: Path, state_hash: str) -> Check:
    """The state hash of a journal against the report that its comparison wrote, if that is where it was written."""
    folder, named = journal.absolute().parent, NAME.fullmatch(journal.name)
    report = Path(os.path.relpath(folder.parent / REPORT))
    if folder.name != JOURNALS or named is None or not report.is_file():
        return Check(UNKNOWN, NO_REPORT)
    try:
        runs = convert(read_json(report), OnlyRuns, str(report)).runs
    except DesignError as error:
        return Check(UNKNOWN, f"cannot be checked: {error}")
    wanted = (named["venue"], named["path"] or "", named["seed"])
    said = next((run.state_hash for run in runs if (in_file_name(run.venue), run.path, str(run.seed)) == wanted), None)
    if said is None:
        return Check(UNKNOWN, f"{report}: does not name this run")
    if said == state_hash:
        return Check(EQUAL, f"equal to {report}")
    return Check(DIFFERS, f"differs from {report}, which says {said}")
