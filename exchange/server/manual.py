"""The tables of docs/api.md and the JSON Schema of the wire, made from the structs that decode it: what they say cannot be out of date."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from enum import IntEnum
from itertools import chain
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo, fields

from ..schema import codes
from ..schema.audience import AUDIENCE
from ..schema.codes import Reason, enums_of
from ..schema.events import EVENTS, Event
from . import answer_parts, answers, broadcasts
from . import requests as r
from .errors import REASON_TEXT, REFUSED, Trouble
from .host import RING_EVENTS
from .limits import PROFILES, Limits
from .streams import LISTED, SHOWN, ListChannel

MARK: Final = "<!-- from here on made by exchange/server/manual.py: pytest tests/server/test_manual.py --update -->\n"


ELSEWHERE: Final = (
    f"A request is for at most {r.MAX_BATCH:,} commands, each order of a ladder or a mass quote counted, a book for {r.BOOK_DEPTH:,} "
    f"levels; a name has at most 32 characters, that of a user 42; the last {RING_EVENTS:,} events of the venue are kept for `since_seq`, "
    f"and a list stream begins with its last {ListChannel.KEPT} things. Open orders and accounts are bounded by the venue's design "
    "(`max_open_orders`, `max_triggers`, `max_twaps`, `max_accounts`, `max_sub_accounts`); all icebergs of an account together hide at "
    "most `max_open_orders` parts."
)


OF_ACCOUNTS: Final = (
    "Of the private stream; each has `type`, `seq` and `ts` as well. Told are the owners of the accounts in these fields; one of -1 "
    "is nobody's, and a `market` or an `asset` of -1 is none, or all of them."
)
OF_ALL: Final = (
    "What is everybody's business is in no private stream. Public ones tell of it: `ticker`, `status` and `gas` have the values as they "
    "are then, the others the event itself as an item."
)


def text_of(thing: type) -> str:
    """The first paragraph of a docstring, on one line."""
    doc = inspect.cleandoc(vars(thing).get("__doc__") or "")
    return re.sub(r"\s+", " ", doc.split("\n\n")[0])


def kind_of(hint: Any) -> str:
    """What a field takes, in a few words."""
    inner = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind_of(one) for one in inner if one is not type(None) and (one != r.Name or inner[0] == r.Name)]
        is_named = r.Name in inner[1:] and "`" not in kinds[0]
        return " or ".join(dict.fromkeys(kinds)) + (" or a name" if is_named else "")
    if hasattr(hint, "__metadata__"):
        bounds = [mark for mark in hint.__metadata__ if isinstance(mark, Meta)]
        enums = [mark for mark in hint.__metadata__ if isinstance(mark, type) and issubclass(mark, IntEnum)]
        if enums:
            return " ".join(f"`{one.name}`" for one in enums[0])
        low, high = (next((getattr(one, end) for one in bounds if getattr(one, end) is not None), None) for end in ("ge", "le"))
        if low is not None and high is not None:
            return f"{shown(low)} to {shown(high)}"
        pattern = next((one.pattern for one in bounds if one.pattern is not None), None)
        if pattern is not None:
            return f"text like `{pattern}`"
        base = kind_of(inner[0])
        longest = next((one.max_length for one in bounds if one.max_length is not None), None)
        return f"{base}, at most {longest}" if longest is not None and base in ("text", "bytes") else base
    if get_origin(hint) is Literal:
        return " ".join(f"`{one}`" for one in inner)
    if get_origin(hint) is tuple:
        return f"list of {kind_of(inner[0])}"
    names = {int: "whole number", str: "text", bytes: "bytes", bool: "true or false"}
    return names.get(hint, "list")


def shown(bound: int) -> str:
    """A bound as people write it."""
    for power in (63, 62, 40, 32):
        for off in (0, 1):
            if abs(bound) + off == 2**power:
                return ("-" if bound < 0 else "") + f"2^{power}" + (" - 1" if off else "")
    return f"{bound:,}"


def default_of(field: FieldInfo) -> str:
    if field.required:
        return "needed"
    if isinstance(field.default, tuple):
        return " ".join(f"`{one}`" for one in field.default)
    return "" if field.default in (None, msgspec.NODEFAULT) else f"{field.default}"


def request_table(request: type[r.Request]) -> str:
    hints = get_type_hints(request, include_extras=True)
    rows = [f"| `{one.name}` | {kind_of(hints[one.name])} | {default_of(one)} |" for one in fields(request) if one.name != "id"]
    head = f"### {request.__struct_config__.tag}\n\n{text_of(request)}\n"
    return head + ("\n| field | takes | default |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n" if rows else "")


def event_line(event: type[Event]) -> str:
    coded = enums_of(event)
    names = ["client_id" if one.name == "client_hi" else one.name for one in fields(event) if one.name not in ("seq", "ts", "client_lo")]
    told = ", ".join(f"`{name}`" + (f" ({coded[name].__name__})" if name in coded else "") for name in names)
    return f"| {event.__name__} | {told} | {', '.join(f'`{name}`' for name in AUDIENCE[event] or stream_of(event))} |"


def stream_of(event: type[Event]) -> tuple[str, ...]:
    """The public streams that tell of an event which is not of anybody's private stream."""
    listed = tuple(name for name, _ in LISTED.get(event.KIND, ()))
    return listed or (SHOWN[event.KIND],)


