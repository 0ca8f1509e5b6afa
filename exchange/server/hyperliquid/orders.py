"""Orders as this dialect tells them: open ones, triggers, those that have ended and how; and fills."""

from __future__ import annotations

import re
from typing import Any, Final

from ...schema.codes import CancelReason, Method, Reason, Side, TimeInForce, TriggerKind
from ...schema.views import OpenOrder, OpenTrigger
from ..history.records import Fill, OrderRecord, OrderStatus, Source
from ..orders import open_orders as resting
from .coins import USDC, Coin, usd
from .dialect import Dialect
from .markets import hash_of, price_of

Json = dict[str, Any]
TIFS: Final = {TimeInForce.GTC: "Gtc", TimeInForce.IOC: "Ioc", TimeInForce.POST_ONLY: "Alo", TimeInForce.RPI: "Alo", TimeInForce.FOK: "Ioc"}
CANCELLED: Final[dict[CancelReason, str]] = {
    CancelReason.USER: "canceled",
    CancelReason.IMMEDIATE: "canceled",
    CancelReason.SELF_TRADE: "selfTradeCanceled",
    CancelReason.MARGIN: "marginCanceled",
    CancelReason.REDUCE_ONLY: "reduceOnlyCanceled",
    CancelReason.LIQUIDATION: "liquidatedCanceled",
    CancelReason.OPEN_INTEREST: "openInterestCapCanceled",
    CancelReason.MARKET_STATUS: "delistedCanceled",
    CancelReason.ORACLE_STALE: "internalCancel",
    CancelReason.SCHEDULED: "scheduledCancel",
    CancelReason.CURVE: "canceled",
    CancelReason.EXPIRED: "canceled",
    CancelReason.REFUSED: "rejected",
    CancelReason.FILLED: "filled",
    CancelReason.KILL_SWITCH: "internalCancel",
    CancelReason.OCO: "siblingFilledCanceled",
    CancelReason.QUOTE: "canceled",
    CancelReason.PROTECTION: "internalCancel",
}
REJECTED: Final[dict[Reason, str]] = {  # others: "rejected"
    Reason.PRICE_PRECISION: "tickRejected",
    Reason.PRICE_BAND: "oracleRejected",
    Reason.MINIMUM_NOTIONAL: "minTradeNtlRejected",
    Reason.INSUFFICIENT_MARGIN: "perpMarginRejected",
    Reason.INSUFFICIENT_BALANCE: "insufficientSpotBalanceRejected",
    Reason.REDUCE_ONLY: "reduceOnlyRejected",
    Reason.WOULD_CROSS: "badAloPxRejected",
    Reason.NOT_FILLABLE: "iocCancelRejected",
    Reason.TRIGGER_PRICE: "badTriggerPxRejected",
    Reason.OPEN_INTEREST_CAP: "positionIncreaseAtOpenInterestCapRejected",
    Reason.TOO_MANY_ORDERS: "tooManyOpenOrdersRejected",
    Reason.NOTIONAL_LIMIT: "perpMaxPositionRejected",
}
CLOID: Final = re.compile("0x[0-9a-fA-F]{32}")
METHODS: Final = {Method.BOOK: "market"}  # others: "backstop"


# -- orders --


def side_of(side: int | None) -> str:
    return "A" if side == Side.SELL else "B"


def open_of(dialect: Dialect, account: int) -> list[Json]:
    """All open orders and triggers of an account, as frontendOpenOrders has them, the newest first."""
    venue, coins = dialect.host.exchange, dialect.coins.by_market
    told = [_open_order(dialect, coins[one.market], one) for one in resting(venue, account) if one.market in coins]
    told += [_open_trigger(dialect, coins[one.market], one) for one in venue.triggers(account) if one.market in coins]
    return sorted(told, key=lambda one: one["oid"], reverse=True)


def _open_order(dialect: Dialect, coin: Coin, one: OpenOrder) -> Json:
    return _told(
        dialect, coin, one.account, one.order_id, one.side, one.price, one.size, one.size + one.filled, one.client_hi, one.client_lo,
        reduceOnly=bool(one.reduce_only), tif=TIFS[TimeInForce(one.tif)],
    )  # fmt: skip


def _open_trigger(dialect: Dialect, coin: Coin, one: OpenTrigger) -> Json:
    more = _of_trigger(coin, one.side, one.trigger, one.trigger_price, bool(one.price))
    price = one.price or one.trigger_price
    return _told(
        dialect, coin, one.account, one.order_id, one.side, price, one.size, one.size, one.client_hi, one.client_lo,
        reduceOnly=bool(one.reduce_only), isPositionTpsl=bool(one.reduce_only and not one.size), **more,
    )  # fmt: skip


def _of_trigger(coin: Coin, side: int, kind: int, ticks: int, has_limit: bool) -> Json:
    """What is told of triggers alone."""
    is_stop = kind != TriggerKind.TAKE_PROFIT
    above = (side == Side.BUY) == is_stop
    return {
        "isTrigger": True, "triggerPx": coin.price(ticks), "triggerCondition": f"Price {'above' if above else 'below'} {coin.price(ticks)}",
        "orderType": f"{'Stop' if is_stop else 'Take Profit'} {'Limit' if has_limit else 'Market'}",
    }  # fmt: skip


