"""What moves of a market's curve, and who has a share of its pool.

The money of a pool is no column here: it is the isolated margin of the CURVE account's position in the market, and what the curve has
traded is that position, so that the ledger's law covers both. What curves need beside it is what they were set to at their start, and
what they have done to themselves since.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from .ranges import Ranges
from .types import NIL, PPM

RESERVE_SHIFT: Final[int] = 32  # reserves are kept in 2^-32 lots, pegs in 2^-32 micro-units per lot


class Pool:
    """Of one market. `int` columns are wide: products of reserves do not fit 64 bits."""

    def __init__(self) -> None:
        self.row: i64 = NIL  # position row of the CURVE account; NIL: the market has no curve
        self.started: i64 = 0  # 1: its reserves are set, which takes a first oracle price
        self.shares: i64 = 0  # of the pool in all: those of the venue's own capital, and P_SHARES of every position row
        # Virtual reserves: the base reserve at an inventory of 0, and what its product with the quote reserve is
        self.base: int = 0  # [2^-32 lots]
        self.k: int = 0  # of constant_product [2^-64 lots^2 x micro per lot], of vamm_peg_k [2^-64 lots^2]
        self.root: int = 0  # [2^-32 lots] of k, rounded down, of vamm_peg_k
        self.peg: int = 0  # [2^-32 micro per lot]
        self.anchor: int = 0  # [2^-32 lots] base reserve when the oracle last moved
        # Quotes and budget of vamm_peg_k
        self.bid_spread: i64 = 0  # [ppm] below its reserve price
        self.ask_spread: i64 = 0  # [ppm] above it
        self.fees: int = 0  # [micro] ever earned
        self.ranges: Ranges = Ranges()  # of concentrated
        self.budget: int = 0  # [micro] of them and of funding, less what it has cost the curve to move itself

    def copy(self) -> Pool:
        """What a dry run changes instead."""
        made = Pool()
        made.row = self.row
        made.started = self.started
        made.shares = self.shares
        made.base = self.base
        made.k = self.k
        made.root = self.root
        made.peg = self.peg
        made.anchor = self.anchor
        made.bid_spread = self.bid_spread
        made.ask_spread = self.ask_spread
        made.fees = self.fees
        made.budget = self.budget
        made.ranges = self.ranges.copy()
        return made

    @property
    def exists(self) -> bool:
        return self.row != NIL

    def check(self) -> None:
        """Reserves are there or not, and nothing of a curve moves where there is none."""
        assert 0 <= self.started <= 1 and (self.started == 0 or self.row != NIL), "a curve without a position row has started"
        assert self.base >= 0 and self.k >= 0 and self.peg >= 0 and self.anchor >= 0, "a reserve below zero"
        assert self.root == 0 or self.root * self.root <= self.k < (self.root + 1) * (self.root + 1), "a root of another k"
        assert (self.base == 0) == (self.k == 0), "one reserve without the other"
        assert 0 <= self.bid_spread < PPM and self.ask_spread >= 0, "quotes that cross, or a bid of nothing"
        assert self.fees >= 0, "fees were taken out of the count of fees"
        self.ranges.check()
