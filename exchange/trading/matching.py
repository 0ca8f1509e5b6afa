"""The match: an incoming order is planned step by step, and each step is executed as it comes. Fill-or-kill orders are planned first."""

from __future__ import annotations

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.payoff import value_of
from ..schema.kinds import (
    BUY,
    E_CURVE_TRADED,
    E_ORDER_CANCELLED,
    E_ORDER_REDUCED,
    E_TRADED,
    FOK,
    GTC,
    ISOLATED,
    ORDER_CANCELLED,
    ORDER_FILLED,
    POST_ONLY,
    RPI,
    STP_CANCEL_MAKER,
    STP_NONE,
    X_IMMEDIATE,
    X_SELF_TRADE,
)
from ..state.market import Market
from ..state.state import State
from ..state.tables import O_ACCOUNT, O_FILLED, O_ORDER_ID, O_POSITION, O_SIZE, O_TERMS, P_FIRST_REDUCER, P_MODE, P_SIZE
from ..state.types import MAX_HIDDEN_PARTS, NIL
from .allocation import meets_rpi
from .book import Book
from .curve_source import NO_CURVE, CurveSource
from .depth import Walk
from .dry_run import DryRun
from .open_orders import OpenOrders, open_lots
from .order import Order
from .planning import CANCEL, CANCEL_BOTH, CURVE_FILL, DECREMENT, FILL, STOP, Planner
from .positions import PositionKeeper


