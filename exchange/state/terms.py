"""Special terms of the few resting orders that have any: who waits for its fills, a part that is not displayed, a time at which it ends.

A row belongs to one order, whose O_TERMS leads to it. Tables grow between commands, in `State.reserve`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from .packed import RecycledTable

T_PARENT: Final[i64] = 0  # id of the standing order that sent it, 0: none
T_DISPLAY: Final[i64] = 1  # [lots] that it shows at most, 0: all
T_HIDDEN: Final[i64] = 2  # [lots] open beside those that it shows
T_EXPIRES: Final[i64] = 3  # [ns] when it ends, 0: never
T_QUOTE: Final[i64] = 4  # 1: one of its account's quotes
T_FREE: Final[i64] = 5
T_WIDTH: Final[i64] = 6


class SpecialTerms(RecycledTable):
    def __init__(self, rows: i64) -> None:
        super().__init__(rows, T_WIDTH, T_FREE)

    def reserve(self, rows: i64) -> None:
        """Let there be so many free rows. Not while a column is at hand."""
        if self.rows - self.live < rows:
            self.grow()
