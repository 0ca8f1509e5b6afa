"""The form of an action that the live venue hashes. It parses what was sent and writes it again: the keys in its own order, numbers without
trailing zeros, addresses and client ids in lower case, nothing that is null or a flag that is false, no key that it does not know. Who
signs anything else is somebody else there, and so here.

Sources: the SDK's constructors and nktkas' schemas (order of keys); docs, signing (order, zeros, letters); hyperliquid-python-sdk #103
(addresses), nktkas #1 (zeros), JKorf/HyperLiquid.Net #85 (client ids). What these do not tell of is hashed as it was sent.

What it cannot parse it does not look into any further: `lacking` names a field that has to be there and is not, or is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from .signing import FIELDS, Action

Change = Callable[[Any], Any]
SAME: Final = None  # a value is hashed as it was sent
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


class Shape(NamedTuple):
    """What a map has to have in it."""

    fields: dict[str, Change | None]
    optional: frozenset[str]  # those that may be left out, or null


SHAPES: Final[dict[Change, Shape]] = {}  # of forms of maps
ITEMS: Final[dict[Change, Change]] = {}  # of forms of lists: that of their items


def lacking(action: Action) -> str:
    """Which field of an action has to be there and is not, or is null; "": none is known to. Other mistakes are not looked for."""
    kind = action["type"]
    if kind in FIELDS:
        nulls = [name for name, _ in FIELDS[kind][1] if name in action and action[name] is None and name != "agentName"]
        return f"{nulls[0]} may not be null" if nulls else ""
    form = FORMS.get(kind)
    return "" if form is None else _lacking(form, action, "")


def _lacking(form: Change | None, given: Any, path: str) -> str:
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


def _map(*optional: str, **fields: Change | None) -> Change:
    """A map of these keys, in this order. None: the value stays as it is. `optional`: keys that need not be there; flags never need to."""
    named, names = tuple(fields.items()), tuple(fields)
    is_plain = not any(fields.values())

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


def _list(of: Change) -> Change:
    def form(given: Any) -> Any:
        return [of(one) for one in given] if isinstance(given, list) else given

    ITEMS[form] = of
    return form


def _action(*optional: str, **fields: Change | None) -> Change:
    return _map(*optional, type=SAME, **fields)


_TRIGGER: Final = _map(isMarket=SAME, triggerPx=plain_number, tpsl=SAME)
_KIND: Final = _map("limit", "trigger", limit=_map(tif=SAME), trigger=_TRIGGER)
ANY_ORDER: Final = _map("c", a=SAME, b=SAME, p=plain_number, s=plain_number, r=SAME, t=_KIND, c=_hex)


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
    "order": _action("builder", orders=_list(_order), grouping=SAME, builder=_map(b=_hex, f=SAME)),
    "cancel": _action(cancels=_list(_map(a=SAME, o=SAME)), f=_flag),
    "cancelByCloid": _action(cancels=_list(_map(asset=SAME, cloid=_hex)), f=_flag),
    "modify": _action(oid=_hex, order=_order, a=_flag),
    "batchModify": _action(modifies=_list(_map(oid=_hex, order=_order, a=_flag)), a=_flag),
    "scheduleCancel": _action("time", time=SAME),
    "updateLeverage": _action(asset=SAME, isCross=SAME, leverage=SAME),
    "updateIsolatedMargin": _action(asset=SAME, isBuy=SAME, ntli=SAME),
    "twapOrder": _action("details", twap=_map(a=SAME, b=SAME, s=plain_number, r=SAME, m=SAME, t=SAME), details=SAME),
    "twapCancel": _action(a=SAME, t=SAME),
    "createSubAccount": _action(name=SAME),
    "subAccountTransfer": _action(subAccountUser=_hex, isDeposit=SAME, usd=SAME),
    "subAccountSpotTransfer": _action(subAccountUser=_hex, isDeposit=SAME, token=SAME, amount=SAME),
    "setReferrer": _action(code=SAME),
    "noop": _action(),
    "reserveRequestWeight": _action("destination", weight=SAME, destination=_hex),
    "agentSetAbstraction": _action(abstraction=SAME),
}
