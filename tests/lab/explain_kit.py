"""Rule books of the designs that ship, each made once."""

from __future__ import annotations

from functools import cache

from perplab.exchange import load_venue
from perplab.lab.comparison.choices import all_venues
from perplab.lab.explain.document import Document
from perplab.lab.explain.rulebook import rulebook
from perplab.lab.explain.venues import BESIDE

DESIGNS = [*all_venues(), *BESIDE]


@cache
def book(name: str) -> Document:
    return rulebook(load_venue(name))
