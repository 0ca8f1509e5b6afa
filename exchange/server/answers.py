"""What a server says, as structs: replies by `op`, errors, streams and their events. Nothing is encoded by them, as replies are made as
maps; they are what the JSON Schema of the wire is made of, and the tests hold all that is said in them to it.

Money is micro-units, prices are ticks, sizes lots, times ns. UNSET: the field may be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import fields

from .. import events as e
from ..schema import views as v
from ..schema.codes import Coded, MarketStatus, OrderState, Side, enums_of
from .people import SCOPES
from .requests import OPERATOR_REQUESTS, OPS, OWNERS, Channel, RequestId, op_of
from .told import OF_ORDERS

Level = Annotated[list[int], Meta(min_length=2, max_length=2, description="price [ticks], size [lots]")]
Best = Level | None
ClientId = int | str | None
if TYPE_CHECKING:  # names of codes, which no checker can know
    Scope: TypeAlias = str
    State: TypeAlias = str
    Status: TypeAlias = str
    TakerSide: TypeAlias = str
else:
    Scope = Literal[SCOPES]
    State, Status, TakerSide = (Literal[tuple(one.name for one in code)] for code in (OrderState, MarketStatus, Side))
Things = list[dict[str, Any]]


class Said(Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all."""


def named(struct: type[Coded], tag: str | None = None) -> Any:
    """An event or a view as the wire has it: codes by name, the halves of a client id as one field."""
    coded = enums_of(struct)
    kinds: list[tuple[str, Any]] = []
    for field in fields(struct):
        if field.name == "client_hi":
            kinds.append(("client_id", ClientId))
        elif field.name != "client_lo":
            kinds.append((field.name, Literal[tuple(one.name for one in coded[field.name])] if field.name in coded else field.type))
    by = {"tag_field": "type", "tag": tag} if tag else {}
    made = msgspec.defstruct(struct.__name__, kinds, bases=(Said,), kw_only=True, module=__name__, **by)  # type: ignore[arg-type]
    made.__doc__ = vars(struct).get("__doc__")
    return made


def joined(name: str, *parts: type[Said]) -> Any:
    """A struct with the fields of several."""
    kinds: dict[str, Any] = {}
    for part in parts:
        hints = get_type_hints(part, include_extras=True)
        for field in fields(part):
            kinds[field.name] = (field.name, hints[field.name]) if field.required else (field.name, hints[field.name], field.default)
    return msgspec.defstruct(name, kinds.values(), bases=(Said,), kw_only=True, module=__name__)


EVENT: Final = {event: named(event, event.__name__) for event in e.EVENTS}
if TYPE_CHECKING:
    OpenOrder: TypeAlias = Said
    Auction: TypeAlias = Said
    PlainPosition: TypeAlias = Said
else:
    OpenOrder, Auction, PlainPosition = named(v.OpenOrder), named(v.Auction), named(v.Position)

# -- replies --


class Reply(Said, kw_only=True):
    """Base of what answers a request that was carried out."""

    id: RequestId
    ok: bool
    tokens: int  # commands that may be sent now
    again: bool | UnsetType = UNSET  # a named session was asked this before


class Failure(Said, kw_only=True):
    """A request that was not carried out, or the end of a connection."""

    id: RequestId | UnsetType = UNSET  # missing in a batch
    ok: bool
    code: int
    reason: str
    message: str
    data: dict[str, Any]
    seq: int | UnsetType = UNSET  # of what the venue itself refused
    tokens: int | UnsetType = UNSET
    again: bool | UnsetType = UNSET


class DoneStatus(Said, kw_only=True):
    ok: bool
    ts: int
    seq: int


class OrderStatus(Said, kw_only=True):
    """`filled` and `filled_notional` [micro] by this request; of a repeat, in all and null."""

    ok: bool
    ts: int
    seq: int
    order_id: int
    market: int
    state: State
    filled: int
    open: int
    filled_notional: int | None
    repeated: bool | UnsetType = UNSET


DoneReply = joined("DoneReply", Reply, DoneStatus)
OrderReply = joined("OrderReply", Reply, OrderStatus)


class BatchReply(Reply, kw_only=True):
    statuses: Things  # DoneStatus, OrderStatus or Failure: see ITEMS


class RowsReply(Reply, kw_only=True):
    ts: int
    statuses: bytes
    errors: dict[str, dict[str, Any]] | UnsetType = UNSET


class EmptyReply(Reply, kw_only=True):
    pass


class ChallengeReply(Reply, kw_only=True):
    nonce: str


class LoginReply(Reply, kw_only=True):
    user: str
    accounts: list[int]
    scopes: list[Scope]
    epoch: str
    version: int
    ts: int
    seq: int


class FaucetReply(Reply, kw_only=True):
    account: int
    balance: int
    key: str | UnsetType = UNSET
    secret: str | UnsetType = UNSET


class OpenAccountReply(Reply, kw_only=True):
    account: int


class AccountsReply(Reply, kw_only=True):
    accounts: list[int]


class Tier(Said, kw_only=True):
    lower_notional: int
    initial_margin_ppm: int
    maintenance_margin_ppm: int


class Market(Said, kw_only=True):
    market: int
    name: str
    tick: str
    lot: str
    unit: int
    settlement_asset: int
    significant_figures: int
    minimum_notional: int
    price_band_ppm: int
    max_leverage: int
    maker_fee_ppb: int
    taker_fee_ppb: int
    tiers: list[Tier]


