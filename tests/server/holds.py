"""Holds what a server says to the JSON Schema of the wire. What has the shape of something that was held already is not held again."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from perplab.exchange.server.manual import schema

Message = dict[str, Any]
STATUS_OF = {"QueuedReply": "queued", "WaitingOrderReply": "queued", "WithdrawnReply": "withdrawn"}
FEW = 3  # things of a list that are looked at


@cache
def whole() -> Message:
    return schema()


@cache
def validator(name: str) -> Draft202012Validator:
    """Of one of the $defs."""
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": whole()["$defs"]})


SEEN: set[object] = set()  # shapes, of this process


def shape(value: object) -> object:
    if isinstance(value, dict):
        return tuple((name, shape(one)) for name, one in value.items() if name != "data")
    if isinstance(value, list | tuple):
        return frozenset(shape(one) for one in value[:FEW])
    return value if isinstance(value, bool) else type(value)


def plain(value: object) -> object:
    """As JSON has it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def name_of(message: Message, op: str | None) -> str:
    """Which of the $defs it has to be."""
    if "channel" in message and "id" not in message:
        return "Message"
    if not message["ok"]:
        return "Failure"
    if op is None:
        return "Reply"
    others = whole()["queued"].get(op, []) if "status" in message else []
    return next((name for name in others if message["status"] in STATUS_OF[name]), str(whole()["replies"][op]))


def hold(message: Message, op: str | None = None) -> None:
    """Raises jsonschema.ValidationError. `op`: what it is the reply to, if that is known."""
    name = name_of(message, op)
    key = (name, message.get("channel"), message.get("type"), shape(message))
    if key not in SEEN:
        validator(name).validate(plain(message))
        SEEN.add(key)
