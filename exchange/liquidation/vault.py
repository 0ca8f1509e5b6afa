"""The backstop vault: an account that takes liquidated accounts over, and unwinds by a rule of the design that the core runs.

Its capital is in the first asset; in another it has nothing to lose, and takes nothing. It is not margined; its loss limit is its bound.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import cross_equity, market_of
from ..money.thresholds import equity_share
from ..schema import kinds as k
from ..state.schedule import UNWIND
from ..state.state import State
from ..state.tables import P_NEXT, P_SIZE
from ..state.types import NEVER, NIL, PPM, VAULT, abs_i64, div_ceil, max_i64, min_i64, mul_div_ceil, ppm_floor
from ..trading.access import is_suspended
from .case import LiquidationCase
from .slices import Slices, whole_or_part
from .steps import LiquidationStep


class Vault:
    """The backstop vault: what it may still take, and the stated rule by which it unwinds.

    It takes positions over as long as what they bring with them below zero fits into its loss limit; at that limit it takes nothing more
    and its own positions face auto-deleveraging like any loser's. Every `unwind_interval` it sends an order for `unwind_ppm` of each
    position, no worse than `unwind_band_ppm` from mark and oracle.
    """

    def __init__(self, capital: i64, loss_limit: i64, unwind_interval: i64, unwind_ppm: i64, unwind_band_ppm: i64) -> None:
        self.capital: i64 = capital  # [micro] of the first asset
        self.loss_limit: i64 = loss_limit  # [micro]
        self.unwind_interval: i64 = unwind_interval  # [ns], 0: never
        self.unwind_ppm: i64 = unwind_ppm
        self.unwind_band_ppm: i64 = unwind_band_ppm

    def room(self, state: State, asset: i64) -> i64:
        """What it may still lose in an asset [micro]; 0 or less: it is exhausted there."""
        equity = cross_equity(state, VAULT, asset)
        return self.loss_limit - (self.capital - equity) if asset == 0 else min_i64(0, equity)

    def unwind(self, slices: Slices) -> None:
        state = slices.state
        cells = state.positions.cells
        row = state.accounts.first_position[VAULT]
        while row != NIL:
            if cells[row + P_SIZE] != 0 and not is_suspended(market_of(state, row), state.now):
                self.unwind_row(slices, row, cells[row + P_SIZE])
            row = cells[row + P_NEXT]
        self.schedule(state)

    def unwind_row(self, slices: Slices, row: i64, held: i64) -> None:
        market = market_of(slices.state, row)
        if held > 0:
            price = max_i64(market.mark, market.oracle)  # a mark that was pushed away sells nothing cheaply
            limit = max_i64(1, div_ceil(price * (PPM - self.unwind_band_ppm), PPM))
        else:
            price = min_i64(market.mark, market.oracle)
            limit = min_i64(market.max_price, price * (PPM + self.unwind_band_ppm) // PPM)
        slices.send(VAULT, row, whole_or_part(market, held, mul_div_ceil(abs_i64(held), self.unwind_ppm, PPM)), limit)

    def schedule(self, state: State) -> None:
        """Set the next unwind if there is a position."""
        state.schedule.cancel(UNWIND, 0)
        if self.unwind_interval == 0:
            return
        cells = state.positions.cells
        row = state.accounts.first_position[VAULT]
        while row != NIL:
            if cells[row + P_SIZE] != 0:
                state.schedule.set(UNWIND, 0, state.now + self.unwind_interval)
                return
            row = cells[row + P_NEXT]


class Takeover(LiquidationStep):
    """The vault takes positions over at the mark, with the equity that is left (or missing), below a fraction of maintenance."""

    def __init__(self, vault: Vault, fraction_ppm: i64) -> None:
        super().__init__(0)
        self.vault: Vault = vault
        self.fraction_ppm: i64 = fraction_ppm

    def ready(self, case: LiquidationCase) -> bool:
        return case.equity() < ppm_floor(case.maintenance(), self.fraction_ppm)

    def holder(self) -> i64:
        return VAULT

    def is_exhausted(self, state: State, asset: i64) -> bool:
        return self.vault.room(state, asset) <= 0

    def loss_left(self, state: State, asset: i64) -> i64:
        return max_i64(0, self.vault.room(state, asset))

    def act(self, case: LiquidationCase) -> bool:
        """Take what the loss limit and the position caps have room for; True if something is left."""
        left = False
        for row in case.free_rows():
            share = equity_share(case.state, row, case.remainder(), case.maintenance())
            if self.has_room(case, row, share):
                self.take_over(case, row, share)
            else:
                left = True
        if case.state.schedule.time(UNWIND, 0) == NEVER:
            self.vault.schedule(case.state)
        return left

    def has_room(self, case: LiquidationCase, row: i64, share: i64) -> bool:
        state = case.state
        cells = state.positions.cells
        market = case.market_of(row)
        room = self.vault.room(state, market.asset)
        own = state.find_position(VAULT, market.number)
        held = cells[own + P_SIZE] if own != NIL else 0
        return room > 0 and -share <= room and abs_i64(held + cells[row + P_SIZE]) <= market.max_lots

    def take_over(self, case: LiquidationCase, row: i64, share: i64) -> None:
        """One position at the mark, and its share of the account's equity with it; of the last one that is all of it."""
        state = case.state
        slices = case.slices
        market = case.market_of(row)
        held = state.positions.cells[row + P_SIZE]
        value = slices.transfer_at_mark(row, VAULT, abs_i64(held), max_i64(0, -share), k.BY_TAKEOVER)
        state.log.emit(k.E_TAKEN_OVER, state.now, case.account, VAULT, market.number, held, value)
        slices.ledger.pay(row, VAULT, share)
        if share < 0:
            slices.backstops.report(row, k.PAID_VAULT, -share)
        elif share > 0:
            state.log.emit(k.E_SURPLUS_PAID, state.now, case.account, VAULT, market.asset, share)
