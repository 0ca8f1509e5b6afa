"""Bytes to requests and messages to bytes, in msgpack and in JSON; and what is wrong with a request that is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, get_args, get_origin, get_type_hints

import msgspec

from .errors import Refusal, Trouble
from .requests import OPS, AnyRequest, Request


class Codec:
    """Bytes to requests and messages to bytes, of one encoding."""

    def __init__(self, name: str, request: Callable[[bytes], Request], plain: Callable[[bytes], object], encode: Callable[[object], bytes]):
        self.name = name
        self._request = request
        self._plain = plain
        self.encode = encode

    def decode(self, payload: bytes) -> Request:
        """Raises Refusal, whose data names the field; `id` in it is the request's, as far as it has one."""
        try:
            try:
                return self._request(payload)
            except msgspec.ValidationError as error:
                told = str(error)
            raise self.complaint(payload, told)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise Refusal(Trouble.NOT_DECODABLE, f"this is no {self.name}: {error}") from None

    def complaint(self, payload: bytes, told: str) -> Refusal:
        """What is wrong with a request that can be read."""
        tree = self._plain(payload)
        if not isinstance(tree, dict):
            return Refusal(Trouble.NOT_A_REQUEST, f"a request is a map with an `op`; got {type(tree).__name__}")
        refusal = _complaint(tree, told)
        refusal.data["id"] = tree.get("id")
        return refusal


def _complaint(tree: dict[object, object], told: str) -> Refusal:
    op = tree.get("op")
    if not isinstance(op, str):
        return Refusal(Trouble.NOT_A_REQUEST, "a request is a map with an `op`", field="op", given=shown(op))
    if op not in OPS:
        return Refusal(Trouble.UNKNOWN_OP, f"there is no op {shown(op)!r}", field="op", given=shown(op), known=sorted(OPS))
    path = told.rsplit(" - at `$.", 1)[1].rstrip("`") if " - at `$." in told else ""
    named = re.search(r"(?:unknown|required) field `([^`]*)`", told)
    if named:
        field = f"{path}.{named[1]}" if path else named[1]
        code = Trouble.UNKNOWN_FIELD if "unknown field" in told else Trouble.MISSING_FIELD
        word = "has no field" if code == Trouble.UNKNOWN_FIELD else "needs the field"
        known = [] if path or code != Trouble.UNKNOWN_FIELD else [name for name in OPS[op].__struct_fields__ if name != "id"]
        told_known = f"; it has {', '.join(known)}" if known else ""
        return Refusal(code, f"{op} {word} {field!r}{told_known}", field=field, **({"known": known} if known else {}))
    given = shown(_at(tree, path))
    expected = told.split(" - at ")[0]
    bound = re.search(r"Expected .*?((?:of length )?(?:>=|<=)) (\d+)", expected)
    if bound and path.startswith(("items", "rows")) and "length" in bound[1] and path in ("items", "rows"):
        code = Trouble.BATCH_TOO_LARGE if bound[1].endswith("<=") else Trouble.OUT_OF_BOUNDS
        least = "it is empty; the least is one item"
        message = least if code == Trouble.OUT_OF_BOUNDS and path == "items" else f"{expected[0].lower()}{expected[1:]}"
        return Refusal(code, f"{op}.{path}: {message}", field=path, limit=int(bound[2]))
    code = Trouble.OUT_OF_BOUNDS if bound or "regex" in expected else Trouble.WRONG_TYPE
    known = names_of(op, path) if "Invalid enum value" in expected else []
    if known:
        message = f"{op}.{path}: there is no {given!r}; there are {', '.join(known)}"
        return Refusal(Trouble.UNKNOWN_NAME, message, field=path, given=given, known=known)
    if "Invalid enum value" in expected:
        code = Trouble.UNKNOWN_NAME
    data: dict[str, object] = {"field": path, "given": given}
    if bound:
        data["limit"] = int(bound[2])
    return Refusal(code, f"{op}.{path}: {expected[0].lower()}{expected[1:]}; got {given!r}", **data)


def names_of(op: str, field: str) -> list[str]:
    """The names that a field of a request takes; none where it takes others than names, or is no field."""
    kind = get_type_hints(OPS[op]).get(field)
    return [one for part in (kind, *get_args(kind)) if get_origin(part) is Literal for one in get_args(part)]


def _at(tree: object, path: str) -> object:
    """The value at a path such as items[2].price; None if it cannot be followed."""
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        if number and isinstance(tree, list):
            tree = tree[int(number)]
        elif name and isinstance(tree, dict):
            tree = tree.get(name)
        else:
            return None
    return tree


def shown(value: object) -> object:
    """What was given, short enough to be sent back."""
    if isinstance(value, bool | float | None):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < 64 else f"an integer of {value.bit_length()} bits"
    if isinstance(value, str):
        return value if len(value) <= 64 else f"{value[:61]}..."
    return type(value).__name__


MSGPACK: Final = Codec(
    "msgpack", msgspec.msgpack.Decoder(AnyRequest).decode, msgspec.msgpack.Decoder().decode, msgspec.msgpack.Encoder().encode
)
JSON: Final = Codec("JSON", msgspec.json.Decoder(AnyRequest).decode, msgspec.json.Decoder().decode, msgspec.json.Encoder().encode)


EXACT: Final = 2**53 - 1  # up to here a double has every integer


def exact(value: object) -> object:
    """A message whose integers a reader that counts in doubles, such as JavaScript, gets to the last digit: large ones are texts."""
    if isinstance(value, int):
        return value if -EXACT <= value <= EXACT else str(value)
    if isinstance(value, dict):
        return {name: exact(one) for name, one in value.items()}
    return [exact(one) for one in value] if isinstance(value, list | tuple) else value


JSON_EXACT: Final = Codec(
    "JSON", msgspec.json.Decoder(AnyRequest).decode, msgspec.json.Decoder().decode, lambda message: msgspec.json.encode(exact(message))
)
