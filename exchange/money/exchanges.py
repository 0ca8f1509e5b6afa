"""Pure: may an account trade in a spot market, or give away what it has? Nobody sells what he has not got, or buys on credit."""

from __future__ import annotations

from mypy_extensions import i64

from ..schema.kinds import BUY
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ACCOUNT
from ..state.types import NIL, min_i64
from .margin import cross_equity, cross_notional, equity_and_initial, free_margin, margin_left, stale_profit, transfer_margin
from .spot import unreserved


def can_fund(state: State, account: i64, market: Market, side: i64) -> bool:
    """Has the account all that its open orders of this side would give? It must be there, and be free: it leaves the margin of positions
    as if it were withdrawn."""
    asset = market.asset if side == BUY else market.base
    room = unreserved(state, account, asset)
    reserved = state.accounts.cash[account * state.accounts.assets + asset] - room
    room = min_i64(room, margin_left(state, account, asset, market) - stale_profit(state, account, asset))
    if state.transfer_margin_ppm != 0:
        kept = transfer_margin(state, cross_notional(state, account, asset))
        room = min_i64(room, cross_equity(state, account, asset) - reserved - kept)
    return room >= 0


def allows_spot(state: State, market: Market, row: i64, lots: i64, value: i64, fee: i64) -> bool:
    """May the account of a row trade `lots` (signed) for `value` >= 0, at a fee?

    It must have what it gives, and meet the initial requirement of its positions in both assets afterwards; or be no worse off than before.
    """
    accounts = state.accounts
    account = state.positions.cells[row + P_ACCOUNT]
    quote = account * accounts.assets + market.asset
    base = account * accounts.assets + market.base
    paid = value + fee if lots > 0 else fee - value
    before = spare(state, account, market, market.asset)
    base_before = spare(state, account, market, market.base)
    accounts.cash[quote] -= paid
    accounts.cash[base] += lots * market.base_lot
    after = spare(state, account, market, market.asset)
    base_after = spare(state, account, market, market.base)
    has_it = accounts.cash[base] >= 0 and (lots < 0 or accounts.cash[quote] >= 0)
    accounts.cash[quote] += paid
    accounts.cash[base] -= lots * market.base_lot
    return has_it and (after >= 0 or after >= before) and (base_after >= 0 or base_after >= base_before)


def keeps_collateral(state: State, account: i64, asset: i64, amount: i64) -> bool:
    """May `amount` of an asset leave an account, as far as it stands in for the cash of another? The requirement of positions and orders
    must be met without it; or it does not matter."""
    number = state.collateral_market[asset]
    if number == NIL:
        return True
    accounts = state.accounts
    before = margin_without(state, account, state.markets[number])
    accounts.cash[account * accounts.assets + asset] -= amount
    after = margin_without(state, account, state.markets[number])
    accounts.cash[account * accounts.assets + asset] += amount
    return after >= 0 or after >= before


def withdrawable(state: State, account: i64, asset: i64) -> i64:
    """What may leave the account now [micro]; zero or less: nothing. Exact: to the micro-unit that a withdrawal is refused for."""
    most = free_margin(state, account, asset)
    if state.collateral_market[asset] == NIL or most <= 0 or keeps_collateral(state, account, asset, most):
        return most
    least: i64 = 0
    while most - least > 1:
        middle = least + (most - least) // 2
        if keeps_collateral(state, account, asset, middle):
            least = middle
        else:
            most = middle
    return least


def margin_without(state: State, account: i64, market: Market) -> i64:
    """What may back another order in what a market settles in, or leave the account, without anything measured at a stale price [micro]."""
    asset = market.asset
    room = margin_left(state, account, asset, market)
    if state.transfer_margin_ppm != 0:
        room = min_i64(room, cross_equity(state, account, asset) - transfer_margin(state, cross_notional(state, account, asset)))
    return room - stale_profit(state, account, asset)


def spare(state: State, account: i64, market: Market, asset: i64) -> i64:
    """What the account has of an asset over the initial requirement of its positions, without profit at stale prices [micro]. `market`: one
    that is at hand."""
    equity, initial = equity_and_initial(state, account, asset, NIL, 0, market)
    return equity - initial - stale_profit(state, account, asset)
