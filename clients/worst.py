"""The worst that something which is to be placed may come to: the orders that may be open because of it, its largest order, its prices.
Pure, and what the limits of gate.py are held against.

What only the venue will know when the time has come is given as a reason why it cannot be said, and never guessed: the price at which a
trailing stop fires, say. Sizes are exact, or larger than what the venue will send.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final, TypeAlias

from msgspec import Struct

from perplab.exchange.codes import OrderState, PriceSource, Side, TimeInForce, TriggerKind
from perplab.exchange.units import SECOND_NS

from . import types as t
from .units import WIDE, Market, Number, code_of, exact, parts

NONE: Final = Decimal(0)


class Quotes(Struct, frozen=True):
    """A mass quote to be sent: up to five (price [USD], size [coins]) that replace all quotes of a side."""

    market: str
    side: Side
    quotes: Sequence[tuple[Number, Number]]


Placed: TypeAlias = t.NewOrder | t.NewTrigger | t.NewBracket | t.NewTwap
New: TypeAlias = Placed | t.NewLadder | Quotes


class Standing(t.Order, frozen=True, kw_only=True):
    """A trigger or a TWAP, as the order that may come of it."""

    rests: bool  # it may rest in the book; else it trades at once or goes


class Priced(Struct, frozen=True):
    """A limit that an order will have."""

    price: Decimal | None  # [USD] None: the order has none
    mark: Decimal | None = None  # [USD] what the mark is at worst when the order comes in; None: what it is now


class Worst(Struct, frozen=True, kw_only=True):
    orders: tuple[t.Order, ...]  # that may be open because of it
    what: str  # its largest order, in words
    largest: Decimal | None  # [coins] None: as large as the position is when it fires
    prices: tuple[Priced, ...] = ()  # limits of its orders
    away: tuple[Decimal | None, ...] = ()  # shares of the mark that market orders may trade away from it; None: up to the price band
    worth_at: tuple[Decimal, ...] = ()  # [USD] prices at which its orders may trade, besides the mark
    no_price: str = ""  # why its prices cannot be held against the mark; "": they can
    no_worth: str = ""  # why it cannot be said what it will be worth; "": it can
    sent: int = 1  # orders that come of it within a minute
    lasts_ns: int = 0  # for how long they go on coming


def worst_of(new: New, terms: Market) -> Worst:
    """Raises TypeError or ValueError for numbers that are none."""
    if isinstance(new, t.NewOrder):
        return _of_order(new)
    if isinstance(new, t.NewTrigger):
        return _of_trigger(new)
    if isinstance(new, t.NewBracket):
        return _of_bracket(new)
    if isinstance(new, t.NewTwap):
        return _of_twap(new, terms)
    return _of_ladder(new, terms) if isinstance(new, t.NewLadder) else _of_quotes(new)


def _of_order(new: t.NewOrder) -> Worst:
    price = _price(new.price)
    order = _order(new.market, new.side, exact(new.size, "the size"), price, new.reduce_only)
    return Worst(orders=(order,), what="an order", largest=order.open, prices=(Priced(price),), worth_at=_known(price))


def _of_trigger(new: t.NewTrigger) -> Worst:
    size = None if new.size is None else exact(new.size, "the size")
    price, limit, kind = _price(new.price), _price(new.limit), code_of(TriggerKind, new.trigger)
    trails = kind in (TriggerKind.TRAILING_TICKS, TriggerKind.TRAILING_PPM)
    no_price = _unmarked("a trigger", new.source)
    if limit is not None and kind != TriggerKind.STOP:
        no_price = f"a trigger of kind {kind.name} with a limit: the mark may be anywhere beyond that when it fires; say slippage instead"
    order = Standing(
        order_id=0, market=new.market, side=code_of(Side, new.side), price=limit, filled=NONE, open=size or NONE, state=OrderState.OPEN,
        reduce_only=new.reduce_only, tif=code_of(TimeInForce, new.tif), rests=limit is not None,
    )  # fmt: skip
    return Worst(
        orders=(order,), what="a trigger" if size is not None else "a trigger for the whole position", largest=size,
        prices=() if limit is None else (Priced(limit, price),), away=() if limit is not None else (_share(new.slippage),),
        worth_at=_known(price, limit), no_price=no_price,
        no_worth="at what price a trailing stop fires is not known" if trails else "",
    )  # fmt: skip


def _of_bracket(new: t.NewBracket) -> Worst:
    """Take-profit and stop only reduce what the entry has filled, and are market orders, which never rest."""
    price, ends = _price(new.price), _known(_price(new.take_profit), _price(new.stop))
    entry = _order(new.market, new.side, exact(new.size, "the size"), price, False)
    return Worst(
        orders=(entry,), what="the entry of a bracket", largest=entry.open, prices=(Priced(price),), away=(_share(new.slippage),),
        worth_at=(*_known(price), *ends), no_price=_unmarked("a bracket", new.source), sent=1 + min(1, len(ends)),
    )  # fmt: skip


def _unmarked(what: str, source: PriceSource) -> str:
    return "" if source == PriceSource.MARK else f"{what} by {code_of(PriceSource, source).name}: the mark may be anywhere when it fires"


def _of_twap(new: t.NewTwap, terms: Market) -> Worst:
    size, ends = exact(new.size, "the size"), _known(_price(new.take_profit), _price(new.stop))
    lots, least = terms.lots(size), 0 if new.minimum_slice is None else terms.lots(new.minimum_slice)
    even = -(-lots // max(1, new.slices))
    largest = min(lots, max(even * parts(new.catch_up, "catch_up", "times") // 10**6, least))  # as the venue bounds a slice
    order = Standing(
        order_id=0, market=new.market, side=code_of(Side, new.side), price=None, filled=NONE, open=size, state=OrderState.OPEN,
        reduce_only=new.reduce_only, tif=TimeInForce.IOC, rests=False,
    )  # fmt: skip
    return Worst(
        orders=(order,), what="the stop of a TWAP" if ends else "a slice of a TWAP", largest=size if ends else terms.size(largest),
        away=(_share(new.slippage),), worth_at=ends, sent=min(new.slices, 1 + int(60 / max(1.0, new.every_s))) + min(1, len(ends)),
        no_price="a TWAP with a take-profit or a stop, which trade up to the edge of the venue's price band" if ends else "",
        lasts_ns=round(new.slices * new.every_s * SECOND_NS),
    )  # fmt: skip


def _of_ladder(new: t.NewLadder, terms: Market) -> Worst:
    first, last = exact(new.first_price, "the first price"), exact(new.last_price, "the last price")
    lots, skew = terms.lots(new.size), parts(new.skew, "the skew", "times", 1)
    ends = [lots_before(lots, number, new.count, skew) for number in range(new.count + 1)]
    sizes = [terms.size(after - before) for before, after in pairwise(ends)]
    orders = tuple(_order(new.market, new.side, size, None, new.reduce_only) for size in sizes)
    return Worst(
        orders=orders, what="an order of a ladder", largest=max(sizes, default=NONE), prices=(Priced(first), Priced(last)),
        worth_at=(first, last), sent=len(orders),
    )  # fmt: skip


def lots_before(lots: int, number: int, count: int, skew_ppm: int) -> int:
    """How many lots the first `number` orders of a ladder have together, as the venue shares them out (docs/rules.md, *Ladders*)."""
    weight = 10**6 * (number * (count - 1) - number * (number - 1) // 2) + skew_ppm * (number * (number - 1) // 2)
    return lots * 2 * weight // max(1, count * (count - 1) * (10**6 + skew_ppm))


def _of_quotes(new: Quotes) -> Worst:
    pairs = [(exact(price, "the price"), exact(size, "the size")) for price, size in new.quotes]
    orders = tuple(_order(new.market, new.side, size, price, False) for price, size in pairs)
    prices = tuple(price for price, _ in pairs)
    largest = max((size for _, size in pairs), default=NONE)
    return Worst(
        orders=orders, what="a quote", largest=largest, prices=tuple(map(Priced, prices)), worth_at=prices, sent=len(orders),
    )  # fmt: skip


def _order(market: str, side: Side, size: Decimal, price: Decimal | None, reduce_only: bool) -> t.Order:
    """An order as if all of it rested: what it trades at once adds to the same side of the position."""
    return t.Order(
        order_id=0, market=market, side=code_of(Side, side), price=price, filled=NONE, open=size, state=OrderState.OPEN,
        reduce_only=reduce_only,
    )  # fmt: skip


def _price(given: Number | None) -> Decimal | None:
    return None if given is None else exact(given, "the price")


def _share(given: Number | None) -> Decimal | None:
    return None if given is None else exact(given, "the slippage")


def _known(*prices: Decimal | None) -> tuple[Decimal, ...]:
    return tuple(price for price in prices if price is not None)


# -- what stands already --


def standing(triggers: Sequence[t.OpenTrigger], twaps: Sequence[t.OpenTwap]) -> tuple[Standing, ...]:
    """Triggers and TWAPs that an account has, as the orders that may come of them."""
    fired = [
        Standing(
            order_id=one.order_id, market=one.market, side=one.side, price=one.limit, filled=NONE, open=one.size or NONE,
            state=OrderState.OPEN, client_id=one.client_id, reduce_only=one.reduce_only, tif=one.tif, rests=one.limit is not None,
        )
        for one in triggers
    ]  # fmt: skip
    sliced = [
        Standing(
            order_id=one.order_id, market=one.market, side=one.side, price=None, filled=one.filled, open=one.size - one.filled,
            state=OrderState.OPEN, client_id=one.client_id, reduce_only=one.reduce_only, tif=TimeInForce.IOC, rests=False,
        )
        for one in twaps
    ]  # fmt: skip
    return (*fired, *sliced)


def may_rest(order: t.Order) -> bool:
    """Does it count as an open order?"""
    return order.rests if isinstance(order, Standing) else True


def worst_position(side: Side, orders: Sequence[t.Order], terms: Market, account: t.Account) -> Decimal:
    """The position on one side, if these orders and all that the account has there were filled. [coins]"""
    held = sum((one.size for one in account.positions if one.market == terms.name), NONE)
    coming = [one.open for one in (*account.orders, *orders) if one.market == terms.name and one.side is side and not one.reduce_only]
    return sum(coming, held if side is Side.BUY else WIDE.minus(held))
