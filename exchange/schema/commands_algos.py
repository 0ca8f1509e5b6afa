"""Commands about orders that the venue sends on an account's behalf."""

from __future__ import annotations

from typing import ClassVar

from .codes import PriceSourceCode, SideCode, TimeInForceCode, TriggerKindCode
from .fields import I64, AccountId, Command, Flag, MarketId, OptionalLots, OptionalPpm, OptionalPrice


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
