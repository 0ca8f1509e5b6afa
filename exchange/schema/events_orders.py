"""What happens to orders: those that come in, trade, wait and go."""

from __future__ import annotations

from typing import ClassVar

from .codes import CancelReasonCode, CommandCode, OrderStateCode, ReasonCode, SideCode, TimeInForceCode
from .fields import Event


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
    expires: int  # [ns] 0: never
    display: int  # [lots] that are shown at a time, 0: all


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
    """An order has become smaller without a trade: a reduce-only one with its position, or one that met another of its own account."""

    KIND: ClassVar[int] = 9
    order_id: int
    account: int
    market: int
    size: int  # [lots] left open


class OrderRefreshed(Event, frozen=True, gc=False):
    """What an iceberg order showed is filled: it shows the next part of what it has, behind all others at its price."""

    KIND: ClassVar[int] = 46
    order_id: int
    account: int
    market: int
    size: int  # [lots] that it shows now
    hidden: int  # [lots] that it has besides


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
    maker_left: int  # [lots] open of the maker's order afterwards; of one that shows a part, the part that is shown then
    liquidation: int  # 1: the taker is a liquidation


class CancelScheduled(Event, frozen=True, gc=False):
    """The account's dead man's switch was set, set anew, or taken back."""

    KIND: ClassVar[int] = 33
    account: int
    due: int  # [ns] when all its orders will be cancelled; 0: never


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


class LadderPlaced(Event, frozen=True, gc=False):
    """A ladder was accepted; its orders follow, or why they were refused, from the first price to the last one."""

    KIND: ClassVar[int] = 50
    account: int
    market: int
    side: SideCode
    size: int  # [lots] of all orders together
    count: int  # of orders
    client_hi: int  # of the first one; 0 and 0: none
    client_lo: int


class QuoteRefused(Event, frozen=True, gc=False):
    """One of the quotes of a mass quote does not stand; a quote that had stood at its price is cancelled."""

    KIND: ClassVar[int] = 60
    account: int
    market: int
    side: SideCode
    number: int  # of the quote in its command, from 1
    price: int  # [ticks]
    size: int  # [lots]
    reason: ReasonCode


class QuoteProtectionSet(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 61
    account: int
    market: int
    window: int  # [ns]
    fills: int  # 0: any number of them
    lots: int  # [lots] 0: any


class ProtectionTriggered(Event, frozen=True, gc=False):
    """So much of the account's quotes in a market has been filled that all of them are cancelled, and no new ones are taken."""

    KIND: ClassVar[int] = 62
    account: int
    market: int
    fills: int  # within the window
    lots: int  # [lots]
