"""Open orders: what rests, what it adds to the sums of its position row, and how it goes.

Reduce-only orders count in no sum, since they cannot raise a requirement; they shrink with their position, and go when there is nothing
left for them to reduce (`positions`). Nothing here moves money.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.payoff import value_of
from ..schema.kinds import (
    BUY,
    E_ORDER_CANCELLED,
    E_ORDER_REDUCED,
    E_ORDER_REFRESHED,
    MODE_FROZEN,
    MODE_NORMAL,
    ORDER_CANCELLED,
    ORDER_OPEN,
    RPI,
    X_SELF_TRADE,
    X_USER,
)
from ..state.ids import FILLED_MASK, MARKET_SHIFT, ORDER_ID, OUTCOME
from ..state.market import Market
from ..state.pending import A_ACCOUNT, A_DISPLAY, A_LEFT
from ..state.schedule import ORDER_EXPIRY
from ..state.state import State
from ..state.tables import (
    O_ACCOUNT,
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_FILLED,
    O_MARKET,
    O_NEXT_OWN,
    O_ORDER_ID,
    O_POSITION,
    O_PRICE,
    O_REDUCE_ONLY,
    O_SELF_TRADE,
    O_SIDE,
    O_SIZE,
    O_TERMS,
    O_TIF,
    P_ACCOUNT,
    P_ASK_LOTS,
    P_ASK_NOTIONAL,
    P_BID_LOTS,
    P_BID_NOTIONAL,
    P_FIRST_ORDER,
    P_FIRST_REDUCER,
    P_LARGEST_REDUCER,
    P_MARKET,
    P_NEXT,
    P_REDUCERS,
    P_SIZE,
    P_WIDTH,
)
from ..state.terms import T_DISPLAY, T_EXPIRES, T_FREE, T_HIDDEN, T_PARENT, T_QUOTE
from ..state.types import NEVER, NIL, abs_i64, max_i64, min_i64
from .book import Book
from .order import Order
from .standing import Standing
from .watch import Note, Watch


def open_lots(state: State, slot: i64) -> i64:
    """[lots] All that an order has open, shown or not."""
    orders = state.orders.cells
    terms = orders[slot + O_TERMS]
    return orders[slot + O_SIZE] if terms == NIL else orders[slot + O_SIZE] + state.terms.cells[terms + T_HIDDEN]


def hidden_lots(state: State, slot: i64, viewer: i64) -> i64:
    """[lots] What an iceberg has behind what it shows, as far as account `viewer` may know of it: of its own all, of others' nothing. NIL:
    the venue itself, which knows all."""
    orders = state.orders.cells
    terms = orders[slot + O_TERMS]
    if terms == NIL or (viewer != NIL and orders[slot + O_ACCOUNT] != viewer):
        return 0
    return state.terms.cells[terms + T_HIDDEN]


def parts_behind(lots: i64, display: i64) -> i64:
    """How many parts an order of so many lots hides when it comes to rest; `display` 0: it shows all."""
    return (lots - 1) // display if display != 0 else 0


def parts_of(state: State, slot: i64) -> i64:
    """How many parts a resting order hides now."""
    terms = state.orders.cells[slot + O_TERMS]
    cells = state.terms.cells
    if terms == NIL or cells[terms + T_HIDDEN] == 0:
        return 0
    return 1 + parts_behind(cells[terms + T_HIDDEN], cells[terms + T_DISPLAY])


def hidden_parts(state: State, account: i64, but: i64) -> i64:
    """How many parts the account's icebergs hide, those of order `but` left aside; an auctioned one as if it rested now."""
    orders = state.orders.cells
    cells = state.positions.cells
    parts: i64 = 0
    row = state.accounts.first_position[account]
    while row != NIL:
        for first in (cells[row + P_FIRST_ORDER], cells[row + P_FIRST_REDUCER]):
            slot = first
            while slot != NIL:
                if orders[slot + O_TERMS] != NIL and orders[slot + O_ORDER_ID] != but:
                    parts += parts_of(state, slot)
                slot = orders[slot + O_NEXT_OWN]
        row = cells[row + P_NEXT]
    auctions = state.taker_auctions
    if auctions.count(account) != 0:
        for number in auctions.numbers():
            kept = auctions.find(number)
            if auctions.cells[kept + A_ACCOUNT] == account:
                parts += parts_behind(auctions.cells[kept + A_LEFT], auctions.cells[kept + A_DISPLAY])
    return parts


