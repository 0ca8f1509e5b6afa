"""The pictures of a report for papers: PNG of 300 dots an inch, told apart without colour.

Rules of the file: matplotlib is looked for when a picture is asked for, and its state is left as it was. The numbers are those of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from perplab.exchange.units import MINUTE_NS, SECOND_NS

from ..amounts import usd_scale
from ..comparison.bars import bars_of, read_as, used_parts
from ..comparison.headline import PARTS, TOTAL_KEY
from ..comparison.report import Report, rounded
from ..comparison.results import FIGURES, write_file
from ..comparison.statistics import DISTINGUISHED
from .data import Shown, ShownRun, span_of
from .reading import Comparison
from .story import where

if TYPE_CHECKING:
    from matplotlib.axes import Axes  # type: ignore[import-not-found, unused-ignore]
    from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]

Draw: TypeAlias = "Callable[[Figure, Report, Shown], bool]"  # whether there was anything to draw

DPI: Final = 300
WIDTH: Final = 6.5  # [inches] of a page's text
STYLE: Final[dict[Any, Any]] = {  # Any: matplotlib names its keys one by one
    "font.family": "serif", "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 7, "axes.spines.top": False,
    "axes.spines.right": False, "axes.linewidth": 0.6, "lines.linewidth": 1.0, "legend.frameon": False, "hatch.linewidth": 0.5,
}  # fmt: skip
INK, MID, PALE = "black", "0.45", "0.75"
FILLS: Final = (  # of the payers, in the order of PARTS: grey, hatch
    ("0.15", ""), ("0.55", ""), ("0.85", "|||"), ("1.0", "xxx"), ("1.0", "///"), ("1.0", ""), ("1.0", "..."),
)  # fmt: skip


def figures(comparison: Comparison, shown: Shown) -> Iterator[Path]:
    """Write figures/*.png; the files. Pictures of which nothing is known are left out."""
    yield from drawn({comparison.folder / name: of_report(draw, comparison.report, shown) for name, draw in DRAWN.items()})


def of_report(draw: Draw, report: Report, shown: Shown) -> Callable[[Figure], bool]:
    return lambda figure: draw(figure, report, shown)


def drawn(pictures: Mapping[Path, Callable[[Figure], bool]]) -> Iterator[Path]:
    """Draw each, and write it to its file; what cannot be drawn is left out."""
    import matplotlib as mpl  # type: ignore[import-not-found, unused-ignore]
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # type: ignore[import-not-found, unused-ignore]
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        for path, draw in pictures.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            figure = Figure(layout="constrained")
            FigureCanvasAgg(figure)
            if draw(figure):
                file = BytesIO()
                figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
                write_file(path, file.getvalue())
                yield path
            else:
                path.unlink(missing_ok=True)


def minutes_of(one: ShownRun) -> tuple[np.ndarray[Any, Any], float]:
    """Middles of the minutes [minutes since the start], and when the run ends."""
    start, end = span_of(one.result)
    middles = np.array(one.result.metrics.minutes.start_ts, np.int64) - start + MINUTE_NS // 2
    return middles / MINUTE_NS, (end - start) / MINUTE_NS


def whole(values: Sequence[float | None]) -> np.ndarray[Any, Any]:
    """NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def price(figure: Figure, report: Report, shown: Shown) -> bool:
    """Mark, oracle and true price, design by design, with liquidations and deleveraging."""
    if not shown.runs:
        return False
    rows = len(shown.runs)
    figure.set_size_inches(WIDTH, 1.7 * rows + 0.5)
    axes = figure.subplots(rows, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for one, ax in zip(shown.runs, axes, strict=True):
        middles, end = minutes_of(one)
        ax.plot(middles, whole(one.result.metrics.minutes.true_usd), color=PALE, linewidth=2.5, label="true price, means of minutes")
        if one.course:
            t = np.array(one.course.t) * SECOND_NS / MINUTE_NS
            ax.step(t, whole(one.course.oracle), where="post", color=MID, linestyle="--", linewidth=0.7, label="oracle")
            ax.step(t, whole(one.course.mark), where="post", color=INK, linewidth=0.8, label="mark")
            moments(ax, one.course.liquidations, "v", INK, "liquidations")
            moments(ax, one.course.deleveraged, "D", "white", "ADL")
        else:
            ax.plot(middles, whole(one.result.metrics.minutes.mark_usd), color=INK, linewidth=0.8, label="mark")
        ax.set_title(one.result.venue, loc="left", parse_math=False)
        ax.set_ylabel("USD")
        ax.set_xlim(0, end)
    axes[-1].set_xlabel(f"minutes ({where(report, shown.runs[0].result)})", parse_math=False)
    named = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=5)
    return True


def moments(ax: Axes, given: Sequence[tuple[float, float, float]], marker: str, fill: str, label: str) -> None:
    if given:
        t, usd, size = np.array(given).T
        area = 4 + 30 * size / max(size.max(), 1.0)
        ax.scatter(t * SECOND_NS / MINUTE_NS, usd, s=area, marker=marker, c=fill, edgecolors=INK, linewidths=0.5, label=label, zorder=3)


LINES: Final = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (8, 3)))  # of designs


def market(figure: Figure, report: Report, shown: Shown) -> bool:
    """Depth, open interest, and what stands behind the losers: a line for each design."""
    known = [(one.result.venue, one.course) for one in shown.runs if one.course]
    if not known:
        return False
    figure.set_size_inches(WIDTH, 5.6)
    axes = figure.subplots(3, 1, sharex=True)
    for number, (venue, course) in enumerate(known):
        t = np.array(course.t) * SECOND_NS / MINUTE_NS
        style = {"linestyle": LINES[number % len(LINES)], "color": INK if number % 2 == 0 else MID, "linewidth": 0.9}
        columns = (course.bid_depth, course.open_interest, np.array(course.fund) + np.array(course.vault))
        for ax, column in zip(axes, columns, strict=True):
            ax.plot(t, np.array(column) / 1e6, label=venue, **style)
    titles = ("bid depth within 1 % of the mark", "open interest of one side, at the mark", "insurance fund and vault")
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, loc="left")
        ax.set_ylabel("M USD")
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    axes[-1].set_xlabel(f"minutes ({where(report, shown.runs[0].result)})", parse_math=False)
    legend = figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return True


def who_paid(figure: Figure, report: Report, shown: Shown) -> bool:
    """Stacked bars: means over the runs that count."""
    bars = [bar for bar in bars_of(report) if bar.name in shown.venues][::-1]
    if not bars:
        return False
    figure.set_size_inches(WIDTH, 0.32 * len(bars) + 1.1)
    ax = figure.subplots()
    factor, unit = usd_scale([bar.total for bar in bars])
    left = np.zeros(len(bars))
    for number in used_parts(bars):
        parts = np.array([bar.parts[number] for bar in bars]) / factor
        grey, hatch = FILLS[number]
        ax.barh(range(len(bars)), parts, left=left, color=grey, hatch=hatch, edgecolor=INK, linewidth=0.5, label=PARTS[number].name)
        left += parts
    ax.set_yticks(range(len(bars)), [bar.name for bar in bars], parse_math=False)
    ax.set_xlabel(f"{unit}; {read_as(report.counted_pairs).split(',')[0].rstrip('.').lower()}")
    if used_parts(bars):
        figure.legend(loc="outside upper center", ncols=4)
    return True


def seeds(figure: Figure, report: Report, shown: Shown) -> bool:
    """What others lost: every run, and the mean difference to the baseline with its interval."""
    venues = [venue for venue in shown.venues if any(one.venue == venue for one in report.counted)][::-1]
    if not venues:
        return False
    figure.set_size_inches(WIDTH, 0.36 * len(venues) + 0.9)
    runs, gaps = figure.subplots(1, 2, sharey=True)
    values = [[rounded(one.metrics.scalar(TOTAL_KEY)) or 0.0 for one in report.counted if one.venue == venue] for venue in venues]
    factor, unit = usd_scale([value for each in values for value in each])
    for row, (venue, each) in enumerate(zip(venues, values, strict=True)):
        runs.plot(np.array(each) / factor, [row] * len(each), "o", color=MID, markersize=3, alpha=0.6)
        runs.plot([float(np.median(each)) / factor], [row], "|", color=INK, markersize=12, markeredgewidth=1.5)
        found = report.finding(venue, TOTAL_KEY)
        if found.interval and found.mean is not None:
            gaps.plot(np.array(found.interval) / factor, [row, row], color=INK, linewidth=1)
            fill = INK if found.verdict == DISTINGUISHED else "white"
            gaps.plot([found.mean / factor], [row], "o", color=INK, markerfacecolor=fill, markersize=4.5)
    gaps.axvline(0, color=PALE, linewidth=0.8, zorder=0)
    runs.set_yticks(range(len(venues)), venues, parse_math=False)
    runs.set_ylim(-0.6, len(venues) - 0.4)
    runs.set_xlim(left=0.0)
    for ax, title in ((runs, "lost by others: each run, and the median"), (gaps, "mean difference to the baseline, 95 % interval")):
        ax.set_title(title, loc="left")
        ax.set_xlabel(unit)
    return True


DRAWN: Final[dict[str, Draw]] = dict(zip(FIGURES, (price, market, who_paid, seeds), strict=True))
