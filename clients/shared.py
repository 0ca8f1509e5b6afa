"""What every client knows, and needs not wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import types as t
from .book import Book
from .calls import Call, Calls
from .errors import NotConnected, Unknown
from .protocol import Protocol


class Shared:
    """What needs no waiting."""

    protocol: Protocol

    @property
    def calls(self) -> Calls:
        return self.protocol.calls

    @property
    def venue(self) -> t.Venue:
        """Which venue this is, with its markets. Raises NotConnected before the first connection."""
        if self.protocol.venue is None:
            raise NotConnected("connect first")
        return self.protocol.venue

    @property
    def account_number(self) -> int | None:
        """The account that all calls are for."""
        return self.calls.account_number

    @contextmanager
    def listening(self, listener: Callable[[t.Event], None]) -> Iterator[None]:
        """Within the block `listener` is told every event as it comes, besides whoever reads `events`. It must not call, nor raise:
        that ends the client, since what it should have noticed is lost."""
        self.protocol.listeners.append(listener)
        try:
            yield
        finally:
            self.protocol.listeners.remove(listener)

    @property
    def hears_private(self) -> bool:
        """Is the account's private stream subscribed to?"""
        return ("private", self.calls.account_number) in self.protocol.streams

    @property
    def credentials(self) -> t.Credentials:
        """`key` and `secret`, also those that a sign-up has brought."""
        return t.Credentials(self.protocol.who.key, self.protocol.who.secret)

    def book(self, market: str) -> Book:
        """The local book of a market. Raises ValueError if it is not subscribed to."""
        return self.protocol.book(market)


def call_of(lost: Unknown) -> Call[Any]:
    assert isinstance(lost.call, Call)
    return lost.call
