"""Three flows of orders that know nothing of perplab: any price-time order book can be fed them, and must make the same fills of them.

A flow carries its own order numbers: the n-th order placed has the number n. Resting orders come first, then the messages. Both are
tables of one message per row, of the columns below. Whoever buys may meet his own offer: accounts say who acts and decide nothing else.

    maker  60 % adds near a mid that wanders and returns, 35 % cancels of orders that rest, 5 % immediate-or-cancel; 1,000 orders rest
    match  half adds at five prices a side, half orders that cross and fill whole: the n-th one takes what the n-th order brought
    deep   51 % adds (1 in 25 of them crosses), 40 % cancels, 9 % immediate-or-cancel, in a book of 200,000 orders on 5,000 levels

The same seed gives the same table on every machine: numpy is asked for raw 64-bit numbers only, whose sequence it promises not to
change, and all that is made of them is integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from plain_book import BUY, PlainBook

KIND, NUMBER, ACCOUNT, SIDE, PRICE, LOTS = range(6)  # columns; of a cancel the last three are 0
ADD, CANCEL, TAKE = range(3)  # kinds: a limit order that rests, a cancel of order NUMBER, an immediate-or-cancel order
ACCOUNTS: Final = 1_000
MID: Final = 600_000  # [ticks] around which all flows trade
Table = np.ndarray[Any, np.dtype[np.int64]]


class Flow(NamedTuple):
    name: str
    resting: Table  # the adds that make the book; they cross nothing
    messages: Table


def draws(seed: int, count: int, *ends: int) -> list[Any]:
    """`count` tuples of integers, each from 0 up to its end, which is at most 2^32; the end itself is never drawn."""
    raw = np.random.PCG64(seed).random_raw(count * len(ends)).reshape(len(ends), count) >> 32  # type: ignore[union-attr]
    return list(zip(*((column * np.uint64(end) >> 32).tolist() for column, end in zip(raw, ends))))


class Draft:
    """Messages in the making. A plain book is fed them, so that cancels name orders that rest and adds know what they would cross."""

    def __init__(self) -> None:
        self.book = PlainBook()
        self.made: list[tuple[int, ...]] = []
        self.placed = 0
        self.owner: dict[int, int] = {}
        self.live: list[int] = []  # numbers of the orders that rest, in no order
        self.at: dict[int, int] = {}  # number -> where it stands in `live`

    def place(self, kind: int, account: int, side: int, price: int, lots: int) -> None:
        self.placed += 1
        self.made.append((kind, self.placed, account, side, price, lots))
        book = self.book
        book.place(self.placed, side, price, lots, kind == ADD)
        if book.fills:
            for _, _, maker, _ in book.fills:
                if maker not in book.orders:
                    self.gone(maker)
            book.fills.clear()
        if self.placed in book.orders:
            self.owner[self.placed] = account
            self.at[self.placed] = len(self.live)
            self.live.append(self.placed)

    def add(self, account: int, side: int, price: int, lots: int) -> None:
        """An order that waits: where it would cross it moves to just before the other side's best."""
        best = self.book.best(1 - side)
        if best:
            price = min(price, best - 1) if side == BUY else max(price, best + 1)
        self.place(ADD, account, side, price, lots)

    def cancel(self, draw: int) -> None:
        """Cancel the order that a draw below 2^32 falls on, by its owner."""
        number = self.live[draw * len(self.live) >> 32]
        self.made.append((CANCEL, number, self.owner[number], 0, 0, 0))
        self.book.cancel(number)
        self.gone(number)

    def gone(self, number: int) -> None:
        last = self.live.pop()
        at = self.at.pop(number)
        if last != number:
            self.live[at] = last
            self.at[last] = at
        del self.owner[number]

    def taken(self) -> Table:
        made, self.made = self.made, []
        return np.array(made, np.int64).reshape(-1, 6)


def away(side: int, distance: int) -> int:
    """How far from the mid an order of a side waits at a distance: bids below, asks above."""
    return -distance if side == BUY else distance


# -- maker --


