"""Orders that the venue sends on an account's behalf, what-ifs, requirements and fees, from the wire's maps to the structs of
types_algos.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from perplab.exchange.codes import CancelReason, PriceSource, Reason, RequirementKind, Side, TimeInForce, TriggerKind
from perplab.exchange.units import PPB, PPM

from . import types as t
from .reading_private import PrivateReading, trail_of
from .reading_venue import Wire, named, share, whole
from .units import Market, money, rounded


class AlgoReading(PrivateReading):
    """Of one venue."""

    def triggers(self, reply: Wire) -> tuple[t.OpenTrigger, ...]:
        return tuple(map(self._trigger, reply["triggers"]))

    def _trigger(self, told: Wire) -> t.OpenTrigger:
        market, kind = self.venue.numbered(told["market"]), TriggerKind[told["trigger"]]
        return t.OpenTrigger(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], trigger=kind,
            size=market.size(told["size"]) if told["size"] else None, source=PriceSource[told["source"]],
            price=market.price(told["trigger_price"]), limit=market.price(told["price"]) if told["price"] else None,
            tif=TimeInForce[told["tif"]], reduce_only=bool(told["reduce_only"]),
            slippage=share(told["slippage_ppm"], PPM) if told["slippage_ppm"] else None, trail=trail_of(market, kind, told["trail"]),
            is_trailing=bool(told["is_trailing"]), has_fired=bool(told["has_fired"]), client_id=told["client_id"],
            bracket=told.get("bracket") or None, linked_with=told.get("linked_with") or None,
            fires_at=market.price(told["fires_at"]) if told.get("fires_at") else None,
        )  # fmt: skip

    def twaps(self, reply: Wire) -> tuple[t.OpenTwap, ...]:
        return tuple(map(self._twap, reply["twaps"]))

    def _twap(self, told: Wire) -> t.OpenTwap:
        market = self.venue.numbered(told["market"])
        sizes = {name: market.size(told[name]) for name in ("size", "filled", "sent")}
        return t.OpenTwap(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], slices=whole(told["slices"]),
            done=whole(told["done"]), due=whole(told["due"]) or None, reduce_only=bool(told["reduce_only"]), client_id=told["client_id"],
            **sizes,
        )  # fmt: skip

    def preview(self, reply: Wire) -> t.Preview:
        """Of a refused order older servers tell zeros for what there is not."""
        market, is_refused = self.venue.numbered(reply["market"]), bool(reply["reason"])
        sizes = {name: market.size(reply[name]) for name in ("filled", "rests", "cancelled", "lost")}
        value = money(reply["value"])
        sums: dict[str, Any] = {name: None if is_refused else money(reply[told]) for name, told in AFTERWARDS.items()}
        return t.Preview(
            market=market.name, reason=Reason[reply["reason"]] if is_refused else None,
            cancel_reason=CancelReason[reply["cancel_reason"]] if reply["cancel_reason"] else None, value=value,
            average_price=rounded(value, sizes["filled"]) if reply["filled"] else None,
            mid_slippage=slippage_of(reply["mid_slippage_ppm"]), mark_slippage=slippage_of(reply["mark_slippage_ppm"]),
            size=None if is_refused else market.size(reply["size"]),
            withdrawable=None if is_refused else max(Decimal(0), money(reply["free_margin"])),
            liquidation_price=market.price(reply["liquidation_price"]) if reply["liquidation_price"] else None, ts=whole(reply["ts"]),
            **sizes, **sums,
        )  # fmt: skip

    def requirement(self, reply: Wire) -> t.Requirement:
        return t.Requirement(
            account=whole(reply["account"]), asset=named(self.venue.assets, reply["asset"]), lines=tuple(map(self._line, reply["lines"])),
            equity=money(reply["equity"]), available=money(reply["available"]), initial_margin=money(reply["initial_margin"]),
            maintenance_margin=money(reply["maintenance_margin"]), ts=whole(reply["ts"]),
            isolated=tuple(self.venue.numbered(whole(number)).name for number in reply.get("isolated", ())),
        )  # fmt: skip

    def _line(self, told: Wire) -> t.RequirementLine:
        kind, market = RequirementKind[told["kind"]], self._line_market(told["market"])
        sums = {name: money(told[name]) for name in ("equity", "initial", "maintenance")}
        is_position = kind == RequirementKind.POSITION and market is not None
        size, hedged = (market.size(told[name]) if is_position and market else money(told[name]) for name in ("size", "hedged"))
        return t.RequirementLine(
            kind=kind, asset=named(self.venue.assets, told["asset"]), market=market.name if market else "", size=size, hedged=hedged,
            price=market.price(told["price"]) if market and told["price"] else None, **sums,
        )  # fmt: skip

    def _line_market(self, number: int) -> Market | None:
        return self.venue.numbered(number) if number >= 0 else None

    def fee_rates(self, reply: Wire) -> t.FeeRates:
        rates = tuple(map(self._rate, reply["rates"]))
        made = money(reply["maker_volume"]) if "maker_volume" in reply else None
        return t.FeeRates(
            account=whole(reply["account"]), volume=money(reply["volume"]), rates=rates, ts=whole(reply["ts"]), maker_volume=made
        )

    def _rate(self, told: Wire) -> t.FeeRate:
        fees = {name: share(told[f"{name}_ppb"], PPB) for name in ("maker_fee", "taker_fee")}
        return t.FeeRate(market=self.venue.numbered(told["market"]).name, **fees)


AFTERWARDS: Final = {  # money of an account as it would be then: our name, and the wire's
    **{name: name for name in ("fee", "entry_notional", "isolated_margin", "equity", "initial_margin", "maintenance_margin")},
    "available": "available_margin",
}


def slippage_of(ppm: int | None) -> Decimal | None:
    """A share; None: there is none."""
    return None if ppm is None else share(ppm, PPM)


def sub_accounts_of(reply: Wire) -> t.SubAccounts:
    master = reply["master"]
    return t.SubAccounts(
        account=whole(reply["account"]), master=None if master is None else whole(master),
        sub_accounts=tuple(map(whole, reply["sub_accounts"])), ts=whole(reply["ts"]),
    )  # fmt: skip