def _told(
    dialect: Dialect, coin: Coin, account: int, order_id: int, side: int | None, price: int, size: int, original: int, hi: int, lo: int,
    placed: int | None = None, **more: object,
) -> Json:  # fmt: skip
    """`placed`: [ns] when it came in; None: it is looked up."""
    if placed is None:
        known = dialect.host.history.order(account, order_id)
        placed = known.placed_ts if known is not None else 0
    return {
        "coin": coin.name, "side": side_of(side), "limitPx": coin.price(price), "sz": coin.size(size), "oid": order_id,
        "timestamp": placed // 1_000_000, "triggerCondition": "N/A", "isTrigger": False, "triggerPx": "0.0", "children": [],
        "isPositionTpsl": False, "reduceOnly": False, "orderType": "Limit", "origSz": coin.size(original), "tif": None,
        "cloid": dialect.cloids.text(hi, lo), **more,
    }  # fmt: skip


PLAIN: Final = ("coin", "side", "limitPx", "sz", "oid", "timestamp", "origSz")  # of an order in openOrders and orderUpdates


def plain(order: Json) -> Json:
    told = {name: order[name] for name in PLAIN}
    if order["cloid"] is not None:
        told["cloid"] = order["cloid"]
    if order["reduceOnly"]:
        told["reduceOnly"] = True
    return told


def record(dialect: Dialect, one: OrderRecord) -> Json | None:
    """An order that is known from what has happened, with what became of it; None: it is of a market that this dialect does not have."""
    coin = dialect.coins.by_market.get(one.market)
    if coin is None:
        return None
    tif = TIFS[one.tif] if one.tif is not None and one.trigger is None else None
    more: Json = {"reduceOnly": bool(one.reduce_only), "tif": tif}
    if one.trigger is not None:
        more |= _of_trigger(coin, one.side or 0, one.trigger, one.trigger_price, bool(one.price))
    order = _told(
        dialect, coin, one.account, one.order_id, one.side, one.price or one.trigger_price, one.left, one.size, one.client_hi,
        one.client_lo, one.placed_ts, **more,
    )  # fmt: skip
    return {"order": order, "status": status_of(one), "statusTimestamp": one.ts // 1_000_000}


def status_of(one: OrderRecord) -> str:
    if one.status is OrderStatus.OPEN:
        return "open"
    if one.status is OrderStatus.FILLED:
        return "filled"
    if one.status is OrderStatus.REJECTED:
        return REJECTED.get(one.reason, "rejected") if one.reason is not None else "rejected"
    if one.cancel_reason is CancelReason.IMMEDIATE and not one.filled:
        return "iocCancelRejected"
    return CANCELLED[one.cancel_reason] if one.cancel_reason is not None else "canceled"


def is_by_venue(one: OrderRecord) -> bool:
    """Has the venue cancelled it, and not its owner?"""
    own = (None, CancelReason.USER, CancelReason.IMMEDIATE, CancelReason.QUOTE, CancelReason.FILLED)
    return one.status is OrderStatus.CANCELLED and one.cancel_reason not in own


def by_cloid(dialect: Dialect, account: int, cloid: str) -> OrderRecord | None:
    """The last order that had a client id. Raises ValueError for what is none."""
    if CLOID.fullmatch(cloid) is None:
        raise ValueError
    return dialect.host.history.order_of_client(account, *dialect.cloids.halves(account, cloid.lower()))


def status(dialect: Dialect, account: int, given: int | str) -> Json:
    """orderStatus, by order id or client id. Raises ValueError for what is neither."""
    history = dialect.host.history
    found = history.order(account, given) if isinstance(given, int) else by_cloid(dialect, account, given)
    told = record(dialect, found) if found is not None else None
    if told is None:
        told = _still_open(dialect, account, given)
    return {"status": "unknownOid"} if told is None else {"status": "order", "order": told}


def _still_open(dialect: Dialect, account: int, given: int | str) -> Json | None:
    """Of an order that is older than what is kept."""
    name = "oid" if isinstance(given, int) else "cloid"
    for one in open_of(dialect, account):
        if one[name] == given:
            return {"order": one, "status": "open", "statusTimestamp": one["timestamp"]}
    return None


# -- fills --


def fill(dialect: Dialect, one: Fill) -> Json | None:
    """None: it is of a market that this dialect does not have."""
    coin = dialect.coins.by_market.get(one.market)
    if coin is None:
        return None
    closes = one.closed_pnl is not None and is_closing(one)
    told: Json = {
        "coin": coin.name, "px": price_of(coin, one.price, one.value, one.lots), "sz": coin.size(one.lots), "side": side_of(one.side),
        "time": one.ts // 1_000_000, "startPosition": coin.size(one.start), "dir": direction(coin, one),
        "closedPnl": usd(one.closed_pnl - one.fee) if closes and one.closed_pnl is not None else "0.0", "hash": hash_of(one.seq),
        "oid": one.order_id, "crossed": one.is_taker, "fee": usd(one.fee), "tid": one.seq, "feeToken": USDC, "twapId": None,
    }  # fmt: skip
    cloid = dialect.cloids.text(one.client_hi, one.client_lo)
    if cloid is not None:
        told["cloid"] = cloid
    if one.liquidation is not None:
        ended = one.liquidation
        told["liquidation"] = {
            "liquidatedUser": dialect.people.address(ended.account), "markPx": coin.price(ended.mark),
            "method": METHODS.get(ended.method, "backstop"),
        }  # fmt: skip
    return told


def is_closing(one: Fill) -> bool:
    return one.start > 0 if one.side is Side.SELL else one.start < 0


def direction(coin: Coin, one: Fill) -> str:
    if coin.is_spot:
        return "Buy" if one.side is Side.BUY else "Sell"
    if one.source is Source.ADL:
        return "Auto-Deleveraging"
    if one.source is Source.SETTLEMENT:
        return "Settlement"
    before, opens = ("Long", "Short") if one.side is Side.SELL else ("Short", "Long")
    if not is_closing(one):
        return f"Open {opens}"
    return f"Close {before}" if one.lots <= abs(one.start) else f"{before} > {opens}"