def client_order(state: State, account: i64, hi: i64, lo: i64) -> tuple[i64, i64, i64, i64, i64]:
    """What became of the account's order with this client id: order id, market, state, lots open and filled. Order id 0: none is known."""
    orders = state.orders.cells
    ids = state.client_ids[account]
    slot = ids.find_open(orders, hi, lo)
    if slot != NIL:
        return orders[slot + O_ORDER_ID], orders[slot + O_MARKET], ORDER_OPEN, open_lots(state, slot), orders[slot + O_FILLED]
    position = ids.find_closed(hi, lo)
    if position == NIL:
        return 0, 0, 0, 0, 0
    outcome = ids.read(position, OUTCOME)
    return ids.read(position, ORDER_ID), outcome >> MARKET_SHIFT, outcome & 3, 0, outcome >> 2 & FILLED_MASK


class OpenOrders:
    def __init__(self, state: State, book: Book) -> None:
        self.state: State = state
        self.book: Book = book
        self.watch: Watch = Watch()
        self.standing: Standing = Standing(state, self.watch)

    # -- the sums of a position row ----------------------------------------------------------------------------------------------

    def add_to_sums(self, row: i64, side: i64, lots: i64, notional: i64) -> None:
        """Add to the open-order sums of a position row; negative numbers take off."""
        cells = self.state.positions.cells
        if side == BUY:
            cells[row + P_BID_LOTS] += lots
            cells[row + P_BID_NOTIONAL] += notional
        else:
            cells[row + P_ASK_LOTS] += lots
            cells[row + P_ASK_NOTIONAL] += notional

    def count(self, o: Order, lots: i64) -> None:
        """Let `lots` of the order at hand be in the open-order sums."""
        more = lots - o.counted
        if more != 0:
            self.add_to_sums(o.row, o.side, more, value_of(o.market, more, o.limit))
            o.counted = lots

    def release(self, market: Market, slot: i64, lots: i64) -> None:
        """Let `lots` of a resting order be in the sums no more."""
        orders = self.state.orders.cells
        if orders[slot + O_REDUCE_ONLY] == 0:
            notional = value_of(market, lots, orders[slot + O_PRICE])
            self.add_to_sums(orders[slot + O_POSITION], orders[slot + O_SIDE], -lots, -notional)

    def own_within(self, o: Order) -> tuple[i64, i64, i64]:
        """What its account has on the other side within the order's limit, RPI orders aside: the best price (0: there is nothing), and the
        lots there and in all that are not reduce-only."""
        orders = self.state.orders.cells
        cells = self.state.positions.cells
        best: i64 = 0
        there: i64 = 0
        total: i64 = 0
        for first in (cells[o.row + P_FIRST_ORDER], cells[o.row + P_FIRST_REDUCER]):
            slot = first
            while slot != NIL:
                price = orders[slot + O_PRICE]
                is_met = price <= o.limit if o.side == BUY else price >= o.limit
                if is_met and orders[slot + O_SIDE] != o.side and orders[slot + O_TIF] != RPI:
                    lots: i64 = 0
                    if orders[slot + O_REDUCE_ONLY] == 0:
                        lots = open_lots(self.state, slot)
                    total += lots
                    if best == 0 or (price < best if o.side == BUY else price > best):
                        best = price
                        there = 0
                    if price == best:
                        there += lots
                slot = orders[slot + O_NEXT_OWN]
        return best, there, total

    # -- orders come and go ------------------------------------------------------------------------------------------------------

    def enqueue(self, o: Order) -> None:
        """Put what is left of the order at hand into the book."""
        orders = self.state.orders.cells
        slot = self.state.orders.new_row()
        orders[slot + O_ORDER_ID] = o.order_id
        orders[slot + O_ACCOUNT] = o.account
        orders[slot + O_MARKET] = o.market.number
        orders[slot + O_POSITION] = o.row
        orders[slot + O_SIDE] = o.side
        orders[slot + O_PRICE] = o.limit
        orders[slot + O_SIZE] = o.left
        orders[slot + O_FILLED] = o.filled
        orders[slot + O_TIF] = o.tif
        orders[slot + O_REDUCE_ONLY] = o.reduce_only
        orders[slot + O_SELF_TRADE] = o.self_trade
        orders[slot + O_CLIENT_HI] = o.client_hi
        orders[slot + O_CLIENT_LO] = o.client_lo
        orders[slot + O_TERMS] = NIL
        if o.has_terms:
            self.put_terms(slot, o)
        if o.has_client_id:
            self.state.own_client_ids(o.account).add_open(o.client_hi, o.client_lo, slot)
        if o.reduce_only != 0:
            cells = self.state.positions.cells
            cells[o.row + P_REDUCERS] += 1
            cells[o.row + P_LARGEST_REDUCER] = max_i64(cells[o.row + P_LARGEST_REDUCER], o.left)
        else:
            self.count(o, o.left)
        self.book.enqueue(o.market, slot)
        if o.display != 0:
            self.book.count_iceberg(slot, 1)

    def close(self, market: Market, slot: i64, outcome: i64) -> None:
        """Take an order out of the book and out of all sums; its client id stays taken for a while."""
        state = self.state
        orders = state.orders.cells
        if orders[slot + O_SIZE] > 0:
            self.release(market, slot, orders[slot + O_SIZE])
        if orders[slot + O_REDUCE_ONLY] != 0:
            cells = state.positions.cells
            row = orders[slot + O_POSITION]
            cells[row + P_REDUCERS] -= 1
            if cells[row + P_REDUCERS] == 0:
                cells[row + P_LARGEST_REDUCER] = 0
        if orders[slot + O_TERMS] != NIL:
            self.end_terms(market, slot)
        hi = orders[slot + O_CLIENT_HI]
        lo = orders[slot + O_CLIENT_LO]
        if hi != 0 or lo != 0:
            ids = state.own_client_ids(orders[slot + O_ACCOUNT])
            ids.remove_open(hi, lo, slot)
            ids.close(hi, lo, orders[slot + O_ORDER_ID], orders[slot + O_MARKET], outcome, orders[slot + O_FILLED])
        self.book.remove(market, slot)

    def lose(self, slot: i64, lots: i64) -> None:
        """An order loses `lots` of what it shows to another of its account, without a trade: as a fill would take them. It is cancelled if
        these are all that it has."""
        orders = self.state.orders.cells
        if lots == open_lots(self.state, slot):
            self.cancel(slot, X_SELF_TRADE)
            return
        self.release(self.state.markets[orders[slot + O_MARKET]], slot, lots)
        self.book.shrink(slot, lots)
        self.tell_reduced(slot)
        if orders[slot + O_SIZE] == 0:
            self.refresh(slot)

    def shrink(self, slot: i64, lots: i64) -> None:
        """Take `lots` off an order, which keeps its place: first of what it does not show."""
        orders = self.state.orders.cells
        self.release(self.state.markets[orders[slot + O_MARKET]], slot, lots)
        terms = orders[slot + O_TERMS]
        if terms != NIL:
            cells = self.state.terms.cells
            hidden = min_i64(lots, cells[terms + T_HIDDEN])
            cells[terms + T_HIDDEN] -= hidden
            lots -= hidden
        if lots > 0:
            self.book.shrink(slot, lots)

    def next_part(self, slot: i64) -> i64:
        """[lots] that an order with special terms shows next, when what it shows is gone; 0: it has none left."""
        cells = self.state.terms.cells
        terms = self.state.orders.cells[slot + O_TERMS]
        return min_i64(cells[terms + T_DISPLAY], cells[terms + T_HIDDEN])

    def refresh(self, slot: i64) -> None:
        """What an order has shown is gone: let it show the next part, which it has."""
        orders = self.state.orders.cells
        cells = self.state.terms.cells
        terms = orders[slot + O_TERMS]
        lots = self.next_part(slot)
        cells[terms + T_HIDDEN] -= lots
        self.book.show(slot, lots)
        self.state.log.emit(
            E_ORDER_REFRESHED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET], lots,
            cells[terms + T_HIDDEN],
        )  # fmt: skip

    def tell_reduced(self, slot: i64) -> None:
        """An order has become smaller without a trade."""
        orders = self.state.orders.cells
        self.state.log.emit(
            E_ORDER_REDUCED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET],
            open_lots(self.state, slot),
        )  # fmt: skip

    # -- special terms -----------------------------------------------------------------------------------------------------------

    def put_terms(self, slot: i64, o: Order) -> None:
        """The special terms of the order at hand, which comes to rest."""
        terms = self.state.terms
        row = terms.new_row()
        cells = terms.cells
        cells[row + T_PARENT] = o.parent
        cells[row + T_DISPLAY] = o.display
        cells[row + T_HIDDEN] = 0
        if 0 < o.display < o.left:
            cells[row + T_HIDDEN] = o.left - o.display
            self.state.orders.cells[slot + O_SIZE] = o.display
        cells[row + T_EXPIRES] = o.expires
        cells[row + T_QUOTE] = o.is_quote
        if o.expires != 0:
            self.state.schedule.set(ORDER_EXPIRY, o.order_id, o.expires)
        self.state.orders.cells[slot + O_TERMS] = row

    def follow(self, slot: i64) -> None:
        """Somebody waits for what happens to a resting order. Takes a row of special terms, if it has none."""
        orders = self.state.orders.cells
        if orders[slot + O_TERMS] == NIL:
            row = self.state.terms.new_row()
            cells = self.state.terms.cells
            at: i64 = 0
            while at < T_FREE:
                cells[row + at] = 0
                at += 1
            orders[slot + O_TERMS] = row
        terms = orders[slot + O_TERMS]
        if self.state.terms.cells[terms + T_PARENT] == 0:
            self.state.terms.cells[terms + T_PARENT] = orders[slot + O_ORDER_ID]  # as if it had sent itself

    def note(self, slot: i64, lots: i64, is_open: bool) -> None:
        """An order with special terms has traded `lots`, or has come to its end: for whoever waits for it."""
        orders = self.state.orders.cells
        cells = self.state.terms.cells
        terms = orders[slot + O_TERMS]
        if cells[terms + T_PARENT] == 0 and cells[terms + T_QUOTE] == 0:
            return
        note = Note(cells[terms + T_PARENT], orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET])
        note.filled = orders[slot + O_FILLED]
        note.lots = lots
        note.is_open = is_open
        note.is_quote = cells[terms + T_QUOTE] != 0
        self.watch.notes.append(note)

    def end_terms(self, market: Market, slot: i64) -> None:
        """Of an order that is closed."""
        self.note(slot, 0, False)
        orders = self.state.orders.cells
        if self.state.terms.cells[orders[slot + O_TERMS] + T_EXPIRES] != 0:
            self.state.schedule.cancel(ORDER_EXPIRY, orders[slot + O_ORDER_ID])
        cells = self.state.terms.cells
        terms = orders[slot + O_TERMS]
        if cells[terms + T_DISPLAY] != 0:
            self.release(market, slot, cells[terms + T_HIDDEN])
            self.book.count_iceberg(slot, -1)
        self.state.terms.free_row(orders[slot + O_TERMS])

    # -- cancellations -----------------------------------------------------------------------------------------------------------

    def cancel(self, slot: i64, reason: i64) -> None:
        orders = self.state.orders.cells
        self.state.log.write(
            E_ORDER_CANCELLED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET],
            open_lots(self.state, slot), reason, 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        if reason == X_USER and orders[slot + O_TERMS] != NIL:  # a linked one has these
            self.state.links.take_back(orders[slot + O_ORDER_ID])
        self.close(self.state.markets[orders[slot + O_MARKET]], slot, ORDER_CANCELLED)

    def cancel_row(self, row: i64, reason: i64, spares_reducers: bool = False) -> None:
        """Cancel all orders of a position row, the youngest first, reduce-only ones before the others; then its triggers and TWAPs. All,
        or all but what can only reduce, which is linked no more with what goes: else it would go as well."""
        cells = self.state.positions.cells
        while cells[row + P_FIRST_REDUCER] != NIL and not spares_reducers:
            self.cancel(cells[row + P_FIRST_REDUCER], reason)
        while cells[row + P_FIRST_ORDER] != NIL:
            if spares_reducers:
                self.state.links.untie(self.state.orders.cells[cells[row + P_FIRST_ORDER] + O_ORDER_ID])
            self.cancel(cells[row + P_FIRST_ORDER], reason)
        if self.standing.any:
            self.standing.cancel_market(cells[row + P_ACCOUNT], cells[row + P_MARKET], reason, spares_reducers)

    def cancel_account(self, account: i64, reason: i64, spares_reducers: bool = False) -> None:
        row = self.state.accounts.first_position[account]
        while row != NIL:
            self.cancel_row(row, reason, spares_reducers)
            row = self.state.positions.cells[row + P_NEXT]

    # -- proof -------------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Open-order sums, reducers and own-order links of every position row agree with the orders in the book."""
        cells = self.state.positions.cells
        assert not self.watch.notes, "something happened to an order that somebody waits for, and nobody was told"
        row: i64 = 0
        seen: i64 = 0
        terms: set[int] = set()
        while row < self.state.positions.end:
            sums: list[i64] = [0, 0, 0, 0, 0]
            mode = self.state.accounts.mode[cells[row + P_ACCOUNT]]
            assert mode == MODE_NORMAL or cells[row + P_FIRST_ORDER] == NIL, "an order that may open, of an account that reduces only"
            assert mode != MODE_FROZEN or cells[row + P_FIRST_REDUCER] == NIL, "an order of a frozen account"
            seen += self.check_list(row, cells[row + P_FIRST_REDUCER], 1, sums, terms)
            seen += self.check_list(row, cells[row + P_FIRST_ORDER], 0, sums, terms)
            assert sums[0] == cells[row + P_BID_LOTS] and sums[1] == cells[row + P_ASK_LOTS], "open-order lots are stale"
            assert sums[2] == cells[row + P_BID_NOTIONAL] and sums[3] == cells[row + P_ASK_NOTIONAL], "open-order notional is stale"
            assert sums[4] == cells[row + P_REDUCERS], "count of reduce-only orders is stale"
            row += P_WIDTH
        assert seen == self.state.orders.live, "an order belongs to no position row"
        assert len(terms) == self.state.terms.live and not terms & self.state.terms.free_rows(), "special terms of no order, or of two"
        account: i64 = 0
        while account < self.state.accounts.count:
            assert hidden_parts(self.state, account, 0) <= self.state.max_open_orders, "icebergs hide more parts than they may"
            account += 1
        auctions = self.state.taker_auctions
        for rank, number in self.state.schedule.times:
            if rank == ORDER_EXPIRY:
                assert self.state.order_ids.find(number) != NIL or auctions.find(number) != NIL, "the end of an order that is gone"

    def check_terms(self, slot: i64) -> None:
        """The special terms of an order."""
        cells = self.state.terms.cells
        terms = self.state.orders.cells[slot + O_TERMS]
        shown = self.state.orders.cells[slot + O_SIZE]
        hidden = cells[terms + T_HIDDEN]
        assert hidden == 0 or (hidden > 0 and 0 < shown <= cells[terms + T_DISPLAY]), "an order that shows more than it is to"
        ends = cells[terms + T_EXPIRES]
        due = self.state.schedule.time(ORDER_EXPIRY, self.state.orders.cells[slot + O_ORDER_ID])
        assert due == (ends if ends != 0 else NEVER), "an order that does not end in time"

    def check_list(self, row: i64, slot: i64, reduce_only: i64, sums: list[i64], terms: set[int]) -> i64:
        """One list of a row's own orders, added up: bid lots, ask lots, their notional, reducers; and the rows of their special terms.
        Returns how many orders there are."""
        cells = self.state.positions.cells
        orders = self.state.orders.cells
        seen: i64 = 0
        while slot != NIL:
            size = open_lots(self.state, slot)
            side = orders[slot + O_SIDE]
            assert orders[slot + O_POSITION] == row and orders[slot + O_ACCOUNT] == cells[row + P_ACCOUNT]
            assert orders[slot + O_REDUCE_ONLY] == reduce_only, "an order in the wrong list of its owner"
            seen += 1
            if orders[slot + O_TERMS] != NIL:
                terms.add(int(orders[slot + O_TERMS]))
                self.check_terms(slot)
            if reduce_only != 0:
                assert size <= abs_i64(cells[row + P_SIZE]), "a reduce-only order larger than its position"
                assert size <= cells[row + P_LARGEST_REDUCER], "a reduce-only order larger than the largest"
                assert (side == BUY) == (cells[row + P_SIZE] < 0), "a reduce-only order that would increase"
                sums[4] += 1
            else:
                sums[side] += size
                sums[2 + side] += value_of(self.state.markets[orders[slot + O_MARKET]], size, orders[slot + O_PRICE])
            slot = orders[slot + O_NEXT_OWN]
        return seen
