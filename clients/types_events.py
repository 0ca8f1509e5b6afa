"""What a client hears: events of streams, and those that it makes itself to say that it has lost or found something (Gap, Disconnected,
Reconnected, Dropped). Part of types.py, which has all of it."""

from __future__ import annotations

from decimal import Decimal

from perplab.exchange.codes import AccountMode, CancelReason, MarketStatus, PriceSource, Reason, Side, TimeInForce, TriggerKind

from .types_answers import Account, BookLevel, Maintenance, Ticker
from .types_curves import ClientId, Pool, Told


class Event(Told, frozen=True, kw_only=True):
    """Base of what `events` and `next_event` give."""


class AccountEvent(Event, frozen=True, kw_only=True):
    """Something that happened to an account: of the private stream."""

    account: int  # its number
    seq: int  # of the venue's event
    ts: int  # [ns] of the venue


class AccountSnapshot(Event, frozen=True, kw_only=True):
    """How the private stream begins, and goes on after a gap."""

    state: Account


class OrderOpened(AccountEvent, frozen=True, kw_only=True):
    """Accepted; what it trades at once is told after it."""

    order_id: int
    market: str
    side: Side
    price: Decimal
    size: Decimal
    tif: TimeInForce
    reduce_only: bool
    client_id: ClientId | None
    expires: int | None = None  # [ns] when it is cancelled if it rests until then; None: never
    display: Decimal | None = None  # [coins] that it shows at a time; None: all


class OrderAmended(AccountEvent, frozen=True, kw_only=True):
    order_id: int
    market: str
    price: Decimal
    size: Decimal  # left open
    kept_priority: bool


class OrderReduced(AccountEvent, frozen=True, kw_only=True):
    """A reduce-only order shrank with its position."""

    order_id: int
    market: str
    size: Decimal  # left open


class OrderCancelled(AccountEvent, frozen=True, kw_only=True):
    order_id: int
    market: str
    size: Decimal  # that was open
    reason: CancelReason


class Fill(AccountEvent, frozen=True, kw_only=True):
    """One's own side of a trade."""

    order_id: int  # one's own; 0: none, it is the venue that closes one's position (`liquidation`)
    market: str  # its name
    side: Side  # one's own
    price: Decimal  # [USD]
    size: Decimal  # [coins]
    fee: Decimal  # [USD] below zero: a rebate
    is_maker: bool  # one's own order was resting
    liquidation: bool  # the taker is a liquidation
    value: Decimal  # [USD] price x size, exactly
    is_curve: bool = False  # with the curve of the market: the price is an average, to 28 digits, and on no grid


class Rejected(AccountEvent, frozen=True, kw_only=True):
    command: str
    market: str  # "": the command names none
    reason: Reason
    client_id: ClientId | None


class CancelScheduled(AccountEvent, frozen=True, kw_only=True):
    """The dead man's switch was set, renewed or taken back, by whoever: also each time that this client does it."""

    due: int | None  # [ns] when all orders will be cancelled; None: never


class CommandQueued(AccountEvent, frozen=True, kw_only=True):
    """A command waits for its turn; what it comes to is told by other events, then."""

    ticket: int
    command: str
    market: str  # "": it names none
    due: int | None  # [ns]; None: it waits for an oracle price that is not there yet
    client_id: ClientId | None


class LiquidityAdded(AccountEvent, frozen=True, kw_only=True):
    market: str
    amount: Decimal
    shares: int
    range_id: int  # 0: the whole curve
    lower: Decimal  # of the range
    upper: Decimal


class LiquidityRemoved(AccountEvent, frozen=True, kw_only=True):
    market: str
    shares: int
    amount: Decimal  # paid out
    range_id: int
    size: Decimal  # of the position that a range has handed over, signed
    value: Decimal  # that it has cost, signed alike


class GasPaid(AccountEvent, frozen=True, kw_only=True):
    """A command was paid for, carried out or refused."""

    command: str
    amount: Decimal
    priority_fee: Decimal


class TriggerPlaced(AccountEvent, frozen=True, kw_only=True):
    """A conditional order waits for its price: one's own, or that of a bracket. The order that it sends will have its id."""

    order_id: int
    market: str
    side: Side
    size: Decimal | None  # [coins] None: the whole position
    trigger: TriggerKind
    source: PriceSource
    price: Decimal  # [USD] where it fires; of a trailing one, where it begins to trail or has begun
    limit: Decimal | None  # [USD] of its order; None: a market order
    trail: Decimal | None  # [USD], or a share of the price, as `trigger` says; None: it does not trail
    client_id: ClientId | None


class TriggerFired(AccountEvent, frozen=True, kw_only=True):
    """The price has come; what becomes of the order follows, now or when its turn has come."""

    order_id: int
    market: str
    source: PriceSource
    source_price: Decimal  # [USD]
    size: Decimal  # [coins] of the order
    limit: Decimal | None  # [USD] its limit or the worst price of a market order; None: the edge of the price band


