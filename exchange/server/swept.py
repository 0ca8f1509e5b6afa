"""What a cancel of all orders came to: how many are gone, and what it could not take. A halted market lets nothing be cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..engine import Exchange
from ..schema.codes import CancelReason, MarketStatus
from ..schema.events import Event, OrderCancelled, TriggerCancelled, TwapEnded
from ..schema.messages import ROW, CancelAll, column_of
from .errors import Data
from .orders import open_orders

CANCELS_ALL: Final = "cancel_all"
ENDS: Final[tuple[type[Event], ...]] = (OrderCancelled, TriggerCancelled, TwapEnded)
ACCOUNTS: Final = {one.KIND: column_of(one, "account") for one in ENDS}
REASONS: Final = {one.KIND: column_of(one, "reason") for one in ENDS}
ACCOUNT, MARKET = column_of(CancelAll, "account"), column_of(CancelAll, "market")
LINKED: Final = (CancelReason.USER, CancelReason.OCO)  # the second of two that are linked goes with the first


def swept(venue: Exchange, row: Sequence[int], events: Sequence[int]) -> Data:
    """`row`: the command, which was carried out; `events`: all that it has caused, packed. Orders, triggers and TWAPs count alike."""
    of, number = row[ACCOUNT], row[MARKET]
    halted = halted_of(venue, of) if number < 0 else []
    return {"cancelled": cancelled(of, events), "left": len(halted), "halted": sorted(set(halted))}


def cancelled(account: int, events: Sequence[int]) -> int:
    """How many of an account's are gone. What was due before the command ends for other reasons, and so comes before the first of these."""
    count = 0
    for at in range(0, len(events), ROW):
        kind = events[at]
        if kind in ACCOUNTS and events[at + ACCOUNTS[kind]] == account:
            reason = events[at + REASONS[kind]]
            count += reason == CancelReason.USER or (count > 0 and reason in LINKED)
    return count


def halted_of(venue: Exchange, account: int) -> list[int]:
    """The market of each order, trigger and TWAP that the account has in a halted market."""
    halted = [int(one.number) for one in venue.state.markets if one.status == MarketStatus.HALTED]
    if not halted:
        return []
    markets = [one.market for one in open_orders(venue, account)]
    markets += [one.market for one in venue.triggers(account)]
    markets += [one.market for one in venue.twaps(account)]
    return [one for one in markets if one in halted]
