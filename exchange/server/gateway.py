"""The HTTP shell: the protocol as JSON over WebSocket, the dashboard, a status page, and what watches a server.

It knows no rule of the protocol.

Like tcp.py: the messages that one read of a socket brings are handed to the session together, and all that they cause is written at once.
So frames are put together here and written by the transport itself: aiohttp would write each by a call of its own, and wait in between.
"""

from __future__ import annotations

import asyncio
import logging
import re
import struct
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import Final, TypeAlias

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.http import HttpProcessingError

from .codecs import JSON, JSON_EXACT, Codec
from .dashboard_files import Dashboard
from .doorman import Door, Doorman
from .errors import Fatal, Refusal, Trouble
from .fragments import Watched, nothing
from .host import Host
from .page import POLICY, page
from .session import Session
from .spoken import Dialect, Spoken
from .status import Facts, status
from .tcp import peer_of
from .turns import Turns

FOR_PAGES: Final = 64  # connections beyond those that may be sessions: one too many is told so as a session, and the page is still there
HIGH_WATER: Final = 1 << 20  # [bytes] that a socket holds back before its reader counts as slow
KEPT_S: Final = 30.0  # a connection between two requests
POLL_S: Final = 0.02  # between two looks at whether a slow reader has caught up
HEARTBEAT_S: Final = 10.0  # without a byte, after which a peer is pinged; it has half of that to answer
CLOSE_S: Final = 5.0  # for the other side to take what was written last, and the close
CODES: Final = {Trouble.SHUTTING_DOWN.name: WSCloseCode.GOING_AWAY, Trouble.TOO_MANY_CONNECTIONS.name: WSCloseCode.TRY_AGAIN_LATER}
CODECS: Final = {"number": JSON, "text": JSON_EXACT}  # by what ?int64= says of integers beyond 2^53
HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
ANY_NAME: Final = ("/ws", "/health")  # paths at which this machine may be called by any name
HOST: Final = re.compile(r":\d*$")  # the port
TEXT: Final = 0x81  # first byte of a frame: a whole text message
SMALL, MEDIUM, LARGE = struct.Struct(">BB"), struct.Struct(">BBH"), struct.Struct(">BBQ")  # heads of frames, by length
LOG: Final = logging.getLogger(__name__)  # of faults of this server, not of its peers
LOG.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))


def frames(messages: Iterable[bytes]) -> bytes:
    """Messages as a server writes them: RFC 6455, section 5.2."""
    out: list[bytes] = []
    for message in messages:
        length = len(message)
        if length < 126:
            head = SMALL.pack(TEXT, length)
        else:
            head = MEDIUM.pack(TEXT, 126, length) if length < 1 << 16 else LARGE.pack(TEXT, 127, length)
        out += (head, message)
    return b"".join(out)


