"""Commands about orders."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from .codes import OrderTypeCode, SelfTradeCode, SideCode, SpacingCode, TimeInForceCode
from .fields import (
    I64,
    MAX_FILLS,
    MAX_TS_JUMP,
    AccountId,
    AnyMarket,
    Command,
    Display,
    Expiry,
    Flag,
    Id,
    Lots,
    MarketId,
    OptionalLots,
    OptionalPrice,
    Price,
    PriorityFee,
)


class Place(Command, frozen=True, gc=False):
    """Place an order. A market order's `price` is its protection price; 0 takes the edge of the venue's price band.

    A nonzero client id (two 64-bit halves) is unique among the account's open orders and its last 1,024 closed ones that had
    one; a repeat returns the first order's id and state (`OrderRepeated`) and changes nothing.
    """

    KIND: ClassVar[int] = 5
    account: AccountId
    market: MarketId
    side: SideCode
    price: OptionalPrice  # [ticks]
    size: Lots  # [lots]
    order_type: OrderTypeCode = 0
    tif: TimeInForceCode = 0
    reduce_only: Flag = 0  # 1: may only bring the position towards zero
    self_trade: SelfTradeCode = 0
    client_hi: I64 = 0
    client_lo: I64 = 0
    priority_fee: PriorityFee = 0  # [micro]
    expires: Expiry = 0  # [ns] when it is cancelled, if it rests until then (good til time)
    display: Display = 0  # [lots] of it that are shown at a time while it rests (iceberg)


class Amend(Command, frozen=True, gc=False):
    """Give a resting order a new price and a new open size, or with a size of 0 a new price alone: what is open when it is carried out
    stays open. Priority is kept when only the size falls, or nothing changes."""

    KIND: ClassVar[int] = 6
    account: AccountId
    order_id: Id
    price: Price  # [ticks]
    size: OptionalLots = 0  # [lots] left open afterwards; 0: as many as are open then
    priority_fee: PriorityFee = 0  # [micro]


class Cancel(Command, frozen=True, gc=False):
    """Cancel an open order by its id."""

    KIND: ClassVar[int] = 7
    account: AccountId
    order_id: Id
    priority_fee: PriorityFee = 0  # [micro]


class CancelClient(Command, frozen=True, gc=False):
    """Cancel an open order by its client id."""

    KIND: ClassVar[int] = 8
    account: AccountId
    client_hi: I64
    client_lo: I64
    priority_fee: PriorityFee = 0  # [micro]


class CancelAll(Command, frozen=True, gc=False):
    """Cancel all open orders of an account, in one market or in all."""

    KIND: ClassVar[int] = 9
    account: AccountId
    market: AnyMarket = -1  # -1: all
    priority_fee: PriorityFee = 0  # [micro]


class CancelAllAfter(Command, frozen=True, gc=False):
    """A dead man's switch: cancel all orders of an account when `delay` has passed. Sent again before that, it counts anew; 0: never."""

    KIND: ClassVar[int] = 18
    account: AccountId
    delay: Annotated[int, Meta(ge=0, le=MAX_TS_JUMP)]  # [ns]


class PlaceLadder(Command, frozen=True, gc=False):
    """Place `count` limit orders, evenly spaced from the first price to the last one, whose sizes add up to `size`. Each is an order like
    any other from then on, and is accepted or refused by itself.

    Prices in between round away from the market. With a client id the orders have it and those that follow it.
    """

    KIND: ClassVar[int] = 25
    account: AccountId
    market: MarketId
    side: SideCode
    size: Lots  # [lots] of all orders together
    first_price: Price  # [ticks]
    last_price: Price  # [ticks]
    count: Annotated[int, Meta(ge=2, le=50)]
    spacing: SpacingCode = 0
    skew_ppm: Annotated[int, Meta(ge=10_000, le=100_000_000)] = 1_000_000  # size of the last order to that of the first one
    tif: TimeInForceCode = 0
    reduce_only: Flag = 0
    client_hi: I64 = 0
    client_lo: I64 = 0


class MassQuote(Command, frozen=True, gc=False):
    """Replace all quotes of an account on one side of a market with up to five new ones; all sizes 0: take them down.

    Quotes are post-only orders. One whose price stays and whose size does not grow keeps its place. Those that are not renewed are
    cancelled first; then each new one is told by itself: placed, amended, or `QuoteRefused`. Other orders are not touched.
    """

    KIND: ClassVar[int] = 32
    account: AccountId
    market: MarketId
    side: SideCode
    price_1: OptionalPrice = 0  # [ticks]
    size_1: OptionalLots = 0  # [lots] 0: no quote
    price_2: OptionalPrice = 0
    size_2: OptionalLots = 0
    price_3: OptionalPrice = 0
    size_3: OptionalLots = 0
    price_4: OptionalPrice = 0
    size_4: OptionalLots = 0
    price_5: OptionalPrice = 0
    size_5: OptionalLots = 0


class SetQuoteProtection(Command, frozen=True, gc=False):
    """Cancel all quotes of an account in a market, on both sides, when so many of their fills, or so many lots, come within a time.

    No quotes are taken then until this is sent again, which also forgets the fills so far. `fills` and `lots` 0: no protection.
    """

    KIND: ClassVar[int] = 33
    account: AccountId
    market: MarketId
    window: Annotated[int, Meta(ge=1, le=MAX_TS_JUMP)]  # [ns]
    fills: Annotated[int, Meta(ge=0, le=MAX_FILLS)] = 0  # 0: any number of them
    lots: OptionalLots = 0  # [lots] 0: any
