"""One connection's side of the protocol, without I/O: bytes in, bytes out. A shell feeds `receive`, writes what `take` gives, and ends the
connection when `ending` says so. Fed byte by byte it does the same as fed at once, but for how commands fall into blocks.

Commands of one read are gathered and carried out together; whatever else is asked comes after those before it. What takes longer than a
turn is left for others (`has_more`, `go_on`), but never between two commands of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from logging import WARNING
from typing import Final

from . import requests as r
from .asking import Work
from .codecs import Codec
from .errors import Data, Fatal, Refusal, Trouble
from .frames import Frames
from .gathering import Gathering
from .host import Host
from .intake import Intake
from .log import note
from .memory import Memory
from .naming import Named
from .people import User
from .private import PrivateStream
from .questions import Questions
from .streams import Key as ChannelKey
from .unfinished import late

SECOND: Final = 1_000_000_000  # [ns]
ENOUGH_BYTES: Final = 1 << 20  # to be written, before more of what was received is looked at
TURN_NS: Final = 5_000_000  # of work, before others have a turn: small questions may be dear ones


class Session(Gathering):
    """`wake` is called when there is something to write and nobody is reading from this connection at the moment. `peer`: for the log."""

    def __init__(
        self, host: Host, codec: Codec, frames: Frames | None = None, wake: Callable[[], None] = lambda: None, peer: str = ""
    ) -> None:
        super().__init__(host, codec, frames, wake)
        self.named = ""  # the name of the session, if it has one
        self.questions = Questions(host)
        self.channels: set[ChannelKey] = set()
        self.listens: dict[int, PrivateStream] = {}  # by account
        self.then: Callable[[], None] | None = None  # to be done behind the reply to the request at hand
        self._work: tuple[r.Request, Work] | None = None  # the question that is being answered, in more than one turn
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
            self.carry_out()
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
                self.carry_out()
                return
        self.carry_out()
        self._intake.looked(self._heard)
        for stream in self.listens.values():
            if stream.is_behind and self._unread <= ENOUGH_BYTES and not self.ending and not self._is_over:
                stream.go_on()

    @property
    def _is_over(self) -> bool:
        """Has this turn taken long enough?"""
        return self.host.monotonic() - self._heard > TURN_NS

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

    def end(self, error: Refusal) -> None:
        """Tell why, and let the connection end: what has come and was not looked at is not."""
        if not self.ending:
            self._intake.clear()
        super().end(error)

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
            self.carry_out()
            if self.frames is not None and not self.frames.is_framed and "id" not in error.data:  # no map: where does the next one begin?
                raise Fatal(error.code, str(error)) from None
            self.refuse(error.data.pop("id", None), error)
            return
        if self.memory is not None and self._is_repeated(request, self.memory):
            return
        try:
            if isinstance(request, r.CommandRequest):
                self.gather(request)
            elif isinstance(request, r.Batch):
                self.gather_batch(request)
            else:
                self.carry_out()
                if isinstance(request, r.Rows):
                    self.carry_out_rows(request)
                elif isinstance(request, r.OperatorRequest):
                    self.operate(request)
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
        self.carry_out()
        self.is_operating = False
        if isinstance(request, r.Login | r.Challenge):
            note("login_refused", WARNING, connection=self.number, reason=error.code.name)
        self.refuse(request.id, error)

    def _answered(self, request: r.Request, answer: Data) -> None:
        self.reply(request.id, {"ok": True, **answer})
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

    def _is_repeated(self, request: r.Request, memory: Memory) -> bool:
        """In a named session a request whose reply is remembered is answered again, and not done again."""
        if request.id is None:
            return False
        if any(asked.id == request.id for asked in self._asked):
            self.carry_out()
        reply = memory.get(request.id)
        if reply is None:
            return False
        self.carry_out()
        self.tell({**reply, "again": True})
        return True

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
