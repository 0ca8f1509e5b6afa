"""What happens when accounts are liquidated, and who pays."""

from __future__ import annotations

from typing import ClassVar

from .codes import MethodCode, OutcomeCode, PayerCode
from .fields import Event


class LiquidationStarted(Event, frozen=True, gc=False):
    """`market` is -1 for a cross account, else the isolated position's."""

    KIND: ClassVar[int] = 21
    account: int
    market: int
    equity: int  # [micro]
    maintenance: int  # [micro]
    notional: int  # [micro]


class LiquidationEnded(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 22
    account: int
    market: int  # -1: a cross account
    outcome: OutcomeCode


class Liquidated(Event, frozen=True, gc=False):
    """A slice of a liquidated position is closed or handed on. `value` is what it fetched or cost, `deficit` what its share of
    the account could not pay (bad debt), `fee` the liquidation fee."""

    KIND: ClassVar[int] = 23
    account: int
    market: int
    method: MethodCode
    size: int  # [lots] signed: the position closed
    value: int  # [micro]
    deficit: int  # [micro]
    fee: int  # [micro]


class AuctionStarted(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 24
    auction: int
    account: int  # whose positions are on offer
    market: int  # -1: a cross account
    equity: int  # [micro]
    maintenance: int  # [micro]


class AuctionTaken(Event, frozen=True, gc=False):
    """`gain` is what the bidder got against the mark: the discount, or the payment less the loss taken on."""

    KIND: ClassVar[int] = 25
    auction: int
    account: int  # whose positions these were
    bidder: int
    share_ppm: int  # of the account as it was at this bid
    gain: int  # [micro]
    paid: int  # by the cash payers behind the auction


class AuctionEnded(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 26
    auction: int
    account: int
    market: int  # -1: a cross account
    outcome: OutcomeCode


class TakenOver(Event, frozen=True, gc=False):
    """The vault took a position over at the mark."""

    KIND: ClassVar[int] = 27
    account: int
    vault: int
    market: int
    size: int  # [lots] signed
    value: int  # [micro]


class Deleveraged(Event, frozen=True, gc=False):
    """`winner` was closed against `loser`. `profit` is what the winner realised, `conceded` the difference to the mark."""

    KIND: ClassVar[int] = 28
    loser: int
    winner: int
    market: int
    size: int  # [lots] closed, unsigned
    value: int  # [micro]
    profit: int  # [micro]
    conceded: int  # [micro]
    mark: int  # [ticks]


class DeficitPaid(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 29
    account: int  # whose deficit it was
    market: int
    payer: PayerCode
    amount: int  # [micro]


class LossSocialized(Event, frozen=True, gc=False):
    """`accrual_delta` in 2^-accrual_shift micro-units per open lot, both sides. Lots that were closed against the loser in the same slice
    pay the same, at once: a `PositionSettled` each."""

    KIND: ClassVar[int] = 30
    market: int
    amount: int  # [micro]
    open_lots: int  # [lots] of one side
    accrual_delta: int
    closed_amount: int  # [micro] of `amount`: paid for lots closed in the slice
    spared_lots: int  # [lots] of both sides that are open and share nothing: the loser's own, and those opened in the slice


class SurplusPaid(Event, frozen=True, gc=False):
    """What was left of a liquidated account, or a liquidation fee, went to a system account."""

    KIND: ClassVar[int] = 32
    account: int
    to: int
    asset: int
    amount: int  # [micro]


class CollateralSold(Event, frozen=True, gc=False):
    """An asset that stood in for cash was sold for what its account owes."""

    KIND: ClassVar[int] = 45
    account: int
    asset: int
    market: int  # the spot market of the asset
    amount: int  # [micro] of the asset
    value: int  # [micro] that it fetched
    method: MethodCode  # BOOK; or TAKEOVER: the insurance fund has it now
