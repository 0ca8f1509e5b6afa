"""Helpers that work an order: TWAP, take-profit and stop of a position (OCO), a ladder, a hedge.

    report = run(client, Twap(client.venue.market("SOL"), Side.BUY, "20", slices=5, every_s=60))

Each is a task (tasks.py); `run` and `run_async` carry it. The decisions are here, and only here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Final

from perplab.exchange.codes import CancelReason, OrderType, Side, TimeInForce
from perplab.exchange.units import SECOND_NS

from . import types as t
from .blocking import Shared
from .carrying import Program, insist
from .carrying import run as run
from .carrying import run_async as run_async
from .carrying import stepped as stepped
from .carrying import together as together
from .errors import Refused
from .tasks import Report as Report
from .tasks import Sent, Step, Task
from .units import WIDE, Market, Number, exact

GONE: Final = frozenset((CancelReason.REDUCE_ONLY, CancelReason.LIQUIDATION))  # the position that an order could reduce is


class Twap(Task):
    """Trade `size` [coins] in equal slices, `every_s` apart. ValueError for what cannot be.

    Each is a market order; what it does not get is spread over those that are left, and the last one takes all the rest. None trades beyond
    `limit` [USD], nor farther than `slippage_bp` from the mark. A slice that falls due while nobody looks is not made up for at once: what
    is left is spread over those that still come.
    """

    def __init__(
        self, terms: Market, side: Side, size: Number, *, slices: int, every_s: float, limit: Number | None = None,
        slippage_bp: Number | None = None, reduce_only: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(terms, terms.lots(size))
        if not 1 <= slices <= self.total:
            raise ValueError(f"{size} {terms.name} in {slices} slices: there can be 1 to {self.total}, one lot each")
        if every_s < 0:
            raise ValueError(f"slices are {every_s:g} s apart; expected 0 or more")
        self.side, self.slices, self.every = side, slices, max(1, round(every_s * SECOND_NS))
        self.limit = None if limit is None else terms.ticks(limit)
        self.slippage_bp = None if slippage_bp is None else exact(slippage_bp, "the slippage")
        self.reduce_only = reduce_only
        self._start: int | None = None  # [ns] of the first slice
        self._next = 0  # slice

    def act(self, now: int, mark: int | None) -> list[Step]:
        if self._start is None:
            self._start = now
        slot = min((now - self._start) // self.every, self.slices - 1)
        if self.is_cancelled or self.open or slot < self._next:
            return []
        self._next = slot + 1
        lots = self.left // (self.slices - slot)
        if not lots:
            return []
        if self.slippage_bp is not None and mark is None:
            self.refused.append("there is no mark price to measure slippage from")
            return []
        return [self.order(self.side, lots, self._worst(mark), OrderType.MARKET, reduce_only=self.reduce_only)]

    def _worst(self, mark: int | None) -> int | None:
        bounds = [] if self.limit is None else [self.limit]
        if self.slippage_bp is not None and mark is not None:
            bounds.append(self.worst(self.side, mark, self.slippage_bp))
        if not bounds:
            return None
        return min(bounds) if self.side is Side.BUY else max(bounds)

    def ended(self) -> str:
        return super().ended() or ("all slices were sent" if self._next == self.slices else "")


class Oco(Task):
    """Take-profit and stop of a position of `size` [coins], below zero: short. One cancels the other; both are reduce-only.

    The take-profit [USD] rests in the book. The stop [USD] is watched for here: once the mark has reached it, the take-profit is cancelled,
    and when it is known to be gone, market orders close what it left, within `slippage_bp` of the mark, until nothing is left. So the two
    together never trade more than the position; and the stop is only as quick as this program looks, and ends with it. ValueError for what
    cannot be.
    """

    rounds = 2  # the stop follows at once on the end of the take-profit

    def __init__(self, terms: Market, size: Number, *, take_profit: Number, stop: Number, slippage_bp: Number = 100) -> None:
        signed = exact(size, "the size of the position")
        super().__init__(terms, terms.lots(abs(signed)))
        self.side = Side.SELL if signed > 0 else Side.BUY  # that closes it
        self.take_profit, self.stop = terms.ticks(take_profit), terms.ticks(stop)
        if not (self.take_profit > self.stop if signed > 0 else self.take_profit < self.stop):
            where = "above" if signed > 0 else "below"
            raise ValueError(f"the take-profit of this position has to be {where} its stop; got {take_profit} and {stop}")
        self.slippage_bp = exact(slippage_bp, "the slippage")
        self.is_triggered = False
        self._profit: Sent | None = None

    def act(self, now: int, mark: int | None) -> list[Step]:
        if mark is not None and (mark <= self.stop if self.side is Side.SELL else mark >= self.stop):
            self.is_triggered = True
        if self.is_triggered and not self.is_cancelled and self._profit is not None and self._profit.is_open:
            return self.withdraw([self._profit])
        if self.open:  # what closes may take its time, where a venue auctions it first
            return self.withdraw(self.open) if self.is_cancelled else []
        if self.is_cancelled or self.why or not self.left:
            return []
        if self.is_triggered and mark is not None:
            worst = self.worst(self.side, mark, self.slippage_bp)
            return [self.order(self.side, self.left, worst, OrderType.MARKET, reduce_only=True)]
        if self._profit is None:
            placed = self.order(self.side, self.left, self.take_profit, OrderType.LIMIT, reduce_only=True)
            assert placed.client_id is not None
            self._profit = self.sent[placed.client_id]
            return [placed]
        return []  # somebody else has cancelled the take-profit: the stop goes on

    def cut(self, sent: Sent, lots: int) -> None:
        self.total -= max(0, sent.lots - lots)
        super().cut(sent, lots)

    def closed(self, sent: Sent, reason: CancelReason) -> None:
        super().closed(sent, reason)
        if reason in GONE:
            self.why = "the position is gone"

    def refuse(self, client_id: t.ClientId, error: Refused) -> None:
        super().refuse(client_id, error)
        if error.reason == "REDUCE_ONLY":
            self.why = "the position is gone"
        elif self._profit is self.sent[client_id]:
            self._profit = None  # tried again

    def ended(self) -> str:
        if self.left:
            return super().ended()
        if not self.total:
            return "the position is gone"
        return "stopped" if self.is_triggered else "profit taken"


def shares(lots: int, orders: int, growth: Number = 1) -> list[int]:
    """`lots` cut in so many parts, the last `growth` times the first, those between on a line. They add up. Raises ValueError."""
    ratio = exact(growth, "the growth")
    if orders < 1 or ratio <= 0:
        raise ValueError(f"{orders} orders that grow {ratio:f} times: expected at least one, and growth above zero")
    weights = [max(orders - 1, 1) + WIDE.multiply(ratio - 1, number) for number in range(orders)]
    whole = sum(weights)
    edges = [int(WIDE.divide_int(WIDE.multiply(lots, edge), whole)) for edge in accumulate(weights)]
    edges[-1] = lots
    parts = [after - before for before, after in pairwise([0, *edges])]
    if min(parts) < 1:
        raise ValueError(f"{lots} lots are too few for {orders} orders")
    return parts


class Scale(Task):
    """A ladder: `size` [coins] in limit orders between two prices [USD], both included, evenly spaced.

    Sizes grow from the first to the last by `growth`, and add up exactly. It has ended when all are filled or cancelled. ValueError for
    what cannot be.
    """

    def __init__(
        self, terms: Market, side: Side, size: Number, *, first: Number, last: Number, orders: int, growth: Number = 1,
        reduce_only: bool = False, post_only: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(terms, terms.lots(size))
        self.side, self.reduce_only = side, reduce_only
        self.tif = TimeInForce.POST_ONLY if post_only else TimeInForce.GTC
        sizes, begin, end = shares(self.total, orders, growth), terms.ticks(first), terms.ticks(last)
        between = [terms.price(begin) + WIDE.divide(terms.price(end - begin) * number, max(orders - 1, 1)) for number in range(orders)]
        prices = [terms.ticks_near(price, up=side is Side.SELL) for price in between]
        if len(set(prices)) < orders:
            raise ValueError(f"there are not {orders} prices of {terms.name} between {first} and {last}")
        self.rungs = list(zip(prices, sizes, strict=True))  # [ticks, lots] that are to be placed

    def act(self, now: int, mark: int | None) -> list[Step]:
        if self.is_cancelled:
            self.rungs = []
            return self.withdraw(self.open)
        rungs, self.rungs = self.rungs, []
        return [self.order(self.side, lots, ticks, OrderType.LIMIT, self.tif, self.reduce_only) for ticks, lots in rungs]

    def ended(self) -> str:
        return super().ended() or ("nothing rests any more" if not self.rungs else "")


class Hedge(Task):
    """Keep exposure near zero: `exposure` x `ratio` + the position in the hedge market stays within `band` [coins of that market].

    Beyond it, a market order within `slippage_bp` of the mark brings it back to zero, unless that is less than `least` [coins]. What turns
    the position round is sent in two: the part that reduces, reduce-only, so that no lack of margin keeps it; then the rest. It goes on
    until `cancel`. `sources`: for each client whose account is hedged, how much a coin of each market counts: `[(other, {"BTC": 1})]`.
    """

    def __init__(
        self, terms: Market, *, sources: Sequence[tuple[Shared, Mapping[str, Number]]] = (), band: Number, ratio: Number = 1,
        least: Number | None = None, slippage_bp: Number = 50,
    ) -> None:  # fmt: skip
        super().__init__(terms)
        self.band, self.ratio = terms.whole_lots(exact(band, "the band")), exact(ratio, "the ratio")
        if self.band < 0:
            raise ValueError(f"the band is {band}; expected 0 or more")
        self.least = 1 if least is None else terms.lots(least)
        self.slippage_bp = exact(slippage_bp, "the slippage")
        self.sources = [(client, {name: exact(one, f"the weight of {name}") for name, one in each.items()}) for client, each in sources]
        self.exposure = Decimal(0)  # [coins of the hedge market] of the sources, as of the last look
        self.held = 0  # [lots] in the hedge market

    @property
    def net(self) -> int:
        """What is not hedged. [lots]"""
        return self.terms.whole_lots(WIDE.multiply(self.exposure, self.ratio)) + self.held

    def act(self, now: int, mark: int | None) -> list[Step]:
        for client_id in [client_id for client_id, one in self.sent.items() if not one.is_open]:
            del self.sent[client_id]  # it may go on for long
        self._by_order = {one.order_id: one for one in self.sent.values()}
        change = -self.net
        if self.is_cancelled or self.open or mark is None or abs(change) <= self.band or abs(change) < self.least:
            return []
        side = Side.BUY if change > 0 else Side.SELL
        reducing = min(abs(change), abs(self.held)) if change * self.held < 0 else 0
        worst = self.worst(side, mark, self.slippage_bp)
        parts = [(reducing, True), (abs(change) - reducing, False)]
        return [self.order(side, lots, worst, OrderType.MARKET, reduce_only=reduce) for lots, reduce in parts if lots]

    def look(self, client: Shared) -> Program[None]:
        exposure = Decimal(0)
        for source, weights in self.sources:
            account = yield from insist(source, source.calls.account())
            exposure += sum((weights.get(one.market, Decimal(0)) * one.size for one in account.positions), Decimal(0))
        own = yield from insist(client, client.calls.account())
        self.exposure = exposure
        self.held = sum(self.terms.whole_lots(one.size) for one in own.positions if one.market == self.terms.name)
        yield from super().look(client)

    def ended(self) -> str:
        return "cancelled" if self.is_cancelled else ""
