"""Deposits, withdrawals and transfers that take their time, and who may send money where. Money under way is in the account TRANSIT.

It is nobody's margin meanwhile, and can be neither stopped nor taken: not by a liquidation, a kill switch or the closing of its way. Where
a design has no delay the money arrives at once.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..schema import kinds as k
from ..state.schedule import PAYMENT
from ..state.state import State
from ..state.tables import P_MARKET, P_NEXT, P_SHARES, P_SIZE
from ..state.transit import MAX_PAYMENTS, Y_ACCOUNT, Y_AMOUNT, Y_ASSET, Y_COMMAND, Y_TO, Payments
from ..state.types import NIL, TRANSIT

OPEN: Final[i64] = 0  # who may: everybody
GUARDED: Final[i64] = 1  # withdrawals: who holds and offers nothing; transfers: to accounts of the same owner
CLOSED: Final[i64] = 2  # nobody


class PaymentDesk:
    def __init__(self, state: State, ledger: Ledger) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.payments: Payments = state.payments
        self.deposit_delay: i64 = 0  # [ns]
        self.withdraw_delay: i64 = 0
        self.transfer_delay: i64 = 0
        self.withdrawals: i64 = OPEN
        self.transfers: i64 = OPEN

    # -- gates: the reason of a refusal, 0 if there is none ----------------------------------------------------------------------------

    def refused_withdrawal(self, account: i64) -> i64:
        if self.withdrawals == CLOSED:
            return k.R_WITHDRAWALS_CLOSED
        if self.withdrawals == GUARDED and not self.is_flat(account):
            return k.R_NOT_FLAT
        return self.refused_another(account, self.withdraw_delay)

    def refused_transfer(self, account: i64, to: i64) -> i64:
        if self.withdrawals == GUARDED and not self.is_flat(account):
            return k.R_NOT_FLAT  # else it would leave by way of an account that is
        if self.transfers == CLOSED:
            return k.R_TRANSFERS_CLOSED
        owner = self.state.accounts.owner
        if self.transfers == GUARDED and owner[account] != owner[to]:
            return k.R_NOT_SAME_OWNER
        return self.refused_another(account, self.transfer_delay)

    def refused_another(self, account: i64, delay: i64) -> i64:
        """Else one account could fill the schedule."""
        if delay == 0 or self.payments.count(account) < MAX_PAYMENTS:
            return 0
        return k.R_TOO_MANY_PAYMENTS if self.payments.count_sent(account) >= MAX_PAYMENTS else 0

    def is_flat(self, account: i64, but: i64 = NIL) -> bool:
        """Has the account no positions and no liquidity, no orders, waiting and auctioned ones included, and nothing that sends some?
        `but`: a market whose position does not count."""
        state = self.state
        if state.accounts.open_orders[account] + state.pending.count(account) + state.taker_auctions.count(account) != 0:
            return False
        if state.triggers.count(account) + state.twaps.count(account) + state.brackets.count(account) != 0:
            return False
        row = state.accounts.first_position[account]
        while row != NIL:
            cells = state.positions.cells
            if cells[row + P_SHARES] != 0 or (cells[row + P_SIZE] != 0 and cells[row + P_MARKET] != but):
                return False
            row = state.positions.cells[row + P_NEXT]
        for market in state.markets:
            for one in market.pool.ranges.ranges:
                if one.owner == account:
                    return False
        return True

    # -- under way ---------------------------------------------------------------------------------------------------------------------

    def send(self, command: i64, account: i64, to: i64, asset: i64, amount: i64, delay: i64) -> None:
        """Money that has come to TRANSIT arrives after a delay [ns]."""
        state = self.state
        number = self.payments.send(command, account, to, asset, amount)
        due = state.now + delay
        state.schedule.set(PAYMENT, number, due)
        state.log.emit(k.E_PAYMENT_SENT, state.now, number, command, account, to, asset, amount, due)

    def arrive(self, number: i64) -> i64:
        """A payment is due. Returns the account that has its money now; NIL: it has left the venue."""
        state = self.state
        row = self.payments.find(number)
        cells = self.payments.cells
        account = cells[row + Y_ACCOUNT]
        to = cells[row + Y_TO]
        asset = cells[row + Y_ASSET]
        amount = cells[row + Y_AMOUNT]
        command = cells[row + Y_COMMAND]
        self.payments.remove(number, account)
        if to == NIL:
            self.ledger.withdraw(TRANSIT, asset, amount)
        else:
            self.ledger.move(TRANSIT, to, asset, amount)
        state.log.emit(k.E_PAYMENT_ARRIVED, state.now, number, command, account, to, asset, amount)
        return to
