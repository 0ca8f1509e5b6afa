"""What this dialect has an answer to, of each kind of request, and how much of what Hyperliquid does with it: docs/hyperliquid.md and
/coverage are made of this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

from msgspec import Struct

Cover = Literal["full", "part", "refused"]


class Entry(Struct, frozen=True):
    name: str  # the `type` of the request
    call: Callable[..., Any]
    cover: Cover
    note: str  # what differs, or why it is refused; "" of what is covered in full
    weight: int  # of the documented rate limit, before what the length of its answer adds


class Registry:
    """One kind of request: info, exchange or subscription."""

    def __init__(self, title: str) -> None:
        self.title: Final = title
        self.entries: dict[str, Entry] = {}

    def add(self, name: str, call: Callable[..., Any], cover: Cover = "full", note: str = "", weight: int = 20) -> None:
        assert name not in self.entries and bool(note) != (cover == "full"), name
        self.entries[name] = Entry(name, call, cover, note, weight)

    def get(self, name: object) -> Entry | None:
        return self.entries.get(name) if isinstance(name, str) else None
