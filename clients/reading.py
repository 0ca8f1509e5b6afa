"""From the wire's maps to the structs of types.py: numbers in the user's units, codes as enums.

What the server says is trusted as far as it can be read; what cannot raises any exception, for protocol.py to end the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from perplab.exchange.codes import CancelReason, MarginMode, MarketStatus, OrderState, Reason, Side, TimeInForce
from perplab.exchange.units import PPB, PPM

from . import types as t
from .units import WIDE, Curve, Market, Tier, money

Wire = Mapping[str, Any]
STATUS: Final = 14  # numbers that tell what a packed command came to
PRICES: Final = frozenset(("price", "mark", "previous"))  # fields of events that are no types of their own, by unit
SIZES: Final = frozenset(("size", "open_size", "filled"))
AMOUNTS: Final = frozenset(
    ("amount", "margin", "equity", "maintenance", "notional", "value", "deficit", "fee", "gain", "paid", "profit", "conceded")
)


def whole(given: object) -> int:
    """A number that is handed on as it is. Raises TypeError for what is none: else it would be found out by who reckons with it."""
    if type(given) is not int:
        raise TypeError(f"{given!r} is no whole number")
    return given


def market_of(told: Wire) -> Market:
    return Market(
        number=whole(told["market"]), name=str(told["name"]), tick=Decimal(told["tick"]), lot=Decimal(told["lot"]),
        significant_figures=whole(told["significant_figures"]), minimum_notional=Decimal(told["minimum_notional"]),
        max_leverage=whole(told["max_leverage"]), maker_fee=WIDE.divide(Decimal(told["maker_fee_ppb"]), PPB),
        taker_fee=WIDE.divide(Decimal(told["taker_fee_ppb"]), PPB), settlement_asset=whole(told["settlement_asset"]),
        curve=curve_of(told.get("curve")), matching=str(told.get("matching", {}).get("rule", "price_time")),
        queue_classes=bool(told.get("matching", {}).get("queue_classes")), tiers=tuple(map(tier_of, told.get("tiers", ()))),
    )  # fmt: skip


def tier_of(told: Wire) -> Tier:
    rates = (WIDE.divide(Decimal(whole(told[f"{name}_margin_ppm"])), PPM) for name in ("initial", "maintenance"))
    return Tier(Decimal(whole(told["lower_notional"])), *rates)


def curve_of(told: Wire | None) -> Curve | None:
    if told is None:
        return None
    return Curve(
        rule=str(told["rule"]), role=str(told["role"]), is_virtual=bool(told["is_virtual"]), lock_ms=whole(told["lock_ms"]),
        reducing_fee=WIDE.divide(Decimal(told["reducing_fee_ppb"]), PPB),
    )  # fmt: skip


def sequencing_of(told: Wire) -> t.Sequencing:
    latencies = {name: whole(told[name]) for name in t.Sequencing.__struct_fields__ if name.endswith("_ms")}
    return t.Sequencing(rule=str(told["rule"]), terms=dict(told["terms"]), **latencies)


def venue_of(told: Wire) -> t.Venue:
    """Raises ValueError for markets that no number could be converted in, among others."""
    markets = {market.name: market for market in map(market_of, told["markets"])}
    if [market.number for market in markets.values()] != list(range(len(told["markets"]))):
        raise ValueError("the numbers of the markets are not 0, 1, 2, ...")
    for market in markets.values():
        if not (market.tick.is_finite() and market.lot.is_finite() and market.tick > 0 and market.lot > 0):
            raise ValueError(f"{market.name} has a tick of {market.tick} and a lot of {market.lot}")
    sequencing = sequencing_of(told["sequencing"]) if "sequencing" in told else t.Sequencing()
    gas = t.Gas(**{name: money(whole(cost)) for name, cost in told.get("gas", {}).items() if name in t.Gas.__struct_fields__})
    return t.Venue(str(told["name"]), str(told["title"]), tuple(map(str, told["assets"])), markets, str(told["epoch"]), sequencing, gas)


def client_id_of(given: t.ClientId | None) -> t.ClientId | None:
    """A client id as the venue writes it: one number has one spelling."""
    number = int(given, 16) if isinstance(given, str) else given
    if not number:
        return None
    return number if number < 1 << 63 else f"{number:#x}"


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


class Reading:
    """Of one venue."""

    def __init__(self, venue: t.Venue) -> None:
        self.venue = venue

    # -- answers --

    def order(self, told: Wire) -> t.Order:
        """Of a list of open orders."""
        market = self.venue.numbered(told["market"])
        return t.Order(
            order_id=whole(told["order_id"]), market=market.name, side=Side[told["side"]], price=market.price(told["price"]),
            filled=market.size(told["filled"]), open=market.size(told["size"]), state=OrderState.OPEN, client_id=told["client_id"],
            reduce_only=bool(told["reduce_only"]), tif=TimeInForce[told["tif"]],
        )  # fmt: skip

    def position(self, told: Wire) -> t.Position:
        market = self.venue.numbered(told["market"])
        size, notional, liquidation = market.size(told["size"]), money(told["entry_notional"]), told["liquidation_price"]
        return t.Position(
            market=market.name, size=size, entry_price=notional / size, entry_notional=notional,
            liquidation_price=market.price(liquidation) if liquidation else None, isolated_margin=money(told["isolated_margin"]),
            mode=MarginMode[told["mode"]], leverage=whole(told["leverage"]), unsettled=money(told["unsettled"]),
        )  # fmt: skip

    def balance(self, told: Wire) -> t.Balance:
        return t.Balance(
            asset=self.venue.assets[told["asset"]], **{name: money(told[name]) for name in t.Balance.__struct_fields__ if name != "asset"}
        )

    def account(self, told: Wire) -> t.Account:
        return t.Account(
            whole(told["account"]), whole(told["seq"]), tuple(map(self.balance, told["balances"])),
            tuple(map(self.position, told["positions"])), tuple(map(self.order, told["orders"])), whole(told.get("more", 0)),
            tuple(map(self.liquidity, told.get("liquidity", ()))),
        )  # fmt: skip

    def liquidity(self, told: Wire) -> t.Liquidity:
        market = self.venue.numbered(told["market"])
        return t.Liquidity(
            market=market.name, shares=whole(told["shares"]), paid_in=money(told["paid_in"]), worth=money(told["worth"]),
            locked_until=whole(told["locked_until"]), range_id=whole(told["range_id"]), lower=market.price(told["lower"]),
            upper=market.price(told["upper"]), size=market.size(told["size"]),
        )  # fmt: skip

    def liquidity_change(self, market: Market, reply: Wire) -> t.LiquidityChange:
        """What a command about liquidity came to."""
        head: dict[str, Any] = {"market": market.name, "seq": whole(reply["seq"]), "ts": whole(reply["ts"])}
        waits = self.queued(reply)
        if waits is not None:
            return t.LiquidityChange(shares=0, amount=money(0), range_id=0, ticket=waits.ticket, due=waits.due, **head)
        return t.LiquidityChange(shares=whole(reply["shares"]), amount=money(reply["amount"]), range_id=whole(reply["range_id"]), **head)

    def queued(self, reply: Wire) -> t.Queued | None:
        """Under which number a command waits; None: it does not."""
        return t.Queued(ticket=whole(reply["ticket"]), due=due_of(reply["due"])) if reply.get("status") == "queued" else None

    def waiting(self, reply: Wire) -> tuple[t.Waiting, ...]:
        return tuple(map(self._waiting, reply["pending"]))

    def _waiting(self, told: Wire) -> t.Waiting:
        return t.Waiting(
            ticket=whole(told["ticket"]), command=str(told["command"]), market=self._name(told["market"]), due=due_of(told["due"]),
            order_id=whole(told["order_id"]), client_id=told["client_id"],
        )  # fmt: skip

    def _name(self, number: int) -> str:
        """Of a market; "": of none."""
        return self.venue.numbered(number).name if 0 <= number < len(self.venue.markets) else ""

    def pool(self, told: Wire) -> t.Pool:
        market = self.venue.numbered(told["market"])
        bids, asks = (
            tuple(t.PoolLevel(market.price(one["price"]), market.size(one["size"]), money(one["value"])) for one in told[side])
            for side in ("bids", "asks")
        )
        return t.Pool(
            market=market.name, size=market.size(told["size"]), entry_notional=money(told["entry_notional"]), money=money(told["money"]),
            equity=money(told["equity"]), shares=whole(told["shares"]), middle=market.price(told["middle"]) if told["middle"] else None,
            bids=bids, asks=asks,
        )  # fmt: skip

    def levels(self, market: Market, told: list[tuple[int, int]]) -> tuple[t.BookLevel, ...]:
        return tuple(t.BookLevel(market.price(price), market.size(size)) for price, size in told)

    def best(self, market: Market, told: tuple[int, int] | None) -> t.BookLevel | None:
        return self.levels(market, [told])[0] if told else None

    def depth(self, told: Wire) -> t.Depth:
        market = self.venue.numbered(told["market"])
        return t.Depth(market.name, self.levels(market, told["bids"]), self.levels(market, told["asks"]))

    def ticker(self, told: Wire) -> t.Ticker:
        market = self.venue.numbered(told["market"])
        prices = {name: market.price(told[name]) if told[name] else None for name in ("oracle", "mark", "last")}
        prices["curve"] = market.price(told["curve"]) if told.get("curve") else None
        return t.Ticker(
            market=market.name, open_interest=market.size(told["open_interest"]),
            funding_rate=Decimal(told["funding_rate_ppt"]).scaleb(-12), funding_ts=whole(told["funding_ts"]),
            bid=self.best(market, told.get("bid")), ask=self.best(market, told.get("ask")),
            status=MarketStatus[told["status"]] if "status" in told else None, **prices,
        )  # fmt: skip

    def auction(self, told: Wire) -> t.Auction:
        is_isolated = told["market"] >= 0
        market = self.venue.numbered(max(0, told["market"])) if is_isolated or len(self.venue.markets) == 1 else None
        return t.Auction(
            auction=whole(told["auction"]), account=whole(told["account"]), market=market.name if is_isolated and market else "",
            share=WIDE.divide(Decimal(told["share_ppm"]), PPM), gain=money(told["gain"]), equity=money(told["equity"]),
            size=None if market is None else market.size(told["size"]), insolvent=bool(told["insolvent"]),
        )  # fmt: skip

    def row_statuses(self, reply: Wire) -> t.RowStatuses:
        """Of packed commands: so many numbers for each, as docs/api.md has them."""
        told, errors = memoryview(reply["statuses"]).cast("q").tolist(), reply.get("errors", {})
        each = tuple(self._row_status(told[at : at + STATUS], errors.get(str(at // STATUS))) for at in range(0, len(told), STATUS))
        return t.RowStatuses(whole(reply["ts"]), each)

    def _row_status(self, told: list[int], error: Wire | None) -> t.RowStatus:
        reason, order_id, state, filled, left, repeated, seq, _, market, paid, value, shares, ticket, due = told
        why = str(error["message"]) if error is not None else Reason(reason).name if reason else ""
        state_of = OrderState(state) if order_id and not shares else None
        return t.RowStatus(
            why=why, order_id=order_id, market=market, state=state_of, filled=filled, paid=paid, open=left, repeated=bool(repeated),
            seq=seq, value=value, shares=shares, ticket=ticket, due=due_of(due) if ticket else None,
        )  # fmt: skip

    # -- streams of market data --

    def market_events(self, message: Wire) -> Iterator[t.Event]:
        """What a message of a public stream tells; a book's is for the book."""
        read = STREAMS.get(message["channel"])
        if read is None:
            yield t.StreamMessage(channel=message["channel"], data=dict(message))
        else:
            yield from read(self, self.venue.numbered(message["market"]), message)

    def trades(self, market: Market, message: Wire) -> Iterator[t.Event]:
        for one in message["items"]:
            price, size, value = traded(market, one)
            yield t.Trade(
                market=market.name, ts=whole(one["ts"]), price=price, size=size, taker_side=Side[one["taker_side"]],
                liquidation=bool(one["liquidation"]), is_past=message["type"] == "snapshot", value=value, is_curve="value" in one,
            )  # fmt: skip

    def pool_changed(self, market: Market, message: Wire) -> Iterator[t.Event]:
        yield t.PoolChanged(pool=self.pool(message))

    def bbo(self, market: Market, message: Wire) -> Iterator[t.Event]:
        yield t.BestPrices(market=market.name, bid=self.best(market, message["bid"]), ask=self.best(market, message["ask"]))

    def ticker_changed(self, market: Market, message: Wire) -> Iterator[t.Event]:
        yield t.TickerChanged(ticker=self.ticker(message))

    def status(self, market: Market, message: Wire) -> Iterator[t.Event]:
        yield t.StatusChanged(market=market.name, status=MarketStatus[message["status"]])

    # -- private events --

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
            client_id=told["client_id"], **head,
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


PrivateRead = Callable[[Reading, dict[str, Any], Wire], t.AccountEvent]
PRIVATE: Final[dict[str, PrivateRead]] = {
    "OrderPlaced": Reading._opened,
    "OrderAmended": Reading._amended,
    "OrderReduced": Reading._reduced,
    "OrderCancelled": Reading._cancelled,
    "Rejected": Reading._rejected,
    "CancelScheduled": Reading._scheduled,
    "CurveTraded": Reading._curve_fill,
    "CommandQueued": Reading._queued,
    "LiquidityAdded": Reading._added,
    "LiquidityRemoved": Reading._removed,
    "GasPaid": Reading._gas_paid,
}
STREAMS: Final[dict[str, Callable[[Reading, Market, Wire], Iterator[t.Event]]]] = {
    "trades": Reading.trades,
    "bbo": Reading.bbo,
    "ticker": Reading.ticker_changed,
    "status": Reading.status,
    "pool": Reading.pool_changed,
}
