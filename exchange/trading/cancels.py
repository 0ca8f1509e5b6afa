"""Orders taken back: one, all, or all of an account that is gone. What a command calls returns the reason of a refusal, or 0."""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.schedule import CANCEL_ALL
from ..state.state import State
from ..state.tables import O_ACCOUNT, O_MARKET, P_MARKET, P_NEXT
from ..state.types import NIL
from .access import refused_user, refused_user_in_market
from .matching import Matcher


class CancelDesk:
    def __init__(self, state: State, matcher: Matcher) -> None:
        self.state: State = state
        self.matcher: Matcher = matcher

    def own_order(self, account: i64, order_id: i64) -> i64:
        """The slot of an account's open order, or NIL."""
        slot = self.state.order_ids.find(order_id)
        return slot if slot != NIL and self.state.orders.cells[slot + O_ACCOUNT] == account else NIL

    def cancel(self, account: i64, order_id: i64) -> i64:
        reason = refused_user(self.state, account)
        if reason != 0:
            return reason
        slot = self.own_order(account, order_id)
        if slot == NIL and self.matcher.open.standing.any:
            return self.matcher.open.standing.cancel(account, order_id)
        return self.cancel_slot(slot)

    def cancel_client(self, account: i64, hi: i64, lo: i64) -> i64:
        reason = refused_user(self.state, account)
        if reason != 0:
            return reason
        slot = self.state.client_ids[account].find_open(self.state.orders.cells, hi, lo)
        if slot == NIL and self.matcher.open.standing.any and (hi != 0 or lo != 0):
            standing = self.matcher.open.standing
            return standing.cancel(account, standing.find_client(account, hi, lo))
        return self.cancel_slot(slot)

    def has_client(self, account: i64, hi: i64, lo: i64) -> bool:
        """Does an order with this client id rest, or a trigger or a TWAP stand? Not one whose order waits to come in."""
        if hi == 0 and lo == 0:
            return False
        if self.state.client_ids[account].find_open(self.state.orders.cells, hi, lo) != NIL:
            return True
        return self.matcher.open.standing.any and self.matcher.open.standing.has_client(account, hi, lo)

    def cancel_slot(self, slot: i64) -> i64:
        if slot == NIL:
            return k.R_UNKNOWN_ORDER
        if self.state.markets[self.state.orders.cells[slot + O_MARKET]].status == k.HALTED:
            return k.R_MARKET_HALTED
        self.matcher.open.cancel(slot, k.X_USER)
        return 0

    def cancel_all(self, account: i64, market: i64) -> i64:
        """Cancel the account's orders in one market, or in all that are not halted."""
        state = self.state
        if market >= 0:
            reason = refused_user_in_market(state, account, market)
            if reason == 0 and state.markets[market].status == k.HALTED:
                reason = k.R_MARKET_HALTED
        else:
            reason = refused_user(state, account)
        if reason != 0:
            return reason
        cells = state.positions.cells
        row = state.accounts.first_position[account]
        while row != NIL:
            of = cells[row + P_MARKET]
            if (market < 0 or of == market) and state.markets[of].status != k.HALTED:
                self.matcher.open.cancel_row(row, k.X_USER)
            row = cells[row + P_NEXT]
        return 0

    def cancel_all_after(self, account: i64, delay: i64) -> i64:
        """Set the account's dead man's switch anew, or take it back."""
        state = self.state
        reason = refused_user(state, account)
        if reason != 0:
            return reason
        due: i64 = 0
        if delay == 0:
            state.schedule.cancel(CANCEL_ALL, account)
        else:
            due = state.now + delay
            state.schedule.set(CANCEL_ALL, account, due)
        state.log.emit(k.E_CANCEL_SCHEDULED, state.now, account, due)
        return 0

    def cancel_scheduled(self, account: i64) -> None:
        """The switch has not been set anew in time. Halted markets are no exception: else the orders of one who is gone would meet the
        crowd that comes when the halt ends."""
        self.matcher.open.cancel_account(account, k.X_SCHEDULED)

    def set_mode(self, account: i64, mode: i64) -> i64:
        """Set or clear the account's kill switch. Halted markets are no exception, as above. What stays under REDUCE_ONLY, and what the
        account may place from then on, is reduce-only: it protects what is open, and can open nothing later."""
        state = self.state
        reason = refused_user(state, account)
        if reason != 0:
            return reason
        state.accounts.mode[account] = mode
        state.log.emit(k.E_ACCOUNT_MODE_SET, state.now, account, mode)
        if mode != k.MODE_NORMAL:
            self.matcher.open.cancel_account(account, k.X_KILL_SWITCH, mode == k.MODE_REDUCE_ONLY)
        return 0
