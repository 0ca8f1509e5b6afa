"""Market status, and final settlement: every position of a market is closed at one price, and what accounts cannot pay is folded.

The exit values of all positions sum to zero, since the positions do; a fraction of nobody's money is rounded.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import value_of
from ..schema import kinds as k
from ..state.types import FIRST_USER, ISOLATED, NIL, SETTLED, abs_i64, max_i64, min_i64
from ..trading.access import is_halted, is_suspended, suspended_since
from .backstops import equity_behind
from .desk import LiquidationDesk


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
    else:
        change_status(desk, market, status)
    markets.status[market] = status
    desk.state.log.emit(k.E_MARKET_STATUS_CHANGED, desk.state.now, market, status, price)
    return 0


def change_status(desk: LiquidationDesk, market: i64, status: i64) -> None:
    """Keep the time at which a suspension began, and let what it held back go on when it ends."""
    state = desk.state
    markets = state.markets
    was_suspended = is_suspended(state, market)
    since = suspended_since(state, market) if was_suspended else state.now
    before = markets.status[market]
    markets.status[market] = status
    if is_suspended(state, market):
        if is_halted(status) or is_halted(before):  # a stale oracle that outlasts the halt does not begin anew
            markets.suspended_since[market] = since
        return
    if was_suspended:
        markets.status[market] = before
        desk.resume(market)
        markets.status[market] = status
    markets.suspended_since[market] = NIL


def settle(desk: LiquidationDesk, market: i64, price: i64) -> None:
    """Cancel all orders, close all positions at `price`, pay what accounts lack: a shared loss is shared by what is settled."""
    state = desk.state
    positions = state.positions
    if is_suspended(state, market):
        desk.resume(market)
    state.markets.mark[market] = price
    row: i64 = 0
    while row < positions.count:
        if positions.market[row] == market:
            desk.matcher.open.cancel_row(row, k.X_MARKET_STATUS)
        row += 1
    closed: list[tuple[int, int]] = []  # account, row
    row = state.markets.first_open[market]
    while row != NIL:
        closed.append((int(positions.account[row]), int(row)))
        row = positions.next_open[row]
    closed.sort()
    desk.ledger.record()
    lost: list[i64] = []
    for done in closed:
        row = done[1]
        lots = -positions.size[row]
        before = positions.realised[row]
        profit = desk.matcher.change_position(row, lots, value_of(state.markets, market, abs_i64(lots), price), 0, False)
        lost.append(max_i64(0, -(before + profit)))
    for done in closed:
        row = done[1]
        if positions.mode[row] == ISOLATED and positions.liquidation[row] == NIL and positions.isolated_margin[row] > 0:
            desk.ledger.to_isolated(row, -positions.isolated_margin[row])
    number: i64 = 0
    for done in closed:
        settle_account(desk, done[1], lost[number])
        number += 1
    for done in closed:
        desk.recover(done[0])
    desk.ledger.forget()
    for done in closed:
        desk.touch(done[0])
    desk.wake()


def settle_account(desk: LiquidationDesk, row: i64, lost: i64) -> None:
    """An account that cannot pay has a deficit, which belongs to this market: all of it if it holds nothing else, else what it has `lost`
    here. Isolated margin goes back to cash."""
    state = desk.state
    positions = state.positions
    account = positions.account[row]
    isolated = row if positions.mode[row] == ISOLATED else NIL
    if account < FIRST_USER or desk.find(account, isolated, state.markets.asset[positions.market[row]]) != NIL:
        return  # a liquidation under way settles its own rest
    deficit = max_i64(0, -equity_behind(state, row))
    if not is_flat(desk, row):
        deficit = min_i64(deficit, lost)
    if deficit > 0:
        state.log.emit(k.E_LIQUIDATED, state.now, account, positions.market[row], k.BY_SETTLEMENT, 0, 0, deficit, 0)
        desk.backstops.fold_here(row, deficit)
    if positions.mode[row] == ISOLATED:
        desk.ledger.to_isolated(row, -positions.isolated_margin[row])


def is_flat(desk: LiquidationDesk, row: i64) -> bool:
    """Has the account no open position left?"""
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
