"""Commands and who may send them: the schema of all that crosses the boundary of the venue (events: events.py, enums: codes.py).

The schema serves the typed API, the packed rows, the journal and later the wire. A message is a frozen struct of integers; its
packed form is one row of 16 int64:

    command  [kind, ts, fields in declared order, zeros]
    event    [kind, seq, ts, fields in declared order, zeros]

Bounds are part of the annotations, as is the enum of codes.py that a field holds a number of (`side: SideCode`). Bounds are checked
at the door, before the command's `ts` is applied. AUTHORITY says who may send a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Final, get_args, get_type_hints

from msgspec import Meta
from msgspec.structs import astuple, fields

from .audience import *  # noqa: F403
from .codes import *  # noqa: F403
from .commands_accounts import *  # noqa: F403
from .commands_accounts import (
    AddLiquidity,
    Deposit,
    MoveIsolatedMargin,
    OpenAccount,
    OpenSubAccount,
    RemoveLiquidity,
    SetAccountMode,
    SetLeverage,
    SetMarginAlert,
    SetMarginMode,
    TakeAuction,
    Transfer,
    Withdraw,
)
from .commands_algos import *  # noqa: F403
from .commands_algos import LinkOco, PlaceBracket, PlaceTrigger, PlaceTwap
from .commands_orders import *  # noqa: F403
from .commands_orders import Amend, Cancel, CancelAll, CancelAllAfter, CancelClient, MassQuote, Place, PlaceLadder, SetQuoteProtection
from .commands_venue import *  # noqa: F403
from .commands_venue import (
    BlockTrade,
    CancelMaintenance,
    Debit,
    ScheduleMaintenance,
    SetFunding,
    SetGas,
    SetMarketStatus,
    Tick,
    UpdateOracle,
)
from .events import *  # noqa: F403
from .events import Event
from .fields import *  # noqa: F403
from .fields import ROW, Command


class Role(Enum):
    """Who may send a command that is nobody's own business."""

    OPERATOR = "the venue's operator"
    PRICE_FEED = "the price feed"
    CLOCK = "whoever drives the venue's clock"


# Who may send a command: the owner of the accounts that these fields name, or a role. The core does not ask: whoever stands between
# it and the world does, before `apply`. A field that names an account either authorises here or is in ONLY_NAMED.
OF_OWNER: Final[tuple[str, ...]] = ("account",)
AUTHORITY: Final[dict[type[Command], tuple[str, ...] | Role]] = {
    OpenAccount: Role.OPERATOR,  # it says whose the account is to be, which only the shell that knows its users can
    Deposit: Role.OPERATOR,  # it makes money: only the venue knows what has come in
    Withdraw: OF_OWNER,
    Transfer: OF_OWNER,  # who receives it is not asked
    Place: OF_OWNER,
    Amend: OF_OWNER,
    Cancel: OF_OWNER,
    CancelClient: OF_OWNER,
    CancelAll: OF_OWNER,
    SetLeverage: OF_OWNER,
    SetMarginMode: OF_OWNER,
    MoveIsolatedMargin: OF_OWNER,
    BlockTrade: Role.OPERATOR,  # it moves money between two accounts at any price: not even both owners may agree on one
    UpdateOracle: Role.PRICE_FEED,
    TakeAuction: OF_OWNER,  # the bidder's
    SetMarketStatus: Role.OPERATOR,  # it stops or closes a market for all
    Tick: Role.CLOCK,
    CancelAllAfter: OF_OWNER,
    Debit: Role.OPERATOR,  # it takes what the owner would not give
    SetFunding: Role.OPERATOR,  # all who hold the market pay it
    AddLiquidity: OF_OWNER,
    RemoveLiquidity: OF_OWNER,
    SetGas: Role.OPERATOR,  # everybody pays it
    PlaceTrigger: OF_OWNER,
    PlaceLadder: OF_OWNER,
    PlaceTwap: OF_OWNER,
    SetAccountMode: OF_OWNER,
    SetMarginAlert: OF_OWNER,
    OpenSubAccount: OF_OWNER,
    LinkOco: OF_OWNER,
    PlaceBracket: OF_OWNER,
    MassQuote: OF_OWNER,
    SetQuoteProtection: OF_OWNER,
    ScheduleMaintenance: Role.OPERATOR,  # it stops a market for all
    CancelMaintenance: Role.OPERATOR,
}
ONLY_NAMED: Final[dict[type[Command], tuple[str, ...]]] = {
    Deposit: ("account",),
    Transfer: ("to",),
    BlockTrade: ("buyer", "seller"),
    Debit: ("account",),
}

COMMANDS: Final[tuple[type[Command], ...]] = tuple(sorted(Command.__subclasses__(), key=lambda command: command.KIND))
COMMAND_OF: Final[dict[int, type[Command]]] = {c.KIND: c for c in COMMANDS}
KIND_OF: Final[dict[type[Command], int]] = {c: c.KIND for c in COMMANDS}


