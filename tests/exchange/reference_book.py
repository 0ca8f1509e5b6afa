"""A price-time order book as one would write it on the first day: lists, sorted whenever needed. It is slow and it is right.

It knows no accounts, no margin and no ladder. Orders are lists [id, owner, side, price, size, time]; `fills` are tuples
(taker id, maker id, price, size) in the order in which they happened.
"""

from __future__ import annotations

BUY, SELL = 0, 1
GTC, IOC, FOK, POST_ONLY = 0, 1, 2, 3
CANCEL_MAKER, NONE, CANCEL_TAKER, CANCEL_BOTH, DECREMENT = range(5)


class ReferenceBook:
    def __init__(self) -> None:
        self.orders: list[list[int]] = []
        self.fills: list[tuple[int, int, int, int]] = []
        self.last_id = 0
        self.clock = 0

    def queue(self, side: int) -> list[list[int]]:
        """The orders of a side, best price first, the oldest of a price first."""
        own = [order for order in self.orders if order[2] == side]
        return sorted(own, key=lambda order: (order[3] if side == SELL else -order[3], order[5]))

    def crossing(self, side: int, limit: int) -> list[list[int]]:
        """What an order of `side` may trade with, in the order in which it would."""
        return [o for o in self.queue(1 - side) if (o[3] <= limit if side == BUY else o[3] >= limit)]

    def best(self, side: int) -> int:
        return self.queue(side)[0][3] if self.queue(side) else 0

    def find(self, order_id: int) -> list[int] | None:
        return next((order for order in self.orders if order[0] == order_id), None)

    def place(self, owner: int, side: int, limit: int, size: int, tif: int, self_trade: int) -> bool:
        """True if it was accepted; then it has the next id."""
        crossing = self.crossing(side, limit)
        if tif == POST_ONLY and crossing:
            return False
        if tif == FOK and sum(o[4] for o in self.tradable(crossing, owner, self_trade)) < size:
            return False
        self.last_id += 1
        left = self.match(self.last_id, owner, side, limit, size, self_trade)
        if left and tif in (GTC, POST_ONLY):
            self.rest(self.last_id, owner, side, limit, left)
        return True

    def tradable(self, crossing: list[list[int]], owner: int, self_trade: int) -> list[list[int]]:
        """Of what an order crosses, with what it can be filled whole if it can at all."""
        own = next((number for number, o in enumerate(crossing) if o[1] == owner), len(crossing))
        if self_trade in (CANCEL_TAKER, CANCEL_BOTH, DECREMENT):
            return crossing[:own]
        return [o for o in crossing if o[1] != owner or self_trade == NONE]

    def meet_own(self, maker: list[int], size: int, lots: int, self_trade: int) -> int:
        """An order with `size` left meets one of its owner, of which it would have `lots`. Returns what is left of it."""
        if self_trade in (CANCEL_MAKER, CANCEL_BOTH):
            self.drop(maker)
        if self_trade in (CANCEL_TAKER, CANCEL_BOTH):
            return 0
        if self_trade == DECREMENT:
            size -= lots
            maker[4] -= lots
            if maker[4] == 0:
                self.drop(maker)
        return size

    def drop(self, order: list[int]) -> None:
        self.orders.remove(order)

    def match(self, order_id: int, owner: int, side: int, limit: int, size: int, self_trade: int) -> int:
        """Trade; returns what is left and may rest."""
        for maker in self.crossing(side, limit):
            if size == 0:
                break
            lots = min(size, maker[4])
            if maker[1] == owner and self_trade != NONE:
                size = self.meet_own(maker, size, lots, self_trade)
                continue
            self.fills.append((order_id, maker[0], maker[3], lots))
            size -= lots
            maker[4] -= lots
            if maker[4] == 0:
                self.orders.remove(maker)
        return size

    def rest(self, order_id: int, owner: int, side: int, price: int, size: int) -> None:
        self.clock += 1
        self.orders.append([order_id, owner, side, price, size, self.clock])

    def amend(self, owner: int, order_id: int, price: int, size: int, tif: int, self_trade: int) -> bool:
        """In place if only the size falls; else the order leaves and comes back behind the others, under its old rules."""
        order = self.find(order_id)
        if order is None or order[1] != owner:
            return False
        if price == order[3] and size <= order[4]:
            order[4] = size
            return True
        if tif == POST_ONLY and self.crossing(order[2], price):
            return False
        self.orders.remove(order)
        left = self.match(order_id, owner, order[2], price, size, self_trade)
        if left:
            self.rest(order_id, owner, order[2], price, left)
        return True

    def cancel(self, owner: int, order_id: int) -> bool:
        order = self.find(order_id)
        if order is None or order[1] != owner:
            return False
        self.orders.remove(order)
        return True
