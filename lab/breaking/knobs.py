"""What is turned until something breaks: the size of the shock, or any number of a scenario or design, from a harmless value to a bad one.

Rules of the file: a knob changes one thing. Its values lie between two ends, on a straight line or, with `:log`, by equal ratios; where the
key is a whole number they are rounded. Everything is read here, before anything runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import click
from msgspec.structs import replace

from perplab.exchange.design.reader import Tree, nearest

from ..comparison.axes import CAPITAL, is_of_scenario, put
from ..comparison.choices import Design
from ..options import decimal_of
from ..scenario import Scenario, ScenarioError

SHOCK: Final = "shock"
LOG: Final = ":log"
MOST_SHOCK: Final = 10.0
DIGITS: Final = 6  # of a value: it is typed again to run a comparison at it


class Known(NamedTuple):
    """A knob that has ends of its own."""

    key: str
    start: float
    end: float
    is_log: bool
    told: str


KNOWN: Final = {
    SHOCK: Known(SHOCK, 0.0, 3.0, False, "moves of the true price, times those of the scenario"),
    "depth": Known("makers.depth_scale", 1.0, 0.0625, True, "depth of the makers, times the scenario's"),
    "lag": Known("oracle.lag_ms", 0.0, 60_000.0, False, "how late the venue hears the oracle [ms]"),
    "crowding": Known("population.open_interest_over_depth", 1.0, 64.0, True, "open interest of a side over the bids within 1 %"),
    "K": Known(CAPITAL, 1e8, 1e4, True, "insurance capital [USD]"),
}


class Setting(NamedTuple):
    """A scenario and a design, as a knob leaves them."""

    scenario: Scenario
    design: Design


@dataclass(frozen=True)
class Knob:
    """A key and the values that it goes through, from `start`, which is meant to be harmless, to `end`."""

    name: str
    key: str
    start: float
    end: float
    is_log: bool
    is_whole: bool  # its values are whole numbers
    told: str = ""

    def value(self, turn: float) -> float:
        """At a turn from 0 to 1."""
        if turn in (0.0, 1.0):
            found = self.end if turn else self.start
        elif self.is_log:
            found = self.start * (self.end / self.start) ** turn
        else:
            found = self.start + (self.end - self.start) * turn
        return float(round(found)) if self.is_whole else float(f"{found:.{DIGITS}g}")

    def turned(self, setting: Setting, turn: float) -> Setting:
        """The same with this knob at a value. Raises ScenarioError or VenueError: it is none that the key takes."""
        value = self.value(turn)
        if self.key == SHOCK:
            return setting._replace(scenario=shocked(setting.scenario, value))
        tree: Tree = {}
        put(tree, self.key, round(value) if self.is_whole else value)
        if is_of_scenario(self.key):
            return setting._replace(scenario=setting.scenario.override(tree, setting.scenario.name))
        design = setting.design
        laid = design.laid_under(tree)
        return setting._replace(design=Design(laid, design.file, design.stated, design.source, design.laid))


def shocked(scenario: Scenario, factor: float) -> Scenario:
    """The scenario with all moves of its true price times `factor`. ScenarioError: they are not its own to change."""
    try:
        return replace(scenario, path=scenario.path.scaled(factor))
    except ValueError as error:
        raise ScenarioError(f"--knob {SHOCK}: {factor:g} given: {error}") from None


def chosen_knob(text: str, setting: Setting) -> Knob:
    """`NAME`, of those that are known, or `KEY=FROM..TO`, with `:log` behind it for equal ratios. Raises click.UsageError."""
    name, equals, ends = text.partition("=")
    name = name.strip()
    known = next((one for short, one in KNOWN.items() if name in (short, one.key)), None)
    if not equals and known is None:
        expected = f"expected KEY=FROM..TO, or one of {', '.join(KNOWN)}, whose ends are known"
        raise click.UsageError(f"--knob: {text!r} given, {expected}{nearest(name, list(KNOWN), or_list=False)}")
    key = known.key if known else name
    is_whole = key != SHOCK and number_at(key, setting, text)
    if not equals and known is not None:
        return Knob(name, key, known.start, known.end, known.is_log, is_whole, known.told)
    start, end, is_log = ends_of(ends, text)
    if key == SHOCK and max(abs(start), abs(end)) > MOST_SHOCK:
        expected = f"expected a shock from -{MOST_SHOCK:g} to {MOST_SHOCK:g} times the scenario's moves"
        raise click.UsageError(f"--knob: {text!r} given, {expected}")
    return Knob(name, key, start, end, is_log, is_whole, known.told if known else "")


def ends_of(ends: str, text: str) -> tuple[float, float, bool]:
    is_log = ends.strip().endswith(LOG)
    start, dots, end = ends.strip().removesuffix(LOG).partition("..")
    first, last = decimal_of(start.strip()), decimal_of(end.strip())
    if not dots or first is None or last is None or first == last:
        raise click.UsageError(f"--knob: {text!r} given, expected KEY=FROM..TO, two different numbers, such as makers.depth_scale=1..0.1")
    if is_log and min(first, last) <= 0:
        raise click.UsageError(f"--knob: {text!r} given, expected two numbers above zero for equal ratios ({LOG})")
    return float(first), float(last), is_log


def number_at(key: str, setting: Setting, text: str) -> bool:
    """Whether the number at a key is a whole one. click.UsageError: there is none."""
    found = in_scenario(key, setting.scenario) if is_of_scenario(key) else in_tree(key, setting.design.venue.to_tree())
    if isinstance(found, bool) or not isinstance(found, int | float):
        try:
            found = float(str(found))  # a design's prices are exact texts
        except ValueError:
            expected = f"expected {SHOCK}, or the dotted key of a number of the scenario or of {setting.design.venue.name}"
            raise click.UsageError(f"--knob: {text!r} given, {expected}") from None
        if not math.isfinite(found) or key.partition(".")[0] in ("name", "title"):
            raise click.UsageError(f"--knob: {text!r} given, expected the key of a number") from None
    return isinstance(found, int)


def in_scenario(key: str, scenario: Scenario) -> object:
    """Of several tables the first one's, as `in_tree`."""
    found: object = scenario
    for name in key.split("."):
        if isinstance(found, tuple):
            found = found[0] if found else None
        found = found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)
    return found


def in_tree(key: str, tree: object) -> object:
    """Of a list of tables the first one's, as a table that is laid on a list is laid on each."""
    for name in key.split("."):
        if isinstance(tree, list):
            tree = tree[0] if tree else None
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree
