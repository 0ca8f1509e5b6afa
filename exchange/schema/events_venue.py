"""What happens to markets and to the venue."""

from __future__ import annotations

from typing import ClassVar

from .codes import FundingModeCode, MarketStatusCode
from .fields import Event


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


class MarketStatusChanged(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 31
    market: int
    status: MarketStatusCode
    price: int  # [ticks] at which positions were closed, if it is SETTLED


class FundingSet(Event, frozen=True, gc=False):
    """The operator said what a market charges for funding."""

    KIND: ClassVar[int] = 35
    market: int
    mode: FundingModeCode
    rate_ppt: int  # per funding interval


class CurveMoved(Event, frozen=True, gc=False):
    """A curve has moved its price or its depth by itself, at a cost to its pool."""

    KIND: ClassVar[int] = 37
    market: int
    price: int  # [ticks] in the middle of its quotes, before
    after: int  # [ticks] and after
    cost: int  # [micro] taken from its budget; negative: given to it
    depth_ppm: int  # the root of k after it, in ppm of that before


class GasSet(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 44
    multiplier_ppm: int


class MaintenanceScheduled(Event, frozen=True, gc=False):
    """A market's status will change for a time."""

    KIND: ClassVar[int] = 65
    number: int
    market: int  # -1: all
    start: int  # [ns]
    end: int  # [ns]
    during: MarketStatusCode
    afterwards: MarketStatusCode


class MaintenanceCancelled(Event, frozen=True, gc=False):
    KIND: ClassVar[int] = 66
    number: int
    market: int  # -1: all
