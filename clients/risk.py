"""Before an order is sent: how large it may be, and whether it keeps the limits that its sender has set himself. And alerts of losses.

All of it decides from what it is given: an account, a ticker, an equity. `Gate.place` asks for them, over any client. The kill switch
(kill_switch.py) is what acts when all of this was not enough. Sizes with all costs are in sizing.py, what margin keeps in maintenance.py,
how likely a liquidation is in survival.py, hedges in hedging.py, fees by volume in fees.py; their names are here, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from perplab.exchange.codes import OrderState, Side

from . import types as t
from .blocking import Shared
from .calls import Item
from .carrying import Program, ask, insist
from .errors import ClientError, Refused
from .fees import at_rates as at_rates
from .fees import at_volume as at_volume
from .hedging import Fit as Fit
from .hedging import Hedged as Hedged
from .hedging import hedge_size as hedge_size
from .hedging import minimum_variance as minimum_variance
from .hedging import returns_of as returns_of
from .kill_switch import KillSwitch as KillSwitch
from .kill_switch import Stopped as Stopped
from .maintenance import Buffer as Buffer
from .maintenance import Held as Held
from .maintenance import buffer as buffer
from .maintenance import held_of as held_of
from .maintenance import liquidation_price as liquidation_price
from .maintenance import margin_for_distance as margin_for_distance
from .sizing import Ladder as Ladder
from .sizing import Loss as Loss
from .sizing import Sized as Sized
from .sizing import Trade as Trade
from .sizing import intervals_in as intervals_in
from .sizing import ladder_of as ladder_of
from .sizing import loss_at_stop as loss_at_stop
from .sizing import position_size as position_size
from .survival import Chance as Chance
from .survival import Estimate as Estimate
from .survival import Gbm as Gbm
from .survival import Jumps as Jumps
from .survival import Leverage as Leverage
from .survival import Replay as Replay
from .survival import largest_leverage as largest_leverage
from .survival import liquidation_chance as liquidation_chance
from .units import WIDE, Market, Number, exact

NONE: Final = Decimal(0)
BP: Final = Decimal("0.0001")


class OverLimit(ClientError):
    """An order would break a limit of one's own. Nothing was sent. `item`: which of a batch, from 0 on; None: it was alone."""

    def __init__(self, why: str, item: int | None = None) -> None:
        super().__init__(why if item is None else f"item {item} of the batch: {why}")
        self.item = item


def size_for_risk(
    terms: Market, *, entry: Number, stop: Number, risk: Number, available: Number | None = None, max_leverage: int | None = None,
) -> Decimal:  # fmt: skip
    """How many coins to trade at `entry` [USD] for no more than `risk` [USD] to be lost at `stop`, taker fees included. Raises ValueError.

    Fixed-fractional sizing: risk / (|entry - stop| + fee x (entry + stop)), in whole lots, rounded down; 0: not even one. With `available`
    [USD], margin bounds it too: notional <= available x leverage, which is the market's largest or `max_leverage`, if that is less.
    """
    enter, leave, lose = exact(entry, "the entry"), exact(stop, "the stop"), exact(risk, "the risk")
    if enter <= 0 or leave <= 0 or enter == leave or lose < 0:
        raise ValueError(f"entry {enter:f}, stop {leave:f}, risk {lose:f}: expected two different prices above 0, and a risk of 0 or more")
    if max_leverage is not None and max_leverage < 1:
        raise ValueError(f"the leverage is at most {max_leverage}; expected 1 or more")
    coins = WIDE.divide(lose, abs(enter - leave) + WIDE.multiply(terms.taker_fee, enter + leave))
    if available is not None:
        leverage = min(terms.max_leverage, max_leverage or terms.max_leverage)
        coins = min(coins, WIDE.divide(max(NONE, exact(available, "what is available")) * leverage, enter))
    return terms.size(terms.whole_lots(coins))


class Limits(Struct, frozen=True, kw_only=True):
    """Of one market; None: no limit."""

    order: Number | None = None  # [coins] of one order
    position: Number | None = None  # [coins] long or short, if all orders of that side were filled
    open_orders: int | None = None  # of the account, this one included
    collar_bp: Number | None = None  # how far beyond the mark a price may be: above it for a buy, below it for a sell


