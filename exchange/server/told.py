"""What the commands of a block came to, as replies say it."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from msgspec import Struct
from mypy_extensions import i64

from ..engine import Applied
from ..schema.messages import COMMAND_OF, ROW, column_of
from . import requests as r
from .errors import Data, refused
from .host import Host
from .replies import named, packed
from .routing import ACCOUNT, LEFT, MARKET, ORDER_ID, REASON, SEQ, WIDTH, outcomes

OF_ORDERS: Final = frozenset(("place", "amend", "cancel", "cancel_client"))
MARKET_COLUMN: Final = {kind: column_of(one, "market") for kind, one in COMMAND_OF.items() if "market" in one.__struct_fields__}


Slot = int | Data  # a command's number in the block, or why it is not in it


class Asked(Struct, gc=False):
    """A request whose commands are in the block that is being gathered."""

    id: r.RequestId
    op: str
    slots: list[Slot]
    tokens: int  # left when it was taken in


class Told:
    """`rows`: the commands; `applied`: what the venue made of them, None if there were none."""

    def __init__(self, host: Host, rows: list[int], applied: Applied | None) -> None:
        self.rows = rows
        self.ts = host.exchange.now
        self.units = host.units
        self.told: vec[i64] = outcomes(applied.events, applied.ends) if applied is not None else vec[i64]()

    def resting(self, number: int) -> int:
        """The order that a command has left in the book; 0: none."""
        at = number * WIDTH
        return int(self.told[at + ORDER_ID]) if self.told[at + LEFT] and not self.told[at + REASON] else 0

    def status(self, op: str, number: int) -> Data:
        """What one command came to."""
        told, at = self.told, number * WIDTH
        if told[at + REASON]:
            return {**refused(int(told[at + REASON]), self.about(number)), "seq": int(told[at + SEQ])}
        return named(told, number, op in OF_ORDERS, self.ts, self._unit(at))

    def packed(self, op: str, number: int, request: object, tokens: int, is_framed: bool) -> bytes | None:
        """The whole reply to `request` in msgpack; None if the venue refused it."""
        at = number * WIDTH
        if self.told[at + REASON]:
            return None
        return packed(self.told, number, request, op in OF_ORDERS, self.ts, tokens, is_framed, self._unit(at))

    def _unit(self, at: int) -> int:
        market = self.told[at + MARKET]
        return self.units[market] if market >= 0 else 0

    def about(self, number: int) -> Data:
        """Whose a refused command was, and of which market, as far as it names one."""
        first = number * ROW
        data: Data = {"account": self.rows[first + ACCOUNT]}
        market = MARKET_COLUMN.get(self.rows[first])
        return data if market is None else {**data, "market": self.rows[first + market]}
