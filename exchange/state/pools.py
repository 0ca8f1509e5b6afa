"""What moves of a market's curve, and who has a share of its pool.

The money of a pool is no column here: it is the isolated margin of the CURVE account's position in the market, and what the curve has
traded is that position, so that the ledger's law covers both.
"""

from __future__ import annotations

from mypy_extensions import i64

from .types import NIL


class Pool:
    """Of one market. `int` columns are wide: products of reserves do not fit 64 bits."""

    def __init__(self) -> None:
        self.row: i64 = NIL  # position row of the CURVE account; NIL: the market has no curve
        self.started: i64 = 0  # 1: its reserves are set, which takes a first oracle price
        self.shares: i64 = 0  # of the pool in all: those of the venue's own capital, and P_SHARES of every position row

    def copy(self) -> Pool:
        """What a dry run changes instead."""
        made = Pool()
        made.row = self.row
        made.started = self.started
        made.shares = self.shares
        return made
