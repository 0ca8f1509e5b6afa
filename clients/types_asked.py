"""What a client asks for, where that takes more than a few arguments. Part of types.py, which has all of it."""

from __future__ import annotations

from perplab.exchange.codes import OrderType, SelfTrade, Side, TimeInForce

from .types_answers import Order
from .types_curves import ClientId, Told
from .units import Number


class NewOrder(Told, frozen=True):
    """An order to be placed, alone or in a batch. Without a price a market order is to trade within the venue's price band."""

    market: str  # its name
    side: Side  # BUY or SELL
    size: Number  # [coins]
    price: Number | None = None  # [USD] limit, or the worst price of a market order
    order_type: OrderType = OrderType.LIMIT  # or MARKET: what the book takes at once, and no more
    tif: TimeInForce = TimeInForce.GTC  # GTC, IOC, FOK, POST_ONLY or RPI
    reduce_only: bool = False  # it only ever reduces a position
    self_trade: SelfTrade = SelfTrade.CANCEL_MAKER  # what happens when it meets an order of the same account
    client_id: ClientId | None = None  # None: the client makes one
    expires: int | None = None  # [ns] of the venue's clock, when it is cancelled if it rests until then (good til time); None: never
    display: Number | None = None  # [coins] of it that are shown at a time while it rests (iceberg); None: all
    priority_fee: Number | None = None  # [USD] for an earlier turn, at a venue whose blocks are in the order of these; None: nothing


class Cancel(Told, frozen=True):
    """A cancellation in a batch. `market` need not be said: the reply tells it."""

    order: Order | int
    market: str = ""


class Amend(Told, frozen=True):
    """A change in a batch. `market` and price are needed for an id that this client has not heard of."""

    order: Order | int
    price: Number | None = None  # [USD] None: as the Order says
    size: Number | None = None  # [coins] left open; None: what is open when it is carried out, whatever has been filled by then
    market: str = ""
