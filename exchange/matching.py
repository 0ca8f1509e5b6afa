"""One incoming order against the book: price-time, self-trade prevention, and the margin rules at the match.

Both sides are checked before each fill: an account that opens stays above the initial requirement of its positions, one that only
reduces above maintenance. A maker that fails is cancelled and the taker goes on; a taker that fails stops. A liquidation's taker is
not checked and pays no taker fee, and its makers get no rebate. Fees round up.
"""

from __future__ import annotations

from mypy_extensions import i64

from .book import Book
from .kinds import (
    E_ORDER_CANCELLED,
    E_ORDER_REDUCED,
    E_TRADED,
    ORDER_CANCELLED,
    ORDER_FILLED,
    X_IMMEDIATE,
    X_MARGIN,
    X_OPEN_INTEREST,
    X_REDUCE_ONLY,
    X_SELF_TRADE,
)
from .ledger import Ledger
from .margin import allows_change, isolated_shortage, row_equity, row_initial
from .tables import (
    O_ACCOUNT,
    O_CLIENT_HI,
    O_CLIENT_LO,
    O_FILLED,
    O_MARKET,
    O_NEXT,
    O_NEXT_OWN,
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
from .types import (
    BUY,
    GTC,
    ISOLATED,
    NIL,
    POST_ONLY,
    STP_CANCEL_MAKER,
    abs_i64,
    max_i64,
    min_i64,
    mul_div_floor,
    ppb_ceil,
)


class Incoming:
    """The order at hand. One record is reused for all."""

    def __init__(self) -> None:
        self.order_id: i64 = 0
        self.account: i64 = 0
        self.market: i64 = 0
        self.row: i64 = NIL  # its position row
        self.side: i64 = 0
        self.limit: i64 = 0  # [ticks]
        self.left: i64 = 0  # [lots]
        self.counted: i64 = 0  # [lots] that are in the open-order sums of its row
        self.filled: i64 = 0  # [lots] before and during this match
        self.value: i64 = 0  # [micro] of the fills of this match
        self.tif: i64 = 0
        self.reduce_only: i64 = 0
        self.self_trade: i64 = 0
        self.client_hi: i64 = 0  # 0 and 0: no client id
        self.client_lo: i64 = 0
        self.forced: bool = False  # a liquidation or an unwind: not checked, no taker fee
        self.stopped: i64 = X_IMMEDIATE  # why what is left does not trade on


class Hypothetical:
    """What a dry run has changed so far: per position row the lots, value and fees of fills that did not happen."""

    def __init__(self) -> None:
        self.rows: list[i64] = []
        self.lots: list[i64] = []
        self.cost: list[i64] = []  # signed like lots
        self.fees: list[i64] = []
        self.added: i64 = 0  # [lots] of open interest

    def find(self, row: i64) -> i64:
        at: i64 = 0
        for known in self.rows:
            if known == row:
                return at
            at += 1
        self.rows.append(row)
        self.lots.append(0)
        self.cost.append(0)
        self.fees.append(0)
        return at

    def lots_of(self, row: i64) -> i64:
        return self.lots[self.find(row)]

    def book(self, row: i64, lots: i64, cost: i64, fee: i64) -> None:
        at = self.find(row)
        self.lots[at] += lots
        self.cost[at] += cost
        self.fees[at] += fee


def reduces(held: i64, lots: i64) -> bool:
    """Does a change by `lots` (signed) only bring a position closer to zero?"""
    return (held > 0 and -held <= lots < 0) or (held < 0 and 0 < lots <= -held)


def added_interest(taker_held: i64, maker_held: i64, signed: i64) -> i64:
    """What a fill of `signed` lots (the taker's sign) adds to the open interest of one side."""
    taker = max_i64(taker_held + signed, 0) - max_i64(taker_held, 0)
    return taker + max_i64(maker_held - signed, 0) - max_i64(maker_held, 0)


class Matcher:
    def __init__(self, state: State, book: Book, ledger: Ledger) -> None:
        self.state: State = state
        self.book: Book = book
        self.ledger: Ledger = ledger

    def crosses(self, o: Incoming) -> i64:
        """The best price that the order may trade at; 0 if none."""
        best = self.book.best(o.market, 1 - o.side)
        if best == 0 or (best > o.limit if o.side == BUY else best < o.limit):
            return 0
        return best

    def match(self, o: Incoming) -> None:
        """Trade until the order is filled, stopped, or nothing crosses."""
        o.value = 0
        o.stopped = X_IMMEDIATE
        while o.left > 0:
            price = self.crosses(o)
            if price == 0:
                return
            if not self.meet(o, self.book.head(o.market, price), price):
                return

    def meet(self, o: Incoming, slot: i64, price: i64) -> bool:
        """The order meets the first of a level. False stops it."""
        orders = self.state.orders.cells
        if orders[slot + O_ACCOUNT] == o.account and o.self_trade == STP_CANCEL_MAKER:
            self.cancel(slot, X_SELF_TRADE)
            return True
        markets = self.state.markets
        positions = self.state.positions
        lots = min_i64(o.left, orders[slot + O_SIZE])
        signed = lots if o.side == BUY else -lots
        value = lots * price * markets.unit[o.market]
        cost = value if o.side == BUY else -value
        maker_row = orders[slot + O_POSITION]
        maker_fee = ppb_ceil(value, markets.maker_fee_ppb[o.market])
        taker_fee: i64 = 0
        if not o.forced:
            taker_fee = ppb_ceil(value, markets.taker_fee_ppb[o.market])
        elif maker_fee < 0:
            maker_fee = 0  # a rebate is paid out of the taker's fee
        if maker_row == o.row:  # a self-trade: only fees change anything
            if not o.forced and not allows_change(self.state, o.row, 0, 0, taker_fee + maker_fee, False):
                o.stopped = X_MARGIN
                return False
            self.fill(o, slot, price, lots, value, taker_fee, maker_fee)
            return True
        held = positions.size[maker_row]
        if self.exceeds_cap(o.market, added_interest(positions.size[o.row], held, signed)):
            o.stopped = X_OPEN_INTEREST
            return False
        if not allows_change(self.state, maker_row, -signed, -cost, maker_fee, reduces(held, -signed)):
            self.cancel(slot, X_MARGIN)
            return True
        if not o.forced and not allows_change(self.state, o.row, signed, cost, taker_fee, reduces(positions.size[o.row], signed)):
            o.stopped = X_MARGIN
            return False
        self.fill(o, slot, price, lots, value, taker_fee, maker_fee)
        return True

    def exceeds_cap(self, market: i64, added: i64) -> bool:
        cap = self.state.markets.open_interest_cap[market]
        return cap != 0 and added > 0 and self.state.markets.open_interest[market] + added > cap

    def fill(self, o: Incoming, slot: i64, price: i64, lots: i64, value: i64, taker_fee: i64, maker_fee: i64) -> None:
        state = self.state
        orders = state.orders.cells
        maker_row = orders[slot + O_POSITION]
        maker = orders[slot + O_ACCOUNT]
        signed = lots if o.side == BUY else -lots
        self.release_open(slot, lots)
        self.change_position(o.row, signed, value, taker_fee, not o.forced)
        self.change_position(maker_row, -signed, value, maker_fee, True)
        self.book.shrink(slot, lots)
        orders[slot + O_FILLED] += lots
        o.left -= lots
        o.filled += lots
        o.value += value
        state.markets.last[o.market] = price
        state.log.write(
            E_TRADED, state.now, o.market, price, lots, o.side, o.account, maker, o.order_id, orders[slot + O_ORDER_ID],
            taker_fee, maker_fee, orders[slot + O_SIZE], 1 if o.forced else 0,
        )  # fmt: skip
        if orders[slot + O_SIZE] == 0:
            self.close(slot, ORDER_FILLED)
        self.sync_reducers(o.row)
        self.sync_reducers(maker_row)

    def change_position(self, row: i64, lots: i64, value: i64, fee: i64, rebalance: bool) -> i64:
        """Book a trade and its fee; an isolated position then takes the margin it needs, or gives back its share. Returns the profit."""
        positions = self.state.positions
        held = positions.size[row]
        profit = self.ledger.trade(row, lots, value)
        self.ledger.fee(row, fee)
        if positions.mode[row] == ISOLATED and rebalance:
            self.rebalance(row, held)
        return profit

    def rebalance(self, row: i64, held: i64) -> None:
        """Isolated margin after a trade: all of it back when flat; after a reduction the closed share of the equity, rounded down, as far
        as the initial requirement is met without; after an increase what is missing to it is taken from cash."""
        positions = self.state.positions
        size = positions.size[row]
        if size == 0:
            self.ledger.to_isolated(row, -positions.isolated_margin[row])
        elif (size > 0) == (held > 0) and abs_i64(size) < abs_i64(held):
            equity = row_equity(self.state, row)
            back = mul_div_floor(max_i64(0, equity), abs_i64(held) - abs_i64(size), abs_i64(held))
            spare = min_i64(equity - row_initial(self.state, row), positions.isolated_margin[row])
            self.ledger.to_isolated(row, -max_i64(0, min_i64(back, spare)))
        else:
            self.ledger.to_isolated(row, isolated_shortage(self.state, row))

    def sync_reducers(self, row: i64) -> None:
        """Resting reduce-only orders shrink with the position, and go when there is nothing left for them to reduce."""
        positions = self.state.positions
        if positions.reducers[row] == 0:
            return
        orders = self.state.orders.cells
        held = positions.size[row]
        slot = positions.first_order[row]
        while slot != NIL:
            after = orders[slot + O_NEXT_OWN]
            if orders[slot + O_REDUCE_ONLY] != 0:
                if held == 0 or (held > 0) == (orders[slot + O_SIDE] == BUY):
                    self.cancel(slot, X_REDUCE_ONLY)
                elif orders[slot + O_SIZE] > abs_i64(held):
                    self.book.shrink(slot, orders[slot + O_SIZE] - abs_i64(held))
                    self.state.log.emit(
                        E_ORDER_REDUCED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET],
                        orders[slot + O_SIZE],
                    )  # fmt: skip
            slot = after

    def count_open(self, row: i64, side: i64, lots: i64, notional: i64) -> None:
        """Add to the open-order sums of a position row; negative numbers take off."""
        positions = self.state.positions
        if side == BUY:
            positions.bid_lots[row] += lots
            positions.bid_notional[row] += notional
        else:
            positions.ask_lots[row] += lots
            positions.ask_notional[row] += notional

    def count(self, o: Incoming, lots: i64) -> None:
        """Let `lots` of the order at hand be in the open-order sums."""
        more = lots - o.counted
        if more != 0:
            self.count_open(o.row, o.side, more, more * o.limit * self.state.markets.unit[o.market])
            o.counted = lots

    def release_open(self, slot: i64, lots: i64) -> None:
        orders = self.state.orders.cells
        if orders[slot + O_REDUCE_ONLY] == 0:
            notional = lots * orders[slot + O_PRICE] * self.state.markets.unit[orders[slot + O_MARKET]]
            self.count_open(orders[slot + O_POSITION], orders[slot + O_SIDE], -lots, -notional)

    def rest(self, o: Incoming) -> None:
        """Put what is left into the book."""
        orders = self.state.orders.cells
        slot = self.state.orders.new_row()
        orders[slot + O_ORDER_ID] = o.order_id
        orders[slot + O_ACCOUNT] = o.account
        orders[slot + O_MARKET] = o.market
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
        if o.client_hi != 0 or o.client_lo != 0:
            self.book.client_ids(o.account).add_open(o.client_hi, o.client_lo, slot)
        if o.reduce_only != 0:
            self.state.positions.reducers[o.row] += 1
        else:
            self.count(o, o.left)
        self.book.rest(slot)

    def close(self, slot: i64, outcome: i64) -> None:
        """Take an order out of the book and out of all sums; its client id stays taken for a while."""
        state = self.state
        orders = state.orders.cells
        if orders[slot + O_SIZE] > 0:
            self.release_open(slot, orders[slot + O_SIZE])
        if orders[slot + O_REDUCE_ONLY] != 0:
            state.positions.reducers[orders[slot + O_POSITION]] -= 1
        hi = orders[slot + O_CLIENT_HI]
        lo = orders[slot + O_CLIENT_LO]
        if hi != 0 or lo != 0:
            ids = self.book.client_ids(orders[slot + O_ACCOUNT])
            ids.remove_open(hi, lo, slot)
            ids.close(hi, lo, orders[slot + O_ORDER_ID], outcome, orders[slot + O_FILLED])
        self.book.remove(slot)

    def cancel(self, slot: i64, reason: i64) -> None:
        orders = self.state.orders.cells
        self.state.log.write(
            E_ORDER_CANCELLED, self.state.now, orders[slot + O_ORDER_ID], orders[slot + O_ACCOUNT], orders[slot + O_MARKET],
            orders[slot + O_SIZE], reason, 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        self.close(slot, ORDER_CANCELLED)

    def cancel_row(self, row: i64, reason: i64) -> None:
        """Cancel all orders of a position row, the youngest first."""
        positions = self.state.positions
        while positions.first_order[row] != NIL:
            self.cancel(positions.first_order[row], reason)

    def cancel_account(self, account: i64, reason: i64) -> None:
        row = self.state.accounts.first_position[account]
        while row != NIL:
            self.cancel_row(row, reason)
            row = self.state.positions.next[row]

    def finish(self, o: Incoming) -> None:
        """After the match: rest, or say what is gone."""
        if o.left > 0 and (o.tif == GTC or o.tif == POST_ONLY) and o.stopped == X_IMMEDIATE:
            self.rest(o)
            return
        self.count(o, 0)
        if o.left > 0:
            self.state.log.emit(E_ORDER_CANCELLED, self.state.now, o.order_id, o.account, o.market, o.left, o.stopped)
        if o.client_hi != 0 or o.client_lo != 0:
            outcome = ORDER_CANCELLED if o.left > 0 else ORDER_FILLED
            self.book.client_ids(o.account).close(o.client_hi, o.client_lo, o.order_id, outcome, o.filled)

    def fillable(self, o: Incoming) -> bool:
        """Dry run of `match`: would the whole order fill, after self-trade, margin, reduce-only and open-interest rules?"""
        seen = Hypothetical()
        left = o.left
        price = self.crosses(o)
        while left > 0 and price != 0 and not (price > o.limit if o.side == BUY else price < o.limit):
            slot = self.book.head(o.market, price)
            while left > 0 and slot != NIL:
                lots = self.try_on(o, slot, price, left, seen)
                if lots < 0:
                    return False
                left -= lots
                slot = self.state.orders.cells[slot + O_NEXT]
            price = self.book.worse(o.market, 1 - o.side, price)
        return left == 0

    def try_on(self, o: Incoming, slot: i64, price: i64, left: i64, seen: Hypothetical) -> i64:
        """Lots that this resting order would fill: 0 if it would be cancelled instead, -1 if the incoming order would be stopped."""
        orders = self.state.orders.cells
        markets = self.state.markets
        positions = self.state.positions
        if orders[slot + O_ACCOUNT] == o.account and o.self_trade == STP_CANCEL_MAKER:
            return 0
        row = orders[slot + O_POSITION]
        held = positions.size[row] + seen.lots_of(row)
        lots = min_i64(left, orders[slot + O_SIZE])
        if orders[slot + O_REDUCE_ONLY] != 0:
            lots = min_i64(lots, max_i64(0, -held if orders[slot + O_SIDE] == BUY else held))
            if lots == 0:
                return 0
        signed = lots if o.side == BUY else -lots
        cost = signed * price * markets.unit[o.market]
        fee = ppb_ceil(abs_i64(cost), markets.maker_fee_ppb[o.market])
        own_fee = ppb_ceil(abs_i64(cost), markets.taker_fee_ppb[o.market])
        if row == o.row:
            seen.book(row, 0, 0, fee + own_fee)
            return lots if self.would_allow(row, seen, False) else -1
        own_held = positions.size[o.row] + seen.lots_of(o.row)
        seen.added += added_interest(own_held, held, signed)
        if self.exceeds_cap(o.market, seen.added):
            return -1
        seen.book(row, -signed, -cost, fee)
        if not self.would_allow(row, seen, reduces(held, -signed)):
            seen.book(row, signed, cost, -fee)
            seen.added -= added_interest(own_held, held, signed)
            return 0
        seen.book(o.row, signed, cost, own_fee)
        return lots if self.would_allow(o.row, seen, reduces(own_held, signed)) else -1

    def would_allow(self, row: i64, seen: Hypothetical, only_reduces: bool) -> bool:
        at = seen.find(row)
        return allows_change(self.state, row, seen.lots[at], seen.cost[at], seen.fees[at], only_reduces)

    def check(self) -> None:
        """Open-order sums, reducers and own-order links of every position row agree with the orders in the book."""
        positions = self.state.positions
        orders = self.state.orders.cells
        row: i64 = 0
        seen: i64 = 0
        while row < positions.count:
            sums: list[i64] = [0, 0, 0, 0, 0]
            slot = positions.first_order[row]
            while slot != NIL:
                assert orders[slot + O_POSITION] == row and orders[slot + O_ACCOUNT] == positions.account[row]
                seen += 1
                if orders[slot + O_REDUCE_ONLY] != 0:
                    assert orders[slot + O_SIZE] <= abs_i64(positions.size[row]), "a reduce-only order larger than its position"
                    assert (orders[slot + O_SIDE] == BUY) == (positions.size[row] < 0), "a reduce-only order that would increase"
                    sums[4] += 1
                else:
                    side = orders[slot + O_SIDE]
                    sums[side] += orders[slot + O_SIZE]
                    sums[2 + side] += orders[slot + O_SIZE] * orders[slot + O_PRICE] * self.state.markets.unit[orders[slot + O_MARKET]]
                slot = orders[slot + O_NEXT_OWN]
            assert sums[0] == positions.bid_lots[row] and sums[1] == positions.ask_lots[row], "open-order lots are stale"
            assert sums[2] == positions.bid_notional[row] and sums[3] == positions.ask_notional[row], "open-order notional is stale"
            assert sums[4] == positions.reducers[row], "count of reduce-only orders is stale"
            row += 1
        assert seen == self.state.orders.live, "an order belongs to no position row"
