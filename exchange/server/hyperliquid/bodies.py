"""JSON as it comes from clients."""

from __future__ import annotations

from typing import Any

import msgspec


def body_of(raw: bytes) -> dict[str, Any] | None:
    """A map; None: it is none, or no JSON, or nested deeper than anything that means something."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return body if isinstance(body, dict) else None
