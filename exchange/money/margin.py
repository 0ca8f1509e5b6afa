"""Pure: equity, initial and maintenance requirement, liquidation and bankruptcy price. Nothing here changes anything.

Equity and requirements are recomputed over the account's own position rows each time, never cached across a mark change.
Requirements round up, equity rounds down (what a position owes rounds up). An isolated position stands for itself: its equity is
its isolated margin plus its profit; it burdens the account's cash only by what its open orders would need on top.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from ..schema.kinds import CROSS, HALT_NEW_RISK, ISOLATED
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
)
from ..state.types import (
    NIL,
    abs_i64,
    accrual_due,
    div_ceil,
    max_i64,
    min_i64,
    mul_div_ceil,
    mul_div_floor,
    ppm_ceil,
)
from .payoff import lot_value, value_of

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


def is_profit_stale(market: Market, now: i64) -> bool:
    """Is unrealised profit in this market measured at a price on which the design lets nothing be built?"""
    return market.on_stale == HALT_NEW_RISK and market.is_stale(now)


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
    return initial_of(market_of(state, row), row_notional(state, row), state.positions.cells[row + P_LEVERAGE])


def row_maintenance(state: State, row: i64) -> i64:
    return maintenance_of(market_of(state, row), row_notional(state, row))


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
    """Cash plus the profit of the account's cross positions at the mark [micro]."""
    cells = state.positions.cells
    total = state.accounts.cash[account * state.accounts.assets + asset]
    row = state.accounts.first_position[account]
    while row != NIL:
        if cells[row + P_SIZE] != 0 and cells[row + P_MODE] == CROSS:
            market = state.markets[cells[row + P_MARKET]]
            if market.asset == asset:
                total += profit_at(market, cells, row, market.mark)
        row = cells[row + P_NEXT]
    return total


