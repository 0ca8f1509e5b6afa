"""Triggers, as far as they are like open orders: they have ids and client ids, and are taken back by the same commands and for the same
reasons. Placing and firing them is elsewhere (`algos`).
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.algos import FIRED, G_ACCOUNT, G_CLIENT_HI, G_CLIENT_LO, G_MARKET, G_SHELF, G_SIZE, Triggers
from ..state.state import State
from ..state.types import NIL


class Standing:
    def __init__(self, state: State) -> None:
        self.state: State = state

    def end(self, number: i64, reason: i64, refusal: i64) -> None:
        """A trigger is gone without an order; its client id stays taken for a while, like that of an order."""
        state = self.state
        cells = state.triggers.cells
        row = state.triggers.find(number)
        account = cells[row + G_ACCOUNT]
        market = cells[row + G_MARKET]
        state.log.emit(k.E_TRIGGER_CANCELLED, state.now, number, account, market, reason, refusal)
        hi = cells[row + G_CLIENT_HI]
        lo = cells[row + G_CLIENT_LO]
        if hi != 0 or lo != 0:
            state.own_client_ids(account).close(hi, lo, number, market, k.ORDER_CANCELLED, 0)
        state.triggers.remove(number, account)

    def own(self, triggers: Triggers, account: i64, number: i64) -> bool:
        """Is this a trigger of the account that has not fired?"""
        row = triggers.find(number)
        return row != NIL and triggers.cells[row + G_ACCOUNT] == account and triggers.cells[row + G_SHELF] != FIRED

    def cancel(self, account: i64, number: i64) -> i64:
        """Take back one. Returns the reason of a refusal, or 0."""
        triggers = self.state.triggers
        if not self.own(triggers, account, number):
            return k.R_UNKNOWN_ORDER
        if self.state.markets[triggers.cells[triggers.find(number) + G_MARKET]].status == k.HALTED:
            return k.R_MARKET_HALTED
        self.end(number, k.X_USER, 0)
        return 0

    def cancel_market(self, account: i64, market: i64, reason: i64) -> None:
        """All of an account in one market that have not fired: the order of one that has is an order like any."""
        triggers = self.state.triggers
        if triggers.count(account) == 0:
            return
        for number in triggers.of(account):
            if triggers.cells[triggers.find(number) + G_MARKET] == market and self.own(triggers, account, number):
                self.end(number, reason, 0)

    def find_client(self, account: i64, hi: i64, lo: i64) -> i64:
        """The id of an account's trigger with this client id, 0: there is none."""
        triggers = self.state.triggers
        if triggers.count(account) != 0:
            for number in triggers.of(account):
                row = triggers.find(number)
                if triggers.cells[row + G_CLIENT_HI] == hi and triggers.cells[row + G_CLIENT_LO] == lo:
                    return number
        return 0

    def order_of(self, account: i64, hi: i64, lo: i64, sent: i64) -> tuple[i64, i64, i64, i64, i64]:
        """The trigger with this client id: id, market, state, lots open and filled. Id 0: there is none, but perhaps that of the order at
        hand, `sent`."""
        number = self.find_client(account, hi, lo)
        if number == 0 or number == sent:
            return 0, 0, 0, 0, 0
        row = self.state.triggers.find(number)
        cells = self.state.triggers.cells
        return number, cells[row + G_MARKET], k.ORDER_OPEN, cells[row + G_SIZE], 0