class Connection:
    """One WebSocket. Messages in are gathered while there are some, then handed in; messages out while there are some, then written."""

    def __init__(
        self, request: web.Request, socket: web.WebSocketResponse[bool], host: Host, codec: Codec, stir: Callable[[], None], turns: Turns,
        dialect: Dialect | None, watched: Watched,
    ) -> None:  # fmt: skip
        self.socket = socket
        self.watched = watched
        self.protocol = request.protocol
        self.stir = stir
        self.turns = turns
        self.loop = asyncio.get_running_loop()
        assert request.transport is not None
        self.transport = request.transport
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        self.received: list[bytes] = []
        self.is_writing = False  # is `write` about to be called?
        self.readable = asyncio.Event()  # cleared while its reader is slow, or it waits for a turn
        self.readable.set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.has_begun = False  # is there a message that is not whole?
        self.dialect = dialect  # that the first message may turn out to be in; None: there is none, or it is known by now
        self.session: Spoken = Session(host, codec, None, self.wake, peer_of(self.transport))  # the last thing: raises Refusal

    async def run(self) -> None:
        """Until either side closes it."""
        self.watched.heard = self.heard
        self.heard()  # of what came before
        try:
            async for message in self.socket:
                await self.readable.wait()
                if self.session.is_slow and self.is_gone:
                    break  # nobody will read the answers
                if message.type is WSMsgType.TEXT:
                    self.gather(message.data)
                elif message.type is WSMsgType.BINARY:
                    self.hand_in()
                    await self.finish()
                    await self.close(WSCloseCode.UNSUPPORTED_DATA, "requests are text messages")
            self.hand_in()
            await self.finish()
        finally:
            self.watched.heard = nothing
            self.session.closed()
            self.stir()
            self.loop.call_later(CLOSE_S, self.transport.abort)  # a peer that is gone takes nothing, and would be waited for

    def gather(self, message: bytes) -> None:
        """Whatever else has come with it is gathered before the loop turns: aiohttp hands that out without waiting."""
        if not self.received:
            self.loop.call_soon(self.hand_in)
        self.received.append(message)

    def hand_in(self) -> None:
        received, self.received = self.received, []
        if not received:
            return
        dialect, self.dialect = self.dialect, None
        if dialect is not None and dialect.is_spoken(received[0]):
            self.session.closed()  # which makes room for one more
            self.session = dialect.session(self.wake, peer_of(self.transport))
            self.heard()
        self.do(partial(self.session.receive_message, *received))

    def heard(self) -> None:
        """Bytes have come: what of them is no whole message counts as unfinished."""
        fragments, unfinished = self.watched.fragments, self.session.host.unfinished
        if fragments.bytes or self.has_begun:
            self.has_begun = fragments.bytes > 0
            unfinished.note(self.session, fragments.bytes, fragments.has_ended, self.session.host.monotonic())
        fragments.has_ended = False

    def do(self, work: Callable[[], None]) -> None:
        """Let the session work, then write what it says. A fault in it is its own."""
        try:
            work()
        except Exception as error:
            self.session.host.blame(self.session, error)
        self.rest()

    def go_on(self) -> None:
        """A turn: look at what is left of what came."""
        self.do(self.session.go_on)

    def rest(self) -> None:
        """Write, and wait for the next turn, or, if nothing is left, for more to come."""
        self.write()
        self.stir()
        if self.is_unfinished:
            self.readable.clear()
            self.turns.wait(self.go_on)
        elif not self.session.is_slow:
            self.readable.set()

    @property
    def is_unfinished(self) -> bool:
        """Is there something left that only waits for its turn?"""
        return self.session.has_more and not self.session.is_slow and not self.session.ending

    @property
    def is_gone(self) -> bool:
        """Is there nobody to write to any longer?"""
        return self.transport.is_closing() or self.socket.closed

    async def finish(self) -> None:
        """What came before the end is answered before it."""
        while self.is_unfinished:
            await self.readable.wait()

    def wake(self) -> None:
        if not self.is_writing:
            self.is_writing = True
            self.loop.call_soon(self.write)

    def write(self) -> None:
        """What the session has to say. While the other side does not read, it stays in the session, which watches over it."""
        self.is_writing = False
        session = self.session
        if session.is_slow and not session.ending:
            return
        messages = session.messages()
        if messages and not self.is_gone:
            self.transport.write(frames(messages))
        if session.ending:
            self.spawn(self.close(CODES.get(session.ending, WSCloseCode.POLICY_VIOLATION), session.ending))
        elif self.protocol.writing_paused and not session.is_slow and not self.is_gone:  # else it stays paused for ever
            session.pause()
            self.readable.clear()
            self.spawn(self.catch_up())

    async def catch_up(self) -> None:
        """Wait until a slow reader has read, or is gone."""
        while self.protocol.writing_paused and not self.is_gone:
            await asyncio.sleep(POLL_S)
        if self.is_gone:
            self.readable.set()  # so that `run` sees the end
        else:
            self.do(self.session.resume)

    async def close(self, code: int, reason: str) -> None:
        """Say why, and end it, even if nobody reads."""
        self.readable.set()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.socket.close(code=code, message=reason.encode())
        except TimeoutError:
            self.transport.abort()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Body:
    """A request over HTTP that is not whole, as `unfinished.py` knows it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def end(self, error: Fatal) -> None:
        self.transport.abort()


@web.middleware
async def uncoded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bodies are taken as they are."""
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text=f"Content-Encoding is {coding[:40]!r}: expected none, a body as it is\n")
    return await handler(request)


