"""Who is told of an event: the owners of accounts that it names, or everyone."""

from __future__ import annotations

from typing import Final

from msgspec.structs import fields

from . import events as e
from .events import Event

# Who is told of an event: the owners of the accounts that these fields name, or everyone; the venue's operator is told everything. What
# an account field means is up to the event; all that are named are told, so that nobody learns of a change of its own account from
# somewhere else. An account of -1 is none: that a command which names no account was refused is the venue's own business, since only
# the operator and the price feed send such commands.
EVERYONE: Final[tuple[str, ...]] = ()
OWN: Final[tuple[str, ...]] = ("account",)
AUDIENCE: Final[dict[type[Event], tuple[str, ...]]] = {
    e.Rejected: OWN,
    e.AccountOpened: ("account", "master"),
    e.Deposited: OWN,
    e.Withdrawn: OWN,
    e.Transferred: ("account", "to"),
    e.OrderPlaced: OWN,
    e.OrderRepeated: OWN,
    e.OrderAmended: OWN,
    e.OrderReduced: OWN,
    e.OrderCancelled: OWN,
    e.Traded: ("taker", "maker"),
    e.LeverageSet: OWN,
    e.MarginModeSet: OWN,
    e.IsolatedMarginMoved: OWN,
    e.BlockTraded: ("buyer", "seller"),
    e.OracleUpdated: EVERYONE,
    e.MarkMoved: EVERYONE,
    e.FundingSampled: EVERYONE,
    e.FundingCharged: EVERYONE,
    e.PositionSettled: OWN,
    e.LiquidationStarted: OWN,
    e.LiquidationEnded: OWN,
    e.Liquidated: OWN,
    e.AuctionStarted: EVERYONE,  # whoever may bid
    e.AuctionTaken: ("account", "bidder"),
    e.AuctionEnded: EVERYONE,
    e.TakenOver: ("account", "vault"),
    e.Deleveraged: ("loser", "winner"),
    e.DeficitPaid: OWN,
    e.LossSocialized: EVERYONE,
    e.MarketStatusChanged: EVERYONE,
    e.SurplusPaid: ("account", "to"),
    e.CancelScheduled: OWN,
    e.Debited: OWN,
    e.FundingSet: EVERYONE,
    e.CurveTraded: ("taker",),
    e.CurveMoved: EVERYONE,
    e.LiquidityAdded: OWN,
    e.LiquidityRemoved: OWN,
    e.CommandQueued: OWN,
    e.TakerAuctionStarted: EVERYONE,  # whoever may fill it
    e.BatchCleared: EVERYONE,
    e.GasPaid: OWN,
    e.GasSet: EVERYONE,
    e.CollateralSold: OWN,
    e.OrderRefreshed: OWN,  # nobody else may know that there is more
    e.TriggerPlaced: OWN,
    e.TriggerFired: OWN,
    e.TriggerCancelled: OWN,
    e.LadderPlaced: OWN,
    e.TwapPlaced: OWN,
    e.TwapSliced: OWN,
    e.TwapEnded: OWN,
    e.AccountModeSet: OWN,
    e.MarginAlertSet: OWN,
    e.MarginAlert: OWN,
    e.OcoLinked: OWN,
    e.BracketPlaced: OWN,
    e.TriggerResized: OWN,
    e.QuoteRefused: OWN,
    e.QuoteProtectionSet: OWN,
    e.ProtectionTriggered: OWN,
    e.PaymentSent: ("account", "to"),
    e.PaymentArrived: ("account", "to"),
    e.MaintenanceScheduled: EVERYONE,
    e.MaintenanceCancelled: EVERYONE,
}

AUDIENCE_COLUMNS: Final[dict[int, tuple[int, ...]]] = {
    event.KIND: tuple(column for column, field in enumerate(fields(event), start=1) if field.name in names)
    for event, names in AUDIENCE.items()
}


def audience(row: list[int]) -> list[int] | None:
    """The accounts that are told of a packed event, each once, in the order of its fields; [] if only the operator is, None if everyone."""
    columns = AUDIENCE_COLUMNS[row[0]]
    return [account for account in dict.fromkeys(row[column] for column in columns) if account >= 0] if columns else None
