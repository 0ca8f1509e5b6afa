"""Rows and views as maps of named fields, as the wire has them: codes by name, a client id as one field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from msgspec import Struct
from msgspec.structs import fields

from ..schema.codes import Coded, enums_of
from ..schema.events import EVENT_OF, Event
from ..schema.messages import column_of

Named = dict[str, object]
Read = Callable[[int], object]


class _Plan(Struct, frozen=True):
    """How the rows of one kind of event are named."""

    name: str
    plain: tuple[tuple[str, int], ...]  # field and column
    coded: tuple[tuple[str, int, dict[int, str]], ...]
    client: int  # the column of client_hi; 0: it has none


def _names(message: type[Coded]) -> dict[str, dict[int, str]]:
    return {field: {int(one): one.name for one in enum} for field, enum in enums_of(message).items()}


def _plan(event: type[Event]) -> _Plan:
    names = [field.name for field in fields(event)]
    coded = _names(event)
    plain = [(name, column_of(event, name)) for name in names if name not in coded and not name.startswith("client_")]
    client = column_of(event, "client_hi") if "client_hi" in names else 0
    return _Plan(event.__name__, tuple(plain), tuple((name, column_of(event, name), coded[name]) for name in coded), client)


PLANS: Final = {kind: _plan(event) for kind, event in EVENT_OF.items()}


def named_event(row: Sequence[int]) -> Named:
    """An event row (its first 16 integers) as a map; `type` is the name of its struct in schema/events.py."""
    plan = PLANS[row[0]]
    named: Named = {"type": plan.name}
    for name, column in plan.plain:
        named[name] = row[column]
    for name, column, names in plan.coded:
        named[name] = names.get(row[column], row[column])
    if plan.client:
        named["client_id"] = client_id_of(row[plan.client], row[plan.client + 1])
    return named


@cache
def _view_plan(view: type[Coded]) -> tuple[tuple[tuple[str, dict[int, str] | None], ...], bool]:
    """Its fields and the names of their codes, and whether it has a client id. Once for each kind: to find out takes ten times as long as
    to name."""
    names = [field.name for field in fields(view)]
    coded = _names(view)
    return tuple((name, coded.get(name)) for name in names if not name.startswith("client_")), "client_hi" in names


def named_view(view: Coded) -> Named:
    """What a query handed out, as a map."""
    plan, has_client = _view_plan(type(view))
    named: Named = {}
    for name, names in plan:
        value = getattr(view, name)
        named[name] = value if names is None else names.get(value, value)
    if has_client:
        named["client_id"] = client_id_of(getattr(view, "client_hi"), getattr(view, "client_lo"))  # noqa: B009
    return named


def client_id_of(hi: int, lo: int) -> int | str | None:
    """The client id of two halves: a number where it fits one of 63 bits, hex digits where not, None where there is none."""
    if hi == 0 and lo >= 0:
        return lo or None
    return f"{((hi & (1 << 64) - 1) << 64) | (lo & (1 << 64) - 1):#x}"
