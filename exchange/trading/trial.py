"""A trial: fills are booked on the real positions and accounts of one market, and taken back.

What a fill may touch is written down before it does: the position rows at hand, their accounts' cash, the cash of the system accounts
that fees and rounding go to, and the market's open interest and residue. Orders, the book and the events stay as they are.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..state.tables import State
from ..state.types import CLEARING, FEES, ROUNDING


class Trial:
    """At most one at a time. A row is saved when it is first touched, which its number of the trial tells."""

    def __init__(self, state: State, ledger: Ledger) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.number: i64 = 0
        self.market: i64 = 0
        self.fixed: list[i64] = []  # what belongs to the market and the system accounts
        self.rows: list[i64] = []
        self.saved: list[i64] = []  # six per row

    def begin(self, market: i64) -> None:
        markets = self.state.markets
        cash = self.state.accounts.cash
        asset = markets.asset[market]
        assets = self.state.accounts.assets
        assert not self.ledger.trying, "trials never nest"
        self.ledger.trying = True
        self.number += 1
        self.market = market
        self.fixed = [
            markets.open_interest[market], markets.residue[market], cash[FEES * assets + asset], cash[CLEARING * assets + asset],
            cash[ROUNDING * assets + asset],
        ]  # fmt: skip
        self.rows = []
        self.saved = []

    def save(self, row: i64) -> None:
        """Before a fill touches this position."""
        positions = self.state.positions
        if positions.tried[row] == self.number:
            return
        positions.tried[row] = self.number
        accounts = self.state.accounts
        cash = accounts.cash[positions.account[row] * accounts.assets + self.state.markets.asset[self.market]]
        self.rows.append(row)
        self.saved.append(positions.size[row])
        self.saved.append(positions.entry_notional[row])
        self.saved.append(positions.index[row])
        self.saved.append(positions.isolated_margin[row])
        self.saved.append(positions.realised[row])
        self.saved.append(cash)

    def take_back(self) -> None:
        """Everything is as it was at `begin`."""
        positions = self.state.positions
        markets = self.state.markets
        accounts = self.state.accounts
        cash = accounts.cash
        asset = markets.asset[self.market]
        assets = accounts.assets
        at: i64 = 0
        for row in self.rows:
            positions.size[row] = self.saved[at]
            positions.entry_notional[row] = self.saved[at + 1]
            positions.index[row] = self.saved[at + 2]
            positions.isolated_margin[row] = self.saved[at + 3]
            positions.realised[row] = self.saved[at + 4]
            cash[positions.account[row] * assets + asset] = self.saved[at + 5]
            at += 6
        markets.open_interest[self.market] = self.fixed[0]
        markets.residue[self.market] = self.fixed[1]
        cash[FEES * assets + asset] = self.fixed[2]
        cash[CLEARING * assets + asset] = self.fixed[3]
        cash[ROUNDING * assets + asset] = self.fixed[4]
        self.ledger.trying = False
