"""The order book: where orders rest, level by level, for all markets of a venue. Nothing here knows money.

A level is a queue in the order of time. Where a market has queue classes, orders of retail accounts stand before all others in it, and RPI
orders have levels of their own, which no best price, no depth and no question about the book knows: only orders of retail accounts meet
them, so nobody else may count on them, and they may cross the book, and each other, without trading.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from ..schema.columns import (
    CANCEL_CLIENT_HI,
    CANCEL_CLIENT_LO,
    CANCEL_ORDER_ID,
    KIND,
    PLACE_ACCOUNT,
    PLACE_CLIENT_HI,
    PLACE_CLIENT_LO,
)
from ..schema.kinds import BUY, C_CANCEL, C_CANCEL_CLIENT, C_PLACE, RETAIL, RPI, SELL
from ..state.ladder import PATIENCE, Ladder
from ..state.market import CLASSES, TOP_FIRST, Market
from ..state.packed import column
from ..state.state import State
from ..state.tables import (
    L_HEAD,
    L_LAST_RETAIL,
    L_LOTS,
    L_PRICE,
    L_SPECIAL,
    L_TAIL,
    L_TOP,
    O_ACCOUNT,
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_LEVEL,
    O_MARKET,
    O_NEXT,
    O_NEXT_OWN,
    O_ORDER_ID,
    O_POSITION,
    O_PREV,
    O_PREV_OWN,
    O_PRICE,
    O_REDUCE_ONLY,
    O_SIDE,
    O_SIZE,
    O_TERMS,
    O_TIF,
    P_FIRST_ORDER,
    P_FIRST_REDUCER,
)
from ..state.terms import T_DISPLAY
from ..state.types import NIL, ROW
from .curve_source import CurveSource
from .queues import Queues

WARM_ROWS: Final[i64] = 32  # commands of a bulk call whose look-ups are made side by side
MANY: Final[i64] = 4096  # open orders: fewer are in the cache anyhow


class Book(Queues):
    """`curves` is the other source of liquidity, beside the book: whoever asks what a side is worth asks both."""

    def __init__(self, state: State, curves: CurveSource) -> None:
        super().__init__(state)
        self.curves: CurveSource = curves
        self.slots: vec[i64] = column(WARM_ROWS, 0)
        self.touched: i64 = 0

    def best(self, market: Market, side: i64) -> i64:
        """Best price of a side [ticks]; 0 if it is empty."""
        return market.best_bid if side == BUY else market.best_ask

    def worse(self, market: Market, side: i64, price: i64) -> i64:
        """The next price behind `price` on its own side; 0 if none."""
        ladder = market.ladder
        return ladder.below(price) if side == BUY else ladder.above(price)

    def level(self, market: Market, price: i64) -> i64:
        """The level row at `price`, or NIL."""
        return market.ladder.find(price)

    def level_lots(self, market: Market, price: i64) -> i64:
        level = self.level(market, price)
        return self.state.levels.cells[level + L_LOTS] if level != NIL else 0

    def head(self, market: Market, price: i64) -> i64:
        """The order that is first at `price`, where there is one."""
        return self.state.levels.cells[self.level(market, price) + L_HEAD]

    # -- orders come and go -----------------------------------------------------------------------------------------------------

    def enqueue(self, market: Market, slot: i64) -> None:
        """Queue an order whose columns are filled in: behind its level, its position row and its id."""
        state = self.state
        orders = state.orders.cells
        levels = state.levels.cells
        if market.matching == 0:
            price = orders[slot + O_PRICE]
            ladder = market.ladder
            level = ladder.seek(price)
            if level == NIL:
                level = self.open_level(ladder, market, orders[slot + O_SIDE], price)
            last = levels[level + L_TAIL]
            orders[slot + O_NEXT] = NIL
            orders[slot + O_PREV] = last
            if last == NIL:
                levels[level + L_HEAD] = slot
            else:
                orders[last + O_NEXT] = slot
            levels[level + L_TAIL] = slot
        else:
            level = self.queue_by_rule(market, slot)
        levels[level + L_LOTS] += orders[slot + O_SIZE]
        orders[slot + O_LEVEL] = level
        state.order_ids.put(orders[slot + O_ORDER_ID], slot)
        positions = state.positions.cells
        list_of = P_FIRST_ORDER
        if orders[slot + O_REDUCE_ONLY] != 0:
            levels[level + L_SPECIAL] += 1
            list_of = P_FIRST_REDUCER
        first_own = orders[slot + O_POSITION] + list_of
        first = positions[first_own]
        positions[first_own] = slot
        orders[slot + O_PREV_OWN] = NIL
        orders[slot + O_NEXT_OWN] = first
        if first != NIL:
            orders[first + O_PREV_OWN] = slot
        state.accounts.open_orders[orders[slot + O_ACCOUNT]] += 1

    def open_level(self, ladder: Ladder, market: Market, side: i64, price: i64) -> i64:
        if side == BUY:
            if price > market.best_bid:
                market.best_bid = price
        elif market.best_ask == 0 or price < market.best_ask:
            market.best_ask = price
        if ladder.misses >= PATIENCE:
            ladder.follow(market.best_bid if side == BUY else market.best_ask)
        level = self.new_level(price)
        ladder.put(price, level)
        return level

    def new_level(self, price: i64) -> i64:
        level = self.state.levels.new_row()
        levels = self.state.levels.cells
        levels[level + L_PRICE] = price
        levels[level + L_HEAD] = NIL
        levels[level + L_TAIL] = NIL
        levels[level + L_LOTS] = 0
        levels[level + L_SPECIAL] = 0
        levels[level + L_TOP] = NIL
        levels[level + L_LAST_RETAIL] = NIL
        return level

    def shrink(self, slot: i64, lots: i64) -> None:
        """Take `lots` off an order, which keeps its place."""
        orders = self.state.orders.cells
        levels = self.state.levels.cells
        orders[slot + O_SIZE] -= lots
        levels[orders[slot + O_LEVEL] + L_LOTS] -= lots

    def remove(self, market: Market, slot: i64) -> None:
        """Take an order out of the book and free its row."""
        state = self.state
        orders = state.orders.cells
        levels = state.levels.cells
        level = orders[slot + O_LEVEL]
        if market.matching != 0:
            self.leave_rule(level, slot)
        self.unlink(slot)
        levels[level + L_LOTS] -= orders[slot + O_SIZE]
        if orders[slot + O_REDUCE_ONLY] != 0:
            levels[level + L_SPECIAL] -= 1
        if levels[level + L_HEAD] == NIL:
            if orders[slot + O_TIF] == RPI:
                del self.rpi_levels(market, orders[slot + O_SIDE])[int(orders[slot + O_PRICE])]
                state.levels.free_row(level)
            else:
                self.close_level(market, orders[slot + O_SIDE], level)
        self.unlink_own(slot)
        state.order_ids.remove(orders[slot + O_ORDER_ID])
        state.accounts.open_orders[orders[slot + O_ACCOUNT]] -= 1
        state.orders.free_row(slot)

    def unlink_own(self, slot: i64) -> None:
        """Take an order out of its owner's list."""
        orders = self.state.orders.cells
        positions = self.state.positions.cells
        after = orders[slot + O_NEXT_OWN]
        before = orders[slot + O_PREV_OWN]
        if before != NIL:
            orders[before + O_NEXT_OWN] = after
        elif orders[slot + O_REDUCE_ONLY] != 0:
            positions[orders[slot + O_POSITION] + P_FIRST_REDUCER] = after
        else:
            positions[orders[slot + O_POSITION] + P_FIRST_ORDER] = after
        if after != NIL:
            orders[after + O_PREV_OWN] = before

    def close_level(self, market: Market, side: i64, level: i64) -> None:
        price = self.state.levels.cells[level + L_PRICE]
        ladder = market.ladder
        ladder.remove(price)
        self.state.levels.free_row(level)
        if side == BUY:
            if price == market.best_bid:
                market.best_bid = ladder.below(price)
        elif price == market.best_ask:
            market.best_ask = ladder.above(price)

    # -- where the rule of a market is not time alone ----------------------------------------------------------------------------

    def queue_by_rule(self, market: Market, slot: i64) -> i64:
        """Put an order into the queue of its level, which is returned: one of a retail account behind the others of its kind, where
        those stand first, any other at the end. RPI orders have levels of their own, beside the ladder."""
        orders = self.state.orders.cells
        side = orders[slot + O_SIDE]
        price = orders[slot + O_PRICE]
        if orders[slot + O_TIF] == RPI:
            level = self.rpi_level(market, side, price)
            if level == NIL:
                level = self.new_level(price)
                self.rpi_levels(market, side)[int(price)] = int(level)
        else:
            level = market.ladder.seek(price)
            if level == NIL:
                level = self.open_level_by_rule(market, slot, side, price)
        levels = self.state.levels.cells
        before = levels[level + L_TAIL]
        if self.stands_first(market, slot):
            before = levels[level + L_LAST_RETAIL]
            levels[level + L_LAST_RETAIL] = slot
        after = levels[level + L_HEAD] if before == NIL else orders[before + O_NEXT]
        orders[slot + O_PREV] = before
        orders[slot + O_NEXT] = after
        if before == NIL:
            levels[level + L_HEAD] = slot
        else:
            orders[before + O_NEXT] = slot
        if after == NIL:
            levels[level + L_TAIL] = slot
        else:
            orders[after + O_PREV] = slot
        return level

    def stands_first(self, market: Market, slot: i64) -> bool:
        """Is it an order of a retail account, in a market where those are filled first?"""
        orders = self.state.orders.cells
        if market.matching & CLASSES == 0 or orders[slot + O_TIF] == RPI:
            return False
        return self.state.accounts.kind[orders[slot + O_ACCOUNT]] == RETAIL

    def open_level_by_rule(self, market: Market, slot: i64, side: i64, price: i64) -> i64:
        """A new best price makes its order the top order; the one before it is none any more, and will not be again (CME)."""
        best = self.best(market, side)
        level = self.open_level(market.ladder, market, side, price)
        if market.matching & TOP_FIRST != 0 and self.best(market, side) != best:
            levels = self.state.levels.cells
            levels[level + L_TOP] = slot
            if best != 0:
                levels[self.level(market, best) + L_TOP] = NIL
        return level

    def leave_rule(self, level: i64, slot: i64) -> None:
        """Before an order leaves its level: it is the top order no more, nor the last of those of retail accounts."""
        levels = self.state.levels.cells
        if levels[level + L_TOP] == slot:
            levels[level + L_TOP] = NIL
        if levels[level + L_LAST_RETAIL] == slot:
            levels[level + L_LAST_RETAIL] = self.state.orders.cells[slot + O_PREV]

    def rpi_levels(self, market: Market, side: i64) -> SortedDict:
        return market.rpi_bids if side == BUY else market.rpi_asks

    def rpi_level(self, market: Market, side: i64, price: i64) -> i64:
        """The level row of the RPI orders of a side at `price`, or NIL."""
        found: i64 = self.rpi_levels(market, side).get(price, NIL)
        return found

    def rpi_from(self, market: Market, side: i64, price: i64) -> i64:
        """The best price of RPI orders of a side that is `price` or worse; 0 if none."""
        levels = self.rpi_levels(market, side)
        at: i64 = levels.bisect_right(price) - 1 if side == BUY else levels.bisect_left(price)
        if at < 0 or at >= len(levels):
            return 0
        found: i64 = levels.peekitem(at)[0]
        return found

    def behind_rpi(self, market: Market, side: i64, price: i64) -> i64:
        """The next price of the book behind `price`, which may be one of RPI orders, beyond the best of the book or even across it."""
        best = self.best(market, side)
        if best != 0 and (best < price if side == BUY else best > price):
            return best
        return self.worse(market, side, price) if best != 0 else 0

    def best_rpi(self, market: Market, side: i64) -> i64:
        """The best price of RPI orders of a side [ticks]; 0 if there are none."""
        return self.rpi_from(market, side, market.max_price if side == BUY else 1)

    # -- bulk calls --------------------------------------------------------------------------------------------------------------

    def warm_up(self, rows: vec[i64], at: i64, end: i64) -> None:
        """Touch what the commands of these rows will look up, so that it is in the processor's cache when they do.

        Here the look-ups wait for memory side by side; in their commands they would wait one after the other. Changes nothing.
        """
        state = self.state
        clients = state.client_ids
        accounts: i64 = len(clients)
        touched: i64 = 0
        row = at
        while row < end:
            account = rows[row + PLACE_ACCOUNT]
            if account < accounts:
                if rows[row + KIND] == C_CANCEL_CLIENT:
                    touched += clients[account].touch_open(
                        state.orders.cells, rows[row + CANCEL_CLIENT_HI], rows[row + CANCEL_CLIENT_LO]
                    )
                elif rows[row + KIND] == C_PLACE and (rows[row + PLACE_CLIENT_HI] != 0 or rows[row + PLACE_CLIENT_LO] != 0):
                    touched += clients[account].touch_new(rows[row + PLACE_CLIENT_HI], rows[row + PLACE_CLIENT_LO])
            row += ROW
        if state.orders.live >= MANY:
            touched += self.warm_up_orders(rows, at, end)
        self.touched = touched

    def warm_up_orders(self, rows: vec[i64], at: i64, end: i64) -> i64:
        """The same for order ids, in three rounds: the ids, the orders that they lead to, and the neighbours of those."""
        state = self.state
        ids = state.order_ids
        orders = state.orders.cells
        slots = self.slots
        count: i64 = 0
        touched: i64 = 0
        row = at
        while row < end:
            if rows[row + KIND] == C_CANCEL:
                touched += ids.touch(rows[row + CANCEL_ORDER_ID])
            row += ROW
        row = at
        while row < end:
            if rows[row + KIND] == C_CANCEL:
                slot = ids.find(rows[row + CANCEL_ORDER_ID])
                if slot != NIL and count < WARM_ROWS:
                    touched += orders[slot] + orders[slot + O_LEVEL] + orders[slot + O_REDUCE_ONLY]
                    slots[count] = slot
                    count += 1
            row += ROW
        while count > 0:
            count -= 1
            slot = slots[count]
            touched += state.levels.cells[orders[slot + O_LEVEL]]
            if orders[slot + O_NEXT] != NIL:
                touched += orders[orders[slot + O_NEXT] + O_PREV]
            if orders[slot + O_PREV] != NIL:
                touched += orders[orders[slot + O_PREV] + O_NEXT]
            if orders[slot + O_NEXT_OWN] != NIL:
                touched += orders[orders[slot + O_NEXT_OWN] + O_PREV_OWN]
            if orders[slot + O_PREV_OWN] != NIL:
                touched += orders[orders[slot + O_PREV_OWN] + O_NEXT_OWN]
        return touched

    # -- proof -------------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Levels, queues, ids, bitmap and best prices agree."""
        state = self.state
        slots: set[int] = set()
        levels: set[int] = set()
        for market in state.markets:
            self.check_market(market, slots, levels)
        assert len(levels) == state.levels.live and not levels & state.levels.free_rows(), "a level that no ladder leads to, or a free one"
        assert not slots & state.orders.free_rows(), "an open order in a free row"
        seen: i64 = len(slots)
        assert seen == state.orders.live == state.order_ids.count, "orders in the book, the table and the index differ"

    def check_market(self, market: Market, slots: set[int], rows: set[int]) -> None:
        """Adds the rows of its orders to `slots`, of its levels to `rows`."""
        levels = self.state.levels.cells
        orders = self.state.orders.cells
        ladder = market.ladder
        top: i64 = 0
        bottom: i64 = 0
        for price, level in sorted(ladder.near_levels() + list(ladder.far.items())):
            assert levels[level + L_PRICE] == price
            slot = levels[level + L_HEAD]
            assert slot != NIL, "empty level"
            side = orders[slot + O_SIDE]
            if side == BUY:
                assert bottom == 0, "a bid above an ask"
                top = price
            elif bottom == 0:
                bottom = price
            rows.add(int(level))
            self.check_level(level, market.number, side, price, slots)
            self.check_rule(market, level, side, price)
        assert top == market.best_bid and bottom == market.best_ask, "best prices are stale"
        self.check_rpi(market, BUY, slots, rows)
        self.check_rpi(market, SELL, slots, rows)

    def check_rpi(self, market: Market, side: i64, slots: set[int], rows: set[int]) -> None:
        """The levels of RPI orders, of which there are none where the market does not know them."""
        found = self.rpi_levels(market, side)
        assert len(found) == 0 or market.matching & CLASSES != 0, "RPI orders in a market without queue classes"
        orders = self.state.orders.cells
        levels = self.state.levels.cells
        for price, level in found.items():
            row: i64 = level
            assert levels[row + L_PRICE] == price and levels[row + L_HEAD] != NIL
            assert levels[row + L_TOP] == NIL and levels[row + L_LAST_RETAIL] == NIL
            slot = levels[row + L_HEAD]
            while slot != NIL:
                assert orders[slot + O_TIF] == RPI, "an order among RPI orders that is none"
                slot = orders[slot + O_NEXT]
            rows.add(int(row))
            self.check_level(row, market.number, side, levels[row + L_PRICE], slots)

    def check_rule(self, market: Market, level: i64, side: i64, price: i64) -> None:
        """The top order is one of the best level; orders of retail accounts stand first, where there are classes."""
        orders = self.state.orders.cells
        levels = self.state.levels.cells
        top = levels[level + L_TOP]
        if top != NIL:
            assert market.matching & TOP_FIRST != 0 and price == self.best(market, side), "a top order behind the best price"
            assert orders[top + O_LEVEL] == level and self.state.order_ids.find(orders[top + O_ORDER_ID]) == top, "a top order that is gone"
        last: i64 = NIL
        slot = levels[level + L_HEAD]
        while slot != NIL:
            assert orders[slot + O_TIF] != RPI, "an RPI order in the ladder"
            if self.stands_first(market, slot):
                assert orders[slot + O_PREV] == last, "an order of a retail account behind others"
                last = slot
            slot = orders[slot + O_NEXT]
        assert levels[level + L_LAST_RETAIL] == last, "the last order of a retail account is not known"

    def check_level(self, level: i64, market: i64, side: i64, price: i64, slots: set[int]) -> None:
        """The queue of one level; adds its orders to `slots`."""
        state = self.state
        levels = state.levels.cells
        orders = state.orders.cells
        lots: i64 = 0
        special: i64 = 0
        before: i64 = NIL
        slot = levels[level + L_HEAD]
        while slot != NIL:
            assert orders[slot + O_PREV] == before and orders[slot + O_SIDE] == side and orders[slot + O_LEVEL] == level
            assert orders[slot + O_MARKET] == market and orders[slot + O_PRICE] == price
            assert orders[slot + O_SIZE] > 0 and state.order_ids.find(orders[slot + O_ORDER_ID]) == slot
            hi = orders[slot + O_CLIENT_HI]
            lo = orders[slot + O_CLIENT_LO]
            if hi != 0 or lo != 0:
                assert state.client_ids[orders[slot + O_ACCOUNT]].find_open(orders, hi, lo) == slot, "a client id that leads astray"
            lots += orders[slot + O_SIZE]
            special += orders[slot + O_REDUCE_ONLY]
            terms = orders[slot + O_TERMS]
            if terms != NIL and state.terms.cells[terms + T_DISPLAY] != 0:
                assert self.state.markets[market].matching == 0, "an iceberg order where price and time alone do not decide"
                special += 1
            slots.add(int(slot))
            before = slot
            slot = orders[slot + O_NEXT]
        assert levels[level + L_TAIL] == before and levels[level + L_LOTS] == lots and levels[level + L_SPECIAL] == special
