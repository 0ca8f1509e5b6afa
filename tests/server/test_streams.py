"""Streams: snapshots, numbers without gaps, what a reconnecting client gets, and readers who are slow."""

from __future__ import annotations

import random
import zlib

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire import Message, Talker, World, messages

from perplab.exchange.server import host as hosts
from perplab.exchange.server import private
from perplab.exchange.server import requests as r
from perplab.exchange.server import session as sessions
from perplab.exchange.server.codecs import Codec
from perplab.exchange.server.frames import LARGEST
from perplab.exchange.server.limits import Limits


class Book:
    """What a client makes of the messages of a book."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
        self.seq = -1
        self.depth = 0

    def see(self, message: Message) -> None:
        if message["type"] == "snapshot":
            self.sides = {side: dict(map(tuple, message[side])) for side in self.sides}
            self.depth = message["depth"]
        else:
            assert message["prev_seq"] == self.seq, "a gap"
            for side, levels in self.sides.items():
                for price, size in message[side]:
                    levels.pop(price, None)
                    if size:
                        levels[price] = size
        self.seq = message["seq"]
        if "checksum" in message:
            best = [self.best("bids")[:10], self.best("asks")[:10]]
            assert zlib.crc32(",".join(f"{p}:{s}" for side in best for p, s in side).encode()) == message["checksum"]

    def best(self, side: str) -> list[tuple[int, int]]:
        return sorted(self.sides[side].items(), reverse=side == "bids")[: self.depth]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(59_990, 60_010), st.integers(0, 9), st.integers(0, 3)), max_size=60),
    st.integers(1, 6),
)
def test_a_book_made_of_deltas_is_the_venue_s(orders: list[tuple[int, int, int, int]], depth: int) -> None:
    world = World()
    maker, taker, reader = world.talker("maker"), world.talker("taker"), world.talker()
    reader.ask("subscribe", channel="book", market=0, depth=depth, checksum=True)
    mine = Book()
    for side, price, size, pause in orders:
        if size:
            (maker if side else taker).ask("place", market=0, side=side, price=price, size=size)
        else:
            maker.ask("cancel_all")
        if not pause:
            world.later(0.1)
        for message in reader.heard("book"):
            mine.see(message)
    world.later(0.1)
    for message in reader.heard("book"):
        mine.see(message)
    for number, side in enumerate(("bids", "asks")):
        assert mine.best(side) == world.host.exchange.depth(0, number, depth)


def test_books_of_one_market_are_told_apart_by_their_depth() -> None:
    world = World()
    reader = world.talker()
    for depth in (1, 5):
        assert reader.ask("subscribe", channel="book", market=0, depth=depth)["ok"]
    world.talker("alice").ask("place", market=0, side="BUY", price=59_000, size=1)
    world.later(0.1)
    told = [(message["type"], message["depth"]) for message in reader.heard("book")]
    assert told == [("snapshot", 1), ("snapshot", 5), ("delta", 1), ("delta", 5)]


def test_private_events_chain_from_the_snapshot() -> None:
    world = World()
    talker = world.talker("alice")
    talker.ask("subscribe", channel="private")
    (snapshot,) = talker.heard("private")
    assert snapshot["type"] == "snapshot" and snapshot["balances"][0]["cash"] == 10**12 and snapshot["orders"] == []
    for price in (59_000, 59_001):
        talker.ask("place", market=0, side="BUY", price=price, size=1)
    world.talker("bob").ask("place", market=0, side="SELL", price=59_001, size=1)
    told = talker.heard("private")
    assert [message["prev_seq"] for message in told] == [snapshot["seq"], *(message["seq"] for message in told[:-1])]
    assert [event["type"] for message in told for event in message["events"]] == ["OrderPlaced", "OrderPlaced", "Traded"]


def reconnected(world: World, since: int) -> list[Message]:
    talker = Talker(world)
    talker.ask("login", name="alice")
    assert talker.ask("subscribe", channel="private", since_seq=since)["ok"]
    return talker.heard("private")


def test_a_reconnecting_client_gets_what_it_missed() -> None:
    world = World()
    talker = world.talker("alice")
    talker.ask("subscribe", channel="private")
    last = talker.heard("private")[-1]["seq"]
    talker.session.closed()
    other = world.talker("alice", money=0)
    for price in (59_000, 59_001):
        other.ask("place", market=0, side="BUY", price=price, size=1)
    world.talker("bob").ask("place", market=0, side="BUY", price=58_000, size=1)
    (told,) = reconnected(world, last)
    assert told["type"] == "events" and told["prev_seq"] == last and [event["price"] for event in told["events"]] == [59_000, 59_001]
    assert reconnected(world, told["seq"]) == [], "nothing was missed"


def test_what_is_older_than_the_ring_is_a_gap_and_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "RING_EVENTS", 3)
    world = World()
    talker = world.talker("alice")
    for price in range(59_000, 59_010):
        talker.ask("place", market=0, side="BUY", price=price, size=1)
    last = world.host.exchange.state.log.seq
    gap, snapshot = reconnected(world, 4)
    assert (gap["type"], gap["since_seq"], gap["last_seq"]) == ("gap", 4, last) and gap["oldest_seq"] > 5
    assert snapshot["type"] == "snapshot" and snapshot["seq"] == last and len(snapshot["orders"]) == 10
    ahead, _ = reconnected(world, last + 100)
    assert ahead["type"] == "gap", "a number that this venue has not come to is of another epoch"


def test_a_slow_reader_gets_market_data_in_one_piece_and_is_told() -> None:
    world = World()
    maker, reader = world.talker("maker"), world.talker()
    reader.ask("subscribe", channel="book", market=0)
    reader.ask("subscribe", channel="trades", market=0)
    mine = Book()
    mine.see(reader.heard("book")[0])
    reader.heard()
    reader.session.is_slow = True
    for price in range(59_000, 59_020):
        maker.ask("place", market=0, side="BUY", price=price, size=1)
        world.later(0.1)
    assert reader.read() == [], "nothing is kept for it"
    reader.session.resume()
    (snapshot,) = reader.heard("book")
    assert snapshot["type"] == "snapshot" and snapshot["conflated"] == 20
    mine.see(snapshot)
    maker.ask("place", market=0, side="BUY", price=59_500, size=1)
    world.later(0.1)
    mine.see(reader.heard("book")[0])
    assert mine.best("bids") == world.host.exchange.depth(0, 0, 20)


def test_private_events_that_are_not_read_end_the_connection_with_a_reason() -> None:
    world = World(limits=Limits(unread_bytes=2_000))
    talker, other = world.talker("alice"), world.talker("alice", money=0)
    talker.ask("subscribe", channel="private")
    talker.heard()
    talker.session.is_slow = True
    for price in range(59_000, 59_030):
        other.ask("place", market=0, side="BUY", price=price, size=1)
    assert talker.session.ending == "SLOW_READER"
    assert talker.read()[-1]["reason"] == "SLOW_READER" and other.ask("ping")["ok"]


def test_heartbeats_carry_the_last_number_and_a_dead_client_is_cut() -> None:
    world = World(limits=Limits(quiet_s=15, silent_s=100))
    reader, silent = world.talker("alice"), world.talker("bob")
    reader.ask("subscribe", channel="ticker", market=0)
    for _ in range(15):
        world.later(1)
        world.host.beat()
    beats = reader.heard("heartbeat")
    assert len(beats) == 15 and beats[-1]["seq"] == world.host.exchange.state.log.seq
    reader.ask("ping")
    for _ in range(16):
        world.later(1)
        world.host.beat()
    assert reader.session.ending == "IDLE" and not silent.session.ending
    for _ in range(80):
        world.later(1)
        world.host.beat()
    assert silent.session.ending == "IDLE"


def test_heartbeats_come_in_turns_one_to_each_in_a_second() -> None:
    world = World()
    readers = [world.talker(f"user{number}", money=0) for number in range(7)]
    world.talker("gone").session.closed()
    readers += [world.talker(f"user{number}", money=0) for number in range(7, 12)]
    for reader in readers:
        reader.ask("subscribe", channel="ticker", market=0)
    shares = []
    for turn in range(5):
        world.host.beat(turn, 5)
        heard = [reader.heard("heartbeat") for reader in readers]
        assert {len(beats) for beats in heard} == {0, 1}
        shares.append({number for number, beats in enumerate(heard) if beats})
    assert sorted(number for share in shares for number in share) == list(range(12)) and all(2 <= len(share) <= 3 for share in shares)


def test_a_stream_is_left_and_not_had_twice() -> None:
    world = World(limits=Limits(subscriptions=2))
    talker = world.talker("alice")
    assert talker.ask("unsubscribe", channel="book", market=0)["reason"] == "NOT_SUBSCRIBED"
    assert talker.ask("subscribe", channel="book", market=0)["ok"]
    assert talker.ask("subscribe", channel="book", market="BTC-PERP")["reason"] == "ALREADY_SUBSCRIBED"
    assert talker.ask("subscribe", channel="private")["ok"]
    assert talker.ask("subscribe", channel="bbo", market=0)["reason"] == "TOO_MANY_SUBSCRIPTIONS"
    assert talker.ask("unsubscribe", channel="book", market=0)["ok"] and talker.ask("unsubscribe", channel="private")["ok"]
    talker.heard()
    talker.ask("place", market=0, side="BUY", price=59_000, size=1)
    world.later(1)
    world.host.beat()
    assert talker.heard() == [] and not world.host.streams.channels and not world.host.private


def test_small_questions_with_large_answers_are_answered_as_far_as_they_are_taken() -> None:
    world = World()
    talker = Talker(world)
    asked = talker.bytes_of({"id": 1, "op": "venue", "design": True})
    talker.session.receive(asked * 2_000)
    replies = 0
    while True:
        out = talker.session.take()
        assert len(out) < 2 << 20, "nobody can make the server hold more than that"
        replies += len(messages(out, True))
        if not talker.session.has_more:
            break
        talker.session.go_on()
    assert replies == 2_000 and talker.ask("ping")["ok"]


def test_a_message_to_many_is_encoded_once() -> None:
    world = World()
    readers = [world.talker() for _ in range(20)]
    for reader in readers:
        reader.ask("subscribe", channel="book", market=0)
        reader.heard()
    encoded = []
    codec = readers[0].session.codec
    for reader in readers:
        reader.session.codec = Codec("msgpack", codec._request, codec._plain, lambda message: encoded.append(1) or codec.encode(message))
    world.talker("alice").ask("place", market=0, side="BUY", price=59_000, size=1)
    world.later(0.1)
    assert all(reader.heard("book")[0]["bids"] == [[59_000, 1]] for reader in readers) and len(encoded) == 1


def pieced(items: int) -> tuple[World, Talker]:
    """Alice with seven orders, in a world that tells so many things at a time."""
    world = World(limits=Limits(items=items))
    alice = world.talker("alice")
    for price in range(59_000, 59_007):
        alice.ask("place", market=0, side="BUY", price=price, size=1)
    return world, alice


def test_what_was_missed_comes_in_pieces_that_chain() -> None:
    world, alice = pieced(3)
    first = 3
    told = reconnected(world, first)
    assert len(told) > 2 and all(len(message["events"]) <= 3 for message in told)
    assert [message["prev_seq"] for message in told] == [first, *(message["seq"] for message in told[:-1])]
    assert [event.get("price") for message in told for event in message["events"]][-7:] == list(range(59_000, 59_007))
    reader = world.talker("alice", money=0)
    reader.ask("subscribe", channel="private")
    seq = reader.heard("private")[-1]["seq"]
    items = [{"op": "place", "market": 0, "side": "BUY", "price": 58_000 + n, "size": 1} for n in range(7)]
    alice.ask("batch", items=items)
    told = reader.heard("private")
    assert [len(message["events"]) for message in told] == [3, 3, 1] and told[0]["prev_seq"] == seq


def test_a_catch_up_waits_for_its_reader_and_what_happens_meanwhile_comes_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "ENOUGH_BYTES", 400)
    monkeypatch.setattr(private, "LOOKED_AT", 2)
    world, alice = pieced(2)
    reader = world.talker("alice", money=0)
    reader.send("subscribe", channel="private", since_seq=3)
    told = reader.heard("private")
    assert reader.session.has_more and sum(len(message["events"]) for message in told) < 7
    alice.ask("place", market=0, side="BUY", price=58_000, size=1)
    while reader.session.has_more:
        reader.session.go_on()
        told += reader.heard("private")
    alice.ask("place", market=0, side="BUY", price=58_001, size=1)
    told += reader.heard("private")
    assert [message["prev_seq"] for message in told] == [3, *(message["seq"] for message in told[:-1])]
    assert [event.get("price") for message in told for event in message["events"]][-9:] == [*range(59_000, 59_007), 58_000, 58_001]


def test_a_catch_up_that_the_ring_overtakes_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "ENOUGH_BYTES", 200)
    monkeypatch.setattr(private, "LOOKED_AT", 2)
    monkeypatch.setattr(hosts, "RING_EVENTS", 12)
    world, alice = pieced(2)
    reader = world.talker("alice", money=0)
    last = world.host.exchange.state.log.seq
    reader.send("subscribe", channel="private", since_seq=last - 7)
    told = reader.heard("private")
    for price in range(58_000, 58_030):
        alice.ask("place", market=0, side="BUY", price=price, size=1)
    while reader.session.has_more:
        reader.session.go_on()
        told += reader.heard("private")
    kinds = [message["type"] for message in told]
    gap = kinds.index("gap")
    assert kinds[gap + 1] == "snapshot" and told[gap]["since_seq"] == told[gap - 1]["seq"] and "events" not in kinds[gap:]


def test_a_snapshot_of_many_orders_comes_in_parts() -> None:
    _, alice = pieced(3)
    alice.ask("subscribe", channel="private")
    told = alice.heard("private")
    assert [(message["type"], len(message["orders"]), message["more"]) for message in told] == [
        ("snapshot", 3, 4), ("orders", 3, 1), ("orders", 1, 0)
    ]  # fmt: skip
    assert len({order["order_id"] for message in told for order in message["orders"]}) == 7
    assert {message["seq"] for message in told} == {told[1]["prev_seq"]}
    parts = [alice.ask("account", skip=skip) for skip in (0, 3, 6, 9)]
    assert [(len(part["orders"]), part["more"]) for part in parts] == [(3, 4), (3, 1), (1, 0), (0, 0)]
    assert alice.ask("auctions", skip=5)["more"] == 0


def test_many_trades_at_once_are_several_messages() -> None:
    world, _ = pieced(3)
    reader, bob = world.talker(), world.talker("bob")
    reader.ask("subscribe", channel="trades", market=0)
    bob.ask("place", market=0, side="SELL", price=59_000, size=7)
    world.later(0.1)
    told = reader.heard("trades")[1:]
    assert [len(message["items"]) for message in told] == [3, 3, 1]
    assert [message["prev_seq"] for message in told] == [0, 1, 2]


def test_no_message_outgrows_a_frame() -> None:
    """The largest event, order and thing of a list, `items` of them, and 4,096 refusals at their longest."""
    largest = {"type": "x" * 20, **{f"a_rather_long_name_{n}": -(2**62) for n in range(14)}, "client_id": "0x" + "f" * 32}
    assert Limits().items * len(msgpack.packb(largest)) < LARGEST
    world = World()
    alice = world.talker("alice")
    items = [{"op": "place", "market": "x" * 32, "side": "BUY", "price": 1, "size": 1}] * r.MAX_BATCH
    alice.session.receive(alice.bytes_of({"id": "i" * 64, "op": "batch", "items": items}))
    assert len(alice.session.take()) < LARGEST // 4


def test_a_book_is_read_once_for_all_depths_and_each_is_right() -> None:
    """Random orders; every reader's book of its depth is what the venue says."""
    world = World()
    trader, draw = world.talker("alice"), random.Random(5)
    depths = (1, 2, 3, 7, 50)
    readers = {depth: world.talker() for depth in depths}
    books: dict[int, dict[str, dict[int, int]]] = {depth: {"bids": {}, "asks": {}} for depth in depths}
    read = world.host.streams.venue.depth
    for turn in range(60):
        if turn < len(depths):
            assert readers[depths[turn]].ask("subscribe", channel="book", market=0, depth=depths[turn])["ok"]
        for _ in range(draw.randrange(4)):
            side = draw.choice(["BUY", "SELL"])
            price = 60_000 + draw.randrange(-12, 3) if side == "BUY" else 60_000 + draw.randrange(-2, 13)
            trader.ask("place", market=0, side=side, price=price, size=draw.randrange(1, 5))
        world.host.flush()
        for depth, reader in readers.items():
            for told in reader.heard("book"):
                for side in ("bids", "asks"):
                    if told["type"] == "snapshot":
                        books[depth][side].clear()
                    books[depth][side].update(told[side])
                    kept = sorted((one for one in books[depth][side].items() if one[1]), reverse=side == "bids")[:depth]
                    books[depth][side] = dict(kept)
            if turn >= len(depths):
                assert list(books[depth]["bids"].items()) == read(0, 0, depth) and list(books[depth]["asks"].items()) == read(0, 1, depth)
    trader.ask("place", market=0, side="BUY", price=59_000, size=1)
    before = world.host.streams.readings[0]
    world.host.flush()
    after = world.host.streams.readings[0]
    assert after is not before and after[1]._before is before[1]
    world.host.streams.is_dirty = True
    world.host.flush()
    assert world.host.streams.readings[0] is after, "and without an event not at all"
    for depth in sorted(depths, reverse=True):
        assert world.host.streams.deepest[0] == depth
        assert readers[depth].ask("unsubscribe", channel="book", market=0)["ok"]
