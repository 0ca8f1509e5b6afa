"""Orders as clients see them: open ones, in a book or auctioned before they trade, triggers, TWAPs; and what events that are kept tell."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Final

from msgspec import Struct

from ..engine import Exchange
from ..schema.codes import CancelReason, OrderState
from ..schema.events import (
    CurveTraded,
    Event,
    OrderCancelled,
    OrderPlaced,
    Rejected,
    Traded,
    TriggerCancelled,
    TriggerPlaced,
    TwapEnded,
    TwapPlaced,
    TwapSliced,
)
from ..schema.messages import Place, PlaceBracket, PlaceTrigger, PlaceTwap, column_of
from ..schema.views import OpenOrder, Waiting

BEGINS: Final[dict[int, type[Event]]] = {event.KIND: event for event in (OrderPlaced, TriggerPlaced, TwapPlaced)}
ENDS: Final[dict[int, type[Event]]] = {event.KIND: event for event in (OrderCancelled, TriggerCancelled)}
PLACING: Final = frozenset(one.KIND for one in (Place, PlaceTrigger, PlaceTwap, PlaceBracket))
Found = tuple[int, int, int, int, int]  # order id, market, OrderState, lots open and filled


def open_orders(venue: Exchange, account: int, skip: int = 0, most: int | None = None) -> list[OpenOrder]:
    """By order id: all, or `most` of those behind the first `skip`."""
    auctioned = venue.auctioned_orders(account)
    if not auctioned:
        return venue.open_orders(account, skip, most)
    orders = sorted([*venue.open_orders(account), *auctioned], key=lambda order: order.order_id)
    return orders[skip : None if most is None else skip + most]


def open_order(venue: Exchange, account: int, order_id: int) -> Found | None:
    """The account's open order of this id, a trigger or a TWAP among them; None: it has none. Of a trigger for a whole position 0 lots are
    open."""
    order = venue.open_order(account, order_id)
    orders = [order] if order is not None else venue.auctioned_orders(account)
    found = [(one.order_id, one.market, int(OrderState.OPEN), one.size, one.filled) for one in orders]
    found += [(one.order_id, one.market, int(OrderState.OPEN), one.size, 0) for one in venue.triggers(account)]
    found += [(one.order_id, one.market, int(OrderState.OPEN), one.size - one.filled, one.filled) for one in venue.twaps(account)]
    return next((one for one in found if one[0] == order_id), None)


def client_order(venue: Exchange, account: int, hi: int, lo: int) -> Found | None:
    """What became of the account's order with this client id; None: it is not known."""
    found = venue.client_order(account, hi, lo)
    return found if found is not None else venue.auctioned_client_order(account, hi, lo)


def waiting_order(venue: Exchange, account: int, hi: int, lo: int) -> Waiting | None:
    """The first of the account's orders with this client id that wait for their turn; None: none does."""
    places = (one for one in venue.pending(account) if one.command == Place.KIND)
    return next((one for one in places if (one.client_hi, one.client_lo) == (hi, lo)), None)


def is_auctioned(venue: Exchange, account: int, order_id: int) -> bool:
    """Is this order auctioned at the moment, before it trades?"""
    return any(order.order_id == order_id for order in venue.auctioned_orders(account))


class Tale(Struct):
    """What events tell of one order. Those of a TWAP's slices have numbers of their own, which are told when a slice is over."""

    state: OrderState | None = None  # None: nothing is told of it
    market: int = 0
    cancel_reason: int = 0  # CancelReason; 0: it is not cancelled
    filled: int = 0  # [lots]
    notional: int = 0  # [micro] of that
    is_whole: bool = False  # it begins where the order came in, before it traded
    lacks: bool = False  # more was filled than `notional` is of
    slices: dict[int, tuple[int, int]] | None = None  # of a TWAP: lots and value by order that may be a slice of it

    def hear(self, row: Sequence[int], order_id: int, units: Sequence[int]) -> None:
        """One event; `units`: of the markets, [micro] per tick x lot."""
        kind = row[0]
        if kind in BEGINS and row[column_of(BEGINS[kind], "order_id")] == order_id:
            self.state, self.market, self.is_whole = OrderState.FILLED, row[column_of(BEGINS[kind], "market")], True
            self.slices = {} if kind == TwapPlaced.KIND else None
        elif kind == Traded.KIND:
            numbers = row[column_of(Traded, "taker_order_id")], row[column_of(Traded, "maker_order_id")]
            if order_id in numbers or self.slices is not None:
                market, lots = row[column_of(Traded, "market")], row[column_of(Traded, "size")]
                self._fill(order_id in numbers, numbers[0], market, lots, row[column_of(Traded, "price")] * lots * units[market])
        elif kind == CurveTraded.KIND:
            number = row[column_of(CurveTraded, "order_id")]
            if number == order_id or self.slices is not None:
                self._fill(number == order_id, number, *(row[column_of(CurveTraded, name)] for name in ("market", "size", "value")))
        elif kind in ENDS and row[column_of(ENDS[kind], "order_id")] == order_id:
            self.state, self.market = OrderState.CANCELLED, row[column_of(ENDS[kind], "market")]
            self.cancel_reason = row[column_of(ENDS[kind], "reason")]
        else:
            self._hear_twap(row, order_id)

    def _hear_twap(self, row: Sequence[int], order_id: int) -> None:
        kind = row[0]
        if kind == TwapSliced.KIND and row[column_of(TwapSliced, "order_id")] == order_id and self.slices is not None:
            lots, value = self.slices.get(row[column_of(TwapSliced, "slice_order_id")], (0, 0))
            self.slices.clear()
            self.filled, self.notional = self.filled + lots, self.notional + value
        elif kind == TwapEnded.KIND and row[column_of(TwapEnded, "order_id")] == order_id:
            market, filled, left = (row[column_of(TwapEnded, name)] for name in ("market", "filled", "left"))
            self.state, self.market = OrderState.CANCELLED if left else OrderState.FILLED, market
            self.cancel_reason = row[column_of(TwapEnded, "reason")] if left else 0
            self.lacks, self.filled = self.filled != filled, filled

    @property
    def why(self) -> str | None:
        """Why it was cancelled; None: it was not, or nothing is told of that."""
        return CancelReason(self.cancel_reason).name if self.cancel_reason else None

    def _fill(self, is_own: bool, number: int, market: int, lots: int, notional: int) -> None:
        """A fill of the order, or of one that may be a slice of it."""
        if is_own:
            self.state, self.market = OrderState.FILLED, market
            self.filled, self.notional = self.filled + lots, self.notional + notional
        elif self.slices is not None:
            before = self.slices.get(number, (0, 0))
            self.slices[number] = before[0] + lots, before[1] + notional


def tale_of(order_id: int, rows: Iterator[list[int] | None], units: Sequence[int]) -> Generator[None, None, Tale]:
    """Goes through an account's events; where None is between them, others may have a turn."""
    tale = Tale()
    for row in rows:
        if row is None:
            yield
        else:
            tale.hear(row, order_id, units)
    return tale


def refusal_of(hi: int, lo: int, rows: Iterator[list[int] | None]) -> Generator[None, None, int | None]:
    """Why the last order with this client id was refused when its turn had come (Reason); None: no event tells of that."""
    reason = None
    columns = [column_of(Rejected, name) for name in ("client_hi", "client_lo")]
    for row in rows:
        if row is None:
            yield
        elif row[0] == Rejected.KIND and row[column_of(Rejected, "command")] in PLACING and [row[at] for at in columns] == [hi, lo]:
            reason = row[column_of(Rejected, "reason")]
    return reason
