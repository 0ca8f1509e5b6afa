"""Requests about orders that the venue sends on an account's behalf, and about quotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from perplab.exchange.codes import OrderState, OrderType, PriceSource, Side, Spacing, TimeInForce, TriggerKind
from perplab.exchange.messages import MAX_FILLS, MAX_PRICE, MAX_TS_JUMP
from perplab.exchange.units import SECOND_NS

from . import types as t
from .calls_base import NO_COINS, Call, Known, more_of, nothing
from .paging import Part
from .reading import MOST_CLIENT_ID, Wire, client_id_of, first_refusal_of, whole
from .units import MOST_ID, Market, Number, code_of, parts, some_id, steps, within

MOST_QUOTES: Final = 5  # of one side, in one request
MOST_RUNGS: Final = 50  # orders of a ladder
MOST_SLICES: Final = 10_000  # of a TWAP
ONE: Final = 1_000_000  # in millionths
MOST_S: Final = MAX_TS_JUMP // SECOND_NS  # of an interval, or of a window


class AlgoCalls(Known):
    def place_trigger(self, new: t.NewTrigger) -> Call[t.Order]:
        market, kind = self.market(new.market), code_of(TriggerKind, new.trigger)
        is_trailing = kind in (TriggerKind.TRAILING_TICKS, TriggerKind.TRAILING_PPM)
        if (new.trail is not None) != is_trailing:
            raise ValueError(f"a trigger of kind {kind.name} {'needs a' if is_trailing else 'has no'} trail")
        if new.price is None and not is_trailing:
            raise ValueError(f"a trigger of kind {kind.name} needs the price at which it fires")
        if new.size is None and not new.reduce_only:
            raise ValueError("a trigger without a size is for the whole position: it is reduce_only")
        lots = 0 if new.size is None else market.lots(new.size)
        limit = 0 if new.limit is None else market.ticks(new.limit)
        fields: dict[str, object] = {
            "market": market.number, "side": code_of(Side, new.side).name, "size": lots, "trigger": kind.name,
            "source": code_of(PriceSource, new.source).name, "trigger_price": trigger_ticks(market, new.price), "price": limit,
            "tif": code_of(TimeInForce, new.tif).name, "reduce_only": int(new.reduce_only), "slippage_ppm": ppm_of(new.slippage),
            "trail": trail_of(market, kind, new.trail),
        }  # fmt: skip
        order = waiting(market, new.side, lots, limit, new.tif, new.reduce_only)
        return self._sent("place_trigger", fields, order, new.client_id)

    def place_bracket(self, new: t.NewBracket) -> Call[t.Order]:
        market, is_market = self.market(new.market), new.order_type == OrderType.MARKET
        if new.price is None and not is_market:
            raise ValueError("a limit order needs a price")
        if new.take_profit is None and new.stop is None:
            raise ValueError("a bracket has a take_profit, a stop or both")
        lots, ticks = market.lots(new.size), 0 if new.price is None else market.ticks(new.price)
        fields: dict[str, object] = {
            "market": market.number, "side": code_of(Side, new.side).name, "price": ticks, "size": lots,
            "order_type": code_of(OrderType, new.order_type).name, "tif": code_of(TimeInForce, new.tif).name,
            "take_profit": trigger_ticks(market, new.take_profit), "stop": trigger_ticks(market, new.stop),
            "source": code_of(PriceSource, new.source).name, "slippage_ppm": ppm_of(new.slippage),
        }  # fmt: skip
        if new.alone:
            fields["alone"] = 1
        tif = TimeInForce.IOC if is_market and new.tif == TimeInForce.GTC else new.tif  # as the venue makes it
        return self._sent("place_bracket", fields, waiting(market, new.side, lots, ticks, tif, False), new.client_id)

    def place_twap(self, new: t.NewTwap) -> Call[t.Order]:
        market, lots = self.market(new.market), self.market(new.market).lots(new.size)
        if not 1 <= new.every_s <= MOST_S:
            raise ValueError(f"a slice every {new.every_s:g} s; the venue takes 1 to {MOST_S} s")
        fields: dict[str, object] = {
            "market": market.number, "side": code_of(Side, new.side).name, "size": lots,
            "slices": within(new.slices, "the number of slices", 1, MOST_SLICES),
            "interval": round(new.every_s * SECOND_NS), "slippage_ppm": ppm_of(new.slippage),
            "catch_up_ppm": parts(new.catch_up, "catch_up", "times", ONE, 10 * ONE),
            "minimum_slice": 0 if new.minimum_slice is None else market.lots(new.minimum_slice), "reduce_only": int(new.reduce_only),
            "take_profit": trigger_ticks(market, new.take_profit), "stop": trigger_ticks(market, new.stop),
        }  # fmt: skip
        order = waiting(market, new.side, lots, 0, TimeInForce.IOC, new.reduce_only)
        return self._sent("place_twap", fields, order, new.client_id)

    def _sent(self, op: str, fields: dict[str, object], order: t.Order, given: t.ClientId | None) -> Call[t.Order]:
        """A request that an order comes of, which has a client id from here on."""
        client_id = self.client_id(given)
        sent = {**fields, "client_id": client_id, "account": self.account_number}
        return Call(op, sent, self.sending(replace(order, client_id=client_id)), client_id)

    def place_ladder(self, new: t.NewLadder) -> Call[t.Ladder]:
        market = self.market(new.market)
        if not 2 <= within(new.count, "the number of orders", -MOST_ID, MOST_ID) <= MOST_RUNGS:
            raise ValueError(f"a ladder of {new.count} orders; the venue takes 2 to {MOST_RUNGS}")
        client_ids = self.client_ids(new.client_id, new.count)
        fields: dict[str, object] = {
            "market": market.number, "side": code_of(Side, new.side).name, "size": market.lots(new.size),
            "first_price": market.ticks(new.first_price), "last_price": market.ticks(new.last_price), "count": new.count,
            "spacing": code_of(Spacing, new.spacing).name,
            "skew_ppm": parts(new.skew, "the skew", "times", ONE // 100, 100 * ONE), "tif": code_of(TimeInForce, new.tif).name,
            "reduce_only": int(new.reduce_only), "client_id": client_ids[0], "account": self.account_number,
        }  # fmt: skip

        def read(reply: Wire) -> t.Ladder:
            counts = {name: whole(reply[name]) for name in ("placed", "refused", "queued", "seq", "ts")}
            counts["repeated"] = whole(reply.get("repeated", 0))
            return t.Ladder(market=market.name, client_ids=client_ids, first_refusal=first_refusal_of(reply), **counts)

        return Call("place_ladder", fields, read, client_ids[0])

    def link_oco(
        self, first: t.Order | t.OpenTrigger | int, second: t.Order | t.OpenTrigger | int, alone: bool = False
    ) -> Call[None]:  # fmt: skip
        fields: dict[str, object] = {"first": number_of(first), "second": number_of(second), "account": self.account_number}
        if alone:
            fields["alone"] = 1
        return Call("link_oco", fields, nothing)

    def triggers(self, skip: int = 0) -> Call[Part[t.OpenTrigger]]:
        def read(reply: Wire) -> Part[t.OpenTrigger]:
            return Part({one.order_id: one for one in self.reading.triggers(reply)}, more_of(reply))

        return Call("triggers", {"account": self.account_number, "skip": skip or None}, read)

    def twaps(self, skip: int = 0) -> Call[Part[t.OpenTwap]]:
        def read(reply: Wire) -> Part[t.OpenTwap]:
            return Part({one.order_id: one for one in self.reading.twaps(reply)}, more_of(reply))

        return Call("twaps", {"account": self.account_number, "skip": skip or None}, read)

    # -- quotes --

    def mass_quote(self, market: str, side: Side, quotes: Sequence[tuple[Number, Number]]) -> Call[t.Queued | t.Quoted]:
        terms = self.market(market)
        if len(quotes) > MOST_QUOTES:
            raise ValueError(f"{len(quotes)} quotes given; a side has {MOST_QUOTES} at most")
        fields: dict[str, object] = {"market": terms.number, "side": code_of(Side, side).name, "account": self.account_number}
        for number, (price, size) in enumerate(quotes, start=1):
            fields |= {f"price_{number}": terms.ticks(price), f"size_{number}": terms.lots(size)}

        def read(reply: Wire) -> t.Queued | t.Quoted:
            counts = ("placed", "refused", "seq", "ts")
            return self.reading.queued(reply) or t.Quoted(
                first_refusal=first_refusal_of(reply), **{name: whole(reply[name]) for name in counts}
            )

        return Call("mass_quote", fields, read)

    def set_quote_protection(self, market: str, window_s: float | None, fills: int, size: Number | None, off: bool) -> Call[None]:
        terms, most = self.market(market), within(fills, "the number of fills", 0, MAX_FILLS)
        if off:
            if window_s is not None or most or size is not None:
                raise ValueError("off=True ends the protection: it has no window and no limit")
            window_s = 1  # the venue wants some
        elif window_s is None or (not most and size is None):
            raise ValueError("say window_s, and after how many fills or what size quotes are cancelled; off=True ends the protection")
        window = round(window_s * SECOND_NS) if 0 < window_s <= MOST_S else 0
        if not window:
            raise ValueError(f"the window is {window_s:g} s; the venue takes more than 0 and at most {MOST_S} s")
        fields: dict[str, object] = {
            "market": terms.number, "window": window, "fills": most, "lots": 0 if size is None else terms.lots(size),
            "account": self.account_number,
        }  # fmt: skip
        return Call("set_quote_protection", fields, nothing)

    # -- client ids --

    def client_ids(self, given: t.ClientId | None, count: int) -> tuple[t.ClientId, ...]:
        """The one that is given, or a new one, and those that follow it: `count` in all, none of which another order gets from here."""
        first = self.client_id(given)
        number = int(first, 16) if isinstance(first, str) else first
        if number + count > MOST_CLIENT_ID:
            raise ValueError(f"the client id {first} has no {count - 1} that follow it: they are numbers of 128 bits")
        if client_id_of(given) is None:
            for _ in range(count - 1):
                self.new_client_id()  # what follows the first one is spoken for
        return (first, *(self.client_id(f"{number + one:#x}") for one in range(1, count)))


def waiting(market: Market, side: Side, lots: int, ticks: int, tif: TimeInForce, reduce_only: bool) -> t.Order:
    """An order as it is before the venue has heard of it."""
    return t.Order(
        order_id=0, market=market.name, side=code_of(Side, side), price=market.price(ticks) if ticks else None, filled=NO_COINS,
        open=market.size(lots), state=OrderState.OPEN, reduce_only=reduce_only, tif=code_of(TimeInForce, tif),
    )  # fmt: skip


def trigger_ticks(market: Market, price: Number | None) -> int:
    """Ticks of a price that is compared with others: any number of figures will do. 0: there is none."""
    return 0 if price is None else steps(price, market.tick, f"the price in {market.name}", "USD", 1, MAX_PRICE)


def trail_of(market: Market, kind: TriggerKind, trail: Number | None) -> int:
    """A distance, in ticks or in ppm of the price, as the kind has it."""
    if trail is None:
        return 0
    if kind == TriggerKind.TRAILING_PPM:
        return parts(trail, "the trail", "(of 1)", 1, ONE)
    return steps(trail, market.tick, f"the trail in {market.name}", "USD", 1, MAX_PRICE)


def ppm_of(slippage: Number | None) -> int:
    """0: there is no limit but the venue's."""
    return 0 if slippage is None else parts(slippage, "the slippage", "(of 1)", 1, ONE)


def number_of(order: t.Order | t.OpenTrigger | int) -> int:
    """Raises ValueError for an order that waits, and has no number yet."""
    if not isinstance(order, t.Order | t.OpenTrigger):
        return some_id(order, "the order id")
    number = order.order_id
    if not number:
        raise ValueError("this order waits to be carried out: it can be linked when it has been")
    return number