def broken(order: t.NewOrder, limits: Limits, terms: Market, account: t.Account, mark: Decimal | None) -> str:
    """The limit that an order would break, with the numbers; "": it keeps them all. An order that only reduces adds to no position."""
    size = exact(order.size, "the size")
    if limits.order is not None and size > exact(limits.order, "the limit of an order"):
        return f"an order of {size:f} {terms.name}; the limit is {limits.order}"
    count = len(account.orders) + account.more
    if limits.open_orders is not None and count >= limits.open_orders:
        return f"{count} orders are open; the limit is {limits.open_orders}"
    if limits.position is not None and not order.reduce_only:
        if account.more:
            return f"what the position could become is not known: {account.more} open orders did not fit the venue's answer"
        least = _worst_position(order.side, size, terms, account)
        if least > exact(limits.position, "the limit of a position"):
            return f"with this order the position could become {least:f} {terms.name}; the limit is {limits.position}"
    return _collared(order, limits, terms, mark)


def _worst_position(side: Side, size: Decimal, terms: Market, account: t.Account) -> Decimal:
    """The position on the order's side, if it and all others of that side were filled. [coins]"""
    held = sum((one.size for one in account.positions if one.market == terms.name), NONE)
    resting = [one.open for one in account.orders if one.market == terms.name and one.side is side and not one.reduce_only]
    return (held if side is Side.BUY else -held) + sum(resting, NONE) + size


def _collared(order: t.NewOrder, limits: Limits, terms: Market, mark: Decimal | None) -> str:
    if limits.collar_bp is None:
        return ""
    if mark is None:
        return f"{terms.name} has no mark to hold a price against"
    if order.price is None:
        return f"an order without a price; it may be at most {limits.collar_bp} bp beyond the mark, so it needs one"
    price, sign = exact(order.price, "the price"), 1 if order.side is Side.BUY else -1
    bound = WIDE.multiply(mark, 1 + sign * exact(limits.collar_bp, "the collar") * BP)
    if (price - bound) * sign > 0:
        return f"a price of {price:f} is more than {limits.collar_bp} bp beyond the mark, {mark:f}"
    return ""


def _id(order: t.Order | int) -> int:
    return order.order_id if isinstance(order, t.Order) else order


def _resting(order: t.NewOrder, order_id: int) -> t.Order:
    """An order as if all of it rested: what it trades at once adds to the same side of the position."""
    price = None if order.price is None else exact(order.price, "the price")
    return t.Order(
        order_id=order_id, market=order.market, side=order.side, price=price, filled=NONE, open=exact(order.size, "the size"),
        state=OrderState.OPEN, reduce_only=order.reduce_only, tif=order.tif,
    )  # fmt: skip


def in_full(items: Sequence[Item], account: t.Account) -> list[Item]:
    """The items with what amends leave as it is, said: what is looked at is what is sent."""
    of = {one.order_id: one for one in account.orders}
    return [_in_full(item, of.get(_id(item.order))) if isinstance(item, t.Amend) else item for item in items]


def _in_full(item: t.Amend, order: t.Order | None) -> t.Amend:
    if order is None:
        return item
    price, size = order.price if item.price is None else item.price, order.open if item.size is None else item.size
    return t.Amend(order, price, size)


def _amended(order: t.Order, item: t.Amend) -> t.NewOrder:
    """An open order as it is to be, as if it were new."""
    assert order.side is not None and item.size is not None  # the account's list tells it; it was said in full
    return t.NewOrder(order.market, order.side, item.size, item.price, tif=order.tif, reduce_only=order.reduce_only)


