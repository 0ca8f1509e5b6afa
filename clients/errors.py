"""What can go wrong for who uses a client, as exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .units import MICRO, WIDE

AMOUNTS: Final = ("available", "withdrawable", "removable", "shortfall", "balance")  # in `data` of a refusal [micro]
MOST_TOLD: Final = 300  # characters of what was wrong, which may be long itself


class ClientError(Exception):
    """Base of all that a client raises, but for TypeError and ValueError of what it was given."""


class Refused(ClientError):
    """The venue said no, and nothing has changed. `code` and `reason` are those of docs/api.md, `data` says what was wrong with what, in
    the wire's units; amounts of it are in `amounts`, too, in USD, or whatever asset the refusal is about."""

    def __init__(self, code: int, reason: str, message: str, data: Mapping[str, object]) -> None:
        self.amounts = {name: WIDE.multiply(MICRO, value) for name in AMOUNTS if type(value := data.get(name)) is int}
        told = ", ".join(f"{name} {value:f}" for name, value in self.amounts.items())
        super().__init__(f"{reason}: {message}{f' ({told})' if told else ''}")
        self.code = code
        self.reason = reason
        self.message = message
        self.data = data

    @classmethod
    def of(cls, reply: Mapping[str, object]) -> Refused:
        """Of a reply whose `ok` is false."""
        code, data = reply.get("code"), reply.get("data")
        given = data if isinstance(data, dict) else {}
        return cls(code if isinstance(code, int) else 0, str(reply.get("reason")), str(reply.get("message")), given)


class Unknown(ClientError):
    """A command was sent, and its reply is lost: it may have been carried out or not. `outcome(error)` asks for the reply; an order
    can also be placed again with the same `client_id`, and is not placed twice."""

    def __init__(self, op: str, request: int, why: str, client_id: int | str | None = None, call: object = None) -> None:
        order = f", or place it again with client_id={client_id!r}: it is not placed twice" if client_id is not None else ""
        super().__init__(f"{why}; whether {op!r} was carried out is not known. Ask with outcome(this error){order}")
        self.op = op
        self.request = request
        self.client_id = client_id
        self.call = call


class TimedOut(ClientError, TimeoutError):
    """No reply came in time to something that changes nothing, or that was never sent."""


class StreamBroken(ClientError):
    """What a server sends of a stream does not fit together, however often it was begun anew: it is given up. Subscribe to try again."""


class NotConnected(ClientError, ConnectionError):
    """There is no connection, and no further attempt is made."""


class Closed(NotConnected):
    """This client was closed by its user."""


def said(error: Exception) -> str:
    """What an exception says, in one line that has an end."""
    return f"{type(error).__name__}: {error}"[:MOST_TOLD]
