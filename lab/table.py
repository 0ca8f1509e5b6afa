"""A report as a table in the terminal: venues side by side, who was liquidated, what was lost, who paid.

Rules of the file: it computes nothing, it chooses and formats. A row has one unit, chosen so that its largest number is short.
0 is exactly zero, 0.00 is less than can be shown, - is not defined.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from .metrics import CATALOGUE
from .report import BASE, DISTINGUISHED, EQUAL, NOT_DISTINGUISHED, ONE_SEED, UNDEFINED, Report

LABEL, VALUE, CHANGE = 30, 7, 7  # [characters] label with unit; a number; a difference
PROSE: Final = 100  # [characters] longest line of text
UNIT_OF: Final = {measure.key: measure.unit for measure in CATALOGUE}
USD_SCALES: Final = ((1e9, "bn USD"), (1e6, "M USD"), (1e3, "k USD"), (1.0, "USD"))
COUNTED: Final = ("accounts", "liquidations", "positions")  # units that the label says already

CALIBRATED_USD: Final = {
    "backstop_usd": "insurance fund or vault {} at the start",
    "makers.capital_usd": "a maker's capital {}",
    "arbitrageurs.capital_usd": "an arbitrageur's {}",
    "bidders.capital_usd": "a last-resort bidder's {}",
}


class Row(NamedTuple):
    key: str
    label: str


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
        ),
    ),
    Section(
        "Who paid",
        (
            Row("losses.fund_usd", "insurance fund"),
            Row("losses.vault_usd", "backstop vault"),
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


def usd_scale(values: list[float]) -> tuple[float, str]:
    return next((pair for pair in USD_SCALES if max(values, default=0.0) >= pair[0]), USD_SCALES[-1])


def dollars(usd: float) -> str:
    factor, unit = usd_scale([usd])
    return f"{usd / factor:.3g} {unit}"


def decimals_of(values: list[float], factor: float) -> int:
    """So many that the largest number of a row stays short, and a small one beside it can still be read; none for whole numbers."""
    shown = [value / factor for value in values if value]
    if all(value.is_integer() for value in shown):
        return 0
    largest, smallest = max(shown), min(shown)
    return 2 if largest < 10 else 1 if largest < 100 or (largest < 1000 and smallest < 10) else 0


class Overview:
    """Renders a report for any width: differences beside the numbers where there is room, below them where not."""

    def __init__(self, report: Report, files: str) -> None:
        self.report = report
        self.files = files  # a sentence: what was written where

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        beside = LABEL + (VALUE + CHANGE + 4) * len(self.report.venues) <= options.max_width
        yield Text(self.title(), style="bold")
        yield self.table(beside)
        for paragraph in self.prose(beside):
            lines = Text(paragraph).wrap(console, min(PROSE, options.max_width))
            yield Text("")
            yield from lines

    def title(self) -> str:
        about, report = self.report.about, self.report
        sizes = (counted(len(report.venues), "venue design"), counted(len(report.seeds), "seed"))
        return f"{about.title}\n{', '.join(sizes)}, {about.accounts:,} accounts"

    # -- the table --

    def table(self, beside: bool) -> Table:
        table = Table(box=None, padding=(0, 2 if beside else 1, 0, 0), pad_edge=False, header_style="bold")
        table.add_column("", no_wrap=True, width=LABEL)
        for venue in self.report.venues:
            table.add_column(self.header(venue, beside), justify="right", no_wrap=True, min_width=VALUE)
        for section in SECTIONS:
            rows = [row for row in section.rows if self.is_told(row)]
            if rows:
                table.add_row()
                table.add_row(Text(section.title, style="bold cyan", no_wrap=True, overflow="ignore"))
            for row in rows:
                table.add_row(*self.cells(row, beside))
        return table

    def is_told(self, row: Row) -> bool:
        """A row that is undefined in every venue is left out."""
        return any(self.report.median(venue, row.key) is not None for venue in self.report.venues)

    def header(self, venue: str, beside: bool) -> Text:
        name = venue if beside else venue.replace("_", "\n")
        is_base = venue == self.report.baseline and len(self.report.venues) > 1
        return Text(name, justify="right").append("\nbaseline" if is_base else "", style="not bold dim")

    def cells(self, row: Row, beside: bool) -> list[RenderableType]:
        scale, label = self.scale(row), f"  {row.label.format(size=self.middle_size())}"
        first = Text(label).append(f"{scale.unit:>{LABEL - len(label)}}", style="dim")
        return [first, *(self.cell(row, venue, scale, beside) for venue in self.report.venues)]

    def scale(self, row: Row) -> Scale:
        """One unit for all dollars of a group, so that what was lost and who paid can be added up by eye."""
        factor, unit = 1.0, UNIT_OF[row.key]
        if unit == "USD":
            group = [key for key in TOLD if UNIT_OF[key] == "USD" and key.split(".")[0] == row.key.split(".")[0]]
            factor, unit = usd_scale([size for key in group for size in self.sizes(key)])
        return Scale(factor, "" if unit in COUNTED else unit, decimals_of(self.sizes(row.key), factor))

    def middle_size(self) -> str:
        return dollars(self.report.results[0].metrics.sizes_usd[1])

    def sizes(self, key: str) -> list[float]:
        medians = (self.report.median(venue, key) for venue in self.report.venues)
        return [abs(float(value)) for value in medians if value is not None]

    def cell(self, row: Row, venue: str, scale: Scale, beside: bool) -> Text:
        value = Text(f"{scale.show(self.report.median(venue, row.key)):>{VALUE}}", style="bold", justify="right")
        change, style = self.change(row, venue, scale)
        if beside:
            return value.append(f" {change:>{CHANGE}}", style=style)
        return value.append(f"\n{change}" if self.has_changes(row) else "", style=style)

    def change(self, row: Row, venue: str, scale: Scale) -> tuple[str, str]:
        """The difference to the baseline as text, and its style."""
        found = self.report.difference(venue, row.key)
        if found.verdict in (DISTINGUISHED, ONE_SEED):
            return scale.show(found.median, "+"), "not bold"
        return {EQUAL: "=", NOT_DISTINGUISHED: "n.d."}.get(found.verdict, ""), "not bold dim"

    def has_changes(self, row: Row) -> bool:
        verdicts = {self.report.difference(venue, row.key).verdict for venue in self.report.venues}
        return not verdicts <= {BASE, EQUAL, UNDEFINED}

    # -- what must be said with it --

    def prose(self, beside: bool) -> list[str]:
        about = self.report.about
        truth = "The true price is exogenous: what is traded here does not move it (feedback 0)."
        if about.feedback:
            truth = f"What is traded here moves the true price (feedback {about.feedback:g})."
        return [self.how_to_read("beside" if beside else "below"), truth, *self.fitted(), self.files]

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

    def how_to_read(self, place: str) -> str:
        report, seeds = self.report, len(self.report.seeds)
        values = "Each number is that of one seed" if seeds == 1 else f"Each number is the median over {seeds} seeds"
        if len(report.venues) == 1:
            return f"{values}."
        if seeds == 1:
            return f"{values}; {place} it, the difference to {report.baseline}, which may be chance: take more seeds."
        return (
            f"{values}; {place} it, the median difference to {report.baseline} on the same seeds. = is no difference in any "
            "seed; n.d. is not distinguished: the sign of the difference is not the same in all seeds. By chance alone it would "
            f"be once in {2 ** (seeds - 1)} times."
        )


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
