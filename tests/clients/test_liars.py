"""Servers that lie, or die behind the login: what the user sees of it is a ClientError, nothing hangs, and no server is run down by a
client that comes back without a pause."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from front import Front, front
from hypothesis import given, settings
from hypothesis import strategies as st
from liar import CUT, NESTED, Lie, Muddle, before, instead, lying
from link import Link, new_host

from perplab.clients import Client, ClientError, LocalClient, NotConnected, SyncClient, TimedOut, Unknown, local
from perplab.clients import types as t
from perplab.clients.bots.base import NOTHING, Action, Bot, Seat, View, pack
from perplab.clients.carrying import Program, ask, run, run_async
from perplab.clients.execution import Hedge, Oco, Scale, Twap
from perplab.clients.protocol import Protocol
from perplab.clients.retry import FIRST_S, LONGEST_S, STEADY_S, Retry
from perplab.clients.risk import Gate, KillSwitch, Limits
from perplab.clients.runner import Runner
from perplab.exchange.codes import FIRST_USER, Side
from perplab.exchange.events import Event, Traded
from perplab.exchange.messages import CancelAll

TERMS = Link(new_host())
TERMS.carry()
VENUE = TERMS.protocol.venue
assert VENUE is not None
(PERP,) = VENUE.markets.values()
MARKET = PERP.name
SHORT = 0.3  # [s] after which a client of these tests gives up


# -- when to try again --


@given(st.lists(st.sampled_from([0.0, 0.01, 1.0]), max_size=30))
def test_a_connection_that_is_made_is_not_yet_one_that_works(after: list[float]) -> None:
    """Each attempt takes a while, and ends in a connection that was ready for less than it takes to be steady."""
    retry, now, pauses = Retry(), 100.0, []
    while retry.lost(now, None if len(pauses) % 2 else now - STEADY_S / 2, seconds=60.0):
        pauses.append(round(retry.due - now, 6))
        now = retry.due + (after[len(pauses)] if len(pauses) < len(after) else 0.0)
    assert pauses[:3] == [0.0, FIRST_S, 2 * FIRST_S] and pauses == sorted(pauses) and max(pauses) <= LONGEST_S
    assert 160.0 - LONGEST_S - 1.0 <= now <= 161.0 and len(pauses) <= 20
    assert not retry.lost(now, None, seconds=60.0), "and no further one"
    assert retry.lost(now, now - STEADY_S, seconds=60.0) and retry.due == now, "one that has worked begins the count anew"


def test_no_seconds_are_one_attempt() -> None:
    retry = Retry()
    assert retry.lost(5.0, 0.0, seconds=0.0) and retry.due == 5.0
    assert not retry.lost(5.0, None, seconds=0.0)


def deaf(op: str, message: Any) -> list[Any]:
    """Hangs up when it is asked what it is."""
    return [CUT] if op == "venue" else [message]


def no_accounts(op: str, message: Any) -> list[Any]:
    return [{**message, "accounts": 7}] if op == "login" else [message]


@pytest.mark.parametrize("lie", [deaf, no_accounts])
def test_a_server_that_dies_behind_the_login_is_not_run_down(lie: Lie) -> None:
    async def script(port: int) -> None:
        async with Client(port=port, name="alice", retry_s=SHORT):
            pass

    for kind in ("sync", "asyncio"):
        with front(session=lying(lie)) as server:
            with pytest.raises(NotConnected, match="there is no connection that works, and no further attempt is made; last: ") as raised:
                SyncClient(port=server.port, name="alice", retry_s=SHORT) if kind == "sync" else asyncio.run(script(server.port))
            assert 2 <= server.connections <= 4, "the first, one at once, and behind 0.05 and 0.1 s; 0.2 s more are too many"
    if lie is no_accounts:
        assert "what the server sent cannot be read: TypeError" in str(raised.value)
        assert isinstance(raised.value.__cause__, TypeError)


# -- what cannot be read --


def market(**other: Any) -> Lie:
    return instead("venue", lambda told: {**told, "markets": [{**told["markets"][0], **other}]})


POSITION = {
    "account": FIRST_USER, "market": 0, "size": 0, "entry_notional": 0, "isolated_margin": 0, "mode": "CROSS", "leverage": 1,
    "unsettled": 0, "liquidation_price": None,
}  # fmt: skip
LIES: dict[str, Lie] = {
    "the venue goes back before it is known": before(
        "login", lambda: {"channel": "venue", "type": "rewound", "snapshot": "x", "epoch": "e", "ts": 1, "seq": 1}
    ),
    "a tick that is no number": market(tick="abc"),
    "a tick that is none": market(tick="NaN"),
    "a lot of zero": market(lot="0"),
    "a fee beyond all numbers": market(maker_fee_ppb="1e999999999"),
    "markets that are numbered otherwise": market(market=1),
    "a position of size 0": instead("account", lambda told: {**told, "positions": [POSITION]}),
    "orders left out that are a map": instead("account", lambda told: {**told, "more": {}}),
    "a sequence that is a text": instead("account", lambda told: {**told, "seq": "5"}),
    "a time that is endless": instead("ping", lambda told: {**told, "ts": float("inf")}),
    "a reply that is neither": instead("ping", lambda told: {**told, "ok": "yes"}),
    "a no without a reason": instead("ping", lambda told: {"id": told["id"], "ok": False}),
    "a login that is refused without a reason": instead("login", lambda told: {"id": told["id"], "ok": False, "reason": None}),
    "deep nesting": before("ping", lambda: NESTED),
    "a number": before("ping", lambda: 5),
    "a list": before("ping", lambda: [1, 2]),
    "a map as an id": before("ping", lambda: {"id": {}, "ok": True}),
    "accounts that are a number": no_accounts,
}


def asks(client: SyncClient | LocalClient) -> None:
    client.account()
    client.ping()


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_cannot_be_read_is_a_lost_connection(lie: Lie, monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(port: int) -> None:
        async with Client(port=port, name="alice", timeout=5.0, retry_s=0.06) as client:
            await client.account()
            await client.ping()

    with front(session=lying(lie)) as server:
        with pytest.raises(NotConnected, match="what the server sent cannot be read: ") as raised:
            asks(SyncClient(port=server.port, name="alice", timeout=5.0, retry_s=0.06))
        assert raised.value.__cause__ is not None
        with pytest.raises(NotConnected, match="what the server sent cannot be read: ") as raised:
            asyncio.run(script(server.port))
        assert raised.value.__cause__ is not None
    monkeypatch.setattr(local, "Session", lying(lie))
    with pytest.raises(TimedOut, match=r"within 2 s.*what the server sent cannot be read: "):
        asks(LocalClient("alice", venue="book_fund_adl", timeout=2.0, prices={}))


def test_a_command_whose_reply_cannot_be_read_is_unknown() -> None:
    lie = instead("place", lambda told: {**told, "market": 99})
    with front(session=lying(lie)) as server, SyncClient(port=server.port, name="alice") as client:
        client.faucet("1000")
        with pytest.raises(Unknown, match="the connection broke: what the server sent cannot be read: IndexError") as caught:
            client.buy(MARKET, "0.001", "59000")
        assert client.outcome(caught.value).order_id == client.open_orders()[0].order_id


# -- a client without an account --


def bare(op: str, message: Any) -> list[Any]:
    return [{key: one for key, one in message.items() if key != "accounts"}] if op == "login" else [message]


def test_a_login_without_accounts_can_ask_and_open_one() -> None:
    with front(session=lying(bare)) as server, SyncClient(port=server.port, name="alice") as client:
        assert client.account_number is None and client.ticker(MARKET).oracle == 60_000 and server.connections == 1
        opened = client.open_account()
        assert client.account_number == opened and client.open_account() != opened == client.account_number
        client.subscribe_private()
        assert client.hears_private


# -- functions that listen --


def test_a_function_that_listens_and_raises_ends_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it should have noticed is lost, so nothing goes on as if all was well; and no call is left to wait."""

    def broken(event: t.Event) -> None:
        raise KeyError("mine")

    async def script(port: int) -> None:
        async with Client(port=port, name="alice") as client:
            with client.listening(broken):
                with pytest.raises(ClientError) as first:
                    await client.subscribe_private()
                    await client.ping()
                with pytest.raises(NotConnected, match="a function that listens to events has raised KeyError: 'mine'"):
                    await client.ping()
            assert isinstance(first.value.__cause__, KeyError)

    with front() as server, SyncClient(port=server.port, name="alice") as client:
        with client.listening(broken), pytest.raises(NotConnected, match="a function that listens to events has raised KeyError") as raised:
            client.subscribe_private()
            client.ping()
        assert isinstance(raised.value.__cause__, KeyError)
    with front() as server:
        asyncio.run(script(server.port))


