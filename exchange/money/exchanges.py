"""Pure: may an account trade in a spot market, or give away what it has? Nobody sells what he has not got, or buys on credit."""

from __future__ import annotations

from mypy_extensions import i64

from ..schema.kinds import BUY, R_INSUFFICIENT_MARGIN, R_ORACLE_STALE
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ACCOUNT
from ..state.types import NIL, abs_i64, min_i64
from .collateral import has_collateral
from .margin import (
    cross_equity,
    cross_notional,
    cross_rows,
    equity_and_initial,
    free_margin,
    keeps_ratio,
    margin_left,
    stale_equity,
    transfer_margin,
)
from .payoff import value_of
from .spot import unreserved


def can_fund(state: State, account: i64, market: Market, side: i64) -> bool:
    """Has the account all that its open orders of this side would give? It must be there, and be free: it leaves the margin of positions
    as if it were withdrawn."""
    asset = market.asset if side == BUY else market.base
    room = unreserved(state, account, asset)
    reserved = state.accounts.cash[account * state.accounts.assets + asset] - room
    unsure = stale_equity(state, account, asset)
    room = min_i64(room, margin_left(state, account, asset, market) - unsure)
    if state.transfer_margin_ppm != 0:
        kept = transfer_margin(state, cross_notional(state, account, asset))
        room = min_i64(room, cross_equity(state, account, asset) - unsure - reserved - kept)
    return room >= 0


def allows_spot(state: State, market: Market, row: i64, lots: i64, value: i64, fee: i64) -> bool:
    """May the account of a row trade `lots` (signed) for `value` >= 0, at a fee?

    It must have what it gives, and meet the initial requirement of its positions in both assets afterwards; or be no worse off than before,
    and lose no more against the mark than a perpetual would let it.
    If what it pays with stands in for the cash of another asset, it leaves that as if it were withdrawn.
    """
    accounts = state.accounts
    account = state.positions.cells[row + P_ACCOUNT]
    quote = account * accounts.assets + market.asset
    base = account * accounts.assets + market.base
    paid = value + fee if lots > 0 else fee - value
    if paid > 0 and refused_collateral(state, account, market.asset, paid) != 0:
        return False
    before = spare(state, account, market, market.asset)
    base_before = spare(state, account, market, market.base)
    accounts.cash[quote] -= paid
    accounts.cash[base] += lots * market.base_lot
    after = spare(state, account, market, market.asset)
    base_after = spare(state, account, market, market.base)
    has_it = accounts.cash[base] >= 0 and (accounts.cash[quote] >= 0 or (lots < 0 and stands_for(state, account, market.asset)))
    accounts.cash[quote] += paid
    accounts.cash[base] -= lots * market.base_lot
    if not has_it or (base_after < 0 and base_after < base_before):
        return False
    return after >= 0 or (after >= before and loses_no_more(state, account, market, lots, value))


def stands_for(state: State, account: i64, asset: i64) -> bool:
    """Does anything stand behind what the account owes in an asset: a position, or what may be sold for it? Nobody sells the last of it and
    still owes: for how much it goes then is the liquidation's to say."""
    return not state.has_collateral or len(cross_rows(state, account, asset)) > 0 or has_collateral(state, account, asset)


def loses_no_more(state: State, account: i64, market: Market, lots: i64, value: i64) -> bool:
    """Does a trade of what stands in for cash lose no more against the mark than a fill of a perpetual may that closes as much: as large a
    part of the equity as its worth is of the positions' notional? Else two accounts of one owner could trade it for what it counts for,
    and one would keep the rest. What does not stand in for anything might leave anyway."""
    if state.collateral_market[market.base] == NIL:
        return True
    worth = value_of(market, abs_i64(lots), market.mark)
    gained = worth - value if lots > 0 else value - worth
    sure = cross_equity(state, account, market.asset) - stale_equity(state, account, market.asset)
    notional = cross_notional(state, account, market.asset)
    return keeps_ratio(sure, gained, notional, notional - worth)


def refused_collateral(state: State, account: i64, asset: i64, amount: i64) -> i64:
    """Why `amount` of an asset may not leave an account, as far as it stands in for the cash of another; 0 if it may. The requirement of
    positions and orders must be met without it, and without what is measured at stale prices; or it does not matter, at its last price, and
    nothing is owed: a debt is paid with more than it counts for."""
    number = state.collateral_market[asset]
    if number == NIL:
        return 0
    accounts = state.accounts
    settled_in = state.markets[number].asset
    before = room_at_marks(state, account, state.markets[number])
    accounts.cash[account * accounts.assets + asset] -= amount
    after = room_at_marks(state, account, state.markets[number])
    unsure = stale_equity(state, account, settled_in)
    accounts.cash[account * accounts.assets + asset] += amount
    if after - unsure >= 0 or (after >= before and accounts.cash[account * accounts.assets + settled_in] >= 0):
        return 0
    return R_ORACLE_STALE if after >= 0 else R_INSUFFICIENT_MARGIN


def withdrawable(state: State, account: i64, asset: i64) -> i64:
    """What may leave the account now [micro]; zero or less: nothing. Exact: to the micro-unit that a withdrawal is refused for."""
    most = free_margin(state, account, asset)
    if state.collateral_market[asset] == NIL or most <= 0 or refused_collateral(state, account, asset, most) == 0:
        return most
    least: i64 = 0
    while most - least > 1:
        middle = least + (most - least) // 2
        if refused_collateral(state, account, asset, middle) == 0:
            least = middle
        else:
            most = middle
    return least


def room_at_marks(state: State, account: i64, market: Market) -> i64:
    """What may back another order in what a market settles in, or leave the account, as far as the transfer margin stays behind [micro].
    At the last prices, be they stale."""
    asset = market.asset
    room = margin_left(state, account, asset, market)
    if state.transfer_margin_ppm != 0:
        room = min_i64(room, cross_equity(state, account, asset) - transfer_margin(state, cross_notional(state, account, asset)))
    return room


def spare(state: State, account: i64, market: Market, asset: i64) -> i64:
    """What the account has of an asset over the initial requirement of its positions, without what is measured at stale prices [micro].
    `market`: one that is at hand."""
    equity, initial = equity_and_initial(state, account, asset, NIL, 0, market)
    return equity - initial - stale_equity(state, account, asset)