def equity_and_initial(state: State, account: i64, asset: i64, changed: i64, notional: i64, at_hand: Market) -> tuple[i64, i64]:
    """Cross equity, and the initial requirement of the cross positions alone, at the mark [micro], in one walk.

    The position `changed` (NIL: none) counts in the requirement as if it had that notional. `at_hand` is any market: most accounts hold
    something in the one that is being traded, and its record need not be looked up.
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
                initial += initial_of(market, notional if row == changed else abs_i64(worth), cells[row + P_LEVERAGE])
        row = cells[row + P_NEXT]
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


def stale_profit(state: State, account: i64, asset: i64) -> i64:
    """Unrealised profit of the account's cross positions that is measured at a stale price, where the design lets nothing be built on
    such a price (`halt_new_risk`) [micro]."""
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

    Cross equity less the initial requirement of positions and open orders; of isolated positions, less what their orders need on top.
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
                total += profit_at(market, cells, row, market.mark) - row_order_initial(market, cells, row)
            elif cells[row + P_BID_LOTS] != 0 or cells[row + P_ASK_LOTS] != 0:
                total -= max_i64(0, row_order_initial(market, cells, row) - row_equity(state, row))
        row = cells[row + P_NEXT]
    return total


def cross_room(state: State, account: i64, asset: i64) -> i64:
    """What cross positions leave free for an isolated one to draw on at a match [micro]: untraded orders are no exposure yet."""
    equity, kept = equity_and_initial(state, account, asset, NIL, 0, state.markets[0])
    if state.transfer_margin_ppm != 0:
        kept = max_i64(kept, transfer_margin(state, cross_notional(state, account, asset)))
    return equity - kept - stale_profit(state, account, asset)


def transfer_margin(state: State, notional: i64) -> i64:
    """What stays behind when money leaves positions of this notional [micro] (Hyperliquid's transfer margin requirement, a share)."""
    return ppm_ceil(notional, state.transfer_margin_ppm)


def outflow_room(state: State, account: i64, asset: i64) -> i64:
    """What may leave the account by a withdrawal, a transfer or into isolated margin, stale prices aside [micro].

    What could back an order, as far as the transfer margin of the cross positions stays behind.
    """
    available = available_margin(state, account, asset)
    if state.transfer_margin_ppm == 0:
        return available
    kept = transfer_margin(state, cross_notional(state, account, asset))
    return min_i64(available, cross_equity(state, account, asset) - kept)


def free_margin(state: State, account: i64, asset: i64) -> i64:
    """What may leave the account now [micro]; zero or less: nothing."""
    return outflow_room(state, account, asset) - stale_profit(state, account, asset)


def allows_change(state: State, market: Market, row: i64, lots: i64, cost: i64, fee: i64, only_reduces: bool) -> bool:
    """May a position change by `lots` (signed) that cost `cost` (signed alike), at a fee?

    The account must then meet the initial requirement of its positions. If the fill only reduces, it is enough to be above maintenance, as
    long as the fill costs no more against the mark than the part of the equity that stood behind what it closes: else two accounts of one
    owner could empty one of them by trading far from the mark. An isolated position may draw what it is short of from free cash.
    """
    cells = state.positions.cells
    account = cells[row + P_ACCOUNT]
    asset = market.asset
    after = value_of(market, abs_i64(cells[row + P_SIZE] + lots), market.mark)
    gained = value_of(market, lots, market.mark) - cost
    if cells[row + P_MODE] == ISOLATED:
        return allows_isolated(state, market, row, after, gained, fee, only_reduces)
    equity, initial = equity_and_initial(state, account, asset, row, after, market)
    sure = equity - stale_profit(state, account, asset) if state.guards_profit else equity
    if sure + gained - fee >= initial:
        return True
    if not only_reduces:
        return False
    required = cross_maintenance(state, account, asset)
    left = required - row_maintenance(state, row) + maintenance_of(market, after)
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


# -- prices and shares ------------------------------------------------------------------------------------------------------------


def surplus(market: Market, size: i64, equity: i64, mark: i64, elsewhere: i64, price: i64, over_maintenance: bool) -> i64:
    """What `equity` at the price `mark` is at `price`, with a position of `size` lots (signed) behind it; less what that position then
    requires, and what others do (`elsewhere`), if asked [micro]."""
    left = equity + value_of(market, size, price - mark)
    if over_maintenance:
        left -= maintenance_of(market, value_of(market, abs_i64(size), price)) + elsewhere
    return left


def threshold(market: Market, size: i64, equity: i64, mark: i64, elsewhere: i64, over_maintenance: bool) -> i64:
    """The first tick, going against a position of `size` lots (signed), at which the surplus is below zero; 0 if there is none up to
    max_price.

    A tick moves equity by size x unit and the requirement by at most that: the surplus is monotonic, and bisection exact.
    A long's threshold is the highest such tick, a short's the lowest.
    """
    low: i64 = 1
    high = market.max_price
    if size > 0:
        if surplus(market, size, equity, mark, elsewhere, low, over_maintenance) >= 0:
            return 0
        while low < high:
            middle = (low + high + 1) // 2
            if surplus(market, size, equity, mark, elsewhere, middle, over_maintenance) < 0:
                low = middle
            else:
                high = middle - 1
        return low
    if surplus(market, size, equity, mark, elsewhere, high, over_maintenance) >= 0:
        return 0
    while low < high:
        middle = (low + high) // 2
        if surplus(market, size, equity, mark, elsewhere, middle, over_maintenance) < 0:
            high = middle
        else:
            low = middle + 1
    return low


def threshold_price(state: State, row: i64, over_maintenance: bool) -> i64:
    """The first tick, going against the position, at which its account's equity (less maintenance, if asked) is below zero, all other marks
    as they are; 0 if there is none."""
    cells = state.positions.cells
    market = market_of(state, row)
    equity = row_equity(state, row)
    elsewhere: i64 = 0
    if cells[row + P_MODE] != ISOLATED:
        account = cells[row + P_ACCOUNT]
        equity = cross_equity(state, account, market.asset)
        elsewhere = cross_maintenance(state, account, market.asset) - row_maintenance(state, row)
    return threshold(market, cells[row + P_SIZE], equity, market.mark, elsewhere, over_maintenance)


def slice_value(value: i64, lots: i64, held: i64) -> i64:
    """The part of `value` that goes with `lots` (unsigned) of a position of `held` (signed), rounded against the position: what a long
    gets is rounded down, what a short pays is rounded up."""
    return mul_div_floor(value, lots, held) if held > 0 else mul_div_ceil(value, lots, -held)


def share_of(equity: i64, part: i64, whole: i64) -> i64:
    """The part of an account's equity that goes with `part` of its maintenance requirement `whole`, rounded down; all, if that is zero."""
    return equity if whole <= 0 else mul_div_floor(equity, part, whole)


def equity_share(state: State, row: i64, equity: i64, maintenance: i64) -> i64:
    """The part of an account's equity that stands behind one of its positions, rounded down: pro rata to maintenance, which keeps
    equity / maintenance the same while positions are closed one by one (dYdX's bankruptcy quote, Lighter's zero price)."""
    return share_of(equity, row_maintenance(state, row), maintenance)


def bankruptcy_of(held: i64, at_mark: i64, share: i64) -> i64:
    """What a position of `held` lots (signed), worth `at_mark` (unsigned), must fetch (cost, if short) for its share of the equity to end
    at zero; may be negative."""
    return at_mark - share if held > 0 else at_mark + share
