"""`[[agents]]` of a scenario: traders with a bot that ships, by name, or one of the user's own, by class.

Rules: they begin flat, or with positions that they have with each other (`begins_usd`), at the starting price. They join the scenario's
agents with the last account numbers and change nobody's draws. What the bot is called with: its seat; `terms` if it takes any; `draws` if
it does, a generator of its own by seed and name, for what is random about it when it is made. A run meets it as a `Guarded`, which checks
what it returns and tells what it raises; the scenario's own bots are met as they are, at no cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Annotated, Final

from msgspec import Meta

from perplab.clients.bots.accumulator import Accumulator
from perplab.clients.bots.base import Action, Bot, Seat, View
from perplab.clients.bots.carry import Carry
from perplab.clients.bots.mean_reversion import MeanReversion
from perplab.clients.bots.round_trips import RoundTrips
from perplab.clients.bots.stop_loss import StopLoss
from perplab.clients.bots.taker import NoiseTaker
from perplab.clients.bots.withdrawer import Withdrawer
from perplab.exchange.events import EVENT_OF, Event
from perplab.exchange.units import SECOND_NS

from .names import wrong_name
from .own import OwnClass, ScenarioError, asking, must_take, shown, takes
from .own_rows import commands, must_be_its_own

COHORTS: Final = ("longs", "hedgers", "directional_shorts", "makers", "arbitrageurs", "bidders", "momentum", "noise")  # the scenario's
LINES: Final = ("insurance", "insurance_fund", "vault", "fees", "rounding", "clearing", "uncovered", "pool", "oracle", "all")  # not people

ARCHETYPES: Final[dict[str, type[Bot]]] = {  # that ship, by their names
    "hold": Bot,
    "stop_loss": StopLoss,
    "mean_reversion": MeanReversion,
    "carry": Carry,
    "accumulate": Accumulator,
    "withdraw": Withdrawer,
    "round_trips": RoundTrips,
}

Capital = Annotated[float, Meta(ge=0.01, le=1e10)]  # [USD] at most what one deposit may be
Milliseconds = Annotated[int, Meta(ge=0, le=3_600_000)]


def must_be_free(key: str, name: str) -> None:
    """ValueError: `name`, the value of `key`, is no name, or one that tables have for others."""
    if wrong := wrong_name(name):
        raise ValueError(f"{key}: {wrong}")
    if name in (*COHORTS, *LINES):
        raise ValueError(f"{key} is {name!r}: expected a name of its own, that one is taken")


class OwnAgents(OwnClass, frozen=True, kw_only=True):
    """So many traders of one class."""

    count: Annotated[int, Meta(ge=1, le=100_000)]
    cohort: str  # a name of their own in all tables
    capital_usd: Capital  # of each
    hears_ms: Milliseconds  # how late they hear of events and of the outside price
    orders_ms: Milliseconds  # how late their orders arrive
    begins_usd: Annotated[float, Meta(ge=-1e10, le=1e10)] = 0.0  # each one's position when the run begins; below zero: short

    def __post_init__(self) -> None:
        must_be_free("cohort", self.cohort)
        bot = self.bot(is_new=True)
        must_take(self.named, bot, "seat", **self.terms_of(bot), **{name: name for name in self.drawn(bot)})

    def bot(self, is_new: bool = False) -> type[Bot]:
        return self.one_of(Bot, ARCHETYPES, is_new)

    @staticmethod
    def drawn(bot: type[Bot]) -> tuple[str, ...]:
        """`draws`, if it takes that."""
        return ("draws",) if takes(bot, "draws") else ()


# -- in a run --


class Guarded(Bot):
    """A bot of a user's class: it may send what the owner of its account may, and whatever is wrong with it is told in one line."""

    def __init__(self, bot: Bot, seat: Seat, named: str) -> None:
        super().__init__(seat)
        self.bot = bot
        self.named = named
        self.start = 0  # [ns]
        with asking(named, "hears and sees_offers"):
            heard = list(bot.hears) if isinstance(bot.hears, Iterable) else [bot.hears]
            self.sees_offers = bool(bot.sees_offers)
        if not all(isinstance(kind, Integral) and kind in EVENT_OF for kind in heard):
            raise ScenarioError(f"class is {named!r}, whose hears is {shown(bot.hears)}: expected kinds of events, such as Traded.KIND")
        vars(self)["hears"] = frozenset(heard)  # a class has one for all, and each of these stands for another class

    def on_start(self, ts: int, view: View) -> Action:
        self.start = ts
        with asking(self.named, "on_start"):
            given: object = self.bot.on_start(ts, view)
        return self._checked("on_start", ts, given)

    def on_event(self, ts: int, event: Event) -> Action:
        with asking(self.named, f"on_event of {type(event).__name__} {self._at(ts)}"):
            given: object = self.bot.on_event(ts, event)
        return self._checked("on_event", ts, given)

    def on_wake(self, ts: int, view: View) -> Action:
        with asking(self.named, f"on_wake {self._at(ts)}"):
            given: object = self.bot.on_wake(ts, view)
        return self._checked("on_wake", ts, given)

    def _at(self, ts: int) -> str:
        return f"at {(ts - self.start) / SECOND_NS:g} s"

    def _checked(self, call: str, ts: int, given: object) -> Action:
        what = f"{call} {self._at(ts)}"
        self.sees_offers = bool(self.bot.sees_offers)
        if not isinstance(given, tuple | list) or len(given) != 2:
            expected = "expected commands and when to be woken, such as (NOTHING, None)"
            raise ScenarioError(f"class is {self.named!r}, which returns {shown(given)}, asked for {what}: {expected}")
        rows = commands(self.named, what, given[0])
        if len(rows):
            must_be_its_own(self.named, what, rows, self.seat.account)
        return rows, self._woken(what, ts, given[1])

    def _woken(self, what: str, ts: int, when: object) -> int | None:
        if when is None:
            return None
        if not isinstance(when, Integral) or int(when) <= ts:
            expected = f"expected whole ns after {ts}, or None"
            raise ScenarioError(f"class is {self.named!r}, which wants to be woken at {shown(when)}, asked for {what}: {expected}")
        return int(when)


def guarded(make: Callable[[Seat], Bot], named: str) -> Callable[[Seat], Bot]:
    """The same, for a bot that nobody has looked at. Noise is drawn before a run, and never asked."""

    def made(seat: Seat) -> Bot:
        with asking(named, f"a bot of account {seat.account}"):
            bot: object = make(seat)
        if not isinstance(bot, Bot):
            raise ScenarioError(f"class is {named!r}, which makes {shown(bot)}: expected a {Bot.__module__}.Bot")
        return bot if isinstance(bot, NoiseTaker) else Guarded(bot, seat, named)

    return made
