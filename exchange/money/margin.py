"""Pure: equity, initial and maintenance requirement, liquidation and bankruptcy price. Nothing here changes anything.

Equity and requirements are recomputed over the account's own position rows each time, never cached across a mark change.
Requirements round up, equity rounds down (what a position owes rounds up). An isolated position stands for itself: its equity is
its isolated margin plus its profit; it burdens the account's cash only by what its open orders would need on top.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..schema.kinds import CROSS, ISOLATED
from ..state.market import Market
from ..state.state import State
from ..state.tables import (
    P_ACCOUNT,
    P_ACCRUAL,
    P_ASK_LOTS,
    P_ASK_NOTIONAL,
    P_BID_LOTS,
    P_BID_NOTIONAL,
    P_ENTRY,
    P_ISOLATED_MARGIN,
    P_LEVERAGE,
    P_MARKET,
    P_MODE,
    P_NEXT,
    P_SIZE,
    SPOT_MODE,
)
from ..state.types import (
    NIL,
    abs_i64,
    accrual_due,
    div_ceil,
    max_i64,
    min_i64,
    ppm_ceil,
)
from .collateral import collateral, covered_lots, is_profit_stale, relief, stale_collateral, uncounted
from .payoff import lot_value, value_of
from .spot import reserved_base, reserved_quote, unreserved

SMALL: Final[i64] = 1 << 52  # times MAX_LEVERAGE fits 64 bits

# -- one market -------------------------------------------------------------------------------------------------------------------


def initial_of(market: Market, notional: i64, leverage: i64) -> i64:
    """Initial requirement [micro]: the larger of notional / leverage and the tiers' own requirement."""
    tier = tier_of(market, notional)
    by_tier = ppm_ceil(notional, market.initial_ppm[tier]) - market.initial_deduction[tier]
    if by_tier < SMALL and by_tier * leverage >= notional:  # then it is the larger one: mostly so, and a division costs more than the rest
        return by_tier
    return max_i64(div_ceil(notional, leverage), by_tier)


def maintenance_of(market: Market, notional: i64) -> i64:
    """Maintenance requirement [micro]: notional x rate - deduction, continuous where a tier begins."""
    tier = tier_of(market, notional)
    return ppm_ceil(notional, market.maintenance_ppm[tier]) - market.maintenance_deduction[tier]


def tier_of(market: Market, notional: i64) -> i64:
    """The last tier whose lower bound is at or below the notional."""
    lower = market.tier_lower
    last = market.tiers - 1
    tier: i64 = 0
    while tier < last and notional >= lower[tier + 1]:
        tier += 1
    return tier


# -- one position -----------------------------------------------------------------------------------------------------------------


def owed(market: Market, cells: vec[i64], row: i64) -> i64:
    """What the position owes by its accrual and has not paid yet [micro], rounded up; negative: is due to receive."""
    size = cells[row + P_SIZE]
    delta = (market.accrual_long if size > 0 else market.accrual_short) - cells[row + P_ACCRUAL]
    if delta == 0 or size == 0:
        return 0
    return accrual_due(abs_i64(size), delta, market.accrual_shift)


def profit_at(market: Market, cells: vec[i64], row: i64, price: i64) -> i64:
    """Unrealised profit of a position at `price`, less what it owes [micro]."""
    size = cells[row + P_SIZE]
    if size == 0:
        return 0
    return value_of(market, size, price) - cells[row + P_ENTRY] - owed(market, cells, row)


def market_of(state: State, row: i64) -> Market:
    return state.markets[state.positions.cells[row + P_MARKET]]


def unsettled(state: State, row: i64) -> i64:
    """What the position owes and has not paid yet [micro]."""
    return owed(market_of(state, row), state.positions.cells, row)


def row_profit(state: State, row: i64, price: i64) -> i64:
    """Unrealised profit of a position at `price` [micro]."""
    return profit_at(market_of(state, row), state.positions.cells, row, price)


def row_equity(state: State, row: i64) -> i64:
    """Equity of an isolated position at the mark [micro]."""
    market = market_of(state, row)
    cells = state.positions.cells
    return cells[row + P_ISOLATED_MARGIN] + profit_at(market, cells, row, market.mark)


