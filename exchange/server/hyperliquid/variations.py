"""Actions as clients get them wrong before they are hashed: other keys, other numbers, in another order. diagnosis.py tries them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any, Final

from .signing import HEX, keccak

ORDER_KEYS: Final = frozenset("abpsrt")  # of one without a client id
NUMBERED: Final = "numbers were signed, and the venue hashes texts"
NUMBERS: Final = ("p", "s", "triggerPx")
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


def _as_floats(one: Map) -> Map:
    return _as_numbers(one, dict.fromkeys(NUMBERS, float))


def _number(text: str) -> int | float:
    """As JSON of JavaScript, and so its msgpack, writes it: whole ones without a point."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _as_numbers(one: Map, how: Mapping[str, Callable[[str], float]]) -> Map:
    """A map with some of its texts as numbers."""
    try:
        return {key: how[key](value) if key in how and isinstance(value, str) else value for key, value in one.items()}
    except ValueError:
        return one


def _as_texts_of_floats(one: Map) -> Map:
    floats = _as_floats(one)
    return {key: str(value) if key in NUMBERS and isinstance(value, float) else value for key, value in floats.items()}


def _large_as_floats(one: Map) -> Map:
    return {key: float(value) if type(value) is int and value >= 1 << 32 else value for key, value in one.items()}


def _with_null_cloid(one: Map) -> Map:
    return {**one, "c": None} if one.keys() == ORDER_KEYS else one


def _with_null_builder(one: Map) -> Map:
    return {**one, "builder": None} if one.get("type") == "order" and "builder" not in one else one


def is_hex(value: object) -> bool:
    return isinstance(value, str) and len(value) in (34, 42) and value[:2] in ("0x", "0X") and HEX.issuperset(value[2:])


def lowered(one: Map) -> Map:
    return {key: value.lower() if is_hex(value) else value for key, value in one.items()}


def _raised(one: Map) -> Map:
    return {key: f"0x{value[2:].upper()}" if is_hex(value) else value for key, value in one.items()}


def checksummed(one: Map) -> Map:
    return {key: checksum(value) if is_hex(value) and len(value) == 42 else value for key, value in one.items()}


def checksum(address: str) -> str:
    """EIP-55."""
    digits = address[2:].lower()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks))


def departures(sent: object, form: object, at: str = "") -> Iterator[str]:
    """In which ways something that was sent is not what the venue hashes of it."""
    if isinstance(sent, Mapping) and isinstance(form, Mapping):
        common = [key for key in sent if key in form]
        if common != list(form):
            yield f"the keys {', '.join(form)} came in the order {', '.join(common)}"
        for key, value in sent.items():
            if key in form:
                yield from departures(value, form[key], key)
            elif value is None or value is False:
                yield f"{key} was {'null' if value is None else 'false'} and not left out"
            else:
                yield f"there was a key {key[:40]!r}, which it does not know"
    elif isinstance(sent, list) and isinstance(form, list):
        for one, other in zip(sent, form, strict=True):
            yield from departures(one, other, at)
    elif sent != form:
        yield f"{at} was {str(sent)[:80]!r} and not {str(form)[:80]!r}"


def _all(change: Callable[[Map], Map]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda action: mapped(action, change)


def _numbers() -> Iterator[tuple[str, Callable[[Mapping[str, Any]], Any]]]:
    """Each of p, s and triggerPx as it should be, as a float, or as an integer where it is whole; not all as they should be."""
    for ways in product((None, float, _number), repeat=len(NUMBERS)):
        how = {name: way for name, way in zip(NUMBERS, ways) if way is not None}
        if how:
            yield f"{NUMBERED}: {', '.join(how)}", _all(partial(_as_numbers, how=how))


CHANGES: Final[tuple[tuple[str, Callable[[Mapping[str, Any]], Any]], ...]] = (
    ("the signed numbers are texts of floats, such as 1800.0 or 1e-05; the venue hashes 1800 and 0.00001", _all(_as_texts_of_floats)),
    (f"{NUMBERED}: {', '.join(NUMBERS)}", _all(partial(_as_numbers, how=dict.fromkeys(NUMBERS, float)))),
    (f"{NUMBERED}: {', '.join(NUMBERS)}", _all(partial(_as_numbers, how=dict.fromkeys(NUMBERS, _number)))),
    ("the keys were signed in alphabetical order", _all(lambda one: dict(sorted(one.items())))),
    ("each order was signed with c: null; the venue hashes nothing that is null", _all(_with_null_cloid)),
    ("it was signed with builder: null; the venue hashes nothing that is null", _all(_with_null_builder)),
    ("the signed addresses have the upper-case letters of a checksum; the venue hashes them in lower case", _all(checksummed)),
    ("the signed addresses or cloids are in upper case; the venue hashes them in lower case", _all(_raised)),
    ("whole numbers from 2^32 on were signed as floats, as some msgpack of JavaScript does", _all(_large_as_floats)),
)
SOME_NUMBERS: Final = tuple(_numbers())  # of these there are many: for small actions alone, and before the others, since they say more
