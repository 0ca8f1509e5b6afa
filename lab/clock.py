"""One world's clock: what happens next at its venues, and the second by which its price moves.

Rules: what happens next is the earliest entry of a heap, ties in the order in which they were scheduled; the exogenous commands that lie
ready at each venue go in before whatever the heap holds at the same time. A venue gathers commands until somebody looks at it, or could
answer the first of them: how they are cut into calls changes nothing. With several venues none of them runs ahead of what another one could
still tell somebody who trades on both.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Protocol, TypeAlias

import numpy as np

from perplab.clients.bots.base import Rows
from perplab.exchange.units import SECOND_NS
from perplab.oracle.paths import PricePath

from .outside import TruePrice
from .scenario import Impact

What: TypeAlias = Callable[[int], None] | Rows  # whom to call, or what arrives


class Venue(Protocol):
    """A venue, as the clock sees it; times are ns."""

    @property
    def arrival(self) -> int:
        """Of its next exogenous command; far away: there is none."""

    @property
    def is_gathering(self) -> bool:
        """Whether it has commands that it has not carried out yet."""

    def silent_until(self) -> int:
        """Up to when nobody can answer what it has gathered, or else its next exogenous command."""

    def gather_exogenous(self, ts: int) -> None:
        """Gather the exogenous commands up to and including `ts`, as far as they may join."""

    def gather(self, rows: Rows) -> None: ...

    def send(self) -> None:
        """Carry out what has been gathered."""

    def open(self) -> None:
        """Carry out the opening."""

    def begin(self) -> None:
        """Schedule what happens from the start on, and let everybody act who acts then."""

    def begin_samples(self) -> None: ...

    def second(self) -> None:
        """A second is over."""


class Party(Protocol):
    """Somebody who acts at several venues, or in several markets of one."""

    def begin(self) -> None: ...

    def second(self) -> None: ...


class Clock:
    """The heap."""

    def __init__(self) -> None:
        self.now = 0  # [ns] of what happened last
        self._heap: list[tuple[int, int, Venue | None, What]] = []  # when, its number, where (None: nowhere alone), what
        self._order = count()

    def at(self, ts: int, venue: Venue | None, what: What) -> None:
        heappush(self._heap, (ts, next(self._order), venue, what))

    def step(self, venues: list[Venue], end: int) -> bool:
        """Let the next thing up to `end` happen; False if there is none. Exogenous commands go before what the heap holds at that time."""
        due, first = self._heap[0][0], min(venues, key=_arrival) if len(venues) > 1 else venues[0]
        arrival = first.arrival  # this and the heap have an entry that never comes
        for one in venues:
            if one.is_gathering and min(due, arrival) > one.silent_until():
                one.send()
                return True
        if arrival <= min(due, end):
            self.now = arrival
            first.gather_exogenous(min(due, end, *[one.silent_until() for one in venues if one is not first]))
            return True
        if due <= end:
            self._due(*heappop(self._heap))
            return True
        gathering = [one for one in venues if one.is_gathering]
        for one in gathering:
            one.send()
        return bool(gathering)

    def _due(self, ts: int, _: int, venue: Venue | None, what: What) -> None:
        """Commands arrive; or somebody acts, who sees what all commands before have done."""
        self.now = ts
        if isinstance(what, np.ndarray):
            assert venue is not None
            venue.gather(what)
        else:
            if venue is not None:
                venue.send()
            what(ts)


def _arrival(venue: Venue) -> int:
    return venue.arrival


class World:
    """One true price, one clock, and the venues and parties that share them."""

    def __init__(self, path: PricePath, impact: Impact) -> None:
        self.path = path
        self.price = TruePrice(path, impact)
        self.clock = Clock()
        self.venues: list[Venue] = []
        self.parties: list[Party] = []

    def play(self, progress: Callable[[float], None] | None) -> None:
        """From the opening to the last point of the path."""
        start, end = self.path.start_ns, self.path.end_ns
        for venue in self.venues:
            venue.open()
        for one in (*self.venues, *self.parties):
            one.begin()
        self.clock.at(start + SECOND_NS, None, self._second)
        for venue in self.venues:
            venue.begin_samples()
        told = start
        while self.clock.step(self.venues, end):
            if progress and self.clock.now - told > (end - start) // 100:
                told = self.clock.now
                progress((told - start) / (end - start))

    def _second(self, ts: int) -> None:
        """A second is over: look at those who are followed, and let what was traded move the true price."""
        for venue in self.venues:
            venue.send()
        for one in (*self.venues, *self.parties):
            one.second()
        self.price.second()
        self.clock.at(ts + SECOND_NS, None, self._second)
