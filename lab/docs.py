"""`perplab docs`: the pages of docs/, which install beside the packages.

Rules of the file: a terminal gets a page laid out to its width, a pipe the Markdown as it is written.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

FOLDER: Final = Path(__file__).parent.parent / "docs"  # in a checkout, and in an installed perplab


def pages() -> dict[str, Path]:
    """The pages by the name to ask for, which has no suffix and is lower case: metrics, rules, decisions."""
    return {path.stem.lower(): path for path in sorted(FOLDER.glob("*.md"), key=lambda path: path.stem.lower())}


def title(path: Path) -> str:
    """The first heading of a page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("# ")), path.stem)


def page(name: str) -> str:
    """The Markdown of a page, asked for as `metrics`, `metrics.md` or `docs/metrics.md`. Raises click.UsageError."""
    from perplab.exchange.design.reader import nearest

    known = pages()
    asked = name.lower().removeprefix("docs/").removesuffix(".md")
    if asked not in known:
        raise click.UsageError(f"no page {name!r}{nearest(asked, list(known))}")
    return known[asked].read_text(encoding="utf-8")


@click.command(short_help="Print a page of the documentation, or list them.")
@click.argument("name", required=False)
def docs(name: str | None) -> None:
    """Print the page NAME of the documentation, for instance `perplab docs metrics`. Without NAME, list the pages."""
    if name is None:
        width = max(map(len, pages()), default=0)
        for known, path in pages().items():
            click.echo(f"{known:<{width}}  {title(path)}")
        return
    show(page(name))


def show(text: str) -> None:
    """To a terminal laid out, else as it is."""
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


@click.command(short_help="Print the JSON Schema of the wire.")
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of requests, replies, errors, streams and events; with NAME that of one of its $defs, such as Request."""
    import json

    from perplab.exchange.design.reader import nearest
    from perplab.exchange.server.manual import schema as made

    whole = made()
    if name is not None:
        if name not in whole["$defs"]:
            raise click.UsageError(f"no {name!r} in the schema{nearest(name, list(whole['$defs']))}")
        whole = {"$schema": whole["$schema"], "title": name, "$ref": f"#/$defs/{name}", "$defs": whole["$defs"]}
    click.echo(json.dumps(whole, indent=2))
