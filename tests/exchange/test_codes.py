"""The numbers of codes, commands and events, and the columns of packed commands: what people read, what the core computes with and what is
written down are the same."""

from __future__ import annotations

from typing import get_args, get_type_hints

import case_files
import pytest
from case_commands import COMMANDS
from kit import markets_of
from msgspec.structs import fields

from perplab.exchange import Exchange, codes
from perplab.exchange import messages as m
from perplab.exchange.design.structs import Market, OracleView
from perplab.exchange.events import EVENT_OF, EVENTS
from perplab.exchange.messages import column_of
from perplab.exchange.schema import columns, kinds

CODE_PREFIXES = {
    "R_": codes.Reason,
    "X_": codes.CancelReason,
    "PAID_": codes.Payer,
    "BY_": codes.Method,
    "END_": codes.Outcome,
    "ORDER_": codes.OrderState,
    "FUNDING_": codes.FundingMode,
    "LINE_": codes.RequirementKind,
    "TRIGGER_": codes.TriggerKind,
    "SOURCE_": codes.PriceSource,
    "LADDER_": codes.Spacing,
    "MODE_": codes.AccountMode,
}
PLAIN_CODES = {  # an enum for people -> its names in kinds.py, where these differ; they have no prefix there
    codes.Side: {},
    codes.OrderType: {"LIMIT": "LIMIT_ORDER", "MARKET": "MARKET_ORDER"},
    codes.TimeInForce: {},
    codes.SelfTrade: {rule.name: f"STP_{rule.name}" for rule in codes.SelfTrade},
    codes.MarginMode: {},
    codes.AccountKind: {},
    codes.MarketStatus: {"POST_ONLY": "POST_ONLY_MODE", "REDUCE_ONLY": "REDUCE_ONLY_MODE"},
}
KEYS = {"on_stale": OracleView, "payoff": Market}  # keys of a design whose values are constants of kinds.py, numbered in order


def constants(prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): int(value) for name, value in vars(kinds).items() if name.startswith(prefix)}


def plain_names(enum: type[codes.IntEnum]) -> dict[str, int]:
    """The names in kinds.py of an enum without a prefix."""
    return {PLAIN_CODES[enum].get(code.name, code.name): int(code) for code in enum}


def values_of(key: str) -> dict[str, int]:
    """The names in kinds.py of what a key of a design may say."""
    return {value.upper(): number for number, value in enumerate(get_args(get_type_hints(KEYS[key])[key]))}


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


@pytest.mark.parametrize("enum", PLAIN_CODES, ids=lambda enum: enum.__name__)
def test_constants_without_a_prefix_are_the_codes(enum: type[codes.IntEnum]) -> None:
    expected = plain_names(enum)
    assert {name: int(getattr(kinds, name)) for name in expected} == expected


@pytest.mark.parametrize("key", KEYS)
def test_constants_are_what_a_design_says(key: str) -> None:
    """As they come into the record of a market."""
    expected = values_of(key)
    assert {name: int(getattr(kinds, name)) for name in expected} == expected
    for name, number in expected.items():
        terms = {"oracle": {"stale_after_ms": 1, key: name.lower()}} if KEYS[key] is OracleView else {key: name.lower()}
        assert getattr(Exchange(markets_of(terms)).state.markets[0], key) == number


def test_every_constant_of_kinds_is_compared() -> None:
    told = [name for name in vars(kinds) if name.isupper()]
    with_prefix = [f"{prefix}{name}" for prefix in [*CODE_PREFIXES, "C_", "E_"] for name in constants(prefix)]
    plain = [name for enum in PLAIN_CODES for name in plain_names(enum)]
    assert sorted(told) == sorted([*with_prefix, *plain, *(name for key in KEYS for name in values_of(key))])


CODE_TYPES = {name.removesuffix("Code"): getattr(codes, name) for name in vars(codes) if name.endswith("Code")}


@pytest.mark.parametrize("name", CODE_TYPES)
def test_the_type_of_a_field_lets_in_the_codes_of_its_enum(name: str) -> None:
    """SideCode has the bounds of Side, and so on; no command opens a system account."""
    _, bounds, enum = get_args(CODE_TYPES[name])
    numbers = [int(code) for code in enum if code is not codes.AccountKind.SYSTEM]
    assert (bounds.ge, bounds.le) == (min(numbers), max(numbers)) and len(numbers) == bounds.le - bounds.ge + 1


