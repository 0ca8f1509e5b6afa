"""A trader who takes out all the money that the venue lets go of, at a time, and leaves the position to whoever has to take it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from msgspec import Meta, Struct

from perplab.exchange.events import Event, Withdrawn
from perplab.exchange.messages import Withdraw
from perplab.exchange.units import MICRO, SECOND_NS

from .base import NOTHING, Action, Bot, Seat, View, pack

SMALLER: Final = 0.8  # of what was refused: what it asks for next
ASSET: Final = 0  # that its market settles in


class WithdrawerTerms(Struct, frozen=True):
    at_s: Annotated[float, Meta(ge=0, le=1e6)]
    times: Annotated[int, Meta(ge=1, le=1000)] = 1  # withdrawals that succeed, at most
    keep: Annotated[float, Meta(ge=1, le=1000)] = 1.0  # times maintenance margin, that stays
    least_usd: Annotated[float, Meta(ge=1, le=1e10)] = 1000.0  # it gives up below
    most_usd: Annotated[float, Meta(ge=1, le=1e10)] = 1e10  # in all
    retry_s: Annotated[float, Meta(ge=0.01, le=1e6)] = 5.0  # between two requests: longer than it takes to hear of the outcome


class Withdrawer(Bot):
    """Asks for all but `keep` times maintenance margin; each time that is refused, for a fifth less."""

    hears: ClassVar[frozenset[int]] = frozenset({Withdrawn.KIND})

    def __init__(self, seat: Seat, terms: WithdrawerTerms) -> None:
        super().__init__(seat)
        self.terms = terms
        self._done = 0
        self._out = 0  # [micro]
        self._share = 1.0

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + max(1, round(self.terms.at_s * SECOND_NS))

    def on_event(self, ts: int, event: Event) -> Action:
        if isinstance(event, Withdrawn):
            self._done, self._out, self._share = self._done + 1, self._out + event.amount, 1.0
        return NOTHING, None

    def on_wake(self, ts: int, view: View) -> Action:
        terms, later = self.terms, ts + round(self.terms.retry_s * SECOND_NS)
        free = min(view.equity - terms.keep * view.maintenance, terms.most_usd * MICRO - self._out)
        amount = int(self._share * free)
        if self._done >= terms.times:
            return NOTHING, None
        if amount < terms.least_usd * MICRO:  # prices may yet free more
            self._share = 1.0
            return NOTHING, later
        self._share *= SMALLER
        return pack(Withdraw(0, self.seat.account, ASSET, amount)), later
