"""A book with the matching rules beside price-time, as one would write them on the first day: lists, sorted whenever needed.

Everybody has ample margin, and no order is reduce-only. `rule` and the others are the keys of `[markets.matching]`; `retail` are the owners
whose orders stand first and may meet RPI orders.
"""

from __future__ import annotations

from collections.abc import Container

from reference_book import BUY, FOK, GTC, NONE, POST_ONLY, SELL, ReferenceBook

RPI = 4
Level = list[list[int]]


class ReferenceMatching(ReferenceBook):
    def __init__(
        self, rule: str, top_share_ppm: int = 10**6, least_share: int = 1, queue_classes: bool = False, retail: Container[int] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self.rule = rule
        self.top_share_ppm = top_share_ppm
        self.least_share = least_share
        self.queue_classes = queue_classes
        self.retail = retail
        self.rpi: set[int] = set()  # ids of orders that are RPI
        self.top: dict[int, int] = {}  # side -> id of the order that last made a new best price

    def is_retail(self, owner: int) -> bool:
        return self.queue_classes and owner in self.retail

    def rank(self, order: list[int]) -> int:
        """Orders of retail accounts, all others, RPI orders."""
        return 2 if order[0] in self.rpi else 0 if self.is_retail(order[1]) else 1

    def queue(self, side: int) -> Level:
        own = [order for order in self.orders if order[2] == side]
        return sorted(own, key=lambda o: (o[3] if side == SELL else -o[3], self.rank(o), o[5]))

    def lit(self, side: int) -> Level:
        """Those that everybody can trade with."""
        return [order for order in self.queue(side) if order[0] not in self.rpi]

    def best(self, side: int) -> int:
        return self.lit(side)[0][3] if self.lit(side) else 0

    def met(self, owner: int, side: int, limit: int, is_rpi: bool) -> Level:
        """What an order may trade with."""
        found = self.crossing(side, limit)
        return found if self.is_retail(owner) and not is_rpi else [o for o in found if o[0] not in self.rpi]

    def place(self, owner: int, side: int, limit: int, size: int, tif: int, self_trade: int, display: int = 0) -> bool:
        met = self.met(owner, side, limit, tif == RPI)
        if tif == RPI and not self.queue_classes:
            return False
        if tif in (POST_ONLY, RPI) and met:
            return False
        if tif == FOK and not self.fills_whole(owner, side, limit, size, self_trade):
            return False
        self.last_id += 1
        if tif == RPI:
            self.rpi.add(self.last_id)
        left = self.match(self.last_id, owner, side, limit, size, self_trade)
        if left and tif in (GTC, POST_ONLY, RPI):
            self.rest(self.last_id, owner, side, limit, left)
        return True

    def rest(self, order_id: int, owner: int, side: int, price: int, size: int) -> None:
        best = self.best(side)
        super().rest(order_id, owner, side, price, size)
        if order_id not in self.rpi and (best == 0 or (price > best if side == BUY else price < best)):
            self.top[side] = order_id

    def drop(self, order: list[int]) -> None:
        self.orders.remove(order)
        if self.top.get(order[2]) == order[0]:
            del self.top[order[2]]

    def match(self, order_id: int, owner: int, side: int, limit: int, size: int, self_trade: int) -> int:
        """Level by level, and class by class within a level."""
        while size and (met := self.met(owner, side, limit, order_id in self.rpi)):
            first = met[0]
            queue = [o for o in met if (o[3], self.rank(o)) == (first[3], self.rank(first))]
            size = self.share_out(order_id, owner, queue, size, self_trade)
        return size

    def share_out(self, order_id: int, owner: int, queue: Level, size: int, self_trade: int) -> int:
        shares = self.shares(queue, size)
        for by_time in (False, True):
            for maker in queue:
                lots = min(size, maker[4] if by_time else shares[maker[0]])
                if maker not in self.orders or lots == 0:
                    continue
                if maker[1] == owner and self_trade != NONE:
                    size = self.meet_own(maker, size, lots, self_trade)
                    continue
                self.fills.append((order_id, maker[0], maker[3], lots))
                size -= lots
                maker[4] -= lots
                if maker[4] == 0:
                    self.drop(maker)
        return size

    def shares(self, queue: Level, size: int) -> dict[int, int]:
        """By the id of an order: what it gets, if it can."""
        if self.rule == "price_time":
            return {order[0]: order[4] for order in queue}
        shares = {order[0]: 0 for order in queue}
        left = size
        if size < sum(order[4] for order in queue):
            top = self.top.get(queue[0][2]) if self.rule == "top_pro_rata" else None
            if top in shares:
                shares[top] = min(next(o[4] for o in queue if o[0] == top), size * self.top_share_ppm // 10**6)
                left -= shares[top]
            to_share, total = left, sum(order[4] - shares[order[0]] for order in queue)
            for order in queue:
                share = to_share * (order[4] - shares[order[0]]) // total
                if share >= self.least_share:
                    shares[order[0]] += share
                    left -= share
        for order in queue:  # what rounding leaves
            more = min(left, order[4] - shares[order[0]])
            shares[order[0]] += more
            left -= more
        return shares

    def amend(self, owner: int, order_id: int, price: int, size: int, tif: int, self_trade: int) -> bool:
        order = self.find(order_id)
        if order is None or order[1] != owner:
            return False
        if price == order[3] and size <= order[4]:
            order[4] = size
            return True
        if tif in (POST_ONLY, RPI) and self.met(owner, order[2], price, tif == RPI):
            return False
        self.drop(order)
        left = self.match(order_id, owner, order[2], price, size, self_trade)
        if left:
            self.rest(order_id, owner, order[2], price, left)
        return True

    def cancel(self, owner: int, order_id: int) -> bool:
        order = self.find(order_id)
        if order is None or order[1] != owner:
            return False
        self.drop(order)
        return True
