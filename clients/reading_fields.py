"""One reader for all events whose fields are told as they are: from the name of a field on the wire and its type in the struct follows how
it is read. What is more than that has a reader of its own in reading_private.py.

None stands for 0 of a price, a size, a share, a code or a number of fills, and for -1 of an account.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from perplab.exchange.units import PPM

from . import types as t
from .reading_venue import Wire, named, own_id, share, whole
from .units import Market, money

Read = Callable[[t.Venue, Market | None, Any], object]

PRICES: Final = frozenset(  # fields on the wire, by unit: [ticks]
    ("price", "mark", "previous", "take_profit", "stop", "source_price", "lower", "upper", "after", "start", "end")
)
SIZES: Final = frozenset(  # [lots]
    ("size", "open_size", "filled", "left", "hidden", "lots", "bid_size", "ask_size", "open_lots", "spared_lots")
)
AMOUNTS: Final = frozenset(  # [micro]
    ("amount", "margin", "equity", "maintenance", "notional", "value", "deficit", "fee", "gain", "paid", "profit", "conceded",
     "priority_fee", "closed_amount", "to_pool", "cost")
)  # fmt: skip
NONE: Final = -1  # the number of no asset, and of no market
TIMES: Final = frozenset(("interval", "window"))  # [ns] that are told in seconds


def name_of(venue: t.Venue, number: int) -> str:
    """Of a market; "": of none."""
    return venue.numbered(number).name if 0 <= number < len(venue.markets) else ""


def asset_of(venue: t.Venue, number: int) -> str:
    """The name of an asset; "": of none, which the venue calls -1. Raises IndexError for one that there is not."""
    return "" if number == NONE else named(venue.assets, number)


def _price(venue: t.Venue, market: Market | None, told: Any) -> object:
    assert market is not None, "a price without a market"
    return market.price(told)


def _size(venue: t.Venue, market: Market | None, told: Any) -> object:
    assert market is not None, "a size without a market"
    return market.size(told)


def _number(wire: str) -> Read:
    """Of what is a Decimal in the struct."""
    if wire in PRICES:
        return _price
    if wire in SIZES:
        return _size
    if wire in AMOUNTS:
        return lambda venue, market, told: money(told)
    if wire in TIMES:
        return lambda venue, market, told: Decimal(whole(told)).scaleb(-9)
    if wire.endswith("_ppt"):
        return lambda venue, market, told: Decimal(whole(told)).scaleb(-12)
    assert wire.endswith("_ppm"), f"{wire}: in which unit is it?"
    return lambda venue, market, told: share(told, PPM)


def _code(enum: type[IntEnum]) -> Read:
    return lambda venue, market, told: enum[told]


def _plain(wire: str, kind: Any) -> Read:
    if wire == "market":
        return lambda venue, market, told: name_of(venue, told)
    if wire == "asset":
        return lambda venue, market, told: asset_of(venue, told)
    if wire == "client_id":
        return lambda venue, market, told: own_id(told)
    if kind is Decimal:
        return _number(wire)
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return _code(kind)
    reads: dict[Any, Read] = {
        int: lambda venue, market, told: whole(told), bool: lambda venue, market, told: bool(told),
        str: lambda venue, market, told: str(told),
    }  # fmt: skip
    return reads[kind]


def _reader(wire: str, hint: Any) -> Read:
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if not kinds or wire == "client_id":
        return _plain(wire, hint)
    read, none = _plain(wire, kinds[0]), -1 if kinds[0] is int and wire != "fills" else 0
    return lambda venue, market, told: None if told == none else read(venue, market, told)


class Plan:
    """How a struct is read. `renamed`: fields that have another name on the wire. Those of `head` are given by who reads."""

    def __init__(self, struct: type[t.Event], **renamed: str) -> None:
        self.struct = struct
        head = t.AccountEvent if issubclass(struct, t.AccountEvent) else t.PublicEvent
        hints = get_type_hints(struct)
        names = [name for name in struct.__struct_fields__ if name not in head.__struct_fields__]
        self.fields = [(name, renamed.get(name, name), _reader(renamed.get(name, name), hints[name])) for name in names]

    def read(self, venue: t.Venue, told: Wire, head: dict[str, Any]) -> Any:
        number = told.get("market", -1)
        market = venue.numbered(number) if 0 <= number < len(venue.markets) else None  # a refusal may name one that there is not
        return self.struct(**head, **{name: read(venue, market, told[wire]) for name, wire, read in self.fields})


SENDER: Final = {"sender": "account"}
PLANS: Final[dict[str, Plan]] = {  # private events, by their type on the wire
    "AccountModeSet": Plan(t.AccountModeSet),
    "AccountOpened": Plan(t.AccountOpened, opened="account"),
    "AuctionTaken": Plan(t.AuctionTaken, loser="account", share="share_ppm"),
    "BlockTraded": Plan(t.BlockTraded),
    "BracketPlaced": Plan(t.BracketPlaced, slippage="slippage_ppm"),
    "CollateralSold": Plan(t.CollateralSold),
    "Debited": Plan(t.Debited),
    "DeficitPaid": Plan(t.DeficitPaid),
    "Deleveraged": Plan(t.Deleveraged),
    "Deposited": Plan(t.Deposited),
    "GasPaid": Plan(t.GasPaid),
    "IsolatedMarginMoved": Plan(t.IsolatedMarginMoved),
    "LadderPlaced": Plan(t.LadderPlaced),
    "LeverageSet": Plan(t.LeverageSet),
    "Liquidated": Plan(t.Liquidated),
    "LiquidationEnded": Plan(t.LiquidationEnded),
    "LiquidationStarted": Plan(t.LiquidationStarted),
    "LiquidityAdded": Plan(t.LiquidityAdded),
    "LiquidityRemoved": Plan(t.LiquidityRemoved, size="lots"),
    "MarginAlert": Plan(t.MarginAlert, is_below="below"),
    "MarginAlertSet": Plan(t.MarginAlertSet, threshold="threshold_ppm", hysteresis="hysteresis_ppm"),
    "MarginModeSet": Plan(t.MarginModeSet),
    "OcoLinked": Plan(t.OcoLinked),
    "OrderAmended": Plan(t.OrderAmended),
    "OrderCancelled": Plan(t.OrderCancelled),
    "OrderReduced": Plan(t.OrderReduced),
    "OrderRefreshed": Plan(t.OrderRefreshed),
    "OrderRepeated": Plan(t.OrderRepeated, open="open_size"),
    "PaymentArrived": Plan(t.PaymentArrived, **SENDER),
    "PaymentSent": Plan(t.PaymentSent, **SENDER),
    "PositionSettled": Plan(t.PositionSettled),
    "ProtectionTriggered": Plan(t.ProtectionTriggered, size="lots"),
    "QuoteProtectionSet": Plan(t.QuoteProtectionSet, window_s="window", size="lots"),
    "QuoteRefused": Plan(t.QuoteRefused),
    "Rejected": Plan(t.Rejected),
    "SurplusPaid": Plan(t.SurplusPaid, **SENDER),
    "TakenOver": Plan(t.TakenOver, loser="account"),
    "Transferred": Plan(t.Transferred, **SENDER),
    "TriggerCancelled": Plan(t.TriggerCancelled),
    "TriggerFired": Plan(t.TriggerFired, limit="price"),
    "TriggerResized": Plan(t.TriggerResized),
    "TwapEnded": Plan(t.TwapEnded),
    "TwapPlaced": Plan(t.TwapPlaced, every_s="interval"),
    "TwapSliced": Plan(t.TwapSliced),
    "Withdrawn": Plan(t.Withdrawn),
}
ITEMS: Final[dict[str, dict[str, Plan]]] = {  # what list streams tell, by channel, and by type; "": it says none
    "liquidations": {"": Plan(t.MarketLiquidation)},
    "auctions": {
        "AuctionStarted": Plan(t.AuctionStarted),
        "AuctionTaken": Plan(t.AuctionBid, share="share_ppm"),
        "AuctionEnded": Plan(t.AuctionEnded),
    },
    "funding": {
        "FundingSampled": Plan(t.FundingSampled, premium="premium_ppt"),
        "FundingCharged": Plan(t.FundingCharged, rate="rate_ppt"),
        "FundingSet": Plan(t.FundingSet, rate="rate_ppt"),
        "LossSocialized": Plan(t.LossSocialized, size="open_lots", spared="spared_lots"),
    },
    "curve": {"CurveMoved": Plan(t.CurveMoved, depth="depth_ppm")},
    "taker_auctions": {"TakerAuctionStarted": Plan(t.TakerAuctionStarted)},
    "batches": {"BatchCleared": Plan(t.BatchCleared)},
}
