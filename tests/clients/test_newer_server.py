"""A server that is newer than its client: a word that the client does not know costs the event or the item that it is in, never the
connection, nor what is told beside it. What is lost all the same is told by a Gap."""

from __future__ import annotations

import asyncio
import struct
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from front import front
from hypothesis import given, settings
from hypothesis import strategies as st
from liar import Lie, Muddle, lying
from link import new_host
from scene import scene
from test_broken_streams import MARKET, Liar

from perplab.clients import Client, LocalClient, NewOrder, StreamBroken, SyncClient, local
from perplab.clients import types as t
from perplab.clients.bots.base import NOTHING, Action, Bot, View
from perplab.clients.reading import Reading
from perplab.clients.reading_fields import PLANS
from perplab.clients.runner import Runner, seat
from perplab.exchange.codes import Side
from perplab.exchange.events import OrderCancelled, Traded

HEAD = {"seq": 3, "ts": 4, "account": 8}
OPENED = {"order_id": 1, "market": 0, "side": "BUY", "price": 1, "size": 1, "tif": "GTC", "reduce_only": 0, "client_id": None}
UNREADABLE: dict[str, dict[str, Any]] = {
    "an unknown reason": {"type": "OrderCancelled", **HEAD, "order_id": 1, "market": 0, "size": 1, "reason": "DELISTED"},
    "a reason as a number": {"type": "Rejected", **HEAD, "command": "New", "market": -1, "reason": 999, "client_id": None},
    "an unknown time in force": {"type": "OrderPlaced", **HEAD, **OPENED, "tif": "GTD"},
    "an order without a price": {"type": "OrderPlaced", **HEAD, **OPENED, "price": None},
    "an order without a size": {"type": "OrderPlaced", **HEAD, **{name: one for name, one in OPENED.items() if name != "size"}},
    "an unknown side": {"type": "Traded", **HEAD, "market": 0, "taker_side": "CROSS", "price": 1, "size": 1},
    "an unknown asset": {"type": "Deposited", **HEAD, "asset": 70, "amount": 5},
    "an order of a market that there is not": {"type": "OrderPlaced", **HEAD, **OPENED, "market": 70},
    "an order with a client id that is a list": {"type": "OrderPlaced", **HEAD, **OPENED, "client_id": [1]},
    "a refusal with a client id of two halves": {
        "type": "Rejected", **HEAD, "command": "Place", "market": 0, "reason": "NOT_FLAT", "client_id": {"hi": 1, "lo": 2},
    },
    "an order of no market": {"type": "OrderPlaced", **HEAD, **OPENED, "market": -1},
    "a new event of no market": {"type": "Invented", **HEAD, "market": None, "size": 3},
    "a new event without numbers": {"type": "Invented", **HEAD, "market": 0, "size": None, "price": None, "amount": None},
    "a new event of a named market": {"type": "Invented", **HEAD, "market": "BTC", "size": 3},
    "a new event of other numbers": {"type": "Invented", **HEAD, "market": 0, "size": "big", "price": [2], "amount": {}},
    "a new event without a time": {"type": "Invented", "seq": 3, "market": 0},
}  # fmt: skip


def reading() -> Reading:
    client = LocalClient("alice", venue="sandbox", prices={})
    return Reading(client.venue)


@pytest.mark.parametrize("told", UNREADABLE.values(), ids=UNREADABLE)
def test_an_event_that_cannot_be_read_is_handed_on(told: dict[str, Any]) -> None:
    (found,) = reading().private(8, told)
    assert isinstance(found, t.OtherEvent)
    assert (found.type, found.account, found.seq, found.ts) == (told["type"], 8, 3, told.get("ts", 0))
    assert set(found.data) == set(told) - {"type", "seq", "ts"}
    for name in ("reason", "tif", "taker_side", "asset"):
        assert found.data.get(name) == told.get(name)


@pytest.mark.parametrize("told", [None, 5, "text", [1], {}, {"type": None}, {"type": []}, {"type": "Traded", "seq": "x", "ts": None}])
def test_whatever_an_event_is_it_is_handed_on(told: Any) -> None:
    (found,) = reading().private(8, told)
    assert isinstance(found, t.OtherEvent) and (found.account, found.seq, found.ts) == (8, 0, 0)


@pytest.mark.parametrize("name", sorted(PLANS))
def test_nothing_that_is_left_out_of_an_event_raises(name: str) -> None:
    (found,) = reading().private(8, {"type": name, **HEAD})
    assert isinstance(found, t.OtherEvent) and found.type == name


