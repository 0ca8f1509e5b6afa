"""What happens in a run: the outside price, the traders, the makers and all other agents, as one frozen description.

Rules: a scenario that exists is valid; a file that is not is refused with its name, the key, the value given, what was expected and
the nearest known name. A file may extend another, own or shipped, and then says only what differs. Every number of a shipped scenario
says where it comes from, in a comment of its file. Nothing here is drawn: equal scenarios and seeds give equal runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.structs import replace

from perplab.exchange.design.reader import DesignError, Tree, convert, merged, nearest, read_toml
from perplab.exchange.units import MINUTE_NS, SECOND_NS
from perplab.oracle.bars import Bars
from perplab.oracle.paths import PathError, PricePath
from perplab.oracle.sources import Source

from .agent_tables import Arbitrageurs, Bidders, Makers, Momentum, Noise
from .archetypes.tables import Archetype, SpotMarket, must_differ
from .bounds import Away, Count, Leverage, Offset, Ratio, Seconds, Share, Signed, Tail, Times, must_rise
from .faults import ORACLE, Span
from .names import wrong_name
from .needs import Feature
from .own import ScenarioError as ScenarioError
from .own import anchored
from .own_agents import COHORTS, Milliseconds, OwnAgents
from .path_tables import chosen, from_crash, laid_out, titled, with_crashes
from .paths import FAMILIES, NotNegative, Positive, Table, shape
from .paths import BarsPath as BarsPath
from .paths import ContinuedPath as ContinuedPath
from .paths import GbmPath as GbmPath
from .paths import KnotsPath as KnotsPath
from .paths import OwnPath as OwnPath
from .shocks import Decorrelate
from .structures.tables import Books, FurtherMarket
from .timeline import FaultTable, span_of

BEFORE_NS: Final = 30 * MINUTE_NS  # of a file's worst minute: default window
AFTER_NS: Final = 50 * MINUTE_NS
ONE_PERCENT_BP: Final = 100.0
FOLDER: Final = Path(__file__).parent / "scenarios"


class Impact(Table, frozen=True):
    """How what is traded on the venue moves the true price: y x daily_volatility x sqrt(volume / daily_volume_usd), of which a share stays.

    The law, its two parts and their sources are in `perplab.oracle.impact`; what counts as traded is in `perplab.lab.outside`.
    """

    y: Annotated[float, Meta(ge=0, le=100)]  # factor of the square-root law; 0: nothing that is traded here moves the true price
    daily_volatility: Annotated[float, Meta(ge=1e-6, le=10)]  # of the outside market: 0.03 is 3 %
    daily_volume_usd: Annotated[float, Meta(ge=1, le=1e15)]  # of the outside market
    permanent: Share  # share of a metaorder's peak that stays; the rest decays
    decay_s: tuple[Seconds, Seconds]  # shortest and longest decay time, between which it decays as 1 / sqrt(time)
    hedge_unwind: Share  # share of the coins that hedgers sell outside, of what auto-deleveraging has taken off their shorts

    def __post_init__(self) -> None:
        shortest, longest = self.decay_s
        if longest < 2.0 * shortest:
            raise ValueError(f"decay_s: {[shortest, longest]} given, expected the longest to be twice the shortest at least")


class Oracle(Table, frozen=True):
    """How the venue hears of the true price."""

    sources: Annotated[int, Meta(ge=1, le=99)]  # of each kind; the venue gets their median
    noise_bp: Offset  # of each report of each source
    cadence_s: Seconds
    lag_ms: Milliseconds
    jitter_ms: Milliseconds
    outside_perp: bool  # whether a median of outside perpetuals comes with it

    def heard(self, spans: Sequence[Span]) -> tuple[list[Source], list[Source]]:
        """Its sources, spot markets and, where it has these, perpetuals, as faults leave them. ValueError: one has no such source."""
        perps = self.sources if self.outside_perp else 0
        return self._heard("spot", self.sources, spans), self._heard("perp", perps, spans)

    def _heard(self, kind: str, count: int, spans: Sequence[Span]) -> list[Source]:
        sources = [Source(f"{kind}-{number}", noise_bp=self.noise_bp) for number in range(count)]
        for span in spans:
            sources = span.reporting(kind, sources)
        return sources


class Population(Table, frozen=True):
    """Who holds positions when the run begins: longs, and shorts of the same size that are hedgers or directional."""

    accounts: Annotated[int, Meta(ge=12, le=1_000_000)]
    # of one side, over the makers' bids within 1 %, calm and before depth_scale
    open_interest_over_depth: Annotated[float, Meta(ge=0.001, le=10_000)]
    long_accounts: Share  # share of the accounts
    hedger_accounts: Share
    hedger_open_interest: Share  # share of the short side
    long_tail: Tail  # Pareto exponent of sizes
    short_tail: Tail  # the same, hedgers and directional shorts
    long_largest_share: Share  # of its group's open interest that one long holds at most
    short_largest_share: Share  # the same, one hedger or directional short
    long_leverage: Leverage  # median of the lognormal
    short_leverage: Leverage  # the same, directional shorts
    leverage_sigma: Annotated[float, Meta(ge=0, le=5)]
    leverage_cap: Leverage
    size_leverage: Signed  # rank correlation of size and leverage: below zero, the large are less levered
    hedger_leverage: tuple[Leverage, Leverage]  # uniform between
    # where these people come from: notional [USD] from which on so much leverage is allowed for what lies above it, most leverage first
    margin_tiers: Annotated[tuple[tuple[NotNegative, Leverage], ...], Meta(min_length=1, max_length=16)]
    entry: tuple[Ratio, Ratio]  # range of entry prices over the starting price, uniform
    adders: Share  # of the longs and directional shorts add margin
    add_alarm: Times  # below this many times maintenance margin
    add_share: Times  # of their first equity, each time
    add_times: Count
    add_look_s: tuple[Seconds, Seconds]  # time between looks, drawn per account
    stops: Share = 0.0  # of the longs and directional shorts have a stop, at which the venue closes their position
    stop_away: tuple[Away, Away] = (0.01, 0.05)  # share of the starting price from there to the stop, drawn per account

    def __post_init__(self) -> None:
        must_rise(self, "hedger_leverage", "entry", "add_look_s", "stop_away")
        if not 0.0 < self.long_accounts + self.hedger_accounts < 1.0 or not self.long_accounts:
            given = self.long_accounts + self.hedger_accounts
            raise ValueError(f"long_accounts + hedger_accounts: {given} given, expected some of each kind")
        if not 0.0 < self.hedger_open_interest < 1.0:
            expected = "more than 0 and less than 1: hedgers and directional shorts share a short side that is as large as the long one"
            raise ValueError(f"hedger_open_interest: {self.hedger_open_interest} given, expected {expected}")
        self._check_tiers()

    def _check_tiers(self) -> None:
        """The first tier begins at 0, and every further one higher up, with less leverage."""
        tiers = self.margin_tiers
        rising = all(low < high and most > less for (low, most), (high, less) in pairwise(tiers))
        if tiers[0][0] != 0.0 or not rising:
            expected = "[notional, leverage] pairs, the first from 0 on, notionals rising and leverages falling"
            raise ValueError(f"margin_tiers: {[list(tier) for tier in tiers]} given, expected {expected}")


class Scenario(Table, frozen=True):
    """Everything that a run is made of besides the venue and the seed."""

    name: str
    title: str
    backstop_usd: Annotated[float, Meta(ge=0, le=1e10)]  # starting capital of the insurance fund and of the vault, the same in all designs
    sizes_usd: tuple[Positive, Positive, Positive]  # of which the effective spread is measured
    path: BarsPath | ContinuedPath | KnotsPath | GbmPath | OwnPath
    impact: Impact
    oracle: Oracle
    population: Population
    makers: Makers
    noise: Noise
    momentum: Momentum
    arbitrageurs: Arbitrageurs
    bidders: Bidders
    agents: tuple[OwnAgents, ...] = ()  # of the user's own, besides those above
    archetypes: tuple[Archetype, ...] = ()  # strategies whose accounts are followed: see perplab.lab.archetypes
    spot_market: SpotMarket | None = None  # where one of these trades coins
    faults: tuple[FaultTable, ...] = ()  # what is done to the run, in the order in which commands meet them
    further_markets: Mapping[str, FurtherMarket] = msgspec.field(default_factory=dict)  # beside the first: see perplab.lab.structures
    books: Books | None = None  # who holds positions in several markets
    needs: tuple[Feature, ...] = ()  # what a design has to have, or the scenario would be about nothing

    def __post_init__(self) -> None:
        wrong = wrong_name(self.name)
        if wrong:
            raise ValueError(f"name: {wrong}")
        own = [one.cohort for one in self.agents]
        for number, name in enumerate(own):
            if name in own[:number]:
                raise ValueError(f"agents[{number}].cohort is {name!r}: expected a name of its own, that one is taken")
        self._check_positions()
        must_differ(self.archetypes, own)
        followed = [one.name for one in self.archetypes]
        if self.faults:
            self._check_faults([*COHORTS, *own, *followed, ORACLE])
        for name in self.further_markets:
            if wrong := wrong_name(name):
                raise ValueError(f"further_markets: {wrong}")
        if self.further_markets and self.books is None:
            raise ValueError("further_markets: given without [books], expected [books] hedged, one_sided: what people hold in them")

    def _check_positions(self) -> None:
        """Whoever begins with a position has it with somebody; in one market."""
        begun = [(number, one.count * one.begins_usd) for number, one in enumerate(self.agents) if one.begins_usd]
        net = sum(usd for _, usd in begun)
        if abs(net) > 1.0:
            expected = "expected 0, as they begin with positions that they have with each other"
            raise ValueError(f"agents[{begun[-1][0]}].begins_usd: count x begins_usd of all agents is {net:,.0f} USD in sum: {expected}")
        if self.further_markets and begun:
            raise ValueError(f"agents[{begun[0][0]}].begins_usd: given with [further_markets], expected none")
        if self.further_markets and self.population.stops:
            raise ValueError(f"population.stops is {self.population.stops:g}: expected 0 with [further_markets]")

    def _check_faults(self, senders: list[str]) -> None:
        """Each begins within the path, meets somebody who is there, and leaves the oracle sources."""
        path = self.path.path(0)
        spans: list[Span] = []
        length_s = (path.end_ns - path.start_ns) / SECOND_NS
        for number, one in enumerate(self.faults):
            if one.at_s >= length_s:
                raise ValueError(f"faults[{number}].at_s is {one.at_s:g}: expected less than {length_s:g}, the length of the path")
            made = one.made(one.kind())
            for name in made.markets if isinstance(made, Decorrelate) else ():
                if name not in self.further_markets:
                    expected = f"expected a name of [further_markets]{nearest(name, list(self.further_markets))}"
                    raise ValueError(f"faults[{number}].terms.markets has {name!r}: {expected}")
            if isinstance(made, Decorrelate) and not self.further_markets:
                raise ValueError(f"faults[{number}]: {one.named} given without [further_markets.NAME]: expected one at least")
            for name in made.senders:
                if name not in senders:
                    raise ValueError(f"faults[{number}]: {one.named} meets {name!r}: expected a cohort{nearest(name, senders)}")
            spans.append(span_of(one, path.start_ns))
            try:
                self.oracle.heard(spans)
            except ValueError as error:
                raise ValueError(f"faults[{number}]: {error}") from None

    def price(self, seed: int) -> PricePath:
        """The true price of this seed, with what faults do to it."""
        path = self.path.path(seed)
        for table in self.faults:
            path = span_of(table, path.start_ns).moving(path)
        return path

    def required(self) -> tuple[str, ...]:
        """Features that a design has to have, for the scenario or for one of its faults."""
        faults = (name for table in self.faults for name in table.made(table.kind()).needs)
        return tuple(dict.fromkeys([*self.needs, *faults]))

    @property
    def open_interest_usd(self) -> float:
        """Open interest of one side. [USD]"""
        makers = self.makers
        bids = np.interp(math.log(ONE_PERCENT_BP), np.log(makers.depth_bp), np.log(makers.bid_usd))
        return self.population.open_interest_over_depth * math.exp(bids)

    def override(self, changes: Mapping[str, object], file: str | None = None) -> Scenario:
        """The same scenario with some values changed: {"makers": {"depth_scale": 100.0}}. Raises ScenarioError, which names `file`."""
        return _convert(_laid(_plain(self), changes), file or self.name)

    def with_path(self, bars: Bars, from_ns: int | None = None, to_ns: int | None = None) -> Scenario:
        """The same scenario on other bars, rescaled to its starting price.

        Default window: from 30 minutes before the worst minute, by (high - low) / high, to 50 after. Raises ScenarioError.
        """
        worst = int(bars.open_ns[bars.worst_minute()])
        try:
            part = bars.window(worst - BEFORE_NS if from_ns is None else from_ns, worst + AFTER_NS if to_ns is None else to_ns)
            part = part.rescaled(self.path.first_usd)
        except PathError as error:
            raise ScenarioError(str(error)) from error
        path = {
            "kind": "bars",
            "source": part.source,
            "start": datetime.fromtimestamp(part.start_ns / SECOND_NS, UTC),
            "bar_s": part.bar_ns // SECOND_NS,
            "step_ms": self.path.step_ms,
            "noise": self.path.noise if isinstance(self.path, BarsPath) else 1.0,
            "bars": [list(part[i]) for i in range(len(part))],
        }
        return _convert({**_plain(self), "path": path}, self.name)

    def _begun_at(self, usd: float) -> Scenario:
        """The same scenario with its path rescaled to this starting price."""
        path = self.path
        if isinstance(path, KnotsPath | GbmPath | OwnPath):
            return replace(self, path=replace(path, first_usd=usd))
        if path.first_usd == usd:
            return self
        bars = path.of_bars().rescaled(usd)
        return replace(self, path=replace(path, bars=tuple(tuple(bars[i]) for i in range(len(bars)))))


def shipped() -> list[str]:
    """Names of the scenarios that come with the package."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load_scenario(name: str) -> Scenario:
    """The shipped scenario of that name, or the one in that TOML file; behind a colon, on another of its paths: "oct10:stays_low".

    Raises ScenarioError.
    """
    file, colon, path = name.rpartition(":")
    if not colon or path.endswith(".toml"):
        tree, told = _tree(name)
        return _convert(tree, told)
    tree, told = _tree(file)
    return _on(tree, path, told)


