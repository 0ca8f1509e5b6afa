"""`[[agents]]` of a scenario: traders with a bot of the user's own.

Rules: they join the scenario's agents with the last account numbers and change nobody's draws. What the bot is called with: its seat;
`terms` if it takes any; `draws` if it does, a generator of its own by seed and name, for what is random about it when it is made.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from perplab.clients.bots.base import Bot

from .names import wrong_name
from .own import OwnClass, must_take, takes

COHORTS: Final = ("longs", "hedgers", "directional_shorts", "makers", "arbitrageurs", "bidders", "momentum", "noise")  # the scenario's
LINES: Final = ("insurance", "insurance_fund", "vault", "fees", "rounding", "clearing", "uncovered", "pool", "oracle", "all")  # not people

Capital = Annotated[float, Meta(ge=0.01, le=1e10)]  # [USD] at most what one deposit may be
Milliseconds = Annotated[int, Meta(ge=0, le=3_600_000)]


class OwnAgents(OwnClass, frozen=True, kw_only=True):
    """So many traders of one class."""

    count: Annotated[int, Meta(ge=1, le=100_000)]
    cohort: str  # a name of their own in all tables
    capital_usd: Capital  # of each
    hears_ms: Milliseconds  # how late they hear of events and of the outside price
    orders_ms: Milliseconds  # how late their orders arrive

    def __post_init__(self) -> None:
        if wrong := wrong_name(self.cohort):
            raise ValueError(f"cohort: {wrong}")
        if self.cohort in (*COHORTS, *LINES):
            raise ValueError(f"cohort is {self.cohort!r}: expected a name of its own, that one is taken")
        bot = self.subclass(Bot)
        must_take(self.named, bot, "seat", **self.terms_of(bot), **{name: name for name in self.drawn(bot)})

    def bot(self) -> type[Bot]:
        return self.must_extend(Bot, self.loaded())

    @staticmethod
    def drawn(bot: type[Bot]) -> tuple[str, ...]:
        """`draws`, if it takes that."""
        return ("draws",) if takes(bot, "draws") else ()
