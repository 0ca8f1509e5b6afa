"""Who is told of an event: the owners of accounts that it names, or everyone."""

from __future__ import annotations

from typing import Final

from msgspec.structs import fields

from .events import (
    AccountOpened,
    AuctionEnded,
    AuctionStarted,
    AuctionTaken,
    BatchCleared,
    BlockTraded,
    CancelScheduled,
    CommandQueued,
    CurveMoved,
    CurveTraded,
    Debited,
    DeficitPaid,
    Deleveraged,
    Deposited,
    Event,
    FundingCharged,
    FundingSampled,
    FundingSet,
    GasPaid,
    GasSet,
    IsolatedMarginMoved,
    LeverageSet,
    Liquidated,
    LiquidationEnded,
    LiquidationStarted,
    LiquidityAdded,
    LiquidityRemoved,
    LossSocialized,
    MarginModeSet,
    MarketStatusChanged,
    MarkMoved,
    OracleUpdated,
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderReduced,
    OrderRepeated,
    PositionSettled,
    Rejected,
    SurplusPaid,
    TakenOver,
    TakerAuctionStarted,
    Traded,
    Transferred,
    Withdrawn,
)

# Who is told of an event: the owners of the accounts that these fields name, or everyone; the venue's operator is told everything. What
# an account field means is up to the event; all that are named are told, so that nobody learns of a change of its own account from
# somewhere else. An account of -1 is none: that a command which names no account was refused is the venue's own business, since only
# the operator and the price feed send such commands.
EVERYONE: Final[tuple[str, ...]] = ()
OWN: Final[tuple[str, ...]] = ("account",)
AUDIENCE: Final[dict[type[Event], tuple[str, ...]]] = {
    Rejected: OWN,
    AccountOpened: OWN,
    Deposited: OWN,
    Withdrawn: OWN,
    Transferred: ("account", "to"),
    OrderPlaced: OWN,
    OrderRepeated: OWN,
    OrderAmended: OWN,
    OrderReduced: OWN,
    OrderCancelled: OWN,
    Traded: ("taker", "maker"),
    LeverageSet: OWN,
    MarginModeSet: OWN,
    IsolatedMarginMoved: OWN,
    BlockTraded: ("buyer", "seller"),
    OracleUpdated: EVERYONE,
    MarkMoved: EVERYONE,
    FundingSampled: EVERYONE,
    FundingCharged: EVERYONE,
    PositionSettled: OWN,
    LiquidationStarted: OWN,
    LiquidationEnded: OWN,
    Liquidated: OWN,
    AuctionStarted: EVERYONE,  # whoever may bid
    AuctionTaken: ("account", "bidder"),
    AuctionEnded: EVERYONE,
    TakenOver: ("account", "vault"),
    Deleveraged: ("loser", "winner"),
    DeficitPaid: OWN,
    LossSocialized: EVERYONE,
    MarketStatusChanged: EVERYONE,
    SurplusPaid: ("account", "to"),
    CancelScheduled: OWN,
    Debited: OWN,
    FundingSet: EVERYONE,
    CurveTraded: ("taker",),
    CurveMoved: EVERYONE,
    LiquidityAdded: OWN,
    LiquidityRemoved: OWN,
    CommandQueued: OWN,
    TakerAuctionStarted: EVERYONE,  # whoever may fill it
    BatchCleared: EVERYONE,
    GasPaid: OWN,
    GasSet: EVERYONE,
}

AUDIENCE_COLUMNS: Final[dict[int, tuple[int, ...]]] = {
    event.KIND: tuple(column for column, field in enumerate(fields(event), start=1) if field.name in names)
    for event, names in AUDIENCE.items()
}


def audience(row: list[int]) -> list[int] | None:
    """The accounts that are told of a packed event, each once, in the order of its fields; [] if only the operator is, None if everyone."""
    columns = AUDIENCE_COLUMNS[row[0]]
    return [account for account in dict.fromkeys(row[column] for column in columns) if account >= 0] if columns else None
