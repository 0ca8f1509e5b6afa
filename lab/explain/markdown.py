"""A document as Markdown, tables and all; pictures as SVG in the text."""

from __future__ import annotations

from collections.abc import Iterator

from . import chart
from .document import Block, Contrast, Document, Formula, Grid, Head, Picture, Steps, Text, Worked


def markdown(document: Document) -> str:
    lines = [f"# {document.title}", ""]
    lines += [document.subtitle, ""] if document.subtitle else []
    for section in document.sections:
        lines += [f"## {section.title}", ""] if section.title else []
        for block in section.blocks:
            lines += [*written(block), ""]
    return "\n".join(lines).rstrip() + "\n"


def written(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        yield block.words
    elif isinstance(block, Head):
        yield f"### {block.words}"
    elif isinstance(block, Worked):
        yield f"> **Example.** {block.words}"
    elif isinstance(block, Formula):
        yield from (f"    {line}" for line in block.lines)
    elif isinstance(block, Steps):
        yield from (f"{number}. {item}" for number, item in enumerate(block.items, start=1))
    elif isinstance(block, Grid):
        yield from table(block)
    elif isinstance(block, Contrast):
        yield from table(Grid(("key", *block.names, "what it means"), block.rows, code=(0,)))
    else:
        assert isinstance(block, Picture)
        yield from (f"**{block.title}**", "", chart.svg(block))


def table(block: Grid) -> Iterator[str]:
    if block.caption:
        yield from (block.caption, "")
    yield row(block.header)
    yield row(tuple("---:" if number in block.right else "---" for number in range(len(block.header))))
    for cells in block.rows:
        yield row(tuple(f"`{cell}`" if number in block.code else cell for number, cell in enumerate(cells)))


def row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
