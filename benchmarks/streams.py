"""The command streams of the benchmarks: packed rows, drawn from a seed, the same on every machine and on both builds.

A flow keeps a shadow of the books it feeds, so its cancels name orders that rest, and its takers know what they will fill. The shadow
knows price-time priority and self-trade prevention (cancel-maker) and nothing else: margin, band and caps are on and never reached.
Only `random()` and `getrandbits` are asked of Random: Python promises that these two stay the same for a seed.

    M1    calm maker churn: 49.5 % add, 49 % cancel, 1.5 % take; adds at the distances and of the sizes measured on BTCUSDT
    M2    near touch: the birth-death book of Cont, Stoikov and Talreja (2010), 5 levels, orders of one size
    M3    sweep: 5 % take, each through 20 levels; 95 % add. Every sweep empties 19 levels, so a steady book leaves no room for cancels
    deep  50 % add, 47 % cancel, 3 % take in a book of 200,000 orders on 5,000 levels
"""

from __future__ import annotations

from array import array
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate, islice
from random import Random
from typing import Final

from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from perplab.exchange import messages as m
from perplab.exchange.units import SECOND_NS

ACCOUNTS: Final = 1_000
FIRST: Final = m.FIRST_USER
MARK: Final = 600_000  # [ticks] 60,000 USD
CASH: Final = 5_000_000_000_000  # [micro] 5 million USD: margin is computed at every order and never short
HELD: Final = (10_000, 300_000)  # [lots] of the positions at the start: 60,000 to 1.8 million USD, on the first two tiers
START: Final = 1_000_000_000_000_000_000  # [ns]
PER_SECOND: Final = 1_191  # messages per second: adds + removals + takers measured on BTCUSDT
BUY, SELL = int(m.Side.BUY), int(m.Side.SELL)
LIMIT, AT_MARKET = int(m.OrderType.LIMIT), int(m.OrderType.MARKET)
GTC, IOC, POST_ONLY = int(m.TimeInForce.GTC), int(m.TimeInForce.IOC), int(m.TimeInForce.POST_ONLY)

ADD, CANCEL, TAKE = 0, 1, 2

# Adds per second by distance from the opposite best [ticks], measured; what was seen beyond 500 is put on 501 to 1,000.
DISTANCES: Final = (
    (1, 1, 13.1), (2, 2, 0.6), (3, 3, 0.4), (4, 4, 0.3), (5, 5, 0.35), (6, 10, 1.6), (11, 50, 18.5), (51, 100, 35.0),
    (101, 500, 251.0), (501, 1_000, 269.15),
)  # fmt: skip
SIZES: Final = (20, 20, 650, 9_700, 160_000, 300_000)  # [lots] of adds, measured, at the quantiles
QUANTILES: Final = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)
ARRIVAL: Final = (1.85, 1.51, 1.09, 0.88, 0.77)  # limit orders per second at 1 to 5 ticks from the opposite best
CANCEL_RATE: Final = (0.71, 0.81, 0.68, 0.56, 0.47)  # per resting order and second; the last one holds farther out too
MARKET_RATE: Final = 0.94  # market orders per second and side


class Order:
    """A resting order of the shadow."""

    __slots__ = ("account", "at", "hi", "lo", "price", "side", "size")

    def __init__(self, account: int, side: int, price: int, size: int, hi: int, lo: int) -> None:
        self.account = account
        self.side = side
        self.price = price
        self.size = size
        self.hi = hi
        self.lo = lo
        self.at = 0  # where it stands in the list of live orders


class ShadowSide:
    """One side of one book: price -> its orders, oldest first (a dict keeps the order and deletes at once)."""

    def __init__(self, side: int) -> None:
        self.levels: SortedDict = SortedDict()
        self.worst_first = side == BUY
        self.touch = MARK - 1 if side == BUY else MARK  # the best price, or the last one seen

    def best(self) -> int:
        if self.levels:
            self.touch = self.levels.peekitem(-1 if self.worst_first else 0)[0]
        return self.touch

    def queue(self) -> Iterator[Order]:
        """Its orders in the order in which they fill."""
        for price in reversed(self.levels) if self.worst_first else iter(self.levels):
            yield from self.levels[price]

    def insert(self, order: Order) -> None:
        level = self.levels.get(order.price)
        if level is None:
            self.levels[order.price] = {order: None}
        else:
            level[order] = None

    def remove(self, order: Order) -> None:
        level = self.levels[order.price]
        del level[order]
        if not level:
            del self.levels[order.price]


