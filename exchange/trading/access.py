"""What a market's state lets be done in it: orders, liquidations, samples of its book, money that rests on its price. Changes nothing.

A market is suspended while nothing at all may be closed in it: halted, cancel-only, or with a stale oracle where the design pauses
liquidations then. A suspension holds back only what is in that market, and clocks of what it holds back stand still.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import is_stale
from ..schema import kinds as k
from ..state.tables import State
from ..state.types import (
    ACTIVE,
    BUY,
    CANCEL_ONLY,
    HALT_NEW_RISK,
    HALTED,
    NIL,
    PAUSE_LIQUIDATION,
    REDUCE_ONLY_MODE,
    max_i64,
)


def is_halted(status: i64) -> bool:
    """Does this status let no trade happen at all?"""
    return status == HALTED or status == CANCEL_ONLY


def is_suspended(state: State, market: i64) -> bool:
    return suspension(state, market) != 0


def suspension(state: State, market: i64) -> i64:
    """Why nothing may be closed in the market now, as the reason of a refusal; 0 if it may."""
    markets = state.markets
    status = markets.status[market]
    if status == HALTED:
        return k.R_MARKET_HALTED
    if status == CANCEL_ONLY:
        return k.R_MARKET_CANCEL_ONLY
    if markets.on_stale[market] == PAUSE_LIQUIDATION and is_stale(state, market):
        return k.R_ORACLE_STALE
    return 0


def suspended_since(state: State, market: i64) -> i64:
    """[ns] when the suspension of a suspended market began."""
    markets = state.markets
    since = markets.suspended_since[market]
    return since if since != NIL else markets.oracle_ts[market] + markets.stale_after[market]


def is_sampled(state: State, market: i64) -> bool:
    """Do the market's quotes mean anything: can they be traded with, and is there an oracle price to hold them against?"""
    return state.markets.status[market] == ACTIVE and not is_stale(state, market)


def only_reductions(state: State, market: i64) -> i64:
    """Why orders in this market may only bring positions closer to zero, as the reason of a cancellation; 0 if they may do more."""
    markets = state.markets
    if markets.status[market] == REDUCE_ONLY_MODE:
        return k.X_MARKET_STATUS
    if markets.on_stale[market] == HALT_NEW_RISK and is_stale(state, market):
        return k.X_ORACLE_STALE
    return 0


def reducible(held: i64, side: i64) -> i64:
    """How many lots of a position of `held` (signed) an order of this side could close."""
    return max_i64(0, -held if side == BUY else held)
