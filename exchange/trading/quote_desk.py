"""A market maker's quotes: all of one side replaced in one command, and taken down when too much of them is filled within a time.

Quotes are post-only orders that carry a mark, and nothing else about them is special: each new one goes through the code of any order.
Fills are counted when the match that made them is over, since nothing may be undone in its midst: by then one order of somebody may have
filled all quotes of a side that it reaches, but none that its account sends afterwards.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..schema import columns as c
from ..schema import kinds as k
from ..state.packed import column
from ..state.quotes import Q_COUNT, Q_SUM, Q_TRIGGERED, number_of
from ..state.state import State
from ..state.tables import O_NEXT_OWN, O_ORDER_ID, O_PRICE, O_SIDE, O_TERMS, P_FIRST_ORDER
from ..state.terms import T_QUOTE
from ..state.types import NIL, ROW
from .access import in_liquidation, refused_frozen, refused_mode, refused_user_in_market
from .entry import OrderEntry
from .matching import Matcher
from .quoting import QUOTES, find_price, quoted
from .watch import Note


class QuoteDesk:
    def __init__(self, state: State, matcher: Matcher, entry: OrderEntry) -> None:
        self.state: State = state
        self.matcher: Matcher = matcher
        self.entry: OrderEntry = entry
        self.row: vec[i64] = column(ROW, 0)  # the order that a new quote is

    # -- quotes ------------------------------------------------------------------------------------------------------------------

    def replace(self, rows: vec[i64], at: i64) -> i64:
        """Carry out the MassQuote that begins at `at`. Returns the reason of a refusal, or 0; what becomes of each quote is told.

        May fill as much of the tables as several commands.
        """
        state = self.state
        account = rows[at + c.MASS_QUOTE_ACCOUNT]
        number = rows[at + c.MASS_QUOTE_MARKET]
        side = rows[at + c.MASS_QUOTE_SIDE]
        reason = self.refused(account, number, quoted(rows, at))
        if reason != 0:
            return reason
        standing = [0] * int(QUOTES)  # ids of the quotes whose prices stay
        i: i64 = 0
        for order_id, at_price in self.quotes(state.find_position(account, number), side):
            i = find_price(rows, at, at_price)
            if i == NIL or standing[i] != 0:  # a second one at a price: its owner has moved it there by hand
                self.matcher.open.cancel(state.order_ids.find(order_id), k.X_QUOTE)
            else:
                standing[i] = order_id
        i = 0
        while i < QUOTES:
            price = rows[at + c.MASS_QUOTE_PRICE_1 + 2 * i]
            size = rows[at + c.MASS_QUOTE_SIZE_1 + 2 * i]
            if size != 0:
                reason = k.R_SAME_PRICE
                if find_price(rows, at, price) == i:
                    state.reserve()
                    if standing[i] == 0:
                        reason = self.place(account, number, side, price, size, rows[at + c.TS])
                    else:
                        reason = self.renew(account, standing[i], price, size)
                if reason != 0:
                    state.log.emit(k.E_QUOTE_REFUSED, state.now, account, number, side, i + 1, price, size, reason)
            i += 1
        return 0

    def refused(self, account: i64, number: i64, count: i64) -> i64:
        """Why the whole command is refused."""
        state = self.state
        reason = refused_user_in_market(state, account, number)
        if reason != 0:
            return reason
        if in_liquidation(state, account, state.find_position(account, number)):
            return k.R_IN_LIQUIDATION
        if count > 0:
            reason = refused_mode(state, account, 0)
            if reason != 0:
                return reason
        if state.markets[number].status == k.HALTED:
            return k.R_MARKET_HALTED
        row = state.protections.find(number_of(account, number))
        if count > 0 and row != NIL and state.protections.cells[row + Q_TRIGGERED] != 0:
            return k.R_QUOTES_PROTECTED
        return 0

    def renew(self, account: i64, order_id: i64, price: i64, size: i64) -> i64:
        """A quote in the place of the one that stands at its price, which is gone if the new one is refused."""
        reason = self.entry.amend(account, order_id, price, size)
        if reason != 0:
            slot = self.state.order_ids.find(order_id)
            assert slot != NIL, "what was refused has changed nothing"
            self.matcher.open.cancel(slot, k.X_QUOTE)
        return reason

    def place(self, account: i64, number: i64, side: i64, price: i64, size: i64, ts: i64) -> i64:
        row = self.row
        row[c.KIND] = k.C_PLACE
        row[c.TS] = ts
        row[c.PLACE_ACCOUNT] = account
        row[c.PLACE_MARKET] = number
        row[c.PLACE_SIDE] = side
        row[c.PLACE_PRICE] = price
        row[c.PLACE_SIZE] = size
        row[c.PLACE_TIF] = k.POST_ONLY
        self.entry.is_quote = 1
        reason = self.entry.place(row, 0)
        self.entry.is_quote = 0
        return reason

    def quotes(self, row: i64, side: i64) -> list[tuple[int, int]]:
        """(order id, price) of the quotes of a position row (NIL: none) on one side, below 0: on both; the oldest first."""
        found: list[tuple[int, int]] = []
        if row == NIL:
            return found
        orders = self.state.orders.cells
        slot = self.state.positions.cells[row + P_FIRST_ORDER]
        while slot != NIL:
            terms = orders[slot + O_TERMS]
            if terms != NIL and self.state.terms.cells[terms + T_QUOTE] != 0 and (side < 0 or orders[slot + O_SIDE] == side):
                found.append((int(orders[slot + O_ORDER_ID]), int(orders[slot + O_PRICE])))
            slot = orders[slot + O_NEXT_OWN]
        found.sort()
        return found

    # -- their protection --------------------------------------------------------------------------------------------------------

    def protect(self, account: i64, number: i64, window: i64, fills: i64, lots: i64) -> i64:
        """Set the protection of the account's quotes in a market anew, or take it away."""
        state = self.state
        reason = refused_user_in_market(state, account, number)
        if reason == 0:
            reason = refused_frozen(state, account)
        if reason == 0:
            state.protections.set(account, number, window, fills, lots)
            state.log.emit(k.E_QUOTE_PROTECTION_SET, state.now, account, number, window, fills, lots)
        return reason

    def hear(self, note: Note) -> None:
        """A quote has been filled, and the match is over."""
        state = self.state
        protections = state.protections
        row = protections.find(number_of(note.account, note.market))
        if note.lots == 0 or row == NIL or protections.cells[row + Q_TRIGGERED] != 0:
            return
        if not protections.note(row, state.now, note.lots):
            return
        cells = protections.cells
        cells[row + Q_TRIGGERED] = 1
        state.log.emit(
            k.E_PROTECTION_TRIGGERED, state.now, note.account, note.market, cells[row + Q_COUNT], cells[row + Q_SUM]
        )
        for order_id, _ in self.quotes(state.find_position(note.account, note.market), NIL):
            self.matcher.open.cancel(state.order_ids.find(order_id), k.X_PROTECTION)
