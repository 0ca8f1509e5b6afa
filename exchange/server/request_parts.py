"""What every request has, and kinds of fields that several of them share: the base of requests.py."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

RequestId = Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[str, Meta(max_length=64)] | None
Name = Annotated[str, Meta(min_length=1, max_length=32)]
UserName = Annotated[str, Meta(min_length=1, max_length=42)]  # so long is an address, by which users of Hyperliquid's API are named


class Request(Struct, frozen=True, kw_only=True, tag_field="op", forbid_unknown_fields=True, gc=False):
    """Base of all. The reply echoes `id`; without one it has null."""

    id: RequestId = None
