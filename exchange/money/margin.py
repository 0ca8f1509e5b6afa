"""Pure: equity, initial and maintenance requirement, liquidation and bankruptcy price. Nothing here changes anything.

Equity and requirements are recomputed over the account's own position rows each time, never cached across a mark change.
Requirements round up, equity rounds down (what a position owes rounds up). An isolated position stands for itself: its equity is
its isolated margin plus its profit; it burdens the account's cash only by what its open orders would need on top.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..state.tables import Markets, State
from ..state.types import (
    CROSS,
    HALT_NEW_RISK,
    ISOLATED,
    LINEAR,
    MAX_TIERS,
    NIL,
    abs_i64,
    div_ceil,
    index_due,
    max_i64,
    min_i64,
    mul_div_ceil,
    mul_div_floor,
    ppm_ceil,
)


def value_of(markets: Markets, market: i64, lots: i64, price: i64) -> i64:
    """Value of `lots` at `price` [micro]; signed like lots. Below 2^55: lots are capped at load by the market's max_price."""
    assert markets.payoff[market] == LINEAR
    return lots * price * markets.unit[market]


def initial_of(markets: Markets, market: i64, notional: i64, leverage: i64) -> i64:
    """Initial requirement [micro]: the larger of notional / leverage and the tiers' own requirement."""
    tier = market * MAX_TIERS + tier_of(markets, market, notional)
    by_tier = ppm_ceil(notional, markets.initial_ppm[tier]) - markets.initial_deduction[tier]
    return max_i64(div_ceil(notional, leverage), by_tier)


def maintenance_of(markets: Markets, market: i64, notional: i64) -> i64:
    """Maintenance requirement [micro]: notional x rate - deduction, continuous where a tier begins."""
    tier = market * MAX_TIERS + tier_of(markets, market, notional)
    return ppm_ceil(notional, markets.maintenance_ppm[tier]) - markets.maintenance_deduction[tier]


def tier_of(markets: Markets, market: i64, notional: i64) -> i64:
    """The last tier whose lower bound is at or below the notional."""
    tier = markets.tiers[market] - 1
    while tier > 0 and notional < markets.tier_lower[market * MAX_TIERS + tier]:
        tier -= 1
    return tier


def is_stale(state: State, market: i64) -> bool:
    """Has the venue heard nothing from the oracle for longer than the market's limit?"""
    markets = state.markets
    limit = markets.stale_after[market]
    return limit != 0 and markets.oracle[market] != 0 and state.now - markets.oracle_ts[market] > limit


def is_profit_stale(state: State, market: i64) -> bool:
    """Is unrealised profit in this market measured at a price on which the design lets nothing be built?"""
    return state.markets.on_stale[market] == HALT_NEW_RISK and is_stale(state, market)


def unsettled(state: State, row: i64) -> i64:
    """What the position owes by its index and has not paid yet [micro], rounded up; negative: is due to receive."""
    markets = state.markets
    positions = state.positions
    size = positions.size[row]
    market = positions.market[row]
    index = markets.index_long[market] if size > 0 else markets.index_short[market]
    delta = index - positions.index[row]
    if delta == 0 or size == 0:
        return 0
    return index_due(abs_i64(size), delta, markets.index_shift[market])


def row_profit(state: State, row: i64, price: i64) -> i64:
    """Unrealised profit of a position at `price`, less what it owes [micro]."""
    positions = state.positions
    size = positions.size[row]
    if size == 0:
        return 0
    return value_of(state.markets, positions.market[row], size, price) - positions.entry_notional[row] - unsettled(state, row)


def row_equity(state: State, row: i64) -> i64:
    """Equity of an isolated position at the mark [micro]."""
    positions = state.positions
    return positions.isolated_margin[row] + row_profit(state, row, state.markets.mark[positions.market[row]])


def row_notional(state: State, row: i64) -> i64:
    positions = state.positions
    market = positions.market[row]
    return value_of(state.markets, market, abs_i64(positions.size[row]), state.markets.mark[market])


def row_initial(state: State, row: i64) -> i64:
    """Initial requirement of the position alone."""
    positions = state.positions
    return initial_of(state.markets, positions.market[row], row_notional(state, row), positions.leverage[row])


def row_maintenance(state: State, row: i64) -> i64:
    return maintenance_of(state.markets, state.positions.market[row], row_notional(state, row))


