"""What the helpers of execution.py have in common: account of the orders that were sent, and a program that carries it.

A task is a state machine without I/O. It is told what happens to the account (`hear`) and what was refused (`refuse`); `act` is told the
time and the mark, and says what to place or cancel next. Ticks and lots inside, Decimal and text outside.

Rules: what is filled is what the private stream tells, so no reply that is lost and no order that is sent twice counts twice. Every order
has a client id. What was sent and not heard of yet may still trade, so nothing takes its place until its end is known.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from typing import Final

from msgspec import Struct

from perplab.exchange.codes import CancelReason, OrderType, Side, TimeInForce

from . import types as t
from .blocking import Shared
from .calls import Call
from .carrying import ATTEMPTS, Program, ask, insist, insist_all, wait
from .errors import Refused, TimedOut, Unknown
from .queued import refusal_of
from .units import WIDE, Market

LOOK_S: Final = 1.0  # the longest between two looks at the mark and the time
BP: Final = Decimal("0.0001")
REWOUND: Final = "the venue went back to an earlier state"
Step = t.NewOrder | t.Cancel


class Report(Struct, frozen=True, kw_only=True):
    """What came of it."""

    filled: Decimal  # [coins]
    left: Decimal  # [coins] of what was wanted
    average_price: Decimal | None  # [USD] to 28 digits; None: nothing was filled, or some of it while the stream had a gap
    fees: Decimal  # [USD]
    why: str  # it has ended
    refused: tuple[str, ...]  # what the venue said no to
    may_be_undone: bool = False  # the venue went back: what is counted here is what was heard, and some of it has not happened any more


class Sent:
    """An order that was sent, as far as its owner has heard."""

    def __init__(self, client_id: t.ClientId, lots: int) -> None:
        self.client_id = client_id
        self.lots = lots  # that it is for; less, if it was cut to a position
        self.filled = 0  # [lots]
        self.order_id = 0  # 0: not heard of yet
        self.is_open = True  # it may still trade
        self.waits = False  # for its turn: what becomes of it is told by events, a refusal too

    def fill(self, lots: int) -> None:
        self.filled += lots
        self.is_open = self.filled < self.lots

    def resize(self, lots: int) -> None:
        self.lots = lots
        self.is_open = self.filled < lots


class Task(ABC):
    """Base: keeps account of what was sent."""

    rounds = 1  # how often `act` is asked in one look: again, where what was sent decides what is next

    def __init__(self, terms: Market, lots: int = 0) -> None:
        self.terms = terms
        self.total = lots  # [lots] wanted
        self.sent: dict[t.ClientId, Sent] = {}
        self.refused: list[str] = []
        self.why = ""  # it has ended; "": it has not
        self.is_cancelled = False
        self.new_id: Callable[[], t.ClientId] = count(1).__next__  # of who carries it: ids that nobody else of the account has
        self._by_order: dict[int, Sent] = {}
        self.filled = 0  # [lots]
        self._paid = Decimal(0)  # [USD]
        self._unpriced = 0  # [lots] filled at prices that were not heard
        self._fees = Decimal(0)
        self._has_gap = False
        self._went_back = False  # the venue, to an earlier state
        self._is_new_epoch = False  # it was started anew, or went back while nobody listened: which of the two is to be found out
        self._last: Sent | None = None  # the order that was filled last
        self._looked = 0  # [ns] the time of the last look

    @abstractmethod
    def act(self, now: int, mark: int | None) -> list[Step]:
        """What to send at venue's time `now` [ns], with the mark at so many ticks (None: there is none)."""

    def cancel(self) -> None:
        """Send nothing new, and take back what rests."""
        self.is_cancelled = True

    @property
    def left(self) -> int:
        """[lots] wanted and not filled"""
        return max(0, self.total - self.filled)

    @property
    def open(self) -> list[Sent]:
        """What may still trade."""
        return [one for one in self.sent.values() if one.is_open]

    @property
    def is_done(self) -> bool:
        if self._went_back:
            self.why = REWOUND
        elif not self.why and not self.open:
            self.why = self.ended()
        return bool(self.why)

    def ended(self) -> str:
        """Why there is nothing more to do, when nothing is open; "": there is."""
        if not self.left:
            return "filled"
        return "cancelled" if self.is_cancelled else ""

    def report(self) -> Report:
        filled, priced = self.filled, self.filled - self._unpriced
        average = self._paid / self.terms.size(priced) if priced and not self._unpriced else None
        return Report(
            filled=self.terms.size(filled), left=self.terms.size(self.left), average_price=average, fees=self._fees,
            why=REWOUND if self._went_back else self.why, refused=tuple(self.refused), may_be_undone=self._went_back,
        )  # fmt: skip

    # -- what is sent --

    def order(
        self, side: Side, lots: int, ticks: int | None, order_type: OrderType, tif: TimeInForce = TimeInForce.GTC, reduce_only: bool = False
    ) -> t.NewOrder:
        """A new order, of which account is kept."""
        client_id = self.new_id()
        self.sent[client_id] = Sent(client_id, lots)
        price = None if ticks is None else self.terms.price(ticks)
        return t.NewOrder(self.terms.name, side, self.terms.size(lots), price, order_type, tif, reduce_only, client_id=client_id)

    def withdraw(self, sent: Sequence[Sent]) -> list[Step]:
        """Cancel what was heard of."""
        return [t.Cancel(one.order_id, self.terms.name) for one in sent if one.is_open and one.order_id]

    def worst(self, side: Side, mark: int, slippage_bp: Decimal) -> int:
        """The last price within `slippage_bp` of the mark. [ticks]"""
        factor = 1 + (slippage_bp if side is Side.BUY else -slippage_bp) * BP
        return self.terms.ticks_near(WIDE.multiply(self.terms.price(mark), factor), up=side is Side.SELL)

    # -- what is heard --

    def hear(self, event: t.Event) -> None:
        """An event of the private stream."""
        if isinstance(event, t.OrderOpened) and event.client_id in self.sent:
            sent = self._by_order[event.order_id] = self.sent[event.client_id]
            sent.order_id = event.order_id
            self.cut(sent, self.terms.whole_lots(event.size))
        elif isinstance(event, t.CommandQueued) and event.client_id in self.sent:
            self.sent[event.client_id].waits = True
        elif isinstance(event, t.Rejected) and event.client_id in self.sent and self.sent[event.client_id].waits:
            if event.command == "Place":  # else it was answered
                self.refuse(event.client_id, refusal_of(event))
        elif isinstance(event, t.AccountSnapshot | t.OtherEvent) or (isinstance(event, t.Gap) and event.channel == "private"):
            self._has_gap = True  # what this client cannot read may be of an order
        elif isinstance(event, t.Rewound):
            self._went_back = True
        elif isinstance(event, t.Reconnected) and event.is_new_epoch:
            self._is_new_epoch = self._has_gap = True
        elif isinstance(event, t.Fill | t.OrderReduced | t.OrderAmended | t.OrderCancelled):
            known = self._by_order.get(event.order_id)
            if known is not None:
                self._change(known, event)

    def _change(self, sent: Sent, event: t.Fill | t.OrderReduced | t.OrderAmended | t.OrderCancelled) -> None:
        lots = self.terms.whole_lots(event.size)
        if isinstance(event, t.Fill):
            self._fill(sent, lots)
            self._paid = WIDE.add(self._paid, event.value)
            self._fees += event.fee
        elif isinstance(event, t.OrderCancelled):
            self.closed(sent, event.reason)
        elif isinstance(event, t.OrderReduced):
            self.cut(sent, sent.filled + lots)
        else:
            sent.resize(sent.filled + lots)

    def found(self, sent: Sent, order: t.Order | None) -> None:
        """What an order is by now, asked for since events were missed; None: the venue does not know it."""
        if order is not None:
            lots = self.terms.whole_lots(order.filled) - sent.filled
            self._unpriced += lots
            self._fill(sent, lots)
        sent.is_open = order is not None and bool(order.open)

    def _fill(self, sent: Sent, lots: int) -> None:
        sent.fill(lots)
        self.filled += lots
        if lots:
            self._last = sent

    def cut(self, sent: Sent, lots: int) -> None:
        """A reduce-only order is for no more than `lots`, since the position is no more."""
        sent.resize(lots)

    def closed(self, sent: Sent, reason: CancelReason) -> None:
        """The order was cancelled."""
        sent.is_open = False

    def refuse(self, client_id: t.ClientId, error: Refused) -> None:
        """The venue said no to an order, at once or when its turn had come."""
        self.sent[client_id].is_open = False
        text = str(error)
        if text not in self.refused:
            self.refused.append(text)

    # -- how it is carried --

    def program(self, client: Shared) -> Program[Report]:
        """Raises NotConnected, when there is no way back to the venue, and Unknown, when it said nothing to an order for too long."""
        self.new_id = client.calls.new_client_id
        with client.listening(self.hear):
            while not self.is_done:
                if not client.hears_private:  # also where the stream was given up, since what came of it did not fit together
                    yield from insist(client, client.calls.subscribe("private", None))
                yield from self.look(client)
                if not self.is_done:
                    yield from wait(LOOK_S)
        return self.report()

    def look(self, client: Shared) -> Program[None]:
        """Once: look at time and mark, and send what is to be sent."""
        now = yield from insist(client, client.calls.ping())
        ticker = yield from insist(client, client.calls.ticker(self.terms.name))
        if self._is_new_epoch:
            self._is_new_epoch = False
            self._went_back = self._went_back or now < self._looked or (yield from self._is_undone(client))
        if self._has_gap:
            yield from self._catch_up(client)
        self._looked = now
        mark = None if ticker.mark is None else self.terms.whole_ticks(ticker.mark)
        for _ in range(self.rounds):
            if not (self.is_done or self._is_new_epoch):
                yield from self.send(client, self.act(now, mark))

    def send(self, client: Shared, steps: list[Step]) -> Program[None]:
        """Together; what is sent again, since a reply was lost, has the same client ids and is not done twice."""
        if not steps:
            return
        answers: Sequence[t.Order | Refused]
        try:
            answers = yield from self._insist(client, client.calls.batch(steps))
        except Refused as error:  # all of it: more than may be sent at the moment, say
            answers = [error] * len(steps)
        for step, answer in zip(steps, answers, strict=False):
            if isinstance(step, t.NewOrder) and isinstance(answer, Refused):
                assert step.client_id is not None
                self.refuse(step.client_id, answer)

    def _insist(self, client: Shared, batch: Call[list[t.Order | Refused]]) -> Program[list[t.Order | Refused]]:
        """Send it again when the reply is lost; but not to a venue that may have gone back meanwhile, and would do it twice. []: not sent
        again, and the next look asks what became of it."""
        for _ in range(ATTEMPTS - 1):
            try:
                return (yield from ask(client, batch))
            except (TimedOut, Unknown):
                yield from insist(client, client.calls.ping())  # by its answer a new connection is there, and has told what is new
                if self._went_back or self._is_new_epoch:
                    return []
        return (yield from ask(client, batch))

    def _is_undone(self, client: Shared) -> Program[bool]:
        """Does the venue not have the last fill that was counted? Where it has that, it has all before."""
        if self._last is None:
            return False
        try:
            order = yield from insist(client, client.calls.order(None, self._last.client_id, self.terms.name))
        except Refused:
            return True
        return self.terms.whole_lots(order.filled) < self._last.filled

    def _catch_up(self, client: Shared) -> Program[None]:
        """Ask for what is open, since events were missed."""
        self._has_gap = False
        self._by_order = {one.order_id: one for one in self.open}  # a server that was started anew may give old numbers again
        waiting: set[t.ClientId | None] = set()
        if client.venue.sequencing.waits:
            waiting = {one.client_id for one in (yield from insist_all(client, client.calls.pending)) if one.command == "Place"}
        for client_id, sent in self.sent.items():
            sent.waits = sent.waits or client_id in waiting
            if sent.is_open and client_id not in waiting:
                try:
                    order = yield from insist(client, client.calls.order(None, client_id, self.terms.name))
                except Refused:
                    self.found(sent, None)
                else:
                    if order.order_id:
                        self._by_order[order.order_id] = sent
                        sent.order_id = order.order_id
                        self.found(sent, order)
                    else:
                        sent.waits = True  # for its turn, since its reply was lost
