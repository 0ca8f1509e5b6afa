"""Orders at the door of the book: place, amend, cancel. Every method returns the reason of a refusal, 0 if the command was carried out.

Checks run in the order of the Reason enum; a refused command has changed nothing. Protection prices of market orders and the price
band round towards the mark.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import available_margin, is_stale, row_order_initial
from ..schema import kinds as k
from ..state.ids import ORDER_ID, OUTCOME
from ..state.tables import (
    O_ACCOUNT,
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_FILLED,
    O_MARKET,
    O_ORDER_ID,
    O_POSITION,
    O_PRICE,
    O_REDUCE_ONLY,
    O_SELF_TRADE,
    O_SIDE,
    O_SIZE,
    O_TIF,
    State,
)
from ..state.types import (
    ACTIVE,
    BUY,
    CANCEL_ONLY,
    FIRST_USER,
    FOK,
    GTC,
    HALT_NEW_RISK,
    HALTED,
    IOC,
    MARKET,
    MAX_NOTIONAL,
    MAX_REDUCERS,
    NIL,
    POST_ONLY,
    POST_ONLY_MODE,
    PPM,
    REDUCE_ONLY_MODE,
    SETTLED,
    abs_i64,
    div_ceil,
    max_i64,
    min_i64,
)
from .depth import Walk
from .matching import Matcher, reduces
from .open_orders import Incoming


def significant(price: i64, figures: i64) -> bool:
    """Has `price` at most `figures` significant decimal figures?"""
    while price % 10 == 0:
        price //= 10
    while price != 0 and figures > 0:
        price //= 10
        figures -= 1
    return price == 0


def coarse(price: i64, figures: i64, down: bool) -> i64:
    """`price` cut to `figures` significant decimal figures, rounded down or up."""
    step: i64 = 1
    rest = price
    while figures > 0 and rest > 0:
        rest //= 10
        figures -= 1
    while rest > 0:
        rest //= 10
        step *= 10
    return price // step * step if down else div_ceil(price, step) * step


class OrderEntry:
    def __init__(self, state: State, matcher: Matcher) -> None:
        self.state: State = state
        self.matcher: Matcher = matcher
        self.incoming: Incoming = Incoming()

    def user(self, account: i64) -> i64:
        if account >= self.state.accounts.count:
            return k.R_UNKNOWN_ACCOUNT
        return k.R_SYSTEM_ACCOUNT if account < FIRST_USER else 0

    def user_and_market(self, account: i64, market: i64) -> i64:
        if account >= self.state.accounts.count:
            return k.R_UNKNOWN_ACCOUNT
        if market >= self.state.markets.count:
            return k.R_UNKNOWN_MARKET
        return k.R_SYSTEM_ACCOUNT if account < FIRST_USER else 0

    def in_liquidation(self, account: i64, row: i64) -> bool:
        state = self.state
        return state.accounts.liquidation[account] != NIL or (row != NIL and state.positions.liquidation[row] != NIL)

    def place(
        self, account: i64, market: i64, side: i64, price: i64, size: i64, order_type: i64, tif: i64, reduce_only: i64,
        self_trade: i64, hi: i64, lo: i64,
    ) -> i64:  # fmt: skip
        reason = self.user_and_market(account, market)
        if reason != 0:
            return reason
        if hi != 0 or lo != 0:
            if self.repeat(account, hi, lo):
                return 0
        state = self.state
        row = state.find_position(account, market)
        if self.in_liquidation(account, row):
            return k.R_IN_LIQUIDATION
        held: i64 = 0
        if row != NIL:
            held = state.positions.size[row]
        only_reduces = row != NIL and self.only_reduces(row, side, size, reduce_only)
        reason = self.refused_by_market(market, tif, only_reduces)
        if reason != 0:
            return reason
        if order_type == MARKET:
            if tif != GTC and tif != IOC and tif != FOK:
                return k.R_ORDER_TYPE
            tif = FOK if tif == FOK else IOC
        if price == 0:
            if order_type != MARKET:
                return k.R_PRICE_PRECISION
            price = self.protection(market, side)
        reason = self.refused_price(market, side, price)
        if reason != 0:
            return reason
        if reduce_only != 0:
            if held == 0 or (held > 0) == (side == BUY):
                return k.R_REDUCE_ONLY
            size = min_i64(size, abs_i64(held))
        reason = self.refused_size(account, row, market, side, price, size, reduce_only, only_reduces)
        if reason != 0:
            return reason
        if row == NIL:
            row = state.position_row(account, market)
        return self.admit(account, market, row, side, price, size, tif, reduce_only, self_trade, hi, lo, only_reduces)

    def admit(
        self, account: i64, market: i64, row: i64, side: i64, price: i64, size: i64, tif: i64, reduce_only: i64, self_trade: i64,
        hi: i64, lo: i64, only_reduces: bool,
    ) -> i64:  # fmt: skip
        """The checks that need the book and the account's margin; then match and rest."""
        state = self.state
        o = self.incoming
        o.account = account
        o.market = market
        o.row = row
        o.side = side
        o.limit = price
        o.left = size
        o.counted = 0
        o.filled = 0
        o.tif = tif
        o.reduce_only = reduce_only
        o.self_trade = self_trade
        o.client_hi = hi
        o.client_lo = lo
        reason = self.refused_by_book(o, only_reduces)
        if reason != 0:
            return reason
        state.last_order_id += 1
        o.order_id = state.last_order_id
        state.log.write(
            k.E_ORDER_PLACED, state.now, o.order_id, account, market, side, price, size, tif, reduce_only, hi, lo, 0, 0,
        )  # fmt: skip
        self.matcher.match(o)
        self.matcher.finish(o)
        return 0

    def refused_by_book(self, o: Incoming, only_reduces: bool) -> i64:
        if o.tif == POST_ONLY and self.matcher.crosses(o) != 0:
            return k.R_WOULD_CROSS
        if o.tif == FOK and not self.matcher.fillable(o):
            return k.R_NOT_FILLABLE
        if o.reduce_only != 0 and o.left > abs_i64(self.state.positions.size[o.row]):  # only an amendment can ask for that
            return k.R_AMEND_SIZE
        if not only_reduces and not self.has_margin(o):
            return k.R_INSUFFICIENT_MARGIN
        return 0

    def has_margin(self, o: Incoming) -> bool:
        """Would the account meet its requirement with this order open? One that does not raise the requirement needs no margin.

        An order that may rest is counted at its limit and, if it passes, stays counted among the open ones; one that trades at once or
        never is counted at what the book would charge for it.
        """
        state = self.state
        count = self.matcher.open
        if o.tif == IOC or o.tif == FOK:
            walk = Walk(state, self.matcher.book, o.market, 1 - o.side)
            walk.reach_lots(o.left, o.limit)
            count.count_open(o.row, o.side, walk.lots, walk.value)
            passes = available_margin(state, o.account, state.markets.asset[o.market]) >= 0
            after = row_order_initial(state, o.row)
            count.count_open(o.row, o.side, -walk.lots, -walk.value)
            return passes or after <= row_order_initial(state, o.row)
        count.count(o, o.left)
        if available_margin(state, o.account, state.markets.asset[o.market]) >= 0:
            return True
        after = row_order_initial(state, o.row)
        count.count(o, 0)
        if after > row_order_initial(state, o.row):
            return False
        count.count(o, o.left)
        return True

    def only_reduces(self, row: i64, side: i64, size: i64, reduce_only: i64) -> bool:
        """Can this order, with the others of its side, only bring the position closer to zero?"""
        positions = self.state.positions
        if reduce_only != 0:
            return True
        lots = positions.bid_lots[row] + size if side == BUY else positions.ask_lots[row] + size
        return reduces(positions.size[row], lots if side == BUY else -lots)

    def refused_by_market(self, market: i64, tif: i64, only_reduces: bool) -> i64:
        status = self.state.markets.status[market]
        if status != ACTIVE:
            if status == SETTLED:
                return k.R_MARKET_SETTLED
            if status == HALTED:
                return k.R_MARKET_HALTED
            if status == CANCEL_ONLY:
                return k.R_MARKET_CANCEL_ONLY
            if status == REDUCE_ONLY_MODE and not only_reduces:
                return k.R_MARKET_REDUCE_ONLY
            if status == POST_ONLY_MODE and tif != POST_ONLY:
                return k.R_MARKET_POST_ONLY
        if self.state.markets.mark[market] == 0:
            return k.R_NO_MARK_PRICE
        if self.state.markets.on_stale[market] == HALT_NEW_RISK and not only_reduces and is_stale(self.state, market):
            return k.R_ORACLE_STALE
        return 0

    def protection(self, market: i64, side: i64) -> i64:
        """Where a market order without a protection price stops: the edge of the price band."""
        markets = self.state.markets
        band = markets.price_band_ppm[market]
        price: i64 = 1
        if side == BUY:
            price = self.band_top(market) if band != 0 else markets.max_price[market]
        elif band != 0:
            price = max_i64(1, self.band_bottom(market))
        figures = markets.significant_figures[market]
        return price if figures == 0 else coarse(price, figures, side == BUY)

    def band_top(self, market: i64) -> i64:
        markets = self.state.markets
        top = markets.mark[market] * (PPM + markets.price_band_ppm[market]) // PPM  # < 2^32 x 2^21
        return min_i64(top, markets.max_price[market])

    def band_bottom(self, market: i64) -> i64:
        markets = self.state.markets
        return div_ceil(markets.mark[market] * (PPM - markets.price_band_ppm[market]), PPM)

    def refused_price(self, market: i64, side: i64, price: i64) -> i64:
        markets = self.state.markets
        figures = markets.significant_figures[market]
        if figures != 0 and not significant(price, figures):
            return k.R_PRICE_PRECISION
        if price > markets.max_price[market]:
            return k.R_PRICE_LIMIT
        if markets.price_band_ppm[market] != 0:
            if price > self.band_top(market) if side == BUY else price < self.band_bottom(market):
                return k.R_PRICE_BAND
        return 0

    def fewest_lots(self, market: i64, price: i64) -> i64:
        """The smallest order that is worth the market's minimum notional at its limit [lots]."""
        return div_ceil(self.state.markets.minimum_notional[market], price * self.state.markets.unit[market])

    def refused_size(
        self, account: i64, row: i64, market: i64, side: i64, price: i64, size: i64, reduce_only: i64, only_reduces: bool,
    ) -> i64:  # fmt: skip
        state = self.state
        markets = state.markets
        cost = price * markets.unit[market]
        if reduce_only == 0 and size < self.fewest_lots(market, price):
            return k.R_MINIMUM_NOTIONAL
        if size > min_i64(markets.max_lots[market], MAX_NOTIONAL // cost):
            return k.R_NOTIONAL_LIMIT
        if row != NIL and reduce_only == 0:
            positions = state.positions
            lots = positions.bid_lots[row] if side == BUY else positions.ask_lots[row]
            notional = positions.bid_notional[row] if side == BUY else positions.ask_notional[row]
            held = positions.size[row] if side == BUY else -positions.size[row]
            if held + lots + size > markets.max_lots[market] or notional > MAX_NOTIONAL - size * cost:
                return k.R_NOTIONAL_LIMIT
        if state.accounts.open_orders[account] >= state.max_open_orders:
            return k.R_TOO_MANY_ORDERS
        if reduce_only != 0 and row != NIL and state.positions.reducers[row] >= MAX_REDUCERS:
            return k.R_TOO_MANY_ORDERS
        cap = markets.open_interest_cap[market]
        if cap != 0 and not only_reduces and markets.open_interest[market] >= cap:
            return k.R_OPEN_INTEREST_CAP
        return 0

    def repeat(self, account: i64, hi: i64, lo: i64) -> bool:
        """If the client id is in use, say what became of its order."""
        state = self.state
        orders = state.orders.cells
        ids = self.matcher.book.clients[account]
        slot = ids.find_open(orders, hi, lo)
        if slot != NIL:
            state.log.emit(
                k.E_ORDER_REPEATED, state.now, orders[slot + O_ORDER_ID], account, k.ORDER_OPEN, orders[slot + O_SIZE],
                orders[slot + O_FILLED], hi, lo,
            )  # fmt: skip
            return True
        position = ids.find_closed(hi, lo)
        if position == NIL:
            return False
        outcome = ids.read(position, OUTCOME)
        state.log.emit(k.E_ORDER_REPEATED, state.now, ids.read(position, ORDER_ID), account, outcome & 3, 0, outcome >> 2, hi, lo)
        return True

    def own_order(self, account: i64, order_id: i64) -> i64:
        """The slot of an account's open order, or NIL."""
        slot = self.matcher.book.ids.find(order_id)
        return slot if slot != NIL and self.state.orders.cells[slot + O_ACCOUNT] == account else NIL

    def amend(self, account: i64, order_id: i64, price: i64, size: i64) -> i64:
        reason = self.user(account)
        if reason != 0:
            return reason
        state = self.state
        orders = state.orders.cells
        slot = self.own_order(account, order_id)
        if slot == NIL:
            return k.R_UNKNOWN_ORDER
        row = orders[slot + O_POSITION]
        if self.in_liquidation(account, row):
            return k.R_IN_LIQUIDATION
        if price == orders[slot + O_PRICE] and size <= orders[slot + O_SIZE]:
            return self.shrink(slot, size)
        open_lots = orders[slot + O_SIZE]
        self.matcher.open.release_open(slot, open_lots)  # off the sums while its successor is examined
        reason = self.refused_amend(slot, price, size)
        self.matcher.open.release_open(slot, -open_lots)
        if reason != 0:
            return reason
        self.move(slot, price, size)
        return 0

    def shrink(self, slot: i64, size: i64) -> i64:
        """Only the size falls: the order keeps its priority. It may not fall below what a new order must have, and in a halted market
        nothing changes."""
        state = self.state
        orders = state.orders.cells
        market = orders[slot + O_MARKET]
        if state.markets.status[market] == HALTED:
            return k.R_MARKET_HALTED
        lots = orders[slot + O_SIZE] - size
        if lots > 0 and orders[slot + O_REDUCE_ONLY] == 0 and size < self.fewest_lots(market, orders[slot + O_PRICE]):
            return k.R_MINIMUM_NOTIONAL
        if lots > 0:
            self.matcher.open.release_open(slot, lots)
            self.matcher.book.shrink(slot, lots)
        self.emit_amended(slot, orders[slot + O_PRICE], size, 1)
        return 0

    def emit_amended(self, slot: i64, price: i64, size: i64, kept: i64) -> None:
        orders = self.state.orders.cells
        self.state.log.emit(
            k.E_ORDER_AMENDED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET], price,
            size, kept,
        )  # fmt: skip

    def refused_amend(self, slot: i64, price: i64, size: i64) -> i64:
        """The checks of a new order, for the one that would replace `slot`."""
        state = self.state
        orders = state.orders.cells
        row = orders[slot + O_POSITION]
        market = orders[slot + O_MARKET]
        side = orders[slot + O_SIDE]
        tif = orders[slot + O_TIF]
        reducing = orders[slot + O_REDUCE_ONLY]
        only_reduces = self.only_reduces(row, side, size, reducing)
        reason = self.refused_by_market(market, tif, only_reduces)
        if reason == 0:
            reason = self.refused_price(market, side, price)
        if reason == 0:
            state.accounts.open_orders[orders[slot + O_ACCOUNT]] -= 1  # the order itself is no order more
            state.positions.reducers[row] -= reducing
            reason = self.refused_size(orders[slot + O_ACCOUNT], row, market, side, price, size, reducing, only_reduces)
            state.positions.reducers[row] += reducing
            state.accounts.open_orders[orders[slot + O_ACCOUNT]] += 1
        if reason != 0:
            return reason
        self.load(slot, price, size)
        reason = self.refused_by_book(self.incoming, only_reduces)
        self.matcher.open.count(self.incoming, 0)
        return reason

    def load(self, slot: i64, price: i64, size: i64) -> None:
        """Make the order at hand the successor of a resting one."""
        orders = self.state.orders.cells
        o = self.incoming
        o.order_id = orders[slot + O_ORDER_ID]
        o.account = orders[slot + O_ACCOUNT]
        o.market = orders[slot + O_MARKET]
        o.row = orders[slot + O_POSITION]
        o.side = orders[slot + O_SIDE]
        o.limit = price
        o.left = size
        o.counted = 0
        o.filled = orders[slot + O_FILLED]
        o.tif = orders[slot + O_TIF]
        o.reduce_only = orders[slot + O_REDUCE_ONLY]
        o.self_trade = orders[slot + O_SELF_TRADE]
        o.client_hi = orders[slot + O_CLIENT_HI]
        o.client_lo = orders[slot + O_CLIENT_LO]

    def move(self, slot: i64, price: i64, size: i64) -> None:
        """Take the order out of the book and let its successor, same ids, come in behind the others."""
        self.emit_amended(slot, price, size, 0)
        self.load(slot, price, size)
        o = self.incoming
        if o.client_hi != 0 or o.client_lo != 0:  # the client id goes with the successor
            self.matcher.book.client_ids(o.account).remove_open(o.client_hi, o.client_lo, slot)
            self.state.orders.cells[slot + O_CLIENT_HI] = 0
            self.state.orders.cells[slot + O_CLIENT_LO] = 0
        self.matcher.open.close(slot, k.ORDER_CANCELLED)
        self.matcher.match(o)
        self.matcher.finish(o)

    def cancel(self, account: i64, order_id: i64) -> i64:
        reason = self.user(account)
        if reason != 0:
            return reason
        slot = self.own_order(account, order_id)
        if slot == NIL:
            return k.R_UNKNOWN_ORDER
        if self.state.markets.status[self.state.orders.cells[slot + O_MARKET]] == HALTED:
            return k.R_MARKET_HALTED
        self.matcher.open.cancel(slot, k.X_USER)
        return 0

    def cancel_client(self, account: i64, hi: i64, lo: i64) -> i64:
        reason = self.user(account)
        if reason != 0:
            return reason
        slot = self.matcher.book.clients[account].find_open(self.state.orders.cells, hi, lo)
        if slot == NIL:
            return k.R_UNKNOWN_ORDER
        if self.state.markets.status[self.state.orders.cells[slot + O_MARKET]] == HALTED:
            return k.R_MARKET_HALTED
        self.matcher.open.cancel(slot, k.X_USER)
        return 0

    def cancel_all(self, account: i64, market: i64) -> i64:
        """Cancel the account's orders in one market, or in all that are not halted."""
        if market >= 0:
            reason = self.user_and_market(account, market)
            if reason != 0:
                return reason
            if self.state.markets.status[market] == HALTED:
                return k.R_MARKET_HALTED
        else:
            reason = self.user(account)
            if reason != 0:
                return reason
        row = self.state.accounts.first_position[account]
        while row != NIL:
            of = self.state.positions.market[row]
            if (market < 0 or of == market) and self.state.markets.status[of] != HALTED:
                self.matcher.open.cancel_row(row, k.X_USER)
            row = self.state.positions.next[row]
        return 0
