"""What has happened to orders that somebody waits for: noted during a match, and dealt with after it, since nothing may disturb a match."""

from __future__ import annotations

from mypy_extensions import i64


class Note:
    """An order has traded, or has come to its end."""

    def __init__(self, parent: i64, order_id: i64, account: i64, market: i64) -> None:
        self.parent: i64 = parent  # id of the standing order that sent it, 0: none
        self.order_id: i64 = order_id
        self.account: i64 = account
        self.market: i64 = market  # number
        self.filled: i64 = 0  # [lots] of it so far
        self.lots: i64 = 0  # [lots] of this fill
        self.is_open: bool = True
        self.is_quote: bool = False


class Watch:
    def __init__(self) -> None:
        self.notes: list[Note] = []  # in the order of what happened; empty between commands

    def take(self) -> list[Note]:
        """What there is, which is noted no more."""
        notes = self.notes
        self.notes = []
        return notes
