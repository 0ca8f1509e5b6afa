"""The price-time order book: where orders rest, level by level, for all markets of a venue.

A level is a row of the level table with its queue. A market's ladder is a dense window of level numbers around the market, one per
tick, with a bitmap to skip the gaps; levels outside the window live in two SortedDicts and move in when the window moves. The best
prices are right wherever the window stands; it only decides what is fast. Nothing here knows money.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from ..schema.kinds import C_CANCEL_CLIENT, C_PLACE
from ..state.ids import ClientIds, OrderIndex
from ..state.tables import (
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
    State,
    column,
)
from ..state.types import BUY, NIL, ROW, min_i64

WINDOW: Final[i64] = 1 << 15  # ticks; 256 KiB of level numbers per market
PATIENCE: Final[i64] = 4096  # look-ups outside the window that pay for one move of it: a quote that jumps about moves nothing
WORD: Final[i64] = 32  # bits used of a bitmap word: no sign bit to mind
WORDS: Final[i64] = WINDOW // WORD
GROUPS: Final[i64] = WORDS // WORD
FULL: Final[i64] = (1 << 32) - 1
TOP: Final[i64] = 1 << 32


def bit(number: i64) -> i64:
    """1 << number, for number < 32. Written so because mypyc makes a small left operand a 32-bit C constant, and bit 31 negative."""
    return TOP >> (WORD - number)


def lowest_bit(word: i64) -> i64:
    """Number of the lowest set bit of a nonzero 32-bit word."""
    n: i64 = 0
    if word & 0xFFFF == 0:
        n += 16
        word >>= 16
    if word & 0xFF == 0:
        n += 8
        word >>= 8
    if word & 0xF == 0:
        n += 4
        word >>= 4
    if word & 3 == 0:
        n += 2
        word >>= 2
    return n if word & 1 else n + 1


def highest_bit(word: i64) -> i64:
    """Number of the highest set bit of a nonzero 32-bit word."""
    n: i64 = 0
    if word >> 16:
        n += 16
        word >>= 16
    if word >> 8:
        n += 8
        word >>= 8
    if word >> 4:
        n += 4
        word >>= 4
    if word >> 2:
        n += 2
        word >>= 2
    return n + (word >> 1)


class Ladder:
    """Level numbers by price: dense inside [base, base + WINDOW), sorted outside. Three bitmap layers: words, groups, all."""

    def __init__(self) -> None:
        self.base: i64 = 0
        self.level: vec[i64] = column(WINDOW, NIL)
        self.words: vec[i64] = column(WORDS, 0)
        self.groups: vec[i64] = column(GROUPS, 0)
        self.all: i64 = 0
        self.far: SortedDict = SortedDict()  # price -> level, both sides
        self.misses: i64 = PATIENCE  # look-ups outside the window since it was last moved

    def find(self, price: i64) -> i64:
        at = price - self.base
        if 0 <= at < WINDOW:
            return self.level[at]
        self.misses += 1
        found: i64 = self.far.get(price, NIL)
        return found

    def put(self, price: i64, level: i64) -> None:
        at = price - self.base
        if not 0 <= at < WINDOW:
            self.far[price] = level
            return
        self.level[at] = level
        word = at // WORD
        group = word // WORD
        self.words[word] |= bit(at & 31)
        self.groups[group] |= bit(word & 31)
        self.all |= bit(group)

    def remove(self, price: i64) -> None:
        at = price - self.base
        if not 0 <= at < WINDOW:
            del self.far[price]
            return
        self.level[at] = NIL
        word = at // WORD
        group = word // WORD
        self.words[word] &= ~(bit(at & 31))
        if self.words[word] == 0:
            self.groups[group] &= ~(bit(word & 31))
            if self.groups[group] == 0:
                self.all &= ~(bit(group))

    def near_above(self, price: i64) -> i64:
        """The lowest price in the window that is above `price` and has a level; 0 if none."""
        at = price + 1 - self.base
        if at < 0:
            at = 0
        if at >= WINDOW:
            return 0
        word = at // WORD
        bits = self.words[word] & (FULL << (at & 31)) & FULL
        if bits == 0:
            group = word // WORD
            later = self.groups[group] & (FULL << (word & 31) << 1) & FULL
            if later == 0:
                rest = self.all & (FULL << group << 1) & FULL
                if rest == 0:
                    return 0
                group = lowest_bit(rest)
                later = self.groups[group]
            word = group * WORD + lowest_bit(later)
            bits = self.words[word]
        return self.base + word * WORD + lowest_bit(bits)

    def near_below(self, price: i64) -> i64:
        """The highest price in the window that is below `price` and has a level; 0 if none."""
        at = price - 1 - self.base
        if at >= WINDOW:
            at = WINDOW - 1
        if at < 0:
            return 0
        word = at // WORD
        bits = self.words[word] & (FULL >> (31 - (at & 31)))
        if bits == 0:
            group = word // WORD
            earlier = self.groups[group] & (bit(word & 31) - 1)
            if earlier == 0:
                rest = self.all & (bit(group) - 1)
                if rest == 0:
                    return 0
                group = highest_bit(rest)
                earlier = self.groups[group]
            word = group * WORD + highest_bit(earlier)
            bits = self.words[word]
        return self.base + word * WORD + highest_bit(bits)

    def above(self, price: i64) -> i64:
        """The lowest price above `price` that has a level; 0 if none."""
        near = self.near_above(price)
        if len(self.far) == 0:
            return near
        at: i64 = self.far.bisect_right(price)
        if at == len(self.far):
            return near
        far: i64 = self.far.peekitem(at)[0]
        return far if near == 0 else min_i64(near, far)

    def below(self, price: i64) -> i64:
        """The highest price below `price` that has a level; 0 if none."""
        near = self.near_below(price)
        if len(self.far) == 0:
            return near
        at: i64 = self.far.bisect_left(price)
        if at == 0:
            return near
        far: i64 = self.far.peekitem(at - 1)[0]
        return far if far > near else near

    def follow(self, best: i64) -> None:
        """Enough look-ups have missed the window to pay for a move: to the best price of a side, if that is outside."""
        self.misses = 0
        if not 0 <= best - self.base < WINDOW:
            self.move(best)

    def move(self, center: i64) -> None:
        """Put the window around `center`; levels cross its edges both ways."""
        near = self.near_levels()
        for price, _ in near:
            self.remove(price)
        self.far.update(near)
        self.base = center - WINDOW // 2 if center > WINDOW // 2 else 0
        inside: list[int] = list(self.far.irange(self.base, self.base + WINDOW - 1))
        for price in inside:
            level: i64 = self.far.pop(price)
            self.put(price, level)

    def near_levels(self) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        price = self.near_above(self.base - 1)
        while price != 0:
            found.append((int(price), int(self.level[price - self.base])))
            price = self.near_above(price)
        return found


class Book:
    """All books of a venue, with the ids that lead to their orders."""

    def __init__(self, state: State) -> None:
        self.state: State = state
        self.ladders: list[Ladder] = []
        count: i64 = 0
        while count < state.markets.count:
            self.ladders.append(Ladder())
            count += 1
        self.ids: OrderIndex = OrderIndex(1 << 13)
        self.no_ids: ClientIds = ClientIds()  # of every account that has not had any
        self.clients: list[ClientIds] = []  # by account
        self.touched: i64 = 0

    def reserve(self) -> i64:
        """Grow the indices to take what a command may put into them; returns for how many commands they have room."""
        if self.ids.room() == 0:
            self.ids.grow()
        missing: i64 = self.state.accounts.rows - len(self.clients)
        if missing > 0:
            self.clients.extend([self.no_ids] * missing)
        return self.ids.room()

    def warm_up(self, rows: vec[i64], at: i64, end: i64) -> None:
        """Touch what the commands of these rows will look up, so that it is in the processor's cache when they do.

        Here the look-ups wait for memory side by side; in their commands they would wait one after the other. Changes nothing.
        """
        orders = self.state.orders.cells
        accounts: i64 = len(self.clients)
        touched: i64 = 0
        positions = self.state.positions
        first_position = self.state.accounts.first_position
        while at < end:
            kind = rows[at]
            account = rows[at + 2]
            if kind == C_PLACE and account < accounts:
                touched += self.clients[account].touch_new(rows[at + 11], rows[at + 12])
                row = first_position[account]
                if row != NIL:
                    touched += positions.size[row] + positions.bid_lots[row] + positions.ask_lots[row] + positions.entry_notional[row]
            elif kind == C_CANCEL_CLIENT and account < accounts:
                touched += self.clients[account].touch_open(orders, rows[at + 3], rows[at + 4])
            at += ROW
        self.touched = touched

    def client_ids(self, account: i64) -> ClientIds:
        """Those of an account, to put one in."""
        ids = self.clients[account]
        if ids is self.no_ids:
            ids = ClientIds()
            self.clients[account] = ids
        return ids

    def rest(self, slot: i64) -> None:
        """Queue an order whose columns are filled in: behind its level, its position row and its id."""
        state = self.state
        orders = state.orders.cells
        levels = state.levels
        market = orders[slot + O_MARKET]
        price = orders[slot + O_PRICE]
        ladder = self.ladders[market]
        level = ladder.find(price)
        if level == NIL:
            level = self.open_level(ladder, market, orders[slot + O_SIDE], price)
        last = levels.tail[level]
        orders[slot + O_NEXT] = NIL
        orders[slot + O_PREV] = last
        if last == NIL:
            levels.head[level] = slot
        else:
            orders[last + O_NEXT] = slot
        levels.tail[level] = slot
        levels.lots[level] += orders[slot + O_SIZE]
        orders[slot + O_LEVEL] = level
        self.ids.put(orders[slot + O_ORDER_ID], slot)
        positions = state.positions
        row = orders[slot + O_POSITION]
        orders[slot + O_PREV_OWN] = NIL
        if orders[slot + O_REDUCE_ONLY] != 0:
            levels.reducers[level] += 1
            first = positions.first_reducer[row]
            positions.first_reducer[row] = slot
        else:
            first = positions.first_order[row]
            positions.first_order[row] = slot
        orders[slot + O_NEXT_OWN] = first
        if first != NIL:
            orders[first + O_PREV_OWN] = slot
        state.accounts.open_orders[orders[slot + O_ACCOUNT]] += 1

    def open_level(self, ladder: Ladder, market: i64, side: i64, price: i64) -> i64:
        markets = self.state.markets
        levels = self.state.levels
        best_bid = markets.best_bid
        best_ask = markets.best_ask
        if side == BUY:
            if price > best_bid[market]:
                best_bid[market] = price
        elif best_ask[market] == 0 or price < best_ask[market]:
            best_ask[market] = price
        if ladder.misses >= PATIENCE:
            ladder.follow(best_bid[market] if side == BUY else best_ask[market])
        level = levels.new_row()
        levels.price[level] = price
        levels.head[level] = NIL
        levels.tail[level] = NIL
        levels.lots[level] = 0
        levels.reducers[level] = 0
        ladder.put(price, level)
        return level

    def shrink(self, slot: i64, lots: i64) -> None:
        """Take `lots` off an order, which keeps its place."""
        orders = self.state.orders.cells
        orders[slot + O_SIZE] -= lots
        self.state.levels.lots[orders[slot + O_LEVEL]] -= lots

    def remove(self, slot: i64) -> None:
        """Take an order out of the book and free its row."""
        state = self.state
        orders = state.orders.cells
        levels = state.levels
        level = orders[slot + O_LEVEL]
        after = orders[slot + O_NEXT]
        before = orders[slot + O_PREV]
        if before == NIL:
            levels.head[level] = after
        else:
            orders[before + O_NEXT] = after
        if after == NIL:
            levels.tail[level] = before
        else:
            orders[after + O_PREV] = before
        levels.lots[level] -= orders[slot + O_SIZE]
        if orders[slot + O_REDUCE_ONLY] != 0:
            levels.reducers[level] -= 1
        if before == NIL and after == NIL:
            self.close_level(orders[slot + O_MARKET], orders[slot + O_SIDE], level)
        self.unlink_own(slot)
        self.ids.remove(orders[slot + O_ORDER_ID])
        state.accounts.open_orders[orders[slot + O_ACCOUNT]] -= 1
        state.orders.free_row(slot)

    def unlink_own(self, slot: i64) -> None:
        orders = self.state.orders.cells
        after = orders[slot + O_NEXT_OWN]
        before = orders[slot + O_PREV_OWN]
        if before == NIL:
            if orders[slot + O_REDUCE_ONLY] != 0:
                self.state.positions.first_reducer[orders[slot + O_POSITION]] = after
            else:
                self.state.positions.first_order[orders[slot + O_POSITION]] = after
        else:
            orders[before + O_NEXT_OWN] = after
        if after != NIL:
            orders[after + O_PREV_OWN] = before

    def close_level(self, market: i64, side: i64, level: i64) -> None:
        markets = self.state.markets
        price = self.state.levels.price[level]
        ladder = self.ladders[market]
        ladder.remove(price)
        self.state.levels.free_row(level)
        if side == BUY:
            if price == markets.best_bid[market]:
                markets.best_bid[market] = ladder.below(price)
        elif price == markets.best_ask[market]:
            markets.best_ask[market] = ladder.above(price)

    def best(self, market: i64, side: i64) -> i64:
        """Best price of a side [ticks]; 0 if it is empty."""
        return self.state.markets.best_bid[market] if side == BUY else self.state.markets.best_ask[market]

    def worse(self, market: i64, side: i64, price: i64) -> i64:
        """The next price behind `price` on its own side; 0 if none."""
        return self.ladders[market].below(price) if side == BUY else self.ladders[market].above(price)

    def level_lots(self, market: i64, price: i64) -> i64:
        level = self.ladders[market].find(price)
        return self.state.levels.lots[level] if level != NIL else 0

    def head(self, market: i64, price: i64) -> i64:
        """The order that is first at `price`."""
        return self.state.levels.head[self.ladders[market].find(price)]

    def check(self) -> None:
        """Levels, queues, ids, bitmap and best prices agree."""
        markets = self.state.markets
        seen: i64 = 0
        market: i64 = 0
        while market < markets.count:
            seen += self.check_market(market)
            bid = markets.best_bid[market]
            ask = markets.best_ask[market]
            assert bid == 0 or ask == 0 or bid < ask, "crossed book"
            market += 1
        assert seen == self.state.orders.live == self.ids.count, "orders in the book, the table and the index differ"

    def check_market(self, market: i64) -> i64:
        levels = self.state.levels
        orders = self.state.orders.cells
        ladder = self.ladders[market]
        bid = self.state.markets.best_bid[market]
        ask = self.state.markets.best_ask[market]
        found: i64 = 0
        top: i64 = 0
        bottom: i64 = 0
        for price, level in sorted(ladder.near_levels() + list(ladder.far.items())):
            assert levels.price[level] == price
            slot = levels.head[level]
            assert slot != NIL, "empty level"
            side = orders[slot + O_SIDE]
            if side == BUY:
                assert bottom == 0, "a bid above an ask"
                top = price
            elif bottom == 0:
                bottom = price
            lots: i64 = 0
            reducers: i64 = 0
            before: i64 = NIL
            while slot != NIL:
                assert orders[slot + O_PREV] == before and orders[slot + O_SIDE] == side and orders[slot + O_LEVEL] == level
                assert orders[slot + O_SIZE] > 0 and self.ids.find(orders[slot + O_ORDER_ID]) == slot
                hi = orders[slot + O_CLIENT_HI]
                lo = orders[slot + O_CLIENT_LO]
                if hi != 0 or lo != 0:
                    assert self.clients[orders[slot + O_ACCOUNT]].find_open(orders, hi, lo) == slot, "a client id that leads astray"
                lots += orders[slot + O_SIZE]
                reducers += orders[slot + O_REDUCE_ONLY]
                found += 1
                before = slot
                slot = orders[slot + O_NEXT]
            assert levels.tail[level] == before and levels.lots[level] == lots and levels.reducers[level] == reducers
        assert top == bid and bottom == ask, "best prices are stale"
        return found
