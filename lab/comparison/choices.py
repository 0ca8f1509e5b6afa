"""What a comparison was asked for: designs, scenario, settings, window and capital, from the words of the command line.

Rules of the file: everything is read and checked here, before anything runs or is written. What is wrong is one line that names the file or
option, the key, the value and what was expected.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from msgspec.structs import replace

from perplab.exchange import VenueDesign, VenueError, compared_venues, load_venue, shipped_venues
from perplab.exchange.design.reader import Tree, merged, nearest, read_toml
from perplab.exchange.design.venue import design_of, venue_path
from perplab.exchange.units import SECOND_NS
from perplab.oracle.bars import Bars
from perplab.oracle.klines import replay
from perplab.oracle.paths import PathError

from ..archetypes.running import misfit_alone
from ..fit import Pair, check_fit, check_venue_name, reach
from ..names import wrong_name
from ..options import names_in
from ..scenario import BarsPath, Scenario, ScenarioError, has_paths, load_paths, load_scenario
from ..stage import capital_of, shares_capital, with_capital
from .report import OWN, SAME, PathFile

if TYPE_CHECKING:
    from .factorial import Factorial

CAPITAL_KEYS: Final = {"insurance_fund": "insurance_fund.capital", "vault": "vault.capital", "pool": "markets.curve.capital"}
ALL: Final = "all"  # of the paths
STEM_LENGTH: Final = 60  # [characters] of a path file's name in that of a folder


class Setting:
    """One `--set KEY=VALUE`: a dotted key, and a value in TOML, or text where it is no TOML."""

    def __init__(self, option: str, text: str) -> None:
        key, equals, value = text.partition("=")
        self.text, self.keys = text, key.strip().split(".")
        if not equals or not all(self.keys):
            expected = "KEY=VALUE, such as oracle.lag_ms=5000" if option == "--set" else "NAME.KEY=VALUE, such as mine.max_accounts=99"
            raise click.UsageError(f"{option}: {text!r} given, expected {expected}")
        if any("\ud800" <= letter <= "\udfff" for letter in text):  # bytes that the shell gave, and that are no UTF-8
            raise click.UsageError(f"{option}: {text!r} given, expected text")
        self.value = toml_value(value.strip())

    def tree(self, skip: int = 0) -> Tree:
        """{"oracle": {"lag_ms": 5000}}, without the first `skip` keys."""
        value: object = self.value
        for key in reversed(self.keys[skip:]):
            value = {key: value}
        assert isinstance(value, dict)
        return value


def toml_value(text: str) -> object:
    try:
        read = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return text
    return read["value"] if len(read) == 1 else text


@dataclass(frozen=True)
class Design:
    """A design that was asked for."""

    venue: VenueDesign
    file: str  # for errors
    stated: frozenset[str] = frozenset()  # CAPITAL_KEYS that the user wrote, in a file or by --set-venue
    source: str = ""  # name or file that it was loaded from; none: it was given as an object
    laid: Tree = field(default_factory=Tree)  # by --set-venue, over that

    @property
    def called(self) -> str:
        """How errors of its reader call it."""
        return venue_path(self.source).name if self.source else self.file

    def laid_under(self, tree: Tree) -> VenueDesign:
        """The design as it was given, with other keys laid over it. Raises VenueError."""
        return load_venue(self.source, tree) if self.source else design_of(merged(self.venue.to_tree(), tree), self.file)


@dataclass(frozen=True)
class PlayedPath:
    """One of several paths of the true price that a comparison runs over."""

    family: str  # how the price goes on after the fall
    scenario: Scenario  # on this path, all else as on the others


@dataclass(frozen=True)
class Choice:
    """All that a comparison is made of."""

    scenario: Scenario
    venues: tuple[VenueDesign, ...]  # as they are run, capital included
    seeds: tuple[int, ...]
    capital: str  # SAME or OWN
    baseline: str | None = None
    settings: tuple[str, ...] = ()  # --set and --set-venue, as given
    path_file: PathFile | None = None
    paths: Mapping[str, PlayedPath] = field(default_factory=dict)  # by name; none: the scenario's own
    insured: bool = False  # each design is run with infinite insurance too
    factorial: Factorial | None = None  # of --vary; `venues` are its cells
    structures: tuple[str, ...] = ()  # of --margin; `venues` are then called DESIGN/STRUCTURE

    @property
    def scenarios(self) -> dict[str, Scenario]:
        """What is run: by path, with "" for the scenario's own."""
        return {name: path.scenario for name, path in self.paths.items()} or {"": self.scenario}

    def scenario_of(self, venue: str, path: str) -> Scenario:
        """What a design is run on."""
        scenario = self.scenarios[path]
        return self.factorial.scenario_of(venue, scenario) if self.factorial else scenario

    @property
    def folder(self) -> Path:
        """Where its results go if nothing is said: a folder of its own for each scenario, path file, window, paths and set of settings."""
        name = self.scenario.name
        if self.path_file:
            file = self.path_file
            stem = re.sub(r"[^\w.+-]", "_", file.name.partition(".")[0])[:STEM_LENGTH]
            start, end = (re.sub(r"[-:]", "", moment)[:13] for moment in (file.start, file.end))
            name += f"-{stem}-{start}-{end}-{file.sha256[:8]}"
        if self.paths:
            name += f"-paths-{hashlib.sha256(repr(list(self.paths)).encode()).hexdigest()[:8]}"
        if self.settings:
            name += f"-set-{hashlib.sha256(repr(self.settings).encode()).hexdigest()[:8]}"
        return Path("out") / name


