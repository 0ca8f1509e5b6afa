"""A factorial in the terminal: what each axis changes, where two axes do not add up, K curves, all cells, and who paid.

Rules of the file: it computes nothing, it chooses and formats. Quantities are means over the pairs, as effects are. `*` is a change that
is more than chance, `?` one of which so few pairs cannot tell, `=` none in any pair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ..amounts import dollars, usd_scale
from .bars import StackedBars, bars_of
from .curve_chart import CurveChart
from .curves import DRAWN, Curves, Rise, capital_axis, curves_of, rises, sentences
from .effects import LARGE, Change, Effect, interactions, large_interactions, main_effects
from .factorial import Factorial
from .headline import HEADLINES, Quantity, Values, values_of
from .reading import NO_RUN, THESE_PATHS, counted, has_seeds_enough, left_out, of_what, opened_less
from .report import SAME, Report, mean_of
from .statistics import DISTINGUISHED, EQUAL, LEAST_SEEDS, TOO_FEW
from .table import PROSE, Scale, decimals_of

MOST_TOLD: Final = 12  # interactions in the terminal; report.json has all
LEAST_LABEL, WIDEST_LABEL = 12, 60  # [characters] of a change; a longer one is folded
HEADS: Final = ("change", "95 % interval", "g", "p", "in")


@dataclass(frozen=True)
class Found:
    """All that a factorial found, computed once for the terminal and report.json."""

    report: Report
    factorial: Factorial
    values: Mapping[str, Values]  # by quantity
    mains: Sequence[Effect]
    interactions: Sequence[Effect]
    curves: Sequence[Curves]
    rises: Sequence[Rise]


def found_in(report: Report, factorial: Factorial) -> Found:
    values = {quantity.key: values_of(report, quantity) for quantity in HEADLINES}
    axis = capital_axis(factorial)
    return Found(
        report,
        factorial,
        values,
        main_effects(factorial, values),
        interactions(factorial, values),
        [] if axis is None else [curves_of(factorial, axis, quantity, values[quantity.key]) for quantity in DRAWN],
        [] if axis is None else rises(factorial, axis, values),
    )


class FactorialOverview:
    """Renders what a factorial found, for any width."""

    def __init__(self, found: Found, files: str) -> None:
        self.found, self.files = found, files
        self.factorial, self.report = found.factorial, found.report
        self.scales = {quantity.key: self.scale(quantity) for quantity in HEADLINES}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        yield Text(self.title(), style="bold", overflow="fold")
        yield from prose(console, width, self.how_to_read())
        if self.report.counted_pairs:
            yield from self.effects(console, width)
        yield StackedBars(bars_of(self.report), self.report.counted_pairs)
        yield from prose(console, width, [*left_out(self.report), *opened_less(self.report), *self.what_was_run(), self.files])

    def effects(self, console: Console, width: int) -> RenderResult:
        """Effects, interactions, curves and cells, of the runs that count."""
        yield Text("\nMain effects", style="bold cyan")
        yield self.table(self.found.mains, width)
        if self.found.interactions:
            large = large_interactions(self.found.mains, self.found.interactions)
            yield Text("\nInteractions", style="bold cyan")
            if large:
                yield self.table(sorted(large[:MOST_TOLD], key=order_of), width)
            yield from prose(console, width, [self.about_interactions(len(large))])
        for curves in self.found.curves:
            yield CurveChart(curves)
        if self.found.curves:
            yield from prose(console, width, sentences(self.found.curves[0].labels, self.found.rises))
        yield Text(f"\nAll {counted(len(self.factorial.cells), 'cell')}, means", style="bold cyan")
        yield self.cells(width)

    def title(self) -> str:
        about, cells = self.report.about, counted(len(self.factorial.cells), "cell")
        sizes = f"{cells}, {counted(len(self.report.seeds), 'seed')}, {about.accounts:,} accounts"
        axes = "\n".join(f"varied: {axis.told}" for axis in self.factorial.axes)
        others = [text for text in about.inputs.settings if not text.startswith("--vary")]
        return f"{about.title}\n{self.factorial.base}: {sizes}\n{axes}" + (f"\nwith {' '.join(others)}" if others else "")

    # -- tables --

    def scale(self, quantity: Quantity) -> Scale:
        each = [abs(value) for cell in self.found.values[quantity.key].values() if (value := mean_of(cell.values()))]
        factor, unit = usd_scale(each, readable=True) if quantity.unit == "USD" else (1.0, quantity.unit)
        return Scale(factor, "" if unit == "liquidations" else unit, max(1, decimals_of(each, factor)) if each else 0)

    def table(self, effects: Sequence[Effect], width: int) -> Table:
        """Changes with their intervals, effect sizes and p-values, quantity by quantity."""
        numbers = [self.numbers(effect, self.scales[effect.question.quantity]) for effect in effects]
        widths = [max(len(text) for text in column) for column in zip(HEADS, *numbers, strict=True)]
        label = max(LEAST_LABEL, min(WIDEST_LABEL, width - sum(widths) - len(HEADS)))
        rows = list(zip(effects, self.labels(effects, label - 2), numbers, strict=True))
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("", width=label, overflow="fold")
        for name in HEADS:
            table.add_column(name, justify="right", no_wrap=True)
        for quantity in HEADLINES:
            of_quantity = [row for row in rows if row[0].question.quantity == quantity.key]
            if of_quantity:
                unit = self.scales[quantity.key].unit
                table.add_row(Text(f"{quantity.label}{f' [{unit}]' if unit else ''}", style="bold"))
            for _, what, figures in of_quantity:
                table.add_row(Text(f"  {what}"), *figures)
        return table

    def labels(self, effects: Sequence[Effect], width: int) -> list[str]:
        """What was changed: with the names of the axes where there is room for all, else as cells are named."""
        axes = self.factorial.axes
        full = [" x ".join(f"{axes[one.axis].name} {self.level(one)}" for one in effect.question.changes) for effect in effects]
        short = [" x ".join(f"{axes[one.axis].tag}{self.level(one)}" for one in effect.question.changes) for effect in effects]
        for number, effect in enumerate(effects):
            change, *others = effect.question.changes
            if not others:
                name, first, level = axes[change.axis].name, self.level(change._replace(level=0)), self.level(change)
                full[number], short[number] = f"{name}: {first} > {level}", f"{name}: {level}"
        return full if max(map(len, full), default=0) <= width else short

    def level(self, change: Change) -> str:
        return self.factorial.label(change.axis, change.level)

    @staticmethod
    def numbers(effect: Effect, scale: Scale) -> list[str]:
        finding, places = effect.finding, f"{effect.contexts}/{effect.of}"
        if finding.verdict == EQUAL:
            return ["=", "", "", "", places]
        mark = {DISTINGUISHED: "*", TOO_FEW: "?"}.get(finding.verdict, " ")
        return [
            f"{scale.show(finding.mean, '+')}{mark}",
            scale.show_interval(finding.interval, ""),
            "" if finding.effect is None else f"{finding.effect:+.2f}",
            "" if finding.p is None or finding.verdict == TOO_FEW else f"{finding.p:.3f}",
            places,
        ]

    def cells(self, width: int) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
        figures = {quantity.key: self.figures(quantity) for quantity in HEADLINES}
        longest = max(len(cell.name) for cell in self.factorial.cells)
        head = {key: "\n".join(self.head(key)) for key in figures}
        numbers = sum(1 + max(map(len, [*head[key].split("\n"), *column.values()])) for key, column in figures.items())
        room = max(LEAST_LABEL, min(longest, width - numbers))
        table.add_column("", width=room, overflow="fold")
        for key in figures:
            table.add_column(Text(head[key]), justify="right", no_wrap=True)
        for cell in self.factorial.cells:
            table.add_row(Text("\n".join(folded_name(cell.name, room))), *(column[cell.name] for column in figures.values()))
        return table

    def head(self, key: str) -> list[str]:
        quantity = next(one for one in HEADLINES if one.key == key)
        return [*quantity.label.split(" "), f"[{self.scales[key].unit}]" if self.scales[key].unit else ""]

    def figures(self, quantity: Quantity) -> dict[str, str]:
        of_cells = self.found.values[quantity.key]
        return {cell: self.scales[quantity.key].show(mean_of(each.values())) for cell, each in of_cells.items()}

    # -- what must be said with it --

    def how_to_read(self) -> list[str]:
        told = (
            "A main effect is what a level changes against the first level of its axis: the difference between two cells that differ "
            "in that alone, on the same path and seed, averaged over all levels of the other axes that were run. in: how many such "
            "comparisons there are, of how many combinations of the other axes. g is the change over its spread between pairs."
        )
        pairs = self.report.counted_pairs
        if not pairs:
            return [f"{told} {NO_RUN}"]
        if not has_seeds_enough(self.report):
            few = f"With {of_what(self.report, pairs)} nothing can be told from chance; {LEAST_SEEDS} seeds are the least."
            return [f"{told} {few} What is shown are draws, marked ?."]
        paths = f" {THESE_PATHS}: `perplab contrast` sets two cells against each other path by path." if len(self.report.paths) > 1 else ""
        return [f"{told} * is more than chance: p, corrected for all numbers of the table, is below 0.05.{paths}"]

    def about_interactions(self, count: int) -> str:
        told = f"Of {counted(len(self.found.interactions), 'interaction')} {count} are at least {100 * LARGE:.0f} % of the smaller "
        told += "of their two main effects"
        told += " and more than chance" if has_seeds_enough(self.report) else ""
        rest = f"; the {MOST_TOLD} largest are shown, all are in report.json" if count > MOST_TOLD else ""
        means = "An interaction is what both levels change together beyond the sum of what each changes alone: there the main effects "
        return f"{told}{rest}. {means}mislead."

    def what_was_run(self) -> list[str]:
        told = [f"Not run: {self.factorial.named(levels)}: {why}." for levels, why in self.factorial.dropped.items()]
        for number, axis in enumerate(self.factorial.axes):
            idle = [cell.name for cell in self.factorial.cells if cell.levels[number] is None]
            if idle:
                told.append(f"{axis.name} makes no difference in {', '.join(idle)}: each was run once, and stands for all levels of it.")
        told += self.report.about.added
        if self.report.about.capital.choice == SAME:
            usd = self.report.about.capital.usd
            told.append("Each cell has the insurance capital K in all: of a fund and a vault in one cell each has half." + one_capital(usd))
        return told


def folded_name(name: str, width: int) -> list[str]:
    """A cell's name in lines, cut behind a + where that is possible."""
    lines = [""]
    for part in re.findall(r"[^+]+\+?", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("  ")
        lines[-1] += part
    return lines


def one_capital(usd: Mapping[str, Mapping[str, int]]) -> str:
    """K, where all cells that have any have the same."""
    sums = {each["insurance_fund"] + each["vault"] for each in usd.values()} - {0}
    return f" K is {dollars(float(sums.pop()))}." if len(sums) == 1 else ""


def order_of(effect: Effect) -> int:
    return [quantity.key for quantity in HEADLINES].index(effect.question.quantity)


def prose(console: Console, width: int, paragraphs: Sequence[str]) -> list[Text]:
    """Paragraphs in lines that fit, each after an empty line."""
    return [line for told in paragraphs for line in (Text(""), *Text(told).wrap(console, min(PROSE, width)))]


def print_factorial(found: Found, files: str, console: Console) -> None:
    console.print(FactorialOverview(found, files), crop=False)
