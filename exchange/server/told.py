"""What the commands of a block came to, as replies say it."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from msgspec import Struct
from mypy_extensions import i64

from ..blocks import Applied
from ..schema.messages import COMMAND_OF, ROW, column_of
from . import requests as r
from .errors import Data, refused
from .host import Host
from .replies import named, packed
from .routing import ACCOUNT, DUE, MARKET, ORDER_ID, REASON, SEQ, SHARES, TICKET, VALUE, WIDTH, outcomes
from .several import OF_SEVERAL, caused_by, several
from .swept import CANCELS_ALL, swept
from .whys import why

OF_ORDERS: Final = frozenset(("place", "amend", "cancel", "cancel_client", "place_trigger", "place_bracket", "place_twap"))
OF_LIQUIDITY: Final = frozenset(("add_liquidity", "remove_liquidity"))
OPENS: Final = "open_sub_account"
SCHEDULES: Final = "schedule_maintenance"
ALGOS: Final = frozenset(("place_trigger", "place_twap"))
WAITING: Final = OF_ORDERS - ALGOS | OF_LIQUIDITY | {CANCELS_ALL, "set_account_mode", "mass_quote"}  # where a venue lets commands wait
MARKET_COLUMN: Final = {kind: column_of(one, "market") for kind, one in COMMAND_OF.items() if "market" in one.__struct_fields__}


Slot = int | Data  # a command's number in the block, or why it is not in it


class Asked(Struct, gc=False):
    """A request whose commands are in the block that is being gathered."""

    id: r.RequestId
    op: str
    slots: list[Slot]
    tokens: int  # left when it was taken in


class Told:
    """`rows`: the commands, packed as `block`; `applied`: what the venue made of them, None if there were none."""

    def __init__(self, host: Host, rows: list[int], block: vec[i64], applied: Applied | None) -> None:
        self.rows = rows
        self.venue = host.exchange
        self.ts = host.exchange.now
        self.units = host.units
        self.applied = applied
        self.told: vec[i64] = outcomes(applied.events, applied.ends, block) if applied is not None else vec[i64]()

    def status(self, op: str, number: Slot) -> Data:
        """What one command came to; of one that is not in the block why."""
        if not isinstance(number, int):
            return number
        told, at = self.told, number * WIDTH
        if told[at + REASON]:
            message, more = why(self.venue, self.rows[number * ROW : (number + 1) * ROW], int(told[at + REASON]))
            return {**refused(int(told[at + REASON]), {**self.about(number), **more}, message), "seq": int(told[at + SEQ])}
        if told[at + TICKET]:
            return {**self._head(at), "status": "queued", "ticket": int(told[at + TICKET]), "due": due_of(int(told[at + DUE]))}
        if op in OF_LIQUIDITY:
            names = {"market": MARKET, "shares": SHARES, "amount": VALUE, "range_id": ORDER_ID}
            return {**self._head(at), **{name: int(told[at + column]) for name, column in names.items()}}
        if op in OF_SEVERAL and self.applied is not None:
            row = self.rows[number * ROW : (number + 1) * ROW]
            return {**self._head(at), **several(row, caused_by(self.applied, number))}
        if op == CANCELS_ALL and self.applied is not None:
            row = self.rows[number * ROW : (number + 1) * ROW]
            return {**self._head(at), **swept(self.venue, row, caused_by(self.applied, number))}
        if op == OPENS:
            return {**self._head(at), "account": int(told[at + ORDER_ID])}
        if op in OF_ORDERS and not told[at + ORDER_ID]:
            return {**self._head(at), "status": "withdrawn"}
        return named(told, number, op in OF_ORDERS, self.ts, self._unit(at))

    def _head(self, at: int) -> Data:
        return {"ok": True, "ts": self.ts, "seq": int(self.told[at + SEQ])}

    def packed(self, op: str, number: int, request: object, tokens: int, is_framed: bool) -> bytes | None:
        """The whole reply to `request` in msgpack; None for one that is not that plain: see `status`."""
        if op in OF_LIQUIDITY or op in OF_SEVERAL or op == OPENS or op == CANCELS_ALL:
            return None
        return packed(self.told, number, request, op in OF_ORDERS, self.ts, tokens, is_framed, self._unit(number * WIDTH))

    def _unit(self, at: int) -> int:
        market = self.told[at + MARKET]
        return self.units[market] if market >= 0 else 0

    def about(self, number: int) -> Data:
        """Whose a refused command was, and of which market, as far as it names one."""
        first = number * ROW
        data: Data = {"account": self.rows[first + ACCOUNT]}
        market = MARKET_COLUMN.get(self.rows[first])
        return data if market is None else {**data, "market": self.rows[first + market]}


def due_of(due: int) -> int | None:
    """When a waiting command will be carried out [ns]; None: with an oracle price that is not there yet."""
    return due if due >= 0 else None
