"""Everything that happens, as typed events. Packed, an event is one row: [kind, seq, ts, fields in declared order, zeros].

Prices are ticks, sizes lots, money micro-units of the event's asset, or of what its market settles in. A field that holds a code
says which (`side: SideCode`, see codes.py). AUDIENCE in audience.py says who is told of an event.
"""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec.structs import fields

from .codes import (
    AccountKindCode,
    CancelReasonCode,
    Coded,
    CommandCode,
    FundingModeCode,
    MarginModeCode,
    MarketStatusCode,
    MethodCode,
    OrderStateCode,
    OutcomeCode,
    PayerCode,
    ReasonCode,
    SideCode,
    TimeInForceCode,
)


class Event(Coded, frozen=True, gc=False):
    """Base of all events; `seq` has no gaps."""

    KIND: ClassVar[int] = 0
    seq: int
    ts: int  # [ns]


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


class OrderPlaced(Event, frozen=True, gc=False):
    """The order was accepted, before it matches. `size` is after the cut of a reduce-only order to its position."""

    KIND: ClassVar[int] = 6
    order_id: int
    account: int
    market: int
    side: SideCode
    price: int  # [ticks]
    size: int  # [lots]
    tif: TimeInForceCode
    reduce_only: int  # 0 or 1
    client_hi: int  # 0 and 0: none
    client_lo: int


class OrderRepeated(Event, frozen=True, gc=False):
    """The client id was in use: this is the first order that had it."""

    KIND: ClassVar[int] = 7
    order_id: int
    account: int
    market: int  # of that order, which may be another than the one that was asked for
    state: OrderStateCode
    open_size: int  # [lots] 0 once it is closed
    filled: int  # [lots]
    client_hi: int
    client_lo: int