def row_notional(state: State, row: i64) -> i64:
    market = market_of(state, row)
    return value_of(market, abs_i64(state.positions.cells[row + P_SIZE]), market.mark)


def row_initial(state: State, row: i64) -> i64:
    """Initial requirement of the position alone."""
    market = market_of(state, row)
    required = initial_of(market, row_notional(state, row), state.positions.cells[row + P_LEVERAGE])
    return required if market.hedge_asset == NIL else required - row_relief(state, market, row, required)


def row_maintenance(state: State, row: i64) -> i64:
    market = market_of(state, row)
    required = maintenance_of(market, row_notional(state, row))
    return required if market.hedge_asset == NIL else required - row_relief(state, market, row, required)


def row_covered(state: State, market: Market, row: i64) -> i64:
    """How many lots of the position are hedged."""
    cells = state.positions.cells
    if cells[row + P_MODE] != CROSS:
        return 0
    return covered_lots(state, market, cells[row + P_ACCOUNT], cells[row + P_SIZE])


def row_relief(state: State, market: Market, row: i64, required: i64) -> i64:
    """What the position requires less for being hedged [micro]."""
    return relief(market, abs_i64(state.positions.cells[row + P_SIZE]), row_covered(state, market, row), required)


def hedged_part(state: State, market: Market, account: i64, lots: i64, required: i64) -> i64:
    """What a cross position of `lots` (signed) that requires `required` would require less for being hedged [micro]."""
    return relief(market, abs_i64(lots), covered_lots(state, market, account, lots), required)


def lots_after(size: i64, lots: i64) -> i64:
    """Of a position (unsigned) when orders for `lots` (signed) have filled."""
    return abs_i64(size + lots)


def row_order_initial(market: Market, cells: vec[i64], row: i64) -> i64:
    """Initial requirement of the worse side of position plus open orders, and that side's open loss.

    The open loss is what filling a whole side at its limits would cost against the mark: max(0, limit notional - lots x mark) for
    bids, max(0, lots x mark - limit notional) for asks.
    """
    size = cells[row + P_SIZE]
    bids = cells[row + P_BID_LOTS]
    asks = cells[row + P_ASK_LOTS]
    leverage = cells[row + P_LEVERAGE]
    price = lot_value(market, market.mark)
    if bids == 0 and asks == 0:
        if size == 0:
            return 0
        return initial_of(market, abs_i64(size) * price, leverage)
    bought = lots_after(size, bids) * price
    sold = lots_after(size, -asks) * price
    bid_loss = max_i64(0, cells[row + P_BID_NOTIONAL] - bids * price)
    ask_loss = max_i64(0, asks * price - cells[row + P_ASK_NOTIONAL])
    if bid_loss == ask_loss:  # mostly 0: the requirement does not fall when the notional rises
        return initial_of(market, max_i64(bought, sold), leverage) + bid_loss
    return max_i64(initial_of(market, bought, leverage) + bid_loss, initial_of(market, sold, leverage) + ask_loss)


def order_initial(state: State, market: Market, row: i64) -> i64:
    """The same, less what hedged lots require less."""
    cells = state.positions.cells
    if market.hedge_asset == NIL or cells[row + P_MODE] != CROSS:
        return row_order_initial(market, cells, row)
    size = cells[row + P_SIZE]
    price = lot_value(market, market.mark)
    bids = cells[row + P_BID_LOTS]
    asks = cells[row + P_ASK_LOTS]
    bought = initial_of(market, lots_after(size, bids) * price, cells[row + P_LEVERAGE])
    sold = initial_of(market, lots_after(size, -asks) * price, cells[row + P_LEVERAGE])
    account = cells[row + P_ACCOUNT]
    bought -= hedged_part(state, market, account, size + bids, bought)
    sold -= hedged_part(state, market, account, size - asks, sold)
    bought += max_i64(0, cells[row + P_BID_NOTIONAL] - bids * price)
    sold += max_i64(0, asks * price - cells[row + P_ASK_NOTIONAL])
    return max_i64(bought, sold)


def isolated_shortage(state: State, row: i64) -> i64:
    """What must be added to an isolated position to meet its initial requirement [micro], 0 if nothing."""
    return max_i64(0, row_initial(state, row) - row_equity(state, row))


