"""What the commands of a block came to, as replies say it."""

from __future__ import annotations

from typing import Final

from ..engine import Applied
from ..schema.codes import OrderState
from ..schema.messages import COMMAND_OF, ROW, column_of
from .errors import Data, refused
from .host import Host
from .routing import ACCOUNT, FILLED, LEFT, MARKET, ORDER_ID, PAID, REASON, REPEATED, SEQ, STATE, WIDTH, outcomes

STATES: Final = tuple(state.name for state in OrderState)  # by number
OF_ORDERS: Final = frozenset(("place", "amend", "cancel", "cancel_client"))


class Told:
    """`rows`: the commands; `applied`: what the venue made of them, None if there were none."""

    def __init__(self, host: Host, rows: list[int], applied: Applied | None) -> None:
        self.rows = rows
        self.ts = host.exchange.now
        self.units = host.units
        self.told: list[int] = memoryview(outcomes(applied.events, applied.ends)).tolist() if applied is not None else []

    def resting(self, number: int) -> int:
        """The order that a command has left in the book; 0: none."""
        at = number * WIDTH
        return self.told[at + ORDER_ID] if self.told[at + LEFT] and not self.told[at + REASON] else 0

    def status(self, op: str, number: int) -> Data:
        """What one command came to."""
        told, at = self.told, number * WIDTH
        if told[at + REASON]:
            return {**refused(told[at + REASON], self.about(number)), "seq": told[at + SEQ]}
        if op not in OF_ORDERS:
            return {"ok": True, "ts": self.ts, "seq": told[at + SEQ]}
        market = told[at + MARKET]
        body: Data = {
            "ok": True, "ts": self.ts, "seq": told[at + SEQ], "order_id": told[at + ORDER_ID], "market": market,
            "state": STATES[told[at + STATE]], "filled": told[at + FILLED], "open": told[at + LEFT],
            "filled_notional": told[at + PAID] * self.units[market],
        }  # fmt: skip
        return {**body, "filled_notional": None, "repeated": True} if told[at + REPEATED] else body

    def about(self, number: int) -> Data:
        """Whose a refused command was, and of which market, as far as it names one."""
        row = self.rows[number * ROW : (number + 1) * ROW]
        command = COMMAND_OF[row[0]]
        data: Data = {"account": row[ACCOUNT]}
        return {**data, "market": row[column_of(command, "market")]} if "market" in command.__struct_fields__ else data