def test_a_reader_that_fails_by_itself_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(port: int) -> None:
        async with Client(port=port, name="alice") as client:
            server.is_mute = True
            waiting = [asyncio.ensure_future(call) for call in (client.ping(), client.faucet("1"))]
            await asyncio.sleep(0)
            monkeypatch.setattr(Protocol, "tick", lambda protocol, now: [][1])
            question, command = await asyncio.gather(*waiting, return_exceptions=True)
            assert isinstance(question, NotConnected) and "this client has failed: IndexError" in str(question)
            assert isinstance(question.__cause__, IndexError) and isinstance(command, Unknown)
            with pytest.raises(NotConnected, match="this client has failed"):
                await client.ping()

    with front() as server:
        asyncio.run(script(server.port))


# -- real traffic, muddled --


class Enough(ClientError):
    """A test has waited often enough."""


class Patience:
    def __init__(self, waits: int) -> None:
        self.left = waits

    def wait(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.left = 3
            raise Enough


class Curious(Bot):
    """Looks at everything, and hears of its fills."""

    hears = frozenset((Traded.KIND,))
    sees_offers = True

    def on_start(self, ts: int, view: View) -> Action:
        return NOTHING, ts + 10**9

    def on_wake(self, ts: int, view: View) -> Action:
        assert view.bid + view.ask + view.last + view.mark + view.oracle + view.size + view.equity + view.maintenance + len(view.offers) + 1
        return pack(CancelAll(0, FIRST_USER, 0)), ts + 10**9

    def on_event(self, ts: int, event: Event) -> Action:
        return NOTHING, None


def life(client: Any, other: Any) -> Program[None]:
    """Some of everything, whatever comes of it."""
    calls = client.calls
    order = t.NewOrder(MARKET, Side.BUY, "0.01", "59000")
    switch = KillSwitch(max_loss=10, markets=[MARKET], stale_s=1e6, flatten=True, slice_usd=50)
    gate = Gate({MARKET: Limits(order="1", position="1", open_orders=5, collar_bp=1_000)}, switch)
    acts: list[Any] = [
        calls.faucet, calls.subscribe, calls.place, calls.account, calls.ticker, calls.depth, calls.auctions, calls.batch, calls.rows,
        calls.cancel_all, calls.accounts, calls.open_account, calls.cancel_all_after,
    ]  # fmt: skip
    given: dict[Any, tuple[Any, ...]] = {
        calls.faucet: ("1000", 0), calls.subscribe: ("private", None), calls.place: (order,), calls.ticker: (MARKET,),
        calls.depth: (MARKET, 5), calls.batch: ([order, t.Cancel(1, MARKET)],), calls.cancel_all: (None,), calls.cancel_all_after: (30,),
        calls.rows: (pack(CancelAll(0, FIRST_USER, 0)),),
    }  # fmt: skip

    def one(act: Any) -> Program[Any]:
        try:
            yield from act
        except Unknown as lost:
            yield from tried(ask(client, calls.outcome(lost.request, lost.call)))

    def tried(act: Program[Any]) -> Program[None]:
        with suppress(ClientError):
            yield from act

    for act in acts:
        yield from tried(one(ask(client, act(*given.get(act, ())))))
    for channel in ("trades", "bbo", "ticker", "status"):
        yield from tried(one(ask(client, calls.subscribe(channel, MARKET))))
    yield from tried(one(ask(client, calls.subscribe("book", MARKET, 5, False))))
    for task in (
        Twap(PERP, Side.BUY, "0.01", slices=1, every_s=1), Scale(PERP, Side.BUY, "0.03", first="58000", last="57000", orders=3),
        Oco(PERP, "0.01", take_profit="61000", stop="59000"), Hedge(PERP, sources=[(client, {MARKET: 1})], band=0),
    ):  # fmt: skip
        yield from tried(task.program(client))
        task.report()
    yield from tried(gate.place(client, order))
    yield from tried(switch.check(client))
    switch.trip("by hand")
    yield from tried(switch.check(client))
    assert switch.why
    yield from tried(Runner(Curious(Seat(FIRST_USER, 0, PERP.unit)), for_s=3).program(client))


def look(client: Any) -> None:
    """What a client keeps can be looked at."""
    try:
        book = client.book(MARKET)
        assert book.checksum() >= 0 and {book.best_bid, book.best_ask}
    except ClientError:
        pass
    except ValueError as error:
        assert "is kept after subscribe_book" in str(error) or client.protocol.venue != VENUE, error


def seen(client: Any) -> Iterator[t.Event]:
    while True:
        try:
            event = client.protocol.next_event()
        except ClientError:
            continue
        if event is None:
            return
        yield event


def but_what_it_is(lie: Muddle) -> Lie:
    """The truth is told about the venue: with another one, other prices are wrong, which is the user's to hear."""
    return lambda op, message: [message] if op == "venue" else lie(op, message)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([2, 10, 40, 90]))