def sure_equity(state: State, row: i64) -> i64:
    """Equity of an isolated position without unrealised profit at a stale price [micro]: what may be moved out is measured by it."""
    equity = row_equity(state, row)
    market = market_of(state, row)
    if is_profit_stale(market, state.now):
        equity -= max_i64(0, row_profit(state, row, market.mark))
    return equity


# -- the cross positions of an account --------------------------------------------------------------------------------------------


def is_cross(state: State, row: i64, asset: i64) -> bool:
    """Is this an open cross position that settles in the asset?"""
    cells = state.positions.cells
    return cells[row + P_SIZE] != 0 and cells[row + P_MODE] == CROSS and market_of(state, row).asset == asset


def cross_equity(state: State, account: i64, asset: i64) -> i64:
    """Cash, what other assets count for, and the profit of the account's cross positions at the mark [micro]."""
    cells = state.positions.cells
    total = state.accounts.cash[account * state.accounts.assets + asset]
    row = state.accounts.first_position[account]
    while row != NIL:
        if cells[row + P_SIZE] != 0 and cells[row + P_MODE] == CROSS:
            market = state.markets[cells[row + P_MARKET]]
            if market.asset == asset:
                total += profit_at(market, cells, row, market.mark)
        row = cells[row + P_NEXT]
    return total + collateral(state, account, asset, NIL, 0) if state.has_collateral else total


def cross_solvency(state: State, account: i64, asset: i64) -> i64:
    """Cross equity as deficits are measured: with other assets at the highest weights that they ever count for, since they are sold for no
    less where that is needed [micro]. Else a hedge that is closed would make a deficit that the assets can pay."""
    equity = cross_equity(state, account, asset)
    return equity + uncounted(state, account, asset) if state.has_collateral else equity


def equity_and_initial(state: State, account: i64, asset: i64, changed: i64, after: i64, at_hand: Market) -> tuple[i64, i64]:
    """Cross equity, and the initial requirement of the cross positions alone, at the mark [micro], in one walk.

    The position `changed` (NIL: none) counts in the requirement as if it had `after` lots (signed). `at_hand` is any market: most accounts
    hold something in the one that is being traded, and its record need not be looked up.
    """
    cells = state.positions.cells
    markets = state.markets
    equity = state.accounts.cash[account * state.accounts.assets + asset]
    initial: i64 = 0
    row = state.accounts.first_position[account]
    while row != NIL:
        size = cells[row + P_SIZE]
        if (size != 0 or row == changed) and cells[row + P_MODE] == CROSS:
            market = at_hand
            if cells[row + P_MARKET] != at_hand.number:
                market = markets[cells[row + P_MARKET]]
            if market.asset == asset:
                worth = value_of(market, size, market.mark)
                if size != 0:
                    equity += worth - cells[row + P_ENTRY] - owed(market, cells, row)
                if row == changed:
                    size = after
                    worth = value_of(market, size, market.mark)
                required = initial_of(market, abs_i64(worth), cells[row + P_LEVERAGE])
                if market.hedge_asset != NIL:
                    required -= hedged_part(state, market, account, size, required)
                initial += required
        row = cells[row + P_NEXT]
    if state.has_collateral:
        equity += collateral(state, account, asset, changed, after)
    return equity, initial


def cross_initial(state: State, account: i64, asset: i64) -> i64:
    return equity_and_initial(state, account, asset, NIL, 0, state.markets[0])[1]


def cross_maintenance(state: State, account: i64, asset: i64) -> i64:
    """Maintenance requirement of the account's cross positions at the mark [micro]."""
    cells = state.positions.cells
    total: i64 = 0
    row = state.accounts.first_position[account]
    while row != NIL:
        if is_cross(state, row, asset):
            total += row_maintenance(state, row)
        row = cells[row + P_NEXT]
    return total


def cross_rows(state: State, account: i64, asset: i64) -> list[i64]:
    """The account's open cross positions that settle in the asset, by market."""
    cells = state.positions.cells
    rows: list[i64] = []
    row = state.accounts.first_position[account]
    while row != NIL:
        if is_cross(state, row, asset):
            rows.append(row)
        row = cells[row + P_NEXT]
    return rows


