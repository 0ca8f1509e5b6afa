"""Private events, from the wire's maps to the structs of types_events.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from perplab.exchange.codes import AccountMode, CancelReason, PriceSource, Reason, Side, TimeInForce, TriggerKind
from perplab.exchange.units import PPM

from . import types as t
from .reading_venue import Wire, share, whole
from .units import WIDE, Market, money

PRICES: Final = frozenset(("price", "mark", "previous", "take_profit", "stop"))  # fields of events that are no types of their own, by unit
SIZES: Final = frozenset(("size", "open_size", "filled", "hidden", "lots"))
AMOUNTS: Final = frozenset(
    ("amount", "margin", "equity", "maintenance", "notional", "value", "deficit", "fee", "gain", "paid", "profit", "conceded")
)


def due_of(due: int | None) -> int | None:
    """When a waiting command will be carried out [ns]; None: nobody knows yet."""
    return whole(due) if due is not None and due >= 0 else None


def traded(market: Market, told: Wire) -> tuple[Decimal, Decimal, Decimal]:
    """Price [USD], size [coins] and value [USD] of a trade; the price of one with a curve, which has a value of its own, is the average."""
    size = market.size(told["size"])
    if "value" in told:
        value = money(told["value"])
        return value / size, size, value
    price = market.price(told["price"])
    return price, size, WIDE.multiply(price, size)


def trail_of(market: Market, kind: TriggerKind, trail: int) -> Decimal | None:
    """The distance of what trails: [USD], or a share; None: it does not trail."""
    if not trail:
        return None
    return share(trail, PPM) if kind == TriggerKind.TRAILING_PPM else market.price(trail)


def refusal_of(told: int | str) -> Reason | None:
    """Why an order was refused, by name or by number; None: it was not."""
    if isinstance(told, str):
        return Reason[told]
    return Reason(told) if told else None


class PrivateReading:
    """Of one venue."""

    def __init__(self, venue: t.Venue) -> None:
        self.venue = venue

    def _name(self, number: int) -> str:
        """Of a market; "": of none."""
        return self.venue.numbered(number).name if 0 <= number < len(self.venue.markets) else ""

    def private(self, account: int, told: Wire) -> Iterator[t.AccountEvent]:
        """What one event is for an account: one thing, but for a trade with itself, which is two fills."""
        head = {"account": account, "seq": whole(told["seq"]), "ts": whole(told["ts"])}
        if told["type"] == "Traded":
            yield from self._fills(head, told)
        elif told["type"] in PRIVATE:
            yield PRIVATE[told["type"]](self, head, told)
        else:
            yield self._other(head, told)

    def _fills(self, head: dict[str, Any], told: Wire) -> Iterator[t.Fill]:
        market, side = self.venue.numbered(told["market"]), Side[told["taker_side"]]
        price, size, value = traded(market, told)
        shared: dict[str, Any] = {"market": market.name, "price": price, "size": size, "value": value}
        for role, own in (("taker", side), ("maker", Side(1 - side))):
            if told[role] == head["account"]:
                yield t.Fill(
                    side=own, order_id=whole(told[f"{role}_order_id"]), fee=money(told[f"{role}_fee"]), is_maker=role == "maker",
                    liquidation=bool(told["liquidation"]), **shared, **head,
                )  # fmt: skip

    def _curve_fill(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        price, size, value = traded(market, told)
        return t.Fill(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], price=price, size=size, value=value,
            fee=money(told["taker_fee"]), is_maker=False, liquidation=bool(told["liquidation"]), is_curve=True, **head,
        )  # fmt: skip

    def _queued(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        return t.CommandQueued(
            ticket=whole(told["ticket"]), command=str(told["command"]), market=self._name(told["market"]), due=due_of(told["due"]),
            client_id=told["client_id"], **head,
        )  # fmt: skip

    def _added(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.LiquidityAdded(
            market=market.name, amount=money(told["amount"]), shares=whole(told["shares"]), range_id=whole(told["range_id"]),
            lower=market.price(told["lower"]), upper=market.price(told["upper"]), **head,
        )  # fmt: skip

    def _removed(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.LiquidityRemoved(
            market=market.name, shares=whole(told["shares"]), amount=money(told["amount"]), range_id=whole(told["range_id"]),
            size=market.size(told["lots"]), value=money(told["value"]), **head,
        )  # fmt: skip

    def _gas_paid(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        return t.GasPaid(command=str(told["command"]), amount=money(told["amount"]), priority_fee=money(told["priority_fee"]), **head)

    def _opened(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.OrderOpened(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], price=market.price(told["price"]),
            size=market.size(told["size"]), tif=TimeInForce[told["tif"]], reduce_only=bool(told["reduce_only"]),
            client_id=told["client_id"], expires=told.get("expires") or None,
            display=market.size(told["display"]) if told.get("display") else None, **head,
        )  # fmt: skip

    def _amended(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.OrderAmended(
            order_id=whole(told["order_id"]), market=market.name, price=market.price(told["price"]), size=market.size(told["size"]),
            kept_priority=bool(told["kept_priority"]), **head,
        )  # fmt: skip

    def _reduced(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.OrderReduced(order_id=whole(told["order_id"]), market=market.name, size=market.size(told["size"]), **head)

    def _cancelled(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        reason = CancelReason[told["reason"]]
        return t.OrderCancelled(order_id=whole(told["order_id"]), market=market.name, size=market.size(told["size"]), reason=reason, **head)

    def _rejected(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        reason = Reason[told["reason"]]
        return t.Rejected(command=told["command"], market=self._name(told["market"]), reason=reason, client_id=told["client_id"], **head)

    def _scheduled(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        return t.CancelScheduled(due=told["due"] or None, **head)

    # -- orders that the venue sends, quotes, margin --

    def _trigger_placed(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market, kind = self.venue.numbered(told["market"]), TriggerKind[told["trigger"]]
        return t.TriggerPlaced(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], trigger=kind,
            size=market.size(told["size"]) if told["size"] else None, source=PriceSource[told["source"]],
            price=market.price(told["trigger_price"]), limit=market.price(told["price"]) if told["price"] else None,
            trail=trail_of(market, kind, told["trail"]), client_id=told["client_id"], **head,
        )  # fmt: skip

    def _trigger_fired(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.TriggerFired(
            order_id=whole(told["order_id"]), market=market.name, source=PriceSource[told["source"]],
            source_price=market.price(told["source_price"]), size=market.size(told["size"]),
            limit=market.price(told["price"]) if told["price"] else None, **head,
        )  # fmt: skip

    def _trigger_cancelled(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market, reason = self.venue.numbered(told["market"]), CancelReason[told["reason"]]
        return t.TriggerCancelled(
            order_id=whole(told["order_id"]), market=market.name, reason=reason, refusal=refusal_of(told["refusal"]), **head
        )

    def _twap_placed(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.TwapPlaced(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], size=market.size(told["size"]),
            slices=whole(told["slices"]), every_s=Decimal(whole(told["interval"])).scaleb(-9), ends=whole(told["ends"]),
            reduce_only=bool(told["reduce_only"]), client_id=told["client_id"], **head,
        )  # fmt: skip

    def _twap_sliced(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.TwapSliced(
            order_id=whole(told["order_id"]), market=market.name, done=whole(told["done"]), slice_order_id=whole(told["slice_order_id"]),
            size=market.size(told["size"]), filled=market.size(told["filled"]), left=market.size(told["left"]),
            refusal=refusal_of(told["refusal"]), **head,
        )  # fmt: skip

    def _twap_ended(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.TwapEnded(
            order_id=whole(told["order_id"]), market=market.name, filled=market.size(told["filled"]), left=market.size(told["left"]),
            reason=CancelReason[told["reason"]], **head,
        )  # fmt: skip

    def _quote_refused(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.QuoteRefused(
            market=market.name, side=Side[told["side"]], number=whole(told["number"]), price=market.price(told["price"]),
            size=market.size(told["size"]), reason=Reason[told["reason"]], **head,
        )  # fmt: skip

    def _protection(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.ProtectionTriggered(market=market.name, fills=whole(told["fills"]), size=market.size(told["lots"]), **head)

    def _margin_alert(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        return t.MarginAlert(
            asset=self.venue.assets[told["asset"]], number=whole(told["number"]), is_below=bool(told["below"]),
            equity=money(told["equity"]), maintenance=money(told["maintenance"]), **head,
        )  # fmt: skip

    def _mode_set(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        return t.AccountModeSet(mode=AccountMode[told["mode"]], **head)

    # -- all others --

    def _other(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        number = told.get("market", -1)
        market = self.venue.numbered(number) if 0 <= number < len(self.venue.markets) else None
        named = {name: self._value(name, value, market) for name, value in told.items() if name not in ("type", "seq", "ts")}
        return t.OtherEvent(type=told["type"], data=named, **head)

    def _value(self, name: str, value: Any, market: Market | None) -> object:
        if name == "market":
            return market.name if market else ""
        if name in AMOUNTS:
            return money(value)
        if market is None:
            return value
        return market.price(value) if name in PRICES else market.size(value) if name in SIZES else value


PrivateRead = Callable[[PrivateReading, dict[str, Any], Wire], t.AccountEvent]
PRIVATE: Final[dict[str, PrivateRead]] = {
    "OrderPlaced": PrivateReading._opened,
    "OrderAmended": PrivateReading._amended,
    "OrderReduced": PrivateReading._reduced,
    "OrderCancelled": PrivateReading._cancelled,
    "Rejected": PrivateReading._rejected,
    "CancelScheduled": PrivateReading._scheduled,
    "CurveTraded": PrivateReading._curve_fill,
    "CommandQueued": PrivateReading._queued,
    "LiquidityAdded": PrivateReading._added,
    "LiquidityRemoved": PrivateReading._removed,
    "GasPaid": PrivateReading._gas_paid,
    "TriggerPlaced": PrivateReading._trigger_placed,
    "TriggerFired": PrivateReading._trigger_fired,
    "TriggerCancelled": PrivateReading._trigger_cancelled,
    "TwapPlaced": PrivateReading._twap_placed,
    "TwapSliced": PrivateReading._twap_sliced,
    "TwapEnded": PrivateReading._twap_ended,
    "QuoteRefused": PrivateReading._quote_refused,
    "ProtectionTriggered": PrivateReading._protection,
    "MarginAlert": PrivateReading._margin_alert,
    "AccountModeSet": PrivateReading._mode_set,
}