def row_order_initial(state: State, row: i64) -> i64:
    """Initial requirement of the worse side of position plus open orders, and that side's open loss.

    The open loss is what filling a whole side at its limits would cost against the mark: max(0, limit notional - lots x mark) for
    bids, max(0, lots x mark - limit notional) for asks.
    """
    positions = state.positions
    markets = state.markets
    market = positions.market[row]
    size = positions.size[row]
    bids = positions.bid_lots[row]
    asks = positions.ask_lots[row]
    if bids == 0 and asks == 0:
        return row_initial(state, row) if size != 0 else 0
    price = markets.mark[market] * markets.unit[market]
    leverage = positions.leverage[row]
    bought = abs_i64(size + bids) * price
    sold = abs_i64(size - asks) * price
    bid_loss = max_i64(0, positions.bid_notional[row] - bids * price)
    ask_loss = max_i64(0, asks * price - positions.ask_notional[row])
    if bid_loss == ask_loss:  # mostly 0: the requirement does not fall when the notional rises
        return initial_of(markets, market, max_i64(bought, sold), leverage) + bid_loss
    return max_i64(initial_of(markets, market, bought, leverage) + bid_loss, initial_of(markets, market, sold, leverage) + ask_loss)


def cross_equity(state: State, account: i64, asset: i64) -> i64:
    """Cash plus the profit of the account's cross positions at the mark [micro]."""
    positions = state.positions
    markets = state.markets
    total = state.accounts.cash[account * state.accounts.assets + asset]
    row = state.accounts.first_position[account]
    while row != NIL:
        market = positions.market[row]
        if positions.size[row] != 0 and positions.mode[row] == CROSS and markets.asset[market] == asset:
            total += row_profit(state, row, markets.mark[market])
        row = positions.next[row]
    return total


NOTIONAL: Final[i64] = 0  # what cross_sum adds up
INITIAL: Final[i64] = 1
MAINTENANCE: Final[i64] = 2


def cross_sum(state: State, account: i64, asset: i64, what: i64) -> i64:
    """Notional, initial or maintenance requirement of the account's cross positions alone, at the mark [micro]."""
    positions = state.positions
    markets = state.markets
    total: i64 = 0
    row = state.accounts.first_position[account]
    while row != NIL:
        if positions.size[row] != 0 and positions.mode[row] == CROSS and markets.asset[positions.market[row]] == asset:
            if what == MAINTENANCE:
                total += row_maintenance(state, row)
            elif what == INITIAL:
                total += row_initial(state, row)
            else:
                total += row_notional(state, row)
        row = positions.next[row]
    return total


def cross_maintenance(state: State, account: i64, asset: i64) -> i64:
    return cross_sum(state, account, asset, MAINTENANCE)


def cross_initial(state: State, account: i64, asset: i64) -> i64:
    return cross_sum(state, account, asset, INITIAL)


def cross_notional(state: State, account: i64, asset: i64) -> i64:
    return cross_sum(state, account, asset, NOTIONAL)


def available_margin(state: State, account: i64, asset: i64) -> i64:
    """What may back another order [micro]; negative if the requirement is not met.

    Cross equity less the initial requirement of positions and open orders; of isolated positions, less what their orders need on top.
    """
    positions = state.positions
    markets = state.markets
    accounts = state.accounts
    total = accounts.cash[account * accounts.assets + asset]
    row = accounts.first_position[account]
    while row != NIL:
        market = positions.market[row]
        if markets.asset[market] == asset:
            if positions.mode[row] == CROSS:
                total += row_profit(state, row, markets.mark[market]) - row_order_initial(state, row)
            elif positions.bid_lots[row] != 0 or positions.ask_lots[row] != 0:
                total -= max_i64(0, row_order_initial(state, row) - row_equity(state, row))
        row = positions.next[row]
    return total


def isolated_shortage(state: State, row: i64) -> i64:
    """What must be added to an isolated position to meet its initial requirement [micro], 0 if nothing."""
    return max_i64(0, row_initial(state, row) - row_equity(state, row))


def stale_profit(state: State, account: i64, asset: i64) -> i64:
    """Unrealised profit of the account's cross positions that is measured at a stale price, where the design lets nothing be built on
    such a price (`halt_new_risk`) [micro]."""
    positions = state.positions
    markets = state.markets
    total: i64 = 0
    if not state.guards_profit:
        return 0
    row = state.accounts.first_position[account]
    while row != NIL:
        market = positions.market[row]
        if positions.size[row] != 0 and positions.mode[row] == CROSS and markets.asset[market] == asset:
            if is_profit_stale(state, market):
                total += max_i64(0, row_profit(state, row, markets.mark[market]))
        row = positions.next[row]
    return total


def sure_equity(state: State, row: i64) -> i64:
    """Equity of an isolated position without unrealised profit at a stale price [micro]: what may be moved out is measured by it."""
    equity = row_equity(state, row)
    market = state.positions.market[row]
    if is_profit_stale(state, market):
        equity -= max_i64(0, row_profit(state, row, state.markets.mark[market]))
    return equity


def cross_room(state: State, account: i64, asset: i64) -> i64:
    """What cross positions leave free for an isolated one to draw on at a match [micro]: untraded orders are no exposure yet."""
    kept = cross_initial(state, account, asset)
    if state.transfer_margin_ppm != 0:
        kept = max_i64(kept, transfer_margin(state, cross_notional(state, account, asset)))
    return cross_equity(state, account, asset) - kept - stale_profit(state, account, asset)


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


