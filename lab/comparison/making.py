"""What becomes of the runs of a comparison: its report, and the files that the report is written to."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from ..structures.reading import print_structures, structures_json
from . import results
from .choices import Choice
from .factorial_report import Found, extra_pictures, factorial_json, factorial_svg, found_in, print_factorial
from .jobs import Done, about
from .picture import svg
from .report import Clocked, Report, timings_json
from .shadows import with_all_costs
from .table import print_overview


def reported(choice: Choice, done: Sequence[Done]) -> tuple[Report, Found | None]:
    """The report of all runs, shadow runs included, and what a factorial has found."""
    names = [venue.name for venue in choice.venues]
    report = Report(about(choice), with_all_costs(choice, [one.result for one in done]), names, choice.baseline)
    return report, found_in(report, choice.factorial) if choice.factorial else None


def files_of(report: Report, found: Found | None, clocked: Sequence[Clocked], wall_s: float, jobs: int) -> dict[str, str]:
    """All files of a comparison but its journals, by name."""
    title = report.about.title
    more: dict[str, object] = {"factorial": factorial_json(found)} if found else {}
    if report.about.inputs.structures:
        more["structures"] = structures_json(report)
    return {
        results.REPORT: report.to_json(more),
        results.PICTURE: factorial_svg(found, title) if found else svg(report, title),
        results.TIMINGS: timings_json(clocked, wall_s, jobs),
        **extra_pictures(report, found),
    }


def print_tables(report: Report, found: Found | None, files: str, console: Console) -> None:
    """The overview of a comparison; `files` says where its files are."""
    if found:
        print_factorial(found, files, console)
    else:
        print_overview(report, files, console)
        print_structures(report, console)
