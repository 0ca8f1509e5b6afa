"""A price-time order book as one would write it on the first day: lists, sorted whenever needed. It is slow and it is right.

It knows no accounts, no margin and no ladder. Orders are lists [id, owner, side, price, size, time]; `fills` are tuples
(taker id, maker id, price, size) in the order in which they happened.
"""

from __future__ import annotations

from copy import deepcopy

BUY, SELL = 0, 1
GTC, IOC, FOK, POST_ONLY = 0, 1, 2, 3
CANCEL_MAKER, NONE, CANCEL_TAKER, CANCEL_BOTH, DECREMENT = range(5)


class ReferenceBook:
    def __init__(self) -> None:
        self.orders: list[list[int]] = []
        self.fills: list[tuple[int, int, int, int]] = []
        self.last_id = 0
        self.clock = 0
        self.display: dict[int, int] = {}  # id -> lots that an iceberg order shows at most
        self.shown: dict[int, int] = {}  # id -> lots that it shows

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

    def place(self, owner: int, side: int, limit: int, size: int, tif: int, self_trade: int, display: int = 0) -> bool:
        """True if it was accepted; then it has the next id."""
        crossing = self.crossing(side, limit)
        if tif == POST_ONLY and crossing:
            return False
        if tif == FOK and not self.fills_whole(owner, side, limit, size, self_trade):
            return False
        self.last_id += 1
        if display:
            self.display[self.last_id] = display
        left = self.match(self.last_id, owner, side, limit, size, self_trade)
        if left and tif in (GTC, POST_ONLY):
            self.rest(self.last_id, owner, side, limit, left)
        return True

    def fills_whole(self, owner: int, side: int, limit: int, size: int, self_trade: int) -> bool:
        """Would the order fill whole? A copy of the book says it."""
        trial = deepcopy(self)
        trial.fills = []
        trial.match(trial.last_id + 1, owner, side, limit, size, self_trade)
        return sum(fill[3] for fill in trial.fills) == size

    def meet_own(self, maker: list[int], size: int, lots: int, self_trade: int) -> int:
        """An order with `size` left meets one of its owner, of which it would have `lots`. Returns what is left of it."""
        if self_trade in (CANCEL_MAKER, CANCEL_BOTH):
            self.drop(maker)
        if self_trade in (CANCEL_TAKER, CANCEL_BOTH):
            return 0
        if self_trade == DECREMENT:
            size -= lots
            self.take(maker, lots)
        return size

    def take(self, maker: list[int], lots: int) -> None:
        """A resting order loses lots that it shows."""
        maker[4] -= lots
        if maker[4] == 0:
            self.drop(maker)
        elif maker[0] in self.shown:
            self.shown[maker[0]] -= lots
            if self.shown[maker[0]] == 0:
                self.show(maker)

    def show(self, order: list[int]) -> None:
        """An order comes to the end of its queue, with as much as it is to show."""
        self.clock += 1
        order[5] = self.clock
        if order[0] in self.display:
            self.shown[order[0]] = min(self.display[order[0]], order[4])

    def drop(self, order: list[int]) -> None:
        self.orders.remove(order)

    def match(self, order_id: int, owner: int, side: int, limit: int, size: int, self_trade: int) -> int:
        """Trade; returns what is left and may rest."""
        while size and (crossing := self.crossing(side, limit)):
            maker = crossing[0]
            lots = min(size, self.shown.get(maker[0], maker[4]))
            if maker[1] == owner and self_trade != NONE:
                size = self.meet_own(maker, size, lots, self_trade)
                continue
            self.fills.append((order_id, maker[0], maker[3], lots))
            size -= lots
            self.take(maker, lots)
        return size

    def rest(self, order_id: int, owner: int, side: int, price: int, size: int) -> None:
        self.orders.append([order_id, owner, side, price, size, 0])
        self.show(self.orders[-1])

    def amend(self, owner: int, order_id: int, price: int, size: int, tif: int, self_trade: int) -> bool:
        """In place if only the size falls; else the order leaves and comes back behind the others, under its old rules."""
        order = self.find(order_id)
        if order is None or order[1] != owner:
            return False
        if price == order[3] and size <= order[4]:
            order[4] = size
            if order_id in self.shown:
                self.shown[order_id] = min(self.shown[order_id], size)
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
