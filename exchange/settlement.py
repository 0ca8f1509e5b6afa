"""Market status, and final settlement: every position of a market is closed at one price, and what accounts cannot pay is folded.

The exit values of all positions sum to zero, since the positions do; a fraction of nobody's money is rounded.
"""

from __future__ import annotations

from mypy_extensions import i64

from . import kinds as k
from .backstop import equity_behind
from .liquidation import LiquidationDesk
from .margin import value_of
from .types import FIRST_USER, ISOLATED, NIL, SETTLED, abs_i64


def set_market_status(desk: LiquidationDesk, market: i64, status: i64, price: i64) -> i64:
    """Returns the reason of a refusal, or 0."""
    markets = desk.state.markets
    if market >= markets.count:
        return k.R_UNKNOWN_MARKET
    if markets.status[market] == SETTLED:
        return k.R_MARKET_SETTLED
    if price > markets.max_price[market]:
        return k.R_PRICE_LIMIT
    if status == SETTLED:
        if price == 0:
            price = markets.mark[market]
        if price == 0:
            return k.R_NO_MARK_PRICE
        settle(desk, market, price)
    markets.status[market] = status
    desk.state.log.emit(k.E_MARKET_STATUS_CHANGED, desk.state.now, market, status, price)
    return 0


def settle(desk: LiquidationDesk, market: i64, price: i64) -> None:
    """Cancel all orders, close all positions at `price`, pay what accounts are left short of."""
    state = desk.state
    positions = state.positions
    state.markets.mark[market] = price
    row: i64 = 0
    while row < positions.count:
        if positions.market[row] == market:
            desk.matcher.cancel_row(row, k.X_MARKET_STATUS)
        row += 1
    closed: list[i64] = []
    row = 0
    while row < positions.count:
        if positions.market[row] == market and positions.size[row] != 0:
            lots = -positions.size[row]
            desk.matcher.change_position(row, lots, value_of(state.markets, market, abs_i64(lots), price), 0, False)
            closed.append(row)
        row += 1
    for done in closed:
        settle_account(desk, done)
    at: i64 = 0
    while at < desk.table.rows:
        desk.end_if_done(at)
        at += 1


def settle_account(desk: LiquidationDesk, row: i64) -> None:
    """An account without other positions that cannot pay has a deficit; isolated margin goes back to cash."""
    state = desk.state
    positions = state.positions
    account = positions.account[row]
    isolated = row if positions.mode[row] == ISOLATED else NIL
    if account < FIRST_USER or desk.find(account, isolated, state.markets.asset[positions.market[row]]) != NIL:
        return  # a liquidation under way settles its own rest
    equity = equity_behind(state, row)
    if equity < 0 and is_flat(desk, row):
        state.log.emit(k.E_LIQUIDATED, state.now, account, positions.market[row], k.BY_SETTLEMENT, 0, 0, -equity, 0)
        desk.backstops.fold(row, -equity)
    if positions.mode[row] == ISOLATED:
        desk.ledger.to_isolated(row, -positions.isolated_margin[row])


def is_flat(desk: LiquidationDesk, row: i64) -> bool:
    """Has the account no open position left that could still earn what it owes?"""
    state = desk.state
    positions = state.positions
    if positions.mode[row] == ISOLATED:
        return True
    asset = state.markets.asset[positions.market[row]]
    other = state.accounts.first_position[positions.account[row]]
    while other != NIL:
        same = positions.mode[other] != ISOLATED and state.markets.asset[positions.market[other]] == asset
        if same and positions.size[other] != 0:
            return False
        other = positions.next[other]
    return True
