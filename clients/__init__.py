"""perplab.clients: what talks to a venue. `SyncClient` (blocking), `Client` (asyncio) and `LocalClient` (in the same process, no sockets)
have the same calls; the bots are in `bots/`, and the lab carries them.

A name is loaded when it is asked for: the lab, which carries bots, needs no sockets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .book import Book as Book
    from .client import Client as Client
    from .errors import ClientError as ClientError
    from .errors import Closed as Closed
    from .errors import NotConnected as NotConnected
    from .errors import Refused as Refused
    from .errors import StreamBroken as StreamBroken
    from .errors import TimedOut as TimedOut
    from .errors import Unknown as Unknown
    from .local import LocalClient as LocalClient
    from .sync import SyncClient as SyncClient
    from .types import *  # noqa: F403

_FROM = {
    "Client": "client", "SyncClient": "sync", "LocalClient": "local", "Book": "book", "ClientError": "errors", "NotConnected": "errors",
    "Closed": "errors", "Refused": "errors", "StreamBroken": "errors", "TimedOut": "errors", "Unknown": "errors",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    module = import_module(f".{_FROM.get(name, 'types')}", __name__)
    if name.startswith("__") or not hasattr(module, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)
