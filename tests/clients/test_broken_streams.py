"""A server that keeps sending what does not fit: a stream is begun anew a few times, and then given up, with an error."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from link import Link, new_host

from perplab.clients import StreamBroken
from perplab.clients import types as t
from perplab.clients.calls import Call
from perplab.clients.protocol import MISFITS, TRUSTED
from perplab.exchange.server.frames import LENGTH, Frames

MARKET = new_host().exchange.design.markets[0].name


class Liar:
    """Answers subscriptions of a client; what it says then is what `say` is given."""

    def __init__(self, channel: str) -> None:
        self.link = Link(new_host())
        self.link.carry()
        self.protocol = self.link.protocol
        self.frames = Frames()
        self.subscriptions = 0
        self.pending = self.protocol.ask(self.call(channel), 0.0)
        self.answer()

    def call(self, channel: str) -> Call[None]:
        if channel == "private":
            return self.protocol.calls.subscribe("private", None)
        return self.protocol.calls.subscribe(channel, MARKET, 5 if channel == "book" else None)  # type: ignore[arg-type]

    def answer(self) -> None:
        """Say yes to all that was asked, with a snapshot behind each subscription."""
        for payload in self.frames.receive(self.protocol.take()):
            asked = msgspec.msgpack.decode(payload)
            self.send({"id": asked["id"], "ok": True, "channel": asked.get("channel"), "account": asked.get("account")})
            if asked["op"] == "subscribe":
                self.subscriptions += 1
                self.say(asked["channel"], "snapshot", 0, 0)

    def say(self, channel: str, kind: str, prev_seq: int, seq: int) -> None:
        body: dict[str, Any] = {"channel": channel, "type": kind, "seq": seq, "prev_seq": prev_seq}
        if channel == "private":
            body |= {"account": self.protocol.calls.account_number, "balances": [], "positions": [], "orders": [], "events": []}
            body["type"] = "snapshot" if kind == "snapshot" else "events"
        else:
            body |= {"market": 0, "bids": [], "asks": [], "items": [], "bid": None, "ask": None}
        self.send(body)

    def send(self, message: dict[str, Any]) -> None:
        data = msgspec.msgpack.encode(message)
        self.protocol.receive(LENGTH.pack(len(data)) + data, 0.0)
        assert not self.protocol.dead, self.protocol.dead


@pytest.mark.parametrize("channel", ["book", "bbo", "trades", "private"])
def test_a_stream_that_never_fits_is_given_up(channel: str) -> None:
    liar = Liar(channel)
    for _ in range(100):
        liar.say(channel, "delta", 7, 8)
        liar.answer()
    assert liar.subscriptions == MISFITS, "the first one, and one after each misfit but the last"
    with pytest.raises(StreamBroken, match=f"{MISFITS} times in a row it did not fit together; last: .* 7 was expected to be 0"):
        while (event := liar.protocol.next_event()) is not None:
            assert isinstance(event, t.Gap | t.BookChanged | t.BestPrices | t.AccountSnapshot)
    assert liar.protocol.next_event() is None, "it is said once"
    if channel == "book":
        with pytest.raises(StreamBroken, match=f"the stream book of {MARKET} is given up"):
            liar.protocol.book(MARKET)
        liar.protocol.ask(liar.call(channel), 0.0)
        liar.answer()
        assert liar.protocol.book(MARKET).is_valid, "who subscribes again may try again"


@given(st.lists(st.integers(0, TRUSTED - 1), min_size=MISFITS, max_size=30))
def test_a_few_messages_that_fit_in_between_do_not_help(between: list[int]) -> None:
    liar = Liar("bbo")
    for count in between:
        for seq in range(count):
            liar.say("bbo", "delta", seq, seq + 1)
        liar.say("bbo", "delta", 999, 1000)
        liar.answer()
    assert liar.subscriptions == MISFITS


def test_misfits_that_are_far_apart_are_forgotten() -> None:
    liar = Liar("bbo")
    for _ in range(3 * MISFITS):
        for seq in range(TRUSTED):
            liar.say("bbo", "delta", seq, seq + 1)
        liar.say("bbo", "delta", 999, 1000)
        liar.answer()
    assert liar.subscriptions == 3 * MISFITS + 1