FUNDING = {"type": "FundingSet", "ts": 1, "mode": "RULE", "rate_ppt": 1}
TRADE = {"ts": 1, "price": 1, "size": 1, "taker_side": "BUY", "liquidation": 0}
@pytest.mark.parametrize("venue", ["sandbox", "portfolio"])
@pytest.mark.parametrize("number", [-1, -2])
def test_no_number_counts_from_the_end(venue: str, number: int) -> None:
    """-1 is none to the venue, and the last one to Python."""
    read = Reading(LocalClient("alice", venue=venue, prices={}).venue)
    (deposited,) = read.private(8, {"type": "Deposited", **HEAD, "asset": number, "amount": 5})
    refused = {"command": "Withdraw", "market": number, "reason": "NOT_FLAT", "client_id": None}
    (rejected,) = read.private(8, {"type": "Rejected", **HEAD, **refused})
    (other,) = read.private(8, {"type": "Invented", **HEAD, "market": number, "asset": number})
    assert isinstance(deposited, t.Deposited if number == -1 else t.OtherEvent)
    assert isinstance(rejected, t.Rejected) and rejected.market == ""
    assert isinstance(other, t.OtherEvent) and other.data["market"] == ""
    if isinstance(deposited, t.Deposited):
        assert deposited.asset == ""
    numbers = {name: 0 for name in t.Balance.__struct_fields__}
    with pytest.raises(IndexError, match=f"there is no number {number} of USD"):
        read.balance({**numbers, "asset": number})


ITEMS: list[tuple[str, Any, dict[str, Any]]] = [  # what is new, beside what is known
    ("funding", {**FUNDING, "mode": "NEW"}, FUNDING),
    ("trades", {**TRADE, "taker_side": "CROSS"}, TRADE),
    ("trades", {"ts": 1, "price": None, "size": 1}, TRADE),
    ("trades", {"ts": 1, "value": 5, "size": 0}, TRADE),
    ("trades", 7, TRADE),
]


@pytest.mark.parametrize(("channel", "new", "known"), ITEMS)
def test_an_item_that_cannot_be_read_is_handed_on_beside_the_others(channel: str, new: Any, known: dict[str, Any]) -> None:
    first, other, last = reading().market_events({"channel": channel, "type": "delta", "market": 0, "items": [known, new, known]})
    assert isinstance(other, t.StreamMessage) and other.channel == channel
    assert other.data == (new if isinstance(new, dict) else {"item": new})
    assert type(first) is type(last) is not t.StreamMessage