def cross_notional(state: State, account: i64, asset: i64) -> i64:
    total: i64 = 0
    for row in cross_rows(state, account, asset):
        total += row_notional(state, row)
    return total


def stale_equity(state: State, account: i64, asset: i64) -> i64:
    """The part of cross equity that is measured at stale prices, where the design lets nothing be built on them (`halt_new_risk`): profit
    of positions, and what other assets count for [micro]."""
    profit = stale_profit(state, account, asset)
    return profit + stale_collateral(state, account, asset) if state.guards_profit and state.has_collateral else profit


def stale_profit(state: State, account: i64, asset: i64) -> i64:
    """The same of the unrealised profit of the account's cross positions alone [micro]."""
    if not state.guards_profit:
        return 0
    cells = state.positions.cells
    total: i64 = 0
    row = state.accounts.first_position[account]
    while row != NIL:
        market = market_of(state, row)
        if is_cross(state, row, asset) and is_profit_stale(market, state.now):
            total += max_i64(0, profit_at(market, cells, row, market.mark))
        row = cells[row + P_NEXT]
    return total


# -- what an account may do -------------------------------------------------------------------------------------------------------


def available_margin(state: State, account: i64, asset: i64) -> i64:
    """What may back another order [micro]; negative if the requirement is not met."""
    return margin_left(state, account, asset, state.markets[0])


def margin_left(state: State, account: i64, asset: i64, at_hand: Market) -> i64:
    """`available_margin`, for who has a market's record at hand.

    Cross equity less the initial requirement of positions and open orders; of isolated positions, less what their orders need on top; less
    what orders in spot markets would give away.
    """
    cells = state.positions.cells
    markets = state.markets
    accounts = state.accounts
    total = accounts.cash[account * accounts.assets + asset]
    row = accounts.first_position[account]
    while row != NIL:
        market = at_hand
        if cells[row + P_MARKET] != at_hand.number:
            market = markets[cells[row + P_MARKET]]
        if market.asset == asset:
            if cells[row + P_MODE] == CROSS:
                total += profit_at(market, cells, row, market.mark)
                if market.hedge_asset == NIL:
                    total -= row_order_initial(market, cells, row)
                else:
                    total -= order_initial(state, market, row)
            elif cells[row + P_BID_LOTS] != 0 or cells[row + P_ASK_LOTS] != 0:
                if cells[row + P_MODE] == SPOT_MODE:
                    total -= reserved_quote(market, cells, row)
                else:
                    total -= max_i64(0, row_order_initial(market, cells, row) - row_equity(state, row))
        elif market.base == asset:
            total -= reserved_base(market, cells, row)
        row = cells[row + P_NEXT]
    return total + collateral(state, account, asset, NIL, 0) if state.has_collateral else total


def cross_room(state: State, account: i64, asset: i64) -> i64:
    """What cross positions leave free for an isolated one to draw on at a match [micro]: untraded orders are no exposure yet."""
    equity, kept = equity_and_initial(state, account, asset, NIL, 0, state.markets[0])
    if state.has_collateral:  # isolated margin is cash
        equity -= collateral(state, account, asset, NIL, 0)
    if state.transfer_margin_ppm != 0:
        kept = max_i64(kept, transfer_margin(state, cross_notional(state, account, asset)))
    return equity - kept - stale_profit(state, account, asset)


def isolated_needs(state: State, account: i64, asset: i64) -> i64:
    """What the account's isolated positions would draw from its cash if their open orders filled [micro]."""
    cells = state.positions.cells
    total: i64 = 0
    row = state.accounts.first_position[account]
    while row != NIL:
        market = market_of(state, row)
        if cells[row + P_MODE] == ISOLATED and market.asset == asset and (cells[row + P_BID_LOTS] != 0 or cells[row + P_ASK_LOTS] != 0):
            total += max_i64(0, row_order_initial(market, cells, row) - row_equity(state, row))
        row = cells[row + P_NEXT]
    return total


def transfer_margin(state: State, notional: i64) -> i64:
    """What stays behind when money leaves positions of this notional [micro] (Hyperliquid's transfer margin requirement, a share)."""
    return ppm_ceil(notional, state.transfer_margin_ppm)


