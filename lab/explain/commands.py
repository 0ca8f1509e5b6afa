"""`perplab venues`, `perplab explain`, `perplab diff`.

Rules of the file: a design is a shipped one by name or a TOML file; what is shown is the loaded design. Nothing heavy is imported before a
command needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .document import Document

FORMS: tuple[Any, ...] = (
    click.option("--md", "form", flag_value="md", help="Print Markdown."),
    click.option("--html", "form", flag_value="html", help="Print one page of HTML that needs nothing else."),
    click.option(
        "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead; .md and .html say which form."
    ),
)


def in_a_form(command: Any) -> Any:
    for decorate in reversed(FORMS):
        command = decorate(command)
    return command


@click.command(short_help="Compare the shipped designs in one table.")
def venues() -> None:
    """List the venue designs that come with perplab: how each makes prices, closes positions, and lets whom pay."""
    from rich.console import Console

    from perplab.exchange import load_venue
    from perplab.lab.comparison.choices import all_venues

    from .terminal import printed
    from .venues import BESIDE, Overview

    printed(Overview([load_venue(name) for name in (*all_venues(), *BESIDE)]), Console())


@click.command(short_help="Tell the rules of a design in words, with numbers.")
@click.argument("venue")
@in_a_form
def explain(venue: str, form: str | None, out: Path | None) -> None:
    """Tell the rules of VENUE, a shipped design or a TOML file: each with its formula, and an example computed by the venue's own code."""
    from perplab.exchange import load_venue

    from .rulebook import rulebook

    give(rulebook(load_venue(venue)), form, out)


@click.command(short_help="Tell what differs between two designs.")
@click.argument("first")
@click.argument("second")
@in_a_form
def diff(first: str, second: str, form: str | None, out: Path | None) -> None:
    """Tell what differs between two designs, FIRST and SECOND, each a shipped one or a TOML file: key by key, and what it comes to."""
    from perplab.exchange import load_venue

    from .diff import diff as differing

    give(differing(load_venue(first), load_venue(second)), form, out)


def give(document: Document, form: str | None, out: Path | None) -> None:
    """To the terminal, or in the form that was asked for."""
    from .html import html
    from .markdown import markdown

    if out is not None and form is None:
        form = {".md": "md", ".html": "html", ".htm": "html"}.get(out.suffix.lower())
        if form is None:
            raise click.UsageError(f"--out: {out} given, expected a name that ends in .md or .html, or --md or --html beside it")
    if form is None:
        from rich.console import Console

        from .terminal import show

        show(document, Console())
        return
    text = markdown(document) if form == "md" else html(document)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"{out}: written", err=True)
