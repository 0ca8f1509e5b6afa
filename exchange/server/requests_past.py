"""Requests about what has happened on the venue, and about who is near to his liquidation: what a dashboard shows. The other half of
requests.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from ..schema.messages import MarketId
from .history.records import INTERVALS
from .request_parts import Name, Request

if TYPE_CHECKING:
    Interval: TypeAlias = str
else:
    Interval = Literal[tuple(INTERVALS)]
MOST_CANDLES: Final = 1_500  # of one reply
MOST_LIQUIDATIONS: Final = 500
MOST_ACCOUNTS: Final = 500


class Candles(Request, frozen=True, kw_only=True, tag="candles"):
    """What a market did, interval by interval, the oldest first: at most `limit` intervals up to the one in which `end` lies, and none
    before the one in which `start` lies; those in which nothing happened are left out. `begin` [ns] is a whole number of intervals since
    1970; weeks begin on Mondays, months on their first day, UTC. `open` to `close` are prices of trades, in an interval without any that
    of the last trade before, and null if there was none; `value` [micro] is what the lots of `size` came to, `liquidated` those of them
    that were traded by liquidations. `mark` and `oracle` have open, high, low and close of those prices, or are null. The last 5,000
    minutes and 5,000 hours are kept; after a rewind they begin anew."""

    market: MarketId | Name | None = None
    interval: Interval = "1m"
    start: Annotated[int, Meta(ge=0, le=2**62)] = 0  # [ns]
    end: Annotated[int, Meta(ge=0, le=2**62)] | None = None  # [ns] none: now
    limit: Annotated[int, Meta(ge=1, le=MOST_CANDLES)] = 500


class Liquidations(Request, frozen=True, kw_only=True, tag="liquidations"):
    """The last slices of liquidated positions, the oldest first: at most `limit` of those behind the event `since`. `price` is what a lot
    fetched or cost, rounded down, and null of a deficit alone (SETTLEMENT); `mark` that of its market then. Who was liquidated and his
    user, `against` whom and how much each of them took, the `deficit`, the `fee`, and who `paid` how much of the deficit, is told to the
    owner of the account and to keys with the scope `admin`; for everybody else these are null."""

    since: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_LIQUIDATIONS)] = 100


class AccountsAtRisk(Request, frozen=True, kw_only=True, tag="accounts_at_risk"):
    """The accounts that are nearest to their liquidation, the nearest first: by equity / maintenance (`ratio_ppm`) of the cross positions
    in an asset, or of an isolated position, whose `market` is then named. Below 1,000,000 it is liquidated; `liquidated`: that is under
    way. The liquidation prices of its positions hold as long as its other positions stay as they are.

    For keys with the scope `admin`."""

    limit: Annotated[int, Meta(ge=1, le=MOST_ACCOUNTS)] = 20
