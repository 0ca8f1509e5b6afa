"""Events as a whole: who is told of each, and how they read."""

from __future__ import annotations

import pytest
from msgspec.structs import astuple

from perplab.exchange.events import AUDIENCE, EVENTS, EVERYONE, Deleveraged, Event, MarkMoved, Traded, audience

ACCOUNTS = {"account", "to", "taker", "maker", "buyer", "seller", "bidder", "vault", "loser", "winner"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_event_says_who_is_told(event: type[Event]) -> None:
    """A field that names an account is a part of the audience, or the event is public."""
    told = AUDIENCE[event]
    named = {name for name in event.__struct_fields__ if name in ACCOUNTS}
    assert told == EVERYONE or set(told) == named != set()


def test_the_table_names_events_only() -> None:
    assert list(AUDIENCE) == list(EVENTS)


def row(event: Event) -> list[int]:
    values = [event.KIND, *astuple(event)]
    return values + [0] * (16 - len(values))


def test_the_audience_of_a_row_is_its_accounts_each_once() -> None:
    fill = Traded(1, 5, 0, 100, 1, 0, 9, 8, 2, 1, 0, 0, 0, 0)
    assert audience(row(fill)) == [9, 8]
    assert audience(row(Traded(1, 5, 0, 100, 1, 0, 9, 9, 2, 1, 0, 0, 0, 0))) == [9]
    assert audience(row(Deleveraged(1, 5, 8, 12, 0, 1, 1, 0, 0, 1))) == [8, 12]
    assert audience(row(MarkMoved(1, 5, 0, 100, 99))) is None