def allows_change(state: State, row: i64, lots: i64, cost: i64, fee: i64, only_reduces: bool) -> bool:
    """May a position change by `lots` (signed) that cost `cost` (signed alike), at a fee?

    The account must then meet the initial requirement of its positions. If the fill only reduces, it is enough to be above maintenance, as
    long as the fill costs no more against the mark than the part of the equity that stood behind what it closes: else two accounts of one
    owner could empty one of them by trading far from the mark. An isolated position may draw what it is short of from free cash.
    """
    positions = state.positions
    markets = state.markets
    market = positions.market[row]
    asset = markets.asset[market]
    account = positions.account[row]
    mark = markets.mark[market]
    after = value_of(markets, market, abs_i64(positions.size[row] + lots), mark)
    gained = value_of(markets, market, lots, mark) - cost
    if positions.mode[row] == ISOLATED:
        before = sure_equity(state, row)
        initial = initial_of(markets, market, after, positions.leverage[row])
        if only_reduces:
            if row_equity(state, row) + gained - fee < maintenance_of(markets, market, after):
                return False
            required = row_maintenance(state, row)
            return before + gained - fee >= initial or keeps_ratio(before, gained, required, maintenance_of(markets, market, after))
        shortage = max_i64(0, initial - row_equity(state, row) - gained + fee)
        return shortage == 0 or shortage <= cross_room(state, account, asset)
    equity = cross_equity(state, account, asset)
    before = equity - stale_profit(state, account, asset)
    initial = cross_initial(state, account, asset) - row_initial(state, row) + initial_of(markets, market, after, positions.leverage[row])
    if before + gained - fee >= initial:
        return True
    if not only_reduces:
        return False
    required = cross_maintenance(state, account, asset)
    left = required - row_maintenance(state, row) + maintenance_of(markets, market, after)
    return equity + gained - fee >= left and keeps_ratio(before, gained, required, left)


def keeps_ratio(equity: i64, gained: i64, required: i64, left: i64) -> bool:
    """Does a fill that lowers the requirement from `required` to `left` cost no more than that part of the equity? Fees aside."""
    return gained >= 0 or (required > 0 and -int(gained) * int(required) <= max(0, int(equity)) * int(required - left))


def surplus_at(state: State, row: i64, price: i64, over_maintenance: bool) -> i64:
    """Equity, less maintenance if asked, with this market's mark at `price` and all other marks as they are [micro]."""
    positions = state.positions
    markets = state.markets
    market = positions.market[row]
    own = row_profit(state, row, price)
    if over_maintenance:
        own -= maintenance_of(markets, market, value_of(markets, market, abs_i64(positions.size[row]), price))
    if positions.mode[row] == ISOLATED:
        return positions.isolated_margin[row] + own
    account = positions.account[row]
    asset = markets.asset[market]
    rest = cross_equity(state, account, asset) - row_profit(state, row, markets.mark[market])
    if over_maintenance:
        rest -= cross_maintenance(state, account, asset) - row_maintenance(state, row)
    return rest + own


def threshold_price(state: State, row: i64, over_maintenance: bool) -> i64:
    """The first tick, going against the position, at which the surplus is below zero; 0 if there is none up to max_price.

    A tick moves equity by size x unit and the requirement by at most that: the surplus is monotonic, and bisection exact.
    A long's threshold is the highest such tick, a short's the lowest.
    """
    positions = state.positions
    is_long = positions.size[row] > 0
    low: i64 = 1
    high = state.markets.max_price[positions.market[row]]
    if is_long:
        if surplus_at(state, row, low, over_maintenance) >= 0:
            return 0
        while low < high:
            middle = (low + high + 1) // 2
            if surplus_at(state, row, middle, over_maintenance) < 0:
                low = middle
            else:
                high = middle - 1
        return low
    if surplus_at(state, row, high, over_maintenance) >= 0:
        return 0
    while low < high:
        middle = (low + high) // 2
        if surplus_at(state, row, middle, over_maintenance) < 0:
            high = middle
        else:
            low = middle + 1
    return low


def slice_value(value: i64, lots: i64, held: i64) -> i64:
    """The part of `value` that goes with `lots` (unsigned) of a position of `held` (signed), rounded against the position: what a long
    gets is rounded down, what a short pays is rounded up."""
    return mul_div_floor(value, lots, held) if held > 0 else mul_div_ceil(value, lots, -held)


def equity_share(state: State, row: i64, equity: i64, maintenance: i64) -> i64:
    """The part of an account's equity that stands behind one of its positions, rounded down: pro rata to maintenance, which keeps
    equity / maintenance the same while positions are closed one by one (dYdX's bankruptcy quote, Lighter's zero price)."""
    if maintenance <= 0:
        return equity
    return mul_div_floor(equity, row_maintenance(state, row), maintenance)
