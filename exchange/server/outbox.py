"""What one connection is told: messages encoded as it speaks, held back where a fault says so, replies remembered in a named session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import requests as r
from .codecs import Codec
from .errors import Data, Refusal, is_of_venue
from .faults import Faults, moved
from .frames import Frames
from .held import Held
from .host import Host
from .log import note
from .memory import Memory
from .naming import Named
from .toll import Toll
from .visitor import Visitor


class Outbox(Visitor):
    """`wake` is called when there is something to write and nobody is reading from this connection at the moment."""

    def __init__(self, host: Host, codec: Codec, frames: Frames | None, wake: Callable[[], None]) -> None:
        super().__init__(host)
        self.number = 0  # of the connection, when it has joined
        self.codec = codec
        self.frames = frames
        self.wake = wake
        self.ending = ""  # why the connection is to end once `take` is written; "": it is not
        self.is_slow = False  # the shell cannot write as fast as there is something to tell
        self._has_been_slow = False
        self.memory: Memory | None = None  # of a session that has a name
        self.held = Held(self)
        self.toll = Toll(host.limits, host.monotonic())
        self._out: list[bytes] = []
        self._unread = 0  # bytes of `_out`
        self._is_receiving = False

    # -- what the shell calls ----------------------------------------------------------------------------------------------------

    def take(self) -> bytes:
        """What is to be written, as the other side is spoken to."""
        return b"".join(self.messages())

    def messages(self) -> list[bytes]:
        """`take`, for a connection that keeps messages apart."""
        out, self._out = self._out, []
        self._unread = 0
        return out

    def pause(self) -> None:
        """The other side does not read. That is noted once: it may happen at each message."""
        self.is_slow = True
        if not self._has_been_slow:
            self._has_been_slow = True
            note("slow_reader", connection=self.number)

    @property
    def is_mute(self) -> bool:
        """It has not said a byte, so nobody knows how it is spoken to."""
        return self.frames is not None and self.frames.is_framed is None

    # -- messages ----------------------------------------------------------------------------------------------------------------

    def tell(self, message: Named, encoded: dict[str, bytes] | None = None) -> int:
        """`encoded`: the same message by name of codec, as far as it was encoded for others. Returns how long it is."""
        faults = self.faults() if self.host.faults else ()
        for one in faults:
            told = one.told(message, self.host.monotonic(), self.moved)
            message, encoded = told, encoded if told is message else None
        out = self.codec.encode(message) if encoded is None or self.codec.name not in encoded else encoded[self.codec.name]
        if encoded is not None:
            encoded[self.codec.name] = out
        if self.frames is not None:
            out = self.frames.wrap(out)
        if not faults and not self.held:
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

    # -- what goes wrong on demand -----------------------------------------------------------------------------------------------

    def is_of(self, user: str) -> bool:
        """Is it a connection of a user's?"""
        return self.user is not None and self.user.name == user

    def faults(self) -> Sequence[Faults]:
        """What goes wrong with what it is told."""
        found = self.host.faults.get(self.user.name) if self.user is not None else None
        return () if found is None else (found,)

    def moved(self, message: Named, shift: int) -> Named:
        """A message with all its times moved [ns]."""
        return moved(message, shift)

    def let_go(self) -> None:
        """What is held back is told now."""
        self.held.let_go()

    def drop(self) -> None:
        """The connection breaks, without a word."""
        self.ending = "DROPPED"
        self.held.drop()
        self._out.clear()
        self.wake()

    def reply(self, request: r.RequestId, body: Data, tokens: int | None = None) -> None:
        reply = {"id": request, **body, "tokens": self.toll.bucket.left(self.host.monotonic()) if tokens is None else tokens}
        self.tell(reply)
        if self.memory is not None and request is not None and (reply["ok"] or is_of_venue(reply)):  # else nothing happened
            self.host.memories.keep(self.memory, request, reply)

    def refuse(self, request: object, error: Refusal) -> None:
        self.reply(r.id_of(request), error.body())

    def end(self, error: Refusal) -> None:
        """Tell why, and let the connection end."""
        if not self.ending:
            self.ending = error.code.name
            self.held.drop()  # the end waits for no fault
            if not self.is_mute:
                out = self.codec.encode({"id": error.data.pop("id", None), **error.body()})
                self.put(out if self.frames is None else self.frames.wrap(out))
            else:
                self.wake()
