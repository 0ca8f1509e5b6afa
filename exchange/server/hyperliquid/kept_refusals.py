"""Which orders of an action were refused, by its reply and by what the venue tells: what these asked for is kept (refused.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...schema.codes import Reason
from ..history.records import OrderRecord, OrderStatus
from . import refusals
from .coins import Coin
from .dialect import Dialect
from .errors import Wrong
from .refused import Terms

Thing = dict[str, Any]


def watched(dialect: Dialect, action: Thing, account: int, then: Callable[[object], None]) -> Callable[[object], None]:
    """The same, and what the reply to an action refuses is kept first."""
    orders = orders_of(action)
    if not orders:
        return then
    since = int(dialect.host.exchange.state.log.seq)

    def told(reply: object) -> None:
        keep(dialect, account, [(order, error) for order, error in zip(orders, errors_of(reply, len(orders))) if error], since)
        then(reply)

    return told


def keep(dialect: Dialect, account: int, left: list[tuple[object, str]], since: int) -> None:
    """`left`: orders that were refused since that event, and the words for it."""
    for record in dialect.host.history.orders(account, after=since) if left else ():
        if record.status is OrderStatus.REJECTED and dialect.refused.terms(record) is None:
            coin = dialect.coins.by_market.get(record.market)
            found = next((one for one in left if coin is not None and is_of(coin, record, *one)), None)
            if found is not None and coin is not None:
                left.remove(found)
                terms = terms_of(coin, found[0])
                if terms is not None:
                    dialect.refused.keep(record, terms)


def is_of(coin: Coin, record: OrderRecord, order: object, error: str) -> bool:
    """Was it this order that was refused so? Of two that are alike the first one is taken: they were refused in their order."""
    assert record.reason is not None
    return isinstance(order, dict) and order.get("a") == coin.asset and error.startswith(begins(record.reason))


def begins(reason: Reason) -> str:
    """How the venue's words for it begin, in front of a number."""
    return refusals.sentence(reason, refusals.OF_ORDERS).split("{")[0].split("$")[0]


def orders_of(action: Thing) -> list[object]:
    kind, many = action.get("type"), action.get("orders" if action.get("type") == "order" else "modifies")
    if kind == "order" and isinstance(many, list):
        return many
    if kind == "batchModify" and isinstance(many, list):
        return [one.get("order") if isinstance(one, dict) else None for one in many]
    return [action.get("order")] if kind == "modify" else []


def errors_of(reply: object, count: int) -> list[str]:
    """Order by order, "": it was not refused. One error for all of them is about none."""
    if not isinstance(reply, dict):
        return []
    response = reply.get("response")
    if isinstance(response, str):
        return [response] if count == 1 else []
    data = response.get("data") if isinstance(response, dict) else None
    statuses = data.get("statuses") if isinstance(data, dict) else None
    if not isinstance(statuses, list) or len(statuses) != count:
        return []
    return [str(one["error"]) if isinstance(one, dict) and "error" in one else "" for one in statuses]


def terms_of(coin: Coin, order: object) -> Terms | None:
    """As they are told; None: they cannot be read, which only what never reached the venue cannot."""
    try:
        assert isinstance(order, dict)
        kind = order["t"]
        trigger = kind.get("trigger")
        tif = None if trigger else kind["limit"]["tif"]
        at = coin.price(coin.ticks(trigger["triggerPx"])) if trigger else None
        tpsl, is_market = (str(trigger["tpsl"]), bool(trigger["isMarket"])) if trigger else ("", False)
        price, size = coin.price(coin.ticks(order["p"])), coin.size(coin.lots(order["s"]))
        return Terms(bool(order["b"]), price, size, bool(order["r"]), tif, at, tpsl, is_market)
    except (KeyError, TypeError, AttributeError, Wrong):
        return None
