"""How much a client may ask, by the weights that the venue documents (docs, rate-limits); or as much as it likes.

Two budgets: of weight by where requests come from, and of actions by address, which grows with what the address trades; and of
subscriptions how many there may be by where they come from. A budget of weight
is a bucket that fills evenly, where the live venue does not say how it counts its minute.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final

from ..bucket import Bucket
from .errors import Failed

PER_MINUTE: Final = 1_200  # weight, of one source
SOURCES: Final = 4_096  # that are counted; the one that was silent longest is forgotten
FREE_ACTIONS: Final = 10_000  # of an address, before it has traded
MORE_CANCELS: Final = 100_000  # what cancels may go beyond that by, or twice as many where that is less
EXHAUSTED_NS: Final = 10_000_000_000  # one action in so long, of an address that has none left
BATCH: Final = 40  # actions of a batch that weigh one more
SECOND: Final = 1_000_000_000
SUBSCRIPTIONS: Final = 1_000  # of one source
USERS: Final = 10  # that the subscriptions of one source are about


class TooMany(Exception):
    """HTTP 429."""


class Weights:
    """Time is monotonic [ns]. `is_strict`: False takes everything, and only counts."""

    def __init__(self, is_strict: bool) -> None:
        self.is_strict = is_strict
        self._sources: OrderedDict[str, Bucket] = OrderedDict()
        self._used: OrderedDict[str, int] = OrderedDict()  # actions, by address
        self._last: dict[str, int] = {}  # when an address that has none left was let through
        self._streams: dict[str, Counter[str]] = {}  # by source: subscriptions of each user, "": of none

    def take(self, source: str, weight: int, now: int) -> None:
        """Raises TooMany."""
        if not self.is_strict:
            return
        bucket = self._sources.get(source)
        if bucket is None:
            bucket = self._sources[source] = Bucket(PER_MINUTE // 60, PER_MINUTE, now)
            if len(self._sources) > SOURCES:
                self._sources.popitem(last=False)
        self._sources.move_to_end(source)
        if bucket.take(weight, now) < 0:
            raise TooMany

    def owe(self, source: str, weight: int, now: int) -> None:
        """What the length of an answer weighs is taken afterwards, as far as there is something to take."""
        bucket = self._sources.get(source)
        if bucket is not None and weight:
            bucket.take(min(weight, bucket.left(now)), now)

    def act(self, address: str, count: int, traded: int, is_cancel: bool, now: int) -> None:
        """`count` actions of an address that has traded so much [USD]. Raises Failed."""
        used = self._used.get(address, 0)
        cap = FREE_ACTIONS + traded
        limit = min(cap + MORE_CANCELS, 2 * cap) if is_cancel else cap
        if self.is_strict and used + count > limit and now - self._last.get(address, -EXHAUSTED_NS) < EXHAUSTED_NS:
            raise Failed(
                f"Too many cumulative requests sent ({used} > {cap}) for cumulative volume traded ${traded}. "
                "Place taker orders to free up 1 request per USDC traded."
            )
        if used + count > limit:
            self._last[address] = now
        self._used[address] = used + count
        self._used.move_to_end(address)
        if len(self._used) > SOURCES:
            forgotten, _ = self._used.popitem(last=False)
            self._last.pop(forgotten, None)

    def used(self, address: str) -> int:
        """Actions of an address so far."""
        return self._used.get(address, 0)


    def subscribe(self, source: str, user: str) -> None:
        """One more subscription of a source, about a user, "": about none. Raises Failed."""
        streams = self._streams.setdefault(source, Counter())
        if self.is_strict and streams.total() >= SUBSCRIPTIONS:
            raise Failed(f"Cannot subscribe to more than {SUBSCRIPTIONS} streams.")
        if self.is_strict and user and user not in streams and len(streams) - ("" in streams) >= USERS:
            raise Failed(f"Cannot track more than {USERS} total users.")
        streams[user] += 1

    def unsubscribe(self, source: str, user: str) -> None:
        streams = self._streams[source]
        streams[user] -= 1
        if not streams[user]:
            del streams[user]
        if not streams:
            del self._streams[source]


LISTS: Final = ("orders", "cancels", "modifies")  # whose items are actions of their own


def count_of(action: dict[str, object]) -> int:
    """How many actions it counts as."""
    items = next((action[name] for name in LISTS if isinstance(action.get(name), list)), ())
    return max(1, len(items)) if isinstance(items, list) else 1


def of_actions(count: int) -> int:
    """The weight of an action with so many items."""
    return 1 + count // BATCH