class Flow:
    """An endless stream of commands to the first of `markets` markets; in all of them accounts hold positions.

    `resting`: orders before it starts; `shares`: adds, cancels and takers per block.
    """

    name = ""
    resting = 0
    shares = (0, 0, 0)
    accounts = ACCOUNTS

    def __init__(self, markets: int, seed: int) -> None:
        self.markets = markets
        self.random = Random(seed)
        self.ts = START
        self.step = 2 * SECOND_NS // PER_SECOND  # twice the mean time between commands
        self.sides = (ShadowSide(BUY), ShadowSide(SELL))
        self.live: list[Order] = []
        self.rows = array("q")
        self.trades = 0
        self.block: list[int] = []

    # -- rows --

    def emit(self, command: type[m.Command], *fields: int) -> None:
        """Append a packed command: all fields but `ts`, as declared, or the first of them. Typed commands would take far longer."""
        self.rows.extend((command.KIND, self.ts, *fields, *(0,) * (m.ROW - 2 - len(fields))))

    def taken(self) -> array[int]:
        rows, self.rows = self.rows, array("q")
        return rows

    def take(self, commands: int) -> array[int]:
        """The next rows of the stream."""
        for _ in range(commands):
            self.ts += 1 + int(self.random.random() * self.step)
            self.next()
        return self.taken()

    def setting(self) -> array[int]:
        """Accounts with cash, a mark, and a position of every account in every market."""
        self.ts = START
        for owner in range(self.accounts):
            self.emit(m.OpenAccount, m.AccountKind.TRADER, owner)
            self.emit(m.Deposit, FIRST + owner, 0, CASH)
        for market in range(self.markets):
            self.emit(m.UpdateOracle, market, MARK, 0)
            accounts = sorted(range(FIRST, FIRST + self.accounts), key=lambda _: self.random.random())
            for buyer, seller in zip(accounts[::2], accounts[1::2]):
                self.emit(m.BlockTrade, buyer, seller, market, int(HELD[0] * (HELD[1] / HELD[0]) ** self.random.random()), MARK)
        return self.taken()

    def history(self, ids: int) -> Iterator[array[int]]:
        """Every account places and cancels `ids` orders, far from the market: a venue that has run for a while remembers them."""
        for number in range(ids):
            for account in range(FIRST, FIRST + self.accounts):
                self.emit(m.Place, account, 0, BUY, MARK * 9 // 10, 10, LIMIT, POST_ONLY, 0, 0, -1, number)
                self.emit(m.CancelClient, account, -1, number)
            yield self.taken()

    def filling(self) -> array[int]:
        """The orders that rest before the stream starts."""
        for _ in range(self.resting):
            self.add()
        return self.taken()

    # -- what a mix decides --

    def next(self) -> None:
        if not self.block:
            kinds = [kind for kind, share in zip((ADD, CANCEL, TAKE), self.shares) for _ in range(share)]
            self.block = sorted(kinds, key=lambda _: self.random.random())
        kind = self.block.pop()
        if kind == CANCEL:
            self.cancel(self.live[self.below(len(self.live))])
        elif kind == TAKE:
            side = self.below(2)
            account = self.account()
            self.hit(side, account, self.lots_through(side, account, self.whole_fills()))
        else:
            self.add()

    def add(self) -> None:
        side = self.below(2)
        self.rest(side, self.price(side), self.size())

    def price(self, side: int) -> int:
        raise NotImplementedError

    def whole_fills(self) -> int:
        """How many orders a taker fills in full before the one it fills in part."""
        adds, cancels, takers = self.shares
        mean = (adds - cancels) / takers  # so the number of resting orders stays what it is
        fills = 0
        while self.random.random() * (1 + mean) < mean:
            fills += 1
        return fills

    def behind_opposite(self, side: int, distance: int) -> int:
        """The price `distance` ticks from the best of the other side: at 1 the spread is one tick."""
        best = self.sides[1 - side].best()
        return best - distance if side == BUY else best + distance

    # -- draws --

    def below(self, end: int) -> int:
        return int(self.random.random() * end)

    def account(self) -> int:
        return FIRST + self.below(self.accounts)

    def size(self) -> int:
        """[lots] log-linear between the measured quantiles."""
        u = self.random.random()
        at = bisect(QUANTILES, u)
        low, high = SIZES[at - 1], SIZES[at]
        return int(low * (high / low) ** ((u - QUANTILES[at - 1]) / (QUANTILES[at] - QUANTILES[at - 1])))

    def drawn(self, sums: tuple[float, ...]) -> int:
        """A number drawn by weights, of which `sums` are the running sums."""
        return bisect(sums, self.random.random() * sums[-1])

    def half_id(self) -> int:
        return self.random.getrandbits(64) - (1 << 63)

    # -- the three commands --

    def rest(self, side: int, price: int, size: int) -> None:
        order = Order(self.account(), side, price, size, self.half_id(), self.half_id())
        order.at = len(self.live)
        self.live.append(order)
        self.sides[side].insert(order)
        self.emit(m.Place, order.account, 0, side, price, size, LIMIT, GTC, 0, 0, order.hi, order.lo)

    def cancel(self, order: Order) -> None:
        self.emit(m.CancelClient, order.account, order.hi, order.lo)
        self.gone(order)

    def hit(self, side: int, account: int, size: int) -> None:
        """A market order with the edge of the price band as its protection price."""
        self.emit(m.Place, account, 0, side, 0, size, AT_MARKET, IOC, 0, 0, self.half_id(), self.half_id())
        met: list[Order] = []
        for order in self.sides[1 - side].queue():
            if size == 0:
                break
            if order.account == account:
                met.append(order)
                continue
            lots = min(size, order.size)
            order.size -= lots
            size -= lots
            self.trades += 1
            if order.size == 0:
                met.append(order)
        for order in met:
            self.gone(order)

    def gone(self, order: Order) -> None:
        self.sides[order.side].remove(order)
        last = self.live.pop()
        if last is not order:
            self.live[order.at] = last
            last.at = order.at

    def lots_through(self, side: int, account: int, fills: int) -> int:
        """The size that fills `fills` orders in full and the next one in part."""
        lots = 0
        foreign = (order for order in self.sides[1 - side].queue() if order.account != account)
        for number, order in enumerate(islice(foreign, fills + 1)):
            lots += order.size if number < fills else max(1, self.below(order.size))
        return lots


class CalmMakers(Flow):
    name = "M1"
    resting = 6_000
    shares = (99, 98, 3)
    sums = tuple(accumulate(rate for _, _, rate in DISTANCES))

    def price(self, side: int) -> int:
        low, high, _ = DISTANCES[self.drawn(self.sums)]
        return self.behind_opposite(side, low + self.below(high - low + 1))


class NearTouch(Flow):
    name = "M2"
    resting = 20
    unit = 500  # [lots]
    sums = tuple(accumulate(ARRIVAL))

    def next(self) -> None:
        """The next event of the birth-death process."""
        bids, asks = self.sides
        orders = [*bids.queue(), *asks.queue()]
        opposite = (asks.best(), bids.best())
        cancels = [CANCEL_RATE[min(abs(order.price - opposite[order.side]), 5) - 1] for order in orders]
        drawn = self.drawn(tuple(accumulate((2 * self.sums[-1], 2 * MARKET_RATE, *cancels))))
        if drawn == 0:
            self.add()
        elif drawn == 1:
            self.hit(self.below(2), self.account(), self.unit)
        else:
            self.cancel(orders[drawn - 2])

    def price(self, side: int) -> int:
        return self.behind_opposite(side, 1 + self.drawn(self.sums))

    def size(self) -> int:
        return self.unit


class Sweeps(Flow):
    name = "M3"
    resting = 2_000
    shares = (19, 0, 1)

    def __init__(self, markets: int, seed: int) -> None:
        super().__init__(markets, seed)
        self.holes: list[tuple[int, int]] = []  # (side, price) without an order
        self.reach = [0, 0]  # levels that a side has been given so far

    def add(self) -> None:
        side = self.below(2)
        if self.holes:
            at = self.below(len(self.holes))
            self.holes[at], self.holes[-1] = self.holes[-1], self.holes[at]
            side, price = self.holes.pop()
        else:
            reach = self.reach[side]
            self.reach[side] += 1
            price = MARK - 1 - reach if side == BUY else MARK + reach
        self.rest(side, price, self.size())

    def gone(self, order: Order) -> None:
        super().gone(order)
        self.holes.append((order.side, order.price))

    def whole_fills(self) -> int:
        return 19


class DeepBook(Flow):
    name = "deep"
    resting = 200_000
    shares = (50, 47, 3)
    reach = 2_500  # levels of a side

    def price(self, side: int) -> int:
        distance = self.below(self.reach)
        return MARK - 1 - distance if side == BUY else MARK + distance


FLOWS: Final[dict[str, type[Flow]]] = {flow.name: flow for flow in (CalmMakers, NearTouch, Sweeps, DeepBook)}
