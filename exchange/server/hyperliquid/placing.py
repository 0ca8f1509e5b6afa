"""Orders: what clients write as commands, and what these came to as clients read it.

Two kinds of wrong orders, as at the venue. What the payload itself shows to be wrong (`Whole`) refuses all of it, and there is one status;
what is wrong with one order (`Wrong`) stands in its own.
"""

from __future__ import annotations

import re
from collections.abc import Container, Generator, Iterable
from typing import Final

from msgspec import Struct

from ...schema.codes import OrderState, PriceSource, TimeInForce, TriggerKind
from ...schema.events import OrderPlaced
from ...schema.messages import MAX_LOTS, MAX_PRICE, Place, PlaceTrigger, column_of
from ..errors import Refusal, Rejected
from ..routing import FILLED, ORDER_ID, PAID, REPEATED, STATE, VALUE
from . import refusals
from .asked import UNREADABLE
from .cloids import MARK as CLOIDS
from .coins import Coin, steps
from .dialect import Dialect
from .errors import Failed, Unreadable, Wrong
from .hearing import W
from .refused import Terms
from .settling import Body, Came, Work

MOST_ORDERS: Final = 1_000  # of one action: others wait meanwhile
MISSHAPEN: Final = UNREADABLE
CLOID: Final = re.compile("0x[0-9a-fA-F]{32}")
KEYS: Final = frozenset("abpsrtc")
TRIGGER_KEYS: Final = frozenset(("isMarket", "triggerPx", "tpsl"))
GTC, IOC, ALO = int(TimeInForce.GTC), int(TimeInForce.IOC), int(TimeInForce.POST_ONLY)
TIFS: Final = {"Gtc": GTC, "Ioc": IOC, "Alo": ALO, "FrontendMarket": IOC}
KINDS: Final = {"tp": int(TriggerKind.TAKE_PROFIT), "sl": int(TriggerKind.STOP)}
MARK: Final = int(PriceSource.MARK)
SLIPPAGE_PPM: Final = 100_000  # of a market TP/SL: documented as 10 %
HI: Final = {Place.KIND: 11, PlaceTrigger.KIND: 14}  # where a row has the client id; a test holds it to the schema
PLACED_ID, PLACED_SIZE = column_of(OrderPlaced, "order_id"), column_of(OrderPlaced, "size")
OPEN: Final = int(OrderState.OPEN)
FILLED_WHOLE: Final = int(OrderState.FILLED)


class Whole(Wrong):
    """The payload as a whole is refused, and its one status says why."""


class Wanted(Struct, gc=False):
    """An order that was asked for. Its row is of Place or PlaceTrigger."""

    row: list[int]
    coin: Coin
    cloid: str | None
    tif: str  # "" of a trigger
    size: int  # [lots]
    is_buy: bool
    reduces: bool
    tpsl: str = ""  # of a trigger
    is_market: bool = False  # of a trigger
    sent_limit: int = 0  # [ticks] of a trigger that is a market order

    @property
    def is_immediate(self) -> bool:
        return TIFS.get(self.tif) == IOC


# -- reading -----------------------------------------------------------------------------------------------------------------------


def coin_of(dialect: Dialect, asset: object) -> Coin:
    """Raises Unreadable, and Failed for one that is not there."""
    if type(asset) is not int:
        raise Unreadable(MISSHAPEN)
    coin = dialect.coins.by_asset.get(asset)
    if coin is None:
        raise Failed(f"Unknown asset: {str(asset)[:40]}")
    return coin


def cloid_of(given: object) -> str:
    """In lower case. Raises Unreadable."""
    if not isinstance(given, str) or CLOID.fullmatch(given) is None:
        raise Unreadable(MISSHAPEN)
    return given.lower()


def lots_of(coin: Coin, given: object, may_be_zero: bool = False) -> int:
    """[lots] Raises Whole."""
    if not isinstance(given, str):
        raise Unreadable(MISSHAPEN)
    try:
        lots = steps(given, coin.lot, coin.size_decimals)
    except ValueError:
        lots = None
    if lots is None or not 0 <= lots <= MAX_LOTS:
        raise Whole(refusals.BAD_SIZE)
    if lots == 0 and not may_be_zero:
        raise Whole(refusals.NO_SIZE)
    return lots


def ticks_of(coin: Coin, given: object, bad: str = refusals.BAD_PRICE) -> int:
    """[ticks] Raises Whole, or Wrong for one that is off the grid."""
    if not isinstance(given, str):
        raise Unreadable(MISSHAPEN)
    try:
        ticks = steps(given, coin.tick, coin.price_decimals)
    except ValueError:
        raise Whole(bad) from None
    if ticks is None:
        raise Wrong(refusals.about(refusals.TICK, coin))
    if not 0 < ticks <= MAX_PRICE:
        raise Whole(bad)
    return ticks


