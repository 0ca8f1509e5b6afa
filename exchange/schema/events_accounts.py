"""What happens to accounts: money, positions, settings, liquidity, and refusals."""

from __future__ import annotations

from typing import ClassVar

from .codes import AccountKindCode, AccountModeCode, CommandCode, MarginModeCode, ReasonCode
from .fields import Event


class Rejected(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 1
    command: CommandCode
    account: int  # -1: the command names none
    market: int  # -1: the command names none
    reason: ReasonCode
    client_hi: int  # of Place and CancelClient, else 0
    client_lo: int


class AccountOpened(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 2
    account: int
    account_kind: AccountKindCode
    owner: int  # the shell's number for whoever it belongs to
    master: int  # the account that has opened it; -1: it is no sub-account


class Deposited(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 3
    account: int
    asset: int
    amount: int  # [micro]


class Withdrawn(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 4
    account: int
    asset: int
    amount: int  # [micro]


class Transferred(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 5
    account: int
    to: int
    asset: int
    amount: int  # [micro]


class LeverageSet(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 12
    account: int
    market: int
    leverage: int


class MarginModeSet(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 13
    account: int
    market: int
    mode: MarginModeCode


class IsolatedMarginMoved(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 14
    account: int
    market: int
    amount: int  # [micro] signed: added or removed
    margin: int  # [micro] afterwards


class BlockTraded(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 15
    buyer: int
    seller: int
    market: int
    size: int  # [lots]
    price: int  # [ticks]


class PositionSettled(Event, frozen=True, gc=False):
    """The lazily settled part of funding and socialised loss was paid (amount > 0) or received."""

    KIND: ClassVar[int] = 20
    account: int
    market: int
    amount: int  # [micro] signed


class Debited(Event, frozen=True, gc=False):
    """The operator took money from an account, whatever its margin."""

    KIND: ClassVar[int] = 34
    account: int
    asset: int
    amount: int  # [micro]
    market: int  # whose isolated margin it was; -1: it was cash


class LiquidityAdded(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 38
    account: int
    market: int
    amount: int  # [micro]
    shares: int  # of the pool; of a range its liquidity
    range_id: int  # 0: the whole curve
    lower: int  # [ticks]
    upper: int  # [ticks]


class LiquidityRemoved(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 39
    account: int
    market: int
    shares: int
    amount: int  # [micro] paid out
    range_id: int
    lots: int  # [lots] of the position that a range hands to its owner, signed
    value: int  # [micro] that it has cost, signed alike


class GasPaid(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 43
    account: int
    command: CommandCode
    amount: int  # [micro]
    priority_fee: int  # [micro]


class AccountModeSet(Event, frozen=True, gc=False):
    """An account's kill switch was set, or cleared."""

    KIND: ClassVar[int] = 54
    account: int
    mode: AccountModeCode


class MarginAlertSet(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 55
    account: int
    asset: int
    number: int
    threshold_ppm: int  # 0: it was taken back
    hysteresis_ppm: int


class MarginAlert(Event, frozen=True, gc=False):
    """Equity / maintenance of an account's cross positions in an asset has crossed the threshold of one of its alerts."""

    KIND: ClassVar[int] = 56
    account: int
    asset: int
    number: int
    below: int  # 1: it has fallen below; 0: it is above again, or it has closed its positions: never since a liquidation has left none
    equity: int  # [micro]
    maintenance: int  # [micro]


class PaymentSent(Event, frozen=True, gc=False):
    """A deposit, withdrawal or transfer is under way: the money has left where it was, and is nobody's until it arrives."""

    KIND: ClassVar[int] = 63
    number: int
    command: CommandCode
    account: int
    to: int  # who receives it; -1: it leaves the venue
    asset: int
    amount: int  # [micro]
    due: int  # [ns] when it arrives


class PaymentArrived(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 64
    number: int
    command: CommandCode
    account: int
    to: int  # -1: it has left the venue
    asset: int
    amount: int  # [micro]
