"""Pure: an account's margin line by line. The lines add up to what decides: their equity to the account's equity, their initial requirement
to all that is kept from another order, their maintenance to the requirement that liquidates."""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..schema.views import RequirementLine
from ..state.state import State
from ..state.tables import P_ASK_LOTS, P_BID_LOTS, P_MARKET, P_MODE, P_NEXT, P_SIZE, SPOT_MODE
from ..state.types import NIL, max_i64
from .collateral import counts_for, hedged, held_of
from .margin import order_initial, profit_at, row_covered, row_equity, row_initial, row_maintenance, row_order_initial
from .spot import reserved_base, reserved_quote


def requirement_lines(state: State, account: i64, asset: i64) -> list[RequirementLine]:
    """Cash, what other assets count for, and by market the position and its orders."""
    cash = state.accounts.cash[account * state.accounts.assets + asset]
    lines = [RequirementLine(k.LINE_CASH, asset, -1, cash, 0, 0, cash, 0, 0)]
    other: i64 = 0
    while other < state.accounts.assets:
        number = state.collateral_market[other]
        held = held_of(state, account, other)
        if number != NIL and state.markets[number].asset == asset and held != 0:
            counted = counts_for(state, account, other, NIL, 0)
            covered = hedged(state, account, other, NIL, 0)
            lines.append(RequirementLine(k.LINE_COLLATERAL, other, number, held, covered, state.markets[number].mark, counted, 0, 0))
        other += 1
    row = state.accounts.first_position[account]
    while row != NIL:
        add_lines(state, row, asset, lines)
        row = state.positions.cells[row + P_NEXT]
    return lines


def add_lines(state: State, row: i64, asset: i64, lines: list[RequirementLine]) -> None:
    """Those of one position row."""
    cells = state.positions.cells
    market = state.markets[cells[row + P_MARKET]]
    number = market.number
    size = cells[row + P_SIZE]
    has_orders = cells[row + P_BID_LOTS] != 0 or cells[row + P_ASK_LOTS] != 0
    if cells[row + P_MODE] == SPOT_MODE:
        reserved: i64 = 0
        if market.asset == asset:
            reserved = reserved_quote(market, cells, row)
        elif market.base == asset:
            reserved = reserved_base(market, cells, row)
        if reserved != 0:
            lines.append(RequirementLine(k.LINE_ORDERS, asset, number, 0, 0, market.mark, 0, reserved, 0))
    elif market.asset == asset and cells[row + P_MODE] == k.CROSS:
        alone: i64 = 0
        if size != 0:
            alone = row_initial(state, row)
            profit = profit_at(market, cells, row, market.mark)
            covered = row_covered(state, market, row)
            required = row_maintenance(state, row)
            lines.append(RequirementLine(k.LINE_POSITION, asset, number, size, covered, market.mark, profit, alone, required))
        if has_orders:
            more = order_initial(state, market, row) - alone
            lines.append(RequirementLine(k.LINE_ORDERS, asset, number, 0, 0, market.mark, 0, more, 0))
    elif market.asset == asset and has_orders:  # those of an isolated position: what its margin does not carry
        beyond = max_i64(0, row_order_initial(market, cells, row) - row_equity(state, row))
        lines.append(RequirementLine(k.LINE_ORDERS, asset, number, 0, 0, market.mark, 0, beyond, 0))