class OrderAmended(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 8
    order_id: int
    account: int
    market: int
    price: int  # [ticks]
    size: int  # [lots] left open
    kept_priority: int  # 0 or 1


class OrderReduced(Event, frozen=True, gc=False):
    """A resting reduce-only order shrank with its position."""

    KIND: ClassVar[int] = 9
    order_id: int
    account: int
    market: int
    size: int  # [lots] left open


class OrderCancelled(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 10
    order_id: int
    account: int
    market: int
    size: int  # [lots] that were open
    reason: CancelReasonCode


class Traded(Event, frozen=True, gc=False):
    """One fill. `taker_side` is that of the taker; a fee below zero is a rebate. A liquidation order has `liquidation` = 1."""

    KIND: ClassVar[int] = 11
    market: int
    price: int  # [ticks]
    size: int  # [lots]
    taker_side: SideCode
    taker: int
    maker: int
    taker_order_id: int
    maker_order_id: int
    taker_fee: int  # [micro]
    maker_fee: int  # [micro]
    maker_left: int  # [lots] open of the maker's order afterwards
    liquidation: int  # 1: the taker is a liquidation


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


class OracleUpdated(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 16
    market: int
    price: int  # [ticks]
    previous: int  # [ticks] 0: none


class MarkMoved(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 17
    market: int
    mark: int  # [ticks]
    previous: int  # [ticks] 0: none


class FundingSampled(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 18
    market: int
    premium_ppt: int  # [1e-12]


class FundingCharged(Event, frozen=True, gc=False):
    """Longs pay `rate_ppt` of `price` per lot (shorts when negative), times the share of the interval in which samples were taken.
    `accrual_delta` is that in 2^-accrual_shift micro per lot. A payment that falls due in a halt is told with a rate of 0, and waits.

    Shorts receive the same, less `pool_delta` per lot: that much more a long and a short lot together pay than receive (less, if negative).
    Over all lots it is `to_pool`, which goes to the pool of the market's curve at once."""

    KIND: ClassVar[int] = 19
    market: int
    rate_ppt: int  # [1e-12]
    price: int  # [ticks]
    accrual_delta: int
    pool_delta: int  # [2^-accrual_shift micro per lot of one side] 0: longs pay what shorts receive
    to_pool: int  # [micro] signed


class PositionSettled(Event, frozen=True, gc=False):
    """The lazily settled part of funding and socialised loss was paid (amount > 0) or received."""

    KIND: ClassVar[int] = 20
    account: int
    market: int
    amount: int  # [micro] signed


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


class MarketStatusChanged(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 31
    market: int
    status: MarketStatusCode
    price: int  # [ticks] at which positions were closed, if it is SETTLED


class SurplusPaid(Event, frozen=True, gc=False):
    """What was left of a liquidated account, or a liquidation fee, went to a system account."""

    KIND: ClassVar[int] = 32
    account: int
    to: int
    asset: int
    amount: int  # [micro]


class CancelScheduled(Event, frozen=True, gc=False):
    """The account's dead man's switch was set, set anew, or taken back."""

    KIND: ClassVar[int] = 33
    account: int
    due: int  # [ns] when all its orders will be cancelled; 0: never


class Debited(Event, frozen=True, gc=False):
    """The operator took money from an account, whatever its margin."""

    KIND: ClassVar[int] = 34
    account: int
    asset: int
    amount: int  # [micro]
    market: int  # whose isolated margin it was; -1: it was cash


class FundingSet(Event, frozen=True, gc=False):
    """The operator said what a market charges for funding."""

    KIND: ClassVar[int] = 35
    market: int
    mode: FundingModeCode
    rate_ppt: int  # per funding interval


class CurveTraded(Event, frozen=True, gc=False):
    """An order traded with the curve of its market: `size` lots for `value`, which is exact; the price is the average, rounded down."""

    KIND: ClassVar[int] = 36
    market: int
    price: int  # [ticks]
    size: int  # [lots]
    side: SideCode  # of the order
    taker: int
    order_id: int  # 0: the venue's own
    value: int  # [micro]
    taker_fee: int  # [micro]
    pool_fee: int  # [micro] of that, to the pool
    liquidation: int  # 1: the venue closed a position
    inventory: int  # [lots] that the curve holds after it, signed


class CurveMoved(Event, frozen=True, gc=False):
    """A curve has moved its price or its depth by itself, at a cost to its pool."""

    KIND: ClassVar[int] = 37
    market: int
    price: int  # [ticks] in the middle of its quotes, before
    after: int  # [ticks] and after
    cost: int  # [micro] taken from its budget; negative: given to it
    depth_ppm: int  # the root of k after it, in ppm of that before


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


class CommandQueued(Event, frozen=True, gc=False):
    """A command waits for its turn, as the venue's sequencing has it."""

    KIND: ClassVar[int] = 40
    ticket: int
    command: CommandCode
    account: int
    market: int  # -1: the command names none
    due: int  # [ns] when it will be carried out; -1: with an oracle price that is not there yet
    client_hi: int
    client_lo: int


class TakerAuctionStarted(Event, frozen=True, gc=False):
    """An order that would take is auctioned first: its limit goes from `start` to `end`, and whoever rests at a better price fills it."""

    KIND: ClassVar[int] = 41
    account: int
    market: int
    order_id: int
    side: SideCode
    size: int  # [lots]
    start: int  # [ticks]
    end: int  # [ticks]
    ends: int  # [ns]


class BatchCleared(Event, frozen=True, gc=False):
    """A batch auction ended: what traded, and the one price of it."""

    KIND: ClassVar[int] = 42
    market: int
    price: int  # [ticks]; 0: nothing traded
    size: int  # [lots]
    bid_size: int  # [lots] of buys that would have traded at that price
    ask_size: int  # [lots] of sells


class GasPaid(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 43
    account: int
    command: CommandCode
    amount: int  # [micro]
    priority_fee: int  # [micro]


class GasSet(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 44
    multiplier_ppm: int


EVENTS: Final[tuple[type[Event], ...]] = tuple(Event.__subclasses__())
EVENT_OF: Final[dict[int, type[Event]]] = {e.KIND: e for e in EVENTS}
EVENT_WIDTH: Final[dict[int, int]] = {e.KIND: len(fields(e)) for e in EVENTS}


def event_of_row(row: list[int]) -> Event:
    kind = row[0]
    return EVENT_OF[kind](*row[1 : EVENT_WIDTH[kind] + 1])
