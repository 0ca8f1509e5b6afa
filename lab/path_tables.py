"""The `[paths.NAME]` tables of a scenario file: other paths of the true price, with everything else equal.

A table is one of three things. Without `kind` it is `[path]` with what it says changed; with `kind = "continued"` it goes on from a minute
of `[path]`; with another `kind`, or with `crash = "NAME"`, it is a path of its own: its bars are rescaled to where `[path]` begins. A crash
is a file with such a table: beside the scenario's file, or one of those that ship. Raises DesignError, whose text is complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from perplab.exchange.design.reader import DesignError, Tree, merged, nearest, read_toml

from .names import wrong_name
from .paths import FAMILIES

CRASHES: Final = Path(__file__).parent / "crashes"


def crashes() -> list[str]:
    """Names of the real crashes that come with the package."""
    return sorted(file.stem for file in CRASHES.glob("*.toml"))


def with_crashes(tables: object, path: Path, file: str) -> Tree:
    """The `paths` of the file at `path`, each with the crash that it names in full."""
    if not isinstance(tables, Mapping) or not tables:
        raise DesignError(f"{file}: paths is {tables!r}: expected a table for each path, [paths.NAME]")
    return {name: _full(name, table, path, file) for name, table in tables.items()}


def _full(name: str, table: object, path: Path, file: str) -> Tree:
    if not isinstance(table, Mapping):
        raise DesignError(f"{file}: paths.{name} is {table!r}: expected a table")
    wrong = wrong_name(name)
    if wrong:
        raise DesignError(f"{file}: paths: {wrong}")
    crash = table.get("crash")
    if crash is None:
        return dict(table)
    beside = path.parent / f"{str(crash).removesuffix('.toml')}.toml"
    if isinstance(crash, str) and beside.is_file():
        found = beside
    elif crash in crashes():
        found = CRASHES / f"{crash}.toml"
    else:
        expected = f"a file, from the folder of this one, or a shipped crash{nearest(crash, crashes())}"
        raise DesignError(f"{file}: paths.{name}.crash is {crash!r}: expected {expected}")
    return merged(read_toml(found), {key: value for key, value in table.items() if key != "crash"})


def from_crash(table: Tree, path: Path, file: str) -> Tree:
    """`[path]` with the bars of the crash that it names, which begin at its `first_usd` where it says that."""
    full = _full("path", table, path, file)
    first, bars = full.pop("first_usd", None), full.get("bars")
    if first is not None and isinstance(bars, list) and bars:
        if isinstance(first, bool) or not isinstance(first, int | float) or first <= 0:
            raise DesignError(f"{file}: path.first_usd is {first!r}: expected a price above 0 [USD]")
        full["bars"] = [[price * first / bars[0][0] for price in bar] for bar in bars]
    return {key: value for key, value in full.items() if key != "title"}


def chosen(tables: Tree, name: str, file: str) -> Tree:
    """The table of a path by its name."""
    table = tables.get(name)
    if not isinstance(table, dict):
        has = "it has no [paths.NAME]" if not tables else f"no path {name!r} in it{nearest(name, list(tables))}"
        raise DesignError(f"{file}: {has}")
    return table


def is_own(table: Tree) -> bool:
    """Whether a table is a path of its own, and not `[path]` changed or continued."""
    return table.get("kind") not in (None, "continued")


def titled(title: str, name: str, path: str, table: Tree) -> str:
    """What a scenario is called on a path."""
    told = str(table.get("title", path))
    return f"The traders of {name} on {told}" if is_own(table) else f"{title}; {told}"


def laid_out(own: Tree, table: Tree, place: str) -> Tree:
    """A path table in full; `own` is `[path]`."""
    if table.get("kind") == "continued" and own.get("kind") != "bars":
        raise DesignError(f"{place}: kind is 'continued': expected a [path] of bars to go on from, not of kind {own.get('kind')!r}")
    if table.get("family") not in FAMILIES:
        given = "missing key family" if "family" not in table else f"family is {table['family']!r}"
        raise DesignError(f"{place}: {given}: expected one of {', '.join(FAMILIES)}")
    full = {"step_ms": own.get("step_ms"), **table} if is_own(table) else merged(own, table)
    return {key: value for key, value in full.items() if key != "title"}
