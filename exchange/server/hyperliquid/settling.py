"""Actions that send commands, and what these came to: at once, or where the venue lets commands wait, when their turn has come.

An action is a generator: it yields packed commands, which are one block, is sent what they came to, and returns its reply. Where commands
wait, nothing tells which event is of which ticket, so orders are found by their terms: two of equal terms are as good as each other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from heapq import heappop, heappush
from typing import Final

from librt.vecs import vec
from msgspec import Struct
from mypy_extensions import i64

from ...schema.codes import CommandKind, OrderState
from ...schema.events import (
    CurveTraded,
    OrderCancelled,
    OrderPlaced,
    OrderRepeated,
    Rejected,
    Traded,
    TriggerCancelled,
    TriggerFired,
    TwapEnded,
)
from ...schema.messages import ROW, Cancel, Place, PlaceBracket, column_of
from ..errors import Refusal
from ..host import Host
from ..routing import CAME_IN, DUE, FILLED, LEFT, MARKET, ORDER_ID, PAID, REASON, REPEATED, STATE, TICKET, VALUE, WIDTH, block_of, outcomes

Body = dict[str, object]
W: Final = int(WIDTH)
BRACKET: Final = int(CommandKind.PlaceBracket)
PLACING: Final = frozenset((Place.KIND, PlaceBracket.KIND))
NEVER_CAME: Final = "The order waits for its turn, and this server waits no longer to tell what becomes of it: ask for its status."

_E = {
    one: {name: column_of(one, name) for name in one.__struct_fields__}
    for one in (OrderPlaced, OrderRepeated, OrderCancelled, Traded, CurveTraded, Rejected, TriggerFired, TriggerCancelled, TwapEnded)
}
PLACED_ID, PLACED_ACCOUNT = _E[OrderPlaced]["order_id"], _E[OrderPlaced]["account"]
GONE_ID, GONE_REASON = _E[OrderCancelled]["order_id"], _E[OrderCancelled]["reason"]
ENDED: Final = {one.KIND: _E[one]["order_id"] for one in (OrderCancelled, TriggerCancelled, TwapEnded)}
FIRED_ID: Final = _E[TriggerFired]["order_id"]
TERMS: Final = tuple(  # of an order: where its event has them, and where the command of an order and of a bracket
    (_E[OrderPlaced][name], column_of(Place, name), column_of(PlaceBracket, name))
    for name in ("account", "market", "side", "price", "tif", "client_hi", "client_lo")
)
CLIENT: Final = tuple(
    (_E[OrderRepeated][name], column_of(Place, name), column_of(PlaceBracket, name)) for name in ("account", "client_hi", "client_lo")
)
CANCEL_ID: Final = column_of(Cancel, "order_id")


class Came:
    """What the commands of a block came to: `told` has a row of routing.WIDTH for each."""

    def __init__(self, told: list[int], refused: dict[int, str], events: Callable[[int], list[list[int]]]) -> None:
        self.told = told
        self.refused = refused  # at the door: by number
        self.events = events  # of one command

    def reason(self, number: int) -> int:
        """Why a command was refused; 0: it was not."""
        assert number not in self.refused, self.refused[number]  # what clients send is bounded before it is a command
        return self.told[number * W + REASON]

    def order_id(self, number: int) -> int:
        return self.told[number * W + ORDER_ID]

    def why_gone(self, number: int) -> int | None:
        """Why the order of a command is gone (CancelReason); None: its events do not tell."""
        order_id = self.order_id(number)
        return next((row[GONE_REASON] for row in self.events(number) if row[0] == OrderCancelled.KIND and row[GONE_ID] == order_id), None)


Work = Generator[list[int], Came, Body]


class Pending:
    """A reply that is not there yet. `then`: is called with it, once."""

    def __init__(self) -> None:
        self.reply: Body | None = None
        self.then: Callable[[Body], None] | None = None

    def set(self, reply: Body) -> None:
        if self.reply is None:
            self.reply = reply
            if self.then is not None:
                self.then(reply)

    def give_up(self) -> None:
        """Nobody waits any longer: the reply says so. What was sent stays sent."""
        self.set({"status": "err", "response": NEVER_CAME})


class Waiter(Struct, eq=False):
    """An action whose commands wait."""

    work: Work
    pending: Pending
    rows: list[int]
    told: list[int]
    left: list[int]  # numbers of the commands that wait
    found: dict[int, list[list[int]]]  # events of commands that have had their turn

    def due(self) -> int:
        """[ns] when something may have happened; 0: at any time."""
        return max(0, min(self.told[number * W + DUE] for number in self.left))

    def row(self, number: int) -> list[int]:
        return self.rows[number * ROW : (number + 1) * ROW]

    def look(self, events: list[list[int]], waits: Callable[[int], bool]) -> None:
        """At the events of blocks that may have carried out what waits. `waits`: is there still a ticket?"""
        gone = [number for number in self.left if not waits(self.told[number * W + TICKET])]
        self.left = [number for number in self.left if number not in gone]
        for number in gone:
            self.told[number * W + TICKET] = 0
            self.found[number] = []
        places = [number for number in gone if self.rows[number * ROW] in PLACING]
        others = [number for number in gone if number not in places]
        own, fired, refusals = dict[int, int](), set[int](), list[list[int]]()
        for event in events:
            kind = event[0]
            if kind == TriggerFired.KIND:
                fired.add(event[FIRED_ID])
            elif kind == OrderPlaced.KIND:
                found = None if event[PLACED_ID] in fired else self._match(places, event, TERMS)
                if found is not None:
                    places.remove(found)
                    own[event[PLACED_ID]] = found
                    self._came_in(found, event)
            elif kind == OrderRepeated.KIND:
                found = self._match(places, event, CLIENT)
                if found is not None:
                    places.remove(found)
                    self.told[found * W + REPEATED] = 1
            elif kind == Rejected.KIND:
                refusals.append(event)
            else:
                self._follow(event, own, others)
        for event in refusals:
            self._refuse(event, places, others)

    def _match(self, numbers: Iterable[int], event: list[int], terms: tuple[tuple[int, int, int], ...]) -> int | None:
        for number in numbers:
            row = self.row(number)
            which = 2 if row[0] == BRACKET else 1
            if all(event[term[0]] == row[term[which]] for term in terms):
                return number
        return None

    def _came_in(self, number: int, event: list[int]) -> None:
        at = number * W
        self.told[at + ORDER_ID] = event[PLACED_ID]
        self.told[at + MARKET] = event[_E[OrderPlaced]["market"]]
        self.told[at + LEFT] = event[_E[OrderPlaced]["size"]]
        self.told[at + STATE] = int(OrderState.OPEN)
        self.told[at + CAME_IN] = 1
        self.found[number].append(event)

    def _follow(self, event: list[int], own: dict[int, int], others: list[int]) -> None:
        """Fills of orders that have come in, and ends of orders."""
        kind = event[0]
        if kind == Traded.KIND and event[_E[Traded]["taker_order_id"]] in own:
            lots = event[_E[Traded]["size"]]
            self._fill(own[event[_E[Traded]["taker_order_id"]]], lots, event[_E[Traded]["price"]] * lots, 0, event)
        elif kind == CurveTraded.KIND and event[_E[CurveTraded]["order_id"]] in own:
            number = own[event[_E[CurveTraded]["order_id"]]]
            self._fill(number, event[_E[CurveTraded]["size"]], 0, event[_E[CurveTraded]["value"]], event)
        elif kind in ENDED and event[ENDED[kind]] in own:
            number = own[event[ENDED[kind]]]
            self.told[number * W + STATE] = int(OrderState.CANCELLED)
            self.told[number * W + LEFT] = 0
            self.found[number].append(event)
        elif kind in ENDED:
            for number in others:
                row = self.row(number)
                if row[0] == Cancel.KIND and row[CANCEL_ID] == event[ENDED[kind]]:
                    others.remove(number)
                    break

    def _fill(self, number: int, lots: int, paid: int, value: int, event: list[int]) -> None:
        at = number * W
        self.told[at + FILLED] += lots
        self.told[at + LEFT] -= lots
        self.told[at + PAID] += paid
        self.told[at + VALUE] += value
        if self.told[at + LEFT] == 0:
            self.told[at + STATE] = int(OrderState.FILLED)
        self.found[number].append(event)

    def _refuse(self, event: list[int], places: list[int], others: list[int]) -> None:
        """A refusal is of the first command of its kind and terms that nothing else is known of."""
        columns = _E[Rejected]
        kind, account, market = event[columns["command"]], event[columns["account"]], event[columns["market"]]
        halves = [event[columns["client_hi"]], event[columns["client_lo"]]]
        for number in [*places, *others]:
            row = self.row(number)
            if row[2] != account or (row[0] != kind and not (row[0] == BRACKET and kind == Place.KIND)):
                continue
            if row[0] in PLACING:
                which = 2 if row[0] == BRACKET else 1
                if row[3] != market or [row[term[which]] for term in TERMS[-2:]] != halves:
                    continue
            elif kind == CommandKind.CancelClient and row[3:5] != halves:
                continue
            (places if number in places else others).remove(number)
            self.told[number * W + REASON] = event[columns["reason"]]
            return


class Settling:
    """Runs actions. One of these for a dialect: it follows the host's blocks as long as anything waits."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._waiting: list[tuple[int, int, Waiter]] = []  # a heap: when to look, and a number
        self._number = 0
        self._seen = 0  # the last event that was looked at
        self._epoch = host.epoch
        self._is_listed = False  # will the host call `follow_up` after its next block?

    def run(self, work: Work) -> Body | Pending:
        """Carry an action out; its reply, or where that comes later."""
        return self._advance(work, None, None)

    def _advance(self, work: Work, came: Came | None, pending: Pending | None) -> Body | Pending:
        is_first = came is None
        try:
            rows = next(work) if came is None else work.send(came)
            while True:
                try:
                    came, waits = self._carry_out(rows, is_first)
                except Refusal as error:
                    rows = work.throw(error)
                    continue
                is_first = False
                if waits:
                    return self._wait(work, rows, came.told, waits, pending or Pending())
                rows = work.send(came)
        except StopIteration as done:
            reply: Body = done.value
            return reply

    def _carry_out(self, rows: list[int], is_first: bool) -> tuple[Came, list[int]]:
        """What a block came to, and the numbers of those commands that wait. Raises Refusal."""
        block = block_of(rows)
        if self._epoch != self.host.epoch:
            self._forget()
        host = self.host
        applied = host.carry_out(block) if is_first else host.apply_at(host.exchange.now, block)
        told: list[int] = memoryview(outcomes(applied.events, applied.ends, block)).tolist()
        waits = [at // W for at in range(0, len(told), W) if told[at + TICKET]] if any(told[TICKET::WIDTH]) else []

        def events(number: int) -> list[list[int]]:
            return rows_of(applied.of(number))

        return Came(told, applied.refused, events), waits

    # -- what waits ----------------------------------------------------------------------------------------------------------------

    def _wait(self, work: Work, rows: list[int], told: list[int], left: list[int], pending: Pending) -> Pending:
        if not self._waiting:
            self._seen = self.host.exchange.state.log.seq
        self._put(Waiter(work, pending, rows, told, left, {}))
        return pending

    def _put(self, waiter: Waiter) -> None:
        self._number += 1
        heappush(self._waiting, (waiter.due(), self._number, waiter))
        if not self._is_listed:
            self._is_listed = True
            self.host.followed.append(self)

    def follow_up(self) -> None:
        """The venue has carried out a block."""
        self._is_listed = False
        if self._epoch != self.host.epoch:
            self._forget()
        venue, looked = self.host.exchange, list[Waiter]()
        while self._waiting and self._waiting[0][0] <= venue.now:
            looked.append(heappop(self._waiting)[2])
        if looked:
            events = list(self._news())
            pending = venue.state.pending
            for waiter in looked:
                waiter.look(events, lambda ticket: pending.find(ticket) >= 0)
        self._seen = venue.state.log.seq
        for waiter in looked:
            if waiter.left:
                self._put(waiter)
            else:
                self._settle(waiter)
        if self._waiting and not self._is_listed:
            self._is_listed = True
            self.host.followed.append(self)

    def _settle(self, waiter: Waiter) -> None:
        came = Came(waiter.told, {}, lambda number: waiter.found.get(number, []))
        reply = self._advance(waiter.work, came, waiter.pending)
        if not isinstance(reply, Pending):
            waiter.pending.set(reply)

    def _news(self) -> Iterator[list[int]]:
        """The events behind the last one that was looked at."""
        blocks: list[object] = []
        for first, block in reversed(self.host.ring.blocks):
            if first <= self._seen:
                break
            blocks.append(block)
        for block in reversed(blocks):
            yield from rows_of(block)

    def _forget(self) -> None:
        """The venue has gone back to where these commands may never have been."""
        self._epoch, waiting, self._waiting = self.host.epoch, self._waiting, []
        self._is_listed = False
        for _, _, waiter in waiting:
            waiter.pending.set({"status": "err", "response": "The sandbox was rewound to an earlier state while this waited."})


def rows_of(block: vec[i64] | object) -> list[list[int]]:
    """Packed events, as lists."""
    values = memoryview(block).tolist()  # type: ignore[arg-type]
    return [values[at : at + ROW] for at in range(0, len(values), ROW)]
