"""What a comparison varies: axes, each a dotted key of a design or of the scenario with two levels or more, read from `--vary`.

Rules of the file: an axis changes one key. The axes that comparisons of designs are mostly about are known by short names and have levels
of their own (`KNOWN`); any other key can be varied by giving its levels. Nothing is loaded here but the tables of shipped steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click
import msgspec
from msgspec.structs import replace

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.design.reader import Tree, nearest

from ..scenario import Scenario
from ..stage import shares_capital
from .choices import toml_value

BASE: Final = "design"  # the key of the axis whose levels are the designs that were asked for
CAPITAL: Final = "backstop_usd"
TRIGGER: Final = "auto_deleverage.trigger"
LISTS: Final = ("liquidation.steps", "backstops")  # keys whose levels are lists of names
SHORT: Final = {  # what steps and backstops are called in levels and in names of cells
    "dutch_auction": "auction",
    "insurance_fund": "fund",
    "auto_deleverage": "adl",
    "socialized_loss": "social",
    "liquidity_pool": "pool",
}
LONG: Final = {short: name for name, short in SHORT.items()}
BROUGHT: Final = {  # a step that a design does not use yet comes with these tables of the shipped design that uses it
    "dutch_auction": "auction_fund_adl",
    "takeover": "book_vault_adl",
}
MILLIONS: Final = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Level:
    label: str  # in tables and, behind the axis' tag, in names of cells
    value: object  # as TOML has it


@dataclass(frozen=True)
class Axis:
    key: str
    name: str  # in tables
    tag: str  # before a label in names of cells
    levels: tuple[Level, ...]

    @property
    def is_scenario(self) -> bool:
        return is_of_scenario(self.key)

    @property
    def told(self) -> str:
        return f"{self.name} ({', '.join(level.label for level in self.levels)})"


@dataclass(frozen=True)
class Known:
    """An axis that can be asked for by name, with the levels it then has, in the order of the table."""

    key: str
    name: str
    tag: str
    levels: tuple[str, ...]


KNOWN: Final = (
    Known("liquidation.steps", "method", "", ("book", "auction", "book,takeover")),
    Known("backstops", "payers", "", ("fund,adl", "fund,social")),
    Known(TRIGGER, "trigger", "", ("fund_insufficient", "negative_equity")),
    Known("liquidation.book.patience_ms", "patience", "", ("0", "10000")),
    Known("liquidation.book.limit", "limit", "", ("cash_payers", "bankruptcy", "band")),
    Known(CAPITAL, "K", "K", ("0", "1e6", "5e6", "2e7", "1e8")),
)
NAMES: Final = [word for known in KNOWN for word in (known.name, known.key)]


def is_of_scenario(key: str) -> bool:
    """Whether a dotted key is one of scenarios; else it is one of designs."""
    return key.partition(".")[0] in Scenario.__struct_fields__


# -- from the words of the command line --


def chosen_axes(texts: Sequence[str]) -> list[Axis]:
    """The axes of all `--vary`: `KEY=LEVEL|LEVEL`, or names of known axes separated by commas. Raises click.UsageError."""
    axes: list[Axis] = []
    for text in texts:
        key, equals, levels = text.partition("=")
        names = [key] if equals else key.split(",")
        axes += [axis_of(name.strip(), levels.split("|") if equals else None) for name in names]
    keys = [axis.key for axis in axes]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise click.UsageError(f"--vary: {twice} given twice, expected different axes")
    return axes


def axis_of(name: str, given: Sequence[str] | None) -> Axis:
    """One axis; without levels it must be a known one."""
    known = next((one for one in KNOWN if name in (one.name, one.key)), None)
    if given is None and known is None:
        raise click.UsageError(f"--vary: {name!r} given, expected KEY=LEVEL|LEVEL, or an axis whose levels are known{nearest(name, NAMES)}")
    key = known.key if known else name
    parts = key.split(".")
    if not all(parts) or "," in key or key in ("name", "title", "extends"):
        raise click.UsageError(f"--vary: {name!r} given, expected one dotted key of a design or of the scenario, such as backstop_usd")
    texts = [text.strip() for text in (known.levels if given is None and known else given or ())]
    values = [value_of(key, text) for text in texts]
    if len(values) < 2 or any(not text for text in texts):
        raise click.UsageError(f"--vary: {name}={'|'.join(texts)} given, expected two levels at least, separated by |")
    labels = [label_of(key, value) for value in values]
    again = next((label for label in labels if labels.count(label) > 1), None)
    if again is not None:
        raise click.UsageError(f"--vary: {name} has the level {again} twice, expected different levels")
    tag = known.tag if known else f"{parts[-1]}-"
    return Axis(key, known.name if known else key, tag, tuple(map(Level, labels, values)))


def value_of(key: str, text: str) -> object:
    """What a level says: TOML; for lists of names, these separated by commas, in full or short; else text."""
    if key in LISTS and not text.startswith("["):
        return [LONG.get(name.strip(), name.strip()) for name in text.split(",")]
    return toml_value(text)


def label_of(key: str, value: object) -> str:
    """A short text for a level, of characters that file names may have."""
    if isinstance(value, list):
        return "-".join(SHORT.get(str(one), str(one)) for one in value) or "none"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "".join(letter if letter.isalnum() or letter in "_.-" else "_" for letter in str(value))
    if key.endswith("_ms"):
        return f"{value / 1000:g}s"
    if key.endswith(("_usd", "capital")):
        factor, unit = next(((factor, unit) for factor, unit in MILLIONS if abs(value) >= factor), (1.0, ""))
        return f"{value / factor:.10g}{unit}"
    return f"{value:.10g}"


# -- what they do to a design --


def laid_tree(axes: Sequence[Axis], levels: Sequence[Level]) -> Tree:
    """The changes to a design that these levels make."""
    tree: Tree = {}
    for axis, level in zip(axes, levels, strict=True):
        if not axis.is_scenario and axis.key != BASE:
            put(tree, axis.key, level.value)
    return tree


def brought_tree(axes: Sequence[Axis], levels: Sequence[Level], base: VenueDesign) -> Tree:
    """Tables of the steps that the base does not use and says nothing of: it would meet defaults that no shipped design has."""
    tree: Tree = {}
    steps = [step for axis, level in zip(axes, levels, strict=True) if axis.key == "liquidation.steps" for step in names_in(level.value)]
    for step in steps:
        if step in BROUGHT and step not in base.liquidation.steps:
            shipped = load_venue(BROUGHT[step])
            if is_default(getattr(base.liquidation, step)):
                put(tree, f"liquidation.{step}", msgspec.to_builtins(getattr(shipped.liquidation, step)))
            if step == "takeover" and is_default(replace(base.vault, capital=0)):
                put(tree, "vault", msgspec.to_builtins(shipped.vault))
    return tree


def names_in(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def is_default(table: object) -> bool:
    return table == type(table)()


def put(tree: Tree, key: str, value: object) -> None:
    """Set the value at a dotted key; tables on the way are made."""
    *tables, last = key.split(".")
    for name in tables:
        inner = tree.setdefault(name, {})
        assert isinstance(inner, dict)
        tree = inner
    tree[last] = value


def makes_a_difference(key: str, venue: VenueDesign) -> bool:
    """Whether the venue has what a key speaks of: a trigger says nothing where nobody is deleveraged."""
    table, *rest = key.split(".")
    steps, payers = venue.liquidation.steps, venue.backstops
    if key == CAPITAL:
        return "insurance_fund" in payers or "takeover" in steps or shares_capital(venue)
    if key == TRIGGER:  # with nobody ahead who could pay, both mean a negative equity
        return "auto_deleverage" in payers[1:]
    if table == "liquidation" and len(rest) > 1:
        return rest[0] in steps
    if table == "auto_deleverage" and len(rest) > 1:
        return rest[0] in (venue.auto_deleverage.rank, venue.auto_deleverage.selection)
    needs = {"auto_deleverage": payers, "insurance_fund": payers, "vault": ("vault",) if "takeover" in steps else ()}
    return table in needs.get(table, (table,))
