"""What a client hands out: frozen structs. Prices are USD, sizes coins, money USD, all as Decimal; times are ns of the venue's clock.

Two families: answers (Order, Account, Ticker, ...), and events, which streams bring and which a client makes itself to say that it has
lost or found something (Gap, Disconnected, Reconnected, Dropped).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from perplab.exchange.codes import CancelReason, MarginMode, MarketStatus, OrderState, OrderType, Reason, SelfTrade, Side, TimeInForce

from .types_curves import ClientId as ClientId
from .types_curves import Gas as Gas
from .types_curves import Liquidity as Liquidity
from .types_curves import LiquidityChange as LiquidityChange
from .types_curves import Pool as Pool
from .types_curves import PoolLevel as PoolLevel
from .types_curves import Queued as Queued
from .types_curves import Sequencing as Sequencing
from .types_curves import Told as Told
from .types_curves import Waiting as Waiting
from .units import Market, Number


class Credentials(NamedTuple):
    """What to log in with the next time; None, where a name was enough."""

    key: str | None
    secret: str | None


class Venue(Struct, frozen=True):
    """Which venue this is."""

    name: str
    title: str
    assets: tuple[str, ...]
    markets: dict[str, Market]  # by name
    epoch: str  # another one means that the numbers of events began anew
    sequencing: Sequencing = Sequencing()
    gas: Gas = Gas()

    def market(self, named: str) -> Market:
        """Raises ValueError for a name that is not known."""
        if named not in self.markets:
            raise ValueError(f"there is no market {named!r}; there are {', '.join(self.markets)}")
        return self.markets[named]

    def numbered(self, number: int) -> Market:
        """The market that the wire calls by this number. Raises IndexError."""
        if number < 0:
            raise IndexError(f"there is no market {number}")
        return list(self.markets.values())[number]


# -- answers --


class Order(Told, frozen=True, kw_only=True):
    """An order as of the reply, or of the snapshot, that told of it."""

    order_id: int  # the venue's number of it; 0: not placed yet, or it waits
    market: str  # its name
    side: Side | None  # None: of an order that this client has neither placed nor been told of, asked for by its id
    price: Decimal | None  # [USD] None: not known, as with side; or a market order without a worst price
    filled: Decimal  # [coins] by the request that this answers; of questions, in all
    open: Decimal  # [coins] that still wait
    state: OrderState  # OPEN, FILLED or CANCELLED
    average_price: Decimal | None = None  # [USD] of what `filled` counts, to 28 digits; None: nothing, or not told (lists, repeats)
    client_id: ClientId | None = None  # of its sender's; None: it has none, or it is not known
    reduce_only: bool = False  # it only ever reduces a position
    tif: TimeInForce = TimeInForce.GTC  # GTC, IOC (as any market order that is not FOK), FOK, POST_ONLY or RPI
    auctioned: bool = False  # when last asked for: makers compete for it before it trades
    repeated: bool = False  # the client id was in use: this is the order that had it
    seq: int = 0  # of the venue's last event because of it; 0: not told
    ts: int = 0  # [ns] of the venue then; 0: not told
    ticket: int = 0  # what was asked for waits under this number, and the order is as before; 0: it is carried out
    due: int | None = None  # [ns] when it will be; None: it does not wait, or for an oracle price that is not there yet


class Position(Told, frozen=True, kw_only=True):
    """What an account holds in a market."""

    market: str  # its name
    size: Decimal  # [coins] below zero: short
    entry_price: Decimal  # [USD] the average, to 28 digits
    entry_notional: Decimal  # [USD] signed like size
    liquidation_price: Decimal | None  # [USD] None: no price of this market alone leads to it
    isolated_margin: Decimal  # [USD] of its own, where the mode is ISOLATED
    mode: MarginMode  # CROSS or ISOLATED
    leverage: int  # the initial margin is at least notional / leverage
    unsettled: Decimal  # [USD] funding and shared losses owed and not paid yet


class Balance(Told, frozen=True, kw_only=True):
    """Money of one asset. [USD], or whatever the asset is"""

    asset: str  # its name
    cash: Decimal  # paid in, and realised
    equity: Decimal  # cash, and what positions have gained or lost
    available: Decimal  # for new orders
    withdrawable: Decimal  # what can be taken out
    initial_margin: Decimal  # that positions and orders need
    maintenance_margin: Decimal  # below which the account is liquidated


class Account(Told, frozen=True):
    """All that an account has, as of event `seq`."""

    account: int  # its number
    seq: int  # of the venue's last event that is in it
    balances: tuple[Balance, ...]  # one for each asset
    positions: tuple[Position, ...]  # that are not zero
    orders: tuple[Order, ...]  # that are open
    more: int = 0  # open orders that did not fit the message
    liquidity: tuple[Liquidity, ...] = ()  # its shares of pools


class BookLevel(Told, frozen=True):
    price: Decimal  # [USD]
    size: Decimal  # [coins]


class Depth(Told, frozen=True):
    """A book at one moment, best levels first."""

    market: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class Ticker(Told, frozen=True, kw_only=True):
    """Prices of a market, None where there is none yet. In the stream `ticker`, bid, ask and status are not told, and None."""

    market: str  # its name
    oracle: Decimal | None  # [USD] the outside price
    mark: Decimal | None  # [USD] what margin and funding go by
    last: Decimal | None  # [USD] of the last trade
    open_interest: Decimal  # [coins]
    funding_rate: Decimal  # what the running interval would charge as of now: a fraction of a position's value, positive where longs pay
    funding_ts: int  # [ns] when that is charged
    bid: BookLevel | None = None  # the best: price [USD] and size [coins]; None: that side is empty
    ask: BookLevel | None = None  # the same
    status: MarketStatus | None = None  # whether it trades
    curve: Decimal | None = None  # [USD] the middle of the quotes of its curve; None: it has none, or that quotes nothing


class Auction(Told, frozen=True, kw_only=True):
    """An auction of a liquidated account that is open, with its terms as of now."""

    auction: int
    account: int  # whose positions are on offer
    market: str  # "": all cross positions of the account
    share: Decimal  # of the account, that is still on offer
    gain: Decimal  # [USD] against the mark, of taking over all of the account: times the share that is taken. Below zero: a loss
    size: Decimal | None  # [coins] signed, of the whole account; None: there may be positions in several markets
    equity: Decimal  # [USD] of the account
    insolvent: bool  # the equity is below zero, and who takes it is paid


class RowStatus(Told, frozen=True, kw_only=True):
    """What a packed command came to. In the wire's units: lots, and 0 for no order."""

    why: str  # it was refused; "": it was not
    order_id: int
    market: int  # -1: of no market
    state: OrderState | None
    filled: int
    paid: int  # [ticks x lots] the sum of price x size of what was filled in a book
    open: int
    repeated: bool
    seq: int
    value: int = 0  # [micro] of what was filled by a curve; of liquidity, what was paid in or out
    shares: int = 0  # of liquidity
    ticket: int = 0  # it waits under this number; 0: it is carried out
    due: int | None = None  # [ns] when it will be; None: as of Queued


class RowStatuses(Told, frozen=True):
    """What packed commands came to, one for each."""

    ts: int  # [ns]
    rows: tuple[RowStatus, ...]


# -- what is asked for --


class NewOrder(Told, frozen=True):
    """An order to be placed, alone or in a batch. Without a price a market order is to trade within the venue's price band."""

    market: str
    side: Side
    size: Number  # [coins]
    price: Number | None = None  # [USD] limit, or the worst price of a market order
    order_type: OrderType = OrderType.LIMIT
    tif: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.CANCEL_MAKER
    client_id: ClientId | None = None  # None: the client makes one


class Cancel(Told, frozen=True):
    """A cancellation in a batch. `market` need not be said: the reply tells it."""

    order: Order | int
    market: str = ""


class Amend(Told, frozen=True):
    """A change in a batch; None leaves an Order's price or open size as it says. All is needed for an id that this client has not heard
    of."""

    order: Order | int
    price: Number | None = None  # [USD]
    size: Number | None = None  # [coins] left open
    market: str = ""


# -- events --


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
