"""What a factorial leaves besides the report of its cells: its part of report.json, its words in the terminal, its pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from ..metrics import CATALOGUE
from .bars import bars_of, bars_svg
from .curve_chart import curves_svg
from .curves import Curves
from .effects import Effect, main_effects
from .factorial import Factorial, to_record
from .factorial_table import FactorialOverview, Found, found_in, print_factorial
from .headline import HEADLINES, metric, values_of
from .picture import FONT
from .report import Exact, Report
from .results import CURVES, WHO_PAID

__all__ = ["Found", "extra_pictures", "factorial_json", "factorial_svg", "found_in", "print_factorial"]

WIDTH: Final = 120  # [characters] of the picture of the tables


def factorial_json(found: Found) -> dict[str, object]:
    """The key `factorial` of report.json: axes, cells and combinations, from which it is made again, and effects, interactions, curves.

    `effects` are of the quantities of the table, `effects_of_metrics` of all metrics: each list is a family of its own for p.
    """
    factorial, report = found.factorial, found.report
    told = {quantity.key for quantity in HEADLINES}
    others = {key: values_of(report, metric(key, key)) for key in (one.key for one in CATALOGUE) if key not in told}
    rises = [
        {"quantity": one.quantity.key, "design": one.curve, "from": one.lower, "to": one.higher, **one.finding._asdict()}
        for one in found.rises
    ]
    return {
        **{key: Exact(value) for key, value in to_record(factorial).items()},
        "effects": rows(factorial, found.mains),
        "interactions": rows(factorial, found.interactions),
        "effects_of_metrics": rows(factorial, main_effects(factorial, others)),
        "curves": [curves_record(one) for one in found.curves],
        "rises": rises,
    }


def curves_record(curves: Curves) -> dict[str, object]:
    """The curves of one quantity as a table: a point for each level of K, null where there is none."""
    designs = {curve.name: [point._asdict() if point else None for point in curve.points] for curve in curves.curves}
    return {"quantity": curves.quantity.key, "unit": curves.quantity.unit, "k": curves.labels, "designs": designs}


def rows(factorial: Factorial, effects: Sequence[Effect]) -> list[dict[str, object]]:
    """Effects as tables: what was changed, in how many contexts, and the finding."""
    return [
        {
            "quantity": effect.question.quantity,
            "changes": [
                {
                    "axis": factorial.axes[change.axis].key,
                    "from": factorial.label(change.axis, 0),
                    "to": factorial.label(change.axis, change.level),
                }
                for change in effect.question.changes
            ],
            "contexts": effect.contexts,
            "of": effect.of,
            **effect.finding._asdict(),
        }
        for effect in effects
    ]


def factorial_svg(found: Found, title: str) -> str:
    """The tables of the terminal as a picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(FactorialOverview(found, "`perplab docs metrics` defines every metric."))
    return FONT.sub("", console.export_svg(title=title, unique_id="perplab"))


def extra_pictures(report: Report, found: Found | None) -> dict[str, str]:
    """By file name: who paid, and the K curves of a factorial that has them."""
    files = {WHO_PAID: bars_svg(bars_of(report), report.counted_pairs, report.about.title)}
    if found and found.curves:
        files[CURVES] = curves_svg(found.curves, report.about.title)
    return files