# -- designs --


def all_venues() -> list[str]:
    """The shipped designs: those of the default comparison in the order of its table, then those of real venues by name."""
    compared = compared_venues()
    return compared + [name for name in shipped_venues() if name not in compared]


def chosen_designs(given: str | Sequence[str | VenueDesign] | None, settings: Sequence[Setting] = ()) -> list[Design]:
    """Names and files, separated by commas or as a list, or designs themselves. Raises VenueError, or click.UsageError."""
    if given is None:
        given = compared_venues()
    asked = names_in("--venues", given) if isinstance(given, str) else given
    if not asked:
        raise click.UsageError(f"--venues: {given!r} given, expected names separated by commas")
    designs = [given_design(one) for one in asked]
    own = [design.venue.name for design in designs]
    folded = [name.casefold() for name in own]  # files are named after them, also where case makes no difference
    twice = next((name for name, other in zip(own, folded) if folded.count(other) > 1), None)
    if twice is not None:
        raise click.UsageError(f"--venues: {twice} given twice, expected different names")
    for_whom = [(addressed(setting, own), setting) for setting in settings]
    designs = [with_settings(one, [setting for name, setting in for_whom if name == one.venue.name]) for one in designs]
    for design in designs:
        check_venue_name(design.venue, design.file)
    return designs


def given_design(given: str | VenueDesign) -> Design:
    """A design by name or file, or as an object. Raises VenueError."""
    if isinstance(given, str):
        return Design(load_venue(given), given, stated_capital(given), given)
    shipped = given.name in shipped_venues() and capital_of(load_venue(given.name)) == capital_of(given)
    return Design(given, given.name, frozenset() if shipped else frozenset(CAPITAL_KEYS.values()))


def addressed(setting: Setting, names: Sequence[str]) -> str:
    """The design that a --set-venue is for: a name may have dots, the longest that fits counts."""
    fitting = [name for name in names if setting.text.startswith(f"{name}.")]
    if not fitting:
        hint = nearest(setting.keys[0], list(names))
        raise click.UsageError(f"--set-venue: {setting.text!r} given, expected NAME.KEY=VALUE with a design of the comparison{hint}")
    name = max(fitting, key=len)
    if len(setting.keys) == name.count(".") + 1:
        raise click.UsageError(f"--set-venue: {setting.text!r} given, expected NAME.KEY=VALUE")
    return name


def with_settings(design: Design, settings: Sequence[Setting]) -> Design:
    """The design with settings that are for it."""
    if not settings:
        return design
    name, tree = design.venue.name, Tree()
    for setting in settings:
        tree = merged(tree, setting.tree(skip=name.count(".") + 1))
    try:
        venue = design.laid_under(tree)
    except VenueError as error:
        told = str(error).removeprefix(f"{design.called}: ")
        raise VenueError(f"--set-venue {name}: {told}") from None
    return Design(venue, f"--set-venue {name}", design.stated | stated_in(tree), design.source, tree)


def stated_in(tree: Mapping[str, object]) -> frozenset[str]:
    tables = {table: tree.get(table) for table in CAPITAL_KEYS} | {"pool": curve_in(tree)}
    return frozenset(CAPITAL_KEYS[table] for table, value in tables.items() if isinstance(value, Mapping) and "capital" in value)


def curve_in(tree: Mapping[str, object]) -> object:
    """The table of the first market's curve: a design that extends another may write its markets as one table."""
    markets = tree.get("markets")
    market = markets[0] if isinstance(markets, list) and markets else markets
    return market.get("curve") if isinstance(market, Mapping) else None


