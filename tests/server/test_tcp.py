"""The TCP shell in this process: readers who do not read."""

from __future__ import annotations

import asyncio
import socket

import pytest
from sockets import served, until
from wire import World

from perplab.exchange.server import tcp


def test_one_who_does_not_take_the_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "CLOSE_S", 0.05)

    async def run() -> None:
        async with served(World()) as place:
            with socket.create_connection(("127.0.0.1", place.tcp)):
                await until(lambda: bool(place.world.host.sessions))
                place.session.tell({"a": "a" * 20_000_000})
                assert place.session.is_slow
                place.session.shut_down()
                await until(lambda: not place.world.host.sessions)

    asyncio.run(run())
