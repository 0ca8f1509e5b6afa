"""What a rule book is made of: sections of blocks, before anybody knows whether it is shown in a terminal, as Markdown or as HTML.

Text may have `code` between backticks and nothing else of Markdown. Numbers that were computed stand in the text and, as integers, in the
facts beside it: the text is what a reader sees, the facts are what a test and a comparison read.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fact:
    """A number that the venue's own code has computed."""

    name: str  # what it is, unique in a section: "initial margin of 100,000 USD"
    value: int  # in the integer unit of the core
    shown: str  # as the text shows it


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    words: str


@dataclass(frozen=True)
class Head:
    """A heading within a section."""

    words: str


@dataclass(frozen=True)
class Formula:
    """Lines that keep their breaks."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Worked:
    """An example with numbers."""

    words: str
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A table. The columns in `right` are numbers and stand right; `code` are columns of keys."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()
    code: tuple[int, ...] = ()
    facts: tuple[Fact, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class Steps:
    """A numbered list: the order matters."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Curve:
    """One line of a picture: value by distance."""

    name: str
    points: tuple[tuple[float, float], ...]  # rising distance


@dataclass(frozen=True)
class Picture:
    """Lines over a common axis, and what the axes are."""

    title: str
    across: str
    up: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Contrast:
    """What two designs say at the same key: (key, first, second, what it means)."""

    names: tuple[str, str]
    rows: tuple[tuple[str, str, str, str], ...]


Block = Text | Head | Formula | Worked | Grid | Steps | Picture | Contrast


@dataclass(frozen=True)
class Section:
    name: str  # short, one word: where a link leads
    title: str
    blocks: tuple[Block, ...]

    @property
    def facts(self) -> list[Fact]:
        return [fact for block in self.blocks if isinstance(block, Worked | Grid) for fact in block.facts]


@dataclass(frozen=True)
class Document:
    title: str
    subtitle: str
    sections: tuple[Section, ...] = field(default=())

    def section(self, name: str) -> Section:
        """Raises KeyError."""
        found = {one.name: one for one in self.sections}
        return found[name]

    @property
    def facts(self) -> dict[str, Fact]:
        """All numbers by `section: name`."""
        return {f"{section.name}: {fact.name}": fact for section in self.sections for fact in section.facts}
