"""What would happen if orders were cancelled and others placed for them: which of the new ones would be refused. Nothing is changed.

The old orders are off the sums of their account while the new ones are examined, one after the other, by the checks that they would meet.
One that passes counts for those behind it; of one that does not, the old order stays, and counts. What passes may still come to nothing:
it may trade only in part, or have to wait until other things have happened.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..money.payoff import value_of
from ..schema import columns as c
from ..schema import kinds as k
from ..state.state import State
from ..state.tables import (
    O_ACCOUNT,
    O_MARKET,
    O_NEXT_OWN,
    O_POSITION,
    O_PRICE,
    O_REDUCE_ONLY,
    O_SIDE,
    O_SIZE,
    O_TIF,
    P_FIRST_ORDER,
    P_FIRST_REDUCER,
    P_REDUCERS,
)
from ..state.types import NIL
from ..trading.access import refused_user_in_market
from ..trading.curve_source import JIT, NO_CURVE
from ..trading.entry import OrderEntry
from ..trading.matching import Matcher
from ..trading.open_orders import open_lots, parts_behind, parts_of
from ..trading.order import Order
from ..trading.planning import is_worse
from .brackets import BracketDesk
from .triggers import TriggerDesk


class ReplacementDesk:
    def __init__(self, state: State, matcher: Matcher, trigger_desk: TriggerDesk, bracket_desk: BracketDesk) -> None:
        self.state: State = state
        self.matcher: Matcher = matcher
        self.trigger_desk: TriggerDesk = trigger_desk
        self.bracket_desk: BracketDesk = bracket_desk
        self.entry: OrderEntry = OrderEntry(state, matcher)
        self.off: list[int] = []  # ids of the old orders that do not count
        self.freed: i64 = 0  # by how many triggers there are less than at first
        self.counted: list[tuple[int, int, int, int, int]] = []  # of new ones: position row, side, lots, notional, reduce-only
        self.account: i64 = 0
        self.added: i64 = 0  # new ones that would rest
        self.opened: list[int] = []  # position rows that were not there before

    def look(self, rows: vec[i64], at: i64, account: i64, gone: list[int]) -> list[int]:
        """Why each of the Place, PlaceTrigger and PlaceBracket commands from `at` on, all of one account, would be refused; 0: it would
        not. `gone`: of each the order or trigger of that account which it replaces, 0: none."""
        self.account = account
        for number in gone:
            if number != 0 and number not in self.off:
                self.off.append(number)
                self.take_off(number, 1)
        found: list[int] = []
        for number in gone:
            reason = self.refused(rows, at)
            if reason != 0 and number in self.off:
                self.off.remove(number)
                self.take_off(number, -1)
            found.append(int(reason))
            at += len(rows) // len(gone)
        self.take_back()
        return found

    def take_off(self, number: i64, sign: i64) -> None:
        """Let an old order count no more; `sign` -1: let it count again."""
        state = self.state
        slot = state.order_ids.find(number)
        if slot == NIL:
            if state.triggers.find(number) != NIL:
                self.freed += sign
            return
        orders = state.orders.cells
        self.matcher.open.release(state.markets[orders[slot + O_MARKET]], slot, sign * open_lots(state, slot))
        state.accounts.open_orders[orders[slot + O_ACCOUNT]] -= sign
        self.entry.parts -= sign * parts_of(state, slot)
        state.positions.cells[orders[slot + O_POSITION] + P_REDUCERS] -= sign * orders[slot + O_REDUCE_ONLY]
        if state.brackets.find(number) != NIL:
            self.freed += 2 * sign

    def take_back(self) -> None:
        """Everything is as it was."""
        state = self.state
        for row, side, lots, notional, reduce_only in self.counted:
            if lots != 0:
                self.matcher.open.add_to_sums(row, side, -lots, -notional)
            state.positions.cells[row + P_REDUCERS] -= reduce_only
        state.accounts.open_orders[self.account] -= self.added
        for number in self.off:
            self.take_off(number, -1)
        for at in reversed(self.opened):
            state.unopen(self.account, at)
        self.off = []
        self.counted = []
        self.opened = []
        self.added = 0
        self.freed = 0
        self.entry.parts = 0

    def refused(self, rows: vec[i64], at: i64) -> i64:
        """Why the command that begins at `at` would be refused; 0: it would not, and counts from now on."""
        kind = rows[at + c.KIND]
        assert kind in (k.C_PLACE, k.C_PLACE_TRIGGER, k.C_PLACE_BRACKET), "no order that replaces another"
        reason = refused_user_in_market(self.state, rows[at + c.PLACE_ACCOUNT], rows[at + c.PLACE_MARKET])
        if reason != 0:
            return reason
        if kind == k.C_PLACE_TRIGGER:
            reason = self.trigger_desk.refused(rows, at, self.freed)
            if reason == 0:
                self.freed -= 1
            return reason
        if kind != k.C_PLACE_BRACKET:
            return self.refused_order(rows, at)
        reason = self.bracket_desk.refused(rows, at, self.freed)
        if reason == 0:
            reason = self.refused_order(self.bracket_desk.entry(rows, at), 0)
        if reason == 0:
            self.freed -= 2
        return reason

    def refused_order(self, rows: vec[i64], at: i64) -> i64:
        state = self.state
        account = rows[at + c.PLACE_ACCOUNT]
        number = rows[at + c.PLACE_MARKET]
        had = state.find_position(account, number)
        reason = self.entry.examine(rows, at)
        o = self.entry.order
        if had == NIL and state.find_position(account, number) != NIL:
            self.opened.append(int(state.find_position(account, number)))
        is_immediate = o.tif == k.IOC or o.tif == k.FOK
        if reason == 0 and is_immediate and not self.meets_others(o):
            return k.R_NOT_FILLABLE  # it would come in, and go at once
        if reason == k.R_WOULD_CROSS and not self.meets_others(o):
            reason = self.entry.refused_by_margin(o, self.entry.only_reduces(o))
        if reason == 0 and not is_immediate:
            self.counted.append(
                (int(o.row), int(o.side), int(o.counted), int(value_of(o.market, o.counted, o.limit)), int(o.reduce_only))
            )
            state.positions.cells[o.row + P_REDUCERS] += o.reduce_only
            state.accounts.open_orders[account] += 1
            self.added += 1
            self.entry.parts += parts_behind(o.left, o.display)
        return reason

    def meets_others(self, o: Order) -> bool:
        """Would the order, which is not refused by its price, meet anything but what would be gone, and what it would cancel as its own?"""
        planner = self.matcher.planner
        book = planner.book
        market = o.market
        price = planner.crosses_book(o)
        if price == 0:
            return planner.crosses(o) != 0
        own = self.own_lots(o)
        while price != 0 and not is_worse(o.limit, o.side, price):
            if book.level_lots(market, price) > own.get(int(price), 0):
                return True
            price = book.worse(market, 1 - o.side, price)
        if market.matching != 0 and planner.allocation.crosses_rpi(o) != 0:
            return True
        has_curve = market.curve_role != NO_CURVE and market.curve_role != JIT
        return has_curve and planner.curves.offered(market, market.pool, o.side, o.limit, 1) > 0

    def own_lots(self, o: Order) -> dict[int, int]:
        """Lots that the book shows at each price of the other side, of orders that would be out of this order's way."""
        state = self.state
        orders = state.orders.cells
        found: dict[int, int] = {}
        if o.self_trade == k.STP_CANCEL_MAKER and (o.tif == k.IOC or o.tif == k.FOK):
            cells = state.positions.cells
            for first in (cells[o.row + P_FIRST_ORDER], cells[o.row + P_FIRST_REDUCER]):
                slot = first
                while slot != NIL:
                    self.add_lots(found, o, slot)
                    slot = orders[slot + O_NEXT_OWN]
            return found
        for number in self.off:
            slot = state.order_ids.find(number)
            if slot != NIL:
                self.add_lots(found, o, slot)
        return found

    def add_lots(self, found: dict[int, int], o: Order, slot: i64) -> None:
        orders = self.state.orders.cells
        if orders[slot + O_MARKET] == o.market.number and orders[slot + O_SIDE] != o.side and orders[slot + O_TIF] != k.RPI:
            price = int(orders[slot + O_PRICE])
            found[price] = found.get(price, 0) + int(orders[slot + O_SIZE])
