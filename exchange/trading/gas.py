"""What commands cost: gas, by their class, and the fee that a command offers for an earlier place in a block. Both go to FEES.

They are paid in the first asset, out of cash, when the command is carried out, whether it is refused or not. Nobody pays himself below
maintenance: the losses of an account that has given its margin away would be everybody's. Gas rounds up.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.margin import cross_equity, cross_maintenance
from ..schema import columns as c
from ..schema import kinds as k
from ..schema.door import COMMAND_KINDS
from ..state.packed import column
from ..state.state import State
from ..state.types import FEES, NIL, ppm_ceil
from .access import refused_user
from .quoting import quoted


def priority_fee(rows: vec[i64], at: i64) -> i64:
    """[micro] What the command that begins at `at` offers."""
    kind = rows[at + c.KIND]
    if kind == k.C_PLACE:
        return rows[at + c.PLACE_PRIORITY_FEE]
    if kind == k.C_AMEND:
        return rows[at + c.AMEND_PRIORITY_FEE]
    if kind == k.C_CANCEL:
        return rows[at + c.CANCEL_PRIORITY_FEE]
    if kind == k.C_CANCEL_CLIENT:
        return rows[at + c.CANCEL_CLIENT_PRIORITY_FEE]
    return rows[at + c.CANCEL_ALL_PRIORITY_FEE] if kind == k.C_CANCEL_ALL else 0


class GasDesk:
    def __init__(self, state: State, ledger: Ledger, place: i64, amend: i64, cancel: i64, liquidity: i64) -> None:
        self.state: State = state
        self.ledger: Ledger = ledger
        self.costs: vec[i64] = column(COMMAND_KINDS, 0)  # [micro] by kind of command
        self.costs[k.C_PLACE] = place
        self.costs[k.C_MASS_QUOTE] = place  # of each quote
        self.costs[k.C_AMEND] = amend
        self.costs[k.C_CANCEL] = cancel
        self.costs[k.C_CANCEL_CLIENT] = cancel
        self.costs[k.C_CANCEL_ALL] = cancel
        self.costs[k.C_ADD_LIQUIDITY] = liquidity
        self.costs[k.C_REMOVE_LIQUIDITY] = liquidity
        self.any: bool = place + amend + cancel + liquidity > 0

    def charge(self, rows: vec[i64], at: i64, sells_places: bool) -> i64:
        """Let the account pay for the command that begins at `at`; returns the reason of a refusal, or 0."""
        state = self.state
        kind = rows[at + c.KIND]
        cost = self.costs[kind]
        if kind == k.C_MASS_QUOTE:
            count = quoted(rows, at)
            cost = self.costs[k.C_CANCEL] if count == 0 else cost * count
        gas = ppm_ceil(cost, state.gas_ppm)  # <= 5e9 x 1e6
        fee: i64 = 0
        if sells_places:
            fee = priority_fee(rows, at)
        account = rows[at + c.PLACE_ACCOUNT]  # all of them have it there
        if gas + fee == 0 or refused_user(state, account) != 0:
            return 0
        if self.payable(account) < gas + fee:
            return k.R_INSUFFICIENT_GAS
        self.ledger.move(account, FEES, 0, gas + fee)
        state.log.emit(k.E_GAS_PAID, state.now, account, kind, gas, fee)
        return 0

    def payable(self, account: i64) -> i64:
        """[micro] As much cash as can go without taking the account below maintenance."""
        state = self.state
        cash = state.accounts.cash[account * state.accounts.assets]
        if state.accounts.first_position[account] == NIL:
            return cash
        free = cross_equity(state, account, 0) - cross_maintenance(state, account, 0)
        return cash if cash < free else free

    def set(self, multiplier_ppm: i64) -> i64:
        """From now on commands cost this multiple of what the design says."""
        self.state.gas_ppm = multiplier_ppm
        self.state.log.emit(k.E_GAS_SET, self.state.now, multiplier_ppm)
        return 0
