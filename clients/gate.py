"""Limits of one's own that hold before anything is sent: of an order's size and worth, of the position that may come of it, of open orders,
of how far beyond the mark it may trade, and of orders in a minute.

They are held against the worst that may come of what is sent (worst.py): all that stands and all that is new is filled, and each trigger
fires. Where the worst cannot be said, nothing passes, and the reason is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from perplab.exchange.codes import Side
from perplab.exchange.units import SECOND_NS

from . import types as t
from .blocking import Shared
from .calls import AnyItem, Call
from .carrying import Program, ask, insist, insist_all
from .errors import ClientError, Refused
from .kill_switch import KillSwitch
from .paging import Listing
from .units import WIDE, Market, Number, code_of, exact, plural
from .worst import New, Placed, Priced, Quotes, Standing, Worst, may_rest, standing, worst_of, worst_position

T = TypeVar("T")
BP: Final = Decimal("0.0001")
MINUTE_NS: Final = 60 * SECOND_NS


class OverLimit(ClientError):
    """An order would break a limit of one's own. Nothing was sent. `item`: which of a batch, from 0 on; None: it was alone."""

    def __init__(self, why: str, item: int | None = None) -> None:
        super().__init__(why if item is None else f"item {item} of the batch: {why}")
        self.item = item


class Limits(Struct, frozen=True, kw_only=True):
    """Of one market; None: no limit."""

    order: Number | None = None  # [coins] of one order
    notional: Number | None = None  # [USD] of one order, at its price or at the mark, whichever is more
    position: Number | None = None  # [coins] long or short, if all that stands on that side were filled
    open_orders: int | None = None  # of the account, these included: orders, and triggers with a limit
    collar_bp: Number | None = None  # how far beyond the mark a price may be: above it for a buy, below it for a sell
    per_minute: int | None = None  # orders sent by this gate within a minute of the venue's time, amends among them


def broken(new: New, limits: Limits, terms: Market, account: t.Account, mark: Decimal | None) -> str:
    """The limit that something new would break, with the numbers; "": it keeps them all. What only reduces adds to no position."""
    worst = worst_of(new, terms)
    if not worst.orders:  # quotes are taken down
        return ""
    return (
        _too_large(worst, limits, terms, account, mark)
        or _too_many(worst, limits, account)
        or _too_far(worst, limits, terms, account)
        or _collared(worst, limits, terms, mark)
    )


def _too_large(worst: Worst, limits: Limits, terms: Market, account: t.Account, mark: Decimal | None) -> str:
    size = worst.largest
    if size is None and limits.position is not None:  # of a whole position, which other orders may bring to its limit until then
        held = max((abs(one.size) for one in account.positions if one.market == terms.name), default=Decimal(0))
        size = max(held, exact(limits.position, "the limit of a position"))
    if size is None and (limits.order is not None or limits.notional is not None):
        return f"{worst.what}, which may be any size by then: say a size, or set a limit of the position"
    if size is not None and limits.order is not None and size > exact(limits.order, "the limit of an order"):
        return f"{worst.what} of {size:f} {terms.name}; the limit is {limits.order}"
    if size is None or limits.notional is None:
        return ""
    if worst.no_worth:
        return f"{worst.no_worth}, and so not what its order is worth; the limit is {limits.notional} USD"
    if mark is None:
        return f"{terms.name} has no mark to value an order by"
    value = WIDE.multiply(size, max((mark, *worst.worth_at)))
    if value > exact(limits.notional, "the limit of an order's worth"):
        return f"{worst.what} worth {value.normalize(WIDE):f} USD; the limit is {limits.notional}"
    return ""


def _too_many(worst: Worst, limits: Limits, account: t.Account) -> str:
    count, more = sum(map(may_rest, account.orders)) + account.more, sum(map(may_rest, worst.orders))
    if limits.open_orders is None or not more or count + more <= limits.open_orders:
        return ""
    open_orders = plural(count, "order is", "orders are")
    return f"{open_orders} open{'' if more == 1 else f', and {more} more would be'}; the limit is {limits.open_orders}"


def _too_far(worst: Worst, limits: Limits, terms: Market, account: t.Account) -> str:
    if limits.position is None or all(order.reduce_only for order in worst.orders):
        return ""
    if account.more:
        return f"what the position could become is not known: {account.more} open orders did not fit the venue's answer"
    side = worst.orders[0].side
    assert side is not None
    least = worst_position(side, worst.orders, terms, account)
    if least > exact(limits.position, "the limit of a position"):
        return f"with this order the position could become {least:f} {terms.name}; the limit is {limits.position}"
    return ""


