"""A call that was made, until it has its reply or is known to get none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .calls import Call
from .errors import ClientError, Refused
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
        self.error: ClientError | None = None
        self._value: list[T] = []  # one, when it has its reply

    def read(self, reply: Wire) -> None:
        """Its reply has come; `settle` tells it. Raises whatever reading it raises: then it counts as none."""
        is_yes = reply["ok"]
        if not isinstance(is_yes, bool):
            raise TypeError(f"'ok' is {is_yes!r}")
        if not is_yes and not isinstance(reply["reason"], str):
            raise TypeError(f"it says no, and the reason is {reply['reason']!r}")
        try:
            if not is_yes:
                raise Refused.of(reply)
            self._value = [self.call.read(reply)]
        except Refused as error:  # also of the reply to an earlier call, which this one asks for
            self.error = error
        self.reply = reply

    def settle(self, error: ClientError | None = None) -> None:
        """Tell that it has its reply, or that there will be none."""
        if not self.done:
            self.done, self.error = True, error or self.error
            if self.then is not None:
                self.then(self)

    def result(self) -> T:
        """What the reply says. Raises Refused, Unknown, TimedOut or NotConnected."""
        if self.error is not None:
            raise self.error
        return self._value[0]
