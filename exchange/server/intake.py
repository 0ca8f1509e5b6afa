"""What a connection has received: whole requests that nobody has looked at yet, and a part of one that is not whole.

Requests are cut out as they are looked at, so what one of them changes, such as how large the next may be, counts for the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from .frames import Frames, too_large
from .host import Host
from .unfinished import Holder


class Intake:
    """Of one connection, which is `holder` for the bound of all that is not whole. `frames` is None where requests come whole."""

    def __init__(self, host: Host, frames: Frames | None, holder: Holder) -> None:
        self._host = host
        self._frames = frames
        self._holder = holder
        self._left: Iterator[bytes] | None = None
        self._is_wanted = True
        self._has_request = False  # has a whole one come with the last bytes?
        self._is_unfinished = False
        self._most = host.limits.frame_bytes if frames is None else frames.largest  # [bytes] of a request
        self._largest = self._most  # now
        self.bound(is_guest=True)

    @property
    def has_more(self) -> bool:
        return self._left is not None

    def bound(self, is_guest: bool) -> None:
        """How large a request may be depends on who sends it."""
        self._largest = min(self._most, self._host.limits.guest_bytes) if is_guest else self._most
        if self._frames is not None:
            self._frames.bound(self._largest)

    def add_bytes(self, data: bytes) -> None:
        assert self._frames is not None, "a connection of messages has no frames"
        self.add(self._frames.receive(data) if self._left is None else self._later(self._frames, data))

    def _later(self, frames: Frames, data: bytes) -> Iterator[bytes]:
        """Cut once what came before has been."""
        yield from frames.receive(data)

    def add(self, payloads: Iterable[bytes]) -> None:
        if self._is_wanted:
            self._left = iter(payloads) if self._left is None else chain(self._left, payloads)

    def __iter__(self) -> Iterator[bytes]:
        """The requests; where one stops looking, the next time goes on. Raises Fatal."""
        for payload in self._left or ():
            self._has_request = True
            if self._frames is None and len(payload) > self._largest:
                raise too_large(self._largest, len(payload))
            yield payload

    def looked(self, now: int) -> None:
        """All requests have been looked at, at monotonic `now` [ns]; what is left is no whole one."""
        self._left = None
        size = 0 if self._frames is None else self._frames.unfinished
        if size or self._is_unfinished:
            self._is_unfinished = size > 0
            self._host.unfinished.note(self._holder, size, self._has_request, now)
        self._has_request = False

    def clear(self) -> None:
        """Nothing of it is wanted, nor what comes."""
        self._left = None
        self._is_wanted = False
        if self._frames is not None:
            self._frames.drop()
