"""Who may act, and what a market's state lets be done in it: orders, liquidations, samples of its book. Changes nothing.

A market is suspended while nothing at all may be closed in it: halted, cancel-only, or with a stale oracle where the design pauses
liquidations then. A suspension holds back only what is in that market, and clocks of what it holds back stand still.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.collateral import is_profit_stale
from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ISOLATED_MARGIN, P_LIQUIDATION, P_NEXT, P_SHARES, P_SIZE
from ..state.types import FIRST_USER, NIL, max_i64

# -- accounts: the reason of a refusal, 0 if there is none -------------------------------------------------------------------------


def refused_user(state: State, account: i64) -> i64:
    """Is this an account that commands may act for?"""
    if account >= state.accounts.count:
        return k.R_UNKNOWN_ACCOUNT
    if account < FIRST_USER:
        return k.R_SYSTEM_ACCOUNT
    return 0


def refused_user_in_market(state: State, account: i64, market: i64) -> i64:
    if account >= state.accounts.count:
        return k.R_UNKNOWN_ACCOUNT
    if market >= len(state.markets):
        return k.R_UNKNOWN_MARKET
    if account < FIRST_USER:
        return k.R_SYSTEM_ACCOUNT
    return 0


def refused_user_with_asset(state: State, account: i64, asset: i64) -> i64:
    if account >= state.accounts.count:
        return k.R_UNKNOWN_ACCOUNT
    if asset >= state.accounts.assets:
        return k.R_UNKNOWN_ASSET
    if account < FIRST_USER:
        return k.R_SYSTEM_ACCOUNT
    return 0


def has_nothing(state: State, account: i64) -> bool:
    """Has an account no money of any asset, no position and no share of a pool? No order of it could be let in."""
    accounts = state.accounts
    asset: i64 = 0
    while asset < accounts.assets:
        if accounts.cash[account * accounts.assets + asset] > 0:
            return False
        asset += 1
    cells = state.positions.cells
    row = accounts.first_position[account]
    while row != NIL:
        if cells[row + P_SIZE] != 0 or cells[row + P_ISOLATED_MARGIN] != 0 or cells[row + P_SHARES] != 0:
            return False
        row = cells[row + P_NEXT]
    return True


def in_liquidation(state: State, account: i64, row: i64) -> bool:
    """Are the account's cross positions being liquidated, or the isolated position `row` (NIL: none)?"""
    return state.accounts.liquidations[account] != 0 or (row != NIL and state.positions.cells[row + P_LIQUIDATION] != 0)


def refused_frozen(state: State, account: i64) -> i64:
    """What a frozen account does not let happen: orders, settings, money out."""
    return k.R_ACCOUNT_FROZEN if state.accounts.mode[account] == k.MODE_FROZEN else 0


def refused_risk(state: State, account: i64) -> i64:
    """What an account that is frozen, or reduces only, does not let happen: a position that opens or grows."""
    mode = state.accounts.mode[account]
    if mode == k.MODE_NORMAL:
        return 0
    return k.R_ACCOUNT_FROZEN if mode == k.MODE_FROZEN else k.R_ACCOUNT_REDUCE_ONLY


def refused_mode(state: State, account: i64, reduce_only: i64) -> i64:
    """What an account's kill switch says to an order, or to what sends orders for it; 0: nothing."""
    return refused_frozen(state, account) if reduce_only != 0 else refused_risk(state, account)


def refused_orders(state: State, account: i64, row: i64, reduce_only: i64) -> i64:
    """Why an account sends no order now: it is being liquidated, or its position `row` (NIL: none) is, or its kill switch says no."""
    return k.R_IN_LIQUIDATION if in_liquidation(state, account, row) else refused_mode(state, account, reduce_only)


# -- markets -----------------------------------------------------------------------------------------------------------------------


def is_halted(status: i64) -> bool:
    """Does this status let no trade happen at all?"""
    return status == k.HALTED or status == k.CANCEL_ONLY


def is_suspended(market: Market, now: i64) -> bool:
    return suspension(market, now) != 0


def suspension(market: Market, now: i64) -> i64:
    """Why nothing may be closed in the market now, as the reason of a refusal; 0 if it may."""
    if market.status == k.HALTED:
        return k.R_MARKET_HALTED
    if market.status == k.CANCEL_ONLY:
        return k.R_MARKET_CANCEL_ONLY
    if market.on_stale == k.PAUSE_LIQUIDATION and market.status != k.SETTLED and market.is_stale(now):
        return k.R_ORACLE_STALE
    return 0


def holds_triggers(state: State, market: Market) -> bool:
    """Do triggers neither fire nor trail in the market now? Their orders could not take, or not all prices of this moment have come."""
    return state.awaits_prices or market.status == k.POST_ONLY_MODE or is_suspended(market, state.now)


def suspended_since(market: Market) -> i64:
    """[ns] when the suspension of a suspended market began."""
    return market.suspended_since if market.suspended_since != NIL else market.oracle_ts + market.stale_after


def is_sampled(market: Market, now: i64) -> bool:
    """Do the market's quotes mean anything: can they be traded with, and is there an oracle price to hold them against?"""
    return market.status == k.ACTIVE and not market.is_stale(now)


def only_reductions(market: Market, now: i64) -> i64:
    """Why orders in this market may only bring positions closer to zero, as the reason of a cancellation; 0 if they may do more."""
    if market.status == k.REDUCE_ONLY_MODE:
        return k.X_MARKET_STATUS
    if is_profit_stale(market, now):
        return k.X_ORACLE_STALE
    return 0


def refused_order(market: Market, now: i64, tif: i64, only_reduces: bool) -> i64:
    """May an order with this time in force come in, one that can only reduce a position or one that can do more?"""
    status = market.status
    if status != k.ACTIVE:
        if status == k.SETTLED:
            return k.R_MARKET_SETTLED
        if status == k.HALTED:
            return k.R_MARKET_HALTED
        if status == k.CANCEL_ONLY:
            return k.R_MARKET_CANCEL_ONLY
        if status == k.REDUCE_ONLY_MODE and not only_reduces:
            return k.R_MARKET_REDUCE_ONLY
        if status == k.POST_ONLY_MODE and tif != k.POST_ONLY and tif != k.RPI:
            return k.R_MARKET_POST_ONLY
    if market.mark == 0:
        return k.R_NO_MARK_PRICE
    if market.on_stale == k.HALT_NEW_RISK and not only_reduces and market.is_stale(now):
        return k.R_ORACLE_STALE
    return 0


def never_takes(tif: i64) -> bool:
    """Does an order with this time in force never trade when it comes in?"""
    return tif == k.POST_ONLY or tif == k.RPI


# -- positions ---------------------------------------------------------------------------------------------------------------------


def reducible(held: i64, side: i64) -> i64:
    """How many lots of a position of `held` (signed) an order of this side could close."""
    return max_i64(0, -held if side == k.BUY else held)


def reduces(held: i64, lots: i64) -> bool:
    """Does a change by `lots` (signed) only bring a position closer to zero?"""
    return (held > 0 and -held <= lots < 0) or (held < 0 and 0 < lots <= -held)
