"""Replies that compiled code writes are those that would be said in words."""

from __future__ import annotations

from itertools import product

import pytest
from librt.vecs import vec
from mypy_extensions import i64
from wire import World, messages

from perplab.exchange.codes import CancelReason, OrderState
from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.replies import named, packed
from perplab.exchange.server.routing import WIDTH

EDGES = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1]
IDS = [None, *EDGES, "", "a", "x" * 31, "x" * 32, "é" * 16, "é" * 64, "😀" * 63, "😀" * 64]


def block(number: int, *columns: int) -> vec[i64]:
    """What the commands of a block came to, of which only that of this number matters; columns that are not given are 0."""
    width = int(WIDTH)
    return vec[i64]([7] * width * number + [*columns] + [0] * (width - len(columns)) + [7] * width)


def in_words(told: vec[i64], number: int, request: object, is_order: bool, ts: int, tokens: int) -> bytes:
    return MSGPACK.encode({"id": request, **named(told, number, is_order, ts, 3), "tokens": tokens})


@pytest.mark.parametrize("request_id", IDS)
def test_every_id(request_id: object) -> None:
    told = block(2, 0, 300, OrderState.OPEN, 5, 6, 0, 9, 1, 2, 777)
    for is_order in (False, True):
        expected = in_words(told, 2, request_id, is_order, 1_800_000_000_000_000_000, 999_999)
        found = packed(told, 2, request_id, is_order, 1_800_000_000_000_000_000, 999_999, False, 3)
        assert found == expected
        framed = packed(told, 2, request_id, is_order, 1_800_000_000_000_000_000, 999_999, True, 3)
        assert framed == len(expected).to_bytes(4, "big") + expected


@pytest.mark.parametrize("value", EDGES)
def test_every_size_of_number(value: int) -> None:
    for place, state, repeated in product(range(8), OrderState, (0, 1)):
        order_id, filled, left, seq, tokens, market = (value if number == place else 1 for number in range(6))
        paid, curve = value // 6 if place == 6 else 1, value // 2 if place == 7 else 1
        told = block(1, 0, order_id, state, filled, left, repeated, seq, 1, market, paid, curve)
        expected = in_words(told, 1, 5, True, value, tokens) if order_id else None  # one that was taken back while it waited
        assert packed(told, 1, 5, True, value, tokens, False, 3) == expected


@pytest.mark.parametrize("reason", CancelReason)
def test_every_reason_of_a_cancellation(reason: CancelReason) -> None:
    told = block(1, 0, 300, OrderState.CANCELLED, 5, 0, 0, 9, 1, 0, 777, 0, 0, 0, 0, reason)
    expected = in_words(told, 1, 5, True, 7, 8)
    assert packed(told, 1, 5, True, 7, 8, False, 3) == expected and b"cancel_reason" in expected and reason.name.encode() in expected


def test_what_is_not_plain_is_said_in_words() -> None:
    refused, waits = block(0, 33, 1), block(0, 0, 1, *[0] * 10, 5)
    assert packed(refused, 0, 1, True, 1, 1, False, 1) is packed(waits, 0, 1, True, 1, 1, False, 1) is None
    assert packed(waits, 0, 1, False, 1, 1, False, 1) is None


@pytest.mark.parametrize("framed", [True, False])
def test_a_connection_says_the_same_in_both_ways(framed: bool) -> None:
    """In a named session replies are remembered, so that they are said in words."""
    replies = []
    for fields in ({}, {"session": "s"}):
        world = World()
        talker = world.talker(framed=framed)
        talker.ask("login", name="Ada", **fields)
        talker.ask("faucet", amount=10**12)
        order = {"market": 0, "side": "BUY", "price": 59_990, "size": 3, "client_id": 7}
        asked = [
            ("place", order), ("place", order), ("amend", {"order_id": 1, "price": 59_980, "size": 2}), ("cancel_client", {"client_id": 7}),
            ("cancel", {"order_id": 99}), ("set_leverage", {"market": 0, "leverage": 5}), ("cancel_all", {}),
        ]  # fmt: skip
        data = b"".join(talker.bytes_of({"id": number, "op": op, **more}) for number, (op, more) in enumerate(asked, start=100))
        talker.session.receive(data)
        replies.append(talker.session.take())
    assert replies[0] == replies[1]
    told = messages(replies[0], framed)
    assert [one["ok"] for one in told[:2]] == [True, True] and told[1]["repeated"] and not told[4]["ok"]
