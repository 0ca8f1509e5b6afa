"""Commands of the venue's operator, its price feed and its clock."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from .codes import FundingModeCode, MarketStatusCode
from .fields import AccountId, Amount, AnyMarket, AssetId, Command, Flag, Id, Lots, MarketId, OptionalPrice, Price, Rate, Ts


class BlockTrade(Command, frozen=True, gc=False):
    """Admin: two accounts cross at a price, off the book and free of fees. Seeds positions."""

    KIND: ClassVar[int] = 13
    buyer: AccountId
    seller: AccountId
    market: MarketId
    size: Lots  # [lots]
    price: Price  # [ticks]


class UpdateOracle(Command, frozen=True, gc=False):
    """What the outside world's price is, as the venue hears it. `perp_median` is that of outside perpetuals, 0: not given.

    With `more`, the price of another market at the same moment follows: requests, triggers and the liquidation pass wait for it, at most
    until time moves on.
    """

    KIND: ClassVar[int] = 14
    market: MarketId
    price: Price  # [ticks]
    perp_median: OptionalPrice = 0  # [ticks]
    more: Flag = 0  # 1: this is not the last price of its moment


class SetMarketStatus(Command, frozen=True, gc=False):
    """Admin. `SETTLED` closes every position at `price` (0: at the mark) and is final."""

    KIND: ClassVar[int] = 16
    market: MarketId
    status: MarketStatusCode
    price: OptionalPrice = 0  # [ticks]


class Tick(Command, frozen=True, gc=False):
    """Let time pass: run what has fallen due."""

    KIND: ClassVar[int] = 17


class Debit(Command, frozen=True, gc=False):
    """Admin: take money from an account whatever its margin, at most its equity. Below maintenance, it is liquidated at once."""

    KIND: ClassVar[int] = 19
    account: AccountId
    asset: AssetId
    amount: Amount  # [micro]
    market: AnyMarket = -1  # out of the margin of its isolated position there; -1: out of its cash


class SetFunding(Command, frozen=True, gc=False):
    """Admin. From now on a market charges what its rule says, or `rate_ppt`, or both added up. No cap applies."""

    KIND: ClassVar[int] = 20
    market: MarketId
    mode: FundingModeCode
    rate_ppt: Rate = 0  # per funding interval, positive where longs pay; with RULE, 0


class SetGas(Command, frozen=True, gc=False):
    """Admin. From now on commands cost this multiple of what the design says."""

    KIND: ClassVar[int] = 23
    multiplier_ppm: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]  # 1,000,000: as the design says


class ScheduleMaintenance(Command, frozen=True, gc=False):
    """Admin: a maintenance window. Its markets get one status when it begins, and another when it ends."""

    KIND: ClassVar[int] = 34
    market: AnyMarket  # -1: all
    start: Ts  # [ns] later than now
    end: Ts  # [ns]
    during: MarketStatusCode  # not SETTLED
    afterwards: MarketStatusCode = 0


class CancelMaintenance(Command, frozen=True, gc=False):
    """Admin: take back a maintenance window that has not begun."""

    KIND: ClassVar[int] = 35
    number: Id
