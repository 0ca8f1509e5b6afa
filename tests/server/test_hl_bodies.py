"""Bodies of requests to Hyperliquid's API that are packed, come late, or are too many at once."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import suppress

import aiohttp
import msgspec
import pytest
from sockets import Place, until
from test_hl_sockets import run, venue


def head(path: str, size: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n".encode()


@pytest.mark.parametrize("path", ["/info", "/exchange", "/nowhere", "/health"])
def test_a_packed_body_is_refused_and_not_unpacked(path: str) -> None:
    """A megabyte of it may be a gigabyte."""
    packed = gzip.compress(json.dumps({"type": "meta"}).encode())

    async def ask(place: Place) -> tuple[int, str]:
        async with aiohttp.ClientSession() as client:
            method = client.get if path == "/health" else client.post
            async with method(place.url(path), data=packed, headers={"Content-Encoding": "gzip"}) as reply:
                return reply.status, await reply.text()

    assert run(venue(), ask) == (415, "Content-Encoding is 'gzip': expected none, a body as it is\n")


def test_a_body_has_to_come_in_time() -> None:
    v = venue()
    v.host.limits = msgspec.structs.replace(v.host.limits, request_s=1)

    async def ask(place: Place) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
        writer.write(head("/info", 100) + b"{")
        told = await reader.readline()
        writer.close()
        return told

    assert run(v, ask) == b"HTTP/1.1 408 Request Timeout\r\n"
    assert v.host.unfinished.bytes == 0


def test_bodies_that_are_not_whole_count_as_all_unfinished_requests_do() -> None:
    """With what they may become; the one that was begun first goes."""
    v, body = venue(), json.dumps({"type": "exchangeStatus"}).ljust(1_000).encode()
    v.host.unfinished.most = 1_500

    async def ask(place: Place) -> bytes:
        first, one = await asyncio.open_connection("127.0.0.1", place.port)
        one.write(head("/info", len(body)) + body[:10])
        await until(lambda: v.host.unfinished.bytes == len(body))
        second, other = await asyncio.open_connection("127.0.0.1", place.port)
        other.write(head("/info", len(body)) + body[:10])
        with suppress(ConnectionError):
            assert await first.read() == b""
        other.write(body[10:])
        return await second.readline()

    assert run(v, ask) == b"HTTP/1.1 200 OK\r\n"
    assert v.host.unfinished.bytes == 0