def load_paths(name: str, family: str | None = None) -> dict[str, Scenario]:
    """The scenario on each of its `[paths.NAME]`, or on those of one family, with everything else equal; by name, in the file's order.

    Each is called "SCENARIO.NAME", and its path states its family. Raises ScenarioError: there is none, or its prices make it another one.
    """
    tree, file = _tree(name)
    if family is not None and family not in FAMILIES:
        raise ScenarioError(f"{file}: no family {family!r}{nearest(family, list(FAMILIES))}")
    tables = tree.get("paths")
    if not isinstance(tables, dict):
        raise ScenarioError(f"{file}: it has no [paths.NAME]: expected one at least")
    made = {one: _on(tree, one, file) for one in tables}
    found = {one: scenario for one, scenario in made.items() if family in (None, scenario.path.family)}
    if not found:
        raise ScenarioError(f"{file}: none of its paths has the family {family!r}: they are {', '.join(made)}")
    return found


def has_paths(name: str) -> bool:
    """Whether a scenario has [paths.NAME]. Raises ScenarioError."""
    return "paths" in _tree(name)[0]


def _tree(name: str) -> tuple[Tree, str]:
    """The tree of a scenario by name or file, and how errors call that file."""
    path = Path(name)
    if not name.endswith(".toml"):
        if name not in shipped():
            raise ScenarioError(f"no scenario {name!r}{nearest(name, shipped())}; a file of your own ends in .toml")
        path = FOLDER / f"{name}.toml"
    file = name if name.endswith(".toml") else path.name
    return resolved(path, file), file


