"""A document in a terminal or a pipe, laid out to its width."""

from __future__ import annotations

import re
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Line

from . import chart
from .document import Block, Contrast, Document, Formula, Grid, Head, Picture, Section, Steps, Text, Worked

PROSE: Final = 100  # [characters] longest line of text
WIDEST: Final = 130  # [characters] of a table
LEAST_WORDS: Final = 50  # [characters] for what a key means, beside three other columns
HANG: Final = 8  # [characters] a formula that does not fit goes on this far to the right


def marked(words: str, style: str = "") -> Line:
    """Text in which `code` stands out, without its backticks."""
    line = Line(style=style)
    for number, part in enumerate(re.split(r"`([^`]*)`", words)):
        line.append(part, style="bold" if number % 2 else "")
    return line


class Page:
    """A document for a console of any width."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        yield Line(self.document.title, style="bold")
        if self.document.subtitle:
            yield wrapped(self.document.subtitle, width)
        number = 0
        for section in self.document.sections:
            number += 1 if section.title else 0
            yield from self.section(section, number, width)

    def section(self, section: Section, number: int, width: int) -> RenderResult:
        if section.title:
            title = f"{number}  {section.title}"
            yield Line(f"\n{title}", style="bold cyan")
            yield Line("─" * min(width, PROSE), style="dim")
        before: Block | None = None
        for block in section.blocks:
            if (before is not None and not isinstance(before, Head)) or not section.title:
                yield Line("")
            yield from shown(block, width)
            before = block


def wrapped(words: str, width: int, style: str = "") -> RenderableType:
    return Padding(marked(words, style), (0, max(0, width - PROSE), 0, 0))


def shown(block: Block, width: int) -> RenderResult:
    if isinstance(block, Text):
        yield wrapped(block.words, width)
    elif isinstance(block, Head):
        yield marked(block.words, "underline")
    elif isinstance(block, Worked):
        yield wrapped(f"Example. {block.words}", width, "yellow")
    elif isinstance(block, Formula):
        yield from (formula(line, width) for line in block.lines)
    elif isinstance(block, Steps):
        yield numbered(block, width)
    elif isinstance(block, Contrast):
        yield from contrast(block, width)
    elif isinstance(block, Grid):
        if block.caption:
            yield wrapped(block.caption, width)
        yield grid(block, width)
    else:
        assert isinstance(block, Picture)
        yield Line(block.title)
        for line in chart.characters(block, min(width, PROSE)):
            yield Line(line, no_wrap=True)


def formula(line: str, width: int) -> RenderableType:
    """Indented, going on below what stands behind its `=`."""
    start = re.match(r"(.*?= |\w+: +|\s+)", line)
    hang = len(start[1]) if start and len(start[1]) < width // 2 else HANG
    table = Table.grid(padding=0)
    table.add_column(width=hang, no_wrap=True)
    table.add_column(overflow="fold", max_width=max(20, min(width, WIDEST) - hang - 4))
    if start and hang == len(start[1]):
        table.add_row(Line(line[:hang], style="green"), Line(line[hang:], style="green"))
        return Padding(table, (0, 0, 0, 4))
    return Padding(Line(line, style="green"), (0, 0, 0, 4))


def numbered(block: Steps, width: int) -> RenderableType:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold", max_width=min(width, PROSE) - 6)
    for number, item in enumerate(block.items, start=1):
        table.add_row(f"{number}.", marked(item))
    return Padding(table, (0, 0, 0, 2))


def grid(block: Grid, width: int) -> RenderableType:
    """Numbers and keys stay whole where there is room for them; words are folded."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    last = len(block.header) - 1
    for number, name in enumerate(block.header):
        whole = number in block.right or number in block.code or (number == 1 and number != last)
        least = max((len(row[number]) for row in block.rows), default=0)
        table.add_column(
            name, justify="right" if number in block.right else "left", overflow="fold", no_wrap=whole and least <= width // 3,
        )  # fmt: skip
    for row in block.rows:
        table.add_row(*(marked(cell, "bold" if number in block.code else "") for number, cell in enumerate(row)))
    return Padding(table, (0, max(0, width - WIDEST), 0, 2))


def contrast(block: Contrast, width: int) -> RenderResult:
    """A table where all columns have room, else key by key."""
    longest = [max(len(row[column]) for row in block.rows) for column in range(3)]
    if sum(longest) + LEAST_WORDS <= width:
        yield grid(Grid(("key", *block.names, "what it means"), block.rows, code=(0,)), width)
        return
    label = max(map(len, block.names))
    for number, (key, *values, words) in enumerate(block.rows):
        yield Line(("\n" if number else "") + key, style="bold")
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=label, no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for name, value in zip(block.names, values):
            table.add_row(name, marked(value))
        yield Padding(table, (0, 0, 0, 2))
        if words:
            yield Padding(marked(words, "dim"), (0, max(0, width - PROSE), 0, 2))


def show(document: Document, console: Console) -> None:
    printed(Page(document), console)


def printed(made: RenderableType, console: Console) -> None:
    """To a terminal as it is; to anything else without the blanks that fill lines."""
    if console.is_terminal:
        console.print(made)
        return
    with console.capture() as captured:
        console.print(made)
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
