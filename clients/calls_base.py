"""A request in the wire's form, and what all that make one know: the venue, the account, and the last orders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any, Final, Generic, TypeVar

from msgspec.structs import replace

from perplab.exchange.codes import CancelReason, OrderState

from . import types as t
from .errors import NotConnected
from .reading import Reading, Wire, client_id_of, whole
from .units import money, rounded, some_id

T = TypeVar("T")
NO_COINS: Final = Decimal(0)
REMEMBERED: Final = 1 << 16  # orders whose market is known: enough for a day of a busy bot, some 40 MB
REPEATABLE: Final = frozenset(  # change nothing, or nothing more when done again: sent again after a reconnect
    (
        "venue", "book", "ticker", "account", "accounts", "order", "outcome", "auctions", "pool", "pending", "ping", "challenge",
        "subscribe", "unsubscribe", "cancel_on_disconnect", "preview", "triggers", "twaps", "requirement", "fee_rates", "sub_accounts",
        "maintenance",
    )
)  # fmt: skip


class Call(Generic[T]):
    """A request, and how to read its reply."""

    def __init__(self, op: str, fields: dict[str, object], read: Callable[[Wire], T], client_id: t.ClientId | None = None) -> None:
        self.op = op
        self.fields = {name: value for name, value in fields.items() if value is not None}
        self.read = read
        self.client_id = client_id

    @property
    def is_repeatable(self) -> bool:
        return self.op in REPEATABLE


def _same_terms(one: t.Order, other: t.Order) -> bool:
    """Do two orders that were sent, and not answered yet, ask for the same?"""
    return one == replace(other, client_id=one.client_id)


def nothing(reply: Wire) -> None:
    return None


def more_of(reply: Wire) -> int:
    """How many items of a list did not fit its message."""
    return whole(reply.get("more", 0))


def raw(reply: Wire) -> dict[str, Any]:
    return dict(reply)


class Known:
    """Knows the venue, the account, and the last orders: a reply names an order by its number alone."""

    def __init__(self, prefix: int, account: int | None) -> None:
        self.account_number = account
        self._reading: Reading | None = None
        self._prefix = prefix  # of the client ids made here, 64 bits
        self._numbers = count(1)
        self._orders: dict[int, t.Order] = {}
        self._by_client: dict[t.ClientId, t.Order] = {}

    def learn(self, venue: t.Venue) -> None:
        self._reading = Reading(venue)

    @property
    def reading(self) -> Reading:
        """Raises NotConnected before the first connection is made."""
        if self._reading is None:
            raise NotConnected("connect first: the venue's ticks and lots are not known yet")
        return self._reading

    def market(self, name: str) -> Any:
        """Raises ValueError."""
        return self.reading.venue.market(name)

    # -- orders that are known --

    def note(self, order: t.Order) -> t.Order:
        """Remember which order this is."""
        for held, key in ((self._orders, order.order_id), (self._by_client, order.client_id)):
            if key:
                held[key] = order  # type: ignore[index]
                if len(held) > REMEMBERED:
                    del held[next(iter(held))]  # type: ignore[arg-type]
        return order

    def sending(self, order: t.Order) -> Callable[[Wire], t.Order]:
        """Remember an order that is about to be sent, unless its client id is known already; how its reply is read."""
        assert order.client_id is not None
        before = self._by_client.get(order.client_id)
        if before is None:
            self.note(order)
        elif not (before.order_id or _same_terms(before, order)):
            before = self.note(self._bare(0, order.client_id, ""))  # two orders were sent under one id: which of them came in?

        def read(reply: Wire) -> t.Order:
            return self._settled(self._first(order.client_id, reply, before) if reply.get("repeated") else order, reply)

        return read

    def _first(self, client_id: t.ClientId | None, reply: Wire, before: t.Order | None) -> t.Order:
        """The order that had a client id first, as it is known here; what was asked for last says nothing of it."""
        number = whole(reply["order_id"])
        known = self._orders.get(number)
        if known is not None and known.client_id == client_id:
            return known
        if before is not None and before.order_id in (0, number):
            return before
        return self._bare(number, client_id, "")

    def hear(self, event: t.Event) -> None:
        """Remember an order that the private stream tells of."""
        if isinstance(event, t.OrderOpened):
            self.note(
                t.Order(
                    order_id=event.order_id, market=event.market, side=event.side, price=event.price, filled=NO_COINS, open=event.size,
                    state=OrderState.OPEN, client_id=event.client_id, reduce_only=event.reduce_only, tif=event.tif,
                )
            )  # fmt: skip
        elif isinstance(event, t.TriggerPlaced | t.TwapPlaced):
            self.note(
                t.Order(
                    order_id=event.order_id, market=event.market, side=event.side, price=None, filled=NO_COINS, open=event.size or NO_COINS,
                    state=OrderState.OPEN, client_id=event.client_id, reduce_only=getattr(event, "reduce_only", None), tif=None,
                )
            )  # fmt: skip

    def known(self, order: t.Order | int, market: str = "") -> t.Order:
        """The order as last told. One that this client has not heard of has no side and no price, nor a market until a reply tells it."""
        if isinstance(order, t.Order) and not order.order_id and order.client_id is not None:
            return self._by_client.get(order.client_id, order)  # it may have been placed meanwhile
        if isinstance(order, t.Order):
            return self._orders.get(order.order_id, order)
        found = self._orders.get(some_id(order, "the order id"))
        return found if found is not None else self._bare(order, None, market)

    def _bare(self, order_id: int, client_id: t.ClientId | None, market: str) -> t.Order:
        name = self.market(market).name if market else ""
        return t.Order(
            order_id=order_id, market=name, side=None, price=None, filled=NO_COINS, open=NO_COINS, state=OrderState.OPEN,
            client_id=client_id, reduce_only=None, tif=None,
        )  # fmt: skip

    def _settled(self, order: t.Order, reply: Wire) -> t.Order:
        """The order as a reply leaves it: as it was, where what was asked for waits."""
        waits = self.reading.queued(reply)
        if waits is not None:
            name = order.market or (self.reading.venue.numbered(reply["market"]).name if "market" in reply else "")
            return replace(order, market=name, ticket=waits.ticket, due=waits.due, seq=whole(reply["seq"]), ts=whole(reply["ts"]))
        if reply.get("status") == "withdrawn":
            gone = replace(order, state=OrderState.CANCELLED, open=NO_COINS, auctioned=False)
            return self.note(replace(gone, seq=whole(reply["seq"]), ts=whole(reply["ts"])))
        market, state = self.reading.venue.numbered(reply["market"]), OrderState[reply["state"]]
        reason = CancelReason.__members__.get(reply.get("cancel_reason") or "", order.reason)
        filled, notional = market.size(reply["filled"]), reply.get("filled_notional")
        return self.note(
            replace(
                order, order_id=whole(reply["order_id"]), market=market.name, filled=filled, open=market.size(reply["open"]),
                average_price=rounded(money(notional), filled) if notional else None, auctioned=bool(reply.get("auctioned")),
                state=state, reason=reason if state is OrderState.CANCELLED else None, repeated=bool(reply.get("repeated")),
                seq=whole(reply.get("seq", 0)),
                ts=whole(reply.get("ts", 0)), ticket=0, due=None, linked_with=reply.get("linked_with", order.linked_with) or None,
            )
        )  # fmt: skip

    # -- client ids --

    def client_id(self, given: t.ClientId | None) -> t.ClientId:
        """That which is given, as the venue writes it; a new one where none is."""
        return client_id_of(given) or self.new_client_id()

    def new_client_id(self) -> t.ClientId:
        """One that nobody has used."""
        return f"0x{self._prefix:x}{next(self._numbers):016x}"
