"""Actions as clients get them wrong before they are hashed: other keys, other numbers, in another order. diagnosis.py tries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .signing import HEX, keccak

ORDER_KEYS: Final = ("a", "b", "p", "s", "r", "t", "c")
KEYS: Final[dict[str, tuple[str, ...]]] = {  # of actions, in the order in which the SDK signs them
    "order": ("type", "orders", "grouping", "builder"),
    "cancel": ("type", "cancels"),
    "cancelByCloid": ("type", "cancels"),
    "modify": ("type", "oid", "order"),
    "batchModify": ("type", "modifies"),
    "updateLeverage": ("type", "asset", "isCross", "leverage"),
    "updateIsolatedMargin": ("type", "asset", "isBuy", "ntli"),
    "scheduleCancel": ("type", "time"),
    "twapOrder": ("type", "twap"),
    "twapCancel": ("type", "a", "t"),
    "createSubAccount": ("type", "name"),
    "subAccountTransfer": ("type", "subAccountUser", "isDeposit", "usd"),
    "subAccountSpotTransfer": ("type", "subAccountUser", "isDeposit", "token", "amount"),
    "vaultTransfer": ("type", "vaultAddress", "isDeposit", "usd"),
    "setReferrer": ("type", "code"),
}
ITEM_KEYS: Final = (  # of the maps inside, known by their keys
    ORDER_KEYS, ("a", "o"), ("asset", "cloid"), ("oid", "order"), ("isMarket", "triggerPx", "tpsl"), ("a", "b", "s", "r", "m", "t"),
    ("b", "f"),
)  # fmt: skip
NUMBERS: Final = frozenset(("p", "s", "triggerPx"))
DEEPEST: Final = 12  # levels of an action; real ones have six
Map = dict[str, Any]


def is_deep(thing: object) -> bool:
    """Has it more levels than anything that is an action?"""
    level = [thing]
    for _ in range(DEEPEST):
        level = [inner for one in level if isinstance(one, Mapping | list) for inner in (one.values() if isinstance(one, Mapping) else one)]
    return bool(level)


def mapped(thing: Any, change: Callable[[Map], Map]) -> Any:
    """A tree with every map in it changed."""
    if isinstance(thing, Mapping):
        return change({key: mapped(value, change) for key, value in thing.items()})
    return [mapped(one, change) for one in thing] if isinstance(thing, list) else thing


def plain_number(number: str) -> str:
    """Without trailing zeros, as the SDK writes numbers."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def _zeros_gone(one: Map) -> Map:
    return {key: plain_number(value) if key in NUMBERS and isinstance(value, str) else value for key, value in one.items()}


def _as_floats(one: Map) -> Map:
    try:
        return {key: float(value) if key in NUMBERS and isinstance(value, str) else value for key, value in one.items()}
    except ValueError:
        return one


def _as_texts_of_floats(one: Map) -> Map:
    floats = _as_floats(one)
    return {key: str(value) if key in NUMBERS and isinstance(value, float) else value for key, value in floats.items()}


def _large_as_floats(one: Map) -> Map:
    return {key: float(value) if type(value) is int and value >= 1 << 32 else value for key, value in one.items()}


def _ordered(one: Map) -> Map:
    """In the order of the SDK."""
    named = KEYS.get(one["type"]) if isinstance(one.get("type"), str) else None
    order = named or next((names for names in ITEM_KEYS if set(one) <= set(names)), ())
    return {**{key: one[key] for key in order if key in one}, **one}


def _cleared(one: Map) -> Map:
    return {key: value for key, value in one.items() if value is not None and not (value is False and key in ("f", "a"))}


def _with_null_cloid(one: Map) -> Map:
    return {**one, "c": None} if set(one) == set(ORDER_KEYS) - {"c"} else one


def _with_null_builder(one: Map) -> Map:
    return {**one, "builder": None} if one.get("type") == "order" and "builder" not in one else one


def is_hex(value: object) -> bool:
    return isinstance(value, str) and len(value) in (34, 42) and value[:2] in ("0x", "0X") and HEX.issuperset(value[2:])


def lowered(one: Map) -> Map:
    return {key: value.lower() if is_hex(value) else value for key, value in one.items()}


def _checksummed(one: Map) -> Map:
    return {key: checksum(value) if is_hex(value) and len(value) == 42 else value for key, value in one.items()}


def checksum(address: str) -> str:
    """EIP-55."""
    digits = address[2:].lower()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks))


def _all(change: Callable[[Map], Map]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda action: mapped(action, change)


CHANGES: Final[tuple[tuple[str, Callable[[Mapping[str, Any]], Any]], ...]] = (
    ("the signed numbers have no trailing zeros, those that were sent have", _all(_zeros_gone)),
    ("the signed numbers are texts of floats, such as 1800.0 or 1e-05; those that were sent are not", _all(_as_texts_of_floats)),
    ("the signed numbers are floats, those that were sent are texts", _all(_as_floats)),
    ("the keys were signed in the SDK's order, and sent in another", _all(_ordered)),
    ("the keys were signed in alphabetical order, and sent in another", _all(lambda one: dict(sorted(one.items())))),
    ("it was signed without fields that were sent as null, or flags as false", _all(_cleared)),
    ("each order was signed with c: null, and sent without c", _all(_with_null_cloid)),
    ("it was signed with builder: null, and sent without builder", _all(_with_null_builder)),
    ("the signed addresses or cloids are in lower case, those that were sent are not", _all(lowered)),
    ("the signed addresses have the upper-case letters of a checksum, those that were sent have not", _all(_checksummed)),
    ("whole numbers from 2^32 on were signed as floats, as some msgpack of JavaScript does", _all(_large_as_floats)),
)
