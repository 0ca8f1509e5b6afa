"""The text cases (tests/cases/*.txt, in the language of case_files.py) run, and all of them together reach every event and code.

The runner proves more than the lines say: `check()` after every command; a second venue that is sent a Tick wherever the first one
refused has the same state there, the same events and the same end; replay, and all rows in bulk, give the same events and state.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from case_files import FILES, FOLDER, content_of, scenarios, scenarios_of
from case_runner import in_bulk, played, run
from case_update import edits_of
from updates import Updates

from perplab.exchange import messages as m
from perplab.exchange import replay
from perplab.exchange.codes import CancelReason, Method, Outcome, Payer, Reason
from perplab.exchange.events import EVENTS, Event


@pytest.mark.parametrize("name", scenarios())
def test_scenario(name: str, updates: Updates) -> None:
    """Commands give the expected events; replay and bulk give the same state, and the same events without a gap in their numbers."""
    world = played(name).end() if updates.on else run(name)
    assert [event.seq for event in world.events] == list(range(1, len(world.events) + 1))
    assert world.ticked.state_hash() == world.exchange.state_hash()
    assert replay(world.journal.bytes()).state_hash() == world.exchange.state_hash()
    for rows_per_call in (len(world.sent), 3):
        assert in_bulk(world, rows_per_call) == (world.events, world.exchange.state_hash())
    if updates.on:
        file = scenarios()[name].file
        updates.replace(FOLDER / file, edits_of(scenarios()[name], played(name), content_of(file)))


def every_event() -> Iterator[Event]:
    for name in scenarios():
        yield from played(name).world.events  # one that fails says so in its own test


def missing(codes: type[m.IntEnum], kinds: tuple[type[Event], ...], field_name: str) -> set[str]:
    seen = {getattr(event, field_name) for event in every_event() if isinstance(event, kinds)}
    return {code.name for code in codes if code not in seen}


def test_every_reason_is_reached() -> None:
    """Each way to be refused happens in at least one scenario."""
    assert missing(Reason, (m.Rejected, m.QuoteRefused), "reason") == set()


def test_titles_are_short_and_told_once() -> None:
    """Else pytest would number them."""
    titles = [name for file in FILES for name in (one.title for one in scenarios_of(file))]
    assert max(map(len, titles)) <= 90 and len(set(titles)) == len(titles)


def test_every_event_and_code_happens() -> None:
    """Each kind of event, each cause of a cancel, payer, method and outcome happens in at least one scenario; of payers those that ship."""
    assert {kind.__name__ for kind in EVENTS} - {type(event).__name__ for event in every_event()} == set()
    assert missing(CancelReason, (m.OrderCancelled, m.TriggerCancelled, m.TwapEnded), "reason") == set()
    assert missing(Payer, (m.DeficitPaid,), "payer") == {Payer.OTHER.name}
    assert missing(Method, (m.Liquidated,), "method") == set()
    assert missing(Outcome, (m.LiquidationEnded, m.AuctionEnded), "outcome") == set()
