"""Bytes in, bytes out: however they are cut, framed or not, hostile or not."""

from __future__ import annotations

from itertools import pairwise

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire import Talker, World, messages

from perplab.exchange.server.errors import Trouble
from perplab.exchange.server.frames import LENGTH
from perplab.exchange.server.limits import Limits

REQUESTS = [
    {"id": 1, "op": "login", "name": "alice"},
    {"id": 2, "op": "faucet"},
    {"id": 3, "op": "subscribe", "channel": "book", "market": 0},
    {"id": 4, "op": "subscribe", "channel": "private"},
    {"id": 5, "op": "place", "market": "BTC-PERP", "side": "BUY", "price": 59_000, "size": 7, "client_id": "0xfeed"},
    {"id": 6, "op": "place", "market": 0, "side": 1, "price": 59_000, "size": 3},
    {"id": "seven", "op": "batch", "items": [{"op": "cancel", "order_id": 9}, {"op": "cancel_all"}]},
    {"id": 8, "op": "nonsense"},
    {"op": "ping"},
    {"id": 9, "op": "account"},
]


def stream(framed: bool) -> bytes:
    packed = [msgpack.packb(request) for request in REQUESTS]
    return b"".join(LENGTH.pack(len(one)) + one if framed else one for one in packed)


def told(framed: bool, pieces: list[bytes]) -> list[dict[str, object]]:
    """What a new connection to a new venue is told when these bytes come, piece by piece. Private events may come in other portions."""
    talker = Talker(World(), framed)
    out = b""
    for piece in pieces:
        talker.session.receive(piece)
        out += talker.session.take()
    found = messages(out, framed)
    events = [event for message in found if message.get("type") == "events" for event in message["events"]]
    return [message for message in found if message.get("type") != "events"] + events


@pytest.mark.parametrize("framed", [True, False])
def test_byte_by_byte_is_the_same_as_all_at_once(framed: bool) -> None:
    data = stream(framed)
    at_once = told(framed, [data])
    assert len(at_once) > len(REQUESTS)
    assert told(framed, [data[at : at + 1] for at in range(len(data))]) == at_once


@settings(max_examples=40, deadline=None)
@given(st.booleans(), st.lists(st.integers(1, 400), max_size=12))
def test_any_cut_is_the_same(framed: bool, cuts: list[int]) -> None:
    data = stream(framed)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert told(framed, [data[a:b] for a, b in pairwise(places)]) == told(framed, [data])


