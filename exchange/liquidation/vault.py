"""The backstop vault: an account that takes liquidated accounts over, and unwinds by a rule of the design that the core runs.

Its capital is in the first asset; in another it has nothing to lose, and takes nothing. It is not margined; its loss limit is its bound.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import cross_equity, cross_maintenance, equity_share
from ..schema import kinds as k
from ..state.types import (
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
from ..trading.access import is_suspended
from .desk import LiquidationDesk, LiquidationStep
from .slices import whole_or_part
from .steps import hand_over, send


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
        self.next_unwind: i64 = 0  # [ns], 0: nothing to unwind

    def room(self, desk: LiquidationDesk, asset: i64) -> i64:
        """What it may still lose in an asset [micro]; 0 or less: it is exhausted there."""
        equity = cross_equity(desk.state, VAULT, asset)
        return self.loss_limit - (self.capital - equity) if asset == 0 else min_i64(0, equity)

    def unwind(self, desk: LiquidationDesk) -> None:
        state = desk.state
        positions = state.positions
        row = state.accounts.first_position[VAULT]
        while row != NIL:
            held = positions.size[row]
            if held != 0 and not is_suspended(state, positions.market[row]):
                self.unwind_row(desk, row, held)
            row = positions.next[row]
        self.schedule(desk)

    def unwind_row(self, desk: LiquidationDesk, row: i64, held: i64) -> None:
        markets = desk.state.markets
        market = desk.state.positions.market[row]
        if held > 0:
            price = max_i64(markets.mark[market], markets.oracle[market])  # a mark that was pushed away sells nothing cheaply
            limit = max_i64(1, div_ceil(price * (PPM - self.unwind_band_ppm), PPM))
        else:
            price = min_i64(markets.mark[market], markets.oracle[market])
            limit = min_i64(markets.max_price[market], price * (PPM + self.unwind_band_ppm) // PPM)
        lots = whole_or_part(desk.state, market, held, mul_div_ceil(abs_i64(held), self.unwind_ppm, PPM))
        send(desk, VAULT, row, held, lots, limit)

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
        """Where it is at its loss limit: close its positions against the winners."""
        state = desk.state
        positions = state.positions
        adl = desk.adl
        row = state.accounts.first_position[VAULT]
        while row != NIL and adl is not None:
            market = positions.market[row]
            asset = state.markets.asset[market]
            if positions.size[row] != 0 and not is_suspended(state, market) and self.room(desk, asset) <= 0:
                equity = cross_equity(state, VAULT, asset)
                desk.deleverage_row(adl, row, desk.slices.bankruptcy_value(row, equity, cross_maintenance(state, VAULT, asset)))
            row = positions.next[row]


class Takeover(LiquidationStep):
    """The vault takes positions over at the mark, with the equity that is left (or missing), below a fraction of maintenance."""

    def __init__(self, vault: Vault, fraction_ppm: i64) -> None:
        super().__init__(0)
        self.vault: Vault = vault
        self.fraction_ppm: i64 = fraction_ppm

    def ready(self, desk: LiquidationDesk, at: i64) -> bool:
        return desk.equity(at) < ppm_floor(desk.maintenance(at), self.fraction_ppm)

    def deleverage(self, desk: LiquidationDesk) -> None:
        self.vault.deleverage(desk)

    def act(self, desk: LiquidationDesk, at: i64) -> bool:
        """Take what the loss limit and the position caps have room for; True if something is left."""
        left = False
        for row in desk.free_rows(at):
            share = equity_share(desk.state, row, desk.equity(at), desk.maintenance(at))
            if self.has_room(desk, row, share):
                self.take(desk, at, row, share)
            else:
                left = True
        if self.vault.next_unwind == 0:
            self.vault.schedule(desk)
        return left

    def has_room(self, desk: LiquidationDesk, row: i64, share: i64) -> bool:
        state = desk.state
        market = state.positions.market[row]
        room = self.vault.room(desk, state.markets.asset[market])
        own = state.find_position(VAULT, market)
        held = state.positions.size[own] if own != NIL else 0
        return room > 0 and -share <= room and abs_i64(held + state.positions.size[row]) <= state.markets.max_lots[market]

    def take(self, desk: LiquidationDesk, at: i64, row: i64, share: i64) -> None:
        """One position at the mark, and its share of the account's equity with it; of the last one that is all of it."""
        state = desk.state
        account = desk.table.account[at]
        market = state.positions.market[row]
        held = state.positions.size[row]
        value = hand_over(desk, row, VAULT, abs_i64(held), max_i64(0, -share), k.BY_TAKEOVER)
        state.log.emit(k.E_TAKEN_OVER, state.now, account, VAULT, market, held, value)
        desk.ledger.pay(row, VAULT, share)
        if share < 0:
            desk.backstops.report(row, k.PAID_VAULT, -share)
        elif share > 0:
            state.log.emit(k.E_SURPLUS_PAID, state.now, account, VAULT, state.markets.asset[market], share)
