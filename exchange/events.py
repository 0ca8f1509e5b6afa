"""Everything that happens, as typed events. Packed, an event is one row: [kind, seq, ts, fields in declared order, zeros]."""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec import Struct
from msgspec.structs import fields


class Event(Struct, frozen=True, gc=False):
    """Base of all events; `seq` has no gaps."""

    KIND: ClassVar[int] = 0
    seq: int
    ts: int


class Rejected(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 1
    command: int
    account: int
    market: int
    reason: int
    client_hi: int
    client_lo: int


class AccountOpened(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 2
    account: int
    account_kind: int
    owner: int


class Deposited(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 3
    account: int
    asset: int
    amount: int


class Withdrawn(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 4
    account: int
    asset: int
    amount: int


class Transferred(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 5
    account: int
    to: int
    asset: int
    amount: int


class OrderPlaced(Event, frozen=True, gc=False):
    """The order was accepted, before it matches. `size` is after the cut of a reduce-only order to its position."""

    KIND: ClassVar[int] = 6
    order_id: int
    account: int
    market: int
    side: int
    price: int
    size: int
    tif: int
    reduce_only: int
    client_hi: int
    client_lo: int


class OrderRepeated(Event, frozen=True, gc=False):
    """The client id was in use: this is the first order that had it."""

    KIND: ClassVar[int] = 7
    order_id: int
    account: int
    state: int
    open_size: int
    filled: int
    client_hi: int
    client_lo: int


class OrderAmended(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 8
    order_id: int
    account: int
    market: int
    price: int
    size: int
    kept_priority: int


class OrderReduced(Event, frozen=True, gc=False):
    """A resting reduce-only order shrank with its position."""

    KIND: ClassVar[int] = 9
    order_id: int
    account: int
    market: int
    size: int


class OrderCancelled(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 10
    order_id: int
    account: int
    market: int
    size: int
    reason: int


class Traded(Event, frozen=True, gc=False):
    """One fill. `taker_side` is that of the taker; a fee below zero is a rebate. A liquidation order has `liquidation` = 1."""

    KIND: ClassVar[int] = 11
    market: int
    price: int
    size: int
    taker_side: int
    taker: int
    maker: int
    taker_order_id: int
    maker_order_id: int
    taker_fee: int
    maker_fee: int
    maker_left: int
    liquidation: int


class LeverageSet(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 12
    account: int
    market: int
    leverage: int


class MarginModeSet(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 13
    account: int
    market: int
    mode: int


class IsolatedMarginMoved(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 14
    account: int
    market: int
    amount: int
    margin: int


class BlockTraded(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 15
    buyer: int
    seller: int
    market: int
    size: int
    price: int


class OracleUpdated(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 16
    market: int
    price: int
    previous: int


class MarkMoved(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 17
    market: int
    mark: int
    previous: int


class FundingSampled(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 18
    market: int
    premium_ppt: int


class FundingCharged(Event, frozen=True, gc=False):
    """Longs pay `rate_ppt` of `price` per lot (shorts when negative). `index_delta` is that in 2^-index_shift micro per lot."""

    KIND: ClassVar[int] = 19
    market: int
    rate_ppt: int
    price: int
    index_delta: int


class PositionSettled(Event, frozen=True, gc=False):
    """The lazily settled part of funding and socialised loss was paid (amount > 0) or received."""

    KIND: ClassVar[int] = 20
    account: int
    market: int
    amount: int


class LiquidationStarted(Event, frozen=True, gc=False):
    """`market` is -1 for a cross account, else the isolated position's."""

    KIND: ClassVar[int] = 21
    account: int
    market: int
    equity: int
    maintenance: int
    notional: int


class LiquidationEnded(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 22
    account: int
    market: int
    outcome: int


class Liquidated(Event, frozen=True, gc=False):
    """A slice of a liquidated position is closed or handed on. `value` is what it fetched or cost, `deficit` what its share of
    the account could not pay (bad debt), `fee` the liquidation fee."""

    KIND: ClassVar[int] = 23
    account: int
    market: int
    method: int
    size: int  # signed: the position closed
    value: int
    deficit: int
    fee: int


class AuctionStarted(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 24
    auction: int
    account: int
    market: int
    equity: int
    maintenance: int


class AuctionTaken(Event, frozen=True, gc=False):
    """`gain` is what the bidder got against the mark: the discount, or the payment less the loss taken on."""

    KIND: ClassVar[int] = 25
    auction: int
    account: int
    bidder: int
    share_ppm: int  # of the account as it was at this bid
    gain: int
    paid: int  # by the cash payers behind the auction


class AuctionEnded(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 26
    auction: int
    account: int
    market: int
    outcome: int


class TakenOver(Event, frozen=True, gc=False):
    """The vault took a position over at the mark."""

    KIND: ClassVar[int] = 27
    account: int
    vault: int
    market: int
    size: int
    value: int


class Deleveraged(Event, frozen=True, gc=False):
    """`winner` was closed against `loser`. `profit` is what the winner realised, `conceded` the difference to the mark."""

    KIND: ClassVar[int] = 28
    loser: int
    winner: int
    market: int
    size: int  # [lots] closed, unsigned
    value: int
    profit: int
    conceded: int
    mark: int


class DeficitPaid(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 29
    account: int
    market: int
    payer: int
    amount: int


class LossSocialized(Event, frozen=True, gc=False):
    """`index_delta` in 2^-index_shift micro-units per open lot, both sides."""

    KIND: ClassVar[int] = 30
    market: int
    amount: int
    open_lots: int
    index_delta: int


class MarketStatusChanged(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 31
    market: int
    status: int
    price: int


class SurplusPaid(Event, frozen=True, gc=False):
    """What was left of a liquidated account, or a liquidation fee, went to a system account."""

    KIND: ClassVar[int] = 32
    account: int
    to: int
    asset: int
    amount: int


# Who is told of an event: the accounts that these fields name, or everyone. What an account field means is up to the event; all
# that are named are told, so that nobody learns of a change of its own account from somewhere else.
EVERYONE: Final[tuple[str, ...]] = ()
OWN: Final[tuple[str, ...]] = ("account",)
AUDIENCE: Final[dict[type[Event], tuple[str, ...]]] = {
    Rejected: OWN,
    AccountOpened: OWN,
    Deposited: OWN,
    Withdrawn: OWN,
    Transferred: ("account", "to"),
    OrderPlaced: OWN,
    OrderRepeated: OWN,
    OrderAmended: OWN,
    OrderReduced: OWN,
    OrderCancelled: OWN,
    Traded: ("taker", "maker"),
    LeverageSet: OWN,
    MarginModeSet: OWN,
    IsolatedMarginMoved: OWN,
    BlockTraded: ("buyer", "seller"),
    OracleUpdated: EVERYONE,
    MarkMoved: EVERYONE,
    FundingSampled: EVERYONE,
    FundingCharged: EVERYONE,
    PositionSettled: OWN,
    LiquidationStarted: OWN,
    LiquidationEnded: OWN,
    Liquidated: OWN,
    AuctionStarted: EVERYONE,  # whoever may bid
    AuctionTaken: ("account", "bidder"),
    AuctionEnded: EVERYONE,
    TakenOver: ("account", "vault"),
    Deleveraged: ("loser", "winner"),
    DeficitPaid: OWN,
    LossSocialized: EVERYONE,
    MarketStatusChanged: EVERYONE,
    SurplusPaid: ("account", "to"),
}

EVENTS: Final[tuple[type[Event], ...]] = tuple(Event.__subclasses__())
EVENT_OF: Final[dict[int, type[Event]]] = {e.KIND: e for e in EVENTS}
EVENT_WIDTH: Final[dict[int, int]] = {e.KIND: len(fields(e)) for e in EVENTS}


AUDIENCE_COLUMNS: Final[dict[int, tuple[int, ...]]] = {
    event.KIND: tuple(column for column, field in enumerate(fields(event), start=1) if field.name in names)
    for event, names in AUDIENCE.items()
}


def audience(row: list[int]) -> list[int] | None:
    """The accounts that are told of a packed event, each once, in the order of its fields; None: everyone is."""
    columns = AUDIENCE_COLUMNS[row[0]]
    return list(dict.fromkeys(row[column] for column in columns)) if columns else None


def event_of_row(row: list[int]) -> Event:
    kind = row[0]
    return EVENT_OF[kind](*row[1 : EVENT_WIDTH[kind] + 1])
