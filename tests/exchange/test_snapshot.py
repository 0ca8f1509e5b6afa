"""Snapshots: what is restored is the venue that was dumped, in its state and in all that it does from there on."""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc

import pytest
from actor import run
from choices import Drawn, Seeded, Source, examples
from designs import drawn_venue
from hypothesis import given
from hypothesis import strategies as st
from kit import ROW, Bench, packed, script
from preset_kit import script_of
from world import World

from perplab.exchange import Exchange, Journal, SnapshotError, VenueDesign, load_venue, replay, restore, shipped_venues
from perplab.exchange.messages import Tick
from perplab.exchange.state.snapshot import MAGIC, attributes, load, opened, shape
from perplab.exchange.state.tables import O_WIDTH

INTO = 16  # blocks


def a_life(source: Source) -> tuple[VenueDesign, list[int]]:
    """A design and the commands of a venue of it, liquidations and all."""
    design = drawn_venue(source)
    world = World(design)
    world.checks = False
    run(source, world, 3, 6, stress=True)
    return design, world.rows


def lived_through_snapshots(source: Source, design: VenueDesign, rows: list[int]) -> Exchange:
    """Block by block: a venue, and one that is restored from a snapshot before each, do the same."""
    venue = Exchange(design)
    commands = len(rows) // ROW
    at = 0
    while at < commands:
        block = rows[at * ROW : (at + source.integer(1, 1 + commands // 4)) * ROW]
        again = restore(venue.snapshot())
        again.check()
        assert again.state_hash() == venue.state_hash() and again.now == venue.now
        assert list(again.apply_rows(block)) == list(venue.apply_rows(block)), "numbers of events included"
        assert again.state_hash() == venue.state_hash()
        venue = again
        at += len(block) // ROW
    return venue


@examples(15)
@given(st.data())
def test_a_restored_venue_goes_on_as_if_nothing_had_been(data: st.DataObject) -> None:
    source = Drawn(data)
    design, rows = a_life(source)
    lived_through_snapshots(source, design, rows)


@pytest.mark.parametrize("seed", range(8))
def test_the_same_on_seeds(seed: int) -> None:
    source = Seeded(seed)
    design, rows = a_life(source)
    assert lived_through_snapshots(source, design, rows).state_hash() == lived_through_snapshots(source, design, rows).state_hash()


@pytest.mark.parametrize("name", shipped_venues())
def test_every_shipped_design_is_dumped_in_the_midst_of_its_crash(name: str) -> None:
    journal = Journal()
    design = load_venue(name)
    whole = Exchange(design, journal)
    rows = packed(script_of(design, 3, 100))
    whole.apply_rows(rows)
    parts = Exchange(load_venue(name))
    size = -(-len(rows) // ROW // INTO) * ROW
    for at in range(0, len(rows), size):
        parts = restore(parts.snapshot())
        parts.apply_rows(rows[at : at + size])
    assert parts.state_hash() == whole.state_hash() == replay(journal.bytes()).state_hash()


def pickled(venue: Exchange) -> object:
    return pickle.loads(pickle.dumps(venue))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_is_a_venue_of_its_own(copied: object) -> None:
    """And writes no journal."""
    assert callable(copied)
    bench = Bench()
    trader, other = bench.open("1000"), bench.open("1000")
    bench.oracle(100)
    bench.block(trader, other, 1, 100)
    before = bench.exchange.state_hash()
    written = bench.journal.bytes()
    twin = copied(bench.exchange)
    assert twin.state_hash() == before and twin.journal is None
    twin.apply(Tick(bench.now + 10**9))
    assert bench.exchange.state_hash() == before != twin.state_hash()
    assert bench.journal.bytes() == written


def test_all_that_a_state_holds_is_in_its_shape() -> None:
    """Read off the objects, so that a new column cannot be forgotten; the same on both builds."""
    state = Bench().exchange.state
    held = shape(state)
    assert {"State", "Market", "Ladder", "Orders", "Levels", "Positions", "Accounts", "OrderIds", "ClientIds"} <= set(held)
    assert held["State"] == attributes(state) and "deposits" in held["State"]
    assert {"cells", "live", "free", "link", "rows", "width"} <= set(held["Orders"])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: b"", "not a perplab snapshot"),
        (lambda data: b"perplab journal 1\n" + data, "not a perplab snapshot"),
        (lambda data: data.replace(b"snapshot 3", b"snapshot 9", 1), "format of another version"),
        (lambda data: data[:-1], "damaged"),
        (lambda data: data[: len(MAGIC) + 3], "damaged"),
        (lambda data: data[:-20] + bytes([data[-20] ^ 1]) + data[-19:], "damaged"),
    ],
)
def test_what_is_no_snapshot_is_refused(spoil: object, told: str) -> None:
    assert callable(spoil)
    with pytest.raises(SnapshotError, match=told):
        restore(spoil(Bench().exchange.snapshot()))


def test_a_state_of_another_shape_is_refused() -> None:
    tree = opened(Bench().exchange.snapshot())
    shapes = tree["shape"]
    assert isinstance(shapes, dict)
    shapes["Market"] = [*shapes["Market"], "weather"]
    with pytest.raises(SnapshotError, match="another version of perplab"):
        load(Bench().exchange.state, tree)


def test_a_venue_that_was_restored_leaves_nothing_behind() -> None:
    """Copies come and go: not even their tables stay."""
    venue = Exchange(load_venue("book_fund_adl"), None, 4_096, 1_024)
    venue.apply_rows(packed(script(3, 20)))
    data = venue.snapshot()
    restore(data)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            restore(data)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 4_096 * O_WIDTH * 8, f"{grown:,} bytes of five copies are still there"
