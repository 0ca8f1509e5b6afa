"""What sockets of this dialect have subscribed to: one feed for all who asked for the same. It reads the venue again when market data goes
out, and tells what is new; a reader that was too slow gets all of it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from .registry import Registry

if TYPE_CHECKING:
    from ..people import User
    from .dialect import Dialect

MS: Final = 1_000_000
SECOND: Final = 1_000 * MS
FEEDS: Final = 4_096  # different ones, of the server


class Unknown(Exception):
    """There is no such subscription. `is_fatal`: the live venue breaks the connection."""

    def __init__(self, text: str, is_fatal: bool = False) -> None:
        super().__init__(text)
        self.is_fatal = is_fatal


class Reader(Protocol):
    """A socket."""

    is_slow: bool

    def drop(self) -> None: ...

    def hear(self, channel: str, data: object, encoded: dict[str, bytes]) -> None: ...


class Feed:
    """One subscription. `asked`: with its defaults, as it is echoed; `pace`: least [ns] between two messages."""

    def __init__(self, channel: str, asked: dict[str, Any], pace: int = 0) -> None:
        self.channel = channel
        self.asked = asked
        self.key = Feeds.key_of(asked)
        self.pace = pace
        self.readers: list[Reader] = []
        self.is_whole = True  # does what a new reader is told first make up for all that he has missed?
        self.behind: set[Reader] = set()  # that were too slow for something
        self._due = 0  # [ns] monotonic: not before

    def opened(self) -> None:
        """Somebody reads it, and nobody has before."""

    def closed(self) -> None:
        """Nobody reads it any more."""

    def begin(self) -> list[object]:
        """What a new reader is told first."""
        return []

    def news(self) -> list[object]:
        """What is new since it was asked last."""
        return []

    def again(self) -> None:
        """The venue has gone back: forget what was told."""

    def flush(self, now: int) -> None:
        if now >= self._due:
            self._due = now + self.pace
            for data in self.news():
                self.tell(data)

    def tell(self, data: object) -> None:
        encoded: dict[str, bytes] = {}
        for reader in list(self.readers):
            if reader.is_slow or reader in self.behind:
                self.behind.add(reader)
            else:
                reader.hear(self.channel, data, encoded)

    def welcome(self, reader: Reader) -> None:
        for data in self.begin():
            reader.hear(self.channel, data, {})

    def catch_up(self, reader: Reader) -> None:
        """A slow reader reads again. What is told once, and cannot be told anew, he does not lose without a word."""
        if reader in self.behind:
            self.behind.discard(reader)
            self.welcome(reader) if self.is_whole else reader.drop()


class StateFeed(Feed):
    """Something that is as it is: told when it has changed, but for the field `but`, and again after `repeat` [ns], 0: never."""

    def __init__(
        self, channel: str, asked: dict[str, Any], pace: int, read: Callable[[], dict[str, Any]], repeat: int = 0, but: str = ""
    ) -> None:
        super().__init__(channel, asked, pace)
        self.read = read
        self.but = but
        self.repeat = repeat
        self._told: object = None
        self._at = 0  # [ns] monotonic, when

    def begin(self) -> list[object]:
        return [self.read()]

    def flush(self, now: int) -> None:
        if now < self._due:
            return
        self._due = now + self.pace
        found = self.read()
        seen = {name: value for name, value in found.items() if name != self.but} if self.but else found
        if seen != self._told or (self.repeat and now - self._at >= self.repeat):
            self._told, self._at = seen, now
            self.tell(found)

    def again(self) -> None:
        self._told, self._due = None, 0


class Ear:
    """Hears what happens to an account: as the host sees it, a connection that is told private events."""

    def __init__(self, account: int) -> None:
        self.account = account
        self.user: User | None = None
        self.rows: list[list[int]] = []  # events that nobody has looked at yet

    def tell_private(self, account: int, rows: list[list[int]]) -> None:
        self.rows += rows

    def take(self) -> list[list[int]]:
        rows, self.rows = self.rows, []
        return rows

    def drop(self) -> None: ...

    def beat(self, now: int, encoded: dict[str, bytes]) -> None: ...

    def keep(self, number: int, kept: Iterable[int]) -> None: ...

    def go_back(self, number: int, notice: dict[str, object]) -> None: ...

    def fail(self) -> None: ...

    def shut_down(self) -> None: ...


class AccountFeed(Feed):
    """What happens to an account. Where nothing has, it costs nothing."""

    def __init__(self, dialect: Dialect, channel: str, asked: dict[str, Any], account: int) -> None:
        super().__init__(channel, asked)
        self.is_whole = False
        self.dialect = dialect
        self.ear = Ear(account)
        self.again()

    def opened(self) -> None:
        self.dialect.host.listen(self.ear.account, self.ear)
        self.again()

    def closed(self) -> None:
        self.dialect.host.unlisten(self.ear.account, self.ear)

    def again(self) -> None:
        self.ear.take()
        self.seq = self.dialect.host.exchange.state.log.seq

    def news(self) -> list[object]:
        rows = self.ear.take()
        if not rows:
            return []
        since, self.seq = self.seq, self.dialect.host.exchange.state.log.seq
        return self.happened(rows, since)

    def happened(self, rows: list[list[int]], since: int) -> list[object]:
        """Messages about events of the account, all of them behind the event `since`."""
        raise NotImplementedError


class Feeds:
    """All that somebody has subscribed to. `kinds`: what there is; each makes a feed of what was asked, or raises Unknown."""

    def __init__(self, dialect: Dialect, kinds: Registry) -> None:
        self.dialect = dialect
        self.kinds = kinds
        self.feeds: dict[str, Feed] = {}

    @staticmethod
    def key_of(asked: dict[str, Any]) -> str:
        """Raises Unknown."""
        try:
            return msgspec.json.encode(asked, order="sorted").decode()
        except (TypeError, ValueError):
            raise Unknown("no subscription can be read from that") from None

    def feed(self, asked: dict[str, Any]) -> Feed:
        """The feed of a subscription, begun if nobody has it. Raises Unknown."""
        entry, told = self.kinds.get(asked.get("type")), self.key_of(asked)[:1_000]
        if entry is None:
            raise Unknown(f'Error parsing JSON into valid websocket request: {{"method":"subscribe","subscription":{told}}}')
        try:
            made = entry.call(self.dialect, asked)
        except Unknown as error:  # clients find their request by what is told of it
            raise Unknown(f"Invalid subscription {told}: {error}", error.is_fatal) from None
        assert isinstance(made, Feed)
        if made.key not in self.feeds and len(self.feeds) >= FEEDS:
            raise Unknown(f"this server has {FEEDS} different streams, as many as it takes")
        return self.feeds.get(made.key, made)

    def join(self, feed: Feed, reader: Reader) -> None:
        if not feed.readers:
            self.feeds[feed.key] = feed
            feed.opened()
        feed.readers.append(reader)
        feed.welcome(reader)

    def leave(self, feed: Feed, reader: Reader) -> None:
        if reader not in feed.readers:
            return  # the feed has ended before
        feed.readers.remove(reader)
        feed.behind.discard(reader)
        if not feed.readers:
            self._end(feed)

    def _end(self, feed: Feed) -> None:
        feed.readers.clear()
        del self.feeds[feed.key]
        feed.closed()

    def flush(self) -> None:
        """Let every feed tell what has changed."""
        now = self.dialect.host.monotonic()
        for feed in list(self.feeds.values()):
            with self.dialect.host.complaints.guarded("a feed"):  # the others go on
                feed.flush(now)

    def go_back(self) -> None:
        """The venue is in an earlier state: all of it again. Who has subscribed to an account is cut off: the address may have another one
        by then, and the account another owner."""
        for feed in list(self.feeds.values()):
            with self.dialect.host.complaints.guarded("a feed"):
                if "user" in feed.asked:
                    readers = list(feed.readers)
                    self._end(feed)
                    for reader in readers:
                        reader.drop()
                    continue
                feed.again()
                for reader in feed.readers:
                    feed.welcome(reader)