def wanted(dialect: Dialect, account: int, given: object, of_position: bool = False) -> Wanted:
    """An order as it is on the wire. `of_position`: its size may be 0, for the whole position. The client id is put in later. Raises
    Unreadable, Failed, Whole or Wrong."""
    if not isinstance(given, dict) or not given.keys() <= KEYS or len(given) < 6:
        raise Unreadable(MISSHAPEN)
    is_buy, reduces, kind = given.get("b"), given.get("r"), given.get("t")
    if type(is_buy) is not bool or type(reduces) is not bool or type(kind) is not dict or len(kind) != 1:
        raise Unreadable(MISSHAPEN)
    coin = coin_of(dialect, given.get("a"))
    cloid = given.get("c")
    if cloid is not None:
        cloid = cloid_of(cloid)
    side = 0 if is_buy else 1
    limit = kind.get("limit")
    if limit is None:
        size = lots_of(coin, given.get("s"), of_position)
        return _trigger(account, coin, given, kind.get("trigger"), (size, is_buy, reduces, cloid))
    tif = limit.get("tif") if type(limit) is dict and len(limit) == 1 else None
    if type(tif) is not str or tif not in TIFS:
        raise Unreadable(MISSHAPEN)
    size = lots_of(coin, given.get("s"))
    price = ticks_of(coin, given.get("p"))
    row = [5, 0, account, coin.market, side, price, size, 0, TIFS[tif], int(reduces), 0, 0, 0, 0, 0, 0]
    return Wanted(row, coin, cloid, tif, size, is_buy, reduces)


def _trigger(account: int, coin: Coin, given: Body, terms: object, head: tuple[int, bool, bool, str | None]) -> Wanted:
    if not isinstance(terms, dict) or terms.keys() != TRIGGER_KEYS:
        raise Unreadable(MISSHAPEN)
    is_market, tpsl = terms["isMarket"], terms["tpsl"]
    if type(is_market) is not bool or type(tpsl) is not str or tpsl not in KINDS:
        raise Unreadable(MISSHAPEN)
    size, is_buy, reduces, cloid = head
    at = ticks_of(coin, terms["triggerPx"], refusals.BAD_TRIGGER)
    limit = ticks_of(coin, given.get("p"))
    price, slippage = (0, SLIPPAGE_PPM) if is_market else (limit, 0)
    row = [
        PlaceTrigger.KIND, 0, account, coin.market, 0 if is_buy else 1, size, KINDS[tpsl], MARK, at, price, GTC, int(reduces), slippage,
        0, 0, 0,
    ]  # fmt: skip
    return Wanted(row, coin, cloid, "", size, is_buy, reduces, tpsl, is_market, limit if is_market else 0)


def give_client_id(dialect: Dialect, one: Wanted, gone: Container[int] = ()) -> None:
    """Put the client id into an order's row. One that an order had which was cancelled without a fill may be used again, and that of an
    order in whose place this one is: `gone`, the ids of those that were just cancelled for it and for others of its batch."""
    if one.cloid is None:
        return
    account, cloids = one.row[2], dialect.cloids
    hi, lo = cloids.halves(account, one.cloid)
    found = dialect.host.exchange.client_order(account, hi, lo) if hi or lo else None
    is_free = found is not None and found[2] != OPEN and (found[0] in gone or is_unfilled(found))
    looks_like_one = hi == CLOIDS and found is None and not cloids.stands(account, one.cloid)
    if is_free or looks_like_one or not (hi or lo):
        hi, lo = cloids.stand_in(account, one.cloid)
    at = HI[one.row[0]]
    one.row[at], one.row[at + 1] = hi, lo


def is_unfilled(found: tuple[int, int, int, int, int]) -> bool:
    """Has an order that is not open come to nothing? `found`: as Exchange.client_order has it."""
    return found[2] != FILLED_WHOLE and not found[4]


def injected(dialect: Dialect, account: int) -> int:
    """Why an order that a user is about to place or change is to be refused, as the operator has asked for (Reason); 0: it is not."""
    host = dialect.host
    owner = host.people.owner_of.get(account) if host.faults else None
    faults = host.faults.get(owner.name) if owner is not None else None
    if faults is not None:
        try:
            faults.place()
        except Rejected as error:
            return int(error.reason)
    return 0


def heed_faults(dialect: Dialect, one: Wanted) -> None:
    """Raises Wrong, for an order that is to be refused."""
    reason = injected(dialect, one.row[2])
    if reason:
        raise Wrong(refusals.of_order(dialect, one.coin, reason))


# -- telling -----------------------------------------------------------------------------------------------------------------------


