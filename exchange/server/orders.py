"""Orders as clients see them: open ones, in a book or auctioned before they trade, and what the events that are kept tell of any."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from msgspec import Struct

from ..engine import Exchange
from ..schema.codes import OrderState
from ..schema.events import CurveTraded, OrderCancelled, OrderPlaced, Rejected, Traded
from ..schema.messages import Place, column_of
from ..schema.views import OpenOrder

Found = tuple[int, int, int, int, int]  # order id, market, OrderState, lots open and filled


def open_orders(venue: Exchange, account: int, skip: int = 0, most: int | None = None) -> list[OpenOrder]:
    """By order id: all, or `most` of those behind the first `skip`."""
    auctioned = venue.auctioned_orders(account)
    if not auctioned:
        return venue.open_orders(account, skip, most)
    orders = sorted([*venue.open_orders(account), *auctioned], key=lambda order: order.order_id)
    return orders[skip : None if most is None else skip + most]


def open_order(venue: Exchange, account: int, order_id: int) -> OpenOrder | None:
    """The account's open order of this id; None: it has none."""
    found = venue.open_order(account, order_id)
    return found or next((order for order in venue.auctioned_orders(account) if order.order_id == order_id), None)


def client_order(venue: Exchange, account: int, hi: int, lo: int) -> Found | None:
    """What became of the account's order with this client id; None: it is not known."""
    found = venue.client_order(account, hi, lo)
    if found is not None:
        return found
    ours = [order for order in venue.auctioned_orders(account) if (order.client_hi, order.client_lo) == (hi, lo)]
    return next(((one.order_id, one.market, int(OrderState.OPEN), one.size, one.filled) for one in ours), None)


def is_auctioned(venue: Exchange, account: int, order_id: int) -> bool:
    """Is this order auctioned at the moment, before it trades?"""
    return any(order.order_id == order_id for order in venue.auctioned_orders(account))


class Tale(Struct):
    """What events tell of one order."""

    state: OrderState | None = None  # None: nothing is told of it
    market: int = 0
    filled: int = 0  # [lots]
    notional: int = 0  # [micro] of that
    is_whole: bool = False  # it begins where the order came in, before it traded

    def hear(self, row: Sequence[int], order_id: int, units: Sequence[int]) -> None:
        """One event; `units`: of the markets, [micro] per tick x lot."""
        kind = row[0]
        if kind == OrderPlaced.KIND and row[column_of(OrderPlaced, "order_id")] == order_id:
            self.state, self.market, self.is_whole = OrderState.FILLED, row[column_of(OrderPlaced, "market")], True
        elif kind == Traded.KIND and order_id in (row[column_of(Traded, "taker_order_id")], row[column_of(Traded, "maker_order_id")]):
            market, lots = row[column_of(Traded, "market")], row[column_of(Traded, "size")]
            self._fill(market, lots, row[column_of(Traded, "price")] * lots * units[market])
        elif kind == CurveTraded.KIND and row[column_of(CurveTraded, "order_id")] == order_id:
            self._fill(*(row[column_of(CurveTraded, name)] for name in ("market", "size", "value")))
        elif kind == OrderCancelled.KIND and row[column_of(OrderCancelled, "order_id")] == order_id:
            self.state, self.market = OrderState.CANCELLED, row[column_of(OrderCancelled, "market")]

    def _fill(self, market: int, lots: int, notional: int) -> None:
        self.state, self.market = OrderState.FILLED, market
        self.filled, self.notional = self.filled + lots, self.notional + notional


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
    of = (Place.KIND, hi, lo)
    columns = [column_of(Rejected, name) for name in ("command", "client_hi", "client_lo")]
    for row in rows:
        if row is None:
            yield
        elif row[0] == Rejected.KIND and tuple(row[column] for column in columns) == of:
            reason = row[column_of(Rejected, "reason")]
    return reason
