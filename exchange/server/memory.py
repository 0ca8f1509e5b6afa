"""What named sessions remember of their replies, so that a request whose reply was lost is not done twice. Bounded in every direction.

A session that is connected is never forgotten; of the others those that were left longest ago go first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from .errors import Data

OF_USER: Final = 16  # sessions of one user that are remembered when nobody is connected
RequestKey = int | str


class Memory:
    """The last replies of one named session: so many, and of so many bytes; the last one in any case."""

    def __init__(self, replies: int, size: int) -> None:
        self.most, self.largest = replies, size
        self.connections = 0  # that are in this session now
        self.bytes = 0
        self._replies: dict[RequestKey, tuple[Data, int]] = {}

    def __len__(self) -> int:
        return len(self._replies)

    def get(self, request: RequestKey) -> Data | None:
        found = self._replies.get(request)
        return None if found is None else found[0]

    def keep(self, request: RequestKey, reply: Data, size: int) -> None:
        """`size`: how long it is on the wire."""
        if request in self._replies:
            self._drop(request)
        self._replies[request] = (reply, size)
        self.bytes += size
        while len(self._replies) > 1 and (len(self._replies) > self.most or self.bytes > self.largest):
            self._drop(next(iter(self._replies)))

    def clear(self) -> None:
        self._replies.clear()
        self.bytes = 0

    def _drop(self, request: RequestKey) -> None:
        self.bytes -= self._replies.pop(request)[1]


class Memories:
    """Of all named sessions, by user and name."""

    def __init__(self, sessions: int, replies: int, size: int) -> None:
        self.sessions, self.replies, self.size = sessions, replies, size
        self._known: OrderedDict[tuple[str, str], Memory] = OrderedDict()  # those left last stand last

    def __len__(self) -> int:
        return len(self._known)

    def enter(self, user: str, session: str) -> Memory:
        """A connection has this name from now on."""
        key = (user, session)
        memory = self._known.setdefault(key, Memory(self.replies, self.size))
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

    def _forget(self, keys: list[tuple[str, str]], most: int) -> None:
        """All but `most` of these, as far as nobody is connected."""
        surplus = len(keys) - most
        for key in keys:
            if surplus > 0 and not self._known[key].connections:
                del self._known[key]
                surplus -= 1
