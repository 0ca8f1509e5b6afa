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
from .units import WIDE, Market, money

Wire = Mapping[str, Any]
STATUS: Final = 10  # numbers that tell what a packed command came to
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
    )  # fmt: skip


def venue_of(told: Wire) -> t.Venue:
    """Raises ValueError for markets that no number could be converted in, among others."""
    markets = {market.name: market for market in map(market_of, told["markets"])}
    if [market.number for market in markets.values()] != list(range(len(told["markets"]))):
        raise ValueError("the numbers of the markets are not 0, 1, 2, ...")
    for market in markets.values():
        if not (market.tick.is_finite() and market.lot.is_finite() and market.tick > 0 and market.lot > 0):
            raise ValueError(f"{market.name} has a tick of {market.tick} and a lot of {market.lot}")
    return t.Venue(str(told["name"]), str(told["title"]), tuple(map(str, told["assets"])), markets, str(told["epoch"]))


def client_id_of(given: t.ClientId | None) -> t.ClientId | None:
    """A client id as the venue writes it: one number has one spelling."""
    number = int(given, 16) if isinstance(given, str) else given
    if not number:
        return None
    return number if number < 1 << 63 else f"{number:#x}"


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
        """Of packed commands: ten numbers for each, as docs/api.md has them."""
        told, errors = memoryview(reply["statuses"]).cast("q").tolist(), reply.get("errors", {})
        each = tuple(self._row_status(told[at : at + STATUS], errors.get(str(at // STATUS))) for at in range(0, len(told), STATUS))
        return t.RowStatuses(whole(reply["ts"]), each)

    def _row_status(self, told: list[int], error: Wire | None) -> t.RowStatus:
        reason, order_id, state, filled, left, repeated, seq, _, market, paid = told
        why = str(error["message"]) if error is not None else Reason(reason).name if reason else ""
        state_of = OrderState(state) if order_id else None
        return t.RowStatus(
            why=why, order_id=order_id, market=market, state=state_of, filled=filled, paid=paid, open=left, repeated=bool(repeated),
            seq=seq,
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
            yield t.Trade(
                market=market.name, ts=whole(one["ts"]), price=market.price(one["price"]), size=market.size(one["size"]),
                taker_side=Side[one["taker_side"]], liquidation=bool(one["liquidation"]), is_past=message["type"] == "snapshot",
            )  # fmt: skip

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
        shared: dict[str, Any] = {"market": market.name, "price": market.price(told["price"]), "size": market.size(told["size"])}
        for role, own in (("taker", side), ("maker", Side(1 - side))):
            if told[role] == head["account"]:
                yield t.Fill(
                    side=own, order_id=whole(told[f"{role}_order_id"]), fee=money(told[f"{role}_fee"]), is_maker=role == "maker",
                    liquidation=bool(told["liquidation"]), **shared, **head,
                )  # fmt: skip

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
        market = self.venue.numbered(told["market"]).name if 0 <= told["market"] < len(self.venue.markets) else ""
        return t.Rejected(command=told["command"], market=market, reason=Reason[told["reason"]], client_id=told["client_id"], **head)

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
}
STREAMS: Final[dict[str, Callable[[Reading, Market, Wire], Iterator[t.Event]]]] = {
    "trades": Reading.trades,
    "bbo": Reading.bbo,
    "ticker": Reading.ticker_changed,
    "status": Reading.status,
}
