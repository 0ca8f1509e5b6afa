"""A dry run: fills are booked on the real positions and accounts of one market, and taken back.

What a fill may touch is written down before it does: the position rows at hand, their accounts' cash, the cash of the system accounts
that fees and rounding go to, and the market's open interest and residue. Orders, the book and the events stay as they are.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..money.ledger import Ledger
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_ACCRUAL, P_DRY_RUN, P_ENTRY, P_ISOLATED_MARGIN, P_REALISED, P_SIZE
from ..state.types import CLEARING, FEES, NIL, ROUNDING


class DryRun:
    """At most one at a time. A row is saved when it is first touched, which its number of the dry run tells."""

    def __init__(self, state: State, ledger: Ledger) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.fixed: list[i64] = []  # what belongs to the market and the system accounts
        self.rows: list[i64] = []
        self.saved: list[i64] = []  # seven per row
        # What it has come to
        self.value: i64 = 0  # [micro] of all fills
        self.fee: i64 = 0  # [micro] that they cost the account; below zero: that they bring it
        self.lost: i64 = 0  # [lots] of it that went against the account's own orders, without a trade
        self.own: dict[int, int] = {}  # slots of the account's own resting orders that trade or go, and how many lots of each

    def begin(self, market: Market) -> None:
        cash = self.state.accounts.cash
        assets = self.state.accounts.assets
        assert not self.ledger.in_dry_run, "dry runs never nest"
        self.ledger.in_dry_run = True
        self.state.dry_runs += 1
        self.fixed = [
            market.open_interest, market.residue, cash[FEES * assets + market.asset], cash[CLEARING * assets + market.asset],
            cash[ROUNDING * assets + market.asset],
        ]  # fmt: skip
        self.rows = []
        self.saved = []
        self.value = 0
        self.fee = 0
        self.lost = 0
        self.own = {}

    def note(self, value: i64, fee: i64) -> None:
        """A fill was booked."""
        self.value += value
        self.fee += fee

    def note_own(self, slot: i64, lots: i64, fee: i64) -> None:
        """It was with an order of the account itself, which pays the maker's fee as well."""
        before: i64 = self.own.get(int(slot), 0)
        self.own[int(slot)] = int(before + lots)
        self.fee += fee

    def save(self, market: Market, row: i64) -> None:
        """Before a fill touches this position."""
        cells = self.state.positions.cells
        if cells[row + P_DRY_RUN] == self.state.dry_runs:
            return
        cells[row + P_DRY_RUN] = self.state.dry_runs
        self.rows.append(row)
        self.saved.append(cells[row + P_SIZE])
        self.saved.append(cells[row + P_ENTRY])
        self.saved.append(cells[row + P_ACCRUAL])
        self.saved.append(cells[row + P_ISOLATED_MARGIN])
        self.saved.append(cells[row + P_REALISED])
        self.saved.append(self.state.accounts.cash[self.cash_of(cells, market.asset, row)])
        self.saved.append(self.state.accounts.cash[self.cash_of(cells, market.base, row)] if market.base != NIL else 0)

    def cash_of(self, cells: vec[i64], asset: i64, row: i64) -> i64:
        """Where the cash of a row's account is kept."""
        return cells[row + P_ACCOUNT] * self.state.accounts.assets + asset

    def take_back(self, market: Market) -> None:
        """Everything is as it was at `begin`."""
        cells = self.state.positions.cells
        cash = self.state.accounts.cash
        assets = self.state.accounts.assets
        at: i64 = 0
        for row in self.rows:
            cells[row + P_SIZE] = self.saved[at]
            cells[row + P_ENTRY] = self.saved[at + 1]
            cells[row + P_ACCRUAL] = self.saved[at + 2]
            cells[row + P_ISOLATED_MARGIN] = self.saved[at + 3]
            cells[row + P_REALISED] = self.saved[at + 4]
            cash[self.cash_of(cells, market.asset, row)] = self.saved[at + 5]
            if market.base != NIL:
                cash[self.cash_of(cells, market.base, row)] = self.saved[at + 6]
            at += 7
        market.open_interest = self.fixed[0]
        market.residue = self.fixed[1]
        cash[FEES * assets + market.asset] = self.fixed[2]
        cash[CLEARING * assets + market.asset] = self.fixed[3]
        cash[ROUNDING * assets + market.asset] = self.fixed[4]
        self.ledger.in_dry_run = False
