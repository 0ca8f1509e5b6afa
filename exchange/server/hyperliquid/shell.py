"""This dialect over HTTP and sockets: /info, /exchange and /coverage of the gateway, and the part of /ws that speaks it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from .asked import UNREADABLE as NOT_READ
from .bodies import read
from .calls import Call
from .coverage import POLICY, html
from .desk import REGISTRIES, Desk, complain
from .errors import Failed, Unreadable
from .talk import Talk, is_spoken
from .weights import TooMany

ENCODER: Final = msgspec.json.Encoder()
PLAIN: Final = "text/plain; charset=utf-8"


class Shell:
    """The gateway's dialect (spoken.py)."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.stir: Callable[[], None] = lambda: None
        self.is_own: Callable[[web.Request], bool] = lambda request: True
        self.body: Callable[[web.Request], Awaitable[bytes]] = web.Request.read

    def routes(
        self, stir: Callable[[], None], is_own: Callable[[web.Request], bool], body: Callable[[web.Request], Awaitable[bytes]]
    ) -> list[web.RouteDef]:
        self.stir, self.is_own, self.body = stir, is_own, body
        self.desk.feeds.wait = self.wait
        return [web.post("/info", self.info), web.post("/exchange", self.exchange), web.get("/coverage", self.coverage)]

    def is_spoken(self, payload: bytes) -> bool:
        return is_spoken(payload)

    def session(self, wake: Callable[[], None], peer: str) -> Talk:
        return Talk(self.desk, wake, peer.rpartition(":")[0])

    def wait(self, go_on: Callable[[], None]) -> None:
        """Whatever else there is to do comes first."""
        asyncio.get_running_loop().call_soon(go_on)

    async def info(self, request: web.Request) -> web.Response:
        host = self.desk.dialect.host
        with Call(host, request, acts=False) as call:
            body = await self.read(request)
            if isinstance(body, str):
                return unread("info", body)
            try:
                found = self.desk.info(body, source_of(request))
            except (Unreadable, Failed) as error:
                return refused(422, str(error))
            except TooMany:
                return too_many()
            finally:
                self.stir()
            if host.faults:
                call.of(self.desk.asked_by(body))
            return told(await call.told(found))

    async def exchange(self, request: web.Request) -> web.Response:
        with Call(self.desk.dialect.host, request, acts=True) as call:
            body = await self.read(request)
            if isinstance(body, str):
                return unread("exchange", body)
            reply: asyncio.Future[object] = asyncio.get_running_loop().create_future()

            def then(found: object) -> None:
                if not reply.done():  # of one who has not gone meanwhile
                    reply.set_result(found)

            wrong: web.Response | None = None
            try:
                self.desk.exchange(body, source_of(request), then, call.of)
            except Unreadable as error:
                wrong = refused(422, str(error))
            except TooMany:
                wrong = too_many()
            finally:
                self.stir()
            answer = await call.told(None if wrong is not None else await reply)
            return told(answer) if wrong is None else wrong

    async def coverage(self, request: web.Request) -> web.Response:
        return web.Response(text=html(REGISTRIES), content_type="text/html", headers={"Content-Security-Policy": POLICY})

    async def read(self, request: web.Request) -> dict[str, Any] | str:
        """The body, or why it is none. A page of another origin is refused: it could have accounts made, or trade unsigned."""
        if not self.is_own(request):
            raise web.HTTPForbidden(text="a page of another origin may not connect: see `perplab docs hyperliquid`\n")
        try:
            return read(await self.body(request))
        except web.RequestPayloadError:
            return "the body is not what its head says"


def told(answer: object) -> web.Response:
    return web.Response(body=ENCODER.encode(answer), content_type="application/json")


def source_of(request: web.Request) -> str:
    return request.remote or ""


def refused(code: int, text: str) -> web.Response:
    return web.Response(status=code, text=text, headers={"Content-Type": PLAIN})


def unread(of: str, why: str) -> web.Response:
    complain(of, why)
    return refused(422, NOT_READ)


def too_many() -> web.Response:
    return refused(429, "Too many requests")
