"""What named sessions remember of their replies, so that a request whose reply was lost is not done twice. Bounded in every direction.

A session that is connected is never forgotten; of the others those that were left longest ago go first. Replies are kept as they are
encoded: as maps, those of a large batch of refusals would be six times as large as their bytes say.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from .errors import Data

OF_USER: Final = 16  # sessions of one user that are remembered when nobody is connected
RequestKey = int | str


class Memory:
    """The last replies of one named session: so many, and of so many bytes; the last one in any case. `changed`: called with the bytes that
    it has more than before."""

    def __init__(self, replies: int, size: int, changed: Callable[[int], None] = lambda more: None) -> None:
        self._changed = changed
        self.most, self.largest = replies, size
        self.connections = 0  # that are in this session now
        self.bytes = 0
        self._replies: dict[RequestKey, bytes] = {}  # as msgpack

    def __len__(self) -> int:
        return len(self._replies)

    def get(self, request: RequestKey) -> Data | None:
        found = self._replies.get(request)
        return None if found is None else msgspec.msgpack.decode(found, type=dict)

    def keep(self, request: RequestKey, reply: Data) -> None:
        if request in self._replies:
            self._drop(request)
        kept = self._replies[request] = msgspec.msgpack.encode(reply)
        self._count(len(kept))
        while len(self._replies) > 1 and (len(self._replies) > self.most or self.bytes > self.largest):
            self.forget_oldest()

    def forget_oldest(self) -> None:
        self._drop(next(iter(self._replies)))

    def clear(self) -> None:
        self._replies.clear()
        self._count(-self.bytes)

    def _drop(self, request: RequestKey) -> None:
        self._count(-len(self._replies.pop(request)))

    def _count(self, more: int) -> None:
        self.bytes += more
        self._changed(more)


class Memories:
    """Of all named sessions, by user and name. `most`: bytes of all of them."""

    def __init__(self, sessions: int, replies: int, size: int, most: int) -> None:
        self.sessions, self.replies, self.size, self.most = sessions, replies, size, most
        self.bytes = 0
        self._known: OrderedDict[tuple[str, str], Memory] = OrderedDict()  # those left last stand last

    def __len__(self) -> int:
        return len(self._known)

    def enter(self, user: str, session: str) -> Memory:
        """A connection has this name from now on."""
        key = (user, session)
        memory = self._known.setdefault(key, Memory(self.replies, self.size, self._count))
        self._known.move_to_end(key)
        memory.connections += 1
        mine = [other for other in self._known if other[0] == user]
        self._forget(mine, OF_USER)
        self._forget(list(self._known) if len(self._known) > self.sessions else [], self.sessions)
        return memory

    def leave(self, user: str, session: str) -> None:
        self._known[user, session].connections -= 1
        self._known.move_to_end((user, session))

    def clear(self) -> None:
        """Forget all replies: they are of a state that the venue is no longer in."""
        for memory in self._known.values():
            memory.clear()

    def keep(self, memory: Memory, request: RequestKey, reply: Data) -> None:
        """Remember a reply; where there is too much of all, sessions that nobody is in are forgotten for it, and then its own oldest."""
        memory.keep(request, reply)
        if self.bytes > self.most:
            for key in [key for key, one in self._known.items() if not one.connections]:
                if self.bytes > self.most:
                    self._remove(key)
        while self.bytes > self.most and len(memory) > 1:
            memory.forget_oldest()

    def _count(self, more: int) -> None:
        self.bytes += more

    def _remove(self, key: tuple[str, str]) -> None:
        self._known.pop(key).clear()

    def _forget(self, keys: list[tuple[str, str]], most: int) -> None:
        """All but `most` of these, as far as nobody is connected."""
        surplus = len(keys) - most
        for key in keys:
            if surplus > 0 and not self._known[key].connections:
                self._remove(key)
                surplus -= 1
