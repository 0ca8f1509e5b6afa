"""Orders as this dialect tells them: open ones, triggers among them, and what became of others, by its own names of an order's end."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any, Final

from ...schema.codes import CancelReason, Reason, Side, TimeInForce, TriggerKind
from ...schema.views import OpenOrder, OpenTrigger
from ...state.algos import B_FILLED, B_SLIPPAGE, B_STOP, B_TAKE_PROFIT
from ...state.types import NIL
from ..history.records import OrderRecord, OrderStatus
from ..orders import open_orders as venues_open_orders
from . import asked
from .asked import MS, Body
from .coins import Coin, in_words
from .dialect import Dialect
from .refused import Terms

KEPT: Final = 2_000
PPM: Final = 1_000_000
TIF: Final = {
    TimeInForce.GTC: "Gtc", TimeInForce.IOC: "Ioc", TimeInForce.FOK: "Ioc", TimeInForce.POST_ONLY: "Alo", TimeInForce.RPI: "Alo",
}  # fmt: skip
CANCELLED: Final = {  # others are "canceled"
    CancelReason.SELF_TRADE: "selfTradeCanceled", CancelReason.MARGIN: "marginCanceled", CancelReason.REDUCE_ONLY: "reduceOnlyCanceled",
    CancelReason.LIQUIDATION: "liquidatedCanceled", CancelReason.OPEN_INTEREST: "openInterestCapCanceled",
    CancelReason.MARKET_STATUS: "delistedCanceled", CancelReason.SCHEDULED: "scheduledCancel", CancelReason.OCO: "siblingFilledCanceled",
    CancelReason.ORACLE_STALE: "internalCancel", CancelReason.CURVE: "internalCancel", CancelReason.PROTECTION: "internalCancel",
    CancelReason.FILLED: "filled",
}  # fmt: skip
REJECTED: Final = {  # others are "rejected"
    Reason.PRICE_PRECISION: "tickRejected", Reason.PRICE_LIMIT: "tickRejected", Reason.MINIMUM_NOTIONAL: "minTradeNtlRejected",
    Reason.INSUFFICIENT_MARGIN: "perpMarginRejected", Reason.REDUCE_ONLY: "reduceOnlyRejected", Reason.WOULD_CROSS: "badAloPxRejected",
    Reason.NOT_FILLABLE: "iocCancelRejected", Reason.TRIGGER_PRICE: "badTriggerPxRejected", Reason.BRACKET_PRICES: "badTriggerPxRejected",
    Reason.OPEN_INTEREST_CAP: "positionIncreaseAtOpenInterestCapRejected",
    Reason.INSUFFICIENT_BALANCE: "insufficientSpotBalanceRejected", Reason.PRICE_BAND: "oracleRejected",
    Reason.NOTIONAL_LIMIT: "perpMaxPositionRejected", Reason.TOO_MANY_ORDERS: "tooManyOpenOrdersRejected",
    Reason.TOO_MANY_TRIGGERS: "tooManyOpenOrdersRejected",
}  # fmt: skip
FRONTEND_MARKET: Final = "FrontendMarket"
Thing = dict[str, Any]


def side_of(side: int | None) -> str:
    return "A" if side == Side.SELL else "B"


def plain(coin: Coin, side: int | None, price: str, sizes: tuple[int, int], oid: int, ts: int, cloid: str | None) -> Thing:
    """What every form of an order has. `sizes`: open, and as it came in [lots]."""
    told: Thing = {
        "coin": coin.name, "side": side_of(side), "limitPx": price, "sz": coin.size(sizes[0]), "oid": oid, "timestamp": ts // MS,
        "origSz": coin.size(sizes[1]),
    }  # fmt: skip
    if cloid is not None:
        told["cloid"] = cloid
    return told


def with_limit(told: Thing, tif: int | None, reduce_only: bool, is_market: bool = False) -> Thing:
    """All that the front end is told of an order without a trigger. `is_market`: it was sent as FrontendMarket."""
    return {
        **told, "triggerCondition": "N/A", "isTrigger": False, "triggerPx": "0.0", "children": [], "isPositionTpsl": False,
        "reduceOnly": reduce_only, "orderType": "Market" if is_market else "Limit",
        "tif": FRONTEND_MARKET if is_market else None if tif is None else TIF[TimeInForce(tif)], "cloid": told.get("cloid"),
    }  # fmt: skip


def with_trigger(told: Thing, coin: Coin, side: int | None, kind: int, price: int, is_limit: bool, whole: bool, reduce_only: bool) -> Thing:
    """The same of one with a trigger at `price` [ticks]. `whole`: for the whole position."""
    at, is_stop = coin.price(price), kind != TriggerKind.TAKE_PROFIT
    above = is_stop == (side == Side.BUY)
    return {
        **told, "triggerCondition": f"Price {'above' if above else 'below'} {in_words(at)}", "isTrigger": True, "triggerPx": at,
        "children": [], "isPositionTpsl": whole, "reduceOnly": reduce_only,
        "orderType": f"{'Stop' if is_stop else 'Take Profit'} {'Limit' if is_limit else 'Market'}", "tif": None,
        "cloid": told.get("cloid"),
    }  # fmt: skip


# -- open ones -------------------------------------------------------------------------------------------------------------------


def plain_order(dialect: Dialect, coin: Coin, order: OpenOrder) -> Thing:
    """One that is older than what is kept came in at 0, and with what it has now: a reduce-only order may have been larger."""
    record = dialect.host.history.order(order.account, order.order_id)
    ts, size = (0, order.size + order.filled) if record is None else (record.placed_ts, record.size)
    size = dialect.sizes.get(order.account, order.order_id) or size
    cloid = dialect.cloids.text(order.account, order.client_hi, order.client_lo)
    return plain(coin, order.side, coin.price(order.price), (order.size, size), order.order_id, ts, cloid)


def limit_price(dialect: Dialect, coin: Coin, trigger: OpenTrigger) -> str:
    """Of a market order what its owner has sent; if that is not known, the worst price that it may trade at if it fires where it should."""
    limits = dialect.limits
    sent = limits.get(trigger.account, trigger.order_id) or limits.get(trigger.account, trigger.bracket, int(trigger.trigger))
    if trigger.price or sent or not trigger.slippage_ppm:
        return coin.price(trigger.price or sent or trigger.trigger_price)
    return coin.price(worst(trigger.trigger_price, trigger.side, trigger.slippage_ppm))


def worst(at: int, side: int, slippage_ppm: int) -> int:
    """[ticks] that a market order may trade at which fires at `at`."""
    return at * (PPM + slippage_ppm if side == Side.BUY else PPM - slippage_ppm) // PPM


def plain_trigger(dialect: Dialect, coin: Coin, trigger: OpenTrigger) -> Thing:
    cloid = dialect.cloids.text(trigger.account, trigger.client_hi, trigger.client_lo)
    record = dialect.host.history.order(trigger.account, trigger.order_id)
    ts, sizes = 0 if record is None else record.placed_ts, (trigger.size, trigger.size)
    return plain(coin, trigger.side, limit_price(dialect, coin, trigger), sizes, trigger.order_id, ts, cloid)


def frontend_trigger(dialect: Dialect, coin: Coin, trigger: OpenTrigger) -> Thing:
    told = plain_trigger(dialect, coin, trigger)
    return with_trigger(
        told, coin, trigger.side, trigger.trigger, trigger.trigger_price, trigger.price != 0, trigger.size == 0, bool(trigger.reduce_only)
    )


def waiting_children(dialect: Dialect, coin: Coin, order: Thing, side: int, account: int) -> list[Thing]:
    """Take-profit and stop that are not placed yet, and have no number of their own until then: of a bracket that has filled nothing, or
    held here until all is filled. `order`: as it is told, of a side of an account."""
    brackets, oid = dialect.host.exchange.state.brackets, order["oid"]
    row = brackets.find(oid)
    cells = brackets.cells
    told, against = [], int(Side.SELL if side == Side.BUY else Side.BUY)
    for held in dialect.children.of(account, oid):
        price, size, kind = coin.price(held.sent_limit or held.row[9]), coin.size(held.size), held.row[6]
        child = {
            **order, "side": side_of(against), "limitPx": price, "sz": size, "origSz": size, "cloid": held.cloid,
            "oid": asked.WAITING + 2 * oid + (kind != TriggerKind.TAKE_PROFIT),
        }  # fmt: skip
        told.append(with_trigger(child, coin, against, kind, held.row[8], not held.is_market, False, True))
    if row == NIL or cells[row + B_FILLED]:
        return told
    for place, (kind, column) in enumerate(((TriggerKind.TAKE_PROFIT, B_TAKE_PROFIT), (TriggerKind.STOP, B_STOP))):
        at, slippage = int(cells[row + column]), int(cells[row + B_SLIPPAGE])
        if at:
            price = coin.price(dialect.limits.get(account, oid, int(kind)) or worst(at, against, slippage))
            child = {**order, "side": side_of(against), "limitPx": price, "oid": asked.WAITING + 2 * oid + place}
            child.pop("cloid", None)
            told.append(with_trigger(child, coin, against, int(kind), at, False, False, True))
    return told


def open_of(dialect: Dialect, account: int) -> tuple[list[tuple[Coin, OpenOrder]], list[tuple[Coin, OpenTrigger]]]:
    """Orders and triggers, those of markets that this dialect can name, the newest first."""
    venue, by_market = dialect.host.exchange, dialect.coins.by_market
    orders = [(by_market[one.market], one) for one in reversed(venues_open_orders(venue, account)) if one.market in by_market]
    triggers = [(by_market[one.market], one) for one in reversed(venue.triggers(account)) if one.market in by_market]
    return orders, triggers


def open_orders_of(dialect: Dialect, account: int) -> list[Thing]:
    orders, triggers = open_of(dialect, account)
    told = []
    for coin, order in orders:
        told.append(plain_order(dialect, coin, order) | ({"reduceOnly": True} if order.reduce_only else {}))
    for coin, trigger in triggers:
        told.append(plain_trigger(dialect, coin, trigger) | ({"reduceOnly": True} if trigger.reduce_only else {}))
    return told


def frontend_of(dialect: Dialect, account: int) -> list[Thing]:
    """The triggers of an entry's bracket are its children, and stand for themselves besides, as on the venue; those that wait for its first
    fill do not."""
    orders, triggers = open_of(dialect, account)
    shown = {trigger.order_id: frontend_trigger(dialect, coin, trigger) for coin, trigger in triggers}
    told = list(shown.values())
    for coin, order in orders:
        plain_one = plain_order(dialect, coin, order)
        children = [shown[trigger.order_id] for _, trigger in triggers if trigger.bracket == order.order_id]
        children += waiting_children(dialect, coin, plain_one, order.side, account)
        record = dialect.host.history.order(account, order.order_id)
        has_fired = record is not None and record.trigger is not None
        front = of_kind(dialect, coin, plain_one, record) if has_fired and record is not None else None
        told.append({**(front or with_limit(plain_one, order.tif, bool(order.reduce_only))), "children": children})
    return sorted(told, key=lambda one: -int(one["oid"]))


def open_orders(dialect: Dialect, body: Body) -> list[Thing]:
    account = asked.account_of(dialect, body)
    return [] if account is None else open_orders_of(dialect, account)


def frontend_open_orders(dialect: Dialect, body: Body) -> list[Thing]:
    account = asked.account_of(dialect, body)
    return [] if account is None else frontend_of(dialect, account)


# -- what became of them ---------------------------------------------------------------------------------------------------------


def status_of(record: OrderRecord) -> str:
    if record.status is OrderStatus.OPEN:
        return "triggered" if record.triggered_ts else "open"
    if record.status is OrderStatus.FILLED:
        return "filled"
    if record.status is OrderStatus.REJECTED or record.cancel_reason is CancelReason.REFUSED:
        return "rejected" if record.reason is None else REJECTED.get(record.reason, "rejected")
    if record.cancel_reason is CancelReason.IMMEDIATE and not record.filled:
        return "iocCancelRejected"
    return "canceled" if record.cancel_reason is None else CANCELLED.get(record.cancel_reason, "canceled")


def id_of(record: OrderRecord) -> int:
    """A refused order has none: it is told by a number of its own."""
    return record.order_id or asked.WITHOUT_ORDER + record.seq


def refused_order(dialect: Dialect, coin: Coin, record: OrderRecord, terms: Terms, child: int | None = None) -> Thing:
    """`child`: it is the first or the second of the order's children, and has a number of its own."""
    told: Thing = {
        "coin": coin.name, "side": "B" if terms.is_buy else "A", "limitPx": coin.price(terms.price), "sz": coin.size(terms.size),
        "oid": id_of(record) if child is None else asked.REFUSED_CHILD + 2 * record.seq + child, "timestamp": record.placed_ts // MS,
        "origSz": coin.size(terms.size),
    }  # fmt: skip
    cloid = dialect.cloids.text(record.account, record.client_hi, record.client_lo)
    if cloid is not None and child is None:
        told["cloid"] = cloid
    if not terms.tpsl:
        return {**with_limit(told, None, terms.reduces, terms.tif == FRONTEND_MARKET), "tif": terms.tif}
    kind, side = TriggerKind.TAKE_PROFIT if terms.tpsl == "tp" else TriggerKind.STOP, Side.BUY if terms.is_buy else Side.SELL
    return with_trigger(told, coin, side, kind, terms.trigger_price, not terms.is_market, False, terms.reduces)