def stated_capital(name: str) -> frozenset[str]:
    """CAPITAL_KEYS that a design of the user's own says, or one of the user's own that it extends."""
    shipped = venue_path("base").parent
    path, stated = venue_path(name), frozenset[str]()
    while path.parent.resolve() != shipped.resolve():
        tree = read_toml(path)
        stated |= stated_in(tree)
        parent = tree.get("extends")
        if parent is None:
            break
        beside = path.parent / f"{parent}.toml"  # as exchange/design/venue.py finds it, which has loaded the design by now
        path = beside if beside.is_file() else shipped / f"{parent}.toml"
    return stated


# -- capital --


def with_capital_of(designs: Sequence[Design], scenario: Scenario, scenario_file: str, wanted: str | None) -> tuple[str, list[Design]]:
    """SAME or OWN, and the designs with the capital that they are run with.

    The scenario's, the same for all, unless --own-capital is said; and it must be said, or --same-capital, where a user's own design
    states another capital than that.
    """
    if wanted == OWN:
        return OWN, list(designs)
    if wanted is None:
        for design in designs:
            must_not_be_overruled(design, scenario)
    same = [replaced(design, venue=with_capital(design.venue, scenario.backstop_usd)) for design in designs]
    for design in same:
        if "takeover" in design.venue.liquidation.steps and not design.venue.vault.capital:
            raise no_capital(scenario, scenario_file, f"{design.venue.name} has a vault that takes over")
    for before, after in zip(designs, same, strict=True):
        if shares_capital(before.venue) and not shares_capital(after.venue):
            raise no_capital(scenario, scenario_file, f"{after.venue.name} has nothing but a pool to trade with")
    return SAME, same


def no_capital(scenario: Scenario, scenario_file: str, why: str) -> ScenarioError:
    return ScenarioError(f"{scenario_file}: backstop_usd is {scenario.backstop_usd:g}: expected a capital of 1 at least: {why}")


def must_not_be_overruled(design: Design, scenario: Scenario) -> None:
    venue = design.venue
    used = {
        "insurance_fund": "insurance_fund" in venue.backstops,
        "vault": "takeover" in venue.liquidation.steps,
        "pool": shares_capital(venue),
    }
    capital = {"pool": 0} | capital_of(venue)
    for table, key in CAPITAL_KEYS.items():
        if key in design.stated and used[table] and capital[table] != round(scenario.backstop_usd):
            given = f"{design.file}: {key} is {capital[table]}, but a comparison gives every design the scenario's"
            expected = "expected --own-capital, which leaves each design its own, or --same-capital"
            raise VenueError(f"{given} {round(scenario.backstop_usd)} (backstop_usd): {expected}")


# -- the scenario --


def chosen_scenario(
    given: str | Scenario, settings: Sequence[Setting], accounts: int | None, path_file: Path | None, from_text: str | None,
    to_text: str | None,
) -> tuple[Scenario, PathFile | None]:  # fmt: skip
    """A scenario by name or file, or as an object. Raises ScenarioError, OracleError, or click.UsageError."""
    scenario = with_changes(load_scenario(given) if isinstance(given, str) else given, settings, accounts)
    if path_file is not None:
        return on_path(scenario, path_file, from_text, to_text)
    if from_text is not None or to_text is not None:
        raise click.UsageError("--from, --to: given without --path, expected the file whose part they choose")
    return scenario, None


def paths_asked_for(
    given: str, scenario: str, settings: Sequence[Setting], accounts: int | None, path_file: Path | None
) -> dict[str, PlayedPath]:
    """The paths of a scenario that `--paths` names. Raises ScenarioError, or click.UsageError."""
    if path_file is not None:
        raise click.UsageError("--paths: given with --path, expected one of the two: a file is a path of its own")
    file, colon, _ = scenario.rpartition(":")
    if colon and not scenario.endswith(".toml"):
        raise click.UsageError(f"--paths: given with {scenario}, which is one path, expected {file}")
    for setting in settings:
        if setting.keys[0] == "path":
            raise click.UsageError(f"--paths: given with --set {setting.text}, which would make all paths one, expected one of the two")
    made = load_paths(scenario) if has_paths(scenario) else {}
    there_are = {name: PlayedPath(str(one.path.family), one) for name, one in made.items()}
    return chosen_paths(given, there_are, settings, accounts)


