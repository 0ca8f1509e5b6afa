"""The blocking client: a socket, and a clock for the protocol. Streams are read by `next_event`; nothing happens between two calls."""

from __future__ import annotations

import secrets
import select
import socket
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Final, TypeVar

from . import types as t
from .blocking import Blocking
from .calls import Call
from .errors import NotConnected
from .identity import Identity
from .pending import Pending
from .protocol import Protocol
from .retry import Retry

T = TypeVar("T")
TICK_S: Final = 1.0  # the longest wait for bytes in one go
OPEN_S: Final = 5.0  # the longest that a connection may take to be made again
READ: Final = 1 << 16
SILENT_WRITE_S: Final = 15.0  # the longest that a server may refuse to take bytes


def new_protocol(name: str | None, key: str | None, secret: str | None, account: int | None) -> Protocol:
    """With a session and a prefix of client ids that nobody else has."""
    return Protocol(Identity(name, key, secret, secrets.token_hex(8)), secrets.randbits(64) | 1 << 63, account)


class SyncClient(Blocking):
    """Connects when made. A lost connection is made again, and told as an event, for `retry_s` seconds; each call waits `timeout` at most.

    A connection is kept alive by calls and `next_event`: who does neither for 15 s and has subscribed is cut off, and comes back by itself.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 3100, *, name: str | None = None, key: str | None = None, secret: str | None = None,
        account: int | None = None, timeout: float = 10.0, retry_s: float = 60.0,
    ) -> None:  # fmt: skip
        self.address = (host, port)
        self.timeout = timeout  # [s] of a call
        self.retry_s = retry_s  # [s] after which a lost connection is given up; 0: at once
        self.protocol = new_protocol(name, key, secret, account)
        self._socket: socket.socket | None = None
        self._retry = Retry()
        self._connect(timeout)
        self._enter(time.monotonic() + timeout)

    # -- the life of a connection ------------------------------------------------------------------------------------------------

    def __enter__(self) -> SyncClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; no call works afterwards."""
        self.protocol.close()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _enter(self, deadline: float) -> None:
        while not self.protocol.is_ready:
            if self.protocol.failed is not None:
                self._hang_up()
                raise self.protocol.failed
            if time.monotonic() >= deadline:
                self.close()
                raise self.protocol.late_login(self.timeout)
            self._pump(deadline)

    def _connect(self, seconds: float) -> None:
        """Raises NotConnected."""
        try:
            self._socket = socket.create_connection(self.address, timeout=max(seconds, 0.001))
        except OSError as error:
            host, port = self.address
            raise NotConnected(f"nobody answers at {host}:{port} ({error}); `perplab serve` starts a server") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.protocol.connected(time.monotonic())

    def _lost(self, why: str = "") -> None:
        self._hang_up()
        self.protocol.lost(why)
        if self.protocol.failed is None and not self._retry.lost(time.monotonic(), self.protocol.ready_at, self.retry_s):
            self.protocol.give_up_lost()

    def _reconnect(self, deadline: float) -> None:
        """One attempt, not before its time and not behind `deadline`."""
        now = time.monotonic()
        wait = max(0.0, self._retry.due - now)
        if now + wait > deadline:
            time.sleep(max(0.0, deadline - now))
            return
        time.sleep(wait)
        try:
            self._connect(min(OPEN_S, max(deadline - time.monotonic(), 0.001)))
        except NotConnected as error:
            if not self._retry.lost(time.monotonic(), None, self.retry_s):
                self.protocol.give_up(error)

    # -- bytes -------------------------------------------------------------------------------------------------------------------

    def _pump(self, deadline: float) -> None:
        """Write what there is, and read once, for as long as `deadline` and the next tick allow. A deadline in the past: what is there."""
        if self.protocol.failed is not None:
            return
        if self._socket is None:
            self._reconnect(deadline)
            return
        try:
            out = self.protocol.take()
            if out:
                self._socket.settimeout(SILENT_WRITE_S)
                self._socket.sendall(out)
            self._read(self._socket, max(0.0, min(deadline - time.monotonic(), TICK_S)))
        except OSError as error:
            self._lost(str(error))
            return
        self.protocol.tick(time.monotonic())
        if self.protocol.dead:
            self._lost()

    def _read(self, connection: socket.socket, seconds: float) -> None:
        connection.settimeout(seconds)
        try:
            data = connection.recv(READ)
        except (BlockingIOError, TimeoutError):
            return
        if not data:
            raise ConnectionError("the server has ended the connection")
        self.protocol.receive(data, time.monotonic())

    def _drain(self, deadline: float) -> None:
        """Take in what has come, so that a connection that is gone is noticed before a command is sent into it."""
        while self._socket is not None and time.monotonic() < deadline and select.select([self._socket], [], [], 0)[0]:
            self._pump(0.0)

    # -- what a user calls -------------------------------------------------------------------------------------------------------

    def _do(self, call: Call[T], timeout: float | None = None) -> T:
        seconds = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        self._drain(deadline)
        pending: Pending[T] = self.protocol.ask(call, time.monotonic())
        while not pending.done:
            self._pump(deadline)
            if time.monotonic() >= deadline and not pending.done:
                self.protocol.abandon(pending, seconds)
        return pending.result()

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass, in which the connection is kept alive; events that come meanwhile wait to be read. Raises NotConnected."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.protocol.failed is not None:
                raise self.protocol.failed
            self._pump(deadline)

    def next_event(self, timeout: float | None = None) -> t.Event | None:
        """The next event of the streams, waited for up to `timeout` [s], by default that of calls; None: none has come."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            event = self.protocol.next_event()
            if event is not None:
                return event
            if self.protocol.failed is not None:
                raise self.protocol.failed
            self._pump(deadline)
            if not self.protocol.events and time.monotonic() >= deadline:
                return None

    def events(self, timeout: float | None = None) -> Iterator[t.Event]:
        """Events, one after the other, until none comes for `timeout` [s]."""
        while (event := self.next_event(timeout)) is not None:
            yield event
