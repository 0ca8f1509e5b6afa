"""Maintenance windows: statuses of markets that are set ahead of time, for a time. The operator plans them, and may take one back.

When a window begins its markets get one status, when it ends another, as if the operator had set them then; what he sets in between stands
until the end. A settled market stays settled.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.schedule import MAINTENANCE
from ..state.state import State
from ..state.types import NIL
from ..state.windows import MAX_WINDOWS, N_AFTER, N_BEGUN, N_DURING, N_END, N_MARKET, Windows
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
        if self.windows.live >= MAX_WINDOWS:
            return k.R_TOO_MANY_WINDOWS
        number = self.windows.plan(market, start, end, during, after)
        state.schedule.set(MAINTENANCE, number, start)
        state.log.emit(k.E_MAINTENANCE_SCHEDULED, state.now, number, market, start, end, during, after)
        return 0

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
        status = cells[row + N_DURING]
        if cells[row + N_BEGUN] == 0:
            cells[row + N_BEGUN] = 1
            self.state.schedule.set(MAINTENANCE, number, cells[row + N_END])
        else:
            status = cells[row + N_AFTER]
            self.windows.remove(number, 0)
        if market != NIL:
            self.markets.set_status(market, status, 0)  # refused only where it has been settled
            return
        for one in self.state.markets:
            self.markets.set_status(one.number, status, 0)
