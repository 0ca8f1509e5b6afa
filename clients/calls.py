"""Every request of the API in the wire's form, and how its reply is read. The three clients send what is made here; nothing here does.

A `Call` is made from the user's numbers, so whatever is wrong with them is raised before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from msgspec.structs import replace

from perplab.exchange.codes import OrderState, OrderType, SelfTrade, Side, TimeInForce
from perplab.exchange.messages import MAX_TS, MAX_TS_JUMP, ROW
from perplab.exchange.units import PPM, SECOND_NS

from . import types as t
from .calls_accounts import AccountCalls
from .calls_algos import AlgoCalls
from .calls_base import NO_COINS, more_of, nothing, raw
from .calls_base import Call as Call
from .calls_operator import OperatorCalls
from .errors import Refused
from .paging import Part
from .reading import Wire, client_id_of, whole
from .units import MOST_ID, Market, Number, code_of, micro, parts, some_id, within

if TYPE_CHECKING:
    from .bots.base import Rows

T = TypeVar("T")
Buffer: TypeAlias = "bytes | bytearray | memoryview | Rows"  # packed commands
Item = t.NewOrder | t.Cancel | t.Amend
AnyItem = Item | t.NewTrigger | t.NewBracket | t.NewTwap
Channel = Literal[
    "book", "trades", "bbo", "ticker", "liquidations", "funding", "auctions", "fund", "status", "pool", "curve", "taker_auctions",
    "batches", "gas", "private",
]  # fmt: skip
Scope = Literal["none", "connection", "account"]
ROW_BYTES: Final = 8 * ROW  # of a packed command
BOOK_LEVELS: Final = 1_000  # of a side that are told
MOST_CANDLES: Final = 1_500  # of one reply
MOST_FEE: Final = 10**12  # [micro] for an earlier turn
MOST_DELAY_S: Final = MAX_TS_JUMP // SECOND_NS  # of a dead man's switch


class Calls(AlgoCalls, AccountCalls, OperatorCalls):
    """All of them."""

    # -- orders --

    def place(self, new: t.NewOrder) -> Call[t.Order]:
        fields, client_id = self._terms(new), self.client_id(new.client_id)
        terms, is_market = self.market(new.market), new.order_type == OrderType.MARKET
        ticks, lots = fields["price"], fields["size"]
        order = t.Order(
            order_id=0, market=terms.name, side=code_of(Side, new.side), price=terms.price(ticks) if ticks else None, filled=NO_COINS,
            open=terms.size(lots), state=OrderState.OPEN, client_id=client_id, reduce_only=new.reduce_only,
            tif=TimeInForce.IOC if is_market and new.tif == TimeInForce.GTC else code_of(TimeInForce, new.tif),  # as the venue makes it
            expires=fields["expires"], display=None if new.display is None else terms.size(fields["display"]),
        )  # fmt: skip
        return Call("place", {**fields, "client_id": client_id}, self.sending(order), client_id)

    def _terms(self, new: t.NewOrder) -> dict[str, Any]:
        """An order in the wire's form, without a client id."""
        market = self.market(new.market)
        if new.price is None and new.order_type != OrderType.MARKET:
            raise ValueError("a limit order needs a price")
        return {
            "market": market.number, "side": code_of(Side, new.side).name, "price": 0 if new.price is None else market.ticks(new.price),
            "size": market.lots(new.size), "order_type": code_of(OrderType, new.order_type).name, "tif": code_of(TimeInForce, new.tif).name,
            "reduce_only": int(new.reduce_only), "self_trade": code_of(SelfTrade, new.self_trade).name,
            "expires": None if new.expires is None else within(new.expires, "the time at which it expires [ns]", 0, MAX_TS),
            "display": None if new.display is None else market.lots(new.display, "what it shows"), "account": self.account_number,
            "priority_fee": None if new.priority_fee is None else micro(new.priority_fee, "the priority fee", lowest=0, highest=MOST_FEE),
        }  # fmt: skip

    def preview(self, new: t.NewOrder) -> Call[t.Preview]:
        return Call("preview", self._terms(new), self.reading.preview)

    def cancel(self, given: t.Order | t.OpenTrigger | t.OpenTwap | int, market: str = "") -> Call[t.Order]:
        order = self.known(given.order_id if isinstance(given, t.OpenTrigger | t.OpenTwap) else given, market)
        if not order.order_id and order.client_id is not None:  # it waits, and has no number yet
            return self.cancel_client(order.client_id, order.market)
        fields: dict[str, object] = {"order_id": order.order_id, "account": self.account_number}
        return Call("cancel", fields, lambda reply: self._settled(order, reply))

    def cancel_client(self, client_id: t.ClientId, market: str = "") -> Call[t.Order]:
        order = self._of_client(client_id, market)
        fields: dict[str, object] = {"client_id": order.client_id, "account": self.account_number}
        return Call("cancel_client", fields, lambda reply: self._settled(order, reply))

    def _of_client(self, client_id: t.ClientId, market: str) -> t.Order:
        key = client_id_of(client_id)
        if key is None:
            raise ValueError("say which client id")
        return self._by_client.get(key) or self._bare(0, key, market)

    def amend(self, given: t.Order | int, price: Number | None = None, size: Number | None = None, market: str = "") -> Call[t.Order]:
        if isinstance(given, t.OpenTrigger | t.OpenTwap):
            raise TypeError("triggers and TWAPs cannot be amended: cancel it, and place another one")
        order = self.known(given, market)
        if not order.market:
            raise ValueError(f"order {order.order_id} was not placed by this client, nor listed to it: say its market")
        if not order.order_id:
            raise ValueError("this order waits to be carried out: it can be amended when it has been, and cancelled before")
        price = order.price if price is None else price
        if price is None:
            raise ValueError(f"say the price, too: that of order {order.order_id} is not known here")
        terms = self.market(order.market)
        ticks = terms.ticks(price)
        fields: dict[str, object] = {
            "order_id": order.order_id, "price": ticks, "size": None if size is None else terms.lots(size), "account": self.account_number,
        }  # fmt: skip
        changed = replace(order, price=terms.price(ticks))
        return Call("amend", fields, lambda reply: self._settled(changed, reply))

    def cancel_all(self, market: str | None = None) -> Call[t.Queued | t.Swept]:
        number = None if market is None else self.market(market).number

        def read(reply: Wire) -> t.Queued | t.Swept:
            return self.reading.queued(reply) or self.reading.swept(reply)

        return Call("cancel_all", {"market": number, "account": self.account_number}, read)

    def pending(self, skip: int = 0) -> Call[Part[t.Waiting]]:
        def read(reply: Wire) -> Part[t.Waiting]:
            return Part({one.ticket: one for one in self.reading.waiting(reply)}, more_of(reply))

        return Call("pending", {"account": self.account_number, "skip": skip or None}, read)

    def batch(self, items: Sequence[AnyItem]) -> Call[list[t.Order | Refused]]:
        calls = [self._item(item) for item in items]

        def read(reply: Wire) -> list[t.Order | Refused]:
            pairs = zip(calls, reply["statuses"], strict=True)
            return [call.read(status) if status["ok"] else Refused.of(status) for call, status in pairs]

        return Call("batch", {"items": [{"op": call.op, **call.fields} for call in calls]}, read)

    def _item(self, item: AnyItem) -> Call[t.Order]:
        if isinstance(item, t.NewOrder):
            return self.place(item)
        if isinstance(item, t.NewTrigger):
            return self.place_trigger(item)
        if isinstance(item, t.NewBracket):
            return self.place_bracket(item)
        if isinstance(item, t.NewTwap):
            return self.place_twap(item)
        if isinstance(item, t.Cancel):
            return self.cancel(item.order, item.market)
        return self.amend(item.order, item.price, item.size, item.market)

    def order(self, order: t.Order | int | None, client_id: t.ClientId | None, market: str) -> Call[t.Order]:
        if (order is None) == (client_id is None):
            raise ValueError("say which order: by itself or its id, or by its client_id")
        if order is not None:
            known = self.known(order, market)
            waits = not known.order_id and known.client_id is not None
            by: dict[str, object] = {"client_id": known.client_id} if waits else {"order_id": known.order_id}
        else:
            assert client_id is not None
            known = self._of_client(client_id, market)
            by = {"client_id": known.client_id}
        return Call("order", {**by, "account": self.account_number}, lambda reply: self._settled(known, reply))

    def cancel_all_after(self, seconds: float) -> Call[None]:
        if not 0 <= seconds <= MOST_DELAY_S:
            raise ValueError(f"the delay is {seconds:g} s; the venue takes 0 to {MOST_DELAY_S} s")
        return Call("cancel_all_after", {"delay": round(seconds * SECOND_NS), "account": self.account_number}, nothing)

    def rows(self, rows: Buffer) -> Call[t.RowStatuses]:
        if not isinstance(rows, bytes | bytearray | memoryview) and rows.dtype != "int64":
            raise TypeError(f"packed commands are int64; these are {rows.dtype}")
        packed = bytes(rows) if isinstance(rows, bytes | bytearray) else rows.tobytes()
        if not packed or len(packed) % ROW_BYTES:
            raise ValueError(f"packed commands are {ROW_BYTES} bytes each; these are {len(packed)} bytes")
        count = len(packed) // ROW_BYTES
        return Call("rows", {"rows": packed}, lambda reply: self.reading.row_statuses(reply, count))

    # -- liquidity of curves --

    def add_liquidity(
        self, market: str, amount: Number, lower: Number | None = None, upper: Number | None = None
    ) -> Call[t.LiquidityChange]:  # fmt: skip
        terms = self.market(market)
        if (lower is None) != (upper is None):
            raise ValueError("a range has two ends: say lower and upper, or neither for the whole curve")
        fields: dict[str, object] = {"market": terms.number, "amount": self._pooled(terms, amount), "account": self.account_number}
        if lower is not None and upper is not None:
            fields |= {"lower": terms.ticks(lower), "upper": terms.ticks(upper)}
        return Call("add_liquidity", fields, lambda reply: self.reading.liquidity_change(terms, reply))

    def _pooled(self, terms: Market, amount: Number) -> int:
        return micro(amount, unit=self.reading.venue.assets[terms.settlement_asset], lowest=1)

    def remove_liquidity(self, market: str, shares: int, range_id: int) -> Call[t.LiquidityChange]:
        terms = self.market(market)
        fields: dict[str, object] = {
            "market": terms.number, "shares": within(shares, "the number of shares", 1, MOST_ID),
            "range_id": within(range_id, "the range_id", 0, MOST_ID), "account": self.account_number,
        }  # fmt: skip
        return Call("remove_liquidity", fields, lambda reply: self.reading.liquidity_change(terms, reply))

    def pool(self, market: str) -> Call[t.Pool]:
        return Call("pool", {"market": self.market(market).number}, self.reading.pool)

    # -- auctions --

    def auctions(self, skip: int = 0) -> Call[Part[t.Auction]]:
        def read(reply: Wire) -> Part[t.Auction]:
            return Part({one.auction: one for one in map(self.reading.auction, reply["auctions"])}, more_of(reply))

        return Call("auctions", {"skip": skip or None}, read)

    def bid(self, auction: t.Auction | int, share: Number, minimum_gain: Number) -> Call[None]:
        number = auction.auction if isinstance(auction, t.Auction) else some_id(auction, "the number of the auction")
        ppm = parts(share, "the share", "(of 1)", 1)
        if ppm > PPM:
            raise ValueError(f"the share is {share}; 1 is all that is on offer")
        fields: dict[str, object] = {
            "auction": number, "share_ppm": ppm, "minimum_gain": micro(minimum_gain, "the least gain"), "account": self.account_number,
        }  # fmt: skip
        return Call("take_auction", fields, nothing)

    # -- market data --

    def ticker(self, market: str) -> Call[t.Ticker]:
        return Call("ticker", {"market": self.market(market).number}, self.reading.ticker)

    def depth(self, market: str, levels: int) -> Call[t.Depth]:
        fields: dict[str, object] = {"market": self.market(market).number, "depth": within(levels, "the number of levels", 1, BOOK_LEVELS)}
        return Call("book", fields, self.reading.depth)

    def candles(self, market: str, interval: str, start: int, end: int | None, limit: int) -> Call[tuple[t.Candle, ...]]:
        fields: dict[str, object] = {
            "market": self.market(market).number, "interval": interval, "start": within(start, "the start [ns]", 0, MOST_ID),
            "end": None if end is None else within(end, "the end [ns]", 0, MOST_ID),
            "limit": within(limit, "the limit", 1, MOST_CANDLES),
        }  # fmt: skip
        return Call("candles", fields, self.reading.candles)

    def ping(self) -> Call[int]:
        return Call("ping", {}, lambda reply: whole(reply["ts"]))

    def subscribe(self, channel: Channel, market: str | None, depth: int | None = None, checksum: bool | None = None) -> Call[None]:
        number = None if market is None else self.market(market).number
        account = self.account_number if channel == "private" else None
        levels = None if depth is None else within(depth, "the depth", 1, BOOK_LEVELS)
        return Call("subscribe", {"channel": channel, "market": number, "account": account, "depth": levels, "checksum": checksum}, nothing)

    def unsubscribe(self, channel: Channel, market: str | None) -> Call[None]:
        number = None if market is None else self.market(market).number
        account = self.account_number if channel == "private" else None
        return Call("unsubscribe", {"channel": channel, "market": number, "account": account}, nothing)

    def cancel_on_disconnect(self, scope: Scope) -> Call[None]:
        return Call("cancel_on_disconnect", {"scope": scope, "account": self.account_number}, nothing)

    # -- what is lost, and what has no method --

    def outcome(self, request: int, call: Call[T]) -> Call[T]:
        """Ask for the reply to an earlier call; read as that, refusals included."""

        def read(reply: Wire) -> T:
            if not reply["reply"]["ok"]:
                raise Refused.of(reply["reply"])
            return call.read(reply["reply"])

        return Call("outcome", {"request": request}, read)

    def ask(self, op: str, fields: dict[str, object]) -> Call[dict[str, Any]]:
        return Call(op, fields, raw)
