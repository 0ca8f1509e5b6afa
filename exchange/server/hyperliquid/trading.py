"""Actions about orders: placing, cancelling, modifying, TWAPs, and the dead man's switch. Each is one block of the venue's commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from ...schema.codes import OrderState, Reason, Side, TimeInForce, TriggerKind
from ...schema.messages import MAX_TS_JUMP, ROW, CancelAllAfter, CancelClient, LinkOco, PlaceTwap, command_row
from ..orders import client_order, open_order
from ..routing import ORDER_ID, REASON
from .awaited import Outcome, carried_out
from .cloids import HIDDEN, halves
from .coins import MICRO
from .dialect import Dialect
from .errors import Failed, Unreadable, Wrong
from .identity import Signed
from .orders import by_cloid
from .placing import (
    NOT_READ,
    Json,
    Order,
    bracket_row,
    cancel_row,
    cancelled,
    coin_of,
    error,
    found,
    order_of,
    place_row,
    placed,
    size_of,
)
from .refusals import GONE, text_of

MOST: Final = 1_000  # orders, cancels or modifications of one action
SOONEST_MS: Final = 5_000  # a scheduled cancel is that far ahead
SLICE_S: Final = 30  # of a TWAP
TWAP_SLIPPAGE_PPM: Final = 30_000
CATCH_UP_PPM: Final = 3_000_000
LONGEST_MIN: Final = 5_000  # of a TWAP: the venue takes 10,000 slices
LEAST_PER_MINUTE: Final = 10  # [USD]
Then = Callable[[object], None]


def ok(kind: str, data: object) -> Json:
    return {"status": "ok", "response": {"type": kind, "data": data}}


def items_of(action: Json, name: str) -> list[Any]:
    """Raises Unreadable or Failed."""
    items = action.get(name)
    if not isinstance(items, list):
        raise Unreadable(NOT_READ)
    if not 0 < len(items) <= MOST:
        raise Failed(f"Empty {name}." if not items else f"Too many {name}: {len(items)}, of {MOST} at most.")
    return items


def read(one: Any, how: Callable[[Any], Order]) -> Order | Json:
    """An order, or the status of one that cannot be."""
    try:
        return how(one)
    except Wrong as wrong:
        asset = one.get("a") if isinstance(one, dict) else None
        return {"error": f"{wrong} asset={asset}"}


# -- placing --


def order(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    items, grouping = items_of(action, "orders"), action.get("grouping", "na")
    if grouping not in ("na", "normalTpsl", "positionTpsl"):
        raise Unreadable(NOT_READ)
    if grouping == "normalTpsl":
        _bracket(dialect, items, signed, then)
        return
    orders = [read(one, lambda one: order_of(dialect, one, grouping == "positionTpsl")) for one in items]
    if grouping == "positionTpsl":
        _position_orders(dialect, orders, signed, then)
        return
    _place(dialect, orders, signed, lambda statuses: then(ok("order", {"statuses": statuses})))


def _place(dialect: Dialect, orders: list[Order | Json], signed: Signed, then: Callable[[list[Any]], None]) -> None:
    """`then` is told a status of each."""
    good = [_usable(dialect, signed.account, one) for one in orders if isinstance(one, Order)]

    def told(outcomes: list[Outcome | None]) -> None:
        mine = iter(_status(dialect, signed.account, one, outcome) for one, outcome in zip(good, outcomes, strict=True))
        then([next(mine) if isinstance(one, Order) else one for one in orders])

    if good:
        carried_out(dialect.host, signed.account, [place_row(signed.account, one) for one in good], told)
    else:
        then(list(orders))


def _usable(dialect: Dialect, account: int, one: Order, going: int | None = None) -> Order:
    """The order, under another client id if the venue knows that of an order that is gone, or is `going` before this one comes."""
    known = dialect.cloids.known(account, (one.hi, one.lo))
    found = client_order(dialect.host.exchange, account, *known) if one.hi != HIDDEN else None
    if found is None or (found[2] == OrderState.OPEN and found[0] != going):
        return replace(one, hi=known[0], lo=known[1])
    hi, lo = dialect.cloids.again(account, (one.hi, one.lo))
    return replace(one, hi=hi, lo=lo)


def _status(dialect: Dialect, account: int, one: Order, outcome: Outcome | None) -> Json:
    if outcome is not None:
        return placed(dialect, one, outcome)
    return found(dialect, one, dialect.host.history.order_of_client(account, one.hi, one.lo))


def _position_orders(dialect: Dialect, orders: list[Order | Json], signed: Signed, then: Then) -> None:
    """Take-profit and stop for a whole position, which cancel each other."""
    for one in orders:
        if isinstance(one, Order) and (one.trigger is None or not one.reduce_only):
            raise Failed("TP/SL orders of a position must be reduce-only triggers.")

    def told(statuses: list[Any]) -> None:
        numbers = [one["resting"]["oid"] for one in statuses if "resting" in one]
        if len(numbers) == 2:
            dialect.host.send_now([LinkOco(0, signed.account, *numbers)])
        then(ok("order", {"statuses": ["waitingForTrigger" if "resting" in one else one for one in statuses]}))

    _place(dialect, [_whole(one) if isinstance(one, Order) else one for one in orders], signed, told)


def _whole(one: Order) -> Order:
    """For the whole position, however large it is."""
    return replace(one, size=0)


def _bracket(dialect: Dialect, items: list[Any], signed: Signed, then: Then) -> None:
    """An entry, and take-profit, stop or both, as far as it fills."""
    orders = []
    for one in items:
        given = read(one, lambda one: order_of(dialect, one))
        if not isinstance(given, Order):
            then(ok("order", {"statuses": [given]}))
            return
        orders.append(given)
    entry, *children = orders
    entry = _usable(dialect, signed.account, entry)
    kinds = [one.trigger for one in children]
    if entry.trigger is not None or not 1 <= len(children) <= 2 or len(set(kinds)) < len(kinds) or None in kinds:
        raise Failed("normalTpsl is an order, and a take-profit, a stop or both for it.")
    if any(not one.reduce_only or one.side == entry.side or one.coin != entry.coin for one in children):
        raise Failed("TP/SL orders must be reduce-only, of the other side and of the same asset.")
    if any(not one.is_market for one in children):
        raise Failed("Unsupported in sandbox: TP/SL of an order are market orders here.")
    prices = {one.trigger: one.trigger_price for one in children}
    row = bracket_row(signed.account, entry, prices.get(TriggerKind.TAKE_PROFIT, 0), prices.get(TriggerKind.STOP, 0))

    def told(outcomes: list[Outcome | None]) -> None:
        first = _status(dialect, signed.account, entry, outcomes[0])
        others = [first if "error" in first else "waitingForFill" if "resting" in first else "waitingForTrigger" for _ in children]
        then(ok("order", {"statuses": [first, *others]}))

    carried_out(dialect.host, signed.account, [row], told)


# -- cancelling --


def cancel(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    _cancel(dialect, action, signed, then, _cancel_row)


def cancel_by_cloid(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    _cancel(dialect, action, signed, then, _cancel_client_row)


def _cancel(
    dialect: Dialect, action: Json, signed: Signed, then: Then, row_of: Callable[[Dialect, Any, int], tuple[list[int], int, int]]
) -> None:
    rows, orders = [], []
    for one in items_of(action, "cancels"):
        if not isinstance(one, dict):
            raise Unreadable(NOT_READ)
        row, asset, number = row_of(dialect, one, signed.account)
        rows.append(row)
        orders.append((asset, number))

    def told(outcomes: list[Outcome | None]) -> None:
        statuses = [
            cancelled(outcome, asset) if outcome is not None else _gone(dialect, signed.account, number, asset)
            for outcome, (asset, number) in zip(outcomes, orders, strict=True)
        ]
        then(ok("cancel", {"statuses": statuses}))

    carried_out(dialect.host, signed.account, rows, told)


def _cancel_row(dialect: Dialect, one: Json, account: int) -> tuple[list[int], int, int]:
    """The command, the asset, and the order."""
    coin, number = coin_of(dialect, one.get("a")), one.get("o")
    if type(number) is not int or not 0 <= number < 1 << 62:
        raise Unreadable(NOT_READ)
    known = dialect.host.exchange.open_order(account, number)
    if known is not None and known.market != coin.market:
        number = 0  # there is none of this number in this market
    return cancel_row(account, number or (1 << 61)), coin.asset, number


def _cancel_client_row(dialect: Dialect, one: Json, account: int) -> tuple[list[int], int, int]:
    coin, cloid = coin_of(dialect, one.get("asset")), one.get("cloid")
    try:
        hi, lo = dialect.cloids.known(account, halves(cloid))
    except ValueError:
        raise Unreadable(NOT_READ) from None
    known = dialect.host.history.order_of_client(account, hi, lo)
    row = [0] * ROW
    row[0] = CancelClient.KIND
    row[2:5] = [account, hi, lo]
    return row, coin.asset, known.order_id if known is not None else 0


def _gone(dialect: Dialect, account: int, number: int, asset: int) -> str | Json:
    """Of a cancel that has waited: is the order gone by it?"""
    known = dialect.host.history.order(account, number)
    is_gone = known is not None and known.status == "CANCELLED" and open_order(dialect.host.exchange, account, number) is None
    return "success" if is_gone else {"error": f"{GONE} asset={asset}"}


# -- modifying --


def modify(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    """The reply says only whether it worked."""

    def told(statuses: list[Any]) -> None:
        status = statuses[0]
        wrong = status.get("error") if isinstance(status, dict) else None
        then({"status": "err", "response": wrong} if wrong else {"status": "ok", "response": {"type": "default"}})

    _modify(dialect, [action], signed, told)


def batch_modify(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    _modify(dialect, items_of(action, "modifies"), signed, lambda statuses: then(ok("order", {"statuses": statuses})))


def _modify(dialect: Dialect, items: list[Any], signed: Signed, then: Callable[[list[Any]], None]) -> None:
    """Each is a cancel and a new order, in one block."""
    dialect.host.pass_time()  # so that what is open now is open when the block comes
    rows: list[list[int]] = []
    orders: list[Order | Json] = []
    for one in items:
        if not isinstance(one, dict):
            raise Unreadable(NOT_READ)
        made = read(one.get("order"), partial(_replacing, dialect, one))
        number = _order_number(dialect, signed.account, one.get("oid"))
        made = _usable(dialect, signed.account, made, number) if isinstance(made, Order) else made
        if isinstance(made, Order) and number is None and one.get("a") is not True:
            made = error(made, "Cannot modify canceled or filled order.")
        orders.append(made)
        if isinstance(made, Order):
            rows += [cancel_row(signed.account, number or (1 << 61)), place_row(signed.account, made)]
    if not rows:
        then(list(orders))
        return
    good = [one for one in orders if isinstance(one, Order)]

    def told(outcomes: list[Outcome | None]) -> None:
        mine = iter(_status(dialect, signed.account, one, outcome) for one, outcome in zip(good, outcomes[1::2], strict=True))
        then([next(mine) if isinstance(one, Order) else one for one in orders])

    carried_out(dialect.host, signed.account, rows, told)


def _replacing(dialect: Dialect, given: Json, order: Any) -> Order:
    """Without `a` an order that replaces another one does not take: docs of the wire. Raises Wrong, Failed or Unreadable."""
    new = order_of(dialect, order, allows_none=True)
    if given.get("a") is True or new.trigger is not None or new.tif is TimeInForce.POST_ONLY:
        return new
    if new.tif is not TimeInForce.GTC:
        raise Wrong("Order that modifies another must be Alo or Gtc.")
    return replace(new, tif=TimeInForce.POST_ONLY)


def _order_number(dialect: Dialect, account: int, given: object) -> int | None:
    """The id of an open order that is named by that or by its client id; None: it is not open. Raises Unreadable."""
    if isinstance(given, str):
        try:
            known = by_cloid(dialect, account, given)
        except ValueError:
            raise Unreadable(NOT_READ) from None
        given = known.order_id if known is not None else 0
    if type(given) is not int or not 0 <= given < 1 << 62:
        raise Unreadable(NOT_READ)
    return given if open_order(dialect.host.exchange, account, given) is not None else None


# -- in time --


def schedule_cancel(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    at, delay = action.get("time"), 0
    if at is not None:
        if type(at) is not int or not 0 <= at < 1 << 43:
            raise Unreadable(NOT_READ)
        delay = at - dialect.wall()
        if delay < SOONEST_MS:
            raise Failed("Scheduled cancel time must be at least 5 seconds in the future.")
        if delay * 1_000_000 > MAX_TS_JUMP:
            raise Failed("Scheduled cancel time is too far in the future.")
    reason = dialect.host.reasons([CancelAllAfter(0, signed.account, delay * 1_000_000)])[0]
    done(reason, then)


def done(reason: int, then: Then) -> None:
    """Of a command that has nothing to tell. Raises Failed."""
    if reason:
        raise Failed(text_of(reason))
    then({"status": "ok", "response": {"type": "default"}})


def twap(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    given = action.get("twap")
    if not isinstance(given, dict) or any(type(given.get(name)) is not bool for name in "brt") or type(given.get("m")) is not int:
        raise Unreadable(NOT_READ)
    coin, minutes = coin_of(dialect, given.get("a")), given["m"]
    try:
        lots = size_of(coin, given.get("s"))
    except Wrong as wrong:
        then(ok("twapOrder", {"status": {"error": str(wrong)}}))
        return
    if not 5 <= minutes <= LONGEST_MIN:
        then(ok("twapOrder", {"status": {"error": f"Invalid TWAP duration: {minutes} min; here it is 5 to {LONGEST_MIN}."}}))
        return
    value = lots * dialect.host.exchange.mark_price(coin.market) * coin.unit
    if value < LEAST_PER_MINUTE * minutes * 10**MICRO:
        least = LEAST_PER_MINUTE * minutes
        text = f"TWAP order value too small. Min is ${least}, which is ${LEAST_PER_MINUTE} per minute."
        then(ok("twapOrder", {"status": {"error": text}}))
        return
    command = PlaceTwap(
        0, signed.account, coin.market, Side.BUY if given["b"] else Side.SELL, lots, minutes * 60 // SLICE_S, SLICE_S * 1_000_000_000,
        TWAP_SLIPPAGE_PPM, CATCH_UP_PPM, reduce_only=int(given["r"]),
    )  # fmt: skip
    outcome = _sent(dialect, command, signed)
    if outcome[REASON]:
        then(ok("twapOrder", {"status": {"error": text_of(outcome[REASON])}}))
    else:
        then(ok("twapOrder", {"status": {"running": {"twapId": outcome[ORDER_ID]}}}))


def _sent(dialect: Dialect, command: PlaceTwap, signed: Signed) -> Outcome:
    """A command that never waits."""
    found: list[Outcome] = []
    carried_out(dialect.host, signed.account, [command_row(command)], lambda told: found.extend(one for one in told if one is not None))
    return found[0]


def twap_cancel(dialect: Dialect, action: Json, signed: Signed, then: Then) -> None:
    coin, number = coin_of(dialect, action.get("a")), action.get("t")
    if type(number) is not int or not 0 < number < 1 << 62:
        raise Unreadable(NOT_READ)
    is_there = any(one.order_id == number and one.market == coin.market for one in dialect.host.exchange.twaps(signed.account))

    def told(outcomes: list[Outcome | None]) -> None:
        wrong = outcomes[0] is not None and outcomes[0][REASON]
        text = "TWAP was never placed, already canceled, or filled."
        then(
            ok("twapCancel", {"status": {"error": text if wrong == Reason.UNKNOWN_ORDER else text_of(int(wrong))} if wrong else "success"})
        )

    carried_out(dialect.host, signed.account, [cancel_row(signed.account, number if is_there else 1 << 61)], told)