def ids_of(one: Wanted, came: Came, number: int) -> Body:
    oid = came.told[number * W + ORDER_ID]
    return {"oid": oid} if one.cloid is None else {"oid": oid, "cloid": one.cloid}


def terms_of(one: Wanted) -> Terms:
    """What is kept of an order that is refused."""
    row = one.row
    if not one.tpsl:
        return Terms(one.is_buy, row[5], one.size, one.reduces, one.tif)
    return Terms(one.is_buy, one.sent_limit or row[9], one.size, one.reduces, "", row[8], one.tpsl, one.is_market)


def keep_size(dialect: Dialect, one: Wanted, came: Came, number: int) -> None:
    """Remember for how much a reduce-only order was asked, if its position is smaller."""
    account, order_id = one.row[2], came.order_id(number)
    for row in came.events(number):
        if row[0] == OrderPlaced.KIND and row[PLACED_ID] == order_id and row[PLACED_SIZE] < one.size:
            dialect.sizes.put(account, order_id, one.size)


def status(dialect: Dialect, one: Wanted, came: Came, number: int, terms: Terms | None = None) -> Body:
    """What an order came to. One that is filled in part and rests is `resting`. `terms`: what is kept of it if it is refused, where that is
    more than its own."""
    told, at = came.told, number * W
    reason, account = came.reason(number), one.row[2]
    if reason:
        seq = came.refusal(number, account)
        if seq is not None:
            dialect.refused.keep(account, seq, terms or terms_of(one))
        return {"error": refusals.of_order(dialect, one.coin, reason)}
    if told[at + REPEATED]:
        return {"error": refusals.about(refusals.DUPLICATE, one.coin)}
    if one.reduces and not one.tpsl:
        keep_size(dialect, one, came, number)
    if one.tif == "FrontendMarket":
        dialect.markets.put(account, came.order_id(number), 1)
    if told[at + STATE] == OPEN:
        if one.sent_limit:
            dialect.limits.put(account, came.order_id(number), one.sent_limit)
        return {"resting": ids_of(one, came, number)}
    filled = told[at + FILLED]
    if filled:
        price = one.coin.average(told[at + PAID] * one.coin.unit + told[at + VALUE], filled)
        return {"filled": {"totalSz": one.coin.size(filled), "avgPx": price, **ids_of(one, came, number)}}
    return {"error": refusals.of_gone(one.coin, came.why_gone(number), one.tif == "FrontendMarket")}


def statuses(told: Iterable[object], kind: str = "order") -> Body:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": list(told)}}}


# -- the action --------------------------------------------------------------------------------------------------------------------


def listed(action: Body, name: str) -> list[object]:
    """The items of a batch. Raises Unreadable or Failed."""
    items = action.get(name)
    if not isinstance(items, list):
        raise Unreadable(MISSHAPEN)
    if not items:
        raise Failed(refusals.EMPTY)
    if len(items) > MOST_ORDERS:
        raise Failed(f"Too many items in a batch: {len(items)}; at most {MOST_ORDERS}")
    return items


Each = Generator[list[int], Came, tuple[Body, list[Wanted | None], list[int]]]


def each(dialect: Dialect, orders: list[object], account: int, of_whole_position: bool) -> Each:
    """Orders of their own. Returns the reply, what was asked for, None in the place of what was wrong, and the ids by place, 0: none."""
    told: list[object] = []
    asked: list[Wanted | None] = []
    rows: list[int] = []
    for given in orders:
        try:
            one = wanted(dialect, account, given, of_whole_position)
            if of_whole_position and not (one.tpsl and one.reduces):
                raise Whole(refusals.NOT_REDUCING if one.tpsl else refusals.TRIGGER_TYPE)
            heed_faults(dialect, one)
        except Whole:
            raise
        except Wrong as error:
            told.append({"error": str(error)})
            asked.append(None)
            continue
        give_client_id(dialect, one)
        told.append(None)
        asked.append(one)
        rows += one.row
    if not rows:
        return statuses(told), asked, [0] * len(told)
    came, number, ids = (yield rows), 0, list[int]()
    for place_of, one_or_none in enumerate(asked):
        ids.append(0)
        if one_or_none is not None:
            told[place_of] = status(dialect, one_or_none, came, number)
            ids[-1] = 0 if came.reason(number) or came.told[number * W + REPEATED] else came.order_id(number)
            number += 1
    return statuses(told), asked, ids


def guarded(work: Work, kind: str) -> Work:
    """The same, with what refuses all of it as its reply. `kind`: of a reply that has statuses, "" of one that has none."""
    try:
        return (yield from work)
    except Whole as error:
        return statuses([{"error": str(error)}], kind) if kind else failed(str(error))
    except (Failed, Wrong, Refusal) as error:
        return failed(str(error))


def failed(text: str) -> Body:
    return {"status": "err", "response": text}