def _collared(worst: Worst, limits: Limits, terms: Market, mark: Decimal | None) -> str:
    if limits.collar_bp is None:
        return ""
    if worst.no_price:
        return f"{worst.no_price}; it may be at most {limits.collar_bp} bp beyond the mark"
    collar = WIDE.multiply(exact(limits.collar_bp, "the collar"), BP)
    for share in worst.away:
        if share is None:
            return f"a market order without slippage; it may be at most {limits.collar_bp} bp beyond the mark, so it needs one"
        if share > collar:
            return f"a slippage of {share:f} is more than {limits.collar_bp} bp beyond the mark"
    for price in worst.prices:
        why = _beyond(price, worst.orders[0].side, collar, limits, terms, mark)
        if why:
            return why
    return ""


def _beyond(given: Priced, side: Side | None, collar: Decimal, limits: Limits, terms: Market, mark: Decimal | None) -> str:
    at = mark if given.mark is None else given.mark
    if at is None:
        return f"{terms.name} has no mark to hold a price against"
    if given.price is None:
        return f"an order without a price; it may be at most {limits.collar_bp} bp beyond the mark, so it needs one"
    sign = 1 if side is Side.BUY else -1
    bound = WIDE.multiply(at, 1 + sign * collar)
    if (given.price - bound) * sign > 0:
        where = f"the mark, {at:f}" if given.mark is None else f"the price at which it fires, {at:f}"
        return f"a price of {given.price:f} is more than {limits.collar_bp} bp beyond {where}"
    return ""


def _id(order: t.Order | int) -> int:
    return order.order_id if isinstance(order, t.Order) else order


def priced(items: Sequence[AnyItem], account: t.Account) -> list[AnyItem]:
    """The items as they are sent: amends with the price that the account shows where they say none, as they are looked at."""
    of = {one.order_id: one for one in account.orders if not isinstance(one, Standing)}
    sent: list[AnyItem] = []
    for item in items:
        order = of.get(_id(item.order)) if isinstance(item, t.Amend) else None
        if isinstance(item, t.Amend) and order is not None:
            item = t.Amend(order, order.price if item.price is None else item.price, item.size)
        sent.append(item)
    return sent


def _amended(order: t.Order, item: t.Amend) -> t.NewOrder:
    """An open order as it is to be, as if it were new: where no size is said, with what is open now, which fills only lessen."""
    assert order.side is not None and order.tif is not None  # the account's list tells it
    price, size = order.price if item.price is None else item.price, order.open if item.size is None else item.size
    return t.NewOrder(order.market, order.side, size, price, tif=order.tif, reduce_only=bool(order.reduce_only))


class Spent(Struct, frozen=True):
    """Orders that count as sent."""

    until: int  # [ns] of the venue's clock
    count: int


