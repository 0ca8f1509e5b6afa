"""What a field of an action has to be, and in words what it is instead: `orders[0].p is a number, not a text`. canonical.py has the shapes
of actions, whose fields are of these kinds.

Only requests that are refused are asked. Texts of theirs are told where there are few that they may be, and as their length otherwise: one
might be a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

Change = Callable[[Any], Any]
ADDRESS: Final = re.compile("0x[0-9a-fA-F]{40}").fullmatch
CLOID: Final = re.compile("0x[0-9a-fA-F]{32}").fullmatch
SHOWN: Final = 16  # characters of what a client has written


class Kind(NamedTuple):
    """`is_right`: of a value; `name`: what it has to be; `change`: how it is hashed, None: as it was sent."""

    is_right: Callable[[Any], bool]
    name: str
    change: Change | None = None
    shows: bool = False  # may a text that is wrong be told?

    def hashed(self, change: Change) -> Kind:
        return self._replace(change=change)

    def misfit(self, path: str, value: Any) -> str:
        """What is wrong with a value; "": nothing."""
        if self.is_right(value):
            return ""
        return f"{path} is {told(value) if self.shows else kind_of(value)}, not {self.name}"


def kind_of(value: Any) -> str:
    """What a value in JSON is, without what it says."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number below 0" if value < 0 else "a number"
    if isinstance(value, str):
        return "a text of 1 character" if len(value) == 1 else f"a text of {len(value)} characters"
    return "a list" if isinstance(value, list) else "a map"


def told(value: Any) -> str:
    """The same, with a text or a number that is short."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= SHOWN else kind_of(value)
    is_short = type(value) is int and abs(value) < 10**SHOWN
    return str(value) if is_short else kind_of(value)


def one_of(*texts: str) -> Kind:
    return Kind(lambda value: isinstance(value, str) and value in texts, f"one of {', '.join(texts)}", shows=True)


def _is_grouping(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"p"} and type(value["p"]) is int
    return isinstance(value, str) and value in ("na", "normalTpsl", "positionTpsl")


def _is_natural(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_cloid(value: Any) -> bool:
    return isinstance(value, str) and CLOID(value) is not None


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and ADDRESS(value) is not None


TEXT: Final = Kind(lambda value: isinstance(value, str), "a text")
FLAG: Final = Kind(lambda value: isinstance(value, bool), "true or false")
WHOLE: Final = Kind(lambda value: type(value) is int, "a whole number")
NATURAL: Final = Kind(_is_natural, "a whole number from 0 on")
AN_ADDRESS: Final = Kind(_is_address, "0x and 40 hex digits")
A_CLOID: Final = Kind(_is_cloid, "0x and 32 hex digits")
OID_OR_CLOID: Final = Kind(lambda value: _is_natural(value) or _is_cloid(value), "an order's number, or 0x and 32 hex digits")
ADDRESS_OR_NONE: Final = Kind(lambda value: value == "" or _is_address(value), 'an address, or ""')
GROUPING: Final = Kind(_is_grouping, 'one of na, normalTpsl, positionTpsl, or {"p": whole number}', shows=True)
DETAILS: Final = Kind(lambda value: isinstance(value, dict) and value.keys() <= {"t", "s"}, "a map of t and s")
