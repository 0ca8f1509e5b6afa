"""The action `order`: orders of their own, and groups, in which take-profit and stop wait for what an order fills.

Plain ones are the venue's own brackets. What these cannot hold waits in this server (children.py). Who takes an order's place
(modifying.py) takes over what waits for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

from msgspec import Struct, structs

from ...schema.codes import OrderType, Reason, TriggerKind
from ...schema.messages import LinkOco, Place, PlaceBracket
from ...state.algos import B_ALONE, B_SLIPPAGE, B_SOURCE, B_STOP, B_TAKE_PROFIT, B_TRIGGERS
from ...state.types import NIL
from ..routing import FILLED, REPEATED
from . import refusals
from .children import MOST as MOST_GROUPS
from .children import MOST_EACH, Group
from .dialect import Dialect
from .errors import Failed, Unreadable
from .hearing import W
from .placing import (
    GTC,
    IOC,
    KINDS,
    MARK,
    MISSHAPEN,
    SLIPPAGE_PPM,
    Wanted,
    Whole,
    each,
    give_client_id,
    injected,
    listed,
    status,
    statuses,
    terms_of,
    wanted,
)
from .settling import Body, Came, Work

TOO_MANY_WAIT: Final = (
    f"unsupported in sandbox: more than {MOST_EACH} orders of an account, or {MOST_GROUPS} of all, whose TP/SL wait for them in this server"
)
UNTOLD_REDUCER: Final = "unsupported in sandbox: TP/SL orders of a reduce-only order"
Steps = Generator[list[int], Came, None]


def place(dialect: Dialect, action: Body, account: int) -> Work:
    """The action `order`."""
    orders, grouping, builder = listed(action, "orders"), action.get("grouping"), action.get("builder")
    if builder is not None and (not isinstance(builder, dict) or builder.keys() != {"b", "f"}):
        raise Unreadable(MISSHAPEN)
    if grouping == "normalTpsl":
        return (yield from with_children(dialect, orders, account))
    if grouping == "positionTpsl":
        return (yield from of_position(dialect, orders, account))
    if grouping != "na" and not (isinstance(grouping, dict) and grouping.keys() == {"p"} and type(grouping["p"]) is int):
        raise Unreadable(MISSHAPEN)
    return (yield from each(dialect, orders, account, False))[0]


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
        wrong = list(wrong_children(dialect, one, children))
        if any(wrong):
            return unprotected(one, wrong)
        if not dialect.children.has_room(account):
            raise Failed(TOO_MANY_WAIT)
    came = yield one.row
    first = status(dialect, one, came, 0)
    if "error" in first:
        return statuses([first] * (1 + len(children)))
    told = yield from let_wait(dialect, one, children, (came.order_id(0), came.told[FILLED], "resting" in first))
    return statuses([first, *told])


# -- children that wait in this server -------------------------------------------------------------------------------------------------


def let_wait(
    dialect: Dialect, one: Wanted, children: list[Wanted], entry: tuple[int, int, bool], before: int = 0
) -> Generator[list[int], Came, list[object]]:
    """Children of an order that has come in: they wait for what rests of it, or are placed for what it has filled; what is told of each.
    `entry`: its id, the lots that it has filled, and whether it rests. `before`: lots that orders before it have filled."""
    order_id, filled, rests = entry
    account = one.row[2]
    if rests:
        dialect.children.put(
            Group(account, order_id, children, before + one.size, before, lambda lots: _later(dialect, account, children, lots))
        )
        return ["waitingForFill"] * len(children)
    came, ids = yield from _place_children(dialect, children, before + filled)
    told: list[object] = []
    for number, child in enumerate(children):
        one_told = status(dialect, child, came, number)
        told.append(one_told if "error" in one_told else "waitingForTrigger")
    if len(ids) == 2:
        yield link(account, ids)
    return told


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


def resized(group: Group[Wanted], before: int, one: Wanted) -> list[Wanted]:
    """The same children for an order that takes the place of theirs. Those that were for all of theirs are for all of the new one, and for
    what was filled before [lots]."""
    whole = before + one.size
    return [
        structs.replace(child, row=list(child.row), size=whole if child.size == group.size else child.size) for child in group.children
    ]  # fmt: skip


# -- brackets of the venue -------------------------------------------------------------------------------------------------------------


class Bracket(Struct, frozen=True):
    """Take-profit and stop of the venue's own kind, as of PlaceBracket; 0: there is none."""

    take_profit: int  # [ticks]
    stop: int  # [ticks]
    source: int = MARK
    slippage_ppm: int = SLIPPAGE_PPM
    alone: int = 1

    def row(self, entry: list[int]) -> list[int]:
        """The command that places them with an order, which is given as that of a Place."""
        terms = [self.take_profit, self.stop, self.source, self.slippage_ppm]
        return [PlaceBracket.KIND, 0, *entry[2:7], int(OrderType.LIMIT), entry[8], *terms, entry[11], entry[12], self.alone]


