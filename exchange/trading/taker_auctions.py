"""The taker's Dutch auction (Drift): an order that would take is not matched at once. Its limit goes, step by step, from a price that is
good for it to one that is good for makers; whoever rests at the limit of a step or better fills it, at his own price. At the end it trades
on with its own limit, and then rests or goes as its time in force says.

The pure functions give the prices; they know no scale and are what Drift's own tests are held against. An auctioned order is an open order
that nobody can meet: it is in no book. It is looked at when its steps come: it goes when its market cannot be traded in or its account is
being liquidated by then. Limits between start and end round against the taker's haste, towards the start.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.market import Market
from ..state.pending import (
    A_ACCOUNT,
    A_CLIENT_HI,
    A_CLIENT_LO,
    A_DISPLAY,
    A_END,
    A_EXPIRES,
    A_FILLED,
    A_LEFT,
    A_LIMIT,
    A_MARKET,
    A_PARENT,
    A_REDUCE_ONLY,
    A_SELF_TRADE,
    A_SIDE,
    A_SINCE,
    A_START,
    A_TIF,
    MAX_AUCTIONED,
    OWN_SHARE,
)
from ..state.schedule import ORDER_EXPIRY, TAKER_AUCTION
from ..state.state import State
from ..state.tables import P_REDUCERS, P_SIZE
from ..state.types import MAX_REDUCERS, NIL, max_i64, min_i64
from .access import in_liquidation, never_takes, reducible, refused_order
from .entry import OrderEntry
from .holding import Holding
from .matching import Matcher
from .order import Order
from .sequencing import TakerAuction


def auction_range(oracle: int, limit: int, is_buy: bool, fraction: int) -> tuple[int, int]:
    """Where the auction of an order starts and ends (Drift, protocol-v2, math/auction.rs): all in one scale, limit 0: none.

    A part of a price, 1 / `fraction` of it, is rounded down. A limit that is better than the oracle is where the auction ends; else it goes
    from the oracle to a part beyond it, or to the limit if that is nearer.
    """
    if is_buy:
        if limit != 0 and limit < oracle:
            return limit - limit // fraction, limit
        end = oracle + oracle // fraction
        return oracle, end if limit == 0 else min(limit, end)
    if limit > oracle:
        return limit + limit // fraction, limit
    end = oracle - oracle // fraction
    return oracle, end if limit == 0 else max(limit, end)


def auction_price(start: int, end: int, elapsed: int, duration: int) -> int:
    """The limit after `elapsed` of `duration`: on the straight line from start to end, rounded towards the start."""
    moved = abs(end - start) * min(elapsed, duration) // duration
    return start + moved if end >= start else start - moved


class TakerAuctionDesk(Holding):
    def __init__(self, state: State, matcher: Matcher, entry: OrderEntry, rule: TakerAuction) -> None:
        self.state: State = state
        self.matcher: Matcher = matcher
        self.entry: OrderEntry = entry
        self.rule: TakerAuction = rule
        self.order: Order = Order(state.markets[0])
        self.most: i64 = MAX_AUCTIONED

    def is_auctioned(self, o: Order) -> bool:
        """An order that would trade at once, unless it is all or nothing."""
        return not never_takes(o.tif) and o.tif != k.FOK and self.matcher.planner.crosses(o) != 0

    def is_full(self, o: Order, only_reduces: bool) -> bool:
        auctions = self.state.taker_auctions
        own = auctions.count(o.account)
        share = max_i64(1, self.most // OWN_SHARE)
        if own < share and auctions.live < self.most:
            return False
        return (not only_reduces or own >= 2 * share) and self.is_auctioned(o)

    def takes(self, o: Order) -> bool:
        if not self.is_auctioned(o):
            return False
        state = self.state
        if not o.is_told:
            self.entry.tell_placed(o)
        self.matcher.open.count(o, 0)
        start, end = auction_range(int(o.market.oracle), int(o.limit), o.side == k.BUY, int(self.rule.fraction))
        row = state.taker_auctions.add(o.order_id, o.account)
        cells = state.taker_auctions.cells
        cells[row + A_ACCOUNT] = o.account
        cells[row + A_MARKET] = o.market.number
        cells[row + A_SIDE] = o.side
        cells[row + A_LIMIT] = o.limit
        cells[row + A_LEFT] = o.left
        cells[row + A_FILLED] = o.filled
        cells[row + A_TIF] = o.tif
        cells[row + A_REDUCE_ONLY] = o.reduce_only
        cells[row + A_SELF_TRADE] = o.self_trade
        cells[row + A_CLIENT_HI] = o.client_hi
        cells[row + A_CLIENT_LO] = o.client_lo
        cells[row + A_PARENT] = o.parent
        cells[row + A_EXPIRES] = o.expires
        cells[row + A_DISPLAY] = o.display
        cells[row + A_START] = start
        cells[row + A_END] = end
        cells[row + A_SINCE] = state.now
        state.taker_auctions.by_client.add(state.taker_auctions, row, o.order_id)
        state.accounts.open_orders[o.account] += 1
        state.schedule.set(TAKER_AUCTION, o.order_id, state.now + min_i64(self.rule.step, self.rule.duration))
        if o.expires != 0:
            state.schedule.set(ORDER_EXPIRY, o.order_id, o.expires)
        state.log.emit(
            k.E_TAKER_AUCTION_STARTED, state.now, o.account, o.market.number, o.order_id, o.side, o.left, start, end,
            state.now + self.rule.duration,
        )  # fmt: skip
        return True

    def order_of(self, account: i64, hi: i64, lo: i64) -> tuple[i64, i64, i64, i64, i64]:
        auctions = self.state.taker_auctions
        order_id = auctions.find_client(account, hi, lo)
        if order_id == 0:
            return 0, 0, 0, 0, 0
        row = auctions.find(order_id)
        return order_id, auctions.cells[row + A_MARKET], k.ORDER_OPEN, auctions.cells[row + A_LEFT], auctions.cells[row + A_FILLED]

    def cancel_kept(self, order_id: i64, reason: i64) -> None:
        if self.state.taker_auctions.find(order_id) != NIL:
            self.end(self.taken_up(order_id), reason)

    # -- the auction goes on -----------------------------------------------------------------------------------------------------

    def taken_up(self, order_id: i64) -> Order:
        """An auctioned order as the order at hand."""
        cells = self.state.taker_auctions.cells
        row = self.state.taker_auctions.find(order_id)
        market = self.state.markets[cells[row + A_MARKET]]
        o = self.order
        o.begin(
            cells[row + A_ACCOUNT], market, self.state.find_position(cells[row + A_ACCOUNT], market.number), cells[row + A_SIDE],
            cells[row + A_LIMIT], cells[row + A_LEFT], cells[row + A_TIF],
        )  # fmt: skip
        o.order_id = order_id
        o.filled = cells[row + A_FILLED]
        o.reduce_only = cells[row + A_REDUCE_ONLY]
        o.self_trade = cells[row + A_SELF_TRADE]
        o.client_hi = cells[row + A_CLIENT_HI]
        o.client_lo = cells[row + A_CLIENT_LO]
        o.parent = cells[row + A_PARENT]
        o.expires = cells[row + A_EXPIRES]
        o.display = cells[row + A_DISPLAY]
        o.is_told = True
        return o

    def end(self, o: Order, reason: i64) -> None:
        """It is auctioned no more; what is left of it, if it may, rests, unless there is a reason why it goes."""
        state = self.state
        state.taker_auctions.remove(o.order_id, o.account)
        state.schedule.cancel(TAKER_AUCTION, o.order_id)
        state.schedule.cancel(ORDER_EXPIRY, o.order_id)
        state.accounts.open_orders[o.account] -= 1
        if reason == k.X_USER:
            state.links.take_back(o.order_id)
        o.stopped = reason
        if o.left > 0 and reason == k.X_IMMEDIATE and o.tif == k.GTC:
            o.stopped = self.refused_rest(o)
        self.matcher.finish(o)

    def refused_rest(self, o: Order) -> i64:
        """Why what is left cannot rest; X_IMMEDIATE if it can. It was no part of the requirement while it was auctioned."""
        if o.reduce_only != 0:
            full = self.state.positions.cells[o.row + P_REDUCERS] >= MAX_REDUCERS
            return k.X_REDUCE_ONLY if full or not self.cut(o) else k.X_IMMEDIATE
        if self.matcher.planner.crosses(o) != 0:  # what stopped it has not: it may not rest across the book
            return k.X_MARGIN
        if not self.entry.only_reduces(o) and not self.entry.has_margin(o, o.market):
            return k.X_MARGIN
        return k.X_IMMEDIATE

    def cut(self, o: Order) -> bool:
        """A reduce-only order is for no more than there is to reduce; is there anything?"""
        if o.reduce_only == 0:
            return True
        lots = reducible(self.state.positions.cells[o.row + P_SIZE], o.side)
        if 0 < lots < o.left:
            o.left = lots
            self.state.log.emit(k.E_ORDER_REDUCED, self.state.now, o.order_id, o.account, o.market.number, lots)
        return lots > 0

    def step(self, order_id: i64) -> None:
        """The next step of an auction is due: match the order with the limit of this step; after the last, with its own."""
        state = self.state
        o = self.taken_up(order_id)
        row = state.taker_auctions.find(order_id)
        cells = state.taker_auctions.cells
        elapsed = state.now - cells[row + A_SINCE]
        limit = o.limit
        is_over = elapsed >= self.rule.duration
        reason = self.stopped(o, o.market, is_over)
        if reason != 0:
            self.end(o, reason)
            return
        if not self.cut(o):
            self.end(o, k.X_REDUCE_ONLY)
            return
        state.reserve()
        price: i64 = auction_price(int(cells[row + A_START]), int(cells[row + A_END]), int(elapsed), int(self.rule.duration))
        o.limit = price
        self.matcher.match(o)
        stopped = o.stopped
        if is_over and o.left > 0 and self.goes_on(stopped):
            o.limit = limit
            self.matcher.match(o)
            stopped = o.stopped
        o.limit = limit
        if is_over or o.left == 0 or not self.goes_on(stopped):
            self.end(o, stopped)
            return
        cells[row + A_LEFT] = o.left
        if o.parent != 0 and o.filled != cells[row + A_FILLED]:
            self.matcher.open.watch.tell(o.parent, order_id, o.account, o.market.number, o.filled, True)
        cells[row + A_FILLED] = o.filled
        state.schedule.set(TAKER_AUCTION, order_id, min_i64(state.now + self.rule.step, cells[row + A_SINCE] + self.rule.duration))

    def goes_on(self, stopped: i64) -> bool:
        """Did it only lack someone to trade with?"""
        return stopped == k.X_IMMEDIATE or stopped == k.X_CURVE

    def stopped(self, o: Order, market: Market, is_over: bool) -> i64:
        """Why the order cannot go on at all; 0 if it can. A limit that the price band has left behind is not traded with at the end."""
        if in_liquidation(self.state, o.account, o.row):
            return k.X_LIQUIDATION
        reason = refused_order(market, self.state.now, o.tif, self.entry.only_reduces(o))
        if reason == k.R_ORACLE_STALE:
            return k.X_ORACLE_STALE
        if reason != 0:
            return k.X_MARKET_STATUS
        return k.X_EXPIRED if is_over and self.entry.refused_price(market, o.side, o.limit) != 0 else 0

    # -- taken back --------------------------------------------------------------------------------------------------------------

    def cancel(self, account: i64, order_id: i64) -> bool:
        """Cancel an account's auctioned order; False: it has none of this id."""
        row = self.state.taker_auctions.find(order_id)
        if row == -1 or self.state.taker_auctions.cells[row + A_ACCOUNT] != account:
            return False
        self.end(self.taken_up(order_id), k.X_USER)
        return True

    def recall(self, parent: i64, account: i64) -> None:
        """Those that a standing order of an account has sent."""
        auctions = self.state.taker_auctions
        if auctions.count(account) == 0:
            return
        for number in auctions.numbers():
            if auctions.cells[auctions.find(number) + A_PARENT] == parent:
                self.end(self.taken_up(number), k.X_USER)

    def cancel_all(self, account: i64, market: i64, reason: i64, spares_reducers: bool) -> None:
        """Those of an account in one market, or in all (below 0). All, or all but reduce-only ones."""
        auctions = self.state.taker_auctions
        if auctions.count(account) == 0:
            return
        for number in auctions.numbers():
            row = auctions.find(number)
            if spares_reducers and auctions.cells[row + A_REDUCE_ONLY] != 0:
                continue
            if auctions.cells[row + A_ACCOUNT] == account and (market < 0 or auctions.cells[row + A_MARKET] == market):
                if spares_reducers:
                    self.state.links.untie(number)
                self.end(self.taken_up(number), reason)
