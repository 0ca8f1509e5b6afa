"""Commands of one connection: those of one read are gathered into a block, which is carried out as one, and then all are answered.

What comes as packed rows, and what the operator sends, is a block of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from logging import WARNING
from typing import Final

from ..schema.messages import ROW
from . import requests as r
from .codecs import MSGPACK, Codec
from .departure import Departure
from .errors import Fatal, Refusal, refused
from .faults import places
from .frames import Frames
from .host import Host
from .log import note
from .outbox import Outbox
from .packed import carried_out, rows_of
from .replies import named
from .routing import ORDER_ID, REASON, SEQ, block_of, outcomes
from .tokens import tokens_of, tokens_of_all, tokens_of_rows
from .told import OPENS, SCHEDULES, Asked, Slot, Told

OP_OF: Final = {request: op for op, request in r.OPS.items()}
OPENING: Final = r.OPS[OPENS]
SCHEDULING: Final = r.OPS[SCHEDULES]


class Gathering(Outbox):
    def __init__(self, host: Host, codec: Codec, frames: Frames | None, wake: Callable[[], None]) -> None:
        super().__init__(host, codec, frames, wake)
        self.departure = Departure(host)
        self.number = 0  # of the connection
        self._rows: list[int] = []  # the block that is being gathered
        self._orders = 0  # how many are in it, as tokens are counted
        self._asked: list[Asked] = []
        self._ops: list[str] = []  # of the items of a batch in it
        self._tokens = 0  # left behind the last command that was taken in
        self._heard = host.monotonic()  # when something came last

    def pay(self, count: int) -> None:
        """Take tokens for commands. Raises Refusal, and Fatal from one who does not listen."""
        try:
            self._tokens = self.toll.pay(count, self._heard)
        except Fatal as error:
            user = self.user.name if self.user is not None else None
            note("flood", WARNING, connection=self.number, user=user, ignored=error.data["ignored"])
            raise

    def _row(self, request: r.CommandRequest) -> list[int]:
        """Raises Refusal."""
        row = self.host.rows.row(request, self.account(request.account))
        if self.host.faults and self.user is not None and self.user.name in self.host.faults and places(row):
            self.host.faults[self.user.name].place()
        return row

    def gather(self, request: r.CommandRequest) -> None:
        user = self.may("trade")
        row, tokens = self._row(request), tokens_of(request)
        if type(request) is OPENING:
            self.carry_out()  # what comes before may have opened one
            self.host.refuse_too_many_accounts(user)
        self.pay(tokens)
        self._asked.append(Asked(request.id, OP_OF[type(request)], [len(self._rows) // ROW], self._tokens))
        self._rows += row
        self._orders += tokens
        if self._orders >= r.MAX_BATCH:
            self.carry_out()

    def gather_batch(self, request: r.Batch) -> None:
        user, opened, tokens = self.may("trade"), 0, tokens_of_all(request.items)
        self.pay(tokens)
        slots: list[Slot] = []
        if self._orders + tokens > r.MAX_BATCH or OPENING in map(type, request.items):
            self.carry_out()
        for item in request.items:
            try:
                row = self._row(item)
                if type(item) is OPENING:
                    self.host.refuse_too_many_accounts(user, opened)
            except Refusal as error:
                error.data.pop("known", None)  # told 4,096 times it would not fit a frame
                slots.append(error.body())
            else:
                slots.append(len(self._rows) // ROW)
                self._rows += row
                opened += type(item) is OPENING
        self._asked.append(Asked(request.id, "batch", slots, self._tokens))
        self._ops = [OP_OF[type(item)] for item in request.items]
        self.carry_out()

    def carry_out(self) -> None:
        """Carry out what was gathered, and reply to all of it."""
        asked, rows = self._asked, self._rows
        if not asked:
            return
        self._asked, self._rows, self._orders = [], [], 0
        try:
            block = block_of(rows)
            applied = self.host.carry_out(block) if rows else None
        except Refusal as error:
            for one in asked:
                self.refuse(one.id, error)
            return
        if applied is not None and self.departure.wants_orders:
            self.departure.hear(rows, applied)
        told = Told(self.host, rows, block, applied)
        is_framed = self.frames is not None and bool(self.frames.is_framed)
        is_plain = self.codec is MSGPACK and self.memory is None and not (self.host.faults or self.held)
        for one in asked:
            slot = one.slots[0]
            if one.op == "batch":
                statuses = [told.status(op, slot) for op, slot in zip(self._ops, one.slots, strict=True)]
                self.reply(one.id, {"ok": True, "statuses": statuses}, one.tokens)
                continue
            out = told.packed(one.op, slot, one.id, one.tokens, is_framed) if is_plain and isinstance(slot, int) else None
            if out is not None:
                self.put(out)
            else:
                self.reply(one.id, told.status(one.op, slot), one.tokens)

    def operate(self, request: r.OperatorRequest) -> None:
        """A command of the operator's: not for tokens, and not in a block with others."""
        self.may("admin")
        row = self.host.rows.row(request)
        block = block_of(row)
        applied = self.host.carry_out(block)
        told = outcomes(applied.events, applied.ends, block)
        if told[REASON]:
            self.reply(request.id, {**refused(int(told[REASON]), {"given": str(request.__struct_config__.tag)}), "seq": told[SEQ]})
        else:
            number = {"number": int(told[ORDER_ID])} if type(request) is SCHEDULING else {}
            self.reply(request.id, {**named(told, 0, False, self.host.exchange.now, 0), **number})

    def carry_out_rows(self, request: r.Rows) -> None:
        user = self.may("trade")
        rows = rows_of(request.rows)
        self.pay(tokens_of_rows(memoryview(rows).tolist()))
        self.reply(request.id, carried_out(self.host, user, rows, self.departure))
