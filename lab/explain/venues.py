"""The shipped designs in one table: a row for each, a column for each axis on which they differ, and below what they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text as Line

from perplab.exchange.design.structs import VenueDesign

from . import units
from .rulebook import explained, payer_words, price_words, sequencing_words, step_words
from .subject import perpetuals

GAP: Final = 2  # [characters] between columns
MOST, LEAST = 40, 14  # [characters] of a column: what is longer goes on in a second line
PROSE: Final = 100  # [characters] longest line of text
BESIDE: Final = ("sandbox", "testnet", "portfolio")  # ship, and are no part of a comparison: they have several markets
RUN_DRY: Final = ("", "insurance_fund", "liquidity_pool")
PAYS: Final = {"auto_deleverage": "winners", "socialized_loss": "everyone", "profit_haircut": "winners"}


class Axis(NamedTuple):
    name: str
    of: Callable[[VenueDesign], str]


def of_markets(design: VenueDesign, words: Callable[[int], str]) -> str:
    """What the markets say, once where they agree: those of perpetuals, if there are any."""
    numbers = perpetuals(design) or range(len(design.markets))
    return " / ".join(dict.fromkeys(words(number) for number in numbers))


def price(design: VenueDesign) -> str:
    return of_markets(design, lambda number: price_words(design.markets[number]))


def mark(design: VenueDesign) -> str:
    return of_markets(design, lambda number: explained("mark.rule", design.markets[number].mark.rule).short)


def funding(design: VenueDesign) -> str:
    def words(number: int) -> str:
        table = design.markets[number].funding
        how = ", continuous" if table.payment == "continuous" else ""
        return f"{explained('funding.rule', table.rule).short}, {units.milliseconds(table.interval_ms).replace(' ', '')}{how}"

    return of_markets(design, words)


def margin(design: VenueDesign) -> str:
    return of_markets(design, lambda number: f"{design.markets[number].max_leverage}x")


def liquidation(design: VenueDesign) -> str:
    return ", then ".join(step_words(design))


def backstops(design: VenueDesign) -> str:
    return ", then ".join(payer_words(design)) or "none"


def pays_last(design: VenueDesign) -> str:
    """Who bears what nobody before has paid: of payers that can run dry, nobody does."""
    last = design.backstops[-1] if design.backstops else ""
    return PAYS.get(last, "nobody" if last in RUN_DRY else last)


AXES: Final = (
    Axis("price", price),
    Axis("sequencing", sequencing_words),
    Axis("mark", mark),
    Axis("funding", funding),
    Axis("leverage", margin),
    Axis("liquidation", liquidation),
    Axis("who pays", backstops),
    Axis("last", pays_last),
)


class Overview:
    """Renders the table for any width: where it is too wide, it goes on in further blocks, each with all names."""

    def __init__(self, designs: Sequence[VenueDesign]) -> None:
        self.designs = designs
        self.cells = {axis.name: [axis.of(design) for design in designs] for axis in AXES}

    @property
    def differing(self) -> list[str]:
        return [name for name, cells in self.cells.items() if len(set(cells)) > 1] if len(self.designs) > 1 else list(self.cells)

    @property
    def common(self) -> list[str]:
        return [name for name in self.cells if name not in self.differing]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        widths = self.widest(width)
        for number, block in enumerate(self.blocks(width, widths)):
            if number:
                yield Line("")
            yield self.table(block, widths)
        if self.common:
            told = "; ".join(f"{name}: {self.cells[name][0]}" for name in self.common)
            yield Line("")
            yield from Line(f"The same in all of them: {told}.").wrap(console, min(PROSE, width))
        yield Line("")
        yield from Line("`perplab explain NAME` has the rules of one in full, `perplab diff A B` what differs between two.").wrap(
            console, min(PROSE, width)
        )

    def widths(self, most: int) -> dict[str, int]:
        """By axis, `most` at most: longer cells go on in a second line."""
        return {name: min(most, max(len(name), *map(len, cells))) for name, cells in self.cells.items()}

    def widest(self, width: int) -> dict[str, int]:
        """The widest columns with which there are as few tables as there can be."""
        return min((self.widths(most) for most in range(MOST, LEAST - 1, -1)), key=lambda widths: len(self.blocks(width, widths)))

    @property
    def label(self) -> int:
        return max(len(design.name) for design in self.designs)

    def blocks(self, width: int, widths: dict[str, int]) -> list[list[str]]:
        """The differing axes, packed into as many tables as they need."""
        found: list[list[str]] = []
        left = 0
        for name in self.differing:
            need = widths[name] + GAP
            if not found or left < need:
                found.append([])
                left = width - self.label
            found[-1].append(name)
            left -= need
        return found

    def table(self, block: list[str], widths: dict[str, int]) -> Table:
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("design", no_wrap=True, style="bold")
        for name in block:
            table.add_column(name, overflow="fold", width=widths[name])
        for number, design in enumerate(self.designs):
            table.add_row(design.name, *(self.cells[name][number] for name in block))
        return table
