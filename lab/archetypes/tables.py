"""`[[archetypes]]` of a scenario: strategies whose accounts are followed, by name or by a class of the user's own.

Rules: each has one account at every venue that it trades on, with `capital_usd` in it, and nothing to begin with. Their accounts come after
everybody else's and change nobody's draws. What the strategy is called with: its desks; `terms` if it takes any; `draws` if it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from perplab.clients.bots.basis import Basis
from perplab.clients.bots.delta_hedger import DeltaHedger
from perplab.clients.bots.directional import Directional
from perplab.clients.bots.spot_carry import SpotCarry
from perplab.clients.bots.strategy import Strategy

from ..own import OwnClass, must_take, takes
from ..own_agents import Capital, Milliseconds, must_be_free

STRATEGIES: Final[dict[str, type[Strategy]]] = {
    "directional": Directional,
    "carry": SpotCarry,
    "hedger": DeltaHedger,
    "basis": Basis,
}


class Way(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far it is to one venue, where that differs."""

    hears_ms: Milliseconds | None = None
    orders_ms: Milliseconds | None = None
    capital_usd: Capital | None = None


class SpotMarket(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who stands in the spot market of a venue, where a strategy trades in it; nobody else does."""

    depth: Annotated[float, Meta(ge=0.001, le=100)] = 0.25  # over that of the perpetual: of makers alike, who bring coins and dollars


class Archetype(OwnClass, frozen=True, kw_only=True):
    """One strategy."""

    name: str  # of its result line, and of its cohort
    capital_usd: Capital  # of its account at each venue
    hears_ms: Milliseconds  # how late it hears of the outside price
    orders_ms: Milliseconds  # how late its orders arrive
    at: Mapping[str, Way] = msgspec.field(default_factory=dict)  # by the name of a venue

    def __post_init__(self) -> None:
        must_be_free("name", self.name)
        kind = self.strategy(is_new=True)
        must_take(self.named, kind, "desks", **self.terms_of(kind), **{name: name for name in self.drawn(kind)})

    def strategy(self, is_new: bool = False) -> type[Strategy]:
        return self.one_of(Strategy, STRATEGIES, is_new)

    @staticmethod
    def drawn(kind: type[Strategy]) -> tuple[str, ...]:
        """`draws`, if it takes that."""
        return ("draws",) if takes(kind, "draws") else ()

    def way(self, venue: str) -> tuple[int, int, float]:
        """How late it hears [ms], how late its orders arrive [ms], and its capital [USD] at a venue."""
        own = self.at.get(venue, Way())
        default = (self.hears_ms, self.orders_ms, self.capital_usd)
        hears, orders, capital = (
            value if given is None else given for given, value in zip((own.hears_ms, own.orders_ms, own.capital_usd), default, strict=True)
        )
        return int(hears), int(orders), float(capital)


def must_differ(archetypes: tuple[Archetype, ...], others: list[str]) -> None:
    """ValueError if two have one name, or one has that of a cohort."""
    for number, one in enumerate(archetypes):
        if one.name in [*others, *(other.name for other in archetypes[:number])]:
            raise ValueError(f"archetypes[{number}].name is {one.name!r}: expected a name of its own, that one is taken")
