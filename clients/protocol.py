"""A client's side of the wire, without I/O and without a clock: bytes in, replies and events out. Times are handed in, in seconds of any
clock that does not run back.

A shell calls `connected`, `receive` with what it reads, `tick` once a second, `lost` when the connection is gone; it writes what `take`
gives, and ends the connection when `dead` says why. Everything else is decided here:
    entering      login by key, or by name; then `venue`, for ticks and lots; then what was subscribed; then what waits
    broken off    what changes nothing is sent again, and the private stream goes on behind its last event; a command becomes Unknown
    gaps          every stream's messages are chained by prev_seq: one that does not fit is told, and the stream begun anew; a stream
                  in which that goes on is given up
    silence       a ping after 5 s without a word from either side; dead if nothing is heard for 10 s more
    new words     an event of a newer server that cannot be read is told as it came, and nothing beside it is lost; a message of a stream
                  that cannot be read at all is one that does not fit
    nonsense      whatever reading any other message raises, the connection is dead of it: what a server says is no error of the user's
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any, Final, TypeVar

import msgspec

from perplab.exchange.server.frames import LENGTH, Frames
from perplab.exchange.server.people import signature_of

from . import types as t
from .book import Book
from .calls import Call, Calls
from .calls_base import nothing, raw
from .errors import ClientError, Closed, NotConnected, Refused, StreamBroken, TimedOut, Unknown, said
from .identity import Identity
from .mailbox import Mailbox
from .pending import Pending
from .reading import Wire, venue_of, whole
from .subscribed import Stream, named

T = TypeVar("T")
Key = tuple[str, int]  # of a stream: channel, and market or account; -1: of the venue
PING_S: Final = 5.0
SILENCE_S: Final = 10.0  # after a ping: 15 s without anything, as the server has it
LISTS: Final = frozenset(  # of things that happen: their snapshot is not all of them
    ("trades", "liquidations", "funding", "auctions", "curve", "taker_auctions", "batches")
)
EVENTS: Final = 100_000  # that wait for a reader
MISFITS: Final = 5  # after which a stream is given up: a server that is wrong once may be right the next time, one that goes on is not
TRUSTED: Final = 20  # messages that fit, after which earlier misfits are forgotten
MISSING_FIELD: Final = 201
encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder().decode


class Protocol:
    def __init__(self, who: Identity, prefix: int, account: int | None = None, events: int = EVENTS) -> None:
        self.who = who
        self.calls = Calls(prefix, account)
        self.venue: t.Venue | None = None
        self.is_ready = False  # logged in, and the venue is known
        self.ready_at: float | None = None  # [s] since when this connection is, or the last one was, ready; None: it was not
        self.dead = ""  # why the shell has to end the connection; "": it need not
        self.why_lost = ""  # the last connection, since a connection was ready
        self.cause: Exception | None = None  # what reading the server's last message has raised
        self.failed: ClientError | None = None  # why there will be no further connection
        self.tokens: int | None = None  # left in the connection's rate limit, as the last reply said
        self.streams: dict[Key, Stream] = {}
        self.events = Mailbox(events)
        self.listeners: list[Callable[[t.Event], None]] = []  # are told every event as it comes
        self.taps: list[Callable[[Wire], None]] = []  # are told every message of a stream that fits, as the wire has it
        self._own_account = account is None  # the first one is taken, whichever it is
        self._is_connected = False
        self._is_closed = False  # by the user, who need not be told
        self._has_been_ready = False
        self._ids = count(1)
        self._pending: dict[int, Pending[Any]] = {}
        self._waiting: deque[Pending[Any]] = deque()  # until it is ready
        self._frames = Frames()
        self._out: list[bytes] = []
        self._now = 0.0
        self._sent_at = self._heard_at = 0.0
        self._asked_at: float | None = None  # since when a reply is due and nothing is heard
        self._ended = ""  # what the server said last, if it ended the connection
        self._cancels: str | None = None  # cancel_on_disconnect, which ends with a connection
        self._broken: dict[Key, StreamBroken] = {}

    # -- what the shell calls ----------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """There is a new connection: enter."""
        self._now = self._sent_at = self._heard_at = now
        self._asked_at, self._frames, self._out, self.dead, self._ended, self.ready_at = None, Frames(), [], "", "", None
        self._is_connected = True
        if self.who.key is not None:
            self._own(Call("challenge", {"key": self.who.key}, nothing), self._challenged)
        elif self.who.name is not None:
            self._own(Call("login", {"name": self.who.name, **self._session()}, nothing), self._logged_in)
        else:
            self._own(Call("venue", {}, nothing), self._entered)

    def receive(self, data: bytes, now: float) -> None:
        """Bytes from the server."""
        self._now = self._heard_at = now
        try:
            for payload in self._frames.receive(data):
                self._take_in(decode(payload))
        except Exception as error:  # a list for a map, a size of 0, a thousand lists in each other: no list is complete
            self.cause, self.dead = error, f"what the server sent cannot be read: {said(error)}"
        self._asked_at = now if self._pending else None

    def take(self) -> bytes:
        """What is to be written."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def tick(self, now: float) -> None:
        """Once a second: a ping where it is due, and `dead` if nothing is heard."""
        self._now = now
        if not self._is_connected:
            return
        if self._asked_at is not None and now - self._asked_at >= SILENCE_S:
            self.dead = f"nothing was heard from the server for {now - self._heard_at:.0f} s"
        elif self.is_ready and now - min(self._sent_at, self._heard_at) >= PING_S and self._asked_at is None:
            self._own(self.calls.ping(), lambda _: None)

    def lost(self, why: str = "") -> None:
        """The connection is gone."""
        if not self._is_connected:
            return
        self.why_lost = why = self._ended or self.dead or why or "the connection was closed"
        self._is_connected = False
        self.is_ready, self._out, self._asked_at = False, [], None
        pending, self._pending = list(self._pending.values()), {}
        again = [one for one in pending if one.call.is_repeatable and not (one.is_own or one.done)]
        self._waiting.extendleft(reversed(again))
        for stream in self.streams.values():
            stream.is_renewing = False
            if stream.book is not None:
                stream.book.is_valid = False
        if self._has_been_ready and not self._is_closed:
            self._tell(t.Disconnected(why=why))
        for one in pending:
            if not one.call.is_repeatable and not one.is_own:
                one.settle(self._unknown(one, f"the connection broke: {why}"))
        if self.failed is not None:
            self.give_up(self.failed)

    def close(self) -> None:
        """The user wants no more of it: no loss, and whoever waits is told `Closed`."""
        self._is_closed = True
        self.lost("this client was closed")
        self.give_up(self.failed or Closed("this client was closed"))

    def give_up(self, error: ClientError) -> None:
        """There will be no further connection: whoever waits is told."""
        self.failed = error
        while self._waiting:
            self._waiting.popleft().settle(error)

    def give_up_lost(self) -> None:
        """The shell has tried for long enough to make a connection that works."""
        error = NotConnected(f"there is no connection that works, and no further attempt is made; last: {self.why_lost}")
        error.__cause__ = self.cause
        self.give_up(error)

    def late_login(self, seconds: float) -> TimedOut:
        """What who connects is told when that has taken `seconds`."""
        return TimedOut(f"no login within {seconds:g} s" + (f"; last: {self.why_lost}" if self.why_lost else ""))

    # -- what a user calls -------------------------------------------------------------------------------------------------------

    def ask(self, call: Call[T], now: float, then: Callable[[Pending[T]], None] | None = None) -> Pending[T]:
        """Send a call, or keep it until there is a connection. Raises NotConnected if there will be none."""
        if self.failed is not None:
            raise self.failed
        self._now = now
        pending = Pending(call, then)
        if self.is_ready:
            self._send(pending)
        else:
            self._waiting.append(pending)
        return pending

    def abandon(self, pending: Pending[Any], seconds: float) -> None:
        """The user has waited long enough; a reply that comes later is not told."""
        why = f"no reply came within {seconds:g} s"
        if pending in self._waiting:
            self._waiting.remove(pending)
            last = f" ({self.why_lost})" if self.why_lost else ""
            pending.settle(TimedOut(f"{pending.call.op!r} was not sent within {seconds:g} s: there is no connection{last}"))
        elif pending.call.is_repeatable:
            pending.settle(TimedOut(f"{why} to {pending.call.op!r}"))
        else:
            pending.settle(self._unknown(pending, why))

    def book(self, market: str) -> Book:
        """The local book. Raises ValueError if it is not subscribed to, StreamBroken if it was given up."""
        key = ("book", self.calls.market(market).number)
        if key in self._broken:
            raise self._broken[key]
        stream = self.streams.get(key)
        if stream is None or stream.book is None:
            raise ValueError(f"the book of {market} is kept after subscribe_book({market!r})")
        return stream.book

    def next_event(self) -> t.Event | None:
        """The oldest event that nobody has read. Raises StreamBroken once, in its place."""
        return self.events.next()

    # -- requests out ------------------------------------------------------------------------------------------------------------

    def _own(self, call: Call[Any], then: Callable[[Pending[Any]], None]) -> None:
        self._send(Pending(call, then, is_own=True))

    def _send(self, pending: Pending[Any]) -> None:
        call = pending.call
        if call.op == "subscribe" and not pending.is_own and (key := self._key(call.fields)) in self.streams:
            del self.streams[key]
            self._own(Call("unsubscribe", named(call.fields), nothing), lambda _: None)
        pending.id = next(self._ids)
        self._pending[pending.id] = pending
        message = encode({"id": pending.id, "op": call.op, **call.fields})
        self._out.append(LENGTH.pack(len(message)) + message)
        self._sent_at = self._now
        if self._asked_at is None:
            self._asked_at = self._now

    def _unknown(self, pending: Pending[Any], why: str) -> Unknown:
        return Unknown(pending.call.op, pending.id, why, pending.call.client_id, pending.call)

    def _key(self, fields: dict[str, Any]) -> Key:
        if fields["channel"] == "private":
            return "private", fields.get("account", -1)
        return fields["channel"], fields.get("market", -1)

    # -- entering ----------------------------------------------------------------------------------------------------------------

    def _session(self) -> dict[str, object]:
        return {"session": self.who.session} if self.who.session else {}

    def _refused(self, pending: Pending[Any]) -> bool:
        """A server that does not let this client in will not the next time."""
        if pending.error is None:
            return False
        self.give_up(pending.error)
        self.dead = str(pending.error)
        return True

    def _challenged(self, pending: Pending[Any]) -> None:
        if not self._refused(pending):
            signature = signature_of(self.who.secret or "", pending.reply["nonce"])
            self._own(Call("login", {"key": self.who.key, "signature": signature, **self._session()}, nothing), self._logged_in)

    def _logged_in(self, pending: Pending[Any]) -> None:
        error = pending.error
        if isinstance(error, Refused) and error.code == MISSING_FIELD and error.data.get("field") == "key" and self.who.key is None:
            self._own(Call("faucet", {"name": self.who.name}, raw), self._signed_up)
        elif not self._refused(pending):
            accounts = list(map(whole, pending.reply.get("accounts", ())))  # none: it can ask, and open one
            if self._own_account and self.calls.account_number not in accounts:
                self.calls.account_number = accounts[0] if accounts else None
            self._own(Call("venue", {}, nothing), self._entered)

    def _signed_up(self, pending: Pending[Any]) -> None:
        if not self._refused(pending):
            self.who.key, self.who.secret = pending.reply["key"], pending.reply["secret"]
            self._own(Call("challenge", {"key": self.who.key}, nothing), self._challenged)

    def _entered(self, pending: Pending[Any]) -> None:
        if self._refused(pending):
            return
        venue, before = venue_of(pending.reply), self.venue
        self.venue, self.is_ready, self.ready_at, self.why_lost, self.cause = venue, True, self._now, "", None
        self.calls.learn(venue)
        is_new = before is not None and before.epoch != venue.epoch
        if self._has_been_ready:
            self._tell(t.Reconnected(is_new_epoch=is_new))
        self._has_been_ready = True
        if self._cancels is not None:
            self._own(Call("cancel_on_disconnect", {"scope": self._cancels, "account": self.calls.account_number}, nothing), lambda _: None)
        for key in list(self.streams):
            self._take_up(key, is_new)
        while self._waiting:
            self._send(self._waiting.popleft())

    def _take_up(self, key: Key, is_new: bool) -> None:
        """Subscribe again after a lost connection."""
        stream = self.streams[key]
        if key[0] == "private" and key[1] != self.calls.account_number and self._own_account:
            del self.streams[key]  # a server without a memory has given the name another account
            account = self.calls.account_number
            if account is None:
                return
            stream.fields["account"] = account
            key = ("private", account)
            self.streams[key] = stream
        if is_new and key[0] == "private" and stream.seq is not None:
            stream.seq = None
            self._gap(key, "the server was started anew, and numbers events anew; what happened meanwhile is not told")
        elif key[0] in LISTS:
            self._gap(key, "the connection was lost; what happened meanwhile may be missing")
        self._begin(key)

    # -- messages in -------------------------------------------------------------------------------------------------------------

    def _take_in(self, message: Any) -> None:
        if "channel" in message and "id" not in message:
            self._of_stream(message)
        elif message["id"] is None:
            if not message["ok"]:
                self._ended = str(Refused.of(message))
        else:
            pending = self._pending.get(message["id"])
            self.tokens = message.get("tokens", self.tokens)
            if pending is not None:
                pending.read(message)
                if message["ok"] and not pending.is_own:
                    self._note(pending, message)
                del self._pending[pending.id]  # not before: one whose reply cannot be read is one whose reply is lost
                pending.settle()

    def _note(self, pending: Pending[Any], reply: Wire) -> None:
        """What a reply changes of what has to be done after a reconnect."""
        fields = pending.call.fields
        if pending.call.op == "subscribe":
            key = ("private", reply["account"]) if fields["channel"] == "private" else self._key(fields)
            self.streams[key] = Stream(dict(fields), self._new_book(key, fields))
            self._broken.pop(key, None)
        elif pending.call.op == "unsubscribe":
            key = ("private", reply["account"]) if fields["channel"] == "private" else self._key(fields)
            self.streams.pop(key, None)
        elif pending.call.op == "cancel_on_disconnect":
            self._cancels = reply["scope"]
        elif pending.call.op in ("open_account", "faucet") and self._own_account and self.calls.account_number is None:
            self.calls.account_number = whole(reply["account"])  # the first one of who had none

    def _new_book(self, key: Key, fields: dict[str, Any]) -> Book | None:
        if key[0] != "book":
            return None
        return Book(self.calls.reading.venue.numbered(key[1]), fields.get("depth", 20))

    def _of_stream(self, message: Wire) -> None:
        channel = message["channel"]
        if channel == "heartbeat":
            return
        if channel == "venue":
            if self.venue is None:
                raise ValueError("it goes back before it has said what it is")
            self.venue = msgspec.structs.replace(self.venue, epoch=str(message["epoch"]))
            self._tell(t.Rewound(snapshot=message["snapshot"], ts=whole(message["ts"])))
            return
        key = (channel, message["account"]) if channel == "private" else (channel, message.get("market", -1))
        stream = self.streams.get(key)
        if stream is None or stream.is_renewing:
            return
        try:
            events = self._told(key, stream, message)
        except Exception as error:  # as of any message
            self._misfit(key, f"a message cannot be read: {said(error)}")
            return
        for event in events:
            self._tell(event)

    def _told(self, key: Key, stream: Stream, message: Wire) -> list[t.Event]:
        """The events of a message. It is read as a whole before the stream has got as far: what raises is asked for again."""
        if key[0] == "private":
            return self._private(key, stream, message)
        return self._public(key, stream, message) if stream.book is None else self._book(key, stream, stream.book, message)

    def _book(self, key: Key, stream: Stream, book: Book, message: Wire) -> list[t.Event]:
        wrong = book.take(message)
        if wrong:
            self._misfit(key, wrong)
        elif book.is_valid:
            is_snapshot = message["type"] == "snapshot"
            self._fit(stream, message)
            return [t.BookChanged(market=book.market.name, is_snapshot=is_snapshot, conflated=message.get("conflated", 0))]
        return []

    def _public(self, key: Key, stream: Stream, message: Wire) -> list[t.Event]:
        seq = whole(message["seq"])
        if message["type"] != "snapshot" and message["prev_seq"] != stream.seq:
            self._misfit(key, f"message {message['prev_seq']} was expected to be {stream.seq}")
            return []
        events = list(self.calls.reading.market_events(message))
        if message.get("conflated") and key[0] in LISTS:
            self._gap(key, f"this client was slow, and was spared {message['conflated']} messages")
        stream.seq = seq
        self._fit(stream, message)
        return events

    def _private(self, key: Key, stream: Stream, message: Wire) -> list[t.Event]:
        kind = message["type"]
        if kind == "ended":
            self._gap(key, str(message["message"]))
            del self.streams[key]
        elif kind == "gap":
            self._gap(key, f"events behind {message['since_seq']} and before {message['oldest_seq']} are no longer kept")
        elif kind == "snapshot":
            stream.seq, stream.begun = whole(message["seq"]), message
            self._fit(stream, message)
            return self._snapshot(key, stream)
        elif kind == "orders":
            stream.begun = {**stream.begun, "orders": [*stream.begun["orders"], *message["orders"]], "more": message["more"]}
            return self._snapshot(key, stream)
        elif message["prev_seq"] != stream.seq:
            self._misfit(key, f"event {message['prev_seq']} was expected to be {stream.seq}")
        else:
            seq, events = whole(message["seq"]), self._happened(key[1], message["events"])
            stream.seq = seq
            self._fit(stream, message)
            return events
        return []

    def _snapshot(self, key: Key, stream: Stream) -> list[t.Event]:
        """What the account has, once all parts are there. One that cannot be read is told as it came: what follows goes on behind it."""
        if stream.begun.get("more"):
            return []
        told, stream.begun = stream.begun, {}
        try:
            account = self.calls.reading.account(told)
            for order in account.orders:
                self.calls.note(order)
        except Exception as error:  # as of any message
            self._gap(key, f"what the account has cannot be read: {said(error)}")
            return [t.StreamMessage(channel=key[0], data=dict(told))]
        return [t.AccountSnapshot(state=account)]

    def _happened(self, account: int, told: list[Wire]) -> list[t.Event]:
        events: list[t.Event] = [event for one in told for event in self.calls.reading.private(account, one)]
        for event in events:
            self.calls.hear(event)
        return events

    # -- streams begin anew ------------------------------------------------------------------------------------------------------

    def _fit(self, stream: Stream, message: Wire) -> None:
        if message["type"] != "snapshot":
            stream.fits += 1
            if stream.fits >= TRUSTED:
                stream.misfits = 0
        for tap in self.taps:
            tap(message)

    def _misfit(self, key: Key, why: str) -> None:
        """Begin a stream anew, or give it up."""
        stream = self.streams[key]
        stream.misfits, stream.fits = stream.misfits + 1, 0
        if stream.book is not None:
            stream.book.is_valid = False
        self._gap(key, why)
        self._own(Call("unsubscribe", stream.name, nothing), lambda _: None)
        if stream.misfits < MISFITS:
            self._begin(key)
            return
        del self.streams[key]
        error = StreamBroken(f"the stream {self._name(key)} is given up: {MISFITS} times in a row it did not fit together; last: {why}")
        self._broken[key] = error
        self.events.put(error)

    def _begin(self, key: Key) -> None:
        """Subscribe, the private stream behind the last event that is known, unless a snapshot was still on its way."""
        stream = self.streams[key]
        stream.is_renewing = True
        if stream.begun:
            stream.seq, stream.begun = None, {}
        since = {"since_seq": stream.seq} if key[0] == "private" and stream.seq is not None else {}

        def begun(pending: Pending[Any]) -> None:
            stream.is_renewing = False
            if pending.error is not None:
                self._gap(key, f"the stream could not be begun again: {pending.error}")
                self.streams.pop(key, None)

        self._own(Call("subscribe", {**stream.fields, **since}, nothing), begun)

    # -- events out --------------------------------------------------------------------------------------------------------------

    def _gap(self, key: Key, why: str) -> None:
        self._tell(t.Gap(channel=key[0], market=self._market(key), why=why))

    def _market(self, key: Key) -> str:
        """The name of a stream's market; "": it is not of one."""
        return self.calls.reading.venue.numbered(key[1]).name if key[0] != "private" and key[1] >= 0 else ""

    def _name(self, key: Key) -> str:
        return f"{key[0]} of {self._market(key)}" if self._market(key) else key[0]

    def _tell(self, event: t.Event) -> None:
        self.events.put(event)
        for listener in list(self.listeners):
            try:
                listener(event)
            except Exception as error:  # what it should have noticed is lost: no client goes on as if nothing was
                self._stop(NotConnected(f"a function that listens to events has raised {said(error)}"), error)

    def _stop(self, failed: NotConnected, cause: Exception) -> None:
        failed.__cause__ = cause
        self.give_up(failed)
        self.dead = self.dead or str(failed)