def test_every_verb_of_the_text_cases_is_in_their_manual() -> None:
    assert case_files.__doc__ and {verb for verb in COMMANDS if f" {verb} " not in case_files.__doc__} <= {"tick"}


def test_all_enums_are_compared() -> None:
    enums = {one for one in vars(codes).values() if isinstance(one, type) and issubclass(one, codes.IntEnum) and one is not codes.IntEnum}
    elsewhere = {codes.CommandKind, codes.SystemAccount}  # with the structs in test_events.py; in tests/test_boundary.py
    assert enums == {*CODE_PREFIXES.values(), *PLAIN_CODES} | elsewhere


# -- columns of packed commands --

COLUMNS: dict[type[m.Command], tuple[str, dict[str, str]]] = {  # the prefix in columns.py, and names of fields where these differ
    m.OpenAccount: ("OPEN_ACCOUNT_", {"account_kind": "KIND"}),
    m.Deposit: ("PAYMENT_", {}),
    m.Withdraw: ("PAYMENT_", {}),
    m.Transfer: ("TRANSFER_", {}),
    m.Place: ("PLACE_", {}),
    m.Amend: ("AMEND_", {}),
    m.Cancel: ("CANCEL_", {}),
    m.CancelClient: ("CANCEL_CLIENT_", {"client_hi": "HI", "client_lo": "LO"}),
    m.CancelAll: ("CANCEL_ALL_", {}),
    m.CancelAllAfter: ("CANCEL_AFTER_", {}),
    m.SetLeverage: ("SETTING_", {"leverage": "VALUE"}),
    m.SetMarginMode: ("SETTING_", {"mode": "VALUE"}),
    m.MoveIsolatedMargin: ("SETTING_", {"amount": "VALUE"}),
    m.BlockTrade: ("BLOCK_", {}),
    m.UpdateOracle: ("ORACLE_", {}),
    m.TakeAuction: ("AUCTION_", {"auction": "NUMBER"}),
    m.SetMarketStatus: ("STATUS_", {}),
    m.Tick: ("", {}),
    m.Debit: ("DEBIT_", {}),
    m.SetFunding: ("FUNDING_", {}),
    m.AddLiquidity: ("ADD_LIQUIDITY_", {}),
    m.RemoveLiquidity: ("REMOVE_LIQUIDITY_", {"range_id": "RANGE"}),
    m.SetGas: ("GAS_", {}),
    m.PlaceTrigger: ("TRIGGER_", {}),
    m.PlaceLadder: ("LADDER_", {}),
    m.PlaceTwap: ("TWAP_", {}),
    m.SetAccountMode: ("ACCOUNT_MODE_", {}),
    m.SetMarginAlert: ("MARGIN_ALERT_", {}),
    m.OpenSubAccount: ("OPEN_SUB_ACCOUNT_", {}),
    m.LinkOco: ("OCO_", {}),
    m.PlaceBracket: ("BRACKET_", {}),
    m.MassQuote: ("MASS_QUOTE_", {}),
    m.SetQuoteProtection: ("PROTECTION_", {}),
    m.ScheduleMaintenance: ("MAINTENANCE_", {}),
    m.CancelMaintenance: ("CANCEL_MAINTENANCE_", {}),
}


def column_names(command: type[m.Command]) -> dict[str, str]:
    """Name in columns.py -> field, of all fields but `ts`, which is where it is in every command."""
    prefix, names = COLUMNS[command]
    return {prefix + names.get(field.name, field.name.upper()): field.name for field in fields(command) if field.name != "ts"}


@pytest.mark.parametrize("command", m.COMMANDS, ids=lambda command: command.__name__)
def test_columns_are_the_fields_of_the_commands(command: type[m.Command]) -> None:
    """Each field of a command lies in the column that is named after it, also in a row that was packed."""
    names = column_names(command)
    assert {name: int(getattr(columns, name)) for name in names} == {name: column_of(command, field) for name, field in names.items()}
    values = range(101, 101 + len(fields(command)))
    row = m.command_row(command(*values))
    assert (row[columns.KIND], row[columns.TS]) == (command.KIND, values[0])
    assert [row[getattr(columns, name)] for name in names] == list(values[1:])


def test_every_column_is_compared() -> None:
    told = {name for name in vars(columns) if name.isupper()}
    assert told == {"KIND", "TS"}.union(*(column_names(command) for command in m.COMMANDS))