def chosen_paths(
    given: str, there_are: Mapping[str, PlayedPath], settings: Sequence[Setting], accounts: int | None
) -> dict[str, PlayedPath]:
    """The paths that `--paths` names, in its order, with the settings of the comparison; `all` is every one that the scenario has.

    Raises ScenarioError, or click.UsageError.
    """
    if not there_are:
        raise click.UsageError(f"--paths: {given!r} given, but this scenario has one path only: expected no --paths")
    names = names_in("--paths", given, f"{ALL}, or names separated by commas")
    if names == [ALL]:
        names = list(there_are)
    for name in names:
        if name not in there_are:
            expected = f"expected {ALL} or some of {', '.join(there_are)}{nearest(name, list(there_are), or_list=False)}"
            raise click.UsageError(f"--paths: {name!r} given, {expected}")
        if names.count(name) > 1:
            raise click.UsageError(f"--paths: {name} given twice, expected different names")
        if wrong := wrong_name(name):
            raise click.UsageError(f"--paths: {wrong}")
    return {name: replaced(there_are[name], scenario=with_changes(there_are[name].scenario, settings, accounts)) for name in names}


def with_changes(scenario: Scenario, settings: Sequence[Setting], accounts: int | None) -> Scenario:
    """The scenario with --set and --accounts. Raises ScenarioError."""
    tree = Tree()
    for setting in settings:
        tree = merged(tree, setting.tree())
    if tree:
        scenario = scenario.override(tree, "--set")
    if accounts is not None:
        scenario = scenario.override({"population": {"accounts": accounts}}, "--accounts")
    return scenario


def on_path(scenario: Scenario, file: Path, from_text: str | None, to_text: str | None) -> tuple[Scenario, PathFile]:
    """The scenario on a part of a kline file."""
    bars = replay(file)
    start, end = moment("--from", from_text, bars), moment("--to", to_text, bars)
    if start is not None and end is not None and end <= start:
        raise click.UsageError(f"--to: {to_text!r} given, expected a time after --from {from_text!r}")
    moved = scenario.with_path(bars, start, end)
    path = moved.path
    assert isinstance(path, BarsPath)
    first, last = path.start, path.start + timedelta(seconds=path.bar_s * len(path.bars))
    title = f"The traders of {scenario.name} on {file.name}, {first:%Y-%m-%d %H:%M} to {last:%H:%M} UTC"
    window = (f"{edge:%Y-%m-%dT%H:%M:%SZ}" for edge in (first, last))
    return replace(moved, title=title), PathFile(file.name, hashlib.sha256(file.read_bytes()).hexdigest(), *window)


def moment(option: str, text: str | None, bars: Bars) -> int | None:
    """A time of day or a date with time, UTC, as ns since 1970; a time of day is that of the file's worst minute's day."""
    if text is None:
        return None
    day = datetime.fromtimestamp(int(bars.open_ns[bars.worst_minute()]) // SECOND_NS, UTC)
    try:
        when = datetime.fromisoformat(f"{day:%Y-%m-%d}T{text}" if len(text) == len("HH:MM") else text)
    except ValueError:
        raise click.UsageError(f"{option}: {text!r} given, expected HH:MM or YYYY-MM-DDTHH:MM (UTC)") from None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    ns = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    if not bars.start_ns <= ns <= bars.end_ns:
        first, last = (f"{datetime.fromtimestamp(edge // SECOND_NS, UTC):%Y-%m-%dT%H:%M}" for edge in (bars.start_ns, bars.end_ns))
        raise click.UsageError(f"{option}: {text!r} given, expected a time in the file, {first} to {last} (UTC)")
    return ns


# -- together --


def check_all(designs: Sequence[Design], scenario: Scenario, scenario_file: str, seeds: Sequence[int]) -> None:
    """Raises VenueError or ScenarioError where a design and the scenario do not fit together."""
    try:
        reached = reach(scenario, seeds)
    except (PathError, ScenarioError) as error:  # a class of the user's own
        raise ScenarioError(f"{scenario_file}: path: {error}") from None
    for design in designs:
        check_fit(Pair(design.venue, design.file, scenario, scenario_file), reached)
        for archetype in scenario.archetypes:
            if wrong := misfit_alone(archetype, design.venue, scenario):
                raise ScenarioError(f"{scenario_file}: {wrong}")


def chosen_baseline(given: str | None, designs: Sequence[Design]) -> str | None:
    names = [design.venue.name for design in designs]
    if given is not None and given not in names:
        raise click.UsageError(f"--baseline: {given!r} given, expected a design of the comparison{nearest(given, names)}")
    return given