class TriggerCancelled(AccountEvent, frozen=True, kw_only=True):
    order_id: int
    market: str
    reason: CancelReason
    refusal: Reason | None  # why its order was refused; None: it was not


class TwapPlaced(AccountEvent, frozen=True, kw_only=True):
    """A TWAP was accepted; its first slice follows."""

    order_id: int
    market: str
    side: Side
    size: Decimal
    slices: int
    every_s: Decimal  # [s]
    ends: int  # [ns] when its last slice is due
    reduce_only: bool
    client_id: ClientId | None


class TwapSliced(AccountEvent, frozen=True, kw_only=True):
    """What a slice came to."""

    order_id: int  # of the TWAP
    market: str
    done: int  # slices whose time has come
    slice_order_id: int  # 0: it was not sent, or refused
    size: Decimal  # [coins] of the slice; 0: it was not sent
    filled: Decimal  # [coins] of the TWAP so far
    left: Decimal  # [coins]
    refusal: Reason | None


class TwapEnded(AccountEvent, frozen=True, kw_only=True):
    order_id: int
    market: str
    filled: Decimal
    left: Decimal  # [coins] that are not traded any more
    reason: CancelReason  # FILLED: all has traded


class QuoteRefused(AccountEvent, frozen=True, kw_only=True):
    """One of the quotes of a mass quote does not stand; one that had stood at its price is cancelled."""

    market: str
    side: Side
    number: int  # of the quote in its request, from 1
    price: Decimal
    size: Decimal
    reason: Reason


class ProtectionTriggered(AccountEvent, frozen=True, kw_only=True):
    """So much of one's quotes in a market was filled that all of them are cancelled; `set_quote_protection` lets new ones in again."""

    market: str
    fills: int  # within the window
    size: Decimal  # [coins]


class MarginAlert(AccountEvent, frozen=True, kw_only=True):
    """Equity / maintenance of the cross positions in an asset has crossed the threshold of an alert."""

    asset: str
    number: int  # of the alert
    is_below: bool  # False: it is above again, or has closed its positions; a liquidation that left none is never told as that
    equity: Decimal
    maintenance: Decimal


class AccountModeSet(AccountEvent, frozen=True, kw_only=True):
    """The account's kill switch was set, or cleared (NORMAL)."""

    mode: AccountMode


class OtherEvent(AccountEvent, frozen=True, kw_only=True):
    """A private event of a newer server, or one of known type in words that this client does not know: prices, sizes and money converted
    as far as they are known, all else as the wire has it. `type`, `seq` and `ts` are "" and 0 where it says none."""

    type: str
    data: dict[str, object]


class BookChanged(Event, frozen=True, kw_only=True):
    """The local book of a market is another one now."""

    market: str
    is_snapshot: bool
    conflated: int = 0  # messages that a snapshot stands for


class Trade(Event, frozen=True, kw_only=True):
    """A trade of the stream `trades`. The first message of that stream tells the last ones before it: `is_past`."""

    market: str
    ts: int
    price: Decimal
    size: Decimal
    taker_side: Side
    liquidation: bool
    is_past: bool
    value: Decimal  # price x size, exactly
    is_curve: bool = False  # the maker is the curve of the market: the price is an average, to 28 digits


class BestPrices(Event, frozen=True, kw_only=True):
    """Of the stream `bbo`; None: that side is empty."""

    market: str
    bid: BookLevel | None
    ask: BookLevel | None


class TickerChanged(Event, frozen=True, kw_only=True):
    ticker: Ticker


class PoolChanged(Event, frozen=True, kw_only=True):
    pool: Pool


class StatusChanged(Event, frozen=True, kw_only=True):
    market: str
    status: MarketStatus
    maintenance: Maintenance | None = None  # the window that begins or ends next; None: none is ahead, or not told


class StreamMessage(Event, frozen=True, kw_only=True):
    """A message of a stream, or an item of one, that a newer server has or that this client cannot read, in the wire's units."""

    channel: str
    data: dict[str, object]


class Gap(Event, frozen=True, kw_only=True):
    """Something of a stream was missed. A book, and a private stream, begin anew by themselves: a snapshot follows."""

    channel: str
    market: str  # "": not of a market
    why: str


class Disconnected(Event, frozen=True, kw_only=True):
    why: str


class Reconnected(Event, frozen=True, kw_only=True):
    """Logged in and subscribed as before."""

    is_new_epoch: bool  # the server was started anew, or went back to an earlier state: numbers of events begin again


class Rewound(Event, frozen=True, kw_only=True):
    """The operator has let the venue go back to an earlier state. What each stream has now follows; numbers of events begin anew."""

    snapshot: str  # the name of that state
    ts: int  # [ns] the venue's time now


class Dropped(Event, frozen=True, kw_only=True):
    """Nobody read events for so long that the oldest were thrown away."""

    count: int
