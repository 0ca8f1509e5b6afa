"""What sockets of this dialect have subscribed to: one feed for all who asked for the same. It reads the venue again when market data goes
out, and tells what is new; a reader that was too slow gets all of it again.
"""

from __future__ import annotations

from collections import deque
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
RESERVED: Final = 16  # that a socket may always have, however many there are
TURN_NS: Final = 1_000_000  # that feeds are worked on at once: what others ask for comes in between
AT_ONCE: Final = 16  # readers that are told in a turn: each is written to, which takes some 20 us


class Unknown(Exception):
    """There is no such subscription. `is_fatal`: it ends the connection, as on the live venue."""

    def __init__(self, text: str, is_fatal: bool = False) -> None:
        super().__init__(text)
        self.is_fatal = is_fatal


class Reader(Protocol):
    """A socket."""

    is_slow: bool

    def drop(self) -> None: ...

    def end_with(self, text: str, code: str) -> None:
        """Tell why, and let the connection end."""

    def hear(self, channel: str, data: object, encoded: dict[str, bytes]) -> None: ...

    def turn_to(self, feed: Feed) -> None:
        """A feed takes the place of the one of the same key."""


class Feed:
    """One subscription. `asked`: with its defaults, as it is echoed; `pace`: least [ns] between two messages."""

    def __init__(self, channel: str, asked: dict[str, Any], pace: int = 0) -> None:
        self.channel = channel
        self.asked = asked
        self.key = Feeds.key_of(asked)
        self.pace = pace
        self.readers: dict[Reader, int] = {}  # and how many letters were written before it was told all that they say
        self.written = 0  # letters
        self.letters: list[Letter] = []  # of these, that nobody has been told of yet
        self.is_whole = True  # does what a new reader is told first make up for all that he has missed?
        self.behind: set[Reader] = set()  # that were too slow for something
        self.due = 0  # [ns] monotonic: not before

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

    def is_due(self, now: int) -> bool:
        """Asked of every feed whenever market data goes out."""
        return now >= self.due

    def flush(self, now: int) -> None:
        if self.is_due(now):
            self.due = now + self.pace
            for data in self.news():
                self.tell(data)

    def tell(self, data: object) -> None:
        self.written += 1
        self.letters.append(Letter(self, data))

    def deliver(self, reader: Reader, letter: Letter) -> None:
        if self.readers.get(reader, letter.number) >= letter.number:
            return  # it has gone meanwhile, or knows already
        if reader.is_slow or reader in self.behind:
            self.behind.add(reader)
        else:
            reader.hear(self.channel, letter.data, letter.encoded)

    def welcome(self, reader: Reader) -> None:
        self.readers[reader] = self.written
        for data in self.begin():
            reader.hear(self.channel, data, {})

    def catch_up(self, reader: Reader) -> None:
        """A slow reader reads again. What is told once, and cannot be told anew, he does not lose without a word."""
        if reader in self.behind:
            self.behind.discard(reader)
            self.welcome(reader) if self.is_whole else reader.drop()


