"""One incoming order against the book: price-time, self-trade prevention, and the rules of margin and access at the match.

What becomes of two orders that meet is judged in one place (`judge`), for the match and for the trial that decides a fill-or-kill order;
both book money alike (`book_money`), the trial on loan. Each fill is checked for both sides: an account that opens stays above the initial
requirement of its positions, one that only reduces above maintenance. A maker that fails is cancelled and the taker goes on; a taker that
fails stops. A liquidation's taker is not checked and pays no taker fee, and its makers get no rebate. Fees round up.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.margin import allows_change, isolated_shortage, row_equity, row_initial, sure_equity
from ..schema.kinds import (
    E_ORDER_CANCELLED,
    E_TRADED,
    ORDER_CANCELLED,
    ORDER_FILLED,
    X_IMMEDIATE,
    X_MARGIN,
    X_OPEN_INTEREST,
    X_REDUCE_ONLY,
    X_SELF_TRADE,
)
from ..state.tables import (
    O_ACCOUNT,
    O_FILLED,
    O_NEXT,
    O_ORDER_ID,
    O_POSITION,
    O_REDUCE_ONLY,
    O_SIZE,
    State,
)
from ..state.types import (
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
from .access import only_reductions, reducible
from .book import Book
from .open_orders import Incoming, OpenOrders
from .trial import Trial

FILL: Final[i64] = 0  # what `judge` says: the two trade
PASS: Final[i64] = 1  # the resting order is to be cancelled, the incoming one goes on
STOP: Final[i64] = 2  # the incoming order trades no more


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
        self.open: OpenOrders = OpenOrders(state, book)
        self.trial: Trial = Trial(state, ledger)
        self.only_reductions: i64 = 0  # of the market at hand: why nothing may open there, 0 if it may
        # What `judge` said last
        self.lots: i64 = 0
        self.reason: i64 = 0
        self.taker_fee: i64 = 0
        self.maker_fee: i64 = 0

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
        self.only_reductions = only_reductions(self.state, o.market)
        orders = self.state.orders.cells
        while o.left > 0:
            price = self.crosses(o)
            if price == 0:
                return
            slot = self.book.head(o.market, price)
            verdict = self.judge(o, slot, price, orders[slot + O_SIZE], o.left)
            if verdict == FILL:
                self.fill(o, slot, price)
            elif verdict == PASS:
                self.open.cancel(slot, self.reason)
            else:
                o.stopped = self.reason
                return

    def judge(self, o: Incoming, slot: i64, price: i64, size: i64, left: i64) -> i64:
        """What happens when the order, with `left` to trade, meets a resting one with `size` open: FILL, PASS or STOP.

        Sets `lots` and the fees of the fill, or the `reason` why there is none. A fill that would take an isolated position through zero
        ends there, so that it does not matter how many makers a flip meets.
        """
        orders = self.state.orders.cells
        positions = self.state.positions
        row = orders[slot + O_POSITION]
        if orders[slot + O_ACCOUNT] == o.account and o.self_trade == STP_CANCEL_MAKER:
            self.reason = X_SELF_TRADE
            return PASS
        held = positions.size[row]
        lots = min_i64(left, size)
        if orders[slot + O_REDUCE_ONLY] != 0:
            lots = min_i64(lots, reducible(held, 1 - o.side))
            self.reason = X_REDUCE_ONLY
            if lots == 0:
                return PASS
        if self.only_reductions != 0 and row != o.row:
            self.reason = self.only_reductions
            lots = min_i64(lots, reducible(held, 1 - o.side))
            if lots == 0:
                return PASS
            if not o.forced:
                lots = min_i64(lots, reducible(positions.size[o.row], o.side))
                if lots == 0:
                    return STOP
        if row != o.row and (positions.mode[row] == ISOLATED or positions.mode[o.row] == ISOLATED):
            lots = self.to_zero(o.row, o.side, self.to_zero(row, 1 - o.side, lots))
        self.lots = lots
        return self.judge_money(o, row, lots, lots * price * self.state.markets.unit[o.market])

    def to_zero(self, row: i64, side: i64, lots: i64) -> i64:
        """`lots`, or as many as close an isolated position that they would flip."""
        closing = reducible(self.state.positions.size[row], side)
        return closing if self.state.positions.mode[row] == ISOLATED and 0 < closing < lots else lots

    def judge_money(self, o: Incoming, row: i64, lots: i64, value: i64) -> i64:
        """The part of `judge` that looks at fees, caps and margin."""
        state = self.state
        positions = state.positions
        maker_fee = ppb_ceil(value, state.markets.maker_fee_ppb[o.market])
        taker_fee: i64 = 0
        if not o.forced:
            taker_fee = ppb_ceil(value, state.markets.taker_fee_ppb[o.market])
        elif maker_fee < 0:
            maker_fee = 0  # a rebate is paid out of the taker's fee
        self.maker_fee = maker_fee
        self.taker_fee = taker_fee
        self.reason = X_MARGIN
        if row == o.row:  # a self-trade changes nothing but the fees
            return FILL if o.forced or allows_change(state, row, 0, 0, taker_fee + maker_fee, False) else STOP
        signed = lots if o.side == BUY else -lots
        cost = value if o.side == BUY else -value
        held = positions.size[row]
        own = positions.size[o.row]
        if self.exceeds_cap(o.market, added_interest(own, held, signed)):
            self.reason = X_OPEN_INTEREST
            return STOP
        if not allows_change(state, row, -signed, -cost, maker_fee, reduces(held, -signed)):
            return PASS
        if not o.forced and not allows_change(state, o.row, signed, cost, taker_fee, reduces(own, signed)):
            return STOP
        return FILL

    def exceeds_cap(self, market: i64, added: i64) -> bool:
        cap = self.state.markets.open_interest_cap[market]
        return cap != 0 and added > 0 and self.state.markets.open_interest[market] + added > cap

    def fill(self, o: Incoming, slot: i64, price: i64) -> None:
        """Carry out what `judge` allowed."""
        state = self.state
        orders = state.orders.cells
        maker_row = orders[slot + O_POSITION]
        maker = orders[slot + O_ACCOUNT]
        lots = self.lots
        value = lots * price * state.markets.unit[o.market]
        self.open.release_open(slot, lots)
        self.book_money(o, maker_row, lots, value)
        self.book.shrink(slot, lots)
        orders[slot + O_FILLED] += lots
        o.left -= lots
        o.filled += lots
        o.value += value
        state.markets.last[o.market] = price
        state.markets.last_ts[o.market] = state.now
        state.log.write(
            E_TRADED, state.now, o.market, price, lots, o.side, o.account, maker, o.order_id, orders[slot + O_ORDER_ID],
            self.taker_fee, self.maker_fee, orders[slot + O_SIZE], 1 if o.forced else 0,
        )  # fmt: skip
        if orders[slot + O_SIZE] == 0:
            self.open.close(slot, ORDER_FILLED)
        if state.positions.first_reducer[o.row] != NIL:
            self.open.sync_reducers(o.row)
        if state.positions.first_reducer[maker_row] != NIL:
            self.open.sync_reducers(maker_row)

    def book_money(self, o: Incoming, maker_row: i64, lots: i64, value: i64) -> None:
        """Positions, profits and fees of a fill. A self-trade moves only the fees: it changes no position."""
        if maker_row == o.row:
            self.ledger.fee(o.row, self.taker_fee + self.maker_fee)
            if self.state.positions.mode[o.row] == ISOLATED:
                self.rebalance(o.row, self.state.positions.size[o.row])
            return
        signed = lots if o.side == BUY else -lots
        self.change_position(o.row, signed, value, self.taker_fee, not o.forced)
        self.change_position(maker_row, -signed, value, self.maker_fee, True)

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
        """Isolated margin after a trade: all of it back when flat or flipped; after a reduction the closed share of the equity, rounded
        down, as far as the initial requirement is met without; what is missing to it after any other trade is taken from cash."""
        positions = self.state.positions
        size = positions.size[row]
        if size == 0 or (held != 0 and (size > 0) != (held > 0)):
            self.ledger.to_isolated(row, -positions.isolated_margin[row])
        if size == 0:
            return
        if (size > 0) == (held > 0) and abs_i64(size) < abs_i64(held):
            equity = row_equity(self.state, row)
            back = mul_div_floor(max_i64(0, equity), abs_i64(held) - abs_i64(size), abs_i64(held))
            spare = min_i64(sure_equity(self.state, row) - row_initial(self.state, row), positions.isolated_margin[row])
            self.ledger.to_isolated(row, -max_i64(0, min_i64(back, spare)))
        else:
            self.ledger.to_isolated(row, isolated_shortage(self.state, row))

    def finish(self, o: Incoming) -> None:
        """After the match: rest, or say what is gone."""
        if o.left > 0 and (o.tif == GTC or o.tif == POST_ONLY) and o.stopped == X_IMMEDIATE:
            self.open.rest(o)
            return
        self.open.count(o, 0)
        if o.left > 0:
            self.state.log.emit(E_ORDER_CANCELLED, self.state.now, o.order_id, o.account, o.market, o.left, o.stopped)
        if o.client_hi != 0 or o.client_lo != 0:
            outcome = ORDER_CANCELLED if o.left > 0 else ORDER_FILLED
            self.book.client_ids(o.account).close(o.client_hi, o.client_lo, o.order_id, outcome, o.filled)

    def fillable(self, o: Incoming) -> bool:
        """Would the whole order fill? It is tried on the real positions and taken back; the book is only read."""
        self.only_reductions = only_reductions(self.state, o.market)
        self.trial.begin(o.market)
        left = o.left
        price = self.crosses(o)
        while left > 0 and price != 0 and not (price > o.limit if o.side == BUY else price < o.limit):
            slot = self.book.head(o.market, price)
            while left > 0 and slot != NIL:
                filled = self.try_order(o, slot, price, left)
                if filled < 0:
                    self.trial.take_back()
                    return False
                left -= filled
                slot = self.state.orders.cells[slot + O_NEXT]
            price = self.book.worse(o.market, 1 - o.side, price)
        self.trial.take_back()
        return left == 0

    def try_order(self, o: Incoming, slot: i64, price: i64, left: i64) -> i64:
        """Lots that this resting order would fill of `left`, fills booked; NIL if the incoming order would be stopped."""
        orders = self.state.orders.cells
        row = orders[slot + O_POSITION]
        size = orders[slot + O_SIZE]
        filled: i64 = 0
        while filled < min_i64(size, left):
            verdict = self.judge(o, slot, price, size - filled, left - filled)
            if verdict == STOP:
                return NIL
            if verdict == PASS:
                return filled
            self.trial.save(row)
            self.trial.save(o.row)
            self.book_money(o, row, self.lots, self.lots * price * self.state.markets.unit[o.market])
            filled += self.lots
        return filled
