"""How large a position may be for a loss that is set beforehand: everything counted that closing it at its stop would cost.

All numbers are exact (Decimal); what has to be rounded is rounded against the trader, and the size down to whole lots. With a book in place
of a rate of slippage the price depends on the size in question. The loss rises with the size in any case, so the largest size that keeps
the limit is found by bisection over lots, and is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final, Literal

from msgspec import Struct

from . import types as t
from .maintenance import NONE, initial, up_to_micro
from .units import WIDE, Market, Number, exact, widely

UP: Final = Context(prec=60, rounding=ROUND_CEILING)
DOWN: Final = Context(prec=60, rounding=ROUND_FLOOR)
MOST_LOTS: Final = (1 << 40) - 1  # of a position, as a venue holds it
MOST_USD: Final = Decimal(10**10)  # of its value
Bound = Literal["risk", "leverage", "book", "venue", "minimum"]


class Ladder(Struct, frozen=True):
    """One side of a book, as an order meets it, against a price that its slippage is counted from. `ladder_of` makes one of a `Depth`.

    Where an order is to be placed at another price, as a stop is, the book is taken to look there as it does here, in proportion; `share`
    says how much of it will be left then. Raises ValueError for levels that no side of a book has.
    """

    levels: tuple[t.BookLevel, ...]  # best first
    reference: Decimal  # [USD] that slippage is counted from: the middle of the book
    share: Number = 1  # of every level's size that is there: 0.5 for a stop in a thinner book

    def __post_init__(self) -> None:
        prices = [self.reference, *(level.price for level in self.levels)]
        if not self.levels or min(prices) <= 0 or (prices != sorted(prices) and prices != sorted(prices, reverse=True)):
            raise ValueError("a ladder has levels, best first, that go away from its reference, at prices above 0")
        if min(level.size for level in self.levels) <= 0 or not 0 < exact(self.share, "the share") <= 1:
            raise ValueError(f"a ladder has sizes above 0, and a share of them above 0 and at most 1; the share is {self.share}")

    @property
    @widely
    def depth(self) -> Decimal:
        """[coins]"""
        return WIDE.multiply(sum((level.size for level in self.levels), NONE), Decimal(self.share))

    @widely
    def value(self, size: Decimal) -> Decimal:
        """What trading `size` [coins] comes to. [USD] The size is within the depth."""
        value, left = NONE, size
        for level in self.levels:
            taken = min(left, WIDE.multiply(level.size, Decimal(self.share)))
            value, left = value + WIDE.multiply(level.price, taken), left - taken
            if not left:
                break
        return value


@widely
def ladder_of(depth: t.Depth, side: Literal["asks", "bids"], share: Number = 1) -> Ladder:
    """Asks are met by a buy, bids by a sell. Raises ValueError where the book has not both sides."""
    if not depth.bids or not depth.asks:
        raise ValueError(f"the book of {depth.market} has not both sides: it has no middle to count slippage from")
    middle = WIDE.divide(depth.bids[0].price + depth.asks[0].price, Decimal(2))
    return Ladder(depth.asks if side == "asks" else depth.bids, middle, share)


class Trade(Struct, frozen=True, kw_only=True):
    """A position as it is planned: where it begins, where it is given up, and what that costs. Long, where the stop is below the entry.

    Shares are of a price or a value: "0.03" is 3 %. Raises ValueError for what cannot be.
    """

    entry: Number  # [USD]
    stop: Number  # [USD] the price at which it is closed by a market order
    entry_slippage: Number | Ladder = 0  # how much worse than `entry` the fill is
    stop_slippage: Number | Ladder = 0  # how much worse than `stop`
    is_maker: bool = False  # it is entered by an order that rests: maker fee, and no slippage
    funding_rate: Number = 0  # of the value, each interval; above 0: longs pay
    intervals: int = 0  # of funding, that it is held for

    def __post_init__(self) -> None:
        enter, leave = exact(self.entry, "the entry"), exact(self.stop, "the stop")
        if enter <= 0 or leave <= 0 or enter == leave:
            raise ValueError(f"entry {enter:f}, stop {leave:f}: expected two different prices above 0")
        for name, slippage in (("entry", self.entry_slippage), ("stop", self.stop_slippage)):
            if not isinstance(slippage, Ladder) and not 0 <= exact(slippage, f"the slippage at the {name}") < 1:
                raise ValueError(f"the slippage at the {name} is {slippage}; expected 0 or more, below 1")
        if self.is_maker and self.entry_slippage != 0:
            raise ValueError("an entry by an order that rests has no slippage")
        if self.intervals < 0 or abs(exact(self.funding_rate, "the funding rate")) >= 1:
            raise ValueError(f"{self.intervals} intervals at {self.funding_rate}: expected 0 or more, at less than 1 each")

    @property
    def sign(self) -> int:
        """1: long; -1: short."""
        return 1 if exact(self.stop, "the stop") < exact(self.entry, "the entry") else -1


class Loss(Struct, frozen=True, kw_only=True):
    """What closing a position at its stop costs, by cause. [USD]"""

    distance: Decimal  # size x |entry - stop|
    entry_slippage: Decimal
    stop_slippage: Decimal
    entry_fee: Decimal  # of the value at the fill; a rebate counts as 0
    stop_fee: Decimal
    funding: Decimal  # of all intervals, at the higher of entry and stop; what would be received counts as 0

    @property
    @widely
    def total(self) -> Decimal:
        """Rounded up to a micro-unit."""
        return up_to_micro(sum((getattr(self, name) for name in self.__struct_fields__), NONE))


class Sized(Struct, frozen=True, kw_only=True):
    """The size of a position, and why it is no larger."""

    size: Decimal  # [coins] in whole lots; 0: not even one keeps the limits
    bound: Bound  # which limit it is that of; venue: no venue holds more; minimum: it would be less than the market's smallest order
    budget: Decimal  # [USD] that may be lost
    by_risk: Decimal  # [coins] that keep the budget; as far as books and venues go
    by_leverage: Decimal  # [coins] that the margin allows; likewise
    by_book: Decimal | None  # [coins] that the books have; None: slippage is a rate
    loss: Loss  # of the size, at its stop
    notional: Decimal  # [USD] of the size, at the entry
    margin: Decimal  # [USD] initial margin of the size, at the entry


@widely
def loss_at_stop(terms: Market, trade: Trade, size: Decimal) -> Loss:
    """What `size` [coins] would lose at the stop, with the market's fees. Raises ValueError for more than a book has.

        distance        size x |entry - stop|
        slippage        size x price x rate; of a book: |its value of the size x price / its reference - size x price|
        fees            the value of each fill x its fee, each rounded up to a micro-unit
        funding         size x max(entry, stop) x max(0, +-rate) x intervals: + for a long, - for a short
    """
    sign, enter, leave = trade.sign, exact(trade.entry, "the entry"), exact(trade.stop, "the stop")
    bought, sold = _value(trade.entry_slippage, enter, size, sign), _value(trade.stop_slippage, leave, size, -sign)
    entry_fee = max(NONE, terms.maker_fee if trade.is_maker else terms.taker_fee)
    rate = max(NONE, sign * exact(trade.funding_rate, "the funding rate")) * trade.intervals
    return Loss(
        distance=WIDE.multiply(size, abs(enter - leave)), entry_slippage=abs(bought - WIDE.multiply(size, enter)),
        stop_slippage=abs(sold - WIDE.multiply(size, leave)), entry_fee=up_to_micro(WIDE.multiply(bought, entry_fee)),
        stop_fee=up_to_micro(WIDE.multiply(sold, max(NONE, terms.taker_fee))),
        funding=WIDE.multiply(WIDE.multiply(size, max(enter, leave)), rate),
    )  # fmt: skip


def _value(slippage: Number | Ladder, price: Decimal, size: Decimal, sign: int) -> Decimal:
    """What a fill comes to [USD] of an order at a price; sign 1: a buy, whose slippage raises it."""
    if not isinstance(slippage, Ladder):
        return WIDE.multiply(WIDE.multiply(size, price), 1 + sign * Decimal(slippage))
    if size > slippage.depth:
        raise ValueError(f"the book has {slippage.depth:f} coins, fewer than {size:f}")
    if (slippage.levels[0].price - slippage.reference) * sign < 0:
        raise ValueError(f"a {'buy meets asks' if sign > 0 else 'sell meets bids'}: the ladder is of the other side")
    against = UP if sign > 0 else DOWN
    return against.divide(WIDE.multiply(price, slippage.value(size)), slippage.reference)


@widely
def position_size(
    terms: Market, trade: Trade, *, equity: Number, risk: Number, leverage: int | None = None, available: Number | None = None
) -> Sized:
    """The largest position of which no more than `risk` (a share: "0.01") of `equity` [USD] is lost at the stop. Raises ValueError.

    Fixed-fractional sizing (Vince, *Portfolio Management Formulas*) with all costs in the loss: the most lots with

        loss at the stop <= equity x risk
        available - slippage and fee of the entry >= initial margin at the entry, at `leverage` (without it, the market's largest)
        size <= depth of the books, and what a venue holds: 10^10 USD, and fewer than 2^40 lots

    `available` [USD] is the margin that other positions leave; without it, all of the equity. The second line is the venue's own check of
    a fill, with the mark at the entry. A size that is worth less than the market's smallest order is 0.

    Example: 1,000,000 USD, 1 %, a long at 60,000 with its stop at 58,200, slippage 3 % at both, taker fee 0.045 %. A coin loses 1,800 by
    the distance, 1,800 and 1,746 by slippage, 27.81 and 25.4043 in fees: 5,399.2143 USD. 10,000 / 5,399.2143 = 1.85212 coins.
    """
    own, share = exact(equity, "the equity"), exact(risk, "the risk")
    free = own if available is None else exact(available, "what is available")
    if own < 0 or not 0 <= share <= 1:
        raise ValueError(f"equity {own:f}, risk {share:f}: expected 0 or more, and a share of at most 1")
    if leverage is not None and not 1 <= leverage <= terms.max_leverage:
        raise ValueError(f"the leverage is {leverage}; expected 1 to {terms.max_leverage}, as {terms.name} allows")
    budget, times = WIDE.multiply(own, share), terms.max_leverage if leverage is None else leverage
    books = [one for one in (trade.entry_slippage, trade.stop_slippage) if isinstance(one, Ladder)]
    in_book = min((terms.whole_lots(book.depth) for book in books), default=None)
    enter, leave = exact(trade.entry, "the entry"), exact(trade.stop, "the stop")
    held = min(MOST_LOTS, terms.whole_lots(WIDE.divide(MOST_USD, max(enter, leave))))
    most = held if in_book is None else min(held, in_book)

    def loss_of(lots: int) -> Loss:
        return loss_at_stop(terms, trade, terms.size(lots))

    def is_backed(lots: int) -> bool:
        loss, notional = loss_of(lots), WIDE.multiply(terms.size(lots), enter)
        return free - loss.entry_slippage - loss.entry_fee >= initial(terms, notional, times)

    by_risk = largest(lambda lots: loss_of(lots).total <= budget, most)
    by_leverage = largest(is_backed, most)
    lots = min(by_risk, by_leverage)
    bound: Bound = "risk" if by_risk <= by_leverage else "leverage"
    if lots == most:
        bound = "book" if lots == in_book else "venue"
    if lots and WIDE.multiply(terms.size(lots), enter) < terms.minimum_notional:
        lots, bound = 0, "minimum"
    notional = WIDE.multiply(terms.size(lots), enter)
    return Sized(
        size=terms.size(lots), bound=bound, budget=budget, by_risk=terms.size(by_risk), by_leverage=terms.size(by_leverage),
        by_book=None if in_book is None else terms.size(in_book), loss=loss_of(lots), notional=notional,
        margin=initial(terms, notional, times),
    )  # fmt: skip


def largest(keeps: Callable[[int], bool], most: int) -> int:
    """The largest number up to `most` that keeps a limit which no number above one that breaks it keeps; 0 where none does."""
    good, bad = 0, most + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        if keeps(middle):
            good = middle
        else:
            bad = middle
    return good


def intervals_in(hold_s: float, interval_s: float) -> int:
    """How many payments of funding fall into a time, at the most. Raises ValueError."""
    if interval_s <= 0 or hold_s < 0:
        raise ValueError(f"{hold_s} s in intervals of {interval_s} s: expected 0 or more, of more than 0")
    return -int(-hold_s // interval_s)
