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
