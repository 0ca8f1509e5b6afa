"""What a server says, as structs: replies by `op`, errors, and the names of events; streams are in broadcasts.py. Nothing is encoded by
them, as replies are made as maps; they are what the JSON Schema of the wire is made of, and the tests hold all that is said in them to it.

Money is micro-units, prices are ticks, sizes lots, times ns. UNSET: the field may be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import fields

from .. import events as e
from ..schema import views as v
from ..schema.codes import CancelReason, Coded, MarketStatus, OrderState, Reason, Side, enums_of
from .people import SCOPES
from .requests import OPERATOR_REQUESTS, OPS, OWNERS, Channel, RequestId, op_of
from .told import OF_LIQUIDITY, OF_ORDERS, OPENS, WAITING

Level = Annotated[list[int], Meta(min_length=2, max_length=2, description="price [ticks], size [lots]")]
Best = Level | None
ClientId = int | str | None
if TYPE_CHECKING:  # names of codes, which no checker can know
    Scope: TypeAlias = str
    State: TypeAlias = str
    Status: TypeAlias = str
    TakerSide: TypeAlias = str
    RefusalName: TypeAlias = str
    CauseName: TypeAlias = str
else:
    Scope = Literal[SCOPES]
    State, Status, TakerSide, RefusalName, CauseName = (
        Literal[tuple(one.name for one in code)] for code in (OrderState, MarketStatus, Side, Reason, CancelReason)
    )
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
    Liquidity: TypeAlias = Said
    PlainPool: TypeAlias = Said
    PlainWaiting: TypeAlias = Said
    PlainPreview: TypeAlias = Said
    Maintenance: TypeAlias = Said
else:
    OpenOrder, Auction, PlainPosition, Liquidity = named(v.OpenOrder), named(v.Auction), named(v.Position), named(v.Liquidity)
    PlainPool, PlainWaiting, PlainPreview = named(v.PoolView), named(v.Waiting), named(v.Preview)
    Maintenance = named(v.MaintenanceWindow)

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


class SubAccountStatus(Said, kw_only=True):
    ok: bool
    ts: int
    seq: int
    account: int  # the new one


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


class LiquidityStatus(Said, kw_only=True):
    ok: bool
    ts: int
    seq: int
    market: int
    shares: int
    amount: int
    range_id: int


class QueuedStatus(Said, kw_only=True):
    """The command waits to be carried out; null: with an oracle price that is not there yet."""

    ok: bool
    ts: int
    seq: int
    status: Literal["queued"]
    ticket: int
    due: int | None


class WithdrawnStatus(Said, kw_only=True):
    """A cancel has met its order while that still waited: it never came in."""

    ok: bool
    ts: int
    seq: int
    status: Literal["withdrawn"]


DoneReply = joined("DoneReply", Reply, DoneStatus)
OrderReply = joined("OrderReply", Reply, OrderStatus)
LiquidityReply = joined("LiquidityReply", Reply, LiquidityStatus)
SubAccountReply = joined("SubAccountReply", Reply, SubAccountStatus)
QueuedReply = joined("QueuedReply", Reply, QueuedStatus)
WithdrawnReply = joined("WithdrawnReply", Reply, WithdrawnStatus)


class BatchReply(Reply, kw_only=True):
    statuses: Things  # DoneStatus, OrderStatus, Failure and others: see ITEMS


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


class CurveTerms(Said, kw_only=True):
    rule: str
    role: str
    is_virtual: bool
    reducing_fee_ppb: int
    lock_ms: int


class MatchingTerms(Said, kw_only=True):
    rule: str
    queue_classes: bool


class SequencingTerms(Said, kw_only=True):
    rule: str
    terms: dict[str, Any]
    taker_latency_ms: int
    retail_taker_latency_ms: int
    maker_latency_ms: int
    cancel_latency_ms: int


class GasTerms(Said, kw_only=True):
    place: int
    amend: int
    cancel: int
    liquidity: int


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
    curve: CurveTerms | None
    matching: MatchingTerms


class VenueReply(Reply, kw_only=True):
    name: str
    title: str
    assets: list[str]
    markets: list[Market]
    epoch: str
    version: int
    ts: int
    max_open_orders: int
    sequencing: SequencingTerms
    gas: GasTerms
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
    curve: int | None
    open_interest: int
    funding_rate_ppt: int
    funding_ts: int


class MarketValues(Said, kw_only=True):
    market: int
    bid: Best
    ask: Best
    status: Status
    maintenance: Maintenance | None
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


class PoolLevel(Said, kw_only=True):
    """All that trades with the curve at `price` or better."""

    price: int
    size: int
    value: int


class PoolQuotes(Said, kw_only=True):
    middle: int | None
    bids: list[PoolLevel]
    asks: list[PoolLevel]


class AsOf(Said, kw_only=True):
    ts: int


PoolValues = joined("PoolValues", PlainPool, PoolQuotes)
PoolReply = joined("PoolReply", Reply, PoolValues, AsOf)


class Waiting(PlainWaiting, kw_only=True):
    due: int | None


class PendingReply(Reply, kw_only=True):
    account: int
    pending: list[Waiting]
    more: int
    ts: int


class Foretold(PlainPreview, kw_only=True):
    reason: RefusalName | None  # of a refusal; then the rest is 0
    cancel_reason: CauseName | None
    liquidation_price: int | None


class OfPreview(Said, kw_only=True):
    account: int
    market: int


PreviewReply = joined("PreviewReply", Reply, OfPreview, Foretold, AsOf)


class AccountState(Said, kw_only=True):
    account: int
    seq: int
    balances: list[Balance]
    positions: list[Position]
    liquidity: list[Liquidity]
    orders: list[OpenOrder]
    more: int  # orders that did not fit


AccountReply = joined("AccountReply", Reply, AccountState)


class OrderQueryReply(Reply, kw_only=True):
    """`filled_notional` [micro] of all that is `filled`; null: the events that are kept do not tell of all of it."""

    order_id: int
    market: int
    state: State
    open: int
    filled: int
    filled_notional: int | None
    auctioned: bool  # before it trades


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
    **{op_of(command): DoneReply for command in OWNERS},
    **dict.fromkeys(OF_ORDERS, OrderReply),
    **dict.fromkeys(OF_LIQUIDITY, LiquidityReply),
    OPENS: SubAccountReply,
    **{str(request.__struct_config__.tag): DoneReply for request in OPERATOR_REQUESTS},
    "batch": BatchReply, "rows": RowsReply, "challenge": ChallengeReply, "login": LoginReply, "logout": EmptyReply, "faucet":
    FaucetReply, "open_account": OpenAccountReply, "accounts": AccountsReply, "venue": VenueReply, "book": BookReply, "ticker":
    TickerReply, "pool": PoolReply, "pending": PendingReply, "preview": PreviewReply, "account": AccountReply,
    "order": OrderQueryReply, "outcome": OutcomeReply, "auctions": AuctionsReply, "ping":
    PingReply, "step": StepReply, "clock": ClockReply, "world": WorldReply, "fault": EmptyReply, "subscribe": SubscribeReply,
    "liquidate": LiquidateReply, "snapshot": SnapshotReply, "rewind": RewindReply, "snapshots": SnapshotsReply,
    "unsubscribe": SubscribeReply, "cancel_on_disconnect": CancelOnDisconnectReply,
}  # fmt: skip
assert set(REPLIES) == set(OPS), "a request without a reply, or the other way round"
QUEUED: Final[dict[str, tuple[type[Reply], ...]]] = {  # what may answer a request instead, where the venue's sequencing lets it wait
    op: (QueuedReply, WithdrawnReply) if op == "cancel_client" else (QueuedReply,) for op in REPLIES if op in WAITING
}
ITEMS: Final = {  # lists of several kinds
    "BatchReply.statuses": (
        "DoneStatus", "SubAccountStatus", "OrderStatus", "LiquidityStatus", "QueuedStatus", "WithdrawnStatus", "Failure",
    ),
    "RowsReply.errors": ("Failure",),
}
