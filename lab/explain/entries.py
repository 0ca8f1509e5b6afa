"""A design as a flat list of what counts in it, and what differs between two.

Keys count where something asks for them: the tables of a step that is not taken, of a vault without a takeover, of deleveraging that does
not happen, say nothing. Rules are keys as well; what they are told stands with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import fields

from perplab.exchange.design.build import table_of
from perplab.exchange.design.structs import CurveDesign, FundingDesign, MarkDesign, Market, SequencingDesign, Tier, VenueDesign

from .keys import CHOICES, Key, is_silent, key_of, shown, unused, unused_in

ABSENT: Final = "-"  # where a design has no such key
ADL: Final = "auto_deleverage"
NOT_COMPARED: Final = {"name", "title", "own", "markets", "liquidation", "insurance_fund", "vault", ADL, "screen", "sequencing", "gas"} | {
    "fee_tiers", "maker_tiers", "fee_window_days", "money", "collateral", "max_debt",
}  # fmt: skip
WITHOUT_RULE: Final = {"own", "rule"}


RuleTable = CurveDesign | FundingDesign | MarkDesign | SequencingDesign


class Entry(NamedTuple):
    """A key that counts."""

    path: str  # as in the TOML; a market's keys begin with its name if there are several
    value: object
    key: Key  # its unit, and its meaning
    asset: str
    rule: str = ""  # the key of the registry, where the value names one rule or several
    choices: Mapping[str, str] = {}  # what the words mean that may stand there

    @property
    def shown(self) -> str:
        return shown(self.key, self.value, self.asset)


class Difference(NamedTuple):
    path: str
    first: str
    second: str
    key: Key
    rule: str
    choices: Mapping[str, str]
    values: tuple[object, object]  # None where a design has no such key


def differences(first: VenueDesign, second: VenueDesign) -> list[Difference]:
    """What differs, in the order of the first design and then of the second; empty if they behave alike."""
    left = {one.path: one for one in entries(first)}
    right = {one.path: one for one in entries(second)}
    found = []
    for path in [*left, *(path for path in right if path not in left)]:
        here, there = left.get(path), right.get(path)
        if here is not None and there is not None and here.value == there.value:
            continue
        known = here or there
        assert known is not None
        values = (here.value if here else None, there.value if there else None)
        shown_as = (here.shown if here else ABSENT, there.shown if there else ABSENT)
        found.append(Difference(path, *shown_as, known.key, known.rule, known.choices, values))
    return found


def entries(design: VenueDesign) -> list[Entry]:
    """All keys that count, in the order in which a rule book tells them."""
    found: list[Entry] = []
    for market in design.markets:
        found += of_market(market, f"{market.name}." if len(design.markets) > 1 else "", set(unused_in(design)))
    found += of_rule("sequencing", design.sequencing, "", design.assets[0])
    if not is_silent(design.gas):
        found += of_table(design.gas, "gas.", set(), design.assets[0])
    if not is_silent(design.money):
        found += of_table(design.money, "money.", set(), design.assets[0])
    found += of_liquidation(design)
    found += of_losses(design)
    found += of_table(design, "", NOT_COMPARED | {"backstops"}, design.assets[0])
    found += of_fee_tiers(design)
    found += of_collateral(design)
    return found


def of_table(table: Struct, at: str, without: set[str], asset: str) -> Iterator[Entry]:
    """The plain keys of a table that say something."""
    silent = unused(table)
    for field in fields(table):
        if field.name not in without and field.name not in silent:
            choices = CHOICES.get(type(table), {}).get(field.name, {})
            yield Entry(f"{at}{field.name}", getattr(table, field.name), key_of(type(table), field.name), asset, "", choices)


def of_market(market: Market, at: str, unused_of_curve: set[str]) -> Iterator[Entry]:
    asset = market.settlement_asset
    yield from of_table(market, at, {"name", "tiers", "oracle", "mark", "funding", "curve", "matching"}, asset)
    if market.curve.rule == "none" or market.curve.role != "separate":  # else no two orders ever meet
        yield Entry(f"{at}matching.rule", market.matching.rule, Key("", "the rule"), asset, "matching.rule")
        yield from of_table(market.matching, f"{at}matching.", WITHOUT_RULE, asset)
    yield from of_table(market.oracle, f"{at}oracle.", set(), asset)
    if market.is_spot:
        return
    yield from of_rule("curve", market.curve, at, asset, unused_of_curve)
    yield from of_tiers(market.tiers, f"{at}tiers", asset)
    yield from of_rule("mark", market.mark, at, asset)
    yield from of_rule("funding", market.funding, at, asset)


def of_rule(name: str, table: RuleTable, at: str, asset: str, without: Set[str] = frozenset()) -> Iterator[Entry]:
    """A table that names one rule, whose keys stand in it; one that names none says nothing else."""
    yield Entry(f"{at}{name}.rule", table.rule, Key("", "the rule"), asset, f"{name}.rule")
    if table.rule == "none":
        return
    if not (isinstance(table, SequencingDesign) and is_silent(table)):
        yield from of_table(table, f"{at}{name}.", WITHOUT_RULE | without, asset)
    assert isinstance(table.own, Struct)
    yield from of_table(table.own, f"{at}{name}.", set(), asset)


def of_tiers(tiers: tuple[Tier, ...], at: str, asset: str) -> Iterator[Entry]:
    for number, tier in enumerate(tiers):
        yield from of_table(tier, f"{at}[{number}].", set(), asset)


def of_fee_tiers(design: VenueDesign) -> Iterator[Entry]:
    asset = design.assets[0]
    if design.fee_tiers or design.maker_tiers:
        yield Entry("fee_window_days", design.fee_window_days, key_of(VenueDesign, "fee_window_days"), asset)
    for name, tiers in (("fee_tiers", design.fee_tiers), ("maker_tiers", design.maker_tiers)):
        for number, tier in enumerate(tiers):
            yield from of_table(tier, f"{name}[{number}].", set(), asset)


def of_collateral(design: VenueDesign) -> Iterator[Entry]:
    """What counts as money, what may be owed against it, and the fund that buys it, where it is told nowhere else."""
    asset = design.assets[0]
    if design.collateral:
        yield Entry("max_debt", design.max_debt, key_of(VenueDesign, "max_debt"), asset)
        if "insurance_fund" not in design.backstops:
            fund = design.insurance_fund
            yield Entry("insurance_fund.capital", fund.capital, key_of(type(fund), "capital"), asset)
    for number, table in enumerate(design.collateral):
        yield from of_table(table, f"collateral[{number}].", set(), design.assets[0])


def of_liquidation(design: VenueDesign) -> Iterator[Entry]:
    table, asset = design.liquidation, design.assets[0]
    yield Entry("liquidation.steps", table.steps, key_of(type(table), "steps"), asset, "liquidation.steps")
    for name in table.steps:
        given = table_of(table, name)
        assert isinstance(given, Struct)
        yield from of_table(given, f"liquidation.{name}.", set(), asset)
    rules = {field.name for field in fields(table) if isinstance(getattr(table, field.name), Struct)}
    yield from of_table(table, "liquidation.", rules | {"own", "steps"}, asset)
    if "takeover" in table.steps:
        yield from of_table(design.vault, "vault.", set(), asset)


def of_losses(design: VenueDesign) -> Iterator[Entry]:
    asset = design.assets[0]
    yield Entry("backstops", design.backstops, key_of(VenueDesign, "backstops"), asset, "backstops")
    for name in design.backstops:
        if name != ADL:
            given = table_of(design, name)
            assert isinstance(given, Struct)
            yield from of_table(given, f"{name}.", set(), asset)
    if ADL in design.backstops:
        yield from of_deleveraging(design)


def of_deleveraging(design: VenueDesign) -> Iterator[Entry]:
    adl, asset = design.auto_deleverage, design.assets[0]
    for part, name in (("rank", adl.rank), ("selection", adl.selection)):
        yield Entry(f"{ADL}.{part}", name, Key("", f"the {part}"), asset, f"{ADL}.{part}")
        given = table_of(adl, name)
        assert isinstance(given, Struct)
        yield from of_table(given, f"{ADL}.{name}.", set(), asset)
    yield from of_table(adl, f"{ADL}.", {"rank", "selection", "own"}, asset)
