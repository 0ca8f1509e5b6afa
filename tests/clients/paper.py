"""A venue on paper, for machines without I/O: orders fill when a test says so, and what happened is heard of later, in order."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from perplab.clients import types as t
from perplab.clients.errors import Refused
from perplab.clients.tasks import Step, Task
from perplab.clients.units import Market
from perplab.exchange.codes import CancelReason, OrderType, Side

BTC = Market(
    number=0, name="BTC", tick=Decimal(1), lot=Decimal("0.001"), significant_figures=0, minimum_notional=Decimal(10), max_leverage=40,
    maker_fee=Decimal("0.00015"), taker_fee=Decimal("0.00045"),
)  # fmt: skip
SECOND = 10**9


class Resting:
    def __init__(self, order_id: int, order: t.NewOrder, lots: int) -> None:
        self.order_id, self.side, self.left = order_id, order.side, lots


class Paper:
    """One account with a position of `lots`, which reduce-only orders are cut to when they come in and whenever it shrinks."""

    def __init__(self, lots: int = 0, terms: Market = BTC) -> None:
        self.terms = terms
        self.lots = lots
        self.resting: dict[int, Resting] = {}
        self.unheard: deque[t.Event] = deque()
        self.traded = 0  # [lots]
        self.orders: list[t.NewOrder] = []

    def carry(self, task: Task, steps: list[Step], take: int) -> None:
        """Carry steps out; a market order gets `take` lots at most."""
        for step in steps:
            if isinstance(step, t.Cancel):
                assert isinstance(step.order, int)
                self.cancel(step.order, CancelReason.USER)
            else:
                self.place(task, step, take)

    def place(self, task: Task, order: t.NewOrder, take: int) -> None:
        assert order.client_id is not None
        lots, sign = self.terms.lots(order.size), 1 if order.side is Side.BUY else -1
        self.orders.append(order)
        if order.reduce_only:
            lots = min(lots, max(0, -self.lots * sign))
        if not lots:
            task.refuse(order.client_id, Refused(21, "REDUCE_ONLY", "nothing to reduce", {}))
            return
        made = self.resting[len(self.orders)] = Resting(len(self.orders), order, lots)
        self.unheard.append(
            t.OrderOpened(
                account=1, seq=0, ts=0, order_id=made.order_id, market="BTC", side=order.side, price=Decimal(1), tif=order.tif,
                size=self.terms.size(lots), reduce_only=order.reduce_only, client_id=order.client_id,
            )
        )  # fmt: skip
        if order.order_type == OrderType.MARKET:
            self.fill(made.order_id, take)
            self.cancel(made.order_id, CancelReason.IMMEDIATE)

    def fill(self, order_id: int, lots: int, price: int = 60_000) -> None:
        one = self.resting[order_id]
        lots = min(lots, one.left)
        if not lots:
            return
        one.left -= lots
        self.traded += lots
        self.lots += lots if one.side is Side.BUY else -lots
        self.unheard.append(
            t.Fill(
                account=1, seq=0, ts=0, order_id=order_id, market="BTC", side=one.side, price=self.terms.price(price), fee=Decimal(0),
                size=self.terms.size(lots), is_maker=True, liquidation=False, value=self.terms.price(price) * self.terms.size(lots),
            )
        )  # fmt: skip
        if not one.left:
            del self.resting[order_id]

    def close(self, lots: int) -> None:
        """Somebody else closes part of the position: what rests reduce-only shrinks with it."""
        self.lots -= lots if self.lots > 0 else -lots
        for order_id, one in list(self.resting.items()):
            if not self.lots:
                self.cancel(order_id, CancelReason.REDUCE_ONLY)
            elif one.left > abs(self.lots):
                one.left = abs(self.lots)
                size = self.terms.size(one.left)
                self.unheard.append(t.OrderReduced(account=1, seq=0, ts=0, order_id=order_id, market="BTC", size=size))

    def cancel(self, order_id: int, reason: CancelReason) -> None:
        one = self.resting.pop(order_id, None)
        if one is not None:
            size = self.terms.size(one.left)
            self.unheard.append(t.OrderCancelled(account=1, seq=0, ts=0, order_id=order_id, market="BTC", size=size, reason=reason))

    def hear(self, task: Task, count: int | None = None) -> None:
        for _ in range(len(self.unheard) if count is None else min(count, len(self.unheard))):
            task.hear(self.unheard.popleft())
