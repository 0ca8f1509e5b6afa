"""Slices of a liquidated position: what each is due, what of it is a deficit or a fee, and what is told of it.

The part of a value that goes with a part of a position is rounded against the position, a deficit down with it.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.margin import equity_share, row_notional, slice_value, value_of
from ..schema import kinds as k
from ..state.tables import State
from ..state.types import INSURANCE, abs_i64, div_ceil, max_i64, min_i64, ppm_ceil, ppm_floor
from .backstops import Backstops


class Terms:
    """What a design says of liquidations, whatever the step."""

    def __init__(self, retry: i64, fee_ppm: i64, fund_share_ppm: i64, fee_to: i64, surplus_to: i64) -> None:
        self.retry: i64 = retry  # [ns] between passes while liquidations are under way
        self.fee_ppm: i64 = fee_ppm  # of the value closed, taken from what a slice fetched beyond its bankruptcy value
        self.fund_share_ppm: i64 = fund_share_ppm  # of the fee: to the insurance fund
        self.fee_to: i64 = fee_to  # a system account: the rest of the fee
        self.surplus_to: i64 = surplus_to  # a system account, or NIL: it stays with the trader


def whole_or_part(state: State, market: i64, held: i64, lots: i64) -> i64:
    """`lots` (unsigned) of a position of `held` (signed), or all of it where the rest would be worth less than the minimum notional."""
    worth = value_of(state.markets, market, 1, state.markets.mark[market])
    rest = abs_i64(held) - lots
    return lots if rest >= div_ceil(state.markets.minimum_notional[market], max_i64(1, worth)) else abs_i64(held)


class Slices:
    def __init__(self, state: State, ledger: Ledger, backstops: Backstops, terms: Terms) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.backstops: Backstops = backstops
        self.terms: Terms = terms

    def bankruptcy_value(self, row: i64, equity: i64, maintenance: i64) -> i64:
        """What the whole position must fetch (cost, if short) for its share of its account's equity to end at zero [micro]; may be
        negative."""
        share = equity_share(self.state, row, equity, maintenance)
        at_mark = row_notional(self.state, row)
        return at_mark - share if self.state.positions.size[row] > 0 else at_mark + share

    def settle(self, row: i64, held: i64, lots: i64, value: i64, due: i64, method: i64) -> None:
        """Book the outcome of a slice: `lots` (unsigned) of `held` (signed) closed for `value`, of a position due to fetch `due` in all."""
        state = self.state
        if lots == 0:
            return
        part = slice_value(due, lots, held)
        gained = value - part if held > 0 else part - value
        fee: i64 = 0
        deficit: i64 = 0
        if gained < 0:
            deficit = -gained
        elif gained > 0:
            fee = min_i64(gained, ppm_ceil(value, self.terms.fee_ppm))
        positions = state.positions
        signed = lots if held > 0 else -lots
        state.log.emit(
            k.E_LIQUIDATED, state.now, positions.account[row], positions.market[row], method, signed, value, deficit, fee,
        )  # fmt: skip
        if fee > 0:
            to_fund = ppm_floor(fee, self.terms.fund_share_ppm)
            self.ledger.pay(row, INSURANCE, to_fund)
            self.ledger.pay(row, self.terms.fee_to, fee - to_fund)
        self.backstops.fold(row, deficit)

    def settle_deleveraged(self, row: i64, held: i64, lots: i64, part: i64, bankrupt: i64) -> None:
        """`lots` of a position were closed for `part`: report the bad debt against the mark; what the price did not cover is a deficit for
        the cash payers."""
        state = self.state
        positions = state.positions
        market = positions.market[row]
        due = slice_value(bankrupt, lots, held)
        at_mark = value_of(state.markets, market, lots, state.markets.mark[market])
        debt = max_i64(0, due - at_mark if held > 0 else at_mark - due)
        short_of = max_i64(0, due - part if held > 0 else part - due)
        signed = lots if held > 0 else -lots
        state.log.emit(k.E_LIQUIDATED, state.now, positions.account[row], market, k.BY_ADL, signed, part, debt, 0)
        self.backstops.fold(row, short_of)
