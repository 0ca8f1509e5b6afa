"""Typed messages to packed rows and back, without lists in between: as `apply` goes. Both ends are those of messages.py and events.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from librt.vecs import vec
from msgspec.structs import astuple
from mypy_extensions import i64

from ..state.types import ROW
from .columns import KIND
from .events import EVENT_OF, EVENT_WIDTH, Event
from .messages import KIND_OF, Command, Malformed, command_row

Maker = Callable[..., Event]
KINDS: Final[dict[type[Command], int]] = KIND_OF  # names of this module: those of an interpreted one would be looked up at each use
FIELDS: Final[Callable[[Command], tuple[object, ...]]] = astuple
MAKERS: Final[list[Maker]] = [EVENT_OF.get(kind, Event) for kind in range(max(EVENT_OF) + 1)]  # by kind
WIDTHS: Final[vec[i64]] = vec[i64]([EVENT_WIDTH.get(kind, 0) for kind in range(max(EVENT_OF) + 1)])


def pack(command: Command, row: vec[i64]) -> None:
    """Write a command into a row of 16. Raises Malformed if a field is no integer or does not fit 64 bits."""
    kind = KINDS.get(type(command))
    if kind is None:
        raise Malformed(f"{type(command).__name__} is no command")
    row[KIND] = kind
    i: i64 = 1
    try:
        for value in FIELDS(command):
            assert isinstance(value, int)
            row[i] = value
            i += 1
    except (AssertionError, TypeError, ValueError, OverflowError):
        command_row(command)  # says what is wrong with it
        raise
    while i < ROW:
        row[i] = 0
        i += 1


def unpack(r: vec[i64], at: i64) -> Event:
    """The event of the row that begins at `at`. One call for each width: a list of arguments would cost more than the event."""
    kind = r[at]
    make = MAKERS[kind]
    n = WIDTHS[kind]
    a = r[at + 1]
    b = r[at + 2]
    c = r[at + 3]
    d = r[at + 4]
    e = r[at + 5]
    if n == 5:
        return make(a, b, c, d, e)
    f = r[at + 6]
    if n == 6:
        return make(a, b, c, d, e, f)
    g = r[at + 7]
    if n == 7:
        return make(a, b, c, d, e, f, g)
    h = r[at + 8]
    if n == 8:
        return make(a, b, c, d, e, f, g, h)
    i = r[at + 9]
    if n == 9:
        return make(a, b, c, d, e, f, g, h, i)
    if n == 12:
        return make(a, b, c, d, e, f, g, h, i, r[at + 10], r[at + 11], r[at + 12])
    if n == 14:
        return make(a, b, c, d, e, f, g, h, i, r[at + 10], r[at + 11], r[at + 12], r[at + 13], r[at + 14])
    return make(*[int(value) for value in r[at + 1 : at + 1 + n]])


def unpack_all(rows: vec[i64], end: i64) -> list[Event]:
    """The events of the rows up to `end`."""
    events: list[Event] = []
    at: i64 = 0
    while at < end:
        events.append(unpack(rows, at))
        at += ROW
    return events
