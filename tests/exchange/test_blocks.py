"""Blocks of commands: where the events of each one end, malformed rows refused alone, and the door's shortcut held to the schema."""

from __future__ import annotations

import pytest
from actor import run
from choices import Drawn, Seeded, Source, examples
from designs import drawn_venue
from hypothesis import given
from hypothesis import strategies as st
from kit import ROW, START, Bench, packed, plain_venue
from librt.vecs import vec
from mypy_extensions import i64
from world import World

from perplab.exchange import Exchange, Journal, Malformed, VenueDesign, replay
from perplab.exchange.messages import BOUNDS, Deposit, OpenAccount, Tick, command_of_row
from perplab.exchange.schema.door import Door, is_frequent_command

EDGES = (0, 1, -1, 2**62, 2**63 - 1, -(2**63))


def spoilt(source: Source, row: list[int]) -> list[int]:
    """A row of which something may be wrong."""
    column = source.integer(0, ROW - 1)
    kind = row[0] if row[0] in BOUNDS else 1
    bounds = [bound for _, low, high in BOUNDS[kind] for bound in (low, high, low - 1, high + 1) if -(2**63) <= bound < 2**63]
    return [*row[:column], source.pick([*EDGES, *bounds]), *row[column + 1 :]]


def a_block(source: Source) -> tuple[VenueDesign, list[list[int]]]:
    """Commands of a life of a venue, some of them spoilt."""
    design = drawn_venue(source)
    world = World(design)
    world.checks = False
    run(source, world, 2, 4, stress=False)
    rows = [world.rows[at : at + ROW] for at in range(0, len(world.rows), ROW)]
    return design, [spoilt(source, row) if source.chance(15) else row for row in rows]


def typed(venue: Exchange, row: list[int]) -> tuple[list[int], str]:
    """What a command does by itself, on the typed path: the rows of its events, or why it is malformed."""
    try:
        events = venue.apply(command_of_row(row))
    except Malformed as error:
        return [], str(error)
    return [value for event in events for value in event_row(event)], ""


def event_row(event: object) -> list[int]:
    values = [getattr(event, name) for name in event.__struct_fields__]  # type: ignore[attr-defined]
    return [event.KIND, *values, *[0] * (ROW - 1 - len(values))]  # type: ignore[attr-defined]


def refused_alone(source: Source) -> None:
    """A block with bad rows left out does what its commands do one by one."""
    design, rows = a_block(source)
    journal = Journal()
    one_by_one, in_blocks = Exchange(design), Exchange(design, journal)
    at = 0
    while at < len(rows):
        block = rows[at : at + source.integer(1, 40)]
        applied = in_blocks.apply_block([value for row in block for value in row], "refuse_row")
        assert len(applied.ends) == len(block) and list(applied.ends) == sorted(applied.ends)
        for number, row in enumerate(block):
            events, complaint = typed(one_by_one, row)
            assert list(applied.of(number)) == events
            assert (number in applied.refused) == bool(complaint), (row, complaint, applied.refused)
        at += len(block)
    in_blocks.check()
    assert in_blocks.state_hash() == one_by_one.state_hash() == replay(journal.bytes()).state_hash()


@examples(15)
@given(st.data())
def test_a_bad_row_is_refused_alone(data: st.DataObject) -> None:
    refused_alone(Drawn(data))


@pytest.mark.parametrize("seed", range(6))
def test_the_same_on_seeds(seed: int) -> None:
    refused_alone(Seeded(seed))


def test_what_is_said_of_a_bad_row_is_what_is_said_of_it_alone() -> None:
    bench = Bench()
    rows = packed([OpenAccount(START, 1, 0), Tick(START - 1), Deposit(START, 8, 0, 5)])
    rows[2 * ROW + 4] = 0
    applied = bench.exchange.apply_block(rows, "refuse_row")
    assert applied.refused == {
        1: f"ts {START - 1} runs back behind {START}", 2: "Deposit.amount is 0; expected 1 to 10000000000000000",
    }  # fmt: skip
    assert applied.ends == [1, 1, 1]


def test_all_are_refused_unless_rows_may_be() -> None:
    bench = Bench()
    before = bench.exchange.state_hash(), bench.journal.bytes()
    rows = packed([OpenAccount(START, 1, 0), Tick(START - 1)])
    with pytest.raises(Malformed, match="row 1: ts"):
        bench.exchange.apply_block(rows)
    with pytest.raises(ValueError, match="on_malformed is 'refuse'"):
        bench.exchange.apply_block(rows, "refuse")
    assert (bench.exchange.state_hash(), bench.journal.bytes()) == before
    whole = bench.exchange.apply_block(rows[:ROW])
    assert (whole.ends, whole.refused, len(whole.events)) == ([1], {}, ROW)


def test_nothing_but_bad_rows_is_nothing() -> None:
    bench = Bench(plain_venue())
    written = bench.journal.bytes()
    applied = bench.exchange.apply_block([0] * (3 * ROW), "refuse_row")
    assert (applied.ends, len(applied.events), sorted(applied.refused)) == ([0, 0, 0], 0, [0, 1, 2])
    assert bench.journal.bytes() == written


# -- the door's shortcut --


def shortcut(source: Source) -> int:
    """What it lets through the schema lets through; returns whether it did."""
    kind = source.pick([5, 7, 8])
    row = [kind] + [0] * (ROW - 1)
    for column, (_, low, high) in enumerate(BOUNDS[kind], start=1):
        row[column] = source.pick([low, high, low, source.integer(low, high)])
    if source.chance(70):
        row = spoilt(source, row)
    quick = is_frequent_command(vec[i64](row), 0)
    well_formed = True
    try:
        command_of_row(row)
        bounds = BOUNDS[row[0]]
        well_formed = all(low <= row[column] <= high for column, (_, low, high) in enumerate(bounds, start=1))
    except (Malformed, KeyError):
        well_formed = False
    assert not quick or well_formed, row
    assert Door().is_command(vec[i64](row), 0, 0, False) == well_formed, row
    return int(quick)


@examples(200)
@given(st.data())
def test_the_shortcut_lets_nothing_through_that_the_schema_does_not(data: st.DataObject) -> None:
    shortcut(Drawn(data))


def test_the_shortcut_on_seeds() -> None:
    source = Seeded(11)
    assert 500 < sum(shortcut(source) for _ in range(3_000)) < 2_500
