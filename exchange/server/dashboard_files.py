"""The dashboard: files that a gateway serves at / and below /dashboard/, read once, and what the page cannot ask for over its socket.

The page talks to the venue over /ws like any other client. Its policy allows nothing but this gateway's own files and sockets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from .codecs import JSON

FOLDER: Final = Path(__file__).parent / "dashboard"
INDEX: Final = "index.html"
KINDS: Final = {  # content types; a file without an ending is a licence
    ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", "": "text/plain",
}  # fmt: skip
HEADERS: Final = {
    "Cache-Control": "no-cache",  # kept by browsers, and asked for with its tag: a newer version is seen at once
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
}


class File(Struct, frozen=True):
    body: bytes
    kind: str  # content type
    tag: str  # ETag


def files(folder: Path = FOLDER) -> dict[str, File]:
    """All files of the dashboard, by their paths below it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in KINDS:
            body = path.read_bytes()
            found[path.relative_to(folder).as_posix()] = File(body, KINDS[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return found


class Dashboard:
    """`trusts`: does the server let in whoever gives a name? `playbooks`: timelines of the operator's that the page may play. Each has
    `name`, `title` and `steps`: `at_s` of the venue's time, the `request`, and what takes it back (`undo`) or None. In a request "$USER"
    stands for a user's name, "$ACCOUNT" for his first account."""

    def __init__(self, trusts: bool, playbooks: Sequence[Mapping[str, Any]] = ()) -> None:
        self.files = files()
        self.about = JSON.encode({"trusts": trusts, "playbooks": playbooks})

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return (
            web.get("/", self.index), web.get("/dashboard/about.json", self.tell_about), web.get("/dashboard/{path:.+}", self.file),
        )  # fmt: skip

    async def index(self, request: web.Request) -> web.Response:
        return self.answer(request, INDEX)

    async def file(self, request: web.Request) -> web.Response:
        return self.answer(request, request.match_info["path"])

    async def tell_about(self, request: web.Request) -> web.Response:
        return web.Response(body=self.about, content_type="application/json", headers={**HEADERS, "Cache-Control": "no-store"})

    def answer(self, request: web.Request, path: str) -> web.Response:
        """404 for what is no file of the dashboard, 304 for what the browser has."""
        file = self.files.get(path)
        if file is None:
            raise web.HTTPNotFound(text=f"{path}: the dashboard has no such file\n")
        headers = {**HEADERS, "ETag": file.tag}
        if file.tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, content_type=file.kind, charset="utf-8", headers=headers)
