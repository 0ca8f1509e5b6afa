"""What a client hears: events of streams, and those that it makes itself to say that it has lost or found something (Gap, Disconnected,
Reconnected, Dropped). Part of types.py, which has all of it."""

from __future__ import annotations

from decimal import Decimal

from perplab.exchange.codes import CancelReason, MarketStatus, Reason, Side, TimeInForce

from .types_answers import Account, BookLevel, Ticker
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

    order_id: int  # one's own
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


class OtherEvent(AccountEvent, frozen=True, kw_only=True):
    """Any other private event of docs/api.md by its type: prices, sizes and money converted, codes by name."""

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


class StreamMessage(Event, frozen=True, kw_only=True):
    """A message of a stream without a type of its own, as docs/api.md describes it, in the wire's units."""

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