class Letter:
    """A message to those who read a feed when it was written."""

    def __init__(self, feed: Feed, data: object) -> None:
        self.feed = feed
        self.data = data
        self.number = feed.written
        self.encoded: dict[str, bytes] = {}
        self.readers = deque(feed.readers)

    def deliver(self, count: int) -> int:
        """To the next so many; how many that were."""
        told = 0
        while self.readers and told < count:
            self.feed.deliver(self.readers.popleft(), self)
            told += 1
        return told


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
        if not self.is_due(now):
            return
        self.due = now + self.pace
        found = self.read()
        seen = {name: value for name, value in found.items() if name != self.but} if self.but else found
        if seen != self._told or (self.repeat and now - self._at >= self.repeat):
            self._told, self._at = seen, now
            self.tell(found)

    def again(self) -> None:
        self._told, self.due = None, 0


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

    def is_of(self, user: str) -> bool:
        return False

    def drop(self) -> None: ...

    def let_go(self) -> None: ...

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

    def is_due(self, now: int) -> bool:
        return bool(self.ear.rows)

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
        self.wait: Callable[[Callable[[], None]], None] | None = None  # for another turn; None: there is no shell, and all is done at once
        self._letters: deque[Letter] = deque()  # that not all have been told of
        self._due: deque[Feed] = deque()  # that have not had their turn yet
        self._queued: set[Feed] = set()
        self._is_waiting = False

    @staticmethod
    def key_of(asked: dict[str, Any]) -> str:
        """Raises Unknown."""
        try:
            return msgspec.json.encode(asked, order="sorted").decode()
        except (TypeError, ValueError):
            raise Unknown("no subscription can be read from that") from None

    def feed(self, asked: dict[str, Any], own: int = 0) -> Feed:
        """The feed of a subscription, begun if nobody has it, for a socket that has so many. Raises Unknown."""
        entry, told = self.kinds.get(asked.get("type")), self.key_of(asked)[:1_000]
        if entry is None:
            raise Unknown(f'Error parsing JSON into valid websocket request: {{"method":"subscribe","subscription":{told}}}')
        try:
            made = entry.call(self.dialect, asked)
        except Unknown as error:  # clients find their request by what is told of it
            raise Unknown(f"Invalid subscription {told}: {error}", error.is_fatal) from None
        assert isinstance(made, Feed)
        if made.key not in self.feeds and len(self.feeds) >= FEEDS and own >= RESERVED:
            raise Unknown(f"this server has {FEEDS} different streams: until some end, a socket may have {RESERVED}")
        return self.feeds.get(made.key, made)

    def join(self, feed: Feed, reader: Reader) -> None:
        if not feed.readers:
            self.feeds[feed.key] = feed
            feed.opened()
        feed.welcome(reader)

    def leave(self, feed: Feed, reader: Reader) -> None:
        if reader not in feed.readers:
            return  # the feed has ended before
        del feed.readers[reader]
        feed.behind.discard(reader)
        if not feed.readers:
            self._end(feed)

    def _end(self, feed: Feed) -> None:
        feed.readers.clear()
        del self.feeds[feed.key]
        feed.closed()

    def flush(self) -> None:
        """Let every feed that is due tell what has changed, those that have waited first."""
        now = self.dialect.host.monotonic()
        for feed in self.feeds.values():
            if feed.is_due(now) and feed not in self._queued:
                self._due.append(feed)
                self._queued.add(feed)
        if not self._is_waiting:
            self._work()

    def _work(self) -> None:
        """One turn of it. What is told in a turn is also written in it."""
        self._is_waiting = False
        host = self.dialect.host
        begun, told = host.monotonic(), 0
        while self._letters or self._due:
            with host.complaints.guarded("a feed"):  # the others go on
                told += self._deliver() if self._letters else self._read()
            if self.wait is not None and (told >= AT_ONCE or host.monotonic() - begun > TURN_NS):
                self._is_waiting = True
                self.wait(self._work)
                return

    def _deliver(self) -> int:
        """The first letter, to its next readers. Returns to how many."""
        letter = self._letters[0]
        if len(letter.readers) <= AT_ONCE:
            self._letters.popleft()
        return letter.deliver(AT_ONCE)

    def _read(self) -> int:
        """Let the first feed write its letters; nobody is told of them yet."""
        feed = self._due.popleft()
        self._queued.discard(feed)
        if feed.readers:
            feed.flush(self.dialect.host.monotonic())
            self._letters.extend(feed.letters)
            feed.letters.clear()
        return 0

    def go_back(self) -> None:
        """The venue is in an earlier state: all of it again."""
        self.dialect.go_back()
        self._letters.clear()
        for feed in list(self.feeds.values()):
            with self.dialect.host.complaints.guarded("a feed"):
                if "user" in feed.asked:
                    self._begin_anew(feed)
                    continue
                feed.again()
                for reader in list(feed.readers):
                    feed.welcome(reader)

    def _begin_anew(self, feed: Feed) -> None:
        """One of a user, whose address may have another account now: it is looked up once more. Whose address has none is cut off, and told
        why: an account is opened for who asks, and not for who has asked before."""
        readers, address = list(feed.readers), feed.asked["user"]
        self._end(feed)
        if self.dialect.people.known(address) is None:
            for reader in readers:
                reader.end_with(f"the sandbox was rewound to a state in which {address} has no account: connect anew", "REWOUND")
            return
        anew = self.feed(feed.asked)
        for reader in readers:
            reader.turn_to(anew)
            self.join(anew, reader)
