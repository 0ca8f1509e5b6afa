"""Requests that are begun and never ended: bounded in size, in time, and all together."""

from __future__ import annotations

import pytest
from wire import SECOND, Talker, World

from perplab.exchange.server.limits import Limits


def part(talker: Talker, size: int) -> bytes:
    """The beginning of a request of so many bytes, without its last ten."""
    return talker.bytes_of({"id": 1, "op": "rows", "rows": b"\1" * size})[:-10]


def ended(talker: Talker) -> str:
    said = talker.read()
    assert not said or said[-1]["reason"] == talker.session.ending
    return talker.session.ending


@pytest.mark.parametrize("framed", [True, False])
def test_one_who_is_not_logged_in_sends_small_requests(framed: bool) -> None:
    world = World(limits=Limits(guest_bytes=1_000))
    guest, user = Talker(world, framed), world.talker("alice", framed)
    guest.session.receive(part(guest, 900))
    user.session.receive(part(user, 100_000))
    assert not guest.session.ending and not user.session.ending
    other = Talker(world, framed)
    other.session.receive(part(other, 1_100))
    if not framed:
        other.session.receive(b"\1" * 10)
    assert ended(other) == "FRAME_TOO_LARGE"
    user.session.receive(b"\1" * 10)
    user.ask("logout")
    user.session.receive(part(user, 100_000))
    assert ended(user) == "FRAME_TOO_LARGE"


def test_a_login_and_a_large_request_may_come_together() -> None:
    world = World(limits=Limits(guest_bytes=1_000))
    talker = Talker(world)
    talker.session.receive(
        talker.bytes_of({"id": 101, "op": "login", "name": "alice"}) + talker.bytes_of({"id": 102, "op": "rows", "rows": bytes(128 * 100)})
    )
    assert [one["ok"] for one in talker.read()] == [True, True]


def test_where_messages_come_whole_a_guest_s_are_small_too() -> None:
    from perplab.exchange.server.codecs import JSON
    from perplab.exchange.server.session import Session

    world = World(limits=Limits(guest_bytes=100))
    session = Session(world.host, JSON)
    session.receive_message(b'{"id": 1, "op": "ping"}', b'{"id": 2, "op": "ping"' + b" " * 100 + b"}")
    assert session.ending == "FRAME_TOO_LARGE" and len(session.messages()) == 2


@pytest.mark.parametrize("framed", [True, False])
def test_a_request_has_to_be_whole_in_time_however_it_drips(framed: bool) -> None:
    world = World(limits=Limits(request_s=30))
    talker, dripping = world.talker("alice", framed), world.talker("bob", framed)
    data = part(talker, 1_000)
    for at in range(31):
        talker.session.receive(talker.bytes_of({"id": 1_000 + at, "op": "ping"}) + data[:5])  # always another that is not whole
        talker.session.receive(talker.bytes_of({"id": 1_000 + at, "op": "ping"})[0:0] or data[5:] + b"\1" * 10)
        dripping.session.receive(data[at : at + 1])
        world.host.beat()
        assert not talker.session.ending and not dripping.session.ending
        world.monotonic += SECOND
    world.host.beat()
    talker.read()
    assert ended(dripping) == "UNFINISHED" and not talker.session.ending


def test_all_of_them_together_are_bounded_and_the_first_goes_first() -> None:
    world = World(limits=Limits(unfinished_bytes=10_000))
    first, second, third = (world.talker(name) for name in ("alice", "bob", "carol"))
    for talker in (first, second):
        world.monotonic += SECOND
        talker.session.receive(part(talker, 4_000))
    assert 8_000 < world.host.unfinished.bytes < 10_000
    first.session.receive(b"\1" * 5)  # going on does not make it a later one
    third.session.receive(part(third, 4_000))
    assert ended(first) == "UNFINISHED" and not second.session.ending and not third.session.ending
    second.session.receive(b"\1" * 10)
    third.session.closed()
    assert world.host.unfinished.bytes == 0 and second.read()


def test_what_a_connection_holds_is_no_more_than_what_it_sent() -> None:
    world = World()
    talkers = [Talker(world, framed=False) for _ in range(3)]
    for talker in talkers:
        talker.session.receive(part(talker, 50_000))
    assert 150_000 < world.host.unfinished.bytes < 151_000
