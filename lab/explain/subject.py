"""What an explanation is told, and what it is: one for each rule, known as in the registry by the key that names the rule and its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from perplab.exchange.design.parameters import Parameters
from perplab.exchange.design.registry import find
from perplab.exchange.design.structs import Market, VenueDesign
from perplab.exchange.units import MICRO

from . import units
from .document import Block, Fact, Grid, Text
from .keys import CHOICES, is_left_out, key_of, shown, unused
from .probe import Probe


def perpetuals(design: VenueDesign) -> list[int]:
    """Numbers of the markets in which there are positions."""
    return [number for number, market in enumerate(design.markets) if not market.is_spot]


class Subject(NamedTuple):
    """The part of a design that is explained."""

    design: VenueDesign
    number: int = 0  # of the market
    given: Struct = Parameters()  # what the design says to the rule

    @property
    def market(self) -> Market:
        return self.design.markets[self.number]

    @property
    def asset(self) -> str:
        return self.market.settlement_asset

    @property
    def coin(self) -> str:
        """What a market's sizes are counted in, by its name: BTC of BTC-PERP."""
        return self.market.name.split("-")[0]

    @property
    def trading(self) -> str:
        """With whom an order trades."""
        return trades_with(self.market)

    def probe(self) -> Probe:
        return Probe(self.design, self.number)

    def of(self, given: Struct) -> Subject:
        return self._replace(given=given)

    # -- the core's numbers, as people write them --

    def money(self, micro: int) -> str:
        return units.money(micro, self.asset)

    def price(self, ticks: int) -> str:
        return f"{units.plain(ticks * self.market.tick)} {self.asset}"

    def coins(self, lots: int) -> str:
        return units.plain(lots * self.market.lot)

    def worth(self, probe: Probe, amount: int) -> tuple[int, str]:
        """Lots worth about `amount` [USD], and what they are worth at the example price."""
        lots = probe.lots(amount * MICRO)
        return lots, self.money(probe.value(lots))

    def fact(self, name: str, micro: int) -> Fact:
        return Fact(name, micro, self.money(micro))

    def price_fact(self, name: str, ticks: int) -> Fact:
        return Fact(name, ticks, self.price(ticks))


def trades_with(market: Market) -> str:
    if market.curve.rule == "none":
        return "in the book"
    return "with the curve" if market.curve.role == "separate" else "in the book and with the curve"


class Explanation(NamedTuple):
    """A rule in words."""

    short: str  # a few words, for a table of venues
    summary: str  # one sentence, also what a difference means
    tell: Callable[[Subject], list[Block]]  # the paragraphs, with formula and example


Explanations = dict[tuple[str, str], Explanation]  # by the key that names the rule and its name


def nothing_more(_: Subject) -> list[Block]:
    """For a rule whose summary says all."""
    return []


def of_own(key: str, name: str) -> Explanation:
    """What can be said of a rule that nobody here knows: its class, and the docstrings of the class and of its parameters."""
    rule = find(key, name)
    if rule is None:
        return Explanation(name, f"`{name}`.", nothing_more)
    words = inspect.cleandoc(rule.rule.__doc__ or "").split("\n\n")
    first = " ".join(words[0].split()) or "It has no docstring."
    more: list[Block] = [Text(" ".join(one.split())) for one in words[1:]]
    told = inspect.cleandoc(rule.params.__doc__ or "") if rule.params is not Parameters else ""
    more += [Text(f"Its parameters: {' '.join(told.split())}")] if told else []
    more.append(Text(f"This rule is `{rule.rule.__qualname__}` of `{rule.rule.__module__}`, no rule of perplab's own."))
    return Explanation(name, first, lambda _: more)


def keys_of(table: Struct, asset: str, caption: str = "", without: frozenset[str] = frozenset()) -> list[Block]:
    """What a design says in a table: a row for each key."""
    rows = []
    for name in table.__struct_fields__:
        if is_left_out(type(table), name) or name in unused(table) or name in without:
            continue
        value = getattr(table, name)
        key = key_of(type(table), name)
        choice = CHOICES.get(type(table), {}).get(name, {}).get(str(value), "")
        rows.append((name, shown(key, value, asset), f"{key.words}: {choice}" if choice and key.words else choice or key.words))
    return [Grid(("key", "value", "what it is"), tuple(rows), code=(0,), caption=caption)] if rows else []
