"""The asyncio client: one task that connects, reads, keeps the connection alive and makes it again when it is lost. What any of that
means is protocol.py's to say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final, TypeVar

from . import types as t
from .asking import Asking
from .calls import Call
from .errors import ClientError, NotConnected
from .pending import Pending
from .retry import Retry
from .sync import OPEN_S, READ, TICK_S, new_protocol

T = TypeVar("T")
CLOSE_S: Final = 1.0  # the longest that the last bytes are waited for


class Client(Asking):
    """`async with Client(name="alice") as client` connects, and ends the connection behind the block.

    A lost connection is made again, and told as an event, for `retry_s` seconds; each call waits `timeout` seconds at most.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 3100, *, name: str | None = None, key: str | None = None, secret: str | None = None,
        account: int | None = None, timeout: float = 10.0, retry_s: float = 60.0,
    ) -> None:  # fmt: skip
        self.address = (host, port)
        self.timeout = timeout  # [s] of a call
        self.retry_s = retry_s  # [s] after which a lost connection is given up; 0: at once
        self.protocol = new_protocol(name, key, secret, account)
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._retry = Retry()
        self._news = asyncio.Event()  # something has come: a reply, an event, the end

    # -- the life of a connection ------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Client:
        await self.connect()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect and log in. Raises NotConnected, Refused or TimedOut."""
        reader = await self._open(self.timeout)
        self._task = asyncio.create_task(self._run(reader))
        try:
            async with asyncio.timeout(self.timeout):
                while not self.protocol.is_ready and self.protocol.failed is None:
                    await self._wait()
        except TimeoutError:
            await self.close()
            raise self.protocol.late_login(self.timeout) from None
        if self.protocol.failed is not None:
            error = self.protocol.failed
            await self.close()
            raise error

    async def close(self) -> None:
        """End the connection; no call works afterwards. It is closed when this returns, whether or not the loop runs on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self.protocol.close()
        self._news.set()
        writer = self._writer
        self._hang_up()
        if writer is not None:
            await self._closed(writer)

    async def _closed(self, writer: asyncio.StreamWriter) -> None:
        """Until what was sent is sent and the socket is closed; not for long, where nobody reads it."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await writer.wait_closed()
        except TimeoutError:
            writer.transport.abort()
            await asyncio.sleep(0)  # the loop closes the socket in its next turn
        except OSError:  # it was lost on the way
            pass

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _give_up(self, error: ClientError) -> None:
        self.protocol.give_up(error)
        self._news.set()

    async def _open(self, seconds: float) -> asyncio.StreamReader:
        """Raises NotConnected."""
        host, port = self.address
        try:
            async with asyncio.timeout(seconds):
                reader, self._writer = await asyncio.open_connection(host, port)
        except OSError as error:  # a TimeoutError is one
            raise NotConnected(f"nobody answers at {host}:{port} ({error}); `perplab serve` starts a server") from error
        self.protocol.connected(time.monotonic())
        return reader

    async def _run(self, reader: asyncio.StreamReader) -> None:
        """Read until there is no further connection."""
        try:
            await self._carry(reader)
        except Exception as error:  # a fault of this client's own: nobody is left to wait for a task that has died
            failed = NotConnected(f"this client has failed: {type(error).__name__}: {error}")
            failed.__cause__ = error
            self._hang_up()
            self.protocol.lost(str(failed))
            self._give_up(failed)

    async def _carry(self, reader: asyncio.StreamReader) -> None:
        while True:
            why = await self._read(reader)
            self._hang_up()
            self.protocol.lost(why)
            if self.protocol.failed is None and not self._retry.lost(time.monotonic(), self.protocol.ready_at, self.retry_s):
                self.protocol.give_up_lost()
            self._news.set()
            if self.protocol.failed is not None:
                return
            try:
                reader = await self._reopen()
            except NotConnected as error:
                self._give_up(error)
                return

    async def _read(self, reader: asyncio.StreamReader) -> str:
        """Read until the connection ends; why it did."""
        while not self.protocol.dead:
            self._write()
            try:
                async with asyncio.timeout(TICK_S):
                    data = await reader.read(READ)
            except TimeoutError:
                data = None
            except OSError as error:
                return str(error)
            if data == b"":
                return "the server has ended the connection"
            if data:
                self.protocol.receive(data, time.monotonic())
                self._news.set()
            self.protocol.tick(time.monotonic())
        return self.protocol.dead

    async def _reopen(self) -> asyncio.StreamReader:
        """Raises NotConnected when `retry_s` is over."""
        while True:
            await asyncio.sleep(max(0.0, self._retry.due - time.monotonic()))
            try:
                return await self._open(OPEN_S)
            except NotConnected:
                if not self._retry.lost(time.monotonic(), None, self.retry_s):
                    raise

    def _write(self) -> None:
        if self._writer is not None:
            out = self.protocol.take()
            if out:
                self._writer.write(out)

    async def _wait(self) -> None:
        """Until something has come."""
        self._news.clear()
        await self._news.wait()

    # -- what a user calls -------------------------------------------------------------------------------------------------------

    async def _do(self, call: Call[T], timeout: float | None = None) -> T:
        seconds = self.timeout if timeout is None else timeout
        done = asyncio.Event()

        def settled(_: Pending[Any]) -> None:
            done.set()

        pending = self.protocol.ask(call, time.monotonic(), settled)
        self._write()
        try:
            async with asyncio.timeout(seconds):
                await done.wait()
        except TimeoutError:
            self.protocol.abandon(pending, seconds)
        return pending.result()

    async def wait(self, seconds: float) -> None:
        """Let `seconds` pass; events that come meanwhile wait to be read."""
        await asyncio.sleep(seconds)

    async def next_event(self, timeout: float | None = None) -> t.Event | None:
        """The next event of the streams, waited for up to `timeout` [s], by default that of calls; None: none has come."""
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await self._next()
        except TimeoutError:
            return None

    async def _next(self) -> t.Event:
        while (event := self.protocol.next_event()) is None:
            if self.protocol.failed is not None:
                raise self.protocol.failed
            await self._wait()
        return event

    async def events(self, timeout: float | None = None) -> AsyncIterator[t.Event]:
        """Events, one after the other; if `timeout` [s] is given, until none comes for so long. Raises NotConnected at the end."""
        while True:
            event = await self._next() if timeout is None else await self.next_event(timeout)
            if event is None:
                return
            yield event