class Gate:
    """Lets orders pass that keep the limits of their market, and none but what reduces once the kill switch has tripped.

    `run(client, gate.place(client, order))`, or `await run_async(...)`; so do `amend` and `batch`. Orders of a market without limits are
    not looked at. What others send for the account between the look and the order is not seen: the venue's own margin is the only limit
    that nothing passes."""

    def __init__(self, limits: Mapping[str, Limits], switch: KillSwitch | None = None) -> None:
        self.limits = dict(limits)
        self.switch = switch

    def check(self, order: t.NewOrder, terms: Market, account: t.Account, mark: Decimal | None) -> None:
        """Raises OverLimit."""
        if self.switch is not None and self.switch.why and not order.reduce_only:
            raise OverLimit(f"the kill switch has tripped: {self.switch.why}")
        limits = self.limits.get(order.market)
        why = "" if limits is None else broken(order, limits, terms, account, mark)
        if why:
            raise OverLimit(why)

    def check_all(self, items: Sequence[Item], venue: t.Venue, account: t.Account, marks: Mapping[str, Decimal | None]) -> None:
        """The items of a batch one after the other, each as if those before it had been carried out, as the venue does it: a cancel makes
        room for what stands behind it, and each order takes some from what follows. Raises OverLimit, which names the item."""
        for number, item in enumerate(in_full(items, account)):
            try:
                account = self._after(item, venue, account, marks)
            except OverLimit as error:
                raise OverLimit(str(error), number) from None

    def _after(self, item: Item, venue: t.Venue, account: t.Account, marks: Mapping[str, Decimal | None]) -> t.Account:
        """The account behind an item of a batch. Raises OverLimit."""
        if isinstance(item, t.NewOrder):
            return self._with(item, 0, venue, account, marks)
        order_id = _id(item.order)
        found = next((one for one in account.orders if one.order_id == order_id), None)
        if found is None:  # one that is not open now will not be: the venue refuses it
            if account.more and isinstance(item, t.Amend):
                raise OverLimit(f"order {order_id} is not among the first {len(account.orders)} that are open, and cannot be looked at")
            return account
        account = replace(account, orders=tuple(one for one in account.orders if one is not found))
        return account if isinstance(item, t.Cancel) else self._with(_amended(found, item), order_id, venue, account, marks)

    def _with(
        self, order: t.NewOrder, order_id: int, venue: t.Venue, account: t.Account, marks: Mapping[str, Decimal | None]
    ) -> t.Account:  # fmt: skip
        self.check(order, venue.market(order.market), account, marks.get(order.market))
        return replace(account, orders=(*account.orders, _resting(order, order_id)))

    def batch(self, client: Shared, items: Sequence[Item]) -> Program[list[t.Order | Refused]]:
        """Look, and carry out orders, cancels and amends with nothing in between. Nothing is sent if one of them is over a limit. Raises
        OverLimit, which names the item, and what `batch` of a client raises.

        An order that is to be cancelled and is filled between the look and the batch has become position, and what takes its place comes
        on top: who wants that excluded cancels first, and then sends a batch of new ones."""
        account = yield from insist(client, client.calls.account())
        marks = {}
        for market in dict.fromkeys(self._markets(items, account)):
            marks[market] = (yield from insist(client, client.calls.ticker(market))).mark
        items = in_full(items, account)
        self.check_all(items, client.venue, account, marks)
        return (yield from ask(client, client.calls.batch(items)))

    def _markets(self, items: Sequence[Item], account: t.Account) -> Iterator[str]:
        """Those whose mark is asked for: of orders and amends, where there is a collar."""
        of = {one.order_id: one.market for one in account.orders}
        for item in items:
            market = item.market if isinstance(item, t.NewOrder) else of.get(_id(item.order), "")
            limits = self.limits.get(market)
            if limits is not None and limits.collar_bp is not None and not isinstance(item, t.Cancel):
                yield market

    def amend(self, client: Shared, item: t.Amend) -> Program[t.Order]:
        """Look, and change an order. Raises OverLimit, and what `amend` of a client raises."""
        (told,) = yield from self.batch(client, [item])
        if isinstance(told, Refused):
            raise told
        return told

    def place(self, client: Shared, order: t.NewOrder) -> Program[t.Order]:
        """Look, and place the order. Raises OverLimit, and what `place` of a client raises."""
        terms = client.venue.market(order.market)
        account = yield from insist(client, client.calls.account())
        ticker = yield from insist(client, client.calls.ticker(order.market))
        self.check(order, terms, account, ticker.mark)
        return (yield from ask(client, client.calls.place(order)))


class Alert(Struct, frozen=True):
    """A loss has reached one of the levels."""

    level: Decimal  # [USD]
    loss: Decimal  # [USD] since the first look
    equity: Decimal  # [USD]


class LossAlerts:
    """Tells when the loss since the first look reaches a level [USD]; each is told once, and again only after `reset`."""

    def __init__(self, levels: Sequence[Number]) -> None:
        self._levels = sorted(exact(level, "a level") for level in levels)
        if not self._levels or self._levels[0] <= 0:
            raise ValueError(f"levels of loss are {', '.join(map(str, levels)) or 'none'}; expected at least one, all above 0")
        self.reset()

    def reset(self) -> None:
        """Begin anew with the next equity."""
        self._begun: Decimal | None = None
        self._told = 0  # how many levels

    def look(self, equity: Decimal) -> list[Alert]:
        """What is new at this equity [USD]."""
        if self._begun is None:
            self._begun = equity
        loss = self._begun - equity
        reached = [level for level in self._levels[self._told :] if loss >= level]
        self._told += len(reached)
        return [Alert(level, loss, equity) for level in reached]