class Gate:
    """Lets pass what keeps the limits of its market, and nothing but what reduces once the kill switch has tripped.

    `run(client, gate.place(client, order))`, or `await run_async(...)`; so do `amend`, `batch`, `place_trigger`, `place_bracket`,
    `place_twap`, `place_ladder` and `mass_quote`. `others`: the limits of each market that `limits` does not name; None: what is for such a
    market passes without a look, and `Limits(order=0)` lets nothing pass there but cancels. What others send for the account
    between the look and the order is not seen, nor what waits for its turn: only the venue's own margin is a limit that nothing passes."""

    def __init__(self, limits: Mapping[str, Limits], switch: KillSwitch | None = None, *, others: Limits | None = None) -> None:
        self.limits = dict(limits)
        self.switch = switch
        self.others = others
        self._spent: dict[str, list[Spent]] = {}  # by market
        self._now = 0  # [ns] when it was last looked

    def limits_of(self, market: str) -> Limits | None:
        """None: it has none."""
        return self.limits.get(market, self.others)

    def _any(self, *names: str) -> bool:
        """Has any market a limit of one of these kinds?"""
        held = [*self.limits.values(), *(() if self.others is None else (self.others,))]
        return any(getattr(one, name) is not None for one in held for name in names)

    def check(self, new: New, terms: Market, account: t.Account, mark: Decimal | None) -> None:
        """Raises OverLimit. `account`: with its triggers and TWAPs among the orders (`seen`), and without quotes that will be replaced."""
        if self.switch is not None and self.switch.why and not all(one.reduce_only for one in worst_of(new, terms).orders):
            raise OverLimit(f"the kill switch has tripped: {self.switch.why}")
        limits = self.limits_of(new.market)
        why = "" if limits is None else broken(new, limits, terms, account, mark)
        if why:
            raise OverLimit(why)

    def check_all(self, items: Sequence[AnyItem], venue: t.Venue, account: t.Account, marks: Mapping[str, Decimal | None]) -> None:
        """The items of a batch one after the other, each as if those before it had been carried out, as the venue does it: a cancel makes
        room for what stands behind it, and each order takes some from what follows. Raises OverLimit, which names the item."""
        for number, item in enumerate(items):
            try:
                account = self._after(item, venue, account, marks)
            except OverLimit as error:
                raise OverLimit(str(error), number) from None

    def _after(self, item: AnyItem, venue: t.Venue, account: t.Account, marks: Mapping[str, Decimal | None]) -> t.Account:
        """The account behind an item of a batch. Raises OverLimit."""
        if isinstance(item, Placed):
            return self._with(item, 0, venue, account, marks)
        order_id = _id(item.order)
        found = next((one for one in account.orders if order_id and one.order_id == order_id), None)  # 0: what waits, or is new here
        if found is None or (isinstance(found, Standing) and isinstance(item, t.Amend)):  # the venue refuses it
            if found is None and account.more and isinstance(item, t.Amend):
                raise OverLimit(f"order {order_id} is not among the first {len(account.orders)} that are open, and cannot be looked at")
            return account
        account = replace(account, orders=tuple(one for one in account.orders if one is not found))
        return account if isinstance(item, t.Cancel) else self._with(_amended(found, item), order_id, venue, account, marks)

    def _with(
        self, new: Placed, order_id: int, venue: t.Venue, account: t.Account, marks: Mapping[str, Decimal | None]
    ) -> t.Account:  # fmt: skip
        terms = venue.market(new.market)
        self.check(new, terms, account, marks.get(new.market))
        added = [replace(one, order_id=order_id) for one in worst_of(new, terms).orders]
        return replace(account, orders=(*account.orders, *added))

    # -- looks ---------------------------------------------------------------------------------------------------------------------

    def seen(self, client: Shared) -> Program[t.Account]:
        """The account, with its triggers and TWAPs among its orders, where a limit counts them. Asked for first: what fires meanwhile is
        an order of the same id by then."""
        others: list[Standing] = []
        if self._any("position", "open_orders"):
            triggers = yield from _listed(client, client.calls.triggers)
            others += standing(triggers, (yield from _listed(client, client.calls.twaps)))
        account = yield from insist(client, client.calls.account())
        known = {one.order_id for one in account.orders}
        return replace(account, orders=(*account.orders, *(one for one in others if one.order_id not in known)))

    def _mark(self, client: Shared, market: str) -> Program[Decimal | None]:
        """None also where no limit goes by it."""
        limits = self.limits_of(market)
        if limits is None or (limits.collar_bp is None and limits.notional is None):
            return None
        return (yield from insist(client, client.calls.ticker(market))).mark

    def _markets(self, items: Sequence[AnyItem], account: t.Account) -> Iterator[str]:
        """Those that orders and amends of a batch are for."""
        of = {one.order_id: one.market for one in account.orders}
        for item in items:
            if isinstance(item, Placed):
                yield item.market
            elif isinstance(item, t.Amend) and _id(item.order) in of:
                yield of[_id(item.order)]

    def _sent(self, items: Sequence[AnyItem], venue: t.Venue, account: t.Account) -> Iterator[tuple[int, str, Worst]]:
        """What the orders and amends of a batch come to: number, market, worst."""
        of = {one.order_id: one for one in account.orders}
        for number, item in enumerate(items):
            if isinstance(item, Placed):
                yield number, item.market, worst_of(item, venue.market(item.market))
            elif isinstance(item, t.Amend) and _id(item.order) in of:
                order = of[_id(item.order)]
                yield number, order.market, Worst(orders=(order,), what="an amend", largest=None)

    def _time(self, client: Shared) -> Program[int]:
        """[ns] of the venue's clock; 0 where no limit goes by it."""
        if not self._any("per_minute"):
            return 0
        return (yield from insist(client, client.calls.ping()))

    def _spend(self, new: Sequence[tuple[int | None, str, Worst]], now: int) -> None:
        """Count what is about to be sent, all of it or, above the limit, nothing. A TWAP counts with the slices of a minute until it would
        end. Raises OverLimit."""
        if now < self._now:  # the venue has gone back to an earlier state
            self._spent.clear()
        self._now = now
        spent = {market: [one for one in held if one.until > now] for market, held in self._spent.items()}
        for item, market, worst in new:
            limits, held = self.limits_of(market), spent.setdefault(market, [])
            if limits is None or limits.per_minute is None:
                continue
            count = sum(one.count for one in held)
            if count + worst.sent > limits.per_minute:
                sent = plural(count, f"order of {market} counts", f"orders of {market} count")
                why = f"{sent} as sent within a minute, and {worst.sent} more would"
                raise OverLimit(f"{why}; the limit is {limits.per_minute}", item)
            held.append(Spent(now + MINUTE_NS + worst.lasts_ns, worst.sent))
        self._spent = spent

    def _pass(self, client: Shared, new: New, call: Call[T]) -> Program[T]:
        """Look, and send."""
        now, terms = (yield from self._time(client)), client.venue.market(new.market)
        account = yield from self.seen(client)
        if isinstance(new, Quotes):
            account = replace(account, orders=tuple(one for one in account.orders if not _is_replaced(one, new)))
        self.check(new, terms, account, (yield from self._mark(client, new.market)))
        self._spend([(None, new.market, worst_of(new, terms))], now)
        return (yield from ask(client, call))

    # -- what passes ---------------------------------------------------------------------------------------------------------------

    def batch(self, client: Shared, items: Sequence[AnyItem]) -> Program[list[t.Order | Refused]]:
        """Look, and carry out all with nothing in between. Nothing is sent if one of them is over a limit. Raises OverLimit, which names
        the item, and what `batch` of a client raises.

        An order that is to be cancelled and is filled between the look and the batch has become position, and what takes its place comes
        on top: who wants that excluded cancels first, and then sends a batch of new ones."""
        now = yield from self._time(client)
        account = yield from self.seen(client)
        marks = {}
        for market in dict.fromkeys(self._markets(items, account)):
            marks[market] = yield from self._mark(client, market)
        items = priced(items, account)
        self.check_all(items, client.venue, account, marks)
        self._spend(list(self._sent(items, client.venue, account)), now)
        return (yield from ask(client, client.calls.batch(items)))

    def amend(self, client: Shared, item: t.Amend) -> Program[t.Order]:
        """Look, and change an order. Raises OverLimit, and what `amend` of a client raises."""
        (told,) = yield from self.batch(client, [item])
        if isinstance(told, Refused):
            raise told
        return told

    def place(self, client: Shared, order: t.NewOrder) -> Program[t.Order]:
        """Look, and place the order. Raises OverLimit, and what `place` of a client raises."""
        return (yield from self._pass(client, order, client.calls.place(order)))

    def place_trigger(self, client: Shared, trigger: t.NewTrigger) -> Program[t.Order]:
        """Look, and place the conditional order. Raises OverLimit, and what `place_trigger` of a client raises."""
        return (yield from self._pass(client, trigger, client.calls.place_trigger(trigger)))

    def place_bracket(self, client: Shared, bracket: t.NewBracket) -> Program[t.Order]:
        """Look, and place the bracket. Raises OverLimit, and what `place_bracket` of a client raises."""
        return (yield from self._pass(client, bracket, client.calls.place_bracket(bracket)))

    def place_twap(self, client: Shared, twap: t.NewTwap) -> Program[t.Order]:
        """Look, and begin the TWAP. Raises OverLimit, and what `place_twap` of a client raises."""
        return (yield from self._pass(client, twap, client.calls.place_twap(twap)))

    def place_ladder(self, client: Shared, ladder: t.NewLadder) -> Program[t.Ladder]:
        """Look, and place the ladder. Raises OverLimit, and what `place_ladder` of a client raises."""
        return (yield from self._pass(client, ladder, client.calls.place_ladder(ladder)))

    def mass_quote(
        self, client: Shared, market: str, side: Side, quotes: Sequence[tuple[Number, Number]]
    ) -> Program[t.Queued | t.Quoted]:  # fmt: skip
        """Look, and replace the quotes of a side; those that stand make room. One that is filled between the look and that has become
        position, and the new one comes on top. Raises OverLimit, and what `mass_quote` of a client raises."""
        return (yield from self._pass(client, Quotes(market, side, quotes), client.calls.mass_quote(market, side, quotes)))


def _is_replaced(order: t.Order, quotes: Quotes) -> bool:
    return order.is_quote and order.market == quotes.market and order.side is code_of(Side, quotes.side)


def _listed(client: Shared, listing: Listing[T]) -> Program[tuple[T, ...]]:
    """All of a list; nothing at a server of an earlier version, which has none of these."""
    try:
        return (yield from insist_all(client, listing))
    except Refused as error:
        if error.reason != "UNKNOWN_OP":
            raise
        return ()