@pytest.mark.parametrize(
    "message",
    [
        {"channel": "status", "type": "delta", "market": 0, "status": "PAUSED"},
        {"channel": "status", "type": "delta", "market": 70, "status": "TRADING"},
        {"channel": "status", "type": "delta", "market": -1, "status": "TRADING"},
        {"channel": "bbo", "type": "delta", "market": 0, "bid": ["a", 1], "ask": None},
        {"channel": "ticker", "type": "delta", "market": 0},
        {"channel": "gas", "type": "delta", "multiplier_ppm": None},
        {"channel": "fund", "type": "delta", "balances": []},
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_read_is_handed_on(message: dict[str, Any]) -> None:
    (found,) = reading().market_events(message)
    assert isinstance(found, t.StreamMessage) and found.channel == message["channel"] and found.data == message


def renamed(kind: str, field: str, word: Any) -> Lie:
    """A newer server's word in each event of a kind."""

    def lie(op: str, message: Any) -> list[Any]:
        if message.get("channel") != "private" or "events" not in message:
            return [message]
        return [{**message, "events": [{**one, field: word} if one["type"] == kind else one for one in message["events"]]}]

    return lie


NEW_REASON = renamed("OrderCancelled", "reason", "NEW_REASON")
SELL, BUY = (NewOrder(MARKET, side, size="0.01", price="60000") for side in (Side.SELL, Side.BUY))
OWN = NewOrder(MARKET, Side.SELL, size="0.01", price="59990")  # which the buy meets first: self-trade prevention cancels it


def after(events: list[t.Event]) -> list[str]:
    assert not [one for one in events if isinstance(one, t.Disconnected | t.Gap)]
    (other,) = [one for one in events if isinstance(one, t.OtherEvent)]
    assert other.type == "OrderCancelled" and other.data["reason"] == "NEW_REASON" and other.data["size"] == Decimal("0.01")
    (fill,) = [one for one in events if isinstance(one, t.Fill)]
    assert fill.size == Decimal("0.01") and fill.price == 60_000
    return [type(one).__name__ for one in events if isinstance(one, t.AccountEvent)]


TOLD = ["OrderOpened", "OrderOpened", "OtherEvent", "Fill"]


def test_a_fill_beside_what_cannot_be_read_is_told_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    bob = LocalClient("bob", host=new_host(), prices={})
    bob.faucet("100000")
    bob.place(SELL)
    monkeypatch.setattr(local, "Session", lying(NEW_REASON))
    alice = bob.join("alice")
    alice.faucet("100000")
    alice.subscribe_private()
    alice.place(OWN)
    alice.place(BUY)
    assert after(list(alice.events())) == TOLD


def test_a_fill_beside_what_cannot_be_read_is_told_over_sockets() -> None:
    bob = LocalClient("bob", host=new_host(), prices={})
    bob.faucet("100000")
    for _ in range(2):
        bob.place(SELL)

    async def script(port: int) -> list[t.Event]:
        async with Client(port=port, name="carol") as carol:
            await carol.faucet("100000")
            await carol.subscribe_private()
            await carol.place(OWN)
            await carol.place(BUY)
            events: list[t.Event] = []
            while not isinstance(event := await carol.next_event(5.0), t.Fill):
                assert event is not None
                events.append(event)
            return [*events, event]

    with front(session=lying(NEW_REASON), host=bob.host) as server:
        with SyncClient(port=server.port, name="alice") as alice:
            alice.faucet("100000")
            alice.subscribe_private()
            alice.place(OWN)
            alice.place(BUY)
            events: list[t.Event] = []
            while not isinstance(event := alice.next_event(5.0), t.Fill):
                assert event is not None
                events.append(event)
        assert after([*events, event]) == TOLD
        assert after(asyncio.run(script(server.port))) == TOLD


@pytest.mark.parametrize("wrong", [{"events": None}, {"events": 5}, {"seq": None}, {"seq": "9"}, {"prev_seq": []}])
def test_a_private_message_that_cannot_be_read_is_asked_for_again(wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream goes on behind the last event that was told: nothing is missing."""
    lies = iter([wrong])

    def lie(op: str, message: Any) -> list[Any]:
        is_of_events = message.get("channel") == "private" and message.get("type") == "events"
        return [{**message, **next(lies, {})}] if is_of_events else [message]

    monkeypatch.setattr(local, "Session", lying(lie))
    alice = LocalClient("alice", host=new_host(), prices={})
    alice.faucet("100000")
    alice.subscribe_private()
    alice.place(SELL)
    events = list(alice.events())
    assert [type(one).__name__ for one in events] == ["AccountSnapshot", "Gap", "OrderOpened"]
    assert next(lies, None) is None


def test_a_snapshot_that_cannot_be_read_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    def lie(op: str, message: Any) -> list[Any]:
        return [{**message, "mode": "NEW"} if message.get("type") == "snapshot" and message.get("channel") == "private" else message]

    monkeypatch.setattr(local, "Session", lying(lie))
    alice = LocalClient("alice", host=new_host(), prices={})
    alice.faucet("100000")
    alice.subscribe_private()
    alice.place(SELL)
    gap, raw, opened = alice.events()
    assert isinstance(gap, t.Gap) and gap.channel == "private" and "'NEW'" in gap.why
    assert isinstance(raw, t.StreamMessage) and raw.channel == "private" and raw.data["mode"] == "NEW"
    assert isinstance(opened, t.OrderOpened)


@pytest.mark.parametrize("codec", [msgspec.msgpack, msgspec.json])
@pytest.mark.parametrize("told", UNREADABLE.values(), ids=UNREADABLE)
def test_both_codecs_tell_the_same(codec: Any, told: dict[str, Any]) -> None:
    read = reading()
    assert read.private(8, codec.decode(codec.encode(told))) == read.private(8, told)


FILL = {
    "type": "Traded", "ts": 4, "market": 0, "price": 60_000, "size": 7, "taker_side": "BUY", "taker": 8, "maker": 9, "taker_order_id": 1,
    "maker_order_id": 2, "taker_fee": 3, "maker_fee": 0, "maker_left": 0, "liquidation": 0,
}  # fmt: skip
CANCELLED = {"type": "OrderCancelled", **HEAD, "order_id": 1, "market": 0, "size": 1, "reason": "USER"}
KNOWN = [FILL, CANCELLED, {"type": "OrderPlaced", **HEAD, **OPENED}, {"type": "Deposited", **HEAD, "asset": 0, "amount": 5}]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 32), st.lists(st.sampled_from(KNOWN), min_size=1, max_size=4), st.integers(0, 4))
def test_whatever_is_wrong_with_an_event_the_fills_beside_it_are_told(seed: int, others: list[dict[str, Any]], place: int) -> None:
    liar, wrong = Liar("private"), Muddle(seed, 100)
    account = liar.protocol.calls.account_number
    events = [{**FILL, "taker": account, "taker_fee": 11, "seq": seq} for seq in (1, 2)]
    events[place:place] = [wrong.changed({**one, "seq": 1}) for one in others]
    liar.send({"channel": "private", "account": account, "type": "events", "prev_seq": 0, "seq": 2, "events": events})
    told = []
    while (event := liar.protocol.next_event()) is not None:
        assert not isinstance(event, t.Gap)
        told.append(event)
    fills = [one.seq for one in told if isinstance(one, t.Fill) and one.fee == Decimal("0.000011")]
    assert fills == [1, 2] and not liar.protocol.dead


def test_the_end_of_a_stream_in_other_words_is_a_gap_as_well() -> None:
    liar = Liar("private")
    liar.send({"channel": "private", "account": liar.protocol.calls.account_number, "type": "ended", "why": "a newer server's words"})
    liar.answer()
    liar.say("private", "delta", 0, 1)
    events = []
    while (event := liar.protocol.next_event()) is not None:
        events.append(type(event).__name__)
    assert events == ["AccountSnapshot", "Gap", "AccountSnapshot"] and liar.subscriptions == 2


@pytest.mark.parametrize("channel", ["book", "bbo", "trades", "private"])
def test_a_stream_that_can_never_be_read_is_given_up(channel: str) -> None:
    """The connection is as it was; who subscribes again may try again."""
    liar = Liar(channel)
    for _ in range(100):
        liar.say(channel, "delta", 0, None)  # type: ignore[arg-type]
        liar.answer()
    gaps = 0
    with pytest.raises(StreamBroken, match="a message cannot be read"):
        while (event := liar.protocol.next_event()) is not None:
            gaps += isinstance(event, t.Gap)
    assert gaps >= 5 and not liar.protocol.dead


def test_a_level_that_cannot_be_read_begins_the_book_anew() -> None:
    liar = Liar("book")
    liar.send({"channel": "book", "market": 0, "type": "delta", "prev_seq": 0, "seq": 1, "bids": [[1, None]], "asks": []})
    liar.answer()
    events = []
    while (event := liar.protocol.next_event()) is not None:
        events.append(type(event).__name__)
    assert events == ["BookChanged", "Gap", "BookChanged"] and liar.protocol.book(MARKET).is_valid


def test_packed_commands_that_were_refused_for_a_new_reason() -> None:
    row = [999, 5, 999, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]
    (found,) = reading().row_statuses({"ts": 1, "statuses": struct.pack("<14q", *row)}, 1).rows
    assert found.why == "reason 999" and found.state is None and found.seq == 9
    several = {"0": {"placed": 1, "refused": 1, "queued": 0, "first_refusal": "NEW_REASON"}}
    told = {"ts": 1, "statuses": struct.pack("<14q", *[0] * 14), "several": several}
    (found,) = reading().row_statuses(told, 1).rows
    assert found.several is not None and (found.several.refused, found.several.first_refusal) == (1, None)


def test_packed_statuses_may_be_wider() -> None:
    """As docs/api.md says: their width is the length of the whole, by the number of commands."""
    rows = [[0, order, 0, 0, 5, 0, 9, 0, 0, 0, 0, 0, 0, 0, 77, 78] for order in (1, 2)]
    read, data = reading(), struct.pack("<32q", *rows[0], *rows[1])
    assert [one.order_id for one in read.row_statuses({"ts": 1, "statuses": data}, 2).rows] == [1, 2]
    for count in (3, 5, 40):
        with pytest.raises(ValueError, match=f"32 numbers are no statuses of {count} commands"):
            read.row_statuses({"ts": 1, "statuses": data}, count)


class Hears(Bot):
    hears = frozenset({Traded.KIND, OrderCancelled.KIND})

    def __init__(self, place: Any) -> None:
        super().__init__(place)
        self.heard: list[object] = []

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, None

    def on_event(self, ts: int, event: object) -> Action:
        self.heard.append(event)
        return NOTHING, None


def test_a_bot_goes_on_at_a_newer_server() -> None:
    alice, _ = scene()
    runner = Runner(Hears(seat(alice, "BTC")))
    cancelled = {"type": "OrderCancelled", **HEAD, "order_id": 1, "market": 0, "size": 1, "reason": "SELF_TRADE"}
    message = {"channel": "private", "account": alice.account_number, "type": "events"}
    runner.hear({**message, "events": [{"type": "Invented", **HEAD}, {**cancelled, "reason": "NEW"}, cancelled, 5]})
    runner.hear({"channel": "auctions", "type": "delta", "items": [{"type": "Invented"}, {"ts": 1}]})
    assert len(runner._heard) == 1 and runner._unread == 1
