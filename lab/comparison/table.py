"""A report as a table in the terminal: venues side by side, who was liquidated, what was lost, who paid.

Rules of the file: it computes nothing, it chooses and formats. A row has one unit, chosen so that its largest number is short and its
smallest can be read. A loss that stands among gains is shown as one, below zero, so that a group adds up.
0 is exactly zero, 0.00 is less than can be shown, - is not defined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ..amounts import dollars, usd_scale
from .bars import StackedBars, bars_of
from .headline import TOTAL_KEY, UNIT_OF
from .ranking import in_words, ranking, why_none
from .reading import counted, has_intervals, how_to_read, left_out, opened_less, unfinished, what_it_tells
from .report import SAME, Report
from .statistics import BASE, DISTINGUISHED, EQUAL, NOT_DISTINGUISHED, TOO_FEW, UNDEFINED
from .who_paid import stories

LABEL, VALUE = 31, 7  # [characters] label with unit; a number
LEAST_LABEL: Final = 12  # [characters] of a label that is folded, on a narrow terminal
BESIDE_GAP, BELOW_GAP = 2, 1  # [characters] between columns
NAME_BESIDE, NAME_BELOW = 19, 12  # [characters] of a line of a design's name
LEAST_WIDTH: Final = LEAST_LABEL + 2 * BELOW_GAP + NAME_BELOW
PROSE: Final = 100  # [characters] longest line of text
COUNTED: Final = ("accounts", "liquidations", "positions")  # units that the label says already

RANKS: Final = "Rank by total cost"
ORDER: Final = (
    "The order of the designs depends on the prices that bidders ask, on the path, and on the settings that come with a design: it "
    "is no finding about the designs alone."
)

ADDED_UP: Final = (
    "In each run the results of providers and of the venue's add up to fees earned, gained on true price, earned by position, and "
    "what funding, deficits and the mark's distance from the true price made; below zero is a loss."
)

UNHEDGED: Final = "Makers who pay into a pool have no margin calls, so nobody refills them, and they bid in no auction. "

CALIBRATED_USD: Final = {
    "makers.capital_usd": "a maker's capital {}",
    "arbitrageurs.capital_usd": "an arbitrageur's {}",
    "bidders.capital_usd": "a last-resort bidder's {}",
}


class Row(NamedTuple):
    key: str
    label: str
    sign: int = 1  # -1: the metric is a loss, and its row tells what was gained


class Section(NamedTuple):
    title: str
    rows: tuple[Row, ...]


SECTIONS: Final = (
    Section(
        "Who was liquidated",
        (
            Row("liquidation.accounts", "accounts"),
            Row("liquidation.notional_usd", "notional"),
            Row("liquidation.slippage_bp", "slippage in the book"),
            Row("liquidation.auction_discount_bp", "discount in auctions"),
            Row("liquidation.seconds_median", "until flat, median"),
            Row("liquidation.seconds_max", "until flat, longest"),
            Row("liquidation.unfinished", "unfinished at the end"),
        ),
    ),
    Section(
        "What was lost",
        (
            Row("losses.bad_debt_usd", "bad debt"),
            Row("losses.open_deficit_usd", "still open at the end"),
            Row(TOTAL_KEY, "total cost to others"),
        ),
    ),
    Section(
        "Who paid",
        (
            Row("losses.fund_usd", "insurance fund"),
            Row("losses.vault_usd", "backstop vault"),
            Row("losses.pool_usd", "pool of the curve"),
            Row("losses.adl_conceded_usd", "winners, by ADL"),
            Row("losses.socialized_usd", "everyone, socialized"),
            Row("losses.uncovered_usd", "nobody"),
        ),
    ),
    Section(
        "Bystander (never liquidated)",
        (
            Row("stress.long_bp", "cost of a long"),
            Row("stress.short_bp", "cost of a short"),
        ),
    ),
    Section(
        "Auto-deleveraging (ADL)",
        (
            Row("adl.positions", "positions closed"),
            Row("adl.notional_usd", "notional closed"),
            Row("adl.delay_s", "after 1st liquidation"),
        ),
    ),
    Section(
        "The curve's pool",
        (
            Row("pool.lp_usd", "result of providers"),
            Row("pool.own_usd", "result of the venue's"),
            Row("pool.fees_usd", "fees earned"),
            Row("pool.markout_usd", "gained on true price", -1),
            Row("pool.markout_stale_usd", "... oracle off", -1),
            Row("pool.inventory_usd", "earned by position"),
            Row("pool.rest_usd", "funding, deficits, mark"),
        ),
    ),
    Section(
        "The market",
        (
            Row("prices.mark_gap_bp", "mark off true, largest"),
            Row("prices.last_gap_bp", "last off true, largest"),
            Row("liquidity.effective_spread_2_bp", "spread at {size}, worst"),
            Row("liquidity.bid_depth_worst_minute_usd", "bids within 1 %, worst"),
            Row("liquidity.ask_depth_worst_minute_usd", "asks within 1 %, worst"),
        ),
    ),
)
TOLD: Final = tuple(row.key for section in SECTIONS for row in section.rows)


class Scale(NamedTuple):
    """How the numbers of one row are written."""

    factor: float
    unit: str
    decimals: int

    def show(self, value: float | None, sign: str = "") -> str:
        if value is None:
            return "-"
        return f"{value / self.factor:{sign}z,.{self.decimals}f}" if value else "0"

    def show_interval(self, ends: tuple[float, float] | None, none: str) -> str:
        return none if ends is None else " to ".join(self.show(end, "+") for end in ends)


def decimals_of(values: list[float], factor: float) -> int:
    """So many that the largest number of a row stays short, and a small one beside it can still be read; none for whole numbers."""
    shown = [value / factor for value in values if value]
    if all(value.is_integer() for value in shown):
        return 0
    largest, smallest = max(shown), min(shown)
    decimals = 2 if largest < 10 else 1 if largest < 100 or (largest < 1000 and smallest < 10) else 0
    return max(decimals, next((few for few in range(3) if round(smallest, few)), 2))


class Parts(NamedTuple):
    """What a cell is made of, besides its number."""

    value: str
    change: str = ""  # the difference to the baseline
    paths: str = ""  # on how many paths it has that sign
    interval: str = ""
    style: str = ""


class Layout(NamedTuple):
    """Where the differences stand, and how far columns are apart."""

    place: str
    gap: int  # [characters]
    name: int  # [characters] of a line of a design's name
    has_intervals: bool


WIDE: Final = Layout("beside", BESIDE_GAP, NAME_BESIDE, True)
BESIDE: Final = Layout("beside", BESIDE_GAP, NAME_BESIDE, False)
BELOW: Final = Layout("below", BELOW_GAP, NAME_BELOW, False)


class Column(NamedTuple):
    """One design: what stands above it and in each row, and how wide that is."""

    header: Text
    cells: dict[str, Text]  # by metric
    width: int  # [characters]


def column_of(header: Text, cells: dict[str, Text]) -> Column:
    lines = (line for text in (header, *cells.values()) for line in text.plain.split("\n"))
    return Column(header, cells, max(VALUE, *(cell_len(line) for line in lines)))


class Overview:
    """Renders a report for any width: differences, and their intervals, beside the numbers where there is room for all designs, else below.

    Where not all designs fit, the table goes on in further blocks, each with all row labels: no design and no unit is left out.
    """

    def __init__(self, report: Report, files: str) -> None:
        self.report = report
        self.files = files  # a sentence: what was written where

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        for layout in (WIDE, BESIDE, BELOW):
            columns = self.columns(layout)
            if len(blocks := packed(columns, width - LABEL, layout.gap)) == 1:
                break
        yield Text(self.title(), style="bold")
        first = 1
        for block in blocks:
            if len(blocks) > 1:
                last = first + len(block) - 1
                which = f"Design {first}" if first == last else f"Designs {first} to {last}"
                yield Text(f"\n{which} of {len(columns)}", style="dim")
                first = last + 1
            yield from console.render(self.table(block, layout, width), options.update(width=max(width, LEAST_WIDTH)))
        yield StackedBars(bars_of(self.report), self.report.counted_pairs)
        if not why_none(self.report):
            yield from self.ranks(console, options)
        for paragraph in self.prose(layout):
            lines = Text(paragraph).wrap(console, min(PROSE, width))
            yield Text("")
            yield from lines

    def title(self) -> str:
        about, report = self.report.about, self.report
        paths = (counted(len(report.paths), "path"),) if len(report.paths) > 1 else ()
        sizes = (counted(len(report.venues), "venue design"), *paths, counted(len(report.seeds), "seed"))
        changed = f"\nwith {' '.join(about.inputs.settings)}" if about.inputs.settings else ""
        on = f"\non {', '.join(report.paths)}" if paths else ""
        return f"{about.title}\n{', '.join(sizes)}, {about.accounts:,} accounts{on}{changed}"

    # -- the table --

    def columns(self, layout: Layout) -> list[Column]:
        rows = {row.key: row for section in SECTIONS for row in section.rows if self.is_told(row)}
        scales = {key: self.scale(row) for key, row in rows.items()}
        columns = []
        for venue in self.report.venues:
            parts = {key: self.parts(row, venue, scales[key]) for key, row in rows.items()}
            header = self.header(venue, layout)
            below = {key: self.in_lines(rows[key], each) for key, each in parts.items()}
            columns.append(column_of(header, below if layout is BELOW else in_line(parts, layout, header)))
        return columns

    def table(self, block: list[Column], layout: Layout, width: int) -> Table:
        gap = layout.gap
        label = max(LEAST_LABEL, min(LABEL, width - gap - max(column.width for column in block)))
        table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
        table.add_column("", width=label, overflow="fold")
        for column in block:
            table.add_column(column.header, justify="right", no_wrap=True, width=column.width)
        for section in SECTIONS:
            rows = [row for row in section.rows if self.is_told(row)]
            if rows:
                table.add_row()
                table.add_row(Text(section.title, style="bold cyan", overflow="fold"))
            for row in rows:
                table.add_row(self.label(row, label), *(column.cells[row.key] for column in block))
        return table

    def label(self, row: Row, width: int) -> Text:
        """What the row is, and its unit at the right edge, or behind it where there is no room for both."""
        name, unit = f"  {row.label.format(size=self.middle_size())}", self.scale(row).unit
        if cell_len(name) + cell_len(unit) < width:
            return Text(name).append(f"{unit:>{width - len(name)}}", style="dim")
        return Text(name.strip()).append(f" [{unit}]" if unit else "", style="dim")

    def is_told(self, row: Row) -> bool:
        """A row that is undefined in every venue is left out."""
        return any(self.report.median(venue, row.key) is not None for venue in self.report.venues)

    def header(self, venue: str, layout: Layout) -> Text:
        is_base = venue == self.report.baseline and len(self.report.venues) > 1
        name = "\n".join(folded(venue, layout.name, together=layout.place == "beside"))
        return Text(name, justify="right").append("\nbaseline" if is_base else "", style="not bold dim")

    def scale(self, row: Row) -> Scale:
        """One unit for all dollars of a group, so that what was lost and who paid can be added up by eye."""
        factor, unit = 1.0, UNIT_OF[row.key]
        if unit == "USD":
            group = [key for key in TOLD if UNIT_OF[key] == "USD" and key.split(".")[0] == row.key.split(".")[0]]
            factor, unit = usd_scale([size for key in group for size in self.sizes(key)], readable=True)
        return Scale(factor, "" if unit in COUNTED else unit, decimals_of(self.sizes(row.key), factor))

    def middle_size(self) -> str:
        return dollars(self.report.results[0].metrics.sizes_usd[1])

    def sizes(self, key: str) -> list[float]:
        medians = (self.report.median(venue, key) for venue in self.report.venues)
        return [abs(float(value)) for value in medians if value is not None]

    def parts(self, row: Row, venue: str, scale: Scale) -> Parts:
        median, found = self.report.median(venue, row.key), self.report.finding(venue, row.key)
        value = scale.show(None if median is None else row.sign * median)
        if found.verdict not in (DISTINGUISHED, NOT_DISTINGUISHED, TOO_FEW) or found.mean is None:
            return Parts(value, "=" if found.verdict == EQUAL else "", style="not bold dim")
        agree = f"{self.report.agreeing_paths(venue, row.key)}/{len(self.report.counted_seeds)}" if len(self.report.paths) > 1 else ""
        ends = sorted(row.sign * end for end in found.interval or ())
        interval = f"[{', '.join(scale.show(end, '+') for end in ends)}]" if ends else ""
        if found.verdict == NOT_DISTINGUISHED:
            return Parts(value, "n.d.", agree, interval, "not bold dim")
        change = scale.show(row.sign * found.mean, "+")
        if found.verdict == TOO_FEW:
            return Parts(value, f"{change}?", agree, "", "not bold dim")
        return Parts(value, change, agree, interval, "not bold")

    def in_lines(self, row: Row, parts: Parts) -> Text:
        """A number, and below it its difference."""
        value = Text(f"{parts.value:>{VALUE}}", style="bold", justify="right")
        change = f"{parts.change} {parts.paths}".rstrip()
        return value.append(f"\n{change}" if self.has_changes(row) else "", style=parts.style)

    def has_changes(self, row: Row) -> bool:
        verdicts = {self.report.finding(venue, row.key).verdict for venue in self.report.venues}
        return not verdicts <= {BASE, EQUAL, UNDEFINED}

    # -- the ranks --

    def ranks(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """A row for each design, a column for each path."""
        report, found = self.report, ranking(self.report)
        families = {name: path.family for name, path in report.about.inputs.paths.items()}
        columns = []
        for path in report.paths:
            name = "\n".join(folded(path, NAME_BELOW, together=True))
            header = Text(name, justify="right").append(f"\n{families[path]}", style="not bold dim")
            columns.append(column_of(header, {venue: Text(str(found.ranks[venue, path])) for venue in found.venues}))
        label = min(LABEL, max(map(cell_len, (RANKS, *found.venues))))
        for block in packed(columns, options.max_width - label, BESIDE_GAP):
            table = Table(box=None, padding=(0, BESIDE_GAP, 0, 0), pad_edge=False, header_style="bold")
            table.add_column(f"\n{RANKS}", width=label, overflow="fold")
            for column in block:
                table.add_column(column.header, justify="right", no_wrap=True, width=column.width)
            for venue in found.venues:
                table.add_row(venue, *(column.cells[venue] for column in block))
            yield Text("")
            yield from console.render(table, options)

    # -- what must be said with it --

    def prose(self, layout: Layout) -> list[str]:
        about = self.report.about
        truth = "The true price is exogenous: what is traded here does not move it (impact 0)."
        if about.impact:
            truth = f"What is traded here moves the true price, by {about.impact:g} times the square-root law (impact)."
        read = how_to_read(self.report, layout.place, layout.has_intervals and has_intervals(self.report))
        flaws = [*left_out(self.report), *opened_less(self.report), *unfinished(self.report)]
        said = [*stories(self.report), read, *flaws, *self.order(), self.capital(), *self.pools()]
        return [*said, truth, *about.added, *self.fitted(), self.files, *what_it_tells(self.report)]

    def order(self) -> list[str]:
        """What the order of the designs is worth."""
        if len(self.report.venues) == 1:
            return []
        why = why_none(self.report)
        return [f"{why} {ORDER}" if why else in_words(self.report, ranking(self.report))]

    def capital(self) -> str:
        """What insurance funds and vaults start with."""
        choice, usd = self.report.about.capital
        if choice == SAME:
            most = max((each for of in usd.values() for name, each in of.items() if name != "pool"), default=0)
            if not most:
                return "No insurance fund and no vault has any money at the start (--same-capital)."
            return f"Every insurance fund and every vault starts with {dollars(most)}, the scenario's backstop_usd (--same-capital)."
        each = (f"{venue} {self.own_capital(of)}" for venue, of in usd.items())
        return f"Each design starts with its own capital (--own-capital): {', '.join(each)}."

    @staticmethod
    def own_capital(of: Mapping[str, int]) -> str:
        held = [f"{name.replace('_', ' ')} {dollars(usd)}" for name, usd in of.items() if usd]
        return " and ".join(held) or "none"

    def pools(self) -> list[str]:
        """Whose money stands behind the curves."""
        usd = self.report.about.capital.usd
        told, without = [], ""
        for venue in [name for name in self.report.venues if "pool" in usd.get(name, {})]:
            own, has_providers = usd[venue]["pool"], self.report.median(venue, "pool.lp_usd") is not None
            makers = " and what makers pay in" if has_providers else ""
            without = UNHEDGED if has_providers else without
            told.append(f"{venue} {dollars(own) if own or makers else 'none, it is virtual'}{makers}")
        return [f"Behind the curves stand, of the venue's own: {'; '.join(told)}. {without}{ADDED_UP}"] if told else []

    def fitted(self) -> list[str]:
        """The calibrated numbers that decide how much is lost; the others are in report.json."""
        numbers = self.report.about.calibrated
        told = [name.format(dollars(numbers[key])) for key, name in CALIBRATED_USD.items() if key in numbers]
        depth = "population.open_interest_over_depth"
        if depth in numbers:
            interest = dollars(self.report.about.open_interest_usd)
            told.insert(0, f"open interest {interest}, {numbers[depth]:g} times the calm bid depth within 1 %")
        rest = len(numbers) - len(told)
        return [f"Calibrated once, then frozen: {'; '.join(told)}; {rest} more in report.json."] if told else []


def in_line(parts: Mapping[str, Parts], layout: Layout, header: Text) -> dict[str, Text]:
    """Numbers with their differences beside them, one below the other, by metric; all of one width, that of the header at least."""
    besides = {key: (each.change, each.paths, each.interval if layout.has_intervals else "") for key, each in parts.items()}
    widths = [max(map(cell_len, column), default=0) for column in zip(*besides.values(), strict=True)]
    beside = {
        key: "".join(f" {text:>{width}}" for text, width in zip(texts, widths, strict=True) if width) for key, texts in besides.items()
    }
    room = max(map(cell_len, header.plain.split("\n"))) - sum(width + 1 for width in widths if width)
    number = max(VALUE, room, *(cell_len(each.value) for each in parts.values()))
    return {  # to the left, since blanks at the end count
        key: Text(f"{each.value:>{number}}", style="bold", justify="left").append(beside[key], style=each.style)
        for key, each in parts.items()
    }


def packed(columns: list[Column], room: int, gap: int) -> list[list[Column]]:
    """The columns in blocks that fit into `room` characters; a block has one column at least."""
    blocks: list[list[Column]] = []
    left = 0
    for column in columns:
        if not blocks or left < column.width + gap:
            blocks.append([])
            left = room
        blocks[-1].append(column)
        left -= column.width + gap
    return blocks


def folded(name: str, width: int, together: bool) -> list[str]:
    """A design's name in lines of at most `width` characters, cut behind its underscores and its slash; `together` fills the lines."""
    lines = [""]
    for part in re.findall(r"[^_/]+[_/]?|[_/]", name):
        if lines[-1] and not (together and len(lines[-1] + part.rstrip("_")) <= width):
            lines.append("")
        lines[-1] += part
        while len(lines[-1].rstrip("_")) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return [line if together else line.rstrip("_") or "_" for line in lines]


def print_overview(report: Report, files: str, console: Console) -> None:
    """Print the overview of a report; on a terminal too narrow even for one design, lines go over its edge rather than lose anything."""
    console.print(Overview(report, files), crop=False)
