"""`perplab serve` for clients that speak Hyperliquid's API: where it listens, and that it ends without a fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from test_sockets import Server

KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
ME = "0x14791697260E4c9A71f18484C9f997B308e59325"


def url_of(server: Server) -> str:
    """Of its gateway, as it has told."""
    assert server.process.stdout is not None
    told = next(line for line in server.process.stdout if line.startswith("Hyperliquid's API"))
    found = re.search(r"http://127\.0\.0\.1:\d+", told)
    assert found
    return found[0]


@contextmanager
def served(*words: str) -> Iterator[str]:
    """The gateway's URL."""
    server = Server("--limits", "open", *words)
    yield url_of(server)
    code, errors = server.stop()
    assert code == 0 and "fault" not in errors, errors
