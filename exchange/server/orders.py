"""Open orders as clients see them: those in a book, and those that are auctioned before they trade, which are in none."""

from __future__ import annotations

from ..engine import Exchange
from ..schema.codes import OrderState
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
