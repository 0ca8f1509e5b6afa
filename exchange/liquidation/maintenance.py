"""Maintenance windows: statuses of markets that are set ahead of time, for a time. The operator plans them, and may take one back.

When a window begins its markets get one status, as if the operator had set it then; when it ends another, if they still have the first:
what he has set in between stands. So windows of a market are apart: of two that overlap the one that ends first would open what the other
closes. A settled market stays settled.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.schedule import MAINTENANCE
from ..state.state import State
from ..state.types import NIL
from ..state.windows import MAX_WINDOWS, N_AFTER, N_BEGUN, N_DURING, N_END, N_MARKET, N_START, Windows
from .settlement import MarketDesk


class MaintenanceDesk:
    """Commands return the reason of a refusal, or 0."""

    def __init__(self, state: State, markets: MarketDesk) -> None:
        self.state: State = state
        self.windows: Windows = state.windows
        self.markets: MarketDesk = markets

    def plan(self, market: i64, start: i64, end: i64, during: i64, after: i64) -> i64:
        state = self.state
        if market >= len(state.markets):
            return k.R_UNKNOWN_MARKET
        if market != NIL and state.markets[market].status == k.SETTLED:
            return k.R_MARKET_SETTLED
        if start <= state.now or end <= start:
            return k.R_MAINTENANCE_TIMES
        if during == k.SETTLED or after == k.SETTLED:
            return k.R_MAINTENANCE_STATUS
        if (during == k.REDUCE_ONLY_MODE or after == k.REDUCE_ONLY_MODE) and self.has_spot(market):
            return k.R_SPOT_MARKET
        if self.windows.live >= MAX_WINDOWS:
            return k.R_TOO_MANY_WINDOWS
        if self.overlaps(market, start, end):
            return k.R_MAINTENANCE_OVERLAP
        number = self.windows.plan(market, start, end, during, after)
        state.schedule.set(MAINTENANCE, number, start)
        state.log.emit(k.E_MAINTENANCE_SCHEDULED, state.now, number, market, start, end, during, after)
        return 0

    def has_spot(self, market: i64) -> bool:
        """Is the market, or any one that is not settled if it is NIL, a spot market?"""
        if market != NIL:
            return self.state.markets[market].is_spot != 0
        for one in self.state.markets:
            if one.is_spot != 0 and one.status != k.SETTLED:
                return True
        return False

    def overlaps(self, market: i64, start: i64, end: i64) -> bool:
        """Is there a window of the market, planned or begun, that has a moment in common with this one? One that ends as it begins has:
        which of them turned last would be a matter of their numbers."""
        cells = self.windows.cells
        for at in self.windows.index.values():
            row: i64 = at
            is_of_both = market == NIL or cells[row + N_MARKET] == NIL or cells[row + N_MARKET] == market
            if is_of_both and start <= cells[row + N_END] and cells[row + N_START] <= end:
                return True
        return False

    def cancel(self, number: i64) -> i64:
        """Only one that has not begun: a market that is closed is opened by setting its status."""
        state = self.state
        row = self.windows.find(number)
        if row == NIL or self.windows.cells[row + N_BEGUN] != 0:
            return k.R_UNKNOWN_WINDOW
        market = self.windows.cells[row + N_MARKET]
        state.schedule.cancel(MAINTENANCE, number)
        self.windows.remove(number, 0)
        state.log.emit(k.E_MAINTENANCE_CANCELLED, state.now, number, market)
        return 0

    def turn(self, number: i64) -> None:
        """A window begins, or ends."""
        row = self.windows.find(number)
        cells = self.windows.cells
        market = cells[row + N_MARKET]
        during = cells[row + N_DURING]
        status = during
        ends = cells[row + N_BEGUN] != 0
        if ends:
            status = cells[row + N_AFTER]
            self.windows.remove(number, 0)
        else:
            cells[row + N_BEGUN] = 1
            self.state.schedule.set(MAINTENANCE, number, cells[row + N_END])
        for one in self.state.markets:
            if (market == NIL or one.number == market) and (not ends or one.status == during):
                self.markets.set_status(one.number, status, 0)  # refused only where it has been settled