class Gateway:
    """Serves a host over HTTP on one port until it is closed. `stir` is called when something may have happened; `dialect`: another API
    beside the protocol, None: there is none; `dashboard`: None for one without playbooks."""

    def __init__(
        self, host: Host, facts: Facts, stir: Callable[[], None], dialect: Dialect | None = None, dashboard: Dashboard | None = None
    ) -> None:
        self.host = host
        self.dialect = dialect
        self.dashboard = dashboard or Dashboard(host.trust)
        self.facts = facts
        self.stir = stir
        self.turns = Turns()
        self.address, self.port = "", 0
        self.runner: web.AppRunner | None = None
        self.door: Door | None = None
        self.listener: asyncio.Server | None = None
        self.is_local = False  # does it listen on loopback alone?

    async def start(self, address: str, port: int) -> int:
        """Listen; returns the port, which for 0 is any that is free. Raises OSError."""
        app = web.Application(client_max_size=self.host.limits.frame_bytes, middlewares=[uncoded, self.misled])
        app.add_routes([
            web.get("/ws", self.talk), web.get("/status", self.page), web.get("/status.json", self.status),
            web.get("/health", self.health), web.get("/metrics", self.metrics), *self.dashboard.routes(),
            *(self.dialect.routes(self.stir, self.is_own, self.body) if self.dialect is not None else ()),
        ])  # fmt: skip
        self.runner = web.AppRunner(
            app, access_log=None, logger=LOG, shutdown_timeout=CLOSE_S, keepalive_timeout=KEPT_S,
            auto_decompress=False,  # a megabyte may unpack to a gigabyte, in the turn of everybody else
            lingering_time=CLOSE_S,
        )  # fmt: skip
        await self.runner.setup()
        inner, limits = self.runner.server, self.host.limits
        assert inner is not None
        self.door = Door(inner, lambda: len(inner.connections), limits.connections + FOR_PAGES, limits.hello_s)
        try:
            self.listener = await asyncio.get_running_loop().create_server(partial(Doorman, self.door), address, port)
        except (OSError, OverflowError):
            await self.runner.cleanup()
            raise
        heard = [one.getsockname() for one in self.listener.sockets]
        self.address, self.port = address, int(heard[0][1])
        self.is_local = all(ip_address(one[0]).is_loopback for one in heard)
        return self.port

    async def close(self) -> None:
        """Sessions have been told already: wait until they are gone."""
        if self.listener is not None:
            self.listener.close()
        if self.door is not None:
            self.door.close()
        if self.runner is not None:
            await self.runner.cleanup()

    @property
    def page_url(self) -> str:
        return f"http://{authority(self.address, self.port)}/"

    @property
    def socket_url(self) -> str:
        return f"ws://{authority(self.address, self.port)}/ws"

    @web.middleware
    async def misled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """No page reads what is here by a name of its own that it has made to mean this machine: where that is all that is listened on,
        other names are refused. Numbers and `localhost` cannot be made to. What acts goes by the Origin (`is_own`), and clients may call
        this machine there as they like."""
        if self.is_local and request.method in ("GET", "HEAD") and request.path not in ANY_NAME:
            for host in request.headers.getall("Host", ()):  # every browser sends one
                if not self.is_here(host):
                    raise web.HTTPForbidden(text=f"Host is {host[:80]!r}: use localhost or 127.0.0.1: see `perplab docs api`\n")
        return await handler(request)

    def is_here(self, host: str) -> bool:
        """Does a Host header name this machine as nobody else can have it named?"""
        name = HOST.sub("", host).strip("[]").lower()
        try:
            ip_address(name)
        except ValueError:
            return name in ("localhost", self.address.lower())
        return True

    # -- what is served ----------------------------------------------------------------------------------------------------------

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """The protocol, one text message per request."""
        if not self.is_own(request):
            raise web.HTTPForbidden(text="a page of another origin may not connect: see `perplab docs api`\n")
        asked = request.query.get("int64", "number")
        if asked not in CODECS:
            raise web.HTTPBadRequest(text=f"int64={asked!r}: expected text or number\n")
        socket: web.WebSocketResponse[bool] = web.WebSocketResponse(
            timeout=CLOSE_S, heartbeat=HEARTBEAT_S, compress=False, decode_text=False,
            max_msg_size=self.host.limits.frame_bytes + 1,  # the first size that is too large
            autoclose=False,  # what came before a close is answered before it
        )  # fmt: skip
        watched = Watched(request)
        with suppress(ConnectionError), watched:  # of a peer that is gone before it was let in
            await socket.prepare(request)
            await self.serve(request, socket, CODECS[asked], watched)
        return socket if socket.prepared else web.Response()

    async def serve(self, request: web.Request, socket: web.WebSocketResponse[bool], codec: Codec, watched: Watched) -> None:
        """A WebSocket, until its end."""
        try:
            connection = Connection(request, socket, self.host, codec, self.stir, self.turns, self.dialect, watched)
        except Refusal as error:
            await socket.send_str(codec.encode({"id": None, **error.body()}).decode())
            await socket.close(code=CODES[error.code.name], message=error.code.name.encode())
        else:
            await connection.run()

    def is_own(self, request: web.Request) -> bool:
        """Does it come from a page of this gateway, or from no page at all? A browser names the page's origin, other clients none.

        Names are compared with what the gateway listens on, not with the Host header: an outside name can be made to mean this machine.
        """
        if request.transport is None:
            raise web.HTTPBadRequest  # it is gone already
        here = str(request.transport.get_extra_info("sockname")[0])
        names = {self.address, here, *(("localhost",) if ip_address(here).is_loopback else ())}
        own = {f"http://{authority(name, self.port)}".removesuffix(":80") for name in names}
        return own.issuperset(request.headers.getall("Origin", ()))

    async def body(self, request: web.Request) -> bytes:
        """Of a request, whole. It counts as unfinished until then, with all that its head says it may become."""
        if request.content.is_eof():
            return await request.read()
        unfinished, limits = self.host.unfinished, self.host.limits
        assert request.transport is not None
        holder = Body(request.transport)
        unfinished.note(holder, min(request.content_length or limits.frame_bytes, limits.frame_bytes), True, self.host.monotonic())
        try:
            async with asyncio.timeout(limits.request_s):
                return await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout(text=f"the body is not whole after {limits.request_s} s\n") from None
        finally:
            unfinished.forget(holder)

    async def page(self, request: web.Request) -> web.Response:
        text = page(status(self.host, self.facts, self.socket_url))
        return web.Response(text=text, content_type="text/html", headers={**HEADERS, "Content-Security-Policy": POLICY})

    async def status(self, request: web.Request) -> web.Response:
        return answer(200, status(self.host, self.facts, self.socket_url))

    async def health(self, request: web.Request) -> web.Response:
        """503 while commands are not carried out, or may not last."""
        why = self.host.unwell()
        return answer(503, {"ok": False, "why": why}) if why else answer(200, {"ok": True})

    async def metrics(self, request: web.Request) -> web.Response:
        try:
            from .metrics import exposition
        except ModuleNotFoundError:
            raise web.HTTPNotFound(text="metrics need prometheus_client: pip install 'perplab[metrics]'\n") from None
        return web.Response(body=exposition(self.host), headers={**HEADERS, "Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def answer(code: int, body: object) -> web.Response:
    return web.Response(body=JSON.encode(body), status=code, content_type="application/json", headers=HEADERS)


def authority(name: str, port: int) -> str:
    """Host and port as a URL has them: an IPv6 address in brackets."""
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
