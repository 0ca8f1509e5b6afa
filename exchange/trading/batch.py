"""The frequent batch auction: the orders of a block and the resting book trade at one price (Budish, Cramton, Shim 2015; Injective).

Orders are checked as they come in, like any. Post-only ones rest then and there. The others wait in a list until the block is over; then,
market by market, the price is found (clearing.py), and every order that is executable at it is executed with that price as its limit by
the code that always does. First the side that has resting orders at that price or better, or the buyers if neither has, comes in and
rests: nothing crosses it. Then the other side meets it, best limit first, then by arrival. What is left of orders that may rest stays at
the price of the auction, which is their limit; the others rest at their own limits, which cross nothing that the auction has not
filled.

A fill-or-kill order has no part in the price unless nothing else trades: else an order that nobody has to fill could move it. It comes
last, and is refused if it cannot be filled whole then. Against an account's own orders the later one counts: what its self-trade rule says
of those that it could meet is done when it comes in, so that nobody moves the price by trading with himself in vain.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.tables import O_NEXT_OWN, O_ORDER_ID, O_PRICE, O_SIDE, O_SIZE, P_FIRST_ORDER, P_FIRST_REDUCER, P_REDUCERS, P_SIZE
from ..state.types import NIL, max_i64, min_i64
from .access import never_takes, reducible
from .clearing import Offer, Point, clearing_price, volume_at
from .entry import OrderEntry
from .holding import Holding
from .matching import Matcher
from .order import Order
from .planning import is_worse


def better_first(o: Order) -> int:
    """Sorts orders of one side by their limits, the best first."""
    return -int(o.limit) if o.side == k.BUY else int(o.limit)


class BatchDesk(Holding):
    """Holds the orders of the block at hand; between commands it holds none."""

    def __init__(self, state: State, matcher: Matcher, entry: OrderEntry) -> None:
        self.state: State = state
        self.matcher: Matcher = matcher
        self.entry: OrderEntry = entry
        self.orders: dict[int, Order] = {}  # by id, in the order of their coming
        self.rows: dict[int, dict[int, Order]] = {}  # the same by position row and id
        self.clients: dict[tuple[int, int, int], Order] = {}  # the same by account and client id, those that have one

    # -- orders come in ----------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A block begins."""
        self.entry.in_batch = True

    def takes(self, o: Order) -> bool:
        """All but post-only orders, which have been found not to cross the book. They are open orders from now on."""
        is_passive = never_takes(o.tif)
        if is_passive and (o.self_trade == k.STP_NONE or not self.waiting_own(o)):
            return False
        if o.tif != k.FOK and not o.is_told:
            self.entry.tell_placed(o)
        elif o.order_id == 0:
            self.entry.number(o)
        if o.reduce_only == 0:
            self.matcher.open.count(o, o.left)
        self.keep(o)
        self.entry.order = Order(o.market)
        self.count(o, 1)
        stays = o.self_trade == k.STP_NONE or self.meet_own(o)
        if is_passive and stays:
            self.forget(o)
            self.count(o, -1)
            self.matcher.finish(o)
        return True

    def keep(self, o: Order) -> None:
        """Let it wait until the block is over."""
        self.orders[int(o.order_id)] = o
        self.rows.setdefault(int(o.row), {})[int(o.order_id)] = o
        if o.has_client_id:
            self.clients[int(o.account), int(o.client_hi), int(o.client_lo)] = o

    def forget(self, o: Order) -> None:
        """It waits no more."""
        del self.orders[int(o.order_id)]
        del self.rows[int(o.row)][int(o.order_id)]
        if o.has_client_id:
            del self.clients[int(o.account), int(o.client_hi), int(o.client_lo)]

    def order_of(self, account: i64, hi: i64, lo: i64) -> tuple[i64, i64, i64, i64, i64]:
        o = self.clients.get((int(account), int(hi), int(lo)))
        if o is None:
            return 0, 0, 0, 0, 0
        return o.order_id, o.market.number, k.ORDER_OPEN, o.left, o.filled

    def cancel_kept(self, order_id: i64, reason: i64) -> None:
        o = self.orders.get(int(order_id))
        if o is not None:
            self.forget(o)
            self.drop(o, reason)

    def count(self, o: Order, sign: i64) -> None:
        """Let it be one of the open orders of its account, or no more."""
        self.state.accounts.open_orders[o.account] += sign
        self.state.positions.cells[o.row + P_REDUCERS] += sign * o.reduce_only

    # -- an account's own two sides ----------------------------------------------------------------------------------------------

    def meet_own(self, o: Order) -> bool:
        """An order has come in: what its self-trade rule does to it and to its account's orders on the other side that it could meet, those
        in the batch by arrival, then those in the book, the best first. False: it is gone."""
        mode = o.self_trade
        waiting = self.waiting_own(o)
        resting = self.resting_own(o)
        if mode != k.STP_CANCEL_MAKER and (waiting or resting) and (mode == k.STP_CANCEL_TAKER or o.tif == k.FOK):
            self.leave(o)
            return False
        for other in waiting:
            lots = other.left if mode != k.STP_DECREMENT or other.tif == k.FOK else min_i64(o.left, other.left)
            if lots == other.left:
                self.leave(other)
            else:
                self.lose(other, lots)
            if mode == k.STP_DECREMENT and other.tif != k.FOK and not self.outlasts(o, lots):
                return False
        for order_id in resting:
            slot = self.state.order_ids.find(order_id)
            lots = self.state.orders.cells[slot + O_SIZE]
            if mode == k.STP_DECREMENT:
                lots = min_i64(o.left, lots)
            self.matcher.open.lose(slot, lots)
            if mode == k.STP_DECREMENT and not self.outlasts(o, lots):
                return False
        if mode == k.STP_CANCEL_BOTH and (waiting or resting):
            self.leave(o)
            return False
        return True

    def outlasts(self, o: Order, lots: i64) -> bool:
        """Is anything left of the order that has come in, when it has lost `lots`? If not, it is gone."""
        if lots < o.left:
            self.lose(o, lots)
            return True
        self.leave(o)
        return False

    def lose(self, o: Order, lots: i64) -> None:
        """An order that waits is smaller from now on."""
        o.left -= lots
        if o.reduce_only == 0:
            self.matcher.open.count(o, o.left)
        self.state.log.emit(k.E_ORDER_REDUCED, self.state.now, o.order_id, o.account, o.market.number, o.left)

    def leave(self, o: Order) -> None:
        """An order that waits is gone, since it could meet another of its account."""
        self.forget(o)
        self.drop(o, k.X_SELF_TRADE)

    def waiting_own(self, o: Order) -> list[Order]:
        """The account's orders on the other side that wait and that the order could meet."""
        found: list[Order] = []
        waiting = self.rows.get(int(o.row))
        if waiting is not None:
            for other in waiting.values():
                if other.side != o.side and not is_worse(o.limit, o.side, other.limit):
                    found.append(other)
        return found

    def resting_own(self, o: Order) -> list[int]:
        """Ids of those in the book, the best first, then the oldest."""
        found: list[tuple[int, int]] = []
        if self.matcher.planner.crosses_book(o) == 0:
            return []
        cells = self.state.positions.cells
        orders = self.state.orders.cells
        for first in (cells[o.row + P_FIRST_REDUCER], cells[o.row + P_FIRST_ORDER]):
            slot = first
            while slot != NIL:
                price = orders[slot + O_PRICE]
                if orders[slot + O_SIDE] != o.side and not is_worse(o.limit, o.side, price):
                    found.append((int(price if o.side == k.BUY else -price), int(orders[slot + O_ORDER_ID])))
                slot = orders[slot + O_NEXT_OWN]
        found.sort()
        return [order_id for _, order_id in found]

    def drop(self, o: Order, reason: i64) -> None:
        """An order that waits will not trade. A fill-or-kill order was never told to be placed, so it is refused."""
        self.count(o, -1)
        if o.tif == k.FOK:
            self.matcher.open.count(o, 0)
            if o.parent != 0:
                self.matcher.open.watch.refuse(o.parent, o.order_id, o.account, o.market.number, k.R_NOT_FILLABLE)
                return
            self.state.log.emit(
                k.E_REJECTED, self.state.now, k.C_PLACE, o.account, o.market.number, k.R_NOT_FILLABLE, o.client_hi, o.client_lo
            )
            return
        o.stopped = reason
        self.matcher.finish(o)

    # -- the auction -------------------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """The block is over: hold the auctions of all markets that orders have come for."""
        waiting: dict[int, list[Order]] = {}
        for o in self.orders.values():
            waiting.setdefault(int(o.market.number), []).append(o)
        self.orders = {}
        self.rows = {}
        self.clients = {}
        self.entry.in_batch = False
        for number in sorted(waiting):
            self.clear_market(self.state.markets[number], waiting[number])

    def clear_market(self, market: Market, orders: list[Order]) -> None:
        planner = self.matcher.planner
        plain = [o for o in orders if o.tif != k.FOK]
        whole = [o for o in orders if o.tif == k.FOK]
        told = plain
        price = self.price(market, plain)
        if price == 0:
            chosen = self.first_whole(market, plain, whole)
            if chosen is not None:
                whole = [chosen, *[o for o in whole if o is not chosen]]
                told = [*plain, chosen]
                price = self.price(market, told)
        bids, asks = self.sides(market, told, told)
        bought, sold = volume_at(int(price), bids, asks)
        planner.uniform = price
        planner.batch = {int(o.order_id) for o in orders}
        traded: i64 = 0
        inside = [o for o in plain if price != 0 and not is_worse(o.limit, o.side, price)]
        outside = [o for o in plain if price == 0 or is_worse(o.limit, o.side, price)]
        if price != 0:
            traded = self.execute(market, price, inside, whole)
        else:
            for o in whole:
                self.drop(o, k.X_IMMEDIATE)
        planner.uniform = 0
        planner.batch = set()
        for o in outside:
            self.rest(o)
        self.state.log.emit(
            k.E_BATCH_CLEARED, self.state.now, market.number, price, traded, bought if price != 0 else 0, sold if price != 0 else 0
        )

    def first_whole(self, market: Market, plain: list[Order], whole: list[Order]) -> Order | None:
        """The first of the fill-or-kill orders that fills whole, where nothing else trades.

        At a price where anybody sells nobody but such an order buys then, and the other way round. So what it trades, it trades with what
        the other side has within its limit, all its own: it fills whole if that is enough, at a price within its limit. Reduce-only
        orders with better limits take nothing off one that reduces too: had they any lots to buy, nobody would sell within its limit.
        """
        if not whole:
            return None
        bids, asks = self.sides(market, plain, [*plain, *whole])
        offers = [Offer(asks, 1), Offer(bids, -1)]  # by the side of who takes them
        cells = self.state.positions.cells
        for o in whole:
            if offers[o.side].within(int(o.limit)) >= o.left:
                if o.reduce_only == 0 or reducible(cells[o.row + P_SIZE], o.side) >= o.left:
                    return o
        return None

    def price(self, market: Market, orders: list[Order]) -> i64:
        """[ticks] Where they and the book clear; 0: nowhere."""
        bids, asks = self.sides(market, orders, orders)
        reference = int(market.oracle)
        if market.best_bid != 0 and market.best_ask != 0:
            reference = (int(market.best_bid) + int(market.best_ask)) // 2
        price: i64 = clearing_price(bids, asks, reference)
        return price

    def sides(self, market: Market, orders: list[Order], reach: list[Order]) -> tuple[list[Point], list[Point]]:
        """What is asked for and what is offered, as (limit, lots): the orders and, as far as those of `reach` do, the book."""
        lowest: i64 = market.best_ask  # [ticks] that anybody sells at, 0: nobody does
        highest: i64 = market.best_bid  # that anybody buys at
        for o in reach:
            if o.side == k.BUY:
                highest = max_i64(highest, o.limit)
            elif lowest == 0 or o.limit < lowest:
                lowest = o.limit
        buys = sorted([o for o in orders if o.side == k.BUY], key=better_first)
        sells = sorted([o for o in orders if o.side != k.BUY], key=better_first)
        return self.points(market, k.BUY, buys, lowest), self.points(market, k.SELL, sells, highest)

    def points(self, market: Market, side: i64, orders: list[Order], bound: i64) -> list[Point]:
        """Those of one side, the best first, with the levels that an order with the limit `bound` reaches (0: none). Reduce-only orders
        count for no more than there is of their position, the best first: else they could move a price that they do not trade at."""
        walk = self.entry.walk
        walk.begin(market, side)
        closed: dict[int, int] = {}
        walk.closed = closed
        found: list[Point] = []
        price = self.level_within(market, side, 0, bound)
        for o in orders:
            while price != 0 and not is_worse(price, side, o.limit):
                found.append((int(price), int(walk.fillable(price))))
                price = self.level_within(market, side, price, bound)
            lots = o.left
            if o.reduce_only != 0:
                before: i64 = closed.get(int(o.row), 0)
                lots = min_i64(lots, reducible(self.state.positions.cells[o.row + P_SIZE], side) - before)
                closed[int(o.row)] = int(before + lots)
            found.append((int(o.limit), int(lots)))
        while price != 0:
            found.append((int(price), int(walk.fillable(price))))
            price = self.level_within(market, side, price, bound)
        return found

    def level_within(self, market: Market, side: i64, price: i64, bound: i64) -> i64:
        """The next level behind `price` (0: the best) that an order of the other side with the limit `bound` reaches; 0: there is none."""
        book = self.matcher.book
        found = book.best(market, side)
        if price != 0:
            found = book.worse(market, side, price)
        return 0 if bound == 0 or found == 0 or is_worse(bound, 1 - side, found) else found

    # -- its execution -----------------------------------------------------------------------------------------------------------

    def execute(self, market: Market, price: i64, inside: list[Order], whole: list[Order]) -> i64:
        """Let all that is executable trade at the price; returns how many lots did."""
        first: i64 = k.BUY
        if market.best_ask != 0 and market.best_ask <= price:
            first = k.SELL
        kept: list[Order] = []
        better = sorted([o for o in inside if o.side == first and o.limit != price], key=better_first)
        at_price = [o for o in inside if o.side == first and o.limit == price]
        for o in reversed(better):
            self.come_in(o, price, True, kept)
        for o in at_price:
            self.come_in(o, price, False, kept)
        traded: i64 = 0
        for o in sorted([o for o in inside if o.side != first], key=better_first):
            traded += self.meet(o, price)
        for o in whole:
            traded += self.meet_whole(o, price)
        for o in kept:
            slot = self.state.order_ids.find(o.order_id)
            if slot != NIL and o.tif == k.GTC:
                self.tell_limit(o, self.state.orders.cells[slot + O_SIZE])
            elif slot != NIL:
                self.matcher.open.cancel(slot, k.X_IMMEDIATE)
        return traded

    def tell_limit(self, o: Order, size: i64) -> None:
        """An order that had a better limit than the price has not been filled whole, since somebody whom it was to meet could not pay: it
        rests at the price."""
        self.state.log.emit(k.E_ORDER_AMENDED, self.state.now, o.order_id, o.account, o.market.number, o.limit, size, 0)

    def fits(self, o: Order) -> bool:
        """Shrink a reduce-only order to what there is to reduce now; one that finds nothing is gone."""
        if o.reduce_only == 0:
            return True
        lots = reducible(self.state.positions.cells[o.row + P_SIZE], o.side)
        if lots == 0:
            self.drop(o, k.X_REDUCE_ONLY)
        elif lots < o.left:
            o.left = lots
            self.state.log.emit(k.E_ORDER_REDUCED, self.state.now, o.order_id, o.account, o.market.number, lots)
        return lots > 0

    def limit_to(self, o: Order, price: i64) -> None:
        """Its limit is another one."""
        self.count(o, -1)
        self.matcher.open.count(o, 0)
        o.limit = price
        self.state.reserve()

    def come_in(self, o: Order, price: i64, is_better: bool, kept: list[Order]) -> None:
        """An order of the side that rests. Those that may not stay, or would stay at another price than their own, are `kept` in mind."""
        if not self.fits(o):
            return
        self.limit_to(o, price)
        self.matcher.open.enqueue(o)
        if is_better:
            self.matcher.book.to_front(self.state.order_ids.find(o.order_id))
        if o.tif != k.GTC or is_better:
            kept.append(o)

    def meet(self, o: Order, price: i64) -> i64:
        """An order of the other side. Returns how many lots it has traded."""
        if not self.fits(o):
            return 0
        own = o.limit
        self.limit_to(o, price)
        before = o.left
        self.matcher.match(o)
        traded = before - o.left
        self.matcher.finish(o)
        if o.left > 0 and own != price and self.state.order_ids.find(o.order_id) != NIL:
            self.tell_limit(o, o.left)
        return traded

    def meet_whole(self, o: Order, price: i64) -> i64:
        """A fill-or-kill order."""
        if is_worse(o.limit, o.side, price):
            self.drop(o, k.X_IMMEDIATE)
            return 0
        own = o.limit
        left = o.left
        if o.reduce_only != 0:
            left = min_i64(left, reducible(self.state.positions.cells[o.row + P_SIZE], o.side))
        self.matcher.open.count(o, 0)
        o.limit = price
        passes = left == o.left and self.matcher.fills_whole(o)
        o.limit = own
        if not passes:
            self.drop(o, k.X_IMMEDIATE)
            return 0
        self.entry.tell_placed(o)
        return self.meet(o, price)

    def rest(self, o: Order) -> None:
        """An order whose limit is worse than the price. It crosses nothing, unless somebody who was to trade could not pay, which has left
        over what he was to trade with: then it rests one tick short of that."""
        if not self.fits(o):
            return
        best = self.matcher.planner.crosses_book(o)
        short = o.limit
        if best != 0:
            short = best - 1 if o.side == k.BUY else best + 1
        may_rest = 0 < short <= o.market.max_price
        if not may_rest:
            self.drop(o, k.X_IMMEDIATE)
            return
        has_moved = short != o.limit and o.tif == k.GTC
        self.limit_to(o, short)
        self.matcher.finish(o)
        if has_moved:
            self.tell_limit(o, o.left)
