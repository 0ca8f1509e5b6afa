"""The form of an action that the live venue hashes. It parses what was sent and writes it again: the keys in its own order, numbers without
trailing zeros, addresses and client ids in lower case, nothing that is null or a flag that is false, no key that it does not know. Who
signs anything else is somebody else there, and so here.

Sources: the SDK's constructors and nktkas' schemas (order of keys); docs, signing (order, zeros, letters); hyperliquid-python-sdk #103
(addresses), nktkas #1 (zeros), JKorf/HyperLiquid.Net #85 (client ids). What these do not tell of is hashed as it was sent.

What it cannot parse it does not look into any further: `lacking` names a field that has to be there and is not, or is null, and `misfit`
any field that is not what it has to be.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from .kinds import (
    A_CLOID,
    ADDRESS_OR_NONE,
    AN_ADDRESS,
    DETAILS,
    FLAG,
    GROUPING,
    NATURAL,
    OID_OR_CLOID,
    SHOWN,
    TEXT,
    WHOLE,
    Change,
    Kind,
    kind_of,
    one_of,
)
from .signing import FIELDS, Action

SAME: Final = None  # a value is hashed as it was sent, and may be anything
IS_PLAIN: Final = re.compile("(?:0|[1-9][0-9]*)(?:[.][0-9]*[1-9])?").fullmatch
DECIMAL: Final = re.compile("0*([0-9]+?)(?:[.]([0-9]*?)0*)?")
BARE_CLOID: Final = re.compile("[0-9a-fA-F]{32}")


def canonical(action: Action) -> Action:
    """What is hashed of an L1 action. What is no action in the first place is left as it is."""
    form = FORMS.get(action["type"])
    made: Action = action if form is None else form(action)
    return made


def plain_number(given: Any) -> Any:
    """A decimal text; signs and exponents are left as they are: no order has such a number."""
    if type(given) is not str or IS_PLAIN(given):
        return given
    found = DECIMAL.fullmatch(given)
    if found is None:
        return given
    whole, part = found.groups()
    return f"{whole}.{part}" if part else whole


def _hex(given: Any) -> Any:
    """An address, a client id, or an order id in the place of one."""
    if not isinstance(given, str):
        return given
    return f"0x{given.lower()}" if len(given) == 32 and BARE_CLOID.fullmatch(given) else given.lower()


def _flag(given: Any) -> Any:
    return None if given is False else given


Field = Change | Kind | None  # a form of a map or a list, or what a value has to be


class Shape(NamedTuple):
    """What a map has to have in it."""

    fields: dict[str, Field]
    optional: frozenset[str]  # those that may be left out, or null
    is_open: bool = False  # may there be other keys?
    is_choice: bool = False  # has it one of the keys alone?


SHAPES: Final[dict[Change, Shape]] = {}  # of forms of maps
ITEMS: Final[dict[Change, Change]] = {}  # of forms of lists: that of their items
USER_SIGNED: Final[dict[str, Kind]] = {  # what is not of the kind that its type has
    "destination": AN_ADDRESS, "agentAddress": AN_ADDRESS, "fromSubAccount": ADDRESS_OR_NONE,
}  # fmt: skip
OF_TYPES: Final = {"string": TEXT, "uint64": NATURAL, "bool": FLAG, "address": AN_ADDRESS}


def lacking(action: Action) -> str:
    """Which field of an action has to be there and is not, or is null; "": none is known to. Other mistakes are not looked for."""
    kind = action["type"]
    if kind in FIELDS:
        nulls = [name for name, _ in FIELDS[kind][1] if name in action and action[name] is None and name != "agentName"]
        return f"{nulls[0]} may not be null" if nulls else ""
    form = FORMS.get(kind)
    return "" if form is None else _lacking(form, action, "")


def _lacking(form: Field, given: Any, path: str) -> str:
    if form in ITEMS and isinstance(given, list):
        found = (_lacking(ITEMS[form], one, f"{path}[{at}]") for at, one in enumerate(given))
        return next(filter(None, found), "")
    if form not in SHAPES or not isinstance(given, dict):
        return ""
    shape = SHAPES[form]
    for name, inner in shape.fields.items():
        at = f"{path}.{name}" if path else name
        value = given.get(name)
        if value is not None:
            told = _lacking(inner, value, at)
        else:
            told = "" if name in shape.optional else f"{at} may not be null" if name in given else f"{at} is missing"
        if told:
            return told
    return ""


def misfit(action: Action) -> str:
    """Which field of an action is not what it has to be, and what it is: a clause. "": none is known to."""
    kind = action["type"]
    if kind not in FIELDS:
        form = FORMS.get(kind)
        return "" if form is None else lacking(action) or _misfit(form, action, "")
    for name, of in FIELDS[kind][1]:
        if name in action and not (name == "agentName" and action[name] is None):
            told = USER_SIGNED.get(name, OF_TYPES[of]).misfit(name, action[name])
            if told:
                return told
    missing = [name for name, _ in FIELDS[kind][1] if name not in action and name not in ("agentName", "hyperliquidChain")]
    return f"{missing[0]} is missing" if missing else ""


def _misfit(form: Field, given: Any, path: str) -> str:
    if isinstance(form, Kind):
        return form.misfit(path, given)
    if form in ITEMS:
        if not isinstance(given, list):
            return f"{path} is {kind_of(given)}, not a list"
        return next(filter(None, (_misfit(ITEMS[form], one, f"{path}[{at}]") for at, one in enumerate(given))), "")
    if form not in SHAPES:
        return ""
    if not isinstance(given, dict):
        return f"{path} is {kind_of(given)}, not a map"
    shape = SHAPES[form]
    unknown = [] if shape.is_open else [name for name in given if name not in shape.fields]
    if unknown:
        return f"{path} has {unknown[0][:SHOWN]!r} in it, which is none of its fields {', '.join(shape.fields)}"
    if shape.is_choice and len(given) != 1:
        return f"{path} has {len(given)} fields, not one of {', '.join(shape.fields)}"
    for name, inner in shape.fields.items():
        value = given.get(name)
        if value is not None:
            told = _misfit(inner, value, f"{path}.{name}" if path else name)
            if told:
                return told
        elif shape.is_choice and name in given:
            return f"{path}.{name} may not be null"
    return ""


def _map(*optional: str, **fields: Field) -> Change:
    """A map of these keys, in this order. None: the value stays as it is, and may be anything. `optional`: keys that need not be there;
    flags that are hashed only where they are true never need to."""
    named = tuple((name, one.change if isinstance(one, Kind) else one) for name, one in fields.items())
    names = tuple(fields)
    is_plain = not any(change for _, change in named)

    def form(given: Any) -> Any:
        if not isinstance(given, dict) or (is_plain and tuple(given) == names and None not in given.values()):
            return given
        made: dict[str, Any] = {}
        for name, change in named:
            value = given.get(name)
            if change is not None:
                value = change(value)
            if value is not None:
                made[name] = value
        return made

    flags = [name for name, change in named if change is _flag]
    SHAPES[form] = Shape(fields, frozenset((*optional, *flags)))
    return form


def _opened(form: Change) -> Change:
    SHAPES[form] = SHAPES[form]._replace(is_open=True)
    return form


def _choice(form: Change) -> Change:
    SHAPES[form] = SHAPES[form]._replace(is_choice=True)
    return form


def _list(of: Change) -> Change:
    def form(given: Any) -> Any:
        return [of(one) for one in given] if isinstance(given, list) else given

    ITEMS[form] = of
    return form


def _action(*optional: str, **fields: Field) -> Change:
    return _opened(_map(*optional, type=SAME, **fields))


NUMBER: Final = TEXT.hashed(plain_number)
HEX_CLOID, HEX_ADDRESS = A_CLOID.hashed(_hex), AN_ADDRESS.hashed(_hex)
HEX_OID: Final = OID_OR_CLOID.hashed(_hex)
ANY_HEX: Final = Kind(lambda value: True, "anything", _hex)
ONLY_TRUE: Final = Kind(lambda value: True, "anything", _flag)
_LIMIT: Final = _map(tif=one_of("Gtc", "Ioc", "Alo", "FrontendMarket"))
_TRIGGER: Final = _map(isMarket=FLAG, triggerPx=NUMBER, tpsl=one_of("tp", "sl"))
_KIND: Final = _choice(_map("limit", "trigger", limit=_LIMIT, trigger=_TRIGGER))
ANY_ORDER: Final = _map("c", a=WHOLE, b=FLAG, p=NUMBER, s=NUMBER, r=FLAG, t=_KIND, c=HEX_CLOID)
_TWAP: Final = _map(a=WHOLE, b=FLAG, s=NUMBER, r=FLAG, m=WHOLE, t=FLAG)


def _order(given: Any) -> Any:
    """The same as ANY_ORDER. Nearly all that is hashed are limit orders with all their keys: those take a third of the time so."""
    try:
        kind = given["t"]
        made = {"a": given["a"], "b": given["b"], "p": plain_number(given["p"]), "s": plain_number(given["s"]), "r": given["r"], "t": kind}
        if "c" in given:
            made["c"] = _hex(given["c"])
        is_usual = len(kind) == 1 and len(kind["limit"]) == 1 and kind["limit"]["tif"] is not None and None not in made.values()
    except (KeyError, TypeError):
        is_usual = False
    return made if is_usual else ANY_ORDER(given)


SHAPES[_order] = SHAPES[ANY_ORDER]
FORMS: Final[dict[str, Change]] = {
    "order": _action("builder", orders=_list(_order), grouping=GROUPING, builder=_map(b=ANY_HEX, f=SAME)),
    "cancel": _action(cancels=_list(_map(a=WHOLE, o=NATURAL)), f=ONLY_TRUE),
    "cancelByCloid": _action(cancels=_list(_map(asset=WHOLE, cloid=HEX_CLOID)), f=ONLY_TRUE),
    "modify": _action(oid=HEX_OID, order=_order, a=ONLY_TRUE),
    "batchModify": _action(modifies=_list(_opened(_map(oid=HEX_OID, order=_order, a=ONLY_TRUE))), a=ONLY_TRUE),
    "scheduleCancel": _action("time", time=WHOLE),
    "updateLeverage": _action(asset=WHOLE, isCross=FLAG, leverage=WHOLE),
    "updateIsolatedMargin": _action(asset=WHOLE, isBuy=FLAG, ntli=WHOLE),
    "twapOrder": _action("details", twap=_TWAP, details=DETAILS),
    "twapCancel": _action(a=WHOLE, t=NATURAL),
    "createSubAccount": _action(name=TEXT),
    "subAccountTransfer": _action(subAccountUser=HEX_ADDRESS, isDeposit=FLAG, usd=WHOLE),
    "subAccountSpotTransfer": _action(subAccountUser=HEX_ADDRESS, isDeposit=FLAG, token=TEXT, amount=TEXT),
    "setReferrer": _action(code=SAME),
    "noop": _action(),
    "reserveRequestWeight": _action("destination", weight=SAME, destination=ANY_HEX),
    "agentSetAbstraction": _action(abstraction=SAME),
}