class VenueReply(Reply, kw_only=True):
    name: str
    title: str
    assets: list[str]
    markets: list[Market]
    epoch: str
    version: int
    ts: int
    max_open_orders: int
    design: dict[str, Any] | UnsetType = UNSET


class BookReply(Reply, kw_only=True):
    market: int
    bids: list[Level]
    asks: list[Level]
    ts: int


class TickerValues(Said, kw_only=True):
    oracle: int | None
    oracle_ts: int
    mark: int | None
    last: int | None
    open_interest: int
    funding_rate_ppt: int
    funding_ts: int


class MarketValues(Said, kw_only=True):
    market: int
    bid: Best
    ask: Best
    status: Status
    ts: int


TickerReply = joined("TickerReply", Reply, TickerValues, MarketValues)


class Balance(Said, kw_only=True):
    asset: int
    cash: int
    equity: int
    available: int
    withdrawable: int
    initial_margin: int
    maintenance_margin: int


class Position(PlainPosition, kw_only=True):
    liquidation_price: int | None


class AccountState(Said, kw_only=True):
    account: int
    seq: int
    balances: list[Balance]
    positions: list[Position]
    orders: list[OpenOrder]
    more: int  # orders that did not fit


AccountReply = joined("AccountReply", Reply, AccountState)


class OrderQueryReply(Reply, kw_only=True):
    order_id: int
    market: int
    state: State
    open: int
    filled: int


class OutcomeReply(Reply, kw_only=True):
    reply: dict[str, Any]


class AuctionsReply(Reply, kw_only=True):
    auctions: list[Auction]
    more: int


class PingReply(Reply, kw_only=True):
    ts: int
    seq: int


class StepReply(Reply, kw_only=True):
    ts: int


class ClockReply(Reply, kw_only=True):
    ts: int
    speed: int


class WorldReply(Reply, kw_only=True):
    world: dict[str, Any]
    ts: int


class OneDebit(Said, kw_only=True):
    asset: int
    market: int | None
    amount: int


class LiquidateReply(Reply, kw_only=True):
    debits: list[OneDebit]
    ts: int


class StateReply(Reply, kw_only=True):
    name: str
    ts: int
    seq: int
    state_hash: str


class SnapshotReply(StateReply, kw_only=True):
    forgotten: str | UnsetType = UNSET


class RewindReply(StateReply, kw_only=True):
    epoch: str


class SnapshotsReply(Reply, kw_only=True):
    names: list[str]


class SubscribeReply(Reply, kw_only=True):
    channel: Channel
    market: int | UnsetType | None = UNSET
    account: int | UnsetType = UNSET


class CancelOnDisconnectReply(Reply, kw_only=True):
    scope: Literal["none", "connection", "account"]
    account: int


REPLIES: Final[dict[str, type[Reply]]] = {
    **{op_of(command): OrderReply if op_of(command) in OF_ORDERS else DoneReply for command in OWNERS},
    **{str(request.__struct_config__.tag): DoneReply for request in OPERATOR_REQUESTS},
    "batch": BatchReply, "rows": RowsReply, "challenge": ChallengeReply, "login": LoginReply, "logout": EmptyReply, "faucet":
    FaucetReply, "open_account": OpenAccountReply, "accounts": AccountsReply, "venue": VenueReply, "book": BookReply, "ticker":
    TickerReply, "account": AccountReply, "order": OrderQueryReply, "outcome": OutcomeReply, "auctions": AuctionsReply, "ping":
    PingReply, "step": StepReply, "clock": ClockReply, "world": WorldReply, "fault": EmptyReply, "subscribe": SubscribeReply,
    "liquidate": LiquidateReply, "snapshot": SnapshotReply, "rewind": RewindReply, "snapshots": SnapshotsReply,
    "unsubscribe": SubscribeReply, "cancel_on_disconnect": CancelOnDisconnectReply,
}  # fmt: skip
assert set(REPLIES) == set(OPS), "a request without a reply, or the other way round"
ITEMS: Final = {"BatchReply.statuses": ("DoneStatus", "OrderStatus", "Failure"), "RowsReply.errors": ("Failure",)}  # lists of several kinds

# -- streams --


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
    ts: int
    price: int
    size: int
    taker_side: TakerSide
    liquidation: int


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


class Taken(Said, tag_field="type", tag="AuctionTaken", kw_only=True):
    ts: int
    auction: int
    share_ppm: int
    gain: int


class AuctionsMessage(Public, kw_only=True):
    channel: Literal["auctions"]
    items: list[Any]


class FundMessage(Public, kw_only=True):
    channel: Literal["fund"]
    balances: list[int]


MESSAGES: Final[tuple[type[Said], ...]] = (
    Heartbeat, Rewound, PrivateSnapshot, PrivateOrders, PrivateEvents, PrivateGap, PrivateEnd, BookMessage, TradesMessage, BboMessage,
    TickerMessage, LiquidationsMessage, FundingMessage, StatusMessage, AuctionsMessage, FundMessage,
)  # fmt: skip
EVENTS_OF: Final[dict[str, tuple[Any, ...]]] = {  # lists of tagged things
    "PrivateEvents.events": tuple(EVENT[event] for event in e.EVENTS if e.AUDIENCE[event]),
    "FundingMessage.items": tuple(EVENT[event] for event in (e.FundingSampled, e.FundingCharged, e.FundingSet, e.LossSocialized)),
    "AuctionsMessage.items": (EVENT[e.AuctionStarted], Taken, EVENT[e.AuctionEnded]),
}
