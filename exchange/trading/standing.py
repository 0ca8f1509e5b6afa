"""Triggers and TWAPs, as far as they are like open orders: they have ids and client ids, and are taken back by the same commands and
for the same reasons. Placing and firing them is elsewhere (`algos`).
"""

from __future__ import annotations

from mypy_extensions import i64

from ..schema import kinds as k
from ..state.algos import FIRED, G_ACCOUNT, G_CLIENT_HI, G_CLIENT_LO, G_MARKET, G_REDUCE_ONLY, G_SHELF, G_SIZE, Triggers
from ..state.pending import A_REDUCE_ONLY
from ..state.schedule import TWAP_SLICE
from ..state.state import State
from ..state.tables import O_REDUCE_ONLY
from ..state.twaps import TW_ACCOUNT, TW_CLIENT_HI, TW_CLIENT_LO, TW_FILLED, TW_MARKET, TW_REDUCE_ONLY, TW_SENT, TW_SIZE
from ..state.types import NIL
from .watch import Watch


class Recall:
    """Who can take back what was sent and has not come in yet. The base has nothing."""

    def recall(self, parent: i64, account: i64) -> None:
        """Take back all that a standing order of the account has sent."""


class Standing:
    def __init__(self, state: State, watch: Watch) -> None:
        self.state: State = state
        self.watch: Watch = watch
        self.sent: Recall = Recall()

    @property
    def any(self) -> bool:
        """Is there anything?"""
        return self.state.triggers.live != 0 or self.state.twaps.live != 0

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
        if reason == k.X_USER:
            state.links.take_back(number)
        if state.links.find(number) != NIL:
            self.watch.tell(number, number, account, market, 0, False)

    def own(self, triggers: Triggers, account: i64, number: i64) -> bool:
        """Is this a trigger of the account that has not fired?"""
        row = triggers.find(number)
        return row != NIL and triggers.cells[row + G_ACCOUNT] == account and triggers.cells[row + G_SHELF] != FIRED

    def cancel(self, account: i64, number: i64) -> i64:
        """Take back one. Returns the reason of a refusal, or 0."""
        triggers = self.state.triggers
        if not self.own(triggers, account, number):
            return self.cancel_twap(account, number)
        if self.state.markets[triggers.cells[triggers.find(number) + G_MARKET]].status == k.HALTED:
            return k.R_MARKET_HALTED
        self.end(number, k.X_USER, 0)
        return 0

    def cancel_market(self, account: i64, market: i64, reason: i64, spares_reducers: bool) -> None:
        """All of an account in one market that have not fired: the order of one that has is an order like any. All, or all but what can
        only reduce."""
        triggers = self.state.triggers
        if triggers.count(account) != 0:
            for number in triggers.of(account):
                if triggers.cells[triggers.find(number) + G_MARKET] == market and self.own(triggers, account, number):
                    if spares_reducers and self.only_reduces(number):
                        continue
                    if spares_reducers:
                        self.state.links.untie(number)
                    self.end(number, reason, 0)
        twaps = self.state.twaps
        if twaps.count(account) != 0:
            for number in twaps.of(account):
                if twaps.cells[twaps.find(number) + TW_MARKET] == market and not (spares_reducers and self.only_reduces(number)):
                    self.end_twap(number, reason)

    def only_reduces(self, number: i64) -> bool:
        """Is what has this id an open order, an auctioned one, a trigger or a TWAP that can only reduce a position?"""
        state = self.state
        slot = state.order_ids.find(number)
        if slot != NIL:
            return state.orders.cells[slot + O_REDUCE_ONLY] != 0
        row = state.triggers.find(number)
        if row != NIL:
            return state.triggers.cells[row + G_REDUCE_ONLY] != 0
        row = state.twaps.find(number)
        if row != NIL:
            return state.twaps.cells[row + TW_REDUCE_ONLY] != 0
        row = state.taker_auctions.find(number)
        return row != NIL and state.taker_auctions.cells[row + A_REDUCE_ONLY] != 0

    def find_client(self, account: i64, hi: i64, lo: i64) -> i64:
        """The id of an account's trigger with this client id, 0: there is none."""
        triggers = self.state.triggers
        if triggers.count(account) != 0:
            for number in triggers.of(account):
                row = triggers.find(number)
                if triggers.cells[row + G_CLIENT_HI] == hi and triggers.cells[row + G_CLIENT_LO] == lo:
                    return number
        twaps = self.state.twaps
        if twaps.count(account) != 0:
            for number in twaps.of(account):
                row = twaps.find(number)
                if twaps.cells[row + TW_CLIENT_HI] == hi and twaps.cells[row + TW_CLIENT_LO] == lo:
                    return number
        return 0

    def has_client(self, account: i64, hi: i64, lo: i64) -> bool:
        """Is there one with this client id that can be taken back? Not a trigger that has fired."""
        number = self.find_client(account, hi, lo)
        return number != 0 and (self.state.twaps.find(number) != NIL or self.own(self.state.triggers, account, number))

    def order_of(self, account: i64, hi: i64, lo: i64, sent: i64) -> tuple[i64, i64, i64, i64, i64]:
        """The trigger with this client id: id, market, state, lots open and filled. Id 0: there is none, but perhaps that of the order at
        hand, `sent`."""
        number = self.find_client(account, hi, lo)
        if number == 0 or number == sent:
            return 0, 0, 0, 0, 0
        row = self.state.triggers.find(number)
        cells = self.state.triggers.cells
        if row != NIL:
            return number, cells[row + G_MARKET], k.ORDER_OPEN, cells[row + G_SIZE], 0
        row = self.state.twaps.find(number)
        cells = self.state.twaps.cells
        filled = cells[row + TW_FILLED]
        return number, cells[row + TW_MARKET], k.ORDER_OPEN, cells[row + TW_SIZE] - filled, filled

    # -- TWAPs -------------------------------------------------------------------------------------------------------------------

    def end_twap(self, number: i64, reason: i64) -> None:
        """A TWAP is over, and a slice of it that has not come in yet is taken back. Its client id stays taken for a while."""
        state = self.state
        cells = state.twaps.cells
        row = state.twaps.find(number)
        account = cells[row + TW_ACCOUNT]
        filled = cells[row + TW_FILLED]
        if cells[row + TW_SENT] != 0:
            self.sent.recall(number, account)
            for note in self.watch.notes:
                if note.parent == number and not note.is_open:
                    filled += note.filled
        left = cells[row + TW_SIZE] - filled
        if left == 0:
            reason = k.X_FILLED
        state.log.emit(k.E_TWAP_ENDED, state.now, number, account, cells[row + TW_MARKET], filled, left, reason)
        hi = cells[row + TW_CLIENT_HI]
        lo = cells[row + TW_CLIENT_LO]
        if hi != 0 or lo != 0:
            outcome = k.ORDER_CANCELLED
            if left == 0:
                outcome = k.ORDER_FILLED
            state.own_client_ids(account).close(hi, lo, number, cells[row + TW_MARKET], outcome, filled)
        if state.brackets.find(number) != NIL:
            self.watch.tell(number, number, account, cells[row + TW_MARKET], filled, False)  # as the entry that it is
        state.schedule.cancel(TWAP_SLICE, number)
        state.twaps.remove(number, account)

    def cancel_twap(self, account: i64, number: i64) -> i64:
        """Take back one. Returns the reason of a refusal, or 0."""
        twaps = self.state.twaps
        row = twaps.find(number)
        if row == NIL or twaps.cells[row + TW_ACCOUNT] != account:
            return k.R_UNKNOWN_ORDER
        if self.state.markets[twaps.cells[row + TW_MARKET]].status == k.HALTED:
            return k.R_MARKET_HALTED
        self.end_twap(number, k.X_USER)
        return 0