def frontend_record(dialect: Dialect, coin: Coin, record: OrderRecord) -> Thing:
    """Of a refused order that was not asked for through this dialect the side is not known, nor price and size: it is told as a bid for
    nothing."""
    terms = dialect.refused.terms(record)
    if terms is not None:
        return refused_order(dialect, coin, record, terms)
    sent = dialect.limits.get(record.account, record.order_id) if record.trigger is not None else 0
    ticks = sent or record.price or record.trigger_price
    price = coin.price(ticks) if ticks else "0.0"
    cloid = dialect.cloids.text(record.account, record.client_hi, record.client_lo)
    size = record.asked or dialect.sizes.get(record.account, record.order_id) or record.size
    told = plain(coin, record.side, price, (record.left, size), id_of(record), record.placed_ts, cloid)
    return of_kind(dialect, coin, told, record)


def of_kind(dialect: Dialect, coin: Coin, told: Thing, record: OrderRecord) -> Thing:
    """All that the front end is told of an order that has come in. One that has fired, and rests, is what it was sent as."""
    if record.trigger is None:
        is_market = dialect.markets.get(record.account, record.order_id) != 0
        return with_limit(told, record.tif, bool(record.reduce_only), is_market)
    is_limit = record.price != 0 and not (record.triggered_ts and record.tif is TimeInForce.IOC)  # what fires at the market has a limit too
    reduce_only = True if record.reduce_only is None else record.reduce_only
    return with_trigger(told, coin, record.side, record.trigger, record.trigger_price, is_limit, record.asked == 0, reduce_only)


