"""The numbers of codes, commands and events: what people read, what the core computes with and what is written down are the same."""

from __future__ import annotations

import pytest

from perplab.exchange import codes
from perplab.exchange import messages as m
from perplab.exchange.events import EVENT_OF, EVENTS
from perplab.exchange.schema import kinds
from perplab.exchange.state import types

CODE_PREFIXES = {
    "R_": codes.Reason,
    "X_": codes.CancelReason,
    "PAID_": codes.Payer,
    "BY_": codes.Method,
    "END_": codes.Outcome,
    "ORDER_": codes.OrderState,
}
IN_TYPES = {  # an enum for people -> its names in types.py, where these differ
    codes.Side: {},
    codes.OrderType: {},
    codes.TimeInForce: {},
    codes.SelfTrade: {"CANCEL_MAKER": "STP_CANCEL_MAKER", "NONE": "STP_NONE"},
    codes.MarginMode: {},
    codes.AccountKind: {},
    codes.MarketStatus: {"POST_ONLY": "POST_ONLY_MODE", "REDUCE_ONLY": "REDUCE_ONLY_MODE"},
}


def constants(prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): int(value) for name, value in vars(kinds).items() if name.startswith(prefix)}


def snake(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name).strip("_").upper()


@pytest.mark.parametrize("prefix", CODE_PREFIXES)
def test_constants_are_the_codes(prefix: str) -> None:
    """Every code has its constant in kinds.py with the same name and number, and no constant is without a code."""
    assert constants(prefix) == {code.name: int(code) for code in CODE_PREFIXES[prefix]}


def test_constants_are_the_messages() -> None:
    assert constants("C_") == {snake(command.__name__): command.KIND for command in m.COMMANDS}
    assert constants("E_") == {snake(event.__name__): event.KIND for event in EVENTS}
    assert len(EVENT_OF) == len(EVENTS) and len(m.COMMAND_OF) == len(m.COMMANDS)


def test_every_constant_of_kinds_is_compared() -> None:
    told = [name for name in vars(kinds) if name.isupper()]
    assert sorted(told) == sorted(f"{prefix}{name}" for prefix in [*CODE_PREFIXES, "C_", "E_"] for name in constants(prefix))


@pytest.mark.parametrize("enum", IN_TYPES, ids=lambda enum: enum.__name__)
def test_constants_of_types_are_the_codes(enum: type[codes.IntEnum]) -> None:
    names = IN_TYPES[enum]
    assert {code.name: int(getattr(types, names.get(code.name, code.name))) for code in enum} == {code.name: int(code) for code in enum}


def test_all_enums_are_compared() -> None:
    enums = {one for one in vars(codes).values() if isinstance(one, type) and issubclass(one, codes.IntEnum) and one is not codes.IntEnum}
    assert enums == {*CODE_PREFIXES.values(), *IN_TYPES, codes.CommandKind}  # the last with the structs, in test_events.py
