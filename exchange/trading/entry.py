"""Orders at the door of the book: place, amend, cancel. Every method returns the reason of a refusal, 0 if the command was carried out.

Checks run in the order of the Reason enum; a refused command has changed nothing. Protection prices of market orders and the price
band round towards the mark.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..money.exchanges import can_fund
from ..money.margin import cross_room, isolated_needs, margin_left, order_initial
from ..money.payoff import lot_value, lots_worth
from ..schema import columns as c
from ..schema import kinds as k
from ..state.market import CLASSES, Market
from ..state.state import State
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
    O_TERMS,
    O_TIF,
    P_ASK_LOTS,
    P_ASK_NOTIONAL,
    P_BID_LOTS,
    P_BID_NOTIONAL,
    P_MODE,
    P_REDUCERS,
    P_SIZE,
)
from ..state.terms import T_DISPLAY, T_EXPIRES, T_PARENT, T_QUOTE
from ..state.types import MAX_NOTIONAL, MAX_PARTS, MAX_REDUCERS, NIL, abs_i64, max_i64, min_i64
from .access import in_liquidation, reduces, refused_mode, refused_order, refused_user, refused_user_in_market
from .allocation import meets_rpi
from .cancels import CancelDesk
from .curve_source import SEPARATE
from .depth import Walk
from .holding import Holding
from .matching import Matcher
from .open_orders import client_order, hidden_parts, open_lots, parts_behind
from .order import Order
from .price_terms import band_bottom, band_top, coarse, significant


def is_too_large(lots: i64, worth: i64) -> bool:
    """Are `lots`, each worth `worth`, beyond MAX_NOTIONAL? The product may not fit 64 bits, and a division costs more than the rest."""
    if lots < 1 << 31 and worth < 1 << 31:
        return lots * worth > MAX_NOTIONAL
    return lots > MAX_NOTIONAL // worth


class OrderEntry(CancelDesk):
    def __init__(self, state: State, matcher: Matcher) -> None:
        super().__init__(state, matcher)
        self.order: Order = Order(state.markets[0])
        self.walk: Walk = matcher.walk
        self.holding: Holding | None = None  # who may keep an order from trading at once
        self.parent: i64 = 0  # id of the standing order on whose behalf the command at hand is sent, 0: its account sends it itself
        self.order_id: i64 = 0  # the id that its order is to have, 0: the next one
        self.is_quote: i64 = 0  # 1: its order is one of its account's quotes
        self.parts: i64 = 0  # that icebergs hide beside those that rest: of others that would come as well, less of those that would go
        self.in_batch: bool = False  # do orders wait for a price that nobody knows yet?

    # -- place -------------------------------------------------------------------------------------------------------------------

    def place(self, rows: vec[i64], at: i64) -> i64:
        """Carry out the Place command that begins at `at`."""
        account = rows[at + c.PLACE_ACCOUNT]
        number = rows[at + c.PLACE_MARKET]
        reason = refused_user_in_market(self.state, account, number)
        if reason != 0:
            return reason
        if self.is_repeat(rows, at):
            return 0
        reason = self.examine(rows, at)
        if reason == 0:
            self.accept(self.order)
        return reason

    def examine(self, rows: vec[i64], at: i64) -> i64:
        """Make `order` of the Place command that begins at `at`, of an account and a market that there are. What passes is in the sums of
        its account, but for an order that is immediate."""
        state = self.state
        account = rows[at + c.PLACE_ACCOUNT]
        number = rows[at + c.PLACE_MARKET]
        row = state.find_position(account, number)
        if in_liquidation(state, account, row):
            return k.R_IN_LIQUIDATION
        if state.accounts.mode[account] != k.MODE_NORMAL:
            reason = refused_mode(state, account, rows[at + c.PLACE_REDUCE_ONLY])
            if reason != 0:
                return reason
        market = state.markets[number]
        o = self.order
        o.begin(account, market, row, rows[at + c.PLACE_SIDE], rows[at + c.PLACE_PRICE], rows[at + c.PLACE_SIZE], rows[at + c.PLACE_TIF])
        o.reduce_only = rows[at + c.PLACE_REDUCE_ONLY]
        o.self_trade = rows[at + c.PLACE_SELF_TRADE]
        o.client_hi = rows[at + c.PLACE_CLIENT_HI]
        o.client_lo = rows[at + c.PLACE_CLIENT_LO]
        o.expires = rows[at + c.PLACE_EXPIRES]
        o.display = rows[at + c.PLACE_DISPLAY]
        o.parent = self.parent
        o.order_id = self.order_id
        o.is_quote = self.is_quote
        only_reduces = self.only_reduces(o)
        reason = refused_order(market, state.now, o.tif, only_reduces)
        if reason == 0:
            reason = self.refused_type(o, market, rows[at + c.PLACE_ORDER_TYPE] == k.MARKET_ORDER)
        if reason == 0 and o.expires | o.display != 0:
            reason = self.refused_terms(o, market)
        if reason == 0:
            reason = self.refused_price(market, o.side, o.limit)
        if reason == 0 and o.reduce_only != 0:
            reason = self.cut_to_position(o)
        if reason == 0:
            reason = self.refused_size(o, market, only_reduces)
        if reason != 0:
            return reason
        if row == NIL:
            o.row = state.position_row(account, number)
        return self.refused_by_book(o, only_reduces)

    def accept(self, o: Order) -> None:
        if self.holding is not None and self.holding.takes(o):
            return
        self.tell_placed(o)
        self.matcher.match(o)
        self.matcher.finish(o)

    def tell_placed(self, o: Order) -> None:
        state = self.state
        if o.order_id == 0:
            self.number(o)
        o.is_told = True
        state.log.write(
            k.E_ORDER_PLACED, state.now, o.order_id, o.account, o.market.number, o.side, o.limit, o.left, o.tif, o.reduce_only,
            o.client_hi, o.client_lo, o.expires, o.display,
        )  # fmt: skip

    def number(self, o: Order) -> None:
        """Give the order its id."""
        self.state.last_order_id += 1
        o.order_id = self.state.last_order_id

    def refused_type(self, o: Order, market: Market, is_market: bool) -> i64:
        """A market order is immediate, and without a price of its own protected by the edge of the price band. RPI orders are for markets
        with queue classes."""
        if is_market:
            if o.tif == k.POST_ONLY or o.tif == k.RPI:
                return k.R_ORDER_TYPE
            if o.tif != k.FOK:
                o.tif = k.IOC
        if o.tif == k.RPI and market.matching & CLASSES == 0:
            return k.R_ORDER_TYPE
        if market.curve_role == SEPARATE and o.tif != k.IOC and o.tif != k.FOK:
            return k.R_NO_BOOK
        if o.limit == 0:
            if not is_market:
                return k.R_PRICE_PRECISION
            o.limit = self.protection(market, o.side)
        return 0

    def refused_terms(self, o: Order, market: Market) -> i64:
        """Special terms are for orders that may rest. One whose turn comes too late is not let in."""
        if o.tif == k.IOC or o.tif == k.FOK:
            return k.R_NEVER_RESTS
        if 0 < o.expires <= self.state.now:
            return k.R_ORDER_EXPIRED
        if o.display == 0:
            return 0
        if market.matching != 0 or self.in_batch:
            return k.R_NO_HIDDEN_SIZE
        return k.R_DISPLAY_SIZE if o.display > o.left or o.left > o.display * MAX_PARTS else 0  # < 2^40 x 2^7

    def cut_to_position(self, o: Order) -> i64:
        """A reduce-only order is for no more than there is to reduce."""
        held: i64 = 0
        if o.row != NIL:
            held = self.state.positions.cells[o.row + P_SIZE]
        if held == 0 or (held > 0) == (o.side == k.BUY):
            return k.R_REDUCE_ONLY
        o.left = min_i64(o.left, abs_i64(held))
        return 0

    def is_repeat(self, rows: vec[i64], at: i64) -> bool:
        """Has the Place command that begins at `at` the client id of an order that there is, or was? Then that has been told."""
        hi = rows[at + c.PLACE_CLIENT_HI]
        lo = rows[at + c.PLACE_CLIENT_LO]
        account = rows[at + c.PLACE_ACCOUNT]
        if (hi == 0 and lo == 0) or not self.repeat(account, hi, lo):
            return False
        if self.parent != 0:
            self.matcher.open.watch.tell(self.parent, self.order_id, account, rows[at + c.PLACE_MARKET], 0, False)
        return True

    def repeat(self, account: i64, hi: i64, lo: i64) -> bool:
        """If the client id is in use, say what became of its order."""
        order_id, market, status, size, filled = client_order(self.state, account, hi, lo)
        if order_id == 0 and self.holding is not None:
            order_id, market, status, size, filled = self.holding.order_of(account, hi, lo)
        if order_id == 0 and self.matcher.open.standing.any:
            order_id, market, status, size, filled = self.matcher.open.standing.order_of(account, hi, lo, self.order_id)
        if order_id == 0:
            return False
        self.state.log.emit(k.E_ORDER_REPEATED, self.state.now, order_id, account, market, status, size, filled, hi, lo)
        return True

    # -- checks of price and size ------------------------------------------------------------------------------------------------

    def only_reduces(self, o: Order) -> bool:
        """Can this order, with the others of its side, only bring the position closer to zero?"""
        if o.row == NIL:
            return False
        if o.reduce_only != 0:
            return True
        cells = self.state.positions.cells
        if o.side == k.BUY:
            return reduces(cells[o.row + P_SIZE], cells[o.row + P_BID_LOTS] + o.left)
        return reduces(cells[o.row + P_SIZE], -(cells[o.row + P_ASK_LOTS] + o.left))

    def protection(self, market: Market, side: i64) -> i64:
        """Where a market order without a protection price stops: the edge of the price band."""
        price: i64 = 1
        if side == k.BUY:
            price = self.band_top(market) if market.price_band_ppm != 0 else market.max_price
        elif market.price_band_ppm != 0:
            price = max_i64(1, self.band_bottom(market))
        figures = market.significant_figures
        return price if figures == 0 else coarse(price, figures, side == k.BUY)

    def band_top(self, market: Market) -> i64:
        return min_i64(band_top(market.mark, market.price_band_ppm), market.max_price)

    def band_bottom(self, market: Market) -> i64:
        return band_bottom(market.mark, market.price_band_ppm)

    def refused_price(self, market: Market, side: i64, price: i64) -> i64:
        if market.significant_figures != 0 and not significant(price, market.significant_figures):
            return k.R_PRICE_PRECISION
        if price > market.max_price:
            return k.R_PRICE_LIMIT
        if market.price_band_ppm != 0:
            if price > self.band_top(market) if side == k.BUY else price < self.band_bottom(market):
                return k.R_PRICE_BAND
        return 0

    def refused_size(self, o: Order, market: Market, only_reduces: bool) -> i64:
        """Notional and number of the order, with the others of its side and account. What cannot rest is not counted with what does: a way
        out must not be shut by it."""
        state = self.state
        row = o.row
        may_rest = o.tif != k.IOC and o.tif != k.FOK
        size = o.left
        worth = lot_value(market, o.limit)
        too_large = is_too_large(size, worth)
        if o.reduce_only == 0 and not too_large and size * worth < market.minimum_notional:
            return k.R_MINIMUM_NOTIONAL
        if too_large or size > market.max_lots:
            return k.R_NOTIONAL_LIMIT
        if row != NIL:
            cells = state.positions.cells
            if o.reduce_only == 0:
                is_buy = o.side == k.BUY
                lots = cells[row + P_BID_LOTS] if is_buy else cells[row + P_ASK_LOTS]
                notional = cells[row + P_BID_NOTIONAL] if is_buy else cells[row + P_ASK_NOTIONAL]
                held = cells[row + P_SIZE] if is_buy else -cells[row + P_SIZE]
                if held + lots + size > market.max_lots or notional > MAX_NOTIONAL - size * worth:
                    return k.R_NOTIONAL_LIMIT
            elif may_rest and cells[row + P_REDUCERS] >= MAX_REDUCERS:
                return k.R_TOO_MANY_ORDERS
        if may_rest and state.accounts.open_orders[o.account] >= state.max_open_orders:
            return k.R_TOO_MANY_ORDERS
        if o.display != 0 and self.hides_too_much(o):
            return k.R_TOO_MANY_ORDERS
        if market.open_interest_cap != 0 and not only_reduces and market.open_interest >= market.open_interest_cap:
            return k.R_OPEN_INTEREST_CAP
        return 0

    def hides_too_much(self, o: Order) -> bool:
        """Would the account's icebergs hide more parts than it may have open orders? Each part is another fill for whoever takes it."""
        parts = parts_behind(o.left, o.display)
        return parts > 0 and self.parts + hidden_parts(self.state, o.account, o.order_id) + parts > self.state.max_open_orders

    # -- checks of book and margin -----------------------------------------------------------------------------------------------

    def refused_by_book(self, o: Order, only_reduces: bool) -> i64:
        if (o.tif == k.POST_ONLY or o.tif == k.RPI) and self.matcher.planner.crosses(o) != 0:
            return k.R_WOULD_CROSS
        return self.refused_by_margin(o, only_reduces)

    def refused_by_margin(self, o: Order, only_reduces: bool) -> i64:
        """The checks behind that of the book."""
        if o.reduce_only != 0 and o.left > abs_i64(self.state.positions.cells[o.row + P_SIZE]):  # only an amendment can ask for that
            return k.R_AMEND_SIZE
        if not only_reduces and not self.has_margin(o, o.market):
            return k.R_INSUFFICIENT_MARGIN if o.market.is_spot == 0 else k.R_INSUFFICIENT_BALANCE
        if self.holding is not None and self.holding.is_full(o, only_reduces):
            self.matcher.open.count(o, 0)
            return k.R_QUEUE_FULL
        if o.tif == k.FOK and not self.in_batch and not self.matcher.fills_whole(o):
            return k.R_NOT_FILLABLE  # last: what is refused for want of margin must not tell what icebergs hide
        return 0

    def has_margin(self, o: Order, market: Market) -> bool:
        """Would the account meet its requirement with this order open? One that does not raise the requirement needs no margin.

        An order that may rest is counted at its limit and, if it passes, stays counted among the open ones; one that trades at once or
        never is counted at what the book that its account can see would charge for it: else refusals, which are free, would tell what
        icebergs hide. Each fill is checked again. In a batch every order is counted at its limit: what it will be charged
        nobody knows, and who could order more than he can pay for would move the price at no cost.
        """
        if market.is_spot != 0:
            return self.has_funds(o, market)
        state = self.state
        open_orders = self.matcher.open
        if (o.tif == k.IOC or o.tif == k.FOK) and not self.in_batch:
            walk = self.walk
            walk.begin(market, 1 - o.side)
            walk.with_rpi = meets_rpi(state, o)
            walk.with_hidden = True
            walk.viewer = o.account
            walk.reach_lots(o.left, o.limit)
            open_orders.add_to_sums(o.row, o.side, walk.lots, walk.value)
            passes = self.is_covered(o, market)
            after: i64 = 0
            if not passes:
                after = order_initial(state, market, o.row)
            open_orders.add_to_sums(o.row, o.side, -walk.lots, -walk.value)
            return passes or after <= order_initial(state, market, o.row)
        open_orders.count(o, o.left)
        if self.is_covered(o, market):
            return True
        after = order_initial(state, market, o.row)
        open_orders.count(o, 0)
        if after > order_initial(state, market, o.row):
            return False
        open_orders.count(o, o.left)
        return True

    def is_covered(self, o: Order, market: Market) -> bool:
        """Does the account meet the requirement of its positions and open orders? What isolated ones draw when they fill is cash: other
        assets that stand in for it would let an order in that every match refuses."""
        state = self.state
        if margin_left(state, o.account, market.asset, market) < 0:
            return False
        if not state.has_collateral or state.positions.cells[o.row + P_MODE] != k.ISOLATED:
            return True
        return isolated_needs(state, o.account, market.asset) <= cross_room(state, o.account, market.asset)

    def has_funds(self, o: Order, market: Market) -> bool:
        """The same in a spot market: would the account still have all that its orders give?"""
        open_orders = self.matcher.open
        if (o.tif == k.IOC or o.tif == k.FOK) and not self.in_batch:
            walk = self.walk
            walk.begin(market, 1 - o.side)
            walk.with_rpi = meets_rpi(self.state, o)
            walk.with_hidden = True
            walk.viewer = o.account
            walk.reach_lots(o.left, o.limit)
            open_orders.add_to_sums(o.row, o.side, walk.lots, walk.value)
            passes = can_fund(self.state, o.account, market, o.side)
            open_orders.add_to_sums(o.row, o.side, -walk.lots, -walk.value)
            return passes
        open_orders.count(o, o.left)
        if can_fund(self.state, o.account, market, o.side):
            return True
        open_orders.count(o, 0)
        return False

    # -- amend -------------------------------------------------------------------------------------------------------------------

    def amend(self, account: i64, order_id: i64, price: i64, size: i64) -> i64:
        state = self.state
        reason = refused_user(state, account)
        if reason != 0:
            return reason
        orders = state.orders.cells
        slot = self.own_order(account, order_id)
        if slot == NIL:
            return k.R_UNKNOWN_ORDER
        if in_liquidation(state, account, orders[slot + O_POSITION]):
            return k.R_IN_LIQUIDATION
        market = state.markets[orders[slot + O_MARKET]]
        lots = open_lots(state, slot)
        if size == 0:  # whatever has been filled meanwhile: a new price alone opens nothing again
            size = lots
        if price == orders[slot + O_PRICE] and size <= lots:
            return self.shrink(market, slot, size)
        self.matcher.open.release(market, slot, lots)  # off the sums while its successor is examined
        reason = self.refused_amend(market, slot, price, size)
        self.matcher.open.release(market, slot, -lots)
        if reason == 0:
            self.replace(market, slot, price, size)
        return reason

    def shrink(self, market: Market, slot: i64, size: i64) -> i64:
        """Only the size falls: the order keeps its priority. It may not fall below what a new order must have, and in a halted market
        nothing changes."""
        orders = self.state.orders.cells
        if market.status == k.HALTED:
            return k.R_MARKET_HALTED
        lots = open_lots(self.state, slot) - size
        price = orders[slot + O_PRICE]
        if lots > 0 and orders[slot + O_REDUCE_ONLY] == 0 and size < lots_worth(market, market.minimum_notional, price):
            return k.R_MINIMUM_NOTIONAL
        if lots > 0:
            self.matcher.open.shrink(slot, lots)
        self.emit_amended(slot, price, size, 1)
        return 0

    def emit_amended(self, slot: i64, price: i64, size: i64, kept: i64) -> None:
        orders = self.state.orders.cells
        self.state.log.emit(
            k.E_ORDER_AMENDED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET], price,
            size, kept,
        )  # fmt: skip

    def refused_amend(self, market: Market, slot: i64, price: i64, size: i64) -> i64:
        """The checks of a new order, for the one that would replace `slot`."""
        state = self.state
        o = self.successor(market, slot, price, size)
        only_reduces = self.only_reduces(o)
        reason = refused_order(market, state.now, o.tif, only_reduces)
        if reason == 0 and o.display != 0 and size > o.display * MAX_PARTS:
            reason = k.R_DISPLAY_SIZE
        if reason == 0:
            reason = self.refused_price(market, o.side, price)
        if reason == 0:
            cells = state.positions.cells
            state.accounts.open_orders[o.account] -= 1  # the order itself is no order more
            cells[o.row + P_REDUCERS] -= o.reduce_only
            reason = self.refused_size(o, market, only_reduces)
            cells[o.row + P_REDUCERS] += o.reduce_only
            state.accounts.open_orders[o.account] += 1
        if reason != 0:
            return reason
        reason = self.refused_by_book(o, only_reduces)
        self.matcher.open.count(o, 0)
        return reason

    def successor(self, market: Market, slot: i64, price: i64, size: i64) -> Order:
        """The order at hand as the successor of a resting one."""
        orders = self.state.orders.cells
        o = self.order
        o.begin(orders[slot + O_ACCOUNT], market, orders[slot + O_POSITION], orders[slot + O_SIDE], price, size, orders[slot + O_TIF])
        o.order_id = orders[slot + O_ORDER_ID]
        o.is_told = True
        o.filled = orders[slot + O_FILLED]
        o.reduce_only = orders[slot + O_REDUCE_ONLY]
        o.self_trade = orders[slot + O_SELF_TRADE]
        o.client_hi = orders[slot + O_CLIENT_HI]
        o.client_lo = orders[slot + O_CLIENT_LO]
        terms = orders[slot + O_TERMS]
        if terms != NIL:
            cells = self.state.terms.cells
            o.parent = cells[terms + T_PARENT]
            o.display = cells[terms + T_DISPLAY]
            o.expires = cells[terms + T_EXPIRES]
            o.is_quote = cells[terms + T_QUOTE]
        return o

    def replace(self, market: Market, slot: i64, price: i64, size: i64) -> None:
        """Take the order out of the book and let its successor, same ids, come in behind the others."""
        self.emit_amended(slot, price, size, 0)
        o = self.successor(market, slot, price, size)
        if o.has_client_id:  # the client id goes with the successor
            self.state.own_client_ids(o.account).remove_open(o.client_hi, o.client_lo, slot)
            self.state.orders.cells[slot + O_CLIENT_HI] = 0
            self.state.orders.cells[slot + O_CLIENT_LO] = 0
        terms = self.state.orders.cells[slot + O_TERMS]
        if terms != NIL:  # so does who waits for it
            self.state.terms.cells[terms + T_PARENT] = 0
            self.state.terms.cells[terms + T_QUOTE] = 0
        self.matcher.open.close(market, slot, k.ORDER_CANCELLED)
        if self.holding is not None and self.holding.takes(o):
            return
        self.matcher.match(o)
        self.matcher.finish(o)
