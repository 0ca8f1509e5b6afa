"""Requests over HTTP that have no answer yet, and what faults do to their answers: they come late, with wrong times, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from ..host import Host
from ..people import User
from . import times


class Call:
    """One of them, as the host sees it (surroundings.Call). `acts`: does it want something done?"""

    def __init__(self, host: Host, request: web.Request, acts: bool) -> None:
        self.host = host
        self.transport = request.transport
        self.acts = acts
        self.user = ""  # whose it is; "": nobody's
        self.is_lost = False
        self._held: asyncio.Future[None] | None = None  # as long as a fault holds the answer back

    def of(self, user: User | None) -> None:
        """It is known whose it is."""
        if user is not None:
            self.user = user.name
            self.host.calls[self] = None

    def is_of(self, user: str) -> bool:
        return self.user == user

    def drop(self) -> None:
        """What has been done stays done; nobody is told."""
        self.is_lost = True
        if self.transport is not None:
            self.transport.close()
        self.let_go()

    def let_go(self) -> None:
        if self._held is not None and not self._held.done():
            self._held.set_result(None)

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *error: object) -> None:
        """It has its answer, or will have none."""
        self.host.calls.pop(self, None)

    async def told(self, answer: Any) -> Any:
        """The answer as the user is to have it, when he is to have it."""
        faults = self.host.faults.get(self.user) if self.host.faults and self.user else None
        if faults is None or self.is_lost:
            return answer
        now = self.host.monotonic()
        answer = faults.told(answer, now, times.moved)
        if self.acts and faults.loses():
            self.drop()
            return answer
        at = faults.release(now)
        if at > now:
            self._held = asyncio.get_running_loop().create_future()
            later = self.host.later(at, self.let_go)
            await self._held
            later.action = None
        return answer
