"""A document as one page of HTML that needs nothing else: light and dark as the reader has it, on paper, on a phone, on a wide screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Final

from . import chart
from .document import Block, Contrast, Document, Formula, Grid, Head, Picture, Section, Steps, Text, Worked

STYLE: Final = """
:root { color-scheme: light dark;
  --ink: #1c2126; --quiet: #5b6670; --page: #ffffff; --panel: #f4f6f8; --line: #d5dbe1; --accent: #0b66c3; --note: #fff7e0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --quiet: #9aa6b2; --page: #14181c; --panel: #1d2329; --line: #343d46; --accent: #6db3ff; --note: #2c2716; }
}
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--page); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.frame { max-width: 74rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 1.9rem; overflow-wrap: anywhere; }
.subtitle { margin: .25rem 0 1.5rem; color: var(--quiet); }
nav ol { margin: 0; padding-left: 1.4rem; }
nav a { color: var(--accent); text-decoration: none; }
nav a:hover { text-decoration: underline; }
h2 { margin: 2.6rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); font-size: 1.35rem; }
h3 { margin: 1.8rem 0 .4rem; font-size: 1.08rem; }
p, .worked { max-width: 46rem; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { margin: .8rem 0; padding: .7rem .9rem; background: var(--panel); border-left: 3px solid var(--accent); white-space: pre-wrap;
  font: .85rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.worked { margin: .9rem 0; padding: .6rem .9rem; background: var(--note); border-left: 3px solid #d79b00; }
.wide { margin: .8rem 0 1.2rem; overflow-x: auto; }
.wide p { margin: 0 0 .35rem; color: var(--quiet); }
td code { overflow-wrap: normal; }
@media (min-width: 40rem) { td code { white-space: nowrap; } }
table { border-collapse: collapse; font-size: .93rem; }
th, td { padding: .28rem .8rem .28rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
ol.steps { max-width: 46rem; padding-left: 1.6rem; }
ol.steps li { margin: .25rem 0; }
figure { margin: 1rem 0; max-width: 46rem; }
figcaption { color: var(--quiet); }
.chart { width: 100%; height: auto; }
@media (min-width: 64rem) {
  .frame { display: grid; grid-template-columns: 15rem minmax(0, 1fr); column-gap: 3rem; }
  header { grid-column: 1 / -1; }
  nav { position: sticky; top: 1rem; align-self: start; font-size: .93rem; }
  main > section:first-child h2 { margin-top: 0; }
}
@media print {
  :root { --ink: #000; --quiet: #444; --page: #fff; --panel: #f4f4f4; --line: #bbb; --note: #f8f8f8; }
  .frame { display: block; max-width: none; padding: 0; }
  nav { display: none; }
  body { font-size: 10.5pt; }
  h2, h3 { break-after: avoid; }
  tr, pre, .worked, figure { break-inside: avoid; }
  .wide { overflow: visible; }
}
"""


def html(document: Document) -> str:
    named = [section for section in document.sections if section.title]
    links = "".join(f'<li><a href="#{escape(one.name)}">{marked(one.title)}</a></li>' for one in named)
    body = "".join(section(one) for one in document.sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(document.title)}: the rules</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<div class="frame">\n'
        f'<header><h1>{escape(document.title)}</h1><p class="subtitle">{marked(document.subtitle)}</p></header>\n'
        f'<nav aria-label="Sections"><ol>{links}</ol></nav>\n<main>\n{body}</main>\n</div>\n</body>\n</html>\n'
    )


def section(one: Section) -> str:
    title = f"<h2>{marked(one.title)}</h2>\n" if one.title else ""
    blocks = "\n".join(line for block in one.blocks for line in written(block))
    return f'<section id="{escape(one.name)}">\n{title}{blocks}\n</section>\n'


def marked(words: str) -> str:
    """Text with `code`; everything else is escaped."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(words, quote=False))


def written(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        yield f"<p>{marked(block.words)}</p>"
    elif isinstance(block, Head):
        yield f"<h3>{marked(block.words)}</h3>"
    elif isinstance(block, Worked):
        yield f'<p class="worked"><strong>Example.</strong> {marked(block.words)}</p>'
    elif isinstance(block, Formula):
        yield f"<pre>{escape(chr(10).join(block.lines), quote=False)}</pre>"
    elif isinstance(block, Steps):
        yield f'<ol class="steps">{"".join(f"<li>{marked(item)}</li>" for item in block.items)}</ol>'
    elif isinstance(block, Grid):
        yield table(block)
    elif isinstance(block, Contrast):
        yield table(Grid(("key", *block.names, "what it means"), block.rows, code=(0,)))
    else:
        assert isinstance(block, Picture)
        yield f"<figure>{chart.svg(block)}<figcaption>{marked(block.title)}</figcaption></figure>"


def table(block: Grid) -> str:
    caption = f"<p>{marked(block.caption)}</p>" if block.caption else ""
    head = "".join(f"<th{number(block, column)}>{marked(name)}</th>" for column, name in enumerate(block.header))
    rows = "".join(f"<tr>{''.join(cell(block, column, words) for column, words in enumerate(row))}</tr>" for row in block.rows)
    return f'<div class="wide">{caption}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def number(block: Grid, column: int) -> str:
    return ' class="number"' if column in block.right else ""


def cell(block: Grid, column: int, words: str) -> str:
    shown = f"<code>{escape(words, quote=False).replace('_', '_<wbr>')}</code>" if column in block.code else marked(words)
    return f"<td{number(block, column)}>{shown}</td>"
