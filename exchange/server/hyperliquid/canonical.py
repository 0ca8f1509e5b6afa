"""The form of an action that the live venue hashes. It parses what was sent and writes it again: the keys in its own order, numbers without
trailing zeros, addresses and client ids in lower case, nothing that is null or a flag that is false, no key that it does not know. Who
signs anything else is somebody else there, and so here.

Sources: the SDK's constructors and nktkas' schemas (order of keys); docs, signing (order, zeros, letters); hyperliquid-python-sdk #103
(addresses), nktkas #1 (zeros), JKorf/HyperLiquid.Net #85 (client ids). What these do not tell of is hashed as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from .signing import Action

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


def _map(**fields: Change | None) -> Change:
    """A map of these keys, in this order. None: the value stays as it is."""
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

    return form


def _list(of: Change) -> Change:
    return lambda given: [of(one) for one in given] if isinstance(given, list) else given


def _action(**fields: Change | None) -> Change:
    return _map(type=SAME, **fields)


_TRIGGER: Final = _map(isMarket=SAME, triggerPx=plain_number, tpsl=SAME)
ANY_ORDER: Final = _map(
    a=SAME, b=SAME, p=plain_number, s=plain_number, r=SAME, t=_map(limit=_map(tif=SAME), trigger=_TRIGGER), c=_hex
)  # fmt: skip


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


FORMS: Final[dict[str, Change]] = {
    "order": _action(orders=_list(_order), grouping=SAME, builder=_map(b=_hex, f=SAME)),
    "cancel": _action(cancels=_list(_map(a=SAME, o=SAME)), f=_flag),
    "cancelByCloid": _action(cancels=_list(_map(asset=SAME, cloid=_hex)), f=_flag),
    "modify": _action(oid=_hex, order=_order, a=_flag),
    "batchModify": _action(modifies=_list(_map(oid=_hex, order=_order, a=_flag)), a=_flag),
    "scheduleCancel": _action(time=SAME),
    "updateLeverage": _action(asset=SAME, isCross=SAME, leverage=SAME),
    "updateIsolatedMargin": _action(asset=SAME, isBuy=SAME, ntli=SAME),
    "twapOrder": _action(twap=_map(a=SAME, b=SAME, s=plain_number, r=SAME, m=SAME, t=SAME), details=SAME),
    "twapCancel": _action(a=SAME, t=SAME),
    "createSubAccount": _action(name=SAME),
    "subAccountTransfer": _action(subAccountUser=_hex, isDeposit=SAME, usd=SAME),
    "subAccountSpotTransfer": _action(subAccountUser=_hex, isDeposit=SAME, token=SAME, amount=SAME),
    "setReferrer": _action(code=SAME),
    "noop": _action(),
    "reserveRequestWeight": _action(weight=SAME, destination=_hex),
    "agentSetAbstraction": _action(abstraction=SAME),
}