def outflow_room(state: State, account: i64, asset: i64) -> i64:
    """What may leave the account by a withdrawal, a transfer or into isolated margin, stale prices aside [micro].

    What could back an order, as far as the transfer margin of the cross positions stays behind.
    """
    return room_without(state, account, asset, 0, 0)


def room_without(state: State, account: i64, asset: i64, unsure: i64, profit: i64) -> i64:
    """The same if `unsure` [micro] of cross equity is not there, `profit` of it in positions and the rest in other assets."""
    available = available_margin(state, account, asset) - unsure
    if state.has_collateral:  # what leaves is there: other assets stand in for margin, nobody borrows against them
        available = min_i64(available, owned(state, account, asset) - profit)
    if state.transfer_margin_ppm == 0:
        return available
    kept = transfer_margin(state, cross_notional(state, account, asset))
    return min_i64(available, cross_equity(state, account, asset) - unsure - kept)


def owned(state: State, account: i64, asset: i64) -> i64:
    """Cross equity without what other assets count for, less what spot orders would give away [micro]."""
    reserved = state.accounts.cash[account * state.accounts.assets + asset] - unreserved(state, account, asset)
    return cross_equity(state, account, asset) - collateral(state, account, asset, NIL, 0) - reserved


def free_margin(state: State, account: i64, asset: i64) -> i64:
    """What may leave the account now [micro]; zero or less: nothing."""
    return room_without(state, account, asset, stale_equity(state, account, asset), stale_profit(state, account, asset))


def allows_change(state: State, market: Market, row: i64, lots: i64, cost: i64, fee: i64, only_reduces: bool) -> bool:
    """May a position change by `lots` (signed) that cost `cost` (signed alike), at a fee?

    The account must then meet the initial requirement of its positions. If the fill only reduces, it is enough to be above maintenance, as
    long as the fill costs no more against the mark than the part of the equity that stood behind what it closes: else two accounts of one
    owner could empty one of them by trading far from the mark. An isolated position may draw what it is short of from free cash.
    """
    cells = state.positions.cells
    account = cells[row + P_ACCOUNT]
    asset = market.asset
    held = cells[row + P_SIZE] + lots
    gained = value_of(market, lots, market.mark) - cost
    if cells[row + P_MODE] == ISOLATED:
        return allows_isolated(state, market, row, value_of(market, abs_i64(held), market.mark), gained, fee, only_reduces)
    equity, initial = equity_and_initial(state, account, asset, row, held, market)
    sure = equity - stale_equity(state, account, asset) if state.guards_profit else equity
    if sure + gained - fee >= initial:
        return True
    if not only_reduces:
        return False
    required = cross_maintenance(state, account, asset)
    after = maintenance_of(market, value_of(market, abs_i64(held), market.mark))
    if market.hedge_asset != NIL:
        after -= hedged_part(state, market, account, held, after)
    left = required - row_maintenance(state, row) + after
    return equity + gained - fee >= left and keeps_ratio(sure, gained, required, left)


def allows_isolated(state: State, market: Market, row: i64, after: i64, gained: i64, fee: i64, only_reduces: bool) -> bool:
    """The same of an isolated position that will have the notional `after` and gains `gained` against the mark."""
    cells = state.positions.cells
    equity = row_equity(state, row)
    initial = initial_of(market, after, cells[row + P_LEVERAGE])
    if only_reduces:
        if equity + gained - fee < maintenance_of(market, after):
            return False
        sure = sure_equity(state, row)
        return sure + gained - fee >= initial or keeps_ratio(sure, gained, row_maintenance(state, row), maintenance_of(market, after))
    shortage = max_i64(0, initial - equity - gained + fee)
    return shortage == 0 or shortage <= cross_room(state, cells[row + P_ACCOUNT], market.asset)


def keeps_ratio(equity: i64, gained: i64, required: i64, left: i64) -> bool:
    """Does a fill that lowers the requirement from `required` to `left` cost no more than that part of the equity? Fees aside."""
    return gained >= 0 or (required > 0 and -int(gained) * int(required) <= max(0, int(equity)) * int(required - left))