class Matcher:
    def __init__(self, state: State, book: Book, ledger: Ledger) -> None:
        self.state: State = state
        self.book: Book = book
        self.ledger: Ledger = ledger
        self.open: OpenOrders = OpenOrders(state, book)
        self.positions: PositionKeeper = PositionKeeper(state, ledger, self.open)
        self.curves: CurveSource = book.curves
        self.planner: Planner = Planner(state, book)
        self.dry_run: DryRun = DryRun(state, ledger)
        self.walk: Walk = Walk(state, book, state.markets[0], BUY)  # asks what there is

    def match(self, o: Order) -> None:
        """Trade until the order is filled, stopped, or nothing crosses; reduce-only orders fit their positions then."""
        self.trade(o)
        if self.positions.has_late:
            self.positions.end_match()

    def trade(self, o: Order) -> None:
        planner = self.planner
        planner.begin(o)
        while o.left > 0:
            step = planner.next_step(o)
            if self.positions.has_late and (step == FILL or step == CANCEL):
                self.positions.meet(planner.slot)
            if step == FILL:
                self.fill(o, o.market)
            elif step == CANCEL:
                self.open.cancel(planner.slot, planner.reason)
            elif step == CURVE_FILL:
                self.fill_from_curve(o, o.market)
            elif step == STOP or self.meet_own(o, step):
                o.stopped = planner.reason
                return

    def meet_own(self, o: Order, step: i64) -> bool:
        """Execute the step at hand, in which both orders lose something without a trade. True: the incoming one trades no more."""
        lots = self.planner.lots
        if step == CANCEL_BOTH:
            self.open.cancel(self.planner.slot, X_SELF_TRADE)
            return True
        self.open.lose(self.planner.slot, lots)
        if lots == o.left:
            return True
        o.left -= lots
        self.state.log.emit(E_ORDER_REDUCED, self.state.now, o.order_id, o.account, o.market.number, o.left)
        return False

    def fill(self, o: Order, market: Market) -> None:
        """Execute the step at hand."""
        state = self.state
        planner = self.planner
        orders = state.orders.cells
        cells = state.positions.cells
        slot = planner.slot
        lots = planner.lots
        price = planner.price if planner.uniform == 0 else planner.uniform
        row = orders[slot + O_POSITION]
        value = value_of(market, lots, price)
        self.open.release(market, slot, lots)
        self.book_money(o, market, row, lots, value)
        self.book.shrink(slot, lots)
        orders[slot + O_FILLED] += lots
        maker_left = orders[slot + O_SIZE]
        if maker_left == 0 and orders[slot + O_TERMS] != NIL:
            maker_left = self.open.next_part(slot)
        o.left -= lots
        o.filled += lots
        o.value += value
        market.last = price
        market.last_ts = state.now
        if market.sums_trades != 0 and row != o.row:
            market.averages.note_trade(lots, value)
        if market.has_fee_tiers != 0 and row != o.row:
            planner.tiers.note(o.account, orders[slot + O_ACCOUNT], value, o.is_forced)
        state.log.write(
            E_TRADED, state.now, market.number, price, lots, o.side, o.account, orders[slot + O_ACCOUNT], o.order_id,
            orders[slot + O_ORDER_ID], planner.taker_fee, planner.maker_fee, maker_left, 1 if o.is_forced else 0,
        )  # fmt: skip
        if orders[slot + O_TERMS] != NIL:
            self.open.note(slot, lots, True)
        if maker_left == 0:
            self.open.close(market, slot, ORDER_FILLED)
        elif orders[slot + O_SIZE] == 0:
            self.open.refresh(slot)
        if cells[o.row + P_FIRST_REDUCER] != NIL:
            self.positions.note_fill(o.row)
        if cells[row + P_FIRST_REDUCER] != NIL:
            self.positions.note_fill(row)

    def fill_from_curve(self, o: Order, market: Market) -> None:
        """Execute the step at hand, which is with the curve."""
        state = self.state
        planner = self.planner
        lots = planner.lots
        before = self.curves.inventory(market)
        self.book_curve_money(o, market)
        self.curves.traded(market, market.pool, before, o.side, lots, planner.value, planner.pool_fee)
        o.left -= lots
        o.filled += lots
        o.value += planner.value
        market.last = planner.average
        market.last_ts = state.now
        if market.sums_trades != 0:
            market.averages.note_trade(lots, planner.value)
        if market.has_fee_tiers != 0:
            planner.tiers.note(o.account, NIL, planner.value, o.is_forced)
        state.log.write(
E_CURVE_TRADED, state.now, market.number, planner.average, lots, o.side, o.account, o.order_id, planner.value,
            planner.taker_fee, planner.pool_fee, 1 if o.is_forced else 0, self.curves.inventory(market), 0,
        )  # fmt: skip
        if state.positions.cells[o.row + P_FIRST_REDUCER] != NIL:
            self.positions.note_fill(o.row)

    def book_curve_money(self, o: Order, market: Market) -> None:
        """Positions, profits and fees of the step at hand, against the curve's position. Its pool has its share of the fee at once."""
        planner = self.planner
        pool = market.pool.row
        signed = planner.lots if o.side == BUY else -planner.lots
        if o.is_forced:
            self.ledger.trade(market, o.row, signed, planner.value, 0)
        else:
            self.positions.change(market, o.row, signed, planner.value, planner.taker_fee)
        self.ledger.trade(market, pool, -signed, planner.value, 0)
        if planner.pool_fee != 0:
            self.ledger.fee(market, pool, -planner.pool_fee)

    def book_money(self, o: Order, market: Market, row: i64, lots: i64, value: i64) -> None:
        """Positions, profits and fees of the step at hand, against the maker's position `row`. A self-trade moves only the fees."""
        planner = self.planner
        own = o.row
        if row == own:
            cells = self.state.positions.cells
            self.ledger.fee(market, own, planner.taker_fee + planner.maker_fee)
            if cells[own + P_MODE] == ISOLATED:
                self.positions.rebalance(own, cells[own + P_SIZE])
            return
        signed = lots if o.side == BUY else -lots
        if market.is_spot != 0:
            self.ledger.swap(market, own, row, signed, value)
            self.ledger.fee(market, own, planner.taker_fee)
            self.ledger.fee(market, row, planner.maker_fee)
            return
        if o.is_forced:
            self.ledger.trade(market, own, signed, value, 0)
        else:
            self.positions.change(market, own, signed, value, planner.taker_fee)
        self.positions.change(market, row, -signed, value, planner.maker_fee)

    def finish(self, o: Order) -> None:
        """After the match: rest, or say what is gone."""
        rests = o.left > 0 and (o.tif == GTC or o.tif == POST_ONLY or o.tif == RPI) and o.stopped == X_IMMEDIATE
        if o.parent != 0:
            self.open.watch.tell(o.parent, o.order_id, o.account, o.market.number, o.filled, rests)
        if rests:
            self.open.enqueue(o)
            return
        self.open.count(o, 0)
        if o.left > 0:
            self.state.log.emit(E_ORDER_CANCELLED, self.state.now, o.order_id, o.account, o.market.number, o.left, o.stopped)
        if o.has_client_id:
            outcome = ORDER_CANCELLED if o.left > 0 else ORDER_FILLED
            ids = self.state.own_client_ids(o.account)
            ids.close(o.client_hi, o.client_lo, o.order_id, o.market.number, outcome, o.filled)

    def fills_whole(self, o: Order) -> bool:
        """Would the whole order fill? Its plan is booked on the real positions and taken back; the book is only read. Where there are not
        even as many lots as it is for, its own account's left aside, that is known without a plan, level by level."""
        if not self.has_lots(o) or not self.has_others(o):
            return False
        left = self.rehearse(o)
        self.dry_run.take_back(o.market)
        return left == 0

    def has_lots(self, o: Order) -> bool:
        """Are there as many lots as the order is for? Never False where it would fill whole.

        Others' reduce-only orders count for what they could close now: what an order trades never lets them close more. Its own account's
        might, and what a curve has depends on how it is met: then nothing is counted.
        """
        if o.market.curve_role != NO_CURVE or self.state.positions.cells[o.row + P_FIRST_REDUCER] != NIL:
            return True
        return self.sells(o, o.left, o.limit)

    def has_others(self, o: Order) -> bool:
        """Do others have as many lots as the order is for, where those of its own account do not fill it: no worse than its limit, or than
        their best price if it would stop at that? Never False where it would fill whole. What a curve has is not counted."""
        if o.self_trade == STP_NONE or o.market.curve_role != NO_CURVE or self.planner.uniform != 0:
            return True
        price, there, total = self.open.own_within(o)
        if price == 0:
            return True
        return self.sells(o, o.left + total, o.limit) if o.self_trade == STP_CANCEL_MAKER else self.sells(o, o.left + there, price)

    def sells(self, o: Order, lots: i64, limit: i64) -> bool:
        """Does the other side of the book have so many lots for the order, no worse than `limit`?"""
        walk = self.walk
        walk.begin(o.market, 1 - o.side)
        walk.with_rpi = meets_rpi(self.state, o)
        walk.with_hidden = True
        walk.viewer = self.planner.viewer
        return walk.holds(lots, limit)

    def rehearse(self, o: Order) -> i64:
        """Book the plan of an order on the real positions, as a dry run that the caller takes back. Returns the lots that would be left."""
        planner = self.planner
        orders = self.state.orders.cells
        market = o.market
        left = o.left
        planner.begin_dry(o)
        self.dry_run.begin(market)
        while left > 0:
            step = planner.next_behind(o, left)
            if step == STOP or (planner.parts > MAX_HIDDEN_PARTS and o.tif == FOK):
                break
            if (step == CANCEL or step == CANCEL_BOTH) and orders[planner.slot + O_ACCOUNT] == o.account:
                self.dry_run.own[int(planner.slot)] = int(open_lots(self.state, planner.slot))
            if step == CANCEL_BOTH:
                break
            if step == DECREMENT:
                self.dry_run.note_own(planner.slot, planner.lots, 0)
                if planner.lots == left or o.tif == FOK:  # what a fill-or-kill order loses, it cannot fill
                    break
                self.dry_run.lost += planner.lots
                left -= planner.lots
            if step == CURVE_FILL:
                before = self.curves.inventory(market)
                self.dry_run.save(market, market.pool.row)
                self.dry_run.save(market, o.row)
                self.book_curve_money(o, market)
                self.curves.traded(market, planner.pool, before, o.side, planner.lots, planner.value, planner.pool_fee)
                self.dry_run.note(planner.value, planner.taker_fee)
                left -= planner.lots
            if step == FILL:
                row = orders[planner.slot + O_POSITION]
                self.dry_run.save(market, row)
                self.dry_run.save(market, o.row)
                price = planner.price if planner.uniform == 0 else planner.uniform
                value = value_of(market, planner.lots, price)
                self.book_money(o, market, row, planner.lots, value)
                self.dry_run.note(value, planner.taker_fee)
                if row == o.row:
                    self.dry_run.note_own(planner.slot, planner.lots, planner.maker_fee)
                left -= planner.lots
        return left
