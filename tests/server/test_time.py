"""The venue's time passes in turns: a clock faster than the machine, and steps of a day, hold up nobody. The machine's is simulated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise

import pytest
from test_operator import operator
from wire import START, Talker, World

from perplab.exchange.server.timekeeper import LEAP_NS, MAX_TURNS, RARELY_NS
from perplab.lab.world import World as Surroundings
from perplab.lab.world import load_world

MS = 1_000_000
DAY_MS = 86_400_000


def busy(world: World, ms: int = 1) -> Iterator[int]:
    """From now on every look at the machine's clock takes so long."""
    ticks = count(world.monotonic, ms * MS)
    world.host.monotonic = lambda: next(ticks)
    return ticks


def started(surrounded: bool = False) -> World:
    world = World("sandbox")
    if surrounded:
        world.host.attach(Surroundings(load_world("sandbox"), world.host.exchange, 1, world.clock.now()))
        world.host.pass_time()
    return world


def finish(talker: Talker) -> int:
    """Turns until everything is done."""
    turns = 0
    while talker.session.has_more:
        talker.session.go_on()
        turns += 1
    return turns


@pytest.mark.parametrize(("surrounded", "length"), [(False, DAY_MS), (True, 300_000)])
def test_a_long_step_is_done_in_turns_and_answered_when_it_is_done(surrounded: bool, length: int) -> None:
    world = started(surrounded)
    admin, other = operator(world), world.talker("alice", money=0)
    busy(world)
    step = admin.send("step", ms=length)
    behind = admin.send("ping")
    assert admin.read() == [] and admin.session.has_more and world.host.is_behind
    told = other.ask("ping")["ts"]
    assert START <= told < START + length * MS and world.host.behind_ns() == START + length * MS - told
    assert other.ask("cancel_all")["ts"] < START + length * MS, "and commands are carried out at the time that it is"
    assert finish(admin) > 100
    (answer, ping) = admin.read()
    assert (answer["id"], ping["id"]) == (step, behind) and answer["ts"] == ping["ts"] == START + length * MS
    assert world.host.behind_ns() == 0 and not world.host.is_behind


def test_turns_change_nothing_of_what_happens() -> None:
    hashes = []
    for ms in (0, 1, 100):
        world = started(surrounded=True)
        admin = operator(world)
        busy(world, ms)
        admin.send("step", ms=60_000)
        finish(admin)
        hashes.append(world.host.exchange.state_hash())
    assert hashes[0] == hashes[1] == hashes[2]


def test_one_long_step_is_many_short_ones() -> None:
    """A stepped clock is never late, so the world leaves nothing out, nor where steps follow each other."""
    hashes = set()
    for pieces in ([60_000], [1_000] * 60, [7, 49_993, 10_000]):
        world = started(surrounded=True)
        assert world.host.world is not None
        acted: list[int] = []
        act = world.host.world.act
        world.host.world.act = lambda ts, acted=acted, act=act: (acted.append(ts), act(ts))[1]  # type: ignore[attr-defined,method-assign]
        admin = operator(world)
        busy(world, len(pieces))
        for ms in pieces:
            admin.send("step", ms=ms)
        finish(admin)
        assert [one["ts"] for one in admin.read()][-1] == world.clock.now() == START + 60_000 * MS
        assert len(acted) == 120 and set(later - before for before, later in pairwise(acted)) == {500 * MS}
        hashes.add(world.host.exchange.state_hash())
    assert len(hashes) == 1


def test_a_step_ends_where_the_clock_is_made_to_run_or_goes_back() -> None:
    for op, fields in (("clock", {"speed": 1}), ("rewind", {"name": "before"})):
        world = started(surrounded=True)
        admin, other = operator(world), operator(world)
        other.ask("snapshot", name="before")
        busy(world, 3)
        admin.send("step", ms=60_000)
        assert admin.session.has_more
        other.send(op, **fields)
        finish(other)
        finish(admin)
        assert world.host.behind_ns() < 1_000 * MS and world.host.now() < START + 60_000 * MS


def test_a_world_that_is_late_leaves_out_some_of_its_turns() -> None:
    world = started(surrounded=True)
    assert world.host.world is not None
    acted: list[int] = []
    act = world.host.world.act
    world.host.world.act = lambda ts: (acted.append(ts), act(ts))[1]  # type: ignore[method-assign]
    world.later(6 * 3_600)
    gaps = [later - before for before, later in pairwise(acted)]
    assert max(gaps) == RARELY_NS and MAX_TURNS + 30 < len(acted) < MAX_TURNS + 40


def test_a_clock_that_is_too_fast_is_slowed_and_that_is_said_once() -> None:
    world = started(surrounded=True)
    admin = operator(world)
    ticks = busy(world)
    world.clock._monotonic = lambda: next(ticks)
    told = [admin.ask("clock", speed=1_000_000)["ts"]]
    events = world.host.exchange.state.log.seq
    for _ in range(100):
        world.host.pass_time()
        admin.session.go_on()
        told.append(admin.ask("ping")["ts"])
        assert told[-1] == min(world.clock.now(), told[-1]) and len(world.host.ring.blocks) < 10_000
    assert told == sorted(told) and told[-1] > told[0] + 100 * LEAP_NS
    assert world.host.is_behind and world.host.exchange.state.log.seq - events > 0
    assert len(world.complaints) == 1 and "1000000 times as fast" in world.complaints[0]
    admin.session.go_on()
    admin.ask("clock", speed=0)
    assert world.host.behind_ns() <= LEAP_NS, "it does not have to come after years"
    for _ in range(1_000):
        world.host.pass_time()
    assert not world.host.is_behind and world.host.behind_ns() == 0
    admin.session.go_on()
    admin.ask("clock", speed=1_000_000)
    for _ in range(3):
        world.host.pass_time()
    assert len(world.complaints) == 2


def test_the_clock_of_the_world_is_never_put_back() -> None:
    world = started()
    world.clock.run(1)
    world.monotonic += DAY_MS * MS
    now = world.clock.now()
    busy(world)
    turns = 0
    while world.host.pass_time() < now:
        turns += 1
    assert turns > 100 and world.clock.now() == now and world.complaints == []


def test_one_who_goes_while_he_steps_leaves_the_rest_to_the_shell() -> None:
    world = started()
    admin = operator(world)
    busy(world)
    admin.send("step", ms=DAY_MS)
    admin.session.closed()
    while world.host.pass_time() < START + DAY_MS * MS:
        assert world.host.is_behind
    assert world.host.behind_ns() == 0
