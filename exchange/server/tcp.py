"""The TCP shell: bytes between sockets and sessions, and the beat of time. It knows no rule of the protocol.

What one read of a socket brings is handed to its session at once, and all that this causes is written at once: that, and batches, matter
more for speed than any library.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from .codecs import MSGPACK
from .errors import Refusal
from .frames import Frames
from .host import Host
from .session import Session
from .turns import Turns

HIGH_WATER: Final = 1 << 20  # [bytes] that a socket holds back before its reader counts as slow
FLUSH_S: Final = 0.02  # between two messages of a market data channel
BEATS: Final = 10  # that share the sessions among them, once a second
BEAT_S: Final = 0.1  # between two
REFUSED_S: Final = 5.0  # for the first byte of one who is turned away
MOST_REFUSED: Final = 64  # that are waited for so at a time
CLOSE_S: Final = 5.0  # for the other side to take what was written last
IDLE_S: Final = 0.05  # the longest that time is left alone: what falls due late is stamped late


class Connection(asyncio.Protocol):
    def __init__(self, server: TcpServer) -> None:
        self.server = server
        self.session: Session | None = None
        self.transport: asyncio.Transport | None = None
        self.frames = Frames(server.host.limits.frame_bytes)
        self.refusal: Refusal | None = None  # why there is no session, until it is told

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        try:
            self.session = Session(self.server.host, MSGPACK, self.frames, self.write, peer_of(transport))
        except Refusal as error:
            self.turn_away(error)

    def turn_away(self, error: Refusal) -> None:
        """There is no room: told as soon as the first byte says how; not waited for long, nor for many."""
        self.refusal = error
        if len(self.server.turned_away) >= MOST_REFUSED:
            self.close()
            return
        self.server.turned_away.add(self)
        asyncio.get_running_loop().call_later(REFUSED_S, self.close)

    def data_received(self, data: bytes) -> None:
        session = self.session
        if session is None:
            self.tell_refusal(data)
            return
        self.do(partial(session.receive, data))

    def do(self, work: Callable[[], None]) -> None:
        """Let the session work, then write what it says. A fault in it is its own."""
        assert self.session is not None
        try:
            work()
        except Exception as error:
            self.server.host.blame(self.session, error)
        self.write()
        self.rest()

    def tell_refusal(self, data: bytes) -> None:
        error, self.refusal = self.refusal, None
        if error is not None and self.transport is not None:
            self.frames.begin(data)
            self.transport.write(self.frames.wrap(MSGPACK.encode({"id": None, **error.body()})))
            self.close()

    def go_on(self) -> None:
        """A turn: look at what is left of the last read."""
        assert self.session is not None
        self.do(self.session.go_on)

    def rest(self) -> None:
        """Until the next turn, or, if nothing is left, until there is more to read."""
        session, transport = self.session, self.transport
        assert session is not None and transport is not None
        self.server.stir()
        if session.is_slow or session.ending:
            return
        if session.has_more:
            transport.pause_reading()
            self.server.turns.wait(self.go_on)
        else:
            transport.resume_reading()

    def write(self) -> None:
        """What the session has to say. While the other side does not read, it stays in the session, which watches over it."""
        session, transport = self.session, self.transport
        assert session is not None and transport is not None
        if session.is_slow and not session.ending:
            return
        out = session.take()
        if out:
            transport.write(out)
        if session.ending:
            self.close()

    def close(self) -> None:
        """Once all is written, or when nobody takes it: one who does not read would be kept, with all that waits for it."""
        assert self.transport is not None
        if not self.transport.is_closing():
            self.transport.close()
            asyncio.get_running_loop().call_later(CLOSE_S, self.transport.abort)

    def pause_writing(self) -> None:
        assert self.session is not None and self.transport is not None
        self.session.pause()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        assert self.session is not None
        self.do(self.session.resume)

    def connection_lost(self, _error: Exception | None) -> None:
        self.server.turned_away.discard(self)
        if self.session is not None:
            with self.server.host.complaints.guarded("the end of a connection"):
                self.session.closed()
            self.server.stir()


def peer_of(transport: asyncio.BaseTransport) -> str:
    """address:port of the other side; "": it is gone."""
    name = transport.get_extra_info("peername")
    return f"{name[0]}:{name[1]}" if name else ""


class TcpServer:
    """Serves a host on one port until it is closed. Also drives the host's clock."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.turned_away: set[Connection] = set()  # and not told yet
        self._server: asyncio.Server | None = None
        self._flush: asyncio.TimerHandle | None = None
        self.turns = Turns()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, address: str, port: int) -> int:
        """Listen; returns the port, which for 0 is any that is free. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), address, port)
        self._tasks = [loop.create_task(self._beat()), loop.create_task(self._drive())]
        port = self._server.sockets[0].getsockname()[1]
        return int(port)

    def stir(self) -> None:
        """Something may have happened: market data is told a little later, together with what else happens by then."""
        if self._flush is None and self.host.streams.is_dirty:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self._flushed)

    def _flushed(self) -> None:
        self._flush = None
        with self.host.complaints.guarded("market data"):
            self.host.flush()

    async def _beat(self) -> None:
        """By the clock: what a beat takes does not make the next one later, but where beats were missed none is made up for."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for turn in range(BEATS):
                due = max(due + BEAT_S, loop.time())
                await asyncio.sleep(due - loop.time())
                with self.host.complaints.guarded("the beat"):
                    self.host.beat(turn, BEATS)

    async def _drive(self) -> None:
        """Let the venue's time pass when nobody sends anything."""
        while True:
            due = self.host.clock.wait(self.host.exchange.state.schedule.next)
            await asyncio.sleep(0 if self.host.is_behind else IDLE_S if due is None else min(IDLE_S, max(due, 0.001)))
            with self.host.complaints.guarded("the venue's time"):
                self.host.catch_up()
                try:
                    self.host.pass_time()
                except Refusal as error:
                    self.host.tell_trouble(str(error))
            self.stir()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        for session in list(self.host.sessions):
            session.shut_down()
        for call in list(self.host.calls):
            call.let_go()  # the end waits for no fault
        for connection in list(self.turned_away):
            connection.close()
        await asyncio.sleep(0)
