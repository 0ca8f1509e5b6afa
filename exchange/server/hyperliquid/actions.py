"""Actions about orders that there are, and settings: cancel, the dead man's switch, leverage, isolated margin, TWAPs."""

from __future__ import annotations

from typing import Final

from ...engine import Exchange
from ...schema.codes import MarginMode, Reason
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
from ...state.algos import G_ACCOUNT, G_MARKET
from ...state.types import NIL
from ..errors import REASON_TEXT
from . import refusals
from .coins import Coin
from .dialect import Dialect
from .errors import Failed, Unreadable
from .placing import MISSHAPEN, Whole, cloid_of, coin_of, injected, listed, lots_of, statuses
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
    if market_of(venue, account, oid) not in (None, coin.market) or venue.state.twaps.find(oid) != NIL:  # for TWAPs there is twapCancel
        return None
    return row_of(Cancel.KIND, account, oid)


def market_of(venue: Exchange, account: int, oid: int) -> int | None:
    """That of an open order or trigger of an account; None: there is none."""
    triggers = venue.state.triggers
    place = triggers.find(oid)
    if place != NIL:
        return int(triggers.cells[place + G_MARKET]) if triggers.cells[place + G_ACCOUNT] == account else None
    order = venue.open_order(account, oid)
    return None if order is None else order.market


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
