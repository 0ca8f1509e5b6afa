"""Many subscriptions of the Hyperliquid dialect: how the work is spread, and how many there may be. Time passes where it is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

import pytest
from hl_kit import ALICE, BOB, BTC, Json, Venue, limit

from perplab.exchange.codes import Side
from perplab.exchange.messages import UpdateOracle
from perplab.exchange.server.hyperliquid import feeds, info, weights
from perplab.exchange.server.hyperliquid.talk import Talk

MS = 1_000_000


def asking(kind: str, number: int) -> bytes:
    return json.dumps({"method": "subscribe", "subscription": {"type": kind, "user": f"0x{2**100 + number:040x}"}}).encode()


def told(one: Talk, channel: str) -> list[Json]:
    found = [json.loads(message) for message in one.messages()]
    return [message["data"] for message in found if message["channel"] == channel]


def busy(v: Venue, us: int) -> None:
    """Every look at the clock takes so long."""
    ticks = count()
    v.host.monotonic = lambda: next(ticks) * us * 1_000


def test_who_has_no_account_is_told_how_to_get_one() -> None:
    v = Venue(faucet=0)
    with pytest.raises(feeds.Unknown, match=f"{ALICE} has no account here. It has no account yet, .*`perplab ctl grant user={ALICE} usd="):
        v.desk.feeds.feed({"type": "userFills", "user": ALICE})
    v.people.faucet = 1
    v.account(BOB)
    v.people.approve(BOB, ALICE, "")
    with pytest.raises(feeds.Unknown, match=f"It is an API wallet of {BOB}: name that"):
        v.desk.feeds.feed({"type": "userFills", "user": ALICE})
    with pytest.raises(feeds.Unknown, match="It is no key's"):
        v.desk.feeds.feed({"type": "userFills", "user": f"0x{999:040x}"})


def test_many_subscriptions_at_once_take_many_turns() -> None:
    v = Venue()
    busy(v, 200)
    one = Talk(v.desk, lambda: None, "here")
    one.receive_message(*(asking("webData2", number) for number in range(60)))
    first = told(one, "webData2")
    assert one.has_more and 0 < len(first) < 30
    turns = 1
    while one.has_more:
        one.go_on()
        turns += 1
    found = first + told(one, "webData2")
    assert turns > 5 and [state["user"] for state in found] == [f"0x{2**100 + number:040x}" for number in range(60)]


def test_whoever_leaves_in_the_midst_of_it_is_gone() -> None:
    v = Venue()
    busy(v, 200)
    one = Talk(v.desk, lambda: None, "here")
    one.receive_message(*(asking("webData2", number) for number in range(60)))
    one.closed()
    assert not one.has_more and not v.desk.feeds.feeds


def test_what_many_are_told_at_once_takes_many_turns_and_is_read_once() -> None:
    """The part that is the same for all is made for all; whoever has not had his turn has it before those who have had one."""
    v = Venue()
    one = Talk(v.desk, lambda: None, "here")
    one.receive_message(*(asking("webData2", number) for number in range(100)))
    one.messages()
    waiting: list[Callable[[], None]] = []
    v.desk.feeds.wait = waiting.append
    made = count()
    markets, at = info.of_markets, v.host.monotonic() + 2_000 * MS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(info, "of_markets", lambda dialect: next(made) or markets(dialect))
        ticks = count()
        v.host.monotonic = lambda: at + next(ticks) * 100_000
        v.host.send([UpdateOracle(0, BTC, 61_000)])
        v.host.flush()
        found = told(one, "webData2")
        assert 0 < len(found) < 20
        v.host.flush()  # nobody is told twice, or out of turn
        assert told(one, "webData2") == []
        turns = 1
        while waiting:
            waiting.pop()()
            assert len(waiting) <= 1
            found += told(one, "webData2")
            turns += 1
    assert turns > 5 and [state["user"] for state in found] == [f"0x{2**100 + number:040x}" for number in range(100)]
    assert all(state["assetCtxs"][0]["oraclePx"] == "61000.0" for state in found)
    assert next(made) < 5, "100 users, and what is the same for all was read a few times"


def test_a_feed_that_ends_while_it_waits_is_not_told() -> None:
    v = Venue()
    waiting: list[Callable[[], None]] = []
    one, other = Talk(v.desk, lambda: None, "here"), Talk(v.desk, lambda: None, "there")
    one.receive_message(*(asking("webData2", number) for number in range(20)))
    other.receive_message(*(asking("webData2", number) for number in range(100, 120)))
    v.desk.feeds.wait = waiting.append
    at, ticks = v.host.monotonic() + 2_000 * MS, count()
    v.host.monotonic = lambda: at + next(ticks) * 100_000
    v.host.send([UpdateOracle(0, BTC, 61_000)])
    other.messages()
    v.host.flush()
    other.closed()
    while waiting:
        waiting.pop()()
    assert told(other, "webData2") == [] and len(told(one, "webData2")) == 40, "twenty at first, and twenty by now"
    assert v.world.complaints == []


def test_many_readers_of_one_feed_are_told_in_turns_and_once() -> None:
    """Whoever comes, goes, or catches up in between is told everything once."""
    v = Venue()
    v.rest(BTC, Side.SELL, 60_010, 100_000)
    v.account(ALICE)
    ask = json.dumps({"method": "subscribe", "subscription": {"type": "trades", "coin": "BTC"}}).encode()
    readers = [Talk(v.desk, lambda: None, "here") for _ in range(3 * feeds.AT_ONCE)]
    for one in readers:
        one.receive_message(ask)
        one.messages()
    waiting: list[Callable[[], None]] = []
    v.desk.feeds.wait = waiting.append
    slow, gone, again = readers[-1], readers[-2], readers[-3]
    slow.pause()
    for _ in range(2):
        v.order(limit(BTC, True, "60010", "0.01"))
        v.host.flush()
    assert sum(bool(one._out) for one in readers) == feeds.AT_ONCE, "one turn of it"
    late = Talk(v.desk, lambda: None, "here")
    late.receive_message(ask)
    slow.resume()
    gone.closed()
    again.receive_message(ask.replace(b"subscribe", b"unsubscribe", 1))
    again.receive_message(ask)
    v.host.flush()
    turns = 1
    while waiting:
        waiting.pop()()
        turns += 1
    assert turns > 3
    counts = {one: sum(len(trades) for trades in told(one, "trades")) for one in [*readers, late]}
    assert counts.pop(gone) == 0 and set(counts.values()) == {2}


# -- how many there may be -------------------------------------------------------------------------------------------------------


def test_who_has_many_leaves_room_for_those_who_have_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "FEEDS", 40)
    v = Venue()
    greedy = Talk(v.desk, lambda: None, "here")
    greedy.receive_message(*(asking("openOrders", number) for number in range(45)))
    assert len(greedy.feeds) == 40
    (error, *more) = told(greedy, "error")
    assert error == f"this server has 40 different streams: until some end, a socket may have {feeds.RESERVED}" and len(more) == 4
    modest = Talk(v.desk, lambda: None, "here")
    modest.receive_message(*(asking("openOrders", number) for number in range(100, 130)))
    assert len(modest.feeds) == feeds.RESERVED
    shared = Talk(v.desk, lambda: None, "here")
    shared.receive_message(*(asking("openOrders", number) for number in range(40)))
    assert len(shared.feeds) == 40, "what there is already may be read by anybody"
    greedy.closed()
    shared.closed()
    modest.receive_message(asking("openOrders", 150))
    assert len(modest.feeds) == feeds.RESERVED + 1


def test_the_documented_limits_are_of_one_place() -> None:
    v = Venue(weights=True)
    one, other, elsewhere = (Talk(v.desk, lambda: None, source) for source in ("here", "here", "there"))
    one.receive_message(*(asking("openOrders", number) for number in range(6)))
    other.receive_message(*(asking("openOrders", number) for number in range(4, 12)), asking("spotState", 0))
    assert told(other, "error") == [f"Cannot track more than {weights.USERS} total users."] * 2
    assert (len(one.feeds), len(other.feeds)) == (6, 7)
    elsewhere.receive_message(*(asking("openOrders", number) for number in range(10)))
    assert len(elsewhere.feeds) == 10
    one.closed()
    other.receive_message(asking("openOrders", 11))
    assert told(other, "error") == [] and len(other.feeds) == 8
    other.receive_message(asking("openOrders", 11).replace(b"subscribe", b"unsubscribe", 1))
    other.receive_message(asking("openOrders", 12))
    assert len(other.feeds) == 8
    other.closed()
    elsewhere.closed()
    assert not v.desk.weights._streams and not v.desk.feeds.feeds


def test_so_many_subscriptions_of_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SUBSCRIPTIONS", 3)
    for strict, most in ((True, 3), (False, 4)):
        v = Venue(weights=strict)
        for number in range(4):
            one = Talk(v.desk, lambda: None, "here")
            one.receive_message(asking("openOrders", number))
        assert len(v.desk.feeds.feeds) == most


def test_who_listens_to_an_account_that_a_rewind_has_taken_is_told_and_cut_off() -> None:
    v = Venue()
    v.host.keep("before")
    one = Talk(v.desk, lambda: None, "here")
    one.receive_message(asking("userFills", 1))
    assert told(one, "userFills")
    v.host.go_back("before")
    v.host.tell_epoch("before")
    (why,) = told(one, "error")
    assert "has no account" in str(why) and one.ending == "REWOUND" and not v.desk.feeds.feeds
