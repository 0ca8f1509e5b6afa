"""JSON as it comes from clients."""

from __future__ import annotations

from typing import Any

import msgspec

from .kinds import kind_of


def body_of(raw: bytes) -> dict[str, Any] | None:
    """A map; None: it is none, or no JSON, or nested deeper than anything that means something."""
    body = read(raw)
    return body if isinstance(body, dict) else None


def read(raw: bytes) -> dict[str, Any] | str:
    """A map, or why it is none."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"the body is no JSON: {str(error)[:80]}"
    except RecursionError:
        return "the body is nested too deep"
    return body if isinstance(body, dict) else f"the body is {kind_of(body)}, not a map"
