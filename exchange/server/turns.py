"""Turns: what takes a connection longer than one goes on in others, one connection after the other, and sockets are looked at in between.

However many wait, the loop sees to everyone else after each turn: a client with a small question waits for one turn, not for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Turns:
    """Of the connections of one shell; of an event loop that runs."""

    def __init__(self) -> None:
        self._waiting: dict[Callable[[], None], None] = {}  # in order
        self._is_called = False  # is the next turn about to be?

    def wait(self, go_on: Callable[[], None]) -> None:
        """Call it when it is its turn, behind those that wait; once, however often it is asked for."""
        self._waiting[go_on] = None
        self._call()

    def _call(self) -> None:
        if self._waiting and not self._is_called:
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._is_called = False
        go_on = next(iter(self._waiting))
        del self._waiting[go_on]
        self._call()
        go_on()
