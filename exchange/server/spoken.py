"""What a gateway's socket may speak: the protocol of session.py, or another API beside it, which has requests over HTTP as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from .errors import Refusal
from .surroundings import Listener

if TYPE_CHECKING:
    from aiohttp import web

    from .host import Host


class Spoken(Listener, Protocol):
    """One connection's side of it, without I/O."""

    host: Host
    ending: str
    is_slow: bool

    @property
    def has_more(self) -> bool: ...

    def receive_message(self, *payloads: bytes) -> None: ...

    def go_on(self) -> None: ...

    def messages(self) -> list[bytes]: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def closed(self) -> None: ...

    def end(self, error: Refusal) -> None: ...


class Dialect(Protocol):
    """An API beside the protocol."""

    def routes(
        self, stir: Callable[[], None], is_own: Callable[[web.Request], bool], body: Callable[[web.Request], Awaitable[bytes]]
    ) -> Sequence[web.AbstractRouteDef]:
        """`stir` is called when something may have happened; `is_own`: does a request come from no foreign page? `body`: that of a
        request, when it is whole."""

    def is_spoken(self, payload: bytes) -> bool:
        """Is this the first message of a socket that speaks it?"""

    def session(self, wake: Callable[[], None], peer: str) -> Spoken:
        """Raises Refusal if there is no room."""
