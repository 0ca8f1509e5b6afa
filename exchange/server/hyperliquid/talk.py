"""One socket that speaks this dialect, without I/O: messages in, messages out. It has no login: what is private is asked for by address,
as everywhere in this dialect, and what trades is signed.

Replies come at once; what subscriptions tell comes with the host's market data (feeds.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from logging import WARNING
from typing import TYPE_CHECKING, Any, Final

from ..codecs import JSON
from ..errors import Refusal
from ..faults import Faults
from ..log import note
from ..naming import Named
from ..outbox import Outbox
from ..people import User
from ..unfinished import late
from . import times
from .bodies import body_of
from .errors import Failed, Unreadable
from .feeds import TURN_NS, Feed, Unknown
from .weights import TooMany

if TYPE_CHECKING:
    from .desk import Desk

SUBSCRIPTIONS: Final = 1_000  # docs, rate-limits
POSTS: Final = 100  # that wait for an answer
QUIET_S: Final = 60  # without a word to the other side, after which the live venue ends a connection
SECOND: Final = 1_000_000_000
PONG: Final = {"channel": "pong"}


def is_spoken(payload: bytes) -> bool:
    """Is this the first message of a client of this dialect?"""
    first = body_of(payload)
    return first is not None and "method" in first and "op" not in first


class Talk(Outbox):
    """As the gateway's Connection and the host see a session."""

    def __init__(self, desk: Desk, wake: Callable[[], None], source: str) -> None:
        super().__init__(desk.dialect.host, JSON, None, wake)
        self.desk = desk
        self.source = source  # where it comes from, for its budget
        self.feeds: dict[str, Feed] = {}
        self._received: deque[bytes] = deque()  # and not looked at yet
        self.posts = 0  # that wait
        self.users: set[str] = set()  # whom it has subscribed to or posted for: it is theirs
        self._spoken = self.host.monotonic()  # when something was told last
        self.number = self.host.join(self)
        note("opened", connection=self.number, peer=source or None, speaks="hyperliquid")

    # -- what the shell calls ----------------------------------------------------------------------------------------------------

    @property
    def has_more(self) -> bool:
        return bool(self._received)

    def receive_message(self, *payloads: bytes) -> None:
        self._received.extend(payloads)
        self.go_on()

    def go_on(self) -> None:
        """One turn: look at what was received, until it has taken long enough."""
        begun = self.host.monotonic()
        self._is_receiving = True
        try:
            while self._received and not self.ending:
                self._handle(self._received.popleft())
                if self.host.monotonic() - begun > TURN_NS:
                    break
        finally:
            self._is_receiving = False

    def resume(self) -> None:
        self.is_slow = False
        for feed in self.feeds.values():
            feed.catch_up(self)

    def closed(self) -> None:
        self.host.leave(self)
        self.host.unfinished.forget(self)
        for feed in self.feeds.values():
            self._leave(feed)
        self.feeds.clear()
        self._received.clear()
        self.held.drop()
        note("closed", connection=self.number, reason=self.ending or "LEFT", user=None)

    # -- what the host calls -----------------------------------------------------------------------------------------------------

    def tell_private(self, account: int, rows: list[list[int]]) -> None:
        """Feeds listen for themselves."""

    def beat(self, now: int, encoded: dict[str, bytes]) -> None:
        begun, most = self.host.unfinished.since(self), self.host.limits.request_s
        if begun is not None and now - begun > most * SECOND:
            self.end(late(f"a request is not whole {most} s after its first byte", most))
        elif now - self._spoken > QUIET_S * SECOND:
            self.drop()

    def keep(self, number: int, kept: Iterable[int]) -> None:
        """Nothing of a connection goes back with the venue."""

    def go_back(self, number: int, notice: dict[str, object]) -> None:
        """Feeds begin anew by themselves."""

    def fail(self) -> None:
        self.end_with("a fault inside the server, which has noted it; the last request may be done or not")

    def shut_down(self) -> None:
        self.end_with("the server is shutting down", "SHUTTING_DOWN")

    # -- messages ----------------------------------------------------------------------------------------------------------------

    def say(self, channel: str, data: object, encoded: dict[str, bytes] | None = None) -> None:
        """`encoded`: as of `tell`."""
        self._spoken = self.host.monotonic()
        self.tell({"channel": channel, "data": data}, encoded)

    def hear(self, channel: str, data: object, encoded: dict[str, bytes]) -> None:
        """What a feed tells. One that does not read loses the connection rather than a part of what is private."""
        if self._unread > self.host.limits.unread_bytes:
            self.drop()
        else:
            self.say(channel, data, encoded)

    def turn_to(self, feed: Feed) -> None:
        self.feeds[feed.key] = feed

    def error(self, text: str) -> None:
        self.say("error", text)

    def end(self, error: Refusal) -> None:
        self.end_with(str(error), error.code.name)

    def end_with(self, text: str, code: str = "BROKEN") -> None:
        if not self.ending:
            self.ending = code
            self.held.drop()  # the end waits for no fault
            self.put(self.codec.encode({"channel": "error", "data": text}))

    # -- whose it is -------------------------------------------------------------------------------------------------------------

    def belongs_to(self, user: User | None) -> None:
        if user is not None:
            self.users.add(user.name)

    def is_of(self, user: str) -> bool:
        return user in self.users

    def faults(self) -> Sequence[Faults]:
        return [faults for user, faults in self.host.faults.items() if user in self.users]

    def moved(self, message: Named, shift: int) -> Named:
        told: Named = times.moved(message, shift)
        return told

    # -- requests ----------------------------------------------------------------------------------------------------------------

    def _handle(self, payload: bytes) -> None:
        message = body_of(payload) or {}
        method = message.get("method")
        if method == "ping":
            self._spoken = self.host.monotonic()
            self.tell(dict(PONG))
        elif method == "subscribe" and isinstance(message.get("subscription"), dict):
            self._subscribe(message["subscription"])
        elif method == "unsubscribe" and isinstance(message.get("subscription"), dict):
            self._unsubscribe(message["subscription"])
        elif method == "post" and isinstance(message.get("request"), dict) and isinstance(message.get("id"), int):
            self._post(message["id"], message["request"])
        else:
            self.error(f"Error parsing JSON into valid websocket request: {payload[:1_000].decode(errors='replace')}")

    def _subscribe(self, asked: dict[str, Any]) -> None:
        people = self.desk.people
        people.source = self.source
        try:
            feed = self.desk.feeds.feed(asked, len(self.feeds))
        except Unknown as error:
            why = str(error) if error.is_fatal else None
            note("bad_subscription", WARNING, connection=self.number, of=str(asked.get("type"))[:64], why=why)
            if error.is_fatal:  # as the live venue does it with a coin that it does not have, but not without a word
                self.end_with(str(error), "BAD_SUBSCRIPTION")
            else:
                self.error(str(error))
            return
        finally:
            people.source = ""
        if feed.key in self.feeds:
            self.error(f"Already subscribed: {feed.key}")
        elif len(self.feeds) >= SUBSCRIPTIONS:
            self.error(f"Cannot subscribe to more than {SUBSCRIPTIONS} streams.")
        elif self._is_allowed(feed):
            self.belongs_to(self.desk.asked_by(feed.asked))
            self.say("subscriptionResponse", {"method": "subscribe", "subscription": feed.asked})
            self.feeds[feed.key] = feed
            self.desk.feeds.join(feed, self)

    def _is_allowed(self, feed: Feed) -> bool:
        """By the limits of all sockets from one place; where there are none, it is counted."""
        try:
            self.desk.weights.subscribe(self.source, user_of(feed))
        except Failed as error:
            self.error(str(error))
            return False
        return True

    def _leave(self, feed: Feed) -> None:
        self.desk.feeds.leave(feed, self)
        self.desk.weights.unsubscribe(self.source, user_of(feed))

    def _unsubscribe(self, asked: dict[str, Any]) -> None:
        try:
            key = self.desk.feeds.feed(asked).key  # with its defaults, as it was subscribed
        except Unknown as error:
            self.error(str(error))
            return
        feed = self.feeds.pop(key, None)
        if feed is None:
            self.error(f"Already unsubscribed: {key}")
            return
        self._leave(feed)
        self.say("subscriptionResponse", {"method": "unsubscribe", "subscription": feed.asked})

    def _post(self, number: int, request: dict[str, Any]) -> None:
        kind, payload = request.get("type"), request.get("payload")
        if kind not in ("info", "action") or not isinstance(payload, dict):
            self.error(f"Error parsing JSON into valid websocket request: post {number}")
            return
        if self.posts >= POSTS:
            self._answer(number, "error", f"Too many posts are waiting; the limit is {POSTS}")
            return
        try:
            if kind == "info":
                answer = self.desk.info(payload, self.source)
                self.belongs_to(self.desk.asked_by(payload))
                self._answer(number, "info", {"type": payload.get("type"), "data": answer})
            else:
                self.desk.exchange(payload, self.source, self._awaited(number), self.belongs_to)
        except (Unreadable, Failed) as error:
            self._answer(number, "error", str(error))
        except TooMany:
            self._answer(number, "error", "Too many requests")

    def _awaited(self, number: int) -> Callable[[object], None]:
        """What becomes of an action is told when it is known."""
        self.posts += 1

        def told(reply: object) -> None:
            self.posts -= 1
            if not self.ending:
                self._answer(number, "action", reply)

        return told

    def _answer(self, number: int, kind: str, payload: object) -> None:
        self.say("post", {"id": number, "response": {"type": kind, "payload": payload}})


def user_of(feed: Feed) -> str:
    """Whom a subscription is about; "": a market."""
    return str(feed.asked.get("user", ""))
