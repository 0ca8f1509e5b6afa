"""A call that was made, until it has its reply or is known to get none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .calls import Call
from .errors import Refused
from .reading import Wire

T = TypeVar("T")


class Pending(Generic[T]):
    """A call that was made. `then` is called when there is a reply, or will be none."""

    def __init__(self, call: Call[T], then: Callable[[Pending[T]], None] | None = None, is_own: bool = False) -> None:
        self.call = call
        self.then = then
        self.is_own = is_own  # of the protocol itself: not sent again
        self.id = 0
        self.done = False
        self.reply: Wire = {}
        self._error: Exception | None = None

    def settle(self, reply: Wire | None, error: Exception | None = None) -> None:
        if not self.done:
            self.done, self.reply, self._error = True, reply or {}, error
            if self.then is not None:
                self.then(self)

    @property
    def error(self) -> Exception | None:
        if self._error is None and self.done and not self.reply["ok"]:
            self._error = Refused.of(self.reply)
        return self._error

    def result(self) -> T:
        """What the reply says. Raises Refused, Unknown, TimedOut or NotConnected."""
        if self.error is not None:
            raise self.error
        return self.call.read(self.reply)
