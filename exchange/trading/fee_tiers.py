"""Fees by what an account has traded in the last whole days: tiers of volume, and rebates by the share of all that makers have traded.

Assessed at the start of each day of the venue's clock (UTC), when a fee is first asked for on it; what is traded on a day counts from the
next. Values of all settlement assets count alike. Sub-accounts trade for their master's tier. Trades with oneself or among them, block
trades, and what a liquidation does to the account that is liquidated do not count. Where a design has no tiers, nothing here is asked.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..state.market import Market
from ..state.state import State
from ..state.types import FIRST_USER, NIL, PPM, min_i64
from ..state.volumes import ALL, DAY, V_ASSESSED, V_MADE, V_REBATE, V_TIER, V_TRADED, Volumes


class FeeTiers:
    """`volumes` [micro] and `shares` [ppm] rise; the other lists go with them [ppb]."""

    def __init__(self, state: State) -> None:
        self.state: State = state
        self.book: Volumes = state.volumes
        self.window: i64 = 14  # [days]
        self.volumes: list[i64] = []  # from which on a tier holds
        self.makers: list[i64] = []  # its fees
        self.takers: list[i64] = []
        self.shares: list[i64] = []  # above which a rebate is paid
        self.rebates: list[i64] = []

    def payer(self, account: i64) -> i64:
        """Whose tier an account has."""
        master = self.state.accounts.master[account]
        return account if master == NIL else master

    def note(self, taker: i64, maker: i64, value: i64, is_forced: bool) -> None:
        """A trade; `maker` NIL: with the curve."""
        day = self.state.now // DAY
        if taker >= FIRST_USER and maker >= FIRST_USER and self.payer(taker) == self.payer(maker):
            return
        if not is_forced and taker >= FIRST_USER:
            self.book.note(self.payer(taker), day, value, False)
        if maker >= FIRST_USER:
            self.book.note(self.payer(maker), day, value, True)
            self.book.note(ALL, day, value, True)

    def taker_fee(self, account: i64, market: Market) -> i64:
        """[ppb] without what jumps of the oracle price put on top."""
        row = self.assessed(account)
        if row == NIL or self.book.cells[row + V_TIER] == 0:
            return market.taker_fee_ppb
        return self.takers[self.book.cells[row + V_TIER] - 1]

    def maker_fee(self, account: i64, market: Market) -> i64:
        """[ppb] below zero: a rebate."""
        row = self.assessed(account)
        if row == NIL:
            return market.maker_fee_ppb
        cells = self.book.cells
        fee = market.maker_fee_ppb
        if cells[row + V_TIER] != 0:
            fee = self.makers[cells[row + V_TIER] - 1]
        return fee if cells[row + V_REBATE] == 0 else min_i64(fee, -self.rebates[cells[row + V_REBATE] - 1])

    def assessed(self, account: i64) -> i64:
        """The account's row, with its tiers of today; NIL: it has not traded."""
        book = self.book
        row = book.find(self.payer(account))
        day = self.state.now // DAY
        if row != NIL and book.cells[row + V_ASSESSED] != day:
            book.cells[row + V_ASSESSED] = day
            book.cells[row + V_TIER] = self.tier(book.within(row, V_TRADED, day - self.window, day - 1))
            book.cells[row + V_REBATE] = self.rebate(
                book.within(row, V_MADE, day - self.window, day - 1), book.within(book.find(ALL), V_MADE, day - self.window, day - 1)
            )
        return row

    def traded(self, account: i64) -> tuple[int, int]:
        """(as taker and maker, as maker) [micro] of the days by which the account's tiers of today go."""
        row = self.book.find(self.payer(account))
        day = self.state.now // DAY
        first = day - self.window
        return self.book.within(row, V_TRADED, first, day - 1), self.book.within(row, V_MADE, first, day - 1)

    def tier(self, traded: int) -> i64:
        """The number of the last tier that `traded` [micro] reaches, from 1; 0: none."""
        number: i64 = 0
        for volume in self.volumes:
            if traded < int(volume):
                break
            number += 1
        return number

    def rebate(self, made: int, by_all: int) -> i64:
        """The number of the last maker tier whose share `made` exceeds, from 1; 0: none."""
        number: i64 = 0
        for share in self.shares:
            if made * int(PPM) <= int(share) * by_all:
                break
            number += 1
        return number
