"""The pictures of a sweep for papers: the maps of what others lost, and for each scenario who paid and what each seed came to.

Rules of the file: those of the pictures of a comparison, some of which these are. Maps are shades of grey with the number in each cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ..amounts import usd_scale
from ..comparison.headline import TOTAL_KEY
from ..comparison.report import Report
from ..page.plots import INK, WIDTH, drawn, of_report, seeds, who_paid
from .maps import Map, Place, maps_of
from .page import shown_of
from .reading import Results
from .store import PAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes  # type: ignore[import-not-found, unused-ignore]
    from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]

MAP: Final = PAGES[1]
OF_SCENARIO: Final = {"figures/who_paid.png": who_paid, "figures/seeds.png": seeds}  # in its folder of reports
MOST_MAPS: Final = 12  # of one picture
DARK: Final = 0.7  # of the scale: from there on the number is white


def figures(found: Results) -> Iterator[Path]:
    """Write figures/map.png, and figures/*.png of each scenario in its folder of reports; the files."""
    pictures: dict[Path, Callable[[Figure], bool]] = {found.folder / MAP: partial(maps, found=found)}
    for one in found.scenarios:
        for name, draw in OF_SCENARIO.items():
            pictures[found.report_folder(one) / name] = of_report(draw, one.report, shown_of(one))
    yield from drawn(pictures)


def maps(figure: Figure, found: Results) -> bool:
    """What others lost in all: the maps of the page, of very many the first."""
    told, reports = maps_of(found.scenarios)[:MOST_MAPS], [one.report for one in found.scenarios]
    if not told:
        return False
    figure.set_size_inches(WIDTH, sum(0.24 * len(one.rows) + 0.7 for one in told))
    heights = [len(one.rows) + 2 for one in told]
    axes = figure.subplots(len(told), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    known = [cost for one in told for row in one.cells for cell in row if (cost := cost_at(reports, cell)) is not None]
    factor, unit = usd_scale(known)
    for one, ax in zip(told, axes, strict=True):
        draw_map(ax, one, reports, factor)
    figure.suptitle(f"Lost by others, medians [{unit}]", fontsize=8)
    return True


def draw_map(ax: Axes, one: Map, reports: Sequence[Report], factor: float) -> None:
    costs = [[cost_at(reports, cell) for cell in row] for row in one.cells]
    ends = [ends_of(report) for report in reports]
    shades = np.array([[shade(cell, cost, ends) for cell, cost in zip(*rows, strict=True)] for rows in zip(one.cells, costs, strict=True)])
    ax.imshow(shades, cmap="Greys", vmin=0.0, vmax=1.2, aspect="auto")
    for y, row in enumerate(costs):
        for x, cost in enumerate(row):
            text = "" if one.cells[y][x] is None else "–" if cost is None else f"{cost / factor:.3g}"
            ax.text(x, y, text, ha="center", va="center", fontsize=6.5, color="white" if shades[y, x] > DARK else INK)
    ax.set_xticks(range(len(one.columns)), one.columns, parse_math=False)
    ax.set_yticks(range(len(one.rows)), one.rows, parse_math=False)
    ax.set_xlabel(one.across, parse_math=False)
    ax.set_title(one.title, loc="left", parse_math=False)


def cost_at(reports: Sequence[Report], cell: Place | None) -> float | None:
    return None if cell is None else reports[cell.scenario].median(cell.venue, TOTAL_KEY)


def ends_of(report: Report) -> tuple[float, float]:
    """The least and the most that others lost with any design of a scenario."""
    costs = [cost for venue in report.venues if (cost := report.median(venue, TOTAL_KEY)) is not None]
    return min(costs, default=0.0), max(costs, default=0.0)


def shade(cell: Place | None, cost: float | None, ends: Sequence[tuple[float, float]]) -> float:
    """0 to 1 within its scenario; NaN, which is white, where there is no number."""
    if cell is None or cost is None:
        return float("nan")
    least, most = ends[cell.scenario]
    return (cost - least) / (most - least) if most > least else 0.0
