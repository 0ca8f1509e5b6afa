"""The sans-IO part of the clients: bytes cut anywhere, connections that break anywhere, and what the user is told of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link import ENDLESS, Link, new_host

from perplab.clients import types as t
from perplab.clients.errors import Refused, TimedOut, Unknown
from perplab.clients.identity import Identity
from perplab.clients.local import LocalHost
from perplab.clients.protocol import PING_S, SILENCE_S, Protocol
from perplab.exchange.codes import OrderState, Side
from perplab.exchange.server.frames import LENGTH
from perplab.exchange.server.ring import Ring
from perplab.exchange.server.rows import client_halves

MARKET = new_host().exchange.design.markets[0].name
RESTING = t.NewOrder(MARKET, Side.BUY, "0.1", "59000")


def wrapped(message: dict[str, Any]) -> bytes:
    data = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(data)) + data


def events_of(link: Link, kind: type[Any]) -> list[Any]:
    return [event for event in link.seen if isinstance(event, kind)]


# -- bytes --


def script(link: Link) -> list[object]:
    """Some of everything; the replies, and the events."""
    calls = link.protocol.calls
    link.carry()
    link.protocol.who.session = ""
    told: list[object] = [link.do(calls.faucet("100000", 0)), link.do(calls.subscribe("private", None))]
    told += [link.do(calls.subscribe("book", MARKET, 10, True)), link.do(calls.subscribe("trades", MARKET))]
    order = link.do(calls.place(RESTING))
    told += [order, link.do(calls.amend(order, "59001")), link.do(calls.account())]
    told += link.do(
        calls.batch([t.Cancel(order), t.NewOrder(MARKET, Side.SELL, "0.1", "59500"), t.NewOrder(MARKET, Side.BUY, "0.1", "59500")])
    )
    told += [link.do(calls.ticker(MARKET)), link.do(calls.depth(MARKET, 5))]
    return [*map(repr, told), *map(repr, link.seen)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_bytes_may_be_cut_anywhere(chunk: int) -> None:
    assert script(Link(new_host(), chunk=chunk)) == script(Link(new_host()))


# -- connections that break --


def trade(link: Link, other: Link, market: str) -> list[Any]:
    """What one client does while another one trades; the calls that were made."""
    calls = link.protocol.calls
    link.carry()
    made: list[Any] = [link.ask(calls.subscribe("private", None)), link.ask(calls.subscribe("book", market, 10, True))]
    for price in ("59001", "59002"):
        made.append(link.ask(calls.place(t.NewOrder(market, Side.BUY, "0.1", price))))
        other.do(other.protocol.calls.place(t.NewOrder(market, Side.SELL, "0.05", price)))
        link.carry()
    made.append(link.ask(calls.cancel_all(market)))
    made.append(link.ask(calls.account()))
    return made


def check(host: LocalHost, link: Link, market: str) -> None:
    """The book is the venue's, and private events have no gap that was not told."""
    book = link.protocol.book(market)
    assert book.is_valid
    assert [book.raw(side) for side in Side] == [host.exchange.depth(0, side, 10) for side in Side]
    account = link.protocol.calls.account_number
    assert account is not None
    snapshots = events_of(link, t.AccountSnapshot)
    assert len(snapshots) == 1 + sum(gap.channel == "private" for gap in events_of(link, t.Gap))
    first = snapshots[0].state.seq
    expected = [row[1] for row in host.ring.since(first, account, 1 << 30)[0]]
    assert [event.seq for event in events_of(link, t.AccountEvent)] == expected, "each event, once, in order"


def check_calls(host: LocalHost, link: Link, made: list[Any]) -> None:
    """What is Unknown can be asked for, and the answer is true."""
    assert all(pending.done for pending in made)
    for pending in made:
        error = pending.error
        if error is None or pending.call.op != "place":
            assert error is None or (isinstance(error, Unknown) and pending.call.op == "cancel_all")
            continue
        assert isinstance(error, Unknown) and error.client_id is not None
        account = link.protocol.calls.account_number
        assert account is not None
        exists = host.exchange.client_order(account, *client_halves(error.client_id)) is not None
        asked = link.ask(link.protocol.calls.outcome(error.request, error.call))  # type: ignore[arg-type]
        if exists:
            assert asked.result().order_id > 0
        else:
            assert isinstance(asked.error, Refused) and asked.error.reason == "UNKNOWN_REQUEST"


def funded(host: LocalHost, name: str, prefix: int) -> Link:
    link = Link(host, name, prefix=prefix)
    link.carry()
    link.do(link.protocol.calls.faucet("1000000000", 0))
    return link


def begun() -> tuple[LocalHost, Link, Link]:
    """A venue, and two who can afford to trade in it."""
    host = new_host()
    return host, funded(host, "alice", 3 << 62), funded(host, "bob", 7 << 61)