def test_both_ways_of_sending_are_answered_alike() -> None:
    assert told(True, [stream(True)]) == told(False, [stream(False)])


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.binary(max_size=400))
def test_garbage_brings_documented_errors_and_changes_nothing(framed: bool, garbage: bytes) -> None:
    world = World()
    alice = world.talker("alice")
    before = world.host.exchange.state_hash()
    talker = Talker(world, framed)
    data = LENGTH.pack(len(garbage)) + garbage if framed else bytes([msgpack.packb({})[0] | 1]) + garbage
    talker.session.receive(data)
    for message in talker.read():
        assert message["ok"] is False and message["reason"] == Trouble(message["code"]).name and isinstance(message["data"], dict)
    assert world.host.exchange.state_hash() == before
    assert alice.ask("ping")["ok"], "others do not notice"


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["id", "op", "account", "market", "side", "price", "size", "items", "rows", "key", "channel", "x"]),
        st.one_of(
            st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(max_size=80), st.binary(max_size=300),
            st.lists(st.integers(0, 5), max_size=3), st.sampled_from(["place", "batch", "rows", "login", "subscribe"]),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_maps_that_are_nearly_requests_get_an_answer(request_map: dict[str, object]) -> None:
    world = World()
    talker = world.talker("alice")
    talker.session.receive(talker.bytes_of(request_map))
    replies = [message for message in talker.read() if "id" in message]
    assert len(replies) == 1 and isinstance(replies[0]["ok"], bool)
    if not replies[0]["ok"]:
        assert {"code", "reason", "message", "data", "id"} <= replies[0].keys()
    world.host.exchange.check()


@pytest.mark.parametrize("given", [False, -1, 2**63, 1.5, "x" * 65, [1], {}])
def test_an_id_that_is_none_is_not_sent_back(given: object) -> None:
    talker = Talker(World())
    talker.session.receive(talker.bytes_of({"id": given, "op": "ping"}))
    (reply,) = talker.read()
    assert reply["id"] is None and reply["data"]["field"] == "id"


def test_a_frame_that_is_too_large_ends_the_connection_before_it_has_come() -> None:
    talker = Talker(World(limits=Limits(frame_bytes=1_000)))
    talker.session.receive(LENGTH.pack(1_001))
    (reply,) = talker.read()
    assert (reply["reason"], reply["data"]) == ("FRAME_TOO_LARGE", {"field": "frame", "limit": 1_000, "given": 1_001})
    assert talker.session.ending == "FRAME_TOO_LARGE"
    talker.session.receive(talker.bytes_of({"id": 1, "op": "ping"}))
    assert talker.read() == []


def test_a_stream_that_is_no_msgpack_ends_a_framed_one_goes_on() -> None:
    world = World()
    bare, framed = Talker(world, framed=False), Talker(world)
    bare.session.receive(b"\x81\xc1\xc1\xc1")
    framed.session.receive(LENGTH.pack(2) + b"\x81\xc1")
    assert [message["reason"] for message in bare.read() + framed.read()] == ["NOT_DECODABLE"] * 2
    assert bare.session.ending and not framed.session.ending and framed.ask("ping")["ok"]


@pytest.mark.parametrize(
    ("request_map", "reason", "data"),
    [
        ({"op": "place", "market": 0, "side": 0, "price": 1, "size": 0}, "OUT_OF_BOUNDS", {"field": "size", "limit": 1, "given": 0}),
        ({"op": "place", "market": 0, "side": 0, "price": 1, "size": 1.5}, "WRONG_TYPE", {"field": "size", "given": 1.5}),
        ({"op": "place", "market": 0, "side": 0, "price": 1}, "MISSING_FIELD", {"field": "size"}),
        ({"op": "place", "market": 0, "side": 0, "price": 1, "size": 1, "sise": 1}, "UNKNOWN_FIELD", {"field": "sise"}),
        ({"op": "place", "market": "DOGE", "side": 0, "price": 1, "size": 1}, "UNKNOWN_NAME", {"field": "market", "given": "DOGE"}),
        ({"op": "place", "market": 0, "side": "LONG", "price": 1, "size": 1}, "UNKNOWN_NAME", {"field": "side", "given": "LONG"}),
        ({"op": "cancel", "order_id": 1, "account": 5}, "NOT_YOUR_ACCOUNT", {"field": "account", "given": 5}),
        ({"op": "batch", "items": [{"op": "cancel", "order_id": 0}]}, "OUT_OF_BOUNDS", {"field": "items[0].order_id", "given": 0}),
        ({"op": "rows", "rows": b"1" * 100}, "OUT_OF_BOUNDS", {"field": "rows", "limit": 128}),
        ({"op": "rows", "rows": b"1" * 130}, "BAD_ROW", {"field": "rows", "given": 130}),
        ({"op": "subscribe", "channel": "tea"}, "UNKNOWN_NAME", {"field": "channel", "given": "tea"}),
        ({"op": "cancel_on_disconnect", "scope": "all"}, "UNKNOWN_NAME", {"known": ["none", "connection", "account"]}),
        ({"op": "batch", "items": []}, "OUT_OF_BOUNDS", {"field": "items", "limit": 1}),
        ({"op": "subscribe", "channel": "book"}, "MISSING_FIELD", {"field": "market"}),
        ({"op": "book", "market": 1}, "OUT_OF_BOUNDS", {"field": "market", "limit": 0, "given": 1}),
        ({"op": "tick"}, "UNKNOWN_OP", {"field": "op", "given": "tick"}),
        ({"op": 7}, "NOT_A_REQUEST", {"field": "op", "given": 7}),
        ([1, 2], "NOT_A_REQUEST", {}),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_field(request_map: object, reason: str, data: dict[str, object]) -> None:
    world = World()
    talker = world.talker("alice")
    before = world.host.exchange.state_hash()
    talker.session.receive(talker.bytes_of(request_map))
    (reply,) = talker.read()
    assert reply["reason"] == reason and reply["code"] == Trouble[reason] and data.items() <= reply["data"].items(), reply
    assert world.host.exchange.state_hash() == before
