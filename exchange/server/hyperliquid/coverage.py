"""What of Hyperliquid's API is there, as a table: docs/hyperliquid.md and the gateway's /coverage are made of the registries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from .registry import Registry

WORDS: Final = {"full": "yes", "part": "partly", "refused": "refused"}


def rows(registry: Registry) -> Iterator[tuple[str, str, str]]:
    """(type, supported, note) of each, those with a meaning here first, else in the order in which they were registered."""
    order = list(WORDS)
    for entry in sorted(registry.entries.values(), key=lambda one: order.index(one.cover) // 2):
        yield entry.name, WORDS[entry.cover], entry.note


def markdown(registries: Iterable[Registry]) -> str:
    parts = []
    for registry in registries:
        lines = [f"| `{name}` | {word} | {note} |" for name, word, note in rows(registry)]
        parts.append("\n".join((f"## {registry.title}", "", "| type | supported | what differs |", "| --- | --- | --- |", *lines)))
    return "\n\n".join(parts) + "\n"


STYLE: Final = (
    ":root{color-scheme:light dark}body{margin:0 auto;max-width:60rem;padding:1rem;font:16px/1.5 system-ui,sans-serif}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #8884}"
    "code{overflow-wrap:anywhere}"
)
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def html(registries: Iterable[Registry]) -> str:
    tables = []
    for registry in registries:
        lines = "".join(f"<tr><td><code>{escape(name)}</code><td>{word}<td>{escape(note)}" for name, word, note in rows(registry))
        tables.append(f"<h2>{escape(registry.title)}</h2><table><tr><th>type<th>supported<th>what differs{lines}</table>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>Hyperliquid API - perplab</title><link rel="icon" href="data:,"><style>{STYLE}</style></head><body>'
        "<h1>What this server speaks of Hyperliquid's API</h1><p>Base URL: that of this page. <code>perplab docs hyperliquid</code> "
        f"says how to point a client at it.</p>{''.join(tables)}</body></html>"
    )
