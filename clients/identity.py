"""Who a client is to a server."""

from __future__ import annotations

from msgspec import Struct


class Identity(Struct):
    """Who logs in: by `key` and `secret`, or by `name`. A name that a server does not take without a key is signed up, and gets one."""

    name: str | None = None
    key: str | None = None
    secret: str | None = None
    session: str = ""  # names what the server remembers of this client's requests; "": nothing
