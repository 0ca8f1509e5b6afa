"""A price-time order book in plain Python, and nothing else: no accounts, no margin, no money. What the venue is checked and timed against.

It is the book that one writes in an afternoon and trusts at sight: price -> queue of orders, the oldest first. An order is known by the
number that the flow gave it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from hashlib import sha256
from typing import Any, Final, NamedTuple

import numpy as np

BUY: Final = 0
SIGN: Final = (1, -1)  # a side's prices are kept times this, so that the best one is always the highest

Fill = tuple[int, int, int, int]  # price, lots, number of the maker, number of the taker


class Tally(NamedTuple):
    """What came of a flow. Two that are equal traded the same lots at the same prices between the same orders, in the same order."""

    trades: int
    volume: int  # [lots]
    notional: int  # [ticks x lots]
    digest: str


def tally_of(fills: np.ndarray[Any, Any]) -> Tally:
    """Of fills as rows of price, lots, maker, taker."""
    prices, lots, _, _ = fills.T
    return Tally(len(fills), int(lots.sum()), int((prices * lots).sum()), sha256(fills.astype("<i8").tobytes()).hexdigest()[:16])


class PlainBook:
    def __init__(self) -> None:
        self.orders: dict[int, list[int]] = {}  # number -> [side, price, lots left], of those that rest
        self.levels: tuple[dict[int, deque[int]], dict[int, deque[int]]] = ({}, {})  # per side: signed price -> numbers, oldest first
        self.prices: tuple[list[int], list[int]] = ([], [])  # per side: the signed prices that have a level, the best one last
        self.fills: list[Fill] = []

    def best(self, side: int) -> int:
        """The best price of a side; 0 if it is empty."""
        return SIGN[side] * self.prices[side][-1] if self.prices[side] else 0

    def place(self, number: int, side: int, price: int, lots: int, rests: bool) -> None:
        """Trade with what crosses; what is left rests, or is forgotten."""
        left = self.match(number, side, price, lots)
        if left and rests:
            self.rest(number, side, price, left)

    def match(self, taker: int, side: int, price: int, lots: int) -> int:
        """Fill `lots` from the other side up to `price`, best price first, oldest order first; returns what is left."""
        orders, levels, prices, sign = self.orders, self.levels[1 - side], self.prices[1 - side], SIGN[1 - side]
        while lots and prices and prices[-1] >= price * sign:
            queue = levels[prices[-1]]
            while lots and queue:
                order = orders[queue[0]]
                filled = min(lots, order[2])
                self.fills.append((order[1], filled, queue[0], taker))
                lots -= filled
                order[2] -= filled
                if not order[2]:
                    del orders[queue.popleft()]
            if not queue:
                del levels[prices.pop()]
        return lots

    def rest(self, number: int, side: int, price: int, lots: int) -> None:
        levels, key = self.levels[side], price * SIGN[side]
        if key not in levels:
            levels[key] = deque()
            insort(self.prices[side], key)
        levels[key].append(number)
        self.orders[number] = [side, price, lots]

    def cancel(self, number: int) -> None:
        side, price, _ = self.orders.pop(number)
        levels, prices, key = self.levels[side], self.prices[side], price * SIGN[side]
        levels[key].remove(number)
        if not levels[key]:
            del levels[key]
            del prices[bisect_left(prices, key)]

    def depth(self, side: int) -> list[tuple[int, int]]:
        """Price and lots of every level, the best first."""
        levels, orders = self.levels[side], self.orders
        return [(key * SIGN[side], sum(orders[number][2] for number in levels[key])) for key in reversed(self.prices[side])]

    def tally(self) -> Tally:
        return tally_of(np.array(self.fills, np.int64).reshape(-1, 4))
