"""Private events, from the wire's maps to the structs of types_events.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from perplab.exchange.codes import PriceSource, Side, TimeInForce, TriggerKind
from perplab.exchange.units import PPM

from . import types as t
from .reading_fields import AMOUNTS, PLANS, PRICES, SIZES, name_of
from .reading_venue import Wire, own_id, share, whole
from .units import WIDE, Market, money


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


class PrivateReading:
    """Of one venue."""

    def __init__(self, venue: t.Venue) -> None:
        self.venue = venue

    def _name(self, number: int) -> str:
        """Of a market; "": of none."""
        return name_of(self.venue, number)

    def private(self, account: int, told: Any) -> list[t.AccountEvent]:
        """What one event is for an account: one thing, but for a trade with itself, which is two fills. One that cannot be read, whatever
        is wrong with it, is an OtherEvent: a newer server may say what this client does not know, and what it says beside it counts."""
        try:
            return list(self._private(account, told))
        except Exception:  # an unknown word, None for a number, a field that is gone: no list is complete
            return [self._other(account, told)]

    def _private(self, account: int, told: Wire) -> Iterator[t.AccountEvent]:
        head = {"account": account, "seq": whole(told["seq"]), "ts": whole(told["ts"])}
        if told["type"] == "Traded":
            yield from self._fills(head, told)
        elif told["type"] in PRIVATE:
            yield PRIVATE[told["type"]](self, head, told)
        elif told["type"] in PLANS:
            yield PLANS[told["type"]].read(self.venue, told, head)
        else:
            yield self._other(account, told)

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
            client_id=own_id(told["client_id"]), **head,
        )  # fmt: skip

    def _opened(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market = self.venue.numbered(told["market"])
        return t.OrderOpened(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], price=market.price(told["price"]),
            size=market.size(told["size"]), tif=TimeInForce[told["tif"]], reduce_only=bool(told["reduce_only"]),
            client_id=own_id(told["client_id"]), expires=told.get("expires") or None,
            display=market.size(told["display"]) if told.get("display") else None, **head,
        )  # fmt: skip

    def _scheduled(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        return t.CancelScheduled(due=told["due"] or None, **head)

    # -- orders that the venue sends, quotes, margin --

    def _trigger_placed(self, head: dict[str, Any], told: Wire) -> t.AccountEvent:
        market, kind = self.venue.numbered(told["market"]), TriggerKind[told["trigger"]]
        return t.TriggerPlaced(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], trigger=kind,
            size=market.size(told["size"]) if told["size"] else None, source=PriceSource[told["source"]],
            price=market.price(told["trigger_price"]), limit=market.price(told["price"]) if told["price"] else None,
            trail=trail_of(market, kind, told["trail"]), client_id=own_id(told["client_id"]), **head,
        )  # fmt: skip

    # -- all others --

    def _other(self, account: int, told: Any) -> t.AccountEvent:
        """Whatever it is: this raises nothing."""
        named = told if isinstance(told, dict) else {"event": told}
        number, kind = named.get("market"), named.get("type")
        market = self.venue.numbered(number) if type(number) is int and 0 <= number < len(self.venue.markets) else None
        seq, ts = (one if type(one) is int else 0 for one in (named.get("seq"), named.get("ts")))
        data = {name: self._value(name, value, market) for name, value in named.items() if name not in ("type", "seq", "ts")}
        return t.OtherEvent(type=kind if isinstance(kind, str) else "", data=data, account=account, seq=seq, ts=ts)

    def _value(self, name: str, value: Any, market: Market | None) -> object:
        """In the user's units, if it is a number."""
        if type(value) is not int:
            return value
        if name == "market":
            return self._name(value)
        if name in AMOUNTS:
            return money(value)
        if market is None:
            return value
        return market.price(value) if name in PRICES else market.size(value) if name in SIZES else value


PrivateRead = Callable[[PrivateReading, dict[str, Any], Wire], t.AccountEvent]
PRIVATE: Final[dict[str, PrivateRead]] = {  # those that are more than their fields; all others: reading_fields.py
    "OrderPlaced": PrivateReading._opened,
    "CancelScheduled": PrivateReading._scheduled,
    "CurveTraded": PrivateReading._curve_fill,
    "CommandQueued": PrivateReading._queued,
    "TriggerPlaced": PrivateReading._trigger_placed,
}