def test_whatever_is_muddled_only_client_errors_are_raised(seed: int, rate: int) -> None:
    patience = Patience(60)

    def wait(seconds: float) -> None:
        patience.wait()
        client.step(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "Session", lying(but_what_it_is(Muddle(seed, rate))))
        try:
            client = LocalClient("alice", host=new_host(), timeout=3.0)
        except ClientError:
            return
        run(client, life(client, client), wait)
        list(seen(client))
        look(client)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_the_same_over_sockets(kind: str, seed: int) -> None:
    patience = Patience(20)
    session = lying(but_what_it_is(Muddle(seed, (2, 10, 40)[seed % 3])))

    async def wait(seconds: float) -> None:
        patience.wait()
        await asyncio.sleep(0)

    async def script(server: Front) -> None:
        try:
            async with Client(port=server.port, name="alice", timeout=0.2, retry_s=0.1) as client:
                await run_async(client, life(client, client), wait)
                list(seen(client))
                look(client)
        except ClientError:
            return

    with front(session=session) as server:
        if kind == "asyncio":
            asyncio.run(script(server))
            return
        try:
            blocking = SyncClient(port=server.port, name="alice", timeout=0.2, retry_s=0.1)
        except ClientError:
            return
        with blocking:
            run(blocking, life(blocking, blocking), lambda seconds: patience.wait())
            list(seen(blocking))
            look(blocking)
