"""What the structs of answers.py are put together of: codes by name, views and events as the wire has them, the base of all replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_args, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import fields

from .. import events as e
from ..schema import views as v
from ..schema.codes import AccountMode, CancelReason, Coded, MarketStatus, OrderState, Reason, Side, enums_of
from .people import SCOPES
from .requests import RequestId

Level = Annotated[list[int], Meta(min_length=2, max_length=2, description="price [ticks], size [lots]")]
Best = Level | None
ClientId = int | str | None
if TYPE_CHECKING:  # names of codes, which no checker can know
    Scope: TypeAlias = str
    State: TypeAlias = str
    Mode: TypeAlias = str
    Status: TypeAlias = str
    TakerSide: TypeAlias = str
    RefusalName: TypeAlias = str
    CauseName: TypeAlias = str
else:
    Scope = Literal[SCOPES]
    State, Status, TakerSide, RefusalName, CauseName, Mode = (
        Literal[tuple(one.name for one in code)] for code in (OrderState, MarketStatus, Side, Reason, CancelReason, AccountMode)
    )
Things = list[dict[str, Any]]


class Said(Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all."""


def named(struct: type[Coded], tag: str | None = None) -> Any:
    """An event or a view as the wire has it: codes by name, the halves of a client id as one field."""
    coded = enums_of(struct)
    kinds: list[tuple[str, Any]] = []
    for field in fields(struct):
        if field.name == "client_hi":
            kinds.append(("client_id", ClientId))
        elif field.name != "client_lo":
            kinds.append((field.name, names_of(struct, field.name) if field.name in coded else field.type))
    by = {"tag_field": "type", "tag": tag} if tag else {}
    made = msgspec.defstruct(struct.__name__, kinds, bases=(Said,), kw_only=True, module=__name__, **by)  # type: ignore[arg-type]
    made.__doc__ = vars(struct).get("__doc__")
    return made


def names_of(struct: type[Coded], name: str) -> Any:
    """What a code is told as: its name; or 0 where the field has no bounds, since there may be none."""
    marks = get_args(get_type_hints(struct, include_extras=True)[name])[1:]
    names = tuple(one.name for one in enums_of(struct)[name])
    return Literal[names] if any(isinstance(mark, Meta) for mark in marks) else Literal[(*names, 0)]


def joined(name: str, *parts: type[Said]) -> Any:
    """A struct with the fields of several."""
    kinds: dict[str, Any] = {}
    for part in parts:
        hints = get_type_hints(part, include_extras=True)
        for field in fields(part):
            kinds[field.name] = (field.name, hints[field.name]) if field.required else (field.name, hints[field.name], field.default)
    return msgspec.defstruct(name, kinds.values(), bases=(Said,), kw_only=True, module=__name__)


EVENT: Final = {event: named(event, event.__name__) for event in e.EVENTS}
if TYPE_CHECKING:
    OpenOrder: TypeAlias = Said
    Auction: TypeAlias = Said
    PlainPosition: TypeAlias = Said
    Liquidity: TypeAlias = Said
    PlainPool: TypeAlias = Said
    PlainWaiting: TypeAlias = Said
    PlainPreview: TypeAlias = Said
    Maintenance: TypeAlias = Said
    OpenTrigger: TypeAlias = Said
    OpenTwap: TypeAlias = Said
    OpenAlert: TypeAlias = Said
    RequirementLine: TypeAlias = Said
    PlainPayment: TypeAlias = Said
else:
    OpenOrder, Auction, PlainPosition, Liquidity = named(v.OpenOrder), named(v.Auction), named(v.Position), named(v.Liquidity)
    PlainPool, PlainWaiting, PlainPreview = named(v.PoolView), named(v.Waiting), named(v.Preview)
    Maintenance, OpenTrigger, OpenTwap = named(v.MaintenanceWindow), named(v.OpenTrigger), named(v.OpenTwap)
    OpenAlert, RequirementLine, PlainPayment = named(v.OpenAlert), named(v.RequirementLine), named(v.OpenPayment)

class Reply(Said, kw_only=True):
    """Base of what answers a request that was carried out."""

    id: RequestId
    ok: bool
    tokens: int  # commands that may be sent now
    again: bool | UnsetType = UNSET  # a named session was asked this before


class Failure(Said, kw_only=True):
    """A request that was not carried out, or the end of a connection."""

    id: RequestId | UnsetType = UNSET  # missing in a batch
    ok: bool
    code: int
    reason: str
    message: str
    data: dict[str, Any]
    seq: int | UnsetType = UNSET  # of what the venue itself refused
    tokens: int | UnsetType = UNSET
    again: bool | UnsetType = UNSET


class AsOf(Said, kw_only=True):
    ts: int
