"""This dialect over HTTP: /info, /exchange and /coverage of the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from .coverage import POLICY, html
from .desk import NOT_READ, REGISTRIES, Desk
from .errors import Failed, Unreadable
from .weights import TooMany

ENCODER: Final = msgspec.json.Encoder()
PLAIN: Final = "text/plain; charset=utf-8"


class Shell:
    """`stir` is called when something may have happened; `source_of`: where a request comes from."""

    def __init__(self, desk: Desk, stir: Callable[[], None], largest: int) -> None:
        self.desk = desk
        self.stir = stir
        self.largest = largest  # [bytes] of a body

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/info", self.info), web.post("/exchange", self.exchange), web.get("/coverage", self.coverage)]

    async def info(self, request: web.Request) -> web.Response:
        body = await self.read(request)
        if body is None:
            return refused(422, NOT_READ)
        try:
            found = self.desk.info(body, source_of(request))
        except (Unreadable, Failed) as error:
            return refused(422, str(error))
        except TooMany:
            return too_many()
        finally:
            self.stir()
        return web.Response(body=ENCODER.encode(found), content_type="application/json")

    async def exchange(self, request: web.Request) -> web.Response:
        body = await self.read(request)
        if body is None:
            return refused(422, NOT_READ)
        told: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def then(reply: object) -> None:
            if not told.done():  # of one who has not gone meanwhile
                told.set_result(reply)

        try:
            self.desk.exchange(body, source_of(request), then)
        except Unreadable as error:
            return refused(422, str(error))
        except TooMany:
            return too_many()
        finally:
            self.stir()
        return web.Response(body=ENCODER.encode(await told), content_type="application/json")

    async def coverage(self, request: web.Request) -> web.Response:
        return web.Response(text=html(REGISTRIES), content_type="text/html", headers={"Content-Security-Policy": POLICY})

    async def read(self, request: web.Request) -> dict[str, Any] | None:
        """The body, if it is a map in JSON."""
        raw = await request.read()
        if len(raw) > self.largest:
            raise web.HTTPRequestEntityTooLarge(self.largest, len(raw), text=f"a body has at most {self.largest} bytes\n")
        try:
            body = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            return None
        return body if isinstance(body, dict) else None


def source_of(request: web.Request) -> str:
    return request.remote or ""


def refused(code: int, text: str) -> web.Response:
    return web.Response(status=code, text=text, headers={"Content-Type": PLAIN})


def too_many() -> web.Response:
    return refused(429, "Too many requests")