def _on(tree: Tree, name: str, file: str) -> Scenario:
    """The scenario of a tree on the path of that name."""
    scenario, place = _convert(tree, file), f"{file}: [paths.{name}]"
    own, tables = tree["path"], tree.get("paths", {})
    assert isinstance(own, dict) and isinstance(tables, dict)  # else it would not have converted, or been read
    try:
        table = chosen(tables, name, file)
        path = laid_out(own, table, place)
    except DesignError as error:
        raise ScenarioError(str(error)) from None
    named = {"name": f"{scenario.name}.{name}", "title": titled(scenario.title, scenario.name, name, table)}
    moved = _convert({**tree, **named, "path": path}, place)._begun_at(scenario.path.first_usd)
    seen = shape(moved.path.path(0))
    if seen.family != moved.path.family:
        raise ScenarioError(f"{place}: family is {moved.path.family!r}: expected {seen.family!r}, as its price {seen}")
    return moved


def resolved(path: Path, file: str, below: tuple[Path, ...] = ()) -> Tree:
    """The tree of a scenario file, what it extends included; `below` are the files that extend it. Raises ScenarioError."""
    try:
        given = read_toml(path)
    except DesignError as error:
        raise ScenarioError(str(error)) from None
    parent = given.pop("extends", None)
    named = {"name": path.stem, **given}
    if "paths" in named:
        try:
            named["paths"] = with_crashes(named["paths"], path, file)
        except DesignError as error:
            raise ScenarioError(str(error)) from None
    own = named.get("path")
    if isinstance(own, Mapping) and "crash" in own:
        try:
            named["path"] = from_crash(dict(own), path, file)
        except DesignError as error:
            raise ScenarioError(str(error)) from None
    anchored(named, [path.parent])
    if parent is None:
        return named
    found = extended(path, parent)
    if found is None:
        expected = f"a file, from the folder of this one, or a shipped scenario{nearest(parent, shipped())}"
        raise ScenarioError(f"{file}: extends is {parent!r}: expected {expected}")
    if found.resolve() in [one.resolve() for one in (*below, path)]:
        raise ScenarioError(f"{file}: extends is {parent!r}: expected a scenario that does not extend this one")
    return _laid(resolved(found, str(found) if found.parent != FOLDER else found.name, (*below, path)), named)