def bracket_of(dialect: Dialect, number: int) -> Bracket | None:
    """What waits for the fills of an order. One of the two that its owner has taken back stays away, as long as the other is there."""
    state = dialect.host.exchange.state
    row, cells = state.brackets.find(number), state.brackets.cells
    if row == NIL:
        return None
    placed = [int(cells[row + B_TRIGGERS + at]) for at in range(2)]
    is_there = [trigger != 0 and state.triggers.find(trigger) != NIL for trigger in placed]
    profit, stop = int(cells[row + B_TAKE_PROFIT]), int(cells[row + B_STOP])
    if any(is_there):
        profit, stop = profit * is_there[0], stop * is_there[1]
    return Bracket(profit, stop, int(cells[row + B_SOURCE]), int(cells[row + B_SLIPPAGE]), int(cells[row + B_ALONE]))


def _bracket(dialect: Dialect, one: Wanted, children: list[Wanted]) -> Work:
    """The venue's own: its triggers grow with what the entry fills, and have no client ids."""
    prices = {child.tpsl: child.row[8] for child in children}
    account = one.row[2]
    came = yield Bracket(prices.get("tp", 0), prices.get("sl", 0)).row(one.row)
    if came.reason(0) == Reason.BRACKET_PRICES:
        wrong = list(wrong_children(dialect, one, children))
        terms = structs.replace(terms_of(one), children=tuple(zip(map(terms_of, children), wrong, strict=True)))
        status(dialect, one, came, 0, terms)
        return unprotected(one, wrong)
    told = status(dialect, one, came, 0)
    if "error" not in told:
        for child in children:
            dialect.limits.put(account, came.order_id(0), child.sent_limit, KINDS[child.tpsl])
    waits: object = told if "error" in told else "waitingForTrigger" if "filled" in told else "waitingForFill"
    return statuses([told, *([waits] * len(children))])


def pass_limits(dialect: Dialect, account: int, old: int, new: int) -> None:
    """What was sent as the prices of an order's children is told of those of the order that takes its place."""
    for kind in (TriggerKind.TAKE_PROFIT, TriggerKind.STOP):
        sent = dialect.limits.get(account, old, int(kind))
        if sent:
            dialect.limits.put(account, new, sent, int(kind))


def wrong_children(dialect: Dialect, one: Wanted, children: list[Wanted]) -> Iterator[bool]:
    """Which of take-profit and stop are on the wrong side of where their order would trade?"""
    limit, mark = one.row[5], dialect.host.exchange.mark_price(one.coin.market) or one.row[5]
    price = min(limit, mark) if one.is_buy else max(limit, mark)
    for child in children:
        at, has_to_be_above = child.row[8], (child.tpsl == "tp") == one.is_buy
        yield at <= price if has_to_be_above else at >= price


def unprotected(one: Wanted, wrong: list[bool]) -> Body:
    """An order is refused since a price of its children is wrong."""
    texts = [refusals.UNPROTECTED, *(refusals.BAD_TRIGGER if is_wrong else refusals.UNPROTECTED for is_wrong in wrong)]
    return statuses({"error": refusals.about(text, one.coin)} for text in texts)