def _bounds(command: type[Command]) -> tuple[tuple[str, int, int], ...]:
    hints = get_type_hints(command, include_extras=True)
    rows: list[tuple[str, int, int]] = []
    for field in fields(command):
        meta = next(m for m in get_args(hints[field.name]) if isinstance(m, Meta))
        assert isinstance(meta.ge, int) and isinstance(meta.le, int)
        rows.append((field.name, meta.ge, meta.le))
    return tuple(rows)


BOUNDS: Final[dict[int, tuple[tuple[str, int, int], ...]]] = {c.KIND: _bounds(c) for c in COMMANDS}


@cache  # bots ask before each command, and msgspec evaluates the types anew each time
def columns_of(message: type[Command] | type[Event]) -> Mapping[str, int]:
    """Where the fields of a command or event lie in its packed row. The kind is in KIND_COLUMN."""
    return {field.name: number for number, field in enumerate(fields(message), start=1)}


@cache
def column_of(message: type[Command] | type[Event], field: str) -> int:
    """Where one field lies in the packed row of a command or event. Raises KeyError."""
    return columns_of(message)[field]


# What a Rejected event names of a command: the columns of its account, market and client id; -1 where it has none.
_NAMED: Final = (("account", "buyer"), ("market",), ("client_hi",), ("client_lo",))


def _refusal_columns(command: type[Command]) -> tuple[int, ...]:
    place = columns_of(command)
    return tuple(next((place[name] for name in names if name in place), -1) for names in _NAMED)


REFUSAL_COLUMNS: Final[dict[int, tuple[int, ...]]] = {c.KIND: _refusal_columns(c) for c in COMMANDS}


KIND_COLUMN: Final = 0  # of commands and events
TS_COLUMN: Final = column_of(Command, "ts")  # of commands; that of events is column_of(Event, "ts")

_AUTHORITY_COLUMNS: Final[dict[int, tuple[int, ...] | Role]] = {
    command.KIND: asked if isinstance(asked, Role) else tuple(column_of(command, name) for name in asked)
    for command, asked in AUTHORITY.items()
}


def authority(row: list[int]) -> list[int] | Role:
    """Who may send a packed command: the owner of all these accounts, or a role."""
    asked = _AUTHORITY_COLUMNS[row[KIND_COLUMN]]
    return asked if isinstance(asked, Role) else [row[column] for column in asked]


class Malformed(ValueError):
    """A command that is refused at the door: nothing happened, not even its `ts`."""


class VenueBusy(RuntimeError):
    """A command came while the venue was at work on another, or asked as of another time: from a rule, a journal, or whatever else runs
    meanwhile. Nothing happened."""

    def __init__(self) -> None:
        super().__init__(
            "this venue is at work on a command, or asked a question, and takes no other command meanwhile, nor can it be copied; a rule, "
            "a journal or a __del__ that wants to send one does so when that is done"
        )


class VenueBroken(RuntimeError):
    """A command raised in the midst of its work, which only a fault can do: in a rule of one's own, or in the core."""

    def __init__(self) -> None:
        super().__init__(
            "a command was left half done by what it raised, so this venue can take no more; "
            "mend the rule that raised it, and replay the journal or restore a snapshot"
        )


def describe_malformed(row: list[int]) -> str:
    """Why `row` (16 integers) is no command."""
    bounds = BOUNDS.get(row[0])
    if bounds is None:
        return f"kind is {row[0]}; known kinds are 1 to {len(COMMANDS)}"
    name = COMMAND_OF[row[0]].__name__
    for column, (field, low, high) in enumerate(bounds, start=1):
        if not low <= row[column] <= high:
            return f"{name}.{field} is {row[column]}; expected {low} to {high}"
    return f"{name}: unused columns of its row must be 0, got {row[len(bounds) + 1 :]}"


def command_row(command: Command) -> list[int]:
    """The packed row of a command. Raises Malformed if a field is no integer or does not fit 64 bits."""
    row = [command.KIND, *astuple(command)]
    for value in row:
        if not isinstance(value, int):
            raise Malformed(f"{type(command).__name__}: {value!r} is not an integer")
        if not -(2**63) <= value < 2**63:
            told = f"{value} does" if value.bit_length() < 200 else f"an integer of {value.bit_length()} bits does"
            raise Malformed(f"{type(command).__name__}: {told} not fit 64 bits")
    return row + [0] * (ROW - len(row))


def command_of_row(row: list[int]) -> Command:
    """The typed command of a packed row. Raises Malformed."""
    bounds = BOUNDS.get(row[0])
    if bounds is None or any(row[len(bounds) + 1 :]):
        raise Malformed(describe_malformed(row))
    return COMMAND_OF[row[0]](*row[1 : len(bounds) + 1])