def code_line(enum: type[IntEnum]) -> str:
    return f"| {enum.__name__} | {' '.join(f'{one.name}={int(one)}' for one in enum)} |"


def of_codes() -> Iterable[type[IntEnum]]:
    return [one for one in vars(codes).values() if isinstance(one, type) and issubclass(one, IntEnum) and one.__module__ == codes.__name__]


def limits_table() -> str:
    hints = get_type_hints(Limits, include_extras=True)
    rows = []
    for name in Limits.__struct_fields__:
        (meta,) = hints[name].__metadata__
        values = " | ".join(f"{getattr(profile, name):,}" for profile in PROFILES.values())
        rows.append(f"| `{name}` | {meta.description} | {values} | {meta.extra['beyond']} |")
    head = f"| limit | of | {' | '.join(PROFILES)} | beyond it |\n|{' --- |' * (3 + len(PROFILES))}\n"
    about = "All that a client could make grow. `perplab serve --limits` takes one of the three sets."
    return f"## Limits\n\n{about} {ELSEWHERE}\n\n{head}" + "\n".join(rows) + "\n"


def tables() -> str:
    """What docs/api.md says of requests, events, codes and errors."""
    troubles = "\n".join(f"| {int(one)} | {one.name} |" for one in Trouble)
    reasons = "\n".join(f"| {REFUSED + one} | {one.name} | {REASON_TEXT[one]} |" for one in Reason)
    about_errors = "What the server refuses before the venue is asked. Codes and names stay."
    return "\n".join([
        "## Requests\n", *map(request_table, r.REQUESTS),
        f"## Events\n\n{OF_ACCOUNTS}\n\n| type | fields | told to the owners of |\n| --- | --- | --- |",
        *(event_line(one) for one in EVENTS if AUDIENCE[one]),
        f"\n{OF_ALL}\n\n| type | fields | streams |\n| --- | --- | --- |", *(event_line(one) for one in EVENTS if not AUDIENCE[one]),
        "\n" + limits_table() + "\n## Codes\n\n| code | values |\n| --- | --- |", *map(code_line, of_codes()),
        f"\n## Errors\n\n{about_errors}\n\n| code | reason |\n| --- | --- |", troubles,
        "\nWhat the venue's rules refuse: 1,000 and more.\n\n| code | reason | |\n| --- | --- | --- |", reasons, "",
    ])  # fmt: skip


def page(now: str) -> str:
    """docs/api.md with its tables made anew; what people wrote stays."""
    return now.partition(MARK)[0] + MARK + "\n" + tables()


def schema() -> dict[str, Any]:
    """The JSON Schema of all that crosses the wire: $defs has Request, Reply, Failure, Message and Event, and each kind of them by name;
    `replies` says which kind of reply an `op` has, `queued` which else where
    commands may wait. Integers are as msgpack and JSON have them, not the texts of `?int64=text`."""
    statuses = [getattr(answers, name) for names in answers.ITEMS.values() for name in names]
    replies = list(dict.fromkeys([*answers.REPLIES.values(), *chain.from_iterable(answers.QUEUED.values())]))
    tagged = {"Event": tuple(answer_parts.EVENT.values()), **broadcasts.EVENTS_OF}
    kinds = [*r.REQUESTS, *replies, *dict.fromkeys(statuses), *broadcasts.MESSAGES]
    kinds += [*dict.fromkeys(one for some in tagged.values() for one in some)]
    _, defs = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for name, kind in defs.items():
        if "ok" in kind.get("properties", {}):
            kind["properties"]["ok"] = {"const": name != "Failure"}
    events = {place: [one.__name__ for one in some] for place, some in broadcasts.EVENTS_OF.items()}
    for place, names in [*answers.ITEMS.items(), *events.items()]:
        name, field = place.split(".")
        held = defs[name]["properties"][field]
        held["items" if held["type"] == "array" else "additionalProperties"] = any_of(names)
    groups = {
        "Request": [one.__name__ for one in r.REQUESTS], "Reply": [one.__name__ for one in replies],
        "Message": [one.__name__ for one in broadcasts.MESSAGES], "Event": [one.__name__ for one in answer_parts.EVENT.values()],
    }  # fmt: skip
    defs.update({group: any_of(names) for group, names in groups.items()})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "The wire of a perplab server",
        **any_of(("Request", "Reply", "Failure", "Message")), "replies": {op: kind.__name__ for op, kind in answers.REPLIES.items()},
        "queued": {op: [kind.__name__ for kind in kinds] for op, kinds in answers.QUEUED.items()},
        "$defs": defs,
    }  # fmt: skip


def any_of(names: Iterable[str]) -> dict[str, Any]:
    return {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}
