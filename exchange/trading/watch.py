"""What has happened to orders that somebody waits for: noted during a match, and dealt with after it, since nothing may disturb a match.

Who sends an order on an account's behalf, such as a trigger that fires, is its parent; it has an id of the same sequence as orders.
"""

from __future__ import annotations

from mypy_extensions import i64


class Note:
    """An order has traded, has come to its end, or has been refused."""

    def __init__(self, parent: i64, order_id: i64, account: i64, market: i64) -> None:
        self.parent: i64 = parent  # id of the standing order that sent it, 0: none
        self.order_id: i64 = order_id
        self.account: i64 = account
        self.market: i64 = market  # number
        self.filled: i64 = 0  # [lots] of it so far
        self.lots: i64 = 0  # [lots] of this fill
        self.reason: i64 = 0  # why it was refused, 0: it was not
        self.is_open: bool = True
        self.is_quote: bool = False


class Watch:
    def __init__(self) -> None:
        self.notes: list[Note] = []  # in the order of what happened; empty between commands

    def tell(self, parent: i64, order_id: i64, account: i64, market: i64, filled: i64, is_open: bool) -> None:
        """How far an order with a parent has come."""
        note = Note(parent, order_id, account, market)
        note.filled = filled
        note.is_open = is_open
        self.notes.append(note)

    def refuse(self, parent: i64, order_id: i64, account: i64, market: i64, reason: i64) -> None:
        """An order with a parent was refused when its turn came."""
        note = Note(parent, order_id, account, market)
        note.is_open = False
        note.reason = reason
        self.notes.append(note)

    def take(self) -> list[Note]:
        """What there is, which is noted no more."""
        notes = self.notes
        self.notes = []
        return notes
