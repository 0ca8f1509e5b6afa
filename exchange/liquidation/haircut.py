"""A backstop for the end of a market: who has gained in it pays what others lack, in proportion to what he has gained (Injective).

It pays in a settlement alone, when every position of the market is closed: before that a profit is none yet. Parts round up, the last one
takes the remainder, and nobody pays more than he has gained there, or has.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.margin import cross_equity, market_of
from ..schema import kinds as k
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_MARKET
from ..state.types import CURVE, max_i64, min_i64
from .backstops import Backstop


def haircut_of(missing: int, claim: int, claims: int) -> int:
    """What of a loss one of several claims pays that are `claims` together, rounded up; no more than the claim while missing <= claims."""
    return -(-missing * claim // claims)


class ProfitHaircut(Backstop):
    """Those who have gained in a market that is settled pay in proportion to that."""

    def __init__(self) -> None:
        super().__init__(k.PAID_SOCIALIZED)

    def offer(self, state: State, rows: list[i64], amount: i64) -> i64:
        return amount  # what it pays depends on who has gained in each market

    def pay(self, state: State, ledger: Ledger, row: i64, amount: i64) -> i64:
        market = market_of(state, row)
        if market.open_interest != 0:
            return 0
        cells = state.positions.cells
        changes = ledger.changes
        payers: list[int] = []  # places in the list of what was closed
        claims: int = 0
        place: int = 0
        for closed in changes.closed_rows:
            owner = cells[closed + P_ACCOUNT]
            if cells[closed + P_MARKET] == market.number and owner != cells[row + P_ACCOUNT] and owner != CURVE:
                if changes.closed_profits[place] > 0:
                    payers.append(place)
                    claims += int(changes.closed_profits[place])
            place += 1
        left: int = min(int(amount), claims)
        paid: i64 = 0
        for place in payers:
            payer = changes.closed_rows[place]
            claim = int(changes.closed_profits[place])
            due: i64 = haircut_of(left, claim, claims)
            left -= int(due)
            claims -= claim
            due = min_i64(due, max_i64(0, cross_equity(state, cells[payer + P_ACCOUNT], market.asset)))
            if due > 0:
                ledger.share(payer, row, due)
                changes.closed_profits[place] -= due
                paid += due
        if paid > 0:
            state.log.emit(k.E_LOSS_SOCIALIZED, state.now, market.number, paid, 0, 0, paid, 0)
        return paid