@pytest.mark.parametrize("part", range(4))
def test_a_connection_that_breaks_at_any_byte_loses_nothing_untold(part: int) -> None:
    host, _, other = begun()
    whole = Link(host, "alice")
    trade(whole, other, MARKET)
    assert whole.breaks == 0 and whole.carried > 3_000
    whole.session.closed()
    for number, budget in enumerate(range(part, whole.carried, 4)):
        if number % 50 == 0:  # the venue's memory of past rounds is searched in each
            host, _, other = begun()
        link = Link(host, "alice", budget, prefix=(1 << 63) + budget)
        made = trade(link, other, MARKET)
        assert link.breaks == 1, budget
        check_calls(host, link, made)
        check(host, link, MARKET)
        link.session.closed()


@settings(max_examples=25)
@given(st.lists(st.integers(0, 6_000), min_size=2, max_size=6), st.integers(1, 50))
def test_connections_that_break_again_and_again(budgets: list[int], chunk: int) -> None:
    host = new_host()
    other, link = funded(host, "bob", 1 << 63), funded(host, "alice", 3 << 62)
    link.chunk = chunk
    made = []
    for budget in budgets:
        link.budget = budget
        made += trade(link, other, MARKET)
    link.budget = ENDLESS
    link.carry()
    calls = link.protocol.calls
    assert {key[0] for key in link.protocol.streams} == {"book", "private"}
    assert all(pending.done for pending in made)
    book = link.protocol.book(MARKET)
    assert book.is_valid and [book.raw(side) for side in Side] == [host.exchange.depth(0, side, 10) for side in Side]
    assert link.do(calls.account()).seq == host.exchange.state.log.seq


def test_what_changes_nothing_is_asked_again_and_a_command_is_not() -> None:
    link = Link(new_host())
    link.carry()
    calls = link.protocol.calls
    question, command = link.protocol.ask(calls.ticker(MARKET), 0.0), link.protocol.ask(calls.place(RESTING), 0.0)
    link.lose()
    assert not question.done and isinstance(command.error, Unknown)
    assert "outcome" in str(command.error) and str(command.call.client_id) in str(command.error)
    link.carry()
    assert question.result().market == MARKET
    assert [type(event) for event in link.seen] == [t.Disconnected, t.Reconnected]


def test_an_order_that_is_placed_again_is_not_placed_twice() -> None:
    link = Link(new_host())
    link.carry()
    calls = link.protocol.calls
    link.do(calls.faucet("100000", 0))
    lost = link.protocol.ask(calls.place(RESTING), 0.0)
    link.session.receive(link.protocol.take())
    link.lose()
    link.carry()
    assert isinstance(lost.error, Unknown)
    again = link.do(calls.place(msgspec.structs.replace(RESTING, client_id=lost.error.client_id)))
    assert again.repeated and again.state == OrderState.OPEN
    assert [order.order_id for order in link.do(calls.account()).orders] == [again.order_id]
    assert link.do(calls.outcome(lost.error.request, lost.call)).order_id == again.order_id


def test_a_server_that_was_started_anew_is_noticed() -> None:
    link = Link(new_host())
    link.carry()
    link.do(link.protocol.calls.subscribe("private", None))
    link.host = new_host(seed=2)
    link.lose()
    link.carry()
    kinds = [type(event) for event in link.seen]
    assert kinds == [t.AccountSnapshot, t.Disconnected, t.Reconnected, t.Gap, t.AccountSnapshot]
    assert events_of(link, t.Reconnected)[0].is_new_epoch


def test_private_events_that_are_no_longer_kept_are_told_as_a_gap() -> None:
    host = new_host()
    link, other = Link(host), Link(host, "bob", prefix=3 << 62)
    link.carry()
    other.carry()
    link.do(link.protocol.calls.subscribe("private", None))
    host.ring = Ring(1, host.router)
    other.do(other.protocol.calls.faucet("1", 0))
    other.do(other.protocol.calls.faucet("1", 0))
    link.lose()
    link.carry()
    assert [type(event) for event in link.seen[-4:]] == [t.Disconnected, t.Reconnected, t.Gap, t.AccountSnapshot]
    assert "no longer kept" in events_of(link, t.Gap)[0].why


# -- gaps --


def subscribed() -> Link:
    link = Link(new_host())
    link.carry()
    calls = link.protocol.calls
    link.do(calls.faucet("100000", 0))
    link.do(calls.subscribe("book", MARKET, 10, True))
    link.do(calls.subscribe("private", None))
    return link


def test_a_message_of_the_book_that_is_missing_begins_it_anew() -> None:
    link = subscribed()
    link.session.receive(wrapped({"id": 900, "op": "place", "market": 0, "side": "BUY", "price": 59_000, "size": 1}))
    link.host.flush()
    link.session.take()  # lost on the way: the reply, the event, the change of the book
    link.do(link.protocol.calls.place(RESTING))
    assert [gap.channel for gap in events_of(link, t.Gap)] == ["private", "book"]
    book = link.protocol.book(MARKET)
    assert book.is_valid and book.raw(Side.BUY) == link.host.exchange.depth(0, Side.BUY, 10)
    opened = [event for event in link.seen if isinstance(event, t.OrderOpened)]
    assert len(opened) == 2, "the private stream went on behind the last event that had come"


