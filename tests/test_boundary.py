"""What the outside sees of the core: its public names, who may send a command, who is told of an event."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest
from msgspec.structs import astuple

from perplab.exchange import codes, events, messages, units
from perplab.exchange.codes import FIRST_USER, SystemAccount
from perplab.exchange.messages import (
    AUTHORITY,
    COMMANDS,
    ONLY_NAMED,
    REFUSAL_COLUMNS,
    AccountId,
    BlockTrade,
    Cancel,
    Command,
    Deposit,
    Event,
    Place,
    Rejected,
    Role,
    Tick,
    Transfer,
    UpdateOracle,
    audience,
    authority,
    column_of,
    columns_of,
    command_row,
)
from perplab.exchange.state import types

ROOT = Path(__file__).resolve().parent.parent

# -- names --


@pytest.mark.parametrize("name", ["messages", "events", "codes"])
def test_the_public_module_has_all_of_its_schema_module(name: str) -> None:
    public, schema = import_module(f"perplab.exchange.{name}"), import_module(f"perplab.exchange.schema.{name}")
    told = {key: value for key, value in vars(schema).items() if not key.startswith("_")}
    assert told == {key: vars(public)[key] for key in told}
    assert all(vars(public)[key] is value for key, value in told.items())


def test_messages_has_every_command_event_and_code() -> None:
    assert all(getattr(messages, command.__name__) is command for command in COMMANDS)
    assert all(getattr(messages, event.__name__) is event is getattr(events, event.__name__) for event in events.EVENTS)
    enums = [one for one in vars(codes).values() if isinstance(one, type) and issubclass(one, codes.IntEnum)]
    assert len(enums) > 10 and all(getattr(messages, enum.__name__) is enum for enum in enums)


def test_system_accounts_are_the_core_s() -> None:
    names = {"INSURANCE_FUND": "INSURANCE"}  # where types.py has another one
    for account in SystemAccount:
        assert account == getattr(types, names.get(account.name, account.name))
    assert max(SystemAccount) < FIRST_USER == types.FIRST_USER


def test_limits_and_units_are_the_core_s() -> None:
    limits = {name: value for name, value in vars(messages).items() if name == "ROW" or name.startswith("MAX_")}
    assert len(limits) == 13
    assert limits == {name: int(getattr(types, name)) for name in limits}
    assert (units.PPM, units.PPB, units.PPT, units.SECOND_NS) == (types.PPM, types.PPB, types.PPT, types.SECOND)
    assert units.BP * units.BP_PER_ONE == 1


def test_columns_are_where_the_fields_are() -> None:
    row = command_row(Place(1, 8, 0, 1, 99, 5, client_hi=-3))
    told = {name: row[column] for name, column in columns_of(Place).items()}
    assert told == dict(zip(Place.__struct_fields__, astuple(Place(1, 8, 0, 1, 99, 5, client_hi=-3)), strict=True))
    assert row[messages.KIND_COLUMN] == Place.KIND and row[messages.TS_COLUMN] == 1
    assert (column_of(Event, "seq"), column_of(Event, "ts")) == (1, 2)
    with pytest.raises(KeyError):
        column_of(Place, "colour")


def test_no_bare_columns_outside_the_core() -> None:
    """Columns of packed rows are asked for by name: no integer literal stands for one in `rows[:, 3]`."""
    problems = []
    for path in sorted(path for folder in ("lab", "clients", "benchmarks", "oracle") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2):
                continue
            of = ast.unparse(node.value).split(".")[-1]
            if of in ("rows", "events", "packed", "exogenous", "opening") and isinstance(node.slice.elts[1], ast.Constant):
                problems.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert problems == []


# -- who may send a command --


def test_every_command_has_an_authority() -> None:
    assert list(AUTHORITY) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_account_of_a_command_authorises_or_is_only_named(command: type[Command]) -> None:
    hints = get_type_hints(command, include_extras=True)
    accounts = [name for name in command.__struct_fields__ if hints[name] == AccountId]
    asked = AUTHORITY[command]
    authorising = [] if isinstance(asked, Role) else list(asked)
    assert sorted([*authorising, *ONLY_NAMED.get(command, ())]) == sorted(accounts)
    assert isinstance(asked, Role) or asked, "somebody must be asked"


def test_authority_of_a_row() -> None:
    assert authority(command_row(Place(1, 9, 0, 1, 99, 5))) == [9]
    assert authority(command_row(Cancel(1, 11, 3))) == [11]
    assert authority(command_row(Transfer(1, 9, 10, 0, 5))) == [9]
    assert authority(command_row(Deposit(1, 9, 0, 5))) is authority(command_row(BlockTrade(1, 8, 9, 0, 1, 1))) is Role.OPERATOR
    assert authority(command_row(UpdateOracle(1, 0, 5))) is Role.PRICE_FEED
    assert authority(command_row(Tick(1))) is Role.CLOCK


# -- who is told --


def refusal(command: type[Command], account: int) -> list[int]:
    row = [Rejected.KIND, *astuple(Rejected(1, 5, command.KIND, account, 0, 2, 0, 0))]
    return row + [0] * (messages.ROW - len(row))


def test_a_refusal_that_names_no_account_is_the_venue_s_own_business() -> None:
    assert audience(refusal(UpdateOracle, -1)) == []
    assert audience(refusal(Place, 9)) == [9]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_who_may_send_a_command_hears_of_its_refusal(command: type[Command]) -> None:
    """A refusal names the account that asked, or none if a role did and no account is concerned."""
    named, asked = REFUSAL_COLUMNS[command.KIND][0], AUTHORITY[command]
    if isinstance(asked, Role):
        assert named == -1 or command in ONLY_NAMED
    else:
        assert [named] == [column_of(command, name) for name in asked]
