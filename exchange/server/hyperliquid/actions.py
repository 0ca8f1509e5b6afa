"""Actions about orders that there are, and settings: cancel, modify, the dead man's switch, leverage, isolated margin, TWAPs."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from msgspec import Struct

from ...engine import Exchange
from ...schema.codes import MarginMode, OrderState, Reason
from ...schema.messages import (
    MAX_AMOUNT,
    MAX_LEVERAGE,
    MAX_TS_JUMP,
    Cancel,
    CancelAllAfter,
    CancelClient,
    MoveIsolatedMargin,
    PlaceTwap,
    SetLeverage,
    SetMarginMode,
)
from ...state.types import NIL
from ..errors import REASON_TEXT
from . import refusals
from .coins import Coin
from .dialect import Dialect
from .errors import Failed, Unreadable, Wrong
from .placing import (
    MISSHAPEN,
    Wanted,
    Whole,
    cloid_of,
    coin_of,
    give_client_id,
    heed_faults,
    injected,
    listed,
    lots_of,
    status,
    statuses,
    wanted,
)
from .settling import Body, Came, Work

MOST_OID: Final = 2**62
MS: Final = 1_000_000  # [ns]
LEAST_DELAY_MS: Final = 5_000
TWAP_MINUTES: Final = range(5, 7 * 24 * 60 + 1)
TWAP_INTERVAL: Final = 30_000_000_000  # [ns] between two suborders
MOST_SLICES: Final = 10_000
TWAP_SLIPPAGE_PPM: Final = 30_000
TWAP_CATCH_UP_PPM: Final = 3_000_000
DOLLARS_A_MINUTE: Final = 10
SLICE_MARGIN: Final = (105, 100)  # over the least value of an order: the mark moves
OWN_SLIP: Final = "Error placing new order during modify: "


def row_of(kind: int, account: int, *values: int) -> list[int]:
    row = [kind, 0, account, *values]
    return row + [0] * (16 - len(row))


def oid_of(given: object) -> int:
    if type(given) is not int or given < 0:
        raise Unreadable(MISSHAPEN)
    return given


def default() -> Body:
    return {"status": "ok", "response": {"type": "default"}}


# -- cancel ------------------------------------------------------------------------------------------------------------------------


def cancel(dialect: Dialect, action: Body, account: int) -> Work:
    return (yield from _cancel(dialect, action, account, ("a", "o")))


def cancel_by_cloid(dialect: Dialect, action: Body, account: int) -> Work:
    return (yield from _cancel(dialect, action, account, ("asset", "cloid")))


def _cancel(dialect: Dialect, action: Body, account: int, names: tuple[str, str]) -> Work:
    told: list[object] = []
    rows: list[int] = []
    coins: list[Coin | None] = []
    for given in listed(action, "cancels"):
        if not isinstance(given, dict) or given.keys() != set(names):
            raise Unreadable(MISSHAPEN)
        coin = coin_of(dialect, given[names[0]])
        row = cancel_row(dialect, account, given[names[1]], coin, names[1] == "cloid")
        told.append({"error": refusals.about(refusals.MISSING, coin)} if row is None else "success")
        coins.append(None if row is None else coin)
        rows += row or []
    if rows:
        came, number = (yield rows), 0
        for at, coin_or_none in enumerate(coins):
            if coin_or_none is not None:
                reason = came.reason(number)
                if reason:
                    told[at] = {"error": refusals.of_cancel(coin_or_none, reason)}
                number += 1
    return statuses(told, "cancel")


def cancel_row(dialect: Dialect, account: int, which: object, coin: Coin, by_cloid: bool) -> list[int] | None:
    """The command that cancels an order of a market; None: there is surely none. Raises Unreadable."""
    venue = dialect.host.exchange
    if by_cloid:
        hi, lo = dialect.cloids.halves(account, cloid_of(which))
        found = venue.client_order(account, hi, lo) if hi or lo else None
        if not (hi or lo) or (found is not None and found[1] != coin.market):
            return None
        return row_of(CancelClient.KIND, account, hi, lo)
    oid = oid_of(which)
    if not 0 < oid <= MOST_OID:
        return None
    order = venue.open_order(account, oid)
    if (order is not None and order.market != coin.market) or venue.state.twaps.find(oid) != NIL:  # for TWAPs there is twapCancel
        return None
    return row_of(Cancel.KIND, account, oid)


# -- modify ------------------------------------------------------------------------------------------------------------------------


def modify(dialect: Dialect, action: Body, account: int) -> Work:
    """One order, whose new number is not told."""
    reply = yield from _modify(dialect, [action], account, is_alone=True)
    told = reply[0]
    if isinstance(told, dict) and "error" in told:
        raise Failed(told["error"])
    return default()


def batch_modify(dialect: Dialect, action: Body, account: int) -> Work:
    items = listed(action, "modifies")
    if action.get("a") is True:
        items = [{**item, "a": True} if isinstance(item, dict) else item for item in items]
    return statuses((yield from _modify(dialect, items, account, is_alone=False)))


Modified = Generator[list[int], Came, list[object]]


class Change(Struct, gc=False):
    """An order that is to be another one."""

    one: Wanted
    always: bool  # is the new order placed even if the old one is gone?
    cancel: list[int] | None  # the command; None: there is surely nothing to cancel
    told: object = None  # what it came to; None: that is not known yet


def _modify(dialect: Dialect, items: list[object], account: int, is_alone: bool) -> Modified:
    """Cancels first, and then new orders for those that were cancelled."""
    changes = [_change(dialect, item, account) for item in items]
    _refuse_taken(dialect, account, changes)
    rows = [cell for change in changes if change.told is None for cell in change.cancel or ()]
    came = (yield rows) if rows else None
    new, number = list[int](), 0
    for change in changes:
        if change.told is not None:
            continue
        reason = int(Reason.UNKNOWN_ORDER)
        if change.cancel is not None and came is not None:
            reason, number = came.reason(number), number + 1
        if reason and not change.always:
            known = reason == Reason.UNKNOWN_ORDER
            change.told = {"error": refusals.UNMODIFIABLE if known else refusals.of_cancel(change.one.coin, reason)}
        else:
            change.told = _renew(dialect, change.one, is_alone)
            new += change.one.row if change.told is None else []
    came, number = (yield new) if new else None, 0
    for change in changes:
        if change.told is None and came is not None:
            told = status(dialect, change.one, came, number)
            number += 1
            change.told = _not_placed(told["error"], is_alone) if "error" in told else told
    return [change.told for change in changes]


def _change(dialect: Dialect, item: object, account: int) -> Change:
    """What is asked for. Raises Unreadable, Failed or Whole, and nothing is done."""
    if not isinstance(item, dict) or "oid" not in item:
        raise Unreadable(MISSHAPEN)
    try:
        one = wanted(dialect, account, item.get("order"))
    except Wrong as error:
        raise Whole(str(error)) from None
    return Change(one, item.get("a") is True, cancel_row(dialect, account, item["oid"], one.coin, isinstance(item["oid"], str)))


def _refuse_taken(dialect: Dialect, account: int, changes: list[Change]) -> None:
    """Refuse what would get the client id of another order that stays open, or of one before it in the batch: it is not cancelled, then,
    and keeps its own client id, which others of the batch cannot have. One that is not open has nothing to lose."""
    venue, had, cloids = dialect.host.exchange, dict[int, Change](), set[str]()
    losing: list[tuple[Change, int]] = []
    for change in changes:
        number = _order_of(venue, account, change.cancel)
        if number is not None:
            losing.append((change, number))
            had.setdefault(number, change)
        elif change.always and change.one.cloid is not None:
            cloids.add(change.one.cloid)
    heirs: dict[int, tuple[Change, int]] = {}  # by order: who would have its client id
    stay: list[tuple[Change, int]] = []
    for change, own in losing:
        cloid = change.one.cloid
        if cloid is None:
            continue
        number = _order_of(venue, account, row_of(CancelClient.KIND, account, *dialect.cloids.halves(account, cloid)))
        if cloid in cloids or (number is not None and number not in had):
            stay.append((change, own))
        elif number is not None:
            heirs[number] = change, own
        cloids.add(cloid)
    while stay:
        change, own = stay.pop()
        change.told = {"error": refusals.about(refusals.DUPLICATE, change.one.coin)}
        heir = heirs.pop(own, None)
        if heir is not None and heir[0] is not change:
            stay.append(heir)


def _order_of(venue: Exchange, account: int, row: list[int] | None) -> int | None:
    """The open order that a command would cancel; None: there is none."""
    if row is None:
        return None
    if row[0] == Cancel.KIND:
        number = row[3]
        is_open = venue.open_order(account, number) is not None or venue.state.triggers.find(number) != NIL
        return number if is_open else None
    found = venue.client_order(account, row[3], row[4]) if row[3] or row[4] else None
    return found[0] if found is not None and found[2] == OrderState.OPEN else None


def _renew(dialect: Dialect, one: Wanted, is_alone: bool) -> object:
    """Make the new order ready; what is wrong with it, or None."""
    try:
        heed_faults(dialect, one)
    except Wrong as error:
        return _not_placed(str(error), is_alone)
    give_client_id(dialect, one, may_be_reused=True)
    return None


def _not_placed(why: object, is_alone: bool) -> object:
    """Of a new order in the place of another one."""
    return {"error": f"{OWN_SLIP}{why}" if is_alone else why}


# -- settings ----------------------------------------------------------------------------------------------------------------------


def schedule_cancel(dialect: Dialect, action: Body, account: int) -> Work:
    """The time is that of the client's clock; what is left until then is let pass by the venue's."""
    given, delay = action.get("time"), 0
    if given is not None:
        if type(given) is not int:
            raise Unreadable(MISSHAPEN)
        delay = given - dialect.wall()
        if delay < LEAST_DELAY_MS:
            raise Failed(refusals.EARLY)
        if delay * MS > MAX_TS_JUMP:
            raise Failed("Scheduled cancel time too late, must be at most a day from now.")
    came = yield row_of(CancelAllAfter.KIND, account, delay * MS)
    return _settled(came, {})


def _settled(came: Came, texts: dict[Reason, str]) -> Body:
    reason = came.reason(0)
    if reason:
        raise Failed(refusals.sentence(reason, texts))
    return default()


def update_leverage(dialect: Dialect, action: Body, account: int) -> Work:
    coin, is_cross, leverage = coin_of(dialect, action.get("asset")), action.get("isCross"), action.get("leverage")
    if type(is_cross) is not bool or type(leverage) is not int:
        raise Unreadable(MISSHAPEN)
    venue = dialect.host.exchange
    if coin.is_spot:
        raise Failed(f"{REASON_TEXT[Reason.SPOT_MARKET].capitalize()}.")
    if not 1 <= leverage <= min(MAX_LEVERAGE, int(venue.state.markets[coin.market].max_leverage)):
        raise Failed(refusals.LEVERAGE)
    mode = MarginMode.CROSS if is_cross else MarginMode.ISOLATED
    if venue.position(account, coin.market).mode != mode:
        # A switch is refused while there is a position or an order, and without them the leverage is never refused: both are done, or none
        came = yield row_of(SetMarginMode.KIND, account, coin.market, int(mode))
        _settled(came, refusals.OF_LEVERAGE if venue.position(account, coin.market).size else refusals.OF_ORDERS_ALONE)
    short = refusals.CROSS_MARGIN if is_cross else refusals.ISOLATED_MARGIN
    came = yield row_of(SetLeverage.KIND, account, coin.market, leverage)
    return _settled(came, {**refusals.OF_LEVERAGE, Reason.INSUFFICIENT_MARGIN: short})


def update_isolated_margin(dialect: Dialect, action: Body, account: int) -> Work:
    coin, amount = coin_of(dialect, action.get("asset")), action.get("ntli")
    if type(action.get("isBuy")) is not bool or type(amount) is not int:
        raise Unreadable(MISSHAPEN)
    if amount == 0:
        raise Failed(refusals.ZERO_MARGIN)
    if coin.is_spot or dialect.host.exchange.position(account, coin.market).size == 0:
        raise Failed(refusals.NO_POSITION)
    if abs(amount) > MAX_AMOUNT:
        raise Failed(refusals.NO_INCREASE if amount > 0 else refusals.NO_REDUCTION)
    came = yield row_of(MoveIsolatedMargin.KIND, account, coin.market, amount)
    reason = came.reason(0)
    if reason:
        raise Failed(refusals.of_margin(reason, amount))
    return default()


# -- TWAP --------------------------------------------------------------------------------------------------------------------------


def told_of_twap(kind: str, answer: object) -> Body:
    return {"status": "ok", "response": {"type": kind, "data": {"status": answer}}}


def twap_order(dialect: Dialect, action: Body, account: int) -> Work:
    twap = action.get("twap")
    if not isinstance(twap, dict) or twap.keys() != set("absrmt"):
        raise Unreadable(MISSHAPEN)
    is_buy, reduces, minutes, is_random = twap["b"], twap["r"], twap["m"], twap["t"]
    if type(is_buy) is not bool or type(reduces) is not bool or type(minutes) is not int or type(is_random) is not bool:
        raise Unreadable(MISSHAPEN)
    details = action.get("details")
    if details is not None and not (isinstance(details, dict) and details.keys() <= {"t", "s"}):
        raise Unreadable(MISSHAPEN)
    if details and any(value is not None for value in details.values()):
        raise Failed("unsupported in sandbox: a TWAP that waits for a price, or stops at one")
    coin = coin_of(dialect, twap["a"])
    try:
        lots = lots_of(coin, twap["s"])
    except Whole as error:
        raise Failed(str(error)) from None
    if minutes not in TWAP_MINUTES:
        return told_of_twap("twapOrder", {"error": f"Invalid TWAP duration: {minutes} min(s)"})
    venue = dialect.host.exchange
    market, mark = venue.state.markets[coin.market], venue.mark_price(coin.market)
    least = DOLLARS_A_MINUTE * minutes
    if mark and lots * mark * coin.unit < least * 1_000_000:
        text = f"TWAP order value too small. Min is ${least}, which is ${DOLLARS_A_MINUTE} per minute."
        return told_of_twap("twapOrder", {"error": text})
    slices = min(2 * minutes, MOST_SLICES)
    interval = -(-minutes * 60_000_000_000 // slices)
    smallest = -(-int(market.minimum_notional) * SLICE_MARGIN[0] // (SLICE_MARGIN[1] * mark * coin.unit)) if mark else 0
    reason = injected(dialect, account)
    if reason:
        return told_of_twap("twapOrder", {"error": _why_no_twap(reason)})
    came = yield row_of(
        PlaceTwap.KIND, account, coin.market, 0 if is_buy else 1, lots, slices, max(interval, TWAP_INTERVAL), TWAP_SLIPPAGE_PPM,
        TWAP_CATCH_UP_PPM, min(smallest, lots), int(reduces),
    )  # fmt: skip
    reason = came.reason(0)
    if reason:
        return told_of_twap("twapOrder", {"error": _why_no_twap(reason)})
    return told_of_twap("twapOrder", {"running": {"twapId": came.order_id(0)}})


def _why_no_twap(reason: int) -> str:
    return refusals.TWAP_REDUCES if reason == Reason.REDUCE_ONLY else refusals.sentence(reason, refusals.OF_ORDERS)


def twap_cancel(dialect: Dialect, action: Body, account: int) -> Work:
    coin, number = coin_of(dialect, action.get("a")), oid_of(action.get("t"))
    if not any(one.order_id == number and one.market == coin.market for one in dialect.host.exchange.twaps(account)):
        return told_of_twap("twapCancel", {"error": refusals.MISSING_TWAP})
    came = yield row_of(Cancel.KIND, account, number)
    reason = came.reason(0)
    text = refusals.sentence(reason, {Reason.UNKNOWN_ORDER: refusals.MISSING_TWAP}) if reason else ""
    return told_of_twap("twapCancel", {"error": text} if reason else "success")
