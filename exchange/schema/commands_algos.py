"""Commands about orders that the venue sends on an account's behalf."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from .codes import OrderTypeCode, PriceSourceCode, SideCode, TimeInForceCode, TriggerKindCode
from .fields import I64, MAX_TS_JUMP, AccountId, Command, Flag, Id, Lots, MarketId, OptionalLots, OptionalPpm, OptionalPrice


class PlaceTrigger(Command, frozen=True, gc=False):
    """A conditional order: it waits for a price, and then an order with its id comes in like any `Place`.

    It is cancelled like an order. With `reduce_only` and size 0 it is for the whole position, however large that is when it fires.
    """

    KIND: ClassVar[int] = 24
    account: AccountId
    market: MarketId
    side: SideCode
    size: OptionalLots  # [lots], 0: the whole position
    trigger: TriggerKindCode
    source: PriceSourceCode
    trigger_price: OptionalPrice  # [ticks] where it fires; of a trailing one, where it begins to trail, 0: at once
    price: OptionalPrice = 0  # [ticks] limit of its order, 0: a market order
    tif: TimeInForceCode = 0
    reduce_only: Flag = 0
    slippage_ppm: OptionalPpm = 0  # of a market order: how far from the price at firing it may trade, 0: up to the edge of the price band
    trail: OptionalPrice = 0  # of a trailing one: its distance, [ticks] or [ppm]
    client_hi: I64 = 0
    client_lo: I64 = 0


class PlaceTwap(Command, frozen=True, gc=False):
    """Trade a size in slices: immediate orders, the first one now, the others an interval after each other. What is left at the end goes.

    A slice that gets less than its part is made up for by the next ones. It is cancelled like an order.
    """

    KIND: ClassVar[int] = 26
    account: AccountId
    market: MarketId
    side: SideCode
    size: Lots  # [lots]
    slices: Annotated[int, Meta(ge=1, le=10_000)]
    interval: Annotated[int, Meta(ge=1_000_000_000, le=MAX_TS_JUMP)]  # [ns] from one slice to the next
    slippage_ppm: OptionalPpm = 0  # how far from the mark a slice may trade, 0: up to the edge of the price band
    catch_up_ppm: Annotated[int, Meta(ge=1_000_000, le=10_000_000)] = 3_000_000  # what a slice is for at most, of size / slices
    minimum_slice: OptionalLots = 0  # [lots] a smaller one is left to the next; the last one is not
    reduce_only: Flag = 0
    take_profit: OptionalPrice = 0  # [ticks] for what it has filled, by the mark, as of `PlaceBracket`; 0: none
    stop: OptionalPrice = 0  # [ticks]
    client_hi: I64 = 0
    client_lo: I64 = 0


class LinkOco(Command, frozen=True, gc=False):
    """One cancels the other: when either of two open orders or triggers fires, trades for the first time or is gone, the other goes."""

    KIND: ClassVar[int] = 30
    account: AccountId
    first: Id  # of an open order or a trigger
    second: Id
    alone: Flag = 0  # 1: one that its owner takes back leaves the other, which is then linked with none


class PlaceBracket(Command, frozen=True, gc=False):
    """An order like that of `Place`, and as far as it fills a take-profit, a stop or both, of which one cancels the other.

    They are reduce-only market orders that wait for their price, like those of `PlaceTrigger`. When one fires, the rest of the entry goes.
    """

    KIND: ClassVar[int] = 31
    account: AccountId
    market: MarketId
    side: SideCode
    price: OptionalPrice  # [ticks] of the entry
    size: Lots  # [lots]
    order_type: OrderTypeCode
    tif: TimeInForceCode
    take_profit: OptionalPrice  # [ticks], 0: none
    stop: OptionalPrice  # [ticks], 0: none
    source: PriceSourceCode = 0  # the price that both go by
    slippage_ppm: OptionalPpm = 0  # of both: how far from the price at firing they may trade, 0: up to the edge of the price band
    client_hi: I64 = 0
    client_lo: I64 = 0
    alone: Flag = 0  # as of `LinkOco`, of take-profit and stop
