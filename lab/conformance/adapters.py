"""Adapters: how the inputs of a topic become a call of the venue's own function, and its result the fields that an example expects.

Rules of the file: an adapter scales numbers and hands them on; it has no formula. `calls` names the functions of perplab.exchange that it
is about; tests hold every adapter to that, and every such function to being one that a venue runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from .examples import Given, Value

RUNS: Final = "engine.Exchange.apply"  # the adapter runs a venue

Result = Mapping[str, Value]
Calculation = Callable[[Given], Result]


class Adapter(NamedTuple):
    calculate: Calculation
    calls: tuple[str, ...]  # below perplab.exchange: money.margin.share_of; a whole command is engine.Exchange.apply


ADAPTERS: Final[dict[tuple[str, str], Adapter]] = {}  # by venue and topic


def adapter(venue: str, *topics: str, calls: tuple[str, ...]) -> Callable[[Calculation], Calculation]:
    """Make a function the adapter of topics of a venue."""

    def add(calculate: Calculation) -> Calculation:
        for topic in topics:
            assert (venue, topic) not in ADAPTERS, f"two adapters for {venue} {topic}"
            ADAPTERS[venue, topic] = Adapter(calculate, calls)
        return calculate

    return add
