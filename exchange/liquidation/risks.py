"""Which accounts are nearest to their liquidation: by equity / maintenance of the cross positions in an asset, or of an isolated position.

A look at every account, made to be cheap for a million of them, and in parts: a server looks at some, and sees to others in between.
Ratios are in ppm, rounded down.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.margin import cross_equity, cross_maintenance, is_cross, row_equity, row_maintenance
from ..schema.kinds import ISOLATED
from ..state.state import State
from ..state.tables import P_MARKET, P_MODE, P_NEXT, P_SIZE
from ..state.types import NIL, PPM, clamp_i64, mul_div_floor

SAFEST: Final[i64] = 1_000_000  # times its maintenance: no account is called safer than that, or worse than as much below zero
Found = tuple[int, int, int, int]  # ratio [ppm], account, asset, market of an isolated position or NIL


def ratio_ppm(equity: i64, maintenance: i64) -> i64:
    """`maintenance` is above 0."""
    whole = equity // maintenance
    rest = equity - whole * maintenance
    return clamp_i64(whole, -SAFEST, SAFEST) * PPM + mul_div_floor(rest, PPM, maintenance)


class RiskScan:
    """Looks for the `most` accounts and isolated positions that are nearest to their liquidation."""

    def __init__(self, most: i64) -> None:
        self.most: i64 = most
        self.found: list[Found] = []
        self.safest: i64 = (SAFEST + 1) * PPM  # what has this ratio or more is not among them

    def look(self, state: State, first: i64, end: i64) -> None:
        """At the accounts from number `first` up to `end`, as far as there are any."""
        account = first
        while account < end and account < state.accounts.count:
            if state.accounts.first_position[account] != NIL:
                self.look_at(state, account)
            account += 1

    def look_at(self, state: State, account: i64) -> None:
        cells = state.positions.cells
        crosses = False
        row = state.accounts.first_position[account]
        while row != NIL:
            if cells[row + P_SIZE] != 0:
                if cells[row + P_MODE] == ISOLATED:
                    asset = state.markets[cells[row + P_MARKET]].asset
                    self.note(row_equity(state, row), row_maintenance(state, row), account, asset, cells[row + P_MARKET])
                else:
                    crosses = True
            row = cells[row + P_NEXT]
        asset = 0
        while crosses and asset < state.accounts.assets:
            if has_cross(state, account, asset):
                self.note(cross_equity(state, account, asset), cross_maintenance(state, account, asset), account, asset, NIL)
            asset += 1

    def note(self, equity: i64, maintenance: i64, account: i64, asset: i64, market: i64) -> None:
        if maintenance <= 0:
            return
        ratio = ratio_ppm(equity, maintenance)
        if ratio >= self.safest:
            return
        self.found.append((int(ratio), int(account), int(asset), int(market)))
        if len(self.found) >= 2 * self.most:
            self.sort()

    def sort(self) -> None:
        """The nearest first, and no more than are wanted."""
        self.found.sort()
        if len(self.found) > self.most:
            self.found = self.found[: self.most]
            self.safest = self.found[-1][0]


def has_cross(state: State, account: i64, asset: i64) -> bool:
    """Has the account an open cross position in the asset?"""
    cells = state.positions.cells
    row = state.accounts.first_position[account]
    while row != NIL:
        if cells[row + P_SIZE] != 0 and is_cross(state, row, asset):
            return True
        row = cells[row + P_NEXT]
    return False