def test_a_wrong_checksum_begins_the_book_anew() -> None:
    link = subscribed()
    link.protocol.receive(
        wrapped({"channel": "book", "type": "delta", "market": 0, "seq": 1, "prev_seq": 0, "bids": [[5, 5]], "asks": [], "checksum": 1}),
        0.0,
    )
    assert not link.protocol.book(MARKET).is_valid
    link.carry()
    assert link.protocol.book(MARKET).is_valid and "checksum" in events_of(link, t.Gap)[0].why
    assert link.protocol.book(MARKET).raw(Side.BUY) == []


def test_events_that_nobody_reads_are_dropped_and_counted() -> None:
    link = subscribed()
    link.protocol.events.most = 2
    for price in ("59000", "59001", "59002"):
        link.protocol.ask(link.protocol.calls.place(t.NewOrder(MARKET, Side.BUY, "0.1", price)), 0.0)
    link.seen.clear()
    link.carry()
    assert isinstance(link.seen[0], t.Dropped) and link.seen[0].count == 2 and len(link.seen) == 3


# -- silence --


def test_a_server_that_says_nothing_is_pinged_and_then_dead() -> None:
    link = Link(new_host())
    link.carry()
    link.protocol.tick(PING_S - 0.1)
    assert link.protocol.take() == b""
    link.protocol.tick(PING_S)
    assert b"ping" in link.protocol.take()
    link.protocol.tick(PING_S + SILENCE_S - 0.1)
    assert not link.protocol.dead
    link.protocol.tick(PING_S + SILENCE_S)
    assert link.protocol.dead == "nothing was heard from the server for 15 s"


def test_one_who_slept_pings_before_it_judges() -> None:
    link = Link(new_host())
    link.carry()
    link.protocol.tick(1_000.0)
    assert not link.protocol.dead
    link.carry()
    link.protocol.tick(1_001.0)
    assert not link.protocol.dead


def test_what_is_not_answered_in_time_is_told_by_its_kind() -> None:
    link = Link(new_host())
    link.carry()
    question, command = (link.protocol.ask(call, 0.0) for call in (link.protocol.calls.ping(), link.protocol.calls.cancel_all()))
    for pending in (question, command):
        link.protocol.abandon(pending, 5.0)
    assert isinstance(question.error, TimedOut) and isinstance(question.error, TimeoutError)
    assert isinstance(command.error, Unknown) and "no reply came within 5 s" in str(command.error)
    link.session.closed()
    link.protocol.lost()
    unsent = link.protocol.ask(link.protocol.calls.cancel_all(), 0.0)
    link.protocol.abandon(unsent, 5.0)
    assert isinstance(unsent.error, TimedOut) and "was not sent" in str(unsent.error)


# -- entering --


def test_a_name_is_signed_up_where_the_server_does_not_trust() -> None:
    link = Link(new_host(trust=False))
    link.carry()
    assert link.protocol.is_ready and link.protocol.who.key and link.protocol.who.secret
    link.lose()
    link.carry()
    assert link.protocol.is_ready, "by its key, from now on"
    again = Link(link.host)
    again.carry()
    assert isinstance(again.protocol.failed, Refused) and again.protocol.failed.reason == "NAME_TAKEN"


def test_a_server_without_room_is_understood() -> None:
    """It says so before it knows how this client counts bytes."""
    protocol = Protocol(Identity("alice"), 1 << 63)
    protocol.connected(0.0)
    told = msgspec.msgpack.encode(
        {"id": None, "ok": False, "code": 402, "reason": "TOO_MANY_CONNECTIONS", "message": "no room", "data": {}}
    )
    for at in range(len(told)):
        protocol.receive(told[at : at + 1], 0.0)
    protocol.lost()
    assert "no room" in protocol._ended


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_garbage_ends_the_connection_and_nothing_else(garbage: bytes) -> None:
    link = Link(new_host())
    link.carry()
    link.protocol.receive(garbage or b"\0", 0.0)
    link.protocol.lost()
    link.connect()
    link.carry()
    assert link.protocol.is_ready


def test_a_snapshot_in_parts_is_one() -> None:
    host = new_host()
    host.limits = msgspec.structs.replace(host.limits, items=2)
    link = funded(host, "alice", 1 << 62)
    for price in ("59000", "59001", "59002", "59003", "59004"):
        link.do(link.protocol.calls.place(t.NewOrder(MARKET, Side.BUY, "0.1", price)))
    link.do(link.protocol.calls.subscribe("private", None))
    (snapshot,) = events_of(link, t.AccountSnapshot)
    assert len(snapshot.state.orders) == 5 and snapshot.state.more == 0
    link.do(link.protocol.calls.place(RESTING))
    assert not events_of(link, t.Gap) and len(events_of(link, t.OrderOpened)) == 1
    account = link.do(link.protocol.calls.account())
    assert (len(account.orders), account.more) == (2, 4)