def past_order(dialect: Dialect, coin: Coin, record: OrderRecord) -> Thing:
    """An order whose take-profit or stop has a wrong price is not wrong itself."""
    terms = dialect.refused.terms(record)
    status = "rejected" if terms is not None and terms.children else status_of(record)
    return {"order": frontend_record(dialect, coin, record), "status": status, "statusTimestamp": record.ts // MS}


def refused_children(dialect: Dialect, coin: Coin, record: OrderRecord) -> list[Thing]:
    """Take-profit and stop of a group that was refused for the price of one of them."""
    terms = dialect.refused.terms(record)
    return [
        {
            "order": refused_order(dialect, coin, record, child, number), "status": status_of(record) if is_wrong else "rejected",
            "statusTimestamp": record.ts // MS,
        }
        for number, (child, is_wrong) in enumerate(terms.children if terms is not None else ())
    ]  # fmt: skip


def past_orders(dialect: Dialect, coin: Coin, record: OrderRecord) -> list[Thing]:
    return [past_order(dialect, coin, record), *refused_children(dialect, coin, record)]


def historical_orders(dialect: Dialect, body: Body) -> list[Thing]:
    """The last 2,000, the newest first: those that have ended, and those that are open."""
    account = asked.account_of(dialect, body)
    if account is None:
        return []
    history, by_market = dialect.host.history, dialect.coins.by_market
    records = history.orders(account)
    orders, triggers = open_of(dialect, account)
    for number in [order.order_id for _, order in orders] + [trigger.order_id for _, trigger in triggers]:
        found = history.order(account, number)
        if found is not None:
            records.append(found)
    records.sort(key=lambda record: -record.seq)
    told = (past_orders(dialect, by_market[one.market], one) for one in records if one.market in by_market and not one.is_twap)
    return list(islice(chain.from_iterable(told), KEPT))


def order_status(dialect: Dialect, body: Body) -> Thing:
    """By order id, or by client id. Raises Unreadable."""
    account, given = asked.account_of(dialect, body), body.get("oid")
    by_cloid = asked.is_hex(given, asked.CLOID)
    order_id = 0 if by_cloid else asked.integer_of(body, "oid")
    unknown = {"status": "unknownOid"}
    if account is None:
        return unknown
    if by_cloid:
        return (
            unknown_or(dialect, dialect.host.history.order_of_client(account, *dialect.cloids.halves(account, str(given).lower())))
            or unknown
        )
    known = unknown_or(dialect, dialect.host.history.order(account, order_id) or refused_of(dialect, account, order_id))
    return known or older_order(dialect, account, order_id) or child_of(dialect, account, order_id) or unknown


def refused_of(dialect: Dialect, account: int, order_id: int) -> OrderRecord | None:
    """By the number that a refused order is told by."""
    seq = order_id - asked.WITHOUT_ORDER
    found = dialect.host.history.orders(account, after=seq - 1)[:1] if seq > 0 else []
    return found[0] if found and found[0].seq == seq and found[0].status is OrderStatus.REJECTED else None


def child_of(dialect: Dialect, account: int, order_id: int) -> Thing | None:
    """By the number of a child: one that waits is open as long as its order is; or one of a group that was refused."""
    if order_id >= asked.WAITING:
        parent = unknown_or(dialect, dialect.host.history.order(account, (order_id - asked.WAITING) // 2))
        for child in parent["order"]["order"]["children"] if parent is not None else ():
            if child["oid"] == order_id:
                return {"status": "order", "order": {"order": child, "status": "open", "statusTimestamp": child["timestamp"]}}
    elif order_id >= asked.REFUSED_CHILD:
        record = refused_of(dialect, account, asked.WITHOUT_ORDER + (order_id - asked.REFUSED_CHILD) // 2)
        coin = dialect.coins.by_market.get(record.market) if record is not None else None
        for told in refused_children(dialect, coin, record) if coin is not None and record is not None else ():
            if told["order"]["oid"] == order_id:
                return {"status": "order", "order": told}
    return None


def unknown_or(dialect: Dialect, record: OrderRecord | None) -> Thing | None:
    """A TWAP is no order: twaps.py tells of it."""
    coin = dialect.coins.by_market.get(record.market) if record is not None and not record.is_twap else None
    if coin is None or record is None:
        return None
    told = past_order(dialect, coin, record)
    if record.status is OrderStatus.OPEN and record.trigger is None:
        triggers = dialect.host.exchange.triggers(record.account)
        children = [frontend_trigger(dialect, coin, trigger) for trigger in reversed(triggers) if trigger.bracket == record.order_id]
        children += waiting_children(dialect, coin, told["order"], int(record.side or 0), record.account)
        told["order"] = {**told["order"], "children": children}
    return {"status": "order", "order": told}


def older_order(dialect: Dialect, account: int, order_id: int) -> Thing | None:
    """An open trigger that is older than what is kept."""
    for trigger in dialect.host.exchange.triggers(account):
        coin = dialect.coins.by_market.get(trigger.market)
        if trigger.order_id == order_id and coin is not None:
            told = {"order": frontend_trigger(dialect, coin, trigger), "status": "open", "statusTimestamp": 0}
            return {"status": "order", "order": told}
    return None


def is_by_venue(record: OrderRecord) -> bool:
    """Has the venue cancelled it, and not its owner?"""
    own = (None, CancelReason.USER, CancelReason.IMMEDIATE, CancelReason.QUOTE, CancelReason.FILLED)
    return record.status is OrderStatus.CANCELLED and record.cancel_reason not in own
