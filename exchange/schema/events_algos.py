"""What happens to orders that the venue sends on an account's behalf."""

from __future__ import annotations

from typing import Annotated, ClassVar

from .codes import CancelReasonCode, PriceSourceCode, Reason, SideCode, TriggerKindCode
from .fields import Event


class TriggerPlaced(Event, frozen=True, gc=False):
    """A conditional order waits for its price. The order that it sends will have its id."""

    KIND: ClassVar[int] = 47
    order_id: int
    account: int
    market: int
    side: SideCode
    size: int  # [lots], 0: the whole position
    trigger: TriggerKindCode
    source: PriceSourceCode
    trigger_price: int  # [ticks]; of a trailing one, where it begins to trail or has begun
    price: int  # [ticks], 0: a market order
    trail: int  # [ticks] or [ppm], 0: it does not trail
    client_hi: int  # 0 and 0: none
    client_lo: int


class TriggerFired(Event, frozen=True, gc=False):
    """The price has come; what becomes of the order follows, now or when its turn has come."""

    KIND: ClassVar[int] = 48
    order_id: int
    account: int
    market: int
    source: PriceSourceCode
    source_price: int  # [ticks] of its source
    size: int  # [lots] of the order
    price: int  # [ticks] its limit or protection price, 0: the edge of the price band


class TriggerCancelled(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 49
    order_id: int
    account: int
    market: int
    reason: CancelReasonCode
    refusal: Annotated[int, Reason]  # why its order was refused; 0: there was none


class TwapPlaced(Event, frozen=True, gc=False):
    """A TWAP was accepted; its first slice follows."""

    KIND: ClassVar[int] = 51
    order_id: int
    account: int
    market: int
    side: SideCode
    size: int  # [lots]
    slices: int
    interval: int  # [ns]
    ends: int  # [ns] when its last slice is due
    reduce_only: int  # 0 or 1
    client_hi: int  # 0 and 0: none
    client_lo: int


class TwapSliced(Event, frozen=True, gc=False):
    """What a slice came to: its order, or why there was none."""

    KIND: ClassVar[int] = 52
    order_id: int  # of the TWAP
    account: int
    market: int
    done: int  # slices whose time has come
    slice_order_id: int  # 0: it was not sent, or refused
    size: int  # [lots] of the slice, 0: it was not sent
    filled: int  # [lots] of the TWAP so far
    left: int  # [lots]
    refusal: Annotated[int, Reason]  # 0: there was none


class TwapEnded(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 53
    order_id: int
    account: int
    market: int
    filled: int  # [lots]
    left: int  # [lots] that are not traded any more
    reason: CancelReasonCode


class OcoLinked(Event, frozen=True, gc=False):
    """From now on one of these orders cancels the other."""

    KIND: ClassVar[int] = 57
    account: int
    market: int
    first: int  # their ids
    second: int


class BracketPlaced(Event, frozen=True, gc=False):
    """An entry has come in, or waits; as far as it fills it will have a take-profit, a stop or both."""

    KIND: ClassVar[int] = 58
    order_id: int  # of the entry
    account: int
    market: int
    take_profit: int  # [ticks], 0: none
    stop: int  # [ticks], 0: none
    source: PriceSourceCode
    slippage_ppm: int


class TriggerResized(Event, frozen=True, gc=False):
    """A bracket's trigger grew with what its entry has filled."""

    KIND: ClassVar[int] = 59
    order_id: int
    account: int
    market: int
    size: int  # [lots]
