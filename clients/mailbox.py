"""Events that wait for a reader. Who does not read loses the oldest, and is told how many."""

from __future__ import annotations

from collections import deque

from . import types as t
from .errors import StreamBroken


class Mailbox:
    """Keeps `most` events."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._dropped = 0
        self._events: deque[t.Event | StreamBroken] = deque()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: t.Event | StreamBroken) -> None:
        self._events.append(event)
        if len(self._events) > self.most:
            self._events.popleft()
            self._dropped += 1

    def next(self) -> t.Event | None:
        """The oldest event that nobody has read. Raises StreamBroken once, in its place."""
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            return t.Dropped(count=dropped)
        event = self._events.popleft() if self._events else None
        if isinstance(event, StreamBroken):
            raise event
        return event
