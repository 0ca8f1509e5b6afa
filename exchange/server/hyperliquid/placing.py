"""Orders: what clients write as commands, and what these came to as clients read it.

Two kinds of wrong orders, as at the venue. What the payload itself shows to be wrong (`Whole`) refuses all of it, and there is one status;
what is wrong with one order (`Wrong`) stands in its own.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from typing import Final

from msgspec import Struct

from ...schema.codes import OrderState, OrderType, PriceSource, Reason, TimeInForce, TriggerKind
from ...schema.messages import MAX_LOTS, MAX_PRICE, LinkOco, Place, PlaceBracket, PlaceTrigger
from ..errors import Refusal, Rejected
from ..routing import FILLED, ORDER_ID, PAID, REPEATED, STATE, VALUE
from . import refusals
from .asked import UNREADABLE
from .children import MOST as MOST_GROUPS
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
OPEN: Final = int(OrderState.OPEN)
FILLED_WHOLE: Final = int(OrderState.FILLED)
TOO_MANY_WAIT: Final = f"unsupported in sandbox: more than {MOST_GROUPS} orders whose TP/SL wait for them in this server"
UNTOLD_REDUCER: Final = "unsupported in sandbox: TP/SL orders of a reduce-only order"


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


def give_client_id(dialect: Dialect, one: Wanted, may_be_reused: bool = False) -> None:
    """Put the client id into an order's row. One that an order had which was cancelled without a fill may be used again, or in place of
    an order that was just cancelled for this one: `may_be_reused`."""
    if one.cloid is None:
        return
    account, cloids = one.row[2], dialect.cloids
    hi, lo = cloids.halves(account, one.cloid)
    found = dialect.host.exchange.client_order(account, hi, lo) if hi or lo else None
    is_free = found is not None and found[2] != OPEN and (may_be_reused or (found[2] != FILLED_WHOLE and not found[4]))
    looks_like_one = hi == CLOIDS and found is None and not cloids.stands(account, one.cloid)
    if is_free or looks_like_one or not (hi or lo):
        hi, lo = cloids.stand_in(account, one.cloid)
    at = HI[one.row[0]]
    one.row[at], one.row[at + 1] = hi, lo


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


def status(dialect: Dialect, one: Wanted, came: Came, number: int) -> Body:
    """What an order came to. One that is filled in part and rests is `resting`."""
    told, at = came.told, number * W
    reason, account = came.reason(number), one.row[2]
    if reason:
        dialect.refused.keep(account, came.refusal(number, account), terms_of(one))
        return {"error": refusals.of_order(dialect, one.coin, reason)}
    if told[at + REPEATED]:
        return {"error": refusals.about(refusals.DUPLICATE, one.coin)}
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


def place(dialect: Dialect, action: Body, account: int) -> Work:
    """The action `order`."""
    orders, grouping, builder = listed(action, "orders"), action.get("grouping", "na"), action.get("builder")
    if builder is not None and (not isinstance(builder, dict) or builder.keys() != {"b", "f"}):
        raise Unreadable(MISSHAPEN)
    if grouping == "normalTpsl":
        return (yield from with_children(dialect, orders, account))
    if grouping == "positionTpsl":
        return (yield from of_position(dialect, orders, account))
    if grouping != "na" and not (isinstance(grouping, dict) and grouping.keys() == {"p"} and type(grouping["p"]) is int):
        raise Unreadable(MISSHAPEN)
    return (yield from each(dialect, orders, account, False))[0]


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


def of_position(dialect: Dialect, orders: list[object], account: int) -> Work:
    """Take-profit and stop of the position that there is: one cancels the other."""
    reply, asked, ids = yield from each(dialect, orders, account, True)
    pair = [number for one, number in zip(asked, ids, strict=True) if one is not None and number]
    kinds = {one.tpsl for one, number in zip(asked, ids, strict=True) if one is not None and number}
    if len(pair) == 2 and len(kinds) == 2:
        yield link(account, pair)
    return reply


def link(account: int, pair: list[int]) -> list[int]:
    """When one of them fires the other goes; one that is cancelled goes alone."""
    return [LinkOco.KIND, 0, account, *pair, 1, *[0] * 10]


def with_children(dialect: Dialect, orders: list[object], account: int) -> Work:
    """An order with take-profit, stop or both for what it fills."""
    one, *children = [wanted(dialect, account, given) for given in orders]
    if one.tpsl or not all(child.tpsl and child.coin is one.coin and child.is_buy != one.is_buy for child in children):
        raise Whole(refusals.TRIGGER_TYPE)
    if not 0 < len(children) <= 2 or len({child.tpsl for child in children}) != len(children):
        raise Whole(refusals.TRIGGER_COUNT)
    if not all(child.reduces for child in children):
        raise Whole(refusals.NOT_REDUCING)
    if one.reduces:
        raise Failed(UNTOLD_REDUCER)
    reason = injected(dialect, account)
    if reason:
        return statuses([{"error": refusals.of_order(dialect, one.coin, reason)}] * len(orders))
    give_client_id(dialect, one)
    cloids = {one.cloid}
    for child in children:
        if child.cloid in cloids:  # ccxt gives the parent's to all: without a protection of its own that would be worse
            child.cloid = None
        cloids.add(child.cloid)
    is_plain = all(child.is_market and child.size == one.size and not child.cloid for child in children)
    if is_plain:
        return (yield from _bracket(dialect, one, children))
    if not one.is_immediate:
        wrong = list(_wrong_children(dialect, one, children))
        if any(wrong):
            return _unprotected(one, wrong)
        if not dialect.children.has_room:
            raise Failed(TOO_MANY_WAIT)
    came = yield one.row
    first = status(dialect, one, came, 0)
    told: list[object] = [first]
    filled = came.told[FILLED]
    if "resting" in first:
        dialect.children.put(account, came.order_id(0), children, lambda filled: _later(dialect, account, children, filled))
        return statuses([*told, *["waitingForFill"] * len(children)])
    if not filled:
        return statuses([*told, *([told[0]] * len(children))])
    came, ids = yield from _place_children(dialect, children, filled)
    for number, child in enumerate(children):
        one_told = status(dialect, child, came, number)
        told.append(one_told if "error" in one_told else "waitingForTrigger")
    if len(ids) == 2:
        yield link(account, ids)
    return statuses(told)


def _place_children(dialect: Dialect, children: list[Wanted], filled: int) -> Generator[list[int], Came, tuple[Came, list[int]]]:
    """Take-profit and stop of an order that has filled so many lots [lots]: what came of them, and the ids of those that are there."""
    rows = list[int]()
    for child in children:
        give_client_id(dialect, child)
        child.row[5] = min(child.size, filled)
        rows += child.row
    came = yield rows
    return came, [
        came.order_id(number) for number in range(len(children)) if not came.reason(number) and not came.told[number * W + REPEATED]
    ]  # fmt: skip


def _later(dialect: Dialect, account: int, children: list[Wanted], filled: int) -> Work:
    """The same of children that have waited. One whose price has come by then trades at once, one whose client id has been given away
    goes without."""
    came, ids = yield from _place_children(dialect, children, filled)
    rows = list[int]()
    for number, child in enumerate(children):
        status(dialect, child, came, number)
        row = child.row
        if came.reason(number) == Reason.TRIGGER_PRICE:
            terms = [0, int(OrderType.MARKET), IOC] if child.is_market else [row[9], int(OrderType.LIMIT), GTC]
            rows += [Place.KIND, 0, *row[2:5], terms[0], row[5], *terms[1:], 1, 0, row[14], row[15], 0, 0, 0]
        elif came.told[number * W + REPEATED]:
            rows += [*row[:14], 0, 0]
    if rows:
        yield rows
    elif len(ids) == 2:
        yield link(account, ids)
    return {}


def _bracket(dialect: Dialect, one: Wanted, children: list[Wanted]) -> Work:
    """The venue's own: its triggers grow with what the entry fills, and have no client ids."""
    prices = {child.tpsl: child.row[8] for child in children}
    row = one.row
    came = yield [
        PlaceBracket.KIND, 0, *row[2:7], int(OrderType.LIMIT), row[8], prices.get("tp", 0), prices.get("sl", 0), MARK, SLIPPAGE_PPM,
        row[11], row[12], 1,
    ]  # fmt: skip
    told = status(dialect, one, came, 0)
    if came.reason(0) == Reason.BRACKET_PRICES:
        return _unprotected(one, list(_wrong_children(dialect, one, children)))
    if "error" not in told:
        for child in children:
            dialect.limits.put(row[2], came.order_id(0), child.sent_limit, KINDS[child.tpsl])
    waits: object = told if "error" in told else "waitingForTrigger" if "filled" in told else "waitingForFill"
    return statuses([told, *([waits] * len(children))])


def _wrong_children(dialect: Dialect, one: Wanted, children: list[Wanted]) -> Iterator[bool]:
    """Which of take-profit and stop are on the wrong side of where their order would trade?"""
    limit, mark = one.row[5], dialect.host.exchange.mark_price(one.coin.market) or one.row[5]
    price = min(limit, mark) if one.is_buy else max(limit, mark)
    for child in children:
        at, has_to_be_above = child.row[8], (child.tpsl == "tp") == one.is_buy
        yield at <= price if has_to_be_above else at >= price


def _unprotected(one: Wanted, wrong: list[bool]) -> Body:
    """An order is refused since a price of its children is wrong."""
    texts = [refusals.UNPROTECTED, *(refusals.BAD_TRIGGER if is_wrong else refusals.UNPROTECTED for is_wrong in wrong)]
    return statuses({"error": refusals.about(text, one.coin)} for text in texts)


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
