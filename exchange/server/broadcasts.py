"""What the streams of a server say, as structs, and what of them is of several kinds: the other half of answers.py."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import UNSET, UnsetType

from .. import events as e
from .answer_parts import EVENT, Best, Level, Maintenance, OpenOrder, Said, Status, TakerSide, joined
from .answers import PoolValues, TickerValues
from .answers_accounts import AccountState


class Heartbeat(Said, kw_only=True):
    channel: Literal["heartbeat"]
    ts: int
    seq: int


class PrivateSnapshot(AccountState, kw_only=True):
    channel: Literal["private"]
    type: Literal["snapshot"]


class PrivateMessage(Said, kw_only=True):
    channel: Literal["private"]
    account: int


class PrivateOrders(PrivateMessage, kw_only=True):
    """More orders of a snapshot."""

    type: Literal["orders"]
    prev_seq: int
    seq: int
    orders: list[OpenOrder]
    more: int


class PrivateEvents(PrivateMessage, kw_only=True):
    type: Literal["events"]
    prev_seq: int
    seq: int
    events: list[Any]  # of EVENT: see EVENTS_OF


class PrivateGap(PrivateMessage, kw_only=True):
    type: Literal["gap"]
    since_seq: int
    oldest_seq: int
    last_seq: int


class PrivateEnd(PrivateMessage, kw_only=True):
    """The account is not the reader's any more."""

    type: Literal["ended"]
    message: str


class Rewound(Said, kw_only=True):
    """The venue has gone back to an earlier state; what each stream has now follows."""

    channel: Literal["venue"]
    type: Literal["rewound"]
    snapshot: str
    epoch: str
    ts: int
    seq: int


class Public(Said, kw_only=True):
    """Base of market data. A snapshot of a slow reader stands for `conflated` messages."""

    type: Literal["snapshot", "delta"]
    seq: int
    prev_seq: int | UnsetType = UNSET
    conflated: int | UnsetType = UNSET


class OfMarket(Public, kw_only=True):
    market: int


class BookMessage(OfMarket, kw_only=True):
    channel: Literal["book"]
    depth: int
    bids: list[Level]
    asks: list[Level]
    checksum: int | UnsetType = UNSET


class Trade(Said, kw_only=True):
    """`price` of a trade with the curve is the average, rounded down; its `value` [micro] is exact."""

    ts: int
    price: int
    size: int
    taker_side: TakerSide
    liquidation: int
    source: Literal["BOOK", "CURVE"]
    value: int | UnsetType = UNSET


class TradesMessage(OfMarket, kw_only=True):
    channel: Literal["trades"]
    items: list[Trade]


class BboMessage(OfMarket, kw_only=True):
    channel: Literal["bbo"]
    bid: Best
    ask: Best


class TickerHead(OfMarket, kw_only=True):
    channel: Literal["ticker"]


TickerMessage = joined("TickerMessage", TickerHead, TickerValues)


class Closed(Said, kw_only=True):
    ts: int
    method: str
    size: int
    value: int


class LiquidationsMessage(OfMarket, kw_only=True):
    channel: Literal["liquidations"]
    items: list[Closed]


class FundingMessage(OfMarket, kw_only=True):
    channel: Literal["funding"]
    items: list[Any]


class StatusMessage(OfMarket, kw_only=True):
    channel: Literal["status"]
    status: Status
    maintenance: Maintenance | None


class Taken(Said, tag_field="type", tag="AuctionTaken", kw_only=True):
    ts: int
    auction: int
    share_ppm: int
    gain: int


class PoolHead(OfMarket, kw_only=True):
    channel: Literal["pool"]


PoolMessage = joined("PoolMessage", PoolHead, PoolValues)


class CurveMessage(OfMarket, kw_only=True):
    channel: Literal["curve"]
    items: list[Any]


class TakerAuctionsMessage(OfMarket, kw_only=True):
    channel: Literal["taker_auctions"]
    items: list[Any]


class BatchesMessage(OfMarket, kw_only=True):
    channel: Literal["batches"]
    items: list[Any]


class GasMessage(Public, kw_only=True):
    channel: Literal["gas"]
    multiplier_ppm: int


class AuctionsMessage(Public, kw_only=True):
    channel: Literal["auctions"]
    items: list[Any]


class FundMessage(Public, kw_only=True):
    """Lists by asset [micro]; the equity counts what the vault has taken over. When no loss is left to it, it takes nothing more."""

    channel: Literal["fund"]
    balances: list[int]
    vault_balances: list[int]
    vault_equities: list[int]
    vault_losses_left: list[int]


MESSAGES: Final[tuple[type[Said], ...]] = (
    Heartbeat, Rewound, PrivateSnapshot, PrivateOrders, PrivateEvents, PrivateGap, PrivateEnd, BookMessage, TradesMessage, BboMessage,
    TickerMessage, LiquidationsMessage, FundingMessage, StatusMessage, AuctionsMessage, FundMessage, PoolMessage, CurveMessage,
    TakerAuctionsMessage, BatchesMessage, GasMessage,
)  # fmt: skip
EVENTS_OF: Final[dict[str, tuple[Any, ...]]] = {  # lists of tagged things
    "PrivateEvents.events": tuple(EVENT[event] for event in e.EVENTS if e.AUDIENCE[event]),
    "FundingMessage.items": tuple(EVENT[event] for event in (e.FundingSampled, e.FundingCharged, e.FundingSet, e.LossSocialized)),
    "CurveMessage.items": (EVENT[e.CurveMoved],),
    "TakerAuctionsMessage.items": (EVENT[e.TakerAuctionStarted],),
    "BatchesMessage.items": (EVENT[e.BatchCleared],),
    "AuctionsMessage.items": (EVENT[e.AuctionStarted], Taken, EVENT[e.AuctionEnded]),
}