def wandering(steps: list[int]) -> Iterator[int]:
    """A mid that takes small steps and is drawn back to MID [ticks]. It stays within some 30 ticks."""
    off = 0  # [thousandths of a tick]
    for step in steps:
        off += step - 1_000 - off // 200
        yield MID + off // 1_000


def maker(count: int, resting: int, seed: int) -> Flow:
    """An immediate-or-cancel order is for up to 2 % of the other side: more is taken out of a fuller book, so that it keeps its size."""
    draft = Draft()
    drawn = draws(seed, resting + count, 20, ACCOUNTS, 2, 100, 60, 60, 2_001, 2**32)
    for number, (mid, (of_20, account, side, size, one, other, _, share)) in enumerate(zip(wandering([d[6] for d in drawn]), drawn)):
        if number < resting or of_20 < 12:
            draft.add(account, side, mid + away(side, 1 + min(one, other)), 1 + size)
        elif of_20 < 19:
            draft.cancel(share)
        else:
            lots = 1 + (share * len(draft.live) >> 33)  # below 2 % x half of the orders x 50 lots
            draft.place(TAKE, account, side, mid - away(side, 200), lots)
    made = draft.taken()
    return Flow("maker", made[:resting], made[resting:])


# -- match --


def match(count: int, resting: int, seed: int) -> Flow:
    """No book is needed to make it: a taker is for the side and size of an order that has come before it, so there is always enough."""
    pairs = (count + 1) // 2
    drawn = draws(seed, resting + pairs, 2, ACCOUNTS, ACCOUNTS, 5, 10, 2)
    side, account, taker, level, size, first = np.array(drawn, np.int64).T
    adds = np.zeros((resting + pairs, 6), np.int64)
    adds[:, ACCOUNT], adds[:, SIDE], adds[:, LOTS] = account, side, 1 + size
    adds[:, PRICE] = MID + np.where(side == BUY, -1 - level, 1 + level)
    takes = adds[:pairs].copy()
    takes[:, KIND], takes[:, ACCOUNT], takes[:, SIDE] = TAKE, taker[:pairs], 1 - side[:pairs]
    takes[:, PRICE] = MID + np.where(side[:pairs] == BUY, -5, 5)
    messages = np.stack((adds[resting:], takes), 1)
    turned = first[:pairs] == 1  # half of the pairs begin with the taker
    messages[turned] = messages[turned, ::-1]
    made = np.concatenate((adds[:resting], messages.reshape(-1, 6)))[: resting + count]
    made[:, NUMBER] = np.arange(1, len(made) + 1)
    return Flow("match", made[:resting], made[resting:])


# -- deep --

REACH: Final = 2_500  # [ticks] levels of a side


def deep(count: int, resting: int, seed: int) -> Flow:
    draft = Draft()
    for account, side, size, distance in draws(seed, resting, ACCOUNTS, 2, 100, REACH):
        draft.add(account, side, MID + away(side, 1 + distance), 1 + size)
    filling = draft.taken()
    for of_100, of_25, account, side, size, one, other, share in draws(seed + 1, count, 100, 25, ACCOUNTS, 2, 100, REACH, REACH, 2**32):
        if of_100 < 51 and of_25:
            draft.add(account, side, MID + away(side, 1 + min(one, other)), 1 + size)
        elif of_100 < 51:
            draft.place(ADD, account, side, draft.book.best(1 - side) or MID, 1 + size)
        elif of_100 < 91:
            draft.cancel(share)
        else:
            draft.place(TAKE, account, side, MID - away(side, REACH), 1 + size)
    return Flow("deep", filling, draft.taken())


RESTING: Final = {"maker": 1_000, "match": 200, "deep": 200_000}
MAKERS: Final[dict[str, Callable[[int, int, int], Flow]]] = {"maker": maker, "match": match, "deep": deep}


def flow_of(name: str, count: int, seed: int, resting: int | None = None) -> Flow:
    """`count` messages of a flow; it starts with its own number of resting orders unless another one is given."""
    return MAKERS[name](count, RESTING[name] if resting is None else resting, seed)
