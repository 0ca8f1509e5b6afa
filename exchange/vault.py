"""The backstop vault: an account that takes liquidated accounts over, and unwinds by a rule of the design that the core runs.

Its capital is in the first asset. It is not margined; its loss limit is its bound.
"""

from __future__ import annotations

from mypy_extensions import i64

from . import kinds as k
from .liquidation import LiquidationDesk, LiquidationStep
from .margin import cross_equity, cross_maintenance, equity_share, row_notional
from .steps import hand_over, send
from .types import (
    HALTED,
    NIL,
    PPM,
    VAULT,
    abs_i64,
    div_ceil,
    max_i64,
    min_i64,
    mul_div_ceil,
    ppm_floor,
)


class Vault:
    """The backstop vault: what it may still take, and the stated rule by which it unwinds.

    It takes accounts over until it has lost `loss_limit` of its capital; at that limit it takes nothing more and its own positions face
    auto-deleveraging like any loser's. Every `unwind_interval` it sends an order for `unwind_ppm` of each position, no worse than
    `unwind_band_ppm` from the mark.
    """

    def __init__(self, capital: i64, loss_limit: i64, unwind_interval: i64, unwind_ppm: i64, unwind_band_ppm: i64) -> None:
        self.capital: i64 = capital  # [micro]
        self.loss_limit: i64 = loss_limit  # [micro]
        self.unwind_interval: i64 = unwind_interval  # [ns], 0: never
        self.unwind_ppm: i64 = unwind_ppm
        self.unwind_band_ppm: i64 = unwind_band_ppm
        self.next_unwind: i64 = 0  # [ns], 0: nothing to unwind

    def is_exhausted(self, desk: LiquidationDesk) -> bool:
        return self.capital - cross_equity(desk.state, VAULT, 0) >= self.loss_limit

    def unwind(self, desk: LiquidationDesk) -> None:
        state = desk.state
        positions = state.positions
        row = state.accounts.first_position[VAULT]
        while row != NIL:
            held = positions.size[row]
            if held != 0 and state.markets.status[positions.market[row]] != HALTED:
                self.unwind_row(desk, row, held)
            row = positions.next[row]
        self.schedule(desk)

    def unwind_row(self, desk: LiquidationDesk, row: i64, held: i64) -> None:
        markets = desk.state.markets
        market = desk.state.positions.market[row]
        mark = markets.mark[market]
        if held > 0:
            limit = max_i64(1, div_ceil(mark * (PPM - self.unwind_band_ppm), PPM))
        else:
            limit = min_i64(markets.max_price[market], mark * (PPM + self.unwind_band_ppm) // PPM)
        send(desk, VAULT, row, held, mul_div_ceil(abs_i64(held), self.unwind_ppm, PPM), limit)

    def schedule(self, desk: LiquidationDesk) -> None:
        """Set the next unwind time if there is a position."""
        self.next_unwind = 0
        positions = desk.state.positions
        row = desk.state.accounts.first_position[VAULT]
        while row != NIL:
            if positions.size[row] != 0 and self.unwind_interval != 0:
                self.next_unwind = desk.state.now + self.unwind_interval
            row = positions.next[row]

    def deleverage(self, desk: LiquidationDesk) -> None:
        """At the loss limit: close the vault's positions against the winners."""
        state = desk.state
        positions = state.positions
        row = state.accounts.first_position[VAULT]
        while row != NIL:
            if positions.size[row] != 0 and state.markets.status[positions.market[row]] != HALTED:
                share = equity_share(state, row, cross_equity(state, VAULT, 0), cross_maintenance(state, VAULT, 0))
                at_mark = row_notional(state, row)
                desk.deleverage_row(row, at_mark - share if positions.size[row] > 0 else at_mark + share)
            row = positions.next[row]


class Takeover(LiquidationStep):
    """The vault takes everything over at the mark, with the equity that is left (or missing), below a fraction of maintenance."""

    def __init__(self, vault: Vault, fraction_ppm: i64) -> None:
        super().__init__(0)
        self.vault: Vault = vault
        self.fraction_ppm: i64 = fraction_ppm

    def ready(self, desk: LiquidationDesk, at: i64) -> bool:
        return desk.equity(at) < ppm_floor(desk.maintenance(at), self.fraction_ppm)

    def deleverage(self, desk: LiquidationDesk) -> None:
        if self.vault.is_exhausted(desk):
            self.vault.deleverage(desk)

    def has_room(self, desk: LiquidationDesk, rows: list[i64]) -> bool:
        """Would the vault's positions stay within the position cap of their markets?"""
        state = desk.state
        for row in rows:
            market = state.positions.market[row]
            own = state.find_position(VAULT, market)
            held = state.positions.size[own] if own != NIL else 0
            if abs_i64(held + state.positions.size[row]) > state.markets.max_lots[market]:
                return False
        return True

    def act(self, desk: LiquidationDesk, at: i64) -> bool:
        state = desk.state
        rows = desk.rows_of(at)
        if self.vault.is_exhausted(desk) or not self.has_room(desk, rows):
            return True
        equity = desk.equity(at)
        maintenance = desk.maintenance(at)
        for row in rows:
            held = state.positions.size[row]
            debt = max_i64(0, -equity_share(state, row, equity, maintenance))
            value = hand_over(desk, row, VAULT, abs_i64(held), debt, k.BY_TAKEOVER)
            market = state.positions.market[row]
            state.log.emit(k.E_TAKEN_OVER, state.now, desk.table.account[at], VAULT, market, held, value)
        rest = desk.equity(at)
        desk.ledger.pay(rows[0], VAULT, rest)
        if rest < 0:
            desk.backstops.report(rows[0], k.PAID_VAULT, -rest)
        elif rest > 0:
            state.log.emit(k.E_SURPLUS_PAID, state.now, desk.table.account[at], VAULT, desk.table.asset[at], rest)
        if self.vault.next_unwind == 0:
            self.vault.schedule(desk)
        return False
