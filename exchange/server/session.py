"""One connection's side of the protocol, without I/O: bytes in, bytes out. A shell feeds `receive`, writes what `take` gives, and ends the
connection when `ending` says so. Fed byte by byte it does the same as fed at once, but for how commands fall into blocks.

Commands of one read are gathered and carried out together; whatever else is asked comes after those before it. What takes longer than a
turn is left for others (`has_more`, `go_on`), but never between two commands of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from logging import WARNING
from typing import Final

from ..schema.messages import ROW, Place
from . import requests as r
from .codecs import MSGPACK, Codec
from .departure import Departure
from .errors import Data, Fatal, Refusal, Trouble, is_of_venue, refused
from .frames import Frames
from .held import Held
from .host import Host
from .intake import Intake
from .log import note
from .memory import Memory
from .naming import Named
from .packed import carried_out, rows_of
from .people import User
from .private import PrivateStream
from .questions import Questions, Work
from .replies import named
from .routing import REASON, SEQ, block_of, outcomes
from .streams import Key as ChannelKey
from .told import OF_ORDERS, Asked, Slot, Told
from .toll import Toll
from .unfinished import late
from .visitor import Visitor

SECOND: Final = 1_000_000_000  # [ns]
ENOUGH_BYTES: Final = 1 << 20  # to be written, before more of what was received is looked at
TURN_NS: Final = 5_000_000  # of work, before others have a turn: small questions may be dear ones
OP_OF: Final = {request: op for op, request in r.OPS.items()}


class Session(Visitor):
    """`wake` is called when there is something to write and nobody is reading from this connection at the moment. `peer`: for the log."""

    def __init__(
        self, host: Host, codec: Codec, frames: Frames | None = None, wake: Callable[[], None] = lambda: None, peer: str = ""
    ) -> None:
        super().__init__(host)
        self.codec = codec
        self.frames = frames
        self.wake = wake
        self.ending = ""  # why the connection is to end once `take` is written; "": it is not
        self.is_slow = False  # the shell cannot write as fast as there is something to tell
        self.named = ""  # the name of the session, if it has one
        self.memory: Memory | None = None  # then
        self.held = Held(self)
        self.toll = Toll(host.limits, host.monotonic())
        self.questions = Questions(host)
        self.channels: set[ChannelKey] = set()
        self.listens: dict[int, PrivateStream] = {}  # by account
        self.departure = Departure(host)
        self.then: Callable[[], None] | None = None  # to be done behind the reply to the request at hand
        self._work: tuple[r.Request, Work] | None = None  # the question that is being answered, in more than one turn
        self._out: list[bytes] = []
        self._unread = 0  # bytes of `_out`
        self._rows: list[int] = []  # the block that is being gathered
        self._asked: list[Asked] = []
        self._ops: list[str] = []  # of the items of a batch in it
        self._is_receiving = False
        self._tokens = 0  # left behind the last command that was taken in
        self._heard = host.monotonic()
        self._intake = Intake(host, frames, self)
        self.number = host.join(self)
        note("opened", connection=self.number, peer=peer or None, speaks=codec.name)

    # -- what the shell calls ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Bytes from the other side."""
        self._intake.add_bytes(data)
        self.go_on()

    def receive_message(self, *payloads: bytes) -> None:
        """Whole messages, where the connection itself tells where they end: those that have come together."""
        self._intake.add(payloads)
        self.go_on()

    @property
    def has_more(self) -> bool:
        """Is there something to be looked at, or to be told, that waits for another turn?"""
        return self._intake.has_more or self._work is not None or any(stream.is_behind for stream in self.listens.values())

    def go_on(self) -> None:
        """One turn: look at what was received, until there is enough to write or it has taken long enough."""
        self._heard = self.host.monotonic()  # also what time it is for the bucket: a read takes no time
        self._is_receiving = True
        try:
            self._look()
        except Fatal as error:
            self._give_up()
            self._carry_out()
            self.end(error)
        finally:
            self._is_receiving = False

    def _give_up(self) -> None:
        """What was asked for and is not done, is not done."""
        self._intake.clear()
        self._work = self.then = None

    def _look(self) -> None:
        """Raises Fatal."""
        if self._work is not None and not self._work_on():
            return
        for payload in self._intake:
            if self.ending:
                break
            self._handle(payload)
            if self._work is not None or self._unread > ENOUGH_BYTES or (not self._asked and self._is_over):
                self._carry_out()
                return
        self._carry_out()
        self._intake.looked(self._heard)
        for stream in self.listens.values():
            if stream.is_behind and self._unread <= ENOUGH_BYTES and not self.ending and not self._is_over:
                stream.go_on()

    @property
    def _is_over(self) -> bool:
        """Has this turn taken long enough?"""
        return self.host.monotonic() - self._heard > TURN_NS

    def take(self) -> bytes:
        """What is to be written, as the other side is spoken to."""
        return b"".join(self.messages())

    def pause(self) -> None:
        """The other side does not read."""
        self.is_slow = True
        note("slow_reader", connection=self.number)

    def resume(self) -> None:
        """The other side reads again."""
        self.is_slow = False
        for key in self.channels:
            self.host.streams.channels[key].catch_up(self)

    def beat(self, now: int, encoded: dict[str, bytes]) -> None:
        """Once a second, at monotonic `now`; `encoded` as for `tell`."""
        limits = self.host.limits
        quiet = limits.hello_s if self.is_mute else limits.quiet_s if self.channels or self.listens else limits.silent_s
        begun = self.host.unfinished.since(self)
        if begun is not None and now - begun > limits.request_s * SECOND:
            self.end(late(f"a request is not whole {limits.request_s} s after its first byte", limits.request_s))
        elif now - self._heard > quiet * SECOND:
            self.end(Fatal(Trouble.IDLE, f"nothing was heard from this connection for {quiet} s; send a ping when there is nothing else"))
        elif (self.channels or self.listens) and not self.is_slow:
            self.tell({"channel": "heartbeat", "ts": self.host.exchange.now, "seq": self.host.exchange.state.log.seq}, encoded)

    def keep(self, number: int, kept: Iterable[int]) -> None:
        """The state of the venue is kept."""
        self.departure.keep(number, kept)

    def go_back(self, number: int, notice: Named) -> None:
        """The venue is in an earlier state: the other side is told, and what it has there of private streams. `number`: of that state."""
        self.departure.go_back(number, self.user)
        if self.is_mute or not self._keeps_up():
            return
        self.tell(dict(notice))
        for account in list(self.listens):
            try:
                self.readable(account)
            except Refusal as error:
                del self.listens[account]
                self.host.unlisten(account, self)
                self.tell({"channel": "private", "type": "ended", "account": account, "message": str(error)})
            else:
                self.listens[account].begin(None)

    @property
    def is_mute(self) -> bool:
        """It has not said a byte, so nobody knows how it is spoken to."""
        return self.frames is not None and self.frames.is_framed is None

    def shut_down(self) -> None:
        """The server goes: say so, and leave orders as they are."""
        self.departure.forget()
        self.end(Refusal(Trouble.SHUTTING_DOWN, "the server is shutting down"))

    def closed(self) -> None:
        """The connection is gone, and with it what it had asked for and nobody has looked at."""
        self._give_up()
        self.host.unfinished.forget(self)
        self.host.leave(self)
        for key in list(self.channels):
            self.host.streams.leave(key, self)
        for account in list(self.listens):
            self.host.unlisten(account, self)
        self.channels.clear()
        self.listens.clear()
        self.held.drop()
        self._leave_name()
        self.departure.carry_out()
        note("closed", connection=self.number, reason=self.ending or "LEFT", user=self.user.name if self.user is not None else None)

    # -- messages out ------------------------------------------------------------------------------------------------------------

    def tell(self, message: Named, encoded: dict[str, bytes] | None = None) -> int:
        """`encoded`: the same message by name of codec, as far as it was encoded for others. Returns how long it is."""
        faults = self.host.faults.get(self.user.name) if self.host.faults and self.user is not None else None
        if faults is not None:
            told = faults.told(message, self.host.monotonic())
            message, encoded = told, encoded if told is message else None
        out = self.codec.encode(message) if encoded is None or self.codec.name not in encoded else encoded[self.codec.name]
        if encoded is not None:
            encoded[self.codec.name] = out
        if self.frames is not None:
            out = self.frames.wrap(out)
        if faults is None and not self.held:
            self.put(out)
        else:
            self.held.tell(out, faults)
        return len(out)

    def put(self, out: bytes) -> None:
        """To be written now."""
        self._out.append(out)
        self._unread += len(out)
        if not self._is_receiving:
            self.wake()

    def drop(self) -> None:
        """The connection breaks, without a word."""
        self.ending = "DROPPED"
        self.held.drop()
        self._out.clear()
        self.wake()

    def messages(self) -> list[bytes]:
        """`take`, for a connection that keeps messages apart."""
        out, self._out = self._out, []
        self._unread = 0
        return out

    def _reply(self, request: r.RequestId, body: Data, tokens: int | None = None) -> None:
        reply = {"id": request, **body, "tokens": self.toll.bucket.left(self.host.monotonic()) if tokens is None else tokens}
        self.tell(reply)
        if self.memory is not None and request is not None and (reply["ok"] or is_of_venue(reply)):  # else nothing happened
            self.host.memories.keep(self.memory, request, reply)

    def end(self, error: Refusal) -> None:
        """Tell why, and let the connection end."""
        if not self.ending:
            self._intake.clear()
            self.ending = error.code.name
            self.held.drop()  # the end waits for no fault
            if not self.is_mute:
                out = self.codec.encode({"id": error.data.pop("id", None), **error.body()})
                self.put(out if self.frames is None else self.frames.wrap(out))
            else:
                self.wake()

    def fail(self) -> None:
        """A fault in what this connection has asked for: what is left of it is not done."""
        self._give_up()
        self._asked, self._rows = [], []
        self.end(Fatal(Trouble.BROKEN, "a fault inside the server, which has noted it; the last request may be done or not"))

    def tell_private(self, account: int, rows: list[list[int]]) -> None:
        """Events of an account that this session listens to."""
        if self._keeps_up():
            self.listens[account].hear(rows)

    def _keeps_up(self) -> bool:
        """Is there a reader for more of what nobody else has?"""
        if not self.ending and self.is_slow and self._unread > self.host.limits.unread_bytes:
            self.end(Fatal(Trouble.SLOW_READER, "private events were not read fast enough", limit=self.host.limits.unread_bytes))
        return not self.ending

    # -- requests in -------------------------------------------------------------------------------------------------------------

    def _handle(self, payload: bytes) -> None:
        try:
            request = self.codec.decode(payload)
        except Refusal as error:
            self._carry_out()
            if self.frames is not None and not self.frames.is_framed and "id" not in error.data:  # no map: where does the next one begin?
                raise Fatal(error.code, str(error)) from None
            self._refuse(error.data.pop("id", None), error)
            return
        if self.memory is not None and self._is_repeated(request, self.memory):
            return
        try:
            if isinstance(request, r.CommandRequest):
                self._gather(request)
            elif isinstance(request, r.Batch):
                self._gather_batch(request)
            else:
                self._carry_out()
                if isinstance(request, r.Rows):
                    self._carry_out_rows(request)
                elif isinstance(request, r.OperatorRequest):
                    self._operate(request)
                else:
                    answer = self.questions.answer(self, request)
                    if isinstance(answer, Generator):
                        self._work = request, answer
                        self._work_on()
                        return
                    self._answered(request, answer)
                self._note_operation(request)
        except Fatal:
            raise
        except Refusal as error:
            self._refused(request, error)

    def _refused(self, request: r.Request, error: Refusal) -> None:
        self._carry_out()
        self.is_operating = False
        if isinstance(request, r.Login | r.Challenge):
            note("login_refused", WARNING, connection=self.number, reason=error.code.name)
        self._refuse(request.id, error)

    def _answered(self, request: r.Request, answer: Data) -> None:
        self._reply(request.id, {"ok": True, **answer})
        then, self.then = self.then, None
        if then is not None:
            then()

    def _work_on(self) -> bool:
        """Go on with the question at hand, until it is answered or the turn is over. Is it answered?"""
        assert self._work is not None
        request, work = self._work
        try:
            while not self.ending:
                next(work)
                if self._is_over:
                    return False
        except StopIteration as answered:
            self._answered(request, answered.value)
            self._note_operation(request)
        except Refusal as error:
            self._refused(request, error)
        self._work = None
        return True

    def _note_operation(self, request: r.Request) -> None:
        if self.is_operating and self.user is not None:
            self.is_operating = False
            fields = {name: getattr(request, name) for name in request.__struct_fields__ if name != "id"}
            note("operator", connection=self.number, user=self.user.name, op=str(request.__struct_config__.tag), fields=fields)

    def _refuse(self, request: object, error: Refusal) -> None:
        self._reply(r.id_of(request), error.body())

    def _is_repeated(self, request: r.Request, memory: Memory) -> bool:
        """In a named session a request whose reply is remembered is answered again, and not done again."""
        if request.id is None:
            return False
        if any(asked.id == request.id for asked in self._asked):
            self._carry_out()
        reply = memory.get(request.id)
        if reply is None:
            return False
        self._carry_out()
        self.tell({**reply, "again": True})
        return True

    # -- commands ----------------------------------------------------------------------------------------------------------------

    def pay(self, count: int) -> None:
        """Take tokens for commands. Raises Refusal, and Fatal from one who does not listen."""
        try:
            self._tokens = self.toll.pay(count, self._heard)
        except Fatal as error:
            user = self.user.name if self.user is not None else None
            note("flood", WARNING, connection=self.number, user=user, ignored=error.data["ignored"])
            raise

    def _row(self, request: r.CommandRequest) -> list[int]:
        """Raises Refusal."""
        row = self.host.rows.row(request, self.account(request.account))
        if self.host.faults and self.user is not None and self.user.name in self.host.faults and row[0] == Place.KIND:
            self.host.faults[self.user.name].place()
        return row

    def _gather(self, request: r.CommandRequest) -> None:
        self.may("trade")
        row = self._row(request)
        self.pay(1)
        self._asked.append(Asked(request.id, OP_OF[type(request)], [len(self._rows) // ROW], self._tokens))
        self._rows += row
        if len(self._rows) >= r.MAX_BATCH * ROW:
            self._carry_out()

    def _gather_batch(self, request: r.Batch) -> None:
        self.may("trade")
        self.pay(len(request.items))
        slots: list[Slot] = []
        for item in request.items:
            try:
                row = self._row(item)
            except Refusal as error:
                error.data.pop("known", None)  # told 4,096 times it would not fit a frame
                slots.append(error.body())
            else:
                slots.append(len(self._rows) // ROW)
                self._rows += row
        self._asked.append(Asked(request.id, "batch", slots, self._tokens))
        self._ops = [OP_OF[type(item)] for item in request.items]
        self._carry_out()

    def _carry_out(self) -> None:
        """Carry out what was gathered, and reply to all of it."""
        asked, rows = self._asked, self._rows
        if not asked:
            return
        self._asked, self._rows = [], []
        try:
            block = block_of(rows)
            applied = self.host.carry_out(block) if rows else None
        except Refusal as error:
            for one in asked:
                self._refuse(one.id, error)
            return
        told = Told(self.host, rows, block, applied)
        is_framed = self.frames is not None and bool(self.frames.is_framed)
        is_plain = self.codec is MSGPACK and self.memory is None and not (self.departure.wants_orders or self.host.faults or self.held)
        for one in asked:
            slot = one.slots[0]
            if one.op == "batch":
                pairs = zip(self._ops, one.slots, strict=True)
                self._reply(one.id, {"ok": True, "statuses": [self._status(told, op, slot) for op, slot in pairs]}, one.tokens)
                continue
            out = told.packed(one.op, slot, one.id, one.tokens, is_framed) if is_plain and isinstance(slot, int) else None
            if out is not None:
                self.put(out)
            else:
                self._reply(one.id, self._status(told, one.op, slot), one.tokens)

    def _status(self, told: Told, op: str, slot: Slot) -> Data:
        """What a command came to."""
        if not isinstance(slot, int):
            return slot
        if self.departure.wants_orders and op in OF_ORDERS:
            self.departure.note([order] if (order := told.resting(slot)) else [])
            if told.waits(slot):
                self.departure.note_waiting(told.row(slot))
        return told.status(op, slot)

    def _operate(self, request: r.OperatorRequest) -> None:
        """A command of the operator's: not for tokens, and not in a block with others."""
        self.may("admin")
        row = self.host.rows.row(request)
        block = block_of(row)
        applied = self.host.carry_out(block)
        told = outcomes(applied.events, applied.ends, block)
        if told[REASON]:
            self._reply(request.id, {**refused(int(told[REASON]), {"given": str(request.__struct_config__.tag)}), "seq": told[SEQ]})
        else:
            self._reply(request.id, named(told, 0, False, self.host.exchange.now, 0))

    def _carry_out_rows(self, request: r.Rows) -> None:
        user = self.may("trade")
        rows = rows_of(request.rows)
        self.pay(len(rows) // ROW)
        self._reply(request.id, carried_out(self.host, user, rows, self.departure))

    # -- who it is ------------------------------------------------------------------------------------------------------------------

    def enter(self, user: User, scopes: tuple[str, ...], named: str | None) -> None:
        """The user is logged in from now on; what was subscribed as somebody else is given up."""
        for account in [account for account in self.listens if self.host.people.owner_of.get(account) is not user]:
            del self.listens[account]
            self.host.unlisten(account, self)
        if user is not self.user:
            self.departure.forget()
        self._leave_name()
        self.user, self.scopes, self.named = user, scopes, named or ""
        self._intake.bound(is_guest=False)
        note("login", connection=self.number, user=user.name, scopes=scopes, session=named)
        if named:
            self.memory = self.host.memories.enter(user.name, named)

    def _leave_name(self) -> None:
        if self.user is not None and self.memory is not None:
            self.host.memories.leave(self.user.name, self.named)
        self.named, self.memory = "", None

    def leave(self) -> None:
        """Nobody is logged in from now on."""
        for account in list(self.listens):
            del self.listens[account]
            self.host.unlisten(account, self)
        self._leave_name()
        self.user, self.scopes = None, ()
        self._intake.bound(is_guest=True)
