"""Orders of this dialect as commands of the venue, and what these came to as its statuses.

An order without a client id is given one that nobody sees: where commands wait for their turn it is what leads to what became of them.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from ...schema.codes import OrderState, OrderType, PriceSource, Reason, Side, TimeInForce, TriggerKind
from ...schema.messages import MAX_LOTS, MAX_PRICE, ROW, Cancel, Place, PlaceBracket, PlaceTrigger, column_of
from ..history.records import OrderRecord, OrderStatus
from ..routing import FILLED, LEFT, ORDER_ID, PAID, REASON, REPEATED, STATE, VALUE
from .cloids import halves
from .coins import Coin
from .dialect import Dialect
from .errors import Failed, Unreadable, Wrong
from .refusals import GONE, NO_MATCH, text_of, would_match

Json = dict[str, Any]
NOT_READ: Final = "Failed to deserialize the JSON body into the target type"
TIFS: Final = {"Gtc": TimeInForce.GTC, "Ioc": TimeInForce.IOC, "FrontendMarket": TimeInForce.IOC, "Alo": TimeInForce.POST_ONLY}
KINDS: Final = {"tp": TriggerKind.TAKE_PROFIT, "sl": TriggerKind.STOP}
SLIPPAGE_PPM: Final = 100_000  # of market orders of triggers: docs, tp/sl
KEYS: Final = frozenset("abpsrtc")


class Order(Struct, frozen=True):
    """One order as it was asked for."""

    coin: Coin
    side: Side
    price: int  # [ticks]
    size: int  # [lots] 0: the whole position
    reduce_only: bool
    tif: TimeInForce
    hi: int  # client id
    lo: int
    trigger: TriggerKind | None = None
    trigger_price: int = 0  # [ticks]
    is_market: bool = False  # of a trigger


# -- as it was asked for --


def order_of(dialect: Dialect, given: Any, allows_none: bool = False) -> Order:
    """`allows_none`: a size of 0 is the whole position. Raises Wrong, Failed or Unreadable."""
    if not isinstance(given, dict) or not set(given) <= KEYS or type(given.get("b")) is not bool or type(given.get("r")) is not bool:
        raise Unreadable(NOT_READ)
    coin, kind = coin_of(dialect, given.get("a")), given.get("t")
    if not isinstance(kind, dict) or len(kind) != 1:
        raise Unreadable(NOT_READ)
    hi, lo = client_of(dialect, given.get("c"))
    limit, trigger = kind.get("limit"), kind.get("trigger")
    side = Side.BUY if given["b"] else Side.SELL
    if isinstance(limit, dict) and isinstance(limit.get("tif"), str) and limit["tif"] in TIFS:
        return Order(coin, side, price_of(coin, given.get("p")), size_of(coin, given.get("s")), given["r"], TIFS[limit["tif"]], hi, lo)
    if not isinstance(trigger, dict) or type(trigger.get("isMarket")) is not bool or trigger.get("tpsl") not in ("tp", "sl"):
        raise Unreadable(NOT_READ)
    size = size_of(coin, given.get("s"), 0 if allows_none else 1)
    return Order(
        coin, side, price_of(coin, given.get("p")), size, given["r"], TimeInForce.GTC, hi, lo, KINDS[trigger["tpsl"]],
        price_of(coin, trigger.get("triggerPx")), trigger["isMarket"],
    )  # fmt: skip


def coin_of(dialect: Dialect, asset: object) -> Coin:
    """Raises Unreadable or Failed."""
    if type(asset) is not int:
        raise Unreadable(NOT_READ)
    coin = dialect.coins.by_asset.get(asset)
    if coin is None:
        raise Failed(
            f"Invalid asset: {asset}. This venue has {', '.join(f'{one.asset} {one.name}' for one in dialect.coins.by_asset.values())}"
        )
    return coin


def price_of(coin: Coin, given: object) -> int:
    """[ticks]. Raises Wrong."""
    ticks = coin.ticks(given)
    if not 0 < ticks <= MAX_PRICE:
        raise Wrong("Order has invalid price.")
    return ticks


def size_of(coin: Coin, given: object, least: int = 1) -> int:
    """[lots]. Raises Wrong."""
    lots = coin.lots(given)
    if not least <= lots <= MAX_LOTS:
        raise Wrong("Order has zero size." if lots == 0 else "Order has invalid size.")
    return lots


def client_of(dialect: Dialect, given: object) -> tuple[int, int]:
    """Raises Unreadable."""
    if given is None:
        return dialect.cloids.hidden()
    try:
        return halves(given)
    except ValueError:
        raise Unreadable(NOT_READ) from None


# -- as commands --


def place_row(account: int, order: Order) -> list[int]:
    row = [0] * ROW
    coin = order.coin
    if order.trigger is not None:
        row[0] = PlaceTrigger.KIND
        row[2:17] = [
            account, coin.market, order.side, order.size, order.trigger, PriceSource.MARK, order.trigger_price,
            0 if order.is_market else order.price, TimeInForce.GTC, int(order.reduce_only), SLIPPAGE_PPM if order.is_market else 0, 0,
            order.hi, order.lo,
        ]  # fmt: skip
        assert len(row) == ROW
        return row
    row[0] = Place.KIND
    row[2:13] = [
        account, coin.market, order.side, order.price, order.size, OrderType.LIMIT, order.tif, int(order.reduce_only and not coin.is_spot),
        0, order.hi, order.lo,
    ]  # fmt: skip
    return row


def bracket_row(account: int, entry: Order, take_profit: int, stop: int) -> list[int]:
    """`take_profit` and `stop`: [ticks], 0: none."""
    row = [0] * ROW
    row[0] = PlaceBracket.KIND
    row[2:15] = [
        account, entry.coin.market, entry.side, entry.price, entry.size, OrderType.LIMIT, entry.tif, take_profit, stop, PriceSource.MARK,
        SLIPPAGE_PPM, entry.hi, entry.lo,
    ]  # fmt: skip
    return row


def cancel_row(account: int, order_id: int) -> list[int]:
    row = [0] * ROW
    row[0] = Cancel.KIND
    row[2:4] = [account, order_id]
    return row


assert [column_of(PlaceTrigger, name) for name in ("account", "trail", "client_hi", "client_lo")] == [2, 13, 14, 15]
assert [column_of(Place, name) for name in ("account", "self_trade", "client_hi", "client_lo")] == [2, 10, 11, 12]
assert [column_of(PlaceBracket, name) for name in ("account", "slippage_ppm", "client_hi", "client_lo")] == [2, 12, 13, 14]


# -- what they came to --


def placed(dialect: Dialect, order: Order, told: list[int]) -> Json:
    """The status of an order whose command did not have to wait; `told`: its outcome (routing.py)."""
    if told[REASON]:
        return refused(dialect, order, told[REASON])
    if told[REPEATED]:
        return error(order, f"Order {told[ORDER_ID]} has this client order id, and is open.")
    value = told[PAID] * order.coin.unit + told[VALUE]
    return standing(dialect, order, told[ORDER_ID], told[FILLED], value, told[LEFT] if told[STATE] == OrderState.OPEN else 0)


def found(dialect: Dialect, order: Order, record: OrderRecord | None) -> Json:
    """The status of an order whose command has waited, by what has happened."""
    if record is None:
        return error(order, "The order was withdrawn before its turn.")
    if record.status is OrderStatus.REJECTED:
        return refused(dialect, order, int(record.reason or Reason.NOT_FILLABLE))
    return standing(dialect, order, record.order_id, record.filled, record.value, record.left if record.status is OrderStatus.OPEN else 0)


def standing(dialect: Dialect, order: Order, order_id: int, filled: int, value: int, left: int) -> Json:
    coin, cloid = order.coin, dialect.cloids.told(order.hi, order.lo)
    named: Json = {"oid": order_id} if cloid is None else {"oid": order_id, "cloid": cloid}
    if filled and (not left or order.tif is TimeInForce.IOC):
        return {"filled": {"totalSz": coin.size(filled), "avgPx": coin.average(value, filled), **named}}
    if left or order.trigger is not None:
        return {"resting": named}
    return error(order, NO_MATCH)


def refused(dialect: Dialect, order: Order, reason: int) -> Json:
    if reason != Reason.WOULD_CROSS:
        return error(order, text_of(reason))
    venue, coin = dialect.host.exchange, order.coin
    bid, ask = venue.best_bid(coin.market), venue.best_ask(coin.market)
    return error(order, would_match(coin.price(bid) if bid else None, coin.price(ask) if ask else None))


def error(order: Order, text: str) -> Json:
    return {"error": f"{text} asset={order.coin.asset}"}


def cancelled(told: list[int], asset: int) -> str | Json:
    return (
        {"error": f"{GONE if told[REASON] == Reason.UNKNOWN_ORDER else text_of(told[REASON])} asset={asset}"} if told[REASON] else "success"
    )