def extended(path: Path, parent: object) -> Path | None:
    """The file that `extends = "..."` of another one means: one beside that, with or without .toml, else a shipped one; None if none is."""
    if not isinstance(parent, str):
        return None
    beside = path.parent / (parent if parent.endswith(".toml") else f"{parent}.toml")
    if beside.is_file() and not (parent in shipped() and beside.resolve() == path.resolve()):
        return beside
    return FOLDER / f"{parent}.toml" if parent in shipped() else None


def _laid(base: Tree, over: Mapping[str, object]) -> Tree:
    """`over` laid on `base`; a path that says its kind is a path of its own, and what went on from the old one goes with that."""
    path = over.get("path")
    if isinstance(path, Mapping) and "kind" in path:
        base = {key: value for key, value in base.items() if key not in ("path", "paths")}
    return merged(base, over)


def _plain(scenario: Scenario) -> Tree:
    """A scenario as TOML would have it."""
    plain: Tree = msgspec.to_builtins(scenario, builtin_types=(datetime,))
    listed = {key: [*tables] for key, tables in plain.items() if isinstance(tables, tuple) and key in ("agents", "archetypes", "faults")}
    return plain | listed  # a table is laid on each of a list, not on a tuple


def _convert(given: Tree, file: str) -> Scenario:
    if "feedback" in given:
        expected = "no such key: [impact] says what is traded here does to the true price, by a law that decays (off at y = 0)"
        raise ScenarioError(f"{file}: feedback is {given['feedback']!r}: expected {expected}")
    markets = given.get("further_markets")
    try:
        for name, market in markets.items() if isinstance(markets, Mapping) else ():
            convert(market, FurtherMarket, file, f"further_markets.{name}")  # first one by one: an error then names the market
        return convert({key: value for key, value in given.items() if key != "paths"}, Scenario, file)
    except DesignError as error:
        raise ScenarioError(str(error)) from None
