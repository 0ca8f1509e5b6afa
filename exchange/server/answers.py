"""What a server says, as structs: replies by `op`, errors, and the names of events; streams are in broadcasts.py. Nothing is encoded by
them, as replies are made as maps; they are what the JSON Schema of the wire is made of, and the tests hold all that is said in them to it.

Money is micro-units, prices are ticks, sizes lots, times ns. UNSET: the field may be missing.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import UNSET, UnsetType

from .answer_parts import (
    AsOf,
    Auction,
    Best,
    CauseName,
    Level,
    Maintenance,
    PlainPool,
    PlainPreview,
    RefusalName,
    Reply,
    Said,
    Scope,
    State,
    Status,
    Things,
    joined,
)
from .answer_parts import Failure as Failure
from .answers_accounts import AccountReply, FeeRatesReply, PendingReply, RequirementReply, SubAccountsReply, TriggersReply, TwapsReply
from .answers_past import AccountsAtRiskReply, CandlesReply, LiquidationsReply
from .answers_venue import VenueReply
from .requests import OPERATOR_REQUESTS, OPS, OWNERS, Channel, op_of
from .several import OF_SEVERAL
from .swept import CANCELS_ALL
from .told import OF_LIQUIDITY, OF_ORDERS, OPENS, SCHEDULES, WAITING


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
    """`filled` and `filled_notional` [micro] by this request; of a repeat, in all and null. `cancel_reason`: of what is cancelled."""

    ok: bool
    ts: int
    seq: int
    order_id: int
    market: int
    state: State
    filled: int
    open: int
    filled_notional: int | None
    cancel_reason: CauseName | UnsetType = UNSET
    repeated: bool | UnsetType = UNSET


class Counts(Said, kw_only=True):
    """How many orders of a ladder, or quotes, stand or have traded (those of a repeat, too), were refused, or wait for their turn."""

    placed: int
    refused: int
    queued: int
    repeated: int  # of those placed: how many were there from before, by their client ids, open or not; of quotes always 0
    first_refusal: RefusalName | UnsetType = UNSET  # why the first one that was refused was


class SeveralStatus(Counts, kw_only=True):
    ok: bool
    ts: int
    seq: int


class SweptStatus(Said, kw_only=True):
    """How many orders, triggers and TWAPs a cancel of all took, and how many it left, since their markets are halted: which these are."""

    ok: bool
    ts: int
    seq: int
    cancelled: int
    left: int
    halted: list[int]  # markets


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
SeveralReply = joined("SeveralReply", Reply, SeveralStatus)
SweptReply = joined("SweptReply", Reply, SweptStatus)
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
    several: dict[str, Counts] | UnsetType = UNSET  # by number of row: what became of the orders of ladders and mass quotes


class OfWindow(Said, kw_only=True):
    number: int  # of the new maintenance window


ScheduledReply = joined("ScheduledReply", Reply, DoneStatus, OfWindow)


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
    user: str
    accounts: list[int]


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


class PoolLevel(Said, kw_only=True):
    """All that trades with the curve at `price` or better."""

    price: int
    size: int
    value: int


class PoolQuotes(Said, kw_only=True):
    middle: int | None
    bids: list[PoolLevel]
    asks: list[PoolLevel]


PoolValues = joined("PoolValues", PlainPool, PoolQuotes)
PoolReply = joined("PoolReply", Reply, PoolValues, AsOf)


class Foretold(PlainPreview, kw_only=True):
    """Of a refused order there is the `reason`: nothing is filled, rests or is cancelled, and from `fee` on everything is null."""

    reason: RefusalName | None  # of a refusal
    cancel_reason: CauseName | None
    fee: int | None
    size: int | None
    entry_notional: int | None
    isolated_margin: int | None
    equity: int | None
    initial_margin: int | None
    maintenance_margin: int | None
    available_margin: int | None
    free_margin: int | None
    liquidation_price: int | None


class OfPreview(Said, kw_only=True):
    account: int
    market: int


PreviewReply = joined("PreviewReply", Reply, OfPreview, Foretold, AsOf)


class OrderQueryReply(Reply, kw_only=True):
    """`filled_notional` [micro] of all that is `filled`; null: the events that are kept do not tell of all of it."""

    order_id: int
    market: int
    state: State
    open: int
    filled: int
    filled_notional: int | None
    auctioned: bool  # before it trades
    linked_with: int  # id of the order or trigger that it cancels, and is cancelled by; 0: none
    cancel_reason: CauseName | None  # null: it is not cancelled, or the events that are kept do not tell


class OfWaiting(Said, kw_only=True):
    """Of an order that waits for its turn, and has no number yet."""

    market: int


WaitingOrderReply = joined("WaitingOrderReply", Reply, QueuedStatus, OfWaiting)


class OutcomeReply(Reply, kw_only=True):
    reply: dict[str, Any]


class AuctionsReply(Reply, kw_only=True):
    auctions: list[Auction]
    more: int


class ListedWindow(Maintenance, kw_only=True):
    """A maintenance window that has not ended."""

    market: int | None  # null: all


class MaintenanceReply(Reply, kw_only=True):
    windows: list[ListedWindow]
    more: int
    ts: int


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


class GrantReply(Reply, kw_only=True):
    """`balance` [micro]: of the account in that asset, without money that is still under way. `key`, `secret`: of a new user."""

    user: str
    account: int
    balance: int
    key: str | UnsetType = UNSET
    secret: str | UnsetType = UNSET


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


class FaultReply(Reply, kw_only=True):
    """`user`: whom it is for. `connections`: that he has at the moment, requests over HTTP without an answer among them. `note`: why he may
    not meet it."""

    user: str
    connections: int
    note: str | UnsetType = UNSET


class Met(Said, kw_only=True):
    reject: int
    drop: int
    stall: int
    delay: int
    duplicate: int
    skew: int


class FaultsReply(Reply, kw_only=True):
    user: str
    connections: int
    rejects: int  # that are still to come, as of the fault's `count`
    reason: str
    losses: int  # actions over HTTP that will have no reply
    stall_ms: int  # that is left of it
    delay_ms: int
    duplicates: int
    skew_ms: int  # as of now
    drift_ppm: int
    met: Met


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
    **dict.fromkeys(OF_SEVERAL, SeveralReply),
    OPENS: SubAccountReply,
    CANCELS_ALL: SweptReply,
    **{str(request.__struct_config__.tag): DoneReply for request in OPERATOR_REQUESTS},
    SCHEDULES: ScheduledReply,
    "batch": BatchReply, "rows": RowsReply, "challenge": ChallengeReply, "login": LoginReply, "logout": EmptyReply, "faucet":
    FaucetReply, "open_account": OpenAccountReply, "accounts": AccountsReply, "venue": VenueReply, "book": BookReply, "ticker":
    TickerReply, "pool": PoolReply, "pending": PendingReply, "preview": PreviewReply, "account": AccountReply,
    "requirement": RequirementReply, "triggers": TriggersReply, "twaps": TwapsReply, "fee_rates": FeeRatesReply,
    "sub_accounts": SubAccountsReply,
    "order": OrderQueryReply, "outcome": OutcomeReply, "auctions": AuctionsReply, "maintenance": MaintenanceReply, "ping":
    PingReply, "step": StepReply, "clock": ClockReply, "world": WorldReply, "fault": FaultReply, "faults": FaultsReply,
    "subscribe": SubscribeReply,
    "liquidate": LiquidateReply, "grant": GrantReply, "snapshot": SnapshotReply, "rewind": RewindReply, "snapshots": SnapshotsReply,
    "candles": CandlesReply, "liquidations": LiquidationsReply, "accounts_at_risk": AccountsAtRiskReply,
    "unsubscribe": SubscribeReply, "cancel_on_disconnect": CancelOnDisconnectReply,
}  # fmt: skip
assert set(REPLIES) == set(OPS), "a request without a reply, or the other way round"
QUEUED: Final[dict[str, tuple[type[Reply], ...]]] = {  # what may answer a request instead, where the venue's sequencing lets it wait
    **{op: (QueuedReply, WithdrawnReply) if op == "cancel_client" else (QueuedReply,) for op in REPLIES if op in WAITING},
    "order": (WaitingOrderReply,),
}
ITEMS: Final = {  # lists of several kinds
    "BatchReply.statuses": (
        "DoneStatus", "SubAccountStatus", "OrderStatus", "SeveralStatus", "SweptStatus", "LiquidityStatus", "QueuedStatus",
        "WithdrawnStatus", "Failure",
    ),
    "RowsReply.errors": ("Failure",),
}
