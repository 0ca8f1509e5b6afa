"""What differs between two designs: key by key, and what it comes to in the examples of both rule books."""

from __future__ import annotations

from typing import Final

from perplab.exchange.design.structs import VenueDesign

from .document import Block, Contrast, Document, Grid, Section, Text
from .entries import Difference, differences
from .rulebook import explained, rulebook

SECTIONS: Final = (  # name, title, how the keys of it begin, without the name of a market; the last takes what is left
    ("curve", "Curve and matching", ("curve.", "matching.")),
    ("arrival", "How orders reach it", ("sequencing.", "gas.")),
    ("mark", "Mark price", ("mark.", "oracle.")),
    ("funding", "Funding", ("funding.",)),
    ("margin", "Margin", ("tiers", "max_leverage", "default_leverage", "transfer_margin_ppm", "max_debt", "collateral[")),
    ("liquidation", "Liquidation", ("liquidation.", "vault.")),
    ("losses", "Losses", ("backstops", "insurance_fund.", "socialized_loss.", "auto_deleverage.")),
    ("price", "Orders and the venue as a whole", ("",)),
)


def diff(first: VenueDesign, second: VenueDesign) -> Document:
    """The differences of two designs, as a document."""
    title = f"{first.name} and {second.name}"
    found = differences(first, second)
    if not found:
        return Document(title, "", (Section("equal", "", (Text(alike(first, second)),)),))
    many = "1 key differs" if len(found) == 1 else f"{len(found)} keys differ"
    count = f"{many}; what is not told is the same. `-`: the design does not use the key."
    return Document(title, count, (*contrasts(first, second, found), *outcomes(first, second)))


def contrasts(first: VenueDesign, second: VenueDesign, found: list[Difference]) -> list[Section]:
    """Key by key, in the sections of a rule book."""
    names = names_of(first, second)
    sections = []
    left = list(found)
    for name, heading, begins in SECTIONS:
        here = [one for one in left if bare(one.path, first, second).startswith(begins)]
        left = [one for one in left if one not in here]
        if here:
            rows = tuple((one.path, one.first, one.second, meaning(one, names)) for one in here)
            sections.append(Section(name, heading, (Contrast(names, rows),)))
    return sections


def names_of(first: VenueDesign, second: VenueDesign) -> tuple[str, str]:
    """The names of both; of two of one name the second is told apart."""
    return (first.name, second.name) if first.name != second.name else (first.name, f"{second.name} (2nd)")


def alike(first: VenueDesign, second: VenueDesign) -> str:
    told = "They behave alike: every key that counts is the same."
    return told if first.title == second.title else f"{told} Only their titles differ."


def bare(path: str, first: VenueDesign, second: VenueDesign) -> str:
    """A key without the name of its market."""
    for market in (*first.markets, *second.markets):
        if path.startswith(f"{market.name}."):
            return path.removeprefix(f"{market.name}.")
    return path


# -- what it means --


def meaning(one: Difference, names: tuple[str, str]) -> str:
    """In the words of the rule book."""
    if one.rule:
        return rules_meaning(one, names)
    both = [f"{name}: {one.choices[str(value)]}" for name, value in zip(names, one.values) if str(value) in one.choices]
    words = "; ".join(both)
    return f"{one.key.words}{'; ' if one.key.words and words else ''}{words}"


def rules_meaning(one: Difference, names: tuple[str, str]) -> str:
    """What the rules do that one has and the other has not."""
    lists = [list(value) if isinstance(value, tuple) else [value] for value in one.values]
    told = []
    for name, mine, other in ((names[0], *lists), (names[1], *reversed(lists))):
        for rule in mine:
            if rule is not None and rule not in other:
                told.append(f"{name}: {explained(one.rule, str(rule)).summary}")
    return " ".join(told) or "the same ones in another order"


# -- what it comes to --


def outcomes(first: VenueDesign, second: VenueDesign) -> list[Section]:
    """Numbers that both rule books have and that differ; what happens in which order is no number."""
    names = names_of(first, second)
    left, right = rulebook(first), rulebook(second)
    there = right.facts
    blocks: list[Block] = []
    for section in left.sections:
        rows = []
        for fact in section.facts:
            other = there.get(f"{section.name}: {fact.name}")
            if other is not None and other.value != fact.value and not fact.name.startswith("event "):
                rows.append((fact.name, fact.shown, other.shown))
        if rows:
            blocks.append(Grid((section.name, *names), tuple(rows), right=(1, 2)))
    if not blocks:
        return []
    told = Text("Examples that both rule books have, where they come to something else (`perplab explain` has them in full):")
    return [Section("outcomes", "What it comes to", (told, *blocks))]
