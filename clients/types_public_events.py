"""What public streams tell of liquidations, auctions, funding, curves, and the venue's own money. Part of types.py, which has all of it."""

from __future__ import annotations

from decimal import Decimal

from perplab.exchange.codes import FundingMode, Method, Outcome, Side

from .types_curves import Told
from .types_events import Event


class PublicEvent(Event, frozen=True, kw_only=True):
    """Something that happened for all to see. The first message of a stream tells the last things before it: `is_past`."""

    ts: int  # [ns] of the venue
    is_past: bool


class MarketLiquidation(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `liquidations`: a slice of a liquidated position was closed. Whose it was is not told."""

    market: str
    method: Method
    size: Decimal  # [coins] signed: the position closed
    value: Decimal  # [USD] that it fetched or cost


class AuctionStarted(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `auctions`: a liquidated account is on offer."""

    auction: int
    account: int  # whose positions are on offer
    market: str  # of the isolated position; "": all that is in cross mode
    equity: Decimal  # [USD]
    maintenance: Decimal  # [USD]


class AuctionBid(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `auctions`: somebody took a share. The bidder and the owner are told more, by `AuctionTaken`."""

    auction: int
    share: Decimal  # of the account as it was at this bid
    gain: Decimal  # [USD] of the bidder, against the mark


class AuctionEnded(PublicEvent, frozen=True, kw_only=True):
    auction: int
    account: int  # whose positions were on offer
    market: str  # of the isolated position; "": all that is in cross mode
    outcome: Outcome  # RECOVERED, FLAT or FAILED


class FundingSampled(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `funding`."""

    market: str
    premium: Decimal  # a share of the price


class FundingCharged(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `funding`: longs pay `rate` of `price` for each coin; below zero, shorts do. What an account has paid is told by
    `PositionSettled`."""

    market: str
    rate: Decimal  # a share of the price
    price: Decimal  # [USD]
    to_pool: Decimal  # [USD] to the pool of the market's curve, signed


class FundingSet(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `funding`: the operator said what a market charges."""

    market: str
    mode: FundingMode
    rate: Decimal  # a share of the price, for each interval


class LossSocialized(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `funding`: all who hold a position share a loss."""

    market: str
    amount: Decimal  # [USD]
    size: Decimal  # [coins] open, of one side
    closed_amount: Decimal  # [USD] of `amount`: paid for coins that were closed in the same slice
    spared: Decimal  # [coins] of both sides that share nothing


class CurveMoved(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `curve`: a curve has moved its price or its depth by itself."""

    market: str
    price: Decimal  # [USD] in the middle of its quotes, before
    after: Decimal  # [USD] and after
    cost: Decimal  # [USD] taken from its budget; below zero: given to it
    depth: Decimal  # its depth after it, as a share of that before


class TakerAuctionStarted(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `taker_auctions`: an order is auctioned before it trades. Its limit goes from `start` to `end`."""

    account: int
    market: str
    order_id: int
    side: Side
    size: Decimal  # [coins]
    start: Decimal  # [USD]
    end: Decimal  # [USD]
    ends: int  # [ns]


class BatchCleared(PublicEvent, frozen=True, kw_only=True):
    """Of the stream `batches`: a batch auction ended."""

    market: str
    price: Decimal | None  # [USD] of all its trades; None: nothing traded
    size: Decimal  # [coins]
    bid_size: Decimal  # [coins] of buys that would have traded at that price
    ask_size: Decimal  # [coins] of sells


class Fund(Told, frozen=True, kw_only=True):
    """What the venue has against losses, in one asset. [USD], or whatever the asset is"""

    asset: str
    insurance_fund: Decimal  # cash
    vault: Decimal | None  # cash of the backstop vault, which takes liquidated accounts over; None: an older server does not tell
    vault_equity: Decimal | None  # that, and what its positions have gained or lost at the mark; None: the same
    vault_loss_left: Decimal | None = None  # what it may still lose before it takes nothing more over; 0: it takes nothing; None: the same


class FundChanged(Event, frozen=True, kw_only=True):
    """Of the stream `fund`: what the venue has against losses, one `Fund` for each asset."""

    funds: tuple[Fund, ...]


class GasChanged(Event, frozen=True, kw_only=True):
    """Of the stream `gas`."""

    multiplier: Decimal  # times what `client.venue.gas` says
