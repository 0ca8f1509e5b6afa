"""Actions that send commands, and what these came to: at once, or where the venue lets commands wait, when their turn has come.

An action is a generator: it yields packed commands, which are one block, is sent what they came to, and returns its reply.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from heapq import heappop, heappush
from typing import Final

from librt.vecs import vec
from msgspec import Struct
from mypy_extensions import i64

from ...schema.events import OrderCancelled, Rejected
from ...schema.messages import ROW, column_of
from ..errors import Refusal
from ..host import Host
from ..routing import DUE, ORDER_ID, REASON, TICKET, block_of, outcomes
from .hearing import Slot, W, hear, slot_of

Body = dict[str, object]
NEVER_CAME: Final = "No answer in 60 s: what was sent still waits for its turn, and may be carried out later. Ask for its status."
FAULT: Final = "A fault inside the sandbox, which has noted it: what was sent may have been carried out. Ask for its status."
REWOUND: Final = "The sandbox was rewound to an earlier state while this waited: nothing has come of it."
SEQ, REFUSED_OF = column_of(Rejected, "seq"), column_of(Rejected, "account")
GONE_ID, GONE_REASON = column_of(OrderCancelled, "order_id"), column_of(OrderCancelled, "reason")


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

    def refusal(self, number: int, account: int) -> int | None:
        """The number of the event that refuses a command of an account; None: its events do not tell. What fell due before it may have
        been refused, too."""
        found = [row[SEQ] for row in self.events(number) if row[0] == Rejected.KIND and row[REFUSED_OF] == account]
        return found[-1] if found else None

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
    found: dict[int, list[list[int]]]  # events of commands that did not wait, or have had their turn

    def due(self) -> int:
        """[ns] when something may have happened; 0: at any time."""
        return max(0, min(self.told[number * W + DUE] for number in self.left))

    def gone(self, waits: Callable[[int], bool]) -> list[Slot]:
        """The commands that have had their turn since it was last asked. `waits`: is there still a ticket?"""
        gone = [number for number in self.left if not waits(self.told[number * W + TICKET])]
        if gone:
            had = set(gone)
            self.left = [number for number in self.left if number not in had]
        return [slot_of(self.rows, self.told, number, self.found.setdefault(number, [])) for number in gone]


class Settling:
    """Runs actions. One of these for a dialect: it follows the host's blocks as long as anything waits."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._waiting: list[tuple[int, int, Waiter]] = []  # a heap: when to look, and a number
        self._number = 0
        self._seen = 0  # the last event that was looked at
        self._is_listed = False  # will the host call `follow_up` after its next block?

    def run(self, work: Work, is_now: bool = False) -> Body | Pending:
        """Carry an action out; its reply, or where that comes later. `is_now`: at the venue's time, after a block."""
        return self._advance(work, None, None, is_now)

    def _advance(self, work: Work, came: Came | None, pending: Pending | None, is_now: bool = False) -> Body | Pending:
        is_first = came is None and not is_now
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
                    return self._wait(work, rows, came, waits, pending or Pending())
                rows = work.send(came)
        except StopIteration as done:
            reply: Body = done.value
            return reply

    def _carry_out(self, rows: list[int], is_first: bool) -> tuple[Came, list[int]]:
        """What a block came to, and the numbers of those commands that wait. Raises Refusal."""
        block = block_of(rows)
        host = self.host
        applied = host.carry_out(block) if is_first else host.apply_at(host.exchange.now, block)
        told: list[int] = memoryview(outcomes(applied.events, applied.ends, block)).tolist()
        waits = [at // W for at in range(0, len(told), W) if told[at + TICKET]] if any(told[TICKET::W]) else []

        def events(number: int) -> list[list[int]]:
            return rows_of(applied.of(number))

        return Came(told, applied.refused, events), waits

    # -- what waits ----------------------------------------------------------------------------------------------------------------

    def _wait(self, work: Work, rows: list[int], came: Came, left: list[int], pending: Pending) -> Pending:
        if not self._waiting:
            self._seen = self.host.exchange.state.log.seq
        had = set(range(len(rows) // ROW)).difference(left)
        self._put(Waiter(work, pending, rows, came.told, left, {number: came.events(number) for number in had}))
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
        venue, looked = self.host.exchange, list[Waiter]()
        while self._waiting and self._waiting[0][0] <= venue.now:
            looked.append(heappop(self._waiting)[2])
        if looked:
            pending = venue.state.pending
            slots = [slot for waiter in looked for slot in waiter.gone(lambda ticket: pending.find(ticket) >= 0)]
            hear(slots, self._turns(), self._news(), venue.design.sequencing.rule == "batch_auction")
        self._seen = venue.state.log.seq
        for waiter in looked:
            if waiter.left:
                self._put(waiter)
            else:
                with self.host.complaints.guarded("an action that has waited"):  # the others go on
                    self._settle(waiter)
        if self._waiting and not self._is_listed:
            self._is_listed = True
            self.host.followed.append(self)

    def _settle(self, waiter: Waiter) -> None:
        came = Came(waiter.told, {}, lambda number: waiter.found.get(number, []))
        try:
            reply = self._advance(waiter.work, came, waiter.pending)
        except Exception:
            waiter.pending.set({"status": "err", "response": FAULT})
            raise
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

    def _turns(self) -> list[int]:
        """Whose turn has come in the blocks of the news, the earliest first, as Applied has it."""
        found: list[list[int]] = []
        for last, turns in reversed(self.host.ring.turns):
            if last <= self._seen:
                break
            found.append(turns)
        return [value for turns in reversed(found) for value in turns]

    def give_up(self) -> None:
        """The venue has gone back to where these commands may never have been."""
        waiting, self._waiting, self._is_listed = self._waiting, [], False
        for _, _, waiter in waiting:
            waiter.work.close()
            waiter.pending.set({"status": "err", "response": REWOUND})


def rows_of(block: vec[i64] | object) -> list[list[int]]:
    """Packed events, as lists."""
    values = memoryview(block).tolist()  # type: ignore[arg-type]
    return [values[at : at + ROW] for at in range(0, len(values), ROW)]
